/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* base/bits: every function against its definition, a bit at a time. */
#include "base/bits.h"
#include "t.h"

static uint64_t seed = 88172645463325252u;

static uint64_t word(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	/* Sparse and dense ones as well: runs are rare in even noise. */
	switch (seed >> 60 & 3) {
	case 0:
		return seed & seed << 1;
	case 1:
		return seed | seed << 1 | seed << 3 | seed << 9;
	default:
		return seed;
	}
}

static void count_and_first(void)
{
	T_EQ(bits_count(0), 0);
	T_EQ(bits_count(~UINT64_C(0)), 64);
	for (unsigned int i = 0; i < 64; i++) {
		T_EQ(bits_count(UINT64_C(1) << i), 1);
		T_EQ(bits_first(UINT64_C(1) << i), i);
		T_EQ(bits_first(~UINT64_C(0) << i), i);
	}
	for (int n = 0; n < 1000; n++) {
		uint64_t w = word();
		unsigned int k = 0;

		for (unsigned int i = 0; i < 64; i++)
			k += (unsigned int)(w >> i & 1);
		T_EQ(bits_count(w), k);
	}
}

static void low_and_span(void)
{
	for (unsigned int lo = 0; lo <= 64; lo++) {
		for (unsigned int hi = lo; hi <= 64; hi++) {
			uint64_t want = 0;

			for (unsigned int i = lo; i < hi; i++)
				want |= UINT64_C(1) << i;
			if (!T_EQ(bits_span(lo, hi), want))
				return;
		}
		T_EQ(bits_low(lo), bits_span(0, lo));
	}
}

static void log2_is_floor(void)
{
	for (unsigned int i = 0; i < 64; i++) {
		uint64_t v = UINT64_C(1) << i;

		T_EQ(bits_log2(v), i);
		T_EQ(bits_log2(v | (v - 1)), i);
		T_EQ(bits_log2(v | 1), i);
	}
}

/*
 *	order 1, low bits first:  1101 1110 ...  ->  runs start at 0, 4: 1000 1000
 *	(bits 5 and 6 are two in a row, but not aligned)
 */
static void runs_are_aligned(void)
{
	T_EQ(bits_runs(0x7b, 1), 0x11);
	for (unsigned int order = 0; order <= 6; order++) {
		for (int n = 0; n < 2000; n++) {
			uint64_t w = n ? word() : ~UINT64_C(0), want = 0;
			unsigned int len = 1u << order;

			for (unsigned int i = 0; i < 64; i += len)
				if ((w >> i & bits_low(len)) == bits_low(len))
					want |= UINT64_C(1) << i;
			if (!T_EQ(bits_runs(w, order), want))
				return;
		}
	}
}

const struct t_case t_cases[] = {T(count_and_first), T(low_and_span), T(log2_is_floor),
				 T(runs_are_aligned), T_END};
