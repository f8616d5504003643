/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Values as people write them: sizes, pages, video frames, times, rates, shares. */
#include <string.h>
#include <freehold/boot.h>
#include "value.h"

#define NANO	    UINT64_C(1000000000)
#define DECIMAL_MAX (UINT64_C(18) * NANO) /* x 10^9 still fits 64 bits */
#define FRAME_SIDE  65536

/* "12.5" in units of 10^-9, up to DECIMAL_MAX; NULL: no number. What follows it is returned. */
static const char *decimal(const char *s, uint64_t *nano)
{
	uint64_t whole = 0, part = 0, unit = NANO;

	if (*s < '0' || *s > '9')
		return NULL;
	for (; *s >= '0' && *s <= '9'; s++) {
		whole = whole * 10 + (uint64_t)(*s - '0');
		if (whole > DECIMAL_MAX)
			return NULL;
	}
	if (*s == '.') {
		if (s[1] < '0' || s[1] > '9')
			return NULL;
		for (s++; *s >= '0' && *s <= '9'; s++) {
			unit /= 10; /* 0 after nine digits: the rest is too small to count */
			part += unit * (uint64_t)(*s - '0');
		}
	}
	if (whole >= DECIMAL_MAX)
		return NULL;
	*nano = whole * NANO + part;
	return s;
}

bool value_number(const char *s, uint64_t *value)
{
	uint64_t base = 10, v = 0;

	if (s[0] == '0' && s[1] == 'x') {
		base = 16;
		s += 2;
	}
	if (!*s)
		return false;
	for (; *s; s++) {
		static const char digits[] = "0123456789abcdef";
		const char *d = memchr(digits, *s | (*s >= 'A' ? 0x20 : 0), (size_t)base);

		if (!d || __builtin_mul_overflow(v, base, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(d - digits), &v))
			return false;
	}
	*value = v;
	return true;
}

bool value_size(const char *s, uint64_t *bytes)
{
	const char *end;
	uint64_t v;

	if (*s < '0' || *s > '9' || boot_memparse(s, &end, &v) || *end)
		return false;
	*bytes = v;
	return true;
}

bool value_pages(const char *s, uint64_t *bytes)
{
	size_t len = strlen(s);
	char text[24];
	uint64_t v;

	if (len < 3 || len - 2 >= sizeof(text) || strcmp(s + len - 2, "pg"))
		return false;
	memcpy(text, s, len - 2);
	text[len - 2] = '\0';
	if (!value_number(text, &v) || v > UINT64_MAX >> FH_PAGE_SHIFT)
		return false;
	*bytes = v << FH_PAGE_SHIFT;
	return true;
}

static bool frame_side(const char *s, size_t len, uint64_t *side)
{
	char text[8];

	if (!len || len >= sizeof(text))
		return false;
	memcpy(text, s, len);
	text[len] = '\0';
	return value_number(text, side) && *side > 0 && *side < FRAME_SIDE;
}

static bool frame_geometry(const char *s, size_t len, uint64_t *width, uint64_t *height)
{
	static const struct {
		const char *name;
		uint64_t width, height;
	} known[] = {{"480p", 720, 480},    {"720p", 1280, 720},   {"1080p", 1920, 1080},
		     {"1440p", 2560, 1440}, {"2160p", 3840, 2160}, {"4k", 3840, 2160},
		     {"4320p", 7680, 4320}, {"8k", 7680, 4320}};
	const char *x = memchr(s, 'x', len);

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i].name) == len && !memcmp(known[i].name, s, len)) {
			*width = known[i].width;
			*height = known[i].height;
			return true;
		}
	return x && frame_side(s, (size_t)(x - s), width) &&
	       frame_side(x + 1, len - (size_t)(x - s) - 1, height);
}

bool value_frame(const char *s, uint64_t *bytes)
{
	/* Half bytes a pixel, all planes together. */
	static const struct {
		const char *name;
		uint64_t halves;
	} known[] = {{"nv12", 3},   {"nv21", 3},     {"i420", 3},    {"p010", 6},
		     {"nv16", 4},   {"yuyv", 4},     {"uyvy", 4},    {"rgb565", 4},
		     {"rgb888", 6}, {"xrgb8888", 8}, {"argb8888", 8}};
	const char *colon = strchr(s, ':');
	uint64_t width, height, size;

	if (!colon || !frame_geometry(s, (size_t)(colon - s), &width, &height))
		return false;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(known[i].name, colon + 1))
			continue;
		size = (width * height * known[i].halves + 1) / 2;
		*bytes = (size + FH_PAGE_SIZE - 1) & ~(FH_PAGE_SIZE - 1);
		return true;
	}
	return false;
}

bool value_time(const char *s, uint64_t *ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", NANO}};
	uint64_t nano;

	s = decimal(s, &nano);
	if (!s)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!strcmp(units[i].name, s)) {
			/* 128 bits: exact, and never above what `nano` seconds are. */
			*ns = (uint64_t)((unsigned __int128)nano * units[i].ns / NANO);
			return true;
		}
	return false;
}

bool value_rate(const char *s, double *per_second)
{
	static const struct {
		const char *name;
		double seconds;
	} units[] = {{"", 1}, {"/s", 1}, {"/min", 60}, {"/day", 86400}};
	uint64_t nano;

	s = decimal(s, &nano);
	if (!s || !nano || nano > NANO * NANO)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!strcmp(units[i].name, s)) {
			*per_second = (double)nano / (double)NANO / units[i].seconds;
			return true;
		}
	return false;
}

bool value_one_in(const char *s, uint64_t *n)
{
	uint64_t v = 0;

	if (strcmp(s, "0") &&
	    (strncmp(s, "1/", 2) || !value_number(s + 2, &v) || v < 2 || v > UINT32_MAX))
		return false;
	*n = v;
	return true;
}

bool value_share(const char *s, double *share)
{
	uint64_t nano;

	s = decimal(s, &nano);
	if (!s || strcmp(s, "%") || nano > 100 * NANO)
		return false;
	*share = (double)nano / (100 * (double)NANO);
	return true;
}
