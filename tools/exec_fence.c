/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* sync_file ioctls: a fence is a descriptor that becomes readable; which fences a buffer has is the server's to know. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "exec_epoll.h"
#include "exec_fence.h"

#define OWN_DRIVER "freehold" /* what the server calls itself */

/* ---- in and out of the program ---- */

/* Where the number cannot be written there is no descriptor either: so that is tried first. */
int64_t exec_fence_give(struct trap *t, int fd, const struct exec_fence_out *out)
{
	int n;

	if (fd < 0)
		return fd;
	if (t->mem.write(&t->mem, t->arg[2], out->arg, out->size)) {
		close(fd);
		return -EFAULT;
	}
	if (!exec_files_add(t->x, fd, EXEC_FENCE)) {
		close(fd);
		return -ENOMEM;
	}
	/* Who reads it gets an error at once, if not the right one. */
	fcntl(fd, F_SETFL, O_NONBLOCK);
	n = trap_give(t, fd, O_CLOEXEC);
	close(fd);
	if (n < 0)
		return n;
	*out->fd_at = n;
	t->x->fences_given = true;
	return t->mem.write(&t->mem, t->arg[2], out->arg, out->size) ? -EFAULT : 0;
}

/* A sync_file of the program as a descriptor of ours; -EINVAL: it is none. Of a pipe that is not known the server decides. */
static int fence_of(struct trap *t, struct exec_proc *proc, int fd)
{
	const struct exec_file *file = exec_file_of(t, fd);
	struct stat st;
	int own;

	if (file && file->kind != EXEC_FENCE)
		return -EINVAL;
	own = exec_proc_getfd(proc, fd);
	if (own < 0)
		return -EINVAL;
	if (!file && (!t->x->joined || fstat(own, &st) || !S_ISFIFO(st.st_mode))) {
		close(own);
		return -EINVAL;
	}
	return own;
}

/* ---- fences that are not signalled yet ---- */

struct exec_pending {
	struct exec_source source;
	struct exec_pending *next;
	struct exec *x;
	int fd;
	dev_t dev; /* of its buffer */
	ino_t ino;
	uint32_t flags;
};

static void signalled(struct exec_source *source, uint32_t events)
{
	struct exec_pending *p = (struct exec_pending *)source, **at = &p->x->pending;

	(void)events;
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	p->x->fences--;
	exec_unwatch(p->x, p->fd);
	close(p->fd);
	free(p);
}

/* While any is pending, polls are looked at. fd becomes ours. */
static void keep_pending(struct exec *x, int fd, const struct exec_file *file, uint32_t flags)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	struct exec_pending *p = poll(&poll_fd, 1, 0) == 0 ? calloc(1, sizeof(*p)) : NULL;

	if (p) {
		*p = (struct exec_pending){{signalled}, x->pending, x,	  fd,
					   file->dev,	file->ino,  flags};
		if (!exec_watch(x, fd, &p->source)) {
			x->pending = p;
			x->fences++;
			return;
		}
	}
	free(p);
	close(fd);
}

void exec_fences_again(struct exec_proc *proc, const struct exec_file *file)
{
	bool any = false;

	for (const struct exec_pending *p = proc->x->pending; p; p = p->next)
		if (p->ino == file->ino && p->dev == file->dev)
			any |= !fhc_import_sync_file(proc->c, file->there, p->flags, p->fd);
	if (any)
		exec_epoll_fence(proc, file);
}

/* ---- a buffer's ---- */

int64_t exec_fence_export(struct trap *t, struct exec_file *file, struct exec_ioctl *r)
{
	struct exec_fence_out out = {&r->export, sizeof(r->export), &r->export.fd};
	struct exec_proc *proc = exec_proc_of(t);
	int fd = -1, err = proc ? exec_proc_use(proc, file, (int)t->arg[0]) : -EIO;

	if (!err)
		err = fhc_export_sync_file(proc->c, file->there, r->export.flags, &fd);
	return err ? err : exec_fence_give(t, fd, &out);
}

int64_t exec_fence_import(struct trap *t, struct exec_file *file, struct exec_ioctl *r)
{
	struct exec_proc *proc = exec_proc_of(t);
	int fd, err = proc ? exec_proc_use(proc, file, (int)t->arg[0]) : -EIO;

	if (err)
		return err;
	fd = fence_of(t, proc, r->import.fd);
	if (fd < 0)
		return -EINVAL;
	err = fhc_import_sync_file(proc->c, file->there, r->import.flags, fd);
	if (err) {
		close(fd);
		return err;
	}
	keep_pending(t->x, fd, file, r->import.flags);
	exec_epoll_fence(proc, file);
	return 0;
}

/* ---- a sync_file's ---- */

int64_t exec_fence_merge(struct trap *t, struct exec_ioctl *r)
{
	struct exec_fence_out out = {&r->merge, sizeof(r->merge), &r->merge.fence};
	struct exec_proc *proc = exec_proc_of(t);
	int one, two, fd = -1, err;

	if (!proc)
		return -EIO;
	two = fence_of(t, proc, r->merge.fd2);
	if (two < 0)
		return -ENOENT;
	one = fence_of(t, proc, (int)t->arg[0]);
	r->merge.name[sizeof(r->merge.name) - 1] = '\0';
	err = one < 0 ? -EBADF : exec_points_merge(t, proc, r, &(struct exec_pair){one, two}, &fd);
	if (one >= 0)
		close(one);
	close(two);
	return err ? err : exec_fence_give(t, fd, &out);
}

/* The reply is the server's struct sync_file_info with its fences behind it. */
struct info_reply {
	bool there;
	int err;
	size_t len;
	struct sync_file_info *data;
};

static void has_info(void *arg, const struct fhc_reply *reply)
{
	struct info_reply *to = arg;

	to->there = true;
	to->err = reply->err;
	if (reply->err)
		return;
	to->data = malloc(reply->len);
	to->len = reply->len;
	if (!to->data || reply->len < sizeof(*to->data))
		to->err = -ENOMEM;
	else
		memcpy(to->data, reply->data, reply->len);
}

static int ask_info(struct fhc *c, int fd, struct info_reply *to)
{
	struct fhc_request r = {.op = FHC_SYNC_INFO, .fd = fd, .fd2 = -1};
	struct pollfd p = {.fd = fhc_fd(c), .events = POLLIN};
	int err = fhc_send(c, &r, has_info, to);

	while (!err && !to->there) {
		poll(&p, 1, -1);
		if (fhc_dispatch(c) < 0)
			break;
	}
	return err ? err : to->there ? to->err : -EIO;
}

/* Fences of programs are points of sw_sync's timelines here, and all that is signalled for ever is one fence, as in Linux. */
static void linux_names(struct sync_file_info *info, uint32_t n)
{
	struct sync_fence_info *fence = (struct sync_fence_info *)(info + 1);
	const size_t own = strlen(OWN_DRIVER), theirs = strlen("sw_sync");

	for (uint32_t i = 0; i < n; i++)
		if (!strcmp(fence[i].driver_name, OWN_DRIVER))
			snprintf(fence[i].driver_name, sizeof(fence[i].driver_name), "sw_sync");
	if (!strncmp(info->name, OWN_DRIVER "-", own + 1)) {
		memmove(info->name + theirs, info->name + own, sizeof(info->name) - own);
		memcpy(info->name, "sw_sync", theirs);
	}
	if (!strncmp(info->name, "stub-stub", 9))
		snprintf(info->name, sizeof(info->name), "stub-stub0-0");
}

static int write_info(struct trap *t, struct sync_file_info *to, const struct info_reply *from)
{
	uint32_t have = (uint32_t)((from->len - sizeof(*to)) / sizeof(struct sync_fence_info));
	uint32_t n = from->data->num_fences < have ? from->data->num_fences : have;

	if (to->num_fences && to->num_fences < n)
		return -EINVAL;
	linux_names(from->data, n);
	if (to->num_fences && t->mem.write(&t->mem, to->sync_fence_info, from->data + 1,
					   n * sizeof(struct sync_fence_info)))
		return -EFAULT;
	memcpy(to->name, from->data->name, sizeof(to->name));
	to->status = from->data->status;
	to->num_fences = n;
	return t->mem.write(&t->mem, t->arg[2], to, sizeof(*to)) ? -EFAULT : 0;
}

int64_t exec_fence_info(struct trap *t, struct exec_ioctl *r)
{
	struct exec_proc *proc = exec_proc_of(t);
	struct info_reply reply = {.there = false};
	int fd = proc ? fence_of(t, proc, (int)t->arg[0]) : -EIO, err;

	if (fd < 0)
		return -ENOTTY;
	err = ask_info(proc->c, fd, &reply);
	close(fd);
	if (!err)
		err = write_info(t, &r->info, &reply);
	free(reply.data);
	return err;
}
