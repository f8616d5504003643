/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Where ZONE_MOVABLE begins in each node. */
#ifndef FH_BOOT_MOVABLE_H
#define FH_BOOT_MOVABLE_H

#include "boot/cmdline.h"
#include "mm/early.h"

struct movable {
	uint64_t start[BOOT_MAX_NODES]; /* 0: nowhere */
};

/* As Linux's find_zone_movable_pfns_for_nodes(), with its messages; also cfg->movable_start. The zone limits must be set. */
void movable_find(struct boot_config *cfg, const struct early *early, const struct boot_cmdline *c,
		  struct movable *movable);

#endif
