/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A device of a tree goes behind an IOMMU: what the tree keeps of its addresses is reserved, and what firmware uses is mapped
 * one to one before. Follows iommu_create_device_direct_mappings() and iova_reserve_iommu_regions(). */
#include <freehold/boot.h>
#include "base/fmt.h"
#include "dma/iommu.h"
#include "dma/iommu_domain.h"

#define ROUND (FH_PAGE_SIZE - 1)

FH_PRINTF(4, 5)
static int fail(const struct boot_device *bd, struct boot_why *why, int err, const char *fmt, ...)
{
	struct fh_text text;
	va_list ap;

	if (!why)
		return err;
	text = (struct fh_text){why->text, sizeof(why->text), 0};
	fh_text_add(&text, "%s: iommu-addresses: ", bd->name);
	va_start(ap, fmt);
	fh_vsnprintf(why->text + text.len, sizeof(why->text) - text.len, fmt, ap);
	va_end(ap);
	return err;
}

/* All pages that it touches: none is handed out from now on. */
static int reserve(struct iommu_domain *d, const struct boot_iova *v)
{
	const struct range r = {v->base >> FH_PAGE_SHIFT,
				((v->base + v->size - 1) >> FH_PAGE_SHIFT) + 1};
	int err = iova_reserve(&d->iova, r);

	if (err == -FH_EEXIST) { /* it may only wait for a flush */
		iommu_flush(d);
		err = iova_reserve(&d->iova, r);
	}
	return err;
}

/* What is mapped of it: from the first page up that Linux maps to the first that it does not; empty: nothing. */
static struct range pages_of(const struct boot_iova *v)
{
	uint64_t end = v->base + v->size - 1;

	return (struct range){(v->base >> FH_PAGE_SHIFT) + !!(v->base & ROUND),
			      (end >> FH_PAGE_SHIFT) + 1};
}

/* Another device of the domain may have the same region. */
static bool is_there(struct iommu_domain *d, struct range pages)
{
	phys_t phys;

	for (uint64_t pfn = pages.start; pfn < pages.end; pfn++)
		if (!iommu_iova_to_phys(d, (dma_t){pfn << FH_PAGE_SHIFT}, &phys) ||
		    phys.v != pfn << FH_PAGE_SHIFT)
			return false;
	return true;
}

/* *mapped: it is new. */
static int map_direct(struct iommu_domain *d, const struct boot_device *bd,
		      const struct boot_iova *v, bool *mapped)
{
	const struct range pages = pages_of(v);
	uint64_t at = pages.start << FH_PAGE_SHIFT, size = (pages.end - pages.start)
							   << FH_PAGE_SHIFT;
	unsigned int prot = IOMMU_READ | IOMMU_WRITE | (bd->dma_coherent ? IOMMU_CACHE : 0);
	int err;

	*mapped = false;
	if (pages.start >= pages.end)
		return 0;
	if (v->base + (v->size - 1) >= IOMMU_END)
		return -FH_EINVAL;
	if (is_there(d, pages))
		return 0;
	if (!iommu_may_map(d->m, at, size, prot))
		prot |= IOMMU_MMIO; /* a region outside RAM is mapped as well */
	err = iommu_map(d, (dma_t){at}, (phys_t){at}, size, prot);
	*mapped = !err;
	return err;
}

static void unmap_all(struct iommu_domain *d, const struct boot_device *bd, uint32_t mapped)
{
	for (unsigned int i = 0; i < BOOT_DEVICE_IOVAS; i++) {
		struct range pages = pages_of(&bd->iova[i]);

		if (mapped & UINT32_C(1) << i)
			iommu_unmap(d, (dma_t){pages.start << FH_PAGE_SHIFT},
				    (pages.end - pages.start) << FH_PAGE_SHIFT);
	}
}

static int map_all(struct iommu_domain *d, const struct boot_device *bd, struct boot_why *why)
{
	uint32_t mapped = 0;

	for (unsigned int i = 0; i < bd->nr_iovas; i++) {
		const struct boot_iova *v = &bd->iova[i];
		bool is_new;
		int err = v->direct ? map_direct(d, bd, v, &is_new) : 0;

		if (err) {
			unmap_all(d, bd, mapped);
			return fail(bd, why, err, "%#llx to %#llx cannot be mapped: error %d",
				    (unsigned long long)v->base,
				    (unsigned long long)(v->base + v->size - 1), err);
		}
		if (v->direct && is_new)
			mapped |= UINT32_C(1) << i;
	}
	return 0;
}

int device_attach_iommu(struct device *dev, const struct boot_device *bd,
			struct iommu_domain *domain, struct boot_why *why)
{
	static const struct boot_device nobody = {.name = "device"};
	int err = 0;

	if (!dev || !bd || !domain || dev->machine != domain->m || bd->nr_iovas > BOOT_DEVICE_IOVAS)
		return fail(&nobody, why, -FH_EINVAL,
			    "expected a device, its node, and a domain of its machine");
	for (unsigned int i = 0; i < bd->nr_iovas; i++) {
		const struct boot_iova *v = &bd->iova[i];

		err = reserve(domain, v);
		if (err)
			return fail(bd, why, err, "%#llx to %#llx cannot be kept: %s",
				    (unsigned long long)v->base,
				    (unsigned long long)(v->base + v->size - 1),
				    err == -FH_EEXIST ? "some of it is handed out" : "no memory");
	}
	err = map_all(domain, bd, why);
	if (!err)
		dev->iommu = domain;
	return err;
}
