/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Threads that race on one machine, each a CPU of it, and what most of them do: tenants who write a pattern and find it again,
 * devices, and who disturbs. In the environment: FH_RACE_SECONDS=n runs each race so long (1), FH_RACE_THREADS=n with so many
 * threads (4).
 */
#ifndef FH_TESTS_CREW_H
#define FH_TESTS_CREW_H

#include <pthread.h>
#include <stdatomic.h>
#include <freehold/cma.h>
#include <freehold/object.h>
#include "testplat.h"

#define MAX_THREADS  16
#define OBJECT_PAGES 512

struct crew_file {
	uint32_t word[OBJECT_PAGES];
};

struct thread {
	pthread_t id;
	unsigned int cpu;
	uint32_t rnd;
	uint64_t done;
	void (*run)(struct thread *t); /* a round */
	/* a tenant */
	struct fh_object *o;
	struct fh_space *space;
	struct tp_space *host;
	struct crew_file *file; /* NULL: anonymous */
	uint32_t word[OBJECT_PAGES];
};

extern struct testplat tp;
extern struct fh_machine *m;
extern struct cma *area;
extern struct thread thread[MAX_THREADS];
extern unsigned int nr_threads;
extern uint64_t swap_places; /* of the next machine; 0: none */
extern uint64_t movable_mib; /* of its RAM, the upper end: ZONE_MOVABLE; 0: none */
extern bool page_owner;	     /* it knows who has each frame, and caches none */
extern _Atomic(bool) stop;   /* the race is over */
extern _Atomic(uint64_t) wrong;
extern pthread_t background_id; /* fh_reclaim_background(), stopped when the race ends */
extern bool background_runs;

/* A machine, and threads that have nothing to do yet. */
bool crew_start(uint64_t mib, uint64_t cma_mib, enum cma_policy policy);
/* All of them do rounds of what they do, at once; then what went wrong fails the test. */
void crew_race(void);
/* All memory is free again, and the machine goes. */
void crew_end(void);

uint32_t rnd(struct thread *t);
/* From any thread: counted, and the last one said. */
void must(bool ok, const char *what);
/* An error that the contract allows: want of memory. */
void fair(int err);

void tenant_init(struct thread *t, bool file);
void tenant_fini(struct thread *t);
/* Rounds. */
void live(struct thread *t);
void disturb(struct thread *t);
void short_lives(struct thread *t);
void device(struct thread *t);

/* Of a struct crew_file; a page is its word, at both ends. */
extern const struct fh_object_ops crew_file_ops;

#endif
