/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Asks a machine for a device's buffer and looks at what came of it. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "books.h"
#include "boot_words.h"
#include "explain.h"

#define DEFAULT_MASK UINT64_C(0xffffffff)
#define PHYS_TOP     (UINT64_C(1) << BOOT_PHYS_BITS)

static char wrong[BOOT_WHY_MAX]; /* what explain_find() returns */

/* ---- the device ---- */

static bool overlaps(const struct boot_region *r, uint64_t base, uint64_t size)
{
	return base < r->base + r->size && r->base < base + size;
}

/* In which region or zone an address lies. */
static void place_of(const struct boot_config *cfg, uint64_t phys, char *buf, size_t size)
{
	struct boot_bank span;

	for (unsigned int i = 0; i < cfg->nr_regions; i++) {
		if (!overlaps(&cfg->region[i], phys, 1))
			continue;
		snprintf(buf, size, "%s %s",
			 cfg->region[i].kind == BOOT_REGION_CMA ? "area" : "region",
			 cfg->region[i].name);
		return;
	}
	for (unsigned int z = 0; z < MAX_NR_ZONES; z++)
		if (boot_config_zone(cfg, (enum zone_type)z, &span) && phys >= span.base &&
		    phys - span.base < span.size)
			snprintf(buf, size, "zone %s", boot_zone_name(cfg, (int)z));
}

/* One window that moves all addresses. */
static void set_offset(struct device *dev, int64_t offset)
{
	uint64_t cpu = offset < 0 ? (uint64_t)0 - (uint64_t)offset : 0;

	dev->nr_ranges = 1;
	dev->range[0] = (struct bus_dma_region){
		.cpu = {cpu},
		.dma = {cpu + (uint64_t)offset},
		.size = PHYS_TOP - cpu,
	};
	dev->bus_dma_limit = 0;
}

/* The entry of memory-region that is asked for: a number, or a name; past them all if there is none of that name. */
static unsigned int region_index(const struct explain *e)
{
	const char *region = e->ask->region;
	unsigned long index;
	unsigned int i = 0;
	char *end;

	if (!region)
		return 0;
	index = strtoul(region, &end, 10);
	if (*region >= '0' && *region <= '9' && !*end)
		return index < UINT_MAX ? (unsigned int)index : UINT_MAX;
	while (i < e->node.nr_regions && strcmp(e->node.region[i].name, region) != 0)
		i++;
	return i;
}

static const char *from_node(struct explain *e, struct fh_machine *m)
{
	unsigned int index = region_index(e);
	bool by_name = e->ask->region && index == e->node.nr_regions &&
		       (*e->ask->region < '0' || *e->ask->region > '9');
	struct boot_why why = {""};
	int err;

	if (by_name) /* there is none: that says so */
		err = device_init_of_name(&e->dev, m, &e->node, e->ask->region, &why);
	else if (e->ask->region)
		err = device_init_of_region(&e->dev, m, &e->node, index, &why);
	else
		err = device_init_of(&e->dev, m, &e->node, &why);
	snprintf(wrong, sizeof(wrong), "%s", why.text);
	return err ? wrong : NULL;
}

static const char *make_device(struct explain *e, struct fh_machine *m)
{
	const struct explain_ask *ask = e->ask;
	const char *broken;

	e->dev = (struct device){
		.machine = m,
		.name = "device",
		.dma_mask = DEFAULT_MASK,
		.coherent_dma_mask = DEFAULT_MASK,
	};
	broken = ask->device ? from_node(e, m) : NULL;
	if (broken)
		return broken;
	if (ask->has_offset)
		set_offset(&e->dev, ask->offset);
	if (ask->mask_bits)
		e->dev.dma_mask = e->dev.coherent_dma_mask = DMA_BIT_MASK(ask->mask_bits);
	e->dev.dma_coherent |= ask->coherent;
	if (!ask->area)
		return NULL;
	e->dev.cma_area = cma_find(m, ask->area);
	if (e->dev.cma_area)
		return NULL;
	snprintf(wrong, sizeof(wrong), "--area %.80s: the machine has no area of that name",
		 ask->area);
	return wrong;
}

/* What of memory is its own, in words. */
static void name_memory(struct explain *e)
{
	const struct boot_device_region *r = &e->node.region[0];
	unsigned int index = region_index(e);
	size_t at = 0;

	if (e->dev.cma_area)
		at = (size_t)snprintf(e->memory, sizeof(e->memory), "area %s",
				      cma_get_name(e->dev.cma_area));
	if (index < e->node.nr_regions && (e->dev.dma_mem || e->dev.dma_io_tlb_mem))
		snprintf(e->memory + at, sizeof(e->memory) - at, "%s%s %s", at ? ", " : "",
			 e->dev.dma_mem ? "pool" : "restricted pool", r[index].node);
}

/* ---- a coherent buffer ---- */

static uint64_t phys_of(const struct device *dev, uint64_t bus)
{
	phys_t phys;

	if (dev->iommu)
		return iommu_iova_to_phys(dev->iommu, (dma_t){bus}, &phys) ? phys.v : UINT64_MAX;
	for (unsigned int i = 0; i < dev->nr_ranges; i++)
		if (bus - dev->range[i].dma.v < dev->range[i].size)
			return bus - dev->range[i].dma.v + dev->range[i].cpu.v;
	return dev->nr_ranges ? UINT64_MAX : bus;
}

static void find_runs(struct explain *e)
{
	uint64_t pages = (e->ask->size + FH_PAGE_SIZE - 1) >> FH_PAGE_SHIFT, next = UINT64_MAX;

	for (uint64_t i = 0; i < pages; i++) {
		uint64_t phys = phys_of(&e->dev, e->bus + (i << FH_PAGE_SHIFT));

		if (phys != next) {
			e->nr_runs++;
			if (e->nr_runs <= EXPLAIN_RUNS) {
				e->run[e->nr_runs - 1] = (struct explain_run){.phys = phys};
				place_of(e->cfg, phys, e->run[e->nr_runs - 1].where,
					 sizeof(e->run[0].where));
			}
		}
		if (e->nr_runs <= EXPLAIN_RUNS)
			e->run[e->nr_runs - 1].size += FH_PAGE_SIZE;
		next = phys + FH_PAGE_SIZE;
	}
}

struct made {
	dma_t handle;
	void *cpu;
};

static const char *ask_for_buffers(struct explain *e)
{
	const struct explain_ask *ask = e->ask;
	struct made *made = calloc(ask->count, sizeof(*made));
	unsigned int lines = e->nr_lines;

	if (!made)
		return "out of memory";
	while (e->served < ask->count) {
		struct made *b = &made[e->served];

		e->nr_lines = lines; /* of one request at a time */
		e->err = dma_alloc_explained(&e->dev, ask->size, ask->gfp, ask->attrs, &b->handle,
					     &b->cpu, &e->way);
		if (e->err)
			break;
		e->served++;
	}
	if (!e->err) {
		e->bus = made[e->served - 1].handle.v;
		find_runs(e);
	}
	for (uint64_t i = 0; i < e->served; i++)
		if (dma_free_attrs(&e->dev, ask->size, made[i].cpu, made[i].handle, ask->attrs))
			fprintf(stderr, "freehold explain: buffer %" PRIu64 " was not taken back\n",
				i);
	free(made);
	return NULL;
}

/* ---- streaming ---- */

/* The bus address that the windows give for all of it. */
static bool bus_of(const struct device *dev, uint64_t phys, uint64_t size, uint64_t *bus)
{
	*bus = phys;
	for (unsigned int i = 0; i < dev->nr_ranges; i++) {
		uint64_t in = phys - dev->range[i].cpu.v;

		*bus = in + dev->range[i].dma.v;
		if (in < dev->range[i].size && size <= dev->range[i].size - in)
			return true;
	}
	return !dev->nr_ranges;
}

/* Why it is or is not mapped directly. */
static bool say_reach(const struct explain *e, uint64_t phys, char *buf, size_t size)
{
	const struct device *dev = &e->dev;
	uint64_t bus, last, mask = dma_get_mask(dev);

	if (dev->dma_io_tlb_mem) {
		snprintf(buf, size, "it has a restricted pool: all is bounced");
		return false;
	}
	if (e->cfg->dma.swiotlb_force) {
		snprintf(buf, size, "swiotlb=force: all is bounced");
		return false;
	}
	if (!bus_of(dev, phys, e->ask->size, &bus)) {
		snprintf(buf, size, "no window of its bus shows all of it");
		return false;
	}
	last = bus + e->ask->size - 1;
	if (dev->bus_dma_limit && last > dev->bus_dma_limit && dev->bus_dma_limit <= mask)
		snprintf(buf, size, "0x%" PRIx64 " is above the limit of its bus, 0x%" PRIx64, last,
			 dev->bus_dma_limit);
	else if (last > mask)
		snprintf(buf, size, "0x%" PRIx64 " is above its mask, 0x%" PRIx64, last, mask);
	else
		snprintf(buf, size, "0x%" PRIx64 " is within its mask, 0x%" PRIx64, last, mask);
	return last <= mask && (!dev->bus_dma_limit || last <= dev->bus_dma_limit);
}

static void add_reason(char *buf, size_t size, const char *text)
{
	size_t at = strlen(buf);

	snprintf(buf + at, size - at, "%s", text);
}

static void map_at(struct explain *e, uint64_t phys)
{
	struct explain_map *map = &e->map[e->nr_maps++];
	uint64_t most = dma_max_mapping_size(&e->dev), size = e->ask->size;
	bool direct;
	dma_t handle;
	char text[64];

	*map = (struct explain_map){.phys = phys};
	place_of(e->cfg, phys, map->where, sizeof(map->where));
	direct = say_reach(e, phys, map->why, sizeof(map->why));
	map->err = dma_map_phys(&e->dev, (phys_t){phys}, size, DMA_BIDIRECTIONAL, DMA_ATTR_NO_WARN,
				&handle);
	if (map->err) {
		map->how = "refused";
		if (e->dev.iommu)
			snprintf(map->why, sizeof(map->why), "its address space has no room");
		else if (map->err == -FH_ENOSPC)
			add_reason(map->why, sizeof(map->why), "; the bounce buffers are full");
		else if (size > most && most) {
			snprintf(text, sizeof(text),
				 "; it cannot be bounced: the most is %" PRIu64 " KiB",
				 most / 1024);
			add_reason(map->why, sizeof(map->why), text);
		} else if (!direct)
			add_reason(map->why, sizeof(map->why),
				   "; there are no bounce buffers that it reaches");
		return;
	}
	map->bus = handle.v;
	map->how = e->dev.iommu ? "by IOMMU" : direct ? "direct" : "bounced";
	if (e->dev.iommu)
		snprintf(map->why, sizeof(map->why), "any RAM can be shown to it");
	dma_unmap_phys(&e->dev, handle, size, DMA_BIDIRECTIONAL, 0);
}

/* The highest run of that size in [low, high) that no region has; false: none. */
static bool highest_run(const struct boot_config *cfg, uint64_t low, uint64_t high, uint64_t size,
			uint64_t *phys)
{
	if (high < size || high - size < low)
		return false;
	*phys = (high - size) & ~(FH_PAGE_SIZE - 1);
	for (unsigned int i = 0; i < cfg->nr_regions; i++)
		if (overlaps(&cfg->region[i], *phys, size))
			return highest_run(cfg, low, cfg->region[i].base, size, phys);
	return *phys >= low;
}

/* A program's memory may lie in any zone: one of each, as high as it goes. */
static void map_zones(struct explain *e)
{
	const struct boot_config *cfg = e->cfg;
	struct boot_bank span;
	uint64_t phys;

	for (unsigned int z = 0; z < MAX_NR_ZONES; z++) {
		if (!boot_config_zone(cfg, (enum zone_type)z, &span))
			continue;
		for (unsigned int i = cfg->nr_banks; i-- > 0;) {
			const struct boot_bank *b = &cfg->bank[i];
			uint64_t end = b->base + b->size, zone_end = span.base + span.size;

			if (!highest_run(cfg, b->base > span.base ? b->base : span.base,
					 end < zone_end ? end : zone_end, e->ask->size, &phys))
				continue;
			map_at(e, phys);
			break;
		}
	}
}

static const char *ask_for_maps(struct explain *e)
{
	const struct explain_ask *ask = e->ask;

	if (!ask->has_phys) {
		map_zones(e);
		return e->nr_maps ? NULL : "--size: no free run of RAM is as large as that";
	}
	for (unsigned int i = 0; i < e->cfg->nr_banks; i++) {
		const struct boot_bank *b = &e->cfg->bank[i];

		if (ask->phys < b->base || ask->phys - b->base >= b->size ||
		    ask->size > b->size - (ask->phys - b->base))
			continue;
		map_at(e, ask->phys);
		return NULL;
	}
	snprintf(wrong, sizeof(wrong), "--phys 0x%" PRIx64 ": no RAM from there for --size bytes",
		 ask->phys);
	return wrong;
}

/* ---- all ---- */

static const char *attach(struct explain *e, struct fh_machine *m)
{
	const struct iommu_options opts = {.strict = e->cfg->dma.iommu_strict};
	struct iommu_domain *domain;
	struct boot_why why;

	if (!e->ask->iommu && !e->node.iommu)
		return NULL;
	if (iommu_domain_create(m, &opts, &domain))
		return "no memory for an address space";
	if (!device_attach_iommu(&e->dev, &e->node, domain, &why))
		return NULL;
	iommu_domain_destroy(domain);
	snprintf(wrong, sizeof(wrong), "%s", why.text);
	return wrong;
}

static const char *ask_machine(struct explain *e, struct fh_machine *m)
{
	const char *broken = make_device(e, m);

	if (!broken)
		broken = attach(e, m);
	if (broken)
		return broken;
	name_memory(e);
	broken = e->ask->stream ? ask_for_maps(e) : ask_for_buffers(e);
	return broken;
}

static void hear(void *arg, int level, const char *line)
{
	struct explain *e = arg;

	(void)level;
	if (e->listens && e->nr_lines++ < EXPLAIN_LINES)
		snprintf(e->line[e->nr_lines - 1], sizeof(e->line[0]), "%s", line);
}

const char *explain_find(struct explain *e, const struct explain_ask *ask,
			 const struct boot_config *cfg, const struct load_tree *tree)
{
	struct boot_why why = {""};
	struct books books = {.caches = true, .log = hear, .log_arg = e};
	const char *broken;

	memset(e, 0, sizeof(*e));
	e->ask = ask;
	e->cfg = cfg;
	if (ask->device &&
	    boot_device_fdt(tree->blob, tree->size, cfg, ask->device, &e->node, &why)) {
		snprintf(wrong, sizeof(wrong), "%s", why.text);
		return wrong;
	}
	books.bytes = ask->iommu || e->node.iommu;
	broken = books_open(&books, cfg);
	if (broken)
		return broken;
	e->listens = true;
	broken = ask_machine(e, books.m);
	e->listens = false;
	if (e->dev.iommu)
		iommu_domain_destroy(e->dev.iommu);
	books_close(&books);
	return broken;
}
