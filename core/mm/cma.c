/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* dma/alloc > [mm/cma] > mm/contig > mm/isolate > mm/migrate > mm/buddy
 *
 * Areas: find a window, mark it, make it ours; account for it; say why not. */
#include "base/bitmap.h"
#include "mm/agreed.h"
#include "mm/contig.h"
#include "mm/exchange.h"
#include "mm/failure.h"
#include "mm/machine.h"
#include "mm/owner.h"
#include "mm/ready.h"
#include "mm/window.h"

#define MAX_ALIGN_ORDER 20

static uint64_t units(const struct cma *cma, uint64_t count)
{
	uint64_t unit = UINT64_C(1) << cma->order_per_bit;

	return (count + unit - 1) >> cma->order_per_bit;
}

static void unmark(struct cma *cma, const struct window *w)
{
	fh_lock(&cma->lock);
	window_clear(cma, w->r, w->bit, w->nr_bits);
	fh_unlock(&cma->lock);
}

/* One request on its way. */
struct attempt {
	struct cma *cma;
	const struct cma_request *req;
	struct window_want want;
	struct window w;	  /* the last window tried; r NULL: none */
	struct contig_result res; /* and how that went */
};

static void count_moves(const struct attempt *a)
{
	atomic_fetch_add_explicit(&a->cma->pages_migrated, a->res.migrated, memory_order_relaxed);
	atomic_fetch_add_explicit(&a->cma->pages_dropped, a->res.dropped, memory_order_relaxed);
}

/* Empties the window that was just marked, or takes the mark back. */
static int claim(struct attempt *a)
{
	struct contig_want want = {
		.range = a->w.pfns,
		.policy = area_policy(a->cma),
		.deadline_ns = a->req->deadline_ns,
		.cancel = a->req->cancel,
	};
	int err;

	if (a->want.free) {
		a->res = (struct contig_result){.migrated = 0};
		err = contig_claim_free(a->cma->m, a->w.pfns) ? 0 : -FH_EAGAIN;
	} else {
		err = contig_claim(a->cma->m, &want, &a->res);
	}
	count_moves(a);
	if (err)
		unmark(a->cma, &a->w);
	return err;
}

/* Linux's way through the windows of one range. 0; -FH_ENOMEM: no free window; else why the last
 * one tried could not be emptied. */
static int first_of_range(struct attempt *a, struct cma_memrange *r)
{
	struct window w = {.r = r};
	int err = -FH_ENOMEM;

	while (window_first(a->cma, &w, &a->want)) {
		a->w = w;
		err = claim(a);
		if (err != -FH_EBUSY)
			break;
		w.bit += a->want.align_order > a->cma->order_per_bit
				 ? UINT64_C(1) << (a->want.align_order - a->cma->order_per_bit)
				 : 1;
	}
	return err;
}

static int first(struct attempt *a)
{
	int err = -FH_ENOMEM, e;

	for (unsigned int i = 0; i < a->cma->nranges; i++) {
		struct window was_w = a->w;
		struct contig_result was = a->res;

		a->res = (struct contig_result){.migrated = 0};
		e = first_of_range(a, &a->cma->ranges[i]);
		if (!e || a->res.why) { /* had, or the most telling failure so far */
			err = e;
		} else {
			a->w = was_w;
			a->res = was;
		}
		if (!e || (e != -FH_EBUSY && e != -FH_ENOMEM))
			return e;
	}
	return err;
}

/* No window is left: perhaps a buffer may be moved. */
static int make_hole(struct attempt *a)
{
	struct contig_want limits = {
		.policy = area_policy(a->cma),
		.deadline_ns = a->req->deadline_ns,
		.cancel = a->req->cancel,
	};
	int err = agreed_make_hole(a->cma, &a->want, &limits, &a->w, &a->res);

	count_moves(a);
	return err;
}

/* Our way: the cheapest, and round what does not move. */
static int cheapest(struct attempt *a)
{
	int err = -FH_ENOMEM;

	while (window_cheapest(a->cma, &a->w, &a->want)) {
		err = claim(a);
		if (err != -FH_EBUSY || a->want.nr_stuck == WINDOW_STUCK)
			break;
		a->want.stuck[a->want.nr_stuck++] = a->res.pfn;
	}
	return a->w.r || a->want.free ? err : make_hole(a);
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

static int alloc_failed(const struct attempt *a, int err)
{
	struct cma *cma = a->cma;

	atomic_fetch_add_explicit(&cma->nr_fails, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&cma->nr_pages_failed, a->req->count, memory_order_relaxed);
	vm_count(cma->m, VM_cma_alloc_fail, 1);
	/* -EAGAIN is no news, and who asks like that must not wait for the lock. */
	if (a->req->flags & CMA_NOWAIT)
		return err;
	failure_note(cma, err, a->req, a->w.pfns, &a->res);
	if (!(a->req->flags & CMA_NO_WARN)) {
		machine_log(cma->m, PLAT_LOG_ERR,
			    "cma: cma_alloc: %s: alloc failed, req-size: %lu pages, ret: %d",
			    cma->name, a->req->count, err);
		failure_say(cma, &a->res);
		show_free_map(cma);
	}
	return err;
}

/* Frees a buffer that nobody was given. */
static void give(struct cma *cma, const struct window *w)
{
	fh_lock(&cma->lock);
	contig_release(cma->m, w->pfns);
	window_clear(cma, w->r, w->bit, w->nr_bits);
	fh_unlock(&cma->lock);
}

static void alloc_done(struct cma *cma, unsigned long count)
{
	atomic_fetch_add_explicit(&cma->nr_allocs, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&cma->nr_pages_succeeded, count, memory_order_relaxed);
	vm_count(cma->m, VM_cma_alloc_success, 1);
}

/* The window is a buffer. */
static void window_done(const struct attempt *a)
{
	struct cma *cma = a->cma;
	uint64_t used;
	bool ready;

	fh_lock(&cma->lock);
	used = cma->count - cma->available_count;
	if (used > cma->used_max)
		cma->used_max = used;
	ready = cma->nr_ready;
	exchange_taken(cma, &a->w, a->res.migrated);
	fh_unlock(&cma->lock);
	if (cma->m->owners)
		owner_set(cma->m, a->w.pfns.start, a->w.pfns.end - a->w.pfns.start, 0,
			  GFP_KERNEL | (a->req->flags & CMA_NO_WARN ? __GFP_NOWARN : 0));
	if (ready || a->req->flags & CMA_ZERO)
		ready_taken(cma, &a->w, a->req->flags & CMA_ZERO);
}

/* No buffer could be like that. */
static bool is_absurd(const struct cma *cma, const struct cma_request *req)
{
	uint64_t frames;

	if (!req->count || req->align_order > MAX_ALIGN_ORDER ||
	    req->flags & ~(unsigned int)(CMA_NO_WARN | CMA_NOWAIT | CMA_ZERO) ||
	    req->boundary & (req->boundary - 1))
		return true;
	if (req->count > cma->count)
		return false; /* could, elsewhere */
	frames = units(cma, req->count) << cma->order_per_bit;
	return (req->boundary && frames > req->boundary) ||
	       (req->high && (req->low >= req->high || req->high - req->low < frames));
}

/* The request's own time is over. */
static int is_over(const struct cma *cma, const struct cma_request *req)
{
	if (req->cancel && atomic_load_explicit(req->cancel, memory_order_relaxed))
		return -FH_ECANCELED;
	if (req->deadline_ns && machine_clock(cma->m) >= req->deadline_ns)
		return -FH_ETIMEDOUT;
	return 0;
}

/* A buffer as asked for, or why not. */
static int obtain(struct attempt *a)
{
	struct cma *cma = a->cma;
	const struct cma_request *req = a->req;
	int err = -FH_ENOMEM, over = is_over(cma, req);
	bool yields = exchange_yield(cma);

	a->w = (struct window){.r = NULL};
	a->res = (struct contig_result){.why = NULL};
	a->want.nr_bits = units(cma, req->count);
	a->want.align_order = req->align_order;
	a->want.low = req->low;
	a->want.high = req->high;
	a->want.boundary = req->boundary;
	a->want.free = over || req->flags & CMA_NOWAIT;
	a->want.nr_stuck = 0; /* and no page in stuck[] */
	if (over == -FH_ECANCELED)
		err = over;
	else if (req->count <= cma->count)
		err = area_policy(cma) == CMA_POLICY_MOVABLE && !a->want.free ? first(a)
									      : cheapest(a);
	exchange_resume(cma, yields);
	if (!err)
		window_done(a);
	else if (req->flags & CMA_NOWAIT)
		err = -FH_EAGAIN;
	else if (over)
		err = over;
	return err;
}

/* Whether the window is what the request would like. */
static bool meets(const struct window *w, const struct cma_request *req)
{
	return !(w->pfns.start & ((UINT64_C(1) << req->align_order) - 1)) &&
	       w->pfns.start >= req->low && (!req->high || w->pfns.end <= req->high) &&
	       (!req->boundary || !((w->pfns.start ^ (w->pfns.end - 1)) & ~(req->boundary - 1)));
}

/* The window that cma_prepare() keeps, if it is what is asked for; req NULL: whatever it is. */
static bool take_prepared(struct cma *cma, const struct cma_request *req, struct window *w)
{
	bool ok;

	if (!atomic_load_explicit(&cma->prepared_count, memory_order_relaxed))
		return false;
	if (!req || !(req->flags & CMA_NOWAIT))
		fh_lock(&cma->lock);
	else if (!fh_trylock(&cma->lock))
		return false;
	*w = cma->prepared;
	ok = w->r && (!req || (req->count == cma->prepared_count && meets(w, req)));
	if (ok) {
		cma->prepared.r = NULL;
		atomic_store_explicit(&cma->prepared_count, 0, memory_order_relaxed);
	}
	fh_unlock(&cma->lock);
	return ok;
}

int cma_alloc_request(struct cma *cma, const struct cma_request *req, pfn_t *pfn)
{
	struct attempt a = {.cma = cma, .req = req};
	int err = 0;

	if (!cma || !req || !pfn || !cma->active || is_absurd(cma, req))
		return -FH_EINVAL;
	if (!take_prepared(cma, req, &a.w))
		err = obtain(&a);
	if (err)
		return alloc_failed(&a, err);
	alloc_done(cma, req->count);
	*pfn = a.w.pfns.start;
	return 0;
}

int cma_prepare(struct cma *cma, unsigned long count, uint64_t deadline_ns)
{
	struct cma_request req = {
		.count = count, .flags = CMA_ZERO | CMA_NO_WARN, .deadline_ns = deadline_ns};
	struct attempt a = {.cma = cma, .req = &req};
	struct window was;
	int err = 0;

	if (!cma || !cma->active)
		return -FH_EINVAL;
	if (take_prepared(cma, NULL, &was))
		give(cma, &was);
	if (!count)
		return 0;
	err = obtain(&a);
	if (err)
		return alloc_failed(&a, err);
	fh_lock(&cma->lock);
	was = cma->prepared; /* somebody else's, meanwhile */
	cma->prepared = a.w;
	atomic_store_explicit(&cma->prepared_count, count, memory_order_relaxed);
	fh_unlock(&cma->lock);
	if (was.r)
		give(cma, &was);
	return 0;
}

int cma_alloc(struct cma *cma, unsigned long count, unsigned int align_order, unsigned int flags,
	      pfn_t *pfn)
{
	struct cma_request req = {.count = count, .align_order = align_order, .flags = flags};

	return cma_alloc_request(cma, &req, pfn);
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
	all = bitmap_next_clear(r->bitmap, bit, bit + nr) == bit + nr &&
	      !(cma->agreed.root && agreed_has(cma, r, bit, nr)) &&
	      !(cma->prepared.r == r && bit < cma->prepared.bit + cma->prepared.nr_bits &&
		cma->prepared.bit < bit + nr);
	if (all) {
		contig_release(cma->m, (struct range){pfn, pfn + (nr << cma->order_per_bit)});
		window_clear(cma, r, bit, nr);
	}
	fh_unlock(&cma->lock);
	if (!all)
		return false;
	atomic_fetch_add_explicit(&cma->nr_pages_released, count, memory_order_relaxed);
	return true;
}
