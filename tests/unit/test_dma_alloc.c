/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* <freehold/dma.h>: which pool a buffer comes from, what the device reaches, and every bad argument. */
#include <string.h>
#include <freehold/dma.h>
#include <freehold/object.h>
#include <freehold/page.h>
#include "mm/machine.h"
#include "t.h"
#include "testplat.h"

#define MIB (UINT64_C(1) << 20)

static struct testplat tp;
static struct fh_machine *m;
static struct device dev;

static bool start(enum tp_zones zones, uint64_t mib)
{
	struct boot_config *cfg = testplat_config(mib, 16, CMA_POLICY_GUARANTEED, 1, zones);

	testplat_init(&tp);
	testplat_cpu(0);
	m = testplat_machine_of(&tp, cfg);
	dev = (struct device){.machine = m, .name = "camera"};
	return m;
}

static bool in_area(dma_t handle)
{
	return handle.v - cma_get_base(cma_default(m)).v < cma_get_size(cma_default(m));
}

static void bad_arguments(void)
{
	struct device nowhere = {.name = "none"};
	dma_t handle = {9}, made;
	void *cpu = &handle;

	T_NEED(start(TP_ONE_ZONE, 64));
	T_EQ(dma_alloc_coherent(NULL, 4096, GFP_KERNEL, &handle, &cpu), -FH_EINVAL);
	T_EQ(dma_alloc_coherent(&nowhere, 4096, GFP_KERNEL, &handle, &cpu), -FH_EINVAL);
	T_EQ(dma_alloc_coherent(&dev, 0, GFP_KERNEL, &handle, &cpu), -FH_EINVAL);
	T_EQ(dma_alloc_coherent(&dev, 4096, GFP_KERNEL, NULL, &cpu), -FH_EINVAL);
	T_EQ(dma_alloc_coherent(&dev, 4096, GFP_KERNEL, &handle, NULL), -FH_EINVAL);
	T_EQ(dma_alloc_coherent(&dev, UINT64_MAX, GFP_KERNEL | __GFP_NOWARN, &handle, &cpu),
	     -FH_ENOMEM);
	T_EQ(dma_alloc_coherent(&dev, UINT64_C(1) << 63, GFP_KERNEL | __GFP_NOWARN, &handle, &cpu),
	     -FH_ENOMEM);
	T_EQ(handle.v, 9);
	T_EQ(dma_alloc_coherent(&dev, 10 * 4096, GFP_KERNEL, &made, &cpu), 0);
	T_EQ(dma_free_coherent(NULL, 4096, cpu, made), -FH_EINVAL);
	T_EQ(dma_free_coherent(&nowhere, 4096, cpu, made), -FH_EINVAL);
	T_EQ(dma_free_coherent(&dev, 0, cpu, made), -FH_EINVAL);
	T_EQ(dma_free_coherent(&dev, 4096, cpu, (dma_t){made.v + 1}), -FH_EINVAL);
	T_EQ(dma_free_coherent(&dev, 4096, cpu, (dma_t){0}), -FH_EINVAL);
	T_EQ(dma_free_coherent(&dev, 4096, cpu, (dma_t){~UINT64_C(4095)}), -FH_EINVAL);
	T_EQ(dma_free_coherent(&dev, UINT64_MAX, cpu, made), -FH_EINVAL);
	T_EQ(dma_free_coherent(&dev, 11 * 4096, cpu, made), -FH_EINVAL);
	TP_CHECK(m);
	T_EQ(dma_free_coherent(&dev, 10 * 4096, cpu, made), 0);
	testplat_end(&tp, m);
}

/* Zeroed, whole, aligned to the smaller of its order and 2^8 pages. */
static void buffers(void)
{
	static const uint64_t sizes[] = {1,	    4096,	4097,	    3 * 4096,
					 64 * 4096, 100 * 4096, 300 * 4096, MIB};

	T_NEED(start(TP_ONE_ZONE, 64));
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint64_t align = 4096, sum = 0;
		unsigned char *p;
		dma_t handle;
		void *cpu;

		while (align < sizes[i] && align < 256 * 4096)
			align *= 2;
		for (int round = 0; round < 2; round++) {
			T_EQ(dma_alloc_coherent(&dev, sizes[i], GFP_KERNEL, &handle, &cpu), 0);
			T_EQ(handle.v & (align - 1), 0);
			T_OK(cpu == fh_page_address(m, handle.v >> 12), "where the CPU sees it");
			p = cpu;
			for (uint64_t k = 0; k < sizes[i]; k++)
				sum += p[k];
			T_EQ(sum, 0);
			memset(p, 0xff, sizes[i]);
			TP_CHECK(m);
			T_EQ(dma_free_coherent(&dev, sizes[i], cpu, handle), 0);
		}
	}
	testplat_end(&tp, m);
}

/* Linux's order: own area; else the default area for more than a page; else buddy. */
static void pools(void)
{
	struct fh_mem_info info;
	dma_t one, two, now;
	void *cpu, *cpu_two, *cpu_now;

	T_NEED(start(TP_ONE_ZONE, 64));
	T_EQ(dma_alloc_coherent(&dev, 4096, GFP_KERNEL, &one, &cpu), 0);
	T_OK(!in_area(one), "a page: buddy");
	T_EQ(dma_alloc_coherent(&dev, 8192, GFP_KERNEL, &two, &cpu_two), 0);
	T_OK(in_area(two), "more: the default area");
	T_EQ(dma_alloc_coherent(&dev, 8192, GFP_ATOMIC, &now, &cpu_now), 0);
	T_OK(!in_area(now), "in a hurry: buddy");
	T_EQ(dma_free_coherent(&dev, 4096, cpu, one), 0);
	T_EQ(dma_free_coherent(&dev, 8192, cpu_two, two), 0);
	T_EQ(dma_free_coherent(&dev, 8192, cpu_now, now), 0);
	dev.cma_area = cma_default(m);
	T_EQ(dma_alloc_coherent(&dev, 4096, GFP_KERNEL, &one, &cpu), 0);
	T_OK(in_area(one), "its own area, a single page, too");
	fh_mem_info(m, &info);
	T_EQ(info.cma_device, 1);
	T_EQ(dma_free_coherent(&dev, 4096, cpu, one), 0);
	testplat_end(&tp, m);
}

/* 192 MiB: DMA below +64, DMA32 below +128; the area lies at the top, out of reach. */
static void reach(void)
{
	dma_t handle;
	void *cpu;

	T_NEED(start(TP_THREE_ZONES, 192));
	dev.coherent_dma_mask = TP_BASE + 128 * MIB - 1;
	for (uint64_t pages = 1; pages <= 64; pages *= 4) {
		T_EQ(dma_alloc_coherent(&dev, pages * 4096, GFP_KERNEL, &handle, &cpu), 0);
		T_OK(handle.v + pages * 4096 - 1 <= dev.coherent_dma_mask, "within the mask");
		T_EQ(dma_free_coherent(&dev, pages * 4096, cpu, handle), 0);
	}
	dev.coherent_dma_mask = TP_BASE + 64 * MIB - 1;
	T_EQ(dma_alloc_coherent(&dev, 5 * 4096, GFP_KERNEL, &handle, &cpu), 0);
	T_OK(handle.v + 5 * 4096 - 1 <= dev.coherent_dma_mask, "within the mask");
	T_EQ(dma_free_coherent(&dev, 5 * 4096, cpu, handle), 0);
	dev.coherent_dma_mask = TP_BASE - 1;
	T_EQ(dma_alloc_coherent(&dev, 4096, GFP_KERNEL, &handle, &cpu), -FH_ENOMEM);
	TP_CHECK(m);
	testplat_end(&tp, m);
}

/* Freed twice, of another size, or never allocated: an error, and nothing is freed. */
static void freed_wrongly(void)
{
	struct fh_object *o;
	dma_t small, large;
	void *cpu;
	pfn_t pfn;

	T_NEED(start(TP_ONE_ZONE, 64));
	T_EQ(dma_alloc_coherent(&dev, 100 * 4096, GFP_KERNEL, &large, &cpu), 0);
	T_EQ(dma_free_coherent(&dev, 101 * 4096, cpu, large), -FH_EINVAL);
	T_EQ(dma_free_coherent(&dev, 100 * 4096, cpu, large), 0);
	T_EQ(dma_free_coherent(&dev, 100 * 4096, cpu, large), -FH_EINVAL);
	T_EQ(dma_alloc_coherent(&dev, 3 * 4096, GFP_ATOMIC, &small, &cpu), 0);
	T_EQ(dma_free_coherent(&dev, 3 * 4096, cpu, small), 0);
	TP_CHECK(m);
	T_EQ(fh_object_create(m, 1, NULL, NULL, &o), 0);
	T_EQ(fh_object_write(o, 0, 0, "x", 1), 0);
	T_EQ(fh_object_where(o, 0, &pfn), 0);
	T_EQ(dma_free_coherent(&dev, 4096, cpu, (dma_t){pfn << 12}), -FH_EINVAL);
	TP_CHECK(m);
	fh_object_destroy(o);
	testplat_end(&tp, m);
}

/* The same for what buddy gave, while this CPU caches it. */
static void freed_twice_from_the_cache(void)
{
	dma_t small;
	void *cpu;

	T_NEED(start(TP_ONE_ZONE, 64));
	T_EQ(dma_alloc_coherent(&dev, 4096, GFP_KERNEL, &small, &cpu), 0);
	T_EQ(dma_free_coherent(&dev, 4096, cpu, small), 0);
	T_EQ(dma_free_coherent(&dev, 4096, cpu, small), -FH_EINVAL);
	T_EQ(dma_alloc_coherent(&dev, 3 * 4096, GFP_ATOMIC, &small, &cpu), 0);
	T_EQ(dma_free_coherent(&dev, 3 * 4096, cpu, small), 0);
	T_EQ(dma_free_coherent(&dev, 3 * 4096, cpu, small), -FH_EINVAL);
	TP_CHECK(m);
	testplat_end(&tp, m);
}

/* An area that is full: buddy serves what it can; what it cannot is refused for the area's reason. */
static void full_area(void)
{
	struct cma_failure f;
	dma_t all, more, huge;
	void *cpu, *cpu_more;

	T_NEED(start(TP_ONE_ZONE, 64));
	T_EQ(dma_alloc_coherent(&dev, 16 * MIB, GFP_KERNEL, &all, &cpu), 0);
	T_EQ(dma_alloc_coherent(&dev, 2 * 4096, GFP_KERNEL | __GFP_NOWARN, &more, &cpu_more), 0);
	T_OK(!in_area(more), "buddy");
	T_EQ(dma_alloc_coherent(&dev, 8 * MIB, GFP_KERNEL | __GFP_NOWARN, &huge, &cpu), -FH_ENOMEM);
	cma_last_failure(cma_default(m), &f);
	T_EQ(f.request.count, 2048);
	T_EQ(dma_free_coherent(&dev, 16 * MIB, cpu, all), 0);
	T_EQ(dma_free_coherent(&dev, 2 * 4096, cpu_more, more), 0);
	testplat_end(&tp, m);
}

const struct t_case t_cases[] = {T(bad_arguments), T(buffers),
				 T(pools),	   T(reach),
				 T(freed_wrongly), T(freed_twice_from_the_cache),
				 T(full_area),	   T_END};
