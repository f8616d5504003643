/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The tenants of a job in somebody else's machine. */
#include "beside.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "background.h"
#include "run_state.h"

struct beside {
	struct run *run;
	struct run_setup setup;
	struct run_result result;
};

bool beside_load(const char *path, struct job *job, struct why *why)
{
	unsigned int n = 0;

	if (!job_load(path, job, why))
		return false;
	for (unsigned int i = 0; i < job->nr_actors; i++)
		if (job->actor[i].kind != ACTOR_DEVICE)
			job->actor[n++] = job->actor[i];
	job->nr_actors = n;
	/* Goals name actors by number; nobody asks for them here. */
	job->nr_expect = 0;
	job->faults = 0;
	if (!n)
		why_set(why,
			"%s: no tenant in it, expected a section of kind anon, files, pin or "
			"writeback",
			path);
	return n;
}

unsigned int beside_cpus(const struct job *job)
{
	return job_threads(job) + 1;
}

static bool prepare(struct beside *b, const struct boot_config *cfg, struct why *why)
{
	struct hosted_why host_why = {""};
	struct run *run = b->run;
	const struct job *job = b->setup.job;
	int err = 0;

	run->cfg = *cfg;
	run->policy = cfg->policy;
	hosted_swap_delay(b->setup.hosted, job->swap_delay_ns);
	if (job->swap && hosted_swap_open(b->setup.hosted, NULL, job->swap, &host_why))
		why_set(why, "%s", host_why.text);
	else if (job->swap)
		err = fh_swapon(run->m, job->swap >> FH_PAGE_SHIFT);
	if (err)
		why_set(why, "the machine could not be given swap: %s", errno_name(-err));
	if (why->text[0] || !run_make_threads(run, why))
		return false;
	faults_init(&run->faults, hosted_plat(b->setup.hosted), 0, 0);
	run_name_pinners(run);
	return true;
}

struct beside *beside_start(const struct job *job, const struct boot_config *cfg,
			    struct hosted *host, struct fh_machine *m, struct why *why)
{
	struct beside *b = calloc(1, sizeof(*b));
	sigset_t stops, old;
	bool ok;

	why->text[0] = '\0';
	if (b)
		b->run = calloc(1, sizeof(*b->run));
	if (!b || !b->run) {
		free(b);
		why_set(why, "out of memory");
		return NULL;
	}
	b->setup = (struct run_setup){.job = job, .cfg = cfg, .hosted = host};
	b->run->setup = &b->setup;
	b->run->result = &b->result;
	b->run->m = m;
	b->run->beside = true;
	run_init(b->run);
	sigemptyset(&stops);
	sigaddset(&stops, SIGTERM);
	sigaddset(&stops, SIGINT);
	pthread_sigmask(SIG_BLOCK, &stops, &old);
	ok = prepare(b, cfg, why) && run_create_actors(b->run, why) &&
	     background_start(b->run, why) && run_start_threads(b->run, why);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!ok) {
		run_join_threads(b->run);
		(void)beside_end(b);
		return NULL;
	}
	run_fill_phase(b->run);
	run_work(b->run);
	return b;
}

uint64_t beside_end(struct beside *b)
{
	uint64_t wrong = 0;

	run_join_threads(b->run);
	for (unsigned int i = 0; b->run->thread && i < b->run->nr_threads; i++)
		wrong += b->run->thread[i].tally.corrupt_bytes;
	run_free(b->run);
	run_result_free(&b->result);
	free(b);
	return wrong;
}
