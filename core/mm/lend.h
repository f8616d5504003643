/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Frames of `discard` areas for pages that can be dropped.
 *
 * The buddy lends blocks to whatever is movable, and so does not see those of a `discard` area: to
 * it they are not lent (BLOCK_LEND_NONE), and no CPU caches words of them. What may live there, a
 * clean page of a file, asks here first, a frame at a time: next to the read that fills it the
 * block's lock is nothing.
 */
#ifndef FH_MM_LEND_H
#define FH_MM_LEND_H

#include <freehold/types.h>

struct fh_machine;

/* A frame for a page of GFP_DROPPABLE; false: no `discard` area has one. Frees as any other. */
bool lend_take(struct fh_machine *m, gfp_t gfp, pfn_t *pfn);

#endif
