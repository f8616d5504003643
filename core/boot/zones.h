/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Where zones end and movable memory begins, and Linux's lines about them. */
#ifndef FH_BOOT_ZONES_H
#define FH_BOOT_ZONES_H

#include "boot/cmdline.h"
#include "mm/early.h"

/* cfg->dma_limit (what the buses reach) and dma32_limit made zone limits. */
void zones_set(struct boot_config *cfg);

/* Where memory that every bus reaches ends: Linux's arm64_dma_phys_limit; ZONE_DMA32's end where the kernel has no ZONE_DMA, and
 * UINT64_MAX where it has neither. */
uint64_t zones_reach(const struct boot_config *cfg);

/* Sets cfg->movable_start, and says zones and nodes. */
void zones_say(struct boot_config *cfg, const struct early *early, const struct boot_cmdline *c);

#endif
