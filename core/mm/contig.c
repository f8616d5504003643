/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* dma/alloc > mm/cma > [mm/contig] > mm/isolate > mm/migrate > mm/buddy
 *
 * Make exactly this range ours.
 *
 * Two rounds over the blocks of the range. The first visits each once: blocks whose part is free
 * are ours right away, the others are isolated, so that from here on nothing new comes in. Only if
 * there are such does the second round follow: the CPUs whose cached words lie there give them
 * back, and blocks are emptied, each by one thread. An idle range costs one visit a block and no more. */
#include "base/bits.h"
#include "mm/budget.h"
#include "mm/contig.h"
#include "mm/isolate.h"
#include "mm/drain.h"
#include "mm/machine.h"
#include "mm/migrate.h"
#include "mm/objects.h"
#include "mm/pinner.h"
#include "mm/policy.h"

#define CHUNK_BLOCKS 4096 /* 8 GiB: what one bitmap of `ours` spans */

/* Blocks that are claimed whole, and those that would not be and are no longer isolated; the others are. */
struct marks {
	_Atomic(uint64_t) ours[CHUNK_BLOCKS / 64], failed[CHUNK_BLOCKS / 64];
};

/* A chunk of a range, emptied by several threads at once if it is large. */
struct claim {
	struct fh_machine *m;
	const struct contig_want *want;
	uint64_t first, end;	/* blocks */
	_Atomic(uint64_t) next; /* the block that nobody has begun to empty */
	_Atomic(uint64_t) migrated, dropped;
	_Atomic(int) err;
	struct contig_result blame; /* of who set err */
	struct marks *marks;
};

/* The part of the range that lies in a block. */
static void span_of(const struct fh_machine *m, struct range range, uint64_t block,
		    unsigned int *lo, unsigned int *hi)
{
	pfn_t start = machine_block_pfn(m, block);

	*lo = range.start > start ? (unsigned int)(range.start - start) : 0;
	*hi = range.end < start + FH_BLOCK_PAGES ? (unsigned int)(range.end - start)
						 : FH_BLOCK_PAGES;
}

static bool has(const struct claim *c, const _Atomic(uint64_t) *map, uint64_t block)
{
	return atomic_load_explicit(&map[(block - c->first) / 64], memory_order_relaxed) >>
		       ((block - c->first) & 63) &
	       1;
}

static void mark(const struct claim *c, _Atomic(uint64_t) *map, uint64_t block)
{
	atomic_fetch_or_explicit(&map[(block - c->first) / 64],
				 UINT64_C(1) << ((block - c->first) & 63), memory_order_relaxed);
}

/* One block being emptied. */
struct emptying {
	const struct claim *c;
	struct contig_result *res;
	uint64_t block;
	struct block_map want, mine;
	unsigned int uncounted; /* frames of `mine` that the machine's counters do not know yet */
	unsigned int passes;	/* without progress */
	uint64_t transit_since; /* 0: no page was in transit at the last look */
};

static void emptied(void *data, pfn_t pfn)
{
	struct emptying *e = data;
	unsigned int i = (unsigned int)(pfn - machine_block_pfn(e->c->m, e->block));

	e->mine.w[i / 64] |= UINT64_C(1) << (i & 63);
	e->uncounted++;
}

/* A batch at a time: all CPUs share these counters. Until then the account is too high, which is safe. */
static void count_emptied(struct emptying *e)
{
	atomic_fetch_add_explicit(&e->c->m->nr_device, e->uncounted, memory_order_relaxed);
	budget_add(e->c->m, -(int64_t)e->uncounted);
	e->uncounted = 0;
}

/* A page in transit: its owner is between taking it and putting it where it can be found. */
static int wait_transit(struct emptying *e)
{
	struct fh_machine *m = e->c->m;
	uint64_t now = machine_clock(m);

	if (!e->transit_since)
		e->transit_since = now;
	e->res->since_ns = e->transit_since;
	if (now - e->transit_since > policy_transit_limit_ns())
		return -FH_EBUSY;
	arch_yield();
	return 0;
}

/* Linux's MIGRATE_SYNC: wait for the write to end. Who has a deadline looks at the clock instead. */
static void wait_unhold(struct fh_machine *m, const struct fh_frame *f, bool hurried)
{
	uint32_t seen;

	atomic_fetch_add_explicit(&m->unhold_waiters, 1, memory_order_seq_cst);
	seen = atomic_load_explicit(&m->unholds, memory_order_seq_cst);
	if (frame_state(f) == FRAME_HELD) {
		if (m->plat.wait && !hurried)
			m->plat.wait(m->plat.ctx, &m->unholds, seen, 0);
		else
			arch_yield();
	}
	atomic_fetch_sub_explicit(&m->unhold_waiters, 1, memory_order_seq_cst);
}

void contig_blame(struct fh_machine *m, pfn_t pfn, struct contig_result *res)
{
	const struct fh_frame *f = machine_frame(m, pfn);
	uint32_t pins = 0;

	res->pfn = pfn;
	res->owner = CMA_OWNER_RAW;
	res->owner_id = res->since_ns = 0;
	fh_lock(&m->lru.lock); /* nobody leaves these states, nor the page its object, without it */
	switch (frame_state(f)) {
	case FRAME_HELD:
		res->since_ns = lru_held_since(f);
		pins = __atomic_load_n(&f->pins, __ATOMIC_RELAXED);
		__attribute__((fallthrough));
	case FRAME_BATCH:
	case FRAME_LRU:
		res->owner = CMA_OWNER_OBJECT;
		res->owner_id = ((const struct fh_object *)f->owner)->id;
		break;
	case FRAME_MOVABLE:
	case FRAME_ISOLATED_MOVABLE:
		res->owner = CMA_OWNER_DRIVER;
		break;
	default:
		break;
	}
	fh_unlock(&m->lru.lock);
	res->pins = pins_count(pins);
	res->pinner = pinner_name(m, pins_pinner(pins));
}

/* The one page that is looked at when nothing could be isolated: what to do about it. 0: try again.
 */
static int consider(struct emptying *e, pfn_t pfn)
{
	const struct claim *c = e->c;
	struct fh_frame *f = machine_frame(c->m, pfn);
	enum frame_state state = frame_state(f);
	int err = -FH_EBUSY;

	contig_blame(c->m, pfn, e->res);
	switch (state) {
	case FRAME_MOVABLE:
		err = migrate_movable(c->m, pfn);
		if (!err) {
			emptied(e, pfn);
			count_emptied(e);
			e->res->migrated++;
			return 0;
		}
		if (err == -FH_ENOMEM) {
			e->res->why = "no frame to move it to";
			break;
		}
		err = -FH_EBUSY;
		e->res->why = "its driver does not let go";
		break;
	case FRAME_HELD:
		e->res->why = frame_flags(f) & FRAME_WRITEBACK ? "under writeback" : "pinned";
		if (frame_flags(f) & FRAME_WRITEBACK && c->want->policy == CMA_POLICY_MOVABLE) {
			wait_unhold(c->m, f, c->want->deadline_ns || c->want->cancel);
			return 0;
		}
		break;
	default: /* RAW, or in somebody else's hands: over soon */
		e->res->why = "taken, and in no object";
		return wait_transit(e);
	}
	arch_yield();
	return ++e->passes >= policy_contig_passes(c->want->policy) ? err : 0;
}

/* Whether the caller wants it no longer. */
static int given_up(const struct claim *c)
{
	if (c->want->cancel && atomic_load_explicit(c->want->cancel, memory_order_relaxed))
		return -FH_ECANCELED;
	if (c->want->deadline_ns && machine_clock(c->m) >= c->want->deadline_ns)
		return -FH_ETIMEDOUT;
	return 0;
}

/* Isolates and moves what can be, a batch; or considers the first page that cannot. */
static int empty_some(struct emptying *e)
{
	const struct claim *c = e->c;
	struct migrate_result r = {0};
	struct block_map left;
	pfn_t pfn[MIGRATE_BATCH], stuck = 0;
	unsigned int n;

	for (unsigned int i = BLOCK_WORDS; i-- > 0;) {
		left.w[i] = e->want.w[i] & ~e->mine.w[i];
		if (left.w[i])
			stuck = machine_block_pfn(c->m, e->block) + i * 64 + bits_first(left.w[i]);
	}
	n = lru_isolate_map(c->m, e->block, left.w, pfn, MIGRATE_BATCH);
	if (!n)
		return consider(e, stuck);
	e->transit_since = 0;
	migrate_pages(c->m, pfn, n,
		      c->want->policy == CMA_POLICY_MOVABLE ? MIGRATE_ANYWHERE : MIGRATE_OUT,
		      emptied, e, &r);
	count_emptied(e);
	e->res->migrated += r.moved;
	e->res->dropped += r.dropped;
	if (!r.failed)
		return 0;
	contig_blame(c->m, r.failed_pfn, e->res);
	e->res->why = "no frame to move it to";
	return ++e->passes >= policy_contig_passes(c->want->policy) ? r.error : 0;
}

/* Empties the block's part of the range; it is isolated. */
static int empty_block(struct claim *c, uint64_t block, struct contig_result *res)
{
	struct emptying e = {.c = c, .res = res, .block = block};
	unsigned int lo, hi;
	int err = 0;

	span_of(c->m, c->want->range, block, &lo, &hi);
	block_span(&e.want, lo, hi);
	vm_count(c->m, VM_contig_evacuate, 1);
	while (!isolate_sweep(c->m, block, &e.want, &e.mine)) {
		err = given_up(c);
		if (!err)
			err = empty_some(&e);
		if (err) {
			isolate_undo(c->m, block, &e.mine);
			mark(c, c->marks->failed, block);
			return err;
		}
	}
	mark(c, c->marks->ours, block);
	return 0;
}

/* What each of the threads does: empties blocks until there are no more, or somebody could not. */
static void empty_blocks(void *data)
{
	struct claim *c = data;
	struct contig_result res = {0};
	int err = 0, none = 0;
	uint64_t b;

	while (!err && !atomic_load_explicit(&c->err, memory_order_relaxed) &&
	       (b = atomic_fetch_add_explicit(&c->next, 1, memory_order_relaxed)) < c->end)
		if (!has(c, c->marks->ours, b))
			err = empty_block(c, b, &res);
	if (err && atomic_compare_exchange_strong(&c->err, &none, err))
		c->blame = res;
	atomic_fetch_add_explicit(&c->migrated, res.migrated, memory_order_relaxed);
	atomic_fetch_add_explicit(&c->dropped, res.dropped, memory_order_relaxed);
}

/* Gives back what was taken. */
static void undo(struct claim *c)
{
	static const struct block_map none;
	unsigned int lo, hi;

	for (uint64_t b = c->first; b < c->end; b++) {
		span_of(c->m, c->want->range, b, &lo, &hi);
		if (has(c, c->marks->ours, b))
			isolate_release(c->m, b, lo, hi);
		else if (!has(c, c->marks->failed, b))
			isolate_undo(c->m, b, &none);
	}
}

static int claim_chunk(struct claim *c)
{
	struct plat *plat = &c->m->plat;
	unsigned int lo, hi, helpers;
	uint64_t left = 0;

	for (uint64_t i = 0; i <= (c->end - c->first) / 64 && i < CHUNK_BLOCKS / 64; i++) {
		atomic_init(&c->marks->ours[i], 0);
		atomic_init(&c->marks->failed[i], 0);
	}
	for (uint64_t b = c->first; b < c->end; b++) {
		span_of(c->m, c->want->range, b, &lo, &hi);
		if (isolate_or_claim(c->m, b, lo, hi))
			mark(c, c->marks->ours, b);
		else
			left++;
	}
	if (!left)
		return 0;
	pcp_drain_blocks(c->m, c->first, c->end);
	helpers = policy_contig_helpers(c->want->policy, left, c->m->nr_cpus);
	if (helpers && plat->parallel)
		plat->parallel(plat->ctx, helpers, empty_blocks, c);
	else
		empty_blocks(c);
	if (c->err)
		undo(c);
	return c->err;
}

int contig_claim(struct fh_machine *m, const struct contig_want *want, struct contig_result *res)
{
	struct range range = want->range;
	uint64_t first = machine_block(m, range.start), end = machine_block(m, range.end - 1) + 1;

	struct marks marks; /* as far as they are used, in claim_chunk() */

	*res = (struct contig_result){0};
	for (uint64_t at = first; at < end; at += CHUNK_BLOCKS) {
		struct claim c = {
			.m = m,
			.want = want,
			.first = at,
			.end = end - at < CHUNK_BLOCKS ? end : at + CHUNK_BLOCKS,
			.next = at,
			.marks = &marks,
		};
		int err = claim_chunk(&c);
		uint64_t migrated = res->migrated + c.migrated, dropped = res->dropped + c.dropped;

		if (err)
			*res = c.blame;
		res->migrated = migrated;
		res->dropped = dropped;
		if (err) {
			if (at > first)
				contig_release(
					m, (struct range){range.start, machine_block_pfn(m, at)});
			return err;
		}
	}
	return 0;
}

bool contig_claim_free(struct fh_machine *m, struct range range)
{
	uint64_t first = machine_block(m, range.start), end = machine_block(m, range.end - 1) + 1;
	unsigned int lo, hi;

	for (uint64_t b = first; b < end; b++) {
		span_of(m, range, b, &lo, &hi);
		if (isolate_claim_free(m, b, lo, hi))
			continue;
		if (b > first)
			contig_release(m, (struct range){range.start, machine_block_pfn(m, b)});
		return false;
	}
	return true;
}

void contig_release(struct fh_machine *m, struct range range)
{
	uint64_t first = machine_block(m, range.start), end = machine_block(m, range.end - 1) + 1;
	unsigned int lo, hi;

	for (uint64_t b = first; b < end; b++) {
		span_of(m, range, b, &lo, &hi);
		isolate_release(m, b, lo, hi);
	}
}
