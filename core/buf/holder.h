/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Who holds which buffers, and who is charged for them.
 *
 * Invariant (DESIGN, "Buffers"; fh_check recomputes it)
 *	F3 what holders are charged for is, together, what has holders; each buffer with any is charged to one of them.
 *	F6 a holder has written as much as its holds together, at least; a buffer was written as much as its holds.
 *
 * Locking. m->buf->lock: all of it.
 */
#ifndef FH_BUF_HOLDER_H
#define FH_BUF_HOLDER_H

#include "buf/dmabuf.h"

/* One holder's share in one buffer: one reference, however often it is held. */
struct dma_hold {
	struct dma_holder *holder;
	struct dma_buf *buf;
	uint64_t count;
	uint64_t written; /* bytes */
	enum dma_written how;
	struct tree_node of_holder; /* by the buffer's number */
	struct dma_hold *next_of_buffer, *prev_of_buffer;
};

struct dma_holder {
	struct tree_node by_number; /* m->buf->holders */
	struct fh_machine *m;
	char name[DMA_HOLDER_NAME_MAX];
	int64_t pid;
	uint64_t limit, charged, peak, rss;
	uint64_t written; /* by holds that have ended, too */
	enum dma_written how;
	struct tree holds; /* by the number of what is held */
};

/* Locked: so many bytes more are charged to it, unless that passes its limit: -FH_EDQUOT. */
FH_MUST_CHECK int holder_charge(struct dma_holder *h, uint64_t bytes);
void holder_uncharge(struct dma_holder *h, uint64_t bytes);
/* Locked: the holder holds a new buffer, and has been charged for it; `hold`, the caller's memory until now, is used. False: it is not, for
 * the holder was quicker to find the buffer by its number. */
bool holder_begin(struct dma_holder *h, struct dma_hold *hold, struct dma_buf *buf);
/* Of those whose number is above *number, in the order of their making, the first; and its number. False: there is none. */
bool holder_after(struct fh_machine *m, uint64_t *number, struct dma_holder_info *info);
/* All are gone, and what they hold. */
void holders_forget_all(struct fh_machine *m);
unsigned int holders_check(struct fh_machine *m, struct fh_text *out);

#endif
