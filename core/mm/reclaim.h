/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Make room before failing: forget clean file pages. No I/O, no waiting. */
#ifndef FH_MM_RECLAIM_H
#define FH_MM_RECLAIM_H

#include "mm/lru.h"

/* Drops up to `want` clean file pages, oldest first, and frees their frames; how many. */
uint64_t reclaim_clean(struct fh_machine *m, enum lru_where where, uint64_t want);

/* Drops one page the caller has isolated, if it is (still) a clean file page: its frame is RAW and
 * the caller's. False: it is not; it is still isolated. */
bool reclaim_drop(struct fh_machine *m, pfn_t pfn);

/* Frames that count against the budget (DESIGN, G2): taken, not droppable, not a device's in an
 * area. */
uint64_t budget_used(struct fh_machine *m);
/* Whether `need` more fit. */
bool budget_admit(struct fh_machine *m, uint64_t need);

#endif
