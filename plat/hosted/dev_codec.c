/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A codec: frames to bitstreams and back, without loss. Each byte becomes its difference from the one above it, then equal
 * differences become runs: 0x00-0x7f: so many + 1 bytes follow as they are; 0x80-0xff: the next byte, so many - 0x80 + 3 times.
 */
#include <stdlib.h>
#include <string.h>
#include "dev.h"

#define MAGIC "Fcod"
#define HEAD                                                                                       \
	20 /* MAGIC, then four little-endian words: width, height, bytes that follow, their CRC-32 */
#define MIN_RUN	  3
#define MAX_RUN	  (0x7f + MIN_RUN)
#define MAX_PLAIN 0x80

struct codec {
	uint64_t frame, room; /* bytes of a frame, and of the longest bitstream of one */
	unsigned char *pixels, *packed;
};

static void codec_destroy(struct simdev *sd)
{
	struct codec *c = sd->priv;

	if (c) {
		free(c->pixels);
		free(c->packed);
	}
	free(c);
}

static int codec_create(struct simdev *sd)
{
	struct codec *c = calloc(1, sizeof(*c));

	sd->priv = c;
	if (c) {
		c->frame = (uint64_t)sd->o.format.width * sd->o.format.height;
		c->room = HEAD + c->frame + c->frame / MAX_PLAIN + 1;
		c->pixels = malloc(c->frame);
		c->packed = malloc(c->room);
	}
	if (c && c->pixels && c->packed)
		return 0;
	codec_destroy(sd);
	return -FH_ENOMEM;
}

static void put(unsigned char *to, uint64_t v)
{
	for (unsigned int i = 0; i < 4; i++)
		to[i] = (unsigned char)(v >> 8 * i);
}

static uint32_t get(const unsigned char *from)
{
	return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 |
	       (uint32_t)from[3] << 24;
}

/* In place; backwards, so that what is above is still there. */
static void to_differences(unsigned char *p, uint64_t n, uint64_t width)
{
	for (uint64_t i = n; i-- > width;)
		p[i] = (unsigned char)(p[i] - p[i - width]);
}

static void from_differences(unsigned char *p, uint64_t n, uint64_t width)
{
	for (uint64_t i = width; i < n; i++)
		p[i] = (unsigned char)(p[i] + p[i - width]);
}

static uint64_t run_at(const unsigned char *p, uint64_t left)
{
	uint64_t n = 1;

	while (n < left && n < MAX_RUN && p[n] == p[0])
		n++;
	return n;
}

static uint64_t pack(unsigned char *to, const unsigned char *from, uint64_t n)
{
	unsigned char *start = to, *plain = NULL;

	for (uint64_t i = 0, run; i < n; i += run) {
		run = run_at(from + i, n - i);
		if (run >= MIN_RUN) {
			*to++ = (unsigned char)(0x80 + run - MIN_RUN);
			*to++ = from[i];
			plain = NULL;
			continue;
		}
		run = 1;
		if (!plain || *plain == MAX_PLAIN - 1) {
			plain = to++;
			*plain = 0;
		} else {
			++*plain;
		}
		*to++ = from[i];
	}
	return (uint64_t)(to - start);
}

/* False: not n bytes, exactly. */
static bool unpack(unsigned char *to, uint64_t n, const unsigned char *from, uint64_t size)
{
	uint64_t at = 0, run;

	for (uint64_t i = 0; i < size;) {
		unsigned char code = from[i++];

		run = code < 0x80 ? (uint64_t)code + 1 : (uint64_t)code - 0x80 + MIN_RUN;
		if (run > n - at || (code < 0x80 ? run : 1) > size - i)
			return false;
		if (code < 0x80) {
			memcpy(to + at, from + i, run);
			i += run;
		} else {
			memset(to + at, from[i++], run);
		}
		at += run;
	}
	return at == n;
}

static int encode(struct simdev *sd, struct simdev_job *job)
{
	const struct sim_format *f = &sd->o.format;
	struct codec *c = sd->priv;
	uint64_t n;
	int err = 0;

	if (dev_mem_size(&job->in) < sim_frame_size(f))
		return -FH_EINVAL;
	for (uint32_t y = 0; y < f->height && !err; y++)
		err = dev_read(sd, &job->in, (uint64_t)y * f->stride,
			       c->pixels + (uint64_t)y * f->width, f->width);
	if (err)
		return err;
	dev_judge(sd, c->pixels, job);
	to_differences(c->pixels, c->frame, f->width);
	n = pack(c->packed + HEAD, c->pixels, c->frame);
	memcpy(c->packed, MAGIC, 4);
	put(c->packed + 4, f->width);
	put(c->packed + 8, f->height);
	put(c->packed + 12, n);
	put(c->packed + 16, dev_crc(0, c->packed + HEAD, n));
	if (HEAD + n > dev_mem_size(&job->out))
		return -FH_ENOSPC;
	job->bytes = HEAD + n;
	return dev_write(sd, &job->out, 0, c->packed, HEAD + n);
}

/* The bitstream, whole, into the codec's own memory; its length without the head in *n. */
static int read_stream(struct simdev *sd, struct simdev_job *job, uint64_t *n)
{
	struct codec *c = sd->priv;
	uint64_t have = dev_mem_size(&job->in);
	int err = have < HEAD ? -FH_EINVAL : dev_read(sd, &job->in, 0, c->packed, HEAD);

	if (err)
		return err;
	*n = get(c->packed + 12);
	if (memcmp(c->packed, MAGIC, 4) || get(c->packed + 4) != sd->o.format.width ||
	    get(c->packed + 8) != sd->o.format.height || *n > have - HEAD || *n > c->room - HEAD) {
		job->verdict = SIM_NO_FRAME;
		dev_count(sd, &sd->stats.nothing);
		return -FH_EINVAL;
	}
	err = dev_read(sd, &job->in, HEAD, c->packed + HEAD, *n);
	if (err)
		return err;
	if (dev_crc(0, c->packed + HEAD, *n) == get(c->packed + 16) &&
	    unpack(c->pixels, c->frame, c->packed + HEAD, *n))
		return 0;
	job->verdict = SIM_TORN;
	dev_count(sd, &sd->stats.torn);
	return -FH_EINVAL;
}

static int decode(struct simdev *sd, struct simdev_job *job)
{
	const struct sim_format *f = &sd->o.format;
	struct codec *c = sd->priv;
	uint64_t n;
	int err;

	if (dev_mem_size(&job->out) < sim_frame_size(f))
		return -FH_EINVAL;
	err = read_stream(sd, job, &n);
	if (err)
		return err;
	from_differences(c->pixels, c->frame, f->width);
	dev_judge(sd, c->pixels, job);
	for (uint32_t y = 0; y < f->height && !err; y++)
		err = dev_write(sd, &job->out, (uint64_t)y * f->stride,
				c->pixels + (uint64_t)y * f->width, f->width);
	job->bytes = err ? 0 : c->frame;
	return err;
}

static enum dev_step codec_step(struct simdev *sd, struct simdev_job *job, bool next)
{
	(void)next;
	if (!job)
		return DEV_IDLE;
	job->error = job->decode ? decode(sd, job) : encode(sd, job);
	if (!job->error)
		dev_count(sd, &sd->stats.frames);
	else
		job->bytes = 0;
	return DEV_DONE;
}

const struct simdev_ops dev_codec_ops = {
	.in = true,
	.out = true,
	.create = codec_create,
	.destroy = codec_destroy,
	.step = codec_step,
};
