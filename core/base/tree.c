/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A balanced tree of numbered nodes. */
#include "base/tree.h"

static unsigned int height(const struct tree_node *n)
{
	return n ? n->height : 0;
}

static bool is_below(const struct tree_node *n, uint64_t key, uint64_t minor)
{
	return n->key < key || (n->key == key && n->minor < minor);
}

static void refresh(struct tree_node *n)
{
	unsigned int l = height(n->child[0]), r = height(n->child[1]);

	n->height = (l > r ? l : r) + 1;
}

/* `by` (or nothing) takes n's place below n's parent. */
static void replace(struct tree *t, const struct tree_node *n, struct tree_node *by)
{
	if (!n->parent)
		t->root = by;
	else
		n->parent->child[n->parent->child[1] == n] = by;
	if (by)
		by->parent = n->parent;
}

static void hang(struct tree_node *n, int d, struct tree_node *child)
{
	n->child[d] = child;
	if (child)
		child->parent = n;
}

/* n's child on side d becomes the top, n that one's child on the other. */
static struct tree_node *rotate(struct tree *t, struct tree_node *n, int d)
{
	struct tree_node *c = n->child[d];

	replace(t, n, c);
	hang(n, d, c->child[!d]);
	hang(c, !d, n);
	refresh(n);
	refresh(c);
	return c;
}

/* The top of what hung at n, as high as it should be. */
static struct tree_node *balance(struct tree *t, struct tree_node *n)
{
	for (int d = 0; d < 2; d++) {
		struct tree_node *c = n->child[d];

		if (height(c) <= height(n->child[!d]) + 1)
			continue;
		if (height(c->child[!d]) > height(c->child[d]))
			rotate(t, c, !d);
		return rotate(t, n, d);
	}
	refresh(n);
	return n;
}

/* From n, below which something changed, up to where nothing does any more. */
static void mend(struct tree *t, struct tree_node *n)
{
	while (n) {
		unsigned int was = n->height;

		n = balance(t, n);
		if (n->height == was)
			return;
		n = n->parent;
	}
}

void tree_insert(struct tree *t, struct tree_node *n, uint64_t key, uint64_t minor)
{
	struct tree_node **at = &t->root, *parent = NULL;

	while (*at) {
		parent = *at;
		at = &parent->child[is_below(parent, key, minor)];
	}
	*n = (struct tree_node){.parent = parent, .key = key, .minor = minor, .height = 1};
	*at = n;
	t->nr++;
	mend(t, parent);
}

/* The lowest of what hangs at n goes to n's place. Returns the lowest node below which something changed. */
static struct tree_node *lift_next(struct tree *t, struct tree_node *n)
{
	struct tree_node *s = n->child[1], *from;

	while (s->child[0])
		s = s->child[0];
	from = s->parent == n ? s : s->parent;
	replace(t, s, s->child[1]);
	hang(s, 0, n->child[0]);
	hang(s, 1, n->child[1]);
	s->height = n->height;
	replace(t, n, s);
	return from;
}

void tree_remove(struct tree *t, struct tree_node *n)
{
	struct tree_node *from = n->parent;

	if (n->child[0] && n->child[1])
		from = lift_next(t, n);
	else
		replace(t, n, n->child[!n->child[0]]);
	t->nr--;
	mend(t, from);
}

struct tree_node *tree_from(const struct tree *t, uint64_t key, uint64_t minor)
{
	struct tree_node *found = NULL;

	for (struct tree_node *n = t->root; n;) {
		if (is_below(n, key, minor)) {
			n = n->child[1];
		} else {
			found = n;
			n = n->child[0];
		}
	}
	return found;
}

struct tree_node *tree_below(const struct tree *t, uint64_t key, uint64_t minor)
{
	struct tree_node *found = NULL;

	for (struct tree_node *n = t->root; n;) {
		if (is_below(n, key, minor)) {
			found = n;
			n = n->child[1];
		} else {
			n = n->child[0];
		}
	}
	return found;
}

struct tree_node *tree_find(const struct tree *t, uint64_t key)
{
	struct tree_node *n = t->root;

	while (n && (n->key != key || n->minor))
		n = n->child[is_below(n, key, 0)];
	return n;
}

struct tree_node *tree_next(const struct tree_node *n)
{
	struct tree_node *up;

	if (n->child[1]) {
		n = n->child[1];
		while (n->child[0])
			n = n->child[0];
		return (struct tree_node *)n;
	}
	for (up = n->parent; up && up->child[1] == n; up = up->parent)
		n = up;
	return up;
}

/* Recursion goes as deep as the tree is high: 1.44 log2(n), unless it is broken, which stops it. */
static bool is_sound(const struct tree_node *n, const struct tree_node *parent, unsigned int most,
		     uint64_t *nr)
{
	unsigned int l, r;

	if (!n)
		return true;
	l = height(n->child[0]);
	r = height(n->child[1]);
	*nr += 1;
	return most && n->parent == parent && l <= r + 1 && r <= l + 1 &&
	       n->height == (l > r ? l : r) + 1 && is_sound(n->child[0], n, most - 1, nr) &&
	       is_sound(n->child[1], n, most - 1, nr);
}

bool tree_is_sound(const struct tree *t)
{
	const struct tree_node *n, *next;
	uint64_t nr = 0;

	if (!is_sound(t->root, NULL, 64, &nr) || nr != t->nr)
		return false;
	for (n = tree_from(t, 0, 0); n; n = next) {
		next = tree_next(n);
		if (next && !is_below(n, next->key, next->minor))
			return false;
	}
	return true;
}
