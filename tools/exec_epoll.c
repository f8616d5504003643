/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * epoll_ctl() with a buffer: an epoll takes no memfd, so an eventfd of the supervisor's, which is always ready, stands there
 * in its place, with those of the events that have no pending fence in their way. When the program closes its descriptor
 * the kernel does not tell; entries are looked at ten times a second.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <stdio.h>
#include <unistd.h>
#include "exec_epoll.h"
#include "exec_poll.h"

#define FLAGS (EPOLLET | EPOLLONESHOT | EPOLLWAKEUP)

struct exec_entry;
struct entry_fence {
	struct exec_source source;
	struct exec_entry *entry;
	int fd;
};

struct exec_entry {
	struct exec_entry *next;
	struct exec *x;
	pid_t pid;
	int epfd, fd; /* the program's numbers */
	int own_epfd, stand_in;
	dev_t dev;
	ino_t ino;
	struct epoll_event event;
	struct entry_fence fence[2]; /* for a reader, a writer; fd -1: nothing in the way */
};

static int apply(struct exec_entry *e, int op)
{
	struct epoll_event event = e->event;
	uint32_t ready = (e->fence[0].fd < 0 ? (uint32_t)EPOLLIN : 0U) |
			 (e->fence[1].fd < 0 ? (uint32_t)EPOLLOUT : 0U);

	event.events &= ready | FLAGS;
	return epoll_ctl(e->own_epfd, op, e->stand_in, &event) ? -errno : 0;
}

static void drop_fence(struct entry_fence *f)
{
	if (f->fd < 0)
		return;
	exec_unwatch(f->entry->x, f->fd);
	close(f->fd);
	f->fd = -1;
}

static void fence_done(struct exec_source *source, uint32_t events)
{
	struct exec_entry *e = ((struct entry_fence *)source)->entry;
	struct pollfd p = {.events = POLLIN};

	(void)events;
	/* Often both wait for the same fence, and are ready at the same time. */
	for (int j = 0; j < 2; j++) {
		p.fd = e->fence[j].fd;
		if (p.fd >= 0 && poll(&p, 1, 0) > 0)
			drop_fence(&e->fence[j]);
	}
	apply(e, EPOLL_CTL_MOD);
}

static void look_for_fences(struct exec_entry *e, struct exec_proc *proc,
			    const struct exec_file *file)
{
	int fd[2];

	exec_polled_fences(e->x, proc, file->there, (short)(e->event.events & EXEC_POLLED), fd);
	for (int j = 0; j < 2; j++) {
		drop_fence(&e->fence[j]);
		e->fence[j] = (struct entry_fence){{fence_done}, e, fd[j]};
		if (fd[j] >= 0 && exec_watch(e->x, fd[j], &e->fence[j].source))
			drop_fence(&e->fence[j]);
	}
}

static void entry_free(struct exec_entry *e)
{
	struct exec_entry **at = &e->x->entries;

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	drop_fence(&e->fence[0]);
	drop_fence(&e->fence[1]);
	epoll_ctl(e->own_epfd, EPOLL_CTL_DEL, e->stand_in, NULL);
	close(e->stand_in);
	close(e->own_epfd);
	free(e);
}

static bool still_there(const struct exec_entry *e)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)e->pid, e->fd);
	if (stat(path, &st))
		return errno == EACCES; /* nobody can tell */
	return st.st_dev == e->dev && st.st_ino == e->ino;
}

void exec_epoll_look(struct exec *x)
{
	struct exec_entry *e, *next;

	for (e = x->entries; e; e = next) {
		next = e->next;
		if (!still_there(e))
			entry_free(e);
	}
}

void exec_epoll_fence(struct exec_proc *proc, const struct exec_file *file)
{
	for (struct exec_entry *e = proc->x->entries; e; e = e->next)
		if (e->ino == file->ino && e->dev == file->dev) {
			look_for_fences(e, proc, file);
			apply(e, EPOLL_CTL_MOD);
		}
}

static struct exec_entry *find(struct trap *t, pid_t pid)
{
	struct exec_entry *e = t->x->entries;

	while (e && (e->pid != pid || e->epfd != (int)t->arg[0] || e->fd != (int)t->arg[2]))
		e = e->next;
	if (!e || still_there(e))
		return e;
	entry_free(e);
	return NULL;
}

static int64_t add(struct trap *t, struct exec_proc *proc, struct exec_file *file,
		   const struct epoll_event *event)
{
	struct exec_entry *e = calloc(1, sizeof(*e));
	int err;

	if (!e)
		return -ENOMEM;
	*e = (struct exec_entry){.next = t->x->entries,
				 .x = t->x,
				 .pid = proc->pid,
				 .epfd = (int)t->arg[0],
				 .fd = (int)t->arg[2],
				 .own_epfd = exec_proc_getfd(proc, (int)t->arg[0]),
				 .stand_in = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK),
				 .dev = file->dev,
				 .ino = file->ino,
				 .event = *event,
				 .fence = {{.fd = -1}, {.fd = -1}}};
	t->x->entries = e;
	if (!exec_proc_use(proc, file, e->fd))
		look_for_fences(e, proc, file);
	err = e->own_epfd < 0 ? e->own_epfd : apply(e, EPOLL_CTL_ADD);
	if (err)
		entry_free(e);
	return err;
}

int64_t exec_epoll_ctl(struct trap *t)
{
	struct exec_file *file = exec_file_of(t, (int)t->arg[2]);
	struct exec_proc *proc;
	struct epoll_event event = {.events = 0};
	struct exec_entry *e;
	int op = (int)t->arg[1];

	if (!file || file->kind != EXEC_BUFFER)
		return TRAP_CONTINUE;
	if (op != EPOLL_CTL_DEL && t->mem.read(&t->mem, t->arg[3], &event, sizeof(event)))
		return -EFAULT;
	proc = exec_proc_of(t);
	if (!proc)
		return TRAP_CONTINUE;
	e = find(t, proc->pid);
	switch (op) {
	case EPOLL_CTL_ADD:
		return e ? -EEXIST : add(t, proc, file, &event);
	case EPOLL_CTL_MOD:
		if (!e)
			return -ENOENT;
		e->event = event;
		look_for_fences(e, proc, file);
		return apply(e, EPOLL_CTL_MOD);
	case EPOLL_CTL_DEL:
		if (!e)
			return -ENOENT;
		entry_free(e);
		return 0;
	default:
		return -EINVAL;
	}
}
