/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Slots for a mapping: where they may lie, taking them, giving them back. */
#ifndef FH_DMA_SWIOTLB_SLOTS_H
#define FH_DMA_SWIOTLB_SLOTS_H

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
bool slots_plan(struct slots_want *w, uint64_t alloc_align_mask);
/* Of one area. */
bool slots_take(struct swiotlb_pool *pool, uint32_t area, const struct slots_want *w,
		struct slots_got *got);
/* Gives a mapping's slots back by its first. False: it is none. */
bool slots_give(struct swiotlb_pool *pool, uint32_t first);

#define SLOTS_NONE UINT32_MAX
/* The first slot of the mapping that an address of the pool is in, or of the one below it: the caller looks at its size. SLOTS_NONE: there
 * is none in the segment. */
uint32_t slots_first(const struct swiotlb_pool *pool, phys_t phys);
/* Where its first byte is. */
static inline phys_t slots_phys(const struct swiotlb_pool *pool, uint32_t first)
{
	return (phys_t){pool->start.v + ((uint64_t)first << SLOT_SHIFT) + pool->slot[first].offset};
}

#endif
