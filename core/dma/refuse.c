/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The last requests that were refused, and why. */
#include "base/fmt.h"
#include "base/string.h"
#include "dma/refuse.h"

struct dma_refusals {
	struct fh_lock lock;
	uint64_t nr; /* since birth; the last DMA_MAX_REFUSALS are in ring */
	struct dma_refusal ring[DMA_MAX_REFUSALS];
};

int refuse_start(struct fh_machine *m)
{
	m->dma->refusals = machine_alloc(m, sizeof(*m->dma->refusals));
	if (!m->dma->refusals)
		return -FH_ENOMEM;
	fh_lock_init(&m->dma->refusals->lock, RANK_LEAF);
	return 0;
}

void refuse_end(struct fh_machine *m)
{
	machine_free(m, m->dma->refusals, sizeof(*m->dma->refusals));
	m->dma->refusals = NULL;
}

const char *dma_source_name(enum dma_source source)
{
	static const char *const names[DMA_NR_SOURCES] = {
		[DMA_SOURCE_NONE] = "none",
		[DMA_SOURCE_DEVICE_POOL] = "device pool",
		[DMA_SOURCE_GLOBAL_POOL] = "global pool",
		[DMA_SOURCE_ATOMIC_POOL] = "atomic pool",
		[DMA_SOURCE_RESTRICTED_POOL] = "restricted pool",
		[DMA_SOURCE_CMA] = "cma",
		[DMA_SOURCE_BUDDY] = "buddy",
		[DMA_SOURCE_BUDDY_DMA32] = "buddy, ZONE_DMA32",
		[DMA_SOURCE_BUDDY_DMA] = "buddy, ZONE_DMA",
		[DMA_SOURCE_SWIOTLB] = "swiotlb",
		[DMA_SOURCE_IOVA] = "iommu",
		[DMA_SOURCE_VMAP] = "kernel mapping",
		[DMA_SOURCE_DIRECT] = "direct",
	};

	return (unsigned int)source < DMA_NR_SOURCES ? names[source] : "unknown";
}

int refuse_step(struct dma_refusal *way, enum dma_source source, int err, const char *fmt, ...)
{
	struct dma_step *s;
	va_list ap;

	if (way->nr_steps == DMA_MAX_STEPS)
		return err;
	s = &way->step[way->nr_steps++];
	s->source = source;
	s->cause = DMA_CAUSE_FULL;
	s->error = err;
	va_start(ap, fmt);
	fh_vsnprintf(s->why, sizeof(s->why), fmt, ap);
	va_end(ap);
	return err;
}

int refuse_cause(struct dma_refusal *way, enum dma_cause cause, int err)
{
	if (way->nr_steps)
		way->step[way->nr_steps - 1].cause = cause;
	return err;
}

void refuse_keep(const struct device *dev, struct dma_refusal *way, int err)
{
	struct dma_refusals *r = dev->machine->dma->refusals;

	fh_strcopy(way->device, dev_name(dev), sizeof(way->device));
	way->time_ns = machine_clock(dev->machine);
	way->error = err;
	fh_lock(&r->lock);
	r->ring[r->nr++ % DMA_MAX_REFUSALS] = *way;
	fh_unlock(&r->lock);
}

bool dma_refusal_nth(struct fh_machine *m, unsigned int n, struct dma_refusal *out)
{
	struct dma_refusals *r = m->dma->refusals;
	bool there;

	fh_lock(&r->lock);
	there = n < DMA_MAX_REFUSALS && n < r->nr;
	if (there)
		*out = r->ring[(r->nr - 1 - n) % DMA_MAX_REFUSALS];
	fh_unlock(&r->lock);
	return there;
}

unsigned int dma_refusals(struct fh_machine *m, struct dma_refusal *out, unsigned int n)
{
	struct dma_refusal last;
	unsigned int have = 0;

	while (dma_refusal_nth(m, have, have < n ? &out[have] : &last))
		have++;
	return have;
}
