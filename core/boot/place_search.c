/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A place for a region that names only its size, and beside whom it lies. */
#include "boot/place.h"
#include "boot/say.h"

#define PREFIX	   "OF: reserved mem: "
#define MIB	   (UINT64_C(1) << 20)
#define CACHE_LINE 64 /* the alignment of a region that asks for none */

typedef unsigned long long ull;

static bool is(const struct boot_region *r, unsigned int flag)
{
	return r->flags & flag;
}

/* What Linux says and skips: properties whose lengths cannot be right. */
static bool lengths_right(const struct place *p, const struct boot_region *r)
{
	if (r->fault & BOOT_FAULT_SIZE)
		boot_say(p->cfg, PREFIX "invalid size property in '%s' node.\n", r->name);
	else if (r->fault & BOOT_FAULT_ALIGNMENT)
		boot_say(p->cfg, PREFIX "invalid alignment property in '%s' node.\n", r->name);
	else if (r->fault & BOOT_FAULT_WINDOWS && !p->like->bad_is_absent)
		boot_say(p->cfg, PREFIX "invalid alloc-ranges property in '%s', skipping node.\n",
			 r->name);
	else
		return true;
	return false;
}

/* Linux lays a region beside one that its window begins or ends at. */
static enum early_order order_in(const struct place *p, const struct boot_region *r, uint64_t start,
				 uint64_t end)
{
	bool up = false, down = false;

	for (const struct boot_region *o = p->cfg->region; o < r && p->like->neighbours; o++) {
		if (!o->size || (o->fault & PLACE_REFUSED && !p->like->keeps_bad))
			continue;
		if (start >= o->base && start <= o->base + o->size)
			up = true;
		if (end >= o->base && end <= o->base + o->size)
			down = true;
	}
	return up && !down ? EARLY_BOTTOM_UP : EARLY_TOP_DOWN;
}

static enum boot_align_of align_for(const struct boot_config *cfg, const struct boot_region *r,
				    uint64_t *align)
{
	*align = r->align ? r->align : CACHE_LINE;
	if (is(r, BOOT_REGION_SHARED) && is(r, BOOT_REGION_REUSABLE) &&
	    !is(r, BOOT_REGION_NO_MAP) && *align < boot_block_bytes(cfg)) {
		*align = boot_block_bytes(cfg);
		return BOOT_ALIGN_BLOCK;
	}
	return r->align ? BOOT_ALIGN_ASKED : BOOT_ALIGN_LINE;
}

static bool find(struct place *p, struct boot_region *r)
{
	struct early_want want = {.size = r->size, .any_align = true};
	const struct boot_bank *w = p->cfg->window + r->first_window;
	enum boot_align_of align_of = align_for(p->cfg, r, &want.align);

	for (unsigned int i = 0; i == 0 || i < r->nr_windows; i++) {
		bool bounded = r->nr_windows && w[i].size;

		want.start = r->nr_windows ? w[i].base : 0;
		want.end = bounded ? w[i].base + w[i].size : UINT64_MAX;
		want.order = bounded ? order_in(p, r, want.start, want.end) : EARLY_TOP_DOWN;
		/* The first page is never given out: 0 means failure to Linux. */
		if (want.start < boot_page_bytes(p->cfg))
			want.start = boot_page_bytes(p->cfg);
		if (early_find(p->early, &want, &r->base))
			continue;
		r->because = place_because(&want);
		r->because.align_of = align_of;
		r->because.window = r->nr_windows ? (int)i : -1;
		return true;
	}
	return false;
}

int place_search(struct place *p, struct boot_region *r)
{
	int err;

	if (!lengths_right(p, r)) {
		r->size = 0;
		r->fault &= ~(unsigned int)BOOT_FAULT_PAIR;
		return 0;
	}
	if (p->like->checks_first && place_replaced(p, r)) {
		boot_say(p->cfg, "Skipping dt linux,cma-default node in favor for \"cma=\" kernel "
				 "param.\n");
		r->size = 0;
		r->fault &= ~(unsigned int)BOOT_FAULT_PAIR;
		return 0;
	}
	if (!find(p, r)) {
		boot_say(p->cfg, PREFIX "failed to allocate memory for node '%s': size %llu MiB\n",
			 r->name, (ull)(r->size / MIB));
		r->size = 0;
		r->fault &= ~(unsigned int)BOOT_FAULT_PAIR;
		return 0;
	}
	r->because.turn = ++p->turn;
	err = early_add(&p->early->reserved, r->base, r->size);
	if (!err && is(r, BOOT_REGION_NO_MAP))
		err = early_add(&p->early->nomap, r->base, r->size);
	return place_full(err, r, p->why);
}

/* ---- beside whom ---- */

/* The nearest thing so far, by the byte at which it stops the region. */
struct nearest {
	const struct boot_region *r;
	uint64_t edge;
	enum boot_against what;
	unsigned int index;
};

/* Whether [base, base + size) ends the run of free memory that the region lies in, nearer than what was seen before. */
static void see(struct nearest *n, uint64_t base, uint64_t size, enum boot_against what,
		unsigned int index)
{
	const struct boot_region *r = n->r;
	bool down = r->because.found == BOOT_FOUND_TOP_DOWN;
	uint64_t edge = down ? base : base + size;

	if (down ? edge < r->base + r->size || edge >= n->edge : edge > r->base || edge <= n->edge)
		return;
	n->edge = edge;
	n->what = what;
	n->index = index;
}

static unsigned int turn_of(const struct boot_region *r, unsigned int i)
{
	return r->because.turn ? r->because.turn : PLACE_TURN_LATE + 1 + i;
}

static void find_neighbour(struct boot_config *cfg, unsigned int at)
{
	struct boot_region *r = &cfg->region[at];
	bool down = r->because.found == BOOT_FOUND_TOP_DOWN;
	struct nearest n = {.r = r, .edge = down ? UINT64_MAX : 0};

	for (unsigned int i = 0; i < cfg->nr_banks; i++) {
		const struct boot_bank *b = &cfg->bank[i];

		if (b->base <= r->base && r->base - b->base < b->size) {
			n.edge = down ? b->base + b->size : b->base;
			n.what = BOOT_AGAINST_BANK;
			n.index = i;
		}
	}
	for (unsigned int i = 0; i < cfg->nr_taken; i++)
		if (!cfg->taken[i].late || turn_of(r, at) > PLACE_TURN_LATE)
			see(&n, cfg->taken[i].base, cfg->taken[i].size, BOOT_AGAINST_TAKEN, i);
	for (unsigned int i = 0; i < cfg->nr_regions; i++)
		if (turn_of(&cfg->region[i], i) < turn_of(r, at))
			see(&n, cfg->region[i].base, cfg->region[i].size, BOOT_AGAINST_REGION, i);
	see(&n, down ? r->because.end : r->because.start, 0, BOOT_AGAINST_LIMIT, 0);
	r->because.against = n.what;
	r->because.index = n.index;
	r->because.gap = down ? n.edge - (r->base + r->size) : r->base - n.edge;
}

void place_neighbours(struct boot_config *cfg)
{
	for (unsigned int i = 0; i < cfg->nr_regions; i++)
		if (cfg->region[i].because.found != BOOT_FOUND_FIXED)
			find_neighbour(cfg, i);
}
