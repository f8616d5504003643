/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The area of cma=: where Linux 6.12's dma_contiguous_reserve() puts it on arm64. */
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
	uint64_t size, base, limit, ram_end;
	bool fixed, placed;
	struct boot_because because;
};

static uint64_t round_up(uint64_t v, uint64_t block)
{
	return (v + block - 1) & ~(block - 1);
}

/* Linux says so and goes on without. */
static int refuse(struct request *q, enum err err, const char *reason)
{
	uint64_t largest = early_largest(q->early, q->base, q->limit);

	q->placed = false;
	boot_say(q->cfg, "cma: Failed to reserve %llu MiB on node -1\n", (ull)(q->size / MIB));
	return boot_go_on(
		q->cfg, q->why, err,
		"cma=: %llu MiB in [0x%llx-0x%llx]: %s (largest free run there: %llu MiB)",
		(ull)(q->size / MIB), (ull)q->base, (ull)(q->limit ? q->limit - 1 : 0), reason,
		(ull)(largest / MIB));
}

/* text: of a size and its unit. */
FH_PRINTF(3, 0)
static int refuse_blocks(struct request *q, enum err err, const char *text, uint64_t block)
{
	char reason[96];

	if (block % MIB)
		fh_snprintf(reason, sizeof(reason), text, (ull)(block / 1024), "KiB");
	else
		fh_snprintf(reason, sizeof(reason), text, (ull)(block / MIB), "MiB");
	return refuse(q, err, reason);
}

static int place_fixed(struct request *q)
{
	if (early_overlaps(&q->early->reserved, q->base, q->size) ||
	    early_overlaps(&q->early->nomap, q->base, q->size))
		return refuse(q, FH_EBUSY, "a reserved region is there");
	return 0;
}

static int place_anywhere(struct request *q)
{
	struct early_want want = {
		.size = q->size, .align = boot_block_bytes(q->cfg), .end = q->limit};
	uint64_t page = boot_page_bytes(q->cfg);
	int err = -FH_ENOMEM;

	/* Above 4 GiB first, lowest first: there compaction moves pages out of it, not into it. */
	if (q->ram_end >= GIB4 + q->size) {
		want.start = GIB4;
		want.order = EARLY_BOTTOM_UP;
		err = early_find(q->early, &want, &q->base);
	}
	if (err) {
		want.start = q->base > page ? q->base : page;
		want.order = EARLY_TOP_DOWN;
		err = early_find(q->early, &want, &q->base);
	}
	q->because = place_because(&want);
	return err ? refuse(q, FH_ENOMEM, "no room") : 0;
}

static int place(struct request *q)
{
	uint64_t asked_limit = q->limit, block = boot_block_bytes(q->cfg);

	if (q->fixed && (q->base & (block - 1))) {
		boot_say(q->cfg, "cma: Region at 0x%016llx must be aligned to 0x%016llx bytes\n",
			 (ull)q->base, (ull)block);
		return refuse_blocks(q, FH_EINVAL, "the start must be a multiple of %llu %s",
				     block);
	}
	q->base = round_up(q->base, block);
	q->size = round_up(q->size, block);
	q->limit &= ~(block - 1);
	if (!q->base)
		q->fixed = false;
	if (q->fixed && q->base < q->ram_end && q->base + q->size > q->ram_end) {
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
		q->limit = asked_limit < q->ram_end ? asked_limit : q->ram_end;
		return refuse_blocks(q, FH_ENOMEM, "rounded to blocks of %llu %s it passes the end",
				     block);
	}
	return q->fixed ? place_fixed(q) : place_anywhere(q);
}

int place_cma(struct boot_config *cfg, struct early *early, const struct boot_cmdline *cmdline,
	      struct boot_why *why)
{
	const struct boot_bank *top = &cfg->bank[cfg->nr_banks - 1];
	struct request q = {
		.cfg = cfg,
		.early = early,
		.why = why,
		.size = cmdline->cma_size,
		.base = cmdline->cma_base,
		.limit = cfg->dma_limit,
		.ram_end = top->base + top->size,
		.placed = true,
	};
	struct boot_region *r = &cfg->region[cfg->nr_regions];
	int err;

	if (!cmdline->cma_size)
		return 0;
	if (q.size > UINT64_C(1) << BOOT_PHYS_BITS || q.base > UINT64_C(1) << BOOT_PHYS_BITS)
		return boot_fail(why, FH_ERANGE, "cma=: size or start pass bit %d", BOOT_PHYS_BITS);
	if (cfg->nr_regions == BOOT_MAX_REGIONS)
		return boot_fail(why, FH_ENOSPC, "cma=: more than %d reserved regions",
				 BOOT_MAX_REGIONS);
	q.fixed = q.base + q.size == cmdline->cma_limit;
	if (cmdline->cma_limit && cmdline->cma_limit < q.limit)
		q.limit = cmdline->cma_limit;
	err = place(&q);
	if (err || !q.placed)
		return err;
	if (early_add(&early->reserved, q.base, q.size))
		return boot_fail(why, FH_ENOSPC, "cma=: too many separate ranges");
	memset(r, 0, sizeof(*r));
	fh_strcopy(r->name, "reserved", sizeof(r->name));
	r->base = q.base;
	r->size = q.size;
	r->kind = BOOT_REGION_CMA;
	r->because = q.because;
	r->flags = BOOT_REGION_CMA_DEFAULT | BOOT_REGION_CMDLINE | BOOT_REGION_REUSABLE;
	cfg->nr_regions++;
	boot_say(cfg, "cma: Reserved %llu MiB at 0x%016llx on node -1\n", (ull)(q.size / MIB),
		 (ull)q.base);
	return 0;
}
