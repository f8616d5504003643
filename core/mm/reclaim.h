/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Make room before failing: which pages go, by which way, and for whom; and the account of what cannot go
 * at once (DESIGN, "Reclaim").
 */
#ifndef FH_MM_RECLAIM_H
#define FH_MM_RECLAIM_H

#include "mm/lru.h"

enum reclaim_who { RECLAIM_DIRECT, RECLAIM_BACKGROUND };

/* What all threads that reclaim share. */
struct reclaim {
	_Atomic(uint32_t)
		writer; /* who writes back: its CPU + 2, 1: a thread that is no CPU; 0: nobody */
	_Atomic(uint32_t) running; /* threads in reclaim that may sleep in I/O */
	_Atomic(uint32_t) done;	   /* counts pages written, or not, and threads that ended it */

	/* The background. */
	_Atomic(uint32_t) word; /* waited for: counts wake-ups */
	_Atomic(uint32_t) sleeping;
	_Atomic(uint32_t) present; /* some thread is it */
	_Atomic(uint32_t) stop;
	_Atomic(uint32_t) vain; /* runs that freed nothing, since anybody's last success */
};

/* Drops up to `want` clean file pages, oldest first, and frees their frames; how many. Never sleeps. */
uint64_t reclaim_clean(struct fh_machine *m, enum lru_where where, uint64_t want);

/* Drops of pages the caller has isolated, n >= 1 and all of one object, those that are (still) clean and a file's;
 * returns how many are not. These are pfn[0..) afterwards, in the order they had, and still isolated; the frames behind them are RAW
 * and the caller's. */
unsigned int reclaim_drop(struct fh_machine *m, pfn_t *pfn, unsigned int n);
/*
 * Frees about `need` frames that a request with these gfp bits can use: drops clean cache; when there is
 * none left and __GFP_IO is set, swaps out and writes back; when that gives nothing either, waits a while
 * for others who do. Returns frames freed, at least 1 after a wait that was not in vain. 0: there is
 * nothing to be had.
 */
uint64_t reclaim_room(struct fh_machine *m, gfp_t gfp, uint64_t need, enum reclaim_who who);

/* Compresses, swaps out and writes back about `need` pages, which then no longer count (compressed ones: as much as
 * that saves); how many. Without __GFP_IO it only compresses. */
uint64_t budget_lower(struct fh_machine *m, gfp_t gfp, uint64_t need, enum reclaim_who who);
/* As budget_reserve(), after doing so if __GFP_DIRECT_RECLAIM is set. */
bool reclaim_budget(struct fh_machine *m, gfp_t gfp, uint64_t need);

/* An allocation found memory short: wakes the background if it sleeps. One load if it does not. */
void reclaim_wake(struct fh_machine *m);

#endif
