/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Buffers of the coherent pool of a region: shared-dma-pool without reusable. */
#include "base/string.h"
#include "buf/heap_carveout.h"
#include "buf/heap_coherent.h"
#include "dma/chunk.h"

/* The pool's own address is past the caches, as long as it lives. */
static int take(struct heap_buffer *b)
{
	int err = heap_carveout_source.take(b);
	void *cpu =
		err || b->heap->m->plat.share ? NULL : chunk_cpu(b->heap->chunk, b->run[0].start);

	if (cpu) {
		memset(cpu, 0, b->pages << FH_PAGE_SHIFT);
		b->zero = true;
	}
	return err;
}

static void give(struct heap_buffer *b)
{
	heap_carveout_source.give(b);
}

static bool has(const struct dma_heap *heap, struct range run)
{
	return heap_carveout_source.has(heap, run);
}

const struct heap_source heap_coherent_source = {take, give, has};
