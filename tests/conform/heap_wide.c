// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Cases for who stands between a program and the kernel: arguments wider than the kernel reads, paths at the edge of
// memory, descriptors whose numbers come again, threads.
#include <fcntl.h>
#include <limits.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "calls.h"

#define HIGH (0x5aUL << 32)

static long alloc_on(unsigned long fd, unsigned long cmd)
{
	struct dma_heap_allocation_data data = {PAGE, 0, O_RDWR | O_CLOEXEC, 0};
	long r = sys(syscall(SYS_ioctl, fd, cmd, &data));

	if (r == 0)
		close((int)data.fd);
	return r;
}

// The kernel takes int and unsigned int arguments from the lower half of their registers.
static void wide_cases(void)
{
	int heap = open(HEAPS "/system", O_RDWR | O_CLOEXEC), buffer;
	unsigned long at = (unsigned int)AT_FDCWD, fd = (unsigned long)heap;
	struct dma_buf_sync sync = {DMA_BUF_SYNC_RW};
	const char *path = HEAPS "/system";
	int low = lowest_fd();

	buffer = new_buffer(PAGE);
	absent = heap < 0;
	low = lowest_fd();
	report(alloc_on(fd | HIGH, DMA_HEAP_IOCTL_ALLOC), "ioctl-fd");
	report(alloc_on(fd, DMA_HEAP_IOCTL_ALLOC | HIGH), "ioctl-cmd");
	report(alloc_on(fd | ~0UL << 32, DMA_HEAP_IOCTL_ALLOC | ~0UL << 32), "ioctl-both");
	report(sys(syscall(SYS_ioctl, (unsigned long)buffer | HIGH, DMA_BUF_IOCTL_SYNC | HIGH,
			   &sync)),
	       "sync");
	report(sys(syscall(SYS_lseek, (unsigned long)buffer | HIGH, 0, SEEK_END | HIGH)), "lseek");
	report_fd(low, sys(syscall(SYS_openat, at, path, O_RDWR)), "openat-at-fdcwd-zero-extended");
	close(low);
	report_fd(low, sys(syscall(SYS_openat, at | HIGH, path, O_RDWR | HIGH)), "openat");
	close(low);
#ifdef SYS_open /* not on arm64 */
	report_fd(low, sys(syscall(SYS_open, path, O_RDWR | HIGH)), "open");
	close(low);
	report(sys(syscall(SYS_access, path, F_OK | HIGH)), "access");
#endif
	report(sys(syscall(SYS_ioctl, -1L, DMA_HEAP_IOCTL_ALLOC, &sync)), "ioctl-fd-minus-1");
	report(sys(syscall(SYS_ioctl, 0x7fffffffL, DMA_HEAP_IOCTL_ALLOC, &sync)), "ioctl-fd-max");
}

static void opened(int low, const char *path, const char *name)
{
	long fd = sys(open(path, O_RDWR));

	report_fd(low, fd, "%s", name);
	if (fd >= 0)
		close((int)fd);
}

// PATH, its end at the end of a page behind which there is nothing.
static char *at_edge(const char *path, size_t len)
{
	char *two =
		mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mprotect(two + PAGE, PAGE, PROT_NONE);
	return memcpy(two + PAGE - len, path, len);
}

static void path_cases(void)
{
	static const char path[] = HEAPS "/system";
	char *big = calloc(1, 2 * PATH_MAX), *across;
	int low = lowest_fd();
	struct stat st;

	absent = access(HEAPS, F_OK) != 0;
	opened(low, at_edge(path, sizeof(path)), "ends-at-the-page");
	opened(low, at_edge(path, sizeof(path) - 1), "runs-off-the-page");
	across = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	opened(low, memcpy(across + PAGE - 7, path, sizeof(path)), "across-two-pages");
	opened(low, read_only(path, sizeof(path)), "read-only");
	memcpy(big, HEAPS "/", sizeof(HEAPS));
	memset(big + sizeof(HEAPS), 'n', NAME_MAX);
	opened(low, big, "name-of-255");
	memset(big + sizeof(HEAPS), 'n', NAME_MAX + 1);
	opened(low, big, "name-of-256");
	report(sys(stat(big, &st)), "stat-name-of-256");
	memset(big, '/', 2 * PATH_MAX - 1);
	memcpy(big + PATH_MAX - sizeof(path), path, sizeof(path));
	opened(low, big, "path-of-4095");
	memset(big, '/', 2 * PATH_MAX - 1);
	memcpy(big + PATH_MAX - sizeof(path) + 1, path, sizeof(path));
	opened(low, big, "path-of-4096");
	report(sys(access(big, F_OK)), "access-path-of-4096");
	report(sys(access(bad_pointer(), F_OK)), "access-unmapped");
	report(sys(stat(bad_pointer(), &st)), "stat-unmapped");
	report(sys(stat(path, bad_pointer())), "stat-into-unmapped");
	free(big);
}

static void reuse_cases(void)
{
	int heap = open(HEAPS "/system", O_RDWR | O_CLOEXEC), null = open("/dev/null", O_RDWR), fd,
	    memfd;
	struct dma_buf_sync sync = {DMA_BUF_SYNC_RW};
	struct pollfd p = {.events = POLLRDNORM};

	absent = heap < 0;
	close(heap);
	report(alloc_on((unsigned long)heap, DMA_HEAP_IOCTL_ALLOC), "heap-closed");
	report(dup(null) == heap, "heap-number-again");
	report(alloc_on((unsigned long)heap, DMA_HEAP_IOCTL_ALLOC), "heap-number-is-null");
	close(heap);
	heap = open(HEAPS "/system", O_RDWR | O_CLOEXEC);
	report(alloc_on((unsigned long)heap, DMA_HEAP_IOCTL_ALLOC), "heap-number-is-heap");
	dup2(null, heap);
	report(alloc_on((unsigned long)heap, DMA_HEAP_IOCTL_ALLOC), "heap-dup2-over");
	close(heap);
	heap = open(HEAPS "/system", O_RDWR | O_CLOEXEC);
	dup2(heap, null);
	report(alloc_on((unsigned long)null, DMA_HEAP_IOCTL_ALLOC), "null-dup2-over");
	memfd = new_memfd(5 * PAGE, 0);
	fd = new_buffer(PAGE);
	absent = heap < 0;
	dup2(memfd, fd);
	report(sys(lseek(fd, 0, SEEK_END)), "buffer-is-memfd.lseek-end");
	report(sys(lseek(fd, 7, SEEK_SET)), "buffer-is-memfd.lseek-7");
	report(sys(ftruncate(fd, 100)), "buffer-is-memfd.ftruncate");
	report(sys(ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync)), "buffer-is-memfd.sync");
	p.fd = fd;
	report(sys(poll(&p, 1, 0)), "buffer-is-memfd.poll");
	close(fd);
	report(sys(lseek(fd, 0, SEEK_END)), "buffer-closed.lseek");
	fd = new_buffer(PAGE);
	dup2(fd, memfd);
	report(sys(lseek(memfd, 0, SEEK_END)), "memfd-is-buffer.lseek-end");
	report(sys(lseek(memfd, 7, SEEK_SET)), "memfd-is-buffer.lseek-7");
}

#define THREADS 4
#define EACH	40

static int taken[THREADS][EACH];

static void *takes_many(void *arg)
{
	int *fds = arg;

	for (int i = 0; i < EACH; i++) {
		fds[i] = new_buffer(PAGE * (size_t)(i % 3 + 1));
		if (fds[i] >= 0 && lseek(fds[i], 0, SEEK_END) != (off_t)PAGE * (i % 3 + 1))
			fds[i] = -1;
		if (fds[i] >= 0 && i % 4 == 0) {
			close(fds[i]);
			fds[i] = -2;
		}
	}
	return NULL;
}

static void thread_cases(void)
{
	pthread_t threads[THREADS];
	static char seen[1024];
	int failed = 0, twice = 0, held = 0;

	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, takes_many, taken[i]);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	absent = access(HEAPS "/system", F_OK) != 0;
	for (int i = 0; i < THREADS * EACH; i++) {
		int fd = taken[i / EACH][i % EACH];

		failed += fd == -1;
		held += fd >= 0;
		twice += fd >= 0 && fd < 1024 && seen[fd]++;
	}
	report(failed, "failed");
	report(held, "held");
	report(twice, "number-given-twice");
}

const struct group wide_groups[] = {
	{"wide.arguments", wide_cases, ALWAYS},
	{"wide.paths", path_cases, ALWAYS},
	{"wide.reuse", reuse_cases, ALWAYS},
	{"wide.threads", thread_cases, ALWAYS},
	{NULL, NULL, ALWAYS},
};
