/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The per-CPU cache of frames: words of 64, taken from and given back to blocks whole (DESIGN D2).
 *
 * Model. A slot is bound to a block and has taken some of its words: it holds their free bits,
 *which the block's map then lacks. It takes words until it has 64 frames, so one of a fresh block
 *or all of an aged one. Allocation takes the lowest run out of the current word's mask, a free puts
 *it back, neither atomic. A slot stays bound when it is empty, so that what is freed again finds
 *it; the block's `cached` counts the slots bound to it.
 *
 * Which slot: by zone and migratetype, and by order: singles, runs of 2 to 8, runs of 16 to 64, so
 *that singles do not break up the runs. `freed` collects single frees that hit no slot, once two in
 *a row hit the same word. `huge` keeps one whole block.
 *
 * Invariants
 *	P1 a bit in a slot's mask is clear in the block's map.
 *	P2 slot->word changes only while the block it is bound to, or bound to next, is locked:
 *whoever has isolated a block and then finds no slot bound to it knows that none will be.
 *
 * Locking. The owner CPU works between pcp_enter() and pcp_leave(): a plain store to `busy` and a
 *look at `stop`. Somebody else sets `stop`, has every CPU run a barrier (plat->sync_cpus), waits
 *for busy to be 0, and then owns the slots until it clears `stop`. The owner meanwhile goes
 *straight to the blocks.
 */
#ifndef FH_MM_PCP_H
#define FH_MM_PCP_H

#include <stdatomic.h>
#include <freehold/types.h>
#include "base/lock.h"

#define PCP_TYPES     4 /* UNMOVABLE, MOVABLE, RECLAIMABLE, and PCP_LENT */
#define PCP_LENT      3 /* words of CMA blocks */
#define PCP_CLASSES   3 /* orders 0; 1..3; 4..6 */
#define PCP_NONE      UINT64_MAX
#define PCP_LRU_BATCH 31 /* as PAGEVEC_SIZE */
#define PCP_UNCOUNTED 64

struct pcp_slot {
	uint64_t mask;		/* free frames of `word` */
	_Atomic(uint64_t) word; /* pfn / 64; PCP_NONE: unbound */
	uint64_t rest[8];	/* free frames of the block's other taken words, by their place */
	uint8_t taken;		/* the words whose free bits are here */
	uint8_t more;		/* those with bits in rest */
};

struct pcp_zone {
	struct pcp_slot slot[PCP_TYPES][PCP_CLASSES];
	struct pcp_slot freed;
	struct pcp_slot huge[PCP_TYPES]; /* mask 1: the whole block is here */
	uint64_t last_word;		 /* of the last single free that hit no slot */
};

/* Events a CPU counts for itself; /proc/vmstat sums them. */
#define VM_EVENTS(X)                                                                               \
	X(pgfault)                                                                                 \
	X(pgmigrate_success)                                                                       \
	X(pgmigrate_fail)                                                                          \
	X(pgsteal_file)                                                                            \
	X(pgscan_file)                                                                             \
	X(compact_isolated)                                                                        \
	X(cma_alloc_success)                                                                       \
	X(cma_alloc_fail) X(contig_drop) X(pcp_refill) X(pcp_drain) X(contig_evacuate)
#define VM_EVENT_ENUM(n) VM_##n,
enum vm_event { VM_EVENTS(VM_EVENT_ENUM) NR_VM_EVENTS };

struct fh_cpu {
	union {
		struct {
			_Atomic(uint32_t) busy; /* written by the owner only */
			_Atomic(uint32_t) stop; /* written by whoever holds drain_lock */
			/* Single unmovable frames, what kernels ask for most, of the zone they
			 * came from last. */
			struct pcp_slot *hot;
			/* The `freed` slot, when it holds such frames; else `unbound`. */
			struct pcp_slot *hot_freed;
			struct pcp_slot unbound;
			struct pcp_zone zone[MAX_NR_ZONES];
			struct fh_lock drain_lock;

			/* LRU batch: the owner's alone. */
			unsigned int lru_n;
			uint32_t lru_frame[PCP_LRU_BATCH];
			_Atomic(uint64_t) event[NR_VM_EVENTS]; /* written by the owner only */
			/* Frames freed to blocks and not yet in zone.nr_free, below PCP_UNCOUNTED; so
			 * that two CPUs that free do not fight for the counter. The owner's alone. */
			_Atomic(int64_t) uncounted[MAX_NR_ZONES];
		};
		/* A power of two, so that finding one's own is a shift. */
		unsigned char stride[8192];
	};
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct fh_cpu) == 8192, "the fast path finds its CPU by a shift");

struct fh_machine;
void pcp_init(struct fh_machine *m, struct fh_cpu *cpu);

/* The fast paths. False: the cache cannot serve this, go to the blocks. */
bool pcp_alloc(struct fh_machine *m, enum zone_type zone, unsigned int type, unsigned int order,
	       pfn_t *pfn);
/* The hot slot's current word is used up: its next one. */
bool pcp_alloc_turn(struct fh_machine *m, pfn_t *pfn);
/* 1: freed; 0: not for the cache; -FH_EINVAL: free already. */
int pcp_free(struct fh_machine *m, pfn_t pfn, unsigned int order);
/* The slot that pcp_alloc() just found empty: another word of the block it is bound to, if that has
 * one. */
bool pcp_refill_same(struct fh_machine *m, enum zone_type zone, unsigned int type,
		     unsigned int order, pfn_t *pfn);
/* Fills the slot that pcp_alloc() just found empty from this block, and allocates. PCP_OFF: this
 * CPU's cache is being drained; PCP_NO: the block is locked, isolated, of another type, or has no
 * such run. */
enum pcp_result { PCP_OFF, PCP_NO, PCP_OK };
enum pcp_result pcp_refill(struct fh_machine *m, uint64_t block, unsigned int type,
			   unsigned int order, pfn_t *pfn);

/* Takes the words of blocks [first, end) back from all CPUs that hold some; nobody is disturbed
 * when none does. The caller has isolated the blocks, or accepts that new words are taken
 * meanwhile. */
void pcp_drain_blocks(struct fh_machine *m, uint64_t first, uint64_t end);
/* The calling CPU gives back all it holds. */
void pcp_drain_self(struct fh_machine *m);
/* Every CPU gives back all it holds. */
void pcp_drain_all(struct fh_machine *m);

void vm_count(struct fh_machine *m, enum vm_event e, uint64_t n);
uint64_t vm_sum(struct fh_machine *m, enum vm_event e);
const char *vm_event_name(enum vm_event e);

#endif
