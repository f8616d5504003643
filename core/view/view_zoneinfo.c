/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* proc/zoneinfo: every zone's counters and watermarks, and what each CPU keeps of it. */
#include "base/bits.h"
#include "mm/policy.h"
#include "view/view.h"

/*
 * How many frames a word of the cache holds, for show: its owner changes the mask without telling anybody, so
 * this is true of some moment, and the race is meant.
 */
__attribute__((no_sanitize("thread"))) static uint64_t run_count(const struct pcp_run *r)
{
	return bits_count(*(const volatile uint64_t *)&r->mask);
}

__attribute__((no_sanitize("thread"))) static uint64_t loose_count(const struct loose *l)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < LOOSE_WORDS; i++)
		n += run_count(&l->entry[i]);
	for (unsigned int t = 0; t < LOOSE_TYPES; t++)
		n += (uint64_t) * (const volatile uint32_t *)&l->nr_whole[t] << FH_BLOCK_ORDER;
	return n;
}

static uint64_t pcp_count(const struct fh_cpu *cpu, enum zone_type zone)
{
	const struct pcp_zone *pz = &cpu->zone[zone];
	uint64_t n = run_count(&pz->freed.run);

	for (unsigned int t = 0; t < PCP_TYPES; t++)
		for (unsigned int c = 0; c < PCP_CLASSES; c++)
			n += run_count(&pz->slot[t][c].run);
	return zone == cpu->loose.zone ? n + loose_count(&cpu->loose) : n;
}

/* The most a CPU can keep of a zone: a word in each slot, less than a word in each loose one, whole blocks. */
#define PCP_WORD 64
static unsigned int pcp_high(const struct fh_cpu *cpu)
{
	return PCP_WORD * (PCP_TYPES * PCP_CLASSES + 1) + (PCP_WORD - 1) * LOOSE_WORDS +
	       LOOSE_TYPES * cpu->loose.max_whole * FH_BLOCK_PAGES;
}

static void pagesets(struct view *v, unsigned int zone)
{
	view_add(v, "\n  pagesets");
	for (unsigned int i = 0; i < v->m->nr_cpus; i++) {
		view_add(v, "\n    cpu: %u", i);
		view_add(v, "\n              count: %llu",
			 (ull)pcp_count(&v->m->cpu[i], (enum zone_type)zone));
		view_add(v, "\n              high:  %u", pcp_high(&v->m->cpu[i]));
		view_add(v, "\n              batch: %u", PCP_WORD);
		view_add(v, "\n  vm stats threshold: %u", PCP_UNCOUNTED);
	}
}

static void stat(struct view *v, const char *name, uint64_t value)
{
	view_add(v, "\n      %-12s %llu", name, (ull)value);
}

static void node_stats(struct view *v)
{
	struct view_stat node[VIEW_NODE_STATS];

	view_add(v, "\n  per-node stats");
	view_node_stats(v->m, node);
	for (unsigned int i = 0; i < VIEW_NODE_STATS; i++)
		stat(v, node[i].name, node[i].value);
}

static void pages(struct view *v, const char *name, uint64_t value)
{
	view_add(v, "\n        %-8s %llu", name, (ull)value);
}

static void watermarks(struct view *v, const struct zone *z)
{
	/* Linux gives ZONE_MOVABLE its least when it is empty, too. */
	bool none = z == &v->m->zone[ZONE_MOVABLE] && !z->managed;
	uint64_t least = none ? policy_movable_min(0) : 0, high = z->wmark[WMARK_HIGH] + least;

	view_add(v, "\n  pages free     %llu", (ull)view_zone_free(v->m, z));
	pages(v, "boost", 0);
	pages(v, "min", z->wmark[WMARK_MIN] + least);
	pages(v, "low", z->wmark[WMARK_LOW] + least);
	pages(v, "high", high);
	pages(v, "promo", high + high - least - z->wmark[WMARK_LOW]);
	pages(v, "spanned", z->spanned);
	pages(v, "present", z->present);
	pages(v, "managed", z->managed);
	pages(v, "cma", (uint64_t)zone_count(&z->cma_pages));
	view_add(v, "\n        protection: (");
	for (unsigned int i = 0; i < MAX_NR_ZONES; i++)
		view_add(v, "%s%llu", i ? ", " : "", (ull)z->lowmem_reserve[i]);
	view_add(v, ")");
}

static void zone_stats(struct view *v, unsigned int i)
{
	const struct zone *z = &v->m->zone[i];

	stat(v, "nr_free_pages", view_zone_free(v->m, z));
	stat(v, "nr_mlock", 0);
	stat(v, "nr_bounce", 0);
	stat(v, "nr_zspages", 0);
	stat(v, "nr_free_cma", view_zone_free_cma(z));
	pagesets(v, i);
	view_add(v, "\n  node_unreclaimable:  0");
	view_add(v, "\n  start_pfn:           %llu", (ull)machine_block_pfn(v->m, z->first_block));
}

/* Zones without memory are shown as well, in short: what they would reserve counts in others. */
void view_zoneinfo(struct view *v)
{
	bool first = true;

	for (unsigned int i = 0; i < MAX_NR_ZONES; i++) {
		const struct zone *z = &v->m->zone[i];

		view_add(v, "Node 0, zone %8s", zone_name((enum zone_type)i));
		if (z->present && first)
			node_stats(v);
		first &= !z->present;
		watermarks(v, z);
		if (z->present)
			zone_stats(v, i);
		view_add(v, "\n");
	}
}
