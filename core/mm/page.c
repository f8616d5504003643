/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Page allocation from the outside: the CPU's cache, then zones and watermarks, then
 * reclaim. */
#include "mm/buddy.h"
#include "mm/budget.h"
#include "mm/drain.h"
#include "mm/lend.h"
#include "mm/machine.h"
#include "mm/owner.h"
#include "mm/pages.h"
#include "mm/pcp_hot.h"
#include "mm/policy.h"
#include "mm/reclaim.h"

/* Zones from the class of the request downwards, each past the watermark. */
static bool search_zones(struct fh_machine *m, gfp_t gfp, unsigned int order, unsigned int mark,
			 enum index_search how, pfn_t *pfn)
{
	const struct buddy_req r = {zone_of_gfp(gfp), gfp, order, mark, how};

	if (gfp & GFP_DROPPABLE && !order && lend_take(m, gfp, pfn))
		return true;
	for (unsigned int z = r.classzone + 1; z-- > 0;)
		if (m->zone[z].managed && buddy_take(m, (enum zone_type)z, &r, pfn))
			return true;
	return false;
}

static bool take_zones(struct fh_machine *m, gfp_t gfp, unsigned int order, unsigned int mark,
		       pfn_t *pfn)
{
	return search_zones(m, gfp, order, mark, INDEX_QUICK, pfn) ||
	       search_zones(m, gfp, order, mark, INDEX_EXACT, pfn);
}

static bool unreserve(struct fh_machine *m, gfp_t gfp)
{
	bool any = false;

	for (unsigned int z = 0; z <= zone_of_gfp(gfp); z++)
		any |= buddy_unreserve_highatomic(m, (enum zone_type)z);
	return any;
}

#define MAKE_ROOM_ROUNDS 16
#define MAKE_ROOM_PAGES	 64 /* at a time: not more than is needed, not a search a page */

static bool take_after_reclaim(struct fh_machine *m, gfp_t gfp, unsigned int order, pfn_t *pfn)
{
	unsigned int mark = gfp & GFP_EVACUATE ? NR_WMARK : WMARK_MIN;
	gfp_t how;

	if (unreserve(m, gfp) && take_zones(m, gfp, order, mark, pfn))
		return true;
	if (!(gfp & __GFP_DIRECT_RECLAIM))
		return false;
	/* Single frames are worth I/O, and small runs. */
	how = order > POLICY_COSTLY_ORDER ? gfp & ~__GFP_IO : gfp;
	for (unsigned int i = 0; i < MAKE_ROOM_ROUNDS; i++) {
		if (!reclaim_room(m, how, MAKE_ROOM_PAGES + (UINT64_C(1) << order), RECLAIM_DIRECT))
			break;
		if (take_zones(m, gfp, order, mark, pfn))
			return true;
	}
	/* What is left may be in the CPUs' caches. */
	pcp_drain_all(m);
	return take_zones(m, gfp, order, mark, pfn);
}

/* From the blocks: a request that has its place in the account, or needs none. */
static int alloc_admitted(struct fh_machine *m, gfp_t gfp, unsigned int order, pfn_t *pfn)
{
	if (gfp & GFP_EVACUATE) {
		/* A run is welcome, not needed: no search for it beyond what is at hand. */
		if (order)
			return search_zones(m, gfp, order, NR_WMARK, INDEX_QUICK, pfn) ? 0
										       : -FH_ENOMEM;
		if (take_zones(m, gfp, order, NR_WMARK, pfn))
			return 0;
	} else {
		if (search_zones(m, gfp, order, WMARK_LOW, INDEX_QUICK, pfn))
			return 0;
		reclaim_wake(m);
		if (take_zones(m, gfp, order, WMARK_MIN, pfn))
			return 0;
	}
	return take_after_reclaim(m, gfp, order, pfn) ? 0 : -FH_ENOMEM;
}

static int alloc_slow(struct fh_machine *m, gfp_t gfp, unsigned int order, pfn_t *pfn)
{
	/* A slot's worth goes into the cache and counts as used. */
	uint64_t need = order <= 6 ? SLOT_FRAMES : UINT64_C(1) << order;
	int err;

	if (gfp & (GFP_DROPPABLE | GFP_BRIEF | GFP_EVACUATE) || !budget_capacity(m))
		return alloc_admitted(m, gfp, order, pfn);
	if (!budget_reserve(m, need) && !reclaim_budget(m, gfp, need))
		return -FH_ENOMEM;
	err = alloc_admitted(m, gfp, order, pfn);
	budget_done(m, need);
	return err;
}

/* Bits that need a second thought: where from, where to, or what bytes. */
#define GFP_SLOW (~(gfp_t)(__GFP_DIRECT_RECLAIM | __GFP_IO | __GFP_NOWARN))
/* Whose placement is policy.c's, block by block, or that no slot of the cache serves. */
#define GFP_PLACED (__GFP_CMA | GFP_EVACUATE | __GFP_HIGH)

static __attribute__((noinline)) int alloc_any(struct fh_machine *m, gfp_t gfp, unsigned int order,
					       pfn_t *pfn)
{
	int err = 0;

	if (!(gfp & GFP_SLOW) && pcp_alloc_turn(m, order, pfn))
		return 0;
	if (order > FH_MAX_ORDER || (gfp & __GFP_MOVABLE && gfp & __GFP_RECLAIMABLE))
		return -FH_EINVAL;
	if (gfp & GFP_PLACED ||
	    !pcp_alloc(m, m->top_zone[zone_of_gfp(gfp)], policy_type_of_gfp(gfp), order, pfn))
		err = alloc_slow(m, gfp, order, pfn);
	if (m->owners && !err)
		owner_set(m, *pfn, UINT64_C(1) << order, order, gfp);
	if (!err && gfp & __GFP_ZERO)
		machine_zero(m, *pfn, UINT64_C(1) << order);
	return err;
}

static __attribute__((noinline)) int alloc_run(struct fh_machine *m, gfp_t gfp, unsigned int order,
					       pfn_t *pfn)
{
	if (!(gfp & GFP_SLOW) && pcp_alloc_hot(m, order, pfn))
		return 0;
	return alloc_any(m, gfp, order, pfn);
}

int fh_alloc_pages(struct fh_machine *m, gfp_t gfp, unsigned int order, pfn_t *pfn)
{
	if (!(order | (gfp & GFP_SLOW)) && pcp_alloc_hot(m, 0, pfn))
		return 0;
	return order - 1 < LOOSE_MAX_ORDER ? alloc_run(m, gfp, order, pfn)
					   : alloc_any(m, gfp, order, pfn);
}

static int give(struct fh_machine *m, pfn_t pfn, unsigned int order)
{
	int r = pcp_free(m, pfn, order);

	if (r)
		return r < 0 ? r : 0;
	return buddy_give(m, pfn, order) ? 0 : -FH_EINVAL;
}

void page_free(struct fh_machine *m, pfn_t pfn, unsigned int order)
{
	int r = order <= LOOSE_MAX_ORDER ? pcp_free_loose(m, pfn, order) : 0;

	if (!r)
		r = pcp_free_plain(m, pfn, order);
	if (r < 0 || (!r && give(m, pfn, order)))
		machine_bug(m, "pfn %#llx order %u: freed twice", (unsigned long long)pfn, order);
}

/* A block in which no frame is anybody else's. */
static bool is_plain(const struct fh_machine *m, pfn_t pfn)
{
	uint64_t w = block_word(m, machine_block(m, pfn));

	return block_word_type(w) == MIGRATE_UNMOVABLE && !block_word_special(w);
}

/* Blocks where a frame may be somebody's: objects' pages are movable, areas' are devices'. In the
 * others, where unmovable memory lives, a look at each struct fh_frame would cost more than the
 * free. */
static bool is_ours_to_free(struct fh_machine *m, pfn_t pfn, unsigned int order)
{
	uint64_t nr = UINT64_C(1) << order;
	struct cma *cma;

	if (is_plain(m, pfn) && (order <= FH_BLOCK_ORDER || (machine_has(m, pfn + FH_BLOCK_PAGES) &&
							     is_plain(m, pfn + FH_BLOCK_PAGES))))
		return true;
	for (pfn_t p = pfn; p < pfn + nr; p++) {
		if (!machine_has(m, p) || frame_state(machine_frame(m, p)) != FRAME_RAW)
			return false;
	}
	for (pfn_t p = pfn; p < pfn + nr; p += FH_BLOCK_PAGES) {
		cma = machine_area(m, machine_block(m, p));
		if (cma && cma_owns(cma, p, nr < FH_BLOCK_PAGES ? nr : FH_BLOCK_PAGES))
			return false;
	}
	return true;
}

static __attribute__((noinline)) int free_any(struct fh_machine *m, pfn_t pfn, unsigned int order)
{
	int r = order <= FH_MAX_ORDER ? pcp_free_plain(m, pfn, order) : -FH_EINVAL;

	if (r)
		return r < 0 ? r : 0;
	if (pfn & ((UINT64_C(1) << order) - 1) || !machine_has(m, pfn) ||
	    !is_ours_to_free(m, pfn, order))
		return -FH_EINVAL;
	if (order == FH_BLOCK_ORDER && is_plain(m, pfn)) /* the cache had no room */
		return buddy_give(m, pfn, order) ? 0 : -FH_EINVAL;
	return give(m, pfn, order);
}

static __attribute__((noinline)) int free_run(struct fh_machine *m, pfn_t pfn, unsigned int order)
{
	int r = pcp_free_hot(m, pfn, order);

	if (!r)
		r = pcp_free_loose(m, pfn, order);
	return r ? (r < 0 ? r : 0) : free_any(m, pfn, order);
}

static __attribute__((noinline)) int free_one(struct fh_machine *m, pfn_t pfn)
{
	int r = pcp_free_loose(m, pfn, 0);

	return r ? (r < 0 ? r : 0) : free_any(m, pfn, 0);
}

int fh_free_pages(struct fh_machine *m, pfn_t pfn, unsigned int order)
{
	int r;

	if (order)
		return order <= LOOSE_MAX_ORDER ? free_run(m, pfn, order) : free_any(m, pfn, order);
	r = pcp_free_hot(m, pfn, 0);
	return r ? (r < 0 ? r : 0) : free_one(m, pfn);
}

void *fh_page_address(struct fh_machine *m, pfn_t pfn)
{
	return m ? machine_virt(m, pfn) : NULL;
}
