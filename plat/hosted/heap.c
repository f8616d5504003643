/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The core's own memory: from the C library when small, from the host in whole pages when large. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "state.h"

#define HEAP_ALIGN 64
#define HEAP_LARGE ((size_t)1 << 18) /* from here on zeroed pages cost less than memset() */

void *hosted_alloc(void *ctx, size_t size)
{
	size_t rounded = (size + HEAP_ALIGN - 1) & ~(size_t)(HEAP_ALIGN - 1);
	void *p;

	(void)ctx;
	if (rounded < size)
		return NULL;
	if (size >= HEAP_LARGE) {
		p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		return p == MAP_FAILED ? NULL : p;
	}
	p = aligned_alloc(HEAP_ALIGN, rounded ? rounded : HEAP_ALIGN);
	if (p)
		memset(p, 0, rounded);
	return p;
}

void hosted_free(void *ctx, void *p, size_t size)
{
	(void)ctx;
	if (p && size >= HEAP_LARGE)
		munmap(p, size);
	else
		free(p);
}
