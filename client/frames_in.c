/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A consumer's end of frames. A slot's map is this side's until the producer hides the slot, and it cannot while this side reads: a producer
 * that does has said what no producer says, and the map stays.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include "frames.h"

enum state {
	FREE,
	HAD,	  /* a frame is read */
	PROMISED, /* the producer has a fence for it */
};

struct slot {
	int fd; /* -1: nothing is shown */
	uint64_t id, size;
	struct fhc_format format;
	void *at; /* NULL: not mapped */
	bool fresh;

	enum state state;
	uint64_t seq;
	int signal;  /* of a promise of our own; -1 */
	bool owed;   /* an answer that the socket had no room for */
	int owed_by; /* its fence; -1: at once */
};

struct fhc_in {
	int epoll, fd;
	int end; /* 0: not yet */
	bool writable_wanted;
	struct slot slot[FHC_SLOTS];
};

/* ---- answers ---- */

static void want_writable(struct fhc_in *i, bool want)
{
	struct epoll_event ev = {.events = EPOLLIN | (want ? EPOLLOUT : 0)};

	if (i->writable_wanted != want)
		(void)epoll_ctl(i->epoll, EPOLL_CTL_MOD, i->fd, &ev);
	i->writable_wanted = want;
}

static int answer(const struct fhc_in *i, uint32_t slot, int fence)
{
	struct frames_msg m = frames_msg(FRAMES_RELEASE);

	m.slot = slot;
	m.seq = i->slot[slot].seq;
	return i->end ? i->end : frames_send(i->fd, &m, fence);
}

/* The producer does not read now: it is told later. A fence is kept for that. */
static int owe(struct fhc_in *i, uint32_t slot, int fence)
{
	struct slot *s = &i->slot[slot];

	if (fence >= 0) {
		s->owed_by = fcntl(fence, F_DUPFD_CLOEXEC, 0);
		if (s->owed_by < 0)
			return -errno;
	}
	s->owed = true;
	want_writable(i, true);
	return 0;
}

static void pay(struct fhc_in *i)
{
	for (uint32_t n = 0; n < FHC_SLOTS; n++) {
		struct slot *s = &i->slot[n];

		if (!s->owed)
			continue;
		if (answer(i, n, s->owed_by) == -EAGAIN)
			return;
		if (s->owed_by >= 0)
			close(s->owed_by);
		s->owed_by = -1;
		s->owed = false;
	}
	want_writable(i, false);
}

int fhc_in_promise(struct fhc_in *i, uint32_t slot, int fence)
{
	struct slot *s = slot < FHC_SLOTS ? &i->slot[slot] : NULL;
	int own = -1, err = 0;

	if (!s || s->state == FREE)
		return -ENOENT;
	if (s->state == PROMISED)
		return -EALREADY;
	if (fence >= 0 && !frames_is_fence(fence))
		return -EINVAL;
	if (fence < 0)
		err = fhc_fence(&own, &s->signal);
	if (err)
		return err;
	err = answer(i, slot, own >= 0 ? own : fence);
	if (err == -EAGAIN)
		err = owe(i, slot, own >= 0 ? own : fence);
	else
		err = 0; /* who is gone needs no answer */
	if (own >= 0)
		close(own);
	if (err && s->signal >= 0) {
		close(s->signal);
		s->signal = -1;
	}
	if (!err)
		s->state = PROMISED;
	return err;
}

int fhc_in_release(struct fhc_in *i, uint32_t slot)
{
	struct slot *s = slot < FHC_SLOTS ? &i->slot[slot] : NULL;

	if (!s || s->state == FREE)
		return -ENOENT;
	if (s->signal >= 0)
		fhc_signal(s->signal, 0);
	s->signal = -1;
	if (s->state == HAD && answer(i, slot, -1) == -EAGAIN)
		(void)owe(i, slot, -1);
	s->state = FREE;
	return 0;
}

/* ---- what the producer says ---- */

static void forget(struct slot *s)
{
	if (s->at)
		munmap(s->at, s->size);
	if (s->fd >= 0)
		close(s->fd);
	s->at = NULL;
	s->fd = -1;
}

static bool shown(struct fhc_in *i, const struct frames_msg *m, int *fd)
{
	struct slot *s = m->slot < FHC_SLOTS ? &i->slot[m->slot] : NULL;

	if (!s || s->state != FREE || *fd < 0 || !m->size || m->size > SIZE_MAX ||
	    !fhc_format_fits(&m->format, m->size) || !frames_is_buffer(*fd, m->size))
		return false;
	forget(s);
	s->fd = *fd;
	s->id = m->id;
	s->size = m->size;
	s->format = m->format;
	s->fresh = true;
	*fd = -1;
	return true;
}

static bool hidden(struct fhc_in *i, const struct frames_msg *m)
{
	struct slot *s = m->slot < FHC_SLOTS ? &i->slot[m->slot] : NULL;

	if (!s || s->state != FREE || s->fd < 0 || m->nr_fds)
		return false;
	forget(s);
	return true;
}

static bool frame(struct fhc_in *i, const struct frames_msg *m, int *fd, struct fhc_frame *f)
{
	struct slot *s = m->slot < FHC_SLOTS ? &i->slot[m->slot] : NULL;

	/* One that owes an answer to the last one has told nobody that it is free. */
	if (!s || s->state != FREE || s->owed || s->fd < 0 || (*fd >= 0 && !frames_is_fence(*fd)))
		return false;
	s->state = HAD;
	s->seq = m->seq;
	*f = (struct fhc_frame){
		.slot = m->slot,
		.fresh = s->fresh,
		.seq = m->seq,
		.time_ns = m->time_ns,
		.fence = *fd,
	};
	memcpy(f->user, m->user, sizeof(f->user));
	s->fresh = false;
	*fd = -1;
	return true;
}

/* Only what a producer says; -EAGAIN among them would be no end at all. */
static int ended_by(const struct frames_msg *m)
{
	if (m->nr_fds)
		return -EPROTO;
	return !m->n ? -ENODATA : m->n == EUSERS || m->n == ENOMEM ? -(int)m->n : -EPROTO;
}

/* The socket stays, hung up: what callers poll is readable from now on. */
static int at_end(struct fhc_in *i, int err)
{
	(void)shutdown(i->fd, SHUT_RDWR);
	i->end = err;
	for (unsigned int n = 0; n < FHC_SLOTS; n++) {
		if (i->slot[n].owed_by >= 0)
			close(i->slot[n].owed_by);
		i->slot[n].owed_by = -1;
		i->slot[n].owed = false;
	}
	want_writable(i, false);
	return err;
}

int fhc_in_next(struct fhc_in *i, struct fhc_frame *f)
{
	struct frames_msg m = {.magic = 0};

	if (!i->end && i->writable_wanted)
		pay(i);
	while (!i->end) {
		int fd, err = frames_receive(i->fd, &m, &fd);
		bool good = true, arrived = false;

		if (err == -EAGAIN)
			return err;
		if (err == -EMFILE)
			err = -EPROTO; /* a buffer that this side never has, or a fence that it cannot wait for */
		if (!err && m.op == FRAMES_SHOW)
			good = shown(i, &m, &fd);
		else if (!err && m.op == FRAMES_HIDE)
			good = hidden(i, &m);
		else if (!err && m.op == FRAMES_FRAME)
			good = arrived = frame(i, &m, &fd, f);
		else if (!err)
			err = m.op == FRAMES_END ? ended_by(&m) : -EPROTO;
		if (fd >= 0)
			close(fd);
		if (arrived)
			return 0;
		if (err || !good)
			(void)at_end(i, err ? err : -EPROTO);
	}
	return i->end;
}

/* ---- buffers ---- */

int fhc_in_buffer(const struct fhc_in *i, uint32_t slot, struct fhc_buffer *buf,
		  struct fhc_format *format)
{
	const struct slot *s = slot < FHC_SLOTS ? &i->slot[slot] : NULL;

	if (!s || s->fd < 0)
		return -ENOENT;
	*buf = (struct fhc_buffer){s->fd, s->id, s->size};
	*format = s->format;
	return 0;
}

int fhc_in_map(struct fhc_in *i, uint32_t slot, const void **at)
{
	struct slot *s = slot < FHC_SLOTS ? &i->slot[slot] : NULL;
	void *p;

	if (!s || s->fd < 0)
		return -ENOENT;
	if (!s->at) {
		p = mmap(NULL, s->size, PROT_READ, MAP_SHARED, s->fd, 0);
		if (p == MAP_FAILED)
			return -errno;
		s->at = p;
	}
	*at = s->at;
	return 0;
}

/* ---- birth and death ---- */

static int create(int fd, struct fhc_in **out)
{
	struct epoll_event ev = {.events = EPOLLIN};
	struct fhc_in *i = calloc(1, sizeof(*i));

	if (!i)
		return -ENOMEM;
	i->fd = fd;
	for (unsigned int n = 0; n < FHC_SLOTS; n++)
		i->slot[n] = (struct slot){.fd = -1, .signal = -1, .owed_by = -1};
	i->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (i->epoll < 0 || epoll_ctl(i->epoll, EPOLL_CTL_ADD, fd, &ev)) {
		int err = -errno;

		if (i->epoll >= 0)
			close(i->epoll);
		free(i);
		return err;
	}
	*out = i;
	return 0;
}

int fhc_in_adopt(int fd, const char *name, uint32_t depth, struct fhc_in **out)
{
	struct frames_msg m = frames_msg(FRAMES_HELLO);
	int err;

	*out = NULL;
	m.n = FRAMES_VERSION;
	m.slot = depth;
	err = depth > FHC_SLOTS || (name && strlen(name) >= sizeof(m.name)) ? -EINVAL : 0;
	if (!err) {
		snprintf(m.name, sizeof(m.name), "%s", name ? name : "");
		err = frames_send(fd, &m, -1);
		/* Cut off already; why can still be read. */
		err = err == -EPIPE ? 0 : err;
	}
	if (!err)
		err = create(fd, out);
	if (err)
		close(fd);
	return err;
}

int fhc_in_connect(const char *path, const char *name, uint32_t depth, struct fhc_in **out)
{
	int fd = frames_dial(path);

	*out = NULL;
	return fd < 0 ? fd : fhc_in_adopt(fd, name, depth, out);
}

int fhc_in_fd(const struct fhc_in *i)
{
	return i->epoll;
}

void fhc_in_close(struct fhc_in *i)
{
	if (!i)
		return;
	for (uint32_t n = 0; n < FHC_SLOTS; n++) {
		struct slot *s = &i->slot[n];

		if (s->state != FREE)
			(void)fhc_in_release(i, n);
		if (s->owed_by >= 0)
			close(s->owed_by);
		forget(s);
	}
	close(i->fd);
	close(i->epoll);
	free(i);
}
