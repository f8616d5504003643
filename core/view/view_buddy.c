/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * proc/buddyinfo and proc/pagetypeinfo: what is free, taken apart as a buddy allocator would list
 * it.
 *
 * Each aligned run of free frames counts once, in the largest order that contains it; two wholly
 * free neighbours that form an aligned pair are one run of order 10 if they are of one type. Free
 * frames of isolated blocks are of type Isolate; as in Linux they are in buddyinfo and not in
 * nr_free_pages. Frames in CPUs' caches are in neither.
 */
#include "base/bits.h"
#include "view/view.h"

#define ORDERS (FH_MAX_ORDER + 1)

/* Of one zone. */
struct census {
	uint64_t run[MIGRATE_TYPES][ORDERS];
	uint64_t blocks[MIGRATE_TYPES];
};

const char *const view_type_name[MIGRATE_TYPES] = {"Unmovable",	 "Movable", "Reclaimable",
						   "HighAtomic", "CMA",	    "Isolate"};

static enum migratetype shown_type(const struct block_state *s)
{
	return s->isolated ? MIGRATE_ISOLATE : (enum migratetype)s->type;
}

static void count_word(uint64_t w, uint64_t run[ORDERS])
{
	for (unsigned int o = 5; w && o < 6; o--) {
		uint64_t starts = bits_runs(w, o);

		run[o] += bits_count(starts);
		w &= ~(starts * bits_low(1u << o)); /* the runs themselves */
	}
}

static void count_map(const struct block_map *map, uint64_t run[ORDERS])
{
	unsigned int full = 0; /* words all free that no larger run has taken yet */

	for (unsigned int i = 0; i < BLOCK_WORDS; i++)
		full |= (unsigned int)!~map->w[i] << i;
	for (unsigned int i = 0; i < BLOCK_WORDS; i++)
		if (!(full >> i & 1))
			count_word(map->w[i], run);
	for (unsigned int words = BLOCK_WORDS, o = FH_BLOCK_ORDER; words; words /= 2, o--) {
		unsigned int all = (1u << words) - 1;

		for (unsigned int i = 0; i < BLOCK_WORDS; i += words) {
			if ((full >> i & all) != all)
				continue;
			run[o]++;
			full &= ~(all << i);
		}
	}
}

static void count_block(struct census *c, const struct block_state *s, const struct block_map *map)
{
	enum migratetype type = shown_type(s);

	c->blocks[type]++;
	if (s->free)
		count_map(map, c->run[type]);
}

/* One block as it is at one moment; the map is copied so that the lock is not held for long. */
static struct block_state look(struct fh_machine *m, uint64_t block, struct block_map *map)
{
	struct block_state s = block_lock(m, block);

	*map = m->map[block];
	block_unlock(m, block, s, s);
	return s;
}

/* Blocks b and b + 1 are an aligned pair; whether they are one run of order 10 in this zone. */
static bool count_pair(struct fh_machine *m, unsigned int zone, struct census *c, uint64_t b)
{
	struct block_state s[2];
	enum migratetype type;
	bool pair;

	if (!m->frames[b] || !m->frames[b + 1] || block_peek(m, b).free < FH_BLOCK_PAGES ||
	    block_peek(m, b + 1).free < FH_BLOCK_PAGES)
		return false;
	s[0] = block_lock(m, b);
	s[1] = block_lock(m, b + 1);
	type = shown_type(&s[0]);
	pair = s[0].free == FH_BLOCK_PAGES && s[1].free == FH_BLOCK_PAGES && s[0].zone == zone &&
	       s[1].zone == zone && shown_type(&s[1]) == type;
	block_unlock(m, b + 1, s[1], s[1]);
	block_unlock(m, b, s[0], s[0]);
	if (pair) {
		c->run[type][FH_MAX_ORDER]++;
		c->blocks[type] += 2;
	}
	return pair;
}

static void take_census(struct fh_machine *m, unsigned int zone, struct census *c)
{
	const struct zone *z = &m->zone[zone];

	*c = (struct census){0};
	for (uint64_t b = z->first_block & ~UINT64_C(1); b < z->end_block; b += 2) {
		if (count_pair(m, zone, c, b))
			continue;
		for (uint64_t i = b; i < b + 2; i++) {
			struct block_state s;
			struct block_map map;

			if (!m->frames[i] || block_peek(m, i).zone != zone)
				continue;
			s = look(m, i, &map);
			count_block(c, &s, &map);
		}
	}
}

void view_buddyinfo(struct view *v)
{
	struct census c;

	for (unsigned int i = 0; i < MAX_NR_ZONES; i++) {
		if (!v->m->zone[i].present)
			continue;
		take_census(v->m, i, &c);
		view_add(v, "Node 0, zone %8s ", zone_name((enum zone_type)i));
		for (unsigned int o = 0; o < ORDERS; o++) {
			uint64_t n = 0;

			for (unsigned int t = 0; t < MIGRATE_TYPES; t++)
				n += c.run[t][o];
			view_add(v, "%6llu ", (ull)n);
		}
		view_add(v, "\n");
	}
}

static void free_counts(struct view *v, enum zone_type zone, const struct census *c)
{
	for (unsigned int t = 0; t < MIGRATE_TYPES; t++) {
		view_add(v, "Node %4u, zone %8s, type %12s ", 0, zone_name(zone),
			 view_type_name[t]);
		for (unsigned int o = 0; o < ORDERS; o++)
			view_add(v, "%6llu ", (ull)c->run[t][o]);
		view_add(v, "\n");
	}
}

static void block_counts(struct view *v, enum zone_type zone, const struct census *c)
{
	view_add(v, "Node 0, zone %8s ", zone_name(zone));
	for (unsigned int t = 0; t < MIGRATE_TYPES; t++)
		view_add(v, "%12llu ", (ull)c->blocks[t]);
	view_add(v, "\n");
}

void view_pagetypeinfo(struct view *v)
{
	struct census c[MAX_NR_ZONES];

	view_add(v, "Page block order: %u\n", FH_BLOCK_ORDER);
	view_add(v, "Pages per block:  %u\n\n", FH_BLOCK_PAGES);
	view_add(v, "%-43s ", "Free pages count per migrate type at order");
	for (unsigned int o = 0; o < ORDERS; o++)
		view_add(v, "%6u ", o);
	view_add(v, "\n");
	for (unsigned int i = 0; i < MAX_NR_ZONES; i++) {
		if (!v->m->zone[i].present)
			continue;
		take_census(v->m, i, &c[i]);
		free_counts(v, (enum zone_type)i, &c[i]);
	}
	view_add(v, "\n%-23s", "Number of blocks type ");
	for (unsigned int t = 0; t < MIGRATE_TYPES; t++)
		view_add(v, "%12s ", view_type_name[t]);
	view_add(v, "\n");
	for (unsigned int i = 0; i < MAX_NR_ZONES; i++)
		if (v->m->zone[i].present)
			block_counts(v, (enum zone_type)i, &c[i]);
	if (v->m->owners)
		view_mixed_blocks(v);
}
