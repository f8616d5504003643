/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef FH_BUF_HEAP_CMA_H
#define FH_BUF_HEAP_CMA_H

#include "buf/heap_buffer.h"

/* One run of heap->area. */
extern const struct heap_source heap_cma_source;

#endif
