/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Who gives a device frames for a coherent buffer: the path, and each who stands on it. */
#ifndef FH_DMA_FRAMES_H
#define FH_DMA_FRAMES_H

#include "dma/refuse.h"

#define DMA_PATH_MAX 5

/* A request on its way. */
struct dma_ask {
	struct device *dev;
	uint64_t pages;
	unsigned int order; /* get_order() of them */
	unsigned int align; /* of a buffer in an area or a pool */
	gfp_t gfp;
	unsigned int attrs;
	struct dma_refusal *way;
	/* What came of it. */
	enum dma_source source;
	pfn_t pfn;
	void *cpu; /* where the CPU sees it already; NULL: not yet */
};

/* Who is asked, first to last, for such a request; how many. */
unsigned int frames_path(const struct dma_ask *a, enum dma_source path[DMA_PATH_MAX]);
/* Contiguous frames of the first of them who has some that the device reaches. Bytes undefined. The error of the last
 * that matters. */
FH_MUST_CHECK int frames_take(struct dma_ask *a);
/* The same from areas and buddy alone: what dma_alloc_pages() may have. */
FH_MUST_CHECK int frames_take_cached(struct dma_ask *a);
/* Gives frames back to whoever gave them. False: they are nobody's buffer, or not all of one; nothing is given. */
bool frames_give(struct device *dev, pfn_t pfn, uint64_t pages);
/* The same for frames that are known to be one: anything else is a bug. */
void frames_give_back(struct device *dev, pfn_t pfn, uint64_t pages);

void frames_ask(struct dma_ask *a, struct device *dev, uint64_t size, gfp_t gfp, unsigned int attrs,
		struct dma_refusal *way);

#endif
