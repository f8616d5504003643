/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Buffers whose owners have agreed that they may be moved while they are idle: when no window is
 * left, one of them makes room.
 */
#ifndef FH_MM_AGREED_H
#define FH_MM_AGREED_H

#include "mm/contig.h"
#include "mm/window.h"

/* Whether a buffer of these frames (bits of the range) is registered. cma.lock is held. */
bool agreed_has(const struct cma *cma, const struct cma_memrange *r, uint64_t bit,
		uint64_t nr_bits);

/*
 * Moves one buffer, the smallest that helps, so that a window as wanted comes to be, and takes it:
 * marked and empty. limits: policy, deadline and cancel. -FH_ENOMEM: none helps; else as
 * contig_claim(). On failure a buffer may have moved, and nothing else.
 */
FH_MUST_CHECK int agreed_make_hole(struct cma *cma, const struct window_want *want,
				   const struct contig_want *limits, struct window *w,
				   struct contig_result *res);

#endif
