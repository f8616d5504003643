/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Regions that a test puts into a configuration, as a tree would. */
#ifndef REGIONS_H
#define REGIONS_H

#include <freehold/boot.h>

struct boot_region *region_add(struct boot_config *cfg, const char *name, uint64_t base,
			       uint64_t size, unsigned int flags);
/* One more entry of its alloc-ranges; before the next region has any. */
void region_window(struct boot_config *cfg, struct boot_region *r, uint64_t base, uint64_t size);

#endif
