/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The hooks of the DMA API: each looks the mapping up, says what is wrong, and notes what happened. The mappings are
 * debug_table.c's, whose bytes they are debug_owner.c's, the words debug_report.c's, accesses debug_access.c's.
 *
 * A report is made with no lock held, of copies. A hook that meets a mapping going away under it, which only a driver
 * that is wrong can make, looks again.
 */
#include "base/string.h"
#include "dma/debug.h"
#include "dma/debug_core.h"
#include "dma/debug_owner.h"

#define DEFAULT_ENTRIES 65536 /* as PREALLOC_DMA_DEBUG_ENTRIES */

typedef unsigned long long ull;

/* ---- birth and end ---- */

int dma_debug_create(struct fh_machine *m, unsigned int nr_entries, struct dma_debug **debug)
{
	struct dma_debug *d = machine_alloc(m, sizeof(*d));

	if (!d)
		return -FH_ENOMEM;
	if (debug_table_init(&d->table, m, nr_entries ? nr_entries : DEFAULT_ENTRIES)) {
		machine_free(m, d, sizeof(*d));
		return -FH_ENOMEM;
	}
	if (debug_reports_init(&d->reports, m)) {
		debug_table_fini(&d->table);
		machine_free(m, d, sizeof(*d));
		return -FH_ENOMEM;
	}
	machine_log(m, PLAT_LOG_INFO, "DMA-API: preallocated %u debug entries",
		    d->table.nr_entries);
	if (fh_strcopy(d->reports.filter, m->cfg.dma.debug_driver, sizeof(d->reports.filter)) &&
	    d->reports.filter[0])
		machine_log(m, PLAT_LOG_INFO, "DMA-API: enable driver filter for driver [%s]",
			    d->reports.filter);
	*debug = d;
	return 0;
}

void dma_debug_destroy(struct fh_machine *m, struct dma_debug *debug)
{
	if (!debug)
		return;
	debug_reports_fini(&debug->reports);
	debug_table_fini(&debug->table);
	machine_free(m, debug, sizeof(*debug));
}

/* ---- map ---- */

static void out_of_entries(struct dma_debug *d)
{
	if (!atomic_exchange_explicit(&d->disabled, 1, memory_order_relaxed))
		machine_log(d->table.m, PLAT_LOG_ERR,
			    "DMA-API: debugging out of memory - disabling");
}

/* Whether two mappings that meet are wrong: one at least is written by its device. Where a device does not snoop, what
 * shares a cache line with its bytes is lost with them. */
static unsigned int conflicts(const struct debug_entry *e, const void *arg)
{
	const struct debug_entry *new = arg;
	bool bytes = e->at[BY_PHYS] <= debug_entry_last(new, BY_PHYS) &&
		     new->at[BY_PHYS] <= debug_entry_last(e, BY_PHYS);

	if (e->serial == new->serial || (e->attrs & DMA_ATTR_SKIP_CPU_SYNC) ||
	    (e->dir == DMA_TO_DEVICE && new->dir == DMA_TO_DEVICE))
		return 0;
	return bytes || !dma_snoops(e->dev) || !dma_snoops(new->dev);
}

static void check_overlap(struct dma_debug *d, const struct debug_entry *new)
{
	struct fh_machine *m = d->table.m;
	uint64_t line = m->plat.cache_clean ? m->plat.cache_line : 1;
	const struct debug_query q = {
		.first = new->at[BY_PHYS] & ~(line - 1),
		.last = debug_entry_last(new, BY_PHYS) | (line - 1),
		.match = conflicts,
		.arg = new,
	};
	struct dma_report r = {.kind = DMA_REPORT_OVERLAP,
			       .handle = {new->at[BY_BUS]},
			       .size = new->size,
			       .site = new->site};
	struct debug_found found = debug_table_find(&d->table, BY_PHYS, &q);

	if (!found.e)
		return;
	debug_history(&r.mapping, new);
	debug_copy(d, &found, &r.other);
	debug_report(&d->reports, new->dev, &r,
		     "cacheline tracking EEXIST, overlapping mappings aren't supported");
}

static void report_free(struct dma_debug *d, const struct device *dev, struct dma_report *r,
			phys_t phys)
{
	r->kind = DMA_REPORT_FREE_MEMORY;
	debug_report(&d->reports, dev, r,
		     "device driver maps memory that is free [phys=0x%016llx] [size=%llu bytes]",
		     (ull)phys.v, (ull)r->size);
}

/* Whether a frame of RAM there is in nobody's hands. One that some CPU keeps for the next request does not show. */
static bool has_free_frame(struct fh_machine *m, phys_t phys, uint64_t size)
{
	pfn_t last = (phys.v + size - 1) >> FH_PAGE_SHIFT;

	for (pfn_t pfn = fh_phys_to_pfn(phys); pfn <= last && machine_has(m, pfn); pfn++)
		if (block_is_free(m, pfn))
			return true;
	return false;
}

static void check_free(struct dma_debug *d, const struct debug_entry *new)
{
	struct dma_report r = {.handle = {new->at[BY_BUS]}, .size = new->size, .site = new->site};
	phys_t phys = {new->at[BY_PHYS]};

	if (!has_free_frame(d->table.m, phys, new->size))
		return;
	debug_history(&r.mapping, new);
	report_free(d, new->dev, &r, phys);
}

static enum dma_owner first_owner(enum dma_debug_type type)
{
	switch (type) {
	case DMA_DEBUG_SINGLE:
	case DMA_DEBUG_SG:
		return DMA_OWNER_DEVICE;
	case DMA_DEBUG_PAGES:
		return DMA_OWNER_CPU;
	default:
		return DMA_OWNER_BOTH;
	}
}

/* The signature is what map, alloc and their like have agreed on. */
/* NOLINTNEXTLINE(readability-function-size) */
void debug_dma_map(struct device *dev, enum dma_debug_type type, phys_t phys, uint64_t size,
		   enum dma_data_direction dir, unsigned int attrs, dma_t handle, const void *site)
{
	struct dma_debug *d = debug_of(dev->machine);
	struct debug_entry *e, copy;

	if (!d || !size)
		return;
	e = debug_table_get(&d->table);
	if (!e) {
		out_of_entries(d);
		return;
	}
	e->dev = dev;
	e->type = (uint8_t)type;
	e->dir = (uint8_t)dir;
	e->attrs = attrs;
	e->at[BY_BUS] = handle.v;
	e->at[BY_PHYS] = phys.v;
	e->size = size;
	e->owner = (uint8_t)first_owner(type);
	e->has_phys = e->owner != DMA_OWNER_BOTH && phys.v != DMA_NOWHERE;
	e->site = site;
	e->time_ns = machine_clock(d->table.m);
	copy = *e; /* once it is in the table it may be unmapped any time */
	debug_table_add(&d->table, e);
	if (!copy.has_phys)
		return;
	check_free(d, &copy);
	if (!(attrs & DMA_ATTR_SKIP_CPU_SYNC))
		check_overlap(d, &copy);
}

static bool is_ram(const struct fh_machine *m, phys_t phys)
{
	pfn_t pfn = fh_phys_to_pfn(phys);

	return machine_in_bank(m, (struct range){pfn, pfn + 1});
}

/* Whether a pointer is on the caller's own stack, which lies above this frame. 1 MiB of it, at most. */
static bool on_stack(const void *cpu)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	return (uintptr_t)cpu - here < (UINT64_C(1) << 20);
}

void debug_dma_refused(struct device *dev, const void *cpu, phys_t phys, uint64_t size,
		       const char *why, const void *site)
{
	struct dma_debug *d = debug_of(dev->machine);
	struct dma_report r = {.kind = DMA_REPORT_WRONG_MEMORY, .size = size, .site = site};

	(void)why; /* what it is tells itself apart */
	if (!d || !size)
		return;
	if (cpu && on_stack(cpu)) {
		r.kind = DMA_REPORT_STACK;
		debug_report(&d->reports, dev, &r, "device driver maps memory from stack [addr=%p]",
			     cpu);
	} else if (cpu) {
		debug_report(&d->reports, dev, &r,
			     "device driver maps memory that is not RAM [addr=%p] [size=%llu "
			     "bytes]",
			     cpu, (ull)size);
	} else if (has_free_frame(d->table.m, phys, size)) {
		report_free(d, dev, &r, phys);
	} else {
		debug_report(&d->reports, dev, &r,
			     "device driver maps %s [phys=0x%016llx] [size=%llu bytes]",
			     is_ram(d->table.m, phys) ? "RAM as a resource"
						      : "memory that is not RAM",
			     (ull)phys.v, (ull)size);
	}
}

/* ---- unmap ---- */

struct unmap {
	enum dma_debug_type type;
	enum dma_data_direction dir;
	uint64_t size;
	dma_t handle;
};

/* Of several at one address, which is right for what is read only, the one that fits best. */
static unsigned int fits(const struct debug_entry *e, const void *arg)
{
	const struct unmap *u = arg;

	if (e->at[BY_BUS] != u->handle.v)
		return 0;
	return 1u + (e->size == u->size ? 4u : 0u) + (e->type == u->type ? 2u : 0u) +
	       (e->dir == u->dir ? 1u : 0u);
}

static bool frees_memory(unsigned int type)
{
	return type == DMA_DEBUG_COHERENT || type == DMA_DEBUG_PAGES;
}

static void report_unknown(struct dma_debug *d, struct device *dev, const struct unmap *u,
			   const void *site)
{
	struct dma_report r = {.kind = DMA_REPORT_UNMAP_UNKNOWN,
			       .handle = u->handle,
			       .size = u->size,
			       .site = site};
	struct debug_found now = debug_find(d, dev, u->handle, debug_any, NULL);

	(void)debug_past_find(&d->reports, dev, u->handle, true, &r.mapping);
	debug_copy(d, &now, &r.other);
	debug_report(&d->reports, dev, &r,
		     "device driver tries to free DMA memory it has not allocated [device "
		     "address=0x%016llx] [size=%llu bytes]",
		     (ull)u->handle.v, (ull)u->size);
}

static void report_unmap(struct dma_debug *d, const struct device *dev, const struct unmap *u,
			 struct dma_report *r)
{
	const struct dma_history *h = &r->mapping;

	if (h->size != u->size) {
		r->kind = DMA_REPORT_UNMAP_SIZE;
		debug_report(&d->reports, dev, r,
			     "device driver frees DMA memory with different size [device "
			     "address=0x%016llx] [map size=%llu bytes] [unmap size=%llu bytes]",
			     (ull)u->handle.v, (ull)h->size, (ull)u->size);
	}
	if (h->type != u->type) {
		r->kind = DMA_REPORT_UNMAP_FUNCTION;
		debug_report(&d->reports, dev, r,
			     "device driver frees DMA memory with wrong function [device "
			     "address=0x%016llx] [size=%llu bytes] [mapped as %s] [unmapped as %s]",
			     (ull)u->handle.v, (ull)u->size, debug_type_name(h->type),
			     debug_type_name(u->type));
	}
	if (h->dir != u->dir) {
		r->kind = DMA_REPORT_UNMAP_DIRECTION;
		debug_report(&d->reports, dev, r,
			     "device driver frees DMA memory with different direction [device "
			     "address=0x%016llx] [size=%llu bytes] [mapped with %s] [unmapped with "
			     "%s]",
			     (ull)u->handle.v, (ull)u->size, debug_dir_name(h->dir),
			     debug_dir_name(u->dir));
	}
}

/* Looks for it, locked; NULL: there is none. */
static struct debug_entry *lock_unmapped(struct dma_debug *d, struct device *dev,
					 const struct unmap *u)
{
	struct debug_found found;
	struct debug_entry *e;

	do {
		found = debug_find(d, dev, u->handle, fits, u);
		e = debug_table_lock(&d->table, &found);
	} while (!e && found.e);
	return e;
}

bool debug_dma_unmap(struct device *dev, enum dma_debug_type type, dma_t handle, uint64_t size,
		     enum dma_data_direction dir, const void *site)
{
	struct dma_debug *d = debug_of(dev->machine);
	const struct unmap u = {type, dir, size, handle};
	struct dma_report r = {.handle = handle, .size = size, .site = site};
	struct debug_entry *e;
	uint32_t chain;
	bool stays;

	if (!d)
		return true;
	e = lock_unmapped(d, dev, &u);
	if (!e) {
		report_unknown(d, dev, &u, site);
		return false;
	}
	chain = e->chain[BY_BUS];
	stays = (frees_memory(e->type) || frees_memory(type)) &&
		(e->size != size || e->type != type);
	if (!stays) {
		debug_note(&d->table, e, DMA_EVENT_UNMAP, 0, e->size, site);
		debug_owner_forget(&d->table, e);
		debug_table_del_bus(&d->table, e);
	}
	debug_history(&r.mapping, e);
	debug_table_unlock(&d->table, chain);
	if (!stays) {
		debug_table_del_phys(&d->table, e);
		debug_table_put(&d->table, e);
		debug_past_add(&d->reports, dev, &r.mapping);
	}
	report_unmap(d, dev, &u, &r);
	return !stays;
}

/* ---- sync ---- */

struct sync {
	enum dma_data_direction dir;
	dma_t handle;
	uint64_t size;
};

static bool dir_fits(const struct debug_entry *e, enum dma_data_direction dir)
{
	return e->dir == DMA_BIDIRECTIONAL || e->dir == dir;
}

static unsigned int syncs(const struct debug_entry *e, const void *arg)
{
	const struct sync *s = arg;

	return 1u + (s->size <= debug_room(e, s->handle) ? 4u : 0u) +
	       (dir_fits(e, s->dir) ? 2u : 0u) + (e->at[BY_BUS] == s->handle.v ? 1u : 0u);
}

static void report_sync(struct dma_debug *d, struct device *dev, const struct sync *s,
			struct dma_report *r)
{
	const struct dma_history *h = &r->mapping;
	uint64_t end = s->handle.v - h->handle.v + s->size;

	if (end > h->size) {
		r->kind = DMA_REPORT_SYNC_RANGE;
		debug_report(&d->reports, dev, r,
			     "device driver syncs DMA memory outside allocated range [device "
			     "address=0x%016llx] [allocation size=%llu bytes] [sync "
			     "offset+size=%llu]",
			     (ull)s->handle.v, (ull)h->size, (ull)end);
	}
	if (h->dir != DMA_BIDIRECTIONAL && h->dir != s->dir) {
		r->kind = DMA_REPORT_SYNC_DIRECTION;
		debug_report(&d->reports, dev, r,
			     "device driver syncs DMA memory with different direction [device "
			     "address=0x%016llx] [size=%llu bytes] [mapped with %s] [synced with "
			     "%s]",
			     (ull)s->handle.v, (ull)s->size, debug_dir_name(h->dir),
			     debug_dir_name(s->dir));
	}
}

void debug_dma_sync(struct device *dev, dma_t handle, uint64_t size, enum dma_data_direction dir,
		    bool for_cpu, const void *site)
{
	struct dma_debug *d = debug_of(dev->machine);
	const struct sync s = {dir, handle, size};
	struct dma_report r = {.handle = handle, .size = size, .site = site};
	struct debug_found found;
	struct debug_entry *e;
	uint64_t first, n;

	if (!d || !size)
		return;
	found = debug_find(d, dev, handle, syncs, &s);
	e = debug_table_lock(&d->table, &found);
	if (!e) {
		r.kind = DMA_REPORT_SYNC_UNKNOWN;
		(void)debug_past_find(&d->reports, dev, handle, false, &r.mapping);
		debug_report(&d->reports, dev, &r,
			     "device driver tries to sync DMA memory it has not allocated [device "
			     "address=0x%016llx] [size=%llu bytes]",
			     (ull)handle.v, (ull)size);
		return;
	}
	first = handle.v - e->at[BY_BUS];
	n = size < debug_room(e, handle) ? size : debug_room(e, handle);
	debug_owner_give(&d->table, e, first, first + n - 1, for_cpu);
	debug_note(&d->table, e, for_cpu ? DMA_EVENT_SYNC_FOR_CPU : DMA_EVENT_SYNC_FOR_DEVICE,
		   first, n, site);
	if (n == size && dir_fits(e, dir)) {
		debug_table_unlock(&d->table, found.chain);
		return;
	}
	debug_history(&r.mapping, e);
	debug_table_unlock(&d->table, found.chain);
	report_sync(d, dev, &s, &r);
}
