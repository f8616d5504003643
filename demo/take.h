/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* How a stage takes frames. */
#ifndef FREEHOLD_DEMO_TAKE_H
#define FREEHOLD_DEMO_TAKE_H

#include "demo.h"

struct taker {
	struct board *b;
	enum stage stage;
	struct fhc *c;
	struct fhc_in *in;
	uint64_t held[FHC_SLOTS]; /* buffers that the server knows as this program's */
};

/* fhc_in_next(), counted. */
int take_next(struct taker *t, struct fhc_frame *f);
/* Waits for the frame's acquire fence and closes it; when it had to wait, notes when it went on. 0, or how it ended. */
int take_fence(struct taker *t, struct fhc_frame *f);
/* Until there may be a frame, or other_fd (-1: none) is readable, or a while has passed. */
int take_wait(struct taker *t, int other_fd);
/* The picture in a slot. */
int take_view(struct taker *t, uint32_t slot, struct view *v, struct fhc_format *format);
/* What this program wrote, as the server counts. */
void take_written(struct fhc *c, struct account *a);

#endif
