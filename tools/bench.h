/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the files of `freehold bench` share: measures, the cases that yield them, machines, threads.
 *
 * A case makes a machine, does its work once and yields one value for each of its measures; the
 * runner goes through all cases and begins again, so that a machine that slows down slows every
 * measure, and a ratio of two is of one moment.
 */
#ifndef FREEHOLD_TOOLS_BENCH_H
#define FREEHOLD_TOOLS_BENCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <freehold/cma.h>
#include <freehold/mem.h>
#include <freehold/hosted.h>

#define BENCH_CASES    192
#define BENCH_MEASURES 16 /* of a case */
#define BENCH_MAX_RUNS 1000
#define BENCH_NAME     64
#define BENCH_THREADS  64
#define BENCH_WHY      256
#define BENCH_LOST_NS  UINT64_C(60000000) /* and how much may be left out of it */
#define BENCH_SPAN_NS  UINT64_C(6000000)  /* how long a measure of short operations lasts */

struct bench;
struct bench_case;

enum bench_status { BENCH_OK, BENCH_SKIP, BENCH_FAIL };

/* One value for each measure of the case. Otherwise b->why says what hinders it: BENCH_SKIP: this
 * machine; BENCH_FAIL: a fault. */
typedef enum bench_status (*bench_run)(struct bench *b, const struct bench_case *c, double *value);

struct bench_measure {
	char name[BENCH_NAME];
	const char *unit;
	bool wanted;
	double *value; /* of each run so far */
	unsigned int nr;
};

struct bench_case {
	bench_run run;
	unsigned int order, threads, pages;
	int variant;
	unsigned int ram_times; /* RAM with bytes that it needs, times --ram; 0: none */
	bool wanted, skipped;
	char why[BENCH_WHY];
	unsigned int nr_measures;
	struct bench_measure measure[BENCH_MEASURES];
};

/* Machines without bytes; with bytes, where who asks works alone; or is helped by other CPUs. */
enum bench_bytes { BENCH_BLIND, BENCH_BYTES, BENCH_HELPED, BENCH_PLATS };

struct bench {
	unsigned int runs, threads;
	uint64_t ram; /* bytes of a machine with bytes; its area is a quarter */
	struct hosted *hosted;
	struct plat plat[BENCH_PLATS]; /* the hosted platform */
	struct hosted *dma[2]; /* of group `dma`: without caches, with; NULL: not wanted yet */
	char why[BENCH_WHY];
	unsigned int nr_cases;
	struct bench_case cases[BENCH_CASES];
};

/* bench.c */
struct bench_case *bench_add(struct bench *b, struct bench_case c);
void bench_measure(struct bench_case *c, const char *unit, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The groups and the glob decide; NULL: all. How many measures are wanted. */
unsigned int bench_select(struct bench *b, char *const *groups, const char *glob);
/* All wanted cases, b->runs times. progress may be NULL. False: b->why. */
bool bench_all(struct bench *b, void (*progress)(unsigned int done, unsigned int of));
void bench_free(struct bench *b);
enum bench_status bench_fail(struct bench *b, enum bench_status status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Of an ascending copy: the middle one. */
double bench_median(const struct bench_measure *m, double *min, double *max);

uint64_t bench_now(void);

/*
 * Adds up pieces of time, and leaves out those in which the host gave the CPU to somebody else: on
 * a busy host these would be most of what is measured. All zero is a watch that has seen nothing.
 */
struct watch {
	uint64_t start;
	long switches;
	uint64_t ns, n;		  /* operations in pieces that count */
	uint64_t lost_ns, lost_n; /* in the others */
};
void watch_start(struct watch *w);
void watch_stop(struct watch *w, uint64_t operations);
/* ns an operation; of the pieces left out when there are no others. */
double watch_mean(const struct watch *w);

/* A pseudo-random number below n, which is below 2^32; *state is not 0. xorshift64 (Marsaglia
 * 2003), and the high half of what it gives, spread over n: cheap beside what is measured. */
static inline uint64_t bench_below(uint64_t *state, uint64_t n)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	*state = x;
	return ((x * UINT64_C(0x9e3779b97f4a7c15)) >> 32) * n >> 32;
}

/* RAM of machines of group `dma`, below 4 GiB and above. */
#define BENCH_DMA_LOW  (UINT64_C(128) << 20)
#define BENCH_DMA_HIGH (UINT64_C(256) << 20)

/* bench_machine.c */
#define BENCH_BASE UINT64_C(0x100000000) /* where RAM begins: one zone, Normal */
/* `ram` bytes, `area` of them an area at the end. NULL: b->why. */
struct fh_machine *bench_machine(struct bench *b, enum bench_bytes bytes, uint64_t ram,
				 uint64_t area);

/* Threads, each a CPU of the machine on a CPU of the host of its own. */
struct crew {
	unsigned int threads;
	struct fh_machine *m; /* may be NULL */
	void *arg;
	_Atomic(unsigned int) waiting, turn;
	_Atomic(bool) failed;
};
/* Calls fn(crew, id) in each of crew->threads threads. False: a thread cannot be made or one set
 * failed. */
bool crew_run(struct crew *crew, void (*fn)(struct crew *crew, unsigned int id));
/* Returns when all threads of the crew have called it. */
void crew_wait(struct crew *crew);

/* Movable pages that fill an area: one anonymous object, in page tables of the core or of the host.
 */
struct fill {
	struct fh_machine *m;
	struct cma *cma;
	struct hosted_space *host; /* NULL: the core's page tables alone */
	struct fh_space *space;
	struct fh_object *object;
	uint64_t pages, touched;
	uint64_t va;
	uint32_t *sequence; /* the order in which pages get their frames; NULL: ascending */
};
enum fill_kind { FILL_CORE = 0, FILL_HOST = 1, FILL_SCATTER = 2 }; /* added up */
/* Fills the first `pages` pages of the machine's area, from its lowest up. False: b->why. */
bool bench_fill(struct bench *b, struct fill *f, struct fh_machine *m, uint64_t pages, int kind);
void bench_unfill(struct bench *b, struct fill *f);

/* The groups. */
void bench_add_frames(struct bench *b);
void bench_add_scale(struct bench *b); /* of frames: what grows with the machine */
void bench_add_cma(struct bench *b);
void bench_add_contig(struct bench *b);
void bench_add_dma(struct bench *b);
void bench_add_buf(struct bench *b);

/* bench_goals.c: what the project wants to reach, as text; NULL: nothing was set. */
const char *bench_goal(const char *name);

/* bench_report.c */
void bench_text(const struct bench *b, FILE *out);
bool bench_json(const struct bench *b, FILE *out);

#endif
