/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Real mappings under a real machine: threads read and write through ordinary loads and stores
 * while an area is taken from under them again and again, and never see a wrong byte.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <freehold/cma.h>
#include <freehold/mem.h>
#include <freehold/page.h>
#include <freehold/hosted.h>
#include "t.h"

#define RAM   (UINT64_C(64) << 20)
#define AREA  (UINT64_C(32) << 20)
#define PAGES UINT64_C(6000) /* anonymous, and walked */
#define CACHE                                                                                      \
	UINT64_C(14000) /* before them; all 16384 are full then, and they enter the area too */
#define WORDS	512
#define ROUNDS	10
#define THREADS 2

struct world {
	struct hosted *h;
	struct fh_machine *m;
	struct fh_object *object, *cache;
	struct hosted_space *hs;
	struct fh_space *space;
	_Atomic(bool) stop;
	_Atomic(uint64_t) visits, wrong, refused;
};

static int read_cached(void *priv, uint64_t index, void *page)
{
	(void)priv;
	memset(page, (int)(index & 0xff), 4096);
	return 0;
}

/* A file that fills the machine with pages that can be dropped, the area first. */
static bool fill_cache(struct world *w)
{
	static const struct fh_object_ops ops = {.read = read_cached};
	char byte;

	if (fh_object_create(w->m, CACHE, &ops, NULL, &w->cache))
		return false;
	for (uint64_t i = 0; i < CACHE; i++)
		if (fh_object_read(w->cache, i, 0, &byte, 1))
			return false;
	return true;
}

static bool world_make(struct world *w, enum cma_policy policy, uint64_t max_mappings,
		       uint64_t pages)
{
	static struct boot_config cfg;
	struct hosted_opts opts = {.max_mappings = max_mappings};
	struct boot_why why = {""};
	struct hosted_why host_why = {""};
	char args[64];

	*w = (struct world){0};
	boot_config_init(&cfg);
	snprintf(args, sizeof(args), "cma=%lluM", (unsigned long long)AREA >> 20);
	if (!T_OK(!boot_config_finish(&cfg, args, RAM, &why), why.text))
		return false;
	cfg.policy = policy;
	cfg.nr_cpus = THREADS + 1;
	opts.banks = cfg.bank;
	opts.nr_banks = cfg.nr_banks;
	if (!T_OK(!hosted_create(&opts, &w->h, &host_why), host_why.text))
		return false;
	hosted_cpu_set(0);
	return T_OK(!fh_machine_create(hosted_plat(w->h), &cfg, &w->m) &&
			    !fh_object_create(w->m, pages, NULL, NULL, &w->object) &&
			    !hosted_space_create(w->h, pages, &w->hs) &&
			    !fh_space_create(w->m, w->hs, &w->space),
		    "made") &&
	       (hosted_space_attach(w->hs, w->space), true) &&
	       T_OK(!fh_space_map(w->space, hosted_space_va(w->hs), w->object, 0, pages), "mapped");
}

static void world_end(struct world *w)
{
	struct fh_mem_info info;
	char why[512] = "";

	T_OK(!fh_check(w->m, why, sizeof(why)), why);
	fh_space_destroy(w->space);
	hosted_space_destroy(w->hs);
	fh_object_destroy(w->object);
	if (w->cache)
		fh_object_destroy(w->cache);
	fh_cpu_quiesce(w->m);
	T_OK(!fh_check(w->m, why, sizeof(why)), why);
	fh_mem_info(w->m, &info);
	T_EQ(info.total, info.free);
	fh_machine_destroy(w->m);
	hosted_cpu_set(~0u);
	hosted_destroy(w->h);
}

/* A page of a thread: every word is (page, generation), mixed with its place. */
static uint64_t word_of(uint64_t page, uint64_t generation, unsigned int i)
{
	return (page << 40 | generation) * UINT64_C(0x9e3779b97f4a7c15) + i;
}

struct visit {
	volatile uint64_t *p;
	uint64_t page, was;
	unsigned int wrong;
};

static void visit(void *arg)
{
	struct visit *v = arg;

	for (unsigned int i = 0; i < WORDS; i++)
		v->wrong += v->p[i] != (v->was ? word_of(v->page, v->was, i) : 0);
	for (unsigned int i = 0; i < WORDS; i++)
		v->p[i] = word_of(v->page, v->was + 1, i);
}

struct walker {
	struct world *w;
	unsigned int n;
	pthread_t id;
};

/* Odd pages and even pages: neighbours belong to different threads. */
static void *walk(void *arg)
{
	struct walker *me = arg;
	struct world *w = me->w;
	uint64_t *generation = calloc(PAGES, sizeof(*generation)), k = 0;
	unsigned int seed = me->n;

	hosted_cpu_set(me->n + 1);
	while (!atomic_load(&w->stop)) {
		/* In order once, then at random. */
		uint64_t at = k < PAGES / THREADS ? k : (uint64_t)rand_r(&seed) % (PAGES / THREADS);
		uint64_t page = at * THREADS + me->n;
		struct visit v = {.page = page, .was = generation[page]};

		v.p = (uint64_t *)hosted_space_base(w->hs) + page * WORDS;
		k++;
		if (hosted_try(visit, &v)) {
			atomic_fetch_add(&w->refused, 1);
			break;
		}
		generation[page]++;
		if (k % 32 == 0) { /* so that pages find new places */
			fh_object_punch(w->object, page, 1);
			generation[page] = 0;
		}
		atomic_fetch_add(&w->wrong, v.wrong);
		atomic_fetch_add(&w->visits, 1);
	}
	fh_cpu_quiesce(w->m);
	hosted_cpu_set(~0u);
	free(generation);
	return NULL;
}

#define MOVED 100

static bool few_moved(struct cma *cma)
{
	struct cma_stats stats;

	cma_get_stats(cma, &stats);
	return stats.pages_migrated <= MOVED;
}

/* Takes the area in pieces until it is full, scribbles over them, gives them back; lets tenants in
 * again. */
static void take_area(struct world *w, unsigned int seed)
{
	struct cma *cma = cma_default(w->m);
	pfn_t pfn[64];
	unsigned long count[64];

	/* Who is in the area is the tenants' doing, and theirs alone: on a busy host it takes a while. */
	for (int i = 0; i < ROUNDS || (few_moved(cma) && i < 50 * ROUNDS); i++) {
		unsigned int n = 0;
		char byte;

		while (n < 64) {
			count[n] = 64 + (unsigned long)rand_r(&seed) % 1000;
			if (cma_alloc(cma, count[n], 0, CMA_NO_WARN, &pfn[n]))
				break;
			memset(fh_page_address(w->m, pfn[n]), 0xa5, count[n] << 12);
			n++;
		}
		while (n--)
			T_OK(cma_release(cma, pfn[n], count[n]), "released");
		for (uint64_t k = 0; k < CACHE; k++)
			T_OK(!fh_object_read(w->cache, k, k & 0xfff, &byte, 1) && byte == (char)k,
			     "the cache");
	}
}

static void move_under_threads(enum cma_policy policy, uint64_t max_mappings)
{
	struct walker walker[THREADS];
	struct hosted_stats host;
	struct cma_stats stats;
	struct world w;

	T_NEED(world_make(&w, policy, max_mappings, PAGES));
	T_NEED(fill_cache(&w));
	for (unsigned int n = 0; n < THREADS; n++) {
		walker[n] = (struct walker){.w = &w, .n = n};
		T_NEED(!pthread_create(&walker[n].id, NULL, walk, &walker[n]));
	}
	while (atomic_load(&w.visits) < PAGES && !atomic_load(&w.refused))
		;
	take_area(&w, 7);
	atomic_store(&w.stop, true);
	for (unsigned int n = 0; n < THREADS; n++)
		pthread_join(walker[n].id, NULL);
	cma_get_stats(cma_default(w.m), &stats);
	hosted_stats(w.h, &host);
	T_EQ(atomic_load(&w.wrong), 0);
	T_EQ(atomic_load(&w.refused), 0);
	T_OK(stats.nr_allocs > ROUNDS, "most were given");
	T_OK(stats.pages_migrated > MOVED, "pages were moved");
	T_OK(host.faults > 0, "pages were faulted in");
	T_OK(!max_mappings == !host.limit_hits,
	     "the limit of mappings was reached, or there was none");
	T_OK(host.mappings_max <= host.limit, "and kept");
	world_end(&w);
}

static void moves_guaranteed(void)
{
	move_under_threads(CMA_POLICY_GUARANTEED, 0);
}

static void moves_movable(void)
{
	move_under_threads(CMA_POLICY_MOVABLE, 0);
}

static void moves_within_a_limit(void)
{
	move_under_threads(CMA_POLICY_GUARANTEED, 60);
}

static void touch(void *arg)
{
	*(volatile char *)arg = 1;
}

/* More than there is: the access is abandoned with an error, and goes when there is memory again.
 */
static void refused(void)
{
	struct world w;
	uint64_t n = 0;
	char *base;
	int err = 0;

#ifdef __SANITIZE_THREAD__
	T_SKIP("ThreadSanitizer does not follow a handler that is left by siglongjmp");
#endif
	T_NEED(world_make(&w, CMA_POLICY_GUARANTEED, 0, RAM >> 12));
	base = hosted_space_base(w.hs);
	while (n < RAM >> 12 && !(err = hosted_try(touch, base + (n << 12))))
		n++;
	T_EQ(err, -FH_ENOMEM);
	/* What cannot be dropped must fit outside the area, or it could not leave it. */
	T_OK(n > (RAM - AREA) >> 13 && n <= (RAM - AREA) >> 12, "as much as fits outside the area");
	T_EQ(hosted_try(touch, base + (n << 12)), -FH_ENOMEM);
	T_EQ(hosted_try(touch, base), 0);
	T_OK(fh_object_punch(w.object, 0, 256) == 256, "given back");
	T_EQ(hosted_try(touch, base + (n << 12)), 0);
	T_EQ(base[n << 12], 1);
	T_EQ(base[1 << 12], 0);
	world_end(&w);
}

const struct t_case t_cases[] = {T(moves_guaranteed), T(moves_movable), T(moves_within_a_limit),
				 T(refused), T_END};
