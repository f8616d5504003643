/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A slot of a CPU's cache: words of 64 frames, taken from one block and given back whole (DESIGN D2).
 *
 * Model. A slot is bound to a block and has taken some of its words: it holds their free bits, which the
 * block's map then lacks. It takes words while they come to no more than 64 frames: one of a fresh block, several of
 * an aged one. Allocation takes the lowest run out of the current word's mask, a free puts it back, neither atomic. A
 * slot stays bound when it is empty, so that what is freed again finds it; the block's `cached` counts the
 * slots bound to it.
 *
 * Invariants
 *	P1 a bit in a slot's mask is clear in the block's map.
 *	P2 slot->run.word changes only while the block it is bound to, or bound to next, is locked: whoever
 *	   has isolated a block and then finds no slot bound to it knows that none will be.
 *
 * Locking. The caller owns the CPU's cache (pcp.h).
 */
#ifndef FH_MM_SLOT_H
#define FH_MM_SLOT_H

#include <stdatomic.h>
#include <freehold/types.h>

struct fh_machine;
struct block_state;

#define PCP_NONE    UINT64_MAX
#define SLOT_FRAMES 64 /* the most that are taken at once */

/* Free frames of one word. */
struct pcp_run {
	uint64_t mask;
	_Atomic(uint64_t) word; /* pfn / 64; PCP_NONE: none */
};

struct pcp_slot {
	struct pcp_run run; /* the current word */
	uint64_t rest[8];   /* free frames of the block's other taken words, by their place */
	uint8_t taken;	    /* the words whose free bits are here */
	uint8_t more;	    /* those with bits in rest */
};

static inline uint64_t run_word(const struct pcp_run *r)
{
	return atomic_load_explicit(&r->word, memory_order_relaxed);
}

/* The lowest 2^order bits, order <= 3. */
static inline uint64_t run_bits(unsigned int order)
{
	return UINT64_C(0xff) >> (8 - (1u << order));
}

/* Takes the lowest run of 2^order frames, order <= 6, out of one word. */
bool run_take(struct pcp_run *r, unsigned int order, pfn_t *pfn);

void slot_init(struct pcp_slot *s);
bool slot_take(struct pcp_slot *s, unsigned int order, pfn_t *pfn);
/* Whether a word's free bits are the slot's. */
bool slot_has(const struct pcp_slot *s, uint64_t word);
/* Puts a run back into a word of the slot. 1, or -FH_EINVAL: it is there already. */
int slot_put(struct pcp_slot *s, uint64_t word, uint64_t bits);

/* Binds an unbound slot to a locked block: to the first word with a run of the order, and to more while
 * they come to no more than SLOT_FRAMES. False: there is no such run. */
bool slot_bind(struct fh_machine *m, struct pcp_slot *s, uint64_t block, struct block_state *state,
	       unsigned int order);
/* Binds an unbound slot to one word of a locked block, to which the frames of `bits` come back. */
void slot_adopt(struct fh_machine *m, struct pcp_slot *s, uint64_t block, struct block_state *state,
		unsigned int word, uint64_t bits);
/* Gives the frames of a bound slot back to its block, which is locked, and lets go of it. */
void slot_empty(struct fh_machine *m, struct pcp_slot *s, uint64_t block,
		struct block_state *state);
/* The same for a slot that may be unbound, and a block that is not locked. */
void slot_unbind(struct fh_machine *m, struct pcp_slot *s);

#endif
