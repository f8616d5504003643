/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The connection to a server: requests out, replies in, and what is shown to a server that has restarted. */
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include "fhc_in.h"

static void copy_name(char to[FHC_NAME_MAX], const char from[PROTO_NAME])
{
	memcpy(to, from, FHC_NAME_MAX);
	to[FHC_NAME_MAX - 1] = '\0';
}

/* ---- what was kept ---- */

void fhc_remember(struct fhc *c, uint64_t id, int fd, const char *heap)
{
	struct fhc_kept *k = malloc(sizeof(*k));

	if (!k)
		return; /* it is not kept: the price is paid at a restart only */
	k->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (k->fd < 0) {
		free(k);
		return;
	}
	k->id = k->there = id;
	k->wrote = (struct fhc_wrote){.bytes = 0};
	copy_name(k->heap, heap);
	k->next = c->kept;
	c->kept = k;
}

void fhc_forget(struct fhc *c, uint64_t id)
{
	for (struct fhc_kept **at = &c->kept; *at; at = &(*at)->next) {
		struct fhc_kept *k = *at;

		if (k->id != id)
			continue;
		*at = k->next;
		fhc_remember_wrote(c, id, &k->wrote); /* if it is kept again */
		close(k->fd);
		free(k);
		return;
	}
}

void fhc_remember_wrote(struct fhc *c, uint64_t id, const struct fhc_wrote *wrote)
{
	for (struct fhc_kept *k = c->kept; k; k = k->next) {
		if (k->id != id)
			continue;
		k->wrote.bytes += wrote->bytes + wrote->whole;
		if (wrote->how > k->wrote.how)
			k->wrote.how = wrote->how;
		return;
	}
}

/* The number that the server of now has for it. */
static uint64_t there(const struct fhc *c, uint64_t id)
{
	for (const struct fhc_kept *k = c->kept; k; k = k->next)
		if (k->id == id)
			return k->there;
	return id;
}

/* ---- replies ---- */

static void answer(struct fhc_pending *p, const struct fhc_reply *reply)
{
	if (p->done)
		p->done(p->arg, reply);
	free(p);
}

static void end_pending(struct fhc *c, int err)
{
	struct fhc_pending *p = c->pending;
	struct fhc_reply reply = {.err = err, .buf.fd = -1};

	c->pending = NULL;
	c->pending_end = &c->pending;
	while (p) {
		struct fhc_pending *next = p->next;

		answer(p, &reply);
		p = next;
	}
}

static int lost(struct fhc *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	end_pending(c, -ECONNRESET);
	return -ECONNRESET;
}

static struct fhc_pending *take_pending(struct fhc *c, uint64_t seq)
{
	for (struct fhc_pending **at = &c->pending; *at; at = &(*at)->next) {
		struct fhc_pending *p = *at;

		if (p->seq != seq)
			continue;
		*at = p->next;
		if (!*at)
			c->pending_end = at;
		return p;
	}
	return NULL;
}

static void heap_of(struct fhc_heap *heap, const struct proto_reply *r)
{
	copy_name(heap->name, r->name);
	heap->total = r->size;
	heap->used = r->used;
	heap->limit = r->limit;
	heap->kind = r->kind;
	heap->traits = r->traits;
}

static void info_of(struct fhc_info *info, const struct proto_reply *r)
{
	info->id = r->id;
	info->size = r->size;
	info->holders = r->kind;
	copy_name(info->name, r->name);
	copy_name(info->exp_name, r->exp_name);
}

/* Calls whoever asked. fd: what came beside the reply; -1: nothing. */
static void deliver(struct fhc *c, struct fhc_pending *p, int fd)
{
	const struct proto_reply *r = &c->in.reply;
	struct fhc_reply reply = {.err = r->err, .buf = {fd, r->id, r->size}};
	void *text = MAP_FAILED;

	if (p->op == PROTO_HEAP || p->op == PROTO_IMPORT)
		heap_of(&reply.heap, r);
	if (p->op == PROTO_INFO) {
		info_of(&reply.info, r);
		reply.info.id = p->id;
	}
	if (p->op == PROTO_WRITTEN)
		reply.written = r->size;
	if (p->op == PROTO_USAGE && !r->err && r->len == sizeof(reply.usage) &&
	    !(r->options & PROTO_IN_FD))
		memcpy(&reply.usage, c->in.bytes + sizeof(*r), sizeof(reply.usage));
	if (!r->err && r->len && !(r->options & PROTO_IN_FD)) {
		reply.data = c->in.bytes + sizeof(*r);
		reply.len = r->len;
	} else if (!r->err && r->len) {
		text = mmap(NULL, r->len, PROT_READ, MAP_PRIVATE, fd, 0);
		if (text == MAP_FAILED) {
			reply.err = -errno;
		} else {
			reply.data = text;
			reply.len = r->len;
		}
		close(fd);
		reply.buf.fd = -1;
	}
	if (!reply.err && c->keep && p->op == PROTO_ALLOC)
		fhc_remember(c, r->id, fd, p->heap);
	answer(p, &reply);
	if (text != MAP_FAILED)
		munmap(text, r->len);
}

/* A packet is a reply, or the server is none. */
static bool well_formed(const struct proto_reply *r, size_t n, unsigned int nr_fds)
{
	if (n < sizeof(*r) || r->magic != PROTO_MAGIC || r->nr_fds != nr_fds || r->err > 0)
		return false;
	if (r->options & PROTO_IN_FD)
		return n == sizeof(*r) && nr_fds == 1;
	return r->len == n - sizeof(*r);
}

static ssize_t receive(struct fhc *c, bool wait, int *fd, unsigned int *nr_fds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} control;
	struct iovec iov = {&c->in, sizeof(c->in)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	struct pollfd poller = {.fd = c->fd, .events = POLLIN};
	bool reset = false;
	ssize_t n;

	*fd = -1;
	*nr_fds = 0;
	while ((n = recvmsg(c->fd, &msg, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT))) < 0) {
		if (errno == EAGAIN && wait)
			(void)poll(&poller, 1, -1);
		else if (errno == ECONNRESET && !reset)
			reset = true; /* said once, before what the other end sent last */
		else if (errno != EINTR)
			return -errno;
		msg.msg_controllen = sizeof(control);
	}
	for (struct cmsghdr *h = CMSG_FIRSTHDR(&msg); h; h = CMSG_NXTHDR(&msg, h)) {
		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		memcpy(fd, CMSG_DATA(h), sizeof(int));
		*nr_fds += (unsigned int)((h->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	}
	if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		*nr_fds = 0; /* a reply without the descriptor that it says it has */
	return n;
}

int fhc_take(struct fhc *c, bool wait)
{
	struct proto_reply *r = &c->in.reply;
	struct fhc_pending *p;
	unsigned int nr_fds;
	int fd;
	ssize_t n;

	if (c->fd < 0)
		return -ECONNRESET;
	n = receive(c, wait, &fd, &nr_fds);
	if (n == -EAGAIN)
		return -EAGAIN;
	if (n <= 0)
		return lost(c);
	if ((size_t)n >= sizeof(*r) && r->magic == PROTO_MAGIC && r->nr_fds == 1 && !nr_fds) {
		/* This process may not have one more descriptor; the server's side has ended by the same. */
		r->err = -EMFILE;
		r->nr_fds = 0;
		r->options = 0;
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	if (!well_formed(r, (size_t)n, nr_fds)) {
		if (fd >= 0)
			close(fd);
		return lost(c);
	}
	p = take_pending(c, r->seq);
	if (p)
		deliver(c, p, fd);
	else if (fd >= 0)
		close(fd);
	return 0;
}

int fhc_dispatch(struct fhc *c)
{
	int n = 0, err;

	while (!(err = fhc_take(c, false)))
		n++;
	return err == -EAGAIN ? n : err;
}

/* ---- requests ---- */

static int send_packet(struct fhc *c, const struct proto_request *q, const int *fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(PROTO_FDS * sizeof(int))];
	} control;
	struct iovec iov = {(void *)(uintptr_t)q, sizeof(*q)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (q->nr_fds) {
		memset(&control, 0, sizeof(control));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(q->nr_fds * sizeof(int));
		memcpy(CMSG_DATA(&control.align), fd, q->nr_fds * sizeof(int));
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(q->nr_fds * sizeof(int));
	}
	while (sendmsg(c->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		if (errno == EAGAIN || errno == EBADF || errno == ENOMEM || errno == ETOOMANYREFS)
			return -errno;
		if (errno == EPIPE && q->op == PROTO_HELLO)
			return 0; /* cut off already; why can still be read */
		if (errno != EINTR)
			return lost(c);
	}
	return 0;
}

static int build(const struct fhc *c, struct proto_request *q, enum proto_op op,
		 const struct fhc_request *r)
{
	size_t len = r->name ? strlen(r->name) : 0;

	if (len >= PROTO_NAME)
		return op == PROTO_ALLOC || op == PROTO_READ ? -ENOENT : -EINVAL;
	*q = (struct proto_request){
		.magic = PROTO_MAGIC,
		.op = (uint16_t)op,
		.id = op == PROTO_HELLO || !r->id ? r->id : there(c, r->id),
		.size = r->size,
		.flags = r->flags,
		.n = r->n,
		.nr_fds = r->fd < 0    ? 0
			  : r->fd2 < 0 ? 1
				       : 2,
	};
	if (len)
		memcpy(q->name, r->name, len);
	return 0;
}

/* What was written goes with whatever says that it is, or that no more will be. */
static bool tells(enum proto_op op, uint64_t flags)
{
	return op == PROTO_WRITTEN || op == PROTO_FREE ||
	       (op == PROTO_SYNC && flags & DMA_BUF_SYNC_END && flags & DMA_BUF_SYNC_WRITE);
}

static int send_told(struct fhc *c, struct proto_request *q, const struct fhc_request *r,
		     const int *fd)
{
	struct fhc_wrote wrote = fhc_take_wrote(c, r->id, q->op == PROTO_SYNC);
	int err;

	q->size += wrote.bytes + wrote.whole;
	if (q->n < wrote.how)
		q->n = wrote.how;
	err = send_packet(c, q, fd);
	if (err)
		fhc_untake_wrote(c, r->id, &wrote);
	else
		fhc_remember_wrote(c, r->id, &wrote);
	return err;
}

int fhc_post(struct fhc *c, enum proto_op op, const struct fhc_request *r, uint16_t options,
	     fhc_done *done, void *arg)
{
	struct fhc_pending *p = NULL;
	struct proto_request q;
	int err, fd[PROTO_FDS] = {r->fd, r->fd2};

	if (c->fd < 0)
		return -ECONNRESET;
	err = build(c, &q, op, r);
	if (err)
		return err;
	q.options = options;
	q.seq = ++c->seq;
	if (!(options & PROTO_SILENT)) {
		p = calloc(1, sizeof(*p));
		if (!p)
			return -ENOMEM;
		p->seq = q.seq;
		p->op = op;
		p->id = r->id;
		p->done = done;
		p->arg = arg;
		memcpy(p->heap, q.name, sizeof(p->heap));
	}
	err = c->areas && tells(op, r->flags) ? send_told(c, &q, r, fd) : send_packet(c, &q, fd);
	if (err) {
		free(p);
		return err;
	}
	if (p) {
		*c->pending_end = p;
		c->pending_end = &p->next;
	}
	return 0;
}

int fhc_post_silent(struct fhc *c, enum proto_op op, const struct fhc_request *r)
{
	int err;

	while ((err = fhc_post(c, op, r, PROTO_SILENT, NULL, NULL)) == -EAGAIN) {
		struct pollfd p = {.fd = c->fd, .events = POLLIN | POLLOUT};

		(void)poll(&p, 1, -1);
		(void)fhc_dispatch(c);
	}
	return err;
}

int fhc_send(struct fhc *c, const struct fhc_request *r, fhc_done *done, void *arg)
{
	int err = fhc_again(c);

	if (err)
		return err;
	if ((unsigned int)r->op >= FHC_NR_OPS)
		return -EINVAL;
	return fhc_post(c, PROTO_HEAP + (enum proto_op)r->op, r, 0, done, arg);
}
