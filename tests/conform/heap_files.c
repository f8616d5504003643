// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Cases about the heaps as files: how they are found, looked at and opened, and what their descriptors do.
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "calls.h"

static int visible(const struct dirent *entry)
{
	(void)entry;
	return 1;
}

static void dir_cases(void)
{
	struct dirent **list = NULL;
	int n = scandir(HEAPS, &list, visible, alphasort);
	int dir = open(HEAPS, O_RDONLY | O_DIRECTORY);
	char buffer[512];

	absent = n < 0;
	for (int i = 0; i < n; i++)
		detail("%s:%s", list[i]->d_name,
		       list[i]->d_type == DT_CHR   ? "chr"
		       : list[i]->d_type == DT_DIR ? "dir"
						   : "other");
	report(n, "names");
	report(sys(read(dir, buffer, sizeof(buffer))), "read");
	report(sys(lseek(dir, 0, SEEK_SET)), "rewind");
	detail_link(dir);
	report(0, "link");
	report(sys(fchdir(dir)), "fchdir");
	detail("%s", getcwd(buffer, sizeof(buffer)) ? buffer : "none");
	report(0, "cwd");
}

static const struct {
	const char *name, *path;
} paths[] = {
	{"dir", HEAPS},
	{"dir-slash", HEAPS "/"},
	{"system", HEAPS "/system"},
	{"cma", NULL},
	{"none", HEAPS "/none"},
	{"empty", ""},
	{"system-slash", HEAPS "/system/"},
	{"below-system", HEAPS "/system/x"},
	{"below-none", HEAPS "/none/x"},
	{"dot", HEAPS "/./system"},
	{"dot-dot", HEAPS "/../dma_heap/system"},
	{"slashes", "//dev//dma_heap///system"},
	{"self-root", "/proc/self/root/dev/dma_heap/system"},
};
#define N_PATHS (sizeof(paths) / sizeof(*paths))

// false: not here, and its cases said so.
static const char *path_of(size_t i)
{
	const char *path = paths[i].path ? paths[i].path : cma_heap();

	absent = !path || access(HEAPS, F_OK) != 0;
	return path ? path : "";
}

static void detail_stat(long result, mode_t mode, unsigned int uid, dev_t rdev, blksize_t block)
{
	if (result < 0)
		return;
	detail("%s mode=%04o uid=%u block=%ld",
	       S_ISCHR(mode)   ? "chr"
	       : S_ISDIR(mode) ? "dir"
			       : "other",
	       mode & 07777, uid, (long)block);
	if (S_ISCHR(mode))
		detail("rdev=%s", rdev ? "set" : "0");
}

static void stat_cases(void)
{
	struct statx x;
	struct stat st;
	long r;

	for (size_t i = 0; i < N_PATHS; i++) {
		const char *path = path_of(i), *name = paths[i].name;

		r = sys(stat(path, &st));
		detail_stat(r, st.st_mode, st.st_uid, st.st_rdev, st.st_blksize);
		report(r, "stat.%s", name);
		r = sys(lstat(path, &st));
		detail_stat(r, st.st_mode, st.st_uid, st.st_rdev, st.st_blksize);
		report(r, "lstat.%s", name);
		r = sys(fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW));
		report(r, "fstatat-nofollow.%s", name);
		r = sys(statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, &x));
		detail_stat(r, x.stx_mode, x.stx_uid, makedev(x.stx_rdev_major, x.stx_rdev_minor),
			    (blksize_t)x.stx_blksize);
		report(r, "statx.%s", name);
		report(sys(access(path, F_OK)), "access-f.%s", name);
		report(sys(access(path, R_OK | W_OK)), "access-rw.%s", name);
		report(sys(access(path, X_OK)), "access-x.%s", name);
		report(sys(faccessat(AT_FDCWD, path, R_OK, AT_EACCESS)), "faccessat.%s", name);
	}
}

static const struct {
	const char *name;
	int flags;
} opens[] = {
	{"rdonly", O_RDONLY},
	{"rdwr", O_RDWR},
	{"wronly", O_WRONLY},
	{"accmode-3", 3},
	{"cloexec", O_RDWR | O_CLOEXEC},
	{"nonblock", O_RDWR | O_NONBLOCK},
	{"append", O_RDWR | O_APPEND},
	{"creat", O_RDWR | O_CREAT},
	{"creat-excl", O_RDWR | O_CREAT | O_EXCL},
	{"excl", O_RDWR | O_EXCL},
	{"directory", O_RDONLY | O_DIRECTORY},
	{"directory-rdwr", O_RDWR | O_DIRECTORY},
	{"nofollow", O_RDWR | O_NOFOLLOW},
	{"path", O_PATH},
	{"path-cloexec", O_PATH | O_CLOEXEC},
	{"trunc", O_RDWR | O_TRUNC},
	{"trunc-rdonly", O_RDONLY | O_TRUNC},
	{"direct", O_RDWR | O_DIRECT},
	{"sync", O_RDWR | O_SYNC},
	{"noatime", O_RDWR | O_NOATIME},
	{"noctty", O_RDWR | O_NOCTTY},
	{"tmpfile", O_RDWR | O_TMPFILE},
	{"async", O_RDWR | O_ASYNC},
};
#define N_OPENS (sizeof(opens) / sizeof(*opens))

static void open_case(const char *path, const char *name, size_t how)
{
	int lowest = lowest_fd(), fd;
	bool there = access(path, F_OK) == 0;

	if (absent)
		goto out;
	fd = open(path, opens[how].flags, 0600);
	if (fd >= 0) {
		detail("getfl=%#x getfd=%d", (unsigned int)fcntl(fd, F_GETFL), fcntl(fd, F_GETFD));
		close(fd);
		if (!there)
			unlink(path);
		errno = 0;
		report_fd(lowest, fd, "%s.%s", name, opens[how].name);
		return;
	}
out:
	report(-(long)errno, "%s.%s", name, opens[how].name);
}

static void open_cases(void)
{
	for (size_t i = 0; i < N_PATHS; i++)
		for (size_t j = 0; j < (i < 5 ? N_OPENS : 2); j++)
			open_case(path_of(i), paths[i].name, j);
	absent = access(HEAPS, F_OK) != 0;
	for (size_t j = 0; j < N_OPENS; j++) {
		if (symlink(HEAPS "/system", "/tmp/conform-link") == 0)
			open_case("/tmp/conform-link", "symlink", j);
		else
			report(-(long)errno, "symlink.%s", opens[j].name);
		unlink("/tmp/conform-link");
	}
}

static void report_opened(int lowest, int fd, const char *name)
{
	long r = sys(fd);

	report_fd(lowest, r, "%s", name);
	if (fd >= 0)
		close(fd);
}

static int openat2_of(int dir, const char *path, unsigned long long flags,
		      unsigned long long resolve)
{
	struct open_how how = {.flags = flags, .resolve = resolve};

	return (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

static void openat_cases(void)
{
	int dir = open(HEAPS, O_RDONLY | O_DIRECTORY), path = open(HEAPS, O_PATH);
	int dev = open("/dev", O_RDONLY), heap = open(HEAPS "/system", O_RDWR);
	int low = lowest_fd();

	absent = dir < 0;
	report_opened(low, openat(dir, "system", O_RDWR), "dirfd");
	report_opened(low, openat(path, "system", O_RDWR), "dirfd-path");
	report_opened(low, openat(dev, "dma_heap/system", O_RDWR), "dev");
	report_opened(low, openat(dir, "none", O_RDWR), "none");
	report_opened(low, openat(dir, "", O_RDWR), "empty");
	report_opened(low, openat(dir, "../dma_heap/system", O_RDWR), "dot-dot");
	report_opened(low, openat(dir, HEAPS "/system", O_RDWR), "absolute");
	report_opened(low, openat(-1, HEAPS "/system", O_RDWR), "absolute-bad-dirfd");
	report_opened(low, openat(-1, "system", O_RDWR), "bad-dirfd");
	report_opened(low, openat(heap, "system", O_RDWR), "heap-as-dirfd");
	report_opened(low, (int)syscall(SYS_openat, dir, NULL, O_RDWR, 0), "null");
	report_opened(low, openat(dir, bad_pointer(), O_RDWR), "unmapped");
	report_opened(low, openat2_of(dir, "system", O_RDWR, 0), "openat2");
	report_opened(low, openat2_of(dir, "system", O_RDWR, RESOLVE_BENEATH), "openat2-beneath");
	report_opened(low, openat2_of(dir, "../dma_heap/system", O_RDWR, RESOLVE_BENEATH),
		      "openat2-beneath-up");
	report_opened(low, openat2_of(dev, "/dma_heap/system", O_RDWR, RESOLVE_IN_ROOT),
		      "openat2-in-root");
	report_opened(low, openat2_of(dir, "system", O_RDWR, RESOLVE_NO_XDEV), "openat2-no-xdev");
	report_opened(low, openat2_of(dir, "system", O_RDWR, 1 << 20), "openat2-bad-resolve");
	report(sys(chdir(HEAPS)), "chdir");
	report_opened(low, open("system", O_RDWR), "cwd");
	report_opened(low, open("./system", O_RDWR), "cwd-dot");
	report(sys(chdir("/dev")), "chdir-dev");
	report_opened(low, open("dma_heap/system", O_RDWR), "cwd-dev");
#ifdef SYS_creat /* not on arm64 */
	report_opened(low, (int)syscall(SYS_creat, HEAPS "/system", 0600), "creat");
#endif
}

static int as_other(void *arg)
{
	(void)arg;
	if (setgid(1000) != 0 || setuid(1000) != 0)
		return 255;
	return open(HEAPS "/system", O_RDWR) >= 0 ? 0 : errno;
}

static void reopen(int fd, int flags, const char *name)
{
	int lowest = lowest_fd();
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	report_opened(lowest, open(path, flags), name);
}

static void user_cases(void)
{
	int path = open(HEAPS "/system", O_PATH), heap = open(HEAPS "/system", O_RDWR);

	absent = heap < 0 || geteuid() != 0;
	report_child(as_other, NULL, "open-as-other-errno");
	absent = heap < 0;
	detail_link(heap);
	report(0, "link");
	report_fdinfo(heap, "fdinfo");
	reopen(heap, O_RDWR, "reopen");
	reopen(heap, O_RDONLY, "reopen-rdonly");
	reopen(path, O_RDWR, "reopen-path");
	report(sys(ioctl(path, _IO('H', 0))), "path-ioctl");
	report(sys(read(path, NULL, 0)), "path-read");
}

// What every descriptor can be asked, asked of a heap's.
static void fd_cases(void)
{
	int fd = open(HEAPS "/system", O_RDWR), ep = epoll_create1(0);
	struct epoll_event event = {.events = EPOLLIN};
	struct pollfd p = {.fd = fd, .events = (short)0x3ff};
	struct flock lock = {.l_type = F_WRLCK};
	struct statfs fs = {0};
	struct stat st = {0};
	char byte = 0;
	int on = 1, n;

	absent = fd < 0;
	report(sys(read(fd, &byte, 1)), "read");
	report(sys(read(fd, &byte, 0)), "read-0");
	report(sys(write(fd, &byte, 1)), "write");
	report(sys(pread(fd, &byte, 1, 0)), "pread");
	report(sys(pwrite(fd, &byte, 1, 0)), "pwrite");
	report(sys(lseek(fd, 0, SEEK_SET)), "lseek-set");
	report(sys(lseek(fd, 0, SEEK_CUR)), "lseek-cur");
	report(sys(lseek(fd, 0, SEEK_END)), "lseek-end");
	report(sys(lseek(fd, 0, 99)), "lseek-99");
	report_map(sys((long)mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0)), "mmap-shared");
	report_map(sys((long)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0)), "mmap-private");
	n = poll(&p, 1, 0);
	detail("revents=%#x", (unsigned int)p.revents);
	report(n, "poll");
	report(sys(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event)), "epoll-add");
	report(sys(ftruncate(fd, 0)), "ftruncate");
	report(sys(fallocate(fd, 0, 0, 4096)), "fallocate");
	report(sys(fsync(fd)), "fsync");
	report(sys(flock(fd, LOCK_EX | LOCK_NB)), "flock");
	report(sys(fcntl(fd, F_SETLK, &lock)), "setlk");
	report(sys(fcntl(fd, F_GET_SEALS)), "get-seals");
	report(sys(fcntl(fd, F_SETFL, O_NONBLOCK)), "setfl-nonblock");
	report(sys(fcntl(fd, F_GETFL)), "getfl");
	report(sys(ioctl(fd, FIONBIO, &on)), "fionbio");
	report(sys(ioctl(fd, FIOCLEX)), "fioclex");
	report(sys(ioctl(fd, FIONREAD, &on)), "fionread");
	report(sys(ioctl(fd, FIOASYNC, &on)), "fioasync");
	report(sys(ioctl(fd, TCGETS, NULL)), "tcgets");
	n = fstat(fd, &st);
	detail_stat(n, st.st_mode, st.st_uid, st.st_rdev, st.st_blksize);
	detail("size=%ld nlink=%lu", (long)st.st_size, (unsigned long)st.st_nlink);
	report(n, "fstat");
	n = fstatfs(fd, &fs);
	detail("type=%#lx", (unsigned long)fs.f_type);
	report(n, "fstatfs");
	report(sys(fchdir(fd)), "fchdir");
	report(sys(close(fd)), "close");
}

const struct group heap_groups[] = {
	{"heap.dir", dir_cases, ALWAYS},
	{"heap.stat", stat_cases, ALWAYS},
	{"heap.open", open_cases, ALWAYS},
	{"heap.openat", openat_cases, ALWAYS},
	{"heap.other", user_cases, ALWAYS},
	{"heap.fd", fd_cases, ALWAYS},
	{NULL, NULL, ALWAYS},
};
