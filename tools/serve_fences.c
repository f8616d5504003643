/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Fences between programs. What a client gives (the read end of a pipe, a sync_file, an eventfd) is looked at by the loop and becomes a
 * fence of the machine. What it is given is the read end of a pipe, whose other end is kept until nobody has the first: as long as that, the
 * server knows what it stands for. A request that waits for a fence is a callback.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "serve_in.h"

#define MAX_ORPHANS    4096 /* fences given by clients that are dead */
#define SYNC_FILE_INFO _IOWR('>', 4, struct proto_sync_info)

/* A descriptor that somebody gave. */
struct given {
	struct watch watch;
	struct given *next, **pprev;
	struct client *owner; /* NULL: dead */
	struct dma_fence *f;
	enum fd_kind kind;
};

/* A descriptor that somebody was given: its other end. */
struct made {
	struct watch watch;
	struct hash_link by_inode;
	struct made *next, **pprev;
	struct client *owner;
	struct sync_file *sf;
	struct dma_fence *f;
	struct dma_fence_cb cb;
	bool waits;
};

/* A SYNC that has no reply yet. */
struct waiting {
	struct waiting *next, **pprev;
	struct server *s;
	struct client *client;
	struct sbuf *buf;
	struct dma_fence *f;
	struct dma_fence_cb cb;
	enum dma_data_direction dir;
	uint64_t seq;
	bool done;
};

struct fences {
	struct given *given;
	struct made *made;
	struct waiting *waiting;
	struct hash by_inode; /* made */
	unsigned int nr_orphans;
	bool due;    /* a SYNC is done */
	bool unused; /* something ended that may have been the last to wait for a given one */
	int peek[2]; /* a pipe, to look into others */
};

#define LINK(list, x)                                                                              \
	do {                                                                                       \
		(x)->next = (list);                                                                \
		(x)->pprev = &(list);                                                              \
		if ((x)->next)                                                                     \
			(x)->next->pprev = &(x)->next;                                             \
		(list) = (x);                                                                      \
	} while (0)
#define UNLINK(x)                                                                                  \
	do {                                                                                       \
		*(x)->pprev = (x)->next;                                                           \
		if ((x)->next)                                                                     \
			(x)->next->pprev = (x)->pprev;                                             \
	} while (0)

/* ---- what was given ---- */

/* The four bytes that it ended with, which stay in the pipe for others. */
static int error_in_pipe(const struct fences *x, int fd)
{
	int32_t e = 0;
	char rest[64];
	ssize_t n = tee(fd, x->peek[1], sizeof(e), SPLICE_F_NONBLOCK);

	if (n > 0 && read(x->peek[0], &e, sizeof(e)) != (ssize_t)sizeof(e))
		e = 0;
	while (n > 0 && read(x->peek[0], rest, sizeof(rest)) > 0)
		;
	return e < 0 && e > -4096 ? e : 0;
}

/* What a descriptor that has become ready says. */
static int outcome(const struct server *s, const struct given *g, uint32_t events)
{
	struct proto_sync_info info = {.name = ""};

	if (!(events & EPOLLIN))
		return -EIO; /* who was to end it is gone */
	if (g->kind == FD_PIPE)
		return error_in_pipe(s->fences, g->watch.fd);
	if (g->kind == FD_SYNC_FILE && !ioctl(g->watch.fd, SYNC_FILE_INFO, &info) &&
	    info.status < 0 && info.status > -4096)
		return info.status;
	return 0;
}

static void end_given(struct server *s, struct given *g, int err, bool signal)
{
	struct dma_fence *f = g->f;

	UNLINK(g);
	if (g->owner)
		g->owner->nr_syncs--;
	else
		s->fences->nr_orphans--;
	watch_end(&g->watch);
	server_bury(s, g);
	if (signal && err)
		(void)dma_fence_set_error(f, err);
	if (signal)
		(void)dma_fence_signal(f);
	dma_fence_put(f);
}

static void given_ready(struct watch *w, uint32_t events)
{
	struct given *g = OF(struct given, watch, w);

	end_given(w->s, g, outcome(w->s, g, events), true);
}

static int give(struct client *c, int fd, enum fd_kind kind, struct sync_file **sf)
{
	struct server *s = c->s;
	struct pollfd now = {.events = POLLIN};
	struct given *g = calloc(1, sizeof(*g));
	int err = g ? 0 : -ENOMEM;

	if (!err)
		err = dma_fence_create(s->o.m, "freehold", c->name,
				       dma_fence_context_alloc(s->o.m, 1), 1, &g->f);
	if (err) {
		free(g);
		return err;
	}
	err = sync_file_create(g->f, sf);
	now.fd = err ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (!err && now.fd < 0)
		err = -errno;
	if (!err)
		err = watch_add(s, &g->watch, now.fd, EPOLLIN, given_ready);
	if (err) {
		if (now.fd >= 0) {
			close(now.fd);
			sync_file_put(*sf);
		}
		dma_fence_put(g->f);
		free(g);
		return err;
	}
	g->kind = kind;
	g->owner = c;
	c->nr_syncs++;
	s->fences->unused = true; /* look, when the call is over, whether it has kept it */
	LINK(s->fences->given, g);
	/* What is done already is so for the caller, too. */
	if (poll(&now, 1, 0) > 0)
		given_ready(&g->watch, (uint32_t)now.revents);
	return 0;
}

static struct made *made_of(struct server *s, int fd)
{
	struct stat st;
	struct hash_link *l;

	if (fstat(fd, &st))
		return NULL;
	l = hash_find(&s->fences->by_inode, st.st_ino);
	return l ? OF(struct made, by_inode, l) : NULL;
}

int fence_of_fd(struct client *c, int fd, struct sync_file **sf)
{
	enum fd_kind kind = fd_kind(fd);
	struct made *m = kind == FD_PIPE ? made_of(c->s, fd) : NULL;

	if (m) {
		*sf = sync_file_get(m->sf);
		return 0;
	}
	if (kind != FD_PIPE && kind != FD_SYNC_FILE && kind != FD_EVENT)
		return -EINVAL;
	if (kind == FD_PIPE && (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY)
		return -EINVAL;
	if (c->nr_syncs >= c->s->o.max_syncs)
		return -EMFILE;
	return give(c, fd, kind, sf);
}

/* ---- what is made ---- */

static void tell(struct made *m)
{
	int32_t status = dma_fence_get_status(m->f);

	status = status < 0 ? status : 0;
	/* An empty pipe has room for it. */
	(void)!write(m->watch.fd, &status, sizeof(status));
}

static void made_done(struct dma_fence *f, void *arg)
{
	struct made *m = arg;

	(void)f;
	m->waits = false;
	tell(m);
}

static void end_made(struct server *s, struct made *m)
{
	if (m->waits)
		(void)dma_fence_remove_callback(m->f, &m->cb);
	hash_del(&s->fences->by_inode, &m->by_inode);
	UNLINK(m);
	if (m->owner)
		m->owner->nr_syncs--;
	watch_end(&m->watch);
	dma_fence_put(m->f);
	sync_file_put(m->sf);
	server_bury(s, m);
	s->fences->unused = true;
}

/* Nobody has the other end. */
static void made_ready(struct watch *w, uint32_t events)
{
	if (events & (EPOLLERR | EPOLLHUP))
		end_made(w->s, OF(struct made, watch, w));
}

static int make(struct server *s, struct made *m, int *fd)
{
	struct stat st;
	int end[2], err;

	if (!hash_reserve(&s->fences->by_inode))
		return -ENOMEM;
	if (pipe2(end, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	err = fstat(end[0], &st) ? -errno : watch_add(s, &m->watch, end[1], 0, made_ready);
	if (err) {
		close(end[0]);
		close(end[1]);
		return err;
	}
	hash_add(&s->fences->by_inode, &m->by_inode, st.st_ino);
	*fd = end[0];
	return 0;
}

int fence_export(struct client *c, struct sync_file *sf, int *fd)
{
	struct server *s = c->s;
	struct made *m = c->nr_syncs < s->o.max_syncs ? calloc(1, sizeof(*m)) : NULL;
	int err = m ? make(s, m, fd) : c->nr_syncs < s->o.max_syncs ? -ENOMEM : -EMFILE;

	if (err) {
		free(m);
		sync_file_put(sf);
		return err;
	}
	m->sf = sf;
	m->f = sync_file_get_fence(sf);
	m->owner = c;
	c->nr_syncs++;
	LINK(s->fences->made, m);
	m->waits = !dma_fence_add_callback(m->f, &m->cb, made_done, m);
	if (!m->waits)
		tell(m);
	return 0;
}

/* ---- who waits ---- */

static void wait_done(struct dma_fence *f, void *arg)
{
	struct waiting *w = arg;

	(void)f;
	w->done = true;
	w->s->fences->due = true;
}

static void end_wait(struct waiting *w)
{
	if (!w->done)
		(void)dma_fence_remove_callback(w->f, &w->cb);
	UNLINK(w);
	w->client->under_way--;
	dma_fence_put(w->f);
	w->s->fences->unused = true;
	free(w);
}

int fence_wait(struct client *c, struct sbuf *b, uint64_t seq, enum dma_data_direction dir)
{
	enum dma_resv_usage usage = dma_resv_usage_rw(dir != DMA_FROM_DEVICE);
	struct waiting *w;
	int err;

	if (dma_resv_test_signaled(b->buf->resv, usage))
		return 1;
	if (c->under_way >= c->s->o.max_under_way)
		return -EBUSY;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	err = dma_resv_get_singleton(b->buf->resv, usage, &w->f);
	if (err || !w->f) {
		free(w);
		return err ? err : 1;
	}
	w->s = c->s;
	w->client = c;
	w->buf = b;
	w->seq = seq;
	w->dir = dir;
	c->under_way++;
	LINK(c->s->fences->waiting, w);
	if (dma_fence_add_callback(w->f, &w->cb, wait_done, w))
		wait_done(w->f, w);
	return 0;
}

static void reply_due(struct server *s)
{
	s->fences->due = false;
	for (struct waiting *w = s->fences->waiting, *next; w; w = next) {
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): who is freed is in no list any more */
		struct client *c = w->client;
		uint64_t seq = w->seq;
		int err;

		next = w->next;
		if (!w->done)
			continue;
		err = dma_buf_sync_caches(w->buf->buf, w->dir, true);
		end_wait(w);
		client_error(c, seq, err);
		/* A client that is gone takes others of the list along. */
		if (c->dead)
			next = s->fences->waiting;
	}
}

/* ---- ends ---- */

/* A fence that only the loop still has. */
static void end_unused(struct server *s)
{
	s->fences->unused = false;
	for (struct given *g = s->fences->given, *next; g; g = next) {
		next = g->next;
		if (atomic_load(&g->f->refs) == 1)
			end_given(s, g, 0, false);
	}
}

void fences_step(struct server *s)
{
	if (s->fences->due)
		reply_due(s);
	if (s->fences->unused)
		end_unused(s);
}

void fences_forget_buffer(struct server *s, struct sbuf *b)
{
	for (struct waiting *w = s->fences->waiting, *next; w; w = next) {
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): who is freed is in no list any more */
		struct client *c = w->client;
		uint64_t seq = w->seq;

		next = w->next;
		if (w->buf != b)
			continue;
		end_wait(w);
		client_error(c, seq, -ENOENT);
		if (c->dead)
			next = s->fences->waiting;
	}
	s->fences->unused = s->fences->given;
}

/* The fences of a dead client end when what it gave says so, as a driver's would; but not any number of them. */
void fences_forget_client(struct client *c)
{
	struct server *s = c->s;
	struct fences *x = s->fences;

	for (struct waiting *w = x->waiting, *next; w; w = next) {
		next = w->next;
		if (w->client == c)
			end_wait(w);
	}
	if (!c->nr_syncs)
		return;
	for (struct made *m = x->made; m; m = m->next)
		if (m->owner == c)
			m->owner = NULL;
	for (struct given *g = x->given, *next; g; g = next) {
		next = g->next;
		if (g->owner != c)
			continue;
		g->owner = NULL;
		if (++x->nr_orphans > MAX_ORPHANS)
			end_given(s, g, -EIO, true);
	}
	c->nr_syncs = 0;
	x->unused = true;
}

int fences_create(struct server *s)
{
	s->fences = calloc(1, sizeof(*s->fences));
	if (!s->fences)
		return -ENOMEM;
	s->fences->peek[0] = s->fences->peek[1] = -1;
	return pipe2(s->fences->peek, O_CLOEXEC | O_NONBLOCK) ? -errno : 0;
}

void fences_destroy(struct server *s)
{
	struct fences *x = s->fences;

	if (!x)
		return;
	while (x->made)
		end_made(s, x->made);
	while (x->given)
		end_given(s, x->given, -EIO, true);
	hash_end(&x->by_inode);
	if (x->peek[0] >= 0) {
		close(x->peek[0]);
		close(x->peek[1]);
	}
	free(x);
	s->fences = NULL;
}
