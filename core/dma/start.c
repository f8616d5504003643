/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What devices have of a machine, in the order of its making. */
#include "dma/start.h"
#include "dma/dma.h"

int dma_start(struct fh_machine *m)
{
	m->dma = machine_alloc(m, sizeof(*m->dma));
	return m->dma ? 0 : -FH_ENOMEM;
}

void dma_end(struct fh_machine *m)
{
	machine_free(m, m->dma, sizeof(*m->dma));
	m->dma = NULL;
}

unsigned int dma_check(struct fh_machine *m, struct fh_text *out)
{
	(void)m, (void)out;
	return 0;
}
