/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Spin locks with ranks: test, then test-and-set, and the check of the lock order. */
#include "base/lock.h"

void fh_rank_take(enum lock_rank rank)
{
	uint32_t *held = arch_held_ranks();

	if (!held)
		return;
	/* A rank at or above this one is held: some other path takes the two the other way round.
	 * Blocks are the exception: two neighbours are taken in rising address (order 10). */
	if (rank == RANK_BLOCK ? *held >> (rank + 1) : *held >> rank)
		__builtin_trap();
	*held |= 1u << rank;
}

void fh_rank_drop(enum lock_rank rank)
{
	uint32_t *held = arch_held_ranks();

	if (held)
		*held &= ~(1u << rank);
}

void fh_lock_init(struct fh_lock *l, enum lock_rank rank)
{
	atomic_init(&l->held, 0);
	l->rank = rank;
}

void fh_lock(struct fh_lock *l)
{
	fh_rank_take((enum lock_rank)l->rank);
	for (unsigned int turn = 0;; turn++) {
		if (!atomic_load_explicit(&l->held, memory_order_relaxed) &&
		    !atomic_exchange_explicit(&l->held, 1, memory_order_acquire))
			return;
		fh_spin(turn);
	}
}

bool fh_trylock(struct fh_lock *l)
{
	if (atomic_load_explicit(&l->held, memory_order_relaxed) ||
	    atomic_exchange_explicit(&l->held, 1, memory_order_acquire))
		return false;
	fh_rank_take((enum lock_rank)l->rank);
	return true;
}

void fh_unlock(struct fh_lock *l)
{
	enum lock_rank rank = (enum lock_rank)l->rank;

	/* The last look at *l: who takes it next may free what it is in. */
	atomic_store_explicit(&l->held, 0, memory_order_release);
	fh_rank_drop(rank);
}
