/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What devices have of a machine, in the order of its making. */
#include "dma/start.h"
#include "dma/coherent.h"
#include "dma/debug.h"
#include "dma/dmapool.h"
#include "dma/iommu.h"
#include "dma/pool.h"
#include "dma/refuse.h"
#include "dma/remap.h"

int dma_start(struct fh_machine *m)
{
	int err;

	m->dma = machine_alloc(m, sizeof(*m->dma));
	if (!m->dma)
		return -FH_ENOMEM;
	fh_lock_init(&m->dma->dmapools_lock, RANK_SPACE);
	iommu_start(m);
	err = m->cfg.dma.debug ? dma_debug_create(m, m->cfg.dma.debug_entries, &m->dma->debug) : 0;
	if (!err)
		err = refuse_start(m);
	if (!err)
		err = remap_start(m);
	if (!err)
		err = coherent_start(m);
	if (!err)
		err = pool_start(m);
	return err;
}

void dma_end(struct fh_machine *m)
{
	if (!m->dma)
		return;
	dmapool_forget_all(m);
	iommu_end(m);
	remap_end(m);
	pool_end(m);
	coherent_end(m);
	refuse_end(m);
	dma_debug_destroy(m, m->dma->debug);
	machine_free(m, m->dma, sizeof(*m->dma));
	m->dma = NULL;
}

unsigned int dma_check(struct fh_machine *m, struct fh_text *out)
{
	return coherent_check(m, out) + pool_check(m, out) + dmapool_check(m, out) +
	       dma_debug_check(m, out) + iommu_check_all(m, out);
}

bool dma_background(struct fh_machine *m)
{
	return pool_background(m);
}
