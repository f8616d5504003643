/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The contact sheet: a PNG of a dozen pictures that the display saw, with their frames' numbers. */
#include <errno.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>
#include "conduct.h"

#define ACROSS 4
#define GAP    8
#define LABEL  14

/* Digits, three pixels by five, a row an octal digit. */
static const uint16_t digit[10] = {075557, 026227, 071747, 071717, 055711,
				   074717, 074757, 071111, 075757, 075717};

struct canvas {
	uint32_t width, height;
	uint8_t *rgb;
};

static void dot(struct canvas *c, uint32_t x, uint32_t y)
{
	memset(c->rgb + ((size_t)y * c->width + x) * 3, 0xd0, 3);
}

static void write_number(struct canvas *c, uint32_t x, uint32_t y, uint32_t n)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", n);
	for (const char *t = text; *t; t++, x += 8)
		for (uint32_t row = 0; row < 10; row++)
			for (uint32_t col = 0; col < 6; col++)
				if (digit[*t - '0'] >> ((4 - row / 2) * 3 + 2 - col / 2) & 1)
					dot(c, x + col, y + row);
}

static void place(struct canvas *c, const struct board *b, uint32_t n, uint32_t down)
{
	uint32_t x = GAP + n % ACROSS * (SHEET_WIDTH + GAP);
	uint32_t y = GAP + n / ACROSS * (down + LABEL + GAP);

	for (uint32_t line = 0; line < down; line++)
		memcpy(c->rgb + ((size_t)(y + line) * c->width + x) * 3,
		       b->sheet[n] + (size_t)line * SHEET_WIDTH * 3, (size_t)SHEET_WIDTH * 3);
	write_number(c, x, y + down + 3, b->sheet_seq[n]);
}

static int write_png(const struct canvas *c, const char *path)
{
	png_image image = {.version = PNG_IMAGE_VERSION,
			   .width = c->width,
			   .height = c->height,
			   .format = PNG_FORMAT_RGB};
	int err;

	errno = 0;
	if (png_image_write_to_file(&image, path, 0, c->rgb, 0, NULL))
		return 0;
	err = errno ? -errno : -EIO;
	png_image_free(&image);
	return err;
}

int sheet_write(const struct board *b, const char *path)
{
	uint32_t down = SHEET_WIDTH * b->want.height / (b->want.width ? b->want.width : 1);
	uint32_t rows = (b->nr_sheet + ACROSS - 1) / ACROSS;
	struct canvas c = {.width = GAP + ACROSS * (SHEET_WIDTH + GAP)};
	int err;

	if (!rows)
		return -ENODATA;
	down = down > SHEET_WIDTH ? SHEET_WIDTH : down;
	c.height = GAP + rows * (down + LABEL + GAP);
	c.rgb = malloc((size_t)c.width * c.height * 3);
	if (!c.rgb)
		return -ENOMEM;
	memset(c.rgb, 0x18, (size_t)c.width * c.height * 3);
	for (uint32_t i = 0; i < b->nr_sheet; i++)
		place(&c, b, i, down);
	err = write_png(&c, path);
	free(c.rgb);
	return err;
}
