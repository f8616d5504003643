/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Operations on streaming mappings: one range, a page, a list, a table; who owns them meanwhile; accesses that must be stopped. */
#include <stdlib.h>
#include <string.h>
#include <freehold/page.h>
#include "dma/dma.h"
#include "dma/iommu.h"
#include "dma/swiotlb.h"
#include "dma_ops.h"

typedef unsigned long long ull;

static phys_t phys_at(const struct dm_piece *p)
{
	return (phys_t){p->mem->pfn[p->at >> FH_PAGE_SHIFT] * FH_PAGE_SIZE +
			(p->at & (FH_PAGE_SIZE - 1))};
}

/* ---- what must come of it ---- */

/* The device has it without help: then it must, and at this address. */
static uint64_t direct_bus(const struct dma_ops *r, const struct device *dev,
			   const struct dm_piece *p)
{
	uint64_t bus = dm_bus_of(dev, phys_at(p).v, p->len);

	if (dev->iommu || dev->dma_io_tlb_mem || r->d.m->dma->swiotlb_forced || bus == UINT64_MAX ||
	    bus + p->len - 1 > dm_limit(dev, false))
		return UINT64_MAX;
	return bus;
}

static void mapped_as_it_must(struct dma_ops *r, const struct dm_map *map)
{
	for (unsigned int i = 0; i < map->nents; i++) {
		uint64_t bus = direct_bus(r, map->dev, &map->piece[i]);

		if (map->dev->iommu)
			continue;
		dm_must(&r->d, bus == UINT64_MAX || map->sg[i].dma_address.v == bus,
			"%s: mapped at %#llx, and its bus has it at %#llx", dev_name(map->dev),
			(ull)map->sg[i].dma_address.v, (ull)bus);
		dm_must(&r->d, bus != UINT64_MAX || r->d.bounces,
			"%s: mapped at %#llx what it does not reach", dev_name(map->dev),
			(ull)map->sg[i].dma_address.v);
		if (bus == UINT64_MAX)
			dma_ops_saw(r, DMA_OPS_BOUNCED);
	}
}

static void refused_as_it_must(struct dma_ops *r, const struct dm_map *map, int err)
{
	bool all = true;

	for (unsigned int i = 0; i < map->nents; i++)
		all &= direct_bus(r, map->dev, &map->piece[i]) != UINT64_MAX;
	dma_ops_say(r, " -> %d", err);
	if (map->dev->iommu) {
		dm_must(&r->d, err == -FH_ENOMEM, "%s: error %d of a mapping", dev_name(map->dev),
			err);
	} else {
		dm_must(&r->d, !all, "%s: error %d, and it reaches all of it", dev_name(map->dev),
			err);
		dm_must(&r->d, err == -FH_EIO || (r->d.bounces && err == -FH_ENOSPC),
			"%s: error %d of a mapping", dev_name(map->dev), err);
	}
	dma_ops_saw(r, dma_ops_injected(r) ? DMA_OPS_INJECTED : DMA_OPS_REFUSED);
}

/* ---- map ---- */

/* A range of a buffer that nobody has a mapping of; false: there is none. */
static bool pick_piece(struct dma_ops *r, const struct device *dev, struct dm_piece *p,
		       uint64_t most)
{
	struct dm_mem *mem = dma_ops_mem(r, 1u << DM_HOST);
	uint64_t at, len;

	(void)dev;
	if (!mem)
		return false;
	dma_ops_range(r, mem->size, &at, &len);
	len = len < most ? len : most;
	/* The CPU may have a mapping's lines meanwhile: claimed is claimed. */
	if (!dm_mem_unclaimed(&r->d, mem, at, len))
		return false;
	*p = (struct dm_piece){mem, at, len};
	return true;
}

static int call_map(struct dma_ops *r, struct dm_map *map)
{
	const struct dm_piece *p = map->piece;
	dma_t *handle = &map->sg[0].dma_address;

	switch (map->how) {
	case DM_SINGLE:
		return dma_map_single(map->dev,
				      (char *)fh_page_address(r->d.m, p->mem->pfn[0]) + p->at,
				      p->len, map->dir, handle);
	case DM_PAGE:
		return dma_map_page(map->dev, p->mem->pfn[0], p->at, p->len, map->dir, handle);
	default:
		return dma_map_phys(map->dev, phys_at(p), p->len, map->dir, map->attrs, handle);
	}
}

static void hand_over(struct dma_ops *r, struct dm_map *map)
{
	struct dm *d = &r->d;

	mapped_as_it_must(r, map);
	dm_map_check(d, map, false);
	dm_map_claim(d, map, true);
	r->res->maps++;
	dma_ops_say(r, " -> %u: %#llx", (unsigned int)(map - d->map),
		    (ull)map->sg[0].dma_address.v);
}

static void op_map(struct dma_ops *r)
{
	struct device *dev = dma_ops_device(r);
	enum dma_data_direction dir = (enum dma_data_direction)(dma_ops_u8(r) % 3);
	struct dm_map *map = dm_map_new(&r->d, dev, dir);
	int err;

	if (!map || !pick_piece(r, dev, &map->piece[0], UINT64_MAX))
		return;
	map->how = (enum dm_how)(dma_ops_u8(r) % 3);
	map->attrs = DMA_ATTR_NO_WARN;
	if (map->how == DM_PHYS && dma_ops_u8(r) & 1)
		map->attrs |= DMA_ATTR_SKIP_CPU_SYNC;
	map->nents = map->nsegs = 1;
	map->total = map->sg[0].dma_length = map->piece[0].len;
	dma_ops_say(r, " %s how %d dir %d buffer %u %#llx+%#llx attrs %#x", dev_name(dev),
		    (int)map->how, (int)dir, (unsigned int)(map->piece[0].mem - r->d.mem),
		    (ull)map->piece[0].at, (ull)map->total, map->attrs);
	err = call_map(r, map);
	if (err) {
		refused_as_it_must(r, map, err);
		return;
	}
	hand_over(r, map);
	if (map->attrs & DMA_ATTR_SKIP_CPU_SYNC)
		dma_sync_single_for_device(dev, map->sg[0].dma_address, map->total, dir);
}

/* Pieces of several buffers, or of one; no two share a line. */
static bool pick_list(struct dma_ops *r, struct dm_map *map, unsigned int want)
{
	for (unsigned int i = 0; i < want; i++) {
		struct dm_piece *p = &map->piece[map->nents];

		if (!pick_piece(r, map->dev, p, 20000))
			continue;
		map->sg[map->nents++] = (struct scatterlist){.phys = phys_at(p), .length = p->len};
		map->total += p->len;
		dm_map_claim(&r->d, map, false); /* so that the next finds it taken */
	}
	return map->nents;
}

static void op_map_list(struct dma_ops *r)
{
	struct device *dev = dma_ops_device(r);
	enum dma_data_direction dir = (enum dma_data_direction)(dma_ops_u8(r) % 3);
	unsigned int how = dma_ops_u8(r), i;
	struct dm_map *map = dm_map_new(&r->d, dev, dir);
	struct sg_table table;
	int n;

	if (!map || !pick_list(r, map, 1 + how % DM_ENTRIES))
		return;
	map->how = how & 128 ? DM_TABLE : DM_SG;
	map->attrs = DMA_ATTR_NO_WARN | (how & 64 ? DMA_ATTR_SKIP_CPU_SYNC : 0);
	table = (struct sg_table){map->sg, 0, map->nents};
	dma_ops_say(r, " %s %u entries dir %d attrs %#x", dev_name(dev), map->nents, (int)dir,
		    map->attrs);
	n = map->how == DM_SG ? dma_map_sg(dev, map->sg, map->nents, dir, map->attrs)
			      : dma_map_sgtable(dev, &table, dir, map->attrs);
	if (n < 0) {
		refused_as_it_must(r, map, n);
		dm_map_forget(&r->d, map);
		return;
	}
	map->nsegs = map->how == DM_SG ? (unsigned int)n : table.nents;
	dm_must(&r->d, map->nsegs && map->nsegs <= map->nents, "%u segments for %u entries",
		map->nsegs, map->nents);
	for (i = map->nsegs; i < map->nents; i++)
		dm_must(&r->d, !map->sg[i].dma_length, "an entry that is no segment has a length");
	if (map->nsegs < map->nents)
		dma_ops_saw(r, DMA_OPS_JOINED);
	hand_over(r, map);
	if (how & 64)
		dma_sync_sg_for_device(dev, map->sg, map->nents, dir);
}

/* One device's coherent buffer, for another. */
static void op_share(struct dma_ops *r)
{
	struct device *dev = dma_ops_device(r);
	struct dm_mem *mem = dma_ops_mem(r, 1u << DM_COHERENT);
	struct dm_map *map = mem ? dm_map_new(&r->d, dev, DMA_BIDIRECTIONAL) : NULL;
	uint64_t size = mem ? mem->pages * FH_PAGE_SIZE : 0, at = 0;
	int err;

	if (!map || mem->dev == dev || !dm_mem_unclaimed(&r->d, mem, 0, size))
		return;
	err = dma_get_sgtable(mem->dev, &map->shared, mem->cpu, mem->handle, mem->size);
	if (err) {
		dma_ops_refused(r, err, "dma_get_sgtable()");
		return;
	}
	if (map->shared.orig_nents > DM_ENTRIES) {
		dma_free_sgtable(mem->dev, &map->shared);
		return;
	}
	map->nents = map->shared.orig_nents;
	map->how = DM_TABLE;
	map->attrs = DMA_ATTR_NO_WARN;
	map->total = size;
	for (unsigned int i = 0; i < map->nents; i++) {
		map->piece[i] = (struct dm_piece){mem, at, map->shared.sgl[i].length};
		dm_must(&r->d, map->shared.sgl[i].phys.v == phys_at(&map->piece[i]).v,
			"a shared table's entry lies elsewhere");
		at += map->shared.sgl[i].length;
	}
	dm_must(&r->d, at == size, "a shared table is not all of it");
	err = dma_map_sgtable(dev, &map->shared, DMA_BIDIRECTIONAL, map->attrs);
	memcpy(map->sg, map->shared.sgl, map->nents * sizeof(map->sg[0]));
	if (err) {
		refused_as_it_must(r, map, err);
		dma_free_sgtable(mem->dev, &map->shared);
		return;
	}
	map->nsegs = map->shared.nents;
	dma_ops_saw(r, DMA_OPS_SHARED);
	hand_over(r, map);
}

/* ---- unmap ---- */

/* Behind an IOMMU what was unmapped is mapped no more; strict: nor reached. */
static void is_gone(struct dma_ops *r, const struct device *dev, dma_t handle)
{
	uint64_t run;
	phys_t phys;

	if (!dev->iommu)
		return;
	dm_must(&r->d, !iommu_iova_to_phys(dev->iommu, handle, &phys),
		"%s: %#llx is unmapped, and mapped", dev_name(dev), (ull)handle.v);
	if (!(r->strict >> (dev - r->d.dev) & 1))
		return;
	dm_must(&r->d, iommu_translate(dev, handle, 1, false, &phys, &run) == -FH_EFAULT,
		"%s: %#llx is unmapped, and its IOMMU lets it pass", dev_name(dev), (ull)handle.v);
	dma_ops_saw(r, DMA_OPS_FAULT);
}

static void sync_all(struct dm_map *map, bool for_cpu)
{
	struct scatterlist *sg = map->shared.sgl ? map->shared.sgl : map->sg;

	if (map->how == DM_SG || map->how == DM_TABLE) {
		if (for_cpu)
			dma_sync_sg_for_cpu(map->dev, sg, map->nents, map->dir);
		else
			dma_sync_sg_for_device(map->dev, sg, map->nents, map->dir);
	} else if (for_cpu) {
		dma_sync_single_for_cpu(map->dev, map->sg[0].dma_address, map->total, map->dir);
	} else {
		dma_sync_single_for_device(map->dev, map->sg[0].dma_address, map->total, map->dir);
	}
}

void dma_ops_sync_those(struct dma_ops *r, struct dm_map *map, bool theirs)
{
	struct dm *d = &r->d;
	uint64_t pos = 0, end;

	if (map->how == DM_SG || map->how == DM_TABLE) {
		if (dm_map_may_hand(d, map, 0, map->total, theirs)) {
			sync_all(map, theirs);
			dm_map_hand(d, map, 0, map->total, !theirs);
		}
		return;
	}
	for (; pos < map->total; pos = end) {
		dma_t at = {map->sg[0].dma_address.v + pos};

		end = pos + 1;
		if (!dm_map_may_hand(d, map, pos, 1, theirs))
			continue;
		while (end < map->total && dm_map_may_hand(d, map, end, 1, theirs))
			end++;
		if (theirs)
			dma_sync_single_for_cpu(map->dev, at, end - pos, map->dir);
		else
			dma_sync_single_for_device(map->dev, at, end - pos, map->dir);
		dm_map_hand(d, map, pos, end - pos, !theirs);
	}
}

static void call_unmap(struct dm_map *map, unsigned int attrs)
{
	struct sg_table table = {map->sg, map->nsegs, map->nents};
	dma_t handle = map->sg[0].dma_address;

	switch (map->how) {
	case DM_SINGLE:
		dma_unmap_single(map->dev, handle, map->total, map->dir);
		return;
	case DM_PAGE:
		dma_unmap_page(map->dev, handle, map->total, map->dir);
		return;
	case DM_PHYS:
		dma_unmap_phys(map->dev, handle, map->total, map->dir, attrs);
		return;
	case DM_SG:
		dma_unmap_sg(map->dev, map->sg, map->nents, map->dir, attrs);
		return;
	default:
		dma_unmap_sgtable(map->dev, map->shared.sgl ? &map->shared : &table, map->dir,
				  attrs);
	}
}

void dma_ops_unmap(struct dma_ops *r, struct dm_map *map)
{
	struct dm_piece piece[DM_ENTRIES];
	struct device *dev = map->dev, *owner = map->piece[0].mem->dev;
	struct sg_table shared = map->shared;
	dma_t handle = map->sg[0].dma_address;
	unsigned int n = map->nents;

	memcpy(piece, map->piece, sizeof(piece));
	/* What the CPU wrote meanwhile would be gone, as on any board. */
	if (map->dir != DMA_TO_DEVICE)
		dma_ops_sync_those(r, map, false);
	if (map->attrs & DMA_ATTR_SKIP_CPU_SYNC)
		sync_all(map, true);
	call_unmap(map, map->attrs);
	is_gone(r, dev, handle);
	if (shared.sgl)
		dma_free_sgtable(owner, &shared);
	dm_map_forget(&r->d, map);
	for (unsigned int i = 0; i < n; i++)
		dm_cpu_access(&r->d, piece[i].mem, piece[i].at, piece[i].len, false, 0);
}

static void op_unmap(struct dma_ops *r)
{
	struct dm_map *map = dma_ops_map(r);

	if (!map || map->how == DM_OWN)
		return;
	dma_ops_say(r, " %u", (unsigned int)(map - r->d.map));
	dma_ops_unmap(r, map);
}

/* ---- who owns it ---- */

static void op_sync(struct dma_ops *r)
{
	struct dm_map *map = dma_ops_map(r);
	bool for_cpu = dma_ops_u8(r) & 1, may;
	uint64_t pos = 0, len, calls;
	dma_t at;

	if (!map)
		return;
	len = map->total;
	if (map->how != DM_SG && map->how != DM_TABLE)
		dma_ops_range(r, map->total, &pos, &len);
	/* Only what is the other's: a second one loses what was written since. */
	if (!dm_map_may_hand(&r->d, map, pos, len, for_cpu))
		return;
	at = (dma_t){map->sg[0].dma_address.v + pos};
	calls = r->d.tp.cleans + r->d.tp.invals;
	may = dma_need_sync(map->dev, at) || map->how == DM_SG || map->how == DM_TABLE;
	if (map->how == DM_SG || map->how == DM_TABLE)
		sync_all(map, for_cpu);
	else if (for_cpu)
		dma_sync_single_for_cpu(map->dev, at, len, map->dir);
	else
		dma_sync_single_for_device(map->dev, at, len, map->dir);
	dma_ops_say(r, " %u for %s %#llx+%#llx", (unsigned int)(map - r->d.map),
		    for_cpu ? "cpu" : "device", (ull)pos, (ull)len);
	dm_must(&r->d, may || calls == r->d.tp.cleans + r->d.tp.invals,
		"%s: need not be synced, and caches were", dev_name(map->dev));
	dm_map_hand(&r->d, map, pos, len, !for_cpu);
}

static void op_dma(struct dma_ops *r)
{
	struct dm_map *map = dma_ops_map(r);
	unsigned int how = dma_ops_u8(r);
	uint64_t pos, len;
	bool write;

	if (!map)
		return;
	dma_ops_range(r, map->total, &pos, &len);
	if (!dm_map_is(&r->d, map, pos, len, true))
		return;
	write = map->dir == DMA_BIDIRECTIONAL ? how & 1 : map->dir == DMA_FROM_DEVICE;
	dma_ops_say(r, " %u %s %#llx+%#llx", (unsigned int)(map - r->d.map),
		    write ? "write" : "read", (ull)pos, (ull)len);
	dm_map_access(&r->d, map, pos, len, write, dma_ops_stamp(r));
	r->res->accesses++;
}

/* What a device may not do: the other direction, an address of nobody's. */
static void op_trespass(struct dma_ops *r)
{
	struct dm_map *map = dma_ops_map(r);
	bool write = dma_ops_u8(r) & 1;
	uint64_t pos, run;
	phys_t phys;
	dma_t at;

	if (!map || !map->dev->iommu)
		return;
	pos = dma_ops_pick(r, map->sg[0].dma_length);
	at.v = map->sg[0].dma_address.v + pos;
	if (map->dir == DMA_BIDIRECTIONAL)
		at.v = UINT64_C(1) << 45;
	else
		write = map->dir == DMA_TO_DEVICE;
	dma_ops_say(r, " %s %s %#llx", dev_name(map->dev), write ? "write" : "read", (ull)at.v);
	dm_must(&r->d, iommu_translate(map->dev, at, 1, write, &phys, &run) == -FH_EFAULT,
		"%s: a %s of %#llx, dir %d, is not stopped", dev_name(map->dev),
		write ? "write" : "read", (ull)at.v, (int)map->dir);
	dma_ops_saw(r, DMA_OPS_FAULT);
}

const struct dma_ops_entry dma_ops_map_entries[] = {
	{"map", op_map, 6},	      {"map list", op_map_list, 4},
	{"share", op_share, 2},	      {"unmap", op_unmap, 4},
	{"sync", op_sync, 5},	      {"dma", op_dma, 6},
	{"trespass", op_trespass, 1}, {NULL, NULL, 0},
};
