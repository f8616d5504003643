/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Frames of `discard` areas for pages that can be dropped. */
#include "base/bits.h"
#include "mm/lend.h"
#include "mm/machine.h"

static bool is_lending(const struct cma *cma)
{
	return area_policy(cma) == CMA_POLICY_DISCARD &&
	       !atomic_load_explicit(&cma->settling, memory_order_relaxed);
}

static bool take_from_block(struct cma *cma, const struct area_block *ab, uint64_t block,
			    pfn_t *pfn)
{
	struct fh_machine *m = cma->m;
	struct block_state old, new;
	unsigned int first;
	bool ok;

	if (!block_word_free(block_word(m, block)) ||
	    !atomic_load_explicit(&ab->lent, memory_order_relaxed) ||
	    !block_trylock(m, block, &old))
		return false;
	new = old;
	/* Policy and share change block by block under this lock. */
	ok = is_lending(cma) && atomic_load_explicit(&ab->lent, memory_order_relaxed) &&
	     !old.isolated && old.free && block_take_run(m, block, &new, 0, &first);
	block_unlock(m, block, old, new);
	if (ok)
		*pfn = machine_block_pfn(m, block) + first;
	return ok;
}

/* Its blocks in [lo, hi) of the machine. */
static bool take_between(struct cma *cma, uint64_t lo, uint64_t hi, pfn_t *pfn)
{
	for (unsigned int i = 0; i < cma->nranges; i++) {
		struct cma_memrange *r = &cma->ranges[i];
		uint64_t first = machine_block(cma->m, r->base_pfn);
		uint64_t b = lo > first ? lo : first, end = first + area_nr_blocks(r);

		for (; b < end && b < hi; b++) {
			if (!take_from_block(cma, &r->block[b - first], b, pfn))
				continue;
			atomic_store_explicit(&cma->lend_at, b, memory_order_relaxed);
			return true;
		}
	}
	return false;
}

bool lend_take(struct fh_machine *m, gfp_t gfp, pfn_t *pfn)
{
	uint64_t areas = atomic_load_explicit(&m->discard, memory_order_acquire);
	int64_t free = 0;

	if (!areas || gfp & (__GFP_DMA | __GFP_DMA32) || !(gfp & __GFP_CMA))
		return false;
	/* Full areas are not searched. */
	for (unsigned int z = 0; z < MAX_NR_ZONES; z++)
		free += zone_count(&m->zone[z].nr_free_carveout);
	for (; areas && free; areas &= areas - 1) {
		struct cma *cma = m->area[bits_first(areas)];
		uint64_t at = atomic_load_explicit(&cma->lend_at, memory_order_relaxed);

		if (take_between(cma, at, UINT64_MAX, pfn) || take_between(cma, 0, at, pfn))
			return true;
	}
	return false;
}
