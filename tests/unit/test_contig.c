/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* mm/contig: a range becomes ours whatever its tenants; on failure all is as before. */
#include <freehold/cma.h>
#include <freehold/object.h>
#include <freehold/page.h>
#include "mm/contig.h"
#include "mm/drain.h"
#include "mm/machine.h"
#include "t.h"
#include "testplat.h"

static struct testplat tp;
static struct fh_machine *m;
static struct fh_object *o;
static pfn_t base; /* of the area: blocks 8..15 */

static bool start(enum cma_policy policy)
{
	m = testplat_start(&tp, 32, 16, policy, 1);
	base = (TP_BASE >> FH_PAGE_SHIFT) + 4096;
	return m && T_EQ(fh_object_create(m, 8192, NULL, NULL, &o), 0);
}

static void end(void)
{
	fh_object_destroy(o);
	testplat_end(&tp, m);
}

static uint64_t fill(uint64_t n)
{
	uint64_t i = 0;

	while (i < n && !fh_object_write(o, i, 0, &i, 8))
		i++;
	return i;
}

static void bytes_are_right(uint64_t n)
{
	for (uint64_t i = 0, v; i < n; i++)
		if (!T_OK(!fh_object_read(o, i, 0, &v, 8) && v == i, "its bytes"))
			return;
}

static uint64_t free_frames(void)
{
	struct fh_mem_info info;

	fh_mem_info(m, &info);
	return info.free;
}

/* Any part of any blocks, idle: taken and given back exactly. (The area's bitmap is not asked, so
 * fh_check() waits until all is back.) */
static void idle_ranges(void)
{
	static const struct range ranges[] = {
		{0, 1}, {511, 513}, {0, 4096}, {100, 3000}, {512, 1024}, {4095, 4096}, {1, 4095},
	};
	struct contig_result r;

	T_NEED(start(CMA_POLICY_GUARANTEED));
	for (unsigned int i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		struct range w = {base + ranges[i].start, base + ranges[i].end};
		uint64_t before = free_frames();

		T_EQ(contig_claim(m, &(struct contig_want){w, CMA_POLICY_GUARANTEED, 0, NULL}, &r),
		     0);
		T_EQ(r.migrated + r.dropped, 0);
		T_EQ(before - free_frames(), w.end - w.start);
		for (pfn_t p = w.start - 1; p <= w.end; p++) {
			bool in = p >= w.start && p < w.end;

			if (p < base + 4096 && !T_EQ(block_is_free(m, p), !in))
				break;
		}
		contig_release(m, w);
		T_EQ(free_frames(), before);
		TP_CHECK(m);
	}
	end();
}

static void tenants_move_out(void)
{
	struct contig_result r;
	struct range w = {base + 300, base + 4000};
	uint64_t n;
	pfn_t pfn;

	T_NEED(start(CMA_POLICY_GUARANTEED));
	n = fill(8192);
	T_OK(!fh_object_punch(o, 0, 0), "");
	T_EQ(contig_claim(m, &(struct contig_want){w, CMA_POLICY_GUARANTEED, 0, NULL}, &r), 0);
	for (uint64_t i = 0; i < n; i++)
		if (!T_OK(!fh_object_where(o, i, &pfn) && (pfn < w.start || pfn >= w.end), "out"))
			break;
	bytes_are_right(n);
	contig_release(m, w);
	TP_CHECK(m);
	end();
}

/* A pinned page in the middle: all that was taken and moved comes back into use. */
static void failure_undoes(void)
{
	struct contig_result r;
	struct range w = {base, base + 4096};
	uint64_t n, held = 0, before;
	pfn_t pfn = 0;

	T_NEED(start(CMA_POLICY_MOVABLE));
	n = fill(3000);
	for (uint64_t i = 0; i < n && !held; i++)
		if (!fh_object_where(o, i, &pfn) && pfn > base + 600 && pfn < base + 4096)
			held = i;
	T_NEED(held);
	T_EQ(fh_object_pin(o, held, &pfn), 0);
	before = free_frames();
	T_EQ(contig_claim(m, &(struct contig_want){w, CMA_POLICY_MOVABLE, 0, NULL}, &r), -FH_EBUSY);
	T_EQ(r.pfn, pfn);
	T_STR(r.why, "pinned");
	TP_CHECK(m);
	testplat_quiesce(m);
	T_OK(free_frames() >= before, "nothing is lost");
	bytes_are_right(n);
	T_EQ(fh_object_unpin(o, held), 0);
	T_EQ(fh_object_punch(o, 0, 8192), n);
	T_EQ(contig_claim(m, &(struct contig_want){w, CMA_POLICY_MOVABLE, 0, NULL}, &r), 0);
	contig_release(m, w);
	end();
}

/* Sixteen blocks, which others help to empty. */
static const struct range wide = {(TP_BASE >> FH_PAGE_SHIFT) + 8192,
				  (TP_BASE >> FH_PAGE_SHIFT) + 16384};

static bool start_helped(void)
{
	testplat_init(&tp);
	testplat_helpers(&tp);
	testplat_cpu(0);
	m = testplat_machine(&tp, 64, 32, CMA_POLICY_GUARANTEED, 4);
	return m && T_EQ(fh_object_create(m, 8192, NULL, NULL, &o), 0);
}

/* Sixteen blocks, four threads: each page leaves once. */
static void several_empty_it(void)
{
	uint64_t n, inside = 0;
	struct contig_result r;
	pfn_t pfn;

	T_NEED(start_helped());
	T_EQ(cma_set_policy(cma_default(m), CMA_POLICY_MOVABLE), 0); /* tenants go inside early */
	n = fill(7000);
	T_EQ(n, 7000);
	T_EQ(cma_set_policy(cma_default(m), CMA_POLICY_GUARANTEED), 0);
	for (uint64_t i = 0; i < n; i++)
		inside += !fh_object_where(o, i, &pfn) && pfn >= wide.start;
	T_OK(inside > 2000, "there is something to do");
	T_EQ(contig_claim(m, &(struct contig_want){wide, CMA_POLICY_GUARANTEED, 0, NULL}, &r), 0);
	T_EQ(r.migrated, inside);
	T_OK(tp.helped, "by others, too");
	T_EQ(m->nr_device, 8192);
	for (uint64_t i = 0; i < n; i++)
		if (!T_OK(!fh_object_where(o, i, &pfn) && pfn < wide.start, "out"))
			break;
	bytes_are_right(n);
	contig_release(m, wide);
	end();
}

/* A page in one block will not move: the others' work is undone, too, and the record names that page. */
static void one_of_several_fails(void)
{
	struct contig_result r;
	uint64_t n, held = 0;
	pfn_t pfn = 0;

	T_NEED(start_helped());
	T_EQ(cma_set_policy(cma_default(m), CMA_POLICY_MOVABLE), 0);
	n = fill(7000);
	for (uint64_t i = 0; i < n && !held; i++)
		if (!fh_object_where(o, i, &pfn) && pfn > wide.start + 1100)
			held = i;
	T_NEED(held);
	T_EQ(fh_object_pin(o, held, &pfn), 0);
	T_EQ(contig_claim(m, &(struct contig_want){wide, CMA_POLICY_GUARANTEED, 0, NULL}, &r),
	     -FH_EBUSY);
	T_EQ(r.pfn, pfn);
	T_STR(r.why, "pinned");
	T_EQ(m->nr_device, 0);
	TP_CHECK(m);
	bytes_are_right(n);
	T_EQ(fh_object_unpin(o, held), 0);
	end();
}

/* Frames in CPUs' caches are asked back, and no sooner than needed. */
static void cached_words(void)
{
	struct contig_result r;
	struct range w = {base, base + 4096};
	uint64_t drains, n = 0;
	pfn_t pfn[2048], in_area = 0;

	T_NEED(start(CMA_POLICY_MOVABLE));
	drains = vm_sum(m, VM_pcp_drain);
	T_EQ(contig_claim(m, &(struct contig_want){w, CMA_POLICY_MOVABLE, 0, NULL}, &r), 0);
	T_EQ(vm_sum(m, VM_pcp_drain), drains);
	contig_release(m, w);
	while (n < 2048 && !in_area && !fh_alloc_pages(m, GFP_HIGHUSER_MOVABLE, 0, &pfn[n]))
		in_area = pfn[n++] >= base;
	T_NEED(in_area);
	while (n)
		T_EQ(fh_free_pages(m, pfn[--n], 0), 0);
	T_EQ(contig_claim(m, &(struct contig_want){w, CMA_POLICY_MOVABLE, 0, NULL}, &r), 0);
	T_EQ(vm_sum(m, VM_pcp_drain), drains + 1);
	contig_release(m, w);
	end();
}

/* Nowhere to go: -FH_ENOMEM, and all as before. */
static void no_room(void)
{
	struct contig_result r;
	struct range w = {base, base + 4096};
	uint64_t n;

	T_NEED(start(CMA_POLICY_MOVABLE));
	n = fill(8192);
	T_OK(n > 7000, "memory is full");
	T_EQ(contig_claim(m, &(struct contig_want){w, CMA_POLICY_MOVABLE, 0, NULL}, &r),
	     -FH_ENOMEM);
	T_OK(r.why && r.pfn >= base, "says where");
	TP_CHECK(m);
	bytes_are_right(n);
	end();
}

const struct t_case t_cases[] = {
	T(idle_ranges),		 T(tenants_move_out), T(failure_undoes), T(several_empty_it),
	T(one_of_several_fails), T(cached_words),     T(no_room),	 T_END};
