/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* <freehold/fence.h>: arrays of fences, of arrays, with any. */
#include <freehold/fence.h>
#include "fence_job.h"
#include "t.h"
#include "testplat.h"

static struct testplat tp;
static struct fh_machine *m;
static unsigned int calls;

static bool start(void)
{
	m = testplat_start(&tp, 8, 0, CMA_POLICY_GUARANTEED, 1);
	return m;
}

static struct dma_fence *make(uint64_t context, uint64_t seqno)
{
	struct dma_fence *f = NULL;

	T_EQ(dma_fence_create(m, "drv", "line", context, seqno, &f), 0);
	return f;
}

static void count(struct dma_fence *f, void *arg)
{
	(void)f, (void)arg;
	calls++;
}

#define N 5

/* Keeps a reference of each in f[]. */
static struct dma_fence *array(struct dma_fence *f[N], bool any)
{
	struct dma_fence *a = NULL;

	for (unsigned int i = 0; i < N; i++) {
		if (!f[i])
			f[i] = make(i + 1, 1);
		dma_fence_get(f[i]);
	}
	T_EQ(dma_fence_array_create(m, f, N, 50, 1, any, &a), 0);
	return a;
}

static void put_all(struct dma_fence **f, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		dma_fence_put(f[i]);
}

static void array_of_all(void)
{
	struct dma_fence *f[N] = {0}, *a;
	struct dma_fence_cb cb;

	T_NEED(start());
	calls = 0;
	a = array(f, false);
	T_EQ(dma_fence_signal(f[3]), 0); /* before anybody asks */
	T_EQ(dma_fence_add_callback(a, &cb, count, NULL), 0);
	T_EQ(dma_fence_set_error(f[1], -FH_EIO), 0);
	T_EQ(dma_fence_set_error(f[4], -FH_ECANCELED), 0);
	for (unsigned int i = N; i--;) {
		T_EQ(calls, 0);
		T_EQ(dma_fence_get_status(a), 0);
		T_EQ(dma_fence_signal(f[i]), i == 3 ? -FH_EINVAL : 0);
	}
	T_EQ(calls, 1);
	T_EQ(dma_fence_get_status(a), -FH_EIO);
	T_STR(a->ops->get_driver_name(a), "dma_fence_array");
	T_STR(a->ops->get_timeline_name(a), "unbound");
	dma_fence_put(a);
	put_all(f, N);
	testplat_end(&tp, m);
}

static void array_of_any(void)
{
	struct dma_fence *f[N] = {0}, *a, *b;
	struct dma_fence_cb cb[2];

	T_NEED(start());
	calls = 0;
	a = array(f, true);
	T_EQ(dma_fence_add_callback(a, &cb[0], count, NULL), 0);
	T_EQ(dma_fence_get_status(a), 0);
	T_EQ(dma_fence_signal(f[2]), 0);
	T_EQ(calls, 1);
	T_EQ(dma_fence_get_status(a), 1);
	T_EQ(dma_fence_signal(f[1]), 0);
	T_EQ(calls, 1);
	b = array(f, true); /* of some that are done: done when asked */
	T_EQ(dma_fence_add_callback(b, &cb[1], count, NULL), -FH_ENOENT);
	T_EQ(dma_fence_get_status(b), 1);
	dma_fence_put(a);
	dma_fence_put(b);
	T_EQ(dma_fence_signal(f[0]), 0); /* nobody's callbacks are left on it */
	put_all(f, N);
	testplat_end(&tp, m);
}

/* Fences that only know when they are asked, in arrays in arrays. */
static void asked_through_arrays(void)
{
	struct dma_fence *f[2], *inner, *outer;
	struct job j[2];

	T_NEED(start());
	for (unsigned int i = 0; i < 2; i++) {
		job_init(&j[i], m, i);
		f[i] = dma_fence_get(&j[i].f);
	}
	T_EQ(dma_fence_array_create(m, f, 2, 1, 1, false, &inner), 0);
	dma_fence_get(inner);
	T_EQ(dma_fence_array_create(m, &inner, 1, 2, 1, false, &outer), 0);
	T_OK(!dma_fence_is_signaled(outer), "none is");
	T_EQ(j[0].enabled + j[1].enabled, 2);
	dma_fence_set_deadline(outer, 7);
	T_EQ(j[0].deadline + j[1].deadline, 14);
	j[1].done = true;
	T_OK(!dma_fence_is_signaled(outer), "one is");
	j[0].done = true;
	T_OK(dma_fence_is_signaled(outer), "both are");
	T_OK(dma_fence_is_signaled(inner), "both are");
	dma_fence_put(outer);
	dma_fence_put(inner);
	for (unsigned int i = 0; i < 2; i++) {
		dma_fence_put(&j[i].f);
		T_EQ(j[i].released, 1);
	}
	testplat_end(&tp, m);
}

static void end_it(struct dma_fence *f, void *arg)
{
	(void)f;
	calls++;
	dma_fence_put(arg);
}

/* An array that ends before its fences takes its callbacks along; also inside a callback of one of them, and of its own. */
static void array_ends_first(void)
{
	struct dma_fence *f[N] = {0}, *a;
	struct dma_fence_cb cb[2];

	T_NEED(start());
	calls = 0;
	a = array(f, false);
	T_OK(!dma_fence_is_signaled(a), "it hangs on its fences");
	T_OK(f[0]->callbacks, "it hangs on its fences");
	dma_fence_put(a);
	T_OK(!f[0]->callbacks && !f[4]->callbacks, "and does no more");

	a = array(f, false);
	T_EQ(dma_fence_add_callback(f[0], &cb[0], end_it, a), 0);
	T_OK(!dma_fence_is_signaled(a), "it hangs, behind the one that ends it");
	T_EQ(dma_fence_signal(f[0]), 0);
	T_EQ(calls, 1);

	a = array(f, true);
	dma_fence_put(f[0]);
	f[0] = make(1, 2);
	dma_fence_put(a);
	a = array(f, true);
	T_EQ(dma_fence_add_callback(a, &cb[1], end_it, a), 0);
	T_EQ(dma_fence_signal(f[4]), 0);
	T_EQ(calls, 2);
	put_all(f, N);
	testplat_end(&tp, m);
}

static void bad_arrays(void)
{
	struct dma_fence *f[2], *a = NULL;
	struct job j;

	T_NEED(start());
	job_init(&j, m, 1);
	f[0] = &j.f;
	f[1] = NULL;
	T_EQ(dma_fence_array_create(m, f, 2, 1, 1, false, &a), -FH_EINVAL);
	T_EQ(j.released, 1);
	T_OK(!a, "none was made");
	testplat_end(&tp, m);
}

#define DEEP 200000

static bool count_one(struct dma_fence *f, void *arg)
{
	(void)f;
	++*(unsigned int *)arg;
	return true;
}

/* Each array in the next: made, asked, signaled and ended without recursion. */
static void deep_arrays(void)
{
	struct dma_fence *leaf, *f;
	struct dma_fence_cb cb;
	unsigned int n = 0;

	T_NEED(start());
	for (unsigned int how = 0; how < 2; how++) {
		calls = 0;
		leaf = make(1, 1);
		f = dma_fence_get(leaf);
		for (unsigned int i = 0; i < DEEP; i++)
			T_NEED(!dma_fence_array_create(m, &f, 1, i + 2, 1, i & 1, &f));
		if (how) {
			T_EQ(dma_fence_add_callback(f, &cb, count, NULL), 0);
			dma_fence_unwrap_for_each(f, count_one, &n);
			T_EQ(n, 1);
			T_EQ(dma_fence_signal(leaf), 0);
			T_EQ(calls, 1);
			T_OK(dma_fence_is_signaled(f), "all the way up");
		}
		dma_fence_put(f);
		dma_fence_put(leaf);
	}
	testplat_end(&tp, m);
}

const struct t_case t_cases[] = {
	T(array_of_all),
	T(array_of_any),
	T(asked_through_arrays),
	T(array_ends_first),
	T(bad_arrays),
	T(deep_arrays),
	T_END,
};
