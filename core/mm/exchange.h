/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Tenants that devices would have to move change places with such as can be dropped, ahead of the devices.
 *
 * Model. What devices took of the area of late says how many frames they will want next (`most` of a period less what
 * they have) and how likely that is; the search for windows says which frames those will be. Of that window
 * the block with the most pages that would have to move is taken, and a batch of them moved out: to frames that are
 * free, or, when these are few, to frames that the coldest clean cache outside makes up for by coming inside. Whether
 * that is worth while policy.c says; whether it was, the account in `balance_ns` shows afterwards: each page that left
 * is paid at once, and paid back when a device takes its block.
 *
 * A step has its pages ISOLATED and, between the two moves, the frames inside RAW: for a request that wants the block they
 * are pages in transit.
 *
 * Locking. One step at a time in a machine (`exchanging`). Tenants move without any lock held.
 */
#ifndef FH_MM_EXCHANGE_H
#define FH_MM_EXCHANGE_H

#include <freehold/types.h>

struct cma;
struct window;

/* One step of at most POLICY_EXCHANGE_BATCH pages; false: nothing to do, or not now. Waits for nothing. */
bool exchange_step(struct cma *cma);

/* A window has become a buffer, for which `migrated` pages had to move. cma.lock is held. */
void exchange_taken(struct cma *cma, const struct window *w, uint64_t migrated);

/* A request begins, and ends: in between no step begins, and one that runs stops. The first returns what the second
 * must be given. */
bool exchange_yield(struct cma *cma);
void exchange_resume(struct cma *cma, bool yields);

#endif
