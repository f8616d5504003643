/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Rules over the whole board: is there a layout at all, and what RAM does the tree tell of. */
#include "lint_in.h"

/* RAM is for the firmware to fill in. */
static bool ram_unknown(const struct lint *l)
{
	struct boot_bank b;
	int node;

	if (l->laid_out || !l->tree || l->board.ram || !strstr(l->board.why, "no memory: "))
		return false;
	for (size_t i = 0; lint_memory(l, i, &b, &node); i++)
		if (b.size)
			return false;
	return true;
}

static void no_layout(struct lint *l)
{
	if (!l->board.why || ram_unknown(l))
		return;
	lint_find(l, NULL, NULL, "there is no layout: %s", l->board.why);
	lint_cure(l, "repair this first: rules that need addresses have not been asked");
}

static void no_ram(struct lint *l)
{
	if (!ram_unknown(l))
		return;
	lint_find(l, "/memory", "reg",
		  "the tree does not say how much RAM there is; firmware fills it in");
	lint_cure(l, "give --ram SIZE: rules that need addresses have not been asked");
}

static bool called_memory(const struct lint *l, int node)
{
	const char *name = fdt_get_name(l->tree, node, NULL);

	return name && !strncmp(name, "memory", 6) && (!name[6] || name[6] == '@');
}

static void no_device_type(struct lint *l)
{
	char path[BOOT_PATH_MAX];
	int node;

	if (!l->tree)
		return;
	fdt_for_each_subnode(node, l->tree, 0)
	{
		const char *type = lint_string(l, node, "device_type");

		if (!called_memory(l, node) || !lint_has(l, node, "reg") ||
		    !lint_available(l, node) || (type && !strcmp(type, "memory")))
			continue;
		lint_path(l, node, path);
		lint_find(l, path, "device_type", "%s: Linux takes no RAM from this node",
			  type ? "not \"memory\"" : "missing");
		lint_cure(l, "add device_type = \"memory\";");
	}
}

static void banks_overlap(struct lint *l)
{
	struct boot_bank a, b;
	char path[BOOT_PATH_MAX];
	int node, other;

	for (size_t i = 0; lint_memory(l, i, &a, &node); i++) {
		for (size_t k = 0; k < i && lint_memory(l, k, &b, &other); k++) {
			if (!a.size || !b.size || !lint_overlap(a.base, a.size, b.base, b.size))
				continue;
			lint_path(l, node, path);
			lint_find(l, path, "reg",
				  "RAM %s is there already, as %s: Linux counts it once",
				  lint_span(a.base, a.size).s, lint_span(b.base, b.size).s);
			lint_cure(l, "make the ranges of memory nodes disjoint");
			return;
		}
	}
}

static void short_cells(struct lint *l)
{
	struct boot_bank b;
	char path[BOOT_PATH_MAX];
	int node;

	if (!l->tree || l->addr_cells != 1)
		return;
	for (size_t i = 0; lint_memory(l, i, &b, &node); i++) {
		if (b.base + b.size <= GIB4)
			continue;
		lint_path(l, node, path);
		lint_find(l, path, "reg",
			  "RAM %s passes 4 GiB, and with #address-cells = <1> no region above can "
			  "be named",
			  lint_span(b.base, b.size).s);
		lint_cure(l, "use #address-cells = <2> in / and /reserved-memory");
	}
	if (l->laid_out && lint_ram_in(l, GIB4, UINT64_MAX - GIB4) && l->board.ram) {
		lint_find(l, "/", "#address-cells",
			  "with %s of RAM %s lie above 4 GiB, where no region can be named by one "
			  "cell",
			  lint_size(lint_ram(l)).s,
			  lint_size(lint_ram_in(l, GIB4, UINT64_MAX - GIB4)).s);
		lint_cure(l, "use #address-cells = <2> in / and /reserved-memory");
	}
}

const struct lint_rule lint_rules_board[] = {
	{101, "the layout cannot be made",
	 "Something in the tree or on the command line is such that memory cannot be laid out, "
	 "here or in Linux. Rules that need addresses are "
	 "not asked. Cure: repair what the message names.",
	 no_layout},
	{301, "the tree does not say how much RAM there is",
	 "The memory node is missing or has size 0, because a boot loader fills it in. Where "
	 "things lie cannot be said. Cure: give the size with "
	 "--ram; all of it is put where the node says that RAM begins.",
	 no_ram},
	{125, "a memory node without device_type",
	 "Linux takes RAM from children of the root whose device_type is \"memory\", by nothing "
	 "else: a node that is only called memory is passed "
	 "by without a word. Cure: add device_type = \"memory\".",
	 no_device_type},
	{224, "ranges of RAM overlap",
	 "Two ranges of memory nodes share addresses. Linux merges them, and there is less RAM "
	 "than the sum. Often the second bank has a wrong "
	 "base. Cure: make them disjoint.",
	 banks_overlap},
	{225, "RAM above what one address cell can name",
	 "The root has #address-cells = <1>, and RAM goes on above 4 GiB. reserved-memory must use "
	 "the root's cells, so no region can lie there, "
	 "and none can be kept out of it. Cure: two cells in / and /reserved-memory.",
	 short_cells},
	{0},
};
