/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* mm/loose: what is freed here is handed out here again, in no two places at once, and comes back when asked for. */
#include <freehold/page.h>
#include "mm/drain.h"
#include "mm/isolate.h"
#include "mm/machine.h"
#include "t.h"
#include "testplat.h"

#define MANY 2048

static struct testplat tp;
static struct fh_machine *m;
static pfn_t pfn[MANY];

static bool start(uint64_t mib)
{
	m = testplat_start(&tp, mib, 8, CMA_POLICY_MOVABLE, 2);
	return m;
}

/* What a test still has in hand goes with the machine. */
static void finish(void)
{
	testplat_quiesce(m);
	TP_CHECK(m);
	fh_machine_destroy(m);
	testplat_fini(&tp);
}

static uint64_t free_frames(void)
{
	struct fh_mem_info info;

	fh_mem_info(m, &info);
	return info.free;
}

static uint64_t nr_loose(unsigned int cpu)
{
	const struct loose *l = &m->cpu[cpu].loose;
	uint64_t n = loose_blocks(l) * FH_BLOCK_PAGES;

	for (unsigned int i = 0; i < LOOSE_WORDS; i++)
		n += (uint64_t)__builtin_popcountll(l->entry[i].mask);
	return n;
}

static bool take(unsigned int n, unsigned int order)
{
	for (unsigned int i = 0; i < n; i++)
		if (!T_EQ(fh_alloc_pages(m, GFP_KERNEL, order, &pfn[i]), 0))
			return false;
	return true;
}

static bool give(pfn_t p, unsigned int order)
{
	return T_EQ(fh_free_pages(m, p, order), 0);
}

/* A frame of a word that no slot has is the next one handed out, and no block hears of it. */
static void freed_is_next(void)
{
	T_NEED(start(64) && take(MANY, 0));
	for (unsigned int i = 0; i < 512; i += 100) {
		uint64_t before = block_word(m, machine_block(m, pfn[i])), left = free_frames();
		pfn_t again;

		T_OK(give(pfn[i], 0) && nr_loose(0) == 1, "it is loose");
		T_EQ(fh_alloc_pages(m, GFP_KERNEL, 0, &again), 0);
		T_EQ(again, pfn[i]);
		T_EQ(block_word(m, machine_block(m, pfn[i])), before);
		T_EQ(free_frames(), left);
	}
	TP_CHECK(m);
	finish();
}

/* A run is handed out whole, and singles that make one up as well. */
static void runs(void)
{
	pfn_t again;

	T_NEED(start(64) && take(128, 3));
	T_OK(give(pfn[9], 3) && nr_loose(0) == 8, "a run of 8");
	T_EQ(fh_alloc_pages(m, GFP_KERNEL, 3, &again), 0);
	T_EQ(again, pfn[9]);
	for (unsigned int i = 0; i < 8; i++) /* not in a row, or a slot would adopt the word */
		T_OK(give(pfn[17] + i, 0) && give(pfn[40 + i], 3), "parts of a run");
	TP_CHECK(m);
	pcp_drain_all(m);
	T_EQ(nr_loose(0), 0);
	TP_CHECK(m);
	finish();
}

/* Frees all over memory: what meets in an entry makes room, and what is kept stays within a bound. */
static void bounded(void)
{
	uint64_t before;

	T_NEED(start(64) && take(MANY, 0));
	before = free_frames();
	for (unsigned int i = 0; i < MANY; i++)
		T_NEED(give(pfn[i * 997 % MANY], 0));
	T_OK(nr_loose(0) <= LOOSE_WORDS * 64, "no more than the table holds");
	T_OK(free_frames() >= before + MANY - LOOSE_WORDS * 64, "the rest is home");
	TP_CHECK(m);
	pcp_drain_self(m);
	T_EQ(nr_loose(0), 0);
	TP_CHECK(m);
	finish();
}

/* A word freed frame by frame from two sides fills up and goes home or into a slot: never 64 here. */
static void full_words_leave(void)
{
	T_NEED(start(64) && take(MANY, 0));
	for (unsigned int i = 0; i < 64; i++)
		for (unsigned int word = 0; word < 8; word++)
			T_NEED(give(pfn[512 + word * 64 + i], 0));
	for (unsigned int i = 0; i < LOOSE_WORDS; i++)
		T_OK(~m->cpu[0].loose.entry[i].mask, "no entry is full");
	TP_CHECK(m);
	finish();
}

/* Every way to free something a second time that is here, or that is home already. */
static void freed_twice(void)
{
	T_NEED(start(64) && take(MANY, 0));
	T_NEED(give(pfn[100], 0));
	T_EQ(fh_free_pages(m, pfn[100], 0), -FH_EINVAL);
	for (unsigned int order = 1; order <= 8; order++)
		T_EQ(fh_free_pages(m, pfn[100] & ~((UINT64_C(1) << order) - 1), order), -FH_EINVAL);
	T_EQ(fh_free_pages(m, pfn[100] & ~(pfn_t)511, 9), -FH_EINVAL);
	pcp_drain_all(m);
	T_EQ(fh_free_pages(m, pfn[100], 0), -FH_EINVAL);
	TP_CHECK(m);
	/* While a slot has the word: it is the slot's then (P4). */
	T_NEED(give(pfn[101], 0) && give(pfn[300], 0));
	for (unsigned int i = 0; i < 64; i++)
		T_EQ(fh_alloc_pages(m, GFP_KERNEL, 0, &pfn[i]), 0);
	T_NEED(give(pfn[102], 0) && give(pfn[103], 0));
	T_EQ(fh_free_pages(m, pfn[102], 0), -FH_EINVAL);
	T_EQ(fh_free_pages(m, pfn[103], 0), -FH_EINVAL);
	TP_CHECK(m);
	finish();
}

/* Frames that lie loose when a slot takes their word move into the slot. */
static void joined(void)
{
	pfn_t block, again;

	T_NEED(start(64) && take(1, 9));
	block = pfn[0];
	T_NEED(give(block + 3, 0) && give(block + 70, 0)); /* another word: not in a row */
	T_NEED(give(block + 5, 0) && give(block + 6, 0));  /* in a row: the word is adopted */
	T_EQ(m->cpu[0].loose.entry[(block >> 6) % LOOSE_WORDS].mask, 0);
	T_OK(slot_has(&m->cpu[0].zone[m->cpu[0].loose.zone].freed, block >> 6), "a slot has it");
	TP_CHECK(m);
	T_EQ(fh_free_pages(m, block + 3, 0), -FH_EINVAL);
	T_EQ(fh_alloc_pages(m, GFP_KERNEL, 0, &again), 0);
	TP_CHECK(m);
	finish();
}

static void whole_blocks(void)
{
	uint64_t before;
	pfn_t again;

	T_NEED(start(1024) && take(6, 9));
	T_EQ(m->cpu[0].loose.max_whole, 5); /* a 16th of memory in six lists */
	before = free_frames();
	for (unsigned int i = 0; i < 6; i++)
		T_NEED(give(pfn[i], 9));
	/* The sixth made room: those before it went home together. */
	T_EQ(loose_blocks(&m->cpu[0].loose), 1);
	T_EQ(free_frames(), before + 5 * FH_BLOCK_PAGES);
	for (unsigned int i = 0; i < 6; i++) {
		T_EQ(fh_free_pages(m, pfn[i], 9), -FH_EINVAL);
		T_EQ(fh_free_pages(m, pfn[i] + 17, 0), -FH_EINVAL);
		T_EQ(fh_free_pages(m, pfn[i] + 16, 4), -FH_EINVAL);
	}
	T_EQ(fh_alloc_pages(m, GFP_KERNEL, 9, &again), 0);
	T_EQ(again, pfn[5]); /* the last that was kept */
	TP_CHECK(m);
	finish();
}

/* Plentiful memory: one visit of the index serves several requests. */
static void whole_blocks_ahead(void)
{
	unsigned int ahead;

	T_NEED(start(3072) && take(8, 9)); /* blocks change their type */
	for (unsigned int i = 0; i < 8; i++)
		T_NEED(give(pfn[i], 9));
	pcp_drain_all(m);
	T_NEED(take(1, 9));
	T_OK(m->cpu[0].loose.max_whole > 8, "as many wait as there are");
	ahead = loose_blocks(&m->cpu[0].loose); /* of 7, those in the same word of the index */
	T_OK(ahead >= 4 && ahead <= 7, "most of a batch is ready");
	TP_CHECK(m);
	T_NEED(take(ahead, 9));
	T_EQ(loose_blocks(&m->cpu[0].loose), 0);
	TP_CHECK(m);
	finish();
}

/* Frames of areas, of mixed blocks and of other types are not kept. */
static void only_plain_ones(void)
{
	pfn_t movable, pair;

	T_NEED(start(64));
	T_EQ(fh_alloc_pages(m, GFP_HIGHUSER_MOVABLE, 0, &movable), 0);
	T_NEED(give(movable, 0));
	T_EQ(nr_loose(0), 0);
	T_EQ(fh_alloc_pages(m, GFP_KERNEL, 10, &pair), 0);
	T_NEED(give(pair, 10));
	T_EQ(nr_loose(0), 0);
	TP_CHECK(m);
	finish();
}

/* A block that is isolated: what lies loose of it is had by a drain, whatever CPU keeps it, and nothing new is kept. */
static void isolated(void)
{
	static const struct block_map none;
	uint64_t block;

	T_NEED(start(64) && take(MANY, 0));
	block = machine_block(m, pfn[600]);
	for (unsigned int cpu = 0; cpu < 2; cpu++) {
		testplat_cpu(cpu);
		T_OK(give(pfn[600 + cpu], 0) && nr_loose(cpu) == 1, "kept");
	}
	T_OK(!isolate_or_claim(m, block, 0, FH_BLOCK_PAGES), "isolated, not all free");
	pcp_drain_blocks(m, block, block + 1);
	T_OK(!nr_loose(0) && !nr_loose(1), "both gave back");
	T_OK(block_is_free(m, pfn[600]) && block_is_free(m, pfn[601]), "home");
	T_NEED(give(pfn[602], 0));
	T_EQ(nr_loose(1), 0);
	isolate_undo(m, block, &none);
	testplat_cpu(0);
	TP_CHECK(m);
	finish();
}

const struct t_case t_cases[] = {T(freed_is_next),
				 T(runs),
				 T(bounded),
				 T(full_words_leave),
				 T(freed_twice),
				 T(joined),
				 T(whole_blocks),
				 T(whole_blocks_ahead),
				 T(only_plain_ones),
				 T(isolated),
				 T_END};
