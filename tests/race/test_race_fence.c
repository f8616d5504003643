/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Threads on the same fences and reservations: signals against callbacks, waits, groups and the last put; locks of several reservations
 * at once; fences that come while others look.
 */
#include <string.h>
#include <time.h>
#include <freehold/resv.h>
#include "buf/resv.h"
#include "crew.h"
#include "mm/machine.h"
#include "t.h"

#define BOXES 8
#define MS    UINT64_C(1000000)

/* ---- fences in boxes, which anybody takes from, fills and signals ---- */

static struct box {
	pthread_mutex_t lock;
	struct dma_fence *f;
} box[BOXES];

static struct dma_fence *peek(struct thread *t)
{
	struct box *b = &box[rnd(t) % BOXES];
	struct dma_fence *f;

	pthread_mutex_lock(&b->lock);
	f = dma_fence_get(b->f);
	pthread_mutex_unlock(&b->lock);
	return f;
}

/* The reference of f goes along; the one that was there may be the last. */
static void fill(struct thread *t, struct dma_fence *f)
{
	struct box *b = &box[rnd(t) % BOXES];
	struct dma_fence *old;

	pthread_mutex_lock(&b->lock);
	old = b->f;
	b->f = f;
	pthread_mutex_unlock(&b->lock);
	dma_fence_put(old);
}

static struct dma_fence *fresh(struct thread *t)
{
	struct dma_fence *f = NULL;

	must(!dma_fence_create(m, "race", "race", t->cpu + 1, t->done, &f), "a fence");
	return f;
}

struct call {
	struct dma_fence_cb cb;
	_Atomic(unsigned int) n;
};

static void called(struct dma_fence *f, void *arg)
{
	struct call *c = arg;

	must(dma_fence_is_signaled(f), "called when it is done");
	atomic_fetch_add(&c->n, 1);
}

/* The callback lies on this stack: nobody may touch it once it is removed or was called. */
static void watch(struct thread *t, struct dma_fence *f)
{
	struct call c = {.n = 0};
	bool removed;
	int err;

	if (dma_fence_add_callback(f, &c.cb, called, &c)) {
		must(dma_fence_is_signaled(f), "refused because it is done");
		must(!dma_fence_remove_callback(f, &c.cb) && !c.n, "refused is not called");
		return;
	}
	if (rnd(t) % 2) {
		(void)dma_fence_signal(f);
	} else if (rnd(t) % 2) {
		err = dma_fence_wait(f, machine_clock(m) + MS / 10);
		must(!err || err == -FH_ETIMEDOUT, "a wait ends");
	}
	removed = dma_fence_remove_callback(f, &c.cb);
	must(atomic_load(&c.n) == !removed, "called once, or removed");
}

static void group(struct thread *t)
{
	struct dma_fence *part[3], *g;
	unsigned int n = 1 + rnd(t) % 3;

	/* Few of groups, or they grow without end. */
	for (unsigned int i = 0; i < n; i++) {
		part[i] = peek(t);
		if (part[i]->kind && rnd(t) % 4) {
			dma_fence_put(part[i]);
			part[i] = fresh(t);
		}
	}
	if (rnd(t) % 2)
		must(!dma_fence_array_create(m, part, n, t->cpu + 1, t->done, rnd(t) & 1, &g),
		     "array");
	else if (n < 3)
		must(!dma_fence_chain_create(m, n == 2 ? part[1] : NULL, part[0], 1 + rnd(t) % 3,
					     &g),
		     "chain");
	else {
		must(!dma_fence_unwrap_merge(m, part, 3, &g), "merge");
		for (unsigned int i = 0; i < 3; i++)
			dma_fence_put(part[i]);
	}
	if (rnd(t) % 2)
		watch(t, g);
	if (rnd(t) % 2)
		fill(t, g);
	else
		dma_fence_put(g);
}

static bool three(struct dma_fence *f, void *arg)
{
	must(f->context, "a fence");
	return ++*(unsigned int *)arg < 3;
}

static void churn(struct thread *t)
{
	struct dma_fence *f = peek(t);
	unsigned int n = 0;

	switch (rnd(t) % 8) {
	case 0:
		(void)dma_fence_signal(f);
		fill(t, fresh(t));
		break;
	case 1:
		group(t);
		break;
	case 2:
		fill(t, fresh(t));
		break;
	case 3:
		dma_fence_unwrap_for_each(f, three, &n);
		(void)dma_fence_set_error(f, -FH_EIO);
		break;
	case 4:
		must(dma_fence_get_status(f) < 2, "a status");
		break;
	default:
		watch(t, f);
		break;
	}
	dma_fence_put(f);
}

static void fences(void)
{
	if (!crew_start(64, 0, CMA_POLICY_GUARANTEED))
		return;
	for (unsigned int i = 0; i < BOXES; i++) {
		pthread_mutex_init(&box[i].lock, NULL);
		T_EQ(dma_fence_create(m, "race", "race", 99, i, &box[i].f), 0);
	}
	for (unsigned int i = 0; i < nr_threads; i++)
		thread[i].run = churn;
	crew_race();
	for (unsigned int i = 0; i < BOXES; i++)
		dma_fence_put(box[i].f);
	crew_end();
}

/* ---- who sleeps is woken: every second thread makes a fence and sleeps on it, its neighbour signals it ---- */

static struct dma_fence *_Atomic posted[MAX_THREADS];

static void sleeper(struct thread *t)
{
	struct dma_fence *f = fresh(t);

	atomic_store(&posted[t->cpu], dma_fence_get(f));
	if (rnd(t) % 4 == 0)
		sched_yield();
	must(!dma_fence_wait(f, machine_clock(m) + 5000 * MS) || atomic_load(&stop), "it is woken");
	dma_fence_put(f);
}

static void waker(struct thread *t)
{
	struct dma_fence *f;

	f = atomic_exchange(&posted[t->cpu - 1], NULL);
	if (!f) {
		sched_yield();
		return;
	}
	must(!dma_fence_signal(f), "the only one who does");
	dma_fence_put(f);
}

static void sleeps(void)
{
	if (!crew_start(64, 0, CMA_POLICY_GUARANTEED))
		return;
	for (unsigned int i = 0; i < nr_threads; i++)
		thread[i].run = i & 1 ? waker : i + 1 < nr_threads ? sleeper : churn;
	crew_race();
	for (unsigned int i = 0; i < nr_threads; i++)
		dma_fence_put(atomic_exchange(&posted[i], NULL));
	crew_end();
}

/* ---- several reservations, in any order ---- */

#define RESVS 5

static struct dma_resv resv[RESVS];
static unsigned int inside[RESVS]; /* by who has it locked */
static _Atomic(uint64_t) backoffs, trips;

static void own(unsigned int i, bool enter)
{
	must(inside[i] == !enter, "one at a time");
	inside[i] = enter;
}

static void unlock_all(unsigned int set)
{
	for (unsigned int i = 0; i < RESVS; i++) {
		if (!(set >> i & 1))
			continue;
		own(i, false);
		dma_resv_unlock(&resv[i]);
	}
}

static void lock_three(struct thread *t)
{
	unsigned int pick[3], set = 0, i = 0;
	struct dma_resv_ctx ctx;
	int err;

	dma_resv_ctx_init(&ctx, m);
	for (unsigned int k = 0; k < 3; k++)
		pick[k] = rnd(t) % RESVS;
	while (i < 3) {
		err = dma_resv_lock(&resv[pick[i]], &ctx);
		if (err == -FH_EDEADLK) {
			unlock_all(set);
			dma_resv_lock_slow(&resv[pick[i]], &ctx);
			own(pick[i], true);
			set = 1u << pick[i];
			i = 0;
			atomic_fetch_add(&backoffs, 1);
			continue;
		}
		must(err == (set >> pick[i] & 1 ? -FH_EALREADY : 0), "locked, or mine");
		if (!err)
			own(pick[i], true);
		set |= 1u << pick[i++];
		if (rnd(t) % 8 == 0)
			sched_yield();
	}
	unlock_all(set);
	must(!ctx.held, "all given back");
	atomic_fetch_add(&trips, 1);
}

static void lock_one(struct thread *t)
{
	unsigned int i = rnd(t) % RESVS;

	if (rnd(t) % 2 ? !dma_resv_trylock(&resv[i]) : dma_resv_lock(&resv[i], NULL))
		return;
	own(i, true);
	own(i, false);
	dma_resv_unlock(&resv[i]);
}

static void lockers(struct thread *t)
{
	if (rnd(t) % 4)
		lock_three(t);
	else
		lock_one(t);
}

static void locks_of(bool spinning)
{
	if (!crew_start(64, 0, CMA_POLICY_GUARANTEED))
		return;
	if (spinning)
		m->plat.wait = NULL;
	memset(inside, 0, sizeof(inside));
	atomic_store(&backoffs, 0);
	atomic_store(&trips, 0);
	for (unsigned int i = 0; i < RESVS; i++)
		dma_resv_init(&resv[i], m);
	for (unsigned int i = 0; i < nr_threads; i++)
		thread[i].run = lockers;
	crew_race();
	T_OK(backoffs > 0 && trips > backoffs / 100, "they met, and got somewhere");
	for (unsigned int i = 0; i < RESVS; i++)
		dma_resv_fini(&resv[i]);
	crew_end();
}

static void locks(void)
{
	locks_of(false);
}

static void locks_that_spin(void)
{
	locks_of(true);
}

/* ---- fences that come while others look ---- */

static struct dma_fence *for_ever; /* KERNEL, in all of them */

static void writer(struct thread *t)
{
	struct dma_resv *r = &resv[rnd(t) % RESVS];
	struct dma_fence *f = fresh(t);

	must(!dma_resv_lock(r, NULL), "locked");
	fair(dma_resv_reserve_fences(r, 2));
	dma_resv_add_fence(r, f, (enum dma_resv_usage)(1 + rnd(t) % 3));
	if (rnd(t) % 16 == 0)
		fair(dma_resv_copy_fences(r, &resv[rnd(t) % RESVS]));
	dma_resv_unlock(r);
	if (rnd(t) % 4)
		(void)dma_fence_signal(f);
	dma_fence_put(f);
}

static bool is_for_ever(struct dma_fence *f, enum dma_resv_usage usage, void *arg)
{
	if (f == for_ever && usage == DMA_RESV_USAGE_KERNEL)
		++*(unsigned int *)arg;
	return true;
}

static void reader(struct thread *t)
{
	struct dma_resv *r = &resv[rnd(t) % RESVS];
	enum dma_resv_usage usage = (enum dma_resv_usage)(rnd(t) % 4);
	struct dma_fence *f = NULL;
	unsigned int n = 0;

	switch (rnd(t) % 4) {
	case 0:
		must(!dma_resv_test_signaled(r, usage), "one never is");
		break;
	case 1:
		dma_resv_for_each_fence(r, usage, is_for_ever, &n);
		must(n, "seen"); /* again, if the list was copied meanwhile */
		break;
	case 2:
		must(!dma_resv_get_singleton(r, usage, &f) && f, "one for all");
		must(!dma_fence_is_signaled(f), "one of them never is");
		dma_fence_put(f);
		break;
	default:
		must(dma_resv_wait(r, usage, machine_clock(m) + MS / 10) == -FH_ETIMEDOUT,
		     "one never is");
		break;
	}
}

static void lists(void)
{
	char why[512] = "";
	struct fh_text out = {why, sizeof(why), 0};

	if (!crew_start(64, 0, CMA_POLICY_GUARANTEED))
		return;
	T_EQ(dma_fence_create(m, "race", "race", 1000, 1, &for_ever), 0);
	for (unsigned int i = 0; i < RESVS; i++) {
		dma_resv_init(&resv[i], m);
		T_EQ(dma_resv_lock(&resv[i], NULL), 0);
		T_EQ(dma_resv_reserve_fences(&resv[i], 1), 0);
		dma_resv_add_fence(&resv[i], for_ever, DMA_RESV_USAGE_KERNEL);
		dma_resv_unlock(&resv[i]);
	}
	for (unsigned int i = 0; i < nr_threads; i++)
		thread[i].run = i & 1 ? reader : writer;
	crew_race();
	for (unsigned int i = 0; i < RESVS; i++) {
		T_OK(!resv_check(&resv[i], "raced", &out), why);
		dma_resv_fini(&resv[i]);
	}
	dma_fence_put(for_ever);
	crew_end();
}

const struct t_case t_cases[] = {
	T(fences), T(sleeps), T(locks), T(locks_that_spin), T(lists), T_END,
};
