/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Pictures (NV12, I420): a pattern that moves, checksums of all their bytes, and the compositor's inset. */
#include <stdlib.h>
#include <string.h>
#include "picture.h"

#define STRIP	16 /* lines of the pattern that carry the number and the checksum */
#define CELLS	64
#define SHRINK	4 /* the inset's scale */
#define WHITE_Y 235

/* ---- a checksum: four lanes of multiply and fold, 32 bytes a step ---- */

struct sum {
	uint64_t lane[4];
};

#define PRIME UINT64_C(0x9e3779b97f4a7c15)

static struct sum sum_begin(void)
{
	return (struct sum){{1, 2, 3, 4}};
}

static void sum_add(struct sum *s, const uint8_t *p, size_t n)
{
	uint64_t a = s->lane[0] ^ n, b = s->lane[1], c = s->lane[2], d = s->lane[3], w[4];

	for (; n >= sizeof(w); n -= sizeof(w), p += sizeof(w)) {
		memcpy(w, p, sizeof(w));
		a = (a ^ w[0]) * PRIME;
		b = (b ^ w[1]) * PRIME;
		c = (c ^ w[2]) * PRIME;
		d = (d ^ w[3]) * PRIME;
		a ^= a >> 32;
		b ^= b >> 32;
		c ^= c >> 32;
		d ^= d >> 32;
	}
	if (n) {
		memset(w, 0, sizeof(w));
		memcpy(w, p, n);
		a = (a ^ w[0]) * PRIME;
		b = (b ^ w[1]) * PRIME;
		c = (c ^ w[2]) * PRIME;
		d = (d ^ w[3]) * PRIME;
	}
	*s = (struct sum){{a, b, c, d}};
}

static uint64_t sum_end(const struct sum *s)
{
	uint64_t h = 0;

	for (unsigned int i = 0; i < 4; i++) {
		h = (h ^ s->lane[i]) * PRIME;
		h ^= h >> 29;
	}
	return h;
}

/* ---- lines ---- */

/* The inset in one plane: lines [y, y + height) and bytes [x, x + width) of them; its border in lines, and in bytes. */
struct placed {
	uint32_t x, y, width, height, edge, side;
};

static struct placed in_plane(const struct inset *i, unsigned int planes, unsigned int plane)
{
	uint32_t lines = plane ? 2 : 1, bytes = plane && planes == 3 ? 2 : 1;

	return (struct placed){.x = i->x / bytes,
			       .y = i->y / lines,
			       .width = i->width / bytes,
			       .height = i->height / lines,
			       .edge = i->border / lines,
			       .side = i->border / bytes};
}

struct inset inset_of(uint32_t width, uint32_t height)
{
	uint32_t border = width >= 640 ? 4 : 2;
	struct inset i = {.border = border};

	i.width = (width / SHRINK & ~7u) + 2 * border;
	i.height = (height / SHRINK & ~3u) + 2 * border;
	i.x = (width - i.width - width / 40) & ~7u;
	i.y = (height - i.height - height / 40) & ~3u;
	return i;
}

/* The n-th line of the inset's picture, taken from the source: every fourth pixel of every fourth line. */
static void inset_line(uint8_t *to, const struct view *v, const struct inset *whole,
		       unsigned int plane, uint32_t n)
{
	struct placed i = in_plane(whole, v->planes, plane);
	uint32_t width = i.width - 2 * i.side;
	const uint8_t *from = v->plane[plane] + (size_t)n * SHRINK * v->stride[plane];

	if (!plane || v->planes == 3) {
		for (uint32_t x = 0; x < width; x++)
			to[x] = from[(size_t)x * SHRINK];
		return;
	}
	for (uint32_t x = 0; x < width / 2; x++)
		memcpy(to + 2 * (size_t)x, from + 2 * (size_t)x * SHRINK, 2);
}

static uint64_t inset_sum(const struct view *v, const struct inset *whole)
{
	struct sum s = sum_begin();
	uint8_t line[8192];

	for (unsigned int plane = 0; plane < v->planes; plane++) {
		struct placed i = in_plane(whole, v->planes, plane);

		for (uint32_t n = 0; n < i.height - 2 * i.edge; n++) {
			inset_line(line, v, whole, plane, n);
			sum_add(&s, line, i.width - 2 * i.side);
		}
	}
	return sum_end(&s);
}

/* A line, by what the inset leaves of it and covers. */
static void add_line(struct sum *around, struct sum *under, const uint8_t *line, uint32_t width,
		     const struct placed *i, uint32_t y)
{
	if (y < i->y || y >= i->y + i->height) {
		sum_add(around, line, width);
		return;
	}
	sum_add(around, line, i->x);
	sum_add(under, line + i->x, i->width);
	sum_add(around, line + i->x + i->width, width - i->x - i->width);
}

struct sums source_sums(const struct view *v)
{
	struct inset whole = inset_of(v->width, v->height);
	struct sum around = sum_begin(), under = sum_begin();
	struct sums s;

	for (unsigned int plane = 0; plane < v->planes; plane++) {
		struct placed i = in_plane(&whole, v->planes, plane);

		for (uint32_t y = 0; y < plane_lines(v->height, plane); y++)
			add_line(&around, &under, v->plane[plane] + (size_t)y * v->stride[plane],
				 plane_bytes(v->width, v->planes, plane), &i, y);
	}
	s.around = sum_end(&around);
	s.under = sum_end(&under);
	s.inset = inset_sum(v, &whole);
	return s;
}

static bool all_are(const uint8_t *p, uint32_t n, uint8_t value)
{
	return !n || (p[0] == value && !memcmp(p, p + 1, n - 1));
}

bool composed_sums(const struct view *v, struct sums *s)
{
	struct inset whole = inset_of(v->width, v->height);
	struct sum around = sum_begin(), under = sum_begin(), inset = sum_begin();
	bool good = true;

	for (unsigned int plane = 0; plane < v->planes; plane++) {
		struct placed i = in_plane(&whole, v->planes, plane);
		uint32_t edge = i.edge, side = i.side,
			 bytes = plane_bytes(v->width, v->planes, plane);
		uint8_t frame = plane ? 128 : WHITE_Y;

		for (uint32_t y = 0; y < plane_lines(v->height, plane); y++) {
			const uint8_t *line = v->plane[plane] + (size_t)y * v->stride[plane];

			add_line(&around, &under, line, bytes, &i, y);
			if (y < i.y || y >= i.y + i.height)
				continue;
			line += i.x;
			if (y < i.y + edge || y >= i.y + i.height - edge) {
				good = good && all_are(line, i.width, frame);
				continue;
			}
			good = good && all_are(line, side, frame) &&
			       all_are(line + i.width - side, side, frame);
			sum_add(&inset, line + side, i.width - 2 * side);
		}
	}
	*s = (struct sums){sum_end(&around), 0, sum_end(&inset)};
	return good;
}

/* The inset's part of a line. */
static void compose_inset(uint8_t *to, const struct view *from, const struct inset *whole,
			  unsigned int plane, uint32_t n)
{
	struct placed i = in_plane(whole, from->planes, plane);
	uint32_t edge = i.edge, side = i.side;
	int frame = plane ? 128 : WHITE_Y;

	if (n < edge || n >= i.height - edge) {
		memset(to, frame, i.width);
		return;
	}
	memset(to, frame, side);
	inset_line(to + side, from, whole, plane, n - edge);
	memset(to + i.width - side, frame, side);
}

void compose(const struct picture *to, const struct view *from, void (*half)(void *arg), void *arg)
{
	struct inset whole = inset_of(to->width, to->height);

	for (unsigned int plane = 0; plane < to->planes; plane++) {
		struct placed i = in_plane(&whole, to->planes, plane);
		uint32_t bytes = plane_bytes(to->width, to->planes, plane);

		for (uint32_t y = 0; y < plane_lines(to->height, plane); y++) {
			uint8_t *line = to->plane[plane] + (size_t)y * to->stride[plane];
			const uint8_t *source =
				from->plane[plane] + (size_t)y * from->stride[plane];

			if (y == to->height / 2)
				half(arg);
			if (y < i.y || y >= i.y + i.height) {
				memcpy(line, source, bytes);
				continue;
			}
			memcpy(line, source, i.x);
			compose_inset(line + i.x, from, &whole, plane, y - i.y);
			memcpy(line + i.x + i.width, source + i.x + i.width, bytes - i.x - i.width);
		}
	}
}

/* ---- the pattern ---- */

/* One line of each kind, twice as long as the picture is wide, so that one that begins anywhere is whole. */
struct pattern {
	uint32_t width, height;
	uint8_t *luma, *chroma;
	const uint8_t **line; /* of the picture that is drawn: luma, then chroma */
	uint8_t *strip;	      /* a line */
};

static const uint8_t bars[8][3] = {{200, 128, 128}, {180, 60, 140},  {150, 150, 60},
				   {130, 90, 70},   {100, 170, 190}, {80, 100, 210},
				   {110, 200, 110}, {60, 128, 128}};

struct pattern *pattern_create(uint32_t width, uint32_t height)
{
	struct pattern *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->width = width;
	p->height = height;
	p->luma = malloc(2 * (size_t)width);
	p->chroma = malloc(2 * (size_t)width);
	p->strip = malloc(width);
	p->line = calloc(height + height / 2, sizeof(*p->line));
	if (!p->luma || !p->chroma || !p->strip || !p->line) {
		pattern_destroy(p);
		return NULL;
	}
	for (uint32_t x = 0; x < 2 * width; x++) {
		uint32_t at = x % width, bar = at * 8 / width, in = at * 64 / width % 8;

		p->luma[x] = (uint8_t)(bars[bar][0] + in * 3);
		p->chroma[x] = bars[(at & ~1u) * 8 / width][1 + (x & 1)];
	}
	return p;
}

void pattern_destroy(struct pattern *p)
{
	if (!p)
		return;
	free(p->luma);
	free(p->chroma);
	free(p->strip);
	free(p->line);
	free(p);
}

/* Number and checksum, a bit a cell. */
static void draw_strip(struct pattern *p, uint32_t seq, uint32_t check)
{
	uint32_t cell = p->width / CELLS;

	for (uint32_t i = 0; i < CELLS; i++) {
		uint32_t bit = i < 32 ? seq >> i & 1 : check >> (i - 32) & 1;

		memset(p->strip + (size_t)i * cell, bit ? WHITE_Y : 16, cell);
	}
}

static uint32_t rest_sum(const uint8_t *const *line, uint32_t width, uint32_t height)
{
	struct sum s = sum_begin();

	for (uint32_t y = STRIP; y < height + height / 2; y++)
		sum_add(&s, line[y], width);
	return (uint32_t)sum_end(&s);
}

void pattern_draw(struct pattern *p, const struct picture *to, uint64_t seq, struct sums *s,
		  void (*half)(void *arg), void *arg)
{
	struct inset whole = inset_of(p->width, p->height);
	struct sum around = sum_begin(), under = sum_begin(), inset = sum_begin();
	uint32_t w = p->width, h = p->height, nr = h + h / 2;
	uint8_t small[8192];

	for (uint32_t y = 0; y < nr; y++)
		p->line[y] = y < h ? p->luma + (seq * 4 + y / 2) % w
				   : p->chroma + (seq * 4 + (y - h)) % w / 2 * 2;
	draw_strip(p, (uint32_t)seq, rest_sum(p->line, w, h));
	for (uint32_t y = 0; y < STRIP; y++)
		p->line[y] = p->strip;
	for (uint32_t y = 0; y < nr; y++) {
		unsigned int plane = y >= h;
		uint32_t n = plane ? y - h : y;
		struct placed i = in_plane(&whole, 2, plane);

		if (y == nr / 2)
			half(arg);
		add_line(&around, &under, p->line[y], w, &i, n);
		memcpy(to->plane[plane] + (size_t)n * to->stride[plane], p->line[y], w);
	}
	for (unsigned int plane = 0; plane < 2; plane++) {
		struct placed i = in_plane(&whole, 2, plane);

		for (uint32_t n = 0; n < i.height - 2 * i.edge; n++) {
			struct view v = {.width = w, .height = h};

			v.plane[plane] = p->line[(plane ? h : 0) + n * SHRINK];
			inset_line(small,
				   &(struct view){.planes = 2,
						  .plane = {v.plane[plane], v.plane[plane]}},
				   &whole, plane, 0);
			sum_add(&inset, small, i.width - 2 * i.side);
		}
	}
	*s = (struct sums){sum_end(&around), sum_end(&under), sum_end(&inset)};
}

bool pattern_read(const struct view *v, bool whole, uint32_t *seq)
{
	const uint8_t *line = v->plane[0] + (size_t)(STRIP / 2) * v->stride[0];
	uint32_t cell = v->width / CELLS, bits[2] = {0, 0};
	struct sum s = sum_begin();

	for (uint32_t i = 0; i < CELLS; i++)
		bits[i / 32] |= (uint32_t)(line[(size_t)i * cell + cell / 2] > 128) << (i % 32);
	*seq = bits[0];
	if (!whole)
		return true;
	for (uint32_t y = STRIP; y < v->height; y++)
		sum_add(&s, v->plane[0] + (size_t)y * v->stride[0], v->width);
	for (uint32_t y = 0; y < v->height / 2; y++)
		sum_add(&s, v->plane[1] + (size_t)y * v->stride[1], v->width);
	return (uint32_t)sum_end(&s) == bits[1];
}

/* ---- for the contact sheet ---- */

static uint8_t clamp(int v)
{
	return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* Of the pair at x, y: which of the two, around 0. */
static int chroma(const struct view *v, uint32_t x, uint32_t y, unsigned int which)
{
	const uint8_t *c = v->planes == 3
				   ? v->plane[1 + which] + (size_t)y * v->stride[1 + which] + x
				   : v->plane[1] + (size_t)y * v->stride[1] + 2 * (size_t)x + which;

	return *c - 128;
}

uint32_t picture_small(const struct view *v, uint32_t across, uint8_t *rgb)
{
	uint32_t down = across * v->height / v->width;

	down = down > across ? across : down;
	for (uint32_t y = 0; y < down; y++) {
		for (uint32_t x = 0; x < across; x++, rgb += 3) {
			uint32_t x0 = x * v->width / across, x1 = (x + 1) * v->width / across;
			uint32_t y0 = y * v->height / down, y1 = (y + 1) * v->height / down;
			uint32_t sum = 0, n = 0;
			int luma, u = chroma(v, x0 / 2, y0 / 2, 0),
				  w = chroma(v, x0 / 2, y0 / 2, 1);

			for (uint32_t yy = y0; yy < y1; yy++)
				for (uint32_t xx = x0; xx < x1; xx++, n++)
					sum += v->plane[0][(size_t)yy * v->stride[0] + xx];
			luma = n ? (int)(sum / n) - 16 : 0;
			rgb[0] = clamp((298 * luma + 459 * w) / 256);
			rgb[1] = clamp((298 * luma - 55 * u - 136 * w) / 256);
			rgb[2] = clamp((298 * luma + 541 * u) / 256);
		}
	}
	return down;
}
