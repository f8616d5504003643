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
#include "dma/swiotlb.h"
#include "dma/swiotlb_pool.h"

/* Without room for bounce buffers a machine goes on without, as Linux, which has said so then. */
static int start_bounce(struct fh_machine *m, const struct boot_dma_plan *plan)
{
	unsigned int flags = (m->cfg.dma.swiotlb_force ? SWIOTLB_FORCE : 0) |
			     (m->cfg.dma.swiotlb_dynamic ? SWIOTLB_CAN_GROW : 0);
	int err = 0;

	if (plan->swiotlb_slabs &&
	    swiotlb_create(m, plan->swiotlb_slabs, plan->swiotlb_areas, flags, &m->dma->swiotlb))
		m->dma->swiotlb = NULL;
	for (unsigned int i = 0; i < m->cfg.nr_regions && !err; i++) {
		const struct boot_region *r = &m->cfg.region[i];
		struct io_tlb_mem *mem;

		if (r->kind == BOOT_REGION_RESTRICTED_POOL && !(r->flags & BOOT_REGION_MORE))
			err = swiotlb_create_at(m, r->name, (phys_t){r->base}, r->size,
						SWIOTLB_FOR_ALLOC | SWIOTLB_FORCE, &mem);
	}
	m->dma->swiotlb_forced = m->dma->swiotlb && flags & SWIOTLB_FORCE;
	m->dma->may_bounce = m->dma->swiotlb || m->dma->restricted;
	return err;
}

int dma_start(struct fh_machine *m, const struct boot_dma_plan *plan)
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
		err = pool_start(m, plan->atomic_pool);
	if (!err)
		err = start_bounce(m, plan);
	return err;
}

static void end_bounce(struct fh_machine *m)
{
	if (m->dma->swiotlb)
		swiotlb_destroy(m, m->dma->swiotlb);
	m->dma->swiotlb = NULL;
	while (m->dma->restricted)
		swiotlb_destroy(m, m->dma->restricted);
}

void dma_end(struct fh_machine *m)
{
	if (!m->dma)
		return;
	dmapool_forget_all(m);
	iommu_end(m);
	remap_end(m);
	end_bounce(m);
	pool_end(m);
	coherent_end(m);
	refuse_end(m);
	dma_debug_destroy(m, m->dma->debug);
	machine_free(m, m->dma, sizeof(*m->dma));
	m->dma = NULL;
}

unsigned int dma_check(struct fh_machine *m, struct fh_text *out)
{
	unsigned int broken = coherent_check(m, out) + pool_check(m, out) + dmapool_check(m, out) +
			      iommu_check_all(m, out) + dma_debug_check(m, out);

	if (m->dma->swiotlb)
		broken += swiotlb_check(m, m->dma->swiotlb, out);
	for (struct io_tlb_mem *t = m->dma->restricted; t; t = t->next)
		broken += swiotlb_check(m, t, out);
	return broken;
}

bool dma_background(struct fh_machine *m)
{
	bool grew = pool_background(m);

	return swiotlb_background(m) || grew;
}
