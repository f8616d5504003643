/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The invariants of an address space (D4 to D6), recomputed from its tables, its allocator, its queues and its IOTLB. */
#include "dma/iommu.h"
#include "dma/iommu_domain.h"

struct tables {
	struct iommu_domain *d;
	struct fh_text *out;
	unsigned int broken;
	uint64_t mapped; /* bytes */
	uint64_t head;	 /* of the mapping whose last entry is still to come; 0: none */
};

static void broken(struct tables *t, uint64_t iova, uint64_t entry, const char *why)
{
	t->broken++;
	fh_text_add(t->out, "D4: iommu %u: iova %#llx, entry %#llx: %s\n", t->d->number,
		    (unsigned long long)iova, (unsigned long long)entry, why);
}

/* Whether [iova, +size) may have an entry of this kind: inside one range that is handed out and in nobody's cache; by hand: nothing
 * of it is free. */
static bool is_owned(const struct iommu_domain *d, struct range r, bool dma)
{
	const struct iova_node *n;

	if (!dma) {
		if (r.start < d->iova.start)
			r.start = d->iova.start;
		if (r.end > d->iova.end)
			r.end = d->iova.end;
	}
	while (r.start < r.end) {
		n = iova_owner(&d->iova, r.start);
		if (!n || n->reserved == dma || n->mark || (dma && n->end < r.end))
			return false;
		r.start = n->end;
	}
	return true;
}

static void check_leaf(void *arg, uint64_t iova, unsigned int level, uint64_t entry)
{
	struct tables *t = arg;
	uint64_t size = iopt_span(level), phys = iopt_phys(entry);
	bool dma = entry & IOPT_DMA;

	t->mapped += size;
	if (phys & (size - 1) || level > IOPT_TOP_LEAF)
		broken(t, iova, entry, "not aligned to its size");
	if (!(entry & IOPT_MMIO) &&
	    !machine_in_bank(t->d->m,
			     (struct range){phys >> FH_PAGE_SHIFT, (phys + size) >> FH_PAGE_SHIFT}))
		broken(t, iova, entry, "not RAM, and not a resource");
	if (!is_owned(t->d, (struct range){iova >> FH_PAGE_SHIFT, (iova + size) >> FH_PAGE_SHIFT},
		      dma))
		broken(t, iova, entry, "at an address that was not handed out");
	if (entry & IOPT_HEAD)
		t->head = iova;
	if (dma && t->head &&
	    iova_owner(&t->d->iova, t->head >> FH_PAGE_SHIFT) !=
		    iova_owner(&t->d->iova, iova >> FH_PAGE_SHIFT))
		broken(t, iova, entry, "a mapping without a last entry lies before it");
	if (entry & IOPT_TAIL)
		t->head = 0;
}

/* D6; marks what is queued, so that no entry may lead there. */
static unsigned int check_queues(struct iommu_domain *d, struct fh_text *out)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i <= d->nr_cpus; i++) {
		const struct iommu_slot *slot = &d->slot[i];

		for (uint32_t k = slot->head; k != slot->tail; k++) {
			const struct iommu_queued *q = &slot->queue[k % IOMMU_QUEUE];
			struct iova_node *node = iova_owner(&d->iova, q->pages.start);

			if (!node || node->reserved || node->mark ||
			    node->start != q->pages.start) {
				fh_text_add(out, "D6: iommu %u: iova %#llx is queued, and %s\n",
					    d->number,
					    (unsigned long long)q->pages.start << FH_PAGE_SHIFT,
					    node && node->mark ? "free" : "not handed out");
				n++;
			} else {
				node->mark = true;
			}
		}
	}
	return n;
}

static unsigned int check_numbers(struct iommu_domain *d, const struct tables *t,
				  uint64_t nr_tables, struct fh_text *out)
{
	unsigned int n = 0;
	uint64_t stale;

	if (t->mapped != iommu_sum(d, IOMMU_MAPPED)) {
		fh_text_add(out, "D4: iommu %u: %llu bytes are mapped, %llu counted\n", d->number,
			    (unsigned long long)t->mapped,
			    (unsigned long long)iommu_sum(d, IOMMU_MAPPED));
		n++;
	}
	if (nr_tables != atomic_load(&d->pt.nr_tables)) {
		fh_text_add(out, "D4: iommu %u: %llu tables, %llu counted\n", d->number,
			    (unsigned long long)nr_tables,
			    (unsigned long long)atomic_load(&d->pt.nr_tables));
		n++;
	}
	if (!iommu_deferred(d) && iotlb_is_stale(&d->tlb, &stale)) {
		fh_text_add(out,
			    "D6: iommu %u: iova %#llx: the IOTLB has what the tables have not\n",
			    d->number, (unsigned long long)stale);
		n++;
	}
	return n;
}

unsigned int iommu_check(struct iommu_domain *d, struct fh_text *out)
{
	struct tables t = {.d = d, .out = out};
	unsigned int n = iova_check(&d->iova, out);
	uint64_t nr_tables;

	n += check_queues(d, out);
	nr_tables = iopt_visit(&d->pt, check_leaf, &t);
	if (t.head)
		broken(&t, t.head, 0, "a mapping without a last entry");
	return n + t.broken + check_numbers(d, &t, nr_tables, out);
}

unsigned int iommu_check_all(struct fh_machine *m, struct fh_text *out)
{
	unsigned int n = 0;

	for (struct iommu_domain *d = m->dma->domains; d; d = d->next)
		n += iommu_check(d, out);
	return n;
}
