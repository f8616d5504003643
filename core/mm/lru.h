/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Who uses a page and since when: the lists that reclaim reads, and the right to take a page off
 *them.
 *
 * Model. Circular lists, newest first: inactive and active, anonymous and file, and each of these
 *for frames in areas, of ZONE_MOVABLE and elsewhere, since who needs a frame there gains nothing from another. A
 *new page goes into its CPU's batch and, 31 at a time, onto a list. To move, drop, pin or write
 *back a page one takes it out of BATCH or LRU first; exactly one can. A page in a batch can be
 *taken like one on a list: the batch finds it gone when it is flushed.
 *
 * Invariants
 *	L1 a frame is on a list exactly when its state is LRU; the counts are the lists' lengths.
 *	L2 nr_droppable counts the frames in BATCH or LRU that belong to a file, are clean, and of which
 *no copy is being written.
 *	L3 a block's `tenants` count its droppable and its held pages, if it is an area's.
 *
 * Locking. lru.lock, rank LRU, taken inside an object's lock or alone.
 */
#ifndef FH_MM_LRU_H
#define FH_MM_LRU_H

#include <stdatomic.h>
#include <freehold/types.h>
#include "base/lock.h"
#include "mm/frame.h"

enum lru_list {
	LRU_INACTIVE_ANON,
	LRU_ACTIVE_ANON,
	LRU_INACTIVE_FILE,
	LRU_ACTIVE_FILE,
	NR_LRU_LISTS
};
/* What m->tenants[block] counts. */
#define TENANT_DROPPABLE UINT32_C(1)
#define TENANT_HELD	 (UINT32_C(1) << 16)

/* Frames outside areas: those that everybody can use, and those of ZONE_MOVABLE; and frames of areas. */
enum lru_where { LRU_OUTSIDE, LRU_MOVABLE, LRU_INSIDE, NR_LRU_WHERE };

struct lru {
	struct fh_lock lock;
	uint32_t head[NR_LRU_WHERE][NR_LRU_LISTS]; /* newest; FRAME_NIL: empty */
	_Atomic(uint64_t) count[NR_LRU_WHERE][NR_LRU_LISTS];
	_Atomic(int64_t) nr_droppable;
	_Atomic(int64_t) nr_anon, nr_file, nr_held, nr_dirty; /* object pages */
};

struct fh_machine;

void lru_init(struct lru *lru);
/* Which lists the frames of a block are on. */
enum lru_where lru_where_of(const struct fh_machine *m, uint64_t block);
/* A new object page: RAW -> BATCH. The caller has set owner, index and flags. */
void lru_add(struct fh_machine *m, pfn_t pfn);
/* This CPU's batch onto the lists. */
void lru_flush_batch(struct fh_machine *m);
/* The page was used; it will be kept longer. */
void lru_touch(struct fh_frame *f);

/* BATCH or LRU -> ISOLATED. False: it is neither, *state is what it was. */
bool lru_isolate(struct fh_machine *m, pfn_t pfn, enum frame_state *state);
/* Up to `max` of the frames in `want` (bits of a block), RAW ones and others skipped: how many were
 * isolated; their pfns go to out[]. One lock for all. */
unsigned int lru_isolate_map(struct fh_machine *m, uint64_t block, const uint64_t *want, pfn_t *out,
			     unsigned int max);
/* ISOLATED -> LRU. */
void lru_putback(struct fh_machine *m, pfn_t pfn);
/* The frames of n moves: src[] ISOLATED -> RAW, dst[] RAW -> LRU, list by list position lost. */
void lru_replace(struct fh_machine *m, const pfn_t *src, const pfn_t *dst, unsigned int n);
/* ISOLATED -> RAW: the pages are gone. */
void lru_forget(struct fh_machine *m, const pfn_t *pfn, unsigned int n);

/* BATCH or LRU -> HELD, and HELD -> LRU. The caller holds the object's lock. False: somebody has
 * isolated the page meanwhile; wait for him. */
FH_MUST_CHECK bool lru_hold(struct fh_machine *m, pfn_t pfn);
void lru_unhold(struct fh_machine *m, pfn_t pfn);
/* When a held page of an area became so, lists locked; 0: it is outside. */
uint64_t lru_held_since(const struct fh_frame *f);
/* The page got dirty, or clean. The caller holds the object's lock. */
void lru_set_dirty(struct fh_machine *m, pfn_t pfn, bool dirty);

/* ops->write of a copy of the page has ended: it may be dropped, if it is clean. The caller holds the
 * object's lock. */
void lru_written(struct fh_machine *m, pfn_t pfn);

/* Isolates up to max pages of a class of frames somewhere, oldest first, into out[]. */
enum lru_class {
	LRU_CLEAN, /* of files, can be dropped */
	LRU_DIRTY, /* of files, not being written */
	LRU_ANON,
};
unsigned int lru_isolate_aged(struct fh_machine *m, enum lru_where where, enum lru_class class,
			      pfn_t *out, unsigned int max);

/* The same of clean pages, looking at no more than `scans`, for who can do without: not counted as reclaim. */
unsigned int lru_isolate_cold(struct fh_machine *m, enum lru_where where, pfn_t *out,
			      unsigned int max, unsigned int scans);

static inline unsigned int lru_isolate_clean(struct fh_machine *m, enum lru_where where, pfn_t *out,
					     unsigned int max)
{
	return lru_isolate_aged(m, where, LRU_CLEAN, out, max);
}

#endif
