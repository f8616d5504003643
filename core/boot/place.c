/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The tree's reserved memory to its places, in Linux's order and with Linux's words. */
#include "boot/place.h"
#include "boot/area.h"
#include "boot/say.h"
#include "base/string.h"

#define PREFIX	   "OF: reserved mem: "
#define MIB	   (UINT64_C(1) << 20)
#define CACHE_LINE 64 /* the alignment of a dynamic region that asks for none */

typedef unsigned long long ull;

static bool is(const struct boot_region *r, unsigned int flag)
{
	return r->flags & flag;
}

/* The order in which Linux meets them: dynamic, static, reserve map; within each as in the tree. */
static int rank(const struct boot_region *r)
{
	return is(r, BOOT_REGION_DYNAMIC) ? 0 : is(r, BOOT_REGION_MEMRESERVE) ? 2 : 1;
}

static void sort_by_rank(struct boot_config *cfg)
{
	struct boot_region *r = cfg->region, tmp;

	for (unsigned int i = 1; i < cfg->nr_regions; i++) {
		for (unsigned int k = i; k && rank(&r[k - 1]) > rank(&r[k]); k--) {
			tmp = r[k];
			r[k] = r[k - 1];
			r[k - 1] = tmp;
		}
	}
}

static int early_full(int err, const struct boot_region *r, struct boot_why *why)
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

static int reserve_static(struct boot_config *cfg, struct early *e, const struct boot_region *r,
			  struct boot_why *why)
{
	struct early_set *set = is(r, BOOT_REGION_NO_MAP) ? &e->nomap : &e->reserved;

	/* Linux unmaps no memory that is reserved already; nothing is lost, it stays taken. */
	if (is(r, BOOT_REGION_NO_MAP) && early_overlaps(&e->available, r->base, r->size) &&
	    early_overlaps(&e->reserved, r->base, r->size)) {
		boot_say(cfg,
			 PREFIX "Reserved memory: failed to reserve memory for node '%s': "
				"base 0x%016llx, size %llu MiB\n",
			 r->name, (ull)r->base, (ull)(r->size / MIB));
		return 0;
	}
	return early_full(early_add(set, r->base, r->size), r, why);
}

/* Linux lays a region beside one that its window begins or ends at. */
static enum early_order order_in(const struct boot_config *cfg, const struct boot_region *r,
				 uint64_t start, uint64_t end)
{
	bool up = false, down = false;

	for (const struct boot_region *p = cfg->region; p < r; p++) {
		if (!p->size)
			continue;
		if (start >= p->base && start <= p->base + p->size)
			up = true;
		if (end >= p->base && end <= p->base + p->size)
			down = true;
	}
	return up && !down ? EARLY_BOTTOM_UP : EARLY_TOP_DOWN;
}

static bool find_place(const struct boot_config *cfg, const struct early *e, struct boot_region *r)
{
	struct early_want want = {.size = r->size, .align = r->align ? r->align : CACHE_LINE};
	const struct boot_bank *w = cfg->window + r->first_window;

	if ((r->flags & (BOOT_REGION_SHARED | BOOT_REGION_REUSABLE | BOOT_REGION_NO_MAP)) ==
		    (BOOT_REGION_SHARED | BOOT_REGION_REUSABLE) &&
	    want.align < boot_block_bytes(cfg))
		want.align = boot_block_bytes(cfg);
	for (unsigned int i = 0; i == 0 || i < r->nr_windows; i++) {
		want.start = r->nr_windows ? w[i].base : 0;
		want.end = r->nr_windows && w[i].size ? w[i].base + w[i].size : UINT64_MAX;
		want.order = r->nr_windows && w[i].size ? order_in(cfg, r, want.start, want.end)
							: EARLY_TOP_DOWN;
		/* The first page is never given out: 0 means failure to Linux. */
		if (want.start < boot_page_bytes(cfg))
			want.start = boot_page_bytes(cfg);
		if (!early_find(e, &want, &r->base))
			return true;
	}
	return false;
}

static int place_dynamic(struct boot_config *cfg, struct early *e, struct boot_region *r,
			 struct boot_why *why)
{
	int err;

	if (!find_place(cfg, e, r)) {
		boot_say(cfg, PREFIX "failed to allocate memory for node '%s': size %llu MiB\n",
			 r->name, (ull)(r->size / MIB));
		r->size = 0; /* dropped */
		return 0;
	}
	err = early_add(&e->reserved, r->base, r->size);
	if (!err && is(r, BOOT_REGION_NO_MAP))
		err = early_add(&e->nomap, r->base, r->size);
	return early_full(err, r, why);
}

/* Only the last of several defaults keeps the flag, as only the last counts in Linux. */
static bool take_default(struct boot_config *cfg, const struct boot_region *r,
			 enum boot_region_kind kind, unsigned int flag)
{
	bool before = false;

	for (struct boot_region *p = cfg->region; p < r; p++) {
		if (p->kind != kind || !is(p, flag))
			continue;
		p->flags &= ~flag;
		before = true;
	}
	return before;
}

/* An area, when the node may be one: kernel/dma/contiguous.c. */
static bool init_cma(struct boot_config *cfg, struct boot_region *r, bool has_cma)
{
	if (!cfg->kernel.dma_cma)
		return false;
	if (has_cma && is(r, BOOT_REGION_CMA_DEFAULT)) {
		boot_say(cfg, "Reserved memory: bypass %s node, using cmdline CMA params instead\n",
			 r->name);
		return false;
	}
	if (!is(r, BOOT_REGION_REUSABLE) || is(r, BOOT_REGION_NO_MAP))
		return false;
	if ((r->base | r->size) & (boot_block_bytes(cfg) - 1)) {
		boot_say(cfg, "Reserved memory: incorrect alignment of CMA region\n");
		return false;
	}
	if (!area_slot(cfg)) {
		boot_say(cfg, "Reserved memory: unable to setup CMA region\n");
		return false;
	}
	r->kind = BOOT_REGION_CMA;
	r->flags &= ~(unsigned int)BOOT_REGION_DMA_DEFAULT;
	if (is(r, BOOT_REGION_CMA_DEFAULT))
		take_default(cfg, r, BOOT_REGION_CMA, BOOT_REGION_CMA_DEFAULT);
	boot_say(cfg, "Reserved memory: created CMA memory pool at 0x%016llx, size %llu MiB\n",
		 (ull)r->base, (ull)(r->size / MIB));
	return true;
}

/* A device's own pool: kernel/dma/coherent.c. */
static bool init_dma_pool(struct boot_config *cfg, struct boot_region *r)
{
	if (is(r, BOOT_REGION_REUSABLE))
		return false;
	r->kind = BOOT_REGION_DMA_POOL;
	r->flags &= ~(unsigned int)BOOT_REGION_CMA_DEFAULT;
	if (is(r, BOOT_REGION_DMA_DEFAULT) &&
	    take_default(cfg, r, BOOT_REGION_DMA_POOL, BOOT_REGION_DMA_DEFAULT))
		boot_say(cfg,
			 "Reserved memory: region for default DMA coherent area is redefined\n");
	boot_say(cfg, "Reserved memory: created DMA memory pool at 0x%016llx, size %llu MiB\n",
		 (ull)r->base, (ull)(r->size / MIB));
	return true;
}

/* A bounce pool: kernel/dma/swiotlb.c. */
static bool init_restricted(struct boot_config *cfg, struct boot_region *r)
{
	if (!cfg->kernel.restricted_pool ||
	    r->flags & (BOOT_REGION_REUSABLE | BOOT_REGION_NO_MAP | BOOT_REGION_CMA_DEFAULT |
			BOOT_REGION_DMA_DEFAULT))
		return false;
	r->kind = BOOT_REGION_RESTRICTED_POOL;
	boot_say(cfg,
		 "software IO TLB: Reserved memory: created restricted DMA pool at 0x%016llx, "
		 "size %llu MiB\n",
		 (ull)r->base, (ull)(r->size / MIB));
	return true;
}

/* The name under which the node was taken, or NULL; *failed: it has one, but not rightly. */
static const char *init_kind(struct boot_config *cfg, struct boot_region *r, bool has_cma,
			     bool *failed)
{
	r->kind = is(r, BOOT_REGION_NO_MAP) ? BOOT_REGION_NOMAP : BOOT_REGION_RESERVED;
	*failed = false;
	if (is(r, BOOT_REGION_SHARED) && (init_cma(cfg, r, has_cma) || init_dma_pool(cfg, r)))
		return "shared-dma-pool";
	if (is(r, BOOT_REGION_RESTRICTED) && init_restricted(cfg, r))
		return "restricted-dma-pool";
	*failed = r->flags & (BOOT_REGION_SHARED | BOOT_REGION_RESTRICTED);
	return NULL;
}

static int init_region(struct boot_config *cfg, struct early *e, struct boot_region *r,
		       bool has_cma, struct boot_why *why)
{
	bool failed;
	const char *id = init_kind(cfg, r, has_cma, &failed);
	int err;

	if (id)
		boot_say(cfg, PREFIX "initialized node %s, compatible id %s\n", r->name, id);
	if (!failed) {
		boot_say(cfg, PREFIX "0x%016llx..0x%016llx (%llu KiB) %s %s %s\n", (ull)r->base,
			 (ull)(r->base + r->size - 1), (ull)(r->size / 1024),
			 is(r, BOOT_REGION_NO_MAP) ? "nomap" : "map",
			 is(r, BOOT_REGION_REUSABLE) ? "reusable" : "non-reusable", r->name);
		if (r->kind == BOOT_REGION_RESERVED || r->kind == BOOT_REGION_NOMAP)
			r->flags &=
				~(unsigned int)(BOOT_REGION_CMA_DEFAULT | BOOT_REGION_DMA_DEFAULT);
		return 0;
	}
	boot_say(cfg, PREFIX "node %s compatible matching fail\n", r->name);
	err = early_remove(&e->reserved, r->base, r->size);
	if (!err && is(r, BOOT_REGION_NO_MAP))
		err = early_remove(&e->nomap, r->base, r->size);
	r->size = 0; /* dropped */
	return early_full(err, r, why);
}

/* Neighbours in the order of their addresses that overlap; Linux looks no further. */
static void say_overlaps(struct boot_config *cfg)
{
	const struct boot_region *r[BOOT_MAX_REGIONS], *tmp;
	unsigned int n = 0;

	for (unsigned int i = 0; i < cfg->nr_regions; i++) {
		const struct boot_region *p = &cfg->region[i];
		unsigned int k = n;

		if (!p->size || is(p, BOOT_REGION_MORE | BOOT_REGION_MEMRESERVE))
			continue;
		for (r[n++] = p; k; k--) {
			if (r[k - 1]->base < r[k]->base ||
			    (r[k - 1]->base == r[k]->base && r[k - 1]->size <= r[k]->size))
				break;
			tmp = r[k];
			r[k] = r[k - 1];
			r[k - 1] = tmp;
		}
	}
	for (unsigned int i = 0; i + 1 < n; i++) {
		uint64_t end = r[i]->base + r[i]->size, next = r[i + 1]->base + r[i + 1]->size;

		if (end > r[i + 1]->base)
			boot_say(cfg,
				 PREFIX "OVERLAP DETECTED!\n%s (0x%016llx--0x%016llx) overlaps "
					"with %s (0x%016llx--0x%016llx)\n",
				 r[i]->name, (ull)r[i]->base, (ull)end, r[i + 1]->name,
				 (ull)r[i + 1]->base, (ull)next);
	}
}

static void drop_empty(struct boot_config *cfg)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < cfg->nr_regions; i++)
		if (cfg->region[i].size)
			cfg->region[n++] = cfg->region[i];
	cfg->nr_regions = n;
}

int place_regions(struct boot_config *cfg, struct early *early, bool has_cma, struct boot_why *why)
{
	struct boot_region *r = cfg->region, *end = r + cfg->nr_regions, *first_static;
	int err = 0;

	sort_by_rank(cfg);
	for (first_static = r; first_static < end && !rank(first_static); first_static++)
		;
	for (r = first_static; r < end && !err; r++)
		if (!is(r, BOOT_REGION_MEMRESERVE))
			err = reserve_static(cfg, early, r, why);
	for (r = cfg->region; r < first_static && !err; r++) {
		err = place_dynamic(cfg, early, r, why);
		if (!err && r->size)
			err = init_region(cfg, early, r, has_cma, why);
	}
	for (r = first_static; r < end && !err; r++)
		if (is(r, BOOT_REGION_MEMRESERVE))
			err = early_full(early_add(&early->reserved, r->base, r->size), r, why);
	for (r = first_static; r < end && !err; r++) {
		if (is(r, BOOT_REGION_MORE))
			r->kind = is(r, BOOT_REGION_NO_MAP) ? BOOT_REGION_NOMAP
							    : BOOT_REGION_RESERVED;
		else if (!is(r, BOOT_REGION_MEMRESERVE))
			err = init_region(cfg, early, r, has_cma, why);
	}
	if (err)
		return err;
	say_overlaps(cfg);
	drop_empty(cfg);
	return 0;
}

/* Whether [base, end) lies in RAM and within one zone: what an area needs. */
static bool activates(const struct boot_config *cfg, const struct early *e,
		      const struct boot_region *r)
{
	struct boot_bank span;

	if (!early_contains(&e->available, r->base, r->size))
		return false;
	if (r->base < cfg->movable_start && r->base + r->size > cfg->movable_start)
		return false;
	for (unsigned int z = 0; z < MAX_NR_ZONES; z++)
		if (boot_config_zone(cfg, (enum zone_type)z, &span) && r->base >= span.base &&
		    r->base + r->size <= span.base + span.size)
			return true;
	return false;
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
	return check_owners(cfg, why);
}
