/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A copy of some bytes with nothing readable behind it. */
#include <string.h>
#include <sys/mman.h>
#include "guard.h"

void *guard_copy(const void *data, size_t size)
{
	static char *area;
	char *at;

	if (!area) {
		area = mmap(NULL, GUARD_MAX + 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (area == MAP_FAILED || mprotect(area, GUARD_MAX, PROT_READ | PROT_WRITE)) {
			area = NULL;
			return NULL;
		}
	}
	if (size > GUARD_MAX)
		return NULL;
	at = area + GUARD_MAX - ((size + 7) & ~(size_t)7);
	memcpy(at, data, size);
	return at;
}
