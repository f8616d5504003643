/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Goals: what a job expects of its figures (freehold-job(5), "expect"). */
#ifndef FREEHOLD_TOOLS_EXPECT_H
#define FREEHOLD_TOOLS_EXPECT_H

#include "report.h"

struct verdict {
	const struct job_expect *goal;
	bool measured; /* the run has the figure */
	bool met;      /* false when it was not measured */
	double value;
	uint64_t size; /* bytes of the buffers whose figure it is; 0: of all */
};

/* Into verdict[JOB_MAX_EXPECT], those whose policy was run; how many. */
unsigned int expect_judge(const struct report *r, struct verdict *verdict);
/* True: all of the report's goals are met. */
bool expect_met(const struct report *r);
/* What was expected, "p99.9/p50 <= 2", and what was found, "1.4 at 4 KiB". */
void expect_found(const struct verdict *v, char *buf, size_t size);

#endif
