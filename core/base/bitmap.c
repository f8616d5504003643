/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Bitmaps of any length, a word at a time. */
#include "base/bitmap.h"
#include "base/bits.h"
#include "base/string.h"

/* The part of [start, start + n) that lies in start's word. */
static uint64_t head_mask(uint64_t start, uint64_t n, uint64_t *taken)
{
	unsigned int lo = (unsigned int)(start & 63);

	if (n >= 64 - lo) {
		*taken = 64 - lo;
		return ~UINT64_C(0) << lo;
	}
	*taken = n;
	return bits_low((unsigned int)n) << lo;
}

void bitmap_set(uint64_t *map, uint64_t start, uint64_t n)
{
	uint64_t taken;

	if (start & 63 && n) {
		map[start / 64] |= head_mask(start, n, &taken);
		start += taken;
		n -= taken;
	}
	if (n >= 64)
		memset(&map[start / 64], 0xff, n / 64 * sizeof(*map));
	if (n & 63)
		map[(start + n) / 64] |= bits_low((unsigned int)(n & 63));
}

void bitmap_clear(uint64_t *map, uint64_t start, uint64_t n)
{
	uint64_t taken;

	if (start & 63 && n) {
		map[start / 64] &= ~head_mask(start, n, &taken);
		start += taken;
		n -= taken;
	}
	if (n >= 64)
		memset(&map[start / 64], 0, n / 64 * sizeof(*map));
	if (n & 63)
		map[(start + n) / 64] &= ~bits_low((unsigned int)(n & 63));
}

static uint64_t next(const uint64_t *map, uint64_t start, uint64_t end, uint64_t flip)
{
	while (start < end) {
		uint64_t w = (map[start / 64] ^ flip) & ~bits_low((unsigned int)(start & 63));

		if (w) {
			start = (start & ~UINT64_C(63)) + bits_first(w);
			return start < end ? start : end;
		}
		start = (start | 63) + 1;
	}
	return end;
}

uint64_t bitmap_next_set(const uint64_t *map, uint64_t start, uint64_t end)
{
	return next(map, start, end, 0);
}

uint64_t bitmap_next_clear(const uint64_t *map, uint64_t start, uint64_t end)
{
	return next(map, start, end, ~UINT64_C(0));
}

uint64_t bitmap_find_clear(const uint64_t *map, uint64_t size, uint64_t start, uint64_t n,
			   uint64_t mask, uint64_t offset)
{
	for (;;) {
		uint64_t at = next(map, start, size, ~UINT64_C(0)), used;

		at = ((at + offset + mask) & ~mask) - offset;
		if (at >= size || n > size - at)
			return BITMAP_NONE;
		used = next(map, at, at + n, 0);
		if (used == at + n)
			return at;
		start = used + 1;
	}
}
