/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Pictures (NV12, I420): a pattern that moves, checksums of all their bytes, and the compositor's inset. */
#ifndef FREEHOLD_DEMO_PICTURE_H
#define FREEHOLD_DEMO_PICTURE_H

#include <stdbool.h>
#include <stdint.h>

/* Of two planes (NV12: luma, pairs of chroma) or three (I420). */
#define PLANES 3
struct picture {
	uint32_t width, height, planes, stride[PLANES];
	uint8_t *plane[PLANES];
};
struct view {
	uint32_t width, height, planes, stride[PLANES];
	const uint8_t *plane[PLANES];
};

/* A plane's lines, and their bytes. */
static inline uint32_t plane_lines(uint32_t height, unsigned int plane)
{
	return plane ? height / 2 : height;
}

static inline uint32_t plane_bytes(uint32_t width, unsigned int planes, unsigned int plane)
{
	return plane && planes == 3 ? width / 2 : width;
}

/* Of a source: what the compositor leaves alone, what it covers, and what it shows in place of that. */
struct sums {
	uint64_t around, under, inset;
};

/* Where the inset lies, its border included. */
struct inset {
	uint32_t x, y, width, height, border;
};
struct inset inset_of(uint32_t width, uint32_t height);

struct sums source_sums(const struct view *v);
/* Of a composed picture; under is 0. False: the border is not one. */
bool composed_sums(const struct view *v, struct sums *s);
/* Writes each byte of `to` once: the source, and itself, smaller, in the inset. half(arg) is called in the middle of it. */
void compose(const struct picture *to, const struct view *from, void (*half)(void *arg), void *arg);

/* A pattern (NV12) with the frame's number and a checksum of the rest in its first lines. */
struct pattern;
struct pattern *pattern_create(uint32_t width, uint32_t height);
/* Writes each byte once; what was to be written is summed up beside it, from the pattern's own memory. */
void pattern_draw(struct pattern *p, const struct picture *to, uint64_t seq, struct sums *s,
		  void (*half)(void *arg), void *arg);
void pattern_destroy(struct pattern *p);
/* The number in the first lines; whole: the checksum there is compared, too. */
bool pattern_read(const struct view *v, bool whole, uint32_t *seq);

/* A smaller one, RGB, of so many pixels across. */
uint32_t picture_small(const struct view *v, uint32_t across, uint8_t *rgb);

#endif
