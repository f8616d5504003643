/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a reserved region is for: an area, a device's pool, a bounce pool, or kept from us. */
#include "boot/area.h"
#include "boot/place.h"
#include "boot/say.h"

#define PREFIX "OF: reserved mem: "
#define KIB    (UINT64_C(1) << 10)
#define MIB    (UINT64_C(1) << 20)

typedef unsigned long long ull;

enum verdict { TAKEN, NOT_MINE, REFUSED };

static bool is(const struct boot_region *r, unsigned int flag)
{
	return r->flags & flag;
}

bool place_replaced(const struct place *p, const struct boot_region *r)
{
	return p->has_cma && is(r, BOOT_REGION_SHARED) && is(r, BOOT_REGION_REUSABLE) &&
	       is(r, BOOT_REGION_CMA_DEFAULT) && !is(r, BOOT_REGION_NO_MAP);
}

/* Only the last of several defaults keeps the flag, as only the last counts in Linux; those that have no kind yet come later. */
static bool take_default(struct boot_config *cfg, const struct boot_region *r,
			 enum boot_region_kind kind, unsigned int flag)
{
	bool before = false;

	for (struct boot_region *p = cfg->region; p < cfg->region + cfg->nr_regions; p++) {
		if (p == r || p->kind != kind || !is(p, flag))
			continue;
		p->flags &= ~flag;
		before = true;
	}
	return before;
}

/* A slot among CONFIG_CMA_AREAS, and memory that is still reserved. */
static bool has_slot(struct place *p, const struct boot_region *r)
{
	if (area_slot(p->cfg) && early_overlaps(&p->early->reserved, r->base, r->size))
		return true;
	boot_say(p->cfg, "Reserved memory: unable to setup CMA region\n");
	return false;
}

/* kernel/dma/contiguous.c. */
static enum verdict take_as_area(struct place *p, struct boot_region *r)
{
	struct boot_config *cfg = p->cfg;

	if (!p->like->checks_first && p->has_cma && is(r, BOOT_REGION_CMA_DEFAULT)) {
		boot_say(cfg, "Reserved memory: bypass %s node, using cmdline CMA params instead\n",
			 r->name);
		return REFUSED;
	}
	if (!is(r, BOOT_REGION_REUSABLE) || is(r, BOOT_REGION_NO_MAP))
		return NOT_MINE;
	if ((r->base | r->size) & (boot_block_bytes(cfg) - 1)) {
		boot_say(cfg, "Reserved memory: incorrect alignment of CMA region\n");
		return REFUSED;
	}
	if (!has_slot(p, r))
		return REFUSED;
	r->kind = BOOT_REGION_CMA;
	r->flags &= ~(unsigned int)BOOT_REGION_DMA_DEFAULT;
	if (is(r, BOOT_REGION_CMA_DEFAULT))
		take_default(cfg, r, BOOT_REGION_CMA, BOOT_REGION_CMA_DEFAULT);
	boot_say(cfg, "Reserved memory: created CMA memory pool at 0x%0*llx, size %llu MiB\n",
		 boot_digits(cfg), (ull)r->base, (ull)(r->size / MIB));
	return TAKEN;
}

/* kernel/dma/coherent.c. */
static enum verdict take_as_pool(struct place *p, struct boot_region *r)
{
	bool in_kib = p->cfg->like >= LIKE_POOLS_IN_KIB;

	if (is(r, BOOT_REGION_REUSABLE))
		return NOT_MINE;
	/* Its memory would have a second, cached mapping, which 32-bit ARM must not have. */
	if (boot_is_arm(p->cfg) && !is(r, BOOT_REGION_NO_MAP)) {
		boot_say(p->cfg, "Reserved memory: regions without no-map are not yet supported\n");
		return REFUSED;
	}
	r->kind = BOOT_REGION_DMA_POOL;
	r->flags &= ~(unsigned int)BOOT_REGION_CMA_DEFAULT;
	if (is(r, BOOT_REGION_DMA_DEFAULT) &&
	    take_default(p->cfg, r, BOOT_REGION_DMA_POOL, BOOT_REGION_DMA_DEFAULT))
		boot_say(p->cfg,
			 "Reserved memory: region for default DMA coherent area is redefined\n");
	boot_say(p->cfg, "Reserved memory: created DMA memory pool at 0x%0*llx, size %llu %s\n",
		 boot_digits(p->cfg), (ull)r->base, (ull)(r->size / (in_kib ? KIB : MIB)),
		 in_kib ? "KiB" : "MiB");
	return TAKEN;
}

/* kernel/dma/swiotlb.c. */
static enum verdict take_as_bounce_pool(struct place *p, struct boot_region *r)
{
	if (r->flags & (BOOT_REGION_REUSABLE | BOOT_REGION_NO_MAP | BOOT_REGION_CMA_DEFAULT |
			BOOT_REGION_DMA_DEFAULT))
		return REFUSED;
	r->kind = BOOT_REGION_RESTRICTED_POOL;
	boot_say(p->cfg,
		 "software IO TLB: Reserved memory: created restricted DMA pool at 0x%0*llx, "
		 "size %llu MiB\n",
		 boot_digits(p->cfg), (ull)r->base, (ull)(r->size / MIB));
	return TAKEN;
}

typedef enum verdict take_fn(struct place *p, struct boot_region *r);

/* What the kernel was built without is not in its table: nobody refuses such a node. */
static bool built(const struct boot_config *cfg, take_fn *take)
{
	if (take == take_as_area)
		return cfg->kernel.dma_cma;
	return take != take_as_bounce_pool || cfg->kernel.restricted_pool;
}

/* In the order of the kernel's table; *id: under which name it was taken. */
static enum verdict find_kind(struct place *p, struct boot_region *r, const char **id)
{
	static const struct {
		unsigned int flag;
		const char *id;
		take_fn *take;
	} kinds[] = {
		{BOOT_REGION_SHARED, "shared-dma-pool", take_as_area},
		{BOOT_REGION_SHARED, "shared-dma-pool", take_as_pool},
		{BOOT_REGION_RESTRICTED, "restricted-dma-pool", take_as_bounce_pool},
	};
	enum verdict all = NOT_MINE;

	r->kind = is(r, BOOT_REGION_NO_MAP) ? BOOT_REGION_NOMAP : BOOT_REGION_RESERVED;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		enum verdict one;

		if (!is(r, kinds[i].flag) || !built(p->cfg, kinds[i].take))
			continue;
		one = kinds[i].take(p, r);
		*id = kinds[i].id;
		if (one == TAKEN || (one == REFUSED && p->like->stops_at_bad))
			return one;
		if (!p->like->stops_at_bad)
			all = REFUSED;
	}
	return all;
}

static int give_back(struct place *p, struct boot_region *r)
{
	struct early_set *set = is(r, BOOT_REGION_NO_MAP) ? &p->early->nomap : &p->early->reserved;

	boot_say(p->cfg, PREFIX "node %s compatible matching fail\n", r->name);
	r->fault |= PLACE_REFUSED;
	r->kind = BOOT_REGION_RESERVED;
	r->flags &= ~(unsigned int)(BOOT_REGION_CMA_DEFAULT | BOOT_REGION_DMA_DEFAULT);
	return place_full(early_remove(set, r->base, place_bytes(r)), r, p->why);
}

int place_name(struct place *p, struct boot_region *r)
{
	const char *id = NULL;
	enum verdict verdict = find_kind(p, r, &id);

	if (verdict == REFUSED)
		return give_back(p, r);
	if (verdict == TAKEN)
		boot_say(p->cfg, PREFIX "initialized node %s, compatible id %s\n", r->name, id);
	else
		r->flags &= ~(unsigned int)(BOOT_REGION_CMA_DEFAULT | BOOT_REGION_DMA_DEFAULT);
	if (p->like->says_regions)
		boot_say(p->cfg, PREFIX "0x%0*llx..0x%0*llx (%llu KiB) %s %s %s\n",
			 boot_digits(p->cfg), (ull)r->base, boot_digits(p->cfg),
			 (ull)(r->base + r->size - 1), (ull)(r->size / KIB),
			 is(r, BOOT_REGION_NO_MAP) ? "nomap" : "map",
			 is(r, BOOT_REGION_REUSABLE) ? "reusable" : "non-reusable", r->name);
	return 0;
}
