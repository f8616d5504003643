/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Rules over the properties of /reserved-memory and its children, as Linux reads them. */
#include <ctype.h>
#include <freehold/cma.h>
#include "lint_in.h"

static void format_ignored(struct lint *l)
{
	if (l->reserved < 0 || !l->reserved_ignored)
		return;
	lint_find(l, "/reserved-memory",
		  lint_has(l, l->reserved, "ranges") ? "#address-cells" : "ranges",
		  "the whole node is ignored: Linux wants #address-cells = <%zu>, #size-cells = "
		  "<%zu>, as the root, and ranges",
		  l->addr_cells, l->size_cells);
	lint_cure(
		l,
		"write #address-cells = <%zu>; #size-cells = <%zu>; ranges; into /reserved-memory",
		l->addr_cells, l->size_cells);
}

/* Says what is wrong with a length, once a property. */
static void check_length(struct lint *l, const struct lint_node *n, const char *name, size_t unit,
			 bool list)
{
	size_t len;
	const uint8_t *p = lint_prop(l, n->at, name, &len);

	if (!p || (list ? len && len % unit == 0 : len == unit))
		return;
	lint_find(l, n->path, name,
		  "%zu bytes, and Linux expects %s%zu: it skips the node, and nothing is reserved",
		  len, list ? "a multiple of " : "", unit);
	lint_cure(l, "an address has %zu cell%s here, a size %zu, as the root says", l->addr_cells,
		  l->addr_cells > 1 ? "s" : "", l->size_cells);
}

static void wrong_length(struct lint *l)
{
	size_t pair = (l->addr_cells + l->size_cells) * 4;

	for (size_t i = 0; i < l->nr_nodes && !l->reserved_ignored; i++) {
		const struct lint_node *n = &l->node[i];

		check_length(l, n, "reg", pair, true);
		if (n->has_reg)
			continue;
		check_length(l, n, "size", l->size_cells * 4, false);
		check_length(l, n, "alignment", l->addr_cells * 4, false);
		check_length(l, n, "alloc-ranges", pair, true);
	}
}

static void alignment_cells(struct lint *l)
{
	for (size_t i = 0; i < l->nr_nodes && l->addr_cells != l->size_cells; i++) {
		const struct lint_node *n = &l->node[i];
		size_t len;

		if (!lint_prop(l, n->at, "alignment", &len) || len != l->addr_cells * 4 ||
		    n->has_reg)
			continue;
		lint_find(l, n->path, "alignment",
			  "%zu cells, as Linux reads it; the schema says #size-cells, which is %zu",
			  l->addr_cells, l->size_cells);
		lint_cure(l, "keep it for Linux; with #size-cells equal to #address-cells both "
			     "would agree");
	}
}

static void alignment_power(struct lint *l)
{
	for (size_t i = 0; i < l->nr_nodes; i++) {
		const struct lint_node *n = &l->node[i];
		size_t len;
		const uint8_t *p = lint_prop(l, n->at, "alignment", &len);
		uint64_t v = p && len == l->addr_cells * 4 ? lint_number(p, l->addr_cells) : 0;

		if (!(v & (v - 1)) || n->has_reg)
			continue;
		lint_find(l, n->path, "alignment",
			  "0x%" PRIx64 " is no power of two: Linux rounds with it as if it were, "
			  "to an address that is no multiple",
			  v);
		lint_cure(l, "use a power of two, as <0x%" PRIx64 ">",
			  UINT64_C(1) << (63 - __builtin_clzll(v)));
	}
}

static void reusable_nomap(struct lint *l)
{
	for (size_t i = 0; i < l->nr_nodes; i++) {
		const struct lint_node *n = &l->node[i];

		if (!n->reusable || !n->no_map)
			continue;
		lint_find(l, n->path, "no-map", "together with reusable: %s",
			  n->shared ? "Linux refuses the pool (\"compatible matching fail\"), and "
				      "its device has none"
				    : "what is not mapped cannot be lent");
		lint_cure(l, "remove no-map for an area that is lent, or reusable for a pool of "
			     "the device's own");
	}
}

static void default_not_area(struct lint *l)
{
	for (size_t i = 0; i < l->nr_nodes; i++) {
		const struct lint_node *n = &l->node[i];

		if (!n->cma_default || lint_wants_area(n) || n->restricted)
			continue;
		lint_find(
			l, n->path, "linux,cma-default", "has no effect: %s",
			!n->shared ? "the node is not compatible with \"shared-dma-pool\""
			: n->no_map
				? "the node has no-map"
				: "without reusable the node is a device's own pool, and no area");
		lint_cure(l, "write compatible = \"shared-dma-pool\"; reusable; linux,cma-default; "
			     "and no no-map");
	}
}

static void several_defaults(struct lint *l)
{
	const struct lint_node *last = NULL;

	/* Linux makes dynamic ones first; the last that is made counts. */
	for (int fixed = 0; fixed < 2; fixed++) {
		for (size_t i = 0; i < l->nr_nodes; i++) {
			const struct lint_node *n = &l->node[i];

			if (!n->cma_default || !lint_wants_area(n) || n->has_reg != (fixed == 1))
				continue;
			if (last) {
				lint_find(l, last->path, "linux,cma-default",
					  "%s has it as well and is made later: that one is the "
					  "default area",
					  n->path);
				lint_cure(l, "leave linux,cma-default at one area");
			}
			last = n;
		}
	}
}

static void reusable_other(struct lint *l)
{
	for (size_t i = 0; i < l->nr_nodes; i++) {
		const struct lint_node *n = &l->node[i];
		const char *id = lint_string(l, n->at, "compatible");

		if (!n->reusable || n->shared || n->restricted || n->no_map)
			continue;
		lint_find(l, n->path, "reusable",
			  "nobody lends this memory: %s%.60s%s is no pool to Linux, and the region "
			  "stays reserved",
			  id ? "\"" : "a node without compatible", id ? id : "", id ? "\"" : "");
		lint_cure(l,
			  "write compatible = \"shared-dma-pool\" for an area, or remove reusable");
	}
}

static void reg_and_size(struct lint *l)
{
	for (size_t i = 0; i < l->nr_nodes; i++) {
		const struct lint_node *n = &l->node[i];
		size_t len;
		const uint8_t *p = lint_prop(l, n->at, "size", &len);

		if (!n->has_reg || !p ||
		    (len == l->size_cells * 4 && lint_number(p, l->size_cells) == n->size))
			continue;
		lint_find(l, n->path, "size", "ignored, since there is reg: the region has %s",
			  lint_size(n->size).s);
		lint_cure(l, "remove size, or reg if the region may lie anywhere");
	}
}

static void no_place(struct lint *l)
{
	for (size_t i = 0; i < l->nr_nodes; i++) {
		const struct lint_node *n = &l->node[i];

		if (n->has_reg || n->has_size || lint_keeps_addresses(l, n))
			continue;
		lint_find(l, n->path, NULL, "neither reg nor size: Linux reserves nothing");
		lint_cure(l, "give it reg or size, or status = \"disabled\"");
	}
}

static void size_zero(struct lint *l)
{
	for (size_t i = 0; i < l->nr_nodes; i++) {
		const struct lint_node *n = &l->node[i];
		const char *prop = n->has_reg ? "reg" : "size";
		size_t len;

		if (n->size || !lint_prop(l, n->at, prop, &len) ||
		    len < (n->has_reg ? l->addr_cells + l->size_cells : l->size_cells) * 4)
			continue;
		lint_find(l, n->path, prop, "a size of 0: Linux reserves nothing%s",
			  n->has_reg ? " and logs an error" : "");
		lint_cure(l, "if firmware fills it in, write status = \"disabled\" and have "
			     "firmware change that, too");
	}
}

static void unit_address(struct lint *l)
{
	for (size_t i = 0; i < l->nr_nodes; i++) {
		const struct lint_node *n = &l->node[i];
		const char *at = strchr(n->name, '@');
		char *end;
		uint64_t v;

		if (!at || !isxdigit((unsigned char)at[1]) || strlen(at) > 17 || !n->nr_regs)
			continue;
		v = strtoull(at + 1, &end, 16);
		if (*end || v == n->base)
			continue;
		lint_find(l, n->path, "reg",
			  "begins at 0x%" PRIx64 ", the name says 0x%" PRIx64
			  ": Linux shows the name everywhere",
			  n->base, v);
		lint_cure(l, "call the node %.*s@%" PRIx64, (int)(at - n->name), n->name, n->base);
	}
}

/* Of a page at an end of the region something else is RAM, too. */
static bool shares_page(const struct lint *l, uint64_t end, uint64_t page)
{
	return end & (page - 1) && lint_ram_in(l, end & ~(page - 1), page) == page;
}

static void half_pages(struct lint *l)
{
	uint64_t page = boot_page_bytes(l->cfg);

	for (size_t i = 0; l->laid_out && i < l->nr_nodes; i++) {
		const struct lint_node *n = &l->node[i];

		if (!n->no_map || !n->nr_regs || !n->size ||
		    (!shares_page(l, n->base, page) && !shares_page(l, n->base + n->size, page)))
			continue;
		lint_find(l, n->path, "reg",
			  "%s is not whole pages of %s: the pages at its ends stay in the kernel's "
			  "map",
			  lint_span(n->base, n->size).s, lint_size(page).s);
		lint_cure(l, "make base and size multiples of 0x%" PRIx64, page);
	}
}

static void long_name(struct lint *l)
{
	for (size_t i = 0; i < l->nr_nodes; i++) {
		const char *name = fdt_get_name(l->tree, l->node[i].at, NULL);

		if (!lint_wants_area(&l->node[i]) || !name || strlen(name) < CMA_MAX_NAME)
			continue;
		lint_find(l, l->node[i].path, NULL,
			  "a name of %zu characters: of an area's Linux keeps %d", strlen(name),
			  CMA_MAX_NAME - 1);
		lint_cure(l, "use a shorter name");
	}
}

static void same_name(struct lint *l)
{
	for (size_t i = 0; i < l->nr_nodes; i++) {
		for (size_t k = 0; k < i; k++) {
			if (!lint_wants_area(&l->node[i]) || !lint_wants_area(&l->node[k]) ||
			    strncmp(l->node[i].name, l->node[k].name, CMA_MAX_NAME - 1) != 0)
				continue;
			lint_find(l, l->node[i].path, NULL,
				  "cut at %d characters it is called as %s: sysfs takes each name "
				  "once, and then shows no area at all",
				  CMA_MAX_NAME - 1, l->node[k].path);
			lint_cure(l, "give the areas names that differ early");
			break;
		}
	}
}

const struct lint_rule lint_rules_regions[] = {
	{118, "/reserved-memory is ignored as a whole",
	 "Linux reads the children only if #address-cells and #size-cells are the root's and there "
	 "is a ranges property; otherwise it says "
	 "\"unsupported node format, ignoring\" and reserves nothing: firmware's memory is used by "
	 "everybody. Cure: the root's cells, and ranges;",
	 format_ignored},
	{119, "a property of a length that Linux refuses",
	 "reg and alloc-ranges are lists of address and size in the root's cells, size has the "
	 "root's #size-cells, and alignment the root's "
	 "#address-cells (the schema says #size-cells: they differ only where the two do). "
	 "Otherwise Linux skips the node. Cure: the right number of cells.",
	 wrong_length},
	{124, "an alignment that is no power of two",
	 "Linux does not check it, and rounds by masking bits: the region lies where neither you "
	 "nor the device expect it. Cure: a power of two.",
	 alignment_power},
	{120, "reusable together with no-map",
	 "reusable lends the memory to the system, no-map keeps it out of the system's page "
	 "tables. Linux refuses a shared-dma-pool that has "
	 "both, frees its memory and goes on; the devices have no pool. Cure: one of the two.",
	 reusable_nomap},
	{121, "linux,cma-default on what is no area",
	 "Only a shared-dma-pool with reusable and without no-map becomes a CMA area. On any other "
	 "node the property does nothing, and the "
	 "default area is the one of cma= or of the kernel's configuration, or missing. Cure: "
	 "reusable, and the right compatible.",
	 default_not_area},
	{215, "several default areas",
	 "linux,cma-default at more than one area: Linux takes the one that it makes last (areas "
	 "with size first, then those with reg, in the "
	 "tree's order). Cure: one.",
	 several_defaults},
	{216, "reusable on a region that nobody lends",
	 "Linux lends shared-dma-pool regions only. A region with another compatible, or none, and "
	 "reusable is kept reserved for good: the "
	 "memory is lost to the system. Cure: compatible = \"shared-dma-pool\", or no reusable.",
	 reusable_other},
	{217, "reg and size of one region",
	 "With reg present Linux does not look at size, alignment or alloc-ranges. The two figures "
	 "differ here. Cure: one of them.",
	 reg_and_size},
	{218, "a region with neither reg nor size",
	 "Such a node reserves nothing (but addresses of an IOMMU, with iommu-addresses); whoever "
	 "refers to it gets an error. Where a boot loader "
	 "fills reg in, the node had better be disabled until "
	 "then. Cure: reg or size.",
	 no_place},
	{310, "alignment has the kernel's cells, not the schema's",
	 "The binding says that alignment has #size-cells cells, the kernel insists on "
	 "#address-cells. Where these differ one of them complains. "
	 "Cure: none that pleases both but equal cells; what the kernel wants counts.",
	 alignment_cells},
	{311, "a unit address that is not the address",
	 "The name in the log, in debugfs and of a heap is the node's name, whatever reg says. "
	 "Cure: rename the node.",
	 unit_address},
	{312, "an area's name is cut",
	 "An area has at most 63 characters of its node's name. Tools that look for the whole name "
	 "do not find it. Cure: a shorter name.",
	 long_name},
	{223, "two areas of one name",
	 "Areas with names that are the same after the 63rd character is cut: the second cannot be "
	 "registered in sysfs, and Linux then takes "
	 "all areas' folders away. Cure: other names.",
	 same_name},
	{315, "a region of size 0",
	 "A place holder for firmware. Linux says \"failed to reserve memory for node\" and goes "
	 "on. Cure: none if firmware fills it in before Linux reads it.",
	 size_zero},
	{316, "a no-map region of half pages",
	 "Linux maps whole pages: of a page that belongs only partly to a no-map region everything "
	 "stays mapped, so that CPUs may read "
	 "touch what firmware protects (a bus error on some SoCs). Cure: whole pages of the "
	 "kernel's size.",
	 half_pages},
	{0},
};
