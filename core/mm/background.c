/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The thread that reclaims while others go on: when it runs, how long, and when it gives up. */
#include "mm/budget.h"
#include "mm/machine.h"
#include "mm/policy.h"
#include "mm/reclaim.h"

/* Frames that are free for any request, less the high watermark. */
static int64_t zone_spare(const struct zone *z)
{
	return zone_count(&z->nr_free) - zone_count(&z->nr_free_cma) -
	       (int64_t)z->wmark[WMARK_HIGH];
}

/* How many frames zones [first, end) are short of their high watermarks; and all of them together. */
static uint64_t zones_short(const struct fh_machine *m, unsigned int first, unsigned int end,
			    uint64_t *all)
{
	int64_t zones = 0, sum = 0;

	for (unsigned int i = first; i < end; i++) {
		const struct zone *z = &m->zone[i];
		int64_t spare = zone_spare(z);

		/* A zone that is all areas has no such frames. */
		if (z->managed <= (uint64_t)zone_count(&z->cma_pages))
			continue;
		sum += spare;
		zones -= spare < 0 ? spare : 0;
	}
	*all = sum < 0 ? (uint64_t)-sum : 0;
	return (uint64_t)zones;
}

/* How far the budget is from as much room as the high watermarks come to. */
static uint64_t budget_short(struct fh_machine *m)
{
	uint64_t capacity = atomic_load_explicit(&m->capacity, memory_order_relaxed);
	uint64_t want = budget_used(m);

	for (unsigned int i = 0; i < MAX_NR_ZONES; i++)
		want += m->zone[i].wmark[WMARK_HIGH];
	return capacity && want > capacity ? want - capacity : 0;
}

#define BATCH 32 /* as SWAP_CLUSTER_MAX */

/* One run: until all zones are above their marks and the budget has room, or nothing more can go. Where
 * frames are freed cannot be chosen: one zone that stays short is worth twice what it lacks, no more. */
static void balance(struct fh_machine *m)
{
	struct reclaim *r = &m->reclaim;
	uint64_t all, goal = 2 * zones_short(m, 0, ZONE_MOVABLE, &all) + BATCH, freed = 0, n = 1;

	while (n && !atomic_load_explicit(&r->stop, memory_order_relaxed)) {
		bool low = zones_short(m, 0, ZONE_MOVABLE, &all) && (all || freed < goal);
		bool movable = zones_short(m, ZONE_MOVABLE, MAX_NR_ZONES, &all);

		if (!low && !movable && !budget_short(m))
			break;
		n = low ? reclaim_room(m, GFP_KERNEL, BATCH, RECLAIM_BACKGROUND) : 0;
		/* What goes there is of no use to the zones below. */
		if (!n && movable)
			n = reclaim_room(m, GFP_KERNEL | __GFP_MOVABLE, BATCH, RECLAIM_BACKGROUND);
		if (!n && !low && budget_short(m))
			n = budget_lower(m, GFP_KERNEL, BATCH, RECLAIM_BACKGROUND);
		freed += n;
	}
	if (!n)
		atomic_fetch_add_explicit(&r->vain, 1, memory_order_relaxed);
}

static void sleep_until_woken(struct fh_machine *m, uint32_t seen)
{
	struct reclaim *r = &m->reclaim;

	atomic_store_explicit(&r->sleeping, 1, memory_order_seq_cst);
	while (atomic_load_explicit(&r->word, memory_order_seq_cst) == seen)
		m->plat.wait(m->plat.ctx, &r->word, seen, 0);
	atomic_store_explicit(&r->sleeping, 0, memory_order_relaxed);
}

int fh_reclaim_background(struct fh_machine *m)
{
	struct reclaim *r = m ? &m->reclaim : NULL;

	if (!m || !m->plat.wait || !m->plat.wake)
		return -FH_EINVAL;
	if (atomic_exchange_explicit(&r->present, 1, memory_order_acquire))
		return -FH_EBUSY;
	for (;;) {
		uint32_t seen = atomic_load_explicit(&r->word, memory_order_seq_cst);

		if (atomic_load_explicit(&r->stop, memory_order_seq_cst))
			break;
		balance(m);
		sleep_until_woken(m, seen);
	}
	atomic_store_explicit(&r->stop, 0, memory_order_relaxed);
	atomic_store_explicit(&r->present, 0, memory_order_release);
	return 0;
}

static void wake(struct fh_machine *m)
{
	atomic_fetch_add_explicit(&m->reclaim.word, 1, memory_order_seq_cst);
	m->plat.wake(m->plat.ctx, &m->reclaim.word);
}

void fh_reclaim_stop(struct fh_machine *m)
{
	if (!m || !m->plat.wake)
		return;
	atomic_store_explicit(&m->reclaim.stop, 1, memory_order_seq_cst);
	wake(m);
}

void reclaim_wake(struct fh_machine *m)
{
	struct reclaim *r = &m->reclaim;

	if (!atomic_load_explicit(&r->sleeping, memory_order_relaxed) ||
	    atomic_load_explicit(&r->vain, memory_order_relaxed) >= POLICY_HOPELESS)
		return;
	if (atomic_exchange_explicit(&r->sleeping, 0, memory_order_relaxed))
		wake(m);
}
