/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* dma/alloc > mm/cma > mm/contig > mm/isolate > mm/migrate > [mm/buddy]
 *
 * Where free frames live: which block to take from. The blocks themselves are block.c's. */
#include "base/bits.h"
#include "mm/buddy.h"
#include "mm/machine.h"
#include "mm/owner.h"
#include "mm/policy.h"

struct take {
	struct fh_machine *m;
	const struct zone *zone;
	enum migratetype want; /* whose request it is */
	struct policy_step step;
	unsigned int order;
	unsigned int batch; /* of whole blocks */
	bool apart;	    /* not from a block that another CPU has words of */
	bool any_zone;	    /* it asks for none */
	pfn_t *pfn;
};

/* Takes a run from a locked block and unlocks it. */
static bool take_run(const struct take *t, uint64_t block, struct block_state old,
		     struct block_state new)
{
	unsigned int first;
	bool ok = block_take_run(t->m, block, &new, t->order, &first);

	block_unlock(t->m, block, old, new);
	if (ok)
		*t->pfn = machine_block_pfn(t->m, block) + first;
	return ok;
}

/* The slot of a CPU's cache that serves this step, or PCP_TYPES. */
static unsigned int cache_type(const struct take *t)
{
	if (t->step.type == MIGRATE_CMA)
		return PCP_LENT;
	return t->step.type == MIGRATE_HIGHATOMIC ? PCP_TYPES : (unsigned int)t->want;
}

static bool take_from(const struct take *t, uint64_t block)
{
	struct block_state old, new;

	if (t->step.claim) {
		if (!block_trylock(t->m, block, &old))
			return false;
		new = old;
		if (old.type != t->step.type || old.isolated || !old.free) {
			block_unlock(t->m, block, old, new);
			return false;
		}
		if (policy_claim_block(t->want, old.free, t->order)) {
			new.type = (uint8_t)t->want;
			new.special = old.free != FH_BLOCK_PAGES; /* others' pages are in it */
			block_unlock(t->m, block, old, new);
		} else {
			new.special = true; /* mixed from here on */
			return take_run(t, block, old, new);
		}
	}
	if (t->order <= 6 && cache_type(t) < PCP_TYPES) {
		enum pcp_result r =
			pcp_refill(t->m, block, cache_type(t), t->order, t->any_zone, t->pfn);

		if (r != PCP_OFF)
			return r == PCP_OK;
	}
	if (!block_trylock(t->m, block, &old))
		return false;
	if (old.isolated || !old.free || (old.type == MIGRATE_CMA && old.lend == BLOCK_LEND_NONE) ||
	    (old.type != t->step.type && !(t->step.claim && old.type == t->want))) {
		block_unlock(t->m, block, old, old);
		return false;
	}
	return take_run(t, block, old, old);
}

/* A claim makes a whole block ours whatever ordinary type it had. */
static bool fits_pair(const struct take *t, const struct block_state *s)
{
	return s->free == FH_BLOCK_PAGES && !s->isolated &&
	       (s->type != MIGRATE_CMA || s->lend != BLOCK_LEND_NONE) &&
	       (s->type == t->step.type || (t->step.claim && s->type <= MIGRATE_RECLAIMABLE));
}

/* Two whole neighbours: order 10. Locks in rising address. */
static bool take_pair(const struct take *t, uint64_t block)
{
	struct block_state a = block_lock(t->m, block), b = block_lock(t->m, block + 1);
	struct block_state new_a = a, new_b = b;
	unsigned int first;
	bool ok = fits_pair(t, &a) && fits_pair(t, &b);

	if (ok && t->step.claim) {
		new_a.type = new_b.type = (uint8_t)t->want;
		new_a.special = new_b.special = false;
	}
	if (ok) {
		block_take_run(t->m, block, &new_a, FH_BLOCK_ORDER, &first);
		block_take_run(t->m, block + 1, &new_b, FH_BLOCK_ORDER, &first);
		*t->pfn = machine_block_pfn(t->m, block);
	}
	block_unlock(t->m, block + 1, b, new_b);
	block_unlock(t->m, block, a, new_a);
	return ok;
}

/* A whole block, and the next ones for this CPU's cache. */
static bool take_whole(const struct take *t, uint64_t block, uint64_t end)
{
	enum zone_type zone = (enum zone_type)(t->zone - t->m->zone);
	uint64_t got[BLOCK_TAKE_MAX];
	unsigned int n = block_take_whole(t->m, block, end, t->step.type, got, t->batch), kept;

	if (!n)
		return false;
	*t->pfn = machine_block_pfn(t->m, got[0]);
	kept = n > 1 ? pcp_keep_whole(t->m, zone, t->step.type, got + 1, n - 1) : 0;
	for (unsigned int i = 1 + kept; i < n; i++)
		buddy_give(t->m, machine_block_pfn(t->m, got[i]), FH_BLOCK_ORDER);
	return true;
}

static bool scan_blocks(const struct take *t, const struct index *ix, uint64_t start, uint64_t end,
			enum index_search how)
{
	bool whole = t->order == FH_BLOCK_ORDER && !t->step.claim && t->step.type != MIGRATE_CMA;

	for (uint64_t b = start; (b = index_next(ix, b, end, how)) != INDEX_NONE; b++) {
		if (t->apart && how == INDEX_QUICK && block_word_cached(block_word(t->m, b)))
			continue;
		if (whole ? take_whole(t, b, end) : take_from(t, b))
			return true;
	}
	return false;
}

/* Every block of one index, from where this CPU begins. */
static bool scan_order(const struct take *t, unsigned int index_order, enum index_search how)
{
	const struct index *ix = &t->m->index[t->step.type][index_order];
	uint64_t first = t->zone->first_block, end = t->zone->end_block;
	uint64_t start = policy_cpu_start(first, end, arch_cpu_id(), t->m->nr_cpus);

	return scan_blocks(t, ix, start, end, how) ||
	       (start > first && scan_blocks(t, ix, first, start, how));
}

static bool scan_pairs(const struct take *t)
{
	const struct index *ix = &t->m->index[t->step.type][FH_BLOCK_ORDER];
	uint64_t b = t->zone->first_block;

	while ((b = index_next_pair(ix, b, t->zone->end_block)) != INDEX_NONE) {
		if (take_pair(t, b))
			return true;
		b += 2;
	}
	return false;
}

/* Two whole neighbours of different types, which no index shows. */
static bool scan_mixed_pairs(const struct take *t)
{
	for (uint64_t b = (t->zone->first_block + 1) & ~UINT64_C(1); b + 2 <= t->zone->end_block;
	     b += 2) {
		struct block_state a = block_peek(t->m, b), c = block_peek(t->m, b + 1);

		if (fits_pair(t, &a) && fits_pair(t, &c) && take_pair(t, b))
			return true;
	}
	return false;
}

/* Nothing in the indexes will do: blocks with too little free to be listed. */
static bool scan_crumbs(const struct take *t)
{
	for (uint64_t b = t->zone->first_block; b < t->zone->end_block; b++) {
		struct block_state s = block_peek(t->m, b);

		if (s.free >> t->order && !s.listed && !s.isolated && s.type == t->step.type &&
		    (s.type != MIGRATE_CMA || s.lend != BLOCK_LEND_NONE) && take_from(t, b))
			return true;
	}
	return false;
}

/* This CPU's cache, and then the block it is at. */
static bool take_cached(const struct take *t)
{
	enum zone_type zone = (enum zone_type)(t->zone - t->m->zone);
	unsigned int type = cache_type(t);

	return pcp_alloc(t->m, zone, type, t->order, t->pfn) ||
	       (t->order <= 6 && pcp_refill_same(t->m, zone, type, t->order, t->any_zone, t->pfn));
}

/* One type: smallest sufficient order first; a claim takes the largest, so that it is seldom
 * repeated. */
static bool take_step(const struct take *t, enum index_search how)
{
	if (t->order > FH_BLOCK_ORDER)
		return scan_pairs(t) ||
		       (t->step.claim && how == INDEX_EXACT && scan_mixed_pairs(t));
	if (!t->step.claim && cache_type(t) < PCP_TYPES && take_cached(t))
		return true;
	for (unsigned int i = t->order; i <= FH_BLOCK_ORDER; i++)
		if (scan_order(t, t->step.claim ? FH_BLOCK_ORDER + t->order - i : i, how))
			return true;
	return how == INDEX_EXACT && scan_crumbs(t);
}

static bool zone_ok(const struct zone *z, const struct buddy_req *r)
{
	uint64_t free = (uint64_t)zone_count(&z->nr_free);
	uint64_t cma = r->gfp & __GFP_CMA ? 0 : (uint64_t)zone_count(&z->nr_free_cma);

	free = free > cma ? free - cma : 0;
	/* To the last frame: the search knows better than a counter that may be a little low. */
	if (r->mark == NR_WMARK)
		return true;
	return policy_watermark_ok(r->gfp, free, UINT64_C(1) << r->order, z->wmark[r->mark],
				   z->lowmem_reserve[r->classzone]);
}

/* Turns an atomic request's block into a reserve for its like. */
static void reserve_highatomic(struct fh_machine *m, struct zone *z, pfn_t pfn)
{
	uint64_t block = machine_block(m, pfn);
	struct block_state old, new;

	if (!policy_reserve_highatomic((uint64_t)zone_count(&z->nr_highatomic), z->managed) ||
	    !block_trylock(m, block, &old))
		return;
	new = old;
	if (old.type != MIGRATE_CMA && old.type != MIGRATE_HIGHATOMIC && !old.isolated) {
		new.type = MIGRATE_HIGHATOMIC;
		zone_add(&z->nr_highatomic, FH_BLOCK_PAGES);
	}
	block_unlock(m, block, old, new);
}

/* What the policy looks at, as of now. */
static struct policy_zone look_at(const struct fh_machine *m, const struct zone *z)
{
	struct policy_zone pz = {
		.free = (uint64_t)zone_count(&z->nr_free),
		.free_cma = (uint64_t)zone_count(&z->nr_free_cma),
		.high = z->wmark[WMARK_HIGH],
		.guaranteed = atomic_load_explicit(&m->capacity, memory_order_relaxed),
	};

	if (pz.free_cma > pz.free) /* read one after the other */
		pz.free_cma = pz.free;
	return pz;
}

bool buddy_take(struct fh_machine *m, enum zone_type zone, const struct buddy_req *r, pfn_t *pfn)
{
	struct zone *z = &m->zone[zone];
	struct policy_step step[POLICY_MAX_STEPS];
	struct policy_zone pz = look_at(m, z);
	struct take t = {
		.m = m,
		.zone = z,
		.want = policy_type_of_gfp(r->gfp),
		.order = r->order,
		.any_zone = !(r->gfp & (__GFP_DMA | __GFP_DMA32)),
		/* Whole blocks wait in the cache of the zone that unmovable frames come from. */
		.batch = zone == ZONE_MOVABLE ? 1
					      : policy_whole_batch(pz.free, pz.high, pz.guaranteed,
								   m->cpu[0].loose.max_whole),
		.apart = policy_apart(pz.free, pz.high, m->nr_cpus),
		.pfn = pfn,
	};
	unsigned int n = policy_steps(r->gfp, &pz, step);

	if (!zone_ok(z, r))
		return false;
	for (unsigned int i = 0; i < n; i++) {
		t.step = step[i];
		if (!take_step(&t, r->how))
			continue;
		if (r->gfp & __GFP_HIGH && r->order && t.step.type != MIGRATE_HIGHATOMIC &&
		    zone != ZONE_MOVABLE)
			reserve_highatomic(m, z, *pfn);
		return true;
	}
	return false;
}

static bool give_pair(struct fh_machine *m, pfn_t pfn)
{
	uint64_t block = machine_block(m, pfn);
	struct block_state a = block_lock(m, block), b = block_lock(m, block + 1);
	struct block_state new_a = a, new_b = b;
	bool ok = !a.free && !b.free && block_free_run(m, block, &new_a, 0, FH_BLOCK_ORDER) &&
		  block_free_run(m, block + 1, &new_b, 0, FH_BLOCK_ORDER);
	struct block_map all;

	if (m->owners && ok) {
		block_span(&all, 0, FH_BLOCK_PAGES);
		owner_clear(m, block, &all);
		owner_clear(m, block + 1, &all);
	}
	block_unlock(m, block + 1, b, new_b);
	block_unlock(m, block, a, new_a);
	return ok;
}

/* With records of who has what: they end when the frames are free, not before and not after. */
static bool give_owned(struct fh_machine *m, pfn_t pfn, unsigned int order)
{
	unsigned int frame = (unsigned int)((pfn - m->base_pfn) & (FH_BLOCK_PAGES - 1));
	uint64_t block = machine_block(m, pfn);
	struct block_state old, new;
	struct block_map bits;
	bool ok;

	if (order > FH_BLOCK_ORDER) {
		ok = give_pair(m, pfn);
	} else {
		owner_split(m, pfn, order);
		block_span(&bits, frame, frame + (1u << order));
		new = old = block_lock(m, block);
		ok = block_free_run(m, block, &new, frame, order);
		if (ok)
			owner_clear(m, block, &bits);
		block_unlock(m, block, old, new);
	}
	if (!ok)
		owner_say_freed(m, pfn);
	return ok;
}

bool buddy_give(struct fh_machine *m, pfn_t pfn, unsigned int order)
{
	unsigned int frame = (unsigned int)((pfn - m->base_pfn) & (FH_BLOCK_PAGES - 1));
	uint64_t block = machine_block(m, pfn);
	struct block_state old, new;
	bool ok;

	if (m->owners)
		return give_owned(m, pfn, order);
	if (order > FH_BLOCK_ORDER)
		return give_pair(m, pfn);
	if (order <= 5)
		return block_free_word(m, block, frame / 64, bits_low(1u << order) << (frame & 63),
				       1u << order);
	new = old = block_lock(m, block);
	ok = block_free_run(m, block, &new, frame, order);
	block_unlock(m, block, old, new);
	return ok;
}

bool buddy_unreserve_highatomic(struct fh_machine *m, enum zone_type zone)
{
	struct zone *z = &m->zone[zone];
	bool any = false;

	if (!zone_count(&z->nr_highatomic))
		return false;
	for (uint64_t b = z->first_block; b < z->end_block; b++) {
		struct block_state old, new;

		if (block_peek(m, b).type != MIGRATE_HIGHATOMIC)
			continue;
		new = old = block_lock(m, b);
		if (old.type == MIGRATE_HIGHATOMIC) {
			new.type = MIGRATE_MOVABLE;
			zone_add(&z->nr_highatomic, -(int64_t)FH_BLOCK_PAGES);
			any = true;
		}
		block_unlock(m, b, old, new);
	}
	return any;
}
