/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What an area could not do, and why: its records. */
#ifndef FH_MM_FAILURE_H
#define FH_MM_FAILURE_H

#include <freehold/cma.h>

struct contig_result;

/* Keeps a record: `err` for a request at `window`, whose last trouble is *res (why NULL: there was
 * no window). Takes cma.lock. */
void failure_note(struct cma *cma, int err, const struct cma_request *req, struct range window,
		  const struct contig_result *res);

/* A line of the log about the page in the way; nothing when there is none. */
void failure_say(struct cma *cma, const struct contig_result *res);

#endif
