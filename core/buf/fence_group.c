/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The walk through fences made of fences. */
#include "buf/fence_group.h"

void fence_walk_begin(struct fence_walk *w, struct dma_fence *f, unsigned int flags)
{
	w->root = f;
	w->flags = flags;
	w->depth = 0;
	w->any = 0;
}

static void leave(struct fence_walk *w)
{
	struct fence_group *g = w->level[--w->depth].g;
	struct dma_fence *at = w->level[w->depth].place.at;

	w->any -= g->any;
	if (at)
		dma_fence_put(at);
	dma_fence_put(&g->f);
}

/* Whether f is a level of its own; takes over its reference then. */
static bool enter(struct fence_walk *w, struct dma_fence *f)
{
	struct fence_group *g = (struct fence_group *)f;

	if (!f->kind || w->depth == FENCE_WALK_DEPTH)
		return false;
	if (g->any && w->flags & FENCE_WALK_WHOLE)
		return false;
	w->level[w->depth].g = g;
	w->level[w->depth].place = (struct fence_place){0};
	w->depth++;
	w->any += g->any;
	return true;
}

struct dma_fence *fence_walk_next(struct fence_walk *w)
{
	struct dma_fence *f;

	for (;;) {
		if (w->root) {
			f = dma_fence_get(w->root);
			w->root = NULL;
		} else if (w->depth) {
			struct fence_group *g = w->level[w->depth - 1].g;

			f = g->f.kind->child(g, &w->level[w->depth - 1].place);
			if (!f) {
				leave(w);
				continue;
			}
		} else {
			return NULL;
		}
		if (f->kind && !(w->flags & FENCE_WALK_DONE) && fence_done(f)) {
			dma_fence_put(f);
			continue;
		}
		if (!enter(w, f))
			return f;
	}
}

void fence_walk_end(struct fence_walk *w)
{
	w->root = NULL;
	while (w->depth)
		leave(w);
}
