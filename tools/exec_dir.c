/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* readlink() of what /proc/PID/fd says of ours, and the entries of the heaps' folder. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "exec.h"
#include "exec_path.h"
#include "exec_stat.h"

/* ---- readlink ---- */

static void buffer_link(struct trap *t, const struct exec_file *file, const struct exec_place *p,
			char *text, size_t size)
{
	struct exec_proc *proc = exec_proc_of(t);
	struct fhc_info info;

	if (proc && p->pid == t->tid)
		exec_proc_use(proc, file->id, (int)p->n);
	exec_procs_info(t->x, file->id, &info);
	snprintf(text, size, "/dmabuf:%s", info.name);
}

static int64_t link_text(struct trap *t, const struct exec_place *p, uint64_t to, uint64_t size)
{
	const struct exec_file *file = exec_file_in(t, p->pid, p->n);
	char text[PATH_MAX];
	size_t len;

	if (!file)
		return TRAP_CONTINUE;
	switch (file->kind) {
	case EXEC_HEAP:
	case EXEC_HEAP_PATH:
		if (file->id == EXEC_UDMABUF_ID)
			snprintf(text, sizeof(text), "%s", EXEC_UDMABUF_PATH);
		else
			snprintf(text, sizeof(text), "%s/%s", EXEC_HEAPS,
				 t->x->heap[file->id].name);
		break;
	case EXEC_DIR:
		snprintf(text, sizeof(text), "%s", EXEC_HEAPS);
		break;
	case EXEC_FENCE:
		snprintf(text, sizeof(text), "anon_inode:sync_file");
		break;
	case EXEC_TIMELINE:
		snprintf(text, sizeof(text), "%s", EXEC_SW_SYNC);
		break;
	default:
		buffer_link(t, file, p, text, sizeof(text));
		break;
	}
	len = strlen(text) < size ? strlen(text) : (size_t)size;
	if (t->mem.write(&t->mem, to, text, len))
		return -EFAULT;
	return (int64_t)len;
}

static int64_t readlink_at(struct trap *t, int64_t dirfd, const uint64_t *arg)
{
	struct exec_place p = exec_path_find(t, dirfd, arg[0], EXEC_NOFOLLOW);

	if ((int)arg[2] <= 0)
		return TRAP_CONTINUE;
	switch (p.kind) {
	case EXEC_AT_LINK:
		return link_text(t, &p, arg[1], arg[2]);
	case EXEC_AT_HEAP:
		return p.slash ? -ENOTDIR : -EINVAL;
	case EXEC_AT_DIR:
		return t->x->dir_fd < 0 ? -ENOENT : -EINVAL;
	case EXEC_BELOW_HEAP:
		return -ENOTDIR;
	default:
		return TRAP_CONTINUE;
	}
}

int64_t exec_readlink(struct trap *t)
{
	return readlink_at(t, AT_FDCWD, t->arg);
}

int64_t exec_readlinkat(struct trap *t)
{
	return readlink_at(t, (int)t->arg[0], t->arg + 1);
}

/* ---- getdents64 ---- */

/* The kernel's record: struct dirent64, but ended after its name. */
static size_t put_entry(char *at, size_t room, uint64_t ino, int64_t next, unsigned char type,
			const char *name)
{
	size_t head = offsetof(struct dirent64, d_name), len = strlen(name) + 1;
	size_t size = (head + len + 7) & ~(size_t)7;
	struct dirent64 d = {.d_ino = ino, .d_off = next, .d_type = type};

	if (size > room)
		return 0;
	d.d_reclen = (unsigned short)size;
	memset(at, 0, size);
	memcpy(at, &d, head);
	memcpy(at + head, name, len);
	return size;
}

static size_t put_nth(const struct exec *x, char *at, size_t room, int64_t n)
{
	if (n < 2)
		return put_entry(at, room, (uint64_t)(2 - n), n + 1, DT_DIR, n ? ".." : ".");
	return put_entry(at, room, exec_stat_ino(EXEC_HEAP, (uint64_t)n - 2), n + 1, DT_CHR,
			 x->heap[n - 2].name);
}

/* Where the reader is, is the position of the open folder itself: so it goes with dup() and fork(), and rewinds. */
int64_t exec_getdents(struct trap *t)
{
	const struct exec_file *file = exec_file_of(t, (int)t->arg[0]);
	size_t room = t->arg[2] < 16384 ? (size_t)(unsigned int)t->arg[2] : 16384, used = 0, one;
	struct exec_proc *proc;
	int64_t n, last;
	char buf[16384];
	int own;

	if (!file || file->kind != EXEC_DIR)
		return TRAP_CONTINUE;
	proc = exec_proc_of(t);
	own = proc ? exec_proc_getfd(proc, (int)t->arg[0]) : -EIO;
	if (own < 0)
		return own;
	n = lseek(own, 0, SEEK_CUR);
	last = (int64_t)t->x->nr_heaps + 2;
	if (n >= 0 && n < last) {
		while (n < last && (one = put_nth(t->x, buf + used, room - used, n))) {
			used += one;
			n++;
		}
		if (!used || t->mem.write(&t->mem, t->arg[1], buf, used)) {
			close(own);
			return used ? -EFAULT : -EINVAL;
		}
		lseek(own, n, SEEK_SET);
	}
	close(own);
	return (int64_t)used;
}
