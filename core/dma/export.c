/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A coherent buffer for others: the frames it has, for another device to map, and as a program sees them. */
#include <freehold/object.h>
#include "base/string.h"
#include "dma/coherent.h"
#include "dma/frames.h"
#include "dma/pool.h"
#include "dma/remap.h"

/* The runs of a buffer; *one is room for a single one. NULL: no such buffer. */
static const struct range *runs_of(struct device *dev, dma_t handle, uint64_t size,
				   struct range *one, unsigned int *nr)
{
	struct fh_machine *m =
		dev && dev->machine && dev->machine->dma && size ? dev->machine : NULL;
	const struct dma_remap *r = m ? remap_find(m, dev, handle, dma_pages(size)) : NULL;
	uint64_t phys;

	if (r) {
		*nr = r->nr_runs;
		return r->run;
	}
	if (!m || dev->iommu || handle.v & (FH_PAGE_SIZE - 1))
		return NULL;
	phys = dma_to_phys(dev, handle, dma_pages(size) << FH_PAGE_SHIFT);
	if (phys == DMA_NOWHERE)
		return NULL;
	*one = (struct range){phys >> FH_PAGE_SHIFT, (phys >> FH_PAGE_SHIFT) + dma_pages(size)};
	*nr = 1;
	return machine_in_bank(m, *one) ? one : NULL;
}

int dma_get_sgtable(struct device *dev, struct sg_table *sgt, void *cpu, dma_t handle,
		    uint64_t size)
{
	const struct range *run;
	struct range one;
	unsigned int nr;

	(void)cpu; /* the handle tells; Linux needs both */
	run = runs_of(dev, handle, size, &one, &nr);
	if (!run || !sgt)
		return -FH_EINVAL;
	sgt->sgl = machine_alloc(dev->machine, nr * sizeof(*sgt->sgl));
	if (!sgt->sgl)
		return -FH_ENOMEM;
	sgt->nents = sgt->orig_nents = nr;
	for (unsigned int i = 0; i < nr; i++) {
		sgt->sgl[i].phys = fh_pfn_to_phys(run[i].start);
		sgt->sgl[i].length = (run[i].end - run[i].start) << FH_PAGE_SHIFT;
	}
	return 0;
}

void dma_free_sgtable(struct device *dev, struct sg_table *sgt)
{
	if (!dev || !dev->machine || !sgt)
		return;
	machine_free(dev->machine, sgt->sgl, sgt->orig_nents * sizeof(*sgt->sgl));
	*sgt = (struct sg_table){0};
}

/* Cuts the pages [offset, offset + nr) out of runs; how many runs they are. */
static unsigned int cut(const struct range *run, unsigned int nr_runs, uint64_t offset, uint64_t nr,
			struct range *out)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < nr_runs && nr; i++) {
		uint64_t have = run[i].end - run[i].start, take;

		if (offset >= have) {
			offset -= have;
			continue;
		}
		take = have - offset < nr ? have - offset : nr;
		out[n++] = (struct range){run[i].start + offset, run[i].start + offset + take};
		nr -= take;
		offset = 0;
	}
	return n;
}

int dma_mmap_coherent(struct device *dev, struct fh_space *space, uint64_t va, struct range part,
		      void *cpu, dma_t handle, uint64_t size)
{
	const struct range *run;
	struct range one, *shown;
	unsigned int nr_runs;
	int err;

	(void)cpu;
	run = runs_of(dev, handle, size, &one, &nr_runs);
	if (!run || !space || part.start >= part.end || part.end > dma_pages(size))
		return -FH_EINVAL;
	shown = machine_alloc(dev->machine, nr_runs * sizeof(*shown));
	if (!shown)
		return -FH_ENOMEM;
	err = fh_space_map_frames(space, va, shown,
				  cut(run, nr_runs, part.start, part.end - part.start, shown));
	machine_free(dev->machine, shown, nr_runs * sizeof(*shown));
	return err;
}
