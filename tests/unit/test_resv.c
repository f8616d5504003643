/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* <freehold/resv.h>: the lock, who gives way to whom, which fences stay, who is shown which. */
#include <string.h>
#include <time.h>
#include <freehold/resv.h>
#include "buf/buf.h"
#include "buf/resv.h"
#include "t.h"
#include "testplat.h"

#define MS UINT64_C(1000000)

static struct testplat tp;
static struct fh_machine *m;
static struct dma_resv a, b;

static bool start(void)
{
	m = testplat_start(&tp, 8, 0, CMA_POLICY_GUARANTEED, 1);
	if (!m)
		return false;
	dma_resv_init(&a, m);
	dma_resv_init(&b, m);
	return true;
}

static bool sound(struct dma_resv *r)
{
	char why[256] = "";
	struct fh_text out = {why, sizeof(why), 0};

	return T_OK(!resv_check(r, "a", &out), why);
}

static void end(void)
{
	sound(&a);
	sound(&b);
	dma_resv_fini(&a);
	dma_resv_fini(&b);
	testplat_end(&tp, m);
}

static struct dma_fence *make(uint64_t context, uint64_t seqno)
{
	struct dma_fence *f = NULL;

	T_EQ(dma_fence_create(m, "drv", "line", context, seqno, &f), 0);
	return f;
}

/* A new fence in a, which is locked; a has its only reference. */
static struct dma_fence *add(uint64_t context, uint64_t seqno, enum dma_resv_usage usage)
{
	struct dma_fence *f = make(context, seqno);

	T_EQ(dma_resv_reserve_fences(&a, 1), 0);
	dma_resv_add_fence(&a, f, usage);
	dma_fence_put(f);
	return f;
}

/* ---- what is in it, as text: "KERNEL 3-1, ..." as "K3-1 " ---- */

static char shown[512];

static bool show_one(struct dma_fence *f, enum dma_resv_usage usage, void *arg)
{
	struct fh_text *t = arg;

	fh_text_add(t, "%c%llu-%llu ", "KWRB"[usage], (unsigned long long)f -> context,
		    (unsigned long long)f -> seqno);
	return true;
}

static const char *show(struct dma_resv *r, enum dma_resv_usage usage)
{
	struct fh_text t = {shown, sizeof(shown), 0};

	shown[0] = '\0';
	dma_resv_for_each_fence(r, usage, show_one, &t);
	return shown;
}

/* ---- the lock ---- */

static void lock_alone(void)
{
	T_NEED(start());
	T_OK(!dma_resv_is_locked(&a), "free");
	T_EQ(dma_resv_lock(&a, NULL), 0);
	T_OK(dma_resv_is_locked(&a), "taken");
	T_OK(!dma_resv_trylock(&a), "once");
	dma_resv_unlock(&a);
	T_OK(dma_resv_trylock(&a), "free again");
	dma_resv_unlock(&a);
	dma_resv_lock_slow(&a, NULL);
	dma_resv_unlock(&a);
	T_OK(!dma_resv_is_locked(&a), "free");
	end();
}

static void younger_gives_way(void)
{
	struct dma_resv_ctx old, young;

	T_NEED(start());
	dma_resv_ctx_init(&old, m);
	dma_resv_ctx_init(&young, m);
	T_OK(young.stamp > old.stamp && old.stamp, "who began later");
	T_EQ(dma_resv_lock(&a, &old), 0);
	T_EQ(dma_resv_lock(&a, &old), -FH_EALREADY);
	T_EQ(dma_resv_lock(&b, &young), 0);
	T_EQ(dma_resv_lock(&a, &young), -FH_EDEADLK);
	T_EQ(young.held, 1);
	dma_resv_unlock(&b);
	T_EQ(young.held, 0);
	dma_resv_unlock(&a);
	dma_resv_lock_slow(&a, &young);
	T_EQ(dma_resv_lock(&a, &young), -FH_EALREADY);
	T_EQ(dma_resv_lock(&b, &young), 0);
	T_EQ(young.held, 2);
	dma_resv_unlock(&a);
	dma_resv_unlock(&b);
	T_EQ(young.held + old.held, 0);
	end();
}

static void slow_with_another(void *arg)
{
	dma_resv_lock_slow(&b, arg);
}

static void unlock_free(void *arg)
{
	dma_resv_unlock(arg);
}

static void add_unreserved(void *arg)
{
	dma_resv_add_fence(&a, arg, DMA_RESV_USAGE_READ);
}

static void reserve_unlocked(void *arg)
{
	(void)!dma_resv_reserve_fences(arg, 1);
}

static void misuse_stops(void)
{
	struct dma_resv_ctx ctx;
	struct dma_fence *f;

	T_NEED(start());
	f = make(1, 1);
	dma_resv_ctx_init(&ctx, m);
	T_OK(testplat_dies(unlock_free, &a), "unlock of what is free");
	T_OK(testplat_dies(reserve_unlocked, &a), "reserve without the lock");
	T_OK(testplat_dies(add_unreserved, f), "add without the lock");
	T_EQ(dma_resv_lock(&a, &ctx), 0);
	T_OK(testplat_dies(slow_with_another, &ctx), "lock_slow with another lock");
	T_OK(testplat_dies(add_unreserved, f), "add without room");
	T_EQ(dma_resv_reserve_fences(&a, 1), 0);
	dma_resv_unlock(&a);
	T_EQ(dma_resv_lock(&a, NULL), 0);
	T_OK(testplat_dies(add_unreserved, f), "the room is lost with the lock");
	dma_resv_unlock(&a);
	dma_fence_put(f);
	end();
}

struct waiter {
	struct dma_resv_ctx *ctx;
	int err;
	_Atomic(bool) begun, got;
};

static void *wait_for_a(void *arg)
{
	struct waiter *w = arg;

	atomic_store(&w->begun, true);
	w->err = dma_resv_lock(&a, w->ctx);
	if (!w->err) {
		atomic_store(&w->got, true);
		dma_resv_unlock(&a);
	}
	return NULL;
}

/* Somebody sleeps on a. */
static void until_waited_for(void)
{
	struct timespec nap = {0, 1000000};

	for (unsigned int i = 0; i < 5000 && !(atomic_load(&a.word) & 2); i++)
		nanosleep(&nap, NULL);
}

/* The older one sleeps, and is woken; one between the two in age that slept as well gives way to it. */
static void older_waits(void)
{
	struct dma_resv_ctx old, middle, young, oldest;
	struct waiter w = {.ctx = &old}, v = {.ctx = &middle};
	pthread_t id, id2;

	T_NEED(start());
	dma_resv_ctx_init(&oldest, m);
	dma_resv_ctx_init(&old, m);
	dma_resv_ctx_init(&middle, m);
	dma_resv_ctx_init(&young, m);
	T_EQ(dma_resv_lock(&a, &young), 0);
	T_EQ(pthread_create(&id, NULL, wait_for_a, &w), 0);
	until_waited_for();
	T_OK(!atomic_load(&w.got), "it waits");
	dma_resv_unlock(&a);
	pthread_join(id, NULL);
	T_EQ(w.err, 0);

	/* The lock goes from young to the oldest while the middle one looks or sleeps: it must not sleep on. */
	T_EQ(dma_resv_lock(&a, &young), 0);
	T_EQ(pthread_create(&id2, NULL, wait_for_a, &v), 0);
	until_waited_for();
	dma_resv_unlock(&a);
	if (!dma_resv_lock(&a, &oldest)) {
		pthread_join(id2, NULL); /* hangs if it sleeps on one who began earlier */
		T_OK(v.err == -FH_EDEADLK || atomic_load(&v.got), "it gave way, or was first");
		dma_resv_unlock(&a);
	}
	end();
}

/* No platform's wait: it spins. */
static void spins(void)
{
	struct waiter w = {0};
	pthread_t id;

	T_NEED(start());
	m->plat.wait = NULL;
	T_EQ(dma_resv_lock(&a, NULL), 0);
	T_EQ(pthread_create(&id, NULL, wait_for_a, &w), 0);
	until_waited_for();
	dma_resv_unlock(&a);
	pthread_join(id, NULL);
	T_OK(atomic_load(&w.got), "it got it");
	end();
}

/* ---- fences ---- */

static void usages(void)
{
	T_NEED(start());
	T_EQ(dma_resv_usage_rw(true), DMA_RESV_USAGE_READ);
	T_EQ(dma_resv_usage_rw(false), DMA_RESV_USAGE_WRITE);
	T_EQ(dma_resv_lock(&a, NULL), 0);
	add(4, 1, DMA_RESV_USAGE_BOOKKEEP);
	add(3, 1, DMA_RESV_USAGE_READ);
	add(2, 1, DMA_RESV_USAGE_WRITE);
	T_OK(dma_resv_test_signaled(&a, DMA_RESV_USAGE_KERNEL), "nobody moves it");
	add(1, 1, DMA_RESV_USAGE_KERNEL);
	dma_resv_unlock(&a);
	T_STR(show(&a, DMA_RESV_USAGE_KERNEL), "K1-1 ");
	T_STR(show(&a, DMA_RESV_USAGE_WRITE), "W2-1 K1-1 ");
	T_STR(show(&a, DMA_RESV_USAGE_READ), "R3-1 W2-1 K1-1 ");
	T_STR(show(&a, DMA_RESV_USAGE_BOOKKEEP), "B4-1 R3-1 W2-1 K1-1 ");
	end();
}

static void of_one_timeline(void)
{
	T_NEED(start());
	T_EQ(dma_resv_lock(&a, NULL), 0);
	add(1, 1, DMA_RESV_USAGE_READ);
	add(1, 2, DMA_RESV_USAGE_READ);
	T_STR(show(&a, DMA_RESV_USAGE_READ), "R1-2 ");
	add(1, 3, DMA_RESV_USAGE_WRITE); /* whoever waits for it has waited for the reader */
	T_STR(show(&a, DMA_RESV_USAGE_READ), "W1-3 ");
	add(1, 4, DMA_RESV_USAGE_READ); /* a new reader does not wait for this one */
	T_STR(show(&a, DMA_RESV_USAGE_READ), "W1-3 R1-4 ");
	add(1, 2, DMA_RESV_USAGE_WRITE); /* late: nobody needs it */
	T_STR(show(&a, DMA_RESV_USAGE_READ), "W1-3 R1-4 ");
	add(1, 3, DMA_RESV_USAGE_BOOKKEEP);
	T_STR(show(&a, DMA_RESV_USAGE_BOOKKEEP), "W1-3 R1-4 ");
	add(1, 5, DMA_RESV_USAGE_KERNEL);
	T_STR(show(&a, DMA_RESV_USAGE_BOOKKEEP), "K1-5 ");
	dma_resv_unlock(&a);
	end();
}

static void done_ones_go(void)
{
	struct dma_fence *f[3];

	T_NEED(start());
	T_EQ(dma_resv_lock(&a, NULL), 0);
	for (unsigned int i = 0; i < 3; i++)
		f[i] = add(i + 1, 1, DMA_RESV_USAGE_READ);
	T_EQ(a.nr, 3);
	T_EQ(dma_fence_signal(f[0]), 0);
	T_EQ(dma_fence_signal(f[2]), 0);
	T_STR(show(&a, DMA_RESV_USAGE_READ), "R2-1 ");
	add(7, 1, DMA_RESV_USAGE_WRITE);
	T_EQ(a.nr, 2);
	T_STR(show(&a, DMA_RESV_USAGE_READ), "R2-1 W7-1 ");
	dma_resv_unlock(&a);
	end();
}

/* Room is for as many as were asked for, whatever the other calls; one that makes room needs none. */
static void room(void)
{
	struct dma_fence *f[40];

	T_NEED(start());
	T_EQ(dma_resv_lock(&a, NULL), 0);
	T_EQ(dma_resv_reserve_fences(&a, 40), 0);
	T_EQ(dma_resv_reserve_fences(&a, 1), 0);
	T_EQ(dma_resv_reserve_fences(&a, UINT32_MAX), -FH_ENOMEM);
	atomic_store(&tp.fail_nth, 1); /* from here on none is allocated */
	tp.fail_sticky = true;
	for (unsigned int i = 0; i < 40; i++) {
		atomic_store(&tp.fail_nth, 0);
		f[i] = make(i + 1, 1);
		atomic_store(&tp.fail_nth, 1);
		dma_resv_add_fence(&a, f[i], DMA_RESV_USAGE_READ);
		dma_fence_put(f[i]);
	}
	T_EQ(dma_resv_reserve_fences(&a, 200), -FH_ENOMEM);
	atomic_store(&tp.fail_nth, 0);
	T_EQ(a.nr, 40);
	dma_resv_unlock(&a);
	T_EQ(dma_resv_lock(&a, NULL), 0);
	f[0] = make(1, 2);
	dma_resv_add_fence(&a, f[0], DMA_RESV_USAGE_READ);
	dma_fence_put(f[0]);
	T_EQ(a.nr, 40);
	dma_resv_unlock(&a);
	end();
}

static void replaced(void)
{
	struct dma_fence *f;

	T_NEED(start());
	T_EQ(dma_resv_lock(&a, NULL), 0);
	add(1, 1, DMA_RESV_USAGE_WRITE);
	add(2, 1, DMA_RESV_USAGE_READ);
	add(1, 2, DMA_RESV_USAGE_READ);
	dma_resv_unlock(&a);
	T_EQ(dma_resv_lock(&a, NULL), 0);
	f = make(9, 1);
	dma_resv_replace_fences(&a, 3, f, DMA_RESV_USAGE_BOOKKEEP);
	T_STR(show(&a, DMA_RESV_USAGE_BOOKKEEP), "W1-1 R2-1 R1-2 ");
	dma_resv_replace_fences(&a, 1, f, DMA_RESV_USAGE_BOOKKEEP);
	T_STR(show(&a, DMA_RESV_USAGE_BOOKKEEP), "R2-1 B9-1 ");
	dma_fence_put(f);
	dma_resv_unlock(&a);
	end();
}

static bool first_only(struct dma_fence *f, enum dma_resv_usage usage, void *arg)
{
	(void)f;
	(void)usage;
	++*(unsigned int *)arg;
	return false;
}

/* The list changes under a reader: it sees what came, and nothing twice. */
static bool change(struct dma_fence *f, enum dma_resv_usage usage, void *arg)
{
	unsigned int *n = arg;

	(void)usage;
	T_EQ(f->context, *n == 2 ? 20 : *n + 1);
	if (++*n == 1) {
		T_EQ(dma_resv_lock(&a, NULL), 0);
		(void)dma_fence_signal(f);
		add(3, 2, DMA_RESV_USAGE_READ); /* in place of 3-1, and 1-1 is done */
		dma_resv_replace_fences(&a, 3, f, DMA_RESV_USAGE_READ);
		add(20, 1, DMA_RESV_USAGE_READ);
		dma_resv_unlock(&a);
	}
	return true;
}

static void readers(void)
{
	unsigned int n = 0;

	T_NEED(start());
	T_EQ(dma_resv_lock(&a, NULL), 0);
	for (unsigned int i = 0; i < 3; i++)
		add(i + 1, 1, DMA_RESV_USAGE_READ);
	dma_resv_for_each_fence(&a, DMA_RESV_USAGE_READ, first_only, &n);
	T_EQ(n, 1);
	dma_resv_unlock(&a);
	n = 0;
	dma_resv_for_each_fence(&a, DMA_RESV_USAGE_READ, change, &n);
	T_EQ(n, 3);
	end();
}

static void waits(void)
{
	struct dma_fence *w, *r;
	uint64_t now;

	T_NEED(start());
	T_EQ(dma_resv_wait(&a, DMA_RESV_USAGE_BOOKKEEP, 0), 0);
	T_EQ(dma_resv_lock(&a, NULL), 0);
	w = add(1, 1, DMA_RESV_USAGE_WRITE);
	r = add(2, 1, DMA_RESV_USAGE_READ);
	dma_resv_unlock(&a);
	now = machine_clock(m);
	T_EQ(dma_resv_wait(&a, DMA_RESV_USAGE_WRITE, now + 5 * MS), -FH_ETIMEDOUT);
	T_OK(machine_clock(m) >= now + 5 * MS, "it waited");
	T_EQ(dma_fence_signal(w), 0);
	T_EQ(dma_resv_wait(&a, DMA_RESV_USAGE_WRITE, 0), 0);
	T_OK(dma_resv_test_signaled(&a, DMA_RESV_USAGE_WRITE), "readers may");
	T_OK(!dma_resv_test_signaled(&a, DMA_RESV_USAGE_READ), "writers may not");
	T_EQ(dma_resv_wait(&a, DMA_RESV_USAGE_READ, 1), -FH_ETIMEDOUT);
	T_EQ(dma_fence_signal(r), 0);
	T_EQ(dma_resv_wait(&a, DMA_RESV_USAGE_READ, 1), 0);
	end();
}

static void singleton(void)
{
	struct dma_fence *f, *g, *one;

	T_NEED(start());
	T_EQ(dma_resv_get_singleton(&a, DMA_RESV_USAGE_BOOKKEEP, &one), 0);
	T_OK(!one, "there are none");
	T_EQ(dma_resv_lock(&a, NULL), 0);
	f = add(1, 1, DMA_RESV_USAGE_WRITE);
	g = add(2, 1, DMA_RESV_USAGE_READ);
	dma_resv_unlock(&a);
	T_EQ(dma_resv_get_singleton(&a, DMA_RESV_USAGE_WRITE, &one), 0);
	T_OK(one == f, "one is itself");
	dma_fence_put(one);
	T_EQ(dma_resv_get_singleton(&a, DMA_RESV_USAGE_READ, &one), 0);
	T_OK(one->kind, "two are an array");
	T_EQ(dma_fence_signal(g), 0);
	T_OK(!dma_fence_is_signaled(one), "one of the two is left");
	T_EQ(dma_fence_signal(f), 0);
	T_OK(dma_fence_is_signaled(one), "both are done");
	dma_fence_put(one);
	T_EQ(dma_resv_get_singleton(&a, DMA_RESV_USAGE_READ, &one), 0);
	T_OK(!one, "none is left");
	end();
}

static void copied(void)
{
	struct dma_fence *f;

	T_NEED(start());
	T_EQ(dma_resv_lock(&a, NULL), 0);
	f = add(1, 1, DMA_RESV_USAGE_WRITE);
	add(2, 1, DMA_RESV_USAGE_READ);
	add(3, 1, DMA_RESV_USAGE_BOOKKEEP);
	T_EQ(dma_fence_signal(f), 0);
	dma_resv_unlock(&a);
	T_EQ(dma_resv_lock(&b, NULL), 0);
	T_EQ(dma_resv_reserve_fences(&b, 1), 0);
	f = make(8, 1);
	dma_resv_add_fence(&b, f, DMA_RESV_USAGE_READ);
	dma_fence_put(f);
	T_EQ(dma_resv_copy_fences(&b, &b), 0);
	T_STR(show(&b, DMA_RESV_USAGE_BOOKKEEP), "R8-1 ");
	T_EQ(dma_resv_copy_fences(&b, &a), 0);
	T_STR(show(&b, DMA_RESV_USAGE_BOOKKEEP), "R2-1 B3-1 ");
	dma_resv_unlock(&b);
	end();
}

/* What the check is for. */
static void broken_is_found(void)
{
	char why[256];
	struct fh_text out = {why, sizeof(why), 0};
	struct dma_fence *f;

	T_NEED(start());
	T_EQ(dma_resv_lock(&a, NULL), 0);
	add(1, 1, DMA_RESV_USAGE_READ);
	f = add(2, 1, DMA_RESV_USAGE_READ);
	dma_resv_unlock(&a);
	f->context = 1;
	T_EQ(resv_check(&a, "5", &out), 1);
	T_STR(why, "F5: buffer 5: fence 1-1: not the only one of its timeline and usage\n");
	f->context = 2;
	end();
}

/* Of many, whichever they are, with memory for the check and without. */
static void broken_among_many(void)
{
	static struct dma_fence *f[200];
	char why[4096] = "";

	T_NEED(start());
	T_EQ(dma_resv_lock(&a, NULL), 0);
	for (unsigned int i = 0; i < 200; i++)
		f[i] = add(1000 + i / 2, 1 + i % 2,
			   i % 2 ? DMA_RESV_USAGE_BOOKKEEP : DMA_RESV_USAGE_READ);
	dma_resv_unlock(&a);
	T_EQ(a.nr, 200); /* a timeline may be in two usages */
	sound(&a);
	for (unsigned int i = 2; i < 200; i += 66) {
		uint64_t was = f[i]->context;

		for (unsigned int k = i % 2; k < 200; k += 18 * 2) {
			struct fh_text out = {why, sizeof(why), 0};

			f[i]->context = f[k]->context;
			if (k % 8)
				tp.fail_nth = 1;
			T_EQ(resv_check(&a, "a", &out), i / 2 != k / 2);
			tp.fail_nth = 0;
		}
		f[i]->context = was;
	}
	end();
}

const struct t_case t_cases[] = {
	T(lock_alone),
	T(younger_gives_way),
	T(misuse_stops),
	T(older_waits),
	T(spins),
	T(usages),
	T(of_one_timeline),
	T(done_ones_go),
	T(room),
	T(replaced),
	T(readers),
	T(waits),
	T(singleton),
	T(copied),
	T(broken_is_found),
	T(broken_among_many),
	T_END,
};
