/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Video files and encoders: GStreamer's, where it was there at build time (media_gst.c), else none (media_none.c). */
#ifndef FREEHOLD_DEMO_MEDIA_H
#define FREEHOLD_DEMO_MEDIA_H

#include <stddef.h>
#include "demo.h"

struct decoder;
/* A picture that a decoder gave, in a buffer of the server's. */
struct decoded {
	void *held; /* for decoder_give_back() */
	struct view v;
	struct fhc_format format;
	struct fhc_buffer buf; /* number and size; fd is -1 */
	uint64_t written;      /* bytes of that buffer that were written since it was had last */
};
/*
 * The server's socket and a heap there: where pictures go. NULL with *why. Pictures have this size if it is not 0, else the file's; they are NV12 or I420. A
 * decoder has up to FHC_SLOTS buffers, a picture is not written again until it is given back.
 */
struct decoder *decoder_open(const char *path, const char *socket, const char *heap, uint32_t width,
			     uint32_t height, char why[TEXT_MAX]);
/* The next picture; -EAGAIN: none for a while; -ENODATA: there is none any more. */
int decoder_next(struct decoder *d, struct decoded *p);
/* Whether that was before the end of the file. */
bool decoder_failed(const struct decoder *d);
/* Why there was none any more. */
void decoder_why(struct decoder *d, char why[TEXT_MAX]);
void decoder_give_back(struct decoder *d, void *held);
/* A descriptor of its buffer, for reading. */
int decoder_export(struct decoder *d, void *held, int *fd);
/* Reads no more of the file; what it has read comes yet, then -ENODATA. */
void decoder_end(struct decoder *d);
/* Who wrote the pictures, in words. */
const char *decoder_how(const struct decoder *d);
struct decoder_counts {
	uint64_t written, allocs;
	bool by_page;
};
/* It writes no more, whatever is given back to it. */
void decoder_stop(struct decoder *d);
/* All pictures have been given back. */
void decoder_close(struct decoder *d, struct decoder_counts *counts);

struct encoder;
/* NULL: there is none. name: what it is. path: where the stream goes; empty: nowhere, it is counted. */
struct encoder *encoder_open(const struct fhc_format *f, uint32_t rate, const char *path,
			     const char **name);
/* Reads the picture where it lies in the slot's buffer, until encoder_done() gives the slot back, which it does also when this fails: false. */
bool encoder_push(struct encoder *e, const void *at, size_t size, const struct fhc_format *f,
		  uint32_t slot, uint64_t seq);
/* Readable when encoder_done() has one. */
int encoder_fd(const struct encoder *e);
/* A slot that it reads no more; -1: none now. */
int encoder_done(struct encoder *e);
/* Bytes that it made of all; not good: it stopped before the end. */
uint64_t encoder_close(struct encoder *e, bool *good);

#endif
