/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Chains: the points of a timeline, each with the one before. Whoever walks a chain takes out the points whose own fence is done. A chain
 * that grows and that nobody walks is walked by dma_fence_chain_create() each time it has doubled, so that it holds on to
 * at most twice what is not done.
 */
#include "buf/fence.h"
#include "mm/machine.h"

#define TIDY_FROM 64

struct chain {
	struct fence_group g;
	struct dma_fence *prev; /* g.f.lock */
	struct dma_fence *fence;
	uint64_t
		prev_seqno; /* of the point before, when this was made; 0: of no or another chain */
	struct dma_fence *hung; /* where cb hangs */
	struct dma_fence_cb cb;
	uint64_t length, tidy_at; /* points, with this; and when to walk */
};

static const struct fence_group_kind kind;

static struct chain *chain_of(struct dma_fence *f)
{
	return f && f->kind == &kind ? (struct chain *)f : NULL;
}

static struct dma_fence *get_prev(struct chain *c)
{
	struct dma_fence *prev;

	fh_lock(&c->g.f.lock);
	prev = dma_fence_get(c->prev);
	fh_unlock(&c->g.f.lock);
	return prev;
}

/* Takes out `prev`, unless somebody did. */
static void take_out(struct chain *c, struct dma_fence *prev, struct dma_fence *next)
{
	struct dma_fence *out = next;

	fh_lock(&c->g.f.lock);
	if (c->prev == prev) {
		out = prev;
		c->prev = next;
	}
	fh_unlock(&c->g.f.lock);
	dma_fence_put(out);
}

/* The point before that is not done, or what a chain began with; a new reference. */
static struct dma_fence *step(struct chain *c)
{
	struct dma_fence *prev;

	while ((prev = get_prev(c))) {
		struct chain *p = chain_of(prev);

		if (!fence_done(p ? p->fence : prev))
			return prev;
		take_out(c, prev, p && !fence_done(prev) ? get_prev(p) : NULL);
		dma_fence_put(prev);
	}
	return NULL;
}

static struct dma_fence *chain_child(struct fence_group *g, struct fence_place *p)
{
	struct dma_fence *at = p->i++ ? p->at : dma_fence_get(&g->f);
	struct chain *c = chain_of(at);

	p->at = c ? step(c) : NULL;
	if (!c)
		return at;
	at = dma_fence_get(c->fence);
	dma_fence_put(&c->g.f);
	return at;
}

static bool hang_next(struct chain *c, struct fence_work *w)
{
	struct fence_place place = {0};
	struct dma_fence *f;

	while (!c->hung && (f = chain_child(&c->g, &place))) {
		atomic_store_explicit(&c->g.pending, 1, memory_order_relaxed);
		if (fence_hang(f, &c->cb, &c->g, w))
			c->hung = f;
		else
			dma_fence_put(f);
	}
	dma_fence_put(place.at);
	return c->hung;
}

/* Hangs on one fence at a time. */
static bool chain_update(struct fence_group *g, struct fence_work *w)
{
	struct chain *c = (struct chain *)g;

	if (c->hung) {
		if (atomic_load_explicit(&g->pending, memory_order_acquire) > 0)
			return false;
		dma_fence_put(c->hung);
		c->hung = NULL;
	}
	if (hang_next(c, w))
		return false;
	if (fence_error(c->fence))
		atomic_store_explicit(&g->f.error, fence_error(c->fence), memory_order_relaxed);
	return true;
}

static struct dma_fence *chain_drop(struct fence_group *g)
{
	struct chain *c = (struct chain *)g;
	struct dma_fence **left = c->hung ? &c->hung : c->prev ? &c->prev : &c->fence, *f = *left;

	if (left == &c->hung)
		(void)dma_fence_remove_callback(f, &c->cb);
	*left = NULL;
	return f;
}

static const struct fence_group_kind kind = {chain_update, chain_child, chain_drop};

static const char *driver_name(struct dma_fence *f)
{
	(void)f;
	return "dma_fence_chain";
}

static const char *timeline_name(struct dma_fence *f)
{
	(void)f;
	return "unbound";
}

static void release(struct dma_fence *f)
{
	machine_free(f->machine, f, sizeof(struct chain));
}

static const struct dma_fence_ops ops = {
	.get_driver_name = driver_name,
	.get_timeline_name = timeline_name,
	.release = release,
};

static void tidy(struct chain *c)
{
	struct fence_place place = {0};
	struct dma_fence *f;

	for (c->length = 0; (f = chain_child(&c->g, &place)); c->length++)
		dma_fence_put(f);
	c->tidy_at = 2 * c->length + TIDY_FROM;
}

int dma_fence_chain_create(struct fh_machine *m, struct dma_fence *prev, struct dma_fence *fence,
			   uint64_t seqno, struct dma_fence **chain)
{
	struct chain *c = m && fence ? machine_alloc(m, sizeof(*c)) : NULL, *p = chain_of(prev);

	if (!c) {
		dma_fence_put(prev);
		dma_fence_put(fence);
		return m && fence ? -FH_ENOMEM : -FH_EINVAL;
	}
	fence_group_init(&c->g, m, &ops, &kind);
	c->prev = prev;
	c->fence = fence;
	c->g.f.seqno = seqno;
	if (p && seqno > p->g.f.seqno) {
		c->g.f.context = p->g.f.context;
		c->prev_seqno = p->g.f.seqno;
	} else {
		c->g.f.context = dma_fence_context_alloc(m, 1);
		if (p)
			c->g.f.seqno = p->g.f.seqno;
	}
	c->length = p ? p->length + 1 : 1;
	c->tidy_at = p ? p->tidy_at : TIDY_FROM;
	if (c->length > c->tidy_at)
		tidy(c);
	*chain = &c->g.f;
	return 0;
}

int dma_fence_chain_find_seqno(struct dma_fence *chain, uint64_t seqno, struct dma_fence **f)
{
	struct chain *c = chain_of(chain);
	struct dma_fence *at;

	if (!c || chain->seqno < seqno)
		return -FH_EINVAL;
	at = dma_fence_get(chain);
	/* Of points that were taken out, those before them are what is left to wait for. */
	while ((c = chain_of(at)) && at->context == chain->context && c->prev_seqno &&
	       c->prev_seqno >= seqno) {
		at = step(c);
		dma_fence_put(&c->g.f);
	}
	if (at && dma_fence_is_signaled(at)) {
		dma_fence_put(at);
		at = NULL;
	}
	*f = at;
	return 0;
}
