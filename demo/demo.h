/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A camera, an encoder, a compositor and a display, each a process, that pass frames on in buffers of `freehold serve` and copy none.
 *
 *	capture > encode
 *	        > composite > display
 *
 * The board is memory that all of them and the conductor share: what is wanted, and what each saw. It is the measuring
 * apparatus, no part of the pipeline: checksums of pictures and times go there, so that what is checked travels beside what checks it.
 */
#ifndef FREEHOLD_DEMO_H
#define FREEHOLD_DEMO_H

#include <stdatomic.h>
#include <stdio.h>
#include <freehold/frames.h>
#include "picture.h"

enum stage { CAPTURE, ENCODE, COMPOSITE, DISPLAY, NR_STAGES };

#define DEMO_I420   FHC_FOURCC('Y', 'U', '1', '2') /* the other format than FHC_NV12 */
#define MAX_FRAMES  216000			   /* an hour at 60 a second */
#define MAX_ALLOCS  65536
#define TEXT_MAX    256
#define SHEET_NR    12
#define SHEET_WIDTH 240

struct wanted {
	uint32_t width, height, rate;
	uint64_t frames;
	uint32_t slots; /* of a ring */
	/* A buffer of the ring is given back and had anew every so many frames; 0: never. */
	uint32_t churn;
	enum stage kill;
	uint64_t kill_at; /* frame; 0: nobody */
	bool restart;	  /* who was killed comes again */
	bool copy;	  /* composite copies, to be found out */
	bool no_encoder;
	bool realtime;	/* capture, composite and display go before ordinary programs */
	char file[256]; /* video; empty: a pattern */
	char out[256];	/* what was encoded; empty: nowhere */
	char dir[128];	/* sockets */
	char heap[FHC_NAME_MAX];
};

/* What one stage did; it alone writes. */
struct account {
	uint64_t in, out;  /* frames taken, made */
	uint64_t dropped;  /* frames that came and were not used, or not made */
	uint64_t repeated; /* ticks without a new one */
	uint64_t wrong;	   /* frames that were not as the source's */
	uint64_t checked_ns, checked_bytes;
	uint64_t spoilt;  /* frames whose acquire fence ended with an error */
	uint64_t made;	  /* bytes that the pictures it made have */
	uint64_t written; /* bytes that it wrote, as the server counts */
	bool counted_by_page;
	bool realtime; /* it may, and does */
	uint64_t allocs, refused;
	uint32_t refused_err;
	uint64_t missed;  /* frames not made because no slot was free or had a buffer */
	uint64_t back_ns; /* without its producer, until that came again */
	uint64_t encoded; /* bytes */
	uint32_t nr_alloc_ns;
	uint32_t alloc_ns[MAX_ALLOCS];
	char what[64];	     /* source, or encoder */
	char how[TEXT_MAX];  /* who wrote a file's pictures; empty: no file */
	uint32_t fourcc;     /* of pictures that it made */
	uint32_t nr_buffers; /* of a decoder; 0: the ring has as many as it was told */
	char end[TEXT_MAX];
	bool failed; /* `end` says at what */
	/* The conductor's. */
	bool ran, killed;
	uint64_t user_us, system_us, switches;
};

/* Of one frame. */
struct seen {
	struct sums sums; /* of the source; valid once its fence is done */
	uint64_t begun_ns, signalled_ns, composed_ns; /* capture began, was done; composite was */
	/* When a stage that waited for its fence went on; 0: it had not to wait. */
	uint64_t woken_ns[NR_STAGES];
	uint64_t shown_ns;
};

struct board {
	struct wanted want;
	_Atomic(uint32_t) greeted; /* stages that are ready for frames */
	_Atomic(uint32_t) stop;
	struct account stage[NR_STAGES];
	uint32_t sheet_seq[SHEET_NR];
	uint32_t nr_sheet;
	uint8_t sheet[SHEET_NR][SHEET_WIDTH * SHEET_WIDTH * 3]; /* RGB */
	struct seen frame[];
};

static inline size_t board_size(uint64_t frames)
{
	return sizeof(struct board) + (frames + 1) * sizeof(struct seen);
}

#define STAGE_CANNOT 2 /* an exit status: what is wanted cannot be had */

/* What each stage is: a program's main. Its exit status; a.end says why in words. */
int capture_main(struct board *b);
int encode_main(struct board *b);
int composite_main(struct board *b);
int display_main(struct board *b);

extern const char *const stage_name[NR_STAGES];

uint64_t now_ns(void);
/* This process ends here, as by kill -9, if that is wanted. */
void maybe_die(const struct board *b, enum stage stage, uint64_t seq);
void say_end(struct account *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Connects to the server and counts what is written. NULL: said. */
struct fhc *connect_server(struct board *b, enum stage stage);
/* Connects to a producer, which may be on its way. */
struct fhc_in *connect_producer(struct board *b, enum stage from, enum stage to, uint32_t depth,
				uint64_t patience_ns);
/* How a stream ended, in words. */
const char *end_words(int err);

#endif
