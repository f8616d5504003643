/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Goals: how a job states them, and whether a run met them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "expect.h"
#include "job_keys.h"
#include "table.h"
#include "value.h"

/* Where a metric is known. */
#define OF_RUN	  1u
#define OF_DEVICE 2u

static const struct {
	const char *name;
	unsigned int of;
	bool time;
} metrics[NR_METRICS] = {
	[METRIC_REFUSED] = {"refused", OF_RUN | OF_DEVICE, false},
	[METRIC_DRAINS] = {"drains", OF_RUN, false},
	[METRIC_RECLAIMED] = {"reclaimed", OF_RUN, false},
	[METRIC_SWAPPED] = {"swapped", OF_RUN, false},
	[METRIC_COMPRESSED] = {"compressed", OF_RUN, false},
	[METRIC_RUNTIME] = {"runtime", OF_RUN, false},
	[METRIC_LOOPS_FAILED] = {"loops-failed", OF_DEVICE, false},
	[METRIC_FRAGMENTED] = {"fragmented", OF_DEVICE, false},
	[METRIC_SPEED_UP] = {"speed-up", OF_DEVICE, false},
	[METRIC_TAIL] = {"p99.9/p50", OF_DEVICE, false},
	[METRIC_MAX] = {"max", OF_DEVICE, true},
	[METRIC_HELD_P50] = {"held-p50", OF_DEVICE, true},
	[METRIC_HELD_MAX] = {"held-max", OF_DEVICE, true},
};

static const char *const comparisons[EXPECT_NR] = {"=", "<=", ">="};

/* ---- as the file has them ---- */

static bool bad_form(const struct reading *r)
{
	return job_wrong(r, r->a ? "POLICY: METRIC = | <= | >= VALUE, ..., such as guaranteed: "
				   "loops-failed = 0, p99.9/p50 <= 2"
				 : "POLICY: METRIC = | <= | >= VALUE, ..., such as guaranteed: "
				   "refused = 0, runtime <= 1.01");
}

static bool bad_metric(const struct reading *r, const char *found, unsigned int of)
{
	char list[192] = "";

	for (unsigned int i = 0; i < NR_METRICS; i++)
		if (metrics[i].of & of) {
			size_t n = strlen(list);

			snprintf(list + n, sizeof(list) - n, "%s%s", n ? ", " : "",
				 metrics[i].name);
		}
	why_set(r->why, "%s:%u: [%s] expect: no figure '%.40s' here, expected one of %s",
		r->job->path, r->e->line, r->e->section, found, list);
	return false;
}

static bool read_value(struct job_expect *e, const char *text)
{
	uint64_t ns;

	if (metrics[e->metric].time) {
		if (!value_time(text, &ns))
			return false;
		e->value = (double)ns;
		return true;
	}
	if (!strcmp(text, "0")) { /* no rate */
		e->value = 0;
		return true;
	}
	return !strchr(text, '/') && value_rate(text, &e->value);
}

/* "runtime/carveout" is the metric runtime, with carveout to compare with. */
static void read_base(struct job_expect *e, char *metric)
{
	static const char name[] = "runtime/";

	e->base = JOB_POLICY_NONE;
	if (!strncmp(metric, name, sizeof(name) - 1) &&
	    job_policy(metric + sizeof(name) - 1, &e->base))
		metric[sizeof(name) - 2] = '\0';
}

/* "p99.9/p50 <= 2" */
static bool read_goal(const struct reading *r, struct job_expect *e, const char *text)
{
	unsigned int of = r->a ? OF_DEVICE : OF_RUN, m = 0, c = 0;
	char metric[32], than[8], value[24], whole[32], more;

	if (sscanf(text, " %31s %7s %23s %c", metric, than, value, &more) != 3)
		return bad_form(r);
	snprintf(whole, sizeof(whole), "%s", metric);
	read_base(e, metric);
	while (m < NR_METRICS && (strcmp(metrics[m].name, metric) || !(metrics[m].of & of)))
		m++;
	if (m == NR_METRICS)
		return bad_metric(r, metric, of);
	while (c < EXPECT_NR && strcmp(comparisons[c], than))
		c++;
	e->metric = (enum metric)m;
	e->than = (enum comparison)c;
	if (c == EXPECT_NR)
		return bad_form(r);
	if (!read_value(e, value))
		return job_wrong(r, metrics[m].time ? "a time behind it, such as 500us or 1ms"
						    : "a number behind it, such as 0 or 1.01");
	snprintf(e->text, sizeof(e->text), "%s %s %s", whole, than, value);
	return true;
}

bool job_read_expect(const struct reading *r)
{
	char text[256], *save = NULL, *goals;
	struct job *job = r->job;
	enum cma_policy policy;

	snprintf(text, sizeof(text), "%s", r->e->value);
	goals = strchr(text, ':');
	if (!goals)
		return bad_form(r);
	*goals++ = '\0';
	if (!job_policy(text, &policy))
		return bad_form(r);
	goals = strtok_r(goals, ",", &save);
	if (!goals)
		return bad_form(r);
	for (; goals; goals = strtok_r(NULL, ",", &save)) {
		struct job_expect *e = &job->expect[job->nr_expect];

		if (job->nr_expect == JOB_MAX_EXPECT)
			return job_wrong(r, "at most 32 goals in all");
		*e = (struct job_expect){.line = r->e->line,
					 .actor = r->a ? (int)(r->a - job->actor) : -1,
					 .policy = policy};
		if (!read_goal(r, e, goals))
			return false;
		job->nr_expect++;
	}
	return true;
}

/* ---- as the run has them ---- */

static bool count_is(struct verdict *v, uint64_t n)
{
	v->value = (double)n;
	return true;
}

/* Of a device, the worst of its sizes. */
static bool tail_of(struct verdict *v, const struct run_device_result *d)
{
	bool any = false;

	for (unsigned int i = 0; i < d->nr_sizes; i++) {
		const struct hist *h = &d->size[i].latency;
		uint64_t p50 = hist_quantile(h, 500);
		double tail = p50 ? (double)hist_quantile(h, 999) / (double)p50 : 0;

		if (!p50 || (any && tail <= v->value))
			continue;
		any = true;
		v->value = tail;
		v->size = d->size[i].bytes;
	}
	return any;
}

static bool more_when_held(struct verdict *v, const struct run_device_result *d,
			   unsigned int per_mille)
{
	v->value = (double)hist_quantile(&d->held, per_mille) -
		   (double)hist_quantile(&d->unheld, per_mille);
	return d->held.count && d->unheld.count;
}

static bool device_figure(struct verdict *v, const struct run_actor_result *a)
{
	const struct run_device_result *d = a->device;

	switch (v->goal->metric) {
	case METRIC_REFUSED:
		return count_is(v, tally_failures(&a->tally)) && a->tally.ops;
	case METRIC_LOOPS_FAILED:
		return count_is(v, d->loops_failed) && d->loops;
	case METRIC_FRAGMENTED:
		return count_is(v, d->fragmented) && a->tally.ops;
	case METRIC_SPEED_UP:
		v->value = run_speed_up(d);
		return d->at_once.count && d->in_turn.count;
	case METRIC_TAIL:
		return tail_of(v, d);
	case METRIC_MAX:
		v->value = (double)a->tally.latency.max;
		return a->tally.ops;
	case METRIC_HELD_P50:
		return more_when_held(v, d, 500);
	case METRIC_HELD_MAX:
		return more_when_held(v, d, 1000);
	default:
		return false;
	}
}

static bool run_figure(struct verdict *v, const struct report *r, const struct run_result *run)
{
	uint64_t n = 0;

	switch (v->goal->metric) {
	case METRIC_REFUSED:
		for (unsigned int i = 0; i < run->nr_actors; i++)
			if (run->actor[i].device)
				n += tally_failures(&run->actor[i].tally);
		return count_is(v, n);
	case METRIC_DRAINS:
		return count_is(v, run->drains);
	case METRIC_RECLAIMED:
		return count_is(v, run->reclaimed);
	case METRIC_SWAPPED:
		return count_is(v, run->swapped);
	case METRIC_COMPRESSED:
		return count_is(v, run->compressed);
	case METRIC_RUNTIME:
		v->value = report_runtime(r, run, v->goal->base);
		return v->value > 0;
	default:
		return false;
	}
}

static bool compares(const struct verdict *v)
{
	switch (v->goal->than) {
	case EXPECT_LE:
		return v->value <= v->goal->value;
	case EXPECT_GE:
		return v->value >= v->goal->value;
	default:
		return !(v->value < v->goal->value) && !(v->value > v->goal->value);
	}
}

unsigned int expect_judge(const struct report *r, struct verdict *verdict)
{
	unsigned int n = 0;

	for (unsigned int p = 0; p < r->nr_runs; p++)
		for (unsigned int i = 0; i < r->job->nr_expect; i++) {
			const struct job_expect *e = &r->job->expect[i];
			const struct run_result *run = &r->run[p];
			struct verdict *v = &verdict[n];

			if (e->policy != run->policy)
				continue;
			*v = (struct verdict){.goal = e};
			if (e->actor < 0)
				v->measured = run_figure(v, r, run);
			else if (run->actor[e->actor].device)
				v->measured = device_figure(v, &run->actor[e->actor]);
			v->met = v->measured && compares(v);
			n++;
		}
	return n;
}

bool expect_met(const struct report *r)
{
	struct verdict verdict[JOB_MAX_EXPECT];
	unsigned int n = expect_judge(r, verdict);

	while (n && verdict[n - 1].met)
		n--;
	return !n;
}

void expect_found(const struct verdict *v, char *buf, size_t size)
{
	char text[TABLE_CELL];

	if (!v->measured) {
		snprintf(buf, size, "not measured");
	} else if (metrics[v->goal->metric].time) {
		double ns = v->value < 0 ? -v->value : v->value;

		snprintf(buf, size, "%s%s", v->value < 0 ? "-" : "",
			 figure_time(text, (uint64_t)ns));
	} else if (v->value >= 1000 || !(v->value - (double)(uint64_t)v->value > 0)) {
		snprintf(buf, size, "%s", figure_count(text, (uint64_t)v->value));
	} else {
		snprintf(buf, size, "%.4g", v->value);
	}
	if (v->measured && v->size) {
		size_t at = strlen(buf);

		snprintf(buf + at, size - at, " at %s", figure_bytes(text, v->size));
	}
}
