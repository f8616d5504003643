/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The physical map of a finished boot_config: cut at every edge of a bank, a zone and a region, and what is alike joined. */
#include <stdlib.h>
#include <string.h>
#include "phys_map.h"

_Static_assert(BOOT_MAX_REGIONS <= 256, "phys_run.claim is bytes");

struct edges {
	uint64_t at[PHYS_MAX_RUNS];
	unsigned int nr;
};

static void add_edges(struct edges *e, uint64_t base, uint64_t size)
{
	if (!size)
		return;
	e->at[e->nr++] = base;
	e->at[e->nr++] = base + size;
}

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* All edges, sorted. Those of zones count only within RAM, where a zone may end in the middle of a bank. */
static void find_edges(const struct boot_config *cfg, struct edges *e)
{
	struct boot_bank span;

	e->nr = 0;
	for (unsigned int i = 0; i < cfg->nr_banks; i++)
		add_edges(e, cfg->bank[i].base, cfg->bank[i].size);
	for (unsigned int i = 0; i < cfg->nr_regions; i++)
		add_edges(e, cfg->region[i].base, cfg->region[i].size);
	for (unsigned int z = 0; z < MAX_NR_ZONES && cfg->nr_banks; z++)
		if (boot_config_zone(cfg, (enum zone_type)z, &span))
			add_edges(e, span.base, span.size);
	qsort(e->at, e->nr, sizeof(e->at[0]), ascending);
}

static bool holds(uint64_t base, uint64_t size, uint64_t at)
{
	return at >= base && at - base < size;
}

/* The highest zone that spans it: a zone of movable memory is cut out of another. */
static int zone_of(const struct boot_config *cfg, uint64_t at)
{
	struct boot_bank span;

	for (int z = MAX_NR_ZONES - 1; z >= 0; z--)
		if (boot_config_zone(cfg, (enum zone_type)z, &span) &&
		    holds(span.base, span.size, at))
			return z;
	return -1;
}

static struct phys_run describe(const struct boot_config *cfg, uint64_t base, uint64_t end)
{
	struct phys_run run = {.base = base, .size = end - base, .what = PHYS_HOLE, .zone = -1};

	if (!cfg->nr_banks || base < cfg->bank[0].base || base > cfg->bank[cfg->nr_banks - 1].base)
		run.what = PHYS_OUTSIDE;
	for (unsigned int i = 0; i < cfg->nr_banks; i++) {
		if (!holds(cfg->bank[i].base, cfg->bank[i].size, base))
			continue;
		run.what = PHYS_RAM;
		run.bank = i;
		run.zone = zone_of(cfg, base);
	}
	for (unsigned int i = 0; i < cfg->nr_regions; i++)
		if (holds(cfg->region[i].base, cfg->region[i].size, base))
			run.claim[run.nr_claims++] = (unsigned char)i;
	return run;
}

static bool alike(const struct phys_run *a, const struct phys_run *b)
{
	return a->what == b->what && a->bank == b->bank && a->zone == b->zone &&
	       a->nr_claims == b->nr_claims && !memcmp(a->claim, b->claim, sizeof(a->claim));
}

static void find_runs(struct phys_map *map)
{
	const struct boot_config *cfg = map->cfg;
	struct edges e;

	find_edges(cfg, &e);
	for (unsigned int i = 0; i + 1 < e.nr; i++) {
		struct phys_run run = describe(cfg, e.at[i], e.at[i + 1]), *last;

		if (!run.size)
			continue;
		last = map->nr_runs ? &map->run[map->nr_runs - 1] : NULL;
		if (last && alike(last, &run))
			last->size += run.size;
		else
			map->run[map->nr_runs++] = run;
	}
}

/* ---- who refers to what ---- */

struct finding {
	struct phys_map *map;
	unsigned int room;
	bool no_memory;
};

static struct phys_user *one_more(struct finding *f)
{
	struct phys_map *map = f->map;
	unsigned int room = f->room ? 2 * f->room : 4;
	struct phys_user *more;

	if (map->nr_users == f->room) {
		more = realloc(map->user, room * sizeof(*more));
		if (!more)
			return NULL;
		map->user = more;
		f->room = room;
	}
	return &map->user[map->nr_users++];
}

static bool add_users(void *arg, const struct boot_device *dev, int err, const struct boot_why *why)
{
	struct finding *f = arg;

	(void)why; /* the table of devices says it */
	for (unsigned int i = 0; i < dev->nr_regions && !err; i++) {
		const struct boot_device_region *r = &dev->region[i];
		struct phys_user *user;

		if (r->link != BOOT_LINK_REGION)
			continue;
		user = one_more(f);
		if (!user) {
			f->no_memory = true;
			return true;
		}
		*user = (struct phys_user){.region = r->region, .index = i};
		memcpy(user->name, r->name, sizeof(user->name));
		memcpy(user->device, dev->name, sizeof(user->device));
		memcpy(user->path, dev->path, sizeof(user->path));
	}
	return false;
}

bool phys_map_make(struct phys_map *map, const struct boot_config *cfg,
		   const struct load_tree *tree)
{
	struct finding f = {.map = map};
	struct boot_why why;
	int err = 0;

	*map = (struct phys_map){.cfg = cfg};
	find_runs(map);
	if (tree->blob)
		err = boot_devices_for_each(tree->blob, tree->size, cfg, add_users, &f, &why);
	(void)err; /* the devices found so far count, as in the table of devices, which says why */
	if (f.no_memory)
		phys_map_free(map);
	return !f.no_memory;
}

void phys_map_free(struct phys_map *map)
{
	free(map->user);
	map->user = NULL;
	map->nr_users = 0;
}

const struct phys_user *phys_map_user(const struct phys_map *map, unsigned int region,
				      unsigned int *at)
{
	while (*at < map->nr_users) {
		const struct phys_user *user = &map->user[(*at)++];

		if (user->region == region)
			return user;
	}
	return NULL;
}

static bool claims(const struct phys_run *run, unsigned int region)
{
	return memchr(run->claim, (int)region, run->nr_claims);
}

bool phys_map_overlaps(const struct phys_map *map, unsigned int region)
{
	for (unsigned int i = 0; i < map->nr_runs; i++)
		if (map->run[i].nr_claims > 1 && claims(&map->run[i], region))
			return true;
	return false;
}

bool phys_map_in_ram(const struct phys_map *map, unsigned int region)
{
	for (unsigned int i = 0; i < map->nr_runs; i++)
		if (map->run[i].what != PHYS_RAM && claims(&map->run[i], region))
			return false;
	return true;
}
