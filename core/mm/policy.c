/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Every decision of mm, as pure functions and tables. */
#include "mm/policy.h"

enum migratetype policy_type_of_gfp(gfp_t gfp)
{
	if (gfp & __GFP_MOVABLE)
		return MIGRATE_MOVABLE;
	return gfp & __GFP_RECLAIMABLE ? MIGRATE_RECLAIMABLE : MIGRATE_UNMOVABLE;
}

/* Linux's fallbacks[]: whose blocks to take when one's own type has none. */
static const uint8_t fallback[3][2] = {
	[MIGRATE_UNMOVABLE] = {MIGRATE_RECLAIMABLE, MIGRATE_MOVABLE},
	[MIGRATE_MOVABLE] = {MIGRATE_RECLAIMABLE, MIGRATE_UNMOVABLE},
	[MIGRATE_RECLAIMABLE] = {MIGRATE_UNMOVABLE, MIGRATE_MOVABLE},
};

/*
 * Movable memory: areas or the rest first? Linux: areas once more than half of what is free is in
 * them. With a guaranteed area (DESIGN D6) clean cache goes inside, where it is forgotten in no
 * time, and the rest outside while the zone is above its high watermark; below it everything goes
 * inside, so that requests that cannot live in an area find room.
 */
static bool cma_first(gfp_t gfp, const struct policy_zone *z)
{
	if (!(gfp & __GFP_CMA) || !z->free_cma)
		return false;
	if (!z->guaranteed)
		return z->free_cma > z->free / 2;
	return gfp & GFP_DROPPABLE || z->free - z->free_cma <= z->high;
}

unsigned int policy_steps(gfp_t gfp, const struct policy_zone *z,
			  struct policy_step out[POLICY_MAX_STEPS])
{
	enum migratetype type = policy_type_of_gfp(gfp);
	bool first = cma_first(gfp, z);
	unsigned int n = 0;

	if (first)
		out[n++] = (struct policy_step){MIGRATE_CMA, false};
	out[n++] = (struct policy_step){type, false};
	if (gfp & __GFP_HIGH)
		out[n++] = (struct policy_step){MIGRATE_HIGHATOMIC, false};
	if (gfp & __GFP_CMA && z->free_cma && !first)
		out[n++] = (struct policy_step){MIGRATE_CMA, false};
	for (unsigned int i = 0; i < 2; i++)
		out[n++] = (struct policy_step){(enum migratetype)fallback[type][i], true};
	return n;
}

bool policy_watermark_ok(gfp_t gfp, uint64_t free_usable, uint64_t need, uint64_t mark,
			 uint64_t lowmem_reserve)
{
	if (gfp & GFP_EVACUATE)
		return free_usable >= need;
	if (gfp & __GFP_HIGH)
		mark -= mark / 2;
	return free_usable >= need && free_usable - need >= mark + lowmem_reserve;
}

bool policy_claim_block(enum migratetype want, uint32_t free, unsigned int order)
{
	if (free == FH_BLOCK_PAGES)
		return true;
	return free >= FH_BLOCK_PAGES / 2 ||
	       (want != MIGRATE_MOVABLE && order >= FH_BLOCK_ORDER / 2);
}

uint64_t policy_cpu_start(uint64_t first, uint64_t end, unsigned int cpu, unsigned int nr_cpus)
{
	return cpu < nr_cpus && first < end ? first + (end - first) * cpu / nr_cpus : first;
}

unsigned int policy_whole_batch(uint64_t free, uint64_t high, bool guaranteed, unsigned int max)
{
	/* What waits counts as used: it must not matter. */
	return !guaranteed && free > 8 * high + UINT64_C(16) * max * FH_BLOCK_PAGES ? max : 1;
}

unsigned int policy_whole_max(uint64_t managed, unsigned int nr_lists, unsigned int limit)
{
	uint64_t n = managed / 16 / FH_BLOCK_PAGES / (nr_lists ? nr_lists : 1);

	return n < 1 ? 1 : n < limit ? (unsigned int)n : limit;
}

bool policy_apart(uint64_t free, uint64_t high, unsigned int nr_cpus)
{
	return free > 8 * high + UINT64_C(64) * FH_BLOCK_PAGES * nr_cpus;
}

bool policy_admit(uint64_t capacity, uint64_t used, uint64_t need)
{
	return !capacity || (used <= capacity && need <= capacity - used);
}

static uint64_t root_of(uint64_t v)
{
	uint64_t root = 0;

	for (uint64_t bit = UINT64_C(1) << 31; bit; bit >>= 1)
		if ((root + bit) * (root + bit) <= v)
			root += bit;
	return root;
}

uint64_t policy_min_free_kbytes(uint64_t managed_kbytes)
{
	uint64_t root = root_of(managed_kbytes * 16);

	if (root < 128)
		return 128;
	return root > 262144 ? 262144 : root;
}

uint64_t policy_movable_min(uint64_t managed)
{
	uint64_t min = managed / 1024;

	if (min < 32)
		return 32;
	return min > 128 ? 128 : min;
}

unsigned int policy_contig_passes(enum cma_policy policy)
{
	return policy == CMA_POLICY_MOVABLE ? 5 : 100;
}

unsigned int policy_contig_helpers(enum cma_policy policy, uint64_t blocks, unsigned int nr_cpus)
{
	uint64_t n = policy == CMA_POLICY_MOVABLE ? 0 : blocks / 4;

	return n < nr_cpus ? (unsigned int)n : nr_cpus - 1;
}

unsigned int policy_evict_passes(void)
{
	return 5;
}

uint64_t policy_terms_limit_ns(void)
{
	return UINT64_C(200000000);
}

uint64_t policy_transit_limit_ns(void)
{
	return UINT64_C(1000000000);
}

bool policy_inactive_low(uint64_t inactive, uint64_t active)
{
	uint64_t gib = (inactive + active) >> (30 - FH_PAGE_SHIFT);

	return inactive * (gib ? root_of(10 * gib) : 1) < active;
}

uint64_t policy_swap_spare(uint64_t total)
{
	return total / 16 < 256 ? total / 16 : 256;
}

uint64_t policy_swap_share(uint64_t anon, uint64_t dirty, uint64_t need)
{
	uint64_t a = anon * POLICY_SWAPPINESS, d = dirty * (200 - POLICY_SWAPPINESS);

	return a + d ? (need * a + (a + d) / 2) / (a + d) : 0;
}

unsigned int policy_exchange_chance(uint64_t taken, uint64_t swing, uint64_t ns)
{
	uint64_t times, ms;

	if (!swing || taken <= swing)
		return 0;
	/* Two takes in a moment are not a rate yet. */
	ms = (ns < POLICY_EXCHANGE_PERIOD_NS ? POLICY_EXCHANGE_PERIOD_NS : ns) / 1000000;
	/* How often it is taken in the time that a page stays, in thousandths: taking and leaving are equally sudden. */
	times = taken * 1000 / swing * (POLICY_EXCHANGE_STAY_NS / 1000000) / ms;
	return (unsigned int)(1000 * times / (1000 + times));
}

uint64_t policy_exchange_saves(uint64_t move_ns)
{
	return move_ns - move_ns * policy_leave_cost(0, 1, 0) / policy_leave_cost(1, 0, 0);
}

bool policy_exchange_pays(unsigned int chance, uint64_t move_ns, uint64_t in_ns)
{
	return chance &&
	       (1000 - chance) * move_ns + 1000 * in_ns <= chance * policy_exchange_saves(move_ns);
}

enum policy_exchange policy_exchange_room(uint64_t free, uint64_t low, uint64_t high)
{
	/* Were the last free frames used, what tenants ask for next would go inside for it. */
	if (free > 2 * high + POLICY_EXCHANGE_BATCH)
		return EXCHANGE_FOR_FREE;
	return free >= low + POLICY_EXCHANGE_BATCH ? EXCHANGE_FOR_CACHE : EXCHANGE_NOT;
}

bool policy_reserve_highatomic(uint64_t reserved, uint64_t managed)
{
	return reserved + FH_BLOCK_PAGES <= managed / 100;
}
