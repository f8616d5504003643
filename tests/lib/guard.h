/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A copy of some bytes with nothing readable behind it: what reads past the end, faults. */
#ifndef FH_TEST_GUARD_H
#define FH_TEST_GUARD_H

#include <stddef.h>

#define GUARD_MAX ((size_t)1 << 20)

/*
 * At a multiple of 8, at most 7 bytes before the fault; in one place, valid until the next call.
 * NULL: no memory, or more than GUARD_MAX bytes. Unlike ASan it also sees reads of libraries.
 */
void *guard_copy(const void *data, size_t size);

#endif
