/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What has a number, in its order: a balanced tree (AVL) whose nodes lie in the things themselves, so that nothing here can fail.
 *
 * A number is two words, the second telling apart those whose first is the same; no two nodes of a tree have the same number.
 * Everything takes O(log n) steps; the caller has the lock.
 */
#ifndef FH_BASE_TREE_H
#define FH_BASE_TREE_H

#include <freehold/types.h>

struct tree_node {
	struct tree_node *parent, *child[2];
	uint64_t key, minor;
	unsigned int height; /* of what hangs below it, itself counted */
};

/* All zero: empty. */
struct tree {
	struct tree_node *root;
	uint64_t nr;
};

void tree_insert(struct tree *t, struct tree_node *n, uint64_t key, uint64_t minor);
void tree_remove(struct tree *t, struct tree_node *n);
/* The lowest that is not below the number, and the highest that is; NULL: none. */
struct tree_node *tree_from(const struct tree *t, uint64_t key, uint64_t minor);
struct tree_node *tree_below(const struct tree *t, uint64_t key, uint64_t minor);
/* The one of exactly this number, minor 0; NULL: none. */
struct tree_node *tree_find(const struct tree *t, uint64_t key);
/* The next higher; NULL: it is the last. */
struct tree_node *tree_next(const struct tree_node *n);
/* Whether order, balance, links and the number of nodes are right. */
bool tree_is_sound(const struct tree *t);

#endif
