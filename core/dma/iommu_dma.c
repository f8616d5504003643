/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* dma/map, dma/alloc > [dma/iommu_dma] > dma/iova, dma/iopt
 *
 * Mappings of the DMA API: an address, entries, and on the way back a flush. Each is three steps, of which the first two can fail:
 * address, tables, entries. */
#include "dma/iommu.h"
#include "dma/iommu_domain.h"

/* Whole pages that [x, x + size) touches, in bytes; 0: too large. */
static uint64_t cover(uint64_t x, uint64_t size)
{
	uint64_t offset = x & (FH_PAGE_SIZE - 1);

	if (!size || size > IOMMU_END)
		return 0;
	return (offset + size + FH_PAGE_SIZE - 1) & ~(FH_PAGE_SIZE - 1);
}

/* What ends below this page is within the mask. */
static uint64_t limit_of(uint64_t mask)
{
	return mask == UINT64_MAX ? UINT64_MAX : (mask + 1) >> FH_PAGE_SHIFT;
}

/* None left: those that wait for a flush, and those that CPUs cache, are looked at, too. */
static int alloc_more(struct iommu_domain *d, uint64_t pages, uint64_t limit, uint64_t *pfn)
{
	iommu_flush(d);
	iova_drain(&d->iova);
	return iova_alloc(&d->iova, pages, limit, pfn);
}

static int alloc_iova(struct iommu_domain *d, uint64_t size, uint64_t mask, uint64_t *iova)
{
	uint64_t pages = size >> FH_PAGE_SHIFT, limit = limit_of(mask), pfn;

	if (iova_alloc(&d->iova, pages, limit, &pfn) && alloc_more(d, pages, limit, &pfn))
		return -FH_ENOMEM;
	*iova = pfn << FH_PAGE_SHIFT;
	return 0;
}

/* An address that no device has seen needs no flush. */
static void free_iova(struct iommu_domain *d, uint64_t iova, uint64_t size)
{
	const struct range r = {iova >> FH_PAGE_SHIFT, (iova + size) >> FH_PAGE_SHIFT};

	iova_free(&d->iova, &r, 1);
}

/* Nothing was written: an address that was handed out is mapped by nobody else (D4). */
static int give_up(struct iommu_domain *d, uint64_t iova, uint64_t size, int err)
{
	if (err != -FH_ENOMEM)
		machine_bug(d->m, "iommu %u: iova %#llx was free, and is mapped", d->number,
			    (unsigned long long)iova);
	free_iova(d, iova, size);
	return err;
}

static void mapped(struct iommu_domain *d, struct iommu_slot *slot, uint64_t bytes)
{
	iommu_count(d, slot, IOMMU_MAPS, 1);
	iommu_count(d, slot, IOMMU_MAPPED, bytes);
}

int iommu_dma_map(struct device *dev, phys_t phys, uint64_t size, uint64_t mask, unsigned int prot,
		  dma_t *handle)
{
	uint64_t offset = phys.v & (FH_PAGE_SIZE - 1), bytes = cover(phys.v, size);
	struct iommu_domain *d = dev->iommu;
	struct iopt_run run = {.phys = phys.v - offset, .size = bytes};
	unsigned int flags = iommu_leaf_flags(prot) | IOPT_DMA | IOPT_HEAD | IOPT_TAIL;
	struct iommu_slot *slot;
	int err;

	if (!d || !bytes || !iommu_may_map(d->m, run.phys, bytes, prot))
		return -FH_EINVAL;
	if (alloc_iova(d, bytes, mask, &run.iova))
		return -FH_ENOMEM;
	slot = iommu_slot(d);
	if (bytes == FH_PAGE_SIZE) {
		err = iopt_map_page(&d->pt, iommu_hint(d, slot), run.iova, run.phys, flags);
	} else {
		err = iopt_prepare(&d->pt, &run);
		if (!err)
			err = iopt_install(&d->pt, &run, flags);
	}
	if (err)
		return give_up(d, run.iova, bytes, err);
	mapped(d, slot, bytes);
	*handle = (dma_t){run.iova + offset};
	return 0;
}

static bool unmap(struct iommu_domain *d, uint64_t iova, uint64_t size, bool holes)
{
	struct iommu_slot *slot = iommu_slot(d);
	uint64_t bytes = iopt_take(&d->pt, iommu_hint(d, slot), iova, size, holes);

	if (!bytes)
		return false;
	iommu_count(d, slot, IOMMU_UNMAPS, 1);
	iommu_count(d, slot, IOMMU_MAPPED, -bytes);
	iommu_retire(d, slot, iova, size);
	return true;
}

bool iommu_dma_unmap(struct device *dev, dma_t handle, uint64_t size)
{
	uint64_t bytes = cover(handle.v, size), iova = handle.v & ~(FH_PAGE_SIZE - 1);

	return dev->iommu && bytes && iova < IOMMU_END && bytes <= IOMMU_END - iova &&
	       unmap(dev->iommu, iova, bytes, false);
}

/* ---- several runs at one address ---- */

/* Runs of frames or a scatter list, and where each comes to lie behind the address that is handed out. */
struct list {
	const struct range *run;      /* or */
	const struct scatterlist *sg; /* NULL: runs */
	unsigned int nr;
	uint64_t
		boundary; /* a power of two that no entry crosses, as far as it is shorter; 0: none */
};

/* Entry i; *at: where the one before it ended, then where it does. An address is aligned to the power of two that holds the list, so
 * what crosses no boundary here does not there. */
static struct iopt_run entry(const struct list *l, unsigned int i, uint64_t *at)
{
	struct iopt_run r = {0};
	uint64_t room;

	if (l->sg) {
		r.phys = l->sg[i].phys.v & ~(FH_PAGE_SIZE - 1);
		r.size = cover(l->sg[i].phys.v, l->sg[i].length);
	} else if (l->run[i].start < l->run[i].end &&
		   l->run[i].end < IOPT_PHYS_END >> FH_PAGE_SHIFT) {
		r.phys = l->run[i].start << FH_PAGE_SHIFT;
		r.size = (l->run[i].end - l->run[i].start) << FH_PAGE_SHIFT;
	}
	room = l->boundary - (*at & (l->boundary - 1));
	if (l->boundary && room < r.size && room < l->boundary)
		*at += room;
	r.iova = *at;
	*at += r.size;
	return r;
}

/* How long the list is at its address; 0: it cannot be mapped. */
static uint64_t measure(struct iommu_domain *d, const struct list *l, unsigned int prot,
			uint64_t *bytes)
{
	uint64_t at = 0;

	*bytes = 0;
	for (unsigned int i = 0; i < l->nr; i++) {
		struct iopt_run r = entry(l, i, &at);

		if (!r.size || at > IOMMU_END || !iommu_may_map(d->m, r.phys, r.size, prot))
			return 0;
		*bytes += r.size;
	}
	return at;
}

/* Tables for all entries, then all entries. */
static int map_at(struct iommu_domain *d, const struct list *l, unsigned int flags, uint64_t base)
{
	struct iopt_run r;
	uint64_t at = 0;
	int err = 0;

	for (unsigned int i = 0; i < l->nr && !err; i++) {
		r = entry(l, i, &at);
		r.iova += base;
		err = iopt_prepare(&d->pt, &r);
	}
	at = 0;
	for (unsigned int i = 0; i < l->nr && !err; i++) {
		r = entry(l, i, &at);
		r.iova += base;
		err = iopt_install(&d->pt, &r,
				   flags | (i ? 0 : IOPT_HEAD) | (i + 1 < l->nr ? 0 : IOPT_TAIL));
	}
	return err;
}

static int map_list(struct iommu_domain *d, const struct list *l, uint64_t mask, unsigned int prot,
		    uint64_t *base)
{
	uint64_t bytes, size = measure(d, l, prot, &bytes);
	int err;

	if (!size)
		return -FH_EINVAL;
	if (alloc_iova(d, size, mask, base))
		return -FH_ENOMEM;
	err = map_at(d, l, iommu_leaf_flags(prot) | IOPT_DMA, *base);
	if (err)
		return give_up(d, *base, size, err);
	mapped(d, iommu_slot(d), bytes);
	return 0;
}

int iommu_dma_map_runs(struct device *dev, const struct range *run, unsigned int nr, uint64_t mask,
		       unsigned int prot, dma_t *handle)
{
	const struct list l = {.run = run, .nr = nr};

	return dev->iommu && run ? map_list(dev->iommu, &l, mask, prot, &handle->v) : -FH_EINVAL;
}

/* The segments that the device takes: entries that follow each other, as far as it may. Returns how many. */
static unsigned int fill_in(const struct device *dev, struct scatterlist *sg, const struct list *l,
			    uint64_t base)
{
	unsigned int n = 0, max = dma_get_max_seg_size(dev);
	uint64_t mask = dma_get_seg_boundary(dev), at = 0;

	for (unsigned int i = 0; i < l->nr; i++) {
		uint64_t offset = sg[i].phys.v & (FH_PAGE_SIZE - 1);
		uint64_t iova = base + entry(l, i, &at).iova + offset;

		if (n && iova == sg[n - 1].dma_address.v + sg[n - 1].dma_length && iova & mask &&
		    sg[n - 1].dma_length + sg[i].length <= max) {
			sg[n - 1].dma_length += sg[i].length;
			continue;
		}
		sg[n].dma_address = (dma_t){iova};
		sg[n++].dma_length = sg[i].length;
	}
	for (unsigned int i = n; i < l->nr; i++) {
		sg[i].dma_address = (dma_t){DMA_NOWHERE};
		sg[i].dma_length = 0;
	}
	return n;
}

int iommu_dma_map_sg(struct device *dev, struct scatterlist *sg, unsigned int nents,
		     unsigned int prot)
{
	uint64_t mask = dma_limit(dev, dma_get_mask(dev)), base;
	const struct list l = {
		.sg = sg,
		.nr = nents,
		.boundary = dma_get_seg_boundary(dev) + 1,
	};
	int err;

	if (!dev->iommu || !sg || nents > INT32_MAX || l.boundary & (l.boundary - 1))
		return -FH_EINVAL;
	err = map_list(dev->iommu, &l, mask, prot, &base);
	return err ? err : (int)fill_in(dev, sg, &l, base);
}

void iommu_dma_unmap_sg(struct device *dev, struct scatterlist *sg, unsigned int nents)
{
	uint64_t start, end = 0;

	if (!dev->iommu || !sg || !nents)
		return;
	start = sg[0].dma_address.v & ~(FH_PAGE_SIZE - 1);
	for (unsigned int i = 0; i < nents && sg[i].dma_length; i++)
		end = sg[i].dma_address.v + sg[i].dma_length;
	end = (end + FH_PAGE_SIZE - 1) & ~(FH_PAGE_SIZE - 1);
	if (start < end && end <= IOMMU_END)
		unmap(dev->iommu, start, end - start, true);
}
