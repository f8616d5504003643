/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What an area keeps ready: blocks that are not lent, evacuated, and zero, for requests that cannot
 * wait. Work in the background makes them and gives them back, a block a step.
 */
#ifndef FH_MM_READY_H
#define FH_MM_READY_H

#include "mm/window.h"

/* A window has become a buffer: its frames are no longer known to be zero. With `zero` its bytes
 * are made so where they are not. Takes cma.lock. */
void ready_taken(struct cma *cma, const struct window *w, bool zero);

/* One step of the area's background work; false: nothing to do, or nothing can be done now. */
bool ready_step(struct cma *cma);

#endif
