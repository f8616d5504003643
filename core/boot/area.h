/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* One area that the kernel itself wants: where Linux's cma_declare_contiguous_nid() puts it on arm64. */
#ifndef FH_BOOT_AREA_H
#define FH_BOOT_AREA_H

#include <freehold/boot.h>
#include "mm/early.h"

#define AREA_ANY_NODE (-1) /* Linux's NUMA_NO_NODE */

struct area {
	const char *name;
	const char *option;	    /* what asked for it, for messages: "cma=" */
	uint64_t size, base, limit; /* bytes; limit 0: the end of RAM */
	uint64_t align;		    /* bytes, a power of two; 0: a block */
	unsigned int order_per_bit;
	unsigned int flags; /* of its region */
	bool fixed;	    /* exactly at base */
	bool ranges;	    /* Linux would take several: it tells how many, not where */
	int node;
};

/*
 * Puts it into cfg->region and early->reserved, and says so. 0: it is there (*refused 0), or it is not and Linux goes on (*refused
 * is Linux's error, negative, and there is a note). A negative error: it is not there, and nobody goes on.
 */
FH_MUST_CHECK int area_declare(struct boot_config *cfg, struct early *early, const struct area *a,
			       int *refused, struct boot_why *why);

/* Whether Linux's array of areas has room for one more; where not, says so. */
bool area_slot(struct boot_config *cfg);

#endif
