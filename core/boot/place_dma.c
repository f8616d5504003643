/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What devices are to have of a machine: whether it fits, its figures, and the pool of coherent_only=. */
#include "boot/place.h"
#include "boot/say.h"
#include "boot/zones.h"
#include "base/string.h"

#define KIB	 UINT64_C(1024)
#define MIB	 (UINT64_C(1) << 20)
#define GIB	 (UINT64_C(1) << 30)
#define ARM_POOL (256 * KIB)
#define SLOT	 UINT64_C(2048)
#define SEGMENT	 UINT64_C(128)
#define BOUNCE	 (UINT64_C(64) << 20) /* bytes of bounce buffers where nothing was asked */

typedef unsigned long long ull;

static uint64_t ram_bytes(const struct boot_config *cfg)
{
	uint64_t total = 0;

	for (unsigned int i = 0; i < cfg->nr_banks; i++)
		total += cfg->bank[i].size;
	return total;
}

static uint64_t power_of_two(uint64_t n)
{
	uint64_t p = 1;

	while (p < n)
		p *= 2;
	return p;
}

/* dma_atomic_pool_init(): 128 KiB a GiB, at least that; made of one run of the buddy. */
static uint64_t atomic_bytes(const struct boot_config *cfg)
{
	uint64_t page = boot_page_bytes(cfg), most = page << cfg->kernel.max_order;
	uint64_t bytes = cfg->dma.coherent_pool;

	if (!bytes)
		bytes = ram_bytes(cfg) / (GIB / (128 * KIB));
	if (!cfg->dma.coherent_pool && bytes < 128 * KIB)
		bytes = 128 * KIB;
	if (bytes < page)
		bytes = page;
	return bytes < most ? power_of_two(bytes) : most;
}

/* RAM that not every bus reaches, whatever its zone. */
static bool beyond_reach(const struct boot_config *cfg)
{
	for (unsigned int i = 0; i < cfg->nr_banks; i++)
		if (cfg->bank[i].base + cfg->bank[i].size > zones_reach(cfg))
			return true;
	return false;
}

/* All RAM is: bounce buffers have no place. */
static bool out_of_reach(const struct boot_config *cfg)
{
	return cfg->nr_banks && cfg->bank[0].base >= zones_reach(cfg);
}

/* Bounce buffers there are when somebody may need them: RAM that not every bus reaches, or force. A machine of ours also makes
 * what a number asks for. */
static bool bounces(const struct boot_config *cfg)
{
	if (cfg->kernel.arch == BOOT_ARCH_ARM && cfg->as_linux)
		return false;
	if (cfg->dma.swiotlb_noforce)
		return false;
	return cfg->dma.swiotlb_force || (cfg->dma.swiotlb_slabs && !cfg->as_linux) ||
	       beyond_reach(cfg) || cfg->kernel.bounce_kmalloc;
}

/* Where only small buffers of the kernel have to bounce, 1 MiB a GiB does, unless a number of slots was asked for. */
static bool small_bounces(const struct boot_config *cfg)
{
	const struct boot_dma *dma = &cfg->dma;

	return cfg->kernel.bounce_kmalloc && !beyond_reach(cfg) &&
	       dma->swiotlb_areas * SEGMENT <= BOUNCE / SLOT &&
	       (!dma->swiotlb_slabs || dma->swiotlb_slabs == BOUNCE / SLOT);
}

static uint64_t small_bytes(const struct boot_config *cfg)
{
	uint64_t bytes = (ram_bytes(cfg) + 1023) / 1024;

	bytes = bytes < BOUNCE ? bytes : BOUNCE;
	return (bytes + SLOT - 1) / SLOT * SLOT;
}

/* What segments and areas make of it. */
static uint64_t small_slabs(const struct boot_config *cfg)
{
	uint64_t slabs = (small_bytes(cfg) / SLOT + SEGMENT - 1) / SEGMENT * SEGMENT;
	uint64_t least = cfg->dma.swiotlb_areas * SEGMENT;

	if (!least)
		return slabs;
	return power_of_two(slabs > least ? slabs : least);
}

static unsigned int parts(const struct boot_config *cfg)
{
	return cfg->as_linux && cfg->tree_cpus ? cfg->tree_cpus : cfg->nr_cpus;
}

/* What is asked for, and in how many areas. */
static uint64_t asked_slabs(const struct boot_config *cfg, unsigned int *areas)
{
	const struct boot_dma *dma = &cfg->dma;
	uint64_t slabs = small_bounces(cfg)   ? small_slabs(cfg)
			 : dma->swiotlb_slabs ? dma->swiotlb_slabs
					      : BOUNCE / SLOT;

	*areas = dma->swiotlb_areas ? dma->swiotlb_areas : (unsigned int)power_of_two(parts(cfg));
	if (slabs < SEGMENT * *areas)
		slabs = SEGMENT * *areas;
	return power_of_two(slabs);
}

static uint64_t room(const struct boot_config *cfg)
{
	return out_of_reach(cfg) ? 0 : cfg->bounce_room;
}

/* As swiotlb_init_remap(): of what is asked half, and half of that, down to 1 MiB, until there is room; 0: there is none. say: as Linux
 * says so. */
static uint64_t granted_slabs(struct boot_config *say, const struct boot_config *cfg,
			      unsigned int *areas)
{
	uint64_t slabs = asked_slabs(cfg, areas);

	for (; slabs * SLOT > room(cfg); slabs /= 2) {
		if (say)
			boot_say(say,
				 "software IO TLB: swiotlb_memblock_alloc: Failed to allocate %llu "
				 "bytes tlb structure\n",
				 (ull)(slabs * SLOT));
		if (slabs <= MIB / SLOT)
			return 0;
	}
	if (*areas > slabs / SEGMENT)
		*areas = (unsigned int)(slabs / SEGMENT);
	return slabs;
}

/* As swiotlb_adjust_size(): what areas that were asked for make of it already. */
void say_bounces(struct boot_config *cfg)
{
	unsigned int areas;
	uint64_t bytes;

	if (small_bounces(cfg)) {
		bytes = cfg->dma.swiotlb_areas ? small_slabs(cfg) * SLOT : small_bytes(cfg);
		boot_say(cfg, "software IO TLB: SWIOTLB bounce buffer size adjusted to %lluMB\n",
			 (ull)(bytes / MIB));
	}
	if (bounces(cfg))
		(void)granted_slabs(cfg, cfg, &areas);
}

void boot_config_dma(const struct boot_config *cfg, struct boot_dma_plan *plan)
{
	struct boot_bank span;
	unsigned int areas;
	uint64_t slabs;

	*plan = (struct boot_dma_plan){0};
	if (boot_is_arm(cfg))
		plan->atomic_pool[cfg->dma_limit ? ZONE_DMA : ZONE_DMA32] =
			cfg->dma.coherent_pool ? cfg->dma.coherent_pool : ARM_POOL;
	for (unsigned int z = 0; z < ZONE_MOVABLE && !boot_is_arm(cfg); z++)
		/* Of an empty ZONE_DMA32 the one below serves. */
		if (z != ZONE_DMA || boot_config_zone(cfg, ZONE_DMA, &span))
			plan->atomic_pool[z] = atomic_bytes(cfg);
	slabs = bounces(cfg) ? granted_slabs(NULL, cfg, &areas) : 0;
	if (!slabs)
		return;
	plan->swiotlb_areas = areas;
	plan->swiotlb_slabs = slabs;
}

/* What one of the options takes must leave something: there is no machine without pages. */
static int check_size(struct boot_config *cfg, const char *option, uint64_t bytes,
		      struct boot_why *why)
{
	uint64_t ram = ram_bytes(cfg);

	if (bytes < ram)
		return 0;
	/* Linux takes what it gets. */
	return boot_go_on(cfg, why, FH_ENOMEM,
			  "%s: %llu KiB, expected less than the RAM there is, %llu KiB", option,
			  (ull)(bytes / KIB), (ull)(ram / KIB));
}

/* Only what was asked for: of defaults a small machine gets what it has. */
static int check_bounces(struct boot_config *cfg, struct boot_why *why)
{
	const struct boot_dma *dma = &cfg->dma;
	unsigned int areas;
	uint64_t bytes;

	if (dma->swiotlb_noforce ||
	    !(dma->swiotlb_slabs || dma->swiotlb_force || (dma->swiotlb_areas && bounces(cfg))))
		return 0;
	bytes = asked_slabs(cfg, &areas) * SLOT;
	if (bytes >= ram_bytes(cfg) || bytes <= cfg->bounce_room || out_of_reach(cfg))
		return check_size(cfg, "swiotlb=", bytes, why);
	return boot_go_on(
		cfg, why, FH_ENOMEM,
		"swiotlb=: %llu KiB: no room (largest free run that devices reach: %llu KiB)",
		(ull)(bytes / KIB), (ull)(cfg->bounce_room / KIB));
}

static int check_sizes(struct boot_config *cfg, struct boot_why *why)
{
	const struct boot_dma *dma = &cfg->dma;
	uint64_t page = boot_page_bytes(cfg) - 1;
	int err;

	if (dma->coherent_only_pool & page || (dma->coherent_pool & page && !cfg->as_linux))
		return boot_fail(
			why, FH_EINVAL,
			"dma: coherent_pool, coherent_only_pool: expected whole pages (%lluK)",
			(ull)((page + 1) / KIB));
	if (dma->swiotlb_slabs > UINT64_C(1) << 40 || dma->swiotlb_areas > 4096)
		return boot_fail(
			why, FH_EINVAL,
			"dma: swiotlb_slabs, swiotlb_areas: expected at most 2^40 and 4096");
	err = check_size(cfg, "coherent_pool=", dma->coherent_pool, why);
	if (!err)
		err = check_bounces(cfg, why);
	if (!err && dma->coherent_only && dma->coherent_only_pool >= ram_bytes(cfg))
		err = boot_fail(why, FH_ENOMEM,
				"coherent_only=: %llu KiB, expected less than the RAM "
				"there is, %llu KiB",
				(ull)(dma->coherent_only_pool / KIB), (ull)(ram_bytes(cfg) / KIB));
	return err;
}

/* As cma= takes the place of linux,cma-default. */
static void replace_default(struct boot_config *cfg)
{
	for (unsigned int i = 0; i < cfg->nr_regions; i++) {
		struct boot_region *r = &cfg->region[i];

		if (!(r->flags & BOOT_REGION_DMA_DEFAULT))
			continue;
		r->flags &= ~(unsigned int)BOOT_REGION_DMA_DEFAULT;
		boot_say(cfg,
			 "Reserved memory: region for default DMA coherent area is redefined\n");
	}
}

static int place_coherent(struct boot_config *cfg, struct early *early, struct boot_why *why)
{
	struct boot_region *r = &cfg->region[cfg->nr_regions];
	struct early_want want = {
		.size = cfg->dma.coherent_only_pool,
		.align = boot_page_bytes(cfg),
		.start = boot_page_bytes(cfg),
		.end = cfg->dma_limit,
		.order = EARLY_TOP_DOWN,
	};
	uint64_t base;

	if (cfg->nr_regions == BOOT_MAX_REGIONS)
		return boot_fail(why, FH_ENOSPC, "coherent_only=: more than %d reserved regions",
				 BOOT_MAX_REGIONS);
	if (early_find(early, &want, &base))
		return boot_fail(why, FH_ENOMEM,
				 "coherent_only=: %llu KiB below 0x%llx: no room (largest free run "
				 "there: %llu KiB)",
				 (ull)(want.size / KIB), (ull)want.end,
				 (ull)(early_largest(early, want.start, want.end) / KIB));
	if (early_add(&early->reserved, base, want.size))
		return boot_fail(why, FH_ENOSPC, "coherent_only=: too many separate ranges");
	replace_default(cfg);
	memset(r, 0, sizeof(*r));
	fh_strcopy(r->name, "coherent_only", sizeof(r->name));
	r->base = base;
	r->size = want.size;
	r->kind = BOOT_REGION_DMA_POOL;
	r->flags = BOOT_REGION_DMA_DEFAULT | BOOT_REGION_CMDLINE;
	cfg->nr_regions++;
	boot_say(cfg, "coherent_only: Reserved %llu KiB at 0x%016llx\n", (ull)(want.size / KIB),
		 (ull)base);
	return 0;
}

static bool has_pool(const struct boot_config *cfg)
{
	for (unsigned int i = 0; i < cfg->nr_regions; i++)
		if (cfg->region[i].kind == BOOT_REGION_DMA_POOL)
			return true;
	return false;
}

int place_dma(struct boot_config *cfg, struct early *early, struct boot_why *why)
{
	int err;

	cfg->bounce_room = early_largest(early, 0, zones_reach(cfg));
	err = check_sizes(cfg, why);
	if (err || !cfg->dma.coherent_only)
		return err;
	if (cfg->dma.coherent_only_pool)
		return place_coherent(cfg, early, why);
	if (!has_pool(cfg))
		return boot_fail(
			why, FH_EINVAL,
			"coherent_only: there is no pool that devices could have memory of; "
			"expected coherent_only=SIZE, or a shared-dma-pool without reusable in "
			"the tree");
	return 0;
}
