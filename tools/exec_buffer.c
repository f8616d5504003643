/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Calls about ours that a memfd would answer otherwise than a DMA-BUF: seeks, maps, sizes, seals and flags. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "exec.h"
#include "exec_info.h"

#ifdef __aarch64__
#define LARGEFILE 0400000
#else
#define LARGEFILE 0100000
#endif

static mode_t mode_of(struct trap *t, int fd)
{
	return t->x->form->mode(t, fd);
}

bool exec_opened_as_path(struct trap *t, const struct exec_file *file, int fd)
{
	return file->kind == EXEC_HEAP_PATH || (file->kind != EXEC_HEAP && !mode_of(t, fd));
}

/* A descriptor that is ours and no mere path. */
static struct exec_file *file_of(struct trap *t)
{
	struct exec_file *file = exec_file_of(t, (int)t->arg[0]);

	return file && !exec_opened_as_path(t, file, (int)t->arg[0]) ? file : NULL;
}

static int64_t seek_buffer(const struct exec_file *file, int64_t offset, int whence)
{
	if (offset || (whence != SEEK_SET && whence != SEEK_END))
		return -EINVAL;
	return whence == SEEK_END ? (int64_t)file->size : 0;
}

int64_t exec_lseek(struct trap *t)
{
	const struct exec_file *file = file_of(t);
	unsigned int whence = (unsigned int)t->arg[2];

	if (!file)
		return TRAP_CONTINUE;
	if (whence > SEEK_HOLE)
		return -EINVAL;
	switch (file->kind) {
	case EXEC_BUFFER:
		return seek_buffer(file, (int64_t)t->arg[1], (int)whence);
	case EXEC_DIR:
		return TRAP_CONTINUE;
	default:
		return -ESPIPE;
	}
}

/* ---- mmap ---- */

/* The kernel looks at the mode of the descriptor before it asks the file. */
static bool may_map(mode_t mode, uint64_t prot, bool shared)
{
	return (mode & S_IRUSR) && (!(shared && (prot & PROT_WRITE)) || (mode & S_IWUSR));
}

static int64_t map_buffer(struct trap *t, const struct exec_file *file, mode_t mode)
{
	uint64_t len = t->arg[1], offset = t->arg[5], pages, kind = t->arg[3] & MAP_TYPE;
	bool shared = kind == MAP_SHARED || kind == MAP_SHARED_VALIDATE;

	if (!len || offset % EXEC_PAGE || len > INT64_MAX || offset > INT64_MAX ||
	    (!shared && kind != MAP_PRIVATE))
		return TRAP_CONTINUE; /* the kernel knows what is wrong */
	if (file->neither)
		return -EACCES;
	if (!may_map(mode, t->arg[2], shared))
		return TRAP_CONTINUE;
	pages = (len + EXEC_PAGE - 1) / EXEC_PAGE;
	if (offset / EXEC_PAGE + pages > file->size / EXEC_PAGE)
		return len > (UINT64_C(1) << 47) ? TRAP_CONTINUE : -EINVAL;
	if (file->udmabuf)
		return !shared ? -EINVAL : file->pages ? exec_udmabuf_map(t, file) : -ENODEV;
	/* Linux maps pages one by one, which a private mapping of more than one forbids; and areas' buffers shared only. */
	return shared || (file->system && pages == 1) ? TRAP_CONTINUE : -EINVAL;
}

int64_t exec_mmap(struct trap *t)
{
	const struct exec_file *file = exec_file_of(t, (int)t->arg[4]);
	mode_t mode = file ? mode_of(t, (int)t->arg[4]) : 0;

	if (!mode)
		return TRAP_CONTINUE;
	switch (file->kind) {
	case EXEC_BUFFER:
		return map_buffer(t, file, mode);
	case EXEC_HEAP:
		return t->arg[1] && may_map(mode, t->arg[2], (t->arg[3] & MAP_TYPE) == MAP_SHARED)
			       ? -ENODEV
			       : TRAP_CONTINUE;
	default:
		return TRAP_CONTINUE;
	}
}

/* ---- fcntl and sizes ---- */

int64_t exec_fcntl(struct trap *t)
{
	const struct exec_file *file = exec_file_of(t, (int)t->arg[0]);
	int64_t flags;

	if (!file || file->kind == EXEC_DIR)
		return TRAP_CONTINUE;
	if (file->kind == EXEC_HEAP_PATH)
		return (int)t->arg[1] == F_GETFL ? O_PATH : -EBADF;
	if (exec_opened_as_path(t, file, (int)t->arg[0]))
		return TRAP_CONTINUE;
	switch ((int)t->arg[1]) {
	case F_GETFL:
		if (file->kind == EXEC_HEAP)
			return TRAP_CONTINUE;
		flags = exec_info_flags(t->tid, (int)t->arg[0]);
		if (flags < 0)
			return flags;
		flags |= file->neither ? O_ACCMODE : 0;
		flags &= ~(int64_t)(LARGEFILE | O_CLOEXEC |
				    (file->kind == EXEC_FENCE ? O_NONBLOCK : 0));
		return flags;
	case F_SETFL:
		return -EINVAL; /* O_DIRECT */
	case F_ADD_SEALS:
	case F_GET_SEALS:
	case F_SETLEASE:
		return -EINVAL;
	default:
		return TRAP_CONTINUE;
	}
}

int64_t exec_ftruncate(struct trap *t)
{
	const struct exec_file *file = file_of(t);

	return file && file->kind != EXEC_DIR ? -EINVAL : TRAP_CONTINUE;
}

int64_t exec_fallocate(struct trap *t)
{
	const struct exec_file *file = file_of(t);

	if (!file || file->kind == EXEC_DIR)
		return TRAP_CONTINUE;
	if ((int64_t)t->arg[2] < 0 || (int64_t)t->arg[3] <= 0)
		return -EINVAL;
	return !file->neither && mode_of(t, (int)t->arg[0]) & S_IWUSR ? -ENODEV : -EBADF;
}
