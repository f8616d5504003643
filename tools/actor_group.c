/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A device whose sets come by turns buffer after buffer and all at once, each buffer asked for by a thread
 * of its own: what requests in parallel gain. Tenants stand still while a set is asked for, so that
 * the CPUs are the requests' alone.
 */
#include <stdlib.h>
#include "device.h"

#define REST_NS UINT64_C(5000000) /* tenants end what they have begun */

/* The first thread leads; all ask when `go` counts up. */
struct group {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t go;
	unsigned int busy;
	bool over;
	struct request buffer[JOB_MAX_BUFFERS];
};

static struct group *group_of(const struct actor *a)
{
	return a->group;
}

static bool group_create(struct actor *a, struct why *why)
{
	struct group *g = calloc(1, sizeof(*g));

	a->group = g;
	if (!g) {
		why_set(why, "out of memory");
		return false;
	}
	pthread_mutex_init(&g->lock, NULL);
	pthread_cond_init(&g->changed, NULL);
	return device_open(a, why);
}

static void group_destroy(struct actor *a)
{
	struct group *g = group_of(a);

	device_close(a);
	if (!g)
		return;
	pthread_cond_destroy(&g->changed);
	pthread_mutex_destroy(&g->lock);
	free(g);
	a->group = NULL;
}

static void follow(struct actor_thread *t, struct group *g)
{
	uint64_t seen = 0;

	pthread_mutex_lock(&g->lock);
	while (!g->over) {
		if (g->go == seen) {
			pthread_cond_wait(&g->changed, &g->lock);
			continue;
		}
		seen = g->go;
		pthread_mutex_unlock(&g->lock);
		device_ask(t->a, &g->buffer[t->n]);
		pthread_mutex_lock(&g->lock);
		if (!--g->busy)
			pthread_cond_broadcast(&g->changed);
	}
	pthread_mutex_unlock(&g->lock);
}

static void ask_in_turn(struct actor_thread *t, struct group *g)
{
	for (unsigned int i = 0; i < t->a->spec->buffers; i++)
		device_ask(t->a, &g->buffer[i]);
}

static void ask_at_once(struct actor_thread *t, struct group *g)
{
	pthread_mutex_lock(&g->lock);
	g->busy = t->a->spec->buffers - 1;
	g->go++;
	pthread_cond_broadcast(&g->changed);
	pthread_mutex_unlock(&g->lock);
	device_ask(t->a, &g->buffer[0]);
	pthread_mutex_lock(&g->lock);
	while (g->busy)
		pthread_cond_wait(&g->changed, &g->lock);
	pthread_mutex_unlock(&g->lock);
}

/* ns of the whole set. */
static uint64_t ask_set(struct actor_thread *t, struct group *g, bool at_once)
{
	uint64_t start;

	for (unsigned int i = 0; i < t->a->spec->buffers; i++)
		g->buffer[i] = (struct request){.buffer = i, .set = t->counted};
	start = run_now();
	if (at_once)
		ask_at_once(t, g);
	else
		ask_in_turn(t, g);
	return run_now() - start;
}

static void set_round(struct actor_thread *t, struct group *g)
{
	/* in turn, at once, at once, in turn: neither is always the one that follows the other */
	bool at_once = (t->counted + 1) / 2 % 2, refused = false;
	struct run_device_result *result = device_result(t->a);
	uint64_t moved, dropped, moved_after, dropped_after, ns;

	actor_quiet(t->a, true);
	(void)actor_sleep(t->a, run_now() + REST_NS);
	device_evicted(t->a, &moved, &dropped);
	ns = ask_set(t, g, at_once);
	device_evicted(t->a, &moved_after, &dropped_after);
	actor_quiet(t->a, false);
	t->tally.pages_migrated += moved_after - moved;
	t->tally.pages_dropped += dropped_after - dropped;
	for (unsigned int i = 0; i < t->a->spec->buffers; i++)
		if (device_book(t, &g->buffer[i]))
			device_use(t, &g->buffer[i]);
		else
			refused = true;
	result->loops++;
	result->loops_failed += refused;
	if (refused)
		return;
	hist_add(at_once ? &result->at_once : &result->in_turn, ns);
	*(at_once ? &result->at_once_pages : &result->in_turn_pages) +=
		moved_after - moved + dropped_after - dropped;
}

static void lead(struct actor_thread *t, struct group *g)
{
	const struct job_actor *spec = t->a->spec;
	uint64_t period = (uint64_t)(1e9 / spec->rate), next = run_now() + period;

	while (!(t->quota && t->counted == t->quota) && actor_sleep(t->a, next)) {
		set_round(t, g);
		(void)actor_sleep(t->a, run_now() + spec->lifetime_ns);
		for (unsigned int i = 0; i < spec->buffers; i++)
			if (!g->buffer[i].err)
				device_give(t, &g->buffer[i]);
		t->counted++;
		next = run_now() + period; /* tenants have all of it to come back */
	}
	pthread_mutex_lock(&g->lock);
	g->over = true;
	pthread_cond_broadcast(&g->changed);
	pthread_mutex_unlock(&g->lock);
}

static void group_work(struct actor_thread *t)
{
	if (t->n)
		follow(t, group_of(t->a));
	else
		lead(t, group_of(t->a));
}

const struct actor_ops actor_group_ops = {
	.create = group_create,
	.destroy = group_destroy,
	.work = group_work,
	.collect = device_collect,
};
