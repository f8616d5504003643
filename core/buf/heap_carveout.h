/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef FH_BUF_HEAP_CARVEOUT_H
#define FH_BUF_HEAP_CARVEOUT_H

#include "buf/heap_buffer.h"

/* One run of heap->chunk, the first that fits. */
extern const struct heap_source heap_carveout_source;

#endif
