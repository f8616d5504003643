/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Which ranges of an address space are taken. Recursion goes as deep as the tree: 1.44 log2(n), below 40. */
#include "dma/iova_tree.h"
#include "mm/machine.h"

_Static_assert(sizeof(struct iova_node) == 64, "a node is a cache line");

static unsigned int height(const struct iova_node *t)
{
	return t ? t->height : 0;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* What t says of its subtree, from what its children say. */
static void refresh(struct iova_node *t)
{
	const struct iova_node *l = t->child[0], *r = t->child[1];

	t->lo = l ? l->lo : t->start;
	t->hi = r ? r->hi : t->end;
	t->gap = larger(l ? larger(l->gap, t->start - l->hi) : 0,
			r ? larger(r->gap, r->lo - t->end) : 0);
	t->height = (height(l) > height(r) ? height(l) : height(r)) + 1;
}

/* t's child on side d becomes the top, t that one's child on the other. */
static struct iova_node *rotate(struct iova_node *t, int d)
{
	struct iova_node *c = t->child[d];

	t->child[d] = c->child[!d];
	c->child[!d] = t;
	refresh(t);
	refresh(c);
	return c;
}

static struct iova_node *balance(struct iova_node *t)
{
	for (int d = 0; d < 2; d++) {
		struct iova_node *c = t->child[d];

		if (height(c) <= height(t->child[!d]) + 1)
			continue;
		if (height(c->child[!d]) > height(c->child[d]))
			t->child[d] = rotate(c, !d);
		return rotate(t, d);
	}
	refresh(t);
	return t;
}

static struct iova_node *insert(struct iova_node *t, struct iova_node *n)
{
	int d;

	if (!t)
		return n;
	d = n->start > t->start;
	t->child[d] = insert(t->child[d], n);
	return balance(t);
}

/* Takes the last of t's subtree out. */
static struct iova_node *remove_last(struct iova_node *t, struct iova_node **last)
{
	if (!t->child[1]) {
		*last = t;
		return t->child[0];
	}
	t->child[1] = remove_last(t->child[1], last);
	return balance(t);
}

static struct iova_node *remove_at(struct iova_node *t, uint64_t start, struct iova_node **out)
{
	struct iova_node *last, *left;
	int d;

	if (t->start != start) {
		d = start > t->start;
		t->child[d] = remove_at(t->child[d], start, out);
		return balance(t);
	}
	*out = t;
	if (!t->child[0])
		return t->child[1];
	left = remove_last(t->child[0], &last);
	last->child[0] = left;
	last->child[1] = t->child[1];
	return balance(last);
}

void iova_tree_grow(struct iova_tree *tree, struct iova_slab *slab)
{
	slab->next = tree->slabs;
	tree->slabs = slab;
	for (unsigned int i = 0; i < IOVA_SLAB_NODES; i++) {
		slab->node[i].child[0] = tree->free;
		tree->free = &slab->node[i];
	}
}

void iova_tree_end(struct iova_tree *tree, struct fh_machine *m)
{
	struct iova_slab *next;

	for (struct iova_slab *s = tree->slabs; s; s = next) {
		next = s->next;
		machine_free(m, s, sizeof(*s));
	}
	*tree = (struct iova_tree){0};
}

/* The widest gap of [lo, hi), t being all that is taken there. */
static uint64_t widest(const struct iova_node *t, uint64_t lo, uint64_t hi)
{
	return t ? larger(t->gap, larger(t->lo - lo, hi - t->hi)) : hi - lo;
}

static bool find(const struct iova_node *t, struct range gap, const struct iova_fit *fit,
		 uint64_t *start)
{
	uint64_t lo, hi;

	if (gap.start >= fit->hi || gap.end <= fit->lo || widest(t, gap.start, gap.end) < fit->size)
		return false;
	if (t)
		return find(t->child[1], (struct range){t->end, gap.end}, fit, start) ||
		       find(t->child[0], (struct range){gap.start, t->start}, fit, start);
	lo = larger(gap.start, fit->lo);
	hi = gap.end < fit->hi ? gap.end : fit->hi;
	if (hi < lo || hi - lo < fit->size)
		return false;
	*start = (hi - fit->size) & ~fit->align;
	return *start >= lo;
}

bool iova_tree_fit(const struct iova_tree *tree, uint64_t end, const struct iova_fit *fit,
		   uint64_t *start)
{
	return find(tree->root, (struct range){0, end}, fit, start);
}

void iova_tree_insert(struct iova_tree *tree, struct range r, bool reserved)
{
	struct iova_node *n = tree->free;

	tree->free = n->child[0];
	*n = (struct iova_node){.start = r.start, .end = r.end, .reserved = reserved};
	refresh(n);
	tree->root = insert(tree->root, n);
	tree->nr++;
}

bool iova_tree_remove(struct iova_tree *tree, struct range r)
{
	struct iova_node *n = iova_tree_above(tree, r.start);

	if (!n || n->start != r.start || n->end != r.end || n->reserved)
		return false;
	tree->root = remove_at(tree->root, r.start, &n);
	n->child[0] = tree->free;
	tree->free = n;
	tree->nr--;
	return true;
}

struct iova_node *iova_tree_above(const struct iova_tree *tree, uint64_t page)
{
	struct iova_node *found = NULL;

	for (struct iova_node *t = tree->root; t;) {
		if (t->end > page) {
			found = t;
			t = t->child[0];
		} else {
			t = t->child[1];
		}
	}
	return found;
}

static bool is_sound(const struct iova_node *t, uint64_t *nr)
{
	struct iova_node as_it_should_be;
	unsigned int l, r;

	if (!t)
		return true;
	*nr += 1;
	if (t->start >= t->end || !is_sound(t->child[0], nr) || !is_sound(t->child[1], nr) ||
	    (t->child[0] && t->child[0]->hi > t->start) ||
	    (t->child[1] && t->child[1]->lo < t->end))
		return false;
	as_it_should_be = *t;
	refresh(&as_it_should_be);
	l = height(t->child[0]);
	r = height(t->child[1]);
	return l <= r + 1 && r <= l + 1 && t->lo == as_it_should_be.lo &&
	       t->hi == as_it_should_be.hi && t->gap == as_it_should_be.gap &&
	       t->height == as_it_should_be.height;
}

bool iova_tree_is_sound(const struct iova_tree *tree)
{
	uint64_t nr = 0;

	return is_sound(tree->root, &nr) && nr == tree->nr;
}
