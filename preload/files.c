/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* open(), stat(), access(), readlink() and their like. */
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "preload.h"

#define MODE_OF(flags, last)                                                                       \
	__extension__({                                                                            \
		mode_t mode_ = 0;                                                                  \
		va_list ap_;                                                                       \
		if ((flags) & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) {                            \
			va_start(ap_, last);                                                       \
			mode_ = va_arg(ap_, mode_t);                                               \
			va_end(ap_);                                                               \
		}                                                                                  \
		mode_;                                                                             \
	})

/* ---- open ---- */

bool open_ours(const char *path, int flags, long *result)
{
	return TRAP(result, SYS_openat, AT_FDCWD, ADDRESS(path), flags, 0666);
}

WRAPS int open(const char *path, int flags, ...)
{
	mode_t mode = MODE_OF(flags, flags);
	long result;

	if (TRAP(&result, SYS_openat, AT_FDCWD, ADDRESS(path), flags, mode))
		return (int)returned(result);
	return NEXT(open)(path, flags, mode);
}

WRAPS int openat(int dir, const char *path, int flags, ...)
{
	mode_t mode = MODE_OF(flags, flags);
	long result;

	if (TRAP(&result, SYS_openat, dir, ADDRESS(path), flags, mode))
		return (int)returned(result);
	return NEXT(openat)(dir, path, flags, mode);
}

WRAPS int creat(const char *path, mode_t mode)
{
	long result;

	if (TRAP(&result, SYS_openat, AT_FDCWD, ADDRESS(path), O_CREAT | O_WRONLY | O_TRUNC, mode))
		return (int)returned(result);
	return NEXT(creat)(path, mode);
}

SAME(open) int open64(const char *path, int flags, ...);
SAME(openat) int openat64(int dir, const char *path, int flags, ...);
SAME(creat) int creat64(const char *path, mode_t mode);

/* Of programs compiled with _FORTIFY_SOURCE: without a mode. */
WRAPS int __open_2(const char *path, int flags)
{
	return open(path, flags, 0);
}

WRAPS int __openat_2(int dir, const char *path, int flags)
{
	return openat(dir, path, flags, 0);
}

SAME(__open_2) int __open64_2(const char *path, int flags);
SAME(__openat_2) int __openat64_2(int dir, const char *path, int flags);

/* ---- stat: the kernel's structure is the libc's ---- */

WRAPS int stat(const char *path, struct stat *st)
{
	return (int)TRAP_OR_KERNEL(SYS_newfstatat, AT_FDCWD, ADDRESS(path), ADDRESS(st), 0);
}

WRAPS int lstat(const char *path, struct stat *st)
{
	return (int)TRAP_OR_KERNEL(SYS_newfstatat, AT_FDCWD, ADDRESS(path), ADDRESS(st),
				   AT_SYMLINK_NOFOLLOW);
}

WRAPS int fstat(int fd, struct stat *st)
{
	return (int)TRAP_OR_KERNEL(SYS_fstat, fd, ADDRESS(st));
}

WRAPS int fstatat(int dir, const char *path, struct stat *st, int flags)
{
	return (int)TRAP_OR_KERNEL(SYS_newfstatat, dir, ADDRESS(path), ADDRESS(st), flags);
}

WRAPS int statx(int dir, const char *path, int flags, unsigned int mask, struct statx *st)
{
	long result;

	if (TRAP(&result, SYS_statx, dir, ADDRESS(path), flags, mask, ADDRESS(st)))
		return (int)returned(result);
	return NEXT(statx)(dir, path, flags, mask, st);
}

/* What programs compiled before glibc 2.33 call. */
WRAPS int __xstat(int version, const char *path, struct stat *st)
{
	(void)version;
	return stat(path, st);
}

WRAPS int __lxstat(int version, const char *path, struct stat *st)
{
	(void)version;
	return lstat(path, st);
}

WRAPS int __fxstat(int version, int fd, struct stat *st)
{
	(void)version;
	return fstat(fd, st);
}

WRAPS int __fxstatat(int version, int dir, const char *path, struct stat *st, int flags)
{
	(void)version;
	return fstatat(dir, path, st, flags);
}

struct stat64;
SAME(stat) int stat64(const char *path, struct stat64 *st);
SAME(lstat) int lstat64(const char *path, struct stat64 *st);
SAME(fstat) int fstat64(int fd, struct stat64 *st);
SAME(fstatat) int fstatat64(int dir, const char *path, struct stat64 *st, int flags);
SAME(__xstat) int __xstat64(int version, const char *path, struct stat64 *st);
SAME(__lxstat) int __lxstat64(int version, const char *path, struct stat64 *st);
SAME(__fxstat) int __fxstat64(int version, int fd, struct stat64 *st);
SAME(__fxstatat)
int __fxstatat64(int version, int dir, const char *path, struct stat64 *st, int flags);

/* ---- access ---- */

WRAPS int access(const char *path, int mode)
{
	return (int)TRAP_OR_KERNEL(SYS_faccessat, AT_FDCWD, ADDRESS(path), mode);
}

WRAPS int faccessat(int dir, const char *path, int mode, int flags)
{
	long result;

	if (flags ? TRAP(&result, SYS_faccessat2, dir, ADDRESS(path), mode, flags)
		  : TRAP(&result, SYS_faccessat, dir, ADDRESS(path), mode))
		return (int)returned(result);
	return NEXT(faccessat)(dir, path, mode, flags);
}

WRAPS int euidaccess(const char *path, int mode)
{
	long result;

	if (TRAP(&result, SYS_faccessat2, AT_FDCWD, ADDRESS(path), mode, AT_EACCESS))
		return (int)returned(result);
	return NEXT(euidaccess)(path, mode);
}

SAME(euidaccess) int eaccess(const char *path, int mode);

/* ---- links ---- */

WRAPS ssize_t readlink(const char *path, char *buf, size_t size)
{
	return TRAP_OR_KERNEL(SYS_readlinkat, AT_FDCWD, ADDRESS(path), ADDRESS(buf), (long)size);
}

WRAPS ssize_t readlinkat(int dir, const char *path, char *buf, size_t size)
{
	return TRAP_OR_KERNEL(SYS_readlinkat, dir, ADDRESS(path), ADDRESS(buf), (long)size);
}

ssize_t __readlink_chk(const char *path, char *buf, size_t size, size_t room);
WRAPS ssize_t __readlink_chk(const char *path, char *buf, size_t size, size_t room)
{
	return size > room ? NEXT(__readlink_chk)(path, buf, size, room)
			   : readlink(path, buf, size);
}

ssize_t __readlinkat_chk(int dir, const char *path, char *buf, size_t size, size_t room);
WRAPS ssize_t __readlinkat_chk(int dir, const char *path, char *buf, size_t size, size_t room)
{
	return size > room ? NEXT(__readlinkat_chk)(dir, path, buf, size, room)
			   : readlinkat(dir, path, buf, size);
}

/* The path of what is ours, as its descriptor says it. false: it is not. */
static bool real_path(const char *path, char *to)
{
	char link[32];
	ssize_t n;
	long fd;

	if (!path || !open_ours(path, O_PATH | O_CLOEXEC, &fd) || fd < 0)
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", (int)fd);
	n = readlink(link, to, PATH_MAX - 1);
	close((int)fd);
	to[n > 0 ? n : 0] = '\0';
	return *to == '/';
}

static char *copied(char *to, const char *text)
{
	return memcpy(to, text, strlen(text) + 1);
}

WRAPS char *realpath(const char *path, char *to)
{
	char text[PATH_MAX];

	if (!real_path(path, text))
		return NEXT(realpath)(path, to);
	return to ? copied(to, text) : strdup(text);
}

char *__realpath_chk(const char *path, char *to, size_t room);
WRAPS char *__realpath_chk(const char *path, char *to, size_t room)
{
	char text[PATH_MAX];

	if (room < PATH_MAX || !real_path(path, text))
		return NEXT(__realpath_chk)(path, to, room);
	return copied(to, text);
}

WRAPS char *canonicalize_file_name(const char *path)
{
	char text[PATH_MAX];

	return real_path(path, text) ? strdup(text) : NEXT(canonicalize_file_name)(path);
}

/* ---- the current folder ---- */

WRAPS char *getcwd(char *buf, size_t size)
{
	char text[PATH_MAX];
	long result;

	if (!TRAP(&result, SYS_getcwd, ADDRESS(text), sizeof(text)) || result < 0)
		return NEXT(getcwd)(buf, size);
	if (!buf && (!size || size > strlen(text))) {
		buf = malloc(size ? size : strlen(text) + 1);
		return buf ? copied(buf, text) : NULL;
	}
	if (buf && size > strlen(text))
		return copied(buf, text);
	errno = size ? ERANGE : EINVAL;
	return NULL;
}

char *__getcwd_chk(char *buf, size_t size, size_t room);
WRAPS char *__getcwd_chk(char *buf, size_t size, size_t room)
{
	return size > room ? NEXT(__getcwd_chk)(buf, size, room) : getcwd(buf, size);
}
