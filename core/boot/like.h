/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Which kernel does what: the one place that knows versions. 6.1, 6.12, 7.2 and 7.3 were looked at. */
#ifndef FH_BOOT_LIKE_H
#define FH_BOOT_LIKE_H

#include <freehold/boot.h>

/* Where rules of zones, areas and configuration changed: boot_config.like from which on the new one holds. */
enum {
	LIKE_NO_CMDLINE_EXTEND = 5013, /* arm64 has CMDLINE_FORCE only */
	LIKE_MAX_ORDER_INCLUSIVE =
		6004,		    /* ARCH_FORCE_MAX_ORDER is the largest order, not one more */
	LIKE_MIRROR_CHECKED = 6002, /* kernelcore=mirror needs mirrored memory */
	LIKE_BOUNCE_KMALLOC = 6005, /* small bounce buffers where nothing has to bounce */
	LIKE_NUMA_CMA = 6006,	    /* numa_cma=, and "on node" in the words of areas */
	LIKE_AREAS_EXACT = 6009,    /* CMA_AREAS is the number of areas, not one less */
	LIKE_BLOCK_OF_TRANSPARENT = 6009, /* blocks as large as a transparent huge page */
	LIKE_HUGETLB_ALIGN = 6010,	  /* areas of hugetlb_cma= begin at a gigantic page */
	LIKE_NODES_COVER = 6012,	  /* RAM of no node is counted */
	LIKE_ZONE_LIMIT = 6012,	   /* ZONE_DMA ends where the bus does, not at a power of two */
	LIKE_HIGH_AFTER_4G = 6012, /* the kernel's own areas: above 4 GiB before high memory */
	LIKE_PAGE_BLOCK_ORDER = 6016,
	LIKE_7 = 7000,
	LIKE_POOLS_IN_KIB = 7003,   /* the size of a pool in its message */
	LIKE_HUGETLB_SHARES = 7003, /* hugetlb_cma= takes percentages */
};

/* Rules of placement and words; what is not said here all kernels do alike. */
struct like {
	unsigned int first;	   /* the first kernel with them, as boot_config.like */
	const char *reg_prefix;	   /* of messages about reg and the node's format */
	unsigned int max_regions;  /* that Linux remembers; 0: no end */
	unsigned int max_searched; /* of those without reg; 0: no end */
	bool sorts; /* regions take their turns by address once all are known, those without reg first */
	bool neighbours;    /* a window that begins at another region is filled bottom up */
	bool says_regions;  /* a line for each region with its range */
	bool reads_twice;   /* reg is read again when regions are named: its messages come twice */
	bool says_ignored;  /* names how many pairs of a reg pass by */
	bool checks_first;  /* a default area that cma= replaces is never placed */
	bool first_pair;    /* only the first pair of a reg counts */
	bool bad_is_absent; /* reg or alloc-ranges of no whole pairs: as if they were not there */
	bool stops_at_bad; /* the first kind that refuses a node decides; what no kind wants is reserved memory */
	bool keeps_bad; /* a region that its kind refused still counts as neighbour and for overlaps */
	bool in_tree_order; /* of regions with equal ranges the first in the tree comes first */
	bool sorts_in_pairs; /* its heapsort takes the two largest at a time, which moves equal ones */
};

const struct like *like_rules(unsigned int version);

/* Sorts n indices as Linux's sort(): equal ones in the order that its heapsort gives them. before: negative, 0 or positive. */
typedef int (*like_cmp_fn)(const struct boot_config *cfg, unsigned int a, unsigned int b);
void like_sort(const struct boot_config *cfg, unsigned int *index, unsigned int n, like_cmp_fn cmp);

#endif
