/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The fastest path, inline: a single unmovable frame from the CPU's hot slot, or back into it.
 * About twenty instructions each, no atomic, no call.
 */
#ifndef FH_MM_PCP_HOT_H
#define FH_MM_PCP_HOT_H

#include "base/bits.h"
#include "mm/machine.h"

/* The CPU of this thread, or NULL: it is none, or CPUs cannot be stopped here. */
static inline struct fh_cpu *pcp_cpu(const struct fh_machine *m)
{
	unsigned int id = arch_cpu_id();

	return id < m->nr_caches ? &m->cpu[id] : NULL;
}

static inline uint64_t slot_word(const struct pcp_slot *s)
{
	return atomic_load_explicit(&s->word, memory_order_relaxed);
}

/* The owner's way in: see pcp.h, "Locking". False: somebody drains this CPU, use the blocks. */
static inline bool pcp_enter(struct fh_cpu *cpu)
{
	arch_cpu_enter(&cpu->busy);
	/* Acquire: pairs with the drainer's release of `stop`, so that we see the slots it emptied.
	 */
	if (atomic_load_explicit(&cpu->stop, memory_order_acquire)) {
		arch_cpu_leave(&cpu->busy);
		return false;
	}
	return true;
}

static inline void pcp_leave(struct fh_cpu *cpu)
{
	arch_cpu_leave(&cpu->busy);
}

/* False: the hot slot is empty, or not ours to use now. */
static inline bool pcp_alloc_hot(struct fh_machine *m, pfn_t *pfn)
{
	unsigned int id = arch_cpu_id();
	struct fh_cpu *cpu = &m->cpu[id];
	struct pcp_slot *s;
	uint64_t mask;

	if (id >= m->nr_caches || !pcp_enter(cpu))
		return false;
	s = cpu->hot;
	mask = s->mask;
	if (!mask) {
		pcp_leave(cpu);
		return false;
	}
	*pfn = (slot_word(s) << 6) + bits_first(mask);
	s->mask = mask & (mask - 1);
	pcp_leave(cpu);
	return true;
}

/* 1: freed; 0: not of a hot word; -FH_EINVAL: free already. */
static inline int pcp_free_hot(struct fh_machine *m, pfn_t pfn)
{
	unsigned int id = arch_cpu_id();
	struct fh_cpu *cpu = &m->cpu[id];
	struct pcp_slot *s;
	uint64_t mask;

	if (id >= m->nr_caches || !pcp_enter(cpu))
		return 0;
	s = cpu->hot;
	if (slot_word(s) != pfn >> 6) {
		s = cpu->hot_freed;
		if (slot_word(s) != pfn >> 6) {
			pcp_leave(cpu);
			return 0;
		}
	}
	mask = s->mask;
	if (mask >> (pfn & 63) & 1) {
		pcp_leave(cpu);
		return -FH_EINVAL;
	}
	s->mask = mask | UINT64_C(1) << (pfn & 63);
	pcp_leave(cpu);
	return 1;
}

#endif
