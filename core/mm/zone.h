/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A zone: the blocks whose frames a device with a short address can reach, their counters,
 * watermarks.
 *
 * Zones partition the address space at block boundaries; each block names its zone in its state
 * word. Counters are atomics changed under the lock of the block they count (B5).
 */
#ifndef FH_MM_ZONE_H
#define FH_MM_ZONE_H

#include <stdatomic.h>
#include <freehold/types.h>

enum zone_watermark { WMARK_MIN, WMARK_LOW, WMARK_HIGH, NR_WMARK };

struct zone {
	uint64_t first_block, end_block;
	uint64_t spanned, present, managed; /* frames, as /proc/zoneinfo */
	_Atomic(int64_t) nr_free;	    /* in blocks not isolated, carveouts apart */
	_Atomic(int64_t) nr_free_cma;	    /* those in lendable CMA blocks */
	_Atomic(int64_t) nr_free_carveout;  /* those in CMA blocks that are not lent */
	_Atomic(int64_t) nr_free_isolated;  /* those in blocks that are isolated */
	_Atomic(int64_t) nr_highatomic;	    /* frames of HIGHATOMIC blocks */
	_Atomic(int64_t) cma_pages;	    /* frames of areas */
	uint64_t wmark[NR_WMARK];
	uint64_t lowmem_reserve[MAX_NR_ZONES]; /* kept from requests that could be served above */
};

static inline int64_t zone_count(const _Atomic(int64_t) *c)
{
	int64_t v = atomic_load_explicit(c, memory_order_relaxed);

	return v < 0 ? 0 : v;
}

static inline void zone_add(_Atomic(int64_t) *c, int64_t n)
{
	atomic_fetch_add_explicit(c, n, memory_order_relaxed);
}

struct fh_machine;

/* Watermarks and lowmem reserves from what is managed now, as Linux's init_per_zone_wmark_min(). */
void zones_set_watermarks(struct fh_machine *m);
/* The highest zone a gfp mask allows. */
enum zone_type zone_of_gfp(gfp_t gfp);
/* As Linux prints it. (Not in struct zone, whose size is a factor of the fast paths.) */
const char *zone_name(enum zone_type zone);

#endif
