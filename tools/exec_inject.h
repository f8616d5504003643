/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Mappings that a thread of the program makes for itself, at our word, in the place of a held mmap(). */
#ifndef TOOLS_EXEC_INJECT_H
#define TOOLS_EXEC_INJECT_H

#include <stddef.h>
#include "exec.h"

/* What lies where: bytes [at, at + len) of the mapping are those of fd, a descriptor of ours, from `offset` on. All whole pages. */
struct exec_piece {
	uint64_t at, len, offset;
	int fd;
	bool huge; /* of huge pages, and whole ones */
};

/* Called when it is done: at which address. file: what the mmap() was about. */
typedef void exec_mapped(struct exec *x, dev_t dev, ino_t ino, uint64_t at);

/*
 * Does the held mmap() of `stand_in` (a descriptor of ours of the same file) with these pieces, in rising order and without gaps. The program sees
 * one call that returns an address, or: what the kernel says to its arguments; -ENOMEM; -EMFILE: no descriptor is free for
 * the pieces; -EBUSY: the thread is being traced; -EPERM: it may not be. TRAP_ANSWERED: it comes later. Nothing here waits.
 */
int64_t exec_inject_map(struct trap *t, int stand_in, const struct exec_piece *piece, size_t n,
			exec_mapped *mapped);
/* waitpid() told of `pid`. false: it has ended, or this is none of ours. */
bool exec_inject_told(struct exec *x, pid_t pid, int status);
/* Forgets threads that have vanished without a word. */
void exec_injects_look(struct exec *x);

#endif
