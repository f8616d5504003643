/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Who owns which bytes for DMA debugging: syncs hand them over, and devices and CPUs that touch another's are reported; right use never is. */
#include <string.h>
#include <freehold/dma_debug.h>
#include "dma/debug.h"
#include "dma_hooks.h"
#include "t.h"
#include "testplat.h"

#define KIB UINT64_C(1024)

/* ---- right use ---- */

static void right_use(void)
{
	T_NEED(hooks_start());
	hooks_map(&hooks.cam, 0, 64 * KIB, DMA_FROM_DEVICE);
	debug_dma_device_access(&hooks.cam, BUS(0), 64 * KIB, true);
	hooks_for_cpu(&hooks.cam, 4096, 100, DMA_FROM_DEVICE); /* a header */
	hooks_cpu_touches(4096, 100, false);
	debug_dma_device_access(&hooks.cam, BUS(4196), 60 * KIB - 100, true);
	debug_dma_device_access(&hooks.cam, BUS(0), 4096, true);
	hooks_for_device(&hooks.cam, 4096, 100, DMA_FROM_DEVICE);
	debug_dma_device_access(&hooks.cam, BUS(0), 64 * KIB, true);
	T_OK(hooks_unmap(&hooks.cam, 0, 64 * KIB, DMA_FROM_DEVICE), "was mapped");
	hooks_cpu_touches(0, 64 * KIB, true);

	/* What devices only read may be mapped as often as one likes, and read by all. */
	hooks_map(&hooks.cam, 0, 8192, DMA_TO_DEVICE);
	hooks_map(&hooks.cam, 0, 8192, DMA_TO_DEVICE);
	hooks_map(&hooks.lcd, 4096, 8192, DMA_TO_DEVICE);
	hooks_cpu_touches(0, 8192, false);
	debug_dma_device_access(&hooks.cam, BUS(0), 8192, false);
	hooks_for_cpu(&hooks.cam, 0, 8192, DMA_TO_DEVICE); /* one of the two */
	debug_dma_device_access(&hooks.cam, BUS(0), 8192, false);
	T_OK(hooks_unmap(&hooks.cam, 0, 8192, DMA_TO_DEVICE) &&
		     hooks_unmap(&hooks.cam, 0, 8192, DMA_TO_DEVICE),
	     "two");
	T_OK(hooks_unmap(&hooks.lcd, 4096, 8192, DMA_TO_DEVICE), "and one");

	/* A device that knows what it does, twice in one place. */
	debug_dma_map(&hooks.cam, DMA_DEBUG_SG, PHYS(0), 4096, DMA_BIDIRECTIONAL,
		      DMA_ATTR_SKIP_CPU_SYNC, BUS(0), SITE_MAP);
	hooks_map(&hooks.lcd, 0, 4096, DMA_FROM_DEVICE);
	T_OK(hooks_unmap(&hooks.lcd, 0, 4096, DMA_FROM_DEVICE), "one");
	T_OK(debug_dma_unmap(&hooks.cam, DMA_DEBUG_SG, BUS(0), 4096, DMA_BIDIRECTIONAL, NULL),
	     "both");

	/* Both own a coherent buffer, whoever syncs it; a resource has no memory. */
	debug_dma_map(&hooks.cam, DMA_DEBUG_COHERENT, (phys_t){0}, 4096, DMA_BIDIRECTIONAL, 0,
		      BUS(0), SITE_MAP);
	debug_dma_map(&hooks.lcd, DMA_DEBUG_COHERENT, (phys_t){0}, 4096, DMA_BIDIRECTIONAL, 0,
		      BUS(0), SITE_MAP);
	debug_dma_map(&hooks.cam, DMA_DEBUG_RESOURCE, (phys_t){~UINT64_C(4095)}, 4096,
		      DMA_BIDIRECTIONAL, 0, (dma_t){~UINT64_C(4095)}, SITE_MAP);
	debug_dma_device_access(&hooks.cam, (dma_t){~UINT64_C(4095)}, 4096, true);
	hooks_for_cpu(&hooks.cam, 0, 4096, DMA_FROM_DEVICE);
	hooks_cpu_touches(0, 4096, true);
	debug_dma_device_access(&hooks.cam, BUS(0), 4096, true);
	T_OK(debug_dma_unmap(&hooks.cam, DMA_DEBUG_COHERENT, BUS(0), 4096, DMA_BIDIRECTIONAL, NULL),
	     "");
	T_OK(debug_dma_unmap(&hooks.lcd, DMA_DEBUG_COHERENT, BUS(0), 4096, DMA_BIDIRECTIONAL, NULL),
	     "");
	T_OK(debug_dma_unmap(&hooks.cam, DMA_DEBUG_RESOURCE, (dma_t){~UINT64_C(4095)}, 4096,
			     DMA_BIDIRECTIONAL, NULL),
	     "");

	/* Pages are the CPU's until they are synced. */
	debug_dma_map(&hooks.cam, DMA_DEBUG_PAGES, PHYS(0), 8192, DMA_BIDIRECTIONAL, 0, BUS(0),
		      SITE_MAP);
	hooks_cpu_touches(0, 8192, true);
	hooks_for_device(&hooks.cam, 4096, 4096, DMA_TO_DEVICE);
	debug_dma_device_access(&hooks.cam, BUS(4096), 4096, false);
	hooks_cpu_touches(0, 4096, true);
	T_OK(debug_dma_unmap(&hooks.cam, DMA_DEBUG_PAGES, BUS(0), 8192, DMA_BIDIRECTIONAL, NULL),
	     "");
	dma_debug_device_gone(&hooks.cam);
	hooks_only(NONE, 0);
	T_OK(!hooks_says("DMA-API: camera") && !hooks_says("DMA-API: lcd"), "nothing to say");
	hooks_end();
}

/* ---- sync ---- */

static void syncs(void)
{
	T_NEED(hooks_start());
	hooks_map(&hooks.cam, 0, 8192, DMA_FROM_DEVICE);
	hooks_map(&hooks.cam, 64 * KIB, 8192, DMA_BIDIRECTIONAL);
	hooks_for_cpu(&hooks.cam, 64 * KIB, 8192, DMA_FROM_DEVICE);
	hooks_for_device(&hooks.cam, 64 * KIB, 8192, DMA_TO_DEVICE);
	hooks_only(NONE, 0);
	hooks_for_device(&hooks.cam, 0, 4096, DMA_TO_DEVICE);
	hooks_only(DMA_REPORT_SYNC_DIRECTION, 1);
	T_OK(hooks_says("syncs DMA memory with different direction [device address=0x") &&
		     hooks_says("[mapped with DMA_FROM_DEVICE] [synced with DMA_TO_DEVICE]\n"),
	     "as Linux says it");
	T_OK(hooks_unmap(&hooks.cam, 0, 8192, DMA_FROM_DEVICE), "");
	hooks_end();

	T_NEED(hooks_start());
	hooks_map(&hooks.cam, 0, 8192, DMA_FROM_DEVICE);
	hooks_for_cpu(&hooks.cam, 4096, 4097, DMA_FROM_DEVICE);
	hooks_only(DMA_REPORT_SYNC_RANGE, 1);
	T_OK(hooks_says("syncs DMA memory outside allocated range [device address=0x") &&
		     hooks_says("[allocation size=8192 bytes] [sync offset+size=8193]\n"),
	     "as Linux says it");
	hooks_cpu_touches(4096, 4096, true); /* what lay inside is the CPU's */
	hooks_only(DMA_REPORT_SYNC_RANGE, 1);
	T_OK(hooks_unmap(&hooks.cam, 0, 8192, DMA_FROM_DEVICE), "");
	hooks_for_cpu(&hooks.cam, 4096, 64, DMA_FROM_DEVICE);
	T_EQ(dma_debug_count(hooks.m, DMA_REPORT_SYNC_UNKNOWN), 1);
	T_EQ(dma_debug_count(hooks.m, DMA_NR_REPORTS), 2);
	T_EQ(hooks_last()->mapping.size, 8192);
	T_OK(hooks_says("tries to sync DMA memory it has not allocated [device address=0x"), "");
	hooks_end();
}

/* Bytes change hands one by one: a device's access of each tells whose it is. */
static void to_the_byte(void)
{
	static bool cpu[500];
	uint32_t rnd = 1;

	T_NEED(hooks_start());
	memset(cpu, 0, sizeof(cpu));
	hooks_map(&hooks.cam, 1000, 500, DMA_BIDIRECTIONAL);
	for (int i = 0; i < 400; i++) {
		uint64_t first, n;
		bool to_cpu;

		rnd = rnd * 1664525 + 1013904223;
		first = rnd >> 8 & 511;
		first = first < 500 ? first : 0;
		n = 1 + (rnd >> 17 & 63) * (rnd >> 29);
		n = n < 500 - first ? n : 500 - first;
		to_cpu = rnd >> 28 & 1;
		debug_dma_sync(&hooks.cam, BUS(1000 + first), n, DMA_BIDIRECTIONAL, to_cpu,
			       SITE_SYNC);
		memset(&cpu[first], to_cpu, n);
		for (uint64_t k = 0; k < 500; k += 1 + (unsigned int)i % 3) {
			uint64_t was = dma_debug_count(hooks.m, DMA_REPORT_DEVICE_WRITE);

			debug_dma_device_access(&hooks.cam, BUS(1000 + k), 1, true);
			if (!T_EQ(dma_debug_count(hooks.m, DMA_REPORT_DEVICE_WRITE) - was, cpu[k]))
				return;
			was = dma_debug_count(hooks.m, DMA_REPORT_CPU_ACCESS);
			hooks_cpu_touches(1000 + k, 1, true);
			if (!T_EQ(dma_debug_count(hooks.m, DMA_REPORT_CPU_ACCESS) - was, !cpu[k]))
				return;
		}
		TP_CHECK(hooks.m);
	}
	T_OK(hooks_unmap(&hooks.cam, 1000, 500, DMA_BIDIRECTIONAL), "");
	hooks_end();
}

/* More parts than there is room for: nothing is said about the mapping until it is whole again. */
static void too_many_parts(void)
{
	T_NEED(hooks_start_with(2, false));
	hooks_map(&hooks.cam, 0, 64 * KIB, DMA_BIDIRECTIONAL);
	for (unsigned int i = 0; i < 30; i++)
		hooks_for_cpu(&hooks.cam, i * 1000, 500, DMA_BIDIRECTIONAL);
	debug_dma_device_access(&hooks.cam, BUS(0), 64 * KIB, true);
	hooks_cpu_touches(0, 64 * KIB, true);
	hooks_only(NONE, 0);
	TP_CHECK(hooks.m);
	hooks_for_device(&hooks.cam, 0, 64 * KIB, DMA_BIDIRECTIONAL);
	debug_dma_device_access(&hooks.cam, BUS(0), 64 * KIB, true);
	hooks_cpu_touches(60 * KIB, 1, true);
	hooks_only(DMA_REPORT_CPU_ACCESS, 1);
	hooks_for_cpu(&hooks.cam, 0, 64 * KIB, DMA_BIDIRECTIONAL);
	for (unsigned int i = 0; i < 30; i++)
		hooks_for_device(&hooks.cam, i * 1000, 500, DMA_BIDIRECTIONAL);
	debug_dma_device_access(&hooks.cam, BUS(0), 64 * KIB, true);
	hooks_only(DMA_REPORT_CPU_ACCESS, 1);
	T_OK(hooks_unmap(&hooks.cam, 0, 64 * KIB, DMA_BIDIRECTIONAL), "");
	hooks_end();
}

/* ---- devices and CPUs ---- */

static void device_too_early(void)
{
	T_NEED(hooks_start());
	hooks_map(&hooks.cam, 0, 8192, DMA_BIDIRECTIONAL);
	hooks_for_cpu(&hooks.cam, 0, 8192, DMA_BIDIRECTIONAL);
	debug_dma_device_access(&hooks.cam, BUS(100), 64, false);
	hooks_only(DMA_REPORT_DEVICE_READ, 1);
	T_OK(hooks_says("DMA-API: camera: device reads 0x") &&
		     hooks_says(
			     ", 64 bytes, while the CPU owns them: dma_sync_single_for_device() is "
			     "missing\n"),
	     "says it");
	T_EQ(hooks_last()->mapping.nr_events, 2);
	T_OK(hooks_last()->mapping.event[0].site == SITE_SYNC, "who took it for the CPU");
	T_EQ(hooks_last()->mapping.event[1].kind, DMA_EVENT_DEVICE_READ);
	T_EQ(hooks_last()->mapping.event[1].offset, 100);
	hooks_for_device(&hooks.cam, 0, 8192, DMA_BIDIRECTIONAL);
	debug_dma_device_access(&hooks.cam, BUS(100), 64, true);
	hooks_only(DMA_REPORT_DEVICE_READ, 1);
	T_OK(hooks_unmap(&hooks.cam, 0, 8192, DMA_BIDIRECTIONAL), "");
	hooks_end();

	T_NEED(hooks_start());
	hooks_map(&hooks.cam, 0, 8192, DMA_FROM_DEVICE);
	hooks_for_cpu(&hooks.cam, 4096, 1, DMA_FROM_DEVICE);
	debug_dma_device_access(&hooks.cam, BUS(0), 4096, true);
	debug_dma_device_access(&hooks.cam, BUS(4097), 4095, true);
	hooks_only(NONE, 0);
	debug_dma_device_access(&hooks.cam, BUS(0), 8192, true);
	hooks_only(DMA_REPORT_DEVICE_WRITE, 1);
	T_OK(hooks_unmap(&hooks.cam, 0, 8192, DMA_FROM_DEVICE), "");
	hooks_end();

	T_NEED(hooks_start());
	hooks_map(&hooks.cam, 0, 8192, DMA_FROM_DEVICE);
	hooks_map(&hooks.cam, 16 * KIB, 8192, DMA_TO_DEVICE);
	debug_dma_device_access(&hooks.cam, BUS(0), 8, false);
	debug_dma_device_access(&hooks.cam, BUS(16 * KIB), 8, true);
	hooks_only(DMA_REPORT_DEVICE_DIRECTION, 2);
	T_OK(hooks_says("8 bytes, which are mapped with DMA_FROM_DEVICE\n"), "says it");
	dma_debug_device_gone(&hooks.cam);
	hooks_end();
}

static void device_too_late(void)
{
	T_NEED(hooks_start());
	hooks_map(&hooks.cam, 0, 8192, DMA_FROM_DEVICE);
	debug_dma_device_access(&hooks.cam, BUS(0), 4096, true);
	debug_dma_device_access(&hooks.cam, BUS(4096), 4096, true);
	T_OK(hooks_unmap(&hooks.cam, 0, 8192, DMA_FROM_DEVICE), "");
	debug_dma_map(&hooks.lcd, DMA_DEBUG_SINGLE, PHYS(4096), 512, DMA_TO_DEVICE, 0,
		      BUS(64 * KIB), SITE_OTHER);
	debug_dma_device_access(&hooks.cam, BUS(4200), 8, true);
	hooks_only(DMA_REPORT_DEVICE_UNMAPPED, 1);
	T_OK(hooks_says("device writes 0x") &&
		     hooks_says(", 8 bytes, which are not mapped for it (were unmapped at "),
	     "says it");
	T_OK(hooks_says(" device writes [offset=0] [size=8192 bytes] [times=2] by the device\n"),
	     "what it did is one event");
	T_EQ(hooks_last()->mapping.nr_events, 2);
	T_OK(hooks_last()->mapping.event[1].site == SITE_UNMAP, "who unmapped it");
	T_STR(hooks_last()->other.device, "lcd"); /* whose memory is written now */
	debug_dma_device_access(&hooks.lcd, BUS(4200), 8, true);
	T_STR(hooks_last()->mapping.device, "");
	hooks_only(DMA_REPORT_DEVICE_UNMAPPED, 2);
	dma_debug_device_gone(&hooks.lcd);
	hooks_end();
}

static void cpu_too_early(void)
{
	T_NEED(hooks_start());
	hooks_map(&hooks.cam, 0, 8192, DMA_FROM_DEVICE);
	dma_debug_cpu_access(hooks.m, &hooks.tp, 8, true); /* not RAM */
	hooks_cpu_touches(8192, 64, true);
	hooks_only(NONE, 0);
	hooks_cpu_touches(8191, 64, false);
	hooks_only(DMA_REPORT_CPU_ACCESS, 1);
	T_STR(hooks_last()->device, "camera");
	T_EQ(hooks_last()->handle.v, hooks.base + 8191);
	T_OK(hooks_says("DMA-API: camera: the CPU reads 0x") &&
		     hooks_says(
			     "while the device owns them: dma_sync_single_for_cpu() is missing\n"),
	     "says it");
	T_OK(hooks_unmap(&hooks.cam, 0, 8192, DMA_FROM_DEVICE), "");
	hooks_cpu_touches(0, 8192, true);
	hooks_map(&hooks.cam, 0, 8192, DMA_TO_DEVICE);
	hooks_map(&hooks.lcd, 0, 4096, DMA_TO_DEVICE);
	hooks_for_cpu(&hooks.lcd, 0, 4096, DMA_TO_DEVICE);
	hooks_cpu_touches(0, 8, false);
	hooks_only(DMA_REPORT_CPU_ACCESS, 1);
	hooks_cpu_touches(0, 8, true); /* one of the two has it */
	hooks_only(DMA_REPORT_CPU_ACCESS, 2);
	dma_debug_device_gone(&hooks.cam);
	dma_debug_device_gone(&hooks.lcd);
	hooks_end();
}

static void lost(void)
{
	T_NEED(hooks_start());
	hooks_map(&hooks.cam, 0, 8192, DMA_FROM_DEVICE);
	debug_dma_lost(&hooks.cam, BUS(4096), 0, SITE_SYNC);
	hooks_only(NONE, 0);
	debug_dma_lost(&hooks.cam, BUS(4096), 48, SITE_SYNC);
	hooks_only(DMA_REPORT_CPU_LOST, 1);
	T_EQ(hooks_last()->mapping.size, 8192);
	T_OK(hooks_says("DMA-API: camera: the CPU wrote 48 bytes while the device owned them"),
	     "says it");
	T_OK(hooks_unmap(&hooks.cam, 0, 8192, DMA_FROM_DEVICE), "");
	debug_dma_lost(&hooks.cam, BUS(0), 64, SITE_UNMAP);
	T_EQ(hooks_last()->mapping.event[0].kind, DMA_EVENT_UNMAP);
	hooks_only(DMA_REPORT_CPU_LOST, 2);
	hooks_map(&hooks.lcd, 0, 8192, DMA_FROM_DEVICE);
	hooks_for_cpu(&hooks.lcd, 0, 8192, DMA_FROM_DEVICE);
	T_OK(hooks_unmap(&hooks.lcd, 0, 8192, DMA_FROM_DEVICE), "");
	debug_dma_lost(&hooks.lcd, BUS(0), 64, SITE_UNMAP);
	hooks_only(DMA_REPORT_CPU_LOST, 3);
	T_OK(hooks_says("DMA-API: lcd: the CPU wrote 64 bytes that it owned, and they are lost"),
	     "says it");
	hooks_end();
}

const struct t_case t_cases[] = {T(right_use),
				 T(syncs),
				 T(to_the_byte),
				 T(too_many_parts),
				 T(device_too_early),
				 T(device_too_late),
				 T(cpu_too_early),
				 T(lost),
				 T_END};
