/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Small coherent objects: pages of dma_alloc_coherent(), cut into objects of one size.
 *
 * Model. A page has a bit for each object, set while it is free, and a word that says which words of these have one. Pages
 * with free objects are on a list: an allocation takes the first page's lowest. A free finds its page by its bus
 * address, in a table of chains that grows with the pool. Linux keeps its free list in the objects; bits outside
 * them work for machines without bytes, find every double free, and survive a device that writes past its object.
 *
 *	page	0     size  2*size   ...     boundary            2*boundary
 *		[obj 0][obj 1]...[per - 1]   [per]...
 *
 * D7: an object is out exactly when its bit is clear; counts are sums of bits; a page is listed exactly when it has a free
 * one, and is found by its address.
 *
 * Locking. A pool's lock has all that changes; pages are had and given back without it. The machine's dmapools_lock has
 * the list of pools, and is taken outside a pool's.
 */
#include <freehold/dma.h>
#include "base/string.h"
#include "dma/dmapool.h"

#define WORDS		16 /* a page of the smallest objects */
#define FIRST_BITS	4
#define PAGES_PER_CHAIN 2

_Static_assert(FH_PAGE_SIZE / DMA_POOL_MIN_SIZE <= WORDS * 64, "a bit for each object");

struct pool_page {
	struct pool_page *next, *prev; /* of those with free objects */
	struct pool_page *chain;       /* next of the same hash */
	dma_t handle;
	unsigned char *cpu;
	uint32_t nr_free;
	uint32_t any; /* words of free[] that are not 0 */
	uint64_t free[WORDS];
};

struct dma_pool {
	struct fh_lock lock;
	struct pool_page *avail; /* lock */
	struct pool_page **hash; /* lock; 2^hash_bits chains */
	unsigned int hash_bits;	 /* lock */
	uint64_t nr_pages;	 /* lock */
	uint64_t nr_active;	 /* lock */
	struct device *dev;
	struct fh_machine *m;		/* dev's; dev may be gone when the machine ends */
	uint64_t size, align, boundary; /* as given, size rounded up; boundary 0: none */
	uint64_t allocation;		/* bytes of a page */
	uint32_t chunk;			/* bytes of a page between two boundaries */
	uint32_t per_chunk;		/* objects there */
	uint32_t per_page;
	struct dma_pool *next_of_machine; /* dmapools_lock */
	char name[DMA_POOL_MAX_NAME];
};

typedef unsigned long long ull;

/* ---- objects and pages ---- */

static uint64_t offset_of(const struct dma_pool *p, uint32_t i)
{
	if (p->per_chunk == p->per_page)
		return i * p->size;
	return (uint64_t)(i / p->per_chunk) * p->chunk + i % p->per_chunk * p->size;
}

/* Which object begins there; per_page: none. */
static uint32_t object_at(const struct dma_pool *p, uint64_t offset)
{
	uint32_t at = (uint32_t)offset, size = (uint32_t)p->size, in, i;

	if (p->per_page == 1)
		return offset ? 1 : 0;
	in = p->per_chunk == p->per_page ? at : at % p->chunk;
	i = in / size;
	if (offset >= p->allocation || i >= p->per_chunk || i * size != in)
		return p->per_page;
	return p->per_chunk == p->per_page ? i : at / p->chunk * p->per_chunk + i;
}

/* Pages begin at multiples of FH_PAGE_SIZE, and only where an object of a larger one begins is anything freed. */
static struct pool_page **chain_of(struct pool_page **hash, unsigned int bits, dma_t handle)
{
	return &hash[(handle.v >> FH_PAGE_SHIFT) * UINT64_C(0x9e3779b97f4a7c15) >> (64 - bits)];
}

static struct pool_page *page_of(const struct dma_pool *p, dma_t handle)
{
	struct pool_page *page = *chain_of(p->hash, p->hash_bits, handle);

	while (page && page->handle.v != (handle.v & ~(FH_PAGE_SIZE - 1)))
		page = page->chain;
	return page;
}

static void avail_add(struct dma_pool *p, struct pool_page *page)
{
	page->prev = NULL;
	page->next = p->avail;
	if (p->avail)
		p->avail->prev = page;
	p->avail = page;
}

static void avail_del(struct dma_pool *p, struct pool_page *page)
{
	if (page->prev)
		page->prev->next = page->next;
	else
		p->avail = page->next;
	if (page->next)
		page->next->prev = page->prev;
}

static uint32_t page_take(struct dma_pool *p, struct pool_page *page)
{
	unsigned int w = arch_ctz64(page->any), bit = arch_ctz64(page->free[w]);

	page->free[w] &= page->free[w] - 1;
	if (!page->free[w])
		page->any &= ~(1u << w);
	if (!--page->nr_free)
		avail_del(p, page);
	p->nr_active++;
	return w * 64 + bit;
}

static void page_put(struct dma_pool *p, struct pool_page *page, uint32_t i)
{
	page->free[i / 64] |= UINT64_C(1) << (i & 63);
	page->any |= 1u << i / 64;
	if (!page->nr_free++)
		avail_add(p, page);
	p->nr_active--;
}

/* ---- growing ---- */

/* Whether objects of a page at `handle` lie as the pool promises: buses may shift what memory has aligned. */
static bool lies_well(const struct dma_pool *p, dma_t handle)
{
	uint64_t last = handle.v + p->allocation - 1;

	if (handle.v & (p->align - 1) || handle.v & (FH_PAGE_SIZE - 1))
		return false;
	return !p->boundary || p->boundary < p->allocation ||
	       !((handle.v ^ last) & ~(p->boundary - 1));
}

static struct pool_page *page_create(struct dma_pool *p, gfp_t gfp, int *err)
{
	struct pool_page *page = machine_alloc(p->m, sizeof(*page));
	void *cpu;

	*err = -FH_ENOMEM;
	if (!page)
		return NULL;
	*err = dma_alloc_coherent(p->dev, p->allocation, gfp & ~__GFP_ZERO, &page->handle, &cpu);
	if (!*err && !lies_well(p, page->handle)) {
		if (dma_free_coherent(p->dev, p->allocation, cpu, page->handle))
			machine_bug(p->m, "dma_pool %s: a page cannot be given back", p->name);
		*err = -FH_ENOMEM;
	}
	if (*err) {
		machine_free(p->m, page, sizeof(*page));
		return NULL;
	}
	page->cpu = cpu;
	page->nr_free = p->per_page;
	for (uint32_t i = 0; i < p->per_page; i++)
		page->free[i / 64] |= UINT64_C(1) << (i & 63);
	page->any = (uint32_t)((UINT64_C(1) << (p->per_page + 63) / 64) - 1);
	return page;
}

/* Called with the lock: moves all pages into `hash`, and returns what they were in. */
static struct pool_page **rehash(struct dma_pool *p, struct pool_page **hash, unsigned int bits)
{
	struct pool_page **old = p->hash, *page, **to;

	for (uint64_t i = 0; i < UINT64_C(1) << p->hash_bits; i++) {
		while ((page = old[i])) {
			old[i] = page->chain;
			to = chain_of(hash, bits, page->handle);
			page->chain = *to;
			*to = page;
		}
	}
	p->hash = hash;
	p->hash_bits = bits;
	return old;
}

/* A table for twice as many pages, once chains get long. Without memory they get longer: slower, and right. */
static void grow_hash(struct dma_pool *p)
{
	struct pool_page **hash;
	unsigned int bits;

	fh_lock(&p->lock);
	bits = p->hash_bits;
	if (p->nr_pages < (uint64_t)PAGES_PER_CHAIN << bits)
		bits = 0;
	fh_unlock(&p->lock);
	if (!bits)
		return;
	hash = machine_alloc(p->m, sizeof(*hash) << (bits + 1));
	if (!hash)
		return;
	fh_lock(&p->lock);
	if (p->hash_bits == bits)
		hash = rehash(p, hash, bits + 1);
	else
		bits++; /* somebody else did it */
	fh_unlock(&p->lock);
	machine_free(p->m, hash, sizeof(*hash) << bits);
}

static int grow(struct dma_pool *p, gfp_t gfp)
{
	struct pool_page *page, **chain;
	int err;

	page = page_create(p, gfp, &err);
	if (!page)
		return err;
	fh_lock(&p->lock);
	chain = chain_of(p->hash, p->hash_bits, page->handle);
	page->chain = *chain;
	*chain = page;
	avail_add(p, page);
	p->nr_pages++;
	fh_unlock(&p->lock);
	grow_hash(p);
	return 0;
}

/* ---- the calls ---- */

static bool is_power_of_2(uint64_t v)
{
	return v && !(v & (v - 1));
}

static int pool_init(struct dma_pool *p, struct device *dev, uint64_t size, uint64_t align,
		     uint64_t boundary)
{
	*p = (struct dma_pool){.dev = dev,
			       .m = dev->machine,
			       .size = size,
			       .align = align,
			       .boundary = boundary,
			       .hash_bits = FIRST_BITS};
	p->allocation = size < FH_PAGE_SIZE ? FH_PAGE_SIZE : size;
	p->chunk = (uint32_t)(boundary && boundary < p->allocation ? boundary : p->allocation);
	p->per_chunk = (uint32_t)(p->chunk / size);
	p->per_page = (uint32_t)(p->allocation / p->chunk) * p->per_chunk;
	fh_lock_init(&p->lock, RANK_LEAF);
	p->hash = machine_alloc(p->m, sizeof(*p->hash) << FIRST_BITS);
	return p->hash ? 0 : -FH_ENOMEM;
}

int dma_pool_create(const char *name, struct device *dev, uint64_t size, uint64_t align,
		    uint64_t boundary, struct dma_pool **pool)
{
	struct fh_machine *m = dev ? dev->machine : NULL;
	struct dma_pool *p;

	if (!name || !m || !pool || !size || size > INT32_MAX)
		return -FH_EINVAL;
	align = align ? align : 1;
	if (!is_power_of_2(align) || align > DMA_POOL_MAX_ALIGN)
		return -FH_EINVAL;
	size = size < DMA_POOL_MIN_SIZE ? DMA_POOL_MIN_SIZE : size;
	size = (size + align - 1) & ~(align - 1);
	if (boundary && (!is_power_of_2(boundary) || boundary < size))
		return -FH_EINVAL;
	p = machine_alloc(m, sizeof(*p));
	if (!p)
		return -FH_ENOMEM;
	if (pool_init(p, dev, size, align, boundary)) {
		machine_free(m, p, sizeof(*p));
		return -FH_ENOMEM;
	}
	(void)fh_strcopy(p->name, name, sizeof(p->name));
	fh_lock(&m->dma->dmapools_lock);
	p->next_of_machine = m->dma->dmapools;
	m->dma->dmapools = p;
	fh_unlock(&m->dma->dmapools_lock);
	*pool = p;
	return 0;
}

int dma_pool_alloc(struct dma_pool *pool, gfp_t gfp, dma_t *handle, void **cpu)
{
	struct pool_page *page;
	uint64_t offset;
	int err;

	if (!pool || !handle || !cpu)
		return -FH_EINVAL;
	fh_lock(&pool->lock);
	while (!(page = pool->avail)) {
		fh_unlock(&pool->lock);
		err = grow(pool, gfp);
		if (err)
			return err;
		fh_lock(&pool->lock);
	}
	offset = offset_of(pool, page_take(pool, page));
	fh_unlock(&pool->lock);
	/* The page stays where it is until the pool goes, and has our object: no lock. */
	*handle = (dma_t){page->handle.v + offset};
	*cpu = page->cpu ? page->cpu + offset : NULL;
	if (gfp & __GFP_ZERO && *cpu)
		memset(*cpu, 0, pool->size);
	return 0;
}

int dma_pool_zalloc(struct dma_pool *pool, gfp_t gfp, dma_t *handle, void **cpu)
{
	return dma_pool_alloc(pool, gfp | __GFP_ZERO, handle, cpu);
}

int dma_pool_free(struct dma_pool *pool, void *cpu, dma_t handle)
{
	struct pool_page *page;
	bool known = false, out = false;
	uint64_t offset;
	uint32_t i;

	if (!pool)
		return -FH_EINVAL;
	fh_lock(&pool->lock);
	page = page_of(pool, handle);
	if (page) {
		offset = handle.v - page->handle.v;
		i = object_at(pool, offset);
		known = i < pool->per_page && cpu == (page->cpu ? page->cpu + offset : NULL);
		out = known && !(page->free[i / 64] >> (i & 63) & 1);
		if (out)
			page_put(pool, page, i);
	}
	fh_unlock(&pool->lock);
	if (out)
		return 0;
	if (known)
		machine_log(pool->m, PLAT_LOG_ERR, "%s: %s %s, dma %#llx already free",
			    dev_name(pool->dev), __func__, pool->name, (ull)handle.v);
	else
		machine_log(pool->m, PLAT_LOG_ERR, "%s: %s %s, %p/%#llx (bad dma)",
			    dev_name(pool->dev), __func__, pool->name, cpu, (ull)handle.v);
	return -FH_EINVAL;
}

/* All but the pages' own bytes, which go back to the device's sources only when `pages` says so. */
static void pool_free(struct dma_pool *p, bool pages)
{
	struct fh_machine *m = p->m;
	struct pool_page *page;

	for (uint64_t i = 0; i < UINT64_C(1) << p->hash_bits; i++) {
		while ((page = p->hash[i])) {
			p->hash[i] = page->chain;
			if (pages &&
			    dma_free_coherent(p->dev, p->allocation, page->cpu, page->handle))
				machine_bug(m, "dma_pool %s: a page cannot be given back", p->name);
			machine_free(m, page, sizeof(*page));
		}
	}
	machine_free(m, p->hash, sizeof(*p->hash) << p->hash_bits);
	machine_free(m, p, sizeof(*p));
}

int dma_pool_destroy(struct dma_pool *pool)
{
	struct dma_pool **at;
	struct fh_machine *m;
	uint64_t active;

	if (!pool)
		return 0;
	m = pool->m;
	fh_lock(&pool->lock);
	active = pool->nr_active;
	fh_unlock(&pool->lock);
	if (active) {
		machine_log(m, PLAT_LOG_ERR, "%s: %s %s busy", dev_name(pool->dev), __func__,
			    pool->name);
		return -FH_EBUSY;
	}
	fh_lock(&m->dma->dmapools_lock);
	for (at = &m->dma->dmapools; *at != pool; at = &(*at)->next_of_machine)
		;
	*at = pool->next_of_machine;
	fh_unlock(&m->dma->dmapools_lock);
	pool_free(pool, true);
	return 0;
}

/* ---- shown, checked, ended with the machine ---- */

bool dmapool_info(struct fh_machine *m, unsigned int nth, struct dma_pool_info *info)
{
	struct dma_pool *p;

	fh_lock(&m->dma->dmapools_lock);
	for (p = m->dma->dmapools; p && nth; nth--)
		p = p->next_of_machine;
	if (p) {
		fh_lock(&p->lock);
		*info = (struct dma_pool_info){
			.nr_active = p->nr_active,
			.nr_blocks = p->nr_pages * p->per_page,
			.nr_pages = p->nr_pages,
			.size = p->size,
		};
		fh_unlock(&p->lock);
		(void)fh_strcopy(info->name, p->name, sizeof(info->name));
		(void)fh_strcopy(info->device, dev_name(p->dev), sizeof(info->device));
	}
	fh_unlock(&m->dma->dmapools_lock);
	return p;
}

void dmapool_forget_all(struct fh_machine *m)
{
	struct dma_pool *p;

	while ((p = m->dma->dmapools)) {
		m->dma->dmapools = p->next_of_machine;
		pool_free(p, false);
	}
}

/* What a page says against D7. */
static const char *page_wrong(const struct dma_pool *p, const struct pool_page *page)
{
	uint32_t nr = 0, any = 0;
	bool listed = false;

	for (uint32_t i = 0; i < WORDS * 64; i++) {
		if (!(page->free[i / 64] >> (i & 63) & 1))
			continue;
		if (i >= p->per_page)
			return "an object that is none is free";
		nr++;
		any |= 1u << i / 64;
	}
	for (const struct pool_page *a = p->avail; a; a = a->next)
		listed |= a == page;
	if (nr != page->nr_free || any != page->any)
		return "the count of free objects is not what the bits say";
	if (listed != (nr > 0))
		return listed ? "full, and listed" : "has free objects, and is not listed";
	if (page_of(p, page->handle) != page)
		return "not found by its address";
	return NULL;
}

static unsigned int pool_check(const struct dma_pool *p, struct fh_text *out)
{
	uint64_t pages = 0, active = 0;
	unsigned int broken = 0;

	for (uint64_t i = 0; i < UINT64_C(1) << p->hash_bits; i++) {
		for (const struct pool_page *page = p->hash[i]; page; page = page->chain) {
			const char *wrong = page_wrong(p, page);

			pages++;
			active += p->per_page - page->nr_free;
			if (!wrong)
				continue;
			broken++;
			fh_text_add(out, "D7 dma_pool %s: page %#llx: %s\n", p->name,
				    (ull)page->handle.v, wrong);
		}
	}
	if (pages == p->nr_pages && active == p->nr_active)
		return broken;
	fh_text_add(out, "D7 dma_pool %s: %llu objects out of %llu pages, counted %llu of %llu\n",
		    p->name, (ull)active, (ull)pages, (ull)p->nr_active, (ull)p->nr_pages);
	return broken + 1;
}

unsigned int dmapool_check(struct fh_machine *m, struct fh_text *out)
{
	unsigned int broken = 0;

	for (const struct dma_pool *p = m->dma->dmapools; p; p = p->next_of_machine)
		broken += pool_check(p, out);
	return broken;
}
