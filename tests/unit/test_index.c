/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* mm/index: a set of blocks and its searches, against an array of booleans. */
#include <pthread.h>
#include <string.h>
#include "mm/index.h"
#include "t.h"

#define BLOCKS 9000 /* three top words */

static _Atomic(uint64_t) leaf[(BLOCKS + 63) / 64], top[3];
static struct index ix = {leaf, top};
static bool member[BLOCKS];

static void clear(void)
{
	memset((void *)leaf, 0, sizeof(leaf));
	memset((void *)top, 0, sizeof(top));
	memset(member, 0, sizeof(member));
}

static uint32_t rnd(void)
{
	static uint32_t s = 7;

	s = s * 1664525 + 1013904223;
	return s >> 8;
}

static void sizes(void)
{
	T_EQ(index_leaf_words(1), 1);
	T_EQ(index_leaf_words(64), 1);
	T_EQ(index_leaf_words(65), 2);
	T_EQ(index_top_words(64 * 64), 1);
	T_EQ(index_top_words(64 * 64 + 1), 2);
}

static uint64_t slow_next(uint64_t start, uint64_t end)
{
	for (; start < end; start++)
		if (member[start])
			return start;
	return INDEX_NONE;
}

static uint64_t slow_pair(uint64_t start, uint64_t end)
{
	for (start += start & 1; start + 2 <= end; start += 2)
		if (member[start] && member[start + 1])
			return start;
	return INDEX_NONE;
}

static void searches(void)
{
	clear();
	for (int round = 0; round < 4000; round++) {
		uint64_t b = rnd() % BLOCKS, start = rnd() % BLOCKS;
		uint64_t end = start + rnd() % (BLOCKS - start + 1);

		if (rnd() % 5 < 3)
			index_add(&ix, b);
		else
			index_remove(&ix, b = index_has(&ix, b) || member[b]
						      ? b
						      : slow_next(0, BLOCKS) % BLOCKS);
		member[b] = index_has(&ix, b);
		T_EQ(index_next(&ix, start, end, INDEX_QUICK), slow_next(start, end));
		T_EQ(index_next(&ix, start, end, INDEX_EXACT), slow_next(start, end));
		if (!T_EQ(index_next_pair(&ix, start & ~UINT64_C(1), end),
			  slow_pair(start & ~UINT64_C(1), end)))
			return;
	}
}

static void empty_and_ends(void)
{
	clear();
	T_EQ(index_next(&ix, 0, BLOCKS, INDEX_QUICK), INDEX_NONE);
	T_EQ(index_next(&ix, 0, BLOCKS, INDEX_EXACT), INDEX_NONE);
	T_EQ(index_next_pair(&ix, 0, BLOCKS), INDEX_NONE);
	index_add(&ix, BLOCKS - 1);
	T_EQ(index_next(&ix, 0, BLOCKS, INDEX_QUICK), BLOCKS - 1);
	T_EQ(index_next(&ix, 0, BLOCKS - 1, INDEX_QUICK), INDEX_NONE);
	T_EQ(index_next(&ix, 5, 5, INDEX_EXACT), INDEX_NONE);
	index_add(&ix, BLOCKS - 2);
	T_EQ(index_next_pair(&ix, 0, BLOCKS), BLOCKS - 2);
	T_EQ(index_next_pair(&ix, 0, BLOCKS - 1), INDEX_NONE);
}

static void remove_keeps_neighbours(void)
{
	clear();
	index_add(&ix, 4100);
	index_add(&ix, 4101);
	index_remove(&ix, 4100);
	T_OK(!index_has(&ix, 4100) && index_has(&ix, 4101), "only the one");
	T_EQ(index_next(&ix, 0, BLOCKS, INDEX_QUICK), 4101);
	index_remove(&ix, 4101);
	T_EQ(atomic_load(&top[1]), 0);
}

/* Two threads add and remove neighbours of one leaf word; when both have added, both are found. */
static void *toggle(void *arg)
{
	uint64_t b = *(uint64_t *)arg;

	for (int i = 0; i < 50000; i++) {
		index_add(&ix, b);
		index_remove(&ix, b);
	}
	index_add(&ix, b);
	return NULL;
}

static void racing_neighbours(void)
{
	uint64_t b[2] = {130, 131};
	pthread_t t[2];

	clear();
	for (int i = 0; i < 2; i++)
		T_EQ(pthread_create(&t[i], NULL, toggle, &b[i]), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	T_EQ(index_next(&ix, 0, BLOCKS, INDEX_QUICK), 130);
	T_EQ(index_next_pair(&ix, 0, BLOCKS), 130);
}

const struct t_case t_cases[] = {
	T(sizes), T(searches), T(empty_and_ends), T(remove_keeps_neighbours), T(racing_neighbours),
	T_END};
