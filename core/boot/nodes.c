/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* NUMA: which node RAM belongs to, after firmware's word for it, and Linux's lines about that. */
#include "boot/nodes.h"
#include "boot/like.h"
#include "boot/say.h"

#define MIB (UINT64_C(1) << 20)

typedef unsigned long long ull;

struct list {
	struct boot_node_range range[BOOT_MAX_BANKS];
	unsigned int nr;
	uint64_t bytes;
	bool bad; /* two nodes have the same RAM, or there are too many pieces */
};

/* Keeps the list in the order of addresses, neighbours of one node joined. */
static void add(struct list *l, uint64_t base, uint64_t end, unsigned int node)
{
	struct boot_node_range *r = l->range;
	unsigned int at = l->nr;

	l->bad |= l->nr == BOOT_MAX_BANKS;
	if (l->bad)
		return;
	for (; at && r[at - 1].base > base; at--)
		r[at] = r[at - 1];
	r[at] = (struct boot_node_range){base, end - base, node};
	l->nr++;
	l->bytes += end - base;
}

static void join(struct list *l)
{
	struct boot_node_range *r = l->range;
	unsigned int n = 0;

	for (unsigned int i = 0; i < l->nr; i++) {
		struct boot_node_range *last = n ? &r[n - 1] : NULL;

		if (last && last->base + last->size > r[i].base)
			l->bad = true;
		if (last && last->base + last->size == r[i].base && last->node == r[i].node)
			last->size += r[i].size;
		else
			r[n++] = r[i];
	}
	l->nr = n;
}

static void add_part(struct list *l, const struct boot_node_range *r, const struct early_range *ram)
{
	uint64_t base = r->base > ram->base ? r->base : ram->base, end = r->base + r->size;

	if (end > ram->end)
		end = ram->end;
	if (base < end)
		add(l, base, end, r->node);
}

static void one_node(struct list *l, const struct early_set *ram)
{
	*l = (struct list){.nr = 0};
	for (unsigned int i = 0; i < ram->nr; i++)
		add(l, ram->range[i].base, ram->range[i].end, 0);
}

void nodes_settle(struct boot_config *cfg, const struct early_set *ram)
{
	uint64_t all = early_total(ram);
	struct list l = {.nr = 0};

	for (unsigned int i = 0; i < cfg->nr_node_ranges; i++)
		for (unsigned int k = 0; k < ram->nr; k++)
			add_part(&l, &cfg->node_range[i], &ram->range[k]);
	join(&l);
	if (!cfg->kernel.numa || l.bad || l.bytes != all) {
		if (cfg->kernel.numa && cfg->nr_node_ranges && !l.bad &&
		    cfg->like >= LIKE_NODES_COVER)
			boot_say(cfg, "NUMA: no nodes coverage for %lluMB of %lluMB RAM\n",
				 (ull)((all - l.bytes) / MIB), (ull)(all / MIB));
		one_node(&l, ram);
	}
	cfg->nr_node_ranges = l.nr;
	for (unsigned int i = 0; i < l.nr; i++)
		cfg->node_range[i] = l.range[i];
}

bool nodes_has(const struct boot_config *cfg, unsigned int node)
{
	for (unsigned int i = 0; i < cfg->nr_node_ranges; i++)
		if (cfg->node_range[i].node == node)
			return true;
	return false;
}

unsigned int nodes_count(const struct boot_config *cfg)
{
	unsigned int n = 0;

	for (unsigned int node = 0; node < BOOT_MAX_NODES; node++)
		n += nodes_has(cfg, node);
	return n;
}

/* ---- what Linux says ---- */

static void say_part(struct boot_config *cfg, unsigned int node, uint64_t start, uint64_t end)
{
	uint64_t page = boot_page_bytes(cfg);

	start = (start + page - 1) & ~(page - 1);
	end &= ~(page - 1);
	if (start < end)
		boot_say(cfg, "  node %3u: [mem 0x%016llx-0x%016llx]\n", node, (ull)start,
			 (ull)(end - 1));
}

/* Linux keeps memory apart from memory that is not mapped, and shows both. */
static void say_range(struct boot_config *cfg, const struct early_set *nomap,
		      struct boot_node_range r)
{
	uint64_t at = r.base, end = r.base + r.size;

	for (unsigned int i = 0; i < nomap->nr; i++) {
		uint64_t from = nomap->range[i].base, to = nomap->range[i].end;

		if (to <= at || from >= end)
			continue;
		if (from > at)
			say_part(cfg, r.node, at, from);
		say_part(cfg, r.node, from > at ? from : at, to < end ? to : end);
		at = to < end ? to : end;
	}
	say_part(cfg, r.node, at, end);
}

static void say_setup(struct boot_config *cfg, unsigned int node)
{
	uint64_t start = UINT64_MAX, end = 0;

	for (unsigned int i = 0; i < cfg->nr_node_ranges; i++) {
		const struct boot_node_range *r = &cfg->node_range[i];

		if (r->node != node)
			continue;
		start = start < r->base ? start : r->base;
		end = r->base + r->size;
	}
	if (start < end)
		boot_say(cfg, "Initmem setup node %u [mem 0x%016llx-0x%016llx]\n", node, (ull)start,
			 (ull)(end - 1));
}

void nodes_say(struct boot_config *cfg, const struct early *early)
{
	boot_say(cfg, "Early memory node ranges\n");
	for (unsigned int i = 0; i < cfg->nr_node_ranges; i++)
		say_range(cfg, &early->nomap, cfg->node_range[i]);
	for (unsigned int node = 0; node < BOOT_MAX_NODES; node++)
		say_setup(cfg, node);
}
