/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The file tree's figures of areas: numbers, bitmaps, policies, refusals. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <freehold/cma.h>
#include "mm/machine.h"
#include "t.h"
#include "shown.h"

static struct shown sh;

static void areas(void)
{
	const char *dir = "sys/kernel/debug/cma/area";
	struct cma *cma;
	pfn_t a, b, base;
	char want[4096];

	shown_make(&sh, 16, CMA_POLICY_MOVABLE);
	T_NEED((cma = cma_find(sh.m, "area")));
	base = fh_phys_to_pfn(cma_get_base(cma));
	T_EQ(shown_value(&sh, "sys/kernel/debug/cma/area/base_pfn"), base);
	T_EQ(shown_value(&sh, "sys/kernel/debug/cma/area/ranges/0/base_pfn"), base);
	T_EQ(shown_value(&sh, "sys/kernel/debug/cma/area/count"), 4096);
	T_EQ(shown_value(&sh, "sys/kernel/debug/cma/area/order_per_bit"), 0);
	T_EQ(shown_value(&sh, "sys/kernel/debug/cma/area/maxchunk"), 4096);
	T_EQ(cma_alloc(cma, 33, 0, 0, &a), 0);
	T_EQ(cma_alloc(cma, 512, 9, 0, &b), 0);
	T_EQ(a, base);
	T_EQ(b, base + 512);
	T_STR(shown(&sh, "sys/kernel/debug/cma/area/failures"), "kept 0\n");
	T_EQ(cma_alloc(cma, 4000, 0, CMA_NO_WARN, &b), -FH_ENOMEM);
	T_OK(strstr(shown(&sh, "sys/kernel/debug/cma/area/failures"), "kept 1\ntime="), "a line");
	T_OK(strstr(shown(&sh, "sys/kernel/debug/cma/area/failures"),
		    " error=-12 count=4000 align=0 window=0-0 pfn=0 owner=none:0 pins=0 pinner=- "
		    "since=0 why=no window of that size is free\n"),
	     shown(&sh, "sys/kernel/debug/cma/area/failures"));
	T_EQ(shown_value(&sh, "sys/kernel/debug/cma/area/used"), 545);
	T_EQ(shown_value(&sh, "sys/kernel/debug/cma/area/maxchunk"), 4096 - 1024);
	T_EQ(shown_value(&sh, "sys/kernel/mm/cma/area/total_pages"), 4096);
	T_EQ(shown_value(&sh, "sys/kernel/mm/cma/area/available_pages"), 4096 - 545);
	T_EQ(shown_value(&sh, "sys/kernel/mm/cma/area/alloc_pages_success"), 545);
	T_EQ(shown_value(&sh, "sys/kernel/mm/cma/area/alloc_pages_fail"), 4000);
	T_EQ(shown_value(&sh, "sys/kernel/mm/cma/area/release_pages_success"), 0);
	/* 128 words: 33 bits, to 512 none, 512 bits, none. */
	strcpy(want, "4294967295 1");
	for (unsigned int i = 2; i < 128; i++)
		strcat(want, i >= 16 && i < 32 ? " 4294967295" : " 0");
	strcat(want, "\n");
	T_STR(shown(&sh, "sys/kernel/debug/cma/area/bitmap"), want);
	T_STR(shown(&sh, "sys/kernel/debug/cma/area/ranges/0/bitmap"), want);
	T_OK(cma_release(cma, a, 33), dir);
	T_EQ(shown_value(&sh, "sys/kernel/mm/cma/area/release_pages_success"), 33);
	T_EQ(shown_number(shown(&sh, "proc/vmstat"), "cma_alloc_success"), 2);
	T_EQ(shown_number(shown(&sh, "proc/vmstat"), "cma_alloc_fail"), 1);
	T_OK(cma_release(cma, base + 512, 512), dir);
	shown_done(&sh);
}

/* A bit for many frames: the bitmap may be less than a word, and is shown in units. */
static void coarse_bitmap(void)
{
	struct boot_config *cfg =
		testplat_config(SHOWN_MIB, 62, CMA_POLICY_MOVABLE, 1, TP_THREE_ZONES);
	struct cma *cma;
	pfn_t pfn;

	cfg->region[0].order_per_bit = 9;
	shown_machine(&sh, cfg);
	T_NEED((cma = cma_find(sh.m, "area")));
	T_EQ(cma_alloc(cma, 1, 0, 0, &pfn), 0);
	T_STR(shown(&sh, "sys/kernel/debug/cma/area/bitmap"), "1\n"); /* 31 bits */
	T_EQ(shown_value(&sh, "sys/kernel/debug/cma/area/used"), 512);
	T_EQ(shown_value(&sh, "sys/kernel/debug/cma/area/maxchunk"), 30 * 512);
	T_OK(cma_release(cma, pfn, 1), "released");
	shown_done(&sh);
}

/* More words than the bitmap is copied in at a time. */
static void long_bitmap(void)
{
	struct cma *cma;
	pfn_t pfn;
	const char *s;
	unsigned int words = 0;

	shown_make(&sh, 122, CMA_POLICY_MOVABLE);
	T_NEED((cma = cma_find(sh.m, "area")));
	T_EQ(cma_alloc(cma, 61 * 512, 0, 0, &pfn), 0);
	T_OK(cma_release(cma, pfn, 61 * 512 - 32), "released");
	for (s = shown(&sh, "sys/kernel/debug/cma/area/bitmap"); *s; s += strcspn(s, " \n") + 1)
		t_eq(strtoll(s, NULL, 10), ++words == 61 * 16 ? UINT32_MAX : 0, __FILE__, __LINE__,
		     "word", "expected");
	T_EQ(words, 61 * 16);
	T_OK(cma_release(cma, pfn + 61 * 512 - 32, 32), "released");
	shown_done(&sh);
}

static void policies(void)
{
	struct cma *cma;
	pfn_t pfn;
	int64_t before;

	shown_make(&sh, 64, CMA_POLICY_GUARANTEED);
	T_NEED((cma = cma_find(sh.m, "area")));
	T_STR(shown(&sh, "sys/kernel/debug/freehold/area/policy"), "guaranteed\n");
	T_STR(shown(&sh, "sys/kernel/debug/freehold/area/last_failure"),
	      "error 0\ncount 0\nwindow_start 0\nwindow_end 0\npfn 0\ntime_ns 0\n"
	      "owner none\nowner_id 0\npins 0\npinner -\nsince_ns 0\nwhy -\n");
	before = shown_number(shown(&sh, "proc/meminfo"), "MemAvailable");
	T_EQ(cma_set_policy(cma, CMA_POLICY_CARVEOUT), 0);
	T_STR(shown(&sh, "sys/kernel/debug/freehold/area/policy"), "carveout\n");
	/* Free, in the map and so in the files; available to nobody who asks for memory. */
	T_EQ(shown_number(shown(&sh, "proc/meminfo"), "CmaFree"), 64 << 10);
	T_EQ(shown_number(shown(&sh, "proc/meminfo"), "MemAvailable"), before - (64 << 10));
	T_EQ(cma_alloc(cma, 64 * 256 + 1, 0, CMA_NO_WARN, &pfn), -FH_ENOMEM);
	T_EQ(shown_number(shown(&sh, "sys/kernel/debug/freehold/area/last_failure"), "error"),
	     -FH_ENOMEM);
	T_EQ(shown_number(sh.text, "count"), 64 * 256 + 1);
	T_EQ(cma_alloc(cma, 100, 0, 0, &pfn), 0);
	T_EQ(shown_number(shown(&sh, "sys/kernel/debug/freehold/area/stats"), "used"), 100);
	T_EQ(shown_number(sh.text, "nr_allocs"), 1);
	T_EQ(shown_number(sh.text, "nr_fails"), 1);
	T_EQ(shown_number(sh.text, "lent"), 0);
	T_EQ(shown_number(shown(&sh, "proc/meminfo"), "CmaFree"), (64 << 10) - 400);
	T_OK(cma_release(cma, pfn, 100), "released");
	T_EQ(shown_number(shown(&sh, "sys/kernel/debug/freehold/area/stats"), "used"), 0);
	T_EQ(shown_number(sh.text, "used_max"), 100);
	shown_done(&sh);
}

const struct t_case t_cases[] = {T(areas), T(coarse_bitmap), T(long_bitmap), T(policies), T_END};
