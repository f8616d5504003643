/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The terms an area is lent on: its policy and its share, and the block states that follow from
 * them (A4). */
#ifndef FH_MM_TERMS_H
#define FH_MM_TERMS_H

#include <freehold/types.h>

struct area_block;

/* The `lend` of a block's state that the area's policy and the block's part in the share say. */
uint8_t terms_lend(const struct cma *cma, const struct area_block *block);
/* Whether block `nth` of the area, counted over all ranges, may be lent: in the share, not ready. */
bool terms_is_lent(const struct cma *cma, const struct area_block *block, uint64_t nth);

#endif
