/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Built without GStreamer: no files, no encoder. */
#include "media.h"

struct decoder *decoder_open(const char *path, uint32_t width, uint32_t height, const char **why)
{
	(void)path, (void)width, (void)height;
	*why = "built without GStreamer (libgstreamer-plugins-base1.0-dev)";
	return NULL;
}

bool decoder_next(struct decoder *d, struct view *v)
{
	(void)d, (void)v;
	return false;
}

void decoder_close(struct decoder *d)
{
	(void)d;
}

struct encoder *encoder_open(const struct view *v, uint32_t rate, const char *path,
			     const char **name)
{
	(void)v, (void)rate, (void)path;
	*name = "no encoder: encode only reads and checksums";
	return NULL;
}

bool encoder_push(struct encoder *e, const void *at, size_t size, uint32_t slot, uint64_t seq)
{
	(void)e, (void)at, (void)size, (void)slot, (void)seq;
	return false;
}

int encoder_fd(const struct encoder *e)
{
	(void)e;
	return -1;
}

int encoder_done(struct encoder *e)
{
	(void)e;
	return -1;
}

uint64_t encoder_close(struct encoder *e, bool *good)
{
	(void)e;
	*good = false;
	return 0;
}
