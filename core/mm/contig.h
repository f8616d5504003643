/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Make exactly this range ours: claim what is free, move the tenants out of the rest. */
#ifndef FH_MM_CONTIG_H
#define FH_MM_CONTIG_H

#include <stdatomic.h>
#include <freehold/cma.h>

struct fh_machine;

/* What is wanted. */
struct contig_want {
	struct range range; /* all in areas; its owner the caller is by its own bookkeeping */
	enum cma_policy policy;
	uint64_t deadline_ns;	   /* machine's clock; 0: none */
	_Atomic(uint32_t) *cancel; /* non-zero: give up; NULL: never */
};

struct contig_result {
	uint64_t migrated, dropped;
	/* On failure: the page in the way, what is the matter with it, and whose it is. */
	pfn_t pfn;
	const char *why;
	enum cma_owner owner;
	uint64_t owner_id;
	uint32_t pins;
	const char *pinner; /* NULL: nobody that has a name */
	uint64_t since_ns;
};

/*
 * Takes the frames of a range. On failure all is as before. Policy `movable`: waits for writeback,
 * gives a page that will not move five passes. Others: wait only for what is over in bounded time
 * without sleeping. -FH_EBUSY: a page would not move; -FH_ENOMEM: nowhere to move it;
 * -FH_ETIMEDOUT, -FH_ECANCELED: as the caller asked, looked at before each batch of pages.
 */
FH_MUST_CHECK int contig_claim(struct fh_machine *m, const struct contig_want *want,
			       struct contig_result *res);
/* Takes the range if all of it is free at once, and no lock it needs is held by another. Waits for
 * nothing. */
FH_MUST_CHECK bool contig_claim_free(struct fh_machine *m, struct range range);

/* Says of a page in the way whose it is, and who holds it since when. */
void contig_blame(struct fh_machine *m, pfn_t pfn, struct contig_result *res);

/* Gives a range back. */
void contig_release(struct fh_machine *m, struct range range);

#endif
