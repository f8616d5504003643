/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What /proc/PID/fdinfo/N says of ours. */
#ifndef TOOLS_EXEC_INFO_H
#define TOOLS_EXEC_INFO_H

#include "exec_path.h"

/* open() of such an entry. */
int64_t exec_info_open(struct trap *t, const struct exec_place *p, uint64_t flags);
/* "flags" of the entry: of open(), with O_CLOEXEC; a negative errno. */
int64_t exec_info_flags(pid_t pid, int64_t fd);
/* Is it a descendant of ours? */
bool exec_is_ours(pid_t pid);

#endif
