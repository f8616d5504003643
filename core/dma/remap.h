/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Buffers that have something of their own beside frames: an address for the CPU, or frames that do not lie together. */
#ifndef FH_DMA_REMAP_H
#define FH_DMA_REMAP_H

#include "dma/dma.h"

struct dma_remap {
	struct dma_remap *next;
	const struct device *dev;
	dma_t handle;
	uint64_t pages;
	void *cpu;   /* plat->vmap()'s, or the linear map's; NULL: none */
	bool mapped; /* `cpu` is plat->vmap()'s */
	bool hidden; /* the caller has dma_cookie(), not `cpu` */
	unsigned int nr_runs;
	struct range run[];
};

/* What a caller has of a buffer without an address: of use to nobody but the calls that take it back. */
static inline void *dma_cookie(dma_t handle)
{
	return (void *)(uintptr_t)(handle.v | 1);
}

/* What the caller has of the buffer. */
static inline const void *remap_given(const struct dma_remap *r)
{
	return r->hidden ? dma_cookie(r->handle) : r->cpu;
}

static inline size_t remap_size(unsigned int nr_runs)
{
	return sizeof(struct dma_remap) + nr_runs * sizeof(struct range);
}

#define REMAP_BUCKETS 256

/* Kept until remap_take(). */
void remap_keep(struct fh_machine *m, struct dma_remap *r);
/* Takes it out: NULL, none of this device, handle and size. */
struct dma_remap *remap_take(struct fh_machine *m, const struct device *dev, dma_t handle,
			     uint64_t pages);
/* The same, left where it is; valid until whoever owns the buffer frees it. */
struct dma_remap *remap_find(struct fh_machine *m, const struct device *dev, dma_t handle,
			     uint64_t pages);
FH_MUST_CHECK int remap_start(struct fh_machine *m);
void remap_end(struct fh_machine *m);

#endif
