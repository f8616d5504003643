/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* NUMA: which node RAM belongs to. */
#ifndef FH_BOOT_NODES_H
#define FH_BOOT_NODES_H

#include <freehold/boot.h>
#include "mm/early.h"

/* cfg->node_range, as the tree had it, made what boot_config_finish() promises of RAM; where that cannot be all is node 0, as
 * in Linux. */
void nodes_settle(struct boot_config *cfg, const struct early_set *ram);

/* Whether there is RAM of that node, and how many nodes have some. */
bool nodes_has(const struct boot_config *cfg, unsigned int node);
unsigned int nodes_count(const struct boot_config *cfg);

/* "Early memory node ranges" and what follows: bank by bank, what is not mapped apart. */
void nodes_say(struct boot_config *cfg, const struct early *early);

#endif
