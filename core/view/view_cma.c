/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Areas as sysfs (mm/cma) and debugfs (cma) show them: a number a file, and the bitmap. */
#include "base/bitmap.h"
#include "view/view.h"

/* Pages in the longest run of clear bits. */
static uint64_t maxchunk(struct cma *cma)
{
	uint64_t max = 0;

	for (unsigned int i = 0; i < cma->nranges; i++) {
		const struct cma_memrange *r = &cma->ranges[i];
		uint64_t end = cma_bitmap_maxno(cma, r), bit = 0;

		fh_lock(&cma->lock);
		while ((bit = bitmap_next_clear(r->bitmap, bit, end)) < end) {
			uint64_t stop = bitmap_next_set(r->bitmap, bit, end);

			max = stop - bit > max ? stop - bit : max;
			bit = stop;
		}
		fh_unlock(&cma->lock);
	}
	return max << cma->order_per_bit;
}

static uint64_t available(struct cma *cma)
{
	uint64_t n;

	fh_lock(&cma->lock);
	n = cma->available_count;
	fh_unlock(&cma->lock);
	return n;
}

static uint64_t value(struct cma *cma, enum view_cma_value what, unsigned int range)
{
	switch (what) {
	case VIEW_CMA_SUCCEEDED:
		return atomic_load_explicit(&cma->nr_pages_succeeded, memory_order_relaxed);
	case VIEW_CMA_FAILED:
		return atomic_load_explicit(&cma->nr_pages_failed, memory_order_relaxed);
	case VIEW_CMA_RELEASED:
		return atomic_load_explicit(&cma->nr_pages_released, memory_order_relaxed);
	case VIEW_CMA_TOTAL:
		return cma->count;
	case VIEW_CMA_AVAILABLE:
		return available(cma);
	case VIEW_CMA_ORDER_PER_BIT:
		return cma->order_per_bit;
	case VIEW_CMA_USED:
		return cma->count - available(cma);
	case VIEW_CMA_MAXCHUNK:
		return maxchunk(cma);
	case VIEW_CMA_BASE_PFN:
		return cma->ranges[range].base_pfn;
	}
	return 0;
}

void view_cma_value(struct view *v)
{
	view_add(v, "%llu\n", (ull)value(v->cma, (enum view_cma_value)v->what, v->range));
}

#define COPY 32 /* words of the bitmap taken at a time: the text is made without the lock */

/* debugfs' u32 arrays: decimal, low half first, blanks between, a newline at the end. */
void view_cma_bitmap(struct view *v)
{
	const struct cma_memrange *r = &v->cma->ranges[v->range];
	uint64_t halves = (cma_bitmap_maxno(v->cma, r) + 31) / 32, words = (halves + 1) / 2;
	uint64_t copy[COPY];

	for (uint64_t at = 0; at < words; at += COPY) {
		uint64_t n = words - at < COPY ? words - at : COPY;

		fh_lock(&v->cma->lock);
		for (uint64_t i = 0; i < n; i++)
			copy[i] = r->bitmap[at + i];
		fh_unlock(&v->cma->lock);
		for (uint64_t h = at * 2; h < halves && h < (at + n) * 2; h++)
			view_add(v, "%u%c", (uint32_t)(copy[h / 2 - at] >> (h & 1) * 32),
				 h + 1 < halves ? ' ' : '\n');
	}
}

/* The last failures, newest first, a line each below how many there are; freehold-stat(1) says what the fields are. */
void view_cma_failures(struct view *v)
{
	struct cma_failure all[CMA_MAX_FAILURES];
	unsigned int n = cma_failures(v->cma, all, CMA_MAX_FAILURES);

	view_add(v, "kept %u\n", n);
	for (unsigned int i = 0; i < n; i++) {
		const struct cma_failure *f = &all[i];

		view_add(v, "time=%llu error=%d count=%lu align=%u window=%#llx-%#llx pfn=%#llx ",
			 (ull)f->time_ns, f->error, f->request.count, f->request.align_order,
			 (ull)f->window.start, (ull)f->window.end, (ull)f->pfn);
		view_add(v, "owner=%s:%llu pins=%u pinner=%s since=%llu why=%s\n",
			 cma_owner_name(f->owner), (ull)f->owner_id, f->pins,
			 f->pinner ? f->pinner : "-", (ull)f->since_ns, f->why);
	}
}
