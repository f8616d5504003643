/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What an area keeps ready: blocks evacuated and zeroed before they are asked for. */
#include "base/bitmap.h"
#include "base/bits.h"
#include "mm/evict.h"
#include "mm/drain.h"
#include "mm/machine.h"
#include "mm/ready.h"
#include "mm/terms.h"

int cma_set_ready(struct cma *cma, uint64_t pages)
{
	if (!cma || pages > cma->count)
		return -FH_EINVAL;
	fh_lock(&cma->lock);
	cma->ready_want = pages;
	cma->ready_at = 0;
	fh_unlock(&cma->lock);
	return 0;
}

uint64_t cma_get_ready(struct cma *cma)
{
	uint64_t n;

	fh_lock(&cma->lock);
	n = cma->nr_ready;
	fh_unlock(&cma->lock);
	return n;
}

/* Frames [lo, hi) of a block that are zero, which they stop being. cma.lock is held. */
static struct block_map forget_zero(struct cma *cma, struct area_block *ab, unsigned int lo,
				    unsigned int hi)
{
	struct block_map span;
	unsigned int n = 0;

	block_span(&span, lo, hi);
	for (unsigned int i = 0; i < BLOCK_WORDS; i++) {
		span.w[i] &= ab->zero.w[i];
		ab->zero.w[i] &= ~span.w[i];
		n += bits_count(span.w[i]);
	}
	cma->nr_ready -= n;
	return span;
}

void ready_taken(struct cma *cma, const struct window *w, bool zero)
{
	uint64_t first = (w->pfns.start - w->r->base_pfn) >> FH_BLOCK_ORDER, known;
	uint64_t end = ((w->pfns.end - 1 - w->r->base_pfn) >> FH_BLOCK_ORDER) + 1;

	fh_lock(&cma->lock);
	known = cma->nr_ready;
	fh_unlock(&cma->lock);
	if (!known) { /* the rule: no reserve */
		if (zero)
			machine_zero(cma->m, w->pfns.start, w->pfns.end - w->pfns.start);
		return;
	}
	for (uint64_t i = first; i < end; i++) {
		pfn_t start = w->r->base_pfn + (i << FH_BLOCK_ORDER);
		unsigned int lo = i == first ? (unsigned int)(w->pfns.start - start) : 0;
		unsigned int hi =
			i + 1 == end ? (unsigned int)(w->pfns.end - start) : FH_BLOCK_PAGES;
		struct block_map was;

		fh_lock(&cma->lock);
		was = forget_zero(cma, &w->r->block[i], lo, hi);
		fh_unlock(&cma->lock);
		for (unsigned int f = lo; zero && f < hi; f++)
			if (!(was.w[f / 64] >> (f & 63) & 1))
				machine_zero(cma->m, start + f, 1);
	}
}

/* ---- in the background ---- */

/* One block of the area. */
struct place {
	struct cma *cma;
	struct cma_memrange *r;
	struct area_block *ab;
	uint64_t i;	/* in the range */
	uint64_t nth;	/* in the area */
	uint64_t block; /* in the machine */
};

static bool place_at(struct cma *cma, uint64_t nth, struct place *p)
{
	*p = (struct place){.cma = cma, .nth = nth, .i = nth};
	for (unsigned int r = 0; r < cma->nranges; r++) {
		p->r = &cma->ranges[r];
		if (p->i < area_nr_blocks(p->r)) {
			p->ab = &p->r->block[p->i];
			p->block = machine_block(cma->m, p->r->base_pfn) + p->i;
			return true;
		}
		p->i -= area_nr_blocks(p->r);
	}
	return false;
}

/* The block is lent as its terms say; cma.lock is not held, `changing` is. */
static void lend_as_due(const struct place *p)
{
	struct fh_machine *m = p->cma->m;
	struct block_state old = block_lock(m, p->block), new = old;

	atomic_store_explicit(&p->ab->lent, terms_is_lent(p->cma, p->ab, p->nth),
			      memory_order_relaxed);
	new.lend = terms_lend(p->cma, p->ab);
	block_unlock(m, p->block, old, new);
	if (new.lend == BLOCK_LEND_NONE &&new.cached)
		pcp_drain_blocks(m, p->block, p->block + 1);
}

static unsigned int nr_zero(const struct area_block *ab)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < BLOCK_WORDS; i++)
		n += bits_count(ab->zero.w[i]);
	return n;
}

/* Whether a device has none of the block; cma.lock is held. */
static bool is_whole(const struct place *p)
{
	uint64_t per = FH_BLOCK_PAGES >> p->cma->order_per_bit, end = (p->i + 1) * per;

	return bitmap_next_set(p->r->bitmap, p->i * per, end) == end;
}

/* Finds a ready block that has free frames which are not zero, and takes these out of the map. The
 * devices' requests that want one meanwhile wait as for a page in transit. */
static bool take_unzeroed(struct cma *cma, struct place *p, struct block_map *taken)
{
	unsigned int n = 0;

	for (uint64_t k = 0; !n && place_at(cma, k, p); k++) {
		struct block_state old, new;

		if (!p->ab->ready || !block_word_free(block_word(cma->m, p->block)))
			continue;
		new = old = block_lock(cma->m, p->block);
		for (unsigned int i = 0; i < BLOCK_WORDS; i++) {
			taken->w[i] = cma->m->map[p->block].w[i] & ~p->ab->zero.w[i];
			cma->m->map[p->block].w[i] &= ~taken->w[i];
			n += bits_count(taken->w[i]);
		}
		new.free -= n;
		new.order = (uint8_t)block_map_order(&cma->m->map[p->block]);
		block_unlock(cma->m, p->block, old, new);
	}
	return n;
}

/* Gives them back; those that no request has marked meanwhile are known to be zero. */
static void give_zeroed(const struct place *p, const struct block_map *taken)
{
	struct fh_machine *m = p->cma->m;
	struct block_state old, new;

	fh_lock(&p->cma->lock);
	new = old = block_lock(m, p->block);
	block_free_map(m, p->block, &new, taken);
	block_unlock(m, p->block, old, new);
	for (unsigned int f = 0; f < FH_BLOCK_PAGES; f++) {
		uint64_t bit = ((p->i << FH_BLOCK_ORDER) + f) >> p->cma->order_per_bit;

		if (!(taken->w[f / 64] >> (f & 63) & 1) || p->r->bitmap[bit / 64] >> (bit & 63) & 1)
			continue;
		p->ab->zero.w[f / 64] |= UINT64_C(1) << (f & 63);
		p->cma->nr_ready++;
	}
	fh_unlock(&p->cma->lock);
}

static bool zero_some(struct cma *cma)
{
	struct block_map taken;
	struct place p;
	bool any;

	fh_lock(&cma->lock);
	any = take_unzeroed(cma, &p, &taken);
	fh_unlock(&cma->lock);
	if (!any)
		return false;
	for (unsigned int f = 0; f < FH_BLOCK_PAGES; f++)
		if (taken.w[f / 64] >> (f & 63) & 1)
			machine_zero(cma->m, machine_block_pfn(cma->m, p.block) + f, 1);
	give_zeroed(&p, &taken);
	return true;
}

/* The lowest block from ready_at on that no device has any of and that is not ready. */
static bool next_place(struct cma *cma, struct place *p)
{
	bool ok = false;

	fh_lock(&cma->lock);
	for (; !ok && place_at(cma, cma->ready_at, p); cma->ready_at++)
		ok = !p->ab->ready && is_whole(p);
	if (ok)
		p->ab->ready = true;
	else
		cma->ready_at = 0; /* to begin again when somebody asks again */
	fh_unlock(&cma->lock);
	return ok;
}

static void set_ready(const struct place *p, bool ready)
{
	fh_lock(&p->cma->lock);
	p->ab->ready = ready;
	if (!ready)
		forget_zero(p->cma, p->ab, 0, FH_BLOCK_PAGES);
	fh_unlock(&p->cma->lock);
	lend_as_due(p);
}

static bool evacuate_one(struct cma *cma)
{
	struct contig_result res = {.why = NULL};
	struct evict e = {.cma = cma, .who = EVICT_ALL, .res = &res};
	struct place p;

	if (!next_place(cma, &p))
		return false;
	lend_as_due(&p);
	e.deadline_ns = machine_clock(cma->m); /* who is held is not waited for: the next block */
	if (evict_block(&e, p.block))
		set_ready(&p, false);
	atomic_fetch_add_explicit(&cma->pages_migrated, res.migrated, memory_order_relaxed);
	atomic_fetch_add_explicit(&cma->pages_dropped, res.dropped, memory_order_relaxed);
	return true;
}

/* The highest ready block, if the others are enough. */
static bool give_one_back(struct cma *cma)
{
	uint64_t k = cma->count >> FH_BLOCK_ORDER;
	struct place p;
	bool found = false, ok = false;

	fh_lock(&cma->lock);
	while (!found && k-- > 0 && place_at(cma, k, &p))
		found = p.ab->ready;
	if (found)
		ok = cma->nr_ready - nr_zero(p.ab) >= cma->ready_want;
	fh_unlock(&cma->lock);
	if (ok)
		set_ready(&p, false);
	return ok;
}

bool ready_step(struct cma *cma)
{
	bool short_of, any;

	/* Whoever changes the terms now changes what blocks are lent. */
	if (!cma->active || atomic_exchange_explicit(&cma->changing, 1, memory_order_acquire))
		return false;
	fh_lock(&cma->lock);
	short_of = cma->nr_ready < cma->ready_want;
	fh_unlock(&cma->lock);
	any = short_of ? zero_some(cma) || evacuate_one(cma) : give_one_back(cma);
	atomic_store_explicit(&cma->changing, 0, memory_order_release);
	return any;
}
