/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Bitmaps of any length: ranges of bits, and the first-fit search of an area. */
#ifndef FH_BASE_BITMAP_H
#define FH_BASE_BITMAP_H

#include <freehold/types.h>

#define BITMAP_NONE UINT64_MAX

static inline uint64_t bitmap_words(uint64_t nbits)
{
	return (nbits + 63) / 64;
}

void bitmap_set(uint64_t *map, uint64_t start, uint64_t n);
void bitmap_clear(uint64_t *map, uint64_t start, uint64_t n);
/* The first set (clear) bit in [start, end), or end. */
uint64_t bitmap_next_set(const uint64_t *map, uint64_t start, uint64_t end);
uint64_t bitmap_next_clear(const uint64_t *map, uint64_t start, uint64_t end);

/*
 * The lowest run of n clear bits at or above `start` whose index plus `offset` is a multiple of
 * mask + 1 (mask + 1 a power of two), or BITMAP_NONE. Follows bitmap_find_next_zero_area_off().
 */
uint64_t bitmap_find_clear(const uint64_t *map, uint64_t size, uint64_t start, uint64_t n,
			   uint64_t mask, uint64_t offset);

#endif
