/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Loose frames of a CPU's cache: a table of words, and a few whole blocks. */
#include "base/bits.h"
#include "mm/machine.h"

#define TRIES 4 /* words looked into for a longer run */

void loose_init(struct loose *l, enum zone_type zone, uint32_t max_whole)
{
	atomic_init(&l->some, 0);
	atomic_init(&l->nr_blocks, 0);
	l->zone = zone;
	l->max_whole = max_whole;
	for (unsigned int i = 0; i < LOOSE_WORDS; i++) {
		l->entry[i].mask = 0;
		atomic_init(&l->entry[i].word, PCP_NONE);
	}
	for (unsigned int t = 0; t < LOOSE_TYPES; t++)
		l->nr_whole[t] = 0;
}

bool loose_take_any(struct loose *l, unsigned int order, pfn_t *pfn, struct pcp_run **from)
{
	unsigned int tries = TRIES;

	for (uint64_t left = loose_some(l); left && tries; left &= left - 1) {
		struct pcp_run *e = &l->entry[bits_first(left)];

		if (!e->mask) {
			loose_set_some(l, loose_some(l) & ~(left & -left));
			continue;
		}
		if (run_take(e, order, pfn)) {
			*from = e;
			return true;
		}
		tries--;
	}
	return false;
}

void loose_send_home(struct fh_machine *m, struct pcp_run *e)
{
	uint64_t block = machine_block(m, run_word(e) << 6), bits = e->mask;
	unsigned int word = (unsigned int)(run_word(e) & (BLOCK_WORDS - 1));

	e->mask = 0;
	if (!block_free_word(m, block, word, bits, bits_count(bits)))
		machine_bug(m, "block %llu word %u: a frame of %#llx was freed twice",
			    (unsigned long long)block, word, (unsigned long long)bits);
}

bool loose_has_block(const struct loose *l, uint64_t block)
{
	if (!loose_blocks(l))
		return false;
	for (unsigned int t = 0; t < LOOSE_TYPES; t++)
		for (unsigned int i = 0; i < l->nr_whole[t]; i++)
			if (l->whole[t][i] == block)
				return true;
	return false;
}

bool loose_has(struct fh_machine *m, const struct loose *l, pfn_t pfn, unsigned int order)
{
	uint64_t bits = order < 6 ? bits_low(1u << order) << (pfn & 63) : ~UINT64_C(0);
	uint64_t first = pfn >> 6, nr = order > 6 ? UINT64_C(1) << (order - 6) : 1;
	pfn_t last = pfn + (UINT64_C(1) << order) - 1;

	for (uint64_t word = first; loose_some(l) && word < first + nr; word++) {
		const struct pcp_run *e = &l->entry[word % LOOSE_WORDS];

		if (run_word(e) == word && e->mask & bits)
			return true;
	}
	return loose_has_block(l, machine_block(m, pfn)) ||
	       (order > FH_BLOCK_ORDER && loose_has_block(l, machine_block(m, last)));
}

void loose_join(struct loose *l, struct pcp_slot *s)
{
	uint64_t first = run_word(&s->run) & ~(uint64_t)(BLOCK_WORDS - 1);

	for (unsigned int left = s->taken; left; left &= left - 1) {
		uint64_t word = first + bits_first(left);
		struct pcp_run *e = &l->entry[word % LOOSE_WORDS];

		if (run_word(e) != word || !e->mask)
			continue;
		slot_put(s, word, e->mask);
		e->mask = 0;
	}
}

/* n may be negative, modulo 2^32. */
static void count_blocks(struct loose *l, uint32_t n)
{
	atomic_store_explicit(&l->nr_blocks, loose_blocks(l) + n, memory_order_relaxed);
}

bool loose_take_whole(struct loose *l, unsigned int type, uint64_t *block)
{
	if (type >= LOOSE_TYPES || !l->nr_whole[type])
		return false;
	count_blocks(l, ~UINT32_C(0));
	*block = l->whole[type][--l->nr_whole[type]];
	return true;
}

static void send_whole(struct fh_machine *m, const uint32_t *block, unsigned int n)
{
	if (!block_free_whole(m, block, n))
		machine_bug(m, "a frame of the blocks %u .. was freed twice", block[0]);
}

int loose_put_whole(struct fh_machine *m, struct loose *l, uint64_t block)
{
	uint64_t w = block_word(m, block);
	unsigned int type = block_word_type(w);

	if (type >= LOOSE_TYPES || block_word_zone(w) != l->zone || block_word_isolated(w) ||
	    block_word_cached(w))
		return 0;
	if (block_word_free(w) || loose_has(m, l, machine_block_pfn(m, block), FH_BLOCK_ORDER))
		return -FH_EINVAL;
	if (l->nr_whole[type] == l->max_whole) {
		send_whole(m, l->whole[type], l->max_whole);
		count_blocks(l, -l->max_whole);
		l->nr_whole[type] = 0;
	}
	l->whole[type][l->nr_whole[type]++] = (uint32_t)block;
	count_blocks(l, 1);
	return 1;
}

unsigned int loose_keep_whole(struct loose *l, unsigned int type, const uint64_t *block,
			      unsigned int n)
{
	unsigned int i = 0;

	for (; type < LOOSE_TYPES && i < n && l->nr_whole[type] < l->max_whole; i++)
		l->whole[type][l->nr_whole[type]++] = (uint32_t)block[i];
	count_blocks(l, i);
	return i;
}

static void empty_whole(struct fh_machine *m, struct loose *l, uint64_t first, uint64_t end)
{
	for (unsigned int t = 0; t < LOOSE_TYPES; t++) {
		unsigned int kept = 0;

		for (unsigned int i = 0; i < l->nr_whole[t]; i++) {
			uint64_t block = l->whole[t][i];
			uint64_t word = machine_block_pfn(m, block) >> 6;

			if (word < first || word >= end) {
				l->whole[t][kept++] = (uint32_t)block;
				continue;
			}
			send_whole(m, &l->whole[t][i], 1);
		}
		count_blocks(l, kept - l->nr_whole[t]);
		l->nr_whole[t] = kept;
	}
}

void loose_empty(struct fh_machine *m, struct loose *l, uint64_t first, uint64_t end)
{
	for (uint64_t left = loose_some(l); left; left &= left - 1) {
		struct pcp_run *e = &l->entry[bits_first(left)];

		if (run_word(e) < first || run_word(e) >= end)
			continue;
		if (e->mask)
			loose_send_home(m, e);
		loose_set_some(l, loose_some(l) & ~(left & -left));
	}
	empty_whole(m, l, first, end);
}
