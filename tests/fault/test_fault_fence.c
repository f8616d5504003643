/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Fences, arrays, chains, merges, sync_files and reservations while alloc fails: the first of a scenario, the second, and so on until a run passes
 * without a failure; once, and from there on all. Each call is -FH_ENOMEM and makes nothing; references that it takes over end;
 * nothing is lost.
 */
#include <stdio.h>
#include <freehold/resv.h>
#include "buf/resv.h"
#include "mm/machine.h"
#include "t.h"
#include "testplat.h"

#define MAX_NTH 200
#define N	5

static struct testplat tp;
static struct fh_machine *m;
static struct dma_fence *f[N]; /* made while nothing fails; a reference of each */
static bool healthy;
static unsigned int refused;

static bool fair(int err, const char *what)
{
	if (!err)
		return true;
	T_OK(err == -FH_ENOMEM && !healthy, what);
	refused++;
	return false;
}

/* Whether f[i] has no more references than before. */
static void nobody_has(const char *what)
{
	for (unsigned int i = 0; i < N; i++)
		T_OK(atomic_load(&f[i]->refs) == 1 && !f[i]->callbacks, what);
}

static void take(struct dma_fence **part, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		part[i] = dma_fence_get(f[i]);
}

/* ---- scenarios ---- */

static void own(void)
{
	struct dma_fence *a;

	if (fair(dma_fence_create(m, "drv", "line", 1, 1, &a), "create"))
		dma_fence_put(a);
	if (fair(dma_fence_stub(m, &a), "stub"))
		dma_fence_put(a);
}

static void array(void)
{
	struct dma_fence *part[N], *a, *outer[2];

	take(part, N);
	if (!fair(dma_fence_array_create(m, part, N, 1, 1, false, &a), "array"))
		return;
	outer[0] = a;
	outer[1] = dma_fence_get(f[0]);
	if (!fair(dma_fence_array_create(m, outer, 2, 2, 1, true, &a), "array of arrays"))
		return;
	T_OK(!dma_fence_is_signaled(a), "asked");
	dma_fence_put(a);
}

static void chain(void)
{
	struct dma_fence *c = NULL;

	for (unsigned int i = 0; i < N; i++)
		if (!fair(dma_fence_chain_create(m, c, dma_fence_get(f[i]), i + 1, &c), "chain"))
			return;
	T_OK(!dma_fence_is_signaled(c), "asked");
	dma_fence_put(c);
}

static void merge(void)
{
	struct dma_fence *in[3] = {f[0], NULL, f[1]}, *a, *b;

	if (!fair(dma_fence_unwrap_merge(m, in, 3, &a), "merge"))
		return;
	in[0] = a;
	in[1] = f[2];
	if (fair(dma_fence_unwrap_merge(m, in, 3, &b), "merge of a merge"))
		dma_fence_put(b);
	dma_fence_put(a);
	if (fair(dma_fence_unwrap_merge(m, NULL, 0, &a), "merge of nothing"))
		dma_fence_put(a);
}

static void sync_file(void)
{
	struct sync_file *a = NULL, *b = NULL, *ab = NULL;

	if (fair(sync_file_create(f[0], &a), "sync_file") &&
	    fair(sync_file_create(f[1], &b), "sync_file") &&
	    fair(sync_file_merge("ab", a, b, &ab), "merge"))
		sync_file_put(ab);
	sync_file_put(a);
	sync_file_put(b);
}

static bool count(struct dma_fence *at, enum dma_resv_usage usage, void *arg)
{
	(void)at;
	(void)usage;
	++*(unsigned int *)arg;
	return true;
}

static unsigned int nr_in(struct dma_resv *r)
{
	unsigned int n = 0;

	dma_resv_for_each_fence(r, DMA_RESV_USAGE_BOOKKEEP, count, &n);
	return n;
}

static void reservation(void)
{
	struct dma_resv a, b;
	struct dma_fence *one;
	unsigned int n = 0;

	dma_resv_init(&a, m);
	dma_resv_init(&b, m);
	T_EQ(dma_resv_lock(&a, NULL), 0);
	T_EQ(dma_resv_lock(&b, NULL), 0);
	for (; n < N && fair(dma_resv_reserve_fences(&a, 1), "reserve"); n++)
		dma_resv_add_fence(&a, f[n], DMA_RESV_USAGE_READ);
	T_EQ(nr_in(&a), n);
	if (fair(dma_resv_reserve_fences(&b, 1), "reserve"))
		dma_resv_add_fence(&b, f[0], DMA_RESV_USAGE_WRITE);
	n = nr_in(&b);
	if (fair(dma_resv_copy_fences(&b, &a), "copy"))
		n = nr_in(&a);
	T_EQ(nr_in(&b), n);
	if (fair(dma_resv_get_singleton(&b, DMA_RESV_USAGE_READ, &one), "singleton"))
		dma_fence_put(one);
	dma_resv_unlock(&a);
	dma_resv_unlock(&b);
	dma_resv_fini(&a);
	dma_resv_fini(&b);
}

/* ---- all of them ---- */

static void with_failures(void (*scenario)(void), bool sticky)
{
	uint64_t failed;
	int64_t nth = 0, live;

	m = testplat_start(&tp, 8, 0, CMA_POLICY_GUARANTEED, 1);
	T_NEED(m);
	for (unsigned int i = 0; i < N; i++)
		T_EQ(dma_fence_create(m, "drv", "line", i + 100, 1, &f[i]), 0);
	live = atomic_load(&tp.live);
	refused = 0;
	do {
		failed = atomic_load(&tp.failed);
		tp.fail_sticky = sticky;
		atomic_store(&tp.fail_nth, ++nth);
		healthy = false;
		scenario();
		atomic_store(&tp.fail_nth, 0);
		T_EQ(atomic_load(&tp.live), live);
		nobody_has("a reference too many, or a callback");
	} while (atomic_load(&tp.failed) != failed && nth < MAX_NTH);
	T_OK(nth > 1 && nth < MAX_NTH, "some failed, and in the end none");
	T_OK(refused >= (unsigned int)nth - 1, "each that failed was a refusal");
	healthy = true;
	scenario();
	nobody_has("a reference too many, or a callback");
	for (unsigned int i = 0; i < N; i++)
		dma_fence_put(f[i]);
	testplat_end(&tp, m);
}

#define CASE(fn)                                                                                   \
	static void fn##_fails(void)                                                               \
	{                                                                                          \
		with_failures(fn, false);                                                          \
		with_failures(fn, true);                                                           \
	}

CASE(own)
CASE(array)
CASE(chain)
CASE(merge)
CASE(sync_file)
CASE(reservation)

const struct t_case t_cases[] = {
	T(own_fails),	    T(array_fails),	  T(chain_fails), T(merge_fails),
	T(sync_file_fails), T(reservation_fails), T_END,
};
