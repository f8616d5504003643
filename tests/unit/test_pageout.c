/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* mm/pageout: what leaves memory reads back the same, from wherever it was, and what happens to a page
 * while its copy is being written. */
#include <stdlib.h>
#include <string.h>
#include <freehold/cma.h>
#include <freehold/object.h>
#include <freehold/page.h>
#include "mm/machine.h"
#include "mm/objects.h"
#include "mm/pageout.h"
#include "t.h"
#include "testplat.h"

#define PAGES 100
#define MIB   64 /* so that the high watermark is above the slack of the budget */

static struct testplat tp;
static struct fh_machine *m;
static struct fh_object *anon, *file;
static uint64_t disk[PAGES];
static unsigned int writes;
static int write_error;
static void (*during_write)(uint64_t index);

static int file_read(void *priv, uint64_t index, void *page)
{
	(void)priv;
	memset(page, 0, FH_PAGE_SIZE);
	memcpy(page, &disk[index], sizeof(disk[0]));
	return 0;
}

static int file_write(void *priv, uint64_t index, const void *page)
{
	(void)priv;
	writes++;
	if (!write_error)
		memcpy(&disk[index], page, sizeof(disk[0]));
	if (during_write)
		during_write(index);
	return write_error;
}

static const struct fh_object_ops ops = {file_read, file_write};

static bool start(uint64_t cma_mib, uint64_t places)
{
	writes = 0;
	write_error = 0;
	during_write = NULL;
	memset(disk, 0, sizeof(disk));
	testplat_init(&tp);
	testplat_cpu(0);
	testplat_swap(&tp, 200);
	m = testplat_machine(&tp, MIB, cma_mib, CMA_POLICY_GUARANTEED, 1);
	return m && T_EQ(fh_swapon(m, places), 0) &&
	       T_EQ(fh_object_create(m, PAGES, NULL, NULL, &anon), 0) &&
	       T_EQ(fh_object_create(m, PAGES, &ops, NULL, &file), 0);
}

static void end(void)
{
	fh_object_destroy(anon);
	fh_object_destroy(file);
	testplat_end(&tp, m);
}

static void fill(struct fh_object *o)
{
	for (uint64_t i = 0; i < PAGES; i++) {
		uint64_t v = i * 3 + 1;

		T_EQ(fh_object_write(o, i, 0, &v, sizeof(v)), 0);
	}
	lru_flush_batch(m);
}

static bool there(struct fh_object *o, uint64_t i)
{
	pfn_t pfn;

	return !fh_object_where(o, i, &pfn);
}

static bool is_area(struct fh_object *o, uint64_t i)
{
	pfn_t pfn = 0;

	return !fh_object_where(o, i, &pfn) && machine_pfn_unholdable(m, pfn);
}

static bool same(struct fh_object *o)
{
	for (uint64_t i = 0, v = 0; i < PAGES; i++)
		if (!T_EQ(fh_object_read(o, i, 0, &v, sizeof(v)), 0) || !T_EQ(v, i * 3 + 1))
			return false;
	return true;
}

/* Takes what is outside, so that movable pages go into the area. */
static struct fh_object *take_outside(void)
{
	struct fh_object *o;
	pfn_t pfn = 0;

	T_EQ(fh_object_create(m, MIB * 256, NULL, NULL, &o), 0);
	for (uint64_t i = 0, v = 1; i < MIB * 256; i++) {
		T_EQ(fh_object_write(o, i, 0, &v, 1), 0);
		T_EQ(fh_object_where(o, i, &pfn), 0);
		if (machine_pfn_unholdable(m, pfn))
			break;
	}
	return o;
}

static void out_and_back(void)
{
	struct pageout res = {0};

	T_NEED(start(0, 200));
	fill(anon);
	pageout_anon(m, LRU_INSIDE, 10, &res);
	T_EQ(res.done, 0);
	pageout_anon(m, LRU_OUTSIDE, 40, &res);
	T_EQ(res.done, 40);
	T_EQ(m->lru.nr_anon, PAGES - 40);
	T_EQ(swap_nr_free(&m->swap), 160);
	T_OK(!there(anon, 0) && !there(anon, 39) && there(anon, 40), "the oldest went");
	TP_CHECK(m);
	T_OK(same(anon), "");
	T_EQ(swap_nr_free(&m->swap), 200);
	T_EQ(vm_sum(m, VM_pswpout), 40);
	T_EQ(vm_sum(m, VM_pswpin), 40);
	end();
}

/* R1: what lies in a guaranteed area leaves it, and its frame is free, before the write has begun. */
static void out_of_an_area(void)
{
	struct fh_object *rest;
	struct pageout res = {0};
	uint64_t inside;

	T_NEED(start(4, 200));
	rest = take_outside();
	fill(anon);
	T_OK(is_area(anon, 0), "anonymous memory inside");
	inside = m->lru.count[LRU_INSIDE][LRU_INACTIVE_ANON];
	T_EQ(swap_nr_free(&m->swap), 200);
	pageout_anon(m, LRU_INSIDE, 20, &res);
	T_EQ(res.done, 20);
	T_EQ(m->lru.count[LRU_INSIDE][LRU_INACTIVE_ANON] +
		     m->lru.count[LRU_INSIDE][LRU_ACTIVE_ANON],
	     inside - 20);
	/* Stores whose write failed are there to be looked at: none is in the area. */
	atomic_store(&tp.swap_write_fails, true);
	pageout_anon(m, LRU_INSIDE, 20, &res);
	T_EQ(res.done, 20);
	T_EQ(m->swap.nr_stores, 20);
	TP_CHECK(m);
	atomic_store(&tp.swap_write_fails, false);
	T_OK(same(anon), "");
	fh_object_destroy(rest);
	end();
}

/* A full swap takes what fits; punch and destroy give the places back. */
static void full_swap(void)
{
	struct pageout res = {0};

	T_NEED(start(0, 30));
	fill(anon);
	pageout_anon(m, LRU_OUTSIDE, 100, &res);
	T_EQ(res.done, 30);
	pageout_anon(m, LRU_OUTSIDE, 100, &res);
	T_EQ(res.done, 30);
	T_EQ(fh_object_punch(anon, 10, 40), 40);
	T_EQ(swap_nr_free(&m->swap), 20);
	T_EQ(m->lru.nr_anon, 50);
	TP_CHECK(m);
	end();
}

/* In swap a page is nowhere: it is not pinned, and a pin brings it. */
static void pinned_out_of_swap(void)
{
	struct pageout res = {0};
	uint64_t v;
	pfn_t pfn;

	T_NEED(start(0, 200));
	fill(anon);
	T_EQ(fh_object_pin(anon, 1, &pfn), 0);
	pageout_anon(m, LRU_OUTSIDE, 200, &res);
	T_EQ(res.done, PAGES - 1);
	T_EQ(fh_object_pin(anon, 2, &pfn), 0);
	memcpy(&v, fh_page_address(m, pfn), sizeof(v));
	T_EQ(v, 7);
	T_EQ(fh_object_unpin(anon, 1), 0);
	T_EQ(fh_object_unpin(anon, 2), 0);
	T_EQ(fh_object_unpin(anon, 3), -FH_EINVAL);
	T_OK(same(anon), "");
	end();
}

/* What programs see through their mappings goes, and comes back by a fault. */
static void mapped(void)
{
	struct tp_space *host;
	struct fh_space *space;
	struct pageout res = {0};
	uint64_t v;

	T_NEED(start(0, 200));
	host = testplat_space(&tp);
	T_EQ(fh_space_create(m, host, &space), 0);
	T_EQ(fh_space_map(space, 10, anon, 0, PAGES), 0);
	for (uint64_t i = 0; i < PAGES; i++) {
		v = i * 3 + 1;
		T_EQ(fh_space_store(space, 10 + i, 0, &v, sizeof(v)), 0);
	}
	lru_flush_batch(m);
	pageout_anon(m, LRU_OUTSIDE, PAGES, &res);
	T_EQ(res.done, PAGES);
	T_OK(!testplat_see(host, 10) && !testplat_see(host, 9 + PAGES), "gone from the mirror");
	T_OK(atomic_load(&host->unmaps) <= 2 * PAGES / 16, "runs are unmapped in one step");
	TP_SPACE_CHECK(space, host);
	for (uint64_t i = 0; i < PAGES; i++) {
		T_EQ(fh_space_load(space, 10 + i, 0, &v, sizeof(v)), 0);
		T_EQ(v, i * 3 + 1);
	}
	fh_space_destroy(space);
	end();
	free(host);
}

static void swap_errors(void)
{
	struct pageout res = {0};
	uint64_t v;

	T_NEED(start(0, 200));
	fill(anon);
	atomic_store(&tp.swap_write_fails, true);
	pageout_anon(m, LRU_OUTSIDE, 50, &res);
	T_EQ(res.done, 0);
	T_OK(!there(anon, 0), "out, and in a store");
	TP_CHECK(m);
	T_OK(same(anon), "");
	atomic_store(&tp.swap_write_fails, false);
	pageout_anon(m, LRU_OUTSIDE, 50, &res);
	T_EQ(res.done, 50);
	atomic_store(&tp.swap_read_fails, true);
	for (uint64_t i = 0; i < PAGES; i++)
		T_EQ(fh_object_read(anon, i, 0, &v, 1), there(anon, i) ? 0 : -FH_EIO);
	TP_CHECK(m);
	atomic_store(&tp.swap_read_fails, false);
	T_OK(same(anon), "");
	end();
}

/* Nobody wants the pages back whose writes failed: a device that works again is used again. */
static void swap_recovers(void)
{
	struct pageout res = {0}, more = {0};

	T_NEED(start(0, 200));
	fill(anon);
	atomic_store(&tp.swap_write_fails, true);
	for (unsigned int i = 0; i < 10; i++)
		pageout_anon(m, LRU_OUTSIDE, 20, &res);
	T_EQ(res.done, 0);
	T_EQ(m->swap.nr_stores, SWAP_STORES);
	atomic_store(&tp.swap_write_fails, false);
	for (unsigned int i = 0; i < 100; i++)
		pageout_anon(m, LRU_OUTSIDE, 1, &more);
	T_OK(more.done >= PAGES - SWAP_STORES / 2, "all but what is kept");
	T_EQ(m->swap.nr_stores, SWAP_STORES / 2);
	TP_CHECK(m);
	T_OK(same(anon), "");
	end();
}

static void dirty_pages(void)
{
	struct pageout res = {0};

	T_NEED(start(0, 1));
	fill(file);
	T_EQ(m->lru.nr_droppable, 0);
	pageout_dirty(m, LRU_OUTSIDE, 30, &res);
	T_EQ(res.done, 30);
	T_EQ(writes, 30);
	T_EQ(m->lru.nr_dirty, PAGES - 30);
	T_EQ(m->lru.nr_droppable, 30);
	write_error = -FH_EIO;
	pageout_dirty(m, LRU_OUTSIDE, 5, &res);
	T_EQ(res.done, 30);
	T_EQ(m->lru.nr_dirty, PAGES - 30);
	TP_CHECK(m);
	write_error = 0;
	pageout_dirty(m, LRU_OUTSIDE, 200, &res);
	T_EQ(m->lru.nr_dirty, 0);
	for (uint64_t i = 0; i < PAGES; i++)
		T_EQ(disk[i], i * 3 + 1);
	end();
}

static const struct fh_object_ops read_only = {file_read, NULL};

static void a_file_that_cannot_be_written(void)
{
	struct pageout res = {0};
	struct fh_object *o;

	T_NEED(start(0, 1));
	T_EQ(fh_object_create(m, PAGES, &read_only, NULL, &o), 0);
	T_EQ(fh_object_write(o, 0, 0, "x", 1), 0);
	pageout_dirty(m, LRU_OUTSIDE, 10, &res);
	T_EQ(res.done, 0);
	T_EQ(m->lru.nr_dirty, 1);
	T_EQ(fh_object_writeback(o, 0), -FH_EINVAL);
	fh_object_destroy(o);
	end();
}

/* R3: neither dropped nor punched; written to it is dirty again; it moves, and a pin holds it. */
static void write_meanwhile(uint64_t index)
{
	uint64_t v = 4711;
	pfn_t pfn = 0;

	T_EQ(fh_object_where(file, index, &pfn), 0);
	T_EQ(frame_state(machine_frame(m, pfn)), FRAME_LRU);
	T_EQ(m->lru.nr_droppable, 0);
	T_EQ(fh_object_punch(file, index, 1), 0);
	T_EQ(fh_object_write(file, index, 0, &v, sizeof(v)), 0);
}

static void pin_meanwhile(uint64_t index)
{
	pfn_t pfn;

	T_EQ(fh_object_pin(file, index, &pfn), 0);
}

static void pin_and_unpin_meanwhile(uint64_t index)
{
	pin_meanwhile(index);
	T_EQ(fh_object_unpin(file, index), 0);
}

static void while_it_is_written(void)
{
	struct pageout res = {0};
	uint64_t v = 1;
	pfn_t pfn = 0;

	T_NEED(start(0, 1));
	T_EQ(fh_object_write(file, 5, 0, &v, sizeof(v)), 0);
	during_write = write_meanwhile;
	pageout_dirty(m, LRU_OUTSIDE, 1, &res);
	T_EQ(disk[5], 1);
	T_EQ(m->lru.nr_dirty, 1);
	TP_CHECK(m);
	during_write = pin_and_unpin_meanwhile;
	pageout_dirty(m, LRU_OUTSIDE, 1, &res);
	T_EQ(disk[5], 4711);
	T_EQ(m->lru.nr_dirty, 0);
	T_EQ(m->lru.nr_held, 0);
	T_EQ(m->lru.nr_droppable, 1);
	TP_CHECK(m);
	T_EQ(fh_object_write(file, 5, 0, &v, sizeof(v)), 0);
	during_write = pin_meanwhile;
	pageout_dirty(m, LRU_OUTSIDE, 1, &res);
	T_EQ(m->lru.nr_held, 1);
	TP_CHECK(m);
	during_write = NULL;
	T_EQ(fh_object_unpin(file, 5), 0);
	T_EQ(fh_object_where(file, 5, &pfn), 0);
	T_EQ(m->lru.nr_droppable, 1);
	end();
}

/* A device takes the area from under a page that is being written, at once. */
static void take_the_area(uint64_t index)
{
	struct cma *cma = cma_find(m, "area");
	pfn_t pfn;

	T_OK(is_area(file, index), "not moved for the write");
	T_EQ(cma_alloc(cma, 1024, 0, 0, &pfn), 0);
	T_OK(!is_area(file, index) && there(file, index), "moved, not dropped");
	T_OK(cma_release(cma, pfn, 1024), "");
}

static void moved_while_it_is_written(void)
{
	struct pageout res = {0};
	uint64_t v = 12, w;

	T_NEED(start(4, 1));
	T_EQ(fh_object_write(file, 5, 0, &v, sizeof(v)), 0);
	T_NEED(is_area(file, 5));
	during_write = take_the_area;
	pageout_dirty(m, LRU_INSIDE, 1, &res);
	during_write = NULL;
	T_EQ(res.done, 1);
	T_EQ(disk[5], 12);
	T_EQ(fh_object_read(file, 5, 0, &w, sizeof(w)), 0);
	T_EQ(w, 12);
	T_EQ(m->lru.nr_dirty, 0);
	end();
}

const struct t_case t_cases[] = {T(out_and_back),
				 T(out_of_an_area),
				 T(full_swap),
				 T(pinned_out_of_swap),
				 T(mapped),
				 T(swap_errors),
				 T(swap_recovers),
				 T(dirty_pages),
				 T(a_file_that_cannot_be_written),
				 T(while_it_is_written),
				 T(moved_while_it_is_written),
				 T_END};
