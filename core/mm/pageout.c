/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A page's bytes out of memory: anonymous pages into swap, dirty ones into their files. */
#include "mm/machine.h"
#include "mm/objects.h"
#include "mm/pageout.h"
#include "mm/pages.h"
#include "mm/policy.h"
#include "mm/swap.h"

/* A frame outside areas for a copy: past every mark, since it is what makes room. */
static bool alloc_copy(struct fh_machine *m, pfn_t *pfn)
{
	return !fh_alloc_pages(m, GFP_EVACUATE, 0, pfn);
}

/* Gives up a page that we have isolated. */
static void put_back(struct fh_machine *m, pfn_t pfn)
{
	struct fh_object *o = machine_frame(m, pfn)->owner;

	fh_lock(&o->lock);
	lru_putback(m, pfn);
	object_wake(o);
	fh_unlock(&o->lock); /* from here on *o may be gone */
}

/* Who waits for others' reclaim sees that it goes on. */
static void progress(struct fh_machine *m)
{
	atomic_fetch_add_explicit(&m->reclaim.done, 1, memory_order_release);
}

/* ---- anonymous pages ---- */

#define OUT_BATCH 16

/* Pages on their way out: of each the store that has its place in swap, and the frame that will hold its
 * bytes until they are written: its own, if that lies outside areas. */
struct out {
	struct fh_machine *m;
	unsigned int n;
	unsigned int store[OUT_BATCH];
	pfn_t pfn[OUT_BATCH], copy[OUT_BATCH];
};

/* Gets places, pages, and frames for those that lie in areas. */
static unsigned int out_begin(struct out *out, enum lru_where where, uint64_t want, uint64_t spare)
{
	struct fh_machine *m = out->m;
	unsigned int max = want < OUT_BATCH ? (unsigned int)want : OUT_BATCH;
	unsigned int places = swap_take(m, out->store, max, spare), got = 0;

	if (places)
		got = lru_isolate_aged(m, where, LRU_ANON, out->pfn, places);
	for (out->n = 0; out->n < got; out->n++) {
		out->copy[out->n] = out->pfn[out->n];
		if (where == LRU_INSIDE && !alloc_copy(m, &out->copy[out->n]))
			break;
	}
	for (unsigned int i = out->n; i < got; i++)
		put_back(m, out->pfn[i]);
	for (unsigned int i = out->n; i < places; i++)
		swap_cancel(m, out->store[i]);
	return got;
}

/* Pages [first, first + n) are neighbours in one object: they leave it in one step. */
static void out_run(const struct out *out, unsigned int first, unsigned int n)
{
	struct fh_machine *m = out->m;
	struct fh_object *o = machine_frame(m, out->pfn[first])->owner;
	uint64_t index = machine_frame(m, out->pfn[first])->index;

	fh_lock(&o->lock);
	mapping_zap(o, index, n);
	for (unsigned int i = first; i < first + n; i++, index++) {
		if (out->copy[i] != out->pfn[i])
			machine_copy(m, out->copy[i], out->pfn[i]);
		lru_forget(m, &out->pfn[i], 1);
		o->slot[index] = SLOT_SWAPPED | swap_put(m, out->store[i], out->copy[i]);
		o->nr_present--;
	}
	object_wake(o);
	fh_unlock(&o->lock); /* from here on *o may be gone */
	for (unsigned int i = first; i < first + n; i++)
		if (out->copy[i] != out->pfn[i])
			page_free(m, out->pfn[i], 0);
}

void pageout_anon(struct fh_machine *m, enum lru_where where, uint64_t want, struct pageout *res)
{
	struct out out = {.m = m};
	unsigned int run, got;

	if (swap_retry(m)) {
		progress(m);
		vm_count(m, VM_pgsteal_anon, 1);
		res->done++;
	}
	do {
		got = out_begin(&out, where, want, res->spare);
		for (unsigned int start = 0; start < out.n; start += run) {
			const struct fh_frame *f = machine_frame(m, out.pfn[start]), *g;

			for (run = 1; start + run < out.n; run++) {
				g = machine_frame(m, out.pfn[start + run]);
				if (g->owner != f->owner || g->index != f->index + run)
					break;
			}
			out_run(&out, start, run);
		}
		vm_count(m, VM_nr_vmscan_write, out.n);
		for (unsigned int i = 0; i < out.n; i++) {
			bool ok = swap_write(m, out.store[i]);

			progress(m);
			vm_count(m, VM_pgsteal_anon, ok);
			res->done += ok;
		}
		res->scanned += got;
		want -= out.n;
	} while (want && out.n);
}

/* ---- dirty pages of files ---- */

/* Turns the page, which we have isolated, into a clean one whose copy is to be written, back on its list.
 */
static bool write_begin(struct fh_object *o, pfn_t pfn, pfn_t copy)
{
	struct fh_machine *m = o->m;
	struct fh_frame *f = machine_frame(m, pfn);
	bool ok;

	fh_lock(&o->lock);
	ok = o->ops->write && !o->dying &&
	     (frame_flags(f) & FRAME_KEEP_MASK) == (FRAME_FILE | FRAME_DIRTY);
	if (ok) {
		/* Who writes from here on makes it dirty again. */
		mapping_protect(o, f->index, 1);
		machine_copy(m, copy, pfn);
		frame_flag_set(f, FRAME_WRITEBACK);
		lru_set_dirty(m, pfn, false);
		o->writes++;
	}
	lru_putback(m, pfn);
	object_wake(o);
	fh_unlock(&o->lock); /* unless ok, *o may be gone from here on */
	return ok;
}

static void write_end(struct fh_object *o, uint64_t index, int err)
{
	struct fh_machine *m = o->m;
	pfn_t pfn;

	fh_lock(&o->lock);
	/* It may be in another frame now, and held; it is there. */
	if (!object_slot(o, index, &pfn))
		machine_bug(m, "object page %llu: gone while it was written",
			    (unsigned long long)index);
	if (err)
		lru_set_dirty(m, pfn, true);
	lru_written(m, pfn);
	object_unhold(o, pfn);
	o->writes--;
	object_wake(o);
	fh_unlock(&o->lock); /* from here on *o may be gone */
}

void pageout_dirty(struct fh_machine *m, enum lru_where where, uint64_t want, struct pageout *res)
{
	pfn_t pfn, copy;

	/* One at a time: what is isolated must not wait for the write of another. */
	for (; want && lru_isolate_aged(m, where, LRU_DIRTY, &pfn, 1); want--) {
		struct fh_object *o = machine_frame(m, pfn)->owner;
		uint64_t index = machine_frame(m, pfn)->index;
		unsigned char *virt;
		int err = -FH_ENOMEM;
		bool begun;

		res->scanned++;
		if (!alloc_copy(m, &copy)) {
			put_back(m, pfn);
			break;
		}
		begun = write_begin(o, pfn, copy);
		if (begun) {
			virt = machine_virt(m, copy);
			err = virt ? o->ops->write(o->priv, index, virt) : 0;
			vm_count(m, VM_nr_vmscan_write, 1);
			write_end(o, index, err);
			progress(m);
		}
		page_free(m, copy, 0);
		res->done += !err;
	}
}
