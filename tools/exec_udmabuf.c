/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A buffer of a program's own pages. Its descriptor is a memfd that stands for it, of its size and empty: by its inode it is known, and the
 * server has its name, fences and account. What is mapped of it are the program's memfds, whose descriptors are kept here as long as anybody
 * has the buffer open.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "../client/fhc_in.h"
#include "exec.h"
#include "exec_inject.h"
#include "exec_ioctl.h"
#include "exec_wait.h"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

#define DENIED	  (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)
#define LOOK_MS	  10
#define LOOKS	  200 /* two seconds */
#define ALWAYS	  UINT32_MAX
#define NR_MAPPED 64 /* addresses that are remembered, to count mappings */

struct source {
	dev_t dev;
	ino_t ino;
	int fd;
	uint64_t page; /* bytes: huge ones cannot be mapped in part */
};

struct exec_udmabuf {
	struct exec_udmabuf *next, **pprev;
	struct exec_file *file;
	int fd; /* what stands for it: the program has opens of its own */
	int wd;
	unsigned int
		looks; /* left to be made; 0: no doubt that somebody has it; ALWAYS: the kernel does not tell */
	struct source *source; /* each memfd once */
	size_t nr_sources;
	struct exec_piece *piece; /* of all of it; fd: a source's */
	size_t nr_pieces;
	uint64_t mapped[NR_MAPPED];
	size_t nr_mapped; /* ever */
};

/* ---- its end ---- */

static void doubt(struct exec *x, struct exec_udmabuf *u, unsigned int looks)
{
	x->udmabufs.doubts += !u->looks;
	u->looks = looks;
}

static void free_pages(struct exec_udmabuf *u)
{
	if (u->fd >= 0)
		close(u->fd);
	for (size_t i = 0; i < u->nr_sources; i++)
		close(u->source[i].fd);
	free(u->source);
	free(u->piece);
	free(u);
}

void exec_udmabuf_end(struct exec *x, struct exec_udmabuf *u)
{
	if (!u)
		return;
	if (u->wd >= 0)
		inotify_rm_watch(x->udmabufs.closes, u->wd);
	x->udmabufs.doubts -= !!u->looks;
	*u->pprev = u->next;
	if (u->next)
		u->next->pprev = u->pprev;
	free_pages(u);
}

/* A lease is had when there is no open but this one: as in the server (serve_closes.c), which looks for itself. */
static bool look(struct exec *x, struct exec_udmabuf *u)
{
	uint64_t id = u->file->id;

	if (fcntl(u->fd, F_SETLEASE, F_WRLCK))
		return false;
	(void)fcntl(u->fd, F_SETLEASE, F_UNLCK);
	exec_files_remove(x, u->file);
	exec_procs_drop(x, id);
	return true;
}

void exec_udmabufs_look(struct exec *x)
{
	struct exec_udmabufs *all = &x->udmabufs;
	struct exec_udmabuf *next;

	if (!all->doubts || exec_now() < all->look)
		return;
	for (struct exec_udmabuf *u = all->first; u; u = next) {
		next = u->next;
		if (!u->looks || look(x, u) || u->looks == ALWAYS)
			continue;
		u->looks--;
		all->doubts -= !u->looks;
	}
	all->look = exec_now() + LOOK_MS;
}

/* ---- what inotify says ---- */

struct closes {
	struct exec_source source;
	struct exec *x;
};

static void told(struct exec *x, const struct inotify_event *e)
{
	struct exec_udmabuf *next;

	for (struct exec_udmabuf *u = x->udmabufs.first; u; u = next) {
		next = u->next;
		if (!(e->mask & IN_Q_OVERFLOW) && (u->wd != e->wd || (e->mask & IN_IGNORED)))
			continue;
		if (!look(x, u) && u->looks != ALWAYS)
			doubt(x, u, LOOKS);
	}
}

static void closes_ready(struct exec_source *source, uint32_t events)
{
	struct exec *x = ((struct closes *)source)->x;
	_Alignas(struct inotify_event) char buf[4096];
	ssize_t n = read(x->udmabufs.closes, buf, sizeof(buf));

	(void)events;
	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *e = (const void *)(buf + at);

		told(x, e);
		at += (ssize_t)(sizeof(*e) + e->len);
	}
}

/* With the first of them. -1: there is no inotify. */
static int closes_of(struct exec *x)
{
	struct closes *c;

	if (x->udmabufs.closes)
		return x->udmabufs.closes;
	c = calloc(1, sizeof(*c));
	x->udmabufs.closes = c ? inotify_init1(IN_CLOEXEC | IN_NONBLOCK) : -1;
	if (x->udmabufs.closes < 0) {
		free(c);
		return -1;
	}
	c->source.ready = closes_ready;
	c->x = x;
	x->udmabufs.source = &c->source;
	if (exec_watch(x, x->udmabufs.closes, &c->source)) {
		close(x->udmabufs.closes);
		x->udmabufs.closes = -1;
	}
	return x->udmabufs.closes;
}

static void watch(struct exec *x, struct exec_udmabuf *u)
{
	char path[40];
	int closes = closes_of(x);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", u->fd);
	u->wd = closes < 0 ? -1 : inotify_add_watch(closes, path, IN_CLOSE);
	if (u->wd < 0)
		doubt(x, u, ALWAYS);
}

/* ---- the pages ---- */

static int open_again(int fd)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDWR | O_CLOEXEC);
}

/* An open of our own: locks and leases of the program's go with its own descriptors. */
static int keep(struct exec_udmabuf *u, int fd, const struct stat *st)
{
	struct statfs fs;
	struct source *s;
	int own;

	for (size_t i = 0; i < u->nr_sources; i++)
		if (u->source[i].dev == st->st_dev && u->source[i].ino == st->st_ino)
			return u->source[i].fd;
	if (fstatfs(fd, &fs))
		return -ENOMEM;
	s = reallocarray(u->source, u->nr_sources + 1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	u->source = s;
	own = open_again(fd);
	if (own < 0)
		own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (own < 0)
		return -ENOMEM;
	u->source[u->nr_sources++] = (struct source){
		st->st_dev, st->st_ino, own,
		fs.f_type == HUGETLBFS_MAGIC ? (uint64_t)st->st_blksize : EXEC_PAGE};
	return own;
}

/* A memfd of the program's that may become a buffer: a descriptor of it that is u's. */
static int take(struct trap *t, struct exec_udmabuf *u, int fd, struct stat *st)
{
	struct exec_proc *proc = exec_proc_of(t);
	int own = proc && !exec_file_of(t, fd) ? exec_proc_getfd(proc, fd) : -1, seals, result;

	seals = own < 0 ? -1 : fcntl(own, F_GET_SEALS);
	if (seals < 0 || fstat(own, st))
		result = -EBADFD;
	else if (!(seals & F_SEAL_SHRINK) || (seals & DENIED))
		result = -EINVAL;
	else
		result = keep(u, own, st);
	if (own >= 0)
		close(own);
	return result;
}

static void add_piece(struct exec_udmabuf *u, int fd, uint64_t offset, uint64_t len, uint64_t *at)
{
	struct exec_piece *p = u->nr_pieces ? &u->piece[u->nr_pieces - 1] : NULL;

	if (p && p->fd == fd && p->offset + p->len == offset)
		p->len += len;
	else
		u->piece[u->nr_pieces++] =
			(struct exec_piece){.at = *at, .len = len, .offset = offset, .fd = fd};
	*at += len;
}

/* Item by item, in Linux's order. *size: of all. */
static int take_items(struct trap *t, struct exec_udmabuf *u, const struct exec_create *c,
		      uint64_t *size)
{
	struct stat st = {.st_size = 0};
	int fd = -1;

	*size = 0;
	for (uint32_t i = 0; i < c->count; i++) {
		const struct udmabuf_create_item *item = &c->item[i];

		if (!i || item->memfd != item[-1].memfd)
			fd = take(t, u, (int)item->memfd, &st);
		if (fd < 0)
			return fd;
		if (!item->size || item->offset > (uint64_t)st.st_size ||
		    item->size > (uint64_t)st.st_size - item->offset)
			return -EINVAL;
		add_piece(u, fd, item->offset, item->size, size);
	}
	return 0;
}

/* ---- its beginning ---- */

/* Opened anew: the open that memfd_create() makes is not counted as one, where leases are asked for. */
static int stand_in(uint64_t size)
{
	int memfd = memfd_create("freehold", MFD_CLOEXEC | MFD_ALLOW_SEALING), fd = -1;

	if (memfd < 0)
		return -1;
	if (!ftruncate(memfd, (off_t)size) &&
	    !fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		fd = open_again(memfd);
	close(memfd);
	return fd;
}

/* Known to the server and here. */
static int enlist(struct exec *x, struct exec_proc *proc, struct exec_udmabuf *u)
{
	struct exec_udmabuf **first = &x->udmabufs.first;
	struct exec_file *file = exec_files_add(x, u->fd, EXEC_BUFFER);
	struct fhc_buffer buf;

	if (!file)
		return -ENOMEM;
	if (fhc_offer(proc->c, EXEC_UDMABUF_NAME, u->fd, &buf)) {
		exec_files_remove(x, file);
		return -ENOMEM;
	}
	exec_proc_hold(proc, buf.id);
	u->file = file;
	u->next = *first;
	u->pprev = first;
	if (u->next)
		u->next->pprev = &u->next;
	*first = u;
	watch(x, u);
	file->id = buf.id;
	file->size = buf.size;
	file->udmabuf = true;
	file->pages = u;
	return 0;
}

/* An open of the program's own, so that its end is told. */
static int give_open(struct trap *t, const struct exec_udmabuf *u, int flags)
{
	int own = open_again(u->fd), n;

	n = own < 0 ? -ENOMEM : trap_give(t, own, flags);
	if (own >= 0)
		close(own);
	return n;
}

int64_t exec_udmabuf_create(struct trap *t, const struct exec_ioctl *r)
{
	struct exec_udmabuf *u = calloc(1, sizeof(*u));
	struct exec_proc *proc = exec_proc_of(t);
	uint64_t size;
	int n = -ENOMEM;

	if (u && proc) {
		u->fd = u->wd = -1;
		u->piece = calloc(r->create.count, sizeof(*u->piece));
		n = u->piece ? take_items(t, u, &r->create, &size) : -ENOMEM;
		if (!n)
			u->fd = stand_in(size);
		if (!n)
			n = u->fd < 0 ? -ENOMEM : enlist(t->x, proc, u);
	}
	if (n) {
		if (u)
			free_pages(u);
		return n;
	}
	n = give_open(t, u, r->create.flags & UDMABUF_FLAGS_CLOEXEC ? O_CLOEXEC : 0);
	if (n < 0)
		(void)look(t->x, u); /* nobody has it */
	return n;
}

/* ---- mmap ---- */

static void mapped(struct exec *x, dev_t dev, ino_t ino, uint64_t at)
{
	struct exec_file *file = exec_files_find(x, dev, ino);
	struct exec_udmabuf *u = file ? file->pages : NULL;

	for (size_t i = 0; u && i < u->nr_mapped && i < NR_MAPPED; i++)
		if (u->mapped[i] == at)
			return;
	if (u)
		u->mapped[u->nr_mapped++ % NR_MAPPED] = at;
}

bool exec_udmabuf_shows(const struct exec_udmabuf *u, uint64_t start, dev_t dev, ino_t ino)
{
	bool there = false;

	for (size_t i = 0; i < u->nr_mapped && i < NR_MAPPED; i++)
		there = there || u->mapped[i] == start;
	for (size_t i = 0; there && i < u->nr_sources; i++)
		if (u->source[i].dev == dev && u->source[i].ino == ino)
			return true;
	return false;
}

static uint64_t page_of(const struct exec_udmabuf *u, int fd)
{
	size_t i = 0;

	while (u->source[i].fd != fd)
		i++;
	return u->source[i].page;
}

int64_t exec_udmabuf_map(struct trap *t, const struct exec_file *file)
{
	const struct exec_udmabuf *u = file->pages;
	uint64_t from = t->arg[5], to = from + (t->arg[1] + EXEC_PAGE - 1) / EXEC_PAGE * EXEC_PAGE;
	struct exec_piece *part = calloc(u->nr_pieces, sizeof(*part));
	bool whole = true;
	int64_t result;
	size_t n = 0;

	if (!part)
		return -ENOMEM;
	for (size_t i = 0; i < u->nr_pieces; i++) {
		struct exec_piece p = u->piece[i];
		uint64_t skip = p.at < from ? from - p.at : 0;

		if (skip >= p.len || p.at >= to)
			continue;
		p.at += skip;
		p.offset += skip;
		p.len = (p.at + p.len - skip > to ? to : p.at + p.len - skip) - p.at;
		p.at -= from;
		p.huge = page_of(u, p.fd) > EXEC_PAGE;
		whole = whole && !((p.at | p.len | p.offset) % page_of(u, p.fd));
		part[n++] = p;
	}
	result = whole ? exec_inject_map(t, u->fd, part, n, mapped) : -EOPNOTSUPP;
	free(part);
	return result;
}
