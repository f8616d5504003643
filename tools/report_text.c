/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The comparison of policies on one page, and what is worth a line below it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "report.h"
#include "table.h"

uint64_t report_ram_bytes(const struct boot_config *cfg)
{
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < cfg->nr_banks; i++)
		bytes += cfg->bank[i].size;
	return bytes;
}

static void heading(const struct report *r, FILE *out)
{
	char ram[TABLE_CELL], areas[TABLE_CELL];
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < r->cfg->nr_regions; i++)
		bytes += r->cfg->region[i].kind == BOOT_REGION_CMA ? r->cfg->region[i].size : 0;
	fprintf(out, "%s, %s, areas %s, seed %" PRIu64 ", %.3g s a policy   %s\n",
		r->cfg->model[0] ? r->cfg->model : "no board",
		figure_bytes(ram, report_ram_bytes(r->cfg)), figure_bytes(areas, bytes),
		r->job->seed, (double)r->job->duration_ns / 1e9, r->job->path);
}

/* "22 (EBUSY 20, ENOMEM 2)" */
static void failures(char *buf, size_t size, const struct tally *t)
{
	char n[TABLE_CELL];
	size_t at;

	snprintf(buf, size, "%s", figure_short(n, tally_failures(t)));
	for (unsigned int i = 0; i < RUN_MAX_ERRNOS && t->failure[i].err; i++) {
		at = strlen(buf);
		snprintf(buf + at, size - at, "%s%s %s", i ? ", " : " (",
			 errno_name(t->failure[i].err), figure_short(n, t->failure[i].n));
	}
	at = strlen(buf);
	if (t->failure[0].err)
		snprintf(buf + at, size - at, ")");
}

static void add_latencies(struct table *t, const struct hist *h)
{
	static const unsigned int per_mille[] = {500, 990, 999, 1000};
	char time[TABLE_CELL];

	for (unsigned int i = 0; i < 4; i++)
		table_add(t, "%s",
			  h->count ? figure_time(time, hist_quantile(h, per_mille[i])) : "-");
}

static void add_heads(struct table *t, const char *const *heads)
{
	for (unsigned int i = 0; i < t->columns; i++)
		table_add(t, "%s", heads[i]);
}

static void add_run(struct table *t, const struct run_result *r)
{
	uint64_t moved = 0, dropped = 0;
	struct tally *sum = calloc(1, sizeof(*sum));
	char text[TABLE_CELL];

	if (!sum)
		return;
	run_devices(r, sum);
	for (unsigned int i = 0; i < r->nr_areas; i++) {
		moved += r->area[i].stats.pages_migrated;
		dropped += r->area[i].stats.pages_dropped;
	}
	table_add(t, "%s", job_policy_name(r->policy));
	table_add(t, r->nr_areas ? "%.0f %%" : "-", r->lent * 100);
	table_add(t, "%s", figure_count(text, sum->allocs));
	failures(text, sizeof(text), sum);
	table_add(t, "%s", text);
	add_latencies(t, &sum->latency);
	table_add(t, "%s", figure_short(text, moved));
	table_add(t, "%s", figure_short(text, dropped));
	table_add(t, "%s", figure_count(text, r->corrupt_bytes));
	free(sum);
}

static void comparison(const struct report *r, FILE *out)
{
	static const char *const heads[] = {"policy", "lent", "allocs", "refused", "p50",  "p99",
					    "p99.9",  "max",  "moved",	"dropped", "wrong"};
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		return;
	t->columns = 11;
	t->left = 1;
	t->fit = true;
	add_heads(t, heads);
	for (unsigned int i = 0; i < r->nr_runs; i++)
		add_run(t, &r->run[i]);
	table_print(t, out);
	free(t);
}

/* The first of each kind of refusal. */
static void refusals(const struct run_result *run, FILE *out)
{
	char n[TABLE_CELL];

	for (unsigned int i = 0; i < run->nr_refusals; i++) {
		const struct refusal *r = &run->refusal[i];

		fprintf(out, "%s: %s refused: %s, %s", job_policy_name(run->policy),
			figure_count(n, r->n), errno_name(r->err), r->why);
		fprintf(out, "; first `%s`", r->actor);
		if (r->pfn)
			fprintf(out, ", page %#" PRIx64, r->pfn);
		if (r->holder)
			fprintf(out, " held for %s by `%s` (%s)", figure_time(n, r->held_ns),
				r->holder, r->holder_kind);
		if (r->pins > 1)
			fprintf(out, ", pinned %s times", figure_count(n, r->pins));
		if (r->window.end > r->window.start)
			fprintf(out, ", window %#" PRIx64 "-%#" PRIx64, r->window.start,
				r->window.end - 1);
		fputc('\n', out);
	}
}

/* What exchange cost tenants, and what it saved devices. */
static void exchanges(const struct run_result *run, FILE *out)
{
	char a[TABLE_CELL], b[TABLE_CELL], c[TABLE_CELL], d[TABLE_CELL];

	for (unsigned int i = 0; run->policy == JOB_POLICY_EXCHANGE && i < run->nr_areas; i++) {
		const struct cma_stats *s = &run->area[i].stats;

		fprintf(out, "exchange: area %s: %s pages out and %s in, in %s; ",
			run->area[i].name, figure_short(a, s->exchanged_out),
			figure_short(b, s->exchanged_in), figure_time(c, s->exchange_ns));
		fprintf(out, "devices moved %s fewer, which saved them %s and spared tenants %s\n",
			figure_short(a, s->spared), figure_time(b, s->spared_ns),
			figure_time(d, s->exchange_back_ns));
	}
}

/* What makes the run fail, and what distorts it. */
static void remarks(const struct run_result *r, FILE *out)
{
	const char *policy = job_policy_name(r->policy);
	char n[TABLE_CELL], m[TABLE_CELL], k[TABLE_CELL];

	exchanges(r, out);
	refusals(r, out);
	if (r->host_limit_hits)
		fprintf(out,
			"%s: the host's limit of %s mappings (vm.max_map_count) was reached %s "
			"times; the "
			"mappings of %s pages were dropped and came back by fault\n",
			policy, figure_count(n, r->host.limit), figure_short(m, r->host_limit_hits),
			figure_short(k, r->host_pages_dropped));
	for (unsigned int i = 0; i < r->nr_actors; i++)
		if (r->actor[i].counted < r->actor[i].spec->count * r->nr_rounds &&
		    (r->actor[i].device || r->actor[i].spec->kind != ACTOR_DEVICE))
			fprintf(out, "%s: `%s` had done %s of %s when the time was up\n", policy,
				r->actor[i].spec->name, figure_count(n, r->actor[i].counted),
				figure_count(m, r->actor[i].spec->count * r->nr_rounds));
	if (r->interrupted)
		fprintf(out, "%s: interrupted after %.1f s\n", policy,
			(double)r->duration_ns / 1e9);
	for (unsigned int i = 0; r->corrupt_bytes && i < r->nr_actors; i++)
		if (r->actor[i].tally.corrupt_bytes)
			fprintf(out, "%s: FAILED: %s wrong bytes at `%s`\n", policy,
				figure_count(n, r->actor[i].tally.corrupt_bytes),
				r->actor[i].spec->name);
	if (r->leaked_pages)
		fprintf(out, "%s: FAILED: %s pages leaked\n", policy,
			figure_count(n, r->leaked_pages));
	if (r->leaked_bytes)
		fprintf(out, "%s: FAILED: %" PRId64 " bytes of the core's own memory leaked\n",
			policy, r->leaked_bytes);
	if (r->invariants)
		fprintf(out, "%s: FAILED: %u broken invariants:\n%s\n", policy, r->invariants,
			r->invariants_why);
}

/* ---- faults ---- */

static void fault_calls(const struct report *r, struct table *t, FILE *out)
{
	static const char *const heads[] = {"policy", "call", "calls", "failed", NULL};
	char text[TABLE_CELL];

	table_heads(t, 2, heads);
	for (unsigned int i = 0; i < r->nr_runs; i++)
		for (unsigned int k = 0; k < NR_FAULTS; k++) {
			table_add(t, "%s", k ? "" : job_policy_name(r->run[i].policy));
			table_add(t, "%s", fault_name((enum fault)k));
			table_add(t, "%s", figure_count(text, r->run[i].fault[k].calls));
			table_add(t, "%s", figure_count(text, r->run[i].fault[k].failed));
		}
	fprintf(out,
		"\ncalls of the platform while it worked, and those that were made to fail: 1 in "
		"%s\n",
		figure_count(text, r->job->faults));
	table_print(t, out);
}

static void fault_tenants(const struct report *r, struct table *t, FILE *out)
{
	static const char *const heads[] = {"tenant", "policy", "operations", "refused", NULL};
	char text[TABLE_CELL];

	table_heads(t, 2, heads);
	for (unsigned int k = 0; k < r->job->nr_actors; k++)
		for (unsigned int i = 0; i < r->nr_runs; i++) {
			const struct run_actor_result *a = &r->run[i].actor[k];

			if (a->spec->kind == ACTOR_DEVICE)
				continue;
			table_add(t, "%.40s", a->spec->name);
			table_add(t, "%s", job_policy_name(r->run[i].policy));
			table_add(t, "%s", figure_count(text, a->tally.ops));
			failures(text, sizeof(text), &a->tally);
			table_add(t, "%s", text);
		}
	fprintf(out, "\nwhat tenants were refused and went on without\n");
	table_print(t, out);
}

/* What the job's faults and checks came to. */
static void soaked(const struct report *r, FILE *out)
{
	struct table *t = r->job->faults ? calloc(1, sizeof(*t)) : NULL;
	char text[TABLE_CELL], took[TABLE_CELL];

	if (t) {
		fault_calls(r, t, out);
		fault_tenants(r, t, out);
	}
	free(t);
	for (unsigned int i = 0; i < r->nr_runs && r->job->check_ns; i++)
		fprintf(out,
			"%s%s: the machine was checked %u times while it worked, each %s, in %s\n",
			i ? "" : "\n", job_policy_name(r->run[i].policy), r->run[i].checks,
			figure_time(text, r->job->check_ns),
			figure_time(took, r->run[i].paused_ns));
}

static void add_actor(struct table *t, const struct run_result *run,
		      const struct run_actor_result *r)
{
	bool device = r->spec->kind == ACTOR_DEVICE;
	char text[TABLE_CELL];

	table_add(t, "%s", job_policy_name(run->policy));
	table_add(t, "%.40s", r->spec->name);
	table_add(t, "%s", job_kind_name(r->spec->kind));
	table_add(t, "%s", device ? "-" : figure_bytes(text, r->filled_bytes));
	table_add(t, "%s", figure_short(text, r->tally.ops));
	table_add(t, "%s", figure_short(text, r->tally.allocs));
	failures(text, sizeof(text), &r->tally);
	table_add(t, "%s", text);
	add_latencies(t, &r->tally.latency);
	table_add(t, "%s", figure_bytes(text, r->tally.bytes));
	table_add(t, "%s", figure_short(text, r->tally.pages_migrated));
	table_add(t, "%s", figure_short(text, r->tally.pages_dropped));
	table_add(t, "%s", figure_count(text, r->tally.corrupt_bytes));
}

static void actors(const struct report *r, FILE *out)
{
	static const char *const heads[] = {"policy", "actor",	"kind",	 "filled",  "operations",
					    "allocs", "failed", "p50",	 "p99",	    "p99.9",
					    "max",    "bytes",	"moved", "dropped", "wrong bytes"};
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		return;
	t->columns = 15;
	t->left = 3;
	t->fit = true;
	add_heads(t, heads);
	for (unsigned int i = 0; i < r->nr_runs; i++)
		for (unsigned int k = 0; k < r->run[i].nr_actors; k++)
			add_actor(t, &r->run[i], &r->run[i].actor[k]);
	fputc('\n', out);
	table_print(t, out);
	free(t);
}

static void host(const struct report *r, FILE *out)
{
	char a[TABLE_CELL], b[TABLE_CELL], c[TABLE_CELL];

	fputc('\n', out);
	for (unsigned int i = 0; i < r->nr_runs; i++)
		fprintf(out, "%s: host: %s page faults, at most %s of %s mappings\n",
			job_policy_name(r->run[i].policy), figure_count(a, r->run[i].host_faults),
			figure_count(b, r->run[i].host_mappings_max),
			figure_count(c, r->run[i].host.limit));
	for (unsigned int i = 0; i < r->nr_runs; i++)
		if (r->run[i].readouts)
			fprintf(out, "\n%s, at the end of the work:\n%s",
				job_policy_name(r->run[i].policy), r->run[i].readouts);
}

void report_text(const struct report *r, FILE *out)
{
	heading(r, out);
	if (!r->nr_runs) {
		fprintf(out, "interrupted before the first policy was run\n");
		return;
	}
	comparison(r, out);
	soaked(r, out);
	report_protocol(r, out);
	fputc('\n', out);
	for (unsigned int i = 0; i < r->nr_runs; i++)
		remarks(&r->run[i], out);
	if (r->histogram)
		report_hist(r, out);
	if (r->verbose) {
		actors(r, out);
		host(r, out);
	}
}
