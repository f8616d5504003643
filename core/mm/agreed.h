/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Buffers whose owners have agreed that they may be moved while they are idle: when no window is
 * left, one of them makes room.
 *
 * Model. They lie apart, so in the order of their places what overlaps a window is found in O(log n); and they are asked in the order of
 * their size. A search that finds nobody does not visit them all: one that helps has free frames beside it, which the area's bitmap shows.
 *
 *	A10 an agreement is in both trees, at its own place and size; its frames are marked, and no other's; in a quiet machine
 *	none is on the move.
 */
#ifndef FH_MM_AGREED_H
#define FH_MM_AGREED_H

#include "base/fmt.h"
#include "mm/contig.h"
#include "mm/window.h"

/* Whether a buffer of these frames (bits of the range) is registered. cma.lock is held. */
bool agreed_has(const struct cma *cma, const struct cma_memrange *r, uint64_t bit,
		uint64_t nr_bits);
/* Whether one is registered that begins there. Takes cma.lock. */
bool agreed_is(struct cma *cma, pfn_t pfn);
/* A10: how much is broken; a line for each goes to *out. */
FH_MUST_CHECK unsigned int agreed_check(const struct cma *cma, struct fh_text *out);

/*
 * Moves one buffer, the smallest that helps, so that a window as wanted comes to be, and takes it:
 * marked and empty. limits: policy, deadline and cancel. -FH_ENOMEM: none helps; else as
 * contig_claim(). On failure a buffer may have moved, and nothing else.
 */
FH_MUST_CHECK int agreed_make_hole(struct cma *cma, const struct window_want *want,
				   const struct contig_want *limits, struct window *w,
				   struct contig_result *res);

#endif
