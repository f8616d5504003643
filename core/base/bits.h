/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Sums over 64-bit words of bits: counts, and aligned runs. A set bit is a free frame throughout.
 */
#ifndef FH_BASE_BITS_H
#define FH_BASE_BITS_H

#include <freehold/types.h>
#include "arch.h"

/* Without the popcnt instruction the builtin calls libgcc; this is what that would do, inline. */
static inline unsigned int bits_count(uint64_t w)
{
	w -= (w >> 1) & UINT64_C(0x5555555555555555);
	w = (w & UINT64_C(0x3333333333333333)) + ((w >> 2) & UINT64_C(0x3333333333333333));
	w = (w + (w >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	return (unsigned int)((w * UINT64_C(0x0101010101010101)) >> 56);
}

static inline unsigned int bits_first(uint64_t w)
{
	return arch_ctz64(w);
}

/* n low bits; n <= 64. */
static inline uint64_t bits_low(unsigned int n)
{
	return n >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1;
}

/* Bits [lo, hi) of a word; lo <= hi <= 64. */
static inline uint64_t bits_span(unsigned int lo, unsigned int hi)
{
	return bits_low(hi) & ~bits_low(lo);
}

/* floor(log2(v)); v is not 0. */
static inline unsigned int bits_log2(uint64_t v)
{
	unsigned int n = 0;

	for (unsigned int step = 32; step; step >>= 1) {
		if (v >> step) {
			v >>= step;
			n += step;
		}
	}
	return n;
}

/*
 * The starts of aligned runs of 2^order set bits, order <= 6. Each step halves what is left to
 * prove: after `w &= w >> n` a bit says that it and the n above it were set.
 */
static inline uint64_t bits_runs(uint64_t w, unsigned int order)
{
	switch (order) {
	case 0:
		return w;
	case 1:
		return w & (w >> 1) & UINT64_C(0x5555555555555555);
	case 2:
		w &= w >> 1;
		return w & (w >> 2) & UINT64_C(0x1111111111111111);
	case 3:
		w &= w >> 1;
		w &= w >> 2;
		return w & (w >> 4) & UINT64_C(0x0101010101010101);
	case 4:
		w &= w >> 1;
		w &= w >> 2;
		w &= w >> 4;
		return w & (w >> 8) & UINT64_C(0x0001000100010001);
	case 5:
		w &= w >> 1;
		w &= w >> 2;
		w &= w >> 4;
		w &= w >> 8;
		return w & (w >> 16) & UINT64_C(0x0000000100000001);
	default:
		return ~w ? 0 : 1;
	}
}

#endif
