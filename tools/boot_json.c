/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A layout as JSON; freehold-boot(1) says what each key is. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "boot_devices.h"
#include "boot_explain.h"
#include "boot_show.h"
#include "boot_words.h"
#include "json_text.h"

#define VERSION 1 /* of the keys: another one when a reader of this one could go wrong */
#define SLOT	UINT64_C(2048) /* bytes of bounce buffers */

static const char *const what_name[] = {
	[PHYS_RAM] = "ram",
	[PHYS_HOLE] = "hole",
	[PHYS_OUTSIDE] = "outside",
};

static json_t *integer(uint64_t v)
{
	return json_integer((json_int_t)v); /* addresses have 48 bits */
}

static json_t *range(uint64_t base, uint64_t size)
{
	return json_pack("{so so}", "base", integer(base), "size", integer(size));
}

static uint64_t ram_bytes(const struct boot_config *cfg)
{
	uint64_t total = 0;

	for (unsigned int i = 0; i < cfg->nr_banks; i++)
		total += cfg->bank[i].size;
	return total;
}

static json_t *banks(const struct boot_config *cfg)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < cfg->nr_banks; i++)
		json_array_append_new(list, range(cfg->bank[i].base, cfg->bank[i].size));
	return list;
}

static json_t *holes(const struct boot_config *cfg)
{
	json_t *list = json_array();

	for (unsigned int i = 1; i < cfg->nr_banks; i++) {
		uint64_t end = cfg->bank[i - 1].base + cfg->bank[i - 1].size;

		if (end < cfg->bank[i].base)
			json_array_append_new(list, range(end, cfg->bank[i].base - end));
	}
	return list;
}

static json_t *zones(const struct boot_config *cfg)
{
	json_t *list = json_array();
	struct boot_bank span;

	for (int z = 0; z < MAX_NR_ZONES; z++)
		if (boot_config_zone(cfg, (enum zone_type)z, &span))
			json_array_append_new(list, json_pack("{ss so so}", "name",
							      boot_zone_name(cfg, z), "base",
							      integer(span.base), "size",
							      integer(span.size)));
	return list;
}

static json_t *users(const struct phys_map *map, unsigned int region)
{
	json_t *list = json_array();
	const struct phys_user *user;
	unsigned int at = 0;

	while ((user = phys_map_user(map, region, &at))) {
		json_t *u = json_pack("{so so si}", "device", json_text(user->device), "path",
				      json_text(user->path), "index", (int)user->index);

		if (user->name[0])
			json_object_set_new(u, "name", json_text(user->name));
		json_array_append_new(list, u);
	}
	return list;
}

static json_t *flags(const struct boot_region *r)
{
	json_t *list = json_array();
	unsigned int at = 0;
	const char *flag;

	while ((flag = boot_flag_name(r->flags, &at)))
		json_array_append_new(list, json_string(flag));
	return list;
}

/* In the order of cfg->region[], for map[].regions are indices. */
static json_t *regions(const struct boot_show *show)
{
	const struct boot_config *cfg = show->cfg;
	json_t *list = json_array();

	for (unsigned int i = 0; i < cfg->nr_regions; i++) {
		const struct boot_region *r = &cfg->region[i];
		json_t *region =
			json_pack("{so so so ss so sb sb so}", "name", json_text(r->name), "base",
				  integer(r->base), "size", integer(r->size), "kind",
				  boot_class_name(boot_class(r)), "flags", flags(r), "overlaps",
				  phys_map_overlaps(show->map, i), "ram",
				  phys_map_in_ram(show->map, i), "users", users(show->map, i));

		if (r->kind == BOOT_REGION_CMA)
			json_object_set_new(region, "policy",
					    json_string(load_policy_name(cfg->policy)));
		json_object_set_new(region, "because", boot_explain_json(cfg, i));
		if (r->phandle)
			json_object_set_new(region, "phandle", integer(r->phandle));
		json_array_append_new(list, region);
	}
	return list;
}

static json_t *map_runs(const struct boot_config *cfg, const struct phys_map *map)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < map->nr_runs; i++) {
		const struct phys_run *run = &map->run[i];
		json_t *claims = json_array(), *j;

		for (unsigned int k = 0; k < run->nr_claims; k++)
			json_array_append_new(claims, json_integer(run->claim[k]));
		j = json_pack("{so so ss so}", "base", integer(run->base), "size",
			      integer(run->size), "what", what_name[run->what], "regions", claims);
		if (run->what == PHYS_RAM) {
			json_object_set_new(j, "bank", json_integer(run->bank));
			json_object_set_new(j, "zone", json_string(boot_zone_name(cfg, run->zone)));
		}
		json_array_append_new(list, j);
	}
	return list;
}

static json_t *dma_pools(const struct boot_config *cfg)
{
	const struct boot_dma *dma = &cfg->dma;
	json_t *pools = json_array(), *bounce = json_null();
	struct boot_dma_plan plan;

	boot_config_dma(cfg, &plan);
	for (int z = 0; z < MAX_NR_ZONES; z++)
		if (plan.atomic_pool[z])
			json_array_append_new(pools,
					      json_pack("{ss so}", "zone", boot_zone_name(cfg, z),
							"size", integer(plan.atomic_pool[z])));
	if (plan.swiotlb_slabs)
		bounce = json_pack("{so so si sb}", "slots", integer(plan.swiotlb_slabs), "size",
				   integer(plan.swiotlb_slabs * SLOT), "areas",
				   (int)plan.swiotlb_areas, "force", dma->swiotlb_force);
	return json_pack("{so so sb ss sb sb}", "atomic_pools", pools, "bounce_buffers", bounce,
			 "coherent_only", dma->coherent_only, "order",
			 dma->legacy_order ? "legacy" : "linux", "iommu_strict", dma->iommu_strict,
			 "debug", dma->debug);
}

static json_t *dmesg(const struct boot_config *cfg)
{
	json_t *list = json_array();
	char line[BOOT_ARGS_MAX + 128];

	for (const char *s = cfg->dmesg; *s;) {
		size_t n = strcspn(s, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)n, s);
		json_array_append_new(list, json_text(line));
		s += n + (s[n] == '\n');
	}
	return list;
}

static json_t *notes(const struct boot_config *cfg)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < cfg->nr_notes && i < BOOT_MAX_NOTES; i++)
		json_array_append_new(list, json_text(cfg->note[i].text));
	return list;
}

bool boot_json(const struct boot_show *show, FILE *out)
{
	const struct boot_config *cfg = show->cfg;
	json_t *all = json_pack(
		"{si so ss so so so so so so so so so so so so so}", "version", VERSION, "model",
		json_text(cfg->model), "arch", load_arch_name(cfg->kernel.arch), "arch_of",
		cfg->arm.core[0] ? json_text(cfg->arm.core) : json_null(), "bootargs",
		json_text(cfg->bootargs), "ram_bytes", integer(ram_bytes(cfg)), "banks", banks(cfg),
		"holes", holes(cfg), "zones", zones(cfg), "regions", regions(show), "map",
		map_runs(cfg, show->map), "dma", dma_pools(cfg), "devices",
		boot_devices_json(cfg, show->tree), "taken", boot_explain_taken(cfg), "notes",
		notes(cfg), "dmesg", dmesg(cfg));

	if (!all)
		return false;
	(void)json_dumpf(all, out, JSON_INDENT(2)); /* out knows of errors */
	fputc('\n', out);
	json_decref(all);
	return true;
}
