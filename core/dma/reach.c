/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a device reaches, and what it has to know of it. */
#include "base/bits.h"
#include "dma/swiotlb.h"

static uint64_t top_of_ram(const struct fh_machine *m)
{
	return fh_pfn_to_phys(m->bank[m->nr_banks - 1].pfns.end).v - 1;
}

uint64_t dma_get_required_mask(struct device *dev)
{
	uint64_t bus;

	if (!dev || !dev->machine)
		return 0;
	if (dev->iommu)
		return DMA_BIT_MASK(32);
	bus = dma_of_phys(dev, (phys_t){top_of_ram(dev->machine) & ~(FH_PAGE_SIZE - 1)},
			  FH_PAGE_SIZE);
	if (bus == DMA_NOWHERE)
		return UINT64_MAX;
	bus |= FH_PAGE_SIZE - 1;
	return DMA_BIT_MASK(bits_log2(bus) + 1);
}

/* dma_direct_supported(): the zone that is kept for such devices is reached, or all there is. */
int dma_set_mask_and_coherent(struct device *dev, uint64_t mask)
{
	uint64_t most, bus;

	if (!dev || !dev->machine || !mask || mask & (mask + 1))
		return -FH_EINVAL;
	most = top_of_ram(dev->machine);
	if (most > dev->machine->cfg.dma_limit - 1)
		most = dev->machine->cfg.dma_limit - 1;
	bus = dma_of_phys(dev, (phys_t){most}, 1);
	if (!dev->iommu && !dev->dma_io_tlb_mem && (bus == DMA_NOWHERE || bus > mask))
		return -FH_EIO;
	dev->dma_mask = dev->coherent_dma_mask = mask;
	return 0;
}

uint64_t dma_max_mapping_size(struct device *dev)
{
	if (!dev || !dev->machine)
		return 0;
	if (!dev->iommu && swiotlb_of(dev) &&
	    (swiotlb_is_forced(dev) || dma_get_required_mask(dev) > dma_get_mask(dev)))
		return swiotlb_max_mapping_size(dev);
	return UINT64_MAX;
}

bool dma_need_sync(struct device *dev, dma_t handle)
{
	uint64_t phys;

	if (!dev || !dev->machine)
		return false;
	if (!dma_snoops(dev))
		return true;
	phys = dev->iommu ? DMA_NOWHERE : dma_to_phys(dev, handle, 1);
	return phys != DMA_NOWHERE && is_swiotlb_buffer(dev, (phys_t){phys});
}
