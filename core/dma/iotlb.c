/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The cache of translations. */
#include "dma/iotlb.h"
#include "mm/machine.h"

int iotlb_init(struct iotlb *tlb, const struct iopt *pt, unsigned int entries)
{
	*tlb = (struct iotlb){.pt = pt, .m = pt->m, .nr_sets = entries / IOTLB_WAYS};
	atomic_init(&tlb->generation, 1);
	tlb->set = machine_alloc(tlb->m, tlb->nr_sets * sizeof(*tlb->set));
	if (!tlb->set)
		return -FH_ENOMEM;
	for (uint64_t i = 0; i < tlb->nr_sets; i++)
		fh_lock_init(&tlb->set[i].lock, RANK_LEAF);
	return 0;
}

void iotlb_fini(struct iotlb *tlb)
{
	machine_free(tlb->m, tlb->set, tlb->nr_sets * sizeof(*tlb->set));
	tlb->set = NULL;
}

static uint64_t first_of(uint64_t iova, unsigned int level)
{
	return iova & ~(iopt_span(level) - 1);
}

static struct iotlb_set *set_of(struct iotlb *tlb, uint64_t iova, unsigned int level)
{
	uint64_t nr = iova >> (FH_PAGE_SHIFT + 9 * level);

	return &tlb->set[nr & (tlb->nr_sets - 1)];
}

/* The set's lock; generation 0: none is good. */
static struct iotlb_way *find(struct iotlb_set *set, uint64_t tag, uint64_t generation)
{
	for (unsigned int i = 0; i < IOTLB_WAYS; i++)
		if (set->way[i].generation == generation && set->way[i].tag == tag)
			return &set->way[i];
	return NULL;
}

bool iotlb_lookup(struct iotlb *tlb, uint64_t iova, struct iotlb_hit *hit)
{
	bool found = false;

	for (unsigned int level = 0; level <= IOPT_TOP_LEAF && !found; level++) {
		struct iotlb_set *set = set_of(tlb, iova, level);
		struct iotlb_way *way;

		if (!atomic_load(&tlb->has[level]))
			continue;
		fh_lock(&set->lock);
		way = find(set, first_of(iova, level) | level, iotlb_generation(tlb));
		found = way;
		if (found)
			*hit = (struct iotlb_hit){way->entry, level};
		fh_unlock(&set->lock);
	}
	return found;
}

/* Where a new entry goes: its old place, else one that is not good, else in turn. */
static struct iotlb_way *victim(struct iotlb_set *set, uint64_t tag, uint64_t generation)
{
	struct iotlb_way *way = find(set, tag, generation);

	for (unsigned int i = 0; i < IOTLB_WAYS && !way; i++)
		if (set->way[i].generation != generation)
			way = &set->way[i];
	return way ? way : &set->way[set->next++ % IOTLB_WAYS];
}

bool iotlb_fill(struct iotlb *tlb, uint64_t iova, struct iotlb_hit *hit)
{
	for (;;) {
		unsigned int level, now;
		uint64_t entry = iopt_walk(tlb->pt, iova, &level), generation;
		struct iotlb_set *set = set_of(tlb, iova, level);

		if (!entry)
			return false;
		/* Before the walk that counts: who empties the entry after it looks for this level. */
		if (!atomic_load(&tlb->has[level]))
			atomic_store(&tlb->has[level], true);
		fh_lock(&set->lock);
		generation = iotlb_generation(tlb);
		entry = iopt_walk(tlb->pt, iova, &now);
		if (entry && now == level) {
			uint64_t tag = first_of(iova, level) | level;

			*victim(set, tag, generation) = (struct iotlb_way){tag, generation, entry};
		}
		fh_unlock(&set->lock);
		*hit = (struct iotlb_hit){entry, level};
		if (!entry || now == level)
			return entry;
	}
}

uint64_t iotlb_flush(struct iotlb *tlb)
{
	return atomic_fetch_add(&tlb->generation, 1) + 1;
}

static void drop(struct iotlb *tlb, uint64_t iova, unsigned int level)
{
	struct iotlb_set *set = set_of(tlb, iova, level);
	struct iotlb_way *way;

	fh_lock(&set->lock);
	way = find(set, first_of(iova, level) | level, iotlb_generation(tlb));
	if (way)
		way->generation = 0;
	fh_unlock(&set->lock);
}

void iotlb_drop(struct iotlb *tlb, uint64_t iova, uint64_t size)
{
	if (size > IOTLB_DROP_MAX << FH_PAGE_SHIFT) {
		iotlb_flush(tlb);
		return;
	}
	for (unsigned int level = 0; level <= IOPT_TOP_LEAF; level++) {
		if (!atomic_load(&tlb->has[level]))
			continue;
		for (uint64_t at = first_of(iova, level); at < iova + size; at += iopt_span(level))
			drop(tlb, at, level);
	}
}

bool iotlb_is_stale(struct iotlb *tlb, uint64_t *iova)
{
	for (uint64_t i = 0; i < tlb->nr_sets * IOTLB_WAYS; i++) {
		const struct iotlb_way *way = &tlb->set[i / IOTLB_WAYS].way[i % IOTLB_WAYS];
		unsigned int level;

		if (way->generation != iotlb_generation(tlb))
			continue;
		*iova = way->tag & ~(uint64_t)(FH_PAGE_SIZE - 1);
		if (iopt_walk(tlb->pt, *iova, &level) != way->entry)
			return true;
	}
	return false;
}
