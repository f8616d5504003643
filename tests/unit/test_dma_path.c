/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Whom a device's request is shown to: one line for each case of (machine, device, gfp, size), with the path that
 * reference kernels take, as "who:error > who:0". Nothing here is computed: the lines were written from kernel/dma/mapping.c,
 * direct.c, contiguous.c and dma-iommu.c of 6.12, and from arch/arm64/mm/dma-mapping.c of 4.9 for the legacy order.
 */
#include <stdio.h>
#include <string.h>
#include <freehold/dma.h>
#include <freehold/iommu.h>
#include "dma/swiotlb.h"
#include "mm/machine.h"
#include "t.h"
#include "testplat.h"

#define MIB (UINT64_C(1) << 20)

enum {
	/* the machine */
	CACHES = 1 << 0, /* devices may see other bytes than CPUs */
	GLOBAL = 1 << 1, /* linux,dma-default */
	LEGACY = 1 << 2, /* dma_order=legacy */
	ONLY = 1 << 3,	 /* coherent_only */
	NOAREA = 1 << 4, /* no default area */
	FULL = 1 << 5,	 /* all of the default area is in use */
	DRY = 1 << 6,	 /* the pools are in use, too */
	/* the device */
	SNOOPS = 1 << 8,
	POOL = 1 << 9,	    /* a pool of its own */
	AREA = 1 << 10,	    /* an area of its own */
	RESTRICT = 1 << 11, /* a restricted pool */
	IOMMU = 1 << 12,
	TO_DMA = 1 << 13,   /* its mask ends with ZONE_DMA */
	TO_DMA32 = 1 << 14, /* with ZONE_DMA32 */
	TO_ODD = 1 << 15,   /* within ZONE_DMA32 */
	BEYOND = 1 << 16,   /* reaches no memory at all */
	TOGETHER = 1 << 17, /* DMA_ATTR_FORCE_CONTIGUOUS */
	CROWDED = 1 << 18,  /* its IOMMU has no address left */
};

/* Areas lie at the end of ZONE_NORMAL, out of the reach of masked devices. */
static const struct row {
	int line;
	unsigned int flags;
	gfp_t gfp;
	uint64_t pages;
	const char *path;
} rows[] = {
#define K GFP_KERNEL | __GFP_NOWARN
#define A GFP_ATOMIC | __GFP_NOWARN
	/* A machine where all see the same bytes: default area for more than a page, else the buddy. */
	{__LINE__, 0, K, 1, "buddy:0"},
	{__LINE__, 0, K, 2, "cma:0"},
	{__LINE__, 0, K, 1024, "cma:0"},
	{__LINE__, 0, A, 1, "buddy:0"},
	{__LINE__, 0, A, 2, "buddy:0"},
	{__LINE__, 0, A, 2048, "buddy:-12"},
	{__LINE__, 0, K | __GFP_DMA, 4, "cma:0"},
	{__LINE__, 0, A | __GFP_DMA, 4, "buddy, ZONE_DMA:0"},
	{__LINE__, 0, A | __GFP_DMA32, 4, "buddy, ZONE_DMA32:0"},
	{__LINE__, NOAREA, K, 2, "buddy:0"},
	{__LINE__, NOAREA, K, 1024, "buddy:0"},
	{__LINE__, NOAREA, K, 1025, "buddy:-12"},
	{__LINE__, FULL, K, 2, "cma:-12 > buddy:0"},
	{__LINE__, FULL, K, 1025, "cma:-12 > buddy:-12"},
	/* A device's own area serves single pages, too. */
	{__LINE__, AREA, K, 1, "cma:0"},
	{__LINE__, AREA, A, 1, "buddy:0"},
	{__LINE__, AREA | FULL, K, 8, "cma:0"},
	/* Masks: the zone all of which it reaches, at once. */
	{__LINE__, TO_DMA, K, 1, "buddy, ZONE_DMA:0"},
	{__LINE__, TO_DMA, K, 4, "cma:-12 > buddy, ZONE_DMA:0"},
	{__LINE__, TO_DMA32, K, 1, "buddy, ZONE_DMA32:0"},
	{__LINE__, TO_DMA32, K, 4, "cma:-12 > buddy, ZONE_DMA32:0"},
	{__LINE__, TO_DMA32 | NOAREA, A, 4, "buddy, ZONE_DMA32:0"},
	/* A mask within a zone: what the zone gives may lie above it, then the zone below is asked. */
	{__LINE__, TO_ODD | NOAREA, K, 1, "buddy, ZONE_DMA32:0"},
	{__LINE__, TO_ODD | NOAREA, K, 512, "buddy, ZONE_DMA32:-12 > buddy, ZONE_DMA:0"},
	{__LINE__, BEYOND | NOAREA, K, 1, "buddy, ZONE_DMA:-12"},
	{__LINE__, BEYOND, K, 2, "cma:-12 > buddy, ZONE_DMA:-12"},
	/* The device's pool is final, whatever the flags, for devices that snoop as for others. */
	{__LINE__, POOL, K, 1, "device pool:0"},
	{__LINE__, POOL, A, 1, "device pool:0"},
	{__LINE__, POOL | CACHES, A, 16, "device pool:0"},
	{__LINE__, POOL | SNOOPS | CACHES, K, 16, "device pool:0"},
	{__LINE__, POOL | DRY, K, 1, "device pool:-12"},
	{__LINE__, POOL | CACHES | GLOBAL | DRY, A, 1, "device pool:-12"},
	{__LINE__, POOL | AREA, K, 1, "device pool:0"},
	{__LINE__, POOL | LEGACY, K, 1, "device pool:0"},
	{__LINE__, POOL | ONLY, K, 1, "device pool:0"},
	/* The global pool: all there is for devices that do not snoop, nothing to the others. */
	{__LINE__, GLOBAL, K, 1, "buddy:0"},
	{__LINE__, GLOBAL | CACHES, K, 1, "global pool:0"},
	{__LINE__, GLOBAL | CACHES, K, 600, "global pool:-12"},
	{__LINE__, GLOBAL | CACHES, A, 1, "global pool:0"},
	{__LINE__, GLOBAL | CACHES | DRY, K, 1, "global pool:-12"},
	{__LINE__, GLOBAL | CACHES | SNOOPS, K, 2, "cma:0"},
	{__LINE__, GLOBAL | CACHES | SNOOPS, A, 2, "buddy:0"},
	{__LINE__, GLOBAL | CACHES | AREA, K, 2, "global pool:0"},
	/* Without snooping and without sleeping: the atomic pool or nothing. */
	{__LINE__, CACHES, A, 1, "atomic pool:0"},
	{__LINE__, CACHES, A, 32, "atomic pool:0"},
	{__LINE__, CACHES, A, 64, "atomic pool:-12"},
	{__LINE__, CACHES, A | __GFP_DMA, 1, "atomic pool:0"},
	{__LINE__, CACHES | DRY, A, 1, "atomic pool:-12"},
	{__LINE__, CACHES | AREA, A, 1, "atomic pool:0"},
	{__LINE__, CACHES | TO_DMA, A, 1, "atomic pool:0"},
	{__LINE__, CACHES | BEYOND, A, 1, "atomic pool:-12"},
	{__LINE__, CACHES | SNOOPS, A, 1, "buddy:0"},
	{__LINE__, CACHES, K, 1, "buddy:0"},
	{__LINE__, CACHES, K, 2, "cma:0"},
	{__LINE__, CACHES | FULL, K, 2, "cma:-12 > buddy:0"},
	/* coherent_only: pools, whatever the flags. */
	{__LINE__, ONLY, K, 2, "global pool:-12"},
	{__LINE__, ONLY | GLOBAL, K, 2, "global pool:0"},
	{__LINE__, ONLY | GLOBAL, A, 2, "global pool:0"},
	{__LINE__, ONLY | GLOBAL | SNOOPS | CACHES, K, 2, "global pool:0"},
	{__LINE__, ONLY | GLOBAL | AREA, K, 2, "global pool:0"},
	{__LINE__, ONLY | GLOBAL | DRY, K, 2, "global pool:-12"},
	{__LINE__, ONLY | GLOBAL | LEGACY, K, 2, "global pool:0"},
	/* Kernels before 4.10: an area is final; else the zone of the mask, else bounce buffers. */
	{__LINE__, LEGACY, K, 2, "cma:0"},
	{__LINE__, LEGACY | FULL, K, 2, "cma:-12"},
	{__LINE__, LEGACY, K, 1, "buddy:0"},
	{__LINE__, LEGACY | NOAREA, K, 2, "buddy:0"},
	{__LINE__, LEGACY | NOAREA, K, 1025, "buddy:-12 > swiotlb:-12"},
	{__LINE__, LEGACY | TO_DMA, K, 1, "buddy, ZONE_DMA:0"},
	{__LINE__, LEGACY | CACHES, A, 1, "atomic pool:0"},
	{__LINE__, LEGACY | CACHES | DRY, A, 1, "atomic pool:-12"},
	{__LINE__, LEGACY | CACHES | SNOOPS, A, 1, "buddy:0"},
	/* A restricted pool is all there is, but for pools of coherent memory; its segments are 256 KiB. */
	{__LINE__, RESTRICT, K, 1, "restricted pool:0"},
	{__LINE__, RESTRICT, A, 1, "restricted pool:0"},
	{__LINE__, RESTRICT, K, 64, "restricted pool:0"},
	{__LINE__, RESTRICT, K, 65, "restricted pool:-12"},
	{__LINE__, RESTRICT | CACHES, A, 1, "restricted pool:0"},
	{__LINE__, RESTRICT | CACHES, K, 4, "restricted pool:0"},
	{__LINE__, RESTRICT | AREA, K, 4, "restricted pool:0"},
	{__LINE__, RESTRICT | DRY, K, 1, "restricted pool:-12"},
	{__LINE__, RESTRICT | TO_DMA, K, 1, "restricted pool:-12"},
	{__LINE__, RESTRICT | POOL, K, 1, "device pool:0"},
	{__LINE__, RESTRICT | GLOBAL | CACHES, K, 1, "global pool:0"},
	{__LINE__, RESTRICT | ONLY | GLOBAL, K, 1, "global pool:0"},
	{__LINE__, RESTRICT | IOMMU, K, 1, "buddy:0"},
	/* Behind an IOMMU: frames from anywhere, of any mask, as long as the caller may sleep. */
	{__LINE__, IOMMU, K, 1, "buddy:0"},
	{__LINE__, IOMMU, K, 1024, "buddy:0"},
	{__LINE__, IOMMU, K, 2048, "buddy:0"},
	{__LINE__, IOMMU | AREA, K, 2, "buddy:0"},
	{__LINE__, IOMMU | CACHES, K, 2, "buddy:0"},
	{__LINE__, IOMMU | CACHES | GLOBAL, K, 2, "buddy:0"},
	{__LINE__, IOMMU | BEYOND, K, 2, "buddy:0"},
	{__LINE__, IOMMU | TOGETHER, K, 2, "cma:0"},
	{__LINE__, IOMMU | TOGETHER, K, 1, "buddy:0"},
	{__LINE__, IOMMU | TOGETHER | FULL, K, 1025, "cma:-12 > buddy:-12"},
	{__LINE__, IOMMU, A, 2, "buddy:0"},
	{__LINE__, IOMMU, A, 2048, "buddy:-12"},
	{__LINE__, IOMMU | CACHES, A, 2, "atomic pool:0"},
	{__LINE__, IOMMU | CACHES | DRY, A, 2, "atomic pool:-12"},
	{__LINE__, IOMMU | CACHES | SNOOPS, A, 2, "buddy:0"},
	{__LINE__, IOMMU | POOL, K, 2, "device pool:0"},
	{__LINE__, IOMMU | ONLY | GLOBAL, K, 2, "global pool:0"},
	{__LINE__, IOMMU | LEGACY, K, 2, "buddy:0"},
	{__LINE__, IOMMU | CROWDED, K, 4, "iommu:-12"},
	{__LINE__, IOMMU | CROWDED | CACHES, A, 4, "iommu:-12"},
#undef K
#undef A
};

static struct testplat tp;
static struct fh_machine *m;
static struct device dev;

static void add_region(struct boot_config *cfg, const char *name, uint64_t at, uint64_t size,
		       enum boot_region_kind kind, unsigned int flags)
{
	struct boot_region *r = &cfg->region[cfg->nr_regions++];

	*r = (struct boot_region){.base = TP_BASE + at, .size = size, .kind = kind, .flags = flags};
	snprintf(r->name, sizeof(r->name), "%s", name);
}

/* 256 MiB: 64 of DMA, 64 of DMA32, Normal with the areas "area" (16, default) and "own" (8). */
static bool start(unsigned int flags)
{
	struct boot_config *cfg =
		testplat_config(256, 16, CMA_POLICY_GUARANTEED, 1, TP_THREE_ZONES);

	add_region(cfg, "own", 160 * MIB, 8 * MIB, BOOT_REGION_CMA, 0);
	if (flags & POOL)
		add_region(cfg, "codec-pool", 130 * MIB, MIB, BOOT_REGION_DMA_POOL, 0);
	if (flags & GLOBAL)
		add_region(cfg, "global-pool", 132 * MIB, MIB, BOOT_REGION_DMA_POOL,
			   BOOT_REGION_DMA_DEFAULT);
	if (flags & RESTRICT)
		add_region(cfg, "restricted", 134 * MIB, 4 * MIB, BOOT_REGION_RESTRICTED_POOL, 0);
	for (unsigned int i = 0; i < cfg->nr_regions; i++)
		if (flags & NOAREA)
			cfg->region[i].flags &= ~(unsigned int)BOOT_REGION_CMA_DEFAULT;
	cfg->dma.legacy_order = flags & LEGACY;
	cfg->dma.coherent_only = flags & ONLY;
	testplat_init(&tp);
	testplat_cpu(0);
	if (flags & CACHES)
		testplat_caches(&tp, 64);
	m = testplat_machine_of(&tp, cfg);
	return m;
}

static void make_device(unsigned int flags)
{
	dev = (struct device){
		.machine = m,
		.name = "codec",
		.dma_coherent = flags & SNOOPS,
		.dma_mem = flags & POOL ? m->dma->pools : NULL,
		.dma_io_tlb_mem = flags & RESTRICT ? m->dma->restricted : NULL,
		.cma_area = flags & AREA ? cma_find(m, "own") : NULL,
	};
	if (flags & IOMMU)
		T_EQ(iommu_domain_create(
			     m,
			     &(struct iommu_options){.aperture_start = 0x10000,
						     .aperture_end =
							     flags & CROWDED ? 0x11fff : 0xffffffff,
						     .strict = true},
			     &dev.iommu),
		     0);
	if (flags & TO_DMA)
		dev.coherent_dma_mask = m->cfg.dma_limit - 1;
	if (flags & TO_DMA32)
		dev.coherent_dma_mask = m->cfg.dma32_limit - 1;
	if (flags & TO_ODD)
		dev.coherent_dma_mask = m->cfg.dma_limit + MIB - 1;
	if (flags & BEYOND)
		dev.coherent_dma_mask = 0xffffff;
}

#define MAX_HELD 4096

struct held {
	dma_t handle;
	void *cpu;
	uint64_t size;
};

static struct held held[MAX_HELD];
static unsigned int nr_held;

/* A device of the same kind takes all the pool has. */
static void drain(gfp_t gfp)
{
	for (uint64_t size = 64 * 4096; size >= 4096;) {
		struct held *h = &held[nr_held];

		if (dma_alloc_coherent(&dev, size, gfp | __GFP_NOWARN, &h->handle, &h->cpu)) {
			size /= 2;
			continue;
		}
		h->size = size;
		nr_held++;
	}
}

static struct range filled[64];
static unsigned int nr_filled;

/* All that is left of the default area, of which the atomic pools may have some. */
static void fill_area(void)
{
	for (uint64_t n = 16 * MIB / 4096; n;) {
		struct range *r = &filled[nr_filled];

		if (cma_alloc(cma_find(m, "area"), n, 0, CMA_NO_WARN, &r->start)) {
			n /= 2;
			continue;
		}
		r->end = r->start + n;
		nr_filled++;
	}
}

static void describe(const struct dma_refusal *way, char *out, size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	for (unsigned int i = 0; i < way->nr_steps; i++)
		n += (size_t)snprintf(out + n, size - n, "%s%s:%d", i ? " > " : "",
				      dma_source_name(way->step[i].source), way->step[i].error);
}

static void one(const struct row *r)
{
	struct dma_refusal way, kept;
	char found[256], what[64];
	dma_t handle;
	void *cpu;
	unsigned int attrs;
	int err;

	T_NEED(start(r->flags));
	make_device(r->flags);
	nr_held = nr_filled = 0;
	if (r->flags & FULL)
		fill_area();
	if (r->flags & DRY)
		drain(r->flags & (POOL | GLOBAL) ? GFP_KERNEL : GFP_ATOMIC);
	attrs = r->flags & TOGETHER ? DMA_ATTR_FORCE_CONTIGUOUS : 0;
	err = dma_alloc_explained(&dev, r->pages * 4096, r->gfp, attrs, &handle, &cpu, &way);
	describe(&way, found, sizeof(found));
	snprintf(what, sizeof(what), "line %d", r->line);
	if (!T_STR(found, r->path))
		printf("# %s\n", what);
	T_EQ(err, way.step[way.nr_steps - 1].error ? -FH_ENOMEM : 0);
	for (unsigned int i = 0; i < way.nr_steps; i++)
		T_OK(way.step[i].why[0], "says why");
	T_EQ(dma_refusals(m, &kept, 1) > 0, err != 0 || (r->flags & DRY) != 0);
	if (err)
		T_OK(!memcmp(kept.step, way.step, way.nr_steps * sizeof(way.step[0])),
		     "the chain is kept");
	TP_CHECK(m);
	if (!err)
		T_EQ(dma_free_coherent(&dev, r->pages * 4096, cpu, handle), 0);
	while (nr_held--)
		T_EQ(dma_free_coherent(&dev, held[nr_held].size, held[nr_held].cpu,
				       held[nr_held].handle),
		     0);
	while (nr_filled--)
		T_OK(cma_release(cma_find(m, "area"), filled[nr_filled].start,
				 filled[nr_filled].end - filled[nr_filled].start),
		     "back");
	TP_CHECK(m);
	if (dev.iommu)
		iommu_domain_destroy(dev.iommu);
	fh_machine_destroy(m);
	testplat_fini(&tp);
}

static void every_case(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		one(&rows[i]);
}

/* What would have to be different: room, reach, or the size of the request. */
static void causes(void)
{
	static const struct {
		unsigned int flags;
		uint64_t pages;
		enum dma_cause cause[2];
		unsigned int steps;
	} asked[] = {
		{RESTRICT, 65, {DMA_CAUSE_SIZE}, 1},
		{RESTRICT | TO_DMA, 1, {DMA_CAUSE_REACH}, 1},
		{BEYOND, 2, {DMA_CAUSE_REACH, DMA_CAUSE_REACH}, 2},
		{TO_DMA, 1025, {DMA_CAUSE_REACH, DMA_CAUSE_SIZE}, 2},
		{0, 8192, {DMA_CAUSE_FULL, DMA_CAUSE_SIZE}, 2},
		{ONLY, 1, {DMA_CAUSE_FULL}, 1},
	};
	struct dma_refusal way;
	dma_t handle;
	void *cpu;

	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		T_NEED(start(asked[i].flags));
		make_device(asked[i].flags);
		T_EQ(dma_alloc_explained(&dev, asked[i].pages * 4096, GFP_KERNEL | __GFP_NOWARN, 0,
					 &handle, &cpu, &way),
		     -FH_ENOMEM);
		T_EQ(way.nr_steps, asked[i].steps);
		for (unsigned int k = 0; k < asked[i].steps; k++)
			T_EQ(way.step[k].cause, asked[i].cause[k]);
		fh_machine_destroy(m);
		testplat_fini(&tp);
	}
	/* An atomic pool that has pages out of reach. */
	T_NEED(start(CACHES));
	make_device(BEYOND);
	T_EQ(dma_alloc_explained(&dev, 4096, GFP_ATOMIC | __GFP_NOWARN, 0, &handle, &cpu, &way),
	     -FH_ENOMEM);
	T_EQ(way.step[0].cause, DMA_CAUSE_REACH);
	fh_machine_destroy(m);
	testplat_fini(&tp);
}

const struct t_case t_cases[] = {T(every_case), T(causes), T_END};
