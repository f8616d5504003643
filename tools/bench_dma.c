/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Group `dma`: machines with devices, the threads that are their drivers, and the list of what is measured
 * (the operations: bench_dma_ops.c).
 *
 * All machines have LOW bytes of RAM below 4 GiB, a pool of coherent memory among them, and HIGH above, which end in an area.
 * Threads share one device: what it has (pool, address space, bounce buffers) is where they could meet.
 */
#include <stdlib.h>
#include <freehold/page.h>
#include "bench_dma.h"

#define MIB	   (UINT64_C(1) << 20)
#define LOW_BASE   UINT64_C(0xf0000000)
#define LOW	   BENCH_DMA_LOW
#define HIGH	   BENCH_DMA_HIGH
#define AREA	   (64 * MIB)
#define POOL	   (16 * MIB)
#define SLOTS	   16384 /* of bounce buffers, 32 MiB */
#define CACHE_LINE 64

/* Which machine and device. */
enum setting {
	CACHES = 1,   /* between CPUs and RAM; the device does not snoop them */
	POOLED = 2,   /* the region's pool, and nobody else, gives coherent memory */
	IOMMU = 4,    /* the device is behind one */
	STRICT = 8,   /* and each unmap flushes */
	SLOTTED = 16, /* there are bounce buffers */
	NARROW = 32,  /* the device reaches 4 GiB */
	DEBUG = 64,
};

/* What is measured. A measure beside it is taken by turns with it, in the same pages. */
static const struct kind {
	const char *name;
	unsigned int setting;
	uint64_t size;
	unsigned int per_chunk; /* operations between two looks at the clock, at most DMA_CHUNK */
	dma_chunk chunk;
	dma_chunk beside;
	const char *beside_name;
	bool ratio; /* of the two; else their difference */
} kinds[] = {
	{"coherent.pool", POOLED, 4096, 1000, dma_chunk_coherent, dma_chunk_zero, "zero", false},
	{"coherent.pool.aged", POOLED, 4096, 1000, dma_chunk_aged, dma_chunk_zero_aged, "zero",
	 false},
	{"coherent.pool.caches", POOLED | CACHES, 4096, 1000, dma_chunk_coherent, dma_chunk_zero,
	 "zero", false},
	{"coherent.atomic.caches", CACHES, 4096, 1000, dma_chunk_atomic, dma_chunk_zero, "zero",
	 false},
	{"coherent.buddy", 0, 4096, 1000, dma_chunk_coherent, dma_chunk_zero, "zero", false},
	{"coherent.buddy.caches", CACHES, 4096, 20, dma_chunk_coherent, dma_chunk_zero, "zero",
	 false},
	{"coherent.area.64k", 0, 65536, 200, dma_chunk_coherent, dma_chunk_zero, "zero", false},
	{"coherent.area.64k.caches", CACHES, 65536, 20, dma_chunk_coherent, dma_chunk_zero, "zero",
	 false},
	{"coherent.iommu", IOMMU, 4096, 500, dma_chunk_coherent, dma_chunk_zero, "zero", false},
	{"coherent.iommu.caches", IOMMU | CACHES, 4096, 20, dma_chunk_coherent, dma_chunk_zero,
	 "zero", false},
	{"coherent.explained", POOLED, 4096, 500, dma_chunk_explained, dma_chunk_zero, "zero",
	 false},
	{"map.direct", 0, 4096, 1000, dma_chunk_single, NULL, NULL, false},
	{"map.direct.slots", SLOTTED, 4096, 1000, dma_chunk_single, NULL, NULL, false},
	{"map.direct.debug", DEBUG, 4096, 500, dma_chunk_single, NULL, NULL, false},
	{"map.direct.sg16", 0, 4096, 200, dma_chunk_sg, NULL, NULL, false},
	{"map.bounce.4k", SLOTTED | NARROW, 4096, 500, dma_chunk_bounce, dma_chunk_copy, "memcpy",
	 true},
	{"map.bounce.4k.cold", SLOTTED | NARROW, 4096, 500, dma_chunk_bounce_cold,
	 dma_chunk_copy_cold, "memcpy", true},
	{"map.bounce.64k", SLOTTED | NARROW, 65536, 50, dma_chunk_bounce, dma_chunk_copy, "memcpy",
	 true},
	{"map.bounce.64k.cold", SLOTTED | NARROW, 65536, 50, dma_chunk_bounce_cold,
	 dma_chunk_copy_cold, "memcpy", true},
	{"map.iommu.strict", IOMMU | STRICT, 4096, 1000, dma_chunk_single, NULL, NULL, false},
	{"map.iommu.strict.64k", IOMMU | STRICT, 65536, 500, dma_chunk_single, NULL, NULL, false},
	{"map.iommu.strict.sg16", IOMMU | STRICT, 4096, 100, dma_chunk_sg, NULL, NULL, false},
	{"map.iommu.deferred", IOMMU, 4096, 1000, dma_chunk_single, NULL, NULL, false},
	{"map.iommu.deferred.64k", IOMMU, 65536, 500, dma_chunk_single, NULL, NULL, false},
	{"map.iommu.deferred.sg16", IOMMU, 4096, 100, dma_chunk_sg, NULL, NULL, false},
	{"object.64", 0, 64, 1000, dma_chunk_object, NULL, NULL, false},
	{"object.64.aged", 0, 64, 1000, dma_chunk_object_aged, NULL, NULL, false},
};

#define NR_KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* ---- machines ----------------------------------------------------------------------------------- */

/* RAM with caches or without, made when it is first wanted. */
static struct hosted *hosted_of(struct bench *b, bool caches)
{
	static const struct boot_bank banks[] = {{LOW_BASE, LOW}, {BENCH_BASE, HIGH}};
	struct hosted_opts opts = {
		.banks = banks, .nr_banks = 2, .cache_line = caches ? CACHE_LINE : 0};
	struct hosted_why why = {""};

	if (b->dma[caches])
		return b->dma[caches];
	if (hosted_create(&opts, &b->dma[caches], &why) ||
	    hosted_prefault(b->dma[caches], NULL, NULL))
		bench_fail(b, BENCH_FAIL, "%s", why.text[0] ? why.text : "no memory from the host");
	return why.text[0] ? NULL : b->dma[caches];
}

static void configure(struct boot_config *cfg, unsigned int threads, unsigned int setting)
{
	boot_config_init(cfg);
	cfg->bank[0] = (struct boot_bank){LOW_BASE, LOW};
	cfg->bank[1] = (struct boot_bank){BENCH_BASE, HIGH};
	cfg->nr_banks = 2;
	cfg->nr_cpus = threads;
	cfg->region[cfg->nr_regions++] = (struct boot_region){
		.name = "area",
		.base = BENCH_BASE + HIGH - AREA,
		.size = AREA,
		.kind = BOOT_REGION_CMA,
		.flags = BOOT_REGION_CMA_DEFAULT,
	};
	if (setting & POOLED)
		cfg->region[cfg->nr_regions++] = (struct boot_region){
			.name = "pool",
			.base = LOW_BASE + 2 * POOL,
			.size = POOL,
			.kind = BOOT_REGION_DMA_POOL,
			.flags = BOOT_REGION_DMA_DEFAULT,
		};
	cfg->dma.coherent_only = setting & POOLED;
	cfg->dma.swiotlb_slabs = setting & SLOTTED ? SLOTS : 0;
	cfg->dma.swiotlb_noforce = !(setting & SLOTTED);
	cfg->dma.debug = setting & DEBUG;
}

static bool make_machine(struct bench *b, struct dma_work *w, unsigned int setting)
{
	struct hosted *hosted = hosted_of(b, setting & CACHES);
	struct boot_config *cfg = calloc(1, sizeof(*cfg));
	int err = -FH_ENOMEM;

	if (cfg && hosted) {
		configure(cfg, b->threads, setting);
		w->plat = hosted_plat(hosted);
		err = fh_machine_create(w->plat, cfg, &w->m);
	}
	free(cfg);
	if (err)
		return bench_fail(b, BENCH_OK, "a machine for devices: error %d", err);
	w->dev = (struct device){
		.machine = w->m,
		.name = "bench",
		.dma_coherent = !(setting & CACHES),
		.dma_mask = setting & NARROW ? DMA_BIT_MASK(32) : 0,
	};
	if (setting & IOMMU) {
		const struct iommu_options o = {.strict = setting & STRICT};

		err = iommu_domain_create(w->m, &o, &w->dev.iommu);
	}
	if (!err && w->object_size)
		err = dma_pool_create("bench", &w->dev, w->object_size, 0, 0, &w->objects);
	return !err || bench_fail(b, BENCH_OK, "a device: error %d", err);
}

/* False: a buffer was not given back. */
static bool end_machine(struct dma_work *w)
{
	bool ok;

	if (!w->m)
		return true;
	ok = !dma_pool_destroy(w->objects);
	if (w->dev.iommu)
		iommu_domain_destroy(w->dev.iommu);
	fh_machine_destroy(w->m);
	return ok;
}

/* ---- threads ------------------------------------------------------------------------------------ */

/* Both by turns until the first has had its span; ns an operation. */
static bool spin(struct crew *crew, struct dma_hand *h, const struct kind *k)
{
	struct dma_work *w = crew->arg;
	struct watch watch[2] = {{0}, {0}};
	bool ok = k->chunk(w, h) && (!k->beside || k->beside(w, h));

	crew_wait(crew);
	while (ok && watch[0].ns < BENCH_SPAN_NS && watch[0].lost_ns < BENCH_LOST_NS) {
		watch_start(&watch[0]);
		ok = k->chunk(w, h);
		watch_stop(&watch[0], k->per_chunk);
		if (!ok || !k->beside)
			continue;
		watch_start(&watch[1]);
		ok = k->beside(w, h);
		watch_stop(&watch[1], k->per_chunk);
	}
	crew_wait(crew);
	h->ns[0] = watch_mean(&watch[0]);
	h->ns[1] = watch_mean(&watch[1]);
	return ok;
}

static void thread(struct crew *crew, unsigned int id)
{
	struct dma_work *w = crew->arg;
	struct dma_hand *h = &w->hand[id];
	bool ok = dma_hand_begin(w, h) && spin(crew, h, &kinds[w->kind]);

	dma_hand_end(w, h);
	if (ok)
		return;
	atomic_store(&crew->failed, true);
	atomic_fetch_add(&crew->waiting, BENCH_THREADS); /* nobody waits for this one */
}

static enum bench_status run(struct bench *b, const struct bench_case *c, double *value)
{
	const struct kind *k = &kinds[c->variant];
	struct dma_work *w = calloc(1, sizeof(*w));
	double ns[2] = {0, 0};
	bool ok;

	if (!w)
		return bench_fail(b, BENCH_FAIL, "out of memory");
	w->kind = (unsigned int)c->variant;
	w->size = k->size;
	w->per_chunk = k->per_chunk;
	w->object_size =
		k->chunk == dma_chunk_object || k->chunk == dma_chunk_object_aged ? k->size : 0;
	w->threads = c->threads;
	ok = make_machine(b, w, k->setting);
	if (ok) {
		struct crew crew = {.threads = c->threads, .m = w->m, .arg = w};

		for (unsigned int i = 0; i < c->threads; i++)
			w->hand[i].seed = 42 + i;
		ok = crew_run(&crew, thread) ||
		     bench_fail(b, BENCH_OK, "%s: an operation failed", c->measure[0].name);
	}
	for (unsigned int i = 0; i < c->threads; i++)
		for (unsigned int j = 0; j < 2; j++)
			ns[j] += w->hand[i].ns[j] / c->threads;
	value[0] = ns[0];
	value[1] = ns[1];
	value[2] = k->ratio ? ns[0] / ns[1] : ns[0] - ns[1];
	if (!end_machine(w))
		ok = bench_fail(b, BENCH_OK, "%s: objects are still out", c->measure[0].name);
	free(w);
	return ok ? BENCH_OK : BENCH_FAIL;
}

void bench_add_dma(struct bench *b)
{
	for (unsigned int i = 0; i < NR_KINDS; i++) {
		const struct kind *k = &kinds[i];

		for (unsigned int t = 1; t <= b->threads;
		     t = t == b->threads ? t + 1 : b->threads) {
			struct bench_case *c = bench_add(
				b,
				(struct bench_case){.run = run, .variant = (int)i, .threads = t});

			bench_measure(c, "ns", "dma.%s.threads%u", k->name, t);
			if (!k->beside)
				continue;
			bench_measure(c, "ns", "dma.%s.%s.threads%u", k->name, k->beside_name, t);
			bench_measure(c, k->ratio ? "times" : "ns", "dma.%s.%s.threads%u", k->name,
				      k->ratio ? "over_memcpy" : "rest", t);
		}
	}
}
