/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Frames of a buffer that are contiguous for the device only, in runs as large as there are. */
#ifndef FH_DMA_SCATTER_H
#define FH_DMA_SCATTER_H

#include "dma/frames.h"
#include "dma/remap.h"

/* An empty record for so many runs; NULL: no memory, and a step of the way says so. */
struct dma_remap *scatter_record(struct dma_ask *a, unsigned int nr_runs);
/* Frames wherever they are, with their record. Every run may be a page, so much room is needed for a moment. */
FH_MUST_CHECK int scatter_take(struct dma_ask *a, struct dma_remap **remap);
/* The frames of the record go back; the record stays. */
void scatter_give(struct device *dev, const struct dma_remap *r);

#endif
