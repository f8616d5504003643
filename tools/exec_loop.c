/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The supervisor's loop: takes held calls, has them answered, reaps, and ends when nobody is left whose calls could come. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include "exec.h"
#include "exec_epoll.h"
#include "exec_inject.h"
#include "exec_join.h"
#include "exec_wait.h"

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
	return x->form->answer(x, id, result);
}

bool trap_valid(const struct trap *t)
{
	return t->x->form->valid(t->x, t->id);
}

int trap_give(struct trap *t, int fd, int flags)
{
	int n = t->x->form->give(t, fd, flags);

	if (n >= 0)
		t->x->given = true;
	return n;
}

int64_t trap_give_result(struct trap *t, int fd, int flags)
{
	int64_t n = t->x->form->give_result(t, fd, flags);

	if (n >= 0 || n == TRAP_ANSWERED)
		t->x->given = true;
	return n;
}

void exec_take(struct trap *t)
{
	trap_handler *handler = exec_handler(t->nr);
	int64_t result = handler ? handler(t) : TRAP_CONTINUE;

	exec_join_check(t->x);
	if (result != TRAP_ANSWERED)
		exec_answer(t->x, t->id, result);
}

/* ---- sources ---- */

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
	if (x->form->reaped)
		x->form->reaped(x);
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
	struct exec_source signals;
	int fd = open_signals();
	struct epoll_event e;
	int64_t look = 0, looked = 0;

	if (fd < 0 || exec_watch(x, fd, &signals) || x->form->watch(x))
		return -errno;
	reap(x);
	while (!x->unused || !x->root_done) {
		if (epoll_wait(x->epoll, &e, 1, exec_waits_timeout(x)) == 1) {
			struct exec_source *source = e.data.ptr;

			if (source == &signals)
				has_signal(x, fd);
			else
				source->ready(source, e.events);
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
