/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Small coherent objects: descriptors, command blocks. A pool belongs to one device and hands out objects of one size,
 * cut out of whole pages that it has of dma_alloc_coherent(). Follows mm/dmapool.c of Linux 6.12.
 *
 * Any thread may call any of these for any pool, several at a time, except that dma_pool_destroy() is the last call.
 * Pages go back at dma_pool_destroy() only, however many of them are empty (as in Linux): a pool is as large as it ever was.
 */
#ifndef FREEHOLD_DMAPOOL_H
#define FREEHOLD_DMAPOOL_H

#include <freehold/device.h>

#define DMA_POOL_MAX_NAME  32
#define DMA_POOL_MIN_SIZE  4
#define DMA_POOL_MAX_ALIGN (FH_PAGE_SIZE << FH_CMA_ALIGNMENT) /* as coherent buffers are */

struct dma_pool;

/*
 * size: bytes of an object; at least DMA_POOL_MIN_SIZE and rounded up to `align`. align: of each object's bus address, a
 * power of two, 0: 1, at most DMA_POOL_MAX_ALIGN. boundary: no object crosses a multiple of it, a power of two not below
 * the rounded size; 0: none. The name is copied, and cut at 31 characters. Takes no page yet; does not sleep.
 * -FH_EINVAL: no name, device, machine or result; a size of 0 or above 2^31 - 1; align or boundary as above. -FH_ENOMEM.
 */
FH_MUST_CHECK int dma_pool_create(const char *name, struct device *dev, uint64_t size,
				  uint64_t align, uint64_t boundary, struct dma_pool **pool);

/*
 * An object of undefined bytes, by __GFP_ZERO of zeros: *handle is its bus address, *cpu where the CPU sees it (NULL when
 * the machine has no bytes). Takes a page when no object is free, and only then may sleep, as gfp says.
 * -FH_ENOMEM: no page (dma_refusals() tells who was asked), or the device's page is not aligned as the pool needs it; and
 * other errors of dma_alloc_coherent(). Then *handle and *cpu are unchanged.
 */
FH_MUST_CHECK int dma_pool_alloc(struct dma_pool *pool, gfp_t gfp, dma_t *handle, void **cpu);
/* The same, of zeros. */
FH_MUST_CHECK int dma_pool_zalloc(struct dma_pool *pool, gfp_t gfp, dma_t *handle, void **cpu);

/* Gives an object back: cpu and handle as they were. Does not sleep. -FH_EINVAL, and nothing is changed: not an object of
 * this pool, free already, or cpu and handle of two different ones; the log tells. */
FH_MUST_CHECK int dma_pool_free(struct dma_pool *pool, void *cpu, dma_t handle);

/* Gives all pages back. -FH_EBUSY: objects are out, and the pool stays as it is; the log tells. NULL: nothing to do. */
FH_MUST_CHECK int dma_pool_destroy(struct dma_pool *pool);

#endif
