/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The mirror of an address space in this process's own mappings of RAM.
 *
 * Model: entry[] says what each page shows. Neighbours that continue each other in RAM with the
 *same permission are one mapping of the host (it merges them), so
 *
 *	mappings of a space = 1 + number of i where entry[i] does not continue entry[i - 1]
 *
 * A host allows a process vm.max_map_count mappings. The core's page tables are the truth and these
 * mappings only a cache of them, as a TLB is: when the limit comes near, stretches of many short
 *mappings are dropped and fault in again. So protect and unmap cannot fail and map hardly can.
 *
 * Locking: a space's lock guards its entries and the system calls that change them. While it is
 *held, other spaces are only tried: no order is needed.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "state.h"

#define DROP_WINDOW   512  /* pages looked at, and dropped, together */
#define DROP_WORTH    16   /* boundaries that make a window worth dropping, at first */
#define MAPPINGS_KEPT 1024 /* for stacks, libraries and the heap of this process */
#define RESTORE_PAGES 64   /* most pages that one fault restores */

/* An entry: 0, or these bits and above them the page in the memfd, plus 1. */
#define ENTRY_WRITE 1u
#define ENTRY_DROPPED                                                                              \
	2u /* the core mapped it, and the host's mapping was given up to save room                 \
	    */
#define ENTRY_STEP 4u

static uint32_t entry_make(uint64_t file_page, unsigned int flags)
{
	return (uint32_t)(file_page + 1) * ENTRY_STEP | (flags & PLAT_MAP_WRITE ? ENTRY_WRITE : 0);
}

static bool shown(uint32_t entry)
{
	return entry && !(entry & ENTRY_DROPPED);
}

/* Whether the host has one mapping for both neighbours. */
static bool continues(uint32_t a, uint32_t b)
{
	return shown(a) ? b == a + ENTRY_STEP : !shown(b);
}

/* Boundaries at pages first..last, each between the page and the one before it. */
static uint64_t boundaries(const struct hosted_space *hs, uint64_t first, uint64_t last)
{
	uint64_t n = 0;

	for (uint64_t i = first ? first : 1; i <= last && i < hs->nr; i++)
		n += !continues(hs->entry[i - 1], hs->entry[i]);
	return n;
}

static void entries_run(uint32_t *entry, uint64_t nr, uint32_t first)
{
	for (uint64_t i = 0; i < nr; i++)
		entry[i] = first + ENTRY_STEP * (uint32_t)i;
}

static void entries_clear(uint32_t *entry, uint64_t nr, uint32_t unused)
{
	(void)unused;
	memset(entry, 0, nr * sizeof(*entry));
}

static void entries_drop(uint32_t *entry, uint64_t nr, uint32_t unused)
{
	(void)unused;
	for (uint64_t i = 0; i < nr; i++)
		entry[i] |= entry[i] ? ENTRY_DROPPED : 0;
}

/* Changes entries [at, at + nr) and keeps the count of mappings. */
static void entries_change(struct hosted_space *hs, uint64_t at, uint64_t nr,
			   void (*change)(uint32_t *entry, uint64_t nr, uint32_t arg), uint32_t arg)
{
	uint64_t before = boundaries(hs, at, at + nr), now, max;

	change(&hs->entry[at], nr, arg);
	now = boundaries(hs, at, at + nr) - before; /* modulo 2^64, as the counter */
	now += atomic_fetch_add_explicit(&hs->h->mappings, now, memory_order_relaxed);
	max = atomic_load_explicit(&hs->h->mappings_max, memory_order_relaxed);
	while (now > max &&
	       !atomic_compare_exchange_weak_explicit(&hs->h->mappings_max, &max, now,
						      memory_order_relaxed, memory_order_relaxed))
		;
}

static uint64_t count_shown(const struct hosted_space *hs, uint64_t at, uint64_t nr)
{
	uint64_t n = 0;

	for (uint64_t i = at; i < at + nr; i++)
		n += shown(hs->entry[i]);
	return n;
}

static char *page_address(const struct hosted_space *hs, uint64_t page)
{
	return hs->base + (page << FH_PAGE_SHIFT);
}

/* mmap(2) itself: ThreadSanitizer takes a call of the library's for a write by this thread to all of the
 * range, and what threads then read there for races. */
static bool remap(struct hosted_space *hs, uint64_t at, uint64_t nr, int prot, int flags, int fd,
		  uint64_t file_page)
{
	return syscall(SYS_mmap, page_address(hs, at), nr << FH_PAGE_SHIFT, prot, flags | MAP_FIXED,
		       fd, file_page << FH_PAGE_SHIFT) != -1;
}

/* An anonymous mapping without access, as the space was born with: the host merges it with its
 * like. */
static bool hide(struct hosted_space *hs, uint64_t at, uint64_t nr)
{
	return remap(hs, at, nr, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

/* ---- room for mappings ---- */

static bool drop(struct hosted_space *hs, uint64_t at, uint64_t nr)
{
	if (!hide(hs, at, nr))
		return false;
	atomic_fetch_add_explicit(&hs->h->pages_dropped, count_shown(hs, at, nr),
				  memory_order_relaxed);
	entries_change(hs, at, nr, entries_drop, 0);
	return true;
}

static bool drop_if_worth(struct hosted_space *hs, uint64_t from, uint64_t to, uint64_t worth)
{
	return from < to && boundaries(hs, from, to) >= worth && drop(hs, from, to - from);
}

/* Drops the next window with `worth` boundaries, outside [keep, keep + nr). False: none has. */
static bool drop_window(struct hosted_space *hs, uint64_t keep, uint64_t nr, uint64_t worth)
{
	for (uint64_t seen = 0; seen < hs->nr + DROP_WINDOW; seen += DROP_WINDOW) {
		uint64_t at = hs->hand, end = hs->nr - at < DROP_WINDOW ? hs->nr : at + DROP_WINDOW;
		bool split = at < keep + nr && keep < end;

		if (!split) {
			hs->hand = end < hs->nr ? end : 0;
			if (drop_if_worth(hs, at, end, worth))
				return true;
			continue;
		}
		if (drop_if_worth(hs, at, keep, worth) || drop_if_worth(hs, keep + nr, end, worth))
			return true;
		hs->hand = end < hs->nr ? end : 0;
	}
	return false;
}

/* hs: the caller's, or NULL. */
static bool drop_in_others(struct hosted *h, const struct hosted_space *hs, uint64_t worth)
{
	bool done = false;

	if (pthread_mutex_trylock(&h->spaces_lock))
		return false;
	for (struct hosted_space *o = h->spaces; o && !done; o = o->next) {
		if (o == hs || pthread_mutex_trylock(&o->lock))
			continue;
		done = drop_window(o, 0, 0, worth);
		pthread_mutex_unlock(&o->lock);
	}
	pthread_mutex_unlock(&h->spaces_lock);
	return done;
}

/* One step towards fewer mappings, without touching [keep, keep + nr). False: nothing is left to
 * drop. */
static bool make_room(struct hosted_space *hs, uint64_t keep, uint64_t nr)
{
	atomic_fetch_add_explicit(&hs->h->limit_hits, 1, memory_order_relaxed);
	for (uint64_t worth = DROP_WORTH; worth > 1; worth /= 2)
		if (drop_window(hs, keep, nr, worth) || drop_in_others(hs->h, hs, worth))
			return true;
	return false;
}

bool hosted_space_room(struct hosted *h, uint64_t n)
{
	for (uint64_t worth = DROP_WORTH; worth > 1; worth /= 2)
		while (atomic_load_explicit(&h->mappings, memory_order_relaxed) + n >
		       h->map_limit) {
			atomic_fetch_add_explicit(&h->limit_hits, 1, memory_order_relaxed);
			if (!drop_in_others(h, NULL, worth))
				break;
		}
	return atomic_load_explicit(&h->mappings, memory_order_relaxed) + n <= h->map_limit;
}

/* Room for one change: in the middle of a mapping it makes three of one. */
static bool have_room(struct hosted_space *hs, uint64_t at, uint64_t nr)
{
	const struct hosted *h = hs->h;

	while (atomic_load_explicit(&h->mappings, memory_order_relaxed) + 2 > h->map_limit)
		if (!make_room(hs, at, nr))
			return false;
	return true;
}

/* ---- what the core asks, with the space locked ---- */

/* Whatever files stand at the run: RAM's alone, but for buffers with objects of their own (share.c), which are mapped where nothing was
 * and never move meanwhile. Their boundaries are not counted as such: neighbours in RAM are as a rule one buffer's. */
static bool map_files(struct hosted_space *hs, uint64_t at, uint64_t nr, int prot, int how,
		      uint64_t file_page)
{
	uint64_t n, page;
	int fd;

	for (uint64_t i = 0; i < nr; i += n) {
		n = hosted_file_at(hs->h, file_page + i, nr - i, &fd, &page);
		if (remap(hs, at + i, n, prot, how, fd, page))
			continue;
		if (i && !hide(hs, at, i))
			hosted_stop(hs->h,
				    "the host refuses to remove mappings (vm.max_map_count)");
		return false;
	}
	return true;
}

/* Shows the run of `entry` at [at, at + nr), in one step. */
static int show(struct hosted_space *hs, uint64_t at, uint64_t nr, uint32_t entry)
{
	int prot = PROT_READ | (entry & ENTRY_WRITE ? PROT_WRITE : 0);
	/* A thread that waits in a fault touches the pages next: spare the host its own faults. */
	int how = MAP_SHARED | (hosted_in_fault() ? MAP_POPULATE : 0);
	uint64_t file_page = entry / ENTRY_STEP - 1;

	do {
		if (!have_room(hs, at, nr))
			return -FH_ENOMEM;
		if (map_files(hs, at, nr, prot, how, file_page)) {
			entries_change(hs, at, nr, entries_run, entry);
			return 0;
		}
	} while (make_room(hs, at, nr)); /* others may use mappings up that were not counted */
	return -FH_ENOMEM;
}

static void unmap_locked(struct hosted_space *hs, uint64_t at, uint64_t nr)
{
	bool any = count_shown(hs, at, nr);

	(void)have_room(hs, at, nr);
	/* All of it needs no room: the pages around the space keep its ends boundaries of the
	 * host's. */
	if (any && !hide(hs, at, nr) && !drop(hs, 0, hs->nr))
		hosted_stop(hs->h, "the host refuses to remove mappings (vm.max_map_count)");
	entries_change(hs, at, nr, entries_clear, 0);
}

/* Takes the right to write from a run. No access at all is more than was asked for, and always
 * possible: the core hears of the next access. */
static void protect_run(struct hosted_space *hs, uint64_t at, uint64_t nr)
{
	uint32_t entry = hs->entry[at] & ~ENTRY_WRITE;

	if (have_room(hs, at, nr) &&
	    !mprotect(page_address(hs, at), nr << FH_PAGE_SHIFT, PROT_READ)) {
		entries_change(hs, at, nr, entries_run, entry);
		return;
	}
	if (!hide(hs, at, nr) && !drop(hs, 0, hs->nr))
		hosted_stop(hs->h, "the host refuses to remove mappings (vm.max_map_count)");
	entries_change(hs, at, nr, entries_run, entry | ENTRY_DROPPED);
}

/* The neighbours of page `at`, up to `end`, whose entries go on as its does. */
static uint64_t run_length(const struct hosted_space *hs, uint64_t at, uint64_t end)
{
	uint64_t n = 1;

	while (at + n < end && hs->entry[at + n] == hs->entry[at + n - 1] + ENTRY_STEP)
		n++;
	return n;
}

/* ---- plat->map, protect, unmap ---- */

static uint64_t locked_index(void *ctx, struct hosted_space *hs, uint64_t va, uint64_t nr)
{
	uint64_t at = va - hosted_space_va(hs);

	if (at >= hs->nr || nr > hs->nr - at)
		hosted_stop(ctx, "a mapping outside the space it belongs to");
	pthread_mutex_lock(&hs->lock);
	return at;
}

int hosted_map(void *ctx, void *space, uint64_t va, pfn_t pfn, uint64_t nr, unsigned int flags)
{
	struct hosted_space *hs = space;
	uint64_t at, file_page;
	int err;

	if (!hosted_ram_offset(ctx, pfn, nr, &file_page))
		hosted_stop(ctx, "plat->map: frames that are not inside one bank of RAM");
	at = locked_index(ctx, hs, va, nr);
	err = show(hs, at, nr, entry_make(file_page, flags));
	pthread_mutex_unlock(&hs->lock);
	return err;
}

void hosted_unmap(void *ctx, void *space, uint64_t va, uint64_t nr)
{
	struct hosted_space *hs = space;
	uint64_t at = locked_index(ctx, hs, va, nr);

	unmap_locked(hs, at, nr);
	pthread_mutex_unlock(&hs->lock);
}

int hosted_protect(void *ctx, void *space, uint64_t va, uint64_t nr)
{
	struct hosted_space *hs = space;
	uint64_t at = locked_index(ctx, hs, va, nr), n;

	/* Run by run: what is not mapped must not become readable. */
	for (uint64_t i = at; i < at + nr; i += n) {
		n = 1;
		if (!(hs->entry[i] & ENTRY_WRITE))
			continue;
		n = run_length(hs, i, at + nr);
		if (shown(hs->entry[i]))
			protect_run(hs, i, n);
		else
			entries_change(hs, i, n, entries_run, hs->entry[i] & ~ENTRY_WRITE);
	}
	pthread_mutex_unlock(&hs->lock);
	return 0;
}

/* 1: the fault is the core's affair. */
int hosted_space_restore(struct hosted_space *hs, uint64_t va, bool write)
{
	uint64_t at = locked_index(hs->h, hs, va, 1), end;
	uint32_t entry = hs->entry[at];
	int err = 1;

	if (entry & ENTRY_DROPPED && (!write || entry & ENTRY_WRITE)) {
		end = hs->nr - at < RESTORE_PAGES ? hs->nr : at + RESTORE_PAGES;
		err = show(hs, at, run_length(hs, at, end), entry & ~ENTRY_DROPPED);
	}
	pthread_mutex_unlock(&hs->lock);
	return err;
}

/* ---- life ---- */

static uint64_t count_host_mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	uint64_t n = 0;
	int c;

	if (!f)
		return 0;
	while ((c = getc_unlocked(f)) != EOF)
		n += c == '\n';
	fclose(f);
	return n;
}

uint64_t hosted_map_limit(void)
{
	FILE *f = fopen("/proc/sys/vm/max_map_count", "re");
	uint64_t limit = 65530, used = count_host_mappings() + MAPPINGS_KEPT;

	if (f) {
		if (fscanf(f, "%" SCNu64, &limit) != 1)
			limit = 65530; /* the kernel's default */
		fclose(f);
	}
	return limit > used ? limit - used : 1;
}

/* A readable page at each end, so that the host never merges two spaces, or a space with a
 * stranger. */
static char *reserve(uint64_t nr)
{
	size_t size = (nr + 2) << FH_PAGE_SHIFT;
	char *p = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	if (mprotect(p, FH_PAGE_SIZE, PROT_READ) ||
	    mprotect(p + size - FH_PAGE_SIZE, FH_PAGE_SIZE, PROT_READ)) {
		munmap(p, size);
		return NULL;
	}
	return p + FH_PAGE_SIZE;
}

static void release(struct hosted_space *hs)
{
	if (hs->base)
		munmap(hs->base - FH_PAGE_SIZE, (hs->nr + 2) << FH_PAGE_SHIFT);
	hosted_free(NULL, hs->entry, hs->nr * sizeof(*hs->entry));
	free(hs);
}

int hosted_space_create(struct hosted *h, uint64_t nr_pages, struct hosted_space **out)
{
	struct hosted_space *hs;
	int err = -FH_ENOMEM;

	if (!nr_pages || nr_pages > SIZE_MAX >> (FH_PAGE_SHIFT + 1))
		return -FH_EINVAL;
	hs = calloc(1, sizeof(*hs));
	if (!hs)
		return -FH_ENOMEM;
	hs->h = h;
	hs->nr = nr_pages;
	hs->base = reserve(nr_pages);
	hs->entry = hosted_alloc(NULL, nr_pages * sizeof(*hs->entry));
	if (hs->base && hs->entry)
		err = hosted_fault_register(hs);
	if (err) {
		release(hs);
		return err;
	}
	pthread_mutex_init(&hs->lock, NULL);
	atomic_fetch_add_explicit(&h->mappings, 1, memory_order_relaxed);
	pthread_mutex_lock(&h->spaces_lock);
	hs->next = h->spaces;
	h->spaces = hs;
	pthread_mutex_unlock(&h->spaces_lock);
	*out = hs;
	return 0;
}

void hosted_space_attach(struct hosted_space *hs, struct fh_space *space)
{
	hosted_fault_attach(hs, space);
}

void hosted_space_destroy(struct hosted_space *hs)
{
	struct hosted_space **p;

	if (!hs)
		return;
	hosted_fault_unregister(hs);
	pthread_mutex_lock(&hs->h->spaces_lock);
	for (p = &hs->h->spaces; *p != hs; p = &(*p)->next)
		;
	*p = hs->next;
	pthread_mutex_unlock(&hs->h->spaces_lock);
	atomic_fetch_sub_explicit(&hs->h->mappings, 1 + boundaries(hs, 0, hs->nr),
				  memory_order_relaxed);
	pthread_mutex_destroy(&hs->lock);
	release(hs);
}

void *hosted_space_base(const struct hosted_space *hs)
{
	return hs->base;
}

uint64_t hosted_space_va(const struct hosted_space *hs)
{
	return (uintptr_t)hs->base >> FH_PAGE_SHIFT;
}
