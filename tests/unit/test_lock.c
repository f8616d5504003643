/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* base/lock: exclusion between threads, and ranks that trap where the build checks them. */
#include <pthread.h>
#include "base/lock.h"
#include "t.h"
#include "testplat.h"

#define THREADS 4
#define ROUNDS	100000

static struct fh_lock lock;
static uint64_t counter;

static _Atomic(int) ready;

static void *add(void *arg)
{
	(void)arg;
	atomic_fetch_add(&ready, 1);
	while (atomic_load(&ready) < THREADS) /* all at once */
		hosted_yield();
	for (int i = 0; i < ROUNDS; i++) {
		fh_lock(&lock);
		uint64_t seen = counter; /* plain: only the lock makes it add up */

		for (int k = 0; k < 8; k++)
			arch_relax();
		counter = seen + 1;
		fh_unlock(&lock);
	}
	return NULL;
}

static void excludes(void)
{
	pthread_t t[THREADS];

	fh_lock_init(&lock, RANK_LEAF);
	counter = 0;
	atomic_store(&ready, 0);
	for (int i = 0; i < THREADS; i++)
		T_EQ(pthread_create(&t[i], NULL, add, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	T_EQ(counter, THREADS * ROUNDS);
	T_EQ(atomic_load(&lock.held), 0);
}

struct pair {
	enum lock_rank first, second;
};

static void take_two(void *arg)
{
	struct pair *p = arg;
	struct fh_lock a, b;

	fh_lock_init(&a, p->first);
	fh_lock_init(&b, p->second);
	fh_lock(&a);
	fh_lock(&b);
	fh_unlock(&b);
	fh_unlock(&a);
}

static void rising_ranks_pass(void)
{
	for (enum lock_rank r = RANK_SPACE; r < RANK_LEAF; r++) {
		struct pair p = {r, r + 1};

		T_OK(!testplat_dies(take_two, &p), "a rising rank is the order");
	}
}

static void falling_ranks_trap(void)
{
	if (!arch_held_ranks())
		T_SKIP("not compiled with FH_LOCK_CHECK");
	for (enum lock_rank r = RANK_SPACE; r < RANK_LEAF; r++) {
		struct pair down = {r + 1, r}, same = {r, r};

		T_OK(testplat_dies(take_two, &down), "a falling rank traps");
		if (r != RANK_BLOCK) /* neighbours are taken in rising address */
			T_OK(testplat_dies(take_two, &same), "the same rank traps");
	}
}

static void ranks_are_dropped(void)
{
	struct pair p = {RANK_CMA, RANK_LRU};
	uint32_t *held = arch_held_ranks();

	take_two(&p);
	if (!held)
		T_SKIP("not compiled with FH_LOCK_CHECK");
	T_EQ(*held, 0);
}

const struct t_case t_cases[] = {T(excludes), T(rising_ranks_pass), T(falling_ranks_trap),
				 T(ranks_are_dropped), T_END};
