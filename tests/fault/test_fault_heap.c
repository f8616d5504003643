/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Heaps while platform calls fail: the first of a scenario, the second, and so on until a run passes without a failure; once, and from
 * there on all of them. Each call returns an error of its contract, and nothing is lost, leaked or charged.
 */
#include <stdlib.h>
#include <freehold/heap.h>
#include <freehold/object.h>
#include "buf/dmabuf.h"
#include "mm/machine.h"
#include "t.h"
#include "testplat.h"

#define MIB (UINT64_C(1) << 20)

static struct testplat tp;
static struct fh_machine *m;

static bool fair(int err)
{
	if (err) {
		T_EQ(err, -FH_ENOMEM);
		T_OK(atomic_load(&tp.failed) > 0, "something did fail");
	}
	return !err;
}

static struct boot_config *config(void)
{
	struct boot_config *cfg = testplat_config(32, 8, CMA_POLICY_GUARANTEED, 1, TP_ONE_ZONE);

	cfg->region[1] = (struct boot_region){.name = "ion",
					      .base = TP_BASE + 8 * MIB,
					      .size = 4 * MIB,
					      .kind = BOOT_REGION_RESERVED,
					      .flags = BOOT_REGION_CARVEOUT};
	cfg->region[2] = (struct boot_region){.name = "dsp",
					      .base = TP_BASE + 12 * MIB,
					      .size = 4 * MIB,
					      .kind = BOOT_REGION_DMA_POOL,
					      .flags = BOOT_REGION_SHARED};
	cfg->nr_regions = 3;
	return cfg;
}

/* Bytes that were had are right, whatever failed on the way. */
static void use(struct dma_buf *buf)
{
	struct device dev = {.machine = m};
	struct dma_buf_attachment *att;
	struct fh_space *space;
	struct tp_space *host = testplat_space(&tp);
	struct sg_table *sgt;
	void *cpu;

	if (fair(dma_buf_vmap(buf, &cpu))) {
		T_EQ(((unsigned char *)cpu)[buf->size - 1], 0);
		((unsigned char *)cpu)[buf->size - 1] = 0x42;
		dma_buf_vunmap(buf);
		if (fair(dma_buf_vmap(buf, &cpu))) {
			T_EQ(((unsigned char *)cpu)[buf->size - 1], 0x42);
			dma_buf_vunmap(buf);
		}
	}
	if (fair(dma_buf_attach(buf, &dev, &att))) {
		if (fair(dma_buf_map_attachment_unlocked(att, DMA_TO_DEVICE, &sgt)))
			dma_buf_unmap_attachment_unlocked(att, sgt, DMA_TO_DEVICE);
		dma_buf_detach(buf, att);
	}
	if (fair(fh_space_create(m, host, &space))) {
		if (fair(dma_buf_mmap(buf, space, 10, (struct range){1, 3})))
			dma_buf_munmap(buf, space, 10, (struct range){1, 3});
		fh_space_destroy(space);
	}
	free(host);
}

static void scenario(const char *name)
{
	struct dma_holder *a = NULL, *b = NULL;
	struct dma_buf *buf[2] = {NULL, NULL};
	struct dma_heap *heap = dma_heap_find(m, name);

	if (!fair(dma_holder_create(m, "a", 1, &a)))
		a = NULL;
	if (!fair(dma_holder_create(m, "b", 2, &b)))
		b = NULL;
	for (unsigned int i = 0; i < 2; i++)
		if (!fair(dma_heap_alloc(heap, (70 + 9 * i) * FH_PAGE_SIZE, a, &buf[i])))
			buf[i] = NULL;
	TP_CHECK(m);
	for (unsigned int i = 0; i < 2; i++) {
		if (!buf[i])
			continue;
		use(buf[i]);
		if (b)
			(void)fair(dma_holder_add(b, buf[i]));
		dma_buf_put(buf[i]);
	}
	TP_CHECK(m);
	dma_holder_destroy(a);
	TP_CHECK(m);
	dma_holder_destroy(b);
	T_OK(!m->buf->buffers, "nothing is left");
	if (heap) {
		struct dma_heap_info info;

		dma_heap_get_info(heap, &info);
		T_EQ(info.used, 0);
		T_EQ(info.buffers, 0);
		T_EQ(info.allocated + info.refused, 2);
	}
}

static void each_call(const char *name, bool sticky, bool share)
{
	bool failed = true;
	unsigned int nth = 0;

	while (failed && ++nth < 500) {
		testplat_init(&tp);
		testplat_cpu(0);
		testplat_caches(&tp, 64);
		if (share)
			testplat_share(&tp);
		m = testplat_machine_of(&tp, config());
		T_NEED(m);
		tp.fail_sticky = sticky;
		atomic_store(&tp.failed, 0);
		atomic_store(&tp.fail_nth, nth);
		scenario(name);
		failed = atomic_load(&tp.failed) > 0;
		atomic_store(&tp.fail_nth, 0);
		testplat_end(&tp, m);
	}
	T_OK(nth > 15 && nth < 500, "until nothing fails");
}

static const char *const kinds[] = {"system", "area", "system-uncached", "ion", "dsp"};

static void once(void)
{
	for (unsigned int i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		each_call(kinds[i], false, false);
		each_call(kinds[i], false, true);
	}
}

static void from_there_on(void)
{
	for (unsigned int i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		each_call(kinds[i], true, false);
		each_call(kinds[i], true, true);
	}
}

/* The heaps themselves. */
static void birth(void)
{
	struct boot_config *cfg = config();
	unsigned int nth = 0;
	int err = 1;

	testplat_init(&tp);
	testplat_cpu(0);
	testplat_caches(&tp, 64);
	while (err && ++nth < 2000) {
		atomic_store(&tp.fail_nth, nth);
		err = fh_machine_create(&tp.plat, cfg, &m);
		T_OK(err == 0 || err == -FH_ENOMEM, "an error of its contract");
		if (err)
			T_EQ(atomic_load(&tp.live), 0);
	}
	atomic_store(&tp.fail_nth, 0);
	T_EQ(err, 0);
	T_OK(dma_heap_find(m, "dsp"), "whole");
	TP_CHECK(m);
	fh_machine_destroy(m);
	testplat_fini(&tp);
	free(cfg);
}

const struct t_case t_cases[] = {T(once), T(from_there_on), T(birth), T_END};
