/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A job file's sections: inifile.c has split it into lines, job_keys.c reads the keys of each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "job.h"
#include "job_keys.h"
#include "load.h"

static const char *const kind_names[ACTOR_NR_KINDS] = {"device", "anon", "files", "pin",
						       "writeback"};
static const char *const engine_names[] = {"host", "sim", "kernel"};

const char *job_kind_name(enum actor_kind kind)
{
	return kind_names[kind];
}

const char *job_engine_name(enum job_engine engine)
{
	return engine_names[engine];
}

/* From JOB_POLICY_NONE on. */
static const char *const variants[] = {"none", "exchange", "compressed"};

bool job_policy(const char *name, enum cma_policy *policy)
{
	for (unsigned int i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
		if (strcmp(name, variants[i]))
			continue;
		*policy = (enum cma_policy)(JOB_POLICY_NONE + i);
		return true;
	}
	return load_policy(name, policy);
}

const char *job_policy_name(enum cma_policy policy)
{
	return policy < JOB_POLICY_NONE ? load_policy_name(policy)
					: variants[policy - JOB_POLICY_NONE];
}

char *job_policy_list(char *list, size_t size)
{
	list[0] = '\0';
	for (unsigned int i = 0; i < JOB_MAX_POLICIES; i++) {
		size_t at = strlen(list);
		const char *name = job_policy_name((enum cma_policy)i);

		snprintf(list + at, size - at, "%s%s",
			 !i			    ? ""
			 : i + 1 < JOB_MAX_POLICIES ? ", "
						    : " or ",
			 name);
	}
	return list;
}

bool job_engine(const char *name, enum job_engine *engine)
{
	for (unsigned int i = 0; i < sizeof(engine_names) / sizeof(engine_names[0]); i++)
		if (!strcmp(name, engine_names[i])) {
			*engine = (enum job_engine)i;
			return true;
		}
	return false;
}

unsigned int job_threads(const struct job *job)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < job->nr_actors; i++)
		n += job->actor[i].threads;
	return n;
}

static void actor_defaults(struct job_actor *a)
{
	static const double rates[ACTOR_NR_KINDS] = {
		[ACTOR_DEVICE] = 1, [ACTOR_PIN] = 100, [ACTOR_WRITEBACK] = 100};

	a->threads = 1;
	a->rate = rates[a->kind];
	a->lifetime_ns = 100000000;
	a->hold_ns = 3000000;
	a->pages = 1;
	a->verify = 1;
	a->random = 1;
	a->nr_areas = 1;
	a->sets = JOB_MAX_SETS;
	snprintf(a->area[0], sizeof(a->area[0]), "default");
}

/* What two keys say together. */
static bool check_actor(const struct reading *r)
{
	struct job_actor *a = r->a;

	if (a->kind != ACTOR_DEVICE)
		return true;
	if (a->parallel)
		a->threads = a->buffers; /* each asks for one */
	if (a->parallel && !(a->rate > 0))
		why_set(r->why,
			"%s:%u: [%s] parallel: together with rate = max, expected a rate, "
			"so that tenants can move in between two sets",
			r->job->path, a->line, a->name);
	if (a->day && !(a->rate > 0))
		why_set(r->why, "%s:%u: [%s] clock: day together with rate = max, expected a rate",
			r->job->path, a->line, a->name);
	if (a->align && a->mask)
		why_set(r->why, "%s:%u: [%s] align: together with mask, expected only one of them",
			r->job->path, a->align_line, a->name);
	if ((double)a->lifetime_ns / 1e9 * a->rate > JOB_MAX_SETS - 2)
		why_set(r->why,
			"%s:%u: [%s] lifetime: times rate makes %.0f sets at once, expected at "
			"most %d",
			r->job->path, a->lifetime_line ? a->lifetime_line : a->line, a->name,
			(double)a->lifetime_ns / 1e9 * a->rate, JOB_MAX_SETS - 2);
	return !r->why->text[0];
}

/* The kind decides what the other keys mean, wherever in the section it stands. */
static bool read_actor(struct reading *r, const struct ini_entry *header, size_t nr)
{
	struct job_actor *a = r->a;

	snprintf(a->name, sizeof(a->name), "%s", header->section);
	a->line = header->line;
	for (size_t i = 1; i <= nr; i++) {
		r->e = &header[i];
		if (strcmp(r->e->key, "kind"))
			continue;
		if (!job_read_kind(r))
			return false;
		actor_defaults(a);
		return job_read_keys(r, header + 1, nr) && check_actor(r);
	}
	why_set(r->why, "%s:%u: [%s] kind: missing, expected device, anon, files, pin or writeback",
		r->job->path, a->line, a->name);
	return false;
}

static bool read_sections(struct job *job, const struct ini_doc *doc, struct why *why)
{
	bool global = false;
	size_t nr;

	for (size_t i = 0; i < doc->nr; i += nr + 1) {
		const struct ini_entry *header = &doc->entry[i];
		struct reading r = {.job = job, .why = why};

		for (nr = 0; i + nr + 1 < doc->nr && !header[nr + 1].header; nr++)
			;
		if (!strcmp(header->section, "global")) {
			global = true;
			if (!job_read_keys(&r, header + 1, nr))
				return false;
			continue;
		}
		if (job->nr_actors == JOB_MAX_ACTORS) {
			why_set(why, "%s:%u: [%s]: expected at most %d actors", job->path,
				header->line, header->section, JOB_MAX_ACTORS);
			return false;
		}
		r.a = &job->actor[job->nr_actors++];
		if (!read_actor(&r, header, nr))
			return false;
	}
	if (!global)
		why_set(why, "%s: [global]: missing, expected it to name ram or dtb", job->path);
	else if (!job->nr_actors)
		why_set(why, "%s: no actor, expected a section for each beside [global]",
			job->path);
	return !why->text[0];
}

/* A goal of a policy that the job does not run would never be judged. */
static bool check_expect(const struct job *job, struct why *why)
{
	for (unsigned int i = 0; i < job->nr_expect; i++) {
		const struct job_expect *e = &job->expect[i];
		bool runs = false, base = e->metric != METRIC_RUNTIME;

		for (unsigned int p = 0; p < job->nr_policies; p++) {
			runs |= job->policy[p] == e->policy;
			base |= job->policy[p] == e->base;
		}
		if (!runs)
			why_set(why, "%s:%u: [%s] expect: the job does not run policy %s",
				job->path, e->line,
				e->actor < 0 ? "global" : job->actor[e->actor].name,
				job_policy_name(e->policy));
		if (!base)
			why_set(why,
				"%s:%u: [global] expect: runtime is compared with policy %s, "
				"which the job does not run",
				job->path, e->line, job_policy_name(e->base));
	}
	return !why->text[0];
}

#define DAY_NS UINT64_C(86400000000000)

/* What only something else gives a meaning. */
static bool check_company(const struct job *job, struct why *why)
{
	bool compressed = false;

	for (unsigned int p = 0; p < job->nr_policies; p++)
		compressed |= job->policy[p] == JOB_POLICY_COMPRESSED;
	if (job->swap_delay_ns && !job->swap)
		why_set(why, "%s:%u: [global] swap-delay: without swap, expected swap = SIZE, too",
			job->path, job->swap_delay_line);
	else if (job->compress_line && !compressed)
		why_set(why, "%s:%u: [global] compress: the job does not run policy compressed",
			job->path, job->compress_line);
	return !why->text[0];
}

void job_set_clock(struct job *job)
{
	double faster = (double)DAY_NS / (double)job->duration_ns;

	for (unsigned int i = 0; i < job->nr_actors; i++) {
		struct job_actor *a = &job->actor[i];

		if (!a->day)
			continue;
		a->rate *= faster;
		a->lifetime_ns = (uint64_t)((double)a->lifetime_ns / faster);
	}
}

static void all_policies(struct job *job)
{
	for (unsigned int i = 0; i < CMA_NR_POLICIES; i++)
		job->policy[i] = (enum cma_policy)i;
	job->nr_policies = CMA_NR_POLICIES;
}

bool job_parse(const char *path, const char *text, size_t len, struct job *job, struct why *why)
{
	struct ini_doc doc;
	bool ok;

	*job = (struct job){
		.duration_ns = UINT64_C(10000000000),
		.repeat = 1,
		.share = 100,
		.compress = 100,
		.seed = 1,
	};
	all_policies(job);
	snprintf(job->path, sizeof(job->path), "%s", path);
	if (!inifile_parse(path, text, len, &doc, why))
		return false;
	ok = read_sections(job, &doc, why) && check_expect(job, why) && check_company(job, why);
	inifile_free(&doc);
	return ok;
}

bool job_load(const char *path, struct job *job, struct why *why)
{
	size_t len;
	char *text;
	bool ok;

	why->text[0] = '\0';
	if (strlen(path) >= sizeof(job->path)) {
		why_set(why, "%.40s...: the path is longer than %zu", path, sizeof(job->path) - 1);
		return false;
	}
	text = inifile_slurp(path, &len, why);
	if (!text)
		return false;
	ok = job_parse(path, text, len, job, why);
	free(text);
	return ok;
}
