/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What an actor is made of, and what the engine (run.c) offers it.
 *
 * An actor's threads call fill() in the actor's turn, then work() until actor_stopping(); each
 * thread has its own tally, its own random numbers and, by actor_page(), its own pages, so nothing
 * is locked.
 */
#ifndef FREEHOLD_TOOLS_ACTOR_H
#define FREEHOLD_TOOLS_ACTOR_H

#include <pthread.h>
#include "faults.h"
#include "run.h"

struct actor;

struct actor_thread {
	struct actor *a;
	unsigned int n;	  /* of the actor's threads */
	unsigned int cpu; /* of the machine */
	pthread_t id;
	bool started;
	uint64_t random;
	uint64_t pages;	    /* own pages that fill() has filled: actor_page() of 0 to pages - 1 */
	uint64_t began_ns;  /* of the work */
	uint64_t paced_ops; /* since began_ns */
	uint64_t quota;	    /* of the actor's count; 0: none */
	uint64_t counted;
	void *state; /* of the kind's */
	struct tally tally;
};

struct actor_ops {
	/* On the engine's thread, before and after the actor's own. create: false with *why.
	 * Destroy is called after a failed create too. */
	bool (*create)(struct actor *a, struct why *why);
	void (*destroy)(struct actor *a);
	/* On each thread of the actor. NULL: none needed. */
	void (*fill)(struct actor_thread *t);
	void (*work)(struct actor_thread *t);
	/* On the engine's thread, after the work: what the kind has beside tallies. NULL: nothing. */
	void (*collect)(struct actor *a, struct run_actor_result *r);
};

struct actor {
	const struct job_actor *spec;
	const struct actor_ops *ops;
	struct run *run;
	struct fh_machine *m;
	unsigned int index; /* in the job: part of every pattern's seed */
	uint64_t seed;	    /* the job's, mixed with the index */
	uint64_t nr_pages;  /* of a tenant: what `size` comes to */
	uint64_t stripe;    /* pages of it that go to one thread together */
	struct actor_thread *thread;
	void *state;		  /* of the kind's */
	void *group;		  /* of actor_group.c */
	struct fh_pinner *pinner; /* of its name; NULL: there was no memory for it */
};

extern const struct actor_ops actor_device_ops, actor_group_ops, actor_absent_ops, actor_anon_ops,
	actor_files_ops, actor_pin_ops, actor_writeback_ops;

/* ---- what the engine offers ---- */

/* The end of the work, or an interruption: give up soon. */
bool actor_stopping(const struct actor *a);
/* Sleeps until the clock shows `until`; false: the work is over. Not from inside a call of the core: a check of
 * the machine may take place meanwhile (rest.h). */
bool actor_sleep(struct actor *a, uint64_t until);
/* The same from inside one, as in ops->write; ends early when such a check is waiting. */
void actor_delay(struct actor *a, uint64_t until);
/* Keeps the actor's threads at spec->rate together, stands still while a device wants quiet, and counts;
 * false: the work is over, or the thread's quota of it. A tenant calls it before each op. */
bool actor_pace(struct actor_thread *t);
/* One device at a time: tenants that pace themselves stand still until it is over. */
void actor_quiet(struct actor *a, bool quiet);
/* Whether some tenant holds a page in place now, as far as they say (actor_hold()). */
bool actor_somebody_holds(const struct actor *a);
/* Whether tenants have (nearly) all memory that they may have. */
bool actor_memory_full(const struct actor *a);
struct hosted *actor_hosted(const struct actor *a);
/* What makes calls fail in this run. */
struct faults *actor_faults(const struct actor *a);

/* Pages are dealt to threads in stripes: the k-th page of this thread; false: the actor has no
 * more. */
bool actor_page(const struct actor_thread *t, uint64_t k, uint64_t *page);

void tally_failed(struct tally *t, int err); /* err negative */
/* One operation that began at `start` is over. */
void tally_done(struct tally *t, uint64_t start);

/* A device was refused by `area`: keeps why. */
void actor_refused(struct actor *a, struct cma *area, int err);
/* This thread holds frame pfn in place (pin, writeback) until actor_unhold(): so that a refusal can
 * say who. At most ACTOR_MAX_HELD a thread, more go unnamed. */
#define ACTOR_MAX_HELD JOB_MAX_PIN
void actor_hold(struct actor_thread *t, unsigned int slot, pfn_t pfn);
void actor_unhold(struct actor_thread *t, unsigned int slot);
/* What the machine's own records say of who pins, if it is an actor of this name; NULL: nothing. */
struct fh_pinner *actor_pinner(struct fh_machine *m, const struct job_actor *spec);

#endif
