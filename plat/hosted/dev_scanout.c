/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A scan-out: reads the buffer that is shown, over and over, and keeps what it saw. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dev.h"

/* `now` belongs to who steps; `shown` and all below it is the last whole frame, under the device's lock. */
struct scanout {
	unsigned char *now, *shown;
	bool any;
	uint32_t crc[]; /* of a line */
};

static uint64_t frame_bytes(const struct simdev *sd)
{
	return (uint64_t)sd->o.format.width * sd->o.format.height;
}

static void scanout_destroy(struct simdev *sd)
{
	struct scanout *s = sd->priv;

	if (s) {
		free(s->now);
		free(s->shown);
	}
	free(s);
}

static int scanout_create(struct simdev *sd)
{
	struct scanout *s = calloc(1, sizeof(*s) + sd->o.format.height * sizeof(s->crc[0]));

	sd->priv = s;
	if (s) {
		s->now = malloc(frame_bytes(sd));
		s->shown = malloc(frame_bytes(sd));
	}
	if (s && s->now && s->shown)
		return 0;
	scanout_destroy(sd);
	return -FH_ENOMEM;
}

static void keep(struct simdev *sd)
{
	const struct sim_format *f = &sd->o.format;
	struct scanout *s = sd->priv;

	pthread_mutex_lock(&sd->lock);
	memcpy(s->shown, s->now, frame_bytes(sd));
	for (uint32_t y = 0; y < f->height; y++)
		s->crc[y] = dev_crc(0, s->shown + (uint64_t)y * f->width, f->width);
	s->any = true;
	pthread_mutex_unlock(&sd->lock);
}

/* The buffer changes between two frames only. A fault ends the job: there is nothing to show. */
static enum dev_step scanout_step(struct simdev *sd, struct simdev_job *job, bool next)
{
	const struct sim_format *f = &sd->o.format;
	uint32_t lines = sd->o.lines ? sd->o.lines : f->height;
	struct scanout *s = sd->priv;

	if (!job)
		return DEV_IDLE;
	if (dev_mem_size(&job->in) < sim_frame_size(f))
		job->error = -FH_EINVAL;
	for (; lines && !job->error && sd->line < f->height; lines--, sd->line++)
		job->error = dev_read(sd, &job->in, (uint64_t)sd->line * f->stride,
				      s->now + (uint64_t)sd->line * f->width, f->width);
	if (!job->error && sd->line < f->height)
		return DEV_GOES_ON;
	sd->line = 0;
	if (job->error)
		return DEV_DONE;
	dev_judge(sd, s->now, job);
	keep(sd);
	dev_count(sd, &sd->stats.frames);
	return next ? DEV_DONE : DEV_GOES_ON;
}

const struct simdev_ops dev_scanout_ops = {
	.in = true,
	.create = scanout_create,
	.destroy = scanout_destroy,
	.step = scanout_step,
};

int simdev_line_crcs(struct simdev *sd, uint32_t *crc)
{
	struct scanout *s = sd->priv;
	int err = -FH_ENOENT;

	pthread_mutex_lock(&sd->lock);
	if (sd->o.kind == SIMDEV_SCANOUT && s->any) {
		memcpy(crc, s->crc, sd->o.format.height * sizeof(s->crc[0]));
		err = 0;
	}
	pthread_mutex_unlock(&sd->lock);
	return err;
}

static int write_picture(const char *path, const struct sim_format *f, const unsigned char *from)
{
	FILE *out = fopen(path, "we");
	bool ok;

	if (!out)
		return -FH_EIO;
	ok = fprintf(out, "P6\n%u %u\n255\n", f->width / 3, f->height) > 0;
	for (uint32_t y = 0; y < f->height && ok; y++)
		ok = fwrite(from + (uint64_t)y * f->width, 3, f->width / 3, out) == f->width / 3;
	return fclose(out) || !ok ? -FH_EIO : 0;
}

int simdev_picture(struct simdev *sd, const char *path)
{
	struct scanout *s = sd->priv;
	unsigned char *copy = NULL;
	int err;

	if (sd->o.kind != SIMDEV_SCANOUT)
		return -FH_ENOENT;
	copy = malloc(frame_bytes(sd));
	if (!copy)
		return -FH_EIO;
	pthread_mutex_lock(&sd->lock);
	err = s->any ? 0 : -FH_ENOENT;
	if (!err)
		memcpy(copy, s->shown, frame_bytes(sd));
	pthread_mutex_unlock(&sd->lock);
	if (!err)
		err = write_picture(path, &sd->o.format, copy);
	free(copy);
	return err;
}
