/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the hooks share: the state of DMA debugging, and how a mapping is looked up, noted and copied. */
#ifndef FH_DMA_DEBUG_CORE_H
#define FH_DMA_DEBUG_CORE_H

#include "dma/debug_report.h"
#include "dma/debug_table.h"

struct dma_debug {
	struct debug_table table;
	struct debug_reports reports;
	_Atomic(uint32_t) disabled; /* for good: there were more mappings than entries */
};

static inline struct dma_debug *debug_of(const struct fh_machine *m)
{
	struct dma_debug *d = m->dma ? m->dma->debug : NULL;

	return d && !atomic_load_explicit(&d->disabled, memory_order_relaxed) ? d : NULL;
}

/* One more of what a mapping has seen, with its chain's lock. What is done over and over is one event, or it would push
 * out the rest. */
void debug_note(struct debug_table *t, struct debug_entry *e, enum dma_event_kind kind,
		uint64_t offset, uint64_t size, const void *site);
/* The mapping's life, if it is still there. */
void debug_copy(struct dma_debug *d, const struct debug_found *found, struct dma_history *h);
/* Looks for what was mapped for `dev` at `handle`; debug_any(): whatever it is. */
struct debug_found debug_find(struct dma_debug *d, const struct device *dev, dma_t handle,
			      debug_match match, const void *arg);
unsigned int debug_any(const struct debug_entry *e, const void *arg);

/* Bytes of the mapping from the address on. */
static inline uint64_t debug_room(const struct debug_entry *e, dma_t handle)
{
	return e->size - (handle.v - e->at[BY_BUS]);
}

#endif
