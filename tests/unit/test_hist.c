/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The histogram against the sorted values themselves. */
#include <stdlib.h>
#include <string.h>
#include "t.h"
#include "hist.h"
#include "pattern.h"

static struct hist h, other;

static void empty(void)
{
	memset(&h, 0, sizeof(h));
	T_EQ(hist_quantile(&h, 500), 0);
	T_EQ(hist_quantile(&h, 1000), 0);
	T_OK(hist_mean(&h) >= 0 && hist_mean(&h) <= 0, "0");
	hist_merge(&h, &h);
	T_EQ(h.count, 0);
}

static void one_value(void)
{
	static const uint64_t values[] = {0,	     1, 127, 128, 129, 1u << 20, UINT64_MAX - 1,
					  UINT64_MAX};

	for (unsigned int i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		memset(&h, 0, sizeof(h));
		hist_add(&h, values[i]);
		for (unsigned int q = 0; q <= 1000; q += 250)
			T_OK(hist_quantile(&h, q) == values[i], "max bounds the bucket: exact");
		T_OK(h.min == values[i] && h.max == values[i], "exact");
	}
}

/* Every value lands in a bucket whose top is at most 1 % above it. */
static void error_bound(void)
{
	uint64_t random = 1, v, q;

	for (int i = 0; i < 2000; i++) {
		v = random_next(&random) >> random_below(&random, 64);
		memset(&h, 0, sizeof(h));
		hist_add(&h, v);
		h.max = UINT64_MAX; /* do not let the maximum hide the bucket */
		q = hist_quantile(&h, 500);
		if (!T_OK(q >= v && q - v <= v / 100, "within 1 %"))
			return;
	}
}

static int compare(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

static void quantiles(void)
{
	static uint64_t values[10007];
	const unsigned int n = sizeof(values) / sizeof(values[0]);
	static const unsigned int per_mille[] = {1, 10, 500, 900, 990, 999, 1000};
	uint64_t random = 42, sum = 0;

	memset(&h, 0, sizeof(h));
	memset(&other, 0, sizeof(other));
	for (unsigned int i = 0; i < n; i++) {
		values[i] = random_next(&random) >> (24 + random_below(&random, 32));
		sum += values[i];
		hist_add(i & 1 ? &h : &other, values[i]);
	}
	hist_merge(&h, &other);
	qsort(values, n, sizeof(values[0]), compare);
	T_EQ(h.count, n);
	T_EQ(h.min, values[0]);
	T_EQ(h.max, values[n - 1]);
	T_OK(hist_mean(&h) > (double)sum / n * 0.999 && hist_mean(&h) < (double)sum / n * 1.001,
	     "the mean is exact but for rounding");
	for (unsigned int i = 0; i < sizeof(per_mille) / sizeof(per_mille[0]); i++) {
		uint64_t rank = ((uint64_t)n * per_mille[i] + 999) / 1000;
		uint64_t true_value = values[rank - 1], q = hist_quantile(&h, per_mille[i]);

		T_OK(q >= true_value && q <= true_value + true_value / 100 + 1, "within 1 %");
	}
}

/* Edges of powers of two, and every value counted once. */
static void octaves(void)
{
	uint64_t count[HIST_OCTAVES], random = 7, sum = 0;

	T_OK(hist_octave_max(0) == 1 && hist_octave_max(9) == 1023, "inclusive");
	T_OK(hist_octave_max(63) == UINT64_MAX, "the last has the largest");
	memset(&h, 0, sizeof(h));
	hist_octaves(&h, count);
	for (unsigned int k = 0; k < HIST_OCTAVES; k++)
		T_EQ(count[k], 0);
	hist_add(&h, 0);
	for (unsigned int k = 0; k < HIST_OCTAVES; k++) {
		hist_add(&h, UINT64_C(1) << k);
		hist_add(&h, hist_octave_max(k));
	}
	hist_octaves(&h, count);
	for (unsigned int k = 0; k < HIST_OCTAVES; k++)
		T_EQ(count[k], k ? 2 : 3);
	for (unsigned int i = 0; i < 5000; i++)
		hist_add(&h, random_next(&random) >> random_below(&random, 64));
	hist_octaves(&h, count);
	for (unsigned int k = 0; k < HIST_OCTAVES; k++)
		sum += count[k];
	T_EQ(sum, h.count);
}

const struct t_case t_cases[] = {T(empty),     T(one_value), T(error_bound),
				 T(quantiles), T(octaves),   T_END};
