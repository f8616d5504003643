/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Requests of an area that are served in the background, in the order they came. */
#ifndef FH_MM_ASYNC_H
#define FH_MM_ASYNC_H

#include <freehold/types.h>

/* Serves the oldest; false: there is none. */
bool async_step(struct cma *cma);

#endif
