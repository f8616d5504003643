/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* ioctl() of a heap, a buffer, a sync file or a timeline: reads it, and does it through the server. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "exec.h"
#include "exec_fence.h"
#include "exec_join.h"
#include "exec_wait.h"

#define HEAP_OF_PAGES 0 /* DMA_HEAP_SYSTEM of <freehold/heap.h> */

/* ---- heaps ---- */

/* As in Linux the number stands in the structure before the descriptor is there, and where it cannot be written there is no buffer. */
static int64_t alloc(struct trap *t, const struct exec_file *heap, struct exec_ioctl *r)
{
	struct exec_proc *proc = exec_proc_of(t);
	int n, err, flags = (int)(r->alloc.fd_flags | O_CLOEXEC);
	bool neither = (flags & O_ACCMODE) == O_ACCMODE;
	struct exec_file *file;
	struct fhc_buffer buf;

	if (!proc)
		return -ENOMEM;
	/* The kernel does not count opens that are neither, so the server could not know when the last is gone. */
	err = fhc_alloc(proc->c, t->x->heap[heap->id].name, r->alloc.len,
			neither ? O_RDWR | O_CLOEXEC : flags, &buf);
	if (exec_join_misses(t->x, err))
		return -ECONNRESET;
	if (err)
		return err == -EDQUOT || err == -ENOENT || err == -ESHUTDOWN ? -ENOMEM : err;
	n = t->mem.write(&t->mem, t->arg[2], r->bytes, r->out);
	file = n ? NULL : exec_files_add(t->x, buf.fd, EXEC_BUFFER);
	if (!n)
		n = file ? trap_give(t, buf.fd, (int)(r->alloc.fd_flags & O_CLOEXEC)) : -ENOMEM;
	if (n < 0 || !file) {
		if (file)
			exec_files_remove(t->x, file);
		fhc_release(proc->c, &buf);
		return n;
	}
	close(buf.fd);
	file->id = file->there = buf.id;
	file->heap = (unsigned int)heap->id;
	file->size = buf.size;
	file->neither = neither;
	exec_proc_hold(proc, buf.id);
	file->system = t->x->heap[heap->id].kind == HEAP_OF_PAGES;
	r->alloc.fd = (uint32_t)n;
	return t->mem.write(&t->mem, t->arg[2], r->bytes, r->out);
}

/* ---- SYNC, which may wait for fences ---- */

struct sync_wait {
	struct exec_wait wait;
	struct trap t;
	bool over;  /* answered already */
	bool found; /* while it is being sent */
};

static void sync_done(void *arg, const struct fhc_reply *reply)
{
	struct sync_wait *w = arg;

	int64_t result = reply->err;

	if (!w->over) {
		exec_wait_end(&w->wait);
		if (result == -ECONNRESET)
			result = exec_join_wait(&w->t, -EIO);
		if (result != TRAP_ANSWERED)
			exec_answer(w->wait.x, w->wait.id, result);
	}
	free(w);
}

/* The request stays under way; its reply finds that nobody wants it. */
static void sync_stop(struct exec_wait *wait, int why)
{
	struct sync_wait *w = (struct sync_wait *)wait;

	w->over = true;
	exec_wait_end(wait);
	if (why == -EINTR)
		exec_answer(wait->x, wait->id, -EXEC_RESTARTSYS);
}

static int64_t sync_buffer(struct trap *t, struct exec_file *file, uint64_t flags)
{
	struct fhc_request r = {.op = FHC_SYNC, .flags = flags, .fd = -1, .fd2 = -1};
	struct exec_proc *proc = exec_proc_of(t);
	struct sync_wait *w;
	int err = proc ? exec_proc_use(proc, file, (int)t->arg[0]) : -EIO;

	if (err)
		return err;
	r.id = file->there;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->t = *t;
	exec_wait_begin(t, &w->wait, INT64_MAX, sync_stop);
	while ((err = fhc_send(proc->c, &r, sync_done, w)) == -EAGAIN)
		if (fhc_dispatch(proc->c) < 0)
			break;
	if (!err)
		return TRAP_ANSWERED;
	exec_wait_end(&w->wait);
	free(w);
	return err == -ECONNRESET || err == -EAGAIN ? -ECONNRESET : -EIO;
}

/* ---- all ---- */

static int64_t set_name(struct trap *t, struct exec_file *file, const char *name)
{
	struct exec_proc *proc = exec_proc_of(t);
	int err = proc ? exec_proc_use(proc, file, (int)t->arg[0]) : -EIO;

	if (!err)
		err = fhc_set_name(proc->c, file->there, name);
	if (err)
		return err;
	file->named = true;
	snprintf(file->name, sizeof(file->name), "%s", name);
	return 0;
}

/* Nothing here reports deadlines: sw_sync says so of a point that has none. */
static int64_t get_deadline(struct trap *t, const struct exec_ioctl *r)
{
	const struct exec_file *fence = exec_file_of(t, r->deadline.fence);

	return fence && fence->kind == EXEC_FENCE ? -ENOENT : -EINVAL;
}

static int64_t ask(struct trap *t, struct exec_file *file, struct exec_ioctl *r)
{
	switch (r->ask) {
	case EXEC_ASK_ALLOC:
		return alloc(t, file, r);
	case EXEC_ASK_CREATE:
		return exec_udmabuf_create(t, r);
	case EXEC_ASK_SYNC:
		return sync_buffer(t, file, r->sync.flags);
	case EXEC_ASK_SET_NAME:
		return set_name(t, file, r->name);
	case EXEC_ASK_EXPORT:
		return exec_fence_export(t, file, r);
	case EXEC_ASK_IMPORT:
		return exec_fence_import(t, file, r);
	case EXEC_ASK_MERGE:
		return exec_fence_merge(t, r);
	case EXEC_ASK_FILE_INFO:
		return exec_fence_info(t, r);
	case EXEC_ASK_NOTHING:
		return 0;
	case EXEC_ASK_POINT:
		return exec_timeline_point(t, file->timeline, &r->point);
	case EXEC_ASK_STEP:
		return exec_timeline_step(file->timeline, r->step);
	case EXEC_ASK_GET_DEADLINE:
		return get_deadline(t, r);
	default:
		return TRAP_CONTINUE;
	}
}

int64_t exec_ioctl(struct trap *t)
{
	static struct exec_ioctl r; /* large; one call at a time */
	struct exec_file *file = exec_file_of(t, (int)t->arg[0]);
	enum exec_kind kind;
	int64_t result;

	if (!file)
		return TRAP_CONTINUE;
	kind = file->kind == EXEC_HEAP && file->id == EXEC_UDMABUF_ID ? EXEC_UDMABUF : file->kind;
	exec_timelines_look(t->x);
	if (t->x->join.since)
		(void)exec_join_now(t->x);
	if (exec_opened_as_path(t, file, (int)t->arg[0]))
		return -EBADF;
	result = exec_ioctl_read(kind, (uint32_t)t->arg[1], t->arg[2], &t->mem, &r);
	if (!result)
		result = ask(t, file, &r);
	if (result == -ECONNRESET)
		result = exec_join_wait(
			t, r.ask == EXEC_ASK_ALLOC || r.ask == EXEC_ASK_CREATE ? -ENOMEM : -EIO);
	return result;
}
