/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* iommu-addresses of reserved memory: what of an IOMMU's addresses is kept for a device, and what is mapped one to one. */
#include "boot/tree_iova.h"
#include "boot/say.h"
#include <libfdt.h>

/* The device, and one region of its memory-region. */
struct iova_reader {
	const struct tree_path *p;
	struct boot_device *dev;
	struct tree_prop list; /* iommu-addresses of the region */
	char region[BOOT_NAME_MAX];
	uint64_t base, size; /* of reg; size 0: none */
	unsigned int entry;
};

static int fail(const struct iova_reader *r, const char *what)
{
	return boot_fail(r->p->t->why, FH_EINVAL, "device tree: %s: iommu-addresses for %s: %s",
			 r->region, r->dev->name, what);
}

/* The first pair of a region's reg, by the root's cells. False: Linux cannot tell its address, and passes the region by. */
static bool read_reg(struct iova_reader *r, int node)
{
	const struct tree *t = r->p->t;
	struct tree_prop reg = tree_prop(t, node, "reg");
	int up = fdt_parent_offset(t->blob, node);

	r->base = r->size = 0;
	if (!reg.at)
		return true;
	if (reg.len < (t->addr_cells + t->size_cells) * 4 || up < 0 || !tree_has(t, up, "ranges"))
		return false;
	r->base = tree_number(reg.at, t->addr_cells);
	r->size = tree_number(reg.at + t->addr_cells * 4, t->size_cells);
	return true;
}

/* The address and the size at `at`, in the cells of the device's bus; *used: bytes of them. */
static int add(struct iova_reader *r, size_t at, size_t *used)
{
	const struct tree_level *bus = &r->p->level[r->p->depth - 1];
	const uint8_t *e = r->list.at + at;
	struct boot_iova v = {.entry = r->entry};

	*used = (bus->addr_cells + bus->size_cells) * 4;
	if (!bus->addr_cells || r->list.len - at < *used)
		return fail(r, "cut off, expected an address and a size in the cells of its bus");
	v.base = tree_number(e, bus->addr_cells);
	v.size = tree_number(e + bus->addr_cells * 4, bus->size_cells);
	if (!v.size)
		return 0;
	if (!tree_path_translate(r->p, r->p->depth - 1, TREE_MAP_DMA, &v.base))
		return fail(r, "dma-ranges above it have no such address");
	if (v.base + v.size - 1 < v.base)
		return fail(r, "it passes the end of all addresses");
	if (r->dev->nr_iovas == BOOT_DEVICE_IOVAS)
		return boot_fail(r->p->t->why, FH_ENOSPC,
				 "device tree: %s: iommu-addresses keep more than %d ranges for it",
				 r->dev->name, BOOT_DEVICE_IOVAS);
	v.direct = r->size > 1 && v.base == r->base && v.size == r->size;
	r->dev->iova[r->dev->nr_iovas++] = v;
	return 0;
}

/* How many cells another device's address has is not looked up: as Linux, the next cell with this device's phandle counts. */
static int read_list(struct iova_reader *r, uint32_t phandle)
{
	size_t used;
	int err = 0;

	for (size_t at = 0; at + 4 <= r->list.len && !err; at += used) {
		used = 0;
		if (tree_number(r->list.at + at, 1) == phandle)
			err = add(r, at + 4, &used);
		used += 4;
	}
	return err;
}

int tree_read_iova(const struct tree_path *p, struct boot_device *dev)
{
	int node = p->level[p->depth].node, err = 0;
	uint32_t own = fdt_get_phandle(p->t->blob, node);
	struct tree_prop list = tree_prop(p->t, node, "memory-region");
	struct iova_reader r = {.p = p, .dev = dev};

	for (size_t i = 0; own && p->depth && (i + 1) * 4 <= list.len && !err; i++) {
		uint32_t phandle = (uint32_t)tree_number(list.at + i * 4, 1);
		int region = phandle ? fdt_node_offset_by_phandle(p->t->blob, phandle) : -1;

		if (region < 0)
			continue;
		r.list = tree_prop(p->t, region, "iommu-addresses");
		if (!r.list.len || !read_reg(&r, region))
			continue;
		tree_name(p->t, region, r.region);
		r.entry = (unsigned int)i;
		err = read_list(&r, own);
	}
	return err;
}
