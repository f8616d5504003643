/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Rules over iommu-addresses: what of an IOMMU's addresses regions keep for devices. */
#include "lint_in.h"

/* A property of cells of the bus that a node is on: its own, or that of the next above. */
static size_t bus_cells(const struct lint *l, int node, const char *name)
{
	size_t len;

	while ((node = fdt_parent_offset(l->tree, node)) >= 0) {
		const uint8_t *p = lint_prop(l, node, name, &len);

		if (p)
			return len == 4 ? (size_t)lint_number(p, 1) : 0;
	}
	return 1;
}

static bool lists(const struct lint *l, int node, uint32_t phandle)
{
	size_t len;
	const uint8_t *p = lint_prop(l, node, "memory-region", &len);

	for (; p && len >= 4; len -= 4, p += 4)
		if (lint_number(p, 1) == phandle)
			return true;
	return false;
}

/* Behind one by its own property, or by that of a bus above it. */
static bool behind_iommu(const struct lint *l, int node)
{
	if (lint_has(l, node, "iommus"))
		return true;
	while ((node = fdt_parent_offset(l->tree, node)) >= 0)
		if (lint_has(l, node, "iommu-map"))
			return true;
	return false;
}

static void unread_entry(struct lint *l, const struct lint_node *n, int dev)
{
	char path[BOOT_PATH_MAX];

	lint_path(l, dev, path);
	if (!lists(l, dev, n->phandle)) {
		lint_find(l, n->path, "iommu-addresses",
			  "%s does not name the region in memory-region: Linux keeps nothing of "
			  "its addresses",
			  path);
		lint_cure(l, "name the region there");
	} else if (!behind_iommu(l, dev)) {
		lint_find(l, n->path, "iommu-addresses",
			  "%s has no iommus: its addresses are those of memory", path);
		lint_cure(l, "iommus at the device, or no iommu-addresses for it");
	}
}

static void unread(struct lint *l)
{
	for (size_t i = 0; i < l->nr_nodes; i++) {
		const struct lint_node *n = &l->node[i];
		size_t len, used;
		const uint8_t *p = lint_prop(l, n->at, "iommu-addresses", &len);

		for (; p && len >= 4; len -= used, p += used) {
			uint32_t phandle = (uint32_t)lint_number(p, 1);
			int dev = phandle ? fdt_node_offset_by_phandle(l->tree, phandle) : -1;

			if (dev < 0) {
				lint_find(l, n->path, "iommu-addresses",
					  "no node has the phandle 0x%" PRIx32, phandle);
				lint_cure(l, "the device's phandle, an address and a size, in the "
					     "cells of the device's bus");
				break;
			}
			used = bus_cells(l, dev, "#address-cells") +
			       bus_cells(l, dev, "#size-cells");
			used = used > len / 4 - 1 ? len : 4 + used * 4;
			if (lint_available(l, dev))
				unread_entry(l, n, dev);
		}
	}
}

static void overlapping(struct lint *l)
{
	for (size_t d = 0; d < l->nr_devices; d++) {
		const struct boot_device *dev = &l->device[d];

		for (unsigned int k = 1; k < dev->nr_iovas; k++) {
			for (unsigned int i = 0; i < k; i++) {
				const struct boot_iova *a = &dev->iova[i], *b = &dev->iova[k];

				if (!lint_overlap(a->base, a->size, b->base, b->size))
					continue;
				lint_find(l, dev->path, "memory-region",
					  "%s (of %s) and %s (of %s) overlap",
					  lint_span(a->base, a->size).s, dev->region[a->entry].node,
					  lint_span(b->base, b->size).s,
					  dev->region[b->entry].node);
				lint_cure(l, "ranges apart from each other, or one");
			}
		}
	}
}

static const struct lint_node *node_of(const struct lint *l, const struct boot_device *dev,
				       const struct boot_iova *v)
{
	for (size_t i = 0; i < l->nr_nodes; i++)
		if (!strcmp(l->node[i].name, dev->region[v->entry].node))
			return &l->node[i];
	return NULL;
}

static void elsewhere(struct lint *l)
{
	for (size_t d = 0; d < l->nr_devices; d++) {
		const struct boot_device *dev = &l->device[d];

		for (unsigned int i = 0; i < dev->nr_iovas; i++) {
			const struct boot_iova *v = &dev->iova[i];
			const struct lint_node *n = node_of(l, dev, v);

			if (v->direct || !n || !n->has_reg)
				continue;
			lint_find(l, n->path, "iommu-addresses",
				  "%s for %s, and reg is %s: Linux keeps the addresses and maps "
				  "nothing there",
				  lint_span(v->base, v->size).s, dev->path,
				  lint_span(n->base, n->size).s);
			lint_cure(l, "the address and the size of reg; without reg where "
				     "addresses are only to be kept");
		}
	}
}

const struct lint_rule lint_rules_iommu[] = {
	{235, "iommu-addresses that nobody reads",
	 "Linux reads them with the device's memory-region, when it goes behind its IOMMU. A "
	 "device "
	 "that does not name the region, or has no IOMMU, keeps nothing: firmware's framebuffer "
	 "faults when the IOMMU is switched on. Cure: memory-region and iommus at the device.",
	 unread},
	{236, "kept addresses of a device overlap",
	 "Two ranges of iommu-addresses of one device have addresses in common. Linux joins those "
	 "of "
	 "a kind; where one is mapped and the other is to be left free, it maps. Cure: ranges "
	 "apart.",
	 overlapping},
	{237, "iommu-addresses that are not the region's own",
	 "Linux maps a region with reg one to one, or not at all: of other addresses, or another "
	 "size, "
	 "it says \"treating non-direct mapping as reservation\", and the device faults there. "
	 "Cure: "
	 "the same address and size, or no reg.",
	 elsewhere},
	{0},
};
