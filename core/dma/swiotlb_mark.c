/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The high-water mark of slots in use. */
#include "dma/swiotlb_mark.h"

/* What the area does not use of its part becomes spare. mem.lock is held. */
static void gather_from(struct io_tlb_mem *mem, struct swiotlb_area *area)
{
	fh_lock(&area->lock);
	if (area->allowed > area->used) {
		mem->spare += area->allowed - area->used;
		area->allowed = area->used;
	}
	fh_unlock(&area->lock);
}

static void gather(struct io_tlb_mem *mem)
{
	for (struct swiotlb_pool *p = swiotlb_pools(mem); p; p = p->next)
		for (uint32_t i = 0; i < p->nareas; i++)
			gather_from(mem, &p->area[i]);
	gather_from(mem, &mem->transient);
}

static uint64_t missing(struct swiotlb_area *area)
{
	uint64_t n;

	fh_lock(&area->lock);
	n = area->used > area->allowed ? area->used - area->allowed : 0;
	fh_unlock(&area->lock);
	return n;
}

void swiotlb_mark_raise(struct io_tlb_mem *mem, struct swiotlb_area *area)
{
	uint64_t need;

	fh_lock(&mem->lock);
	if (missing(area) > mem->spare)
		gather(mem);
	fh_lock(&area->lock);
	need = area->used > area->allowed ? area->used - area->allowed : 0;
	if (need > mem->spare) {
		mem->hiwater += need - mem->spare;
		mem->spare = need;
	}
	/* Half of the rest as well: not every call is to come here. */
	need += (mem->spare - need) / 2;
	mem->spare -= need;
	area->allowed += need;
	fh_unlock(&area->lock);
	fh_unlock(&mem->lock);
}

void swiotlb_mark_reset(struct io_tlb_mem *mem)
{
	fh_lock(&mem->lock);
	gather(mem);
	mem->hiwater -= mem->spare;
	mem->spare = 0;
	fh_unlock(&mem->lock);
}
