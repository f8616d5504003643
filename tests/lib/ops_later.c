/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Bytes -> operations: requests that are served later, and buffers that move by agreement. */
#include <string.h>
#include "ops.h"

/* ---- by agreement ---- */

static struct model_buffer *buffer_of(struct ops *r, const struct ops_importer *im)
{
	for (unsigned int i = 0; i < r->md.nr_buffers; i++)
		if (r->md.buffer[i].importer == im)
			return &r->md.buffer[i];
	return NULL;
}

/* What a buffer of so many frames at src may count on wherever it goes. */
static uint64_t alignment(pfn_t src, unsigned long count)
{
	uint64_t align = 1;

	while (align < count && align < UINT64_C(1) << FH_CMA_ALIGNMENT && !(src & align))
		align <<= 1;
	return align;
}

/* The importer's side: it declines the first time if its device is at work. */
static bool idle_move(void *priv, pfn_t dst, pfn_t src, unsigned long count)
{
	struct ops_importer *im = priv;
	struct ops *r = im->r;
	struct model *md = &r->md;
	struct model_buffer *b = buffer_of(r, im);
	struct model_area *a;
	uint64_t whole;

	if (!ops_must(r, b && b->pfn == src && b->count == count, "who moves is asked for his own"))
		return false;
	a = &md->area[b->area];
	whole = ops_in_units(a, count);
	ops_must(r, a->policy != CMA_POLICY_MOVABLE, "nothing moves by agreement in Linux's way");
	ops_must(r, model_range_of(a, dst, whole) < MODEL_RANGES, "a buffer moves inside its area");
	ops_must(r, !(dst & (alignment(src, count) - 1)), "a moved buffer keeps its alignment");
	model_stamped(md, src, count, b->stamp);
	model_move(md, dst, whole, MODEL_NOBODY, MODEL_DEVICE);
	ops_say(r, " move %#llx to %#llx%s", (unsigned long long)src, (unsigned long long)dst,
		im->busy ? ": no" : "");
	if (im->busy) {
		im->busy = false;
		model_move(md, dst, whole, MODEL_DEVICE, MODEL_NOBODY);
		r->kinds |= 1u << OPS_DECLINED;
		return false;
	}
	for (unsigned long i = 0; i < count && !md->no_bytes; i++)
		memcpy(fh_page_address(md->m, dst + i), fh_page_address(md->m, src + i),
		       FH_PAGE_SIZE);
	model_move(md, src, whole, MODEL_DEVICE, MODEL_NOBODY);
	b->pfn = dst;
	r->moves++;
	r->kinds |= 1u << OPS_MOVED;
	return !md->wrong;
}

static const struct cma_buffer_ops importer_ops = {idle_move};

void ops_agree(struct ops *r, struct model_buffer *b, bool busy)
{
	struct cma *cma = r->md.area[b->area].cma;
	struct ops_importer *im = NULL;
	int err;

	for (unsigned int i = 0; i < OPS_IMPORTERS && !im; i++)
		im = r->importer[i].r ? NULL : &r->importer[i];
	if (!im)
		return;
	*im = (struct ops_importer){r, busy};
	err = cma_buffer_set_movable(cma, b->pfn, b->count, &importer_ops, im);
	ops_say(r, " agreed -> %d", err);
	if (ops_must(r, !err || (err == -FH_ENOMEM && ops_injected(r)), "a buffer can be agreed") &&
	    !err)
		b->importer = im;
	else
		im->r = NULL;
	ops_must(r, err || cma_buffer_set_movable(cma, b->pfn, b->count, &importer_ops, im),
		 "nobody agrees twice");
}

void ops_disagree(struct ops *r, struct model_buffer *b)
{
	struct cma *cma = r->md.area[b->area].cma;

	if (!b->importer)
		return;
	ops_must(r, !cma_release(cma, b->pfn, b->count), "an agreed buffer is not released");
	ops_must(r, !cma_buffer_clear_movable(cma, b->pfn), "an agreement can be ended");
	ops_must(r, cma_buffer_clear_movable(cma, b->pfn) == -FH_EINVAL, "and only once");
	b->importer->r = NULL;
	b->importer = NULL;
}

/* ---- later ---- */

/* The oldest of an area that waits. */
static struct ops_async *head_of(struct ops *r, const struct model_area *a)
{
	struct ops_async *head = NULL;

	for (unsigned int i = 0; i < OPS_ASYNCS; i++) {
		struct ops_async *at = &r->async[i];

		if (at->ticket && at->q.a == a && (!head || at->ticket < head->ticket))
			head = at;
	}
	return head;
}

unsigned int ops_nr_async(const struct ops *r)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < OPS_ASYNCS; i++)
		n += r->async[i].ticket != 0;
	return n;
}

static void done(void *arg, int err, pfn_t pfn);

static void queue(struct ops *r, struct ops_async *as)
{
	as->async.request = as->q.req;
	as->ticket = ++r->tickets;
	ops_must(r, !cma_alloc_async(as->q.a->cma, &as->async, done, as),
		 "a request can be left for later");
}

static void done(void *arg, int err, pfn_t pfn)
{
	struct ops_async *as = arg;
	struct ops *r = as->r;
	struct model_buffer *b;

	ops_must(r, as->ticket, "who is done is heard of once");
	if (r->cancelling) {
		ops_must(r, r->cancelling == as && err == -FH_ECANCELED,
			 "who is not wanted is done");
		as->ticket = 0;
		return;
	}
	ops_must(r, head_of(r, as->q.a) == as, "requests are served in the order they came");
	as->ticket = 0;
	b = ops_compare(r, &as->q, err, err ? 1 : pfn);
	if (b && as->agree)
		ops_agree(r, b, as->busy);
	if (b)
		r->kinds |= 1u << OPS_SERVED;
	if (b || as->again || r->md.wrong)
		return;
	as->again = true; /* done() may ask once more */
	queue(r, as);
}

void ops_ask_later(struct ops *r, struct model_area *a, const struct cma_request *req, bool agree,
		   bool busy)
{
	struct ops_async *as = r->async;

	while (as < r->async + OPS_ASYNCS && as->ticket)
		as++;
	if (as == r->async + OPS_ASYNCS || r->md.nr_buffers + ops_nr_async(r) >= MODEL_BUFFERS)
		return;
	*as = (struct ops_async){.r = r, .q = {.a = a, .req = *req}, .agree = agree, .busy = busy};
	ops_say(r, " later: area %u count %lu align %u", (unsigned int)(a - r->md.area), req->count,
		req->align_order);
	queue(r, as);
}

bool ops_background_step(struct ops *r)
{
	struct ops_async *head[MODEL_AREAS];
	unsigned int before = ops_nr_async(r), waiting = 0;
	uint64_t tickets = r->tickets;
	bool more;

	for (unsigned int i = 0; i < r->md.nr_areas; i++) {
		head[i] = head_of(r, &r->md.area[i]);
		waiting += head[i] != NULL;
		if (head[i])
			ops_expect(r, &head[i]->q);
	}
	more = cma_background(r->md.m);
	if (!waiting)
		return more;
	ops_must(r, more, "there may be more after a request");
	ops_must(r, ops_nr_async(r) == before - 1 + (unsigned int)(r->tickets - tickets),
		 "who waits is served first, one in a step");
	return more;
}

void ops_cancel(struct ops *r, unsigned int nth)
{
	for (unsigned int i = 0; i < OPS_ASYNCS; i++) {
		struct ops_async *as = &r->async[(nth + i) % OPS_ASYNCS];

		if (!as->ticket)
			continue;
		ops_say(r, " cancel");
		r->cancelling = as;
		ops_must(r, cma_async_cancel(&as->async), "who waits can be cancelled");
		ops_must(r, !as->ticket, "and hears of it at once");
		r->cancelling = NULL;
		r->kinds |= 1u << OPS_CANCELLED;
		return;
	}
}
