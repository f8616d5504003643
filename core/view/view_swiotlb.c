/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Bounce buffers: sys/kernel/debug/swiotlb/, a number a file; a folder each for restricted pools. */
#include "base/string.h"
#include "dma/swiotlb.h"
#include "dma/swiotlb_pool.h"
#include "view/view.h"

bool view_is_swiotlb(struct view *v, const char *part, size_t n)
{
	for (const struct io_tlb_mem *t = v->m->dma->restricted; t; t = t->next) {
		if (fh_strlen(t->name) == n && !memcmp(t->name, part, n)) {
			v->swiotlb = t;
			return true;
		}
	}
	return false;
}

void view_list_swiotlb(struct view *v, const char *slash)
{
	for (const struct io_tlb_mem *t = v->m->dma->restricted; t; t = t->next)
		view_add(v, "%s%s\n", t->name, slash);
}

bool view_has_swiotlb(const struct view *v, const char *pattern)
{
	static const char files[] = "sys/kernel/debug/swiotlb/io_";
	size_t n = 0;

	while (files[n] && pattern[n] == files[n])
		n++;
	return files[n] || v->m->dma->swiotlb;
}

void view_swiotlb_value(struct view *v)
{
	struct swiotlb_stats s;

	swiotlb_stats(v->swiotlb ? v->swiotlb : v->m->dma->swiotlb, &s);
	view_add(v, "%llu\n",
		 (ull)(v->what == VIEW_SWIOTLB_NSLABS	 ? s.nslabs
		       : v->what == VIEW_SWIOTLB_USED	 ? s.used
		       : v->what == VIEW_SWIOTLB_HIWATER ? s.used_hiwater
							 : s.transient_nslabs));
}
