/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Taking back what CPUs cache: stop the CPU, be sure that it knows, empty its slots. */
#include "mm/drain.h"
#include "mm/machine.h"
#include "mm/pcp_hot.h"

/* Calls fn for every slot of a CPU. */
static void for_each_slot(struct fh_machine *m, struct fh_cpu *cpu,
			  void (*fn)(struct fh_machine *, struct pcp_slot *, void *), void *data)
{
	for (unsigned int z = 0; z < MAX_NR_ZONES; z++) {
		struct pcp_zone *pz = &cpu->zone[z];

		for (unsigned int t = 0; t < PCP_TYPES; t++)
			for (unsigned int c = 0; c < PCP_CLASSES; c++)
				fn(m, &pz->slot[t][c], data);
		fn(m, &pz->freed, data);
	}
}

struct drain {
	uint64_t first, end; /* words */
	bool ask; /* every CPU: one may be keeping a frame loose that it freed before the isolation */
	bool found;
};

static void look(struct fh_machine *m, struct pcp_slot *s, void *data)
{
	struct drain *d = data;
	uint64_t word = run_word(&s->run);

	(void)m;
	d->found |= word >= d->first && word < d->end;
}

static void empty(struct fh_machine *m, struct pcp_slot *s, void *data)
{
	struct drain *d = data;
	uint64_t word = run_word(&s->run);

	if (word >= d->first && word < d->end)
		slot_unbind(m, s);
}

static void empty_cpu(struct fh_machine *m, struct fh_cpu *cpu, struct drain *d)
{
	for_each_slot(m, cpu, empty, d);
	loose_empty(m, &cpu->loose, d->first, d->end);
}

/* Empties another CPU's slots: stop it, be sure that it knows, wait until it is out. */
static void drain_remote(struct fh_machine *m, struct fh_cpu *cpu, struct drain *d)
{
	fh_lock(&cpu->drain_lock);
	atomic_store_explicit(&cpu->stop, 1, memory_order_seq_cst);
	m->plat.sync_cpus(m->plat.ctx);
	for (unsigned int turn = 0; atomic_load_explicit(&cpu->busy, memory_order_seq_cst); turn++)
		fh_spin(turn);
	empty_cpu(m, cpu, d);
	/* Release: pairs with the acquire in pcp_enter(). */
	atomic_store_explicit(&cpu->stop, 0, memory_order_release);
	fh_unlock(&cpu->drain_lock);
}

/* One CPU; `self`: it is the caller's. */
static void drain_cpu(struct fh_machine *m, struct fh_cpu *cpu, bool self, struct drain *d)
{
	if (self && pcp_enter(cpu)) {
		empty_cpu(m, cpu, d);
		pcp_leave(cpu);
	} else {
		drain_remote(m, cpu, d);
	}
}

static void drain_words(struct fh_machine *m, struct drain *d)
{
	struct fh_cpu *self = pcp_cpu(m);

	for (unsigned int i = 0; i < m->nr_cpus; i++) {
		struct fh_cpu *cpu = &m->cpu[i];

		d->found = d->ask || loose_some(&cpu->loose) | loose_blocks(&cpu->loose);
		for_each_slot(m, cpu, look, d);
		if (!d->found)
			continue;
		vm_count(m, VM_pcp_drain, 1);
		drain_cpu(m, cpu, cpu == self, d);
	}
}

void pcp_drain_blocks(struct fh_machine *m, uint64_t first, uint64_t end)
{
	struct drain d = {
		.first = machine_block_pfn(m, first) >> 6,
		.end = machine_block_pfn(m, end) >> 6,
	};

	bool any = false;

	/* Areas have no loose frames; of others only the CPUs know. */
	for (uint64_t b = first; b < end; b++) {
		uint64_t w = block_word(m, b);
		bool area = block_word_type(w) == MIGRATE_CMA;

		any |= block_word_cached(w) || !area;
		d.ask |= !area && block_word_isolated(w);
	}
	if (any && m->nr_caches)
		drain_words(m, &d);
}

void pcp_drain_self(struct fh_machine *m)
{
	struct drain d = {.first = 0, .end = PCP_NONE};
	struct fh_cpu *cpu = pcp_cpu(m);

	if (cpu)
		drain_cpu(m, cpu, true, &d);
}

void pcp_drain_all(struct fh_machine *m)
{
	pcp_drain_blocks(m, 0, m->nr_blocks);
}
