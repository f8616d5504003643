/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Patterns that memory is filled with and checked against, and the random numbers that choose
 * where. */
#include "pattern.h"

#define STEP UINT64_C(0x9e3779b97f4a7c15) /* odd: 2^64 words before one comes again */

static uint64_t mix(uint64_t x)
{
	x ^= x >> 30;
	x *= UINT64_C(0xbf58476d1ce4e5b9);
	x ^= x >> 27;
	x *= UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

uint64_t pattern_seed(uint64_t a, uint64_t b, uint64_t c)
{
	return mix(mix(mix(a + STEP) + b) + c);
}

void pattern_fill(void *p, size_t size, uint64_t seed)
{
	uint64_t *w = p;

	for (size_t i = 0; i < size / sizeof(*w); i++)
		w[i] = seed + i * STEP;
}

/* What word i is. */
static uint64_t part_word(uint64_t seed, size_t i, unsigned int words)
{
	return i % PATTERN_LINE < words ? seed + i * STEP : ~seed;
}

void pattern_fill_partly(void *p, size_t size, uint64_t seed, unsigned int words)
{
	uint64_t *w = p;

	for (size_t i = 0; i < size / sizeof(*w); i++)
		w[i] = part_word(seed, i, words);
}

unsigned int pattern_words(uint64_t seed, double share)
{
	double words =
		PATTERN_LINE * share * (0.5 + (double)(mix(seed) >> 11) / 9007199254740992.0);

	if (share >= 1 || words >= PATTERN_LINE)
		return PATTERN_LINE;
	return (unsigned int)(words + 0.5);
}

static uint64_t wrong_bytes(uint64_t difference)
{
	uint64_t n = 0;

	for (; difference; difference >>= 8)
		n += !!(difference & 0xff);
	return n;
}

uint64_t pattern_check(const void *p, size_t size, uint64_t seed)
{
	const uint64_t *w = p;
	uint64_t any = 0, n = 0;

	/* Without a branch first: nearly always all of it is right. */
	for (size_t i = 0; i < size / sizeof(*w); i++)
		any |= w[i] ^ (seed + i * STEP);
	for (size_t i = 0; any && i < size / sizeof(*w); i++)
		n += wrong_bytes(w[i] ^ (seed + i * STEP));
	/* Wrong the first time and right the second is wrong all the same. */
	return any && !n ? 1 : n;
}

uint64_t pattern_check_partly(const void *p, size_t size, uint64_t seed, unsigned int words)
{
	const uint64_t *w = p;
	uint64_t any = 0, n = 0;

	for (size_t i = 0; i < size / sizeof(*w); i++)
		any |= w[i] ^ part_word(seed, i, words);
	for (size_t i = 0; any && i < size / sizeof(*w); i++)
		n += wrong_bytes(w[i] ^ part_word(seed, i, words));
	return any && !n ? 1 : n;
}

uint64_t pattern_check_zero(const void *p, size_t size)
{
	const uint64_t *w = p;
	uint64_t any = 0, n = 0;

	for (size_t i = 0; i < size / sizeof(*w); i++)
		any |= w[i];
	for (size_t i = 0; any && i < size / sizeof(*w); i++)
		n += wrong_bytes(w[i]);
	return any && !n ? 1 : n;
}

uint64_t pattern_compare(const void *a, const void *b, size_t size)
{
	const unsigned char *x = a, *y = b;
	uint64_t n = 0;

	if (!__builtin_memcmp(a, b, size))
		return 0;
	for (size_t i = 0; i < size; i++)
		n += x[i] != y[i];
	return n ? n : 1;
}

uint64_t random_next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(0x2545f4914f6cdd1d);
}

uint64_t random_below(uint64_t *state, uint64_t n)
{
	return (uint64_t)((unsigned __int128)random_next(state) * n >> 64);
}
