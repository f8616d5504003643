/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a machine has for its devices. The struct that ties the folder together. */
#ifndef FH_DMA_DMA_H
#define FH_DMA_DMA_H

#include <freehold/dma.h>
#include "mm/machine.h"

struct dma_debug;
struct dma_coherent_mem;
struct atomic_pool;
struct dma_refusals;
struct dma_remaps;

struct fh_dma {
	struct dma_coherent_mem *pools;		  /* all of regions, by `next` */
	struct dma_coherent_mem *global;	  /* linux,dma-default; NULL: none */
	struct atomic_pool *atomic[MAX_NR_ZONES]; /* NULL: none, as of ZONE_MOVABLE */
	struct io_tlb_mem *swiotlb;		  /* the machine's bounce buffers; NULL: none */
	struct io_tlb_mem *restricted;		  /* all restricted pools, by `next` */
	bool may_bounce;     /* there are bounce buffers of any kind: an address may be a slot */
	bool swiotlb_forced; /* all that is mapped is bounced */
	struct dma_debug *debug; /* NULL: off */
	struct dma_refusals *refusals;
	struct dma_remaps *remaps;
	struct dma_pool *dmapools;    /* of small objects (dmapool.c) */
	struct fh_lock dmapools_lock; /* the list; rank SPACE */
	struct iommu_domain *domains; /* by `next`, newest first */
	struct fh_lock domains_lock;  /* rank SPACE: held while all of them are looked at */
};

/* How many pages a buffer of so many bytes takes. */
static inline uint64_t dma_pages(uint64_t size)
{
	return (size >> FH_PAGE_SHIFT) + ((size & (FH_PAGE_SIZE - 1)) != 0);
}

/* Whether a device sees what CPUs have in their caches. */
static inline bool dma_snoops(const struct device *dev)
{
	return dev->dma_coherent || !dev->machine->plat.cache_clean;
}

/* Hands [phys, +size) to the device, and to the CPU: arch_sync_dma_for_device() and _cpu() of arm64. */
static inline void dma_cache_for_device(const struct device *dev, phys_t phys, uint64_t size)
{
	struct fh_machine *m = dev->machine;

	if (!dma_snoops(dev))
		m->plat.cache_clean(m->plat.ctx, phys, size);
}

/* How many bytes that the CPU wrote meanwhile were lost. */
static inline uint64_t dma_cache_for_cpu(const struct device *dev, phys_t phys, uint64_t size,
					 enum dma_data_direction dir)
{
	struct fh_machine *m = dev->machine;

	if (dma_snoops(dev) || dir == DMA_TO_DEVICE)
		return 0;
	return m->plat.cache_inval(m->plat.ctx, phys, size);
}

/* The highest address of a mask that the device's bus carries. */
static inline uint64_t dma_limit(const struct device *dev, uint64_t mask)
{
	return dev->bus_dma_limit && dev->bus_dma_limit < mask ? dev->bus_dma_limit : mask;
}

/* dma_capable(): [bus, bus + size) is within the device's streaming mask and its bus. */
static inline bool dma_capable(const struct device *dev, uint64_t bus, uint64_t size)
{
	uint64_t last = bus + size - 1;

	return last >= bus && (!dev->dma_mask || last <= dev->dma_mask) &&
	       (!dev->bus_dma_limit || last <= dev->bus_dma_limit);
}

#define DMA_NOWHERE UINT64_MAX

/* phys_to_dma() and back, by the device's ranges, without an IOMMU: DMA_NOWHERE if no one range has all of
 * [x, x + size). */
static inline uint64_t dma_of_phys(const struct device *dev, phys_t phys, uint64_t size)
{
	if (!dev->nr_ranges)
		return phys.v;
	for (unsigned int i = 0; i < dev->nr_ranges; i++) {
		const struct bus_dma_region *r = &dev->range[i];

		if (phys.v - r->cpu.v < r->size && size <= r->size - (phys.v - r->cpu.v))
			return phys.v - r->cpu.v + r->dma.v;
	}
	return DMA_NOWHERE;
}

static inline uint64_t dma_to_phys(const struct device *dev, dma_t dma, uint64_t size)
{
	if (!dev->nr_ranges)
		return dma.v;
	for (unsigned int i = 0; i < dev->nr_ranges; i++) {
		const struct bus_dma_region *r = &dev->range[i];

		if (dma.v - r->dma.v < r->size && size <= r->size - (dma.v - r->dma.v))
			return dma.v - r->dma.v + r->cpu.v;
	}
	return DMA_NOWHERE;
}

#endif
