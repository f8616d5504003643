/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Operations on buffers that the DMA API gives: coherent, pages, of several runs; their frees, right and wrong. */
#include <string.h>
#include <freehold/page.h>
#include "arch.h"
#include "dma/dma.h"
#include "dma_ops.h"

typedef unsigned long long ull;

#define PAGE FH_PAGE_SIZE

static uint64_t pick_size(struct dma_ops *r)
{
	static const uint64_t sizes[] = {
		1,     64,    4095,  4096,   4097,   8192,	 12288,	      16384,
		20000, 40000, 65536, 100000, 262144, 300 * 1024, 1024 * 1024, 5 * 1024 * 1024};
	uint64_t size = sizes[dma_ops_u8(r) % 16];

	/* Large ones are rare: they take all there is, and time. */
	if (size > 262144 && dma_ops_u8(r) & 3)
		size = 4096 * (1 + dma_ops_pick(r, 9));
	return size;
}

static unsigned int pick_attrs(struct dma_ops *r)
{
	static const unsigned int kinds[] = {
		0,
		0,
		0,
		DMA_ATTR_NO_KERNEL_MAPPING,
		DMA_ATTR_FORCE_CONTIGUOUS,
		DMA_ATTR_ALLOC_SINGLE_PAGES,
		DMA_ATTR_WRITE_COMBINE | DMA_ATTR_WEAK_ORDERING,
		DMA_ATTR_PRIVILEGED | DMA_ATTR_SKIP_CPU_SYNC,
	};

	return kinds[dma_ops_u8(r) & 7] | DMA_ATTR_NO_WARN;
}

static unsigned int align_of(uint64_t pages)
{
	unsigned int order = 0;

	while (UINT64_C(1) << order < pages)
		order++;
	return order < FH_CMA_ALIGNMENT ? order : FH_CMA_ALIGNMENT;
}

/* A device with a pool was refused: there is no such run in it. */
static void pool_is_full(struct dma_ops *r, const struct device *dev, uint64_t pages)
{
	struct dm *d = &r->d;
	uint64_t step = UINT64_C(1) << align_of(pages);

	if (!dev->dma_mem || dev->iommu || dma_ops_injected(r))
		return;
	/* Pages of small objects are nobody's here. */
	for (unsigned int i = 0; i < DMA_OPS_POOLS; i++)
		if (r->pool[i].pool && r->pool[i].dev->dma_mem)
			return;
	for (pfn_t pfn = (d->pool.start + step - 1) & ~(step - 1); pfn + pages <= d->pool.end;
	     pfn += step) {
		uint64_t bus = dm_bus_of(dev, pfn * PAGE, pages * PAGE), i = 0;

		while (i < pages && !d->owner[pfn + i - (TP_BASE >> FH_PAGE_SHIFT)])
			i++;
		dm_must(d,
			i < pages || bus == UINT64_MAX ||
				bus + pages * PAGE - 1 > dm_limit(dev, true),
			"%s: %llu pages refused, and pfn %#llx of its pool is free", dev_name(dev),
			(ull)pages, (ull)pfn);
	}
}

/* Its device reads all of it, to the end of its last page. */
static void see_whole(struct dm *d, struct dm_mem *mem)
{
	d->whole = true;
	dm_mem_access(d, mem, 0, mem->pages * PAGE, false, 0);
	d->whole = false;
}

/* Zero for all who look, and where it may be. */
static void newborn(struct dma_ops *r, struct dm_mem *mem)
{
	struct dm *d = &r->d;
	const struct device *dev = mem->dev;
	uint64_t align = (PAGE << align_of(mem->pages)) - 1;
	bool runs = false;

	dm_mem_frames_at(d, mem, true);
	for (uint64_t i = 1; i < mem->pages; i++)
		runs |= mem->pfn[i] != mem->pfn[i - 1] + 1;
	dm_must(d, !runs || (dev->iommu && !(mem->attrs & DMA_ATTR_FORCE_CONTIGUOUS)),
		"%s: a buffer in several runs", dev_name(dev));
	dm_must(d, dev->iommu || !(mem->pfn[0] * PAGE & align),
		"%s: pfn %#llx is not aligned to %#llx", dev_name(dev), (ull)mem->pfn[0],
		(ull)align + 1);
	if (dev->dma_mem)
		dm_must(d, mem->pfn[0] >= d->pool.start && mem->pfn[0] < d->pool.end,
			"%s: pfn %#llx is not of its own pool", dev_name(dev), (ull)mem->pfn[0]);
	dm_mem_compare(d, mem);
	see_whole(d, mem);
	if (runs)
		dma_ops_saw(r, DMA_OPS_RUNS);
	if (dev->dma_mem)
		dma_ops_saw(r, DMA_OPS_POOL);
	if (cma_default(d->m) && fh_phys_to_pfn(cma_get_base(cma_default(d->m))) <= mem->pfn[0])
		dma_ops_saw(r, DMA_OPS_AREA);
	r->res->buffers++;
}

static void op_alloc(struct dma_ops *r)
{
	struct device *dev = dma_ops_device(r);
	uint64_t size = pick_size(r);
	gfp_t gfp = dma_ops_gfp(r);
	unsigned int attrs = pick_attrs(r);
	struct dm_mem *mem = dm_mem_new(&r->d, DM_COHERENT, dev, size);
	dma_t handle = {0x4711};
	void *cpu = r;
	int err;

	if (!mem)
		return;
	dma_ops_say(r, " %s %llu bytes gfp %#x attrs %#x", dev_name(dev), (ull)size, gfp, attrs);
	err = dma_alloc_attrs(dev, size, gfp, attrs, &handle, &cpu);
	if (err) {
		dm_must(&r->d, handle.v == 0x4711 && cpu == r, "a failed call changes results");
		pool_is_full(r, dev, mem->pages);
		dm_mem_forget(&r->d, mem);
		dma_ops_refused(r, err, "dma_alloc_attrs()");
		return;
	}
	dm_must(&r->d, cpu, "%s: a buffer and no address", dev_name(dev));
	mem->attrs = attrs;
	mem->handle = handle;
	mem->cpu = cpu;
	dma_ops_say(r, " -> %u: %#llx", (unsigned int)(mem - r->d.mem), (ull)handle.v);
	newborn(r, mem);
}

/* The mapping that comes with the pages. */
static void own_map(struct dma_ops *r, struct dm_mem *mem, struct dm_map *map)
{
	struct dm *d = &r->d;

	map->how = DM_OWN;
	map->total = mem->sgt ? mem->pages * PAGE : mem->size;
	map->nents = map->nsegs = 1;
	map->piece[0] = (struct dm_piece){mem, 0, map->total};
	map->sg[0].dma_address = mem->handle;
	map->sg[0].dma_length = map->total;
	dm_map_check(d, map, !mem->dev->iommu);
	dm_map_claim(d, map, false);
	dm_mem_frames_at(d, mem, !mem->dev->iommu);
	dm_mem_compare(d, mem);
	r->res->buffers++;
}

/* Entries of the table are the frames, in order. */
static void table_is_right(struct dma_ops *r, const struct dm_mem *mem)
{
	uint64_t page = 0;

	for (unsigned int i = 0; i < mem->sgt->orig_nents; i++)
		for (uint64_t n = mem->sgt->sgl[i].length / PAGE, k = 0; k < n; k++, page++)
			dm_must(&r->d,
				page < mem->pages &&
					mem->pfn[page] == mem->sgt->sgl[i].phys.v / PAGE + k,
				"entry %u of a table is not page %llu", i, (ull)page);
	dm_must(&r->d, page == mem->pages && mem->sgt->nents == 1, "a table of %llu pages",
		(ull)page);
	if (mem->sgt->orig_nents > 1)
		dma_ops_saw(r, DMA_OPS_RUNS);
}

static int call_alloc(struct dm_mem *mem, gfp_t gfp, enum dma_data_direction dir, pfn_t *pfn)
{
	int err;

	switch (mem->kind) {
	case DM_PAGES:
		return dma_alloc_pages(mem->dev, mem->size, gfp, dir, &mem->handle, pfn);
	case DM_NONCOHERENT:
		return dma_alloc_noncoherent(mem->dev, mem->size, gfp, dir, &mem->handle,
					     &mem->cpu);
	default:
		err = dma_alloc_noncontiguous(mem->dev, mem->size, gfp, dir, mem->attrs, &mem->sgt);
		if (!err)
			mem->handle = mem->sgt->sgl[0].dma_address;
		return err;
	}
}

/* There and back over all of its runs: by lot that hardly ever happens. */
static void first_use(struct dma_ops *r, struct dm_mem *mem, struct dm_map *map)
{
	uint64_t pos = (mem->pages - 1) * PAGE;

	if (map->dir != DMA_FROM_DEVICE)
		dm_cpu_access(&r->d, mem, pos, map->total - pos, true, dma_ops_stamp(r));
	dma_ops_sync_those(r, map, false);
	dm_map_access(&r->d, map, 0, map->total, map->dir == DMA_FROM_DEVICE, dma_ops_stamp(r));
	if (map->dir == DMA_BIDIRECTIONAL)
		dm_map_access(&r->d, map, pos, map->total - pos, true, dma_ops_stamp(r));
	dma_ops_sync_those(r, map, true);
	dm_mem_compare(&r->d, mem);
}

static void op_alloc_cached(struct dma_ops *r)
{
	enum dm_kind kind = (enum dm_kind)(DM_PAGES + dma_ops_u8(r) % 3);
	struct device *dev = dma_ops_device(r);
	uint64_t size = pick_size(r);
	enum dma_data_direction dir = (enum dma_data_direction)(dma_ops_u8(r) % 3);
	gfp_t gfp = dma_ops_gfp(r);
	struct dm_map *map = dm_map_new(&r->d, dev, dir);
	struct dm_mem *mem = map ? dm_mem_new(&r->d, kind, dev, size) : NULL;
	pfn_t pfn = 0;
	int err;

	if (!mem)
		return;
	mem->attrs = kind == DM_NONCONTIG && dma_ops_u8(r) & 1 ? DMA_ATTR_ALLOC_SINGLE_PAGES : 0;
	dma_ops_say(r, " %s kind %d %llu bytes gfp %#x dir %d", dev_name(dev), (int)kind, (ull)size,
		    gfp, (int)dir);
	err = call_alloc(mem, gfp, dir, &pfn);
	if (err) {
		dm_mem_forget(&r->d, mem);
		dma_ops_refused(r, err, "pages for a device");
		return;
	}
	dma_ops_say(r, " -> %u: %#llx", (unsigned int)(mem - r->d.mem), (ull)mem->handle.v);
	own_map(r, mem, map);
	if (mem->sgt)
		table_is_right(r, mem);
	dm_must(&r->d, kind != DM_PAGES || mem->pfn[0] == pfn, "frames other than those told");
	dm_must(&r->d, kind != DM_NONCOHERENT || mem->cpu == fh_page_address(r->d.m, mem->pfn[0]),
		"another address than that of the frames");
	first_use(r, mem, map);
}

/* ---- ends ---- */

static struct dm_map *own_of(struct dm *d, const struct dm_mem *mem)
{
	for (unsigned int i = 0; i < DM_MAPS; i++)
		if (d->map[i].live && d->map[i].how == DM_OWN && d->map[i].piece[0].mem == mem)
			return &d->map[i];
	return NULL;
}

static void unmap_all_of(struct dma_ops *r, const struct dm_mem *mem)
{
	for (unsigned int i = 0; i < DM_MAPS; i++)
		for (unsigned int k = 0; k < r->d.map[i].nents; k++)
			if (r->d.map[i].live && r->d.map[i].how != DM_OWN &&
			    r->d.map[i].piece[k].mem == mem) {
				dma_ops_unmap(r, &r->d.map[i]);
				break;
			}
}

static int call_free(const struct dm_mem *mem, uint64_t size, dma_t handle, void *cpu,
		     enum dma_data_direction dir)
{
	switch (mem->kind) {
	case DM_COHERENT:
		return dma_free_attrs(mem->dev, size, cpu, handle, mem->attrs);
	case DM_PAGES:
		return dma_free_pages(mem->dev, size, mem->pfn[0], handle, dir);
	case DM_NONCOHERENT:
		return dma_free_noncoherent(mem->dev, size, cpu, handle, dir);
	case DM_NONCONTIG:
		return dma_free_noncontiguous(mem->dev, size, mem->sgt, dir);
	default:
		return -FH_EINVAL;
	}
}

static void see_all(struct dma_ops *r, struct dm_mem *mem, struct dm_map *own)
{
	struct dm *d = &r->d;

	if (mem->vmap) {
		dma_vunmap_noncontiguous(mem->dev, mem->size, mem->sgt, mem->vmap);
		mem->vmap = NULL;
	}
	if (own) {
		dma_ops_sync_those(r, own, false);
		dma_ops_sync_those(r, own, true);
	}
	dm_mem_compare(d, mem);
	if (mem->kind == DM_COHERENT)
		see_whole(d, mem);
}

void dma_ops_free(struct dma_ops *r, struct dm_mem *mem)
{
	struct dm *d = &r->d;
	struct dm_map *own = own_of(d, mem);
	enum dma_data_direction dir = own ? own->dir : DMA_BIDIRECTIONAL;
	struct dm_mem was;
	int err;

	unmap_all_of(r, mem);
	see_all(r, mem, own);
	if (mem->kind == DM_HOST) {
		dm_must(d, !fh_free_pages(d->m, mem->pfn[0], mem->order), "frames go back");
		dm_mem_forget(d, mem);
		return;
	}
	err = call_free(mem, mem->size, mem->handle, mem->cpu, dir);
	dm_must(d, !err, "%s: buffer %u cannot be freed: %d", dev_name(mem->dev),
		(unsigned int)(mem - d->mem), err);
	was = *mem;
	if (was.kind != DM_NONCONTIG) { /* the table went, too */
		err = call_free(&was, was.size, was.handle, was.cpu, dir);
		dm_must(d, err == -FH_EINVAL, "%s: a buffer (kind %d) is freed twice: %d",
			dev_name(was.dev), (int)was.kind, err);
		dma_ops_was_wrong(r);
	}
	if (own)
		dm_map_forget(d, own);
	dm_mem_forget(d, mem);
}

static void op_free(struct dma_ops *r)
{
	struct dm_mem *mem = dma_ops_mem(r, ~0u);

	if (!mem)
		return;
	dma_ops_say(r, " %u", (unsigned int)(mem - r->d.mem));
	dma_ops_free(r, mem);
}

/* Whether the core can tell that a size is wrong: DESIGN, frees find their own way, which knows runs and not buffers. */
static bool knows_size(const struct dm *d, const struct dm_mem *mem)
{
	if (mem->kind == DM_NONCONTIG || mem->dev->iommu)
		return true;
	if (mem->kind != DM_COHERENT)
		return false;
	return mem->pfn[0] - d->pool.start < d->pool.end - d->pool.start || !dm_snoops(d, mem->dev);
}

/* What the caller says about a buffer, one of it wrong. False: such an error cannot be made, or not be seen, here. */
struct claim {
	uint64_t size;
	dma_t handle;
	void *cpu;
	pfn_t pfn;
};

static bool make_wrong(const struct dm *d, const struct dm_mem *mem, unsigned int how,
		       struct claim *c)
{
	*c = (struct claim){mem->size, mem->handle, mem->cpu, mem->pfn[0]};
	switch (how) {
	case 0:
		c->size += PAGE;
		return knows_size(d, mem);
	case 1:
		c->size = (mem->pages - 1) * PAGE;
		return knows_size(d, mem);
	case 2:
		c->handle.v += mem->pages > 1 ? PAGE : 1;
		return mem->kind != DM_NONCONTIG &&
		       (mem->kind != DM_COHERENT || knows_size(d, mem));
	case 3:
		c->handle.v = UINT64_C(0xdead000000000000);
		return mem->kind != DM_NONCONTIG;
	case 4:
		c->cpu = (void *)((uintptr_t)c->cpu + PAGE);
		return mem->kind == DM_COHERENT || mem->kind == DM_NONCOHERENT;
	case 5:
		c->pfn++;
		return mem->kind == DM_PAGES;
	default:
		c->size = 0;
		return true;
	}
}

/* Refused, and all is as it was. */
static void op_free_wrong(struct dma_ops *r)
{
	struct dm *d = &r->d;
	struct dm_mem *mem = dma_ops_mem(r, ~1u);
	struct dm_map *own = mem ? own_of(d, mem) : NULL;
	unsigned int how = dma_ops_u8(r) % 7;
	struct fh_mem_info before, after;
	struct claim c;
	pfn_t first;
	int err;

	if (!mem || (mem->kind == DM_COHERENT && !dm_mem_unclaimed(d, mem, 0, mem->size)) ||
	    !make_wrong(d, mem, how, &c))
		return;
	dma_ops_say(r, " %u how %u", (unsigned int)(mem - d->mem), how);
	first = mem->pfn[0];
	fh_mem_info(d->m, &before);
	mem->pfn[0] = c.pfn;
	err = call_free(mem, c.size, c.handle, c.cpu, own ? own->dir : DMA_BIDIRECTIONAL);
	mem->pfn[0] = first;
	dma_ops_was_wrong(r);
	fh_mem_info(d->m, &after);
	dm_must(d, err == -FH_EINVAL, "%s: a wrong free (%u) of buffer %u (kind %d): %d",
		dev_name(mem->dev), how, (unsigned int)(mem - d->mem), (int)mem->kind, err);
	dm_must(d, before.free == after.free, "a wrong free frees");
	dma_ops_saw(r, DMA_OPS_WRONG_FREE);
}

/* ---- bytes ---- */

static void op_cpu(struct dma_ops *r)
{
	struct dm_mem *mem = dma_ops_mem(r, ~0u);
	bool write = dma_ops_u8(r) & 1;
	uint64_t at, len;

	if (!mem)
		return;
	dma_ops_range(r, mem->size, &at, &len);
	if (!dm_mem_is_ours(&r->d, mem, at, len))
		return;
	/* What a mapping that only the device writes has of the CPU is nobody's word. */
	for (uint64_t l = at / r->d.line; write && l <= (at + len - 1) / r->d.line; l++)
		if (mem->claim[l] && r->d.map[mem->claim[l] - 1].dir == DMA_FROM_DEVICE &&
		    r->d.map[mem->claim[l] - 1].how != DM_OWN)
			return;
	dma_ops_say(r, " %u %s %#llx+%#llx", (unsigned int)(mem - r->d.mem),
		    write ? "write" : "read", (ull)at, (ull)len);
	dm_cpu_access(&r->d, mem, at, len, write, dma_ops_stamp(r));
}

/* The device of a coherent buffer. */
static void op_device(struct dma_ops *r)
{
	struct dm_mem *mem = dma_ops_mem(r, 1u << DM_COHERENT);
	bool write = dma_ops_u8(r) & 1;
	uint64_t at, len;

	if (!mem)
		return;
	dma_ops_range(r, mem->size, &at, &len);
	if (!dm_mem_is_ours(&r->d, mem, at, len) ||
	    (write && !dm_mem_unclaimed(&r->d, mem, at, len)))
		return;
	dma_ops_say(r, " %u %s %#llx+%#llx", (unsigned int)(mem - r->d.mem),
		    write ? "write" : "read", (ull)at, (ull)len);
	dm_mem_access(&r->d, mem, at, len, write, dma_ops_stamp(r));
	r->res->accesses++;
}

static void op_vmap(struct dma_ops *r)
{
	struct dm_mem *mem = dma_ops_mem(r, 1u << DM_NONCONTIG);
	void *cpu = NULL;
	int err;

	if (!mem)
		return;
	if (mem->vmap) {
		dma_vunmap_noncontiguous(mem->dev, mem->size, mem->sgt, mem->vmap);
		mem->vmap = NULL;
		return;
	}
	err = dma_vmap_noncontiguous(mem->dev, mem->size, mem->sgt, &cpu);
	if (err)
		dma_ops_refused(r, err, "dma_vmap_noncontiguous()");
	else
		mem->vmap = cpu;
}

/* Memory of the CPU's, for mappings. */
static void op_host(struct dma_ops *r)
{
	unsigned int order = dma_ops_u8(r) % 5, zero = dma_ops_u8(r) & 1;
	struct dm_mem *mem = dm_mem_new(&r->d, DM_HOST, NULL, PAGE << order);
	pfn_t pfn;
	int err;

	if (!mem)
		return;
	err = fh_alloc_pages(r->d.m, dma_ops_gfp(r) | (zero ? __GFP_ZERO : 0), order, &pfn);
	if (err) {
		dm_mem_forget(&r->d, mem);
		dma_ops_refused(r, err, "fh_alloc_pages()");
		return;
	}
	mem->order = order;
	for (uint64_t i = 0; i < mem->pages; i++)
		dm_mem_frame(&r->d, mem, i, pfn + i);
	dma_ops_say(r, " %u order %u", (unsigned int)(mem - r->d.mem), order);
	if (!zero)
		dm_cpu_access(&r->d, mem, 0, mem->size, true, dma_ops_stamp(r));
	dm_mem_compare(&r->d, mem);
}

const struct dma_ops_entry dma_ops_buffer_entries[] = {
	{"alloc", op_alloc, 7}, {"alloc cached", op_alloc_cached, 5},
	{"free", op_free, 7},	{"wrong free", op_free_wrong, 3},
	{"cpu", op_cpu, 5},	{"device", op_device, 5},
	{"vmap", op_vmap, 1},	{"host", op_host, 3},
	{NULL, NULL, 0},
};
