/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Page frames: allocate and free runs of 2^order, and register pages of your own as movable. */
#ifndef FREEHOLD_PAGE_H
#define FREEHOLD_PAGE_H

#include <freehold/types.h>

/*
 * Takes 2^order frames, naturally aligned, and stores the first in *pfn. Follows Linux's
 * alloc_pages(): zones from the gfp mask downwards, watermarks, own migratetype first, then the
 * fallbacks of policy.c. ZONE_MOVABLE, where there is one, is the highest for __GFP_MOVABLE without a zone, and no
 * other request is ever served from it. With __GFP_ZERO the bytes are zero, else undefined.
 * With __GFP_DIRECT_RECLAIM it may drop clean cache, without sleeping. With __GFP_IO as well it may
 * then call plat->swap_write() and the ops->write of any file object, so the caller holds no lock that
 * these need; what ops->write itself allocates never waits for another write (DESIGN R5).
 * -FH_EINVAL: order above FH_MAX_ORDER, or both movable and reclaimable; -FH_ENOMEM: none left that
 * this request may have (*pfn is unchanged).
 */
FH_MUST_CHECK int fh_alloc_pages(struct fh_machine *m, gfp_t gfp, unsigned int order, pfn_t *pfn);

/*
 * Gives back 2^order frames that fh_alloc_pages() handed out with that order (or parts of such a
 * run, each with its own order). -FH_EINVAL: not this machine's memory, not aligned to the order, a
 * frame of the run is free already, or owned by an object or an area: then nothing is freed. A
 * second free of a frame that this CPU caches is always found; one that another CPU caches is found
 * when the caches meet the map, as a broken invariant.
 */
FH_MUST_CHECK int fh_free_pages(struct fh_machine *m, pfn_t pfn, unsigned int order);

/*
 * Pages of a driver that can be moved (balloon, zsmalloc): Linux's struct movable_operations.
 * None may sleep; each is called without locks held.
 *   isolate: stop using pfn until migrate or putback is called. False: not now (it is retried).
 *   migrate: dst is now the page; the bytes are copied by the callee. 0, or negative: src stays.
 *   putback: undo isolate.
 */
struct movable_operations {
	bool (*isolate)(void *priv, pfn_t pfn);
	int (*migrate)(void *priv, pfn_t dst, pfn_t src);
	void (*putback)(void *priv, pfn_t pfn);
};

/* Registers the single frame pfn, allocated with __GFP_MOVABLE, as movable by `ops`; the struct
 * must outlive the registration. -FH_EINVAL: not allocated, or registered already. */
FH_MUST_CHECK int fh_page_set_movable(struct fh_machine *m, pfn_t pfn,
				      const struct movable_operations *ops, void *priv);
/* Takes the registration back, so that the frame can be freed. -FH_EBUSY: it is being moved, try
 * again (and look where it is by then). */
FH_MUST_CHECK int fh_page_clear_movable(struct fh_machine *m, pfn_t pfn);

/* Where the CPU sees a frame of the linear map; NULL when the machine has no bytes or pfn is not
 * RAM. */
void *fh_page_address(struct fh_machine *m, pfn_t pfn);

#endif
