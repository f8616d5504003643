/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Fences made of fences, and the walk through them.
 *
 * Groups lie in groups as deep as callers like, so nothing here calls itself: who signals a fence collects the groups that it
 * concerns in a list (struct fence_work, fence.c) and works it off; who ends one keeps a list of the dead. A group has no reference
 * of its own on account of its callbacks: it takes them down when its last reference goes.
 */
#ifndef FH_BUF_FENCE_GROUP_H
#define FH_BUF_FENCE_GROUP_H

#include <freehold/fence.h>

/* Bits of a fence's state word. */
enum fence_state {
	FENCE_SIGNALED = 1,
	FENCE_ENABLED = 2, /* enable_signaling() was called, or a group has its callbacks */
	FENCE_WAITED = 4,  /* somebody may sleep on the word */
};

/* Signaled, without asking its owner. What was written before is seen then. */
static inline bool fence_done(const struct dma_fence *f)
{
	return atomic_load_explicit(&f->state, memory_order_acquire) & FENCE_SIGNALED;
}

struct fence_work;

struct fence_group {
	struct dma_fence f;	  /* the first: a fence with a kind is one of these */
	bool any;		  /* done with the first, not the last, of what is in it */
	_Atomic(int32_t) pending; /* callbacks to come before it is worth another look */
	_Atomic(uint32_t) events; /* reasons to look that came; above 0: somebody is at it, alone */
	struct fence_group *next; /* of the work, or of the dead */
};

/* Where a walk is in a group. */
struct fence_place {
	unsigned int i;
	struct dma_fence *at; /* with a reference, to be put in the end */
};

struct fence_group_kind {
	/* Hangs the callbacks that are still missing (fence_hang()); returns whether all that matters is done, with the error in
	 * place. One thread at a time, no locks. */
	bool (*update)(struct fence_group *g, struct fence_work *w);
	/* What is in it, one after the other, done or not, each a new reference; NULL: no more. */
	struct dma_fence *(*child)(struct fence_group *g, struct fence_place *p);
	/* Nobody has it any more: takes a callback down and gives up one reference; NULL: no more. */
	struct dma_fence *(*drop)(struct fence_group *g);
};

#define FENCE_WALK_DEPTH 16

enum fence_walk_flags {
	FENCE_WALK_DONE = 1, /* also into groups that are done */
	FENCE_WALK_WHOLE =
		2, /* groups with `any` stay whole: to wait for each of them is something else */
};

/* Without recursion and without memory: groups nested deeper than FENCE_WALK_DEPTH are shown as they are. */
struct fence_walk {
	struct dma_fence *root; /* NULL: entered */
	unsigned int flags, depth;
	unsigned int any; /* of the levels now: groups with `any` */
	struct {
		struct fence_group *g;
		struct fence_place place;
	} level[FENCE_WALK_DEPTH];
};

void fence_walk_begin(struct fence_walk *w, struct dma_fence *f, unsigned int flags);
/* The next one that is no group, done or not, a new reference; NULL: no more. */
struct dma_fence *fence_walk_next(struct fence_walk *w);
/* Also in the middle. */
void fence_walk_end(struct fence_walk *w);

#endif
