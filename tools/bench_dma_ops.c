/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Group `dma`: the operations, a chunk of them at a time. */
#include <string.h>
#include <freehold/page.h>
#include "bench_dma.h"

/* ---- memory of a thread ------------------------------------------------------------------------- */

bool dma_hand_begin(struct dma_work *w, struct dma_hand *h)
{
	for (unsigned int i = 0; i < DMA_RUNS / w->threads; i++) {
		if (fh_alloc_pages(w->m, GFP_KERNEL, FH_BLOCK_ORDER, &h->pfn[i]))
			return false;
		h->nr_runs++;
		h->run[i] = w->plat->ram(w->plat->ctx, fh_pfn_to_phys(h->pfn[i]), DMA_RUN);
		if (!h->run[i])
			return false;
		memset(h->run[i], 0xa5, DMA_RUN);
	}
	return true;
}

void dma_hand_end(struct dma_work *w, struct dma_hand *h)
{
	while (h->nr_held) {
		h->nr_held--;
		if (w->objects)
			(void)!dma_pool_free(w->objects, h->held[h->nr_held].cpu,
					     h->held[h->nr_held].handle);
		else
			(void)!dma_free_coherent(&w->dev, w->size, h->held[h->nr_held].cpu,
						 h->held[h->nr_held].handle);
	}
	while (h->nr_runs)
		(void)!fh_free_pages(w->m, h->pfn[--h->nr_runs], FH_BLOCK_ORDER);
}

/* ---- coherent ----------------------------------------------------------------------------------- */

static inline __attribute__((always_inline)) bool chunk_alloc(struct dma_work *w, gfp_t gfp)
{
	dma_t handle;
	void *cpu;

	for (unsigned int i = 0; i < w->per_chunk; i++) {
		if (dma_alloc_coherent(&w->dev, w->size, gfp, &handle, &cpu) ||
		    dma_free_coherent(&w->dev, w->size, cpu, handle))
			return false;
	}
	return true;
}

bool dma_chunk_coherent(struct dma_work *w, struct dma_hand *h)
{
	(void)h;
	return chunk_alloc(w, GFP_KERNEL);
}

bool dma_chunk_atomic(struct dma_work *w, struct dma_hand *h)
{
	(void)h;
	return chunk_alloc(w, GFP_ATOMIC);
}

bool dma_chunk_explained(struct dma_work *w, struct dma_hand *h)
{
	struct dma_refusal way;
	dma_t handle;
	void *cpu;

	(void)h;
	for (unsigned int i = 0; i < w->per_chunk; i++) {
		if (dma_alloc_explained(&w->dev, w->size, GFP_KERNEL, 0, &handle, &cpu, &way) ||
		    dma_free_coherent(&w->dev, w->size, cpu, handle))
			return false;
	}
	return true;
}

/* The freed page is not ours any more: what is zeroed is a page of our own that is as warm. */
bool dma_chunk_zero(struct dma_work *w, struct dma_hand *h)
{
	for (unsigned int i = 0; i < w->per_chunk; i++) {
		memset(h->run[0], 0, w->size);
		__asm__ volatile("" ::: "memory");
	}
	return true;
}

static bool take(struct dma_work *w, struct dma_hand *h, uint64_t i)
{
	return !(w->objects ? dma_pool_alloc(w->objects, GFP_KERNEL, &h->held[i].handle,
					     &h->held[i].cpu)
			    : dma_alloc_coherent(&w->dev, w->size, GFP_KERNEL, &h->held[i].handle,
						 &h->held[i].cpu));
}

/* Half of the pool is in the threads' hands. */
static bool hold(struct dma_work *w, struct dma_hand *h)
{
	unsigned int want = 2 * DMA_HELD / w->threads;

	for (want = want < DMA_HELD ? want : DMA_HELD; h->nr_held < want; h->nr_held++)
		if (!take(w, h, h->nr_held))
			return false;
	return true;
}

bool dma_chunk_aged(struct dma_work *w, struct dma_hand *h)
{
	if (!hold(w, h))
		return false;
	for (unsigned int i = 0; i < w->per_chunk; i++) {
		uint64_t at = bench_below(&h->seed, h->nr_held);

		if (dma_free_coherent(&w->dev, w->size, h->held[at].cpu, h->held[at].handle) ||
		    dma_alloc_coherent(&w->dev, w->size, GFP_KERNEL, &h->held[at].handle,
				       &h->held[at].cpu))
			return false;
	}
	return true;
}

bool dma_chunk_zero_aged(struct dma_work *w, struct dma_hand *h)
{
	for (unsigned int i = 0; i < w->per_chunk; i++)
		memset(h->held[bench_below(&h->seed, h->nr_held)].cpu, 0, w->size);
	return true;
}

bool dma_chunk_object(struct dma_work *w, struct dma_hand *h)
{
	dma_t handle;
	void *cpu;

	(void)h;
	for (unsigned int i = 0; i < w->per_chunk; i++)
		if (dma_pool_alloc(w->objects, GFP_KERNEL, &handle, &cpu) ||
		    dma_pool_free(w->objects, cpu, handle))
			return false;
	return true;
}

bool dma_chunk_object_aged(struct dma_work *w, struct dma_hand *h)
{
	if (!hold(w, h))
		return false;
	for (unsigned int i = 0; i < w->per_chunk; i++) {
		uint64_t at = bench_below(&h->seed, h->nr_held);

		if (dma_pool_free(w->objects, h->held[at].cpu, h->held[at].handle) ||
		    dma_pool_alloc(w->objects, GFP_KERNEL, &h->held[at].handle, &h->held[at].cpu))
			return false;
	}
	return true;
}

/* ---- streaming ---------------------------------------------------------------------------------- */

bool dma_chunk_single(struct dma_work *w, struct dma_hand *h)
{
	dma_t handle;

	for (unsigned int i = 0; i < w->per_chunk; i++) {
		if (dma_map_single(&w->dev, h->run[0], w->size, DMA_TO_DEVICE, &handle))
			return false;
		dma_unmap_single(&w->dev, handle, w->size, DMA_TO_DEVICE);
	}
	return true;
}

/* Single pages, none beside another. */
bool dma_chunk_sg(struct dma_work *w, struct dma_hand *h)
{
	for (unsigned int i = 0; i < DMA_ENTRIES; i++)
		h->sg[i] = (struct scatterlist){
			.phys = {fh_pfn_to_phys(h->pfn[0]).v + 2 * i * FH_PAGE_SIZE},
			.length = w->size,
		};
	for (unsigned int i = 0; i < w->per_chunk; i++) {
		if (dma_map_sg(&w->dev, h->sg, DMA_ENTRIES, DMA_TO_DEVICE, 0) < 1)
			return false;
		dma_unmap_sg(&w->dev, h->sg, DMA_ENTRIES, DMA_TO_DEVICE, 0);
	}
	return true;
}

/* The next buffer of a walk through all memory of the thread. */
static inline unsigned char *next_buffer(struct dma_hand *h, uint64_t size)
{
	uint64_t at = h->at;

	h->at = (at + size) % (h->nr_runs * DMA_RUN);
	return h->run[at / DMA_RUN] + at % DMA_RUN;
}

static inline __attribute__((always_inline)) bool chunk_bounce(struct dma_work *w,
							       struct dma_hand *h, bool cold)
{
	dma_t handle[DMA_CHUNK];

	for (unsigned int i = 0; i < w->per_chunk; i++) {
		unsigned char *p = cold ? next_buffer(h, w->size) : h->run[0];

		if (dma_map_single(&w->dev, p, w->size, DMA_TO_DEVICE, &handle[i]))
			return false;
		dma_unmap_single(&w->dev, handle[i], w->size, DMA_TO_DEVICE);
	}
	for (unsigned int i = 0; i < w->per_chunk; i++)
		h->slot[i] = w->plat->ram(w->plat->ctx, (phys_t){handle[i].v}, w->size);
	return true;
}

static inline __attribute__((always_inline)) bool chunk_copy(struct dma_work *w, struct dma_hand *h,
							     bool cold)
{
	for (unsigned int i = 0; i < w->per_chunk; i++)
		memcpy(h->slot[i], cold ? next_buffer(h, w->size) : h->run[0], w->size);
	return true;
}

bool dma_chunk_bounce(struct dma_work *w, struct dma_hand *h)
{
	return chunk_bounce(w, h, false);
}

bool dma_chunk_bounce_cold(struct dma_work *w, struct dma_hand *h)
{
	return chunk_bounce(w, h, true);
}

bool dma_chunk_copy(struct dma_work *w, struct dma_hand *h)
{
	return chunk_copy(w, h, false);
}

bool dma_chunk_copy_cold(struct dma_work *w, struct dma_hand *h)
{
	return chunk_copy(w, h, true);
}
