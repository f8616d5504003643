/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A deterministic scheduler: threads of a scenario are fibers of one thread, one runs at a time, and
 * another takes over only at points that the test chooses.
 *
 * A schedule is a list of departures from the ordinary course of things, which is: who runs goes on
 * until he waits, yields or ends, and then the next in turn runs. "12>1,40>0" reads: at the 12th
 * point where there was a choice thread 1 took over, at the 40th thread 0. With the same scenario
 * the same schedule always does the same, so what fails is run again by FH_SCHEDULE="name:12>1,40>0".
 */
#ifndef FH_TEST_SCHEDULE_H
#define FH_TEST_SCHEDULE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define SCHED_THREADS 3

struct sched_scenario {
	const char *name;
	void (*setup)(void);
	void (*thread[SCHED_THREADS])(void); /* thread i is CPU i; NULL: no more */
	void (*check)(void);		     /* after all have ended; gives everything back */
};

struct sched_limits {
	double seconds;		 /* of CPU, for one scenario; at most four times that in all */
	unsigned int departures; /* at most so many in a schedule that is drawn by lot */
	uint64_t drawn;		 /* how many of those */
};

/* Runs the scenario by its ordinary schedule, by all with one departure, by all with two if time
 * allows, and by some drawn by lot with up to l->departures; prints how many, as a TAP comment.
 * False: one failed, which is printed with its schedule; what it used is lost. */
bool sched_explore(const struct sched_scenario *s, const struct sched_limits *l);

/* All below are for hooks and threads; outside of a thread they do nothing. */
/* Another may run from here on. */
void sched_point(void);
/* Another must run, if one can: the caller waits for it in a loop. */
void sched_give_way(void);
/* Until sched_wake(word), unless *word differs from value already. */
void sched_wait(const _Atomic(uint32_t) *word, uint32_t value);
void sched_wake(const _Atomic(uint32_t) *word);
/* A clock that goes on by a microsecond a look and a millisecond a turn of somebody's waiting. */
uint64_t sched_clock(void);
/* The run has failed; the first reason is kept. A thread ends here and so does the run. */
void sched_fail(const char *why);
/* The same, and it ends at once, also in setup() and check(). */
void sched_stop(const char *why) __attribute__((noreturn));
bool sched_must(bool ok, const char *what);

#endif
