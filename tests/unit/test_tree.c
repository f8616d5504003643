/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* base/tree: numbered nodes, against an array of booleans. */
#include "base/tree.h"
#include "t.h"

#define NUMBERS 300
#define MINORS	3 /* number i is {i / MINORS, i % MINORS} */
#define STEPS	6000

static struct tree tree;
static struct tree_node node[NUMBERS];
static bool member[NUMBERS];
static uint64_t nr;

static uint32_t rnd(uint32_t below)
{
	static uint32_t s = 5;

	s = s * 1664525 + 1013904223;
	return (s >> 8) % below;
}

static void put(unsigned int i)
{
	tree_insert(&tree, &node[i], i / MINORS, i % MINORS);
	member[i] = true;
	nr++;
}

static void take(unsigned int i)
{
	tree_remove(&tree, &node[i]);
	member[i] = false;
	nr--;
}

static const struct tree_node *slow_from(unsigned int i)
{
	while (i < NUMBERS && !member[i])
		i++;
	return i < NUMBERS ? &node[i] : NULL;
}

static const struct tree_node *slow_below(unsigned int i)
{
	while (i && !member[i - 1])
		i--;
	return i ? &node[i - 1] : NULL;
}

static bool same_at(unsigned int i)
{
	return T_OK(tree_from(&tree, i / MINORS, i % MINORS) == slow_from(i), "from") &&
	       T_OK(tree_below(&tree, i / MINORS, i % MINORS) == slow_below(i), "below") &&
	       T_OK(tree_find(&tree, i / MINORS) ==
			    (member[i - i % MINORS] ? &node[i - i % MINORS] : NULL),
		    "find") &&
	       (!member[i] || T_OK(tree_next(&node[i]) == slow_from(i + 1), "next"));
}

static bool same(void)
{
	return T_OK(tree_is_sound(&tree), "sound") && T_EQ(tree.nr, nr) && same_at(rnd(NUMBERS)) &&
	       same_at(0) && same_at(NUMBERS - 1);
}

static void random_numbers(void)
{
	for (unsigned int step = 0; step < STEPS; step++) {
		/* Full, empty and in between, by turns. */
		unsigned int i = rnd(NUMBERS), full = step / 500 % 3;

		if (!member[i] && (full || !rnd(4)))
			put(i);
		else if (member[i] && (full < 2 || !rnd(4)))
			take(i);
		if (!same())
			return;
	}
	for (unsigned int i = 0; i < NUMBERS; i++) {
		if (!T_OK(same_at(i), "each of them"))
			return;
		if (member[i])
			take(i);
	}
	T_OK(!tree.root, "empty");
}

/* As numbers rise that are given out, which a tree without balance would hang up in one line. */
static void rising(void)
{
	for (unsigned int i = 0; i < NUMBERS; i++)
		put(i);
	T_OK(tree_is_sound(&tree), "");
	T_OK(tree.root->height <= 12, "1.44 log2(n)");
	for (unsigned int i = 0; i < NUMBERS - 1; i++)
		take(i);
	T_OK(tree_is_sound(&tree) && tree.root->height == 1, "one is left");
	take(NUMBERS - 1);
	T_OK(!tree.root && !tree_from(&tree, 0, 0), "none");
}

/* What a check must see: a number that changed in its place, a node that is not counted, a link that leads elsewhere. */
static void unsound(void)
{
	for (unsigned int i = 0; i < 30; i++)
		put(i);
	T_OK(tree_is_sound(&tree), "");
	node[7].key = 0;
	T_OK(!tree_is_sound(&tree), "out of order");
	node[7].key = 7 / MINORS;
	tree.nr++;
	T_OK(!tree_is_sound(&tree), "counted twice");
	tree.nr--;
	node[7].height++;
	T_OK(!tree_is_sound(&tree), "a wrong height");
	node[7].height--;
	tree.root->parent = &node[0];
	T_OK(!tree_is_sound(&tree), "the root has no parent");
	tree.root->parent = NULL;
	T_OK(tree_is_sound(&tree), "mended");
	for (unsigned int i = 0; i < 30; i++)
		take(i);
}

const struct t_case t_cases[] = {T(random_numbers), T(rising), T(unsound), T_END};
