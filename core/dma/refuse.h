/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Why a device did not get memory: who was asked and what each said. */
#ifndef FH_DMA_REFUSE_H
#define FH_DMA_REFUSE_H

#include "dma/dma.h"

FH_MUST_CHECK int refuse_start(struct fh_machine *m);
void refuse_end(struct fh_machine *m);

/* A request begins; costs next to nothing. */
static inline void refuse_begin(struct dma_refusal *way, uint64_t size, gfp_t gfp,
				unsigned int attrs)
{
	way->size = size;
	way->gfp = gfp;
	way->attrs = attrs;
	way->nr_steps = 0;
	way->error = 0;
}

/* One more that was asked. Returns err. */
int refuse_step(struct dma_refusal *way, enum dma_source source, int err, const char *fmt, ...)
	FH_PRINTF(4, 5);
/* Of the last step: it is not for want of room. Returns err. */
int refuse_cause(struct dma_refusal *way, enum dma_cause cause, int err);
/* All said no: kept for dma_refusals(). */
void refuse_keep(const struct device *dev, struct dma_refusal *way, int err);

#endif
