/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * poll() and select() with a buffer among the descriptors. A memfd is always ready, and so is a buffer without fences: such
 * calls go on untouched. Where a fence is pending, the supervisor waits in the program's place, for all of its descriptors.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>
#include "exec_poll.h"
#include "exec_wait.h"

#define MOST 1024
#define KERNEL_RESTARTS                                                                            \
	514 /* the kernel's ERESTARTNOHAND: -EINTR if there is a handler, else once more */

/* A call that waits. */
struct polling {
	struct exec_source source;
	struct exec_wait wait;
	struct exec *x;
	struct exec_mem mem;
	struct exec_polled *p;
	size_t n;
	int epoll;
	bool select;
	uint64_t arg[4]; /* of the call */
	int64_t until;
	uint64_t time_at;  /* where the time that is left goes; 0: nowhere */
	unsigned int unit; /* of its second part: microseconds or nanoseconds, in a second */
};

/* ---- answers ---- */

static int write_poll(struct polling *w)
{
	struct pollfd out[MOST];

	for (size_t i = 0; i < w->n; i++)
		out[i] = (struct pollfd){w->p[i].fd, w->p[i].events, w->p[i].revents};
	return w->mem.write(&w->mem, w->arg[0], out, w->n * sizeof(*out));
}

static const short set_bits[3] = {POLLIN | POLLHUP | POLLERR | POLLRDNORM,
				  POLLOUT | POLLERR | POLLWRNORM, POLLPRI};
static const short set_asks[3] = {POLLIN, POLLOUT, POLLPRI};

/* In how many sets there is something, or a negative errno. */
static int write_select(struct polling *w)
{
	size_t bytes = ((size_t)w->arg[0] + 63) / 64 * 8;
	fd_set set;
	int count = 0;

	for (int s = 0; s < 3; s++) {
		if (!w->arg[s + 1])
			continue;
		FD_ZERO(&set);
		for (size_t i = 0; i < w->n; i++)
			if ((w->p[i].events & set_asks[s]) && (w->p[i].revents & set_bits[s])) {
				FD_SET(w->p[i].fd, &set);
				count++;
			}
		if (w->mem.write(&w->mem, w->arg[s + 1], &set, bytes))
			return -EFAULT;
	}
	return count;
}

static void write_time(struct polling *w)
{
	int64_t left = w->until - exec_now(), out[2];

	if (!w->time_at || w->until == INT64_MAX)
		return;
	left = left > 0 ? left : 0;
	out[0] = left / 1000;
	out[1] = left % 1000 * (int64_t)(w->unit / 1000);
	w->mem.write(&w->mem, w->time_at, out, sizeof(out));
}

static int64_t result_of(struct polling *w, int count)
{
	int err;

	write_time(w);
	if (w->select)
		return write_select(w);
	err = write_poll(w);
	return err ? err : count;
}

/* ---- waiting ---- */

static void polling_free(struct polling *w)
{
	if (w->epoll >= 0) {
		exec_unwatch(w->x, w->epoll);
		close(w->epoll);
	}
	exec_polled_close(w->p, w->n);
	free(w->p);
	free(w);
}

static void polling_end(struct polling *w, int64_t result)
{
	exec_wait_end(&w->wait);
	exec_answer(w->x, w->wait.id, result);
	polling_free(w);
}

static void something(struct exec_source *source, uint32_t events)
{
	struct polling *w = (struct polling *)source;
	int count = exec_polled_look(w->p, w->n);

	(void)events;
	if (count)
		polling_end(w, result_of(w, count));
}

static void stop(struct exec_wait *wait, int why)
{
	struct polling *w =
		(struct polling *)(void *)((char *)wait - offsetof(struct polling, wait));

	if (why == -ETIMEDOUT)
		polling_end(w, result_of(w, exec_polled_look(w->p, w->n)));
	else
		polling_end(w, why == -EINTR ? -KERNEL_RESTARTS : why);
}

static int64_t wait_for(struct trap *t, struct polling *w)
{
	struct epoll_event e = {.events = 0};

	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (size_t i = 0; i < w->n; i++)
		for (int j = 0; j < 2; j++) {
			e.events =
				w->p[i].buffer ? EPOLLIN : (uint32_t)(unsigned short)w->p[i].events;
			if (w->p[i].own[j] >= 0)
				epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->p[i].own[j], &e);
		}
	w->source.ready = something;
	if (exec_watch(t->x, w->epoll, &w->source)) {
		polling_free(w);
		return -ENOMEM;
	}
	exec_wait_begin(t, &w->wait, w->until, stop);
	return TRAP_ANSWERED;
}

/* `w` is filled in but for what there is to wait for, and goes with the call. */
static int64_t polling_begin(struct trap *t, struct polling *w)
{
	struct exec_proc *proc = exec_proc_of(t);
	int64_t result;
	int count;

	w->x = t->x;
	w->mem = t->mem;
	w->epoll = -1;
	if (!proc || !exec_polled_open(t, proc, w->p, w->n)) {
		polling_free(w);
		return TRAP_CONTINUE;
	}
	count = exec_polled_look(w->p, w->n);
	if (!count && w->until > exec_now())
		return wait_for(t, w);
	result = result_of(w, count);
	polling_free(w);
	return result;
}

static struct polling *polling_new(size_t n)
{
	struct polling *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->epoll = -1;
	w->n = n;
	w->p = calloc(n, sizeof(*w->p));
	if (w->p)
		return w;
	free(w);
	return NULL;
}

/* ---- times ---- */

static int64_t after(int64_t ms)
{
	return ms < 0 ? INT64_MAX : exec_now() + ms;
}

/* A timespec or timeval; false: the kernel shall say what is wrong with it. */
static bool read_time(struct trap *t, uint64_t at, unsigned int unit, int64_t *until)
{
	int64_t time[2];

	*until = INT64_MAX;
	if (!at)
		return true;
	if (t->mem.read(&t->mem, at, time, sizeof(time)) || time[0] < 0 || time[1] < 0 ||
	    time[1] >= unit)
		return false;
	if (time[0] < INT32_MAX)
		*until = after(time[0] * 1000 + (time[1] + unit / 1000 - 1) / (unit / 1000));
	return true;
}

/* ---- poll ---- */

/* Does the call concern us? Only a pending fence, or an event that a memfd has and a DMA-BUF has not, makes a difference. */
static bool differs(const struct exec *x, const struct pollfd *fds, size_t n)
{
	short odd = 0;

	for (size_t i = 0; i < n; i++)
		odd = (short)(odd | fds[i].events);
	return x->fences || x->joined || (odd & (POLLRDNORM | POLLWRNORM));
}

static int64_t poll_at(struct trap *t, int64_t until, uint64_t time_at)
{
	struct pollfd fds[MOST];
	size_t n = (unsigned int)t->arg[1];
	struct polling *w;

	if (n > MOST || t->mem.read(&t->mem, t->arg[0], fds, n * sizeof(*fds)) ||
	    !differs(t->x, fds, n))
		return TRAP_CONTINUE;
	w = polling_new(n);
	if (!w)
		return TRAP_CONTINUE;
	for (size_t i = 0; i < n; i++) {
		w->p[i].fd = fds[i].fd;
		w->p[i].events = fds[i].events;
	}
	w->arg[0] = t->arg[0];
	w->until = until;
	w->time_at = time_at;
	w->unit = 1000000000;
	return polling_begin(t, w);
}

int64_t exec_poll(struct trap *t)
{
	return t->x->files.nr_buffers ? poll_at(t, after((int)t->arg[2]), 0) : TRAP_CONTINUE;
}

int64_t exec_ppoll(struct trap *t)
{
	int64_t until;

	if (!t->x->files.nr_buffers || !read_time(t, t->arg[2], 1000000000, &until))
		return TRAP_CONTINUE;
	return poll_at(t, until, t->arg[2]);
}

/* ---- select ---- */

static int64_t select_at(struct trap *t, unsigned int unit)
{
	size_t bytes = ((size_t)(unsigned int)t->arg[0] + 63) / 64 * 8, n = 0;
	short events[FD_SETSIZE] = {0};
	struct polling *w;
	int64_t until;
	fd_set set;

	if ((!t->x->fences && !t->x->joined) || t->arg[0] > FD_SETSIZE ||
	    !read_time(t, t->arg[4], unit, &until))
		return TRAP_CONTINUE;
	for (int s = 0; s < 3; s++) {
		FD_ZERO(&set);
		if (t->arg[s + 1] && t->mem.read(&t->mem, t->arg[s + 1], &set, bytes))
			return TRAP_CONTINUE;
		for (size_t fd = 0; fd < t->arg[0]; fd++)
			if (FD_ISSET(fd, &set))
				events[fd] = (short)(events[fd] | set_asks[s]);
	}
	for (size_t fd = 0; fd < t->arg[0]; fd++)
		n += events[fd] != 0;
	w = n ? polling_new(n) : NULL;
	if (!w)
		return TRAP_CONTINUE;
	n = 0;
	for (size_t fd = 0; fd < t->arg[0]; fd++)
		if (events[fd])
			w->p[n++] = (struct exec_polled){.fd = (int)fd, .events = events[fd]};
	w->select = true;
	memcpy(w->arg, t->arg, sizeof(w->arg));
	w->until = until;
	w->time_at = t->arg[4];
	w->unit = unit;
	return polling_begin(t, w);
}

int64_t exec_select(struct trap *t)
{
	return t->x->files.nr_buffers ? select_at(t, 1000000) : TRAP_CONTINUE;
}

int64_t exec_pselect(struct trap *t)
{
	return t->x->files.nr_buffers ? select_at(t, 1000000000) : TRAP_CONTINUE;
}
