/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Boot reservation: which bytes are RAM, which of them are taken, and where a free run of some size
 * lies.
 *
 * What memblock is to Linux, without globals: a `struct early` lives where its owner puts it (about
 * 12 kB) and is used by one thread. Ranges are bytes [base, end), kept ascending, disjoint and
 * merged.
 */
#ifndef FH_MM_EARLY_H
#define FH_MM_EARLY_H

#include <freehold/types.h>

#define EARLY_MAX_RANGES 256

struct early_range {
	uint64_t base, end;
};

struct early_set {
	struct early_range range[EARLY_MAX_RANGES];
	unsigned int nr;
};

struct early {
	struct early_set available; /* RAM */
	struct early_set reserved;  /* taken; may lie outside RAM */
	struct early_set nomap;	    /* taken, and not in the linear map */
};

enum early_order { EARLY_TOP_DOWN, EARLY_BOTTOM_UP };

/* What early_find() looks for: `size` bytes at a multiple of `align` within [start, end). */
struct early_want {
	uint64_t size;	/* above 0; with any_align 0 as well: the end of a free run */
	uint64_t align; /* a power of two */
	uint64_t start, end;
	enum early_order order;
	bool any_align; /* align may be any number: what Linux's masks make of it */
};

void early_init(struct early *early);

/*
 * [base, base + size) joins or leaves the set. Size 0 changes nothing. -FH_ERANGE: the range passes
 * the end of 64 bits; -FH_ENOSPC: the set would need more than EARLY_MAX_RANGES ranges. A call that
 * fails changes nothing.
 */
FH_MUST_CHECK int early_add(struct early_set *set, uint64_t base, uint64_t size);
FH_MUST_CHECK int early_remove(struct early_set *set, uint64_t base, uint64_t size);

/* Whether any byte, or every byte, of [base, base + size) is in the set. A range that passes the
 * end of 64 bits is cut there for the first question and never wholly inside for the second. */
bool early_overlaps(const struct early_set *set, uint64_t base, uint64_t size);
bool early_contains(const struct early_set *set, uint64_t base, uint64_t size);

uint64_t early_total(const struct early_set *set);
/* Keeps the lowest `bytes` of the set. */
void early_keep(struct early_set *set, uint64_t bytes);

/*
 * The highest (or lowest) run of RAM that is neither reserved nor nomap. -FH_EINVAL: size 0 or
 * align not a power of two; -FH_ENOMEM: none. *base is written only on success.
 */
FH_MUST_CHECK int early_find(const struct early *early, const struct early_want *want,
			     uint64_t *base);

/* The size of the largest free run within [start, end), for messages. */
uint64_t early_largest(const struct early *early, uint64_t start, uint64_t end);

#endif
