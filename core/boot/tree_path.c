/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A path of nodes and the maps of addresses along it. */
#include "boot/tree_path.h"
#include "boot/say.h"

#define MAX_CELLS 4

/* Without the property, cells are those of the parent, as Linux has it. */
static size_t cells(const struct tree *t, int node, const char *name, size_t inherited)
{
	struct tree_prop p = tree_prop(t, node, name);
	uint64_t n;

	if (!p.at)
		return inherited;
	n = p.len == 4 ? tree_number(p.at, 1) : 0;
	return n <= MAX_CELLS ? (size_t)n : 0;
}

int tree_path_enter(struct tree_path *p, int depth, int node)
{
	const struct tree_level *up;
	struct tree_level *l;

	if (depth >= TREE_MAX_DEPTH)
		return boot_fail(p->t->why, FH_EINVAL, "device tree: nodes nested deeper than %d",
				 TREE_MAX_DEPTH);
	l = &p->level[depth];
	up = depth ? l - 1 : NULL;
	l->node = node;
	l->addr_cells = cells(p->t, node, "#address-cells", up ? up->addr_cells : 1);
	l->size_cells = cells(p->t, node, "#size-cells", up ? up->size_cells : 1);
	l->map[TREE_MAP_DMA] = tree_prop(p->t, node, "dma-ranges");
	l->map[TREE_MAP_CPU] = tree_prop(p->t, node, "ranges");
	p->depth = depth;
	return 0;
}

size_t tree_path_entry_bytes(const struct tree_path *p, int depth)
{
	const struct tree_level *l = &p->level[depth], *up = &p->level[depth - 1];

	if (!l->addr_cells || !l->size_cells || !up->addr_cells)
		return 0;
	return (l->addr_cells + up->addr_cells + l->size_cells) * 4;
}

struct tree_entry tree_path_entry(const struct tree_path *p, int depth, enum tree_map map,
				  size_t at)
{
	const struct tree_level *l = &p->level[depth];
	size_t up = p->level[depth - 1].addr_cells;
	const uint8_t *e = l->map[map].at + at;

	return (struct tree_entry){
		.child = tree_number(e, l->addr_cells),
		.parent = tree_number(e + l->addr_cells * 4, up),
		.size = tree_number(e + (l->addr_cells + up) * 4, l->size_cells),
	};
}

/* Moves an address one bus up. */
static bool translate_one(const struct tree_path *p, int depth, enum tree_map map, uint64_t *addr)
{
	const struct tree_prop *m = &p->level[depth].map[map];
	size_t step = tree_path_entry_bytes(p, depth);

	if (!m->at)
		return map == TREE_MAP_DMA;
	if (!m->len)
		return true;
	for (size_t at = 0; step && at + step <= m->len; at += step) {
		struct tree_entry e = tree_path_entry(p, depth, map, at);

		if (*addr < e.child || *addr - e.child >= e.size)
			continue;
		*addr = e.parent + (*addr - e.child);
		return true;
	}
	return false;
}

bool tree_path_translate(const struct tree_path *p, int depth, enum tree_map map, uint64_t *addr)
{
	for (; depth > 0; depth--)
		if (!translate_one(p, depth, map, addr))
			return false;
	return true;
}
