/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A fence of a driver's. */
#include "fence_job.h"
#include "t.h"

const char *job_name(struct dma_fence *f)
{
	(void)f;
	return "job";
}

static bool job_enable(struct dma_fence *f)
{
	((struct job *)f)->enabled++;
	if (((struct job *)f)->at_once)
		T_EQ(dma_fence_signal(f), 0);
	return ((struct job *)f)->will;
}

static bool job_signaled(struct dma_fence *f)
{
	((struct job *)f)->asked++;
	return ((struct job *)f)->done;
}

static void job_deadline(struct dma_fence *f, uint64_t ns)
{
	((struct job *)f)->deadline = ns;
}

static void job_release(struct dma_fence *f)
{
	((struct job *)f)->released++;
}

const struct dma_fence_ops job_ops = {
	job_name, job_name, job_enable, job_signaled, job_deadline, job_release,
};
void job_init(struct job *j, struct fh_machine *m, uint64_t seqno)
{
	*j = (struct job){.will = true};
	T_EQ(dma_fence_init(&j->f, m, &job_ops, 77, seqno), 0);
}
