/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The table of trapped system calls. */
#ifndef TOOLS_EXEC_CALLS_H
#define TOOLS_EXEC_CALLS_H

#include "exec_filter.h"

/* All of them, for the filter: how many, at most `room`. */
size_t exec_calls_trapped(struct exec_trapped *calls, size_t room);

#endif
