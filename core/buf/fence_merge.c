/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What is inside fences made of fences, and one fence for several of them. */
#include "buf/fence.h"
#include "mm/machine.h"

void dma_fence_unwrap_for_each(struct dma_fence *f, bool (*fn)(struct dma_fence *f, void *arg),
			       void *arg)
{
	struct fence_walk w;
	bool more = true;

	fence_walk_begin(&w, f, 0);
	while (more && (f = fence_walk_next(&w))) {
		if (!dma_fence_is_signaled(f))
			more = fn(f, arg);
		dma_fence_put(f);
	}
	fence_walk_end(&w);
}

struct merge {
	struct fh_machine *m;
	struct dma_fence **got; /* NULL: only counted */
	size_t nr, room;
	uint64_t timestamp_ns; /* the latest of those that are done */
};

static void add(struct merge *g, struct dma_fence *f)
{
	if (dma_fence_is_signaled(f)) {
		if (f->timestamp_ns > g->timestamp_ns)
			g->timestamp_ns = f->timestamp_ns;
		return;
	}
	if (g->got && g->nr == g->room)
		return;
	if (g->got)
		g->got[g->nr] = dma_fence_get(f);
	g->nr++;
}

static void add_all(struct merge *g, struct dma_fence *const *fence, unsigned int nr)
{
	struct fence_walk w;
	struct dma_fence *f;

	g->nr = 0;
	for (unsigned int i = 0; i < nr; i++) {
		if (!fence[i])
			continue;
		fence_walk_begin(&w, fence[i], FENCE_WALK_DONE | FENCE_WALK_WHOLE);
		while ((f = fence_walk_next(&w))) {
			add(g, f);
			dma_fence_put(f);
		}
		fence_walk_end(&w);
	}
}

/* Of one timeline together, the latest first. */
static bool goes_before(const struct dma_fence *a, const struct dma_fence *b)
{
	return a->context != b->context ? a->context < b->context : a->seqno > b->seqno;
}

static void sift(struct dma_fence **f, size_t at, size_t nr)
{
	struct dma_fence *top = f[at];
	size_t child;

	for (; (child = 2 * at + 1) < nr; at = child) {
		if (child + 1 < nr && goes_before(f[child], f[child + 1]))
			child++;
		if (!goes_before(top, f[child]))
			break;
		f[at] = f[child];
	}
	f[at] = top;
}

static void sort(struct dma_fence **f, size_t nr)
{
	for (size_t i = nr / 2; i--;)
		sift(f, i, nr);
	while (nr-- > 1) {
		struct dma_fence *last = f[nr];

		f[nr] = f[0];
		f[0] = last;
		sift(f, 0, nr);
	}
}

static void keep_latest(struct merge *g)
{
	size_t kept = 0;

	sort(g->got, g->nr);
	for (size_t i = 0; i < g->nr; i++) {
		if (kept && g->got[kept - 1]->context == g->got[i]->context)
			dma_fence_put(g->got[i]);
		else
			g->got[kept++] = g->got[i];
	}
	g->nr = kept;
}

static int merge_none(const struct merge *g, struct dma_fence **merged)
{
	int err =
		dma_fence_create(g->m, "stub", "stub", dma_fence_context_alloc(g->m, 1), 0, merged);

	if (err)
		return err;
	return dma_fence_signal_at(*merged,
				   g->timestamp_ns ? g->timestamp_ns : machine_clock(g->m));
}

/* The references in g->got go along. */
static int merge_some(struct merge *g, struct dma_fence **merged)
{
	if (g->nr > 1)
		return dma_fence_array_create(g->m, g->got, (unsigned int)g->nr,
					      dma_fence_context_alloc(g->m, 1), 1, false, merged);
	*merged = g->got[0];
	return 0;
}

int dma_fence_unwrap_merge(struct fh_machine *m, struct dma_fence *const *fence, unsigned int nr,
			   struct dma_fence **merged)
{
	struct merge g = {.m = m};
	int err;

	if (!m || !merged || (nr && !fence))
		return -FH_EINVAL;
	add_all(&g, fence, nr);
	if (!g.nr)
		return merge_none(&g, merged);
	g.room = g.nr;
	g.got = machine_alloc(m, g.room * sizeof(struct dma_fence *));
	if (!g.got)
		return -FH_ENOMEM;
	/* There may be fewer now, never more. */
	add_all(&g, fence, nr);
	keep_latest(&g);
	err = g.nr ? merge_some(&g, merged) : merge_none(&g, merged);
	machine_free(m, g.got, g.room * sizeof(struct dma_fence *));
	return err;
}
