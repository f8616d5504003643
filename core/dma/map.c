/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Streaming: how a device reaches frames that are there, directly, by bounce buffers or by its IOMMU. */
#include "dma/debug.h"
#include "dma/iommu.h"
#include "dma/map.h"
#include "dma/refuse.h"
#include "dma/swiotlb.h"

typedef unsigned long long ull;

unsigned int map_prot(const struct device *dev, enum dma_data_direction dir)
{
	unsigned int prot = dma_snoops(dev) ? IOMMU_CACHE : 0;

	if (dir != DMA_FROM_DEVICE)
		prot |= IOMMU_READ;
	return dir != DMA_TO_DEVICE ? prot | IOMMU_WRITE : prot;
}

/* ---- one range ---- */

/* Not reached: bounced, if there is anything to bounce with. */
static int map_beyond(struct device *dev, phys_t phys, uint64_t size, enum dma_data_direction dir,
		      unsigned int attrs, dma_t *handle)
{
	if (swiotlb_of(dev))
		return swiotlb_map(dev, phys, size, dir, attrs, handle);
	if (!(attrs & DMA_ATTR_NO_WARN))
		machine_log(dev->machine, PLAT_LOG_WARN,
			    "%s: DMA addr 0x%016llx+%llu overflow (mask %llx, bus limit %llx).",
			    dev_name(dev), (ull)phys.v, (ull)size, (ull)dma_get_mask(dev),
			    (ull)dev->bus_dma_limit);
	return -FH_EIO;
}

/* dma_direct_map_page() */
int map_direct(struct device *dev, phys_t phys, uint64_t size, enum dma_data_direction dir,
	       unsigned int attrs, dma_t *handle)
{
	uint64_t bus = dma_of_phys(dev, phys, size);

	if (dev->machine->dma->swiotlb_forced || dev->dma_io_tlb_mem)
		return swiotlb_map(dev, phys, size, dir, attrs, handle);
	if (bus == DMA_NOWHERE || !dma_capable(dev, bus, size))
		return map_beyond(dev, phys, size, dir, attrs, handle);
	if (!(attrs & DMA_ATTR_SKIP_CPU_SYNC))
		dma_cache_for_device(dev, phys, size);
	handle->v = bus;
	return 0;
}

static int map_one(struct device *dev, phys_t phys, uint64_t size, enum dma_data_direction dir,
		   unsigned int attrs, dma_t *handle)
{
	if (!dev->iommu)
		return map_direct(dev, phys, size, dir, attrs, handle);
	if (!(attrs & DMA_ATTR_SKIP_CPU_SYNC))
		dma_cache_for_device(dev, phys, size);
	return iommu_dma_map(dev, phys, size, dma_limit(dev, dma_get_mask(dev)), map_prot(dev, dir),
			     handle);
}

/* What to do with a piece of a mapping that is contiguous in memory; returns how many bytes were lost. */
typedef uint64_t (*piece_fn)(struct device *dev, phys_t phys, uint64_t size,
			     enum dma_data_direction dir);

/* Behind an IOMMU pages that follow each other for the device do not in memory. */
static uint64_t for_pieces(struct device *dev, dma_t handle, uint64_t size,
			   enum dma_data_direction dir, piece_fn fn)
{
	uint64_t done = 0, sum = 0, n, more;
	phys_t phys, next;

	for (; done < size; done += n) {
		dma_t at = {handle.v + done};

		if (!iommu_iova_to_phys(dev->iommu, at, &phys))
			break;
		n = FH_PAGE_SIZE - (at.v & (FH_PAGE_SIZE - 1));
		while (done + n < size &&
		       iommu_iova_to_phys(dev->iommu, (dma_t){at.v + n}, &next) &&
		       next.v == phys.v + n)
			n += FH_PAGE_SIZE;
		more = size - done;
		n = n < more ? n : more;
		sum += fn(dev, phys, n, dir);
	}
	return sum;
}

static uint64_t piece_for_cpu(struct device *dev, phys_t phys, uint64_t size,
			      enum dma_data_direction dir)
{
	return dma_cache_for_cpu(dev, phys, size, dir);
}

static uint64_t piece_for_device(struct device *dev, phys_t phys, uint64_t size,
				 enum dma_data_direction dir)
{
	(void)dir;
	dma_cache_for_device(dev, phys, size);
	return 0;
}

/* Back to the CPU: how many bytes that it wrote meanwhile were lost. */
static inline uint64_t give_cpu(struct device *dev, dma_t handle, uint64_t size,
				enum dma_data_direction dir)
{
	uint64_t phys;

	if (dma_snoops(dev) && (dev->iommu || !dev->machine->dma->may_bounce))
		return 0;
	if (dev->iommu)
		return for_pieces(dev, handle, size, dir, piece_for_cpu);
	phys = dma_to_phys(dev, handle, size);
	if (phys == DMA_NOWHERE)
		return 0;
	/* Pages of a restricted pool lie in slots, and are no mapping: they have caches only. */
	if (is_swiotlb_buffer(dev, (phys_t){phys}) &&
	    !swiotlb_sync_for_cpu(dev, (phys_t){phys}, size, dir))
		return 0;
	return dma_cache_for_cpu(dev, (phys_t){phys}, size, dir);
}

static inline void give_device(struct device *dev, dma_t handle, uint64_t size,
			       enum dma_data_direction dir)
{
	uint64_t phys;

	if (dma_snoops(dev) && (dev->iommu || !dev->machine->dma->may_bounce))
		return;
	if (dev->iommu) {
		(void)for_pieces(dev, handle, size, dir, piece_for_device);
		return;
	}
	phys = dma_to_phys(dev, handle, size);
	if (phys == DMA_NOWHERE)
		return;
	if (!is_swiotlb_buffer(dev, (phys_t){phys}) ||
	    swiotlb_sync_for_device(dev, (phys_t){phys}, size, dir))
		dma_cache_for_device(dev, (phys_t){phys}, size);
}

uint64_t unmap_direct(struct device *dev, dma_t handle, uint64_t size, enum dma_data_direction dir,
		      unsigned int attrs)
{
	uint64_t phys;

	if (dma_snoops(dev) && !dev->machine->dma->may_bounce)
		return 0;
	phys = dma_to_phys(dev, handle, size);
	if (phys == DMA_NOWHERE)
		return 0;
	if (is_swiotlb_buffer(dev, (phys_t){phys})) {
		(void)swiotlb_unmap(dev, (phys_t){phys}, size, dir, attrs);
		return 0;
	}
	return attrs & DMA_ATTR_SKIP_CPU_SYNC ? 0
					      : dma_cache_for_cpu(dev, (phys_t){phys}, size, dir);
}

static uint64_t unmap_one(struct device *dev, dma_t handle, uint64_t size,
			  enum dma_data_direction dir, unsigned int attrs)
{
	uint64_t lost = 0;

	if (!dev->iommu)
		return unmap_direct(dev, handle, size, dir, attrs);
	if (!(attrs & DMA_ATTR_SKIP_CPU_SYNC))
		lost = give_cpu(dev, handle, size, dir);
	/* Linux would go on with whatever lies there; a handle that is none changes nothing here. */
	(void)iommu_dma_unmap(dev, handle, size);
	return lost;
}

/* ---- with its books ---- */

/* Who was asked, and what each said, after the fact: the way of a map that succeeds is too short to write it down. */
void map_keep_refusal(const struct device *dev, phys_t phys, uint64_t size, unsigned int attrs,
		      int err)
{
	uint64_t limit = dma_limit(dev, dma_get_mask(dev)), bus = dma_of_phys(dev, phys, size);
	struct io_tlb_mem *mem = swiotlb_of(dev);
	struct swiotlb_stats st;
	struct dma_refusal way;

	refuse_begin(&way, size, 0, attrs);
	if (dev->iommu) {
		(void)refuse_step(&way, DMA_SOURCE_IOVA, err,
				  "no address below 0x%llx, or no frame for a table", (ull)limit);
	} else {
		if (!swiotlb_is_forced(dev) && bus == DMA_NOWHERE)
			(void)refuse_step(&way, DMA_SOURCE_DIRECT, -FH_EIO,
					  "0x%llx is in no window of its bus", (ull)phys.v);
		else if (!swiotlb_is_forced(dev))
			(void)refuse_step(&way, DMA_SOURCE_DIRECT, -FH_EIO,
					  "0x%llx+%llu is above %s 0x%llx", (ull)bus, (ull)size,
					  limit == dma_get_mask(dev) ? "device mask" : "bus limit",
					  (ull)limit);
		if (mem) {
			swiotlb_stats(mem, &st);
			(void)refuse_step(&way, DMA_SOURCE_SWIOTLB, err,
					  "%s: %llu of %llu slots used, the largest mapping %llu "
					  "KiB",
					  swiotlb_name(mem), (ull)st.used, (ull)st.nslabs,
					  (ull)swiotlb_max_mapping_size(dev) >> 10);
		}
	}
	refuse_keep(dev, &way, err);
}

/* Out of line, so that the calls below need no stack for it. */
static __attribute__((noinline)) int map_careful(struct device *dev, phys_t phys, uint64_t size,
						 enum dma_data_direction dir, unsigned int attrs,
						 dma_t *handle, const void *site)
{
	int err;

	if (!map_is_ram(dev, phys, size))
		return map_refused(dev, NULL, phys, size, site);
	err = map_one(dev, phys, size, dir, attrs, handle);
	if (err)
		map_keep_refusal(dev, phys, size, attrs, err);
	else if (dev->machine->dma->debug)
		debug_dma_map(dev, DMA_DEBUG_SINGLE, phys, size, dir, attrs, *handle, site);
	return err;
}

static __attribute__((noinline)) void unmap_careful(struct device *dev, enum dma_debug_type type,
						    dma_t handle, uint64_t size,
						    enum dma_data_direction dir, unsigned int attrs,
						    const void *site)
{
	bool books = dev->machine->dma->debug;
	uint64_t lost;

	if (books && !debug_dma_unmap(dev, type, handle, size, dir, site))
		return;
	lost = unmap_one(dev, handle, size, dir, attrs);
	if (lost && books)
		debug_dma_lost(dev, handle, lost, site);
}

static inline __attribute__((always_inline)) void unmap(struct device *dev,
							enum dma_debug_type type, dma_t handle,
							uint64_t size, enum dma_data_direction dir,
							unsigned int attrs, const void *site)
{
	if (map_is_bad(dev, size, dir, attrs) ||
	    (unmap_is_plain(dev) && !map_may_be_slot(dev, handle, size)))
		return;
	unmap_careful(dev, type, handle, size, dir, attrs, site);
}

int map_refused(struct device *dev, const void *cpu, phys_t phys, uint64_t size, const void *site)
{
	if (dev && dev->machine && dev->machine->dma && dev->machine->dma->debug)
		debug_dma_refused(dev, cpu, phys, size, "not memory of this machine", site);
	return -FH_EINVAL;
}

int dma_map_phys(struct device *dev, phys_t phys, uint64_t size, enum dma_data_direction dir,
		 unsigned int attrs, dma_t *handle)
{
	if (map_is_bad(dev, size, dir, attrs) || !handle)
		return -FH_EINVAL;
	if (map_is_plain(dev) && map_is_ram(dev, phys, size) &&
	    map_plainly(dev, phys, size, handle))
		return 0;
	return map_careful(dev, phys, size, dir, attrs, handle, __builtin_return_address(0));
}

void dma_unmap_phys(struct device *dev, dma_t handle, uint64_t size, enum dma_data_direction dir,
		    unsigned int attrs)
{
	unmap(dev, DMA_DEBUG_SINGLE, handle, size, dir, attrs, __builtin_return_address(0));
}

/* Where in RAM the linear map's address p lies; false: elsewhere. */
static bool phys_of(const struct fh_machine *m, const void *p, uint64_t size, phys_t *phys)
{
	for (unsigned int i = 0; i < m->nr_banks; i++) {
		const struct machine_bank *b = &m->bank[i];
		uint64_t len = (b->pfns.end - b->pfns.start) << FH_PAGE_SHIFT;
		uint64_t at = (uintptr_t)p - (uintptr_t)b->virt;

		if (!b->virt || at >= len || size > len - at)
			continue;
		phys->v = fh_pfn_to_phys(b->pfns.start).v + at;
		return true;
	}
	return false;
}

int dma_map_single(struct device *dev, void *cpu, uint64_t size, enum dma_data_direction dir,
		   dma_t *handle)
{
	phys_t phys;

	if (map_is_bad(dev, size, dir, 0) || !handle)
		return -FH_EINVAL;
	if (!phys_of(dev->machine, cpu, size, &phys))
		return map_refused(dev, cpu, (phys_t){0}, size, __builtin_return_address(0));
	if (map_is_plain(dev) && map_plainly(dev, phys, size, handle))
		return 0;
	return map_careful(dev, phys, size, dir, 0, handle, __builtin_return_address(0));
}

void dma_unmap_single(struct device *dev, dma_t handle, uint64_t size, enum dma_data_direction dir)
{
	unmap(dev, DMA_DEBUG_SINGLE, handle, size, dir, 0, __builtin_return_address(0));
}

int dma_map_page(struct device *dev, pfn_t pfn, uint64_t offset, uint64_t size,
		 enum dma_data_direction dir, dma_t *handle)
{
	phys_t phys = {fh_pfn_to_phys(pfn).v + offset};

	if (map_is_bad(dev, size, dir, 0) || !handle)
		return -FH_EINVAL;
	if (map_is_plain(dev) && map_is_ram(dev, phys, size) &&
	    map_plainly(dev, phys, size, handle))
		return 0;
	return map_careful(dev, phys, size, dir, 0, handle, __builtin_return_address(0));
}

void dma_unmap_page(struct device *dev, dma_t handle, uint64_t size, enum dma_data_direction dir)
{
	unmap(dev, DMA_DEBUG_SINGLE, handle, size, dir, 0, __builtin_return_address(0));
}

/* dma_map_resource(): registers have no caches and cannot be bounced. */
int dma_map_resource(struct device *dev, phys_t phys, uint64_t size, enum dma_data_direction dir,
		     unsigned int attrs, dma_t *handle)
{
	uint64_t bus;
	int err = 0;

	if (map_is_bad(dev, size, dir, attrs) || !handle || phys.v + size - 1 < phys.v)
		return -FH_EINVAL;
	if (map_is_ram(dev, phys, size))
		return map_refused(dev, NULL, phys, size, __builtin_return_address(0));
	if (dev->iommu) {
		err = iommu_dma_map(dev, phys, size, dma_limit(dev, dma_get_mask(dev)),
				    map_prot(dev, dir) | IOMMU_MMIO, handle);
	} else {
		bus = dma_of_phys(dev, phys, size);
		if (bus == DMA_NOWHERE || !dma_capable(dev, bus, size))
			return -FH_EIO;
		handle->v = bus;
	}
	if (!err && dev->machine->dma->debug)
		debug_dma_map(dev, DMA_DEBUG_RESOURCE, phys, size, dir, attrs, *handle,
			      __builtin_return_address(0));
	return err;
}

void dma_unmap_resource(struct device *dev, dma_t handle, uint64_t size,
			enum dma_data_direction dir, unsigned int attrs)
{
	unmap(dev, DMA_DEBUG_RESOURCE, handle, size, dir, attrs | DMA_ATTR_SKIP_CPU_SYNC,
	      __builtin_return_address(0));
}

void map_sync(struct device *dev, dma_t handle, uint64_t size, enum dma_data_direction dir,
	      bool for_cpu, const void *site)
{
	uint64_t lost = 0;

	if (map_is_bad(dev, size, dir, 0))
		return;
	if (for_cpu)
		lost = give_cpu(dev, handle, size, dir);
	else
		give_device(dev, handle, size, dir);
	if (!dev->machine->dma->debug)
		return;
	if (lost)
		debug_dma_lost(dev, handle, lost, site);
	debug_dma_sync(dev, handle, size, dir, for_cpu, site);
}

void dma_sync_single_for_cpu(struct device *dev, dma_t handle, uint64_t size,
			     enum dma_data_direction dir)
{
	map_sync(dev, handle, size, dir, true, __builtin_return_address(0));
}

void dma_sync_single_for_device(struct device *dev, dma_t handle, uint64_t size,
				enum dma_data_direction dir)
{
	map_sync(dev, handle, size, dir, false, __builtin_return_address(0));
}
