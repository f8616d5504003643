/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A block of 512 frames: one state word, one map of free bits, and the only code that changes them.
 *
 * Model. map.w[i] bit j set: frame 64 i + j of the block is free. A buddy of order k is an aligned
 *run of 2^k set bits; there are no free lists, so nothing is ever split or merged. The state word
 *counts the set bits and says what the block is for:
 *
 *	 63    52     51    50....35 34..27 26..25 24..23 22....17 16..14 13..10 9..0
 *	LOCK LISTED SPECIAL CACHED   AREA   LEND   ZONE   ISOLATED TYPE   ORDER  FREE
 *
 * Invariants (fh_check recomputes them)
 *	B1 free is the number of set bits of the map.
 *	B2 a block with free frames, not isolated and, if CMA, lendable, is in exactly the index of
 *its (type, order); any other is in none. B3 order is at least the largest order free in the map,
 *and 9 exactly when the block is all free. B4 cached is the number of CPU slots bound to words of
 *the block. B5 a zone's free counters are the sums over its blocks that are not isolated.
 *
 * Locking. The LOCK bit of the state word, rank BLOCK: taking it is one compare-and-swap, giving it
 *back stores the new state, so a count and its map are never seen apart. Index and zone counters of
 *the block change under it. An allocation that finds it taken goes to another block.
 *
 * After LLFree (USENIX ATC'23): the bit field and its counter. Different: a lock bit in the
 *counter's word instead of undo on lost races, because an isolated or claimed range needs both
 *words at once.
 */
#ifndef FH_MM_BLOCK_H
#define FH_MM_BLOCK_H

#include <stdatomic.h>
#include <freehold/types.h>
#include "mm/index.h"

struct fh_machine;

#define BLOCK_WORDS	   8
#define BLOCK_ORDER_NONE   15 /* no free frame */
#define BLOCK_INDEX_TYPES  5  /* MIGRATE_UNMOVABLE .. MIGRATE_CMA */
#define BLOCK_INDEX_ORDERS 10

enum block_lend { BLOCK_LEND_NONE, BLOCK_LEND_MOVABLE };

/* The state word, taken apart. The layout is known here, and by nobody else. */
struct block_state {
	uint32_t free;	  /* 0..512 */
	uint8_t order;	  /* upper bound of the largest free order, or BLOCK_ORDER_NONE */
	uint8_t type;	  /* enum migratetype, never ISOLATE */
	uint8_t isolated; /* how many claims are emptying it; 0..63 */
	uint8_t zone;	  /* enum zone_type */
	uint8_t lend;	  /* enum block_lend; of CMA blocks */
	uint8_t area;	  /* 0: none, else index of its area + 1 */
	uint16_t cached;  /* CPU slots bound here */
	bool special;	  /* has, or may have, frames that are not of its type: RESERVED, others' */
	bool listed; /* found by searches of the indexes; else only when nothing else is left */
};

struct block_map {
	uint64_t w[BLOCK_WORDS];
};

/* Words of a machine's map: written under the block's lock, read by the cache's free path without it. */
static inline uint64_t map_word(const struct block_map *map, unsigned int i)
{
	return __atomic_load_n(&map->w[i], __ATOMIC_RELAXED);
}

static inline void map_put(struct block_map *map, unsigned int i, uint64_t w)
{
	__atomic_store_n(&map->w[i], w, __ATOMIC_RELAXED);
}

static inline uint64_t block_pack(struct block_state s)
{
	return (uint64_t)s.free | (uint64_t)s.order << 10 | (uint64_t)s.type << 14 |
	       (uint64_t)s.isolated << 17 | (uint64_t)s.zone << 23 | (uint64_t)s.lend << 25 |
	       (uint64_t)s.area << 27 | (uint64_t)s.cached << 35 | (uint64_t)s.special << 51 |
	       (uint64_t)s.listed << 52;
}

static inline struct block_state block_unpack(uint64_t w)
{
	return (struct block_state){
		.free = (uint32_t)(w & 1023),
		.order = (uint8_t)(w >> 10 & 15),
		.type = (uint8_t)(w >> 14 & 7),
		.isolated = (uint8_t)(w >> 17 & 63),
		.zone = (uint8_t)(w >> 23 & 3),
		.lend = (uint8_t)(w >> 25 & 3),
		.area = (uint8_t)(w >> 27 & 255),
		.cached = (uint16_t)(w >> 35 & 0xffff),
		.special = w >> 51 & 1,
		.listed = w >> 52 & 1,
	};
}

#define BLOCK_FREE_MASK	    UINT64_C(1023)
#define BLOCK_ORDER_MASK    (UINT64_C(15) << 10)
#define BLOCK_ORDER(order)  ((uint64_t)(order) << 10)
#define BLOCK_TYPE_MASK	    (UINT64_C(7) << 14)
#define BLOCK_ISOLATED_MASK (UINT64_C(63) << 17)
#define BLOCK_ZONE_MASK	    (UINT64_C(3) << 23)
#define BLOCK_CACHED_MASK   (UINT64_C(0xffff) << 35)
#define BLOCK_SPECIAL	    (UINT64_C(1) << 51)
#define BLOCK_LISTED	    (UINT64_C(1) << 52)
#define BLOCK_LOCK	    (UINT64_C(1) << 63)

/* Single fields of a packed word, where unpacking all would cost more than the work. */
static inline unsigned int block_word_type(uint64_t w)
{
	return (unsigned int)(w >> 14 & 7);
}

static inline unsigned int block_word_zone(uint64_t w)
{
	return (unsigned int)(w >> 23 & 3);
}

static inline bool block_word_isolated(uint64_t w)
{
	return w >> 17 & 63;
}

static inline unsigned int block_word_order(uint64_t w)
{
	return (unsigned int)(w >> 10 & 15);
}

static inline unsigned int block_word_area(uint64_t w)
{
	return (unsigned int)(w >> 27 & 255);
}

static inline bool block_word_listed(uint64_t w)
{
	return w >> 52 & 1;
}

static inline bool block_word_special(uint64_t w)
{
	return w >> 51 & 1;
}

static inline unsigned int block_word_cached(uint64_t w)
{
	return (unsigned int)(w >> 35 & 0xffff);
}

static inline unsigned int block_word_free(uint64_t w)
{
	return (unsigned int)(w & 1023);
}

/* In a block whose word shows just block_plain(zone) here every frame is some UNMOVABLE request's or free: no
 * other type, claim or area has to be looked at. */
#define BLOCK_PLAIN_MASK (BLOCK_TYPE_MASK | BLOCK_ISOLATED_MASK | BLOCK_ZONE_MASK | BLOCK_SPECIAL)
static inline uint64_t block_plain(unsigned int zone)
{
	return (uint64_t)zone << 23;
}

/* A look without the lock: true a moment ago. */
struct block_state block_peek(const struct fh_machine *m, uint64_t block);

struct block_state block_lock(struct fh_machine *m, uint64_t block);
bool block_trylock(struct fh_machine *m, uint64_t block, struct block_state *s);
/* Stores `new` and unlocks; `old` is what block_lock() returned. Keeps B2, B3 (given an order that
 * is an upper bound) and B5. */
void block_unlock(struct fh_machine *m, uint64_t block, struct block_state old,
		  struct block_state new);

/* Whether the frame's bit is set. (A frame in a CPU's cache is not free in this sense.) */
bool block_is_free(struct fh_machine *m, pfn_t pfn);

/* Frees n frames, `bits` of one word of an unlocked block. False, and nothing is done, when one is free already. */
bool block_free_word(struct fh_machine *m, uint64_t block, unsigned int word, uint64_t bits,
		     unsigned int n);

#define BLOCK_TAKE_MAX 16
/* What a whole free block that searches find is told by, and what it loses when it is taken. */
#define BLOCK_WHOLE_MASK                                                                           \
	(BLOCK_LOCK | BLOCK_LISTED | BLOCK_ISOLATED_MASK | BLOCK_TYPE_MASK | BLOCK_FREE_MASK)
#define BLOCK_WHOLE_GONE (BLOCK_LISTED | BLOCK_ORDER_MASK | BLOCK_FREE_MASK)

/* Takes up to max (at most BLOCK_TAKE_MAX) whole free blocks of a type (not CMA) out of [block, end), all of one zone, that share the
 * first one's word of the index, which is visited once. How many: their numbers are in out[], ascending. */
unsigned int block_take_whole(struct fh_machine *m, uint64_t block, uint64_t end,
			      enum migratetype type, uint64_t *out, unsigned int max);

/* Frees whole blocks of one zone that are taken whole. False, and nothing is done to it, when a frame of one is free
 * already: the others are freed. */
bool block_free_whole(struct fh_machine *m, const uint32_t *block, unsigned int n);

/* All below: the caller holds the block's lock; `s` is its state, changed for block_unlock(). */

/* Takes an aligned run of 2^order frames, order <= 9; *first is its first frame in the block. */
bool block_take_run(struct fh_machine *m, uint64_t block, struct block_state *s, unsigned int order,
		    unsigned int *first);
/* Whether frames [lo, hi) are all free; and takes them, when they are. */
bool block_all_free(const struct fh_machine *m, uint64_t block, unsigned int lo, unsigned int hi);
void block_claim(struct fh_machine *m, uint64_t block, struct block_state *s, unsigned int lo,
		 unsigned int hi);
/* Frees bits of one word. False, and nothing is done, when one is free already. */
bool block_free_bits(struct fh_machine *m, uint64_t block, struct block_state *s, unsigned int word,
		     uint64_t bits);
/* Frees an aligned run of 2^order frames, order <= 9. False: one is free already. */
bool block_free_run(struct fh_machine *m, uint64_t block, struct block_state *s, unsigned int first,
		    unsigned int order);
/* Frees the frames of `bits`, none of which is free. */
void block_free_map(struct fh_machine *m, uint64_t block, struct block_state *s,
		    const struct block_map *bits);

/* The largest order free in a map, or BLOCK_ORDER_NONE. */
unsigned int block_map_order(const struct block_map *map);
/* Bits [lo, hi) of a block, as a map. */
void block_span(struct block_map *map, unsigned int lo, unsigned int hi);

#endif
