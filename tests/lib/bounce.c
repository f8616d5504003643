/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A machine with bounce buffers, a device that uses them, and the bytes it bounces. */
#include <stdio.h>
#include <string.h>
#include <freehold/page.h>
#include "../t.h"
#include "bounce.h"

#define BUF_ORDER 8 /* 1 MiB */

struct bounce bounce;

bool bounce_machine(enum tp_zones zones, unsigned int cpus)
{
	struct boot_config *cfg = testplat_config(192, 16, CMA_POLICY_GUARANTEED, cpus, zones);
	pfn_t pfn = 0;

	cfg->dma.swiotlb_noforce = true; /* the boot makes none: the tests do */
	cfg->region[1] = (struct boot_region){
		.name = "wifi@43000000", .base = TP_BASE + 48 * MIB, .size = MIB};
	cfg->nr_regions = 2;
	bounce.m = testplat_machine_of(&bounce.tp, cfg);
	if (!bounce.m)
		return false;
	T_EQ(fh_alloc_pages(bounce.m, GFP_KERNEL, BUF_ORDER, &pfn), 0);
	bounce.buf = fh_pfn_to_phys(pfn).v;
	bounce.dev = (struct device){.machine = bounce.m, .name = "mmc0"};
	bounce.mem = NULL;
	return true;
}

bool bounce_start(uint64_t nslabs, unsigned int nareas, unsigned int flags)
{
	testplat_init(&bounce.tp);
	testplat_cpu(0);
	if (!bounce_machine(TP_ONE_ZONE, 4))
		return false;
	T_EQ(swiotlb_create(bounce.m, nslabs, nareas, flags, &bounce.mem), 0);
	bounce.m->dma->swiotlb = bounce.mem;
	return bounce.mem;
}

void bounce_check(void)
{
	char why[1024] = "";
	struct fh_text out = {why, sizeof(why), 0};
	bool ok = !swiotlb_check(bounce.m, bounce.mem, &out);

	if (ok && bounce.m->dma->restricted)
		ok = !swiotlb_check(bounce.m, bounce.m->dma->restricted, &out);
	T_OK(ok, why);
}

void bounce_end(void)
{
	if (bounce.mem)
		bounce_check();
	swiotlb_destroy(bounce.m, bounce.mem);
	T_OK(!bounce.m->dma->swiotlb, "gone");
	T_EQ(fh_free_pages(bounce.m, bounce.buf >> FH_PAGE_SHIFT, BUF_ORDER), 0);
	testplat_end(&bounce.tp, bounce.m);
}

unsigned char *bounce_at(uint64_t phys)
{
	return machine_virt(bounce.m, phys >> FH_PAGE_SHIFT) + (phys & (FH_PAGE_SIZE - 1));
}

struct swiotlb_stats bounce_stats(void)
{
	struct swiotlb_stats s;

	swiotlb_stats(bounce.mem, &s);
	return s;
}

const char *bounce_show(const char *path)
{
	size_t len = 0;
	int err = fh_view_read(bounce.m, path, bounce.text, sizeof(bounce.text), &len);

	if (err)
		snprintf(bounce.text, sizeof(bounce.text), "error %d", err);
	return bounce.text;
}

unsigned int bounce_said(const char *what)
{
	unsigned int n = 0;

	for (const char *p = bounce_show("dmesg"); (p = strstr(p, what)); p += strlen(what))
		n++;
	return n;
}

void bounce_fill(uint64_t phys, uint64_t size, unsigned int seed)
{
	for (uint64_t i = 0; i < size; i++)
		bounce_at(phys)[i] = (unsigned char)(seed + i * 7 + (i >> 8));
}

bool bounce_is_filled(uint64_t phys, uint64_t size, unsigned int seed)
{
	for (uint64_t i = 0; i < size; i++)
		if (bounce_at(phys)[i] != (unsigned char)(seed + i * 7 + (i >> 8)))
			return false;
	return true;
}

uint64_t bounce_map(uint64_t phys, uint64_t size, enum dma_data_direction dir)
{
	dma_t h = {0};

	T_EQ(swiotlb_map(&bounce.dev, (phys_t){phys}, size, dir, 0, &h), 0);
	return h.v;
}

int bounce_try_map(uint64_t phys, uint64_t size)
{
	dma_t h;
	int err =
		swiotlb_map(&bounce.dev, (phys_t){phys}, size, DMA_TO_DEVICE, DMA_ATTR_NO_WARN, &h);

	if (!err)
		T_EQ(swiotlb_unmap(&bounce.dev, (phys_t){h.v}, size, DMA_TO_DEVICE, 0), 0);
	return err;
}

void bounce_unmap(uint64_t phys, uint64_t size, enum dma_data_direction dir)
{
	T_EQ(swiotlb_unmap(&bounce.dev, (phys_t){phys}, size, dir, 0), 0);
}
