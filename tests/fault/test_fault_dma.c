/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The DMA API while platform calls fail (alloc, ram, vmap, map): the first of a scenario, the second, and so on until a run passes without a
 * failure; once, and from there on all of them. Each call gives -FH_ENOMEM (a bounced mapping -FH_ENOSPC), or is served by
 * somebody else; nothing is lost; and with failures off the whole scenario works on the same machine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <freehold/dma.h>
#include <freehold/dma_debug.h>
#include <freehold/dmapool.h>
#include <freehold/iommu.h>
#include <freehold/object.h>
#include <freehold/page.h>
#include "dma/coherent.h"
#include "dma/dma.h"
#include "dma/pool.h"
#include "dma/swiotlb.h"
#include "t.h"
#include "testplat.h"

#define MIB	(UINT64_C(1) << 20)
#define PAGE	FH_PAGE_SIZE
#define MAX_NTH 1500
#define FRAMES	32 /* for mappings */

static struct testplat tp;
static struct fh_machine *m;
static pfn_t pfn;    /* FRAMES that are mapped */
static bool healthy; /* nothing fails now: every call has to work */
static unsigned int refused;

/* Whether the call worked; if not, for want of memory, and because something did fail. */
static bool fair_as(int err, int how, const char *what)
{
	if (!err)
		return true;
	T_OK(err == -FH_ENOMEM || err == how, what);
	T_OK(!healthy && atomic_load(&tp.failed) > 0, what);
	refused++;
	return false;
}

static bool fair(int err, const char *what)
{
	return fair_as(err, -FH_ENOMEM, what);
}

static struct device device(const char *name)
{
	return (struct device){.machine = m, .name = name};
}

/* ---- scenarios: each gives back what it has ---- */

/* Three at once, so that one that fails has neighbours. */
static void coherent(struct device *dev, uint64_t size, gfp_t gfp, unsigned int attrs)
{
	dma_t handle[3];
	void *cpu[3];
	bool got[3];

	for (unsigned int i = 0; i < 3; i++) {
		got[i] = fair(
			dma_alloc_attrs(dev, size, gfp | __GFP_NOWARN, attrs, &handle[i], &cpu[i]),
			dev_name(dev));
		if (got[i] && !attrs) {
			T_EQ(*(unsigned char *)cpu[i] | ((unsigned char *)cpu[i])[size - 1], 0);
			memset(cpu[i], 0xa5, size);
		}
	}
	for (unsigned int i = 0; i < 3; i++)
		if (got[i])
			T_EQ(dma_free_attrs(dev, size, cpu[i], handle[i], attrs), 0);
}

/* For another device, and for a program. */
static void export(struct device *dev)
{
	struct tp_space *host = testplat_space(&tp);
	struct fh_space *space = NULL;
	struct sg_table table;
	dma_t handle;
	void *cpu;

	if (fair(fh_space_create(m, host, &space), "space") &&
	    fair(dma_alloc_coherent(dev, 6 * PAGE, GFP_KERNEL, &handle, &cpu), "buffer")) {
		if (fair(dma_get_sgtable(dev, &table, cpu, handle, 6 * PAGE), "table"))
			dma_free_sgtable(dev, &table);
		if (fair(dma_mmap_coherent(dev, space, 3, (struct range){1, 5}, cpu, handle,
					   6 * PAGE),
			 "mmap"))
			T_EQ(fh_space_unmap(space, 3), 0);
		T_EQ(dma_free_coherent(dev, 6 * PAGE, cpu, handle), 0);
	}
	if (space)
		fh_space_destroy(space);
	free(host);
}

/* Nothing of it can fail; what is made of it can. */
static void region_pool(void)
{
	struct device dev = device("rproc");

	dev.dma_mem = dma_pool_of_region(m, "own");
	coherent(&dev, 3 * PAGE, GFP_KERNEL, 0);
	export(&dev);
}

/* Over the edge of the pool, which grows, or not. */
static void atomic_pool(void)
{
	struct device dev = device("usb");
	dma_t handle[80];
	void *cpu[80];
	unsigned int n = 0;

	for (unsigned int i = 0; i < 80; i++) {
		int err = dma_alloc_coherent(&dev, 2 * PAGE, GFP_ATOMIC | __GFP_NOWARN, &handle[n],
					     &cpu[n]);

		/* Exhaustion is right here, until the background grows it. */
		T_OK(!err || err == -FH_ENOMEM, "atomic");
		if (!err)
			n++;
		if (err)
			(void)dma_background(m);
	}
	T_OK(!healthy || n > 3 * 16, "it grew"); /* all that there is at birth */
	while (n--)
		T_EQ(dma_free_coherent(&dev, 2 * PAGE, cpu[n], handle[n]), 0);
}

static void area_and_buddy(void)
{
	struct device dev = device("isp");

	coherent(&dev, PAGE, GFP_KERNEL, 0);
	coherent(&dev, 20 * PAGE, GFP_KERNEL, 0);
	coherent(&dev, 20 * PAGE, GFP_KERNEL, DMA_ATTR_NO_KERNEL_MAPPING);
	dev.dma_coherent = true;
	coherent(&dev, 20 * PAGE, GFP_KERNEL, 0);
}

/* A list whose third entry finds no slots: those of the first two are free again. */
static void list_too_long(struct device *dev)
{
	struct swiotlb_stats before, after;
	struct scatterlist sg[4] = {0};
	dma_t handle[40];
	int n = 0;

	for (unsigned int i = 0; i < 4; i++)
		sg[i] = (struct scatterlist){.phys = {(pfn + 8 * i) * PAGE},
					     .length = PAGE * (1 + i)};
	while (n < 40 && !dma_map_phys(dev, (phys_t){pfn * PAGE}, 4 * PAGE, DMA_TO_DEVICE,
				       DMA_ATTR_NO_WARN, &handle[n]))
		n++;
	T_OK(n > 4 && n < 40, "it is full"); /* then there is room for four pages */
	dma_unmap_phys(dev, handle[--n], 4 * PAGE, DMA_TO_DEVICE, 0);
	swiotlb_stats(dev->dma_io_tlb_mem, &before);
	T_EQ(dma_map_sg(dev, sg, 4, DMA_TO_DEVICE, DMA_ATTR_NO_WARN), -FH_ENOSPC);
	swiotlb_stats(dev->dma_io_tlb_mem, &after);
	T_EQ(after.used, before.used);
	while (n--)
		dma_unmap_phys(dev, handle[n], 4 * PAGE, DMA_TO_DEVICE, 0);
}

static void restricted(void)
{
	struct device dev = device("wifi");
	dma_t handle;

	dev.dma_io_tlb_mem = swiotlb_restricted(m, "bounce");
	coherent(&dev, 2 * PAGE, GFP_KERNEL, 0);
	if (fair_as(dma_map_page(&dev, pfn, 10, 5000, DMA_BIDIRECTIONAL, &handle), -FH_ENOSPC,
		    "restricted map"))
		dma_unmap_page(&dev, handle, 5000, DMA_BIDIRECTIONAL);
	if (healthy) /* many mappings at once of the same bytes, that only the device reads */
		list_too_long(&dev);
}

/* Scattered frames, then one run; then buffers that were mapped from the first. */
static void behind(struct device *dev)
{
	dma_t handle;
	pfn_t first;
	void *cpu;

	coherent(dev, 9 * PAGE, GFP_KERNEL, 0);
	coherent(dev, 9 * PAGE, GFP_KERNEL, DMA_ATTR_ALLOC_SINGLE_PAGES);
	coherent(dev, 9 * PAGE, GFP_KERNEL, DMA_ATTR_FORCE_CONTIGUOUS);
	coherent(dev, PAGE, GFP_ATOMIC, 0);
	if (fair(dma_alloc_pages(dev, 5 * PAGE, GFP_KERNEL, DMA_TO_DEVICE, &handle, &first),
		 "pages"))
		T_EQ(dma_free_pages(dev, 5 * PAGE, first, handle, DMA_TO_DEVICE), 0);
	if (fair(dma_alloc_noncoherent(dev, 5 * PAGE, GFP_KERNEL, DMA_TO_DEVICE, &handle, &cpu),
		 "noncoherent"))
		T_EQ(dma_free_noncoherent(dev, 5 * PAGE, cpu, handle, DMA_TO_DEVICE), 0);
}

static void noncontiguous(struct device *dev, unsigned int attrs)
{
	uint64_t size = 11 * PAGE;
	struct sg_table *sgt;
	void *cpu;

	if (!fair(dma_alloc_noncontiguous(dev, size, GFP_KERNEL, DMA_BIDIRECTIONAL, attrs, &sgt),
		  "noncontiguous"))
		return;
	if (fair(dma_vmap_noncontiguous(dev, size, sgt, &cpu), "vmap")) {
		memset(cpu, 0x5a, size);
		dma_vunmap_noncontiguous(dev, size, sgt, cpu);
	}
	T_EQ(dma_free_noncontiguous(dev, size, sgt, DMA_BIDIRECTIONAL), 0);
}

static void streaming(struct device *dev)
{
	struct scatterlist sg[4] = {0};
	struct sg_table table = {sg, 0, 4};
	dma_t handle;

	for (unsigned int i = 0; i < 4; i++)
		sg[i] = (struct scatterlist){.phys = {(pfn + 8 * i) * PAGE},
					     .length = PAGE * (1 + i)};
	if (fair_as(dma_map_page(dev, pfn, 100, 3 * PAGE, DMA_BIDIRECTIONAL, &handle), -FH_ENOSPC,
		    "map"))
		dma_unmap_page(dev, handle, 3 * PAGE, DMA_BIDIRECTIONAL);
	if (fair_as(dma_map_sgtable(dev, &table, DMA_FROM_DEVICE, 0), -FH_ENOSPC, "list"))
		dma_unmap_sgtable(dev, &table, DMA_FROM_DEVICE, 0);
}

static void iommu(bool strict, bool snoops)
{
	const struct iommu_options o = {
		.strict = strict, .aperture_start = MIB, .aperture_end = 4 * MIB - 1};
	struct device dev = device("gpu");

	dev.dma_coherent = snoops;
	if (!fair(iommu_domain_create(m, &o, &dev.iommu), "domain"))
		return;
	behind(&dev);
	noncontiguous(&dev, 0);
	noncontiguous(&dev, DMA_ATTR_ALLOC_SINGLE_PAGES);
	streaming(&dev);
	iommu_domain_destroy(dev.iommu);
}

static void iommu_strict(void)
{
	iommu(true, false);
}

static void iommu_deferred(void)
{
	iommu(false, true);
}

static void direct(void)
{
	struct device dev = device("eth");

	behind(&dev);
	noncontiguous(&dev, 0);
	streaming(&dev);
}

/* A device that reaches all but what is mapped: each mapping is bounced, pools are made for more. */
static void bounced(void)
{
	struct device dev = device("sd");
	dma_t handle[12];
	bool got[12];

	dev.nr_ranges = 2;
	dev.range[0] = (struct bus_dma_region){{TP_BASE}, {TP_BASE}, pfn * PAGE - TP_BASE};
	dev.range[1] =
		(struct bus_dma_region){{(pfn + FRAMES) * PAGE}, {(pfn + FRAMES) * PAGE}, 16 * MIB};
	streaming(&dev);
	for (unsigned int i = 0; i < 12; i++) {
		/* Full is right where it could not grow. */
		int err = dma_map_phys(&dev, (phys_t){pfn * PAGE}, FRAMES * PAGE, DMA_TO_DEVICE,
				       DMA_ATTR_NO_WARN, &handle[i]);

		if (err)
			T_EQ(err, -FH_ENOSPC);
		got[i] = !err;
		if (i % 4 == 3)
			(void)dma_background(m);
	}
	for (unsigned int i = 0; i < 12; i++)
		if (got[i])
			dma_unmap_phys(&dev, handle[i], FRAMES * PAGE, DMA_TO_DEVICE, 0);
}

static void small_objects(void)
{
	struct device dev = device("hid");
	struct dma_pool *pool;
	dma_t handle[150];
	void *cpu[150];
	unsigned int n = 0;

	if (!fair(dma_pool_create("td", &dev, 64, 64, 0, &pool), "dma_pool"))
		return;
	for (unsigned int i = 0; i < 150; i++)
		n += fair(dma_pool_alloc(pool, GFP_KERNEL, &handle[n], &cpu[n]), "object");
	while (n--)
		T_EQ(dma_pool_free(pool, cpu[n], handle[n]), 0);
	T_EQ(dma_pool_destroy(pool), 0);
}

static void exported(void)
{
	struct device dev = device("vpu");

	export(&dev);
}

/* ---- every call of a scenario ---- */

static struct fh_machine *birth(void)
{
	struct boot_config *cfg = testplat_config(16, 4, CMA_POLICY_GUARANTEED, 1, TP_ONE_ZONE);
	struct fh_machine *born = NULL;

	cfg->region[1] = (struct boot_region){.name = "own",
					      .base = TP_BASE + 4 * MIB,
					      .size = 64 * PAGE,
					      .kind = BOOT_REGION_DMA_POOL};
	cfg->region[2] = (struct boot_region){.name = "bounce",
					      .base = TP_BASE + 5 * MIB,
					      .size = 256 * 1024,
					      .kind = BOOT_REGION_RESTRICTED_POOL};
	cfg->nr_regions = 3;
	cfg->dma.swiotlb_noforce = false; /* as test machines are otherwise */
	cfg->dma.swiotlb_slabs = 512;
	cfg->dma.swiotlb_areas = 1;
	cfg->dma.swiotlb_dynamic = true;
	cfg->dma.debug = true;
	cfg->dma.debug_entries = 256;
	if (!fair(fh_machine_create(&tp.plat, cfg, &born), "create"))
		T_OK(!born, "nothing is made");
	free(cfg);
	return born;
}

/* Frames that scenarios may keep: pools that grew. */
static uint64_t frames_of_pools(void)
{
	struct swiotlb_stats s = {0};
	uint64_t sum = 0;

	if (m->dma->swiotlb)
		swiotlb_stats(m->dma->swiotlb, &s);
	for (unsigned int z = 0; z < MAX_NR_ZONES; z++)
		sum += pool_size(m, (enum zone_type)z);
	return sum + s.nslabs * IO_TLB_SIZE / PAGE;
}

static uint64_t frames_out(void)
{
	struct fh_mem_info info;

	testplat_quiesce(m);
	fh_mem_info(m, &info);
	return info.total - info.free - frames_of_pools();
}

/* One run with the nth call failing; false: it needed fewer. */
static bool run(void (*scenario)(void), int64_t nth, bool sticky)
{
	uint64_t failed, out;

	testplat_init(&tp);
	testplat_cpu(0);
	testplat_caches(&tp, 64);
	tp.fail_sticky = sticky;
	healthy = false;
	if (!scenario)
		atomic_store(&tp.fail_nth, nth);
	m = birth();
	failed = atomic_load(&tp.failed);
	if (m) {
		healthy = true;
		atomic_store(&tp.fail_nth, 0);
		T_EQ(fh_alloc_pages(m, GFP_KERNEL | __GFP_ZERO, 5, &pfn), 0);
		out = frames_out();
		healthy = false;
		atomic_store(&tp.fail_nth, nth);
		if (scenario)
			scenario();
		failed = atomic_load(&tp.failed);
		atomic_store(&tp.fail_nth, 0);
		TP_CHECK(m);
		T_EQ(frames_out(), out);
		healthy = true;
		if (scenario)
			scenario();
		TP_CHECK(m);
		T_EQ(frames_out(), out);
		T_EQ(dma_debug_count(m, DMA_NR_REPORTS), 0);
		T_EQ(fh_free_pages(m, pfn, 5), 0);
		fh_machine_destroy(m);
		T_EQ(atomic_load(&tp.live), 0);
	}
	testplat_fini(&tp);
	return failed;
}

static void every_nth(void (*scenario)(void))
{
	for (int sticky = 0; sticky < 2; sticky++) {
		int64_t nth = 1;

		refused = 0;
		while (nth < MAX_NTH && run(scenario, nth, sticky))
			nth++;
		T_OK(nth > 1 && nth < MAX_NTH, "some calls may fail, and not for ever");
		printf("# %s: %lld calls, %u refused\n", sticky ? "all from the nth" : "the nth",
		       (long long)nth - 1, refused);
	}
}

#define EVERY(name)                                                                                \
	static void name##_fails(void)                                                             \
	{                                                                                          \
		every_nth(name);                                                                   \
	}

static void creating(void)
{
	every_nth(NULL);
}

EVERY(region_pool)
EVERY(atomic_pool)
EVERY(area_and_buddy)
EVERY(restricted)
EVERY(direct)
EVERY(iommu_strict)
EVERY(iommu_deferred)
EVERY(bounced)
EVERY(small_objects)
EVERY(exported)

const struct t_case t_cases[] = {
	T(creating),	     T(region_pool_fails),   T(atomic_pool_fails),  T(area_and_buddy_fails),
	T(restricted_fails), T(direct_fails),	     T(iommu_strict_fails), T(iommu_deferred_fails),
	T(bounced_fails),    T(small_objects_fails), T(exported_fails),	    T_END};
