/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Tenants that devices would have to move change places with such as can be dropped, ahead of the devices. */
#include "base/bitmap.h"
#include "base/bits.h"
#include "mm/budget.h"
#include "mm/exchange.h"
#include "mm/machine.h"
#include "mm/migrate.h"
#include "mm/objects.h"
#include "mm/pages.h"
#include "mm/policy.h"
#include "mm/window.h"

#define BATCH POLICY_EXCHANGE_BATCH

static uint64_t lesser(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t greater(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* ---- what devices do, and what came of it ---- */

/* Frames in devices' hands; cma.lock. */
static uint64_t used_of(const struct cma *cma)
{
	return cma->count - cma->available_count;
}

static struct area_block *block_of(const struct cma_memrange *r, uint64_t i)
{
	return &r->block[i];
}

/* Pages that left long ago may have left the area by themselves since, and new ones have come. */
static void forget_half(struct cma *cma)
{
	for (unsigned int k = 0; k < cma->nranges; k++) {
		for (uint64_t i = 0; i < area_nr_blocks(&cma->ranges[k]); i++) {
			block_of(&cma->ranges[k], i)->left /= 2;
			block_of(&cma->ranges[k], i)->barren = false;
		}
	}
	cma->exchange.balance_ns /= 2;
}

static struct area_period begun(const struct cma *cma)
{
	return (struct area_period){.most = used_of(cma), .least = used_of(cma)};
}

int cma_set_exchange(struct cma *cma, bool on)
{
	if (!cma)
		return -FH_EINVAL;
	fh_lock(&cma->lock);
	if (on && !cma->exchange.on) {
		cma->exchange.since_ns = machine_clock(cma->m);
		cma->exchange.period[0] = cma->exchange.period[1] = begun(cma);
		cma->exchange.move_ns = POLICY_EXCHANGE_MOVE_NS;
		cma->exchange.in_ns = 0;
	}
	atomic_store_explicit(&cma->exchange.on, on, memory_order_relaxed);
	fh_unlock(&cma->lock);
	return 0;
}

bool cma_get_exchange(const struct cma *cma)
{
	return atomic_load_explicit(&cma->exchange.on, memory_order_relaxed);
}

/* The period that is over is the last one now; cma.lock. */
static void turn_period(struct cma *cma, uint64_t now)
{
	struct area_exchange *x = &cma->exchange;

	if (now - x->since_ns < POLICY_EXCHANGE_PERIOD_NS)
		return;
	x->period[0].ns = now - x->since_ns;
	x->period[1] = x->period[0];
	x->period[0] = begun(cma);
	x->since_ns = now;
	x->in_ns = 0; /* had it been too much, it would not be tried again */
	forget_half(cma);
}

/* Pages of frames [start, end) that a device would have had to move had they not left before; forgets them. */
static uint64_t spared_in(const struct cma_memrange *r, pfn_t start, pfn_t end)
{
	uint64_t n = 0;

	for (pfn_t at = start, next; at < end; at = next) {
		uint64_t i = (at - r->base_pfn) >> FH_BLOCK_ORDER;
		struct area_block *ab = block_of(r, i);
		uint64_t part;

		next = lesser(end, r->base_pfn + ((i + 1) << FH_BLOCK_ORDER));
		part = ab->left * (next - at) / FH_BLOCK_PAGES;
		ab->left = (uint16_t)(ab->left - part);
		ab->barren = false;
		n += part;
	}
	return n;
}

bool exchange_yield(struct cma *cma)
{
	bool on = cma_get_exchange(cma);

	if (on)
		atomic_fetch_add_explicit(&cma->exchange.claims, 1, memory_order_relaxed);
	return on;
}

void exchange_resume(struct cma *cma, bool yields)
{
	if (yields)
		atomic_fetch_sub_explicit(&cma->exchange.claims, 1, memory_order_relaxed);
}

void exchange_taken(struct cma *cma, const struct window *w, uint64_t migrated)
{
	struct area_exchange *x = &cma->exchange;
	uint64_t count = w->pfns.end - w->pfns.start, spared, back, saved;

	if (!cma_get_exchange(cma))
		return;
	x->period[0].taken += count;
	x->period[0].most = greater(x->period[0].most, used_of(cma));
	x->period[0].least = lesser(x->period[0].least, used_of(cma) - count);
	x->period[0].largest = greater(x->period[0].largest, count);
	/* Where others moved in for those that left, nothing was gained. */
	spared = lesser(spared_in(w->r, w->pfns.start, w->pfns.end),
			count - lesser(count, migrated));
	back = spared * x->move_ns;
	saved = spared * policy_exchange_saves(x->move_ns);
	x->balance_ns += (int64_t)(back + saved);
	atomic_fetch_add_explicit(&x->spared, spared, memory_order_relaxed);
	atomic_fetch_add_explicit(&x->back_ns, back, memory_order_relaxed);
	atomic_fetch_add_explicit(&x->saved_ns, saved, memory_order_relaxed);
	vm_count(cma->m, VM_exchange_spared, spared);
}

/* ---- what to exchange ---- */

/* One step. */
struct step {
	struct cma *cma;
	struct fh_machine *m;
	enum policy_exchange how;
	struct window w; /* that devices will want */
	struct area_block *ab;
	uint64_t block;	     /* of the machine */
	unsigned int lo, hi; /* frames of the block */
	unsigned int n;	     /* pages on the way out, and in */
	pfn_t out[BATCH], in[BATCH];
	unsigned int nr_emptied;
	pfn_t emptied[BATCH]; /* frames inside */
};

/* Whether and how, by the state of memory. */
static enum policy_exchange room(struct fh_machine *m)
{
	int64_t free = 0;
	uint64_t low = 0, high = 0;

	for (unsigned int i = 0; i < MAX_NR_ZONES; i++) {
		const struct zone *z = &m->zone[i];

		free += zone_count(&z->nr_free) - zone_count(&z->nr_free_cma);
		low += z->wmark[WMARK_LOW];
		high += z->wmark[WMARK_HIGH];
	}
	if (free <= 0 || !budget_fits(m, 2 * BATCH))
		return EXCHANGE_NOT;
	return policy_exchange_room((uint64_t)free, low, high);
}

/* What it takes a page to come inside. */
static uint64_t in_ns(const struct area_exchange *x)
{
	return x->in_ns ? x->in_ns : x->move_ns / POLICY_EXCHANGE_IN_PART;
}

/* Whether it is worth while, by what is known of the devices and of the time it takes; cma.lock. */
static bool is_worth(const struct cma *cma, enum policy_exchange how, uint64_t now)
{
	const struct area_exchange *x = &cma->exchange;
	const struct area_period *p = x->period;
	uint64_t most = greater(p[0].most, p[1].most), least = lesser(p[0].least, p[1].least);
	unsigned int chance = policy_exchange_chance(p[0].taken + p[1].taken, most - least,
						     now - x->since_ns + p[1].ns);

	return x->balance_ns > -(int64_t)POLICY_EXCHANGE_STAKE_NS &&
	       policy_exchange_pays(chance, x->move_ns, how == EXCHANGE_FOR_FREE ? 0 : in_ns(x));
}

/* The window that devices' next requests will get: all that they may want in one, else the largest; cma.lock. */
static bool next_window(struct cma *cma, struct window *w)
{
	const struct area_period *p = cma->exchange.period;
	uint64_t most = greater(p[0].most, p[1].most), used = used_of(cma);
	uint64_t frames = most > used ? most - used : 0;
	pfn_t at = cma->search_at;
	bool ok = false;

	for (unsigned int i = 0; i < 2 && frames && !ok; i++) {
		struct window_want want = {.nr_bits = frames >> cma->order_per_bit};

		ok = want.nr_bits && window_search(cma, w, &want);
		frames = lesser(frames, greater(p[0].largest, p[1].largest));
	}
	cma->search_at = at; /* as if nobody had looked */
	return ok;
}

/* How many pages of a block devices would have to move, about; the window has no other buffer in it. */
static uint64_t undroppable(const struct fh_machine *m, uint64_t block, uint64_t frames)
{
	uint64_t taken = FH_BLOCK_PAGES - block_word_free(block_word(m, block));
	uint64_t drop =
		atomic_load_explicit(&m->tenants[block], memory_order_relaxed) & (TENANT_HELD - 1);

	/* Of a part of a block, what there can be at most. */
	return taken > drop ? lesser(taken - drop, frames) : 0;
}

/* The block of the window with the most of them; cma.lock. */
static bool choose_block(struct step *s)
{
	const struct cma_memrange *r = s->w.r;
	uint64_t best = 0, n;

	for (pfn_t at = s->w.pfns.start, next; at < s->w.pfns.end; at = next) {
		uint64_t i = (at - r->base_pfn) >> FH_BLOCK_ORDER;
		pfn_t start = r->base_pfn + (i << FH_BLOCK_ORDER);

		next = lesser(s->w.pfns.end, start + FH_BLOCK_PAGES);
		n = undroppable(s->m, machine_block(s->m, at), next - at);
		if (n <= best || block_of(r, i)->barren)
			continue;
		best = n;
		s->ab = block_of(r, i);
		s->block = machine_block(s->m, at);
		s->lo = (unsigned int)(at - start);
		s->hi = (unsigned int)(next - start);
	}
	return best;
}

static bool choose(struct step *s, uint64_t now)
{
	bool ok;

	if (!fh_trylock(&s->cma->lock))
		return false;
	turn_period(s->cma, now);
	ok = is_worth(s->cma, s->how, now) && next_window(s->cma, &s->w) && choose_block(s);
	fh_unlock(&s->cma->lock);
	return ok;
}

/* ---- pages ---- */

/* A tenant's page that a device would have to move, and that was never exchanged. One that is being written is soon
 * clean. */
static bool is_due(const struct fh_frame *f)
{
	enum frame_state state = frame_state(f);

	return (state == FRAME_BATCH || state == FRAME_LRU) &&
	       !(frame_flags(f) & (FRAME_DROPPABLE | FRAME_EXCHANGED | FRAME_WRITEBACK));
}

/* Isolates up to a batch of such pages of the block; s->n. */
static void isolate_out(struct step *s)
{
	struct block_state state = block_lock(s->m, s->block);
	struct block_map map = s->m->map[s->block], want = {{0}};
	pfn_t start = machine_block_pfn(s->m, s->block);
	unsigned int n = 0;

	block_unlock(s->m, s->block, state, state);
	for (unsigned int i = s->lo; i < s->hi && n < BATCH && !state.isolated; i++) {
		if (map.w[i / 64] >> (i & 63) & 1 || !is_due(machine_frame(s->m, start + i)))
			continue;
		want.w[i / 64] |= UINT64_C(1) << (i & 63);
		n++;
	}
	s->n = n ? lru_isolate_map(s->m, s->block, want.w, s->out, BATCH) : 0;
	if (n || state.isolated)
		return;
	fh_lock(&s->cma->lock);
	s->ab->barren = true;
	fh_unlock(&s->cma->lock);
}

/* Isolates the coldest clean pages outside, at most one for each that leaves; how many. */
static unsigned int isolate_in(struct step *s)
{
	unsigned int got, n = 0;

	got = lru_isolate_cold(s->m, LRU_OUTSIDE, s->in, s->n, POLICY_EXCHANGE_SCANS);
	got += lru_isolate_cold(s->m, LRU_MOVABLE, s->in + got, s->n - got, POLICY_EXCHANGE_SCANS);
	for (unsigned int i = 0; i < got; i++) {
		if (frame_flags(machine_frame(s->m, s->in[i])) & FRAME_EXCHANGED)
			objects_put_back(s->m, &s->in[i], 1);
		else
			s->in[n++] = s->in[i];
	}
	return n;
}

/* From here on they have been tried; the flag goes where the page goes. */
static void mark(struct fh_machine *m, const pfn_t *pfn, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		frame_flag_set(machine_frame(m, pfn[i]), FRAME_EXCHANGED);
}

static void keep(void *data, pfn_t pfn)
{
	struct step *s = data;

	s->emptied[s->nr_emptied++] = pfn;
}

static void give_back(void *data, pfn_t pfn)
{
	page_free(data, pfn, 0);
}

static bool is_claimed(const struct step *s)
{
	return atomic_load_explicit(&s->cma->exchange.claims, memory_order_relaxed) ||
	       block_peek(s->m, s->block).isolated;
}

static uint64_t learned(uint64_t was, uint64_t ns, uint64_t pages)
{
	return (7 * was + ns / pages) / 8;
}

/* Pages that moved, and how long that took. */
struct moved {
	uint64_t out, in, out_ns, in_ns;
};

/* Pays for them. */
static void account(struct step *s, const struct moved *n)
{
	struct area_exchange *x = &s->cma->exchange;

	fh_lock(&s->cma->lock);
	if (n->out)
		x->move_ns = learned(x->move_ns, n->out_ns, n->out);
	if (n->in)
		x->in_ns = learned(in_ns(x), n->in_ns, n->in);
	x->balance_ns -= (int64_t)(n->out_ns + n->in_ns);
	s->ab->left = (uint16_t)lesser(s->ab->left + n->out, FH_BLOCK_PAGES);
	fh_unlock(&s->cma->lock);
	atomic_fetch_add_explicit(&x->out, n->out, memory_order_relaxed);
	atomic_fetch_add_explicit(&x->in, n->in, memory_order_relaxed);
	atomic_fetch_add_explicit(&x->ns, n->out_ns + n->in_ns, memory_order_relaxed);
	vm_count(s->m, VM_exchange_out, n->out);
	vm_count(s->m, VM_exchange_in, n->in);
}

/* Moves the pages out and, into the frames that they leave, nr_in pages in, unless a device wants these now. */
static void move(struct step *s, unsigned int nr_in)
{
	struct migrate_result out = {0}, in = {0};
	uint64_t began = machine_clock(s->m), between, end;
	unsigned int n;

	mark(s->m, s->out, s->n);
	migrate_pages(s->m, s->out, s->n, MIGRATE_TO_SPARE, keep, s, &out);
	between = end = machine_clock(s->m);
	n = is_claimed(s) ? 0 : (unsigned int)lesser(nr_in, s->nr_emptied);
	if (n) {
		mark(s->m, s->in, n);
		migrate_pages_to(s->m, s->in, n, s->emptied, give_back, s->m, &in);
		end = machine_clock(s->m);
	}
	for (unsigned int i = n; i < s->nr_emptied; i++)
		page_free(s->m, s->emptied[i], 0);
	objects_put_back(s->m, s->in + n, nr_in - n);
	account(s, &(struct moved){out.moved, in.moved, between - began, end - between});
}

/* The step itself. */
static bool exchange(struct step *s)
{
	unsigned int nr_in = 0;

	isolate_out(s);
	if (!s->n)
		return false;
	if (s->how == EXCHANGE_FOR_CACHE) {
		nr_in = isolate_in(s);
		objects_put_back(s->m, s->out + nr_in, s->n - nr_in);
		s->n = nr_in;
	}
	if (s->n)
		move(s, nr_in);
	return s->n;
}

bool exchange_step(struct cma *cma)
{
	struct fh_machine *m = cma->m;
	struct step s = {.cma = cma, .m = m};
	uint64_t now, took;
	bool any = false;

	if (!cma_get_exchange(cma) || !cma->active || area_policy(cma) != CMA_POLICY_GUARANTEED ||
	    atomic_exchange_explicit(&m->exchanging, 1, memory_order_acquire))
		return false;
	now = machine_clock(m);
	if (now >= m->exchange_next_ns) {
		s.how = room(m);
		any = s.how != EXCHANGE_NOT &&
		      !atomic_load_explicit(&cma->exchange.claims, memory_order_relaxed) &&
		      choose(&s, now) && exchange(&s);
		took = machine_clock(m) - now;
		m->exchange_next_ns = now + took + took * POLICY_EXCHANGE_REST;
		if (!any)
			m->exchange_next_ns =
				greater(m->exchange_next_ns, now + POLICY_EXCHANGE_LOOK_NS);
	}
	atomic_store_explicit(&m->exchanging, 0, memory_order_release);
	return any;
}
