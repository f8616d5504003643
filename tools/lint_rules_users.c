/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Rules over who uses a region, and whether what it is suits them. */
#include "lint_in.h"

#define WORTH (4 * MIB) /* a pool that is worth being lent */

/* A property that may hold a reference to a region. */
static bool refers_by(const char *name)
{
	return strstr(name, "mem") || strstr(name, "region") || strstr(name, "pool") ||
	       strstr(name, "heap") || strstr(name, "carveout");
}

/* Whether any node, enabled or not, has the phandle in such a property. */
static bool referred(const struct lint *l, uint32_t phandle)
{
	int depth = 0;

	for (int node = 0; phandle && node >= 0 && depth >= 0;
	     node = fdt_next_node(l->tree, node, &depth)) {
		int p;

		fdt_for_each_property_offset(p, l->tree, node)
		{
			const char *name = NULL;
			int len = 0;
			const uint8_t *at = fdt_getprop_by_offset(l->tree, p, &name, &len);

			for (int i = 0; at && name && refers_by(name) && i + 4 <= len; i += 4)
				if (lint_number(at + i, 1) == phandle)
					return true;
		}
	}
	return false;
}

static void pool_unused(struct lint *l)
{
	for (size_t i = 0; l->laid_out && i < l->nr_nodes; i++) {
		const struct lint_node *n = &l->node[i];

		if (!n->placed || (!lint_wants_pool(n) && !n->restricted) || n->dma_default ||
		    referred(l, n->phandle))
			continue;
		lint_find(l, n->path, NULL, "no node refers to this pool: %s are kept for nobody",
			  lint_size(n->placed->size).s);
		lint_cure(l, "name it in a device's memory-region, or remove it");
	}
}

static void area_unused(struct lint *l)
{
	for (size_t i = 0; l->laid_out && i < l->nr_nodes; i++) {
		const struct lint_node *n = &l->node[i];

		if (!n->placed || n->placed->kind != BOOT_REGION_CMA ||
		    n->placed->flags & BOOT_REGION_CMA_DEFAULT || referred(l, n->phandle))
			continue;
		lint_find(l, n->path, NULL,
			  "no device refers to this area of %s, and it is not the default: movable "
			  "memory uses it, no device can",
			  lint_size(n->placed->size).s);
		lint_cure(l, "name it in a device's memory-region, or write linux,cma-default; "
			     "from Linux 6.19 on a DMA-BUF heap has it as well");
	}
}

/* Processors of their own, and firmware: their memory must not move. */
static bool own_processor(const struct lint *l, const struct boot_device *dev)
{
	static const char *const parts[] = {
		"rproc", "remoteproc", "rpmsg", "r5f", "dsp",	   "-cm", "m4",	  "m7",
		"scp",	 "mcu",	       "ipu",	"ipc", "firmware", "sof", "pru",  "adsp",
		"mss",	 "apu",	       "pas",	"vpu", "scm",	   "tee", "qman", "bman"};
	int node = fdt_path_offset(l->tree, dev->path);
	const char *id;

	for (int k = 0;
	     node >= 0 && (id = fdt_stringlist_get(l->tree, node, "compatible", k, NULL)); k++)
		for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
			if (strstr(id, parts[i]))
				return true;
	return false;
}

static void could_be_lent(struct lint *l)
{
	for (size_t i = 0; l->laid_out && i < l->nr_nodes; i++) {
		const struct lint_node *n = &l->node[i];
		const struct boot_device *dev, *first = NULL;
		size_t from = 0;
		bool plain = true;

		if (!lint_wants_pool(n) || !n->placed || n->size < WORTH ||
		    !lint_ram_in(l, n->placed->base, n->placed->size))
			continue;
		while (plain && (dev = lint_user(l, n, &from))) {
			first = first ? first : dev;
			plain = !own_processor(l, dev) && !dev->dma_coherent;
		}
		if (!first || !plain)
			continue;
		lint_find(l, n->path, "reusable", "missing: %s are out of use while %s is idle",
			  lint_size(n->placed->size).s, first->path);
		lint_cure(l,
			  "if nothing else than Linux writes there: reusable, no no-map, whole "
			  "blocks of %s; the device has it by the same memory-region",
			  lint_size(boot_block_bytes(l->cfg)).s);
	}
}

/* iommu-addresses have it mapped where it is. */
static bool one_to_one(const struct boot_device *dev, unsigned int entry)
{
	for (unsigned int i = 0; i < dev->nr_iovas; i++)
		if (dev->iova[i].entry == entry && dev->iova[i].direct)
			return true;
	return false;
}

static void behind_iommu(struct lint *l, enum boot_region_kind kind, const char *text,
			 const char *cure)
{
	for (size_t d = 0; l->laid_out && d < l->nr_devices; d++) {
		const struct boot_device *dev = &l->device[d];

		for (unsigned int i = 0;
		     i < dev->nr_regions && dev->iommu && !own_processor(l, dev); i++) {
			const struct boot_region *r = &l->cfg->region[dev->region[i].region];

			if (dev->region[i].link != BOOT_LINK_REGION || r->kind != kind ||
			    one_to_one(dev, i))
				continue;
			lint_find(l, dev->path, "memory-region",
				  "%s, and the device is behind an IOMMU: %s", r->name, text);
			lint_cure(l, "%s", cure);
		}
	}
}

static void iommu_pool(struct lint *l)
{
	behind_iommu(l, BOOT_REGION_DMA_POOL,
		     "buffers of a pool have the memory's own addresses, which nobody maps in the "
		     "IOMMU, if the driver takes both",
		     "remove memory-region or iommus, or have the pool mapped one to one "
		     "(iommu-addresses)");
}

static void iommu_area(struct lint *l)
{
	behind_iommu(l, BOOT_REGION_CMA,
		     "its buffers are made of scattered pages, and the area serves only who asks "
		     "for contiguous ones",
		     "if no driver does (DMA_ATTR_FORCE_CONTIGUOUS, a heap), remove the entry");
}

static void coherent_pool(struct lint *l)
{
	for (size_t d = 0; l->laid_out && d < l->nr_devices; d++) {
		const struct boot_device *dev = &l->device[d];

		for (unsigned int i = 0;
		     i < dev->nr_regions && dev->dma_coherent && !own_processor(l, dev); i++) {
			const struct boot_region *r = &l->cfg->region[dev->region[i].region];

			if (dev->region[i].link != BOOT_LINK_REGION ||
			    r->kind != BOOT_REGION_DMA_POOL)
				continue;
			lint_find(l, dev->path, "dma-coherent",
				  "the device snoops caches, and CPUs see its pool %s uncached all "
				  "the same",
				  r->name);
			lint_cure(l, "without a pool of its own it has cached memory; keep the "
				     "pool if it must lie there");
		}
	}
}

const struct lint_rule lint_rules_users[] = {
	{213, "a pool that no device can use",
	 "A pool serves devices that name it in memory-region, and its memory serves nothing else. "
	 "No property of any node refers to it. Cure: refer to it, or "
	 "remove it.",
	 pool_unused},
	{317, "a pool for a device behind an IOMMU",
	 "Linux asks a device's pool before it asks the IOMMU, and gives out physical addresses "
	 "that nobody mapped: the device faults. Cure: one of the two.",
	 iommu_pool},
	{305, "an area that no device uses",
	 "An area that is not the default serves those who name it in memory-region. It costs "
	 "little, since it is lent, but movable memory only may use it. "
	 "Cure: refer to it, or make it the default.",
	 area_unused},
	{306, "a carveout that could be lent",
	 "A shared-dma-pool without reusable is kept for its device day and night. Where only "
	 "Linux and a plain device use it, an area gives the device the same "
	 "memory and the system the use of it in between. Cure: reusable.",
	 could_be_lent},
	{307, "an area for a device behind an IOMMU",
	 "With an IOMMU coherent buffers need not be contiguous: they are made of pages from "
	 "anywhere, and the area is not asked. Cure: remove the entry, unless contiguous "
	 "buffers are asked for.",
	 iommu_area},
	{308, "a pool for a device that snoops",
	 "A pool is mapped write-combining for CPUs whatever the device does: reads by CPUs are "
	 "slow. Cure: no pool.",
	 coherent_pool},
	{0},
};
