/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The supervisor's loop: takes held calls, has them answered, reaps, and ends when nobody is under the filter any more. */
#include <errno.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include "exec.h"
#include "exec_epoll.h"
#include "exec_inject.h"
#include "exec_join.h"
#include "exec_wait.h"

#define NOTIF_SET_FLAGS                                                                            \
	SECCOMP_IOW(4, __u64) /* Linux 6.6: the caller runs on at once, on the same CPU */

int exec_watch(struct exec *x, int fd, struct exec_source *source)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = source};

	return epoll_ctl(x->epoll, EPOLL_CTL_ADD, fd, &e) ? -errno : 0;
}

void exec_unwatch(struct exec *x, int fd)
{
	epoll_ctl(x->epoll, EPOLL_CTL_DEL, fd, NULL);
}

/* ---- answers ---- */

int exec_answer(struct exec *x, uint64_t id, int64_t result)
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

bool trap_valid(const struct trap *t)
{
	return !ioctl(t->x->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &t->id);
}

static int give(struct trap *t, int fd, int flags, unsigned int how)
{
	struct seccomp_notif_addfd add = {.id = t->id,
					  .flags = how,
					  .srcfd = (unsigned int)fd,
					  .newfd_flags = (unsigned int)flags};
	int n = ioctl(t->x->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);

	if (n >= 0)
		t->x->given = true;
	return n < 0 ? -errno : n;
}

int trap_give(struct trap *t, int fd, int flags)
{
	return give(t, fd, flags, 0);
}

int64_t trap_give_result(struct trap *t, int fd, int flags)
{
	int n = give(t, fd, flags, SECCOMP_ADDFD_FLAG_SEND);

	if (n == -EINVAL) /* before Linux 5.14: in two steps */
		return give(t, fd, flags, 0);
	return n < 0 && n != -ENOENT ? n : TRAP_ANSWERED;
}

/* ---- sources ---- */

void exec_run(struct trap *t)
{
	trap_handler *handler = exec_handler(t->nr);
	int64_t result = handler ? handler(t) : TRAP_CONTINUE;

	exec_join_check(t->x);
	if (result != TRAP_ANSWERED)
		exec_answer(t->x, t->id, result);
}

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
	exec_run(&t);
}

static void reap(struct exec *x)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (exec_inject_told(x, pid, status))
			continue;
		if (pid == x->machine_pid)
			x->machine_pid = 0;
		if (pid != x->root)
			continue;
		x->root_done = true;
		x->root_status = status;
		if (write(x->tell, &status, sizeof(status)) < 0)
			continue; /* the command itself was killed */
	}
}

/* What the terminal sends, the program has got as well. */
static void has_signal(struct exec *x, int fd)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGCHLD)
		reap(x);
	else if (info.ssi_code <= 0 && !x->root_done)
		kill((pid_t)x->root, (int)info.ssi_signo);
}

static int open_signals(void)
{
	static const int keep[] = {SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE};
	sigset_t set;

	sigfillset(&set);
	for (size_t i = 0; i < sizeof(keep) / sizeof(*keep); i++) {
		signal(keep[i], SIG_IGN);
		sigdelset(&set, keep[i]);
	}
	sigprocmask(SIG_SETMASK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int exec_loop(struct exec *x)
{
	struct exec_source listener, signals;
	int fd = open_signals();
	struct epoll_event e;
	int64_t look = 0, looked = 0;

	if (fd < 0 || exec_watch(x, x->listener, &listener) || exec_watch(x, fd, &signals))
		return -errno;
	ioctl(x->listener, NOTIF_SET_FLAGS, 1UL); /* faster where it is known */
	reap(x);
	while (!x->unused || !x->root_done) {
		if (epoll_wait(x->epoll, &e, 1, exec_waits_timeout(x)) == 1) {
			struct exec_source *source = e.data.ptr;

			if (source == &signals) {
				has_signal(x, fd);
			} else if (source != &listener) {
				source->ready(source, e.events);
			} else if (e.events & EPOLLIN) {
				has_call(x);
			} else if (e.events & EPOLLHUP) {
				x->unused = true;
				exec_unwatch(x, x->listener);
			}
		}
		if (x->join.since || x->join.again)
			exec_join_look(x);
		if (x->waits && exec_now() != looked) {
			exec_waits_look(x);
			looked = exec_now();
		}
		exec_injects_look(x);
		exec_udmabufs_look(x);
		if (x->entries && exec_now() >= look) {
			exec_epoll_look(x);
			look = exec_now() + EXEC_EPOLL_LOOK_MS;
		}
	}
	exec_procs_end(x);
	return 0;
}
