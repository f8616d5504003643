/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The highest address that every bus of a tree reaches, from dma-ranges. */
#include "boot/say.h"
#include "boot/tree_path.h"
#include <libfdt.h>

/* last: the highest address so far that all buses reach. */
static int read_ranges(const struct tree_path *p, uint64_t *last)
{
	const struct tree_level *l = &p->level[p->depth];
	size_t len = l->map[TREE_MAP_DMA].len, step = tree_path_entry_bytes(p, p->depth);
	char name[BOOT_NAME_MAX];
	uint64_t highest = 0;
	bool any = false;

	tree_name(p->t, l->node, name);
	if (!step || len % step)
		return boot_fail(
			p->t->why, FH_EINVAL,
			"device tree: %s: dma-ranges: %zu bytes, expected a multiple of %zu", name,
			len, step);
	for (size_t at = 0; at < len; at += step) {
		struct tree_entry e = tree_path_entry(p, p->depth, TREE_MAP_DMA, at);
		uint64_t addr = e.parent, end;

		if (!e.size || !tree_path_translate(p, p->depth - 1, TREE_MAP_DMA, &addr))
			continue; /* leads nowhere: says nothing about RAM */
		end = addr + e.size - 1 < addr ? UINT64_MAX : addr + e.size - 1;
		if (!any || end > highest)
			highest = end;
		any = true;
	}
	if (any && highest < *last)
		*last = highest;
	return 0;
}

int tree_read_dma_limit(struct tree *t)
{
	struct tree_path p = {.t = t};
	uint64_t last = UINT64_MAX;
	int depth = 0, off = TREE_MAX_DEPTH; /* nodes deeper than `off` are of a node that is off */

	for (int node = 0; node >= 0 && depth >= 0; node = fdt_next_node(t->blob, node, &depth)) {
		int err;

		if (depth > off)
			continue;
		off = depth && !tree_available(t, node) ? depth : TREE_MAX_DEPTH;
		if (off < TREE_MAX_DEPTH)
			continue;
		err = tree_path_enter(&p, depth, node);
		if (!err && depth && p.level[depth].map[TREE_MAP_DMA].len)
			err = read_ranges(&p, &last);
		if (err)
			return err;
	}
	if (last != UINT64_MAX)
		t->cfg->dma_limit = last + 1;
	return 0;
}
