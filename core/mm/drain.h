/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Taking back what CPUs cache: only from those that hold something that is wanted. */
#ifndef FH_MM_DRAIN_H
#define FH_MM_DRAIN_H

#include <freehold/types.h>

struct fh_machine;

/* Takes the words of blocks [first, end) back from all CPUs that hold some; nobody is disturbed
 * when none does. The caller has isolated the blocks, or accepts that new words are taken
 * meanwhile. */
void pcp_drain_blocks(struct fh_machine *m, uint64_t first, uint64_t end);
/* The calling CPU gives back all it holds. */
void pcp_drain_self(struct fh_machine *m);
/* Every CPU gives back all it holds. */
void pcp_drain_all(struct fh_machine *m);

#endif
