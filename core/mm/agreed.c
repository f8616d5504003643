/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Buffers that may be moved while they are idle, by agreement with their owners. */
#include "base/bitmap.h"
#include "base/bits.h"
#include "mm/agreed.h"
#include "mm/machine.h"
#include "mm/ready.h"

struct agreed {
	struct agreed *next; /* ascending in size; cma.lock */
	struct window w;     /* where it is; cma.lock */
	unsigned long count;
	const struct cma_buffer_ops *ops;
	void *priv;
	bool moving; /* cma.lock */
};

static bool overlap(const struct window *w, const struct cma_memrange *r, uint64_t bit,
		    uint64_t nr_bits)
{
	return w->r == r && bit < w->bit + w->nr_bits && w->bit < bit + nr_bits;
}

bool agreed_has(const struct cma *cma, const struct cma_memrange *r, uint64_t bit, uint64_t nr_bits)
{
	for (const struct agreed *b = cma->agreed; b; b = b->next)
		if (overlap(&b->w, r, bit, nr_bits))
			return true;
	return false;
}

/* The buffer's window, if it is one whole buffer of a device's. cma.lock is held. */
static bool window_of(struct cma *cma, pfn_t pfn, unsigned long count, struct window *w)
{
	uint64_t unit = UINT64_C(1) << cma->order_per_bit;

	for (unsigned int i = 0; i < cma->nranges; i++) {
		struct cma_memrange *r = &cma->ranges[i];

		if (pfn < r->base_pfn || pfn - r->base_pfn >= r->count ||
		    count > r->count - (pfn - r->base_pfn) || (pfn - r->base_pfn) & (unit - 1))
			continue;
		*w = (struct window){
			.r = r,
			.bit = (pfn - r->base_pfn) >> cma->order_per_bit,
			.nr_bits = (count + unit - 1) >> cma->order_per_bit,
		};
		w->pfns = (struct range){pfn, pfn + (w->nr_bits << cma->order_per_bit)};
		return bitmap_next_clear(r->bitmap, w->bit, w->bit + w->nr_bits) ==
			       w->bit + w->nr_bits &&
		       !overlap(&cma->prepared, r, w->bit, w->nr_bits) &&
		       !agreed_has(cma, r, w->bit, w->nr_bits);
	}
	return false;
}

int cma_buffer_set_movable(struct cma *cma, pfn_t pfn, unsigned long count,
			   const struct cma_buffer_ops *ops, void *priv)
{
	struct agreed *b, **at;
	bool ok;

	if (!cma || !count || !ops)
		return -FH_EINVAL;
	b = machine_alloc(cma->m, sizeof(*b));
	if (!b)
		return -FH_ENOMEM;
	*b = (struct agreed){.count = count, .ops = ops, .priv = priv};
	fh_lock(&cma->lock);
	ok = window_of(cma, pfn, count, &b->w);
	for (at = &cma->agreed; ok && *at && (*at)->count < count; at = &(*at)->next)
		;
	if (ok) {
		b->next = *at;
		*at = b;
	}
	fh_unlock(&cma->lock);
	if (!ok)
		machine_free(cma->m, b, sizeof(*b));
	return ok ? 0 : -FH_EINVAL;
}

int cma_buffer_clear_movable(struct cma *cma, pfn_t pfn)
{
	struct agreed *b = NULL, **at;
	int err = -FH_EINVAL;

	if (!cma)
		return -FH_EINVAL;
	fh_lock(&cma->lock);
	for (at = &cma->agreed; *at && (*at)->w.pfns.start != pfn; at = &(*at)->next)
		;
	if (*at && (*at)->moving) {
		err = -FH_EBUSY;
	} else if (*at) {
		b = *at;
		*at = b->next;
		err = 0;
	}
	fh_unlock(&cma->lock);
	machine_free(cma->m, b, sizeof(*b));
	return err;
}

void agreed_forget_all(struct cma *cma)
{
	while (cma->agreed) {
		struct agreed *b = cma->agreed;

		cma->agreed = b->next;
		machine_free(cma->m, b, sizeof(*b));
	}
}

/* ---- the move ---- */

/* What of a window lies below and what above another; empty: nr_bits 0. */
static void rest_of(const struct cma *cma, const struct window *w, const struct window *less,
		    struct window part[2])
{
	uint64_t end = w->bit + w->nr_bits, cut = less->bit + less->nr_bits;

	part[0] = part[1] = (struct window){.r = w->r, .bit = w->bit};
	if (less->bit > w->bit)
		part[0].nr_bits = (less->bit < end ? less->bit : end) - w->bit;
	if (cut < end) {
		part[1].bit = cut > w->bit ? cut : w->bit;
		part[1].nr_bits = end - part[1].bit;
	}
	for (unsigned int i = 0; i < 2; i++) {
		part[i].pfns.start = w->r->base_pfn + (part[i].bit << cma->order_per_bit);
		part[i].pfns.end = part[i].pfns.start + (part[i].nr_bits << cma->order_per_bit);
	}
}

/* One move being made. */
struct moving {
	struct cma *cma;
	const struct contig_want *limits;
	struct contig_result *res;
	struct agreed *b;
	struct window from, to; /* the buffer's */
	struct window hole;	/* what comes to be */
};

/* A buffer may go where it keeps the alignment that it had, up to its size and to what the DMA API
 * ever aligns to. */
static unsigned int align_of(const struct agreed *b)
{
	unsigned int order = b->count > 1 ? bits_log2(b->count - 1) + 1 : 0;
	unsigned int has = b->w.pfns.start ? bits_first(b->w.pfns.start) : 0;

	order = order < FH_CMA_ALIGNMENT ? order : FH_CMA_ALIGNMENT;
	return order < has ? order : has;
}

/* Without the buffer there would be a window, and elsewhere one for the buffer: both are marked, and
 * so is what of the buffer is in neither. cma.lock is held. */
static bool plan(struct moving *mv, const struct window_want *want)
{
	struct window_want there = {.nr_bits = mv->b->w.nr_bits, .align_order = align_of(mv->b)};
	struct cma *cma = mv->cma;
	struct window part[2];
	bool ok;

	mv->from = mv->b->w;
	bitmap_clear(mv->from.r->bitmap, mv->from.bit, mv->from.nr_bits);
	ok = window_search(cma, &mv->hole, want);
	bitmap_set(mv->from.r->bitmap, mv->from.bit, mv->from.nr_bits);
	if (!ok || !overlap(&mv->hole, mv->from.r, mv->from.bit, mv->from.nr_bits))
		return false;
	rest_of(cma, &mv->hole, &mv->from, part);
	for (unsigned int i = 0; i < 2; i++)
		window_mark(cma, &part[i]);
	ok = window_search(cma, &mv->to, &there);
	if (ok)
		window_mark(cma, &mv->to);
	for (unsigned int i = 0; i < 2 && !ok; i++)
		window_clear(cma, part[i].r, part[i].bit, part[i].nr_bits);
	mv->b->moving = ok;
	return ok;
}

static int empty(const struct moving *mv, const struct window *w)
{
	struct contig_want want = *mv->limits;
	struct contig_result res;
	int err;

	if (!w->nr_bits)
		return 0;
	want.range = w->pfns;
	err = contig_claim(mv->cma->m, &want, &res);
	res.migrated += mv->res->migrated;
	res.dropped += mv->res->dropped;
	*mv->res = res;
	return err;
}

/* Frees frames, if they are ours, and takes their marks away. */
static void drop(struct cma *cma, const struct window *w, bool ours)
{
	if (!w->nr_bits)
		return;
	fh_lock(&cma->lock);
	if (ours)
		contig_release(cma->m, w->pfns);
	window_clear(cma, w->r, w->bit, w->nr_bits);
	fh_unlock(&cma->lock);
}

/* The buffer has moved: what it left belongs to the hole, or to nobody. */
static void left(struct moving *mv)
{
	struct window part[2];

	fh_lock(&mv->cma->lock);
	mv->b->w = mv->to;
	mv->b->moving = false;
	fh_unlock(&mv->cma->lock);
	rest_of(mv->cma, &mv->from, &mv->hole, part);
	drop(mv->cma, &part[0], true);
	drop(mv->cma, &part[1], true);
}

/* Empties what of the hole was not the buffer's. On failure all of the hole is given back. */
static int finish(struct moving *mv)
{
	struct window part[2], common = mv->hole;
	uint64_t end = mv->from.bit + mv->from.nr_bits, hole_end = common.bit + common.nr_bits;
	int err;

	rest_of(mv->cma, &mv->hole, &mv->from, part);
	err = empty(mv, &part[0]);
	if (!err) {
		err = empty(mv, &part[1]);
		if (err)
			drop(mv->cma, &part[0], true);
	} else {
		drop(mv->cma, &part[0], false);
	}
	if (!err)
		return 0;
	drop(mv->cma, &part[1], false);
	common.bit = common.bit > mv->from.bit ? common.bit : mv->from.bit;
	common.nr_bits = (end < hole_end ? end : hole_end) - common.bit;
	common.pfns.start = common.r->base_pfn + (common.bit << mv->cma->order_per_bit);
	common.pfns.end = common.pfns.start + (common.nr_bits << mv->cma->order_per_bit);
	drop(mv->cma, &common, true);
	return err;
}

static void call_off(struct moving *mv, bool ours)
{
	struct window part[2];

	drop(mv->cma, &mv->to, ours);
	rest_of(mv->cma, &mv->hole, &mv->from, part);
	drop(mv->cma, &part[0], false);
	drop(mv->cma, &part[1], false);
	fh_lock(&mv->cma->lock);
	mv->b->moving = false;
	fh_unlock(&mv->cma->lock);
}

/* -FH_EAGAIN: the owner does not want it now. */
static int move(struct moving *mv)
{
	int err = empty(mv, &mv->to);

	if (err) {
		call_off(mv, false);
		return err;
	}
	ready_taken(mv->cma, &mv->to, false); /* the owner may write there, and decline after all */
	if (!mv->b->ops->idle_move(mv->b->priv, mv->to.pfns.start, mv->from.pfns.start,
				   mv->b->count)) {
		call_off(mv, true);
		return -FH_EAGAIN;
	}
	left(mv);
	return finish(mv);
}

int agreed_make_hole(struct cma *cma, const struct window_want *want,
		     const struct contig_want *limits, struct window *w, struct contig_result *res)
{
	struct moving mv = {.cma = cma, .limits = limits, .res = res};
	int err = -FH_ENOMEM;

	for (unsigned int skip = 0;; skip++) {
		unsigned int n = 0;
		bool ok = false;

		fh_lock(&cma->lock);
		for (mv.b = cma->agreed; mv.b && !ok; n++) {
			ok = n >= skip && !mv.b->moving && plan(&mv, want);
			if (!ok)
				mv.b = mv.b->next;
		}
		fh_unlock(&cma->lock);
		if (!ok)
			return err;
		err = move(&mv);
		if (err != -FH_EAGAIN)
			break;
		err = -FH_ENOMEM;
		skip = n - 1;
	}
	if (!err)
		*w = mv.hole;
	return err;
}
