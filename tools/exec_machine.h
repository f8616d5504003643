/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The machine whose heaps the program sees: one of its own, in a child of the supervisor, or a server's. */
#ifndef TOOLS_EXEC_MACHINE_H
#define TOOLS_EXEC_MACHINE_H

#include "load.h"
#include "exec.h"

/* Starts the private machine, unless x->socket names a server, and asks for its heaps. 0; -1: the reason is in `why`. */
int exec_machine_begin(struct exec *x, const struct load_opts *opts, struct boot_why *why);
/* Connects what is a process's, or was. */
int exec_machine_join(struct exec *x, struct fhc *c);
/* The private machine ends when nobody is connected to it any more. */
void exec_machine_end(struct exec *x);

#endif
