/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What all hooks do: look a mapping up, note what happened to it, copy its life. */
#include "dma/debug_core.h"

void debug_note(struct debug_table *t, struct debug_entry *e, enum dma_event_kind kind,
		uint64_t offset, uint64_t size, const void *site)
{
	struct dma_event *last = &e->event[(e->nr_events - 1) % DMA_MAX_EVENTS];
	uint64_t now = machine_clock(t->m), end = offset + size;

	if (e->nr_events && last->kind == kind && last->site == site) {
		end = last->offset + last->size > end ? last->offset + last->size : end;
		last->offset = last->offset < offset ? last->offset : offset;
		last->size = end - last->offset;
		last->time_ns = now;
		last->count++;
		return;
	}
	e->event[e->nr_events++ % DMA_MAX_EVENTS] =
		(struct dma_event){kind, 1, site, now, offset, size};
}

void debug_copy(struct dma_debug *d, const struct debug_found *found, struct dma_history *h)
{
	const struct debug_entry *e = debug_table_lock(&d->table, found);

	if (!e)
		return;
	debug_history(h, e);
	debug_table_unlock(&d->table, found->chain);
}

struct debug_found debug_find(struct dma_debug *d, const struct device *dev, dma_t handle,
			      debug_match match, const void *arg)
{
	const struct debug_query q = {
		.dev = dev, .first = handle.v, .last = handle.v, .match = match, .arg = arg};

	return debug_table_find(&d->table, BY_BUS, &q);
}

unsigned int debug_any(const struct debug_entry *e, const void *arg)
{
	(void)e, (void)arg;
	return 1;
}
