/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Who uses a page and since when: four lists, and the one who may take a page off them. */
#include "base/bits.h"
#include "mm/budget.h"
#include "mm/lru.h"
#include "mm/machine.h"
#include "mm/policy.h"

void lru_init(struct lru *lru)
{
	fh_lock_init(&lru->lock, RANK_LRU);
	for (unsigned int w = 0; w < NR_LRU_WHERE; w++)
		for (unsigned int i = 0; i < NR_LRU_LISTS; i++)
			lru->head[w][i] = FRAME_NIL;
}

static inline uint32_t number_of(const struct fh_machine *m, pfn_t pfn)
{
	return (uint32_t)(pfn - m->base_pfn);
}

static inline struct fh_frame *frame_at(const struct fh_machine *m, uint32_t number)
{
	return machine_frame(m, m->base_pfn + number);
}

static enum lru_list list_of(const struct fh_frame *f)
{
	uint32_t flags = frame_flags(f);

	return (enum lru_list)((flags & FRAME_FILE ? 2 : 0) + (flags & FRAME_ACTIVE ? 1 : 0));
}

enum lru_where lru_where_of(const struct fh_machine *m, uint64_t block)
{
	uint64_t w = block_word(m, block);

	if (block_word_area(w))
		return LRU_INSIDE;
	return block_word_zone(w) == ZONE_MOVABLE ? LRU_MOVABLE : LRU_OUTSIDE;
}

static enum lru_where where_of(const struct fh_machine *m, uint32_t number)
{
	return lru_where_of(m, number >> FH_BLOCK_ORDER);
}

/* The lists' lock makes it an addition. */
static void count_list(struct fh_machine *m, uint32_t number, enum lru_list l, uint64_t n)
{
	_Atomic(uint64_t) *c = &m->lru.count[where_of(m, number)][l];

	atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

static void link_newest(struct fh_machine *m, uint32_t number)
{
	struct fh_frame *f = frame_at(m, number), *head, *tail;
	enum lru_list l = list_of(f);
	uint32_t *first = &m->lru.head[where_of(m, number)][l];

	if (*first == FRAME_NIL) {
		f->next = f->prev = number;
	} else {
		head = frame_at(m, *first);
		tail = frame_at(m, head->prev);
		f->next = *first;
		f->prev = head->prev;
		tail->next = number;
		head->prev = number;
	}
	*first = number;
	count_list(m, number, l, 1);
}

static void unlink_frame(struct fh_machine *m, uint32_t number)
{
	struct fh_frame *f = frame_at(m, number);
	uint32_t *first = &m->lru.head[where_of(m, number)][list_of(f)];

	if (f->next == number) {
		*first = FRAME_NIL;
	} else {
		frame_at(m, f->next)->prev = f->prev;
		frame_at(m, f->prev)->next = f->next;
		if (*first == number)
			*first = f->next;
	}
	f->next = f->prev = FRAME_NIL;
	count_list(m, number, list_of(f), -UINT64_C(1));
}

/* L3: what a block of an area has of droppable and held pages; n of them more, or fewer. */
static void count_tenants(struct fh_machine *m, uint64_t block, uint32_t what, int n)
{
	if (block_word_area(block_word(m, block)))
		atomic_fetch_add_explicit(&m->tenants[block], what * (uint32_t)n,
					  memory_order_relaxed);
}

/* L2: droppable as long as it is a clean file page in BATCH or LRU, and the file has its bytes. Returns by how
 * much there is more: count_droppable() follows, for one page or the sum of a block's. */
static int mark_droppable(struct fh_frame *f, bool in_lists)
{
	bool want = in_lists && (frame_flags(f) & FRAME_KEEP_MASK) == FRAME_FILE;

	if (want == !!(frame_flags(f) & FRAME_DROPPABLE))
		return 0;
	if (want)
		frame_flag_set(f, FRAME_DROPPABLE);
	else
		frame_flag_clear(f, FRAME_DROPPABLE);
	return want ? 1 : -1;
}

static void count_droppable(struct fh_machine *m, uint64_t block, int n)
{
	if (!n)
		return;
	atomic_fetch_add_explicit(&m->lru.nr_droppable, n, memory_order_relaxed);
	budget_add(m, -n);
	count_tenants(m, block, TENANT_DROPPABLE, n);
}

static void set_droppable(struct fh_machine *m, struct fh_frame *f, pfn_t pfn, bool in_lists)
{
	count_droppable(m, machine_block(m, pfn), mark_droppable(f, in_lists));
}

static void flush_locked(struct fh_machine *m, struct fh_cpu *cpu)
{
	for (unsigned int i = 0; i < cpu->lru_n; i++) {
		struct fh_frame *f = frame_at(m, cpu->lru_frame[i]);

		/* Taken meanwhile, and perhaps in a batch again: only what waits here is put on. */
		if (frame_state(f) != FRAME_BATCH)
			continue;
		frame_set(m, f, FRAME_LRU);
		link_newest(m, cpu->lru_frame[i]);
	}
	cpu->lru_n = 0;
}

static struct fh_cpu *own_cpu(struct fh_machine *m)
{
	unsigned int id = arch_cpu_id();

	return id < m->nr_cpus ? &m->cpu[id] : NULL;
}

void lru_add(struct fh_machine *m, pfn_t pfn)
{
	struct fh_frame *f = machine_frame(m, pfn);
	struct fh_cpu *cpu = own_cpu(m);

	atomic_fetch_add_explicit(frame_flags(f) & FRAME_FILE ? &m->lru.nr_file : &m->lru.nr_anon,
				  1, memory_order_relaxed);
	set_droppable(m, f, pfn, true);
	frame_set(m, f, FRAME_BATCH);
	if (cpu && cpu->lru_n < PCP_LRU_BATCH) {
		cpu->lru_frame[cpu->lru_n++] = number_of(m, pfn);
		if (cpu->lru_n < PCP_LRU_BATCH)
			return;
	}
	fh_lock(&m->lru.lock);
	if (cpu)
		flush_locked(m, cpu);
	if (frame_state(f) == FRAME_BATCH) {
		frame_set(m, f, FRAME_LRU);
		link_newest(m, number_of(m, pfn));
	}
	fh_unlock(&m->lru.lock);
}

void lru_flush_batch(struct fh_machine *m)
{
	struct fh_cpu *cpu = own_cpu(m);

	if (!cpu || !cpu->lru_n)
		return;
	fh_lock(&m->lru.lock);
	flush_locked(m, cpu);
	fh_unlock(&m->lru.lock);
}

void lru_touch(struct fh_frame *f)
{
	if (!(frame_flags(f) & FRAME_REFERENCED))
		frame_flag_set(f, FRAME_REFERENCED);
}

/* BATCH or LRU -> ISOLATED, lists locked. Returns as mark_droppable(). */
static int isolate_uncounted(struct fh_machine *m, struct fh_frame *f, uint32_t number)
{
	if (frame_state(f) == FRAME_LRU)
		unlink_frame(m, number);
	frame_set(m, f, FRAME_ISOLATED);
	return mark_droppable(f, false);
}

static void isolate_locked(struct fh_machine *m, struct fh_frame *f, uint32_t number)
{
	count_droppable(m, number >> FH_BLOCK_ORDER, isolate_uncounted(m, f, number));
}

bool lru_isolate(struct fh_machine *m, pfn_t pfn, enum frame_state *state)
{
	struct fh_frame *f = machine_frame(m, pfn);
	bool ok;

	fh_lock(&m->lru.lock);
	*state = frame_state(f);
	ok = *state == FRAME_BATCH || *state == FRAME_LRU;
	if (ok)
		isolate_locked(m, f, number_of(m, pfn));
	fh_unlock(&m->lru.lock);
	return ok;
}

unsigned int lru_isolate_map(struct fh_machine *m, uint64_t block, const uint64_t *want, pfn_t *out,
			     unsigned int max)
{
	pfn_t base = machine_block_pfn(m, block);
	unsigned int n = 0;
	int droppable = 0;

	fh_lock(&m->lru.lock);
	for (unsigned int i = 0; i < BLOCK_WORDS; i++) {
		for (uint64_t w = want[i]; w && n < max; w &= w - 1) {
			pfn_t pfn = base + i * 64 + bits_first(w);
			struct fh_frame *f = machine_frame(m, pfn);
			enum frame_state s = frame_state(f);

			if (s != FRAME_BATCH && s != FRAME_LRU)
				continue;
			droppable += isolate_uncounted(m, f, number_of(m, pfn));
			out[n++] = pfn;
		}
	}
	count_droppable(m, block, droppable);
	fh_unlock(&m->lru.lock);
	vm_count(m, VM_compact_isolated, n);
	return n;
}

static void putback_locked(struct fh_machine *m, struct fh_frame *f, uint32_t number)
{
	frame_set(m, f, FRAME_LRU);
	link_newest(m, number);
	set_droppable(m, f, m->base_pfn + number, true);
}

void lru_putback(struct fh_machine *m, pfn_t pfn)
{
	fh_lock(&m->lru.lock);
	putback_locked(m, machine_frame(m, pfn), number_of(m, pfn));
	fh_unlock(&m->lru.lock);
}

static void replace_locked(struct fh_machine *m, pfn_t src, pfn_t dst)
{
	struct fh_frame *from = machine_frame(m, src), *to = machine_frame(m, dst);

	to->owner = from->owner;
	to->index = from->index;
	to->pins = 0;
	atomic_store_explicit(&to->flags, frame_flags(from), memory_order_relaxed);
	frame_set(m, to, FRAME_BATCH);
	putback_locked(m, to, number_of(m, dst));
	from->owner = NULL;
	atomic_store_explicit(&from->flags, 0, memory_order_relaxed);
	frame_set(m, from, FRAME_RAW);
}

void lru_replace(struct fh_machine *m, const pfn_t *src, const pfn_t *dst, unsigned int n)
{
	fh_lock(&m->lru.lock);
	for (unsigned int i = 0; i < n; i++)
		replace_locked(m, src[i], dst[i]);
	fh_unlock(&m->lru.lock);
}

void lru_forget(struct fh_machine *m, const pfn_t *pfn, unsigned int n)
{
	int64_t file = 0, dirty = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct fh_frame *f = machine_frame(m, pfn[i]);

		file += !!(frame_flags(f) & FRAME_FILE);
		dirty += !!(frame_flags(f) & FRAME_DIRTY);
		f->owner = NULL;
		atomic_store_explicit(&f->flags, 0, memory_order_relaxed);
		frame_set(m, f, FRAME_RAW);
	}
	if (file)
		atomic_fetch_sub_explicit(&m->lru.nr_file, file, memory_order_relaxed);
	if (n - file)
		atomic_fetch_sub_explicit(&m->lru.nr_anon, n - file, memory_order_relaxed);
	if (dirty)
		atomic_fetch_sub_explicit(&m->lru.nr_dirty, dirty, memory_order_relaxed);
}

/* A held page is on no list: its links keep the time. Only where somebody may ask for the page. */
static void hold_began(struct fh_machine *m, struct fh_frame *f, pfn_t pfn)
{
	uint64_t now = machine_area(m, machine_block(m, pfn)) ? machine_clock(m) : 0;

	f->next = (uint32_t)now;
	f->prev = (uint32_t)(now >> 32);
}

uint64_t lru_held_since(const struct fh_frame *f)
{
	return f->next | (uint64_t)f->prev << 32;
}

bool lru_hold(struct fh_machine *m, pfn_t pfn)
{
	struct fh_frame *f = machine_frame(m, pfn);
	bool ok;

	fh_lock(&m->lru.lock);
	ok = frame_state(f) != FRAME_ISOLATED;
	if (ok) {
		if (frame_state(f) == FRAME_LRU)
			unlink_frame(m, number_of(m, pfn));
		frame_set(m, f, FRAME_HELD);
		hold_began(m, f, pfn);
		set_droppable(m, f, pfn, false);
		count_tenants(m, machine_block(m, pfn), TENANT_HELD, 1);
		atomic_fetch_add_explicit(&m->lru.nr_held, 1, memory_order_relaxed);
	}
	fh_unlock(&m->lru.lock);
	return ok;
}

void lru_unhold(struct fh_machine *m, pfn_t pfn)
{
	lru_putback(m, pfn);
	count_tenants(m, machine_block(m, pfn), TENANT_HELD, -1);
	atomic_fetch_sub_explicit(&m->lru.nr_held, 1, memory_order_relaxed);
}

void lru_set_dirty(struct fh_machine *m, pfn_t pfn, bool dirty)
{
	struct fh_frame *f = machine_frame(m, pfn);

	if (dirty == !!(frame_flags(f) & FRAME_DIRTY))
		return;
	fh_lock(&m->lru.lock);
	if (dirty)
		frame_flag_set(f, FRAME_DIRTY);
	else
		frame_flag_clear(f, FRAME_DIRTY);
	set_droppable(m, f, pfn, frame_state(f) == FRAME_BATCH || frame_state(f) == FRAME_LRU);
	fh_unlock(&m->lru.lock);
	atomic_fetch_add_explicit(&m->lru.nr_dirty, dirty ? 1 : -1, memory_order_relaxed);
}

void lru_written(struct fh_machine *m, pfn_t pfn)
{
	struct fh_frame *f = machine_frame(m, pfn);

	fh_lock(&m->lru.lock);
	frame_flag_clear(f, FRAME_WRITEBACK);
	set_droppable(m, f, pfn, frame_state(f) == FRAME_BATCH || frame_state(f) == FRAME_LRU);
	fh_unlock(&m->lru.lock);
}

/* Where a class lives, and which flags tell it from its neighbours. */
static const struct aged {
	enum lru_list inactive; /* the active list is the next */
	uint32_t mask, want;
} aged[] = {
	[LRU_CLEAN] = {LRU_INACTIVE_FILE, FRAME_DIRTY | FRAME_WRITEBACK, 0},
	[LRU_DIRTY] = {LRU_INACTIVE_FILE, FRAME_DIRTY | FRAME_WRITEBACK, FRAME_DIRTY},
	[LRU_ANON] = {LRU_INACTIVE_ANON, 0, 0},
};

/*
 * Second chance. While too few pages are inactive the active list's oldest comes over, used or not, and
 * has the length of the inactive list to be used again: then it goes back. So does a page of another
 * class, which would hide others behind it. FRAME_NIL: none among the next *scans pages.
 */
static uint32_t oldest(struct fh_machine *m, enum lru_where where, const struct aged *a,
		       unsigned int *scans)
{
	const uint32_t *head = &m->lru.head[where][a->inactive];
	_Atomic(uint64_t) *count = &m->lru.count[where][a->inactive];

	for (; *scans; (*scans)--) {
		bool inactive = head[0] != FRAME_NIL && !policy_inactive_low(count[0], count[1]);
		uint32_t number = inactive ? head[0] : head[1];
		struct fh_frame *f;

		if (number == FRAME_NIL) {
			*scans = 0;
			return FRAME_NIL;
		}
		number = frame_at(m, number)->prev;
		f = frame_at(m, number);
		if (inactive && (frame_flags(f) & (a->mask | FRAME_REFERENCED)) == a->want)
			return number;
		unlink_frame(m, number);
		if (inactive)
			frame_flag_set(f, FRAME_ACTIVE);
		else
			frame_flag_clear(f, FRAME_ACTIVE);
		frame_flag_clear(f, FRAME_REFERENCED);
		link_newest(m, number);
	}
	return FRAME_NIL;
}

#define SCANS_A_LOCK 128 /* how long others wait for the lists */

/* Looks at no more than `left` pages. */
static unsigned int isolate_aged(struct fh_machine *m, enum lru_where where, const struct aged *a,
				 pfn_t *out, unsigned int max, uint64_t left)
{
	unsigned int n = 0, scans, was;

	while (n < max && left) {
		was = scans = left < SCANS_A_LOCK ? (unsigned int)left : SCANS_A_LOCK;
		fh_lock(&m->lru.lock);
		while (n < max && scans) {
			uint32_t number = oldest(m, where, a, &scans);

			if (number == FRAME_NIL)
				break;
			scans--;
			isolate_locked(m, frame_at(m, number), number);
			out[n++] = m->base_pfn + number;
		}
		fh_unlock(&m->lru.lock);
		left -= was - scans;
		if (scans == was)
			break;
	}
	return n;
}

unsigned int lru_isolate_aged(struct fh_machine *m, enum lru_where where, enum lru_class class,
			      pfn_t *out, unsigned int max)
{
	const struct aged *a = &aged[class];
	_Atomic(uint64_t) *count = &m->lru.count[where][a->inactive];
	unsigned int n;

	lru_flush_batch(m);
	/* A used page is seen active, inactive, active and inactive before it goes. */
	n = isolate_aged(m, where, a, out, max, 4 * (count[0] + count[1]));
	vm_count(m, class == LRU_ANON ? VM_pgscan_anon : VM_pgscan_file, n);
	return n;
}

unsigned int lru_isolate_cold(struct fh_machine *m, enum lru_where where, pfn_t *out,
			      unsigned int max, unsigned int scans)
{
	return isolate_aged(m, where, &aged[LRU_CLEAN], out, max, scans);
}
