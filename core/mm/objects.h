/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Inside an object and a space: slots, mappings, page tables. (The public calls:
 *freehold/object.h.)
 *
 * Model. An object is an array of slots, a slot is empty, names a frame, or, of anonymous memory, a place
 *in swap. A space is a list of
 *mappings, a mapping shows a range of an object and has a page table entry a page. The reverse map
 *of a page is its object's list of mappings. A page on the move is ISOLATED; its slot and entries
 *stay, without the right to write, until the bytes are copied and everything is switched under the
 *object's lock.
 *
 * Invariants
 *	O1 a slot's frame has this object as owner and the slot's index as index, and no other slot
 *names it; a place in swap is named by one slot only. O2 an entry that is present names the frame of its slot; a writable one a frame that is
 *not ISOLATED, and, of a file, dirty.
 *
 * Locking. space.lock > object.lock > lru.lock. `moves` counts completed moves: who finds a page
 *ISOLATED, or a slot SLOT_READING, reads it under the lock, drops the lock, and waits for it to change.
 *Such a page and slot are changed only by who marked them. While `writes` is not 0 reclaim calls
 *ops->write, and the object stays.
 */
#ifndef FH_MM_OBJECTS_H
#define FH_MM_OBJECTS_H

#include <freehold/object.h>
#include "base/lock.h"
#include "mm/frame.h"

#define PTE_PRESENT UINT64_C(1)
#define PTE_WRITE   UINT64_C(2)
#define PTE_SHIFT   12

struct mapping {
	struct fh_space *space;
	struct fh_object
		*object;	/* NULL: of frames that no object owns; its entries never change */
	uint64_t va, index, nr; /* pages */
	struct mapping *next_in_space, *next_of_object;
	_Atomic(uint32_t) users; /* raised under space.lock: faults, loads and stores in it now */
	bool dying;		 /* space.lock: fh_space_unmap() waits for them */
	uint64_t pte[];		 /* object.lock */
};

static inline size_t mapping_size(uint64_t nr)
{
	return sizeof(struct mapping) + nr * sizeof(uint64_t);
}

struct fh_object {
	struct fh_machine *m;
	const struct fh_object_ops *ops; /* NULL: anonymous */
	void *priv;
	uint64_t id; /* of the machine's objects, from 1, never used again */
	uint64_t nr_pages;
	struct fh_lock lock;
	uint64_t
		*slot; /* 0: empty; pfn + 1; or SLOT_SWAPPED and the place in swap or in the pool */
	uint64_t nr_present; /* frames */
	uint32_t writes;     /* of reclaim, under way */
	bool dying;	     /* reclaim begins no more */
	struct mapping *mappings;
	_Atomic(uint32_t) moves;
	_Atomic(uint32_t) waiters;
	struct fh_object *next, *prev; /* m->objects, m->objects_lock */
};

struct fh_space {
	struct fh_machine *m;
	void *host;
	struct fh_lock lock;
	struct mapping *mappings;     /* ascending va */
	struct fh_space *next, *prev; /* m->spaces, m->objects_lock */
};

#define SLOT_SWAPPED (UINT64_C(1) << 63)
#define SLOT_READING (UINT64_C(1) << 62) /* somebody brings it back from swap, or takes it there */
#define SLOT_POOLED                                                                                \
	(UINT64_C(1) << 61) /* with SLOT_SWAPPED: compressed; what zpool_store() returned */

static inline bool object_slot(const struct fh_object *o, uint64_t index, pfn_t *pfn)
{
	if (!o->slot[index] || o->slot[index] & SLOT_SWAPPED)
		return false;
	*pfn = o->slot[index] - 1;
	return true;
}

static inline bool slot_swapped(uint64_t slot)
{
	return slot & SLOT_SWAPPED;
}

static inline bool slot_pooled(uint64_t slot)
{
	return slot & SLOT_POOLED;
}

/* The place in swap, or in the pool. */
static inline uint64_t slot_place(uint64_t slot)
{
	return slot & ~(SLOT_SWAPPED | SLOT_READING | SLOT_POOLED);
}

/* Page `index` is there and not on the move, the object is locked, *pfn is its frame; or an error
 * and the object is not locked. Brings the page if it is not there. */
enum object_bring { OBJECT_BRING, OBJECT_IF_PRESENT };
FH_MUST_CHECK int object_get_locked(struct fh_object *o, uint64_t index, enum object_bring bring,
				    pfn_t *pfn);
/* A move, a drop or a hold of some page of the object is over. Who does not own the object calls it
 * under its lock: the last page given back, the owner may destroy it. */
void object_wake(struct fh_object *o);
/* How many of the isolated pages pfn[0..n) from the first on are of one object. */
unsigned int objects_same_owner(const struct fh_machine *m, const pfn_t *pfn, unsigned int n);
/* Isolated pages that stay where they are, of any objects: back on the lists. An object of theirs may be gone afterwards. */
void objects_put_back(struct fh_machine *m, const pfn_t *pfn, unsigned int n);
/* Waits until `moves` is no longer `seen`. */
void object_wait(struct fh_object *o, uint32_t seen);

/* The mappings that show [index, index + nr), object locked. */
/* No CPU can write [index, index + nr) through a mapping any more. Where the platform refuses that, no CPU
 * can read it either. */
void mapping_protect(struct fh_object *o, uint64_t index, uint64_t nr);
/* Pages [index, index + nr) are now in frames [pfn, pfn + nr). What the platform refuses to show there is
 * gone from the mapping: a device's request does not depend on it (DESIGN, "What may fail"). */
void mapping_switch(struct fh_object *o, uint64_t index, uint64_t nr, pfn_t pfn);
/* The page is gone from every mapping. */
void mapping_zap(struct fh_object *o, uint64_t index, uint64_t nr);

/* Puts a filled frame into an empty slot, object locked. */
void object_insert(struct fh_object *o, uint64_t index, pfn_t pfn);
/* The page is about to be written, object locked. -FH_ENOMEM: it could be dropped so far, and what
 * cannot be dropped has no room. */
FH_MUST_CHECK int object_dirty_locked(struct fh_object *o, pfn_t pfn);
/* After that, or a pin, was refused, with the object unlocked: makes room, by I/O if need be. True: try
 * again; no more than a few times, which *tries, 0 at first, counts. */
bool object_make_room(struct fh_object *o, unsigned int *tries);
/* A pin or a write of the page ended, object locked: HELD -> LRU unless somebody else holds it. */
void object_unhold(struct fh_object *o, pfn_t pfn);
/* Page `index` is there to be written, the object is locked, as object_get_locked(); a file's is
 * dirty, and so has left an area of policy `discard`. */
FH_MUST_CHECK int object_get_to_write(struct fh_object *o, uint64_t index, pfn_t *pfn);
/* Moves a page of a locked object out of the area it is in; unlocks. 0: look again where it is now;
 * -FH_ENOMEM: no frame outside. In hold.c, called from below: dirtying is a reason to leave, too. */
FH_MUST_CHECK int object_move_out(struct fh_object *o, pfn_t pfn);
#endif
