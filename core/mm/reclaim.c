/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Make room before failing: which pages go, by which way; and the account of what cannot go at once. */
#include "mm/budget.h"
#include "mm/drain.h"
#include "mm/machine.h"
#include "mm/objects.h"
#include "mm/pageout.h"
#include "mm/pages.h"
#include "mm/policy.h"
#include "mm/reclaim.h"
#include "mm/swap.h"

/* Object locked. */
static bool drop_locked(struct fh_object *o, pfn_t pfn)
{
	struct fh_frame *f = machine_frame(o->m, pfn);

	if ((frame_flags(f) & FRAME_KEEP_MASK) != FRAME_FILE)
		return false;
	mapping_zap(o, f->index, 1);
	o->slot[f->index] = 0;
	return true;
}

unsigned int reclaim_drop(struct fh_machine *m, pfn_t *pfn, unsigned int n)
{
	struct fh_object *o =
		machine_frame(m, pfn[0])->owner; /* ours to read: we isolated the page */
	unsigned int kept = 0;

	fh_lock(&o->lock);
	for (unsigned int i = 0; i < n; i++) {
		pfn_t p = pfn[i];

		if (drop_locked(o, p))
			continue;
		pfn[i] = pfn[kept];
		pfn[kept++] = p;
	}
	if (kept < n) {
		o->nr_present -= n - kept;
		lru_forget(m, pfn + kept, n - kept);
		object_wake(o);
	}
	fh_unlock(&o->lock); /* from here on *o may be gone */
	vm_count(m, VM_pgsteal_file, n - kept);
	return kept;
}

uint64_t reclaim_clean(struct fh_machine *m, enum lru_where where, uint64_t want)
{
	pfn_t pfn[32];
	uint64_t freed = 0;

	while (freed < want) {
		uint64_t left = want - freed;
		unsigned int run, kept,
			n = lru_isolate_clean(m, where, pfn, left < 32 ? (unsigned int)left : 32);

		if (!n)
			break;
		for (unsigned int i = 0; i < n; i += run) {
			run = objects_same_owner(m, pfn + i, n - i);
			kept = reclaim_drop(m, pfn + i, run);
			for (unsigned int j = i + kept; j < i + run; j++)
				page_free(m, pfn[j], 0);
			freed += run - kept;
			objects_put_back(m, pfn + i, kept);
		}
	}
	return freed;
}

/* ---- reclaim that may sleep ---- */

/* This thread, as struct reclaim's `writer` names it. */
static uint32_t self(const struct fh_machine *m)
{
	unsigned int id = arch_cpu_id();

	return id < m->nr_cpus ? id + 2 : 1;
}

static void io_begin(struct fh_machine *m)
{
	atomic_fetch_add_explicit(&m->reclaim.running, 1, memory_order_relaxed);
}

static void io_end(struct fh_machine *m)
{
	atomic_fetch_sub_explicit(&m->reclaim.running, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&m->reclaim.done, 1, memory_order_release);
}

/*
 * R5: one writer of files in a machine. What ops->write allocates, in this thread or in a server's, finds
 * the place taken and does without: it neither starts a write that would need the same server nor waits.
 */
static uint64_t write_back(struct fh_machine *m, enum lru_where where, uint64_t want,
			   struct pageout *res)
{
	struct reclaim *r = &m->reclaim;
	uint64_t before = res->done;
	uint32_t nobody = 0;

	if (!want || res->no_io || !zone_count(&m->lru.nr_dirty) ||
	    !atomic_compare_exchange_strong_explicit(&r->writer, &nobody, self(m),
						     memory_order_acquire, memory_order_relaxed))
		return 0;
	io_begin(m);
	pageout_dirty(m, where, want, res);
	atomic_store_explicit(&r->writer, 0, memory_order_release);
	io_end(m);
	return res->done - before;
}

/* Whether there is a place for an anonymous page, in swap or in the pool. */
static bool anon_can_leave(const struct fh_machine *m, const struct pageout *res)
{
	return (!res->no_io && swap_nr_free(&m->swap) > res->spare) || zpool_open(m, res->over);
}

static uint64_t swap_out(struct fh_machine *m, enum lru_where where, uint64_t want,
			 struct pageout *res)
{
	uint64_t before = res->done;

	if (!want || !anon_can_leave(m, res))
		return 0;
	io_begin(m);
	pageout_anon(m, where, want, res);
	io_end(m);
	return res->done - before;
}

/* The last places in swap, and the pool beyond its limit, are for who brings a page back, and gives its place up then. */
static struct pageout pageout_for(const struct fh_machine *m, gfp_t gfp)
{
	return (struct pageout){
		.spare = gfp & GFP_SWAPIN ? 0 : policy_swap_spare(m->swap.nr_total),
		.no_io = !(gfp & __GFP_IO),
		.over = gfp & GFP_SWAPIN,
	};
}

/* Compresses or swaps out, and writes back, `need` pages in all, in proportion; more of one when the other has none.
 * Returns pages that are now free or clean; *clean: how many are clean. */
static uint64_t page_out(struct fh_machine *m, enum lru_where where, uint64_t need, uint64_t *clean,
			 struct pageout *res)
{
	const _Atomic(uint64_t) *count = m->lru.count[where];
	uint64_t anon = count[LRU_INACTIVE_ANON] + count[LRU_ACTIVE_ANON], n;
	uint64_t dirty = res->no_io ? 0 : (uint64_t)zone_count(&m->lru.nr_dirty);
	uint64_t share = policy_swap_share(anon_can_leave(m, res) ? anon : 0, dirty, need);

	n = swap_out(m, where, share, res);
	*clean = write_back(m, where, need - share, res);
	if (!(n + *clean) && share < need)
		n = swap_out(m, where, need - share, res);
	if (!(n + *clean) && share)
		*clean = write_back(m, where, share, res);
	return n + *clean;
}

/*
 * Others reclaim: what they free may be enough for us too. Not while this very thread is the writer (it
 * allocates inside ops->write), nor for ever: the writer may be waiting for us.
 */
static bool others_did(struct fh_machine *m)
{
	struct reclaim *r = &m->reclaim;
	uint32_t me = self(m), seen = atomic_load_explicit(&r->done, memory_order_acquire);
	uint64_t start;

	if (me == 1 || atomic_load_explicit(&r->writer, memory_order_relaxed) == me)
		return false;
	start = machine_clock(m);
	while (atomic_load_explicit(&r->running, memory_order_relaxed)) {
		if (atomic_load_explicit(&r->done, memory_order_acquire) != seen)
			return true;
		if (machine_clock(m) - start > POLICY_PATIENCE_NS)
			return false;
		arch_yield();
	}
	return atomic_load_explicit(&r->done, memory_order_acquire) != seen;
}

static void account(struct fh_machine *m, enum reclaim_who who, uint64_t scanned, uint64_t freed)
{
	vm_count(m, who == RECLAIM_DIRECT ? VM_pgscan_direct : VM_pgscan_kswapd, scanned);
	vm_count(m, who == RECLAIM_DIRECT ? VM_pgsteal_direct : VM_pgsteal_kswapd, freed);
	if (freed && atomic_load_explicit(&m->reclaim.vain, memory_order_relaxed))
		atomic_store_explicit(&m->reclaim.vain, 0, memory_order_relaxed);
}

/* Whose frames are of use to the request, in the order in which they go; how many. Frames that everybody can use
 * are left to who cannot use others. */
static unsigned int useful(gfp_t gfp, enum lru_where out[NR_LRU_WHERE])
{
	unsigned int n = 0;

	if (zone_of_gfp(gfp) == ZONE_MOVABLE)
		out[n++] = LRU_MOVABLE;
	out[n++] = LRU_OUTSIDE;
	if (gfp & __GFP_CMA)
		out[n++] = LRU_INSIDE;
	return n;
}

uint64_t reclaim_room(struct fh_machine *m, gfp_t gfp, uint64_t need, enum reclaim_who who)
{
	struct pageout res = pageout_for(m, gfp);
	enum lru_where where[NR_LRU_WHERE];
	unsigned int nr = useful(gfp, where);
	uint64_t n = 0, clean;

	for (unsigned int i = 0; i < nr && !n; i++)
		n = reclaim_clean(m, where[i], need);
	if (n || !(gfp & __GFP_IO)) {
		account(m, who, n, n);
		return n;
	}
	for (unsigned int i = 0; i < nr && !n; i++) {
		n = page_out(m, where[i], need, &clean, &res);
		if (clean)
			n += reclaim_clean(m, where[i], clean) - clean;
	}
	account(m, who, res.scanned, n);
	if (!n && who == RECLAIM_DIRECT && others_did(m))
		n = 1;
	return n;
}

uint64_t budget_lower(struct fh_machine *m, gfp_t gfp, uint64_t need, enum reclaim_who who)
{
	struct pageout res = pageout_for(m, gfp);
	uint64_t clean, n;

	/* Outside first: it may be frames there that are wanted. What is clean is enough. */
	n = page_out(m, LRU_OUTSIDE, need, &clean, &res);
	if (!n)
		n = page_out(m, LRU_MOVABLE, need, &clean, &res);
	if (!n)
		n = page_out(m, LRU_INSIDE, need, &clean, &res);
	account(m, who, res.scanned, n);
	return n;
}

#define BUDGET_ROUNDS 16
#define BUDGET_PAGES  32 /* a round, at least; as SWAP_CLUSTER_MAX */

bool reclaim_budget(struct fh_machine *m, gfp_t gfp, uint64_t need)
{
	uint64_t want = need > BUDGET_PAGES ? need : BUDGET_PAGES, n;
	bool any = false;

	for (unsigned int i = 0; i < BUDGET_ROUNDS; i++) {
		if (budget_reserve(m, need))
			return true;
		reclaim_wake(m);
		if (!(gfp & __GFP_DIRECT_RECLAIM))
			return false;
		n = budget_lower(m, gfp, want, RECLAIM_DIRECT);
		any |= n;
		if (!n && !(gfp & __GFP_IO && others_did(m)))
			break;
	}
	/* What it freed may be in CPUs' caches, and counts as used there. */
	if (any)
		pcp_drain_all(m);
	return budget_reserve(m, need);
}
