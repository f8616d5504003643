/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Buffers with cached bytes that come with their mapping: dma_alloc_pages(), _noncoherent() and _noncontiguous(). */
#include "dma/debug.h"
#include "dma/iommu.h"
#include "dma/map.h"
#include "dma/scatter.h"

/* ---- contiguous in memory ---- */

/* The CPU's: cached, zero, and known to the device. */
static int alloc_pages(struct dma_ask *a, enum dma_data_direction dir, dma_t *handle,
		       const void *site)
{
	struct device *dev = a->dev;
	uint64_t bytes = a->pages << FH_PAGE_SHIFT;
	phys_t phys;
	int err;

	err = frames_take_cached(a);
	if (!err) {
		phys = fh_pfn_to_phys(a->pfn);
		machine_zero(dev->machine, a->pfn, a->pages);
		if (dev->iommu)
			err = iommu_dma_map(dev, phys, bytes, dma_limit(dev, dma_get_mask(dev)),
					    map_prot(dev, dir), handle);
		else
			handle->v = dma_of_phys(dev, phys, bytes);
		if (err) {
			frames_give_back(dev, a->pfn, a->pages);
			(void)refuse_step(a->way, DMA_SOURCE_IOVA, err, "no addresses");
		}
	}
	if (err)
		refuse_keep(dev, a->way, err);
	else if (dev->machine->dma->debug)
		debug_dma_map(dev, DMA_DEBUG_PAGES, phys, a->way->size, dir, a->attrs, *handle,
			      site);
	return err;
}

/* The first frame at an address; UINT64_MAX: nothing of the device's is there. Behind an IOMMU the handle says nothing of the frames:
 * their addresses do. */
static pfn_t pfn_of(struct device *dev, dma_t handle, uint64_t size)
{
	uint64_t at = dev->iommu ? DMA_NOWHERE : dma_to_phys(dev, handle, size);
	phys_t phys;

	if (!dev->iommu)
		return at == DMA_NOWHERE ? UINT64_MAX : at >> FH_PAGE_SHIFT;
	return iommu_iova_to_phys(dev->iommu, handle, &phys) ? fh_phys_to_pfn(phys) : UINT64_MAX;
}

static int free_pages(struct device *dev, uint64_t size, pfn_t pfn, dma_t handle,
		      enum dma_data_direction dir, const void *site)
{
	uint64_t pages = dma_pages(size);
	pfn_t there;

	if (map_is_bad(dev, size, dir, 0) || handle.v & (FH_PAGE_SIZE - 1))
		return -FH_EINVAL;
	/* Before anything ends: handle and frames belong together. Of what is not there at all debugging tells. */
	there = pfn_of(dev, handle, pages << FH_PAGE_SHIFT);
	if (there != pfn && there != UINT64_MAX)
		return -FH_EINVAL;
	if (dev->machine->dma->debug &&
	    !debug_dma_unmap(dev, DMA_DEBUG_PAGES, handle, size, dir, site))
		return -FH_EINVAL;
	if (there != pfn || (dev->iommu && !iommu_dma_unmap(dev, handle, pages << FH_PAGE_SHIFT)))
		return -FH_EINVAL;
	return frames_give(dev, pfn, pages) ? 0 : -FH_EINVAL;
}

int dma_alloc_pages(struct device *dev, uint64_t size, gfp_t gfp, enum dma_data_direction dir,
		    dma_t *handle, pfn_t *pfn)
{
	struct dma_refusal way;
	struct dma_ask a;
	int err;

	if (map_is_bad(dev, size, dir, 0) || !handle || !pfn)
		return -FH_EINVAL;
	frames_ask(&a, dev, size, gfp, 0, &way);
	err = alloc_pages(&a, dir, handle, __builtin_return_address(0));
	if (!err)
		*pfn = a.pfn;
	return err;
}

int dma_free_pages(struct device *dev, uint64_t size, pfn_t pfn, dma_t handle,
		   enum dma_data_direction dir)
{
	return free_pages(dev, size, pfn, handle, dir, __builtin_return_address(0));
}

int dma_alloc_noncoherent(struct device *dev, uint64_t size, gfp_t gfp, enum dma_data_direction dir,
			  dma_t *handle, void **cpu)
{
	struct dma_refusal way;
	struct dma_ask a;
	int err;

	if (map_is_bad(dev, size, dir, 0) || !handle || !cpu)
		return -FH_EINVAL;
	frames_ask(&a, dev, size, gfp, 0, &way);
	err = alloc_pages(&a, dir, handle, __builtin_return_address(0));
	if (!err)
		*cpu = machine_virt(dev->machine, a.pfn);
	return err;
}

int dma_free_noncoherent(struct device *dev, uint64_t size, void *cpu, dma_t handle,
			 enum dma_data_direction dir)
{
	pfn_t pfn;

	if (map_is_bad(dev, size, dir, 0) || handle.v & (FH_PAGE_SIZE - 1))
		return -FH_EINVAL;
	pfn = pfn_of(dev, handle, size);
	if (!machine_has(dev->machine, pfn) || machine_virt(dev->machine, pfn) != cpu)
		return -FH_EINVAL;
	return free_pages(dev, size, pfn, handle, dir, __builtin_return_address(0));
}

/* ---- contiguous for the device ---- */

/* The table that the caller sees, with its entries and what has to be kept. */
struct noncontig {
	struct sg_table table;	 /* first: the caller's pointer */
	struct dma_remap *remap; /* the runs behind an IOMMU; NULL: one run, of alloc_pages() */
	size_t size;		 /* of this struct */
	struct scatterlist entry[];
};

static struct noncontig *new_table(struct fh_machine *m, unsigned int nents)
{
	size_t size = sizeof(struct noncontig) + nents * sizeof(struct scatterlist);
	struct noncontig *t = machine_alloc(m, size);

	if (t) {
		t->size = size;
		t->table = (struct sg_table){t->entry, 1, nents};
	}
	return t;
}

static int alloc_one(struct dma_ask *a, enum dma_data_direction dir, struct noncontig **table,
		     const void *site)
{
	struct fh_machine *m = a->dev->machine;
	struct noncontig *t = new_table(m, 1);
	int err = -FH_ENOMEM;

	if (t)
		err = alloc_pages(a, dir, &t->entry[0].dma_address, site);
	if (err) {
		machine_free(m, t, t ? t->size : 0);
		return err;
	}
	t->entry[0].phys = fh_pfn_to_phys(a->pfn);
	t->entry[0].length = t->entry[0].dma_length = a->pages << FH_PAGE_SHIFT;
	*table = t;
	return 0;
}

/* First the frames, then their table, then their address: each can fail. */
static int alloc_many(struct dma_ask *a, enum dma_data_direction dir, struct noncontig **table)
{
	struct device *dev = a->dev;
	struct noncontig *t = NULL;
	struct dma_remap *r = NULL;
	dma_t handle = {0};
	int err = scatter_take(a, &r);

	if (!err) {
		t = new_table(dev->machine, r->nr_runs);
		err = t ? iommu_dma_map_runs(dev, r->run, r->nr_runs,
					     dma_limit(dev, dma_get_mask(dev)), map_prot(dev, dir),
					     &handle)
			: -FH_ENOMEM;
	}
	if (err) {
		machine_free(dev->machine, t, t ? t->size : 0);
		if (r) {
			(void)refuse_step(a->way, DMA_SOURCE_IOVA, err, "no addresses");
			scatter_give(dev, r);
			machine_free(dev->machine, r, remap_size(r->nr_runs));
		}
		return err;
	}
	for (unsigned int i = 0; i < r->nr_runs; i++) {
		uint64_t n = r->run[i].end - r->run[i].start;

		machine_zero(dev->machine, r->run[i].start, n);
		t->entry[i].phys = fh_pfn_to_phys(r->run[i].start);
		t->entry[i].length = n << FH_PAGE_SHIFT;
	}
	t->entry[0].dma_address = handle;
	t->entry[0].dma_length = a->pages << FH_PAGE_SHIFT;
	t->remap = r;
	*table = t;
	return 0;
}

int dma_alloc_noncontiguous(struct device *dev, uint64_t size, gfp_t gfp,
			    enum dma_data_direction dir, unsigned int attrs, struct sg_table **sgt)
{
	const void *site = __builtin_return_address(0);
	struct dma_refusal way;
	struct noncontig *t = NULL;
	struct dma_ask a;
	int err;

	if (map_is_bad(dev, size, dir, attrs) || !sgt)
		return -FH_EINVAL;
	/* Whole pages: as its entries say, and a sync of the list. */
	frames_ask(&a, dev, dma_pages(size) << FH_PAGE_SHIFT, gfp, attrs, &way);
	if (!dev->iommu) {
		err = alloc_one(&a, dir, &t, site);
	} else {
		err = alloc_many(&a, dir, &t);
		if (err)
			refuse_keep(dev, &way, err);
		else if (dev->machine->dma->debug)
			debug_dma_map(dev, DMA_DEBUG_PAGES, (phys_t){DMA_NOWHERE},
				      t->entry[0].dma_length, dir, attrs, t->entry[0].dma_address,
				      site);
	}
	if (!err)
		*sgt = &t->table;
	return err;
}

int dma_free_noncontiguous(struct device *dev, uint64_t size, struct sg_table *sgt,
			   enum dma_data_direction dir)
{
	const void *site = __builtin_return_address(0);
	struct noncontig *t = (struct noncontig *)(void *)sgt;
	struct fh_machine *m;
	dma_t handle;
	int err = 0;

	if (map_is_bad(dev, size, dir, 0) || !sgt ||
	    t->entry[0].dma_length != dma_pages(size) << FH_PAGE_SHIFT)
		return -FH_EINVAL;
	m = dev->machine;
	handle = t->entry[0].dma_address;
	size = t->entry[0].dma_length;
	if (!t->remap) {
		err = free_pages(dev, size, fh_phys_to_pfn(t->entry[0].phys), handle, dir, site);
	} else {
		if ((m->dma->debug &&
		     !debug_dma_unmap(dev, DMA_DEBUG_PAGES, handle, size, dir, site)) ||
		    !iommu_dma_unmap(dev, handle, t->entry[0].dma_length))
			return -FH_EINVAL;
		scatter_give(dev, t->remap);
		machine_free(m, t->remap, remap_size(t->remap->nr_runs));
	}
	if (!err)
		machine_free(m, t, t->size);
	return err;
}

int dma_vmap_noncontiguous(struct device *dev, uint64_t size, struct sg_table *sgt, void **cpu)
{
	struct noncontig *t = (struct noncontig *)(void *)sgt;
	struct fh_machine *m;
	void *p;

	if (map_is_bad(dev, size, DMA_BIDIRECTIONAL, 0) || !sgt || !cpu ||
	    t->entry[0].dma_length != dma_pages(size) << FH_PAGE_SHIFT)
		return -FH_EINVAL;
	m = dev->machine;
	if (!t->remap || t->remap->nr_runs == 1)
		p = machine_virt(m, fh_phys_to_pfn(t->entry[0].phys));
	else
		p = m->plat.vmap ? m->plat.vmap(m->plat.ctx, t->remap->run, t->remap->nr_runs, 0)
				 : NULL;
	if (!p)
		return -FH_ENOMEM;
	*cpu = p;
	return 0;
}

void dma_vunmap_noncontiguous(struct device *dev, uint64_t size, struct sg_table *sgt, void *cpu)
{
	struct noncontig *t = (struct noncontig *)(void *)sgt;

	if (map_is_bad(dev, size, DMA_BIDIRECTIONAL, 0) || !sgt || !cpu)
		return;
	if (t->remap && t->remap->nr_runs > 1)
		dev->machine->plat.vunmap(dev->machine->plat.ctx, cpu, dma_pages(size));
}
