/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Make room before failing: forget clean file pages; and the account of what could not be
 * forgotten. */
#include "mm/machine.h"
#include "mm/objects.h"
#include "mm/pages.h"
#include "mm/policy.h"
#include "mm/reclaim.h"

bool reclaim_drop(struct fh_machine *m, pfn_t pfn)
{
	struct fh_frame *f = machine_frame(m, pfn);
	struct fh_object *o = f->owner; /* ours to read: the page is isolated by us */
	bool clean;

	fh_lock(&o->lock);
	clean = (frame_flags(f) & (FRAME_FILE | FRAME_DIRTY)) == FRAME_FILE;
	if (clean) {
		mapping_zap(o, f->index, 1);
		o->slot[f->index] = 0;
		o->nr_present--;
		lru_forget(m, pfn);
	}
	if (clean)
		object_wake(o);
	fh_unlock(&o->lock); /* from here on *o may be gone */
	if (clean)
		vm_count(m, VM_pgsteal_file, 1);
	return clean;
}

uint64_t reclaim_clean(struct fh_machine *m, enum lru_where where, uint64_t want)
{
	pfn_t pfn[32];
	uint64_t freed = 0;

	while (freed < want) {
		uint64_t left = want - freed;
		unsigned int n =
			lru_isolate_clean(m, where, pfn, left < 32 ? (unsigned int)left : 32);

		if (!n)
			break;
		for (unsigned int i = 0; i < n; i++) {
			struct fh_object *o = machine_frame(m, pfn[i])->owner;

			if (reclaim_drop(m, pfn[i])) {
				page_free(m, pfn[i], 0);
				freed++;
			} else {
				fh_lock(&o->lock);
				lru_putback(m, pfn[i]);
				object_wake(o);
				fh_unlock(&o->lock);
			}
		}
	}
	return freed;
}

uint64_t budget_used(struct fh_machine *m)
{
	int64_t used = 0;

	for (unsigned int i = 0; i < MAX_NR_ZONES; i++)
		used += (int64_t)m->zone[i].managed - zone_count(&m->zone[i].nr_free) -
			zone_count(&m->zone[i].nr_free_carveout) -
			zone_count(&m->zone[i].nr_free_isolated);
	used -= atomic_load_explicit(&m->nr_device, memory_order_relaxed);
	used -= atomic_load_explicit(&m->lru.nr_droppable, memory_order_relaxed);
	return used < 0 ? 0 : (uint64_t)used;
}

bool budget_admit(struct fh_machine *m, uint64_t need)
{
	uint64_t capacity = atomic_load_explicit(&m->capacity, memory_order_relaxed);

	return !capacity || policy_admit(capacity, budget_used(m), need);
}
