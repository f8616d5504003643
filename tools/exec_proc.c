/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Processes, looked up when a call of theirs is about a buffer; a pidfd tells when one has ended. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "../client/fhc_in.h"
#include "exec.h"
#include "exec_info.h"
#include "exec_join.h"
#include "exec_machine.h"

#define LOOK_NS 100000000

struct exec_proc_source {
	struct exec_source source;
	struct exec_proc *proc;
};

/* A number behind a name at the beginning of a line. */
static uint64_t field(const char *text, const char *name, int base, int which)
{
	const char *at = strstr(text, name);
	char *end;

	if (!at)
		return 0;
	at += strlen(name);
	for (; which > 0; which--) {
		strtoull(at, &end, base);
		at = end;
	}
	return strtoull(at, NULL, base);
}

static ssize_t read_proc(pid_t pid, const char *name, char *buf, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -ESRCH;
	n = read(fd, buf, size - 1);
	close(fd);
	buf[n > 0 ? n : 0] = '\0';
	return n > 0 ? n : -ESRCH;
}

int exec_status_of(pid_t tid, struct exec_status *st)
{
	char text[4096];

	if (read_proc(tid, "status", text, sizeof(text)) < 0)
		return -ESRCH;
	st->tgid = (pid_t)field(text, "\nTgid:", 10, 0);
	st->tracer = (pid_t)field(text, "\nTracerPid:", 10, 0);
	st->fsuid = (unsigned int)field(text, "\nUid:", 10, 3);
	st->fsgid = (unsigned int)field(text, "\nGid:", 10, 3);
	st->pending = field(text, "\nSigPnd:", 16, 0);
	st->shared = field(text, "\nShdPnd:", 16, 0);
	st->blocked = field(text, "\nSigBlk:", 16, 0);
	return st->tgid ? 0 : -ESRCH;
}

static void proc_end(struct exec_proc *p)
{
	struct exec_proc **at = &p->x->procs.first;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	p->x->procs.nr--;
	if (p->c) {
		exec_unwatch(p->x, fhc_fd(p->c));
		fhc_close(p->c);
	}
	exec_unwatch(p->x, p->pidfd);
	close(p->pidfd);
	free(p->ended);
	free(p->reply);
	free(p->held);
	free(p);
}

/* When the process began; 0: it has ended. */
static uint64_t began(pid_t pid)
{
	char text[1024];
	uint64_t when = 0;
	const char *at;
	char state;

	if (read_proc(pid, "stat", text, sizeof(text)) < 0)
		return 0;
	at = strrchr(text, ')');
	if (!at || sscanf(at + 1,
			  " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
			  "%*d %*d %" SCNu64,
			  &state, &when) != 2)
		return 0;
	return state == 'Z' || state == 'X' ? 0 : when;
}

static bool has_gone(const struct exec_proc *p)
{
	struct pollfd ended = {.fd = p->pidfd, .events = POLLIN};

	return p->began ? began(p->pid) != p->began : poll(&ended, 1, 0) != 0;
}

static void has_ended(struct exec_source *source, uint32_t events)
{
	struct exec_proc *p = ((struct exec_proc_source *)source)->proc;
	uint64_t ticks;

	(void)events;
	if (p->began && read(p->pidfd, &ticks, sizeof(ticks)) == sizeof(ticks) && !has_gone(p))
		return;
	proc_end(p);
}

/* Before Linux 5.3, or where it is not allowed, there is no pidfd: then a timer that tells when to look. */
static int open_ended(pid_t pid, uint64_t *since)
{
	const struct itimerspec often = {{0, LOOK_NS}, {0, LOOK_NS}};
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	*since = 0;
	if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
		return fd;
	*since = began(pid);
	fd = *since ? timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK) : -1;
	if (fd >= 0)
		timerfd_settime(fd, 0, &often, NULL);
	return fd;
}

static void has_reply(struct exec_source *source, uint32_t events)
{
	struct exec_proc *p = ((struct exec_proc_source *)source)->proc;

	(void)events;
	if (fhc_dispatch(p->c) < 0)
		exec_join_lost(p->x);
}

static struct exec_proc_source *source(struct exec_proc *p,
				       void (*ready)(struct exec_source *source, uint32_t events))
{
	struct exec_proc_source *s = calloc(1, sizeof(*s));

	if (s)
		*s = (struct exec_proc_source){{ready}, p};
	return s;
}

/* What the server before knew of it, this one may not. */
int exec_proc_join(struct exec_proc *p)
{
	int err;

	if (fhc_fd(p->c) >= 0 && fhc_dispatch(p->c) >= 0)
		return 0;
	if (p->nr_held)
		exec_join_lost(p->x);
	p->nr_held = 0;
	err = exec_machine_join(p->x, p->c);
	if (!err)
		err = exec_watch(p->x, fhc_fd(p->c), &p->reply->source);
	if (err)
		return err;
	p->x->join.found |= p->x->join.since != 0;
	return 1;
}

static struct exec_proc *proc_begin(struct exec *x, pid_t pid, int pidfd, uint64_t since)
{
	struct exec_proc *p = calloc(1, sizeof(*p));
	char name[32] = "";
	int err;

	if (!p)
		return NULL;
	p->x = x;
	p->pid = pid;
	p->pidfd = pidfd;
	p->began = since;
	if (read_proc(pid, "comm", name, sizeof(name)) > 0)
		name[strcspn(name, "\n")] = '\0';
	p->c = fhc_create(pid, name);
	p->ended = source(p, has_ended);
	p->reply = source(p, has_reply);
	if (!p->c || !p->ended || !p->reply || exec_watch(x, pidfd, &p->ended->source))
		goto fail;
	err = exec_proc_join(p);
	if (err < 0 && (!x->joined || !exec_join_away(err)))
		goto fail;
	if (err < 0)
		exec_join_lost(x);
	p->next = x->procs.first;
	x->procs.first = p;
	x->procs.nr++;
	return p;
fail:
	if (p->c) {
		exec_unwatch(x, fhc_fd(p->c));
		fhc_close(p->c);
	}
	exec_unwatch(x, pidfd);
	free(p->ended);
	free(p->reply);
	free(p);
	return NULL;
}

/* Of those that are known: as long as its process lives, a number is nobody else's. */
static struct exec_proc *known(struct trap *t)
{
	struct exec_proc *p;
	char path[64];

	for (p = t->x->procs.first; p && p->pid != t->tid; p = p->next)
		;
	if (!p && t->x->procs.first) {
		snprintf(path, sizeof(path), "/proc/%d/task/%d", (int)t->x->procs.first->pid,
			 (int)t->tid);
		p = access(path, F_OK) ? NULL : t->x->procs.first;
	}
	return p && !has_gone(p) ? p : NULL;
}

static struct exec_proc *by(struct exec_proc *p, struct trap *t)
{
	p->by = t;
	return p;
}

static struct exec_proc *by_pid(const struct exec *x, pid_t pid)
{
	struct exec_proc *p = x->procs.first;

	while (p && p->pid != pid)
		p = p->next;
	return p;
}

struct exec_proc *exec_proc_of(struct trap *t)
{
	struct exec_status st;
	struct exec_proc *p;
	uint64_t since;
	int pidfd;

	p = known(t);
	if (p)
		return by(p, t);
	if (exec_status_of(t->tid, &st))
		return NULL;
	p = by_pid(t->x, st.tgid);
	if (p)
		return by(p, t);
	pidfd = open_ended(st.tgid, &since);
	if (pidfd < 0)
		return NULL;
	/* The call is still held, so its process lives, so the number is its own and not another's. */
	p = trap_valid(t) ? proc_begin(t->x, st.tgid, pidfd, since) : NULL;
	if (!p)
		close(pidfd);
	return p ? by(p, t) : NULL;
}

struct exec_proc *exec_proc_at(struct exec *x, pid_t pid)
{
	struct exec_proc *p = by_pid(x, pid);
	uint64_t since = 0;
	int pidfd = p ? -1 : open_ended(pid, &since);

	if (pidfd < 0)
		return p;
	p = exec_is_ours(pid) ? proc_begin(x, pid, pidfd, since) : NULL;
	if (!p)
		close(pidfd);
	return p;
}

int exec_proc_getfd(const struct exec_proc *proc, int fd)
{
	return proc->x->form->getfd(proc->by, fd);
}

int exec_proc_take(const struct exec_proc *proc, int fd)
{
	int own = (int)syscall(SYS_pidfd_getfd, proc->pidfd, fd, 0);
	char path[64];
	struct stat st;

	if (own >= 0)
		return own;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)proc->pid, fd);
	if (lstat(path, &st) || !(st.st_mode & (S_IRUSR | S_IWUSR)))
		return -EBADF;
	own = open(path, (~st.st_mode & S_IWUSR	  ? O_RDONLY
			  : ~st.st_mode & S_IRUSR ? O_WRONLY
						  : O_RDWR) |
				 O_CLOEXEC);
	return own < 0 ? -errno : own;
}

void exec_procs_end(struct exec *x)
{
	struct exec_proc *p, *next;

	for (p = x->procs.first; p; p = next) {
		next = p->next;
		proc_end(p);
	}
}
