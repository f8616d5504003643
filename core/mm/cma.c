/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* dma/alloc > [mm/cma] > mm/contig > mm/isolate > mm/migrate > mm/buddy
 *
 * Areas: find a window, mark it, make it ours; account for it; say why not. */
#include "base/bitmap.h"
#include "mm/contig.h"
#include "mm/failure.h"
#include "mm/machine.h"

#define MAX_ALIGN_ORDER 20

static uint64_t units(const struct cma *cma, uint64_t count)
{
	uint64_t unit = UINT64_C(1) << cma->order_per_bit;

	return (count + unit - 1) >> cma->order_per_bit;
}

/* A window that is marked as the caller's and not yet emptied. */
struct window {
	struct cma_memrange *r;
	uint64_t bit, nr_bits;
	struct range pfns;
};

/* The lowest free window of the range at or above w->bit (cma_range_alloc() in Linux), and marks
 * it. */
static bool window_find(struct cma *cma, struct window *w, unsigned int align_order)
{
	uint64_t mask = 0, offset;

	if (align_order > cma->order_per_bit)
		mask = (UINT64_C(1) << (align_order - cma->order_per_bit)) - 1;
	offset = (w->r->base_pfn & ((UINT64_C(1) << align_order) - 1)) >> cma->order_per_bit;
	fh_lock(&cma->lock);
	w->bit = bitmap_find_clear(w->r->bitmap, cma_bitmap_maxno(cma, w->r), w->bit, w->nr_bits,
				   mask, offset);
	if (w->bit != BITMAP_NONE) {
		bitmap_set(w->r->bitmap, w->bit, w->nr_bits);
		cma->available_count -= w->nr_bits << cma->order_per_bit;
		w->pfns.start = w->r->base_pfn + (w->bit << cma->order_per_bit);
		w->pfns.end = w->pfns.start + (w->nr_bits << cma->order_per_bit);
	}
	fh_unlock(&cma->lock);
	return w->bit != BITMAP_NONE;
}

static void window_unmark(struct cma *cma, const struct window *w)
{
	fh_lock(&cma->lock);
	bitmap_clear(w->r->bitmap, w->bit, w->nr_bits);
	cma->available_count += w->nr_bits << cma->order_per_bit;
	fh_unlock(&cma->lock);
}

/* Tries the windows of one range. 0 and the window; -FH_ENOMEM: no free window; else why the last
 * one tried could not be emptied. */
static int range_alloc(struct cma *cma, struct window *w, unsigned int align_order,
		       struct contig_result *res)
{
	int err = -FH_ENOMEM, claim;

	for (w->bit = 0; window_find(cma, w, align_order);) {
		claim = contig_claim(cma->m, w->pfns, area_policy(cma), res);
		atomic_fetch_add_explicit(&cma->pages_migrated, res->migrated,
					  memory_order_relaxed);
		atomic_fetch_add_explicit(&cma->pages_dropped, res->dropped, memory_order_relaxed);
		if (!claim)
			return 0;
		window_unmark(cma, w);
		err = claim;
		if (claim != -FH_EBUSY)
			break;
		w->bit += align_order > cma->order_per_bit
				  ? UINT64_C(1) << (align_order - cma->order_per_bit)
				  : 1;
	}
	return err;
}

/* cma_debug_show_areas() of Linux: the holes of each range, and how much is free. */
static void show_free_map(struct cma *cma)
{
	for (unsigned int i = 0; i < cma->nranges; i++) {
		struct cma_memrange *r = &cma->ranges[i];
		uint64_t end = cma_bitmap_maxno(cma, r), bit = 0, total = 0;
		char line[512];
		struct fh_text t = {line, sizeof(line), 0};

		fh_lock(&cma->lock);
		while ((bit = bitmap_next_clear(r->bitmap, bit, end)) < end) {
			uint64_t stop = bitmap_next_set(r->bitmap, bit, end);

			if (t.len + 64 < sizeof(line))
				fh_text_add(
					&t, "%s%llu@%llu", total ? "+" : "",
					(unsigned long long)((stop - bit) << cma->order_per_bit),
					(unsigned long long)(bit << cma->order_per_bit));
			total += (stop - bit) << cma->order_per_bit;
			bit = stop;
		}
		fh_unlock(&cma->lock);
		machine_log(cma->m, PLAT_LOG_INFO,
			    "cma: range %u: %s=> %llu free of %llu total pages", i,
			    total ? line : "", (unsigned long long)total,
			    (unsigned long long)r->count);
	}
}

static int alloc_failed(struct cma *cma, unsigned long count, unsigned int flags, int err,
			const struct window *w, const struct contig_result *res)
{
	atomic_fetch_add_explicit(&cma->nr_fails, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&cma->nr_pages_failed, count, memory_order_relaxed);
	vm_count(cma->m, VM_cma_alloc_fail, 1);
	failure_note(cma, err, count, w->pfns, res);
	if (!(flags & CMA_NO_WARN)) {
		machine_log(cma->m, PLAT_LOG_ERR,
			    "cma: cma_alloc: %s: alloc failed, req-size: %lu pages, ret: %d",
			    cma->name, count, err);
		show_free_map(cma);
	}
	return err;
}

int cma_alloc(struct cma *cma, unsigned long count, unsigned int align_order, unsigned int flags,
	      pfn_t *pfn)
{
	struct contig_result res = {0};
	struct window w = {0};
	int err = -FH_ENOMEM;
	uint64_t used;

	if (!cma || !cma->active || !count || !pfn || align_order > MAX_ALIGN_ORDER)
		return -FH_EINVAL;
	w.nr_bits = units(cma, count);
	for (unsigned int i = 0; i < cma->nranges && count <= cma->count; i++) {
		struct contig_result last = {0};
		struct window try = {.r = &cma->ranges[i], .nr_bits = w.nr_bits};
		int e = range_alloc(cma, &try, align_order, &last);

		if (!e || last.why) { /* had, or the most telling failure so far */
			w = try;
			res = last;
			err = e;
		}
		if (!e || (e != -FH_EBUSY && e != -FH_ENOMEM))
			break;
	}
	if (err)
		return alloc_failed(cma, count, flags, err, &w, &res);
	atomic_fetch_add_explicit(&cma->m->nr_device, (int64_t)(w.pfns.end - w.pfns.start),
				  memory_order_relaxed);
	atomic_fetch_add_explicit(&cma->nr_allocs, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&cma->nr_pages_succeeded, count, memory_order_relaxed);
	vm_count(cma->m, VM_cma_alloc_success, 1);
	fh_lock(&cma->lock);
	used = cma->count - cma->available_count;
	if (used > cma->used_max)
		cma->used_max = used;
	fh_unlock(&cma->lock);
	*pfn = w.pfns.start;
	return 0;
}

static struct cma_memrange *range_of(struct cma *cma, pfn_t pfn, uint64_t count)
{
	for (unsigned int i = 0; i < cma->nranges; i++) {
		struct cma_memrange *r = &cma->ranges[i];

		if (pfn >= r->base_pfn && pfn - r->base_pfn < r->count &&
		    count <= r->count - (pfn - r->base_pfn))
			return r;
	}
	return NULL;
}

bool cma_owns(struct cma *cma, pfn_t pfn, uint64_t nr)
{
	struct cma_memrange *r = range_of(cma, pfn, nr);
	uint64_t bit, end;
	bool any;

	if (!r)
		return false;
	bit = (pfn - r->base_pfn) >> cma->order_per_bit;
	end = bit + units(cma, nr);
	fh_lock(&cma->lock);
	any = bitmap_next_set(r->bitmap, bit, end) < end;
	fh_unlock(&cma->lock);
	return any;
}

bool cma_release(struct cma *cma, pfn_t pfn, unsigned long count)
{
	struct cma_memrange *r = cma && count ? range_of(cma, pfn, count) : NULL;
	uint64_t bit, nr;
	bool all;

	if (!r || (pfn - r->base_pfn) & ((UINT64_C(1) << cma->order_per_bit) - 1))
		return false;
	bit = (pfn - r->base_pfn) >> cma->order_per_bit;
	nr = units(cma, count);
	/* Frames and mark together, under the lock: of two who release the same frames the second
	 * finds the mark gone, and nobody finds a window whose frames are not free yet. */
	fh_lock(&cma->lock);
	all = bitmap_next_clear(r->bitmap, bit, bit + nr) == bit + nr;
	if (all) {
		contig_release(cma->m, (struct range){pfn, pfn + (nr << cma->order_per_bit)});
		bitmap_clear(r->bitmap, bit, nr);
		cma->available_count += nr << cma->order_per_bit;
	}
	fh_unlock(&cma->lock);
	if (!all)
		return false;
	atomic_fetch_sub_explicit(&cma->m->nr_device, (int64_t)(nr << cma->order_per_bit),
				  memory_order_relaxed);
	atomic_fetch_add_explicit(&cma->nr_pages_released, count, memory_order_relaxed);
	return true;
}
