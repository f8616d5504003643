/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* mm/zone: the class of a request, watermarks, lowmem reserves, and who may take from where. */
#include <freehold/page.h>
#include "mm/machine.h"
#include "mm/policy.h"
#include "mm/zone.h"
#include "t.h"
#include "testplat.h"

static struct testplat tp;

static void class_of_gfp(void)
{
	T_EQ(zone_of_gfp(GFP_KERNEL), ZONE_NORMAL);
	T_EQ(zone_of_gfp(GFP_DMA32), ZONE_DMA32);
	T_EQ(zone_of_gfp(GFP_DMA), ZONE_DMA);
	T_EQ(zone_of_gfp(GFP_DMA | GFP_DMA32), ZONE_DMA);
	T_EQ(zone_of_gfp(__GFP_MOVABLE), ZONE_MOVABLE);
	T_EQ(zone_of_gfp(GFP_HIGHUSER_MOVABLE), ZONE_MOVABLE);
	T_EQ(zone_of_gfp(GFP_HIGHUSER_MOVABLE | GFP_LASTING), ZONE_NORMAL);
	T_EQ(zone_of_gfp(__GFP_MOVABLE | __GFP_DMA32), ZONE_DMA32);
	T_EQ(zone_of_gfp(GFP_KERNEL | __GFP_RECLAIMABLE), ZONE_NORMAL);
}

static void counters(void)
{
	_Atomic(int64_t) c = -5;

	T_EQ(zone_count(&c), 0);
	zone_add(&c, 12);
	T_EQ(zone_count(&c), 7);
}

/*
 * 192 MiB: DMA 64, DMA32 64, Normal 64; managed 49152 pages = 196608 kB.
 * min_free_kbytes = sqrt(196608 * 16) = 1773, 443 pages, a third of which is each zone's min.
 */
static void watermarks(void)
{
	struct fh_machine *m;

	testplat_init(&tp);
	m = testplat_machine_of(&tp,
				testplat_config(192, 0, CMA_POLICY_MOVABLE, 1, TP_THREE_ZONES));
	T_NEED(m);
	for (int i = 0; i < ZONE_MOVABLE; i++) {
		struct zone *z = &m->zone[i];

		T_EQ(z->spanned, 16384);
		T_EQ(z->present, 16384);
		T_EQ(z->managed, 16384);
		T_EQ(z->wmark[WMARK_MIN], 443 / 3);
		T_EQ(z->wmark[WMARK_LOW], 443 / 3 + 443 / 3 / 4);
		T_EQ(z->wmark[WMARK_HIGH], 443 / 3 + 443 / 3 / 2);
	}
	/* A 256th of what lies above, for the classes above. */
	T_EQ(m->zone[ZONE_DMA].lowmem_reserve[ZONE_DMA], 0);
	T_EQ(m->zone[ZONE_DMA].lowmem_reserve[ZONE_DMA32], 64);
	T_EQ(m->zone[ZONE_DMA].lowmem_reserve[ZONE_NORMAL], 128);
	T_EQ(m->zone[ZONE_DMA32].lowmem_reserve[ZONE_NORMAL], 64);
	TP_CHECK(m);
	fh_machine_destroy(m);
	testplat_fini(&tp);
}

/* How many single pages a mask can have, and the lowest free count it leaves in a zone. */
static uint64_t take_all(struct fh_machine *m, gfp_t gfp, int64_t left[MAX_NR_ZONES])
{
	uint64_t n = 0;
	pfn_t pfn;

	while (!fh_alloc_pages(m, gfp, 0, &pfn))
		n++;
	for (int i = 0; i < MAX_NR_ZONES; i++)
		left[i] = zone_count(&m->zone[i].nr_free);
	return n;
}

static void reserves_hold(void)
{
	int64_t left[MAX_NR_ZONES] = {0};
	uint64_t n;
	struct fh_machine *m;

	testplat_init(&tp);
	tp.no_cpu_caches = tp.no_ram = true;
	m = testplat_machine_of(&tp,
				testplat_config(192, 0, CMA_POLICY_MOVABLE, 1, TP_THREE_ZONES));
	T_NEED(m);
	n = take_all(m, GFP_KERNEL, left);
	T_EQ(n, 3 * 16384 - left[0] - left[1] - left[2]);
	T_EQ(left[ZONE_NORMAL], 147);
	T_EQ(left[ZONE_DMA32], 147 + 64);
	T_EQ(left[ZONE_DMA], 147 + 128);
	/* A request that could not have been served above may take what was kept for it. */
	take_all(m, GFP_DMA32, left);
	T_EQ(left[ZONE_NORMAL], 147);
	T_EQ(left[ZONE_DMA32], 147);
	T_EQ(left[ZONE_DMA], 147 + 64);
	take_all(m, GFP_DMA, left);
	T_EQ(left[ZONE_DMA32], 147);
	T_EQ(left[ZONE_DMA], 147);
	take_all(m, GFP_ATOMIC, left);
	T_EQ(left[ZONE_NORMAL], 147 - 147 / 2);
	TP_CHECK(m);
	fh_machine_destroy(m);
	testplat_fini(&tp);
}

const struct t_case t_cases[] = {T(class_of_gfp), T(counters), T(watermarks), T(reserves_hold),
				 T_END};
