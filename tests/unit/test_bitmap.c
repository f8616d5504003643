/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* base/bitmap: ranges and the search, against loops over single bits. */
#include <string.h>
#include "base/bitmap.h"
#include "t.h"

#define BITS 200

static uint32_t rnd(void)
{
	static uint32_t s = 1;

	s = s * 1664525 + 1013904223;
	return s >> 8;
}

static bool bit(const uint64_t *map, uint64_t i)
{
	return map[i / 64] >> (i & 63) & 1;
}

static void words(void)
{
	T_EQ(bitmap_words(0), 0);
	T_EQ(bitmap_words(1), 1);
	T_EQ(bitmap_words(64), 1);
	T_EQ(bitmap_words(65), 2);
}

static void set_and_clear(void)
{
	for (uint64_t start = 0; start < BITS; start++) {
		for (uint64_t n = 0; start + n <= BITS; n++) {
			uint64_t map[4] = {0}, inv[4];
			bool ok = true;

			memset(inv, 0xff, sizeof(inv));
			bitmap_set(map, start, n);
			bitmap_clear(inv, start, n);
			for (uint64_t i = 0; i < 256; i++) {
				bool in = i >= start && i < start + n;

				ok &= bit(map, i) == in && bit(inv, i) == !in;
			}
			if (!T_OK(ok, "exactly [start, start + n) changes"))
				return;
		}
	}
}

static void next_set_and_clear(void)
{
	for (int round = 0; round < 300; round++) {
		uint64_t map[4] = {0}, start = rnd() % BITS,
			 end = start + rnd() % (BITS - start + 1);
		uint64_t set = start, clear = start;

		for (int i = 0; i < 6; i++)
			bitmap_set(map, rnd() % 150, rnd() % 50);
		while (set < end && !bit(map, set))
			set++;
		while (clear < end && bit(map, clear))
			clear++;
		T_EQ(bitmap_next_set(map, start, end), set);
		T_EQ(bitmap_next_clear(map, start, end), clear);
	}
}

/* The definition: the lowest index of that alignment with n clear bits. */
static uint64_t slow_find(const uint64_t *map, uint64_t size, uint64_t start, uint64_t n,
			  uint64_t mask, uint64_t offset)
{
	for (uint64_t at = start; at + n <= size; at++) {
		uint64_t i = 0;

		while (i < n && !bit(map, at + i))
			i++;
		if (i == n && !((at + offset) & mask))
			return at;
	}
	return BITMAP_NONE;
}

static void find_clear(void)
{
	for (int round = 0; round < 5000; round++) {
		uint64_t map[4] = {0}, size = 1 + rnd() % BITS, start = rnd() % (size + 2);
		uint64_t n = 1 + rnd() % 20, mask = (1u << rnd() % 6) - 1, offset = rnd() & mask;

		for (uint32_t i = rnd() % 12; i; i--)
			bitmap_set(map, rnd() % 190, rnd() % 8);
		if (!T_EQ(bitmap_find_clear(map, size, start, n, mask, offset),
			  slow_find(map, size, start, n, mask, offset)))
			return;
	}
}

/*
 *	bit   0         1         2
 *	      0123456789012345678901234
 *	map   ##......#...............
 *	n 4, mask 7, offset 6: (2 + 6) & 7 == 0, so 2 fits; with offset 4 the first is 4, which
 *	still ends before 8; with n 5 it is 12.
 */
static void find_with_offset(void)
{
	uint64_t map[1] = {0x103};

	T_EQ(bitmap_find_clear(map, 24, 0, 4, 7, 6), 2);
	T_EQ(bitmap_find_clear(map, 24, 0, 4, 7, 4), 4);
	T_EQ(bitmap_find_clear(map, 24, 0, 5, 7, 4), 12);
	T_EQ(bitmap_find_clear(map, 24, 0, 13, 7, 4), BITMAP_NONE);
	T_EQ(bitmap_find_clear(map, 24, 25, 1, 0, 0), BITMAP_NONE);
}

/* Numbers that do not fit must not wrap round to something found. */
static void find_does_not_wrap(void)
{
	uint64_t map[1] = {0};

	T_EQ(bitmap_find_clear(map, 64, 0, UINT64_MAX, 0, 0), BITMAP_NONE);
	T_EQ(bitmap_find_clear(map, 64, 0, UINT64_MAX - 1, 7, 3), BITMAP_NONE);
	T_EQ(bitmap_find_clear(map, 64, 1, 1, (UINT64_C(1) << 20) - 1, 0), BITMAP_NONE);
	T_EQ(bitmap_find_clear(map, 64, 0, 64, (UINT64_C(1) << 20) - 1, 0), 0);
}

const struct t_case t_cases[] = {T(words),	T(set_and_clear),    T(next_set_and_clear),
				 T(find_clear), T(find_with_offset), T(find_does_not_wrap),
				 T_END};
