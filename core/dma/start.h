/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What devices have of a machine, from its birth to its end. */
#ifndef FH_DMA_START_H
#define FH_DMA_START_H

#include "base/fmt.h"

struct boot_dma_plan;
struct fh_machine;

/* Pools of regions and of the command line, with sizes as planned. -FH_ENOMEM: then dma_end() is still to be called. */
FH_MUST_CHECK int dma_start(struct fh_machine *m, const struct boot_dma_plan *plan);
void dma_end(struct fh_machine *m);
/* fh_check()'s part: how many invariants are broken; a line for each goes to *out. */
FH_MUST_CHECK unsigned int dma_check(struct fh_machine *m, struct fh_text *out);

#endif
