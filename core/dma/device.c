/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A device of a node of the tree: its bus, and the memory it was given. */
#include <freehold/boot.h>
#include "base/bits.h"
#include "base/fmt.h"
#include "base/string.h"
#include "dma/coherent.h"
#include "dma/swiotlb.h"

#define DEFAULT_MASK UINT64_C(0xffffffff) /* of a device that has not said what it can drive */

FH_PRINTF(3, 4)
static int fail(struct boot_why *why, enum err err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (why)
		fh_vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	return -(int)err;
}

/* of_dma_configure() */
static void init_bus(struct device *dev, struct fh_machine *m, const struct boot_device *bd)
{
	uint64_t mask = DEFAULT_MASK;

	if (bd->bus_dma_limit)
		mask &= DMA_BIT_MASK(bits_log2(bd->bus_dma_limit) + 1);
	*dev = (struct device){
		.machine = m,
		.name = bd->name,
		.dma_mask = mask,
		.coherent_dma_mask = mask,
		.bus_dma_limit = bd->bus_dma_limit,
		.dma_coherent = bd->dma_coherent,
		.numa_node = bd->numa_node,
		.nr_ranges = bd->nr_ranges,
	};
	memcpy(dev->range, bd->range, sizeof(dev->range));
}

/* By its place: of a long name an area keeps less. */
static struct cma *area_of_region(struct fh_machine *m, const struct boot_region *r)
{
	for (unsigned int i = 0; i < m->nr_areas; i++)
		if (cma_get_base(m->area[i]).v == r->base)
			return m->area[i];
	return NULL;
}

/* rmem->ops->device_init() */
static int give(struct device *dev, const struct boot_device *bd, unsigned int index,
		struct boot_why *why)
{
	struct fh_machine *m = dev->machine;
	const struct boot_region *r = &m->cfg.region[bd->region[index].region];
	struct dma_coherent_mem *pool;
	struct io_tlb_mem *bounce;
	struct cma *area;

	switch (r->kind) {
	case BOOT_REGION_CMA:
		area = area_of_region(m, r);
		if (area)
			dev->cma_area = area;
		return area ? 0 : -FH_ENOENT;
	case BOOT_REGION_DMA_POOL:
		pool = dma_pool_of_region(m, r->name);
		if (pool)
			dev->dma_mem = pool;
		return pool ? 0 : -FH_ENOENT;
	case BOOT_REGION_RESTRICTED_POOL:
		bounce = swiotlb_restricted(m, r->name);
		if (bounce)
			dev->dma_io_tlb_mem = bounce;
		return bounce ? 0 : -FH_ENOENT;
	default:
		return fail(why, FH_EINVAL,
			    "%s: memory-region %u: %s is reserved memory without a pool: expected "
			    "shared-dma-pool or restricted-dma-pool",
			    bd->name, index, r->name);
	}
}

int device_add_region(struct device *dev, const struct boot_device *bd, unsigned int index,
		      struct boot_why *why)
{
	const struct boot_device_region *r;
	int err;

	if (!dev || !dev->machine || !bd)
		return fail(why, FH_EINVAL, "no device");
	if (index >= bd->nr_regions || index >= BOOT_DEVICE_REGIONS)
		return fail(why, FH_ENODEV, "%s: memory-region %u: the node has %u", bd->name,
			    index, bd->nr_regions);
	r = &bd->region[index];
	switch (r->link) {
	case BOOT_LINK_OFF:
		machine_log(dev->machine, PLAT_LOG_INFO, "%s: memory-region %u: %s is disabled",
			    bd->name, index, r->node);
		return 0;
	case BOOT_LINK_NONE:
		return fail(why, FH_ENODEV, "%s: memory-region %u: no node has that phandle",
			    bd->name, index);
	case BOOT_LINK_REGION:
		break;
	default:
		return fail(
			why, FH_EINVAL,
			"%s: memory-region %u: %s is no region of this boot: it lies elsewhere in "
			"the tree, or was dropped (see the boot log)",
			bd->name, index, r->node);
	}
	if (r->region >= dev->machine->cfg.nr_regions)
		return fail(why, FH_EINVAL, "%s: memory-region %u: of another machine", bd->name,
			    index);
	err = give(dev, bd, index, why);
	if (err == -FH_ENOENT)
		return fail(why, FH_EINVAL, "%s: memory-region %u: %s was not made at birth",
			    bd->name, index, r->node);
	if (!err)
		machine_log(dev->machine, PLAT_LOG_INFO, "%s: assigned reserved memory node %s",
			    bd->name, r->node);
	return err;
}

int device_init_of_region(struct device *dev, struct fh_machine *m, const struct boot_device *bd,
			  unsigned int index, struct boot_why *why)
{
	if (!dev || !m || !bd)
		return fail(why, FH_EINVAL, "no device, machine or node");
	init_bus(dev, m, bd);
	return device_add_region(dev, bd, index, why);
}

int device_init_of_name(struct device *dev, struct fh_machine *m, const struct boot_device *bd,
			const char *name, struct boot_why *why)
{
	unsigned int i = 0;

	if (!dev || !m || !bd || !name)
		return fail(why, FH_EINVAL, "no device, machine, node or name");
	/* An entry without a name has the name "" here, and cannot be asked for. */
	while (i < bd->nr_regions && (!name[0] || !fh_streq(bd->region[i].name, name)))
		i++;
	if (i == bd->nr_regions)
		return fail(why, FH_ENODEV, "%s: memory-region-names: no entry `%.60s'", bd->name,
			    name);
	return device_init_of_region(dev, m, bd, i, why);
}

int device_init_of(struct device *dev, struct fh_machine *m, const struct boot_device *bd,
		   struct boot_why *why)
{
	struct boot_why own;

	if (!dev || !m || !bd)
		return fail(why, FH_EINVAL, "no device, machine or node");
	init_bus(dev, m, bd);
	if (bd->nr_regions && device_add_region(dev, bd, 0, &own))
		machine_log(m, PLAT_LOG_WARN, "%s", own.text);
	return 0;
}
