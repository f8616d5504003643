/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The server's buffers: who of its clients holds which, and whether anybody at all still has one.
 *
 * What a client is given is an open of the memfd of its own. inotify says when an open is gone with all its descriptors and mappings, in
 * whatever processes; a lease, which is refused while there is another open than the machine's, says whether that was the last.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "serve_in.h"

#define SALT_SHIFT    40
#define SWEEP_AT_ONCE 256 /* buffers asked for in one round of the loop */
#define SWEEP_MS      100 /* between two sweeps of those without a watch */
#define DOUBT_LOOKS   11  /* after 1, 2, 4, ... ms: two seconds in all */

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

static void link_hold(struct hold *h, struct client *c, struct sbuf *b)
{
	*h = (struct hold){
		.client = c,
		.buf = b,
		.count = 1,
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

static void end_doubt(struct sbuf *b)
{
	if (!b->pprev_doubt)
		return;
	*b->pprev_doubt = b->next_doubt;
	if (b->next_doubt)
		b->next_doubt->pprev_doubt = b->pprev_doubt;
	b->pprev_doubt = NULL;
}

static void unlink_buffer(struct server *s, struct sbuf *b)
{
	end_doubt(b);
	hash_del(&s->by_id, &b->by_id);
	hash_del(&s->by_inode, &b->by_inode);
	if (b->wd >= 0)
		hash_del(&s->by_wd, &b->by_wd);
	else
		s->nr_unwatched--;
	if (s->sweep == b)
		s->sweep = b->next;
	*b->pprev = b->next;
	if (b->next)
		b->next->pprev = b->pprev;
	s->nr_buffers--;
}

/* Nobody has it. What the inode's watch says from now on is nobody's; it ends with the inode. */
static void end_buffer(struct server *s, struct sbuf *b)
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

/* Ends it if no open is left but the machine's. True: it is gone. */
static bool look_at(struct server *s, struct sbuf *b)
{
	if (fcntl(b->fd, F_SETLEASE, F_WRLCK))
		return false;
	(void)fcntl(b->fd, F_SETLEASE, F_UNLCK);
	end_buffer(s, b);
	return true;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* The kernel tells of a close before it counts the open as gone (fs/file_table.c, __fput()), so who is told at once may look too early;
 * and nothing tells again. */
static void doubt(struct server *s, struct sbuf *b)
{
	b->looks = 0;
	b->look_ns = now_ns() + 1000000;
	if (b->pprev_doubt)
		return;
	b->next_doubt = s->doubts;
	b->pprev_doubt = &s->doubts;
	if (b->next_doubt)
		b->next_doubt->pprev_doubt = &b->next_doubt;
	s->doubts = b;
}

static void look_again(struct server *s)
{
	uint64_t now = s->doubts ? now_ns() : 0;

	for (struct sbuf *b = s->doubts, *next; b; b = next) {
		next = b->next_doubt;
		if (b->look_ns > now || look_at(s, b))
			continue;
		if (++b->looks == DOUBT_LOOKS)
			end_doubt(b); /* somebody has another */
		else
			b->look_ns = now + (UINT64_C(1000000) << b->looks);
	}
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
	(void)look_at(c->s, b);
}

void buffers_let_go(struct client *c)
{
	while (c->holds) {
		struct hold *h = c->holds;

		drop_from_core(h);
		end_hold(h);
	}
}

/* ---- what inotify says ---- */

/* True: there may be more. */
static bool read_events(struct server *s)
{
	_Alignas(struct inotify_event) char buf[16384];
	ssize_t n = read(s->inotify.fd, buf, sizeof(buf));

	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *e = (const void *)(buf + at);
		struct hash_link *l = e->wd < 0 ? NULL : hash_find(&s->by_wd, (uint64_t)e->wd);

		if (e->mask & IN_Q_OVERFLOW)
			s->deaf = true;
		else if (l && !(e->mask & IN_IGNORED) && !look_at(s, OF(struct sbuf, by_wd, l)))
			doubt(s, OF(struct sbuf, by_wd, l));
		at += (ssize_t)(sizeof(*e) + e->len);
	}
	return n > (ssize_t)sizeof(buf) / 2;
}

static void events_ready(struct watch *w, uint32_t events)
{
	(void)events;
	(void)read_events(w->s);
}

void buffers_catch_up(struct server *s)
{
	while (read_events(s))
		;
}

void buffers_sweep(struct server *s)
{
	if (s->deaf) {
		s->deaf = false;
		s->sweep = s->buffers;
	} else if (!s->sweep && s->nr_unwatched) {
		s->sweep = s->buffers;
	}
	for (unsigned int i = 0; s->sweep && i < SWEEP_AT_ONCE; i++) {
		struct sbuf *b = s->sweep;

		s->sweep = b->next;
		(void)look_at(s, b);
	}
	look_again(s);
}

int buffers_patience(const struct server *s, int timeout_ms)
{
	uint64_t least = timeout_ms < 0 ? UINT64_MAX : (uint64_t)timeout_ms, now;

	if (s->sweep || s->deaf)
		return 0;
	if (s->nr_unwatched && least > SWEEP_MS)
		least = SWEEP_MS;
	now = s->doubts ? now_ns() : 0;
	for (const struct sbuf *b = s->doubts; b; b = b->next_doubt) {
		uint64_t ms = b->look_ns > now ? (b->look_ns - now + 999999) / 1000000 : 0;

		least = ms < least ? ms : least;
	}
	return least == UINT64_MAX ? -1 : (int)least;
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

static void watch_memory(struct server *s, struct sbuf *b)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", b->fd);
	b->wd = inotify_add_watch(s->inotify.fd, path, IN_CLOSE);
	if (b->wd >= 0) {
		hash_add(&s->by_wd, &b->by_wd, (uint64_t)b->wd);
		return;
	}
	s->nr_unwatched++;
	if (!s->said_watches)
		server_log(s,
			   "no inotify watch for every buffer (%s): those without are asked for "
			   "ten times "
			   "a second; fs.inotify.max_user_watches is the limit",
			   strerror(errno));
	s->said_watches = true;
}

/* Takes over the reference of buf, also when it fails. */
static int add_buffer(struct server *s, const char *heap, struct dma_buf *buf, struct sbuf **out)
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
	b->fd = hosted_share_open(dma_heap_shared(buf));
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
	watch_memory(s, b);
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
	if (c->nr_holds >= s->o.max_buffers)
		buffers_catch_up(s);
	if (c->nr_holds >= s->o.max_buffers)
		return -EDQUOT;
	h = malloc(sizeof(*h));
	if (!h)
		return -ENOMEM;
	s->stocked = false;
	err = dma_heap_alloc(heap, len, c->holder, &buf);
	if (err == -ENOMEM || err == -EDQUOT) {
		buffers_catch_up(s);
		err = dma_heap_alloc(heap, len, c->holder, &buf);
	}
	if (err) {
		free(h);
		return err;
	}
	err = dma_heap_shared(buf) ? 0 : -EOPNOTSUPP;
	*fd = err ? -1 : hosted_share_export(dma_heap_shared(buf), flags);
	if (!err)
		err = *fd < 0 ? *fd : add_buffer(s, heap_name, get_dma_buf(buf), b);
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
	link_hold(h, c, *b);
	return 0;
}

struct sbuf *buffer_of_fd(struct server *s, int fd)
{
	struct stat st;
	struct hash_link *l;

	if (fd_kind(fd) != FD_MEMFD || fstat(fd, &st))
		return NULL;
	for (l = hash_find(&s->by_inode, inode_key(st.st_dev, st.st_ino)); l; l = hash_again(l)) {
		struct sbuf *b = OF(struct sbuf, by_inode, l);

		if (b->dev == st.st_dev && b->ino == st.st_ino)
			return b;
	}
	return NULL;
}

int buffer_import(struct client *c, struct sbuf *b)
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
	if (h)
		h->count++;
	else
		link_hold(more, c, b);
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
		err = add_buffer(s, heap_name, get_dma_buf(buf), b);
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
		return buffer_import(c, *b);
	if (c->nr_holds >= c->s->o.max_buffers)
		return -EDQUOT;
	h = malloc(sizeof(*h));
	err = h ? buffer_reclaim(c->s, heap, fd, c->holder, b) : -ENOMEM;
	if (err || !*b)
		free(h);
	else
		link_hold(h, c, *b);
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
	int err, fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (getrandom(&s->salt, sizeof(s->salt), 0) != (ssize_t)sizeof(s->salt))
		s->salt = (uint64_t)getpid();
	s->salt &= 0x7fffff;
	err = watch_add(s, &s->inotify, fd, EPOLLIN, events_ready);
	if (err)
		close(fd);
	return err;
}

void buffers_destroy(struct server *s)
{
	state_close(s); /* first: who is left lives on, for the next server to find */
	while (s->buffers)
		end_buffer(s, s->buffers);
	watch_end(&s->inotify);
	hash_end(&s->by_id);
	hash_end(&s->by_inode);
	hash_end(&s->by_wd);
}
