/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Reservations: the sleeping lock, and the list of fences that changes under it.
 *
 * Slots are numbered as they come and lie in that order, so a reader goes on behind the last one it saw, whatever became of the list:
 * no fence is asked, waited for or called about with the small lock held. What the reader has seen done stays done; what took
 * the place of another is behind it.
 */
#include "buf/buf.h"
#include "buf/fence.h"
#include "buf/resv.h"
#include "base/string.h"

struct dma_resv_slot {
	struct dma_fence *f;
	uint64_t number;
	enum dma_resv_usage usage;
};

/* Bits of the lock's word. Above them: how often it was taken, so that who looked at one owner never sleeps on the next. */
enum { TAKEN = 1, WAITED = 2, ONCE = 4 };

void dma_resv_ctx_init(struct dma_resv_ctx *ctx, struct fh_machine *m)
{
	*ctx = (struct dma_resv_ctx){.machine = m};
	ctx->stamp = atomic_fetch_add_explicit(&m->buf->resv_stamps, 1, memory_order_relaxed) + 1;
}

void dma_resv_init(struct dma_resv *r, struct fh_machine *m)
{
	*r = (struct dma_resv){.machine = m};
	fh_lock_init(&r->lock, RANK_LEAF);
}

static void free_slots(struct fh_machine *m, struct dma_resv_slot *slot, unsigned int room)
{
	machine_free(m, slot, room * sizeof(*slot));
}

static void put_all(const struct dma_resv_slot *slot, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		dma_fence_put(slot[i].f);
}

void dma_resv_fini(struct dma_resv *r)
{
	if (dma_resv_is_locked(r))
		machine_bug(r->machine, "a reservation ends that is locked");
	put_all(r->slot, r->nr);
	free_slots(r->machine, r->slot, r->room);
	r->slot = NULL;
	r->nr = r->room = r->reserved = 0;
}

/* ---- the lock ---- */

static uint32_t word_of(const struct dma_resv *r)
{
	return atomic_load_explicit(&r->word, memory_order_relaxed);
}

/* r->lock held. The word changes under it only. */
static void take(struct dma_resv *r, struct dma_resv_ctx *ctx)
{
	atomic_store_explicit(&r->word, ((word_of(r) & ~(uint32_t)WAITED) + ONCE) | TAKEN,
			      memory_order_relaxed);
	r->owner = ctx;
	if (ctx)
		ctx->held++;
}

/* 0: it is ours. 1: to be waited for, while the word is *seen. */
static int try(struct dma_resv *r, struct dma_resv_ctx *ctx, bool may_die, uint32_t *seen)
{
	int err = 0;

	fh_lock(&r->lock);
	*seen = word_of(r);
	if (!(*seen & TAKEN)) {
		take(r, ctx);
	} else if (ctx && r->owner == ctx) {
		err = -FH_EALREADY;
	} else if (ctx && r->owner && may_die && ctx->stamp > r->owner->stamp) {
		err = -FH_EDEADLK;
	} else {
		*seen |= WAITED;
		atomic_store_explicit(&r->word, *seen, memory_order_relaxed);
		err = 1;
	}
	fh_unlock(&r->lock);
	return err;
}

static int lock(struct dma_resv *r, struct dma_resv_ctx *ctx, bool may_die)
{
	const struct plat *plat = &r->machine->plat;
	uint32_t seen;
	int err;

	for (unsigned int turn = 0; (err = try(r, ctx, may_die, &seen)) > 0; turn++) {
		if (plat->wait && plat->wake)
			plat->wait(plat->ctx, &r->word, seen, 0);
		else
			fh_spin(turn);
	}
	return err;
}

int dma_resv_lock(struct dma_resv *r, struct dma_resv_ctx *ctx)
{
	return lock(r, ctx, true);
}

void dma_resv_lock_slow(struct dma_resv *r, struct dma_resv_ctx *ctx)
{
	if (ctx && ctx->held)
		machine_bug(r->machine, "dma_resv_lock_slow() with %u other locks", ctx->held);
	(void)lock(r, ctx, false);
}

bool dma_resv_trylock(struct dma_resv *r)
{
	bool free;

	fh_lock(&r->lock);
	free = !(word_of(r) & TAKEN);
	if (free)
		take(r, NULL);
	fh_unlock(&r->lock);
	return free;
}

static void need_locked(const struct dma_resv *r, const char *who)
{
	if (!dma_resv_is_locked(r))
		machine_bug(r->machine, "%s() of a reservation that is not locked", who);
}

void dma_resv_unlock(struct dma_resv *r)
{
	const struct plat *plat = &r->machine->plat;
	uint32_t word;

	need_locked(r, __func__);
	fh_lock(&r->lock);
	word = word_of(r);
	atomic_store_explicit(&r->word, word & ~(uint32_t)(TAKEN | WAITED), memory_order_relaxed);
	if (r->owner)
		r->owner->held--;
	r->owner = NULL;
	r->reserved = r->nr;
	fh_unlock(&r->lock);
	if (word & WAITED && plat->wake)
		plat->wake(plat->ctx, &r->word);
}

bool dma_resv_is_locked(const struct dma_resv *r)
{
	return word_of(r) & TAKEN;
}

/* ---- the list: who has the reservation locked reads it as it likes, and changes it under r->lock ---- */

/* Returns the list's memory that was. */
static struct dma_resv_slot *set_slots(struct dma_resv *r, struct dma_resv_slot *slot,
				       unsigned int nr, unsigned int room)
{
	struct dma_resv_slot *old;

	fh_lock(&r->lock);
	old = r->slot;
	r->slot = slot;
	r->nr = nr;
	r->room = room;
	fh_unlock(&r->lock);
	return old;
}

int dma_resv_reserve_fences(struct dma_resv *r, unsigned int n)
{
	struct dma_resv_slot *slot;
	unsigned int room, old = r->room;

	need_locked(r, __func__);
	if (n > UINT32_MAX / 4 || r->nr > UINT32_MAX / 4)
		return -FH_ENOMEM;
	if (r->room - r->nr < n) {
		room = r->nr + n > 2 * r->nr ? r->nr + n : 2 * r->nr;
		room = room < 4 ? 4 : room;
		slot = machine_alloc(r->machine, room * sizeof(*slot));
		if (!slot)
			return -FH_ENOMEM;
		if (r->nr)
			memcpy(slot, r->slot, r->nr * sizeof(*slot));
		free_slots(r->machine, set_slots(r, slot, r->nr, room), old);
	}
	if (r->reserved < r->nr + n)
		r->reserved = r->nr + n;
	return 0;
}

static struct dma_fence *take_out(struct dma_resv *r, unsigned int i)
{
	struct dma_fence *f = r->slot[i].f;

	fh_lock(&r->lock);
	r->nr--;
	memmove(&r->slot[i], &r->slot[i + 1], (r->nr - i) * sizeof(*r->slot));
	fh_unlock(&r->lock);
	return f;
}

static void put_in(struct dma_resv *r, struct dma_fence *f, enum dma_resv_usage usage)
{
	fh_lock(&r->lock);
	r->slot[r->nr++] = (struct dma_resv_slot){dma_fence_get(f), ++r->last, usage};
	fh_unlock(&r->lock);
}

/* Whoever waits for f waits for all of what the slot stands for. */
static bool covers(const struct dma_fence *f, enum dma_resv_usage usage,
		   const struct dma_resv_slot *s)
{
	return s->f->context == f->context && s->usage >= usage && !dma_fence_is_later(s->f, f);
}

static bool is_covered(const struct dma_fence *f, enum dma_resv_usage usage,
		       const struct dma_resv_slot *s)
{
	return s->f->context == f->context && s->usage <= usage && dma_fence_is_later(s->f, f);
}

void dma_resv_add_fence(struct dma_resv *r, struct dma_fence *f, enum dma_resv_usage usage)
{
	bool needed = true;

	need_locked(r, __func__);
	for (unsigned int i = 0; i < r->nr;) {
		if (covers(f, usage, &r->slot[i]) || dma_fence_is_signaled(r->slot[i].f)) {
			dma_fence_put(take_out(r, i));
			continue;
		}
		needed = needed && !is_covered(f, usage, &r->slot[i]);
		i++;
	}
	if (!needed)
		return;
	if (r->nr >= r->reserved)
		machine_bug(r->machine, "%s() without dma_resv_reserve_fences()", __func__);
	put_in(r, f, usage);
}

void dma_resv_replace_fences(struct dma_resv *r, uint64_t context, struct dma_fence *f,
			     enum dma_resv_usage usage)
{
	bool had = false;

	need_locked(r, __func__);
	for (unsigned int i = 0; i < r->nr;) {
		if (r->slot[i].f->context != context) {
			i++;
			continue;
		}
		dma_fence_put(take_out(r, i));
		had = true;
	}
	if (had)
		dma_resv_add_fence(r, f, usage);
}

/* ---- readers ---- */

/* The first slot behind `number` that a reader of `usage` is shown, with a reference; false: no more. */
static bool next_after(struct dma_resv *r, enum dma_resv_usage usage, uint64_t number,
		       struct dma_resv_slot *s)
{
	unsigned int lo = 0, hi, mid;

	fh_lock(&r->lock);
	for (hi = r->nr; lo < hi;) {
		mid = lo + (hi - lo) / 2;
		if (r->slot[mid].number > number)
			hi = mid;
		else
			lo = mid + 1;
	}
	while (lo < r->nr && r->slot[lo].usage > usage)
		lo++;
	if (lo < r->nr) {
		*s = r->slot[lo];
		dma_fence_get(s->f);
	}
	hi = r->nr;
	fh_unlock(&r->lock);
	return lo < hi;
}

void dma_resv_for_each_fence(struct dma_resv *r, enum dma_resv_usage usage,
			     bool (*fn)(struct dma_fence *f, enum dma_resv_usage usage, void *arg),
			     void *arg)
{
	struct dma_resv_slot s = {0};
	bool more = true;

	while (more && next_after(r, usage, s.number, &s)) {
		if (!dma_fence_is_signaled(s.f))
			more = fn(s.f, s.usage, arg);
		dma_fence_put(s.f);
	}
}

static bool is_one(struct dma_fence *f, enum dma_resv_usage usage, void *arg)
{
	(void)f;
	(void)usage;
	*(bool *)arg = true;
	return false;
}

bool dma_resv_test_signaled(struct dma_resv *r, enum dma_resv_usage usage)
{
	bool one = false;

	dma_resv_for_each_fence(r, usage, is_one, &one);
	return !one;
}

int dma_resv_wait(struct dma_resv *r, enum dma_resv_usage usage, uint64_t until_ns)
{
	struct dma_resv_slot s = {0};
	int err = 0;

	while (!err && next_after(r, usage, s.number, &s)) {
		err = dma_fence_wait(s.f, until_ns);
		dma_fence_put(s.f);
	}
	return err;
}

/* ---- all at once ---- */

struct snapshot {
	struct dma_resv_slot *slot;
	unsigned int nr, room;
};

/* As many as are shown; references to them, if there is room for all. r->lock held. */
static unsigned int look(struct dma_resv *r, enum dma_resv_usage usage, struct snapshot *s)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < r->nr; i++)
		nr += r->slot[i].usage <= usage;
	s->nr = 0;
	for (unsigned int i = 0; nr <= s->room && i < r->nr; i++) {
		if (r->slot[i].usage > usage)
			continue;
		s->slot[s->nr] = r->slot[i];
		dma_fence_get(s->slot[s->nr++].f);
	}
	return nr;
}

static void drop_done(struct snapshot *s)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < s->nr; i++) {
		if (dma_fence_is_signaled(s->slot[i].f))
			dma_fence_put(s->slot[i].f);
		else
			s->slot[kept++] = s->slot[i];
	}
	s->nr = kept;
}

/* Those that are not done. */
static int take_snapshot(struct dma_resv *r, enum dma_resv_usage usage, struct snapshot *s)
{
	unsigned int nr;

	for (*s = (struct snapshot){0};;) {
		fh_lock(&r->lock);
		nr = look(r, usage, s);
		fh_unlock(&r->lock);
		if (nr <= s->room)
			break;
		free_slots(r->machine, s->slot, s->room);
		s->room = nr;
		s->slot = machine_alloc(r->machine, nr * sizeof(*s->slot));
		if (!s->slot)
			return -FH_ENOMEM;
	}
	drop_done(s);
	return 0;
}

static int array_of(struct fh_machine *m, const struct snapshot *s, struct dma_fence **f)
{
	size_t size = s->nr * sizeof(struct dma_fence *);
	struct dma_fence **fence = machine_alloc(m, size);
	int err;

	if (!fence) {
		put_all(s->slot, s->nr);
		return -FH_ENOMEM;
	}
	for (unsigned int i = 0; i < s->nr; i++)
		fence[i] = s->slot[i].f;
	err = dma_fence_array_create(m, fence, s->nr, dma_fence_context_alloc(m, 1), 1, false, f);
	machine_free(m, fence, size);
	return err;
}

int dma_resv_get_singleton(struct dma_resv *r, enum dma_resv_usage usage, struct dma_fence **f)
{
	struct snapshot s;
	int err = take_snapshot(r, usage, &s);

	if (err)
		return err;
	*f = s.nr ? s.slot[0].f : NULL;
	if (s.nr > 1)
		err = array_of(r->machine, &s, f);
	free_slots(r->machine, s.slot, s.room);
	return err;
}

int dma_resv_copy_fences(struct dma_resv *dst, struct dma_resv *src)
{
	struct snapshot s, old;
	int err;

	need_locked(dst, __func__);
	if (dst == src)
		return 0;
	err = take_snapshot(src, DMA_RESV_USAGE_BOOKKEEP, &s);
	if (err)
		return err;
	for (unsigned int i = 0; i < s.nr; i++)
		s.slot[i].number = ++dst->last;
	old = (struct snapshot){NULL, dst->nr, dst->room};
	old.slot = set_slots(dst, s.slot, s.nr, s.room);
	dst->reserved = s.nr;
	put_all(old.slot, old.nr);
	free_slots(dst->machine, old.slot, old.room);
	return 0;
}

/* ---- check ---- */

static unsigned int broken(struct fh_text *out, const char *name, const struct dma_fence *f,
			   const char *why)
{
	fh_text_add(out, "F5: buffer %s: fence %llu-%llu: %s\n", name,
		    (unsigned long long)f->context, (unsigned long long)f->seqno, why);
	return 1;
}

static bool same_use(const struct dma_resv_slot *a, const struct dma_resv_slot *b)
{
	return a->usage == b->usage && a->f->context == b->f->context;
}

#define FEW_FENCES 8

/* Slots by timeline and usage: 0, or a slot's number in the list and 1. NULL: there are few, or no memory for it. */
static uint32_t *new_table(const struct dma_resv *r, size_t *room)
{
	for (*room = 16; *room < 2 * (size_t)r->nr; *room *= 2)
		;
	return r->nr > FEW_FENCES ? machine_alloc(r->machine, *room * sizeof(uint32_t)) : NULL;
}

/* Enters slot `i`. False: one before it is of the same timeline and usage. */
static bool is_first(const struct dma_resv *r, uint32_t *table, size_t room, unsigned int i)
{
	const struct dma_resv_slot *s = &r->slot[i];
	size_t at = (s->f->context * 4 + s->usage) * UINT64_C(0x9e3779b97f4a7c15) >> 32;

	if (!table) {
		for (unsigned int k = 0; k < i; k++)
			if (same_use(&r->slot[k], s))
				return false;
		return true;
	}
	for (at &= room - 1; table[at]; at = (at + 1) & (room - 1))
		if (same_use(&r->slot[table[at] - 1], s))
			return false;
	table[at] = i + 1;
	return true;
}

unsigned int resv_check(struct dma_resv *r, const char *name, struct fh_text *out)
{
	unsigned int n = 0;
	size_t room;
	uint32_t *table = new_table(r, &room);

	for (unsigned int i = 0; i < r->nr; i++) {
		const struct dma_resv_slot *s = &r->slot[i];

		if (fence_done(s->f) && s->f->callbacks)
			n += broken(out, name, s->f, "done, and has callbacks");
		if (s->number > r->last || (i && s[-1].number >= s->number))
			n += broken(out, name, s->f, "out of order");
		if (!is_first(r, table, room, i))
			n += broken(out, name, s->f, "not the only one of its timeline and usage");
	}
	machine_free(r->machine, table, room * sizeof(uint32_t));
	return n;
}
