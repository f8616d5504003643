/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Windows of an area: which run of frames without a device's buffer a request gets, and the marks.
 *
 * Linux's way (policy `movable`) is the lowest. The others take the cheapest: what a window costs is
 * what it takes to make its tenants leave, from counts that blocks keep anyway (policy.c says how
 * much a move and a drop cost). Requests of less than a block look from the upper end, and first in
 * blocks that such have broken already; larger ones from the lower end. Of windows that cost
 * nothing the outermost is taken, so that buffers lie close; of others that cost the same the next
 * after the last one, so that not always the same tenants move.
 */
#ifndef FH_MM_WINDOW_H
#define FH_MM_WINDOW_H

#include <freehold/types.h>

struct cma;
struct cma_memrange;
struct window;

#define WINDOW_STUCK 8 /* pages in the way that a request goes round before it gives up */

struct window_want {
	uint64_t nr_bits; /* in the area's units */
	unsigned int align_order;
	pfn_t low, high;   /* high 0: no limit */
	uint64_t boundary; /* 0: none */
	bool free;	   /* only a window that costs nothing; no waiting for locks */
	unsigned int nr_stuck;
	pfn_t stuck[WINDOW_STUCK]; /* no window over one of these */
};

/* The lowest window of w->r at or above w->bit; marks it. Takes cma.lock. */
bool window_first(struct cma *cma, struct window *w, const struct window_want *want);
/* The cheapest window of all ranges; marks it. Takes cma.lock, or, with want->free, tries to. */
bool window_cheapest(struct cma *cma, struct window *w, const struct window_want *want);
/* The cheapest window, not marked; and the mark, of nothing if it is empty. cma.lock is held. */
bool window_search(struct cma *cma, struct window *w, const struct window_want *want);
/* The one there would be if `gone`, which is marked, was not. cma.lock is held. */
bool window_without(struct cma *cma, struct window *w, const struct window_want *want,
		    const struct window *gone);
void window_mark(struct cma *cma, struct window *w);
/* Whether a range has a window at all, whatever it costs. cma.lock is held. */
bool window_fits(const struct cma *cma, const struct cma_memrange *r,
		 const struct window_want *want);
/* Takes marks away: a window that could not be emptied, or part of a buffer. cma.lock is held. */
void window_clear(struct cma *cma, struct cma_memrange *r, uint64_t bit, uint64_t nr_bits);

#endif
