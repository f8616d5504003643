/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Video files and encoders: GStreamer's, where it was there at build time (media_gst.c), else none (media_none.c). */
#ifndef FREEHOLD_DEMO_MEDIA_H
#define FREEHOLD_DEMO_MEDIA_H

#include <stddef.h>
#include "picture.h"

struct decoder;
/* NULL with *why. Pictures have this size if it is not 0, else the file's. */
struct decoder *decoder_open(const char *path, uint32_t width, uint32_t height, const char **why);
/* The next picture, in the decoder's memory until the next call. False: there is none any more. */
bool decoder_next(struct decoder *d, struct view *v);
void decoder_close(struct decoder *d);

struct encoder;
/* NULL: there is none. name: what it is. path: where the stream goes; empty: nowhere, it is counted. */
struct encoder *encoder_open(const struct view *v, uint32_t rate, const char *path,
			     const char **name);
/* Reads the picture where it lies, until encoder_done() gives the slot back, which it does also when this fails: false. */
bool encoder_push(struct encoder *e, const void *at, size_t size, uint32_t slot, uint64_t seq);
/* Readable when encoder_done() has one. */
int encoder_fd(const struct encoder *e);
/* A slot that it reads no more; -1: none now. */
int encoder_done(struct encoder *e);
/* Bytes that it made of all; not good: it stopped before the end. */
uint64_t encoder_close(struct encoder *e, bool *good);

#endif
