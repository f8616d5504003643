/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Where the memory of bounce buffers comes from: runs of frames outside all areas, of any length. */
#ifndef FH_DMA_SWIOTLB_FRAMES_H
#define FH_DMA_SWIOTLB_FRAMES_H

#include "dma/dma.h"

/*
 * nr contiguous frames whose last byte is at most `limit`, in one bank, aligned to their order (at most to a block), as high as
 * there are such. Up to 2^FH_MAX_ORDER of them from the buddy as gfp says (its zone bits are set here); more only
 * where whole blocks are free, with plenty left. False: none.
 */
FH_MUST_CHECK bool swiotlb_frames_take(struct fh_machine *m, uint64_t nr, uint64_t limit, gfp_t gfp,
				       struct range *frames);
void swiotlb_frames_give(struct fh_machine *m, struct range frames);

#endif
