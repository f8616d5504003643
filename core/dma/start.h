/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What devices have of a machine, from its birth to its end. */
#ifndef FH_DMA_START_H
#define FH_DMA_START_H

#include "base/fmt.h"

struct fh_machine;

/* Pools of regions and of the command line. -FH_ENOMEM: then dma_end() is still to be called. */
FH_MUST_CHECK int dma_start(struct fh_machine *m);
void dma_end(struct fh_machine *m);
/* fh_check()'s part: how many invariants are broken; a line for each goes to *out. */
FH_MUST_CHECK unsigned int dma_check(struct fh_machine *m, struct fh_text *out);

#endif
