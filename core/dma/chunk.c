/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Runs of frames with a bit a page, and one where a buffer begins. */
#include "base/bitmap.h"
#include "base/bits.h"
#include "base/string.h"
#include "dma/chunk.h"

/* Of both. */
static size_t map_size(uint64_t nr)
{
	return 2 * bitmap_words(nr) * sizeof(uint64_t);
}

static bool see(struct fh_machine *m, struct dma_chunk *c, bool uncached)
{
	const struct range run = {c->pfn, c->pfn + c->nr};

	c->cpu = machine_in_bank(m, run) ? machine_virt(m, c->pfn) : NULL;
	if (!c->cpu || !uncached || !m->plat.cache_clean)
		return true;
	c->cpu = m->plat.vmap ? m->plat.vmap(m->plat.ctx, &run, 1, PLAT_VMAP_UNCACHED) : NULL;
	c->mapped = c->cpu;
	return c->mapped;
}

int chunk_create(struct fh_machine *m, pfn_t pfn, uint64_t nr, bool uncached,
		 struct dma_chunk **chunk)
{
	struct dma_chunk *c = machine_alloc(m, sizeof(*c));

	if (!c)
		return -FH_ENOMEM;
	c->pfn = pfn;
	c->nr = nr;
	fh_lock_init(&c->lock, RANK_LEAF);
	c->bitmap = machine_alloc(m, map_size(nr));
	if (!c->bitmap || !see(m, c, uncached)) {
		chunk_destroy(m, c);
		return -FH_ENOMEM;
	}
	c->first = c->bitmap + bitmap_words(nr);
	*chunk = c;
	return 0;
}

void chunk_destroy(struct fh_machine *m, struct dma_chunk *c)
{
	if (c->mapped)
		m->plat.vunmap(m->plat.ctx, c->cpu, c->nr);
	machine_free(m, c->bitmap, map_size(c->nr));
	machine_free(m, c, sizeof(*c));
}

/* Where a run begins; the lock. Mostly a page is wanted, and below `low` there is none: then the word there has it. */
static inline uint64_t find_run(const struct dma_chunk *c, uint64_t nr, unsigned int order)
{
	uint64_t mask = (UINT64_C(1) << order) - 1, at = c->low, free;

	if (nr == 1 && !order && at < c->nr) {
		free = ~c->bitmap[at / 64] >> (at % 64);
		if (free)
			at += arch_ctz64(free);
		if (free && at < c->nr)
			return at;
	}
	return bitmap_find_clear(c->bitmap, c->nr, c->low, nr, mask, c->pfn & mask);
}

bool chunk_take(struct dma_chunk *c, uint64_t nr, unsigned int order, pfn_t *pfn)
{
	uint64_t at;

	fh_lock(&c->lock);
	at = find_run(c, nr, order);
	if (at == BITMAP_NONE) {
		fh_unlock(&c->lock);
		return false;
	}
	bitmap_set(c->bitmap, at, nr);
	bitmap_set(c->first, at, 1);
	if (at == c->low)
		c->low = at + nr;
	c->used += nr;
	if (c->used > c->used_max)
		c->used_max = c->used;
	fh_unlock(&c->lock);
	*pfn = c->pfn + at;
	return true;
}

static bool is_set(const uint64_t *map, uint64_t at)
{
	return map[at / 64] >> (at % 64) & 1;
}

/* lock: [at, end) is one buffer, and all of it. */
static bool is_buffer(const struct dma_chunk *c, uint64_t at, uint64_t end)
{
	return is_set(c->first, at) && bitmap_next_set(c->first, at + 1, end) >= end &&
	       bitmap_next_clear(c->bitmap, at, end) >= end &&
	       (end == c->nr || !is_set(c->bitmap, end) || is_set(c->first, end));
}

bool chunk_give(struct dma_chunk *c, pfn_t pfn, uint64_t nr)
{
	uint64_t at = pfn - c->pfn;
	bool taken;

	fh_lock(&c->lock);
	taken = is_buffer(c, at, at + nr);
	if (taken) {
		bitmap_clear(c->bitmap, at, nr);
		bitmap_clear(c->first, at, 1);
		c->used -= nr;
		if (at < c->low)
			c->low = at;
	}
	fh_unlock(&c->lock);
	return taken;
}

uint64_t chunk_longest(struct dma_chunk *c, uint64_t *free)
{
	uint64_t longest = 0, end;

	fh_lock(&c->lock);
	*free = c->nr - c->used;
	for (uint64_t at = 0; at < c->nr; at = end) {
		at = bitmap_next_clear(c->bitmap, at, c->nr);
		end = bitmap_next_set(c->bitmap, at, c->nr);
		if (end - at > longest)
			longest = end - at;
	}
	fh_unlock(&c->lock);
	return longest;
}

unsigned int chunk_check(const struct dma_chunk *c, const char *name, struct fh_text *out)
{
	uint64_t taken = 0, headless = 0;

	for (uint64_t i = 0; i < c->nr; i++) {
		taken += is_set(c->bitmap, i);
		headless += is_set(c->first, i)
				    ? !is_set(c->bitmap, i)
				    : is_set(c->bitmap, i) && (!i || !is_set(c->bitmap, i - 1));
	}
	if (taken == c->used && c->used <= c->used_max && !headless &&
	    bitmap_next_clear(c->bitmap, 0, c->nr) >= c->low)
		return 0;
	fh_text_add(
		out,
		"D1 pool %s at pfn %#llx: %llu pages taken, %llu counted; %llu wrong beginnings\n",
		name, (unsigned long long)c->pfn, (unsigned long long)taken,
		(unsigned long long)c->used, (unsigned long long)headless);
	return 1;
}
