/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The rules of kernels, and the order in which their sort leaves equals. */
#include "boot/like.h"

#define RESERVED_MEM "OF: reserved mem: "

/* Oldest first. The last are those of 7.2 and 7.3. */
static const struct like rules[] = {
	{
		.first = 6001,
		.reg_prefix = "OF: fdt: ",
		.max_regions = 64,
		.sorts = true,
		.keeps_bad = true,
	},
	{
		.first = 6012,
		.reg_prefix = RESERVED_MEM,
		.max_searched = 64,
		.neighbours = true,
		.says_regions = true,
		.reads_twice = true,
		.says_ignored = true,
		.keeps_bad = true,
		.in_tree_order = true,
	},
	{
		.first = 7000,
		.reg_prefix = RESERVED_MEM,
		.max_searched = 64,
		.neighbours = true,
		.says_regions = true,
		.reads_twice = true,
		.checks_first = true,
		.first_pair = true,
		.bad_is_absent = true,
		.stops_at_bad = true,
		.sorts_in_pairs = true,
	},
};

const struct like *like_rules(unsigned int version)
{
	size_t i = sizeof(rules) / sizeof(rules[0]) - 1;

	while (i && rules[i].first > version)
		i--;
	return &rules[i];
}

static void swap(unsigned int *a, unsigned int *b)
{
	unsigned int was = *a;

	*a = *b;
	*b = was;
}

struct sort {
	const struct boot_config *cfg;
	unsigned int *index;
	like_cmp_fn cmp;
	bool right; /* of equal children the right one goes up */
};

static int compare(const struct sort *s, unsigned int a, unsigned int b)
{
	return s->cmp(s->cfg, s->index[a], s->index[b]);
}

/*
 * What stands at `top` goes down a heap of n to where it belongs. The path of the larger children is followed to a leaf
 * first, then back up past all that are not larger: this decides where equals end.
 */
static void sink(const struct sort *s, unsigned int top, unsigned int n)
{
	unsigned int at = top, child;

	while ((child = 2 * at + 1) < n) {
		at = child;
		if (child + 1 < n && compare(s, child, child + 1) < (s->right ? 1 : 0))
			at++;
	}
	while (at != top && compare(s, top, at) >= 0)
		at = (at - 1) / 2;
	for (child = at; at != top; swap(&s->index[at], &s->index[child]))
		at = (at - 1) / 2;
}

/* The largest goes to the end, and what stood there down the heap of the others. */
static void take_one(const struct sort *s, unsigned int n)
{
	for (; n > 1; n--) {
		swap(&s->index[0], &s->index[n - 1]);
		sink(s, 0, n - 1);
	}
}

/* The largest and the larger of its children go to the end at once; the last three or two need no heap. */
static void take_two(const struct sort *s, unsigned int n)
{
	while (n > 3) {
		unsigned int second;

		swap(&s->index[0], &s->index[--n]);
		second = compare(s, 1, 2) > 0 ? 1 : 2;
		swap(&s->index[second], &s->index[--n]);
		sink(s, second, n);
		sink(s, 0, n);
	}
	swap(&s->index[0], &s->index[--n]);
	if (n == 2 && compare(s, 0, 1) > 0)
		swap(&s->index[0], &s->index[1]);
}

void like_sort(const struct boot_config *cfg, unsigned int *index, unsigned int n, like_cmp_fn cmp)
{
	bool pairs = like_rules(cfg->like)->sorts_in_pairs;
	const struct sort s = {cfg, index, cmp, pairs};

	if (n < 2)
		return;
	for (unsigned int top = n / 2; top; top--)
		sink(&s, top - 1, n);
	if (pairs)
		take_two(&s, n);
	else
		take_one(&s, n);
}
