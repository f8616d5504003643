/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Streaming maps of scatter lists. */
#include "dma/debug.h"
#include "dma/iommu.h"
#include "dma/map.h"

static void unmap_entries(struct device *dev, struct scatterlist *sg, unsigned int nents,
			  enum dma_data_direction dir, unsigned int attrs)
{
	bool plain = unmap_is_plain(dev);

	for (unsigned int i = 0; i < nents; i++)
		if (!plain || map_may_be_slot(dev, sg[i].dma_address, sg[i].dma_length))
			(void)unmap_direct(dev, sg[i].dma_address, sg[i].dma_length, dir, attrs);
}

static int map_entries(struct device *dev, struct scatterlist *sg, unsigned int nents,
		       enum dma_data_direction dir, unsigned int attrs)
{
	bool plain = map_is_plain(dev);

	for (unsigned int i = 0; i < nents; i++) {
		int err = 0;

		if (!plain || !map_plainly(dev, sg[i].phys, sg[i].length, &sg[i].dma_address))
			err = map_direct(dev, sg[i].phys, sg[i].length, dir, attrs,
					 &sg[i].dma_address);
		if (err) {
			map_keep_refusal(dev, sg[i].phys, sg[i].length, attrs, err);
			unmap_entries(dev, sg, i, dir, attrs | DMA_ATTR_SKIP_CPU_SYNC);
			return err;
		}
		sg[i].dma_length = sg[i].length;
	}
	return (int)nents;
}

static int map_behind_iommu(struct device *dev, struct scatterlist *sg, unsigned int nents,
			    enum dma_data_direction dir, unsigned int attrs)
{
	uint64_t size = 0;
	int n;

	for (unsigned int i = 0; i < nents; i++) {
		if (!(attrs & DMA_ATTR_SKIP_CPU_SYNC))
			dma_cache_for_device(dev, sg[i].phys, sg[i].length);
		size += sg[i].length;
	}
	n = iommu_dma_map_sg(dev, sg, nents, map_prot(dev, dir));
	if (n < 0)
		map_keep_refusal(dev, sg[0].phys, size, attrs, n);
	return n;
}

static int map_list(struct device *dev, struct scatterlist *sg, unsigned int nents,
		    enum dma_data_direction dir, unsigned int attrs, const void *site)
{
	int n;

	if (!sg || !nents || nents > INT32_MAX || map_is_bad(dev, 1, dir, attrs))
		return -FH_EINVAL;
	for (unsigned int i = 0; i < nents; i++)
		if (!sg[i].length || !map_is_ram(dev, sg[i].phys, sg[i].length))
			return map_refused(dev, NULL, sg[i].phys, sg[i].length, site);
	n = dev->iommu ? map_behind_iommu(dev, sg, nents, dir, attrs)
		       : map_entries(dev, sg, nents, dir, attrs);
	for (int i = 0; i < n && dev->machine->dma->debug; i++)
		debug_dma_map(dev, DMA_DEBUG_SG, dev->iommu ? (phys_t){DMA_NOWHERE} : sg[i].phys,
			      sg[i].dma_length, dir, attrs, sg[i].dma_address, site);
	return n;
}

/* How many of the entries have an address for the device: those with a length, from the first on. */
static unsigned int mapped_entries(const struct scatterlist *sg, unsigned int nents)
{
	unsigned int n = 0;

	while (n < nents && sg[n].dma_length)
		n++;
	return n;
}

static void unmap_list(struct device *dev, struct scatterlist *sg, unsigned int nents,
		       enum dma_data_direction dir, unsigned int attrs, const void *site)
{
	unsigned int n;

	if (!sg || map_is_bad(dev, 1, dir, attrs))
		return;
	n = mapped_entries(sg, nents);
	for (unsigned int i = 0; i < n && dev->machine->dma->debug; i++)
		if (!debug_dma_unmap(dev, DMA_DEBUG_SG, sg[i].dma_address, sg[i].dma_length, dir,
				     site))
			return;
	if (!dev->iommu) {
		unmap_entries(dev, sg, n, dir, attrs);
	} else {
		for (unsigned int i = 0; i < nents && !(attrs & DMA_ATTR_SKIP_CPU_SYNC); i++)
			(void)dma_cache_for_cpu(dev, sg[i].phys, sg[i].length, dir);
		iommu_dma_unmap_sg(dev, sg, nents);
	}
	for (unsigned int i = 0; i < n; i++)
		sg[i].dma_length = 0;
}

int dma_map_sg(struct device *dev, struct scatterlist *sg, unsigned int nents,
	       enum dma_data_direction dir, unsigned int attrs)
{
	return map_list(dev, sg, nents, dir, attrs, __builtin_return_address(0));
}

void dma_unmap_sg(struct device *dev, struct scatterlist *sg, unsigned int nents,
		  enum dma_data_direction dir, unsigned int attrs)
{
	unmap_list(dev, sg, nents, dir, attrs, __builtin_return_address(0));
}

int dma_map_sgtable(struct device *dev, struct sg_table *sgt, enum dma_data_direction dir,
		    unsigned int attrs)
{
	int n;

	if (!sgt)
		return -FH_EINVAL;
	n = map_list(dev, sgt->sgl, sgt->orig_nents, dir, attrs, __builtin_return_address(0));
	if (n < 0)
		return n;
	sgt->nents = (unsigned int)n;
	return 0;
}

void dma_unmap_sgtable(struct device *dev, struct sg_table *sgt, enum dma_data_direction dir,
		       unsigned int attrs)
{
	if (sgt)
		unmap_list(dev, sgt->sgl, sgt->orig_nents, dir, attrs, __builtin_return_address(0));
}

static void sync_list(struct device *dev, struct scatterlist *sg, unsigned int nents,
		      enum dma_data_direction dir, bool for_cpu, const void *site)
{
	unsigned int n = sg ? mapped_entries(sg, nents) : 0;

	for (unsigned int i = 0; i < n; i++)
		map_sync(dev, sg[i].dma_address, sg[i].dma_length, dir, for_cpu, site);
}

void dma_sync_sg_for_cpu(struct device *dev, struct scatterlist *sg, unsigned int nents,
			 enum dma_data_direction dir)
{
	sync_list(dev, sg, nents, dir, true, __builtin_return_address(0));
}

void dma_sync_sg_for_device(struct device *dev, struct scatterlist *sg, unsigned int nents,
			    enum dma_data_direction dir)
{
	sync_list(dev, sg, nents, dir, false, __builtin_return_address(0));
}
