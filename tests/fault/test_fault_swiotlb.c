/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Bounce buffers while platform calls fail: the first of a scenario, the second, and so on until a run passes without a failure;
 * once, and from there on all of them. Each call returns an error of its contract, and nothing is lost.
 */
#include <stdlib.h>
#include <string.h>
#include <freehold/page.h>
#include "dma/swiotlb.h"
#include "t.h"
#include "testplat.h"

#define MIB  (UINT64_C(1) << 20)
#define MAPS 12

static struct testplat tp;
static struct fh_machine *m;
static struct device dev, wifi;

static bool fair(int err, int how)
{
	if (err) {
		T_EQ(err, how);
		T_OK(atomic_load(&tp.failed) > 0, "something did fail");
	}
	return !err;
}

static void check(struct io_tlb_mem *mem)
{
	char why[1024] = "";
	struct fh_text out = {why, sizeof(why), 0};

	T_OK(!mem || !swiotlb_check(m, mem, &out), why);
}

/* More than the pool has: transient ones, and one that is made in between. */
static void bounce(uint64_t buf)
{
	dma_t h[MAPS];
	bool got[MAPS];

	for (unsigned int i = 0; i < MAPS; i++) {
		got[i] = fair(swiotlb_map(&dev, (phys_t){buf}, 200000, DMA_TO_DEVICE, 0, &h[i]),
			      -FH_ENOSPC);
		if (i == MAPS / 2)
			T_OK(!swiotlb_background(m), "one at a time is wanted");
		if (i == MAPS / 2)
			check(m->dma->swiotlb);
	}
	for (unsigned int i = 0; i < MAPS; i++)
		if (got[i])
			T_EQ(swiotlb_unmap(&dev, (phys_t){h[i].v}, 200000, DMA_FROM_DEVICE, 0), 0);
}

static void scenario(uint64_t buf)
{
	struct io_tlb_mem *mem = NULL, *own = NULL;
	struct swiotlb_stats s;
	pfn_t pfn;

	if (fair(swiotlb_create(m, 512, 1, SWIOTLB_CAN_GROW, &mem), -FH_ENOMEM)) {
		m->dma->swiotlb = mem;
		bounce(buf);
		check(mem);
		swiotlb_stats(mem, &s);
		T_EQ(s.used, 0);
	} else {
		T_OK(!mem, "nothing was made");
	}
	if (fair(swiotlb_create_at(m, "own", (phys_t){TP_BASE + 32 * MIB}, MIB, SWIOTLB_FOR_ALLOC,
				   &own),
		 -FH_ENOMEM)) {
		wifi.dma_io_tlb_mem = own;
		T_EQ(swiotlb_alloc(&wifi, 10000, &pfn), 0);
		T_OK(swiotlb_free(&wifi, pfn, 10000), "back");
		check(own);
	}
	T_OK(m->dma->restricted == own, "listed if it was made");
	swiotlb_destroy(m, own);
	swiotlb_destroy(m, mem);
}

static void each_call(bool sticky)
{
	unsigned int nth = 0;
	bool failed = true;

	while (failed && ++nth < 500) {
		struct boot_config *cfg =
			testplat_config(64, 8, CMA_POLICY_GUARANTEED, 2, TP_ONE_ZONE);
		pfn_t pfn;

		testplat_init(&tp);
		testplat_cpu(0);
		cfg->dma.swiotlb_noforce = true;
		cfg->region[1] = (struct boot_region){
			.name = "own", .base = TP_BASE + 32 * MIB, .size = MIB};
		cfg->nr_regions = 2;
		m = testplat_machine_of(&tp, cfg);
		T_NEED(m);
		T_EQ(fh_alloc_pages(m, GFP_KERNEL, 6, &pfn), 0);
		dev = wifi = (struct device){.machine = m};
		tp.fail_sticky = sticky;
		atomic_store(&tp.failed, 0);
		atomic_store(&tp.fail_nth, nth);
		scenario(fh_pfn_to_phys(pfn).v);
		failed = atomic_load(&tp.failed) > 0;
		atomic_store(&tp.fail_nth, 0);
		T_EQ(fh_free_pages(m, pfn, 6), 0);
		testplat_end(&tp, m);
	}
	T_OK(nth > 8 && nth < 500, "until nothing fails");
}

static void once(void)
{
	each_call(false);
}

static void from_there_on(void)
{
	each_call(true);
}

const struct t_case t_cases[] = {T(once), T(from_there_on), T_END};
