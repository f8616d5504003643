/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Patterns that memory is filled with and checked against: every 8-byte word differs from its
 * neighbours, and from the same word under another owner, page or generation.
 */
#ifndef FREEHOLD_TOOLS_PATTERN_H
#define FREEHOLD_TOOLS_PATTERN_H

#include <stddef.h>
#include <stdint.h>

/* Mixes three numbers (owner, place, generation) into the seed of a pattern. */
uint64_t pattern_seed(uint64_t a, uint64_t b, uint64_t c);
/* size is a multiple of 8, p aligned to 8. Ordinary stores and loads. */
void pattern_fill(void *p, size_t size, uint64_t seed);
/* The same, but of each 32 words only the first `words` are such; the others are one word that comes again and again. */
void pattern_fill_partly(void *p, size_t size, uint64_t seed, unsigned int words);
uint64_t pattern_check_partly(const void *p, size_t size, uint64_t seed, unsigned int words);
#define PATTERN_LINE 32
/* How many words a page of this seed has of `share` on average: evenly from half to one and a half times as
 * many, up to all; all if share is 1. */
unsigned int pattern_words(uint64_t seed, double share);
/* How many bytes differ from the pattern, or from zero. */
uint64_t pattern_check(const void *p, size_t size, uint64_t seed);
uint64_t pattern_check_zero(const void *p, size_t size);
/* How many bytes of the two differ. */
uint64_t pattern_compare(const void *a, const void *b, size_t size);

/* xorshift64*: the next of a row of random numbers; *state is not 0. */
uint64_t random_next(uint64_t *state);
/* 0 <= result < n */
uint64_t random_below(uint64_t *state, uint64_t n);

#endif
