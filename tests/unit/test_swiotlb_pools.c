/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Pools of bounce buffers: making, growth, transient and restricted ones, what counts and files say of them, checks. */
#include <stdlib.h>
#include <string.h>
#include <freehold/page.h>
#include "dma/swiotlb.h"
#include "dma/swiotlb_pool.h"
#include "bounce.h"
#include "t.h"

/* ---- making ---- */

static void created(void)
{
	unsigned char dirt = 0;

	T_NEED(bounce_start(1000, 2, 0));
	T_EQ(bounce_stats().nslabs, 1024);
	T_EQ(bounce_said("software IO TLB: area num 2."), 1);
	T_EQ(bounce_said("roundup"), 0);
	T_EQ(bounce_said("software IO TLB: mapped [mem 0x00000000"), 1);
	T_EQ(bounce_said("] (2MB)\n"), 1);
	T_STR(swiotlb_name(bounce.mem), "software IO TLB");
	T_OK(swiotlb_of(&bounce.dev) == bounce.mem, "the machine's");
	T_OK(!swiotlb_is_forced(&bounce.dev), "only what needs it");
	bounce_end();
	T_NEED(bounce_start(1, 3, SWIOTLB_FORCE));
	T_EQ(bounce_stats().nslabs, 512); /* a segment an area, areas a power of two */
	T_EQ(bounce_said("area num 4."), 1);
	T_EQ(bounce_said("software IO TLB: SWIOTLB bounce buffer size roundup to 1MB"), 1);
	T_OK(swiotlb_is_forced(&bounce.dev), "all of it");
	bounce_end();
	T_NEED(bounce_start(32768, 0, 0)); /* more than the buddy has in one piece */
	T_EQ(bounce_stats().nslabs, 32768);
	T_EQ(bounce_said("area num 4."), 1);
	T_EQ(bounce_said("] (64MB)\n"), 1);
	TP_CHECK(bounce.m);
	for (uint64_t h = bounce_map(bounce.buf, 1, DMA_TO_DEVICE), i = 1; i < 64 * KIB; i++)
		dirt |= bounce_at(h)[i];
	T_EQ(dirt, 0);
	bounce_end();
}

/* Frames that somebody wrote to are zero before a device sees them. */
static void zeroed(void)
{
	unsigned int n = 0;
	uint64_t pool;
	pfn_t pfn[192];
	bool clean = true;

	testplat_init(&bounce.tp);
	testplat_cpu(0);
	T_NEED(bounce_machine(TP_ONE_ZONE, 1));
	while (n < 192 && !fh_alloc_pages(bounce.m, GFP_KERNEL | __GFP_NOWARN, 8, &pfn[n]))
		memset(bounce_at(fh_pfn_to_phys(pfn[n++]).v), 0xee, MIB);
	T_OK(n > 160, "nearly all of it");
	while (n)
		T_EQ(fh_free_pages(bounce.m, pfn[--n], 8), 0);
	T_EQ(swiotlb_create(bounce.m, 512, 1, 0, &bounce.mem), 0);
	bounce.m->dma->swiotlb = bounce.mem;
	bounce_at(bounce.buf)[0] = 0;
	pool = bounce_map(bounce.buf, 1, DMA_TO_DEVICE);
	for (uint64_t i = 0; i < MIB; i++)
		clean &= !bounce_at(pool)[i];
	T_OK(clean, "no byte of others");
	bounce_end();
}

static void not_created(void)
{
	struct io_tlb_mem *none = NULL;

	T_NEED(bounce_start(512, 1, 0));
	T_EQ(swiotlb_create(bounce.m, 0, 1, 0, &none), -FH_EINVAL);
	T_EQ(swiotlb_create(NULL, 512, 1, 0, &none), -FH_EINVAL);
	T_EQ(swiotlb_create(bounce.m, 512, 1, 16, &none), -FH_EINVAL);
	T_EQ(swiotlb_create(bounce.m, UINT64_MAX, 1, 0, &none), -FH_ENOMEM);
	T_EQ(swiotlb_create_at(bounce.m, "x", (phys_t){TP_BASE + 1}, MIB, 0, &none), -FH_EINVAL);
	T_EQ(swiotlb_create_at(bounce.m, "x", (phys_t){TP_BASE}, 100, 0, &none), -FH_EINVAL);
	T_EQ(swiotlb_create_at(bounce.m, "x", (phys_t){TP_BASE}, 0, 0, &none), -FH_EINVAL);
	T_EQ(swiotlb_create_at(bounce.m, "x", (phys_t){TP_BASE - MIB}, MIB, 0, &none), -FH_EINVAL);
	T_OK(!none, "nothing was made");
	bounce_end();
}

/* 192 MiB in all, so 512 MiB are halved until they fit; of a machine above 4 GiB nothing is low. */
static void too_large(void)
{
	struct boot_bank high = {UINT64_C(8) << 30, 64 * MIB};
	struct io_tlb_mem *none = NULL;

	T_NEED(bounce_start(256 * 1024, 4, 0));
	T_OK(bounce_stats().nslabs < 128 * 1024 && bounce_stats().nslabs >= 16 * 1024, "what fits");
	T_EQ(bounce_said("software IO TLB: SWIOTLB bounce buffer size adjusted 262144 -> "), 1);
	bounce_end();
	testplat_init(&bounce.tp);
	bounce.m = testplat_machine_of(&bounce.tp, testplat_banks(&high, 1, 1));
	T_NEED(bounce.m);
	T_EQ(swiotlb_create(bounce.m, 32768, 0, 0, &none), -FH_ENOMEM);
	T_EQ(bounce_said("software IO TLB: Failed to allocate 67108864 bytes tlb structure"), 1);
	T_EQ(swiotlb_create(bounce.m, 4096, 0, SWIOTLB_ANY, &none), 0);
	swiotlb_destroy(bounce.m, none);
	testplat_end(&bounce.tp, bounce.m);
}

/* Where every device reaches it, if there is room: in the lowest zone. */
static void placed_low(void)
{
	uint64_t h;

	testplat_init(&bounce.tp);
	testplat_cpu(0);
	T_NEED(bounce_machine(TP_THREE_ZONES, 1));
	T_EQ(swiotlb_create(bounce.m, 4096, 1, 0, &bounce.mem), 0); /* 8 MiB */
	bounce.m->dma->swiotlb = bounce.mem;
	h = bounce_map(bounce.buf, 1, DMA_TO_DEVICE);
	T_OK(h < TP_BASE + 64 * MIB, "ZONE_DMA");
	swiotlb_destroy(bounce.m, bounce.mem);
	T_EQ(swiotlb_create(bounce.m, 512, 1, 0, &bounce.mem), 0);
	bounce.m->dma->swiotlb = bounce.mem;
	h = bounce_map(bounce.buf, 1, DMA_TO_DEVICE);
	T_OK(h < TP_BASE + 64 * MIB, "ZONE_DMA");
	bounce_end();
}

/* ---- growth ---- */

static void grows(void)
{
	uint64_t first, h, transient;

	T_NEED(bounce_start(512, 2, SWIOTLB_CAN_GROW));
	T_EQ(swiotlb_background(bounce.m), false); /* nobody wants it */
	for (unsigned int i = 0; i < 4; i++)
		first = bounce_map(bounce.buf, 256 * KIB, DMA_TO_DEVICE);
	T_EQ(bounce_stats().transient_nslabs, 0);
	bounce_fill(bounce.buf, 20000, 5);
	transient = bounce_map(bounce.buf, 20000, DMA_BIDIRECTIONAL);
	T_OK(bounce_is_filled(transient, 20000, 5), "its bytes");
	T_EQ(bounce_stats().transient_nslabs, 10);
	T_EQ(bounce_stats().used, 522);
	T_EQ(bounce_stats().used_hiwater, 522);
	T_EQ(bounce_stats().nslabs, 512);
	T_OK(is_swiotlb_buffer(&bounce.dev, (phys_t){transient}), "as any slot");
	T_EQ(swiotlb_background(bounce.m), false); /* made what was wanted; nobody wants more */
	T_EQ(bounce_stats().nslabs, 1024);
	bounce_check();
	TP_CHECK(bounce.m);
	h = bounce_map(bounce.buf, 256 * KIB, DMA_BIDIRECTIONAL);
	T_EQ(bounce_stats().transient_nslabs, 10);
	T_OK(is_swiotlb_buffer(&bounce.dev, (phys_t){h}), "the new pool's");
	bounce_fill(transient, 20000, 6);
	T_EQ(swiotlb_sync_for_cpu(&bounce.dev, (phys_t){transient + 9999}, 1, DMA_FROM_DEVICE), 0);
	T_EQ(bounce_at(bounce.buf + 9999)[0], (unsigned char)(6 + 9999 * 7 + (9999 >> 8)));
	T_EQ(swiotlb_unmap(&bounce.dev, (phys_t){transient + 1}, 1, DMA_FROM_DEVICE, 0),
	     -FH_EINVAL);
	bounce_unmap(transient, 20000, DMA_BIDIRECTIONAL);
	T_OK(bounce_is_filled(bounce.buf, 20000, 6), "its bytes");
	T_EQ(swiotlb_unmap(&bounce.dev, (phys_t){transient}, 20000, DMA_BIDIRECTIONAL, 0),
	     -FH_EINVAL);
	T_OK(!is_swiotlb_buffer(&bounce.dev, (phys_t){transient}), "gone");
	T_EQ(bounce_stats().transient_nslabs, 0);
	T_EQ(bounce_stats().used, 512 + 128);
	T_EQ(bounce_stats().used_hiwater, 522 + 128); /* both were there */
	bounce_unmap(h, 256 * KIB, DMA_BIDIRECTIONAL);
	bounce_unmap(first, 256 * KIB, DMA_TO_DEVICE);
	T_EQ(swiotlb_background(bounce.m), false);
	T_EQ(bounce_stats().nslabs, 1024);
	bounce_end();
}

/* Transient pools keep alignment, boundary and reach like any other. */
static void transient_rules(void)
{
	static const uint64_t offsets[] = {0, 2047, 2048, 4095, 6144, 70000};

	testplat_init(&bounce.tp);
	testplat_cpu(0);
	T_NEED(bounce_machine(TP_THREE_ZONES, 1));
	T_EQ(swiotlb_create(bounce.m, 128, 1, SWIOTLB_CAN_GROW, &bounce.mem), 0);
	bounce.m->dma->swiotlb = bounce.mem;
	bounce_map(bounce.buf, 256 * KIB, DMA_TO_DEVICE);
	for (unsigned int i = 0; i < 6 * 4; i++) {
		static const unsigned int masks[] = {0, 0xfff, 0x3fff, 0x1ffff};
		uint64_t off = offsets[i / 4], h, size = 250 * KIB;

		bounce.dev.min_align_mask = masks[i % 4];
		bounce.dev.dma_mask = TP_BASE + (i & 1 ? 64 : 128) * MIB - 1;
		bounce.dev.segment_boundary_mask = i & 2 ? 0x7ffff : 0;
		h = bounce_map(bounce.buf + off, size, DMA_TO_DEVICE);
		T_EQ((h ^ (bounce.buf + off)) & masks[i % 4], 0);
		T_OK(h + size - 1 <= bounce.dev.dma_mask, "in reach");
		T_EQ(bounce_stats().transient_nslabs >= 125, true);
		bounce_check();
		bounce_unmap(h, size, DMA_TO_DEVICE);
	}
	bounce.dev.min_align_mask = 0;
	bounce.dev.segment_boundary_mask = 0;
	bounce.dev.dma_mask = TP_BASE - 1;
	T_EQ(bounce_try_map(bounce.buf, 100), -FH_EIO);
	bounce.dev.dma_mask = 0; /* a bus that shows ZONE_DMA only, elsewhere */
	bounce.dev.nr_ranges = 1;
	bounce.dev.range[0] = (struct bus_dma_region){{TP_BASE}, {0}, 32 * MIB};
	for (unsigned int i = 0; i < 200; i++) {
		dma_t h;
		int err = swiotlb_map(&bounce.dev, (phys_t){bounce.buf}, 100, DMA_TO_DEVICE,
				      DMA_ATTR_NO_WARN, &h);

		if (!err)
			T_OK(h.v < 32 * MIB, "in its window");
		else
			T_EQ(err, -FH_ENOSPC);
	}
	bounce_check();
	bounce_end(); /* those in use are forgotten */
}

/* No memory for a pool of a MiB or more: a message, and the next map that finds it full tries again. */
static void cannot_grow(void)
{
	pfn_t *held = calloc(192 * 256, sizeof(*held));
	unsigned int n = 0;

	T_NEED(bounce_start(128, 1, SWIOTLB_CAN_GROW));
	bounce_map(bounce.buf, 256 * KIB, DMA_TO_DEVICE);
	while (n < 192 * 256 && !fh_alloc_pages(bounce.m, GFP_KERNEL | __GFP_NOWARN, 0, &held[n]))
		n++;
	T_EQ(bounce_try_map(bounce.buf, 256 * KIB), -FH_ENOSPC);
	T_EQ(bounce_stats().transient_nslabs, 0);
	T_EQ(swiotlb_background(bounce.m), false);
	T_EQ(bounce_said("software IO TLB: Failed to allocate new pool"), 1);
	T_EQ(swiotlb_background(bounce.m), false);
	T_EQ(bounce_said("software IO TLB: Failed to allocate new pool"), 1);
	bounce_check();
	while (n)
		T_EQ(fh_free_pages(bounce.m, held[--n], 0), 0);
	free(held);
	T_EQ(bounce_try_map(bounce.buf, 256 * KIB), 0);
	T_EQ(swiotlb_background(bounce.m), false);
	T_EQ(bounce_stats().nslabs, 256);
	bounce_end();
}

/* ---- restricted ---- */

static void restricted(void)
{
	struct io_tlb_mem *own = NULL;
	struct device wifi;
	uint64_t h;
	pfn_t a, b, c;
	dma_t d;

	T_NEED(bounce_start(512, 1, 0));
	wifi = bounce.dev;
	wifi.name = "wifi";
	T_EQ(swiotlb_alloc(&wifi, 4096, &a), -FH_EINVAL); /* the machine's are not for that */
	T_EQ(swiotlb_create_at(bounce.m, "wifi@43000000", (phys_t){TP_BASE + 48 * MIB}, MIB,
			       SWIOTLB_FOR_ALLOC, &own),
	     0);
	T_NEED(own && bounce.m->dma->restricted == own);
	wifi.dma_io_tlb_mem = own;
	T_OK(swiotlb_of(&wifi) == own && swiotlb_of(&bounce.dev) == bounce.mem, "each its own");
	T_OK(swiotlb_is_forced(&wifi) && !swiotlb_is_forced(&bounce.dev), "all it maps");
	T_STR(swiotlb_name(own), "wifi@43000000");
	T_EQ(swiotlb_map(&wifi, (phys_t){bounce.buf}, 3000, DMA_TO_DEVICE, 0, &d), 0);
	T_OK(d.v - (TP_BASE + 48 * MIB) < MIB, "in its region");
	T_OK(is_swiotlb_buffer(&wifi, (phys_t){d.v}), "its own");
	T_OK(!is_swiotlb_buffer(&bounce.dev, (phys_t){d.v}), "nobody else's");
	T_EQ(bounce_stats().used, 0);
	T_EQ(swiotlb_alloc(&wifi, 5000, &a), 0);
	T_EQ(swiotlb_alloc(&wifi, 1, &b), 0);
	T_EQ(swiotlb_alloc(&wifi, 100 * KIB, &c), 0);
	T_OK(fh_pfn_to_phys(a).v - (TP_BASE + 48 * MIB) < MIB, "in its region");
	T_EQ(a % 2, 0); /* aligned to the order */
	T_EQ(c % 32, 0);
	T_OK(a + 2 <= b || b + 1 <= a, "apart");
	T_EQ(swiotlb_alloc(&wifi, 256 * KIB + 1, &c), -FH_ENOMEM);
	T_EQ(swiotlb_alloc(&wifi, 0, &c), -FH_EINVAL);
	T_OK(!swiotlb_free(&bounce.dev, a, 5000), "not the machine's");
	T_OK(!swiotlb_free(&wifi, a, 4096), "not that size");
	T_OK(!swiotlb_free(&wifi, a + 1, 4096), "not its start");
	T_OK(!swiotlb_free(&wifi, fh_phys_to_pfn((phys_t){d.v}), 3000), "a mapping");
	T_EQ(swiotlb_unmap(&wifi, fh_pfn_to_phys(a), 4096, DMA_TO_DEVICE, 0), -FH_EINVAL);
	T_EQ(swiotlb_sync_for_cpu(&wifi, fh_pfn_to_phys(a), 8, DMA_FROM_DEVICE), -FH_EINVAL);
	bounce_check();
	T_EQ(strtoull(bounce_show("sys/kernel/debug/swiotlb/wifi@43000000/io_tlb_used"), NULL, 10),
	     2 + 4 + 2 + 50);
	T_STR(bounce_show("sys/kernel/debug/swiotlb/wifi@43000000/io_tlb_nslabs"), "512\n");
	T_STR(bounce_show("sys/kernel/debug/swiotlb/io_tlb_used"), "0\n");
	T_OK(swiotlb_free(&wifi, a, 5000), "freed");
	T_OK(!swiotlb_free(&wifi, a, 5000), "once");
	T_OK(swiotlb_free(&wifi, b, 4096), "rounded to pages");
	for (unsigned int i = 0; i < 3; i++)
		T_EQ(swiotlb_alloc(&wifi, 256 * KIB, &a), 0);
	T_EQ(swiotlb_alloc(&wifi, 256 * KIB, &a), -FH_ENOMEM);
	h = bounce_map(bounce.buf, 100, DMA_TO_DEVICE);
	T_OK(h - (TP_BASE + 48 * MIB) >= MIB, "not in somebody's region");
	bounce_check();
	swiotlb_destroy(bounce.m, own);
	T_OK(!bounce.m->dma->restricted, "gone");
	bounce_end();
}

/* ---- counts ---- */

/* A model of the mark: CPUs map and unmap by turns; it is always the most there was, whichever areas it was in. */
static void hiwater(void)
{
	struct {
		uint64_t h, size;
	} live[64] = {{0}};
	uint64_t used = 0, most = 0;
	uint32_t rnd = 1;

	T_NEED(bounce_start(1024, 4, SWIOTLB_CAN_GROW));
	for (unsigned int i = 0; i < 20000; i++) {
		unsigned int k = (rnd = rnd * 1664525 + 1013904223) >> 26;

		testplat_cpu(rnd >> 12 & 3);
		if (live[k].h) {
			bounce_unmap(live[k].h, live[k].size, DMA_TO_DEVICE);
			used -= (live[k].size + 2047) / 2048;
			live[k].h = 0;
		} else {
			live[k].size = 1 + (rnd >> 4) % (i % 4000 < 2000 ? 80 * KIB : 20 * KIB);
			live[k].h = bounce_map(bounce.buf, live[k].size, DMA_TO_DEVICE);
			used += (live[k].size + 2047) / 2048;
			most = used > most ? used : most;
		}
		if (bounce_stats().used != used || bounce_stats().used_hiwater != most) {
			T_EQ(bounce_stats().used, used);
			T_EQ(bounce_stats().used_hiwater, most);
			break;
		}
		if (i % 3000 == 2999) {
			swiotlb_reset_hiwater(bounce.mem);
			most = used;
			bounce_check();
		}
		if (i % 1000 == 0)
			swiotlb_background(bounce.m);
	}
	bounce_end();
}

/* ---- views ---- */

static void views(void)
{
	testplat_init(&bounce.tp);
	testplat_cpu(0);
	T_NEED(bounce_machine(TP_ONE_ZONE, 2));
	T_STR(bounce_show("sys/kernel/debug/swiotlb/io_tlb_used"), "error -2");
	T_STR(bounce_show("sys/kernel/debug/swiotlb"), "");
	T_EQ(swiotlb_create(bounce.m, 512, 1, SWIOTLB_CAN_GROW, &bounce.mem), 0);
	bounce.m->dma->swiotlb = bounce.mem;
	T_STR(bounce_show("sys/kernel/debug/swiotlb"),
	      "io_tlb_nslabs\nio_tlb_transient_nslabs\nio_tlb_used\nio_tlb_used_hiwater\n");
	bounce_unmap(bounce_map(bounce.buf, 10000, DMA_TO_DEVICE), 10000, DMA_TO_DEVICE);
	for (unsigned int i = 0; i < 4; i++)
		bounce_map(bounce.buf, 256 * KIB, DMA_TO_DEVICE);
	bounce_map(bounce.buf, 3000, DMA_TO_DEVICE);
	T_STR(bounce_show("sys/kernel/debug/swiotlb/io_tlb_nslabs"), "512\n");
	T_STR(bounce_show("sys/kernel/debug/swiotlb/io_tlb_used"), "514\n");
	T_STR(bounce_show("sys/kernel/debug/swiotlb/io_tlb_used_hiwater"), "514\n");
	T_STR(bounce_show("sys/kernel/debug/swiotlb/io_tlb_transient_nslabs"), "2\n");
	T_STR(bounce_show("sys/kernel/debug/swiotlb/nobody/io_tlb_used"), "error -2");
	{
		struct io_tlb_mem *own = NULL;

		T_EQ(swiotlb_create_at(bounce.m, "wifi@43000000", (phys_t){TP_BASE + 48 * MIB}, MIB,
				       SWIOTLB_FOR_ALLOC, &own),
		     0);
		T_STR(bounce_show("sys/kernel/debug/swiotlb"),
		      "io_tlb_nslabs\nio_tlb_transient_nslabs\nio_tlb_used\nio_tlb_used_hiwater\n"
		      "wifi@43000000/\n");
		T_STR(bounce_show("sys/kernel/debug/swiotlb/wifi@43000000"),
		      "io_tlb_nslabs\nio_tlb_transient_nslabs\nio_tlb_used\nio_tlb_used_hiwater\n");
		T_STR(bounce_show("sys/kernel/debug/swiotlb/wifi@43000000/io_tlb_used_hiwater"),
		      "0\n");
		swiotlb_destroy(bounce.m, own);
	}
	bounce_end();
}

/* ---- checks ---- */

static unsigned int nr_broken(void)
{
	struct fh_text out = {bounce.text, sizeof(bounce.text), 0};

	bounce.text[0] = '\0';
	return swiotlb_check(bounce.m, bounce.mem, &out);
}

/* Each part of D3, broken by hand: it is said, and nothing else is. */
static void broken(void)
{
	struct swiotlb_pool *p;
	struct swiotlb_slot *s;
	uint64_t h;

	T_NEED(bounce_start(512, 2, 0));
	testplat_cpu(1);
	h = bounce_map(bounce.buf, 4096, DMA_TO_DEVICE);
	p = swiotlb_pools(bounce.mem);
	T_EQ(h - p->start.v, 256 * IO_TLB_SIZE);
	s = &p->slot[256];
	T_EQ(nr_broken(), 0);
	s->area = 0;
	T_OK(nr_broken() == 1 && strstr(bounce.text, "slot 256: a mapping of area 0, not of 1"),
	     bounce.text);
	s->area = 1;
	p->area[1].base = 128;
	T_OK(nr_broken() == 1 &&
		     strstr(bounce.text, "area 1: 256 slots from 128, not 256 from 256"),
	     bounce.text);
	p->area[1].base = 256;
	p->area[0].nslabs = 128;
	T_OK(nr_broken() == 1 && strstr(bounce.text, "area 0: 128 slots from 0, not 256 from 0"),
	     bounce.text);
	p->area[0].nslabs = 256;
	p->area[1].used = 3;
	T_OK(nr_broken() >= 1 && strstr(bounce.text, "area 1: used is 3, mappings have 2"),
	     bounce.text);
	p->area[1].used = 2;
	p->seg[2].free[0] |= 2;
	T_OK(nr_broken() == 1 && strstr(bounce.text, "slot 257 is free, and of the mapping at 256"),
	     bounce.text);
	p->seg[2].free[0] &= ~UINT64_C(2);
	/* Given back to the area it is of, by whatever CPU. */
	testplat_cpu(0);
	bounce_unmap(h, 4096, DMA_TO_DEVICE);
	T_EQ(p->area[0].used, 0);
	T_EQ(p->area[1].used, 0);
	bounce_end();
}

const struct t_case t_cases[] = {T(created),	T(zeroed),  T(not_created),	T(too_large),
				 T(placed_low), T(grows),   T(transient_rules), T(cannot_grow),
				 T(restricted), T(hiwater), T(views),		T(broken),
				 T_END};
