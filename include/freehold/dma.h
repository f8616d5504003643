/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Devices and their coherent buffers: the top of the path. (Streaming maps and pools come later.)
 */
#ifndef FREEHOLD_DMA_H
#define FREEHOLD_DMA_H

#include <freehold/types.h>
#include <freehold/cma.h>

/* A device that masters the bus. The caller fills it in; zero is "reaches all, default area". */
struct device {
	struct fh_machine *machine;
	const char *name;
	uint64_t coherent_dma_mask; /* highest bus address it can drive; 0: all */
	struct cma *cma_area;	    /* its own area (memory-region); NULL: the default area */
};

/*
 * A zeroed buffer of `size` bytes, physically contiguous, that the device reaches: *handle is its
 * bus address, *cpu where the CPU sees it (NULL when the machine has no bytes). Linux's order: the
 * device's area, else the default area for more than one page, else buddy with DMA32 and DMA
 * retries. Aligned to min(order of the size, FH_CMA_ALIGNMENT). -FH_EINVAL: dev without machine,
 * size 0; -FH_ENOMEM, -FH_EBUSY: of the last allocator that was asked. Without __GFP_DIRECT_RECLAIM
 * the areas are not asked (they may wait).
 */
FH_MUST_CHECK int dma_alloc_coherent(struct device *dev, uint64_t size, gfp_t gfp, dma_t *handle,
				     void **cpu);

/* Gives back all of a dma_alloc_coherent(). -FH_EINVAL: no such buffer (nothing is freed). */
FH_MUST_CHECK int dma_free_coherent(struct device *dev, uint64_t size, dma_t handle);

#endif
