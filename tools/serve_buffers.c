/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The server's buffers, and who of its clients holds which. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include "serve_in.h"

#define SALT_SHIFT 40
/* ---- holds ---- */

static struct hold *find_hold(const struct sbuf *b, const struct client *c)
{
	struct hold *h = b->holds;

	while (h && h->client != c)
		h = h->next_of_buf;
	return h;
}

unsigned int buffer_holders(const struct sbuf *b)
{
	unsigned int n = 0;

	for (struct hold *h = b->holds; h; h = h->next_of_buf)
		n++;
	return n;
}

static unsigned int access_of_fd(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 ? 0 : access_of((unsigned int)flags);
}

void buffer_hold(struct hold *h, struct client *c, struct sbuf *b, unsigned int access)
{
	*h = (struct hold){
		.client = c,
		.buf = b,
		.count = 1,
		.access = access,
		.next_of_buf = b->holds,
		.next = c->holds,
		.pprev = &c->holds,
	};
	b->holds = h;
	if (h->next)
		h->next->pprev = &h->next;
	c->holds = h;
	c->nr_holds++;
}

static void end_hold(struct hold *h)
{
	struct hold **at = &h->buf->holds;

	while (*at != h)
		at = &(*at)->next_of_buf;
	*at = h->next_of_buf;
	*h->pprev = h->next;
	if (h->next)
		h->next->pprev = h->pprev;
	h->client->nr_holds--;
	free(h);
}

struct sbuf *buffer_held(struct client *c, uint64_t id, struct hold **hold)
{
	struct hash_link *l = hash_find(&c->s->by_id, id);
	struct sbuf *b = l ? OF(struct sbuf, by_id, l) : NULL;

	*hold = b ? find_hold(b, c) : NULL;
	return *hold ? b : NULL;
}

/* ---- the end of a buffer ---- */

static void drop_from_core(struct hold *h)
{
	for (; h->count; h->count--)
		if (dma_holder_drop(h->client->holder, h->buf->buf))
			server_log(h->client->s,
				   "the machine knows less holders of buffer %" PRIu64
				   " than the server",
				   h->buf->buf->ino);
}

static void unlink_buffer(struct server *s, struct sbuf *b)
{
	closes_forget(s, b);
	hash_del(&s->by_id, &b->by_id);
	hash_del(&s->by_inode, &b->by_inode);
	*b->pprev = b->next;
	if (b->next)
		b->next->pprev = b->pprev;
	s->nr_buffers--;
}

/* Nobody has it. What the inode's watch says from now on is nobody's; it ends with the inode. */
void buffer_end(struct server *s, struct sbuf *b)
{
	fences_forget_buffer(s, b);
	for (struct hold *h = b->holds, *next; h; h = next) {
		next = h->next_of_buf;
		drop_from_core(h);
		end_hold(h);
	}
	unlink_buffer(s, b);
	state_gone(s, b);
	dma_buf_put(b->buf);
	server_bury(s, b);
}

void buffer_free(struct client *c, struct sbuf *b, struct hold *h)
{
	if (dma_holder_drop(c->holder, b->buf))
		server_log(c->s, "client %s does not hold buffer %" PRIu64 ", says the machine",
			   c->name, b->buf->ino);
	if (--h->count)
		return;
	end_hold(h);
	/* Most close their descriptor first; else a later close will tell. */
	if (!closes_look(c->s, b))
		closes_suspect(c->s, b);
}

void buffers_let_go(struct client *c)
{
	for (struct hold *h = c->holds, *next; h; h = next) {
		struct sbuf *b = h->buf;

		next = h->next; /* of another buffer, whatever becomes of this one */
		closes_suspect(c->s, b);
		drop_from_core(h);
		end_hold(h);
		/* Of what a client offered there may never have been another open, whose end would tell. */
		if (!*b->heap)
			(void)closes_look(c->s, b);
	}
}

/* ---- the beginning of one ---- */

uint64_t buffer_id(const struct server *s, const struct dma_buf *buf)
{
	return s->salt << SALT_SHIFT | buf->ino;
}

static uint64_t inode_key(dev_t dev, ino_t ino)
{
	return (uint64_t)ino ^ (uint64_t)dev << 48;
}

/* The machine's own descriptor of a buffer from a heap. */
static int own_fd(struct dma_buf *buf)
{
	int fd = hosted_share_dmabuf(dma_heap_shared(buf));

	return fd >= 0 ? fd : hosted_share_open(dma_heap_shared(buf));
}

int buffer_add(struct server *s, const char *heap, struct dma_buf *buf, int fd, struct sbuf **out)
{
	struct sbuf *b = calloc(1, sizeof(*b));
	struct stat st;

	if (!b || !hash_reserve(&s->by_id) || !hash_reserve(&s->by_inode) ||
	    !hash_reserve(&s->by_wd)) {
		free(b);
		dma_buf_put(buf);
		return -ENOMEM;
	}
	b->buf = buf;
	b->fd = fd;
	b->dmabuf =
		fd >= 0 && dma_heap_shared(buf) && fd == hosted_share_dmabuf(dma_heap_shared(buf));
	if (b->fd < 0 || fstat(b->fd, &st)) {
		int err = b->fd < 0 ? b->fd : -EBADF;

		free(b);
		dma_buf_put(buf);
		return err;
	}
	b->dev = st.st_dev;
	b->ino = st.st_ino;
	hash_add(&s->by_id, &b->by_id, buffer_id(s, buf));
	hash_add(&s->by_inode, &b->by_inode, inode_key(b->dev, b->ino));
	closes_watch(s, b);
	b->next = s->buffers;
	b->pprev = &s->buffers;
	if (b->next)
		b->next->pprev = &b->next;
	s->buffers = b;
	s->nr_buffers++;
	snprintf(b->heap, sizeof(b->heap), "%s", heap);
	state_alloc(s, b);
	*out = b;
	return 0;
}

int buffer_room(struct client *c)
{
	if (c->nr_holds >= c->s->o.max_buffers)
		closes_catch_up(c);
	return c->nr_holds >= c->s->o.max_buffers ? -EDQUOT : 0;
}

int buffer_alloc(struct client *c, const char *heap_name, uint64_t len, int flags, struct sbuf **b,
		 int *fd)
{
	struct server *s = c->s;
	struct dma_heap *heap = dma_heap_find(s->o.m, heap_name);
	struct hold *h;
	struct dma_buf *buf;
	int err;

	if (s->draining)
		return -ESHUTDOWN;
	if (!heap)
		return -ENOENT;
	closes_told(s); /* first: who is refused is counted, and said in the log */
	err = buffer_room(c);
	if (err)
		return err;
	h = malloc(sizeof(*h));
	if (!h)
		return -ENOMEM;
	s->stocked = false;
	err = dma_heap_alloc(heap, len, c->holder, &buf);
	/* Of those without a watch it is asked only when it matters: there a refusal that does not last is counted, too. */
	if ((err == -ENOMEM || err == -EDQUOT) && s->nr_unwatched) {
		closes_catch_up(c);
		err = dma_heap_alloc(heap, len, c->holder, &buf);
	}
	if (err) {
		free(h);
		return err;
	}
	err = dma_heap_shared(buf) ? 0 : -EOPNOTSUPP;
	*fd = err ? -1 : hosted_share_export(dma_heap_shared(buf), flags);
	if (!err)
		err = *fd < 0 ? *fd : buffer_add(s, heap_name, get_dma_buf(buf), own_fd(buf), b);
	if (err) {
		if (*fd >= 0)
			close(*fd);
		*fd = -1;
		if (dma_holder_drop(c->holder, buf))
			server_log(s, "a new buffer is not its maker's, says the machine");
		dma_buf_put(buf);
		free(h);
		return err;
	}
	dma_buf_put(buf);
	buffer_hold(h, c, *b, ACCESS_READ | ACCESS_WRITE);
	return 0;
}

/* One that a driver of the host made is none of ours, but as harmless. */
static bool is_dmabuf(const struct server *s, int fd)
{
	const struct sbuf *b = s->o.dmabufs ? s->buffers : NULL;

	while (b && !b->dmabuf)
		b = b->next;
	return b && hosted_dmabuf_like(fd, b->fd);
}

struct sbuf *buffer_of_fd(struct server *s, int fd)
{
	struct stat st;
	struct hash_link *l;

	if ((fd_kind(fd) != FD_MEMFD && !is_dmabuf(s, fd)) || fstat(fd, &st))
		return NULL;
	for (l = hash_find(&s->by_inode, inode_key(st.st_dev, st.st_ino)); l; l = hash_again(l)) {
		struct sbuf *b = OF(struct sbuf, by_inode, l);

		if (b->dev == st.st_dev && b->ino == st.st_ino)
			return b;
	}
	return NULL;
}

int buffer_import(struct client *c, struct sbuf *b, int fd)
{
	struct hold *h = find_hold(b, c), *more = NULL;
	int err;

	if (h && h->count == UINT32_MAX)
		return -EDQUOT;
	if (!h) {
		if (c->nr_holds >= c->s->o.max_buffers)
			return -EDQUOT;
		more = malloc(sizeof(*more));
		if (!more)
			return -ENOMEM;
	}
	err = dma_holder_add(c->holder, b->buf);
	if (err) {
		free(more);
		return err;
	}
	if (h) {
		h->count++;
		h->access |= access_of_fd(fd);
	} else {
		buffer_hold(more, c, b, access_of_fd(fd));
	}
	return 0;
}

int buffer_reclaim(struct server *s, const char *heap_name, int fd, struct dma_holder *holder,
		   struct sbuf **b)
{
	struct dma_heap *heap = dma_heap_find(s->o.m, heap_name);
	struct dma_buf *buf;
	struct stat st, got;
	char path[40];
	int own, err;

	if (fd_kind(fd) != FD_MEMFD || fstat(fd, &st) || st.st_size <= 0)
		return -EINVAL;
	if (!heap)
		return -ENOENT;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, O_RDWR | O_CLOEXEC);
	if (own < 0)
		return -errno;
	err = hosted_share_adopt(s->o.host, own);
	if (err) {
		close(own);
		return err;
	}
	err = dma_heap_alloc(heap, (uint64_t)st.st_size, holder, &buf);
	(void)!hosted_share_adopt(s->o.host, -1);
	if (err)
		return err;
	/* A heap may have bytes of another kind: then it is not this buffer that it has made. */
	if (!dma_heap_shared(buf) || fstat(hosted_share_fd(dma_heap_shared(buf)), &got) ||
	    got.st_ino != st.st_ino || got.st_dev != st.st_dev)
		err = -EINVAL;
	else
		err = buffer_add(s, heap_name, get_dma_buf(buf), own_fd(buf), b);
	if (err && holder && dma_holder_drop(holder, buf))
		server_log(s, "a buffer taken over is not its holder's, says the machine");
	dma_buf_put(buf);
	return err;
}

int buffer_reclaim_for(struct client *c, const char *heap, int fd, struct sbuf **b)
{
	struct hold *h;
	int err;

	*b = buffer_of_fd(c->s, fd);
	if (*b)
		return buffer_import(c, *b, fd);
	if (c->nr_holds >= c->s->o.max_buffers)
		return -EDQUOT;
	h = malloc(sizeof(*h));
	err = h ? buffer_reclaim(c->s, heap, fd, c->holder, b) : -ENOMEM;
	if (err || !*b)
		free(h);
	else
		buffer_hold(h, c, *b, access_of_fd(fd));
	return err;
}

/* ---- all of them ---- */

static unsigned int wrong_at(char *why, size_t size, unsigned int wrong, const char *what,
			     uint64_t id)
{
	if (!wrong)
		snprintf(why, size, "server: %s (buffer %" PRIu64 ")", what, id);
	return wrong + 1;
}

unsigned int held_check(struct server *s, char *why, size_t size)
{
	unsigned int wrong = 0;
	uint64_t nr = 0, holds = 0, of_clients = 0;

	for (struct sbuf *b = s->buffers; b; b = b->next, nr++) {
		if (hash_find(&s->by_id, buffer_id(s, b->buf)) != &b->by_id)
			wrong = wrong_at(why, size, wrong, "not found by its number", b->buf->ino);
		for (struct hold *h = b->holds; h; h = h->next_of_buf, holds++)
			if (h->buf != b || !h->count || !dma_holder_has(h->client->holder, b->buf))
				wrong = wrong_at(why, size, wrong, "a hold that is none",
						 b->buf->ino);
	}
	for (struct client *c = s->clients; c; c = c->next) {
		unsigned int n = 0;

		for (struct hold *h = c->holds; h; h = h->next)
			n++;
		if (n != c->nr_holds)
			wrong = wrong_at(why, size, wrong, "a client's holds miscounted", 0);
		of_clients += n;
	}
	if (nr != s->nr_buffers || nr != s->by_id.nr || nr != s->by_inode.nr ||
	    nr != s->by_wd.nr + s->nr_unwatched)
		wrong = wrong_at(why, size, wrong, "buffers miscounted", 0);
	if (holds != of_clients)
		wrong = wrong_at(why, size, wrong, "a hold without client or buffer", 0);
	return wrong;
}

void server_list(struct server *s, unsigned int most)
{
	unsigned int n = 0;

	for (struct sbuf *b = s->buffers; b && n < most; b = b->next, n++) {
		const struct hold *h = b->holds;

		server_log(s, "left: buffer %" PRIu64 ", %" PRIu64 " KiB of %s, %s%s", b->buf->ino,
			   b->buf->size >> 10, b->buf->exp_name, h ? "of " : "of nobody known",
			   h ? h->client->name : "");
	}
	if (s->nr_buffers > n)
		server_log(s, "left: %" PRIu64 " more", s->nr_buffers - n);
}

int buffers_create(struct server *s)
{
	if (getrandom(&s->salt, sizeof(s->salt), 0) != (ssize_t)sizeof(s->salt))
		s->salt = (uint64_t)getpid();
	s->salt &= 0x7fffff;
	return closes_create(s);
}

void buffers_destroy(struct server *s)
{
	state_close(s); /* first: who is left lives on, for the next server to find */
	while (s->buffers)
		buffer_end(s, s->buffers);
	closes_destroy(s);
	hash_end(&s->by_id);
	hash_end(&s->by_inode);
}
