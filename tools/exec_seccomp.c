/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Calls held by the kernel: seccomp user notification. The caller is looked at through /proc and its pidfd. */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "exec.h"
#include "exec_calls.h"

#define MAX_CALLS 64
#define NOTIF_SET_FLAGS                                                                            \
	SECCOMP_IOW(4, __u64) /* Linux 6.6: the caller runs on at once, on the same CPU */

static int no_begin(struct exec *x)
{
	(void)x;
	return 0;
}

static int enter(struct exec *x, int *fd)
{
	struct sock_filter code[EXEC_FILTER_MAX];
	struct exec_trapped calls[MAX_CALLS];
	size_t len = exec_filter_build(calls, exec_calls_trapped(calls, MAX_CALLS), code);

	(void)x;
	*fd = len <= EXEC_FILTER_MAX ? exec_filter_install(code, len) : -E2BIG;
	return *fd < 0 ? *fd : 0;
}

/* ---- answers ---- */

static int answer(struct exec *x, uint64_t id, int64_t result)
{
	struct seccomp_notif_resp resp = {.id = id};

	if (result == TRAP_CONTINUE)
		resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	else if (result < 0 && result >= -4095)
		resp.error = (int)result;
	else
		resp.val = result;
	return ioctl(x->listener, SECCOMP_IOCTL_NOTIF_SEND, &resp) ? -errno : 0;
}

static bool valid(struct exec *x, uint64_t id)
{
	return !ioctl(x->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id);
}

static int add(struct trap *t, int fd, int flags, unsigned int how)
{
	struct seccomp_notif_addfd add = {.id = t->id,
					  .flags = how,
					  .srcfd = (unsigned int)fd,
					  .newfd_flags = (unsigned int)flags};
	int n = ioctl(t->x->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);

	return n < 0 ? -errno : n;
}

static int give(struct trap *t, int fd, int flags)
{
	return add(t, fd, flags, 0);
}

static int64_t give_result(struct trap *t, int fd, int flags)
{
	int n = add(t, fd, flags, SECCOMP_ADDFD_FLAG_SEND);

	if (n == -EINVAL) /* before Linux 5.14: in two steps */
		return add(t, fd, flags, 0);
	return n < 0 && n != -ENOENT ? n : TRAP_ANSWERED;
}

/* ---- the caller ---- */

static int getfd(struct trap *t, int fd)
{
	struct exec_proc *proc = exec_proc_of(t);
	int own = proc ? (int)syscall(SYS_pidfd_getfd, proc->pidfd, fd, 0) : -1;

	return own < 0 ? -errno : own;
}

static int stat_of(struct trap *t, int fd, struct stat *st)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)t->tid, fd);
	return stat(path, st) ? -errno : 0;
}

/* The permissions of its entry in /proc show it. */
static mode_t mode_of(struct trap *t, int fd)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)t->tid, fd);
	return lstat(path, &st) ? 0 : st.st_mode & (S_IRUSR | S_IWUSR);
}

static ssize_t link_of(struct trap *t, int fd, char *buf, size_t size)
{
	char path[64];

	if (fd == AT_FDCWD)
		snprintf(path, sizeof(path), "/proc/%d/cwd", (int)t->tid);
	else
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)t->tid, fd);
	return readlink(path, buf, size - 1);
}

/* ---- the listener ---- */

static void has_call(struct exec *x)
{
	struct seccomp_notif n;
	struct trap t;

	memset(&n, 0, sizeof(n));
	if (ioctl(x->listener, SECCOMP_IOCTL_NOTIF_RECV, &n))
		return; /* who called has died, or has been interrupted */
	t = (struct trap){.x = x,
			  .id = n.id,
			  .tid = (pid_t)n.pid,
			  .nr = n.data.nr,
			  .ip = n.data.instruction_pointer};
	for (unsigned int i = 0; i < 6; i++)
		t.arg[i] = n.data.args[i];
	t.mem = exec_mem_of(t.tid);
	exec_take(&t);
}

static struct {
	struct exec_source source;
	struct exec *x;
} listener;

static void ready(struct exec_source *source, uint32_t events)
{
	struct exec *x = listener.x;

	(void)source;
	if (events & EPOLLIN) {
		has_call(x);
	} else if (events & EPOLLHUP) {
		x->unused = true;
		exec_unwatch(x, x->listener);
	}
}

static int watch(struct exec *x)
{
	listener.source.ready = ready;
	listener.x = x;
	if (exec_watch(x, x->listener, &listener.source))
		return -errno;
	ioctl(x->listener, NOTIF_SET_FLAGS, 1UL); /* faster where it is known */
	return 0;
}

const struct exec_form exec_by_seccomp = {
	.begin = no_begin,
	.enter = enter,
	.watch = watch,
	.answer = answer,
	.valid = valid,
	.give = give,
	.give_result = give_result,
	.getfd = getfd,
	.stat = stat_of,
	.mode = mode_of,
	.link = link_of,
};
