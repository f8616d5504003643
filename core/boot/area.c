/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* One area that the kernel itself wants: where Linux's cma_declare_contiguous_nid() puts it. */
#include "boot/area.h"
#include "boot/arm.h"
#include "boot/place.h"
#include "boot/say.h"
#include "base/fmt.h"
#include "base/string.h"

#define MIB  (UINT64_C(1) << 20)
#define GIB4 (UINT64_C(4) << 30)

typedef unsigned long long ull;

/* What is asked for, once rounded to blocks. */
struct request {
	struct boot_config *cfg;
	struct early *early;
	struct boot_why *why;
	const struct area *area;
	uint64_t size, base, limit, align, ram_end;
	uint64_t high; /* where high memory begins; on arm64 where RAM ends */
	bool fixed;
	int node, *refused;
	struct boot_because because;
};

static uint64_t round_up(uint64_t v, uint64_t block)
{
	return (v + block - 1) & ~(block - 1);
}

/* " on node -1", of the kernels that say so. */
static const char *on_node(const struct request *q, char text[24])
{
	text[0] = '\0';
	if (q->cfg->like >= LIKE_NUMA_CMA && q->cfg->like < LIKE_7)
		fh_snprintf(text, 24, " on node %d", q->node);
	return text;
}

static uint64_t largest_run(const struct request *q)
{
	const struct boot_config *cfg = q->cfg;
	uint64_t largest = 0;

	if (q->node == AREA_ANY_NODE)
		return early_largest(q->early, q->base, q->limit);
	for (unsigned int i = 0; i < cfg->nr_node_ranges; i++) {
		const struct boot_node_range *r = &cfg->node_range[i];
		uint64_t here = r->node == (unsigned int)q->node
					? early_largest(q->early, r->base, r->base + r->size)
					: 0;

		largest = here > largest ? here : largest;
	}
	return largest;
}

static int note(struct request *q, enum err err, const char *reason)
{
	uint64_t largest = largest_run(q);

	return boot_go_on(q->cfg, q->why, err,
			  "%s: %llu MiB in [0x%llx-0x%llx]: %s (largest free run there: %llu MiB)",
			  q->area->option, (ull)(q->size / MIB), (ull)q->base,
			  (ull)(q->limit ? q->limit - 1 : 0), reason, (ull)(largest / MIB));
}

static void say_failed(struct request *q)
{
	char node[24];

	boot_say(q->cfg, "cma: Failed to reserve %llu MiB%s\n",
		 (ull)((q->cfg->like < LIKE_7 ? q->size : q->area->size) / MIB), on_node(q, node));
}

/* Linux says so and goes on without. */
static int refuse(struct request *q, enum err err, const char *reason)
{
	*q->refused = -(int)err;
	say_failed(q);
	return note(q, err, reason);
}

/* text: of a size and its unit. Linux has one error for all, ours tells room from nonsense. */
FH_PRINTF(3, 0)
static int refuse_blocks(struct request *q, enum err err, const char *text)
{
	char reason[96];

	if (q->align % MIB)
		fh_snprintf(reason, sizeof(reason), text, (ull)(q->align / 1024), "KiB");
	else
		fh_snprintf(reason, sizeof(reason), text, (ull)(q->align / MIB), "MiB");
	err = (enum err) - refuse(q, err, reason);
	*q->refused = -FH_EINVAL;
	return -(int)err;
}

/* Without LPAE Linux adds in 32 bits. */
static uint64_t end_of(const struct request *q)
{
	uint64_t end = q->base + q->size;

	return q->cfg->kernel.arch == BOOT_ARCH_ARM ? end & (ARM_ADDRESSES - 1) : end;
}

static bool across_high(const struct request *q)
{
	return q->base < q->high && end_of(q) > q->high;
}

static int refuse_across(struct request *q)
{
	int d = boot_digits(q->cfg);

	boot_say(q->cfg, "cma: Region at 0x%0*llx defined on low/high memory boundary (0x%0*llx)\n",
		 d, (ull)q->base, d, (ull)q->high);
	return refuse(q, FH_EINVAL,
		      q->high < q->ram_end ? "it lies across the beginning of high memory"
					   : "it passes the end of RAM");
}

static int place_fixed(struct request *q)
{
	const char *reason = "a reserved region is there";

	if (q->cfg->like >= LIKE_7 && boot_is_arm(q->cfg) && q->cfg->kernel.highmem &&
	    across_high(q))
		return refuse_across(q);
	if (early_overlaps(&q->early->reserved, q->base, q->size))
		return refuse(q, FH_EBUSY, reason);
	if (!early_overlaps(&q->early->nomap, q->base, q->size))
		return 0;
	/* Linux does not look there, and takes what it has no map of. */
	return q->cfg->as_linux ? note(q, FH_EBUSY, reason) : refuse(q, FH_EBUSY, reason);
}

/* early_find() in one node: its ranges in turn, for a run never spans two. */
static int find(const struct request *q, struct early_want want, uint64_t *base)
{
	const struct boot_config *cfg = q->cfg;
	unsigned int n = cfg->nr_node_ranges;

	if (q->node == AREA_ANY_NODE)
		return early_find(q->early, &want, base);
	for (unsigned int i = 0; i < n; i++) {
		const struct boot_node_range *r =
			&cfg->node_range[want.order == EARLY_TOP_DOWN ? n - 1 - i : i];
		struct early_want part = want;

		if (r->node != (unsigned int)q->node)
			continue;
		if (part.start < r->base)
			part.start = r->base;
		if (part.end > r->base + r->size)
			part.end = r->base + r->size;
		if (part.start < part.end && !early_find(q->early, &part, base))
			return 0;
	}
	return -FH_ENOMEM;
}

/* One try; *tried: the last one, for boot_region.because. */
static int try_find(const struct request *q, uint64_t start, enum early_order order,
		    struct early_want *tried, uint64_t *at)
{
	uint64_t page = boot_page_bytes(q->cfg);

	*tried = (struct early_want){.size = q->size,
				     .align = q->align,
				     .start = start > page ? start : page,
				     .end = q->limit,
				     .order = order};
	return tried->start < tried->end ? find(q, *tried, at) : -FH_ENOMEM;
}

/* In high memory only, and what is tried next lies below. */
static int try_high(struct request *q, struct early_want *tried, uint64_t *at)
{
	int err;

	if (q->base >= q->high || q->limit <= q->high)
		return -FH_ENOMEM;
	err = try_find(q, q->high, EARLY_TOP_DOWN, tried, at);
	q->limit = q->high;
	return err;
}

static bool wide(const struct request *q)
{
	return q->cfg->kernel.arch != BOOT_ARCH_ARM &&
	       (q->cfg->like < LIKE_7 ? q->ram_end : q->limit) >= GIB4 + q->size;
}

/* Above 4 GiB first, lowest first: there compaction moves pages out of it, not into it. */
static int try_above_4g(struct request *q, struct early_want *tried, uint64_t *at)
{
	if (!wide(q))
		return -FH_ENOMEM;
	return try_find(q, GIB4, EARLY_BOTTOM_UP, tried, at);
}

/* 6.1 looks above 4 GiB whether or not it has found a place in high memory, and forgets that, which stays taken. */
static int try_both(struct request *q, struct early_want *tried, uint64_t *at)
{
	int err;

	if (q->cfg->like >= LIKE_HIGH_AFTER_4G) {
		err = try_above_4g(q, tried, at);
		return err ? try_high(q, tried, at) : 0;
	}
	err = try_high(q, tried, at);
	if (!wide(q))
		return err;
	if (!err && early_add(&q->early->reserved, *at, q->size))
		return -FH_ENOMEM;
	return try_above_4g(q, tried, at);
}

static int place_anywhere(struct request *q)
{
	struct early_want tried;
	uint64_t at = 0;
	int err = try_both(q, &tried, &at);

	if (err)
		err = try_find(q, q->base, EARLY_TOP_DOWN, &tried, &at);
	q->because = place_because(&tried);
	if (err)
		return refuse(q, FH_ENOMEM, "no room");
	q->base = at;
	return 0;
}

static int place(struct request *q)
{
	uint64_t asked_limit = q->limit, block = q->align;
	int d = boot_digits(q->cfg);

	if (q->fixed && (q->base & (block - 1))) {
		boot_say(q->cfg, "cma: Region at 0x%0*llx must be aligned to 0x%0*llx bytes\n", d,
			 (ull)q->base, d, (ull)block);
		return refuse_blocks(q, FH_EINVAL, "the start must be a multiple of %llu %s");
	}
	q->base = round_up(q->base, block);
	q->size = round_up(q->size, block);
	q->limit &= ~(block - 1);
	if (!q->size || q->base + q->size < q->base)
		return refuse(q, FH_ERANGE, "start plus size do not fit 64 bits");
	if (!q->base)
		q->fixed = false;
	if (q->cfg->like < LIKE_7 && q->fixed && across_high(q))
		return refuse_across(q);
	if (q->limit == 0 || q->limit > q->ram_end)
		q->limit = q->ram_end;
	if (end_of(q) > q->limit) {
		boot_say(q->cfg,
			 "cma: Size (0x%0*llx) of region at 0x%0*llx exceeds limit (0x%0*llx)\n", d,
			 (ull)q->size, d, (ull)q->base, d, (ull)q->limit);
		q->limit = asked_limit && asked_limit < q->ram_end ? asked_limit : q->ram_end;
		return refuse_blocks(q, FH_ENOMEM,
				     "rounded to blocks of %llu %s it passes the end");
	}
	return q->fixed ? place_fixed(q) : place_anywhere(q);
}

bool area_slot(struct boot_config *cfg)
{
	unsigned int areas = 0;

	for (unsigned int i = 0; i < cfg->nr_regions; i++)
		areas += cfg->region[i].kind == BOOT_REGION_CMA && cfg->region[i].size;
	if (areas < cfg->kernel.cma_areas)
		return true;
	boot_say(cfg, "cma: Not enough slots for CMA reserved regions!\n");
	return false;
}

static int add_region(struct request *q)
{
	const struct area *a = q->area;
	struct boot_config *cfg = q->cfg;
	struct boot_region *r = &cfg->region[cfg->nr_regions];
	char node[24];

	if (early_add(&q->early->reserved, q->base, q->size))
		return boot_fail(q->why, FH_ENOSPC, "%s: too many separate ranges", a->option);
	memset(r, 0, sizeof(*r));
	fh_strcopy(r->name, a->name, sizeof(r->name));
	r->base = q->base;
	r->size = q->size;
	r->order_per_bit = a->order_per_bit;
	r->kind = BOOT_REGION_CMA;
	r->because = q->because;
	r->flags = a->flags | BOOT_REGION_REUSABLE;
	cfg->nr_regions++;
	if (a->ranges)
		boot_say(cfg, "cma: Reserved %llu MiB in 1 range\n", (ull)(a->size / MIB));
	else
		boot_say(cfg, "cma: Reserved %llu MiB at 0x%0*llx%s\n",
			 (ull)((cfg->like < LIKE_7 ? q->size : a->size) / MIB), boot_digits(cfg),
			 (ull)q->base, on_node(q, node));
	return 0;
}

int area_declare(struct boot_config *cfg, struct early *early, const struct area *a, int *refused,
		 struct boot_why *why)
{
	const struct early_set *ram = &early->available;
	uint64_t block = boot_block_bytes(cfg);
	struct request q = {
		.cfg = cfg,
		.early = early,
		.why = why,
		.area = a,
		.size = a->size,
		.base = a->base,
		.limit = a->limit,
		.align = a->align > block ? a->align : block,
		.ram_end = ram->nr ? ram->range[ram->nr - 1].end : 0,
		.fixed = a->fixed,
		.node = cfg->kernel.numa ? a->node : AREA_ANY_NODE,
		.refused = refused,
	};
	int err;

	q.high = boot_is_arm(cfg) ? cfg->arm.lowmem_end : q.ram_end;
	*refused = 0;
	if (cfg->nr_regions == BOOT_MAX_REGIONS)
		return boot_fail(why, FH_ENOSPC, "%s: more than %d reserved regions", a->option,
				 BOOT_MAX_REGIONS);
	if (!area_slot(cfg)) {
		*refused = -FH_ENOSPC;
		if (cfg->like >= LIKE_7)
			say_failed(&q);
		return boot_go_on(cfg, why, FH_ENOSPC,
				  "%s: there are %u areas already, as many as "
				  "the kernel can have (CONFIG_CMA_AREAS)",
				  a->option, cfg->kernel.cma_areas);
	}
	err = place(&q);
	return err || *refused ? err : add_region(&q);
}
