/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The per-CPU cache of frames: slots (slot.h), by zone, migratetype and order, and loose frames (loose.h).
 *
 * Which slot: by zone and migratetype, and by order: singles, runs of 2 to 8, runs of 16 to 64, so that singles
 * do not break up the runs. `freed` adopts a word once two single frees in a
 * row hit it.
 *
 * Locking. The owner CPU works between pcp_enter() and pcp_leave(): a plain store to `busy` and a look at `stop`.
 * Somebody else sets `stop`, has every CPU run a barrier (plat->sync_cpus), waits for `busy` to be 0, and then
 * owns the cache until it clears `stop` (drain.c). The owner meanwhile goes straight to the blocks.
 */
#ifndef FH_MM_PCP_H
#define FH_MM_PCP_H

#include <stdatomic.h>
#include <freehold/types.h>
#include "base/lock.h"
#include "mm/loose.h"
#include "mm/slot.h"

#define PCP_TYPES     4	 /* UNMOVABLE, MOVABLE, RECLAIMABLE, and PCP_LENT */
#define PCP_LENT      3	 /* words of CMA blocks */
#define PCP_CLASSES   3	 /* orders 0; 1..3; 4..6 */
#define PCP_LRU_BATCH 31 /* as PAGEVEC_SIZE */
#define PCP_UNCOUNTED 64

struct pcp_zone {
	struct pcp_slot slot[PCP_TYPES][PCP_CLASSES];
	struct pcp_slot freed;
	uint64_t last_word; /* of the last single free that hit no slot */
};

/* Events a CPU counts for itself; /proc/vmstat sums them. */
#define VM_EVENTS(X)                                                                               \
	X(pgfault)                                                                                 \
	X(pgmigrate_success)                                                                       \
	X(pgmigrate_fail)                                                                          \
	X(pgsteal_file)                                                                            \
	X(pgscan_file)                                                                             \
	X(pgsteal_anon)                                                                            \
	X(pgscan_anon)                                                                             \
	X(pgsteal_kswapd)                                                                          \
	X(pgsteal_direct)                                                                          \
	X(pgscan_kswapd)                                                                           \
	X(pgscan_direct)                                                                           \
	X(pswpin)                                                                                  \
	X(pswpout)                                                                                 \
	X(zswpin)                                                                                  \
	X(zswpout)                                                                                 \
	X(nr_vmscan_write)                                                                         \
	X(compact_isolated)                                                                        \
	X(cma_alloc_success)                                                                       \
	X(cma_alloc_fail)                                                                          \
	X(contig_drop)                                                                             \
	X(pcp_refill)                                                                              \
	X(pcp_drain) X(contig_evacuate) X(exchange_out) X(exchange_in) X(exchange_spared)
#define VM_EVENT_ENUM(n) VM_##n,
enum vm_event { VM_EVENTS(VM_EVENT_ENUM) NR_VM_EVENTS };

struct fh_cpu {
	union {
		struct {
			_Atomic(uint32_t) busy; /* written by the owner only */
			_Atomic(uint32_t) stop; /* written by whoever holds drain_lock */
			/* Where the next unmovable frame comes from, single or in a run of 2 to 8: a word
			 * of the slot that such frames came from last, or a loose one. */
			struct pcp_run *hot[2];
			/* Those slots' words, and that of single frees in a row, if a free into them needs
			 * no second look; else `unbound`'s. */
			struct pcp_run *own[2], *own_freed;
			struct pcp_slot unbound;
			struct loose loose; /* of the zone of that slot, and its like */
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
/* For unmovable frames of the zone that such came from last, when the hot word has none; whole blocks, too. */
bool pcp_alloc_turn(struct fh_machine *m, unsigned int order, pfn_t *pfn);
/* 1: freed; 0: not for the cache; -FH_EINVAL: free already. */
int pcp_free(struct fh_machine *m, pfn_t pfn, unsigned int order);
/* The same for any number: 0 also when it is no frame, or a look at who owns it is needed. */
int pcp_free_plain(struct fh_machine *m, pfn_t pfn, unsigned int order);
/* The end of such a free, entered, when its entry has frames. */
int pcp_free_crowded(struct fh_machine *m, struct fh_cpu *cpu, pfn_t pfn, unsigned int order);
/* The slot that pcp_alloc() just found empty: another word of the block it is bound to, if that has
 * one. any_zone: what is left of it may serve requests that ask for no zone; a request for a low one
 * must not have others eat up the zone behind it. */
bool pcp_refill_same(struct fh_machine *m, enum zone_type zone, unsigned int type,
		     unsigned int order, bool any_zone, pfn_t *pfn);
/* Fills the slot that pcp_alloc() just found empty from this block, and allocates. PCP_OFF: this
 * CPU's cache is being drained; PCP_NO: the block is locked, isolated, of another type, or has no
 * such run. */
enum pcp_result { PCP_OFF, PCP_NO, PCP_OK };
enum pcp_result pcp_refill(struct fh_machine *m, uint64_t block, unsigned int type,
			   unsigned int order, bool any_zone, pfn_t *pfn);
/* Keeps whole blocks of a zone for the next requests; how many. */
unsigned int pcp_keep_whole(struct fh_machine *m, enum zone_type zone, unsigned int type,
			    const uint64_t *block, unsigned int n);

void vm_count(struct fh_machine *m, enum vm_event e, uint64_t n);
uint64_t vm_sum(struct fh_machine *m, enum vm_event e);
const char *vm_event_name(enum vm_event e);

#endif
