/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Pools of small coherent objects: what a device's `pools` file of sysfs shows, of all devices in one file. */
#include "dma/dmapool.h"
#include "view/view.h"

/* Linux's five columns (name, objects out, objects, bytes of one, pages); then the device, which the path tells there. */
void view_dmapools(struct view *v)
{
	struct dma_pool_info i;

	view_add(v, "poolinfo - 0.1\n");
	for (unsigned int nth = 0; dmapool_info(v->m, nth, &i); nth++)
		view_add(v, "%-16s %4llu %4llu %4llu %2llu %s\n", i.name, (ull)i.nr_active,
			 (ull)i.nr_blocks, (ull)i.size, (ull)i.nr_pages, i.device);
}
