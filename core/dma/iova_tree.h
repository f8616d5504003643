/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which ranges of an address space are taken: a balanced tree (AVL) of them, each node knowing the widest gap below it.
 *
 * Not a bitmap: a space has up to 2^36 pages. Linux's rbtree is walked from the top down until a gap fits; here a subtree
 * whose gaps are all too narrow is passed over. The caller has the lock.
 */
#ifndef FH_DMA_IOVA_TREE_H
#define FH_DMA_IOVA_TREE_H

#include <freehold/types.h>

struct fh_machine;

struct iova_node {
	uint64_t start, end; /* pages, half-open */
	struct iova_node *child[2];
	/* Of the subtree: its first page, the page behind its last, and the widest gap in between. */
	uint64_t lo, hi, gap;
	uint32_t height;
	bool reserved; /* never handed out */
	bool mark;     /* of a check */
};

#define IOVA_SLAB_NODES 63

struct iova_slab {
	struct iova_slab *next;
	struct iova_node node[IOVA_SLAB_NODES];
};

struct iova_tree {
	struct iova_node *root;
	struct iova_node *free; /* by child[0] */
	struct iova_slab *slabs;
	uint64_t nr; /* in the tree */
};

/* What a search wants: `size` pages, the first a multiple of align + 1, all within [lo, hi). */
struct iova_fit {
	uint64_t size, align, lo, hi;
};

/* Nodes come from slabs, which stay until the end. Whoever inserts has seen that tree->free is not NULL. */
void iova_tree_grow(struct iova_tree *tree, struct iova_slab *slab);
void iova_tree_end(struct iova_tree *tree, struct fh_machine *m);

/* The highest place that fits. False: none. `end` is the end of the space that the tree is of. */
bool iova_tree_fit(const struct iova_tree *tree, uint64_t end, const struct iova_fit *fit,
		   uint64_t *start);
/* [start, end) touches nothing that is taken. */
void iova_tree_insert(struct iova_tree *tree, struct range r, bool reserved);
/* False: no range begins at start and ends at end. */
bool iova_tree_remove(struct iova_tree *tree, struct range r);
/* The first that ends above `page`; NULL: none. */
struct iova_node *iova_tree_above(const struct iova_tree *tree, uint64_t page);
/* Whether order, balance, what nodes say of what is below, and the number are right. */
bool iova_tree_is_sound(const struct iova_tree *tree);

#endif
