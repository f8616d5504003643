/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The memory of another process, as a kernel's copy_from_user() and its like see it. */
#ifndef TOOLS_EXEC_MEM_H
#define TOOLS_EXEC_MEM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Both move all or fail: -EFAULT; -EPERM: that process may not be looked into. A read that fails may have changed *to. */
struct exec_mem {
	int (*read)(const struct exec_mem *m, uint64_t at, void *to, size_t len);
	int (*write)(const struct exec_mem *m, uint64_t at, const void *from, size_t len);
	pid_t tid;
	void *arg; /* of a fake one */
};

/* Of thread `tid`. */
struct exec_mem exec_mem_of(pid_t tid);
/* A text with its end, of at most size bytes: its length; -EFAULT; -ENAMETOOLONG: no end in so many. */
ssize_t exec_mem_text(const struct exec_mem *m, uint64_t at, char *buf, size_t size);

#endif
