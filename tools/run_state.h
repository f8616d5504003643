/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The inside of a run, shared by run.c (its life) and actor.c (what it offers to actors). */
#ifndef FREEHOLD_TOOLS_RUN_STATE_H
#define FREEHOLD_TOOLS_RUN_STATE_H

#include <stdatomic.h>
#include "actor.h"
#include "turns.h"

/* A frame that a tenant holds in place now. */
struct held {
	_Atomic(uint64_t) pfn; /* 0: none (frame 0 goes unnamed) */
	_Atomic(uint64_t) since_ns;
};

struct run {
	const struct run_setup *setup;
	struct run_result *result;
	struct boot_config cfg; /* the setup's, with this run's policy and CPUs */
	enum cma_policy policy; /* the job's variants too */
	struct fh_machine *m;
	bool beside; /* m is somebody else's, who uses it meanwhile (beside.h) */
	struct actor actor[JOB_MAX_ACTORS];
	unsigned int nr_actors;
	struct actor_thread *thread;
	struct held *held; /* ACTOR_MAX_HELD a thread */
	unsigned int nr_threads;
	pthread_t reclaim, areas; /* in the background, if reclaims, prepares */
	bool reclaims, prepares;
	_Atomic(bool) areas_stop;

	struct turns turns;   /* tenants' */
	struct faults faults; /* the machine's platform, when the job wants faults */
	int64_t bytes;	      /* of the core's own, before the actors were made */
	unsigned int resting; /* threads outside the machine; under lock */

	_Atomic(bool) rest; /* wanted: rest.h */
	_Atomic(bool) stop;
	_Atomic(bool) quiet;	   /* tenants stand still */
	pthread_mutex_t quiet_one; /* who makes them */
	pthread_mutex_t lock;	   /* what follows, and the result's refusals */
	pthread_cond_t changed;
	unsigned int turn;	/* the actor that may fill its memory */
	unsigned int turn_left; /* threads of it that have not finished */
	bool working;
	unsigned int counting;		     /* threads that have a count and have not reached it */
	uint64_t counted_ns;		     /* when the last of them did; 0: not yet */
	uint64_t began_ns;		     /* the filling */
	uint64_t drains, reclaimed, swapped; /* the machine's counters then */

	/* Samples of what is lent of idle areas, on the engine's thread. */
	double lent_sum, area_lent_sum[RUN_MAX_AREAS];
	unsigned int nr_samples;
};

/* A counter of the machine's proc/vmstat; 0: it has none of that name. */
uint64_t run_vmstat(struct fh_machine *m, const char *name);
/* Pages reclaimed since its birth. */
uint64_t run_reclaimed(struct fh_machine *m);
/* The machine's own files, one behind the other, to be freed. */
char *run_read_outs(struct fh_machine *m);

/* The parts of its life (run.c), in their order. */
void run_init(struct run *run);
bool run_make_threads(struct run *run, struct why *why);
void run_name_pinners(struct run *run);
bool run_create_actors(struct run *run, struct why *why);
bool run_start_threads(struct run *run, struct why *why);
void run_fill_phase(struct run *run);
/* Whoever has filled works now. */
void run_work(struct run *run);
void run_join_threads(struct run *run);
void run_destroy_actors(struct run *run);
void run_free(struct run *run);

#endif
