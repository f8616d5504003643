/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What DMA debugging says: each fault trips its report and no other, the histories tell what was; the log and the files. */
#include <stdio.h>
#include <string.h>
#include <freehold/dma_debug.h>
#include <freehold/page.h>
#include "dma/debug.h"
#include "dma_hooks.h"
#include "mm/machine.h"
#include "t.h"
#include "testplat.h"

#define KIB UINT64_C(1024)

/* ---- unmap ---- */

static void double_unmap(void)
{
	const struct dma_history *h;

	T_NEED(hooks_start());
	hooks_map(&hooks.cam, 4096, 4096, DMA_FROM_DEVICE);
	hooks_for_cpu(&hooks.cam, 4096, 4096, DMA_FROM_DEVICE);
	T_OK(hooks_unmap(&hooks.cam, 4096, 4096, DMA_FROM_DEVICE), "once");
	hooks_map(&hooks.cam, 0, 16 * KIB, DMA_TO_DEVICE); /* what is there by now */
	T_OK(!hooks_unmap(&hooks.cam, 4096, 4096, DMA_FROM_DEVICE), "not twice");
	hooks_only(DMA_REPORT_UNMAP_UNKNOWN, 1);
	h = &hooks_last()->mapping;
	T_STR(h->device, "camera");
	T_EQ(h->handle.v, hooks.base + 4096);
	T_EQ(h->type, DMA_DEBUG_SINGLE);
	T_EQ(h->dir, DMA_FROM_DEVICE);
	T_OK(h->site == SITE_MAP && hooks_last()->site == SITE_UNMAP,
	     "who mapped it, who unmaps it");
	T_EQ(h->nr_events, 2);
	T_EQ(h->event[0].kind, DMA_EVENT_SYNC_FOR_CPU);
	T_OK(h->event[1].kind == DMA_EVENT_UNMAP && h->event[1].site == SITE_UNMAP,
	     "who did first");
	T_OK(h->event[1].time_ns >= h->event[0].time_ns && h->event[0].time_ns >= h->time_ns, "");
	T_EQ(hooks_last()->other.size, 16 * KIB);
	T_OK(hooks_says(
		     "DMA-API: camera: device driver tries to free DMA memory it has not allocated "
		     "[device address=0x"),
	     "as Linux says it");
	T_OK(hooks_says("called by 0x3000\n"), "who did it");
	T_OK(hooks_says("mapped for camera as single DMA_FROM_DEVICE"), "what it was");
	T_OK(hooks_says("by start_capture camera.c:57\n"), "sites have names");
	T_OK(hooks_says(" unmapped [offset=0] [size=4096 bytes] [times=1] by 0x3000\n"),
	     "when it went");
	T_OK(hooks_says("mapped for camera as single DMA_TO_DEVICE"), "what is there now");

	T_OK(!hooks_unmap(&hooks.cam, 2 * 1024 * KIB, 4096, DMA_FROM_DEVICE), "never was");
	T_STR(hooks_last()->mapping.device, "");
	T_OK(!hooks_unmap(&hooks.cam, 8192, 8192, DMA_TO_DEVICE), "in the middle");
	T_OK(!hooks_unmap(&hooks.lcd, 0, 16 * KIB, DMA_TO_DEVICE), "another's");
	T_STR(hooks_last()->other.device, "");
	hooks_only(DMA_REPORT_UNMAP_UNKNOWN, 4);
	T_OK(hooks_unmap(&hooks.cam, 0, 16 * KIB, DMA_TO_DEVICE), "is still there");
	hooks_end();
}

static void different_unmap(void)
{
	T_NEED(hooks_start());
	hooks_map(&hooks.cam, 0, 4096, DMA_FROM_DEVICE);
	T_OK(hooks_unmap(&hooks.cam, 0, 8192, DMA_FROM_DEVICE), "goes on, as Linux does");
	hooks_only(DMA_REPORT_UNMAP_SIZE, 1);
	T_OK(hooks_says("frees DMA memory with different size [device address=0x") &&
		     hooks_says("] [map size=4096 bytes] [unmap size=8192 bytes]\n"),
	     "as Linux says it");
	hooks_end();

	T_NEED(hooks_start());
	hooks_map(&hooks.cam, 0, 4096, DMA_FROM_DEVICE);
	T_OK(debug_dma_unmap(&hooks.cam, DMA_DEBUG_SG, BUS(0), 4096, DMA_FROM_DEVICE, NULL), "");
	hooks_only(DMA_REPORT_UNMAP_FUNCTION, 1);
	T_OK(hooks_says("with wrong function [device address=0x") &&
		     hooks_says(
			     "[size=4096 bytes] [mapped as single] [unmapped as scatter-gather]\n"),
	     "as Linux says it");
	hooks_end();

	T_NEED(hooks_start());
	hooks_map(&hooks.cam, 0, 4096, DMA_FROM_DEVICE);
	T_OK(hooks_unmap(&hooks.cam, 0, 4096, DMA_TO_DEVICE), "");
	hooks_only(DMA_REPORT_UNMAP_DIRECTION, 1);
	T_OK(hooks_says("with different direction [device address=0x") &&
		     hooks_says("[mapped with DMA_FROM_DEVICE] [unmapped with DMA_TO_DEVICE]\n"),
	     "as Linux says it");
	hooks_end();
}

/* A free that cannot be is not done, and can be done right. */
static void memory_stays(void)
{
	T_NEED(hooks_start());
	debug_dma_map(&hooks.cam, DMA_DEBUG_COHERENT, (phys_t){0}, 8192, DMA_BIDIRECTIONAL, 0,
		      BUS(0), SITE_MAP);
	T_OK(!debug_dma_unmap(&hooks.cam, DMA_DEBUG_COHERENT, BUS(0), 4096, DMA_BIDIRECTIONAL,
			      NULL),
	     "");
	hooks_only(DMA_REPORT_UNMAP_SIZE, 1);
	T_OK(debug_dma_unmap(&hooks.cam, DMA_DEBUG_COHERENT, BUS(0), 8192, DMA_BIDIRECTIONAL, NULL),
	     "");
	hooks_only(DMA_REPORT_UNMAP_SIZE, 1);
	hooks_map(&hooks.cam, 0, 4096, DMA_BIDIRECTIONAL);
	T_OK(!debug_dma_unmap(&hooks.cam, DMA_DEBUG_PAGES, BUS(0), 4096, DMA_BIDIRECTIONAL, NULL),
	     "");
	T_EQ(dma_debug_count(hooks.m, DMA_REPORT_UNMAP_FUNCTION), 1);
	T_OK(hooks_unmap(&hooks.cam, 0, 4096, DMA_BIDIRECTIONAL), "");
	T_EQ(dma_debug_count(hooks.m, DMA_NR_REPORTS), 2);
	hooks_end();
}

/* ---- map ---- */

static void bad_memory(void)
{
	char local[64];
	pfn_t pfn;

	T_NEED(hooks_start());
	debug_dma_refused(&hooks.cam, local, (phys_t){0}, sizeof(local), "not RAM", SITE_MAP);
	hooks_only(DMA_REPORT_STACK, 1);
	T_OK(hooks_says("DMA-API: camera: device driver maps memory from stack [addr=0x"),
	     "as Linux");
	hooks_end();

	T_NEED(hooks_start());
	debug_dma_refused(&hooks.cam, NULL, (phys_t){4096}, 64, "not RAM", SITE_MAP);
	T_OK(hooks_says("maps memory that is not RAM [phys=0x"), "");
	debug_dma_refused(&hooks.cam, hooks.report, (phys_t){UINT64_MAX - 99}, 64, "not RAM",
			  SITE_MAP);
	debug_dma_refused(&hooks.lcd, NULL, PHYS(0), 64, "not RAM", SITE_MAP);
	T_OK(hooks_says("DMA-API: lcd: device driver maps RAM as a resource [phys=0x"), "");
	hooks_only(DMA_REPORT_WRONG_MEMORY, 3);
	hooks_end();

	T_NEED(hooks_start());
	T_EQ(fh_alloc_pages(hooks.m, GFP_KERNEL, 9, &pfn), 0);
	debug_dma_map(&hooks.cam, DMA_DEBUG_SINGLE, fh_pfn_to_phys(pfn), 2048 * KIB, DMA_TO_DEVICE,
		      0, (dma_t){0}, SITE_MAP);
	T_OK(debug_dma_unmap(&hooks.cam, DMA_DEBUG_SINGLE, (dma_t){0}, 2048 * KIB, DMA_TO_DEVICE,
			     NULL),
	     "");
	hooks_only(NONE, 0);
	T_EQ(fh_free_pages(hooks.m, pfn + 511, 0), 0);
	fh_cpu_quiesce(hooks.m);
	debug_dma_map(&hooks.cam, DMA_DEBUG_SINGLE, fh_pfn_to_phys(pfn), 2048 * KIB, DMA_TO_DEVICE,
		      0, (dma_t){0}, SITE_MAP);
	debug_dma_refused(&hooks.lcd, NULL, fh_pfn_to_phys(pfn + 511), 1, NULL, SITE_MAP);
	hooks_only(DMA_REPORT_FREE_MEMORY, 2);
	T_OK(hooks_says("DMA-API: camera: device driver maps memory that is free [phys=0x"), "");
	for (unsigned int o = 0; o < 9; o++)
		T_EQ(fh_free_pages(hooks.m, pfn + 512 - (2u << o), o), 0);
	dma_debug_device_gone(&hooks.cam);
	hooks_end();
}

/* ---- the device goes ---- */

static void leaks(void)
{
	struct dma_debug_state s;

	T_NEED(hooks_start());
	hooks_map(&hooks.cam, 0, 4096, DMA_FROM_DEVICE);
	hooks_map(&hooks.cam, 4096, 64 * KIB, DMA_FROM_DEVICE);
	hooks_map(&hooks.lcd, 128 * KIB, 4096, DMA_TO_DEVICE);
	hooks_for_cpu(&hooks.cam, 4096, 64, DMA_FROM_DEVICE);
	dma_debug_device_gone(&hooks.cam);
	hooks_only(DMA_REPORT_LEAK, 1);
	T_OK(hooks_says("DMA-API: camera: device driver has pending DMA allocations while released "
			"from "
			"device [count=2]\n"),
	     "as Linux says it");
	T_OK(hooks_says(" mapped for camera as single DMA_FROM_DEVICE [device address=0x"),
	     "one of them");
	dma_debug_device_gone(&hooks.cam);
	hooks_only(DMA_REPORT_LEAK, 1);
	dma_debug_state(hooks.m, &s);
	T_EQ(s.nr_free, s.nr_entries - 1);
	T_OK(hooks_unmap(&hooks.lcd, 128 * KIB, 4096, DMA_TO_DEVICE), "others' stay");
	/* Another device in the same place has no past. */
	debug_dma_device_access(&hooks.cam, BUS(0), 4, true);
	T_STR(hooks_last()->mapping.device, "");
	dma_debug_device_gone(NULL);
	hooks_end();
}

/* ---- log, files ---- */

static unsigned int lines(const char *with)
{
	unsigned int n = 0;

	for (const char *p = hooks.m->dmesg.buf; (p = strstr(p, with)); p++)
		n++;
	return n;
}

static void told_once(void)
{
	T_NEED(hooks_start());
	for (unsigned int i = 0; i < 40; i++) {
		hooks_unmap(i & 1 ? &hooks.lcd : &hooks.cam, i * 4096, 4096, DMA_TO_DEVICE);
		hooks_for_cpu(&hooks.cam, 0, 64, DMA_TO_DEVICE);
	}
	T_EQ(lines("tries to free"), 2);
	T_EQ(lines("tries to sync"), 1);
	T_EQ(dma_debug_count(hooks.m, DMA_NR_REPORTS), 80);
	T_EQ(dma_debug_count(hooks.m, (enum dma_report_kind)(DMA_NR_REPORTS + 1)), 0);
	memset(hooks.report, 0, sizeof(hooks.report));
	T_EQ(dma_debug_reports(hooks.m, hooks.report, 3), DMA_MAX_REPORTS);
	T_EQ(hooks.report[0].kind, DMA_REPORT_SYNC_UNKNOWN);
	T_EQ(hooks.report[1].handle.v, hooks.base + 39 * 4096);
	T_STR(hooks.report[3].device, "");
	dma_debug_set_all_errors(hooks.m, true);
	hooks_unmap(&hooks.cam, 0, 1, DMA_TO_DEVICE);
	T_EQ(lines("tries to free"), 3);
	dma_debug_set_filter(hooks.m, "lcd");
	hooks_unmap(&hooks.cam, 0, 2, DMA_TO_DEVICE);
	T_EQ(lines("tries to free"), 3);
	T_EQ(hooks_last()->size, 1);
	hooks_unmap(&hooks.lcd, 0, 3, DMA_TO_DEVICE);
	T_EQ(lines("tries to free"), 4);
	T_EQ(dma_debug_count(hooks.m, DMA_NR_REPORTS), 83);
	hooks_end();
}

static const char *read_file(const char *name)
{
	static char text[1024];
	char path[128];
	size_t len;

	snprintf(path, sizeof(path), "sys/kernel/debug/dma-api/%s", name);
	T_EQ(fh_view_read(hooks.m, path, text, sizeof(text), &len), 0);
	return text;
}

static void files(void)
{
	unsigned int idx;
	char want[256], *at;

	T_NEED(hooks_start());
	T_OK(hooks_says("DMA-API: preallocated 256 debug entries\n"), "as Linux says it");
	T_STR(read_file("dump"), "");
	debug_dma_map(&hooks.cam, DMA_DEBUG_SG, PHYS(4096), 100, DMA_FROM_DEVICE, 0,
		      (dma_t){0xabc000}, SITE_MAP);
	at = strstr(read_file("dump"), "idx ");
	T_NEED(at && sscanf(at, "idx %u", &idx) == 1);
	snprintf(want, sizeof(want),
		 "platform camera scatter-gather idx %u P=%llx N=%llx D=abc000 L=64 cln=0x%016llx "
		 "DMA_FROM_DEVICE dma map error check not applicable\n",
		 idx, (unsigned long long)hooks.base + 4096,
		 (unsigned long long)(hooks.base >> 12) + 1,
		 (unsigned long long)(hooks.base + 4096) >> 6);
	T_STR(read_file("dump"), want);
	T_STR(read_file("nr_total_entries"), "256\n");
	T_STR(read_file("num_free_entries"), "255\n");
	T_OK(debug_dma_unmap(&hooks.cam, DMA_DEBUG_SG, (dma_t){0xabc000}, 100, DMA_FROM_DEVICE,
			     NULL),
	     "");
	T_STR(read_file("num_free_entries"), "256\n");
	T_STR(read_file("min_free_entries"), "255\n");
	T_STR(read_file("error_count"), "0\n");
	hooks_unmap(&hooks.cam, 0, 1, DMA_TO_DEVICE);
	T_STR(read_file("error_count"), "1\n");
	T_STR(read_file("num_errors"), "1\n");
	T_STR(read_file("all_errors"), "0\n");
	dma_debug_set_all_errors(hooks.m, true);
	T_STR(read_file("all_errors"), "1\n");
	T_STR(read_file("driver_filter"), "");
	dma_debug_set_filter(hooks.m, "lcd");
	T_STR(read_file("driver_filter"), "lcd\n");
	dma_debug_set_filter(hooks.m, NULL);
	T_STR(read_file("driver_filter"), "");
	T_STR(read_file("disabled"), "N\n");
	hooks_end();
}

/* Off: nothing happens, and files say so. */
static void off(void)
{
	hooks.m = testplat_start(&hooks.tp, 64, 0, CMA_POLICY_GUARANTEED, 1);
	T_NEED(hooks.m);
	hooks.cam = (struct device){.machine = hooks.m, .name = "camera"};
	dma_debug_device_gone(&hooks.cam);
	dma_debug_cpu_access(hooks.m, fh_page_address(hooks.m, TP_BASE >> 12), 8, true);
	dma_debug_set_filter(hooks.m, "x");
	dma_debug_set_all_errors(hooks.m, true);
	debug_dma_map(&hooks.cam, DMA_DEBUG_SINGLE, (phys_t){TP_BASE}, 8, DMA_TO_DEVICE, 0,
		      (dma_t){0}, NULL);
	T_OK(debug_dma_unmap(&hooks.cam, DMA_DEBUG_SINGLE, (dma_t){0}, 8, DMA_TO_DEVICE, NULL), "");
	T_EQ(dma_debug_reports(hooks.m, hooks.report, 1), 0);
	T_EQ(dma_debug_count(hooks.m, DMA_NR_REPORTS), 0);
	T_STR(read_file("disabled"), "Y\n");
	T_STR(read_file("nr_total_entries"), "0\n");
	T_STR(read_file("dump"), "");
	T_STR(read_file("all_errors"), "0\n");
	testplat_end(&hooks.tp, hooks.m);
}

const struct t_case t_cases[] = {
	T(double_unmap), T(different_unmap), T(memory_stays), T(bad_memory), T(leaks),
	T(told_once),	 T(files),	     T(off),	      T_END};
