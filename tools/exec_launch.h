/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Starts the program. */
#ifndef TOOLS_EXEC_LAUNCH_H
#define TOOLS_EXEC_LAUNCH_H

#include <signal.h>
#include "exec.h"

#define EXEC_FAILED	   125 /* of our own exit statuses, as env(1) and its like have them */
#define EXEC_CANNOT_INVOKE 126
#define EXEC_NOT_FOUND	   127

/* A child that waits, and whose calls come: x->root, x->listener. mask: of signals, that it gets. A negative errno: its
 * calls cannot be had here. */
int exec_launch(struct exec *x, char **argv, const sigset_t *mask);
/* It runs. */
void exec_launch_go(struct exec *x);

#endif
