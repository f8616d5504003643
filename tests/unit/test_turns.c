/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* tools/turns: no more threads run than there are CPUs, each gets its turn, and who sleeps blocks nobody. */
#include <stdatomic.h>
#include <time.h>
#include "run.h"
#include "t.h"
#include "turns.h"

#define THREADS 8
#define CPUS	2

static struct turns ts;
static _Atomic(int) running, most;
static _Atomic(bool) stop, asleep;

static void count(int n)
{
	int now = atomic_fetch_add(&running, n) + n, was = atomic_load(&most);

	while (now > was && !atomic_compare_exchange_weak(&most, &was, now))
		;
}

static void doze(long ns)
{
	nanosleep(&(struct timespec){.tv_nsec = ns}, NULL);
}

/* Works without a pause but for turn_over(); counts its operations. */
static void *busy(void *arg)
{
	_Atomic(uint64_t) *ops = arg;

	turn_take(&ts);
	while (!atomic_load(&stop)) {
		count(1);
		for (volatile unsigned int i = 0; i < 2000; i++)
			;
		count(-1);
		atomic_fetch_add(ops, 1);
		turn_over(&ts);
	}
	turn_give(&ts);
	return NULL;
}

static void as_many_as_cpus(void)
{
	static _Atomic(uint64_t) ops[THREADS];
	pthread_t id[THREADS];

	turns_init(&ts, CPUS);
	for (unsigned int i = 0; i < THREADS; i++)
		T_NEED(!pthread_create(&id[i], NULL, busy, &ops[i]));
	for (unsigned int i = 0; i < THREADS; i++)
		for (unsigned int ms = 0; !ops[i] && ms < 20000; ms++)
			doze(1000000);
	atomic_store(&stop, true);
	for (unsigned int i = 0; i < THREADS; i++)
		T_EQ(pthread_join(id[i], NULL), 0);
	T_OK(most <= CPUS, "never more");
	for (unsigned int i = 0; i < THREADS; i++)
		T_OK(ops[i], "had a turn");
	T_EQ(ts.running, 0);
	T_EQ(ts.waiting, 0);
	turns_fini(&ts);
	atomic_store(&stop, false);
}

/* The first waits, with a turn, for what the second does when it wakes: nobody else can run, and yet it does. */
static void *waker(void *arg)
{
	_Atomic(bool) *woken = arg;
	bool had;

	turn_take(&ts);
	had = turn_pause(&ts);
	atomic_store(&asleep, true);
	doze(20000000);
	turn_resume(&ts, had);
	atomic_store(woken, true);
	turn_give(&ts);
	return NULL;
}

static void who_wakes_need_not_wait(void)
{
	_Atomic(bool) woken = false;
	pthread_t id;

	turns_init(&ts, 1);
	T_NEED(!pthread_create(&id, NULL, waker, &woken));
	while (!atomic_load(&asleep))
		doze(1000000);
	turn_take(&ts);
	while (!atomic_load(&woken))
		doze(1000000);
	turn_give(&ts);
	T_EQ(pthread_join(id, NULL), 0);
	T_EQ(ts.running, 0);
	T_OK(!turn_pause(&ts), "a thread without a turn has none to give");
	turn_resume(&ts, false);
	turn_over(&ts);
	T_EQ(ts.running, 0);
	turns_fini(&ts);
}

const struct t_case t_cases[] = {T(as_many_as_cpus), T(who_wakes_need_not_wait), T_END};
