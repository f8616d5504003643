/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* mm/exchange: who changes places, when, how often, and what becomes of it when something comes between. */
#include <stdlib.h>
#include <string.h>
#include <freehold/cma.h>
#include <freehold/object.h>
#include <freehold/page.h>
#include "mm/machine.h"
#include "mm/policy.h"
#include "t.h"
#include "testplat.h"

#define AREA  1024 /* frames: two blocks */
#define PAGES 8192
#define MS    UINT64_C(1000000)

static struct testplat tp;
static struct fh_machine *m;
static struct cma *cma;
static struct fh_object *anon, *file;
static struct fh_space *s;
static struct tp_space *host;
static uint64_t now, tick; /* the machine's clock, and what each look at it takes */
static uint64_t nr_anon, old_file,
	nr_file;  /* pages: of anon [0, nr_anon), of file [old_file, nr_file) */
static pfn_t raw; /* frames that are neither, in a list */

static uint64_t clock_ns(void *ctx)
{
	(void)ctx;
	return now += tick;
}

static int file_read(void *priv, uint64_t index, void *page)
{
	(void)priv;
	memset(page, 0, FH_PAGE_SIZE);
	memcpy(page, &index, 8);
	return 0;
}

static const struct fh_object_ops file_ops = {file_read, NULL};

/* Frames outside that are free. */
static uint64_t outside(void)
{
	struct fh_mem_info info;

	fh_mem_info(m, &info);
	return info.free - info.cma_free;
}

static uint64_t mark(enum zone_watermark which)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < MAX_NR_ZONES; i++)
		n += m->zone[i].wmark[which];
	return n;
}

static uint64_t few(void)
{
	return mark(WMARK_HIGH);
}

static uint64_t plenty(void)
{
	return 2 * mark(WMARK_HIGH) + 300;
}

static uint64_t one_too_few(void)
{
	return mark(WMARK_LOW) + POLICY_EXCHANGE_BATCH - 1;
}

/* So many frames outside are left free: the newest of the cache goes, or somebody takes what is too many. */
static void leave_free(uint64_t n)
{
	pfn_t p;

	while (outside() > n && !fh_alloc_pages(m, GFP_NOWAIT, 0, &p)) {
		*(pfn_t *)fh_page_address(m, p) = raw;
		raw = p;
	}
	while (raw && outside() < n) {
		p = *(pfn_t *)fh_page_address(m, raw);
		T_EQ(fh_free_pages(m, raw, 0), 0);
		raw = p;
	}
	while (outside() < n && nr_file > old_file)
		T_EQ(fh_object_punch(file, --nr_file, 1), 1);
}

static bool inside(struct fh_object *o, uint64_t i)
{
	pfn_t pfn;

	return !fh_object_where(o, i, &pfn) && machine_area(m, machine_block(m, pfn));
}

static uint64_t how_many_inside(struct fh_object *o)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < PAGES; i++)
		n += inside(o, i);
	return n;
}

/* A device takes so much, and gives it back: how many pages had to move, and how many were dropped. */
static struct cma_stats take(unsigned long count)
{
	struct cma_stats before, after;
	pfn_t pfn;

	cma_get_stats(cma, &before);
	if (T_EQ(cma_alloc(cma, count, 0, 0, &pfn), 0))
		T_OK(cma_release(cma, pfn, count), "");
	cma_get_stats(cma, &after);
	after.pages_migrated -= before.pages_migrated;
	after.pages_dropped -= before.pages_dropped;
	after.spared -= before.spared;
	return after;
}

static struct cma_stats stats(void)
{
	struct cma_stats st;

	cma_get_stats(cma, &st);
	return st;
}

static void start_of(enum cma_policy policy)
{
	m = testplat_start(&tp, 32, 4, policy, 1);
	testplat_cpu(~0u); /* no caches: all figures are exact */
	m->plat.clock_ns = clock_ns;
	now = 1000000000;
	tick = nr_anon = old_file = nr_file = 0;
	raw = 0;
	cma = cma_find(m, "area");
	host = testplat_space(&tp);
	T_EQ(fh_object_create(m, PAGES, NULL, NULL, &anon), 0);
	T_EQ(fh_object_create(m, PAGES, &file_ops, NULL, &file), 0);
	T_EQ(fh_space_create(m, host, &s), 0);
	T_EQ(fh_space_map(s, 0, anon, 0, 2048), 0);
	T_EQ(fh_space_map(s, 2048, file, AREA, 2048), 0);
}

/* The area, which a device has had `takes` times, full of anonymous pages, and so many frames outside free: the others are
 * clean cache. */
static void crowd(unsigned int takes, uint64_t left)
{
	uint64_t v;
	pfn_t cold;

	T_EQ(cma_set_exchange(cma, true), 0);
	while (takes--)
		take(AREA);
	for (; outside() > mark(WMARK_HIGH); nr_file++)
		if (!T_EQ(fh_object_read(file, nr_file, 0, &v, 8), 0))
			break;
	T_EQ(fh_object_punch(file, 0, AREA), AREA);
	old_file = AREA;
	T_EQ(how_many_inside(file), 0);
	for (; nr_anon < AREA; nr_anon++)
		if (!T_EQ(fh_space_store(s, nr_anon, 0, &nr_anon, 8), 0))
			break;
	T_EQ(how_many_inside(anon), AREA);
	/* Some of the cache is mapped; and all of it has not been used for long. */
	for (uint64_t i = 0; i < 100; i++)
		T_EQ(fh_space_load(s, 2048 + i, 0, &v, 8), 0);
	T_EQ(lru_isolate_clean(m, LRU_OUTSIDE, &cold, 1), 1);
	lru_putback(m, cold);
	leave_free(left);
	now += 100 * MS;
}

static void start(unsigned int takes, uint64_t (*left)(void))
{
	start_of(CMA_POLICY_GUARANTEED);
	crowd(takes, left());
}

static void all_is_well(void)
{
	uint64_t v;

	TP_CHECK(m);
	TP_SPACE_CHECK(s, host);
	for (uint64_t i = 0; i < nr_anon; i++)
		if (!T_OK(!fh_space_load(s, i, 0, &v, 8) && v == i, "its bytes"))
			return;
	for (uint64_t i = old_file; i < nr_file; i++)
		if (!T_OK(!fh_object_read(file, i, 0, &v, 8) && v == i, "its bytes"))
			return;
}

static void end(void)
{
	all_is_well();
	while (raw) {
		pfn_t p = *(pfn_t *)fh_page_address(m, raw);

		T_EQ(fh_free_pages(m, raw, 0), 0);
		raw = p;
	}
	fh_space_destroy(s);
	fh_object_destroy(anon);
	fh_object_destroy(file);
	testplat_cpu(0);
	testplat_end(&tp, m);
	free(host);
}

/* Steps until there are no more; how many did something. */
static unsigned int steps(unsigned int max)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < max; i++) {
		n += cma_background(m);
		now += POLICY_EXCHANGE_LOOK_NS;
	}
	return n;
}

static void change_places(void)
{
	struct cma_stats st;
	uint64_t was;

	start(2, few);
	was = outside();
	T_OK(cma_background(m), "a step");
	st = stats();
	T_EQ(st.exchanged_out, POLICY_EXCHANGE_BATCH);
	T_EQ(st.exchanged_in, POLICY_EXCHANGE_BATCH);
	T_EQ(how_many_inside(anon), AREA - POLICY_EXCHANGE_BATCH);
	T_EQ(how_many_inside(file), POLICY_EXCHANGE_BATCH);
	T_OK(inside(file, AREA + 1) && !inside(file, nr_file - 1), "the coldest");
	T_EQ(outside(), was);
	T_EQ(vm_sum(m, VM_exchange_out), POLICY_EXCHANGE_BATCH);
	T_EQ(vm_sum(m, VM_exchange_in), POLICY_EXCHANGE_BATCH);
	all_is_well();
	steps(200);
	T_EQ(how_many_inside(file), AREA);
	T_EQ(how_many_inside(anon), 0);
	all_is_well();
	/* Forgotten, not copied. */
	st = take(AREA);
	T_EQ(st.pages_migrated, 0);
	T_EQ(st.pages_dropped, AREA);
	T_EQ(st.spared, AREA);
	T_EQ(vm_sum(m, VM_exchange_spared), AREA);
	end();
}

static void out_while_there_is_plenty(void)
{
	struct cma_stats st;

	start(2, plenty);
	T_OK(cma_background(m), "a step");
	st = stats();
	T_EQ(st.exchanged_out, POLICY_EXCHANGE_BATCH);
	T_EQ(st.exchanged_in, 0);
	T_EQ(how_many_inside(anon), AREA - POLICY_EXCHANGE_BATCH);
	T_EQ(how_many_inside(file), 0);
	all_is_well();
	end();
}

/* A dirty page of a file is one that cannot be dropped; clean again, it has been exchanged once and stays. */
static void dirty_ones_too(void)
{
	uint64_t v = 0;

	start_of(CMA_POLICY_GUARANTEED);
	T_EQ(cma_set_exchange(cma, true), 0);
	take(AREA);
	take(AREA);
	for (; nr_file < AREA; nr_file++)
		T_EQ(fh_object_read(file, nr_file, 0, &v, 8), 0);
	T_EQ(how_many_inside(file), AREA);
	now += 100 * MS;
	T_OK(!steps(10), "they can be dropped");
	for (uint64_t i = 0; i < 40; i++)
		T_EQ(fh_object_write(file, i, 0, &i, 8), 0);
	/* A block in which nothing was found is looked at again when a period is over. */
	take(8);
	now += POLICY_EXCHANGE_PERIOD_NS;
	T_OK(steps(10) > 0, "some cannot");
	T_EQ(stats().exchanged_out, 40);
	for (uint64_t i = 0; i < 40; i++)
		T_OK(!inside(file, i), "out");
	end();
}

static void only_where_devices_come_again(void)
{
	start(0, plenty);
	T_EQ(steps(50), 0);
	end();
	start(1, plenty);
	T_EQ(steps(50), 0);
	end();
	/* Two, but long ago. */
	start(2, plenty);
	now += POLICY_EXCHANGE_PERIOD_NS;
	T_EQ(steps(1), 1); /* now there is a last period */
	now += POLICY_EXCHANGE_PERIOD_NS;
	T_EQ(steps(50), 0);
	end();
	/* Off, and where it has no say. */
	start(2, plenty);
	T_EQ(cma_set_exchange(NULL, true), -FH_EINVAL);
	T_OK(cma_get_exchange(cma), "on");
	T_EQ(cma_set_exchange(cma, false), 0);
	T_EQ(steps(10), 0);
	T_EQ(cma_set_exchange(cma, true), 0);
	T_EQ(steps(10), 0); /* it begins anew */
	end();
	start(2, plenty);
	T_EQ(cma_set_policy(cma, CMA_POLICY_MOVABLE), 0);
	T_EQ(steps(10), 0);
	T_EQ(cma_set_policy(cma, CMA_POLICY_GUARANTEED), 0);
	T_OK(steps(10) > 0, "guaranteed");
	end();
}

/* What a device has in hand it will not ask for. */
static void not_for_what_is_taken(void)
{
	pfn_t pfn;

	start(2, plenty);
	T_EQ(cma_alloc(cma, AREA / 2, 0, 0, &pfn), 0);
	leave_free(plenty());
	T_OK(steps(40) > 0, "the other half");
	T_EQ(stats().exchanged_out, AREA / 2);
	T_OK(cma_release(cma, pfn, AREA / 2), "");
	end();
}

static void not_while_memory_is_short(void)
{
	start(2, one_too_few);
	T_EQ(steps(20), 0);
	leave_free(mark(WMARK_LOW) + POLICY_EXCHANGE_BATCH);
	T_OK(steps(1), "enough");
	end();
}

/* There are free frames, but who needs some that cannot be dropped would hardly get any. */
static void not_while_the_budget_is(void)
{
	pfn_t p;

	start(2, few);
	while (!fh_alloc_pages(m, GFP_KERNEL, 0, &p)) {
		*(pfn_t *)fh_page_address(m, p) = raw;
		raw = p;
	}
	while (outside() < few() && nr_file > old_file)
		fh_object_punch(file, --nr_file, 1);
	T_EQ(outside(), few());
	T_EQ(steps(20), 0);
	leave_free(few() + 200);
	T_OK(steps(1), "there is room again");
	end();
}

/* A page that was exchanged once, whatever it was then, does not come inside; nor does the look for a window show. */
static void comes_once(void)
{
	uint64_t n = 0;
	pfn_t pfn, at;

	start(2, few);
	for (uint64_t i = 1; i <= 40; i++)
		if (T_EQ(fh_object_where(file, AREA + i, &pfn), 0))
			frame_flag_set(machine_frame(m, pfn), FRAME_EXCHANGED);
	at = cma->search_at;
	T_OK(steps(100) > 0, "others do");
	/* Who was only looked at may come later. */
	for (uint64_t i = old_file; i < nr_file; i++)
		if (!fh_object_where(file, i, &pfn))
			n += !!(frame_flags(machine_frame(m, pfn)) & FRAME_EXCHANGED);
	T_EQ(n, 40 + stats().exchanged_in);
	T_EQ(cma->search_at, at);
	for (uint64_t i = 1; i <= 40; i++)
		T_OK(!inside(file, AREA + i), "stays");
	end();
}

/* ---- what comes between ---- */

static int map_and_claim(void *ctx, void *space, uint64_t va, pfn_t pfn, uint64_t nr,
			 unsigned int flags)
{
	atomic_store(&cma->exchange.claims, 1);
	return tp.plat.map(ctx, space, va, pfn, nr, flags);
}

static void a_device_comes(void)
{
	start(2, few);
	atomic_store(&cma->exchange.claims, 1);
	T_EQ(steps(5), 0);
	atomic_store(&cma->exchange.claims, 0);
	/* Between the two moves. */
	m->plat.map = map_and_claim;
	steps(1);
	T_EQ(stats().exchanged_out, POLICY_EXCHANGE_BATCH);
	T_EQ(stats().exchanged_in, 0);
	T_EQ(how_many_inside(file), 0);
	T_EQ(steps(5), 0);
	m->plat.map = tp.plat.map;
	atomic_store(&cma->exchange.claims, 0);
	leave_free(few());
	all_is_well();
	T_OK(steps(50), "and goes on");
	end();
	/* A request leaves nothing behind that stops it. */
	start(2, few);
	T_EQ(cma_alloc(cma, AREA + 1, 0, CMA_NO_WARN, &(pfn_t){0}), -FH_ENOMEM);
	T_EQ(atomic_load(&cma->exchange.claims), 0);
	take(AREA);
	T_EQ(atomic_load(&cma->exchange.claims), 0);
	end();
}

static bool one_failure(int64_t nth, bool sticky)
{
	uint64_t anon_in, file_in, free_out;
	struct cma_stats st;
	bool failed;

	start(2, few);
	anon_in = how_many_inside(anon);
	file_in = how_many_inside(file);
	free_out = outside();
	atomic_store(&tp.failed, 0);
	tp.fail_sticky = sticky;
	atomic_store(&tp.fail_nth, nth);
	cma_background(m);
	atomic_store(&tp.fail_nth, 0);
	tp.fail_sticky = false;
	failed = atomic_load(&tp.failed);
	st = stats();
	T_EQ(how_many_inside(anon), anon_in - st.exchanged_out);
	T_EQ(how_many_inside(file), file_in + st.exchanged_in);
	T_EQ(outside(), free_out - st.exchanged_out + st.exchanged_in);
	/* What the platform will not map is unmapped: a move does not depend on it. */
	T_EQ(st.exchanged_in, POLICY_EXCHANGE_BATCH);
	end();
	return failed;
}

static void failures(void)
{
	for (unsigned int sticky = 0; sticky < 2; sticky++) {
		int64_t nth = 1;

		while (nth < 200 && one_failure(nth, sticky))
			nth++;
		T_OK(nth > 3 && nth < 200, "calls that may fail");
	}
}

/* The frames that were free a moment ago are not any more: nothing has changed, and nobody's cache went for it. */
static void no_frame(void)
{
	_Atomic(int64_t) *free;
	int64_t files;
	pfn_t p;

	start(2, few);
	while (!fh_alloc_pages(m, __GFP_MOVABLE | GFP_EVACUATE, 0, &p)) {
		*(pfn_t *)fh_page_address(m, p) = raw;
		raw = p;
	}
	files = m->lru.nr_file;
	free = &m->zone[m->top_zone[MAX_NR_ZONES - 1]].nr_free;
	atomic_fetch_add(free, (int64_t)few());
	T_EQ(steps(1), 1);
	atomic_fetch_sub(free, (int64_t)few());
	T_EQ(stats().exchanged_out + stats().exchanged_in, 0);
	T_EQ(how_many_inside(anon), AREA);
	T_EQ(how_many_inside(file), 0);
	T_EQ(m->lru.nr_file, files);
	TP_CHECK(m);
	end();
}

/* ---- how often, and for how long ---- */

/* A device that comes and goes, and files that are dirtied wherever they are: no page moves twice. */
static void no_ping_pong(void)
{
	struct cma_stats st;
	uint64_t moved;

	start(2, few);
	steps(100);
	st = stats();
	T_EQ(st.exchanged_out, AREA);
	T_EQ(st.exchanged_in, AREA);
	for (unsigned int i = 0; i < 100; i++) {
		uint64_t page = AREA + 100 + i % 10;

		/* One that came inside becomes dirty: it does not go out again. */
		T_EQ(fh_object_write(file, page, 0, &page, 8), 0);
		cma_background(m);
		now += POLICY_EXCHANGE_LOOK_NS;
	}
	T_EQ(stats().exchanged_out, AREA);
	/* An area that is taken all the time: its pages that left do not come back for it. */
	for (unsigned int i = 0; i < 100; i++) {
		take(AREA);
		leave_free(few());
		cma_background(m);
		now += POLICY_EXCHANGE_LOOK_NS;
	}
	moved = stats().exchanged_out + stats().exchanged_in;
	T_EQ(how_many_inside(anon), 0);
	T_OK(moved <= nr_anon + nr_file, "each once");
	end();
}

static void a_share_of_a_cpu(void)
{
	uint64_t began, took;

	start(2, plenty);
	tick = 1000;
	began = now + tick;
	T_OK(cma_background(m), "a step");
	took = now - began;
	T_OK(!cma_background(m), "not at once");
	now = began + 98 * took;
	T_OK(!cma_background(m), "not yet");
	now = began + 100 * took;
	T_OK(cma_background(m), "1 % of a CPU");
	T_OK(stats().exchange_ns > 0, "it is on the bill");
	end();
}

static void what_does_not_pay_ends(void)
{
	start(2, plenty);
	fh_lock(&cma->lock);
	cma->exchange.balance_ns = -(int64_t)POLICY_EXCHANGE_STAKE_NS;
	fh_unlock(&cma->lock);
	T_EQ(steps(20), 0);
	/* Tried again when that is longer ago. */
	now += POLICY_EXCHANGE_PERIOD_NS;
	T_OK(steps(2) > 0, "half of it is forgotten");
	end();
	/* When what comes inside costs as much as what leaves. */
	start(2, few);
	fh_lock(&cma->lock);
	cma->exchange.in_ns = cma->exchange.move_ns;
	fh_unlock(&cma->lock);
	T_EQ(steps(20), 0);
	leave_free(plenty());
	T_OK(steps(1), "with free frames nothing does");
	end();
}

/* What is said to be saved is what a device then finds. */
static void the_bill(void)
{
	struct cma_stats st, all;

	start(2, plenty);
	tick = 1000;
	for (unsigned int i = 0; i < 5; i++, now += 100 * MS)
		T_OK(cma_background(m), "a step");
	tick = 0;
	all = stats();
	T_EQ(all.exchanged_out, 5 * POLICY_EXCHANGE_BATCH);
	T_EQ(all.exchange_ns, 5 * 1000);
	T_EQ(all.spared + all.spared_ns + all.exchange_back_ns, 0);
	st = take(AREA);
	T_EQ(st.pages_migrated, AREA - all.exchanged_out);
	T_EQ(st.spared, all.exchanged_out);
	T_EQ(st.exchange_back_ns, st.spared * cma->exchange.move_ns);
	T_OK(st.spared_ns > 0 && st.spared_ns < st.exchange_back_ns, "a drop is not free");
	/* Once. */
	T_EQ(take(AREA).spared, 0);
	end();
	/* Where others have moved in for those that left, nothing was gained. */
	start(2, plenty);
	steps(5);
	T_EQ(stats().exchanged_out, 5 * POLICY_EXCHANGE_BATCH);
	leave_free(few());
	while (how_many_inside(anon) < AREA && nr_anon < 2048) {
		if (!T_EQ(fh_space_store(s, nr_anon, 0, &nr_anon, 8), 0))
			break;
		nr_anon++;
	}
	T_EQ(how_many_inside(anon), AREA);
	st = take(AREA);
	T_EQ(st.pages_migrated, AREA);
	T_EQ(st.spared, 0);
	end();
}

const struct t_case t_cases[] = {T(change_places),
				 T(out_while_there_is_plenty),
				 T(dirty_ones_too),
				 T(only_where_devices_come_again),
				 T(not_for_what_is_taken),
				 T(not_while_memory_is_short),
				 T(not_while_the_budget_is),
				 T(comes_once),
				 T(a_device_comes),
				 T(failures),
				 T(no_frame),
				 T(no_ping_pong),
				 T(a_share_of_a_cpu),
				 T(what_does_not_pay_ends),
				 T(the_bill),
				 T_END};
