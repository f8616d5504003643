/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What devices have: sizes of the atomic pools, pools of regions, and the requests that were refused. */
#include "dma/coherent.h"
#include "dma/pool.h"
#include "view/view.h"

/* Bytes, as Linux's. */
void view_pool_size(struct view *v)
{
	view_add(v, "%llu\n", (ull)pool_size(v->m, (enum zone_type)v->what) << FH_PAGE_SHIFT);
}

void view_coherent_pools(struct view *v)
{
	uint64_t free, longest;

	view_add(v, "# name base size used used_max longest_free (KiB)\n");
	for (struct dma_coherent_mem *p = v->m->dma->pools; p; p = p->next) {
		longest = chunk_longest(p->chunk, &free);
		view_add(v, "%s 0x%llx %llu %llu %llu %llu%s\n", p->name,
			 (ull)fh_pfn_to_phys(p->chunk->pfn).v, (ull)p->chunk->nr * 4,
			 (ull)(p->chunk->nr - free) * 4, (ull)p->chunk->used_max * 4,
			 (ull)longest * 4, p == v->m->dma->global ? " default" : "");
	}
}

static void view_refusal(struct view *v, const struct dma_refusal *r)
{
	view_add(v, "%s: %llu bytes, gfp 0x%x%s, attrs 0x%x: error %d at %llu.%06llu s\n",
		 r->device, (ull)r->size, r->gfp,
		 r->gfp & __GFP_DIRECT_RECLAIM ? "" : " (non-blocking)", r->attrs, r->error,
		 (ull)(r->time_ns / 1000000000), (ull)(r->time_ns % 1000000000 / 1000));
	for (unsigned int i = 0; i < r->nr_steps; i++)
		view_add(v, "  %s: error %d: %s\n", dma_source_name(r->step[i].source),
			 r->step[i].error, r->step[i].why);
}

/* One at a time: all of them are more than a stack should have. */
void view_dma_refusals(struct view *v)
{
	struct dma_refusal r;

	view_add(v, "# requests of devices that were refused, newest first\n");
	for (unsigned int i = 0; dma_refusal_nth(v->m, i, &r); i++)
		view_refusal(v, &r);
}
