/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Where free frames live: which block to take from, across types and zones.
 *
 * Smallest first: the blocks whose largest run is smallest (but large enough) are used up before a
 * larger run is touched, as a buddy allocator's free lists would have it, so that whole blocks stay
 * whole.
 */
#ifndef FH_MM_BUDDY_H
#define FH_MM_BUDDY_H

#include <freehold/types.h>
#include "mm/index.h"

struct fh_machine;

struct buddy_req {
	enum zone_type classzone; /* the highest the request allows: for lowmem reserves */
	gfp_t gfp;
	unsigned int order;
	unsigned int mark; /* enum zone_watermark, or NR_WMARK: none */
	/* INDEX_QUICK may miss what is hard to find; INDEX_EXACT reads every leaf of the indexes, and
	 * the blocks that have too little to be listed. */
	enum index_search how;
};

/* Takes 2^order frames of the zone past the watermark, through this CPU's cache where it can. Never
 * reclaims. */
bool buddy_take(struct fh_machine *m, enum zone_type zone, const struct buddy_req *r, pfn_t *pfn);

/* Gives 2^order frames back to the map. False: one of them is free already (nothing is freed). */
bool buddy_give(struct fh_machine *m, pfn_t pfn, unsigned int order);

/* HIGHATOMIC blocks of the zone become ordinary again. Whether there were any. */
bool buddy_unreserve_highatomic(struct fh_machine *m, enum zone_type zone);

#endif
