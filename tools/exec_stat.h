/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What stat() says of ours. */
#ifndef TOOLS_EXEC_STAT_H
#define TOOLS_EXEC_STAT_H

#include "exec.h"

/* The inode number of number n of a kind. */
uint64_t exec_stat_ino(enum exec_kind kind, uint64_t n);

#endif
