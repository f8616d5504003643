/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Mappings in bounce buffers: which bytes are copied when, what caches are told, who is refused and why. */
#include <string.h>
#include "dma/swiotlb.h"
#include "bounce.h"
#include "t.h"

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

	T_NEED(bounce_start(512, 1, 0));
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t h;

		bounce_fill(bounce.buf, 8 * KIB, i);
		h = bounce_map(bounce.buf + 100, 5000, cases[i].dir);
		T_OK(is_swiotlb_buffer(&bounce.dev, (phys_t){h}), "in slots");
		T_OK(!memcmp(bounce_at(h), bounce_at(bounce.buf + 100), 5000),
		     "copied in, whatever the direction");
		memset(bounce_at(h + 1000), 0x5a, 50);
		T_EQ(swiotlb_unmap(&bounce.dev, (phys_t){h}, 5000, cases[i].dir, cases[i].attrs),
		     0);
		T_OK(bounce_is_filled(bounce.buf, 1100, i), "what the device did not write");
		T_EQ(bounce_at(bounce.buf + 1100)[0] == 0x5a &&
			     bounce_at(bounce.buf + 1149)[0] == 0x5a,
		     cases[i].back);
		T_OK(bounce_at(bounce.buf + 1150)[0] == (unsigned char)(i + 1150 * 7 + 4),
		     "nor behind it");
		T_EQ(bounce_stats().used, 0);
		bounce_check();
	}
	T_EQ(bounce_stats().bounced, 5);
	bounce_end();
}

/* A part of a mapping, anywhere in it, with the address's low bits kept and not. */
static void parts(void)
{
	static const uint64_t from[] = {0, 1, 2047, 2048, 2049, 4095, 6000, 70000};
	static const uint64_t len[] = {1, 2, 100, 2048, 4097, 30000};

	T_NEED(bounce_start(512, 1, 0));
	for (unsigned int i = 0; i < 8 * 6 * 2; i++) {
		uint64_t f = from[i % 8], n = len[i / 8 % 6], size = 100000, h;

		bounce.dev.min_align_mask = i >= 48 ? 0xfff : 0;
		bounce_fill(bounce.buf, 128 * KIB, 3);
		h = bounce_map(bounce.buf + 1234, size, DMA_BIDIRECTIONAL);
		memset(bounce_at(h), 0x77, size);
		T_EQ(swiotlb_sync_for_cpu(&bounce.dev, (phys_t){h + f}, n, DMA_FROM_DEVICE), 0);
		T_OK(bounce_at(bounce.buf + 1234 + f)[0] == 0x77 &&
			     bounce_at(bounce.buf + 1234 + f + n - 1)[0] == 0x77 &&
			     !memcmp(bounce_at(bounce.buf + 1234 + f), bounce_at(h + f), n),
		     "that part came back");
		T_OK(bounce_is_filled(bounce.buf, 1234 + f, 3), "and nothing before it");
		T_EQ(bounce_at(bounce.buf + 1234 + f + n)[0],
		     (unsigned char)(3 + (1234 + f + n) * 7 + ((1234 + f + n) >> 8)));
		memset(bounce_at(bounce.buf + 1234), 0x11, size);
		T_EQ(swiotlb_sync_for_device(&bounce.dev, (phys_t){h + f}, n, DMA_TO_DEVICE), 0);
		T_OK(bounce_at(h + f)[0] == 0x11 && bounce_at(h + f + n - 1)[0] == 0x11,
		     "and there");
		T_OK((f + n == size || bounce_at(h + f + n)[0] == 0x77) &&
			     (!f || bounce_at(h + f - 1)[0] == 0x77),
		     "no more");
		T_EQ(swiotlb_unmap(&bounce.dev, (phys_t){h}, n, DMA_FROM_DEVICE, 0), 0);
		T_OK(!memcmp(bounce_at(bounce.buf + 1234), bounce_at(h), n),
		     "unmap of less copies less");
		T_EQ(bounce_at(bounce.buf + 1234 + size - 1)[0], 0x11);
		T_EQ(bounce_stats().used, 0);
	}
	bounce_end();
}

/* Whose bytes a sync moves depends on its direction, as in Linux. */
static void sync_directions(void)
{
	uint64_t h;

	T_NEED(bounce_start(512, 1, 0));
	bounce_fill(bounce.buf, 4096, 1);
	h = bounce_map(bounce.buf, 4096, DMA_BIDIRECTIONAL);
	bounce_fill(h, 4096, 2);
	T_EQ(swiotlb_sync_for_cpu(&bounce.dev, (phys_t){h}, 4096, DMA_TO_DEVICE), 0);
	T_OK(bounce_is_filled(bounce.buf, 4096, 1),
	     "for the CPU, of what the device only reads: nothing");
	T_EQ(swiotlb_sync_for_device(&bounce.dev, (phys_t){h}, 4096, DMA_FROM_DEVICE), 0);
	T_OK(bounce_is_filled(h, 4096, 2), "for the device, of what it only writes: nothing");
	T_EQ(swiotlb_sync_for_cpu(&bounce.dev, (phys_t){h}, 4096, DMA_BIDIRECTIONAL), 0);
	T_OK(bounce_is_filled(bounce.buf, 4096, 2), "there");
	bounce_fill(bounce.buf, 4096, 3);
	T_EQ(swiotlb_sync_for_device(&bounce.dev, (phys_t){h}, 4096, DMA_BIDIRECTIONAL), 0);
	T_OK(bounce_is_filled(h, 4096, 3), "and back");
	bounce_unmap(h, 4096, DMA_TO_DEVICE);
	bounce_end();
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
		calls[nr_calls].first = bounce_at(phys.v)[0];
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
	bounce_at(phys.v)[0] = 0xdd;
	return 0;
}

static void caches(void)
{
	uint64_t h;
	dma_t skipped;

	testplat_init(&bounce.tp);
	testplat_cpu(0);
	bounce.tp.plat.cache_clean = clean;
	bounce.tp.plat.cache_inval = inval;
	bounce.tp.plat.cache_line = 64;
	T_NEED(bounce_machine(TP_ONE_ZONE, 1));
	T_EQ(swiotlb_create(bounce.m, 512, 1, 0, &bounce.mem), 0);
	bounce.m->dma->swiotlb = bounce.mem;
	nr_calls = 0;
	bounce_at(bounce.buf)[0] = 0xaa;
	h = bounce_map(bounce.buf, 3000, DMA_FROM_DEVICE);
	T_EQ(nr_calls, 1);
	T_OK(calls[0].what == 'c' && calls[0].phys == h && calls[0].size == 3000, "the slots");
	T_EQ(calls[0].first, 0xaa); /* after the copy */
	T_EQ(swiotlb_sync_for_cpu(&bounce.dev, (phys_t){h}, 3000, DMA_FROM_DEVICE), 0);
	T_EQ(nr_calls, 2);
	T_OK(calls[1].what == 'i' && calls[1].phys == h && calls[1].size == 3000, "the slots");
	T_EQ(bounce_at(bounce.buf)[0], 0xdd); /* before the copy */
	T_EQ(swiotlb_sync_for_device(&bounce.dev, (phys_t){h + 8}, 8, DMA_FROM_DEVICE), 0);
	T_EQ(nr_calls, 3);
	T_OK(calls[2].what == 'c' && calls[2].phys == h + 8 && calls[2].size == 8, "its part");
	bounce_at(bounce.buf)[0] = 1;
	T_EQ(swiotlb_sync_for_device(&bounce.dev, (phys_t){h}, 8, DMA_TO_DEVICE), 0);
	T_OK(nr_calls == 4 && calls[3].what == 'c' && calls[3].first == 1, "after the copy");
	T_EQ(swiotlb_sync_for_cpu(&bounce.dev, (phys_t){h}, 8, DMA_TO_DEVICE), 0);
	T_EQ(nr_calls, 4);
	bounce_unmap(h, 3000, DMA_FROM_DEVICE);
	T_OK(nr_calls == 5 && calls[4].what == 'i', "before the copy");
	T_EQ(bounce_at(bounce.buf)[0], 0xdd);
	T_EQ(swiotlb_map(&bounce.dev, (phys_t){bounce.buf}, 8, DMA_BIDIRECTIONAL,
			 DMA_ATTR_SKIP_CPU_SYNC, &skipped),
	     0);
	T_EQ(swiotlb_unmap(&bounce.dev, (phys_t){skipped.v}, 8, DMA_BIDIRECTIONAL,
			   DMA_ATTR_SKIP_CPU_SYNC),
	     0);
	T_EQ(nr_calls, 5);
	bounce.dev.dma_coherent = true;
	bounce_unmap(bounce_map(bounce.buf, 8, DMA_BIDIRECTIONAL), 8, DMA_BIDIRECTIONAL);
	T_EQ(nr_calls, 5);
	bounce_end();
}

/* ---- refusals ---- */

static void full(void)
{
	uint64_t h[128];
	dma_t none = {7};

	T_NEED(bounce_start(128, 1, 0));
	for (unsigned int i = 0; i < 128; i++)
		h[i] = bounce_map(bounce.buf + i, 2048, DMA_TO_DEVICE);
	T_EQ(swiotlb_map(&bounce.dev, (phys_t){bounce.buf}, 1000, DMA_TO_DEVICE, DMA_ATTR_NO_WARN,
			 &none),
	     -FH_ENOSPC);
	T_EQ(bounce_said("full"), 0);
	for (unsigned int i = 0; i < 20; i++)
		T_EQ(swiotlb_map(&bounce.dev, (phys_t){bounce.buf}, 1000, DMA_TO_DEVICE, 0, &none),
		     -FH_ENOSPC);
	T_EQ(none.v, 7);
	T_EQ(bounce_said(
		     "mmc0: swiotlb buffer is full (sz: 1000 bytes), total 128 (slots), used 128 "
		     "(slots)\n"),
	     10); /* a burst of ten, as Linux */
	bounce_check();
	for (unsigned int i = 1; i < 128; i += 2)
		bounce_unmap(h[i], 2048, DMA_TO_DEVICE);
	T_EQ(bounce_stats().used, 64);
	T_EQ(bounce_try_map(bounce.buf, 2049), -FH_ENOSPC);
	T_EQ(bounce_try_map(bounce.buf, 2048), 0);
	bounce_check();
	T_EQ(swiotlb_background(bounce.m), false); /* does not grow */
	T_EQ(bounce_stats().nslabs, 128);
	bounce_end();
}

static void bad_arguments(void)
{
	struct device other;
	uint64_t h;
	dma_t none;

	T_NEED(bounce_start(512, 1, 0));
	T_EQ(bounce_try_map(bounce.buf, 0), -FH_EINVAL);
	T_EQ(bounce_try_map(TP_BASE - 1, 10), -FH_EINVAL);
	T_EQ(bounce_try_map(TP_BASE + 192 * MIB - 9, 10), -FH_EINVAL);
	T_EQ(bounce_try_map(UINT64_MAX, 10), -FH_EINVAL);
	T_EQ(bounce_try_map(bounce.buf, UINT64_MAX), -FH_EINVAL);
	T_EQ(swiotlb_map(&bounce.dev, (phys_t){bounce.buf}, 10, DMA_NONE, 0, &none), -FH_EINVAL);
	h = bounce_map(bounce.buf, 5000, DMA_BIDIRECTIONAL);
	bounce_fill(bounce.buf, 5000, 1);
	T_EQ(swiotlb_unmap(&bounce.dev, (phys_t){h}, 5001, DMA_FROM_DEVICE, 0), -FH_EINVAL);
	T_EQ(swiotlb_unmap(&bounce.dev, (phys_t){h}, 0, DMA_FROM_DEVICE, 0), -FH_EINVAL);
	T_EQ(swiotlb_unmap(&bounce.dev, (phys_t){h + 2048}, 100, DMA_FROM_DEVICE, 0), -FH_EINVAL);
	T_EQ(swiotlb_unmap(&bounce.dev, (phys_t){h + 1}, 100, DMA_FROM_DEVICE, 0), -FH_EINVAL);
	T_EQ(swiotlb_unmap(&bounce.dev, (phys_t){h}, 5000, DMA_NONE, 0), -FH_EINVAL);
	T_EQ(swiotlb_unmap(&bounce.dev, (phys_t){h + 8192}, 100, DMA_FROM_DEVICE, 0), -FH_EINVAL);
	T_EQ(swiotlb_unmap(&bounce.dev, (phys_t){bounce.buf}, 100, DMA_FROM_DEVICE, 0), -FH_EINVAL);
	T_EQ(swiotlb_sync_for_cpu(&bounce.dev, (phys_t){h + 4999}, 2, DMA_FROM_DEVICE), -FH_EINVAL);
	T_EQ(swiotlb_sync_for_cpu(&bounce.dev, (phys_t){h + 5000}, 1, DMA_FROM_DEVICE), -FH_EINVAL);
	T_EQ(swiotlb_sync_for_cpu(&bounce.dev, (phys_t){h}, 1, DMA_NONE), -FH_EINVAL);
	T_EQ(swiotlb_sync_for_device(&bounce.dev, (phys_t){h}, UINT64_MAX, DMA_TO_DEVICE),
	     -FH_EINVAL);
	T_EQ(swiotlb_sync_for_device(&bounce.dev, (phys_t){h + 6144}, 1, DMA_TO_DEVICE),
	     -FH_EINVAL);
	T_OK(bounce_is_filled(bounce.buf, 5000, 1), "none of these did anything");
	T_EQ(bounce_stats().used, 3);
	bounce_unmap(h, 5000, DMA_TO_DEVICE);
	T_EQ(swiotlb_unmap(&bounce.dev, (phys_t){h}, 5000, DMA_TO_DEVICE, 0), -FH_EINVAL);
	T_OK(!is_swiotlb_buffer(&bounce.dev, (phys_t){bounce.buf}), "elsewhere");
	T_OK(!is_swiotlb_buffer(&bounce.dev, (phys_t){h + MIB}), "behind it");
	T_OK(!is_swiotlb_buffer(&bounce.dev, (phys_t){h - 1}), "before it");
	other = bounce.dev;
	bounce.m->dma->swiotlb = NULL;
	T_EQ(swiotlb_map(&other, (phys_t){bounce.buf}, 10, DMA_TO_DEVICE, 0, &none), -FH_EIO);
	T_EQ(swiotlb_unmap(&other, (phys_t){h}, 10, DMA_TO_DEVICE, 0), -FH_EINVAL);
	T_OK(!is_swiotlb_buffer(&other, (phys_t){h}), "there are none");
	T_OK(!swiotlb_is_forced(&other), "there are none");
	T_EQ(swiotlb_max_mapping_size(&other), UINT64_MAX);
	T_EQ(swiotlb_background(bounce.m), false);
	bounce.m->dma->swiotlb = bounce.mem;
	bounce_end();
}

/* ---- machines of other kinds ---- */

static void without_bytes(void)
{
	dma_t h;

	testplat_init(&bounce.tp);
	testplat_cpu(0);
	bounce.tp.no_ram = true;
	T_NEED(bounce_machine(TP_ONE_ZONE, 1));
	T_EQ(swiotlb_create(bounce.m, 512, 1, SWIOTLB_CAN_GROW, &bounce.mem), 0);
	bounce.m->dma->swiotlb = bounce.mem;
	T_EQ(swiotlb_map(&bounce.dev, (phys_t){bounce.buf + 5}, 100000, DMA_BIDIRECTIONAL, 0, &h),
	     0);
	T_EQ(swiotlb_sync_for_cpu(&bounce.dev, (phys_t){h.v}, 5, DMA_BIDIRECTIONAL), 0);
	T_EQ(swiotlb_sync_for_device(&bounce.dev, (phys_t){h.v}, 5, DMA_BIDIRECTIONAL), 0);
	bounce_unmap(h.v, 100000, DMA_BIDIRECTIONAL);
	bounce_end();
}

/* The bytes lie in two banks that touch, and that the CPU sees in two places. */
static void two_banks(void)
{
	struct boot_bank banks[] = {{TP_BASE, 32 * MIB}, {TP_BASE + 32 * MIB, 32 * MIB}};
	uint64_t edge = TP_BASE + 32 * MIB, h;
	struct boot_config *cfg;

	testplat_init(&bounce.tp);
	testplat_cpu(0);
	cfg = testplat_banks(banks, 2, 1);
	cfg->dma.swiotlb_noforce = true;
	cfg->region[0] = (struct boot_region){.name = "edge", .base = edge - MIB, .size = 2 * MIB};
	cfg->nr_regions = 1;
	bounce.m = testplat_machine_of(&bounce.tp, cfg);
	T_NEED(bounce.m);
	bounce.dev = (struct device){.machine = bounce.m};
	T_EQ(swiotlb_create(bounce.m, 512, 1, 0, &bounce.mem), 0);
	bounce.m->dma->swiotlb = bounce.mem;
	bounce_fill(edge - 5000, 5000, 1);
	memset(bounce_at(edge), 0x99, 5000);
	h = bounce_map(edge - 5000, 10000, DMA_BIDIRECTIONAL);
	T_OK(bounce_is_filled(h, 5000, 1) && bounce_at(h + 5000)[0] == 0x99 &&
		     bounce_at(h + 9999)[0] == 0x99,
	     "both");
	bounce_at(h + 4999)[0] = 0x12;
	bounce_at(h + 5000)[0] = 0x34;
	bounce_unmap(h, 10000, DMA_FROM_DEVICE);
	T_EQ(bounce_at(edge - 1)[0], 0x12);
	T_EQ(bounce_at(edge)[0], 0x34);
	T_EQ(bounce_try_map(edge + 32 * MIB - 1, 2), -FH_EINVAL);
	bounce_check();
	swiotlb_destroy(bounce.m, bounce.mem);
	testplat_end(&bounce.tp, bounce.m);
}

const struct t_case t_cases[] = {T(directions),	   T(parts),	 T(sync_directions),
				 T(caches),	   T(full),	 T(bad_arguments),
				 T(without_bytes), T(two_banks), T_END};
