/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Where mappings lie in bounce buffers: alignment, boundaries, segments, areas, what a device reaches. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dma/swiotlb.h"
#include "dma/swiotlb_map.h"
#include "bounce.h"
#include "t.h"

static void min_align(void)
{
	static const unsigned int masks[] = {0x1ff, 0x7ff, 0xfff, 0x3fff, 0xffff};
	static const uint64_t offsets[] = {0, 1, 511, 512, 2047, 2048, 3000, 4095, 5000, 65535};

	T_NEED(bounce_start(2048, 1, 0));
	for (unsigned int i = 0; i < 5; i++) {
		uint64_t h[10];

		bounce.dev.min_align_mask = masks[i];
		for (unsigned int k = 0; k < 10; k++) {
			bounce_fill(bounce.buf + offsets[k], 6000, k);
			h[k] = bounce_map(bounce.buf + offsets[k], 6000, DMA_BIDIRECTIONAL);
			T_EQ((h[k] ^ (bounce.buf + offsets[k])) & masks[i], 0);
			T_OK(bounce_is_filled(h[k], 6000, k), "its bytes");
		}
		bounce_check();
		for (unsigned int k = 0; k < 10; k++) {
			bounce_fill(h[k], 6000, k + 100);
			bounce_unmap(h[k], 6000, DMA_BIDIRECTIONAL);
			T_OK(bounce_is_filled(bounce.buf + offsets[k], 6000, k + 100), "its bytes");
		}
		T_EQ(bounce_stats().used, 0);
	}
	bounce_end();
}

/* Without masks: a slot's start; whole pages at a page's. */
static void plain_align(void)
{
	uint64_t small, page, odd;

	T_NEED(bounce_start(512, 1, 0));
	small = bounce_map(bounce.buf + 777, 100, DMA_TO_DEVICE);
	page = bounce_map(bounce.buf + 777, 4096, DMA_TO_DEVICE);
	odd = bounce_map(bounce.buf + 777, 4095, DMA_TO_DEVICE);
	T_EQ(small % 2048, 0);
	T_EQ(page % 4096, 0);
	T_EQ(page - small, 4096); /* the slot between them was passed over */
	T_EQ(odd % 2048, 0);
	T_EQ(bounce_stats().used, 1 + 2 + 2);
	bounce_end();
}

/* Units of 4 or 16 KiB that are the mapping's alone: what lies before and behind it in them, nobody has. */
static void alloc_align(void)
{
	static const uint64_t masks[] = {0xfff, 0x3fff};

	T_NEED(bounce_start(512, 1, 0));
	for (unsigned int i = 0; i < 4; i++) {
		uint64_t mask = masks[i & 1], off = i & 2 ? 2048 + 512 + 5 : 0, used;
		dma_t h;

		bounce.dev.min_align_mask = 0xfff;
		bounce_fill(bounce.buf + off, 5000, i);
		T_EQ(swiotlb_tbl_map(&bounce.dev, (phys_t){bounce.buf + off}, 5000, mask,
				     DMA_BIDIRECTIONAL, 0, &h),
		     0);
		T_EQ((h.v - off) & mask, 0);
		used = (off + 5000 + mask) / (mask + 1) * ((mask + 1) / 2048);
		T_EQ(bounce_stats().used, used);
		T_OK(bounce_is_filled(h.v, 5000, i), "its bytes");
		bounce_check();
		T_EQ(swiotlb_sync_for_cpu(&bounce.dev, (phys_t){h.v - 1}, 2, DMA_FROM_DEVICE),
		     -FH_EINVAL);
		T_EQ(swiotlb_sync_for_cpu(&bounce.dev, (phys_t){h.v + 4999}, 2, DMA_FROM_DEVICE),
		     -FH_EINVAL);
		T_EQ(swiotlb_unmap(&bounce.dev, (phys_t){h.v - off}, 5000, DMA_FROM_DEVICE, 0),
		     off ? -FH_EINVAL : 0);
		if (off)
			bounce_unmap(h.v, 5000, DMA_FROM_DEVICE);
		T_EQ(bounce_stats().used, 0);
	}
	bounce.dev.min_align_mask = 0;
	{
		dma_t h;

		T_EQ(swiotlb_tbl_map(&bounce.dev, (phys_t){bounce.buf + 100}, 10, 0x7fff,
				     DMA_TO_DEVICE, 0, &h),
		     0);
		T_EQ(h.v & 0x7fff, 0);
		T_EQ(bounce_stats().used, 16);
		T_EQ(swiotlb_tbl_map(&bounce.dev, (phys_t){bounce.buf}, 10, 0x7ffe, DMA_TO_DEVICE,
				     0, &h),
		     -FH_EINVAL);
	}
	bounce_end();
}

static void boundary(void)
{
	static const uint64_t masks[] = {0x3ff, 0xfff, 0x3fff, 0xffff, 0x3ffff};

	T_NEED(bounce_start(1024, 1, 0));
	for (unsigned int i = 0; i < 5; i++) {
		uint64_t mask = masks[i], h[64], size = mask + 1 < 14000 ? mask + 1 : 14000;
		unsigned int n = 0;

		bounce.dev.segment_boundary_mask = mask;
		for (; n < 64; n++) {
			h[n] = bounce_map(bounce.buf, size - n, DMA_TO_DEVICE);
			T_EQ((h[n] ^ (h[n] + size - n - 1)) & ~mask, 0);
		}
		bounce_check();
		while (n--)
			bounce_unmap(h[n], size - n, DMA_TO_DEVICE);
		T_EQ(bounce_try_map(bounce.buf, mask + 1), 0);
		T_EQ(bounce_try_map(bounce.buf, mask + 2), -FH_EIO);
		T_EQ(swiotlb_max_mapping_size(&bounce.dev), mask + 1);
	}
	/* It is the bus's addresses that count. */
	bounce.dev.segment_boundary_mask = 0xffff;
	bounce.dev.nr_ranges = 1;
	bounce.dev.range[0] = (struct bus_dma_region){{TP_BASE}, {0x8000}, 192 * MIB};
	for (unsigned int n = 0; n < 12; n++) {
		uint64_t h = bounce_map(bounce.buf, 44 * KIB, DMA_TO_DEVICE);

		T_EQ((h ^ (h + 44 * KIB - 1)) & ~UINT64_C(0xffff), 0);
		T_OK(is_swiotlb_buffer(&bounce.dev, (phys_t){h - 0x8000 + TP_BASE}), "by phys");
	}
	bounce_end();
}

/* 128 slots; a whole one needs a whole free segment. */
static void segment_limit(void)
{
	uint64_t h, small;

	T_NEED(bounce_start(256, 2, 0));
	T_EQ(swiotlb_max_mapping_size(&bounce.dev), 256 * KIB);
	bounce_fill(bounce.buf, 256 * KIB, 9);
	h = bounce_map(bounce.buf, 256 * KIB, DMA_BIDIRECTIONAL);
	T_OK(bounce_is_filled(h, 256 * KIB, 9), "all of it");
	T_EQ(bounce_stats().used, 128);
	T_EQ(bounce_try_map(bounce.buf, 256 * KIB + 1), -FH_EIO);
	T_EQ(bounce_try_map(bounce.buf, UINT64_C(1) << 32), -FH_EINVAL);
	small = bounce_map(bounce.buf, 1, DMA_TO_DEVICE);
	T_EQ(bounce_try_map(bounce.buf, 256 * KIB), -FH_ENOSPC);
	T_EQ(bounce_try_map(bounce.buf, 252 * KIB), 0);
	T_EQ(bounce_try_map(bounce.buf, 252 * KIB + 1), -FH_ENOSPC);
	bounce_unmap(small, 1, DMA_TO_DEVICE);
	T_EQ(bounce_try_map(bounce.buf, 256 * KIB), 0);
	bounce_unmap(h, 256 * KIB, DMA_BIDIRECTIONAL);
	bounce.dev.min_align_mask = 0xfff;
	T_EQ(swiotlb_max_mapping_size(&bounce.dev), 252 * KIB);
	for (uint64_t off = 0; off < 4096; off += 255)
		T_EQ(bounce_try_map(bounce.buf + off, 252 * KIB), 0);
	T_EQ(bounce_try_map(bounce.buf + 4095, 256 * KIB), -FH_EIO);
	bounce_end();
}

/* Mappings never lie across two segments, in whatever order they come and go. */
static void segments_apart(void)
{
	uint64_t h[10];

	T_NEED(bounce_start(256, 1, 0));
	for (unsigned int i = 0; i < 2; i++)
		h[i] = bounce_map(bounce.buf, 200 * KIB, DMA_TO_DEVICE);
	T_EQ(bounce_try_map(bounce.buf, 60 * KIB), -FH_ENOSPC); /* 56 KiB are left in each */
	T_EQ(bounce_try_map(bounce.buf, 56 * KIB), 0);
	T_EQ(h[1] - h[0], 256 * KIB);
	bounce_end();
}

/* From the index upwards, and from the start again; what was freed last is tried first. */
static void search_order(void)
{
	uint64_t h[3];

	T_NEED(bounce_start(256, 1, 0));
	for (unsigned int i = 0; i < 3; i++)
		h[i] = bounce_map(bounce.buf, 4096, DMA_TO_DEVICE);
	T_OK(h[1] == h[0] + 4096 && h[2] == h[1] + 4096, "upwards");
	bounce_unmap(h[1], 4096, DMA_TO_DEVICE);
	bounce_unmap(h[0], 4096, DMA_TO_DEVICE);
	T_EQ(bounce_map(bounce.buf, 4096, DMA_TO_DEVICE), h[0]);
	T_EQ(bounce_map(bounce.buf, 4096, DMA_TO_DEVICE), h[1]);
	for (unsigned int i = 3; i-- > 0;)
		bounce_unmap(h[i], 4096, DMA_TO_DEVICE);
	for (unsigned int i = 0; i < 2; i++)
		h[i] = bounce_map(bounce.buf, 256 * KIB, DMA_TO_DEVICE);
	T_EQ(h[1] - h[0], 256 * KIB);
	bounce_unmap(h[0], 256 * KIB, DMA_TO_DEVICE);
	bounce_unmap(h[1], 256 * KIB, DMA_TO_DEVICE);
	T_EQ(bounce_map(bounce.buf, 1, DMA_TO_DEVICE), h[1]); /* the index is above it now */
	T_EQ(bounce_map(bounce.buf, 256 * KIB, DMA_TO_DEVICE), h[0]);
	bounce_end();
}

/* A segment's bits are two words: runs in either, over both, up to its end and not beyond, freed and taken again where they were. */
static void words(void)
{
	static const unsigned int nslots[] = {60, 8, 56, 4, 128, 64, 64};
	static const unsigned int first[] = {0, 60, 68, 124, 128, 256, 320};
	uint64_t h[7], used = 0;

	T_NEED(bounce_start(512, 1, 0));
	for (unsigned int i = 0; i < 7; i++) {
		h[i] = bounce_map(bounce.buf, nslots[i] * IO_TLB_SIZE, DMA_TO_DEVICE);
		T_EQ(h[i] - h[0], first[i] * IO_TLB_SIZE);
		used += nslots[i];
		T_EQ(bounce_stats().used, used);
		bounce_check();
	}
	for (unsigned int i = 0; i < 7; i++) {
		bounce_unmap(h[i], nslots[i] * IO_TLB_SIZE, DMA_TO_DEVICE);
		T_EQ(bounce_stats().used, used - nslots[i]);
		bounce_check();
		T_EQ(bounce_map(bounce.buf, nslots[i] * IO_TLB_SIZE, DMA_TO_DEVICE), h[i]);
		bounce_check();
	}
	/* The index is at 124, where 4 are free: 5 are not, and go where 5 are. */
	bounce_unmap(h[3], 4 * IO_TLB_SIZE, DMA_TO_DEVICE);
	T_EQ(bounce_map(bounce.buf, 5 * IO_TLB_SIZE, DMA_TO_DEVICE) - h[0], 384 * IO_TLB_SIZE);
	T_EQ(bounce_stats().used, used + 1);
	T_EQ(swiotlb_unmap(&bounce.dev, (phys_t){h[3]}, 1, DMA_TO_DEVICE, 0), -FH_EINVAL);
	T_EQ(bounce_stats().used, used + 1);
	bounce_end();
}

static void areas(void)
{
	uint64_t h[4], base, more;

	T_NEED(bounce_start(512, 4, 0));
	for (unsigned int cpu = 0; cpu < 4; cpu++) {
		testplat_cpu(cpu);
		h[cpu] = bounce_map(bounce.buf, 4096, DMA_TO_DEVICE);
	}
	base = h[0];
	for (unsigned int cpu = 1; cpu < 4; cpu++)
		T_EQ(h[cpu] - base, cpu * 256 * KIB);
	testplat_cpu(2); /* its own has no room: the next one's, from the top around */
	more = bounce_map(bounce.buf, 256 * KIB - 4096, DMA_TO_DEVICE);
	T_EQ(more - base, 512 * KIB + 4096);
	T_EQ(bounce_map(bounce.buf, 100, DMA_TO_DEVICE) - base, 768 * KIB + 4096);
	T_EQ(bounce_map(bounce.buf, 256 * KIB - 8192, DMA_TO_DEVICE) - base, 768 * KIB + 8192);
	T_EQ(bounce_map(bounce.buf, 100 * KIB, DMA_TO_DEVICE) - base, 4096);
	testplat_cpu(~0u); /* no CPU: some area */
	T_EQ(bounce_try_map(bounce.buf, 100), 0);
	testplat_cpu(0);
	bounce_unmap(more, 256 * KIB - 4096, DMA_TO_DEVICE); /* by another than who mapped it */
	testplat_cpu(2);
	T_EQ(bounce_map(bounce.buf, 4096, DMA_TO_DEVICE), more); /* and is warm */
	bounce_check();
	bounce_end();
}

static void out_of_reach(void)
{
	uint64_t pool, h;
	dma_t none;

	T_NEED(bounce_start(512, 1, 0));
	pool = bounce_map(bounce.buf, 1, DMA_TO_DEVICE);
	bounce.dev.dma_mask = pool - 1;
	T_EQ(bounce_try_map(bounce.buf, 100), -FH_EIO);
	T_EQ(bounce_said("overflow"), 0);
	T_EQ(swiotlb_map(&bounce.dev, (phys_t){bounce.buf}, 100, DMA_TO_DEVICE, 0, &none), -FH_EIO);
	snprintf(bounce.text, 200,
		 "mmc0: swiotlb addr 0x%016llx+100 overflow (mask %llx, bus limit 0).\n",
		 (unsigned long long)pool, (unsigned long long)pool - 1);
	{
		char *want = strdup(bounce.text);

		T_EQ(bounce_said(want), 1);
		free(want);
	}
	bounce.dev.dma_mask = 0;
	bounce.dev.bus_dma_limit = pool - 1;
	T_EQ(bounce_try_map(bounce.buf, 100), -FH_EIO);
	/* A part of the pool is in reach: that, and then it is full. */
	bounce.dev.bus_dma_limit = pool + 256 * KIB + 4095;
	h = bounce_map(bounce.buf, 252 * KIB, DMA_TO_DEVICE);
	T_OK(h + 252 * KIB - 1 <= bounce.dev.bus_dma_limit, "in reach");
	h = bounce_map(bounce.buf, 4096, DMA_TO_DEVICE);
	T_EQ(h, pool + 256 * KIB);
	T_EQ(bounce_try_map(bounce.buf, 2049), -FH_ENOSPC);
	bounce.dev.bus_dma_limit = 0;
	T_EQ(bounce_try_map(bounce.buf, 2049), 0);
	/* Two windows of the bus meet in the pool. */
	bounce.dev.nr_ranges = 2;
	bounce.dev.range[0] = (struct bus_dma_region){{0}, {0x10000000}, pool + 512 * KIB + 2048};
	bounce.dev.range[1] = (struct bus_dma_region){{pool + 512 * KIB + 2048}, {0}, MIB};
	h = bounce_map(bounce.buf, 100 * KIB, DMA_TO_DEVICE);
	T_OK(h < MIB || h + 100 * KIB <= 0x10000000 + pool + 512 * KIB + 2048,
	     "all in one of them");
	bounce.dev.nr_ranges = 1; /* and one that has nothing of it */
	bounce.dev.range[0] = (struct bus_dma_region){{0}, {0}, 4096};
	T_EQ(bounce_try_map(bounce.buf, 2048), -FH_EIO);
	bounce_end();
}

const struct t_case t_cases[] = {T(min_align),
				 T(plain_align),
				 T(alloc_align),
				 T(boundary),
				 T(segment_limit),
				 T(segments_apart),
				 T(search_order),
				 T(words),
				 T(areas),
				 T(out_of_reach),
				 T_END};
