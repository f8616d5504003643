/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A fence of a driver's, which counts what it is asked and says what a test wants. */
#ifndef TESTS_FENCE_JOB_H
#define TESTS_FENCE_JOB_H

#include <freehold/fence.h>

struct job {
	struct dma_fence f;
	bool done;    /* what signaled() says */
	bool at_once; /* enable_signaling() signals it */
	bool will;    /* what enable_signaling() says */
	unsigned int enabled, released, asked;
	uint64_t deadline;
};

extern const struct dma_fence_ops job_ops;
/* "job", the names of all of them. */
const char *job_name(struct dma_fence *f);
/* Of timeline 77; enable_signaling() says that it will. */
void job_init(struct job *j, struct fh_machine *m, uint64_t seqno);

#endif
