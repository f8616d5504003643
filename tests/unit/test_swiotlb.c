/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Bounce buffers: where slots lie, which bytes are copied when, who is refused and why, growth, restricted pools, counts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <freehold/page.h>
#include "dma/swiotlb.h"
#include "dma/swiotlb_map.h"
#include "dma/swiotlb_pool.h"
#include "t.h"
#include "testplat.h"

#define KIB	  UINT64_C(1024)
#define MIB	  (KIB * 1024)
#define BUF_ORDER 8 /* 1 MiB of bytes to bounce */

static struct testplat tp;
static struct fh_machine *m;
static struct device dev;
static struct io_tlb_mem *mem;
static uint64_t buf; /* phys of the bytes */
static char text[65536];

/* ---- a machine ---- */

static bool machine(enum tp_zones zones, unsigned int cpus)
{
	struct boot_config *cfg = testplat_config(192, 16, CMA_POLICY_GUARANTEED, cpus, zones);
	pfn_t pfn = 0;

	cfg->dma.swiotlb_noforce = true; /* the boot makes none: the tests do */
	cfg->region[1] = (struct boot_region){
		.name = "wifi@43000000", .base = TP_BASE + 48 * MIB, .size = MIB};
	cfg->nr_regions = 2;
	m = testplat_machine_of(&tp, cfg);
	if (!m)
		return false;
	T_EQ(fh_alloc_pages(m, GFP_KERNEL, BUF_ORDER, &pfn), 0);
	buf = fh_pfn_to_phys(pfn).v;
	dev = (struct device){.machine = m, .name = "mmc0"};
	mem = NULL;
	return true;
}

static bool start(uint64_t nslabs, unsigned int nareas, unsigned int flags)
{
	testplat_init(&tp);
	testplat_cpu(0);
	if (!machine(TP_ONE_ZONE, 4))
		return false;
	T_EQ(swiotlb_create(m, nslabs, nareas, flags, &mem), 0);
	m->dma->swiotlb = mem;
	return mem;
}

static void check(void)
{
	char why[1024] = "";
	struct fh_text out = {why, sizeof(why), 0};
	bool ok = !swiotlb_check(m, mem, &out);

	if (ok && m->dma->restricted)
		ok = !swiotlb_check(m, m->dma->restricted, &out);
	T_OK(ok, why);
}

static void end(void)
{
	if (mem)
		check();
	swiotlb_destroy(m, mem);
	T_OK(!m->dma->swiotlb, "gone");
	T_EQ(fh_free_pages(m, buf >> FH_PAGE_SHIFT, BUF_ORDER), 0);
	testplat_end(&tp, m);
}

static unsigned char *at(uint64_t phys)
{
	return machine_virt(m, phys >> FH_PAGE_SHIFT) + (phys & (FH_PAGE_SIZE - 1));
}

static struct swiotlb_stats stats(void)
{
	struct swiotlb_stats s;

	swiotlb_stats(mem, &s);
	return s;
}

static const char *show(const char *path)
{
	size_t len = 0;
	int err = fh_view_read(m, path, text, sizeof(text), &len);

	if (err)
		snprintf(text, sizeof(text), "error %d", err);
	return text;
}

/* How many lines of dmesg have it. */
static unsigned int said(const char *what)
{
	unsigned int n = 0;

	for (const char *p = show("dmesg"); (p = strstr(p, what)); p += strlen(what))
		n++;
	return n;
}

static void fill(uint64_t phys, uint64_t size, unsigned int seed)
{
	for (uint64_t i = 0; i < size; i++)
		at(phys)[i] = (unsigned char)(seed + i * 7 + (i >> 8));
}

static bool is_filled(uint64_t phys, uint64_t size, unsigned int seed)
{
	for (uint64_t i = 0; i < size; i++)
		if (at(phys)[i] != (unsigned char)(seed + i * 7 + (i >> 8)))
			return false;
	return true;
}

static uint64_t map(uint64_t phys, uint64_t size, enum dma_data_direction dir)
{
	dma_t h = {0};

	T_EQ(swiotlb_map(&dev, (phys_t){phys}, size, dir, 0, &h), 0);
	return h.v;
}

static int try_map(uint64_t phys, uint64_t size)
{
	dma_t h;
	int err = swiotlb_map(&dev, (phys_t){phys}, size, DMA_TO_DEVICE, DMA_ATTR_NO_WARN, &h);

	if (!err)
		T_EQ(swiotlb_unmap(&dev, (phys_t){h.v}, size, DMA_TO_DEVICE, 0), 0);
	return err;
}

static void unmap(uint64_t phys, uint64_t size, enum dma_data_direction dir)
{
	T_EQ(swiotlb_unmap(&dev, (phys_t){phys}, size, dir, 0), 0);
}

/* ---- making ---- */

static void created(void)
{
	unsigned char dirt = 0;

	T_NEED(start(1000, 2, 0));
	T_EQ(stats().nslabs, 1024);
	T_EQ(said("software IO TLB: area num 2."), 1);
	T_EQ(said("roundup"), 0);
	T_EQ(said("software IO TLB: mapped [mem 0x00000000"), 1);
	T_EQ(said("] (2MB)\n"), 1);
	T_STR(swiotlb_name(mem), "software IO TLB");
	T_OK(swiotlb_of(&dev) == mem, "the machine's");
	T_OK(!swiotlb_is_forced(&dev), "only what needs it");
	end();
	T_NEED(start(1, 3, SWIOTLB_FORCE));
	T_EQ(stats().nslabs, 512); /* a segment an area, areas a power of two */
	T_EQ(said("area num 4."), 1);
	T_EQ(said("software IO TLB: SWIOTLB bounce buffer size roundup to 1MB"), 1);
	T_OK(swiotlb_is_forced(&dev), "all of it");
	end();
	T_NEED(start(32768, 0, 0)); /* more than the buddy has in one piece */
	T_EQ(stats().nslabs, 32768);
	T_EQ(said("area num 4."), 1);
	T_EQ(said("] (64MB)\n"), 1);
	TP_CHECK(m);
	for (uint64_t h = map(buf, 1, DMA_TO_DEVICE), i = 1; i < 64 * KIB; i++)
		dirt |= at(h)[i];
	T_EQ(dirt, 0);
	end();
}

/* Frames that somebody wrote to are zero before a device sees them. */
static void zeroed(void)
{
	unsigned int n = 0;
	uint64_t pool;
	pfn_t pfn[192];
	bool clean = true;

	testplat_init(&tp);
	testplat_cpu(0);
	T_NEED(machine(TP_ONE_ZONE, 1));
	while (n < 192 && !fh_alloc_pages(m, GFP_KERNEL | __GFP_NOWARN, 8, &pfn[n]))
		memset(at(fh_pfn_to_phys(pfn[n++]).v), 0xee, MIB);
	T_OK(n > 160, "nearly all of it");
	while (n)
		T_EQ(fh_free_pages(m, pfn[--n], 8), 0);
	T_EQ(swiotlb_create(m, 512, 1, 0, &mem), 0);
	m->dma->swiotlb = mem;
	at(buf)[0] = 0;
	pool = map(buf, 1, DMA_TO_DEVICE);
	for (uint64_t i = 0; i < MIB; i++)
		clean &= !at(pool)[i];
	T_OK(clean, "no byte of others");
	end();
}

static void not_created(void)
{
	struct io_tlb_mem *none = NULL;

	T_NEED(start(512, 1, 0));
	T_EQ(swiotlb_create(m, 0, 1, 0, &none), -FH_EINVAL);
	T_EQ(swiotlb_create(NULL, 512, 1, 0, &none), -FH_EINVAL);
	T_EQ(swiotlb_create(m, 512, 1, 16, &none), -FH_EINVAL);
	T_EQ(swiotlb_create(m, UINT64_MAX, 1, 0, &none), -FH_ENOMEM);
	T_EQ(swiotlb_create_at(m, "x", (phys_t){TP_BASE + 1}, MIB, 0, &none), -FH_EINVAL);
	T_EQ(swiotlb_create_at(m, "x", (phys_t){TP_BASE}, 100, 0, &none), -FH_EINVAL);
	T_EQ(swiotlb_create_at(m, "x", (phys_t){TP_BASE}, 0, 0, &none), -FH_EINVAL);
	T_EQ(swiotlb_create_at(m, "x", (phys_t){TP_BASE - MIB}, MIB, 0, &none), -FH_EINVAL);
	T_OK(!none, "nothing was made");
	end();
}

/* 192 MiB in all, so 512 MiB are halved until they fit; of a machine above 4 GiB nothing is low. */
static void too_large(void)
{
	struct boot_bank high = {UINT64_C(8) << 30, 64 * MIB};
	struct io_tlb_mem *none = NULL;

	T_NEED(start(256 * 1024, 4, 0));
	T_OK(stats().nslabs < 128 * 1024 && stats().nslabs >= 16 * 1024, "what fits");
	T_EQ(said("software IO TLB: SWIOTLB bounce buffer size adjusted 262144 -> "), 1);
	end();
	testplat_init(&tp);
	m = testplat_machine_of(&tp, testplat_banks(&high, 1, 1));
	T_NEED(m);
	T_EQ(swiotlb_create(m, 32768, 0, 0, &none), -FH_ENOMEM);
	T_EQ(said("software IO TLB: Failed to allocate 67108864 bytes tlb structure"), 1);
	T_EQ(swiotlb_create(m, 4096, 0, SWIOTLB_ANY, &none), 0);
	swiotlb_destroy(m, none);
	testplat_end(&tp, m);
}

/* Where every device reaches it, if there is room: in the lowest zone. */
static void placed_low(void)
{
	uint64_t h;

	testplat_init(&tp);
	testplat_cpu(0);
	T_NEED(machine(TP_THREE_ZONES, 1));
	T_EQ(swiotlb_create(m, 4096, 1, 0, &mem), 0); /* 8 MiB */
	m->dma->swiotlb = mem;
	h = map(buf, 1, DMA_TO_DEVICE);
	T_OK(h < TP_BASE + 64 * MIB, "ZONE_DMA");
	swiotlb_destroy(m, mem);
	T_EQ(swiotlb_create(m, 512, 1, 0, &mem), 0);
	m->dma->swiotlb = mem;
	h = map(buf, 1, DMA_TO_DEVICE);
	T_OK(h < TP_BASE + 64 * MIB, "ZONE_DMA");
	end();
}

/* ---- bytes ---- */

/* The device writes the middle only: what it left alone is as before, in every direction that comes back. */
static void directions(void)
{
	static const struct {
		enum dma_data_direction dir;
		unsigned int attrs;
		bool back;
	} cases[] = {
		{DMA_TO_DEVICE, 0, false},
		{DMA_FROM_DEVICE, 0, true},
		{DMA_BIDIRECTIONAL, 0, true},
		{DMA_FROM_DEVICE, DMA_ATTR_SKIP_CPU_SYNC, false},
		{DMA_BIDIRECTIONAL, DMA_ATTR_SKIP_CPU_SYNC, false},
	};

	T_NEED(start(512, 1, 0));
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t h;

		fill(buf, 8 * KIB, i);
		h = map(buf + 100, 5000, cases[i].dir);
		T_OK(is_swiotlb_buffer(&dev, (phys_t){h}), "in slots");
		T_OK(!memcmp(at(h), at(buf + 100), 5000), "copied in, whatever the direction");
		memset(at(h + 1000), 0x5a, 50);
		T_EQ(swiotlb_unmap(&dev, (phys_t){h}, 5000, cases[i].dir, cases[i].attrs), 0);
		T_OK(is_filled(buf, 1100, i), "what the device did not write");
		T_EQ(at(buf + 1100)[0] == 0x5a && at(buf + 1149)[0] == 0x5a, cases[i].back);
		T_OK(at(buf + 1150)[0] == (unsigned char)(i + 1150 * 7 + 4), "nor behind it");
		T_EQ(stats().used, 0);
		check();
	}
	T_EQ(stats().bounced, 5);
	end();
}

/* A part of a mapping, anywhere in it, with the address's low bits kept and not. */
static void parts(void)
{
	static const uint64_t from[] = {0, 1, 2047, 2048, 2049, 4095, 6000, 70000};
	static const uint64_t len[] = {1, 2, 100, 2048, 4097, 30000};

	T_NEED(start(512, 1, 0));
	for (unsigned int i = 0; i < 8 * 6 * 2; i++) {
		uint64_t f = from[i % 8], n = len[i / 8 % 6], size = 100000, h;

		dev.min_align_mask = i >= 48 ? 0xfff : 0;
		fill(buf, 128 * KIB, 3);
		h = map(buf + 1234, size, DMA_BIDIRECTIONAL);
		memset(at(h), 0x77, size);
		T_EQ(swiotlb_sync_for_cpu(&dev, (phys_t){h + f}, n, DMA_FROM_DEVICE), 0);
		T_OK(at(buf + 1234 + f)[0] == 0x77 && at(buf + 1234 + f + n - 1)[0] == 0x77 &&
			     !memcmp(at(buf + 1234 + f), at(h + f), n),
		     "that part came back");
		T_OK(is_filled(buf, 1234 + f, 3), "and nothing before it");
		T_EQ(at(buf + 1234 + f + n)[0],
		     (unsigned char)(3 + (1234 + f + n) * 7 + ((1234 + f + n) >> 8)));
		memset(at(buf + 1234), 0x11, size);
		T_EQ(swiotlb_sync_for_device(&dev, (phys_t){h + f}, n, DMA_TO_DEVICE), 0);
		T_OK(at(h + f)[0] == 0x11 && at(h + f + n - 1)[0] == 0x11, "and there");
		T_OK((f + n == size || at(h + f + n)[0] == 0x77) &&
			     (!f || at(h + f - 1)[0] == 0x77),
		     "no more");
		T_EQ(swiotlb_unmap(&dev, (phys_t){h}, n, DMA_FROM_DEVICE, 0), 0);
		T_OK(!memcmp(at(buf + 1234), at(h), n), "unmap of less copies less");
		T_EQ(at(buf + 1234 + size - 1)[0], 0x11);
		T_EQ(stats().used, 0);
	}
	end();
}

/* Whose bytes a sync moves depends on its direction, as in Linux. */
static void sync_directions(void)
{
	uint64_t h;

	T_NEED(start(512, 1, 0));
	fill(buf, 4096, 1);
	h = map(buf, 4096, DMA_BIDIRECTIONAL);
	fill(h, 4096, 2);
	T_EQ(swiotlb_sync_for_cpu(&dev, (phys_t){h}, 4096, DMA_TO_DEVICE), 0);
	T_OK(is_filled(buf, 4096, 1), "for the CPU, of what the device only reads: nothing");
	T_EQ(swiotlb_sync_for_device(&dev, (phys_t){h}, 4096, DMA_FROM_DEVICE), 0);
	T_OK(is_filled(h, 4096, 2), "for the device, of what it only writes: nothing");
	T_EQ(swiotlb_sync_for_cpu(&dev, (phys_t){h}, 4096, DMA_BIDIRECTIONAL), 0);
	T_OK(is_filled(buf, 4096, 2), "there");
	fill(buf, 4096, 3);
	T_EQ(swiotlb_sync_for_device(&dev, (phys_t){h}, 4096, DMA_BIDIRECTIONAL), 0);
	T_OK(is_filled(h, 4096, 3), "and back");
	unmap(h, 4096, DMA_TO_DEVICE);
	end();
}

/* ---- caches ---- */

static struct {
	char what;
	uint64_t phys, size;
	unsigned char first; /* in the slots, at the time */
} calls[8];
static unsigned int nr_calls;

static void note(char what, phys_t phys, uint64_t size)
{
	if (nr_calls < 8) {
		calls[nr_calls].what = what;
		calls[nr_calls].phys = phys.v;
		calls[nr_calls].size = size;
		calls[nr_calls].first = at(phys.v)[0];
	}
	nr_calls++;
}

static void clean(void *ctx, phys_t phys, uint64_t size)
{
	(void)ctx;
	note('c', phys, size);
}

/* What the device wrote is not seen before. */
static uint64_t inval(void *ctx, phys_t phys, uint64_t size)
{
	(void)ctx;
	note('i', phys, size);
	at(phys.v)[0] = 0xdd;
	return 0;
}

static void caches(void)
{
	uint64_t h;
	dma_t skipped;

	testplat_init(&tp);
	testplat_cpu(0);
	tp.plat.cache_clean = clean;
	tp.plat.cache_inval = inval;
	tp.plat.cache_line = 64;
	T_NEED(machine(TP_ONE_ZONE, 1));
	T_EQ(swiotlb_create(m, 512, 1, 0, &mem), 0);
	m->dma->swiotlb = mem;
	nr_calls = 0;
	at(buf)[0] = 0xaa;
	h = map(buf, 3000, DMA_FROM_DEVICE);
	T_EQ(nr_calls, 1);
	T_OK(calls[0].what == 'c' && calls[0].phys == h && calls[0].size == 3000, "the slots");
	T_EQ(calls[0].first, 0xaa); /* after the copy */
	T_EQ(swiotlb_sync_for_cpu(&dev, (phys_t){h}, 3000, DMA_FROM_DEVICE), 0);
	T_EQ(nr_calls, 2);
	T_OK(calls[1].what == 'i' && calls[1].phys == h && calls[1].size == 3000, "the slots");
	T_EQ(at(buf)[0], 0xdd); /* before the copy */
	T_EQ(swiotlb_sync_for_device(&dev, (phys_t){h + 8}, 8, DMA_FROM_DEVICE), 0);
	T_EQ(nr_calls, 3);
	T_OK(calls[2].what == 'c' && calls[2].phys == h + 8 && calls[2].size == 8, "its part");
	at(buf)[0] = 1;
	T_EQ(swiotlb_sync_for_device(&dev, (phys_t){h}, 8, DMA_TO_DEVICE), 0);
	T_OK(nr_calls == 4 && calls[3].what == 'c' && calls[3].first == 1, "after the copy");
	T_EQ(swiotlb_sync_for_cpu(&dev, (phys_t){h}, 8, DMA_TO_DEVICE), 0);
	T_EQ(nr_calls, 4);
	unmap(h, 3000, DMA_FROM_DEVICE);
	T_OK(nr_calls == 5 && calls[4].what == 'i', "before the copy");
	T_EQ(at(buf)[0], 0xdd);
	T_EQ(swiotlb_map(&dev, (phys_t){buf}, 8, DMA_BIDIRECTIONAL, DMA_ATTR_SKIP_CPU_SYNC,
			 &skipped),
	     0);
	T_EQ(swiotlb_unmap(&dev, (phys_t){skipped.v}, 8, DMA_BIDIRECTIONAL, DMA_ATTR_SKIP_CPU_SYNC),
	     0);
	T_EQ(nr_calls, 5);
	dev.dma_coherent = true;
	unmap(map(buf, 8, DMA_BIDIRECTIONAL), 8, DMA_BIDIRECTIONAL);
	T_EQ(nr_calls, 5);
	end();
}

/* ---- where ---- */

static void min_align(void)
{
	static const unsigned int masks[] = {0x1ff, 0x7ff, 0xfff, 0x3fff, 0xffff};
	static const uint64_t offsets[] = {0, 1, 511, 512, 2047, 2048, 3000, 4095, 5000, 65535};

	T_NEED(start(2048, 1, 0));
	for (unsigned int i = 0; i < 5; i++) {
		uint64_t h[10];

		dev.min_align_mask = masks[i];
		for (unsigned int k = 0; k < 10; k++) {
			fill(buf + offsets[k], 6000, k);
			h[k] = map(buf + offsets[k], 6000, DMA_BIDIRECTIONAL);
			T_EQ((h[k] ^ (buf + offsets[k])) & masks[i], 0);
			T_OK(is_filled(h[k], 6000, k), "its bytes");
		}
		check();
		for (unsigned int k = 0; k < 10; k++) {
			fill(h[k], 6000, k + 100);
			unmap(h[k], 6000, DMA_BIDIRECTIONAL);
			T_OK(is_filled(buf + offsets[k], 6000, k + 100), "its bytes");
		}
		T_EQ(stats().used, 0);
	}
	end();
}

/* Without masks: a slot's start; whole pages at a page's. */
static void plain_align(void)
{
	uint64_t small, page, odd;

	T_NEED(start(512, 1, 0));
	small = map(buf + 777, 100, DMA_TO_DEVICE);
	page = map(buf + 777, 4096, DMA_TO_DEVICE);
	odd = map(buf + 777, 4095, DMA_TO_DEVICE);
	T_EQ(small % 2048, 0);
	T_EQ(page % 4096, 0);
	T_EQ(page - small, 4096); /* the slot between them was passed over */
	T_EQ(odd % 2048, 0);
	T_EQ(stats().used, 1 + 2 + 2);
	end();
}

/* Units of 4 or 16 KiB that are the mapping's alone: what lies before and behind it in them, nobody has. */
static void alloc_align(void)
{
	static const uint64_t masks[] = {0xfff, 0x3fff};

	T_NEED(start(512, 1, 0));
	for (unsigned int i = 0; i < 4; i++) {
		uint64_t mask = masks[i & 1], off = i & 2 ? 2048 + 512 + 5 : 0, used;
		dma_t h;

		dev.min_align_mask = 0xfff;
		fill(buf + off, 5000, i);
		T_EQ(swiotlb_tbl_map(&dev, (phys_t){buf + off}, 5000, mask, DMA_BIDIRECTIONAL, 0,
				     &h),
		     0);
		T_EQ((h.v - off) & mask, 0);
		used = (off + 5000 + mask) / (mask + 1) * ((mask + 1) / 2048);
		T_EQ(stats().used, used);
		T_OK(is_filled(h.v, 5000, i), "its bytes");
		check();
		T_EQ(swiotlb_sync_for_cpu(&dev, (phys_t){h.v - 1}, 2, DMA_FROM_DEVICE), -FH_EINVAL);
		T_EQ(swiotlb_sync_for_cpu(&dev, (phys_t){h.v + 4999}, 2, DMA_FROM_DEVICE),
		     -FH_EINVAL);
		T_EQ(swiotlb_unmap(&dev, (phys_t){h.v - off}, 5000, DMA_FROM_DEVICE, 0),
		     off ? -FH_EINVAL : 0);
		if (off)
			unmap(h.v, 5000, DMA_FROM_DEVICE);
		T_EQ(stats().used, 0);
	}
	dev.min_align_mask = 0;
	{
		dma_t h;

		T_EQ(swiotlb_tbl_map(&dev, (phys_t){buf + 100}, 10, 0x7fff, DMA_TO_DEVICE, 0, &h),
		     0);
		T_EQ(h.v & 0x7fff, 0);
		T_EQ(stats().used, 16);
		T_EQ(swiotlb_tbl_map(&dev, (phys_t){buf}, 10, 0x7ffe, DMA_TO_DEVICE, 0, &h),
		     -FH_EINVAL);
	}
	end();
}

static void boundary(void)
{
	static const uint64_t masks[] = {0x3ff, 0xfff, 0x3fff, 0xffff, 0x3ffff};

	T_NEED(start(1024, 1, 0));
	for (unsigned int i = 0; i < 5; i++) {
		uint64_t mask = masks[i], h[64], size = mask + 1 < 14000 ? mask + 1 : 14000;
		unsigned int n = 0;

		dev.segment_boundary_mask = mask;
		for (; n < 64; n++) {
			h[n] = map(buf, size - n, DMA_TO_DEVICE);
			T_EQ((h[n] ^ (h[n] + size - n - 1)) & ~mask, 0);
		}
		check();
		while (n--)
			unmap(h[n], size - n, DMA_TO_DEVICE);
		T_EQ(try_map(buf, mask + 1), 0);
		T_EQ(try_map(buf, mask + 2), -FH_EIO);
		T_EQ(swiotlb_max_mapping_size(&dev), mask + 1);
	}
	/* It is the bus's addresses that count. */
	dev.segment_boundary_mask = 0xffff;
	dev.nr_ranges = 1;
	dev.range[0] = (struct bus_dma_region){{TP_BASE}, {0x8000}, 192 * MIB};
	for (unsigned int n = 0; n < 12; n++) {
		uint64_t h = map(buf, 44 * KIB, DMA_TO_DEVICE);

		T_EQ((h ^ (h + 44 * KIB - 1)) & ~UINT64_C(0xffff), 0);
		T_OK(is_swiotlb_buffer(&dev, (phys_t){h - 0x8000 + TP_BASE}), "by phys");
	}
	end();
}

/* 128 slots; a whole one needs a whole free segment. */
static void segment_limit(void)
{
	uint64_t h, small;

	T_NEED(start(256, 2, 0));
	T_EQ(swiotlb_max_mapping_size(&dev), 256 * KIB);
	fill(buf, 256 * KIB, 9);
	h = map(buf, 256 * KIB, DMA_BIDIRECTIONAL);
	T_OK(is_filled(h, 256 * KIB, 9), "all of it");
	T_EQ(stats().used, 128);
	T_EQ(try_map(buf, 256 * KIB + 1), -FH_EIO);
	T_EQ(try_map(buf, UINT64_C(1) << 32), -FH_EINVAL);
	small = map(buf, 1, DMA_TO_DEVICE);
	T_EQ(try_map(buf, 256 * KIB), -FH_ENOSPC);
	T_EQ(try_map(buf, 252 * KIB), 0);
	T_EQ(try_map(buf, 252 * KIB + 1), -FH_ENOSPC);
	unmap(small, 1, DMA_TO_DEVICE);
	T_EQ(try_map(buf, 256 * KIB), 0);
	unmap(h, 256 * KIB, DMA_BIDIRECTIONAL);
	dev.min_align_mask = 0xfff;
	T_EQ(swiotlb_max_mapping_size(&dev), 252 * KIB);
	for (uint64_t off = 0; off < 4096; off += 255)
		T_EQ(try_map(buf + off, 252 * KIB), 0);
	T_EQ(try_map(buf + 4095, 256 * KIB), -FH_EIO);
	end();
}

/* Mappings never lie across two segments, in whatever order they come and go. */
static void segments_apart(void)
{
	uint64_t h[10];

	T_NEED(start(256, 1, 0));
	for (unsigned int i = 0; i < 2; i++)
		h[i] = map(buf, 200 * KIB, DMA_TO_DEVICE);
	T_EQ(try_map(buf, 60 * KIB), -FH_ENOSPC); /* 56 KiB are left in each */
	T_EQ(try_map(buf, 56 * KIB), 0);
	T_EQ(h[1] - h[0], 256 * KIB);
	end();
}

/* From the index upwards, and from the start again; what was freed last is tried first. */
static void search_order(void)
{
	uint64_t h[3];

	T_NEED(start(256, 1, 0));
	for (unsigned int i = 0; i < 3; i++)
		h[i] = map(buf, 4096, DMA_TO_DEVICE);
	T_OK(h[1] == h[0] + 4096 && h[2] == h[1] + 4096, "upwards");
	unmap(h[1], 4096, DMA_TO_DEVICE);
	unmap(h[0], 4096, DMA_TO_DEVICE);
	T_EQ(map(buf, 4096, DMA_TO_DEVICE), h[0]);
	T_EQ(map(buf, 4096, DMA_TO_DEVICE), h[1]);
	for (unsigned int i = 3; i-- > 0;)
		unmap(h[i], 4096, DMA_TO_DEVICE);
	for (unsigned int i = 0; i < 2; i++)
		h[i] = map(buf, 256 * KIB, DMA_TO_DEVICE);
	T_EQ(h[1] - h[0], 256 * KIB);
	unmap(h[0], 256 * KIB, DMA_TO_DEVICE);
	unmap(h[1], 256 * KIB, DMA_TO_DEVICE);
	T_EQ(map(buf, 1, DMA_TO_DEVICE), h[1]); /* the index is above it now */
	T_EQ(map(buf, 256 * KIB, DMA_TO_DEVICE), h[0]);
	end();
}

/* ---- areas ---- */

static void areas(void)
{
	uint64_t h[4], base, more;

	T_NEED(start(512, 4, 0));
	for (unsigned int cpu = 0; cpu < 4; cpu++) {
		testplat_cpu(cpu);
		h[cpu] = map(buf, 4096, DMA_TO_DEVICE);
	}
	base = h[0];
	for (unsigned int cpu = 1; cpu < 4; cpu++)
		T_EQ(h[cpu] - base, cpu * 256 * KIB);
	testplat_cpu(2); /* its own has no room: the next one's, from the top around */
	more = map(buf, 256 * KIB - 4096, DMA_TO_DEVICE);
	T_EQ(more - base, 512 * KIB + 4096);
	T_EQ(map(buf, 100, DMA_TO_DEVICE) - base, 768 * KIB + 4096);
	T_EQ(map(buf, 256 * KIB - 8192, DMA_TO_DEVICE) - base, 768 * KIB + 8192);
	T_EQ(map(buf, 100 * KIB, DMA_TO_DEVICE) - base, 4096);
	testplat_cpu(~0u); /* no CPU: some area */
	T_EQ(try_map(buf, 100), 0);
	testplat_cpu(0);
	unmap(more, 256 * KIB - 4096, DMA_TO_DEVICE); /* by another than who mapped it */
	testplat_cpu(2);
	T_EQ(map(buf, 4096, DMA_TO_DEVICE), more); /* and is warm */
	check();
	end();
}

/* ---- refusals ---- */

static void full(void)
{
	uint64_t h[128];
	dma_t none = {7};

	T_NEED(start(128, 1, 0));
	for (unsigned int i = 0; i < 128; i++)
		h[i] = map(buf + i, 2048, DMA_TO_DEVICE);
	T_EQ(swiotlb_map(&dev, (phys_t){buf}, 1000, DMA_TO_DEVICE, DMA_ATTR_NO_WARN, &none),
	     -FH_ENOSPC);
	T_EQ(said("full"), 0);
	for (unsigned int i = 0; i < 20; i++)
		T_EQ(swiotlb_map(&dev, (phys_t){buf}, 1000, DMA_TO_DEVICE, 0, &none), -FH_ENOSPC);
	T_EQ(none.v, 7);
	T_EQ(said("mmc0: swiotlb buffer is full (sz: 1000 bytes), total 128 (slots), used 128 "
		  "(slots)\n"),
	     10); /* a burst of ten, as Linux */
	check();
	for (unsigned int i = 1; i < 128; i += 2)
		unmap(h[i], 2048, DMA_TO_DEVICE);
	T_EQ(stats().used, 64);
	T_EQ(try_map(buf, 2049), -FH_ENOSPC);
	T_EQ(try_map(buf, 2048), 0);
	check();
	T_EQ(swiotlb_background(m), false); /* does not grow */
	T_EQ(stats().nslabs, 128);
	end();
}

static void out_of_reach(void)
{
	uint64_t pool, h;
	dma_t none;

	T_NEED(start(512, 1, 0));
	pool = map(buf, 1, DMA_TO_DEVICE);
	dev.dma_mask = pool - 1;
	T_EQ(try_map(buf, 100), -FH_EIO);
	T_EQ(said("overflow"), 0);
	T_EQ(swiotlb_map(&dev, (phys_t){buf}, 100, DMA_TO_DEVICE, 0, &none), -FH_EIO);
	snprintf(text, 200, "mmc0: swiotlb addr 0x%016llx+100 overflow (mask %llx, bus limit 0).\n",
		 (unsigned long long)pool, (unsigned long long)pool - 1);
	{
		char *want = strdup(text);

		T_EQ(said(want), 1);
		free(want);
	}
	dev.dma_mask = 0;
	dev.bus_dma_limit = pool - 1;
	T_EQ(try_map(buf, 100), -FH_EIO);
	/* A part of the pool is in reach: that, and then it is full. */
	dev.bus_dma_limit = pool + 256 * KIB + 4095;
	h = map(buf, 252 * KIB, DMA_TO_DEVICE);
	T_OK(h + 252 * KIB - 1 <= dev.bus_dma_limit, "in reach");
	h = map(buf, 4096, DMA_TO_DEVICE);
	T_EQ(h, pool + 256 * KIB);
	T_EQ(try_map(buf, 2049), -FH_ENOSPC);
	dev.bus_dma_limit = 0;
	T_EQ(try_map(buf, 2049), 0);
	/* Two windows of the bus meet in the pool. */
	dev.nr_ranges = 2;
	dev.range[0] = (struct bus_dma_region){{0}, {0x10000000}, pool + 512 * KIB + 2048};
	dev.range[1] = (struct bus_dma_region){{pool + 512 * KIB + 2048}, {0}, MIB};
	h = map(buf, 100 * KIB, DMA_TO_DEVICE);
	T_OK(h < MIB || h + 100 * KIB <= 0x10000000 + pool + 512 * KIB + 2048,
	     "all in one of them");
	dev.nr_ranges = 1; /* and one that has nothing of it */
	dev.range[0] = (struct bus_dma_region){{0}, {0}, 4096};
	T_EQ(try_map(buf, 2048), -FH_EIO);
	end();
}

static void bad_arguments(void)
{
	struct device other;
	uint64_t h;
	dma_t none;

	T_NEED(start(512, 1, 0));
	T_EQ(try_map(buf, 0), -FH_EINVAL);
	T_EQ(try_map(TP_BASE - 1, 10), -FH_EINVAL);
	T_EQ(try_map(TP_BASE + 192 * MIB - 9, 10), -FH_EINVAL);
	T_EQ(try_map(UINT64_MAX, 10), -FH_EINVAL);
	T_EQ(try_map(buf, UINT64_MAX), -FH_EINVAL);
	T_EQ(swiotlb_map(&dev, (phys_t){buf}, 10, DMA_NONE, 0, &none), -FH_EINVAL);
	h = map(buf, 5000, DMA_BIDIRECTIONAL);
	fill(buf, 5000, 1);
	T_EQ(swiotlb_unmap(&dev, (phys_t){h}, 5001, DMA_FROM_DEVICE, 0), -FH_EINVAL);
	T_EQ(swiotlb_unmap(&dev, (phys_t){h}, 0, DMA_FROM_DEVICE, 0), -FH_EINVAL);
	T_EQ(swiotlb_unmap(&dev, (phys_t){h + 2048}, 100, DMA_FROM_DEVICE, 0), -FH_EINVAL);
	T_EQ(swiotlb_unmap(&dev, (phys_t){h + 1}, 100, DMA_FROM_DEVICE, 0), -FH_EINVAL);
	T_EQ(swiotlb_unmap(&dev, (phys_t){h}, 5000, DMA_NONE, 0), -FH_EINVAL);
	T_EQ(swiotlb_unmap(&dev, (phys_t){h + 8192}, 100, DMA_FROM_DEVICE, 0), -FH_EINVAL);
	T_EQ(swiotlb_unmap(&dev, (phys_t){buf}, 100, DMA_FROM_DEVICE, 0), -FH_EINVAL);
	T_EQ(swiotlb_sync_for_cpu(&dev, (phys_t){h + 4999}, 2, DMA_FROM_DEVICE), -FH_EINVAL);
	T_EQ(swiotlb_sync_for_cpu(&dev, (phys_t){h + 5000}, 1, DMA_FROM_DEVICE), -FH_EINVAL);
	T_EQ(swiotlb_sync_for_cpu(&dev, (phys_t){h}, 1, DMA_NONE), -FH_EINVAL);
	T_EQ(swiotlb_sync_for_device(&dev, (phys_t){h}, UINT64_MAX, DMA_TO_DEVICE), -FH_EINVAL);
	T_EQ(swiotlb_sync_for_device(&dev, (phys_t){h + 6144}, 1, DMA_TO_DEVICE), -FH_EINVAL);
	T_OK(is_filled(buf, 5000, 1), "none of these did anything");
	T_EQ(stats().used, 3);
	unmap(h, 5000, DMA_TO_DEVICE);
	T_EQ(swiotlb_unmap(&dev, (phys_t){h}, 5000, DMA_TO_DEVICE, 0), -FH_EINVAL);
	T_OK(!is_swiotlb_buffer(&dev, (phys_t){buf}), "elsewhere");
	T_OK(!is_swiotlb_buffer(&dev, (phys_t){h + MIB}), "behind it");
	T_OK(!is_swiotlb_buffer(&dev, (phys_t){h - 1}), "before it");
	other = dev;
	m->dma->swiotlb = NULL;
	T_EQ(swiotlb_map(&other, (phys_t){buf}, 10, DMA_TO_DEVICE, 0, &none), -FH_EIO);
	T_EQ(swiotlb_unmap(&other, (phys_t){h}, 10, DMA_TO_DEVICE, 0), -FH_EINVAL);
	T_OK(!is_swiotlb_buffer(&other, (phys_t){h}), "there are none");
	T_OK(!swiotlb_is_forced(&other), "there are none");
	T_EQ(swiotlb_max_mapping_size(&other), UINT64_MAX);
	T_EQ(swiotlb_background(m), false);
	m->dma->swiotlb = mem;
	end();
}

/* ---- growth ---- */

static void grows(void)
{
	uint64_t first, h, transient;

	T_NEED(start(512, 2, SWIOTLB_CAN_GROW));
	T_EQ(swiotlb_background(m), false); /* nobody wants it */
	for (unsigned int i = 0; i < 4; i++)
		first = map(buf, 256 * KIB, DMA_TO_DEVICE);
	T_EQ(stats().transient_nslabs, 0);
	fill(buf, 20000, 5);
	transient = map(buf, 20000, DMA_BIDIRECTIONAL);
	T_OK(is_filled(transient, 20000, 5), "its bytes");
	T_EQ(stats().transient_nslabs, 10);
	T_EQ(stats().used, 522);
	T_EQ(stats().used_hiwater, 522);
	T_EQ(stats().nslabs, 512);
	T_OK(is_swiotlb_buffer(&dev, (phys_t){transient}), "as any slot");
	T_EQ(swiotlb_background(m), false); /* made what was wanted; nobody wants more */
	T_EQ(stats().nslabs, 1024);
	check();
	TP_CHECK(m);
	h = map(buf, 256 * KIB, DMA_BIDIRECTIONAL);
	T_EQ(stats().transient_nslabs, 10);
	T_OK(is_swiotlb_buffer(&dev, (phys_t){h}), "the new pool's");
	fill(transient, 20000, 6);
	T_EQ(swiotlb_sync_for_cpu(&dev, (phys_t){transient + 9999}, 1, DMA_FROM_DEVICE), 0);
	T_EQ(at(buf + 9999)[0], (unsigned char)(6 + 9999 * 7 + (9999 >> 8)));
	T_EQ(swiotlb_unmap(&dev, (phys_t){transient + 1}, 1, DMA_FROM_DEVICE, 0), -FH_EINVAL);
	unmap(transient, 20000, DMA_BIDIRECTIONAL);
	T_OK(is_filled(buf, 20000, 6), "its bytes");
	T_EQ(swiotlb_unmap(&dev, (phys_t){transient}, 20000, DMA_BIDIRECTIONAL, 0), -FH_EINVAL);
	T_OK(!is_swiotlb_buffer(&dev, (phys_t){transient}), "gone");
	T_EQ(stats().transient_nslabs, 0);
	T_EQ(stats().used, 512 + 128);
	T_EQ(stats().used_hiwater, 522 + 128); /* both were there */
	unmap(h, 256 * KIB, DMA_BIDIRECTIONAL);
	unmap(first, 256 * KIB, DMA_TO_DEVICE);
	T_EQ(swiotlb_background(m), false);
	T_EQ(stats().nslabs, 1024);
	end();
}

/* Transient pools keep alignment, boundary and reach like any other. */
static void transient_rules(void)
{
	static const uint64_t offsets[] = {0, 2047, 2048, 4095, 6144, 70000};

	testplat_init(&tp);
	testplat_cpu(0);
	T_NEED(machine(TP_THREE_ZONES, 1));
	T_EQ(swiotlb_create(m, 128, 1, SWIOTLB_CAN_GROW, &mem), 0);
	m->dma->swiotlb = mem;
	map(buf, 256 * KIB, DMA_TO_DEVICE);
	for (unsigned int i = 0; i < 6 * 4; i++) {
		static const unsigned int masks[] = {0, 0xfff, 0x3fff, 0x1ffff};
		uint64_t off = offsets[i / 4], h, size = 250 * KIB;

		dev.min_align_mask = masks[i % 4];
		dev.dma_mask = TP_BASE + (i & 1 ? 64 : 128) * MIB - 1;
		dev.segment_boundary_mask = i & 2 ? 0x7ffff : 0;
		h = map(buf + off, size, DMA_TO_DEVICE);
		T_EQ((h ^ (buf + off)) & masks[i % 4], 0);
		T_OK(h + size - 1 <= dev.dma_mask, "in reach");
		T_EQ(stats().transient_nslabs >= 125, true);
		check();
		unmap(h, size, DMA_TO_DEVICE);
	}
	dev.min_align_mask = 0;
	dev.segment_boundary_mask = 0;
	dev.dma_mask = TP_BASE - 1;
	T_EQ(try_map(buf, 100), -FH_EIO);
	dev.dma_mask = 0; /* a bus that shows ZONE_DMA only, elsewhere */
	dev.nr_ranges = 1;
	dev.range[0] = (struct bus_dma_region){{TP_BASE}, {0}, 32 * MIB};
	for (unsigned int i = 0; i < 200; i++) {
		dma_t h;
		int err =
			swiotlb_map(&dev, (phys_t){buf}, 100, DMA_TO_DEVICE, DMA_ATTR_NO_WARN, &h);

		if (!err)
			T_OK(h.v < 32 * MIB, "in its window");
		else
			T_EQ(err, -FH_ENOSPC);
	}
	check();
	end(); /* those in use are forgotten */
}

/* No memory for a pool of a MiB or more: a message, and the next map that finds it full tries again. */
static void cannot_grow(void)
{
	pfn_t *held = calloc(192 * 256, sizeof(*held));
	unsigned int n = 0;

	T_NEED(start(128, 1, SWIOTLB_CAN_GROW));
	map(buf, 256 * KIB, DMA_TO_DEVICE);
	while (n < 192 * 256 && !fh_alloc_pages(m, GFP_KERNEL | __GFP_NOWARN, 0, &held[n]))
		n++;
	T_EQ(try_map(buf, 256 * KIB), -FH_ENOSPC);
	T_EQ(stats().transient_nslabs, 0);
	T_EQ(swiotlb_background(m), false);
	T_EQ(said("software IO TLB: Failed to allocate new pool"), 1);
	T_EQ(swiotlb_background(m), false);
	T_EQ(said("software IO TLB: Failed to allocate new pool"), 1);
	check();
	while (n)
		T_EQ(fh_free_pages(m, held[--n], 0), 0);
	free(held);
	T_EQ(try_map(buf, 256 * KIB), 0);
	T_EQ(swiotlb_background(m), false);
	T_EQ(stats().nslabs, 256);
	end();
}

/* ---- restricted ---- */

static void restricted(void)
{
	struct io_tlb_mem *own = NULL;
	struct device wifi;
	uint64_t h;
	pfn_t a, b, c;
	dma_t d;

	T_NEED(start(512, 1, 0));
	wifi = dev;
	wifi.name = "wifi";
	T_EQ(swiotlb_alloc(&wifi, 4096, &a), -FH_EINVAL); /* the machine's are not for that */
	T_EQ(swiotlb_create_at(m, "wifi@43000000", (phys_t){TP_BASE + 48 * MIB}, MIB,
			       SWIOTLB_FOR_ALLOC, &own),
	     0);
	T_NEED(own && m->dma->restricted == own);
	wifi.dma_io_tlb_mem = own;
	T_OK(swiotlb_of(&wifi) == own && swiotlb_of(&dev) == mem, "each its own");
	T_OK(swiotlb_is_forced(&wifi) && !swiotlb_is_forced(&dev), "all it maps");
	T_STR(swiotlb_name(own), "wifi@43000000");
	T_EQ(swiotlb_map(&wifi, (phys_t){buf}, 3000, DMA_TO_DEVICE, 0, &d), 0);
	T_OK(d.v - (TP_BASE + 48 * MIB) < MIB, "in its region");
	T_OK(is_swiotlb_buffer(&wifi, (phys_t){d.v}), "its own");
	T_OK(!is_swiotlb_buffer(&dev, (phys_t){d.v}), "nobody else's");
	T_EQ(stats().used, 0);
	T_EQ(swiotlb_alloc(&wifi, 5000, &a), 0);
	T_EQ(swiotlb_alloc(&wifi, 1, &b), 0);
	T_EQ(swiotlb_alloc(&wifi, 100 * KIB, &c), 0);
	T_OK(fh_pfn_to_phys(a).v - (TP_BASE + 48 * MIB) < MIB, "in its region");
	T_EQ(a % 2, 0); /* aligned to the order */
	T_EQ(c % 32, 0);
	T_OK(a + 2 <= b || b + 1 <= a, "apart");
	T_EQ(swiotlb_alloc(&wifi, 256 * KIB + 1, &c), -FH_ENOMEM);
	T_EQ(swiotlb_alloc(&wifi, 0, &c), -FH_EINVAL);
	T_OK(!swiotlb_free(&dev, a, 5000), "not the machine's");
	T_OK(!swiotlb_free(&wifi, a, 4096), "not that size");
	T_OK(!swiotlb_free(&wifi, a + 1, 4096), "not its start");
	T_OK(!swiotlb_free(&wifi, fh_phys_to_pfn((phys_t){d.v}), 3000), "a mapping");
	T_EQ(swiotlb_unmap(&wifi, fh_pfn_to_phys(a), 4096, DMA_TO_DEVICE, 0), -FH_EINVAL);
	T_EQ(swiotlb_sync_for_cpu(&wifi, fh_pfn_to_phys(a), 8, DMA_FROM_DEVICE), -FH_EINVAL);
	check();
	T_EQ(strtoull(show("sys/kernel/debug/swiotlb/wifi@43000000/io_tlb_used"), NULL, 10),
	     2 + 4 + 2 + 50);
	T_STR(show("sys/kernel/debug/swiotlb/wifi@43000000/io_tlb_nslabs"), "512\n");
	T_STR(show("sys/kernel/debug/swiotlb/io_tlb_used"), "0\n");
	T_OK(swiotlb_free(&wifi, a, 5000), "freed");
	T_OK(!swiotlb_free(&wifi, a, 5000), "once");
	T_OK(swiotlb_free(&wifi, b, 4096), "rounded to pages");
	for (unsigned int i = 0; i < 3; i++)
		T_EQ(swiotlb_alloc(&wifi, 256 * KIB, &a), 0);
	T_EQ(swiotlb_alloc(&wifi, 256 * KIB, &a), -FH_ENOMEM);
	h = map(buf, 100, DMA_TO_DEVICE);
	T_OK(h - (TP_BASE + 48 * MIB) >= MIB, "not in somebody's region");
	check();
	swiotlb_destroy(m, own);
	T_OK(!m->dma->restricted, "gone");
	end();
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

	T_NEED(start(1024, 4, SWIOTLB_CAN_GROW));
	for (unsigned int i = 0; i < 20000; i++) {
		unsigned int k = (rnd = rnd * 1664525 + 1013904223) >> 26;

		testplat_cpu(rnd >> 12 & 3);
		if (live[k].h) {
			unmap(live[k].h, live[k].size, DMA_TO_DEVICE);
			used -= (live[k].size + 2047) / 2048;
			live[k].h = 0;
		} else {
			live[k].size = 1 + (rnd >> 4) % (i % 4000 < 2000 ? 80 * KIB : 20 * KIB);
			live[k].h = map(buf, live[k].size, DMA_TO_DEVICE);
			used += (live[k].size + 2047) / 2048;
			most = used > most ? used : most;
		}
		if (stats().used != used || stats().used_hiwater != most) {
			T_EQ(stats().used, used);
			T_EQ(stats().used_hiwater, most);
			break;
		}
		if (i % 3000 == 2999) {
			swiotlb_reset_hiwater(mem);
			most = used;
			check();
		}
		if (i % 1000 == 0)
			swiotlb_background(m);
	}
	end();
}

/* ---- views ---- */

static void views(void)
{
	testplat_init(&tp);
	testplat_cpu(0);
	T_NEED(machine(TP_ONE_ZONE, 2));
	T_STR(show("sys/kernel/debug/swiotlb/io_tlb_used"), "error -2");
	T_STR(show("sys/kernel/debug/swiotlb"), "");
	T_EQ(swiotlb_create(m, 512, 1, SWIOTLB_CAN_GROW, &mem), 0);
	m->dma->swiotlb = mem;
	T_STR(show("sys/kernel/debug/swiotlb"),
	      "io_tlb_nslabs\nio_tlb_transient_nslabs\nio_tlb_used\nio_tlb_used_hiwater\n");
	unmap(map(buf, 10000, DMA_TO_DEVICE), 10000, DMA_TO_DEVICE);
	for (unsigned int i = 0; i < 4; i++)
		map(buf, 256 * KIB, DMA_TO_DEVICE);
	map(buf, 3000, DMA_TO_DEVICE);
	T_STR(show("sys/kernel/debug/swiotlb/io_tlb_nslabs"), "512\n");
	T_STR(show("sys/kernel/debug/swiotlb/io_tlb_used"), "514\n");
	T_STR(show("sys/kernel/debug/swiotlb/io_tlb_used_hiwater"), "514\n");
	T_STR(show("sys/kernel/debug/swiotlb/io_tlb_transient_nslabs"), "2\n");
	T_STR(show("sys/kernel/debug/swiotlb/nobody/io_tlb_used"), "error -2");
	{
		struct io_tlb_mem *own = NULL;

		T_EQ(swiotlb_create_at(m, "wifi@43000000", (phys_t){TP_BASE + 48 * MIB}, MIB,
				       SWIOTLB_FOR_ALLOC, &own),
		     0);
		T_STR(show("sys/kernel/debug/swiotlb"),
		      "io_tlb_nslabs\nio_tlb_transient_nslabs\nio_tlb_used\nio_tlb_used_hiwater\n"
		      "wifi@43000000/\n");
		T_STR(show("sys/kernel/debug/swiotlb/wifi@43000000"),
		      "io_tlb_nslabs\nio_tlb_transient_nslabs\nio_tlb_used\nio_tlb_used_hiwater\n");
		T_STR(show("sys/kernel/debug/swiotlb/wifi@43000000/io_tlb_used_hiwater"), "0\n");
		swiotlb_destroy(m, own);
	}
	end();
}

/* ---- machines of other kinds ---- */

static void without_bytes(void)
{
	dma_t h;

	testplat_init(&tp);
	testplat_cpu(0);
	tp.no_ram = true;
	T_NEED(machine(TP_ONE_ZONE, 1));
	T_EQ(swiotlb_create(m, 512, 1, SWIOTLB_CAN_GROW, &mem), 0);
	m->dma->swiotlb = mem;
	T_EQ(swiotlb_map(&dev, (phys_t){buf + 5}, 100000, DMA_BIDIRECTIONAL, 0, &h), 0);
	T_EQ(swiotlb_sync_for_cpu(&dev, (phys_t){h.v}, 5, DMA_BIDIRECTIONAL), 0);
	T_EQ(swiotlb_sync_for_device(&dev, (phys_t){h.v}, 5, DMA_BIDIRECTIONAL), 0);
	unmap(h.v, 100000, DMA_BIDIRECTIONAL);
	end();
}

/* The bytes lie in two banks that touch, and that the CPU sees in two places. */
static void two_banks(void)
{
	struct boot_bank banks[] = {{TP_BASE, 32 * MIB}, {TP_BASE + 32 * MIB, 32 * MIB}};
	uint64_t edge = TP_BASE + 32 * MIB, h;
	struct boot_config *cfg;

	testplat_init(&tp);
	testplat_cpu(0);
	cfg = testplat_banks(banks, 2, 1);
	cfg->dma.swiotlb_noforce = true;
	cfg->region[0] = (struct boot_region){.name = "edge", .base = edge - MIB, .size = 2 * MIB};
	cfg->nr_regions = 1;
	m = testplat_machine_of(&tp, cfg);
	T_NEED(m);
	dev = (struct device){.machine = m};
	T_EQ(swiotlb_create(m, 512, 1, 0, &mem), 0);
	m->dma->swiotlb = mem;
	fill(edge - 5000, 5000, 1);
	memset(at(edge), 0x99, 5000);
	h = map(edge - 5000, 10000, DMA_BIDIRECTIONAL);
	T_OK(is_filled(h, 5000, 1) && at(h + 5000)[0] == 0x99 && at(h + 9999)[0] == 0x99, "both");
	at(h + 4999)[0] = 0x12;
	at(h + 5000)[0] = 0x34;
	unmap(h, 10000, DMA_FROM_DEVICE);
	T_EQ(at(edge - 1)[0], 0x12);
	T_EQ(at(edge)[0], 0x34);
	T_EQ(try_map(edge + 32 * MIB - 1, 2), -FH_EINVAL);
	check();
	swiotlb_destroy(m, mem);
	testplat_end(&tp, m);
}

/* A segment's bits are two words: runs in either, over both, up to its end and not beyond, freed and taken again where they were. */
static void words(void)
{
	static const unsigned int nslots[] = {60, 8, 56, 4, 128, 64, 64};
	static const unsigned int first[] = {0, 60, 68, 124, 128, 256, 320};
	uint64_t h[7], used = 0;

	T_NEED(start(512, 1, 0));
	for (unsigned int i = 0; i < 7; i++) {
		h[i] = map(buf, nslots[i] * IO_TLB_SIZE, DMA_TO_DEVICE);
		T_EQ(h[i] - h[0], first[i] * IO_TLB_SIZE);
		used += nslots[i];
		T_EQ(stats().used, used);
		check();
	}
	for (unsigned int i = 0; i < 7; i++) {
		unmap(h[i], nslots[i] * IO_TLB_SIZE, DMA_TO_DEVICE);
		T_EQ(stats().used, used - nslots[i]);
		check();
		T_EQ(map(buf, nslots[i] * IO_TLB_SIZE, DMA_TO_DEVICE), h[i]);
		check();
	}
	/* The index is at 124, where 4 are free: 5 are not, and go where 5 are. */
	unmap(h[3], 4 * IO_TLB_SIZE, DMA_TO_DEVICE);
	T_EQ(map(buf, 5 * IO_TLB_SIZE, DMA_TO_DEVICE) - h[0], 384 * IO_TLB_SIZE);
	T_EQ(stats().used, used + 1);
	T_EQ(swiotlb_unmap(&dev, (phys_t){h[3]}, 1, DMA_TO_DEVICE, 0), -FH_EINVAL);
	T_EQ(stats().used, used + 1);
	end();
}

static unsigned int nr_broken(void)
{
	struct fh_text out = {text, sizeof(text), 0};

	text[0] = '\0';
	return swiotlb_check(m, mem, &out);
}

/* Each part of D3, broken by hand: it is said, and nothing else is. */
static void broken(void)
{
	struct swiotlb_pool *p;
	struct swiotlb_slot *s;
	uint64_t h;

	T_NEED(start(512, 2, 0));
	testplat_cpu(1);
	h = map(buf, 4096, DMA_TO_DEVICE);
	p = swiotlb_pools(mem);
	T_EQ(h - p->start.v, 256 * IO_TLB_SIZE);
	s = &p->slot[256];
	T_EQ(nr_broken(), 0);
	s->area = 0;
	T_OK(nr_broken() == 1 && strstr(text, "slot 256: a mapping of area 0, not of 1"), text);
	s->area = 1;
	p->area[1].base = 128;
	T_OK(nr_broken() == 1 && strstr(text, "area 1: 256 slots from 128, not 256 from 256"),
	     text);
	p->area[1].base = 256;
	p->area[0].nslabs = 128;
	T_OK(nr_broken() == 1 && strstr(text, "area 0: 128 slots from 0, not 256 from 0"), text);
	p->area[0].nslabs = 256;
	p->area[1].used = 3;
	T_OK(nr_broken() >= 1 && strstr(text, "area 1: used is 3, mappings have 2"), text);
	p->area[1].used = 2;
	p->seg[2].free[0] |= 2;
	T_OK(nr_broken() == 1 && strstr(text, "slot 257 is free, and of the mapping at 256"), text);
	p->seg[2].free[0] &= ~UINT64_C(2);
	/* Given back to the area it is of, by whatever CPU. */
	testplat_cpu(0);
	unmap(h, 4096, DMA_TO_DEVICE);
	T_EQ(p->area[0].used, 0);
	T_EQ(p->area[1].used, 0);
	end();
}

const struct t_case t_cases[] = {T(created),
				 T(zeroed),
				 T(not_created),
				 T(too_large),
				 T(placed_low),
				 T(directions),
				 T(parts),
				 T(sync_directions),
				 T(caches),
				 T(min_align),
				 T(plain_align),
				 T(alloc_align),
				 T(boundary),
				 T(segment_limit),
				 T(segments_apart),
				 T(search_order),
				 T(words),
				 T(broken),
				 T(areas),
				 T(full),
				 T(out_of_reach),
				 T(bad_arguments),
				 T(grows),
				 T(transient_rules),
				 T(cannot_grow),
				 T(restricted),
				 T(hiwater),
				 T(views),
				 T(without_bytes),
				 T(two_banks),
				 T_END};
