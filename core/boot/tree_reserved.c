/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* /reserved-memory and the reserve map of a tree, into regions that are placed later. */
#include "boot/say.h"
#include "boot/tree.h"
#include "base/string.h"
#include <libfdt.h>

#define PREFIX "OF: reserved mem: "

/* A child of /reserved-memory that is being read. */
struct node {
	struct tree *t;
	int offset;
	char name[BOOT_NAME_MAX];
	unsigned int flags;
};

static struct boot_region *new_region(struct tree *t, const char *name, unsigned int flags)
{
	struct boot_config *cfg = t->cfg;
	struct boot_region *r = &cfg->region[cfg->nr_regions];

	if (cfg->nr_regions == BOOT_MAX_REGIONS)
		return NULL;
	cfg->nr_regions++;
	memset(r, 0, sizeof(*r));
	fh_strcopy(r->name, name, sizeof(r->name));
	r->flags = flags;
	return r;
}

static int too_many(struct tree *t, const char *name)
{
	return boot_fail(t->why, FH_ENOSPC,
			 "device tree: /reserved-memory/%s: more than %d reserved regions", name,
			 BOOT_MAX_REGIONS);
}

static int bad_range(struct tree *t, const char *name, const char *prop, struct boot_bank b)
{
	return boot_fail(t->why, FH_EINVAL,
			 "device tree: /reserved-memory/%s: %s: 0x%llx bytes at 0x%llx pass bit %d",
			 name, prop, (unsigned long long)b.size, (unsigned long long)b.base,
			 BOOT_PHYS_BITS);
}

static bool too_high(struct boot_bank b)
{
	return b.base + b.size < b.base || b.base + b.size > UINT64_C(1) << BOOT_PHYS_BITS;
}

static unsigned int node_flags(const struct tree *t, int node)
{
	static const struct {
		const char *prop;
		enum boot_region_flags flag;
	} flag[] = {
		{"reusable", BOOT_REGION_REUSABLE},
		{"no-map", BOOT_REGION_NO_MAP},
		{"linux,cma-default", BOOT_REGION_CMA_DEFAULT},
		{"linux,dma-default", BOOT_REGION_DMA_DEFAULT},
	};
	unsigned int flags = 0;

	for (size_t i = 0; i < sizeof(flag) / sizeof(flag[0]); i++)
		if (tree_has(t, node, flag[i].prop))
			flags |= flag[i].flag;
	if (tree_compatible(t, node, "shared-dma-pool"))
		flags |= BOOT_REGION_SHARED;
	if (tree_compatible(t, node, "restricted-dma-pool"))
		flags |= BOOT_REGION_RESTRICTED;
	if (tree_compatible(t, node, "carved-out") || tree_compatible(t, node, "imx-ion-pool"))
		flags |= BOOT_REGION_CARVEOUT;
	return flags;
}

static int read_static(struct node *n, struct tree_prop reg)
{
	struct tree *t = n->t;
	size_t pair = (t->addr_cells + t->size_cells) * 4;
	unsigned int flags = n->flags;

	if (reg.len % pair) {
		boot_say(t->cfg,
			 PREFIX "Reserved memory: invalid reg property in '%s', skipping node.\n",
			 n->name);
		return 0;
	}
	for (size_t at = 0; at < reg.len; at += pair) {
		struct boot_bank b = {
			.base = tree_number(reg.at + at, t->addr_cells),
			.size = tree_number(reg.at + at + t->addr_cells * 4, t->size_cells),
		};
		struct boot_region *r;

		if (!b.size) {
			boot_say(t->cfg,
				 PREFIX "Reserved memory: failed to reserve memory for node '%s': "
					"base 0x%016llx, size 0 MiB\n",
				 n->name, (unsigned long long)b.base);
			continue;
		}
		if (too_high(b))
			return bad_range(t, n->name, "reg", b);
		r = new_region(t, n->name, flags);
		if (!r)
			return too_many(t, n->name);
		r->base = b.base;
		r->size = b.size;
		r->phandle = at ? 0 : fdt_get_phandle(t->blob, n->offset);
		flags = (flags | BOOT_REGION_MORE) &
			~(unsigned int)(BOOT_REGION_CMA_DEFAULT | BOOT_REGION_DMA_DEFAULT);
	}
	if (reg.len > pair)
		boot_say(t->cfg,
			 PREFIX
			 "fdt_scan_reserved_mem_reg_nodes() ignores %zu regions in node '%s'\n",
			 reg.len / pair - 1, n->name);
	return 0;
}

static int read_windows(struct node *n, struct boot_region *r, struct tree_prop p)
{
	struct tree *t = n->t;
	size_t pair = (t->addr_cells + t->size_cells) * 4;

	r->first_window = t->cfg->nr_windows;
	for (size_t at = 0; at < p.len; at += pair) {
		struct boot_bank w = {
			.base = tree_number(p.at + at, t->addr_cells),
			.size = tree_number(p.at + at + t->addr_cells * 4, t->size_cells),
		};

		/* Linux takes an end of 0 for "no limit". */
		if (w.base + w.size == 0)
			w.size = 0;
		else if (!w.size || w.base + w.size < w.base)
			return boot_fail(t->why, FH_EINVAL,
					 "device tree: /reserved-memory/%s: alloc-ranges: 0x%llx "
					 "bytes at 0x%llx, expected a range of addresses",
					 n->name, (unsigned long long)w.size,
					 (unsigned long long)w.base);
		if (t->cfg->nr_windows == BOOT_MAX_WINDOWS)
			return boot_fail(
				t->why, FH_ENOSPC,
				"device tree: /reserved-memory/%s: more than %d alloc-ranges",
				n->name, BOOT_MAX_WINDOWS);
		t->cfg->window[t->cfg->nr_windows++] = w;
		r->nr_windows++;
	}
	if (!r->nr_windows)
		return boot_fail(t->why, FH_EINVAL,
				 "device tree: /reserved-memory/%s: alloc-ranges: empty", n->name);
	return 0;
}

/* What Linux says and skips: a property whose length cannot be right. */
static bool lengths_right(struct node *n)
{
	const struct tree *t = n->t;
	struct tree_prop p = tree_prop(t, n->offset, "size");

	if (p.len != t->size_cells * 4) {
		boot_say(t->cfg, PREFIX "invalid size property in '%s' node.\n", n->name);
		return false;
	}
	p = tree_prop(t, n->offset, "alignment");
	if (p.at && p.len != t->addr_cells * 4) {
		boot_say(t->cfg, PREFIX "invalid alignment property in '%s' node.\n", n->name);
		return false;
	}
	p = tree_prop(t, n->offset, "alloc-ranges");
	if (p.at && p.len % ((t->addr_cells + t->size_cells) * 4)) {
		boot_say(t->cfg, PREFIX "invalid alloc-ranges property in '%s', skipping node.\n",
			 n->name);
		return false;
	}
	return true;
}

static int read_dynamic(struct node *n)
{
	struct tree *t = n->t;
	struct tree_prop size = tree_prop(t, n->offset, "size");
	struct tree_prop align = tree_prop(t, n->offset, "alignment");
	struct tree_prop windows = tree_prop(t, n->offset, "alloc-ranges");
	struct boot_region *r;

	if (!lengths_right(n))
		return 0;
	r = new_region(t, n->name, n->flags | BOOT_REGION_DYNAMIC);
	if (!r)
		return too_many(t, n->name);
	r->phandle = fdt_get_phandle(t->blob, n->offset);
	r->size = tree_number(size.at, t->size_cells);
	if (!r->size || r->size > UINT64_C(1) << BOOT_PHYS_BITS)
		return boot_fail(t->why, FH_EINVAL,
				 "device tree: /reserved-memory/%s: size: 0x%llx bytes", n->name,
				 (unsigned long long)r->size);
	if (align.at)
		r->align = tree_number(align.at, t->addr_cells);
	if (r->align & (r->align - 1))
		return boot_fail(t->why, FH_EINVAL,
				 "device tree: /reserved-memory/%s: alignment: 0x%llx, expected a "
				 "power of two",
				 n->name, (unsigned long long)r->align);
	return windows.at ? read_windows(n, r, windows) : 0;
}

static int read_child(struct tree *t, int node)
{
	struct node n = {.t = t, .offset = node};
	struct tree_prop reg;

	if (!tree_available(t, node))
		return 0;
	tree_name(t, node, n.name);
	n.flags = node_flags(t, node);
	reg = tree_prop(t, node, "reg");
	if (reg.at)
		return read_static(&n, reg);
	return tree_has(t, node, "size") ? read_dynamic(&n) : 0;
}

/* The node must speak of addresses as the root does. */
static bool known_format(const struct tree *t, int node)
{
	struct tree_prop addr = tree_prop(t, node, "#address-cells");
	struct tree_prop size = tree_prop(t, node, "#size-cells");

	return addr.len == 4 && tree_number(addr.at, 1) == t->addr_cells && size.len == 4 &&
	       tree_number(size.at, 1) == t->size_cells && tree_has(t, node, "ranges");
}

static int read_reserve_map(struct tree *t)
{
	for (int i = 0; i < fdt_num_mem_rsv(t->blob); i++) {
		struct boot_region *r;
		struct boot_bank b;

		if (fdt_get_mem_rsv(t->blob, i, &b.base, &b.size) || !b.size)
			break;
		if (too_high(b))
			return boot_fail(t->why, FH_EINVAL,
					 "device tree: /memreserve/ 0x%llx 0x%llx passes bit %d",
					 (unsigned long long)b.base, (unsigned long long)b.size,
					 BOOT_PHYS_BITS);
		r = new_region(t, "memreserve", BOOT_REGION_MEMRESERVE);
		if (!r)
			return boot_fail(t->why, FH_ENOSPC,
					 "device tree: /memreserve/: more than %d reserved regions",
					 BOOT_MAX_REGIONS);
		r->base = b.base;
		r->size = b.size;
	}
	return 0;
}

int tree_read_reserved(struct tree *t)
{
	int parent = fdt_path_offset(t->blob, "/reserved-memory"), node, err = 0;

	if (parent < 0) {
		boot_say(t->cfg, PREFIX "Reserved memory: No reserved-memory node in the DT\n");
		return read_reserve_map(t);
	}
	if (!known_format(t, parent)) {
		boot_say(t->cfg, PREFIX "Reserved memory: unsupported node format, ignoring\n");
		return read_reserve_map(t);
	}
	fdt_for_each_subnode(node, t->blob, parent)
	{
		err = read_child(t, node);
		if (err)
			return err;
	}
	return read_reserve_map(t);
}
