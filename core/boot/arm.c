/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* 32-bit ARM: how its kernel is built, which RAM it takes on, and where its linear map and its zones end. */
#include "boot/arm.h"
#include "boot/say.h"

#define MIB	  (UINT64_C(1) << 20)
#define SECTION	  (2 * MIB) /* what the linear map is made of: Linux's PMD_SIZE */
#define PAGE	  FH_PAGE_SIZE
#define MAP_END	  UINT64_C(0xff800000) /* of the addresses for the linear map and vmalloc */
#define MAP_GAP	  (8 * MIB)	       /* between the two */
#define VMALLOC	  (240 * MIB)
#define TOP_PAGE  (ARM_ADDRESSES - PAGE)
#define TOP_BYTES (PAGE - 1) /* of the last page, that Linux keeps where RAM goes up to 4 GiB */

typedef unsigned long long ull;

int boot_config_arch(struct boot_config *cfg, enum boot_arch arch, struct boot_why *why)
{
	struct boot_kernel *k = &cfg->kernel;

	if ((unsigned int)arch >= BOOT_NR_ARCHES)
		return boot_fail(why, FH_EINVAL, "arch: %u, expected 0 to %d", (unsigned int)arch,
				 BOOT_NR_ARCHES - 1);
	k->arch = arch;
	k->arch_said = true;
	if (arch == BOOT_ARCH_ARM64)
		return 0;
	k->highmem = true;
	k->page_offset = 0xc0000000;
	k->block_order = arch == BOOT_ARCH_ARM_LPAE ? FH_BLOCK_ORDER : FH_MAX_ORDER;
	k->max_order = FH_MAX_ORDER;
	k->numa = k->numa_cma = k->numa_cma_pernuma = k->hugetlb = k->bounce_kmalloc = false;
	k->zone_dma = k->zone_dma32 = true;
	return 0;
}

/* ---- which RAM ---- */

bool arm_cut_bank(struct boot_config *cfg, uint64_t *base, uint64_t *end)
{
	if (cfg->kernel.arch != BOOT_ARCH_ARM || *end < ARM_ADDRESSES)
		return true;
	if (*base >= ARM_ADDRESSES) {
		boot_say(cfg, "OF: fdt: Ignoring memory block 0x%llx - 0x%llx\n", (ull)*base,
			 (ull)*end);
		return false;
	}
	if (*end > ARM_ADDRESSES)
		boot_say(cfg, "OF: fdt: Ignoring memory range 0x%llx - 0x%llx\n",
			 (ull)ARM_ADDRESSES, (ull)*end);
	/* The last byte has no room in a size, and the last page is not whole then. */
	*end = TOP_PAGE;
	cfg->arm.to_the_top = true;
	return *base < *end;
}

/* The linear map begins at a section. */
static int cut_below(struct boot_config *cfg, struct early_set *ram)
{
	uint64_t low = ram->range[0].base, start = (low + SECTION - 1) & ~(SECTION - 1);

	cfg->arm.phys_offset = start;
	if (low == start)
		return 0;
	boot_say(cfg, "OF: fdt: Ignoring memory range 0x%llx - 0x%llx\n", (ull)low, (ull)start);
	return early_remove(ram, low, start - low);
}

/* What --ram made of it. */
static int cut_above(struct boot_config *cfg, struct early_set *ram, struct boot_why *why)
{
	uint64_t end = ram->range[ram->nr - 1].end;
	int err;

	if (cfg->kernel.arch != BOOT_ARCH_ARM || end <= TOP_PAGE)
		return 0;
	err = end > ARM_ADDRESSES ? boot_go_on(cfg, why, FH_ERANGE,
					       "ram: up to 0x%llx: an arm kernel without LPAE "
					       "takes what lies below 4 GiB",
					       (ull)end)
				  : 0;
	if (!err)
		err = early_remove(ram, TOP_PAGE, end - TOP_PAGE);
	cfg->arm.to_the_top = true;
	return err;
}

/* arm_add_memory(): one mem= as the kernel takes it, with its words. */
static int add_memory(struct boot_config *cfg, struct early_set *ram, uint64_t start, uint64_t size)
{
	bool narrow = cfg->kernel.arch == BOOT_ARCH_ARM;
	uint64_t low = cfg->arm.phys_offset, base = (start + PAGE - 1) & ~(PAGE - 1);
	uint64_t end = start + size > base ? start + size : base;

	if (narrow && base >= ARM_ADDRESSES) {
		boot_say(cfg, "Ignoring memory at 0x%08llx outside 32-bit physical address space\n",
			 (ull)start);
		return 0;
	}
	if (narrow && end >= ARM_ADDRESSES) {
		boot_say(cfg,
			 "Truncating memory at 0x%08llx to fit in 32-bit physical address space\n",
			 (ull)start);
		end = ARM_ADDRESSES - 1;
	}
	if (base < low) {
		boot_say(cfg, "Ignoring memory below PHYS_OFFSET: 0x%08llx-0x%08llx\n", (ull)base,
			 (ull)(end < low ? end : low));
		base = low;
	}
	end &= ~(PAGE - 1);
	return base < end ? early_add(ram, base, end - base) : 0;
}

static int apply_mem(struct boot_config *cfg, struct early_set *ram, const struct boot_cmdline *c)
{
	int err = 0;

	ram->nr = 0;
	cfg->arm.to_the_top = false; /* these are whole pages */
	for (unsigned int i = 0; i < c->nr_arm_mem && !err; i++)
		err = add_memory(cfg, ram,
				 c->arm_mem[i].has_base ? c->arm_mem[i].base : cfg->arm.phys_offset,
				 c->arm_mem[i].size);
	return err;
}

int arm_size_ram(struct boot_config *cfg, struct early_set *ram, const struct boot_cmdline *c,
		 struct boot_why *why)
{
	uint64_t vmalloc = c->vmalloc ? c->vmalloc : VMALLOC;
	uint64_t zone = cfg->arm.dma_zone, all;
	int err;

	if (!ram->nr)
		return 0; /* who asks next says so */
	err = cut_below(cfg, ram);
	if (!err && ram->nr)
		err = cut_above(cfg, ram, why);
	if (!err && c->nr_arm_mem)
		err = apply_mem(cfg, ram, c);
	if (err)
		return err;
	if (!ram->nr && c->nr_arm_mem)
		return boot_fail(why, FH_EINVAL,
				 "mem=: no memory is left: expected SIZE@START with a part from "
				 "0x%llx up",
				 (ull)cfg->arm.phys_offset);
	all = cfg->kernel.arch == BOOT_ARCH_ARM || cfg->kernel.zone_dma ? UINT32_MAX : UINT64_MAX;
	cfg->arm.dma_reach = zone && cfg->kernel.zone_dma ? cfg->arm.phys_offset + zone - 1 : all;
	if (cfg->kernel.arch == BOOT_ARCH_ARM && cfg->arm.dma_reach > UINT32_MAX)
		cfg->arm.dma_reach &= UINT32_MAX;
	cfg->arm.map_end =
		MAP_END - vmalloc - MAP_GAP - cfg->kernel.page_offset + cfg->arm.phys_offset;
	return 0;
}

/* ---- where the linear map ends ---- */

static bool whole(uint64_t v)
{
	return !(v & (SECTION - 1));
}

/* What is in the linear map: RAM without what has no map. */
static int mapped(const struct early *early, struct early_set *ram)
{
	int err = 0;

	*ram = early->available;
	for (unsigned int i = 0; i < early->nomap.nr && !err; i++)
		err = early_remove(ram, early->nomap.range[i].base,
				   early->nomap.range[i].end - early->nomap.range[i].base);
	return err;
}

/* Sets cfg->arm.lowmem_end; returns where memory for tables of the map ends, which comes from sections that are whole. */
static uint64_t find_end(struct boot_config *cfg, const struct early_set *ram)
{
	uint64_t end = 0, limit = 0;

	for (unsigned int i = 0; i < ram->nr; i++) {
		const struct early_range *r = &ram->range[i];

		if (r->base >= cfg->arm.map_end)
			break;
		end = r->end < cfg->arm.map_end ? r->end : cfg->arm.map_end;
		if (!limit && !whole(r->base))
			limit = r->base;
		else if (!limit && !whole(r->end))
			limit = end;
	}
	cfg->arm.lowmem_end = end;
	return (limit ? limit : end) & ~(SECTION - 1);
}

/* Without HighMem what lies above is nobody's. */
static int ignore_above(struct boot_config *cfg, struct early_set *ram, uint64_t limit)
{
	uint64_t end = ram->nr ? ram->range[ram->nr - 1].end : 0;
	int digits = boot_digits(cfg);

	if (cfg->kernel.highmem || end <= cfg->arm.lowmem_end)
		return 0;
	boot_say(cfg, "Ignoring RAM at 0x%0*llx-0x%0*llx\n", digits, (ull)limit, digits, (ull)end);
	boot_say(cfg, "Consider using a HIGHMEM enabled kernel.\n");
	return early_remove(ram, limit, end - limit);
}

int arm_lowmem(struct boot_config *cfg, struct early *early, bool again, struct boot_why *why)
{
	struct early_set ram;
	uint64_t limit;
	int err = 0;

	if (!again && cfg->arm.to_the_top && early_contains(&early->available, TOP_PAGE - 1, 1))
		err = early_add(&early->available, TOP_PAGE, TOP_BYTES);
	if (!err)
		err = mapped(early, &ram);
	if (!err && ram.nr && !whole(ram.range[0].base)) {
		uint64_t start = ram.range[0].base;

		err = early_add(&early->nomap, start, SECTION - (start & (SECTION - 1)));
		if (!err)
			err = mapped(early, &ram);
	}
	if (err)
		return boot_fail(why, FH_ENOSPC, "memory: too many separate ranges");
	limit = find_end(cfg, &ram);
	err = ignore_above(cfg, &early->available, limit);
	if (!err && again && cfg->arm.to_the_top)
		err = early_remove(&early->available, TOP_PAGE, TOP_BYTES);
	return err ? boot_fail(why, FH_ENOSPC, "memory: too many separate ranges") : 0;
}

void arm_zones_set(struct boot_config *cfg)
{
	uint64_t low = cfg->arm.lowmem_end & ~(PAGE - 1), reach = cfg->arm.dma_reach & ~(PAGE - 1);

	cfg->dma32_limit = low;
	cfg->dma_limit = !cfg->kernel.zone_dma ? 0 : reach < low ? reach : low;
}

void arm_zones_round(struct boot_config *cfg)
{
	cfg->dma_limit &= ~(SECTION - 1);
	cfg->dma32_limit &= ~(SECTION - 1);
}
