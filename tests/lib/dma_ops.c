/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Bytes -> operations of the DMA API: the decoder, a machine with devices, its end, and smaller runs that fail. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <freehold/object.h>
#include <freehold/page.h>
#include "arch.h"
#include "dma/coherent.h"
#include "dma/dma.h"
#include "dma/pool.h"
#include "dma/swiotlb.h"
#include "dma_ops.h"

#define MIB	    (UINT64_C(1) << 20)
#define CHECK_EACH  16
#define CPU_NONE    ~0u
#define POOL_PAGES  64
#define POOL_AT	    (12 * MIB)
#define GLOBAL_AT   (12 * MIB + 512 * 1024)
#define RESTRICT_AT (13 * MIB)

/* ---- the decoder ---- */

unsigned int dma_ops_u8(struct dma_ops *r)
{
	return r->pos < r->len ? r->data[r->pos++] : 0;
}

uint64_t dma_ops_pick(struct dma_ops *r, uint64_t n)
{
	uint64_t v = dma_ops_u8(r);

	if (n > 256)
		v |= (uint64_t)dma_ops_u8(r) << 8;
	if (n > 65536)
		v |= (uint64_t)dma_ops_u8(r) << 16;
	return v % n;
}

uint32_t dma_ops_stamp(struct dma_ops *r)
{
	return r->stamp += 0x01000193;
}

void dma_ops_say(struct dma_ops *r, const char *fmt, ...)
{
	va_list ap;

	if (r->flags != DMA_OPS_VERBOSE)
		return;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	fflush(stdout);
}

void dma_ops_saw(struct dma_ops *r, enum dma_ops_kind kind)
{
	r->res->kinds |= 1u << kind;
}

bool dma_ops_injected(const struct dma_ops *r)
{
	return atomic_load(&r->d.tp.failed) != r->failed_before;
}

struct device *dma_ops_device(struct dma_ops *r)
{
	return &r->d.dev[dma_ops_pick(r, DM_DEVICES)];
}

gfp_t dma_ops_gfp(struct dma_ops *r)
{
	static const gfp_t kinds[] = {GFP_KERNEL,
				      GFP_KERNEL,
				      GFP_KERNEL,
				      GFP_ATOMIC,
				      GFP_NOWAIT,
				      GFP_NOIO,
				      GFP_DMA,
				      GFP_KERNEL | GFP_DMA32,
				      GFP_KERNEL | __GFP_ZERO,
				      GFP_KERNEL | GFP_DMA};

	return kinds[dma_ops_pick(r, 10)] | __GFP_NOWARN;
}

struct dm_mem *dma_ops_mem(struct dma_ops *r, unsigned int kinds)
{
	unsigned int from = (unsigned int)dma_ops_pick(r, DM_MEMS);

	for (unsigned int i = 0; i < DM_MEMS; i++) {
		struct dm_mem *mem = &r->d.mem[(from + i) % DM_MEMS];

		if (mem->live && kinds >> mem->kind & 1)
			return mem;
	}
	return NULL;
}

struct dm_map *dma_ops_map(struct dma_ops *r)
{
	unsigned int from = (unsigned int)dma_ops_pick(r, DM_MAPS);

	for (unsigned int i = 0; i < DM_MAPS; i++)
		if (r->d.map[(from + i) % DM_MAPS].live)
			return &r->d.map[(from + i) % DM_MAPS];
	return NULL;
}

void dma_ops_range(struct dma_ops *r, uint64_t size, uint64_t *at, uint64_t *len)
{
	const uint64_t grains[] = {1, r->d.line, r->d.line, FH_PAGE_SIZE};
	uint64_t grain = grains[dma_ops_u8(r) & 3], most;

	*at = dma_ops_pick(r, size) & ~(grain - 1);
	most = size - *at;
	*len = (dma_ops_pick(r, most) + grain) & ~(grain - 1);
	if (*len > most)
		*len = most;
}

void dma_ops_refused(struct dma_ops *r, int err, const char *what)
{
	dm_must(&r->d, err == -FH_ENOMEM || err == -FH_EBUSY, "%s: error %d", what, err);
	dma_ops_saw(r, dma_ops_injected(r) ? DMA_OPS_INJECTED : DMA_OPS_REFUSED);
	dma_ops_say(r, " -> %d", err);
}

/* ---- check ---- */

static uint64_t pool_frames(struct fh_machine *m)
{
	struct swiotlb_stats st = {0};
	uint64_t sum = 0;

	for (unsigned int z = 0; z < MAX_NR_ZONES; z++)
		sum += pool_size(m, (enum zone_type)z);
	if (m->dma->swiotlb)
		swiotlb_stats(m->dma->swiotlb, &st);
	return sum + st.nslabs * IO_TLB_SIZE / FH_PAGE_SIZE;
}

static void check(struct dma_ops *r)
{
	int64_t left = atomic_exchange(&r->d.tp.fail_nth, 0);
	char why[300];

	dm_must(&r->d, !fh_check(r->d.m, why, sizeof(why)), "fh_check: %s", why);
	atomic_store(&r->d.tp.fail_nth, left);
}

static void op_fail(struct dma_ops *r)
{
	int64_t n = (int64_t)dma_ops_pick(r, 8);

	dma_ops_say(r, " %d", (int)n);
	atomic_store(&r->d.tp.fail_nth, n);
}

static void op_background(struct dma_ops *r)
{
	if (dma_background(r->d.m))
		dma_ops_saw(r, DMA_OPS_GREW);
}

static void op_compare(struct dma_ops *r)
{
	struct dm_mem *mem = dma_ops_mem(r, ~0u);

	if (mem)
		dm_mem_compare(&r->d, mem);
}

static const struct dma_ops_entry machine_entries[] = {
	{"fail", op_fail, 1},
	{"background", op_background, 1},
	{"compare", op_compare, 2},
	{NULL, NULL, 0},
};

#define ALL_WEIGHTS 76

/* The entry for a number below ALL_WEIGHTS: each stands for as many numbers as its weight. */
static const struct dma_ops_entry *entry_of(unsigned int code)
{
	static const struct dma_ops_entry *const tables[] = {
		dma_ops_buffer_entries, dma_ops_map_entries, dma_ops_other_entries,
		machine_entries};

	for (unsigned int t = 0;; t = (t + 1) % 4) {
		for (const struct dma_ops_entry *e = tables[t]; e->name; e++) {
			if (code < e->weight)
				return e;
			code -= e->weight;
		}
	}
}

void dma_ops_was_wrong(struct dma_ops *r)
{
	r->reports = dma_debug_count(r->d.m, DMA_NR_REPORTS);
}

/* Debugging has nothing to say about who keeps the rules. */
static void no_reports(struct dma_ops *r)
{
	uint64_t n = dma_debug_count(r->d.m, DMA_NR_REPORTS);
	struct dma_report last = {.text = ""};

	if (n == r->reports)
		return;
	(void)dma_debug_reports(r->d.m, &last, 1);
	dm_must(&r->d, false, "%llu false reports: %s", (unsigned long long)(n - r->reports),
		last.text);
}

static void step(struct dma_ops *r)
{
	unsigned int b = dma_ops_u8(r);
	const struct dma_ops_entry *e = entry_of(b % ALL_WEIGHTS);

	b /= ALL_WEIGHTS;
	testplat_cpu(b == 3 ? CPU_NONE : b % r->nr_cpus);
	dma_ops_say(r, "# %u: cpu %d %s:", r->nr, (int)hosted_cpu_id, e->name);
	r->failed_before = atomic_load(&r->d.tp.failed);
	e->run(r);
	dma_ops_say(r, "\n");
	no_reports(r);
	if (++r->nr % CHECK_EACH == 0)
		check(r);
}

/* ---- birth ---- */

static void add_region(struct boot_config *cfg, const char *name, uint64_t at, uint64_t size,
		       enum boot_region_kind kind, unsigned int flags)
{
	struct boot_region *g = &cfg->region[cfg->nr_regions++];

	*g = (struct boot_region){.base = TP_BASE + at, .size = size, .kind = kind, .flags = flags};
	snprintf(g->name, sizeof(g->name), "%s", name);
}

static struct boot_config *configure(struct dma_ops *r, unsigned int c0, unsigned int c1)
{
	struct boot_config *cfg =
		testplat_config(DM_RAM_MIB, c0 & 64 ? 8 : 0, (enum cma_policy)(c0 >> 3 & 3),
				1 + (c0 >> 5 & 1), TP_ONE_ZONE);

	r->nr_cpus = cfg->nr_cpus;
	if (c0 & 4) {
		cfg->dma_limit = TP_BASE + 8 * MIB;
		cfg->dma32_limit = TP_BASE + 16 * MIB;
	}
	cfg->dma.legacy_order = (c0 & 128) && (c1 & 8);
	cfg->dma.coherent_pool = c1 & 4 ? 64 * 1024 : 0;
	cfg->dma.coherent_only = (c1 & 0x70) == 0x70;
	add_region(cfg, "own", POOL_AT, POOL_PAGES * FH_PAGE_SIZE, BOOT_REGION_DMA_POOL, 0);
	add_region(cfg, "bounce", RESTRICT_AT, MIB, BOOT_REGION_RESTRICTED_POOL, 0);
	if ((c1 & 3) == 3)
		add_region(cfg, "all", GLOBAL_AT, POOL_PAGES * FH_PAGE_SIZE, BOOT_REGION_DMA_POOL,
			   BOOT_REGION_DMA_DEFAULT);
	/* The first segments of 256 KiB that every device here reaches. */
	cfg->dma.swiotlb_slabs = c1 & 16 ? 1024 : 0;
	cfg->dma.swiotlb_areas = c1 & 32 ? 2 : 1;
	cfg->dma.swiotlb_noforce = !(c1 & 16);
	cfg->dma.swiotlb_force = (c1 & 0x90) == 0x90;
	cfg->dma.swiotlb_dynamic = c1 & 64;
	cfg->dma.debug = (c0 & 128) && !(c1 & 8);
	cfg->dma.debug_entries = 1024;
	return cfg;
}

/* What of memory it reaches. */
static void make_reach(struct dma_ops *r, struct device *dev, unsigned int how)
{
	const struct bus_dma_region low = {{TP_BASE}, {0}, 16 * MIB};
	const struct bus_dma_region high = {{TP_BASE + 16 * MIB}, {UINT64_C(0xc0000000)}, 16 * MIB};

	if (how == 1 || how == 3)
		dma_ops_saw(r, DMA_OPS_WINDOWS);
	switch (how) {
	case 1:
		dev->nr_ranges = 2;
		dev->range[0] = low;
		dev->range[1] = high;
		break;
	case 2:
		dev->dma_mask = TP_BASE + 16 * MIB - 1;
		dev->coherent_dma_mask = TP_BASE + 24 * MIB - 1;
		break;
	case 3:
		dev->nr_ranges = 1;
		dev->range[0] = low;
		dev->range[0].dma.v = UINT64_C(0x80000000);
		dev->bus_dma_limit = UINT64_C(0x80000000) + 14 * MIB - 1;
		break;
	default:
		break;
	}
}

/* Behind an IOMMU: alone in its address space, or with the device before it. */
static void make_domain(struct dma_ops *r, struct device *dev, bool strict, unsigned int b)
{
	const struct iommu_options small = {.aperture_start = MIB,
					    .aperture_end = 17 * MIB - 1,
					    .strict = strict,
					    .iotlb_entries = 16};
	const struct iommu_options large = {
		.strict = strict, .aperture_start = MIB, .aperture_end = (UINT64_C(1) << 40) - 1};
	struct device *before = dev == r->d.dev ? NULL : dev - 1;

	dma_ops_saw(r, strict ? DMA_OPS_STRICT : DMA_OPS_DEFERRED);
	dev->nr_ranges = 0;
	dev->bus_dma_limit = b & 2 ? 12 * MIB - 1 : 0;
	dev->dma_mask = b & 4 ? 14 * MIB - 1 : 0;
	dev->coherent_dma_mask = b & 8 ? UINT32_MAX : 0;
	if (b & 1 && before && before->iommu) {
		dev->iommu = before->iommu;
		strict = r->strict >> (before - r->d.dev) & 1;
	} else {
		dm_must(&r->d, !iommu_domain_create(r->d.m, b & 16 ? &small : &large, &dev->iommu),
			"an address space");
	}
	r->strict |= (unsigned int)strict << (dev - r->d.dev);
}

static void make_device(struct dma_ops *r, unsigned int i)
{
	static const char *const names[DM_DEVICES] = {"isp", "usb", "gpu", "eth", "vpu", "mmc"};
	unsigned int a = dma_ops_u8(r), b = dma_ops_u8(r);
	struct device *dev = &r->d.dev[i];

	*dev = (struct device){.machine = r->d.m, .name = names[i], .dma_coherent = a & 1};
	make_reach(r, dev, a >> 1 & 3);
	if (a & 16)
		make_domain(r, dev, a & 8, b);
	if ((a & 0xe0) == 0x20)
		dev->dma_mem = dma_pool_of_region(r->d.m, "own");
	if ((a & 0xe0) == 0x40 && !dev->iommu && dev->nr_ranges != 1)
		dev->dma_io_tlb_mem = swiotlb_restricted(r->d.m, "bounce");
	if (b & 32)
		dev->max_segment_size = 8192;
	if (b & 64)
		dev->segment_boundary_mask = 0xffff;
	if (b & 128 && dev->dma_io_tlb_mem == NULL)
		dev->cma_area = cma_find(r->d.m, "area");
}

__attribute__((noreturn)) static void on_stop(void *ctx, const char *why)
{
	struct testplat *tp = ctx;
	struct dma_ops *r = (struct dma_ops *)((char *)tp - offsetof(struct dma_ops, d.tp));

	snprintf(r->d.wrong, sizeof(r->d.wrong), "stopped: %s", why);
	longjmp(r->d.out, 1);
}

static uint64_t free_frames(struct dma_ops *r)
{
	struct fh_mem_info info;

	testplat_quiesce(r->d.m);
	fh_mem_info(r->d.m, &info);
	return info.free;
}

static void birth(struct dma_ops *r)
{
	unsigned int c0 = dma_ops_u8(r), c1 = dma_ops_u8(r);
	struct boot_config *cfg;
	struct dm *d = &r->d;

	testplat_init(&d->tp);
	testplat_cpu(0);
	d->tp.plat.stop = on_stop;
	d->line = c0 & 2 ? 128 : 64;
	testplat_caches(&d->tp, c0 & 1 ? d->line : 0);
	if (c0 & 1)
		dma_ops_saw(r, DMA_OPS_CACHES);
	cfg = configure(r, c0, c1);
	dm_must(d, !fh_machine_create(&d->tp.plat, cfg, &d->m), "a machine");
	free(cfg);
	d->bounces = d->m->dma->may_bounce;
	d->pool.start = (TP_BASE + POOL_AT) >> FH_PAGE_SHIFT;
	d->pool.end = d->pool.start + POOL_PAGES;
	if (d->m->dma->debug)
		dma_ops_saw(r, DMA_OPS_DEBUG);
	r->born_free = free_frames(r);
	r->born_pools = pool_frames(d->m);
	for (unsigned int i = 0; i < DM_DEVICES; i++)
		make_device(r, i);
	r->host = testplat_space(&d->tp);
	dm_must(d, !fh_space_create(d->m, r->host, &r->space), "a space");
}

/* ---- end ---- */

/* What there is lies where the device does not reach it: all that Linux would ask, too. */
static bool out_of_reach(const struct dma_refusal *way)
{
	for (unsigned int i = 0; i < way->nr_steps; i++)
		if (strstr(way->step[i].why, "above") || strstr(way->step[i].why, "window") ||
		    strstr(way->step[i].why, "reach"))
			return true;
	return false;
}

/* With all given back each device is served as on the first day. */
static void alive(struct dma_ops *r)
{
	const struct fh_dma *dma = r->d.m->dma;

	for (unsigned int i = 0; i < DM_DEVICES; i++) {
		struct device *dev = &r->d.dev[i];
		struct dma_refusal way;
		dma_t handle;
		void *cpu;
		int err;

		if (r->d.m->cfg.dma.coherent_only && !dev->dma_mem && !dma->global)
			continue;
		err = dma_alloc_explained(dev, 12000, GFP_KERNEL, 0, &handle, &cpu, &way);
		if (err && out_of_reach(&way))
			continue;
		dm_must(&r->d, !err, "%s: 12000 bytes of an empty machine: %d (%s)", dev_name(dev),
			err, way.nr_steps ? way.step[way.nr_steps - 1].why : "");
		dm_must(&r->d, !dma_free_coherent(dev, 12000, cpu, handle), "%s: and back",
			dev_name(dev));
	}
}

/* Neither slots nor addresses are out. */
static void nothing_mapped(struct dma_ops *r)
{
	struct fh_dma *dma = r->d.m->dma;
	struct swiotlb_stats s = {0};
	struct iommu_stats io = {0};

	if (dma->swiotlb)
		swiotlb_stats(dma->swiotlb, &s);
	dm_must(&r->d, !s.used, "%llu slots are still taken", (unsigned long long)s.used);
	if (swiotlb_restricted(r->d.m, "bounce"))
		swiotlb_stats(swiotlb_restricted(r->d.m, "bounce"), &s);
	dm_must(&r->d, !s.used, "%llu restricted slots are still taken",
		(unsigned long long)s.used);
	for (unsigned int i = 0; i < DM_DEVICES; i++) {
		if (r->d.dev[i].iommu)
			iommu_stats(r->d.dev[i].iommu, &io);
		dm_must(&r->d, !io.mapped, "%s: %llu bytes are still mapped",
			dev_name(&r->d.dev[i]), (unsigned long long)io.mapped);
	}
}

static void death(struct dma_ops *r)
{
	struct dm *d = &r->d;
	uint64_t now;

	atomic_store(&d->tp.fail_nth, 0);
	testplat_cpu(0);
	for (unsigned int i = 0; i < DM_MAPS; i++)
		if (d->map[i].live && d->map[i].how != DM_OWN)
			dma_ops_unmap(r, &d->map[i]);
	for (unsigned int i = 0; i < DM_MEMS; i++)
		if (d->mem[i].live)
			dma_ops_free(r, &d->mem[i]);
	dma_ops_end_pools(r);
	nothing_mapped(r);
	no_reports(r);
	check(r);
	alive(r);
	fh_space_destroy(r->space);
	free(r->host);
	for (unsigned int i = DM_DEVICES; i--;) {
		if (d->dev[i].iommu && (!i || d->dev[i - 1].iommu != d->dev[i].iommu))
			iommu_domain_destroy(d->dev[i].iommu);
		d->dev[i].iommu = NULL;
	}
	now = free_frames(r) + pool_frames(d->m) - r->born_pools;
	dm_must(d, now == r->born_free, "%lld frames did not come back",
		(long long)(r->born_free - now));
	check(r);
	fh_machine_destroy(d->m);
	d->m = NULL;
	dm_must(d, !atomic_load(&d->tp.live), "%lld bytes of the platform did not come back",
		(long long)atomic_load(&d->tp.live));
	dm_must(d, !d->tp.vmaps, "an address was not given back");
}

bool dma_ops_run(const uint8_t *data, size_t len, enum dma_ops_flags flags,
		 struct dma_ops_result *result)
{
	struct dma_ops *r = calloc(1, sizeof(*r));
	bool ok;

	if (!r)
		abort();
	memset(result, 0, sizeof(*result));
	r->data = data;
	r->len = len;
	r->flags = flags;
	r->res = result;
	if (!setjmp(r->d.out)) {
		birth(r);
		while (r->pos < r->len)
			step(r);
		r->nr++;
		death(r);
	}
	ok = !r->d.wrong[0];
	snprintf(result->wrong, sizeof(result->wrong), "%s", r->d.wrong);
	result->op = r->nr;
	if (ok) /* after a failure nobody knows what may still be touched */
		testplat_fini(&r->d.tp);
	free(r);
	return ok;
}

/* ---- smaller ---- */

/* In a process of its own, as it may crash, and leaves memory behind. */
static bool fails(const uint8_t *data, size_t len)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		struct dma_ops_result res;

		alarm(20);
		_exit(dma_ops_run(data, len, DMA_OPS_QUIET, &res) ? 0 : 1);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status;
}

size_t dma_ops_minimise(uint8_t *data, size_t len, unsigned int seconds)
{
	time_t until = time(NULL) + (time_t)seconds;
	uint8_t *less = malloc(len ? len : 1);

	for (size_t chunk = len / 2; less && chunk; chunk /= 2) {
		for (size_t at = 14; at + chunk <= len && time(NULL) < until;) {
			memcpy(less, data, at);
			memcpy(less + at, data + at + chunk, len - at - chunk);
			if (!fails(less, len - chunk)) {
				at += chunk;
				continue;
			}
			len -= chunk;
			memcpy(data, less, len);
		}
	}
	free(less);
	return len;
}

const char *dma_ops_kind_name(enum dma_ops_kind kind)
{
	static const char *const names[DMA_OPS_NR_KINDS] = {
		"caches",     "bounced",   "windows", "strict",	 "deferred",	 "own pool",
		"area",	      "pool grew", "refused", "joined",	 "several runs", "faulted",
		"wrong free", "shared",	   "seen",    "objects", "injected",	 "debugging"};

	return names[kind];
}
