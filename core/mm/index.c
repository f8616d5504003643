/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A set of blocks as two levels of bits. */
#include "base/bits.h"
#include "mm/index.h"

static inline uint64_t bit_of(uint64_t i)
{
	return UINT64_C(1) << (i & 63);
}

void index_add(struct index *ix, uint64_t block)
{
	uint64_t leaf = block / 64;

	if (!atomic_fetch_or_explicit(&ix->leaf[leaf], bit_of(block), memory_order_relaxed))
		atomic_fetch_or_explicit(&ix->top[leaf / 64], bit_of(leaf), memory_order_relaxed);
}

void index_remove(struct index *ix, uint64_t block)
{
	index_remove_bits(ix, block / 64, bit_of(block));
}

void index_remove_bits(struct index *ix, uint64_t leaf, uint64_t bits)
{
	if (atomic_fetch_and_explicit(&ix->leaf[leaf], ~bits, memory_order_relaxed) & ~bits)
		return;
	atomic_fetch_and_explicit(&ix->top[leaf / 64], ~bit_of(leaf), memory_order_relaxed);
	/* Somebody may have added a neighbour in between and relied on the bit we cleared. */
	if (atomic_load_explicit(&ix->leaf[leaf], memory_order_relaxed))
		atomic_fetch_or_explicit(&ix->top[leaf / 64], bit_of(leaf), memory_order_relaxed);
}

bool index_has(const struct index *ix, uint64_t block)
{
	return atomic_load_explicit(&ix->leaf[block / 64], memory_order_relaxed) & bit_of(block);
}

/* The first leaf word at or above `leaf` and below `end` worth reading, or `end`. */
static uint64_t next_leaf(const struct index *ix, uint64_t leaf, uint64_t end,
			  enum index_search how)
{
	if (how == INDEX_EXACT)
		return leaf;
	while (leaf < end) {
		uint64_t w = atomic_load_explicit(&ix->top[leaf / 64], memory_order_relaxed);

		w &= ~bits_low((unsigned int)(leaf & 63));
		if (w)
			return (leaf & ~UINT64_C(63)) + bits_first(w);
		leaf = (leaf | 63) + 1;
	}
	return end;
}

uint64_t index_next(const struct index *ix, uint64_t start, uint64_t end, enum index_search how)
{
	uint64_t leaf_end = (end + 63) / 64;

	while (start < end) {
		uint64_t leaf = next_leaf(ix, start / 64, leaf_end, how), w, b;

		if (leaf >= leaf_end)
			break;
		if (leaf != start / 64)
			start = leaf * 64;
		w = atomic_load_explicit(&ix->leaf[leaf], memory_order_relaxed);
		w &= ~bits_low((unsigned int)(start & 63));
		if (w) {
			b = leaf * 64 + bits_first(w);
			return b < end ? b : INDEX_NONE;
		}
		start = (leaf + 1) * 64;
	}
	return INDEX_NONE;
}

uint64_t index_next_pair(const struct index *ix, uint64_t start, uint64_t end)
{
	for (uint64_t leaf = start / 64; leaf * 64 < end; leaf++) {
		uint64_t w = atomic_load_explicit(&ix->leaf[leaf], memory_order_relaxed);

		if (leaf == start / 64)
			w &= ~bits_low((unsigned int)(start & 63));
		w = bits_runs(w, 1);
		if (w) {
			uint64_t b = leaf * 64 + bits_first(w);

			return b + 2 <= end ? b : INDEX_NONE;
		}
	}
	return INDEX_NONE;
}
