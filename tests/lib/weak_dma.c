/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* For tests whose devices have neither an IOMMU nor debugging: what the core lacks of both, never called. */
#include <stdlib.h>
#include "dma/debug.h"
#include "dma/iommu.h"

__attribute__((weak)) int iommu_translate(const struct device *dev, dma_t bus, uint64_t size,
					  bool write, phys_t *phys, uint64_t *run)
{
	(void)dev, (void)bus, (void)size, (void)write, (void)phys, (void)run;
	abort();
}

__attribute__((weak)) void debug_dma_device_access(const struct device *dev, dma_t handle,
						   uint64_t size, bool write)
{
	(void)dev, (void)handle, (void)size, (void)write;
	abort();
}
