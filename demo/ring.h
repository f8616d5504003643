/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The buffers that a stage writes its frames into, and their coming and going. */
#ifndef FREEHOLD_DEMO_RING_H
#define FREEHOLD_DEMO_RING_H

#include "demo.h"

struct ring_slot {
	struct fhc_buffer buf;
	void *at; /* NULL: no buffer */
	struct fhc_format format;
};

struct ring {
	struct board *b;
	enum stage stage;
	struct fhc *c;
	struct fhc_out *out;
	struct fhc_format format;
	uint64_t size; /* of a picture */
	struct ring_slot slot[FHC_SLOTS];
	uint64_t nr_frames, churned; /* sent; how many when a buffer went last */
};

/* Listens; buffers are had with ring_format(). 0, or said. */
int ring_open(struct ring *r, struct board *b, enum stage stage, struct fhc *c);
/* Frames are of this size from now on, NV12 or I420 (YU12). */
int ring_format(struct ring *r, uint32_t fourcc, uint32_t width, uint32_t height);
/* A slot to write the next frame to; -EAGAIN: none is free, or memory was refused. */
int ring_next(struct ring *r);
/* Sends it, to be written now; *signal ends the fence. */
int ring_send(struct ring *r, uint32_t slot, uint64_t seq, uint64_t begun_ns, int *signal);
struct picture ring_picture(const struct ring *r, uint32_t slot);
/* It is written: consumers may read. */
void ring_written(struct ring *r, uint32_t slot, int signal);
/* Ends the stream if it is to end well, gives all back. */
void ring_close(struct ring *r, bool well);

#endif
