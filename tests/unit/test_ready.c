/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* mm/ready and cma_prepare(): what is kept evacuated and zero, and who gets it. */
#include <string.h>
#include <freehold/cma.h>
#include <freehold/object.h>
#include <freehold/page.h>
#include "mm/machine.h"
#include "t.h"
#include "testplat.h"

#define PAGES 8192

static struct testplat tp;
static struct fh_machine *m;
static struct cma *cma;
static struct fh_object *o;
static pfn_t base;

/* 32 MiB, the upper 16 the area: eight blocks; `dirty` bytes everywhere in it. */
static bool start(enum cma_policy policy)
{
	pfn_t pfn;

	m = testplat_start(&tp, 32, 16, policy, 1);
	cma = m ? cma_find(m, "area") : NULL;
	base = cma ? fh_phys_to_pfn(cma_get_base(cma)) : 0;
	if (!cma || !T_EQ(cma_alloc(cma, 4096, 0, 0, &pfn), 0))
		return false;
	memset(fh_page_address(m, base), 0xa5, 4096 * FH_PAGE_SIZE);
	return T_OK(cma_release(cma, base, 4096), "") &&
	       T_EQ(fh_object_create(m, PAGES, NULL, NULL, &o), 0);
}

static void end(void)
{
	TP_CHECK(m);
	fh_object_destroy(o);
	T_EQ(cma_prepare(cma, 0, 0), 0);
	for (pfn_t p = base; p < base + cma->count; p++)
		cma_release(cma, p, 1);
	testplat_end(&tp, m);
}

static unsigned int work(void)
{
	unsigned int n = 0;

	while (n < 1000 && cma_background(m))
		n++;
	T_OK(n < 1000, "background work ends");
	return n;
}

static bool is_zero(pfn_t pfn, uint64_t nr)
{
	const uint64_t *p = fh_page_address(m, pfn);

	for (uint64_t i = 0; i < nr * FH_PAGE_SIZE / 8; i++)
		if (p[i])
			return false;
	return true;
}

static int64_t ask(unsigned long count, unsigned int flags)
{
	pfn_t pfn;
	int err = cma_alloc(cma, count, 0, flags | CMA_NO_WARN, &pfn);

	return err ? err : (int64_t)(pfn - base);
}

static uint64_t fill(uint64_t n)
{
	uint64_t i = 0;

	while (i < n && !fh_object_write(o, i, 0, &i, 8))
		i++;
	return i;
}

static void built_and_given_back(void)
{
	struct cma_stats st;
	uint64_t v;

	T_NEED(start(CMA_POLICY_MOVABLE));
	T_EQ(cma_set_ready(NULL, 1), -FH_EINVAL);
	T_EQ(cma_set_ready(cma, 4097), -FH_EINVAL);
	T_OK(!cma_background(NULL), "no machine, no work");
	T_OK(!cma_background(m), "nothing is asked for");
	T_EQ(fill(5000), 5000);
	T_EQ(cma_set_ready(cma, 1000), 0);
	T_EQ(cma_get_ready(cma), 0);
	T_OK(work() >= 4, "a block a step, evacuated and zeroed");
	T_EQ(cma_get_ready(cma), 1024);
	TP_CHECK(m);
	T_OK(is_zero(base, 1024), "evacuated and zero");
	T_OK(!cma_background(m), "done");
	for (uint64_t i = 0; i < 5000; i++)
		if (!T_EQ(fh_object_read(o, i, 0, &v, 8), 0) || !T_EQ(v, i))
			break;
	/* Nobody moves in. */
	T_OK(fill(PAGES) > 5500, "");
	TP_CHECK(m);
	T_EQ(cma_get_ready(cma), 1024);
	T_EQ(cma_set_ready(cma, 300), 0);
	work();
	T_EQ(cma_get_ready(cma), 512);
	T_EQ(cma_set_ready(cma, 0), 0);
	work();
	T_EQ(cma_get_ready(cma), 0);
	TP_CHECK(m);
	T_OK(fill(PAGES) > 6000, "lent again");
	cma_get_stats(cma, &st);
	T_OK(st.lent > 3500, "all of it");
	end();
}

static void taken_without_waiting(void)
{
	struct cma_stats st, after;

	T_NEED(start(CMA_POLICY_MOVABLE));
	T_EQ(cma_set_ready(cma, 1024), 0);
	work();
	T_OK(fill(PAGES) > 6000, "all else is full");
	T_EQ(ask(1025, CMA_NOWAIT), -FH_EAGAIN);
	cma_get_stats(cma, &st);
	T_EQ(ask(600, CMA_NOWAIT | CMA_ZERO), 0);
	T_OK(is_zero(base, 600), "zero");
	T_EQ(cma_get_ready(cma), 424);
	T_EQ(ask(100, CMA_NOWAIT), 600);
	T_EQ(cma_get_ready(cma), 324);
	cma_get_stats(cma, &after);
	T_EQ(after.pages_migrated, st.pages_migrated);
	TP_CHECK(m);
	/* What comes back is not zero, until it has been made so. */
	memset(fh_page_address(m, base), 0x77, 600 * FH_PAGE_SIZE);
	T_OK(cma_release(cma, base, 600), "");
	T_EQ(cma_get_ready(cma), 324);
	TP_CHECK(m);
	T_EQ(ask(50, CMA_ZERO), 0);
	T_OK(is_zero(base, 50), "zeroed at once");
	T_OK(cma_release(cma, base, 50), "");
	work();
	T_EQ(cma_get_ready(cma), 924);
	TP_CHECK(m);
	end();
}

/* CMA_ZERO without a reserve, in every policy. */
static void zero(void)
{
	for (enum cma_policy p = 0; p < CMA_NR_POLICIES; p++) {
		T_NEED(start(p));
		T_EQ(ask(700, CMA_ZERO), 0);
		T_OK(is_zero(base, 700) && !is_zero(base + 700, 1), "these and no others");
		end();
	}
}

/* Pages that stay where they are: that block is not ready, the others are. */
static void round_what_stays(void)
{
	uint64_t i = 0;
	pfn_t pfn = 0;

	T_NEED(start(CMA_POLICY_MOVABLE));
	while (i < PAGES && pfn < base && !fh_object_write(o, i, 0, &i, 8))
		T_EQ(fh_object_where(o, i++, &pfn), 0);
	T_EQ(fh_object_pin(o, i - 1, &pfn), 0);
	T_OK(pfn >= base && pfn < base + 512, "in the first block");
	T_EQ(cma_set_ready(cma, 1024), 0);
	work();
	T_EQ(cma_get_ready(cma), 1024);
	T_OK(is_zero(base + 512, 1024), "the next two");
	TP_CHECK(m);
	T_EQ(cma_set_ready(cma, 4096), 0);
	work();
	T_EQ(cma_get_ready(cma), 4096 - 512);
	T_EQ(fh_object_unpin(o, i - 1), 0);
	T_EQ(cma_set_ready(cma, 4096), 0);
	work();
	T_EQ(cma_get_ready(cma), 4096);
	end();
}

/* Terms may change over a reserve. */
static void under_terms(void)
{
	T_NEED(start(CMA_POLICY_MOVABLE));
	T_EQ(cma_set_ready(cma, 1024), 0);
	work();
	for (unsigned int p = 0; p < CMA_NR_POLICIES; p++) {
		T_EQ(cma_set_policy(cma, (enum cma_policy)p), 0);
		T_EQ(cma_set_share(cma, 20 * p), 0);
		TP_CHECK(m);
		T_OK(fill(3000) == 3000, "");
		T_EQ(cma_get_ready(cma), 1024);
		T_EQ(cma_set_share(cma, 100), 0);
		TP_CHECK(m);
	}
	end();
}

static void prepared(void)
{
	struct cma_stats st;
	struct cma_request r = {.count = 900, .flags = CMA_NO_WARN};
	pfn_t pfn;

	T_NEED(start(CMA_POLICY_MOVABLE));
	T_EQ(cma_prepare(NULL, 5, 0), -FH_EINVAL);
	T_OK(fill(PAGES) > 6000, "all is full");
	T_EQ(fh_object_punch(o, 0, 2000), 2000);
	T_EQ(cma_prepare(cma, 900, 0), 0);
	TP_CHECK(m);
	cma_get_stats(cma, &st);
	T_EQ(st.used, 900);
	T_EQ(st.nr_allocs, 1); /* that of start() */
	T_OK(!cma_release(cma, base, 900), "nobody has it yet");
	T_EQ(ask(800, CMA_NOWAIT), -FH_EAGAIN);
	r.low = base + 1;
	T_EQ(cma_alloc_request(cma, &r, &pfn), 0); /* not what was prepared */
	T_OK(pfn >= base + 900, "it stays");
	T_EQ(ask(900, CMA_NOWAIT | CMA_ZERO), 0);
	T_OK(is_zero(base, 900), "");
	cma_get_stats(cma, &st);
	T_EQ(st.nr_allocs, 3);
	T_OK(cma_release(cma, base, 900) && cma_release(cma, pfn, 900), "");
	TP_CHECK(m);
	/* Another takes its place; 0 lets go of it. */
	T_EQ(cma_prepare(cma, 100, 0), 0);
	T_EQ(cma_prepare(cma, 200, 0), 0);
	cma_get_stats(cma, &st);
	T_EQ(st.used, 200);
	T_EQ(cma_prepare(cma, 0, 0), 0);
	cma_get_stats(cma, &st);
	T_EQ(st.used, 0);
	T_EQ(cma_prepare(cma, 4097, 0), -FH_ENOMEM);
	T_EQ(fill(1900), 1900);
	T_EQ(cma_prepare(cma, 1500, 1), -FH_ETIMEDOUT);
	end();
}

static struct {
	int64_t id[16];
	int err[16];
	pfn_t pfn[16];
	unsigned int n;
} ended;

static void done(void *arg, int err, pfn_t pfn)
{
	ended.id[ended.n] = *(int64_t *)arg;
	ended.err[ended.n] = err;
	ended.pfn[ended.n++] = pfn;
}

static struct cma_async again;

/* From within the callback: the struct is the caller's again, and so is every call. */
static void once_more(void *arg, int err, pfn_t pfn)
{
	T_OK(!err && cma_release(cma, pfn, 5), "");
	if (--*(int64_t *)arg)
		T_EQ(cma_alloc_async(cma, &again, once_more, arg), 0);
}

static void asynchronous(void)
{
	static const unsigned long count[] = {700, 4097, 10, 600, 300};
	int64_t id[] = {0, 1, 2, 3, 4}, left = 3;
	struct cma_async a[5], bad = {.request = {.count = 1}};

	T_NEED(start(CMA_POLICY_GUARANTEED));
	T_EQ(fill(3000), 3000);
	memset(&ended, 0, sizeof(ended));
	T_EQ(cma_alloc_async(NULL, &bad, done, id), -FH_EINVAL);
	T_EQ(cma_alloc_async(cma, NULL, done, id), -FH_EINVAL);
	T_EQ(cma_alloc_async(cma, &bad, NULL, id), -FH_EINVAL);
	bad.request.count = 0;
	T_EQ(cma_alloc_async(cma, &bad, done, id), -FH_EINVAL);
	for (unsigned int i = 0; i < 5; i++) {
		a[i] = (struct cma_async){
			.request = {.count = count[i], .flags = CMA_NO_WARN | CMA_ZERO}};
		T_EQ(cma_alloc_async(cma, &a[i], done, &id[i]), 0);
	}
	T_EQ(ended.n, 0);
	T_OK(cma_async_cancel(&a[3]), "not begun");
	T_EQ(ended.n, 1);
	T_EQ(ended.id[0], 3);
	T_EQ(ended.err[0], -FH_ECANCELED);
	T_OK(cma_async_cancel(&a[4]), "the last one");
	a[4].request.count = 300;
	T_EQ(cma_alloc_async(cma, &a[4], done, &id[4]), 0);
	T_EQ(work(), 4);
	T_EQ(ended.n, 6);
	for (unsigned int i = 0; i < 4; i++) {
		T_EQ(ended.id[2 + i], i < 3 ? i : 4);
		T_EQ(ended.err[2 + i], i == 1 ? -FH_ENOMEM : 0);
		T_OK(i == 1 || is_zero(ended.pfn[2 + i], count[ended.id[2 + i]]), "zero");
	}
	T_OK(!cma_async_cancel(&a[0]), "over");
	TP_CHECK(m);
	again.request.count = 5;
	T_EQ(cma_alloc_async(cma, &again, once_more, &left), 0);
	T_EQ(work(), 3);
	T_EQ(left, 0);
	end();
}

const struct t_case t_cases[] = {
	T(built_and_given_back),
	T(taken_without_waiting),
	T(zero),
	T(round_what_stays),
	T(under_terms),
	T(prepared),
	T(asynchronous),
	T_END,
};
