/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Rules over where regions come to lie: room, overlaps, RAM, blocks. */
#include "lint_in.h"

/* The node of a region, as a path; the command line's have none. */
static void region_path(const struct lint *l, const struct boot_region *r, char path[BOOT_PATH_MAX])
{
	path[0] = '\0';
	for (size_t i = 0; i < l->nr_nodes; i++)
		if (l->node[i].placed == r ||
		    (r->flags & BOOT_REGION_MORE && !strcmp(r->name, l->node[i].name)))
			snprintf(path, BOOT_PATH_MAX, "%s", l->node[i].path);
}

static const struct boot_region *cmdline_area(const struct lint *l)
{
	for (unsigned int i = 0; i < l->cfg->nr_regions; i++)
		if (l->cfg->region[i].kind == BOOT_REGION_CMA &&
		    l->cfg->region[i].flags & BOOT_REGION_CMDLINE)
			return &l->cfg->region[i];
	return NULL;
}

static void cma_no_place(struct lint *l)
{
	const struct lint_word *w = lint_option(l, "cma");
	const char *rest;

	if (!l->laid_out || !w || !w->has_value || !lint_memparse(w->value, &rest) ||
	    cmdline_area(l))
		return;
	for (unsigned int i = 0; i < l->cfg->nr_notes && i < BOOT_MAX_NOTES; i++) {
		if (strncmp(l->cfg->note[i].text, "cma=", 4) != 0)
			continue;
		lint_find(l, NULL, "cma=", "no place: %s",
			  l->cfg->note[i].text + 4 + strspn(l->cfg->note[i].text + 4, ": "));
		if (boot_is_arm(l->cfg))
			lint_cure(
				l,
				"ask for less, or leave the address out; the default area must lie "
				"below 0x%" PRIx64 ", and not across 0x%" PRIx64
				", where high memory begins",
				l->cfg->arm.dma_reach, l->cfg->arm.lowmem_end);
		else
			lint_cure(
				l,
				"ask for less, or leave the address out; the default area must lie "
				"below 0x%" PRIx64 ", where ZONE_DMA ends",
				l->cfg->dma_limit);
		return;
	}
	lint_find(l, NULL, "cma=", "no place for %s: there is no default area",
		  lint_size(lint_memparse(w->value, &rest)).s);
	lint_cure(l, "ask for less, or leave the address out");
}

static void no_room(struct lint *l)
{
	for (size_t i = 0; l->laid_out && i < l->nr_nodes; i++) {
		const struct lint_node *n = &l->node[i];

		if (n->placed || n->has_reg || !n->size ||
		    !lint_said(l, "failed to allocate memory for node '%s'", n->name))
			continue;
		lint_find(l, n->path, lint_has(l, n->at, "alloc-ranges") ? "alloc-ranges" : "size",
			  "no room for %s: Linux drops the region", lint_size(n->size).s);
		lint_cure(l,
			  "make it smaller, or widen alloc-ranges to where this board has RAM (%s)",
			  lint_span(l->cfg->bank[0].base, l->cfg->bank[0].size).s);
	}
}

static void half_blocks(struct lint *l)
{
	uint64_t block = boot_block_bytes(l->cfg);

	for (size_t i = 0; i < l->nr_nodes; i++) {
		const struct lint_node *n = &l->node[i];

		if (!lint_wants_area(n) || !n->size ||
		    !(((n->has_reg ? n->base : 0) | n->size) & (block - 1)))
			continue;
		lint_find(l, n->path, n->has_reg ? "reg" : "size",
			  "%s at 0x%" PRIx64
			  ": an area is whole blocks of %s with this kernel (\"incorrect alignment "
			  "of CMA region\"), and is dropped",
			  lint_size(n->size).s, n->base, lint_size(block).s);
		lint_cure(l, "make %s of 0x%" PRIx64,
			  n->has_reg ? "base and size multiples" : "size a multiple", block);
	}
}

/* A static region that mem= or --ram took the RAM of. */
static bool cut_off(const struct lint *l, const struct lint_node *n)
{
	uint64_t in = 0;
	struct boot_bank b;
	int node;

	for (size_t i = 0; lint_memory(l, i, &b, &node); i++)
		if (n->base >= b.base && n->base - b.base < b.size &&
		    n->size <= b.size - (n->base - b.base))
			in = n->size;
	return in && lint_ram_in(l, n->base, n->size) < n->size;
}

static void cut(struct lint *l)
{
	for (size_t i = 0; l->laid_out && i < l->nr_nodes; i++) {
		const struct lint_node *n = &l->node[i];
		bool mem = lint_option(l, "mem");

		if (!n->has_reg || !n->size || (!lint_wants_area(n) && !n->restricted) ||
		    !cut_off(l, n))
			continue;
		lint_find(l, n->path, "reg",
			  "%s: %s leaves RAM up to 0x%" PRIx64 " only, and the region lies above",
			  lint_span(n->base, n->size).s, mem ? "mem=" : "--ram",
			  l->cfg->bank[l->cfg->nr_banks - 1].base +
				  l->cfg->bank[l->cfg->nr_banks - 1].size);
		lint_cure(l, "move the region down, or let it lie anywhere (size in place of reg)");
	}
}

static void not_activated(struct lint *l)
{
	for (size_t i = 0; l->laid_out && i < l->nr_nodes; i++) {
		const struct lint_node *n = &l->node[i];

		if (!lint_wants_area(n) || n->placed || (n->has_reg && cut_off(l, n)) ||
		    !lint_said(l, "CMA area %s could not be activated", n->name))
			continue;
		if (n->has_reg && lint_ram_in(l, n->base, n->size) < n->size)
			lint_find(l, n->path, "reg",
				  "%s: only %s of it is RAM; Linux cannot make an area of it",
				  lint_span(n->base, n->size).s,
				  lint_size(lint_ram_in(l, n->base, n->size)).s);
		else
			lint_find(
				l, n->path, n->has_reg ? "reg" : "size",
				"the area would pass the end of a zone (ZONE_DMA ends at 0x%" PRIx64
				", %s at 0x%" PRIx64 "): Linux gives it up",
				l->cfg->dma_limit,
				boot_is_arm(l->cfg) ? "what is below high memory" : "ZONE_DMA32",
				l->cfg->dma32_limit);
		lint_cure(l, "put it into RAM, on one side of the limits");
	}
}

static void restricted_outside(struct lint *l)
{
	for (size_t i = 0; l->laid_out && i < l->nr_nodes; i++) {
		const struct lint_node *n = &l->node[i];

		if (!n->restricted || !n->has_reg || !n->size || cut_off(l, n) ||
		    lint_ram_in(l, n->base, n->size) == n->size)
			continue;
		lint_find(l, n->path, "reg",
			  "%s is not RAM: Linux reads it as RAM when the first device comes, and "
			  "crashes",
			  lint_span(n->base, n->size).s);
		lint_cure(l, "put the pool into RAM");
	}
}

/* Whether the tree itself tells of RAM: else what --ram stands for may have other holes. */
static bool tree_knows(const struct lint *l)
{
	struct boot_bank b;
	int node;

	for (size_t i = 0; lint_memory(l, i, &b, &node); i++)
		if (b.size)
			return true;
	return false;
}

static void outside(struct lint *l, bool wholly)
{
	if (!tree_knows(l))
		return;
	for (size_t i = 0; l->laid_out && i < l->nr_nodes; i++) {
		const struct lint_node *n = &l->node[i];
		uint64_t in = lint_ram_in(l, n->base, n->size);

		if (!n->has_reg || !n->size || lint_wants_area(n) || n->restricted ||
		    cut_off(l, n) || in == n->size || !in != wholly)
			continue;
		if (wholly)
			lint_find(l, n->path, "reg",
				  "%s is no RAM of this board: nothing is kept free by it",
				  lint_span(n->base, n->size).s);
		else
			lint_find(l, n->path, "reg", "only %s of %s are RAM", lint_size(in).s,
				  lint_span(n->base, n->size).s);
		lint_cure(l, wholly ? "right for memory of a device; else correct reg, or the "
				      "memory node"
				    : "correct reg, or the memory node");
	}
}

static void partly_outside(struct lint *l)
{
	outside(l, false);
}

static void wholly_outside(struct lint *l)
{
	outside(l, true);
}

/* Reports pairs that overlap and are as wanted: an area or a pool is one of them, or neither is. */
static void overlaps(struct lint *l, bool owned)
{
	const struct boot_config *cfg = l->cfg;

	for (unsigned int i = 0; l->laid_out && i < cfg->nr_regions; i++) {
		for (unsigned int k = 0; k < i; k++) {
			const struct boot_region *a = &cfg->region[i], *b = &cfg->region[k];
			char path[BOOT_PATH_MAX];

			if ((a->flags | b->flags) & BOOT_REGION_MEMRESERVE ||
			    !lint_overlap(a->base, a->size, b->base, b->size) ||
			    owned != (lint_area_kind(a->kind) || lint_area_kind(b->kind)))
				continue;
			region_path(l, a, path);
			lint_find(l, path, path[0] ? "reg" : "cma=", "%s of %s overlaps %s of %s%s",
				  lint_span(a->base, a->size).s, a->name,
				  lint_span(b->base, b->size).s, b->name,
				  owned ? ": both would use the memory" : "");
			lint_cure(l, "make the regions disjoint");
		}
	}
}

static void overlap_owned(struct lint *l)
{
	overlaps(l, true);
}

static void overlap_plain(struct lint *l)
{
	overlaps(l, false);
}

static void memreserve(struct lint *l)
{
	const struct boot_config *cfg = l->cfg;

	for (unsigned int i = 0; l->laid_out && i < cfg->nr_regions; i++) {
		for (unsigned int k = 0; k < cfg->nr_regions; k++) {
			const struct boot_region *a = &cfg->region[i], *m = &cfg->region[k];
			char path[BOOT_PATH_MAX];

			if (!lint_area_kind(a->kind) || !(m->flags & BOOT_REGION_MEMRESERVE) ||
			    !lint_overlap(a->base, a->size, m->base, m->size))
				continue;
			region_path(l, a, path);
			lint_find(l, path, path[0] ? "reg" : "cma=",
				  "%s holds /memreserve/ %s, which says that firmware's data lies "
				  "there",
				  lint_span(a->base, a->size).s, lint_span(m->base, m->size).s);
			lint_cure(l, "move one of the two; if both mean the same memory, remove "
				     "the /memreserve/");
		}
	}
}

static void refused(struct lint *l)
{
	for (unsigned int i = 0; l->laid_out && i < l->cfg->nr_notes && i < BOOT_MAX_NOTES; i++) {
		lint_find(l, NULL, NULL, "no machine is made of this board: %s",
			  l->cfg->note[i].text);
		lint_cure(l, "Linux goes on; for `freehold run' and its like repair it");
	}
}

const struct lint_rule lint_rules_layout[] = {
	{102, "cma= finds no place",
	 "Linux logs \"Failed to reserve\" and goes on without a default area: drivers that need "
	 "contiguous memory fail later, one by one. "
	 "Cure: less, or another address; the area must lie in RAM that is free, below the end of "
	 "ZONE_DMA.",
	 cma_no_place},
	{103, "a region finds no room",
	 "A region with size in place of reg is put where its alloc-ranges and the other regions "
	 "leave room. Where there is none Linux logs it and "
	 "drops the region. Cure: a smaller size, wider alloc-ranges.",
	 no_room},
	{104, "an area that is not whole blocks",
	 "Base and size of an area must be multiples of a pageblock: 2 MiB with pages of 4 KiB, 32 "
	 "MiB with 16 KiB, 512 MiB with 64 KiB. Linux rounds cma= "
	 "up, but refuses a region of the tree, gives its memory to the system, and its devices "
	 "have no area. Cure: whole blocks.",
	 half_blocks},
	{105, "an area outside RAM or across zones",
	 "An area must be RAM of one zone from end to end. Linux finds out late, gives the area "
	 "up, and those who have it in memory-region cannot "
	 "allocate. Cure: move it.",
	 not_activated},
	{106, "a restricted pool outside RAM",
	 "A restricted-dma-pool is used through the kernel's map of RAM, without a check that it "
	 "is there. Cure: put it into RAM.",
	 restricted_outside},
	{107, "RAM is cut below a region",
	 "mem= takes RAM away from the top, with the regions that lie there. Cure: move the "
	 "region, or let Linux place it.",
	 cut},
	{108, "an area or a pool overlaps another region",
	 "Two owners of one page: Linux says \"OVERLAP DETECTED\" at most, and both write there. "
	 "Cure: make them disjoint.",
	 overlap_owned},
	{109, "an area or a pool over a /memreserve/",
	 "The reserve map names what firmware needs to be left alone. Linux reserves it and makes "
	 "the area all the same, which then is lent to "
	 "everybody. Cure: move one; a /memreserve/ that repeats the region itself can go.",
	 memreserve},
	{201, "reserved regions overlap",
	 "Neither is lent, so nothing is overwritten by Linux; but one of the two owners does not "
	 "know of the other, and if only one has no-map it "
	 "may not take effect. Cure: make them disjoint.",
	 overlap_plain},
	{202, "a region lies partly outside RAM",
	 "Some of what it names is RAM, some is not: the size, the base or the memory node is "
	 "wrong. Cure: correct one.",
	 partly_outside},
	{302, "a region lies outside RAM",
	 "That may be meant (memory of a device, or RAM that the memory node leaves out already), "
	 "or a wrong address. Cure: look.",
	 wholly_outside},
	{318, "Linux goes on where freehold's machines do not",
	 "Two owners of one page, an option with something behind its number, no room for cma=: "
	 "Linux logs at most a line. `freehold run' and `freehold serve' refuse such "
	 "a board, with this message. Cure: as the board's other findings say.",
	 refused},
	{0},
};
