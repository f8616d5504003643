/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Where ZONE_MOVABLE begins in each node: kernelcore=, movablecore=, as Linux shares what the kernel needs out to nodes. */
#include "boot/movable.h"
#include "boot/like.h"
#include "boot/nodes.h"
#include "boot/say.h"

#define GIB4 (UINT64_C(4) << 30)

/* Bytes are whole pages here: `left` is what the kernel still needs of RAM. */
struct share {
	struct boot_config *cfg;
	struct movable *movable;
	uint64_t usable; /* movable memory cannot begin below: only the highest zone gives some */
	uint64_t left;
};

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t highest_zone(const struct boot_config *cfg)
{
	struct boot_bank span = {0, 0};

	for (unsigned int z = MAX_NR_ZONES; z-- > 0;)
		if (boot_config_zone(cfg, (enum zone_type)z, &span))
			break;
	return span.base;
}

/* One range of a node, of which the kernel is to have `*core` bytes still. False: it has them. */
static bool take_range(struct share *s, const struct boot_node_range *r, uint64_t *core)
{
	uint64_t *start = &s->movable->start[r->node], end = r->base + r->size;
	uint64_t at = r->base > *start ? r->base : *start, taken;

	if (at >= end)
		return true;
	if (at < s->usable) {
		taken = least(end, s->usable) - at;
		*core -= least(taken, *core);
		s->left -= least(taken, s->left);
		if (end <= s->usable) {
			*start = end; /* not to be counted once more */
			return true;
		}
		at = s->usable;
	}
	taken = least(end - at, *core);
	*start = at + taken;
	s->left -= least(taken, s->left);
	*core -= taken;
	return *core;
}

static void take_node(struct share *s, unsigned int node, uint64_t core)
{
	const struct boot_config *cfg = s->cfg;

	for (unsigned int i = 0; i < cfg->nr_node_ranges; i++)
		if (cfg->node_range[i].node == node && !take_range(s, &cfg->node_range[i], &core))
			break;
}

/* As even as can be: who has too little leaves its part to the others, in rounds with one node less. */
static void spread(struct share *s)
{
	uint64_t page = boot_page_bytes(s->cfg);

	for (unsigned int nodes = nodes_count(s->cfg); nodes; nodes--) {
		uint64_t core = s->left / page / nodes * page;

		for (unsigned int node = 0; node < BOOT_MAX_NODES; node++) {
			if (!nodes_has(s->cfg, node))
				continue;
			if (s->left < core)
				core = s->left / page / nodes * page;
			take_node(s, node, core);
		}
		if (s->left / page <= nodes - 1)
			break;
	}
}

/* Whole blocks of the largest order; none where nothing of the node is left. */
static void align_starts(const struct boot_config *cfg, struct movable *movable)
{
	uint64_t unit = boot_page_bytes(cfg) << cfg->kernel.max_order, end[BOOT_MAX_NODES] = {0};

	for (unsigned int i = 0; i < cfg->nr_node_ranges; i++)
		end[cfg->node_range[i].node] = cfg->node_range[i].base + cfg->node_range[i].size;
	for (unsigned int node = 0; node < BOOT_MAX_NODES; node++) {
		uint64_t start = (movable->start[node] + unit - 1) & ~(unit - 1);

		movable->start[node] = start < end[node] ? start : 0;
	}
}

/* What a share of RAM comes to, in whole pages. */
static uint64_t bytes_of(const struct boot_config *cfg, const struct core_size *c, uint64_t ram)
{
	unsigned int shift = cfg->kernel.page_shift;

	return c->percent ? (ram >> shift) * 100 * c->percent / 10000 << shift
			  : c->bytes & ~(boot_page_bytes(cfg) - 1);
}

/* No tree says that memory is mirrored: 6.1 takes all of it, above 4 GiB, for what is not. */
static bool mirror(struct boot_config *cfg, struct movable *movable)
{
	bool below = false;

	if (cfg->like >= LIKE_MIRROR_CHECKED) {
		boot_say(cfg, "The system has no mirror memory, ignore kernelcore=mirror.\n");
		return false;
	}
	for (unsigned int i = 0; i < cfg->nr_node_ranges; i++) {
		const struct boot_node_range *r = &cfg->node_range[i];
		uint64_t *start = &movable->start[r->node];

		if (r->base < GIB4)
			below = true;
		else
			*start = *start ? least(*start, r->base) : r->base;
	}
	if (below)
		boot_say(cfg, "This configuration results in unmirrored kernel memory.\n");
	return true;
}

static bool find_starts(struct boot_config *cfg, const struct early *early,
			const struct boot_cmdline *c, struct movable *movable)
{
	uint64_t unit = boot_page_bytes(cfg) << cfg->kernel.max_order;
	uint64_t ram = early_total(&early->available), kernel, other;
	struct share s = {.cfg = cfg, .movable = movable, .usable = highest_zone(cfg)};

	/* No tree of ours has memory that can be unplugged, which alone would be movable. */
	if (c->movable_node)
		return false;
	if (c->kernelcore_mirror)
		return mirror(cfg, movable);
	kernel = bytes_of(cfg, &c->kernelcore, ram);
	other = bytes_of(cfg, &c->movablecore, ram);
	if (other) {
		other = least(other > UINT64_MAX - unit ? ram : (other + unit - 1) & ~(unit - 1),
			      ram);
		kernel = kernel > ram - other ? kernel : ram - other;
	}
	if (!kernel || kernel >= ram)
		return false;
	s.left = kernel;
	spread(&s);
	return true;
}

void movable_find(struct boot_config *cfg, const struct early *early, const struct boot_cmdline *c,
		  struct movable *movable)
{
	*movable = (struct movable){{cfg->movable_start}}; /* as a program has filled it in */
	if (cfg->movable_start && !c->kernelcore.bytes && !c->kernelcore.percent &&
	    !c->movablecore.bytes && !c->movablecore.percent)
		return;
	*movable = (struct movable){{0}};
	if (!find_starts(cfg, early, c, movable))
		return;
	align_starts(cfg, movable);
	/* A machine is one node: of several, the highest. */
	if (cfg->nr_node_ranges)
		cfg->movable_start = movable->start[cfg->node_range[cfg->nr_node_ranges - 1].node];
}
