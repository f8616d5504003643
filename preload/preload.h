/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The library that `freehold exec --preload` puts in front of a program: what its parts know of each other.
 *
 *	open() ... a wrapper > trap() > concerns: may it be about ours? > call: asked over the socket > answered, or done by the libc
 *
 * There is no state but the shared page, so that threads, fork, vfork, signal handlers and closed descriptors need nothing.
 */
#ifndef PRELOAD_PRELOAD_H
#define PRELOAD_PRELOAD_H

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include "proto.h"
#include "sys.h"

#define WRAPS	       __attribute__((visibility("default")))
#define SAME(other)    __attribute__((visibility("default"), alias(#other)))
#define ADDRESS(p)     ((long)(p))
#define KERNEL_SIGSETS 8 /* bytes of the kernel's signal set */

/* ---- call.c ---- */

/* NULL: no supervisor to be reached. */
const struct pl_shared *shared_page(void);
/* true: it has been answered. Safe in signal handlers. */
bool ask(long nr, const long *arg, long *result);

/* ---- concerns.c ---- */

bool concerns(long nr, const long *arg);
bool descriptor_concerns(long fd);

/* ---- all wrappers ---- */

static inline bool trap_in(long nr, const long *arg, long *result)
{
	return concerns(nr, arg) && ask(nr, arg, result);
}

#define TRAP(result, nr, ...) trap_in(nr, (const long[6]){__VA_ARGS__}, result)

/* As the libc returns it. */
static inline long returned(long result)
{
	if (result >= 0 || result < -4095)
		return result;
	errno = (int)-result;
	return -1;
}

/* Answered, or done by the kernel: of calls that no thread can be cancelled in. */
#define TRAP_OR_KERNEL(nr, ...)                                                                    \
	__extension__({                                                                            \
		const long arg_[6] = {__VA_ARGS__};                                                \
		long result_;                                                                      \
		if (!trap_in(nr, arg_, &result_))                                                  \
			result_ = sys_call(nr, arg_);                                              \
		returned(result_);                                                                 \
	})

/* ---- next.c, next.def: the functions of the libc, or of whoever else stands behind us ---- */

enum next {
#define F(name) NEXT_##name,
#include "next.def"
#undef F
	NR_NEXT
};

void *next_function(enum next which);
#define NEXT(name) ((__typeof__(&(name)))next_function(NEXT_##name))

/* ---- files.c, dirs.c ---- */

/* open() of what is ours: a descriptor or a negative errno into *result. */
bool open_ours(const char *path, int flags, long *result);

#endif
