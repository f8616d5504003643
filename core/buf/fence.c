/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Fences: counted, signaled once; who is called, who sleeps; the work that a signal makes in groups. */
#include "buf/buf.h"
#include "buf/fence.h"

uint64_t dma_fence_context_alloc(struct fh_machine *m, unsigned int n)
{
	return atomic_fetch_add_explicit(&m->buf->fence_contexts, n, memory_order_relaxed) + 1;
}

static void init(struct dma_fence *f, struct fh_machine *m, const struct dma_fence_ops *ops)
{
	*f = (struct dma_fence){.machine = m, .ops = ops};
	atomic_init(&f->refs, 1);
	fh_lock_init(&f->lock, RANK_LEAF);
}

int dma_fence_init(struct dma_fence *f, struct fh_machine *m, const struct dma_fence_ops *ops,
		   uint64_t context, uint64_t seqno)
{
	if (!f || !m || !ops || !ops->get_driver_name || !ops->get_timeline_name)
		return -FH_EINVAL;
	init(f, m, ops);
	f->context = context;
	f->seqno = seqno;
	return 0;
}

void fence_group_init(struct fence_group *g, struct fh_machine *m, const struct dma_fence_ops *ops,
		      const struct fence_group_kind *kind)
{
	init(&g->f, m, ops);
	g->f.kind = kind;
}

/* ---- references ---- */

struct dma_fence *dma_fence_get(struct dma_fence *f)
{
	if (f)
		atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
	return f;
}

/* False: its last reference is gone. */
static bool get_alive(struct dma_fence *f)
{
	uint32_t refs = atomic_load_explicit(&f->refs, memory_order_relaxed);

	while (refs)
		if (atomic_compare_exchange_weak_explicit(
			    &f->refs, &refs, refs + 1, memory_order_relaxed, memory_order_relaxed))
			return true;
	return false;
}

static bool drop_ref(struct dma_fence *f)
{
	uint32_t old = atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel);

	if (!old)
		machine_bug(f->machine, "a fence (%llu-%llu) is put once too often",
			    (unsigned long long)f->context, (unsigned long long)f->seqno);
	return old == 1;
}

/* Whoever counts on it has a mistake (no reference), but is not left waiting. Returns whether it ends now. */
static bool tell_orphans(struct dma_fence *f)
{
	if (!f->callbacks || fence_done(f))
		return true;
	atomic_store_explicit(&f->refs, 1, memory_order_relaxed);
	(void)dma_fence_set_error(f, -FH_EDEADLK);
	(void)dma_fence_signal(f);
	return drop_ref(f);
}

/* A group that ends goes to the head of *dead, others end here. */
static void put(struct dma_fence *f, struct fence_group **dead)
{
	struct fence_group *g = (struct fence_group *)f;

	if (!drop_ref(f) || !tell_orphans(f))
		return;
	if (f->kind) {
		g->next = *dead;
		*dead = g;
	} else if (f->ops->release) {
		f->ops->release(f);
	}
}

void dma_fence_put(struct dma_fence *f)
{
	struct fence_group *dead = NULL, *g;

	if (f)
		put(f, &dead);
	/* What dies with a group is ended before it. */
	while ((g = dead)) {
		f = g->f.kind->drop(g);
		if (f) {
			put(f, &dead);
		} else {
			dead = g->next;
			g->f.ops->release(&g->f);
		}
	}
}

/* ---- callbacks ---- */

static void ring_add(struct dma_fence *f, struct dma_fence_cb *cb)
{
	struct dma_fence_cb *first = f->callbacks;

	if (!first) {
		f->callbacks = cb->next = cb->prev = cb;
		return;
	}
	cb->next = first;
	cb->prev = first->prev;
	cb->prev->next = first->prev = cb;
}

static void ring_del(struct dma_fence *f, struct dma_fence_cb *cb)
{
	if (f->callbacks == cb)
		f->callbacks = cb->next == cb ? NULL : cb->next;
	cb->next->prev = cb->prev;
	cb->prev->next = cb->next;
	cb->next = cb->prev = NULL;
}

/* Stands for a group's callback (next_callback()). */
static void group_func(struct dma_fence *f, void *arg)
{
	(void)f;
	(void)arg;
}

/* A reason to look at g, whose reference goes along. */
static void post(struct fence_group *g, struct fence_work *w)
{
	if (atomic_fetch_add_explicit(&g->events, 1, memory_order_acq_rel)) {
		dma_fence_put(&g->f);
		return;
	}
	g->next = NULL;
	if (w->first)
		w->last->next = g;
	else
		w->first = g;
	w->last = g;
}

static void count_down(struct fence_group *g, struct fence_work *w)
{
	if (atomic_fetch_sub_explicit(&g->pending, 1, memory_order_acq_rel) == 1)
		post(g, w);
	else
		dma_fence_put(&g->f);
}

/* Takes the next callback off. A group's: the group is had here, unless its last reference is gone; whoever ends it takes the callback
 * off under this lock first. */
static bool next_callback(struct dma_fence *f, struct dma_fence_cb *copy, struct fence_group **g)
{
	struct dma_fence_cb *cb;

	*g = NULL;
	fh_lock(&f->lock);
	f->running = NULL;
	cb = f->callbacks;
	if (cb) {
		ring_del(f, cb);
		*copy = *cb;
		if (cb->func != group_func)
			f->running = cb;
		else if (get_alive(cb->arg))
			*g = cb->arg;
	}
	fh_unlock(&f->lock);
	return cb;
}

/* cb's memory may be gone once its func was called. */
static void call_all(struct dma_fence *f, struct fence_work *w)
{
	struct dma_fence_cb cb;
	struct fence_group *g;

	while (next_callback(f, &cb, &g)) {
		cb.func(f, cb.arg);
		if (g)
			count_down(g, w);
	}
}

static int complete(struct dma_fence *f, uint64_t timestamp_ns, struct fence_work *w)
{
	uint32_t old;

	fh_lock(&f->lock);
	if (fence_done(f)) {
		fh_unlock(&f->lock);
		return -FH_EINVAL;
	}
	f->timestamp_ns = timestamp_ns;
	old = atomic_fetch_or_explicit(&f->state, FENCE_SIGNALED, memory_order_acq_rel);
	fh_unlock(&f->lock);
	if (old & FENCE_WAITED && f->machine->plat.wake)
		f->machine->plat.wake(f->machine->plat.ctx, &f->state);
	call_all(f, w);
	return 0;
}

/* ---- groups ---- */

static void look(struct fence_group *g, struct fence_work *w)
{
	uint32_t seen;

	do {
		seen = atomic_load_explicit(&g->events, memory_order_acquire);
		if (!fence_done(&g->f) && g->f.kind->update(g, w))
			(void)complete(&g->f, machine_clock(g->f.machine), w);
	} while (atomic_fetch_sub_explicit(&g->events, seen, memory_order_acq_rel) != seen);
	dma_fence_put(&g->f);
}

static void work_off(struct fence_work *w)
{
	struct fence_group *g;

	while ((g = w->first)) {
		w->first = g->next;
		look(g, w);
	}
}

static void enable(struct dma_fence *f, struct fence_work *w)
{
	uint32_t old = atomic_load_explicit(&f->state, memory_order_relaxed);

	if (old & (FENCE_ENABLED | FENCE_SIGNALED))
		return;
	old = atomic_fetch_or_explicit(&f->state, FENCE_ENABLED, memory_order_acq_rel);
	if (old & (FENCE_ENABLED | FENCE_SIGNALED))
		return;
	if (f->kind)
		post((struct fence_group *)dma_fence_get(f), w);
	else if (f->ops->enable_signaling && !f->ops->enable_signaling(f))
		(void)complete(f, machine_clock(f->machine), w);
}

static void enable_now(struct dma_fence *f)
{
	struct fence_work w = {0};

	enable(f, &w);
	work_off(&w);
}

/* False: it is done. */
static bool hang(struct dma_fence *f, struct dma_fence_cb *cb, dma_fence_func *func, void *arg)
{
	bool done;

	*cb = (struct dma_fence_cb){.func = func, .arg = arg};
	fh_lock(&f->lock);
	done = fence_done(f);
	if (!done)
		ring_add(f, cb);
	fh_unlock(&f->lock);
	return !done;
}

bool fence_hang(struct dma_fence *f, struct dma_fence_cb *cb, struct fence_group *g,
		struct fence_work *w)
{
	if (!hang(f, cb, group_func, g))
		return false;
	enable(f, w);
	return true;
}

/* ---- signals ---- */

int dma_fence_signal_at(struct dma_fence *f, uint64_t timestamp_ns)
{
	struct fence_work w = {0};
	int err = complete(f, timestamp_ns, &w);

	work_off(&w);
	return err;
}

int dma_fence_signal(struct dma_fence *f)
{
	return dma_fence_signal_at(f, machine_clock(f->machine));
}

int dma_fence_set_error(struct dma_fence *f, int error)
{
	int err = 0;

	if (error >= 0)
		return -FH_EINVAL;
	fh_lock(&f->lock);
	if (fence_done(f))
		err = -FH_EINVAL;
	else
		atomic_store_explicit(&f->error, error, memory_order_relaxed);
	fh_unlock(&f->lock);
	return err;
}

/* A group hears of those of its fences that were signaled; those that only know when they are asked are asked, as many as matter. */
static bool group_is_signaled(struct dma_fence *group)
{
	struct fence_walk w;
	struct dma_fence *f;

	enable_now(group);
	fence_walk_begin(&w, group, 0);
	while (!fence_done(group) && (f = fence_walk_next(&w))) {
		bool done = f->kind ? fence_done(f) : dma_fence_is_signaled(f);

		dma_fence_put(f);
		if (!done && !w.any)
			break;
	}
	fence_walk_end(&w);
	return fence_done(group);
}

bool dma_fence_is_signaled(struct dma_fence *f)
{
	if (fence_done(f))
		return true;
	if (f->kind)
		return group_is_signaled(f);
	if (!f->ops->signaled || !f->ops->signaled(f))
		return false;
	(void)dma_fence_signal(f);
	return true;
}

int dma_fence_get_status(struct dma_fence *f)
{
	if (!dma_fence_is_signaled(f))
		return 0;
	return fence_error(f) ? fence_error(f) : 1;
}

bool dma_fence_is_later(const struct dma_fence *a, const struct dma_fence *b)
{
	return a->context == b->context && a->seqno > b->seqno;
}

void dma_fence_set_deadline(struct dma_fence *f, uint64_t deadline_ns)
{
	struct fence_walk w;

	fence_walk_begin(&w, f, 0);
	while ((f = fence_walk_next(&w))) {
		if (!f->kind && f->ops->set_deadline && !dma_fence_is_signaled(f))
			f->ops->set_deadline(f, deadline_ns);
		dma_fence_put(f);
	}
	fence_walk_end(&w);
}

/* ---- those who want to know ---- */

int dma_fence_add_callback(struct dma_fence *f, struct dma_fence_cb *cb, dma_fence_func *func,
			   void *arg)
{
	*cb = (struct dma_fence_cb){0};
	/* Before it hangs: func is not called by this very call. */
	enable_now(f);
	return hang(f, cb, func, arg) ? 0 : -FH_ENOENT;
}

bool dma_fence_remove_callback(struct dma_fence *f, struct dma_fence_cb *cb)
{
	bool hangs, runs;

	for (unsigned int turn = 0;; turn++) {
		fh_lock(&f->lock);
		hangs = cb->next;
		if (hangs)
			ring_del(f, cb);
		runs = f->running == cb;
		fh_unlock(&f->lock);
		if (hangs || !runs)
			return hangs;
		fh_spin(turn);
	}
}

static int sleep_once(struct dma_fence *f, uint64_t until_ns)
{
	const struct plat *plat = &f->machine->plat;
	uint32_t seen;

	if (!plat->wait || !plat->wake)
		return -FH_EINVAL;
	if (until_ns && machine_clock(f->machine) >= until_ns)
		return -FH_ETIMEDOUT;
	seen = atomic_fetch_or_explicit(&f->state, FENCE_WAITED, memory_order_acq_rel) |
	       FENCE_WAITED;
	if (!(seen & FENCE_SIGNALED))
		plat->wait(plat->ctx, &f->state, seen, until_ns);
	return 0;
}

int dma_fence_wait(struct dma_fence *f, uint64_t until_ns)
{
	int err = 0;

	if (dma_fence_is_signaled(f))
		return 0;
	enable_now(f);
	while (!err && !fence_done(f))
		err = sleep_once(f, until_ns);
	return fence_done(f) ? 0 : err;
}
