/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The life of a simulated device, its queue of jobs, and its thread. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include "dev.h"

static const struct simdev_ops *const kinds[SIMDEV_NR_KINDS] = {
	[SIMDEV_CAPTURE] = &dev_capture_ops,
	[SIMDEV_SCANOUT] = &dev_scanout_ops,
	[SIMDEV_CODEC] = &dev_codec_ops,
	[SIMDEV_COPIER] = &dev_copier_ops,
};

void simdev_init(struct device *dev, struct fh_machine *m, const char *name)
{
	*dev = (struct device){
		.machine = m,
		.name = name,
		.dma_mask = DMA_BIT_MASK(32),
		.coherent_dma_mask = DMA_BIT_MASK(32),
	};
}

static bool can_be(const struct simdev_opts *o)
{
	const struct sim_format *f = &o->format;
	bool drawn = o->kind == SIMDEV_CAPTURE || !o->plain;

	if (!o->hosted || !o->dev || !o->dev->machine || (unsigned int)o->kind >= SIMDEV_NR_KINDS)
		return false;
	if (o->kind == SIMDEV_COPIER)
		return true;
	return f->width >= (drawn ? SIM_MIN_WIDTH : 1) && f->height && f->stride >= f->width &&
	       sim_frame_size(f) <= SIM_MAX_FRAME;
}

int simdev_create(const struct simdev_opts *o, struct simdev **out)
{
	struct simdev *sd;
	int err = 0;

	if (!o || !out || !can_be(o))
		return -FH_EINVAL;
	sd = calloc(1, sizeof(*sd));
	if (!sd)
		return -FH_ENOMEM;
	sd->o = *o;
	sd->ops = kinds[o->kind];
	if (sd->ops->create)
		err = sd->ops->create(sd);
	if (err) {
		free(sd);
		return err;
	}
	pthread_mutex_init(&sd->lock, NULL);
	pthread_cond_init(&sd->changed, NULL);
	*out = sd;
	return 0;
}

void simdev_destroy(struct simdev *sd)
{
	if (!sd)
		return;
	simdev_stop(sd);
	if (sd->ops->destroy)
		sd->ops->destroy(sd);
	pthread_cond_destroy(&sd->changed);
	pthread_mutex_destroy(&sd->lock);
	free(sd);
}

int simdev_queue(struct simdev *sd, const struct simdev_job *job)
{
	int err = 0;

	if ((sd->ops->in && !dev_mem_size(&job->in)) || (sd->ops->out && !dev_mem_size(&job->out)))
		return -FH_EINVAL;
	pthread_mutex_lock(&sd->lock);
	if (sd->queued - sd->fetched == SIMDEV_QUEUE) {
		err = -FH_ENOSPC;
	} else {
		struct simdev_job *j = &sd->job[sd->queued++ % SIMDEV_QUEUE];

		*j = *job;
		j->error = 0;
		j->number = 0;
		j->verdict = SIM_WHOLE;
		j->bytes = 0;
		pthread_cond_broadcast(&sd->changed);
	}
	pthread_mutex_unlock(&sd->lock);
	return err;
}

static bool fetch(struct simdev *sd, struct simdev_job *job)
{
	if (sd->fetched == sd->done)
		return false;
	*job = sd->job[sd->fetched++ % SIMDEV_QUEUE];
	return true;
}

bool simdev_done(struct simdev *sd, struct simdev_job *job)
{
	bool got;

	pthread_mutex_lock(&sd->lock);
	got = fetch(sd, job);
	pthread_mutex_unlock(&sd->lock);
	return got;
}

bool simdev_wait(struct simdev *sd, struct simdev_job *job)
{
	bool got;

	pthread_mutex_lock(&sd->lock);
	while (!(got = fetch(sd, job)) && sd->runs && !sd->over)
		pthread_cond_wait(&sd->changed, &sd->lock);
	pthread_mutex_unlock(&sd->lock);
	return got;
}

/* ---- steps ---- */

void dev_count(struct simdev *sd, uint64_t *what)
{
	pthread_mutex_lock(&sd->lock);
	++*what;
	pthread_mutex_unlock(&sd->lock);
}

void dev_judge(struct simdev *sd, const void *frame, struct simdev_job *job)
{
	struct sim_format f = sd->o.format;

	if (sd->o.plain)
		return;
	f.stride = f.width;
	job->verdict = sim_frame_check(&f, frame, &job->number, NULL);
	if (job->verdict == SIM_TORN)
		dev_count(sd, &sd->stats.torn);
	else if (job->verdict == SIM_NO_FRAME)
		dev_count(sd, &sd->stats.nothing);
}

/* By who has `stepping`: a job that waits is his until it is done. */
static bool step(struct simdev *sd)
{
	struct simdev_job *job;
	enum dev_step did;
	bool next;

	pthread_mutex_lock(&sd->lock);
	job = sd->done < sd->queued ? &sd->job[sd->done % SIMDEV_QUEUE] : NULL;
	next = sd->done + 1 < sd->queued;
	pthread_mutex_unlock(&sd->lock);
	did = sd->ops->step(sd, job, next);
	pthread_mutex_lock(&sd->lock);
	sd->stats.read += sd->read;
	sd->stats.written += sd->written;
	sd->read = sd->written = 0;
	if (did == DEV_DONE) {
		sd->stats.done++;
		sd->done++;
		pthread_cond_broadcast(&sd->changed);
	}
	pthread_mutex_unlock(&sd->lock);
	return did != DEV_IDLE;
}

int simdev_step(struct simdev *sd)
{
	bool did;

	pthread_mutex_lock(&sd->lock);
	if (sd->stepping || sd->runs) {
		pthread_mutex_unlock(&sd->lock);
		return -FH_EBUSY;
	}
	sd->stepping = true;
	pthread_mutex_unlock(&sd->lock);
	did = step(sd);
	pthread_mutex_lock(&sd->lock);
	sd->stepping = false;
	pthread_mutex_unlock(&sd->lock);
	return did;
}

/* ---- the thread ---- */

static struct timespec later(struct timespec t, uint64_t ns)
{
	ns += (uint64_t)t.tv_nsec;
	t.tv_sec += (time_t)(ns / 1000000000);
	t.tv_nsec = (long)(ns % 1000000000);
	return t;
}

/* A step's share of a frame's time. */
static uint64_t pause_ns(const struct simdev *sd)
{
	uint64_t lines = sd->o.lines, height = sd->o.format.height;

	if (sd->o.kind != SIMDEV_CAPTURE && sd->o.kind != SIMDEV_SCANOUT)
		return 0;
	return lines && lines < height ? sd->period_ns * lines / height : sd->period_ns;
}

static bool is_over(struct simdev *sd)
{
	bool over;

	pthread_mutex_lock(&sd->lock);
	over = sd->over;
	pthread_mutex_unlock(&sd->lock);
	return over;
}

/* Until there may be something to do; at a rate there always is. */
static void wait_for_work(struct simdev *sd, struct timespec *next, uint64_t pause)
{
	if (pause) {
		*next = later(*next, pause);
		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, next, NULL) == EINTR)
			;
		return;
	}
	pthread_mutex_lock(&sd->lock);
	while (!sd->over && sd->done == sd->queued)
		pthread_cond_wait(&sd->changed, &sd->lock);
	pthread_mutex_unlock(&sd->lock);
}

static void *thread_main(void *arg)
{
	struct simdev *sd = arg;
	uint64_t pause = pause_ns(sd);
	struct timespec next;

	clock_gettime(CLOCK_MONOTONIC, &next);
	while (!is_over(sd)) {
		wait_for_work(sd, &next, pause);
		if (!is_over(sd))
			step(sd);
	}
	return NULL;
}

int simdev_start(struct simdev *sd, uint64_t period_ns)
{
	int err = 0;

	pthread_mutex_lock(&sd->lock);
	if (sd->runs || sd->stepping) {
		err = -FH_EBUSY;
	} else {
		sd->over = false;
		sd->period_ns = period_ns;
		sd->runs = !pthread_create(&sd->thread, NULL, thread_main, sd);
		err = sd->runs ? 0 : -FH_ENOMEM;
	}
	pthread_mutex_unlock(&sd->lock);
	return err;
}

void simdev_stop(struct simdev *sd)
{
	pthread_t thread;
	bool mine;

	pthread_mutex_lock(&sd->lock);
	mine = sd->runs && !sd->over;
	thread = sd->thread;
	sd->over = true;
	pthread_cond_broadcast(&sd->changed);
	pthread_mutex_unlock(&sd->lock);
	if (!mine)
		return;
	pthread_join(thread, NULL);
	pthread_mutex_lock(&sd->lock);
	sd->runs = false;
	pthread_mutex_unlock(&sd->lock);
}

void simdev_stats(struct simdev *sd, struct simdev_stats *stats)
{
	pthread_mutex_lock(&sd->lock);
	*stats = sd->stats;
	pthread_mutex_unlock(&sd->lock);
}
