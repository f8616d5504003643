/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A device's buffers. Those of dma_alloc_coherent() must come zeroed; all are filled with a pattern of
 * (device, set, buffer) and verified before they go back.
 */
#include <stdlib.h>
#include <string.h>
#include <freehold/page.h>
#include "device.h"
#include "pattern.h"

struct device_books {
	struct device dev[JOB_MAX_AREAS]; /* one an area: a struct device has one */
	struct cma *area[JOB_MAX_AREAS];
	struct run_device_result *result;
	uint64_t verify; /* of 2^32 buffers, those that are verified to the last byte */
};

static bool open_area(struct actor *a, struct device_books *d, unsigned int k, struct why *why)
{
	const struct job_actor *spec = a->spec;
	bool any = !strcmp(spec->area[k], "default");

	d->area[k] = any ? cma_default(a->m) : cma_find(a->m, spec->area[k]);
	if (!d->area[k]) {
		why_set(why, "[%s] area: the machine has no area '%s'", spec->name, spec->area[k]);
		return false;
	}
	d->dev[k] = (struct device){
		.machine = a->m,
		.name = spec->name,
		.coherent_dma_mask =
			spec->mask && spec->mask < 64 ? (UINT64_C(1) << spec->mask) - 1 : 0,
		.cma_area = any ? NULL : d->area[k],
	};
	return true;
}

bool device_open(struct actor *a, struct why *why)
{
	struct device_books *d = calloc(1, sizeof(*d));

	a->state = d;
	if (d)
		d->result = calloc(1, sizeof(*d->result));
	if (!d || !d->result) {
		why_set(why, "out of memory");
		return false;
	}
	d->verify = (uint64_t)(a->spec->verify * 4294967296.0);
	d->result->nr_sizes = a->spec->nr_sizes;
	for (unsigned int i = 0; i < a->spec->nr_sizes; i++)
		d->result->size[i].bytes = a->spec->buffer_size[i];
	for (unsigned int k = 0; k < a->spec->nr_areas; k++)
		if (!open_area(a, d, k, why))
			return false;
	return true;
}

void device_close(struct actor *a)
{
	struct device_books *d = a->state;

	if (d)
		free(d->result);
	free(d);
	a->state = NULL;
}

void device_collect(struct actor *a, struct run_actor_result *r)
{
	struct device_books *d = a->state;

	r->device = d->result;
	d->result = NULL;
}

struct run_device_result *device_result(const struct actor *a)
{
	return ((struct device_books *)a->state)->result;
}

uint64_t device_size(const struct actor *a, uint64_t set)
{
	return a->spec->buffer_size[set % a->spec->nr_sizes];
}

/* dma_alloc_coherent() decides the alignment; a job that wants more asks the area itself. */
static bool asks_area(const struct job_actor *spec)
{
	return spec->raw || spec->align;
}

static unsigned int align_order(const struct job_actor *spec, uint64_t pages)
{
	unsigned int order = pages > 1 ? 64 - (unsigned int)__builtin_clzll(pages - 1) : 0;

	if (spec->align)
		return (unsigned int)__builtin_ctzll(spec->align) - FH_PAGE_SHIFT;
	return order < FH_CMA_ALIGNMENT ? order : FH_CMA_ALIGNMENT;
}

static int ask(struct device_books *d, const struct job_actor *spec, uint64_t size,
	       unsigned int area, struct buffer *b)
{
	uint64_t pages = size >> FH_PAGE_SHIFT;
	pfn_t pfn;
	int err;

	b->area = d->area[area];
	if (!asks_area(spec))
		return dma_alloc_coherent(&d->dev[area], size, GFP_KERNEL, &b->handle, &b->cpu);
	err = cma_alloc(b->area, pages, align_order(spec, pages), 0, &pfn);
	if (err)
		return err;
	b->handle.v = fh_pfn_to_phys(pfn).v;
	b->cpu = fh_page_address(d->dev[area].machine, pfn);
	if (!spec->raw)
		memset(b->cpu, 0, size);
	return 0;
}

void device_ask(struct actor *a, struct request *r)
{
	uint64_t size = device_size(a, r->set), start;

	r->held = actor_somebody_holds(a);
	start = run_now();
	r->err = ask(a->state, a->spec, size, r->buffer % a->spec->nr_areas, &r->got);
	r->ns = run_now() - start;
}

/* The areas' own counters: calls of other devices at the same time are in the difference too. */
void device_evicted(const struct actor *a, uint64_t *moved, uint64_t *dropped)
{
	const struct device_books *d = a->state;
	struct cma_stats stats;

	*moved = *dropped = 0;
	for (unsigned int k = 0; k < a->spec->nr_areas; k++) {
		cma_get_stats(d->area[k], &stats);
		*moved += stats.pages_migrated;
		*dropped += stats.pages_dropped;
	}
}

/* Refused although the area has that many free pages: they are not where they would have to be. */
static bool fragmented(const struct request *r, uint64_t size)
{
	struct cma_stats stats;

	cma_get_stats(r->got.area, &stats);
	return r->err == -FH_ENOMEM &&
	       stats.used + (size >> FH_PAGE_SHIFT) <= cma_get_size(r->got.area) >> FH_PAGE_SHIFT;
}

bool device_book(struct actor_thread *t, const struct request *r)
{
	struct device_books *d = t->a->state;
	struct run_device_result *result = d->result;
	struct run_size_result *s = &result->size[r->set % result->nr_sizes];
	uint64_t size = device_size(t->a, r->set);

	t->tally.ops++;
	s->calls++;
	hist_add(&t->tally.latency, r->ns);
	hist_add(&s->latency, r->ns);
	hist_add(r->held ? &result->held : &result->unheld, r->ns);
	if (!r->err) {
		t->tally.allocs++;
		t->tally.bytes += size;
		return true;
	}
	s->refused++;
	result->fragmented += fragmented(r, size);
	tally_failed(&t->tally, r->err);
	actor_refused(t->a, r->got.area, r->err);
	return false;
}

static uint64_t seed_of(const struct actor *a, const struct request *r)
{
	return pattern_seed(a->seed, r->set, r->buffer);
}

/* Chosen at random, and the same when it is filled and when it is read. */
static bool whole(const struct actor *a, const struct request *r)
{
	const struct device_books *d = a->state;

	return pattern_seed(a->seed, r->set, r->buffer + JOB_MAX_BUFFERS) >> 32 < d->verify;
}

static char *last_page(const struct request *r, uint64_t size)
{
	return (char *)r->got.cpu + size - FH_PAGE_SIZE;
}

void device_use(struct actor_thread *t, const struct request *r)
{
	uint64_t size = device_size(t->a, r->set), seed = seed_of(t->a, r), *wrong;

	wrong = &t->tally.corrupt_bytes;
	if (whole(t->a, r)) {
		if (!t->a->spec->raw)
			*wrong += pattern_check_zero(r->got.cpu, size);
		pattern_fill(r->got.cpu, size, seed);
		return;
	}
	if (!t->a->spec->raw) {
		*wrong += pattern_check_zero(r->got.cpu, FH_PAGE_SIZE);
		*wrong += size > FH_PAGE_SIZE ? pattern_check_zero(last_page(r, size), FH_PAGE_SIZE)
					      : 0;
	}
	pattern_fill(r->got.cpu, FH_PAGE_SIZE, seed);
	pattern_fill(last_page(r, size), FH_PAGE_SIZE, seed);
}

void device_give(struct actor_thread *t, const struct request *r)
{
	uint64_t size = device_size(t->a, r->set), seed = seed_of(t->a, r);
	struct device_books *d = t->a->state;
	bool given;

	if (whole(t->a, r)) {
		t->tally.corrupt_bytes += pattern_check(r->got.cpu, size, seed);
	} else {
		t->tally.corrupt_bytes += pattern_check(r->got.cpu, FH_PAGE_SIZE, seed);
		if (size > FH_PAGE_SIZE)
			t->tally.corrupt_bytes +=
				pattern_check(last_page(r, size), FH_PAGE_SIZE, seed);
	}
	if (asks_area(t->a->spec))
		given = cma_release(r->got.area, r->got.handle.v >> FH_PAGE_SHIFT,
				    size >> FH_PAGE_SHIFT);
	else
		given = !dma_free_coherent(&d->dev[r->buffer % t->a->spec->nr_areas], size,
					   r->got.cpu, r->got.handle);
	if (!given)
		tally_failed(&t->tally, -FH_EINVAL);
}
