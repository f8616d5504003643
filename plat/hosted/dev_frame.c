/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The test pattern: frames of which no byte can be another's. */
#include <string.h>
#include "dev.h"

/* A line: number of the frame, number of the line; the first also: MAGIC, CRC-32 of all lines but these words. */
#define MAGIC	  UINT32_C(0x6d726646) /* "Ffrm" */
#define LINE_HEAD 8
#define HEAD	  16

static void put(unsigned char *to, uint32_t v)
{
	for (unsigned int i = 0; i < 4; i++)
		to[i] = (unsigned char)(v >> 8 * i);
}

static uint32_t get(const unsigned char *from)
{
	return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 |
	       (uint32_t)from[3] << 24;
}

static uint32_t crc_table[4][256];
static pthread_once_t crc_once = PTHREAD_ONCE_INIT;

/* [k][i]: byte i, and k zeros behind it. */
static void make_crc_table(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t crc = i;

		for (unsigned int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xedb88320) : 0);
		crc_table[0][i] = crc;
	}
	for (unsigned int k = 1; k < 4; k++)
		for (uint32_t i = 0; i < 256; i++)
			crc_table[k][i] =
				crc_table[k - 1][i] >> 8 ^ crc_table[0][crc_table[k - 1][i] & 255];
}

uint32_t dev_crc(uint32_t crc, const void *buf, uint64_t n)
{
	const unsigned char *p = buf;

	pthread_once(&crc_once, make_crc_table);
	crc = ~crc;
	for (; n >= 4; n -= 4, p += 4) {
		crc ^= get(p);
		crc = crc_table[3][crc & 255] ^ crc_table[2][crc >> 8 & 255] ^
		      crc_table[1][crc >> 16 & 255] ^ crc_table[0][crc >> 24];
	}
	for (; n; n--, p++)
		crc = crc >> 8 ^ crc_table[0][(crc ^ *p) & 255];
	return ~crc;
}

static unsigned int head_of(uint32_t line)
{
	return line ? LINE_HEAD : HEAD;
}

/* Runs of equal bytes, as pictures have. */
static unsigned char dot(uint32_t number, uint32_t line, uint32_t column)
{
	return (unsigned char)((column >> 3) * 5 + line * 3 + number * 7 + 1);
}

void dev_draw_line(const struct sim_format *f, uint32_t number, uint32_t line, unsigned char *to)
{
	put(to, number);
	put(to + 4, line);
	if (!line) {
		put(to + 8, MAGIC);
		put(to + 12, 0);
	}
	for (uint32_t x = head_of(line); x < f->width; x++)
		to[x] = dot(number, line, x);
}

void dev_put_crc(unsigned char *line, uint32_t crc)
{
	put(line + 12, crc);
}

uint32_t dev_frame_crc(const struct sim_format *f, uint32_t number)
{
	unsigned char line[256];
	uint32_t crc = 0;

	for (uint32_t y = 0; y < f->height; y++) {
		put(line, number);
		put(line + 4, y);
		if (y)
			crc = dev_crc(crc, line, LINE_HEAD);
		for (uint32_t x = head_of(y), n; x < f->width; x += n) {
			n = f->width - x < sizeof(line) ? f->width - x : (uint32_t)sizeof(line);
			for (uint32_t i = 0; i < n; i++)
				line[i] = dot(number, y, x + i);
			crc = dev_crc(crc, line, n);
		}
	}
	return crc;
}

void sim_frame_draw(const struct sim_format *f, uint32_t number, void *frame)
{
	unsigned char *to = frame;

	for (uint32_t y = 0; y < f->height; y++)
		dev_draw_line(f, number, y, to + (uint64_t)y * f->stride);
	dev_put_crc(to, dev_frame_crc(f, number));
}

static bool line_is_right(const struct sim_format *f, uint32_t number, uint32_t y,
			  const unsigned char *line)
{
	if (get(line) != number || get(line + 4) != y)
		return false;
	for (uint32_t x = head_of(y); x < f->width; x++)
		if (line[x] != dot(number, y, x))
			return false;
	return true;
}

enum sim_verdict sim_frame_check(const struct sim_format *f, const void *frame, uint32_t *number,
				 uint32_t *line)
{
	const unsigned char *from = frame;
	uint32_t n = get(from), crc = 0, wrong = f->height;

	if (number)
		*number = n;
	if (line)
		*line = 0;
	if (get(from + 8) != MAGIC)
		return SIM_NO_FRAME;
	for (uint32_t y = 0; y < f->height; y++) {
		const unsigned char *at = from + (uint64_t)y * f->stride;

		crc = y ? dev_crc(crc, at, f->width) : dev_crc(0, at + HEAD, f->width - HEAD);
		if (wrong == f->height && !line_is_right(f, n, y, at))
			wrong = y;
	}
	if (wrong == f->height && crc == get(from + 12))
		return SIM_WHOLE;
	if (line)
		*line = wrong == f->height ? 0 : wrong;
	return SIM_TORN;
}
