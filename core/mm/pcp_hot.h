/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The fastest path, inline: a single unmovable frame from the CPU's hot word, or back into its slot.
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

/* Orders 0, and 1 to LOOSE_MAX_ORDER: each with a hot word of its own. */
static inline unsigned int hot_of(unsigned int order)
{
	return order != 0;
}

/* False: the hot word has no such run, or is not ours to use now. order <= LOOSE_MAX_ORDER. */
static inline bool pcp_alloc_hot(struct fh_machine *m, unsigned int order, pfn_t *pfn)
{
	unsigned int id = arch_cpu_id(), bit;
	struct fh_cpu *cpu = &m->cpu[id];
	struct pcp_run *r;
	uint64_t runs;

	if (id >= m->nr_caches || !pcp_enter(cpu))
		return false;
	r = cpu->hot[hot_of(order)];
	runs = order ? bits_runs(r->mask, order) : r->mask;
	if (!runs) {
		pcp_leave(cpu);
		return false;
	}
	bit = bits_first(runs);
	*pfn = (run_word(r) << 6) + bit;
	r->mask = order ? r->mask & ~(run_bits(order) << bit) : runs & (runs - 1);
	pcp_leave(cpu);
	return true;
}

/* 1: freed; 0: not of a slot's word; -FH_EINVAL: free already. order <= LOOSE_MAX_ORDER. */
static inline int pcp_free_hot(struct fh_machine *m, pfn_t pfn, unsigned int order)
{
	unsigned int id = arch_cpu_id();
	struct fh_cpu *cpu = &m->cpu[id];
	uint64_t bits, mask;
	struct pcp_run *r;
	int done = 0;

	if (id >= m->nr_caches || !pcp_enter(cpu))
		return 0;
	r = cpu->own[hot_of(order)];
	if (run_word(r) == pfn >> 6 || (r = cpu->own_freed, run_word(r) == pfn >> 6)) {
		bits = run_bits(order) << (pfn & 63);
		mask = r->mask;
		done = (order ? mask & bits : mask >> (pfn & 63) & 1) ? -FH_EINVAL : 1;
		if (done > 0)
			r->mask = mask | bits;
	}
	pcp_leave(cpu);
	return done;
}

/* The same for a frame of a plain block that no slot has taken: it is loose, and hot, from here on. */
static inline int pcp_free_loose(struct fh_machine *m, pfn_t pfn, unsigned int order)
{
	unsigned int id = arch_cpu_id();
	uint64_t block = machine_block(m, pfn), word = pfn >> 6,
		 bits = run_bits(order) << (pfn & 63);
	struct fh_cpu *cpu = &m->cpu[id];
	struct pcp_run *e;
	uint64_t w;

	if (id >= m->nr_caches || block >= m->nr_blocks || pfn & ((1u << order) - 1) ||
	    !pcp_enter(cpu))
		return 0;
	w = block_word(m, block) & (BLOCK_PLAIN_MASK | BLOCK_CACHED_MASK);
	e = &cpu->loose.entry[word % LOOSE_WORDS];
	if (w != block_plain(cpu->loose.zone) || loose_blocks(&cpu->loose) ||
	    map_word(&m->map[block], (unsigned int)(word & (BLOCK_WORDS - 1))) & bits ||
	    (run_word(e) == word && e->mask & bits)) {
		pcp_leave(cpu);
		return 0; /* to be looked at */
	}
	if (e->mask && (run_word(e) != word || (!order && e == cpu->hot[0]) || !~(e->mask | bits)))
		return pcp_free_crowded(m, cpu, pfn, order);
	loose_set(&cpu->loose, e, word, bits);
	cpu->hot[hot_of(order)] = e;
	pcp_leave(cpu);
	return 1;
}

#endif
