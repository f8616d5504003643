/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Mappings that are bounced: slots for them, the copies in and out, and the caches around the copies. */
#include "base/bits.h"
#include "base/string.h"
#include "dma/swiotlb.h"
#include "dma/swiotlb_frames.h"
#include "dma/swiotlb_map.h"
#include "dma/swiotlb_mark.h"
#include "dma/swiotlb_slots.h"

typedef unsigned long long ull;

/* ---- the bytes ---- */

/* Where the CPU sees phys; *n is cut where its bank ends, 0: it is not RAM. */
static inline unsigned char *bytes_at(const struct fh_machine *m, uint64_t phys, uint64_t *n)
{
	for (unsigned int i = 0; i < m->nr_banks; i++) {
		const struct machine_bank *b = &m->bank[i];
		uint64_t start = fh_pfn_to_phys(b->pfns.start).v;
		uint64_t end = fh_pfn_to_phys(b->pfns.end).v;

		if (phys < start || phys >= end)
			continue;
		if (*n > end - phys)
			*n = end - phys;
		return b->virt ? b->virt + (phys - start) : NULL;
	}
	*n = 0;
	return NULL;
}

static bool is_ram(const struct fh_machine *m, uint64_t phys, uint64_t size)
{
	while (size) {
		uint64_t n = size;

		bytes_at(m, phys, &n);
		if (!n)
			return false;
		phys += n;
		size -= n;
	}
	return true;
}

/* All of [phys, +size), if it is in one bank that the CPU sees; else NULL. */
static inline unsigned char *whole_at(const struct fh_machine *m, uint64_t phys, uint64_t size)
{
	uint64_t n = size;
	unsigned char *at = bytes_at(m, phys, &n);

	return n == size ? at : NULL;
}

/* Between slots and where the bytes live. */
static inline void copy(const struct fh_machine *m, unsigned char *slots, uint64_t orig,
			uint64_t size, bool in)
{
	while (size && slots) {
		uint64_t n = size;
		unsigned char *at = bytes_at(m, orig, &n);

		if (in)
			memcpy(slots, at, n);
		else
			memcpy(at, slots, n);
		slots += n;
		orig += n;
		size -= n;
	}
}

static inline unsigned char *virt_of(const struct swiotlb_pool *pool, phys_t phys)
{
	return pool->virt ? pool->virt + (phys.v - pool->start.v) : NULL;
}

static bool from_device(enum dma_data_direction dir)
{
	return dir == DMA_FROM_DEVICE || dir == DMA_BIDIRECTIONAL;
}

/* ---- slots ---- */

/* The CPU's own area of every pool, then the next one's. */
static inline bool take_pooled(struct io_tlb_mem *mem, const struct slots_want *w,
			       struct slots_got *got)
{
	uint32_t cpu = arch_cpu_id();

	for (uint32_t i = 0; i < mem->nareas; i++)
		for (struct swiotlb_pool *p = swiotlb_pools(mem); p; p = p->next)
			if (i < p->nareas && slots_take(p, (cpu + i) & (p->nareas - 1), w, got))
				return true;
	return false;
}

/* The highest byte of memory that the device can reach. */
static uint64_t reach(const struct device *dev)
{
	uint64_t limit = dma_get_mask(dev), top = 0;

	if (dev->bus_dma_limit && dev->bus_dma_limit < limit)
		limit = dev->bus_dma_limit;
	if (!dev->nr_ranges)
		return limit;
	for (unsigned int i = 0; i < dev->nr_ranges; i++) {
		const struct bus_dma_region *r = &dev->range[i];
		uint64_t n = r->size - 1;

		if (r->dma.v > limit)
			continue;
		if (n > limit - r->dma.v)
			n = limit - r->dma.v;
		if (r->cpu.v + n > top)
			top = r->cpu.v + n;
	}
	return top;
}

/* A pool for the one mapping: it begins where its bytes' address has the bits that must be kept. */
static struct swiotlb_pool *make_transient(struct device *dev, const struct slots_want *w)
{
	struct fh_machine *m = dev->machine;
	uint64_t mask = w->align_mask | w->same_mask, skip = w->as.orig & w->same_mask, nr;
	struct swiotlb_pool *pool;
	struct range frames;

	nr = (skip + ((uint64_t)w->nslots << SLOT_SHIFT) + FH_PAGE_SIZE - 1) >> FH_PAGE_SHIFT;
	if (mask >= FH_PAGE_SIZE && UINT64_C(2) << bits_log2(mask) > nr << FH_PAGE_SHIFT)
		nr = UINT64_C(2) << bits_log2(mask) >> FH_PAGE_SHIFT;
	if (nr > UINT64_C(1) << FH_MAX_ORDER ||
	    !swiotlb_frames_take(m, nr, reach(dev), GFP_NOWAIT | __GFP_NOWARN, &frames))
		return NULL;
	pool = swiotlb_pool_make(m, (phys_t){fh_pfn_to_phys(frames.start).v + skip}, w->nslots, 1,
				 frames);
	if (pool)
		machine_zero(m, frames.start, nr);
	else
		swiotlb_frames_give(m, frames);
	return pool;
}

static bool take_transient(struct device *dev, struct io_tlb_mem *mem, const struct slots_want *w,
			   struct slots_got *got)
{
	struct swiotlb_pool *pool = make_transient(dev, w);
	struct swiotlb_area *t = &mem->transient;

	if (!pool)
		return false;
	if (!slots_take(pool, 0, w, got)) {
		swiotlb_pool_drop(dev->machine, pool);
		return false;
	}
	pool->transient = true;
	fh_lock(&t->lock);
	pool->next = mem->transients;
	mem->transients = pool;
	t->used += w->nslots;
	t->bounced++;
	got->raise = t->used > t->allowed;
	fh_unlock(&t->lock);
	got->area = t;
	atomic_fetch_add_explicit(&mem->nr_transients, 1, memory_order_relaxed);
	return true;
}

/* False: somebody else has taken it from the list. */
static __attribute__((noinline)) bool give_transient(struct io_tlb_mem *mem,
						     struct swiotlb_pool *pool)
{
	struct swiotlb_pool **at;

	fh_lock(&mem->transient.lock);
	for (at = &mem->transients; *at && *at != pool;)
		at = &(*at)->next;
	if (*at) {
		*at = pool->next;
		mem->transient.used -= pool->nslabs;
		atomic_fetch_sub_explicit(&mem->nr_transients, 1, memory_order_relaxed);
	} else {
		pool = NULL;
	}
	fh_unlock(&mem->transient.lock);
	if (pool)
		swiotlb_pool_drop(mem->m, pool);
	return pool;
}

/* ---- refusals ---- */

/* Whether the device reaches any segment of the pools. */
static bool reaches_any(const struct device *dev, const struct io_tlb_mem *mem, uint64_t size)
{
	for (const struct swiotlb_pool *p = swiotlb_pools(mem); p; p = p->next) {
		for (uint64_t at = 0; at < p->bytes; at += SLOT_SIZE * SLOTS_A_SEG) {
			uint64_t bus = dma_of_phys(dev, (phys_t){p->start.v + at}, size);

			if (bus != DMA_NOWHERE && dma_capable(dev, bus, size))
				return true;
		}
	}
	return false;
}

static int refuse_full(const struct device *dev, struct io_tlb_mem *mem, const struct slots_want *w,
		       unsigned int attrs)
{
	struct swiotlb_stats s;

	if (attrs & DMA_ATTR_NO_WARN || !swiotlb_may_say(mem))
		return -FH_ENOSPC;
	swiotlb_stats(mem, &s);
	machine_log(dev->machine, PLAT_LOG_WARN,
		    "%s: swiotlb buffer is full (sz: %llu bytes), total %llu (slots), used %llu "
		    "(slots)",
		    dev_name(dev), (ull)w->bytes, (ull)s.nslabs, (ull)s.used);
	return -FH_ENOSPC;
}

static int refuse_reach(const struct device *dev, struct io_tlb_mem *mem,
			const struct slots_want *w, unsigned int attrs)
{
	phys_t start = swiotlb_pools(mem)->start;
	uint64_t bus = dma_of_phys(dev, start, w->as.size);

	if (!(attrs & DMA_ATTR_NO_WARN) && swiotlb_may_say(mem))
		machine_log(dev->machine, PLAT_LOG_WARN,
			    "%s: swiotlb addr 0x%016llx+%u overflow (mask %llx, bus limit %llx).",
			    dev_name(dev), (ull)bus, w->as.size, (ull)dma_get_mask(dev),
			    (ull)dev->bus_dma_limit);
	return -FH_EIO;
}

/* ---- calls ---- */

/* Not in the pools: for the background to make one more, and a pool for this mapping meanwhile. */
static int take_slots(struct device *dev, struct io_tlb_mem *mem, const struct slots_want *w,
		      unsigned int attrs, struct slots_got *got)
{
	if (take_pooled(mem, w, got))
		return 0;
	if (mem->flags & SWIOTLB_CAN_GROW) {
		atomic_store_explicit(&mem->wanted, 1, memory_order_relaxed);
		if (take_transient(dev, mem, w, got))
			return 0;
	}
	return reaches_any(dev, mem, w->as.size) ? refuse_full(dev, mem, w, attrs)
						 : refuse_reach(dev, mem, w, attrs);
}

int swiotlb_tbl_map(struct device *dev, phys_t phys, uint64_t size, uint64_t alloc_align_mask,
		    enum dma_data_direction dir, unsigned int attrs, dma_t *handle)
{
	struct io_tlb_mem *mem = swiotlb_mem_of(dev);
	struct slots_want w = {.dev = dev, .as = {.orig = phys.v, .size = (uint32_t)size}};
	const unsigned char *bytes = whole_at(dev->machine, phys.v, size);
	struct slots_got got;
	unsigned char *slots;
	phys_t at;
	int err;

	if (!size || (unsigned int)dir >= DMA_NONE || alloc_align_mask & (alloc_align_mask + 1) ||
	    (!bytes && !is_ram(dev->machine, phys.v, size)))
		return -FH_EINVAL;
	if (!mem)
		return -FH_EIO;
	if (size > SLOT_SIZE * SLOTS_A_SEG || !slots_plan(&w, alloc_align_mask)) {
		w.bytes = size;
		refuse_full(dev, mem, &w, attrs);
		return -FH_EIO;
	}
	err = take_slots(dev, mem, &w, attrs, &got);
	if (err)
		return err;
	if (got.raise)
		swiotlb_mark_raise(mem, got.area);
	/* In all directions: what the device does not write is to be there still after it. */
	at = slots_phys(got.pool, got.slot);
	slots = virt_of(got.pool, at);
	if (bytes && slots)
		memcpy(slots, bytes, size);
	else
		copy(dev->machine, slots, phys.v, size, true);
	if (!(attrs & DMA_ATTR_SKIP_CPU_SYNC))
		dma_cache_for_device(dev, at, size);
	*handle = (dma_t){got.bus};
	return 0;
}

int swiotlb_map(struct device *dev, phys_t phys, uint64_t size, enum dma_data_direction dir,
		unsigned int attrs, dma_t *handle)
{
	return swiotlb_tbl_map(dev, phys, size, 0, dir, attrs, handle);
}

/* A mapping, found by an address in it. */
struct found {
	struct io_tlb_mem *mem;
	struct swiotlb_pool *pool;
	uint32_t first;
	phys_t at;     /* its first byte in slots */
	uint64_t orig; /* where the bytes of the address that was asked for live */
};

/* False: [phys, +size) is not within one. */
static inline __attribute__((always_inline)) bool find(const struct device *dev, phys_t phys,
						       uint64_t size, struct found *f)
{
	const struct swiotlb_slot *s;

	f->mem = swiotlb_mem_of(dev);
	f->pool = f->mem ? swiotlb_pool_of(f->mem, phys) : NULL;
	f->first = f->pool ? slots_first(f->pool, phys) : SLOTS_NONE;
	if (f->first == SLOTS_NONE || !size)
		return false;
	s = &f->pool->slot[f->first];
	f->at = slots_phys(f->pool, f->first);
	if (s->orig == SLOT_PAGES || phys.v < f->at.v || phys.v - f->at.v >= s->size ||
	    size > s->size - (phys.v - f->at.v))
		return false;
	f->orig = s->orig + (phys.v - f->at.v);
	return true;
}

static inline void to_cpu(struct device *dev, const struct found *f, phys_t phys, uint64_t size,
			  enum dma_data_direction dir)
{
	/* The CPU's copies in slots are only ever ours: none is lost here. */
	(void)dma_cache_for_cpu(dev, phys, size, dir);
	if (from_device(dir))
		copy(dev->machine, virt_of(f->pool, phys), f->orig, size, false);
}

int swiotlb_unmap(struct device *dev, phys_t phys, uint64_t size, enum dma_data_direction dir,
		  unsigned int attrs)
{
	struct found f;
	bool ok;

	if ((unsigned int)dir >= DMA_NONE || !find(dev, phys, size, &f) || phys.v != f.at.v)
		return -FH_EINVAL;
	if (!(attrs & DMA_ATTR_SKIP_CPU_SYNC))
		to_cpu(dev, &f, phys, size, dir);
	ok = f.pool->transient ? give_transient(f.mem, f.pool) : slots_give(f.pool, f.first);
	return ok ? 0 : -FH_EINVAL;
}

int swiotlb_sync_for_cpu(struct device *dev, phys_t phys, uint64_t size,
			 enum dma_data_direction dir)
{
	struct found f;

	if ((unsigned int)dir >= DMA_NONE || !find(dev, phys, size, &f))
		return -FH_EINVAL;
	to_cpu(dev, &f, phys, size, dir);
	return 0;
}

int swiotlb_sync_for_device(struct device *dev, phys_t phys, uint64_t size,
			    enum dma_data_direction dir)
{
	struct found f;

	if ((unsigned int)dir >= DMA_NONE || !find(dev, phys, size, &f))
		return -FH_EINVAL;
	if (dir != DMA_FROM_DEVICE)
		copy(dev->machine, virt_of(f.pool, phys), f.orig, size, true);
	dma_cache_for_device(dev, phys, size);
	return 0;
}

/* ---- whole pages ---- */

static uint64_t whole_pages(uint64_t size)
{
	return (size + FH_PAGE_SIZE - 1) & ~(FH_PAGE_SIZE - 1);
}

int swiotlb_alloc(struct device *dev, uint64_t size, pfn_t *pfn)
{
	struct io_tlb_mem *mem = swiotlb_mem_of(dev);
	struct slots_want w = {.as = {.orig = SLOT_PAGES}};
	uint64_t align = FH_PAGE_SIZE;
	struct slots_got got;

	if (!mem || (!(mem->flags & SWIOTLB_FOR_ALLOC) && !dev->machine->cfg.dma.legacy_order) ||
	    !size || !pfn)
		return -FH_EINVAL;
	if (size > SLOT_SIZE * SLOTS_A_SEG)
		return -FH_ENOMEM;
	while (align < size)
		align *= 2;
	w.as.size = (uint32_t)whole_pages(size);
	if (!slots_plan(&w, align - 1) || !take_pooled(mem, &w, &got))
		return -FH_ENOMEM;
	if (got.raise)
		swiotlb_mark_raise(mem, got.area);
	*pfn = fh_phys_to_pfn(slots_phys(got.pool, got.slot));
	return 0;
}

bool swiotlb_free(struct device *dev, pfn_t pfn, uint64_t size)
{
	struct io_tlb_mem *mem = swiotlb_mem_of(dev);
	phys_t phys = fh_pfn_to_phys(pfn);
	struct swiotlb_pool *pool = mem ? swiotlb_pool_of(mem, phys) : NULL;
	uint32_t first = pool ? slots_first(pool, phys) : SLOTS_NONE;

	return first != SLOTS_NONE && pool->slot[first].orig == SLOT_PAGES &&
	       slots_phys(pool, first).v == phys.v && pool->slot[first].size == whole_pages(size) &&
	       slots_give(pool, first);
}
