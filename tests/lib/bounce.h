/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A machine with bounce buffers, a device that uses them, and the bytes it bounces. */
#ifndef FH_TESTS_BOUNCE_H
#define FH_TESTS_BOUNCE_H

#include "dma/swiotlb.h"
#include "testplat.h"

#define KIB UINT64_C(1024)
#define MIB (KIB * 1024)

/* One a program: tests change it as they like, before and after the calls below. */
extern struct bounce {
	struct testplat tp;
	struct fh_machine *m;
	struct device dev;
	struct io_tlb_mem *mem; /* the machine's bounce buffers; NULL: none were made */
	uint64_t buf;		/* phys of the bytes, 1 MiB */
	char text[65536];	/* of the file read last */
} bounce;

/*
 * 192 MiB with a region "wifi@43000000" of 1 MiB, the bytes and the device, and no bounce buffers; testplat_init() and CPU 0 are
 * the caller's. False, and a failed check: it cannot be made.
 */
bool bounce_machine(enum tp_zones zones, unsigned int cpus);
/* The whole of it: such a machine of one zone and 4 CPUs, the caller is CPU 0, with bounce buffers that swiotlb_create() makes. */
bool bounce_start(uint64_t nslabs, unsigned int nareas, unsigned int flags);
/* swiotlb_check() finds nothing, in restricted buffers neither. */
void bounce_check(void);
/* bounce_check(), and all of it goes: mappings in use as well. */
void bounce_end(void);

/* What the CPU sees there. */
unsigned char *bounce_at(uint64_t phys);
/* Of bounce.mem. */
struct swiotlb_stats bounce_stats(void);
/* A file's text, or "error -2"; valid until the next call. */
const char *bounce_show(const char *path);
/* How often dmesg has it. */
unsigned int bounce_said(const char *what);

/* Writes bytes that differ from those of another seed; whether they are there. */
void bounce_fill(uint64_t phys, uint64_t size, unsigned int seed);
bool bounce_is_filled(uint64_t phys, uint64_t size, unsigned int seed);

/* The device's: maps, which must succeed, and returns the address; maps for reading and unmaps, or the error; unmaps. */
uint64_t bounce_map(uint64_t phys, uint64_t size, enum dma_data_direction dir);
int bounce_try_map(uint64_t phys, uint64_t size);
void bounce_unmap(uint64_t phys, uint64_t size, enum dma_data_direction dir);

#endif
