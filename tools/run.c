/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The life of one run: a fresh machine, the actors' phases, and the checks at the end. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "background.h"
#include "copyrate.h"
#include "pattern.h"
#include "rest.h"
#include "run_check.h"
#include "run_state.h"

#define SAMPLE_NS UINT64_C(20000000)

static const struct actor_ops *const ops_of[ACTOR_NR_KINDS] = {
	[ACTOR_DEVICE] = &actor_device_ops,	  [ACTOR_ANON] = &actor_anon_ops,
	[ACTOR_FILES] = &actor_files_ops,	  [ACTOR_PIN] = &actor_pin_ops,
	[ACTOR_WRITEBACK] = &actor_writeback_ops,
};

static const struct actor_ops *ops_for(const struct job_actor *spec)
{
	return spec->parallel ? &actor_group_ops : ops_of[spec->kind];
}

static bool interrupted(const struct run *run)
{
	return run->setup->interrupt && atomic_load(run->setup->interrupt);
}

/* ---- threads ---- */

static void stop_all(struct run *run)
{
	pthread_mutex_lock(&run->lock);
	atomic_store(&run->stop, true);
	pthread_cond_broadcast(&run->changed);
	pthread_mutex_unlock(&run->lock);
}

/* The turn goes to the next actor that has threads to fill something; run->lock is held. */
static void next_turn(struct run *run)
{
	do
		run->turn++;
	while (run->turn < run->nr_actors && !run->actor[run->turn].ops->fill);
	if (run->turn < run->nr_actors)
		run->turn_left = run->actor[run->turn].spec->threads;
	pthread_cond_broadcast(&run->changed);
}

static void fill_in_turn(struct actor_thread *t)
{
	struct run *run = t->a->run;

	pthread_mutex_lock(&run->lock);
	while (run->turn != t->a->index && !atomic_load(&run->stop))
		pthread_cond_wait(&run->changed, &run->lock);
	pthread_mutex_unlock(&run->lock);
	if (!atomic_load(&run->stop))
		t->a->ops->fill(t);
	pthread_mutex_lock(&run->lock);
	if (run->turn == t->a->index && !--run->turn_left)
		next_turn(run);
	pthread_mutex_unlock(&run->lock);
}

/* The work is over when the last thread that has a count is. */
static void count_reached(struct run *run)
{
	pthread_mutex_lock(&run->lock);
	if (!--run->counting)
		run->counted_ns = run_now();
	pthread_mutex_unlock(&run->lock);
}

static void *thread_main(void *arg)
{
	struct actor_thread *t = arg;
	struct run *run = t->a->run;
	bool work;

	hosted_cpu_set(t->cpu);
	if (t->a->ops->fill)
		fill_in_turn(t);
	pthread_mutex_lock(&run->lock);
	while (!run->working && !atomic_load(&run->stop))
		pthread_cond_wait(&run->changed, &run->lock);
	work = run->working;
	pthread_mutex_unlock(&run->lock);
	if (work) {
		t->began_ns = run_now();
		if (t->a->spec->kind != ACTOR_DEVICE)
			turn_take(&run->turns);
		t->a->ops->work(t);
		(void)turn_pause(&run->turns);
		if (t->quota && !atomic_load(&run->stop))
			count_reached(run);
	}
	fh_cpu_quiesce(run->m);
	hosted_cpu_set(~0u);
	pthread_mutex_lock(&run->lock);
	rest_begin(run); /* for good */
	pthread_mutex_unlock(&run->lock);
	return NULL;
}

bool run_start_threads(struct run *run, struct why *why)
{
	for (unsigned int i = 0; i < run->nr_threads; i++) {
		struct actor_thread *t = &run->thread[i];

		if (pthread_create(&t->id, NULL, thread_main, t)) {
			why_set(why, "the host refuses a thread for [%s]", t->a->spec->name);
			return false;
		}
		t->started = true;
	}
	return true;
}

void run_join_threads(struct run *run)
{
	stop_all(run);
	background_stop(run);
	for (unsigned int i = 0; run->thread && i < run->nr_threads; i++) {
		if (run->thread[i].started)
			pthread_join(run->thread[i].id, NULL);
		run->thread[i].started = false;
	}
}

/* ---- actors ---- */

/* What a tenant's size comes to, in pages. */
static uint64_t tenant_pages(const struct run *run, const struct job_size *size)
{
	struct fh_mem_info info;
	double pages;

	fh_mem_info(run->m, &info);
	if (size->unit == SIZE_BYTES)
		return (size->bytes + FH_PAGE_SIZE - 1) >> FH_PAGE_SHIFT;
	if (size->unit == SIZE_FILL)
		return info.total;
	pages = (double)info.total * size->share;
	return pages < 1 ? 1 : (uint64_t)pages;
}

#define STRIPE_MAX 512

/* A tenant's pages go to its threads in stripes, so that each has neighbours, and each has some. */
static bool deal_pages(struct run *run, struct actor *a, struct why *why)
{
	const struct job_actor *spec = a->spec;

	a->nr_pages = tenant_pages(run, &spec->size);
	for (a->stripe = STRIPE_MAX; a->stripe > 1 && a->stripe * spec->threads > a->nr_pages;)
		a->stripe /= 2;
	if (spec->kind == ACTOR_DEVICE || a->nr_pages >= spec->threads)
		return true;
	why_set(why, "%s:%u: [%s] threads: found %u, expected no more than pages, which are %llu",
		run->setup->job->path, spec->line, spec->name, spec->threads,
		(unsigned long long)a->nr_pages);
	return false;
}

/* A machine without areas has no devices of areas. */
static bool absent(const struct run *run, const struct job_actor *spec)
{
	return run->policy == JOB_POLICY_NONE && spec->kind == ACTOR_DEVICE;
}

/* A group counts sets, which its first thread takes. */
static uint64_t quota(const struct job_actor *spec, unsigned int thread)
{
	unsigned int sharers = spec->parallel ? 1 : spec->threads;

	return thread < sharers ? (spec->count + sharers - 1 - thread) / sharers : 0;
}

bool run_create_actors(struct run *run, struct why *why)
{
	const struct job *job = run->setup->job;
	struct actor_thread *t = run->thread;

	for (unsigned int i = 0; i < job->nr_actors; i++) {
		struct actor *a = &run->actor[i];

		*a = (struct actor){
			.spec = &job->actor[i],
			.ops = absent(run, &job->actor[i]) ? &actor_absent_ops
							   : ops_for(&job->actor[i]),
			.run = run,
			.m = run->m,
			.index = i,
			.seed = pattern_seed(job->seed, i, run->setup->round),
			.thread = t,
		};
		if (!deal_pages(run, a, why))
			return false;
		for (unsigned int n = 0; n < a->spec->threads; n++, t++) {
			t->a = a;
			t->n = n;
			t->cpu = (unsigned int)(t - run->thread) + 1;
			t->random = pattern_seed(a->seed, n, 1) | 1;
			t->quota = a->ops == &actor_absent_ops ? 0 : quota(a->spec, n);
			run->counting += t->quota != 0;
		}
		run->nr_actors = i + 1;
		if (!a->ops->create(a, why))
			return false;
	}
	return true;
}

void run_destroy_actors(struct run *run)
{
	for (unsigned int i = 0; i < run->nr_actors; i++)
		run->actor[i].ops->destroy(&run->actor[i]);
}

/* ---- what is measured while it runs ---- */

struct sample {
	struct run *run;
	unsigned int area;
	uint64_t lent, idle, allocs, refused;
};

static int sample_area(struct cma *cma, void *data)
{
	struct sample *s = data;
	struct cma_stats stats;
	uint64_t total = cma_get_size(cma) >> FH_PAGE_SHIFT, idle;

	cma_get_stats(cma, &stats);
	idle = stats.used < total ? total - stats.used : 0;
	/* Fields are not of one instant: a page may have changed hands between the two. */
	stats.lent = stats.lent < idle ? stats.lent : idle;
	if (s->area < RUN_MAX_AREAS)
		s->run->area_lent_sum[s->area] += idle ? (double)stats.lent / (double)idle : 0;
	s->area++;
	s->lent += stats.lent;
	s->idle += idle;
	s->allocs += stats.nr_allocs;
	s->refused += stats.nr_fails;
	return 0;
}

static void take_sample(struct run *run, struct run_progress *p)
{
	struct sample s = {.run = run};
	struct hosted_stats host;

	hosted_stats(run->setup->hosted, &host);
	if (host.mappings > run->result->host_mappings_max)
		run->result->host_mappings_max = host.mappings;
	(void)cma_for_each_area(run->m, sample_area, &s);
	p->lent = s.idle ? (double)s.lent / (double)s.idle : 0;
	p->allocs = s.allocs;
	p->refused = s.refused;
	run->lent_sum += p->lent;
	run->nr_samples++;
}

static int area_result(struct cma *cma, void *data)
{
	struct run *run = data;
	struct run_result *r = run->result;
	struct run_area_result *a = &r->area[r->nr_areas];

	snprintf(a->name, sizeof(a->name), "%s", cma_get_name(cma));
	a->bytes = cma_get_size(cma);
	a->lent = run->nr_samples ? run->area_lent_sum[r->nr_areas] / run->nr_samples : 0;
	cma_get_stats(cma, &a->stats);
	r->nr_areas++;
	return r->nr_areas == RUN_MAX_AREAS;
}

static void report(struct run *run, struct run_progress *p)
{
	if (run->setup->progress)
		run->setup->progress(p);
}

/* ---- phases ---- */

static void nap(uint64_t ns)
{
	nanosleep(&(struct timespec){.tv_nsec = (long)ns}, NULL);
}

void run_fill_phase(struct run *run)
{
	struct run_progress p = {.policy = run->policy, .phase = "fill"};
	unsigned int turn = 0;

	run->began_ns = run_now();
	run->reclaimed = run_reclaimed(run->m);
	run->swapped = run_vmstat(run->m, "pswpout");

	pthread_mutex_lock(&run->lock);
	next_turn(run);
	pthread_mutex_unlock(&run->lock);
	while (!interrupted(run)) {
		pthread_mutex_lock(&run->lock);
		turn = run->turn;
		pthread_mutex_unlock(&run->lock);
		if (turn >= run->nr_actors)
			break;
		p.actor = run->actor[turn].spec->name;
		report(run, &p);
		nap(SAMPLE_NS);
	}
}

/* When the last of the counts was reached; 0: not yet, or there is none. */
static uint64_t counted(struct run *run)
{
	uint64_t at;

	pthread_mutex_lock(&run->lock);
	at = run->counted_ns;
	pthread_mutex_unlock(&run->lock);
	return at;
}

void run_work(struct run *run)
{
	pthread_mutex_lock(&run->lock);
	run->working = true;
	pthread_cond_broadcast(&run->changed);
	pthread_mutex_unlock(&run->lock);
}

static void work_phase(struct run *run)
{
	struct run_progress p = {
		.policy = run->policy, .phase = "run", .of_ns = run->setup->job->duration_ns};
	uint64_t filled = run_now() - run->began_ns, began, end;
	uint64_t every = run->setup->job->check_ns;
	bool good = true;

	if (run->setup->job->copy_rate && !interrupted(run))
		copyrate_measure(run->result->copy_ns);
	run->drains = run_vmstat(run->m, "freehold_pcp_drain");
	began = run_now();
	faults_set(&run->faults, true);
	run_work(run);
	while (good && !interrupted(run) && p.at_ns < p.of_ns && !counted(run)) {
		uint64_t left = p.of_ns - p.at_ns;

		nap(left < SAMPLE_NS ? left : SAMPLE_NS);
		take_sample(run, &p);
		p.at_ns = run_now() - began - run->result->paused_ns;
		if (every && p.at_ns / every > p.checks && p.at_ns < p.of_ns) {
			good = check_midway(run);
			p.checks = p.at_ns / every;
			p.faults = faults_failed(&run->faults);
		}
		report(run, &p);
	}
	end = counted(run);
	run->result->duration_ns = (end ? end : run_now()) - began - run->result->paused_ns;
	faults_set(&run->faults, false);
	run->result->round_ns[run->result->nr_rounds++] = filled + run->result->duration_ns;
}

static void collect(struct run *run)
{
	struct run_result *r = run->result;
	struct fh_mem_info info;

	r->nr_actors = run->nr_actors;
	for (unsigned int i = 0; i < run->nr_actors; i++) {
		const struct actor *a = &run->actor[i];

		r->actor[i].spec = a->spec;
		for (unsigned int n = 0; n < a->spec->threads; n++) {
			r->actor[i].filled_bytes += a->thread[n].pages << FH_PAGE_SHIFT;
			r->actor[i].counted += a->thread[n].quota ? a->thread[n].counted : 0;
			tally_merge(&r->actor[i].tally, &a->thread[n].tally);
		}
		r->corrupt_bytes += r->actor[i].tally.corrupt_bytes;
		if (a->ops->collect)
			a->ops->collect(&run->actor[i], &r->actor[i]);
	}
	r->drains = run_vmstat(run->m, "freehold_pcp_drain") - run->drains;
	r->reclaimed = run_reclaimed(run->m) - run->reclaimed;
	for (unsigned int i = 0; i < NR_FAULTS; i++) {
		r->fault[i].calls = atomic_load(&run->faults.calls[i]);
		r->fault[i].failed = atomic_load(&run->faults.failed[i]);
	}
	r->swapped = run_vmstat(run->m, "pswpout") - run->swapped;
	r->compressed = run_vmstat(run->m, "zswpout");
	fh_mem_info(run->m, &info);
	r->pool_pages = info.compressed;
	r->pool_frames = info.compressed_in;
	r->lent = run->nr_samples ? run->lent_sum / run->nr_samples : 0;
	(void)cma_for_each_area(run->m, area_result, run);
}

/* Once with the tenants in place, once when all is given back. */
static void check_phase(struct run *run)
{
	struct run_progress p = {.policy = run->policy, .phase = "check"};
	struct run_result *r = run->result;
	struct hosted_stats before = r->host;

	report(run, &p);
	check_in_place(run);
	if (run->setup->readouts)
		r->readouts = run_read_outs(run->m);
	run_destroy_actors(run);
	run->nr_actors = 0;
	fh_cpu_quiesce(run->m);
	check_given_back(run);
	hosted_stats(run->setup->hosted, &r->host);
	r->host_limit_hits = r->host.limit_hits - before.limit_hits;
	r->host_pages_dropped = r->host.pages_dropped - before.pages_dropped;
	r->host_faults = r->host.faults - before.faults;
}

/* ---- birth and death ---- */

void run_init(struct run *run)
{
	pthread_condattr_t attr;

	run->turn = ~0u; /* nobody's: threads that start may fill nothing yet */
	pthread_mutex_init(&run->lock, NULL);
	pthread_mutex_init(&run->quiet_one, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&run->changed, &attr);
	pthread_condattr_destroy(&attr);
	turns_init(&run->turns, 0);
}

void run_free(struct run *run)
{
	if (run->m) {
		run_destroy_actors(run);
		fh_cpu_quiesce(run->m);
	}
	if (run->m && !run->beside)
		fh_machine_destroy(run->m);
	if (!run->beside)
		hosted_cpu_set(~0u);
	pthread_cond_destroy(&run->changed);
	pthread_mutex_destroy(&run->quiet_one);
	pthread_mutex_destroy(&run->lock);
	turns_fini(&run->turns);
	free(run->thread);
	free(run->held);
	free(run);
}

/* What areas had is ordinary memory. */
static void drop_areas(struct boot_config *cfg)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < cfg->nr_regions; i++)
		if (cfg->region[i].kind != BOOT_REGION_CMA)
			cfg->region[n++] = cfg->region[i];
	cfg->nr_regions = n;
}

bool run_make_threads(struct run *run, struct why *why)
{
	run->nr_threads = job_threads(run->setup->job);
	run->thread = calloc(run->nr_threads, sizeof(*run->thread));
	run->held = calloc((size_t)run->nr_threads * ACTOR_MAX_HELD, sizeof(*run->held));
	if (!run->thread || !run->held)
		why_set(why, "out of memory");
	return run->thread && run->held;
}

/* Names that a machine keeps to its end. */
void run_name_pinners(struct run *run)
{
	const struct job *job = run->setup->job;

	for (unsigned int i = 0; i < job->nr_actors; i++)
		if (job->actor[i].kind == ACTOR_PIN)
			(void)actor_pinner(run->m, &job->actor[i]);
}

static bool make_machine(struct run *run, enum cma_policy policy, struct why *why)
{
	const struct run_setup *s = run->setup;
	int err;

	if (!run_make_threads(run, why))
		return false;
	run->cfg = *s->cfg;
	run->policy = policy;
	if (policy == JOB_POLICY_NONE)
		drop_areas(&run->cfg);
	else
		run->cfg.policy = policy > JOB_POLICY_NONE ? CMA_POLICY_GUARANTEED : policy;
	run->cfg.nr_cpus = s->job->cpus ? s->job->cpus : run->nr_threads + 1;
	hosted_cpu_set(0);
	faults_init(&run->faults, hosted_plat(s->hosted), s->job->faults,
		    pattern_seed(s->job->seed, s->round, NR_FAULTS));
	err = fh_machine_create(s->job->faults ? &run->faults.plat : hosted_plat(s->hosted),
				&run->cfg, &run->m);
	if (err) {
		why_set(why, "the machine could not be made: %s", errno_name(-err));
		return false;
	}
	err = s->job->swap ? fh_swapon(run->m, s->job->swap >> FH_PAGE_SHIFT) : 0;
	if (err)
		why_set(why, "the machine could not be given swap: %s", errno_name(-err));
	run_name_pinners(run);
	run->bytes = atomic_load(&run->faults.bytes);
	return !err;
}

bool run_policy(const struct run_setup *setup, enum cma_policy policy, struct run_result *result,
		struct why *why)
{
	struct run *run = calloc(1, sizeof(*run));
	bool ok;

	why->text[0] = '\0';
	memset(result, 0, sizeof(*result));
	result->policy = policy;
	if (!run) {
		why_set(why, "out of memory");
		return false;
	}
	run->setup = setup;
	run->result = result;
	run_init(run);
	hosted_stats(setup->hosted, &result->host);
	ok = make_machine(run, policy, why) && run_create_actors(run, why) &&
	     background_start(run, why) && run_start_threads(run, why);
	if (ok) {
		run_fill_phase(run);
		work_phase(run);
	}
	run_join_threads(run);
	if (ok) {
		result->interrupted = interrupted(run);
		collect(run);
		check_phase(run);
	}
	run_free(run);
	return ok;
}
