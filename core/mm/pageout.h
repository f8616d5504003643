/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A page's bytes out of memory: anonymous pages into the pool or swap, dirty ones into their files.
 *
 * The page itself takes no part in I/O. What is written is a copy (or, of an anonymous page outside areas,
 * the frame it has just lost), so nobody who wants the page or its frame ever waits for the write, and a
 * page in a guaranteed area may be written like any other (DESIGN R1, G1). A page is ISOLATED only for as
 * long as its object's lock is held, and never while somebody sleeps.
 *
 * A page that is compressed has left its object before: what others wait for is the marked slot, not a lock, and
 * the frame, if it was in an area, is free already. So cma_alloc() neither compresses nor waits for who does.
 *
 * All may sleep in plat->swap_write() or ops->write, unless `no_io` is set.
 */
#ifndef FH_MM_PAGEOUT_H
#define FH_MM_PAGEOUT_H

#include "mm/lru.h"

struct fh_machine;

struct pageout {
	/* Set by the caller: places in swap to leave free; only what needs no I/O; for who brings a page back, so
	 * that the pool takes in one for it at any rate. */
	uint64_t spare;
	bool no_io, over;
	uint64_t scanned; /* pages taken off the lists */
	uint64_t
		done; /* of them: compressed or swapped out, and the frame is free; or written back, and clean */
};

/* Compresses, if the pool is open and they get small enough, or else swaps out, up to `want` anonymous pages,
 * oldest first. */
void pageout_anon(struct fh_machine *m, enum lru_where where, uint64_t want, struct pageout *res);
/* Writes back up to `want` dirty pages of files, oldest first. */
void pageout_dirty(struct fh_machine *m, enum lru_where where, uint64_t want, struct pageout *res);

#endif
