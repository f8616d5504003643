/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Move tenants out: new frames, unmap, copy, switch, and the old frames are the caller's.
 *
 * Runs of pages of one object move together: their old mappings lose the right to write in one
 * step, all bytes are copied, and the mappings, slots and page tables switch in one step under the
 * object's lock. A reader sees the old bytes or the new; a writer waits from the first step to the
 * second.
 */
#ifndef FH_MM_MIGRATE_H
#define FH_MM_MIGRATE_H

#include <freehold/types.h>

struct fh_machine;

#define MIGRATE_BATCH 256 /* pages a call; a pfn_t each on the stack */

enum migrate_mode {
	MIGRATE_OUT,	     /* to frames outside areas */
	MIGRATE_ANYWHERE,    /* Linux: or to other blocks of an area */
	MIGRATE_OUT_NO_DROP, /* outside, and the page must stay in memory: it is about to be held */
	MIGRATE_OUT_TO_PIN,  /* the same, and to no frame of ZONE_MOVABLE either */
	MIGRATE_TO_SPARE,    /* outside, to frames that are free now; nothing is dropped */
};

struct migrate_result {
	unsigned int moved, dropped, failed;
	int error; /* of the last failure: -FH_ENOMEM, or what a driver's migrate() returned */
	pfn_t failed_pfn;
};

/*
 * Empties the frames of pfn[0..n), n <= MIGRATE_BATCH, each ISOLATED by the caller. For each frame
 * that is emptied calls emptied(data, pfn): it is RAW, taken, and the callee's. The others are put
 * back. Clean file pages are dropped instead of copied. pfn[] is used up.
 */
void migrate_pages(struct fh_machine *m, pfn_t *pfn, unsigned int n, enum migrate_mode mode,
		   void (*emptied)(void *data, pfn_t pfn), void *data, struct migrate_result *res);

/* The same, but page i goes to frame to[i], which is RAW, taken and the caller's. Nothing is dropped and none
 * put back: it cannot fail. */
void migrate_pages_to(struct fh_machine *m, const pfn_t *pfn, unsigned int n, const pfn_t *to,
		      void (*emptied)(void *data, pfn_t pfn), void *data,
		      struct migrate_result *res);

/* A driver's page. 0: moved, the frame is RAW and the caller's; -FH_EAGAIN: not movable now, or no
 * such; -FH_ENOMEM: no frame to move it to. */
FH_MUST_CHECK int migrate_movable(struct fh_machine *m, pfn_t pfn);
/* Drops every registration: the machine dies. */
void movable_forget_all(struct fh_machine *m);

#endif
