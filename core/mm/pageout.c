/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A page's bytes out of memory: anonymous pages into swap, dirty ones into their files. */
#include "mm/machine.h"
#include "mm/objects.h"
#include "mm/pageout.h"
#include "mm/pages.h"
#include "mm/policy.h"
#include "mm/swap.h"
#include "mm/zpool.h"

/* A frame outside areas for a copy: past every mark, since it is what makes room. */
static bool alloc_copy(struct fh_machine *m, pfn_t *pfn)
{
	return !fh_alloc_pages(m, GFP_EVACUATE, 0, pfn);
}

/* Who waits for others' reclaim sees that it goes on. */
static void progress(struct fh_machine *m)
{
	atomic_fetch_add_explicit(&m->reclaim.done, 1, memory_order_release);
}

/* ---- anonymous pages: into the pool, into swap ---- */

#define OUT_BATCH 16

/* Pages on their way out: of each the frame that holds its bytes meanwhile: its own, if that lies outside
 * areas and ZONE_MOVABLE. `store` has their places in swap. */
struct out {
	struct fh_machine *m;
	unsigned int n, nr_stores;
	bool pool; /* the pool is tried first */
	pfn_t scratch;
	unsigned int store[OUT_BATCH];
	pfn_t pfn[OUT_BATCH], copy[OUT_BATCH];
	struct fh_object *owner[OUT_BATCH];
	uint64_t index[OUT_BATCH];
};

/* Gets places in swap (for the pool: when it turns out that they are needed), pages, and frames for those
 * that lie where nothing may stay. */
static unsigned int out_begin(struct out *out, enum lru_where where, uint64_t want,
			      const struct pageout *res)
{
	struct fh_machine *m = out->m;
	unsigned int max = want < OUT_BATCH ? (unsigned int)want : OUT_BATCH, got = 0;

	out->nr_stores = 0;
	out->pool = zpool_open(m, res->over) && alloc_copy(m, &out->scratch);
	if (!out->pool)
		max = out->nr_stores = res->no_io ? 0 : swap_take(m, out->store, max, res->spare);
	if (max)
		got = lru_isolate_aged(m, where, LRU_ANON, out->pfn, max);
	for (out->n = 0; out->n < got; out->n++) {
		const struct fh_frame *f = machine_frame(m, out->pfn[out->n]);

		out->owner[out->n] = f->owner;
		out->index[out->n] = f->index;
		out->copy[out->n] = out->pfn[out->n];
		if (where != LRU_OUTSIDE && !alloc_copy(m, &out->copy[out->n]))
			break;
	}
	objects_put_back(m, out->pfn + out->n, got - out->n);
	for (; out->nr_stores > out->n && !out->pool; out->nr_stores--)
		swap_cancel(m, out->store[out->nr_stores - 1]);
	return got;
}

/* Pages [first, first + n) are neighbours in one object: they leave it in one step. To their places in swap;
 * or, for the pool, to nowhere yet: their slots are marked, and the object stays as long as one is (R4). */
static void out_run(const struct out *out, unsigned int first, unsigned int n)
{
	struct fh_machine *m = out->m;
	struct fh_object *o = out->owner[first];
	uint64_t index = out->index[first];

	fh_lock(&o->lock);
	mapping_zap(o, index, n);
	for (unsigned int i = first; i < first + n; i++, index++) {
		if (out->copy[i] != out->pfn[i])
			machine_copy(m, out->copy[i], out->pfn[i]);
		lru_forget(m, &out->pfn[i], 1);
		o->slot[index] = SLOT_SWAPPED | SLOT_READING;
		if (!out->pool)
			o->slot[index] = SLOT_SWAPPED | swap_put(m, out->store[i], out->copy[i]);
		o->nr_present--;
	}
	object_wake(o);
	fh_unlock(&o->lock); /* from here on *o may be gone, unless a slot is marked */
	for (unsigned int i = first; i < first + n; i++)
		if (out->copy[i] != out->pfn[i])
			page_free(m, out->pfn[i], 0);
}

/* Runs of neighbours, one after the other. */
static void out_runs(const struct out *out)
{
	unsigned int run;

	for (unsigned int start = 0; start < out->n; start += run) {
		for (run = 1; start + run < out->n; run++)
			if (out->owner[start + run] != out->owner[start] ||
			    out->index[start + run] != out->index[start] + run)
				break;
		out_run(out, start, run);
	}
}

/* The i-th page, marked, into the pool; or to a place in swap, to be written; or back into its object, in the
 * frame that has its bytes now. Neither waits for anything. True: it is out. */
static bool out_pool(struct out *out, unsigned int i, const struct pageout *res)
{
	struct fh_machine *m = out->m;
	struct fh_object *o = out->owner[i];
	uint64_t slot = zpool_store(m, out->copy[i], out->scratch);
	bool swap, pooled = slot;

	swap = !slot && !res->no_io && swap_take(m, &out->store[out->nr_stores], 1, res->spare);
	if (pooled)
		slot |= SLOT_SWAPPED | SLOT_POOLED;
	else if (swap)
		slot = SLOT_SWAPPED | swap_put(m, out->store[out->nr_stores++], out->copy[i]);
	fh_lock(&o->lock);
	o->slot[out->index[i]] = slot;
	if (!slot)
		object_insert(o, out->index[i], out->copy[i]);
	object_wake(o);
	fh_unlock(&o->lock); /* from here on *o may be gone */
	if (pooled)
		page_free(m, out->copy[i], 0);
	return pooled;
}

/* How many are out. None is marked any more, nor isolated, before the first write. */
static unsigned int out_end(struct out *out, struct pageout *res)
{
	struct fh_machine *m = out->m;
	unsigned int done = 0;

	for (unsigned int i = 0; i < out->n && out->pool; i++)
		done += out_pool(out, i, res);
	if (out->pool)
		page_free(m, out->scratch, 0);
	vm_count(m, VM_nr_vmscan_write, out->nr_stores);
	for (unsigned int i = 0; i < out->nr_stores; i++) {
		done += swap_write(m, out->store[i]);
		progress(m);
	}
	vm_count(m, VM_pgsteal_anon, done);
	return done;
}

/* For each page that is wanted out, so many are looked at. */
#define OUT_SCANS 4

void pageout_anon(struct fh_machine *m, enum lru_where where, uint64_t want, struct pageout *res)
{
	const _Atomic(uint64_t) *count = m->lru.count[where];
	struct out out = {.m = m};
	uint64_t scans = OUT_SCANS * want + OUT_BATCH, done = 0, there;
	unsigned int got, left;

	if (!res->no_io && swap_retry(m)) {
		progress(m);
		vm_count(m, VM_pgsteal_anon, 1);
		res->done++;
	}
	/* A page that neither pool nor swap has a place for comes again behind the others: none is tried twice. */
	lru_flush_batch(m);
	there = count[LRU_INACTIVE_ANON] + count[LRU_ACTIVE_ANON];
	scans = there < scans ? there : scans;
	do {
		got = out_begin(&out, where, want - done < scans ? want - done : scans, res);
		out_runs(&out);
		left = out_end(&out, res);
		done += out.pool ? left : out.n;
		res->done += left;
		res->scanned += got;
		scans -= got;
	} while (done < want && out.n && scans);
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
			objects_put_back(m, &pfn, 1);
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
