/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Reads and writes the memory of the program's processes. */
#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include "exec_mem.h"

#define PAGE UINT64_C(4096)

static int moved(ssize_t n, size_t len)
{
	if (n == (ssize_t)len)
		return 0;
	return n < 0 && errno == EPERM ? -EPERM : -EFAULT;
}

static int read_process(const struct exec_mem *m, uint64_t at, void *to, size_t len)
{
	struct iovec here = {to, len}, there = {(void *)(uintptr_t)at, len};

	return len ? moved(process_vm_readv(m->tid, &here, 1, &there, 1, 0), len) : 0;
}

static int write_process(const struct exec_mem *m, uint64_t at, const void *from, size_t len)
{
	struct iovec here = {(void *)(uintptr_t)from, len}, there = {(void *)(uintptr_t)at, len};

	return len ? moved(process_vm_writev(m->tid, &here, 1, &there, 1, 0), len) : 0;
}

struct exec_mem exec_mem_of(pid_t tid)
{
	return (struct exec_mem){read_process, write_process, tid, NULL};
}

/* In pieces that cross no page: what lies behind the text may not be there. */
ssize_t exec_mem_text(const struct exec_mem *m, uint64_t at, char *buf, size_t size)
{
	size_t have = 0, piece;
	char *end;
	int err;

	while (have < size) {
		piece = (size_t)(PAGE - (at + have) % PAGE);
		if (piece > size - have)
			piece = size - have;
		if (piece > 256)
			piece = 256;
		err = m->read(m, at + have, buf + have, piece);
		if (err)
			return err;
		end = memchr(buf + have, '\0', piece);
		if (end)
			return end - buf;
		have += piece;
	}
	return -ENAMETOOLONG;
}
