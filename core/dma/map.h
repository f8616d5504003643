/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Inside streaming maps: one range, for maps of one and of lists. */
#ifndef FH_DMA_MAP_H
#define FH_DMA_MAP_H

#include "dma/dma.h"

/* A device, a size, a direction or attributes that cannot be. */
bool map_is_bad(const struct device *dev, uint64_t size, enum dma_data_direction dir,
		unsigned int attrs);
bool map_is_ram(const struct device *dev, phys_t phys, uint64_t size);
/* What the IOMMU lets the device do. */
unsigned int map_prot(const struct device *dev, enum dma_data_direction dir);

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
