/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The rules of kernels, and the order in which their sort leaves equals. */
#include "boot/like.h"

#define RESERVED_MEM "OF: reserved mem: "

/* Oldest first. 7.0: from its patches as posted, not from a kernel that was run. */
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
		.one_pair = true,
		.bad_is_absent = true,
		.stops_at_bad = true,
		.in_tree_order = true,
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

/*
 * What stands at `top` goes down a heap of n to where it belongs. The path of the larger children is followed to a leaf
 * first (of equal children the left), then back up past all that are not larger: this decides where equals end.
 */
static void sink(const struct boot_config *cfg, unsigned int *index, unsigned int top,
		 unsigned int n, like_cmp_fn cmp)
{
	unsigned int at = top, child;

	while ((child = 2 * at + 1) < n) {
		bool right = child + 1 < n && cmp(cfg, index[child], index[child + 1]) < 0;

		at = child + right;
	}
	while (at != top && cmp(cfg, index[top], index[at]) >= 0)
		at = (at - 1) / 2;
	for (child = at; at != top; swap(&index[at], &index[child]))
		at = (at - 1) / 2;
}

void like_sort(const struct boot_config *cfg, unsigned int *index, unsigned int n, like_cmp_fn cmp)
{
	for (unsigned int top = n / 2; top; top--)
		sink(cfg, index, top - 1, n, cmp);
	for (unsigned int left = n; left > 1; left--) {
		swap(&index[0], &index[left - 1]);
		sink(cfg, index, 0, left - 1, cmp);
	}
}
