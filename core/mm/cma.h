/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Inside an area. (The public calls and their contracts: freehold/cma.h.)
 *
 * Invariants
 *	A1 available_count is count minus the frames whose bit is set; a bit stands for
 *2^order_per_bit. A2 a frame whose bit is set is taken (clear in its block's map), RAW, and in no
 *CPU's slot. A3 a frame of an area that is taken is a device's (A2), in a CPU's slot, or a page
 *that can be moved. A4 no frame of a `carveout` area is lent, unless it was when the policy
 *changed. A5 no page in a `guaranteed` area is held, unless it was when the policy changed.
 *
 * Locking. cma.lock, rank CMA: bitmaps, counts. Not held while tenants are moved: a window is
 *marked first and is then nobody else's.
 */
#ifndef FH_MM_CMA_H
#define FH_MM_CMA_H

#include <stdatomic.h>
#include <freehold/cma.h>
#include "base/lock.h"

struct cma_memrange {
	pfn_t base_pfn;
	uint64_t count;	  /* frames */
	uint64_t *bitmap; /* a bit 2^order_per_bit frames; cma.lock */
};

struct cma {
	struct fh_machine *m;
	char name[CMA_MAX_NAME];
	unsigned int id; /* its place in m->area[]; blocks store id + 1 */
	unsigned int nranges, order_per_bit;
	struct cma_memrange ranges[CMA_MAX_RANGES];
	uint64_t count;		  /* frames, all ranges */
	uint64_t available_count; /* cma.lock */
	bool active;		  /* cma_init_reserved_areas() has put it into service */
	_Atomic(uint32_t) policy; /* enum cma_policy */
	bool was_movable;	  /* once: pages may be held in it from then (A5) */
	struct fh_lock lock;
	_Atomic(uint64_t) nr_pages_succeeded, nr_pages_failed, nr_pages_released;
	_Atomic(uint64_t) nr_allocs, nr_fails, pages_migrated, pages_dropped;
	uint64_t used_max;	 /* cma.lock */
	struct cma_failure last; /* cma.lock */
};

static inline uint64_t cma_bitmap_maxno(const struct cma *cma, const struct cma_memrange *r)
{
	return r->count >> cma->order_per_bit;
}

/* Whether any of the frames is in a device's hands. */
bool cma_owns(struct cma *cma, pfn_t pfn, uint64_t nr);

#endif
