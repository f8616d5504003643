/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Bounce buffers of a machine, from their making to their end: sizes, growth, who has which, counts. */
#include "base/bits.h"
#include "base/string.h"
#include "dma/swiotlb.h"
#include "dma/swiotlb_frames.h"
#include "dma/swiotlb_mark.h"
#include "dma/swiotlb_pool.h"

typedef unsigned long long ull;

_Static_assert(SLOT_SHIFT == IO_TLB_SHIFT && SLOTS_A_SEG == IO_TLB_SEGSIZE, "swiotlb_pool.h");

#define MAX_NSLABS (UINT64_C(1) << 31) /* 4 TiB */
#define MIN_NSLABS (UINT64_C(1) << 9)  /* 1 MiB: less is not worth a pool */
#define ALL_FLAGS                                                                                  \
	((unsigned int)(SWIOTLB_FORCE | SWIOTLB_CAN_GROW | SWIOTLB_FOR_ALLOC | SWIOTLB_ANY))

static uint64_t round_up(uint64_t n, uint64_t to)
{
	return (n + to - 1) / to * to;
}

/* ---- pools ---- */

static void publish(struct io_tlb_mem *mem, struct swiotlb_pool *pool)
{
	fh_lock(&mem->lock);
	pool->next = swiotlb_pools(mem);
	atomic_store_explicit(&mem->pools, pool, memory_order_release);
	atomic_fetch_add_explicit(&mem->nslabs, pool->nslabs, memory_order_relaxed);
	fh_unlock(&mem->lock);
}

/* No area without a segment, and all of the same size. */
static uint64_t halved(uint64_t nslabs, uint32_t *nareas)
{
	uint64_t segs = nslabs / SLOTS_A_SEG / 2;

	while (*nareas > segs)
		*nareas /= 2;
	return segs / *nareas * *nareas * SLOTS_A_SEG;
}

/* Low first, as Linux places the first pool: there every device reaches it. */
static bool take_frames(struct io_tlb_mem *mem, uint64_t nr, gfp_t gfp, struct range *frames)
{
	uint64_t low = mem->m->cfg.dma_limit - 1;

	if (!(mem->flags & SWIOTLB_ANY) && low < mem->limit &&
	    swiotlb_frames_take(mem->m, nr, low, gfp, frames))
		return true;
	return swiotlb_frames_take(mem->m, nr, mem->limit, gfp, frames);
}

/* A pool of nslabs slots, or of half as many, and so on. */
static struct swiotlb_pool *new_pool(struct io_tlb_mem *mem, uint64_t nslabs, gfp_t gfp)
{
	uint32_t nareas = mem->nareas;
	struct swiotlb_pool *pool;
	struct range frames;

	while (!take_frames(mem, nslabs / SLOTS_A_PAGE, gfp, &frames)) {
		if (nslabs / 2 < MIN_NSLABS)
			return NULL;
		nslabs = halved(nslabs, &nareas);
	}
	pool = swiotlb_pool_make(mem->m, fh_pfn_to_phys(frames.start), (uint32_t)nslabs, nareas,
				 frames);
	if (!pool) {
		swiotlb_frames_give(mem->m, frames);
		return NULL;
	}
	/* What others left there is not for devices to see. */
	machine_zero(mem->m, frames.start, frames.end - frames.start);
	return pool;
}

/* ---- making ---- */

static struct io_tlb_mem *new_mem(struct fh_machine *m, const char *name, unsigned int flags)
{
	struct io_tlb_mem *mem = machine_alloc(m, sizeof(*mem));

	if (!mem)
		return NULL;
	mem->m = m;
	mem->flags = flags;
	fh_strcopy(mem->name, name, sizeof(mem->name));
	fh_lock_init(&mem->lock, RANK_CMA);
	fh_lock_init(&mem->transient.lock, RANK_LEAF);
	return mem;
}

static void say_size(struct io_tlb_mem *mem, uint64_t asked)
{
	const struct swiotlb_pool *p = swiotlb_pools(mem);

	if (p->nslabs != asked)
		machine_log(mem->m, PLAT_LOG_INFO,
			    "software IO TLB: SWIOTLB bounce buffer size adjusted %llu -> %u slabs",
			    (ull)asked, p->nslabs);
	machine_log(mem->m, PLAT_LOG_INFO,
		    "software IO TLB: mapped [mem 0x%016llx-0x%016llx] (%lluMB)", (ull)p->start.v,
		    (ull)(p->start.v + p->bytes), (ull)p->bytes >> 20);
}

/* How many slots there will be, if there is room for them; as Linux says it. */
static uint64_t plan(struct io_tlb_mem *mem, uint64_t nslabs, unsigned int nareas)
{
	uint64_t least = round_up(nslabs, SLOTS_A_SEG);

	for (mem->nareas = 1; mem->nareas < nareas;)
		mem->nareas *= 2;
	machine_log(mem->m, PLAT_LOG_INFO, "software IO TLB: area num %u.", mem->nareas);
	nslabs = round_up(nslabs, (uint64_t)SLOTS_A_SEG * mem->nareas);
	if (nslabs != least)
		machine_log(mem->m, PLAT_LOG_INFO,
			    "software IO TLB: SWIOTLB bounce buffer size roundup to %lluMB",
			    (ull)(nslabs << SLOT_SHIFT) >> 20);
	return nslabs;
}

int swiotlb_create(struct fh_machine *m, uint64_t nslabs, unsigned int nareas, unsigned int flags,
		   struct io_tlb_mem **mem)
{
	struct swiotlb_pool *pool;
	struct io_tlb_mem *t;

	if (!m || !mem || !nslabs || nareas > MAX_NSLABS / SLOTS_A_SEG || flags & ~ALL_FLAGS)
		return -FH_EINVAL;
	if (nslabs > MAX_NSLABS / 2)
		return -FH_ENOMEM;
	t = new_mem(m, "software IO TLB", flags);
	if (!t)
		return -FH_ENOMEM;
	t->limit = flags & SWIOTLB_ANY ? UINT64_MAX : UINT32_MAX;
	t->grow_by = plan(t, nslabs, nareas ? nareas : m->nr_cpus);
	pool = new_pool(t, t->grow_by, GFP_KERNEL | __GFP_NOWARN);
	if (!pool) {
		machine_log(m, PLAT_LOG_WARN,
			    "software IO TLB: Failed to allocate %llu bytes tlb structure",
			    (ull)(t->grow_by << SLOT_SHIFT));
		machine_free(m, t, sizeof(*t));
		return -FH_ENOMEM;
	}
	publish(t, pool);
	say_size(t, t->grow_by);
	*mem = t;
	return 0;
}

int swiotlb_create_at(struct fh_machine *m, const char *name, phys_t base, uint64_t size,
		      unsigned int flags, struct io_tlb_mem **mem)
{
	struct range pfns = {fh_phys_to_pfn(base), fh_phys_to_pfn((phys_t){base.v + size})};
	struct swiotlb_pool *pool;
	struct io_tlb_mem *t, **at;
	uint64_t nslabs = size >> SLOT_SHIFT;

	if (!m || !name || !mem || (base.v | size) & (FH_PAGE_SIZE - 1) || flags & ~ALL_FLAGS ||
	    flags & SWIOTLB_CAN_GROW || base.v + size < base.v || nslabs > MAX_NSLABS ||
	    !machine_in_bank(m, pfns))
		return -FH_EINVAL;
	t = new_mem(m, name, flags);
	if (!t)
		return -FH_ENOMEM;
	t->nareas = 1;
	pool = swiotlb_pool_make(m, base, (uint32_t)nslabs, 1, (struct range){0, 0});
	if (!pool) {
		machine_free(m, t, sizeof(*t));
		return -FH_ENOMEM;
	}
	machine_zero(m, pfns.start, pfns.end - pfns.start);
	publish(t, pool);
	for (at = &m->dma->restricted; *at;)
		at = &(*at)->next;
	*at = t;
	*mem = t;
	return 0;
}

struct io_tlb_mem *swiotlb_restricted(struct fh_machine *m, const char *name)
{
	struct io_tlb_mem *mem = m->dma->restricted;

	while (mem && !fh_streq(mem->name, name))
		mem = mem->next;
	return mem;
}

void swiotlb_destroy(struct fh_machine *m, struct io_tlb_mem *mem)
{
	struct swiotlb_pool *p, *next;

	if (!mem)
		return;
	if (m->dma->swiotlb == mem)
		m->dma->swiotlb = NULL;
	for (struct io_tlb_mem **at = &m->dma->restricted; *at; at = &(*at)->next) {
		if (*at == mem) {
			*at = mem->next;
			break;
		}
	}
	for (p = swiotlb_pools(mem); p; p = next) {
		next = p->next;
		swiotlb_pool_drop(m, p);
	}
	for (p = mem->transients; p; p = next) {
		next = p->next;
		swiotlb_pool_drop(m, p);
	}
	machine_free(m, mem, sizeof(*mem));
}

bool swiotlb_background(struct fh_machine *m)
{
	struct io_tlb_mem *mem = m->dma->swiotlb;
	struct swiotlb_pool *pool;

	if (!mem || !atomic_load_explicit(&mem->wanted, memory_order_relaxed) ||
	    !atomic_exchange_explicit(&mem->wanted, 0, memory_order_relaxed))
		return false;
	pool = new_pool(mem, mem->grow_by, GFP_KERNEL | __GFP_NOWARN);
	if (!pool) {
		if (swiotlb_may_say(mem))
			machine_log(m, PLAT_LOG_WARN,
				    "software IO TLB: Failed to allocate new pool");
		return false;
	}
	publish(mem, pool);
	return atomic_load_explicit(&mem->wanted, memory_order_relaxed);
}

/* ---- who has which ---- */

struct io_tlb_mem *swiotlb_of(const struct device *dev)
{
	return swiotlb_mem_of(dev);
}

bool swiotlb_is_forced(const struct device *dev)
{
	const struct io_tlb_mem *mem = swiotlb_of(dev);

	return mem && mem->flags & (SWIOTLB_FORCE | SWIOTLB_FOR_ALLOC);
}

bool is_swiotlb_buffer(const struct device *dev, phys_t phys)
{
	return swiotlb_is_slot(dev, phys);
}

uint64_t swiotlb_max_mapping_size(const struct device *dev)
{
	const struct io_tlb_mem *mem = swiotlb_of(dev);
	uint64_t max = SLOT_SIZE * SLOTS_A_SEG, align = round_up(dev->min_align_mask, SLOT_SIZE);

	if (!mem)
		return UINT64_MAX;
	if (swiotlb_pools(mem)->bytes < max)
		max = swiotlb_pools(mem)->bytes;
	max = align < max ? max - align : 0;
	return max - 1 > dma_get_seg_boundary(dev) ? dma_get_seg_boundary(dev) + 1 : max;
}

/* ---- counts ---- */

static void add_area(struct swiotlb_stats *s, struct swiotlb_area *area)
{
	fh_lock(&area->lock);
	s->used += area->used;
	s->bounced += area->bounced;
	fh_unlock(&area->lock);
}

void swiotlb_stats(const struct io_tlb_mem *mem, struct swiotlb_stats *s)
{
	struct io_tlb_mem *t = (struct io_tlb_mem *)(uintptr_t)mem; /* its locks */

	*s = (struct swiotlb_stats){
		.nslabs = atomic_load_explicit(&mem->nslabs, memory_order_relaxed)};
	add_area(s, &t->transient);
	s->transient_nslabs = s->used;
	for (struct swiotlb_pool *p = swiotlb_pools(mem); p; p = p->next)
		for (uint32_t i = 0; i < p->nareas; i++)
			add_area(s, &p->area[i]);
	fh_lock(&t->lock);
	s->used_hiwater = mem->hiwater;
	fh_unlock(&t->lock);
	/* Those who raise it may be on their way. */
	if (s->used_hiwater < s->used)
		s->used_hiwater = s->used;
}

void swiotlb_reset_hiwater(struct io_tlb_mem *mem)
{
	swiotlb_mark_reset(mem);
}

const char *swiotlb_name(const struct io_tlb_mem *mem)
{
	return mem->name;
}
