/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* mm/migrate: pages leave their frames with their bytes; those that cannot are put back. */
#include <stdlib.h>
#include <string.h>
#include <freehold/cma.h>
#include <freehold/object.h>
#include <freehold/page.h>
#include "mm/machine.h"
#include "mm/migrate.h"
#include "mm/policy.h"
#include "t.h"
#include "testplat.h"

#define PAGES MIGRATE_BATCH

static struct testplat tp;
static struct fh_machine *m;
static struct fh_object *o;
static struct fh_space *s;
static struct tp_space *host;
static pfn_t pfn[PAGES], freed[PAGES];
static unsigned int nr_freed;

static int ops_read(void *priv, uint64_t index, void *page)
{
	(void)priv;
	memset(page, 0, FH_PAGE_SIZE);
	memcpy(page, &index, 8);
	return 0;
}

static const struct fh_object_ops ops = {ops_read, NULL};

static bool start(const struct fh_object_ops *with)
{
	nr_freed = 0;
	m = testplat_start(&tp, 32, 8, CMA_POLICY_GUARANTEED, 1);
	host = testplat_space(&tp);
	return m && T_EQ(fh_object_create(m, PAGES, with, NULL, &o), 0) &&
	       T_EQ(fh_space_create(m, host, &s), 0) && T_EQ(fh_space_map(s, 0, o, 0, PAGES), 0);
}

static void end(void)
{
	TP_SPACE_CHECK(s, host);
	fh_space_destroy(s);
	fh_object_destroy(o);
	while (nr_freed)
		T_EQ(fh_free_pages(m, freed[--nr_freed], 0), 0);
	testplat_end(&tp, m);
	free(host);
}

/* Pages 0..n, isolated; those of `file` are clean. */
static void isolate(unsigned int n, bool write)
{
	enum frame_state state;

	for (uint64_t i = 0; i < n; i++) {
		uint64_t v;

		if (write)
			T_EQ(fh_space_store(s, i, 0, &i, 8), 0);
		else
			T_EQ(fh_space_load(s, i, 0, &v, 8), 0);
		T_EQ(fh_object_where(o, i, &pfn[i]), 0);
	}
	for (uint64_t i = 0; i < n; i++)
		T_OK(lru_isolate(m, pfn[i], &state), "ours");
}

static void emptied(void *data, pfn_t p)
{
	T_OK(data == freed, "the data that was given");
	T_EQ(frame_state(machine_frame(m, p)), FRAME_RAW);
	T_OK(!block_is_free(m, p), "it is the callee's");
	freed[nr_freed++] = p;
}

static void bytes_are_right(unsigned int n)
{
	for (uint64_t i = 0, v; i < n; i++)
		if (!T_OK(!fh_object_read(o, i, 0, &v, 8) && v == i, "its bytes"))
			return;
}

static void moves_all(void)
{
	struct migrate_result r = {0};

	T_NEED(start(NULL));
	isolate(PAGES, true);
	migrate_pages(m, pfn, PAGES, MIGRATE_OUT, emptied, freed, &r);
	T_EQ(r.moved, PAGES);
	T_EQ(r.dropped + r.failed, 0);
	T_EQ(nr_freed, PAGES);
	TP_SPACE_CHECK(s, host);
	TP_CHECK(m);
	bytes_are_right(PAGES);
	end();
}

static void drops_what_is_clean(void)
{
	struct migrate_result r = {0};

	T_NEED(start(&ops));
	isolate(20, false);
	migrate_pages(m, pfn, 20, MIGRATE_OUT, emptied, freed, &r);
	T_EQ(r.dropped, 20);
	T_EQ(r.moved, 0);
	T_EQ(nr_freed, 20);
	T_EQ(m->lru.nr_file, 0);
	bytes_are_right(20);
	end();
}

static void keeps_what_must_stay(void)
{
	static const enum migrate_mode modes[] = {MIGRATE_OUT_NO_DROP, MIGRATE_TO_SPARE};

	for (unsigned int i = 0; i < 2; i++) {
		struct migrate_result r = {0};

		T_NEED(start(&ops));
		isolate(20, false);
		migrate_pages(m, pfn, 20, modes[i], emptied, freed, &r);
		T_EQ(r.dropped, 0);
		T_EQ(r.moved, 20);
		T_EQ(m->lru.nr_file, 20);
		TP_CHECK(m);
		bytes_are_right(20);
		end();
	}
}

static void out_means_outside(void)
{
	struct migrate_result r = {0};
	pfn_t at;

	T_NEED(start(NULL));
	isolate(PAGES, true);
	migrate_pages(m, pfn, PAGES, MIGRATE_OUT, emptied, freed, &r);
	for (uint64_t i = 0; i < PAGES; i++) {
		T_EQ(fh_object_where(o, i, &at), 0);
		T_OK(!machine_area(m, machine_block(m, at)), "not in an area");
	}
	end();
}

/* protect or map of the platform fails, once or for good: the pages move all the same, and show up again when
 * they are touched. */
static void platform_refuses(void)
{
	for (int nth = 1; nth <= 6; nth++) {
		struct migrate_result r = {0};

		T_NEED(start(NULL));
		isolate(PAGES, true);
		atomic_store(&tp.fail_nth, nth / 2 + 1);
		tp.fail_sticky = nth & 1;
		migrate_pages(m, pfn, PAGES, MIGRATE_OUT, emptied, freed, &r);
		T_EQ(r.moved, PAGES);
		T_EQ(r.failed, 0);
		T_EQ(r.moved, nr_freed);
		atomic_store(&tp.fail_nth, 0);
		TP_CHECK(m);
		TP_SPACE_CHECK(s, host);
		bytes_are_right(PAGES);
		end();
	}
}

/* To frames that the caller has: into an area, if he likes; a clean page is not dropped. */
static void to_given_frames(void)
{
	for (int64_t nth = 0; nth <= 1; nth++) {
		struct migrate_result r = {0};
		pfn_t to[16], at;
		unsigned int arrived = 0;

		T_NEED(start(&ops));
		isolate(16, false);
		for (unsigned int i = 0; i < 16; i++)
			T_EQ(fh_alloc_pages(m, __GFP_MOVABLE | __GFP_CMA | GFP_DROPPABLE, 0,
					    &to[i]),
			     0);
		atomic_store(&tp.fail_nth, nth);
		migrate_pages_to(m, pfn, 16, to, emptied, freed, &r);
		atomic_store(&tp.fail_nth, 0);
		T_EQ(r.moved + r.failed, 16);
		T_EQ(r.dropped, 0);
		T_EQ(r.moved, 16); /* unmapped where the platform would not map */
		T_EQ(nr_freed, r.moved);
		for (uint64_t i = 0; i < 16; i++)
			arrived += !fh_object_where(o, i, &at) && at == to[i];
		T_EQ(arrived, r.moved);
		TP_CHECK(m);
		TP_SPACE_CHECK(s, host);
		bytes_are_right(16);
		end();
	}
}

/* Nowhere to go: all are put back. */
static void no_frame_to_move_to(void)
{
	struct migrate_result r = {0};
	pfn_t list = 0, p;

	T_NEED(start(NULL));
	isolate(16, true);
	testplat_cpu(~0u);
	while (!fh_alloc_pages(m, __GFP_MOVABLE | GFP_EVACUATE | __GFP_DIRECT_RECLAIM, 0, &p)) {
		*(pfn_t *)fh_page_address(m, p) = list;
		list = p;
	}
	migrate_pages(m, pfn, 16, MIGRATE_OUT, emptied, freed, &r);
	T_EQ(r.failed, 16);
	T_EQ(r.error, -FH_ENOMEM);
	T_EQ(nr_freed, 0);
	TP_CHECK(m);
	bytes_are_right(16);
	while (list) {
		p = *(pfn_t *)fh_page_address(m, list);
		T_EQ(fh_free_pages(m, list, 0), 0);
		list = p;
	}
	testplat_cpu(0);
	end();
}

const struct t_case t_cases[] = {
	T(moves_all),	     T(drops_what_is_clean), T(keeps_what_must_stay), T(out_means_outside),
	T(platform_refuses), T(to_given_frames),     T(no_frame_to_move_to),  T_END};
