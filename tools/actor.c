/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the engine offers to actors: time, pace, their share of pages, and the books they keep. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <freehold/object.h>
#include "rest.h"
#include "run_state.h"

#define NS_PER_S     UINT64_C(1000000000)
#define SLEEP_MIN    UINT64_C(1000000)	 /* less is not worth a sleep */
#define BEHIND_MAX   UINT64_C(100000000) /* what was missed by more is not made up for */
#define FULL_DIVISOR 64			 /* free memory below 1/64 counts as none */

uint64_t run_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

bool actor_stopping(const struct actor *a)
{
	return atomic_load_explicit(&a->run->stop, memory_order_relaxed);
}

bool actor_sleep(struct actor *a, uint64_t until)
{
	struct timespec at = {.tv_sec = (time_t)(until / NS_PER_S),
			      .tv_nsec = (long)(until % NS_PER_S)};
	struct run *run = a->run;
	bool turn = turn_pause(&run->turns);

	pthread_mutex_lock(&run->lock);
	rest_begin(run);
	while (!actor_stopping(a) && run_now() < until)
		pthread_cond_timedwait(&run->changed, &run->lock, &at);
	rest_end(run);
	pthread_mutex_unlock(&run->lock);
	turn_resume(&run->turns, turn);
	return !actor_stopping(a);
}

void actor_delay(struct actor *a, uint64_t until)
{
	struct timespec at = {.tv_sec = (time_t)(until / NS_PER_S),
			      .tv_nsec = (long)(until % NS_PER_S)};
	struct run *run = a->run;
	bool turn = turn_pause(&run->turns);

	pthread_mutex_lock(&run->lock);
	while (!actor_stopping(a) && !atomic_load(&run->rest) && run_now() < until)
		pthread_cond_timedwait(&run->changed, &run->lock, &at);
	pthread_mutex_unlock(&run->lock);
	turn_resume(&run->turns, turn);
}

static void stand_still(struct run *run)
{
	bool turn = turn_pause(&run->turns);

	pthread_mutex_lock(&run->lock);
	rest_begin(run);
	while (atomic_load(&run->quiet) && !atomic_load(&run->stop))
		pthread_cond_wait(&run->changed, &run->lock);
	rest_end(run);
	pthread_mutex_unlock(&run->lock);
	if (turn)
		turn_take(&run->turns);
}

void actor_quiet(struct actor *a, bool quiet)
{
	struct run *run = a->run;

	if (quiet)
		pthread_mutex_lock(&run->quiet_one);
	pthread_mutex_lock(&run->lock);
	atomic_store(&run->quiet, quiet);
	pthread_cond_broadcast(&run->changed);
	pthread_mutex_unlock(&run->lock);
	if (!quiet)
		pthread_mutex_unlock(&run->quiet_one);
}

bool actor_pace(struct actor_thread *t)
{
	const struct job_actor *spec = t->a->spec;
	double rate = spec->rate / spec->threads;
	uint64_t due, now;

	if (atomic_load_explicit(&t->a->run->quiet, memory_order_relaxed) ||
	    atomic_load_explicit(&t->a->run->rest, memory_order_relaxed))
		stand_still(t->a->run);
	turn_over(&t->a->run->turns);
	if (actor_stopping(t->a) || (t->quota && t->counted == t->quota))
		return false;
	t->counted++;
	if (!(spec->rate > 0))
		return true;
	due = t->began_ns + (uint64_t)((double)t->paced_ops++ / rate * 1e9);
	now = run_now();
	if (now > due + BEHIND_MAX)
		t->began_ns += now - due;
	return due < now + SLEEP_MIN ? true : actor_sleep(t->a, due);
}

bool actor_memory_full(const struct actor *a)
{
	struct fh_mem_info info;

	fh_mem_info(a->m, &info);
	if (a->run->policy == CMA_POLICY_CARVEOUT)
		info.free -= info.cma_free < info.free ? info.cma_free : info.free;
	return info.free < info.total / FULL_DIVISOR;
}

struct faults *actor_faults(const struct actor *a)
{
	return &a->run->faults;
}

struct hosted *actor_hosted(const struct actor *a)
{
	return a->run->setup->hosted;
}

bool actor_page(const struct actor_thread *t, uint64_t k, uint64_t *page)
{
	uint64_t size = t->a->stripe, stripe = k / size * t->a->spec->threads + t->n;

	*page = stripe * size + k % size;
	return *page < t->a->nr_pages;
}

/* ---- books ---- */

void tally_failed(struct tally *t, int err)
{
	for (unsigned int i = 0; i < RUN_MAX_ERRNOS; i++)
		if (!t->failure[i].err || t->failure[i].err == -err) {
			t->failure[i].err = -err;
			t->failure[i].n++;
			return;
		}
}

void tally_done(struct tally *t, uint64_t start)
{
	t->ops++;
	hist_add(&t->latency, run_now() - start);
}

const char *errno_name(int err)
{
	static const struct {
		int err;
		const char *name;
	} names[] = {{FH_EPERM, "EPERM"},	  {FH_ENOENT, "ENOENT"},
		     {FH_EINTR, "EINTR"},	  {FH_EIO, "EIO"},
		     {FH_EAGAIN, "EAGAIN"},	  {FH_ENOMEM, "ENOMEM"},
		     {FH_EFAULT, "EFAULT"},	  {FH_EBUSY, "EBUSY"},
		     {FH_EEXIST, "EEXIST"},	  {FH_EINVAL, "EINVAL"},
		     {FH_ENOSPC, "ENOSPC"},	  {FH_ERANGE, "ERANGE"},
		     {FH_EOVERFLOW, "EOVERFLOW"}, {FH_ETIMEDOUT, "ETIMEDOUT"}};
	const char *name = strerrorname_np(err);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].err == err)
			return names[i].name;
	return name ? name : "unknown";
}

/* ---- who is in the way ---- */

static struct held *held_slot(struct actor_thread *t, unsigned int slot)
{
	return &t->a->run->held[(t - t->a->run->thread) * ACTOR_MAX_HELD + slot];
}

void actor_hold(struct actor_thread *t, unsigned int slot, pfn_t pfn)
{
	struct held *h = held_slot(t, slot);

	atomic_store_explicit(&h->since_ns, run_now(), memory_order_relaxed);
	atomic_store_explicit(&h->pfn, pfn, memory_order_release);
}

void actor_unhold(struct actor_thread *t, unsigned int slot)
{
	atomic_store_explicit(&held_slot(t, slot)->pfn, 0, memory_order_relaxed);
}

bool actor_somebody_holds(const struct actor *a)
{
	const struct run *run = a->run;

	for (unsigned int i = 0; i < run->nr_threads * ACTOR_MAX_HELD; i++)
		if (atomic_load_explicit(&run->held[i].pfn, memory_order_relaxed))
			return true;
	return false;
}

static void name_holder(const struct run *run, struct refusal *r)
{
	for (unsigned int i = 0; r->pfn && i < run->nr_threads * ACTOR_MAX_HELD; i++) {
		struct held *h = &run->held[i];
		const struct actor *a = run->thread[i / ACTOR_MAX_HELD].a;

		if (atomic_load_explicit(&h->pfn, memory_order_acquire) != r->pfn)
			continue;
		r->holder = a->spec->name;
		r->holder_kind = job_kind_name(a->spec->kind);
		r->held_ns = run_now() - atomic_load_explicit(&h->since_ns, memory_order_relaxed);
		return;
	}
}

/* An actor's name as the core takes one: a word. */
static void word_of(const struct job_actor *spec, char word[FH_PINNER_NAME])
{
	snprintf(word, FH_PINNER_NAME, "%s", spec->name);
	for (char *c = word; *c; c++)
		if (*c <= ' ' || (unsigned char)*c >= 0x7f)
			*c = '_';
}

struct fh_pinner *actor_pinner(struct fh_machine *m, const struct job_actor *spec)
{
	struct fh_pinner *p;
	char word[FH_PINNER_NAME];

	word_of(spec, word);
	return fh_pinner_get(m, word, &p) ? NULL : p;
}

/* What the area's own record says: it was taken when the page was in the way. */
static void name_pinner(const struct run *run, const struct cma_failure *f, struct refusal *r)
{
	char word[FH_PINNER_NAME];

	r->pins = f->pins;
	for (unsigned int i = 0; f->pinner && i < run->nr_actors; i++) {
		word_of(run->actor[i].spec, word);
		if (strcmp(word, f->pinner))
			continue;
		r->holder = run->actor[i].spec->name;
		r->holder_kind = job_kind_name(run->actor[i].spec->kind);
		r->held_ns = f->since_ns ? f->time_ns - f->since_ns : 0;
		return;
	}
}

void actor_refused(struct actor *a, struct cma *area, int err)
{
	struct run_result *result = a->run->result;
	struct cma_failure f = {0};
	struct refusal r = {.n = 1, .err = -err, .actor = a->spec->name};
	unsigned int i = 0;

	if (area)
		cma_last_failure(area, &f);
	if (f.error == err) {
		r.window = f.window;
		r.pfn = f.pfn;
		name_pinner(a->run, &f, &r);
	}
	snprintf(r.why, sizeof(r.why), "%s", f.error == err && f.why ? f.why : "not said");
	pthread_mutex_lock(&a->run->lock);
	while (i < result->nr_refusals &&
	       (result->refusal[i].err != r.err || strcmp(result->refusal[i].why, r.why)))
		i++;
	if (i < result->nr_refusals) {
		result->refusal[i].n++;
	} else if (i < RUN_MAX_REFUSALS) {
		if (!r.pins) /* else the record has the name */
			name_holder(a->run, &r);
		result->refusal[i] = r;
		result->nr_refusals++;
	}
	pthread_mutex_unlock(&a->run->lock);
}
