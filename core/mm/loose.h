/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Loose frames of a CPU's cache: what was freed here and whose word no slot has taken.
 *
 * Model. A table of 64 words, found by the word's low bits: a free sets a bit; where an entry has
 * frames of another word, the free goes home; and so does a word that is full. What comes back is handed out again
 * first: a CPU that frees one frame and takes another touches no block at all. Beside it a few whole blocks.
 * Only frames of plain blocks (block_plain()) of one zone are kept, so never one of an area: who empties a
 * window need not look here.
 *
 * Invariants
 *	P3 a frame that is here is clear in its block's map, in no slot of this CPU, and here once.
 *	P4 no entry has frames of a word that a slot of this CPU has taken.
 *
 * Locking. The caller owns the CPU's cache (pcp.h).
 */
#ifndef FH_MM_LOOSE_H
#define FH_MM_LOOSE_H

#include <stdatomic.h>
#include <freehold/types.h>
#include "mm/slot.h"

struct fh_machine;

#define LOOSE_WORDS	64
#define LOOSE_MAX_ORDER 3  /* of runs that are kept; as PAGE_ALLOC_COSTLY_ORDER */
#define LOOSE_WHOLE	16 /* blocks of a type, at most */
#define LOOSE_TYPES	3  /* UNMOVABLE, MOVABLE, RECLAIMABLE */

struct loose {
	_Atomic(uint64_t) some; /* entries that may have frames; written by the owner only */
	enum zone_type zone;
	uint32_t max_whole; /* of a type */
	struct pcp_run entry[LOOSE_WORDS];
	_Atomic(uint32_t) nr_blocks; /* whole ones, of all types; as `some` */
	uint32_t nr_whole[LOOSE_TYPES];
	uint32_t whole[LOOSE_TYPES][LOOSE_WHOLE]; /* blocks */
};

static inline uint64_t loose_some(const struct loose *l)
{
	return atomic_load_explicit(&l->some, memory_order_relaxed);
}

static inline uint32_t loose_blocks(const struct loose *l)
{
	return atomic_load_explicit(&l->nr_blocks, memory_order_relaxed);
}

static inline void loose_set_some(struct loose *l, uint64_t some)
{
	atomic_store_explicit(&l->some, some, memory_order_relaxed);
}

void loose_init(struct loose *l, enum zone_type zone, uint32_t max_whole);

/* A run of 2^order frames, order <= LOOSE_MAX_ORDER, if one is at hand; and the word it is of. */
bool loose_take_any(struct loose *l, unsigned int order, pfn_t *pfn, struct pcp_run **from);
static inline bool loose_take(struct loose *l, unsigned int order, pfn_t *pfn,
			      struct pcp_run **from)
{
	return loose_some(l) && loose_take_any(l, order, pfn, from);
}

/* Frees the frames of an entry to their block. */
void loose_send_home(struct fh_machine *m, struct pcp_run *e);

/* Keeps frames of a word in its entry, which has none of another: they are of a plain block of this zone, not
 * free in its map, and not here. */
static inline void loose_set(struct loose *l, struct pcp_run *e, uint64_t word, uint64_t bits)
{
	atomic_store_explicit(&e->word, word, memory_order_relaxed);
	e->mask |= bits;
	loose_set_some(l, loose_some(l) | UINT64_C(1) << word % LOOSE_WORDS);
}

/* Whether a frame of the run is here. */
bool loose_has(struct fh_machine *m, const struct loose *l, pfn_t pfn, unsigned int order);
/* Whether a block is here whole. */
bool loose_has_block(const struct loose *l, uint64_t block);
/* The frames of the words that a slot has taken: now they are the slot's (P4). */
void loose_join(struct loose *l, struct pcp_slot *s);

bool loose_take_whole(struct loose *l, unsigned int type, uint64_t *block);
/* Keeps a block that the caller knows to be all his. 1: kept; 0: not for here; -FH_EINVAL: a frame of it is free
 * already. */
int loose_put_whole(struct fh_machine *m, struct loose *l, uint64_t block);
/* Keeps blocks that were just taken from the index; how many there was room for. */
unsigned int loose_keep_whole(struct loose *l, unsigned int type, const uint64_t *block,
			      unsigned int n);

/* Sends home what lies in words [first, end). */
void loose_empty(struct fh_machine *m, struct loose *l, uint64_t first, uint64_t end);

#endif
