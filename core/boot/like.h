/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Where Linux's rules of boot changed: boot_config.like from which on the new one holds. 6.1, 6.12 and 7 were looked at. */
#ifndef FH_BOOT_LIKE_H
#define FH_BOOT_LIKE_H

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
	LIKE_ZONE_LIMIT = 6012, /* ZONE_DMA ends where the bus does, not at a power of two */
	LIKE_PAGE_BLOCK_ORDER = 6016,
	LIKE_7 = 7000,
};

#endif
