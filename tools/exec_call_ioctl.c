/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* ioctl() of a heap, a buffer, a sync file or a timeline: reads it, and does it through the server. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include "exec.h"
#include "exec_fence.h"
#include "exec_wait.h"

#define HEAP_OF_PAGES 0 /* DMA_HEAP_SYSTEM of <freehold/heap.h> */

/* ---- heaps ---- */

/* As in Linux the number stands in the structure before the descriptor is there, and where it cannot be written there is no buffer. */
static int64_t alloc(struct trap *t, const struct exec_file *heap, struct exec_ioctl *r)
{
	struct exec_proc *proc = exec_proc_of(t);
	struct exec_file *file;
	struct fhc_buffer buf;
	int n, err;

	if (!proc)
		return -ENOMEM;
	err = fhc_alloc(proc->c, t->x->heap[heap->id].name, r->alloc.len,
			(int)(r->alloc.fd_flags | O_CLOEXEC), &buf);
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
	file->id = buf.id;
	file->size = buf.size;
	exec_proc_hold(proc, buf.id);
	file->system = t->x->heap[heap->id].kind == HEAP_OF_PAGES;
	r->alloc.fd = (uint32_t)n;
	return t->mem.write(&t->mem, t->arg[2], r->bytes, r->out);
}

/* ---- SYNC, which may wait for fences ---- */

struct sync_wait {
	struct exec_wait wait;
	bool over;  /* answered already */
	bool found; /* while it is being sent */
};

static void sync_done(void *arg, const struct fhc_reply *reply)
{
	struct sync_wait *w = arg;

	if (!w->over) {
		exec_wait_end(&w->wait);
		exec_answer(w->wait.x, w->wait.id, reply->err);
	}
	free(w);
}

/* The request stays under way; its reply finds that nobody wants it. 512 is what the kernel calls ERESTARTSYS: it has the call
 * repeated, or -EINTR returned, as the handler of the signal wants it. */
static void sync_stop(struct exec_wait *wait, int why)
{
	struct sync_wait *w = (struct sync_wait *)wait;

	w->over = true;
	exec_wait_end(wait);
	if (why == -EINTR)
		exec_answer(wait->x, wait->id, -512);
}

static int64_t sync_buffer(struct trap *t, const struct exec_file *file, uint64_t flags)
{
	struct fhc_request r = {
		.op = FHC_SYNC, .id = file->id, .flags = flags, .fd = -1, .fd2 = -1};
	struct exec_proc *proc = exec_proc_of(t);
	struct sync_wait *w;
	int err = proc ? exec_proc_use(proc, file->id, (int)t->arg[0]) : -EIO;

	if (err)
		return err;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	exec_wait_begin(t, &w->wait, INT64_MAX, sync_stop);
	while ((err = fhc_send(proc->c, &r, sync_done, w)) == -EAGAIN)
		if (fhc_dispatch(proc->c) < 0)
			break;
	if (!err)
		return TRAP_ANSWERED;
	exec_wait_end(&w->wait);
	free(w);
	return -EIO;
}

/* ---- all ---- */

static int64_t set_name(struct trap *t, struct exec_file *file, const char *name)
{
	struct exec_proc *proc = exec_proc_of(t);
	int err = proc ? exec_proc_use(proc, file->id, (int)t->arg[0]) : -EIO;

	if (!err)
		err = fhc_set_name(proc->c, file->id, name);
	file->named |= !err;
	return err;
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
	if (exec_opened_as_path(t, file, (int)t->arg[0]))
		return -EBADF;
	result = exec_ioctl_read(kind, (uint32_t)t->arg[1], t->arg[2], &t->mem, &r);
	return result ? result : ask(t, file, &r);
}
