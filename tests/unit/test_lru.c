/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* mm/lru: who may take a page, the batches in front of the lists, second chance, the counts. */
#include <string.h>
#include <freehold/object.h>
#include "mm/machine.h"
#include "mm/objects.h"
#include "mm/policy.h"
#include "t.h"
#include "testplat.h"

#define PAGES 100

static struct testplat tp;
static struct fh_machine *m;
static struct fh_object *file, *anon;

static int zero_read(void *priv, uint64_t index, void *page)
{
	(void)priv, (void)index;
	memset(page, 0, FH_PAGE_SIZE);
	return 0;
}

static int no_write(void *priv, uint64_t index, const void *page)
{
	(void)priv, (void)index, (void)page;
	return 0;
}

static const struct fh_object_ops ops = {zero_read, no_write};

static bool start(void)
{
	m = testplat_start(&tp, 32, 0, CMA_POLICY_MOVABLE, 2);
	return m && T_EQ(fh_object_create(m, PAGES, &ops, NULL, &file), 0) &&
	       T_EQ(fh_object_create(m, PAGES, NULL, NULL, &anon), 0);
}

static void end(void)
{
	fh_object_destroy(file);
	fh_object_destroy(anon);
	testplat_end(&tp, m);
}

static pfn_t page_of(struct fh_object *o, uint64_t i)
{
	unsigned char byte;
	pfn_t pfn = 0;

	T_EQ(fh_object_read(o, i, 0, &byte, 1), 0);
	T_EQ(fh_object_where(o, i, &pfn), 0);
	return pfn;
}

static enum frame_state state_of(pfn_t pfn)
{
	return frame_state(machine_frame(m, pfn));
}

/* 30 pages wait in the batch, the 31st takes all of them along. */
static void batches(void)
{
	pfn_t first;

	T_NEED(start());
	first = page_of(anon, 0);
	for (uint64_t i = 1; i < PCP_LRU_BATCH - 1; i++)
		page_of(anon, i);
	T_EQ(state_of(first), FRAME_BATCH);
	page_of(anon, PCP_LRU_BATCH - 1);
	T_EQ(state_of(first), FRAME_LRU);
	page_of(anon, PCP_LRU_BATCH);
	TP_CHECK(m);
	lru_flush_batch(m);
	T_EQ(state_of(page_of(anon, PCP_LRU_BATCH)), FRAME_LRU);
	T_EQ(m->lru.count[LRU_OUTSIDE][LRU_INACTIVE_ANON], PCP_LRU_BATCH + 1);
	/* A thread that is no CPU has no batch. */
	testplat_cpu(~0u);
	T_EQ(state_of(page_of(anon, 60)), FRAME_LRU);
	testplat_cpu(0);
	end();
}

/* From a batch as from a list; once; and the batch finds it gone. */
static void exactly_one_isolates(void)
{
	enum frame_state state;
	pfn_t batch, list;

	T_NEED(start());
	list = page_of(anon, 0);
	lru_flush_batch(m);
	batch = page_of(anon, 1);
	T_OK(lru_isolate(m, list, &state), "from a list");
	T_EQ(state, FRAME_LRU);
	T_OK(!lru_isolate(m, list, &state), "once");
	T_EQ(state, FRAME_ISOLATED);
	T_OK(lru_isolate(m, batch, &state), "from a batch");
	T_EQ(state, FRAME_BATCH);
	lru_flush_batch(m);
	T_EQ(state_of(batch), FRAME_ISOLATED);
	lru_putback(m, batch);
	lru_putback(m, list);
	T_EQ(m->lru.count[LRU_OUTSIDE][LRU_INACTIVE_ANON], 2);
	T_OK(!lru_isolate(m, m->base_pfn + 4000, &state), "not a page of an object");
	T_EQ(state, FRAME_RAW);
	end();
}

static void isolates_a_map(void)
{
	uint64_t want[BLOCK_WORDS], block;
	pfn_t out[8], pfn;
	enum frame_state state;
	unsigned int n;

	T_NEED(start());
	pfn = page_of(anon, 0);
	for (uint64_t i = 1; i < 20; i++)
		page_of(anon, i);
	block = machine_block(m, pfn);
	memset(want, 0, sizeof(want));
	T_EQ(lru_isolate_map(m, block, want, out, 8), 0);
	memset(want, 0xff, sizeof(want));
	T_EQ(lru_isolate_map(m, block, want, out, 8), 8);
	for (n = 0; n < 8; n++) {
		T_EQ(state_of(out[n]), FRAME_ISOLATED);
		T_OK(!lru_isolate(m, out[n], &state), "ours");
	}
	while (n)
		lru_putback(m, out[--n]);
	end();
}

/* Oldest first; a page that was used gets a second chance; dirty and anonymous ones are skipped. */
static void oldest_clean_first(void)
{
	pfn_t pfn[8], out[8], a;

	T_NEED(start());
	for (int i = 0; i < 8; i++) {
		pfn[i] = page_of(file, (uint64_t)i);
		frame_flag_clear(machine_frame(m, pfn[i]), FRAME_REFERENCED);
	}
	a = page_of(anon, 0);
	frame_flag_clear(machine_frame(m, a), FRAME_REFERENCED);
	lru_touch(machine_frame(m, pfn[0]));
	T_EQ(fh_object_write(file, 1, 0, "x", 1), 0);
	T_EQ(lru_isolate_clean(m, LRU_INSIDE, out, 8), 0);
	T_EQ(lru_isolate_clean(m, LRU_OUTSIDE, out, 2), 2);
	T_EQ(out[0], pfn[2]);
	T_EQ(out[1], pfn[3]);
	lru_putback(m, out[0]);
	lru_putback(m, out[1]);
	T_EQ(lru_isolate_clean(m, LRU_OUTSIDE, out, 8), 7);
	for (int i = 0; i < 7; i++) {
		T_OK(out[i] != pfn[1] && out[i] != a, "neither dirty nor anonymous");
		lru_putback(m, out[i]);
	}
	end();
}

/* However many dirty pages there are, and whatever list they came to, the clean ones are found. */
static void clean_behind_dirty(void)
{
	pfn_t out[PAGES], pfn;
	unsigned int n;

	T_NEED(start());
	for (uint64_t i = 0; i < PAGES; i++)
		page_of(file, i);
	for (int round = 0; round < 3; round++) { /* all are used: active in the end */
		lru_flush_batch(m);
		n = lru_isolate_clean(m, LRU_OUTSIDE, out, PAGES);
		while (n) {
			pfn = out[--n];
			lru_putback(m, pfn);
			lru_touch(machine_frame(m, pfn));
		}
	}
	for (uint64_t i = 0; i < PAGES; i++)
		if (i % 4)
			T_EQ(fh_object_write(file, i, 0, "x", 1), 0);
	for (unsigned int left = PAGES / 4; left;) {
		n = lru_isolate_clean(m, LRU_OUTSIDE, out, left > 3 ? 3 : left);
		if (!T_OK(n > 0, "clean pages are left"))
			break;
		left -= n;
		while (n) {
			pfn = out[--n];
			fh_lock(&file->lock);
			lru_putback(m, pfn);
			fh_unlock(&file->lock);
			T_EQ(fh_object_punch(file, machine_frame(m, pfn)->index, 1), 1);
		}
	}
	end();
}

/* Each class has its own pages; with too few inactive the oldest active ones come over, and what is used
 * in the meantime stays. */
static void classes_and_ages(void)
{
	pfn_t out[PAGES], active, used;
	unsigned int n;

	T_NEED(start());
	for (uint64_t i = 0; i < 40; i++) {
		page_of(anon, i);
		page_of(file, i);
		if (i % 2)
			T_EQ(fh_object_write(file, i, 0, "x", 1), 0);
	}
	lru_flush_batch(m);
	/* All were used once: all are seen active and inactive before the first goes. */
	T_EQ(lru_isolate_aged(m, LRU_OUTSIDE, LRU_ANON, out, 1), 1);
	lru_putback(m, out[0]);
	T_OK(m->lru.count[LRU_OUTSIDE][LRU_ACTIVE_ANON] > 0, "the used ones are active");
	T_OK(!policy_inactive_low(m->lru.count[LRU_OUTSIDE][LRU_INACTIVE_ANON] + 1,
				  m->lru.count[LRU_OUTSIDE][LRU_ACTIVE_ANON]),
	     "in balance");
	active = page_of(anon, 39);
	used = page_of(anon, 20);
	T_OK(frame_flags(machine_frame(m, active)) & FRAME_ACTIVE, "the newest is active");
	n = lru_isolate_aged(m, LRU_OUTSIDE, LRU_ANON, out, 19);
	T_EQ(n, 19);
	while (n) {
		T_OK(out[--n] != used && out[n] != active, "what was used again stays");
		lru_putback(m, out[n]);
	}
	n = lru_isolate_aged(m, LRU_OUTSIDE, LRU_DIRTY, out, PAGES);
	T_EQ(n, 20);
	while (n) {
		T_OK(frame_flags(machine_frame(m, out[--n])) & FRAME_DIRTY, "dirty");
		frame_flag_set(machine_frame(m, out[n]), FRAME_WRITEBACK);
		lru_putback(m, out[n]);
	}
	T_EQ(lru_isolate_aged(m, LRU_OUTSIDE, LRU_DIRTY, out, PAGES), 0);
	T_EQ(lru_isolate_clean(m, LRU_OUTSIDE, out, 1), 1);
	lru_putback(m, out[0]);
	for (uint64_t i = 1; i < 40; i += 2) {
		pfn_t pfn = page_of(file, i);

		fh_lock(&file->lock);
		lru_written(m, pfn);
		fh_unlock(&file->lock);
	}
	end();
}

/* L2 through a page's life: clean, dirty, held, clean. */
static void droppable_is_counted(void)
{
	pfn_t pfn;

	T_NEED(start());
	page_of(anon, 0);
	T_EQ(m->lru.nr_droppable, 0);
	page_of(file, 0);
	T_EQ(m->lru.nr_droppable, 1);
	T_EQ(fh_object_write(file, 0, 0, "x", 1), 0);
	T_EQ(m->lru.nr_droppable, 0);
	T_EQ(m->lru.nr_dirty, 1);
	T_EQ(fh_object_writeback(file, 0), 0);
	T_EQ(m->lru.nr_droppable, 1);
	T_EQ(m->lru.nr_dirty, 0);
	T_EQ(fh_object_pin(file, 0, &pfn), 0);
	T_EQ(m->lru.nr_droppable, 0);
	T_EQ(m->lru.nr_held, 1);
	T_EQ(state_of(pfn), FRAME_HELD);
	TP_CHECK(m);
	T_EQ(fh_object_unpin(file, 0), 0);
	T_EQ(m->lru.nr_droppable, 1);
	T_EQ(m->lru.nr_held, 0);
	T_EQ(m->lru.nr_file, 1);
	T_EQ(m->lru.nr_anon, 1);
	end();
}

/* An isolated page is another's: it cannot be held. */
static void isolated_is_not_held(void)
{
	enum frame_state state;
	pfn_t pfn;

	T_NEED(start());
	pfn = page_of(anon, 0);
	T_NEED(lru_isolate(m, pfn, &state));
	fh_lock(&anon->lock);
	T_OK(!lru_hold(m, pfn), "somebody else has it");
	fh_unlock(&anon->lock);
	T_EQ(state_of(pfn), FRAME_ISOLATED);
	T_EQ(m->lru.nr_held, 0);
	lru_putback(m, pfn);
	end();
}

const struct t_case t_cases[] = {T(batches),
				 T(exactly_one_isolates),
				 T(isolates_a_map),
				 T(oldest_clean_first),
				 T(clean_behind_dirty),
				 T(classes_and_ages),
				 T(droppable_is_counted),
				 T(isolated_is_not_held),
				 T_END};
