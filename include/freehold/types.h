/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The words every other header uses: units, ranges, errors, allocation flags.
 *
 * Units. "page" and "frame" are FH_PAGE_SIZE bytes. A pfn counts frames from physical address 0; an
 * order is log2 of a number of pages; a block (Linux: pageblock) is 2^FH_BLOCK_ORDER frames. phys_t
 * and dma_t are structs so that an address the CPU uses and one a device uses never convert
 * silently.
 */
#ifndef FREEHOLD_TYPES_H
#define FREEHOLD_TYPES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FH_PAGE_SHIFT	 12
#define FH_PAGE_SIZE	 (UINT64_C(1) << FH_PAGE_SHIFT)
#define FH_MAX_ORDER	 10 /* the largest order of fh_alloc_pages(), as MAX_PAGE_ORDER */
#define FH_BLOCK_ORDER	 9  /* as pageblock_order */
#define FH_BLOCK_PAGES	 (1u << FH_BLOCK_ORDER)
#define FH_CMA_ALIGNMENT 8 /* as CONFIG_CMA_ALIGNMENT: DMA buffers align to at most 1 MiB */

_Static_assert(FH_BLOCK_ORDER == 9, "a block's map is eight 64-bit words");

typedef uint64_t pfn_t;
typedef struct {
	uint64_t v;
} phys_t;
typedef struct {
	uint64_t v;
} dma_t;

/* A half-open run of frames [start, end). */
struct range {
	pfn_t start, end;
};

/* Errors are returned negative, with Linux's values on every platform. 0 is success. */
enum err {
	FH_EPERM = 1,
	FH_ENOENT = 2,
	FH_EINTR = 4,
	FH_EIO = 5,
	FH_EAGAIN = 11,
	FH_ENOMEM = 12,
	FH_EFAULT = 14,
	FH_EBUSY = 16,
	FH_EEXIST = 17,
	FH_ENODEV = 19,
	FH_EINVAL = 22,
	FH_ENOSPC = 28,
	FH_ERANGE = 34,
	FH_EDEADLK = 35,
	FH_ENAMETOOLONG = 36,
	FH_EOVERFLOW = 75,
	FH_ETIMEDOUT = 110,
	FH_EALREADY = 114,
	FH_EDQUOT = 122,
	FH_ECANCELED = 125,
};

/* What an allocation asks for. Linux's names; only the bits that change a decision here exist. */
typedef uint32_t gfp_t;
#define __GFP_DMA	     ((gfp_t)1 << 0)
#define __GFP_DMA32	     ((gfp_t)1 << 1)
#define __GFP_MOVABLE	     ((gfp_t)1 << 2) /* the caller will make it movable: object or movable_ops */
#define __GFP_RECLAIMABLE    ((gfp_t)1 << 3)
#define __GFP_HIGH	     ((gfp_t)1 << 4) /* may use HIGHATOMIC blocks and half the min watermark */
#define __GFP_DIRECT_RECLAIM ((gfp_t)1 << 5) /* may drop clean cache to succeed */
#define __GFP_ZERO	     ((gfp_t)1 << 6)
#define __GFP_NOWARN	     ((gfp_t)1 << 7)
#define __GFP_CMA	     ((gfp_t)1 << 8) /* with __GFP_MOVABLE: may live in a lent area */
/* With __GFP_DIRECT_RECLAIM: may write back and swap to succeed, and so sleep. For callers that hold
 * no lock and that no write of a file waits for (they use GFP_NOIO). */
#define __GFP_IO ((gfp_t)1 << 9)

#define GFP_ATOMIC	     (__GFP_HIGH)
#define GFP_NOWAIT	     ((gfp_t)0)
#define GFP_NOIO	     (__GFP_DIRECT_RECLAIM)
#define GFP_KERNEL	     (__GFP_DIRECT_RECLAIM | __GFP_IO)
#define GFP_DMA		     (__GFP_DMA)
#define GFP_DMA32	     (__GFP_DMA32)
#define GFP_HIGHUSER_MOVABLE (GFP_KERNEL | __GFP_MOVABLE | __GFP_CMA)

/* What a block of frames is for. ISOLATE is only ever shown: a block keeps its type while isolated.
 */
enum migratetype {
	MIGRATE_UNMOVABLE,
	MIGRATE_MOVABLE,
	MIGRATE_RECLAIMABLE,
	MIGRATE_HIGHATOMIC,
	MIGRATE_CMA,
	MIGRATE_ISOLATE,
	MIGRATE_TYPES,
};

/* ZONE_MOVABLE is the upper part of the highest of the others (boot_config.movable_start): it serves requests with
 * __GFP_MOVABLE and without a zone, before all others, and nobody else. */
enum zone_type { ZONE_DMA, ZONE_DMA32, ZONE_NORMAL, ZONE_MOVABLE, MAX_NR_ZONES };

/* What an area's idle memory may be used for (DESIGN, "Policies"). */
enum cma_policy {
	CMA_POLICY_CARVEOUT,   /* never lent */
	CMA_POLICY_MOVABLE,    /* as Linux: pins and writeback inside are allowed, and block */
	CMA_POLICY_GUARANTEED, /* lent to everything, and every tenant can leave at once */
	CMA_POLICY_DISCARD, /* lent to clean cached file pages only: taking it back is dropping them */
	CMA_NR_POLICIES,
};

#define FH_MUST_CHECK	__attribute__((warn_unused_result))
#define FH_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* A spin lock inside what callers make (fences, reservations); the core's (base/lock.h). */
struct fh_lock {
	_Atomic(uint32_t) held;
	uint32_t rank;
};

struct fh_machine; /* one machine: its memory, CPUs, areas. Any number live in one process. */
struct fh_object;  /* what owns pages: anonymous memory or a cached file */
struct fh_space;   /* an address space that maps objects */
struct fh_pinner;  /* who pins pages, by name */
struct cma;	   /* an area */

static inline phys_t fh_pfn_to_phys(pfn_t pfn)
{
	return (phys_t){pfn << FH_PAGE_SHIFT};
}

static inline pfn_t fh_phys_to_pfn(phys_t phys)
{
	return phys.v >> FH_PAGE_SHIFT;
}

#endif
