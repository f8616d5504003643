/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Buffers that may be moved while they are idle, by agreement with their owners. */
#include "base/bitmap.h"
#include "base/bits.h"
#include "base/tree.h"
#include "mm/agreed.h"
#include "mm/machine.h"
#include "mm/owner.h"
#include "mm/ready.h"

struct agreed {
	struct tree_node place, size; /* cma->agreed, agreed_by_size; cma.lock */
	struct window w;	      /* where it is; cma.lock */
	unsigned long count;
	const struct cma_buffer_ops *ops;
	void *priv;
	bool moving; /* cma.lock */
};

static struct agreed *of_place(struct tree_node *n)
{
	return n ? (struct agreed *)((char *)n - offsetof(struct agreed, place)) : NULL;
}

static struct agreed *of_size(struct tree_node *n)
{
	return n ? (struct agreed *)((char *)n - offsetof(struct agreed, size)) : NULL;
}

/* It is at b->w. */
static void enlist(struct cma *cma, struct agreed *b)
{
	tree_insert(&cma->agreed, &b->place, b->w.pfns.start, 0);
	tree_insert(&cma->agreed_by_size, &b->size, b->count, b->w.pfns.start);
}

static void unlist(struct cma *cma, struct agreed *b)
{
	tree_remove(&cma->agreed, &b->place);
	tree_remove(&cma->agreed_by_size, &b->size);
}

static bool overlap(const struct window *w, const struct cma_memrange *r, uint64_t bit,
		    uint64_t nr_bits)
{
	return w->r == r && bit < w->bit + w->nr_bits && w->bit < bit + nr_bits;
}

/* They lie apart: only the last that begins before the end can reach into it. */
bool agreed_has(const struct cma *cma, const struct cma_memrange *r, uint64_t bit, uint64_t nr_bits)
{
	pfn_t end = r->base_pfn + ((bit + nr_bits) << cma->order_per_bit);
	const struct agreed *b = of_place(tree_below(&cma->agreed, end, 0));

	return b && overlap(&b->w, r, bit, nr_bits);
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
	struct agreed *b;
	bool ok;

	if (!cma || !count || !ops)
		return -FH_EINVAL;
	b = machine_alloc(cma->m, sizeof(*b));
	if (!b)
		return -FH_ENOMEM;
	*b = (struct agreed){.count = count, .ops = ops, .priv = priv};
	fh_lock(&cma->lock);
	ok = window_of(cma, pfn, count, &b->w);
	if (ok)
		enlist(cma, b);
	fh_unlock(&cma->lock);
	if (!ok)
		machine_free(cma->m, b, sizeof(*b));
	return ok ? 0 : -FH_EINVAL;
}

int cma_buffer_clear_movable(struct cma *cma, pfn_t pfn)
{
	struct agreed *b;
	int err = 0;

	if (!cma)
		return -FH_EINVAL;
	fh_lock(&cma->lock);
	b = of_place(tree_find(&cma->agreed, pfn));
	if (!b)
		err = -FH_EINVAL;
	else if (b->moving)
		err = -FH_EBUSY;
	else
		unlist(cma, b);
	fh_unlock(&cma->lock);
	if (!err)
		machine_free(cma->m, b, sizeof(*b));
	return err;
}

bool agreed_is(struct cma *cma, pfn_t pfn)
{
	bool is;

	fh_lock(&cma->lock);
	is = tree_find(&cma->agreed, pfn);
	fh_unlock(&cma->lock);
	return is;
}

void agreed_forget_all(struct cma *cma)
{
	struct agreed *b;

	while ((b = of_place(cma->agreed.root))) {
		unlist(cma, b);
		machine_free(cma->m, b, sizeof(*b));
	}
}

/* A10 of one, that lies behind all others so far. */
static bool is_sound(const struct cma *cma, const struct agreed *b, pfn_t behind)
{
	const struct window *w = &b->w;

	return b->place.key == w->pfns.start && w->pfns.start >= behind &&
	       w->pfns.start == w->r->base_pfn + (w->bit << cma->order_per_bit) &&
	       tree_from(&cma->agreed_by_size, b->count, w->pfns.start) == &b->size &&
	       bitmap_next_clear(w->r->bitmap, w->bit, w->bit + w->nr_bits) ==
		       w->bit + w->nr_bits &&
	       !b->moving;
}

unsigned int agreed_check(const struct cma *cma, struct fh_text *out)
{
	unsigned int broken = 0;
	pfn_t behind = 0;

	if (!tree_is_sound(&cma->agreed) || !tree_is_sound(&cma->agreed_by_size) ||
	    cma->agreed.nr != cma->agreed_by_size.nr) {
		fh_text_add(out, "A10 area %s: %llu agreements by place, %llu by size\n", cma->name,
			    (unsigned long long)cma->agreed.nr,
			    (unsigned long long)cma->agreed_by_size.nr);
		return 1;
	}
	for (struct tree_node *n = tree_from(&cma->agreed, 0, 0); n; n = tree_next(n)) {
		const struct agreed *b = of_place(n);

		if (!is_sound(cma, b, behind)) {
			fh_text_add(out, "A10 area %s: an agreement of %lu frames at %#llx\n",
				    cma->name, b->count, (unsigned long long)b->w.pfns.start);
			broken++;
		}
		behind = b->w.pfns.end;
	}
	return broken;
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

/* One move being made, and who is asked next. */
struct moving {
	struct cma *cma;
	const struct window_want *want;
	const struct contig_want *limits;
	struct contig_result *res;
	struct agreed *b;
	struct window from, to; /* the buffer's */
	struct window hole;	/* what comes to be */
	uint64_t
		next_count; /* smaller ones have been looked at, and of these those below next_pfn */
	pfn_t next_pfn;
	uint64_t longest; /* run without a buffer that there was when it began, bits */
	unsigned int
		no_place_align; /* a buffer as large as the next has no place of this alignment */
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

/* ---- whom to ask ---- */

#define MOST_LOOKS 256 /* at buffers, while others wait for the area's lock */

static uint64_t longest_hole(const struct cma *cma)
{
	uint64_t longest = 0;

	for (unsigned int i = 0; i < cma->nranges; i++) {
		const struct cma_memrange *r = &cma->ranges[i];
		uint64_t end = cma_bitmap_maxno(cma, r), bit = 0, stop;

		while ((bit = bitmap_next_clear(r->bitmap, bit, end)) < end) {
			stop = bitmap_next_set(r->bitmap, bit, end);
			longest = stop - bit > longest ? stop - bit : longest;
			bit = stop;
		}
	}
	return longest;
}

/* A buffer that is smaller than the hole has the rest of it on both sides, so at least half of that on one. Whether it has; if not,
 * where the next of its size is that may have, at the earliest. */
static bool has_room_beside(const struct moving *mv, const struct agreed *b, pfn_t *next)
{
	const struct cma_memrange *r = b->w.r;
	uint64_t end = cma_bitmap_maxno(mv->cma, r), behind = b->w.bit + b->w.nr_bits, half, at;

	if (b->w.nr_bits >= mv->want->nr_bits)
		return true;
	half = (mv->want->nr_bits - b->w.nr_bits + 1) / 2;
	if (half <= b->w.bit && bitmap_next_set(r->bitmap, b->w.bit - half, b->w.bit) == b->w.bit)
		return true;
	at = bitmap_find_clear(r->bitmap, end, behind, half, 0, 0);
	if (at == behind)
		return true;
	*next = r->base_pfn + r->count;
	if (at != BITMAP_NONE)
		*next = r->base_pfn + ((at - b->w.nr_bits) << mv->cma->order_per_bit);
	return false;
}

/* Where windows that the buffer is part of may lie. */
static struct window_want around(const struct moving *mv)
{
	const struct window *w = &mv->b->w;
	struct window_want want = *mv->want;
	uint64_t nr = want.nr_bits, end = cma_bitmap_maxno(mv->cma, w->r);
	uint64_t lo = w->bit > nr ? w->bit - nr : 0, hi = w->bit + w->nr_bits;
	pfn_t low, high;

	hi = end - hi > nr ? hi + nr : end;
	low = w->r->base_pfn + (lo << mv->cma->order_per_bit);
	high = w->r->base_pfn + (hi << mv->cma->order_per_bit);
	want.low = want.low > low ? want.low : low;
	want.high = want.high && want.high < high ? want.high : high;
	return want;
}

/* Somewhere there is a place for the buffer, whatever the hole takes. */
static bool has_place(const struct moving *mv, const struct window_want *there)
{
	for (unsigned int i = 0; i < mv->cma->nranges; i++)
		if (window_fits(mv->cma, &mv->cma->ranges[i], there))
			return true;
	return false;
}

/* Without the buffer there would be a window. cma.lock is held. */
static bool makes_window(struct moving *mv)
{
	struct window_want want = around(mv);

	mv->from = mv->b->w;
	return window_without(mv->cma, &mv->hole, &want, &mv->from) &&
	       overlap(&mv->hole, mv->from.r, mv->from.bit, mv->from.nr_bits);
}

/* Without the buffer there would be a window, and elsewhere one for the buffer: both are marked, and
 * so is what of the buffer is in neither. cma.lock is held. */
static bool plan(struct moving *mv)
{
	struct window_want there = {.nr_bits = mv->b->w.nr_bits, .align_order = align_of(mv->b)};
	struct cma *cma = mv->cma;
	struct window part[2];
	bool ok;

	if (mv->b->moving || there.align_order >= mv->no_place_align || !makes_window(mv))
		return false;
	rest_of(cma, &mv->hole, &mv->from, part);
	for (unsigned int i = 0; i < 2; i++)
		window_mark(cma, &part[i]);
	ok = window_search(cma, &mv->to, &there);
	if (ok)
		window_mark(cma, &mv->to);
	for (unsigned int i = 0; i < 2 && !ok; i++)
		window_clear(cma, part[i].r, part[i].bit, part[i].nr_bits);
	/* Those that come are as large at least. */
	if (!ok && !has_place(mv, &there))
		mv->no_place_align = there.align_order;
	mv->b->moving = ok;
	return ok;
}

/* The smallest buffer that helps, of those that have not been looked at: it is planned for. False: so many looks and none;
 * mv->b NULL: there are no more. cma.lock is held. */
static bool plan_next(struct moving *mv)
{
	struct cma *cma = mv->cma;

	for (unsigned int looks = 0; looks < MOST_LOOKS; looks++) {
		pfn_t next;

		mv->b = of_size(tree_from(&cma->agreed_by_size, mv->next_count, mv->next_pfn));
		if (!mv->b || mv->b->w.nr_bits > mv->longest || !mv->no_place_align) {
			mv->b = NULL;
			return false;
		}
		mv->next_count = mv->b->count;
		mv->next_pfn = next = mv->b->w.pfns.end;
		if (!has_room_beside(mv, mv->b, &next))
			mv->next_pfn = next;
		else if (plan(mv))
			return true;
	}
	return false;
}

/* Buffers that are so small that even between two of the longest holes they are not enough need not be looked at. */
static void begin(struct moving *mv)
{
	fh_lock(&mv->cma->lock);
	mv->longest = mv->cma->agreed.root ? longest_hole(mv->cma) : 0;
	fh_unlock(&mv->cma->lock);
	mv->no_place_align = UINT32_MAX;
	if (mv->want->nr_bits > 2 * mv->longest + 1)
		mv->next_count =
			((mv->want->nr_bits - 2 * mv->longest - 1) << mv->cma->order_per_bit) + 1;
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
	uint64_t nr = mv->from.pfns.end - mv->from.pfns.start;

	for (uint64_t i = 0; mv->cma->m->owners && i < nr; i++)
		owner_copy(mv->cma->m, mv->to.pfns.start + i, mv->from.pfns.start + i,
			   OWNER_FOR_RANGE);
	fh_lock(&mv->cma->lock);
	unlist(mv->cma, mv->b);
	mv->b->w = mv->to;
	mv->b->moving = false;
	enlist(mv->cma, mv->b);
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
	struct moving mv = {.cma = cma, .want = want, .limits = limits, .res = res};
	int err = -FH_EAGAIN;
	bool planned;

	for (begin(&mv); err == -FH_EAGAIN;) {
		fh_lock(&cma->lock);
		planned = plan_next(&mv);
		fh_unlock(&cma->lock);
		if (planned)
			err = move(&mv);
		else if (!mv.b)
			return -FH_ENOMEM;
	}
	if (!err)
		*w = mv.hole;
	return err;
}
