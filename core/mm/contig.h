/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Make exactly this range ours: claim what is free, move the tenants out of the rest. */
#ifndef FH_MM_CONTIG_H
#define FH_MM_CONTIG_H

#include <freehold/types.h>

struct fh_machine;

struct contig_result {
	uint64_t migrated, dropped;
	pfn_t pfn;	 /* on failure: the page in the way */
	const char *why; /* and what is the matter with it */
};

/*
 * Takes the frames of `range` (all in areas), whose owner the caller is by its own bookkeeping. On
 * failure all is as before. Policy `movable`: waits for writeback, gives a page that will not move
 * five passes. `guaranteed`: waits only for what is over in bounded time without sleeping.
 * -FH_EBUSY: a page would not move; -FH_ENOMEM: nowhere to move it.
 */
FH_MUST_CHECK int contig_claim(struct fh_machine *m, struct range range, enum cma_policy policy,
			       struct contig_result *res);

/* Gives a range back. */
void contig_release(struct fh_machine *m, struct range range);

#endif
