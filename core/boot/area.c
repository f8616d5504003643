/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* One area that the kernel itself wants: where Linux's cma_declare_contiguous_nid() puts it on arm64. */
#include "boot/area.h"
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

static int place_fixed(struct request *q)
{
	const char *reason = "a reserved region is there";

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

/* 6.1 and 6.12 try high memory at another time, and arm64 has none: the tries are the same. */
static int place_anywhere(struct request *q)
{
	struct early_want want = {.size = q->size, .align = q->align, .end = q->limit};
	uint64_t page = boot_page_bytes(q->cfg);
	int err = -FH_ENOMEM;

	/* Above 4 GiB first, lowest first: there compaction moves pages out of it, not into it. */
	if ((q->cfg->like < LIKE_7 ? q->ram_end : q->limit) >= GIB4 + q->size) {
		want.start = GIB4;
		want.order = EARLY_BOTTOM_UP;
		err = find(q, want, &q->base);
	}
	if (err) {
		want.start = q->base > page ? q->base : page;
		want.order = EARLY_TOP_DOWN;
		err = find(q, want, &q->base);
	}
	q->because = place_because(&want);
	return err ? refuse(q, FH_ENOMEM, "no room") : 0;
}

static int place(struct request *q)
{
	uint64_t asked_limit = q->limit, block = q->align;

	if (q->fixed && (q->base & (block - 1))) {
		boot_say(q->cfg, "cma: Region at 0x%016llx must be aligned to 0x%016llx bytes\n",
			 (ull)q->base, (ull)block);
		return refuse_blocks(q, FH_EINVAL, "the start must be a multiple of %llu %s");
	}
	q->base = round_up(q->base, block);
	q->size = round_up(q->size, block);
	q->limit &= ~(block - 1);
	if (!q->size || q->base + q->size < q->base)
		return refuse(q, FH_ERANGE, "start plus size do not fit 64 bits");
	if (!q->base)
		q->fixed = false;
	if (q->cfg->like < LIKE_7 && q->fixed && q->base < q->ram_end &&
	    q->base + q->size > q->ram_end) {
		boot_say(q->cfg,
			 "cma: Region at 0x%016llx defined on low/high memory boundary "
			 "(0x%016llx)\n",
			 (ull)q->base, (ull)q->ram_end);
		return refuse(q, FH_EINVAL, "it passes the end of RAM");
	}
	if (q->limit == 0 || q->limit > q->ram_end)
		q->limit = q->ram_end;
	if (q->base + q->size > q->limit) {
		boot_say(q->cfg,
			 "cma: Size (0x%016llx) of region at 0x%016llx exceeds limit (0x%016llx)\n",
			 (ull)q->size, (ull)q->base, (ull)q->limit);
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
		boot_say(cfg, "cma: Reserved %llu MiB at 0x%016llx%s\n",
			 (ull)((cfg->like < LIKE_7 ? q->size : a->size) / MIB), (ull)q->base,
			 on_node(q, node));
	return 0;
}

int area_declare(struct boot_config *cfg, struct early *early, const struct area *a, int *refused,
		 struct boot_why *why)
{
	const struct boot_bank *top = &cfg->bank[cfg->nr_banks - 1];
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
		.ram_end = top->base + top->size,
		.fixed = a->fixed,
		.node = cfg->kernel.numa ? a->node : AREA_ANY_NODE,
		.refused = refused,
	};
	int err;

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
