/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Who uses which region of a tree, and what its bus lets it reach: a table, and JSON. */
#ifndef TOOLS_BOOT_DEVICES_H
#define TOOLS_BOOT_DEVICES_H

#include <freehold/boot.h>
#include <jansson.h>
#include <stdio.h>
#include "boot_show.h"
#include "load.h"

/* What a device can reach, in words: "all RAM", "bus 0xc0000000-0xffffffff is 0x0-0x3fffffff". */
void boot_device_reach(const struct boot_config *cfg, const struct boot_device *dev, char *buf,
		       size_t size);
/* Devices with a region, an IOMMU, or a bus that does not see all RAM at the CPU's addresses; nothing when there are none. */
void boot_devices_text(const struct boot_config *cfg, const struct load_tree *tree,
		       const struct boot_screen *screen, FILE *out);
/* All that boot_devices_for_each() has. */
json_t *boot_devices_json(const struct boot_config *cfg, const struct load_tree *tree);

#endif
