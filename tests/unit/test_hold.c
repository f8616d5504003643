/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* mm/hold: pins and writeback: a held page stays; in a guaranteed area none is ever held. */
#include <string.h>
#include <freehold/cma.h>
#include <freehold/object.h>
#include <freehold/page.h>
#include "mm/machine.h"
#include "mm/reclaim.h"
#include "t.h"
#include "testplat.h"

static struct testplat tp;
static struct fh_machine *m;
static struct cma *cma;
static struct fh_object *o, *file;
static void (*in_write)(void);

static int ops_read(void *priv, uint64_t index, void *page)
{
	(void)priv, (void)index;
	memset(page, 0, FH_PAGE_SIZE);
	return 0;
}

static int ops_write(void *priv, uint64_t index, const void *page)
{
	(void)priv, (void)index, (void)page;
	if (in_write)
		in_write();
	return 0;
}

static const struct fh_object_ops ops = {ops_read, ops_write};

static bool start(enum cma_policy policy)
{
	in_write = NULL;
	m = testplat_start(&tp, 16, 8, policy, 1);
	if (!m)
		return false;
	cma = cma_find(m, "area");
	return T_EQ(fh_object_create(m, 4096, NULL, NULL, &o), 0) &&
	       T_EQ(fh_object_create(m, 4096, &ops, NULL, &file), 0);
}

static void end(void)
{
	fh_object_destroy(o);
	fh_object_destroy(file);
	testplat_end(&tp, m);
}

static bool inside(pfn_t pfn)
{
	return fh_pfn_to_phys(pfn).v >= cma_get_base(cma).v;
}

/* Writes pages until one lies in the area. */
static uint64_t page_inside(struct fh_object *of)
{
	pfn_t pfn;

	for (uint64_t i = 0; i < 4096; i++) {
		if (fh_object_write(of, i, 0, &i, 8))
			break;
		if (!fh_object_where(of, i, &pfn) && inside(pfn))
			return i;
	}
	T_OK(false, "a page comes to lie in the area");
	return 0;
}

static void bad_arguments(void)
{
	pfn_t pfn;

	T_NEED(start(CMA_POLICY_GUARANTEED));
	T_EQ(fh_object_pin(NULL, 0, &pfn), -FH_EINVAL);
	T_EQ(fh_object_pin(o, 4096, &pfn), -FH_EINVAL);
	T_EQ(fh_object_pin(o, 0, NULL), -FH_EINVAL);
	T_EQ(fh_object_unpin(NULL, 0), -FH_EINVAL);
	T_EQ(fh_object_unpin(o, 4096), -FH_EINVAL);
	T_EQ(fh_object_unpin(o, 0), -FH_EINVAL); /* empty */
	T_EQ(fh_object_write(o, 0, 0, "x", 1), 0);
	T_EQ(fh_object_unpin(o, 0), -FH_EINVAL); /* not pinned */
	end();
}

static void pins_nest(void)
{
	pfn_t a, b;

	T_NEED(start(CMA_POLICY_GUARANTEED));
	T_EQ(fh_object_pin(o, 7, &a), 0);
	for (int i = 1; i < 32768; i++)
		if (!T_EQ(fh_object_pin(o, 7, &b), 0) || !T_EQ(b, a))
			break;
	T_EQ(fh_object_pin(o, 7, &b), -FH_EINVAL); /* 2^15 are enough */
	T_EQ(m->lru.nr_held, 1);
	for (int i = 0; i < 32768; i++)
		if (!T_EQ(fh_object_unpin(o, 7), 0))
			break;
	T_EQ(m->lru.nr_held, 0);
	T_EQ(fh_object_unpin(o, 7), -FH_EINVAL);
	TP_CHECK(m);
	end();
}

static void guaranteed_moves_out_first(void)
{
	uint64_t i, v;
	pfn_t pfn;

	T_NEED(start(CMA_POLICY_GUARANTEED));
	i = page_inside(o);
	T_EQ(fh_object_pin(o, i, &pfn), 0);
	T_OK(!inside(pfn), "moved out");
	T_EQ(fh_object_read(o, i, 0, &v, 8), 0);
	T_EQ(v, i);
	T_EQ(*(uint64_t *)fh_page_address(m, pfn), i);
	TP_CHECK(m);
	T_EQ(fh_object_unpin(o, i), 0);
	end();
}

static void movable_pins_in_place(void)
{
	struct cma_failure f;
	pfn_t before, pfn, buffer = 1;
	uint64_t i;

	T_NEED(start(CMA_POLICY_MOVABLE));
	i = page_inside(o);
	T_EQ(fh_object_where(o, i, &before), 0);
	T_EQ(fh_object_pin(o, i, &pfn), 0);
	T_EQ(pfn, before);
	T_EQ(cma_alloc(cma, 2048, 0, CMA_NO_WARN, &buffer), -FH_EBUSY);
	T_EQ(buffer, 1);
	cma_last_failure(cma, &f);
	T_EQ(f.error, -FH_EBUSY);
	T_EQ(f.request.count, 2048);
	T_EQ(f.pfn, pfn);
	T_STR(f.why, "pinned");
	T_EQ(f.window.start, fh_phys_to_pfn(cma_get_base(cma)));
	TP_CHECK(m);
	T_EQ(fh_object_unpin(o, i), 0);
	T_EQ(fh_object_punch(o, 0, 4096) > 0, 1);
	T_EQ(cma_alloc(cma, 2048, 0, 0, &buffer), 0);
	T_OK(cma_release(cma, buffer, 2048), "");
	end();
}

/* A page pinned while the policy was `movable` is waited for, not for ever, and named (A5). */
static void held_when_the_policy_changes(void)
{
	struct cma_failure f;
	uint64_t i;
	pfn_t pfn;

	T_NEED(start(CMA_POLICY_MOVABLE));
	i = page_inside(o);
	T_EQ(fh_object_pin(o, i, &pfn), 0);
	T_OK(inside(pfn), "");
	T_EQ(cma_set_policy(cma, CMA_POLICY_GUARANTEED), -FH_EBUSY);
	T_EQ(cma_get_policy(cma), CMA_POLICY_MOVABLE);
	cma_last_failure(cma, &f);
	T_EQ(f.error, -FH_EBUSY);
	T_EQ(f.request.count, 0);
	T_EQ(f.pfn, pfn);
	T_STR(f.why, "pinned");
	TP_CHECK(m);
	T_EQ(fh_object_unpin(o, i), 0);
	T_EQ(cma_set_policy(cma, CMA_POLICY_GUARANTEED), 0);
	TP_CHECK(m);
	end();
}

/* Clean pages inside count as droppable; pinned outside they do not: no room, no pin. */
static void no_room_outside(void)
{
	uint64_t pinned = 0, in_area = 0;
	pfn_t pfn;
	int err = 0;

	T_NEED(start(CMA_POLICY_GUARANTEED));
	for (uint64_t i = 0; i < 4096 && !(err = fh_object_pin(file, i, &pfn)); i++) {
		in_area += inside(pfn);
		pinned++;
	}
	T_EQ(err, -FH_ENOMEM);
	T_OK(pinned > 1000 && pinned < 2048, "what lies outside, and no more");
	T_EQ(in_area, 0);
	TP_CHECK(m);
	T_EQ(cma_alloc(cma, 2048, 0, 0, &pfn), 0);
	T_OK(cma_release(cma, pfn, 2048), "");
	while (pinned)
		T_EQ(fh_object_unpin(file, --pinned), 0);
	end();
}

static uint64_t written;

static void while_it_is_written(void)
{
	pfn_t pfn, buffer;

	T_EQ(fh_object_where(file, written, &pfn), 0);
	T_OK(!inside(pfn), "not in a guaranteed area");
	T_EQ(frame_state(machine_frame(m, pfn)), FRAME_HELD);
	T_EQ(fh_object_punch(file, written, 1), 0);
	T_EQ(reclaim_clean(m, LRU_OUTSIDE, 4096) + 1 > 0, 1);
	T_EQ(fh_object_where(file, written, &pfn), 0);
	T_EQ(cma_alloc(cma, 2048, 0, 0, &buffer), 0); /* waits for no writer */
	T_OK(cma_release(cma, buffer, 2048), "");
	T_EQ(fh_object_write(file, written, 8, "again", 5), 0);
	TP_CHECK(m);
}

static void writeback(void)
{
	T_NEED(start(CMA_POLICY_GUARANTEED));
	written = page_inside(file);
	in_write = while_it_is_written;
	T_EQ(fh_object_writeback(file, written), 0);
	in_write = NULL;
	T_EQ(m->lru.nr_held, 0);
	T_OK(m->lru.nr_dirty > 0, "written to meanwhile: dirty again");
	TP_CHECK(m);
	for (uint64_t i = 0; i < 4096; i++)
		T_EQ(fh_object_writeback(file, i), 0);
	T_EQ(m->lru.nr_dirty, 0);
	end();
}

static void pin_in_write(void)
{
	pfn_t pfn;

	T_EQ(fh_object_pin(file, written, &pfn), 0);
}

/* Held for two reasons: the end of one does not let it go. */
static void pinned_and_written(void)
{
	pfn_t pfn;

	T_NEED(start(CMA_POLICY_GUARANTEED));
	T_EQ(fh_object_write(file, 0, 0, "x", 1), 0);
	written = 0;
	in_write = pin_in_write;
	T_EQ(fh_object_writeback(file, 0), 0);
	in_write = NULL;
	T_EQ(fh_object_where(file, 0, &pfn), 0);
	T_EQ(frame_state(machine_frame(m, pfn)), FRAME_HELD);
	TP_CHECK(m);
	T_EQ(fh_object_unpin(file, 0), 0);
	T_EQ(frame_state(machine_frame(m, pfn)), FRAME_LRU);
	end();
}

const struct t_case t_cases[] = {T(bad_arguments),
				 T(pins_nest),
				 T(guaranteed_moves_out_first),
				 T(movable_pins_in_place),
				 T(held_when_the_policy_changes),
				 T(no_room_outside),
				 T(writeback),
				 T(pinned_and_written),
				 T_END};
