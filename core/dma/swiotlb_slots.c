/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Slots for a mapping, in the bits of segments. */
#include "base/bits.h"
#include "dma/swiotlb_slots.h"

/* A segment's bits, as one number of 128. */
struct bits128 {
	uint64_t w[2];
};

static uint64_t word_of(const uint64_t *w)
{
	return __atomic_load_n(w, __ATOMIC_RELAXED);
}

static void put_word(uint64_t *w, uint64_t v)
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

bool slots_plan(struct slots_want *w, uint64_t alloc_align_mask)
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
static bool fits(const struct swiotlb_pool *pool, const struct seen *seen,
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
static bool search(const struct swiotlb_pool *pool, const struct seen *seen, uint32_t area,
		   const struct slots_want *w, struct slots_got *got)
{
	uint32_t base = area * pool->area_nslabs, n = swiotlb_area_slots(pool, area);
	uint32_t index = pool->area[area].index;

	if (find(pool, seen, w, base + index, got))
		return true;
	for (uint32_t at = (index | (SLOTS_A_SEG - 1)) + 1; at < n; at += SLOTS_A_SEG)
		if (find(pool, seen, w, base + at, got))
			return true;
	for (uint32_t at = 0; at <= index; at += SLOTS_A_SEG)
		if (find(pool, seen, w, base + at, got))
			return true;
	return false;
}

/* The common case: what was freed last is where the index is. */
static bool find_in_area(const struct swiotlb_pool *pool, uint32_t area, const struct slots_want *w,
			 struct slots_got *got)
{
	const struct swiotlb_seg *seg;
	struct seen seen = see(pool, w);
	struct bits128 mine;
	unsigned int bit;

	got->slot = area * pool->area_nslabs + pool->area[area].index;
	bit = got->slot % SLOTS_A_SEG;
	seg = &pool->seg[got->slot / SLOTS_A_SEG];
	if (bit + w->nslots <= SLOTS_A_SEG) {
		mine = span(bit, w->nslots);
		if (!((mine.w[0] & ~seg->free[0]) | (mine.w[1] & ~seg->free[1])) &&
		    fits(pool, &seen, w, got->slot, &got->bus))
			return true;
	}
	return search(pool, &seen, area, w, got);
}

/* The mapping's slots become its own. */
static void mark_taken(struct swiotlb_pool *pool, uint32_t first, uint32_t n)
{
	struct swiotlb_seg *seg = &pool->seg[first / SLOTS_A_SEG];
	unsigned int bit = first % SLOTS_A_SEG;
	struct bits128 mine = span(bit, n);

	put_word(&seg->free[0], seg->free[0] & ~mine.w[0]);
	put_word(&seg->free[1], seg->free[1] & ~mine.w[1]);
	put_word(&seg->first[bit / 64], seg->first[bit / 64] | UINT64_C(1) << (bit & 63));
}

bool slots_take(struct swiotlb_pool *pool, uint32_t area, const struct slots_want *w,
		struct slots_got *got)
{
	struct swiotlb_area *a = &pool->area[area];
	uint32_t n = swiotlb_area_slots(pool, area), next;
	bool ok;

	fh_lock(&a->lock);
	ok = w->nslots <= n - a->used && find_in_area(pool, area, w, got);
	if (ok) {
		mark_taken(pool, got->slot, w->nslots);
		next = got->slot - area * pool->area_nslabs + w->nslots;
		a->index = next < n ? next : 0;
		a->used += w->nslots;
		a->bounced += w->as.orig != SLOT_PAGES;
		got->raise = a->used > a->allowed;
	}
	fh_unlock(&a->lock);
	if (!ok)
		return false;
	got->pool = pool;
	got->area = a;
	pool->slot[got->slot] = w->as;
	return true;
}

bool slots_give(struct swiotlb_pool *pool, uint32_t first)
{
	uint32_t area = pool->nareas == 1 ? 0 : first / pool->area_nslabs;
	struct swiotlb_seg *seg = &pool->seg[first / SLOTS_A_SEG];
	unsigned int bit = first % SLOTS_A_SEG, n = pool->slot[first].nslots;
	struct swiotlb_area *a = &pool->area[area];
	uint64_t *marks = &seg->first[bit / 64], mark = UINT64_C(1) << (bit & 63);
	struct bits128 mine = span(bit, n);
	bool ok;

	fh_lock(&a->lock);
	ok = *marks & mark;
	if (ok) {
		put_word(marks, *marks & ~mark);
		put_word(&seg->free[0], seg->free[0] | mine.w[0]);
		put_word(&seg->free[1], seg->free[1] | mine.w[1]);
		a->used -= n;
		/* The next mapping is here again: these lines are in the CPU's cache. */
		a->index = first - area * pool->area_nslabs;
	}
	fh_unlock(&a->lock);
	return ok;
}

static unsigned int highest(uint64_t w)
{
	return 63 - (unsigned int)__builtin_clzll(w);
}

uint32_t slots_first(const struct swiotlb_pool *pool, phys_t phys)
{
	uint32_t slot = (uint32_t)((phys.v - pool->start.v) >> SLOT_SHIFT);
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
