/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The per-CPU cache of frames: allocation, free, refill, and the drain that asks only who must be
 * asked. */
#include "base/bits.h"
#include "mm/machine.h"
#include "mm/pcp_hot.h"

/* `word` is looked at by drainers all the time: one store, no value between. */
static void slot_init(struct pcp_slot *s)
{
	s->mask = 0;
	s->taken = s->more = 0;
	for (unsigned int i = 0; i < BLOCK_WORDS; i++)
		s->rest[i] = 0;
	atomic_store_explicit(&s->word, PCP_NONE, memory_order_relaxed);
}

/* Calls fn for every slot of a CPU. */
static void for_each_slot(struct fh_machine *m, struct fh_cpu *cpu,
			  void (*fn)(struct fh_machine *, struct pcp_slot *, bool huge, void *),
			  void *data)
{
	for (unsigned int z = 0; z < MAX_NR_ZONES; z++) {
		struct pcp_zone *pz = &cpu->zone[z];

		for (unsigned int t = 0; t < PCP_TYPES; t++) {
			for (unsigned int c = 0; c < PCP_CLASSES; c++)
				fn(m, &pz->slot[t][c], false, data);
			fn(m, &pz->huge[t], true, data);
		}
		fn(m, &pz->freed, false, data);
	}
}

static void init_one(struct fh_machine *m, struct pcp_slot *s, bool huge, void *data)
{
	(void)m, (void)huge, (void)data;
	slot_init(s);
}

void pcp_init(struct fh_machine *m, struct fh_cpu *cpu)
{
	atomic_init(&cpu->busy, 0);
	atomic_init(&cpu->stop, 0);
	fh_lock_init(&cpu->drain_lock, RANK_PCP);
	for_each_slot(m, cpu, init_one, NULL);
	cpu->hot = &cpu->zone[m->top_zone[ZONE_NORMAL]].slot[MIGRATE_UNMOVABLE][0];
	slot_init(&cpu->unbound);
	cpu->hot_freed = &cpu->unbound;
	for (unsigned int z = 0; z < MAX_NR_ZONES; z++)
		cpu->zone[z].last_word = PCP_NONE;
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

static inline bool word_take(struct pcp_slot *s, unsigned int order, pfn_t *pfn)
{
	uint64_t runs = bits_runs(s->mask, order);
	unsigned int bit;

	if (!runs)
		return false;
	bit = bits_first(runs);
	s->mask &= ~(bits_low(1u << order) << bit);
	*pfn = (slot_word(s) << 6) + bit;
	return true;
}

/* Makes another taken word of the same block the current one. */
static void slot_turn(struct pcp_slot *s, unsigned int word)
{
	unsigned int was = (unsigned int)(slot_word(s) & (BLOCK_WORDS - 1));

	s->rest[was] = s->mask;
	s->more = (uint8_t)((s->more & ~(1u << word)) | (s->mask ? 1u << was : 0));
	s->mask = s->rest[word];
	s->rest[word] = 0;
	atomic_store_explicit(&s->word, slot_word(s) - was + word, memory_order_relaxed);
}

static bool slot_take(struct pcp_slot *s, unsigned int order, pfn_t *pfn)
{
	if (word_take(s, order, pfn))
		return true;
	for (unsigned int left = s->more; left; left &= left - 1) {
		unsigned int word = bits_first(left);

		if (!bits_runs(s->rest[word], order))
			continue;
		slot_turn(s, word);
		return word_take(s, order, pfn);
	}
	return false;
}

/* Gives the frames of a bound slot back to its block, which is locked, and lets go of it. */
static void slot_empty(struct fh_machine *m, struct pcp_slot *s, uint64_t block,
		       struct block_state *state)
{
	unsigned int current = (unsigned int)(slot_word(s) & (BLOCK_WORDS - 1));

	s->rest[current] = s->mask;
	for (unsigned int left = s->taken; left; left &= left - 1) {
		unsigned int word = bits_first(left);

		if (!block_free_bits(m, block, state, word, s->rest[word]))
			machine_bug(m,
				    "block %llu word %u: a frame of a cached word was freed twice",
				    (unsigned long long)block, word);
	}
	slot_init(s);
	state->cached--;
}

static void huge_empty(struct fh_machine *m, struct pcp_slot *s, uint64_t block,
		       struct block_state *state)
{
	if (s->mask && !block_free_run(m, block, state, 0, FH_BLOCK_ORDER))
		machine_bug(m, "block %llu: a frame of a cached block was freed twice",
			    (unsigned long long)block);
	slot_init(s);
	state->cached--;
}

static void slot_unbind(struct fh_machine *m, struct pcp_slot *s, bool huge)
{
	uint64_t word = slot_word(s), block;
	struct block_state old, new;

	if (word == PCP_NONE)
		return;
	block = machine_block(m, word << 6);
	new = old = block_lock(m, block);
	if (huge)
		huge_empty(m, s, block, &new);
	else
		slot_empty(m, s, block, &new);
	block_unlock(m, block, old, new);
}

/* The word that frees were collected in, if its block is of the type asked for. It stays bound
 * there: a word that changed slots could be missed by who looks for it (P2). */
static bool freed_take(struct fh_machine *m, struct pcp_slot *freed, unsigned int type,
		       unsigned int order, pfn_t *pfn)
{
	if (!(freed->mask | freed->more) ||
	    type_of(block_word_type(block_word(m, machine_block(m, slot_word(freed) << 6)))) !=
		    type)
		return false;
	return slot_take(freed, order, pfn);
}

bool pcp_alloc_turn(struct fh_machine *m, pfn_t *pfn)
{
	struct fh_cpu *cpu = pcp_cpu(m);
	bool ok;

	if (!cpu || !pcp_enter(cpu))
		return false;
	ok = slot_take(cpu->hot, 0, pfn);
	pcp_leave(cpu);
	return ok;
}

bool pcp_alloc(struct fh_machine *m, enum zone_type zone, unsigned int type, unsigned int order,
	       pfn_t *pfn)
{
	struct fh_cpu *cpu = pcp_cpu(m);
	struct pcp_zone *pz;
	struct pcp_slot *slot;
	bool ok = false;

	if (!cpu || !pcp_enter(cpu))
		return false;
	pz = &cpu->zone[zone];
	if (order <= 6) {
		slot = &pz->slot[type][class_of(order)];
		ok = slot_take(slot, order, pfn) || freed_take(m, &pz->freed, type, order, pfn);
	} else if (order == FH_BLOCK_ORDER && pz->huge[type].mask) {
		pz->huge[type].mask = 0; /* stays bound: it may come back */
		*pfn = slot_word(&pz->huge[type]) << 6;
		ok = true;
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

#define ENOUGH 64 /* frames to take at once */

/* Takes one word of a locked block, all its free bits. */
static unsigned int take_word(struct pcp_slot *s, struct block_map *map, unsigned int i)
{
	uint64_t w = map->w[i];

	map->w[i] = 0;
	s->rest[i] = w;
	s->taken |= (uint8_t)(1u << i);
	s->more |= (uint8_t)(1u << i);
	return bits_count(w);
}

/* Binds an unbound slot to a locked block: to the first word with a run of the order, and to more
 * of its words until there are enough frames. */
static bool slot_bind(struct fh_machine *m, struct pcp_slot *s, uint64_t block,
		      struct block_state *state, unsigned int order)
{
	struct block_map *map = &m->map[block];
	unsigned int first, n;

	for (first = 0; first < BLOCK_WORDS; first++)
		if (map->w[first] && bits_runs(map->w[first], order))
			break;
	if (first == BLOCK_WORDS) {
		state->order = (uint8_t)block_map_order(map);
		return false;
	}
	atomic_store_explicit(&s->word, (machine_block_pfn(m, block) >> 6) + first,
			      memory_order_relaxed);
	n = take_word(s, map, first);
	s->mask = s->rest[first];
	s->rest[first] = 0;
	s->more = 0;
	for (unsigned int i = first + 1; i < BLOCK_WORDS && n < ENOUGH; i++)
		if (map->w[i])
			n += take_word(s, map, i);
	state->free -= n;
	state->cached++;
	return true;
}

/* The hot slot is where single unmovable frames came from last. */
static void set_hot(struct fh_machine *m, struct fh_cpu *cpu, struct pcp_slot *s, unsigned int type,
		    unsigned int order)
{
	if (order || type != MIGRATE_UNMOVABLE)
		return;
	/* In a mixed block a free must look at the frame first. */
	cpu->hot = slot_word(s) != PCP_NONE && !block_word_special(block_word(
						       m, machine_block(m, slot_word(s) << 6)))
			   ? s
			   : &cpu->unbound;
}

/* The block the slot is bound to has more: one visit gives the old word back and takes the next. */
static bool slot_rebind(struct fh_machine *m, struct pcp_slot *s, unsigned int type,
			unsigned int order)
{
	uint64_t block = machine_block(m, slot_word(s) << 6);
	struct block_state old, new;
	bool ok;

	if (slot_word(s) == PCP_NONE || !(block_word(m, block) & 1023) ||
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
		     unsigned int order, pfn_t *pfn)
{
	struct fh_cpu *cpu = pcp_cpu(m);
	struct pcp_slot *s;
	bool ok;

	if (!cpu || !pcp_enter(cpu))
		return false;
	s = &cpu->zone[zone].slot[type][class_of(order)];
	ok = slot_rebind(m, s, type, order) && slot_take(s, order, pfn);
	set_hot(m, cpu, s, type, order);
	pcp_leave(cpu);
	return ok;
}

enum pcp_result pcp_refill(struct fh_machine *m, uint64_t block, unsigned int type,
			   unsigned int order, pfn_t *pfn)
{
	struct fh_cpu *cpu = pcp_cpu(m);
	struct block_state old, new;
	enum pcp_result result = PCP_NO;
	struct pcp_slot *s;

	if (!cpu || !pcp_enter(cpu))
		return PCP_OFF;
	s = &cpu->zone[block_peek(m, block).zone].slot[type][class_of(order)];
	slot_unbind(m, s, false);
	if (block_trylock(m, block, &old)) {
		new = old;
		if (may_bind(&old, type) && slot_bind(m, s, block, &new, order) &&
		    slot_take(s, order, pfn))
			result = PCP_OK;
		block_unlock(m, block, old, new);
		set_hot(m, cpu, s, type, order);
	}
	pcp_leave(cpu);
	return result;
}

/* Whether a word's free bits are the slot's. */
static inline bool slot_has(const struct pcp_slot *s, uint64_t word)
{
	uint64_t at = slot_word(s);

	return at == word || (at / BLOCK_WORDS == word / BLOCK_WORDS && at != PCP_NONE &&
			      s->taken >> (word & (BLOCK_WORDS - 1)) & 1);
}

/* Puts a run back into a word of the slot. 1, or -FH_EINVAL: it is there already. */
static inline int slot_put(struct pcp_slot *s, uint64_t word, uint64_t bits)
{
	unsigned int i = (unsigned int)(word & (BLOCK_WORDS - 1));
	uint64_t *mask = slot_word(s) == word ? &s->mask : &s->rest[i];

	if (*mask & bits)
		return -FH_EINVAL;
	*mask |= bits;
	if (mask != &s->mask)
		s->more |= (uint8_t)(1u << i);
	return 1;
}

/* The second single free in a row of one word: bind `freed` to it, with all that is free there. */
static int adopt(struct fh_machine *m, struct fh_cpu *cpu, struct pcp_zone *pz, uint64_t word,
		 uint64_t bit)
{
	uint64_t block = machine_block(m, word << 6);
	struct block_state old, new;
	struct block_map *map = &m->map[block];
	unsigned int i = (unsigned int)(word & (BLOCK_WORDS - 1));
	int r = 0;

	slot_unbind(m, &pz->freed, false);
	cpu->hot_freed = &cpu->unbound;
	new = old = block_lock(m, block);
	if (map->w[i] & bit) {
		r = -FH_EINVAL;
	} else if (type_of(old.type) < PCP_TYPES && may_bind(&old, type_of(old.type))) {
		pz->freed.mask = map->w[i] | bit;
		pz->freed.taken = (uint8_t)(1u << i);
		if (old.type == MIGRATE_UNMOVABLE && !old.special)
			cpu->hot_freed = &pz->freed;
		new.free -= bits_count(map->w[i]);
		map->w[i] = 0;
		new.cached++;
		atomic_store_explicit(&pz->freed.word, word, memory_order_relaxed);
		r = 1;
	}
	block_unlock(m, block, old, new);
	return r;
}

/* A whole block comes back: keep it if the slot's last one was handed out. */
static int free_huge(struct fh_machine *m, struct pcp_slot *s, pfn_t pfn)
{
	uint64_t block = machine_block(m, pfn);
	struct block_state old, new;
	int r = 0;

	if (slot_word(s) == pfn >> 6)
		return slot_put(s, pfn >> 6, 1);
	if (s->mask)
		return 0;
	slot_unbind(m, s, true);
	new = old = block_lock(m, block);
	if (old.free) {
		r = -FH_EINVAL;
	} else if (may_bind(&old, type_of(old.type))) {
		new.cached++;
		atomic_store_explicit(&s->word, pfn >> 6, memory_order_relaxed);
		s->mask = 1;
		r = 1;
	}
	block_unlock(m, block, old, new);
	return r;
}

static int free_small(struct fh_machine *m, struct fh_cpu *cpu, struct pcp_zone *pz,
		      unsigned int type, pfn_t pfn, unsigned int order)
{
	uint64_t word = pfn >> 6, bits = bits_low(1u << order) << (pfn & 63);

	/* Whichever class took the word has all its free frames: also those of another order. */
	for (unsigned int c = 0; c < PCP_CLASSES; c++)
		if (slot_has(&pz->slot[type][c], word))
			return slot_put(&pz->slot[type][c], word, bits);
	if (slot_has(&pz->freed, word))
		return slot_put(&pz->freed, word, bits);
	if (pz->huge[type].mask && slot_word(&pz->huge[type]) / BLOCK_WORDS == word / BLOCK_WORDS)
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
	uint64_t w = block_word(m, machine_block(m, pfn));
	unsigned int type = type_of(block_word_type(w));
	struct pcp_zone *pz;
	int r = 0;

	if (!cpu || type >= PCP_TYPES || block_word_isolated(w) || !pcp_enter(cpu))
		return 0;
	pz = &cpu->zone[block_word_zone(w)];
	if (order <= 6)
		r = free_small(m, cpu, pz, type, pfn, order);
	else if (order == FH_BLOCK_ORDER)
		r = free_huge(m, &pz->huge[type], pfn);
	pcp_leave(cpu);
	return r;
}

struct drain {
	uint64_t first, end; /* words */
	bool found;
};

static void look(struct fh_machine *m, struct pcp_slot *s, bool huge, void *data)
{
	struct drain *d = data;
	uint64_t word = slot_word(s);

	(void)m, (void)huge;
	d->found |= word >= d->first && word < d->end;
}

static void empty(struct fh_machine *m, struct pcp_slot *s, bool huge, void *data)
{
	struct drain *d = data;
	uint64_t word = slot_word(s);

	if (word >= d->first && word < d->end)
		slot_unbind(m, s, huge);
}

/* Empties another CPU's slots: stop it, be sure that it knows, wait until it is out. */
static void drain_remote(struct fh_machine *m, struct fh_cpu *cpu, struct drain *d)
{
	fh_lock(&cpu->drain_lock);
	atomic_store_explicit(&cpu->stop, 1, memory_order_seq_cst);
	m->plat.sync_cpus(m->plat.ctx);
	for (unsigned int turn = 0; atomic_load_explicit(&cpu->busy, memory_order_seq_cst); turn++)
		fh_spin(turn);
	for_each_slot(m, cpu, empty, d);
	/* Release: pairs with the acquire in pcp_enter(). */
	atomic_store_explicit(&cpu->stop, 0, memory_order_release);
	fh_unlock(&cpu->drain_lock);
}

/* One CPU; `self`: it is the caller's. */
static void drain_cpu(struct fh_machine *m, struct fh_cpu *cpu, bool self, struct drain *d)
{
	if (self && pcp_enter(cpu)) {
		for_each_slot(m, cpu, empty, d);
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

		d->found = false;
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

	for (uint64_t b = first; b < end; b++) {
		if (block_peek(m, b).cached) {
			drain_words(m, &d);
			return;
		}
	}
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
