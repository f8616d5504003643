/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Anonymous memory of a tenant as its program sees it: an object, mapped at a real address. */
#include <stdio.h>
#include <stdlib.h>
#include "pattern.h"
#include "tenant.h"

#define FULL_CHECK 64 /* pages between two looks at how much memory is left */

int tenant_open(struct tenant *t, struct actor *a, uint64_t nr_pages)
{
	int err;

	*t = (struct tenant){.a = a};
	t->generation = calloc(nr_pages, sizeof(*t->generation));
	err = t->generation ? fh_object_create(a->m, nr_pages, NULL, NULL, &t->object) : -FH_ENOMEM;
	if (!err)
		err = hosted_space_create(actor_hosted(a), nr_pages, &t->mirror);
	if (!err)
		err = fh_space_create(a->m, t->mirror, &t->space);
	if (err)
		return err;
	hosted_space_attach(t->mirror, t->space);
	return fh_space_map(t->space, hosted_space_va(t->mirror), t->object, 0, nr_pages);
}

bool tenant_create(struct tenant *t, struct actor *a, struct why *why)
{
	int err = tenant_open(t, a, a->nr_pages);

	if (err)
		why_set(why, "[%s] %llu pages of memory: %s", a->spec->name,
			(unsigned long long)a->nr_pages, errno_name(-err));
	return !err;
}

void tenant_destroy(struct tenant *t)
{
	fh_space_destroy(t->space);
	hosted_space_destroy(t->mirror);
	if (t->object)
		fh_object_destroy(t->object);
	free(t->generation);
	*t = (struct tenant){0};
}

uint64_t tenant_seed(const struct tenant *t, uint64_t page, uint32_t generation)
{
	return pattern_seed(t->a->seed, page, generation);
}

/* What access() needs and leaves; it may end at any load or store. */
struct visit {
	void *p;
	const struct tenant *t;
	uint64_t page;
	uint32_t was, next;
	uint64_t wrong;
	volatile bool writing;
};

/* Contents are the same whatever share is random, if it is all; the simple loops are faster. */
static uint64_t check_page(const struct visit *v, uint64_t seed)
{
	double random = v->t->a->spec->random;

	return random < 1
		       ? pattern_check_partly(v->p, FH_PAGE_SIZE, seed, pattern_words(seed, random))
		       : pattern_check(v->p, FH_PAGE_SIZE, seed);
}

static void fill_page(const struct visit *v, uint64_t seed)
{
	double random = v->t->a->spec->random;

	if (random < 1)
		pattern_fill_partly(v->p, FH_PAGE_SIZE, seed, pattern_words(seed, random));
	else
		pattern_fill(v->p, FH_PAGE_SIZE, seed);
}

static void access_page(void *arg)
{
	struct visit *v = arg;

	if (v->was == GENERATION_NONE)
		v->wrong = pattern_check_zero(v->p, FH_PAGE_SIZE);
	else if (v->was != GENERATION_UNKNOWN)
		v->wrong = check_page(v, tenant_seed(v->t, v->page, v->was));
	v->writing = true;
	fill_page(v, tenant_seed(v->t, v->page, v->next));
}

static uint32_t next_generation(uint32_t g)
{
	g++;
	return g == GENERATION_UNKNOWN || g == GENERATION_NONE ? 1 : g;
}

int tenant_visit(struct tenant *t, struct actor_thread *thread, uint64_t page)
{
	uint32_t was = t->generation[page];
	struct visit v = {
		.p = (char *)hosted_space_base(t->mirror) + (page << FH_PAGE_SHIFT),
		.t = t,
		.page = page,
		.was = was,
		.next = next_generation(was),
	};
	int err = hosted_try(access_page, &v);

	thread->tally.corrupt_bytes += v.wrong;
	if (err) {
		if (v.writing)
			t->generation[page] = GENERATION_UNKNOWN;
		return err;
	}
	t->generation[page] = v.next;
	thread->tally.allocs += was == GENERATION_NONE;
	thread->tally.bytes += FH_PAGE_SIZE;
	return 0;
}

void tenant_fill(struct tenant *t, struct actor_thread *thread)
{
	bool fill = t->a->spec->size.unit == SIZE_FILL;
	uint64_t page;

	for (; actor_page(thread, thread->pages, &page); thread->pages++) {
		int err;

		if (actor_stopping(t->a))
			return;
		if (fill && thread->pages % FULL_CHECK == 0 && actor_memory_full(t->a))
			return;
		err = tenant_visit(t, thread, page);
		if (!err)
			continue;
		if (!fill) /* `fill` is over when the machine says so; others wanted more */
			tally_failed(&thread->tally, err);
		return;
	}
}

void tenant_punch(struct tenant *t, uint64_t page, uint64_t nr)
{
	(void)fh_object_punch(t->object, page, nr);
	for (uint64_t i = 0; i < nr; i++)
		t->generation[page + i] = GENERATION_NONE;
}
