/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The per-CPU cache of frames: allocation, free, refill; and what a CPU counts. */
#include "base/bits.h"
#include "mm/machine.h"
#include "mm/pcp_hot.h"
#include "mm/policy.h"

void pcp_init(struct fh_machine *m, struct fh_cpu *cpu)
{
	enum zone_type top = m->top_zone[ZONE_NORMAL];
	uint64_t managed = 0;

	atomic_init(&cpu->busy, 0);
	atomic_init(&cpu->stop, 0);
	fh_lock_init(&cpu->drain_lock, RANK_PCP);
	for (unsigned int z = 0; z < MAX_NR_ZONES; z++) {
		struct pcp_zone *pz = &cpu->zone[z];

		managed += m->zone[z].managed;
		for (unsigned int t = 0; t < PCP_TYPES; t++)
			for (unsigned int c = 0; c < PCP_CLASSES; c++)
				slot_init(&pz->slot[t][c]);
		slot_init(&pz->freed);
		pz->last_word = PCP_NONE;
	}
	slot_init(&cpu->unbound);
	cpu->own_freed = &cpu->unbound.run;
	loose_init(&cpu->loose, top,
		   policy_whole_max(managed, m->nr_cpus * LOOSE_TYPES, LOOSE_WHOLE));
	for (unsigned int i = 0; i < 2; i++)
		cpu->hot[i] = cpu->own[i] = &cpu->zone[top].slot[MIGRATE_UNMOVABLE][i].run;
}

static inline unsigned int class_of(unsigned int order)
{
	return order == 0 ? 0 : order <= 3 ? 1 : 2;
}

/* The cache's type for a block's, or PCP_TYPES: not cached. */
static inline unsigned int type_of(unsigned int migratetype)
{
	if (migratetype == MIGRATE_CMA)
		return PCP_LENT;
	return migratetype == MIGRATE_HIGHATOMIC ? PCP_TYPES : migratetype;
}

/* The word that frees were collected in, if its block is of the type asked for. It stays bound
 * there: a word that changed slots could be missed by who looks for it (P2). */
static bool freed_take(struct fh_machine *m, struct pcp_slot *freed, unsigned int type,
		       unsigned int order, pfn_t *pfn)
{
	if (!(freed->run.mask | freed->more) ||
	    type_of(block_word_type(block_word(m, machine_block(m, run_word(&freed->run) << 6)))) !=
		    type)
		return false;
	return slot_take(freed, order, pfn);
}

bool pcp_alloc_turn(struct fh_machine *m, unsigned int order, pfn_t *pfn)
{
	struct fh_cpu *cpu = pcp_cpu(m);
	struct pcp_slot *s;
	uint64_t block;
	bool ok = false;

	if (!cpu || !pcp_enter(cpu))
		return false;
	if (order <= LOOSE_MAX_ORDER) {
		ok = loose_take(&cpu->loose, order, pfn, &cpu->hot[hot_of(order)]);
		if (!ok) {
			s = &cpu->zone[cpu->loose.zone].slot[MIGRATE_UNMOVABLE][class_of(order)];
			cpu->hot[hot_of(order)] = &s->run;
			ok = slot_take(s, order, pfn);
		}
	} else if (order == FH_BLOCK_ORDER) {
		ok = loose_take_whole(&cpu->loose, MIGRATE_UNMOVABLE, &block);
		if (ok)
			*pfn = machine_block_pfn(m, block);
	}
	pcp_leave(cpu);
	return ok;
}

bool pcp_alloc(struct fh_machine *m, enum zone_type zone, unsigned int type, unsigned int order,
	       pfn_t *pfn)
{
	struct fh_cpu *cpu = pcp_cpu(m);
	struct pcp_zone *pz;
	uint64_t block;
	bool ok = false;

	if (!cpu || !pcp_enter(cpu))
		return false;
	pz = &cpu->zone[zone];
	if (order <= 6) {
		ok = slot_take(&pz->slot[type][class_of(order)], order, pfn) ||
		     freed_take(m, &pz->freed, type, order, pfn);
	} else if (order == FH_BLOCK_ORDER && zone == cpu->loose.zone) {
		ok = loose_take_whole(&cpu->loose, type, &block);
		if (ok)
			*pfn = machine_block_pfn(m, block);
	}
	pcp_leave(cpu);
	return ok;
}

/* Whether the slot may take words of a block in this state. */
static bool may_bind(const struct block_state *s, unsigned int type)
{
	return !s->isolated && type_of(s->type) == type &&
	       (type != PCP_LENT || s->lend != BLOCK_LEND_NONE);
}

/* Unmovable frames came from this slot for a request that asked for no zone: the next ones do, too. */
static void set_hot(struct fh_machine *m, struct fh_cpu *cpu, struct pcp_slot *s,
		    unsigned int order, bool any_zone)
{
	uint64_t word = run_word(&s->run), w;

	/* One that is hot already is bound elsewhere now. */
	if (!any_zone && cpu->hot[hot_of(order)] != &s->run && cpu->own[hot_of(order)] != &s->run)
		return;
	cpu->hot[hot_of(order)] = &s->run;
	cpu->own[hot_of(order)] = &cpu->unbound.run;
	if (word == PCP_NONE)
		return;
	w = block_word(m, machine_block(m, word << 6));
	/* In a mixed block a free must look at the frame first. */
	if (!block_word_special(w))
		cpu->own[hot_of(order)] = &s->run;
	if (block_word_zone(w) == cpu->loose.zone)
		return;
	loose_empty(m, &cpu->loose, 0, PCP_NONE);
	cpu->loose.zone = (enum zone_type)block_word_zone(w);
}

/* The block the slot is bound to has more: one visit gives the old word back and takes the next. */
static bool rebind(struct fh_machine *m, struct pcp_slot *s, unsigned int type, unsigned int order)
{
	uint64_t block = machine_block(m, run_word(&s->run) << 6);
	struct block_state old, new;
	bool ok;

	if (run_word(&s->run) == PCP_NONE || !block_word_free(block_word(m, block)) ||
	    !block_trylock(m, block, &old))
		return false;
	new = old;
	ok = may_bind(&old, type) && old.free >> order;
	if (ok) {
		slot_empty(m, s, block, &new);
		ok = slot_bind(m, s, block, &new, order);
	}
	block_unlock(m, block, old, new);
	return ok;
}

bool pcp_refill_same(struct fh_machine *m, enum zone_type zone, unsigned int type,
		     unsigned int order, bool any_zone, pfn_t *pfn)
{
	struct fh_cpu *cpu = pcp_cpu(m);
	struct pcp_slot *s;
	bool ok;

	if (!cpu || !pcp_enter(cpu))
		return false;
	s = &cpu->zone[zone].slot[type][class_of(order)];
	ok = rebind(m, s, type, order);
	loose_join(&cpu->loose, s);
	ok = ok && slot_take(s, order, pfn);
	if (order <= LOOSE_MAX_ORDER && type == MIGRATE_UNMOVABLE)
		set_hot(m, cpu, s, order, any_zone);
	pcp_leave(cpu);
	return ok;
}

enum pcp_result pcp_refill(struct fh_machine *m, uint64_t block, unsigned int type,
			   unsigned int order, bool any_zone, pfn_t *pfn)
{
	struct fh_cpu *cpu = pcp_cpu(m);
	struct block_state old, new;
	enum pcp_result result = PCP_NO;
	struct pcp_slot *s;

	if (!cpu || !pcp_enter(cpu))
		return PCP_OFF;
	s = &cpu->zone[block_peek(m, block).zone].slot[type][class_of(order)];
	slot_unbind(m, s);
	if (block_trylock(m, block, &old)) {
		new = old;
		if (may_bind(&old, type) && slot_bind(m, s, block, &new, order)) {
			loose_join(&cpu->loose, s);
			result = slot_take(s, order, pfn) ? PCP_OK : PCP_NO;
		}
		block_unlock(m, block, old, new);
		if (order <= LOOSE_MAX_ORDER && type == MIGRATE_UNMOVABLE)
			set_hot(m, cpu, s, order, any_zone);
	}
	pcp_leave(cpu);
	return result;
}

/* The second single free in a row of one word: bind `freed` to it, with all that is free there. */
static int adopt(struct fh_machine *m, struct fh_cpu *cpu, struct pcp_zone *pz, uint64_t word,
		 uint64_t bits)
{
	uint64_t block = machine_block(m, word << 6);
	struct block_state old, new;
	unsigned int i = (unsigned int)(word & (BLOCK_WORDS - 1));
	int r = 0;

	slot_unbind(m, &pz->freed);
	cpu->own_freed = &cpu->unbound.run;
	new = old = block_lock(m, block);
	if (m->map[block].w[i] & bits) {
		r = -FH_EINVAL;
	} else if (type_of(old.type) < PCP_TYPES && may_bind(&old, type_of(old.type))) {
		slot_adopt(m, &pz->freed, block, &new, i, bits);
		loose_join(&cpu->loose, &pz->freed);
		if (old.type == MIGRATE_UNMOVABLE && !old.special)
			cpu->own_freed = &pz->freed.run;
		r = 1;
	}
	block_unlock(m, block, old, new);
	return r;
}

/* The slot that has taken a word of a block of this type, or NULL. Whichever class took it has all its free frames: also
 * those of another order. */
static inline struct pcp_slot *slot_of(struct pcp_zone *pz, unsigned int type, uint64_t word)
{
	for (unsigned int c = 0; c < PCP_CLASSES; c++)
		if (slot_has(&pz->slot[type][c], word))
			return &pz->slot[type][c];
	return slot_has(&pz->freed, word) ? &pz->freed : NULL;
}

static int free_small(struct fh_machine *m, struct fh_cpu *cpu, struct pcp_zone *pz,
		      unsigned int type, pfn_t pfn, unsigned int order)
{
	uint64_t word = pfn >> 6, bits = bits_low(1u << order) << (pfn & 63);
	struct pcp_slot *s = slot_of(pz, type, word);

	if (s)
		return slot_put(s, word, bits);
	if (loose_has(m, &cpu->loose, pfn, order))
		return -FH_EINVAL;
	if (order)
		return 0;
	if (pz->last_word == word)
		return adopt(m, cpu, pz, word, bits);
	pz->last_word = word;
	return 0;
}

int pcp_free(struct fh_machine *m, pfn_t pfn, unsigned int order)
{
	struct fh_cpu *cpu = pcp_cpu(m);
	uint64_t block = machine_block(m, pfn), w = block_word(m, block);
	unsigned int type = type_of(block_word_type(w));
	struct pcp_zone *pz;
	int r = 0;

	if (!cpu || type >= PCP_TYPES || block_word_isolated(w) || !pcp_enter(cpu))
		return 0;
	pz = &cpu->zone[block_word_zone(w)];
	if (order <= 6)
		r = free_small(m, cpu, pz, type, pfn, order);
	else if (order == FH_BLOCK_ORDER)
		r = loose_put_whole(m, &cpu->loose, block);
	else if (loose_has(m, &cpu->loose, pfn, order))
		r = -FH_EINVAL;
	pcp_leave(cpu);
	return r;
}

/* A run of a plain block, in no slot of this CPU; its entry has frames. Those of this word get company; another's stay, and
 * the run goes home: its block was just looked at, theirs was not. Frees in a row make a slot adopt the word. */
static int put_crowded(struct fh_machine *m, struct fh_cpu *cpu, uint64_t word, uint64_t bits,
		       unsigned int order)
{
	struct pcp_run *e = &cpu->loose.entry[word % LOOSE_WORDS];
	struct pcp_zone *pz = &cpu->zone[cpu->loose.zone];
	bool same = run_word(e) == word;
	int r;

	if (!order && (same ? e == cpu->hot[0] : pz->last_word == word)) {
		r = adopt(m, cpu, pz, word, bits);
		if (r)
			return r;
	}
	if (!same) {
		pz->last_word = word;
		return block_free_word(m, machine_block(m, word << 6),
				       (unsigned int)(word & (BLOCK_WORDS - 1)), bits, 1u << order)
			       ? 1
			       : -FH_EINVAL;
	}
	loose_set(&cpu->loose, e, word, bits);
	if (!~e->mask)
		loose_send_home(m, e);
	cpu->hot[hot_of(order)] = e;
	return 1;
}

int pcp_free_crowded(struct fh_machine *m, struct fh_cpu *cpu, pfn_t pfn, unsigned int order)
{
	int r = put_crowded(m, cpu, pfn >> 6, run_bits(order) << (pfn & 63), order);

	pcp_leave(cpu);
	return r;
}

/* A run that may be in a slot of this CPU, or that pcp_free_loose() had doubts about. */
static int free_plain_run(struct fh_machine *m, struct fh_cpu *cpu, pfn_t pfn, unsigned int order,
			  uint64_t block)
{
	uint64_t word = pfn >> 6, bits = run_bits(order) << (pfn & 63);
	struct pcp_zone *pz = &cpu->zone[cpu->loose.zone];
	struct pcp_slot *s = slot_of(pz, MIGRATE_UNMOVABLE, word);
	struct pcp_run *e;

	if (s)
		return slot_put(s, word, bits);
	if (map_word(&m->map[block], (unsigned int)(word & (BLOCK_WORDS - 1))) & bits ||
	    loose_has(m, &cpu->loose, pfn, order))
		return -FH_EINVAL;
	e = &cpu->loose.entry[word % LOOSE_WORDS];
	if (e->mask)
		return put_crowded(m, cpu, word, bits, order);
	loose_set(&cpu->loose, e, word, bits);
	cpu->hot[hot_of(order)] = e;
	return 1;
}

int pcp_free_plain(struct fh_machine *m, pfn_t pfn, unsigned int order)
{
	struct fh_cpu *cpu = pcp_cpu(m);
	uint64_t block = machine_block(m, pfn), w;
	int r = 0;

	if (!cpu || pfn & bits_low(order) || block >= m->nr_blocks || !pcp_enter(cpu))
		return 0;
	w = block_word(m, block);
	if ((w & BLOCK_PLAIN_MASK) == block_plain(cpu->loose.zone)) {
		if (order <= LOOSE_MAX_ORDER)
			r = free_plain_run(m, cpu, pfn, order, block);
		else if (order == FH_BLOCK_ORDER)
			r = loose_put_whole(m, &cpu->loose, block);
	}
	pcp_leave(cpu);
	return r;
}

unsigned int pcp_keep_whole(struct fh_machine *m, enum zone_type zone, unsigned int type,
			    const uint64_t *block, unsigned int n)
{
	struct fh_cpu *cpu = pcp_cpu(m);

	if (!cpu || !pcp_enter(cpu))
		return 0;
	n = zone == cpu->loose.zone ? loose_keep_whole(&cpu->loose, type, block, n) : 0;
	pcp_leave(cpu);
	return n;
}

void vm_count(struct fh_machine *m, enum vm_event e, uint64_t n)
{
	unsigned int id = arch_cpu_id();
	_Atomic(uint64_t) *c;

	if (id >= m->nr_cpus) {
		atomic_fetch_add_explicit(&m->event[e], n, memory_order_relaxed);
		return;
	}
	c = &m->cpu[id].event[e];
	atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

uint64_t vm_sum(struct fh_machine *m, enum vm_event e)
{
	uint64_t n = atomic_load_explicit(&m->event[e], memory_order_relaxed);

	for (unsigned int i = 0; i < m->nr_cpus; i++)
		n += atomic_load_explicit(&m->cpu[i].event[e], memory_order_relaxed);
	return n;
}

#define VM_EVENT_NAME(n) [VM_##n] = #n,
const char *vm_event_name(enum vm_event e)
{
	static const char *const names[NR_VM_EVENTS] = {VM_EVENTS(VM_EVENT_NAME)};

	return names[e];
}
