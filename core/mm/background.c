/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The thread that reclaims while others go on: when it runs, how long, and when it gives up. */
#include "mm/machine.h"
#include "mm/policy.h"
#include "mm/reclaim.h"

/* How many frames a zone is short of its high watermark, of those that any request may have. */
static uint64_t zone_short(const struct zone *z)
{
	int64_t free = zone_count(&z->nr_free) - zone_count(&z->nr_free_cma);
	int64_t high = (int64_t)z->wmark[WMARK_HIGH];

	/* A zone that is all areas has none of these. */
	if (z->managed <= (uint64_t)zone_count(&z->cma_pages))
		return 0;
	return free < high ? (uint64_t)(high - free) : 0;
}

static uint64_t machine_short(const struct fh_machine *m)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < MAX_NR_ZONES; i++)
		if (m->zone[i].managed)
			n += zone_short(&m->zone[i]);
	return n;
}

#define BATCH 32 /* as SWAP_CLUSTER_MAX */

/* One run: until all zones are above their marks; or twice what they were short of is freed, since it may
 * be freed in other zones; or nothing more can go. */
static void balance(struct fh_machine *m)
{
	struct reclaim *r = &m->reclaim;
	uint64_t goal = 2 * machine_short(m) + BATCH, freed = 0, n = 1;

	while (n && freed < goal && machine_short(m) &&
	       !atomic_load_explicit(&r->stop, memory_order_relaxed)) {
		n = reclaim_room(m, GFP_KERNEL, BATCH, RECLAIM_BACKGROUND);
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
		m->plat.wait(m->plat.ctx, &r->word, seen);
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
