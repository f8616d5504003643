/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A histogram of latencies: linear in each power of two (as HdrHistogram), so that every value from
 * 1 ns to centuries is kept within 1/128 of itself, in fixed memory.
 */
#ifndef FREEHOLD_TOOLS_HIST_H
#define FREEHOLD_TOOLS_HIST_H

#include <stdint.h>

#define HIST_SUB_BITS 7
#define HIST_BUCKETS  ((64 - HIST_SUB_BITS + 1) << HIST_SUB_BITS)

struct hist {
	uint64_t count, sum;
	uint64_t min, max; /* exact; 0 when there is no value */
	uint64_t bucket[HIST_BUCKETS];
};

/* All zero is an empty histogram. */
void hist_add(struct hist *h, uint64_t value);
void hist_merge(struct hist *to, const struct hist *from);
/* The smallest value that at least `per_mille` of the values do not exceed, rounded up by less than
 * 1 % and never above max; 0 of an empty one. */
uint64_t hist_quantile(const struct hist *h, unsigned int per_mille);
/* How many values lie in each power of two: octave k has those of 2^k to hist_octave_max(k), octave 0 also 0. */
#define HIST_OCTAVES 64
void hist_octaves(const struct hist *h, uint64_t count[HIST_OCTAVES]);
uint64_t hist_octave_max(unsigned int octave);
double hist_mean(const struct hist *h);

#endif
