/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A mem-to-mem copier: one scatter list to another, by bursts of its own buffer. */
#include <stdlib.h>
#include "dev.h"

#define BURST 4096

static int copier_create(struct simdev *sd)
{
	sd->priv = malloc(BURST);
	return sd->priv ? 0 : -FH_ENOMEM;
}

static void copier_destroy(struct simdev *sd)
{
	free(sd->priv);
}

static enum dev_step copier_step(struct simdev *sd, struct simdev_job *job, bool next)
{
	uint64_t size, n;

	(void)next;
	if (!job)
		return DEV_IDLE;
	size = dev_mem_size(&job->in);
	if (size != dev_mem_size(&job->out))
		job->error = -FH_EINVAL;
	for (uint64_t at = 0; at < size && !job->error; at += n) {
		n = size - at < BURST ? size - at : BURST;
		job->error = dev_read(sd, &job->in, at, sd->priv, n);
		if (!job->error)
			job->error = dev_write(sd, &job->out, at, sd->priv, n);
		if (!job->error)
			job->bytes += n;
	}
	return DEV_DONE;
}

const struct simdev_ops dev_copier_ops = {
	.in = true,
	.out = true,
	.create = copier_create,
	.destroy = copier_destroy,
	.step = copier_step,
};
