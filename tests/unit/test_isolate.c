/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* mm/isolate: claims of parts of a block: at once, swept up, undone; several in one block. */
#include <freehold/page.h>
#include "mm/isolate.h"
#include "mm/machine.h"
#include "t.h"
#include "testplat.h"

static struct testplat tp;
static struct fh_machine *m;
static const struct block_map none;

static bool start(void)
{
	testplat_init(&tp);
	testplat_cpu(~0u);
	m = testplat_machine(&tp, 32, 0, CMA_POLICY_MOVABLE, 1);
	return m;
}

/* Block 5, of which frames [lo, hi) are taken. */
static void take(unsigned int lo, unsigned int hi)
{
	T_OK(isolate_or_claim(m, 5, lo, hi), "free: ours at once");
}

/* What is claimed is counted as a device's; no area has a mark for it here. */
static void check_claimed(int64_t n)
{
	T_EQ(atomic_exchange(&m->nr_device, 0), n);
	atomic_fetch_add(&m->account, n);
	TP_CHECK(m);
	atomic_fetch_sub(&m->account, n);
	atomic_store(&m->nr_device, n);
}

static void at_once(void)
{
	T_NEED(start());
	T_OK(isolate_or_claim(m, 5, 0, 512), "all is free");
	T_EQ(block_peek(m, 5).isolated, 0);
	T_EQ(block_peek(m, 5).free, 0);
	check_claimed(512);
	isolate_release(m, 5, 0, 512);
	T_OK(isolate_or_claim(m, 5, 17, 18), "one frame");
	T_EQ(block_peek(m, 5).free, 511);
	isolate_release(m, 5, 17, 18);
	testplat_end(&tp, m);
}

/*
 *	frames	0    100   150   200
 *		.....TTTTT.......	T taken; wanted: [50, 200)
 */
static void swept_up(void)
{
	struct block_map want, mine = {{0}};

	T_NEED(start());
	take(100, 150);
	T_OK(!isolate_or_claim(m, 5, 50, 200), "part is taken: isolated");
	T_EQ(block_peek(m, 5).isolated, 1);
	T_EQ(block_peek(m, 5).free, 462); /* nothing is taken yet */
	block_span(&want, 50, 200);
	T_OK(!isolate_sweep(m, 5, &want, &mine), "not all");
	T_EQ(block_peek(m, 5).free, 362);
	isolate_release(m, 5, 100, 149);
	T_OK(!isolate_sweep(m, 5, &want, &mine), "one is missing");
	isolate_release(m, 5, 149, 150);
	T_OK(isolate_sweep(m, 5, &want, &mine), "all");
	T_EQ(block_peek(m, 5).isolated, 0);
	T_EQ(block_peek(m, 5).free, 362);
	check_claimed(150);
	isolate_release(m, 5, 50, 200);
	testplat_end(&tp, m);
}

static void undone(void)
{
	struct block_map want, mine = {{0}};

	T_NEED(start());
	take(0, 1);
	T_OK(!isolate_or_claim(m, 5, 0, 512), "isolated");
	block_span(&want, 0, 512);
	T_OK(!isolate_sweep(m, 5, &want, &mine), "not all");
	T_EQ(block_peek(m, 5).free, 0);
	isolate_undo(m, 5, &mine);
	T_EQ(block_peek(m, 5).free, 511);
	T_EQ(block_peek(m, 5).isolated, 0);
	isolate_release(m, 5, 0, 1);
	testplat_end(&tp, m);
}

/* Claims of disjoint parts count; the block serves others again after the last. */
static void several_claims(void)
{
	T_NEED(start());
	take(0, 1);
	take(511, 512);
	T_OK(!isolate_or_claim(m, 5, 0, 100), "one");
	T_OK(!isolate_or_claim(m, 5, 400, 512), "two");
	T_OK(isolate_or_claim(m, 5, 200, 300), "a free part can be had meanwhile");
	T_EQ(block_peek(m, 5).isolated, 2);
	isolate_undo(m, 5, &none);
	T_EQ(block_peek(m, 5).isolated, 1);
	isolate_undo(m, 5, &none);
	T_EQ(block_peek(m, 5).isolated, 0);
	isolate_release(m, 5, 200, 300);
	isolate_release(m, 5, 0, 1);
	isolate_release(m, 5, 511, 512);
	testplat_end(&tp, m);
}

/* One claim is complete, the other goes on: the block stays isolated for it. */
static void one_of_two_is_done(void)
{
	struct block_map want, mine = {{0}};

	T_NEED(start());
	take(0, 1);
	take(511, 512);
	T_OK(!isolate_or_claim(m, 5, 0, 100), "one");
	T_OK(!isolate_or_claim(m, 5, 400, 512), "two");
	isolate_release(m, 5, 0, 1);
	block_span(&want, 0, 100);
	T_OK(isolate_sweep(m, 5, &want, &mine), "all of the first");
	T_EQ(block_peek(m, 5).isolated, 1);
	isolate_release(m, 5, 0, 100);
	isolate_undo(m, 5, &none);
	isolate_release(m, 5, 511, 512);
	testplat_end(&tp, m);
}

/* While all blocks but one are isolated, all that is allocated comes out of that one. */
static void out_of_circulation(void)
{
	pfn_t pfn[100];

	T_NEED(start());
	for (uint64_t b = 0; b < m->nr_blocks; b++) {
		T_OK(isolate_or_claim(m, b, 9, 10), "");
		if (b != 7)
			T_OK(!isolate_or_claim(m, b, 0, 512), "");
	}
	for (int i = 0; i < 100; i++) {
		T_EQ(fh_alloc_pages(m, GFP_ATOMIC, 0, &pfn[i]), 0);
		T_EQ(machine_block(m, pfn[i]), 7);
	}
	for (int i = 0; i < 100; i++)
		T_EQ(fh_free_pages(m, pfn[i], 0), 0);
	for (uint64_t b = 0; b < m->nr_blocks; b++) {
		if (b != 7)
			isolate_undo(m, b, &none);
		isolate_release(m, b, 9, 10);
	}
	testplat_end(&tp, m);
}

const struct t_case t_cases[] = {T(at_once),
				 T(swept_up),
				 T(undone),
				 T(several_claims),
				 T(one_of_two_is_done),
				 T(out_of_circulation),
				 T_END};
