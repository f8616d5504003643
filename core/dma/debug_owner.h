/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Which bytes of a mapping are the CPU's now, and which the device's. All calls: with the lock of its chain BY_BUS. */
#ifndef FH_DMA_DMA_OWNER_H
#define FH_DMA_DMA_OWNER_H

#include "dma/debug_table.h"

/* [first, last], by offset, within the mapping, becomes the CPU's or the device's. */
void debug_owner_give(struct debug_table *t, struct debug_entry *e, uint64_t first, uint64_t last,
		      bool to_cpu);
/* Whether any byte of [first, last] is known to be the CPU's; the device's. Coherent memory is neither's. */
bool debug_owner_cpu_has(const struct debug_entry *e, uint64_t first, uint64_t last);
bool debug_owner_device_has(const struct debug_entry *e, uint64_t first, uint64_t last);
/* Its parts go back; before it leaves the table. */
void debug_owner_forget(struct debug_table *t, struct debug_entry *e);

#endif
