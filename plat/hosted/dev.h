/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The inside of struct simdev, for the devices of this folder. */
#ifndef FH_PLAT_HOSTED_DEV_H
#define FH_PLAT_HOSTED_DEV_H

#include <pthread.h>
#include <freehold/simdev.h>

/* A ring of jobs: [taken, queued) wait, [fetched, done) are done; done == taken, or one less while one is worked on. */
struct simdev {
	struct simdev_opts o;
	const struct simdev_ops *ops;
	void *priv; /* the kind's; who steps */

	pthread_mutex_t lock;
	pthread_cond_t changed; /* a job came or is done, or `over` */
	struct simdev_job job[SIMDEV_QUEUE];
	uint64_t queued, done, fetched;
	bool stepping, runs, over;
	pthread_t thread;
	uint64_t period_ns;
	struct simdev_stats stats; /* under lock */

	/* Of who steps. */
	uint32_t number; /* of the next frame */
	uint32_t line;	 /* where the frame goes on */
	uint64_t read, written;
};

/* What a step did. */
enum dev_step {
	DEV_IDLE,
	DEV_GOES_ON, /* the job is not over */
	DEV_DONE,
};

struct simdev_ops {
	bool in, out;			  /* what a job needs */
	int (*create)(struct simdev *sd); /* may be NULL, as destroy */
	void (*destroy)(struct simdev *sd);
	/* job NULL: none waits. next: another waits behind it. */
	enum dev_step (*step)(struct simdev *sd, struct simdev_job *job, bool next);
};

extern const struct simdev_ops dev_capture_ops, dev_scanout_ops, dev_codec_ops, dev_copier_ops;

/* dev_mem.c: the device's accesses, at `offset` bytes into mem. -FH_EFAULT; -FH_EINVAL: past its end. */
uint64_t dev_mem_size(const struct sim_mem *mem);
FH_MUST_CHECK int dev_read(struct simdev *sd, const struct sim_mem *mem, uint64_t offset, void *buf,
			   uint64_t n);
FH_MUST_CHECK int dev_write(struct simdev *sd, const struct sim_mem *mem, uint64_t offset,
			    const void *buf, uint64_t n);

/* dev.c: adds to what simdev_stats() tells. */
void dev_count(struct simdev *sd, uint64_t *what);
/* Checks a frame that lies line behind line (stride = width) and counts what it is. */
void dev_judge(struct simdev *sd, const void *frame, struct simdev_job *job);
/* dev_frame.c */
uint32_t dev_crc(uint32_t crc, const void *buf, uint64_t n);
/* One line of the pattern; the first without its CRC. */
void dev_draw_line(const struct sim_format *f, uint32_t number, uint32_t line, unsigned char *to);
/* The CRC that belongs into the first line. */
uint32_t dev_frame_crc(const struct sim_format *f, uint32_t number);
void dev_put_crc(unsigned char *line, uint32_t crc);

#endif
