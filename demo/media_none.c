/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Built without GStreamer: no files, no encoder. */
#include <errno.h>
#include <string.h>
#include "media.h"

struct decoder *decoder_open(const char *path, const char *socket, const char *heap, uint32_t width,
			     uint32_t height, char why[TEXT_MAX])
{
	(void)path, (void)socket, (void)heap, (void)width, (void)height;
	snprintf(why, TEXT_MAX, "built without GStreamer (libgstreamer-plugins-base1.0-dev)");
	return NULL;
}

int decoder_next(struct decoder *d, struct decoded *p)
{
	(void)d, (void)p;
	return -ENODATA;
}

bool decoder_failed(const struct decoder *d)
{
	(void)d;
	return true;
}

void decoder_why(struct decoder *d, char why[TEXT_MAX])
{
	(void)d;
	why[0] = '\0';
}

void decoder_give_back(struct decoder *d, void *held)
{
	(void)d, (void)held;
}

int decoder_export(struct decoder *d, void *held, int *fd)
{
	(void)d, (void)held, (void)fd;
	return -ENODATA;
}

void decoder_end(struct decoder *d)
{
	(void)d;
}

void decoder_stop(struct decoder *d)
{
	(void)d;
}

const char *decoder_how(const struct decoder *d)
{
	(void)d;
	return "";
}

void decoder_close(struct decoder *d, struct decoder_counts *counts)
{
	(void)d;
	memset(counts, 0, sizeof(*counts));
}

struct encoder *encoder_open(const struct fhc_format *f, uint32_t rate, const char *path,
			     const char **name)
{
	(void)f, (void)rate, (void)path;
	*name = "no encoder: encode only reads and checksums";
	return NULL;
}

bool encoder_push(struct encoder *e, const void *at, size_t size, const struct fhc_format *f,
		  uint32_t slot, uint64_t seq)
{
	(void)e, (void)at, (void)size, (void)f, (void)slot, (void)seq;
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
