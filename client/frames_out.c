/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The producer's end of frames: who is there, which slots they have, which promises are open.
 *
 * A consumer *has* a slot from when a frame is sent until it answers; what it answered with a fence is *promised* until that is done. A consumer that
 * has gone has nothing; its promises stand, for a device may be at work for it, until their place is wanted.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "frames.h"

#define EVENTS	  32
#define LISTENING UINT64_MAX
#define NO_SLOT	  0xff /* the connection itself */

#define BIT(slot) (UINT32_C(1) << (slot))

struct slot {
	int fd; /* -1: it has no buffer */
	uint64_t id, size;
	struct fhc_format format;
	uint64_t generation; /* of the ring's buffers */
};

struct consumer {
	int fd; /* -1: it has gone */
	uint32_t serial;
	bool greeted, writable_wanted;
	uint32_t depth;
	uint32_t has, promised, to_hide; /* slots */
	uint64_t seq[FHC_SLOTS];	 /* of the frame that it has */
	uint64_t knows[FHC_SLOTS];	 /* generation of the buffer that it was shown; 0: none */
	int fence[FHC_SLOTS];
};

struct fhc_out {
	int epoll, listening;
	char *path;
	uint32_t serial, last;
	uint64_t generation;
	bool ended;
	struct slot slot[FHC_SLOTS];
	struct consumer *consumer[FHC_CONSUMERS];
	struct fhc_out_stats stats;
};

/* ---- watching ---- */

static uint64_t key(uint32_t serial, unsigned int at, unsigned int slot)
{
	return (uint64_t)serial << 16 | (uint64_t)at << 8 | slot;
}

static int watch(struct fhc_out *o, int op, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event ev = {.events = events, .data.u64 = data};

	return epoll_ctl(o->epoll, op, fd, &ev) ? -errno : 0;
}

/* By hand, before close(): others may have the same descriptor, and then it would be looked at for ever. */
static void unwatch(struct fhc_out *o, int fd)
{
	(void)watch(o, EPOLL_CTL_DEL, fd, 0, 0);
	close(fd);
}

/* ---- consumers ---- */

static void end_promise(struct fhc_out *o, struct consumer *c, unsigned int slot)
{
	unwatch(o, c->fence[slot]);
	c->promised &= ~BIT(slot);
}

/* What is left of it, if anything is. */
static void bury(struct fhc_out *o, unsigned int at)
{
	struct consumer *c = o->consumer[at];

	if (c->fd >= 0 || c->promised)
		return;
	free(c);
	o->consumer[at] = NULL;
}

static void consumer_gone(struct fhc_out *o, unsigned int at)
{
	struct consumer *c = o->consumer[at];

	if (c->fd < 0)
		return;
	unwatch(o, c->fd);
	c->fd = -1;
	c->has = c->to_hide = 0;
	o->stats.left++;
	o->stats.consumers--;
	bury(o, at);
}

/* What was no message ends the connection, and its promises are not believed either. */
static void cut_off(struct fhc_out *o, unsigned int at)
{
	struct consumer *c = o->consumer[at];
	struct frames_msg m = frames_msg(FRAMES_END);

	m.n = EPROTO;
	(void)frames_send(c->fd, &m, -1);
	for (unsigned int i = 0; i < FHC_SLOTS; i++)
		if (c->promised & BIT(i))
			end_promise(o, c, i);
	o->stats.broken++;
	consumer_gone(o, at);
}

/* A place for another; of one that is gone and has nothing but promises if need be. FHC_CONSUMERS: there is none. */
static unsigned int find_place(struct fhc_out *o)
{
	unsigned int gone = FHC_CONSUMERS;

	for (unsigned int i = 0; i < FHC_CONSUMERS; i++) {
		const struct consumer *c = o->consumer[i];

		if (!c)
			return i;
		if (c->fd < 0 && (gone == FHC_CONSUMERS || c->serial < o->consumer[gone]->serial))
			gone = i;
	}
	if (gone == FHC_CONSUMERS)
		return gone;
	for (unsigned int i = 0; i < FHC_SLOTS; i++)
		if (o->consumer[gone]->promised & BIT(i))
			end_promise(o, o->consumer[gone], i);
	bury(o, gone);
	return gone;
}

static void refuse(int fd, uint32_t error)
{
	struct frames_msg m = frames_msg(FRAMES_END);

	m.n = error;
	(void)frames_send(fd, &m, -1);
	close(fd);
}

int fhc_out_adopt(struct fhc_out *o, int fd)
{
	unsigned int at = find_place(o);
	struct consumer *c;
	int err;

	if (at == FHC_CONSUMERS) {
		refuse(fd, EUSERS);
		return -EUSERS;
	}
	c = calloc(1, sizeof(*c));
	if (!c) {
		refuse(fd, ENOMEM);
		return -ENOMEM;
	}
	c->fd = fd;
	c->serial = ++o->serial;
	err = watch(o, EPOLL_CTL_ADD, fd, EPOLLIN, key(c->serial, at, NO_SLOT));
	if (err) {
		free(c);
		refuse(fd, ENOMEM);
		return err;
	}
	o->consumer[at] = c;
	o->stats.came++;
	o->stats.consumers++;
	return 0;
}

static int accept_all(struct fhc_out *o)
{
	int n = 0;

	for (unsigned int i = 0; i < FHC_CONSUMERS; i++) {
		int fd = accept4(o->listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
				return n ? n : -errno;
			if (errno == EAGAIN)
				break;
			continue;
		}
		(void)fhc_out_adopt(o, fd);
		n++;
	}
	return n;
}

/* ---- what consumers are told ---- */

/* Told when it reads again. */
static void want_writable(struct fhc_out *o, unsigned int at, bool want)
{
	struct consumer *c = o->consumer[at];

	if (c->writable_wanted == want)
		return;
	c->writable_wanted = want;
	(void)watch(o, EPOLL_CTL_MOD, c->fd, EPOLLIN | (want ? EPOLLOUT : 0),
		    key(c->serial, at, NO_SLOT));
}

/* False: it has gone meanwhile. */
static bool tell_hidden(struct fhc_out *o, unsigned int at)
{
	struct consumer *c = o->consumer[at];
	int err = 0;

	for (uint32_t i = 0; i < FHC_SLOTS && !err; i++) {
		struct frames_msg m = frames_msg(FRAMES_HIDE);

		if (!(c->to_hide & BIT(i)))
			continue;
		m.slot = i;
		err = frames_send(c->fd, &m, -1);
		if (!err)
			c->to_hide &= ~BIT(i);
	}
	if (err && err != -EAGAIN) {
		consumer_gone(o, at);
		return false;
	}
	want_writable(o, at, c->to_hide != 0);
	return true;
}

static int tell_shown(struct fhc_out *o, struct consumer *c, uint32_t slot)
{
	const struct slot *s = &o->slot[slot];
	struct frames_msg m = frames_msg(FRAMES_SHOW);
	int err;

	if (c->knows[slot] == s->generation)
		return 0;
	m.slot = slot;
	m.id = s->id;
	m.size = s->size;
	m.format = s->format;
	err = frames_send(c->fd, &m, s->fd);
	if (err)
		return err;
	c->knows[slot] = s->generation;
	c->to_hide &= ~BIT(slot); /* the one replaces the other */
	return 0;
}

static bool would_take(const struct consumer *c)
{
	unsigned int n = (unsigned int)__builtin_popcount(c->has | c->promised);

	return n < c->depth && !c->to_hide;
}

static bool send_to(struct fhc_out *o, unsigned int at, const struct frames_msg *m, int fence)
{
	struct consumer *c = o->consumer[at];
	int err = would_take(c) ? tell_shown(o, c, m->slot) : -EAGAIN;

	if (!err)
		err = frames_send(c->fd, m, fence);
	if (!err) {
		c->has |= BIT(m->slot);
		c->seq[m->slot] = m->seq;
		o->stats.sent++;
		return true;
	}
	o->stats.skipped++;
	if (err != -EAGAIN)
		consumer_gone(o, at);
	return false;
}

/* ---- what consumers say ---- */

static bool all_zero(const void *p, size_t n)
{
	const char *at = p;

	for (size_t i = 0; i < n; i++)
		if (at[i])
			return false;
	return true;
}

/* Whether what follows `n` is zero, but for seq and name as allowed. */
static bool plain(const struct frames_msg *m, bool with_name)
{
	return !m->id && !m->size && !m->time_ns && all_zero(m->user, sizeof(m->user)) &&
	       all_zero(&m->format, sizeof(m->format)) &&
	       (with_name || all_zero(m->name, sizeof(m->name)));
}

static bool hello(struct consumer *c, const struct frames_msg *m)
{
	if (c->greeted || m->nr_fds || m->seq || m->n != FRAMES_VERSION || m->slot > FHC_SLOTS ||
	    !plain(m, true) || m->name[FRAMES_NAME - 1])
		return false;
	c->greeted = true;
	c->depth = m->slot ? m->slot : FHC_SLOTS;
	return true;
}

static bool release(struct fhc_out *o, unsigned int at, const struct frames_msg *m, int *fence)
{
	struct consumer *c = o->consumer[at];

	if (!c->greeted || m->n || !plain(m, false) || m->slot >= FHC_SLOTS ||
	    !(c->has & BIT(m->slot)) || c->seq[m->slot] != m->seq)
		return false;
	if (*fence >= 0 && (!frames_is_fence(*fence) ||
			    watch(o, EPOLL_CTL_ADD, *fence, EPOLLIN, key(c->serial, at, m->slot))))
		return false;
	c->has &= ~BIT(m->slot);
	if (*fence >= 0) {
		c->promised |= BIT(m->slot);
		c->fence[m->slot] = *fence;
		*fence = -1;
	}
	return true;
}

/* All that it has said; at most as much as it can have to say at once. */
static void listen_to(struct fhc_out *o, unsigned int at)
{
	struct consumer *c = o->consumer[at];
	struct frames_msg m = {.magic = 0};

	for (unsigned int i = 0; i <= FHC_SLOTS; i++) {
		int fd, err = frames_receive(c->fd, &m, &fd);
		bool good = !err && (m.op == FRAMES_HELLO     ? hello(c, &m)
				     : m.op == FRAMES_RELEASE ? release(o, at, &m, &fd)
							      : false);

		if (fd >= 0)
			close(fd);
		if (err == -EAGAIN)
			return;
		if (err == -ECONNRESET)
			consumer_gone(o, at);
		else if (!good)
			cut_off(o, at);
		if (!good)
			return;
	}
}

/* ---- the loop ---- */

static void consumer_ready(struct fhc_out *o, uint64_t data, uint32_t events)
{
	unsigned int at = data >> 8 & 0xff, slot = data & 0xff;
	struct consumer *c = o->consumer[at];

	if (!c || c->serial != data >> 16)
		return; /* it went by an event before this one */
	if (slot != NO_SLOT) {
		if (c->promised & BIT(slot))
			end_promise(o, c, slot);
		bury(o, at);
		return;
	}
	if (c->fd >= 0 && (events & EPOLLOUT) && !tell_hidden(o, at))
		return;
	if (c->fd >= 0 && (events & (uint32_t)~EPOLLOUT))
		listen_to(o, at);
}

int fhc_out_dispatch(struct fhc_out *o)
{
	struct epoll_event ev[EVENTS];
	int n, sum = 0, err = 0;

	do {
		n = epoll_wait(o->epoll, ev, EVENTS, 0);
		if (n < 0)
			return errno == EINTR ? sum : -errno;
		for (int i = 0; i < n; i++) {
			/* Who cannot be let in keeps nobody else waiting. */
			if (ev[i].data.u64 == LISTENING)
				err = accept_all(o);
			else
				consumer_ready(o, ev[i].data.u64, ev[i].events);
		}
		sum += n;
		/* What one event brings, as a promise that is kept already, is the next round's. */
	} while (n && err >= 0 && sum < 64 * EVENTS);
	return err < 0 ? err : sum;
}

int fhc_out_fd(const struct fhc_out *o)
{
	return o->epoll;
}

/* ---- slots ---- */

bool fhc_out_is_free(const struct fhc_out *o, uint32_t slot)
{
	for (unsigned int i = 0; slot < FHC_SLOTS && i < FHC_CONSUMERS; i++)
		if (o->consumer[i] &&
		    ((o->consumer[i]->has | o->consumer[i]->promised) & BIT(slot)))
			return false;
	return slot < FHC_SLOTS;
}

int fhc_out_next(struct fhc_out *o)
{
	for (uint32_t i = 1; i <= FHC_SLOTS; i++) {
		uint32_t slot = (o->last + i) % FHC_SLOTS;

		if (o->slot[slot].fd >= 0 && fhc_out_is_free(o, slot))
			return (int)slot;
	}
	return -EAGAIN;
}

static void empty_slot(struct slot *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

int fhc_out_show(struct fhc_out *o, uint32_t slot, const struct fhc_format *format,
		 const struct fhc_buffer *buf, int fd)
{
	int err = slot >= FHC_SLOTS || !fhc_format_fits(format, buf->size) ? -EINVAL
		  : !fhc_out_is_free(o, slot)				   ? -EBUSY
		  : (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY	   ? -EACCES
		  : !frames_is_buffer(fd, buf->size)			   ? -EINVAL
									   : 0;

	if (err) {
		if (fd >= 0)
			close(fd);
		return err;
	}
	empty_slot(&o->slot[slot]);
	o->slot[slot] = (struct slot){fd, buf->id, buf->size, *format, ++o->generation};
	return 0;
}

int fhc_out_hide(struct fhc_out *o, uint32_t slot)
{
	if (slot >= FHC_SLOTS || o->slot[slot].fd < 0)
		return -EINVAL;
	if (!fhc_out_is_free(o, slot))
		return -EBUSY;
	empty_slot(&o->slot[slot]);
	for (unsigned int i = 0; i < FHC_CONSUMERS; i++) {
		struct consumer *c = o->consumer[i];

		if (!c || c->fd < 0 || !c->knows[slot])
			continue;
		c->knows[slot] = 0;
		c->to_hide |= BIT(slot);
		(void)tell_hidden(o, i);
	}
	return 0;
}

bool fhc_out_ready(const struct fhc_out *o)
{
	for (unsigned int i = 0; i < FHC_CONSUMERS; i++) {
		const struct consumer *c = o->consumer[i];

		if (c && c->fd >= 0 && c->greeted && !would_take(c))
			return false;
	}
	return true;
}

int fhc_out_send(struct fhc_out *o, const struct fhc_frame *f)
{
	struct frames_msg m = frames_msg(FRAMES_FRAME);
	int n = 0;

	if (f->slot >= FHC_SLOTS || o->slot[f->slot].fd < 0 || o->ended)
		return -EINVAL;
	if (!fhc_out_is_free(o, f->slot))
		return -EBUSY;
	m.slot = f->slot;
	m.seq = f->seq;
	m.time_ns = f->time_ns;
	memcpy(m.user, f->user, sizeof(m.user));
	for (unsigned int i = 0; i < FHC_CONSUMERS; i++) {
		const struct consumer *c = o->consumer[i];

		if (c && c->fd >= 0 && c->greeted)
			n += send_to(o, i, &m, f->fence);
	}
	o->last = f->slot;
	return n;
}

/* ---- birth and death ---- */

int fhc_out_create(struct fhc_out **out)
{
	struct fhc_out *o = calloc(1, sizeof(*o));
	int err;

	*out = NULL;
	if (!o)
		return -ENOMEM;
	o->listening = -1;
	o->last = FHC_SLOTS - 1;
	for (unsigned int i = 0; i < FHC_SLOTS; i++)
		o->slot[i].fd = -1;
	o->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (o->epoll < 0) {
		err = -errno;
		free(o);
		return err;
	}
	*out = o;
	return 0;
}

int fhc_out_listen(struct fhc_out *o, const char *path)
{
	int fd, err;

	if (o->listening >= 0)
		return -EALREADY;
	o->path = strdup(path);
	if (!o->path)
		return -ENOMEM;
	fd = frames_bind(path);
	err = fd < 0 ? fd : watch(o, EPOLL_CTL_ADD, fd, EPOLLIN, LISTENING);
	if (!err) {
		o->listening = fd;
		return 0;
	}
	if (fd >= 0) {
		unlink(path);
		close(fd);
	}
	free(o->path);
	o->path = NULL;
	return err;
}

void fhc_out_end(struct fhc_out *o)
{
	struct frames_msg m = frames_msg(FRAMES_END);

	for (unsigned int i = 0; i < FHC_CONSUMERS && !o->ended; i++)
		if (o->consumer[i] && o->consumer[i]->fd >= 0)
			(void)frames_send(o->consumer[i]->fd, &m, -1);
	o->ended = true;
}

void fhc_out_close(struct fhc_out *o)
{
	if (!o)
		return;
	for (unsigned int i = 0; i < FHC_CONSUMERS; i++) {
		struct consumer *c = o->consumer[i];

		if (!c)
			continue;
		for (unsigned int s = 0; s < FHC_SLOTS; s++)
			if (c->promised & BIT(s))
				end_promise(o, c, s);
		if (c->fd >= 0)
			consumer_gone(o, i);
		else
			bury(o, i);
	}
	if (o->listening >= 0) {
		unlink(o->path);
		close(o->listening);
	}
	free(o->path);
	for (unsigned int i = 0; i < FHC_SLOTS; i++)
		empty_slot(&o->slot[i]);
	close(o->epoll);
	free(o);
}

void fhc_out_get_stats(const struct fhc_out *o, struct fhc_out_stats *stats)
{
	*stats = o->stats;
}
