/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* stat() and access() of the heaps' folder, of heaps, and of descriptors of ours. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>
#include "exec.h"
#include "exec_path.h"
#include "exec_stat.h"

#define MAJOR	   251 /* of those that Linux hands out as needed */
#define MISC_MAJOR 10
#define MISC_MINOR 125 /* again of those as needed */
#define FIRST_INO  600

uint64_t exec_stat_ino(enum exec_kind kind, uint64_t n)
{
	return kind == EXEC_BUFFER ? n : FIRST_INO + (kind == EXEC_HEAP ? 1 + n : 0);
}

/* What a place comes to: a file of ours, or a fictive one for what is not open. */
static bool found(struct trap *t, const struct exec_place *p, struct exec_file *file)
{
	const struct exec_file *open;

	memset(file, 0, sizeof(*file));
	switch (p->kind) {
	case EXEC_AT_DIR:
		file->kind = EXEC_DIR;
		return t->x->dir_fd >= 0;
	case EXEC_AT_HEAP:
		file->kind = EXEC_HEAP;
		file->id = (uint64_t)p->n;
		return true;
	case EXEC_AT_SW_SYNC:
		file->kind = EXEC_TIMELINE;
		return true;
	case EXEC_AT_LINK:
	case EXEC_AT_FD:
		open = exec_file_in(t, p->pid, p->n);
		if (open)
			*file = *open;
		if (file->kind == EXEC_HEAP_PATH)
			file->kind = EXEC_HEAP;
		return open;
	default:
		return false;
	}
}

static void fill(struct trap *t, const struct exec_file *file, struct stat *st)
{
	const struct exec *x = t->x;

	memset(st, 0, sizeof(*st));
	st->st_dev = file->kind == EXEC_BUFFER || file->kind == EXEC_FENCE ? x->memfd_dev : x->dev;
	st->st_ino = exec_stat_ino(file->kind, file->id);
	st->st_nlink = 1;
	st->st_mode = S_IRUSR | S_IWUSR;
	st->st_uid = x->owner;
	st->st_blksize = (blksize_t)EXEC_PAGE;
	clock_gettime(CLOCK_REALTIME, &st->st_atim);
	st->st_mtim = st->st_ctim = st->st_atim;
	switch (file->kind) {
	case EXEC_DIR:
		st->st_mode = S_IFDIR | 0755;
		st->st_nlink = 2;
		st->st_size = 20 * (off_t)x->nr_heaps + 40;
		break;
	case EXEC_HEAP:
		st->st_mode |= S_IFCHR;
		st->st_rdev = file->id == EXEC_UDMABUF_ID ? makedev(MISC_MAJOR, MISC_MINOR)
							  : makedev(MAJOR, (unsigned int)file->id);
		break;
	case EXEC_BUFFER:
		st->st_size = (off_t)file->size;
		st->st_blocks = (blkcnt_t)(file->size / 512);
		break;
	case EXEC_TIMELINE:
		st->st_mode |= S_IFREG;
		break;
	default:
		break;
	}
}

static void widen(const struct exec *exec, const struct stat *st, struct statx *x)
{
	memset(x, 0, sizeof(*x));
	x->stx_mask = STATX_BASIC_STATS | STATX_MNT_ID;
	x->stx_mnt_id = exec->mnt;
	x->stx_blksize = (uint32_t)st->st_blksize;
	x->stx_nlink = (uint32_t)st->st_nlink;
	x->stx_uid = st->st_uid;
	x->stx_gid = st->st_gid;
	x->stx_mode = (uint16_t)st->st_mode;
	x->stx_ino = st->st_ino;
	x->stx_size = (uint64_t)st->st_size;
	x->stx_blocks = (uint64_t)st->st_blocks;
	x->stx_atime.tv_sec = x->stx_mtime.tv_sec = x->stx_ctime.tv_sec = st->st_atim.tv_sec;
	x->stx_rdev_major = major(st->st_rdev);
	x->stx_rdev_minor = minor(st->st_rdev);
	x->stx_dev_major = major(st->st_dev);
	x->stx_dev_minor = minor(st->st_dev);
}

static int64_t put(struct trap *t, uint64_t to, const struct stat *st, const struct statx *x,
		   bool wide)
{
	if (wide ? t->mem.write(&t->mem, to, x, sizeof(*x))
		 : t->mem.write(&t->mem, to, st, sizeof(*st)))
		return -EFAULT;
	return 0;
}

/* What is not ours: whether that is the kernel's to say, or ours. */
static int64_t not_found(const struct exec_place *p)
{
	if (p->kind == EXEC_TOO_LONG)
		return -ENAMETOOLONG;
	return p->kind == EXEC_BELOW_HEAP ? -ENOTDIR : TRAP_CONTINUE;
}

static int64_t stat_place(struct trap *t, const struct exec_place *p, uint64_t to, bool wide)
{
	struct exec_file file;
	struct statx x;
	struct stat st;

	if (p->kind == EXEC_AT_DEV) {
		if (stat("/dev", &st))
			return -errno;
		widen(t->x, &st, &x);
		return put(t, to, &st, &x, wide);
	}
	if (!found(t, p, &file))
		return not_found(p);
	if (p->slash && file.kind != EXEC_DIR)
		return -ENOTDIR;
	fill(t, &file, &st);
	widen(t->x, &st, &x);
	return put(t, to, &st, &x, wide);
}

static int64_t stat_path(struct trap *t, int64_t dirfd, uint64_t path, uint64_t to,
			 unsigned int how)
{
	struct exec_place p = exec_path_find(t, dirfd, path, how);

	/* The link itself, as it is in /proc. */
	if (p.kind == EXEC_ELSEWHERE || (p.kind == EXEC_AT_LINK && (how & EXEC_NOFOLLOW)))
		return TRAP_CONTINUE;
	return stat_place(t, &p, to, false);
}

int64_t exec_stat(struct trap *t)
{
	return stat_path(t, AT_FDCWD, t->arg[0], t->arg[1], 0);
}

int64_t exec_lstat(struct trap *t)
{
	return stat_path(t, AT_FDCWD, t->arg[0], t->arg[1], EXEC_NOFOLLOW);
}

int64_t exec_fstat(struct trap *t)
{
	struct exec_place p = {.kind = EXEC_AT_FD, .n = (int)t->arg[0], .pid = t->tid};

	return stat_place(t, &p, t->arg[1], false);
}

static unsigned int how_of(uint64_t flags)
{
	return (flags & AT_SYMLINK_NOFOLLOW ? EXEC_NOFOLLOW : 0U) |
	       (flags & AT_EMPTY_PATH ? EXEC_EMPTY : 0U);
}

int64_t exec_fstatat(struct trap *t)
{
	if ((unsigned int)t->arg[3] &
	    ~(unsigned int)(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH))
		return TRAP_CONTINUE;
	return stat_path(t, (int)t->arg[0], t->arg[1], t->arg[2], how_of(t->arg[3]));
}

/* The path may be NULL since Linux 6.11: the same as an empty one. */
int64_t exec_statx(struct trap *t)
{
	unsigned int how = how_of(t->arg[2]);
	struct exec_place p = {.kind = EXEC_AT_FD, .n = (int)t->arg[0], .pid = t->tid};

	if (t->arg[1] || !(how & EXEC_EMPTY))
		p = exec_path_find(t, (int)t->arg[0], t->arg[1], how);
	if (p.kind == EXEC_ELSEWHERE || (p.kind == EXEC_AT_LINK && (how & EXEC_NOFOLLOW)))
		return TRAP_CONTINUE;
	return stat_place(t, &p, t->arg[4], true);
}

/* ---- access ---- */

static int64_t access_at(struct trap *t, int64_t dirfd, uint64_t path, uint64_t mode,
			 uint64_t flags)
{
	struct exec_place p = exec_path_find(t, dirfd, path, how_of(flags));
	struct exec_status status;
	struct exec_file file;
	struct stat st;
	bool all;

	if (p.kind == EXEC_ELSEWHERE || (p.kind == EXEC_AT_LINK && (flags & AT_SYMLINK_NOFOLLOW)) ||
	    (mode & ~(uint64_t)(R_OK | W_OK | X_OK)))
		return TRAP_CONTINUE;
	if (!found(t, &p, &file))
		return not_found(&p);
	if (p.slash && file.kind != EXEC_DIR)
		return -ENOTDIR;
	fill(t, &file, &st);
	if (exec_status_of(t->tid, &status))
		return TRAP_CONTINUE;
	all = status.fsuid == 0 || status.fsuid == t->x->owner;
	if (S_ISDIR(st.st_mode))
		return !all && (mode & W_OK) ? -EACCES : 0;
	return (mode & X_OK) || (mode && !all) ? -EACCES : 0;
}

int64_t exec_access(struct trap *t)
{
	return access_at(t, AT_FDCWD, t->arg[0], (unsigned int)t->arg[1], 0);
}

int64_t exec_faccessat(struct trap *t)
{
	return access_at(t, (int)t->arg[0], t->arg[1], (unsigned int)t->arg[2], 0);
}

int64_t exec_faccessat2(struct trap *t)
{
	if ((unsigned int)t->arg[3] &
	    ~(unsigned int)(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return TRAP_CONTINUE;
	return access_at(t, (int)t->arg[0], t->arg[1], (unsigned int)t->arg[2], t->arg[3]);
}
