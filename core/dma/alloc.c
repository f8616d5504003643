/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* [dma/alloc] > mm/cma > mm/contig > mm/isolate > mm/migrate > mm/buddy
 *
 * Coherent buffers: frames, then how the CPU and the device see them. */
#include <freehold/page.h>
#include "base/string.h"
#include "dma/coherent.h"
#include "dma/debug.h"
#include "dma/frames.h"
#include "dma/iommu.h"
#include "dma/pool.h"
#include "dma/remap.h"
#include "dma/scatter.h"

typedef unsigned long long ull;

static bool bad_request(const struct device *dev, uint64_t size, unsigned int attrs)
{
	return !dev || !dev->machine || !dev->machine->dma || !size ||
	       attrs & ~(unsigned int)DMA_ATTR_ALL;
}

/* ---- contiguous in memory ---- */

/* Past its caches, as a device that does not snoop needs it. NULL: no room. */
static void *map_uncached(struct fh_machine *m, const struct range *run, unsigned int nr)
{
	return m->plat.vmap ? m->plat.vmap(m->plat.ctx, run, nr, PLAT_VMAP_UNCACHED) : NULL;
}

/* Zero bytes in RAM, and an address of the CPU's for them; *remap: what has to be kept for that, or NULL. */
static int show_cpu(struct dma_ask *a, struct dma_remap **remap)
{
	struct fh_machine *m = a->dev->machine;
	uint64_t size = a->pages << FH_PAGE_SHIFT;

	*remap = NULL;
	if (a->cpu) {
		memset(a->cpu, 0, size);
		return 0;
	}
	if (!machine_virt(m, a->pfn)) /* the machine has no bytes, or none there */
		return 0;
	machine_zero(m, a->pfn, a->pages);
	if (dma_snoops(a->dev)) {
		a->cpu = machine_virt(m, a->pfn);
		return 0;
	}
	m->plat.cache_clean(m->plat.ctx, fh_pfn_to_phys(a->pfn), size);
	/* Without an address for the caller, too: it is what keeps programs and other devices from seeing these frames through
	 * caches. */
	*remap = scatter_record(a, 1);
	if (!*remap)
		return -FH_ENOMEM;
	(*remap)->hidden = a->attrs & DMA_ATTR_NO_KERNEL_MAPPING;
	(*remap)->run[0] = (struct range){a->pfn, a->pfn + a->pages};
	a->cpu = map_uncached(m, (*remap)->run, 1);
	if (a->cpu) {
		(*remap)->cpu = a->cpu;
		(*remap)->mapped = true;
		return 0;
	}
	machine_free(m, *remap, remap_size(1));
	return refuse_step(a->way, DMA_SOURCE_VMAP, -FH_ENOMEM,
			   "no address past the caches for %llu KiB", (ull)a->pages * 4);
}

/* Before the frames go: the next owner would have the bytes that leave the cache here. */
static void hide_cpu(struct fh_machine *m, const struct dma_remap *r)
{
	if (r->mapped)
		m->plat.vunmap(m->plat.ctx, r->cpu, r->pages);
}

static void drop_remap(struct fh_machine *m, struct dma_remap *r)
{
	if (r)
		hide_cpu(m, r);
	machine_free(m, r, r ? remap_size(r->nr_runs) : 0);
}

/* The address, then the frames, then the record. */
static void drop_runs(struct device *dev, struct dma_remap *r)
{
	hide_cpu(dev->machine, r);
	scatter_give(dev, r);
	machine_free(dev->machine, r, remap_size(r->nr_runs));
}

static int alloc_direct(struct dma_ask *a, dma_t *handle)
{
	struct dma_remap *remap;
	int err = frames_take(a);

	if (err)
		return err;
	err = show_cpu(a, &remap);
	if (err) {
		frames_give_back(a->dev, a->pfn, a->pages);
		return err;
	}
	handle->v = dma_of_phys(a->dev, fh_pfn_to_phys(a->pfn), a->pages << FH_PAGE_SHIFT);
	if (remap) {
		remap->handle = *handle;
		remap_keep(a->dev->machine, remap);
	}
	return 0;
}

/* The run of a pool that has [pfn, +pages); NULL: none. */
static struct dma_chunk *chunk_of(struct fh_machine *m, pfn_t pfn, uint64_t pages)
{
	struct dma_coherent_mem *mem = coherent_find(m, pfn, pages);

	return mem ? mem->chunk : pool_find(m, pfn, pages);
}

/* Whether what begins at pfn, in c if that is a pool's, is a buffer without a record that the CPU sees at `cpu`. */
static bool is_plain(const struct device *dev, const struct dma_chunk *c, dma_t handle, pfn_t pfn,
		     const void *cpu, unsigned int attrs)
{
	const void *virt = machine_virt(dev->machine, pfn);

	if (!c && virt && !dma_snoops(dev))
		return false;
	if (attrs & DMA_ATTR_NO_KERNEL_MAPPING)
		return cpu == dma_cookie(handle);
	return cpu == (c ? chunk_cpu(c, pfn) : virt);
}

static int free_direct(struct device *dev, uint64_t pages, void *cpu, dma_t handle,
		       unsigned int attrs)
{
	uint64_t phys = dma_to_phys(dev, handle, pages << FH_PAGE_SHIFT);
	pfn_t pfn = phys >> FH_PAGE_SHIFT;
	struct fh_machine *m = dev->machine;
	struct dma_remap *r = NULL;
	struct dma_chunk *c;

	if (phys == DMA_NOWHERE || pages > UINT64_MAX >> FH_PAGE_SHIFT)
		return -FH_EINVAL;
	c = chunk_of(m, pfn, pages);
	/* Others have no record: no lock for it. */
	if (!c && !dma_snoops(dev))
		r = remap_take(m, dev, handle, pages);
	if (r && remap_given(r) != cpu) {
		remap_keep(m, r);
		return -FH_EINVAL;
	}
	if (!r && !is_plain(dev, c, handle, pfn, cpu, attrs))
		return -FH_EINVAL;
	drop_remap(m, r);
	return frames_give(dev, pfn, pages) ? 0 : -FH_EINVAL;
}

/* ---- contiguous for the device only ---- */

static int show_runs(struct dma_ask *a, struct dma_remap *r)
{
	struct fh_machine *m = a->dev->machine;
	bool snoops = dma_snoops(a->dev);

	for (unsigned int i = 0; i < r->nr_runs; i++) {
		uint64_t n = r->run[i].end - r->run[i].start;

		machine_zero(m, r->run[i].start, n);
		if (!snoops)
			m->plat.cache_clean(m->plat.ctx, fh_pfn_to_phys(r->run[i].start),
					    n << FH_PAGE_SHIFT);
	}
	if ((snoops && a->attrs & DMA_ATTR_NO_KERNEL_MAPPING) || !machine_virt(m, r->run[0].start))
		return 0;
	if (snoops && r->nr_runs == 1) {
		r->cpu = machine_virt(m, r->run[0].start);
		return 0;
	}
	if (m->plat.vmap)
		r->cpu = m->plat.vmap(m->plat.ctx, r->run, r->nr_runs,
				      snoops ? 0 : PLAT_VMAP_UNCACHED);
	r->mapped = r->cpu;
	return r->cpu ? 0
		      : refuse_step(a->way, DMA_SOURCE_VMAP, -FH_ENOMEM,
				    "no address for %llu KiB in %u runs", (ull)a->pages * 4,
				    r->nr_runs);
}

static unsigned int coherent_prot(const struct dma_ask *a, const struct dma_remap *r)
{
	return IOMMU_READ | IOMMU_WRITE | (dma_snoops(a->dev) ? IOMMU_CACHE : 0) |
	       (machine_in_bank(a->dev->machine, r->run[0]) ? 0 : IOMMU_MMIO);
}

static int map_runs(struct dma_ask *a, struct dma_remap *r)
{
	int err = iommu_dma_map_runs(a->dev, r->run, r->nr_runs,
				     dma_limit(a->dev, dma_coherent_mask(a->dev)),
				     coherent_prot(a, r), &r->handle);

	return err ? refuse_step(a->way, DMA_SOURCE_IOVA, err, "no addresses for %llu KiB",
				 (ull)a->pages * 4)
		   : 0;
}

/* Contiguous frames after all: the caller wants them, or cannot sleep, or the pool has nothing else. */
static int take_together(struct dma_ask *a, struct dma_remap **remap)
{
	struct dma_remap *r = scatter_record(a, 1);
	int err = r ? frames_take(a) : -FH_ENOMEM;

	if (err) {
		machine_free(a->dev->machine, r, remap_size(1));
		return err;
	}
	r->run[0] = (struct range){a->pfn, a->pfn + a->pages};
	*remap = r;
	return 0;
}

static bool scattered(const struct dma_ask *a)
{
	const struct device *dev = a->dev;

	return a->gfp & __GFP_DIRECT_RECLAIM && !(a->attrs & DMA_ATTR_FORCE_CONTIGUOUS) &&
	       !dev->dma_mem && !dev->machine->cfg.dma.coherent_only;
}

static int alloc_iommu(struct dma_ask *a, dma_t *handle)
{
	struct fh_machine *m = a->dev->machine;
	struct dma_remap *r = NULL;
	int err = scattered(a) ? scatter_take(a, &r) : take_together(a, &r);

	if (err)
		return err;
	if (a->cpu) {
		memset(a->cpu, 0, a->pages << FH_PAGE_SHIFT);
		r->cpu = a->cpu;
	} else {
		err = show_runs(a, r);
	}
	if (!err)
		err = map_runs(a, r);
	if (err) {
		drop_runs(a->dev, r);
		return err;
	}
	a->cpu = r->cpu;
	r->hidden = a->attrs & DMA_ATTR_NO_KERNEL_MAPPING;
	*handle = r->handle;
	remap_keep(m, r);
	return 0;
}

static int free_iommu(struct device *dev, uint64_t pages, void *cpu, dma_t handle)
{
	struct fh_machine *m = dev->machine;
	struct dma_remap *r = remap_take(m, dev, handle, pages);

	if (!r)
		return -FH_EINVAL;
	if (remap_given(r) != cpu) {
		remap_keep(m, r);
		return -FH_EINVAL;
	}
	if (!iommu_dma_unmap(dev, handle, pages << FH_PAGE_SHIFT))
		machine_bug(m, "dma: buffer at %#llx is not in its address space", (ull)handle.v);
	drop_runs(dev, r);
	return 0;
}

/* ---- the API ---- */

/* Where its bytes are, for the books: DMA_NOWHERE, in several places. */
static phys_t whereabouts(const struct dma_ask *a)
{
	return (phys_t){a->dev->iommu && scattered(a) ? DMA_NOWHERE : fh_pfn_to_phys(a->pfn).v};
}

static int alloc(struct dma_ask *a, dma_t *handle, void **cpu, const void *site)
{
	struct device *dev = a->dev;
	dma_t made = {0};
	int err = dev->iommu ? alloc_iommu(a, &made) : alloc_direct(a, &made);

	if (err) {
		refuse_keep(dev, a->way, err);
		return err;
	}
	*handle = made;
	*cpu = a->attrs & DMA_ATTR_NO_KERNEL_MAPPING ? dma_cookie(made) : a->cpu;
	if (dev->machine->dma->debug)
		debug_dma_map(dev, DMA_DEBUG_COHERENT, whereabouts(a), a->way->size,
			      DMA_BIDIRECTIONAL, a->attrs, made, site);
	return 0;
}

int dma_alloc_attrs(struct device *dev, uint64_t size, gfp_t gfp, unsigned int attrs, dma_t *handle,
		    void **cpu)
{
	struct dma_refusal way;
	struct dma_ask a;

	if (bad_request(dev, size, attrs) || !handle || !cpu)
		return -FH_EINVAL;
	frames_ask(&a, dev, size, gfp, attrs, &way);
	return alloc(&a, handle, cpu, __builtin_return_address(0));
}

int dma_alloc_coherent(struct device *dev, uint64_t size, gfp_t gfp, dma_t *handle, void **cpu)
{
	struct dma_refusal way;
	struct dma_ask a;

	if (bad_request(dev, size, 0) || !handle || !cpu)
		return -FH_EINVAL;
	frames_ask(&a, dev, size, gfp, 0, &way);
	return alloc(&a, handle, cpu, __builtin_return_address(0));
}

int dma_alloc_explained(struct device *dev, uint64_t size, gfp_t gfp, unsigned int attrs,
			dma_t *handle, void **cpu, struct dma_refusal *way)
{
	struct dma_ask a;
	int err;

	if (bad_request(dev, size, attrs) || !handle || !cpu || !way)
		return -FH_EINVAL;
	memset(way, 0, sizeof(*way));
	fh_strcopy(way->device, dev_name(dev), sizeof(way->device));
	frames_ask(&a, dev, size, gfp, attrs, way);
	err = alloc(&a, handle, cpu, __builtin_return_address(0));
	if (!err)
		(void)refuse_step(way, a.source, 0, "at bus address 0x%llx", (ull)handle->v);
	return err;
}

static int release(struct device *dev, uint64_t size, void *cpu, dma_t handle, unsigned int attrs,
		   const void *site)
{
	uint64_t pages;
	int err;

	if (bad_request(dev, size, attrs) || handle.v & (FH_PAGE_SIZE - 1))
		return -FH_EINVAL;
	pages = dma_pages(size);
	if (dev->machine->dma->debug &&
	    !debug_dma_unmap(dev, DMA_DEBUG_COHERENT, handle, size, DMA_BIDIRECTIONAL, site))
		return -FH_EINVAL;
	err = dev->iommu ? free_iommu(dev, pages, cpu, handle)
			 : free_direct(dev, pages, cpu, handle, attrs);
	/* It was debugging's to end, and its caller's not: it is there still, and freed rightly later. */
	if (err && dev->machine->dma->debug)
		debug_dma_map(dev, DMA_DEBUG_COHERENT, (phys_t){0}, size, DMA_BIDIRECTIONAL, attrs,
			      handle, site);
	return err;
}

int dma_free_attrs(struct device *dev, uint64_t size, void *cpu, dma_t handle, unsigned int attrs)
{
	return release(dev, size, cpu, handle, attrs, __builtin_return_address(0));
}

int dma_free_coherent(struct device *dev, uint64_t size, void *cpu, dma_t handle)
{
	return release(dev, size, cpu, handle, 0, __builtin_return_address(0));
}
