/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Regions that a test puts into a configuration. */
#include <stdio.h>
#include "regions.h"

struct boot_region *region_add(struct boot_config *cfg, const char *name, uint64_t base,
			       uint64_t size, unsigned int flags)
{
	struct boot_region *r = &cfg->region[cfg->nr_regions++];

	snprintf(r->name, sizeof(r->name), "%s", name);
	r->base = base;
	r->size = size;
	r->flags = flags;
	return r;
}

void region_window(struct boot_config *cfg, struct boot_region *r, uint64_t base, uint64_t size)
{
	if (!r->nr_windows)
		r->first_window = cfg->nr_windows;
	r->nr_windows++;
	cfg->window[cfg->nr_windows++] = (struct boot_bank){base, size};
}
