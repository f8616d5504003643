/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A job: the machine, the policies to try, and the actors that share its memory (freehold-job(5)).
 *
 *	job_load("x.job", &job, &why)           the file alone is right
 *	job_check(&job, &cfg, &why)             ... and fits this machine
 *
 * Every mistake is one line in *why: "file:line: [section] key: what was found, what was expected".
 */
#ifndef FREEHOLD_TOOLS_JOB_H
#define FREEHOLD_TOOLS_JOB_H

#include <freehold/boot.h>
#include <freehold/cma.h>
#include "inifile.h"

#define JOB_NAME_MAX	50
#define JOB_PATH_MAX	1024
#define JOB_MAX_ACTORS	32
#define JOB_MAX_SIZES	8
#define JOB_MAX_BUFFERS 64
#define JOB_MAX_SETS	64 /* of one device at a time */
#define JOB_MAX_THREADS 63 /* of all actors: a machine has 64 CPUs, the first is the observer's */
#define JOB_MAX_PIN	64
#define JOB_MAX_AREAS	8  /* that `areas` makes, and that one device asks */
#define JOB_MAX_EXPECT	32 /* goals */
#define JOB_MAX_REPEAT	32

/* Variants of the run that are no policies: the machine without its areas; `guaranteed` with exchange, or with compression. */
#define JOB_POLICY_NONE	      ((enum cma_policy)CMA_NR_POLICIES)
#define JOB_POLICY_EXCHANGE   ((enum cma_policy)(CMA_NR_POLICIES + 1))
#define JOB_POLICY_COMPRESSED ((enum cma_policy)(CMA_NR_POLICIES + 2))
#define JOB_MAX_POLICIES      (CMA_NR_POLICIES + 3)

enum actor_kind {
	ACTOR_DEVICE,	 /* takes and returns sets of contiguous buffers */
	ACTOR_ANON,	 /* memory that threads read and write */
	ACTOR_FILES,	 /* cached real files */
	ACTOR_PIN,	 /* memory that is pinned for I/O */
	ACTOR_WRITEBACK, /* files that are written back */
	ACTOR_NR_KINDS,
};

enum job_engine { ENGINE_HOST, ENGINE_SIM, ENGINE_KERNEL };

enum size_unit { SIZE_BYTES, SIZE_SHARE, SIZE_FILL };

struct job_size {
	enum size_unit unit;
	uint64_t bytes;
	double share; /* of the machine's memory */
};

/* An area that the job adds to the machine. */
struct job_area {
	char name[CMA_MAX_NAME];
	uint64_t bytes; /* whole blocks */
};

/* What a goal is about (expect.c). */
enum metric {
	METRIC_REFUSED,
	METRIC_DRAINS,
	METRIC_RECLAIMED,
	METRIC_SWAPPED,
	METRIC_COMPRESSED,
	METRIC_RUNTIME,
	METRIC_LOOPS_FAILED,
	METRIC_FRAGMENTED,
	METRIC_SPEED_UP,
	METRIC_TAIL,
	METRIC_MAX,
	METRIC_HELD_P50,
	METRIC_HELD_MAX,
	NR_METRICS,
};

enum comparison { EXPECT_EQ, EXPECT_LE, EXPECT_GE, EXPECT_NR };

struct job_expect {
	unsigned int line;
	int actor; /* -1: of the whole run */
	enum cma_policy policy;
	enum metric metric;
	enum cma_policy base; /* of METRIC_RUNTIME: what it is compared with */
	enum comparison than;
	double value;  /* times in ns */
	char text[64]; /* as the file has it, without the policy */
};

struct job_actor {
	char name[JOB_NAME_MAX];
	enum actor_kind kind;
	unsigned int line; /* of the section, and of keys that are judged later; 0: not given */
	unsigned int size_line, area_line, align_line, lifetime_line, threads_line;

	/* device */
	unsigned int buffers;
	unsigned int nr_sizes;
	/* Bytes, whole pages; a set has one, sets take turns. */
	uint64_t buffer_size[JOB_MAX_SIZES];
	uint64_t lifetime_ns;
	unsigned int mask;			/* bits; 0: all */
	uint64_t align;				/* bytes; 0: as dma_alloc_coherent() does */
	char area[JOB_MAX_AREAS][CMA_MAX_NAME]; /* a set's buffers come from them in turn */
	unsigned int nr_areas;
	bool raw;	   /* cma_alloc() itself, nothing is zeroed */
	unsigned int sets; /* in use at a time, at most */
	bool day;	   /* rate and lifetime are of a day that passes within the run */
	bool parallel;	   /* sets by turns one buffer after another, and all at once */
	double verify;	   /* share of the buffers that are filled and read to the last byte */

	/* tenants */
	struct job_size size;
	unsigned int threads;
	double random; /* share of a page that is unlike the rest: nothing compresses it */
	bool sequential;
	double punch;	/* share of the visits after which pages are given back */
	bool churn;	/* memory and files come and go */
	uint64_t needs; /* bytes that storing a page takes meanwhile */
	unsigned int pages;
	uint64_t hold_ns, delay_ns;
	char paths[JOB_PATH_MAX]; /* of files: folders, ':' between; of writeback: one */

	double rate;	/* a second; 0: as fast as it goes */
	uint64_t count; /* sets or visits after which the actor is done; 0: none */
};

struct job {
	char path[JOB_PATH_MAX];
	uint64_t ram; /* bytes; 0: as the tree says */
	bool has_bootargs;
	char bootargs[BOOT_ARGS_MAX]; /* else: those of the tree */
	char dtb[JOB_PATH_MAX];	      /* relative to this process; empty: none */
	struct job_area area[JOB_MAX_AREAS];
	unsigned int nr_areas, areas_line;
	enum cma_policy policy[JOB_MAX_POLICIES]; /* the variants too */
	unsigned int nr_policies;
	uint64_t duration_ns; /* of each policy, at most */
	unsigned int repeat;  /* times that all policies are run */
	bool copy_rate;	      /* measure what copying a page takes */
	struct job_expect expect[JOB_MAX_EXPECT];
	unsigned int nr_expect;
	uint64_t seed;
	unsigned int cpus;	/* 0: as many as the actors need */
	uint64_t swap;		/* bytes; 0: none */
	uint64_t swap_delay_ns; /* each page takes so long, beside what the host needs */
	uint64_t faults;	/* one call of the platform in so many fails; 0: none */
	uint64_t check_ns;	/* between two checks while it works; 0: only at the end */
	uint64_t ready;		/* bytes each area keeps evacuated and zero */
	unsigned int share;	/* percent of each area that may be lent */
	unsigned int
		compress; /* percent of each area that may be saved so, in JOB_POLICY_COMPRESSED */
	/* 0: not given */
	unsigned int ram_line, bootargs_line, dtb_line, cpus_line, ready_line, swap_delay_line;
	unsigned int compress_line;
	enum job_engine engine;
	struct job_actor actor[JOB_MAX_ACTORS];
	unsigned int nr_actors;
};

bool job_load(const char *path, struct job *job, struct why *why);
/* The same for a text in memory; `path` is for messages and for what is relative to it. */
bool job_parse(const char *path, const char *text, size_t len, struct job *job, struct why *why);
/* Whether the areas, sizes and CPUs that the job names can be had of a machine made from *cfg. */
bool job_check(const struct job *job, const struct boot_config *cfg, struct why *why);
/* Once, when the duration is known: rates and lifetimes of a day's time become those of the run. */
void job_set_clock(struct job *job);
/* The i-th area a device asks, or NULL. */
const struct boot_region *job_area(const struct job_actor *a, unsigned int i,
				   const struct boot_config *cfg);

/* Names of policies, `none`, `exchange` and `compressed`. */
bool job_policy(const char *name, enum cma_policy *policy);
const char *job_policy_name(enum cma_policy policy);
/* "carveout, movable, ... or compressed" into list[size], which is returned. */
char *job_policy_list(char *list, size_t size);
const char *job_kind_name(enum actor_kind kind);
const char *job_engine_name(enum job_engine engine);
/* True: `name` is an engine, and which. */
bool job_engine(const char *name, enum job_engine *engine);
/* All threads of the actors. */
unsigned int job_threads(const struct job *job);

#endif
