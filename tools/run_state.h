/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The inside of a run, shared by run.c (its life) and actor.c (what it offers to actors). */
#ifndef FREEHOLD_TOOLS_RUN_STATE_H
#define FREEHOLD_TOOLS_RUN_STATE_H

#include <stdatomic.h>
#include "actor.h"

/* A frame that a tenant holds in place now. */
struct held {
	_Atomic(uint64_t) pfn; /* 0: none (frame 0 goes unnamed) */
	_Atomic(uint64_t) since_ns;
};

struct run {
	const struct run_setup *setup;
	struct run_result *result;
	struct boot_config cfg; /* the setup's, with this run's policy and CPUs */
	struct fh_machine *m;
	struct actor actor[JOB_MAX_ACTORS];
	unsigned int nr_actors;
	struct actor_thread *thread;
	struct held *held; /* ACTOR_MAX_HELD a thread */
	unsigned int nr_threads;

	_Atomic(bool) stop;
	pthread_mutex_t lock; /* what follows, and the result's refusals */
	pthread_cond_t changed;
	unsigned int turn;	/* the actor that may fill its memory */
	unsigned int turn_left; /* threads of it that have not finished */
	bool working;

	/* Samples of what is lent of idle areas, on the engine's thread. */
	double lent_sum, area_lent_sum[RUN_MAX_AREAS];
	unsigned int nr_samples;
};

#endif
