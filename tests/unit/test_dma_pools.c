/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Pools of coherent memory: a region's, the machine's, and the atomic ones: what they give, exhaustion, growth, and wrong frees. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <freehold/dma.h>
#include <freehold/page.h>
#include "dma/coherent.h"
#include "dma/dma.h"
#include "dma/pool.h"
#include "t.h"
#include "testplat.h"

#define MIB  (UINT64_C(1) << 20)
#define PAGE UINT64_C(4096)

static struct testplat tp;
static struct fh_machine *m;

static struct boot_config *config(uint64_t mib, uint64_t cma_mib)
{
	return testplat_config(mib, cma_mib, CMA_POLICY_GUARANTEED, 1, TP_ONE_ZONE);
}

static struct boot_region *add_pool(struct boot_config *cfg, const char *name, uint64_t at,
				    uint64_t size, unsigned int flags)
{
	struct boot_region *r = &cfg->region[cfg->nr_regions++];

	*r = (struct boot_region){
		.base = at, .size = size, .kind = BOOT_REGION_DMA_POOL, .flags = flags};
	snprintf(r->name, sizeof(r->name), "%s", name);
	return r;
}

static bool start(struct boot_config *cfg, bool caches)
{
	testplat_init(&tp);
	testplat_cpu(0);
	if (caches)
		testplat_caches(&tp, 64);
	m = testplat_machine_of(&tp, cfg);
	return m;
}

static void end(void)
{
	TP_CHECK(m);
	fh_machine_destroy(m);
	T_EQ(tp.live, 0);
	testplat_fini(&tp);
}

static bool is_zero(const void *p, uint64_t size)
{
	const unsigned char *b = p;

	for (uint64_t i = 0; i < size; i++)
		if (b[i])
			return false;
	return true;
}

/* ---- regions ---- */

static void region_pool(void)
{
	struct boot_config *cfg = config(64, 0);
	struct dma_refusal why;
	dma_t h[5];
	void *cpu[5];

	add_pool(cfg, "vdev0buffer@48100000", TP_BASE + 16 * MIB, 64 * PAGE, 0);
	T_NEED(start(cfg, true));
	struct device dev = {.machine = m, .name = "rproc"};

	dev.dma_mem = dma_pool_of_region(m, "vdev0buffer@48100000");
	T_NEED(dev.dma_mem);
	T_OK(!dma_pool_of_region(m, "vdev0"), "whole names");
	/* Three pages take three, and begin at a multiple of four; the next pages lie before them and behind. */
	T_EQ(dma_alloc_coherent(&dev, PAGE, GFP_KERNEL, &h[0], &cpu[0]), 0);
	T_EQ(dma_alloc_coherent(&dev, 3 * PAGE, GFP_ATOMIC, &h[1], &cpu[1]), 0);
	T_EQ(dma_alloc_coherent(&dev, PAGE, GFP_KERNEL, &h[2], &cpu[2]), 0);
	T_EQ(h[0].v, TP_BASE + 16 * MIB);
	T_EQ(h[1].v, TP_BASE + 16 * MIB + 4 * PAGE);
	T_EQ(h[2].v, TP_BASE + 16 * MIB + PAGE);
	memset(cpu[1], 0xee, 3 * PAGE);
	T_EQ(dma_alloc_coherent(&dev, 57 * PAGE, GFP_KERNEL, &h[3], &cpu[3]), -FH_ENOMEM);
	T_EQ(dma_refusals(m, &why, 1), 1);
	T_EQ(why.nr_steps, 1);
	T_STR(why.device, "rproc");
	T_STR(why.step[0].why,
	      "vdev0buffer@48100000: 236 of 256 KiB free, the longest run 228 KiB");
	T_EQ(dma_alloc_coherent(&dev, 32 * PAGE, GFP_KERNEL, &h[3], &cpu[3]), 0);
	/* Wrong frees change nothing. */
	T_EQ(dma_free_coherent(&dev, 4 * PAGE, cpu[1], h[1]), -FH_EINVAL);
	T_EQ(dma_free_coherent(&dev, 65 * PAGE, cpu[0], h[0]), -FH_EINVAL);
	TP_CHECK(m);
	T_EQ(dma_free_coherent(&dev, 3 * PAGE, cpu[1], h[1]), 0);
	T_EQ(dma_free_coherent(&dev, 3 * PAGE, cpu[1], h[1]), -FH_EINVAL);
	/* Zero again for the next, in RAM and for the CPU. */
	T_EQ(dma_alloc_coherent(&dev, 3 * PAGE, GFP_KERNEL, &h[1], &cpu[1]), 0);
	T_EQ(h[1].v, TP_BASE + 16 * MIB + 4 * PAGE);
	T_OK(is_zero(cpu[1], 3 * PAGE), "zero for the CPU");
	unsigned char seen[3 * PAGE];

	testplat_bus_read(&tp, (phys_t){h[1].v}, seen, sizeof(seen), false);
	T_OK(is_zero(seen, sizeof(seen)), "zero for the device");
	T_EQ(dma_free_coherent(&dev, PAGE, cpu[0], h[0]), 0);
	T_EQ(dma_free_coherent(&dev, 3 * PAGE, cpu[1], h[1]), 0);
	T_EQ(dma_free_coherent(&dev, PAGE, cpu[2], h[2]), 0);
	T_EQ(dma_free_coherent(&dev, 32 * PAGE, cpu[3], h[3]), 0);
	T_EQ(dev.dma_mem->chunk->used_max, 1 + 3 + 1 + 32);
	end();
}

/* All ten pages are taken, and none behind them: the last that was looked for from below was found in between. */
static void full_pool(void)
{
	static const uint64_t sizes[] = {2 * PAGE, 4 * PAGE, 2 * PAGE, 2 * PAGE};
	struct boot_config *cfg = config(64, 0);
	dma_t h[4], one;
	void *cpu[4], *page;

	add_pool(cfg, "ten", TP_BASE + 16 * MIB, 10 * PAGE, 0);
	T_NEED(start(cfg, true));
	struct device dev = {.machine = m, .dma_mem = dma_pool_of_region(m, "ten")};

	for (unsigned int i = 0; i < 4; i++)
		T_EQ(dma_alloc_coherent(&dev, sizes[i], GFP_KERNEL, &h[i], &cpu[i]), 0);
	T_EQ(h[1].v, h[0].v + 4 * PAGE);
	T_EQ(h[2].v, h[0].v + 2 * PAGE);
	T_EQ(dma_alloc_coherent(&dev, PAGE, GFP_KERNEL, &one, &page), -FH_ENOMEM);
	T_EQ(dma_free_coherent(&dev, sizes[3], cpu[3], h[3]), 0);
	T_EQ(dma_alloc_coherent(&dev, PAGE, GFP_KERNEL, &one, &page), 0);
	T_EQ(one.v, h[3].v);
	T_EQ(dma_free_coherent(&dev, PAGE, page, one), 0);
	for (unsigned int i = 0; i < 3; i++)
		T_EQ(dma_free_coherent(&dev, sizes[i], cpu[i], h[i]), 0);
	end();
}

/* SRAM beside the banks: the device has addresses, the CPU has none here. A pool of odd size has its whole pages. */
static void odd_regions(void)
{
	struct boot_config *cfg = config(64, 0);
	dma_t h;
	void *cpu = &h;

	add_pool(cfg, "sram", 0x10000000, 8 * PAGE, 0);
	add_pool(cfg, "odd", TP_BASE + MIB + 100, 3 * PAGE, 0);
	add_pool(cfg, "less", TP_BASE + 2 * MIB + 100, PAGE, 0);
	T_NEED(start(cfg, true));
	struct device dev = {.machine = m, .dma_mem = dma_pool_of_region(m, "sram")};

	T_EQ(dma_alloc_coherent(&dev, 8 * PAGE, GFP_KERNEL, &h, &cpu), 0);
	T_EQ(h.v, 0x10000000);
	T_OK(!cpu, "the CPU has no address for it");
	T_EQ(dma_free_coherent(&dev, 8 * PAGE, cpu, h), 0);
	dev.dma_mem = dma_pool_of_region(m, "odd");
	T_NEED(dev.dma_mem);
	T_EQ(dev.dma_mem->chunk->nr, 2);
	T_EQ(dev.dma_mem->chunk->pfn, (TP_BASE + MIB) / PAGE + 1);
	T_OK(!dma_pool_of_region(m, "less"), "not a page");
	end();
}

/* What its pool has, a device may not reach. */
static void out_of_reach(void)
{
	struct boot_config *cfg = config(64, 0);
	struct dma_refusal why;
	dma_t h;
	void *cpu;

	add_pool(cfg, "pool", TP_BASE + 16 * MIB, MIB, BOOT_REGION_DMA_DEFAULT);
	cfg->dma.coherent_only = true;
	T_NEED(start(cfg, false));
	struct device dev = {.machine = m, .coherent_dma_mask = DMA_BIT_MASK(30)};

	T_EQ(dma_alloc_coherent(&dev, PAGE, GFP_KERNEL, &h, &cpu), -FH_ENOMEM);
	T_EQ(dma_refusals(m, &why, 1), 1);
	T_STR(why.step[0].why, "pool: 0x41000000 is above device mask 0x3fffffff");
	dev.bus_dma_limit = 0xfffffff;
	T_EQ(dma_alloc_coherent(&dev, PAGE, GFP_KERNEL, &h, &cpu), -FH_ENOMEM);
	T_EQ(dma_refusals(m, &why, 1), 2);
	T_STR(why.step[0].why, "pool: 0x41000000 is above bus limit 0xfffffff");
	/* Its bus shows the same memory lower down. */
	dev.nr_ranges = 1;
	dev.range[0] = (struct bus_dma_region){{TP_BASE + 16 * MIB}, {0x1000}, MIB};
	T_EQ(dma_alloc_coherent(&dev, PAGE, GFP_KERNEL, &h, &cpu), 0);
	T_EQ(h.v, 0x1000);
	T_EQ(dma_free_coherent(&dev, PAGE, cpu, (dma_t){TP_BASE + 16 * MIB}), -FH_EINVAL);
	T_EQ(dma_free_coherent(&dev, PAGE, cpu, h), 0);
	dev.range[0].cpu.v = TP_BASE;
	T_EQ(dma_alloc_coherent(&dev, PAGE, GFP_KERNEL, &h, &cpu), -FH_ENOMEM);
	T_EQ(dma_refusals(m, &why, 1), 3);
	T_STR(why.step[0].why, "pool: 0x41000000 is in no window of its bus");
	end();
}

/* ---- atomic pools ---- */

#define MAX_BUFFERS 1024

static dma_t handle[MAX_BUFFERS];
static void *cpu_of[MAX_BUFFERS];

/* All that can be had, into the lists from n on. */
static unsigned int take_all(struct device *dev, uint64_t size, unsigned int n)
{
	while (n < MAX_BUFFERS &&
	       !dma_alloc_coherent(dev, size, GFP_ATOMIC | __GFP_NOWARN, &handle[n], &cpu_of[n]))
		n++;
	return n;
}

static void give_all(struct device *dev, uint64_t size, unsigned int n)
{
	while (n--)
		T_EQ(dma_free_coherent(dev, size, cpu_of[n], handle[n]), 0);
}

static const char *file(const char *path)
{
	static char text[65536];
	size_t len;

	T_EQ(fh_view_read(m, path, text, sizeof(text), &len), 0);
	return text;
}

static bool in_dmesg(const char *line)
{
	return strstr(file("dmesg"), line);
}

static void atomic_pools_grow(void)
{
	struct boot_config *cfg = config(256, 0);
	unsigned int n, more;

	cfg->dma.coherent_pool = 256 * 1024;
	T_NEED(start(cfg, true));
	struct device dev = {.machine = m, .name = "usb"};

	T_EQ(pool_size(m, ZONE_NORMAL), 64);
	T_EQ(pool_size(m, ZONE_DMA), 64);
	T_EQ(pool_size(m, ZONE_DMA32), 64);
	T_OK(in_dmesg("DMA: preallocated 256 KiB GFP_KERNEL pool for atomic allocations\n"),
	     "said");
	T_OK(in_dmesg("DMA: preallocated 256 KiB GFP_KERNEL|GFP_DMA32 pool for atomic "
		      "allocations\n"),
	     "said");
	T_OK(!dma_background(m), "nothing to do");
	/* One pool, and then those below it: all that there is. */
	n = take_all(&dev, PAGE, 0);
	T_EQ(n, 3 * 64);
	T_EQ(dma_alloc_coherent(&dev, PAGE, GFP_ATOMIC, &handle[n], &cpu_of[n]), -FH_ENOMEM);
	T_OK(in_dmesg("DMA pool exhausted for usb\n"), "said");
	T_OK(dma_background(m), "grows");
	T_EQ(pool_size(m, ZONE_NORMAL), 128);
	TP_CHECK(m);
	more = take_all(&dev, PAGE, n);
	T_OK(more >= n + 64, "more");
	give_all(&dev, PAGE, more);
	while (dma_background(m))
		;
	T_OK(pool_size(m, ZONE_NORMAL) >= 128, "never smaller");
	end();
}

/* What people read: sizes as Linux shows them, pools, and the chains of what was refused. */
static void files(void)
{
	struct boot_config *cfg = config(64, 0);
	dma_t h;
	void *cpu;

	add_pool(cfg, "rproc", TP_BASE + 16 * MIB, 64 * PAGE, 0);
	add_pool(cfg, "all", TP_BASE + 17 * MIB, 16 * PAGE, BOOT_REGION_DMA_DEFAULT);
	cfg->dma.coherent_pool = 512 * 1024;
	T_NEED(start(cfg, true));
	struct device dev = {.machine = m, .name = "4a310000.codec"};

	T_STR(file("sys/kernel/debug/dma_pools/pool_size_kernel"), "524288\n");
	T_STR(file("sys/kernel/debug/dma_pools"),
	      "pool_size_dma\npool_size_dma32\npool_size_kernel\n");
	T_STR(file("sys/kernel/debug/freehold/dma_refusals"),
	      "# requests of devices that were refused, newest first\n");
	T_EQ(dma_alloc_coherent(&dev, 3 * PAGE, GFP_ATOMIC, &h, &cpu), 0);
	T_STR(file("sys/kernel/debug/freehold/coherent_pools"),
	      "# name base size used used_max longest_free (KiB)\n"
	      "rproc 0x41000000 256 0 0 256\n"
	      "all 0x41100000 64 12 12 52 default\n");
	T_EQ(dma_free_coherent(&dev, 3 * PAGE, cpu, h), 0);
	T_EQ(dma_alloc_coherent(&dev, 17 * PAGE, GFP_KERNEL, &h, &cpu), -FH_ENOMEM);
	T_OK(strstr(file("sys/kernel/debug/freehold/dma_refusals"),
		    "4a310000.codec: 69632 bytes, gfp 0x220, attrs 0x0: error -12 at "),
	     "the request");
	T_OK(strstr(file("sys/kernel/debug/freehold/dma_refusals"),
		    "\n  global pool: error -12: all: 64 of 64 KiB free, the longest run 64 KiB\n"),
	     "the chain");
	end();
}

/* By default 128 KiB a GiB, 128 KiB at least, rounded up to a run of the buddy as Linux does; without caches none, and then nobody needs one. */
static void atomic_pool_sizes(void)
{
	T_NEED(start(config(64, 0), true));
	T_EQ(pool_size(m, ZONE_NORMAL), 32);
	end();
	T_NEED(start(config(3072, 0), true));
	T_EQ(pool_size(m, ZONE_NORMAL), 128);
	end();
	T_NEED(start(config(64, 0), false));
	T_EQ(pool_size(m, ZONE_NORMAL), 0);
	end();
}

/* A pool's memory comes from the default area, and no free of a device gets hold of it. */
static void atomic_pool_in_area(void)
{
	dma_t h;
	void *cpu;

	T_NEED(start(config(64, 16), true));
	struct device dev = {.machine = m};
	struct cma_stats st;

	cma_get_stats(cma_default(m), &st);
	T_EQ(st.used, 3 * 32);
	T_EQ(dma_alloc_coherent(&dev, 2 * PAGE, GFP_ATOMIC, &h, &cpu), 0);
	T_EQ(dma_free_coherent(&dev, PAGE, cpu, (dma_t){h.v + 4 * PAGE}), -FH_EINVAL);
	T_EQ(dma_free_coherent(&dev, 32 * PAGE, cpu, h), -FH_EINVAL);
	TP_CHECK(m);
	T_EQ(dma_free_coherent(&dev, 2 * PAGE, cpu, h), 0);
	end();
}

/* Every allocation and every address that birth asks for may be refused; then there is no machine, and nothing leaks. */
static void birth_fails(void)
{
	for (int64_t nth = 1; nth < 1000; nth++) {
		struct boot_config *cfg = config(64, 16);
		int err;

		add_pool(cfg, "pool", TP_BASE + 16 * MIB, MIB, BOOT_REGION_DMA_DEFAULT);
		testplat_init(&tp);
		testplat_cpu(0);
		testplat_caches(&tp, 64);
		tp.fail_nth = nth;
		err = fh_machine_create(&tp.plat, cfg, &m);
		free(cfg);
		if (err) {
			T_EQ(err, -FH_ENOMEM);
		} else {
			tp.fail_nth = 0;
			TP_CHECK(m);
			fh_machine_destroy(m);
		}
		T_EQ(tp.live, 0);
		bool done = !tp.failed;

		testplat_fini(&tp);
		if (done)
			return;
	}
	T_OK(false, "it ends");
}

const struct t_case t_cases[] = {T(region_pool),
				 T(full_pool),
				 T(odd_regions),
				 T(out_of_reach),
				 T(atomic_pools_grow),
				 T(atomic_pool_sizes),
				 T(files),
				 T(atomic_pool_in_area),
				 T(birth_fails),
				 T_END};
