/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The account of DESIGN G2: how many frames are in use that cannot be dropped and are no device's.
 *
 *	account = managed - free - devices' - droppable, and what is about to be added
 *
 * where free counts carveouts and isolated blocks too, and frames in CPUs' caches count as used. Whoever moves a
 * frame between these changes the account with the counter. Who wants more adds it first and looks at the sum
 * afterwards, so that of two who would both fit alone, and not together, one finds it too much; once his frames
 * are counted he takes the addition back. (proof/spin/budget.pml)
 */
#ifndef FH_MM_BUDGET_H
#define FH_MM_BUDGET_H

#include "mm/machine.h"

static inline uint64_t budget_used(const struct fh_machine *m)
{
	int64_t used = atomic_load_explicit(&m->account, memory_order_relaxed);

	return used < 0 ? 0 : (uint64_t)used;
}

/* n frames more, or fewer, are in use. */
static inline void budget_add(struct fh_machine *m, int64_t n)
{
	atomic_fetch_add_explicit(&m->account, n, memory_order_relaxed);
}

static inline uint64_t budget_capacity(const struct fh_machine *m)
{
	return atomic_load_explicit(&m->capacity, memory_order_relaxed);
}

/* Whether `need` more would fit: for who only looks. */
bool budget_fits(const struct fh_machine *m, uint64_t need);
/* Whether `need` more fit. True: they are in the account until budget_done(). */
bool budget_reserve(struct fh_machine *m, uint64_t need);
void budget_done(struct fh_machine *m, uint64_t need);

#endif
