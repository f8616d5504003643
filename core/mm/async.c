/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Requests of an area that are served in the background: the queue is the callers' own structs. */
#include "mm/async.h"
#include "mm/machine.h"

int cma_alloc_async(struct cma *cma, struct cma_async *a, cma_done_fn *done, void *arg)
{
	if (!cma || !a || !done || a->request.cancel || !a->request.count)
		return -FH_EINVAL;
	a->done = done;
	a->arg = arg;
	a->cma = cma;
	a->next = NULL;
	a->queued = true;
	atomic_store_explicit(&a->cancelled, 0, memory_order_relaxed);
	fh_lock(&cma->lock);
	if (cma->async_last)
		cma->async_last->next = a;
	else
		cma->async_first = a;
	cma->async_last = a;
	fh_unlock(&cma->lock);
	return 0;
}

/* Takes one out of the queue; false: it is being served, or has been. cma.lock is held. */
static bool unqueue(struct cma *cma, struct cma_async *a)
{
	struct cma_async **at = &cma->async_first, *before = NULL;

	if (!a || !a->queued)
		return false;
	while (*at != a) {
		before = *at;
		at = &before->next;
	}
	*at = a->next;
	if (cma->async_last == a)
		cma->async_last = before;
	a->queued = false;
	return true;
}

bool cma_async_cancel(struct cma_async *a)
{
	struct cma *cma = a ? a->cma : NULL;
	bool mine;

	if (!cma)
		return false;
	fh_lock(&cma->lock);
	atomic_store_explicit(&a->cancelled, 1, memory_order_relaxed);
	mine = unqueue(cma, a);
	fh_unlock(&cma->lock);
	if (mine)
		a->done(a->arg, -FH_ECANCELED, 0);
	return mine;
}

bool async_step(struct cma *cma)
{
	struct cma_async *a;
	struct cma_request req;
	pfn_t pfn = 0;
	bool any;
	int err;

	fh_lock(&cma->lock);
	a = cma->async_first;
	any = unqueue(cma, a);
	fh_unlock(&cma->lock);
	if (!any)
		return false;
	req = a->request;
	req.cancel = &a->cancelled;
	err = cma_alloc_request(cma, &req, &pfn);
	a->done(a->arg, err, pfn); /* from here on *a is the caller's again */
	return true;
}
