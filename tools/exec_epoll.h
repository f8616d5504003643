/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Buffers in the program's epolls. */
#ifndef TOOLS_EXEC_EPOLL_H
#define TOOLS_EXEC_EPOLL_H

#include "exec.h"

#define EXEC_EPOLL_LOOK_MS 100

/* Entries whose descriptor is closed go. */
void exec_epoll_look(struct exec *x);
/* A buffer has a new fence. */
void exec_epoll_fence(struct exec_proc *proc, const struct exec_file *file);

#endif
