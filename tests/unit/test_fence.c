/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* <freehold/fence.h>: one fence, its callbacks, those who wait. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <freehold/fence.h>
#include "fence_job.h"
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

static const struct dma_fence_ops bare_ops = {
	.get_driver_name = job_name,
	.get_timeline_name = job_name,
};

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
	job_init(&j, m, 1);
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

	job_init(&j, m, 2); /* done before anybody asked to be told */
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

/* The owner signals while it is being asked to see to it: groups that are just hanging their callbacks hear of it. */
static void signaled_at_once(void)
{
	struct dma_fence *g;
	struct dma_fence_cb cb;
	struct job j[2];

	T_NEED(start());
	calls = 0;
	for (unsigned int how = 0; how < 4; how++) {
		for (unsigned int i = 0; i < 2; i++) {
			job_init(&j[i], m, i);
			j[i].at_once = true;
			j[i].will = how & 1;
		}
		if (how & 2) {
			T_EQ(dma_fence_chain_create(m, NULL, &j[0].f, 1, &g), 0);
			T_EQ(dma_fence_chain_create(m, g, &j[1].f, 2, &g), 0);
		} else {
			struct dma_fence *const part[] = {&j[0].f, &j[1].f};

			T_EQ(dma_fence_array_create(m, part, 2, 1, 1, false, &g), 0);
		}
		T_EQ(dma_fence_add_callback(g, &cb, count, NULL), -FH_ENOENT);
		T_EQ(dma_fence_get_status(g), 1);
		dma_fence_put(g);
		T_EQ(j[0].released + j[1].released, 2);
	}
	T_EQ(calls, 0);
	testplat_end(&tp, m);
}

/* ---- one that is being called ---- */

static _Atomic(bool) inside, let_go, removed;

static void linger(struct dma_fence *f, void *arg)
{
	struct timespec nap = {0, 1000 * 1000};

	(void)f;
	(void)arg;
	atomic_store(&inside, true);
	while (!atomic_load(&let_go))
		nanosleep(&nap, NULL);
}

struct removal {
	struct dma_fence *f;
	struct dma_fence_cb *cb;
};

static void *remover(void *arg)
{
	const struct removal *r = arg;

	T_OK(!dma_fence_remove_callback(r->f, r->cb), "it is being called");
	T_OK(atomic_load(&let_go), "and has returned");
	atomic_store(&removed, true);
	return NULL;
}

static void *signaler_now(void *arg)
{
	T_EQ(dma_fence_signal(arg), 0);
	return NULL;
}

static void removal_waits(void)
{
	struct timespec nap = {0, 1000 * 1000};
	struct dma_fence_cb cb, other;
	struct removal r;
	pthread_t id[2];

	T_NEED(start());
	calls = 0;
	r = (struct removal){make(1, 1), &cb};
	T_EQ(dma_fence_add_callback(r.f, &cb, linger, NULL), 0);
	T_EQ(dma_fence_add_callback(r.f, &other, count, NULL), 0);
	T_EQ(pthread_create(&id[0], NULL, signaler_now, r.f), 0);
	while (!atomic_load(&inside))
		nanosleep(&nap, NULL);
	T_OK(dma_fence_remove_callback(r.f, &other), "not called yet: no reason to wait");
	T_EQ(pthread_create(&id[1], NULL, remover, &r), 0);
	for (unsigned int i = 0; i < 20; i++)
		nanosleep(&nap, NULL);
	T_OK(!atomic_load(&removed), "not before it has returned");
	atomic_store(&let_go, true);
	pthread_join(id[0], NULL);
	pthread_join(id[1], NULL);
	T_EQ(calls, 0);
	dma_fence_put(r.f);
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
	job_init(&j, m, 1);
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
	job_init(&j, m, 1);
	T_OK(testplat_dies(twice, &j), "a reference that was not there");
	testplat_end(&tp, m);
}

/* ---- sleep ---- */

static void waits_end(void)
{
	uint64_t begin, end;
	struct job j;

	T_NEED(start());
	job_init(&j, m, 1);
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

	job_init(&j, m, 2);
	m->plat.wait = NULL;
	T_EQ(dma_fence_wait(&j.f, 0), -FH_EINVAL);
	j.done = true;
	T_EQ(dma_fence_wait(&j.f, 0), 0);
	dma_fence_put(&j.f);

	job_init(&j, m, 3);
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

const struct t_case t_cases[] = {
	T(refused),
	T(contexts),
	T(signals_once),
	T(stub),
	T(later),
	T(callbacks),
	T(callbacks_that_meddle),
	T(owners_ops),
	T(signaled_at_once),
	T(removal_waits),
	T(orphans),
	T(put_twice),
	T(waits_end),
	T(is_woken),
	T_END,
};
