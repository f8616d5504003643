/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Whether anybody still has a buffer. What a client is given is an open of the memfd of its own. inotify says when an open is gone with all its
 * descriptors and mappings, in whatever processes; a lease, which is refused while there is another open than the machine's, says
 * whether that was the last. A DMA-BUF is one open for all, of which the machine has a descriptor, too: the kernel says how many there are, when asked.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>
#include "serve_in.h"

#define SWEEP_MS    100	   /* between two sweeps of those without a watch */
#define SWEEP_NS    200000 /* in one round of the loop */
#define SWEEP_SHARE 32	   /* of the time at most one part in so many */
#define CATCH_UP    256	   /* buffers of a client that are asked for at once */
#define NS_A_MS	    UINT64_C(1000000)
#define DOUBT_LOOKS 11 /* after 1, 2, 4, ... ms: two seconds in all */

/* ---- leases ---- */

static void end_doubt(struct sbuf *b)
{
	if (!b->pprev_doubt)
		return;
	*b->pprev_doubt = b->next_doubt;
	if (b->next_doubt)
		b->next_doubt->pprev_doubt = b->pprev_doubt;
	b->pprev_doubt = NULL;
}

bool closes_look(struct server *s, struct sbuf *b)
{
	if (b->dmabuf ? hosted_dmabuf_others(b->fd) != 0 : fcntl(b->fd, F_SETLEASE, F_WRLCK))
		return false;
	if (!b->dmabuf)
		(void)fcntl(b->fd, F_SETLEASE, F_UNLCK);
	buffer_end(s, b);
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
	b->look_ns = now_ns() + NS_A_MS;
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
		if (b->look_ns > now || closes_look(s, b))
			continue;
		if (++b->looks == DOUBT_LOOKS)
			end_doubt(b); /* somebody has another */
		else
			b->look_ns = now + (NS_A_MS << b->looks);
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
		else if (l && !(e->mask & IN_IGNORED) && !closes_look(s, OF(struct sbuf, by_wd, l)))
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

void closes_catch_up(struct client *c)
{
	unsigned int n = 0;

	while (read_events(c->s))
		;
	for (struct hold *h = c->s->nr_unwatched ? c->holds : NULL, *next; h && n < CATCH_UP;
	     h = next, n++) {
		next = h->next;
		if (h->buf->wd < 0)
			(void)closes_look(c->s, h->buf);
	}
}

void closes_suspect(struct server *s, struct sbuf *b)
{
	if (b->wd < 0)
		doubt(s, b);
}

/* A part of it, and a rest in proportion, but for one that found something. */
static void sweep_on(struct server *s, uint64_t begin)
{
	uint64_t end = begin;
	bool found = false;

	for (unsigned int i = 1; s->sweep && end < begin + SWEEP_NS; i++) {
		struct sbuf *b = s->sweep;

		s->sweep = b->next;
		if (s->sweep_all || b->wd < 0)
			found |= closes_look(s, b);
		if (i % 16 == 0)
			end = now_ns();
	}
	if (!s->sweep)
		s->sweep_all = false;
	end = now_ns();
	s->sweep_ns = found ? end : end + (end - begin) * SWEEP_SHARE;
	if (!s->sweep && s->sweep_ns < end + SWEEP_MS * NS_A_MS)
		s->sweep_ns = end + SWEEP_MS * NS_A_MS;
}

void closes_sweep(struct server *s)
{
	uint64_t now = s->deaf || s->sweep || s->nr_unwatched ? now_ns() : 0;

	if (s->deaf) {
		s->deaf = false;
		s->sweep = s->buffers;
		s->sweep_all = true;
	} else if (!s->sweep && s->nr_unwatched && now >= s->sweep_ns) {
		s->sweep = s->buffers;
	}
	if (s->sweep && (s->sweep_all || now >= s->sweep_ns))
		sweep_on(s, now);
	look_again(s);
}

static uint64_t sooner(uint64_t ms, uint64_t then_ns, uint64_t now)
{
	uint64_t in = then_ns > now ? (then_ns - now + NS_A_MS - 1) / NS_A_MS : 0;

	return in < ms ? in : ms;
}

int closes_patience(const struct server *s, int timeout_ms)
{
	uint64_t least = timeout_ms < 0 ? UINT64_MAX : (uint64_t)timeout_ms, now;

	if (s->sweep_all || s->deaf)
		return 0;
	now = s->doubts || s->nr_unwatched ? now_ns() : 0;
	if (s->nr_unwatched)
		least = sooner(least, s->sweep_ns, now);
	for (const struct sbuf *b = s->doubts; b; b = b->next_doubt)
		least = sooner(least, b->look_ns, now);
	return least == UINT64_MAX ? -1 : (int)least;
}

/* ---- watches ---- */

void closes_watch(struct server *s, struct sbuf *b)
{
	char path[40];

	if (b->dmabuf) { /* inotify tells of the last reference, which is this process's own */
		b->wd = -1;
		s->nr_unwatched++;
		return;
	}
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

void closes_forget(struct server *s, struct sbuf *b)
{
	end_doubt(b);
	if (b->wd >= 0)
		hash_del(&s->by_wd, &b->by_wd);
	else
		s->nr_unwatched--;
	if (s->sweep == b)
		s->sweep = b->next;
}

int closes_create(struct server *s)
{
	int err, fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (fd < 0)
		return -errno;
	err = watch_add(s, &s->inotify, fd, EPOLLIN, events_ready);
	if (err)
		close(fd);
	return err;
}

void closes_destroy(struct server *s)
{
	watch_end(&s->inotify);
	hash_end(&s->by_wd);
}
