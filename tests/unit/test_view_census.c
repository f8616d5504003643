/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The file tree's figures against the maps: free runs, totals, CPUs' caches, tenants' pages. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <freehold/object.h>
#include <freehold/page.h>
#include "mm/machine.h"
#include "t.h"
#include "shown.h"

static struct shown sh;

struct census {
	uint64_t run[MAX_NR_ZONES][MIGRATE_TYPES][FH_MAX_ORDER + 1];
	uint64_t blocks[MAX_NR_ZONES][MIGRATE_TYPES];
};

/* Splits what pagetypeinfo says. */
static void read_census(struct census *c)
{
	static const char *const types[MIGRATE_TYPES] = {"Unmovable",  "Movable", "Reclaimable",
							 "HighAtomic", "CMA",	  "Isolate"};
	const char *all = shown(&sh, "proc/pagetypeinfo");
	char begin[80], *end;

	memset(c, 0, sizeof(*c));
	for (unsigned int z = 0; z < MAX_NR_ZONES; z++) {
		const char *s;

		if (!sh.m->zone[z].present)
			continue;
		for (unsigned int t = 0; t < MIGRATE_TYPES; t++) {
			snprintf(begin, sizeof(begin), "Node    0, zone %8s, type %12s ",
				 zone_name((enum zone_type)z), types[t]);
			s = shown_line(all, begin);
			if (!t_ok(s, __FILE__, __LINE__, begin, "missing"))
				continue;
			s += strlen(begin);
			for (unsigned int o = 0; o <= FH_MAX_ORDER; o++, s = end)
				c->run[z][t][o] = strtoull(s, &end, 10);
		}
		snprintf(begin, sizeof(begin), "Node 0, zone %8s ", zone_name((enum zone_type)z));
		s = shown_line(all, begin);
		if (!t_ok(s, __FILE__, __LINE__, begin, "missing"))
			continue;
		s += strlen(begin);
		for (unsigned int t = 0; t < MIGRATE_TYPES; t++, s = end)
			c->blocks[z][t] = strtoull(s, &end, 10);
	}
}

/* The same from the frames alone, the simple way: the largest aligned run first, frame by frame. */
static bool run_is_free(pfn_t pfn, unsigned int order, unsigned int zone, unsigned int type)
{
	for (pfn_t p = pfn; p < pfn + (1u << order); p++) {
		struct block_state s;

		if (!machine_has(sh.m, p))
			return false;
		s = block_peek(sh.m, machine_block(sh.m, p));
		if (s.zone != zone || (s.isolated ? MIGRATE_ISOLATE : s.type) != type ||
		    !block_is_free(sh.m, p))
			return false;
	}
	return true;
}

static void model_census(struct census *c)
{
	memset(c, 0, sizeof(*c));
	for (uint64_t b = 0; b < sh.m->nr_blocks; b++) {
		pfn_t pfn = machine_block_pfn(sh.m, b), end = pfn + FH_BLOCK_PAGES;
		struct block_state s = block_peek(sh.m, b);
		unsigned int type = s.isolated ? MIGRATE_ISOLATE : s.type;

		if (!sh.m->frames[b])
			continue;
		c->blocks[s.zone][type]++;
		while (pfn < end) {
			unsigned int o = FH_MAX_ORDER;

			if (!block_is_free(sh.m, pfn)) {
				pfn++;
				continue;
			}
			while (o && (pfn & ((1u << o) - 1) || !run_is_free(pfn, o, s.zone, type)))
				o--;
			/* the second half of a pair was counted with the first */
			if (!(o == FH_BLOCK_ORDER && b & 1 &&
			      run_is_free(pfn - FH_BLOCK_PAGES, FH_MAX_ORDER, s.zone, type)))
				c->run[s.zone][type][o]++;
			pfn += 1u << o;
		}
	}
}

static void census_is_right(void)
{
	struct census ours, model;
	uint64_t free = 0, in_zone;
	char begin[64], *end;

	read_census(&ours);
	model_census(&model);
	T_OK(!memcmp(&ours, &model, sizeof(ours)), "pagetypeinfo is not what the maps say");
	for (unsigned int z = 0; z < MAX_NR_ZONES; z++) {
		const char *s;

		if (!sh.m->zone[z].present)
			continue;
		in_zone = 0;
		for (unsigned int o = 0; o <= FH_MAX_ORDER; o++)
			for (unsigned int t = 0; t < MIGRATE_ISOLATE; t++)
				in_zone += ours.run[z][t][o] << o;
		free += in_zone;
		snprintf(begin, sizeof(begin), "Node 0, zone %8s", zone_name((enum zone_type)z));
		s = shown_line(shown(&sh, "proc/zoneinfo"), begin);
		T_EQ(shown_number(s, "nr_free_pages"), in_zone);
		T_EQ(shown_number(s, "pages free"), in_zone);
		snprintf(begin, sizeof(begin), "Node 0, zone %8s ", zone_name((enum zone_type)z));
		s = shown_line(shown(&sh, "proc/buddyinfo"), begin) + strlen(begin);
		for (unsigned int o = 0; o <= FH_MAX_ORDER; o++, s = end) {
			uint64_t n = 0;

			for (unsigned int t = 0; t < MIGRATE_TYPES; t++)
				n += ours.run[z][t][o];
			T_EQ(strtoull(s, &end, 10), n);
		}
	}
	T_EQ(shown_number(shown(&sh, "proc/vmstat"), "nr_free_pages"), free);
	T_EQ(shown_number(shown(&sh, "proc/meminfo"), "MemFree"), free * 4);
}

static uint32_t seed = 12345;

static uint32_t below(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

static void totals_of(struct boot_config *cfg)
{
	enum { N = 600 };
	static pfn_t pfn[N];
	static unsigned int order[N];
	static const gfp_t kinds[] = {GFP_KERNEL, GFP_HIGHUSER_MOVABLE, GFP_DMA, GFP_DMA32,
				      GFP_KERNEL | __GFP_RECLAIMABLE};

	shown_machine(&sh, cfg);
	census_is_right();
	for (unsigned int i = 0; i < N; i++) {
		order[i] = below(8) ? below(4) : below(FH_MAX_ORDER + 1);
		if (fh_alloc_pages(sh.m, kinds[below(5)], order[i], &pfn[i]))
			pfn[i] = 0;
		if (i == N / 2)
			census_is_right(); /* with words in this CPU's cache */
	}
	fh_cpu_quiesce(sh.m);
	census_is_right();
	for (unsigned int i = 0; i < N; i += 1 + below(2)) {
		if (pfn[i])
			T_EQ(fh_free_pages(sh.m, pfn[i], order[i]), 0);
		pfn[i] = 0;
	}
	fh_cpu_quiesce(sh.m);
	census_is_right();
	for (unsigned int i = 0; i < N; i++)
		if (pfn[i])
			T_EQ(fh_free_pages(sh.m, pfn[i], order[i]), 0);
	shown_done(&sh);
}

static void totals(void)
{
	totals_of(testplat_config(SHOWN_MIB, 64, CMA_POLICY_MOVABLE, 2, TP_THREE_ZONES));
}

/* The area lies in it. */
static void totals_of_zone_movable(void)
{
	struct boot_config *cfg =
		testplat_config(SHOWN_MIB, 64, CMA_POLICY_MOVABLE, 2, TP_THREE_ZONES);

	cfg->movable_start = TP_BASE + 160 * (UINT64_C(1) << 20);
	totals_of(cfg);
}

/* Free frames of an area that is never lent are in the map, so in every file that counts free ones. */
static void totals_of_carveout(void)
{
	totals_of(testplat_config(SHOWN_MIB, 64, CMA_POLICY_CARVEOUT, 2, TP_THREE_ZONES));
}

/* A block's two neighbours of order 10: of other types, isolated, in no pair. */
static void pairs(void)
{
	struct census c;
	struct block_state old, s;
	uint64_t b;

	shown_make(&sh, 62,
		   CMA_POLICY_MOVABLE); /* an odd number of blocks in the pair before the area */
	census_is_right();
	read_census(&c);
	T_EQ(c.run[ZONE_NORMAL][MIGRATE_CMA][FH_MAX_ORDER], 15);
	T_EQ(c.run[ZONE_NORMAL][MIGRATE_CMA][FH_BLOCK_ORDER], 1);
	T_EQ(c.blocks[ZONE_NORMAL][MIGRATE_CMA], 31);
	b = sh.m->zone[ZONE_DMA].first_block + 2;
	s = old = block_lock(sh.m, b);
	s.isolated = 1;
	block_unlock(sh.m, b, old, s);
	census_is_right();
	read_census(&c);
	T_EQ(c.run[ZONE_DMA][MIGRATE_ISOLATE][FH_BLOCK_ORDER], 1);
	T_EQ(c.run[ZONE_DMA][MIGRATE_MOVABLE][FH_BLOCK_ORDER], 1);
	T_EQ(c.blocks[ZONE_DMA][MIGRATE_ISOLATE], 1);
	s = block_lock(sh.m, b);
	block_unlock(sh.m, b, s, old);
	shown_done(&sh);
}

/* A zone may begin with the second block of a pair: no pair, no block of the other zone. */
static void odd_zones(void)
{
	struct boot_config *cfg =
		testplat_config(SHOWN_MIB, 0, CMA_POLICY_MOVABLE, 1, TP_THREE_ZONES);
	struct census c;

	cfg->dma_limit = TP_BASE + (66u << 20);	   /* blocks 0 to 32 */
	cfg->dma32_limit = TP_BASE + (130u << 20); /* 33 to 64 */
	shown_machine(&sh, cfg);
	census_is_right();
	read_census(&c);
	T_EQ(c.blocks[ZONE_DMA][MIGRATE_MOVABLE], 33);
	T_EQ(c.run[ZONE_DMA][MIGRATE_MOVABLE][FH_BLOCK_ORDER], 1);
	T_EQ(c.blocks[ZONE_DMA32][MIGRATE_MOVABLE], 32);
	T_EQ(c.run[ZONE_DMA32][MIGRATE_MOVABLE][FH_BLOCK_ORDER], 2);
	shown_done(&sh);
}

/* What is managed is free, in a CPU's cache, or handed out: the three files agree. */
static void cpu_counts(void)
{
	const char *s;
	int64_t count = 0;
	pfn_t pfn;

	shown_make(&sh, 0, CMA_POLICY_MOVABLE);
	T_EQ(fh_alloc_pages(sh.m, GFP_DMA, 0, &pfn), 0);
	s = shown_line(shown(&sh, "proc/zoneinfo"), "Node 0, zone      DMA");
	count = shown_number(s, "count");
	T_EQ(count, 63);
	T_EQ(shown_number(s, "pages free") + count + 1, shown_number(s, "managed"));
	T_EQ(fh_free_pages(sh.m, pfn, 0), 0);
	shown_done(&sh);
}

static int read_page(void *priv, uint64_t index, void *page)
{
	(void)priv;
	memset(page, (int)index, FH_PAGE_SIZE);
	return 0;
}

static int write_page(void *priv, uint64_t index, const void *page)
{
	(void)priv, (void)index, (void)page;
	return 0;
}

static void tenants(void)
{
	static const struct fh_object_ops ops = {read_page, write_page};
	struct fh_object *file, *anon;
	char byte = 1;

	shown_make(&sh, 16, CMA_POLICY_MOVABLE);
	T_EQ(fh_object_create(sh.m, 100, &ops, NULL, &file), 0);
	T_EQ(fh_object_create(sh.m, 50, NULL, NULL, &anon), 0);
	for (uint64_t i = 0; i < 100; i++)
		T_EQ(fh_object_read(file, i, 0, &byte, 1), 0);
	for (uint64_t i = 0; i < 50; i++)
		T_EQ(fh_object_write(anon, i, 0, &byte, 1), 0);
	T_EQ(fh_object_write(file, 7, 0, &byte, 1), 0);
	fh_cpu_quiesce(sh.m);
	T_EQ(shown_number(shown(&sh, "proc/meminfo"), "Cached"), 400);
	T_EQ(shown_number(sh.text, "AnonPages"), 200);
	T_EQ(shown_number(sh.text, "Dirty"), 4);
	T_EQ(shown_number(sh.text, "Active") + shown_number(sh.text, "Inactive"), 600);
	T_EQ(shown_number(sh.text, "Active(file)") + shown_number(sh.text, "Inactive(file)"), 400);
	T_EQ(shown_number(shown(&sh, "proc/vmstat"), "nr_file_pages"), 100);
	T_EQ(shown_number(sh.text, "nr_anon_pages"), 50);
	T_EQ(shown_number(sh.text, "nr_dirty"), 1);
	T_EQ(shown_number(sh.text, "nr_active_anon") + shown_number(sh.text, "nr_inactive_anon"),
	     50);
	fh_object_destroy(file);
	fh_object_destroy(anon);
	shown_done(&sh);
}

const struct t_case t_cases[] = {T(totals),
				 T(totals_of_zone_movable),
				 T(totals_of_carveout),
				 T(pairs),
				 T(odd_zones),
				 T(cpu_counts),
				 T(tenants),
				 T_END};
