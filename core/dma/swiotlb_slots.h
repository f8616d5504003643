/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Slots for a mapping: where they may lie, taking them, giving them back. */
#ifndef FH_DMA_SWIOTLB_SLOTS_H
#define FH_DMA_SWIOTLB_SLOTS_H

#include "base/bits.h"
#include "dma/swiotlb_pool.h"

/* What a mapping asks of its slots. */
struct slots_want {
	const struct device *dev; /* NULL: its reach, boundary and alignment do not count */
	uint32_t nslots;
	uint64_t align_mask;	/* the first slot's bus address is clear in these bits */
	uint64_t same_mask;	/* and the original's in these */
	uint64_t bytes;		/* with the padding */
	struct swiotlb_slot as; /* the record: what the device sees is [offset, + size) */
};

/* What was had. */
struct slots_got {
	struct swiotlb_pool *pool;
	uint32_t slot; /* the first */
	uint64_t bus;  /* of the mapping's first byte */
	bool raise;    /* the caller is to call swiotlb_mark_raise() for area */
	struct swiotlb_area *area;
};

/* How many slots, and which masks: as.orig, as.size (both above 0) and dev are set. False: more than a segment, or
 * than what the device takes in one piece. */
static inline bool slots_plan(struct slots_want *w, uint64_t alloc_align_mask)
{
	uint64_t min_align = w->dev ? w->dev->min_align_mask : 0, offset, in_slot;

	/* A slot is aligned as it is; above that, bits of the address survive by padding before it where the
	 * allocation is aligned anyhow, and else by the choice of the slot. */
	in_slot = alloc_align_mask | (SLOT_SIZE - 1);
	offset = w->as.orig & min_align & in_slot;
	w->bytes = offset + w->as.size;
	if (w->as.orig != SLOT_PAGES)
		w->bytes = (w->bytes + alloc_align_mask) & ~alloc_align_mask;
	if (w->bytes > SLOT_SIZE * SLOTS_A_SEG ||
	    (w->dev && w->as.size - 1 > dma_get_seg_boundary(w->dev)))
		return false;
	w->as.offset = (uint32_t)offset;
	w->as.nslots = w->nslots = (uint32_t)((w->bytes + SLOT_SIZE - 1) >> SLOT_SHIFT);
	/* Drivers rely on whole pages being page aligned. */
	if (!alloc_align_mask && !min_align && w->bytes >= FH_PAGE_SIZE)
		alloc_align_mask = FH_PAGE_SIZE - 1;
	w->align_mask = alloc_align_mask & ~(SLOT_SIZE - 1);
	w->same_mask = min_align & ~(alloc_align_mask | (SLOT_SIZE - 1));
	return true;
}
/* Of one area. */
bool slots_take(struct swiotlb_pool *pool, uint32_t area, const struct slots_want *w,
		struct slots_got *got);

/* A segment's bits, as one number of 128. */
struct bits128 {
	uint64_t w[2];
};

static inline uint64_t word_of(const uint64_t *w)
{
	return __atomic_load_n(w, __ATOMIC_RELAXED);
}

static inline void put_word(uint64_t *w, uint64_t v)
{
	__atomic_store_n(w, v, __ATOMIC_RELAXED);
}

/* Bits [from, from + n) of a segment. */
static inline struct bits128 span(unsigned int from, unsigned int n)
{
	uint64_t low = bits_low(n);

	if (from >= 64)
		return (struct bits128){{0, low << (from - 64)}};
	if (from + n <= 64)
		return (struct bits128){{low << from, 0}};
	return (struct bits128){{~UINT64_C(0) << from, bits_low(from + n - 64)}};
}

/* The n slots from `bit` on are in one word, as nearly always. */
static inline bool in_word(unsigned int bit, unsigned int n)
{
	return (bit & 63) + n <= 64;
}

/* A mapping's n slots were free and are taken, or the other way round. */
static inline void flip(struct swiotlb_seg *seg, unsigned int bit, unsigned int n)
{
	uint64_t *w = &seg->free[bit / 64], *first = &seg->first[bit / 64];
	struct bits128 mine;

	if (in_word(bit, n)) {
		put_word(w, *w ^ bits_low(n) << (bit & 63));
	} else {
		mine = span(bit, n);
		put_word(&seg->free[0], seg->free[0] ^ mine.w[0]);
		put_word(&seg->free[1], seg->free[1] ^ mine.w[1]);
	}
	put_word(first, *first ^ UINT64_C(1) << (bit & 63));
}

/* Gives a mapping's slots back by its first. False: it is none. */
static inline __attribute__((always_inline)) bool slots_give(struct swiotlb_pool *pool,
							     uint32_t first)
{
	const struct swiotlb_slot *s = &pool->slot[first];
	struct swiotlb_seg *seg = &pool->seg[first / SLOTS_A_SEG];
	unsigned int bit = first % SLOTS_A_SEG;
	struct swiotlb_area *a = &pool->area[s->area];
	bool ok;

	fh_lock(&a->lock);
	ok = seg->first[bit / 64] >> (bit & 63) & 1;
	if (ok) {
		flip(seg, bit, s->nslots);
		a->used -= s->nslots;
		/* The next mapping is here again: these lines are in the CPU's cache. */
		a->index = first - a->base;
	}
	fh_unlock(&a->lock);
	return ok;
}

#define SLOTS_NONE UINT32_MAX
/* The first slot of the mapping at or below a slot. SLOTS_NONE: there is none in the segment. */
uint32_t slots_first_below(const struct swiotlb_pool *pool, uint32_t slot);
/* The first slot of the mapping that an address of the pool is in, or of the one below it: the caller looks at its size. As a rule the
 * address is in the first. */
static inline uint32_t slots_first(const struct swiotlb_pool *pool, phys_t phys)
{
	uint32_t slot = (uint32_t)((phys.v - pool->start.v) >> SLOT_SHIFT);
	const uint64_t *marks = &pool->seg[slot / SLOTS_A_SEG].first[slot % SLOTS_A_SEG / 64];

	if (__atomic_load_n(marks, __ATOMIC_RELAXED) >> (slot & 63) & 1)
		return slot;
	return slots_first_below(pool, slot);
}
/* Where its first byte is. */
static inline phys_t slots_phys(const struct swiotlb_pool *pool, uint32_t first)
{
	return (phys_t){pool->start.v + ((uint64_t)first << SLOT_SHIFT) + pool->slot[first].offset};
}

#endif
