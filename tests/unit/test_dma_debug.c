/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* DMA debugging by its hooks: each fault trips its report and no other, right use trips none, and the histories tell what was. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <freehold/dma_debug.h>
#include <freehold/page.h>
#include "dma/debug.h"
#include "dma/debug_table.h"
#include "mm/machine.h"
#include "dma_oracle.h"
#include "t.h"
#include "testplat.h"

#define KIB	UINT64_C(1024)
#define ORDER	10 /* of the memory that is mapped */
#define BUS(x)	((dma_t){base + (x)})
#define PHYS(x) ((phys_t){base + (x)})
/* Call sites: code addresses. */
#define SITE_MAP   ((const void *)0x1000)
#define SITE_OTHER ((const void *)0x2000)
#define SITE_UNMAP ((const void *)0x3000)
#define SITE_SYNC  ((const void *)0x4000)

static struct testplat tp;
static struct fh_machine *m;
static struct device cam, lcd;
static uint64_t base; /* of 4 MiB that are ours */
static struct dma_report report[DMA_MAX_REPORTS];

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

static bool start_with(unsigned int entries, bool caches)
{
	pfn_t pfn;

	testplat_init(&tp);
	testplat_cpu(0);
	tp.plat.symbol = symbol;
	if (caches) {
		tp.plat.cache_clean = no_clean;
		tp.plat.cache_inval = no_inval;
		tp.plat.cache_line = 64;
	}
	m = testplat_machine(&tp, 64, 0, CMA_POLICY_GUARANTEED, 2);
	if (!m || !T_EQ(dma_debug_create(m, entries, &m->dma->debug), 0) ||
	    !T_EQ(fh_alloc_pages(m, GFP_KERNEL, ORDER, &pfn), 0))
		return false;
	base = fh_pfn_to_phys(pfn).v;
	cam = (struct device){.machine = m, .name = "camera"};
	lcd = (struct device){.machine = m, .name = "lcd"};
	return true;
}

static bool start(void)
{
	return start_with(256, false);
}

static void end(void)
{
	TP_CHECK(m);
	dma_debug_destroy(m, m->dma->debug);
	m->dma->debug = NULL;
	T_EQ(fh_free_pages(m, base >> FH_PAGE_SHIFT, ORDER), 0);
	testplat_end(&tp, m);
}

static bool says(const char *text)
{
	return strstr(m->dmesg.buf, text);
}

/* n reports of `kind` since birth, and none of any other. */
static bool only(enum dma_report_kind kind, uint64_t n)
{
	bool right = true;

	for (unsigned int k = 0; k < DMA_NR_REPORTS; k++)
		right &= T_EQ(dma_debug_count(m, (enum dma_report_kind)k), k == kind ? n : 0);
	T_EQ(dma_debug_count(m, DMA_NR_REPORTS), n);
	return right;
}

#define NONE DMA_NR_REPORTS

static void map(struct device *dev, uint64_t at, uint64_t size, enum dma_data_direction dir)
{
	debug_dma_map(dev, DMA_DEBUG_SINGLE, PHYS(at), size, dir, 0, BUS(at), SITE_MAP);
}

static bool unmap(struct device *dev, uint64_t at, uint64_t size, enum dma_data_direction dir)
{
	return debug_dma_unmap(dev, DMA_DEBUG_SINGLE, BUS(at), size, dir, SITE_UNMAP);
}

static void for_cpu(struct device *dev, uint64_t at, uint64_t size, enum dma_data_direction dir)
{
	debug_dma_sync(dev, BUS(at), size, dir, true, SITE_SYNC);
}

static void for_device(struct device *dev, uint64_t at, uint64_t size, enum dma_data_direction dir)
{
	debug_dma_sync(dev, BUS(at), size, dir, false, SITE_SYNC);
}

static void cpu_touches(uint64_t at, uint64_t size, bool write)
{
	char *p = fh_page_address(m, (base + at) >> FH_PAGE_SHIFT);

	dma_debug_cpu_access(m, p + (base + at) % FH_PAGE_SIZE, size, write);
}

/* The newest report. */
static const struct dma_report *last(void)
{
	T_OK(dma_debug_reports(m, report, DMA_MAX_REPORTS) > 0, "there is a report");
	return &report[0];
}

/* ---- right use ---- */

static void right_use(void)
{
	T_NEED(start());
	map(&cam, 0, 64 * KIB, DMA_FROM_DEVICE);
	debug_dma_device_access(&cam, BUS(0), 64 * KIB, true);
	for_cpu(&cam, 4096, 100, DMA_FROM_DEVICE); /* a header */
	cpu_touches(4096, 100, false);
	debug_dma_device_access(&cam, BUS(4196), 60 * KIB - 100, true);
	debug_dma_device_access(&cam, BUS(0), 4096, true);
	for_device(&cam, 4096, 100, DMA_FROM_DEVICE);
	debug_dma_device_access(&cam, BUS(0), 64 * KIB, true);
	T_OK(unmap(&cam, 0, 64 * KIB, DMA_FROM_DEVICE), "was mapped");
	cpu_touches(0, 64 * KIB, true);

	/* What devices only read may be mapped as often as one likes, and read by all. */
	map(&cam, 0, 8192, DMA_TO_DEVICE);
	map(&cam, 0, 8192, DMA_TO_DEVICE);
	map(&lcd, 4096, 8192, DMA_TO_DEVICE);
	cpu_touches(0, 8192, false);
	debug_dma_device_access(&cam, BUS(0), 8192, false);
	for_cpu(&cam, 0, 8192, DMA_TO_DEVICE); /* one of the two */
	debug_dma_device_access(&cam, BUS(0), 8192, false);
	T_OK(unmap(&cam, 0, 8192, DMA_TO_DEVICE) && unmap(&cam, 0, 8192, DMA_TO_DEVICE), "two");
	T_OK(unmap(&lcd, 4096, 8192, DMA_TO_DEVICE), "and one");

	/* A device that knows what it does, twice in one place. */
	debug_dma_map(&cam, DMA_DEBUG_SG, PHYS(0), 4096, DMA_BIDIRECTIONAL, DMA_ATTR_SKIP_CPU_SYNC,
		      BUS(0), SITE_MAP);
	map(&lcd, 0, 4096, DMA_FROM_DEVICE);
	T_OK(unmap(&lcd, 0, 4096, DMA_FROM_DEVICE), "one");
	T_OK(debug_dma_unmap(&cam, DMA_DEBUG_SG, BUS(0), 4096, DMA_BIDIRECTIONAL, NULL), "both");

	/* Both own a coherent buffer, whoever syncs it; a resource has no memory. */
	debug_dma_map(&cam, DMA_DEBUG_COHERENT, (phys_t){0}, 4096, DMA_BIDIRECTIONAL, 0, BUS(0),
		      SITE_MAP);
	debug_dma_map(&lcd, DMA_DEBUG_COHERENT, (phys_t){0}, 4096, DMA_BIDIRECTIONAL, 0, BUS(0),
		      SITE_MAP);
	debug_dma_map(&cam, DMA_DEBUG_RESOURCE, (phys_t){~UINT64_C(4095)}, 4096, DMA_BIDIRECTIONAL,
		      0, (dma_t){~UINT64_C(4095)}, SITE_MAP);
	debug_dma_device_access(&cam, (dma_t){~UINT64_C(4095)}, 4096, true);
	for_cpu(&cam, 0, 4096, DMA_FROM_DEVICE);
	cpu_touches(0, 4096, true);
	debug_dma_device_access(&cam, BUS(0), 4096, true);
	T_OK(debug_dma_unmap(&cam, DMA_DEBUG_COHERENT, BUS(0), 4096, DMA_BIDIRECTIONAL, NULL), "");
	T_OK(debug_dma_unmap(&lcd, DMA_DEBUG_COHERENT, BUS(0), 4096, DMA_BIDIRECTIONAL, NULL), "");
	T_OK(debug_dma_unmap(&cam, DMA_DEBUG_RESOURCE, (dma_t){~UINT64_C(4095)}, 4096,
			     DMA_BIDIRECTIONAL, NULL),
	     "");

	/* Pages are the CPU's until they are synced. */
	debug_dma_map(&cam, DMA_DEBUG_PAGES, PHYS(0), 8192, DMA_BIDIRECTIONAL, 0, BUS(0), SITE_MAP);
	cpu_touches(0, 8192, true);
	for_device(&cam, 4096, 4096, DMA_TO_DEVICE);
	debug_dma_device_access(&cam, BUS(4096), 4096, false);
	cpu_touches(0, 4096, true);
	T_OK(debug_dma_unmap(&cam, DMA_DEBUG_PAGES, BUS(0), 8192, DMA_BIDIRECTIONAL, NULL), "");
	dma_debug_device_gone(&cam);
	only(NONE, 0);
	T_OK(!says("DMA-API: camera") && !says("DMA-API: lcd"), "nothing to say");
	end();
}

/* Entries of a list, one behind the other for the device: it may go on from one to the next. */
static void neighbours(void)
{
	T_NEED(start());
	for (unsigned int i = 0; i < 8; i++)
		debug_dma_map(&cam, DMA_DEBUG_SG, PHYS(i * 8192), 4096, DMA_TO_DEVICE, 0,
			      BUS(i * 4096), SITE_MAP);
	debug_dma_device_access(&cam, BUS(0), 8 * 4096, false);
	debug_dma_device_access(&cam, BUS(100), 7 * 4096, false);
	only(NONE, 0);
	debug_dma_device_access(&cam, BUS(100), 8 * 4096, false);
	T_EQ(last()->handle.v, base + 8 * 4096);
	T_EQ(last()->size, 100);
	only(DMA_REPORT_DEVICE_UNMAPPED, 1);
	dma_debug_device_gone(&cam);
	end();
}

/* ---- unmap ---- */

static void double_unmap(void)
{
	const struct dma_history *h;

	T_NEED(start());
	map(&cam, 4096, 4096, DMA_FROM_DEVICE);
	for_cpu(&cam, 4096, 4096, DMA_FROM_DEVICE);
	T_OK(unmap(&cam, 4096, 4096, DMA_FROM_DEVICE), "once");
	map(&cam, 0, 16 * KIB, DMA_TO_DEVICE); /* what is there by now */
	T_OK(!unmap(&cam, 4096, 4096, DMA_FROM_DEVICE), "not twice");
	only(DMA_REPORT_UNMAP_UNKNOWN, 1);
	h = &last()->mapping;
	T_STR(h->device, "camera");
	T_EQ(h->handle.v, base + 4096);
	T_EQ(h->type, DMA_DEBUG_SINGLE);
	T_EQ(h->dir, DMA_FROM_DEVICE);
	T_OK(h->site == SITE_MAP && last()->site == SITE_UNMAP, "who mapped it, who unmaps it");
	T_EQ(h->nr_events, 2);
	T_EQ(h->event[0].kind, DMA_EVENT_SYNC_FOR_CPU);
	T_OK(h->event[1].kind == DMA_EVENT_UNMAP && h->event[1].site == SITE_UNMAP,
	     "who did first");
	T_OK(h->event[1].time_ns >= h->event[0].time_ns && h->event[0].time_ns >= h->time_ns, "");
	T_EQ(last()->other.size, 16 * KIB);
	T_OK(says("DMA-API: camera: device driver tries to free DMA memory it has not allocated "
		  "[device address=0x"),
	     "as Linux says it");
	T_OK(says("called by 0x3000\n"), "who did it");
	T_OK(says("mapped for camera as single DMA_FROM_DEVICE"), "what it was");
	T_OK(says("by start_capture camera.c:57\n"), "sites have names");
	T_OK(says(" unmapped [offset=0] [size=4096 bytes] [times=1] by 0x3000\n"), "when it went");
	T_OK(says("mapped for camera as single DMA_TO_DEVICE"), "what is there now");

	T_OK(!unmap(&cam, 2 * 1024 * KIB, 4096, DMA_FROM_DEVICE), "never was");
	T_STR(last()->mapping.device, "");
	T_OK(!unmap(&cam, 8192, 8192, DMA_TO_DEVICE), "in the middle");
	T_OK(!unmap(&lcd, 0, 16 * KIB, DMA_TO_DEVICE), "another's");
	T_STR(last()->other.device, "");
	only(DMA_REPORT_UNMAP_UNKNOWN, 4);
	T_OK(unmap(&cam, 0, 16 * KIB, DMA_TO_DEVICE), "is still there");
	end();
}

static void different_unmap(void)
{
	T_NEED(start());
	map(&cam, 0, 4096, DMA_FROM_DEVICE);
	T_OK(unmap(&cam, 0, 8192, DMA_FROM_DEVICE), "goes on, as Linux does");
	only(DMA_REPORT_UNMAP_SIZE, 1);
	T_OK(says("frees DMA memory with different size [device address=0x") &&
		     says("] [map size=4096 bytes] [unmap size=8192 bytes]\n"),
	     "as Linux says it");
	end();

	T_NEED(start());
	map(&cam, 0, 4096, DMA_FROM_DEVICE);
	T_OK(debug_dma_unmap(&cam, DMA_DEBUG_SG, BUS(0), 4096, DMA_FROM_DEVICE, NULL), "");
	only(DMA_REPORT_UNMAP_FUNCTION, 1);
	T_OK(says("with wrong function [device address=0x") &&
		     says("[size=4096 bytes] [mapped as single] [unmapped as scatter-gather]\n"),
	     "as Linux says it");
	end();

	T_NEED(start());
	map(&cam, 0, 4096, DMA_FROM_DEVICE);
	T_OK(unmap(&cam, 0, 4096, DMA_TO_DEVICE), "");
	only(DMA_REPORT_UNMAP_DIRECTION, 1);
	T_OK(says("with different direction [device address=0x") &&
		     says("[mapped with DMA_FROM_DEVICE] [unmapped with DMA_TO_DEVICE]\n"),
	     "as Linux says it");
	end();
}

/* A free that cannot be is not done, and can be done right. */
static void memory_stays(void)
{
	T_NEED(start());
	debug_dma_map(&cam, DMA_DEBUG_COHERENT, (phys_t){0}, 8192, DMA_BIDIRECTIONAL, 0, BUS(0),
		      SITE_MAP);
	T_OK(!debug_dma_unmap(&cam, DMA_DEBUG_COHERENT, BUS(0), 4096, DMA_BIDIRECTIONAL, NULL), "");
	only(DMA_REPORT_UNMAP_SIZE, 1);
	T_OK(debug_dma_unmap(&cam, DMA_DEBUG_COHERENT, BUS(0), 8192, DMA_BIDIRECTIONAL, NULL), "");
	only(DMA_REPORT_UNMAP_SIZE, 1);
	map(&cam, 0, 4096, DMA_BIDIRECTIONAL);
	T_OK(!debug_dma_unmap(&cam, DMA_DEBUG_PAGES, BUS(0), 4096, DMA_BIDIRECTIONAL, NULL), "");
	T_EQ(dma_debug_count(m, DMA_REPORT_UNMAP_FUNCTION), 1);
	T_OK(unmap(&cam, 0, 4096, DMA_BIDIRECTIONAL), "");
	T_EQ(dma_debug_count(m, DMA_NR_REPORTS), 2);
	end();
}

/* Of what is mapped twice in one place, the one that fits is unmapped. */
static void best_fit(void)
{
	T_NEED(start());
	map(&cam, 0, 4096, DMA_TO_DEVICE);
	map(&cam, 0, 64 * KIB, DMA_TO_DEVICE);
	map(&cam, 0, 8192, DMA_TO_DEVICE);
	debug_dma_map(&cam, DMA_DEBUG_SG, PHYS(0), 8192, DMA_TO_DEVICE, 0, BUS(0), SITE_OTHER);
	T_OK(unmap(&cam, 0, 8192, DMA_TO_DEVICE), "");
	T_OK(unmap(&cam, 0, 64 * KIB, DMA_TO_DEVICE), "");
	T_OK(debug_dma_unmap(&cam, DMA_DEBUG_SG, BUS(0), 8192, DMA_TO_DEVICE, NULL), "");
	T_OK(unmap(&cam, 0, 4096, DMA_TO_DEVICE), "");
	only(NONE, 0);
	end();
}

/* ---- sync ---- */

static void syncs(void)
{
	T_NEED(start());
	map(&cam, 0, 8192, DMA_FROM_DEVICE);
	map(&cam, 64 * KIB, 8192, DMA_BIDIRECTIONAL);
	for_cpu(&cam, 64 * KIB, 8192, DMA_FROM_DEVICE);
	for_device(&cam, 64 * KIB, 8192, DMA_TO_DEVICE);
	only(NONE, 0);
	for_device(&cam, 0, 4096, DMA_TO_DEVICE);
	only(DMA_REPORT_SYNC_DIRECTION, 1);
	T_OK(says("syncs DMA memory with different direction [device address=0x") &&
		     says("[mapped with DMA_FROM_DEVICE] [synced with DMA_TO_DEVICE]\n"),
	     "as Linux says it");
	T_OK(unmap(&cam, 0, 8192, DMA_FROM_DEVICE), "");
	end();

	T_NEED(start());
	map(&cam, 0, 8192, DMA_FROM_DEVICE);
	for_cpu(&cam, 4096, 4097, DMA_FROM_DEVICE);
	only(DMA_REPORT_SYNC_RANGE, 1);
	T_OK(says("syncs DMA memory outside allocated range [device address=0x") &&
		     says("[allocation size=8192 bytes] [sync offset+size=8193]\n"),
	     "as Linux says it");
	cpu_touches(4096, 4096, true); /* what lay inside is the CPU's */
	only(DMA_REPORT_SYNC_RANGE, 1);
	T_OK(unmap(&cam, 0, 8192, DMA_FROM_DEVICE), "");
	for_cpu(&cam, 4096, 64, DMA_FROM_DEVICE);
	T_EQ(dma_debug_count(m, DMA_REPORT_SYNC_UNKNOWN), 1);
	T_EQ(dma_debug_count(m, DMA_NR_REPORTS), 2);
	T_EQ(last()->mapping.size, 8192);
	T_OK(says("tries to sync DMA memory it has not allocated [device address=0x"), "");
	end();
}

/* Bytes change hands one by one: a device's access of each tells whose it is. */
static void to_the_byte(void)
{
	static bool cpu[500];
	uint32_t rnd = 1;

	T_NEED(start());
	memset(cpu, 0, sizeof(cpu));
	map(&cam, 1000, 500, DMA_BIDIRECTIONAL);
	for (int i = 0; i < 400; i++) {
		uint64_t first, n;
		bool to_cpu;

		rnd = rnd * 1664525 + 1013904223;
		first = rnd >> 8 & 511;
		first = first < 500 ? first : 0;
		n = 1 + (rnd >> 17 & 63) * (rnd >> 29);
		n = n < 500 - first ? n : 500 - first;
		to_cpu = rnd >> 28 & 1;
		debug_dma_sync(&cam, BUS(1000 + first), n, DMA_BIDIRECTIONAL, to_cpu, SITE_SYNC);
		memset(&cpu[first], to_cpu, n);
		for (uint64_t k = 0; k < 500; k += 1 + (unsigned int)i % 3) {
			uint64_t was = dma_debug_count(m, DMA_REPORT_DEVICE_WRITE);

			debug_dma_device_access(&cam, BUS(1000 + k), 1, true);
			if (!T_EQ(dma_debug_count(m, DMA_REPORT_DEVICE_WRITE) - was, cpu[k]))
				return;
			was = dma_debug_count(m, DMA_REPORT_CPU_ACCESS);
			cpu_touches(1000 + k, 1, true);
			if (!T_EQ(dma_debug_count(m, DMA_REPORT_CPU_ACCESS) - was, !cpu[k]))
				return;
		}
		TP_CHECK(m);
	}
	T_OK(unmap(&cam, 1000, 500, DMA_BIDIRECTIONAL), "");
	end();
}

/* More parts than there is room for: nothing is said about the mapping until it is whole again. */
static void too_many_parts(void)
{
	T_NEED(start_with(2, false));
	map(&cam, 0, 64 * KIB, DMA_BIDIRECTIONAL);
	for (unsigned int i = 0; i < 30; i++)
		for_cpu(&cam, i * 1000, 500, DMA_BIDIRECTIONAL);
	debug_dma_device_access(&cam, BUS(0), 64 * KIB, true);
	cpu_touches(0, 64 * KIB, true);
	only(NONE, 0);
	TP_CHECK(m);
	for_device(&cam, 0, 64 * KIB, DMA_BIDIRECTIONAL);
	debug_dma_device_access(&cam, BUS(0), 64 * KIB, true);
	cpu_touches(60 * KIB, 1, true);
	only(DMA_REPORT_CPU_ACCESS, 1);
	for_cpu(&cam, 0, 64 * KIB, DMA_BIDIRECTIONAL);
	for (unsigned int i = 0; i < 30; i++)
		for_device(&cam, i * 1000, 500, DMA_BIDIRECTIONAL);
	debug_dma_device_access(&cam, BUS(0), 64 * KIB, true);
	only(DMA_REPORT_CPU_ACCESS, 1);
	T_OK(unmap(&cam, 0, 64 * KIB, DMA_BIDIRECTIONAL), "");
	end();
}

/* ---- map ---- */

static void overlaps(void)
{
	T_NEED(start());
	map(&cam, 0, 256 * KIB, DMA_TO_DEVICE);
	map(&lcd, 128 * KIB, 512, DMA_FROM_DEVICE);
	only(DMA_REPORT_OVERLAP, 1);
	T_STR(last()->device, "lcd");
	T_STR(last()->mapping.device, "lcd");
	T_STR(last()->other.device, "camera");
	T_OK(says("DMA-API: lcd: cacheline tracking EEXIST, overlapping mappings aren't "
		  "supported\n"),
	     "as Linux says it");
	T_OK(says("mapped for lcd as single DMA_FROM_DEVICE") &&
		     says("mapped for camera as single DMA_TO_DEVICE"),
	     "both histories");
	map(&lcd, 256 * KIB, 512, DMA_FROM_DEVICE); /* beside it */
	only(DMA_REPORT_OVERLAP, 1);
	map(&cam, 256 * KIB + 511, 2, DMA_TO_DEVICE);
	only(DMA_REPORT_OVERLAP, 2);
	dma_debug_device_gone(&cam);
	dma_debug_device_gone(&lcd);
	end();

	/* One cache line, two mappings: wrong where caches are not snooped. */
	for (int snoops = 0; snoops < 2; snoops++) {
		T_NEED(start_with(256, true));
		cam.dma_coherent = lcd.dma_coherent = snoops;
		map(&cam, 0, 100, DMA_FROM_DEVICE);
		map(&lcd, 100, 100, DMA_TO_DEVICE);
		only(DMA_REPORT_OVERLAP, !snoops);
		map(&lcd, 256, 100, DMA_TO_DEVICE);
		only(DMA_REPORT_OVERLAP, !snoops);
		dma_debug_device_gone(&cam);
		dma_debug_device_gone(&lcd);
		end();
	}
}

/* A large mapping over very many small ones, and the other way round. */
static void overlaps_large(unsigned int entries)
{
	T_NEED(start_with(entries, false));
	for (uint64_t i = 0; i < 1000; i += 2)
		map(&cam, i * 4096, 4096, DMA_TO_DEVICE);
	map(&lcd, 0, 4096 * KIB, DMA_TO_DEVICE);
	only(NONE, 0);
	T_OK(unmap(&lcd, 0, 4096 * KIB, DMA_TO_DEVICE), "");
	map(&lcd, 1003 * 4096, 16 * KIB, DMA_FROM_DEVICE);
	only(NONE, 0);
	map(&lcd, 700 * 4096, 1024 * KIB, DMA_FROM_DEVICE);
	only(DMA_REPORT_OVERLAP, 1);
	dma_debug_device_gone(&lcd);
	T_EQ(dma_debug_count(m, DMA_NR_REPORTS), 2);
	map(&lcd, 0, 4096 * KIB, DMA_FROM_DEVICE);
	T_EQ(dma_debug_count(m, DMA_REPORT_OVERLAP), 2);
	dma_debug_device_gone(&cam);
	dma_debug_device_gone(&lcd);
	end();
}

/* It touches fewer cells than there are chains, and more. */
static void overlaps_of_many(void)
{
	overlaps_large(2000);
	overlaps_large(510);
}

static void bad_memory(void)
{
	char local[64];
	pfn_t pfn;

	T_NEED(start());
	debug_dma_refused(&cam, local, (phys_t){0}, sizeof(local), "not RAM", SITE_MAP);
	only(DMA_REPORT_STACK, 1);
	T_OK(says("DMA-API: camera: device driver maps memory from stack [addr=0x"), "as Linux");
	end();

	T_NEED(start());
	debug_dma_refused(&cam, NULL, (phys_t){4096}, 64, "not RAM", SITE_MAP);
	T_OK(says("maps memory that is not RAM [phys=0x"), "");
	debug_dma_refused(&cam, report, (phys_t){UINT64_MAX - 99}, 64, "not RAM", SITE_MAP);
	debug_dma_refused(&lcd, NULL, PHYS(0), 64, "not RAM", SITE_MAP);
	T_OK(says("DMA-API: lcd: device driver maps RAM as a resource [phys=0x"), "");
	only(DMA_REPORT_WRONG_MEMORY, 3);
	end();

	T_NEED(start());
	T_EQ(fh_alloc_pages(m, GFP_KERNEL, 9, &pfn), 0);
	debug_dma_map(&cam, DMA_DEBUG_SINGLE, fh_pfn_to_phys(pfn), 2048 * KIB, DMA_TO_DEVICE, 0,
		      (dma_t){0}, SITE_MAP);
	T_OK(debug_dma_unmap(&cam, DMA_DEBUG_SINGLE, (dma_t){0}, 2048 * KIB, DMA_TO_DEVICE, NULL),
	     "");
	only(NONE, 0);
	T_EQ(fh_free_pages(m, pfn + 511, 0), 0);
	fh_cpu_quiesce(m);
	debug_dma_map(&cam, DMA_DEBUG_SINGLE, fh_pfn_to_phys(pfn), 2048 * KIB, DMA_TO_DEVICE, 0,
		      (dma_t){0}, SITE_MAP);
	debug_dma_refused(&lcd, NULL, fh_pfn_to_phys(pfn + 511), 1, NULL, SITE_MAP);
	only(DMA_REPORT_FREE_MEMORY, 2);
	T_OK(says("DMA-API: camera: device driver maps memory that is free [phys=0x"), "");
	for (unsigned int o = 0; o < 9; o++)
		T_EQ(fh_free_pages(m, pfn + 512 - (2u << o), o), 0);
	dma_debug_device_gone(&cam);
	end();
}

/* ---- devices and CPUs ---- */

static void device_too_early(void)
{
	T_NEED(start());
	map(&cam, 0, 8192, DMA_BIDIRECTIONAL);
	for_cpu(&cam, 0, 8192, DMA_BIDIRECTIONAL);
	debug_dma_device_access(&cam, BUS(100), 64, false);
	only(DMA_REPORT_DEVICE_READ, 1);
	T_OK(says("DMA-API: camera: device reads 0x") &&
		     says(", 64 bytes, while the CPU owns them: dma_sync_single_for_device() is "
			  "missing\n"),
	     "says it");
	T_EQ(last()->mapping.nr_events, 2);
	T_OK(last()->mapping.event[0].site == SITE_SYNC, "who took it for the CPU");
	T_EQ(last()->mapping.event[1].kind, DMA_EVENT_DEVICE_READ);
	T_EQ(last()->mapping.event[1].offset, 100);
	for_device(&cam, 0, 8192, DMA_BIDIRECTIONAL);
	debug_dma_device_access(&cam, BUS(100), 64, true);
	only(DMA_REPORT_DEVICE_READ, 1);
	T_OK(unmap(&cam, 0, 8192, DMA_BIDIRECTIONAL), "");
	end();

	T_NEED(start());
	map(&cam, 0, 8192, DMA_FROM_DEVICE);
	for_cpu(&cam, 4096, 1, DMA_FROM_DEVICE);
	debug_dma_device_access(&cam, BUS(0), 4096, true);
	debug_dma_device_access(&cam, BUS(4097), 4095, true);
	only(NONE, 0);
	debug_dma_device_access(&cam, BUS(0), 8192, true);
	only(DMA_REPORT_DEVICE_WRITE, 1);
	T_OK(unmap(&cam, 0, 8192, DMA_FROM_DEVICE), "");
	end();

	T_NEED(start());
	map(&cam, 0, 8192, DMA_FROM_DEVICE);
	map(&cam, 16 * KIB, 8192, DMA_TO_DEVICE);
	debug_dma_device_access(&cam, BUS(0), 8, false);
	debug_dma_device_access(&cam, BUS(16 * KIB), 8, true);
	only(DMA_REPORT_DEVICE_DIRECTION, 2);
	T_OK(says("8 bytes, which are mapped with DMA_FROM_DEVICE\n"), "says it");
	dma_debug_device_gone(&cam);
	end();
}

static void device_too_late(void)
{
	T_NEED(start());
	map(&cam, 0, 8192, DMA_FROM_DEVICE);
	debug_dma_device_access(&cam, BUS(0), 4096, true);
	debug_dma_device_access(&cam, BUS(4096), 4096, true);
	T_OK(unmap(&cam, 0, 8192, DMA_FROM_DEVICE), "");
	debug_dma_map(&lcd, DMA_DEBUG_SINGLE, PHYS(4096), 512, DMA_TO_DEVICE, 0, BUS(64 * KIB),
		      SITE_OTHER);
	debug_dma_device_access(&cam, BUS(4200), 8, true);
	only(DMA_REPORT_DEVICE_UNMAPPED, 1);
	T_OK(says("device writes 0x") &&
		     says(", 8 bytes, which are not mapped for it (were unmapped at "),
	     "says it");
	T_OK(says(" device writes [offset=0] [size=8192 bytes] [times=2] by the device\n"),
	     "what it did is one event");
	T_EQ(last()->mapping.nr_events, 2);
	T_OK(last()->mapping.event[1].site == SITE_UNMAP, "who unmapped it");
	T_STR(last()->other.device, "lcd"); /* whose memory is written now */
	debug_dma_device_access(&lcd, BUS(4200), 8, true);
	T_STR(last()->mapping.device, "");
	only(DMA_REPORT_DEVICE_UNMAPPED, 2);
	dma_debug_device_gone(&lcd);
	end();
}

static void cpu_too_early(void)
{
	T_NEED(start());
	map(&cam, 0, 8192, DMA_FROM_DEVICE);
	dma_debug_cpu_access(m, &tp, 8, true); /* not RAM */
	cpu_touches(8192, 64, true);
	only(NONE, 0);
	cpu_touches(8191, 64, false);
	only(DMA_REPORT_CPU_ACCESS, 1);
	T_STR(last()->device, "camera");
	T_EQ(last()->handle.v, base + 8191);
	T_OK(says("DMA-API: camera: the CPU reads 0x") &&
		     says("while the device owns them: dma_sync_single_for_cpu() is missing\n"),
	     "says it");
	T_OK(unmap(&cam, 0, 8192, DMA_FROM_DEVICE), "");
	cpu_touches(0, 8192, true);
	map(&cam, 0, 8192, DMA_TO_DEVICE);
	map(&lcd, 0, 4096, DMA_TO_DEVICE);
	for_cpu(&lcd, 0, 4096, DMA_TO_DEVICE);
	cpu_touches(0, 8, false);
	only(DMA_REPORT_CPU_ACCESS, 1);
	cpu_touches(0, 8, true); /* one of the two has it */
	only(DMA_REPORT_CPU_ACCESS, 2);
	dma_debug_device_gone(&cam);
	dma_debug_device_gone(&lcd);
	end();
}

static void lost(void)
{
	T_NEED(start());
	map(&cam, 0, 8192, DMA_FROM_DEVICE);
	debug_dma_lost(&cam, BUS(4096), 0, SITE_SYNC);
	only(NONE, 0);
	debug_dma_lost(&cam, BUS(4096), 48, SITE_SYNC);
	only(DMA_REPORT_CPU_LOST, 1);
	T_EQ(last()->mapping.size, 8192);
	T_OK(says("DMA-API: camera: the CPU wrote 48 bytes while the device owned them"),
	     "says it");
	T_OK(unmap(&cam, 0, 8192, DMA_FROM_DEVICE), "");
	debug_dma_lost(&cam, BUS(0), 64, SITE_UNMAP);
	T_EQ(last()->mapping.event[0].kind, DMA_EVENT_UNMAP);
	only(DMA_REPORT_CPU_LOST, 2);
	map(&lcd, 0, 8192, DMA_FROM_DEVICE);
	for_cpu(&lcd, 0, 8192, DMA_FROM_DEVICE);
	T_OK(unmap(&lcd, 0, 8192, DMA_FROM_DEVICE), "");
	debug_dma_lost(&lcd, BUS(0), 64, SITE_UNMAP);
	only(DMA_REPORT_CPU_LOST, 3);
	T_OK(says("DMA-API: lcd: the CPU wrote 64 bytes that it owned, and they are lost"),
	     "says it");
	end();
}

/* ---- the device goes ---- */

static void leaks(void)
{
	struct dma_debug_state s;

	T_NEED(start());
	map(&cam, 0, 4096, DMA_FROM_DEVICE);
	map(&cam, 4096, 64 * KIB, DMA_FROM_DEVICE);
	map(&lcd, 128 * KIB, 4096, DMA_TO_DEVICE);
	for_cpu(&cam, 4096, 64, DMA_FROM_DEVICE);
	dma_debug_device_gone(&cam);
	only(DMA_REPORT_LEAK, 1);
	T_OK(says("DMA-API: camera: device driver has pending DMA allocations while released from "
		  "device [count=2]\n"),
	     "as Linux says it");
	T_OK(says(" mapped for camera as single DMA_FROM_DEVICE [device address=0x"),
	     "one of them");
	dma_debug_device_gone(&cam);
	only(DMA_REPORT_LEAK, 1);
	dma_debug_state(m, &s);
	T_EQ(s.nr_free, s.nr_entries - 1);
	T_OK(unmap(&lcd, 128 * KIB, 4096, DMA_TO_DEVICE), "others' stay");
	/* Another device in the same place has no past. */
	debug_dma_device_access(&cam, BUS(0), 4, true);
	T_STR(last()->mapping.device, "");
	dma_debug_device_gone(NULL);
	end();
}

/* ---- limits, log, files ---- */

static void runs_out(void)
{
	char text[64];
	size_t len;

	T_NEED(start_with(8, false));
	for (unsigned int i = 0; i < 8; i++)
		map(&cam, i * 4096, 4096, DMA_TO_DEVICE);
	T_OK(!says("out of memory"), "not yet");
	T_EQ(fh_view_read(m, "sys/kernel/debug/dma-api/disabled", text, sizeof(text), &len), 0);
	T_STR(text, "N\n");
	map(&cam, 8 * 4096, 4096, DMA_TO_DEVICE);
	T_OK(says("DMA-API: debugging out of memory - disabling\n"), "as Linux says it");
	T_OK(unmap(&cam, 64 * KIB, 4096, DMA_TO_DEVICE), "whatever it is: nobody knows any more");
	debug_dma_device_access(&lcd, BUS(0), 8, true);
	for_cpu(&cam, 64 * KIB, 4096, DMA_TO_DEVICE);
	cpu_touches(0, 8, true);
	debug_dma_refused(&cam, NULL, (phys_t){0}, 8, "not RAM", NULL);
	debug_dma_lost(&cam, BUS(0), 8, NULL);
	dma_debug_device_gone(&cam);
	map(&cam, 0, 8, DMA_FROM_DEVICE);
	only(NONE, 0);
	T_EQ(fh_view_read(m, "sys/kernel/debug/dma-api/disabled", text, sizeof(text), &len), 0);
	T_STR(text, "Y\n");
	end();
}

static unsigned int lines(const char *with)
{
	unsigned int n = 0;

	for (const char *p = m->dmesg.buf; (p = strstr(p, with)); p++)
		n++;
	return n;
}

static void told_once(void)
{
	T_NEED(start());
	for (unsigned int i = 0; i < 40; i++) {
		unmap(i & 1 ? &lcd : &cam, i * 4096, 4096, DMA_TO_DEVICE);
		for_cpu(&cam, 0, 64, DMA_TO_DEVICE);
	}
	T_EQ(lines("tries to free"), 2);
	T_EQ(lines("tries to sync"), 1);
	T_EQ(dma_debug_count(m, DMA_NR_REPORTS), 80);
	T_EQ(dma_debug_count(m, (enum dma_report_kind)(DMA_NR_REPORTS + 1)), 0);
	memset(report, 0, sizeof(report));
	T_EQ(dma_debug_reports(m, report, 3), DMA_MAX_REPORTS);
	T_EQ(report[0].kind, DMA_REPORT_SYNC_UNKNOWN);
	T_EQ(report[1].handle.v, base + 39 * 4096);
	T_STR(report[3].device, "");
	dma_debug_set_all_errors(m, true);
	unmap(&cam, 0, 1, DMA_TO_DEVICE);
	T_EQ(lines("tries to free"), 3);
	dma_debug_set_filter(m, "lcd");
	unmap(&cam, 0, 2, DMA_TO_DEVICE);
	T_EQ(lines("tries to free"), 3);
	T_EQ(last()->size, 1);
	unmap(&lcd, 0, 3, DMA_TO_DEVICE);
	T_EQ(lines("tries to free"), 4);
	T_EQ(dma_debug_count(m, DMA_NR_REPORTS), 83);
	end();
}

static const char *read_file(const char *name)
{
	static char text[1024];
	char path[128];
	size_t len;

	snprintf(path, sizeof(path), "sys/kernel/debug/dma-api/%s", name);
	T_EQ(fh_view_read(m, path, text, sizeof(text), &len), 0);
	return text;
}

static void files(void)
{
	unsigned int idx;
	char want[256], *at;

	T_NEED(start());
	T_OK(says("DMA-API: preallocated 256 debug entries\n"), "as Linux says it");
	T_STR(read_file("dump"), "");
	debug_dma_map(&cam, DMA_DEBUG_SG, PHYS(4096), 100, DMA_FROM_DEVICE, 0, (dma_t){0xabc000},
		      SITE_MAP);
	at = strstr(read_file("dump"), "idx ");
	T_NEED(at && sscanf(at, "idx %u", &idx) == 1);
	snprintf(want, sizeof(want),
		 "platform camera scatter-gather idx %u P=%llx N=%llx D=abc000 L=64 cln=0x%016llx "
		 "DMA_FROM_DEVICE dma map error check not applicable\n",
		 idx, (unsigned long long)base + 4096, (unsigned long long)(base >> 12) + 1,
		 (unsigned long long)(base + 4096) >> 6);
	T_STR(read_file("dump"), want);
	T_STR(read_file("nr_total_entries"), "256\n");
	T_STR(read_file("num_free_entries"), "255\n");
	T_OK(debug_dma_unmap(&cam, DMA_DEBUG_SG, (dma_t){0xabc000}, 100, DMA_FROM_DEVICE, NULL),
	     "");
	T_STR(read_file("num_free_entries"), "256\n");
	T_STR(read_file("min_free_entries"), "255\n");
	T_STR(read_file("error_count"), "0\n");
	unmap(&cam, 0, 1, DMA_TO_DEVICE);
	T_STR(read_file("error_count"), "1\n");
	T_STR(read_file("num_errors"), "1\n");
	T_STR(read_file("all_errors"), "0\n");
	dma_debug_set_all_errors(m, true);
	T_STR(read_file("all_errors"), "1\n");
	T_STR(read_file("driver_filter"), "");
	dma_debug_set_filter(m, "lcd");
	T_STR(read_file("driver_filter"), "lcd\n");
	dma_debug_set_filter(m, NULL);
	T_STR(read_file("driver_filter"), "");
	T_STR(read_file("disabled"), "N\n");
	end();
}

/* Off: nothing happens, and files say so. */
static void off(void)
{
	m = testplat_start(&tp, 64, 0, CMA_POLICY_GUARANTEED, 1);
	T_NEED(m);
	cam = (struct device){.machine = m, .name = "camera"};
	dma_debug_device_gone(&cam);
	dma_debug_cpu_access(m, fh_page_address(m, TP_BASE >> 12), 8, true);
	dma_debug_set_filter(m, "x");
	dma_debug_set_all_errors(m, true);
	debug_dma_map(&cam, DMA_DEBUG_SINGLE, (phys_t){TP_BASE}, 8, DMA_TO_DEVICE, 0, (dma_t){0},
		      NULL);
	T_OK(debug_dma_unmap(&cam, DMA_DEBUG_SINGLE, (dma_t){0}, 8, DMA_TO_DEVICE, NULL), "");
	T_EQ(dma_debug_reports(m, report, 1), 0);
	T_EQ(dma_debug_count(m, DMA_NR_REPORTS), 0);
	T_STR(read_file("disabled"), "Y\n");
	T_STR(read_file("nr_total_entries"), "0\n");
	T_STR(read_file("dump"), "");
	T_STR(read_file("all_errors"), "0\n");
	testplat_end(&tp, m);
}

static void no_memory(void)
{
	struct dma_debug *d = NULL;
	int nth = 0, err;

	m = testplat_start(&tp, 64, 0, CMA_POLICY_GUARANTEED, 1);
	T_NEED(m);
	do {
		atomic_store(&tp.fail_nth, ++nth);
		err = dma_debug_create(m, 100, &d);
		atomic_store(&tp.fail_nth, 0);
		T_OK(!err || (err == -FH_ENOMEM && !d), "made, or not");
	} while (err && nth < 20);
	T_EQ(nth, 8); /* the state, two tables, entries, parts, reports, the past: none failed */
	dma_debug_destroy(m, d);
	dma_debug_destroy(m, NULL);
	testplat_end(&tp, m);
}

/* ---- random use, right and wrong, against the oracle ---- */

#define DEVICES 3

static struct device dev[DEVICES];
static struct oracle oracle;
static uint32_t seed;

static uint32_t rnd(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static uint64_t shift_of(const struct device *d)
{
	return (uint64_t)(d - dev) << 40; /* of its bus */
}

/* Mostly small, in a small place, so that they meet. */
static void any_range(uint64_t *at, uint64_t *size)
{
	uint64_t max = rnd(8) ? 32 : ORACLE_GRANULES;

	*size = (1 + rnd((uint32_t)max)) * ORACLE_GRANULE;
	*at = base + rnd(rnd(4) ? 256 : 32768) * ORACLE_GRANULE;
}

static struct oracle_mapping *some_mapping(void)
{
	for (int i = 0; i < 8; i++) {
		struct oracle_mapping *o = &oracle.map[rnd(ORACLE_MAX)];

		if (o->used)
			return o;
	}
	return NULL;
}

static void do_map(bool wrong)
{
	static const enum dma_debug_type type[] = {DMA_DEBUG_SINGLE,   DMA_DEBUG_SINGLE,
						   DMA_DEBUG_SG,       DMA_DEBUG_PAGES,
						   DMA_DEBUG_COHERENT, DMA_DEBUG_RESOURCE};
	struct oracle_mapping *o = oracle_new(&oracle);
	struct oracle before = {.count = {0}};
	uint64_t at, size;

	if (!o)
		return;
	any_range(&at, &size);
	*o = (struct oracle_mapping){.dev = &dev[rnd(DEVICES)],
				     .type = type[rnd(6)],
				     .dir = (enum dma_data_direction)rnd(3),
				     .attrs = rnd(8) ? 0 : DMA_ATTR_SKIP_CPU_SYNC,
				     .phys = at,
				     .size = size};
	if (o->type == DMA_DEBUG_COHERENT)
		o->dir = DMA_BIDIRECTIONAL;
	o->handle = at + shift_of(o->dev);
	for (uint64_t k = 0; k < size; k += ORACLE_GRANULE)
		if (oracle_at(&oracle, o->dev, o->handle + k))
			return; /* the oracle's devices have nothing twice */
	memcpy(before.count, oracle.count, sizeof(before.count));
	o->used = true;
	oracle_map(&oracle, o);
	if (!wrong && memcmp(before.count, oracle.count, sizeof(before.count))) {
		memcpy(oracle.count, before.count, sizeof(before.count));
		o->used = false;
		return;
	}
	debug_dma_map(o->dev, o->type, (phys_t){o->phys}, o->size, o->dir, o->attrs,
		      (dma_t){o->handle}, SITE_MAP);
}

static void do_unmap(bool wrong)
{
	const struct oracle_mapping *some = some_mapping();
	struct oracle_mapping o;

	if (!some)
		return;
	o = *some;
	if (wrong) {
		switch (rnd(5)) {
		case 0:
			o.size += ORACLE_GRANULE;
			break;
		case 1:
			o.type = (enum dma_debug_type)rnd(5);
			break;
		case 2:
			o.dir = (enum dma_data_direction)rnd(3);
			break;
		case 3:
			o.handle += ORACLE_GRANULE * rnd(64);
			break;
		default:
			o.dev = &dev[rnd(DEVICES)];
			break;
		}
	}
	T_EQ(debug_dma_unmap(o.dev, o.type, (dma_t){o.handle}, o.size, o.dir, SITE_UNMAP),
	     oracle_unmap(&oracle, o.dev, o.type, o.handle, o.size, o.dir));
}

static void do_sync(bool wrong)
{
	const struct oracle_mapping *o = some_mapping();
	bool to_cpu = rnd(2), whole = rnd(3) == 0;
	uint64_t first, n, nr;

	if (!o)
		return;
	nr = o->size / ORACLE_GRANULE;
	first = whole ? 0 : rnd((uint32_t)nr);
	n = whole ? nr : 1 + rnd((uint32_t)(nr - first));
	if (wrong && rnd(2))
		n += nr;
	first = o->handle + first * ORACLE_GRANULE;
	if (wrong && !rnd(4))
		any_range(&first, &n), n /= ORACLE_GRANULE;
	n *= ORACLE_GRANULE;
	if (wrong && rnd(2)) {
		enum dma_data_direction dir = (enum dma_data_direction)rnd(3);

		debug_dma_sync(o->dev, (dma_t){first}, n, dir, to_cpu, SITE_SYNC);
		oracle_sync(&oracle, o->dev, first, n, dir, to_cpu);
		return;
	}
	debug_dma_sync(o->dev, (dma_t){first}, n, o->dir, to_cpu, SITE_SYNC);
	oracle_sync(&oracle, o->dev, first, n, o->dir, to_cpu);
}

/* Right by asking the oracle first. */
static void do_access(bool wrong, bool by_cpu)
{
	const struct device *d = &dev[rnd(DEVICES)];
	uint64_t before[DMA_NR_REPORTS], at, size;
	bool write = rnd(2);

	any_range(&at, &size);
	memcpy(before, oracle.count, sizeof(before));
	if (by_cpu)
		oracle_cpu(&oracle, at, size, write);
	else
		oracle_device(&oracle, d, at + shift_of(d), size, write);
	if (!wrong && memcmp(before, oracle.count, sizeof(before))) {
		memcpy(oracle.count, before, sizeof(before));
		return;
	}
	if (by_cpu)
		cpu_touches(at - base, size, write);
	else
		debug_dma_device_access(d, (dma_t){at + shift_of(d)}, size, write);
}

static bool as_the_oracle_says(void)
{
	bool same = true;

	for (unsigned int k = 0; k < DMA_NR_REPORTS && same; k++)
		same = T_EQ(dma_debug_count(m, (enum dma_report_kind)k), oracle.count[k]);
	return same;
}

static void random_use(bool wrong)
{
	for (seed = 1; seed < 6; seed++) {
		uint32_t first = seed;

		T_NEED(start_with(ORACLE_MAX * 8, false));
		memset(&oracle, 0, sizeof(oracle));
		for (unsigned int i = 0; i < DEVICES; i++)
			dev[i] = (struct device){.machine = m, .name = "random"};
		for (int i = 0; i < 6000; i++) {
			unsigned int op = rnd(10);

			if (op < 3)
				do_map(wrong);
			else if (op < 5)
				do_unmap(wrong && !rnd(3));
			else if (op < 8)
				do_sync(wrong && !rnd(3));
			else
				do_access(wrong, op == 8);
			if (!as_the_oracle_says()) {
				printf("# seed %u, step %d, op %u\n", first, i, op);
				return;
			}
			if (i % 500 == 0)
				TP_CHECK(m);
		}
		T_EQ(dma_debug_count(m, DMA_NR_REPORTS) > 0, wrong);
		for (unsigned int i = 0; i < DEVICES; i++)
			dma_debug_device_gone(&dev[i]);
		end();
		seed = first;
	}
}

static void random_right(void)
{
	random_use(false);
}

static void random_wrong(void)
{
	random_use(true);
}

const struct t_case t_cases[] = {T(right_use),
				 T(neighbours),
				 T(double_unmap),
				 T(different_unmap),
				 T(memory_stays),
				 T(best_fit),
				 T(syncs),
				 T(to_the_byte),
				 T(too_many_parts),
				 T(overlaps),
				 T(overlaps_of_many),
				 T(bad_memory),
				 T(device_too_early),
				 T(device_too_late),
				 T(cpu_too_early),
				 T(lost),
				 T(leaks),
				 T(runs_out),
				 T(told_once),
				 T(files),
				 T(off),
				 T(no_memory),
				 T(random_right),
				 T(random_wrong),
				 T_END};
