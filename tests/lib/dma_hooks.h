/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* DMA debugging by its hooks: a machine that has it, two devices, and what they do, in short. */
#ifndef FH_TEST_DMA_HOOKS_H
#define FH_TEST_DMA_HOOKS_H

#include <freehold/dma_debug.h>
#include "testplat.h"

#define BUS(x)	((dma_t){hooks.base + (x)})
#define PHYS(x) ((phys_t){hooks.base + (x)})
/* Call sites: code addresses. The first has a name, that of start_capture(). */
#define SITE_MAP   ((const void *)0x1000)
#define SITE_OTHER ((const void *)0x2000)
#define SITE_UNMAP ((const void *)0x3000)
#define SITE_SYNC  ((const void *)0x4000)

/* The program's machine; a case has it from hooks_start() to hooks_end(). */
struct hooks {
	struct testplat tp;
	struct fh_machine *m;
	struct device cam, lcd;
	uint64_t base; /* of 4 MiB that are ours */
	struct dma_report report[DMA_MAX_REPORTS];
};
extern struct hooks hooks;

/* 64 MiB, two CPUs, the caller CPU 0; debugging has so many entries. caches: the platform has them, of lines of 64 bytes, which
 * do nothing. False, and a failed check: it cannot be made. */
bool hooks_start_with(unsigned int entries, bool caches);
/* 256 entries, no caches. */
bool hooks_start(void);
/* fh_check() finds nothing, and all memory has been given back. */
void hooks_end(void);

/* The log has it. */
bool hooks_says(const char *text);
/* n reports of `kind` since birth, and none of any other. */
bool hooks_only(enum dma_report_kind kind, uint64_t n);
#define NONE DMA_NR_REPORTS
/* The newest report. */
const struct dma_report *hooks_last(void);

/* Calls of a driver for the bytes [at, +size) of our memory, mapped as single, the bus address BUS(at). */
void hooks_map(struct device *dev, uint64_t at, uint64_t size, enum dma_data_direction dir);
/* What debug_dma_unmap() says. */
bool hooks_unmap(struct device *dev, uint64_t at, uint64_t size, enum dma_data_direction dir);
void hooks_for_cpu(struct device *dev, uint64_t at, uint64_t size, enum dma_data_direction dir);
void hooks_for_device(struct device *dev, uint64_t at, uint64_t size, enum dma_data_direction dir);
/* The CPU's own access to them. */
void hooks_cpu_touches(uint64_t at, uint64_t size, bool write);

#endif
