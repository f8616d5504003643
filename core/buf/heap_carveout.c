/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Buffers of a region that is kept for them, and never lent: ION's carveout heap. */
#include "base/bitmap.h"
#include "base/bits.h"
#include "buf/heap_carveout.h"
#include "dma/chunk.h"

static int take(struct heap_buffer *b)
{
	unsigned int order = b->pages > 1 ? bits_log2(b->pages - 1) + 1 : 0;
	pfn_t pfn;

	if (b->pages > b->heap->chunk->nr ||
	    !chunk_take(b->heap->chunk, b->pages,
			order < FH_CMA_ALIGNMENT ? order : FH_CMA_ALIGNMENT, &pfn))
		return -FH_ENOMEM;
	return heap_buffer_add(b, pfn, b->pages);
}

static void give(struct heap_buffer *b)
{
	if (!chunk_give(b->heap->chunk, b->run[0].start, b->pages))
		machine_bug(b->heap->m, "buf: region %s does not know its own buffer",
			    b->heap->name);
}

static bool has(const struct dma_heap *heap, struct range run)
{
	const struct dma_chunk *c = heap->chunk;
	uint64_t end = run.end - c->pfn;

	return chunk_has(c, run.start, run.end - run.start) &&
	       bitmap_next_clear(c->bitmap, run.start - c->pfn, end) >= end;
}

const struct heap_source heap_carveout_source = {take, give, has};
