/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Quiet moments of a run: no thread is inside the machine, so that fh_check() may look at it.
 *
 * An actor's thread is at rest while it waits in actor_sleep(), in actor_pace(), or is done; it may hold pages
 * pinned and buffers meanwhile, but is in no call of the core. From the moment that a rest is wanted none of them
 * goes on, and servers that make a write wait (actor_delay()) do not, so that calls that are under way come
 * to their end. The machine's own threads are stopped then, and started again afterwards.
 */
#ifndef FREEHOLD_TOOLS_REST_H
#define FREEHOLD_TOOLS_REST_H

#include <stdbool.h>
#include <stdint.h>

struct run;

/* Around what a thread waits for outside the machine; run->lock is held. rest_end() returns when no rest is
 * wanted, or the work is over. */
void rest_begin(struct run *run);
void rest_end(struct run *run);
/* Waits until all threads are at rest; false: some were not within limit_ns. rest_over() follows either way. */
bool rest_all(struct run *run, uint64_t limit_ns);
void rest_over(struct run *run);

#endif
