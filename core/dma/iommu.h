/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Devices behind an IOMMU: the DMA API's half of freehold/iommu.h. */
#ifndef FH_DMA_IOMMU_H
#define FH_DMA_IOMMU_H

#include <freehold/iommu.h>
#include "dma/dma.h"

/* An access of the device to [bus, bus + size): where its first byte lies, and for how many bytes that goes on, at least 1.
 * As the hardware does it: through the IOTLB, else by a walk of the tables; looks at nothing else.
 * -FH_EFAULT: stopped, and recorded. */
FH_MUST_CHECK int iommu_translate(const struct device *dev, dma_t bus, uint64_t size, bool write,
				  phys_t *phys, uint64_t *run);

/* iommu_dma_map_page(): an address for it, whole pages mapped, offset kept. No cache maintenance, no bounce: the caller's.
 * `mask` is the highest address. -FH_ENOMEM: no addresses, or no frame for a table. iommu_dma_unmap() returns false
 * when handle is not such a mapping of that size. */
FH_MUST_CHECK int iommu_dma_map(struct device *dev, phys_t phys, uint64_t size, uint64_t mask,
				unsigned int prot, dma_t *handle);
bool iommu_dma_unmap(struct device *dev, dma_t handle, uint64_t size);
/* Runs of frames, or entries of a list, one behind the other at one address. */
FH_MUST_CHECK int iommu_dma_map_runs(struct device *dev, const struct range *run, unsigned int nr,
				     uint64_t mask, unsigned int prot, dma_t *handle);
/* iommu_dma_map_sg(): fills in dma_address and dma_length of the first entries, joined where segment size and boundary
 * allow; returns how many. Unmap takes what the first of these calls got. */
FH_MUST_CHECK int iommu_dma_map_sg(struct device *dev, struct scatterlist *sg, unsigned int nents,
				   unsigned int prot);
void iommu_dma_unmap_sg(struct device *dev, struct scatterlist *sg, unsigned int nents);

/* A machine that has no domains yet; all domains of one that is ending. */
void iommu_start(struct fh_machine *m);
void iommu_end(struct fh_machine *m);

/* fh_check()'s part: how many invariants are broken; a line for each goes to *out. */
unsigned int iommu_check(struct iommu_domain *domain, struct fh_text *out);
unsigned int iommu_check_all(struct fh_machine *m, struct fh_text *out);

/* The file tree: calls fn for every domain, by falling number; the number, and what the public calls take. */
void iommu_each(struct fh_machine *m,
		void (*fn)(void *arg, unsigned int number, struct iommu_domain *domain), void *arg);

#endif
