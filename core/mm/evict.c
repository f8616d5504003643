/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Make tenants leave a block that is no longer lent to them. */
#include "base/bits.h"
#include "mm/evict.h"
#include "mm/machine.h"
#include "mm/migrate.h"
#include "mm/pages.h"
#include "mm/policy.h"

/* What is in a block, at one look. */
struct look {
	struct block_map leave; /* can be isolated now */
	pfn_t driver;		/* a driver's page; 0: none */
	pfn_t stuck;		/* a page to wait for; 0: none */
	const char *why;
	bool held; /* it is held; else taken and in no object yet */
};

static void look_at_taken(const struct evict *e, pfn_t pfn, struct look *l)
{
	const struct fh_frame *f = machine_frame(e->cma->m, pfn);
	unsigned int i = (unsigned int)(pfn - e->cma->m->base_pfn) & (FH_BLOCK_PAGES - 1);
	enum frame_state state = frame_state(f);

	if (e->who == EVICT_HELD && state != FRAME_HELD)
		return;
	switch (state) {
	case FRAME_BATCH:
	case FRAME_LRU:
		if (e->who == EVICT_ALL || !(frame_flags(f) & FRAME_DROPPABLE))
			l->leave.w[i / 64] |= UINT64_C(1) << (i & 63);
		return;
	case FRAME_MOVABLE:
		l->driver = pfn;
		return;
	case FRAME_HELD:
		l->stuck = pfn;
		l->held = true;
		l->why = frame_flags(f) & FRAME_WRITEBACK ? "under writeback" : "pinned";
		return;
	case FRAME_RAW:
		/* A device's own, or free by now, or on its way into an object. */
		if (cma_owns(e->cma, pfn, 1) || block_is_free(e->cma->m, pfn))
			return;
		break;
	default: /* somebody else moves it */
		break;
	}
	if (!l->held) {
		l->stuck = pfn;
		l->why = "taken, and in no object";
	}
}

static void look_at(const struct evict *e, uint64_t block, struct look *l)
{
	struct fh_machine *m = e->cma->m;
	struct block_state s = block_lock(m, block);
	struct block_map map = m->map[block];

	block_unlock(m, block, s, s);
	*l = (struct look){.driver = 0};
	for (unsigned int i = 0; i < BLOCK_WORDS; i++)
		for (uint64_t w = ~map.w[i]; w; w &= w - 1)
			look_at_taken(e, machine_block_pfn(m, block) + i * 64 + bits_first(w), l);
}

static bool any_of(const struct block_map *map)
{
	uint64_t any = 0;

	for (unsigned int i = 0; i < BLOCK_WORDS; i++)
		any |= map->w[i];
	return any;
}

static void give_back(void *data, pfn_t pfn)
{
	page_free(data, pfn, 0);
}

/* Moves what can be moved. Returns how many pages have left, or a negative error. */
static int move_some(const struct evict *e, uint64_t block, const struct look *l)
{
	struct fh_machine *m = e->cma->m;
	struct migrate_result r = {0};
	pfn_t pfn[MIGRATE_BATCH];
	unsigned int n = lru_isolate_map(m, block, l->leave.w, pfn, MIGRATE_BATCH);

	migrate_pages(m, pfn, n, MIGRATE_OUT, give_back, m, &r);
	e->res->migrated += r.moved;
	e->res->dropped += r.dropped;
	if (r.failed && !(r.moved + r.dropped)) {
		contig_blame(m, r.failed_pfn, e->res);
		e->res->why = "no frame to move it to";
		return r.error;
	}
	if (l->driver && !migrate_movable(m, l->driver)) {
		page_free(m, l->driver, 0);
		e->res->migrated++;
		r.moved++;
	}
	return (int)(r.moved + r.dropped);
}

/* Nothing could be done in this round: how long that may last. */
static int wait_some(const struct evict *e, const struct look *l, uint64_t *since)
{
	uint64_t now = machine_clock(e->cma->m);

	*since = *since ? *since : now;
	contig_blame(e->cma->m, l->stuck ? l->stuck : l->driver, e->res);
	if (!l->held)
		e->res->since_ns = *since;
	e->res->why = l->stuck ? l->why : "its driver does not let go";
	if (now >= e->deadline_ns &&
	    (l->held || !l->stuck || now - *since > policy_transit_limit_ns()))
		return -FH_EBUSY;
	arch_yield();
	return 0;
}

int evict_block(const struct evict *e, uint64_t block)
{
	unsigned int fails = 0;
	uint64_t since = 0;
	struct look l;

	for (;;) {
		int n, err = 0;

		look_at(e, block, &l);
		n = move_some(e, block, &l);
		if (n > 0) {
			since = fails = 0;
			continue;
		}
		if (n < 0)
			err = ++fails < policy_evict_passes() ? 0 : n;
		else if (l.stuck || l.driver)
			err = wait_some(e, &l, &since);
		else if (!any_of(&l.leave))
			return 0;
		if (err)
			return err;
	}
}
