/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The runner of `freehold bench`: which cases, how often, and the middle of what came out. */
#include <fnmatch.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include "bench.h"

uint64_t bench_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static long switches(void)
{
	struct rusage used;

	return getrusage(RUSAGE_THREAD, &used) ? 0 : used.ru_nivcsw;
}

void watch_start(struct watch *w)
{
	w->switches = switches();
	w->start = bench_now();
}

void watch_stop(struct watch *w, uint64_t operations)
{
	uint64_t ns = bench_now() - w->start;

	if (switches() == w->switches) {
		w->ns += ns;
		w->n += operations;
	} else {
		w->lost_ns += ns;
		w->lost_n += operations;
	}
}

double watch_mean(const struct watch *w)
{
	if (w->n)
		return (double)w->ns / (double)w->n;
	return w->lost_n ? (double)w->lost_ns / (double)w->lost_n : 0;
}

enum bench_status bench_fail(struct bench *b, enum bench_status status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(b->why, sizeof(b->why), fmt, ap);
	va_end(ap);
	return status;
}

struct bench_case *bench_add(struct bench *b, struct bench_case c)
{
	if (b->nr_cases == BENCH_CASES)
		abort();
	b->cases[b->nr_cases] = c;
	return &b->cases[b->nr_cases++];
}

void bench_measure(struct bench_case *c, const char *unit, const char *fmt, ...)
{
	struct bench_measure *m = &c->measure[c->nr_measures++];
	va_list ap;

	if (c->nr_measures > BENCH_MEASURES)
		abort();
	m->unit = unit;
	va_start(ap, fmt);
	vsnprintf(m->name, sizeof(m->name), fmt, ap);
	va_end(ap);
}

static bool in_groups(const char *name, char *const *groups)
{
	if (!groups || !*groups)
		return true;
	for (; *groups; groups++) {
		size_t n = strlen(*groups);

		if (!strncmp(name, *groups, n) && name[n] == '.')
			return true;
	}
	return false;
}

unsigned int bench_select(struct bench *b, char *const *groups, const char *glob)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < b->nr_cases; i++) {
		struct bench_case *c = &b->cases[i];

		for (unsigned int j = 0; j < c->nr_measures; j++) {
			struct bench_measure *m = &c->measure[j];

			m->wanted =
				in_groups(m->name, groups) && (!glob || !fnmatch(glob, m->name, 0));
			c->wanted |= m->wanted;
			n += m->wanted;
		}
	}
	return n;
}

static bool run_case(struct bench *b, struct bench_case *c)
{
	double value[BENCH_MEASURES] = {0};

	switch (c->run(b, c, value)) {
	case BENCH_OK:
		for (unsigned int j = 0; j < c->nr_measures; j++)
			c->measure[j].value[c->measure[j].nr++] = value[j];
		return true;
	case BENCH_SKIP:
		c->skipped = true;
		snprintf(c->why, sizeof(c->why), "%s", b->why);
		return true;
	default:
		return false;
	}
}

static bool make_hosted(struct bench *b, unsigned int ram_times)
{
	struct boot_bank bank = {BENCH_BASE, ram_times ? b->ram * ram_times : FH_PAGE_SIZE};
	struct hosted_opts opts = {.banks = &bank, .nr_banks = 1};
	struct hosted_why why = {""};

	if (hosted_create(&opts, &b->hosted, &why) || hosted_prefault(b->hosted, NULL, NULL)) {
		bench_fail(b, BENCH_FAIL, "%s", why.text[0] ? why.text : "no memory from the host");
		return false;
	}
	for (unsigned int i = 0; i < BENCH_PLATS; i++)
		b->plat[i] = *hosted_plat(b->hosted);
	b->plat[BENCH_BLIND].ram = NULL;
	b->plat[BENCH_BLIND].map = NULL;
	b->plat[BENCH_BLIND].protect = NULL;
	b->plat[BENCH_BLIND].unmap = NULL;
	b->plat[BENCH_BYTES].parallel = NULL;
	return true;
}

/* Room for the values, and how much RAM with bytes the wanted cases need. */
static bool prepare(struct bench *b, unsigned int *nr)
{
	unsigned int ram_times = 0;

	*nr = 0;
	for (unsigned int i = 0; i < b->nr_cases; i++) {
		struct bench_case *c = &b->cases[i];

		for (unsigned int j = 0; c->wanted && j < c->nr_measures; j++) {
			c->measure[j].value = calloc(b->runs, sizeof(double));
			if (!c->measure[j].value) {
				bench_fail(b, BENCH_FAIL, "out of memory");
				return false;
			}
		}
		*nr += c->wanted;
		if (c->wanted && c->ram_times > ram_times)
			ram_times = c->ram_times;
	}
	return make_hosted(b, ram_times);
}

bool bench_all(struct bench *b, void (*progress)(unsigned int done, unsigned int of))
{
	unsigned int nr, done = 0;

	if (!prepare(b, &nr))
		return false;
	for (unsigned int r = 0; r < b->runs; r++) {
		for (unsigned int i = 0; i < b->nr_cases; i++) {
			if (!b->cases[i].wanted)
				continue;
			if (progress)
				progress(done, nr * b->runs);
			done++;
			if (!b->cases[i].skipped && !run_case(b, &b->cases[i]))
				return false;
		}
	}
	return true;
}

void bench_free(struct bench *b)
{
	for (unsigned int i = 0; i < b->nr_cases; i++)
		for (unsigned int j = 0; j < b->cases[i].nr_measures; j++)
			free(b->cases[i].measure[j].value);
	hosted_destroy(b->hosted);
	for (unsigned int i = 0; i < 2; i++)
		hosted_destroy(b->dma[i]);
}

static int ascending(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

double bench_median(const struct bench_measure *m, double *min, double *max)
{
	double v[BENCH_MAX_RUNS];

	memcpy(v, m->value, m->nr * sizeof(v[0]));
	qsort(v, m->nr, sizeof(v[0]), ascending);
	*min = v[0];
	*max = v[m->nr - 1];
	return (v[(m->nr - 1) / 2] + v[m->nr / 2]) / 2;
}
