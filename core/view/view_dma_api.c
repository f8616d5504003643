/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* DMA debugging as debugfs (dma-api) shows it: a value a file, and every mapping. */
#include "dma/debug.h"
#include "view/view.h"

#define LINE_SHIFT 6 /* of the dump's cache line numbers, where the platform names none */

void view_dma_api(struct view *v)
{
	struct dma_debug_state s;

	dma_debug_state(v->m, &s);
	switch ((enum view_dma_api)v->what) {
	case VIEW_DMA_ALL_ERRORS:
		view_add(v, "%u\n", s.all_errors);
		break;
	case VIEW_DMA_DISABLED:
		view_add(v, "%c\n", s.disabled ? 'Y' : 'N');
		break;
	case VIEW_DMA_DRIVER_FILTER: /* without one, Linux's file is empty */
		if (s.filter[0])
			view_add(v, "%s\n", s.filter);
		break;
	case VIEW_DMA_ERROR_COUNT:
		view_add(v, "%llu\n", (ull)s.errors);
		break;
	case VIEW_DMA_MIN_FREE:
		view_add(v, "%u\n", s.min_free);
		break;
	case VIEW_DMA_NR_TOTAL:
		view_add(v, "%u\n", s.nr_entries);
		break;
	case VIEW_DMA_NUM_ERRORS: /* of each kind and device */
		view_add(v, "1\n");
		break;
	case VIEW_DMA_NUM_FREE:
		view_add(v, "%u\n", s.nr_free);
		break;
	}
}

static void dump_one(const struct dma_debug_shown *s, void *arg)
{
	struct view *v = arg;
	uint64_t line = s->phys.v >> LINE_SHIFT;

	if (v->m->plat.cache_clean)
		line = s->phys.v / v->m->plat.cache_line;
	/* Linux's columns; our devices have no driver, and nobody need look at errors of an address. */
	view_add(v,
		 "platform %s %s idx %u P=%llx N=%llx D=%llx L=%llx cln=0x%016llx %s dma map error "
		 "check not applicable\n",
		 s->device, s->type, s->index, (ull)s->phys.v, (ull)fh_phys_to_pfn(s->phys),
		 (ull)s->handle.v, (ull)s->size, (ull)line, s->dir);
}

void view_dma_dump(struct view *v)
{
	dma_debug_each(v->m, dump_one, v);
}
