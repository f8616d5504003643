/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Buffers of an area. After drivers/dma-buf/heaps/cma_heap.c. */
#include "base/bitmap.h"
#include "base/bits.h"
#include "buf/heap_cma.h"

static int take(struct heap_buffer *b)
{
	unsigned int order = b->pages > 1 ? bits_log2(b->pages - 1) + 1 : 0;
	pfn_t pfn;
	int err;

	if (b->pages > b->heap->total >> FH_PAGE_SHIFT)
		return -FH_ENOMEM;
	/* An object of the platform's brings its own zeros; an area's are those that CPUs see, which says nothing of RAM. */
	b->zero = !b->heap->m->plat.share && !b->heap->m->plat.cache_clean;
	err = cma_alloc(b->heap->area, b->pages,
			order < FH_CMA_ALIGNMENT ? order : FH_CMA_ALIGNMENT, b->zero ? CMA_ZERO : 0,
			&pfn);
	/* -FH_EBUSY, of policy `movable`, is no other thing to who asked. */
	return err ? -FH_ENOMEM : heap_buffer_add(b, pfn, b->pages);
}

static void give(struct heap_buffer *b)
{
	if (!cma_release(b->heap->area, b->run[0].start, b->pages))
		machine_bug(b->heap->m, "buf: area %s does not know its own buffer", b->heap->name);
}

static bool has(const struct dma_heap *heap, struct range run)
{
	const struct cma *cma = heap->area;

	for (unsigned int i = 0; i < cma->nranges; i++) {
		const struct cma_memrange *r = &cma->ranges[i];
		uint64_t at, end;

		if (run.start < r->base_pfn || run.end > r->base_pfn + r->count)
			continue;
		at = (run.start - r->base_pfn) >> cma->order_per_bit;
		end = ((run.end - 1 - r->base_pfn) >> cma->order_per_bit) + 1;
		return bitmap_next_clear(r->bitmap, at, end) >= end;
	}
	return false;
}

const struct heap_source heap_cma_source = {take, give, has};
