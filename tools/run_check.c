/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The checks of a run: now and then while it works, with the tenants in place, and when all is given back. */
#include "run_check.h"
#include <stdio.h>
#include <string.h>
#include "background.h"
#include "rest.h"
#include "run_state.h"

/* Longer than any call of the core should take, even with a slow host. */
#define REST_LIMIT_NS UINT64_C(60000000000)

static void broken(struct run_result *r, unsigned int n, const char *why)
{
	if (n && !r->invariants)
		snprintf(r->invariants_why, sizeof(r->invariants_why), "%s", why);
	r->invariants += n;
}

static void check(struct run *run)
{
	bool on = atomic_load(&run->faults.on);
	char why[RUN_WHY_MAX] = "";

	faults_set(&run->faults, false); /* the check needs memory, too */
	broken(run->result, fh_check(run->m, why, sizeof(why)), why);
	faults_set(&run->faults, on);
}

static uint64_t wrong_bytes(const struct run *run)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < run->nr_threads; i++)
		n += run->thread[i].tally.corrupt_bytes;
	return n;
}

/* The machine's own threads out of it as well; they may be in a server's write. */
static void check_quiet(struct run *run)
{
	struct why why = {""};

	background_stop(run);
	check(run);
	if (!background_resume(run, &why))
		broken(run->result, 1, why.text);
}

bool check_midway(struct run *run)
{
	uint64_t began = run_now();
	char why[96];
	bool good;

	if (rest_all(run, REST_LIMIT_NS)) {
		check_quiet(run);
	} else {
		snprintf(why, sizeof(why),
			 "%u of %u threads did not come out of the machine in %u s",
			 run->nr_threads - run->resting, run->nr_threads,
			 (unsigned int)(REST_LIMIT_NS / 1000000000));
		broken(run->result, 1, why);
	}
	run->result->checks++;
	good = !run->result->invariants && !wrong_bytes(run);
	rest_over(run);
	run->result->paused_ns += run_now() - began;
	return good;
}

void check_in_place(struct run *run)
{
	check(run);
}

void check_given_back(struct run *run)
{
	struct run_result *r = run->result;
	struct fh_mem_info info;

	check(run);
	fh_mem_info(run->m, &info);
	r->leaked_pages = info.total - info.free;
	r->leaked_bytes = atomic_load(&run->faults.bytes) - run->bytes;
}
