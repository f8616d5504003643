/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* open() and its like of the heaps' folder, of heaps, of sw_sync, and of descriptors' entries in /proc. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "exec.h"
#include "exec_fence.h"
#include "exec_info.h"
#include "exec_path.h"

#define NOT_KEPT (O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC)
#define RESOLVES                                                                                   \
	(RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH |         \
	 RESOLVE_IN_ROOT)

/* A descriptor of its own of what `fd` is, put into the program. One that is a mere path (O_PATH) cannot be put anywhere: it gets one
 * that is open, and only its flags tell. */
static int64_t give_open(struct trap *t, int fd, uint64_t flags)
{
	char path[64];
	int64_t result;
	int own;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, (int)(flags & ~(uint64_t)(NOT_KEPT | O_PATH)) | O_CLOEXEC);
	if (own < 0)
		return -errno;
	result = trap_give_result(t, own, (int)(flags & O_CLOEXEC));
	close(own);
	return result;
}

/* The heaps are as root's files of mode 0600, but root is who started us. */
static bool may_open(const struct trap *t)
{
	struct exec_status st;

	return !exec_status_of(t->tid, &st) && (st.fsuid == 0 || st.fsuid == t->x->owner);
}

static int64_t open_heap(struct trap *t, const struct exec_place *p, uint64_t flags)
{
	if ((flags & O_CREAT) && (flags & O_EXCL) && !p->slash)
		return -EEXIST;
	if ((flags & O_DIRECTORY) || p->slash)
		return flags & O_CREAT && p->slash ? -EISDIR : -ENOTDIR;
	if (!(flags & O_PATH) && !may_open(t))
		return -EACCES;
	if (!(flags & O_PATH) && (flags & O_DIRECT))
		return -EINVAL;
	return give_open(t, t->x->heap_fd[p->n], flags);
}

static int64_t open_dir(struct trap *t, const struct exec_place *p, uint64_t flags)
{
	if (t->x->dir_fd < 0)
		return -ENOENT;
	if (flags & O_PATH)
		return give_open(t, t->x->dir_fd, flags);
	if ((flags & O_CREAT) && (flags & O_EXCL) && !(flags & O_DIRECTORY) && !p->slash)
		return -EEXIST;
	if ((flags & O_CREAT) || (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC))
		return -EISDIR;
	return give_open(t, t->x->dir_fd, flags);
}

/* A descriptor of ours, opened again. */
static int64_t open_link(struct trap *t, const struct exec_place *p, uint64_t flags)
{
	struct exec_file *file = exec_file_in(t, p->pid, p->n);
	struct exec_place heap = {.kind = EXEC_AT_HEAP};

	if (!file || (flags & O_NOFOLLOW))
		return TRAP_CONTINUE;
	switch (file->kind) {
	case EXEC_HEAP:
		heap.n = (int64_t)file->id;
		heap.slash = p->slash;
		return open_heap(t, &heap, flags);
	case EXEC_DIR:
		return open_dir(t, p, flags);
	default:
		if (flags & O_PATH)
			return TRAP_CONTINUE; /* the memfd itself, by the kernel */
		return flags & O_DIRECTORY ? -ENOTDIR : -ENXIO;
	}
}

static int64_t open_place(struct trap *t, const struct exec_place *p, uint64_t flags)
{
	if (flags & O_PATH)
		flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	switch (p->kind) {
	case EXEC_AT_HEAP:
		return open_heap(t, p, flags);
	case EXEC_BELOW_HEAP:
		return -ENOTDIR;
	case EXEC_AT_DIR:
		return open_dir(t, p, flags);
	case EXEC_AT_LINK:
		return open_link(t, p, flags);
	case EXEC_AT_INFO:
		return exec_info_open(t, p, flags);
	case EXEC_AT_SW_SYNC:
		return flags & (O_PATH | O_DIRECTORY) ? TRAP_CONTINUE
						      : exec_timeline_open(t, flags);
	default:
		return TRAP_CONTINUE;
	}
}

static int64_t open_at(struct trap *t, int64_t dirfd, uint64_t path, uint64_t flags)
{
	struct exec_place p =
		exec_path_find(t, dirfd, path, flags & O_NOFOLLOW ? EXEC_NOFOLLOW : 0);

	return p.kind == EXEC_ELSEWHERE ? TRAP_CONTINUE : open_place(t, &p, flags & UINT32_MAX);
}

int64_t exec_open(struct trap *t)
{
	return open_at(t, AT_FDCWD, t->arg[0], t->arg[1]);
}

int64_t exec_creat(struct trap *t)
{
	return open_at(t, AT_FDCWD, t->arg[0], O_CREAT | O_WRONLY | O_TRUNC);
}

int64_t exec_openat(struct trap *t)
{
	return open_at(t, (int)t->arg[0], t->arg[1], t->arg[2]);
}

/* What is wrong with `how` itself, the kernel says. */
int64_t exec_openat2(struct trap *t)
{
	struct open_how how;
	struct exec_place p;

	if (t->arg[3] < sizeof(how) || t->mem.read(&t->mem, t->arg[2], &how, sizeof(how)) ||
	    (how.resolve & ~(uint64_t)RESOLVES))
		return TRAP_CONTINUE;
	p = exec_path_find(t, (int)t->arg[0], t->arg[1],
			   (how.flags & O_NOFOLLOW ? EXEC_NOFOLLOW : 0U) |
				   (how.resolve & RESOLVE_IN_ROOT ? EXEC_IN_ROOT : 0U));
	if (p.kind == EXEC_ELSEWHERE)
		return TRAP_CONTINUE;
	if ((how.resolve & RESOLVE_BENEATH) && !exec_path_beneath(t, t->arg[1]))
		return -EXDEV;
	if ((how.resolve & RESOLVE_NO_MAGICLINKS) && p.kind == EXEC_AT_LINK)
		return -ELOOP;
	return open_place(t, &p, how.flags);
}
