/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Address spaces: mappings of objects, their page tables, and the page fault. */
#include <freehold/page.h>
#include "base/string.h"
#include "mm/machine.h"
#include "mm/objects.h"
#include "mm/owner.h"
#include "mm/pages.h"

int fh_space_create(struct fh_machine *m, void *host, struct fh_space **space)
{
	struct fh_space *s;

	if (!m || !space)
		return -FH_EINVAL;
	s = machine_alloc(m, sizeof(*s));
	if (!s)
		return -FH_ENOMEM;
	s->m = m;
	s->host = host;
	fh_lock_init(&s->lock, RANK_SPACE);
	fh_lock(&m->objects_lock);
	s->next = m->spaces;
	if (s->next)
		s->next->prev = s;
	m->spaces = s;
	fh_unlock(&m->objects_lock);
	*space = s;
	return 0;
}

/* Puts it where it belongs in the list; false: something is mapped there. The space is locked. */
static bool mapping_insert(struct fh_space *s, struct mapping *map)
{
	struct mapping **at = &s->mappings;

	while (*at && (*at)->va + (*at)->nr <= map->va)
		at = &(*at)->next_in_space;
	if (*at && (*at)->va < map->va + map->nr)
		return false;
	map->next_in_space = *at;
	*at = map;
	return true;
}

/* A mapping as `init` says, without entries, in its place; the space is locked then, until the caller unlocks it. */
static int mapping_add(struct fh_space *s, const struct mapping *init, struct mapping **map)
{
	struct mapping *made = machine_alloc(s->m, mapping_size(init->nr));

	if (!made)
		return -FH_ENOMEM;
	*made = *init;
	made->space = s;
	fh_lock(&s->lock);
	if (!mapping_insert(s, made)) {
		fh_unlock(&s->lock);
		machine_free(s->m, made, mapping_size(init->nr));
		return -FH_EINVAL;
	}
	*map = made;
	return 0;
}

int fh_space_map(struct fh_space *s, uint64_t va, struct fh_object *o, uint64_t index, uint64_t nr)
{
	struct mapping *map;
	int err;

	if (!s || !o || !nr || index >= o->nr_pages || nr > o->nr_pages - index || va + nr < va)
		return -FH_EINVAL;
	err = mapping_add(s, &(struct mapping){.object = o, .va = va, .index = index, .nr = nr},
			  &map);
	if (err)
		return err;
	fh_lock(&o->lock);
	map->next_of_object = o->mappings;
	o->mappings = map;
	fh_unlock(&o->lock);
	fh_unlock(&s->lock);
	return 0;
}

/* The mapping that shows va, kept alive until mapping_put(); NULL: none does. */
static struct mapping *mapping_get(struct fh_space *s, uint64_t va)
{
	struct mapping *map;

	fh_lock(&s->lock);
	for (map = s->mappings; map && map->va + map->nr <= va; map = map->next_in_space)
		;
	if (map && (map->va > va || map->dying))
		map = NULL;
	if (map)
		atomic_fetch_add_explicit(&map->users, 1, memory_order_relaxed);
	fh_unlock(&s->lock);
	return map;
}

static void mapping_put(struct mapping *map)
{
	/* Release: pairs with the acquire in fh_space_unmap(), which frees it. */
	atomic_fetch_sub_explicit(&map->users, 1, memory_order_release);
}

/* What to do with a run of entries [first, first + n) of a mapping, all of the kind asked for; pfn is the frame of the
 * first, for who needs it. */
typedef void (*run_fn)(struct mapping *map, uint64_t first, uint64_t n, pfn_t pfn);

/* Calls fn for every run of entries of [index, index + nr) that have all bits of `want`; `pfn` is page index's. */
static void for_runs(struct fh_object *o, uint64_t index, uint64_t nr, uint64_t want, run_fn fn,
		     pfn_t pfn)
{
	for (struct mapping *map = o->mappings; map; map = map->next_of_object) {
		uint64_t from = index > map->index ? index - map->index : 0, n;
		uint64_t to = index + nr > map->index ? index + nr - map->index : 0;

		to = to < map->nr ? to : map->nr;
		for (; from < to; from += n) {
			bool hit = (map->pte[from] & want) == want;

			for (n = 1; from + n < to && (map->pte[from + n] & want) == want && hit;
			     n++)
				;
			if (hit)
				fn(map, from, n, pfn + (map->index + from - index));
		}
	}
}

static void run_zap(struct mapping *map, uint64_t first, uint64_t n, pfn_t pfn)
{
	struct plat *plat = &map->space->m->plat;

	if (map->space->host && plat->unmap)
		plat->unmap(plat->ctx, map->space->host, map->va + first, n);
	memset(&map->pte[first], 0, n * sizeof(map->pte[0]));
	(void)pfn;
}

/* Where the platform refuses, the entries go: more than was asked for, and it cannot be refused. */
static void run_protect(struct mapping *map, uint64_t first, uint64_t n, pfn_t pfn)
{
	struct plat *plat = &map->space->m->plat;

	if (map->space->host && plat->protect &&
	    plat->protect(plat->ctx, map->space->host, map->va + first, n)) {
		run_zap(map, first, n, pfn);
		return;
	}
	for (uint64_t i = 0; i < n; i++)
		map->pte[first + i] &= ~PTE_WRITE;
}

void mapping_protect(struct fh_object *o, uint64_t index, uint64_t nr)
{
	for_runs(o, index, nr, PTE_PRESENT | PTE_WRITE, run_protect, 0);
}

void mapping_zap(struct fh_object *o, uint64_t index, uint64_t nr)
{
	for_runs(o, index, nr, PTE_PRESENT, run_zap, 0);
}

/* Shows frames [pfn, pfn + n) at entries [first, first + n). */
static int run_map(struct mapping *map, uint64_t first, uint64_t n, pfn_t pfn, bool writable)
{
	struct plat *plat = &map->space->m->plat;
	int err = 0;

	if (map->space->host && plat->map)
		err = plat->map(plat->ctx, map->space->host, map->va + first, pfn, n,
				writable ? PLAT_MAP_WRITE : 0);
	for (uint64_t i = 0; i < n && !err; i++)
		map->pte[first + i] =
			(pfn + i) << PTE_SHIFT | PTE_PRESENT | (writable ? PTE_WRITE : 0);
	return err;
}

/* A file's clean page must fault before it is written: that makes it dirty. What the platform cannot show now is gone until it
 * is touched again: the page has left its frame either way. */
static void run_switch(struct mapping *map, uint64_t first, uint64_t n, pfn_t pfn)
{
	if (run_map(map, first, n, pfn, !map->object->ops))
		run_zap(map, first, n, pfn);
}

void mapping_switch(struct fh_object *o, uint64_t index, uint64_t nr, pfn_t pfn)
{
	for_runs(o, index, nr, PTE_PRESENT, run_switch, pfn);
}

/* How many pages the runs have; 0: they cannot be shown. */
static uint64_t runs_pages(const struct fh_machine *m, const struct range *run, unsigned int nr)
{
	uint64_t pages = 0;

	for (unsigned int i = 0; i < nr; i++) {
		if (!machine_in_bank(m, run[i]))
			return 0;
		pages += run[i].end - run[i].start;
	}
	return pages;
}

/* The entries are there for good; what the platform shows may be taken away, and comes back by a fault. */
static int show_frames(struct mapping *map, const struct range *run, unsigned int nr_runs)
{
	uint64_t first = 0;
	int err = 0;

	for (unsigned int i = 0; i < nr_runs && !err; i++) {
		err = run_map(map, first, run[i].end - run[i].start, run[i].start, true);
		first += run[i].end - run[i].start;
	}
	return err;
}

int fh_space_map_frames(struct fh_space *s, uint64_t va, const struct range *run,
			unsigned int nr_runs)
{
	uint64_t nr = s && run ? runs_pages(s->m, run, nr_runs) : 0;
	struct mapping *map;
	int err;

	if (!nr || va + nr < va)
		return -FH_EINVAL;
	err = mapping_add(s, &(struct mapping){.va = va, .nr = nr, .dying = true}, &map);
	if (err)
		return err;
	fh_unlock(&s->lock);
	/* Nobody finds it before it is no longer dying. */
	err = show_frames(map, run, nr_runs);
	fh_lock(&s->lock);
	map->dying = false;
	fh_unlock(&s->lock);
	if (err && fh_space_unmap(s, va))
		machine_bug(s->m, "space: a mapping is gone before it was used");
	return err;
}

int fh_space_unmap(struct fh_space *s, uint64_t va)
{
	struct mapping **at, *map, **of;

	if (!s)
		return -FH_EINVAL;
	fh_lock(&s->lock);
	for (map = s->mappings; map && map->va != va; map = map->next_in_space)
		;
	if (!map || map->dying) {
		fh_unlock(&s->lock);
		return -FH_EINVAL;
	}
	/* It keeps its place, so that nothing is mapped there yet, until who uses it is out. */
	map->dying = true;
	fh_unlock(&s->lock);
	for (unsigned int turn = 0; atomic_load_explicit(&map->users, memory_order_acquire); turn++)
		fh_spin(turn);
	fh_lock(&s->lock);
	for (at = &s->mappings; *at != map; at = &(*at)->next_in_space)
		;
	*at = map->next_in_space;
	if (map->object) {
		fh_lock(&map->object->lock);
		for (of = &map->object->mappings; *of != map; of = &(*of)->next_of_object)
			;
		*of = map->next_of_object;
	}
	run_zap(map, 0, map->nr, 0);
	if (map->object)
		fh_unlock(&map->object->lock);
	fh_unlock(&s->lock);
	machine_free(s->m, map, mapping_size(map->nr));
	return 0;
}

void fh_space_destroy(struct fh_space *s)
{
	if (!s)
		return;
	while (s->mappings)
		if (fh_space_unmap(s, s->mappings->va))
			machine_bug(s->m, "space: a mapping is gone from its own list");
	fh_lock(&s->m->objects_lock);
	if (s->next)
		s->next->prev = s->prev;
	if (s->prev)
		s->prev->next = s->next;
	else
		s->m->spaces = s->next;
	fh_unlock(&s->m->objects_lock);
	machine_free(s->m, s, sizeof(*s));
}

/* How far a fault reaches around itself: frames that come as one run cost one mapping of the
 * platform. */
#define AROUND_ORDER 6
#define AROUND	     (UINT64_C(1) << AROUND_ORDER)

/* The largest aligned run around `index` that lies in the mapping and whose slots are empty; its
 * order. */
static unsigned int empty_run(const struct mapping *map, uint64_t index, uint64_t *first)
{
	unsigned int order = 0;

	*first = index;
	while (order < AROUND_ORDER) {
		uint64_t n = UINT64_C(2) << order, at = index & ~(n - 1);

		if (at < map->index || at + n > map->index + map->nr)
			break;
		for (uint64_t i = at; i < at + n; i++)
			if (map->object->slot[i])
				return order;
		*first = at;
		order++;
	}
	return order;
}

/* Anonymous memory: brings a whole run at once, smaller when memory is short of runs. */
static int bring_run(struct mapping *map, uint64_t index)
{
	struct fh_object *o = map->object;
	struct fh_machine *m = o->m;
	unsigned int order;
	uint64_t first, n, i;
	pfn_t pfn;
	int err;

	fh_lock(&o->lock);
	order = empty_run(map, index, &first);
	fh_unlock(&o->lock);
	for (;; order--) {
		/* Only the last resort may cost somebody's cache. */
		gfp_t gfp =
			order ? GFP_HIGHUSER_MOVABLE & ~__GFP_DIRECT_RECLAIM : GFP_HIGHUSER_MOVABLE;

		err = fh_alloc_pages(m, gfp, order, &pfn);
		if (!err || !order)
			break;
	}
	if (err)
		return err;
	n = UINT64_C(1) << order;
	first = index & ~(n - 1);
	if (m->owners)
		owner_split(m, pfn, 0);
	machine_zero(m, pfn, n);
	fh_lock(&o->lock);
	for (i = 0; i < n; i++)
		if (!o->slot[first + i])
			object_insert(o, first + i, pfn + i);
		else
			break;
	fh_unlock(&o->lock);
	for (; i < n; i++) /* somebody was faster with the rest */
		page_free(m, pfn + i, 0);
	return 0;
}

/* Maps the run of frames around `index`; the page itself is there, the object locked. */
static int map_around(struct mapping *map, uint64_t index, pfn_t pfn, bool writable)
{
	struct fh_object *o = map->object;
	uint64_t lo = index, hi = index + 1, start = index & ~(AROUND - 1), end = start + AROUND;
	pfn_t p;

	start = start < map->index ? map->index : start;
	end = end > map->index + map->nr ? map->index + map->nr : end;
	if (o->ops) /* a file's pages differ in what may be written: one at a time */
		return run_map(map, index - map->index, 1, pfn, writable);
	while (lo > start && object_slot(o, lo - 1, &p) && p == pfn - (index - lo + 1) &&
	       frame_state(machine_frame(o->m, p)) != FRAME_ISOLATED)
		lo--;
	while (hi < end && object_slot(o, hi, &p) && p == pfn + (hi - index) &&
	       frame_state(machine_frame(o->m, p)) != FRAME_ISOLATED)
		hi++;
	return run_map(map, lo - map->index, hi - lo, pfn - (index - lo), writable);
}

/* va lies in the mapping. */
static int mapping_fault(struct mapping *map, uint64_t va, unsigned int flags)
{
	struct fh_object *o = map->object;
	uint64_t index = map->index + (va - map->va), *pte = &map->pte[va - map->va];
	pfn_t pfn;
	int err;

	vm_count(map->space->m, VM_pgfault, 1);
	if (!o) /* of frames: the platform has lost it */
		return run_map(map, va - map->va, 1, *pte >> PTE_SHIFT, true);
	if (!o->ops) {
		fh_lock(&o->lock);
		err = o->slot[index] ? 0 : 1;
		fh_unlock(&o->lock);
		err = err ? bring_run(map, index) : 0;
		if (err)
			return err;
	}
	if (flags & FH_FAULT_WRITE)
		err = object_get_to_write(o, index, &pfn);
	else
		err = object_get_locked(o, index, OBJECT_BRING, &pfn);
	if (err)
		return err;
	if (!(*pte & PTE_PRESENT) || (flags & FH_FAULT_WRITE && !(*pte & PTE_WRITE)))
		err = map_around(map, index, pfn, !o->ops || flags & FH_FAULT_WRITE);
	lru_touch(machine_frame(o->m, pfn));
	fh_unlock(&o->lock);
	return err;
}

int fh_space_fault(struct fh_space *s, uint64_t va, unsigned int flags)
{
	struct mapping *map = s ? mapping_get(s, va) : NULL;
	int err;

	if (!map)
		return -FH_EFAULT;
	err = mapping_fault(map, va, flags);
	mapping_put(map);
	return err;
}

static void copy_at(const struct mapping *map, uint64_t va, size_t offset, void *buf, size_t len,
		    bool write)
{
	unsigned char *virt = machine_virt(map->space->m, map->pte[va - map->va] >> PTE_SHIFT);

	if (virt && write)
		memcpy(virt + offset, buf, len);
	else if (virt)
		memcpy(buf, virt + offset, len);
}

/* A load or store through the page table: with the object locked nothing moves under it. */
static int mapping_touch(struct mapping *map, uint64_t va, size_t offset, void *buf, size_t len,
			 bool write)
{
	uint64_t need = PTE_PRESENT | (write ? PTE_WRITE : 0);

	if (!map->object) {
		copy_at(map, va, offset, buf, len, write);
		return 0;
	}
	for (;;) {
		int err;

		fh_lock(&map->object->lock);
		if ((map->pte[va - map->va] & need) == need) {
			copy_at(map, va, offset, buf, len, write);
			fh_unlock(&map->object->lock);
			return 0;
		}
		fh_unlock(&map->object->lock);
		err = mapping_fault(map, va, write ? FH_FAULT_WRITE : 0);
		if (err)
			return err;
	}
}

static int touch(struct fh_space *s, uint64_t va, size_t offset, void *buf, size_t len, bool write)
{
	struct mapping *map;
	int err;

	if (offset > FH_PAGE_SIZE || len > FH_PAGE_SIZE - offset)
		return -FH_EINVAL;
	map = s ? mapping_get(s, va) : NULL;
	if (!map)
		return -FH_EFAULT;
	err = mapping_touch(map, va, offset, buf, len, write);
	mapping_put(map);
	return err;
}

int fh_space_load(struct fh_space *s, uint64_t va, size_t offset, void *buf, size_t len)
{
	return touch(s, va, offset, buf, len, false);
}

int fh_space_store(struct fh_space *s, uint64_t va, size_t offset, const void *buf, size_t len)
{
	union {
		const void *in;
		void *out;
	} p = {.in = buf}; /* only read from when storing */

	return touch(s, va, offset, p.out, len, true);
}
