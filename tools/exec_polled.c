/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Descriptors of the program, and fences of its buffers, looked at from here. */
#include <errno.h>
#include <linux/dma-buf.h>
#include <unistd.h>
#include "exec_fence.h"
#include "exec_poll.h"

static int pending_fence(struct exec_proc *proc, uint64_t id, uint32_t access)
{
	struct pollfd p = {.fd = -1, .events = POLLIN};

	if (fhc_export_sync_file(proc->c, id, access, &p.fd))
		return -1;
	if (poll(&p, 1, 0) == 0)
		return p.fd;
	close(p.fd);
	return -1;
}

void exec_polled_fences(struct exec *x, struct exec_proc *proc, uint64_t id, short events,
			int fence[2])
{
	fence[0] = fence[1] = -1;
	if (!x->fences && !x->joined)
		return;
	if (events & POLLIN)
		fence[0] = pending_fence(proc, id, DMA_BUF_SYNC_READ);
	if (events & POLLOUT)
		fence[1] = pending_fence(proc, id, DMA_BUF_SYNC_WRITE);
}

bool exec_polled_open(struct trap *t, struct exec_proc *proc, struct exec_polled *p, size_t n)
{
	struct exec_file *file;
	bool any = false;

	exec_timelines_look(t->x);
	for (size_t i = 0; i < n; i++) {
		file = exec_file_of(t, p[i].fd);
		p[i].own[0] = p[i].own[1] = -1;
		p[i].buffer = file && file->kind == EXEC_BUFFER;
		p[i].fence = file && file->kind == EXEC_FENCE;
		any |= p[i].buffer || p[i].fence;
		if (p[i].buffer && !exec_proc_use(proc, file, p[i].fd))
			exec_polled_fences(t->x, proc, file->there, p[i].events, p[i].own);
		else if (!p[i].buffer && p[i].fd >= 0)
			p[i].own[0] = exec_proc_getfd(proc, p[i].fd);
	}
	return any;
}

void exec_polled_close(struct exec_polled *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (int j = 0; j < 2; j++)
			if (p[i].own[j] >= 0)
				close(p[i].own[j]);
}

static short look_at(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};

	return poll(&p, 1, 0) > 0 ? p.revents : 0;
}

static short look_at_buffer(const struct exec_polled *p)
{
	short ready = (short)(p->events & EXEC_POLLED);

	for (int j = 0; j < 2; j++)
		if (p->own[j] >= 0 && !look_at(p->own[j], POLLIN))
			ready = (short)(ready & ~(j ? POLLOUT : POLLIN));
	return ready;
}

/* A pipe that is hung up is a fence that is done. */
static short look_at_fence(const struct exec_polled *p)
{
	return look_at(p->own[0], POLLIN) ? (short)(p->events & POLLIN) : 0;
}

int exec_polled_look(struct exec_polled *p, size_t n)
{
	int count = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i].buffer)
			p[i].revents = look_at_buffer(&p[i]);
		else if (p[i].fd < 0)
			p[i].revents = 0;
		else if (p[i].own[0] < 0)
			p[i].revents = POLLNVAL;
		else
			p[i].revents = p[i].fence ? look_at_fence(&p[i])
						  : look_at(p[i].own[0], p[i].events);
		count += p[i].revents != 0;
	}
	return count;
}
