/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * IO virtual addresses, in pages: who has which of an aperture, and caches of free ones for each CPU.
 *
 * Follows drivers/iommu/iova.c of 6.12: highest first below a limit, below 4 GiB first, aligned to the size's power of two;
 * sizes up to 32 pages are rounded up to a power of two, and these orders are cached in magazines of a CPU, with a depot
 * behind. What a cache has is taken in the tree. Any thread, never sleeps.
 */
#ifndef FH_DMA_IOVA_H
#define FH_DMA_IOVA_H

#include "base/fmt.h"
#include "base/lock.h"
#include "dma/iova_tree.h"

#define IOVA_ORDERS    6   /* that are cached: 1 to 32 pages */
#define IOVA_MAG_SIZE  254 /* two hold what one flush brings back, and a magazine is 2 KiB */
#define IOVA_DEPOT_MAX 32  /* full magazines of an order */
#define IOVA_LOW_END   (UINT64_C(1) << (32 - FH_PAGE_SHIFT))

struct iova_mag {
	struct iova_mag *next; /* in the depot */
	uint64_t nr;
	uint64_t pfn[IOVA_MAG_SIZE];
};

/* What a CPU caches. Only that CPU puts something in; others empty it. */
struct iova_cpu {
	struct fh_lock lock; /* rank LEAF, as all here; none is taken inside another */
	struct iova_mag *loaded[IOVA_ORDERS], *prev[IOVA_ORDERS];
} __attribute__((aligned(64)));

struct iova_domain {
	struct fh_machine *m;
	uint64_t start, end; /* pages that may be handed out, page 0 never */
	unsigned int nr_cpus;
	struct iova_cpu *cpu;
	struct fh_lock lock; /* tree */
	struct iova_tree tree;
	_Atomic(uint64_t)
		low_max; /* so many pages were not to be had below 4 GiB; nobody tries again until some are */
	struct fh_lock depot_lock;
	struct iova_mag *depot[IOVA_ORDERS];
	unsigned int nr_depot[IOVA_ORDERS];
};

/* Pages [start, end). -FH_ENOMEM. */
FH_MUST_CHECK int iova_init(struct iova_domain *d, struct fh_machine *m, uint64_t start,
			    uint64_t end);
void iova_fini(struct iova_domain *d);

/* `pages` in a row, all below page `limit`. -FH_ENOMEM: none that the tree or this CPU's cache or the depot has (others' caches:
 * iova_drain(), and again), or no memory for a node. */
FH_MUST_CHECK int iova_alloc(struct iova_domain *d, uint64_t pages, uint64_t limit, uint64_t *pfn);
/* What iova_alloc() gave: each range with the size that was asked for. */
void iova_free(struct iova_domain *d, const struct range *r, unsigned int n);
/* All caches go back to the tree. */
void iova_drain(struct iova_domain *d);

/* What of r lies in the aperture is never handed out from now on; of what is, nothing changes. -FH_EEXIST: some of it is handed
 * out; -FH_ENOMEM: some of it may be reserved already. Empties the caches if it must. */
FH_MUST_CHECK int iova_reserve(struct iova_domain *d, struct range r);

/* For checks, in a quiet machine: the range that page pfn is in; NULL: it is free. */
struct iova_node *iova_owner(const struct iova_domain *d, uint64_t pfn);
/* D5: the tree is right, and each range in a cache is taken, of that order, and cached once; these are marked, all others are not.
 * Returns how many are broken. */
unsigned int iova_check(struct iova_domain *d, struct fh_text *out);

#endif
