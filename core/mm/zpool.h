/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Anonymous pages that are kept compressed, in frames outside areas: the place before swap.
 *
 * Model. A frame of the pool is 64 chunks of 64 bytes; a compressed page takes a run of them, anywhere in
 * one frame. A set bit of free_chunks is a free chunk, so nothing is split or merged, two pages that come
 * to 60 and 40 % share a frame no worse than five small ones, and what is in a frame never moves. Frames
 * with a gap are on the list of their longest one: a page takes the tightest that it fits. (Classes
 * of sizes would either leave the rest of each frame unused or need spans of several frames; two pages a
 * frame, as in Linux's zbud, are too few for pages that come to a fifth.) A frame whose last page left is
 * free.
 *
 * Who holds a page's *handle*, a slot of one object, says where it is and how long: frame, chunk, bytes. The
 * pool itself does not know pages.
 *
 * Frames of the pool are unmovable, outside areas, and count as used: the account (budget.h) sees a
 * page that went in as one frame less, and each frame of the pool as one more.
 *
 * Invariants
 *	Z1 a chunk is taken exactly when one handle of one slot covers it; nr_pages and nr_bytes are their sums.
 *	Z2 a frame of the pool is POOL, taken, outside areas, and not all free; nr_frames counts them.
 *	Z3 a frame is on the list of its longest gap and no other; without one on none; `some` has a bit for each list
 *	that is not empty.
 *
 * Locking. zpool.lock, rank LEAF: chunks and lists. A page's bytes are read and written without, by whoever
 * has marked its slot SLOT_READING.
 */
#ifndef FH_MM_ZPOOL_H
#define FH_MM_ZPOOL_H

#include <stdatomic.h>
#include <freehold/types.h>
#include "base/lock.h"

#define ZPOOL_CHUNKS 64
#define ZPOOL_CHUNK  (FH_PAGE_SIZE / ZPOOL_CHUNKS) /* bytes */

struct zpool {
	struct fh_lock lock;
	uint64_t some;		     /* of head[]: which are not empty */
	uint32_t head[ZPOOL_CHUNKS]; /* frame numbers; FRAME_NIL: none; [0] is never used */
	_Atomic(uint64_t) nr_frames, nr_pages, nr_bytes;
	_Atomic(uint64_t) limit;  /* frames that it may save; 0: nothing goes in (areas say) */
	_Atomic(uint32_t) on;	  /* some area has asked for it, once: it is shown */
	_Atomic(uint64_t) poor;	  /* pages that did not get small enough */
	_Atomic(uint64_t) failed; /* pages for which there was no frame */
};

struct fh_machine;

/* Where a handle's page is. */
struct zpool_place {
	pfn_t pfn;
	unsigned int chunk, chunks;
	size_t size; /* bytes */
};
struct zpool_place zpool_place(const struct fh_machine *m, uint64_t handle);

void zpool_init(struct zpool *zp);
/* Whether pages may go in now. `over`: for somebody who brings one back. */
bool zpool_open(const struct fh_machine *m, bool over);
/* Compresses the bytes of frame `pfn`; `scratch` is a frame for the purpose. The handle, or 0: they do not
 * get small enough, or there is no frame for them. Does not sleep. */
FH_MUST_CHECK uint64_t zpool_store(struct fh_machine *m, pfn_t pfn, pfn_t scratch);
/* The bytes of a page in the pool into a frame, or what decompress() returned. Does not sleep. */
FH_MUST_CHECK int zpool_load(struct fh_machine *m, uint64_t handle, pfn_t pfn);
/* The page is back, or given up. */
void zpool_free(struct fh_machine *m, uint64_t handle);
/* Chunks in the longest run of free ones. */
unsigned int zpool_gap(uint64_t free_chunks);

#endif
