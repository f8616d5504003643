/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Histograms of latencies as text: a line a power of two of nanoseconds, the policies side by side. */
#include <inttypes.h>
#include <string.h>
#include "report.h"
#include "table.h"

#define EDGE	 9 /* "up to" and what stands below it */
#define COUNT	 7
#define BAR_MAX	 40
#define BAR_MIN	 8
#define MAX_RUNS JOB_MAX_POLICIES

/* One histogram under each policy; NULL: it was not measured there. */
struct side_by_side {
	const struct report *r;
	const struct hist *h[MAX_RUNS];
	uint64_t count[MAX_RUNS][HIST_OCTAVES];
	unsigned int first, end; /* the octaves that are shown */
	uint64_t most;		 /* in one of them */
	int bar;
};

static void take(struct side_by_side *s)
{
	s->first = HIST_OCTAVES;
	s->end = 0;
	s->most = 0;
	for (unsigned int i = 0; i < s->r->nr_runs; i++) {
		memset(s->count[i], 0, sizeof(s->count[i]));
		if (s->h[i])
			hist_octaves(s->h[i], s->count[i]);
		for (unsigned int k = 0; k < HIST_OCTAVES; k++) {
			if (!s->count[i][k])
				continue;
			s->first = k < s->first ? k : s->first;
			s->end = k + 1 > s->end ? k + 1 : s->end;
			s->most = s->count[i][k] > s->most ? s->count[i][k] : s->most;
		}
	}
}

/* What is there is seen: one call of thousands has a mark, too. */
static int bar_length(const struct side_by_side *s, uint64_t n)
{
	return (int)(((double)n * s->bar + (double)s->most - 1) / (double)s->most);
}

static void line(const struct side_by_side *s, unsigned int octave, FILE *out)
{
	static const char bar[] = "########################################";
	uint64_t max = hist_octave_max(octave);
	char text[TABLE_CELL];

	fprintf(out, "%*s", EDGE, figure_time(text, max == UINT64_MAX ? max : max + 1));
	for (unsigned int i = 0; i < s->r->nr_runs; i++) {
		uint64_t n = s->count[i][octave];
		int length = bar_length(s, n);

		fprintf(out, " %*s |%.*s%*s|", COUNT, n ? figure_short(text, n) : "", length, bar,
			s->bar - length, "");
	}
	fputc('\n', out);
}

static void print(struct side_by_side *s, const char *actor, const char *pages, FILE *out)
{
	unsigned int n = s->r->nr_runs;
	int room = table_line_width(out) - EDGE;

	take(s);
	if (!s->most)
		return;
	s->bar = room / (int)n - COUNT - 4;
	s->bar = s->bar > BAR_MAX ? BAR_MAX : s->bar < BAR_MIN ? BAR_MIN : s->bar;
	fprintf(out, "\n%s%s: how long operations took\n%*s", actor, pages, EDGE, "below");
	for (unsigned int i = 0; i < n; i++)
		fprintf(out, " %*s  %-*s", COUNT, "", i + 1 < n ? s->bar + 1 : 0,
			job_policy_name(s->r->run[i].policy));
	fputc('\n', out);
	for (unsigned int k = s->first; k < s->end; k++)
		line(s, k, out);
}

static void of_actor(struct side_by_side *s, unsigned int actor, FILE *out)
{
	for (unsigned int i = 0; i < s->r->nr_runs; i++)
		s->h[i] = &s->r->run[i].actor[actor].tally.latency;
	print(s, s->r->job->actor[actor].name, "", out);
}

static void of_size(struct side_by_side *s, unsigned int actor, unsigned int size, FILE *out)
{
	const struct run_device_result *d;
	char text[2 * TABLE_CELL], pages[TABLE_CELL];
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < s->r->nr_runs; i++) {
		d = s->r->run[i].actor[actor].device;
		s->h[i] = d ? &d->size[size].latency : NULL;
		bytes = d ? d->size[size].bytes : bytes;
	}
	snprintf(text, sizeof(text), ", buffers of %s page%s",
		 figure_count(pages, bytes >> FH_PAGE_SHIFT),
		 bytes >> FH_PAGE_SHIFT == 1 ? "" : "s");
	print(s, s->r->job->actor[actor].name, text, out);
}

void report_hist(const struct report *r, FILE *out)
{
	static struct side_by_side s; /* large for a stack */

	s.r = r;
	for (unsigned int i = 0; i < r->job->nr_actors; i++) {
		const struct job_actor *a = &r->job->actor[i];

		if (a->kind != ACTOR_DEVICE || a->nr_sizes < 2)
			of_actor(&s, i, out);
		else
			for (unsigned int k = 0; k < a->nr_sizes; k++)
				of_size(&s, i, k, out);
	}
}
