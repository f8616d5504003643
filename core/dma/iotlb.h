/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The cache of translations that the hardware keeps: bounded, four ways a set, and what it has stays there until it is
 * flushed or pushed out, whatever the tables say by then.
 *
 * An entry is good while its generation is the cache's; a flush of everything is one addition. A walk that fills an entry
 * happens under its set's lock and reads the generation first: a flush, of all or of a range, that begins after an entry of
 * the tables was emptied, leaves no translation of it behind.
 */
#ifndef FH_DMA_IOTLB_H
#define FH_DMA_IOTLB_H

#include "base/lock.h"
#include "dma/iopt.h"

#define IOTLB_WAYS	  4
#define IOTLB_ENTRIES	  512 /* unless asked for otherwise */
#define IOTLB_MAX_ENTRIES 65536
#define IOTLB_DROP_MAX	  64 /* pages: more are a flush of everything */

struct iotlb_way {
	uint64_t tag; /* first address | level */
	uint64_t generation;
	uint64_t entry; /* of the tables, when it was read */
};

struct iotlb_set {
	struct fh_lock lock; /* rank LEAF */
	uint32_t next;	     /* who is pushed out when all are good */
	struct iotlb_way way[IOTLB_WAYS];
} __attribute__((aligned(64)));

struct iotlb {
	const struct iopt *pt;
	struct fh_machine *m;
	struct iotlb_set *set;
	uint64_t nr_sets; /* a power of two */
	_Atomic(uint64_t) generation;
	_Atomic(bool) has[IOPT_TOP_LEAF + 1]; /* leaves of the level were ever cached */
};

struct iotlb_hit {
	uint64_t entry;
	unsigned int level;
};

/* entries: a power of two of at least IOTLB_WAYS. -FH_ENOMEM. */
FH_MUST_CHECK int iotlb_init(struct iotlb *tlb, const struct iopt *pt, unsigned int entries);
void iotlb_fini(struct iotlb *tlb);

/* What it has for an address. */
bool iotlb_lookup(struct iotlb *tlb, uint64_t iova, struct iotlb_hit *hit);
/* What the tables have, which it has from now on. False: not mapped. */
bool iotlb_fill(struct iotlb *tlb, uint64_t iova, struct iotlb_hit *hit);

/* All; returns the generation of what is cached from now on. Then a range, pages. */
uint64_t iotlb_flush(struct iotlb *tlb);
void iotlb_drop(struct iotlb *tlb, uint64_t iova, uint64_t size);

static inline uint64_t iotlb_generation(struct iotlb *tlb)
{
	return atomic_load(&tlb->generation);
}

/* For checks: a translation that the tables do not have, if it has one. */
bool iotlb_is_stale(struct iotlb *tlb, uint64_t *iova);

#endif
