// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Cases about a buffer in several descriptors and processes: dup, fork, exec, SCM_RIGHTS, pidfd_getfd.
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"

#define MARK 77

static char *map_of(int fd)
{
	char *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return at == MAP_FAILED ? NULL : at;
}

static long mark_of(int fd)
{
	char *at = map_of(fd);
	long mark = at ? at[0] : -(long)errno;

	if (at)
		munmap(at, PAGE);
	return mark;
}

static int marked(void)
{
	int fd = new_buffer(PAGE);
	char *at = map_of(fd);

	if (at) {
		at[0] = MARK;
		munmap(at, PAGE);
	}
	return fd;
}

static void dup_cases(void)
{
	int fd = marked(), low = lowest_fd(), two, three, high;
	struct dma_buf_sync sync = {DMA_BUF_SYNC_RW};

	two = dup(fd);
	report_fd(low, sys(two), "dup");
	report(sys(fcntl(two, F_GETFD)), "dup.getfd");
	three = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	report(sys(fcntl(three, F_GETFD)), "dupfd-cloexec.getfd");
	report(sys(dup2(fd, 200)), "dup2");
	report(sys(dup3(fd, 201, O_CLOEXEC)), "dup3");
	report(sys(dup3(fd, fd, 0)), "dup3-same");
	high = fcntl(fd, F_DUPFD, 300);
	report(sys(high), "dupfd-300");
	report(sys(dup2(fd, fd) == fd ? 0 : -1), "dup2-same");
	close(fd);
	report(mark_of(two), "dup.after-close");
	report(mark_of(201), "dup3.after-close");
	report(sys(ioctl(high, DMA_BUF_IOCTL_SYNC, &sync)), "dupfd.sync");
	report(sys(ioctl(two, DMA_BUF_SET_NAME_B, "by-dup")), "dup.set-name");
	report_fdinfo(200, "dup2.fdinfo");
	report(sys(lseek(200, 0, SEEK_END)), "dup2.lseek");
	report(sys(dup2(STDERR_FILENO, 200)), "dup2-over");
	report(sys(ioctl(200, DMA_BUF_IOCTL_SYNC, &sync)), "dup2-over.sync");
	report(sys((int)syscall(SYS_close_range, 201, 400, 0)), "close-range");
	report(sys(ioctl(high, DMA_BUF_IOCTL_SYNC, &sync)), "close-range.sync");
	report_fdinfo(two, "last.fdinfo");
	report(sys(close(two)), "close");
	report(sys(close(two)), "close-again");
}

static int child_mark(void *arg)
{
	return (int)mark_of(*(int *)arg);
}

static int child_closes(void *arg)
{
	return close(*(int *)arg);
}

static int child_allocates(void *arg)
{
	int fd = new_buffer(PAGE);

	(void)arg;
	return fd < 0 ? 1 : (int)lseek(fd, 0, SEEK_END) != PAGE;
}

static void fork_cases(void)
{
	int fd = marked();

	report_child(child_mark, &fd, "child-mmap");
	report_child(child_closes, &fd, "child-close");
	report(mark_of(fd), "parent-after-child-close");
	report_child(child_allocates, NULL, "child-allocates");
}

// What the program finds in descriptor FD after exec, as bits.
int exec_child(const char *text)
{
	struct dma_heap_allocation_data data = {.len = PAGE};
	struct dma_buf_sync sync = {DMA_BUF_SYNC_RW};
	int fd = atoi(text), found = 0;

	found |= fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
	found |= lseek(fd, 0, SEEK_END) == (off_t)PAGE ? 2 : 0;
	found |= ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync) == 0 ? 4 : 0;
	found |= mark_of(fd) == MARK ? 8 : 0;
	found |= ioctl(fd, DMA_HEAP_IOCTL_ALLOC, &data) == 0 ? 16 : 0;
	return found;
}

static int execs(void *arg)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", *(int *)arg);
	execl("/proc/self/exe", "dmabuf_calls", "--fd", text, (char *)NULL);
	return 255;
}

static void exec_cases(void)
{
	int fd = marked(), two = dup(fd), three;

	report_child(execs, &fd, "cloexec");
	report_child(execs, &two, "dup");
	three = new_buffer_flags(PAGE, O_RDWR);
	report_child(execs, &three, "not-marked-kept");
	fcntl(three, F_SETFD, FD_CLOEXEC);
	report_child(execs, &three, "setfd-cloexec");
	three = open(HEAPS "/system", O_RDWR);
	report_child(execs, &three, "heap");
	three = open(HEAPS "/system", O_RDWR | O_CLOEXEC);
	report_child(execs, &three, "heap-cloexec");
}

union control {
	char bytes[CMSG_SPACE(3 * sizeof(int))];
	struct cmsghdr align;
};

static long send_fds(int sock, const int *fds, size_t n)
{
	union control control = {{0}};
	char byte = 'x';
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = CMSG_SPACE(n * sizeof(int))};
	struct cmsghdr *head = CMSG_FIRSTHDR(&msg);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(head), fds, n * sizeof(int));
	return sys(sendmsg(sock, &msg, 0));
}

// How many descriptors came.
static int take_fds(int sock, int *fds, int flags)
{
	union control control = {{0}};
	char byte;
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *head;
	size_t size;

	if (recvmsg(sock, &msg, flags | MSG_DONTWAIT) != 1)
		return -1;
	head = CMSG_FIRSTHDR(&msg);
	if (!head)
		return 0;
	size = head->cmsg_len - CMSG_LEN(0);
	memcpy(fds, CMSG_DATA(head), size);
	return (int)(size / sizeof(int));
}

static int sender(void *arg)
{
	int fd = marked();

	return send_fds(*(int *)arg, &fd, 1) != 1;
}

static void scm_cases(void)
{
	int fd = marked(), pair[2], got[3] = {-1, -1, -1}, low, two[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		return;
	if (absent)
		fd = pair[0];
	report(send_fds(pair[0], &fd, 1), "send");
	close(fd);
	low = lowest_fd();
	report(take_fds(pair[1], got, 0), "receive");
	report_fd(low, got[0], "receive.fd");
	report(sys(fcntl(got[0], F_GETFD)), "receive.getfd");
	report(mark_of(got[0]), "receive.mmap");
	report(sys(lseek(got[0], 0, SEEK_END)), "receive.lseek");
	report_fdinfo(got[0], "receive.fdinfo");
	report_child(sender, &pair[0], "sent-by-child");
	report(take_fds(pair[1], got, MSG_CMSG_CLOEXEC), "from-child");
	report(sys(fcntl(got[0], F_GETFD)), "from-child.getfd");
	report(mark_of(got[0]), "from-child.mmap");
	report_fdinfo(got[0], "from-child.fdinfo");
	two[0] = two[1] = got[0];
	report(send_fds(pair[0], two, 2), "two.send");
	report(take_fds(pair[1], got, 0), "two.receive");
	report(mark_of(got[1]), "two.mmap");
	close(got[1]);
	report(send_fds(pair[0], &got[1], 1), "closed-fd");
}

// What another process takes out of ours, and we out of its.
static void pidfd_cases(void)
{
	int ready[2], done[2], pid, pidfd, got = -1, theirs = -1;
	char byte = 0;

	if (pipe(ready) != 0 || pipe(done) != 0)
		return;
	pid = fork();
	if (pid == 0) {
		theirs = marked();
		if (write(ready[1], &theirs, sizeof(theirs)) < 0 || read(done[0], &byte, 1) < 0)
			_exit(1);
		_exit(0);
	}
	if (read(ready[0], &theirs, sizeof(theirs)) != sizeof(theirs))
		return;
	absent = theirs < 0;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	got = (int)syscall(SYS_pidfd_getfd, pidfd, theirs, 0);
	report(got < 0 ? -(long)errno : 0, "getfd");
	report(sys(fcntl(got, F_GETFD)), "getfd.getfd");
	report(mark_of(got), "getfd.mmap");
	if (write(done[1], &byte, 1) == 1)
		waitpid(pid, NULL, 0);
	report(mark_of(got), "getfd.mmap-after-exit");
	report_fdinfo(got, "getfd.fdinfo");
}

const struct group share_groups[] = {
	{"dup", dup_cases, PER_SOURCE},	    {"fork", fork_cases, PER_SOURCE},
	{"exec", exec_cases, PER_SOURCE},   {"scm", scm_cases, PER_SOURCE},
	{"pidfd", pidfd_cases, PER_SOURCE}, {NULL, NULL, ALWAYS},
};
