/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A client's connection: who it is, what it sends, the replies that it has not read yet. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "../client/fdmsg.h"
#include "serve_in.h"

#define AT_ONCE	  16 /* messages of one client, before others have their turn */
#define ROOM_FDS  8  /* more beside one message are lost, and the client with them */
#define MAX_QUEUE 4  /* replies; beside those to what waited for fences */

/* ---- sending ---- */

/* 1: it is gone out; 0: no room; negative: there is nobody. */
static int send_reply(struct client *c, const struct proto_reply *r, int fd, const void *data,
		      size_t len)
{
	union fd_room room;
	struct iovec iov[2] = {{(void *)(uintptr_t)r, sizeof(*r)}, {(void *)(uintptr_t)data, len}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = len ? 2 : 1};

	fd_beside(&msg, &room, fd);
	while (sendmsg(c->watch.fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		if (errno == EINTR)
			continue;
		if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM)
			return 0;
		return -errno;
	}
	return 1;
}

static bool queue_reply(struct client *c, const struct proto_reply *r, int fd, const void *data,
			size_t len)
{
	struct queued *q = malloc(sizeof(*q) + len);

	if (!q)
		return false;
	q->next = NULL;
	q->reply = *r;
	q->fd = fd;
	q->len = len;
	if (len)
		memcpy(q->data, data, len);
	*c->queue_end = q;
	c->queue_end = &q->next;
	c->nr_queued++;
	return true;
}

/* Who has replies to read is not read from until he has; who is ending is not either. */
static void look_for(struct client *c)
{
	watch_change(&c->watch, c->queue ? EPOLLOUT : c->ending ? 0 : EPOLLIN);
}

void client_reply(struct client *c, struct proto_reply *r, int fd, const void *data, size_t len)
{
	int sent = 0;

	r->magic = PROTO_MAGIC;
	r->nr_fds = fd >= 0;
	if (!r->len)
		r->len = len;
	if (c->dead)
		sent = -EPIPE;
	else if (!c->queue)
		sent = send_reply(c, r, fd, data, len);
	if (sent == -ETOOMANYREFS) {
		/* So many descriptors are on their way to clients that do not read. */
		close(fd);
		client_error(c, r->seq, -EMFILE);
		return;
	}
	if (!sent && queue_reply(c, r, fd, data, len)) {
		look_for(c);
		return;
	}
	if (fd >= 0)
		close(fd);
	if (sent <= 0 && !c->dead)
		client_end(c);
}

void client_error(struct client *c, uint64_t seq, int err)
{
	struct proto_reply r = {.seq = seq, .err = err};

	client_reply(c, &r, -1, NULL, 0);
}

static void drop_queue(struct client *c)
{
	while (c->queue) {
		struct queued *q = c->queue;

		c->queue = q->next;
		if (q->fd >= 0)
			close(q->fd);
		free(q);
	}
	c->queue_end = &c->queue;
	c->nr_queued = 0;
}

static void flush_queue(struct client *c)
{
	while (c->queue) {
		struct queued *q = c->queue;
		int sent = send_reply(c, &q->reply, q->fd, q->data, q->len);

		if (!sent)
			return;
		if (sent < 0) {
			client_end(c);
			return;
		}
		c->queue = q->next;
		if (!c->queue)
			c->queue_end = &c->queue;
		c->nr_queued--;
		if (q->fd >= 0)
			close(q->fd);
		free(q);
	}
	if (c->ending)
		client_end(c);
	else
		look_for(c);
}

/* ---- the end ---- */

void client_end(struct client *c)
{
	struct server *s = c->s;

	if (c->dead)
		return;
	c->dead = true;
	watch_end(&c->watch);
	drop_queue(c);
	fences_forget_client(c);
	buffers_let_go(c);
	if (c->holder)
		dma_holder_destroy(c->holder);
	c->holder = NULL;
	*c->pprev = c->next;
	if (c->next)
		c->next->pprev = c->pprev;
	s->nr_clients--;
	s->said_full = false;
	server_bury(s, c);
}

static const char *client_name(const struct client *c)
{
	return *c->name ? c->name : "-";
}

void client_drop(struct client *c, const char *why)
{
	server_log(c->s, "client %s (pid %" PRId64 ") is cut off: %s", client_name(c),
		   c->pid ? c->pid : c->peer, why);
	client_end(c);
}

/* ---- receiving ---- */

static unsigned int take_fds(struct msghdr *msg, int *fd)
{
	unsigned int nr = 0;

	for (struct cmsghdr *h = CMSG_FIRSTHDR(msg); h; h = CMSG_NXTHDR(msg, h)) {
		size_t n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n && nr < ROOM_FDS; i++)
			memcpy(&fd[nr++], CMSG_DATA(h) + i * sizeof(int), sizeof(int));
	}
	return nr;
}

static void receive(struct client *c, const char *packet, size_t len, int *fd, unsigned int nr_fds)
{
	struct message m = {.nr_fds = nr_fds};
	int err;
	const char *wrong = message_check(packet, len, nr_fds, c->holder, &err);
	char why[160];

	if (!wrong) {
		memcpy(&m.r, packet, sizeof(m.r));
		memcpy(m.path, packet + sizeof(m.r), len - sizeof(m.r));
		for (unsigned int i = 0; i < PROTO_FDS; i++)
			m.fd[i] = i < nr_fds ? fd[i] : -1;
		c->s->served++;
		message_serve(c, &m);
	} else if (err == -EPROTO) {
		client_drop(c, wrong);
	} else {
		memcpy(&m.r, packet, sizeof(m.r));
		snprintf(why, sizeof(why), "%s", wrong);
		client_error(c, m.r.seq, err);
	}
}

/* One message. False: there is none now, or nobody who could send one. */
static bool receive_one(struct client *c)
{
	char packet[sizeof(struct proto_request) + PROTO_PATH];
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(ROOM_FDS * sizeof(int))];
	} control;
	struct iovec iov = {packet, sizeof(packet)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	struct server *s = c->s;
	int fd[ROOM_FDS];
	unsigned int nr;
	ssize_t n = recvmsg(c->watch.fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		client_end(c);
		return false;
	}
	nr = take_fds(&msg, fd);
	if (msg.msg_flags & MSG_CTRUNC) {
		/* Descriptors were lost: too many, or this process may not have one more. */
		if (nr < PROTO_FDS && (size_t)n >= sizeof(struct proto_request))
			client_error(c, ((struct proto_request *)(void *)packet)->seq, -EMFILE);
		else
			client_drop(c, "more descriptors than any message has");
	} else {
		receive(c, packet, (size_t)n, fd, nr);
	}
	for (unsigned int i = 0; i < nr; i++)
		if (fd[i] >= 0)
			closer_close(s->closer, fd[i]);
	return !c->dead;
}

static void client_ready(struct watch *w, uint32_t events)
{
	struct client *c = OF(struct client, watch, w);

	if (events & EPOLLOUT)
		flush_queue(c);
	for (unsigned int i = 0; i < AT_ONCE && !c->dead && !c->queue && !c->ending; i++)
		if (!receive_one(c))
			break;
	/* What it sent before its end has been read above; what it did not read will never be. */
	if (!c->dead && (events & (EPOLLHUP | EPOLLERR)) && (c->queue || c->ending))
		client_end(c);
}

/* ---- the beginning ---- */

static bool in_group(int fd, const struct ucred *peer, gid_t group)
{
	gid_t list[256];
	socklen_t len = sizeof(list);

	if (peer->gid == group)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, list, &len))
		return false;
	for (size_t i = 0; i < len / sizeof(gid_t); i++)
		if (list[i] == group)
			return true;
	return false;
}

static int admit(struct server *s, struct client *c)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(c->watch.fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		return -errno;
	c->peer = peer.pid;
	c->uid = peer.uid;
	if (peer.uid != s->uid && peer.uid != 0 &&
	    (s->o.group < 0 || !in_group(c->watch.fd, &peer, (gid_t)s->o.group))) {
		server_log(s, "user %u (pid %d) is turned away", peer.uid, peer.pid);
		return -EACCES;
	}
	return s->nr_clients > s->o.max_clients ? -EUSERS : 0;
}

int client_create(struct server *s, int fd)
{
	struct client *c = calloc(1, sizeof(*c));
	int err = c ? watch_add(s, &c->watch, fd, EPOLLIN, client_ready) : -ENOMEM;

	if (err) {
		close(fd);
		free(c);
		return err;
	}
	c->s = s;
	c->queue_end = &c->queue;
	c->next = s->clients;
	c->pprev = &s->clients;
	if (c->next)
		c->next->pprev = &c->next;
	s->clients = c;
	s->nr_clients++;
	err = admit(s, c);
	if (err) {
		c->ending = true;
		client_error(c, 0, err);
		if (!c->dead && !c->queue)
			client_end(c);
	}
	return err;
}
