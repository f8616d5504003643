/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A tenant that does direct I/O: pins pages of its memory, a device reads and writes them at their
 * physical address for a few milliseconds, then they are unpinned.
 *
 * The program's side (ordinary stores before, ordinary loads after) and the device's side (the
 * linear map) must see the same bytes: if a pinned page moved, one of them would not.
 */
#include <stdlib.h>
#include <freehold/page.h>
#include "pattern.h"
#include "tenant.h"

static bool pin_create(struct actor *a, struct why *why)
{
	struct tenant *t = calloc(1, sizeof(*t));

	a->state = t;
	if (!t) {
		why_set(why, "out of memory");
		return false;
	}
	a->pinner = actor_pinner(a->m, a->spec);
	return tenant_create(t, a, why);
}

static void pin_destroy(struct actor *a)
{
	if (a->state)
		tenant_destroy(a->state);
	free(a->state);
	a->state = NULL;
}

static void pin_fill(struct actor_thread *t)
{
	tenant_fill(t->a->state, t);
}

/* One request: pages that belong to each other, as a buffer of read(2) with O_DIRECT. */
struct request {
	uint64_t page[JOB_MAX_PIN];
	pfn_t pfn[JOB_MAX_PIN];
	unsigned int nr; /* pinned */
};

static void request_pin(struct tenant *m, struct actor_thread *t, struct request *r)
{
	uint64_t k = random_below(&t->random, t->pages), start;

	for (r->nr = 0; r->nr < t->a->spec->pages; r->nr++) {
		uint64_t *page = &r->page[r->nr];
		int err;

		if (!actor_page(t, (k + r->nr) % t->pages, page))
			return;
		start = run_now();
		err = fh_object_pin_by(m->object, *page, t->a->pinner, &r->pfn[r->nr]);
		tally_done(&t->tally, start);
		if (err) {
			tally_failed(&t->tally, err);
			return;
		}
		actor_hold(t, r->nr, r->pfn[r->nr]);
	}
}

/* The device's side: what is there must be what the program wrote; what the device leaves is the
 * next. */
static void request_device(struct tenant *m, struct actor_thread *t, const struct request *r)
{
	for (unsigned int i = 0; i < r->nr; i++) {
		uint32_t *generation = &m->generation[r->page[i]];
		void *p = fh_page_address(t->a->m, r->pfn[i]);
		uint64_t seed = tenant_seed(m, r->page[i], *generation);

		t->tally.allocs += *generation == GENERATION_NONE;
		if (*generation == GENERATION_NONE)
			t->tally.corrupt_bytes += pattern_check_zero(p, FH_PAGE_SIZE);
		else if (*generation != GENERATION_UNKNOWN)
			t->tally.corrupt_bytes += pattern_check(p, FH_PAGE_SIZE, seed);
		/* Neither "none" nor "unknown": a visit counts up from here. */
		*generation = (*generation & 0x7fffffff) + 1;
		pattern_fill(p, FH_PAGE_SIZE, tenant_seed(m, r->page[i], *generation));
		t->tally.bytes += FH_PAGE_SIZE;
	}
}

static void request_unpin(struct tenant *m, struct actor_thread *t, const struct request *r)
{
	for (unsigned int i = 0; i < r->nr; i++) {
		actor_unhold(t, i);
		if (fh_object_unpin_by(m->object, r->page[i], t->a->pinner))
			tally_failed(&t->tally, -FH_EINVAL);
	}
}

static void pin_work(struct actor_thread *t)
{
	struct tenant *m = t->a->state;
	uint64_t punch = (uint64_t)(t->a->spec->punch * 4294967296.0);
	struct request r;

	while (t->pages && actor_pace(t)) {
		request_pin(m, t, &r);
		(void)actor_sleep(t->a, run_now() + t->a->spec->hold_ns);
		request_device(m, t, &r);
		request_unpin(m, t, &r);
		for (unsigned int i = 0; i < r.nr; i++) {
			int err = tenant_visit(m, t, r.page[i]);

			if (err)
				tally_failed(&t->tally, err);
			if (random_below(&t->random, UINT64_C(1) << 32) < punch)
				tenant_punch(m, r.page[i], 1);
		}
	}
}

const struct actor_ops actor_pin_ops = {
	.create = pin_create,
	.destroy = pin_destroy,
	.fill = pin_fill,
	.work = pin_work,
};
