/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The mappings that are outstanding, found by their bus address and by their memory.
 *
 * Model. Two tables of chains. In each a mapping of up to 2^k bytes (its class) stands in one chain, that of the cell of
 * 2^k bytes which it begins in: it reaches no further than the next cell. So who looks for what lies at an address looks
 * at two cells of each class that is in use, however large mappings are; Linux walks back page by page.
 *
 * Locking. A chain's lock is one of STRIPES, by the chain's number. An entry's owner and events belong to the lock of its
 * chain BY_BUS; the rest does not change while it is in the table. It enters BY_PHYS first and BY_BUS last, and leaves
 * BY_BUS first: who takes it out of there has it. No two of these locks are held at once: what was found is looked up again
 * by its number (`serial`, never used twice), and may be gone.
 *
 * D8: an entry is free, or in the chain of its bus address, and of its memory if that is tracked; counts are sums.
 */
#ifndef FH_DMA_DEBUG_TABLE_H
#define FH_DMA_DEBUG_TABLE_H

#include <freehold/dma_debug.h>
#include "base/lock.h"
#include "dma/dma.h"

enum debug_by { BY_BUS, BY_PHYS, DEBUG_NR_BY };

#define DEBUG_STRIPES	   64
#define DEBUG_CLASSES	   64
#define DEBUG_MAX_CHAINS   16384
#define DEBUG_SMALLEST_BIT 12 /* class of all below a page */

/* Bytes [first, last] of a mapping, by offset. */
struct debug_part {
	struct debug_part *next;
	uint64_t first, last;
};

struct debug_entry {
	struct debug_entry *next[DEBUG_NR_BY]; /* of the chain; of the free ones */
	uint32_t chain[DEBUG_NR_BY];
	uint64_t at[DEBUG_NR_BY]; /* its first byte */
	uint64_t size;
	uint64_t serial; /* 0: free */
	const struct device *dev;
	uint8_t type, dir; /* enum dma_debug_type, dma_data_direction */
	bool has_phys;	   /* is in BY_PHYS */
	uint8_t owner; /* enum dma_owner; PARTS: the CPU what `parts` says, the device the rest */
	unsigned int attrs;
	unsigned int nr_events;	  /* since it was made */
	struct debug_part *parts; /* the CPU's: rising, apart */
	const void *site;
	uint64_t time_ns;
	struct dma_event event[DMA_MAX_EVENTS];
};

struct debug_chains {
	struct fh_lock lock[DEBUG_STRIPES];
	struct debug_entry **chain;
	_Atomic(uint64_t) nr_class[DEBUG_CLASSES]; /* entries of each class */
};

struct debug_table {
	struct fh_machine *m;
	struct debug_chains by[DEBUG_NR_BY];
	uint32_t nr_chains; /* a power of two, at least DEBUG_STRIPES */
	struct debug_entry *entry;
	uint32_t nr_entries;
	struct debug_part *part;
	uint32_t parts_each;			     /* of a stripe */
	struct debug_part *free_part[DEBUG_STRIPES]; /* by[BY_BUS].lock[] */

	struct fh_lock free_lock;
	struct debug_entry *free_entry; /* free_lock */
	uint32_t nr_fresh;		/* free_lock: entries from here on were never used */
	uint32_t nr_free, min_free;	/* free_lock */
	uint64_t last_serial;		/* free_lock */
};

FH_MUST_CHECK int debug_table_init(struct debug_table *t, struct fh_machine *m, uint32_t nr);
void debug_table_fini(struct debug_table *t);

/* An entry with a number and nothing else; NULL: there is none left. free: gives it back. */
struct debug_entry *debug_table_get(struct debug_table *t);
void debug_table_put(struct debug_table *t, struct debug_entry *e);

/* Into the chains of e->dev, at[], size; has_phys says whether BY_PHYS too. From then on it is anybody's. */
void debug_table_add(struct debug_table *t, struct debug_entry *e);
/* Out of BY_BUS, whose chain's lock the caller holds; then, with no lock, out of BY_PHYS. */
void debug_table_del_bus(struct debug_table *t, struct debug_entry *e);
void debug_table_del_phys(struct debug_table *t, struct debug_entry *e);

/* How well an entry is what somebody looks for; 0: not at all. Called with the lock of the chain it is looked up in. */
typedef unsigned int (*debug_match)(const struct debug_entry *e, const void *arg);

/* What touches [first, last]. */
struct debug_query {
	const struct device *dev; /* BY_BUS: its only */
	uint64_t first, last;
	uint64_t below; /* numbers from here on are not looked at; 0: all are */
	debug_match match;
	const void *arg;
};

struct debug_found {
	struct debug_entry *e; /* not to be looked at before debug_table_lock(); NULL: nothing */
	uint64_t serial;
	uint32_t chain; /* BY_BUS */
	unsigned int score;
};

/* The best match, of equals the newest. */
struct debug_found debug_table_find(struct debug_table *t, enum debug_by by,
				    const struct debug_query *q);
/* The entry, with its chain's lock; NULL, and no lock: it went. */
struct debug_entry *debug_table_lock(struct debug_table *t, const struct debug_found *found);
void debug_table_unlock(struct debug_table *t, uint32_t chain);

/* All entries, each with its chain's lock; fn may take it out of BY_BUS. */
void debug_table_each(struct debug_table *t,
		      void (*fn)(struct debug_table *t, struct debug_entry *e, void *arg),
		      void *arg);

static inline uint64_t debug_entry_last(const struct debug_entry *e, enum debug_by by)
{
	return e->at[by] + e->size - 1;
}

/* D8. How many invariants are broken; a line for each goes to *out. */
unsigned int debug_table_check(struct debug_table *t, struct fh_text *out);

#endif
