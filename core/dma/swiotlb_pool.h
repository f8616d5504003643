/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Inside bounce buffers: pools of slots, and what a mapping leaves in them. (The calls: swiotlb.h.)
 *
 * Model. A pool is one run of memory in slots of 2 KiB. 128 slots are a segment, which has two bits a slot: `free`, and `first`
 * on the first slot of each mapping. A mapping lies within a segment; the record of its first slot says the rest. So what a
 * mapping costs does not depend on how many slots it has, and any address in it leads back to its record by one count of
 * leading zeros. (Linux keeps the address of the bytes and the length of the free run ahead in each slot, and rewrites both.)
 *
 * A pool is cut into areas, one a CPU, each with a lock of its own. Pools of `pools` stay until the end; transient ones have one
 * mapping and go with it.
 *
 * Invariant D3 (DESIGN; swiotlb_check recomputes it): a slot is free exactly when it belongs to no mapping; an area's `used` is
 * the number of those that are not; `allowed` of all areas and `spare` are together the high-water mark (swiotlb_mark.h).
 *
 * Locking. area.lock, rank LEAF: bits, index, counts. The bits of a live mapping are read without it: they do not
 * change, and what changes beside them in the same word does not matter. mem.lock, rank CMA: the list of pools grows, the mark
 * rises; taken before areas' locks, never inside. transient.lock: the list of transient pools.
 */
#ifndef FH_DMA_SWIOTLB_POOL_H
#define FH_DMA_SWIOTLB_POOL_H

#include <stdatomic.h>
#include "base/lock.h"
#include "dma/dma.h"

#define SLOT_SHIFT   11
#define SLOT_SIZE    (UINT64_C(1) << SLOT_SHIFT)
#define SLOTS_A_SEG  128
#define SLOTS_A_PAGE (1u << (FH_PAGE_SHIFT - SLOT_SHIFT))
#define SLOT_PAGES   UINT64_MAX /* `orig` of what swiotlb_alloc() handed out */

struct swiotlb_seg {
	uint64_t free[2], first[2];
};

/* Of a mapping, in the record of its first slot. */
struct swiotlb_slot {
	uint64_t orig;	 /* where its bytes are when they are not here; SLOT_PAGES */
	uint32_t size;	 /* bytes mapped */
	uint32_t offset; /* of the first of them from the first slot's start: padding before */
	uint32_t nslots; /* with the padding before and behind */
	uint32_t area;	 /* that they are of: giving them back divides nothing */
};

struct swiotlb_area {
	_Alignas(64) struct fh_lock lock;
	uint32_t index;	 /* slot of the area where the next search begins */
	uint32_t base;	 /* its first slot */
	uint32_t nslabs; /* how many it has */
	uint64_t used;	 /* slots */
	uint64_t allowed;
	uint64_t bounced; /* mappings ever */
};

struct swiotlb_pool {
	struct swiotlb_pool *next;
	phys_t start;
	uint64_t bytes;
	unsigned char *virt; /* of start; NULL: the machine has no bytes */
	uint32_t nslabs;
	uint32_t nareas;      /* a power of two */
	uint32_t area_nslabs; /* of the last area less, where nslabs are no multiple */
	bool transient;
	struct range frames; /* that are given back with it; empty: a region's */
	struct swiotlb_area *area;
	struct swiotlb_seg *seg;
	struct swiotlb_slot *slot;
	size_t size; /* of this struct and the arrays: one allocation */
};

struct io_tlb_mem {
	struct fh_machine *m;
	struct io_tlb_mem *next; /* of the machine's restricted pools */
	char name[BOOT_NAME_MAX];
	unsigned int flags;		      /* enum swiotlb_flags */
	uint64_t limit;			      /* last byte that pools may have */
	uint64_t grow_by;		      /* slots of a new pool */
	uint32_t nareas;		      /* the most that a pool has */
	_Atomic(struct swiotlb_pool *) pools; /* newest first */
	_Atomic(uint64_t) nslabs;	      /* of pools */
	_Atomic(uint32_t) wanted;	      /* a new pool: a map found them full */
	struct fh_lock lock;
	uint64_t hiwater, spare; /* lock */

	struct swiotlb_area transient;	 /* counts the slots of transient pools */
	struct swiotlb_pool *transients; /* transient.lock */
	_Atomic(uint32_t) nr_transients; /* 0: nobody looks there */

	_Atomic(uint64_t) said_since; /* when the first of the last few messages was; ns */
	_Atomic(uint32_t) said;	      /* how many since then */
};

/* A pool of nslabs free slots from `start` on; `frames` become its own. NULL: no memory, the frames are still the
 * caller's. */
struct swiotlb_pool *swiotlb_pool_make(struct fh_machine *m, phys_t start, uint32_t nslabs,
				       uint32_t nareas, struct range frames);
/* Its frames go back, too. */
void swiotlb_pool_drop(struct fh_machine *m, struct swiotlb_pool *pool);

static inline struct swiotlb_pool *swiotlb_pools(const struct io_tlb_mem *mem)
{
	return atomic_load_explicit(&mem->pools, memory_order_acquire);
}

/* swiotlb_of(), inline. */
static inline struct io_tlb_mem *swiotlb_mem_of(const struct device *dev)
{
	return dev->dma_io_tlb_mem ? dev->dma_io_tlb_mem : dev->machine->dma->swiotlb;
}

struct swiotlb_pool *swiotlb_transient_of(struct io_tlb_mem *mem, phys_t phys);

/* The pool whose slots phys is in, or NULL. */
static inline struct swiotlb_pool *swiotlb_pool_of(struct io_tlb_mem *mem, phys_t phys)
{
	for (struct swiotlb_pool *p = swiotlb_pools(mem); p; p = p->next)
		if (phys.v - p->start.v < p->bytes)
			return p;
	if (!atomic_load_explicit(&mem->nr_transients, memory_order_relaxed))
		return NULL;
	return swiotlb_transient_of(mem, phys);
}

/* is_swiotlb_buffer(), inline. */
static inline bool swiotlb_is_slot(const struct device *dev, phys_t phys)
{
	struct io_tlb_mem *mem =
		dev->dma_io_tlb_mem ? dev->dma_io_tlb_mem : dev->machine->dma->swiotlb;

	return mem && swiotlb_pool_of(mem, phys);
}

/* Whether one more message may be logged: ten in five seconds, as Linux's ratelimit. */
bool swiotlb_may_say(struct io_tlb_mem *mem);

/* How many slots an area has. */
static inline uint32_t swiotlb_area_slots(const struct swiotlb_pool *pool, uint32_t area)
{
	uint32_t from = area * pool->area_nslabs;

	return pool->nslabs - from < pool->area_nslabs ? pool->nslabs - from : pool->area_nslabs;
}

#endif
