/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Anonymous memory that threads keep reading and writing through ordinary loads and stores, while
 * its pages are moved under them. Now and then a run of pages is given back (madvise, free) and
 * taken again. With churn each thread is a row of programs: born, its memory written and read, gone.
 */
#include <stdlib.h>
#include "pattern.h"
#include "tenant.h"

#define PUNCH_MAX 16 /* pages given back together */

static bool anon_create(struct actor *a, struct why *why)
{
	struct tenant *t = calloc(1, sizeof(*t));

	if (a->spec->churn) {
		free(t);
		return true; /* all is made while it works */
	}
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
	if (t->a->spec->churn)
		return;
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

/* One program: writes its memory a page at a time, reads it all again. False: the work is over. */
static bool live(struct actor_thread *t, struct tenant *m, uint64_t pages)
{
	for (unsigned int pass = 0; pass < 2; pass++)
		for (uint64_t page = 0; page < pages; page++) {
			uint64_t start;
			int err;

			if (!actor_pace(t))
				return false;
			start = run_now();
			err = tenant_visit(m, t, page);
			tally_done(&t->tally, start);
			if (!err)
				continue;
			tally_failed(&t->tally, err);
			return true; /* as a program that is killed for want of memory */
		}
	return true;
}

/* From a quarter of the thread's share to all of it, each time another program. */
static void churn(struct actor_thread *t)
{
	uint64_t share = t->a->nr_pages / t->a->spec->threads + 1, pages;
	bool more = true;
	struct tenant m;

	while (more) {
		int err;

		pages = share / 4 + 1 + random_below(&t->random, share - share / 4);
		err = tenant_open(&m, t->a, pages);
		if (!err)
			more = live(t, &m, pages);
		tenant_destroy(&m);
		if (err) {
			tally_failed(&t->tally, err);
			more = actor_sleep(t->a, run_now() + 10000000);
		}
	}
}

static void anon_work(struct actor_thread *t)
{
	struct tenant *m = t->a->state;
	uint64_t k = 0, page, start;
	/* Of 2^32 visits, those that are followed by giving pages back. */
	uint64_t punch = (uint64_t)(t->a->spec->punch * 4294967296.0);

	if (!m) {
		churn(t);
		return;
	}
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
