/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What tools/phys_map.h promises, asked of a map: of each run alone, and of the bytes of all together. */
#include <string.h>
#include "map_check.h"

static bool within(const struct phys_run *run, uint64_t base, uint64_t size)
{
	return run->base >= base && run->base + run->size <= base + size;
}

static bool apart(const struct phys_run *run, uint64_t base, uint64_t size)
{
	return run->base + run->size <= base || base + size <= run->base;
}

static bool claimed(const struct phys_run *run, unsigned int region)
{
	for (unsigned int k = 0; k < run->nr_claims; k++)
		if (run->claim[k] == region)
			return true;
	return false;
}

static const char *check_what(const struct boot_config *cfg, const struct phys_run *run)
{
	const struct boot_bank *last = &cfg->bank[cfg->nr_banks ? cfg->nr_banks - 1 : 0];
	struct boot_bank span;

	if (run->what == PHYS_RAM) {
		if (run->bank >= cfg->nr_banks ||
		    !within(run, cfg->bank[run->bank].base, cfg->bank[run->bank].size))
			return "RAM is of its bank";
		if (run->zone < 0 || run->zone >= MAX_NR_ZONES ||
		    !boot_config_zone(cfg, (enum zone_type)run->zone, &span) ||
		    !within(run, span.base, span.size))
			return "RAM is of its zone";
		return NULL;
	}
	for (unsigned int i = 0; i < cfg->nr_banks; i++)
		if (!apart(run, cfg->bank[i].base, cfg->bank[i].size))
			return "what is not RAM is of no bank";
	if (run->zone >= 0)
		return "what is not RAM has no zone";
	if (run->what == PHYS_HOLE &&
	    (!cfg->nr_banks || run->base < cfg->bank[0].base || run->base >= last->base))
		return "a hole lies between banks";
	if (run->what == PHYS_OUTSIDE && cfg->nr_banks && run->base >= cfg->bank[0].base &&
	    run->base < last->base)
		return "outside is not between banks";
	return NULL;
}

static const char *check_claims(const struct boot_config *cfg, const struct phys_run *run)
{
	for (unsigned int k = 1; k < run->nr_claims; k++)
		if (run->claim[k - 1] >= run->claim[k])
			return "claims ascend";
	for (unsigned int i = 0; i < cfg->nr_regions; i++) {
		const struct boot_region *r = &cfg->region[i];

		if (claimed(run, i) ? !within(run, r->base, r->size)
				    : !apart(run, r->base, r->size))
			return "a run is all of a region, or none of it";
	}
	return NULL;
}

static bool alike(const struct phys_run *a, const struct phys_run *b)
{
	return a->what == b->what && a->bank == b->bank && a->zone == b->zone &&
	       a->nr_claims == b->nr_claims && !memcmp(a->claim, b->claim, a->nr_claims);
}

static const char *check_order(const struct phys_map *map)
{
	for (unsigned int i = 0; i < map->nr_runs; i++) {
		const struct phys_run *run = &map->run[i];

		if (!run->size || run->base + run->size < run->base)
			return "a run has a size";
		if (i && run[-1].base + run[-1].size != run->base)
			return "runs ascend without gap or overlap";
		if (i && alike(&run[-1], run))
			return "neighbours differ";
	}
	return NULL;
}

/* The first and last address of all, and each byte of a bank or region in one run that is its. */
static const char *check_bytes(const struct phys_map *map)
{
	const struct boot_config *cfg = map->cfg;
	uint64_t from = UINT64_MAX, to = 0;

	for (unsigned int i = 0; i < cfg->nr_banks + cfg->nr_regions; i++) {
		bool bank = i < cfg->nr_banks;
		unsigned int n = bank ? i : i - cfg->nr_banks;
		uint64_t base = bank ? cfg->bank[n].base : cfg->region[n].base;
		uint64_t size = bank ? cfg->bank[n].size : cfg->region[n].size, sum = 0;

		from = size && base < from ? base : from;
		to = size && base + size > to ? base + size : to;
		for (unsigned int k = 0; k < map->nr_runs; k++) {
			const struct phys_run *run = &map->run[k];

			if (bank ? run->what == PHYS_RAM && run->bank == n : claimed(run, n))
				sum += run->size;
		}
		if (sum != size)
			return bank ? "all of a bank appears" : "all of a region appears";
	}
	if (!map->nr_runs)
		return to ? "there are runs" : NULL;
	if (map->run[0].base != from ||
	    map->run[map->nr_runs - 1].base + map->run[map->nr_runs - 1].size != to)
		return "runs go from the first address to the last";
	return NULL;
}

static const char *check_users(const struct phys_map *map)
{
	unsigned int seen = 0;

	for (unsigned int i = 0; i < map->cfg->nr_regions; i++)
		for (unsigned int at = 0; phys_map_user(map, i, &at);)
			seen++;
	return seen == map->nr_users ? NULL : "each user is one of a region";
}

const char *map_check(const struct phys_map *map)
{
	const char *broken = check_order(map);

	for (unsigned int i = 0; i < map->nr_runs && !broken; i++) {
		broken = check_what(map->cfg, &map->run[i]);
		if (!broken)
			broken = check_claims(map->cfg, &map->run[i]);
	}
	if (!broken)
		broken = check_bytes(map);
	return broken ? broken : check_users(map);
}
