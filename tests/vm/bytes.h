/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The bytes of a buffer, as a test looks at them. */
#ifndef TESTS_VM_BYTES_H
#define TESTS_VM_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <freehold/client.h>

/* NULL: it cannot be mapped. */
static inline unsigned char *map(const struct fhc_buffer *b)
{
	void *p = mmap(NULL, b->size, PROT_READ | PROT_WRITE, MAP_SHARED, b->fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

static inline bool all(const unsigned char *p, uint64_t n, unsigned char byte)
{
	for (uint64_t i = 0; i < n; i++)
		if (p[i] != byte)
			return false;
	return true;
}

#endif
