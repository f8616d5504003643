/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Anonymous memory that threads keep reading and writing through ordinary loads and stores, while
 * its pages are moved under them. Now and then a run of pages is given back (madvise, free) and
 * taken again.
 */
#include <stdlib.h>
#include "pattern.h"
#include "tenant.h"

#define PUNCH_MAX 16 /* pages given back together */

static bool anon_create(struct actor *a, struct why *why)
{
	struct tenant *t = calloc(1, sizeof(*t));

	a->state = t;
	if (!t) {
		why_set(why, "out of memory");
		return false;
	}
	return tenant_create(t, a, why);
}

static void anon_destroy(struct actor *a)
{
	if (a->state)
		tenant_destroy(a->state);
	free(a->state);
	a->state = NULL;
}

static void anon_fill(struct actor_thread *t)
{
	tenant_fill(t->a->state, t);
}

static void punch_some(struct tenant *m, struct actor_thread *t)
{
	uint64_t k = random_below(&t->random, t->pages), page, last;
	uint64_t nr = 1 + random_below(&t->random, PUNCH_MAX);

	/* A run inside one stripe, so that all of it is this thread's. */
	if (!actor_page(t, k, &page) || k + nr > t->pages || !actor_page(t, k + nr - 1, &last) ||
	    last - page != nr - 1)
		return;
	tenant_punch(m, page, nr);
}

static void anon_work(struct actor_thread *t)
{
	struct tenant *m = t->a->state;
	uint64_t k = 0, page, start;
	/* Of 2^32 visits, those that are followed by giving pages back. */
	uint64_t punch = (uint64_t)(t->a->spec->punch * 4294967296.0);

	while (t->pages && actor_pace(t)) {
		k = t->a->spec->sequential ? (k + 1) % t->pages
					   : random_below(&t->random, t->pages);
		if (!actor_page(t, k, &page))
			continue;
		start = run_now();
		int err = tenant_visit(m, t, page);

		tally_done(&t->tally, start);
		if (err)
			tally_failed(&t->tally, err);
		if (random_below(&t->random, UINT64_C(1) << 32) < punch)
			punch_some(m, t);
	}
}

const struct actor_ops actor_anon_ops = {
	.create = anon_create,
	.destroy = anon_destroy,
	.fill = anon_fill,
	.work = anon_work,
};
