/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Calls that wait for their reply; connecting; fences of this program's own. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "fhc_in.h"

/* The reply that a call waits for. */
struct wait {
	bool done;
	struct fhc_reply reply;
	char *text; /* where data goes, and how much of it */
	size_t room;
};

static void arrived(void *arg, const struct fhc_reply *reply)
{
	struct wait *w = arg;

	w->done = true;
	w->reply = *reply;
	if (w->text && reply->len)
		memcpy(w->text, reply->data, reply->len < w->room ? reply->len : w->room);
}

static int exchange(struct fhc *c, enum proto_op op, const struct fhc_request *r, struct wait *w)
{
	int err;

	while ((err = fhc_post(c, op, r, 0, arrived, w)) == -EAGAIN) {
		struct pollfd p = {.fd = c->fd, .events = POLLIN | POLLOUT};

		(void)poll(&p, 1, -1);
		(void)fhc_dispatch(c);
	}
	while (!err && !w->done)
		err = fhc_take(c, true);
	return w->done ? w->reply.err : err;
}

static int call(struct fhc *c, enum proto_op op, const struct fhc_request *r, struct wait *w)
{
	int err = fhc_again(c);

	return err ? err : exchange(c, op, r, w);
}

/* ---- connecting ---- */

static int hello(struct fhc *c)
{
	struct fhc_request r = {
		.id = (uint64_t)c->pid, .n = PROTO_VERSION, .name = c->name, .fd = -1, .fd2 = -1};
	struct wait w = {.done = false};
	int err = exchange(c, PROTO_HELLO, &r, &w);

	/* Who is refused for what he is, or because there are too many, is told so before he has said anything. */
	if (err == -ECONNRESET && c->in.reply.magic == PROTO_MAGIC && c->in.reply.err < 0)
		return c->in.reply.err;
	return err;
}

int fhc_dial(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int err, fd;

	if (strlen(path) >= sizeof(a.sun_path))
		return -ENAMETOOLONG;
	memcpy(a.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	while (connect(fd, (const struct sockaddr *)&a, sizeof(a))) {
		if (errno == EINTR)
			continue;
		err = -errno;
		close(fd);
		return err == -EPROTOTYPE ? -EPROTO : err;
	}
	return fd;
}

static char *default_path(void)
{
	const char *path = getenv("FREEHOLD_SOCKET"), *dir = getenv("XDG_RUNTIME_DIR");
	char *all;

	if (path && *path)
		return strdup(path);
	return asprintf(&all, "%s/freehold.sock", dir && *dir ? dir : "/run") < 0 ? NULL : all;
}

static struct fhc *create(int64_t pid, const char *name)
{
	struct fhc *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->fd = -1;
	c->pid = pid;
	c->pending_end = &c->pending;
	snprintf(c->name, sizeof(c->name), "%s", name ? name : "");
	return c;
}

int fhc_connect_fd(int fd, int64_t pid, const char *name, struct fhc **out)
{
	struct fhc *c = create(pid, name);
	int err;

	*out = NULL;
	if (!c) {
		close(fd);
		return -ENOMEM;
	}
	c->fd = fd;
	err = hello(c);
	if (err)
		fhc_close(c);
	else
		*out = c;
	return err;
}

int fhc_connect(const char *path, const char *name, struct fhc **out)
{
	char *copy = path ? strdup(path) : default_path();
	int err, fd = copy ? fhc_dial(copy) : -ENOMEM;

	*out = NULL;
	err = fd < 0 ? fd : fhc_connect_fd(fd, 0, name, out);
	if (err)
		free(copy);
	else
		(*out)->path = copy;
	return err;
}

/* Counts that its predecessor had. */
static void show_wrote(struct fhc *c, const struct fhc_kept *k)
{
	struct fhc_request r = {.id = k->id, .size = k->wrote.bytes, .n = k->wrote.how, .fd = -1};

	if (k->there && k->wrote.how)
		(void)fhc_post_silent(c, PROTO_WRITTEN, &r);
}

/* What the server has no room for, or takes for none of its own, is known to it no more; the bytes are this side's still. */
static void show_kept(struct fhc *c)
{
	for (struct fhc_kept *k = c->kept; k && c->fd >= 0; k = k->next) {
		struct fhc_request r = {.name = k->heap, .fd = k->fd, .fd2 = -1};
		struct wait w = {.done = false};

		k->there = exchange(c, PROTO_RECLAIM, &r, &w) ? 0 : w.reply.buf.id;
		show_wrote(c, k);
	}
}

int fhc_again(struct fhc *c)
{
	int err;

	if (c->fd >= 0)
		return 0;
	if (!c->path)
		return -ECONNRESET;
	err = fhc_dial(c->path);
	if (err < 0)
		return err;
	c->fd = err;
	err = hello(c);
	if (err && c->fd >= 0) {
		close(c->fd);
		c->fd = -1;
	}
	if (!err)
		show_kept(c);
	return err ? err : c->fd < 0 ? -ECONNRESET : 0;
}

void fhc_close(struct fhc *c)
{
	if (!c)
		return;
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	while (c->pending) {
		struct fhc_pending *p = c->pending;
		struct fhc_reply reply = {.err = -ECANCELED, .buf.fd = -1};

		c->pending = p->next;
		if (p->done)
			p->done(p->arg, &reply);
		free(p);
	}
	while (c->kept)
		fhc_forget(c, c->kept->id);
	fhc_end_maps(c);
	free(c->path);
	free(c);
}

int fhc_fd(const struct fhc *c)
{
	return c->fd;
}

void fhc_keep(struct fhc *c, bool on)
{
	c->keep = on;
}

/* ---- buffers ---- */

int fhc_heap_nth(struct fhc *c, unsigned int n, struct fhc_heap *heap)
{
	struct fhc_request r = {.n = n, .fd = -1, .fd2 = -1};
	struct wait w = {.done = false};
	int err = call(c, PROTO_HEAP, &r, &w);

	if (!err)
		*heap = w.reply.heap;
	return err;
}

int fhc_alloc(struct fhc *c, const char *heap, uint64_t len, int fd_flags, struct fhc_buffer *buf)
{
	struct fhc_request r = {
		.name = heap, .size = len, .flags = (uint64_t)fd_flags, .fd = -1, .fd2 = -1};
	struct wait w = {.done = false};
	int err = call(c, PROTO_ALLOC, &r, &w);

	if (err)
		return err;
	if (!(fd_flags & O_CLOEXEC))
		(void)fcntl(w.reply.buf.fd, F_SETFD, 0);
	*buf = w.reply.buf;
	return 0;
}

int fhc_import(struct fhc *c, int fd, struct fhc_buffer *buf)
{
	struct fhc_request r = {.fd = fd, .fd2 = -1};
	struct wait w = {.done = false};
	int err = fd < 0 ? -EBADF : call(c, PROTO_IMPORT, &r, &w);

	if (err)
		return err;
	*buf = (struct fhc_buffer){fd, w.reply.buf.id, w.reply.buf.size};
	if (c->keep)
		fhc_remember(c, buf->id, fd, w.reply.heap.name);
	return 0;
}

int fhc_offer(struct fhc *c, const char *exp_name, int fd, struct fhc_buffer *buf)
{
	struct fhc_request r = {.name = exp_name, .fd = fd, .fd2 = -1};
	struct wait w = {.done = false};
	int err = call(c, PROTO_OFFER, &r, &w);

	if (!err)
		*buf = (struct fhc_buffer){fd, w.reply.buf.id, w.reply.buf.size};
	return err;
}

int fhc_free(struct fhc *c, uint64_t id)
{
	struct fhc_request r = {.id = id, .fd = -1, .fd2 = -1};
	struct wait w = {.done = false};
	int err = call(c, PROTO_FREE, &r, &w);

	fhc_forget(c, id);
	return err;
}

/* Closed first, the server finds at once that nobody has it. */
int fhc_release(struct fhc *c, struct fhc_buffer *buf)
{
	struct fhc_request r = {.id = buf->id, .fd = -1, .fd2 = -1};
	int err;

	if (buf->fd >= 0)
		close(buf->fd);
	buf->fd = -1;
	/* Its number over there is looked up when the request is built, and then forgotten. */
	err = fhc_post_silent(c, PROTO_FREE, &r);
	fhc_forget(c, buf->id);
	return err == -ECONNRESET ? 0 : err; /* without a server nobody counts it */
}

int fhc_get_info(struct fhc *c, uint64_t id, struct fhc_info *info)
{
	struct fhc_request r = {.id = id, .fd = -1, .fd2 = -1};
	struct wait w = {.done = false};
	int err = call(c, PROTO_INFO, &r, &w);

	if (!err)
		*info = w.reply.info;
	return err;
}

int fhc_set_name(struct fhc *c, uint64_t id, const char *name)
{
	struct fhc_request r = {.id = id, .name = name, .fd = -1, .fd2 = -1};
	struct wait w = {.done = false};

	return call(c, PROTO_SET_NAME, &r, &w);
}

int fhc_read(struct fhc *c, const char *path, char *buf, size_t size, size_t *len)
{
	struct fhc_request r = {.name = path, .fd = -1, .fd2 = -1};
	struct wait w = {.text = buf, .room = size};
	int err = call(c, PROTO_READ, &r, &w);

	if (!err)
		*len = w.reply.len;
	return err;
}

/* ---- fences ---- */

int fhc_sync(struct fhc *c, uint64_t id, uint64_t flags)
{
	struct fhc_request r = {.id = id, .flags = flags, .fd = -1, .fd2 = -1};
	struct wait w = {.done = false};

	return call(c, PROTO_SYNC, &r, &w);
}

int fhc_written(struct fhc *c, uint64_t id, uint64_t *bytes)
{
	struct fhc_request r = {.id = id, .fd = -1, .fd2 = -1};
	struct wait w = {.done = false};
	int err = call(c, PROTO_WRITTEN, &r, &w);

	if (!err)
		*bytes = w.reply.written;
	return err;
}

int fhc_get_usage(struct fhc *c, struct fhc_usage *usage)
{
	struct fhc_request r = {.fd = -1, .fd2 = -1};
	struct wait w = {.done = false};
	int err = call(c, PROTO_USAGE, &r, &w);

	if (!err)
		*usage = w.reply.usage;
	return err;
}

static int call_for_fd(struct fhc *c, enum proto_op op, const struct fhc_request *r, int *fd)
{
	struct wait w = {.done = false};
	int err = call(c, op, r, &w);

	if (!err)
		*fd = w.reply.buf.fd;
	return err;
}

int fhc_export(struct fhc *c, uint64_t id, int fd_flags, int *fd)
{
	struct fhc_request r = {.id = id, .flags = (uint64_t)fd_flags, .fd = -1, .fd2 = -1};
	int err = call_for_fd(c, PROTO_EXPORT, &r, fd);

	if (!err && !(fd_flags & O_CLOEXEC))
		(void)fcntl(*fd, F_SETFD, 0);
	return err;
}

int fhc_export_sync_file(struct fhc *c, uint64_t id, uint32_t flags, int *fd)
{
	struct fhc_request r = {.id = id, .flags = flags, .fd = -1, .fd2 = -1};

	return call_for_fd(c, PROTO_EXPORT_SYNC, &r, fd);
}

int fhc_import_sync_file(struct fhc *c, uint64_t id, uint32_t flags, int fd)
{
	struct fhc_request r = {.id = id, .flags = flags, .fd = fd, .fd2 = -1};
	struct wait w = {.done = false};

	return fd < 0 ? -EBADF : call(c, PROTO_IMPORT_SYNC, &r, &w);
}

int fhc_sync_merge(struct fhc *c, const char *name, int fd1, int fd2, int *fd)
{
	struct fhc_request r = {.name = name, .fd = fd1, .fd2 = fd2};

	return fd1 < 0 || fd2 < 0 ? -EBADF : call_for_fd(c, PROTO_MERGE, &r, fd);
}

int fhc_fence(int *fence, int *signal)
{
	int end[2];

	if (pipe2(end, O_CLOEXEC))
		return -errno;
	*fence = end[0];
	*signal = end[1];
	return 0;
}

/* Nobody may be left to read it; the program is not to die of that, nor lose a SIGPIPE that is somebody else's. */
void fhc_signal(int signal, int error)
{
	sigset_t broken, waits, old;
	int32_t e = error < 0 ? error : 0;
	bool before;

	sigemptyset(&broken);
	sigaddset(&broken, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &broken, &old);
	sigpending(&waits);
	before = sigismember(&waits, SIGPIPE);
	if (write(signal, &e, sizeof(e)) < 0 && errno == EPIPE && !before)
		while (sigtimedwait(&broken, NULL, &(struct timespec){0, 0}) < 0 && errno == EINTR)
			;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	close(signal);
}
