/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Calls that a DMA-BUF or a heap has no answer to, and a memfd has; and what file systems say of theirs. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "exec.h"
#include "exec_path.h"

#define DMABUF_MAGIC 0x444d4142
#define ANON_MAGIC   0x09041934
#define NAME_LENGTH  255

static int64_t refuse(struct trap *t, int64_t with)
{
	const struct exec_file *file = exec_file_of(t, (int)t->arg[0]);

	if (!file || file->kind == EXEC_DIR)
		return TRAP_CONTINUE;
	return exec_opened_as_path(t, file, (int)t->arg[0]) ? -EBADF : with;
}

int64_t exec_fsync(struct trap *t)
{
	return refuse(t, -EINVAL);
}

int64_t exec_sync_range(struct trap *t)
{
	return refuse(t, -ESPIPE);
}

int64_t exec_readahead(struct trap *t)
{
	return refuse(t, -EINVAL);
}

int64_t exec_fsetxattr(struct trap *t)
{
	return refuse(t, -EPERM);
}

int64_t exec_flistxattr(struct trap *t)
{
	return refuse(t, 0);
}

/* A program that lists the folder asks each name for its access control list. */
static int64_t no_attributes(struct trap *t, unsigned int how)
{
	struct exec_place p = exec_path_find(t, AT_FDCWD, t->arg[0], how);

	return p.kind == EXEC_AT_DIR || p.kind == EXEC_AT_HEAP ? -EOPNOTSUPP : TRAP_CONTINUE;
}

int64_t exec_getxattr(struct trap *t)
{
	return no_attributes(t, 0);
}

int64_t exec_lgetxattr(struct trap *t)
{
	return no_attributes(t, EXEC_NOFOLLOW);
}

int64_t exec_truncate(struct trap *t)
{
	struct exec_place p = exec_path_find(t, AT_FDCWD, t->arg[0], 0);
	const struct exec_file *file;

	if (p.kind == EXEC_AT_HEAP)
		return -EINVAL;
	if (p.kind != EXEC_AT_LINK)
		return TRAP_CONTINUE;
	file = exec_file_in(t, p.pid, p.n);
	return file && file->kind != EXEC_DIR ? -EINVAL : TRAP_CONTINUE;
}

int64_t exec_fstatfs(struct trap *t)
{
	const struct exec_file *file = exec_file_of(t, (int)t->arg[0]);
	struct statfs fs;

	if (!file || (file->kind != EXEC_BUFFER && file->kind != EXEC_FENCE))
		return TRAP_CONTINUE;
	memset(&fs, 0, sizeof(fs));
	fs.f_type = file->kind == EXEC_BUFFER ? DMABUF_MAGIC : ANON_MAGIC;
	fs.f_bsize = fs.f_frsize = (long)EXEC_PAGE;
	fs.f_namelen = NAME_LENGTH;
	fs.f_flags = 0x20; /* ST_VALID, as of every file system */
	return t->mem.write(&t->mem, t->arg[1], &fs, sizeof(fs)) ? -EFAULT : 0;
}

int64_t exec_getcwd(struct trap *t)
{
	char link[256];
	ssize_t n;

	if (!t->x->given)
		return TRAP_CONTINUE;
	n = t->x->form->link(t, AT_FDCWD, link, sizeof(link));
	if (n <= 0)
		return TRAP_CONTINUE;
	link[n] = '\0';
	if (strcmp(link, t->x->dir_link))
		return TRAP_CONTINUE;
	if (t->arg[1] < sizeof(EXEC_HEAPS))
		return -ERANGE;
	return t->mem.write(&t->mem, t->arg[0], EXEC_HEAPS, sizeof(EXEC_HEAPS))
		       ? -EFAULT
		       : (int64_t)sizeof(EXEC_HEAPS);
}
