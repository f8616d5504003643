/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * IO virtual addresses: the caches of CPUs, the depot, and the tree behind them.
 *
 * A CPU without any takes a run of up to 32 pages' worth from the tree at once, not one: then what it maps has cache lines of the page
 * tables of its own. (Linux takes one at a time, and two CPUs share a line of eight entries for as long as
 * these addresses live.)
 */
#include "dma/iova.h"
#include "base/bits.h"
#include "mm/machine.h"

#define NO_ORDER  IOVA_ORDERS
#define BATCH_MAX 32u

_Static_assert(sizeof(struct iova_mag) == 2048, "a magazine wastes nothing");

/* The order whose ranges serve so many pages. */
static unsigned int order_of(uint64_t pages)
{
	if (pages > UINT64_C(1) << (IOVA_ORDERS - 1))
		return NO_ORDER;
	return pages == 1 ? 0 : bits_log2(pages - 1) + 1;
}

static uint64_t rounded(uint64_t pages)
{
	unsigned int order = order_of(pages);

	return order == NO_ORDER ? pages : UINT64_C(1) << order;
}

static struct iova_cpu *this_cpu(struct iova_domain *d)
{
	unsigned int id = arch_cpu_id();

	return id < d->nr_cpus ? &d->cpu[id] : NULL;
}

int iova_init(struct iova_domain *d, struct fh_machine *m, uint64_t start, uint64_t end)
{
	*d = (struct iova_domain){.m = m, .start = start ? start : 1, .end = end};
	atomic_init(&d->low_max, UINT64_MAX);
	fh_lock_init(&d->lock, RANK_LEAF);
	fh_lock_init(&d->depot_lock, RANK_LEAF);
	d->cpu = machine_alloc(m, m->nr_cpus * sizeof(*d->cpu));
	if (!d->cpu)
		return -FH_ENOMEM;
	d->nr_cpus = m->nr_cpus;
	for (unsigned int i = 0; i < d->nr_cpus; i++)
		fh_lock_init(&d->cpu[i].lock, RANK_LEAF);
	return 0;
}

void iova_fini(struct iova_domain *d)
{
	if (!d->cpu)
		return;
	iova_drain(d);
	iova_tree_end(&d->tree, d->m);
	machine_free(d->m, d->cpu, d->nr_cpus * sizeof(*d->cpu));
	d->cpu = NULL;
}

/* ---- the tree ---- */

/* Lets the lock go for a moment when there is no node. */
static bool have_node(struct iova_domain *d)
{
	struct iova_slab *slab;

	if (d->tree.free)
		return true;
	fh_unlock(&d->lock);
	slab = machine_alloc(d->m, sizeof(*slab));
	fh_lock(&d->lock);
	if (slab)
		iova_tree_grow(&d->tree, slab);
	return d->tree.free;
}

/* A power of two, at least `pages`, less 1. */
static uint64_t align_of(uint64_t pages)
{
	return pages == 1 ? 0 : (UINT64_C(2) << bits_log2(pages - 1)) - 1;
}

/* Up to n ranges of `pages`; returns how many. */
static unsigned int tree_alloc(struct iova_domain *d, uint64_t pages, uint64_t limit,
			       unsigned int n, uint64_t *pfn)
{
	struct iova_fit fit = {
		.size = pages,
		.align = align_of(pages),
		.lo = d->start,
		.hi = limit < d->end ? limit : d->end,
	};
	unsigned int got = 0;

	fh_lock(&d->lock);
	while (got < n && have_node(d) && iova_tree_fit(&d->tree, d->end, &fit, &pfn[got])) {
		iova_tree_insert(&d->tree, (struct range){pfn[got], pfn[got] + pages}, false);
		got++;
	}
	/* Without a node nobody knows whether there is room; nor what is above a lower limit. */
	if (got < n && d->tree.free && limit == IOVA_LOW_END &&
	    pages < atomic_load_explicit(&d->low_max, memory_order_relaxed))
		atomic_store_explicit(&d->low_max, pages, memory_order_relaxed);
	fh_unlock(&d->lock);
	return got;
}

static void tree_free(struct iova_domain *d, const uint64_t *pfn, uint64_t n, uint64_t pages)
{
	bool ok = true;

	if (!n)
		return;
	fh_lock(&d->lock);
	for (uint64_t i = 0; i < n; i++) {
		ok &= iova_tree_remove(&d->tree, (struct range){pfn[i], pfn[i] + pages});
		if (pfn[i] < IOVA_LOW_END)
			atomic_store_explicit(&d->low_max, UINT64_MAX, memory_order_relaxed);
	}
	fh_unlock(&d->lock);
	if (!ok)
		machine_bug(d->m, "iova: an address that nobody has is given back");
}

/* ---- magazines and the depot ---- */

static struct iova_mag *mag_alloc(struct iova_domain *d)
{
	return machine_alloc(d->m, sizeof(struct iova_mag));
}

/* What is in it goes to the tree. */
static void mag_end(struct iova_domain *d, struct iova_mag *mag, unsigned int order)
{
	if (!mag)
		return;
	tree_free(d, mag->pfn, mag->nr, UINT64_C(1) << order);
	machine_free(d->m, mag, sizeof(*mag));
}

/* The newest that ends below the limit. */
static bool mag_pop(struct iova_mag *mag, unsigned int order, uint64_t limit, uint64_t *pfn)
{
	uint64_t i = mag ? mag->nr : 0;

	while (i && mag->pfn[i - 1] + (UINT64_C(1) << order) > limit)
		i--;
	if (!i)
		return false;
	*pfn = mag->pfn[i - 1];
	mag->pfn[i - 1] = mag->pfn[--mag->nr];
	return true;
}

static bool mag_is_empty(const struct iova_mag *mag)
{
	return !mag || !mag->nr;
}

static bool mag_has_room(const struct iova_mag *mag)
{
	return mag && mag->nr < IOVA_MAG_SIZE;
}

static struct iova_mag *depot_get(struct iova_domain *d, unsigned int order)
{
	struct iova_mag *mag;

	fh_lock(&d->depot_lock);
	mag = d->depot[order];
	if (mag) {
		d->depot[order] = mag->next;
		d->nr_depot[order]--;
	}
	fh_unlock(&d->depot_lock);
	return mag;
}

static void depot_put(struct iova_domain *d, unsigned int order, struct iova_mag *mag)
{
	bool room;

	fh_lock(&d->depot_lock);
	room = d->nr_depot[order] < IOVA_DEPOT_MAX;
	if (room) {
		mag->next = d->depot[order];
		d->depot[order] = mag;
		d->nr_depot[order]++;
	}
	fh_unlock(&d->depot_lock);
	if (!room)
		mag_end(d, mag, order);
}

/* ---- a CPU's cache ---- */

static void swap_mags(struct iova_cpu *c, unsigned int order)
{
	struct iova_mag *mag = c->loaded[order];

	c->loaded[order] = c->prev[order];
	c->prev[order] = mag;
}

/* c's lock. */
static bool cpu_pop(struct iova_cpu *c, unsigned int order, uint64_t limit, uint64_t *pfn)
{
	if (mag_is_empty(c->loaded[order]) && !mag_is_empty(c->prev[order]))
		swap_mags(c, order);
	return mag_pop(c->loaded[order], order, limit, pfn);
}

/* c's lock. */
static bool cpu_push(struct iova_cpu *c, unsigned int order, uint64_t pfn)
{
	struct iova_mag *mag;

	if (!mag_has_room(c->loaded[order]) && mag_has_room(c->prev[order]))
		swap_mags(c, order);
	mag = c->loaded[order];
	if (!mag_has_room(mag))
		return false;
	mag->pfn[mag->nr++] = pfn;
	return true;
}

/* `mag` becomes the loaded one. What it displaces: full, to the depot; empty: back. */
static void cpu_load(struct iova_domain *d, struct iova_cpu *c, unsigned int order,
		     struct iova_mag *mag)
{
	struct iova_mag *old;

	fh_lock(&c->lock);
	old = c->prev[order];
	c->prev[order] = c->loaded[order];
	c->loaded[order] = mag;
	fh_unlock(&c->lock);
	if (mag_is_empty(old))
		mag_end(d, old, order);
	else
		depot_put(d, order, old);
}

/* From the tree, with more of the kind for the next requests. */
static bool cpu_refill(struct iova_domain *d, struct iova_cpu *c, unsigned int order,
		       uint64_t limit, uint64_t *pfn)
{
	struct iova_mag *mag = mag_alloc(d);
	uint64_t got[BATCH_MAX];
	unsigned int n;

	n = tree_alloc(d, UINT64_C(1) << order, limit, mag ? BATCH_MAX >> order : 1, got);
	if (!mag || n < 2) {
		mag_end(d, mag, order);
	} else { /* the highest are handed out first */
		while (mag->nr < n - 1) {
			mag->pfn[mag->nr] = got[n - 1 - mag->nr];
			mag->nr++;
		}
		cpu_load(d, c, order, mag);
	}
	if (n)
		*pfn = got[0];
	return n;
}

static bool cpu_alloc(struct iova_domain *d, struct iova_cpu *c, unsigned int order, uint64_t limit,
		      uint64_t *pfn)
{
	struct iova_mag *mag;
	bool got, empty;

	fh_lock(&c->lock);
	got = cpu_pop(c, order, limit, pfn);
	empty = mag_is_empty(c->loaded[order]);
	fh_unlock(&c->lock);
	if (got)
		return true;
	mag = empty ? depot_get(d, order) : NULL;
	if (mag) {
		got = mag_pop(mag, order, limit, pfn);
		cpu_load(d, c, order, mag);
	}
	return got || cpu_refill(d, c, order, limit, pfn);
}

static void cpu_free(struct iova_domain *d, struct iova_cpu *c, unsigned int order, uint64_t pfn)
{
	struct iova_mag *mag = mag_alloc(d);

	if (!mag) {
		tree_free(d, &pfn, 1, UINT64_C(1) << order);
		return;
	}
	mag->pfn[mag->nr++] = pfn;
	cpu_load(d, c, order, mag);
}

/* ---- the calls ---- */

static bool alloc_below(struct iova_domain *d, uint64_t pages, uint64_t limit, uint64_t *pfn)
{
	unsigned int order = order_of(pages);
	struct iova_cpu *c = this_cpu(d);

	if (c && order != NO_ORDER)
		return cpu_alloc(d, c, order, limit, pfn);
	return tree_alloc(d, rounded(pages), limit, 1, pfn);
}

/* What nearly all requests come to: the newest of this CPU's cache. */
static bool alloc_newest(struct iova_domain *d, uint64_t pages, uint64_t limit, uint64_t *pfn)
{
	unsigned int order = order_of(pages);
	struct iova_cpu *c = this_cpu(d);
	struct iova_mag *mag;
	bool got;

	if (!c || order == NO_ORDER)
		return false;
	fh_lock(&c->lock);
	mag = c->loaded[order];
	got = mag && mag->nr && mag->pfn[mag->nr - 1] + (UINT64_C(1) << order) <= limit;
	if (got)
		*pfn = mag->pfn[--mag->nr];
	fh_unlock(&c->lock);
	return got;
}

int iova_alloc(struct iova_domain *d, uint64_t pages, uint64_t limit, uint64_t *pfn)
{
	bool low = limit > IOVA_LOW_END && d->start < IOVA_LOW_END &&
		   pages < atomic_load_explicit(&d->low_max, memory_order_relaxed);

	if (!pages || pages > d->end)
		return -FH_ENOMEM;
	if (alloc_newest(d, pages, low ? IOVA_LOW_END : limit, pfn))
		return 0;
	if (low && alloc_below(d, pages, IOVA_LOW_END, pfn))
		return 0;
	return alloc_below(d, pages, limit, pfn) ? 0 : -FH_ENOMEM;
}

void iova_free(struct iova_domain *d, const struct range *r, unsigned int n)
{
	struct iova_cpu *c = this_cpu(d);

	for (unsigned int i = 0; i < n; i++) {
		unsigned int order = order_of(r[i].end - r[i].start);
		bool taken = c && order != NO_ORDER;

		if (!taken) {
			tree_free(d, &r[i].start, 1, rounded(r[i].end - r[i].start));
			continue;
		}
		fh_lock(&c->lock);
		while ((taken = cpu_push(c, order, r[i].start)) && i + 1 < n) {
			order = order_of(r[i + 1].end - r[i + 1].start);
			if (order == NO_ORDER)
				break;
			i++;
		}
		fh_unlock(&c->lock);
		if (!taken)
			cpu_free(d, c, order, r[i].start);
	}
}

void iova_drain(struct iova_domain *d)
{
	for (unsigned int order = 0; order < IOVA_ORDERS; order++) {
		for (unsigned int i = 0; i < d->nr_cpus; i++) {
			struct iova_cpu *c = &d->cpu[i];
			struct iova_mag *loaded, *prev;

			fh_lock(&c->lock);
			loaded = c->loaded[order];
			prev = c->prev[order];
			c->loaded[order] = c->prev[order] = NULL;
			fh_unlock(&c->lock);
			mag_end(d, loaded, order);
			mag_end(d, prev, order);
		}
		for (struct iova_mag *mag; (mag = depot_get(d, order));)
			mag_end(d, mag, order);
	}
}

/* ---- addresses that are not handed out ---- */

/* The first hole of r, or false: all of it is reserved. */
static bool hole(const struct iova_domain *d, struct range r, struct range *gap)
{
	for (;;) {
		const struct iova_node *n = iova_tree_above(&d->tree, r.start);

		if (n && n->start <= r.start) {
			if (n->end >= r.end)
				return false;
			r.start = n->end;
			continue;
		}
		*gap = (struct range){r.start, n && n->start < r.end ? n->start : r.end};
		return true;
	}
}

static bool is_handed_out(const struct iova_domain *d, struct range r)
{
	const struct iova_node *n;

	while (r.start < r.end && (n = iova_tree_above(&d->tree, r.start)) && n->start < r.end) {
		if (!n->reserved)
			return true;
		r.start = n->end;
	}
	return false;
}

static int reserve(struct iova_domain *d, struct range r)
{
	struct range gap;
	int err = 0;

	fh_lock(&d->lock);
	for (;;) {
		if (is_handed_out(d, r)) {
			err = -FH_EEXIST;
			break;
		}
		if (!hole(d, r, &gap))
			break;
		if (d->tree.free) {
			iova_tree_insert(&d->tree, gap, true);
		} else if (!have_node(d)) { /* looked at again: the lock was let go */
			err = -FH_ENOMEM;
			break;
		}
	}
	fh_unlock(&d->lock);
	return err;
}

int iova_reserve(struct iova_domain *d, struct range r)
{
	int err;

	if (r.start < d->start)
		r.start = d->start;
	if (r.end > d->end)
		r.end = d->end;
	if (r.start >= r.end)
		return 0;
	err = reserve(d, r);
	if (err == -FH_EEXIST) {
		iova_drain(d);
		err = reserve(d, r);
	}
	return err;
}

/* ---- the check ---- */

struct iova_node *iova_owner(const struct iova_domain *d, uint64_t pfn)
{
	struct iova_node *n = iova_tree_above(&d->tree, pfn);

	return n && n->start <= pfn ? n : NULL;
}

static unsigned int check_mag(struct iova_domain *d, const struct iova_mag *mag, unsigned int order,
			      struct fh_text *out)
{
	unsigned int broken = 0;

	for (uint64_t i = 0; mag && i < mag->nr; i++) {
		struct iova_node *n = iova_owner(d, mag->pfn[i]);

		if (!n || n->reserved || n->mark || n->start != mag->pfn[i] ||
		    n->end - n->start != UINT64_C(1) << order) {
			fh_text_add(out, "D5: iova %#llx of order %u is cached, and %s\n",
				    (unsigned long long)mag->pfn[i] << FH_PAGE_SHIFT, order,
				    n && n->mark ? "cached twice" : "not taken");
			broken++;
		} else {
			n->mark = true;
		}
	}
	return broken;
}

unsigned int iova_check(struct iova_domain *d, struct fh_text *out)
{
	unsigned int broken = 0;

	if (!iova_tree_is_sound(&d->tree) ||
	    (d->tree.root && (d->tree.root->lo < d->start || d->tree.root->hi > d->end))) {
		fh_text_add(out, "D5: the tree of addresses is not sound\n");
		return 1;
	}
	for (struct iova_node *n, *next = iova_tree_above(&d->tree, 0); (n = next);) {
		n->mark = false;
		next = iova_tree_above(&d->tree, n->end);
	}
	for (unsigned int order = 0; order < IOVA_ORDERS; order++) {
		for (unsigned int i = 0; i < d->nr_cpus; i++) {
			broken += check_mag(d, d->cpu[i].loaded[order], order, out);
			broken += check_mag(d, d->cpu[i].prev[order], order, out);
		}
		for (struct iova_mag *mag = d->depot[order]; mag; mag = mag->next)
			broken += check_mag(d, mag, order, out);
	}
	return broken;
}
