/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A hosted machine with caches, and buffers in it for simulated devices. */
#ifndef FH_TESTS_DEVBENCH_H
#define FH_TESTS_DEVBENCH_H

#include <freehold/mem.h>
#include <freehold/simdev.h>

struct devbench {
	struct hosted *h;
	struct fh_machine *m;
	const char *bootargs; /* NULL: none */
	uint64_t free;	      /* pages, at the start */
};

/* 16 MiB, one CPU, b->bootargs; the caller is CPU 0. False, and a failed check: it cannot be made. */
bool devbench_start(struct devbench *b, unsigned int cache_line, uint64_t cache_size,
		    uint64_t cache_seed);
/* fh_check() finds nothing, and all memory has been given back. */
void devbench_end(struct devbench *b);

/* 2^order frames that nobody else has, as the CPU sees them and where they are. */
unsigned char *devbench_buffer(struct devbench *b, unsigned int order, phys_t *phys);
void devbench_free(struct devbench *b, unsigned int order, phys_t phys);

#endif
