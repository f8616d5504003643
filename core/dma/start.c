/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What devices have of a machine, in the order of its making. */
#include "dma/start.h"
#include "dma/dma.h"
#include "dma/iommu.h"

int dma_start(struct fh_machine *m)
{
	m->dma = machine_alloc(m, sizeof(*m->dma));
	if (!m->dma)
		return -FH_ENOMEM;
	iommu_start(m);
	return 0;
}

void dma_end(struct fh_machine *m)
{
	iommu_end(m);
	machine_free(m, m->dma, sizeof(*m->dma));
	m->dma = NULL;
}

unsigned int dma_check(struct fh_machine *m, struct fh_text *out)
{
	return iommu_check_all(m, out);
}
