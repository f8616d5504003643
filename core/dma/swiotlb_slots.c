/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Slots for a mapping, in the bits of segments. */
#include "dma/swiotlb_slots.h"

static struct bits128 shifted(struct bits128 b, unsigned int n)
{
	if (!n)
		return b;
	if (n >= 64)
		return (struct bits128){{b.w[1] >> (n - 64), 0}};
	return (struct bits128){{b.w[0] >> n | b.w[1] << (64 - n), b.w[1] >> n}};
}

/* Where n free slots begin. Each step halves what is left to prove, as bits_runs() does. */
static struct bits128 runs(const struct swiotlb_seg *seg, unsigned int n)
{
	struct bits128 b = {{seg->free[0], seg->free[1]}};

	for (unsigned int have = 1; have < n && b.w[0] | b.w[1];) {
		unsigned int step = have < n - have ? have : n - have;
		struct bits128 s = shifted(b, step);

		b.w[0] &= s.w[0];
		b.w[1] &= s.w[1];
		have += step;
	}
	return b;
}

/* One pool as the device sees it. */
struct seen {
	uint64_t bus; /* of the pool, when it reaches all of it */
	bool whole;
};

static struct seen see(const struct swiotlb_pool *pool, const struct slots_want *w)
{
	uint64_t bus;

	if (!w->dev)
		return (struct seen){pool->start.v, true};
	bus = dma_of_phys(w->dev, pool->start, pool->bytes);
	return (struct seen){bus, bus != DMA_NOWHERE && dma_capable(w->dev, bus, pool->bytes)};
}

/* Whether the mapping may begin at this slot; *bus is then its first byte's address. */
static inline bool fits(const struct swiotlb_pool *pool, const struct seen *seen,
			const struct slots_want *w, uint32_t slot, uint64_t *bus)
{
	uint64_t at = (uint64_t)slot << SLOT_SHIFT, first, size = w->as.size;

	if (seen->whole) {
		first = seen->bus + at;
	} else {
		uint64_t b = dma_of_phys(w->dev, (phys_t){pool->start.v + at + w->as.offset}, size);

		if (b == DMA_NOWHERE || !dma_capable(w->dev, b, size))
			return false;
		first = b - w->as.offset;
	}
	*bus = first + w->as.offset;
	if (first & w->align_mask || (first ^ w->as.orig) & w->same_mask)
		return false;
	return !w->dev || !((*bus ^ (*bus + size - 1)) & ~dma_get_seg_boundary(w->dev));
}

/* The first place at or above `from` in a segment. */
static bool find(const struct swiotlb_pool *pool, const struct seen *seen,
		 const struct slots_want *w, uint32_t from, struct slots_got *got)
{
	uint32_t seg = from / SLOTS_A_SEG;
	struct bits128 starts = runs(&pool->seg[seg], w->nslots);
	struct bits128 above = span(from % SLOTS_A_SEG, SLOTS_A_SEG - from % SLOTS_A_SEG);

	for (unsigned int i = 0; i < 2; i++) {
		for (uint64_t b = starts.w[i] & above.w[i]; b; b &= b - 1) {
			got->slot = seg * SLOTS_A_SEG + i * 64 + bits_first(b);
			if (fits(pool, seen, w, got->slot, &got->bus))
				return true;
		}
	}
	return false;
}

/* From the index to the end, then from the start: the index's own segment is looked at twice. */
static __attribute__((noinline)) bool search(const struct swiotlb_pool *pool, uint32_t area,
					     const struct slots_want *w, struct slots_got *got)
{
	struct seen seen = see(pool, w);
	uint32_t base = area * pool->area_nslabs, n = swiotlb_area_slots(pool, area);
	uint32_t index = pool->area[area].index;

	if (find(pool, &seen, w, base + index, got))
		return true;
	for (uint32_t at = (index | (SLOTS_A_SEG - 1)) + 1; at < n; at += SLOTS_A_SEG)
		if (find(pool, &seen, w, base + at, got))
			return true;
	for (uint32_t at = 0; at <= index; at += SLOTS_A_SEG)
		if (find(pool, &seen, w, base + at, got))
			return true;
	return false;
}

static inline bool is_free(const struct swiotlb_seg *seg, unsigned int bit, unsigned int n)
{
	struct bits128 mine;

	if (in_word(bit, n))
		return !(bits_low(n) << (bit & 63) & ~seg->free[bit / 64]);
	if (bit + n > SLOTS_A_SEG)
		return false;
	mine = span(bit, n);
	return !((mine.w[0] & ~seg->free[0]) | (mine.w[1] & ~seg->free[1]));
}

/* The common case: what was freed last is where the index is. No word of the pool as a whole, then. */
static inline bool find_in_area(const struct swiotlb_pool *pool, uint32_t area,
				const struct slots_want *w, struct slots_got *got)
{
	const struct swiotlb_area *a = &pool->area[area];
	struct seen seen = {pool->start.v, !w->dev};

	got->slot = a->base + a->index;
	if (is_free(&pool->seg[got->slot / SLOTS_A_SEG], got->slot % SLOTS_A_SEG, w->nslots) &&
	    fits(pool, &seen, w, got->slot, &got->bus))
		return true;
	return search(pool, area, w, got);
}

bool slots_take(struct swiotlb_pool *pool, uint32_t area, const struct slots_want *w,
		struct slots_got *got)
{
	struct swiotlb_area *a = &pool->area[area];
	struct swiotlb_slot *s;
	uint32_t next;
	bool ok;

	fh_lock(&a->lock);
	ok = w->nslots <= a->nslabs - a->used && find_in_area(pool, area, w, got);
	if (ok) {
		flip(&pool->seg[got->slot / SLOTS_A_SEG], got->slot % SLOTS_A_SEG, w->nslots);
		next = got->slot - a->base + w->nslots;
		a->index = next < a->nslabs ? next : 0;
		a->used += w->nslots;
		a->bounced += w->as.orig != SLOT_PAGES;
		got->raise = a->used > a->allowed;
	}
	fh_unlock(&a->lock);
	if (!ok)
		return false;
	got->pool = pool;
	got->area = a;
	s = &pool->slot[got->slot];
	s->orig = w->as.orig;
	s->size = w->as.size;
	s->offset = w->as.offset;
	s->nslots = w->nslots;
	s->area = area;
	return true;
}

static unsigned int highest(uint64_t w)
{
	return 63 - (unsigned int)__builtin_clzll(w);
}

uint32_t slots_first_below(const struct swiotlb_pool *pool, uint32_t slot)
{
	const struct swiotlb_seg *seg = &pool->seg[slot / SLOTS_A_SEG];
	unsigned int bit = slot % SLOTS_A_SEG;
	uint64_t below = word_of(&seg->first[bit / 64]) & bits_low((bit & 63) + 1);

	slot -= bit;
	if (below)
		return slot + (bit & 64) + highest(below);
	if (bit < 64)
		return SLOTS_NONE;
	below = word_of(&seg->first[0]);
	return below ? slot + highest(below) : SLOTS_NONE;
}
