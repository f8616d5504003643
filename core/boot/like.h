/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Which kernel does what with a tree's reserved memory: the one place that knows versions. */
#ifndef FH_BOOT_LIKE_H
#define FH_BOOT_LIKE_H

#include <freehold/boot.h>

/* Rules of placement and words; what is not said here all kernels do alike. */
struct like {
	unsigned int first;	   /* the first kernel with them, as boot_config.like */
	const char *reg_prefix;	   /* of messages about reg and the node's format */
	unsigned int max_regions;  /* that Linux remembers; 0: no end */
	unsigned int max_searched; /* of those without reg; 0: no end */
	bool sorts; /* regions take their turns by address once all are known, those without reg first */
	bool map_first;	    /* the reserve map and elfcorehdr: before the regions, else behind */
	bool header_first;  /* elfcorehdr likewise */
	bool neighbours;    /* a window that begins at another region is filled bottom up */
	bool says_regions;  /* a line for each region with its range */
	bool reads_twice;   /* reg is read again when regions are named: its messages come twice */
	bool says_ignored;  /* names how many pairs of a reg pass by */
	bool checks_first;  /* a default area that cma= replaces is never placed */
	bool one_pair;	    /* a reg of several pairs reserves, and makes no region */
	bool bad_is_absent; /* reg or alloc-ranges of no whole pairs: as if they were not there */
	bool stops_at_bad; /* the first kind that refuses a node decides; what no kind wants is reserved memory */
	bool keeps_bad; /* a region that its kind refused still counts as neighbour and for overlaps */
	bool in_tree_order; /* of regions with equal ranges the first in the tree comes first */
	unsigned int more_areas; /* areas beyond CONFIG_CMA_AREAS */
};

const struct like *like_rules(unsigned int version);

/* Sorts n indices as Linux's sort(): equal ones in the order that its heapsort gives them. before: negative, 0 or positive. */
typedef int (*like_cmp_fn)(const struct boot_config *cfg, unsigned int a, unsigned int b);
void like_sort(const struct boot_config *cfg, unsigned int *index, unsigned int n, like_cmp_fn cmp);

#endif
