/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Whether a job fits a machine: its areas, its memory, its CPUs. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "job.h"

static uint64_t ram_of(const struct boot_config *cfg)
{
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < cfg->nr_banks; i++)
		bytes += cfg->bank[i].size;
	return bytes;
}

const struct boot_region *job_area(const struct job_actor *a, unsigned int k,
				   const struct boot_config *cfg)
{
	bool any = !strcmp(a->area[k], "default");

	for (unsigned int i = 0; i < cfg->nr_regions; i++) {
		const struct boot_region *r = &cfg->region[i];

		if (r->kind == BOOT_REGION_CMA &&
		    (any ? !!(r->flags & BOOT_REGION_CMA_DEFAULT) : !strcmp(r->name, a->area[k])))
			return r;
	}
	return NULL;
}

static void list_areas(const struct boot_config *cfg, char *list, size_t size)
{
	snprintf(list, size, "none");
	for (unsigned int i = 0, n = 0; i < cfg->nr_regions; i++)
		if (cfg->region[i].kind == BOOT_REGION_CMA) {
			size_t at = n++ ? strlen(list) : 0;

			snprintf(list + at, size - at, "%s%s", at ? ", " : "", cfg->region[i].name);
		}
}

static bool check_device_area(const struct job *job, const struct job_actor *a, unsigned int k,
			      const struct boot_config *cfg, struct why *why)
{
	const struct boot_region *area = job_area(a, k, cfg);
	char list[256];

	if (!area) {
		list_areas(cfg, list, sizeof(list));
		why_set(why,
			"%s:%u: [%s] area: found '%s', expected an area of this machine (%s)%s",
			job->path, a->area_line ? a->area_line : a->line, a->name, a->area[k], list,
			strcmp(a->area[k], "default") ? ""
						      : "; cma= in bootargs makes a default one");
		return false;
	}
	for (unsigned int i = 0; i < a->nr_sizes; i++)
		if (a->buffer_size[i] > area->size) {
			why_set(why,
				"%s:%u: [%s] size: found %" PRIu64
				" bytes, expected at most the area %s"
				" of %" PRIu64 " bytes",
				job->path, a->size_line, a->name, a->buffer_size[i], area->name,
				area->size);
			return false;
		}
	return true;
}

static bool check_device(const struct job *job, const struct job_actor *a,
			 const struct boot_config *cfg, struct why *why)
{
	for (unsigned int k = 0; k < a->nr_areas; k++)
		if (!check_device_area(job, a, k, cfg, why))
			return false;
	return true;
}

/* All of them, and nobody else of that name, are in the machine: a boot drops what finds no room. */
static bool check_areas(const struct job *job, const struct boot_config *cfg, struct why *why)
{
	for (unsigned int i = 0; i < job->nr_areas; i++) {
		unsigned int n = 0;

		for (unsigned int k = 0; k < cfg->nr_regions; k++)
			n += cfg->region[k].size && !strcmp(cfg->region[k].name, job->area[i].name);
		if (n != 1)
			why_set(why, "%s:%u: [global] areas: %s: %s", job->path, job->areas_line,
				job->area[i].name,
				n ? "the device tree has a node of this name, expected another"
				  : "the machine has no room for it");
	}
	return !why->text[0];
}

/* No area can keep more ready than it has. */
static bool check_ready(const struct job *job, const struct boot_config *cfg, struct why *why)
{
	for (unsigned int k = 0; k < cfg->nr_regions; k++) {
		const struct boot_region *area = &cfg->region[k];

		if (area->kind != BOOT_REGION_CMA || job->ready <= area->size)
			continue;
		why_set(why,
			"%s:%u: [global] ready: found %" PRIu64
			" bytes, expected at most the area %s of %" PRIu64 " bytes",
			job->path, job->ready_line, job->ready, area->name, area->size);
		return false;
	}
	return true;
}

/* Names the actor with which there are too many. */
static bool too_many_threads(const struct job *job, struct why *why)
{
	const struct job_actor *a = job->actor;
	unsigned int n = a->threads;

	while (n <= JOB_MAX_THREADS)
		n += (++a)->threads;
	why_set(why, "%s:%u: [%s] threads: makes %u of all actors, expected at most %d", job->path,
		a->threads_line ? a->threads_line : a->line, a->name, n, JOB_MAX_THREADS);
	return false;
}

/* Who has tenants stand still for a set of buffers cannot himself stand still for a check. */
static bool check_quiet(const struct job *job, struct why *why)
{
	for (unsigned int i = 0; i < job->nr_actors && job->check_ns; i++)
		if (job->actor[i].parallel) {
			why_set(why,
				"%s:%u: [%s] parallel: together with check, expected only one of "
				"them",
				job->path, job->actor[i].line, job->actor[i].name);
			return false;
		}
	return true;
}

bool job_check(const struct job *job, const struct boot_config *cfg, struct why *why)
{
	unsigned int threads = job_threads(job);
	uint64_t ram = ram_of(cfg);

	why->text[0] = '\0';
	if (threads > JOB_MAX_THREADS)
		return too_many_threads(job, why);
	if (job->cpus && job->cpus <= threads) {
		why_set(why,
			"%s:%u: [global] cpus: found %u, expected at least %u (one a thread, one "
			"more)",
			job->path, job->cpus_line, job->cpus, threads + 1);
		return false;
	}
	if (!check_quiet(job, why) || !check_areas(job, cfg, why) || !check_ready(job, cfg, why))
		return false;
	for (unsigned int i = 0; i < job->nr_actors; i++) {
		const struct job_actor *a = &job->actor[i];
		uint64_t room = ram + (a->kind == ACTOR_ANON ? job->swap : 0);

		if (a->kind == ACTOR_DEVICE) {
			if (!check_device(job, a, cfg, why))
				return false;
		} else if (a->size.unit == SIZE_BYTES && a->size.bytes > room) {
			why_set(why,
				"%s:%u: [%s] size: found %" PRIu64
				" bytes, expected at most the memory%s of"
				" %" PRIu64 " bytes",
				job->path, a->size_line, a->name, a->size.bytes,
				room > ram ? " and swap" : "", room);
			return false;
		}
	}
	return true;
}
