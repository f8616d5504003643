/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The results as JSON: freehold-run(1), "JSON". */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "load.h"
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

static json_t *json_actor(const struct run_actor_result *r)
{
	const struct tally *t = &r->tally;

	return json_pack("{so ss so so so so so so so so so}", "name", text(r->spec->name), "kind",
			 job_kind_name(r->spec->kind), "operations", integer(t->ops), "allocs",
			 integer(t->allocs), "failures", json_failures(t), "latency_ns",
			 json_latency(&t->latency), "pages_migrated", integer(t->pages_migrated),
			 "pages_dropped", integer(t->pages_dropped), "bytes", integer(t->bytes),
			 "corrupt_bytes", integer(t->corrupt_bytes), "filled_bytes",
			 integer(r->filled_bytes));
}

static json_t *json_area(const struct run_area_result *a)
{
	return json_pack(
		"{so so sf so so so so so so}", "name", text(a->name), "bytes", integer(a->bytes),
		"lent", a->lent, "allocs", integer(a->stats.nr_allocs), "refused",
		integer(a->stats.nr_fails), "pages_migrated", integer(a->stats.pages_migrated),
		"pages_dropped", integer(a->stats.pages_dropped), "pages_allocated",
		integer(a->stats.nr_pages_succeeded), "used_max_pages", integer(a->stats.used_max));
}

static json_t *json_refusal(const struct refusal *r)
{
	json_t *o = json_pack("{so ss so ss so so so}", "n", integer(r->n), "error",
			      errno_name(r->err), "why", text(r->why), "first_by", r->actor, "pfn",
			      integer(r->pfn), "window_start", integer(r->window.start),
			      "window_end", integer(r->window.end));

	if (o && r->holder) {
		json_object_set_new(o, "holder", text(r->holder));
		json_object_set_new(o, "held_ns", integer(r->held_ns));
	}
	return o;
}

static json_t *json_run(const struct run_result *r)
{
	json_t *actors = json_array(), *areas = json_array(), *refusals = json_array();

	for (unsigned int i = 0; i < r->nr_actors; i++)
		json_array_append_new(actors, json_actor(&r->actor[i]));
	for (unsigned int i = 0; i < r->nr_areas; i++)
		json_array_append_new(areas, json_area(&r->area[i]));
	for (unsigned int i = 0; i < r->nr_refusals; i++)
		json_array_append_new(refusals, json_refusal(&r->refusal[i]));
	return json_pack("{ss sf sb sf so so so s{so so so so so} s{so so so}}", "policy",
			 load_policy_name(r->policy), "duration_s", (double)r->duration_ns / 1e9,
			 "interrupted", r->interrupted, "lent", r->lent, "actors", actors, "areas",
			 areas, "refusals", refusals, "host", "faults", integer(r->host_faults),
			 "mappings_max", integer(r->host_mappings_max), "mappings_limit",
			 integer(r->host.limit), "mappings_limit_hits", integer(r->host_limit_hits),
			 "mappings_pages_dropped", integer(r->host_pages_dropped), "checks",
			 "invariants", integer(r->invariants), "corrupt_bytes",
			 integer(r->corrupt_bytes), "leaked_pages", integer(r->leaked_pages));
}

bool report_json(const struct report *r, FILE *out)
{
	const struct job *job = r->job;
	json_t *runs = json_array(), *all;
	bool ok;

	for (unsigned int i = 0; i < r->nr_runs; i++)
		json_array_append_new(runs, json_run(&r->run[i]));
	all = json_pack("{so s{so so so so ss so} so}", "job", text(job->path), "machine", "model",
			text(r->cfg->model), "ram_bytes", integer(report_ram_bytes(r->cfg)),
			"bootargs", text(r->cfg->bootargs), "dtb",
			job->dtb[0] ? text(job->dtb) : json_null(), "engine",
			job_engine_name(job->engine), "seed", integer(job->seed), "runs", runs);
	if (!all)
		return false;
	ok = !json_dumpf(all, out, JSON_INDENT(2)) && fputc('\n', out) != EOF;
	json_decref(all);
	return ok;
}
