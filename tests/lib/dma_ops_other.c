/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Operations on what is made of coherent buffers: pools of small objects, and what programs see. */
#include <string.h>
#include <freehold/object.h>
#include "dma_ops.h"

typedef unsigned long long ull;

/* ---- small objects ---- */

static void op_pool_create(struct dma_ops *r)
{
	static const uint64_t sizes[] = {4, 17, 64, 96, 500, 2048, 4096, 9000};
	struct dma_ops_pool *p = &r->pool[dma_ops_u8(r) % DMA_OPS_POOLS];
	struct device *dev = dma_ops_device(r);
	unsigned int how = dma_ops_u8(r);
	int err;

	if (p->pool)
		return;
	*p = (struct dma_ops_pool){.dev = dev, .size = sizes[how & 7]};
	p->align = how & 8 ? 64 : 4;
	p->boundary = how & 16 ? 16384 : 0;
	err = dma_pool_create("random", dev, p->size, p->align, p->boundary, &p->pool);
	if (err)
		dma_ops_refused(r, err, "dma_pool_create()");
	if (err)
		p->pool = NULL;
}

static void fill(struct dma_ops *r, struct dma_ops_pool *p, unsigned int i)
{
	p->obj[i].stamp = (unsigned char)(dma_ops_stamp(r) >> 5 | 1);
	memset(p->obj[i].cpu, p->obj[i].stamp, p->size);
}

/* The CPU and the device see it, and nobody else's bytes. */
static void look(struct dma_ops *r, const struct dma_ops_pool *p, unsigned int i)
{
	unsigned char buf[9000];

	dm_bus_access(&r->d, p->dev, p->obj[i].handle.v, buf, p->size, false);
	for (uint64_t k = 0; k < p->size; k++)
		dm_must(&r->d, buf[k] == p->obj[i].stamp && p->obj[i].cpu[k] == p->obj[i].stamp,
			"%s: byte %llu of a small object is %#x for it, %#x for the CPU, not %#x",
			dev_name(p->dev), (ull)k, buf[k], p->obj[i].cpu[k], p->obj[i].stamp);
}

static void op_object(struct dma_ops *r)
{
	struct dma_ops_pool *p = &r->pool[dma_ops_u8(r) % DMA_OPS_POOLS];
	unsigned int i = dma_ops_u8(r) % DMA_OPS_OBJS;
	gfp_t gfp = dma_ops_gfp(r);
	uint64_t last;
	void *cpu;
	int err;

	if (!p->pool || p->obj[i].cpu)
		return;
	err = dma_pool_zalloc(p->pool, gfp, &p->obj[i].handle, &cpu);
	if (err) {
		dma_ops_refused(r, err, "dma_pool_alloc()");
		return;
	}
	p->obj[i].cpu = cpu;
	p->obj[i].stamp = 0;
	last = p->obj[i].handle.v + p->size - 1;
	dm_must(&r->d, last <= dm_limit(p->dev, true) && !(p->obj[i].handle.v & (p->align - 1)),
		"%s: a small object at %#llx", dev_name(p->dev), (ull)p->obj[i].handle.v);
	dm_must(&r->d, !p->boundary || p->obj[i].handle.v / p->boundary == last / p->boundary,
		"%s: a small object at %#llx crosses %#llx", dev_name(p->dev),
		(ull)p->obj[i].handle.v, (ull)p->boundary);
	look(r, p, i); /* zero */
	fill(r, p, i);
	dma_ops_saw(r, DMA_OPS_OBJECTS);
}

static void free_object(struct dma_ops *r, struct dma_ops_pool *p, unsigned int i)
{
	dma_t handle = p->obj[i].handle;
	void *cpu = p->obj[i].cpu;

	look(r, p, i);
	dm_must(&r->d, dma_pool_free(p->pool, (char *)cpu + 1, handle) == -FH_EINVAL,
		"an object with another address is taken back");
	dm_must(&r->d, !dma_pool_free(p->pool, cpu, handle), "an object goes back");
	dm_must(&r->d, dma_pool_free(p->pool, cpu, handle) == -FH_EINVAL,
		"an object is freed twice");
	p->obj[i].cpu = NULL;
}

static void op_object_free(struct dma_ops *r)
{
	struct dma_ops_pool *p = &r->pool[dma_ops_u8(r) % DMA_OPS_POOLS];
	unsigned int i = dma_ops_u8(r) % DMA_OPS_OBJS;

	if (!p->pool)
		return;
	for (unsigned int k = 0; k < DMA_OPS_OBJS; k++, i = (i + 1) % DMA_OPS_OBJS) {
		if (!p->obj[i].cpu)
			continue;
		dm_must(&r->d, dma_pool_destroy(p->pool) == -FH_EBUSY, "a pool goes with objects");
		free_object(r, p, i);
		return;
	}
	dm_must(&r->d, !dma_pool_destroy(p->pool), "an empty pool goes");
	p->pool = NULL;
}

void dma_ops_end_pools(struct dma_ops *r)
{
	for (unsigned int k = 0; k < DMA_OPS_POOLS; k++) {
		struct dma_ops_pool *p = &r->pool[k];

		if (!p->pool)
			continue;
		for (unsigned int i = 0; i < DMA_OPS_OBJS; i++)
			if (p->obj[i].cpu)
				free_object(r, p, i);
		dm_must(&r->d, !dma_pool_destroy(p->pool), "an empty pool goes");
		p->pool = NULL;
	}
}

/* ---- programs ---- */

/* A part of a buffer in a space: read there, written there, gone again. */
static void op_see(struct dma_ops *r)
{
	struct dm_mem *mem = dma_ops_mem(r, 1u << DM_COHERENT);
	uint64_t size, offset, nr, va = 1 + dma_ops_pick(r, 100), page;
	unsigned char got[64];
	struct dm *d = &r->d;
	int err;

	size = mem ? mem->pages << FH_PAGE_SHIFT : 0;
	if (!mem || !dm_mem_unclaimed(d, mem, 0, size))
		return;
	offset = dma_ops_pick(r, mem->pages);
	nr = 1 + dma_ops_pick(r, mem->pages - offset);
	err = dma_mmap_coherent(mem->dev, r->space, va, (struct range){offset, offset + nr},
				mem->cpu, mem->handle, mem->size);
	if (err) {
		dma_ops_refused(r, err, "dma_mmap_coherent()");
		return;
	}
	dma_ops_say(r, " %u pages %llu+%llu", (unsigned int)(mem - d->mem), (ull)offset, (ull)nr);
	page = dma_ops_pick(r, nr);
	err = fh_space_load(r->space, va + page, 128, got, sizeof(got));
	dm_must(d, !err || (err == -FH_ENOMEM && dma_ops_injected(r)), "a load: %d", err);
	dm_must(d,
		err || !memcmp(got, mem->want + (offset + page) * FH_PAGE_SIZE + 128, sizeof(got)),
		"a program sees other bytes of buffer %u", (unsigned int)(mem - d->mem));
	memset(got, (int)dma_ops_stamp(r) >> 4, sizeof(got));
	err = fh_space_store(r->space, va + page, 128, got, sizeof(got));
	dm_must(d, !err || (err == -FH_ENOMEM && dma_ops_injected(r)), "a store: %d", err);
	if (!err)
		memcpy(mem->want + (offset + page) * FH_PAGE_SIZE + 128, got, sizeof(got));
	dm_must(d, !fh_space_unmap(r->space, va), "it can be unmapped");
	d->whole = true;
	dm_mem_access(d, mem, (offset + page) * FH_PAGE_SIZE, FH_PAGE_SIZE, false, 0);
	d->whole = false;
	dma_ops_saw(r, DMA_OPS_SEEN);
}

const struct dma_ops_entry dma_ops_other_entries[] = {
	{"pool", op_pool_create, 1}, {"object", op_object, 3}, {"object free", op_object_free, 2},
	{"see", op_see, 2},	     {NULL, NULL, 0},
};
