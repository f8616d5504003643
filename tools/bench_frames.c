/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Group `frames`: what an allocation of page frames costs, on a machine without bytes, so that only
 * the allocator is measured. All requests are GFP_KERNEL. With several threads each has an equal
 * part of the work, and a figure is the mean of the threads' own times.
 */
#include <stdlib.h>
#include <freehold/page.h>
#include "bench.h"

#define RAM	    (UINT64_C(4) << 30)
#define RAM_FRAMES  (RAM >> FH_PAGE_SHIFT)
#define CHUNK	    1000 /* operations between two looks at the clock */
#define RING	    64	 /* frames a `pair_other` has in hand */
#define AHEAD	    8	 /* turns that `random` knows in advance; divides CHUNK */
#define BULK_MIN    (1u << 16)
#define FRAG_ROUNDS 100

/* What one thread has in hand, and what it measured. */
struct hand {
	uint32_t *pfn;
	uint64_t nr;
	uint64_t seed;
	uint32_t next[AHEAD]; /* what `random` does next */
	double ns[2];	      /* an operation */
} __attribute__((aligned(
	128))); /* or the threads would fight for these lines, and not only in the allocator */

struct work {
	const struct bench_case *c;
	struct fh_machine *m;
	struct hand hand[BENCH_THREADS];
	uint32_t *all; /* the hands' pfns */
	uint8_t *used; /* a byte a block, for the share of free ones */
};

static inline bool take(struct work *w, struct hand *h, uint64_t i)
{
	pfn_t pfn;

	if (fh_alloc_pages(w->m, GFP_KERNEL, w->c->order, &pfn))
		return false;
	h->pfn[i] = (uint32_t)pfn;
	return true;
}

static inline bool give(struct work *w, struct hand *h, uint64_t i)
{
	return !fh_free_pages(w->m, h->pfn[i], w->c->order);
}

/* Calls one() for all that is in hand, in pieces of CHUNK. */
static inline __attribute__((always_inline)) bool
for_all(struct work *w, struct hand *h, struct watch *watch,
	bool (*one)(struct work *w, struct hand *h, uint64_t i))
{
	bool ok = true;

	for (uint64_t i = 0, end; i < h->nr && ok; i = end) {
		uint64_t j = i;

		end = h->nr - i < CHUNK ? h->nr : i + CHUNK;
		watch_start(watch);
		while (j < end && ok)
			ok = one(w, h, j++);
		watch_stop(watch, end - i);
	}
	return ok;
}

static bool take_all(struct work *w, struct hand *h, struct watch *watch)
{
	return for_all(w, h, watch, take);
}

static bool give_all(struct work *w, struct hand *h, struct watch *watch)
{
	return for_all(w, h, watch, give);
}

/* Repeats chunk() until the span is over; ns an operation, CHUNK of them in each. */
static bool spin(struct crew *crew, struct hand *h, bool (*chunk)(struct work *w, struct hand *h))
{
	struct watch watch = {0};
	bool ok = chunk(crew->arg, h);

	crew_wait(crew);
	while (ok && watch.ns < BENCH_SPAN_NS && watch.lost_ns < BENCH_LOST_NS) {
		watch_start(&watch);
		ok = chunk(crew->arg, h);
		watch_stop(&watch, CHUNK);
	}
	h->ns[0] = watch_mean(&watch);
	crew_wait(crew);
	return ok;
}

/* ---- pair: allocate, and free at once -----------------------------------------------------------
 */

static bool chunk_pair(struct work *w, struct hand *h)
{
	for (unsigned int i = 0; i < CHUNK; i++)
		if (!take(w, h, 0) || !give(w, h, 0))
			return false;
	return true;
}

static bool body_pair(struct crew *crew, struct hand *h)
{
	return spin(crew, h, chunk_pair);
}

/* A frame RING steps old is freed: each pair is of another frame. */
static bool chunk_pair_other(struct work *w, struct hand *h)
{
	for (unsigned int i = 0; i < CHUNK; i++) {
		uint64_t at = h->seed++ % RING;

		if (!give(w, h, at) || !take(w, h, at))
			return false;
	}
	return true;
}

static bool body_pair_other(struct crew *crew, struct hand *h)
{
	struct watch unused = {0};

	h->nr = RING;
	return take_all(crew->arg, h, &unused) && spin(crew, h, chunk_pair_other);
}

/* ---- random: half full and aged, free a random one and allocate one
 * ------------------------------- */

/* The list of what is in hand is larger than caches near the CPU: each entry is asked for some
 * turns before it is used, or the list would cost more than the allocator. */
static bool chunk_random(struct work *w, struct hand *h)
{
	for (unsigned int i = 0; i < CHUNK; i++) {
		uint64_t at = h->next[i % AHEAD];

		h->next[i % AHEAD] = (uint32_t)bench_below(&h->seed, h->nr);
		__builtin_prefetch(&h->pfn[h->next[i % AHEAD]], 1);
		if (!give(w, h, at) || !take(w, h, at))
			return false;
	}
	return true;
}

static bool body_random(struct crew *crew, struct hand *h)
{
	struct watch unused = {0};
	bool ok = take_all(crew->arg, h, &unused);

	/* Aged: as many turns as there are runs in hand, so that most have been somewhere else. */
	for (uint64_t i = 0; ok && i < h->nr; i += CHUNK)
		ok = chunk_random(crew->arg, h);
	return ok && spin(crew, h, chunk_random);
}

/* ---- bulk: half of memory, and back
 * ---------------------------------------------------------------- */

static void shuffle(struct hand *h, uint64_t first)
{
	for (uint64_t i = 0; i < first; i++) {
		uint64_t j = i + bench_below(&h->seed, h->nr - i);
		uint32_t pfn = h->pfn[i];

		h->pfn[i] = h->pfn[j];
		h->pfn[j] = pfn;
	}
}

static bool body_bulk(struct crew *crew, struct hand *h)
{
	uint64_t reps = h->nr < BULK_MIN ? BULK_MIN / h->nr : 1;
	struct watch taken, given;
	bool ok = true;

	for (uint64_t r = 0; r <= reps && ok; r++) {
		/* The first time is not counted: blocks take their types in it. */
		if (r <= 1)
			taken = given = (struct watch){0};
		crew_wait(crew);
		ok = take_all(crew->arg, h, &taken);
		if (((struct work *)crew->arg)->c->variant)
			shuffle(h, h->nr - 1);
		crew_wait(crew);
		ok = ok && give_all(crew->arg, h, &given);
	}
	h->ns[0] = watch_mean(&taken);
	h->ns[1] = watch_mean(&given);
	return ok;
}

/* ---- fragmentation
 * --------------------------------------------------------------------------------- */

static bool body_frag(struct crew *crew, struct hand *h)
{
	struct watch unused = {0};
	bool ok = take_all(crew->arg, h, &unused);
	struct hand part = *h;

	for (unsigned int r = 0; r < FRAG_ROUNDS && ok; r++) {
		shuffle(h, h->nr / 10);
		part.nr = h->nr / 10;
		ok = give_all(crew->arg, &part, &unused) && take_all(crew->arg, &part, &unused);
	}
	return ok;
}

/* Of the 2 MiB blocks that could be free, how many are, in percent. */
static double free_share(struct work *w)
{
	uint64_t base = BENCH_BASE >> FH_PAGE_SHIFT, held = 0, free_blocks = 0, could;

	for (unsigned int i = 0; i < w->c->threads; i++) {
		held += w->hand[i].nr;
		for (uint64_t j = 0; j < w->hand[i].nr; j++)
			w->used[(w->hand[i].pfn[j] - base) / FH_BLOCK_PAGES] = 1;
	}
	for (uint64_t i = 0; i < RAM_FRAMES / FH_BLOCK_PAGES; i++)
		free_blocks += !w->used[i];
	could = (RAM_FRAMES - held) / FH_BLOCK_PAGES;
	return 100 * (double)free_blocks / (double)could;
}

/* ---- cases
 * ----------------------------------------------------------------------------------------- */

typedef bool (*body_fn)(struct crew *crew, struct hand *h);

static void run_body(struct crew *crew, unsigned int id, body_fn body)
{
	struct work *w = crew->arg;

	if (body(crew, &w->hand[id]))
		return;
	atomic_store(&crew->failed, true);
	atomic_fetch_add(&crew->waiting, BENCH_THREADS); /* nobody waits for this one */
}

#define THREAD_OF(body)                                                                            \
	static void thread_##body(struct crew *crew, unsigned int id)                              \
	{                                                                                          \
		run_body(crew, id, body_##body);                                                   \
	}
THREAD_OF(pair)
THREAD_OF(pair_other)
THREAD_OF(random)
THREAD_OF(bulk)
THREAD_OF(frag)

/* Makes the machine, runs the threads, and takes the mean of what they measured. */
static enum bench_status run_threads(struct bench *b, const struct bench_case *c, double *value,
				     void (*thread)(struct crew *crew, unsigned int id))
{
	uint64_t runs = (RAM_FRAMES / 2) >> c->order;
	struct work w = {.c = c, .m = bench_machine(b, BENCH_BLIND, RAM, 0)};
	struct crew crew = {.threads = c->threads, .m = w.m, .arg = &w};
	bool ok;

	if (!w.m)
		return BENCH_FAIL;
	w.all = calloc(runs + RING * c->threads, sizeof(*w.all));
	w.used = calloc(RAM_FRAMES / FH_BLOCK_PAGES, 1);
	for (unsigned int i = 0; i < c->threads && w.all; i++)
		w.hand[i] = (struct hand){
			.pfn = w.all + i * (runs / c->threads + RING),
			.nr = runs / c->threads,
			.seed = 42 + i,
		};
	ok = w.all && w.used && crew_run(&crew, thread);
	value[0] = value[1] = 0;
	for (unsigned int i = 0; i < c->threads && ok; i++) {
		value[0] += w.hand[i].ns[0] / c->threads;
		value[1] += w.hand[i].ns[1] / c->threads;
	}
	if (ok && thread == thread_frag)
		value[0] = free_share(&w);
	fh_machine_destroy(w.m);
	free(w.all);
	free(w.used);
	return ok ? BENCH_OK
		  : bench_fail(b, BENCH_FAIL, "%s: an operation failed", c->measure[0].name);
}

static enum bench_status run_pair(struct bench *b, const struct bench_case *c, double *value)
{
	return run_threads(b, c, value, c->variant ? thread_pair_other : thread_pair);
}

static enum bench_status run_random(struct bench *b, const struct bench_case *c, double *value)
{
	return run_threads(b, c, value, thread_random);
}

static enum bench_status run_bulk(struct bench *b, const struct bench_case *c, double *value)
{
	enum bench_status status = run_threads(b, c, value, thread_bulk);

	if (c->variant)
		value[0] = value[1];
	return status;
}

static enum bench_status run_frag(struct bench *b, const struct bench_case *c, double *value)
{
	return run_threads(b, c, value, thread_frag);
}

static void add(struct bench *b, const char *what, bench_run run, int variant, unsigned int order,
		unsigned int threads)
{
	struct bench_case *c = bench_add(
		b, (struct bench_case){
			   .run = run, .variant = variant, .order = order, .threads = threads});

	bench_measure(c, "ns", "frames.%s.order%u.threads%u", what, order, threads);
	if (run == run_bulk && !variant)
		bench_measure(c, "ns", "frames.bulk_free.order%u.threads%u", order, threads);
}

void bench_add_frames(struct bench *b)
{
	static const unsigned int orders[] = {0, 3, 9};

	for (unsigned int i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		for (unsigned int t = 1; t <= b->threads;
		     t = t == b->threads ? t + 1 : b->threads) {
			add(b, "pair", run_pair, 0, orders[i], t);
			add(b, "pair_other", run_pair, 1, orders[i], t);
			add(b, "bulk_alloc", run_bulk, 0, orders[i], t);
			add(b, "bulk_free_random", run_bulk, 1, orders[i], t);
			add(b, "random", run_random, 0, orders[i], t);
		}
	}
	for (unsigned int t = 1; t <= b->threads; t = t == b->threads ? t + 1 : b->threads)
		bench_measure(bench_add(b, (struct bench_case){.run = run_frag, .threads = t}),
			      "percent", "frames.free_blocks.order0.threads%u", t);
}
