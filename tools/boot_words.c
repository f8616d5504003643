/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What zones, regions and sizes are called wherever `freehold boot` shows them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "boot_words.h"

static const char *const class_name[BOOT_NR_CLASSES] = {
	[BOOT_CLASS_RESERVED] = "reserved",
	[BOOT_CLASS_NOMAP] = "nomap",
	[BOOT_CLASS_CMA] = "cma",
	[BOOT_CLASS_DMA_POOL] = "dma-pool",
	[BOOT_CLASS_RESTRICTED] = "restricted-dma-pool",
	[BOOT_CLASS_CARVEOUT] = "carveout",
	[BOOT_CLASS_MEMRESERVE] = "memreserve",
};

static const struct {
	unsigned int flag;
	const char *name;
} flag_name[] = {
	{BOOT_REGION_DYNAMIC, "dynamic"},
	{BOOT_REGION_REUSABLE, "reusable"},
	{BOOT_REGION_NO_MAP, "no-map"},
	{BOOT_REGION_CMA_DEFAULT, "cma-default"},
	{BOOT_REGION_DMA_DEFAULT, "dma-default"},
	{BOOT_REGION_CMDLINE, "cmdline"},
	{BOOT_REGION_MORE, "more"},
	{BOOT_REGION_MEMRESERVE, "memreserve"},
	{BOOT_REGION_CARVEOUT, "carveout"},
};
#define NR_FLAGS (sizeof(flag_name) / sizeof(flag_name[0]))

enum boot_class boot_class(const struct boot_region *r)
{
	switch (r->kind) {
	case BOOT_REGION_CMA:
		return BOOT_CLASS_CMA;
	case BOOT_REGION_DMA_POOL:
		return BOOT_CLASS_DMA_POOL;
	case BOOT_REGION_RESTRICTED_POOL:
		return BOOT_CLASS_RESTRICTED;
	case BOOT_REGION_NOMAP:
	case BOOT_REGION_RESERVED:
		break;
	}
	if (r->flags & BOOT_REGION_CARVEOUT)
		return BOOT_CLASS_CARVEOUT;
	if (r->flags & BOOT_REGION_MEMRESERVE)
		return BOOT_CLASS_MEMRESERVE;
	return r->kind == BOOT_REGION_NOMAP ? BOOT_CLASS_NOMAP : BOOT_CLASS_RESERVED;
}

const char *boot_class_name(enum boot_class c)
{
	return class_name[c];
}

const char *boot_zone_name(const struct boot_config *cfg, int zone)
{
	return zone >= 0 && zone < MAX_NR_ZONES ? boot_config_zone_name(cfg, (enum zone_type)zone)
						: "-";
}

const char *boot_flag_name(unsigned int flags, unsigned int *at)
{
	while (*at < NR_FLAGS) {
		unsigned int i = (*at)++;

		if (flags & flag_name[i].flag)
			return flag_name[i].name;
	}
	return NULL;
}

char *boot_size_text(uint64_t bytes, char *buf, size_t size)
{
	static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	unsigned int u = 0;

	while (u < 4 && bytes && bytes % 1024 == 0) {
		bytes /= 1024;
		u++;
	}
	snprintf(buf, size, "%" PRIu64 " %s", bytes, unit[u]);
	return buf;
}

char *boot_user_text(const struct phys_user *user, char buf[BOOT_USER_TEXT])
{
	if (user->name[0])
		snprintf(buf, BOOT_USER_TEXT, "%s[%u=%s]", user->device, user->index, user->name);
	else if (user->index)
		snprintf(buf, BOOT_USER_TEXT, "%s[%u]", user->device, user->index);
	else
		snprintf(buf, BOOT_USER_TEXT, "%s", user->device);
	return buf;
}

int boot_address_digits(const struct phys_map *map)
{
	const struct phys_run *last = map->nr_runs ? &map->run[map->nr_runs - 1] : NULL;
	uint64_t end = last ? last->base + last->size - 1 : 0;
	int digits = 8;

	while (digits < 16 && end >> (4 * digits))
		digits++;
	return digits;
}

static bool before(const struct boot_region *a, const struct boot_region *b)
{
	return a->base != b->base ? a->base < b->base : a->size > b->size;
}

unsigned int boot_regions_by_address(const struct boot_config *cfg,
				     unsigned char order[BOOT_MAX_REGIONS])
{
	for (unsigned int i = 0; i < cfg->nr_regions; i++) {
		unsigned int at = i;

		for (; at && before(&cfg->region[i], &cfg->region[order[at - 1]]); at--)
			order[at] = order[at - 1];
		order[at] = (unsigned char)i;
	}
	return cfg->nr_regions;
}
