/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a boot loader, or a kernel that crashed, leaves in /chosen for memory: initial file system, dump header, usable range. */
#include "boot/tree.h"
#include "base/string.h"
#include <libfdt.h>

int tree_chosen(const struct tree *t)
{
	int node = fdt_path_offset(t->blob, "/chosen");

	return node < 0 ? fdt_path_offset(t->blob, "/chosen@0") : node;
}

/* Whole pages of it; nonsense passes by, as in Linux. */
static void read_initrd(struct tree *t, int node)
{
	struct tree_prop p = tree_prop(t, node, "linux,initrd-start");
	struct tree_prop q = tree_prop(t, node, "linux,initrd-end");
	uint64_t start, end, page = boot_page_bytes(t->cfg);

	if (!p.at || !q.at)
		return;
	start = tree_number(p.at, p.len / 4);
	end = tree_number(q.at, q.len / 4);
	if (start >= end || end > UINT64_C(1) << BOOT_PHYS_BITS)
		return;
	start &= ~(page - 1);
	end = (end + page - 1) & ~(page - 1);
	if (t->cfg->nr_taken < BOOT_MAX_TAKEN)
		t->cfg->taken[t->cfg->nr_taken++] =
			(struct boot_taken){.base = start, .size = end - start, .name = "initrd"};
}

/* Entry n of a property of ranges; size 0: there is none, or it cannot be. */
static struct boot_bank range(const struct tree *t, struct tree_prop p, size_t n)
{
	size_t pair = (t->addr_cells + t->size_cells) * 4;
	struct boot_bank b;

	if (p.len < (n + 1) * pair)
		return (struct boot_bank){0};
	b.base = tree_number(p.at + n * pair, t->addr_cells);
	b.size = tree_number(p.at + n * pair + t->addr_cells * 4, t->size_cells);
	if (b.base + b.size < b.base || b.base + b.size > UINT64_C(1) << BOOT_PHYS_BITS)
		b.size = 0;
	return b;
}

/* Only that of RAM which lies in the first range is used; a second one is RAM of its own. */
static void keep_usable(struct tree *t, int node)
{
	struct boot_config *cfg = t->cfg;
	struct tree_prop p = tree_prop(t, node, "linux,usable-memory-range");
	struct boot_bank first = range(t, p, 0), second = range(t, p, 1);
	uint64_t page = boot_page_bytes(cfg), end = (first.base + first.size) & ~(page - 1);
	unsigned int n = 0;

	if (!first.size)
		return;
	first.base = (first.base + page - 1) & ~(page - 1);
	for (unsigned int i = 0; i < cfg->nr_banks; i++) {
		struct boot_bank b = cfg->bank[i];
		uint64_t stop = b.base + b.size < end ? b.base + b.size : end;

		if (b.base < first.base)
			b.base = first.base;
		if (b.base < stop)
			cfg->bank[n++] = (struct boot_bank){b.base, stop - b.base};
	}
	second.size &= ~(page - 1);
	if (second.size && !(second.base & (page - 1)) && n < BOOT_MAX_BANKS)
		cfg->bank[n++] = second;
	cfg->nr_banks = n;
}

void tree_read_chosen(struct tree *t)
{
	int node = tree_chosen(t);

	if (node < 0)
		return;
	read_initrd(t, node);
	t->cfg->elfcorehdr = range(t, tree_prop(t, node, "linux,elfcorehdr"), 0);
	keep_usable(t, node);
}
