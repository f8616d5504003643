/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Who owns which bytes, checked at every call of the DMA API, when `dma_debug` is on (freehold/dma_debug.h). Each hook is
 * called after the call did its work, with `site` the caller's code address; `m->dma->debug` NULL: nothing.
 */
#ifndef FH_DMA_DEBUG_H
#define FH_DMA_DEBUG_H

#include <freehold/dma_debug.h>
#include "dma/dma.h"

/* nr_entries: how many calls can be outstanding before it switches itself off and says so. -FH_ENOMEM. */
FH_MUST_CHECK int dma_debug_create(struct fh_machine *m, unsigned int nr_entries,
				   struct dma_debug **debug);
void dma_debug_destroy(struct fh_machine *m, struct dma_debug *debug);

/*
 * phys: the memory that is mapped, of the caller, bounced or not; DMA_NOWHERE: in several places; of no meaning for DMA_DEBUG_COHERENT. DMA_DEBUG_SG: a call
 * for each run that is contiguous both in memory and for the device, unmapped and synced by the same or by parts of it.
 */
void debug_dma_map(struct device *dev, enum dma_debug_type type, phys_t phys, uint64_t size,
		   enum dma_data_direction dir, unsigned int attrs, dma_t handle, const void *site);
/*
 * Before the mapping goes: false: it is not one (already reported), do nothing to it. lost: what
 * dma_cache_for_cpu() will lose is told by debug_dma_lost(). A streaming mapping's wrong size, direction or function is reported, and the
 * call goes on, as in Linux; of memory that would be freed (COHERENT, PAGES) a wrong size or function is false, and it stays.
 */
bool debug_dma_unmap(struct device *dev, enum dma_debug_type type, dma_t handle, uint64_t size,
		     enum dma_data_direction dir, const void *site);
/* A map call that failed for its range: not RAM, or frames that are free ("memory that nobody owns"), the stack. */
void debug_dma_refused(struct device *dev, const void *cpu, phys_t phys, uint64_t size,
		       const char *why, const void *site);
/* A part of a mapping is handed over. */
void debug_dma_sync(struct device *dev, dma_t handle, uint64_t size, enum dma_data_direction dir,
		    bool for_cpu, const void *site);
/* The CPU wrote `lost` bytes that the device owned, and they are gone. */
void debug_dma_lost(struct device *dev, dma_t handle, uint64_t lost, const void *site);
/* A device accesses [handle, +size): before it does. */
void debug_dma_device_access(const struct device *dev, dma_t handle, uint64_t size, bool write);

/* For sys/kernel/debug/dma-api. All 0, and disabled, when it is off. */
struct dma_debug_state {
	bool disabled, all_errors;
	char filter[DEVICE_MAX_NAME]; /* "": none */
	uint64_t errors;
	uint32_t nr_entries, nr_free, min_free;
};
void dma_debug_state(struct fh_machine *m, struct dma_debug_state *state);
struct dma_debug_shown {
	const char *device, *type, *dir;
	unsigned int index; /* of its chain */
	phys_t phys;
	dma_t handle;
	uint64_t size;
};
/* Every mapping; fn takes no lock. */
void dma_debug_each(struct fh_machine *m,
		    void (*fn)(const struct dma_debug_shown *shown, void *arg), void *arg);

/* fh_check()'s part: how many invariants are broken; a line for each goes to *out. */
unsigned int dma_debug_check(struct fh_machine *m, struct fh_text *out);

#endif
