/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Rules over pools: what a node must be so that Linux makes a pool of it, and devices can use it. */
#include "lint_in.h"

#define SEGMENT (256 * KIB) /* the longest run of bounce slots: 128 of 2 KiB */

static void restricted_forbidden(struct lint *l)
{
	for (size_t i = 0; i < l->nr_nodes; i++) {
		const struct lint_node *n = &l->node[i];
		const char *p = n->reusable	 ? "reusable"
				: n->no_map	 ? "no-map"
				: n->cma_default ? "linux,cma-default"
				: n->dma_default ? "linux,dma-default"
						 : NULL;

		if (!n->restricted || n->shared || !p)
			continue;
		lint_find(l, n->path, p,
			  "not allowed with restricted-dma-pool: Linux refuses the pool, and its "
			  "devices have none");
		lint_cure(l, "remove %s", p);
	}
}

static void restricted_small(struct lint *l)
{
	for (size_t i = 0; i < l->nr_nodes; i++) {
		const struct lint_node *n = &l->node[i];

		if (!n->restricted || !n->size || n->size >= SEGMENT)
			continue;
		lint_find(l, n->path, n->has_reg ? "reg" : "size",
			  "%s, and one mapping may have %s: larger ones are refused in this pool",
			  lint_size(n->size).s, lint_size(SEGMENT).s);
		lint_cure(l, "make it 1 MiB or more: all that its devices map at a time must fit");
	}
}

/* Children of the root's /reserved-memory only are read. */
static void wrong_place(struct lint *l)
{
	int node, depth = 0;

	for (node = l->tree ? 0 : -1; node >= 0 && depth >= 0;
	     node = fdt_next_node(l->tree, node, &depth)) {
		char path[BOOT_PATH_MAX];

		if (!lint_compatible(l, node, "shared-dma-pool") &&
		    !lint_compatible(l, node, "restricted-dma-pool"))
			continue;
		if (!lint_available(l, node) ||
		    (l->reserved >= 0 && fdt_parent_offset(l->tree, node) == l->reserved))
			continue;
		lint_path(l, node, path);
		lint_find(l, path, "compatible",
			  "a pool outside /reserved-memory: Linux does not see it");
		lint_cure(l, "make it a child of /reserved-memory, at the root");
	}
}

static void several_pairs(struct lint *l)
{
	bool lost = l->cfg->like >= 7000;

	for (size_t i = 0; i < l->nr_nodes; i++) {
		const struct lint_node *n = &l->node[i];

		if (n->nr_regs < 2 || (!lost && !n->shared && !n->restricted))
			continue;
		lint_find(l, n->path, "reg",
			  lost ? "%u ranges, and only the first, %s, is reserved: the others are "
				 "memory for everybody"
			       : "%u ranges, and only the first, %s, is the pool: the others are "
				 "reserved for nobody",
			  n->nr_regs, lint_span(n->base, n->size).s);
		lint_cure(l, "make a node of each range");
	}
}

/* kernel/iomem.c: memremap() of a pool that is System RAM gives NULL. */
static void pool_mapped(struct lint *l)
{
	for (size_t i = 0; i < l->nr_nodes; i++) {
		const struct lint_node *n = &l->node[i];
		const struct boot_device *dev;
		size_t from = 0;

		if (!lint_wants_pool(n) || n->no_map || !n->placed ||
		    !lint_ram_in(l, n->placed->base, n->placed->size))
			continue;
		dev = lint_user(l, n, &from);
		if (!dev) /* FH213's */
			continue;
		lint_find(l, n->path, "compatible",
			  "%s of RAM that stay mapped: Linux refuses to map them for %s "
			  "(\"memremap attempted on ram\"), which has no pool then",
			  lint_size(n->placed->size).s, dev->path);
		lint_cure(l, "add reusable for an area that is lent, or no-map for a pool of the "
			     "device's own");
	}
}

static void dma_default(struct lint *l)
{
	if (lint_is_arm32(l)) /* without an MMU there is such a pool */
		return;
	for (size_t i = 0; i < l->nr_nodes; i++) {
		if (!l->node[i].dma_default || l->node[i].restricted)
			continue;
		lint_find(l, l->node[i].path, "linux,dma-default",
			  "arm64 has no such pool (DMA_GLOBAL_POOL): the property is not read");
		lint_cure(l, "give devices the region by memory-region");
	}
}

/* Names under which vendors' kernels knew buffers' memory. */
static bool vendor_pool(const char *id)
{
	static const char *const parts[] = {"ion-pool",	    "ion-heap", "ion-region",
					    "ion-carveout", ",ion",	"ion,"};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strstr(id, parts[i]))
			return true;
	return false;
}

static void vendor(struct lint *l)
{
	for (size_t i = 0; i < l->nr_nodes; i++) {
		const struct lint_node *n = &l->node[i];
		const char *id = lint_string(l, n->at, "compatible");

		if (!id || n->shared || n->restricted || !vendor_pool(id))
			continue;
		lint_find(l, n->path, "compatible",
			  "\"%.60s\" is of a vendor's kernel with ION: mainline reserves the %s "
			  "and nobody uses them",
			  id, lint_size(n->size).s);
		lint_cure(l, "make it a shared-dma-pool with reusable: DMA-BUF heaps and drivers "
			     "have it then, and it is lent while idle");
	}
}

const struct lint_rule lint_rules_pools[] = {
	{122, "a restricted pool with a property it must not have",
	 "A restricted-dma-pool with reusable, no-map, linux,cma-default or linux,dma-default is "
	 "refused: its memory goes to the system, and the "
	 "devices that are to be kept to it are not. Cure: remove the property.",
	 restricted_forbidden},
	{123, "a pool outside /reserved-memory",
	 "Linux looks for regions among the children of /reserved-memory and nowhere else: not in "
	 "a bus, not one level deeper. Cure: move the node.",
	 wrong_place},
	{117, "a device's pool that stays mapped",
	 "A shared-dma-pool without reusable is mapped a second time, uncached, for its device. Of "
	 "memory that has the kernel's cached mapping, "
	 "Linux (arm64) refuses that: memremap() gives nothing, and the device has no pool. 32-bit "
	 "ARM refuses the node at boot. Cure: no-map, or "
	 "reusable, which makes an area of it.",
	 pool_mapped},
	{219, "a region of several ranges",
	 "Of a region's reg Linux reserves all ranges, and makes a pool of the first alone; from 7 "
	 "on only the first is reserved, of pools and of firmware's memory. Cure: a node for each.",
	 several_pairs},
	{220, "a restricted pool below one segment",
	 "All DMA of its devices goes through it, in runs of slots of at most 256 KiB. A pool that "
	 "is smaller refuses mappings that drivers rely "
	 "on. Cure: 1 MiB or more.",
	 restricted_small},
	{313, "linux,dma-default where there is no such pool",
	 "The machine's own coherent pool exists on architectures that cannot remap memory as "
	 "uncached (DMA_GLOBAL_POOL). arm64 does not read the "
	 "property. Cure: memory-region at the devices.",
	 dma_default},
	{314, "a carveout that mainline does not know",
	 "imx-ion-pool and its like named memory of the ION allocator, gone since 5.11. Mainline "
	 "keeps such a node's memory reserved, and no heap and no "
	 "driver can have it. Cure: shared-dma-pool with reusable.",
	 vendor},
	{0},
};
