/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The results as JSON: freehold-run(1), "JSON". */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "expect.h"
#include "report.h"

/* Our counters stay far below 2^63. */
static json_t *integer(uint64_t v)
{
	return json_integer((json_int_t)v);
}

/* Paths and command lines are bytes, JSON is UTF-8: what does not fit becomes '?'. */
static json_t *text(const char *s)
{
	json_t *j = json_string(s);
	char *copy = j ? NULL : strdup(s);

	for (char *c = copy; c && *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	if (copy)
		j = json_string(copy);
	free(copy);
	return j;
}

static json_t *json_failures(const struct tally *t)
{
	json_t *o = json_object();

	for (unsigned int i = 0; i < RUN_MAX_ERRNOS && t->failure[i].err; i++)
		json_object_set_new(o, errno_name(t->failure[i].err), integer(t->failure[i].n));
	return o;
}

static json_t *json_latency(const struct hist *h)
{
	return json_pack("{so so so so so sf}", "min", integer(h->min), "p50",
			 integer(hist_quantile(h, 500)), "p99", integer(hist_quantile(h, 990)),
			 "p999", integer(hist_quantile(h, 999)), "max", integer(h->max), "mean",
			 hist_mean(h));
}

/* From the first power of two that has a value to the last; not cumulative. */
static json_t *json_hist(const struct hist *h)
{
	uint64_t count[HIST_OCTAVES], left = h->count;
	json_t *a = json_array();

	hist_octaves(h, count);
	for (unsigned int k = 0; k < HIST_OCTAVES && left; left -= count[k++])
		if (count[k] || left < h->count)
			json_array_append_new(a, json_pack("{so so}", "le_ns",
							   integer(hist_octave_max(k)), "count",
							   integer(count[k])));
	return a;
}

static json_t *json_size(const struct run_size_result *s)
{
	return json_pack("{so so so so so so}", "bytes", integer(s->bytes), "pages",
			 integer(s->bytes >> FH_PAGE_SHIFT), "calls", integer(s->calls), "refused",
			 integer(s->refused), "latency_ns", json_latency(&s->latency),
			 "latency_hist", json_hist(&s->latency));
}

static json_t *json_held(const struct hist *h)
{
	return json_pack("{so so}", "calls", integer(h->count), "latency_ns", json_latency(h));
}

static json_t *json_sets(const struct hist *h, uint64_t pages)
{
	return json_pack("{so so so}", "sets", integer(h->count), "pages", integer(pages),
			 "time_ns", json_latency(h));
}

static void add_device(json_t *o, const struct run_actor_result *r)
{
	const struct run_device_result *d = r->device;
	json_t *sizes = json_array();

	for (unsigned int i = 0; i < d->nr_sizes; i++)
		json_array_append_new(sizes, json_size(&d->size[i]));
	json_object_set_new(o, "by_size", sizes);
	json_object_set_new(o, "loops", integer(d->loops));
	json_object_set_new(o, "loops_failed", integer(d->loops_failed));
	json_object_set_new(o, "fragmented", integer(d->fragmented));
	json_object_set_new(o, "held", json_held(&d->held));
	json_object_set_new(o, "not_held", json_held(&d->unheld));
	if (!r->spec->parallel)
		return;
	json_object_set_new(o, "one_by_one", json_sets(&d->in_turn, d->in_turn_pages));
	json_object_set_new(o, "at_once", json_sets(&d->at_once, d->at_once_pages));
	json_object_set_new(o, "speedup", json_real(run_speed_up(d)));
}

static json_t *json_actor(const struct run_actor_result *r)
{
	const struct tally *t = &r->tally;
	json_t *o;

	o = json_pack("{so ss so so so so so so so so so so}", "name", text(r->spec->name), "kind",
		      job_kind_name(r->spec->kind), "operations", integer(t->ops), "allocs",
		      integer(t->allocs), "failures", json_failures(t), "latency_ns",
		      json_latency(&t->latency), "latency_hist", json_hist(&t->latency),
		      "pages_migrated", integer(t->pages_migrated), "pages_dropped",
		      integer(t->pages_dropped), "bytes", integer(t->bytes), "corrupt_bytes",
		      integer(t->corrupt_bytes), "filled_bytes", integer(r->filled_bytes));
	if (o && r->spec->count) {
		json_object_set_new(o, "count", integer(r->spec->count));
		json_object_set_new(o, "counted", integer(r->counted));
	}
	if (o && r->device)
		add_device(o, r);
	return o;
}

static json_t *json_exchange(const struct cma_stats *s)
{
	return json_pack("{so so so so so so}", "pages_out", integer(s->exchanged_out), "pages_in",
			 integer(s->exchanged_in), "tenants_ns", integer(s->exchange_ns),
			 "tenants_back_ns", integer(s->exchange_back_ns), "spared_pages",
			 integer(s->spared), "spared_ns", integer(s->spared_ns));
}

static json_t *json_area(const struct run_area_result *a)
{
	return json_pack("{so so sf so so so so so so so}", "name", text(a->name), "bytes",
			 integer(a->bytes), "lent", a->lent, "allocs", integer(a->stats.nr_allocs),
			 "refused", integer(a->stats.nr_fails), "pages_migrated",
			 integer(a->stats.pages_migrated), "pages_dropped",
			 integer(a->stats.pages_dropped), "pages_allocated",
			 integer(a->stats.nr_pages_succeeded), "used_max_pages",
			 integer(a->stats.used_max), "exchange", json_exchange(&a->stats));
}

static json_t *json_refusal(const struct refusal *r)
{
	json_t *o = json_pack("{so ss so ss so so so}", "n", integer(r->n), "error",
			      errno_name(r->err), "why", text(r->why), "first_by", r->actor, "pfn",
			      integer(r->pfn), "window_start", integer(r->window.start),
			      "window_end", integer(r->window.end));

	if (o && r->pins)
		json_object_set_new(o, "pins", integer(r->pins));
	if (o && r->holder) {
		json_object_set_new(o, "holder", text(r->holder));
		json_object_set_new(o, "held_ns", integer(r->held_ns));
	}
	return o;
}

static json_t *json_faults(const struct job *job, const struct run_result *r)
{
	json_t *calls = json_object();

	for (unsigned int i = 0; i < NR_FAULTS; i++)
		json_object_set_new(calls, fault_name((enum fault)i),
				    json_pack("{so so}", "calls", integer(r->fault[i].calls),
					      "failed", integer(r->fault[i].failed)));
	return json_pack("{so so}", "one_in", integer(job->faults), "calls", calls);
}

/* What the run as a whole has beside its actors. */
static void add_run(json_t *o, const struct report *report, const struct run_result *r)
{
	json_t *rounds = json_array();
	double ratio = report_runtime(report, r, JOB_POLICY_NONE);

	for (unsigned int i = 0; i < r->nr_rounds; i++)
		json_array_append_new(rounds, json_real((double)r->round_ns[i] / 1e9));
	json_object_set_new(o, "rounds_s", rounds);
	json_object_set_new(o, "runtime", ratio > 0 ? json_real(ratio) : json_null());
	json_object_set_new(o, "reclaimed_pages", integer(r->reclaimed));
	json_object_set_new(o, "swapped_pages", integer(r->swapped));
	json_object_set_new(o, "compressed_pages", integer(r->compressed));
	json_object_set_new(o, "pool_pages", integer(r->pool_pages));
	json_object_set_new(o, "pool_frames", integer(r->pool_frames));
	json_object_set_new(o, "drains", integer(r->drains));
	if (report->job->faults)
		json_object_set_new(o, "faults", json_faults(report->job, r));
	if (r->copy_ns[0] > 0)
		json_object_set_new(o, "copy_page_ns",
				    json_pack("[f,f]", r->copy_ns[0], r->copy_ns[1]));
}

static json_t *json_goals(const struct report *r)
{
	struct verdict verdict[JOB_MAX_EXPECT];
	unsigned int n = expect_judge(r, verdict);
	json_t *goals = json_array();

	for (unsigned int i = 0; i < n; i++) {
		const struct verdict *v = &verdict[i];
		int actor = v->goal->actor;

		json_array_append_new(
			goals, json_pack("{so ss ss sb so}", "actor",
					 actor < 0 ? json_null() : text(r->job->actor[actor].name),
					 "policy", job_policy_name(v->goal->policy), "expected",
					 v->goal->text, "met", v->met, "found",
					 v->measured ? json_real(v->value) : json_null()));
	}
	return goals;
}

static json_t *json_run(const struct report *report, const struct run_result *r)
{
	json_t *actors = json_array(), *areas = json_array(), *refusals = json_array(), *o;

	for (unsigned int i = 0; i < r->nr_actors; i++)
		json_array_append_new(actors, json_actor(&r->actor[i]));
	for (unsigned int i = 0; i < r->nr_areas; i++)
		json_array_append_new(areas, json_area(&r->area[i]));
	for (unsigned int i = 0; i < r->nr_refusals; i++)
		json_array_append_new(refusals, json_refusal(&r->refusal[i]));
	o = json_pack("{ss sf sb sf so so so s{so so so so so} s{so so so so so sf}}", "policy",
		      job_policy_name(r->policy), "duration_s", (double)r->duration_ns / 1e9,
		      "interrupted", r->interrupted, "lent", r->lent, "actors", actors, "areas",
		      areas, "refusals", refusals, "host", "faults", integer(r->host_faults),
		      "mappings_max", integer(r->host_mappings_max), "mappings_limit",
		      integer(r->host.limit), "mappings_limit_hits", integer(r->host_limit_hits),
		      "mappings_pages_dropped", integer(r->host_pages_dropped), "checks",
		      "invariants", integer(r->invariants), "corrupt_bytes",
		      integer(r->corrupt_bytes), "leaked_pages", integer(r->leaked_pages),
		      "leaked_bytes", json_integer(r->leaked_bytes), "while_working",
		      integer(r->checks), "paused_s", (double)r->paused_ns / 1e9);
	if (o)
		add_run(o, report, r);
	return o;
}

bool report_json(const struct report *r, FILE *out)
{
	const struct job *job = r->job;
	json_t *runs = json_array(), *all;
	bool ok;

	for (unsigned int i = 0; i < r->nr_runs; i++)
		json_array_append_new(runs, json_run(r, &r->run[i]));
	all = json_pack("{so s{so so so so ss so} so so}", "job", text(job->path), "machine",
			"model", text(r->cfg->model), "ram_bytes",
			integer(report_ram_bytes(r->cfg)), "bootargs", text(r->cfg->bootargs),
			"dtb", job->dtb[0] ? text(job->dtb) : json_null(), "engine",
			job_engine_name(job->engine), "seed", integer(job->seed), "runs", runs,
			"goals", json_goals(r));
	if (!all)
		return false;
	ok = !json_dumpf(all, out, JSON_INDENT(2)) && fputc('\n', out) != EOF;
	json_decref(all);
	return ok;
}
