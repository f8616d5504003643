/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Pools over regions of their own: shared-dma-pool without reusable, linux,dma-default. After kernel/dma/coherent.c. */
#ifndef FH_DMA_COHERENT_H
#define FH_DMA_COHERENT_H

#include "dma/chunk.h"

struct dma_coherent_mem {
	struct dma_coherent_mem *next; /* of m->dma->pools */
	char name[BOOT_NAME_MAX];      /* the region's */
	struct dma_chunk *chunk;
};

/* A pool of every region of that kind, of its whole pages. -FH_ENOMEM: coherent_end() ends what was made. */
FH_MUST_CHECK int coherent_start(struct fh_machine *m);
void coherent_end(struct fh_machine *m);
/* The pool of the region of that name; NULL: none. */
struct dma_coherent_mem *dma_pool_of_region(struct fh_machine *m, const char *name);
/* The one that has these frames; NULL: none. */
struct dma_coherent_mem *coherent_find(struct fh_machine *m, pfn_t pfn, uint64_t nr);
unsigned int coherent_check(struct fh_machine *m, struct fh_text *out);

#endif
