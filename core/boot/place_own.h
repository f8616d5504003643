/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Areas that the kernel itself asks for, by its command line or its configuration, in Linux's order. */
#ifndef FH_BOOT_PLACE_OWN_H
#define FH_BOOT_PLACE_OWN_H

#include "boot/cmdline.h"
#include "mm/early.h"

/* What is placed when regions of the tree have their places, and zones are not told of yet: hugetlb_cma=, and before 6.6 cma_pernuma=; from
 * 7 on the default area, cma= or the kernel's own, and areas of nodes. */
FH_MUST_CHECK int place_before_zones(struct boot_config *cfg, struct early *early,
				     const struct boot_cmdline *c, struct boot_why *why);

/* The others. */
FH_MUST_CHECK int place_after_zones(struct boot_config *cfg, struct early *early,
				    const struct boot_cmdline *c, struct boot_why *why);

/* Some of them: the default area and those of nodes. 32-bit ARM has no others. */
FH_MUST_CHECK int place_default_areas(struct boot_config *cfg, struct early *early,
				      const struct boot_cmdline *c, struct boot_why *why);

/* One of them: hugetlb_cma=. */
FH_MUST_CHECK int place_hugetlb(struct boot_config *cfg, struct early *early,
				const struct boot_cmdline *c, struct boot_why *why);

#endif
