/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Buffers of frames that need not lie together. After drivers/dma-buf/heaps/system_heap.c. */
#include <freehold/page.h>
#include "buf/heap_system.h"

static const unsigned int orders[] = {8, 4, 0};
#define NR_ORDERS (sizeof(orders) / sizeof(orders[0]))

static void give_run(struct fh_machine *m, struct range run)
{
	while (run.start < run.end) {
		unsigned int order = 0;

		while (order < FH_MAX_ORDER && !(run.start & (UINT64_C(1) << order)) &&
		       run.start + (UINT64_C(2) << order) <= run.end)
			order++;
		if (fh_free_pages(m, run.start, order))
			machine_bug(m, "buf: pfn %#llx of a buffer was not allocated",
				    (unsigned long long)run.start);
		run.start += UINT64_C(1) << order;
	}
}

static void give(struct heap_buffer *b)
{
	for (unsigned int i = 0; i < b->nr_runs; i++)
		give_run(b->heap->m, b->run[i]);
}

/* ION's rule: who asks for more than half of it all is not to empty the machine first. */
static bool too_large(const struct heap_buffer *b)
{
	uint64_t present = 0;

	for (unsigned int z = 0; z < MAX_NR_ZONES; z++)
		present += b->heap->m->zone[z].present;
	return b->pages > present / 2;
}

/* The largest run that there is, of at most 2^*order frames, which is lowered to it. Only single frames are worth reclaim. */
static int take_run(struct heap_buffer *b, uint64_t left, unsigned int *which, pfn_t *pfn)
{
	gfp_t zone = b->heap->traits & DMA_HEAP_DMA32 ? __GFP_DMA32 : 0;
	int err = -FH_ENOMEM;

	for (; *which < NR_ORDERS; ++*which) {
		unsigned int order = orders[*which];

		if (UINT64_C(1) << order > left)
			continue;
		err = fh_alloc_pages(b->heap->m,
				     zone | (order ? GFP_NOWAIT | __GFP_NOWARN : GFP_KERNEL), order,
				     pfn);
		if (!err)
			return 0;
	}
	return err;
}

static int take(struct heap_buffer *b)
{
	uint64_t left = b->pages;
	unsigned int which = 0;
	pfn_t pfn;
	int err = too_large(b) ? -FH_ENOMEM : 0;

	while (left && !err) {
		err = take_run(b, left, &which, &pfn);
		if (err)
			break;
		err = heap_buffer_add(b, pfn, UINT64_C(1) << orders[which]);
		if (err)
			give_run(b->heap->m,
				 (struct range){pfn, pfn + (UINT64_C(1) << orders[which])});
		left -= UINT64_C(1) << orders[which];
	}
	if (err)
		give(b);
	return err;
}

static bool has(const struct dma_heap *heap, struct range run)
{
	struct fh_machine *m = heap->m;

	for (pfn_t p = run.start; p < run.end; p++)
		if (!machine_has(m, p) || block_is_free(m, p) ||
		    machine_area(m, machine_block(m, p)) ||
		    frame_state(machine_frame(m, p)) != FRAME_RAW)
			return false;
	return true;
}

const struct heap_source heap_system_source = {take, give, has};
