/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Page tables of devices. Follows io-pgtable-arm.c; tables that are left empty stay, so there is nothing to wait for. */
#include "dma/iopt.h"
#include <freehold/page.h>
#include "mm/machine.h"
#include "mm/owner.h"

typedef _Atomic(uint64_t) entry_t;

#define ENTRIES 512

/* Where a descent has ended: an entry that is a leaf or empty. */
struct place {
	entry_t *entry;
	uint64_t value; /* as it was read */
	unsigned int level;
};

static unsigned int index_of(uint64_t iova, unsigned int level)
{
	return (unsigned int)(iova >> (FH_PAGE_SHIFT + 9 * level)) & (ENTRIES - 1);
}

static entry_t *table_of(const struct iopt *pt, uint64_t entry)
{
	return (entry_t *)(void *)machine_virt(pt->m, iopt_phys(entry) >> FH_PAGE_SHIFT);
}

static uint64_t read_entry(entry_t *e)
{
	return atomic_load_explicit(e, memory_order_seq_cst);
}

/* From a table's entry at place->level down. */
static void descend(const struct iopt *pt, uint64_t iova, struct place *p)
{
	for (;;) {
		p->value = read_entry(p->entry);
		if (!(p->value & IOPT_TABLE))
			return;
		p->level--;
		p->entry = &table_of(pt, p->value)[index_of(iova, p->level)];
	}
}

static void seek(const struct iopt *pt, uint64_t iova, struct place *p)
{
	p->level = IOPT_LEVELS - 1;
	p->entry = &pt->root[index_of(iova, p->level)];
	descend(pt, iova, p);
}

/* To what follows the place, where iova is by now. */
static void step(const struct iopt *pt, uint64_t iova, struct place *p)
{
	if (!index_of(iova, p->level)) {
		seek(pt, iova, p);
		return;
	}
	p->entry++;
	descend(pt, iova, p);
}

static int table_alloc(struct iopt *pt, pfn_t *pfn)
{
	int err = fh_alloc_pages(pt->m, GFP_ATOMIC | __GFP_NOWARN | __GFP_ZERO, 0, pfn);

	if (err)
		return err;
	if (pt->m->owners)
		owner_name(pt->m, *pfn, 1, "iommu");
	atomic_fetch_add_explicit(&pt->nr_tables, 1, memory_order_relaxed);
	return 0;
}

static void table_free(struct iopt *pt, pfn_t pfn)
{
	atomic_fetch_sub_explicit(&pt->nr_tables, 1, memory_order_relaxed);
	if (fh_free_pages(pt->m, pfn, 0))
		machine_bug(pt->m, "iopt: pfn %#llx of a table was not allocated",
			    (unsigned long long)pfn);
}

int iopt_init(struct iopt *pt, struct fh_machine *m)
{
	int err;

	*pt = (struct iopt){.m = m};
	err = table_alloc(pt, &pt->root_pfn);
	if (!err)
		pt->root = (entry_t *)(void *)machine_virt(m, pt->root_pfn);
	return err;
}

static void free_below(struct iopt *pt, entry_t *table)
{
	for (unsigned int i = 0; i < ENTRIES; i++) {
		uint64_t v = read_entry(&table[i]);

		if (v & IOPT_TABLE) {
			free_below(pt, table_of(pt, v));
			table_free(pt, iopt_phys(v) >> FH_PAGE_SHIFT);
		}
	}
}

void iopt_fini(struct iopt *pt)
{
	if (!pt->root)
		return;
	free_below(pt, pt->root);
	table_free(pt, pt->root_pfn);
	pt->root = NULL;
}

uint64_t iopt_walk(const struct iopt *pt, uint64_t iova, unsigned int *level)
{
	struct place p;

	seek(pt, iova, &p);
	*level = p.level;
	return p.value;
}

/* ---- map ---- */

/* The largest leaf that addresses and length allow. */
static unsigned int leaf_level(uint64_t iova, uint64_t phys, uint64_t size)
{
	unsigned int level = IOPT_TOP_LEAF;

	while (level && ((iova | phys) & (iopt_span(level) - 1) || size < iopt_span(level)))
		level--;
	return level;
}

/* Puts a table into an empty entry, or finds that somebody else did; then goes down. */
static int deepen(struct iopt *pt, uint64_t iova, struct place *p)
{
	uint64_t empty = 0;
	pfn_t pfn;

	if (table_alloc(pt, &pfn))
		return -FH_ENOMEM;
	/* Release: whoever reads the entry finds the table zeroed. */
	if (!atomic_compare_exchange_strong(p->entry, &empty,
					    pfn << FH_PAGE_SHIFT | IOPT_VALID | IOPT_TABLE))
		table_free(pt, pfn);
	descend(pt, iova, p);
	return 0;
}

int iopt_prepare(struct iopt *pt, const struct iopt_run *run)
{
	struct place p;

	seek(pt, run->iova, &p);
	for (uint64_t done = 0;;) {
		uint64_t iova = run->iova + done;
		unsigned int level = leaf_level(iova, run->phys + done, run->size - done);

		while (!p.value && p.level > level)
			if (deepen(pt, iova, &p))
				return -FH_ENOMEM;
		if (p.value)
			return -FH_EEXIST;
		done += iopt_span(p.level);
		if (done == run->size)
			return 0;
		step(pt, iova + iopt_span(p.level), &p);
	}
}

int iopt_install(struct iopt *pt, const struct iopt_run *run, unsigned int flags)
{
	const unsigned int ends = IOPT_HEAD | IOPT_TAIL;
	struct place p;

	seek(pt, run->iova, &p);
	for (uint64_t done = 0;;) {
		uint64_t iova = run->iova + done, leaf = run->phys + done, empty = 0, size;

		leaf |= IOPT_VALID | (flags & ~ends);
		size = iopt_span(p.level);
		if (!done)
			leaf |= flags & IOPT_HEAD;
		if (done + size == run->size)
			leaf |= flags & IOPT_TAIL;
		if (!atomic_compare_exchange_strong(p.entry, &empty, leaf)) {
			descend(pt, iova, &p);
			if (!p.value)
				continue; /* a table, made since */
			if (done)
				iopt_unmap(pt, run->iova, done);
			return -FH_EEXIST;
		}
		done += size;
		if (done == run->size)
			return 0;
		step(pt, iova + size, &p);
	}
}

/* The entry of a page, by the hint; NULL: it is not known, or there is no table of pages there. */
static entry_t *hinted(const struct iopt *pt, struct iopt_hint *hint, uint64_t iova)
{
	uint64_t at = (iova >> 21) + 1;
	unsigned int i = (unsigned int)at % IOPT_HINTS;
	struct place p;

	if (!hint)
		return NULL;
	if (hint->at[i] != at) {
		seek(pt, iova, &p);
		if (p.level)
			return NULL;
		hint->at[i] = at;
		hint->table[i] = p.entry - index_of(iova, 0);
	}
	return &hint->table[i][index_of(iova, 0)];
}

int iopt_map_page(struct iopt *pt, struct iopt_hint *hint, uint64_t iova, uint64_t phys,
		  unsigned int flags)
{
	struct iopt_run run = {iova, phys, FH_PAGE_SIZE};
	entry_t *e = hinted(pt, hint, iova);
	uint64_t empty = 0;
	int err;

	if (e)
		return atomic_compare_exchange_strong(e, &empty, phys | IOPT_VALID | flags)
			       ? 0
			       : -FH_EEXIST;
	err = iopt_prepare(pt, &run);
	return err ? err : iopt_install(pt, &run, flags);
}

/* ---- unmap ---- */

/* Puts a table of the next smaller leaves in a leaf's place, or finds that somebody else changed it. */
static int split(struct iopt *pt, struct place *p)
{
	uint64_t leaf = p->value, part = iopt_span(p->level - 1);
	entry_t *table;
	pfn_t pfn;

	if (table_alloc(pt, &pfn))
		return -FH_ENOMEM;
	table = (entry_t *)(void *)machine_virt(pt->m, pfn);
	for (unsigned int i = 0; i < ENTRIES; i++) {
		uint64_t v = leaf + i * part;

		if (i)
			v &= ~(uint64_t)IOPT_HEAD;
		if (i < ENTRIES - 1)
			v &= ~(uint64_t)IOPT_TAIL;
		atomic_store_explicit(&table[i], v, memory_order_relaxed);
	}
	if (!atomic_compare_exchange_strong(p->entry, &leaf,
					    pfn << FH_PAGE_SHIFT | IOPT_VALID | IOPT_TABLE))
		table_free(pt, pfn);
	return 0;
}

uint64_t iopt_unmap(struct iopt *pt, uint64_t iova, uint64_t size)
{
	uint64_t done = 0, at = iova;
	struct place p;

	seek(pt, at, &p);
	while (p.value) {
		uint64_t span = iopt_span(p.level);

		if (at & (span - 1) || size - done < span) {
			if (split(pt, &p))
				break;
			descend(pt, at, &p);
			continue;
		}
		if (!atomic_compare_exchange_strong(p.entry, &p.value, 0)) {
			descend(pt, at, &p);
			continue;
		}
		done += span;
		at += span;
		if (done == size)
			break;
		step(pt, at, &p);
	}
	return done;
}

/* Whether [iova, +size) is one mapping of the DMA API, and how many bytes of it are mapped. */
static uint64_t measure(const struct iopt *pt, uint64_t iova, uint64_t size, bool holes)
{
	uint64_t at = iova, end = iova + size, mapped = 0;
	struct place p;

	seek(pt, at, &p);
	for (;;) {
		uint64_t next = (at & ~(iopt_span(p.level) - 1)) + iopt_span(p.level);
		bool head = p.value & IOPT_HEAD, tail = p.value & IOPT_TAIL;

		if (p.value ? !(p.value & IOPT_DMA) || next - at != iopt_span(p.level) ||
				      head != (at == iova) || tail != (next == end)
			    : !holes || at == iova || next >= end)
			return 0;
		mapped += p.value ? next - at : 0;
		at = next;
		if (at >= end)
			return at == end ? mapped : 0;
		step(pt, at, &p);
	}
}

uint64_t iopt_take(struct iopt *pt, struct iopt_hint *hint, uint64_t iova, uint64_t size,
		   bool holes)
{
	const unsigned int whole = IOPT_DMA | IOPT_HEAD | IOPT_TAIL;
	uint64_t mapped, at = iova;
	struct place p = {0};

	if (size == FH_PAGE_SIZE)
		p.entry = hinted(pt, hint, iova);
	if (p.entry) {
		p.value = atomic_load_explicit(p.entry, memory_order_relaxed);
		return (p.value & whole) == whole &&
				       atomic_compare_exchange_strong(p.entry, &p.value, 0)
			       ? FH_PAGE_SIZE
			       : 0;
	}
	mapped = measure(pt, iova, size, holes);
	if (!mapped)
		return 0;
	seek(pt, at, &p);
	/* Whoever empties the first entry has them all. */
	if (!(p.value & IOPT_HEAD) || !atomic_compare_exchange_strong(p.entry, &p.value, 0))
		return 0;
	for (;;) {
		at = (at & ~(iopt_span(p.level) - 1)) + iopt_span(p.level);
		if (at >= iova + size)
			return mapped;
		step(pt, at, &p);
		if (p.value)
			atomic_store(p.entry, 0);
	}
}

/* ---- a look at all of it ---- */

struct visit {
	const struct iopt *pt;
	void (*fn)(void *arg, uint64_t iova, unsigned int level, uint64_t entry);
	void *arg;
	uint64_t nr_tables;
};

static void visit(struct visit *v, entry_t *table, unsigned int level, uint64_t iova)
{
	v->nr_tables++;
	for (unsigned int i = 0; i < ENTRIES; i++, iova += iopt_span(level)) {
		uint64_t e = read_entry(&table[i]);

		if (level && e & IOPT_TABLE)
			visit(v, table_of(v->pt, e), level - 1, iova);
		else if (e && v->fn)
			v->fn(v->arg, iova, level, e);
	}
}

uint64_t iopt_visit(const struct iopt *pt,
		    void (*fn)(void *arg, uint64_t iova, unsigned int level, uint64_t entry),
		    void *arg)
{
	struct visit v = {.pt = pt, .fn = fn, .arg = arg};

	visit(&v, pt->root, IOPT_LEVELS - 1, 0);
	return v.nr_tables;
}
