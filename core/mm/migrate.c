/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* dma/alloc > mm/cma > mm/contig > mm/isolate > [mm/migrate] > mm/buddy
 *
 * Move tenants out: new frames, unmap, copy, switch. */
#include "base/bits.h"
#include "base/string.h"
#include "mm/machine.h"
#include "mm/migrate.h"
#include "mm/objects.h"
#include "mm/owner.h"
#include "mm/pages.h"
#include "mm/policy.h"
#include "mm/reclaim.h"

struct migration {
	struct fh_machine *m;
	enum migrate_mode mode;
	void (*emptied)(void *data, pfn_t pfn);
	void *data;
	struct migrate_result *res;
	const pfn_t *to; /* given frames, one a page; NULL: get_targets() */
};

/* Frames for n pages, in runs as long as they come; how many were had. Two passes: what is free,
 * then what has to be dropped for it, a page at a time, since a run is not worth anybody's cache.
 */
static unsigned int get_targets(const struct migration *mg, pfn_t *dst, unsigned int n)
{
	gfp_t gfp = __GFP_MOVABLE | GFP_EVACUATE | (mg->mode == MIGRATE_ANYWHERE ? __GFP_CMA : 0) |
		    (mg->mode == MIGRATE_OUT_TO_PIN ? GFP_LASTING : 0);
	gfp_t last = mg->mode == MIGRATE_TO_SPARE ? 0 : __GFP_DIRECT_RECLAIM;
	unsigned int got = 0, order = bits_log2(n);

	while (got < n) {
		pfn_t pfn;

		while (order && 1u << order > n - got)
			order--;
		if (fh_alloc_pages(mg->m, gfp | (order ? 0 : last), order, &pfn)) {
			if (!order)
				break;
			order--;
			continue;
		}
		if (mg->m->owners)
			owner_split(mg->m, pfn, 0);
		for (unsigned int i = 0; i < 1u << order; i++)
			dst[got++] = pfn + i;
	}
	return got;
}

/* There is no frame for them. */
static void put_back(const struct migration *mg, const pfn_t *src, unsigned int n)
{
	if (!n)
		return;
	objects_put_back(mg->m, src, n);
	mg->res->failed += n;
	mg->res->error = -FH_ENOMEM;
	mg->res->failed_pfn = src[0];
}

/* Pages of one object in consecutive slots, with their new frames: unmap, copy, switch. Nothing of it can
 * be refused: what the platform cannot map is unmapped. */
static void move_run(const struct migration *mg, struct fh_object *o, const pfn_t *src,
		     const pfn_t *dst, unsigned int n)
{
	uint64_t index = machine_frame(mg->m, src[0])->index;
	unsigned int run;

	fh_lock(&o->lock);
	mapping_protect(o, index, n);
	fh_unlock(&o->lock);
	for (unsigned int i = 0; i < n; i++)
		machine_copy(mg->m, dst[i], src[i]);
	fh_lock(&o->lock);
	for (unsigned int done = 0; done < n; done += run) {
		for (run = 1; done + run < n && dst[done + run] == dst[done] + run; run++)
			;
		mapping_switch(o, index + done, run, dst[done]);
		for (unsigned int i = done; i < done + run; i++)
			o->slot[index + i] = dst[i] + 1;
		lru_replace(mg->m, src + done, dst + done, run);
	}
	for (unsigned int i = 0; mg->m->owners && i < n; i++)
		owner_copy(mg->m, dst[i], src[i],
			   mg->mode == MIGRATE_OUT_TO_PIN ? OWNER_FOR_PIN : OWNER_FOR_RANGE);
	object_wake(o);
	fh_unlock(&o->lock); /* *o may be gone from here on */
}

/* A run of pages that must be copied. */
static void migrate_run(const struct migration *mg, const pfn_t *src, unsigned int n)
{
	struct fh_object *o = machine_frame(mg->m, src[0])->owner; /* kept alive by our isolation */
	pfn_t own[MIGRATE_BATCH];
	const pfn_t *dst = mg->to ? mg->to : own;
	unsigned int got = mg->to ? n : get_targets(mg, own, n);

	if (got)
		move_run(mg, o, src, dst, got);
	for (unsigned int i = 0; i < got; i++)
		mg->emptied(mg->data, src[i]);
	mg->res->moved += got;
	vm_count(mg->m, VM_pgmigrate_success, got);
	vm_count(mg->m, VM_pgmigrate_fail, n - got);
	put_back(mg, src + got, n - got);
}

/* Drops what is as good dropped as moved, and closes up: how many are left. */
static unsigned int drop(const struct migration *mg, pfn_t *pfn, unsigned int n)
{
	unsigned int left = 0, run, kept;

	if (mg->mode == MIGRATE_OUT_NO_DROP || mg->mode == MIGRATE_OUT_TO_PIN ||
	    mg->mode == MIGRATE_TO_SPARE)
		return n;
	for (unsigned int start = 0; start < n; start += run) {
		run = objects_same_owner(mg->m, pfn + start, n - start);
		kept = reclaim_drop(mg->m, pfn + start, run);
		for (unsigned int i = start + kept; i < start + run; i++)
			mg->emptied(mg->data, pfn[i]);
		memmove(pfn + left, pfn + start, kept * sizeof(*pfn));
		left += kept;
	}
	mg->res->dropped += n - left;
	vm_count(mg->m, VM_contig_drop, n - left);
	return left;
}

/* Pages run by run. */
static void move_all(struct migration *mg, const pfn_t *pfn, unsigned int n)
{
	struct fh_machine *m = mg->m;
	unsigned int run;

	for (unsigned int start = 0; start < n; start += run) {
		struct fh_frame *f = machine_frame(m, pfn[start]);
		void *owner = f->owner;
		uint32_t index = f->index;

		for (run = 1; start + run < n; run++) {
			f = machine_frame(m, pfn[start + run]);
			if (f->owner != owner || f->index != index + run)
				break;
		}
		migrate_run(mg, pfn + start, run);
		if (mg->to)
			mg->to += run;
	}
}

void migrate_pages(struct fh_machine *m, pfn_t *pfn, unsigned int n, enum migrate_mode mode,
		   void (*emptied)(void *data, pfn_t pfn), void *data, struct migrate_result *res)
{
	struct migration mg = {m, mode, emptied, data, res, NULL};

	move_all(&mg, pfn, drop(&mg, pfn, n));
}

void migrate_pages_to(struct fh_machine *m, const pfn_t *pfn, unsigned int n, const pfn_t *to,
		      void (*emptied)(void *data, pfn_t pfn), void *data,
		      struct migrate_result *res)
{
	struct migration mg = {m, MIGRATE_OUT_NO_DROP, emptied, data, res, to};

	if (n)
		move_all(&mg, pfn, n);
}
