/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A set of blocks as two levels of bits: which blocks have something to give.
 *
 * Model: leaf[] has a bit a block; top[] a bit a leaf word that may be non-zero. A search reads top
 * first, so that a terabyte of nothing is 128 words. Membership of a block changes only under its
 * lock; a top bit may be missing for the instant in which two CPUs empty and fill the same leaf
 * word, so a search that must not miss anything says INDEX_EXACT and reads the leaves.
 */
#ifndef FH_MM_INDEX_H
#define FH_MM_INDEX_H

#include <stdatomic.h>
#include <freehold/types.h>

struct index {
	_Atomic(uint64_t) *leaf;
	_Atomic(uint64_t) *top;
};

enum index_search { INDEX_QUICK, INDEX_EXACT };

#define INDEX_NONE UINT64_MAX

static inline uint64_t index_leaf_words(uint64_t nr_blocks)
{
	return (nr_blocks + 63) / 64;
}

static inline uint64_t index_top_words(uint64_t nr_blocks)
{
	return (index_leaf_words(nr_blocks) + 63) / 64;
}

void index_add(struct index *ix, uint64_t block);
void index_remove(struct index *ix, uint64_t block);
/* The members of one leaf word that `bits` names. */
void index_remove_bits(struct index *ix, uint64_t leaf, uint64_t bits);
bool index_has(const struct index *ix, uint64_t block);

/* The first member in [start, end), or INDEX_NONE. */
uint64_t index_next(const struct index *ix, uint64_t start, uint64_t end, enum index_search how);
/* The first b in [start, end), b even, with b and b + 1 both members, or INDEX_NONE. */
uint64_t index_next_pair(const struct index *ix, uint64_t start, uint64_t end);

#endif
