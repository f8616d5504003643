/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* DMA debugging by its hooks: a machine that has it, two devices, and what they do, in short. */
#include <stdio.h>
#include <string.h>
#include <freehold/page.h>
#include "../t.h"
#include "dma/debug.h"
#include "dma_hooks.h"
#include "mm/machine.h"

#define ORDER 10 /* of the memory that is mapped */

struct hooks hooks;

static bool symbol(void *ctx, const void *code, char *buf, size_t size)
{
	(void)ctx;
	if (code != SITE_MAP)
		return false;
	snprintf(buf, size, "start_capture camera.c:57");
	return true;
}

static void no_clean(void *ctx, phys_t phys, uint64_t size)
{
	(void)ctx, (void)phys, (void)size;
}

static uint64_t no_inval(void *ctx, phys_t phys, uint64_t size)
{
	(void)ctx, (void)phys, (void)size;
	return 0;
}

bool hooks_start_with(unsigned int entries, bool caches)
{
	pfn_t pfn;

	testplat_init(&hooks.tp);
	testplat_cpu(0);
	hooks.tp.plat.symbol = symbol;
	if (caches) {
		hooks.tp.plat.cache_clean = no_clean;
		hooks.tp.plat.cache_inval = no_inval;
		hooks.tp.plat.cache_line = 64;
	}
	hooks.m = testplat_machine(&hooks.tp, 64, 0, CMA_POLICY_GUARANTEED, 2);
	if (!hooks.m || !T_EQ(dma_debug_create(hooks.m, entries, &hooks.m->dma->debug), 0) ||
	    !T_EQ(fh_alloc_pages(hooks.m, GFP_KERNEL, ORDER, &pfn), 0))
		return false;
	hooks.base = fh_pfn_to_phys(pfn).v;
	hooks.cam = (struct device){.machine = hooks.m, .name = "camera"};
	hooks.lcd = (struct device){.machine = hooks.m, .name = "lcd"};
	return true;
}

bool hooks_start(void)
{
	return hooks_start_with(256, false);
}

void hooks_end(void)
{
	TP_CHECK(hooks.m);
	dma_debug_destroy(hooks.m, hooks.m->dma->debug);
	hooks.m->dma->debug = NULL;
	T_EQ(fh_free_pages(hooks.m, hooks.base >> FH_PAGE_SHIFT, ORDER), 0);
	testplat_end(&hooks.tp, hooks.m);
}

bool hooks_says(const char *text)
{
	return strstr(hooks.m->dmesg.buf, text);
}

bool hooks_only(enum dma_report_kind kind, uint64_t n)
{
	bool right = true;

	for (unsigned int k = 0; k < DMA_NR_REPORTS; k++)
		right &= T_EQ(dma_debug_count(hooks.m, (enum dma_report_kind)k), k == kind ? n : 0);
	T_EQ(dma_debug_count(hooks.m, DMA_NR_REPORTS), n);
	return right;
}

void hooks_map(struct device *dev, uint64_t at, uint64_t size, enum dma_data_direction dir)
{
	debug_dma_map(dev, DMA_DEBUG_SINGLE, PHYS(at), size, dir, 0, BUS(at), SITE_MAP);
}

bool hooks_unmap(struct device *dev, uint64_t at, uint64_t size, enum dma_data_direction dir)
{
	return debug_dma_unmap(dev, DMA_DEBUG_SINGLE, BUS(at), size, dir, SITE_UNMAP);
}

void hooks_for_cpu(struct device *dev, uint64_t at, uint64_t size, enum dma_data_direction dir)
{
	debug_dma_sync(dev, BUS(at), size, dir, true, SITE_SYNC);
}

void hooks_for_device(struct device *dev, uint64_t at, uint64_t size, enum dma_data_direction dir)
{
	debug_dma_sync(dev, BUS(at), size, dir, false, SITE_SYNC);
}

void hooks_cpu_touches(uint64_t at, uint64_t size, bool write)
{
	char *p = fh_page_address(hooks.m, (hooks.base + at) >> FH_PAGE_SHIFT);

	dma_debug_cpu_access(hooks.m, p + (hooks.base + at) % FH_PAGE_SIZE, size, write);
}

const struct dma_report *hooks_last(void)
{
	T_OK(dma_debug_reports(hooks.m, hooks.report, DMA_MAX_REPORTS) > 0, "there is a report");
	return &hooks.report[0];
}
