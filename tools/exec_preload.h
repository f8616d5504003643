/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What `freehold exec --preload` needs of the host: its library, a program that takes one, and who is left. */
#ifndef TOOLS_EXEC_PRELOAD_H
#define TOOLS_EXEC_PRELOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Where the library is: beside the command, or in ../lib/freehold from there. NULL: neither. */
const char *exec_preload_library(void);
/* What stands in the way of running this program with it: a sentence into why, true. What cannot be told here, is not. */
bool exec_preload_refuses(const char *program, char *why, size_t size);
/* Has this process a child other than `but`? */
bool exec_preload_children(pid_t but);

#endif
