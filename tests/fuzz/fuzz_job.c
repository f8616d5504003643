/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Any bytes as a job file: it is accepted or refused with one line, and what is accepted is in
 * bounds. */
#include <stdlib.h>
#include <string.h>
#include "job.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void check_actor(const struct job_actor *a)
{
	require(a->kind < ACTOR_NR_KINDS && a->name[0] && a->line);
	require(a->threads >= 1 && a->threads <= JOB_MAX_THREADS && a->rate >= 0);
	if (a->kind == ACTOR_DEVICE) {
		require(a->buffers >= 1 && a->buffers <= JOB_MAX_BUFFERS);
		require(a->nr_sizes >= 1 && a->nr_sizes <= JOB_MAX_SIZES);
		require(a->nr_areas >= 1 && a->nr_areas <= JOB_MAX_AREAS);
		require(a->verify >= 0 && a->verify <= 1);
		require(!a->parallel || (a->rate > 0 && a->threads == a->buffers));
		for (unsigned int i = 0; i < a->nr_sizes; i++)
			require(a->buffer_size[i] && !(a->buffer_size[i] & (FH_PAGE_SIZE - 1)));
	} else if (a->size.unit == SIZE_SHARE) {
		require(a->size.share > 0 && a->size.share <= 1);
	} else if (a->size.unit == SIZE_BYTES) {
		require(a->size.bytes);
	}
}

static void check_goals(const struct job *job)
{
	require(job->nr_expect <= JOB_MAX_EXPECT);
	for (unsigned int i = 0; i < job->nr_expect; i++) {
		const struct job_expect *e = &job->expect[i];

		require(e->actor >= -1 && e->actor < (int)job->nr_actors && e->text[0]);
		require(e->metric < NR_METRICS && e->than < EXPECT_NR && e->value >= 0);
		require(job_policy_name(e->policy) != NULL);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct job job;
	static struct boot_config cfg;
	struct why why;
	char *text = malloc(size ? size : 1);

	require(text);
	memcpy(text, data, size);
	if (!job_parse("dir/fuzz.job", text, size, &job, &why)) {
		require(why.text[0] && !strchr(why.text, '\n') && strlen(why.text) < WHY_MAX);
		free(text);
		return 0;
	}
	free(text);
	require(job.nr_policies && job.nr_policies <= JOB_MAX_POLICIES && job.duration_ns);
	require(job.repeat >= 1 && job.repeat <= JOB_MAX_REPEAT && job.nr_areas <= JOB_MAX_AREAS);
	require(job.nr_actors >= 1 && job.nr_actors <= JOB_MAX_ACTORS);
	for (unsigned int i = 0; i < job.nr_actors; i++)
		check_actor(&job.actor[i]);
	check_goals(&job);
	cfg.nr_banks = 1;
	cfg.bank[0].size = 64 << 20;
	cfg.nr_regions = 1;
	cfg.region[0] = (struct boot_region){.name = "a",
					     .size = 4 << 20,
					     .kind = BOOT_REGION_CMA,
					     .flags = BOOT_REGION_CMA_DEFAULT};
	require(job_check(&job, &cfg, &why) != (why.text[0] != '\0'));
	return 0;
}
