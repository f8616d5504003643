/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Instruction counts of the operations that goals count in instructions: unlike times they repeat.
 * scripts/instr runs this under callgrind, which writes a file for each measure, and makes the
 * table. Memory has no bytes, so what is counted is the core without the copying, except where a
 * name says "bytes".
 */
#include <stdio.h>
#include <stdlib.h>
#include <valgrind/callgrind.h>
#include <freehold/cma.h>
#include <freehold/dma.h>
#include <freehold/dmapool.h>
#include <freehold/iommu.h>
#include <freehold/mem.h>
#include <freehold/object.h>
#include <freehold/page.h>
#include <freehold/hosted.h>
#include "../tests/t.h"

#define BASE	   UINT64_C(0x100000000) /* one zone: Normal */
#define GIB	   (UINT64_C(1) << 30)
#define AREA	   (GIB / 4)
#define FULL_PAGES 4096
#define REPEAT	   1000
#define BULK_MAX   8000
#define HELD_MAX   (GIB >> FH_PAGE_SHIFT)
#define SPACE_VA   0x1000

static pfn_t held[HELD_MAX];
static uint64_t seed = 42;

/* The objects that every program here is linked with were made for tests, and report to these. */
bool t_ok(bool ok, const char *file, int line, const char *expr, const char *why)
{
	if (!ok) {
		fprintf(stderr, "%s:%d: %s: %s\n", file, line, expr, why);
		exit(1);
	}
	return ok;
}

bool t_eq(int64_t a, int64_t b, const char *file, int line, const char *ea, const char *eb)
{
	return t_ok(a == b, file, line, ea, eb);
}

bool t_str(const char *a, const char *b, const char *file, int line, const char *ea)
{
	(void)b;
	return t_ok(false, file, line, ea, a);
}

void t_skip(const char *why)
{
	t_ok(false, __FILE__, __LINE__, "t_skip()", why);
}

/* ---- counting -----------------------------------------------------------------------------------
 */

/* Counts what happens between the two; scripts/instr leaves this file's own instructions out. */
#define COUNTED(operation)                                                                         \
	do {                                                                                       \
		CALLGRIND_TOGGLE_COLLECT;                                                          \
		operation;                                                                         \
		CALLGRIND_TOGGLE_COLLECT;                                                          \
	} while (0)

static void begin(void)
{
	CALLGRIND_START_INSTRUMENTATION;
	CALLGRIND_ZERO_STATS;
}

/* Writes what was counted since begin(): it was `times` operations. */
static void end(const char *name, uint64_t times)
{
	char line[128];

	snprintf(line, sizeof(line), "%s %llu", name, (unsigned long long)times);
	CALLGRIND_DUMP_STATS_AT(line);
	CALLGRIND_STOP_INSTRUMENTATION;
}

/* ---- machines -----------------------------------------------------------------------------------
 */

static struct hosted *hosted;

static struct fh_machine *machine(uint64_t area, bool bytes)
{
	struct boot_config *cfg = calloc(1, sizeof(*cfg));
	struct fh_machine *m = NULL;
	struct plat plat = *hosted_plat(hosted);

	if (!cfg)
		exit(1);
	boot_config_init(cfg);
	cfg->bank[0] = (struct boot_bank){BASE, GIB};
	cfg->nr_banks = 1;
	cfg->nr_cpus = 2;
	cfg->policy = CMA_POLICY_MOVABLE;
	cfg->region[0] = (struct boot_region){.name = "area",
					      .base = BASE + GIB - area,
					      .size = area,
					      .kind = BOOT_REGION_CMA,
					      .flags = BOOT_REGION_CMA_DEFAULT};
	cfg->nr_regions = area ? 1 : 0;
	if (!bytes)
		plat.ram = NULL;
	T_EQ(fh_machine_create(&plat, cfg, &m), 0);
	free(cfg);
	hosted_cpu_set(0);
	return m;
}

static void drop(struct fh_machine *m)
{
	fh_cpu_quiesce(m);
	hosted_cpu_set(~0u);
	fh_machine_destroy(m);
}

static uint64_t any(uint64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % below;
}

static void take(struct fh_machine *m, unsigned int order, uint64_t i)
{
	if (fh_alloc_pages(m, GFP_KERNEL, order, &held[i]))
		abort();
}

static void give(struct fh_machine *m, unsigned int order, uint64_t i)
{
	if (fh_free_pages(m, held[i], order))
		abort();
}

/* ---- frames -------------------------------------------------------------------------------------
 */

static uint64_t half_of_memory(unsigned int order)
{
	return (GIB >> FH_PAGE_SHIFT) / 2 >> order;
}

static void named(const char *what, unsigned int order, uint64_t times)
{
	char name[64];

	snprintf(name, sizeof(name), "frames.%s.order%u", what, order);
	end(name, times);
}

static void frames_pair(unsigned int order)
{
	struct fh_machine *m = machine(0, false);
	pfn_t pfn;

	take(m, order, 0);
	give(m, order, 0);
	begin();
	for (unsigned int i = 0; i < REPEAT; i++)
		COUNTED({
			if (fh_alloc_pages(m, GFP_KERNEL, order, &pfn) ||
			    fh_free_pages(m, pfn, order))
				abort();
		});
	named("pair", order, REPEAT);
	drop(m);
}

static void take_half(struct fh_machine *m, unsigned int order)
{
	for (uint64_t i = 0; i < half_of_memory(order); i++)
		take(m, order, i);
}

/* Half of memory, for the second time: blocks have their types by then. */
static void frames_bulk(unsigned int order)
{
	struct fh_machine *m = machine(0, false);
	uint64_t n = half_of_memory(order);

	take_half(m, order);
	for (uint64_t i = 0; i < n; i++)
		give(m, order, i);
	n = n < BULK_MAX ? n : BULK_MAX;
	begin();
	for (uint64_t i = 0; i < n; i++)
		COUNTED(take(m, order, i));
	named("bulk_alloc", order, n);
	begin();
	for (uint64_t i = 0; i < n; i++)
		COUNTED(give(m, order, i));
	named("bulk_free", order, n);
	drop(m);
}

static void exchange(struct fh_machine *m, unsigned int order, uint64_t i)
{
	give(m, order, i);
	take(m, order, i);
}

/* Frees a random one, each once. */
static void frames_free_random(struct fh_machine *m, unsigned int order)
{
	uint64_t n = half_of_memory(order), times = n < REPEAT ? n : REPEAT;

	begin();
	for (uint64_t i = 0; i < times; i++) {
		uint64_t j = i + any(n - i);
		pfn_t pfn = held[i];

		held[i] = held[j];
		held[j] = pfn;
		COUNTED(give(m, order, i));
	}
	named("free_random", order, times);
}

/* Half full and aged: as many exchanges as there are runs in hand. */
static void frames_random(unsigned int order)
{
	struct fh_machine *m = machine(0, false);
	uint64_t n = half_of_memory(order);

	take_half(m, order);
	for (uint64_t i = 0; i < n; i++)
		exchange(m, order, any(n));
	begin();
	for (unsigned int i = 0; i < REPEAT; i++) {
		uint64_t at = any(n);

		COUNTED(exchange(m, order, at));
	}
	named("random", order, REPEAT);
	frames_free_random(m, order);
	drop(m);
}

/* ---- cma ----------------------------------------------------------------------------------------
 */

static void cma_idle(unsigned long pages, unsigned int align)
{
	struct fh_machine *m = machine(AREA, false);
	struct cma *cma = cma_default(m);
	unsigned int times = pages > 4096 ? REPEAT / 10 : REPEAT;
	char name[64];
	pfn_t pfn;

	T_EQ(cma_set_policy(cma, CMA_POLICY_GUARANTEED), 0);
	for (unsigned int release = 0; release < 2; release++) {
		begin();
		for (unsigned int i = 0; i < times; i++) {
			if (release) {
				T_EQ(cma_alloc(cma, pages, align, 0, &pfn), 0);
				COUNTED(cma_release(cma, pfn, pages));
			} else {
				COUNTED(T_EQ(cma_alloc(cma, pages, align, 0, &pfn), 0));
				T_OK(cma_release(cma, pfn, pages), "its own");
			}
		}
		snprintf(name, sizeof(name), "cma.idle.%lu.%s", pages,
			 release ? "release" : "alloc");
		end(name, times);
	}
	drop(m);
}

/* Movable pages at the bottom of the area: all other memory is taken meanwhile. */
static struct fh_object *fill(struct fh_machine *m, struct fh_space **space, uint64_t pages)
{
	struct fh_object *object = NULL;
	unsigned char byte = 1;
	uint64_t n = 0;

	while (!fh_alloc_pages(m, __GFP_NOWARN, FH_BLOCK_ORDER, &held[n]))
		n++;
	T_EQ(fh_space_create(m, NULL, space), 0);
	T_EQ(fh_object_create(m, pages, NULL, NULL, &object), 0);
	T_EQ(fh_space_map(*space, SPACE_VA, object, 0, pages), 0);
	for (uint64_t i = 0; i < pages; i++)
		T_EQ(fh_space_store(*space, SPACE_VA + i, 0, &byte, 1), 0);
	while (n)
		T_EQ(fh_free_pages(m, held[--n], FH_BLOCK_ORDER), 0);
	return object;
}

static void cma_full(enum cma_policy policy, bool bytes, const char *name)
{
	struct fh_machine *m = machine(AREA, bytes);
	struct cma *cma = cma_default(m);
	struct cma_stats stats;
	struct fh_space *space;
	struct fh_object *object = fill(m, &space, FULL_PAGES * 2);
	struct cma_request req = {.count = FULL_PAGES, .align_order = FH_CMA_ALIGNMENT};
	pfn_t pfn;

	T_EQ(cma_set_policy(cma, policy), 0);
	begin();
	req.low = fh_phys_to_pfn(
		cma_get_base(cma)); /* where the tenants are, not where it is cheap */
	req.high = req.low + FULL_PAGES;
	COUNTED(T_EQ(cma_alloc_request(cma, &req, &pfn), 0));
	end(name, FULL_PAGES);
	cma_get_stats(cma, &stats);
	T_EQ(stats.pages_migrated, FULL_PAGES);
	fh_space_destroy(space);
	fh_object_destroy(object);
	drop(m);
}

static int read_nothing(void *data, uint64_t index, void *buf)
{
	(void)data;
	(void)index;
	(void)buf;
	return 0;
}

/* Small, in an area that has no free frame: what it takes to find out where is cheapest. Cache fills areas first. */
static void cma_packed(unsigned long pages, unsigned int align)
{
	static const struct fh_object_ops ops = {.read = read_nothing};
	struct fh_machine *m = machine(AREA, false);
	struct cma *cma = cma_default(m);
	struct fh_object *file = NULL;
	struct fh_mem_info info;
	unsigned char byte;
	uint64_t i = 0;
	char name[64];
	pfn_t pfn;

	T_EQ(cma_set_policy(cma, CMA_POLICY_GUARANTEED), 0);
	T_EQ(fh_object_create(m, GIB >> FH_PAGE_SHIFT, &ops, NULL, &file), 0);
	do {
		T_EQ(fh_object_read(file, i++, 0, &byte, 1), 0);
		fh_mem_info(m, &info);
	} while (info.cma_free);
	snprintf(name, sizeof(name), "cma.packed.%lu.alloc", pages);
	begin();
	COUNTED(T_EQ(cma_alloc(cma, pages, align, 0, &pfn), 0));
	end(name, 1);
	fh_object_destroy(file);
	drop(m);
}

/* ---- devices ------------------------------------------------------------------------------------ */

#define LOW_BASE UINT64_C(0xf0000000) /* 128 MiB below 4 GiB, with a pool of 16 at their end */
#define LOW	 (UINT64_C(128) << 20)
#define POOL	 (UINT64_C(16) << 20)
#define SLOTS	 16384 /* of bounce buffers */

enum setting { POOLED = 1, IOMMU = 2, STRICT = 4, SLOTTED = 8, DEBUG = 16 };

static struct device dev;
static struct dma_pool *objects;

/* Without bytes, unless it is behind an IOMMU, whose tables lie in RAM. */
static pfn_t device(unsigned int setting, uint64_t mask)
{
	const struct iommu_options o = {.strict = setting & STRICT};
	struct boot_config *cfg = calloc(1, sizeof(*cfg));
	struct plat plat = *hosted_plat(hosted);
	pfn_t pfn;

	if (!cfg)
		exit(1);
	boot_config_init(cfg);
	cfg->bank[0] = (struct boot_bank){LOW_BASE, LOW};
	cfg->bank[1] = (struct boot_bank){BASE, GIB};
	cfg->nr_banks = cfg->nr_cpus = 2;
	cfg->region[0] = (struct boot_region){.name = "area",
					      .base = BASE + GIB - AREA,
					      .size = AREA,
					      .kind = BOOT_REGION_CMA,
					      .flags = BOOT_REGION_CMA_DEFAULT};
	cfg->region[1] = (struct boot_region){.name = "pool",
					      .base = LOW_BASE + LOW - POOL,
					      .size = POOL,
					      .kind = BOOT_REGION_DMA_POOL,
					      .flags = BOOT_REGION_DMA_DEFAULT};
	cfg->nr_regions = setting & POOLED ? 2 : 1;
	cfg->dma.coherent_only = setting & POOLED;
	cfg->dma.swiotlb_slabs = setting & SLOTTED ? SLOTS : 0;
	cfg->dma.swiotlb_noforce = !(setting & SLOTTED);
	cfg->dma.debug = setting & DEBUG;
	if (!(setting & IOMMU))
		plat.ram = NULL;
	dev = (struct device){.dma_coherent = true, .dma_mask = mask};
	T_EQ(fh_machine_create(&plat, cfg, &dev.machine), 0);
	free(cfg);
	hosted_cpu_set(0);
	if (setting & IOMMU)
		T_EQ(iommu_domain_create(dev.machine, &o, &dev.iommu), 0);
	T_EQ(dma_pool_create("objects", &dev, 64, 0, 0, &objects), 0);
	T_EQ(fh_alloc_pages(dev.machine, GFP_KERNEL, FH_BLOCK_ORDER, &pfn), 0);
	return pfn;
}

static void drop_device(pfn_t pfn)
{
	T_EQ(fh_free_pages(dev.machine, pfn, FH_BLOCK_ORDER), 0);
	T_EQ(dma_pool_destroy(objects), 0);
	if (dev.iommu)
		iommu_domain_destroy(dev.iommu);
	drop(dev.machine);
}

/* Calls pair(pfn) until all it needs is there, and then counts. */
static void dma_pairs(const char *name, unsigned int setting, uint64_t mask,
		      void (*pair)(pfn_t pfn))
{
	pfn_t pfn = device(setting, mask);

	for (unsigned int i = 0; i < REPEAT; i++)
		pair(pfn);
	begin();
	for (unsigned int i = 0; i < REPEAT; i++)
		COUNTED(pair(pfn));
	end(name, REPEAT);
	drop_device(pfn);
}

static void map_bytes(pfn_t pfn, uint64_t size)
{
	dma_t handle;

	if (dma_map_page(&dev, pfn, 0, size, DMA_TO_DEVICE, &handle))
		abort();
	dma_unmap_page(&dev, handle, size, DMA_TO_DEVICE);
}

static void map_4k(pfn_t pfn)
{
	map_bytes(pfn, FH_PAGE_SIZE);
}

static void map_64k(pfn_t pfn)
{
	map_bytes(pfn, 65536);
}

static void map_sg(pfn_t pfn)
{
	static struct scatterlist sg[16];

	for (unsigned int i = 0; i < 16; i++)
		sg[i] = (struct scatterlist){.phys = fh_pfn_to_phys(pfn + 2 * i),
					     .length = FH_PAGE_SIZE};
	if (dma_map_sg(&dev, sg, 16, DMA_TO_DEVICE, 0) < 1)
		abort();
	dma_unmap_sg(&dev, sg, 16, DMA_TO_DEVICE, 0);
}

static void coherent_bytes(uint64_t size)
{
	dma_t handle;
	void *cpu;

	if (dma_alloc_coherent(&dev, size, GFP_KERNEL, &handle, &cpu) ||
	    dma_free_coherent(&dev, size, cpu, handle))
		abort();
}

static void coherent_4k(pfn_t pfn)
{
	(void)pfn;
	coherent_bytes(FH_PAGE_SIZE);
}

static void coherent_64k(pfn_t pfn)
{
	(void)pfn;
	coherent_bytes(65536);
}

static void object(pfn_t pfn)
{
	dma_t handle;
	void *cpu;

	(void)pfn;
	if (dma_pool_alloc(objects, GFP_KERNEL, &handle, &cpu) ||
	    dma_pool_free(objects, cpu, handle))
		abort();
}

static void devices(void)
{
	dma_pairs("dma.coherent.pool", POOLED, 0, coherent_4k);
	dma_pairs("dma.coherent.buddy", 0, 0, coherent_4k);
	dma_pairs("dma.coherent.area.64k", 0, 0, coherent_64k);
	dma_pairs("dma.map.direct", 0, 0, map_4k);
	dma_pairs("dma.map.direct.slots", SLOTTED, 0, map_4k);
	dma_pairs("dma.map.direct.sg16", 0, 0, map_sg);
	dma_pairs("dma.map.bounce.4k", SLOTTED, DMA_BIT_MASK(32), map_4k);
	dma_pairs("dma.map.bounce.64k", SLOTTED, DMA_BIT_MASK(32), map_64k);
	dma_pairs("dma.map.iommu.strict", IOMMU | STRICT, 0, map_4k);
	dma_pairs("dma.map.iommu.strict.64k", IOMMU | STRICT, 0, map_64k);
	dma_pairs("dma.map.iommu.strict.sg16", IOMMU | STRICT, 0, map_sg);
	dma_pairs("dma.map.iommu.deferred", IOMMU, 0, map_4k);
	dma_pairs("dma.object.64", 0, 0, object);
}

static void measure(void)
{
	static const unsigned int orders[] = {0, 3, 9};

	for (unsigned int i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		frames_pair(orders[i]);
		frames_bulk(orders[i]);
		frames_random(orders[i]);
	}
	cma_idle(16, 4);
	cma_idle(256, 8);
	cma_idle(4096, 8);
	cma_idle(16384, 8);
	cma_packed(1, 0);
	cma_packed(16, 4);
	cma_packed(256, 8);
	cma_full(CMA_POLICY_GUARANTEED, false, "cma.full.4096.alloc.page");
	cma_full(CMA_POLICY_MOVABLE, false, "cma.full.4096.alloc.page.movable");
	cma_full(CMA_POLICY_GUARANTEED, true, "cma.full.4096.alloc.page.bytes");
	devices();
}

int main(void)
{
	static const struct boot_bank banks[] = {{LOW_BASE, LOW}, {BASE, GIB}};
	struct hosted_opts opts = {.banks = banks, .nr_banks = 2};
	struct hosted_why why;

	if (!RUNNING_ON_VALGRIND) {
		puts("instr: counts only under callgrind: run scripts/instr");
		return 0;
	}
	if (hosted_create(&opts, &hosted, &why)) {
		fprintf(stderr, "instr: %s\n", why.text);
		return 1;
	}
	measure();
	hosted_destroy(hosted);
	return 0;
}
