/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef FH_BUF_HEAP_COHERENT_H
#define FH_BUF_HEAP_COHERENT_H

#include "buf/heap_buffer.h"

/* One run of the pool that is heap->chunk, beside what the DMA API has of it; zero past the caches. */
extern const struct heap_source heap_coherent_source;

#endif
