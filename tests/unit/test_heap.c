/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Heaps: what buffers are made of, that they are zero, how much of them there may be, and what is left of them. */
#include <string.h>
#include <freehold/heap.h>
#include <freehold/page.h>
#include "buf/heap_buffer.h"
#include "mm/machine.h"
#include "t.h"
#include "testplat.h"

#define MIB UINT64_C(0x100000)

static struct testplat tp;
static struct fh_machine *m;

enum with { PLAIN = 0, SHARE = 1, CACHES = 2 };

static bool start_with(struct boot_config *cfg, unsigned int with)
{
	testplat_init(&tp);
	testplat_cpu(0);
	if (with & CACHES)
		testplat_caches(&tp, 64);
	if (with & SHARE)
		testplat_share(&tp);
	m = testplat_machine_of(&tp, cfg);
	return m;
}

/* 64 MiB, 16 of them the area "area". */
static bool start(unsigned int with)
{
	return start_with(testplat_config(64, 16, CMA_POLICY_GUARANTEED, 1, TP_ONE_ZONE), with);
}

static struct boot_region *add_region(struct boot_config *cfg, const char *name, uint64_t mib,
				      enum boot_region_kind kind, unsigned int flags)
{
	struct boot_region *r = &cfg->region[cfg->nr_regions++];

	strcpy(r->name, name);
	r->base = TP_BASE + mib * MIB;
	r->size = 4 * MIB;
	r->kind = kind;
	r->flags = flags;
	return r;
}

/* Of every kind of heap one: two areas, two carveouts, a coherent pool, beside "system" and its forms. */
static struct boot_config *every_kind(void)
{
	struct boot_config *cfg = testplat_config(64, 16, CMA_POLICY_GUARANTEED, 1, TP_THREE_ZONES);

	add_region(cfg, "vpu@41000000", 16, BOOT_REGION_CMA, BOOT_REGION_REUSABLE);
	add_region(cfg, "ion@40800000", 8, BOOT_REGION_RESERVED, BOOT_REGION_CARVEOUT);
	add_region(cfg, "isp@40c00000", 12, BOOT_REGION_NOMAP, BOOT_REGION_CARVEOUT);
	add_region(cfg, "dsp@40400000", 4, BOOT_REGION_DMA_POOL, BOOT_REGION_SHARED);
	add_region(cfg, "secure@41800000", 24, BOOT_REGION_NOMAP, BOOT_REGION_NO_MAP);
	return cfg;
}

static struct dma_heap *heap(const char *name)
{
	struct dma_heap *h = dma_heap_find(m, name);

	T_OK(h, name);
	return h;
}

static struct dma_buf *alloc(const char *name, uint64_t bytes)
{
	struct dma_buf *buf = NULL;

	T_EQ(dma_heap_alloc(heap(name), bytes, NULL, &buf), 0);
	return buf;
}

static uint64_t used(const char *name)
{
	struct dma_heap_info info = {.used = ~UINT64_C(0)};

	dma_heap_get_info(dma_heap_find(m, name), &info);
	return info.used;
}

/* Whether a device that does not snoop reads `byte` everywhere: the frames, in the order of the buffer. */
static bool device_reads(struct dma_buf *buf, unsigned char byte)
{
	struct range run[64];
	unsigned int n = dma_heap_runs(buf, run, 64);
	unsigned char page[FH_PAGE_SIZE];

	for (unsigned int i = 0; i < n && n <= 64; i++) {
		for (pfn_t p = run[i].start; p < run[i].end; p++) {
			if (tp.ram_is_file)
				testplat_bus_read(&tp, fh_pfn_to_phys(p), page, sizeof(page),
						  false);
			else
				memcpy(page, fh_page_address(m, p), sizeof(page));
			for (unsigned int k = 0; k < sizeof(page); k++)
				if (page[k] != byte)
					return false;
		}
	}
	return n && n <= 64;
}

static bool cpu_reads(struct dma_buf *buf, unsigned char byte)
{
	unsigned char *cpu = NULL;
	bool same = true;
	void *p;

	if (!T_EQ(dma_buf_vmap(buf, &p), 0))
		return false;
	cpu = p;
	for (uint64_t i = 0; i < buf->size && same; i++)
		same = cpu[i] == byte;
	dma_buf_vunmap(buf);
	return same;
}

static void fill(struct dma_buf *buf, int byte)
{
	void *cpu;

	T_EQ(dma_buf_begin_cpu_access(buf, DMA_BIDIRECTIONAL, 0), 0);
	if (T_EQ(dma_buf_vmap(buf, &cpu), 0)) {
		memset(cpu, byte, buf->size);
		dma_buf_vunmap(buf);
	}
	T_EQ(dma_buf_end_cpu_access(buf, DMA_BIDIRECTIONAL), 0);
}

/* ---- names ---- */

static void names_are(const char *const *name)
{
	struct dma_heap_info info;
	unsigned int n = 0;

	for (; name[n]; n++) {
		info.name[0] = '\0';
		dma_heap_get_info(dma_heap_nth(m, n), &info);
		T_STR(info.name, name[n]);
	}
	T_OK(!dma_heap_nth(m, n), "and no more");
}

static void heaps_of_all(void)
{
	static const char *const names[] = {"system",
					    "default_cma_region",
					    "area",
					    "vpu@41000000",
					    "system-dma32",
					    "system-uncached",
					    "system-uncached-dma32",
					    "ion@40800000",
					    "carveout",
					    "isp@40c00000",
					    "dsp@40400000",
					    NULL};

	T_NEED(start_with(every_kind(), PLAIN));
	names_are(names);
	T_OK(!dma_heap_find(m, "secure@41800000"), "firmware's memory is nobody's");
	T_OK(!dma_heap_find(m, "none") && !dma_heap_find(NULL, "system"), "no such");
	testplat_end(&tp, m);
}

static void heaps_of_a_kernel(void)
{
	static const char *const old[] = {"system", "area", NULL};
	static const char *const fixed[] = {"system", "default_cma_region", "area", NULL};
	static const char *const all[] = {"system", "default_cma_region", "area", "vpu@41000000",
					  NULL};
	static const struct {
		unsigned int like;
		const char *const *names;
	} of[] = {{6012, old}, {6016, old}, {6017, fixed}, {6018, fixed}, {6019, all}, {7000, all}};

	for (unsigned int i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		struct boot_config *cfg = every_kind();

		cfg->like = of[i].like;
		cfg->heaps_linux_only = true;
		T_NEED(start_with(cfg, PLAIN));
		names_are(of[i].names);
		testplat_end(&tp, m);
	}
}

/* ---- bytes ---- */

static const char *const kinds[] = {"system",	       "default_cma_region", "system-dma32",
				    "system-uncached", "carveout",	     "dsp@40400000"};
#define NR_KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* Used, dirtied by CPU and device, given back: what comes next is zero to both. */
static void zero_with(const char *name, unsigned int with)
{
	struct dma_buf *buf;
	struct range run[64];
	unsigned int n;

	T_NEED(start_with(every_kind(), with));
	for (unsigned int round = 0; round < 2; round++) {
		buf = alloc(name, 5 * FH_PAGE_SIZE + 1);
		T_NEED(buf);
		T_EQ(buf->size, 6 * FH_PAGE_SIZE);
		T_STR(buf->exp_name, name);
		T_OK(dma_heap_of(buf) == dma_heap_find(m, name), "its heap");
		T_EQ(!dma_heap_shared(buf), !(with & SHARE));
		T_EQ(used(name), buf->size);
		if (!(with & SHARE))
			T_OK(device_reads(buf, 0), name);
		T_OK(cpu_reads(buf, 0), "zero");
		fill(buf, 0xa5);
		n = dma_heap_runs(buf, run, 64);
		for (unsigned int i = 0; i < n && with & CACHES; i++)
			testplat_bus_write(&tp, fh_pfn_to_phys(run[i].start), "dirt", 4, false);
		dma_buf_put(buf);
		T_EQ(used(name), 0);
	}
	testplat_end(&tp, m);
}

static void zero_of_each_kind(void)
{
	for (unsigned int with = 0; with < 4; with++)
		for (unsigned int i = 0; i < NR_KINDS; i++) {
			/* Past the caches there are none without addresses. */
			zero_with(kinds[i], with);
		}
}

/* An object is not touched, nor shown, before somebody needs the bytes. */
static void shown_late(void)
{
	struct dma_buf *buf;
	struct device dev = {0};
	struct dma_buf_attachment *att;
	struct sg_table *sgt;

	T_NEED(start(SHARE));
	dev.machine = m;
	buf = alloc("system", 300 * FH_PAGE_SIZE);
	T_NEED(buf);
	T_OK(!testplat_shown(dma_heap_shared(buf)), "nobody has asked");
	T_EQ(dma_buf_attach(buf, &dev, &att), 0);
	T_OK(!testplat_shown(dma_heap_shared(buf)), "a device is not yet a transfer");
	memset(testplat_shared(dma_heap_shared(buf), 299), 0x42, FH_PAGE_SIZE);
	T_EQ(dma_buf_map_attachment_unlocked(att, DMA_BIDIRECTIONAL, &sgt), 0);
	T_OK(testplat_shown(dma_heap_shared(buf)), "now the frames are the object");
	T_EQ(*(unsigned char *)fh_page_address(
		     m, fh_phys_to_pfn(sgt->sgl[sgt->orig_nents - 1].phys) +
				(sgt->sgl[sgt->orig_nents - 1].length >> FH_PAGE_SHIFT) - 1),
	     0x42);
	TP_CHECK(m);
	dma_buf_unmap_attachment_unlocked(att, sgt, DMA_BIDIRECTIONAL);
	dma_buf_detach(buf, att);
	dma_buf_put(buf);
	testplat_end(&tp, m);
}

/* ---- shapes ---- */

static void large_runs_first(void)
{
	const struct range *none = NULL;
	struct range run[64];
	struct dma_buf *buf;
	uint64_t pages = 0;

	T_NEED(start(PLAIN));
	buf = alloc("system", 4 * MIB + 64 * 1024 + FH_PAGE_SIZE);
	T_NEED(buf);
	T_EQ(dma_heap_runs(buf, (struct range *)none, 0), dma_heap_runs(buf, run, 64));
	for (unsigned int i = 0; i < dma_heap_runs(buf, run, 64); i++)
		pages += run[i].end - run[i].start;
	T_EQ(pages, 1024 + 16 + 1);
	T_OK(dma_heap_runs(buf, run, 64) <= 6, "four of 1 MiB, one of 64 KiB, a page");
	TP_CHECK(m);
	dma_buf_put(buf);
	buf = alloc("default_cma_region", 3 * MIB);
	T_NEED(buf);
	T_EQ(dma_heap_runs(buf, run, 64), 1);
	T_EQ(run[0].end - run[0].start, 768);
	T_EQ(run[0].start & 0xff, 0);
	TP_CHECK(m);
	dma_buf_put(buf);
	testplat_end(&tp, m);
}

static void below_4g(void)
{
	struct range run[64];
	struct dma_buf *buf;

	T_NEED(start_with(every_kind(), PLAIN));
	buf = alloc("system-dma32", MIB);
	T_NEED(buf);
	for (unsigned int i = dma_heap_runs(buf, run, 64); i;)
		T_OK(fh_pfn_to_phys(run[--i].end).v <= m->cfg.dma32_limit, "below the limit");
	dma_buf_put(buf);
	testplat_end(&tp, m);
}

/* ---- refusals ---- */

static int refused(const char *name, uint64_t bytes)
{
	struct dma_buf *buf = (struct dma_buf *)&tp;
	int err = dma_heap_alloc(heap(name), bytes, NULL, &buf);

	T_OK(buf == (struct dma_buf *)&tp, "untouched");
	return err;
}

static void sizes_that_cannot_be(void)
{
	struct dma_buf *buf;

	T_NEED(start_with(every_kind(), PLAIN));
	for (unsigned int i = 0; i < NR_KINDS; i++) {
		T_EQ(refused(kinds[i], 0), -FH_EINVAL);
		T_EQ(refused(kinds[i], UINT64_MAX), -FH_EINVAL);
		T_EQ(refused(kinds[i], UINT64_MAX - FH_PAGE_SIZE), -FH_ENOMEM);
		T_EQ(refused(kinds[i], 65 * MIB), -FH_ENOMEM);
	}
	T_EQ(refused("system", 33 * MIB), -FH_ENOMEM);
	T_EQ(dma_heap_alloc(NULL, 4096, NULL, &buf), -FH_EINVAL);
	T_EQ(dma_heap_alloc(heap("system"), 4096, NULL, NULL), -FH_EINVAL);
	testplat_end(&tp, m);
}

/* Until there is no more; everything comes back. */
static void exhausted(void)
{
	static struct dma_buf *buf[4096];

	for (unsigned int i = 0; i < NR_KINDS; i++) {
		struct dma_heap_info info;
		unsigned int n = 0;

		T_NEED(start_with(every_kind(), i & 1 ? SHARE : PLAIN));
		while (n < 4096 && !dma_heap_alloc(heap(kinds[i]), 60 * 1024, NULL, &buf[n]))
			n++;
		T_OK(n > 50 && n < 4096, kinds[i]);
		dma_heap_get_info(heap(kinds[i]), &info);
		T_EQ(info.allocated, n);
		T_EQ(info.buffers, n);
		T_EQ(info.refused, 1);
		T_EQ(info.used, n * (uint64_t)60 * 1024);
		TP_CHECK(m);
		while (n)
			dma_buf_put(buf[--n]);
		dma_heap_get_info(heap(kinds[i]), &info);
		T_EQ(info.used, 0);
		T_EQ(info.peak, info.allocated * 60 * 1024);
		testplat_end(&tp, m);
	}
}

static void limit_of_a_heap(void)
{
	struct dma_buf *a, *b;

	T_NEED(start(PLAIN));
	dma_heap_set_limit(heap("system"), 3 * FH_PAGE_SIZE);
	a = alloc("system", 2 * FH_PAGE_SIZE);
	T_EQ(refused("system", 2 * FH_PAGE_SIZE), -FH_EDQUOT);
	b = alloc("system", FH_PAGE_SIZE);
	T_EQ(refused("system", 1), -FH_EDQUOT);
	dma_heap_set_limit(heap("system"), FH_PAGE_SIZE); /* what is more already, stays */
	T_EQ(refused("system", 1), -FH_EDQUOT);
	T_EQ(used("system"), 3 * FH_PAGE_SIZE);
	dma_buf_put(a);
	T_EQ(refused("system", 1), -FH_EDQUOT);
	dma_buf_put(b);
	dma_heap_set_limit(heap("system"), 0);
	dma_buf_put(alloc("system", MIB));
	testplat_end(&tp, m);
}

const struct t_case t_cases[] = {T(heaps_of_all),	  T(heaps_of_a_kernel),
				 T(zero_of_each_kind),	  T(shown_late),
				 T(large_runs_first),	  T(below_4g),
				 T(sizes_that_cannot_be), T(exhausted),
				 T(limit_of_a_heap),	  T_END};
