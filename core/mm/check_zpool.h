/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* fh_check()'s part for the pool of compressed pages: Z1 to Z3 of zpool.h, from slots and frames alone. */
#ifndef FH_MM_CHECK_ZPOOL_H
#define FH_MM_CHECK_ZPOOL_H

#include "base/fmt.h"

struct fh_machine;

/* Sums over what slots say. */
struct check_zpool {
	struct fh_machine *m;
	uint64_t pages, bytes, chunks, mix; /* mix: of which chunks; check_zpool_mix() */
};

/* A sum over the chunks that are set in a frame's word. Two sums are equal when they are of the same chunks, each as
 * often (or by a chance of one in 2^64). */
uint64_t check_zpool_mix(uint64_t number, uint64_t taken);
/* A slot of an object that names a page in the pool; then, after all of them, the pool itself. How many
 * invariants are broken; a line for each goes to *out. */
unsigned int check_zpool_slot(struct check_zpool *c, uint64_t slot, uint64_t index,
			      struct fh_text *out);
unsigned int check_zpool_end(struct check_zpool *c, struct fh_text *out);

#endif
