/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* mm/block: the packed word, the map's arithmetic, and B1, B3 after every kind of change. */
#include <string.h>
#include "mm/machine.h"
#include "t.h"
#include "testplat.h"

static struct testplat tp;
static struct fh_machine *m;

static bool start(void)
{
	testplat_init(&tp);
	testplat_cpu(~0u);
	m = testplat_machine(&tp, 16, 4, CMA_POLICY_GUARANTEED, 1);
	return T_OK(m, "a machine");
}

static void end(void)
{
	TP_CHECK(m);
	fh_machine_destroy(m);
	testplat_fini(&tp);
}

static void packing(void)
{
	struct block_state s = {.free = 512,
				.order = 9,
				.type = 4,
				.isolated = 63,
				.zone = 2,
				.lend = 1,
				.area = 62,
				.cached = 65535,
				.special = true};
	struct block_state t = block_unpack(block_pack(s));

	T_EQ(t.free, s.free);
	T_EQ(t.order, s.order);
	T_EQ(t.type, s.type);
	T_EQ(t.isolated, s.isolated);
	T_EQ(t.zone, s.zone);
	T_EQ(t.lend, s.lend);
	T_EQ(t.area, s.area);
	T_EQ(t.cached, s.cached);
	T_EQ(t.special, s.special);
	T_OK(!(block_pack(s) & BLOCK_LOCK), "no field reaches the lock");
	T_EQ(block_pack((struct block_state){0}), 0);
}

static unsigned int slow_order(const struct block_map *map)
{
	unsigned int order = BLOCK_ORDER_NONE;

	for (unsigned int o = 0; o <= 9; o++) {
		for (unsigned int i = 0; i < 512; i += 1u << o) {
			unsigned int j = 0;

			while (j < 1u << o && map->w[(i + j) / 64] >> ((i + j) & 63) & 1)
				j++;
			if (j == 1u << o)
				order = o;
		}
	}
	return order;
}

static void largest_order(void)
{
	struct block_map map;
	uint32_t s = 3;

	for (unsigned int lo = 0; lo <= 512; lo += 13) {
		for (unsigned int hi = lo; hi <= 512; hi += 29) {
			block_span(&map, lo, hi);
			if (!T_EQ(block_map_order(&map), slow_order(&map)))
				return;
		}
	}
	for (int n = 0; n < 300; n++) {
		memset(&map, 0xff, sizeof(map));
		for (int k = 0; k < n / 3; k++) {
			s = s * 1664525 + 1013904223;
			map.w[s >> 29] &= ~(UINT64_C(1) << (s >> 20 & 63));
		}
		if (!T_EQ(block_map_order(&map), slow_order(&map)))
			return;
	}
}

static void spans(void)
{
	for (unsigned int lo = 0; lo <= 512; lo += 7) {
		for (unsigned int hi = lo; hi <= 512; hi += 11) {
			struct block_map map;
			bool ok = true;

			block_span(&map, lo, hi);
			for (unsigned int i = 0; i < 512; i++)
				ok &= (map.w[i / 64] >> (i & 63) & 1) == (i >= lo && i < hi);
			T_OK(ok, "exactly [lo, hi)");
		}
	}
}

/* Runs of every order out of a whole block, until it is empty, and back. */
static void runs(void)
{
	if (!start())
		return;
	for (unsigned int order = 0; order <= 9; order++) {
		unsigned int n = 512u >> order, first;
		struct block_state old = block_lock(m, 1), s = old;

		for (unsigned int i = 0; i < n; i++) {
			T_OK(block_take_run(m, 1, &s, order, &first), "there is a run");
			T_EQ(first, i << order);
		}
		T_OK(!block_take_run(m, 1, &s, order, &first), "and then none");
		T_EQ(s.free, 0);
		block_unlock(m, 1, old, s);
		TP_CHECK(m);
		old = s = block_lock(m, 1);
		for (unsigned int i = 0; i < n; i++)
			T_OK(block_free_run(m, 1, &s, i << order, order), "given back");
		T_OK(!block_free_run(m, 1, &s, 0, order), "twice is found");
		T_EQ(s.free, 512);
		block_unlock(m, 1, old, s);
		TP_CHECK(m);
		T_EQ(block_peek(m, 1).order, 9);
	}
	end();
}

static void words(void)
{
	struct block_state old, s;

	if (!start())
		return;
	old = s = block_lock(m, 1);
	block_claim(m, 1, &s, 0, 128);
	T_OK(block_free_bits(m, 1, &s, 0, 1), "one bit");
	T_OK(!block_free_bits(m, 1, &s, 0, 3), "one of them is free already");
	T_EQ(m->map[1].w[0], 1);
	T_EQ(s.free, 512 - 128 + 1);
	T_OK(block_free_bits(m, 1, &s, 0, ~UINT64_C(1)), "the others");
	T_OK(block_free_bits(m, 1, &s, 1, ~UINT64_C(0)), "and the other word");
	T_OK(block_free_bits(m, 1, &s, 1, 0), "nothing");
	T_EQ(s.free, 512);
	block_unlock(m, 1, old, s);
	end();
}

static void claims(void)
{
	struct block_state old, s;
	struct block_map map;

	if (!start())
		return;
	old = s = block_lock(m, 1);
	T_OK(block_all_free(m, 1, 0, 512), "all");
	block_claim(m, 1, &s, 100, 300);
	T_EQ(s.free, 312);
	T_OK(!block_all_free(m, 1, 99, 101) && block_all_free(m, 1, 0, 100) &&
		     block_all_free(m, 1, 300, 512) && !block_all_free(m, 1, 299, 300),
	     "exactly [100, 300) is taken");
	block_unlock(m, 1, old, s);
	TP_CHECK(m);
	T_OK(block_is_free(m, m->base_pfn + 512 + 99), "free");
	T_OK(!block_is_free(m, m->base_pfn + 512 + 100), "taken");
	old = s = block_lock(m, 1);
	block_span(&map, 100, 300);
	block_free_map(m, 1, &s, &map);
	block_unlock(m, 1, old, s);
	T_EQ(block_peek(m, 1).order, 9);
	end();
}

static void free_map_twice(void *arg)
{
	struct block_state s = block_lock(m, 1);
	struct block_map map;

	(void)arg;
	block_span(&map, 5, 6);
	block_free_map(m, 1, &s, &map);
}

static void a_broken_map_stops(void)
{
	if (!start())
		return;
	T_OK(testplat_dies(free_map_twice, NULL), "a frame that is free is given back: stop");
	end();
}

static void trylock(void)
{
	struct block_state s, t;

	if (!start())
		return;
	s = block_lock(m, 2);
	T_OK(!block_trylock(m, 2, &t), "taken");
	block_unlock(m, 2, s, s);
	T_NEED(block_trylock(m, 2, &t));
	block_unlock(m, 2, t, t);
	end();
}

/* B2, B5: isolated blocks are in no index and not counted; a carveout's are counted apart. */
static void indexes_and_counters(void)
{
	struct zone *z;
	struct block_state old, s;
	int64_t before;

	if (!start())
		return;
	z = &m->zone[block_peek(m, 1).zone];
	before = zone_count(&z->nr_free);
	old = s = block_lock(m, 1);
	s.isolated = 1;
	block_unlock(m, 1, old, s);
	T_EQ(zone_count(&z->nr_free), before - 512);
	T_OK(!index_has(&m->index[s.type][9], 1), "isolated: in no index");
	old = s = block_lock(m, 1);
	s.isolated = 0;
	block_unlock(m, 1, old, s);
	T_EQ(zone_count(&z->nr_free), before);
	T_OK(index_has(&m->index[s.type][9], 1), "back in its index");
	old = s = block_lock(m, 7);
	T_EQ(old.type, MIGRATE_CMA);
	s.lend = BLOCK_LEND_NONE;
	block_unlock(m, 7, old, s);
	T_EQ(zone_count(&z->nr_free), before - 512);
	T_EQ(zone_count(&z->nr_free_carveout), 512);
	T_EQ(zone_count(&z->nr_free_cma), 512);
	old = s = block_lock(m, 7);
	s.lend = BLOCK_LEND_MOVABLE;
	block_unlock(m, 7, old, s);
	end();
}

const struct t_case t_cases[] = {T(packing),
				 T(largest_order),
				 T(spans),
				 T(runs),
				 T(words),
				 T(claims),
				 T(trylock),
				 T(a_broken_map_stops),
				 T(indexes_and_counters),
				 T_END};
