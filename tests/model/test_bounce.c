/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Random mappings, syncs of parts, unmaps and a device that writes anywhere into its slots, beside an oracle that has every byte
 * of memory and of every mapping. In the environment: FH_BOUNCE_SEED=n, FH_BOUNCE_OPS=n.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <freehold/page.h>
#include "dma/swiotlb.h"
#include "dma/swiotlb_map.h"
#include "t.h"
#include "testplat.h"

#define MIB	 (UINT64_C(1) << 20)
#define MAX_LIVE 48
#define SHARE	 (MIB / MAX_LIVE & ~UINT64_C(4095)) /* of memory, each mapping its own */
#define OFFSET	 UINT64_C(0x180000000)		    /* of the third device's bus */

static struct testplat tp;
static struct fh_machine *m;
static struct io_tlb_mem *mem, *own;
static struct device devs[4];
static uint64_t buf, rnd_state;
static unsigned char memory[MIB];

/* A mapping: where its bytes are, and what the device sees of them. */
static struct live {
	struct device *dev;
	uint64_t phys, size, offset; /* in slots; bytes; of memory */
	unsigned char seen[SHARE];
	bool pages; /* swiotlb_alloc() */
} live[MAX_LIVE];

static uint64_t rnd(uint64_t below)
{
	rnd_state = rnd_state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (rnd_state >> 33) % below;
}

static unsigned char *at(uint64_t phys)
{
	return machine_virt(m, phys >> FH_PAGE_SHIFT) + (phys & (FH_PAGE_SIZE - 1));
}

static bool start(void)
{
	struct boot_config *cfg = testplat_config(64, 8, CMA_POLICY_GUARANTEED, 3, TP_THREE_ZONES);
	pfn_t pfn;

	testplat_init(&tp);
	testplat_cpu(0);
	cfg->dma.swiotlb_noforce = true;
	cfg->region[1] =
		(struct boot_region){.name = "own", .base = TP_BASE + 32 * MIB, .size = MIB};
	cfg->nr_regions = 2;
	m = testplat_machine_of(&tp, cfg);
	if (!m)
		return false;
	T_EQ(fh_alloc_pages(m, GFP_KERNEL, 8, &pfn), 0);
	buf = fh_pfn_to_phys(pfn).v;
	T_EQ(swiotlb_create(m, 512, 2, SWIOTLB_CAN_GROW, &mem), 0);
	T_EQ(swiotlb_create_at(m, "own", (phys_t){TP_BASE + 32 * MIB}, MIB, SWIOTLB_FOR_ALLOC,
			       &own),
	     0);
	m->dma->swiotlb = mem;
	for (unsigned int i = 0; i < 4; i++)
		devs[i] = (struct device){.machine = m};
	devs[1].min_align_mask = 0xfff;
	devs[1].segment_boundary_mask = 0xffff;
	devs[2].nr_ranges = 1;
	devs[2].range[0] = (struct bus_dma_region){{TP_BASE}, {OFFSET}, 64 * MIB};
	devs[2].min_align_mask = 0x3ff;
	devs[3].dma_io_tlb_mem = own;
	memset(live, 0, sizeof(live));
	for (uint64_t i = 0; i < MIB; i++)
		memory[i] = at(buf)[i] = (unsigned char)rnd(256);
	return mem && own;
}

static void broken(const char *what, unsigned int k)
{
	printf("# mapping %u, %llu bytes at %llu: %s\n", k, (unsigned long long)live[k].size,
	       (unsigned long long)live[k].offset, what);
	T_OK(false, what);
}

/* Nobody's bytes are another's: mappings of a pool lie apart, and in the rules of their device. */
static void check_place(unsigned int k, uint64_t bus, uint64_t align_mask)
{
	const struct live *l = &live[k];
	const struct device *d = l->dev;

	if ((l->phys ^ (buf + l->offset)) & d->min_align_mask)
		broken("low bits of its address are lost", k);
	if ((bus ^ (bus + l->size - 1)) & ~dma_get_seg_boundary(d))
		broken("crosses the boundary", k);
	if ((l->phys - ((buf + l->offset) & d->min_align_mask)) & align_mask)
		broken("its units are not aligned", k);
	for (unsigned int i = 0; i < MAX_LIVE; i++)
		if (i != k && live[i].size && live[i].phys < l->phys + l->size &&
		    l->phys < live[i].phys + live[i].size)
			broken("overlaps another", k);
}

static void do_map(unsigned int k)
{
	static const uint64_t masks[] = {0, 0, 0, 0xfff, 0x1fff};
	struct live *l = &live[k];
	uint64_t mask = masks[rnd(5)];
	enum dma_data_direction dir = (enum dma_data_direction)rnd(3);
	dma_t h;
	int err;

	l->dev = &devs[rnd(4)];
	l->size = 1 + rnd(rnd(2) ? SHARE : 3000);
	l->offset = k * SHARE + rnd(SHARE - l->size + 1);
	l->pages = false;
	testplat_cpu(rnd(2) ? 0 : (unsigned int)rnd(4));
	err = swiotlb_tbl_map(l->dev, (phys_t){buf + l->offset}, l->size, mask, dir,
			      DMA_ATTR_NO_WARN, &h);
	if (err) {
		if (err != -FH_ENOSPC)
			broken("refused for another reason than being full", k);
		l->size = 0;
		return;
	}
	l->phys = dma_to_phys(l->dev, h, l->size);
	check_place(k, h.v, l->dev == &devs[2] ? 0 : mask);
	memcpy(l->seen, memory + l->offset, l->size);
}

static void do_pages(unsigned int k)
{
	struct live *l = &live[k];
	pfn_t pfn;

	l->size = 1 + rnd(SHARE);
	l->dev = &devs[3];
	if (swiotlb_alloc(l->dev, l->size, &pfn)) {
		l->size = 0;
		return;
	}
	l->offset = 0;
	l->phys = fh_pfn_to_phys(pfn).v;
	l->pages = true;
	for (unsigned int i = 0; i < MAX_LIVE; i++)
		if (i != k && live[i].size && live[i].phys < l->phys + l->size &&
		    l->phys < live[i].phys + live[i].size)
			broken("overlaps another", k);
	for (uint64_t i = 0; i < l->size; i++)
		l->seen[i] = at(l->phys)[i] = (unsigned char)rnd(256);
}

static void do_unmap(unsigned int k)
{
	struct live *l = &live[k];
	enum dma_data_direction dir = (enum dma_data_direction)rnd(3);
	unsigned int attrs = rnd(4) ? 0 : DMA_ATTR_SKIP_CPU_SYNC;
	uint64_t n = rnd(4) ? l->size : 1 + rnd(l->size);

	testplat_cpu((unsigned int)rnd(4));
	if (l->pages) {
		T_OK(swiotlb_free(l->dev, l->phys >> FH_PAGE_SHIFT, l->size), "pages go back");
	} else {
		T_EQ(swiotlb_unmap(l->dev, (phys_t){l->phys}, n, dir, attrs), 0);
		if (dir != DMA_TO_DEVICE && !attrs)
			memcpy(memory + l->offset, l->seen, n);
		T_EQ(swiotlb_unmap(l->dev, (phys_t){l->phys}, n, dir, attrs), -FH_EINVAL);
	}
	l->size = 0;
}

static void do_sync(unsigned int k, bool for_cpu)
{
	struct live *l = &live[k];
	enum dma_data_direction dir = (enum dma_data_direction)rnd(3);
	uint64_t from = rnd(l->size), n = 1 + rnd(l->size - from);
	phys_t phys = {l->phys + from};

	if (l->pages)
		return;
	if (for_cpu) {
		T_EQ(swiotlb_sync_for_cpu(l->dev, phys, n, dir), 0);
		if (dir != DMA_TO_DEVICE)
			memcpy(memory + l->offset + from, l->seen + from, n);
	} else {
		T_EQ(swiotlb_sync_for_device(l->dev, phys, n, dir), 0);
		if (dir != DMA_FROM_DEVICE)
			memcpy(l->seen + from, memory + l->offset + from, n);
	}
}

/* The device writes to what it has, or the CPU to what it has. */
static void do_write(unsigned int k, bool device)
{
	struct live *l = &live[k];
	uint64_t from = rnd(l->size), n = 1 + rnd(l->size - from);

	n = n > 500 ? 500 : n;
	for (uint64_t i = from; i < from + n; i++) {
		if (device || l->pages)
			l->seen[i] = at(l->phys)[i] = (unsigned char)rnd(256);
		else
			memory[l->offset + i] = at(buf + l->offset)[i] = (unsigned char)rnd(256);
	}
}

static bool all_right(void)
{
	char why[1024] = "";
	struct fh_text out = {why, sizeof(why), 0};
	struct swiotlb_stats s;
	bool ok = !memcmp(memory, at(buf), MIB);

	T_OK(ok, "memory has the bytes that it ought to have");
	for (unsigned int k = 0; k < MAX_LIVE; k++) {
		if (live[k].size && memcmp(live[k].seen, at(live[k].phys), live[k].size)) {
			broken("the device sees other bytes", k);
			ok = false;
		}
	}
	swiotlb_stats(mem, &s);
	ok &= T_OK(!swiotlb_check(m, mem, &out) && !swiotlb_check(m, own, &out), why);
	return ok & T_OK(s.used <= s.used_hiwater, "the mark is above");
}

static void step(void)
{
	unsigned int k = (unsigned int)rnd(MAX_LIVE);

	if (!live[k].size) {
		if (rnd(8))
			do_map(k);
		else
			do_pages(k);
		return;
	}
	switch (rnd(6)) {
	case 0:
	case 1:
		do_unmap(k);
		break;
	case 2:
		do_sync(k, true);
		break;
	case 3:
		do_sync(k, false);
		break;
	default:
		do_write(k, rnd(2));
		break;
	}
}

static void random_mappings(void)
{
	const char *seed = getenv("FH_BOUNCE_SEED"), *ops = getenv("FH_BOUNCE_OPS");
	uint64_t n = ops ? strtoull(ops, NULL, 0) : 30000;

	rnd_state = seed ? strtoull(seed, NULL, 0) : 1;
	T_NEED(start());
	for (uint64_t i = 0; i < n; i++) {
		step();
		if (i % 5000 == 4000)
			swiotlb_background(m);
		if (i % 7000 == 6000)
			swiotlb_reset_hiwater(mem);
		if (i % 200 == 0 && !all_right()) {
			printf("# operation %llu\n", (unsigned long long)i);
			break;
		}
	}
	for (unsigned int k = 0; k < MAX_LIVE; k++)
		if (live[k].size)
			do_unmap(k);
	all_right();
	swiotlb_destroy(m, own);
	swiotlb_destroy(m, mem);
	T_EQ(fh_free_pages(m, buf >> FH_PAGE_SHIFT, 8), 0);
	testplat_end(&tp, m);
}

const struct t_case t_cases[] = {T(random_mappings), T_END};
