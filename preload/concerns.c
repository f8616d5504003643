/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which calls may be about ours; all others never leave the program. Of descriptors the inode is looked up in the shared page, so that
 * it does not matter how a number came to be; of paths their parts, and of links that they are links: what they lead to, the
 * supervisor finds out. A pointer that the kernel could not read is the kernel's to refuse.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <termios.h>
#include "preload.h"

#define PAGE	 4096UL
#define MOST	 1024 /* descriptors in a poll, as for the supervisor */
#define LOOKS_AT 512  /* of a folder's name */

/* ---- descriptors ---- */

static bool file_concerns(const struct pl_shared *page, const struct stat *st)
{
	return pl_marked(page, st->st_dev, st->st_ino) ||
	       (page->joined && S_ISREG(st->st_mode) && st->st_dev == page->memfd_dev);
}

bool descriptor_concerns(long fd)
{
	const struct pl_shared *page = shared_page();
	struct stat st = {0};

	if (!page || (!atomic_load(&page->given) && !page->joined) || (int)fd < 0)
		return false;
	return !SYS(SYS_fstat, (int)fd, ADDRESS(&st)) && file_concerns(page, &st);
}

/* ---- memory ---- */

/* There is no such way to change a mask, but the kernel looks at the new one first. */
static bool readable_at(unsigned long at)
{
	return SYS(SYS_rt_sigprocmask, -1, (long)at, 0, KERNEL_SIGSETS) == -EINVAL;
}

static bool readable(unsigned long at, unsigned long len)
{
	if (len < 8 || !readable_at(at) || !readable_at(at + len - 8))
		return false;
	for (unsigned long next = (at | (PAGE - 1)) + 1; next + 8 < at + len; next += PAGE)
		if (!readable_at(next))
			return false;
	return true;
}

/* ---- paths ---- */

static bool is_part(const char *at, size_t len, const char *name)
{
	return strlen(name) == len && !memcmp(at, name, len);
}

/* Has it a part that a path of ours has? */
static bool text_concerns(const char *text)
{
	size_t len;

	for (const char *at = text; *at; at += len) {
		len = strcspn(at, "/");
		if (is_part(at, len, "dma_heap") || is_part(at, len, "udmabuf") ||
		    is_part(at, len, "fd") || is_part(at, len, "fdinfo") ||
		    is_part(at, len, "sw_sync"))
			return true;
		len += at[len] == '/';
	}
	return false;
}

static char *put_number(char *at, int n)
{
	if (n > 9)
		at = put_number(at, n / 10);
	*at = (char)('0' + n % 10);
	return at + 1;
}

/* Where a relative path begins. */
static bool base_concerns(int dir)
{
	const struct pl_shared *page = shared_page();
	char path[32] = "/proc/self/cwd", text[LOOKS_AT];
	struct stat st = {0};
	long n;

	if (dir < 0 && dir != AT_FDCWD)
		return false;
	if (dir != AT_FDCWD) {
		memcpy(path, "/proc/self/fd/", 14);
		*put_number(path + 14, dir) = '\0';
	}
	if (!SYS(SYS_newfstatat, dir, ADDRESS(""), ADDRESS(&st), AT_EMPTY_PATH) &&
	    file_concerns(page, &st))
		return true;
	n = SYS(SYS_readlinkat, AT_FDCWD, ADDRESS(path), ADDRESS(text), sizeof(text) - 1);
	if (n <= 0 || n == sizeof(text) - 1)
		return true;
	text[n] = '\0';
	return text_concerns(text);
}

#define FOLLOW 1
#define EMPTY  2 /* no path means dir itself */

static bool path_concerns(long dir, long at, int how)
{
	const char *path = (const char *)at;
	bool absolute;
	char first;
	long n;

	if (!shared_page())
		return false;
	if (!path)
		return how & EMPTY && descriptor_concerns(dir);
	n = SYS(SYS_readlinkat, (int)dir, at, ADDRESS(&first), 1);
	if (n == -EFAULT)
		return false;
	if (!*path)
		return how & EMPTY && descriptor_concerns(dir);
	absolute = *path == '/';
	if (text_concerns(path) || (!absolute && base_concerns((int)dir)))
		return true;
	/* What is a link in /proc, is not followed as text. */
	return how & FOLLOW && n > 0 && strncmp(path, "/proc/", 6) != 0;
}

/* ---- single calls ---- */

static bool ioctl_concerns(const long *arg)
{
	static const unsigned char types[] = {'H', 'b', '>', 'u', 'W'};
	unsigned int cmd = (unsigned int)arg[1], type = cmd >> 8 & 0xff;

	if (cmd != TCGETS && cmd != FIONREAD && cmd != FIOQSIZE && (cmd & 0xff) &&
	    !memchr(types, (int)type, sizeof(types)))
		return false;
	return descriptor_concerns(arg[0]);
}

static bool seek_concerns(const long *arg)
{
	bool ends = (unsigned int)arg[2] == SEEK_SET || (unsigned int)arg[2] == SEEK_END;

	return (!ends || arg[1]) && descriptor_concerns(arg[0]);
}

static bool fcntl_concerns(const long *arg)
{
	switch ((int)arg[1]) {
	case F_GETFL:
	case F_ADD_SEALS:
	case F_GET_SEALS:
	case F_SETLEASE:
		return descriptor_concerns(arg[0]);
	case F_SETFL:
		return arg[2] & O_DIRECT && descriptor_concerns(arg[0]);
	default:
		return false;
	}
}

static bool poll_concerns(const long *arg)
{
	const struct pl_shared *page = shared_page();
	const struct pollfd *p = (const struct pollfd *)arg[0];
	unsigned int n = (unsigned int)arg[1];

	if (!page || (!atomic_load(&page->given) && !page->joined) || !n || n > MOST ||
	    !readable((unsigned long)arg[0], n * sizeof(*p)))
		return false;
	for (unsigned int i = 0; i < n; i++)
		if (descriptor_concerns(p[i].fd))
			return true;
	return false;
}

static bool set_concerns(long at, int n)
{
	const unsigned long *set = (const unsigned long *)at;

	if (!at || !readable((unsigned long)at, ((unsigned long)n + 63) / 64 * 8))
		return false;
	for (int fd = 0; fd < n; fd++)
		if (set[fd / 64] >> fd % 64 & 1 && descriptor_concerns(fd))
			return true;
	return false;
}

static bool select_concerns(const long *arg)
{
	const struct pl_shared *page = shared_page();
	int n = (int)arg[0];

	if (!page || (!atomic_load(&page->given) && !page->joined) || n <= 0 || n > FD_SETSIZE)
		return false;
	return set_concerns(arg[1], n) || set_concerns(arg[2], n) || set_concerns(arg[3], n);
}

static int how_of(long flags)
{
	return (flags & AT_SYMLINK_NOFOLLOW ? 0 : FOLLOW) | (flags & AT_EMPTY_PATH ? EMPTY : 0);
}

/* ---- all ---- */

static bool path_call(long nr, const long *arg, bool *is)
{
	*is = true;
	switch (nr) {
#ifdef SYS_open
	case SYS_open:
	case SYS_creat:
	case SYS_stat:
	case SYS_access:
#endif
	case SYS_getxattr:
	case SYS_truncate:
		return path_concerns(AT_FDCWD, arg[0], FOLLOW);
#ifdef SYS_open
	case SYS_lstat:
	case SYS_readlink:
#endif
	case SYS_lgetxattr:
		return path_concerns(AT_FDCWD, arg[0], 0);
	case SYS_openat:
		return path_concerns(arg[0], arg[1], arg[2] & O_NOFOLLOW ? 0 : FOLLOW);
	case SYS_openat2:
	case SYS_faccessat:
		return path_concerns(arg[0], arg[1], FOLLOW);
	case SYS_newfstatat:
	case SYS_faccessat2:
		return path_concerns(arg[0], arg[1], how_of(arg[3]));
	case SYS_statx:
		return path_concerns(arg[0], arg[1], how_of(arg[2]));
	case SYS_readlinkat:
		return path_concerns(arg[0], arg[1], 0);
	default:
		*is = false;
		return false;
	}
}

/* Memory that is to be read later, when nothing can be said of it. */
static bool masks_readable(long nr, const long *arg)
{
	return nr != SYS_pselect6 || !arg[5] || readable((unsigned long)arg[5], 16);
}

bool concerns(long nr, const long *arg)
{
	bool is, path = path_call(nr, arg, &is);

	if (is)
		return path;
	switch (nr) {
	case SYS_fstat:
	case SYS_getdents64:
	case SYS_ftruncate:
	case SYS_fallocate:
	case SYS_fsync:
	case SYS_fdatasync:
	case SYS_sync_file_range:
	case SYS_readahead:
	case SYS_fsetxattr:
	case SYS_flistxattr:
	case SYS_fstatfs:
		return descriptor_concerns(arg[0]);
	case SYS_epoll_ctl:
		return descriptor_concerns(arg[2]);
	case SYS_ioctl:
		return ioctl_concerns(arg);
	case SYS_lseek:
		return seek_concerns(arg);
	case SYS_mmap:
		return (int)arg[4] != -1 && !(arg[3] & MAP_ANONYMOUS) &&
		       descriptor_concerns(arg[4]);
	case SYS_fcntl:
		return fcntl_concerns(arg);
	case SYS_getcwd:
		return shared_page() && base_concerns(AT_FDCWD);
#ifdef SYS_open
	case SYS_poll:
#endif
	case SYS_ppoll:
		return poll_concerns(arg);
#ifdef SYS_open
	case SYS_select:
#endif
	case SYS_pselect6:
		return select_concerns(arg) && masks_readable(nr, arg);
	default:
		return false;
	}
}
