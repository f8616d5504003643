/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* /reserved-memory and the reserve map of a tree, into regions that are placed later. */
#include "boot/say.h"
#include "boot/tree.h"
#include "base/string.h"
#include <libfdt.h>

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

/* Linux would have had room for it. */
static int too_many(struct tree *t, const char *name)
{
	return boot_go_on(t->cfg, t->why, FH_ENOSPC,
			  "device tree: /reserved-memory/%s: more than %d reserved regions", name,
			  BOOT_MAX_REGIONS);
}

static int bad_range(struct tree *t, const char *name, const char *prop, struct boot_bank b)
{
	return boot_go_on(
		t->cfg, t->why, FH_EINVAL,
		"device tree: /reserved-memory/%s: %s: 0x%llx bytes at 0x%llx pass bit %d", name,
		prop, (unsigned long long)b.size, (unsigned long long)b.base, BOOT_PHYS_BITS);
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

/* One pair of reg. An empty one stays until the regions are placed: then Linux says so. */
static int read_pair(struct node *n, struct boot_bank b, bool first)
{
	struct tree *t = n->t;
	unsigned int flags = n->flags;
	struct boot_region *r;
	int err = b.size && too_high(b) ? bad_range(t, n->name, "reg", b) : 0;

	if (err)
		return err;
	if (!first)
		flags = (flags | BOOT_REGION_MORE) &
			~(unsigned int)(BOOT_REGION_CMA_DEFAULT | BOOT_REGION_DMA_DEFAULT);
	r = new_region(t, n->name, flags);
	if (!r)
		return too_many(t, n->name);
	r->base = b.base;
	r->size = b.size;
	r->fault = !b.size ? BOOT_FAULT_PAIR : too_high(b) ? BOOT_FAULT_HIGH : 0;
	r->phandle = first ? fdt_get_phandle(t->blob, n->offset) : 0;
	return 0;
}

static int read_static(struct node *n, struct tree_prop reg)
{
	struct tree *t = n->t;
	size_t pair = (t->addr_cells + t->size_cells) * 4;
	int err = 0;

	for (size_t at = 0; at < reg.len && !err; at += pair)
		err = read_pair(
			n,
			(struct boot_bank){
				.base = tree_number(reg.at + at, t->addr_cells),
				.size = tree_number(reg.at + at + t->addr_cells * 4, t->size_cells),
			},
			!at);
	return err;
}

/* A window in which nothing fits; an empty one would be without an end. */
static const struct boot_bank nowhere = {.base = 0, .size = 1};

static int read_window(struct node *n, struct boot_bank *w)
{
	/* Linux takes an end of 0 for "no limit". */
	if (w->base + w->size == 0) {
		w->size = 0;
	} else if (!w->size || w->base + w->size < w->base) {
		int err = boot_go_on(n->t->cfg, n->t->why, FH_EINVAL,
				     "device tree: /reserved-memory/%s: alloc-ranges: 0x%llx bytes "
				     "at 0x%llx, expected a range of addresses",
				     n->name, (unsigned long long)w->size,
				     (unsigned long long)w->base);

		*w = nowhere;
		return err;
	}
	return 0;
}

static int add_window(struct node *n, struct boot_region *r, struct boot_bank w)
{
	struct boot_config *cfg = n->t->cfg;

	if (cfg->nr_windows == BOOT_MAX_WINDOWS)
		return boot_go_on(cfg, n->t->why, FH_ENOSPC,
				  "device tree: /reserved-memory/%s: more than %d alloc-ranges",
				  n->name, BOOT_MAX_WINDOWS);
	cfg->window[cfg->nr_windows++] = w;
	r->nr_windows++;
	return 0;
}

static int read_windows(struct node *n, struct boot_region *r, struct tree_prop p)
{
	struct tree *t = n->t;
	size_t pair = (t->addr_cells + t->size_cells) * 4;
	int err = 0;

	r->first_window = t->cfg->nr_windows;
	for (size_t at = 0; at < p.len && !err; at += pair) {
		struct boot_bank w = {
			.base = tree_number(p.at + at, t->addr_cells),
			.size = tree_number(p.at + at + t->addr_cells * 4, t->size_cells),
		};

		err = read_window(n, &w);
		if (!err)
			err = add_window(n, r, w);
	}
	if (err || p.len)
		return err;
	err = boot_go_on(t->cfg, t->why, FH_EINVAL,
			 "device tree: /reserved-memory/%s: alloc-ranges: empty", n->name);
	return err ? err : add_window(n, r, nowhere);
}

/* Properties whose length cannot be right: Linux says so when it would place the region. */
static unsigned int faults(const struct node *n)
{
	const struct tree *t = n->t;
	struct tree_prop p = tree_prop(t, n->offset, "size");
	unsigned int fault = 0;

	if (p.len != t->size_cells * 4)
		fault |= BOOT_FAULT_SIZE;
	p = tree_prop(t, n->offset, "alignment");
	if (p.at && p.len != t->addr_cells * 4)
		fault |= BOOT_FAULT_ALIGNMENT;
	p = tree_prop(t, n->offset, "alloc-ranges");
	if (p.at && p.len % ((t->addr_cells + t->size_cells) * 4))
		fault |= BOOT_FAULT_WINDOWS;
	return fault;
}

static int read_size(struct node *n, struct boot_region *r)
{
	struct tree *t = n->t;

	r->size = tree_number(tree_prop(t, n->offset, "size").at, t->size_cells);
	if (r->size && r->size <= UINT64_C(1) << BOOT_PHYS_BITS)
		return 0;
	return boot_go_on(t->cfg, t->why, FH_EINVAL,
			  "device tree: /reserved-memory/%s: size: 0x%llx bytes", n->name,
			  (unsigned long long)r->size);
}

static int read_alignment(struct node *n, struct boot_region *r)
{
	struct tree *t = n->t;
	struct tree_prop align = tree_prop(t, n->offset, "alignment");

	if (align.at)
		r->align = tree_number(align.at, t->addr_cells);
	if (!(r->align & (r->align - 1)))
		return 0;
	return boot_go_on(t->cfg, t->why, FH_EINVAL,
			  "device tree: /reserved-memory/%s: alignment: 0x%llx, expected a power "
			  "of two",
			  n->name, (unsigned long long)r->align);
}

static int read_dynamic(struct node *n, unsigned int fault)
{
	struct tree *t = n->t;
	struct tree_prop windows = tree_prop(t, n->offset, "alloc-ranges");
	struct boot_region *r = new_region(t, n->name, n->flags | BOOT_REGION_DYNAMIC);
	int err = 0;

	if (!r)
		return too_many(t, n->name);
	r->phandle = fdt_get_phandle(t->blob, n->offset);
	r->fault = fault | faults(n);
	r->size = 1; /* of any: it says its fault when its turn comes */
	if (!(r->fault & BOOT_FAULT_SIZE))
		err = read_size(n, r);
	if (!err && !(r->fault & BOOT_FAULT_ALIGNMENT))
		err = read_alignment(n, r);
	if (!err && windows.at && !(r->fault & BOOT_FAULT_WINDOWS))
		err = read_windows(n, r, windows);
	if (!r->size)
		r->fault |= BOOT_FAULT_PAIR;
	return err;
}

static int read_bad_reg(struct node *n)
{
	struct boot_region *r;

	if (tree_has(n->t, n->offset, "size"))
		return read_dynamic(n, BOOT_FAULT_REG);
	r = new_region(n->t, n->name, n->flags);
	if (!r)
		return too_many(n->t, n->name);
	r->fault = BOOT_FAULT_REG;
	return 0;
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
	if (reg.at && reg.len % ((t->addr_cells + t->size_cells) * 4))
		return read_bad_reg(&n);
	if (reg.at)
		return read_static(&n, reg);
	return tree_has(t, node, "size") ? read_dynamic(&n, 0) : 0;
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
		struct boot_region *r = NULL;
		struct boot_bank b;
		int err;

		if (fdt_get_mem_rsv(t->blob, i, &b.base, &b.size) || !b.size)
			break;
		if (too_high(b))
			err = boot_go_on(t->cfg, t->why, FH_EINVAL,
					 "device tree: /memreserve/ 0x%llx 0x%llx passes bit %d",
					 (unsigned long long)b.base, (unsigned long long)b.size,
					 BOOT_PHYS_BITS);
		else if (!(r = new_region(t, "memreserve", BOOT_REGION_MEMRESERVE)))
			err = boot_go_on(t->cfg, t->why, FH_ENOSPC,
					 "device tree: /memreserve/: more than %d reserved regions",
					 BOOT_MAX_REGIONS);
		else
			err = 0;
		if (err)
			return err;
		if (!r)
			continue;
		r->base = b.base;
		r->size = b.size;
	}
	return 0;
}

int tree_read_reserved(struct tree *t)
{
	int parent = fdt_path_offset(t->blob, "/reserved-memory"), node, err = 0;

	t->cfg->reserved_node = parent < 0		  ? BOOT_RESERVED_NONE
				: known_format(t, parent) ? BOOT_RESERVED_READ
							  : BOOT_RESERVED_FORMAT;
	if (t->cfg->reserved_node != BOOT_RESERVED_READ)
		return read_reserve_map(t);
	fdt_for_each_subnode(node, t->blob, parent)
	{
		err = read_child(t, node);
		if (err)
			return err;
	}
	return read_reserve_map(t);
}
