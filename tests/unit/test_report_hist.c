/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The histograms that `freehold run --histogram` prints, of results that were never run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "t.h"
#include "report.h"

static struct job job;
static struct run_result run[2];
static struct report report = {.job = &job, .run = run, .nr_runs = 2, .histogram = true};
static char *text;

static void make(void)
{
	memset(&job, 0, sizeof(job));
	memset(run, 0, sizeof(run));
	job.nr_actors = 2;
	strcpy(job.actor[0].name, "camera");
	job.actor[0].kind = ACTOR_DEVICE;
	job.actor[0].nr_sizes = 2;
	strcpy(job.actor[1].name, "app");
	job.actor[1].kind = ACTOR_ANON;
	run[0].policy = CMA_POLICY_MOVABLE;
	run[1].policy = JOB_POLICY_NONE; /* has no devices */
	run[0].actor[0].device = calloc(1, sizeof(*run[0].actor[0].device));
	run[0].actor[0].device->size[0].bytes = 4096;
	run[0].actor[0].device->size[1].bytes = 4096 * 1024;
	setenv("COLUMNS", "70", 1);
}

static const char *print(void)
{
	size_t n;
	FILE *out = open_memstream(&text, &n);

	report_hist(&report, out);
	fclose(out);
	return text;
}

static void end(void)
{
	free(text);
	free(run[0].actor[0].device);
}

static void side_by_side(void)
{
	struct hist *h;

	make();
	h = &run[0].actor[0].device->size[1].latency;
	for (unsigned int i = 0; i < 40; i++)
		hist_add(h, 1 << 20);
	hist_add(h, (1 << 20) - 1);
	hist_add(h, 1 << 22);
	for (unsigned int i = 0; i < 10; i++)
		hist_add(&run[0].actor[1].tally.latency, 1000);
	for (unsigned int i = 0; i < 2500; i++)
		hist_add(&run[1].actor[1].tally.latency, 600);
	T_STR(print(), "\n"
		       "camera, buffers of 1,024 pages: how long operations took\n"
		       "    below          movable                       none\n"
		       "  1.05 ms       1 |#                  |         |                   |\n"
		       "  2.10 ms      40 |###################|         |                   |\n"
		       "  4.19 ms         |                   |         |                   |\n"
		       "  8.39 ms       1 |#                  |         |                   |\n"
		       "\n"
		       "app: how long operations took\n"
		       "    below          movable                       none\n"
		       "  1.02 us      10 |#                  |   2,500 |###################|\n");
	end();
}

/* As narrow as it gets, and the largest value there is. */
static void extremes(void)
{
	make();
	setenv("COLUMNS", "5", 1);
	hist_add(&run[0].actor[1].tally.latency, UINT64_MAX);
	hist_add(&run[1].actor[1].tally.latency, UINT64_MAX);
	T_OK(strstr(print(), "       1 |########|       1 |########|\n"), text);
	end();
}

/* Who measured nothing has none. */
static void nothing(void)
{
	make();
	T_STR(print(), "");
	end();
}

const struct t_case t_cases[] = {T(side_by_side), T(extremes), T(nothing), T_END};
