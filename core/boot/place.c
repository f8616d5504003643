/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The tree's reserved memory to its places, in the order and with the words of the kernel that we are like. */
#include "boot/place.h"
#include "boot/say.h"
#include "base/string.h"

#define PREFIX "OF: reserved mem: "
#define MIB    (UINT64_C(1) << 20)

typedef unsigned long long ull;

static bool is(const struct boot_region *r, unsigned int flag)
{
	return r->flags & flag;
}

int place_full(int err, const struct boot_region *r, struct boot_why *why)
{
	return err ? boot_fail(why, FH_ENOSPC, "/reserved-memory/%s: too many separate ranges",
			       r->name)
		   : 0;
}

int place_taken(const struct boot_config *cfg, struct early *early, bool late, struct boot_why *why)
{
	for (unsigned int i = 0; i < cfg->nr_taken; i++) {
		const struct boot_taken *t = &cfg->taken[i];

		if (t->late == late && early_add(&early->reserved, t->base, t->size))
			return boot_fail(why, FH_ENOSPC,
					 "taken: 0x%llx bytes at 0x%llx: too many separate ranges",
					 (ull)t->size, (ull)t->base);
	}
	return 0;
}

/* ---- the order of regions ---- */

/* The order in which Linux meets them: those without reg, those with, the reserve map; within each as in the tree. */
static unsigned int rank(const struct boot_region *r)
{
	return is(r, BOOT_REGION_DYNAMIC) ? 0 : is(r, BOOT_REGION_MEMRESERVE) ? 2 : 1;
}

/* Moves regions into the order of key[], which moves along; equal ones stay as they are. */
static void sort_by(struct boot_config *cfg, unsigned int *key)
{
	struct boot_region *r = cfg->region, tmp;

	for (unsigned int i = 1; i < cfg->nr_regions; i++) {
		for (unsigned int k = i; k && key[k - 1] > key[k]; k--) {
			unsigned int was = key[k];

			tmp = r[k];
			r[k] = r[k - 1];
			r[k - 1] = tmp;
			key[k] = key[k - 1];
			key[k - 1] = was;
		}
	}
}

static void sort_by_rank(struct boot_config *cfg)
{
	unsigned int key[BOOT_MAX_REGIONS] = {0};

	for (unsigned int i = 0; i < cfg->nr_regions; i++)
		key[i] = rank(&cfg->region[i]);
	sort_by(cfg, key);
}

static int by_range(const struct boot_config *cfg, unsigned int ia, unsigned int ib)
{
	const struct boot_region *a = &cfg->region[ia], *b = &cfg->region[ib];

	if (a->base != b->base)
		return a->base < b->base ? -1 : 1;
	return a->size == b->size ? 0 : a->size < b->size ? -1 : 1;
}

static int by_range_and_tree(const struct boot_config *cfg, unsigned int a, unsigned int b)
{
	int first = by_range(cfg, a, b);

	return first ? first : a < b ? -1 : a > b;
}

/* While regions without reg have no place they are all at 0, and equal. */
static int by_range_unplaced(const struct boot_config *cfg, unsigned int ia, unsigned int ib)
{
	bool a = is(&cfg->region[ia], BOOT_REGION_DYNAMIC);
	bool b = is(&cfg->region[ib], BOOT_REGION_DYNAMIC);

	return a || b ? (int)b - (int)a : by_range(cfg, ia, ib);
}

/* One without reg, that is placed; a size of 0 also has a place, only nothing is there. */
static bool searched(const struct boot_region *r)
{
	return is(r, BOOT_REGION_DYNAMIC) && (r->size || r->fault & BOOT_FAULT_PAIR);
}

/* A region of its own to Linux, which it remembers. */
static bool remembered(const struct boot_region *r)
{
	return (r->size || searched(r)) &&
	       !(r->flags & (BOOT_REGION_MORE | BOOT_REGION_MEMRESERVE)) &&
	       !(r->fault & PLACE_LOST);
}

/* As 6.1 goes through them: by address, those without one first. */
static void sort_by_address(struct boot_config *cfg)
{
	unsigned int index[BOOT_MAX_REGIONS], key[BOOT_MAX_REGIONS] = {0}, n = 0;

	for (unsigned int i = 0; i < cfg->nr_regions; i++) {
		key[i] = BOOT_MAX_REGIONS + i;
		if (remembered(&cfg->region[i]))
			index[n++] = i;
	}
	like_sort(cfg, index, n, by_range_unplaced);
	for (unsigned int i = 0; i < n; i++)
		key[index[i]] = i;
	sort_by(cfg, key);
}

/* ---- what the tree fixed ---- */

static void refuse(const struct place *p, const struct boot_region *r)
{
	boot_say(p->cfg,
		 "%sReserved memory: failed to reserve memory for node '%s': base 0x%0*llx, size "
		 "%llu MiB\n",
		 p->like->reg_prefix, r->name, boot_digits(p->cfg), (ull)r->base,
		 (ull)(r->size / MIB));
}

static int reserve(struct place *p, struct boot_region *r)
{
	struct early *e = p->early;
	struct early_set *set = is(r, BOOT_REGION_NO_MAP) ? &e->nomap : &e->reserved;

	r->because = (struct boot_because){.turn = PLACE_TURN_FIXED, .window = -1};
	/* Linux unmaps no memory that is reserved already; nothing is lost, it stays taken. */
	if (is(r, BOOT_REGION_NO_MAP) && early_overlaps(&e->available, r->base, r->size) &&
	    early_overlaps(&e->reserved, r->base, r->size)) {
		refuse(p, r);
		return 0;
	}
	return place_full(early_add(set, r->base, place_bytes(r)), r, p->why);
}

static void say_bad_reg(const struct place *p, const struct boot_region *r)
{
	if (!p->like->bad_is_absent)
		boot_say(p->cfg,
			 "%sReserved memory: invalid reg property in '%s', skipping node.\n",
			 p->like->reg_prefix, r->name);
}

static unsigned int pairs_behind(const struct boot_config *cfg, unsigned int at)
{
	unsigned int n = 0;

	while (++at < cfg->nr_regions && is(&cfg->region[at], BOOT_REGION_MORE))
		n++;
	return n;
}

/* Of a reg of several pairs the others are as if they were not there. */
static void keep_first_pair(struct place *p, unsigned int at)
{
	unsigned int more = pairs_behind(p->cfg, at);

	if (!more)
		return;
	boot_say(p->cfg,
		 "%sReserved memory: node '%s' has %u <base size> entries, only the first is "
		 "used\n",
		 p->like->reg_prefix, p->cfg->region[at].name, more + 1);
	for (; more; more--) {
		p->cfg->region[at + more].size = 0;
		p->cfg->region[at + more].fault = 0;
	}
}

static void say_replaced(const struct place *p)
{
	boot_say(p->cfg,
		 "Skipping dt linux,cma-default node in favor for \"cma=\" kernel param.\n");
}

/* Whether Linux remembers it: there may be no room. */
static void remember(struct place *p, struct boot_region *r, unsigned int *all,
		     unsigned int *searched)
{
	bool dynamic = is(r, BOOT_REGION_DYNAMIC);

	if (is(r, BOOT_REGION_MORE))
		return;
	if (p->like->max_regions && ++*all > p->like->max_regions)
		boot_say(p->cfg, PREFIX "not enough space for all defined regions.\n");
	else if (dynamic && p->like->max_searched && ++*searched > p->like->max_searched)
		boot_say(p->cfg, PREFIX "too many defined dynamic regions, skip '%s'\n", r->name);
	else
		return;
	r->fault |= PLACE_LOST;
	if (dynamic) {
		r->size = 0;
		r->fault &= ~(unsigned int)BOOT_FAULT_PAIR;
	}
}

/* In the order of the tree: takes what has a place, and drops what is not right. */
static int reserve_fixed(struct place *p)
{
	unsigned int all = 0, dynamic = 0;
	bool replaced = false; /* the node whose pairs follow */
	int err = 0;

	for (unsigned int i = 0; i < p->cfg->nr_regions && !err; i++) {
		struct boot_region *r = &p->cfg->region[i];

		if (is(r, BOOT_REGION_MEMRESERVE))
			continue;
		if (r->fault & BOOT_FAULT_REG) {
			say_bad_reg(p, r);
			if (!p->like->bad_is_absent)
				r->flags &= ~(unsigned int)BOOT_REGION_DYNAMIC;
			if (!is(r, BOOT_REGION_DYNAMIC))
				r->size = 0;
		}
		if (is(r, BOOT_REGION_DYNAMIC)) {
			if (searched(r))
				remember(p, r, &all, &dynamic);
			continue;
		}
		if (!is(r, BOOT_REGION_MORE) && p->like->first_pair)
			keep_first_pair(p, i);
		if (!is(r, BOOT_REGION_MORE))
			replaced = p->like->checks_first && place_replaced(p, r);
		if (replaced && !is(r, BOOT_REGION_MORE))
			say_replaced(p);
		if (replaced && is(r, BOOT_REGION_MORE))
			r->size = 0;
		else if (r->fault == BOOT_FAULT_PAIR && !replaced)
			refuse(p, r);
		else if (r->size && !replaced)
			err = reserve(p, r);
		if (r->size && !err)
			remember(p, r, &all, &dynamic);
	}
	return err;
}

static int reserve_map(struct place *p)
{
	int err = 0;

	for (unsigned int i = 0; i < p->cfg->nr_regions && !err; i++) {
		struct boot_region *r = &p->cfg->region[i];

		if (!is(r, BOOT_REGION_MEMRESERVE))
			continue;
		r->because = (struct boot_because){
			.turn = p->like->sorts ? PLACE_TURN_FIXED : p->turn + 1, .window = -1};
		err = place_full(early_add(&p->early->reserved, r->base, r->size), r, p->why);
	}
	return err;
}

/* What a kernel that crashed left for this one. */
static int reserve_header(struct place *p)
{
	struct boot_config *cfg = p->cfg;
	const struct boot_bank *b = &cfg->elfcorehdr;

	if (!b->size)
		return 0;
	if (early_overlaps(&p->early->reserved, b->base, b->size)) {
		boot_say(cfg, "OF: fdt: elfcorehdr is overlapped\n");
		return 0;
	}
	if (early_add(&p->early->reserved, b->base, b->size))
		return boot_fail(p->why, FH_ENOSPC, "elfcorehdr: too many separate ranges");
	boot_say(cfg, "OF: fdt: Reserving %llu KiB of memory at 0x%llx for elfcorehdr\n",
		 (ull)(b->size >> 10), (ull)b->base);
	if (cfg->nr_taken < BOOT_MAX_TAKEN)
		cfg->taken[cfg->nr_taken++] =
			(struct boot_taken){.base = b->base, .size = b->size, .name = "elfcorehdr"};
	return 0;
}

/* ---- what each is for ---- */

/* A region that Linux keeps, and knows nothing of. */
static void keep_unnamed(struct boot_region *r)
{
	r->kind = is(r, BOOT_REGION_NO_MAP) ? BOOT_REGION_NOMAP : BOOT_REGION_RESERVED;
	r->flags &= ~(unsigned int)(BOOT_REGION_CMA_DEFAULT | BOOT_REGION_DMA_DEFAULT);
}

static int name_fixed(struct place *p, unsigned int at)
{
	struct boot_region *r = &p->cfg->region[at];
	unsigned int more;

	if (r->flags & (BOOT_REGION_MORE | BOOT_REGION_MEMRESERVE) || r->fault & PLACE_LOST) {
		keep_unnamed(r);
		return 0;
	}
	if (p->like->reads_twice && r->fault & BOOT_FAULT_REG)
		say_bad_reg(p, r);
	more = pairs_behind(p->cfg, at);
	if (more && p->like->says_ignored)
		boot_say(p->cfg,
			 PREFIX
			 "fdt_scan_reserved_mem_reg_nodes() ignores %u regions in node '%s'\n",
			 more, r->name);
	if (p->like->checks_first && place_replaced(p, r)) {
		say_replaced(p);
		r->size = 0;
	}
	return r->size ? place_name(p, r) : 0;
}

/* Neighbours in the order of their addresses that overlap; Linux looks no further. */
static void say_overlaps(struct place *p)
{
	struct boot_config *cfg = p->cfg;
	unsigned int nr = p->like->sorts ? cfg->nr_regions : p->nr_regions;
	unsigned int index[BOOT_MAX_REGIONS], n = 0;
	int d = boot_digits(cfg);

	for (unsigned int i = 0; i < nr; i++) {
		const struct boot_region *r = &cfg->region[i];

		if (remembered(r) && !(p->like->sorts && is(r, BOOT_REGION_DYNAMIC)) &&
		    (p->like->keeps_bad || !(r->fault & PLACE_REFUSED)))
			index[n++] = i;
	}
	if (!p->like->sorts) /* else they are in its order already */
		like_sort(cfg, index, n, p->like->in_tree_order ? by_range_and_tree : by_range);
	for (unsigned int i = 0; i + 1 < n; i++) {
		const struct boot_region *r = &cfg->region[index[i]];
		const struct boot_region *next = &cfg->region[index[i + 1]];

		if (r->base + r->size > next->base)
			boot_say(cfg,
				 PREFIX "OVERLAP DETECTED!\n%s (0x%0*llx--0x%0*llx) overlaps "
					"with %s (0x%0*llx--0x%0*llx)\n",
				 r->name, d, (ull)r->base, d, (ull)(r->base + r->size), next->name,
				 d, (ull)next->base, d, (ull)(next->base + next->size));
	}
}

/* Memory that was found for a region without a map is mapped again when its kind refuses it, and stays taken, in Linux too. */
static bool given_back(const struct boot_region *r)
{
	return r->fault & PLACE_REFUSED &&
	       !(is(r, BOOT_REGION_DYNAMIC) && is(r, BOOT_REGION_NO_MAP));
}

/* Regions without a place, or that gave theirs back, or are where no memory can be. */
static void drop_empty(struct boot_config *cfg)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < cfg->nr_regions; i++) {
		if (!cfg->region[i].size || given_back(&cfg->region[i]) ||
		    cfg->region[i].fault & BOOT_FAULT_HIGH)
			continue;
		cfg->region[n] = cfg->region[i];
		cfg->region[n++].fault = 0;
	}
	cfg->nr_regions = n;
}

/* ---- the whole, of the two ways that kernels have had ---- */

static void say_node(const struct place *p, bool again)
{
	if (p->cfg->reserved_node == BOOT_RESERVED_FORMAT && (!again || p->like->reads_twice))
		boot_say(p->cfg, "%sReserved memory: unsupported node format, ignoring\n",
			 p->like->reg_prefix);
	if (p->cfg->reserved_node == BOOT_RESERVED_NONE && again && p->like->reads_twice)
		boot_say(p->cfg, PREFIX "Reserved memory: No reserved-memory node in the DT\n");
}

static int search_and_name(struct place *p, struct boot_region *r)
{
	int err = place_search(p, r);

	return err || !searched(r) ? err : place_name(p, r);
}

/* All are gathered, sorted, and then one after the other has its place and name. */
static int place_sorted(struct place *p)
{
	int err = reserve_map(p);

	say_node(p, false);
	if (!err)
		err = reserve_fixed(p);
	if (!err)
		err = reserve_header(p);
	if (err)
		return err;
	sort_by_address(p->cfg);
	say_overlaps(p);
	for (unsigned int i = 0; i < p->cfg->nr_regions && !err; i++) {
		struct boot_region *r = &p->cfg->region[i];

		err = searched(r) ? search_and_name(p, r) : name_fixed(p, i);
	}
	return err;
}

/* Regions without reg have place and name at once; of the others only the places. */
static int place_in_tree_order(struct place *p)
{
	int err = reserve_header(p);

	say_node(p, false);
	if (!err)
		err = reserve_fixed(p);
	sort_by_rank(p->cfg);
	for (unsigned int i = 0; i < p->cfg->nr_regions && !err; i++)
		if (searched(&p->cfg->region[i]))
			err = search_and_name(p, &p->cfg->region[i]);
	return err ? err : reserve_map(p);
}

/* The names of those with reg. */
static int name_in_tree_order(struct place *p)
{
	int err = 0;

	say_node(p, true);
	for (unsigned int i = 0; i < p->nr_regions && !err; i++)
		if (!is(&p->cfg->region[i], BOOT_REGION_DYNAMIC))
			err = name_fixed(p, i);
	if (!err)
		say_overlaps(p);
	return err;
}

int place_regions(struct place *p)
{
	int err;

	p->like = like_rules(p->cfg->like);
	p->turn = PLACE_TURN_FIXED;
	err = p->like->sorts ? place_sorted(p) : place_in_tree_order(p);
	p->nr_regions = p->cfg->nr_regions;
	return err;
}

int place_names(struct place *p)
{
	int err = p->like->sorts ? 0 : name_in_tree_order(p);

	if (!err)
		drop_empty(p->cfg);
	return err;
}

bool place_in_one_zone(const struct boot_config *cfg, const struct boot_region *r)
{
	struct boot_bank span;

	for (unsigned int z = 0; z < MAX_NR_ZONES; z++)
		if (boot_config_zone(cfg, (enum zone_type)z, &span) && r->base >= span.base &&
		    r->base + r->size <= span.base + span.size)
			return true;
	return false;
}

/* What an area needs: RAM of one zone. */
static bool activates(const struct boot_config *cfg, const struct early *e,
		      const struct boot_region *r)
{
	return early_contains(&e->available, r->base, r->size) && place_in_one_zone(cfg, r);
}

static bool pool(const struct boot_region *r)
{
	return r->kind == BOOT_REGION_DMA_POOL || r->kind == BOOT_REGION_RESTRICTED_POOL;
}

static bool two_owners(const struct boot_region *a, const struct boot_region *b)
{
	if (a->base >= b->base + b->size || b->base >= a->base + a->size)
		return false;
	return a->kind == BOOT_REGION_CMA || b->kind == BOOT_REGION_CMA || (pool(a) && pool(b));
}

static int check_owners(struct boot_config *cfg, struct boot_why *why)
{
	int err;

	for (unsigned int i = 0; i < cfg->nr_regions; i++) {
		for (unsigned int k = 0; k < i; k++) {
			const struct boot_region *a = &cfg->region[k], *b = &cfg->region[i];

			if (!two_owners(a, b))
				continue;
			err = boot_go_on(cfg, why, FH_EINVAL,
					 "%s [0x%llx-0x%llx] and %s [0x%llx-0x%llx] overlap: both "
					 "would use the same memory",
					 a->name, (ull)a->base, (ull)(a->base + a->size - 1),
					 b->name, (ull)b->base, (ull)(b->base + b->size - 1));
			if (err)
				return err;
		}
	}
	return 0;
}

int place_check(struct boot_config *cfg, const struct early *early, struct boot_why *why)
{
	int err = 0;

	for (unsigned int i = 0; i < cfg->nr_regions; i++) {
		struct boot_region *r = &cfg->region[i];

		/* Linux finds out, or breaks, when a device takes it. */
		if (r->kind == BOOT_REGION_RESTRICTED_POOL &&
		    !early_contains(&early->available, r->base, r->size)) {
			boot_say(cfg, "software IO TLB: restricted DMA pool %s is not in RAM\n",
				 r->name);
			r->size = 0;
		}
		if (r->kind != BOOT_REGION_CMA || activates(cfg, early, r))
			continue;
		if (is(r, BOOT_REGION_CMDLINE))
			err = boot_go_on(cfg, why, FH_EINVAL,
					 "cma=: [0x%llx-0x%llx] is not RAM of one zone",
					 (ull)r->base, (ull)(r->base + r->size - 1));
		if (err)
			return err;
		boot_say(cfg, "cma: CMA area %s could not be activated\n", r->name);
		r->size = 0;
	}
	drop_empty(cfg);
	place_neighbours(cfg);
	return check_owners(cfg, why);
}
