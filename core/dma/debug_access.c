/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Who touches bytes that are mapped: devices, CPUs; and what a device leaves behind when it goes. */
#include <freehold/iommu.h>
#include "dma/debug.h"
#include "dma/debug_core.h"
#include "dma/debug_owner.h"

typedef unsigned long long ull;

/* ---- devices ---- */

void debug_dma_lost(struct device *dev, dma_t handle, uint64_t lost, const void *site)
{
	struct dma_debug *d = debug_of(dev->machine);
	struct dma_report r = {
		.kind = DMA_REPORT_CPU_LOST, .handle = handle, .size = lost, .site = site};
	struct debug_found found;

	if (!d || !lost)
		return;
	found = debug_find(d, dev, handle, debug_any, NULL);
	debug_copy(d, &found, &r.mapping);
	if (!r.mapping.device[0]) /* an unmap: the mapping went first */
		(void)debug_past_find(&d->reports, dev, handle, false, &r.mapping);
	if (r.mapping.owner == DMA_OWNER_CPU)
		debug_report(&d->reports, dev, &r,
			     "the CPU wrote %llu bytes that it owned, and they are lost: "
			     "dma_sync_single_for_device() is missing [device address=0x%016llx]",
			     (ull)lost, (ull)handle.v);
	else
		debug_report(&d->reports, dev, &r,
			     "the CPU wrote %llu bytes while the device owned them, and they are "
			     "lost [device address=0x%016llx]",
			     (ull)lost, (ull)handle.v);
}

struct access {
	dma_t handle;
	uint64_t size;
	bool write;
};

static bool access_against(const struct debug_entry *e, const struct access *a)
{
	return e->dir == (a->write ? DMA_TO_DEVICE : DMA_FROM_DEVICE);
}

static bool access_too_early(const struct debug_entry *e, const struct access *a)
{
	uint64_t first = a->handle.v - e->at[BY_BUS];
	uint64_t n = a->size < debug_room(e, a->handle) ? a->size : debug_room(e, a->handle);

	return debug_owner_cpu_has(e, first, first + n - 1);
}

/* Right by one mapping is right. */
static unsigned int allows(const struct debug_entry *e, const void *arg)
{
	const struct access *a = arg;

	return 1u + (access_too_early(e, a) ? 0u : 2u) + (access_against(e, a) ? 0u : 4u);
}

/* Who has the memory now that the device means: whatever is there in place of what it had. */
static void find_successor(struct dma_debug *d, const struct dma_history *was, dma_t handle,
			   struct dma_history *now)
{
	uint64_t phys = was->phys.v + (handle.v - was->handle.v);
	const struct debug_query q = {.first = phys, .last = phys, .match = debug_any};
	struct debug_found found = debug_table_find(&d->table, BY_PHYS, &q);

	debug_copy(d, &found, now);
}

static void report_unmapped(struct dma_debug *d, const struct device *dev, const struct access *a)
{
	struct dma_report r = {
		.kind = DMA_REPORT_DEVICE_UNMAPPED, .handle = a->handle, .size = a->size};
	const struct dma_event *last;

	if (!debug_past_find(&d->reports, dev, a->handle, false, &r.mapping)) {
		debug_report(&d->reports, dev, &r,
			     "device %s 0x%016llx, %llu bytes, which are not mapped for it",
			     a->write ? "writes" : "reads", (ull)a->handle.v, (ull)a->size);
		return;
	}
	if (r.mapping.owner != DMA_OWNER_BOTH && r.mapping.phys.v != DMA_NOWHERE)
		find_successor(d, &r.mapping, a->handle, &r.other);
	last = &r.mapping.event[r.mapping.nr_events - 1];
	debug_report(&d->reports, dev, &r,
		     "device %s 0x%016llx, %llu bytes, which are not mapped for it (were unmapped "
		     "at %llu.%06llu)",
		     a->write ? "writes" : "reads", (ull)a->handle.v, (ull)a->size,
		     (ull)(last->time_ns / 1000000000), (ull)(last->time_ns / 1000 % 1000000));
}

static void report_access(struct dma_debug *d, const struct device *dev, const struct access *a,
			  struct dma_report *r)
{
	if (r->kind == DMA_REPORT_DEVICE_DIRECTION)
		debug_report(&d->reports, dev, r,
			     "device %s 0x%016llx, %llu bytes, which are mapped with %s",
			     a->write ? "writes" : "reads", (ull)a->handle.v, (ull)a->size,
			     debug_dir_name(r->mapping.dir));
	else
		debug_report(&d->reports, dev, r,
			     "device %s 0x%016llx, %llu bytes, while the CPU owns them: "
			     "dma_sync_single_for_device() is missing",
			     a->write ? "writes" : "reads", (ull)a->handle.v, (ull)a->size);
}

/* What of the access is of one mapping; how many bytes that was, 0: there is none. */
static uint64_t access_one(struct dma_debug *d, const struct device *dev, const struct access *a)
{
	struct dma_report r = {.handle = a->handle};
	struct debug_found found = debug_find(d, dev, a->handle, allows, a);
	struct debug_entry *e = debug_table_lock(&d->table, &found);
	bool wrong = true;
	uint64_t n;

	if (!e)
		return 0;
	n = a->size < debug_room(e, a->handle) ? a->size : debug_room(e, a->handle);
	r.size = n;
	if (access_against(e, a))
		r.kind = DMA_REPORT_DEVICE_DIRECTION;
	else if (access_too_early(e, a))
		r.kind = a->write ? DMA_REPORT_DEVICE_WRITE : DMA_REPORT_DEVICE_READ;
	else
		wrong = false;
	debug_note(&d->table, e, a->write ? DMA_EVENT_DEVICE_WRITE : DMA_EVENT_DEVICE_READ,
		   a->handle.v - e->at[BY_BUS], n, NULL);
	if (wrong)
		debug_history(&r.mapping, e);
	debug_table_unlock(&d->table, found.chain);
	if (wrong)
		report_access(d, dev, a, &r);
	return n;
}

/*
 * How many bytes from there on, to the end of a page, are none of the DMA API's: mapped by iommu_map(), in a page where it
 * has nothing itself. 0: they are not.
 */
static uint64_t mapped_by_hand(struct dma_debug *d, const struct device *dev, dma_t handle)
{
	const struct debug_query q = {.dev = dev,
				      .first = handle.v & ~(FH_PAGE_SIZE - 1),
				      .last = handle.v | (FH_PAGE_SIZE - 1),
				      .match = debug_any};
	phys_t phys;

	if (!dev->iommu || !iommu_iova_to_phys(dev->iommu, handle, &phys) ||
	    debug_table_find(&d->table, BY_BUS, &q).e)
		return 0;
	return FH_PAGE_SIZE - (handle.v & (FH_PAGE_SIZE - 1));
}

void debug_dma_device_access(const struct device *dev, dma_t handle, uint64_t size, bool write)
{
	struct dma_debug *d = debug_of(dev->machine);
	struct access a = {handle, size, write};

	if (!d)
		return;
	/* Entries of a list lie one behind the other, and so may go on what a device does. */
	while (a.size) {
		uint64_t n = access_one(d, dev, &a);

		if (!n)
			n = mapped_by_hand(d, dev, a.handle);
		n = n < a.size ? n : a.size;
		if (!n) {
			report_unmapped(d, dev, &a);
			return;
		}
		a.handle.v += n;
		a.size -= n;
	}
}

/* ---- CPUs ---- */

/* Where RAM has the byte that the CPU sees there; false: not in the linear map. */
static bool phys_of(const struct fh_machine *m, const void *cpu, uint64_t *phys)
{
	for (unsigned int i = 0; i < m->nr_banks; i++) {
		const struct machine_bank *b = &m->bank[i];
		uint64_t offset = (uintptr_t)cpu - (uintptr_t)b->virt;

		if (b->virt && offset < (b->pfns.end - b->pfns.start) << FH_PAGE_SHIFT) {
			*phys = fh_pfn_to_phys(b->pfns.start).v + offset;
			return true;
		}
	}
	return false;
}

/* Whether the device has any of [first, last] of memory; then r->mapping is its history. */
static bool device_has(struct dma_debug *d, const struct debug_found *found, uint64_t first,
		       uint64_t last, bool write, struct dma_report *r, const struct device **dev)
{
	const struct debug_entry *e = debug_table_lock(&d->table, found);
	bool has;

	if (!e)
		return false;
	first = first > e->at[BY_PHYS] ? first - e->at[BY_PHYS] : 0;
	last = last < debug_entry_last(e, BY_PHYS) ? last - e->at[BY_PHYS] : e->size - 1;
	has = (write || e->dir != DMA_TO_DEVICE) && debug_owner_device_has(e, first, last);
	if (has) {
		debug_history(&r->mapping, e);
		r->handle = (dma_t){e->at[BY_BUS] + first};
		*dev = e->dev;
	}
	debug_table_unlock(&d->table, found->chain);
	return has;
}

void dma_debug_cpu_access(struct fh_machine *m, const void *cpu, uint64_t size, bool write)
{
	struct dma_debug *d = m ? debug_of(m) : NULL;
	struct debug_query q = {.match = debug_any};
	struct debug_found found;
	const struct device *dev;

	if (!d || !size || !phys_of(m, cpu, &q.first))
		return;
	q.last = q.first + size - 1;
	/* Every mapping of these bytes, the newest first. */
	while ((found = debug_table_find(&d->table, BY_PHYS, &q)).e) {
		struct dma_report r = {.kind = DMA_REPORT_CPU_ACCESS,
				       .size = size,
				       .site = __builtin_return_address(0)};

		if (device_has(d, &found, q.first, q.last, write, &r, &dev)) {
			debug_report(&d->reports, dev, &r,
				     "the CPU %s %p, %llu bytes, while the device owns them: "
				     "dma_sync_single_for_cpu() is missing",
				     write ? "writes" : "reads", cpu, (ull)size);
			return;
		}
		q.below = found.serial;
	}
}

/* ---- the device goes ---- */

struct gone {
	const struct device *dev;
	struct debug_entry *list; /* by next[BY_BUS] */
};

static void take_away(struct debug_table *t, struct debug_entry *e, void *arg)
{
	struct gone *g = arg;

	if (e->dev != g->dev)
		return;
	debug_note(t, e, DMA_EVENT_LEAK, 0, e->size, NULL);
	debug_owner_forget(t, e);
	debug_table_del_bus(t, e);
	e->next[BY_BUS] = g->list;
	g->list = e;
}

void dma_debug_device_gone(struct device *dev)
{
	struct dma_debug *d = dev && dev->machine ? debug_of(dev->machine) : NULL;
	struct dma_report r = {.kind = DMA_REPORT_LEAK, .site = __builtin_return_address(0)};
	struct gone g = {.dev = dev};
	struct debug_entry *e;
	unsigned int n = 0;

	if (!d)
		return;
	debug_table_each(&d->table, take_away, &g);
	while ((e = g.list)) {
		g.list = e->next[BY_BUS];
		debug_history(&r.mapping, e);
		debug_table_del_phys(&d->table, e);
		debug_table_put(&d->table, e);
		debug_past_add(&d->reports, dev, &r.mapping);
		n++;
	}
	r.handle = r.mapping.handle;
	r.size = r.mapping.size;
	if (n)
		debug_report(&d->reports, dev, &r,
			     "device driver has pending DMA allocations while released from "
			     "device [count=%u]",
			     n);
	debug_past_forget(&d->reports, dev);
}
