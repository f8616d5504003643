/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Rules over sizes: what areas leave to the kernel, how many there are, and what other page sizes make of them. */
#include "lint_in.h"

#define LINUX_AREAS   8	 /* CONFIG_CMA_AREAS without NUMA, in 6.12 */
#define LINUX_REGIONS 64 /* MAX_RESERVED_REGIONS */
#define SMALLEST      (64 * MIB)

/* Bytes of RAM below `end` that regions take; only areas if `areas`. Ascending, so that what two have counts once. */
static uint64_t taken(const struct lint *l, uint64_t end, bool areas)
{
	const struct boot_config *cfg = l->cfg;
	uint64_t at = 0, sum = 0;

	for (;;) {
		const struct boot_region *next = NULL;

		for (unsigned int i = 0; i < cfg->nr_regions; i++) {
			const struct boot_region *r = &cfg->region[i];

			if ((!areas || r->kind == BOOT_REGION_CMA) && r->base + r->size > at &&
			    (!next || r->base < next->base))
				next = r;
		}
		if (!next || next->base >= end)
			return sum;
		if (next->base > at)
			at = next->base;
		sum += lint_ram_in(l, at,
				   (next->base + next->size < end ? next->base + next->size : end) -
					   at);
		at = next->base + next->size;
	}
}

/* What is left for what cannot move: RAM less regions, less a descriptor of 64 bytes a page. */
static uint64_t left(const struct lint *l)
{
	uint64_t ram = lint_ram(l), pages = ram / boot_page_bytes(l->cfg) * 64,
		 used = taken(l, UINT64_MAX, false) + pages;

	return used < ram ? ram - used : 0;
}

static void say_left(struct lint *l)
{
	uint64_t areas = taken(l, UINT64_MAX, true);

	lint_find(l, NULL, NULL,
		  "areas take %" PRIu64 " of %" PRIu64
		  " MiB; the kernel, its page tables, drivers and pinned memory have %" PRIu64
		  " MiB",
		  areas / MIB, lint_ram(l) / MIB, left(l) / MIB);
	lint_cure(l,
		  "make areas smaller by %" PRIu64 " MiB or more, to what devices need at one time",
		  (areas / 3 - left(l) < areas ? areas / 3 - left(l) : areas / 3) / MIB + 1);
}

static bool starved(const struct lint *l)
{
	uint64_t ram = lint_ram(l);

	return taken(l, UINT64_MAX, true) > ram / 2 && (left(l) < SMALLEST || left(l) < ram / 16);
}

static void starves(struct lint *l)
{
	if (l->laid_out && starved(l))
		say_left(l);
}

static void tight(struct lint *l)
{
	if (l->laid_out && !starved(l) && taken(l, UINT64_MAX, true) / 3 > left(l))
		say_left(l);
}

static void dma_zone(struct lint *l)
{
	struct boot_bank dma, above;
	struct boot_dma_plan plan;
	uint64_t need, ram, used;

	if (!l->laid_out || !boot_config_zone(l->cfg, ZONE_DMA, &dma) ||
	    (!boot_config_zone(l->cfg, ZONE_DMA32, &above) &&
	     !boot_config_zone(l->cfg, ZONE_NORMAL, &above)))
		return;
	boot_config_dma(l->cfg, &plan);
	need = plan.swiotlb_slabs * 2 * KIB + plan.atomic_pool[ZONE_DMA] + 16 * MIB;
	ram = lint_ram_in(l, dma.base, dma.size);
	used = taken(l, dma.base + dma.size, false);
	if (ram - used >= need)
		return;
	lint_find(l, NULL, NULL,
		  "ZONE_DMA (%s) has %" PRIu64 " MiB of RAM, and regions take %" PRIu64
		  ": bounce buffers and atomic pools want %" PRIu64 " MiB there",
		  lint_span(dma.base, dma.size).s, ram / MIB, used / MIB, need / MIB);
	lint_cure(l,
		  "make areas smaller, or place by alloc-ranges above 0x%" PRIx64
		  " what only devices use that reach there",
		  dma.base + dma.size - 1);
}

static void default_high(struct lint *l)
{
	for (size_t i = 0; l->laid_out && i < l->nr_nodes; i++) {
		const struct boot_region *r = l->node[i].placed;

		if (!r || r->kind != BOOT_REGION_CMA || !(r->flags & BOOT_REGION_CMA_DEFAULT) ||
		    r->base + r->size <= GIB4 || !lint_ram_in(l, 0, GIB4))
			continue;
		lint_find(l, l->node[i].path, l->node[i].has_reg ? "reg" : "size",
			  "the default area comes to lie at %s: devices that drive 32 bits cannot "
			  "use it",
			  lint_span(r->base, r->size).s);
		lint_cure(l,
			  "keep it low, as with alloc-ranges = <0x%" PRIx64 " ... 0x%" PRIx64 ">",
			  l->cfg->bank[0].base,
			  l->cfg->bank[0].base < GIB4 ? GIB4 - l->cfg->bank[0].base : 0);
	}
}

static unsigned int areas(const struct lint *l, const struct lint_node **last)
{
	const struct lint_word *w = lint_option(l, "cma");
	const char *rest;
	unsigned int n = 0;

	for (size_t i = 0; i < l->nr_nodes && !l->reserved_ignored; i++) {
		if (!lint_wants_area(&l->node[i]) || !l->node[i].size ||
		    (w && l->node[i].cma_default))
			continue;
		*last = &l->node[i];
		n++;
	}
	return n + (w && lint_memparse(w->value, &rest));
}

static void no_slot(struct lint *l)
{
	const struct lint_node *last = NULL;
	unsigned int n = areas(l, &last);

	if (n <= l->cfg->kernel.cma_areas)
		return;
	lint_find(l, last ? last->path : NULL, NULL,
		  "%u areas, and this kernel has CONFIG_CMA_AREAS=%u: the rest is not made (\"Not "
		  "enough slots\")",
		  n, l->cfg->kernel.cma_areas);
	lint_cure(l, "set CONFIG_CMA_AREAS=%u, or join areas", n);
}

static void few_slots(struct lint *l)
{
	const struct lint_node *last = NULL;
	unsigned int n = areas(l, &last);

	if (n <= LINUX_AREAS || n > l->cfg->kernel.cma_areas)
		return;
	lint_find(l, last ? last->path : NULL, NULL,
		  "%u areas: a kernel without NUMA has room for %d, unless CONFIG_CMA_AREAS says "
		  "more",
		  n, LINUX_AREAS);
	lint_cure(l, "set CONFIG_CMA_AREAS=%u, or join areas", n);
}

static void many_regions(struct lint *l)
{
	if (l->nr_nodes <= LINUX_REGIONS)
		return;
	lint_find(l, "/reserved-memory", NULL,
		  "%zu regions: kernels as 6.1 have room for %d, and know nothing of the rest",
		  l->nr_nodes, LINUX_REGIONS);
	lint_cure(l, "join neighbours, or use a kernel as 6.12 (%d with size in place of reg)",
		  LINUX_REGIONS);
}

/* What pages of 16 and 64 KiB would make of an area; the kernel at hand is FH104's. */
static void page_sizes(struct lint *l)
{
	static const struct {
		unsigned int page, block;
	} kernels[] = {{12, 21}, {14, 25}, {16, 29}};

	for (size_t i = 0; i < l->nr_nodes && !lint_is_arm32(l); i++) {
		const struct lint_node *n = &l->node[i];
		uint64_t v = (n->has_reg ? n->base : 0) | n->size;

		for (size_t k = 0; k < 3 && lint_wants_area(n) && n->size; k++) {
			uint64_t block = UINT64_C(1) << kernels[k].block;

			if (kernels[k].page == l->cfg->kernel.page_shift || !(v & (block - 1)) ||
			    v & (boot_block_bytes(l->cfg) - 1))
				continue;
			lint_find(l, n->path, n->has_reg ? "reg" : "size",
				  "with pages of %u KiB an area is whole blocks of %s, and this "
				  "one, %s, would be dropped",
				  1U << (kernels[k].page - 10), lint_size(block).s,
				  lint_size(n->size).s);
			lint_cure(l, "for such a kernel make it %s",
				  lint_size((n->size + block - 1) & ~(block - 1)).s);
			break;
		}
	}
}

const struct lint_rule lint_rules_room[] = {
	{110, "more areas than the kernel has slots",
	 "Areas live in a table of CONFIG_CMA_AREAS entries (8, or 20 with NUMA); cma= and "
	 "hugetlb_cma= need one each, too. Linux drops those that come last. Cure: a larger "
	 "table, or fewer areas.",
	 no_slot},
	{112, "areas leave too little to the kernel",
	 "Areas serve movable memory only while they are idle: page tables, slabs, network "
	 "buffers, pinned pages and firmware's "
	 "blobs must fit into the rest. Below 64 MiB or a 16th of RAM Linux kills programs, or "
	 "does not come up, with hundreds of MiB free in areas. Cure: smaller areas.",
	 starves},
	{203, "more regions than older kernels know",
	 "Linux 6.1 has room for 64 regions and goes on without the rest; 6.12 has that limit for "
	 "regions with size alone. Cure: join regions.",
	 many_regions},
	{204, "most memory lies in areas",
	 "What is outside areas is less than a third of what is inside. Unmovable memory cannot "
	 "use areas; under load Linux reclaims and swaps outside while "
	 "areas are half empty. Cure: smaller areas, or less that is pinned.",
	 tight},
	{205, "ZONE_DMA is used up",
	 "Bounce buffers (64 MiB by default), atomic pools and all allocations for devices that "
	 "reach little come from ZONE_DMA. Regions and areas leave less than "
	 "these need. Cure: areas elsewhere, or smaller.",
	 dma_zone},
	{206, "the default area lies above 4 GiB",
	 "A region with size and no alloc-ranges goes to the top of RAM. Devices get 32 bits "
	 "unless their driver says more, so most cannot use a default area there, and "
	 "fall back to the buddy allocator without a word. Cure: alloc-ranges below 4 GiB.",
	 default_high},
	{303, "more areas than the default table has",
	 "CONFIG_CMA_AREAS is 8 without NUMA (7 in 6.1), 20 with it. Cure: set it when the kernel "
	 "is configured.",
	 few_slots},
	{304, "an area that other page sizes refuse",
	 "With pages of 16 KiB blocks have 32 MiB, with 64 KiB 512 MiB. An area of the tree that "
	 "is not whole blocks is dropped by such a kernel. "
	 "Of no matter while the board runs 4 KiB. Cure: a larger multiple, or a tree for each "
	 "kernel.",
	 page_sizes},
	{0},
};
