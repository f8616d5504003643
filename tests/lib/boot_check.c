/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What <freehold/boot.h> promises of a finished boot_config, asked of one. */
#include <string.h>
#include "boot_check.h"

#define BLOCK (FH_PAGE_SIZE << FH_BLOCK_ORDER)

static bool within(const struct boot_region *r, uint64_t base, uint64_t size)
{
	return r->base >= base && r->base + r->size <= base + size;
}

static bool in_ram(const struct boot_config *cfg, const struct boot_region *r)
{
	for (unsigned int i = 0; i < cfg->nr_banks; i++)
		if (within(r, cfg->bank[i].base, cfg->bank[i].size))
			return true;
	return false;
}

static bool in_one_zone(const struct boot_config *cfg, const struct boot_region *r)
{
	struct boot_bank span;

	for (unsigned int z = 0; z < MAX_NR_ZONES; z++)
		if (boot_config_zone(cfg, (enum zone_type)z, &span) &&
		    within(r, span.base, span.size))
			return true;
	return false;
}

static bool pool(const struct boot_region *r)
{
	return r->kind == BOOT_REGION_DMA_POOL || r->kind == BOOT_REGION_RESTRICTED_POOL;
}

static const char *check_banks(const struct boot_config *cfg)
{
	const struct boot_bank *b = cfg->bank;

	if (!cfg->nr_banks || cfg->nr_banks > BOOT_MAX_BANKS)
		return "number of banks";
	for (unsigned int i = 0; i < cfg->nr_banks; i++) {
		if (!b[i].size || ((b[i].base | b[i].size) & (FH_PAGE_SIZE - 1)))
			return "banks are whole pages";
		if (b[i].base + b[i].size > UINT64_C(1) << BOOT_PHYS_BITS)
			return "banks have addresses";
		if (i && b[i - 1].base + b[i - 1].size >= b[i].base)
			return "banks ascend and are disjoint";
	}
	return NULL;
}

static const char *check_region(const struct boot_config *cfg, unsigned int i)
{
	const struct boot_region *r = &cfg->region[i];

	if (!r->size || r->base + r->size < r->base || !memchr(r->name, 0, sizeof(r->name)))
		return "a region has a name and a size";
	if (r->kind == BOOT_REGION_CMA &&
	    (((r->base | r->size) & (BLOCK - 1)) || !in_ram(cfg, r) || !in_one_zone(cfg, r)))
		return "an area is blocks of RAM of one zone";
	if (r->kind == BOOT_REGION_RESTRICTED_POOL && !in_ram(cfg, r))
		return "a restricted pool is RAM";
	if ((r->flags & BOOT_REGION_DYNAMIC) && !in_ram(cfg, r))
		return "a dynamic region is RAM";
	for (unsigned int k = 0; k < i; k++) {
		const struct boot_region *o = &cfg->region[k];

		if (r->flags & o->flags & (BOOT_REGION_CMA_DEFAULT | BOOT_REGION_DMA_DEFAULT))
			return "there is one default";
		if (r->base >= o->base + o->size || o->base >= r->base + r->size)
			continue;
		if (r->kind == BOOT_REGION_CMA || o->kind == BOOT_REGION_CMA ||
		    (pool(r) && pool(o)))
			return "memory has one owner";
	}
	return NULL;
}

static bool power_of_two(uint64_t v)
{
	return v && !(v & (v - 1));
}

static const char *check_dma(const struct boot_config *cfg)
{
	const struct boot_region *pool = NULL;
	struct boot_dma_plan plan;

	boot_config_dma(cfg, &plan);
	if (plan.swiotlb_slabs &&
	    (!power_of_two(plan.swiotlb_slabs) || !power_of_two(plan.swiotlb_areas) ||
	     plan.swiotlb_slabs / 128 < plan.swiotlb_areas))
		return "bounce buffers are whole segments of areas";
	if (!plan.atomic_pool[ZONE_NORMAL] || plan.atomic_pool[ZONE_NORMAL] & (FH_PAGE_SIZE - 1))
		return "atomic pools are whole pages";
	if (!cfg->dma.coherent_only)
		return NULL;
	for (unsigned int i = 0; i < cfg->nr_regions; i++)
		if (cfg->region[i].kind == BOOT_REGION_DMA_POOL &&
		    (!cfg->dma.coherent_only_pool ||
		     (cfg->region[i].flags & BOOT_REGION_DMA_DEFAULT)))
			pool = &cfg->region[i];
	if (!pool)
		return "coherent_only has a pool";
	if (cfg->dma.coherent_only_pool &&
	    (pool->size != cfg->dma.coherent_only_pool || !in_ram(cfg, pool) ||
	     pool->base + pool->size > cfg->dma_limit))
		return "the pool of coherent_only= is RAM that all devices reach";
	return NULL;
}

const char *boot_check(const struct boot_config *cfg)
{
	const char *broken = check_banks(cfg);

	if (cfg->nr_regions > BOOT_MAX_REGIONS)
		return "number of regions";
	for (unsigned int i = 0; i < cfg->nr_regions && !broken; i++)
		broken = check_region(cfg, i);
	if (broken)
		return broken;
	if ((cfg->dma_limit | cfg->dma32_limit) & (BLOCK - 1))
		return "zone limits are block aligned";
	if (cfg->dma32_limit < cfg->dma_limit)
		return "zone limits ascend";
	if (cfg->dmesg_len >= BOOT_DMESG_MAX || strlen(cfg->dmesg) != cfg->dmesg_len ||
	    cfg->dmesg[cfg->dmesg_len - 1] != '\n')
		return "dmesg is lines";
	return check_dma(cfg);
}
