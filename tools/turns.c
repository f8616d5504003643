/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Tenants' threads take turns on as many CPUs as the host has. */
#include <sched.h>
#include "run.h"
#include "turns.h"

#define SLICE_NS UINT64_C(1000000)

struct turn_waiter {
	pthread_cond_t called;
	bool go;
	struct turn_waiter *next;
};

static _Thread_local struct {
	bool has;
	uint64_t since_ns;
	struct turn_waiter waiter; /* on the list while this thread waits */
} turn;

static unsigned int host_cpus(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) ? 1 : (unsigned int)CPU_COUNT(&set);
}

void turns_init(struct turns *ts, unsigned int cpus)
{
	pthread_mutex_init(&ts->lock, NULL);
	ts->cpus = cpus ? cpus : host_cpus();
	ts->running = 0;
	atomic_init(&ts->waiting, 0);
	ts->first = NULL;
	ts->last = &ts->first;
}

void turns_fini(struct turns *ts)
{
	pthread_mutex_destroy(&ts->lock);
}

static void begin(void)
{
	turn.has = true;
	turn.since_ns = run_now();
}

/* Locked. */
static void queue(struct turns *ts)
{
	struct turn_waiter *w = &turn.waiter;

	*w = (struct turn_waiter){.go = false};
	pthread_cond_init(&w->called, NULL);
	*ts->last = w;
	ts->last = &w->next;
	atomic_fetch_add(&ts->waiting, 1);
	while (!w->go)
		pthread_cond_wait(&w->called, &ts->lock);
	pthread_cond_destroy(&w->called);
}

/* Locked: one thread runs less, or the first who waits runs instead. */
static void pass_on(struct turns *ts)
{
	struct turn_waiter *w = ts->first;

	if (!w || ts->running > ts->cpus) {
		ts->running--;
		return;
	}
	ts->first = w->next;
	if (!ts->first)
		ts->last = &ts->first;
	atomic_fetch_sub(&ts->waiting, 1);
	w->go = true;
	pthread_cond_signal(&w->called);
}

void turn_take(struct turns *ts)
{
	pthread_mutex_lock(&ts->lock);
	if (ts->running < ts->cpus && !ts->first)
		ts->running++;
	else
		queue(ts);
	pthread_mutex_unlock(&ts->lock);
	begin();
}

void turn_give(struct turns *ts)
{
	pthread_mutex_lock(&ts->lock);
	pass_on(ts);
	pthread_mutex_unlock(&ts->lock);
	turn.has = false;
}

void turn_over(struct turns *ts)
{
	if (!turn.has ||
	    (!atomic_load_explicit(&ts->waiting, memory_order_relaxed) &&
	     atomic_load_explicit(&ts->running, memory_order_relaxed) <= ts->cpus) ||
	    run_now() - turn.since_ns < SLICE_NS)
		return;
	turn_give(ts);
	turn_take(ts);
}

bool turn_pause(struct turns *ts)
{
	bool had = turn.has;

	if (had)
		turn_give(ts);
	return had;
}

void turn_resume(struct turns *ts, bool had)
{
	if (!had)
		return;
	pthread_mutex_lock(&ts->lock);
	ts->running++;
	pthread_mutex_unlock(&ts->lock);
	begin();
}
