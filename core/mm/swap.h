/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Places outside memory for anonymous pages: which are taken, and the frames whose bytes are not there
 * yet.
 *
 * Model. Swap is an array of slots, a bit each. A page on its way out is first in a *store*: a frame
 * outside areas that no object owns (the page's own, or a copy of one that lies in an area), named with
 * its slot in a table. From then on the page is in swap for everybody; who wants it back meanwhile copies
 * from the store. plat->swap_write() reads the store and nothing else, so no page of an object is ever
 * part of swap I/O. If it fails the store stays, and keeps the bytes until the page is wanted or a later
 * write succeeds.
 *
 * Invariants
 *	S1 a slot's bit is set exactly when one slot of one object names it (or, while its write runs, a
 *store whose object has given it up).
 *	S2 nr_free is the number of clear bits.
 *	S3 a store's frame is RAW, taken, outside areas; its slot's bit is set; no two have the same slot;
 *a quiet machine has no store that is being written or that is given up.
 *
 * Locking. swap.lock, rank LEAF. The bytes of a slot are read by whoever has marked the object's slot
 *SLOT_READING, so they cannot go away meanwhile.
 */
#ifndef FH_MM_SWAP_H
#define FH_MM_SWAP_H

#include <stdatomic.h>
#include <freehold/types.h>
#include "base/lock.h"

#define SWAP_STORES 64 /* pages on their way out, and pages whose write has failed, at a time */

enum swap_state {
	STORE_EMPTY,
	STORE_TAKEN,   /* has a slot, no frame yet */
	STORE_WRITING, /* has both */
	STORE_KEPT,    /* the write failed: here are the only bytes */
};

struct swap_store {
	uint64_t slot;
	pfn_t pfn;
	enum swap_state state;
	bool given_up; /* nobody wants the bytes any more: the end of the write frees all */
};

struct swap {
	struct fh_lock lock;
	uint64_t *map; /* set: taken */
	uint64_t hand; /* where the search for a clear bit goes on */
	_Atomic(uint64_t) nr_total, nr_free;
	struct swap_store store[SWAP_STORES];
	unsigned int nr_stores; /* not STORE_EMPTY */
	unsigned int retry;	/* the store where the search for a kept one goes on */
};

struct fh_machine;

void swap_init(struct swap *swap);
void swap_fini(struct fh_machine *m);

/* Up to n slots, a store each: their numbers in the table go to store[]; `spare` slots are left free. How
 * many there were. */
unsigned int swap_take(struct fh_machine *m, unsigned int *store, unsigned int n, uint64_t spare);
/* A store of swap_take() that is not needed. */
void swap_cancel(struct fh_machine *m, unsigned int store);
/* The frame now holds the page's bytes and is the store's; returns the slot. */
uint64_t swap_put(struct fh_machine *m, unsigned int store, pfn_t pfn);
/* Writes a store out and frees its frame. False: the write failed, the store keeps it. May sleep. */
bool swap_write(struct fh_machine *m, unsigned int store);
/* Writes one store again whose write failed, in turn, if more than half of the table is in use: who fails once
 * must not take a place in it for ever. True: its frame is free. May sleep. */
bool swap_retry(struct fh_machine *m);
/* The bytes of a slot into a frame outside areas, or what swap_read() returned. May sleep. */
FH_MUST_CHECK int swap_read(struct fh_machine *m, uint64_t slot, pfn_t pfn);
/* The page is back, or given up. */
void swap_free(struct fh_machine *m, uint64_t slot);

static inline uint64_t swap_nr_free(const struct swap *swap)
{
	return atomic_load_explicit(&swap->nr_free, memory_order_relaxed);
}

#endif
