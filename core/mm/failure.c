/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What an area could not do, and why: its records. */
#include "mm/contig.h"
#include "mm/failure.h"
#include "mm/machine.h"

void failure_note(struct cma *cma, int err, uint64_t count, struct range window,
		  const struct contig_result *res)
{
	fh_lock(&cma->lock);
	cma->last = (struct cma_failure){
		.error = err,
		.count = count,
		.window = res->why ? window : (struct range){0, 0},
		.pfn = res->pfn,
		.time_ns = machine_clock(cma->m),
		.why = res->why ? res->why : "no window of that size is free",
	};
	fh_unlock(&cma->lock);
}

void cma_last_failure(struct cma *cma, struct cma_failure *f)
{
	fh_lock(&cma->lock);
	*f = cma->last;
	fh_unlock(&cma->lock);
}
