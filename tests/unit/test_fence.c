/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* <freehold/fence.h>: one fence, its callbacks, those who wait; arrays of fences, of arrays, with any. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <freehold/fence.h>
#include "mm/machine.h"
#include "t.h"
#include "testplat.h"

#define MS UINT64_C(1000000)

static struct testplat tp;
static struct fh_machine *m;

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

/* ---- a fence of a driver's ---- */

struct job {
	struct dma_fence f;
	bool done; /* what signaled() says */
	bool will; /* what enable_signaling() says */
	unsigned int enabled, released, asked;
	uint64_t deadline;
};

static const char *job_name(struct dma_fence *f)
{
	(void)f;
	return "job";
}

static bool job_enable(struct dma_fence *f)
{
	((struct job *)f)->enabled++;
	return ((struct job *)f)->will;
}

static bool job_signaled(struct dma_fence *f)
{
	((struct job *)f)->asked++;
	return ((struct job *)f)->done;
}

static void job_deadline(struct dma_fence *f, uint64_t ns)
{
	((struct job *)f)->deadline = ns;
}

static void job_release(struct dma_fence *f)
{
	((struct job *)f)->released++;
}

static const struct dma_fence_ops job_ops = {
	job_name, job_name, job_enable, job_signaled, job_deadline, job_release,
};
static const struct dma_fence_ops bare_ops = {
	.get_driver_name = job_name,
	.get_timeline_name = job_name,
};

static void job_init(struct job *j, uint64_t seqno)
{
	*j = (struct job){.will = true};
	T_EQ(dma_fence_init(&j->f, m, &job_ops, 77, seqno), 0);
}

/* ---- callbacks ---- */

static unsigned int calls;
static unsigned int order[8];

static void count(struct dma_fence *f, void *arg)
{
	(void)f;
	if (calls < 8)
		order[calls] = (unsigned int)(uintptr_t)arg;
	calls++;
}

static void free_it(struct dma_fence *f, void *arg)
{
	count(f, NULL);
	free(arg);
}

static void refused(void)
{
	struct dma_fence_ops nameless = job_ops;
	struct dma_fence *f = NULL;
	struct job j;

	T_NEED(start());
	nameless.get_timeline_name = NULL;
	T_EQ(dma_fence_init(&j.f, m, &nameless, 1, 1), -FH_EINVAL);
	T_EQ(dma_fence_init(NULL, m, &job_ops, 1, 1), -FH_EINVAL);
	T_EQ(dma_fence_init(&j.f, NULL, &job_ops, 1, 1), -FH_EINVAL);
	T_EQ(dma_fence_init(&j.f, m, NULL, 1, 1), -FH_EINVAL);
	T_EQ(dma_fence_array_create(m, NULL, 0, 1, 1, false, &f), -FH_EINVAL);
	T_OK(!dma_fence_get(NULL), "NULL in, NULL out");
	dma_fence_put(NULL);
	testplat_end(&tp, m);
}

static void contexts(void)
{
	uint64_t a, b;

	T_NEED(start());
	a = dma_fence_context_alloc(m, 3);
	b = dma_fence_context_alloc(m, 1);
	T_OK(a, "never 0");
	T_EQ(b, a + 3);
	testplat_end(&tp, m);
}

static void signals_once(void)
{
	struct dma_fence *f;

	T_NEED(start());
	f = make(1, 1);
	T_EQ(dma_fence_get_status(f), 0);
	T_OK(!dma_fence_is_signaled(f), "not yet");
	T_EQ(dma_fence_set_error(f, 5), -FH_EINVAL);
	T_EQ(dma_fence_signal_at(f, 1234), 0);
	T_OK(dma_fence_is_signaled(f), "done");
	T_EQ(dma_fence_get_status(f), 1);
	T_EQ(f->timestamp_ns, 1234);
	T_EQ(dma_fence_signal(f), -FH_EINVAL);
	T_EQ(f->timestamp_ns, 1234);
	T_EQ(dma_fence_set_error(f, -FH_EIO), -FH_EINVAL);
	T_EQ(dma_fence_get_status(f), 1);
	T_EQ(dma_fence_wait(f, 0), 0);
	dma_fence_put(f);

	f = make(1, 2);
	T_EQ(dma_fence_set_error(f, -FH_EIO), 0);
	T_EQ(dma_fence_get_status(f), 0);
	T_EQ(dma_fence_signal(f), 0);
	T_EQ(dma_fence_get_status(f), -FH_EIO);
	T_EQ(dma_fence_wait(f, 0), 0);
	dma_fence_put(f);
	testplat_end(&tp, m);
}

static void stub(void)
{
	struct dma_fence *f = NULL;

	T_NEED(start());
	T_EQ(dma_fence_stub(m, &f), 0);
	T_EQ(dma_fence_get_status(f), 1);
	T_OK(f->timestamp_ns, "when");
	dma_fence_put(f);
	testplat_end(&tp, m);
}

static void later(void)
{
	struct dma_fence *a, *b, *c;

	T_NEED(start());
	a = make(1, 1);
	b = make(1, 2);
	c = make(2, 3);
	T_OK(dma_fence_is_later(b, a) && !dma_fence_is_later(a, b), "by seqno");
	T_OK(!dma_fence_is_later(a, a), "not than itself");
	T_OK(!dma_fence_is_later(c, a), "of another timeline");
	dma_fence_put(a);
	dma_fence_put(b);
	dma_fence_put(c);
	testplat_end(&tp, m);
}

static void callbacks(void)
{
	struct dma_fence_cb cb[4], *heap = calloc(1, sizeof(*heap));
	struct dma_fence *f;

	T_NEED(start());
	calls = 0;
	f = make(1, 1);
	for (unsigned int i = 0; i < 3; i++)
		T_EQ(dma_fence_add_callback(f, &cb[i], count, (void *)(uintptr_t)(i + 10)), 0);
	T_EQ(dma_fence_add_callback(f, heap, free_it, heap), 0);
	T_OK(dma_fence_remove_callback(f, &cb[1]), "it was there");
	T_OK(!dma_fence_remove_callback(f, &cb[1]), "and is no more");
	T_EQ(calls, 0);
	T_EQ(dma_fence_signal(f), 0);
	T_EQ(calls, 3);
	T_EQ(order[0], 10);
	T_EQ(order[1], 12);
	T_OK(!dma_fence_remove_callback(f, &cb[0]), "it was called");
	T_EQ(dma_fence_add_callback(f, &cb[3], count, NULL), -FH_ENOENT);
	T_OK(!dma_fence_remove_callback(f, &cb[3]), "it was never there");
	T_EQ(calls, 3);
	dma_fence_put(f);
	testplat_end(&tp, m);
}

/* One that is called takes away one that is not yet, adds to the fence, and ends it. */
static struct dma_fence_cb victim, late;

static void meddle(struct dma_fence *f, void *arg)
{
	calls++;
	T_OK(dma_fence_is_signaled(f), "it is done by then");
	T_OK(dma_fence_remove_callback(f, &victim), "not called yet");
	T_EQ(dma_fence_add_callback(f, &late, count, NULL), -FH_ENOENT);
	dma_fence_put(arg);
}

static void callbacks_that_meddle(void)
{
	struct dma_fence_cb cb;
	struct dma_fence *f;

	T_NEED(start());
	calls = 0;
	f = make(1, 1);
	T_EQ(dma_fence_add_callback(f, &cb, meddle, dma_fence_get(f)), 0);
	T_EQ(dma_fence_add_callback(f, &victim, count, NULL), 0);
	T_EQ(dma_fence_signal(f), 0);
	T_EQ(calls, 1);
	dma_fence_put(f);
	testplat_end(&tp, m);
}

static void owners_ops(void)
{
	struct dma_fence_cb cb[2];
	struct job j;

	T_NEED(start());
	calls = 0;
	job_init(&j, 1);
	T_OK(!dma_fence_is_signaled(&j.f), "asked, and not done");
	T_EQ(j.asked, 1);
	T_EQ(j.enabled, 0);
	T_EQ(dma_fence_add_callback(&j.f, &cb[0], count, NULL), 0);
	T_EQ(dma_fence_add_callback(&j.f, &cb[1], count, NULL), 0);
	T_EQ(j.enabled, 1);
	dma_fence_set_deadline(&j.f, 99);
	T_EQ(j.deadline, 99);
	j.done = true;
	T_EQ(dma_fence_get_status(&j.f), 1);
	T_EQ(calls, 2);
	dma_fence_set_deadline(&j.f, 100);
	T_EQ(j.deadline, 99);
	dma_fence_get(&j.f);
	dma_fence_put(&j.f);
	T_EQ(j.released, 0);
	dma_fence_put(&j.f);
	T_EQ(j.released, 1);

	job_init(&j, 2); /* done before anybody asked to be told */
	j.will = false;
	T_EQ(dma_fence_add_callback(&j.f, &cb[0], count, NULL), -FH_ENOENT);
	T_EQ(dma_fence_get_status(&j.f), 1);
	T_EQ(j.enabled, 1);
	T_EQ(calls, 2);
	dma_fence_put(&j.f);

	T_EQ(dma_fence_init(&j.f, m, &bare_ops, 1, 1), 0);
	T_EQ(dma_fence_add_callback(&j.f, &cb[0], count, NULL), 0);
	T_EQ(dma_fence_signal(&j.f), 0);
	T_EQ(calls, 3);
	dma_fence_put(&j.f);
	testplat_end(&tp, m);
}

static void see_deadlock(struct dma_fence *f, void *arg)
{
	(void)arg;
	calls++;
	T_EQ(dma_fence_get_status(f), -FH_EDEADLK);
}

/* Its owner forgot it, and who waits for it had no reference. */
static void orphans(void)
{
	struct dma_fence_cb cb;
	struct job j;

	T_NEED(start());
	calls = 0;
	job_init(&j, 1);
	T_EQ(dma_fence_add_callback(&j.f, &cb, see_deadlock, NULL), 0);
	dma_fence_put(&j.f);
	T_EQ(calls, 1);
	T_EQ(j.released, 1);
	testplat_end(&tp, m);
}

static void twice(void *arg)
{
	struct job *j = arg;

	dma_fence_put(&j->f);
	dma_fence_put(&j->f);
}

static void put_twice(void)
{
	struct job j;

	T_NEED(start());
	job_init(&j, 1);
	T_OK(testplat_dies(twice, &j), "a reference that was not there");
	testplat_end(&tp, m);
}

/* ---- sleep ---- */

static void waits_end(void)
{
	uint64_t begin, end;
	struct job j;

	T_NEED(start());
	job_init(&j, 1);
	begin = machine_clock(m);
	T_EQ(dma_fence_wait(&j.f, begin + 20 * MS), -FH_ETIMEDOUT);
	end = machine_clock(m);
	T_OK(end >= begin + 20 * MS, "not before its time");
	T_OK(end < begin + 20000 * MS, "and not for ever");
	T_EQ(j.enabled, 1);
	T_EQ(dma_fence_wait(&j.f, 1), -FH_ETIMEDOUT); /* long ago */
	j.done = true;
	T_EQ(dma_fence_wait(&j.f, 1), 0);
	dma_fence_put(&j.f);

	job_init(&j, 2);
	m->plat.wait = NULL;
	T_EQ(dma_fence_wait(&j.f, 0), -FH_EINVAL);
	j.done = true;
	T_EQ(dma_fence_wait(&j.f, 0), 0);
	dma_fence_put(&j.f);

	job_init(&j, 3);
	j.will = false;
	T_EQ(dma_fence_wait(&j.f, 0), 0);
	dma_fence_put(&j.f);
	testplat_end(&tp, m);
}

static void *signaler(void *arg)
{
	struct timespec nap = {0, 20 * 1000 * 1000};

	nanosleep(&nap, NULL);
	T_EQ(dma_fence_signal(arg), 0);
	return NULL;
}

static void is_woken(void)
{
	struct dma_fence *f, *inner;
	pthread_t id;

	T_NEED(start());
	f = make(1, 1);
	T_EQ(pthread_create(&id, NULL, signaler, f), 0);
	T_EQ(dma_fence_wait(f, 0), 0);
	T_EQ(dma_fence_get_status(f), 1);
	pthread_join(id, NULL);
	dma_fence_put(f);

	inner = make(1, 2);
	dma_fence_get(inner);
	T_EQ(dma_fence_array_create(m, &inner, 1, 9, 1, false, &f), 0);
	T_EQ(pthread_create(&id, NULL, signaler, inner), 0);
	T_EQ(dma_fence_wait(f, machine_clock(m) + 20000 * MS), 0);
	pthread_join(id, NULL);
	dma_fence_put(f);
	dma_fence_put(inner);
	testplat_end(&tp, m);
}

/* ---- arrays ---- */

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
		job_init(&j[i], i);
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
	job_init(&j, 1);
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
	T(refused),
	T(contexts),
	T(signals_once),
	T(stub),
	T(later),
	T(callbacks),
	T(callbacks_that_meddle),
	T(owners_ops),
	T(orphans),
	T(put_twice),
	T(waits_end),
	T(is_woken),
	T(array_of_all),
	T(array_of_any),
	T(asked_through_arrays),
	T(array_ends_first),
	T(bad_arrays),
	T(deep_arrays),
	T_END,
};
