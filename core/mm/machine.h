/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One machine: everything that would be a global elsewhere.
 *
 * Blocks are numbered from base_pfn, frames likewise ("frame number" = pfn - base_pfn). The block
 * arrays span holes, 72 bytes per 2 MiB; struct fh_frame exists only for blocks that have RAM.
 */
#ifndef FH_MM_MACHINE_H
#define FH_MM_MACHINE_H

#include <stdatomic.h>
#include <freehold/mem.h>
#include "base/fmt.h"
#include "base/lock.h"
#include "mm/block.h"
#include "mm/cma.h"
#include "mm/frame.h"
#include "mm/lru.h"
#include "mm/pcp.h"
#include "mm/reclaim.h"
#include "mm/swap.h"
#include "mm/zone.h"
#include "mm/zpool.h"

struct machine_bank {
	struct range pfns;   /* page aligned; not always whole blocks */
	unsigned char *virt; /* NULL: no bytes */
};

#define DMESG_SIZE 32768

struct dmesg {
	struct fh_lock lock;
	uint64_t len; /* written since birth; the last DMESG_SIZE of it are in buf */
	char buf[DMESG_SIZE];
};

struct owner;

struct fh_machine {
	struct plat plat;
	pfn_t base_pfn;		  /* multiple of 2^FH_MAX_ORDER */
	uint64_t nr_blocks;	  /* even */
	_Atomic(uint64_t) *state; /* struct block_state, packed */
	struct block_map *map;
	/* Of blocks in areas: pages that can be dropped (low half) and held pages (L3). */
	_Atomic(uint32_t) *tenants;
	struct fh_frame **frames; /* of a block; NULL: no RAM there */
	struct index index[BLOCK_INDEX_TYPES][BLOCK_INDEX_ORDERS];
	struct zone zone[MAX_NR_ZONES];
	enum zone_type top_zone[MAX_NR_ZONES]; /* the highest with memory, at or below */
	uint64_t wmark_high;		       /* of all zones together */
	struct fh_cpu *cpu;
	unsigned int nr_cpus;
	unsigned int nr_caches; /* nr_cpus, or 0 where CPUs cannot be stopped, and with owners */

	struct lru lru;
	struct swap swap;
	struct zpool zpool;
	struct reclaim reclaim;
	_Atomic(uint32_t) unholds; /* counts pages that stopped being HELD; waited for */
	_Atomic(uint32_t) unhold_waiters;
	struct cma *area[CMA_MAX_AREAS];
	unsigned int nr_areas;
	struct cma *area_default;
	unsigned int background_at;   /* where cma_background() begins next; areas_lock */
	struct fh_lock areas_lock;    /* making areas; rank SPACE */
	_Atomic(uint32_t) exchanging; /* somebody is in exchange_step() */
	uint64_t exchange_next_ns;    /* not before; by who has exchanging */

	/* The budget (DESIGN, "The guarantee"): frames of non-droppable use may not exceed
	 * `capacity`. 0: no area is guaranteed, nothing is checked. */
	_Atomic(uint64_t) capacity;
	_Atomic(int64_t) account;    /* used, less what can be dropped: budget.h */
	_Atomic(uint32_t) reserving; /* who is between adding to it and budget_done() */
	_Atomic(int64_t) nr_device;  /* frames of areas in devices' hands */
	_Atomic(int64_t) nr_area;    /* frames of all areas in service */
	_Atomic(uint64_t) discard;   /* areas of policy `discard`: a bit for each id */

	struct machine_bank bank[BOOT_MAX_BANKS];
	unsigned int nr_banks;
	struct fh_lock objects_lock; /* rank LEAF */
	struct fh_object *objects;
	uint64_t last_object; /* objects_lock */
	struct fh_space *spaces;
	_Atomic(struct fh_pinner *) pinners; /* the list grows under objects_lock */
	struct dmesg dmesg;
	_Atomic(uint64_t) event[NR_VM_EVENTS]; /* of threads that are no CPU */
	struct boot_config cfg;
	struct fh_dma *dma; /* what devices have (dma/dma.h) */
	struct fh_buf *buf; /* what programs and devices share (buf/buf.h) */
	void *meta;	    /* state, map, index: one allocation */
	size_t meta_size;
	struct fh_frame *frame_mem; /* all frames: one allocation */
	uint64_t nr_frame_blocks;
	struct owner *owners; /* page_owner=on: of each of frame_mem; or NULL */
};

static inline uint64_t machine_block(const struct fh_machine *m, pfn_t pfn)
{
	return (pfn - m->base_pfn) >> FH_BLOCK_ORDER;
}

static inline pfn_t machine_block_pfn(const struct fh_machine *m, uint64_t block)
{
	return m->base_pfn + (block << FH_BLOCK_ORDER);
}

/* Whether pfn lies in a block that has RAM (its frame may still be a hole: never free). */
static inline bool machine_has(const struct fh_machine *m, pfn_t pfn)
{
	return pfn >= m->base_pfn && machine_block(m, pfn) < m->nr_blocks &&
	       m->frames[machine_block(m, pfn)];
}

static inline struct fh_frame *machine_frame(const struct fh_machine *m, pfn_t pfn)
{
	return &m->frames[machine_block(m, pfn)][(pfn - m->base_pfn) & (FH_BLOCK_PAGES - 1)];
}

/* A block's state without its lock, packed: true a moment ago. */
static inline uint64_t block_word(const struct fh_machine *m, uint64_t block)
{
	return atomic_load_explicit(&m->state[block], memory_order_relaxed);
}

/* The area a block belongs to, or NULL. */
static inline struct cma *machine_area(const struct fh_machine *m, uint64_t block)
{
	unsigned int id = block_word_area(block_word(m, block));

	return id ? m->area[id - 1] : NULL;
}

static inline enum cma_policy area_policy(const struct cma *cma)
{
	return (enum cma_policy)atomic_load_explicit(&cma->policy, memory_order_relaxed);
}

/* Whether a page must leave the area it is in before it is held (DESIGN G1). */
static inline bool machine_pfn_unholdable(const struct fh_machine *m, pfn_t pfn)
{
	struct cma *cma = machine_area(m, machine_block(m, pfn));

	return cma && area_policy(cma) != CMA_POLICY_MOVABLE;
}

/* Whether frames outside areas are of ZONE_MOVABLE, where nothing may stay for long. */
static inline bool machine_pfn_movable_only(const struct fh_machine *m, pfn_t pfn)
{
	uint64_t w = block_word(m, machine_block(m, pfn));

	return block_word_zone(w) == ZONE_MOVABLE && !block_word_area(w);
}

/* Whether a page must leave the area it is in before it is dirtied. */
static inline bool machine_pfn_clean_only(const struct fh_machine *m, pfn_t pfn)
{
	struct cma *cma = machine_area(m, machine_block(m, pfn));

	return cma && area_policy(cma) == CMA_POLICY_DISCARD;
}

/* Where the CPU sees a frame, or NULL. */
unsigned char *machine_virt(const struct fh_machine *m, pfn_t pfn);
void machine_copy(struct fh_machine *m, pfn_t dst, pfn_t src);
void machine_zero(struct fh_machine *m, pfn_t pfn, uint64_t nr);

static inline void *machine_alloc(struct fh_machine *m, size_t size)
{
	return m->plat.alloc(m->plat.ctx, size);
}

static inline void machine_free(struct fh_machine *m, void *p, size_t size)
{
	if (p)
		m->plat.free(m->plat.ctx, p, size);
}

static inline uint64_t machine_clock(struct fh_machine *m)
{
	return m->plat.clock_ns(m->plat.ctx);
}

/* Whether a range is RAM, all in one bank. */
static inline bool machine_in_bank(const struct fh_machine *m, struct range pfns)
{
	for (unsigned int i = 0; i < m->nr_banks; i++)
		if (pfns.start >= m->bank[i].pfns.start && pfns.end <= m->bank[i].pfns.end)
			return pfns.start < pfns.end;
	return false;
}

/* A zone's free frames, exactly when the machine is quiet: what CPUs have not counted yet, too. (The
 * zone's own counter is low by less than PCP_UNCOUNTED a CPU, which errs on the safe side.) */
static inline int64_t machine_nr_free(const struct fh_machine *m, enum zone_type zone)
{
	int64_t n = atomic_load_explicit(&m->zone[zone].nr_free, memory_order_relaxed);

	for (unsigned int i = 0; i < m->nr_cpus; i++)
		n += atomic_load_explicit(&m->cpu[i].uncounted[zone], memory_order_relaxed);
	return n < 0 ? 0 : n;
}

/* The memory of a machine, without what stands above it: fh_machine_create() and fh_machine_destroy() (boot/start.c) make and end
 * the whole. */
FH_MUST_CHECK int machine_birth(const struct plat *plat, const struct boot_config *cfg,
				struct fh_machine **machine);
void machine_death(struct fh_machine *m);
/* fh_check()'s part for all of mm: how many invariants are broken; a line for each goes to *out. */
FH_MUST_CHECK unsigned int machine_check(struct fh_machine *m, struct fh_text *out);

/* Frames the boot configuration keeps from the allocator until an area over them goes into service.
 */
bool machine_is_reserved(const struct fh_machine *m, struct range pfns);
/* The account of DESIGN G2, and what the pool may save, after areas or their policies changed. */
void machine_set_capacity(struct fh_machine *m);

/* One line of dmesg. */
void machine_log(struct fh_machine *m, int level, const char *fmt, ...) FH_PRINTF(3, 4);
/* A broken invariant: says which, never returns. */
void machine_bug(struct fh_machine *m, const char *fmt, ...) FH_PRINTF(2, 3)
	__attribute__((noreturn));

#endif
