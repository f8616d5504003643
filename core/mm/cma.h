/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Inside an area. (The public calls and their contracts: freehold/cma.h.)
 *
 * Invariants (DESIGN, "Areas"; fh_check recomputes them)
 *	A1 available_count is count minus the frames whose bit is set.
 *	A2 a frame whose bit is set is taken, RAW, and in no CPU's slot.
 *	A3 blocks of areas have type CMA, and only they.
 *	A4 a block's `lend` is what policy and share say; in a block that is not lent nobody's page is,
 *	and in one of policy `discard` none that cannot be dropped.
 *	A5 no page in an area is held, but in policy `movable`.
 *	A9 a block counts as broken by small buffers (`small`, nr_small) only while a buffer is in it.
 *	A7 nr_ready counts the frames known to be zero.
 *	(A10, of agreements, is in mm/agreed.h.)
 *	A8 a frame known to be zero is free, not marked, in a ready block, and all its bytes are zero.
 *
 * Locking. cma.lock, rank CMA: bitmaps, counts. Not held while tenants are moved: a window is
 * marked first and is then nobody else's. `changing` is taken by who changes policy or share, and
 * waited for asleep to others: tenants move while it is held.
 */
#ifndef FH_MM_CMA_H
#define FH_MM_CMA_H

#include <stdatomic.h>
#include <freehold/cma.h>
#include "base/lock.h"
#include "base/tree.h"
#include "mm/block.h"

/* What an area knows of one of its blocks beyond the block's state. */
struct area_block {
	_Atomic(uint8_t) lent; /* its terms let it be; written under the block's lock */
	bool small;	       /* buffers of less than a block have broken it; cma.lock */
	bool full;	       /* and a search found no frame without one; cma.lock */
	bool ready;	       /* kept for devices, whatever the share is; cma.lock */
	bool barren;	       /* nothing in it can be exchanged, when last looked; cma.lock */
	uint16_t left;	       /* pages that exchange took out since a device had it; cma.lock */
	struct block_map zero; /* of a ready one: free frames whose bytes are zero; cma.lock */
};

struct cma_memrange {
	pfn_t base_pfn;
	uint64_t count;		  /* frames */
	uint64_t *bitmap;	  /* a bit 2^order_per_bit frames; cma.lock */
	struct area_block *block; /* one each */
	uint64_t nr_small;	  /* blocks that are small; cma.lock */
};

/* A window that is marked as the caller's. */
struct window {
	struct cma_memrange *r;
	uint64_t bit, nr_bits;
	struct range pfns;
};

/* What devices did to an area in one period: frames. */
struct area_period {
	uint64_t taken;	      /* by all requests together */
	uint64_t most, least; /* in their hands at a time */
	uint64_t largest;     /* request */
	uint64_t ns;	      /* how long it was; 0: not over */
};

/* What exchange (mm/exchange) knows of an area. */
struct area_exchange {
	_Atomic(uint32_t) on;
	_Atomic(uint32_t) claims;      /* requests under way */
	struct area_period period[2];  /* this one and the one before; cma.lock */
	uint64_t since_ns;	       /* when this one began; cma.lock */
	int64_t balance_ns;	       /* saved less spent, of late; cma.lock */
	uint64_t move_ns;	       /* what a page takes that leaves; cma.lock */
	uint64_t in_ns;		       /* and one that comes; 0: not measured; cma.lock */
	_Atomic(uint64_t) out, in, ns; /* pages, and the time that they were on the move */
	_Atomic(uint64_t) spared, back_ns, saved_ns; /* exchange_taken() */
};

struct cma {
	struct fh_machine *m;
	char name[CMA_MAX_NAME];
	unsigned int id; /* its place in m->area[]; blocks store id + 1 */
	unsigned int nranges, order_per_bit;
	struct cma_memrange ranges[CMA_MAX_RANGES];
	uint64_t count;		    /* frames, all ranges */
	uint64_t available_count;   /* cma.lock */
	bool active;		    /* cma_init_reserved_areas() has put it into service */
	_Atomic(uint32_t) policy;   /* enum cma_policy */
	_Atomic(uint32_t) changing; /* somebody changes policy or share */
	_Atomic(uint32_t) settling; /* `discard` only: nothing is lent until the last tenant left */
	_Atomic(uint32_t) share;    /* percent of its blocks that may be lent */
	_Atomic(uint32_t) compress; /* percent of its frames that the pool may save; areas_lock */
	_Atomic(uint64_t) lend_at;  /* block that the last page of `discard` came from */
	struct fh_lock lock;
	_Atomic(uint64_t) nr_pages_succeeded, nr_pages_failed, nr_pages_released;
	_Atomic(uint64_t) nr_allocs, nr_fails, pages_migrated, pages_dropped;
	uint64_t used_max;   /* cma.lock */
	uint64_t ready_want; /* frames to keep ready; cma.lock */
	uint64_t nr_ready;   /* frames that are zero in ready blocks; cma.lock */
	uint64_t ready_at;   /* block that is tried next; cma.lock */
	struct cma_async *async_first, *async_last; /* waiting, oldest first; cma.lock */
	struct tree agreed, agreed_by_size;	    /* buffers that may be moved; cma.lock */
	struct window prepared;			    /* by cma_prepare(); r NULL: none; cma.lock */
	_Atomic(uint64_t) prepared_count;	    /* frames asked for; written under cma.lock */
	struct area_exchange exchange;
	pfn_t search_at;      /* behind the last large window that cost something; cma.lock */
	uint64_t nr_failures; /* noted ever; the last ones are in failure[]; cma.lock */
	struct cma_failure failure[CMA_MAX_FAILURES];
};

static inline uint64_t cma_bitmap_maxno(const struct cma *cma, const struct cma_memrange *r)
{
	return r->count >> cma->order_per_bit;
}

static inline uint64_t area_nr_blocks(const struct cma_memrange *r)
{
	return r->count >> FH_BLOCK_ORDER;
}

/* Drops every registration of cma_buffer_set_movable(): the machine dies. */
void agreed_forget_all(struct cma *cma);

/* Whether any of the frames is in a device's hands. */
bool cma_owns(struct cma *cma, pfn_t pfn, uint64_t nr);

#endif
