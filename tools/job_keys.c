/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The keys of a job file: which sections have them, and how each value is read. Nothing is clamped or
 * guessed: what is not understood is named, with what was expected.
 */
#include <stdio.h>
#include <string.h>
#include "job_keys.h"
#include "value.h"

#define BLOCK_SIZE ((uint64_t)FH_BLOCK_PAGES << FH_PAGE_SHIFT)

bool job_wrong(const struct reading *r, const char *expected)
{
	why_set(r->why, "%s:%u: [%s] %s: found '%.100s', expected %s", r->job->path, r->e->line,
		r->e->section, r->e->key, r->e->value, expected);
	return false;
}

/* ---- values that several keys share ---- */

static bool read_count(const struct reading *r, unsigned int *n, unsigned int max)
{
	uint64_t v;
	char expected[64];

	if (value_number(r->e->value, &v) && v && v <= max) {
		*n = (unsigned int)v;
		return true;
	}
	snprintf(expected, sizeof(expected), "a number from 1 to %u", max);
	return job_wrong(r, expected);
}

static bool read_duration(const struct reading *r, uint64_t *ns)
{
	uint64_t v;

	if (!value_time(r->e->value, &v) || v > UINT64_C(86400) * 1000000000)
		return job_wrong(r, "a time of at most 86400s, such as 500us, 3ms or 1.5s");
	*ns = v;
	return true;
}

static bool read_text(const struct reading *r, char *to, size_t size, const char *what)
{
	if (r->e->value[0] && strlen(r->e->value) < size) {
		snprintf(to, size, "%s", r->e->value);
		return true;
	}
	return job_wrong(r, what);
}

static bool read_flag(const struct reading *r, bool *flag)
{
	*flag = !strcmp(r->e->value, "yes");
	return *flag || !strcmp(r->e->value, "no") ? true : job_wrong(r, "yes or no");
}

/* ---- keys of [global] ---- */

static bool read_ram(const struct reading *r)
{
	r->job->ram_line = r->e->line;
	if (value_size(r->e->value, &r->job->ram) && r->job->ram &&
	    !(r->job->ram & (FH_PAGE_SIZE - 1)))
		return true;
	return job_wrong(r, "a size in whole pages, such as 512M or 3G");
}

/* Lines of an INI file are short and command lines long: several lines are joined with blanks. */
static bool read_bootargs(const struct reading *r)
{
	char *to = r->job->bootargs;
	size_t have = strlen(to), more = strlen(r->e->value);

	if (have + more + 2 > sizeof(r->job->bootargs))
		return job_wrong(r, "a command line below 2048 characters, all lines together");
	r->job->has_bootargs = true;
	r->job->bootargs_line = r->e->line;
	snprintf(to + have, sizeof(r->job->bootargs) - have, "%s%s", have ? " " : "", r->e->value);
	return true;
}

static bool read_dtb(const struct reading *r)
{
	const char *slash = strrchr(r->job->path, '/'), *file = r->e->value;
	int folder = slash && file[0] != '/' ? (int)(slash + 1 - r->job->path) : 0;
	int n = snprintf(r->job->dtb, sizeof(r->job->dtb), "%.*s%s", folder, r->job->path, file);

	r->job->dtb_line = r->e->line;
	if (file[0] && n > 0 && (size_t)n < sizeof(r->job->dtb))
		return true;
	return job_wrong(r, "a device tree's path (.dts or .dtb), relative to the job file");
}

static bool read_policies(const struct reading *r)
{
	char text[128], list[96], expected[128], *save = NULL;
	struct job *job = r->job;

	job->nr_policies = 0;
	snprintf(expected, sizeof(expected), "policies among %s",
		 job_policy_list(list, sizeof(list)));
	if (!read_text(r, text, sizeof(text), expected))
		return false;
	for (char *t = strtok_r(text, ", \t", &save); t; t = strtok_r(NULL, ", \t", &save)) {
		enum cma_policy p;

		if (!job_policy(t, &p))
			return job_wrong(r, expected);
		for (unsigned int i = 0; i < job->nr_policies; i++)
			if (job->policy[i] == p)
				return job_wrong(r, "each policy once");
		job->policy[job->nr_policies++] = p;
	}
	return job->nr_policies ? true : job_wrong(r, "at least one policy");
}

/* A name that Linux could show, and that is neither a keyword nor what cma= is called. */
static bool area_name(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_,@-");

	return n && !s[n] && n < CMA_MAX_NAME && strcmp(s, "default") && strcmp(s, "reserved");
}

static bool read_areas(const struct reading *r)
{
	static const char expected[] =
		"one to 8 of NAME:SIZE, whole blocks of 2M, such as isp:64M vpu:128M";
	char text[256], *save = NULL;
	struct job *job = r->job;

	job->areas_line = r->e->line;
	if (!read_text(r, text, sizeof(text), expected))
		return false;
	for (char *t = strtok_r(text, " \t", &save); t; t = strtok_r(NULL, " \t", &save)) {
		struct job_area *a = &job->area[job->nr_areas];
		char *size = strchr(t, ':');

		if (!size || job->nr_areas == JOB_MAX_AREAS)
			return job_wrong(r, expected);
		*size++ = '\0';
		if (!area_name(t) || !value_size(size, &a->bytes) || !a->bytes ||
		    a->bytes % BLOCK_SIZE)
			return job_wrong(r, expected);
		for (unsigned int i = 0; i < job->nr_areas; i++)
			if (!strcmp(job->area[i].name, t))
				return job_wrong(r, "each name once");
		snprintf(a->name, sizeof(a->name), "%s", t);
		job->nr_areas++;
	}
	return job->nr_areas ? true : job_wrong(r, expected);
}

static bool read_repeat(const struct reading *r)
{
	return read_count(r, &r->job->repeat, JOB_MAX_REPEAT);
}

static bool read_copy_rate(const struct reading *r)
{
	return read_flag(r, &r->job->copy_rate);
}

static bool read_run_duration(const struct reading *r)
{
	if (!read_duration(r, &r->job->duration_ns))
		return false;
	return r->job->duration_ns ? true : job_wrong(r, "a time above 0");
}

static bool read_seed(const struct reading *r)
{
	return value_number(r->e->value, &r->job->seed)
		       ? true
		       : job_wrong(r, "a number of at most 64 bits");
}

static bool read_cpus(const struct reading *r)
{
	r->job->cpus_line = r->e->line;
	return read_count(r, &r->job->cpus, JOB_MAX_THREADS + 1);
}

static bool read_swap(const struct reading *r)
{
	uint64_t *v = &r->job->swap;

	/* fh_swapon() counts pages in 32 bits. */
	if (value_size(r->e->value, v) && !(*v & (FH_PAGE_SIZE - 1)) && *v <= (uint64_t)8 << 40)
		return true;
	return job_wrong(r, "a size in whole pages of at most 8T, such as 512M, or 0 for none");
}

static bool read_swap_delay(const struct reading *r)
{
	r->job->swap_delay_line = r->e->line;
	return read_duration(r, &r->job->swap_delay_ns);
}

static bool read_faults(const struct reading *r)
{
	return value_one_in(r->e->value, &r->job->faults)
		       ? true
		       : job_wrong(r, "one in so many, from 1/2 to 1/4294967295, or 0 for none");
}

static bool read_check(const struct reading *r)
{
	return read_duration(r, &r->job->check_ns);
}

static bool read_ready(const struct reading *r)
{
	uint64_t *v = &r->job->ready;

	r->job->ready_line = r->e->line;
	if (value_size(r->e->value, v) && !(*v & (FH_PAGE_SIZE - 1)))
		return true;
	return job_wrong(r, "a size in whole pages, such as 16M, or 0 for none");
}

static bool read_percent(const struct reading *r, unsigned int *percent)
{
	double share;

	if (!value_share(r->e->value, &share) || share * 100 != (unsigned int)(share * 100))
		return job_wrong(r, "whole percents of an area, such as 50%");
	*percent = (unsigned int)(share * 100);
	return true;
}

static bool read_share(const struct reading *r)
{
	return read_percent(r, &r->job->share);
}

static bool read_compress(const struct reading *r)
{
	r->job->compress_line = r->e->line;
	return read_percent(r, &r->job->compress);
}

static bool read_engine(const struct reading *r)
{
	return job_engine(r->e->value, &r->job->engine) ? true
							: job_wrong(r, "host, sim or kernel");
}

/* ---- keys of actors ---- */

bool job_read_kind(const struct reading *r)
{
	for (unsigned int i = 0; i < ACTOR_NR_KINDS; i++)
		if (!strcmp(r->e->value, job_kind_name((enum actor_kind)i))) {
			r->a->kind = (enum actor_kind)i;
			return true;
		}
	return job_wrong(r, "device, anon, files, pin or writeback");
}

static bool read_buffers(const struct reading *r)
{
	return read_count(r, &r->a->buffers, JOB_MAX_BUFFERS);
}

static bool read_buffer_sizes(const struct reading *r)
{
	static const char expected[] = "one to 8 sizes, such as 12M, 512pg or 1080p:nv12";
	char text[256], *save = NULL;
	struct job_actor *a = r->a;

	a->nr_sizes = 0;
	if (!read_text(r, text, sizeof(text), expected))
		return false;
	for (char *t = strtok_r(text, ", \t", &save); t; t = strtok_r(NULL, ", \t", &save)) {
		uint64_t v;

		if (a->nr_sizes == JOB_MAX_SIZES ||
		    (!value_frame(t, &v) && !value_size(t, &v) && !value_pages(t, &v)) || !v)
			return job_wrong(r, expected);
		if (v > UINT64_MAX - FH_PAGE_SIZE)
			return job_wrong(r, "sizes that fit 64 bits");
		a->buffer_size[a->nr_sizes++] = (v + FH_PAGE_SIZE - 1) & ~(FH_PAGE_SIZE - 1);
	}
	return a->nr_sizes ? true : job_wrong(r, expected);
}

static bool read_tenant_size(const struct reading *r)
{
	struct job_size *s = &r->a->size;
	bool may_fill = r->a->kind == ACTOR_ANON || r->a->kind == ACTOR_FILES;

	*s = (struct job_size){.unit = SIZE_FILL};
	if (!strcmp(r->e->value, "fill") && may_fill)
		return true;
	s->unit = SIZE_SHARE;
	if (value_share(r->e->value, &s->share) && s->share > 0)
		return true;
	s->unit = SIZE_BYTES;
	if (value_size(r->e->value, &s->bytes) && s->bytes)
		return true;
	return job_wrong(
		r, may_fill ? "a size, such as 64M, a share of the memory, such as 30%, or fill"
			    : "a size, such as 64M, or a share of the memory, such as 2%");
}

static bool read_size(const struct reading *r)
{
	r->a->size_line = r->e->line;
	return r->a->kind == ACTOR_DEVICE ? read_buffer_sizes(r) : read_tenant_size(r);
}

static bool read_rate(const struct reading *r)
{
	if (r->a->kind == ACTOR_DEVICE && !strcmp(r->e->value, "max")) {
		r->a->rate = 0;
		return true;
	}
	return value_rate(r->e->value, &r->a->rate)
		       ? true
		       : job_wrong(r, "how often, above 0, such as 0.5, 25/s, 2/min or 1440/day");
}

static bool read_lifetime(const struct reading *r)
{
	r->a->lifetime_line = r->e->line;
	return read_duration(r, &r->a->lifetime_ns);
}

static bool read_mask(const struct reading *r)
{
	return read_count(r, &r->a->mask, 64);
}

static bool read_align(const struct reading *r)
{
	uint64_t *v = &r->a->align;

	r->a->align_line = r->e->line;
	if (value_size(r->e->value, v) && *v >= FH_PAGE_SIZE && *v <= FH_PAGE_SIZE << 20 &&
	    !(*v & (*v - 1)))
		return true;
	return job_wrong(r, "a power of two from 4K to 4G");
}

static bool read_area(const struct reading *r)
{
	static const char expected[] = "default or an area's name, or up to 8 of them";
	char text[256], *save = NULL;
	struct job_actor *a = r->a;

	a->area_line = r->e->line;
	a->nr_areas = 0;
	if (!read_text(r, text, sizeof(text), expected))
		return false;
	for (char *t = strtok_r(text, " \t", &save); t; t = strtok_r(NULL, " \t", &save)) {
		if (a->nr_areas == JOB_MAX_AREAS || strlen(t) >= sizeof(a->area[0]))
			return job_wrong(r, expected);
		snprintf(a->area[a->nr_areas++], sizeof(a->area[0]), "%s", t);
	}
	return a->nr_areas ? true : job_wrong(r, expected);
}

static bool read_call(const struct reading *r)
{
	r->a->raw = !strcmp(r->e->value, "cma_alloc");
	if (r->a->raw || !strcmp(r->e->value, "dma_alloc_coherent"))
		return true;
	return job_wrong(r, "dma_alloc_coherent or cma_alloc");
}

static bool read_sets(const struct reading *r)
{
	return read_count(r, &r->a->sets, JOB_MAX_SETS);
}

static bool read_clock(const struct reading *r)
{
	r->a->day = !strcmp(r->e->value, "day");
	return r->a->day || !strcmp(r->e->value, "real") ? true : job_wrong(r, "real or day");
}

static bool read_parallel(const struct reading *r)
{
	return read_flag(r, &r->a->parallel);
}

static bool read_verify(const struct reading *r)
{
	return value_share(r->e->value, &r->a->verify)
		       ? true
		       : job_wrong(r, "a share of the buffers, such as 10%");
}

static bool read_actor_count(const struct reading *r)
{
	if (value_number(r->e->value, &r->a->count) && r->a->count &&
	    r->a->count <= UINT64_C(1) << 40)
		return true;
	return job_wrong(r, "a number from 1 to 2^40");
}

static bool read_threads(const struct reading *r)
{
	r->a->threads_line = r->e->line;
	return read_count(r, &r->a->threads, JOB_MAX_THREADS);
}

static bool read_access(const struct reading *r)
{
	r->a->sequential = !strcmp(r->e->value, "sequential");
	if (r->a->sequential || !strcmp(r->e->value, "random"))
		return true;
	return job_wrong(r, "random or sequential");
}

static bool read_punch(const struct reading *r)
{
	return value_share(r->e->value, &r->a->punch)
		       ? true
		       : job_wrong(r, "a share of the visits, such as 1%");
}

static bool read_random(const struct reading *r)
{
	return value_share(r->e->value, &r->a->random)
		       ? true
		       : job_wrong(r, "a share of each page, such as 35%");
}

static bool read_churn(const struct reading *r)
{
	return read_flag(r, &r->a->churn);
}

static bool read_needs(const struct reading *r)
{
	if (value_size(r->e->value, &r->a->needs) && r->a->needs &&
	    r->a->needs <= UINT64_C(1) << 30)
		return true;
	return job_wrong(r, "a size up to 1G, such as 256K");
}

static bool read_paths(const struct reading *r)
{
	return read_text(r, r->a->paths, sizeof(r->a->paths), "folders with ':' between them");
}

static bool read_dir(const struct reading *r)
{
	return read_text(r, r->a->paths, sizeof(r->a->paths), "a folder");
}

static bool read_pages(const struct reading *r)
{
	return read_count(r, &r->a->pages, JOB_MAX_PIN);
}

static bool read_hold(const struct reading *r)
{
	return read_duration(r, &r->a->hold_ns);
}

static bool read_delay(const struct reading *r)
{
	return read_duration(r, &r->a->delay_ns);
}

/* ---- the table of keys ---- */

#define IN_GLOBAL	 1u
#define IN(kind)	 (2u << ACTOR_##kind)
#define IN_TENANTS	 (IN(ANON) | IN(FILES) | IN(PIN) | IN(WRITEBACK))
#define IN_ACTORS	 (IN(DEVICE) | IN_TENANTS)
#define NEEDED(sections) ((sections) << 8) /* there is no default */
#define MANY		 (1u << 16)	   /* may stand there more than once */

static const struct key {
	const char *name;
	unsigned int where;
	bool (*read)(const struct reading *r);
} keys[] = {
	{"ram", IN_GLOBAL, read_ram},
	{"bootargs", IN_GLOBAL | MANY, read_bootargs},
	{"dtb", IN_GLOBAL, read_dtb},
	{"areas", IN_GLOBAL, read_areas},
	{"policies", IN_GLOBAL, read_policies},
	{"duration", IN_GLOBAL, read_run_duration},
	{"repeat", IN_GLOBAL, read_repeat},
	{"copy-rate", IN_GLOBAL, read_copy_rate},
	{"seed", IN_GLOBAL, read_seed},
	{"cpus", IN_GLOBAL, read_cpus},
	{"swap", IN_GLOBAL, read_swap},
	{"swap-delay", IN_GLOBAL, read_swap_delay},
	{"share", IN_GLOBAL, read_share},
	{"ready", IN_GLOBAL, read_ready},
	{"compress", IN_GLOBAL, read_compress},
	{"faults", IN_GLOBAL, read_faults},
	{"check", IN_GLOBAL, read_check},
	{"engine", IN_GLOBAL, read_engine},
	{"kind", IN_ACTORS | NEEDED(IN_ACTORS), job_read_kind},
	{"size", IN_ACTORS | NEEDED(IN_ACTORS), read_size},
	{"rate", IN_ACTORS, read_rate},
	{"count", IN_ACTORS, read_actor_count},
	{"buffers", IN(DEVICE) | NEEDED(IN(DEVICE)), read_buffers},
	{"lifetime", IN(DEVICE), read_lifetime},
	{"sets", IN(DEVICE), read_sets},
	{"clock", IN(DEVICE), read_clock},
	{"mask", IN(DEVICE), read_mask},
	{"align", IN(DEVICE), read_align},
	{"area", IN(DEVICE), read_area},
	{"call", IN(DEVICE), read_call},
	{"parallel", IN(DEVICE), read_parallel},
	{"verify", IN(DEVICE), read_verify},
	{"threads", IN_TENANTS, read_threads},
	{"access", IN(ANON) | IN(FILES), read_access},
	{"punch", IN(ANON) | IN(PIN) | IN(WRITEBACK), read_punch},
	{"random", IN(ANON), read_random},
	{"churn", IN(ANON) | IN(FILES), read_churn},
	{"paths", IN(FILES) | NEEDED(IN(FILES)), read_paths},
	{"pages", IN(PIN), read_pages},
	{"hold", IN(PIN), read_hold},
	{"dir", IN(WRITEBACK), read_dir},
	{"delay", IN(WRITEBACK), read_delay},
	{"needs", IN(WRITEBACK), read_needs},
	{"expect", IN_GLOBAL | IN(DEVICE) | MANY, job_read_expect},
};

#define NR_KEYS (sizeof(keys) / sizeof(keys[0]))

static unsigned int section_bit(const struct reading *r)
{
	return r->a ? 2u << r->a->kind : IN_GLOBAL;
}

/* Names the keys that the section may have. */
static bool unknown_key(const struct reading *r)
{
	char list[256] = "";
	unsigned int bit = section_bit(r);

	for (size_t i = 0; i < NR_KEYS; i++)
		if (keys[i].where & bit) {
			size_t n = strlen(list);

			snprintf(list + n, sizeof(list) - n, "%s%s", n ? ", " : "", keys[i].name);
		}
	why_set(r->why, "%s:%u: [%s] %s: no such key%s%s, expected one of %s", r->job->path,
		r->e->line, r->e->section, r->e->key, r->a ? " of kind " : "",
		r->a ? job_kind_name(r->a->kind) : "", list);
	return false;
}

bool job_read_keys(struct reading *r, const struct ini_entry *e, size_t nr)
{
	unsigned int line[NR_KEYS] = {0}, bit = section_bit(r);

	for (size_t i = 0; i < nr; i++) {
		size_t k = 0;

		r->e = &e[i];
		while (k < NR_KEYS && (strcmp(keys[k].name, e[i].key) || !(keys[k].where & bit)))
			k++;
		if (k == NR_KEYS)
			return unknown_key(r);
		if (line[k] && !(keys[k].where & MANY)) {
			why_set(r->why, "%s:%u: [%s] %s: again, the first is on line %u",
				r->job->path, e[i].line, e[i].section, e[i].key, line[k]);
			return false;
		}
		line[k] = e[i].line;
		if (!keys[k].read(r))
			return false;
	}
	for (size_t k = 0; k < NR_KEYS && r->a; k++)
		if (!line[k] && keys[k].where & NEEDED(bit)) {
			why_set(r->why, "%s:%u: [%s] %s: missing, kind %s needs it", r->job->path,
				r->a->line, r->a->name, keys[k].name, job_kind_name(r->a->kind));
			return false;
		}
	return true;
}
