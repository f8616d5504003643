/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* [dma/alloc] > mm/cma > mm/contig > mm/isolate > mm/migrate > mm/buddy
 *
 * Pick a pool for a device: its area, the default area, buddy; and only what the device reaches. */
#include <freehold/dma.h>
#include <freehold/page.h>
#include "dma/dma.h"
#include "mm/drain.h"

static uint64_t pages_of(uint64_t size)
{
	return (size >> FH_PAGE_SHIFT) + ((size & (FH_PAGE_SIZE - 1)) != 0);
}

/* get_order(): the smallest order whose run holds `pages`. */
static unsigned int order_of(uint64_t pages)
{
	unsigned int order = 0;

	while (order < 63 && UINT64_C(1) << order < pages)
		order++;
	return order;
}

/* dma_coherent_ok(): the last byte is within the mask. */
static bool reaches(const struct device *dev, pfn_t pfn, uint64_t pages)
{
	return !dev->coherent_dma_mask ||
	       fh_pfn_to_phys(pfn + pages).v - 1 <= dev->coherent_dma_mask;
}

/* dma_alloc_contiguous(): a single page bypasses the default area, as in Linux. */
static struct cma *area_for(const struct device *dev, uint64_t pages, gfp_t gfp)
{
	if (!(gfp & __GFP_DIRECT_RECLAIM))
		return NULL;
	if (dev->cma_area)
		return dev->cma_area;
	return pages > 1 ? cma_default(dev->machine) : NULL;
}

static int alloc_area(struct device *dev, struct cma *cma, uint64_t pages, gfp_t gfp, pfn_t *pfn)
{
	unsigned int order = order_of(pages);
	int err = cma_alloc(cma, pages, order < FH_CMA_ALIGNMENT ? order : FH_CMA_ALIGNMENT,
			    gfp & __GFP_NOWARN ? CMA_NO_WARN : 0, pfn);

	if (!err && !reaches(dev, *pfn, pages)) {
		if (!cma_release(cma, *pfn, pages))
			machine_bug(dev->machine, "dma: area %s does not know its own buffer",
				    cma_get_name(cma));
		err = -FH_ENOMEM;
	}
	return err;
}

/* Frees the pages behind a buffer that is not a power of two. */
static void free_tail(struct fh_machine *m, pfn_t pfn, uint64_t end)
{
	while (pfn < end) {
		unsigned int order = 0;

		while (order < FH_MAX_ORDER && !(pfn & (UINT64_C(1) << order)) &&
		       pfn + (UINT64_C(2) << order) <= end)
			order++;
		if (fh_free_pages(m, pfn, order))
			machine_bug(m, "dma: pfn %#llx of a buffer was not allocated",
				    (unsigned long long)pfn);
		pfn += UINT64_C(1) << order;
	}
}

/* __dma_direct_alloc_pages(): any zone, then DMA32, then DMA. */
static int alloc_buddy(struct device *dev, uint64_t pages, gfp_t gfp, pfn_t *pfn)
{
	const gfp_t zones[] = {0, __GFP_DMA32, __GFP_DMA};
	unsigned int order = order_of(pages);
	int err = -FH_ENOMEM;

	if (order > FH_MAX_ORDER)
		return -FH_ENOMEM;
	for (unsigned int i = 0; i < 3; i++) {
		err = fh_alloc_pages(dev->machine, (gfp & ~(gfp_t)__GFP_ZERO) | zones[i], order,
				     pfn);
		if (err)
			continue;
		if (reaches(dev, *pfn, pages)) {
			free_tail(dev->machine, *pfn + pages, *pfn + (UINT64_C(1) << order));
			return 0;
		}
		free_tail(dev->machine, *pfn, *pfn + (UINT64_C(1) << order));
		err = -FH_ENOMEM;
	}
	return err;
}

int dma_alloc_coherent(struct device *dev, uint64_t size, gfp_t gfp, dma_t *handle, void **cpu)
{
	uint64_t pages = pages_of(size);
	struct cma *cma;
	int err = -FH_ENOMEM, area_err = 0;
	pfn_t pfn;

	if (!dev || !dev->machine || !size || !handle || !cpu)
		return -FH_EINVAL;
	cma = area_for(dev, pages, gfp);
	if (cma)
		err = area_err = alloc_area(dev, cma, pages, gfp, &pfn);
	if (err)
		err = alloc_buddy(dev, pages, gfp, &pfn);
	if (err) /* a buffer too large for buddy failed in the area: that is what to tell */
		return area_err ? area_err : err;
	machine_zero(dev->machine, pfn, pages);
	*handle = (dma_t){fh_pfn_to_phys(pfn).v};
	*cpu = machine_virt(dev->machine, pfn);
	return 0;
}

int dma_free_coherent(struct device *dev, uint64_t size, void *cpu, dma_t handle)
{
	uint64_t pages = pages_of(size), block;
	struct cma *cma = NULL;
	pfn_t pfn = handle.v >> FH_PAGE_SHIFT;

	if (!dev || !dev->machine || !size || handle.v & (FH_PAGE_SIZE - 1) ||
	    !machine_in_bank(dev->machine, (struct range){pfn, pfn + pages}))
		return -FH_EINVAL;
	block = machine_block(dev->machine, pfn);
	cma = machine_area(dev->machine, block);
	(void)cpu;
	if (cma)
		return cma_release(cma, pfn, pages) ? 0 : -FH_EINVAL;
	/* Checked as a whole before any of it is freed: a run that is free in part, or somebody
	 * else's, is nobody's buffer. What this CPU caches shows in the map only once it is back. */
	pcp_drain_self(dev->machine);
	for (uint64_t i = 0; i < pages; i++)
		if (block_is_free(dev->machine, pfn + i) ||
		    frame_state(machine_frame(dev->machine, pfn + i)) != FRAME_RAW)
			return -FH_EINVAL;
	free_tail(dev->machine, pfn, pfn + pages);
	return 0;
}
