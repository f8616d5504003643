/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the two files of group `dma` share: a machine with a device, and what each thread that drives it has in hand. */
#ifndef FREEHOLD_TOOLS_BENCH_DMA_H
#define FREEHOLD_TOOLS_BENCH_DMA_H

#include <freehold/dma.h>
#include <freehold/dmapool.h>
#include <freehold/iommu.h>
#include "bench.h"

#define DMA_CHUNK   1000
#define DMA_HELD    1024 /* buffers and objects of a thread, for what is aged */
#define DMA_ENTRIES 16	 /* of a scatter list */
#define DMA_RUNS    64	 /* runs of frames of all threads, 2 MiB each: where buffers to map lie */
#define DMA_RUN	    (FH_PAGE_SIZE << FH_BLOCK_ORDER)

/* Of one thread. */
struct dma_hand {
	uint64_t seed;
	double ns[2]; /* an operation, and what is measured beside it */
	struct {
		void *cpu;
		dma_t handle;
	} held[DMA_HELD];
	unsigned int nr_held, nr_runs;
	pfn_t pfn[DMA_RUNS];
	unsigned char *run[DMA_RUNS];
	uint64_t at;	       /* a walk through all of run[], bytes */
	void *slot[DMA_CHUNK]; /* where the last chunk's bounced bytes came to lie */
	struct scatterlist sg[DMA_ENTRIES];
} __attribute__((aligned(128)));

struct dma_work {
	const struct plat *plat;
	struct fh_machine *m;
	struct device dev;
	struct dma_pool *objects; /* NULL: none */
	unsigned int kind, threads, per_chunk;
	uint64_t size, object_size; /* bytes; object_size 0: no pool of objects */
	struct dma_hand hand[BENCH_THREADS];
};

/* w->per_chunk operations. False: one failed. */
typedef bool (*dma_chunk)(struct dma_work *w, struct dma_hand *h);

/* Allocate and free; an aged pool: free any of half of it, and allocate. */
bool dma_chunk_coherent(struct dma_work *w, struct dma_hand *h);
bool dma_chunk_atomic(struct dma_work *w, struct dma_hand *h);
bool dma_chunk_explained(struct dma_work *w, struct dma_hand *h);
bool dma_chunk_aged(struct dma_work *w, struct dma_hand *h);
bool dma_chunk_object(struct dma_work *w, struct dma_hand *h);
bool dma_chunk_object_aged(struct dma_work *w, struct dma_hand *h);
/* Zeroes what the allocations before it zeroed. */
bool dma_chunk_zero(struct dma_work *w, struct dma_hand *h);
bool dma_chunk_zero_aged(struct dma_work *w, struct dma_hand *h);
/* Map and unmap, to the device; cold: another buffer each time. */
bool dma_chunk_single(struct dma_work *w, struct dma_hand *h);
bool dma_chunk_sg(struct dma_work *w, struct dma_hand *h);
bool dma_chunk_bounce(struct dma_work *w, struct dma_hand *h);
bool dma_chunk_bounce_cold(struct dma_work *w, struct dma_hand *h);
/* The copies that the chunk before it made: to the same slots, from such a buffer. */
bool dma_chunk_copy(struct dma_work *w, struct dma_hand *h);
bool dma_chunk_copy_cold(struct dma_work *w, struct dma_hand *h);

/* Memory to map, before the first chunk; and all that is in hand, given back. False: refused. */
bool dma_hand_begin(struct dma_work *w, struct dma_hand *h);
void dma_hand_end(struct dma_work *w, struct dma_hand *h);

#endif
