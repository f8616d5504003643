/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Every decision of mm, as pure functions and tables: no state, no locks, nothing to undo. */
#ifndef FH_MM_POLICY_H
#define FH_MM_POLICY_H

#include <freehold/types.h>

/* Inside the core: more that an allocation may say. Above the public gfp bits. */
#define GFP_DROPPABLE ((gfp_t)1 << 16) /* will be a clean file page: placed in areas first */
#define GFP_EVACUATE  ((gfp_t)1 << 17) /* replaces a page that gives its frame up: no admission */
#define GFP_BRIEF     ((gfp_t)1 << 18) /* given back within the call: capacity's slack covers it */

#define GFP_SWAPIN ((gfp_t)1 << 19) /* for a page in swap: may use the last places there */
#define GFP_LASTING                                                                                \
	((gfp_t)1 << 20) /* movable, but for a page that will be pinned: not of ZONE_MOVABLE */

/* Where to look, in order. `claim`: the block becomes ours if enough of it is free. */
struct policy_step {
	enum migratetype type;
	bool claim;
};

#define POLICY_MAX_STEPS 5

/* What the choice depends on: of one zone, frames. */
struct policy_zone {
	uint64_t free, free_cma; /* free includes free_cma, not carveouts */
	uint64_t high;		 /* WMARK_HIGH */
	bool guaranteed;	 /* some area has policy `guaranteed` */
};

unsigned int policy_steps(gfp_t gfp, const struct policy_zone *z,
			  struct policy_step out[POLICY_MAX_STEPS]);

enum migratetype policy_type_of_gfp(gfp_t gfp);

/* Whether a zone may serve: Linux's __zone_watermark_ok for the frames this request may use. */
bool policy_watermark_ok(gfp_t gfp, uint64_t free_usable, uint64_t need, uint64_t mark,
			 uint64_t lowmem_reserve);

/* Whether a block of another type becomes ours when we take from it: all free, half free, or a
 * request that would otherwise leave an unmovable page in somebody's block again and again. */
bool policy_claim_block(enum migratetype want, uint32_t free, unsigned int order);

#define POLICY_CRUMBS 32 /* a 16th of a block: fragmentation hidden, against visits saved */

/* Whether a block with that much free is worth a visit by who looks for frames: a few crumbs are
 * left to gather, unless memory is short. */
static inline bool policy_list_block(uint32_t free, uint64_t left, uint64_t high)
{
	return free >= POLICY_CRUMBS || (free && left <= 2 * high);
}

/* Where in blocks [first, end) a CPU looks first: apart from the others, so that they do not fight for the same
 * words of states and indexes. */
uint64_t policy_cpu_start(uint64_t first, uint64_t end, unsigned int cpu, unsigned int nr_cpus);
/* How many whole blocks, up to `max`, a CPU takes at once: the next ones wait in its cache, when memory is plentiful,
 * and nobody's guarantee depends on what is used. */
unsigned int policy_whole_batch(uint64_t free, uint64_t high, bool guaranteed, unsigned int max);
/* How many whole blocks may wait in each of the nr_lists lists of all CPUs together, up to `limit`: a 16th of memory. */
unsigned int policy_whole_max(uint64_t managed, unsigned int nr_lists, unsigned int limit);
/* Whether a CPU leaves blocks alone that others have words of: while there are plenty, two in one block only
 * wait for each other's cache lines. */
bool policy_apart(uint64_t free, uint64_t high, unsigned int nr_cpus);

/* DESIGN G2: non-droppable use, with `need` more, must fit outside the guaranteed areas. */
bool policy_admit(uint64_t capacity, uint64_t used, uint64_t need);

/* min_free_kbytes of Linux: 4 * sqrt(KiB), 128 to 262144. */
uint64_t policy_min_free_kbytes(uint64_t managed_kbytes);
/* WMARK_MIN of ZONE_MOVABLE, frames: a 1024th, 32 to 128, as Linux since 6.12. */
uint64_t policy_movable_min(uint64_t managed);

/* How often cma_alloc() goes over the same window before it calls a page busy. */
unsigned int policy_contig_passes(enum cma_policy policy);
/* How many other CPUs help to empty so many blocks. */
unsigned int policy_contig_helpers(enum cma_policy policy, uint64_t blocks, unsigned int nr_cpus);
/* What it takes to make tenants leave, in the time that dropping a page takes: moving one is a copy
 * and a change of mappings. A held page is a last resort. */
static inline uint64_t policy_leave_cost(uint64_t moved, uint64_t dropped, uint64_t held)
{
	return moved * 4 + dropped + (held << 20);
}

/* Whether the policy lends to whatever is movable (`discard` lends to what can be dropped only). */
static inline bool policy_lends_to_movable(enum cma_policy policy)
{
	return policy == CMA_POLICY_MOVABLE || policy == CMA_POLICY_GUARANTEED;
}

/* How often a tenant that finds no frame to move to is tried again when an area's terms change. */
unsigned int policy_evict_passes(void);
/* How long held pages are waited for then, in ns: longer than direct I/O to a slow card. */
uint64_t policy_terms_limit_ns(void);
/* How long a page may be in transit (taken, not yet in its object), in ns, before it is called
 * stuck. */
uint64_t policy_transit_limit_ns(void);

/* Whether pages must come over from the active list before more are taken off the inactive one: Linux's
 * inactive_is_low(). Half are inactive below 1 GiB, a quarter at 1 GiB, fewer above. */
bool policy_inactive_low(uint64_t inactive, uint64_t active);

#define POLICY_SWAPPINESS 60 /* of 200, as vm.swappiness */
/* Of `need` pages that no clean cache is left for, how many to swap out; the rest is written back. `anon`
 * and `dirty`: pages that could be. */
uint64_t policy_swap_share(uint64_t anon, uint64_t dirty, uint64_t need);

/* Places in swap that only who brings a page back may use, for those that must leave for it: so that what
 * was once taken can be had again, whatever others ask for. */
uint64_t policy_swap_spare(uint64_t total);

/* The most that a page may come to, compressed, to be worth keeping so: it saves a quarter. */
#define POLICY_ZPOOL_MAX (FH_PAGE_SIZE / 4 * 3)
/* Whether a compressed page may open a frame of the pool: only if another of its size fits beside it, or one of
 * what the pool's `pages` come to on average. Any larger one saves something where it fills a gap, and nothing
 * in a frame of its own. */
static inline bool policy_zpool_opens(uint64_t size, uint64_t bytes, uint64_t pages)
{
	return size <= FH_PAGE_SIZE / 2 || (pages && size + bytes / pages <= FH_PAGE_SIZE);
}

/* Whether the pool takes pages in: it has saved `pages` less `frames` frames, and may save `limit`. `over`:
 * for a page that comes back from it, whatever it has saved: all pages in it and out are not more than they were. */
static inline bool policy_zpool_open(uint64_t limit, uint64_t pages, uint64_t frames, bool over)
{
	return over ? limit || pages : limit && pages < frames + limit;
}

#define POLICY_COSTLY_ORDER 3 /* above it I/O is not worth while: what it frees makes no runs */
/* How long who finds nothing to reclaim waits for others' I/O to make progress. */
#define POLICY_PATIENCE_NS UINT64_C(100000000)
/* After so many vain tries in a row the background is not woken until somebody reclaims something. */
#define POLICY_HOPELESS 16

/*
 * Exchange (D6): a tenant's page that a device would have to move when it takes its area back is moved ahead of it, to a
 * frame outside that is free, or that holds a page which can be dropped and comes inside instead. All costs in ns a page.
 *
 * move: a page out: its copy and the change of its mappings; what it takes in advance and what it would take a device
 * are the same work. in: the page that comes inside instead, 0 if none does. chance: of a device taking the frame before the
 * tenant leaves it by himself. Without exchange a tenant is moved with that chance, while a device waits. With it he is
 * moved for sure, and the device, with that chance, drops a page instead:
 *
 *	tenants lose	(1 - chance) * move + in
 *	a device saves	chance * (move - drop)		drop: as policy_leave_cost() weighs it, a quarter of a move
 */
#define POLICY_EXCHANGE_BATCH	32		  /* pages a step */
#define POLICY_EXCHANGE_SCANS	512		  /* pages looked at for cold ones */
#define POLICY_EXCHANGE_REST	99		  /* times as long as a step took: 1 % of a CPU */
#define POLICY_EXCHANGE_LOOK_NS UINT64_C(2000000) /* after a look that found nothing to do */
#define POLICY_EXCHANGE_PERIOD_NS                                                                  \
	UINT64_C(15000000000) /* remembered of devices: this period and the last */
#define POLICY_EXCHANGE_STAY_NS                                                                    \
	UINT64_C(30000000000) /* how long a page stays that no device moves: mean */
#define POLICY_EXCHANGE_STAKE_NS                                                                   \
	UINT64_C(20000000) /* what an area's tenants may have paid in vain of late */
#define POLICY_EXCHANGE_MOVE_NS UINT64_C(3000) /* move, until it has been measured */
#define POLICY_EXCHANGE_IN_PART 3 /* in, until then: one part of that, for want of mappings */

/* Per mille, when devices took `taken` frames in so long, with `swing` frames between the least and the most that they
 * had at a time. 0: they took what they take no more than once; that is no habit. */
unsigned int policy_exchange_chance(uint64_t taken, uint64_t swing, uint64_t ns);
/* Whether a device saves at least what tenants lose. */
bool policy_exchange_pays(unsigned int chance, uint64_t move_ns, uint64_t in_ns);
/* What a device saves with a page that it drops and need not move. */
uint64_t policy_exchange_saves(uint64_t move_ns);

enum policy_exchange {
	EXCHANGE_NOT,	    /* memory is short */
	EXCHANGE_FOR_CACHE, /* a page comes inside for each that leaves: outside is as full as before */
	EXCHANGE_FOR_FREE, /* there is plenty */
};
/* By the frames outside areas that are free, and by the zones' watermarks together. */
enum policy_exchange policy_exchange_room(uint64_t free, uint64_t low, uint64_t high);

/* HIGHATOMIC blocks: at most 1 % of a zone, as Linux. */
bool policy_reserve_highatomic(uint64_t reserved, uint64_t managed);

#endif
