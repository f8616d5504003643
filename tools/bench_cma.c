/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Group `cma`: contiguous allocations out of an area that is idle, or full of movable pages. The
 * machine has bytes (taken from the host beforehand), and a quarter of it is the area.
 */
#include "bench.h"

#define IDLE_SPAN_NS UINT64_C(1000000)
#define FULL_ROUNDS  4 /* allocations of each size in a full area, at most */

static const unsigned int sizes[] = {16, 256, 4096, 16384};

#define NR_SIZES (sizeof(sizes) / sizeof(sizes[0]))

/* Linux aligns a buffer to its size, at most 1 MiB. */
static unsigned int align_of(unsigned int pages)
{
	unsigned int order = 0;

	while (order < FH_CMA_ALIGNMENT && 1u << order < pages)
		order++;
	return order;
}

static uint64_t area_size(const struct bench *b)
{
	return b->ram / 4;
}

/* What the clock adds to a piece of time, so that it can be taken off. */
static double clock_cost(void)
{
	uint64_t least = UINT64_MAX;

	for (unsigned int i = 0; i < 100; i++) {
		uint64_t start = bench_now(), ns = bench_now() - start;

		least = ns < least ? ns : least;
	}
	return (double)least;
}

static bool alloc_and_release(struct cma *cma, unsigned int pages, struct watch watch[2])
{
	pfn_t pfn;
	int err;

	watch_start(&watch[0]);
	err = cma_alloc(cma, pages, align_of(pages), 0, &pfn);
	watch_stop(&watch[0], 1);
	if (err)
		return false;
	watch_start(&watch[1]);
	if (!cma_release(cma, pfn, pages))
		return false;
	watch_stop(&watch[1], 1);
	return true;
}

static enum bench_status run_idle(struct bench *b, const struct bench_case *c, double *value)
{
	struct fh_machine *m = bench_machine(b, BENCH_BYTES, b->ram, area_size(b));
	struct watch watch[2] = {{0}, {0}};
	bool ok;

	if (!m)
		return BENCH_FAIL;
	ok = !cma_set_policy(cma_default(m), CMA_POLICY_GUARANTEED);
	hosted_cpu_set(0);
	while (ok && watch[0].ns < IDLE_SPAN_NS && watch[0].lost_ns < BENCH_LOST_NS)
		ok = alloc_and_release(cma_default(m), c->pages, watch);
	fh_cpu_quiesce(m);
	hosted_cpu_set(~0u);
	fh_machine_destroy(m);
	for (unsigned int i = 0; i < 2; i++)
		value[i] = watch_mean(&watch[i]) - clock_cost();
	return ok ? BENCH_OK
		  : bench_fail(b, BENCH_FAIL, "%s: an operation failed", c->measure[0].name);
}

/* A full area, and what was taken out of it. */
struct full {
	struct cma *cma;
	uint64_t total[2], n; /* ns */
	pfn_t pfn[FULL_ROUNDS];
};

/* One allocation behind the other, none released before all are done: each finds tenants in its way.
 */
static bool empty_some(struct full *f, unsigned int pages, unsigned int times, pfn_t *at)
{
	pfn_t mask = (UINT64_C(1) << align_of(pages)) - 1;
	struct cma_stats before, after;
	uint64_t start;

	f->total[0] = f->total[1] = f->n = 0;
	cma_get_stats(f->cma, &before);
	for (f->n = 0; f->n < times; f->n++) {
		pfn_t low = (*at + mask) & ~mask;
		struct cma_request req = {.count = pages, .low = low, .high = low + pages};

		*at = req.high;
		start = bench_now();
		if (cma_alloc_request(f->cma, &req, &f->pfn[f->n]))
			return false;
		f->total[0] += bench_now() - start;
	}
	cma_get_stats(f->cma, &after);
	return after.pages_migrated - before.pages_migrated == (uint64_t)pages * times;
}

static bool release_all(struct full *f, unsigned int pages)
{
	uint64_t start = bench_now();

	for (uint64_t i = 0; i < f->n; i++)
		if (!cma_release(f->cma, f->pfn[i], pages))
			return false;
	f->total[1] = bench_now() - start;
	return true;
}

/* How many of a size: all together must fit in the area, and the largest comes once. */
static unsigned int times_of(unsigned int pages)
{
	return pages == sizes[NR_SIZES - 1] ? 1 : pages == sizes[NR_SIZES - 2] ? 2 : FULL_ROUNDS;
}

static bool fits(const struct bench *b, unsigned int pages)
{
	return ((uint64_t)pages * times_of(pages) * 3 / 2) << FH_PAGE_SHIFT <= area_size(b);
}

static uint64_t pages_to_fill(const struct bench *b)
{
	uint64_t n = FH_BLOCK_PAGES;

	for (unsigned int i = 0; i < NR_SIZES; i++)
		n += fits(b, sizes[i]) ? sizes[i] * times_of(sizes[i]) : 0;
	return n;
}

static bool measure_full(struct bench *b, struct full f[NR_SIZES], double *value)
{
	pfn_t next = fh_phys_to_pfn(cma_get_base(f[0].cma));
	unsigned int at = 0;

	for (unsigned int i = 0; i < NR_SIZES; i++)
		if (fits(b, sizes[i]) && !empty_some(&f[i], sizes[i], times_of(sizes[i]), &next))
			return bench_fail(b, BENCH_OK,
					  "%u pages of a full area: refused, or not all were moved",
					  sizes[i]);
	for (unsigned int i = 0; i < NR_SIZES; i++) {
		if (!fits(b, sizes[i]))
			continue;
		if (!release_all(&f[i], sizes[i]))
			return bench_fail(b, BENCH_OK, "%u pages: not released", sizes[i]);
		value[at++] = (double)f[i].total[0] / (double)f[i].n;
		value[at++] = (double)f[i].total[1] / (double)f[i].n;
	}
	return true;
}

static enum bench_status run_full(struct bench *b, const struct bench_case *c, double *value)
{
	struct fh_machine *m = bench_machine(b, BENCH_BYTES, b->ram, area_size(b));
	struct full f[NR_SIZES];
	struct fill fill;
	bool ok;

	if (!m)
		return BENCH_FAIL;
	hosted_cpu_set(0);
	ok = bench_fill(b, &fill, m, pages_to_fill(b), c->variant);
	if (ok && cma_set_policy(fill.cma, (enum cma_policy)c->order))
		ok = bench_fail(b, BENCH_OK, "policy refused");
	for (unsigned int i = 0; i < NR_SIZES; i++)
		f[i] = (struct full){.cma = fill.cma};
	ok = ok && measure_full(b, f, value);
	bench_unfill(b, &fill);
	fh_cpu_quiesce(m);
	hosted_cpu_set(~0u);
	fh_machine_destroy(m);
	return ok ? BENCH_OK : BENCH_FAIL;
}

static void add_full(struct bench *b, const char *where, int kind, enum cma_policy policy)
{
	const char *suffix = policy == CMA_POLICY_MOVABLE ? ".movable" : "";
	struct bench_case *c = bench_add(b, (struct bench_case){.run = run_full,
								.threads = 1,
								.order = policy,
								.variant = kind,
								.ram_times = 1});

	for (unsigned int i = 0; i < NR_SIZES; i++) {
		if (!fits(b, sizes[i]))
			continue;
		bench_measure(c, "ns", "cma.%s.%u.alloc%s", where, sizes[i], suffix);
		bench_measure(c, "ns", "cma.%s.%u.release%s", where, sizes[i], suffix);
	}
}

void bench_add_cma(struct bench *b)
{
	for (unsigned int i = 0; i < NR_SIZES; i++) {
		struct bench_case *c;

		if ((uint64_t)sizes[i] << FH_PAGE_SHIFT > area_size(b))
			continue;
		c = bench_add(b, (struct bench_case){.run = run_idle,
						     .pages = sizes[i],
						     .threads = 1,
						     .ram_times = 1});
		bench_measure(c, "ns", "cma.idle.%u.alloc", sizes[i]);
		bench_measure(c, "ns", "cma.idle.%u.release", sizes[i]);
	}
	add_full(b, "full", FILL_CORE, CMA_POLICY_GUARANTEED);
	add_full(b, "full", FILL_CORE, CMA_POLICY_MOVABLE);
	add_full(b, "scatter", FILL_SCATTER, CMA_POLICY_GUARANTEED);
	add_full(b, "hosted.full", FILL_HOST, CMA_POLICY_GUARANTEED);
	add_full(b, "hosted.full", FILL_HOST, CMA_POLICY_MOVABLE);
	add_full(b, "hosted.scatter", FILL_HOST + FILL_SCATTER, CMA_POLICY_GUARANTEED);
}
