/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the buffers of all heaps have in common: runs of frames, an object of the platform's, tables for devices, addresses for CPUs.
 *
 * Invariants (DESIGN, "Buffers"; fh_check recomputes them)
 *	F2 a heap's `used` is the sum of its buffers, its frames are theirs, each once, and in nobody else's hands.
 *	F4 an agreed buffer is not pinned, and a pinned one is not agreed; its area knows of the agreement.
 */
#ifndef FH_BUF_HEAP_BUFFER_H
#define FH_BUF_HEAP_BUFFER_H

#include "buf/dmabuf.h"

struct dma_chunk;
struct heap_buffer;
struct heap_map;

/* What differs between kinds of heaps. */
struct heap_source {
	/* Frames for b->pages into b->run; b->zero: their bytes are zero. On failure nothing is taken; runs may be left behind. */
	int (*take)(struct heap_buffer *b);
	void (*give)(struct heap_buffer *b);
	/* F2: every frame of a run is the heap's, and taken. */
	bool (*has)(const struct dma_heap *heap, struct range run);
};

struct dma_heap {
	struct dma_heap *next;
	struct fh_machine *m;
	char name[DMA_HEAP_NAME_MAX];
	const struct heap_source *source;
	enum dma_heap_kind kind;
	unsigned int traits;
	struct cma *area;	 /* of kind CMA */
	struct dma_chunk *chunk; /* of kinds CARVEOUT and COHERENT */
	bool owns_chunk;
	uint64_t total; /* bytes; 0: as much as the machine has */
	/* By m->buf->lock. */
	uint64_t limit, used, peak, buffers, allocated, refused;
};

#define HEAP_BUFFER_FEW 4

/* The fields that change do so under the reservation's lock, `run` under m->buf->lock too. */
struct heap_buffer {
	struct dma_heap *heap;
	struct dma_buf *buf;
	uint64_t pages;
	struct range *run; /* `few`, or `room` of them */
	unsigned int nr_runs, room;
	struct range few[HEAP_BUFFER_FEW];
	bool zero;	/* by whoever took the frames */
	bool shown;	/* the object's bytes are at the frames */
	void *shared;	/* of plat->share(); NULL: the bytes are in RAM */
	void *uncached; /* of plat->vmap(), of a heap past the caches; it lasts */
	struct heap_map *maps;
	bool movable, agreed;
	unsigned int pins; /* of attachments, vmap, mmap */
};

extern const struct dma_buf_ops heap_buffer_ops;

static inline struct heap_buffer *heap_buffer_of(const struct dma_buf *buf)
{
	return buf->ops == &heap_buffer_ops ? buf->priv : NULL;
}

/* One more run behind the others, joined to the last if it goes on there. -FH_ENOMEM. */
FH_MUST_CHECK int heap_buffer_add(struct heap_buffer *b, pfn_t pfn, uint64_t nr);
/* A buffer of the heap, exported, its bytes zero. */
FH_MUST_CHECK int heap_buffer_create(struct dma_heap *heap, uint64_t pages, struct heap_buffer **b);
/* Whether it may be moved while idle: makes the agreement with its area, or ends it. Locked. */
void heap_buffer_set_movable(struct heap_buffer *b, bool movable);
/* F2 and F4 of one, quiet; each of its frames is marked in `seen`, a bit a frame of the machine. */
unsigned int heap_buffer_check(struct heap_buffer *b, uint64_t *seen, struct fh_text *out);

#endif
