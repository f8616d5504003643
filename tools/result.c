/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What runs leave: sums of tallies, of devices, of the rounds of one policy. */
#include <stdlib.h>
#include <string.h>
#include "run.h"

void tally_merge(struct tally *to, const struct tally *from)
{
	to->ops += from->ops;
	to->allocs += from->allocs;
	to->bytes += from->bytes;
	to->corrupt_bytes += from->corrupt_bytes;
	to->pages_migrated += from->pages_migrated;
	to->pages_dropped += from->pages_dropped;
	hist_merge(&to->latency, &from->latency);
	for (unsigned int i = 0; i < RUN_MAX_ERRNOS && from->failure[i].err; i++)
		for (unsigned int k = 0; k < RUN_MAX_ERRNOS; k++)
			if (!to->failure[k].err || to->failure[k].err == from->failure[i].err) {
				to->failure[k].err = from->failure[i].err;
				to->failure[k].n += from->failure[i].n;
				break;
			}
}

uint64_t tally_failures(const struct tally *t)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < RUN_MAX_ERRNOS; i++)
		n += t->failure[i].n;
	return n;
}

static void device_merge(struct run_device_result *to, const struct run_device_result *from)
{
	to->loops += from->loops;
	to->loops_failed += from->loops_failed;
	to->fragmented += from->fragmented;
	for (unsigned int i = 0; i < from->nr_sizes; i++) {
		to->size[i].calls += from->size[i].calls;
		to->size[i].refused += from->size[i].refused;
		hist_merge(&to->size[i].latency, &from->size[i].latency);
	}
	hist_merge(&to->held, &from->held);
	hist_merge(&to->unheld, &from->unheld);
	hist_merge(&to->in_turn, &from->in_turn);
	hist_merge(&to->at_once, &from->at_once);
	to->in_turn_pages += from->in_turn_pages;
	to->at_once_pages += from->at_once_pages;
}

double run_speed_up(const struct run_device_result *d)
{
	uint64_t at_once = hist_quantile(&d->at_once, 500);

	return at_once ? (double)hist_quantile(&d->in_turn, 500) / (double)at_once : 0;
}

static void area_merge(struct run_area_result *to, const struct run_area_result *from,
		       unsigned int rounds)
{
	struct cma_stats *t = &to->stats;
	const struct cma_stats *f = &from->stats;

	to->lent += (from->lent - to->lent) / rounds;
	t->nr_pages_succeeded += f->nr_pages_succeeded;
	t->nr_pages_failed += f->nr_pages_failed;
	t->nr_pages_released += f->nr_pages_released;
	t->nr_allocs += f->nr_allocs;
	t->nr_fails += f->nr_fails;
	t->pages_migrated += f->pages_migrated;
	t->pages_dropped += f->pages_dropped;
	t->exchanged_out += f->exchanged_out;
	t->exchanged_in += f->exchanged_in;
	t->exchange_ns += f->exchange_ns;
	t->exchange_back_ns += f->exchange_back_ns;
	t->spared += f->spared;
	t->spared_ns += f->spared_ns;
	t->used_max = f->used_max > t->used_max ? f->used_max : t->used_max;
}

static void refusals_merge(struct run_result *to, const struct run_result *from)
{
	for (unsigned int i = 0; i < from->nr_refusals; i++) {
		const struct refusal *f = &from->refusal[i];
		unsigned int k = 0;

		while (k < to->nr_refusals &&
		       (to->refusal[k].err != f->err || strcmp(to->refusal[k].why, f->why)))
			k++;
		if (k < to->nr_refusals)
			to->refusal[k].n += f->n;
		else if (k < RUN_MAX_REFUSALS)
			to->refusal[to->nr_refusals++] = *f;
	}
}

static void checks_merge(struct run_result *to, const struct run_result *from)
{
	if (from->invariants && !to->invariants)
		memcpy(to->invariants_why, from->invariants_why, sizeof(to->invariants_why));
	to->invariants += from->invariants;
	to->corrupt_bytes += from->corrupt_bytes;
	to->leaked_pages += from->leaked_pages;
	to->leaked_bytes += from->leaked_bytes;
	to->checks += from->checks;
	to->paused_ns += from->paused_ns;
	for (unsigned int i = 0; i < NR_FAULTS; i++) {
		to->fault[i].calls += from->fault[i].calls;
		to->fault[i].failed += from->fault[i].failed;
	}
	to->host = from->host;
	to->host_limit_hits += from->host_limit_hits;
	to->host_pages_dropped += from->host_pages_dropped;
	to->host_faults += from->host_faults;
	if (from->host_mappings_max > to->host_mappings_max)
		to->host_mappings_max = from->host_mappings_max;
}

void run_merge(struct run_result *to, struct run_result *from)
{
	unsigned int rounds = to->nr_rounds + 1;

	to->interrupted |= from->interrupted;
	to->duration_ns += from->duration_ns;
	if (to->nr_rounds < JOB_MAX_REPEAT)
		to->round_ns[to->nr_rounds++] = from->round_ns[0];
	to->drains += from->drains;
	to->reclaimed += from->reclaimed;
	to->swapped += from->swapped;
	to->compressed += from->compressed;
	to->pool_pages += from->pool_pages;
	to->pool_frames += from->pool_frames;
	to->lent += (from->lent - to->lent) / rounds;
	for (unsigned int i = 0; i < 2; i++)
		to->copy_ns[i] += (from->copy_ns[i] - to->copy_ns[i]) / rounds;
	for (unsigned int i = 0; i < from->nr_actors; i++) {
		to->actor[i].filled_bytes += from->actor[i].filled_bytes;
		to->actor[i].counted += from->actor[i].counted;
		tally_merge(&to->actor[i].tally, &from->actor[i].tally);
		if (to->actor[i].device)
			device_merge(to->actor[i].device, from->actor[i].device);
	}
	for (unsigned int i = 0; i < from->nr_areas; i++)
		area_merge(&to->area[i], &from->area[i], rounds);
	refusals_merge(to, from);
	checks_merge(to, from);
	free(to->readouts); /* the last round's */
	to->readouts = from->readouts;
	from->readouts = NULL;
	run_result_free(from);
}

bool run_passed(const struct run_result *r)
{
	return !r->invariants && !r->corrupt_bytes && !r->leaked_pages && !r->leaked_bytes;
}

void run_result_free(struct run_result *r)
{
	free(r->readouts);
	r->readouts = NULL;
	for (unsigned int i = 0; i < r->nr_actors; i++) {
		free(r->actor[i].device);
		r->actor[i].device = NULL;
	}
}

void run_devices(const struct run_result *r, struct tally *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (unsigned int i = 0; i < r->nr_actors; i++)
		if (r->actor[i].spec->kind == ACTOR_DEVICE)
			tally_merge(sum, &r->actor[i].tally);
}
