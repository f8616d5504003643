/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a machine has of shared buffers. The struct that ties the folder together. */
#ifndef FH_BUF_BUF_H
#define FH_BUF_BUF_H

#include <freehold/heap.h>
#include "base/tree.h"
#include "mm/machine.h"

struct buffer; /* dmabuf.h */

struct fh_buf {
	_Atomic(uint64_t) fence_contexts; /* given out so far */
	_Atomic(uint64_t) resv_stamps;	  /* of contexts, rising */
	struct fh_lock lock;		  /* the lists below and who is in them; rank SPACE */
	struct buffer *buffers;		  /* by `next`, newest first */
	struct tree by_ino;		  /* the same */
	uint64_t nr_buffers, bytes;
	uint64_t last_ino;
	struct dma_heap *heaps; /* by `next`, in the order of their making; fixed at birth */
	struct tree holders;	/* by number, which rises */
	uint64_t last_holder;
};

#endif
