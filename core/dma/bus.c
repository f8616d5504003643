/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A device's access: where its address leads. */
#include <freehold/bus.h>
#include "dma/debug.h"
#include "dma/dma.h"
#include "dma/iommu.h"

static int stopped(const struct device *dev, dma_t dma, uint64_t size, bool write, const char *why)
{
	machine_log(dev->machine, PLAT_LOG_ERR, "%s: %s of %llu bytes at %#llx: %s", dev_name(dev),
		    write ? "write" : "read", (unsigned long long)size, (unsigned long long)dma.v,
		    why);
	return -FH_EFAULT;
}

/* The window that has the first byte; false: none. */
static bool by_ranges(const struct device *dev, dma_t dma, uint64_t size, phys_t *phys,
		      uint64_t *run)
{
	*phys = (phys_t){dma.v};
	*run = size;
	for (unsigned int i = 0; i < dev->nr_ranges; i++) {
		const struct bus_dma_region *r = &dev->range[i];
		uint64_t offset = dma.v - r->dma.v;

		if (offset >= r->size)
			continue;
		*phys = (phys_t){r->cpu.v + offset};
		if (*run > r->size - offset)
			*run = r->size - offset;
		return true;
	}
	return !dev->nr_ranges;
}

/* Cuts the run at the end of RAM; false: it does not begin in RAM. */
static bool cut_to_ram(const struct fh_machine *m, phys_t phys, uint64_t *run)
{
	for (unsigned int i = 0; i < m->nr_banks; i++) {
		uint64_t start = fh_pfn_to_phys(m->bank[i].pfns.start).v;
		uint64_t size = fh_pfn_to_phys(m->bank[i].pfns.end).v - start;

		if (phys.v - start >= size)
			continue;
		if (*run > size - (phys.v - start))
			*run = size - (phys.v - start);
		return true;
	}
	return false;
}

int dma_bus_translate(const struct device *dev, dma_t dma, uint64_t size, bool write, phys_t *phys,
		      uint64_t *run)
{
	struct fh_machine *m;
	int err = 0;

	if (!dev || !dev->machine || !size || !phys || !run)
		return -FH_EINVAL;
	m = dev->machine;
	if (m->dma->debug)
		debug_dma_device_access(dev, dma, size, write);
	if (!dma_capable(dev, dma.v, size))
		return stopped(dev, dma, size, write, "above what it can drive");
	if (dev->iommu)
		err = iommu_translate(dev, dma, size, write, phys, run);
	else if (!by_ranges(dev, dma, size, phys, run))
		return stopped(dev, dma, size, write, "in no window of its bus");
	if (err)
		return stopped(dev, dma, size, write, "stopped by its IOMMU");
	if (!cut_to_ram(m, *phys, run) && !dev->iommu)
		return stopped(dev, dma, size, write, "not RAM");
	return 0;
}
