/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Frames of a buffer that are contiguous for the device only. */
#include <freehold/page.h>
#include "base/string.h"
#include "dma/scatter.h"
#include "mm/owner.h"

typedef unsigned long long ull;

struct dma_remap *scatter_record(struct dma_ask *a, unsigned int nr_runs)
{
	struct dma_remap *r = machine_alloc(a->dev->machine, remap_size(nr_runs));

	if (!r)
		(void)refuse_step(a->way, DMA_SOURCE_VMAP, -FH_ENOMEM, "no memory for its record");
	if (r) {
		r->dev = a->dev;
		r->pages = a->pages;
		r->nr_runs = nr_runs;
	}
	return r;
}

/* Takes frames in runs as large as there are; a run that continues the one before it joins it. */
static int take_runs(struct dma_ask *a, struct dma_remap *r)
{
	struct fh_machine *m = a->dev->machine;
	uint64_t left = a->pages;
	unsigned int order = a->attrs & DMA_ATTR_ALLOC_SINGLE_PAGES ? 0 : FH_BLOCK_ORDER;
	pfn_t pfn;
	int err = 0;

	r->nr_runs = 0;
	while (left) {
		gfp_t gfp = a->gfp & ~(gfp_t)__GFP_ZERO;

		while (UINT64_C(1) << order > left)
			order--;
		/* Only the smallest is worth reclaim. */
		err = fh_alloc_pages(m, order ? (gfp & ~GFP_KERNEL) | __GFP_NOWARN : gfp, order,
				     &pfn);
		if (err && order) {
			order--;
			continue;
		}
		if (err)
			return refuse_step(a->way, DMA_SOURCE_BUDDY, err, "%llu of %llu pages free",
					   (ull)(a->pages - left), (ull)a->pages);
		if (m->owners)
			owner_name(m, pfn, UINT64_C(1) << order, dev_name(a->dev));
		if (r->nr_runs && r->run[r->nr_runs - 1].end == pfn)
			r->run[r->nr_runs - 1].end += UINT64_C(1) << order;
		else
			r->run[r->nr_runs++] = (struct range){pfn, pfn + (UINT64_C(1) << order)};
		left -= UINT64_C(1) << order;
	}
	return 0;
}

void scatter_give(struct device *dev, const struct dma_remap *r)
{
	for (unsigned int i = 0; i < r->nr_runs; i++)
		frames_give_back(dev, r->run[i].start, r->run[i].end - r->run[i].start);
}

int scatter_take(struct dma_ask *a, struct dma_remap **remap)
{
	struct fh_machine *m = a->dev->machine;
	unsigned int most = (unsigned int)a->pages, nr;
	struct dma_remap *r, *exact;
	int err;

	if (a->pages > UINT32_MAX / sizeof(struct range))
		return refuse_step(a->way, DMA_SOURCE_BUDDY, -FH_ENOMEM, "%llu pages",
				   (ull)a->pages);
	r = scatter_record(a, most);
	if (!r)
		return -FH_ENOMEM;
	err = take_runs(a, r);
	nr = r->nr_runs;
	exact = err ? NULL : scatter_record(a, nr);
	if (exact) {
		memcpy(exact->run, r->run, nr * sizeof(r->run[0]));
	} else {
		scatter_give(a->dev, r);
		err = err ? err : -FH_ENOMEM;
	}
	machine_free(m, r, remap_size(most));
	*remap = exact;
	a->source = DMA_SOURCE_BUDDY;
	return err;
}
