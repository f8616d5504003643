/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Devices of a tree: what their bus lets them reach, whose memory they were given, and how to find one. */
#include "boot/say.h"
#include "boot/tree_iova.h"
#include "boot/tree_path.h"
#include "base/fmt.h"
#include "base/string.h"
#include <libfdt.h>

/* A walk over all nodes; p ends at the node that is visited. */
struct visit {
	struct tree t;
	struct tree_path p;
	const struct boot_config *cfg;
	bool off[TREE_MAX_DEPTH]; /* the node of that level, or one above, is disabled */
};

/* Goes on to the next node; false: there is none, or *err. The first is the root. */
static bool next(struct visit *v, int *node, int *depth, int *err)
{
	*node = *node < 0 ? 0 : fdt_next_node(v->t.blob, *node, depth);
	if (*node < 0 || *depth < 0)
		return false;
	*err = tree_path_enter(&v->p, *depth, *node);
	if (*err)
		return false;
	v->off[*depth] = *depth && (v->off[*depth - 1] || !tree_available(&v->t, *node));
	return true;
}

static void node_path(const struct tree_path *p, char path[BOOT_PATH_MAX])
{
	struct fh_text text = {path, BOOT_PATH_MAX, 0};
	char name[BOOT_NAME_MAX];

	path[0] = '\0';
	for (int d = 1; d <= p->depth; d++) {
		tree_name(p->t, p->level[d].node, name);
		fh_text_add(&text, "/%s", name);
	}
}

static size_t base_len(const char *name)
{
	size_t n = 0;

	while (name[n] && name[n] != '@')
		n++;
	return n;
}

/* of_device_make_bus_id(): "ADDRESS.node" if the CPU sees its registers, else the names from the first node above
 * that has such a name, or from the root. */
static void device_name(const struct tree_path *p, char out[BOOT_NAME_MAX])
{
	struct fh_text text = {out, BOOT_NAME_MAX, 0};
	char name[BOOT_NAME_MAX];
	uint64_t addr = 0;
	int top = p->depth;

	for (; top > 0; top--) {
		size_t n = p->level[top - 1].addr_cells * 4;
		struct tree_prop reg = tree_prop(p->t, p->level[top].node, "reg");

		addr = n && reg.len >= n ? tree_number(reg.at, n / 4) : 0;
		if (n && reg.len >= n && tree_path_translate(p, top - 1, TREE_MAP_CPU, &addr))
			break;
	}
	out[0] = '\0';
	if (top > 0) {
		tree_name(p->t, p->level[top].node, name);
		fh_text_add(&text, "%llx.%.*s", (unsigned long long)addr, (int)base_len(name),
			    name);
	}
	for (int d = top + 1; d <= p->depth; d++) {
		tree_name(p->t, p->level[d].node, name);
		fh_text_add(&text, "%s%s", d > 1 ? ":" : "", name);
	}
}

/* of_dma_get_range() begins at the bus; a bus without the property ends the search, unless it is the first. */
static int bus_with_windows(const struct tree_path *p)
{
	bool found = false;

	for (int d = p->depth - 1; d > 0; d--) {
		const struct tree_prop *m = &p->level[d].map[TREE_MAP_DMA];

		if (m->len)
			return d;
		if (found && !m->at)
			return 0;
		found = true;
	}
	return 0;
}

static bool joins(const struct bus_dma_region *a, const struct bus_dma_region *b)
{
	return a->cpu.v + a->size == b->cpu.v && a->dma.v + a->size == b->dma.v &&
	       a->size + b->size > a->size;
}

static int add_window(struct boot_device *dev, struct bus_dma_region w, struct boot_why *why)
{
	struct bus_dma_region *last = dev->nr_ranges ? &dev->range[dev->nr_ranges - 1] : NULL;
	uint64_t end = w.dma.v + w.size - 1;

	if (end < w.dma.v)
		end = UINT64_MAX;
	if (end > dev->bus_dma_limit)
		dev->bus_dma_limit = end;
	if (last && joins(last, &w)) {
		last->size += w.size;
		return 0;
	}
	if (dev->nr_ranges == DEVICE_MAX_RANGES)
		return boot_fail(why, FH_ENOSPC,
				 "device tree: %s: more than %d windows in dma-ranges above it",
				 dev->name, DEVICE_MAX_RANGES);
	dev->range[dev->nr_ranges++] = w;
	return 0;
}

static int read_windows(struct visit *v, struct boot_device *dev)
{
	int bus = bus_with_windows(&v->p), err = 0;
	size_t len = v->p.level[bus].map[TREE_MAP_DMA].len, step;
	char name[BOOT_NAME_MAX];

	if (!bus)
		return 0;
	step = tree_path_entry_bytes(&v->p, bus);
	tree_name(&v->t, v->p.level[bus].node, name);
	if (!step || len % step)
		return boot_fail(
			v->t.why, FH_EINVAL,
			"device tree: %s: dma-ranges: %zu bytes, expected a multiple of %zu", name,
			len, step);
	for (size_t at = 0; at < len && !err; at += step) {
		struct tree_entry e = tree_path_entry(&v->p, bus, TREE_MAP_DMA, at);
		uint64_t addr = e.parent;

		if (e.size && tree_path_translate(&v->p, bus - 1, TREE_MAP_DMA, &addr))
			err = add_window(dev, (struct bus_dma_region){{addr}, {e.child}, e.size},
					 v->t.why);
		else
			dev->lost_ranges++;
	}
	return err;
}

/* of_dma_is_coherent(). */
static bool coherent(const struct visit *v)
{
	for (int d = v->p.depth; d >= 0; d--) {
		if (tree_has(&v->t, v->p.level[d].node, "dma-coherent"))
			return true;
		if (tree_has(&v->t, v->p.level[d].node, "dma-noncoherent"))
			return false;
	}
	return false;
}

static void resolve(const struct visit *v, uint32_t phandle, struct boot_device_region *r)
{
	int node;

	for (unsigned int i = 0; phandle && i < v->cfg->nr_regions; i++) {
		if (v->cfg->region[i].phandle != phandle)
			continue;
		r->link = BOOT_LINK_REGION;
		r->region = i;
		fh_strcopy(r->node, v->cfg->region[i].name, sizeof(r->node));
		return;
	}
	node = phandle ? fdt_node_offset_by_phandle(v->t.blob, phandle) : -1;
	r->link = BOOT_LINK_NONE;
	if (node < 0)
		return;
	tree_name(&v->t, node, r->node);
	r->link = tree_available(&v->t, node) ? BOOT_LINK_DROPPED : BOOT_LINK_OFF;
}

static int read_regions(const struct visit *v, struct boot_device *dev)
{
	int node = v->p.level[v->p.depth].node;
	struct tree_prop p = tree_prop(&v->t, node, "memory-region");

	if (p.len % 4)
		return boot_fail(
			v->t.why, FH_EINVAL,
			"device tree: %s: memory-region: %zu bytes, expected phandles of 4",
			dev->name, p.len);
	if (p.len / 4 > BOOT_DEVICE_REGIONS)
		return boot_fail(v->t.why, FH_ENOSPC,
				 "device tree: %s: memory-region: %zu entries, at most %d",
				 dev->name, p.len / 4, BOOT_DEVICE_REGIONS);
	for (size_t i = 0; i < p.len / 4; i++) {
		struct boot_device_region *r = &dev->region[dev->nr_regions++];
		const char *name = tree_string_at(&v->t, node, "memory-region-names", i);

		if (name)
			boot_copy_name(r->name, sizeof(r->name), name, sizeof(r->name));
		resolve(v, (uint32_t)tree_number(p.at + i * 4, 1), r);
	}
	return 0;
}

/* of_node_to_nid(): of a node that there is, and of a kernel that knows nodes. */
static unsigned int numa_node(const struct visit *v)
{
	uint64_t id = BOOT_MAX_NODES;

	for (int d = v->p.depth; d >= 0; d--) {
		struct tree_prop p = tree_prop(&v->t, v->p.level[d].node, "numa-node-id");

		if (!p.at || p.len != 4)
			continue;
		id = tree_number(p.at, 1);
		break;
	}
	for (unsigned int i = 0; v->cfg->kernel.numa && i < v->cfg->nr_node_ranges; i++)
		if (v->cfg->node_range[i].node == id)
			return (unsigned int)id + 1;
	return 0;
}

static int read_device(struct visit *v, struct boot_device *dev)
{
	int err;

	memset(dev, 0, sizeof(*dev));
	device_name(&v->p, dev->name);
	node_path(&v->p, dev->path);
	dev->available = !v->off[v->p.depth];
	dev->dma_coherent = coherent(v);
	dev->numa_node = numa_node(v);
	dev->iommu = tree_has(&v->t, v->p.level[v->p.depth].node, "iommus");
	err = read_windows(v, dev);
	if (!err)
		err = read_regions(v, dev);
	return err ? err : tree_read_iova(&v->p, dev);
}

static int open_visit(struct visit *v, const void *dtb, size_t size, const struct boot_config *cfg,
		      struct boot_why *why)
{
	memset(v, 0, sizeof(*v));
	v->cfg = cfg;
	v->p.t = &v->t;
	return tree_open(&v->t, dtb, size, NULL, why);
}

/* ---- finding one ---- */

static bool same_start(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!b[i] || a[i] != b[i])
			return false;
	return !b[n];
}

/* Whether `which` is a name of the node that the visit stands at: in full, or without its unit address. */
static bool called(const struct visit *v, const char *which, bool in_full)
{
	char name[BOOT_NAME_MAX];

	if (!v->p.depth)
		return false;
	tree_name(&v->t, v->p.level[v->p.depth].node, name);
	if (!in_full)
		return same_start(name, which, base_len(name));
	if (fh_streq(name, which))
		return true;
	device_name(&v->p, name);
	return fh_streq(name, which);
}

struct found {
	int wanted; /* the node; below 0: any that is called so */
	bool in_full;
	unsigned int nr;
	char first[BOOT_PATH_MAX], second[BOOT_PATH_MAX];
};

static int look(struct visit *v, const char *which, struct found *f, struct boot_device *out)
{
	int node = -1, depth = 0, err = 0, read_err = 0;

	while (next(v, &node, &depth, &err)) {
		if (f->wanted >= 0 ? node != f->wanted : !called(v, which, f->in_full))
			continue;
		f->nr++;
		if (f->nr == 1)
			node_path(&v->p, f->first);
		else if (f->nr == 2)
			node_path(&v->p, f->second);
		if (f->nr == 1)
			read_err = read_device(v, out);
	}
	return err ? err : read_err;
}

/* fdt_path_offset() itself would follow an alias of an alias for ever. */
static int by_path_or_alias(const struct tree *t, const char *which)
{
	int aliases = fdt_path_offset(t->blob, "/aliases");
	const char *path = which;

	if (which[0] != '/')
		path = aliases >= 0 ? tree_string(t, aliases, which) : NULL;
	return path && path[0] == '/' ? fdt_path_offset(t->blob, path) : -FDT_ERR_NOTFOUND;
}

int boot_device_fdt(const void *dtb, size_t size, const struct boot_config *cfg, const char *which,
		    struct boot_device *out, struct boot_why *why)
{
	struct visit v;
	struct found f = {.in_full = true};
	int err = open_visit(&v, dtb, size, cfg, why);

	if (err)
		return err;
	f.wanted = by_path_or_alias(&v.t, which);
	if (!which[0] || f.wanted == 0)
		return boot_fail(why, FH_ENOENT, "device `%.60s': expected a node below the root",
				 which);
	if (f.wanted < 0 && which[0] == '/')
		return boot_fail(why, FH_ENOENT, "device %.150s: no such node in the tree", which);
	err = look(&v, which, &f, out);
	if (!err && !f.nr) {
		f.in_full = false;
		err = look(&v, which, &f, out);
	}
	if (f.nr > 1)
		return boot_fail(why, FH_EEXIST,
				 "device %.40s: %u nodes have that name, as %.60s and %.60s; "
				 "expected a path",
				 which, f.nr, f.first, f.second);
	if (!err && !f.nr)
		return boot_fail(why, FH_ENOENT,
				 "device %.100s: no node, alias or device of that name in the tree",
				 which);
	return err;
}

/* ---- all ---- */

static bool listed(const struct visit *v)
{
	int node = v->p.level[v->p.depth].node;

	if (!v->p.depth || v->off[v->p.depth])
		return false;
	if (tree_has(&v->t, node, "memory-region"))
		return true;
	if (!tree_has(&v->t, node, "compatible") || tree_compatible(&v->t, node, "simple-bus"))
		return false;
	return tree_has(&v->t, node, "iommus") || bus_with_windows(&v->p);
}

int boot_devices_for_each(const void *dtb, size_t size, const struct boot_config *cfg,
			  boot_device_fn fn, void *arg, struct boot_why *why)
{
	struct boot_why own = {""};
	struct boot_device dev;
	struct visit v;
	int node = -1, depth = 0, err = open_visit(&v, dtb, size, cfg, why);

	if (err)
		return err;
	while (next(&v, &node, &depth, &err)) {
		int read_err;

		if (!listed(&v))
			continue;
		v.t.why = &own;
		own.text[0] = '\0';
		read_err = read_device(&v, &dev);
		v.t.why = why;
		if (fn(arg, &dev, read_err, &own))
			break;
	}
	return err;
}
