/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A device: takes a set of buffers now and then, uses it for a while, gives it back. A set of which one
 * buffer is refused goes back at once, as a driver's error path does, and the device goes on.
 */
#include <stdlib.h>
#include "device.h"

struct set {
	uint64_t expires_ns;
	unsigned int nr;
	struct request buffer[JOB_MAX_BUFFERS];
};

/* Sets in use, the oldest first: all live equally long. */
struct sets {
	struct set set[JOB_MAX_SETS];
	unsigned int first, nr;
	uint64_t taken;
};

static void set_give(struct actor_thread *t, struct set *s)
{
	for (unsigned int i = 0; i < s->nr; i++)
		device_give(t, &s->buffer[i]);
	s->nr = 0;
}

static bool set_take(struct actor_thread *t, struct set *s, uint64_t number)
{
	struct run_device_result *result = device_result(t->a);
	uint64_t moved, dropped, moved_after, dropped_after;

	result->loops++;
	for (s->nr = 0; s->nr < t->a->spec->buffers; s->nr++) {
		struct request *r = &s->buffer[s->nr];
		bool got;

		*r = (struct request){.buffer = s->nr, .set = number};
		device_evicted(t->a, &moved, &dropped);
		device_ask(t->a, r);
		device_evicted(t->a, &moved_after, &dropped_after);
		t->tally.pages_migrated += moved_after - moved;
		t->tally.pages_dropped += dropped_after - dropped;
		got = device_book(t, r);
		if (!got) {
			set_give(t, s);
			result->loops_failed++;
			return false;
		}
		device_use(t, r);
	}
	return true;
}

static bool enough(const struct actor_thread *t)
{
	return actor_stopping(t->a) || (t->quota && t->counted == t->quota);
}

/* One set after the other, as fast as it goes. */
static void loop(struct actor_thread *t, struct set *s)
{
	while (!enough(t)) {
		uint64_t lifetime = set_take(t, s, t->counted) ? t->a->spec->lifetime_ns : 0;

		(void)actor_sleep(t->a, run_now() + lifetime);
		set_give(t, s);
		t->counted++;
	}
}

static void give_oldest(struct actor_thread *t, struct sets *d)
{
	set_give(t, &d->set[d->first]);
	d->first = (d->first + 1) % JOB_MAX_SETS;
	d->nr--;
}

/* A set each period, each for its lifetime. */
static void keep_time(struct actor_thread *t, struct sets *d)
{
	const struct job_actor *spec = t->a->spec;
	uint64_t period = (uint64_t)(1e9 / spec->rate), next = run_now(), now;

	while (!enough(t)) {
		struct set *oldest = &d->set[d->first];
		uint64_t at = d->nr < spec->sets ? next : UINT64_MAX;

		if (d->nr && oldest->expires_ns <= at) {
			if (!actor_sleep(t->a, oldest->expires_ns))
				break;
			give_oldest(t, d);
			continue;
		}
		if (!actor_sleep(t->a, next))
			break;
		struct set *s = &d->set[(d->first + d->nr) % JOB_MAX_SETS];

		d->nr += set_take(t, s, t->counted++);
		now = run_now();
		s->expires_ns = now + spec->lifetime_ns;
		/* What could not be taken in time is not taken later all at once. */
		next = next + period < now ? now + period : next + period;
	}
	while (d->nr)
		give_oldest(t, d);
}

static void device_work(struct actor_thread *t)
{
	struct sets *d = calloc(1, sizeof(*d));

	if (!d)
		tally_failed(&t->tally, -FH_ENOMEM);
	else if (t->a->spec->rate > 0)
		keep_time(t, d);
	else
		loop(t, &d->set[0]);
	free(d);
}

const struct actor_ops actor_device_ops = {
	.create = device_open,
	.destroy = device_close,
	.work = device_work,
	.collect = device_collect,
};
