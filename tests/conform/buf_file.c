// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Cases about a buffer's descriptor as a file: seek, read, write, stat, locks, links, fdinfo.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "calls.h"

static void seek_cases(void)
{
	static const long offsets[] = {0, 1, -1, 4096, 12288, 1L << 40, (long)(1UL << 63)};
	int fd = new_buffer(3 * PAGE);

	for (int whence = 0; whence < 7; whence++)
		for (size_t i = 0; i < sizeof(offsets) / sizeof(*offsets); i++)
			report(sys(syscall(SYS_lseek, fd, offsets[i], whence)), "whence-%d.%ld",
			       whence, offsets[i]);
	report(sys(lseek(fd, 0, -1)), "whence-minus-1");
	report(sys(lseek(fd, 0, SEEK_END)), "end");
	report(sys(lseek(fd, 0, SEEK_CUR)), "cur-after-end");
	close(fd);
	fd = new_buffer(1);
	report(sys(lseek(fd, 0, SEEK_END)), "end-of-1");
	close(fd);
	fd = new_buffer(5000);
	report(sys(lseek(fd, 0, SEEK_END)), "end-of-5000");
	close(fd);
	fd = new_buffer_flags(PAGE, O_RDONLY);
	report(sys(lseek(fd, 0, SEEK_END)), "rdonly");
	fd = new_buffer_flags(PAGE, O_WRONLY);
	report(sys(lseek(fd, 0, SEEK_END)), "wronly");
}

static void rw_cases(void)
{
	int fd = new_buffer(PAGE), rd, wr, memfd = memfd_create("other", 0), pipes[2];
	char bytes[16] = "x";
	struct iovec iov = {bytes, 1};
	loff_t zero = 0;

	report(sys(read(fd, bytes, 1)), "read");
	report(sys(read(fd, bytes, 0)), "read-0");
	report(sys(read(fd, bad_pointer(), 1)), "read-unmapped");
	report(sys(write(fd, bytes, 1)), "write");
	report(sys(write(fd, bytes, 0)), "write-0");
	report(sys(pread(fd, bytes, 1, 0)), "pread");
	report(sys(pread(fd, bytes, 1, -1)), "pread-negative");
	report(sys(pwrite(fd, bytes, 1, 0)), "pwrite");
	report(sys(readv(fd, &iov, 1)), "readv");
	report(sys(writev(fd, &iov, 1)), "writev");
	report(sys(preadv(fd, &iov, 1, 0)), "preadv");
	report(sys(pwritev2(fd, &iov, 1, 0, 0)), "pwritev2");
	rd = new_buffer_flags(PAGE, O_RDONLY);
	wr = new_buffer_flags(PAGE, O_WRONLY);
	report(sys(read(rd, bytes, 1)), "rdonly-read");
	report(sys(write(rd, bytes, 1)), "rdonly-write");
	report(sys(read(wr, bytes, 1)), "wronly-read");
	report(sys(write(wr, bytes, 1)), "wronly-write");
	report(sys(ftruncate(fd, 0)), "ftruncate-0");
	report(sys(ftruncate(fd, 8192)), "ftruncate-more");
	report(sys(ftruncate(fd, -1)), "ftruncate-negative");
	report(sys(ftruncate(rd, 0)), "ftruncate-rdonly");
	report(sys(fallocate(fd, 0, 0, 4096)), "fallocate");
	report(sys(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096)),
	       "punch-hole");
	report(sys(fallocate(fd, 0, 0, 0)), "fallocate-0");
	report(sys(fsync(fd)), "fsync");
	report(sys(fdatasync(fd)), "fdatasync");
	report(sys(syncfs(fd)), "syncfs");
	report(sys(sync_file_range(fd, 0, 4096, 0)), "sync-file-range");
	report(sys(readahead(fd, 0, 4096)), "readahead");
	report(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), "fadvise");
	if (pipe(pipes) != 0)
		return;
	report(sys(sendfile(pipes[1], fd, NULL, 1)), "sendfile-from");
	report(sys(sendfile(pipes[1], fd, &zero, 1)), "sendfile-from-offset");
	report(sys(sendfile(fd, memfd, NULL, 1)), "sendfile-to");
	report(sys(splice(fd, NULL, pipes[1], NULL, 1, 0)), "splice-from");
	report(sys(write(pipes[1], bytes, 1)), "pipe");
	report(sys(splice(pipes[0], NULL, fd, NULL, 1, 0)), "splice-to");
	report(sys(copy_file_range(fd, NULL, memfd, NULL, 1, 0)), "copy-file-range-from");
	report(sys(copy_file_range(memfd, NULL, fd, NULL, 1, 0)), "copy-file-range-to");
}

static void fcntl_cases(void)
{
	int fd = new_buffer(PAGE), pid = getpid();
	struct flock lock = {.l_type = F_WRLCK}, ofd = {.l_type = F_RDLCK};

	report(sys(fcntl(fd, F_GET_SEALS)), "get-seals");
	report(sys(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW)), "add-seals");
	detail("%#x", (unsigned int)fcntl(fd, F_GETFL));
	report(0, "getfl");
	report(sys(fcntl(fd, F_SETFL, O_NONBLOCK)), "setfl-nonblock");
	detail("%#x", (unsigned int)fcntl(fd, F_GETFL));
	report(0, "getfl-nonblock");
	report(sys(fcntl(fd, F_SETFL, O_APPEND)), "setfl-append");
	report(sys(fcntl(fd, F_SETFL, O_DIRECT)), "setfl-direct");
	report(sys(fcntl(fd, F_SETFL, O_ASYNC)), "setfl-async");
	report(sys(fcntl(fd, F_SETFL, O_RDONLY)), "setfl-rdonly");
	detail("%#x", (unsigned int)fcntl(fd, F_GETFL));
	report(0, "getfl-rdonly");
	report(sys(fcntl(fd, F_GETFD)), "getfd");
	report(sys(fcntl(fd, F_SETFD, 0)), "setfd");
	report(sys(fcntl(fd, F_SETLK, &lock)), "setlk");
	report(sys(fcntl(fd, F_OFD_SETLK, &ofd)), "ofd-setlk");
	report(sys(fcntl(fd, F_GETLK, &lock)), "getlk");
	report(sys(fcntl(fd, F_SETLEASE, F_RDLCK)), "setlease");
	report(sys(fcntl(fd, F_SETOWN, pid)), "setown");
	report(sys(fcntl(fd, F_GETPIPE_SZ)), "getpipe-sz");
	report(sys(fcntl(fd, 9999)), "unknown");
	report(sys(flock(fd, LOCK_EX | LOCK_NB)), "flock-ex");
	report(sys(flock(fd, LOCK_UN)), "flock-un");
	report(sys(flock(fd, 99)), "flock-99");
}

static void stat_cases(void)
{
	int fd = new_buffer(3 * PAGE);
	struct statfs fs = {0};
	struct statvfs vfs = {0};
	struct statx x;
	struct stat st;
	char empty[8];
	long r = sys(fstat(fd, &st));

	if (r == 0)
		detail("mode=%#o nlink=%lu uid=%u size=%ld blksize=%ld blocks=%ld rdev=%lu",
		       st.st_mode, (unsigned long)st.st_nlink, st.st_uid, (long)st.st_size,
		       (long)st.st_blksize, (long)st.st_blocks, (unsigned long)st.st_rdev);
	report(r, "fstat");
	r = sys(statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &x));
	if (r == 0)
		detail("mask=%#x attributes=%#llx mode=%#o nlink=%u size=%llu blksize=%u "
		       "blocks=%llu",
		       x.stx_mask, x.stx_attributes, (unsigned int)x.stx_mode, x.stx_nlink,
		       x.stx_size, x.stx_blksize, x.stx_blocks);
	report(r, "statx");
	r = sys(fstatfs(fd, &fs));
	detail("type=%#lx bsize=%ld namelen=%ld blocks=%lu", (unsigned long)fs.f_type,
	       (long)fs.f_bsize, (long)fs.f_namelen, (unsigned long)fs.f_blocks);
	report(r, "fstatfs");
	r = sys(fstatvfs(fd, &vfs));
	detail("flag=%#lx", vfs.f_flag);
	report(r, "fstatvfs");
	report(sys(fchmod(fd, 0644)), "fchmod");
	r = sys(fstat(fd, &st));
	detail("mode=%#o", st.st_mode);
	report(r, "fstat-after-fchmod");
	report(sys(fchown(fd, 0, 0)), "fchown");
	report(sys(futimens(fd, NULL)), "futimens");
	report(sys(fgetxattr(fd, "user.x", empty, sizeof(empty))), "fgetxattr");
	report(sys(fsetxattr(fd, "user.x", "1", 1, 0)), "fsetxattr");
	report(sys(flistxattr(fd, empty, sizeof(empty))), "flistxattr");
	report(sys(fchdir(fd)), "fchdir");
	report(sys(faccessat(fd, "", R_OK, AT_EMPTY_PATH)), "faccessat-empty");
	report(sys(openat(fd, "x", O_RDONLY)), "openat");
	report(sys(isatty(fd) ? 1 : -1), "isatty");
}

static void link_cases(void)
{
	static const struct {
		const char *name;
		int flags;
	} ways[] = {{"rdonly", O_RDONLY}, {"wronly", O_WRONLY},	       {"rdwr", O_RDWR},
		    {"path", O_PATH},	  {"creat", O_CREAT | O_RDWR}, {"trunc", O_RDWR | O_TRUNC}};
	int fd = new_buffer(PAGE), path;
	struct stat st = {0};
	char name[64];
	long r;

	detail_link(fd);
	report(0, "readlink");
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		path = open(name, ways[i].flags, 0600);
		report(path < 0 ? -(long)errno : 0, "reopen-%s", ways[i].name);
	}
	r = sys(stat(name, &st));
	detail("mode=%#o size=%ld", st.st_mode, (long)st.st_size);
	report(r, "stat-through-proc");
	r = sys(lstat(name, &st));
	detail("mode=%#o", st.st_mode);
	report(r, "lstat-through-proc");
	report(sys(truncate(name, 0)), "truncate-through-proc");
	report(sys(access(name, R_OK | W_OK)), "access-through-proc");
	report(sys(linkat(AT_FDCWD, name, AT_FDCWD, "/tmp/conform-linked", AT_SYMLINK_FOLLOW)),
	       "linkat");
	path = open(name, O_PATH);
	report(sys(lseek(path, 0, SEEK_END)), "path-lseek");
}

static void info_cases(void)
{
	int fd = new_buffer(3 * PAGE), two, rd;

	report_fdinfo(fd, "new");
	two = dup(fd);
	report_fdinfo(fd, "dup");
	report_fdinfo(two, "of-dup");
	close(two);
	if (mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED)
		report_fdinfo(fd, "mapped");
	else
		report_text("mapped");
	rd = new_buffer_flags(PAGE, O_RDONLY);
	report_fdinfo(rd, "rdonly");
	rd = new_buffer_flags(1, O_RDWR | O_CLOEXEC);
	report_fdinfo(rd, "one-byte");
}

const struct group file_groups[] = {
	{"seek", seek_cases, PER_SOURCE},
	{"rw", rw_cases, PER_SOURCE},
	{"fcntl", fcntl_cases, PER_SOURCE},
	{"stat", stat_cases, PER_SOURCE},
	{"link", link_cases, PER_SOURCE},
	{"fdinfo", info_cases, PER_SOURCE},
	{NULL, NULL, ALWAYS},
};
