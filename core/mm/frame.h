/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One struct per page frame: who owns it, and which one state it is in.
 *
 * Model. Whether a frame is free is its bit in the block's map, and nothing here. A frame that is
 *free, in a CPU's cache, handed out raw or in a device's hands is RAW: the fast paths never touch
 *this struct.
 *
 *	            insert              batch is full
 *	   RAW ------------> BATCH -------------------> LRU
 *	    ^ ^                 \  pin, write back       | ^
 *	    | |                  `-------------> HELD <--+ |
 *	    | |                                   `--------+ last unpin, written
 *	    | `---- moved away, dropped ---- ISOLATED <--- taken by migrate, reclaim, punch
 *	    |                                   `--------> LRU  put back
 *	    `--> MOVABLE <--> ISOLATED_MOVABLE              pages of drivers
 *	   RAW <--> POOL                                     has compressed pages (zpool.h)
 *
 * frame_set() is the only writer of the state and checks the move against the table of legal ones.
 *
 * Locking. L: the LRU lock. O: the owner object's lock. S: set while in the hands of one (RAW ->
 *BATCH by who allocated it, ISOLATED by who isolated it), read by others only after they saw the
 *state.
 */
#ifndef FH_MM_FRAME_H
#define FH_MM_FRAME_H

#include <stdatomic.h>
#include <freehold/types.h>

enum frame_state {
	FRAME_RAW,
	FRAME_BATCH,		/* an object page in a CPU's LRU batch */
	FRAME_LRU,		/* an object page on an LRU list */
	FRAME_ISOLATED,		/* an object page in the hands of who moves or drops it */
	FRAME_HELD,		/* an object page pinned or under writeback: it stays where it is */
	FRAME_MOVABLE,		/* a driver's page with movable_operations */
	FRAME_ISOLATED_MOVABLE, /* such a page on the move */
	FRAME_POOL,		/* has compressed pages: zpool.h */
	FRAME_RESERVED,		/* a hole, or kept by the boot configuration: never free */
	FRAME_NR_STATES,
};

enum frame_flags {
	FRAME_FILE = 1 << 0,	   /* O: of an object with ops */
	FRAME_DIRTY = 1 << 1,	   /* O: differs from the file */
	FRAME_WRITEBACK = 1 << 2,  /* O: ops->write is running, on the page (HELD) or a copy */
	FRAME_ACTIVE = 1 << 3,	   /* L: which LRU list */
	FRAME_REFERENCED = 1 << 4, /* set without a lock by who uses the page */
	FRAME_DROPPABLE = 1 << 5,  /* L: counted in lru.nr_droppable */
	FRAME_EXCHANGED = 1 << 6,  /* exchange has moved the page, or tried: once in its life */
};

/* A page may be dropped when of these flags it has exactly FRAME_FILE. */
#define FRAME_KEEP_MASK (FRAME_FILE | FRAME_DIRTY | FRAME_WRITEBACK)

#define FRAME_NIL UINT32_MAX

struct fh_frame {
	_Atomic(uint32_t) state; /* enum frame_state; L, or S */
	_Atomic(uint32_t) flags; /* enum frame_flags */
	union {
		void *owner;	      /* S: struct fh_object, or struct movable_page */
		uint64_t free_chunks; /* POOL, under the pool's lock */
	};
	uint32_t index; /* S: page of the object */
	uint32_t pins;	/* O: how many, and who: pinner.h */
	/* L: frame numbers, circular; FRAME_NIL: on no list. Of a held page in an area: the low and
	 * the high half of when the hold began. POOL: the pool's lists. */
	uint32_t next, prev;
};

_Static_assert(sizeof(struct fh_frame) == 32, "goals: 32 bytes a frame");

struct fh_machine;

static inline enum frame_state frame_state(const struct fh_frame *f)
{
	return (enum frame_state)atomic_load_explicit(&f->state, memory_order_acquire);
}

static inline uint32_t frame_flags(const struct fh_frame *f)
{
	return atomic_load_explicit(&f->flags, memory_order_relaxed);
}

static inline void frame_flag_set(struct fh_frame *f, uint32_t flags)
{
	atomic_fetch_or_explicit(&f->flags, flags, memory_order_relaxed);
}

static inline void frame_flag_clear(struct fh_frame *f, uint32_t flags)
{
	atomic_fetch_and_explicit(&f->flags, ~flags, memory_order_relaxed);
}

/* Moves a frame to another state; a move the table does not know is a bug. */
void frame_set(struct fh_machine *m, struct fh_frame *f, enum frame_state to);
const char *frame_state_name(enum frame_state state);

#endif
