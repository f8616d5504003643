/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Inside streaming maps: one range, for maps of one and of lists. */
#ifndef FH_DMA_MAP_H
#define FH_DMA_MAP_H

#include "dma/dma.h"
#include "dma/swiotlb_pool.h"

/* A device, a size, a direction or attributes that cannot be. Inline, as all that most maps go through. */
static inline bool map_is_bad(const struct device *dev, uint64_t size, enum dma_data_direction dir,
			      unsigned int attrs)
{
	return !dev || !dev->machine || !dev->machine->dma || !size ||
	       (unsigned int)dir >= DMA_NONE || attrs & ~(unsigned int)DMA_ATTR_ALL;
}

/* size is not 0. */
static inline bool map_is_ram(const struct device *dev, phys_t phys, uint64_t size)
{
	const struct fh_machine *m = dev->machine;

	for (unsigned int i = 0; i < m->nr_banks; i++) {
		const struct range *r = &m->bank[i].pfns;
		uint64_t len = (r->end - r->start) << FH_PAGE_SHIFT;
		uint64_t at = phys.v - fh_pfn_to_phys(r->start).v;

		if (at < len)
			return size <= len - at;
	}
	return false;
}

/* Directly, without books, caches, or another view of the bus: then what most maps need are a few comparisons. */
static inline bool map_is_plain(const struct device *dev)
{
	const struct fh_dma *dma = dev->machine->dma;

	return !((uintptr_t)dev->iommu | (uintptr_t)dev->dma_io_tlb_mem | dev->nr_ranges) &&
	       !dma->swiotlb_forced && !dma->debug && dma_snoops(dev);
}

/* The same as map_direct(), for such a device and a range that is RAM. False: out of its reach. */
static inline bool map_plainly(const struct device *dev, phys_t phys, uint64_t size, dma_t *handle)
{
	if (!dma_capable(dev, phys.v, size))
		return false;
	handle->v = phys.v;
	return true;
}

/* The end of such a mapping, or of one of a device with ranges, is nothing to do, as long as no slot is in it. */
static inline bool unmap_is_plain(const struct device *dev)
{
	return !dev->iommu && !dev->machine->dma->debug && dma_snoops(dev);
}

/* What the IOMMU lets the device do. */
unsigned int map_prot(const struct device *dev, enum dma_data_direction dir);

/* Whether there can be slots behind the handle. */
static inline bool map_may_be_slot(const struct device *dev, dma_t handle, uint64_t size)
{
	uint64_t phys;

	if (!dev->machine->dma->may_bounce)
		return false;
	phys = dma_to_phys(dev, handle, size);
	return phys == DMA_NOWHERE || swiotlb_is_slot(dev, (phys_t){phys});
}

/* Without an IOMMU. unmap: how many bytes that the CPU wrote meanwhile were lost. */
FH_MUST_CHECK int map_direct(struct device *dev, phys_t phys, uint64_t size,
			     enum dma_data_direction dir, unsigned int attrs, dma_t *handle);
uint64_t unmap_direct(struct device *dev, dma_t handle, uint64_t size, enum dma_data_direction dir,
		      unsigned int attrs);
/* Hands a range over, with its books. */
void map_sync(struct device *dev, dma_t handle, uint64_t size, enum dma_data_direction dir,
	      bool for_cpu, const void *site);
/* A map that failed: why, for dma_refusals(). */
void map_keep_refusal(const struct device *dev, phys_t phys, uint64_t size, unsigned int attrs,
		      int err);
/* -FH_EINVAL, and a report. */
int map_refused(struct device *dev, const void *cpu, phys_t phys, uint64_t size, const void *site);

#endif
