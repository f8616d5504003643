/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Boot reservation: sorted sets of byte ranges and the search for a free run among them. */
#include "mm/early.h"
#include "base/string.h"

void early_init(struct early *early)
{
	early->available.nr = 0;
	early->reserved.nr = 0;
	early->nomap.nr = 0;
}

/* The first range that ends behind `at`. */
static unsigned int first_past(const struct early_set *set, uint64_t at)
{
	unsigned int i = 0;

	while (i < set->nr && set->range[i].end <= at)
		i++;
	return i;
}

/* Puts `count` ranges in place of range[at, at + old). */
static int replace(struct early_set *set, unsigned int at, unsigned int old,
		   const struct early_range *with, unsigned int count)
{
	struct early_range *r = set->range;

	if (set->nr - old + count > EARLY_MAX_RANGES)
		return -FH_ENOSPC;
	memmove(r + at + count, r + at + old, (set->nr - at - old) * sizeof(*r));
	for (unsigned int i = 0; i < count; i++)
		r[at + i] = with[i];
	set->nr = set->nr - old + count;
	return 0;
}

int early_add(struct early_set *set, uint64_t base, uint64_t size)
{
	struct early_range add = {base, base + size};
	unsigned int at, past;

	if (!size)
		return 0;
	if (add.end < base)
		return -FH_ERANGE;
	/* A range that only touches is merged too: it ends behind base - 1. */
	at = first_past(set, base ? base - 1 : 0);
	for (past = at; past < set->nr && set->range[past].base <= add.end; past++) {
		if (set->range[past].base < add.base)
			add.base = set->range[past].base;
		if (set->range[past].end > add.end)
			add.end = set->range[past].end;
	}
	return replace(set, at, past - at, &add, 1);
}

int early_remove(struct early_set *set, uint64_t base, uint64_t size)
{
	uint64_t end = base + size;
	struct early_range left[2];
	unsigned int at, past, n = 0;

	if (!size)
		return 0;
	if (end < base)
		return -FH_ERANGE;
	at = first_past(set, base);
	for (past = at; past < set->nr && set->range[past].base < end; past++) {
		if (set->range[past].base < base)
			left[n++] = (struct early_range){set->range[past].base, base};
		if (set->range[past].end > end)
			left[n++] = (struct early_range){end, set->range[past].end};
	}
	return replace(set, at, past - at, left, n);
}

bool early_overlaps(const struct early_set *set, uint64_t base, uint64_t size)
{
	uint64_t end = base + size < base ? UINT64_MAX : base + size;
	unsigned int i = first_past(set, base);

	return size && i < set->nr && set->range[i].base < end;
}

bool early_contains(const struct early_set *set, uint64_t base, uint64_t size)
{
	unsigned int i = first_past(set, base);

	return base + size >= base && i < set->nr && set->range[i].base <= base &&
	       base + size <= set->range[i].end;
}

uint64_t early_total(const struct early_set *set)
{
	uint64_t total = 0;

	for (unsigned int i = 0; i < set->nr; i++)
		total += set->range[i].end - set->range[i].base;
	return total;
}

void early_keep(struct early_set *set, uint64_t bytes)
{
	for (unsigned int i = 0; i < set->nr; i++) {
		struct early_range *r = &set->range[i];

		if (bytes < r->end - r->base) {
			r->end = r->base + bytes;
			set->nr = i + (bytes > 0);
			return;
		}
		bytes -= r->end - r->base;
	}
}

/*
 * The free run that starts at or behind `at` and lies within one range of RAM: cut off by the next
 * taken byte. False when there is no more RAM.
 */
static bool next_free(const struct early *e, uint64_t at, struct early_range *run)
{
	const struct early_set *taken[] = {&e->reserved, &e->nomap};
	unsigned int i;

again:
	i = first_past(&e->available, at);
	if (i == e->available.nr)
		return false;
	*run = e->available.range[i];
	if (run->base < at)
		run->base = at;
	for (unsigned int t = 0; t < 2; t++) {
		unsigned int k = first_past(taken[t], run->base);

		if (k == taken[t]->nr)
			continue;
		if (taken[t]->range[k].base <= run->base) {
			at = taken[t]->range[k].end;
			goto again;
		}
		if (taken[t]->range[k].base < run->end)
			run->end = taken[t]->range[k].base;
	}
	return true;
}

/* Cuts the run to [start, end); false when nothing is left. */
static bool clip(struct early_range *run, uint64_t start, uint64_t end)
{
	if (run->base < start)
		run->base = start;
	if (run->end > end)
		run->end = end;
	return run->base < run->end;
}

static bool fits(const struct early_range *run, const struct early_want *want, uint64_t *base)
{
	uint64_t mask = want->align - 1, at;

	if (run->end - run->base < want->size)
		return false;
	if (want->order == EARLY_TOP_DOWN) {
		at = (run->end - want->size) & ~mask;
		if (at < run->base)
			return false;
	} else {
		if (run->base > UINT64_MAX - mask)
			return false;
		at = ((run->base - 1) | mask) + 1;
		if (at > run->end || run->end - at < want->size)
			return false;
	}
	*base = at;
	return true;
}

int early_find(const struct early *early, const struct early_want *want, uint64_t *base)
{
	struct early_range run;
	uint64_t at = want->start;
	int err = -FH_ENOMEM;

	if ((!want->size && !want->any_align) || !want->align ||
	    (!want->any_align && (want->align & (want->align - 1))))
		return -FH_EINVAL;
	while (at < want->end && next_free(early, at, &run)) {
		at = run.end;
		if (!clip(&run, want->start, want->end) || !fits(&run, want, base))
			continue;
		err = 0;
		if (want->order == EARLY_BOTTOM_UP)
			break;
	}
	return err;
}

uint64_t early_largest(const struct early *early, uint64_t start, uint64_t end)
{
	struct early_range run;
	uint64_t at = start, largest = 0;

	while (at < end && next_free(early, at, &run)) {
		at = run.end;
		if (clip(&run, start, end) && run.end - run.base > largest)
			largest = run.end - run.base;
	}
	return largest;
}
