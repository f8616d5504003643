/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * proc/iomem: RAM, and what of it is reserved, as Linux shows it on arm64: memory that is not
 * mapped stands beside "System RAM", whatever else the boot configuration reserved (areas and pools
 * too) inside it, neighbours in one piece. There are no devices to show.
 */
#include "view/view.h"

static void resource(struct view *v, unsigned int depth, struct boot_bank r, const char *name)
{
	view_add(v, "%*s%08llx-%08llx : %s\n", (int)depth * 2, "", (ull)r.base,
		 (ull)(r.base + r.size - 1), name);
}

enum region_class { REGION_MAPPED, REGION_NOMAP };

static bool is_class(const struct boot_region *r, enum region_class class)
{
	bool nomap = r->kind == BOOT_REGION_NOMAP || r->flags & BOOT_REGION_NO_MAP;

	return r->size && nomap == (class == REGION_NOMAP);
}

static uint64_t region_start(const struct boot_region *r)
{
	return r->base & ~(FH_PAGE_SIZE - 1);
}

static uint64_t region_end(const struct boot_region *r)
{
	return (r->base + r->size + FH_PAGE_SIZE - 1) & ~(FH_PAGE_SIZE - 1);
}

/* The first run of regions of a class at or above `from`, cut to `in`; size 0: there is none.
 * Regions that touch or overlap are one run. */
static struct boot_bank next_run(const struct boot_config *cfg, enum region_class class,
				 struct boot_bank in, uint64_t from)
{
	uint64_t limit = in.base + in.size, start = limit, end, before;

	for (unsigned int i = 0; i < cfg->nr_regions; i++) {
		const struct boot_region *r = &cfg->region[i];

		if (is_class(r, class) && region_end(r) > from && region_start(r) < start)
			start = region_start(r) > from ? region_start(r) : from;
	}
	end = start;
	do {
		before = end;
		for (unsigned int i = 0; i < cfg->nr_regions; i++) {
			const struct boot_region *r = &cfg->region[i];

			if (is_class(r, class) && region_start(r) <= end && region_end(r) > end)
				end = region_end(r);
		}
	} while (end != before && end < limit);
	end = end < limit ? end : limit;
	return (struct boot_bank){start, start < end ? end - start : 0};
}

static void system_ram(struct view *v, struct boot_bank ram)
{
	uint64_t at = ram.base;
	struct boot_bank run;

	if (!ram.size)
		return;
	resource(v, 0, ram, "System RAM");
	while ((run = next_run(&v->m->cfg, REGION_MAPPED, ram, at)).size) {
		resource(v, 1, run, "reserved");
		at = run.base + run.size;
	}
}

static void bank(struct view *v, struct boot_bank all)
{
	uint64_t at = all.base;
	struct boot_bank run;

	while ((run = next_run(&v->m->cfg, REGION_NOMAP, all, at)).size) {
		system_ram(v, (struct boot_bank){at, run.base - at});
		resource(v, 0, run, "reserved");
		at = run.base + run.size;
	}
	system_ram(v, (struct boot_bank){at, all.base + all.size - at});
}

void view_iomem(struct view *v)
{
	const struct boot_config *cfg = &v->m->cfg;

	for (unsigned int i = 0; i < cfg->nr_banks; i++) {
		struct boot_bank all = cfg->bank[i];

		while (i + 1 < cfg->nr_banks && cfg->bank[i + 1].base == all.base + all.size)
			all.size += cfg->bank[++i].size;
		bank(v, all);
	}
}
