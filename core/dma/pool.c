/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Atomic pools. */
#include <freehold/page.h>
#include "dma/pool.h"
#include "mm/owner.h"

struct atomic_pool {
	const char *name; /* as Linux prints gfp flags */
	gfp_t gfp;
	enum zone_type zone;
	uint64_t low;			    /* with fewer pages free it wants to grow */
	_Atomic(struct dma_chunk *) chunks; /* newest first; never fewer */
	_Atomic(uint64_t) size, used;	    /* pages */
	_Atomic(uint32_t) wanted;	    /* to grow */
};

/* The first page of an area that lies in the zone, for the whole area: cma_in_zone(). */
static struct cma *area_in_zone(struct fh_machine *m, enum zone_type zone)
{
	struct cma *cma = m->area_default;
	uint64_t end = cma ? cma_get_base(cma).v + cma_get_size(cma) : 0;

	if (!cma || (zone == ZONE_DMA && end > m->cfg.dma_limit) ||
	    (zone == ZONE_DMA32 && end > m->cfg.dma32_limit))
		return NULL;
	return cma;
}

/* Frames for a pool: of the default area, if that lies in its zone, else of the buddy. */
static int get_frames(struct fh_machine *m, const struct atomic_pool *p, unsigned int order,
		      pfn_t *pfn)
{
	struct cma *cma = area_in_zone(m, p->zone);

	if (cma && !cma_alloc(cma, 1UL << order, order, CMA_NO_WARN, pfn))
		return 0;
	return fh_alloc_pages(m, p->gfp | __GFP_NOWARN, order, pfn);
}

static void put_frames(struct fh_machine *m, unsigned int order, pfn_t pfn)
{
	struct cma *cma = machine_area(m, machine_block(m, pfn));

	if (cma ? !cma_release(cma, pfn, 1UL << order) : fh_free_pages(m, pfn, order))
		machine_bug(m, "dma: pfn %#llx of a pool was not allocated",
			    (unsigned long long)pfn);
}

/* atomic_pool_expand(): one run of at most `pages`, smaller when memory has none of that size. */
static int expand(struct fh_machine *m, struct atomic_pool *p, uint64_t pages)
{
	unsigned int order = 0;
	struct dma_chunk *c;
	pfn_t pfn;
	int err;

	while (order < FH_MAX_ORDER && UINT64_C(2) << order <= pages)
		order++;
	while ((err = get_frames(m, p, order, &pfn)) && order)
		order--;
	if (err)
		return err;
	if (m->owners)
		owner_name(m, pfn, UINT64_C(1) << order, "atomic_pool");
	machine_zero(m, pfn, UINT64_C(1) << order);
	err = chunk_create(m, pfn, UINT64_C(1) << order, true, &c);
	if (err) {
		put_frames(m, order, pfn);
		return err;
	}
	c->next = atomic_load_explicit(&p->chunks, memory_order_relaxed);
	atomic_fetch_add_explicit(&p->size, c->nr, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&p->chunks, &c->next, c, memory_order_release,
						      memory_order_relaxed))
		;
	return 0;
}

static int make(struct fh_machine *m, enum zone_type zone, uint64_t pages)
{
	static const struct atomic_pool kind[MAX_NR_ZONES] = {
		[ZONE_DMA] = {.name = "GFP_KERNEL|GFP_DMA", .gfp = GFP_KERNEL | GFP_DMA},
		[ZONE_DMA32] = {.name = "GFP_KERNEL|GFP_DMA32", .gfp = GFP_KERNEL | GFP_DMA32},
		[ZONE_NORMAL] = {.name = "GFP_KERNEL", .gfp = GFP_KERNEL},
	};
	struct atomic_pool *p = machine_alloc(m, sizeof(*p));
	uint64_t kib = pages << (FH_PAGE_SHIFT - 10);

	if (!p)
		return -FH_ENOMEM;
	p->name = kind[zone].name;
	p->gfp = kind[zone].gfp;
	p->zone = zone;
	p->low = pages;
	if (expand(m, p, pages)) {
		machine_log(m, PLAT_LOG_ERR,
			    "DMA: failed to allocate %llu KiB %s pool for atomic allocation",
			    (unsigned long long)kib, p->name);
		machine_free(m, p, sizeof(*p));
		return 0;
	}
	m->dma->atomic[zone] = p;
	machine_log(m, PLAT_LOG_INFO, "DMA: preallocated %llu KiB %s pool for atomic allocations",
		    (unsigned long long)(p->size << (FH_PAGE_SHIFT - 10)), p->name);
	return 0;
}

int pool_start(struct fh_machine *m, const uint64_t bytes[MAX_NR_ZONES])
{
	static const enum zone_type order[] = {ZONE_NORMAL, ZONE_DMA, ZONE_DMA32}; /* as Linux */
	int err = 0;

	if (!m->plat.cache_clean && !m->cfg.dma.coherent_pool)
		return 0;
	for (unsigned int i = 0; i < sizeof(order) / sizeof(order[0]) && !err; i++)
		if (bytes[order[i]])
			err = make(m, order[i], bytes[order[i]] >> FH_PAGE_SHIFT);
	return err;
}

void pool_end(struct fh_machine *m)
{
	for (unsigned int z = 0; z < ZONE_MOVABLE; z++) {
		struct atomic_pool *p = m->dma->atomic[z];
		struct dma_chunk *c = p ? p->chunks : NULL, *next;

		for (; c; c = next) {
			next = c->next;
			chunk_destroy(m, c);
		}
		machine_free(m, p, sizeof(*p));
		m->dma->atomic[z] = NULL;
	}
}

/* dma_guess_pool(): the one the request names, then those below. */
static enum zone_type first_pool(gfp_t gfp)
{
	if (gfp & __GFP_DMA)
		return ZONE_DMA;
	return gfp & __GFP_DMA32 ? ZONE_DMA32 : ZONE_NORMAL;
}

static bool take(struct atomic_pool *p, struct pool_want *w)
{
	struct dma_chunk *c = atomic_load_explicit(&p->chunks, memory_order_acquire);
	uint64_t used;

	for (; c; c = c->next) {
		if (!chunk_take(c, w->pages, w->order, &w->pfn))
			continue;
		if (!w->reaches(w->dev, w->pfn, w->pages)) {
			w->unreachable = true;
			if (!chunk_give(c, w->pfn, w->pages))
				machine_bug(w->dev->machine, "dma: a pool lost its pages");
			continue;
		}
		w->cpu = chunk_cpu(c, w->pfn);
		used = atomic_fetch_add_explicit(&p->used, w->pages, memory_order_relaxed) +
		       w->pages;
		if (p->size - used < p->low)
			atomic_store_explicit(&p->wanted, 1, memory_order_relaxed);
		return true;
	}
	return false;
}

int pool_alloc(struct pool_want *w, char *why)
{
	struct fh_machine *m = w->dev->machine;
	bool any = false;

	for (int z = (int)first_pool(w->gfp); z >= 0; z--) {
		struct atomic_pool *p = m->dma->atomic[z];

		if (!p)
			continue;
		any = true;
		if (take(p, w))
			return 0;
		atomic_store_explicit(&p->wanted, 1, memory_order_relaxed);
	}
	if (!(w->gfp & __GFP_NOWARN) && any)
		machine_log(m, PLAT_LOG_WARN,
			    w->unreachable ? "Failed to get suitable pool for %s"
					   : "DMA pool exhausted for %s",
			    dev_name(w->dev));
	if (!any)
		fh_snprintf(why, DMA_WHY_MAX, "there is none");
	else if (w->unreachable)
		fh_snprintf(why, DMA_WHY_MAX, "what is free lies out of the device's reach");
	else
		fh_snprintf(why, DMA_WHY_MAX, "exhausted, %llu KiB, grow queued",
			    (unsigned long long)(pool_size(m, first_pool(w->gfp))
						 << (FH_PAGE_SHIFT - 10)));
	return -FH_ENOMEM;
}

static struct atomic_pool *find(struct fh_machine *m, pfn_t pfn, uint64_t pages,
				struct dma_chunk **chunk)
{
	for (unsigned int z = 0; z < ZONE_MOVABLE; z++) {
		struct atomic_pool *p = m->dma->atomic[z];
		struct dma_chunk *c =
			p ? atomic_load_explicit(&p->chunks, memory_order_acquire) : NULL;

		while (c && !chunk_has(c, pfn, pages))
			c = c->next;
		*chunk = c;
		if (c)
			return p;
	}
	return NULL;
}

struct dma_chunk *pool_find(struct fh_machine *m, pfn_t pfn, uint64_t pages)
{
	struct dma_chunk *c = NULL;

	find(m, pfn, pages, &c);
	return c;
}

bool pool_free(struct fh_machine *m, pfn_t pfn, uint64_t pages)
{
	struct dma_chunk *c;
	struct atomic_pool *p = find(m, pfn, pages, &c);

	if (!p || !chunk_give(c, pfn, pages))
		return false;
	atomic_fetch_sub_explicit(&p->used, pages, memory_order_relaxed);
	return true;
}

uint64_t pool_size(struct fh_machine *m, enum zone_type zone)
{
	return m->dma->atomic[zone]
		       ? atomic_load_explicit(&m->dma->atomic[zone]->size, memory_order_relaxed)
		       : 0;
}

bool pool_background(struct fh_machine *m)
{
	bool grew = false;

	for (unsigned int z = 0; z < ZONE_MOVABLE; z++) {
		struct atomic_pool *p = m->dma->atomic[z];

		if (p && atomic_exchange_explicit(&p->wanted, 0, memory_order_relaxed) &&
		    p->size - p->used < p->low)
			grew |= !expand(m, p, p->size);
	}
	return grew;
}

unsigned int pool_check(struct fh_machine *m, struct fh_text *out)
{
	unsigned int broken = 0;

	for (unsigned int z = 0; z < ZONE_MOVABLE; z++) {
		struct atomic_pool *p = m->dma->atomic[z];
		uint64_t size = 0, used = 0;

		for (struct dma_chunk *c = p ? p->chunks : NULL; c; c = c->next) {
			broken += chunk_check(c, p->name, out);
			size += c->nr;
			used += c->used;
		}
		if (p && (size != p->size || used != p->used)) {
			fh_text_add(out,
				    "D1 pool %s: %llu of %llu pages used, counted %llu of %llu\n",
				    p->name, (unsigned long long)used, (unsigned long long)size,
				    (unsigned long long)p->used, (unsigned long long)p->size);
			broken++;
		}
	}
	return broken;
}
