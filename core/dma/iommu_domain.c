/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What was unmapped and waits for a flush: strict, or a queue for each CPU. Follows dma-iommu.c. */
#include "dma/iommu_domain.h"
#include "mm/machine.h"

#define GIVE_MAX 32

/* Gives back what of the slot's queue was flushed; returns how many. */
static unsigned int give_back(struct iommu_domain *d, struct iommu_slot *slot, uint64_t generation)
{
	struct range r[GIVE_MAX];
	unsigned int n, all = 0;

	do {
		n = 0;
		fh_lock(&slot->lock);
		while (n < GIVE_MAX && slot->head != slot->tail) {
			const struct iommu_queued *q = &slot->queue[slot->head % IOMMU_QUEUE];

			if (q->generation >= generation)
				break;
			r[n++] = q->pages;
			slot->head++;
		}
		fh_unlock(&slot->lock);
		iova_free(&d->iova, r, n);
		all += n;
	} while (n == GIVE_MAX);
	return all;
}

/* due_ns first: who unmaps from here on, and finds nothing due, sets it again. */
static uint64_t flush_tlb(struct iommu_domain *d)
{
	atomic_store(&d->due_ns, 0);
	iommu_count(d, iommu_slot(d), IOMMU_FLUSHES, 1);
	return iotlb_flush(&d->tlb);
}

void iommu_flush(struct iommu_domain *d)
{
	uint64_t generation = flush_tlb(d);

	for (unsigned int i = 0; i <= d->nr_cpus; i++)
		give_back(d, &d->slot[i], generation);
}

void iommu_flush_due(struct iommu_domain *d)
{
	uint64_t due = atomic_load(&d->due_ns);

	if (due && machine_clock(d->m) >= due)
		iommu_flush(d);
}

static bool push(struct iommu_slot *slot, const struct iommu_queued *q)
{
	bool room;

	fh_lock(&slot->lock);
	room = slot->tail - slot->head < IOMMU_QUEUE;
	if (room)
		slot->queue[slot->tail++ % IOMMU_QUEUE] = *q;
	fh_unlock(&slot->lock);
	return room;
}

void iommu_retire(struct iommu_domain *d, struct iommu_slot *slot, uint64_t iova, uint64_t size)
{
	struct iommu_queued q = {
		.pages = {iova >> FH_PAGE_SHIFT, (iova + size) >> FH_PAGE_SHIFT},
		.generation = iotlb_generation(&d->tlb),
	};
	uint64_t none = 0;

	if (d->strict) {
		iotlb_drop(&d->tlb, iova, size);
		iommu_count(d, slot, IOMMU_FLUSHES, 1);
		iova_free(&d->iova, &q.pages, 1);
		return;
	}
	/* Full: somebody else may have flushed since. */
	while (!push(slot, &q))
		if (!give_back(d, slot, iotlb_generation(&d->tlb)))
			give_back(d, slot, flush_tlb(d));
	if (!atomic_load(&d->due_ns))
		atomic_compare_exchange_strong(&d->due_ns, &none,
					       machine_clock(d->m) + IOMMU_DUE_NS);
}

uint64_t iommu_deferred(struct iommu_domain *d)
{
	uint64_t generation = iotlb_generation(&d->tlb), n = 0;

	for (unsigned int i = 0; i <= d->nr_cpus; i++) {
		struct iommu_slot *slot = &d->slot[i];

		fh_lock(&slot->lock);
		for (uint32_t k = slot->head; k != slot->tail; k++)
			n += slot->queue[k % IOMMU_QUEUE].generation >= generation;
		fh_unlock(&slot->lock);
	}
	return n;
}
