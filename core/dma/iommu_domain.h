/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * An address space of devices, as the files of the IOMMU see it, and the queue of what waits for a flush.
 *
 * What is unmapped goes at once from the tables; its address goes back only when no translation of it is cached any more
 * (D6): strict, each is dropped on its own; else a CPU gathers up to 256 and flushes everything once, or somebody who could tell
 * that 10 ms are over (an access of a device, statistics, who finds no address) does. The clock is read once a queueful.
 */
#ifndef FH_DMA_IOMMU_DOMAIN_H
#define FH_DMA_IOMMU_DOMAIN_H

#include <freehold/iommu.h>
#include "dma/dma.h"
#include "dma/iopt.h"
#include "dma/iotlb.h"
#include "dma/iova.h"

#define IOMMU_QUEUE    256
#define IOMMU_DUE_NS   UINT64_C(10000000)
#define IOMMU_FAULTS   16
#define IOMMU_BURST    10 /* lines of faults in IOMMU_BURST_NS: Linux's ratelimit */
#define IOMMU_BURST_NS UINT64_C(5000000000)
#define IOMMU_END      (UINT64_C(1) << IOPT_BITS)

struct iommu_queued {
	struct range pages;
	uint64_t generation; /* of the IOTLB, after it was unmapped */
};

enum iommu_count {
	IOMMU_MAPS,
	IOMMU_UNMAPS,
	IOMMU_MAPPED, /* bytes; sums over slots count */
	IOMMU_FLUSHES,
	IOMMU_HITS,
	IOMMU_MISSES,
	IOMMU_STALE,
	IOMMU_NR_COUNTS,
};

/* What a CPU has of a domain; the last is everybody's who is no CPU. */
struct iommu_slot {
	_Atomic(uint64_t) count[IOMMU_NR_COUNTS];
	struct iopt_hint hint;
	struct fh_lock lock; /* queue; rank LEAF */
	uint32_t head, tail; /* count up */
	struct iommu_queued queue[IOMMU_QUEUE];
} __attribute__((aligned(64)));

struct iommu_log {
	struct fh_lock lock; /* rank LEAF */
	uint64_t nr;	     /* since birth */
	struct iommu_fault fault[IOMMU_FAULTS];
	uint64_t burst_ns, burst, missed; /* when it began, lines in it, lines left out */
	void (*fn)(void *arg, const struct iommu_fault *f);
	void *arg;
};

struct iommu_domain {
	struct fh_machine *m;
	struct iommu_domain *next; /* of the machine; domains_lock */
	unsigned int number;	   /* among those that live */
	bool strict;
	struct iopt pt;
	struct iova_domain iova;
	struct iotlb tlb;
	unsigned int nr_cpus;
	struct iommu_slot *slot;  /* nr_cpus + 1 */
	_Atomic(uint64_t) due_ns; /* when what is queued is flushed at the latest; 0: nothing is */
	struct iommu_log log;
};

static inline struct iommu_slot *iommu_slot(struct iommu_domain *d)
{
	unsigned int id = arch_cpu_id();

	return &d->slot[id < d->nr_cpus ? id : d->nr_cpus];
}

static inline bool iommu_slot_is_shared(const struct iommu_domain *d, const struct iommu_slot *slot)
{
	return slot == &d->slot[d->nr_cpus];
}

static inline struct iopt_hint *iommu_hint(struct iommu_domain *d, struct iommu_slot *slot)
{
	return iommu_slot_is_shared(d, slot) ? NULL : &slot->hint;
}

/* n: also negative, modulo 2^64. */
static inline void iommu_count(struct iommu_domain *d, struct iommu_slot *slot,
			       enum iommu_count which, uint64_t n)
{
	_Atomic(uint64_t) *c = &slot->count[which];

	if (iommu_slot_is_shared(d, slot))
		atomic_fetch_add_explicit(c, n, memory_order_relaxed);
	else
		atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n,
				      memory_order_relaxed);
}

static inline unsigned int iommu_leaf_flags(unsigned int prot)
{
	return (prot & (IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE)) << 2 |
	       (prot & IOMMU_MMIO ? IOPT_MMIO : 0);
}

/* Whether such entries may lead to [phys, +size): RAM, in one piece; with IOMMU_MMIO anything. */
bool iommu_may_map(const struct fh_machine *m, uint64_t phys, uint64_t size, unsigned int prot);
uint64_t iommu_sum(const struct iommu_domain *d, enum iommu_count which);

/* [iova, +size) has gone from the tables: its pages go back to the allocator, now or after a flush. */
void iommu_retire(struct iommu_domain *d, struct iommu_slot *slot, uint64_t iova, uint64_t size);
/* Flushes everything, and gives back all that waited. */
void iommu_flush(struct iommu_domain *d);
/* The same if 10 ms are over. */
void iommu_flush_due(struct iommu_domain *d);
/* Mappings that wait for a flush. */
uint64_t iommu_deferred(struct iommu_domain *d);

#endif
