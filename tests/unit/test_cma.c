/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* <freehold/cma.h>: windows where Linux would find them, release, refusals, and every bad argument. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <freehold/cma.h>
#include <freehold/object.h>
#include <freehold/page.h>
#include "mm/machine.h"
#include "t.h"
#include "testplat.h"

#define MIB (UINT64_C(1) << 20)

static struct testplat tp;
static struct fh_machine *m;
static struct cma *cma;
static pfn_t base;

static bool start(enum cma_policy policy)
{
	m = testplat_start(&tp, 32, 16, policy, 1);
	cma = m ? cma_find(m, "area") : NULL;
	base = cma ? fh_phys_to_pfn(cma_get_base(cma)) : 0;
	return cma;
}

/* A machine whose area begins `at` MiB into RAM, with a bit for 2^order_per_bit frames. */
static bool start_at(uint64_t at, uint64_t size, unsigned int order_per_bit)
{
	struct boot_config *cfg = testplat_config(32, 0, CMA_POLICY_MOVABLE, 1, TP_ONE_ZONE);

	cfg->region[0] = (struct boot_region){.name = "area",
					      .base = TP_BASE + at * MIB,
					      .size = size * MIB,
					      .order_per_bit = order_per_bit,
					      .kind = BOOT_REGION_CMA};
	cfg->nr_regions = 1;
	testplat_init(&tp);
	testplat_cpu(0);
	m = testplat_machine_of(&tp, cfg);
	cma = m ? cma_find(m, "area") : NULL;
	base = cma ? fh_phys_to_pfn(cma_get_base(cma)) : 0;
	return cma;
}

static uint64_t alloc(unsigned long count, unsigned int align)
{
	pfn_t pfn;

	return cma_alloc(cma, count, align, CMA_NO_WARN, &pfn) ? UINT64_MAX : pfn - base;
}

static void release_all(void)
{
	for (pfn_t p = base; p < base + cma->count; p += UINT64_C(1) << cma->order_per_bit)
		cma_release(cma, p, 1);
}

static void bad_arguments(void)
{
	pfn_t pfn = 5;

	T_NEED(start(CMA_POLICY_GUARANTEED));
	T_EQ(cma_alloc(NULL, 1, 0, 0, &pfn), -FH_EINVAL);
	T_EQ(cma_alloc(cma, 0, 0, 0, &pfn), -FH_EINVAL);
	T_EQ(cma_alloc(cma, 1, 21, 0, &pfn), -FH_EINVAL);
	T_EQ(cma_alloc(cma, 1, UINT_MAX, 0, &pfn), -FH_EINVAL);
	T_EQ(cma_alloc(cma, 1, 0, 0, NULL), -FH_EINVAL);
	T_EQ(cma_alloc(cma, 4097, 0, CMA_NO_WARN, &pfn), -FH_ENOMEM);
	T_EQ(cma_alloc(cma, ULONG_MAX, 0, CMA_NO_WARN, &pfn), -FH_ENOMEM);
	T_EQ(cma_alloc(cma, ULONG_MAX - 510, 9, CMA_NO_WARN, &pfn), -FH_ENOMEM);
	T_EQ(pfn, 5);
	T_OK(!cma_release(NULL, base, 1), "no area");
	T_OK(!cma_release(cma, base, 0), "nothing");
	T_OK(!cma_release(cma, base, 1), "not allocated");
	T_OK(!cma_release(cma, base - 1, 1), "below");
	T_OK(!cma_release(cma, base + 4096, 1), "above");
	T_OK(!cma_release(cma, base, 4097), "too long");
	T_OK(!cma_release(cma, base, ULONG_MAX), "wraps");
	T_OK(!cma_release(cma, base + 1, ULONG_MAX), "wraps");
	T_OK(!cma_release(cma, 0, 1), "not there");
	T_OK(!cma_release(cma, UINT64_MAX, 1), "not there");
	TP_CHECK(m);
	testplat_end(&tp, m);
}

static void released_once(void)
{
	pfn_t a, b;

	T_NEED(start(CMA_POLICY_GUARANTEED));
	T_EQ(cma_alloc(cma, 100, 0, 0, &a), 0);
	T_EQ(cma_alloc(cma, 100, 0, 0, &b), 0);
	T_OK(!cma_release(cma, a, 100 + 101), "reaches past what is allocated");
	T_OK(cma_release(cma, a + 10, 50), "a part");
	T_OK(!cma_release(cma, a, 100), "a part of it is gone");
	T_OK(!cma_release(cma, a + 59, 2), "half gone");
	TP_CHECK(m);
	T_OK(cma_release(cma, a, 10) && cma_release(cma, a + 60, 40), "the rest");
	T_OK(cma_release(cma, b, 100), "");
	T_OK(!cma_release(cma, b, 100), "twice");
	TP_CHECK(m);
	testplat_end(&tp, m);
}

/*
 * Linux, by hand: bitmap_find_next_zero_area_off(map, 4096, 0, count, (1 << align) - 1, offset 0),
 * the lowest aligned clear run. The base is a multiple of every alignment here.
 *
 *	count align	free before (pages)	first
 *	    7     0	all			0
 *	   38     0	7..			7
 *	    1     3	45..			48
 *	    3     0	45,46,47 49..		45	exactly fits below 48
 *	   64     6	49..			64
 *	   15     0	49..63 128..		49	exactly fits below 64
 *	  300     8	128..			256
 *	  128     7	128..255 556..		128	exactly fits below 256
 *	    1     9	556..			1024	512 is taken: 256 + 300 = 556
 *	  600     0	556..1023 1025..	1025	468 are free below 1024
 */
static void windows_as_linux(void)
{
	static const struct {
		unsigned long count;
		unsigned int align;
		uint64_t first;
	} rows[] = {
		{7, 0, 0},   {38, 0, 7},    {1, 3, 48},	   {3, 0, 45},	 {64, 6, 64},
		{15, 0, 49}, {300, 8, 256}, {128, 7, 128}, {1, 9, 1024}, {600, 0, 1025},
	};

	T_NEED(start(CMA_POLICY_MOVABLE));
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		T_EQ(alloc(rows[i].count, rows[i].align), rows[i].first);
	/* A hole that opens is used first again. */
	T_OK(cma_release(cma, base + 7, 38), "");
	T_EQ(alloc(39, 0), 556);
	T_EQ(alloc(38, 0), 7);
	T_EQ(alloc(1, 0), 595);
	TP_CHECK(m);
	release_all();
	testplat_end(&tp, m);
}

/*
 * A base that is not a multiple of the alignment: the frame must be, not the offset.
 * RAM at 0x40000; the area at 2 MiB: base 0x40200. Order 10: the first such frame is
 * 0x40400, offset 512; with the first taken, 0x40800, offset 1536.
 */
static void alignment_counts_from_frame_0(void)
{
	T_NEED(start_at(2, 8, 0));
	T_EQ(alloc(1, 10), 512);
	T_EQ(alloc(1, 10), 1536);
	T_EQ(alloc(1, 10), UINT64_MAX);
	T_EQ(alloc(1, 20), UINT64_MAX);
	T_EQ(alloc(512, 9), 0);
	T_EQ(alloc(512, 9), 1024);
	T_EQ(alloc(1, 8), 768);
	release_all();
	testplat_end(&tp, m);
}

/*
 * A bit stands for 4 frames: sizes are rounded up to it, alignments below it are free.
 *	5 frames: bits 0-1; 1 frame, align 0: bit 2 = 8; align 4 (16 frames = 4 bits): bit 4 = 16
 */
static void units(void)
{
	T_NEED(start_at(16, 8, 2));
	T_EQ(alloc(5, 0), 0);
	T_EQ(alloc(1, 0), 8);
	T_EQ(alloc(1, 4), 16);
	T_EQ(alloc(4, 1), 12);
	T_EQ(alloc(1, 0), 20);
	T_EQ(cma->available_count, 2048 - 24);
	T_OK(!cma_release(cma, base + 1, 4), "not at a bit");
	T_OK(!cma_release(cma, base + 2, 1), "not at a bit");
	T_OK(cma_release(cma, base, 5), "rounded up as it was");
	T_EQ(cma->available_count, 2048 - 16);
	T_EQ(alloc(8, 0), 0);
	T_OK(cma_release(cma, base, 4) && cma_release(cma, base + 4, 4), "in parts");
	TP_CHECK(m);
	release_all();
	testplat_end(&tp, m);
}

static void the_whole_area(void)
{
	T_NEED(start(CMA_POLICY_GUARANTEED));
	T_EQ(alloc(4096, 9), 0);
	T_EQ(alloc(1, 0), UINT64_MAX);
	TP_CHECK(m);
	T_OK(cma_release(cma, base, 4096), "");
	/* Single frames: from the upper end, each block from its lowest frame. */
	for (uint64_t i = 0; i < 4096; i++)
		if (!T_EQ(alloc(1, 0), (7 - i / 512) * 512 + i % 512))
			break;
	T_EQ(alloc(1, 0), UINT64_MAX);
	TP_CHECK(m);
	release_all();
	testplat_end(&tp, m);
}

/* A buffer is the device's: nothing of it is lent, whatever memory is short. */
static void buffers_are_not_lent(void)
{
	struct fh_object *o;
	uint64_t n = 0;
	pfn_t pfn;

	T_NEED(start(CMA_POLICY_GUARANTEED));
	T_EQ(alloc(3000, 0), 0);
	for (pfn_t p = base; p < base + 3000; p++)
		*(uint64_t *)fh_page_address(m, p) = p;
	T_EQ(fh_object_create(m, 8192, NULL, NULL, &o), 0);
	while (n < 8192 && !fh_object_write(o, n, 0, &n, 8)) {
		T_EQ(fh_object_where(o, n, &pfn), 0);
		if (!T_OK(pfn < base || pfn >= base + 3000, "not in the buffer"))
			break;
		n++;
	}
	for (pfn_t p = base; p < base + 3000; p++)
		if (!T_EQ(*(uint64_t *)fh_page_address(m, p), p))
			break;
	fh_object_destroy(o);
	T_OK(cma_release(cma, base, 3000), "");
	testplat_end(&tp, m);
}

/* `movable`: a window with a pinned page is tried, and then the next, Linux's step further. */
static void next_window_when_busy(void)
{
	struct cma_stats st;
	struct fh_object *o;
	uint64_t n = 0;
	pfn_t pfn = 0;

	T_NEED(start(CMA_POLICY_MOVABLE));
	T_EQ(fh_object_create(m, 4096, NULL, NULL, &o), 0);
	while (n < 4096 && (pfn < base || pfn >= base + 512) && !fh_object_pin(o, n, &pfn)) {
		if (pfn < base || pfn >= base + 512)
			T_EQ(fh_object_unpin(o, n), 0);
		n++;
	}
	T_NEED(pfn >= base && pfn < base + 512);
	T_EQ(alloc(512, 9), 512);
	/* Every start up to the pinned page would cover it. */
	T_EQ(alloc(pfn - base + 1, 0), pfn - base < 255 ? pfn - base + 1 : 1024);
	cma_get_stats(cma, &st);
	T_EQ(st.nr_allocs, 2);
	T_EQ(st.nr_fails, 0);
	T_EQ(fh_object_unpin(o, n - 1), 0);
	release_all();
	fh_object_destroy(o);
	testplat_end(&tp, m);
}

static void stats(void)
{
	struct cma_failure f;
	struct cma_stats st;

	T_NEED(start(CMA_POLICY_MOVABLE));
	cma_last_failure(cma, &f);
	T_EQ(f.error, 0);
	T_EQ(alloc(100, 0), 0);
	T_EQ(alloc(200, 0), 100);
	T_EQ(alloc(5000, 0), UINT64_MAX);
	T_EQ(alloc(4000, 0), UINT64_MAX);
	T_OK(cma_release(cma, base, 100), "");
	cma_get_stats(cma, &st);
	T_EQ(st.nr_allocs, 2);
	T_EQ(st.nr_fails, 2);
	T_EQ(st.nr_pages_succeeded, 300);
	T_EQ(st.nr_pages_failed, 9000);
	T_EQ(st.nr_pages_released, 100);
	T_EQ(st.used, 200);
	T_EQ(st.used_max, 300);
	T_EQ(st.lent, 0);
	cma_last_failure(cma, &f);
	T_EQ(f.error, -FH_ENOMEM);
	T_EQ(f.request.count, 4000);
	T_EQ(f.window.end - f.window.start, 0);
	T_EQ(f.pfn, 0);
	T_OK(f.why && strstr(f.why, "window"), "why");
	release_all();
	testplat_end(&tp, m);
}

/* The message of a refusal, and none when it is not wanted. */
static void warns(void)
{
	char *log = calloc(1, DMESG_SIZE + 1);
	uint64_t len;
	pfn_t pfn;

	T_NEED(log && start(CMA_POLICY_MOVABLE));
	len = m->dmesg.len;
	T_EQ(cma_alloc(cma, 5000, 0, CMA_NO_WARN, &pfn), -FH_ENOMEM);
	T_EQ(m->dmesg.len, len);
	T_EQ(alloc(10, 0), 0);
	T_EQ(cma_alloc(cma, 5000, 0, 0, &pfn), -FH_ENOMEM);
	memcpy(log, m->dmesg.buf, m->dmesg.len);
	T_OK(strstr(log, "cma: cma_alloc: area: alloc failed, req-size: 5000 pages, ret: -12"),
	     log);
	T_OK(strstr(log, "4086@10=> 4086 free of 4096 total pages"), log);
	release_all();
	testplat_end(&tp, m);
	free(log);
}

/*
 * Every policy in turn: all of memory used up by clean cache, then by anonymous memory: does it
 * lend, and can the area be had?
 */
static int ops_read(void *priv, uint64_t index, void *page)
{
	(void)priv, (void)index;
	memset(page, 0, FH_PAGE_SIZE);
	return 0;
}

static const struct fh_object_ops ops = {ops_read, NULL};

static void policies(void)
{
	struct cma_stats st;
	struct fh_object *o;
	unsigned char b;

	for (enum cma_policy p = CMA_POLICY_CARVEOUT; p < CMA_NR_POLICIES; p++) {
		T_NEED(start(p));
		T_EQ(cma_get_policy(cma), p);
		T_EQ(fh_object_create(m, 8192, &ops, NULL, &o), 0);
		for (uint64_t i = 0; i < 8192; i++)
			if (fh_object_read(o, i, 0, &b, 1))
				break;
		cma_get_stats(cma, &st);
		T_OK(p == CMA_POLICY_CARVEOUT ? !st.lent : st.lent > 3500, cma_policy_name(p));
		T_EQ(alloc(4096, 0), 0);
		cma_get_stats(cma, &st);
		T_EQ(st.lent, 0);
		T_OK(p == CMA_POLICY_CARVEOUT ? !st.pages_dropped : st.pages_dropped > 3000,
		     cma_policy_name(p));
		T_OK(cma_release(cma, base, 4096), "");
		fh_object_destroy(o);
		testplat_end(&tp, m);
	}
}

/* ---- the same requests as a real kernel was asked ---- */

#define CAPTURE "../shared/captures/trace/trace_cma_parallel_pressure.txt.gz"

struct event {
	char who[64];
	unsigned long pfn, count;
	unsigned int align;
	bool start, finish;
};

static bool parse(const char *line, struct event *e)
{
	const char *at = strstr(line, "cma_alloc_");

	*e = (struct event){.who = ""};
	if (!at || sscanf(line, " %63s", e->who) != 1)
		return false;
	e->start = sscanf(at, "cma_alloc_start: name=reserved count=%lu align=%u", &e->count,
			  &e->align) == 2;
	e->finish = sscanf(at, "cma_alloc_finish: name=reserved pfn=0x%lx", &e->pfn) == 1;
	return e->start || e->finish;
}

/*
 * 64 calls of four threads, none released. Windows are marked in the order of the starts, so each
 * call's window is where a replay in that order finds it; the finish of the same thread tells
 * Linux's.
 */
static void as_the_capture(void)
{
	struct event e, open[8];
	unsigned int nr_open = 0, n = 0;
	pfn_t mine[8], first = 0;
	char line[512];
	FILE *f;

	if (access(CAPTURE, R_OK))
		T_SKIP("no capture of a real kernel here");
	f = popen("zcat " CAPTURE " 2>/dev/null", "r");
	T_NEED(f);
	m = testplat_start(&tp, 512, 256, CMA_POLICY_MOVABLE, 1);
	T_NEED(m);
	cma = cma_find(m, "area");
	base = fh_phys_to_pfn(cma_get_base(cma));
	while (fgets(line, sizeof(line), f)) {
		unsigned int i = 0;

		if (!parse(line, &e))
			continue;
		while (i < nr_open && strcmp(open[i].who, e.who))
			i++;
		if (e.start && i == nr_open && nr_open < 8) {
			open[nr_open] = e;
			T_EQ(cma_alloc(cma, e.count, e.align, 0, &mine[nr_open++]), 0);
		} else if (e.finish && T_OK(i < nr_open, "a finish has a start")) {
			first = first ? first : e.pfn; /* the first to finish began at the base */
			T_EQ(mine[i] - base, e.pfn - first);
			open[i] = open[--nr_open];
			mine[i] = mine[nr_open];
			n++;
		}
	}
	pclose(f);
	T_EQ(n, 64);
	TP_CHECK(m);
	release_all();
	testplat_end(&tp, m);
}

const struct t_case t_cases[] = {T(bad_arguments),
				 T(released_once),
				 T(windows_as_linux),
				 T(alignment_counts_from_frame_0),
				 T(units),
				 T(the_whole_area),
				 T(buffers_are_not_lent),
				 T(next_window_when_busy),
				 T(stats),
				 T(warns),
				 T(policies),
				 T(as_the_capture),
				 T_END};
