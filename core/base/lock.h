/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Spin locks with ranks. A CPU takes locks only in rising rank; this enum is the lock order's
 * document, and where the platform keeps held ranks (arch_held_ranks) it is checked at every lock.
 */
#ifndef FH_BASE_LOCK_H
#define FH_BASE_LOCK_H

#include <stdatomic.h>
#include <freehold/types.h>
#include "arch.h"

enum lock_rank {
	RANK_SPACE,  /* struct fh_space: its list of mappings */
	RANK_CMA,    /* struct cma: bitmaps and counts */
	RANK_OBJECT, /* struct fh_object: slots, mappings, page tables of its pages */
	RANK_LRU,    /* the lists and who may leave them */
	RANK_PCP,    /* who drains a CPU */
	RANK_BLOCK,  /* the lock bit of a block's state word */
	RANK_LEAF,   /* dmesg, lists of objects, fences, reservations: nothing is taken inside */
};

void fh_lock_init(struct fh_lock *l, enum lock_rank rank);
void fh_lock(struct fh_lock *l);
/* Takes it, if nobody has it now. */
bool fh_trylock(struct fh_lock *l);
void fh_unlock(struct fh_lock *l);

/* For locks that are a bit in a word of their own. */
void fh_rank_take(enum lock_rank rank);
void fh_rank_drop(enum lock_rank rank);

/* One turn of a wait; `turn` counts up from 0. Yields once it has lasted: the one waited for may
 * need this very CPU. */
static inline void fh_spin(unsigned int turn)
{
	if (turn < 64)
		arch_relax();
	else
		arch_yield();
}

#endif
