/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Tenants' threads take turns on as many CPUs as the host has.
 *
 * A kernel does not stop a thread that holds a spinlock in favour of another; the host does it to threads of a process whenever
 * it likes, and who wants the lock waits for all the others' slices. Here a thread hands its CPU on between two
 * operations, where it holds nothing, so that no more of them run than the host can run at once. Devices and the background take no turn.
 */
#ifndef FREEHOLD_TOOLS_TURNS_H
#define FREEHOLD_TOOLS_TURNS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct turn_waiter;

struct turns {
	pthread_mutex_t lock;
	unsigned int cpus;
	_Atomic(unsigned int) running, waiting;
	struct turn_waiter *first, **last; /* who came first is first */
};

/* cpus 0: as many as this process may use. */
void turns_init(struct turns *ts, unsigned int cpus);
void turns_fini(struct turns *ts);

/* Waits for this thread's turn. */
void turn_take(struct turns *ts);
/* Ends it. */
void turn_give(struct turns *ts);
/* Between two operations: hands it on if others wait, or too many run, and it has lasted long enough. Nothing, if the thread has none. */
void turn_over(struct turns *ts);
/* Around a sleep: gives the turn, if this thread has one, and has it back at once afterwards, one too many if need be, since
 * who wakes may be one that others wait for. */
bool turn_pause(struct turns *ts);
void turn_resume(struct turns *ts, bool had);

#endif
