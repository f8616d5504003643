/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Pages that must stay where they are for a while: pins and writeback. In an area of any policy but
 * `movable` none may, so such a page is moved out before it is held (DESIGN G1). In ZONE_MOVABLE it may be written,
 * which ends, and not be pinned, which may last. */
#include "mm/budget.h"
#include "mm/machine.h"
#include "mm/migrate.h"
#include "mm/objects.h"
#include "mm/pages.h"
#include "mm/pinner.h"
#include "mm/reclaim.h"

#define MAX_PINS 32768u

static void free_emptied(void *data, pfn_t pfn)
{
	page_free(data, pfn, 0);
}

static int move_out(struct fh_object *o, pfn_t pfn, enum migrate_mode mode)
{
	struct migrate_result r = {0};
	enum frame_state state;

	if (!lru_isolate(o->m, pfn, &state)) {
		/* Somebody isolated it between our look and now; he will be done soon. */
		fh_unlock(&o->lock);
		return 0;
	}
	fh_unlock(&o->lock);
	migrate_pages(o->m, &pfn, 1, mode, free_emptied, o->m, &r);
	return r.failed ? r.error : 0;
}

int object_move_out(struct fh_object *o, pfn_t pfn)
{
	return move_out(o, pfn, MIGRATE_OUT_NO_DROP);
}

/* Page `index`, ready to be held, object locked. */
static int get_holdable(struct fh_object *o, uint64_t index, enum object_bring how, pfn_t *pfn)
{
	for (;;) {
		int err = object_get_locked(o, index, how, pfn);

		if (err)
			return err;
		if (frame_state(machine_frame(o->m, *pfn)) == FRAME_HELD ||
		    !machine_pfn_unholdable(o->m, *pfn))
			return 0;
		err = move_out(o, *pfn, MIGRATE_OUT_NO_DROP);
		if (err)
			return err;
	}
}

/* The same, for a pin: what is being written in ZONE_MOVABLE leaves it when it is written. */
static int get_pinnable(struct fh_object *o, uint64_t index, pfn_t *pfn)
{
	for (;;) {
		int err = object_get_locked(o, index, OBJECT_BRING, pfn);
		uint32_t seen;
		bool held;

		if (err)
			return err;
		held = frame_state(machine_frame(o->m, *pfn)) == FRAME_HELD;
		if (!machine_pfn_movable_only(o->m, *pfn) &&
		    (held || !machine_pfn_unholdable(o->m, *pfn)))
			return 0;
		if (held) {
			seen = atomic_load_explicit(&o->moves, memory_order_seq_cst);
			fh_unlock(&o->lock);
			object_wait(o, seen);
			continue;
		}
		err = move_out(o, *pfn, MIGRATE_OUT_TO_PIN);
		if (err)
			return err;
	}
}

void object_unhold(struct fh_object *o, pfn_t pfn)
{
	struct fh_frame *f = machine_frame(o->m, pfn);
	struct fh_machine *m = o->m;

	if (frame_state(f) != FRAME_HELD || f->pins || frame_flags(f) & FRAME_WRITEBACK)
		return;
	lru_unhold(m, pfn);
	atomic_fetch_add_explicit(&m->unholds, 1, memory_order_seq_cst);
	if (atomic_load_explicit(&m->unhold_waiters, memory_order_seq_cst) && m->plat.wake)
		m->plat.wake(m->plat.ctx, &m->unholds);
}

/* A free page becomes HELD. False: somebody isolated it after our look, or its area became one in
 * which nothing may be held: who changes a policy stores it and then counts what is held (A5), we
 * hold and then read the policy. */
static bool hold_here(struct fh_object *o, pfn_t pfn)
{
	if (!lru_hold(o->m, pfn))
		return false;
	atomic_thread_fence(memory_order_seq_cst);
	if (!machine_pfn_unholdable(o->m, pfn))
		return true;
	object_unhold(o, pfn);
	return false;
}

/* Makes the page HELD. -FH_ENOMEM: it could be dropped so far, and there is no room for what
 * cannot; -FH_EAGAIN: look again. */
static int hold(struct fh_object *o, pfn_t pfn)
{
	struct fh_frame *f = machine_frame(o->m, pfn);
	bool reserved, ok;

	if (frame_state(f) == FRAME_HELD)
		return 0;
	reserved = frame_flags(f) & FRAME_DROPPABLE;
	if (reserved && !budget_reserve(o->m, 1))
		return -FH_ENOMEM;
	ok = hold_here(o, pfn);
	if (reserved)
		budget_done(o->m, 1);
	return ok ? 0 : -FH_EAGAIN;
}

/* Read without the object's lock by who says what holds a page. */
static void set_pins(struct fh_frame *f, uint32_t pins)
{
	__atomic_store_n(&f->pins, pins, __ATOMIC_RELAXED);
}

int fh_object_pin_by(struct fh_object *o, uint64_t index, const struct fh_pinner *by, pfn_t *pfn)
{
	struct fh_frame *f;
	unsigned int tries = 0;
	pfn_t at;
	int err;

	if (!o || !pfn || index >= o->nr_pages)
		return -FH_EINVAL;
	for (;;) {
		err = get_pinnable(o, index, &at);
		if (err)
			return err;
		if (pins_count(machine_frame(o->m, at)->pins) >= MAX_PINS)
			err = -FH_EINVAL;
		else
			err = hold(o, at);
		if (err != -FH_EAGAIN && err != -FH_ENOMEM)
			break;
		fh_unlock(&o->lock);
		if (err == -FH_ENOMEM && !object_make_room(o, &tries))
			return err;
	}
	if (!err) {
		f = machine_frame(o->m, at);
		set_pins(f, pins_more(f->pins, by ? by->id : 0));
		*pfn = at;
	}
	fh_unlock(&o->lock);
	return err;
}

int fh_object_pin(struct fh_object *o, uint64_t index, pfn_t *pfn)
{
	return fh_object_pin_by(o, index, NULL, pfn);
}

int fh_object_unpin_by(struct fh_object *o, uint64_t index, const struct fh_pinner *by)
{
	struct fh_frame *f;
	int err = -FH_EINVAL;
	pfn_t pfn;

	if (!o || index >= o->nr_pages)
		return -FH_EINVAL;
	fh_lock(&o->lock);
	f = object_slot(o, index, &pfn) ? machine_frame(o->m, pfn) : NULL;
	if (f && f->pins) {
		set_pins(f, pins_less(f->pins, by ? by->id : 0));
		object_unhold(o, pfn);
		err = 0;
	}
	fh_unlock(&o->lock);
	return err;
}

int fh_object_unpin(struct fh_object *o, uint64_t index)
{
	return fh_object_unpin_by(o, index, NULL);
}

/* The write itself, without the lock; the page is HELD and marked. */
static int write_page(struct fh_object *o, uint64_t index, pfn_t pfn)
{
	struct fh_frame *f = machine_frame(o->m, pfn);
	unsigned char *virt = machine_virt(o->m, pfn);
	int err = virt ? o->ops->write(o->priv, index, virt) : 0;

	fh_lock(&o->lock);
	frame_flag_clear(f, FRAME_WRITEBACK);
	if (err)
		lru_set_dirty(o->m, pfn, true);
	object_unhold(o, pfn);
	fh_unlock(&o->lock);
	object_wake(o);
	return err;
}

/* The dirty page, clean and HELD from here on, object locked; -FH_EAGAIN: look again. */
static int start_write(struct fh_object *o, uint64_t index, pfn_t pfn)
{
	struct fh_frame *f = machine_frame(o->m, pfn);

	/* Who writes from here on makes it dirty again. */
	mapping_protect(o, index, 1);
	if (frame_state(f) != FRAME_HELD && !hold_here(o, pfn))
		return -FH_EAGAIN;
	frame_flag_set(f, FRAME_WRITEBACK);
	lru_set_dirty(o->m, pfn, false);
	return 0;
}

int fh_object_writeback(struct fh_object *o, uint64_t index)
{
	uint32_t flags, seen;
	pfn_t pfn;
	int err;

	if (!o || index >= o->nr_pages || !o->ops || !o->ops->write)
		return -FH_EINVAL;
	for (;;) {
		err = get_holdable(o, index, OBJECT_IF_PRESENT, &pfn);
		if (err)
			return err == -FH_ENOENT ? 0 : err;
		flags = frame_flags(machine_frame(o->m, pfn));
		seen = atomic_load_explicit(&o->moves, memory_order_seq_cst);
		if (!(flags & FRAME_WRITEBACK))
			err = flags & FRAME_DIRTY ? start_write(o, index, pfn) : 0;
		fh_unlock(&o->lock);
		if (flags & FRAME_WRITEBACK)
			object_wait(o, seen);
		else if (err != -FH_EAGAIN)
			break;
	}
	return err || !(flags & FRAME_DIRTY) ? err : write_page(o, index, pfn);
}
