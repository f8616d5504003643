/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Bouncing for those who ask for more than a device's own alignment. (The common calls: swiotlb.h.) */
#ifndef FH_DMA_SWIOTLB_MAP_H
#define FH_DMA_SWIOTLB_MAP_H

#include "dma/dma.h"

/* swiotlb_map() into whole units of alloc_align_mask + 1 bytes (a power of two), which are the mapping's alone: for an IOMMU whose pages show
 * the device all that is in them. swiotlb_tbl_map_single(). */
FH_MUST_CHECK int swiotlb_tbl_map(struct device *dev, phys_t phys, uint64_t size,
				  uint64_t alloc_align_mask, enum dma_data_direction dir,
				  unsigned int attrs, dma_t *handle);

#endif
