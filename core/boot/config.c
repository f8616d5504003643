/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* One checked boot_config: defaults, how much RAM there is, its zones, and the order of it all. */
#include <freehold/boot.h>
#include "boot/cmdline.h"
#include "boot/place.h"
#include "boot/say.h"
#include "base/string.h"
#include "mm/early.h"

#define GIB	 (UINT64_C(1) << 30)
#define MAX_CPUS 64

typedef unsigned long long ull;

void boot_config_init(struct boot_config *cfg)
{
	memset(cfg, 0, sizeof(*cfg));
	cfg->ram_base = GIB;
	cfg->nr_cpus = 1;
	cfg->policy = CMA_POLICY_GUARANTEED;
	cfg->dma.iommu_strict = true;
	cfg->like = BOOT_LIKE_DEFAULT;
	cfg->dma_limit = 4 * GIB;
	cfg->dma32_limit = 4 * GIB;
	cfg->kernel = (struct boot_kernel){
		.page_shift = FH_PAGE_SHIFT,
		.block_order = FH_BLOCK_ORDER,
		.max_order = FH_MAX_ORDER,
		.cma_alignment = 8,
		.cma_areas = BOOT_MAX_REGIONS,
	};
}

/* What a program may have filled in itself. */
static int check_given(const struct boot_config *cfg, uint64_t ram_bytes, struct boot_why *why)
{
	if (cfg->nr_cpus < 1 || cfg->nr_cpus > MAX_CPUS)
		return boot_fail(why, FH_EINVAL, "nr_cpus: %u, expected 1 to %d", cfg->nr_cpus,
				 MAX_CPUS);
	if ((unsigned int)cfg->policy >= CMA_NR_POLICIES)
		return boot_fail(why, FH_EINVAL, "policy: %u, expected 0 to %d",
				 (unsigned int)cfg->policy, CMA_NR_POLICIES - 1);
	if (cfg->nr_banks > BOOT_MAX_BANKS || cfg->nr_regions > BOOT_MAX_REGIONS)
		return boot_fail(why, FH_EINVAL, "nr_banks: %u, nr_regions: %u, at most %d and %d",
				 cfg->nr_banks, cfg->nr_regions, BOOT_MAX_BANKS, BOOT_MAX_REGIONS);
	if (cfg->nr_taken > BOOT_MAX_TAKEN)
		return boot_fail(why, FH_EINVAL, "nr_taken: %u, at most %d", cfg->nr_taken,
				 BOOT_MAX_TAKEN);
	for (unsigned int i = 0; i < cfg->nr_taken; i++)
		if (cfg->taken[i].base + cfg->taken[i].size < cfg->taken[i].base)
			return boot_fail(why, FH_EINVAL, "taken %u: 0x%llx bytes at 0x%llx", i,
					 (ull)cfg->taken[i].size, (ull)cfg->taken[i].base);
	for (unsigned int i = 0; i < cfg->nr_regions; i++) {
		const struct boot_region *r = &cfg->region[i];

		if ((!r->size && !r->fault) || r->base + r->size < r->base ||
		    r->first_window + r->nr_windows > BOOT_MAX_WINDOWS)
			return boot_fail(why, FH_EINVAL, "region %u (%s): 0x%llx bytes at 0x%llx",
					 i, r->name, (ull)r->size, (ull)r->base);
	}
	if (ram_bytes & (FH_PAGE_SIZE - 1))
		return boot_fail(why, FH_EINVAL, "ram: 0x%llx bytes, expected whole 4 KiB pages",
				 (ull)ram_bytes);
	if (!cfg->nr_banks && !ram_bytes)
		return boot_fail(why, FH_EINVAL, "no memory: expected a memory node or a size");
	return 0;
}

static int add_banks(const struct boot_config *cfg, struct early_set *ram, struct boot_why *why)
{
	for (unsigned int i = 0; i < cfg->nr_banks; i++) {
		const struct boot_bank *b = &cfg->bank[i];

		if (((b->base | b->size) & (FH_PAGE_SIZE - 1)) || early_add(ram, b->base, b->size))
			return boot_fail(why, FH_EINVAL,
					 "bank at 0x%llx, 0x%llx bytes: expected whole 4 KiB pages",
					 (ull)b->base, (ull)b->size);
	}
	return 0;
}

/* RAM is cut from above, or the last bank grows, until there are ram_bytes. */
static int resize(const struct boot_config *cfg, struct early_set *ram, uint64_t ram_bytes,
		  struct boot_why *why)
{
	uint64_t total = early_total(ram), top, grow;

	if (ram_bytes <= total) {
		early_keep(ram, ram_bytes);
		return 0;
	}
	grow = ram_bytes - total;
	top = ram->nr ? ram->range[ram->nr - 1].end : cfg->ram_base;
	if (top + grow < top || top + grow > UINT64_C(1) << BOOT_PHYS_BITS)
		return boot_fail(why, FH_ERANGE,
				 "ram: 0x%llx bytes: 0x%llx more at 0x%llx pass bit %d",
				 (ull)ram_bytes, (ull)grow, (ull)top, BOOT_PHYS_BITS);
	return early_add(ram, top, grow);
}

static int size_ram(struct boot_config *cfg, struct early_set *ram, uint64_t ram_bytes,
		    const struct boot_cmdline *cmdline, struct boot_why *why)
{
	int err;

	err = check_given(cfg, ram_bytes, why);
	if (!err)
		err = add_banks(cfg, ram, why);
	if (!err && ram_bytes)
		err = resize(cfg, ram, ram_bytes, why);
	if (err)
		return err;
	if (cmdline->has_mem) {
		boot_say(cfg, "Memory limited to %lluMB\n", (ull)(cmdline->mem >> 20));
		early_keep(ram, cmdline->mem);
	}
	if (!ram->nr)
		return boot_fail(why, FH_EINVAL, "no memory: all banks are empty");
	cfg->nr_banks = ram->nr;
	for (unsigned int i = 0; i < ram->nr; i++)
		cfg->bank[i] = (struct boot_bank){ram->range[i].base,
						  ram->range[i].end - ram->range[i].base};
	return 0;
}

static uint64_t ram_end(const struct boot_config *cfg)
{
	const struct boot_bank *top = &cfg->bank[cfg->nr_banks - 1];

	return top->base + top->size;
}

/*
 * As arm64: ZONE_DMA is what every bus reaches, and never more than 32 bits while there is RAM
 * below. A limit within a block goes down, so that no block belongs to two zones.
 */
static void set_zones(struct boot_config *cfg)
{
	uint64_t block = boot_block_bytes(cfg), end = (ram_end(cfg) + block - 1) & ~(block - 1);

	if (cfg->bank[0].base < UINT32_MAX) {
		if (cfg->dma_limit > 4 * GIB)
			cfg->dma_limit = 4 * GIB;
	} else if (cfg->dma_limit > end || cfg->dma_limit == 4 * GIB) {
		cfg->dma_limit = end; /* 4 GiB is the default: no bus set a limit */
	}
	cfg->dma_limit &= ~(block - 1);
	cfg->dma32_limit &= ~(block - 1);
	if (cfg->dma32_limit < cfg->dma_limit)
		cfg->dma32_limit = cfg->dma_limit;
}

bool boot_config_zone(const struct boot_config *cfg, enum zone_type zone, struct boot_bank *span)
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

static void say_node(struct boot_config *cfg, uint64_t start, uint64_t end)
{
	start = (start + FH_PAGE_SIZE - 1) & ~(FH_PAGE_SIZE - 1);
	end &= ~(FH_PAGE_SIZE - 1);
	if (start < end)
		boot_say(cfg, "  node   0: [mem 0x%016llx-0x%016llx]\n", (ull)start,
			 (ull)(end - 1));
}

/* Linux keeps memory apart from memory that is not mapped, and shows both. */
static void say_bank(struct boot_config *cfg, const struct early_set *nomap, struct boot_bank b)
{
	uint64_t at = b.base, end = b.base + b.size;

	for (unsigned int i = 0; i < nomap->nr; i++) {
		uint64_t from = nomap->range[i].base, to = nomap->range[i].end;

		if (to <= at || from >= end)
			continue;
		if (from > at)
			say_node(cfg, at, from);
		say_node(cfg, from > at ? from : at, to < end ? to : end);
		at = to < end ? to : end;
	}
	say_node(cfg, at, end);
}

static void say_zones(struct boot_config *cfg, const struct early *early)
{
	static const char name[MAX_NR_ZONES][8] = {"DMA", "DMA32", "Normal"};
	struct boot_bank span;

	boot_say(cfg, "Zone ranges:\n");
	for (unsigned int z = 0; z < MAX_NR_ZONES; z++) {
		if (boot_config_zone(cfg, (enum zone_type)z, &span))
			boot_say(cfg, "  %-8s [mem 0x%016llx-0x%016llx]\n", name[z], (ull)span.base,
				 (ull)(span.base + span.size - 1));
		else
			boot_say(cfg, "  %-8s empty\n", name[z]);
	}
	boot_say(cfg, "Movable zone start for each node\n");
	boot_say(cfg, "Early memory node ranges\n");
	for (unsigned int i = 0; i < cfg->nr_banks; i++)
		say_bank(cfg, &early->nomap, cfg->bank[i]);
	boot_say(cfg, "Initmem setup node 0 [mem 0x%016llx-0x%016llx]\n", (ull)cfg->bank[0].base,
		 (ull)(ram_end(cfg) - 1));
}

/* A line break would break the log; Linux takes any blank for the end of a word. */
static int set_bootargs(struct boot_config *cfg, const char *bootargs, struct boot_why *why)
{
	if (bootargs && !fh_strcopy(cfg->bootargs, bootargs, sizeof(cfg->bootargs)))
		return boot_fail(why, FH_EINVAL, "bootargs: %zu characters, at most %d",
				 fh_strlen(bootargs), BOOT_ARGS_MAX - 1);
	for (char *c = cfg->bootargs; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = ' ';
	return 0;
}

int boot_config_finish(struct boot_config *cfg, const char *bootargs, uint64_t ram_bytes,
		       struct boot_why *why)
{
	struct boot_cmdline cmdline = {
		.dma = cfg->dma, .like = cfg->like, .heaps_linux_only = cfg->heaps_linux_only};
	struct early early;
	int err;

	early_init(&early);
	err = set_bootargs(cfg, bootargs, why);
	if (!err)
		err = boot_cmdline_parse(cfg->bootargs, &cmdline, why);
	if (!err)
		err = size_ram(cfg, &early.available, ram_bytes, &cmdline, why);
	if (!err)
		cfg->like = cmdline.like; /* whose rules all that follows has */
	if (!err)
		err = place_taken(cfg, &early, false, why);
	if (!err)
		err = place_regions(cfg, &early, cmdline.has_cma, why);
	if (!err)
		err = place_taken(cfg, &early, true, why);
	if (err)
		return err;
	cfg->dma = cmdline.dma;
	cfg->heaps_linux_only = cmdline.heaps_linux_only;
	set_zones(cfg);
	say_zones(cfg, &early);
	if (cmdline.has_cma)
		err = place_cma(cfg, &early, &cmdline, why);
	if (!err)
		err = place_dma(cfg, &early, why);
	if (err)
		return err;
	boot_say(cfg, "Kernel command line: %s\n", cfg->bootargs);
	err = place_check(cfg, &early, why);
	boot_say_dropped(cfg);
	return err;
}
