/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A server that ends while programs run, and the one that comes after it. */
#ifndef TOOLS_EXEC_JOIN_H
#define TOOLS_EXEC_JOIN_H

#include "exec.h"

#define EXEC_JOIN_LOOK_MS 50

/* A connection is cut off, or nobody is there. */
void exec_join_lost(struct exec *x);
/* That, if a call has found one cut off: each is connected, or lost is said. */
void exec_join_check(struct exec *x);
/* What a server says that is not there for now: its socket has no reader, no name, or no mode yet. */
bool exec_join_away(int err);
/* What a call's request came to is that, or a server that is about to go. */
bool exec_join_misses(const struct exec *x, int err);
/* The call is done again when there is a server; its result is `failed` if there is none in time. TRAP_ANSWERED, or `failed`: it is late already. */
int64_t exec_join_wait(struct trap *t, int64_t failed);
/* Looks for a server now, for a call that is about to be done, and shows it what the program has. False: nobody is there. */
bool exec_join_now(struct exec *x);
/* Looks now and then for a server, shows it what the program has, and does again what waits. */
void exec_join_look(struct exec *x);

#endif
