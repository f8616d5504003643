/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The mappings that are outstanding, and those who look for them. */
#include "dma/debug_table.h"
#include "base/bits.h"
#include "base/string.h"

/* ---- birth and end ---- */

static uint32_t chains_for(uint32_t nr)
{
	uint32_t n = DEBUG_STRIPES;

	while (n < nr && n < DEBUG_MAX_CHAINS)
		n *= 2;
	return n;
}

static void init_locks(struct debug_table *t)
{
	fh_lock_init(&t->free_lock, RANK_LEAF);
	for (unsigned int by = 0; by < DEBUG_NR_BY; by++)
		for (unsigned int i = 0; i < DEBUG_STRIPES; i++)
			fh_lock_init(&t->by[by].lock[i], RANK_LEAF);
}

int debug_table_init(struct debug_table *t, struct fh_machine *m, uint32_t nr)
{
	t->m = m;
	t->nr_chains = chains_for(nr);
	t->nr_entries = t->nr_free = t->min_free = nr;
	t->parts_each = nr / 2 / DEBUG_STRIPES + 16;
	init_locks(t);
	for (unsigned int by = 0; by < DEBUG_NR_BY; by++)
		t->by[by].chain = machine_alloc(m, t->nr_chains * sizeof(t->by[by].chain[0]));
	t->entry = machine_alloc(m, nr * sizeof(t->entry[0]));
	t->part = machine_alloc(m, t->parts_each * sizeof(t->part[0]) * DEBUG_STRIPES);
	if (!t->by[BY_BUS].chain || !t->by[BY_PHYS].chain || !t->entry || !t->part) {
		debug_table_fini(t);
		return -FH_ENOMEM;
	}
	for (uint32_t i = 0; i < t->parts_each * DEBUG_STRIPES; i++) {
		struct debug_part **head = &t->free_part[i / t->parts_each];

		t->part[i].next = *head;
		*head = &t->part[i];
	}
	return 0;
}

void debug_table_fini(struct debug_table *t)
{
	for (unsigned int by = 0; by < DEBUG_NR_BY; by++)
		machine_free(t->m, t->by[by].chain, t->nr_chains * sizeof(t->by[by].chain[0]));
	machine_free(t->m, t->entry, t->nr_entries * sizeof(t->entry[0]));
	machine_free(t->m, t->part, t->parts_each * sizeof(t->part[0]) * DEBUG_STRIPES);
}

struct debug_entry *debug_table_get(struct debug_table *t)
{
	struct debug_entry *e = NULL;
	uint64_t serial = 0;

	fh_lock(&t->free_lock);
	if (t->free_entry) {
		e = t->free_entry;
		t->free_entry = e->next[0];
	} else if (t->nr_fresh < t->nr_entries) {
		e = &t->entry[t->nr_fresh++];
	}
	if (e) {
		serial = ++t->last_serial;
		if (--t->nr_free < t->min_free)
			t->min_free = t->nr_free;
	}
	fh_unlock(&t->free_lock);
	if (e)
		*e = (struct debug_entry){.serial = serial};
	return e;
}

void debug_table_put(struct debug_table *t, struct debug_entry *e)
{
	e->serial = 0;
	fh_lock(&t->free_lock);
	e->next[0] = t->free_entry;
	t->free_entry = e;
	t->nr_free++;
	fh_unlock(&t->free_lock);
}

/* ---- chains ---- */

static unsigned int class_of(uint64_t size)
{
	unsigned int k = size > 1 ? bits_log2(size - 1) + 1 : 0;

	return k < DEBUG_SMALLEST_BIT ? DEBUG_SMALLEST_BIT : k < 63 ? k : 63;
}

static uint32_t chain_of(const struct debug_table *t, const struct device *dev, unsigned int k,
			 uint64_t cell)
{
	uint64_t h = ((uint64_t)(uintptr_t)dev >> 4) + cell * 67 + k;

	h *= UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(h >> 32) & (t->nr_chains - 1);
}

static struct fh_lock *lock_of(struct debug_table *t, enum debug_by by, uint32_t chain)
{
	return &t->by[by].lock[chain % DEBUG_STRIPES];
}

/* Memory is everybody's. */
static const struct device *key_dev(enum debug_by by, const struct device *dev)
{
	return by == BY_BUS ? dev : NULL;
}

static void add_by(struct debug_table *t, struct debug_entry *e, enum debug_by by)
{
	struct debug_chains *c = &t->by[by];
	struct fh_lock *lock = lock_of(t, by, e->chain[by]);

	/* Counted first: a class that has none is not looked at. */
	atomic_fetch_add_explicit(&c->nr_class[class_of(e->size)], 1, memory_order_relaxed);
	fh_lock(lock);
	e->next[by] = c->chain[e->chain[by]];
	c->chain[e->chain[by]] = e;
	fh_unlock(lock);
}

static void del_by(struct debug_table *t, struct debug_entry *e, enum debug_by by)
{
	struct debug_chains *c = &t->by[by];
	struct debug_entry **at = &c->chain[e->chain[by]];

	while (*at != e)
		at = &(*at)->next[by];
	*at = e->next[by];
	atomic_fetch_sub_explicit(&c->nr_class[class_of(e->size)], 1, memory_order_relaxed);
}

void debug_table_add(struct debug_table *t, struct debug_entry *e)
{
	unsigned int k = class_of(e->size);

	for (unsigned int by = 0; by < DEBUG_NR_BY; by++)
		e->chain[by] = chain_of(t, key_dev((enum debug_by)by, e->dev), k, e->at[by] >> k);
	if (e->has_phys)
		add_by(t, e, BY_PHYS);
	add_by(t, e, BY_BUS);
}

void debug_table_del_bus(struct debug_table *t, struct debug_entry *e)
{
	del_by(t, e, BY_BUS);
}

void debug_table_del_phys(struct debug_table *t, struct debug_entry *e)
{
	struct fh_lock *lock = lock_of(t, BY_PHYS, e->chain[BY_PHYS]);

	if (!e->has_phys)
		return;
	fh_lock(lock);
	del_by(t, e, BY_PHYS);
	fh_unlock(lock);
}

/* ---- looking ---- */

static void scan_chain(struct debug_table *t, enum debug_by by, uint32_t chain,
		       const struct debug_query *q, struct debug_found *best)
{
	for (struct debug_entry *e = t->by[by].chain[chain]; e; e = e->next[by]) {
		unsigned int score;

		if (e->at[by] > q->last || debug_entry_last(e, by) < q->first ||
		    (by == BY_BUS && e->dev != q->dev) || (q->below && e->serial >= q->below))
			continue;
		score = q->match(e, q->arg);
		if (score > best->score ||
		    (score && score == best->score && e->serial > best->serial))
			*best = (struct debug_found){e, e->serial, e->chain[BY_BUS], score};
	}
}

static void scan_class(struct debug_table *t, enum debug_by by, unsigned int k,
		       const struct debug_query *q, struct debug_found *best)
{
	uint64_t from = q->first >> k, to = q->last >> k;

	from -= from > 0;
	for (uint64_t cell = from; cell - from <= to - from; cell++) {
		uint32_t chain = chain_of(t, key_dev(by, q->dev), k, cell);

		fh_lock(lock_of(t, by, chain));
		scan_chain(t, by, chain, q, best);
		fh_unlock(lock_of(t, by, chain));
	}
}

/* Every chain, for what touches more cells than there are chains. */
static void scan_all(struct debug_table *t, enum debug_by by, const struct debug_query *q,
		     struct debug_found *best)
{
	for (uint32_t i = 0; i < DEBUG_STRIPES; i++) {
		fh_lock(&t->by[by].lock[i]);
		for (uint32_t chain = i; chain < t->nr_chains; chain += DEBUG_STRIPES)
			scan_chain(t, by, chain, q, best);
		fh_unlock(&t->by[by].lock[i]);
	}
}

struct debug_found debug_table_find(struct debug_table *t, enum debug_by by,
				    const struct debug_query *q)
{
	struct debug_found best = {0};

	for (unsigned int k = DEBUG_SMALLEST_BIT; k < DEBUG_CLASSES; k++) {
		if (!atomic_load_explicit(&t->by[by].nr_class[k], memory_order_relaxed))
			continue;
		if (((q->last - q->first) >> k) >= t->nr_chains) {
			scan_all(t, by, q, &best);
			break; /* of all classes */
		}
		scan_class(t, by, k, q, &best);
	}
	return best;
}

struct debug_entry *debug_table_lock(struct debug_table *t, const struct debug_found *found)
{
	struct debug_entry *e;

	if (!found->e)
		return NULL;
	fh_lock(lock_of(t, BY_BUS, found->chain));
	for (e = t->by[BY_BUS].chain[found->chain]; e; e = e->next[BY_BUS])
		if (e == found->e && e->serial == found->serial)
			return e;
	fh_unlock(lock_of(t, BY_BUS, found->chain));
	return NULL;
}

void debug_table_unlock(struct debug_table *t, uint32_t chain)
{
	fh_unlock(lock_of(t, BY_BUS, chain));
}

void debug_table_each(struct debug_table *t,
		      void (*fn)(struct debug_table *t, struct debug_entry *e, void *arg),
		      void *arg)
{
	for (uint32_t chain = 0; chain < t->nr_chains; chain++) {
		struct debug_entry *e, *next;

		fh_lock(lock_of(t, BY_BUS, chain));
		for (e = t->by[BY_BUS].chain[chain]; e; e = next) {
			next = e->next[BY_BUS];
			fn(t, e, arg);
		}
		fh_unlock(lock_of(t, BY_BUS, chain));
	}
}

/* ---- D8 ---- */

struct check {
	struct fh_text *out;
	unsigned int broken;
	uint64_t nr[DEBUG_NR_BY], nr_class[DEBUG_NR_BY][DEBUG_CLASSES];
	uint64_t with_phys; /* of those BY_BUS */
	uint64_t parts[DEBUG_STRIPES];
};

typedef unsigned long long ull;

static void broken(struct check *c, const char *what, uint64_t is, uint64_t should)
{
	c->broken++;
	fh_text_add(c->out, "D8 dma debug: %s: %llu, should be %llu\n", what, (ull)is, (ull)should);
}

static void check_parts(struct check *c, const struct debug_entry *e)
{
	uint64_t end = 0;

	if ((e->owner == DMA_OWNER_PARTS) != (e->parts != NULL))
		broken(c, "a mapping's parts: owner", e->owner, DMA_OWNER_PARTS);
	for (const struct debug_part *p = e->parts; p; p = p->next) {
		if (p->first < end || p->last < p->first || p->last >= e->size ||
		    (p->first == 0 && p->last == e->size - 1))
			broken(c, "a part's first byte", p->first, end);
		end = p->last + 2; /* one byte between two at least */
		c->parts[e->chain[BY_BUS] % DEBUG_STRIPES]++;
	}
}

static void check_chain(struct check *c, struct debug_table *t, enum debug_by by, uint32_t chain)
{
	for (const struct debug_entry *e = t->by[by].chain[chain]; e; e = e->next[by]) {
		unsigned int k = class_of(e->size);
		uint32_t right = chain_of(t, key_dev(by, e->dev), k, e->at[by] >> k);

		c->nr[by]++;
		c->nr_class[by][k]++;
		if (!e->serial || right != chain || e->chain[by] != chain)
			broken(c, "an entry's chain", chain, right);
		if (by == BY_BUS) {
			c->with_phys += e->has_phys;
			check_parts(c, e);
		}
	}
}

static void check_counts(struct check *c, struct debug_table *t)
{
	uint64_t free = t->nr_entries - t->nr_fresh;

	for (const struct debug_entry *e = t->free_entry; e; e = e->next[0])
		free++;
	if (free != t->nr_free)
		broken(c, "free entries", t->nr_free, free);
	if (free + c->nr[BY_BUS] != t->nr_entries)
		broken(c, "free entries and mappings", free + c->nr[BY_BUS], t->nr_entries);
	if (c->nr[BY_PHYS] != c->with_phys)
		broken(c, "mappings by their memory", c->nr[BY_PHYS], c->with_phys);
	if (t->min_free > t->nr_free)
		broken(c, "least free entries", t->min_free, t->nr_free);
	for (unsigned int by = 0; by < DEBUG_NR_BY; by++)
		for (unsigned int k = 0; k < DEBUG_CLASSES; k++)
			if (t->by[by].nr_class[k] != c->nr_class[by][k])
				broken(c, "mappings of a class", t->by[by].nr_class[k],
				       c->nr_class[by][k]);
	for (unsigned int i = 0; i < DEBUG_STRIPES; i++) {
		for (const struct debug_part *p = t->free_part[i]; p; p = p->next)
			c->parts[i]++;
		if (c->parts[i] != t->parts_each)
			broken(c, "parts of a stripe", c->parts[i], t->parts_each);
	}
}

unsigned int debug_table_check(struct debug_table *t, struct fh_text *out)
{
	struct check c = {.out = out};

	for (uint32_t chain = 0; chain < t->nr_chains; chain++) {
		check_chain(&c, t, BY_BUS, chain);
		check_chain(&c, t, BY_PHYS, chain);
	}
	check_counts(&c, t);
	return c.broken;
}
