/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Atomic pools: memory that was prepared for coherent requests that must not sleep, when preparing takes time (an
 * address past the caches). One a kind of gfp, grown in the background, never smaller again. After kernel/dma/pool.c.
 */
#ifndef FH_DMA_POOL_H
#define FH_DMA_POOL_H

#include "dma/chunk.h"

/* The pools of a machine whose platform has caches, or that `coherent_pool=` asks for; else none. -FH_ENOMEM; what a zone does
 * not have is said, and its pool is left out. */
FH_MUST_CHECK int pool_start(struct fh_machine *m, const uint64_t bytes[MAX_NR_ZONES]);
void pool_end(struct fh_machine *m);

/* What a device wants of them; pfn and cpu are what it gets. */
struct pool_want {
	struct device *dev;
	uint64_t pages;
	gfp_t gfp;
	unsigned int order; /* the first frame is a multiple of 2^order */
	bool (*reaches)(const struct device *dev, pfn_t pfn, uint64_t pages);
	pfn_t pfn;
	void *cpu;
	bool unreachable; /* or: some were free, and lay out of reach */
};

/* From the pool that gfp names, else from those below it; never sleeps. *why, of DMA_WHY_MAX, says what was wrong on
 * -FH_ENOMEM. */
FH_MUST_CHECK int pool_alloc(struct pool_want *w, char *why);
/* The chunk of a pool that has these pages; NULL: none. */
struct dma_chunk *pool_find(struct fh_machine *m, pfn_t pfn, uint64_t pages);
/* False: not pages that it gave. */
bool pool_free(struct fh_machine *m, pfn_t pfn, uint64_t pages);

/* Pages that a pool has; 0: there is none. */
uint64_t pool_size(struct fh_machine *m, enum zone_type zone);
/* Grows one that ran low. True: there was one. May sleep. */
bool pool_background(struct fh_machine *m);
unsigned int pool_check(struct fh_machine *m, struct fh_text *out);

#endif
