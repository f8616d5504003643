/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Groups `contig` and `migrate`: an area as large as --ram, idle or half occupied, taken whole;
 * what each moved page costs in the core alone, beside what this machine needs to copy a cold page.
 */
#include <stdio.h>
#include <string.h>
#include <freehold/object.h>
#include "bench.h"

#define STRETCH	   16 /* pages that stay or go together when half of the area is emptied */
#define COPY_PAGES 32768

struct taking {
	struct cma *cma;
	uint64_t pages; /* of each thread */
	uint64_t ns[BENCH_THREADS];
};

static void take_share(struct crew *crew, unsigned int id)
{
	struct taking *t = crew->arg;
	uint64_t start;
	pfn_t pfn;

	crew_wait(crew);
	start = bench_now();
	if (cma_alloc(t->cma, t->pages, FH_CMA_ALIGNMENT, 0, &pfn))
		atomic_store(&crew->failed, true);
	t->ns[id] = bench_now() - start;
	crew_wait(crew);
	if (!atomic_load(&crew->failed) && !cma_release(t->cma, pfn, t->pages))
		atomic_store(&crew->failed, true);
}

/* ns until the last thread had its share. */
static bool take_area(struct fh_machine *m, unsigned int threads, double *ns)
{
	struct taking t = {.cma = cma_default(m)};
	struct crew crew = {.threads = threads, .m = m, .arg = &t};

	t.pages = cma_get_size(t.cma) >> FH_PAGE_SHIFT;
	t.pages = t.pages / threads & ~(uint64_t)(FH_BLOCK_PAGES - 1);
	if (!crew_run(&crew, take_share))
		return false;
	*ns = 0;
	for (unsigned int i = 0; i < threads; i++)
		*ns = (double)t.ns[i] > *ns ? (double)t.ns[i] : *ns;
	return true;
}

static enum bench_status run_idle(struct bench *b, const struct bench_case *c, double *value)
{
	struct fh_machine *m = bench_machine(b, BENCH_BYTES, 2 * b->ram, b->ram);
	double ns = 0;
	bool ok;

	if (!m)
		return BENCH_FAIL;
	ok = !cma_set_policy(cma_default(m), CMA_POLICY_GUARANTEED) &&
	     take_area(m, c->threads, &ns);
	fh_machine_destroy(m);
	value[0] = ns / 1e3;
	return ok ? BENCH_OK : bench_fail(b, BENCH_FAIL, "an idle area could not be taken whole");
}

/* ---- copying alone
 * ---------------------------------------------------------------------------------- */

struct copying {
	unsigned char *to, *from;
	uint64_t pages; /* of each thread */
	uint64_t ns[BENCH_THREADS];
};

/* Pages that were not touched since much more than a cache of others was. */
static void copy_share(struct crew *crew, unsigned int id)
{
	struct copying *c = crew->arg;
	uint64_t first = id * c->pages, start;

	crew_wait(crew);
	start = bench_now();
	for (uint64_t i = first; i < first + c->pages; i++)
		memcpy(c->to + (i << FH_PAGE_SHIFT), c->from + (i << FH_PAGE_SHIFT), FH_PAGE_SIZE);
	c->ns[id] = bench_now() - start;
}

static bool copy_rate(struct bench *b, unsigned int threads, double *ns)
{
	const struct plat *plat = hosted_plat(b->hosted);
	uint64_t pages = b->ram >> FH_PAGE_SHIFT;
	struct copying c = {.pages = (pages < COPY_PAGES ? pages : COPY_PAGES) / threads};
	struct crew crew = {.threads = threads, .arg = &c};

	c.to = plat->ram(plat->ctx, (phys_t){BENCH_BASE}, b->ram);
	c.from = plat->ram(plat->ctx, (phys_t){BENCH_BASE + b->ram}, b->ram);
	if (!c.to || !c.from || !crew_run(&crew, copy_share))
		return false;
	*ns = 0;
	for (unsigned int i = 0; i < threads; i++)
		*ns = (double)c.ns[i] > *ns ? (double)c.ns[i] : *ns;
	*ns /= (double)(c.pages * threads);
	return true;
}

/* ---- half occupied
 * ------------------------------------------------------------------------------------ */

/* Frees a random half of the tenants' stretches. */
static uint64_t punch_half(struct fill *f)
{
	uint64_t seed = 42, freed = 0;

	for (uint64_t i = 0; i < f->pages; i += STRETCH)
		if (bench_below(&seed, 2))
			freed += fh_object_punch(f->object, i, STRETCH);
	return freed;
}

static enum bench_status run_half(struct bench *b, const struct bench_case *c, double *value)
{
	enum bench_bytes helped = c->variant ? BENCH_HELPED : BENCH_BYTES;
	struct fh_machine *m = bench_machine(b, helped, 2 * b->ram, b->ram);
	struct cma_stats before, after = {0};
	double ns = 0, copy = 0;
	struct fill fill;
	bool ok;

	if (!m)
		return BENCH_FAIL;
	hosted_cpu_set(0);
	/* As much as is sure to go into the area and not beside it. */
	ok = bench_fill(b, &fill, m, (b->ram - b->ram / 32) >> FH_PAGE_SHIFT, FILL_CORE) &&
	     punch_half(&fill) && !cma_set_policy(fill.cma, CMA_POLICY_GUARANTEED);
	fh_cpu_quiesce(m);
	hosted_cpu_set(~0u);
	cma_get_stats(fill.cma, &before);
	ok = ok && copy_rate(b, c->threads, &copy);
	ok = ok && take_area(m, c->threads, &ns);
	cma_get_stats(fill.cma, &after);
	bench_unfill(b, &fill);
	fh_machine_destroy(m);
	if (!ok || after.pages_migrated == before.pages_migrated)
		return bench_fail(b, BENCH_FAIL,
				  "a half occupied area could not be taken whole%s%s",
				  b->why[0] ? ": " : "", b->why);
	value[0] = ns / 1e6;
	value[1] = ns / (double)(after.pages_migrated - before.pages_migrated);
	value[2] = copy;
	value[3] = value[1] / copy;
	return BENCH_OK;
}

static void add_half(struct bench *b, unsigned int threads, bool helped)
{
	struct bench_case *c = bench_add(
		b, (struct bench_case){
			   .run = run_half, .threads = threads, .variant = helped, .ram_times = 2});
	char how[32];

	snprintf(how, sizeof(how), helped ? "helped" : "threads%u", threads);
	bench_measure(c, "ms", "contig.half.%s", how);
	bench_measure(c, "ns", "migrate.page.%s", how);
	bench_measure(c, "ns", "migrate.copy.%s", how);
	bench_measure(c, "ratio", "migrate.over_copy.%s", how);
}

void bench_add_contig(struct bench *b)
{
	for (unsigned int t = 1; t <= b->threads; t = t == b->threads ? t + 1 : b->threads) {
		struct bench_case *c = bench_add(
			b, (struct bench_case){.run = run_idle, .threads = t, .ram_times = 2});

		bench_measure(c, "us", "contig.idle.threads%u", t);
		add_half(b, t, false);
	}
	if (b->threads > 1)
		add_half(b, 1, true); /* one request, and whatever CPUs help */
}
