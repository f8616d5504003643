/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Objects: what owns pages. Bringing them, reading and writing them, giving them up. */
#include <freehold/page.h>
#include "base/string.h"
#include "mm/budget.h"
#include "mm/machine.h"
#include "mm/objects.h"
#include "mm/pages.h"
#include "mm/policy.h"
#include "mm/reclaim.h"
#include "mm/swap.h"
#include "mm/zpool.h"

int fh_object_create(struct fh_machine *m, uint64_t nr_pages, const struct fh_object_ops *ops,
		     void *priv, struct fh_object **object)
{
	struct fh_object *o;

	if (!m || !object || !nr_pages || nr_pages > UINT32_MAX - 1)
		return -FH_EINVAL;
	o = machine_alloc(m, sizeof(*o));
	if (!o)
		return -FH_ENOMEM;
	o->slot = machine_alloc(m, nr_pages * sizeof(o->slot[0]));
	if (!o->slot) {
		machine_free(m, o, sizeof(*o));
		return -FH_ENOMEM;
	}
	o->m = m;
	o->ops = ops;
	o->priv = priv;
	o->nr_pages = nr_pages;
	fh_lock_init(&o->lock, RANK_OBJECT);
	fh_lock(&m->objects_lock);
	o->id = ++m->last_object;
	o->next = m->objects;
	if (o->next)
		o->next->prev = o;
	m->objects = o;
	fh_unlock(&m->objects_lock);
	*object = o;
	return 0;
}

uint64_t fh_object_id(const struct fh_object *o)
{
	return o->id;
}

void object_wake(struct fh_object *o)
{
	atomic_fetch_add_explicit(&o->moves, 1, memory_order_seq_cst);
	if (atomic_load_explicit(&o->waiters, memory_order_seq_cst) && o->m->plat.wake)
		o->m->plat.wake(o->m->plat.ctx, &o->moves);
}

unsigned int objects_same_owner(const struct fh_machine *m, const pfn_t *pfn, unsigned int n)
{
	const void *owner = machine_frame(m, pfn[0])->owner;
	unsigned int run = 1;

	while (run < n && machine_frame(m, pfn[run])->owner == owner)
		run++;
	return run;
}

void objects_put_back(struct fh_machine *m, const pfn_t *pfn, unsigned int n)
{
	unsigned int run;

	for (; n; n -= run, pfn += run) {
		struct fh_object *o = machine_frame(m, pfn[0])->owner;

		run = objects_same_owner(m, pfn, n);
		fh_lock(&o->lock);
		for (unsigned int i = 0; i < run; i++)
			lru_putback(m, pfn[i]);
		object_wake(o);
		fh_unlock(&o->lock);
	}
}

void object_wait(struct fh_object *o, uint32_t seen)
{
	struct plat *plat = &o->m->plat;

	atomic_fetch_add_explicit(&o->waiters, 1, memory_order_seq_cst);
	for (unsigned int turn = 0; atomic_load_explicit(&o->moves, memory_order_seq_cst) == seen;
	     turn++) {
		if (turn < 64 || !plat->wait)
			fh_spin(turn);
		else
			plat->wait(plat->ctx, &o->moves, seen, 0);
	}
	atomic_fetch_sub_explicit(&o->waiters, 1, memory_order_seq_cst);
}

static gfp_t page_gfp(const struct fh_object *o)
{
	return GFP_HIGHUSER_MOVABLE | (o->ops ? GFP_DROPPABLE : 0);
}

void object_insert(struct fh_object *o, uint64_t index, pfn_t pfn)
{
	struct fh_frame *f = machine_frame(o->m, pfn);

	f->owner = o;
	f->index = (uint32_t)index;
	f->pins = 0;
	atomic_store_explicit(&f->flags, o->ops ? FRAME_FILE : 0, memory_order_relaxed);
	o->slot[index] = pfn + 1;
	o->nr_present++;
	lru_add(o->m, pfn);
}

/*
 * A frame with the page's bytes, not yet in the object. What is read goes into a frame outside areas
 * first: a page that I/O writes to cannot leave, so none inside an area is ever one (DESIGN G1), and the
 * page's own frame is not taken before the read has ended.
 */
static int fill_frame(struct fh_object *o, uint64_t index, pfn_t *pfn)
{
	struct fh_machine *m = o->m;
	pfn_t bounce = 0;
	int err = 0;

	if (!o->ops) {
		err = fh_alloc_pages(m, page_gfp(o), 0, pfn);
		if (!err)
			machine_zero(m, *pfn, 1);
		return err;
	}
	/* ZONE_MOVABLE may have room where nothing else has. */
	err = fh_alloc_pages(
		m, GFP_KERNEL | GFP_BRIEF | (m->zone[ZONE_MOVABLE].managed ? __GFP_MOVABLE : 0), 0,
		&bounce);
	if (err)
		return err;
	if (machine_virt(m, bounce))
		err = o->ops->read(o->priv, index, machine_virt(m, bounce));
	if (!err)
		err = fh_alloc_pages(m, page_gfp(o), 0, pfn);
	if (!err)
		machine_copy(m, *pfn, bounce);
	page_free(m, bounce, 0);
	return err;
}

/* Brings page `index`, whose slot is empty; somebody else may have been faster. */
static int bring_new(struct fh_object *o, uint64_t index)
{
	pfn_t pfn;
	int err = fill_frame(o, index, &pfn);
	bool used = false;

	if (err)
		return err;
	fh_lock(&o->lock);
	if (!o->slot[index]) {
		object_insert(o, index, pfn);
		used = true;
	}
	fh_unlock(&o->lock);
	if (!used)
		page_free(o->m, pfn, 0);
	return 0;
}

/* The frame that a page from swap, read into one outside areas, stays in: where policy would place it now,
 * if that needs no waiting. */
static pfn_t settle(struct fh_object *o, pfn_t read)
{
	pfn_t pfn;

	if (fh_alloc_pages(o->m, page_gfp(o) & ~GFP_KERNEL, 0, &pfn))
		return read;
	machine_copy(o->m, pfn, read);
	page_free(o->m, read, 0);
	return pfn;
}

/* The page at a place in swap or in the pool is back, or given up. */
static void place_free(struct fh_machine *m, uint64_t slot)
{
	if (slot_pooled(slot))
		zpool_free(m, slot_place(slot));
	else
		swap_free(m, slot_place(slot));
}

/* Its bytes, into a frame that policy may still change. On an error the frame is free. */
static int place_read(struct fh_object *o, uint64_t slot, pfn_t *pfn)
{
	struct fh_machine *m = o->m;
	int err = slot_pooled(slot) ? zpool_load(m, slot_place(slot), *pfn)
				    : swap_read(m, slot_place(slot), *pfn);

	if (err)
		page_free(m, *pfn, 0);
	else if (!slot_pooled(slot))
		*pfn = settle(o, *pfn);
	return err;
}

/* Marks the slot as being read. False: there is nothing to read, or somebody is at it. What is not in the pool
 * is read by I/O. */
static bool mark_reading(struct fh_object *o, uint64_t index, bool pooled, uint64_t *slot)
{
	bool mine;

	fh_lock(&o->lock);
	*slot = o->slot[index];
	mine = slot_swapped(*slot) && !(*slot & SLOT_READING) && slot_pooled(*slot) == pooled;
	if (mine)
		o->slot[index] = *slot | SLOT_READING;
	fh_unlock(&o->lock);
	return mine;
}

/*
 * Brings a page that is in swap, or in the pool, unless somebody else is faster. What it reads stays there until
 * it is done: the mark keeps others off the slot (R4). All waiting for memory comes before the mark: what
 * reclaim writes meanwhile may need this very page. The frame for I/O is outside areas; a compressed page goes
 * to where policy places it at once.
 */
static int bring_swapped(struct fh_object *o, uint64_t index, bool pooled)
{
	struct fh_machine *m = o->m;
	gfp_t gfp = pooled ? page_gfp(o) : page_gfp(o) & ~__GFP_CMA;
	uint64_t slot;
	pfn_t pfn;
	int err = fh_alloc_pages(m, gfp | GFP_SWAPIN, 0, &pfn);

	if (err)
		return err;
	if (!mark_reading(o, index, pooled, &slot)) {
		page_free(m, pfn, 0);
		return 0;
	}
	err = place_read(o, slot, &pfn);
	fh_lock(&o->lock);
	o->slot[index] = err ? slot : 0;
	if (!err) {
		object_insert(o, index, pfn);
		place_free(m, slot);
	}
	object_wake(o);
	fh_unlock(&o->lock);
	return err;
}

int object_get_locked(struct fh_object *o, uint64_t index, enum object_bring how, pfn_t *pfn)
{
	for (;;) {
		uint64_t slot;
		bool there;
		uint32_t seen;
		int err;

		fh_lock(&o->lock);
		there = object_slot(o, index, pfn);
		if (there && frame_state(machine_frame(o->m, *pfn)) != FRAME_ISOLATED)
			return 0;
		slot = o->slot[index];
		seen = atomic_load_explicit(&o->moves, memory_order_seq_cst);
		there |= (slot & SLOT_READING) != 0;
		fh_unlock(&o->lock);
		if (there) {
			object_wait(o, seen);
			continue;
		}
		if (how == OBJECT_IF_PRESENT)
			return -FH_ENOENT;
		err = slot_swapped(slot) ? bring_swapped(o, index, slot_pooled(slot))
					 : bring_new(o, index);
		if (err)
			return err;
	}
}

static bool inside(const struct fh_object *o, uint64_t index, size_t offset, size_t len)
{
	return o && index < o->nr_pages && offset <= FH_PAGE_SIZE && len <= FH_PAGE_SIZE - offset;
}

int fh_object_read(struct fh_object *o, uint64_t index, size_t offset, void *buf, size_t len)
{
	unsigned char *virt;
	pfn_t pfn;
	int err;

	if (!inside(o, index, offset, len))
		return -FH_EINVAL;
	err = object_get_locked(o, index, OBJECT_BRING, &pfn);
	if (err)
		return err;
	virt = machine_virt(o->m, pfn);
	if (virt)
		memcpy(buf, virt + offset, len);
	lru_touch(machine_frame(o->m, pfn));
	fh_unlock(&o->lock);
	return 0;
}

int object_dirty_locked(struct fh_object *o, pfn_t pfn)
{
	struct fh_frame *f = machine_frame(o->m, pfn);
	bool more;

	if (!o->ops || frame_flags(f) & FRAME_DIRTY)
		return 0;
	/* A page that could be dropped becomes one that cannot: it must fit (DESIGN G2). */
	more = frame_state(f) != FRAME_HELD && !(frame_flags(f) & FRAME_WRITEBACK);
	if (more && !budget_reserve(o->m, 1))
		return -FH_ENOMEM;
	lru_set_dirty(o->m, pfn, true);
	if (more)
		budget_done(o->m, 1);
	return 0;
}

#define MAKE_ROOM_TRIES 8

bool object_make_room(struct fh_object *o, unsigned int *tries)
{
	if ((*tries)++ >= MAKE_ROOM_TRIES || !reclaim_budget(o->m, GFP_KERNEL, 1))
		return false;
	budget_done(o->m, 1); /* who tries again asks again */
	return true;
}

static bool must_leave(const struct fh_object *o, pfn_t pfn)
{
	/* A held page leaves when it is no longer held: whoever changes the policy waits for it. */
	return o->ops && machine_pfn_clean_only(o->m, pfn) &&
	       frame_state(machine_frame(o->m, pfn)) != FRAME_HELD;
}

int object_get_to_write(struct fh_object *o, uint64_t index, pfn_t *pfn)
{
	unsigned int tries = 0;
	int err;

	for (;;) {
		err = object_get_locked(o, index, OBJECT_BRING, pfn);
		if (err)
			return err;
		if (!must_leave(o, *pfn)) {
			err = object_dirty_locked(o, *pfn);
			if (err) {
				fh_unlock(&o->lock);
				if (!object_make_room(o, &tries))
					return err;
				continue;
			}
			/* Who makes an area `discard` stores that and then looks for dirty pages: either
			 * he sees this one, or we see him. */
			atomic_thread_fence(memory_order_seq_cst);
			if (!must_leave(o, *pfn))
				return 0;
		}
		err = object_move_out(o, *pfn);
		if (err)
			return err;
	}
}

int fh_object_write(struct fh_object *o, uint64_t index, size_t offset, const void *buf, size_t len)
{
	unsigned char *virt;
	pfn_t pfn;
	int err;

	if (!inside(o, index, offset, len))
		return -FH_EINVAL;
	err = object_get_to_write(o, index, &pfn);
	if (err)
		return err;
	virt = machine_virt(o->m, pfn);
	if (virt)
		memcpy(virt + offset, buf, len);
	lru_touch(machine_frame(o->m, pfn));
	fh_unlock(&o->lock);
	return 0;
}

int fh_object_where(struct fh_object *o, uint64_t index, pfn_t *pfn)
{
	int err = -FH_ENOENT;

	if (!o || index >= o->nr_pages)
		return -FH_EINVAL;
	fh_lock(&o->lock);
	if (object_slot(o, index, pfn))
		err = 0;
	fh_unlock(&o->lock);
	return err;
}

#define PUNCH_BATCH 64

enum punched { PUNCH_SKIP, PUNCH_FRAME, PUNCH_SWAP, PUNCH_WAIT };

/* Empties one slot, object locked. PUNCH_FRAME: *pfn is the caller's; PUNCH_WAIT: somebody has the page
 * now. */
static enum punched punch_one(struct fh_object *o, uint64_t index, pfn_t *pfn)
{
	uint64_t slot = o->slot[index];
	enum frame_state state;

	if (slot & SLOT_READING)
		return PUNCH_WAIT;
	if (slot_swapped(slot)) {
		o->slot[index] = 0;
		place_free(o->m, slot);
		return PUNCH_SWAP;
	}
	/* Held, or a copy of it is being written: the write's end will look for it. */
	if (!object_slot(o, index, pfn) || frame_flags(machine_frame(o->m, *pfn)) & FRAME_WRITEBACK)
		return PUNCH_SKIP;
	if (!lru_isolate(o->m, *pfn, &state))
		return state == FRAME_ISOLATED ? PUNCH_WAIT : PUNCH_SKIP;
	mapping_zap(o, index, 1);
	o->slot[index] = 0;
	o->nr_present--;
	lru_forget(o->m, pfn, 1);
	return PUNCH_FRAME;
}

/* Takes up to PUNCH_BATCH pages out of [index, end); returns how far it came. */
static uint64_t punch_some(struct fh_object *o, uint64_t index, uint64_t end, uint64_t *freed)
{
	enum punched what = PUNCH_SKIP;
	pfn_t pfn[PUNCH_BATCH];
	uint64_t n = 0, first = index;
	uint32_t seen = 0;

	fh_lock(&o->lock);
	for (; index < end && n < PUNCH_BATCH && index - first < 4096; index++) {
		what = punch_one(o, index, &pfn[n]);
		if (what == PUNCH_WAIT)
			break;
		n += what == PUNCH_FRAME;
		*freed += what == PUNCH_FRAME || what == PUNCH_SWAP;
	}
	seen = atomic_load_explicit(&o->moves, memory_order_seq_cst);
	fh_unlock(&o->lock);
	for (uint64_t i = 0; i < n; i++)
		page_free(o->m, pfn[i], 0);
	if (what == PUNCH_WAIT)
		object_wait(o, seen);
	return index;
}

uint64_t fh_object_punch(struct fh_object *o, uint64_t index, uint64_t nr)
{
	uint64_t freed = 0, end;

	if (!o || index >= o->nr_pages)
		return 0;
	end = nr < o->nr_pages - index ? index + nr : o->nr_pages;
	while (index < end)
		index = punch_some(o, index, end, &freed);
	return freed;
}

/* Reclaim begins no more writes of the object, and has none under way. */
static void end_writes(struct fh_object *o)
{
	uint32_t writes, seen;

	do {
		fh_lock(&o->lock);
		o->dying = true;
		writes = o->writes;
		seen = atomic_load_explicit(&o->moves, memory_order_seq_cst);
		fh_unlock(&o->lock);
		if (writes)
			object_wait(o, seen);
	} while (writes);
}

void fh_object_destroy(struct fh_object *o)
{
	struct fh_machine *m;

	if (!o)
		return;
	m = o->m;
	end_writes(o);
	fh_object_punch(o, 0, o->nr_pages);
	if (o->nr_present || o->mappings)
		machine_bug(m, "object destroyed with %llu pages held%s",
			    (unsigned long long)o->nr_present, o->mappings ? ", and mapped" : "");
	fh_lock(&m->objects_lock);
	if (o->next)
		o->next->prev = o->prev;
	if (o->prev)
		o->prev->next = o->next;
	else
		m->objects = o->next;
	fh_unlock(&m->objects_lock);
	machine_free(m, o->slot, o->nr_pages * sizeof(o->slot[0]));
	machine_free(m, o, sizeof(*o));
}
