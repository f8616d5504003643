/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What zones, regions and sizes are called wherever `freehold boot` shows them. */
#ifndef TOOLS_BOOT_WORDS_H
#define TOOLS_BOOT_WORDS_H

#include "phys_map.h"

/* What a region is to those who read a map: its kind, and of reserved memory what for. */
enum boot_class {
	BOOT_CLASS_RESERVED,
	BOOT_CLASS_NOMAP,
	BOOT_CLASS_CMA,
	BOOT_CLASS_DMA_POOL,
	BOOT_CLASS_RESTRICTED,
	BOOT_CLASS_CARVEOUT,
	BOOT_CLASS_MEMRESERVE,
	BOOT_NR_CLASSES,
};

enum boot_class boot_class(const struct boot_region *r);
/* "reserved", "nomap", "cma", "dma-pool", "restricted-dma-pool", "carveout", "memreserve". */
const char *boot_class_name(enum boot_class c);

/* "DMA" and the like, as the kernel of the layout has it; "-": none. */
const char *boot_zone_name(const struct boot_config *cfg, int zone);

/* The name of the flag at *at, which moves on, among those set; NULL: no more. Begin with *at 0. */
const char *boot_flag_name(unsigned int flags, unsigned int *at);

/* The largest unit that divides it: "948 MiB", "16 KiB". */
char *boot_size_text(uint64_t bytes, char *buf, size_t size);

/* How a user is shown: "fe801000.csi", with the entry of memory-region unless it is the first without a name: "ffe00000.r5f[1]",
 * "ffe00000.r5f[2=vring0]". */
#define BOOT_USER_TEXT (2 * BOOT_NAME_MAX + 16)
char *boot_user_text(const struct phys_user *user, char buf[BOOT_USER_TEXT]);

/* Digits that every address of the map has room in; at least 8. */
int boot_address_digits(const struct phys_map *map);

/* Indices of cfg->region[] by address, the larger first where two begin at one; returns how many. */
unsigned int boot_regions_by_address(const struct boot_config *cfg,
				     unsigned char order[BOOT_MAX_REGIONS]);

#endif
