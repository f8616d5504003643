/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Take part of a block out of circulation, and put it back.
 *
 * A claim wants frames [lo, hi) of a block. If all are free it has them at once, in one visit of
 * the block. Otherwise the block is isolated: nothing is allocated from it and no CPU's cache binds
 * to it, while what is freed in it stays free for the claim to sweep up. Claims of disjoint frames
 * may isolate the same block together: `isolated` counts them.
 */
#ifndef FH_MM_ISOLATE_H
#define FH_MM_ISOLATE_H

#include "mm/block.h"

/* True: all of [lo, hi) was free and is the caller's. False: the block is isolated, nothing is
 * taken. */
bool isolate_or_claim(struct fh_machine *m, uint64_t block, unsigned int lo, unsigned int hi);

/* True: all of [lo, hi) was free and is the caller's. False: it was not, or another has the block's
 * lock; nothing is taken. Does not wait. */
bool isolate_claim_free(struct fh_machine *m, uint64_t block, unsigned int lo, unsigned int hi);

/* Takes what is free among want's frames and not in `mine` yet, and adds it there; true when mine
 * holds all of want: then the block is no longer isolated by this claim. */
bool isolate_sweep(struct fh_machine *m, uint64_t block, const struct block_map *want,
		   struct block_map *mine);

/* Gives the frames of `mine` back and ends the isolation. */
void isolate_undo(struct fh_machine *m, uint64_t block, const struct block_map *mine);

/* Gives frames [lo, hi) of a block back, none of which is free. */
void isolate_release(struct fh_machine *m, uint64_t block, unsigned int lo, unsigned int hi);

#endif
