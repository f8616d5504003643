/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Frames for bounce buffers: from the buddy, and, where that has no orders for them, whole free blocks side by side. */
#include <freehold/page.h>
#include "dma/swiotlb_frames.h"
#include "mm/budget.h"
#include "mm/contig.h"
#include "mm/owner.h"

void swiotlb_frames_give(struct fh_machine *m, struct range r)
{
	while (r.start < r.end) {
		unsigned int order = 0;

		while (order < FH_BLOCK_ORDER && !(r.start & (UINT64_C(1) << order)) &&
		       r.start + (UINT64_C(2) << order) <= r.end)
			order++;
		if (fh_free_pages(m, r.start, order))
			machine_bug(m, "swiotlb: pfn %#llx of a pool was not allocated",
				    (unsigned long long)r.start);
		r.start += UINT64_C(1) << order;
	}
}

/* Zones that reach above the limit are asked first as long as they reach below it, too: there are more frames. */
static bool take_buddy(struct fh_machine *m, uint64_t nr, uint64_t limit, gfp_t gfp,
		       struct range *r)
{
	static const gfp_t zones[] = {0, __GFP_DMA32, __GFP_DMA};
	unsigned int order = 0, z = limit < m->cfg.dma_limit ? 2 : limit < m->cfg.dma32_limit;
	pfn_t pfn;

	while (UINT64_C(1) << order < nr)
		order++;
	for (; z < 3; z++) {
		pfn_t end;

		if (fh_alloc_pages(m, gfp | zones[z], order, &pfn))
			return false; /* zones below were asked, too */
		end = pfn + (UINT64_C(1) << order);
		if (fh_pfn_to_phys(pfn + nr).v - 1 <= limit) {
			*r = (struct range){pfn, pfn + nr};
			swiotlb_frames_give(m, (struct range){pfn + nr, end});
			return true;
		}
		swiotlb_frames_give(m, (struct range){pfn, end});
	}
	return false;
}

static bool is_whole(const struct fh_machine *m, uint64_t block)
{
	uint64_t w = block_word(m, block);

	return m->frames[block] && block_word_free(w) == FH_BLOCK_PAGES && !block_word_area(w) &&
	       !block_word_isolated(w) && block_word_type(w) != MIGRATE_HIGHATOMIC &&
	       block_word_zone(w) != ZONE_MOVABLE;
}

/* Claims are an area's business as a rule: what they count as a device's here is the pool's, like any page's. */
static bool claim(struct fh_machine *m, struct range r)
{
	int64_t nr = (int64_t)(r.end - r.start);

	if (!machine_in_bank(m, r) || !contig_claim_free(m, r))
		return false;
	atomic_fetch_sub_explicit(&m->nr_device, nr, memory_order_relaxed);
	budget_add(m, nr);
	if (m->owners)
		owner_set(m, r.start, r.end - r.start, 0, GFP_NOWAIT);
	return true;
}

/* Whole free blocks, highest first: as Linux's memblock places them at boot. */
static bool claim_blocks(struct fh_machine *m, uint64_t nr, uint64_t limit, struct range *r)
{
	uint64_t want = (nr + FH_BLOCK_PAGES - 1) >> FH_BLOCK_ORDER, have = 0;

	for (uint64_t b = m->nr_blocks; b-- > 0;) {
		const struct zone *z = &m->zone[block_word_zone(block_word(m, b))];
		pfn_t at = machine_block_pfn(m, b);

		have = fh_pfn_to_phys(at + FH_BLOCK_PAGES).v - 1 <= limit && is_whole(m, b)
			       ? have + 1
			       : 0;
		if (have < want || machine_nr_free(m, (enum zone_type)(z - m->zone)) <
					   (int64_t)(nr + z->wmark[WMARK_HIGH]))
			continue;
		*r = (struct range){at, at + nr};
		if (claim(m, *r))
			return true;
		have = 0;
	}
	return false;
}

static bool take_blocks(struct fh_machine *m, uint64_t nr, uint64_t limit, struct range *r)
{
	bool ok;

	if (!budget_reserve(m, nr))
		return false;
	ok = claim_blocks(m, nr, limit, r);
	budget_done(m, nr);
	return ok;
}

bool swiotlb_frames_take(struct fh_machine *m, uint64_t nr, uint64_t limit, gfp_t gfp,
			 struct range *frames)
{
	bool ok = nr <= UINT64_C(1) << FH_MAX_ORDER ? take_buddy(m, nr, limit, gfp, frames)
						    : take_blocks(m, nr, limit, frames);

	if (ok && m->owners)
		owner_name(m, frames->start, nr, "swiotlb");
	return ok;
}
