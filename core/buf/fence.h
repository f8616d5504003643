/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What groups of fences need of a fence, besides <freehold/fence.h>. */
#ifndef FH_BUF_FENCE_H
#define FH_BUF_FENCE_H

#include "buf/fence_group.h"

/* Groups that have to be looked at, each with a reference: those of one call that signals, worked off before it returns. */
struct fence_work {
	struct fence_group *first, *last;
};

/* A fence of that kind, one reference, nothing hung. ops->release frees it. */
void fence_group_init(struct fence_group *g, struct fh_machine *m, const struct dma_fence_ops *ops,
		      const struct fence_group_kind *kind);

/* For update(): f counts the group's `pending` down once, and with 0 another look is due. Has f enabled.
 * False: it is done, and nothing hangs. */
bool fence_hang(struct dma_fence *f, struct dma_fence_cb *cb, struct fence_group *g,
		struct fence_work *w);

static inline int32_t fence_error(const struct dma_fence *f)
{
	return atomic_load_explicit(&f->error, memory_order_relaxed);
}

#endif
