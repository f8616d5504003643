/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One run of a job's actors on one machine under one policy.
 *
 *	run_policy(&setup, CMA_POLICY_MOVABLE, &result)
 *
 * Phases: every tenant in turn fills its memory; then all actors work for the job's duration; then
 *they give everything back, and the machine is checked. The calling thread is CPU 0, each actor's
 *thread a CPU of its own.
 */
#ifndef FREEHOLD_TOOLS_RUN_H
#define FREEHOLD_TOOLS_RUN_H

#include <freehold/mem.h>
#include <freehold/dma.h>
#include <freehold/hosted.h>
#include "faults.h"
#include "hist.h"
#include "job.h"

#define RUN_MAX_ERRNOS	 8
#define RUN_MAX_AREAS	 CMA_MAX_AREAS
#define RUN_MAX_REFUSALS 16
#define RUN_WHY_MAX	 1024

/* What one actor did; each of its threads has one, merged at the end. */
struct tally {
	uint64_t ops;	 /* timed operations: freehold-job(5), "Results" */
	uint64_t allocs; /* of them, or beside them, those that took memory */
	uint64_t bytes;	 /* allocated by a device; verified by a tenant */
	uint64_t corrupt_bytes;
	uint64_t pages_migrated, pages_dropped; /* in the area while a device's calls ran */
	struct {
		int err; /* positive; 0: free */
		uint64_t n;
	} failure[RUN_MAX_ERRNOS];
	struct hist latency;
};

struct run_size_result {
	uint64_t bytes;
	uint64_t calls, refused;
	struct hist latency;
};

/* What only devices have. */
struct run_device_result {
	uint64_t loops, loops_failed; /* sets asked for; those that were not got whole */
	uint64_t fragmented; /* refused buffers that the area's free pages were enough for */
	unsigned int nr_sizes;
	struct run_size_result size[JOB_MAX_SIZES]; /* as in the job */
	/* All calls, by whether a tenant held a page in place (pin, writeback) when they began. */
	struct hist held, unheld;
	/* parallel: a set's time, buffer after buffer or all at once; pages moved and dropped. */
	struct hist in_turn, at_once;
	uint64_t in_turn_pages, at_once_pages;
};

struct run_actor_result {
	const struct job_actor *spec;
	uint64_t filled_bytes; /* by a tenant, before the clock started */
	uint64_t counted;      /* of spec->count */
	struct tally tally;
	struct run_device_result *device; /* NULL: a tenant, or not in this run */
};

/* Refused allocations with the same error and reason; the first of them in detail. */
struct refusal {
	uint64_t n;
	int err;
	char why[64];
	const char *actor;
	struct range window;
	pfn_t pfn;
	uint32_t pins; /* how often it was pinned */
	const char *
		holder; /* the tenant that held it: by the area's record, or if it still did; NULL: not known */
	const char *holder_kind;
	uint64_t held_ns;
};

struct run_area_result {
	char name[CMA_MAX_NAME];
	uint64_t bytes;
	double lent; /* of what devices left idle, the mean over the run: 0 to 1 */
	struct cma_stats stats;
};

struct run_result {
	enum cma_policy policy;
	bool interrupted;
	uint64_t duration_ns; /* of all rounds */
	/* From the first page that was filled to the last that was worked on. */
	unsigned int nr_rounds;
	uint64_t round_ns[JOB_MAX_REPEAT];
	uint64_t drains;    /* CPUs that were made to give back cached frames, while working */
	uint64_t reclaimed; /* pages, from the filling on */
	uint64_t swapped, compressed; /* of them: written to swap, put into the pool */
	uint64_t pool_pages,
		pool_frames; /* in the pool when the work ended, and in how many frames */
	double copy_ns[2];   /* a page: by one thread, effectively by two; 0: not measured */
	unsigned int nr_actors;
	struct run_actor_result actor[JOB_MAX_ACTORS];
	unsigned int nr_areas;
	struct run_area_result area[RUN_MAX_AREAS];
	double lent; /* all areas together */
	unsigned int nr_refusals;
	struct refusal refusal[RUN_MAX_REFUSALS];
	struct hosted_stats host;
	/* Of this run alone. */
	uint64_t host_limit_hits, host_pages_dropped, host_faults, host_mappings_max;
	unsigned int invariants; /* broken ones */
	char invariants_why[RUN_WHY_MAX];
	unsigned int checks; /* while it worked */
	uint64_t paused_ns;  /* that they took; no part of duration_ns */
	uint64_t corrupt_bytes, leaked_pages;
	int64_t leaked_bytes; /* of the core's own memory, when faults are wanted */
	struct {
		uint64_t calls, failed;
	} fault[NR_FAULTS];
	char *readouts; /* the machine's files at the end of the work, when asked for; to be freed
			 */
};

struct run_progress {
	enum cma_policy policy;
	const char *phase;     /* "fill", "run", "check" */
	const char *actor;     /* that fills, or NULL */
	uint64_t at_ns, of_ns; /* of the work */
	uint64_t allocs, refused;
	uint64_t checks, faults; /* done; calls that were made to fail, as of the last check */
	double lent;
};

struct run_setup {
	const struct job *job;
	const struct boot_config *cfg;
	struct hosted *hosted;
	bool readouts;
	unsigned int round;		/* of job->repeat, from 0 */
	const _Atomic(bool) *interrupt; /* set by a signal: stop cleanly */
	void (*progress)(const struct run_progress *p);
};

/* False with *why: nothing was run. True: *result is whole, also after an interruption. */
bool run_policy(const struct run_setup *setup, enum cma_policy policy, struct run_result *result,
		struct why *why);
/* Adds a further round of the same policy; *from is emptied. */
void run_merge(struct run_result *to, struct run_result *from);
bool run_passed(const struct run_result *r);
void run_result_free(struct run_result *r);

uint64_t run_now(void); /* ns, monotonic */
/* Sums and merges that reports need. */
void tally_merge(struct tally *to, const struct tally *from);
uint64_t tally_failures(const struct tally *t);
/* All devices of a run together; *sum is overwritten. */
void run_devices(const struct run_result *r, struct tally *sum);
/* How much faster a device's sets came all at once than buffer after buffer, by their medians. */
double run_speed_up(const struct run_device_result *d);
/* "ENOMEM"; a number for what has no name. */
const char *errno_name(int err);

#endif
