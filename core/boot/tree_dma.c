/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The highest address that every bus of a tree reaches, from dma-ranges. */
#include "boot/say.h"
#include "boot/tree.h"
#include <libfdt.h>

#define MAX_DEPTH 64
#define MAX_CELLS 4

/* One node of the path from the root to where the walk stands. */
struct level {
	size_t addr_cells, size_cells; /* of its children; 0: nonsense */
	struct tree_prop ranges;       /* dma-ranges */
};

struct walk {
	struct tree *t;
	struct level level[MAX_DEPTH];
	uint64_t last; /* highest address so far that all buses reach */
};

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

/* Cells of one entry of dma-ranges at `depth`: child address, parent address, size. 0: nonsense. */
static size_t entry_cells(const struct walk *w, int depth)
{
	const struct level *l = &w->level[depth], *up = &w->level[depth - 1];

	if (!l->addr_cells || !l->size_cells || !up->addr_cells)
		return 0;
	return l->addr_cells + up->addr_cells + l->size_cells;
}

/* Moves an address one bus up; false when no entry covers it. */
static bool translate_one(const struct walk *w, int depth, uint64_t *addr)
{
	const struct level *l = &w->level[depth];
	size_t step = entry_cells(w, depth) * 4;

	if (!l->ranges.len)
		return true;
	for (size_t at = 0; step && at + step <= l->ranges.len; at += step) {
		const uint8_t *e = l->ranges.at + at;
		size_t up = w->level[depth - 1].addr_cells;
		uint64_t child = tree_number(e, l->addr_cells);
		uint64_t size = tree_number(e + (l->addr_cells + up) * 4, l->size_cells);

		if (*addr < child || *addr - child >= size)
			continue;
		*addr = tree_number(e + l->addr_cells * 4, up) + (*addr - child);
		return true;
	}
	return false;
}

static int read_ranges(struct walk *w, int depth, int node)
{
	const struct level *l = &w->level[depth];
	size_t step = entry_cells(w, depth) * 4;
	char name[BOOT_NAME_MAX];
	uint64_t last = 0;
	bool any = false;

	tree_name(w->t, node, name);
	if (!step || l->ranges.len % step)
		return boot_fail(
			w->t->why, FH_EINVAL,
			"device tree: %s: dma-ranges: %zu bytes, expected a multiple of %zu", name,
			l->ranges.len, step);
	for (size_t at = 0; at < l->ranges.len; at += step) {
		const uint8_t *e = l->ranges.at + at;
		size_t up = w->level[depth - 1].addr_cells;
		uint64_t addr = tree_number(e + l->addr_cells * 4, up);
		uint64_t size = tree_number(e + (l->addr_cells + up) * 4, l->size_cells), end;
		bool reached = size > 0;

		for (int d = depth - 1; d > 0 && reached; d--)
			reached = translate_one(w, d, &addr);
		if (!reached)
			continue; /* leads nowhere: says nothing about RAM */
		end = addr + size - 1 < addr ? UINT64_MAX : addr + size - 1;
		if (!any || end > last)
			last = end;
		any = true;
	}
	if (any && last < w->last)
		w->last = last;
	return 0;
}

static int visit(struct walk *w, int depth, int node)
{
	struct level *l = &w->level[depth];
	const struct level *up = depth ? l - 1 : NULL;

	l->addr_cells = cells(w->t, node, "#address-cells", up ? up->addr_cells : 1);
	l->size_cells = cells(w->t, node, "#size-cells", up ? up->size_cells : 1);
	l->ranges = tree_prop(w->t, node, "dma-ranges");
	return depth && l->ranges.len ? read_ranges(w, depth, node) : 0;
}

int tree_read_dma_limit(struct tree *t)
{
	struct walk w = {.t = t, .last = UINT64_MAX};
	int depth = 0, off = MAX_DEPTH; /* nodes deeper than `off` are of a node that is off */

	for (int node = 0; node >= 0 && depth >= 0; node = fdt_next_node(t->blob, node, &depth)) {
		int err;

		if (depth >= MAX_DEPTH)
			return boot_fail(t->why, FH_EINVAL,
					 "device tree: nodes nested deeper than %d", MAX_DEPTH);
		if (depth > off)
			continue;
		off = depth && !tree_available(t, node) ? depth : MAX_DEPTH;
		if (off < MAX_DEPTH)
			continue;
		err = visit(&w, depth, node);
		if (err)
			return err;
	}
	if (w.last != UINT64_MAX)
		t->cfg->dma_limit = w.last + 1;
	return 0;
}
