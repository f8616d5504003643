/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The oracle of the DMA API: bytes, owners, addresses. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <freehold/page.h>
#include "dma/debug.h"
#include "dma/dma.h"
#include "dma/iommu.h"
#include "dma_model.h"

typedef unsigned long long ull;

void dm_must(struct dm *d, bool ok, const char *fmt, ...)
{
	va_list ap;

	if (ok)
		return;
	va_start(ap, fmt);
	vsnprintf(d->wrong, sizeof(d->wrong), fmt, ap);
	va_end(ap);
	longjmp(d->out, 1);
}

static unsigned int index_of(const struct dm *d, const struct dm_mem *mem)
{
	return (unsigned int)(mem - d->mem);
}

/* ---- what a device reaches ---- */

bool dm_snoops(const struct dm *d, const struct device *dev)
{
	return dev->dma_coherent || !d->tp.plat.cache_clean;
}

uint64_t dm_limit(const struct device *dev, bool coherent)
{
	uint64_t mask = coherent ? dma_coherent_mask(dev) : dma_get_mask(dev);

	return dev->bus_dma_limit && dev->bus_dma_limit < mask ? dev->bus_dma_limit : mask;
}

uint64_t dm_bus_of(const struct device *dev, uint64_t phys, uint64_t size)
{
	for (unsigned int i = 0; i < dev->nr_ranges; i++) {
		const struct bus_dma_region *r = &dev->range[i];

		if (phys >= r->cpu.v && phys + size <= r->cpu.v + r->size)
			return phys - r->cpu.v + r->dma.v;
	}
	return dev->nr_ranges ? UINT64_MAX : phys;
}

void dm_bus_access(struct dm *d, const struct device *dev, uint64_t bus, void *buf, uint64_t len,
		   bool write)
{
	unsigned char *p = buf;
	uint64_t run, at;
	phys_t phys;

	if (d->m->dma->debug && !d->whole)
		debug_dma_device_access(dev, (dma_t){bus}, len, write);
	for (; len; bus += run, p += run, len -= run) {
		run = len;
		if (dev->iommu) {
			int err = iommu_translate(dev, (dma_t){bus}, len, write, &phys, &run);

			dm_must(d, !err, "%s: %s of bus address %#llx: %d", dev_name(dev),
				write ? "write" : "read", (ull)bus, err);
		} else {
			phys.v = dma_to_phys(dev, (dma_t){bus}, len);
		}
		at = phys.v - TP_BASE;
		dm_must(d,
			at < (uint64_t)DM_RAM_MIB << 20 && run <= ((uint64_t)DM_RAM_MIB << 20) - at,
			"%s: bus address %#llx leads to %#llx, not RAM", dev_name(dev), (ull)bus,
			(ull)phys.v);
		if (write)
			testplat_bus_write(&d->tp, phys, p, run, dev->dma_coherent);
		else
			testplat_bus_read(&d->tp, phys, p, run, dev->dma_coherent);
	}
}

/* ---- buffers ---- */

struct dm_mem *dm_mem_new(struct dm *d, enum dm_kind kind, struct device *dev, uint64_t size)
{
	uint64_t pages = (size + FH_PAGE_SIZE - 1) >> FH_PAGE_SHIFT, lines;
	struct dm_mem *mem = d->mem;

	while (mem < d->mem + DM_MEMS && mem->live)
		mem++;
	if (mem == d->mem + DM_MEMS)
		return NULL;
	lines = (pages << FH_PAGE_SHIFT) / d->line;
	*mem = (struct dm_mem){
		.live = true, .kind = kind, .dev = dev, .size = size, .pages = pages};
	mem->pfn = calloc(pages, sizeof(*mem->pfn));
	mem->want = calloc(pages, FH_PAGE_SIZE);
	mem->claim = calloc(lines, 2);
	if (!mem->pfn || !mem->want || !mem->claim)
		abort();
	mem->theirs = mem->claim + lines;
	return mem;
}

void dm_mem_frame(struct dm *d, struct dm_mem *mem, uint64_t i, pfn_t pfn)
{
	uint64_t nr = pfn - (TP_BASE >> FH_PAGE_SHIFT);

	dm_must(d, nr < DM_FRAMES, "page %llu lies at pfn %#llx, not RAM", (ull)i, (ull)pfn);
	dm_must(d, !d->owner[nr], "pfn %#llx has two owners: buffers %u and %u", (ull)pfn,
		d->owner[nr] - 1u, index_of(d, mem));
	d->owner[nr] = (uint8_t)(index_of(d, mem) + 1);
	mem->pfn[i] = pfn;
}

static void no_overlap(struct dm *d, const struct device *dev, uint64_t a, uint64_t a_len,
		       uint64_t b, uint64_t b_len, const struct device *other)
{
	const uint64_t mask = ~(FH_PAGE_SIZE - 1);

	if (!dev->iommu || dev->iommu != other->iommu || !a_len || !b_len)
		return;
	dm_must(d, ((a + a_len - 1) & mask) < (b & mask) || ((b + b_len - 1) & mask) < (a & mask),
		"%s: bus addresses %#llx+%#llx and %#llx+%#llx share a page", dev_name(dev), (ull)a,
		(ull)a_len, (ull)b, (ull)b_len);
}

/* [bus, +len) belongs to nothing else that lives in that address space. */
static void is_alone(struct dm *d, const struct device *dev, uint64_t bus, uint64_t len,
		     const struct dm_mem *but, const struct dm_map *but_map)
{
	unsigned int skip = but ? index_of(d, but) : DM_MEMS;

	for (unsigned int i = 0; i < DM_MEMS; i++) {
		const struct dm_mem *o = &d->mem[i];

		if (o->live && i != skip && o->kind == DM_COHERENT)
			no_overlap(d, dev, bus, len, o->handle.v, o->size, o->dev);
	}
	for (unsigned int i = 0; i < DM_MAPS; i++) {
		const struct dm_map *o = &d->map[i];

		if (o == but_map || (but && o->how == DM_OWN && o->piece[0].mem == but))
			continue;
		for (unsigned int k = 0; o->live && k < o->nsegs; k++)
			no_overlap(d, dev, bus, len, o->sg[k].dma_address.v, o->sg[k].dma_length,
				   o->dev);
	}
}

void dm_mem_frames_at(struct dm *d, struct dm_mem *mem, bool coherent)
{
	const struct device *dev = mem->dev;
	uint64_t size = mem->pages << FH_PAGE_SHIFT, last = mem->handle.v + size - 1;

	dm_must(d, !(mem->handle.v & (FH_PAGE_SIZE - 1)) && last <= dm_limit(dev, coherent),
		"%s: buffer at %#llx+%#llx, above %#llx", dev_name(dev), (ull)mem->handle.v,
		(ull)size, (ull)dm_limit(dev, coherent));
	is_alone(d, dev, mem->handle.v, size, mem, NULL);
	for (uint64_t i = 0; i < mem->pages; i++) {
		dma_t at = {mem->handle.v + (i << FH_PAGE_SHIFT)};
		phys_t phys = {0};

		if (dev->iommu)
			dm_must(d, iommu_iova_to_phys(dev->iommu, at, &phys),
				"%s: page %llu of a buffer is not mapped", dev_name(dev), (ull)i);
		else
			phys.v = dma_to_phys(dev, at, FH_PAGE_SIZE);
		dm_mem_frame(d, mem, i, fh_phys_to_pfn(phys));
	}
	dm_must(d,
		dev->iommu || dm_bus_of(dev, mem->pfn[0] << FH_PAGE_SHIFT, size) == mem->handle.v,
		"%s: buffer at %#llx is not in one window", dev_name(dev), (ull)mem->handle.v);
}

void dm_mem_forget(struct dm *d, struct dm_mem *mem)
{
	for (uint64_t i = 0; i < mem->pages; i++)
		if (mem->pfn[i])
			d->owner[mem->pfn[i] - (TP_BASE >> FH_PAGE_SHIFT)] = 0;
	free(mem->pfn);
	free(mem->want);
	free(mem->claim);
	memset(mem, 0, sizeof(*mem));
}

/* ---- ownership ---- */

bool dm_mem_unclaimed(const struct dm *d, const struct dm_mem *mem, uint64_t at, uint64_t len)
{
	for (uint64_t l = at / d->line; l <= (at + len - 1) / d->line; l++)
		if (mem->claim[l])
			return false;
	return true;
}

bool dm_mem_is_ours(const struct dm *d, const struct dm_mem *mem, uint64_t at, uint64_t len)
{
	for (uint64_t l = at / d->line; l <= (at + len - 1) / d->line; l++)
		if (mem->theirs[l])
			return false;
	return true;
}

struct dm_map *dm_map_new(struct dm *d, struct device *dev, enum dma_data_direction dir)
{
	struct dm_map *map = d->map;

	while (map < d->map + DM_MAPS && map->live)
		map++;
	if (map == d->map + DM_MAPS)
		return NULL;
	*map = (struct dm_map){.dev = dev, .dir = dir};
	return map;
}

/* A segment of several entries keeps to what the device can take; one entry is as long as its caller made it. Returns the
 * entry behind it. */
static unsigned int segment_fits(struct dm *d, const struct dm_map *map, unsigned int seg,
				 unsigned int entry)
{
	uint64_t bus = map->sg[seg].dma_address.v, len = map->sg[seg].dma_length, sum = 0;
	uint64_t mask = dma_get_seg_boundary(map->dev);
	unsigned int i = entry;

	while (i < map->nents && sum < len)
		sum += map->piece[i++].len;
	dm_must(d, sum == len, "%s: a segment ends within an entry", dev_name(map->dev));
	dm_must(d,
		i == entry + 1 || (len <= dma_get_max_seg_size(map->dev) &&
				   (bus & ~mask) == ((bus + len - 1) & ~mask)),
		"%s: %u entries joined at %#llx+%#llx: too large", dev_name(map->dev), i - entry,
		(ull)bus, (ull)len);
	return i;
}

void dm_map_check(struct dm *d, struct dm_map *map, bool coherent)
{
	uint64_t limit = dm_limit(map->dev, coherent), sum = 0;
	unsigned int entry = 0;

	for (unsigned int i = 0; i < map->nsegs; i++) {
		uint64_t bus = map->sg[i].dma_address.v, len = map->sg[i].dma_length;

		dm_must(d, len && bus + len - 1 >= bus && bus + len - 1 <= limit,
			"%s: segment %u at %#llx+%#llx, above %#llx", dev_name(map->dev), i,
			(ull)bus, (ull)len, (ull)limit);
		is_alone(d, map->dev, bus, len, NULL, map);
		entry = segment_fits(d, map, i, entry);
		sum += len;
	}
	dm_must(d, sum == map->total, "segments of %llu bytes for %llu", (ull)sum, (ull)map->total);
}

void dm_map_claim(struct dm *d, struct dm_map *map, bool theirs)
{
	map->live = true;
	for (unsigned int i = 0; i < map->nents; i++) {
		const struct dm_piece *p = &map->piece[i];

		for (uint64_t l = p->at / d->line; l <= (p->at + p->len - 1) / d->line; l++) {
			p->mem->claim[l] = (uint8_t)(map - d->map + 1);
			p->mem->theirs[l] = theirs;
		}
	}
}

void dm_map_forget(struct dm *d, struct dm_map *map)
{
	for (unsigned int i = 0; i < map->nents; i++) {
		const struct dm_piece *p = &map->piece[i];

		for (uint64_t l = p->at / d->line; l <= (p->at + p->len - 1) / d->line; l++)
			p->mem->claim[l] = p->mem->theirs[l] = 0;
	}
	memset(map, 0, sizeof(*map));
}

/* The piece that has byte pos, which becomes an offset into it. */
static const struct dm_piece *piece_at(const struct dm_map *map, uint64_t *pos)
{
	const struct dm_piece *p = map->piece;

	for (; *pos >= p->len; p++)
		*pos -= p->len;
	return p;
}

static void hand_piece(struct dm *d, const struct dm_piece *p, uint64_t from, uint64_t to,
		       bool theirs)
{
	for (uint64_t l = from / d->line; l <= (to - 1) / d->line; l++) {
		uint64_t start = l * d->line, end = start + d->line;
		uint8_t *line = &p->mem->theirs[l];

		/* The line's bytes that are the mapping's. */
		start = start > p->at ? start : p->at;
		end = end < p->at + p->len ? end : p->at + p->len;
		if (start >= from && end <= to)
			*line = theirs ? DM_THEIRS : DM_OURS;
		else if (theirs && *line == DM_OURS)
			*line = DM_OURS_SPLIT;
		else if (!theirs && *line == DM_THEIRS)
			*line = DM_THEIRS_SPLIT;
	}
}

void dm_map_hand(struct dm *d, struct dm_map *map, uint64_t pos, uint64_t len, bool theirs)
{
	while (len) {
		uint64_t off = pos, n;
		const struct dm_piece *p = piece_at(map, &off);

		n = len < p->len - off ? len : p->len - off;
		hand_piece(d, p, p->at + off, p->at + off + n, theirs);
		pos += n;
		len -= n;
	}
}

/* All lines are one of these two. */
static bool all_are(const struct dm *d, const struct dm_map *map, uint64_t pos, uint64_t len,
		    enum dm_line a, enum dm_line b)
{
	while (len) {
		uint64_t off = pos, n;
		const struct dm_piece *p = piece_at(map, &off);

		n = len < p->len - off ? len : p->len - off;
		for (uint64_t l = (p->at + off) / d->line; l <= (p->at + off + n - 1) / d->line;
		     l++)
			if (p->mem->theirs[l] != a && p->mem->theirs[l] != b)
				return false;
		pos += n;
		len -= n;
	}
	return true;
}

bool dm_map_is(const struct dm *d, const struct dm_map *map, uint64_t pos, uint64_t len,
	       bool theirs)
{
	enum dm_line line = theirs ? DM_THEIRS : DM_OURS;

	return all_are(d, map, pos, len, line, line);
}

bool dm_map_may_hand(const struct dm *d, const struct dm_map *map, uint64_t pos, uint64_t len,
		     bool theirs)
{
	return all_are(d, map, pos, len, theirs ? DM_THEIRS : DM_OURS,
		       theirs ? DM_THEIRS_SPLIT : DM_OURS_SPLIT);
}

/* ---- bytes ---- */

/* Different for each stamp, and hardly ever what is there. */
static unsigned char byte_of(uint32_t stamp, uint64_t i)
{
	return (unsigned char)((stamp + i * 0x9e37) >> 3 | 1);
}

/* [at, +len) of a buffer is written, into the truth and into buf, or compared with it. */
static void truth(struct dm *d, struct dm_mem *mem, uint64_t at, unsigned char *buf, uint64_t len,
		  bool write, uint32_t stamp)
{
	for (uint64_t i = 0; write && i < len; i++)
		mem->want[at + i] = byte_of(stamp, at + i);
	if (write) {
		memcpy(buf, mem->want + at, len);
		return;
	}
	if (!memcmp(buf, mem->want + at, len))
		return;
	for (uint64_t i = 0; i < len; i++)
		dm_must(d, buf[i] == mem->want[at + i],
			"byte %#llx of buffer %u (kind %d) is %#x, and should be %#x",
			(ull)(at + i), index_of(d, mem), (int)mem->kind, buf[i], mem->want[at + i]);
}

static unsigned char *scratch(uint64_t len)
{
	unsigned char *p = malloc(len);

	if (!p)
		abort();
	return p;
}

void dm_mem_access(struct dm *d, struct dm_mem *mem, uint64_t at, uint64_t len, bool write,
		   uint32_t stamp)
{
	static unsigned char buf[65536];
	uint64_t n;

	for (; len; at += n, len -= n) {
		n = len < sizeof(buf) ? len : sizeof(buf);
		if (write)
			truth(d, mem, at, buf, n, true, stamp);
		dm_bus_access(d, mem->dev, mem->handle.v + at, buf, n, write);
		if (!write)
			truth(d, mem, at, buf, n, false, 0);
	}
}

/* By segments on the bus, by pieces in memory. */
static void segments_access(struct dm *d, struct dm_map *map, uint64_t pos, unsigned char *buf,
			    uint64_t len, bool write)
{
	unsigned int i = 0;
	uint64_t n;

	for (; pos >= map->sg[i].dma_length; i++)
		pos -= map->sg[i].dma_length;
	for (; len; pos = 0, i++, buf += n, len -= n) {
		n = map->sg[i].dma_length - pos;
		n = n < len ? n : len;
		dm_bus_access(d, map->dev, map->sg[i].dma_address.v + pos, buf, n, write);
	}
}

void dm_map_access(struct dm *d, struct dm_map *map, uint64_t pos, uint64_t len, bool write,
		   uint32_t stamp)
{
	unsigned char *buf = scratch(len);

	for (unsigned int pass = 0; pass < 2; pass++) {
		uint64_t done = 0;

		if (pass == write) {
			segments_access(d, map, pos, buf, len, write);
			continue;
		}
		while (done < len) {
			uint64_t off = pos + done, n;
			const struct dm_piece *p = piece_at(map, &off);

			n = len - done < p->len - off ? len - done : p->len - off;
			truth(d, p->mem, p->at + off, buf + done, n, write, stamp);
			done += n;
		}
	}
	free(buf);
}

static unsigned char *cpu_at(struct dm *d, const struct dm_mem *mem, uint64_t at)
{
	if (mem->kind == DM_COHERENT || mem->vmap)
		return (unsigned char *)(mem->vmap ? mem->vmap : mem->cpu) + at;
	return (unsigned char *)fh_page_address(d->m, mem->pfn[at >> FH_PAGE_SHIFT]) +
	       (at & (FH_PAGE_SIZE - 1));
}

void dm_cpu_access(struct dm *d, struct dm_mem *mem, uint64_t at, uint64_t len, bool write,
		   uint32_t stamp)
{
	uint64_t n;

	if (mem->attrs & DMA_ATTR_NO_KERNEL_MAPPING)
		return;
	for (; len; at += n, len -= n) {
		static unsigned char buf[FH_PAGE_SIZE];
		unsigned char *p = cpu_at(d, mem, at);

		n = FH_PAGE_SIZE - (at & (FH_PAGE_SIZE - 1));
		n = n < len ? n : len;
		if (mem->kind != DM_COHERENT && !mem->vmap)
			dma_debug_cpu_access(d->m, p, n, write);
		if (write) {
			truth(d, mem, at, buf, n, true, stamp);
			memcpy(p, buf, n);
		} else {
			truth(d, mem, at, p, n, false, 0);
		}
	}
}

void dm_mem_compare(struct dm *d, struct dm_mem *mem)
{
	uint64_t size = mem->pages << FH_PAGE_SHIFT;

	for (uint64_t at = 0; at < size; at += d->line)
		if (!mem->theirs[at / d->line])
			dm_cpu_access(d, mem, at, d->line, false, 0);
}
