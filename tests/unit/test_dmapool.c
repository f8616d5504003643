/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* <freehold/dmapool.h>: where objects lie, against a model of who owns which bytes; every refusal; the file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <freehold/dma.h>
#include <freehold/dmapool.h>
#include <freehold/page.h>
#include "mm/machine.h"
#include "t.h"
#include "testplat.h"

#define KIB UINT64_C(1024)

static struct testplat tp;
static struct fh_machine *m;
static struct device dev;

static bool start(uint64_t mib)
{
	m = testplat_start(&tp, mib, 0, CMA_POLICY_GUARANTEED, 1);
	dev = (struct device){.machine = m, .name = "usb"};
	return m;
}

static bool says(const char *line)
{
	return strstr(m->dmesg.buf, line);
}

/* ---- a model: every object that is out, and what is written there ---- */

#define MAX_OUT 4096

struct object {
	dma_t handle;
	unsigned char *cpu;
	unsigned char mark;
};

static struct object out[MAX_OUT];
static unsigned int nr_out;
static uint32_t seed;

static uint32_t rnd(void)
{
	seed = seed * 1664525 + 1013904223;
	return seed >> 8;
}

static bool all(const unsigned char *p, unsigned char c, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		if (p[i] != c)
			return false;
	return true;
}

static void model_add(uint64_t size, uint64_t align, uint64_t boundary, dma_t handle, void *cpu,
		      bool zeroed)
{
	struct object *o = &out[nr_out++];

	*o = (struct object){handle, cpu, (unsigned char)rnd()};
	T_EQ(handle.v & (align - 1), 0);
	if (boundary)
		T_EQ(handle.v / boundary, (handle.v + size - 1) / boundary);
	if (!cpu)
		return;
	T_OK(cpu == (unsigned char *)fh_page_address(m, handle.v >> 12) + handle.v % 4096, "seen");
	T_OK(!zeroed || all(cpu, 0, size), "zeroed");
	memset(cpu, o->mark, size);
}

static void model_del(struct dma_pool *pool, uint64_t size, unsigned int i)
{
	T_OK(!out[i].cpu || all(out[i].cpu, out[i].mark, size), "nobody else wrote there");
	T_EQ(dma_pool_free(pool, out[i].cpu, out[i].handle), 0);
	out[i] = out[--nr_out];
}

/* Objects do not overlap: by addresses too, since a machine may have no bytes. */
static int by_handle(const void *a, const void *b)
{
	const struct object *x = a, *y = b;

	return x->handle.v < y->handle.v ? -1 : x->handle.v > y->handle.v;
}

static void model_check(uint64_t size)
{
	qsort(out, nr_out, sizeof(out[0]), by_handle);
	for (unsigned int i = 1; i < nr_out; i++)
		T_OK(out[i].handle.v - out[i - 1].handle.v >= size, "apart");
}

static void some_rounds(struct dma_pool *pool, uint64_t size, uint64_t align, uint64_t boundary)
{
	for (int n = 0; n < 4000; n++) {
		bool grow = nr_out < MAX_OUT / 4 ? rnd() % 8 < 5 : rnd() % 8 < 3, zero = rnd() & 1;
		dma_t handle;
		void *cpu;

		if (grow && nr_out < MAX_OUT && nr_out * size < 4096 * KIB) {
			if (!T_EQ(zero ? dma_pool_zalloc(pool, GFP_KERNEL, &handle, &cpu)
				       : dma_pool_alloc(pool, GFP_KERNEL, &handle, &cpu),
				  0))
				return;
			model_add(size, align, boundary, handle, cpu, zero);
		} else if (nr_out) {
			model_del(pool, size, rnd() % nr_out);
		}
	}
	model_check(size);
	TP_CHECK(m);
	while (nr_out)
		model_del(pool, size, rnd() % nr_out);
}

static const struct shape {
	uint64_t size, align, boundary, real; /* real: size as it becomes */
} shapes[] = {
	{1, 0, 0, 4},	       {4, 4, 0, 4},
	{24, 8, 0, 24},	       {24, 16, 64, 32},
	{40, 8, 64, 40},       {100, 4, 256, 100},
	{64, 64, 4096, 64},    {65, 64, 1024, 128},
	{1500, 1, 2048, 1500}, {2048, 2048, 0, 2048},
	{4096, 0, 4096, 4096}, {4097, 0, 8192, 4097},
	{3000, 8192, 0, 8192}, {20000, 32, 32768, 20000},
	{12, 4, 16, 12},
};

static void model(void)
{
	for (unsigned int i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		const struct shape *s = &shapes[i];
		struct dma_pool *pool;

		T_NEED(start(64));
		seed = i;
		T_NEED(!dma_pool_create("model", &dev, s->size, s->align, s->boundary, &pool));
		some_rounds(pool, s->real, s->align ? s->align : 1, s->boundary);
		T_EQ(dma_pool_destroy(pool), 0);
		testplat_end(&tp, m);
	}
}

static void no_bytes(void)
{
	struct dma_pool *pool;

	testplat_init(&tp);
	tp.no_ram = true;
	testplat_cpu(0);
	m = testplat_machine(&tp, 64, 0, CMA_POLICY_GUARANTEED, 1);
	T_NEED(m);
	dev = (struct device){.machine = m, .name = "usb"};
	T_NEED(!dma_pool_create("bare", &dev, 24, 8, 256, &pool));
	seed = 99;
	some_rounds(pool, 24, 8, 256);
	T_EQ(dma_pool_free(pool, NULL, (dma_t){TP_BASE}), -FH_EINVAL);
	T_EQ(dma_pool_destroy(pool), 0);
	testplat_end(&tp, m);
}

/* A page is filled before there is another, and refilled rather than another be taken. */
static void packs(void)
{
	struct dma_pool *pool;
	struct fh_mem_info before, now;
	uint64_t zeros = 0;

	T_NEED(start(64));
	fh_mem_info(m, &before);
	T_NEED(!dma_pool_create("packs", &dev, 100, 4, 256, &pool));
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 320; i++) { /* 16 chunks of 2 a page */
			dma_t handle;
			void *cpu;

			T_EQ(dma_pool_alloc(pool, GFP_KERNEL, &handle, &cpu), 0);
			out[nr_out++] = (struct object){handle, cpu, 0};
			zeros += handle.v % 256 == 0;
		}
		fh_mem_info(m, &now);
		fh_cpu_quiesce(m);
		fh_mem_info(m, &now);
		T_EQ(before.free - now.free, 10);
		for (unsigned int i = 0; i < nr_out; i++)
			T_EQ(dma_pool_free(pool, out[i].cpu, out[i].handle), 0);
		nr_out = 0;
		fh_cpu_quiesce(m);
		fh_mem_info(m, &now);
		T_EQ(before.free - now.free, 10); /* empty pages stay */
	}
	T_EQ(zeros, 320);
	T_EQ(dma_pool_destroy(pool), 0);
	testplat_end(&tp, m);
}

/* ---- refusals ---- */

static void bad_arguments(void)
{
	struct device nowhere = {.name = "none"};
	struct dma_pool *pool = NULL;
	dma_t handle = {7};
	void *cpu = &handle;

	T_NEED(start(64));
	T_EQ(dma_pool_create(NULL, &dev, 16, 0, 0, &pool), -FH_EINVAL);
	T_EQ(dma_pool_create("x", NULL, 16, 0, 0, &pool), -FH_EINVAL);
	T_EQ(dma_pool_create("x", &nowhere, 16, 0, 0, &pool), -FH_EINVAL);
	T_EQ(dma_pool_create("x", &dev, 16, 0, 0, NULL), -FH_EINVAL);
	T_EQ(dma_pool_create("x", &dev, 0, 0, 0, &pool), -FH_EINVAL);
	T_EQ(dma_pool_create("x", &dev, UINT64_C(1) << 31, 0, 0, &pool), -FH_EINVAL);
	T_EQ(dma_pool_create("x", &dev, UINT64_MAX, 64, 0, &pool), -FH_EINVAL);
	T_EQ(dma_pool_create("x", &dev, 16, 3, 0, &pool), -FH_EINVAL);
	T_EQ(dma_pool_create("x", &dev, 16, DMA_POOL_MAX_ALIGN * 2, 0, &pool), -FH_EINVAL);
	T_EQ(dma_pool_create("x", &dev, 16, 8, 24, &pool), -FH_EINVAL);
	T_EQ(dma_pool_create("x", &dev, 17, 16, 16, &pool), -FH_EINVAL);
	T_OK(!pool, "none was made");
	T_NEED(!dma_pool_create("x", &dev, 16, 0, 0, &pool));
	T_EQ(dma_pool_alloc(NULL, GFP_KERNEL, &handle, &cpu), -FH_EINVAL);
	T_EQ(dma_pool_alloc(pool, GFP_KERNEL, NULL, &cpu), -FH_EINVAL);
	T_EQ(dma_pool_alloc(pool, GFP_KERNEL, &handle, NULL), -FH_EINVAL);
	T_EQ(dma_pool_free(NULL, cpu, handle), -FH_EINVAL);
	T_EQ(dma_pool_destroy(NULL), 0);
	T_EQ(handle.v, 7);
	T_EQ(dma_pool_destroy(pool), 0);
	testplat_end(&tp, m);
}

/* What is not this pool's object, now, changes nothing. */
static void wrong_frees(void)
{
	struct dma_pool *pool, *other;
	dma_t a, b, c;
	char *pa, *pb, *pc;

	T_NEED(start(64));
	T_NEED(!dma_pool_create("ring", &dev, 100, 4, 256, &pool));
	T_NEED(!dma_pool_create("other", &dev, 100, 4, 256, &other));
	T_EQ(dma_pool_alloc(pool, GFP_KERNEL, &a, (void **)&pa), 0);
	T_EQ(dma_pool_alloc(pool, GFP_KERNEL, &b, (void **)&pb), 0);
	T_EQ(dma_pool_alloc(other, GFP_KERNEL, &c, (void **)&pc), 0);
	T_EQ(dma_pool_free(pool, pc, c), -FH_EINVAL);
	T_OK(says("usb: dma_pool_free ring, 0x") && says("(bad dma)"), "as Linux says it");
	T_EQ(dma_pool_free(pool, pa, b), -FH_EINVAL);
	T_EQ(dma_pool_free(pool, pa + 4, (dma_t){a.v + 4}), -FH_EINVAL);
	T_EQ(dma_pool_free(pool, pa + 200, (dma_t){a.v + 200}), -FH_EINVAL); /* the chunk's rest */
	T_EQ(dma_pool_free(pool, NULL, (dma_t){0}), -FH_EINVAL);
	T_EQ(dma_pool_free(pool, NULL, (dma_t){UINT64_MAX}), -FH_EINVAL);
	T_OK(!says("already free"), "none of these was");
	T_EQ(dma_pool_free(pool, pa + 256, (dma_t){a.v + 256}), -FH_EINVAL);
	T_OK(says("usb: dma_pool_free ring, dma 0x") && says("already free"), "never given out");
	TP_CHECK(m);
	T_EQ(dma_pool_free(pool, pa, a), 0);
	T_EQ(dma_pool_free(pool, pa, a), -FH_EINVAL);
	T_EQ(dma_pool_destroy(pool), -FH_EBUSY);
	T_OK(says("usb: dma_pool_destroy ring busy"), "as Linux says it");
	TP_CHECK(m);
	T_EQ(dma_pool_free(pool, pb, b), 0);
	T_EQ(dma_pool_destroy(pool), 0);
	T_EQ(dma_pool_free(other, pc, c), 0);
	T_EQ(dma_pool_destroy(other), 0);
	testplat_end(&tp, m);
}

/* What the device does not reach, or would cross a boundary, is not handed out, and goes back. */
static void out_of_place(void)
{
	struct dma_pool *pool;
	dma_t handle;
	void *cpu;

	T_NEED(start(64));
	dev.coherent_dma_mask = TP_BASE - 1; /* nothing is reached */
	T_NEED(!dma_pool_create("far", &dev, 64, 0, 0, &pool));
	T_EQ(dma_pool_alloc(pool, GFP_KERNEL, &handle, &cpu), -FH_ENOMEM);
	TP_CHECK(m);
	T_EQ(dma_pool_destroy(pool), 0);
	dev.coherent_dma_mask = 0;
	/* 12 KiB lie at a multiple of 16 KiB: a second one does not fit in. */
	T_NEED(!dma_pool_create("big", &dev, 12 * KIB, 4 * KIB, 16 * KIB, &pool));
	for (int i = 0; i < 8; i++) {
		T_EQ(dma_pool_alloc(pool, GFP_KERNEL, &handle, &cpu), 0);
		T_EQ(handle.v >> 14, (handle.v + 12 * KIB - 1) >> 14);
		out[nr_out++] = (struct object){handle, cpu, 0};
	}
	while (nr_out--)
		T_EQ(dma_pool_free(pool, out[nr_out].cpu, out[nr_out].handle), 0);
	nr_out = 0;
	T_EQ(dma_pool_destroy(pool), 0);
	testplat_end(&tp, m);
}

/* Large buffers are aligned to 1 MiB and no more: 1.5 MiB may cross a multiple of 2. */
static void crosses(void)
{
	struct dma_pool *pool;
	struct cma *cma;
	dma_t handle;
	void *cpu;
	pfn_t pfn;

	m = testplat_start(&tp, 64, 16, CMA_POLICY_GUARANTEED, 1);
	T_NEED(m);
	dev = (struct device){.machine = m, .name = "usb", .cma_area = cma_default(m)};
	cma = cma_default(m);
	T_NEED(!dma_pool_create("huge", &dev, 1536 * KIB, 0, 2048 * KIB, &pool));
	T_EQ(cma_alloc(cma, 4096, 8, 0, &pfn), 0);
	T_OK(cma_release(cma, pfn + 256, 384), "only there is room");
	T_EQ(dma_pool_alloc(pool, GFP_KERNEL, &handle, &cpu), -FH_ENOMEM);
	TP_CHECK(m);
	T_OK(cma_release(cma, pfn, 256) && cma_release(cma, pfn + 640, 4096 - 640), "released");
	T_EQ(dma_pool_alloc(pool, GFP_KERNEL, &handle, &cpu), 0);
	T_EQ(dma_pool_free(pool, cpu, handle), 0);
	T_EQ(dma_pool_destroy(pool), 0);
	testplat_end(&tp, m);
}

/* ---- two at once enlarge the table: the second, while the first waits for its memory ---- */

static void *(*real_alloc)(void *ctx, size_t size);
static struct dma_pool *growing_pool;
static bool armed;

static void take_one(void)
{
	dma_t handle;
	void *cpu;

	T_EQ(dma_pool_alloc(growing_pool, GFP_ATOMIC, &handle, &cpu), 0);
	out[nr_out++] = (struct object){handle, cpu, 0};
}

static void *alloc_between(void *ctx, size_t size)
{
	if (armed && size == 32 * sizeof(void *)) {
		armed = false;
		take_one(); /* of the page that is new */
		take_one(); /* of another */
	}
	return real_alloc(ctx, size);
}

static void both_grow(void)
{
	testplat_init(&tp);
	testplat_cpu(0);
	real_alloc = tp.plat.alloc;
	tp.plat.alloc = alloc_between;
	m = testplat_machine(&tp, 64, 0, CMA_POLICY_GUARANTEED, 1);
	T_NEED(m);
	dev = (struct device){.machine = m, .name = "usb"};
	T_NEED(!dma_pool_create("grows", &dev, 4096, 0, 0, &growing_pool));
	armed = true;
	while (nr_out < 40)
		take_one();
	T_OK(!armed, "somebody was in between");
	TP_CHECK(m);
	for (; nr_out; nr_out--)
		T_EQ(dma_pool_free(growing_pool, out[nr_out - 1].cpu, out[nr_out - 1].handle), 0);
	T_EQ(dma_pool_destroy(growing_pool), 0);
	testplat_end(&tp, m);
}

/* Every nth allocation of the platform fails: an error, or all is as asked for; nothing is lost. */
static void every_failure(void)
{
	unsigned int refused = 0;

	for (int nth = 1; nth < 40; nth++) {
		struct dma_pool *pool = NULL;
		dma_t handle;
		void *cpu;
		int err;

		T_NEED(start(64));
		atomic_store(&tp.fail_nth, nth);
		tp.fail_sticky = nth & 1;
		err = dma_pool_create("fails", &dev, 4096, 0, 0, &pool);
		T_OK(!err || (err == -FH_ENOMEM && !pool), "made, or not");
		refused += err != 0;
		for (int i = 0; i < 80 && !err; i++) {
			handle.v = 1;
			err = dma_pool_alloc(pool, GFP_KERNEL, &handle, &cpu);
			if (err) {
				T_EQ(err, -FH_ENOMEM);
				T_EQ(handle.v, 1);
				refused++;
				err = 0;
			} else {
				out[nr_out++] = (struct object){handle, cpu, 0};
			}
			if (i == 40)
				TP_CHECK(m);
		}
		for (; nr_out; nr_out--)
			T_EQ(dma_pool_free(pool, out[nr_out - 1].cpu, out[nr_out - 1].handle), 0);
		T_EQ(dma_pool_destroy(pool), 0);
		testplat_end(&tp, m);
	}
	T_OK(refused > 40, "some of it failed");
}

/* No memory left: -ENOMEM, and again objects once one is free. */
static void exhausted(void)
{
	struct dma_pool *pool;
	dma_t handle, last = {0};
	void *cpu, *last_cpu = NULL;
	uint64_t n = 0;

	T_NEED(start(8));
	T_NEED(!dma_pool_create("all", &dev, 64 * KIB, 0, 0, &pool));
	while (n < MAX_OUT && !dma_pool_alloc(pool, GFP_KERNEL | __GFP_NOWARN, &handle, &cpu)) {
		out[n++] = (struct object){handle, cpu, 0};
		last = handle, last_cpu = cpu;
	}
	T_OK(n > 50 && n <= 128, "nearly all of 8 MiB");
	T_EQ(dma_pool_free(pool, last_cpu, last), 0);
	T_EQ(dma_pool_alloc(pool, GFP_ATOMIC, &handle, &cpu), 0);
	T_EQ(handle.v, last.v);
	while (n--)
		T_EQ(dma_pool_free(pool, out[n].cpu, out[n].handle), 0);
	T_EQ(dma_pool_destroy(pool), 0);
	testplat_end(&tp, m);
}

/* ---- shown, and ended ---- */

static void file(void)
{
	struct dma_pool *pool, *other;
	struct device lcd;
	char text[512];
	dma_t handle;
	size_t len;
	void *cpu;

	T_NEED(start(64));
	lcd = (struct device){.machine = m, .name = "lcd"};
	T_EQ(fh_view_read(m, "sys/kernel/debug/freehold/dma_pools", text, sizeof(text), &len), 0);
	T_STR(text, "poolinfo - 0.1\n");
	T_NEED(!dma_pool_create("buffer-2048", &dev, 2048, 2048, 0, &pool));
	T_NEED(!dma_pool_create("a name that is longer than there is room for", &lcd, 5, 4, 0,
				&other));
	for (int i = 0; i < 3; i++) {
		T_EQ(dma_pool_alloc(pool, GFP_KERNEL, &handle, &cpu), 0);
		out[i] = (struct object){handle, cpu, 0};
	}
	T_EQ(fh_view_read(m, "sys/kernel/debug/freehold/dma_pools", text, sizeof(text), &len), 0);
	T_STR(text, "poolinfo - 0.1\n"
		    "a name that is longer than ther    0    0    8  0 lcd\n"
		    "buffer-2048         3    4 2048  2 usb\n");
	for (int i = 0; i < 3; i++)
		T_EQ(dma_pool_free(pool, out[i].cpu, out[i].handle), 0);
	T_EQ(dma_pool_destroy(pool), 0);
	T_EQ(dma_pool_destroy(other), 0);
	testplat_end(&tp, m);
}

/* Pools that nobody destroyed go with their machine, after the device. */
static void machine_ends(void)
{
	struct device *gone = calloc(1, sizeof(*gone));
	struct dma_pool *pool;
	dma_t handle;
	void *cpu;

	T_NEED(gone && start(64));
	*gone = dev;
	T_NEED(!dma_pool_create("left", gone, 64, 0, 0, &pool));
	T_EQ(dma_pool_alloc(pool, GFP_KERNEL, &handle, &cpu), 0);
	free(gone);
	fh_machine_destroy(m);
	testplat_fini(&tp);
}

const struct t_case t_cases[] = {
	T(model),	 T(no_bytes),	  T(packs),	T(bad_arguments), T(wrong_frees),
	T(out_of_place), T(crosses),	  T(both_grow), T(every_failure), T(exhausted),
	T(file),	 T(machine_ends), T_END};
