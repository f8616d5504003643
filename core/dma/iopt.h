/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Page tables of devices: four levels of 512 entries in frames of the machine, 48 bits, leaves of 4 KiB, 2 MiB and 1 GiB.
 *
 *   63      52 51                           12 11   9  8     7     6    5    4    3   2     1      0
 *   |   0     |  frame of a table or a leaf   |  0  |TAIL|HEAD|DMA |MMIO|CACHE| W | R | TABLE |VALID|
 *
 * Locking: none. An entry is one atomic word: empty to table or leaf, and leaf to table (a split), by compare-and-swap; leaf to
 * empty. A table stays a table until the end, so whoever walks may do so at any time, and what was split or
 * once held small leaves takes small ones from then on. Reads of entries are sequentially consistent with what flushes do.
 */
#ifndef FH_DMA_IOPT_H
#define FH_DMA_IOPT_H

#include <stdatomic.h>
#include <freehold/types.h>

#define IOPT_BITS     48
#define IOPT_LEVELS   4
#define IOPT_TOP_LEAF 2 /* 1 GiB */
#define IOPT_PHYS_END (UINT64_C(1) << 52)

/* Bits 2 to 5 are enum iommu_prot, shifted. */
enum iopt_bits {
	IOPT_VALID = 1 << 0,
	IOPT_TABLE = 1 << 1,
	IOPT_READ = 1 << 2,
	IOPT_WRITE = 1 << 3,
	IOPT_CACHE = 1 << 4,
	IOPT_MMIO = 1 << 5,
	IOPT_DMA =
		1
		<< 6, /* of the DMA API: which page is the first and which the last of a mapping */
	IOPT_HEAD = 1 << 7, /* stands in the entries, so that an unmap of other bounds is seen */
	IOPT_TAIL = 1 << 8,
	IOPT_FLAGS = (1 << 12) - 1,
};

struct iopt {
	struct fh_machine *m;
	_Atomic(uint64_t) *root;
	pfn_t root_pfn;
	_Atomic(uint64_t) nr_tables;
};

/* A table of 4 KiB leaves that its owner used last; by 2 MiB of addresses. Never stale: tables stay. */
#define IOPT_HINTS 8
struct iopt_hint {
	uint64_t at[IOPT_HINTS]; /* address >> 21, plus 1 */
	_Atomic(uint64_t) *table[IOPT_HINTS];
};

struct iopt_run {
	uint64_t iova, phys, size; /* bytes, whole pages */
};

/* Bytes of an entry of a level; 0: a page. */
static inline uint64_t iopt_span(unsigned int level)
{
	return FH_PAGE_SIZE << 9 * level;
}

static inline uint64_t iopt_phys(uint64_t entry)
{
	return entry & ~(uint64_t)IOPT_FLAGS;
}

/* -FH_ENOMEM. */
FH_MUST_CHECK int iopt_init(struct iopt *pt, struct fh_machine *m);
void iopt_fini(struct iopt *pt);

/* The entry of iova, and the level it stands at; 0: not mapped. */
uint64_t iopt_walk(const struct iopt *pt, uint64_t iova, unsigned int *level);

/* First all that can fail: tables for the run, and nothing mapped in it. -FH_ENOMEM, -FH_EEXIST: nothing has changed, but
 * that there may be empty tables. */
FH_MUST_CHECK int iopt_prepare(struct iopt *pt, const struct iopt_run *run);
/* Then the entries; HEAD in the first and TAIL in the last, if asked. -FH_EEXIST: somebody mapped there since; what had been
 * written is undone. */
FH_MUST_CHECK int iopt_install(struct iopt *pt, const struct iopt_run *run, unsigned int flags);
/* Both for one page, by a hint; hint may be NULL. */
FH_MUST_CHECK int iopt_map_page(struct iopt *pt, struct iopt_hint *hint, uint64_t iova,
				uint64_t phys, unsigned int flags);

/* Empties entries from iova on, up to size bytes or the first that is empty; returns how many bytes. Splits a leaf that
 * reaches over the end or begins before (without a frame for that it stops there). */
uint64_t iopt_unmap(struct iopt *pt, uint64_t iova, uint64_t size);
/* Empties [iova, +size) if that is exactly one mapping of the DMA API, whose first entry nobody else has emptied by then; with
 * holes: entries in it may be empty. Returns how many bytes were mapped; 0: it is not. */
uint64_t iopt_take(struct iopt *pt, struct iopt_hint *hint, uint64_t iova, uint64_t size,
		   bool holes);

/* Every leaf, rising; and how many tables there are. */
uint64_t iopt_visit(const struct iopt *pt,
		    void (*fn)(void *arg, uint64_t iova, unsigned int level, uint64_t entry),
		    void *arg);

#endif
