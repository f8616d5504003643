/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Boot reservation: sets against a map of bytes, and the search at its edges. */
#include <string.h>
#include "t.h"
#include "mm/early.h"

#define M(n) ((uint64_t)(n) << 20)

static struct early e;

static void set_is(const struct early_set *s, unsigned int nr, const struct early_range *want)
{
	if (!T_EQ(s->nr, nr))
		return;
	for (unsigned int i = 0; i < nr; i++) {
		T_EQ(s->range[i].base, want[i].base);
		T_EQ(s->range[i].end, want[i].end);
	}
}

static void merges_what_touches(void)
{
	early_init(&e);
	T_EQ(early_add(&e.reserved, 10, 10), 0);
	T_EQ(early_add(&e.reserved, 40, 10), 0);
	T_EQ(early_add(&e.reserved, 20, 5), 0);
	set_is(&e.reserved, 2, (struct early_range[]){{10, 25}, {40, 50}});
	T_EQ(early_add(&e.reserved, 25, 15), 0);
	set_is(&e.reserved, 1, (struct early_range[]){{10, 50}});
	T_EQ(early_add(&e.reserved, 0, 10), 0);
	T_EQ(early_add(&e.reserved, 100, 0), 0);
	set_is(&e.reserved, 1, (struct early_range[]){{0, 50}});
}

static void removes_from_the_middle(void)
{
	early_init(&e);
	T_EQ(early_add(&e.available, 0, 100), 0);
	T_EQ(early_remove(&e.available, 40, 20), 0);
	set_is(&e.available, 2, (struct early_range[]){{0, 40}, {60, 100}});
	T_EQ(early_remove(&e.available, 30, 40), 0);
	set_is(&e.available, 2, (struct early_range[]){{0, 30}, {70, 100}});
	T_EQ(early_total(&e.available), 60);
	T_EQ(early_remove(&e.available, 0, 1000), 0);
	T_EQ(early_total(&e.available), 0);
}

static void refuses_overflow(void)
{
	early_init(&e);
	T_EQ(early_add(&e.available, UINT64_MAX - 10, 11), -FH_ERANGE);
	T_EQ(early_remove(&e.available, UINT64_MAX, 2), -FH_ERANGE);
	T_EQ(e.available.nr, 0);
	T_EQ(early_add(&e.available, UINT64_MAX - 10, 10), 0);
	T_OK(early_overlaps(&e.available, UINT64_MAX - 20, UINT64_MAX), "cut at the end");
	T_OK(!early_contains(&e.available, UINT64_MAX - 5, 50), "passes the end");
}

static void keeps_all_or_nothing_when_full(void)
{
	struct early_set before;

	early_init(&e);
	for (uint64_t i = 0; i < EARLY_MAX_RANGES; i++)
		T_EQ(early_add(&e.reserved, i * 10, 5), 0);
	before = e.reserved;
	T_EQ(early_add(&e.reserved, 100000, 1), -FH_ENOSPC);
	T_EQ(early_remove(&e.reserved, 1, 1), -FH_ENOSPC);
	T_OK(!memcmp(&before, &e.reserved, sizeof(before)), "unchanged");
	T_EQ(early_add(&e.reserved, 5, 5), 0); /* joins two */
	T_EQ(e.reserved.nr, EARLY_MAX_RANGES - 1);
}

/* Random adds and removes against a map with one byte an address. */
static void agrees_with_a_map(void)
{
	static unsigned char map[256];
	uint32_t rnd = 12345;
	bool same = true;

	early_init(&e);
	memset(map, 0, sizeof(map));
	for (int step = 0; step < 20000 && same; step++) {
		unsigned int base, size, set;

		rnd = rnd * 1664525 + 1013904223;
		base = rnd >> 24;
		size = (rnd >> 16 & 31) % (257 - base);
		set = rnd >> 8 & 1;
		same = !(set ? early_add(&e.reserved, base, size)
			     : early_remove(&e.reserved, base, size));
		memset(map + base, (int)set, size);
		for (unsigned int i = 0; i < 256; i++)
			same &= early_overlaps(&e.reserved, i, 1) == map[i];
		for (unsigned int i = 1; i < e.reserved.nr; i++)
			same &= e.reserved.range[i - 1].end < e.reserved.range[i].base;
	}
	T_OK(same, "the same bytes, merged and ascending");
}

static void keeps_the_lowest(void)
{
	early_init(&e);
	T_EQ(early_add(&e.available, M(16), M(16)), 0);
	T_EQ(early_add(&e.available, M(64), M(16)), 0);
	early_keep(&e.available, M(32));
	T_EQ(early_total(&e.available), M(32));
	early_keep(&e.available, M(20));
	set_is(&e.available, 2, (struct early_range[]){{M(16), M(32)}, {M(64), M(68)}});
	early_keep(&e.available, M(16));
	set_is(&e.available, 1, (struct early_range[]){{M(16), M(32)}});
	early_keep(&e.available, 0);
	T_EQ(e.available.nr, 0);
}

static uint64_t find(uint64_t size, uint64_t align, uint64_t start, uint64_t end,
		     enum early_order order)
{
	struct early_want want = {size, align, start, end, order, false};
	uint64_t base = 0;
	int err = early_find(&e, &want, &base);

	return err ? (uint64_t)err : base;
}

static void finds_from_both_ends(void)
{
	early_init(&e);
	T_EQ(early_add(&e.available, M(64), M(64)), 0);
	T_EQ(early_add(&e.available, M(256), M(32)), 0);
	T_EQ(early_add(&e.reserved, M(64), M(1)), 0);
	T_EQ(early_add(&e.nomap, M(280), M(8)), 0);
	T_EQ(find(M(4), M(2), 0, UINT64_MAX, EARLY_TOP_DOWN), M(276));
	T_EQ(find(M(4), M(8), 0, UINT64_MAX, EARLY_TOP_DOWN), M(272));
	T_EQ(find(M(4), M(2), 0, UINT64_MAX, EARLY_BOTTOM_UP), M(66));
	T_EQ(find(M(32), M(2), 0, UINT64_MAX, EARLY_TOP_DOWN), M(96));
	T_EQ(find(M(4), M(2), 0, M(100), EARLY_TOP_DOWN), M(96));
	T_EQ(find(M(4), M(2), M(99), M(128), EARLY_BOTTOM_UP), M(100));
	T_EQ(find(M(64), M(2), 0, UINT64_MAX, EARLY_TOP_DOWN), (uint64_t)-FH_ENOMEM);
	T_EQ(early_largest(&e, 0, UINT64_MAX), M(63));
	T_EQ(early_largest(&e, M(256), UINT64_MAX), M(24));
}

static void finds_nothing_impossible(void)
{
	early_init(&e);
	T_EQ(early_add(&e.available, UINT64_MAX - 0xfff, 0xfff), 0);
	T_EQ(find(0x1000, 1, 0, UINT64_MAX, EARLY_TOP_DOWN), (uint64_t)-FH_ENOMEM);
	T_EQ(find(16, UINT64_C(1) << 63, 0, UINT64_MAX, EARLY_BOTTOM_UP), (uint64_t)-FH_ENOMEM);
	T_EQ(find(16, UINT64_C(1) << 63, 0, UINT64_MAX, EARLY_TOP_DOWN), (uint64_t)-FH_ENOMEM);
	T_EQ(find(UINT64_MAX, 1, 0, UINT64_MAX, EARLY_TOP_DOWN), (uint64_t)-FH_ENOMEM);
	T_EQ(find(0, 1, 0, UINT64_MAX, EARLY_TOP_DOWN), (uint64_t)-FH_EINVAL);
	T_EQ(find(1, 3, 0, UINT64_MAX, EARLY_TOP_DOWN), (uint64_t)-FH_EINVAL);
	T_EQ(find(1, 0, 0, UINT64_MAX, EARLY_TOP_DOWN), (uint64_t)-FH_EINVAL);
}

/* Every start, length and alignment in a small world, against trying each address. */
static void finds_what_trying_finds(void)
{
	static const unsigned char free_at[64] = {[3] = 1, 1, 1, 1, 0, 1, 1, 1,
						  1,	   1, 1, 1, 1, 0, 0, 1};
	bool same = true;

	early_init(&e);
	T_EQ(early_add(&e.available, 0, 64), 0);
	for (unsigned int i = 0; i < 64; i++)
		if (!free_at[i])
			T_EQ(early_add(i & 1 ? &e.reserved : &e.nomap, i, 1), 0);
	for (unsigned int size = 1; size < 10; size++) {
		for (unsigned int align = 1; align <= 8; align *= 2) {
			uint64_t low = (uint64_t)-FH_ENOMEM, high = low;

			for (unsigned int at = 0; at + size <= 64; at += align) {
				if (memchr(free_at + at, 0, size))
					continue;
				high = at;
				low = low == (uint64_t)-FH_ENOMEM ? at : low;
			}
			same &= find(size, align, 0, 64, EARLY_BOTTOM_UP) == low;
			same &= find(size, align, 0, 64, EARLY_TOP_DOWN) == high;
		}
	}
	T_OK(same, "both orders");
}

const struct t_case t_cases[] = {
	T(merges_what_touches),	    T(removes_from_the_middle),
	T(refuses_overflow),	    T(keeps_all_or_nothing_when_full),
	T(agrees_with_a_map),	    T(keeps_the_lowest),
	T(finds_from_both_ends),    T(finds_nothing_impossible),
	T(finds_what_trying_finds), T_END,
};
