/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Rules over devices and what they reach: their regions, the default area, windows of their buses. */
#include "lint_in.h"

static void unreadable(struct lint *l)
{
	for (size_t i = 0; i < l->nr_lost; i++) {
		lint_find(l, l->device_lost[i].path, NULL, "%s", l->device_why[i].text);
		lint_cure(l, "correct the property; the device's other rules have not been asked");
	}
}

/* The tree's node of a region, or NULL. */
static const struct lint_node *node_of(const struct lint *l, const struct boot_region *r)
{
	for (size_t i = 0; i < l->nr_nodes; i++)
		if (l->node[i].placed == r)
			return &l->node[i];
	return NULL;
}

static void say_windows(const struct boot_device *dev, char *buf, size_t size)
{
	size_t at = 0;

	buf[0] = '\0';
	for (unsigned int i = 0; i < dev->nr_ranges && at < size; i++) {
		int n = snprintf(buf + at, size - at, "%s%s", i ? ", " : "",
				 lint_span(dev->range[i].cpu.v, dev->range[i].size).s);

		at += n > 0 ? (size_t)n : 0;
	}
}

static bool translated(const struct boot_device *dev)
{
	return dev->iommu;
}

static void unreachable(struct lint *l)
{
	char windows[256];

	for (size_t d = 0; l->laid_out && d < l->nr_devices; d++) {
		const struct boot_device *dev = &l->device[d];

		for (unsigned int i = 0; i < dev->nr_regions && !translated(dev); i++) {
			const struct boot_region *r = &l->cfg->region[dev->region[i].region];

			if (dev->region[i].link != BOOT_LINK_REGION || !lint_area_kind(r->kind) ||
			    lint_reaches(dev, r->base, r->size))
				continue;
			say_windows(dev, windows, sizeof(windows));
			lint_find(
				l, dev->path, "memory-region",
				"%s at %s is out of reach: dma-ranges above the device show it %s",
				r->name, lint_span(r->base, r->size).s, windows);
			lint_cure(l, "give the region alloc-ranges (or reg) within that, %s",
				  "or correct dma-ranges");
		}
	}
}

static void links(struct lint *l, enum boot_device_link link, const char *text, const char *cure)
{
	for (size_t d = 0; d < l->nr_devices; d++) {
		const struct boot_device *dev = &l->device[d];

		for (unsigned int i = 0; i < dev->nr_regions; i++) {
			const struct boot_device_region *r = &dev->region[i];

			if (r->link != link)
				continue;
			lint_find(l, dev->path, "memory-region", "entry %u%s%s: %s", i,
				  r->node[0] ? ", " : "", r->node, text);
			lint_cure(l, "%s", cure);
		}
	}
}

static void missing(struct lint *l)
{
	links(l, BOOT_LINK_NONE, "no node has that phandle: Linux gives -ENODEV to the driver",
	      "refer to a node that is there");
}

static void disabled(struct lint *l)
{
	links(l, BOOT_LINK_OFF,
	      "the node is disabled: Linux goes on as if the device had no region",
	      "enable the region, or remove the entry");
}

static const struct lint_node *by_name(const struct lint *l, const char *name)
{
	for (size_t i = 0; i < l->nr_nodes; i++)
		if (!strcmp(l->node[i].name, name))
			return &l->node[i];
	return NULL;
}

/* Entries that lead to a node that is no region: dropped at boot (true), or of another place of the tree. */
static void no_region(struct lint *l, bool dropped)
{
	for (size_t d = 0; l->laid_out && d < l->nr_devices; d++) {
		const struct boot_device *dev = &l->device[d];

		for (unsigned int i = 0; i < dev->nr_regions; i++) {
			const struct boot_device_region *r = &dev->region[i];
			const struct lint_node *n = by_name(l, r->node);

			if (r->link != BOOT_LINK_DROPPED || !n == dropped ||
			    (n && lint_keeps_addresses(l, n)))
				continue;
			lint_find(l, dev->path, "memory-region",
				  dropped ? "entry %u, %s, was dropped at boot: Linux gives an "
					    "error to the driver"
					  : "entry %u, %s, is no child of /reserved-memory",
				  i, r->node);
			lint_cure(l, dropped ? "see what else is said of that region"
					     : "refer to a child of /reserved-memory");
		}
	}
}

static void to_dropped(struct lint *l)
{
	no_region(l, true);
}

static void to_other(struct lint *l)
{
	no_region(l, false);
}

static unsigned int count_strings(const uint8_t *p, size_t len)
{
	unsigned int n = 0;

	for (size_t i = 0; i < len; i++)
		n += !p[i];
	return n;
}

static void names(struct lint *l)
{
	for (size_t d = 0; d < l->nr_devices; d++) {
		const struct boot_device *dev = &l->device[d];
		int node = fdt_path_offset(l->tree, dev->path);
		unsigned int n;
		size_t len;
		const uint8_t *p =
			node >= 0 ? lint_prop(l, node, "memory-region-names", &len) : NULL;

		if (!p || !dev->nr_regions)
			continue;
		n = count_strings(p, len);
		if (n == dev->nr_regions)
			continue;
		lint_find(l, dev->path, "memory-region-names", "%u names for %u entries: %s", n,
			  dev->nr_regions,
			  n > dev->nr_regions
				  ? "a driver that asks for one of the rest gets -ENODEV"
				  : "entries without a name cannot be asked for");
		lint_cure(l, "as many names as entries");
	}
}

static const struct boot_region *default_area(const struct lint *l)
{
	for (unsigned int i = 0; l->laid_out && i < l->cfg->nr_regions; i++)
		if (l->cfg->region[i].kind == BOOT_REGION_CMA &&
		    l->cfg->region[i].flags & BOOT_REGION_CMA_DEFAULT)
			return &l->cfg->region[i];
	return NULL;
}

static void default_reach(struct lint *l)
{
	const struct boot_region *r = default_area(l);
	const struct boot_device *first = NULL;
	const struct lint_node *n;
	unsigned int count = 0;
	char windows[256];

	for (size_t d = 0; r && d < l->nr_devices; d++) {
		const struct boot_device *dev = &l->device[d];

		if (dev->nr_regions || translated(dev) || lint_reaches(dev, r->base, r->size))
			continue;
		first = first ? first : dev;
		count++;
	}
	if (!first)
		return;
	n = node_of(l, r);
	say_windows(first, windows, sizeof(windows));
	lint_find(l, n ? n->path : NULL, n ? n->has_reg ? "reg" : "alloc-ranges" : "cma=",
		  "the default area at %s is out of reach for %u device%s without an area of their "
		  "own, as %s (%s): Linux tries it, and then takes other memory",
		  lint_span(r->base, r->size).s, count, count == 1 ? "" : "s", first->path,
		  windows);
	lint_cure(l, "place it where all devices reach, or give these an area by memory-region");
}

/* Whether RAM of the windows in which a dynamic region may lie is beyond the device's; *beyond: where it begins. */
static bool may_miss(const struct lint *l, const struct lint_node *n, const struct boot_device *dev,
		     struct boot_bank *beyond)
{
	const struct boot_region *r = n->placed;

	for (unsigned int i = 0; i < l->cfg->nr_banks; i++) {
		for (unsigned int w = 0; w == 0 || w < r->nr_windows; w++) {
			const struct boot_bank *win =
				r->nr_windows ? &l->cfg->window[r->first_window + w] : NULL;
			uint64_t from = l->cfg->bank[i].base, to = from + l->cfg->bank[i].size;

			if (win && win->base > from)
				from = win->base;
			if (win && win->size && win->base + win->size < to)
				to = win->base + win->size;
			if (from >= to || lint_reaches(dev, from, to - from))
				continue;
			*beyond = (struct boot_bank){from, to - from};
			return true;
		}
	}
	return false;
}

static void wide_windows(struct lint *l)
{
	for (size_t i = 0; l->laid_out && i < l->nr_nodes; i++) {
		const struct lint_node *n = &l->node[i];
		const struct boot_device *dev;
		struct boot_bank beyond;
		size_t from = 0;

		if (!n->placed || n->has_reg || !lint_area_kind(n->placed->kind))
			continue;
		while ((dev = lint_user(l, n, &from))) {
			if (translated(dev) ||
			    !lint_reaches(dev, n->placed->base, n->placed->size) ||
			    !may_miss(l, n, dev, &beyond))
				continue;
			lint_find(l, n->path, "alloc-ranges",
				  "%s it may lie in %s, and %s does not reach all of that; it lies "
				  "well here by luck",
				  n->placed->nr_windows ? "by it" : "missing:",
				  lint_span(beyond.base, beyond.size).s, dev->path);
			lint_cure(l, "alloc-ranges = what %s reaches: %s", dev->name,
				  lint_span(dev->range[0].cpu.v, dev->range[0].size).s);
			break;
		}
	}
}

static void needs_bits(struct lint *l)
{
	for (size_t d = 0; l->laid_out && d < l->nr_devices; d++) {
		const struct boot_device *dev = &l->device[d];

		for (unsigned int i = 0; i < dev->nr_regions && !translated(dev) && !dev->nr_ranges;
		     i++) {
			const struct boot_region *r = &l->cfg->region[dev->region[i].region];
			uint64_t last = r->base + r->size - 1;

			if (dev->region[i].link != BOOT_LINK_REGION || !lint_area_kind(r->kind) ||
			    last < GIB4)
				continue;
			lint_find(l, dev->path, "memory-region",
				  "%s ends at 0x%" PRIx64
				  ": the driver must set a mask of %d bits, or cannot use it",
				  r->name, last, 64 - __builtin_clzll(last));
			lint_cure(l, "if the device drives 32 bits, keep the region below 4 GiB by "
				     "alloc-ranges");
		}
	}
}

const struct lint_rule lint_rules_devices[] = {
	{113, "an area or a pool out of its device's reach",
	 "dma-ranges of the buses above a device say what of memory it sees. Buffers outside are "
	 "refused (\"overflow\"), or bounced, or end in "
	 "other memory. Cure: the region within the windows.",
	 unreachable},
	{114, "memory-region leads nowhere",
	 "The phandle is no node's. of_reserved_mem_device_init() gives -ENODEV, which many "
	 "drivers take for \"no region\" and go on with other memory. Cure: "
	 "the right label.",
	 missing},
	{115, "memory-region leads to a region that Linux dropped",
	 "The region had no room, was refused, or made way for cma=. of_reserved_mem_device_init() "
	 "gives -EINVAL, and most drivers do not come up. Cure: that of "
	 "the region's own finding.",
	 to_dropped},
	{116, "a device that cannot be read",
	 "A property of the device or of the buses above it has a length or a value that cannot "
	 "be. Cure: correct it.",
	 unreadable},
	{208, "memory-region leads to a disabled region",
	 "Linux takes that for success and goes on: the device has the default area, or the buddy "
	 "allocator. Cure: enable it, or remove the entry.",
	 disabled},
	{209, "memory-region leads out of /reserved-memory",
	 "Linux knows regions of /reserved-memory only; a driver that asks for this entry gets "
	 "-EINVAL. Cure: a child of /reserved-memory.",
	 to_other},
	{210, "memory-region-names of another count",
	 "Names and entries are paired by position. Cure: as many names as entries.", names},
	{211, "the default area is out of reach for some devices",
	 "Devices without an area of their own try the default one; what lies outside their "
	 "windows is given back, and the buddy allocator "
	 "is asked, which has no large runs after a while. Cure: an area where all reach, or one "
	 "of their own.",
	 default_reach},
	{212, "alloc-ranges wider than what the device reaches",
	 "The region lies within reach now, by the order of nodes and the size of RAM; with more "
	 "RAM or another region it will not. Cure: "
	 "alloc-ranges that are the device's windows.",
	 wide_windows},
	{309, "a region above 4 GiB for a device of unknown width",
	 "A tree does not say how many bits a device drives; 32 unless its driver sets more. Cure: "
	 "look into the driver.",
	 needs_bits},
	{0},
};
