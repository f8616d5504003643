/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A histogram of latencies, linear in each power of two.
 *
 * Values below 2^7 have a bucket each. Above, a value of b bits falls into the row of b, in the
 * column of its 7 bits behind the first: 128 buckets a row, each 1/128 of the row's start wide.
 */
#include "hist.h"

#define SUB (UINT64_C(1) << HIST_SUB_BITS)

static unsigned int bucket_of(uint64_t value)
{
	unsigned int shift;

	if (value < SUB)
		return (unsigned int)value;
	shift = 63 - (unsigned int)__builtin_clzll(value) - HIST_SUB_BITS;
	return ((shift + 1) << HIST_SUB_BITS) + (unsigned int)((value >> shift) - SUB);
}

/* The largest value that falls into bucket b. */
static uint64_t bucket_max(unsigned int b)
{
	unsigned int row = b >> HIST_SUB_BITS, shift;

	if (!row)
		return b;
	shift = row - 1;
	return ((SUB + (b & (SUB - 1))) << shift) + ((UINT64_C(1) << shift) - 1);
}

void hist_add(struct hist *h, uint64_t value)
{
	if (!h->count || value < h->min)
		h->min = value;
	if (value > h->max)
		h->max = value;
	h->count++;
	h->sum += value;
	h->bucket[bucket_of(value)]++;
}

void hist_merge(struct hist *to, const struct hist *from)
{
	if (!from->count)
		return;
	if (!to->count || from->min < to->min)
		to->min = from->min;
	if (from->max > to->max)
		to->max = from->max;
	to->count += from->count;
	to->sum += from->sum;
	for (unsigned int i = 0; i < HIST_BUCKETS; i++)
		to->bucket[i] += from->bucket[i];
}

uint64_t hist_quantile(const struct hist *h, unsigned int per_mille)
{
	/* Of n values, the one of rank ceil(n x per mille / 1000), counted from 1. */
	uint64_t rank =
		(h->count / 1000) * per_mille + ((h->count % 1000) * per_mille + 999) / 1000;
	uint64_t seen = 0;

	for (unsigned int i = 0; i < HIST_BUCKETS && h->count; i++) {
		seen += h->bucket[i];
		if (h->bucket[i] && seen >= rank)
			return bucket_max(i) < h->max ? bucket_max(i) : h->max;
	}
	return h->max;
}

uint64_t hist_octave_max(unsigned int octave)
{
	return (UINT64_C(2) << octave) - 1;
}

void hist_octaves(const struct hist *h, uint64_t count[HIST_OCTAVES])
{
	for (unsigned int k = 0; k < HIST_OCTAVES; k++)
		count[k] = 0;
	/* No bucket lies in two powers of two. */
	for (unsigned int i = 0; i < HIST_BUCKETS; i++)
		count[63 - __builtin_clzll(bucket_max(i) | 1)] += h->bucket[i];
}

double hist_mean(const struct hist *h)
{
	return h->count ? (double)h->sum / (double)h->count : 0;
}
