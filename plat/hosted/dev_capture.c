/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A capture engine: frames of the test pattern into buffers, one after the other, as they come. */
#include <stdlib.h>
#include "dev.h"

static int capture_create(struct simdev *sd)
{
	sd->priv = malloc(sd->o.format.width);
	return sd->priv ? 0 : -FH_ENOMEM;
}

static void capture_destroy(struct simdev *sd)
{
	free(sd->priv);
}

static int write_line(struct simdev *sd, const struct simdev_job *job)
{
	const struct sim_format *f = &sd->o.format;

	dev_draw_line(f, sd->number, sd->line, sd->priv);
	if (!sd->line)
		dev_put_crc(sd->priv, dev_frame_crc(f, sd->number));
	return dev_write(sd, &job->out, (uint64_t)sd->line * f->stride, sd->priv, f->width);
}

/* A frame that begins without a buffer is gone: the sensor does not wait. */
static enum dev_step capture_step(struct simdev *sd, struct simdev_job *job, bool next)
{
	const struct sim_format *f = &sd->o.format;
	uint32_t lines = sd->o.lines ? sd->o.lines : f->height;

	(void)next;
	if (!job) {
		sd->number++;
		dev_count(sd, &sd->stats.dropped);
		return DEV_IDLE;
	}
	if (dev_mem_size(&job->out) < sim_frame_size(f))
		job->error = -FH_EINVAL;
	for (; lines && !job->error && sd->line < f->height; lines--) {
		job->error = write_line(sd, job);
		sd->line++;
	}
	if (!job->error && sd->line < f->height)
		return DEV_GOES_ON;
	job->number = sd->number++;
	job->bytes = job->error ? 0 : (uint64_t)f->width * f->height;
	sd->line = 0;
	dev_count(sd, &sd->stats.frames);
	return DEV_DONE;
}

const struct simdev_ops dev_capture_ops = {
	.out = true,
	.create = capture_create,
	.destroy = capture_destroy,
	.step = capture_step,
};
