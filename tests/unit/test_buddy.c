/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* mm/buddy: smallest sufficient run first, types kept apart, pairs of blocks, the atomic reserve. */
#include <freehold/page.h>
#include "mm/buddy.h"
#include "mm/machine.h"
#include "t.h"
#include "testplat.h"

static struct testplat tp;
static struct fh_machine *m;

static bool start(uint64_t mib)
{
	testplat_init(&tp);
	testplat_cpu(0);
	tp.no_cpu_caches = true;
	m = testplat_machine(&tp, mib, 0, CMA_POLICY_MOVABLE, 1);
	return m;
}

static bool try_take(gfp_t gfp, unsigned int order, unsigned int mark, pfn_t *pfn)
{
	const struct buddy_req r = {ZONE_NORMAL, gfp, order, mark, INDEX_EXACT};

	return buddy_take(m, m->top_zone[ZONE_NORMAL], &r, pfn);
}

static pfn_t take(gfp_t gfp, unsigned int order)
{
	pfn_t pfn = 0;

	T_OK(try_take(gfp, order, NR_WMARK, &pfn), "there is room");
	T_EQ(pfn & ((1u << order) - 1), 0);
	return pfn;
}

static enum migratetype type_at(pfn_t pfn)
{
	return (enum migratetype)block_peek(m, machine_block(m, pfn)).type;
}

static void every_order(void)
{
	T_NEED(start(32));
	for (unsigned int order = 0; order <= FH_MAX_ORDER; order++) {
		pfn_t a = take(GFP_KERNEL, order), b = take(GFP_KERNEL, order);

		T_OK(a + (1u << order) <= b || b + (1u << order) <= a, "disjoint");
		TP_CHECK(m);
		T_OK(buddy_give(m, a, order), "given");
		T_OK(!buddy_give(m, a, order), "twice is found");
		T_OK(buddy_give(m, b, order), "given");
		TP_CHECK(m);
	}
	testplat_end(&tp, m);
}

/*
 * Smallest first. Of one block, by letters of 64 frames:
 *	taken AAAA AAAA, then one run of order 3 is given back: the next order 0 comes out of
 *	it and not out of a whole block.
 */
static void smallest_first(void)
{
	pfn_t run, one;

	T_NEED(start(32));
	run = take(GFP_KERNEL, 9);
	T_OK(buddy_give(m, run + 64, 3), "a part");
	one = take(GFP_KERNEL, 0);
	T_EQ(one, run + 64);
	T_EQ(take(GFP_KERNEL, 2), run + 68);
	for (unsigned int i = 0; i < 64; i += 8)
		T_OK(buddy_give(m, run + i, 3), "a part");
	T_OK(buddy_give(m, one, 0) && buddy_give(m, run + 68, 2), "back");
	for (unsigned int i = 72; i < 512; i += 8)
		T_OK(buddy_give(m, run + i, 3), "a part");
	T_EQ(block_peek(m, machine_block(m, run)).order, 9);
	testplat_end(&tp, m);
}

static void types_keep_apart(void)
{
	pfn_t u, v, w, x;

	T_NEED(start(32));
	u = take(GFP_KERNEL, 0);
	v = take(__GFP_MOVABLE, 0);
	w = take(GFP_KERNEL, 0);
	x = take(__GFP_MOVABLE, 0);
	T_EQ(type_at(u), MIGRATE_UNMOVABLE);
	T_EQ(type_at(v), MIGRATE_MOVABLE);
	T_EQ(machine_block(m, u), machine_block(m, w));
	T_EQ(machine_block(m, v), machine_block(m, x));
	T_OK(buddy_give(m, u, 0) && buddy_give(m, v, 0) && buddy_give(m, w, 0) &&
		     buddy_give(m, x, 0),
	     "");
	testplat_end(&tp, m);
}

/* Blocks 0..15: order 10 needs an even block and its neighbour. */
static void pairs(void)
{
	pfn_t pair[8], no;
	unsigned int n = 0;

	T_NEED(start(32));
	while (n < 8 && try_take(GFP_KERNEL, 10, NR_WMARK, &pair[n])) {
		T_EQ(pair[n] & 1023, 0);
		n++;
	}
	T_EQ(n, 8);
	T_OK(!try_take(GFP_KERNEL, 0, NR_WMARK, &no), "all is taken");
	/* The odd one of pair 2 and the even one of pair 3 are neighbours, and no pair. */
	T_OK(buddy_give(m, pair[2] + 512, 9) && buddy_give(m, pair[3], 9), "");
	T_OK(!try_take(GFP_KERNEL, 10, NR_WMARK, &no), "no pair");
	T_OK(!buddy_give(m, pair[3], 10), "half of it is free already");
	T_OK(buddy_give(m, pair[2], 9) && buddy_give(m, pair[3] + 512, 9), "");
	for (unsigned int i = 0; i < n; i++)
		if (i != 2 && i != 3)
			T_OK(buddy_give(m, pair[i], 10), "");
	testplat_end(&tp, m);
}

/* Two whole neighbours of different types are a run of order 10 all the same. */
static void pairs_of_two_types(void)
{
	pfn_t rest[8], u, pfn;
	unsigned int n = 0;

	T_NEED(start(32));
	u = take(GFP_KERNEL, 0); /* makes one block of the last pair unmovable */
	while (n < 8 && try_take(GFP_KERNEL, 10, NR_WMARK, &rest[n]))
		n++;
	T_EQ(n, 7);
	T_OK(buddy_give(m, u, 0), "");
	T_OK(type_at(u) != type_at(m->base_pfn + ((u - m->base_pfn) ^ 512)), "different types");
	pfn = take(__GFP_MOVABLE, 10);
	T_EQ(pfn, u & ~UINT64_C(1023));
	T_OK(buddy_give(m, pfn, 10), "");
	while (n)
		T_OK(buddy_give(m, rest[--n], 10), "");
	testplat_end(&tp, m);
}

/* 1 % of 256 MiB is 655 frames: one block at most becomes the reserve of atomic requests. */
static void highatomic(void)
{
	pfn_t a, b;
	struct zone *z;

	T_NEED(start(256));
	z = &m->zone[m->top_zone[ZONE_NORMAL]];
	T_OK(!buddy_unreserve_highatomic(m, m->top_zone[ZONE_NORMAL]), "none yet");
	a = take(GFP_ATOMIC, 2);
	T_EQ(type_at(a), MIGRATE_HIGHATOMIC);
	T_EQ(zone_count(&z->nr_highatomic), 512);
	b = take(GFP_KERNEL, 0);
	T_OK(machine_block(m, b) != machine_block(m, a), "kept for atomic requests");
	T_OK(buddy_give(m, b, 0), "");
	b = take(GFP_ATOMIC, 2);
	T_EQ(zone_count(&z->nr_highatomic), 512);
	TP_CHECK(m);
	T_OK(buddy_unreserve_highatomic(m, m->top_zone[ZONE_NORMAL]), "and given up");
	T_EQ(zone_count(&z->nr_highatomic), 0);
	T_EQ(type_at(a), MIGRATE_MOVABLE);
	T_OK(buddy_give(m, a, 2) && buddy_give(m, b, 2), "");
	testplat_end(&tp, m);
}

static void watermark_is_kept(void)
{
	struct zone *z;
	pfn_t pfn, first = 0;
	uint64_t n = 0;

	T_NEED(start(16));
	z = &m->zone[m->top_zone[ZONE_NORMAL]];
	while (try_take(GFP_KERNEL, 0, WMARK_HIGH, &pfn)) {
		*(pfn_t *)fh_page_address(m, pfn) = first;
		first = pfn;
		n++;
	}
	T_EQ(zone_count(&z->nr_free), z->wmark[WMARK_HIGH]);
	T_OK(!try_take(GFP_KERNEL, 1, WMARK_HIGH, &pfn), "nor more");
	T_OK(try_take(GFP_KERNEL, 0, WMARK_MIN, &pfn), "a lower mark");
	T_OK(buddy_give(m, pfn, 0), "");
	for (; n; n--) {
		pfn = *(pfn_t *)fh_page_address(m, first);
		T_OK(buddy_give(m, first, 0), "");
		first = pfn;
	}
	testplat_end(&tp, m);
}

const struct t_case t_cases[] = {
	T(every_order),	       T(smallest_first), T(types_keep_apart),	T(pairs),
	T(pairs_of_two_types), T(highatomic),	  T(watermark_is_kept), T_END};
