/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Regions to their places: what the tree fixed and what it left to us. */
#ifndef FH_BOOT_PLACE_H
#define FH_BOOT_PLACE_H

#include "boot/cmdline.h"
#include "mm/early.h"

/*
 * All take cfg->region and the RAM in early->available, and say what Linux says. place_taken() before all and, late, after the
 * regions: what the kernel itself has. place_regions()
 * first: reserves, places and names the kind of every region of the tree; has_cma: cma= was given,
 * which a default area of the tree gives way to. What place_own.h has comes between.
 * place_dma() next: whether what devices are to have fits, and the pool of coherent_only=.
 * place_check() last: drops areas that cannot be activated, and refuses what would be handed to two
 * owners.
 */
FH_MUST_CHECK int place_taken(const struct boot_config *cfg, struct early *early, bool late,
			      struct boot_why *why);
FH_MUST_CHECK int place_regions(struct boot_config *cfg, struct early *early, bool has_cma,
				struct boot_why *why);
FH_MUST_CHECK int place_dma(struct boot_config *cfg, struct early *early, struct boot_why *why);
/* What Linux says about bounce buffers, behind the command line. */
void say_bounces(struct boot_config *cfg);
FH_MUST_CHECK int place_check(struct boot_config *cfg, const struct early *early,
			      struct boot_why *why);

#endif
