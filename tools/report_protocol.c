/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Below the comparison of policies: what a job measures beside it, each table only where there is something
 * to show, and whether its goals were met. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "expect.h"
#include "table.h"

/* ---- run time ---- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *v, unsigned int n)
{
	qsort(v, n, sizeof(*v), by_value);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static const struct run_result *run_of(const struct report *r, enum cma_policy policy)
{
	for (unsigned int i = 0; i < r->nr_runs; i++)
		if (r->run[i].policy == policy)
			return &r->run[i];
	return NULL;
}

double report_runtime(const struct report *r, const struct run_result *run, enum cma_policy base)
{
	const struct run_result *other = run_of(r, base);
	double ratio[JOB_MAX_REPEAT];
	unsigned int n = 0;

	if (!other || other == run)
		return 0;
	for (; n < other->nr_rounds && n < run->nr_rounds; n++)
		ratio[n] = (double)run->round_ns[n] / (double)other->round_ns[n];
	return n ? median(ratio, n) : 0;
}

uint64_t report_round_median(const struct run_result *run)
{
	double ns[JOB_MAX_REPEAT];

	for (unsigned int i = 0; i < run->nr_rounds; i++)
		ns[i] = (double)run->round_ns[i];
	return run->nr_rounds ? (uint64_t)median(ns, run->nr_rounds) : 0;
}

static void add_time(struct table *t, const struct hist *h, unsigned int per_mille)
{
	char text[TABLE_CELL];

	table_add(t, "%s", h->count ? figure_time(text, hist_quantile(h, per_mille)) : "-");
}

/* Where there is a place for what cannot be dropped. */
static void add_paged(struct table *t, const struct run_result *run)
{
	unsigned int n = run->nr_rounds ? run->nr_rounds : 1;
	char text[TABLE_CELL];

	table_add(t, "%s", figure_short(text, run->swapped / n));
	table_add(t, "%s", figure_short(text, run->compressed / n));
	table_add(t, run->pool_pages ? "%.0f %%" : "-",
		  100 * (double)run->pool_frames / (double)(run->pool_pages ? run->pool_pages : 1));
}

/* A fixed amount of work: some tenant has a count. */
static void run_times(const struct report *r, struct table *t, FILE *out)
{
	static const char *const all[] = {"policy", "run time",	 "least",   "against none",
					  "lent",   "reclaimed", "swapped", "compressed",
					  "to",	    NULL};
	static const char *const few[] = {"policy", "run time",	 "least", "against none",
					  "lent",   "reclaimed", NULL};
	bool any = run_of(r, JOB_POLICY_NONE) != NULL, paged = r->job->swap;
	char text[TABLE_CELL];

	for (unsigned int i = 0; i < r->job->nr_actors; i++)
		any |= r->job->actor[i].kind != ACTOR_DEVICE && r->job->actor[i].count;
	if (!any)
		return;
	fprintf(out, "\nrun time of the whole work, filling included, median of %u\n",
		r->run[0].nr_rounds);
	for (unsigned int i = 0; i < r->nr_runs; i++)
		paged |= r->run[i].policy == JOB_POLICY_COMPRESSED;
	table_heads(t, 1, paged ? all : few);
	for (unsigned int i = 0; i < r->nr_runs; i++) {
		const struct run_result *run = &r->run[i];
		double ratio = report_runtime(r, run, JOB_POLICY_NONE);
		uint64_t least = UINT64_MAX;

		for (unsigned int k = 0; k < run->nr_rounds; k++)
			least = run->round_ns[k] < least ? run->round_ns[k] : least;
		table_add(t, "%s", job_policy_name(run->policy));
		table_add(t, "%s", figure_time(text, report_round_median(run)));
		table_add(t, "%s", figure_time(text, least));
		table_add(t, ratio > 0 ? "%.3f" : "-", ratio);
		table_add(t, run->nr_areas ? "%.0f %%" : "-", run->lent * 100);
		table_add(t, "%s",
			  figure_short(text, run->nr_rounds ? run->reclaimed / run->nr_rounds : 0));
		if (paged)
			add_paged(t, run);
	}
	table_print(t, out);
}

/* ---- devices ---- */

/* Tables of a device are for jobs that ask: by a goal, or --verbose. */
static bool asked(const struct report *r, unsigned int actor)
{
	bool goal = r->verbose;

	for (unsigned int i = 0; i < r->job->nr_expect; i++)
		goal |= r->job->expect[i].actor == (int)actor;
	return goal;
}

static bool asked_held(const struct report *r)
{
	bool goal = r->verbose;

	for (unsigned int i = 0; i < r->job->nr_expect; i++)
		goal |= r->job->expect[i].metric == METRIC_HELD_P50 ||
			r->job->expect[i].metric == METRIC_HELD_MAX;
	return goal;
}

static const struct run_device_result *device_of(const struct report *r, unsigned int run,
						 unsigned int actor)
{
	return r->run[run].actor[actor].device;
}

static void add_size_row(struct table *t, const struct report *r, unsigned int run,
			 const struct run_size_result *s, bool first)
{
	double ns = r->run[run].copy_ns[0];
	uint64_t pages = s->bytes >> FH_PAGE_SHIFT, p50 = hist_quantile(&s->latency, 500);
	char text[TABLE_CELL];

	table_add(t, "%s", first ? figure_count(text, pages) : "");
	table_add(t, "%s", job_policy_name(r->run[run].policy));
	table_add(t, "%s", figure_count(text, s->calls));
	table_add(t, "%s", figure_count(text, s->refused));
	table_add(t, "%s", s->latency.count ? figure_time(text, s->latency.min) : "-");
	add_time(t, &s->latency, 500);
	add_time(t, &s->latency, 990);
	add_time(t, &s->latency, 999);
	add_time(t, &s->latency, 1000);
	table_add(t, p50 ? "%.1f" : "-",
		  p50 ? (double)hist_quantile(&s->latency, 999) / (double)p50 : 0);
	if (r->job->copy_rate)
		table_add(t, "%s", figure_time(text, (uint64_t)((double)pages * ns)));
}

/* A device whose sets have several sizes: a table a size. */
static void sizes(const struct report *r, unsigned int actor, struct table *t, FILE *out)
{
	static const char *const heads[] = {"pages", "policy", "calls", "refused", "min",  "p50",
					    "p99",   "p99.9",  "max",	"tail",	   "copy", NULL};
	static const char *const few[] = {"pages", "policy", "calls", "refused", "min", "p50",
					  "p99",   "p99.9",  "max",   "tail",	 NULL};
	const struct job_actor *a = &r->job->actor[actor];

	if (a->nr_sizes < 2 || !asked(r, actor))
		return;
	fprintf(out, "\n`%s`: %s by size; tail: p99.9 / p50%s\n", a->name,
		a->raw || a->align ? "cma_alloc" : "dma_alloc_coherent",
		r->job->copy_rate ? "; copy: to copy as many pages, one thread" : "");
	table_heads(t, 2, r->job->copy_rate ? heads : few);
	for (unsigned int s = 0; s < a->nr_sizes; s++) {
		bool first = true;

		for (unsigned int i = 0; i < r->nr_runs; i++)
			if (device_of(r, i, actor)) {
				add_size_row(t, r, i, &device_of(r, i, actor)->size[s], first);
				first = false;
			}
	}
	table_print(t, out);
}

/* Sets got whole, and why not. */
static void loops(const struct report *r, struct table *t, FILE *out)
{
	static const char *const heads[] = {"device", "policy",	 "loops",      "with a refusal",
					    "share",  "refused", "fragmented", NULL};
	char text[TABLE_CELL];
	bool any = false;

	table_heads(t, 2, heads);
	for (unsigned int k = 0; k < r->job->nr_actors; k++)
		for (unsigned int i = 0; i < r->nr_runs; i++) {
			const struct run_device_result *d = device_of(r, i, k);

			if (!d || r->job->actor[k].buffers < 2 || !asked(r, k))
				continue;
			any = true;
			table_add(t, "%.40s", r->job->actor[k].name);
			table_add(t, "%s", job_policy_name(r->run[i].policy));
			table_add(t, "%s", figure_count(text, d->loops));
			table_add(t, "%s", figure_count(text, d->loops_failed));
			table_add(t, "%.2f %%",
				  d->loops ? 100 * (double)d->loops_failed / (double)d->loops : 0);
			table_add(t, "%s",
				  figure_count(text, tally_failures(&r->run[i].actor[k].tally)));
			table_add(t, "%s", figure_count(text, d->fragmented));
		}
	if (!any)
		return;
	fprintf(out, "\nsets of buffers; fragmented: refused with enough free pages in the area\n");
	table_print(t, out);
}

static void speed_ups(const struct report *r, struct table *t, FILE *out)
{
	static const char *const heads[] = {"device",  "policy", "sets",     "one by one", "pages",
					    "at once", "pages",	 "speed-up", NULL};
	char text[TABLE_CELL];
	bool any = false;

	table_heads(t, 2, heads);
	for (unsigned int k = 0; k < r->job->nr_actors; k++)
		for (unsigned int i = 0; i < r->nr_runs && r->job->actor[k].parallel; i++) {
			const struct run_device_result *d = device_of(r, i, k);
			uint64_t a = d ? d->in_turn.count : 0, b = d ? d->at_once.count : 0;

			if (!d)
				continue;
			any = true;
			table_add(t, "%.40s", r->job->actor[k].name);
			table_add(t, "%s", job_policy_name(r->run[i].policy));
			table_add(t, "%" PRIu64 "+%" PRIu64, a, b);
			add_time(t, &d->in_turn, 500);
			table_add(t, "%s", figure_short(text, a ? d->in_turn_pages / a : 0));
			add_time(t, &d->at_once, 500);
			table_add(t, "%s", figure_short(text, b ? d->at_once_pages / b : 0));
			table_add(t, a && b ? "%.2f" : "-", run_speed_up(d));
		}
	if (!any)
		return;
	fprintf(out,
		"\nsets of buffers one by one and at once: the median time, and the pages that "
		"left (mean)\n");
	table_print(t, out);
}

/* Calls that began while a tenant held a page in place, beside the others. */
static void held(const struct report *r, struct table *t, FILE *out)
{
	static const char *const heads[] = {"device", "policy", "page held", "calls",
					    "p50",    "p99",	"max",	     NULL};
	char text[TABLE_CELL];
	bool any = false;

	if (!asked_held(r))
		return;
	table_heads(t, 3, heads);
	for (unsigned int k = 0; k < r->job->nr_actors; k++)
		for (unsigned int i = 0; i < r->nr_runs; i++) {
			const struct run_device_result *d = device_of(r, i, k);

			any |= d && d->held.count;
			for (unsigned int n = 0; d && n < 2; n++) {
				const struct hist *h = n ? &d->held : &d->unheld;

				table_add(t, "%.40s", n ? "" : r->job->actor[k].name);
				table_add(t, "%s", n ? "" : job_policy_name(r->run[i].policy));
				table_add(t, "%s", n ? "yes" : "no");
				table_add(t, "%s", figure_count(text, h->count));
				add_time(t, h, 500);
				add_time(t, h, 990);
				add_time(t, h, 1000);
			}
		}
	if (!any)
		return;
	fprintf(out, "\ncalls by whether a tenant held a page in place (pin, writeback) when they "
		     "began\n");
	table_print(t, out);
}

/* ---- the machine ---- */

static void machine(const struct report *r, FILE *out)
{
	char a[TABLE_CELL], b[TABLE_CELL];

	for (unsigned int i = 0; i < r->nr_runs; i++)
		if (r->run[i].copy_ns[0] > 0)
			fprintf(out,
				"%s: this host copies a cold page in %s with one thread, %s with "
				"two\n",
				job_policy_name(r->run[i].policy),
				figure_time(a, (uint64_t)r->run[i].copy_ns[0]),
				figure_time(b, (uint64_t)r->run[i].copy_ns[1]));
}

static void goals(const struct report *r, struct table *t, FILE *out)
{
	static const char *const heads[] = {"goal of", "policy", "expected", "", "found", NULL};
	struct verdict verdict[JOB_MAX_EXPECT];
	unsigned int n = expect_judge(r, verdict);
	char found[TABLE_CELL];

	if (!n)
		return;
	table_heads(t, 5, heads);
	for (unsigned int i = 0; i < n; i++) {
		const struct job_expect *e = verdict[i].goal;

		expect_found(&verdict[i], found, sizeof(found));
		table_add(t, "%.40s", e->actor < 0 ? "the run" : r->job->actor[e->actor].name);
		table_add(t, "%s", job_policy_name(e->policy));
		table_add(t, "%s", e->text);
		table_add(t, "%s", verdict[i].met ? "met" : "NOT MET");
		table_add(t, "%s", found);
	}
	fputc('\n', out);
	table_print(t, out);
}

void report_protocol(const struct report *r, FILE *out)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		return;
	run_times(r, t, out);
	for (unsigned int k = 0; k < r->job->nr_actors; k++)
		sizes(r, k, t, out);
	speed_ups(r, t, out);
	held(r, t, out);
	loops(r, t, out);
	if (r->job->copy_rate)
		fputc('\n', out);
	machine(r, out);
	goals(r, t, out);
	free(t);
}
