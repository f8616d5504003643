/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The nodes from the root to where a walk stands, and what an address of one bus is on the buses above. */
#ifndef FH_BOOT_TREE_PATH_H
#define FH_BOOT_TREE_PATH_H

#include "boot/tree.h"

#define TREE_MAX_DEPTH 64

enum tree_map {
	TREE_MAP_DMA, /* dma-ranges: what devices below drive; without the property: the same above */
	TREE_MAP_CPU, /* ranges: where the CPU sees devices below; without the property: nowhere */
	TREE_NR_MAPS,
};

struct tree_level {
	int node;
	size_t addr_cells, size_cells; /* of its children; 0: nonsense */
	struct tree_prop map[TREE_NR_MAPS];
};

struct tree_path {
	const struct tree *t;
	struct tree_level level[TREE_MAX_DEPTH];
	int depth; /* of the last level; the root's is 0 */
};

/* An entry of a map: addresses [child, +size) of the bus below are [parent, +size) of the bus above. */
struct tree_entry {
	uint64_t child, parent, size;
};

/* `node` is the next level, at `depth`: at most one deeper than the last. -FH_EINVAL: too deep. */
FH_MUST_CHECK int tree_path_enter(struct tree_path *p, int depth, int node);
/* Bytes of an entry of the maps at `depth`, which is not the root's; 0: nonsense. */
size_t tree_path_entry_bytes(const struct tree_path *p, int depth);
/* The entry at byte `at` of the map. */
struct tree_entry tree_path_entry(const struct tree_path *p, int depth, enum tree_map map,
				  size_t at);
/* Moves an address of the bus below `depth` up to the root; false: no entry covers it. */
bool tree_path_translate(const struct tree_path *p, int depth, enum tree_map map, uint64_t *addr);

#endif
