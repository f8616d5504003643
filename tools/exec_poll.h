/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What poll() says of a buffer: whether a reader (POLLIN) or a writer (POLLOUT) has nothing to wait for. */
#ifndef TOOLS_EXEC_POLL_H
#define TOOLS_EXEC_POLL_H

#include <poll.h>
#include "exec.h"

#define EXEC_POLLED (POLLIN | POLLOUT) /* all that a DMA-BUF ever answers */

/* One descriptor that the program waits for. */
struct exec_polled {
	int fd; /* the program's */
	short events, revents;
	bool buffer;
	int own[2]; /* ours: the same open file; of a buffer: fences for a reader, a writer. -1: nothing to wait for */
};

/* Fills in what there is to wait for; false: nothing is ours, or there is no room. */
bool exec_polled_open(struct trap *t, struct exec_proc *proc, struct exec_polled *p, size_t n);
void exec_polled_close(struct exec_polled *p, size_t n);
/* How many have something; each its revents. */
int exec_polled_look(struct exec_polled *p, size_t n);
/* The fences of one buffer: descriptors into fence[2], -1 where there is none that is pending. */
void exec_polled_fences(struct exec *x, struct exec_proc *proc, uint64_t id, short events,
			int fence[2]);

#endif
