/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The terms an area is lent on, and what it takes to change them while tenants are inside. */
#include "mm/evict.h"
#include "mm/failure.h"
#include "mm/budget.h"
#include "mm/drain.h"
#include "mm/machine.h"
#include "mm/policy.h"
#include "mm/reclaim.h"
#include "mm/terms.h"

const char *cma_policy_name(enum cma_policy policy)
{
	static const char *const names[CMA_NR_POLICIES] = {"carveout", "movable", "guaranteed",
							   "discard"};

	return (unsigned int)policy < CMA_NR_POLICIES ? names[policy] : "?";
}

enum cma_policy cma_get_policy(const struct cma *cma)
{
	return area_policy(cma);
}

unsigned int cma_get_share(const struct cma *cma)
{
	return atomic_load_explicit(&cma->share, memory_order_relaxed);
}

uint8_t terms_lend(const struct cma *cma, const struct area_block *block)
{
	return atomic_load_explicit(&block->lent, memory_order_relaxed) &&
			       policy_lends_to_movable(area_policy(cma))
		       ? BLOCK_LEND_MOVABLE
		       : BLOCK_LEND_NONE;
}

bool terms_is_lent(const struct cma *cma, const struct area_block *block, uint64_t nth)
{
	uint64_t all = cma->count >> FH_BLOCK_ORDER;

	/* What is not lent is the lower end: there large buffers look first. */
	return nth >= all - all * cma_get_share(cma) / 100 && !block->ready;
}

/* Blocks of an area, in turn. */
struct walk {
	struct cma *cma;
	unsigned int range;
	uint64_t i;	/* in the range */
	uint64_t block; /* of the machine */
	uint64_t nth;	/* of the area */
};

static struct area_block *walk_next(struct walk *w)
{
	struct cma_memrange *r = &w->cma->ranges[w->range];

	while (w->range < w->cma->nranges && w->i == area_nr_blocks(r)) {
		r = &w->cma->ranges[++w->range];
		w->i = 0;
	}
	if (w->range == w->cma->nranges)
		return NULL;
	w->block = machine_block(w->cma->m, r->base_pfn) + w->i;
	w->nth++;
	return &r->block[w->i++];
}

/* Each block's state as policy and share say, and no CPU's slot bound to one that is not lent. */
static void apply(struct cma *cma)
{
	struct walk w = {.cma = cma};
	struct area_block *ab;

	while ((ab = walk_next(&w))) {
		struct block_state old = block_lock(cma->m, w.block), new = old;

		atomic_store_explicit(&ab->lent, terms_is_lent(cma, ab, w.nth - 1),
				      memory_order_relaxed);
		new.lend = terms_lend(cma, ab);
		block_unlock(cma->m, w.block, old, new);
		if (new.lend == BLOCK_LEND_NONE &&new.cached)
			pcp_drain_blocks(cma->m, w.block, w.block + 1);
	}
}

/* Who must be gone from a block that is, or is not, lent under the policy. False: nobody. */
static bool who_leaves(enum cma_policy policy, bool lent, enum evict_who *who)
{
	*who = EVICT_ALL;
	if (!lent || policy == CMA_POLICY_CARVEOUT)
		return true;
	*who = policy == CMA_POLICY_DISCARD ? EVICT_UNDROPPABLE : EVICT_HELD;
	return policy != CMA_POLICY_MOVABLE;
}

static int settle(struct cma *cma, struct contig_result *res)
{
	struct evict e = {
		.cma = cma,
		.deadline_ns = machine_clock(cma->m) + policy_terms_limit_ns(),
		.res = res,
	};
	struct walk w = {.cma = cma};
	struct area_block *ab;
	int err = 0;

	while (!err && (ab = walk_next(&w)))
		if (who_leaves(area_policy(cma), atomic_load(&ab->lent), &e.who))
			err = evict_block(&e, w.block);
	return err;
}

static void store(struct cma *cma, enum cma_policy policy, unsigned int share)
{
	struct fh_machine *m = cma->m;

	atomic_store_explicit(&cma->share, share, memory_order_relaxed);
	atomic_store_explicit(&cma->policy, policy, memory_order_seq_cst);
	fh_lock(&m->areas_lock);
	machine_set_capacity(m);
	fh_unlock(&m->areas_lock);
	if (cma->active)
		apply(cma);
	/* From here on who holds or dirties a page sees the new policy, or we see what he did. */
	atomic_thread_fence(memory_order_seq_cst);
}

/* G2: what cannot be dropped fits outside the areas. */
static bool fits(struct fh_machine *m)
{
	if (budget_fits(m, 0))
		return true;
	pcp_drain_all(m);
	return budget_fits(m, 0);
}

static int change(struct cma *cma, enum cma_policy policy, unsigned int share)
{
	struct contig_result res = {.why = "what cannot be dropped does not fit outside"};
	enum cma_policy was = area_policy(cma);
	unsigned int was_share = cma_get_share(cma);
	int err = 0;

	atomic_store_explicit(&cma->settling, 1, memory_order_relaxed);
	store(cma, policy, share);
	if (cma->active && policy == CMA_POLICY_GUARANTEED && was != policy && !fits(cma->m))
		err = -FH_ENOMEM;
	if (cma->active && !err)
		err = settle(cma, &res);
	if (err)
		store(cma, was, was_share);
	atomic_store_explicit(&cma->settling, 0, memory_order_release);
	if (err) {
		struct range page = {res.pfn, res.pfn + (res.pfn ? 1 : 0)};

		failure_note(cma, err, &(struct cma_request){.count = 0}, page, &res);
		machine_log(cma->m, PLAT_LOG_ERR,
			    "cma: %s: policy %s, share %u %% refused, pfn %#llx %s, ret: %d",
			    cma->name, cma_policy_name(policy), share, (unsigned long long)res.pfn,
			    res.why, err);
		failure_say(cma, &res);
	}
	atomic_fetch_add_explicit(&cma->pages_migrated, res.migrated, memory_order_relaxed);
	atomic_fetch_add_explicit(&cma->pages_dropped, res.dropped, memory_order_relaxed);
	return err;
}

/* One change at a time. */
static void begin(struct cma *cma)
{
	for (unsigned int turn = 0;
	     atomic_exchange_explicit(&cma->changing, 1, memory_order_acquire); turn++)
		fh_spin(turn);
}

static void end(struct cma *cma)
{
	atomic_store_explicit(&cma->changing, 0, memory_order_release);
}

int cma_set_policy(struct cma *cma, enum cma_policy policy)
{
	int err = 0;

	if (!cma || (unsigned int)policy >= CMA_NR_POLICIES)
		return -FH_EINVAL;
	begin(cma);
	if (policy != area_policy(cma))
		err = change(cma, policy, cma_get_share(cma));
	end(cma);
	return err;
}

int cma_set_share(struct cma *cma, unsigned int percent)
{
	int err = 0;

	if (!cma || percent > 100)
		return -FH_EINVAL;
	begin(cma);
	if (percent != cma_get_share(cma))
		err = change(cma, area_policy(cma), percent);
	end(cma);
	return err;
}
