/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Simulated devices that master the bus of a hosted machine: a capture engine, a scan-out, a codec, a mem-to-mem copier. Each
 * byte goes through the device's own addresses (<freehold/bus.h>) and past the CPU's caches unless the device snoops, so
 * what a driver forgets is seen: by the device in what it reads, by the CPU in what the device wrote.
 *
 *	struct device dev;
 *	simdev_init(&dev, m, "camera")			32 bits, does not snoop; ranges, IOMMU, masks as wanted
 *	struct simdev_opts o = {.kind = SIMDEV_CAPTURE, .hosted = h, .dev = &dev, .format = {640, 480, 640}};
 *	simdev_create(&o, &camera)
 *	simdev_queue(camera, &(struct simdev_job){.out = {.dma = handle, .size = 640 * 480}})
 *	simdev_step(camera)				or simdev_start(camera, period_ns): a thread of its own
 *	simdev_done(camera, &job)
 *
 * Calls are for any thread unless they say otherwise. Addresses are the device's: what the DMA API returned.
 */
#ifndef FREEHOLD_SIMDEV_H
#define FREEHOLD_SIMDEV_H

#include <freehold/dma.h>
#include <freehold/hosted.h>

/* ---- frames of the test pattern ---- */

/* `height` lines of `width` bytes, each `stride` bytes behind the last. */
struct sim_format {
	uint32_t width, height, stride;
};
/* Bytes from the first of the frame to the last. */
static inline uint64_t sim_frame_size(const struct sim_format *f)
{
	return f->height ? (uint64_t)(f->height - 1) * f->stride + f->width : 0;
}

/* Every line begins with the frame's number and its own, the first also with a CRC-32 of all that follows it in the frame;
 * the rest is a pattern of number, line and column. So no part of another frame, and no hole, passes for it. */
enum sim_verdict {
	SIM_WHOLE,
	SIM_NO_FRAME, /* it does not begin as one: nothing was written, or nothing of it was seen */
	SIM_TORN,     /* parts of two frames, or of something else */
};
#define SIM_MIN_WIDTH 24		   /* bytes */
#define SIM_MAX_FRAME UINT64_C(0x40000000) /* bytes */
/* Both: as a CPU stores and loads; a width of SIM_MIN_WIDTH at least. */
void sim_frame_draw(const struct sim_format *f, uint32_t number, void *frame);
/* number (may be NULL): of the frame, as its first line says; line (may be NULL): the first that is wrong, where torn. */
enum sim_verdict sim_frame_check(const struct sim_format *f, const void *frame, uint32_t *number,
				 uint32_t *line);

/* ---- devices ---- */

enum simdev_kind {
	SIMDEV_CAPTURE, /* a job's `out` gets the next frame. Without a job the frame is dropped. */
	SIMDEV_SCANOUT, /* shows the frame at `in`, over and over, until the next job's is shown: then this one is done */
	SIMDEV_CODEC, /* packs the frame at `in` into a bitstream at `out`, or with `decode` back: without loss */
	SIMDEV_COPIER, /* `in` to `out`, both of the same size */
	SIMDEV_NR_KINDS,
};

/* The defaults: masks of 32 bits, does not snoop, all else zero. */
void simdev_init(struct device *dev, struct fh_machine *m, const char *name);

/* Memory as the device addresses it: one piece, or the entries of a mapped scatter list (dma_address and dma_length), one behind
 * the other. The list is the caller's, and stays until the job is done. */
struct sim_mem {
	dma_t dma;
	uint64_t size;		      /* bytes; with a list: ignored */
	const struct scatterlist *sg; /* NULL: one piece */
	unsigned int nents;	      /* as dma_map_sg() returned */
};

struct simdev_job {
	struct sim_mem in, out;
	bool decode;
	uint64_t cookie; /* the caller's */
	/* Set when it is done. */
	int error; /* 0; -FH_EFAULT: an address that led nowhere (the log says where); -FH_EINVAL: sizes, or no bitstream;
		    * -FH_ENOSPC: the bitstream does not fit */
	uint32_t number;	  /* of the frame */
	enum sim_verdict verdict; /* of a frame or bitstream that was read */
	uint64_t bytes;		  /* written */
};

struct simdev_opts {
	enum simdev_kind kind;
	struct hosted *hosted;
	struct device
		*dev; /* the caller's; stays as long as the simdev, and does not change meanwhile */
	struct sim_format format; /* of frames; not of the copier */
	uint32_t lines;		  /* capture, scan-out: lines a step; 0: a frame */
	bool plain; /* frames are no test pattern: nothing is checked, and nothing counted as torn */
};

struct simdev;

#define SIMDEV_QUEUE 32

/* -FH_EINVAL: no machine under the device, an unknown kind, a width below SIM_MIN_WIDTH (where frames are plain: 1), no height, a
 * stride below the width, more than SIM_MAX_FRAME; -FH_ENOMEM. */
FH_MUST_CHECK int simdev_create(const struct simdev_opts *o, struct simdev **sd);
/* Stops it. Jobs that are not done are forgotten. */
void simdev_destroy(struct simdev *sd);

/* -FH_ENOSPC: SIMDEV_QUEUE jobs wait or are not fetched yet; -FH_EINVAL: an empty `in` or `out` that is needed. */
FH_MUST_CHECK int simdev_queue(struct simdev *sd, const struct simdev_job *job);
/* Does the next piece of work: a job, or `lines` lines of a frame. 1: did; 0: nothing to do; -FH_EBUSY: another thread does. What
 * went wrong stands in the job. */
FH_MUST_CHECK int simdev_step(struct simdev *sd);
/* The job that has been done for longest; false: none. */
bool simdev_done(struct simdev *sd, struct simdev_job *job);
/* Sleeps until one is done. False: none, and the thread has been stopped. Needs a thread. */
bool simdev_wait(struct simdev *sd, struct simdev_job *job);

/* A thread that steps: capture and scan-out a frame each period_ns, 0: at once when there is a job (a scan-out: without a
 * pause); the others at once. -FH_EBUSY: it runs; -FH_ENOMEM: the host has no thread. */
FH_MUST_CHECK int simdev_start(struct simdev *sd, uint64_t period_ns);
/* One caller at a time. When it returns, the device touches nothing any more. A frame that was begun is left as it is, and its job waits. */
void simdev_stop(struct simdev *sd);

struct simdev_stats {
	uint64_t done;		/* jobs */
	uint64_t frames;	/* captured, shown (again each time), packed, unpacked */
	uint64_t torn;		/* read, and SIM_TORN; bitstreams whose CRC is wrong */
	uint64_t nothing;	/* read, and SIM_NO_FRAME */
	uint64_t dropped;	/* captured without a buffer */
	uint64_t faults;	/* addresses that led nowhere */
	uint64_t read, written; /* bytes */
};
void simdev_stats(struct simdev *sd, struct simdev_stats *stats);

/* Of a scan-out, as last shown whole: a CRC-32 a line, crc[height]; -FH_ENOENT: nothing was shown yet. */
FH_MUST_CHECK int simdev_line_crcs(struct simdev *sd, uint32_t *crc);
/* The same as a picture, three bytes a pixel (binary PPM). -FH_ENOENT; -FH_EIO: the host cannot write it. */
FH_MUST_CHECK int simdev_picture(struct simdev *sd, const char *path);

#endif
