/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Where zones end, as arm64's zone_sizes_init() has it, what they span and are called, and Linux's lines about them. */
#include "boot/zones.h"
#include "boot/like.h"
#include "boot/movable.h"
#include "boot/nodes.h"
#include "boot/say.h"
#include "mm/zone.h"

#define GIB4 (UINT64_C(4) << 30)

typedef unsigned long long ull;

static uint64_t ram_end(const struct boot_config *cfg)
{
	const struct boot_bank *top = &cfg->bank[cfg->nr_banks - 1];

	return top->base + top->size;
}

/* The power of two that reaches up to `limit`, which is above 0. */
static uint64_t whole_bits(uint64_t limit)
{
	uint64_t reach = 1;

	while (reach && reach < limit)
		reach <<= 1;
	return reach ? reach : UINT64_MAX;
}

/* Before 6.12 a zone had a number of bits; RAM that lies wholly above 32 bits was all in ZONE_DMA. */
static void set_by_bits(struct boot_config *cfg, uint64_t end)
{
	uint64_t start = cfg->bank[0].base, reach = whole_bits(cfg->dma_limit);

	if (reach > GIB4 || start >= reach)
		reach = GIB4;
	if (start > UINT32_MAX)
		reach = cfg->dma32_limit = end;
	cfg->dma_limit = reach;
}

/* ZONE_DMA is what every bus reaches, and never more than 32 bits while there is RAM below. */
static void set_by_reach(struct boot_config *cfg, uint64_t end)
{
	if (cfg->bank[0].base < UINT32_MAX) {
		if (cfg->dma_limit > GIB4)
			cfg->dma_limit = GIB4;
	} else if (cfg->dma_limit > end || cfg->dma_limit == GIB4) {
		cfg->dma_limit = end; /* 4 GiB is the default: no bus set a limit */
	}
}

void zones_set(struct boot_config *cfg)
{
	/* A limit within a block goes down, so that no block of a machine belongs to two zones; Linux cuts at a page. */
	uint64_t unit = cfg->as_linux ? boot_page_bytes(cfg) : boot_block_bytes(cfg);
	uint64_t end = (ram_end(cfg) + unit - 1) & ~(unit - 1);

	if (cfg->like < LIKE_ZONE_LIMIT)
		set_by_bits(cfg, end);
	else
		set_by_reach(cfg, end);
	if (!cfg->kernel.zone_dma)
		cfg->dma_limit = 0;
	if (!cfg->kernel.zone_dma32)
		cfg->dma32_limit = 0;
	cfg->dma_limit &= ~(unit - 1);
	cfg->dma32_limit &= ~(unit - 1);
	if (cfg->dma32_limit < cfg->dma_limit)
		cfg->dma32_limit = cfg->dma_limit;
}

uint64_t zones_reach(const struct boot_config *cfg)
{
	if (boot_is_arm(cfg))
		return cfg->arm.dma_reach;
	if (cfg->kernel.zone_dma)
		return cfg->dma_limit;
	return cfg->kernel.zone_dma32 ? cfg->dma32_limit : UINT64_MAX;
}

/* What a zone spans before ZONE_MOVABLE is cut out of the highest: Linux's arch_zone_lowest_possible_pfn[] and its like. */
static bool zone_of_arch(const struct boot_config *cfg, enum zone_type zone, struct boot_bank *span)
{
	uint64_t limit[] = {cfg->dma_limit, cfg->dma32_limit, UINT64_MAX};
	uint64_t start = cfg->nr_banks ? cfg->bank[0].base : 0;
	uint64_t end = cfg->nr_banks ? ram_end(cfg) : 0, low, high;

	low = zone == ZONE_DMA ? 0 : limit[zone - 1];
	high = limit[zone];
	if (low < start)
		low = start;
	if (high > end)
		high = end;
	if (low >= high)
		return false;
	*span = (struct boot_bank){low, high - low};
	return true;
}

bool boot_config_zone(const struct boot_config *cfg, enum zone_type zone, struct boot_bank *span)
{
	enum zone_type top = ZONE_NORMAL;
	uint64_t end;

	if (zone == ZONE_MOVABLE && !cfg->movable_start)
		return false;
	while (top > ZONE_DMA && !zone_of_arch(cfg, top, span))
		top--;
	if (!zone_of_arch(cfg, zone == ZONE_MOVABLE ? top : zone, span))
		return false;
	if (!cfg->movable_start || (zone != top && zone != ZONE_MOVABLE))
		return true;
	end = span->base + span->size;
	if (zone != ZONE_MOVABLE && cfg->movable_start < end)
		end = cfg->movable_start;
	else if (zone == ZONE_MOVABLE && cfg->movable_start > span->base)
		span->base = cfg->movable_start;
	if (span->base >= end)
		return false;
	span->size = end - span->base;
	return true;
}

const char *boot_config_zone_name(const struct boot_config *cfg, enum zone_type zone)
{
	if (boot_is_arm(cfg) && zone == ZONE_NORMAL)
		return "HighMem";
	return zone_name(boot_is_arm(cfg) && zone == ZONE_DMA32 ? ZONE_NORMAL : zone);
}

void zones_say(struct boot_config *cfg, const struct early *early, const struct boot_cmdline *c)
{
	const bool built[ZONE_MOVABLE] = {cfg->kernel.zone_dma, cfg->kernel.zone_dma32,
					  !boot_is_arm(cfg) || cfg->kernel.highmem};
	struct movable movable;
	struct boot_bank span;

	movable_find(cfg, early, c, &movable);
	boot_say(cfg, "Zone ranges:\n");
	for (unsigned int z = 0; z < ZONE_MOVABLE; z++) {
		if (!built[z])
			continue;
		if (zone_of_arch(cfg, (enum zone_type)z, &span))
			boot_say(cfg, "  %-8s [mem 0x%016llx-0x%016llx]\n",
				 boot_config_zone_name(cfg, (enum zone_type)z), (ull)span.base,
				 (ull)(span.base + span.size - 1));
		else
			boot_say(cfg, "  %-8s empty\n",
				 boot_config_zone_name(cfg, (enum zone_type)z));
	}
	boot_say(cfg, "Movable zone start for each node\n");
	for (unsigned int node = 0; node < BOOT_MAX_NODES; node++)
		if (movable.start[node])
			boot_say(cfg, "  Node %u: 0x%016llx\n", node, (ull)movable.start[node]);
	nodes_say(cfg, early);
}
