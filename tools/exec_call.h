/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * How a call of the program comes to the supervisor and is answered, and how the caller is looked at meanwhile. Handlers do not
 * know which form it is: they use trap_give() and its kin of exec.h.
 */
#ifndef TOOLS_EXEC_CALL_H
#define TOOLS_EXEC_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct exec;
struct exec_piece;
struct trap;

struct exec_form {
	/* Who waits for an answer sees to signals himself: a call that was broken off is not valid any more. */
	bool breaks_off;
	/* Before there is a program. 0 or a negative errno. */
	int (*begin)(struct exec *x);
	/* In the program's first process, before it is the program. Into *fd a descriptor that the supervisor gets as
	 * x->listener, or -1. A negative errno: this form is not to be had here. */
	int (*enter)(struct exec *x, int *fd);
	/* Calls come in from now on. 0 or a negative errno. */
	int (*watch)(struct exec *x);
	/* -ENOENT: nobody waits for the answer any more. */
	int (*answer)(struct exec *x, uint64_t id, int64_t result);
	/* The answer comes later; NULL: nobody need be told. */
	void (*later)(struct exec *x, uint64_t id);
	/* A process that was a child of ours has ended; NULL: never mind. x->unused, if it was the last. */
	void (*reaped)(struct exec *x);
	bool (*valid)(struct exec *x, uint64_t id);
	int (*give)(struct trap *t, int fd, int flags);
	int64_t (*give_result)(struct trap *t, int fd, int flags);
	/* Of the caller's descriptor fd: the same open file as one of ours; what it is; what it may do (S_IRUSR, S_IWUSR;
	 * neither: a mere path); where it is, as text of at most size - 1 bytes without end (AT_FDCWD: the current folder). */
	int (*getfd)(struct trap *t, int fd);
	int (*stat)(struct trap *t, int fd, struct stat *st);
	mode_t (*mode)(struct trap *t, int fd);
	/* exec_inject_map(), where the caller does as it is told; NULL: it must be made to. */
	int64_t (*map)(struct trap *t, int stand_in, const struct exec_piece *piece, size_t n);
	ssize_t (*link)(struct trap *t, int fd, char *buf, size_t size);
};

extern const struct exec_form exec_by_seccomp; /* exec_seccomp.c */
extern const struct exec_form exec_by_preload; /* exec_preload.c */

#endif
