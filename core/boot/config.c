/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* One checked boot_config: defaults, how much RAM there is, which command line counts, and the order of it all. */
#include <freehold/boot.h>
#include "boot/arm.h"
#include "boot/cmdline.h"
#include "boot/kconfig.h"
#include "boot/like.h"
#include "boot/nodes.h"
#include "boot/place.h"
#include "boot/place_own.h"
#include "boot/say.h"
#include "boot/zones.h"
#include "base/string.h"
#include "mm/early.h"

#define KIB	 UINT64_C(1024)
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
	cfg->bounce_room = UINT64_MAX;
	cfg->like = BOOT_LIKE_DEFAULT;
	cfg->dma_limit = 4 * GIB;
	cfg->dma32_limit = 4 * GIB;
	cfg->kernel = (struct boot_kernel){
		.page_shift = FH_PAGE_SHIFT,
		.block_order = FH_BLOCK_ORDER,
		.max_order = FH_MAX_ORDER,
		.cma_alignment = 8,
		.cma_areas = BOOT_MAX_REGIONS,
		.dma_cma = true,
		.numa = true,
		.numa_cma = true,
		.hugetlb = true,
		.zone_dma = true,
		.zone_dma32 = true,
		.restricted_pool = true,
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

		if ((!r->size && !r->fault) ||
		    (r->base + r->size < r->base && !(r->fault & BOOT_FAULT_HIGH)) ||
		    r->first_window + r->nr_windows > BOOT_MAX_WINDOWS)
			return boot_fail(why, FH_EINVAL, "region %u (%s): 0x%llx bytes at 0x%llx",
					 i, r->name, (ull)r->size, (ull)r->base);
	}
	if (ram_bytes & (boot_page_bytes(cfg) - 1))
		return boot_fail(why, FH_EINVAL, "ram: 0x%llx bytes, expected whole %llu KiB pages",
				 (ull)ram_bytes, (ull)(boot_page_bytes(cfg) / KIB));
	if (!cfg->nr_banks && !ram_bytes)
		return boot_fail(why, FH_EINVAL, "no memory: expected a memory node or a size");
	return 0;
}

static int add_banks(const struct boot_config *cfg, struct early_set *ram, struct boot_why *why)
{
	for (unsigned int i = 0; i < cfg->nr_banks; i++) {
		const struct boot_bank *b = &cfg->bank[i];

		if (((b->base | b->size) & (boot_page_bytes(cfg) - 1)) ||
		    early_add(ram, b->base, b->size))
			return boot_fail(
				why, FH_EINVAL,
				"bank at 0x%llx, 0x%llx bytes: expected whole %llu KiB pages",
				(ull)b->base, (ull)b->size, (ull)(boot_page_bytes(cfg) / KIB));
	}
	return 0;
}

/* RAM is cut from above, or the last bank grows, until there are ram_bytes. */
static int resize(struct boot_config *cfg, struct early_set *ram, uint64_t ram_bytes,
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
	/* Of the node whose RAM grew. */
	for (unsigned int i = 0; i < cfg->nr_node_ranges; i++)
		if (cfg->node_range[i].base + cfg->node_range[i].size == top)
			cfg->node_range[i].size += grow;
	return early_add(ram, top, grow);
}

/* memmap= of a machine that no tree describes. What is not to be used stays RAM, reserved. */
static int apply_memmap(struct boot_config *cfg, struct early_set *ram,
			const struct boot_cmdline *c, struct boot_why *why)
{
	int err = 0;

	for (unsigned int i = 0; i < c->nr_memmap && !err; i++) {
		const struct memmap *m = &c->memmap[i];
		struct boot_region *r = &cfg->region[cfg->nr_regions];

		if (m->what == MEMMAP_EXACT) {
			ram->nr = 0;
		} else if (m->what == MEMMAP_END) {
			err = early_remove(ram, m->size, UINT64_MAX - m->size);
		} else if (m->what == MEMMAP_RAM) {
			err = early_add(ram, m->base, m->size);
		} else if (cfg->nr_regions == BOOT_MAX_REGIONS) {
			err = -FH_ENOSPC;
		} else {
			*r = (struct boot_region){.name = "memmap",
						  .base = m->base,
						  .size = m->size,
						  .flags = BOOT_REGION_CMDLINE};
			cfg->nr_regions++;
		}
	}
	return err ? boot_fail(why, FH_ENOSPC, "memmap=: too many ranges or regions") : 0;
}

static int keep_banks(struct boot_config *cfg, const struct early_set *ram, struct boot_why *why)
{
	if (!ram->nr)
		return boot_fail(why, FH_EINVAL, "no memory: all banks are empty");
	if (ram->nr > BOOT_MAX_BANKS)
		return boot_fail(why, FH_ENOSPC, "memmap=: more than %d ranges of RAM",
				 BOOT_MAX_BANKS);
	cfg->nr_banks = ram->nr;
	for (unsigned int i = 0; i < ram->nr; i++)
		cfg->bank[i] = (struct boot_bank){ram->range[i].base,
						  ram->range[i].end - ram->range[i].base};
	return 0;
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
	if (!err)
		err = apply_memmap(cfg, ram, cmdline, why);
	if (err)
		return err;
	/* mem=0 limits nothing. */
	if (cmdline->has_mem && cmdline->mem)
		early_keep(ram, cmdline->mem);
	if (boot_is_arm(cfg))
		err = arm_size_ram(cfg, ram, cmdline, why);
	if (!err)
		err = keep_banks(cfg, ram, why);
	if (!err)
		nodes_settle(cfg, ram);
	return err;
}

static int too_long(const char *what, size_t len, struct boot_why *why)
{
	return boot_fail(why, FH_EINVAL, "%s: %zu characters, at most %d", what, len,
			 BOOT_ARGS_MAX - 1);
}

int boot_config_bootargs(struct boot_config *cfg, const char *bootargs, struct boot_why *why)
{
	struct boot_kernel *k = &cfg->kernel;
	size_t n;

	if (bootargs && !fh_strcopy(cfg->bootargs, bootargs, sizeof(cfg->bootargs)))
		return too_long("bootargs", fh_strlen(bootargs), why);
	n = fh_strlen(cfg->bootargs);
	if (k->cmdline_how == BOOT_CMDLINE_EXTEND && cfg->like >= LIKE_NO_CMDLINE_EXTEND &&
	    !boot_is_arm(cfg))
		k->cmdline_how = BOOT_CMDLINE_FALLBACK;
	if (k->cmdline[0] && k->cmdline_how == BOOT_CMDLINE_EXTEND && n) {
		if (n + 1 + fh_strlen(k->cmdline) >= sizeof(cfg->bootargs))
			return too_long("bootargs with CONFIG_CMDLINE",
					n + 1 + fh_strlen(k->cmdline), why);
		cfg->bootargs[n] = ' ';
		fh_strcopy(cfg->bootargs + n + 1, k->cmdline, sizeof(cfg->bootargs) - n - 1);
	} else if (k->cmdline[0] && (k->cmdline_how == BOOT_CMDLINE_FORCE || !n)) {
		fh_strcopy(cfg->bootargs, k->cmdline, sizeof(cfg->bootargs));
	}
	k->cmdline[0] = '\0';
	/* A line break would break the log; Linux takes any blank for the end of a word. */
	for (char *c = cfg->bootargs; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = ' ';
	return 0;
}

/* What decides how the rest is done: the command line, and what the kernel's configuration is in its version. */
static int settle(struct boot_config *cfg, const char *bootargs, struct boot_cmdline *c,
		  struct boot_why *why)
{
	int err = boot_config_bootargs(cfg, bootargs, why);

	if (!err)
		err = boot_cmdline_parse(cfg->bootargs, c, why);
	if (err)
		return err;
	cfg->like = c->like;
	cfg->heaps_linux_only = c->heaps_linux_only;
	cfg->page_owner = c->page_owner;
	cfg->dma = c->dma;
	c->has_cma &= cfg->kernel.dma_cma;
	return kconfig_settle(cfg, why);
}

/* Names of regions, the kernel's own areas, and the zones. */
static int finish_arm64(struct place *p, const struct boot_cmdline *cmdline)
{
	int err = place_names(p);

	if (!err)
		err = place_taken(p->cfg, p->early, true, p->why);
	if (err)
		return err;
	zones_set(p->cfg);
	err = place_before_zones(p->cfg, p->early, cmdline, p->why);
	if (err)
		return err;
	zones_say(p->cfg, p->early, cmdline);
	return place_after_zones(p->cfg, p->early, cmdline, p->why);
}

/* 32-bit ARM has its default area before it makes the linear map, then the zones, and reads the whole tree last. */
static int finish_arm(struct place *p, const struct boot_cmdline *cmdline)
{
	struct boot_config *cfg = p->cfg;
	int err = place_default_areas(cfg, p->early, cmdline, p->why);

	if (!err)
		err = arm_lowmem(cfg, p->early, true, p->why);
	if (!err)
		err = keep_banks(cfg, &p->early->available, p->why);
	if (!err)
		err = place_taken(cfg, p->early, true, p->why);
	if (err)
		return err;
	nodes_settle(cfg, &p->early->available);
	arm_zones_set(cfg);
	zones_say(cfg, p->early, cmdline);
	if (!cfg->as_linux)
		arm_zones_round(cfg);
	return place_names(p);
}

int boot_config_finish(struct boot_config *cfg, const char *bootargs, uint64_t ram_bytes,
		       struct boot_why *why)
{
	struct boot_cmdline cmdline = {.cfg = cfg,
				       .dma = cfg->dma,
				       .like = cfg->like,
				       .heaps_linux_only = cfg->heaps_linux_only};
	struct early early;
	struct place place = {.cfg = cfg, .early = &early, .why = why};
	int err;

	early_init(&early);
	err = settle(cfg, bootargs, &cmdline, why);
	place.has_cma = cmdline.has_cma;
	if (!err)
		err = size_ram(cfg, &early.available, ram_bytes, &cmdline, why);
	if (!err && boot_is_arm(cfg))
		err = arm_lowmem(cfg, &early, false, why);
	if (!err)
		err = place_taken(cfg, &early, false, why);
	if (!err)
		err = place_regions(&place);
	if (!err)
		err = boot_is_arm(cfg) ? finish_arm(&place, &cmdline)
				       : finish_arm64(&place, &cmdline);
	if (!err)
		err = place_dma(cfg, &early, why);
	if (err)
		return err;
	boot_say(cfg, "Kernel command line: %s\n", cfg->bootargs);
	say_bounces(cfg);
	err = place_check(cfg, &early, why);
	boot_say_dropped(cfg);
	return err;
}
