/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A block of 512 frames: its state word and its map of free bits. */
#include "base/bits.h"
#include "base/string.h"
#include "mm/block.h"
#include "mm/budget.h"
#include "mm/machine.h"
#include "mm/policy.h"

struct block_state block_peek(const struct fh_machine *m, uint64_t block)
{
	return block_unpack(atomic_load_explicit(&m->state[block], memory_order_relaxed));
}

bool block_trylock(struct fh_machine *m, uint64_t block, struct block_state *s)
{
	uint64_t w = atomic_load_explicit(&m->state[block], memory_order_relaxed);

	/* Acquire: pairs with the release in block_unlock(); the map is as the last holder left it.
	 */
	if (w & BLOCK_LOCK ||
	    !atomic_compare_exchange_strong_explicit(&m->state[block], &w, w | BLOCK_LOCK,
						     memory_order_acquire, memory_order_relaxed))
		return false;
	fh_rank_take(RANK_BLOCK);
	*s = block_unpack(w);
	return true;
}

struct block_state block_lock(struct fh_machine *m, uint64_t block)
{
	struct block_state s;

	for (unsigned int turn = 0; !block_trylock(m, block, &s); turn++)
		fh_spin(turn);
	return s;
}

/* The index a block in this state belongs to, or NULL (B2). */
static struct index *index_of(struct fh_machine *m, const struct block_state *s)
{
	if (!s->listed || s->isolated || (s->type == MIGRATE_CMA && s->lend == BLOCK_LEND_NONE))
		return NULL;
	return &m->index[s->type][s->order];
}

/* What a block in this state adds to its zone's counters, times sign (B5). */
static void count(struct fh_machine *m, const struct block_state *s, int sign)
{
	struct zone *z = &m->zone[s->zone];
	int64_t n = (int64_t)s->free * sign;

	if (!n)
		return;
	budget_add(m, -n);
	if (s->isolated) {
		zone_add(&z->nr_free_isolated, n);
	} else if (s->type != MIGRATE_CMA) {
		zone_add(&z->nr_free, n);
	} else if (s->lend == BLOCK_LEND_NONE) {
		zone_add(&z->nr_free_carveout, n);
	} else {
		zone_add(&z->nr_free, n);
		zone_add(&z->nr_free_cma, n);
	}
}

/* The same class of counters on both sides: one addition each of the difference. */
static void recount(struct fh_machine *m, const struct block_state *old,
		    const struct block_state *new)
{
	struct block_state diff = *new;

	if (old->type != new->type || old->lend != new->lend || old->isolated || new->isolated) {
		count(m, old, -1);
		count(m, new, 1);
	} else if (new->free > old->free) {
		diff.free = new->free - old->free;
		count(m, &diff, 1);
	} else if (new->free < old->free) {
		diff.free = old->free - new->free;
		count(m, &diff, -1);
	}
}

/* B3 from the count alone: no run can be longer than what is free. */
static uint8_t clamp_order(uint8_t order, uint32_t free)
{
	if (!free)
		return BLOCK_ORDER_NONE;
	if (free == FH_BLOCK_PAGES)
		return FH_BLOCK_ORDER;
	if (order >= FH_BLOCK_ORDER)
		order = FH_BLOCK_ORDER - 1;
	return free >> order ? order : (uint8_t)bits_log2(free);
}

/* Whether a block is listed with `free` frames: by the memory of the whole machine, since a zone
 * that is full beside an empty one is not short. */
static bool worth_listing(const struct fh_machine *m, uint32_t free)
{
	uint64_t left = 0;

	if (free >= POLICY_CRUMBS)
		return true;
	for (unsigned int z = 0; z < MAX_NR_ZONES; z++)
		left += (uint64_t)zone_count(&m->zone[z].nr_free);
	return policy_list_block(free, left, m->wmark_high);
}

void block_unlock(struct fh_machine *m, uint64_t block, struct block_state old,
		  struct block_state new)
{
	struct index *was, *is;

	new.order = clamp_order(new.order, new.free);
	new.listed = new.free && (new.listed || worth_listing(m, new.free));
	was = index_of(m, &old);
	is = index_of(m, &new);
	if (was != is) {
		if (was)
			index_remove(was, block);
		if (is)
			index_add(is, block);
	}
	recount(m, &old, &new);
	fh_rank_drop(RANK_BLOCK);
	atomic_store_explicit(&m->state[block], block_pack(new), memory_order_release);
}

bool block_is_free(struct fh_machine *m, pfn_t pfn)
{
	uint64_t block = machine_block(m, pfn);
	unsigned int i = (unsigned int)((pfn - m->base_pfn) & (FH_BLOCK_PAGES - 1));
	struct block_state s = block_lock(m, block);
	bool is_free = map_word(&m->map[block], i / 64) >> (i & 63) & 1;

	block_unlock(m, block, s, s);
	return is_free;
}

unsigned int block_map_order(const struct block_map *map)
{
	uint64_t any = 0, runs;
	unsigned int full = 0, order;

	for (unsigned int i = 0; i < BLOCK_WORDS; i++) {
		any |= map->w[i];
		full |= (unsigned int)!~map->w[i] << i;
	}
	if (!any)
		return BLOCK_ORDER_NONE;
	if (full) {
		if (full == 0xff)
			return 9;
		if ((full & 0x0f) == 0x0f || (full & 0xf0) == 0xf0)
			return 8;
		return full & full >> 1 & 0x55 ? 7 : 6;
	}
	for (order = 5; order; order--) {
		runs = 0;
		for (unsigned int i = 0; i < BLOCK_WORDS; i++)
			runs |= bits_runs(map->w[i], order);
		if (runs)
			break;
	}
	return order;
}

void block_span(struct block_map *map, unsigned int lo, unsigned int hi)
{
	for (unsigned int i = 0; i < BLOCK_WORDS; i++) {
		unsigned int a = lo > i * 64 ? lo - i * 64 : 0;
		unsigned int b = hi > i * 64 ? hi - i * 64 : 0;

		a = a > 64 ? 64 : a;
		b = b > 64 ? 64 : b;
		map->w[i] = a < b ? bits_span(a, b) : 0;
	}
}

static void map_clear(struct block_map *map, unsigned int first, unsigned int words)
{
	for (unsigned int i = first; i < first + words; i++)
		map_put(map, i, 0);
}

bool block_take_run(struct fh_machine *m, uint64_t block, struct block_state *s, unsigned int order,
		    unsigned int *first)
{
	struct block_map *map = &m->map[block];
	unsigned int words = order > 6 ? 1u << (order - 6) : 1;

	if (order == FH_BLOCK_ORDER && s->free == FH_BLOCK_PAGES) {
		map_clear(map, 0, BLOCK_WORDS);
		s->free = 0;
		*first = 0;
		return true;
	}
	for (unsigned int i = 0; i < BLOCK_WORDS; i += words) {
		uint64_t all = map->w[i], runs;

		for (unsigned int j = 1; j < words; j++)
			all &= map->w[i + j];
		runs = bits_runs(all, order > 6 ? 6 : order);
		if (!runs)
			continue;
		*first = i * 64 + bits_first(runs);
		if (order >= 6)
			map_clear(map, i, words);
		else
			map_put(map, i, map->w[i] & ~(bits_low(1u << order) << (*first & 63)));
		s->free -= 1u << order;
		return true;
	}
	s->order = (uint8_t)block_map_order(map);
	return false;
}

bool block_all_free(const struct fh_machine *m, uint64_t block, unsigned int lo, unsigned int hi)
{
	struct block_map span;
	uint64_t missing = 0;

	if (hi - lo == FH_BLOCK_PAGES)
		return block_word_free(block_word(m, block)) == FH_BLOCK_PAGES;
	block_span(&span, lo, hi);
	for (unsigned int i = 0; i < BLOCK_WORDS; i++)
		missing |= span.w[i] & ~m->map[block].w[i];
	return !missing;
}

void block_claim(struct fh_machine *m, uint64_t block, struct block_state *s, unsigned int lo,
		 unsigned int hi)
{
	struct block_map *map = &m->map[block], span;

	s->free -= hi - lo;
	if (hi - lo == FH_BLOCK_PAGES) {
		map_clear(map, 0, BLOCK_WORDS);
		return;
	}
	block_span(&span, lo, hi);
	for (unsigned int i = 0; i < BLOCK_WORDS; i++)
		map_put(map, i, map->w[i] & ~span.w[i]);
}

/* The order that the run of 2^order at `first`, just set, has merged into. */
static unsigned int merged_order(const struct block_map *map, unsigned int first,
				 unsigned int order)
{
	unsigned int words = 1, i = first / 64;

	while (order < 6) {
		unsigned int up = order + 1, at = first & 63 & ~((1u << up) - 1);
		uint64_t run = bits_low(1u << up) << at;

		if ((map->w[i] & run) != run)
			return order;
		order = up;
	}
	while (order < FH_BLOCK_ORDER) {
		words = 2u << (order - 6);
		for (unsigned int j = 0; j < words; j++)
			if (~map->w[(i & ~(words - 1)) + j])
				return order;
		order++;
	}
	return order;
}

static void raise_order(struct block_state *s, unsigned int order)
{
	if (s->order == BLOCK_ORDER_NONE || order > s->order)
		s->order = (uint8_t)order;
}

/* States whose count may go up by n without anything else to be done. */
static inline bool only_counts(const struct fh_machine *m, uint64_t w, uint32_t n)
{
	const uint64_t odd = BLOCK_LOCK | BLOCK_ISOLATED_MASK;
	uint32_t free = block_word_free(w);

	/* An empty block gets an order, a full one another, one with many crumbs may get listed, and
	 * areas have counters of their own. */
	return !(w & odd) && free && free + n < FH_BLOCK_PAGES &&
	       block_word_type(w) != MIGRATE_CMA &&
	       (block_word_listed(w) || !worth_listing(m, free + n));
}

/* Counts frames that this CPU freed, most of the time without touching what others count in. */
static void count_freed(struct fh_machine *m, unsigned int zone, int64_t n)
{
	unsigned int id = arch_cpu_id();
	_Atomic(int64_t) *mine;

	if (id >= m->nr_cpus) {
		zone_add(&m->zone[zone].nr_free, n);
		budget_add(m, -n);
		return;
	}
	mine = &m->cpu[id].uncounted[zone];
	n += atomic_load_explicit(mine, memory_order_relaxed);
	if (n >= PCP_UNCOUNTED) {
		zone_add(&m->zone[zone].nr_free, n);
		budget_add(m, -n);
		n = 0;
	}
	atomic_store_explicit(mine, n, memory_order_relaxed);
}

/* Whether a word that got bits has a longer run than the block's state says. */
static inline bool outgrows(const struct block_map *map, unsigned int word, unsigned int order)
{
	if (order < 6)
		return bits_runs(map->w[word], order + 1);
	return !~map->w[word] && merged_order(map, word * 64, 6) > order;
}

enum free_small { FREED, WAS_FREE, OTHERWISE };

/* Most small frees change no more than the block's count, and need no look at indexes. */
static inline enum free_small free_small(struct fh_machine *m, uint64_t block, unsigned int word,
					 uint64_t bits, unsigned int n)
{
	uint64_t w = block_word(m, block), was;
	struct block_map *map = &m->map[block];
	enum free_small r = FREED;

	if (!only_counts(m, w, n) ||
	    !atomic_compare_exchange_strong_explicit(&m->state[block], &w, w | BLOCK_LOCK,
						     memory_order_acquire, memory_order_relaxed))
		return OTHERWISE;
	was = map->w[word];
	if (was & bits) {
		r = WAS_FREE;
	} else {
		map_put(map, word, was | bits);
		if (outgrows(map, word, block_word_order(w))) {
			map_put(map, word, was);
			r = OTHERWISE;
		}
	}
	if (r == FREED) {
		count_freed(m, block_word_zone(w), n);
		w += n;
	}
	atomic_store_explicit(&m->state[block], w, memory_order_release);
	return r;
}

bool block_free_word(struct fh_machine *m, uint64_t block, unsigned int word, uint64_t bits,
		     unsigned int n)
{
	enum free_small r = free_small(m, block, word, bits, n);
	struct block_state old, new;
	bool ok;

	if (r != OTHERWISE)
		return r == FREED;
	new = old = block_lock(m, block);
	ok = block_free_bits(m, block, &new, word, bits);
	block_unlock(m, block, old, new);
	return ok;
}

/* From empty to whole: the reverse of take_if_whole(). */
static bool give_if_empty(struct fh_machine *m, uint64_t block, uint64_t *w)
{
	*w = block_word(m, block);
	if (*w & (BLOCK_LOCK | BLOCK_ISOLATED_MASK | BLOCK_FREE_MASK) ||
	    block_word_type(*w) > MIGRATE_RECLAIMABLE ||
	    !atomic_compare_exchange_strong_explicit(&m->state[block], w, *w | BLOCK_LOCK,
						     memory_order_acquire, memory_order_relaxed))
		return false;
	fh_rank_take(RANK_BLOCK);
	for (unsigned int i = 0; i < BLOCK_WORDS; i++)
		map_put(&m->map[block], i, ~UINT64_C(0));
	*w = (*w & ~BLOCK_WHOLE_GONE) | BLOCK_LISTED | BLOCK_ORDER(FH_BLOCK_ORDER) | FH_BLOCK_PAGES;
	return true;
}

bool block_free_whole(struct fh_machine *m, const uint32_t *block, unsigned int n)
{
	struct block_state s = {0};
	bool ok = true;
	uint64_t w;

	for (unsigned int i = 0; i < n; i++) {
		struct block_state old, new;

		if (give_if_empty(m, block[i], &w)) {
			s.zone = (uint8_t)block_word_zone(w);
			s.free += FH_BLOCK_PAGES;
			index_add(&m->index[block_word_type(w)][FH_BLOCK_ORDER], block[i]);
			fh_rank_drop(RANK_BLOCK);
			atomic_store_explicit(&m->state[block[i]], w, memory_order_release);
			continue;
		}
		new = old = block_lock(m, block[i]);
		ok &= block_free_run(m, block[i], &new, 0, FH_BLOCK_ORDER);
		block_unlock(m, block[i], old, new);
	}
	count(m, &s, 1);
	return ok;
}

/* Takes a block from whole and listed to empty, its lock held: *w is its word from then on. */
static bool take_if_whole(struct fh_machine *m, uint64_t block, uint64_t whole, uint64_t *w)
{
	*w = block_word(m, block);
	if ((*w & BLOCK_WHOLE_MASK) != whole ||
	    !atomic_compare_exchange_strong_explicit(&m->state[block], w, *w | BLOCK_LOCK,
						     memory_order_acquire, memory_order_relaxed))
		return false;
	fh_rank_take(RANK_BLOCK);
	*w = (*w & ~BLOCK_WHOLE_GONE) | BLOCK_ORDER(BLOCK_ORDER_NONE);
	map_clear(&m->map[block], 0, BLOCK_WORDS);
	return true;
}

unsigned int block_take_whole(struct fh_machine *m, uint64_t block, uint64_t end,
			      enum migratetype type, uint64_t *out, unsigned int max)
{
	struct block_state s = {.zone = block_peek(m, block).zone, .type = (uint8_t)type};
	uint64_t bits = 0, whole, word[BLOCK_TAKE_MAX];
	unsigned int n = 0;

	s.free = FH_BLOCK_PAGES;
	whole = block_pack((struct block_state){
		.free = FH_BLOCK_PAGES, .type = (uint8_t)type, .listed = true});
	end = end < (block | 63) + 1 ? end : (block | 63) + 1;
	/* Locked in rising order, all at once: the index loses them in one step (B2). */
	for (; block < end && n < max; block++) {
		if (!take_if_whole(m, block, whole, &word[n]))
			continue;
		bits |= UINT64_C(1) << (block & 63);
		out[n++] = block;
	}
	if (!n)
		return 0;
	index_remove_bits(&m->index[type][FH_BLOCK_ORDER], out[0] / 64, bits);
	s.free = n * FH_BLOCK_PAGES;
	count(m, &s, -1);
	for (unsigned int i = 0; i < n; i++) {
		fh_rank_drop(RANK_BLOCK);
		atomic_store_explicit(&m->state[out[i]], word[i], memory_order_release);
	}
	return n;
}

bool block_free_bits(struct fh_machine *m, uint64_t block, struct block_state *s, unsigned int word,
		     uint64_t bits)
{
	struct block_map *map = &m->map[block];
	unsigned int order = 0;
	uint64_t w;

	if (!bits)
		return true;
	if (map->w[word] & bits)
		return false;
	map_put(map, word, map->w[word] | bits);
	s->free += bits_count(bits);
	w = map->w[word];
	if (!~w) {
		order = merged_order(map, word * 64, 6);
	} else {
		while (order < 5 && bits_runs(w, order + 1))
			order++;
	}
	raise_order(s, order);
	return true;
}

bool block_free_run(struct fh_machine *m, uint64_t block, struct block_state *s, unsigned int first,
		    unsigned int order)
{
	struct block_map *map = &m->map[block];
	unsigned int words = order > 6 ? 1u << (order - 6) : 1, i = first / 64;
	uint64_t bits = order >= 6 ? ~UINT64_C(0) : bits_low(1u << order) << (first & 63);

	for (unsigned int j = 0; j < words; j++)
		if (map->w[i + j] & bits)
			return false;
	for (unsigned int j = 0; j < words; j++)
		map_put(map, i + j, map->w[i + j] | bits);
	s->free += 1u << order;
	raise_order(s, merged_order(map, first, order));
	return true;
}

void block_free_map(struct fh_machine *m, uint64_t block, struct block_state *s,
		    const struct block_map *bits)
{
	struct block_map *map = &m->map[block];

	for (unsigned int i = 0; i < BLOCK_WORDS; i++) {
		if (map->w[i] & bits->w[i])
			machine_bug(m, "block %llu: freed twice: map %llx, bits %llx",
				    (unsigned long long)block, (unsigned long long)map->w[i],
				    (unsigned long long)bits->w[i]);
		map_put(map, i, map->w[i] | bits->w[i]);
		s->free += bits_count(bits->w[i]);
	}
	s->order = (uint8_t)block_map_order(map);
}
