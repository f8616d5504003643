/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Windows of an area: which run of frames a request gets, and the marks. */
#include "base/bitmap.h"
#include "base/bits.h"
#include "mm/machine.h"
#include "mm/policy.h"
#include "mm/window.h"

static uint64_t block_bits(const struct cma *cma)
{
	return UINT64_C(1) << (FH_BLOCK_ORDER - cma->order_per_bit);
}

static uint64_t align_bits(const struct cma *cma, const struct window_want *want)
{
	return want->align_order > cma->order_per_bit
		       ? UINT64_C(1) << (want->align_order - cma->order_per_bit)
		       : 1;
}

/* The bits of a range that low and high leave; rounded inwards. */
static void bounds(const struct cma *cma, const struct cma_memrange *r,
		   const struct window_want *want, uint64_t *first, uint64_t *end)
{
	uint64_t unit = UINT64_C(1) << cma->order_per_bit;

	*first = want->low > r->base_pfn
			 ? (want->low - r->base_pfn + unit - 1) >> cma->order_per_bit
			 : 0;
	*end = cma_bitmap_maxno(cma, r);
	if (want->high && want->high < r->base_pfn + r->count)
		*end = want->high > r->base_pfn ? (want->high - r->base_pfn) >> cma->order_per_bit
						: 0;
}

/* The lowest window at or above `bit` and below `end` that no buffer is in, or BITMAP_NONE. */
static uint64_t next_clear(const struct cma *cma, const struct cma_memrange *r,
			   const struct window_want *want, uint64_t bit, uint64_t end)
{
	uint64_t mask = align_bits(cma, want) - 1;
	uint64_t offset =
		(r->base_pfn & ((UINT64_C(1) << want->align_order) - 1)) >> cma->order_per_bit;

	for (;;) {
		pfn_t first, last;

		bit = bitmap_find_clear(r->bitmap, end, bit, want->nr_bits, mask, offset);
		if (bit == BITMAP_NONE || !want->boundary)
			return bit;
		first = r->base_pfn + (bit << cma->order_per_bit);
		last = first + (want->nr_bits << cma->order_per_bit) - 1;
		if (!((first ^ last) & ~(want->boundary - 1)))
			return bit;
		/* To where it would cross. */
		last &= ~(want->boundary - 1);
		bit = (last - r->base_pfn + (UINT64_C(1) << cma->order_per_bit) - 1) >>
		      cma->order_per_bit;
	}
}

bool window_fits(const struct cma *cma, const struct cma_memrange *r,
		 const struct window_want *want)
{
	uint64_t first, end;

	bounds(cma, r, want, &first, &end);
	return first < end && next_clear(cma, r, want, first, end) != BITMAP_NONE;
}

static struct range pfns_of(const struct cma *cma, const struct cma_memrange *r, uint64_t bit,
			    uint64_t nr_bits)
{
	pfn_t start = r->base_pfn + (bit << cma->order_per_bit);

	return (struct range){start, start + (nr_bits << cma->order_per_bit)};
}

/* Behind the last page of the window that would not move when it was tried; 0: there is none. */
static pfn_t behind_stuck(const struct window_want *want, struct range pfns)
{
	pfn_t behind = 0;

	for (unsigned int i = 0; i < want->nr_stuck; i++)
		if (want->stuck[i] >= pfns.start && want->stuck[i] < pfns.end &&
		    want->stuck[i] >= behind)
			behind = want->stuck[i] + 1;
	return behind;
}

/* ---- marks ---- */

static bool is_small(const struct cma *cma, uint64_t nr_bits)
{
	return nr_bits < block_bits(cma);
}

void window_mark(struct cma *cma, struct window *w)
{
	if (!w->nr_bits)
		return;
	bitmap_set(w->r->bitmap, w->bit, w->nr_bits);
	cma->available_count -= w->nr_bits << cma->order_per_bit;
	w->pfns = pfns_of(cma, w->r, w->bit, w->nr_bits);
	for (uint64_t b = w->bit / block_bits(cma);
	     is_small(cma, w->nr_bits) && b <= (w->bit + w->nr_bits - 1) / block_bits(cma); b++) {
		w->r->nr_small += !w->r->block[b].small;
		w->r->block[b].small = true;
	}
}

void window_clear(struct cma *cma, struct cma_memrange *r, uint64_t bit, uint64_t nr_bits)
{
	uint64_t per = block_bits(cma);

	if (!nr_bits)
		return;
	bitmap_clear(r->bitmap, bit, nr_bits);
	cma->available_count += nr_bits << cma->order_per_bit;
	for (uint64_t b = bit / per; r->nr_small && b <= (bit + nr_bits - 1) / per; b++) {
		r->block[b].full = false;
		if (r->block[b].small &&
		    bitmap_next_set(r->bitmap, b * per, (b + 1) * per) == (b + 1) * per) {
			r->block[b].small = false;
			r->nr_small--;
		}
	}
}

bool window_first(struct cma *cma, struct window *w, const struct window_want *want)
{
	uint64_t first, end;

	bounds(cma, w->r, want, &first, &end);
	w->nr_bits = want->nr_bits;
	fh_lock(&cma->lock);
	w->bit = next_clear(cma, w->r, want, w->bit > first ? w->bit : first, end);
	if (w->bit != BITMAP_NONE)
		window_mark(cma, w);
	fh_unlock(&cma->lock);
	return w->bit != BITMAP_NONE;
}

/* ---- what a window costs ---- */

struct search {
	struct cma *cma;
	const struct window_want *want;
	struct cma_memrange *r;
	uint64_t best_cost, best_waste;
	struct window best;
	bool best_wraps;    /* lies below where the last search ended */
	unsigned int looks; /* blocks whose maps were read */
};

#define COST_UNKNOWN (UINT64_MAX / 4)
#define NO_GLOVE     UINT64_MAX /* what is left of a run of clear bits can be used */
#define MOST_LOOKS   16		/* maps of blocks that a small window is looked for in */

/* `taken` of a block's frames, of which `tenants` are tenants' in all, less what is a device's. */
static uint64_t cost_of(uint64_t taken, uint64_t all, uint32_t tenants)
{
	uint64_t drop = tenants & (TENANT_HELD - 1), held = tenants / TENANT_HELD;

	if (!tenants || !all)
		return policy_leave_cost(taken, 0, 0);
	/* Of a part of a block: as they are spread over the whole. */
	drop = drop * taken / all;
	held = held * taken / all + (held && taken < all);
	drop = drop < taken ? drop : taken;
	held = held < taken - drop ? held : taken - drop;
	return policy_leave_cost(taken - drop - held, drop, held);
}

static uint64_t whole_cost(const struct fh_machine *m, uint64_t block)
{
	uint64_t taken = FH_BLOCK_PAGES - block_word_free(block_word(m, block));

	if (!taken)
		return 0;
	return cost_of(taken, taken,
		       atomic_load_explicit(&m->tenants[block], memory_order_relaxed));
}

/* A block's map, to count in. False: not without waiting. */
static bool map_of(struct fh_machine *m, uint64_t block, bool wait, struct block_map *map)
{
	struct block_state s;

	if (wait)
		s = block_lock(m, block);
	else if (!block_trylock(m, block, &s))
		return false;
	*map = m->map[block];
	block_unlock(m, block, s, s);
	return true;
}

static unsigned int taken_in(const struct block_map *map, unsigned int lo, unsigned int hi)
{
	struct block_map span;
	unsigned int n = 0;

	if (hi - lo <= 64 - (lo & 63))
		return bits_count(~map->w[lo / 64] >> (lo & 63) & bits_low(hi - lo));
	block_span(&span, lo, hi);
	for (unsigned int i = lo / 64; i < BLOCK_WORDS && i * 64 < hi; i++)
		n += bits_count(span.w[i] & ~map->w[i]);
	return n;
}

/* Frames of a block in tenants' hands: what is taken and not marked. */
static uint64_t tenants_in(const struct cma *cma, const struct cma_memrange *r, uint64_t i,
			   uint64_t taken)
{
	uint64_t per = block_bits(cma), end = (i + 1) * per, device = 0, bit = i * per, clear;

	while ((bit = bitmap_next_set(r->bitmap, bit, end)) < end) {
		clear = bitmap_next_clear(r->bitmap, bit, end);
		device += clear - bit;
		bit = clear;
	}
	device <<= cma->order_per_bit;
	return taken > device ? taken - device : 0;
}

static uint64_t block_of(const struct search *s, uint64_t i)
{
	return machine_block(s->cma->m, s->r->base_pfn) + i;
}

/* `taken` of the frames of block `i` of the range that is searched. */
static uint64_t taken_cost(const struct search *s, uint64_t i, uint64_t taken)
{
	uint64_t block = block_of(s, i), free = block_word_free(block_word(s->cma->m, block));
	uint32_t tenants = atomic_load_explicit(&s->cma->m->tenants[block], memory_order_relaxed);

	if (!taken)
		return 0;
	return cost_of(taken, tenants ? tenants_in(s->cma, s->r, i, FH_BLOCK_PAGES - free) : 0,
		       tenants);
}

/* Frames [lo, hi) of it. */
static uint64_t part_cost(const struct search *s, uint64_t i, unsigned int lo, unsigned int hi)
{
	struct fh_machine *m = s->cma->m;
	struct block_map map;

	if (block_word_free(block_word(m, block_of(s, i))) == FH_BLOCK_PAGES || hi == lo)
		return 0;
	if (!map_of(m, block_of(s, i), !s->want->free, &map))
		return COST_UNKNOWN;
	return taken_cost(s, i, taken_in(&map, lo, hi));
}

/* The sum over whole blocks [first, end) of a range, moved along with the window. */
struct slide {
	uint64_t first, end;
	int64_t sum;
};

static uint64_t slide_to(const struct cma *cma, const struct cma_memrange *r, struct slide *s,
			 uint64_t first, uint64_t end)
{
	uint64_t base = machine_block(cma->m, r->base_pfn);

	if (first >= s->end || first < s->first || end < s->end) {
		s->first = s->end = first;
		s->sum = 0;
	}
	/* Counts change meanwhile: a sum that is a little wrong costs a little more. */
	for (; s->first < first; s->first++)
		s->sum -= (int64_t)whole_cost(cma->m, base + s->first);
	for (; s->end < end; s->end++)
		s->sum += (int64_t)whole_cost(cma->m, base + s->end);
	return s->sum > 0 ? (uint64_t)s->sum : 0;
}

/* ---- the cheapest ---- */

/* A run that a window fills but for a few bits is taken before all others, the best fitting first: what would be left of
 * it is worth nothing to anybody, and buffers of other sizes would be the worse for a piece of a larger run. */
static void found(struct search *s, uint64_t bit, uint64_t cost, uint64_t waste)
{
	bool wraps = cost && !is_small(s->cma, s->want->nr_bits) &&
		     s->r->base_pfn + (bit << s->cma->order_per_bit) < s->cma->search_at;
	bool same = waste == s->best_waste;

	if ((s->want->free && cost) || waste > s->best_waste || (same && cost > s->best_cost) ||
	    (same && cost == s->best_cost && (!s->best_wraps || wraps)))
		return;
	s->best_cost = cost;
	s->best_waste = waste;
	s->best_wraps = wraps;
	s->best = (struct window){.r = s->r, .bit = bit, .nr_bits = s->want->nr_bits};
}

/* What a window costs that spans parts of blocks, or several. */
static uint64_t window_cost(const struct search *s, uint64_t bit, struct slide *slide)
{
	struct range p = pfns_of(s->cma, s->r, bit, s->want->nr_bits);
	uint64_t lo = p.start - s->r->base_pfn, hi = p.end - s->r->base_pfn, cost = 0;
	uint64_t first = (lo + FH_BLOCK_PAGES - 1) >> FH_BLOCK_ORDER, end = hi >> FH_BLOCK_ORDER;
	unsigned int head = (unsigned int)(lo & (FH_BLOCK_PAGES - 1));
	unsigned int tail = (unsigned int)(hi & (FH_BLOCK_PAGES - 1));

	if (first > end) /* within one block */
		return part_cost(s, end, head, tail);
	if (head)
		cost += part_cost(s, first - 1, head, FH_BLOCK_PAGES);
	if (tail)
		cost += part_cost(s, end, 0, tail);
	return cost + slide_to(s->cma, s->r, slide, first, end);
}

/* Windows of a run of clear bits that ends at `end`: from the first, side by side, so that as many of its size fit in as
 * before, less one, whichever is chosen; small ones every quarter of their size. */
static void search_run(struct search *s, uint64_t bit, uint64_t end, struct slide *slide,
		       uint64_t waste)
{
	uint64_t step = s->want->nr_bits;

	if (is_small(s->cma, step))
		step = step / 4 ? step / 4 : 1;
	for (; bit != BITMAP_NONE; bit = next_clear(s->cma, s->r, s->want, bit, end)) {
		pfn_t behind = behind_stuck(s->want, pfns_of(s->cma, s->r, bit, s->want->nr_bits));

		if (behind) {
			bit = ((behind - 1 - s->r->base_pfn) >> s->cma->order_per_bit) + 1;
			continue;
		}
		found(s, bit, window_cost(s, bit, slide), waste);
		if (!s->best_cost)
			return;
		bit += step;
	}
}

/* Windows of a range from the lower end. With one that costs nothing only runs that fit like a glove are
 * looked for; in an idle area there is none. */
static void search_up(struct search *s)
{
	uint64_t bit, end, to, left, nr = s->want->nr_bits;
	bool idle = s->cma->available_count == s->cma->count;
	struct slide slide = {0, 0, 0};

	bounds(s->cma, s->r, s->want, &bit, &end);
	while ((bit = next_clear(s->cma, s->r, s->want, bit, end)) != BITMAP_NONE) {
		to = idle ? end : bitmap_next_set(s->r->bitmap, bit + nr, end);
		left = to - bit - nr;
		if (!idle && left < nr / 8)
			search_run(s, bit, to, &slide, left);
		else if (s->best_waste == NO_GLOVE && s->best_cost)
			search_run(s, bit, to, &slide, NO_GLOVE);
		if (idle)
			return;
		bit = to;
	}
}

/* Of the windows of block `i` from `bit` on the first with the fewest frames taken, `least` at best; BITMAP_NONE: none. */
static uint64_t emptiest(const struct search *s, const struct block_map *map, uint64_t bit,
			 uint64_t end, uint64_t least, uint64_t *taken)
{
	uint64_t quarter = s->want->nr_bits / 4, best = BITMAP_NONE;

	*taken = UINT64_MAX;
	for (; bit != BITMAP_NONE && *taken > least;
	     bit = next_clear(s->cma, s->r, s->want, bit + (quarter ? quarter : 1), end)) {
		struct range p = pfns_of(s->cma, s->r, bit, s->want->nr_bits);
		unsigned int lo = (unsigned int)(p.start & (FH_BLOCK_PAGES - 1)), n;

		if (behind_stuck(s->want, p))
			continue;
		n = taken_in(map, lo, lo + (unsigned int)(p.end - p.start));
		if (n < *taken) {
			*taken = n;
			best = bit;
		}
	}
	return best;
}

/* A block of small buffers without a frame that is nobody's is not searched again until one of them goes. */
static __attribute__((noinline)) void note_full(const struct search *s, uint64_t i)
{
	uint64_t per = block_bits(s->cma), end = (i + 1) * per;

	if (s->r->block[i].small)
		s->r->block[i].full = bitmap_next_clear(s->r->bitmap, i * per, end) == end;
}

/* Windows within block `i` of the range. What they cost depends on how many of their frames are taken, which are all but what
 * is free of the block, or more. */
static void search_block(struct search *s, uint64_t i)
{
	uint64_t per = block_bits(s->cma), bit, end, taken;
	uint64_t n = s->want->nr_bits << s->cma->order_per_bit;
	uint64_t free = block_word_free(block_word(s->cma->m, block_of(s, i)));
	uint64_t least = n > free ? n - free : 0, cost = taken_cost(s, i, least);
	struct block_map map;

	if (cost >= s->best_cost || (s->want->free && cost))
		return;
	bounds(s->cma, s->r, s->want, &bit, &end);
	bit = bit > i * per ? bit : i * per;
	end = end < (i + 1) * per ? end : (i + 1) * per;
	bit = bit < end ? next_clear(s->cma, s->r, s->want, bit, end) : BITMAP_NONE;
	if (bit != BITMAP_NONE && free == FH_BLOCK_PAGES) {
		found(s, bit, 0, NO_GLOVE); /* no need for its map */
		return;
	}
	if (bit == BITMAP_NONE) {
		note_full(s, i);
		return;
	}
	if (!map_of(s->cma->m, block_of(s, i), !s->want->free, &map))
		return;
	bit = emptiest(s, &map, bit, end, least, &taken);
	if (bit != BITMAP_NONE)
		found(s, bit, taken_cost(s, i, taken), NO_GLOVE);
	s->looks++;
}

/* No device has a frame of the block. */
static bool is_unbroken(const struct search *s, uint64_t i)
{
	uint64_t per = block_bits(s->cma), end = (i + 1) * per;

	return block_word_free(block_word(s->cma->m, block_of(s, i))) == FH_BLOCK_PAGES ||
	       bitmap_next_set(s->r->bitmap, i * per, end) == end;
}

/* Small windows, from the upper end: in blocks that small ones have broken, then in blocks of no
 * device. In a full area a search through all of them would take longer than what it finds can save. */
static void search_down(struct search *s, bool broken)
{
	struct cma *cma = s->cma;

	for (unsigned int r = cma->nranges; r-- > 0 && s->best_cost;) {
		s->r = &cma->ranges[r];
		if (broken && !s->r->nr_small)
			continue;
		for (uint64_t i = area_nr_blocks(s->r); i-- > 0 && s->best_cost;) {
			if (s->best.r && !s->want->free && s->looks >= MOST_LOOKS)
				return;
			if (broken ? s->r->block[i].small && !s->r->block[i].full
				   : is_unbroken(s, i))
				search_block(s, i);
		}
	}
}

static void search_all(struct search *s)
{
	if (is_small(s->cma, s->want->nr_bits)) {
		search_down(s, true);
		if (!s->best.r)
			search_down(s, false);
		if (s->best.r)
			return;
	}
	for (unsigned int r = 0; r < s->cma->nranges && s->best_cost; r++) {
		s->r = &s->cma->ranges[r];
		search_up(s);
	}
}

bool window_search(struct cma *cma, struct window *w, const struct window_want *want)
{
	struct search s = {.cma = cma,
			   .want = want,
			   .best_cost = UINT64_MAX,
			   .best_waste = NO_GLOVE,
			   .best_wraps = true};

	search_all(&s);
	if (!s.best.r)
		return false;
	*w = s.best;
	w->pfns = pfns_of(cma, w->r, w->bit, w->nr_bits);
	if (s.best_cost && !is_small(cma, want->nr_bits))
		cma->search_at = w->pfns.end;
	return true;
}

bool window_without(struct cma *cma, struct window *w, const struct window_want *want,
		    const struct window *gone)
{
	uint64_t per = block_bits(cma);
	bool ok;

	bitmap_clear(gone->r->bitmap, gone->bit, gone->nr_bits);
	for (uint64_t b = gone->bit / per; b <= (gone->bit + gone->nr_bits - 1) / per; b++)
		gone->r->block[b].full = false;
	ok = window_fits(cma, gone->r, want) && window_search(cma, w, want);
	bitmap_set(gone->r->bitmap, gone->bit, gone->nr_bits);
	return ok;
}

bool window_cheapest(struct cma *cma, struct window *w, const struct window_want *want)
{
	bool ok;

	if (!want->free)
		fh_lock(&cma->lock);
	else if (!fh_trylock(&cma->lock))
		return false;
	ok = window_search(cma, w, want);
	if (ok)
		window_mark(cma, w);
	fh_unlock(&cma->lock);
	return ok;
}
