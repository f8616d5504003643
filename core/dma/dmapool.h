/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The pools of freehold/dmapool.h, for who shows, checks and ends a machine. */
#ifndef FH_DMA_DMAPOOL_H
#define FH_DMA_DMAPOOL_H

#include <freehold/dmapool.h>
#include "dma/dma.h"

struct dma_pool_info {
	char name[DMA_POOL_MAX_NAME], device[DEVICE_MAX_NAME];
	uint64_t nr_active, nr_blocks,
		nr_pages; /* objects out, and in all; pages in Linux's sense */
	uint64_t size;	  /* bytes of an object */
};

/* The nth pool of a machine, newest first. False: there are not so many. */
bool dmapool_info(struct fh_machine *m, unsigned int nth, struct dma_pool_info *info);

/* Pools that are still there at a machine's end go with it, without their pages: these are the machine's. */
void dmapool_forget_all(struct fh_machine *m);

/* fh_check()'s part: how many invariants are broken; a line for each goes to *out. */
unsigned int dmapool_check(struct fh_machine *m, struct fh_text *out);

#endif
