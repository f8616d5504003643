/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A run of frames that coherent buffers are cut from, a bit a page: what pools consist of. */
#ifndef FH_DMA_CHUNK_H
#define FH_DMA_CHUNK_H

#include "base/lock.h"
#include "dma/dma.h"

struct dma_chunk {
	struct dma_chunk *next;
	pfn_t pfn;
	uint64_t nr; /* pages */
	void *cpu;   /* where the CPU sees it; NULL: nowhere */
	bool mapped; /* `cpu` is plat->vmap()'s */
	struct fh_lock lock;
	uint64_t *bitmap;	 /* lock: set means taken */
	uint64_t *first;	 /* lock: set means that a buffer begins; behind `bitmap` */
	uint64_t low;		 /* lock: below it all are taken */
	uint64_t used, used_max; /* lock: pages */
};

/* Over frames that are the caller's. uncached: the CPU sees them past its caches, if there are any. -FH_ENOMEM: no memory,
 * or no address for it. */
FH_MUST_CHECK int chunk_create(struct fh_machine *m, pfn_t pfn, uint64_t nr, bool uncached,
			       struct dma_chunk **chunk);
/* The frames are the caller's again. */
void chunk_destroy(struct fh_machine *m, struct dma_chunk *c);

/* The lowest run of nr pages that begins at a multiple of 2^order frames. False: none. */
bool chunk_take(struct dma_chunk *c, uint64_t nr, unsigned int order, pfn_t *pfn);
/* False: not what one chunk_take() gave, all of it; nothing is given. */
bool chunk_give(struct dma_chunk *c, pfn_t pfn, uint64_t nr);

static inline bool chunk_has(const struct dma_chunk *c, pfn_t pfn, uint64_t nr)
{
	return pfn >= c->pfn && pfn - c->pfn < c->nr && nr <= c->nr - (pfn - c->pfn);
}

static inline void *chunk_cpu(const struct dma_chunk *c, pfn_t pfn)
{
	return c->cpu ? (char *)c->cpu + ((pfn - c->pfn) << FH_PAGE_SHIFT) : NULL;
}

/* The longest free run, and how many pages are free. */
uint64_t chunk_longest(struct dma_chunk *c, uint64_t *free);
/* D1: how many invariants are broken. */
unsigned int chunk_check(const struct dma_chunk *c, const char *name, struct fh_text *out);

#endif
