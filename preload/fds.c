/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Calls about a descriptor, and syscall(). */
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <termios.h>
#include <unistd.h>
#include "preload.h"

#ifdef __GLIBC__
typedef unsigned long request;
#else
typedef int request;
#endif

/* The one argument that there may be, whatever its type. */
#define REST(last)                                                                                 \
	__extension__({                                                                            \
		va_list ap_;                                                                       \
		long rest_;                                                                        \
		va_start(ap_, last);                                                               \
		rest_ = va_arg(ap_, long);                                                         \
		va_end(ap_);                                                                       \
		rest_;                                                                             \
	})

WRAPS int ioctl(int fd, request cmd, ...)
{
	long arg = REST(cmd);

	return (int)TRAP_OR_KERNEL(SYS_ioctl, fd, (long)cmd, arg);
}

WRAPS int isatty(int fd)
{
	unsigned char state[64]; /* the kernel's struct termios is smaller than the libc's */

	return TRAP_OR_KERNEL(SYS_ioctl, fd, TCGETS, ADDRESS(state)) == 0;
}

WRAPS int fcntl(int fd, int cmd, ...)
{
	long arg = REST(cmd), result;

	if (TRAP(&result, SYS_fcntl, fd, cmd, arg))
		return (int)returned(result);
	return NEXT(fcntl)(fd, cmd, arg);
}

WRAPS off_t lseek(int fd, off_t offset, int whence)
{
	return TRAP_OR_KERNEL(SYS_lseek, fd, offset, whence);
}

WRAPS void *mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
	return (void *)TRAP_OR_KERNEL(SYS_mmap, ADDRESS(at), (long)len, prot, flags, fd, offset);
}

SAME(fcntl) int fcntl64(int fd, int cmd, ...);
SAME(lseek) off_t lseek64(int fd, off_t offset, int whence);
SAME(mmap) void *mmap64(void *at, size_t len, int prot, int flags, int fd, off_t offset);

/* ---- sizes ---- */

WRAPS int ftruncate(int fd, off_t size)
{
	return (int)TRAP_OR_KERNEL(SYS_ftruncate, fd, size);
}

WRAPS int truncate(const char *path, off_t size)
{
	return (int)TRAP_OR_KERNEL(SYS_truncate, ADDRESS(path), size);
}

WRAPS int fallocate(int fd, int mode, off_t offset, off_t len)
{
	long result;

	if (TRAP(&result, SYS_fallocate, fd, mode, offset, len))
		return (int)returned(result);
	return NEXT(fallocate)(fd, mode, offset, len);
}

WRAPS int posix_fallocate(int fd, off_t offset, off_t len)
{
	long result;

	if (TRAP(&result, SYS_fallocate, fd, 0, offset, len))
		return (int)-result;
	return NEXT(posix_fallocate)(fd, offset, len);
}

SAME(ftruncate) int ftruncate64(int fd, off_t size);
SAME(truncate) int truncate64(const char *path, off_t size);
SAME(fallocate) int fallocate64(int fd, int mode, off_t offset, off_t len);
SAME(posix_fallocate) int posix_fallocate64(int fd, off_t offset, off_t len);

/* ---- writing back ---- */

WRAPS int fsync(int fd)
{
	long result;

	return TRAP(&result, SYS_fsync, fd) ? (int)returned(result) : NEXT(fsync)(fd);
}

WRAPS int fdatasync(int fd)
{
	long result;

	return TRAP(&result, SYS_fdatasync, fd) ? (int)returned(result) : NEXT(fdatasync)(fd);
}

WRAPS int sync_file_range(int fd, off_t offset, off_t len, unsigned int flags)
{
	long result;

	if (TRAP(&result, SYS_sync_file_range, fd, offset, len, flags))
		return (int)returned(result);
	return NEXT(sync_file_range)(fd, offset, len, flags);
}

WRAPS ssize_t readahead(int fd, off_t offset, size_t len)
{
	return TRAP_OR_KERNEL(SYS_readahead, fd, offset, (long)len);
}

/* ---- attributes ---- */

WRAPS int fsetxattr(int fd, const char *name, const void *value, size_t size, int flags)
{
	return (int)TRAP_OR_KERNEL(SYS_fsetxattr, fd, ADDRESS(name), ADDRESS(value), (long)size,
				   flags);
}

WRAPS ssize_t flistxattr(int fd, char *list, size_t size)
{
	return TRAP_OR_KERNEL(SYS_flistxattr, fd, ADDRESS(list), (long)size);
}

WRAPS ssize_t getxattr(const char *path, const char *name, void *value, size_t size)
{
	return TRAP_OR_KERNEL(SYS_getxattr, ADDRESS(path), ADDRESS(name), ADDRESS(value),
			      (long)size);
}

WRAPS ssize_t lgetxattr(const char *path, const char *name, void *value, size_t size)
{
	return TRAP_OR_KERNEL(SYS_lgetxattr, ADDRESS(path), ADDRESS(name), ADDRESS(value),
			      (long)size);
}

WRAPS int fstatfs(int fd, struct statfs *fs)
{
	return (int)TRAP_OR_KERNEL(SYS_fstatfs, fd, ADDRESS(fs));
}

WRAPS int fstatvfs(int fd, struct statvfs *to)
{
	struct statfs fs;
	long result;

	if (!TRAP(&result, SYS_fstatfs, fd, ADDRESS(&fs)))
		return NEXT(fstatvfs)(fd, to);
	if (returned(result) < 0)
		return -1;
	memset(to, 0, sizeof(*to));
	to->f_bsize = (unsigned long)fs.f_bsize;
	to->f_frsize = (unsigned long)fs.f_frsize;
	to->f_namemax = (unsigned long)fs.f_namelen;
	return 0;
}

struct statfs64;
struct statvfs64;
SAME(fstatfs) int fstatfs64(int fd, struct statfs64 *fs);
SAME(fstatvfs) int fstatvfs64(int fd, struct statvfs64 *to);

/* ---- others ---- */

WRAPS int epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
	return (int)TRAP_OR_KERNEL(SYS_epoll_ctl, epoll, op, fd, ADDRESS(event));
}

ssize_t getdents64(int fd, void *buf, size_t size);
WRAPS ssize_t getdents64(int fd, void *buf, size_t size)
{
	return TRAP_OR_KERNEL(SYS_getdents64, fd, ADDRESS(buf), (long)size);
}

WRAPS long syscall(long nr, ...)
{
	long arg[6];
	va_list ap;

	va_start(ap, nr);
	for (int i = 0; i < 6; i++)
		arg[i] = va_arg(ap, long);
	va_end(ap);
	return TRAP_OR_KERNEL(nr, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}
