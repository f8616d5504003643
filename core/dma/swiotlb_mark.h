/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The high-water mark of slots in use, without a counter that all CPUs write.
 *
 * The mark is dealt out: each area has a part of it, `allowed`, and `spare` is what none has. While no area uses more than its
 * part, all together use no more than the mark, and nobody looks. An area that needs more takes from `spare`, then what others
 * do not use, and only when that is not enough the mark rises, by just what is missing: to the sum of what is in use. (A total
 * that every map and unmap changes costs two locked additions, and a line that travels when two CPUs do it.)
 *
 * Never below what was in use at one time. With a single thread exact; with several it can be above by what others unmapped
 * during the very call that raised it.
 */
#ifndef FH_DMA_SWIOTLB_MARK_H
#define FH_DMA_SWIOTLB_MARK_H

#include "dma/swiotlb_pool.h"

/* The area's `used` went above its `allowed`. Its lock is not held. */
void swiotlb_mark_raise(struct io_tlb_mem *mem, struct swiotlb_area *area);
/* Down to what is in use now. */
void swiotlb_mark_reset(struct io_tlb_mem *mem);

#endif
