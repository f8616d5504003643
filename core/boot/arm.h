/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a kernel for 32-bit ARM does with memory that one for arm64 does not. */
#ifndef FH_BOOT_ARM_H
#define FH_BOOT_ARM_H

#include "boot/cmdline.h"
#include "boot/tree.h"
#include "mm/early.h"

#define ARM_ADDRESSES (UINT64_C(1) << 32) /* physical ones without LPAE */

/* Before all else is read of a tree: takes it for 32-bit ARM if it says so, and nobody else did. */
void arm_detect(struct tree *t);
/* After all else: what the board's own code knows, and numbers of the tree cut to 32 bits. */
FH_MUST_CHECK int arm_read_tree(struct tree *t);
/* A bank of the tree, [*base, *end), made fit for physical addresses of 32 bits, with Linux's words; false: nothing is left. */
bool arm_cut_bank(struct boot_config *cfg, uint64_t *base, uint64_t *end);

/* RAM that the kernel takes on: mem=, and nothing below or above what it can address. Sets cfg->arm.phys_offset. */
FH_MUST_CHECK int arm_size_ram(struct boot_config *cfg, struct early_set *ram,
			       const struct boot_cmdline *c, struct boot_why *why);
/* Where the linear map ends: Linux's adjust_lowmem_bounds(), once before regions are placed and once `again` behind. */
FH_MUST_CHECK int arm_lowmem(struct boot_config *cfg, struct early *early, bool again,
			     struct boot_why *why);
/* cfg->dma_limit and dma32_limit, from what arm_lowmem() found; of a machine rounded, once Linux's lines are said: no block of
 * 2 MiB belongs to two zones. */
void arm_zones_set(struct boot_config *cfg);
void arm_zones_round(struct boot_config *cfg);

#endif
