/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A device: takes a set of buffers now and then, uses it for a while, gives it back.
 *
 * Every buffer must come zeroed, is filled to its last byte with a pattern of (device, set,
 * buffer), and is verified to its last byte before it goes back. Only the allocation itself is
 * timed. A set of which one buffer is refused goes back at once, as a driver's error path does, and
 * the device goes on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <freehold/page.h>
#include "actor.h"
#include "pattern.h"

struct buffer {
	dma_t handle;
	void *cpu;
};

struct set {
	uint64_t number; /* of the run; decides the size, and the pattern */
	uint64_t expires_ns;
	unsigned int nr;
	struct buffer buffer[JOB_MAX_BUFFERS];
};

/* Sets in use, the oldest first: all live equally long. */
struct device_state {
	struct device dev;
	struct cma *area;
	struct set set[JOB_MAX_SETS];
	unsigned int first, nr;
	uint64_t taken;
};

static bool device_create(struct actor *a, struct why *why)
{
	struct device_state *d = calloc(1, sizeof(*d));
	const struct job_actor *spec = a->spec;
	bool any = !strcmp(spec->area, "default");

	a->state = d;
	if (!d) {
		why_set(why, "out of memory");
		return false;
	}
	d->area = any ? cma_default(a->m) : cma_find(a->m, spec->area);
	if (!d->area) {
		why_set(why, "[%s] area: the machine has no area '%s'", spec->name, spec->area);
		return false;
	}
	d->dev = (struct device){
		.machine = a->m,
		.name = spec->name,
		.coherent_dma_mask =
			spec->mask && spec->mask < 64 ? (UINT64_C(1) << spec->mask) - 1 : 0,
		.cma_area = any ? NULL : d->area,
	};
	return true;
}

static void device_destroy(struct actor *a)
{
	free(a->state);
	a->state = NULL;
}

/* dma_alloc_coherent() decides the alignment; a job that wants more asks the area itself. */
static int buffer_take(struct device_state *d, const struct job_actor *spec, uint64_t size,
		       struct buffer *b)
{
	unsigned int order;
	pfn_t pfn;
	int err;

	if (!spec->align)
		return dma_alloc_coherent(&d->dev, size, GFP_KERNEL, &b->handle, &b->cpu);
	order = (unsigned int)__builtin_ctzll(spec->align) - FH_PAGE_SHIFT;
	err = cma_alloc(d->area, size >> FH_PAGE_SHIFT, order, 0, &pfn);
	if (err)
		return err;
	b->handle.v = fh_pfn_to_phys(pfn).v;
	b->cpu = fh_page_address(d->dev.machine, pfn);
	memset(b->cpu, 0, size);
	return 0;
}

static bool buffer_give(struct device_state *d, const struct job_actor *spec, uint64_t size,
			struct buffer *b)
{
	if (!spec->align)
		return !dma_free_coherent(&d->dev, size, b->handle);
	return cma_release(d->area, b->handle.v >> FH_PAGE_SHIFT, size >> FH_PAGE_SHIFT);
}

static uint64_t set_size(const struct job_actor *spec, const struct set *s)
{
	return spec->buffer_size[s->number % spec->nr_sizes];
}

static uint64_t buffer_seed(const struct actor *a, const struct set *s, unsigned int i)
{
	return pattern_seed(a->seed, s->number, i);
}

/* Verifies and returns the first s->nr buffers. */
static void set_give(struct actor_thread *t, struct device_state *d, struct set *s)
{
	const struct job_actor *spec = t->a->spec;
	uint64_t size = set_size(spec, s);

	for (unsigned int i = 0; i < s->nr; i++) {
		struct buffer *b = &s->buffer[i];

		t->tally.corrupt_bytes += pattern_check(b->cpu, size, buffer_seed(t->a, s, i));
		if (!buffer_give(d, spec, size, b))
			tally_failed(&t->tally, -FH_EINVAL);
	}
	s->nr = 0;
}

/* The area's own counters: calls of other devices at the same time are in the difference too. */
static void count_moved(struct actor_thread *t, const struct cma_stats *before, struct cma *area)
{
	struct cma_stats after;

	cma_get_stats(area, &after);
	t->tally.pages_migrated += after.pages_migrated - before->pages_migrated;
	t->tally.pages_dropped += after.pages_dropped - before->pages_dropped;
}

static bool set_take(struct actor_thread *t, struct device_state *d, struct set *s)
{
	const struct job_actor *spec = t->a->spec;
	uint64_t size = set_size(spec, s), start;
	struct cma_stats before;
	int err;

	for (s->nr = 0; s->nr < spec->buffers; s->nr++) {
		struct buffer *b = &s->buffer[s->nr];

		cma_get_stats(d->area, &before);
		start = run_now();
		err = buffer_take(d, spec, size, b);
		tally_done(&t->tally, start);
		count_moved(t, &before, d->area);
		if (err) {
			tally_failed(&t->tally, err);
			actor_refused(t->a, d->area, err);
			set_give(t, d, s);
			return false;
		}
		t->tally.allocs++;
		t->tally.bytes += size;
		t->tally.corrupt_bytes += pattern_check_zero(b->cpu, size);
		pattern_fill(b->cpu, size, buffer_seed(t->a, s, s->nr));
	}
	return true;
}

static void device_work(struct actor_thread *t)
{
	struct device_state *d = t->a->state;
	const struct job_actor *spec = t->a->spec;
	uint64_t period = (uint64_t)(1e9 / spec->rate), next = run_now(), now;

	while (!actor_stopping(t->a)) {
		struct set *oldest = &d->set[d->first];
		bool room = d->nr < JOB_MAX_SETS;
		uint64_t at = room ? next : UINT64_MAX;

		if (d->nr && oldest->expires_ns <= at) {
			if (!actor_sleep(t->a, oldest->expires_ns))
				break;
			set_give(t, d, oldest);
			d->first = (d->first + 1) % JOB_MAX_SETS;
			d->nr--;
			continue;
		}
		if (!actor_sleep(t->a, next))
			break;
		struct set *s = &d->set[(d->first + d->nr) % JOB_MAX_SETS];

		s->number = d->taken++;
		d->nr += set_take(t, d, s);
		now = run_now();
		s->expires_ns = now + spec->lifetime_ns;
		/* What could not be taken in time is not taken later all at once. */
		next = next + period < now ? now : next + period;
	}
	for (; d->nr; d->nr--, d->first = (d->first + 1) % JOB_MAX_SETS)
		set_give(t, d, &d->set[d->first]);
}

const struct actor_ops actor_device_ops = {
	.create = device_create,
	.destroy = device_destroy,
	.work = device_work,
};
