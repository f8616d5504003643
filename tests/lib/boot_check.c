/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What <freehold/boot.h> promises of a finished boot_config, asked of one. */
#include <libfdt.h>
#include <string.h>
#include "boot_check.h"

static bool within(const struct boot_region *r, uint64_t base, uint64_t size)
{
	return r->base >= base && r->base + r->size <= base + size;
}

static bool in_ram(const struct boot_config *cfg, const struct boot_region *r)
{
	for (unsigned int i = 0; i < cfg->nr_banks; i++) {
		uint64_t size = cfg->bank[i].size;

		/* Of a page of which all but a byte is RAM a region can have a part. */
		if (cfg->arm.to_the_top && r->flags & BOOT_REGION_DYNAMIC && i + 1 == cfg->nr_banks)
			size += FH_PAGE_SIZE - 1;
		if (within(r, cfg->bank[i].base, size))
			return true;
	}
	return false;
}

static bool in_one_zone(const struct boot_config *cfg, const struct boot_region *r)
{
	struct boot_bank span;

	if (r->base < cfg->movable_start && r->base + r->size > cfg->movable_start)
		return false;
	for (unsigned int z = 0; z < MAX_NR_ZONES; z++)
		if (boot_config_zone(cfg, (enum zone_type)z, &span) &&
		    within(r, span.base, span.size))
			return true;
	return false;
}

static bool pool(const struct boot_region *r)
{
	return r->kind == BOOT_REGION_DMA_POOL || r->kind == BOOT_REGION_RESTRICTED_POOL;
}

static const char *check_banks(const struct boot_config *cfg)
{
	const struct boot_bank *b = cfg->bank;

	if (!cfg->nr_banks || cfg->nr_banks > BOOT_MAX_BANKS)
		return "number of banks";
	for (unsigned int i = 0; i < cfg->nr_banks; i++) {
		if (!b[i].size || ((b[i].base | b[i].size) & (boot_page_bytes(cfg) - 1)))
			return "banks are whole pages";
		if (b[i].base + b[i].size > UINT64_C(1) << BOOT_PHYS_BITS)
			return "banks have addresses";
		if (i && b[i - 1].base + b[i - 1].size >= b[i].base)
			return "banks ascend and are disjoint";
	}
	return NULL;
}

static const char *check_region(const struct boot_config *cfg, unsigned int i)
{
	const struct boot_region *r = &cfg->region[i];

	if (!r->size || r->base + r->size < r->base || !memchr(r->name, 0, sizeof(r->name)))
		return "a region has a name and a size";
	if (r->kind == BOOT_REGION_CMA && (((r->base | r->size) & (boot_block_bytes(cfg) - 1)) ||
					   !in_ram(cfg, r) || !in_one_zone(cfg, r)))
		return "an area is blocks of RAM of one zone";
	if (r->kind == BOOT_REGION_RESTRICTED_POOL && !in_ram(cfg, r))
		return "a restricted pool is RAM";
	/* A kernel for 32-bit ARM without HighMem throws RAM away once regions lie, and theirs with it. */
	if ((r->flags & BOOT_REGION_DYNAMIC) && !in_ram(cfg, r) &&
	    (!boot_is_arm(cfg) || cfg->kernel.highmem))
		return "a dynamic region is RAM";
	for (unsigned int k = 0; k < i; k++) {
		const struct boot_region *o = &cfg->region[k];

		if (r->flags & o->flags & (BOOT_REGION_CMA_DEFAULT | BOOT_REGION_DMA_DEFAULT))
			return "there is one default";
		/* Linux lets that pass, which is noted. */
		if (r->base >= o->base + o->size || o->base >= r->base + r->size || cfg->nr_notes)
			continue;
		if (r->kind == BOOT_REGION_CMA || o->kind == BOOT_REGION_CMA ||
		    (pool(r) && pool(o)))
			return "memory has one owner";
	}
	return NULL;
}

static bool power_of_two(uint64_t v)
{
	return v && !(v & (v - 1));
}

static const char *check_dma(const struct boot_config *cfg)
{
	const struct boot_region *pool = NULL;
	struct boot_dma_plan plan;

	boot_config_dma(cfg, &plan);
	if (plan.swiotlb_slabs &&
	    (!power_of_two(plan.swiotlb_slabs) || !power_of_two(plan.swiotlb_areas) ||
	     plan.swiotlb_slabs / 128 < plan.swiotlb_areas))
		return "bounce buffers are whole segments of areas";
	if (boot_is_arm(cfg) ? !plan.atomic_pool[ZONE_DMA] == !plan.atomic_pool[ZONE_DMA32] ||
				       plan.atomic_pool[ZONE_NORMAL]
			     : !plan.atomic_pool[ZONE_NORMAL] ||
				       plan.atomic_pool[ZONE_NORMAL] & (boot_page_bytes(cfg) - 1))
		return "atomic pools are whole pages, of 32-bit ARM one in what it maps";
	if (!cfg->dma.coherent_only)
		return NULL;
	for (unsigned int i = 0; i < cfg->nr_regions; i++)
		if (cfg->region[i].kind == BOOT_REGION_DMA_POOL &&
		    (!cfg->dma.coherent_only_pool ||
		     (cfg->region[i].flags & BOOT_REGION_DMA_DEFAULT)))
			pool = &cfg->region[i];
	if (!pool)
		return "coherent_only has a pool";
	if (cfg->dma.coherent_only_pool &&
	    (pool->size != cfg->dma.coherent_only_pool || !in_ram(cfg, pool) ||
	     pool->base + pool->size > cfg->dma_limit))
		return "the pool of coherent_only= is RAM that all devices reach";
	return NULL;
}

static const char *check_nodes(const struct boot_config *cfg)
{
	const struct boot_node_range *r = cfg->node_range;
	uint64_t ram = 0, of_nodes = 0;

	if (!cfg->nr_node_ranges || cfg->nr_node_ranges > BOOT_MAX_BANKS)
		return "number of ranges of nodes";
	for (unsigned int i = 0; i < cfg->nr_banks; i++)
		ram += cfg->bank[i].size;
	for (unsigned int i = 0; i < cfg->nr_node_ranges; i++) {
		const struct boot_region piece = {.base = r[i].base, .size = r[i].size};

		if (!r[i].size || r[i].node >= BOOT_MAX_NODES || !in_ram(cfg, &piece))
			return "a node has RAM";
		if (i && r[i - 1].base + r[i - 1].size > r[i].base)
			return "ranges of nodes ascend and are disjoint";
		if (i && r[i - 1].base + r[i - 1].size == r[i].base && r[i - 1].node == r[i].node)
			return "neighbours of one node are joined";
		of_nodes += r[i].size;
	}
	return of_nodes == ram ? NULL : "all RAM is of a node";
}

static const char *check_kernel(const struct boot_config *cfg)
{
	const struct boot_kernel *k = &cfg->kernel;
	unsigned int areas = 0;

	if (k->page_shift != 12 && k->page_shift != 14 && k->page_shift != 16)
		return "pages are of 4, 16 or 64 KiB";
	if (!k->block_order || k->block_order > k->max_order ||
	    k->max_order + k->page_shift > (k->page_shift == 16 ? 29 : 27))
		return "a block is at most of the largest order, and that at most a section";
	for (unsigned int i = 0; i < cfg->nr_regions; i++)
		areas += cfg->region[i].kind == BOOT_REGION_CMA;
	if (areas > k->cma_areas)
		return "there are no more areas than the kernel can have";
	if (cfg->movable_start & ((boot_page_bytes(cfg) << k->max_order) - 1) ||
	    (cfg->movable_start && cfg->movable_start >= cfg->bank[cfg->nr_banks - 1].base +
								 cfg->bank[cfg->nr_banks - 1].size))
		return "movable memory begins at a largest block, within RAM";
	return NULL;
}

/* Nothing lies where the kernel cannot address it, and high memory begins where its zones say, or above. */
static const char *check_arm(const struct boot_config *cfg)
{
	const struct boot_bank *last = &cfg->bank[cfg->nr_banks - 1];

	if (!boot_is_arm(cfg))
		return NULL;
	if (cfg->kernel.arch == BOOT_ARCH_ARM && last->base + last->size > UINT64_C(1) << 32)
		return "RAM has addresses of 32 bits";
	if (cfg->dma32_limit > cfg->arm.lowmem_end || cfg->arm.lowmem_end > cfg->arm.map_end)
		return "the linear map ends where it has room, and so do zones";
	if (cfg->arm.phys_offset & ((2 << 20) - 1) || cfg->bank[0].base < cfg->arm.phys_offset)
		return "the linear map begins at a section, below all RAM";
	if (!cfg->kernel.highmem && last->base + last->size > cfg->arm.lowmem_end)
		return "without HighMem there is no RAM above the linear map";
	return NULL;
}

const char *boot_check(const struct boot_config *cfg)
{
	uint64_t unit = cfg->as_linux	   ? boot_page_bytes(cfg)
			: boot_is_arm(cfg) ? FH_PAGE_SIZE << FH_BLOCK_ORDER
					   : boot_block_bytes(cfg);
	const char *broken = check_kernel(cfg);

	if (!broken)
		broken = check_banks(cfg);
	if (!broken)
		broken = check_nodes(cfg);

	if (cfg->nr_regions > BOOT_MAX_REGIONS)
		return "number of regions";
	if (!broken)
		broken = check_arm(cfg);
	for (unsigned int i = 0; i < cfg->nr_regions && !broken; i++)
		broken = check_region(cfg, i);
	if (broken)
		return broken;
	if ((cfg->dma_limit | cfg->dma32_limit) & (unit - 1))
		return "zone limits are block aligned, or as Linux's page aligned";
	if (cfg->dma32_limit < cfg->dma_limit)
		return "zone limits ascend";
	if (cfg->dmesg_len >= BOOT_DMESG_MAX || strlen(cfg->dmesg) != cfg->dmesg_len ||
	    cfg->dmesg[cfg->dmesg_len - 1] != '\n')
		return "dmesg is lines";
	return check_dma(cfg);
}

/* ---- devices ---- */

const char *boot_device_check(const struct boot_config *cfg, const struct boot_device *dev)
{
	uint64_t last = 0;

	if (!memchr(dev->name, 0, sizeof(dev->name)) || !memchr(dev->path, 0, sizeof(dev->path)) ||
	    !dev->name[0] || dev->path[0] != '/')
		return "a device has a name and a path";
	if (dev->nr_ranges > DEVICE_MAX_RANGES || dev->nr_regions > BOOT_DEVICE_REGIONS)
		return "number of windows and regions";
	for (unsigned int i = 0; i < dev->nr_ranges; i++) {
		const struct bus_dma_region *r = &dev->range[i];
		uint64_t end = r->dma.v + r->size - 1;

		if (!r->size)
			return "a window has a size";
		if (end < r->dma.v)
			end = UINT64_MAX;
		if (end > last)
			last = end;
	}
	if (dev->bus_dma_limit != last)
		return "the limit is the highest bus address";
	for (unsigned int i = 0; i < dev->nr_regions; i++) {
		const struct boot_device_region *r = &dev->region[i];

		if (r->link == BOOT_LINK_NONE && r->node[0])
			return "an entry that leads nowhere names nothing";
		if (r->link == BOOT_LINK_REGION &&
		    (r->region >= cfg->nr_regions ||
		     strcmp(cfg->region[r->region].name, r->node) != 0))
			return "an entry leads to a region of that name";
	}
	for (unsigned int i = 0; i < dev->nr_iovas; i++) {
		const struct boot_iova *v = &dev->iova[i];

		if (!v->size || v->base + (v->size - 1) < v->base || v->entry >= dev->nr_regions)
			return "kept addresses are a range, of an entry";
	}
	return NULL;
}

struct list {
	const struct boot_config *cfg;
	const char *broken;
};

static bool check_listed(void *arg, const struct boot_device *dev, int err,
			 const struct boot_why *why)
{
	struct list *l = arg;

	if (!err != !why->text[0])
		l->broken = "a device that fails has a reason";
	else if (!err)
		l->broken = boot_device_check(l->cfg, dev);
	return l->broken;
}

const char *boot_devices_list_check(const void *tree, size_t size, const struct boot_config *cfg)
{
	struct list l = {.cfg = cfg};
	struct boot_why why = {""};

	if (boot_devices_for_each(tree, size, cfg, check_listed, &l, &why) && !why.text[0])
		return "a list that fails has a reason";
	return l.broken;
}

const char *boot_devices_check(const void *tree, size_t size, const struct boot_config *cfg)
{
	struct list l = {.cfg = cfg, .broken = boot_devices_list_check(tree, size, cfg)};
	static struct boot_device dev;
	struct boot_why why;
	char path[512];
	int depth = 0;

	for (int node = fdt_next_node(tree, 0, &depth); node >= 0 && depth > 0 && !l.broken;
	     node = fdt_next_node(tree, node, &depth)) {
		int err;

		if (fdt_get_path(tree, node, path, sizeof(path)))
			continue;
		why.text[0] = '\0';
		err = boot_device_fdt(tree, size, cfg, path, &dev, &why);
		if (!err != !why.text[0])
			return "a look-up that fails has a reason, and no other";
		if (!err)
			l.broken = boot_device_check(cfg, &dev);
	}
	return l.broken;
}
