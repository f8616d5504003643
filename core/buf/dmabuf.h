/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A shared buffer: its references, its name, its place in the machine's list. After drivers/dma-buf/dma-buf.c. */
#ifndef FH_BUF_DMABUF_H
#define FH_BUF_DMABUF_H

#include "buf/buf.h"

struct dma_hold;

struct buffer {
	struct dma_buf pub;	    /* the first */
	struct buffer *next, *prev; /* m->buf->buffers */
	struct tree_node by_ino;    /* m->buf->by_ino */
	_Atomic(uint32_t) refs;	    /* 0: leaving */
	uint64_t born_ns;
	struct dma_resv own;	  /* where pub.resv points, unless the exporter has one */
	struct fh_lock name_lock; /* rank LEAF */
	char name[DMA_BUF_NAME_MAX];
	/* The rest by pub.resv. */
	struct dma_buf_attachment *attachments; /* newest first */
	unsigned int nr_attachments;
	unsigned int pins; /* of attachments, maps of those that are not dynamic, vmap, mmap */
	unsigned int vmaps, mmaps;
	void *cpu; /* while vmaps */
	bool leak_said;
	/* Of holders, by m->buf->lock. */
	struct dma_hold *holds, *last_hold; /* who has held it longest comes first */
	unsigned int nr_holds;
	struct dma_holder *charged; /* one of them */
	uint64_t written;	    /* bytes, by holders that are gone, too */
};

static inline struct buffer *buffer_of(struct dma_buf *buf)
{
	return (struct buffer *)buf;
}

/* The newest buffer after `b` (NULL: of all) with a reference, and puts b: a walk that holds no lock, and sees each that lives all the while
 * once. To end early, put what it gave. */
struct dma_buf *buffer_next(struct fh_machine *m, struct dma_buf *b);

/* Locks the reservation, whatever it takes; for whoever has no context. */
void buffer_lock(struct dma_buf *buf);
void buffer_unlock(struct dma_buf *buf);

/* All that live are released, whoever has them. */
void buffers_forget_all(struct fh_machine *m);
/* F1 and F5, of a machine that is quiet; how many are broken. */
unsigned int buffers_check(struct fh_machine *m, struct fh_text *out);

#endif
