/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What devices have of a machine, in the order of its making. */
#include "dma/start.h"
#include "dma/debug.h"
#include "dma/dma.h"
#include "dma/dmapool.h"

int dma_start(struct fh_machine *m)
{
	m->dma = machine_alloc(m, sizeof(*m->dma));
	if (!m->dma)
		return -FH_ENOMEM;
	fh_lock_init(&m->dma->dmapools_lock, RANK_SPACE);
	return 0;
}

void dma_end(struct fh_machine *m)
{
	if (m->dma)
		dmapool_forget_all(m);
	machine_free(m, m->dma, sizeof(*m->dma));
	m->dma = NULL;
}

unsigned int dma_check(struct fh_machine *m, struct fh_text *out)
{
	return dma_debug_check(m, out) + dmapool_check(m, out);
}
