/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The default area, of cma= or of the kernel's configuration, and areas of nodes: what Linux's dma_contiguous_reserve() asks for. */
#include "boot/area.h"
#include "boot/like.h"
#include "boot/nodes.h"
#include "boot/place_own.h"
#include "boot/say.h"
#include "boot/zones.h"
#include "base/fmt.h"

static uint64_t percentage(const struct boot_config *cfg, const struct early *early)
{
	uint64_t pages = early_total(&early->available) >> cfg->kernel.page_shift;

	return pages * cfg->kernel.cma_percentage / 100 << cfg->kernel.page_shift;
}

static uint64_t configured(const struct boot_config *cfg, const struct early *early)
{
	uint64_t bytes = cfg->kernel.cma_bytes, part = percentage(cfg, early);

	switch (cfg->kernel.cma_sel) {
	case BOOT_CMA_SEL_PERCENTAGE:
		return part;
	case BOOT_CMA_SEL_MIN:
		return bytes < part ? bytes : part;
	case BOOT_CMA_SEL_MAX:
		return bytes > part ? bytes : part;
	default:
		return bytes;
	}
}

static bool has_default(const struct boot_config *cfg)
{
	for (unsigned int i = 0; i < cfg->nr_regions; i++)
		if (cfg->region[i].kind == BOOT_REGION_CMA &&
		    (cfg->region[i].flags & BOOT_REGION_CMA_DEFAULT))
			return true;
	return false;
}

static int of_cmdline(struct boot_config *cfg, const struct boot_cmdline *c, struct area *a,
		      struct boot_why *why)
{
	uint64_t most = UINT64_C(1) << BOOT_PHYS_BITS;

	uint64_t bits = cfg->kernel.arch == BOOT_ARCH_ARM ? UINT32_MAX : UINT64_MAX;
	uint64_t limit = c->cma_limit & bits;

	a->option = "cma=";
	a->size = c->cma_size & bits;
	a->base = c->cma_base & bits;
	a->fixed = ((a->base + a->size) & bits) == limit;
	a->flags |= BOOT_REGION_CMDLINE;
	/* From 7 on who asks knows better than the buses. */
	if (limit && (limit < a->limit || cfg->like >= LIKE_7))
		a->limit = limit;
	if (a->size != c->cma_size || a->base != c->cma_base || limit != c->cma_limit)
		return boot_go_on(cfg, why, FH_ERANGE,
				  "cma=: a number passes 32 bits, and an arm kernel without LPAE "
				  "cuts it off");
	if (a->size > most || a->base > most)
		return boot_go_on(cfg, why, FH_ERANGE, "cma=: size or start pass bit %d",
				  BOOT_PHYS_BITS);
	return 0;
}

static int place_default(struct boot_config *cfg, struct early *early, const struct boot_cmdline *c,
			 int *refused, struct boot_why *why)
{
	struct area a = {
		.name = "reserved",
		.option = "the kernel's default area",
		.limit = zones_reach(cfg),
		.flags = BOOT_REGION_CMA_DEFAULT,
		.node = AREA_ANY_NODE,
	};
	int err = 0;

	*refused = 0;
	if (!c->has_cma)
		a.size = configured(cfg, early);
	else if (c->cma_size)
		err = of_cmdline(cfg, c, &a, why);
	if (err || !a.size || has_default(cfg))
		return err;
	return area_declare(cfg, early, &a, refused, why);
}

static const char *function(const struct boot_config *cfg)
{
	return cfg->like < LIKE_NUMA_CMA ? "dma_pernuma_cma_reserve" : "dma_numa_cma_reserve";
}

static int place_in_node(struct boot_config *cfg, struct early *early, unsigned int node,
			 const char *kind, uint64_t size, struct boot_why *why)
{
	bool numa = kind[0] == 'n';
	struct area a = {.size = size, .node = (int)node};
	char name[24], option[40];
	int err, refused;

	if (!size)
		return 0;
	fh_snprintf(name, sizeof(name), "%s%u", kind, node);
	fh_snprintf(option, sizeof(option), "%s (node %u)",
		    numa ? "numa_cma=" : "cma_pernuma=", node);
	a.name = name;
	a.option = option;
	a.flags = BOOT_REGION_CMDLINE;
	err = area_declare(cfg, early, &a, &refused, why);
	if (!err && refused)
		boot_say(cfg, "cma: %s: reservation failed: err %d, node %u\n", function(cfg),
			 refused, node);
	return err;
}

static uint64_t default_size(const struct boot_config *cfg)
{
	for (unsigned int i = 0; i < cfg->nr_regions; i++)
		if (cfg->region[i].kind == BOOT_REGION_CMA &&
		    (cfg->region[i].flags & BOOT_REGION_CMA_DEFAULT))
			return cfg->region[i].size;
	return 0;
}

/* One area a node. */
static uint64_t size_in_7(const struct boot_config *cfg, const struct boot_cmdline *c,
			  unsigned int node)
{
	uint64_t each = c->pernuma;

	if (cfg->kernel.numa_cma_pernuma && !c->has_numa && nodes_count(cfg) > 1)
		each = default_size(cfg);
	return c->numa[node] ? c->numa[node] : each;
}

static int place_nodes(struct boot_config *cfg, struct early *early, const struct boot_cmdline *c,
		       struct boot_why *why)
{
	int err = 0;

	for (unsigned int node = 0; node < BOOT_MAX_NODES && !err; node++) {
		if (!nodes_has(cfg, node))
			continue;
		if (cfg->like >= LIKE_7) {
			err = place_in_node(cfg, early, node, "numa", size_in_7(cfg, c, node), why);
			continue;
		}
		err = place_in_node(cfg, early, node, "pernuma", c->pernuma, why);
		if (!err && cfg->like >= LIKE_NUMA_CMA)
			err = place_in_node(cfg, early, node, "numa", c->numa[node], why);
	}
	return err;
}

/* dma_contiguous_reserve() of kernels that do so when zones are known: nodes first. */
static int place_default_last(struct boot_config *cfg, struct early *early,
			      const struct boot_cmdline *c, struct boot_why *why)
{
	int err = 0, refused;

	if (cfg->kernel.numa_cma && cfg->like >= LIKE_NUMA_CMA)
		err = place_nodes(cfg, early, c, why);
	return err ? err : place_default(cfg, early, c, &refused, why);
}

/* The same of 7: nodes come last, and not after a default area that failed. */
static int place_default_first(struct boot_config *cfg, struct early *early,
			       const struct boot_cmdline *c, struct boot_why *why)
{
	int refused, err = place_default(cfg, early, c, &refused, why);

	return err || refused || !cfg->kernel.numa_cma ? err : place_nodes(cfg, early, c, why);
}

int place_default_areas(struct boot_config *cfg, struct early *early, const struct boot_cmdline *c,
			struct boot_why *why)
{
	if (!cfg->kernel.dma_cma)
		return 0;
	return cfg->like < LIKE_7 ? place_default_last(cfg, early, c, why)
				  : place_default_first(cfg, early, c, why);
}

int place_before_zones(struct boot_config *cfg, struct early *early, const struct boot_cmdline *c,
		       struct boot_why *why)
{
	int err;

	if (cfg->like >= LIKE_7)
		return place_default_areas(cfg, early, c, why);
	err = place_hugetlb(cfg, early, c, why);
	if (!err && cfg->kernel.numa_cma && cfg->like < LIKE_NUMA_CMA)
		err = place_nodes(cfg, early, c, why);
	return err;
}

int place_after_zones(struct boot_config *cfg, struct early *early, const struct boot_cmdline *c,
		      struct boot_why *why)
{
	if (cfg->like >= LIKE_7)
		return place_hugetlb(cfg, early, c, why);
	return place_default_areas(cfg, early, c, why);
}
