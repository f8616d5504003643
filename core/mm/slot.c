/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A slot of a CPU's cache: taking words of a block, frames of words, and giving both back. */
#include "base/bits.h"
#include "mm/machine.h"

/* `word` is looked at by drainers all the time: one store, no value between. */
void slot_init(struct pcp_slot *s)
{
	s->run.mask = 0;
	s->taken = s->more = 0;
	for (unsigned int i = 0; i < BLOCK_WORDS; i++)
		s->rest[i] = 0;
	atomic_store_explicit(&s->run.word, PCP_NONE, memory_order_relaxed);
}

bool run_take(struct pcp_run *r, unsigned int order, pfn_t *pfn)
{
	uint64_t runs = bits_runs(r->mask, order);
	unsigned int bit;

	if (!runs)
		return false;
	bit = bits_first(runs);
	r->mask &= ~(bits_low(1u << order) << bit);
	*pfn = (run_word(r) << 6) + bit;
	return true;
}

/* Makes another taken word of the same block the current one. */
static void turn(struct pcp_slot *s, unsigned int word)
{
	unsigned int was = (unsigned int)(run_word(&s->run) & (BLOCK_WORDS - 1));

	s->rest[was] = s->run.mask;
	s->more = (uint8_t)((s->more & ~(1u << word)) | (s->run.mask ? 1u << was : 0));
	s->run.mask = s->rest[word];
	s->rest[word] = 0;
	atomic_store_explicit(&s->run.word, run_word(&s->run) - was + word, memory_order_relaxed);
}

bool slot_take(struct pcp_slot *s, unsigned int order, pfn_t *pfn)
{
	if (run_take(&s->run, order, pfn))
		return true;
	for (unsigned int left = s->more; left; left &= left - 1) {
		unsigned int word = bits_first(left);

		if (!bits_runs(s->rest[word], order))
			continue;
		turn(s, word);
		return run_take(&s->run, order, pfn);
	}
	return false;
}

bool slot_has(const struct pcp_slot *s, uint64_t word)
{
	uint64_t at = run_word(&s->run);

	return at == word || (at / BLOCK_WORDS == word / BLOCK_WORDS && at != PCP_NONE &&
			      s->taken >> (word & (BLOCK_WORDS - 1)) & 1);
}

int slot_put(struct pcp_slot *s, uint64_t word, uint64_t bits)
{
	unsigned int i = (unsigned int)(word & (BLOCK_WORDS - 1));
	uint64_t *mask = run_word(&s->run) == word ? &s->run.mask : &s->rest[i];

	if (*mask & bits)
		return -FH_EINVAL;
	*mask |= bits;
	if (mask != &s->run.mask)
		s->more |= (uint8_t)(1u << i);
	return 1;
}

/* Takes one word of a locked block, all its free bits. */
static unsigned int take_word(struct pcp_slot *s, struct block_map *map, unsigned int i)
{
	uint64_t w = map->w[i];

	map_put(map, i, 0);
	s->rest[i] = w;
	s->taken |= (uint8_t)(1u << i);
	s->more |= (uint8_t)(1u << i);
	return bits_count(w);
}

bool slot_bind(struct fh_machine *m, struct pcp_slot *s, uint64_t block, struct block_state *state,
	       unsigned int order)
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
	atomic_store_explicit(&s->run.word, (machine_block_pfn(m, block) >> 6) + first,
			      memory_order_relaxed);
	n = take_word(s, map, first);
	s->run.mask = s->rest[first];
	s->rest[first] = 0;
	s->more = 0;
	for (unsigned int i = first + 1; i < BLOCK_WORDS && n < SLOT_FRAMES; i++)
		if (map->w[i] && n + bits_count(map->w[i]) <= SLOT_FRAMES)
			n += take_word(s, map, i);
	state->free -= n;
	state->cached++;
	return true;
}

void slot_adopt(struct fh_machine *m, struct pcp_slot *s, uint64_t block, struct block_state *state,
		unsigned int word, uint64_t bits)
{
	struct block_map *map = &m->map[block];

	s->run.mask = map->w[word] | bits;
	s->taken = (uint8_t)(1u << word);
	state->free -= bits_count(map->w[word]);
	state->cached++;
	map_put(map, word, 0);
	atomic_store_explicit(&s->run.word, (machine_block_pfn(m, block) >> 6) + word,
			      memory_order_relaxed);
}

void slot_empty(struct fh_machine *m, struct pcp_slot *s, uint64_t block, struct block_state *state)
{
	unsigned int current = (unsigned int)(run_word(&s->run) & (BLOCK_WORDS - 1));

	s->rest[current] = s->run.mask;
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

void slot_unbind(struct fh_machine *m, struct pcp_slot *s)
{
	struct block_state old, new;
	uint64_t block;

	if (run_word(&s->run) == PCP_NONE)
		return;
	block = machine_block(m, run_word(&s->run) << 6);
	new = old = block_lock(m, block);
	slot_empty(m, s, block, &new);
	block_unlock(m, block, old, new);
}
