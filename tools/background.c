/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The machine's own threads in a run: reclaim, and what areas do in advance. */
#include "background.h"
#include <time.h>
#include <freehold/cma.h>
#include <freehold/mem.h>
#include "run.h"
#include "run_state.h"
#include "value.h"

/* How long an area may wait for its next step when there was nothing to do. */
#define LOOK_NS 500000

static void *reclaim_main(void *arg)
{
	struct run *run = arg;
	int err = fh_reclaim_background(run->m);

	return err ? run : NULL; /* the hosted platform gives it no reason to refuse */
}

static void *areas_main(void *arg)
{
	struct run *run = arg;

	while (!atomic_load(&run->areas_stop))
		if (!cma_background(run->m))
			nanosleep(&(struct timespec){0, LOOK_NS}, NULL);
	return NULL;
}

static int set_terms(struct cma *cma, void *data)
{
	const struct run *run = data;
	const struct job *job = run->setup->job;
	int err = job->share < 100 ? cma_set_share(cma, job->share) : 0;

	if (!err)
		err = cma_set_exchange(cma, run->policy == JOB_POLICY_EXCHANGE);
	if (!err && run->policy == JOB_POLICY_COMPRESSED)
		err = cma_set_compress(cma, job->compress);
	return err ? err : cma_set_ready(cma, job->ready >> FH_PAGE_SHIFT);
}

bool background_start(struct run *run, struct why *why)
{
	int err = cma_for_each_area(run->m, set_terms, run);

	if (err) {
		why_set(why, "an area could not be given its share, reserve and compression: %s",
			errno_name(-err));
		return false;
	}
	return background_resume(run, why);
}

bool background_resume(struct run *run, struct why *why)
{
	bool ahead = run->setup->job->ready || run->policy == JOB_POLICY_EXCHANGE;

	atomic_store(&run->areas_stop, false);
	run->reclaims = !pthread_create(&run->reclaim, NULL, reclaim_main, run);
	run->prepares = ahead && !pthread_create(&run->areas, NULL, areas_main, run);
	if (!run->reclaims || (ahead && !run->prepares)) {
		why_set(why, "the host refuses a thread for the machine's own work");
		return false;
	}
	return true;
}

void background_stop(struct run *run)
{
	if (run->reclaims) {
		fh_reclaim_stop(run->m);
		pthread_join(run->reclaim, NULL);
	}
	atomic_store(&run->areas_stop, true);
	if (run->prepares)
		pthread_join(run->areas, NULL);
	run->reclaims = run->prepares = false;
}
