/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The loop of the server: who is looked at, listening, ends. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <freehold/mem.h>
#include "serve_in.h"

#define EVENTS 64

struct listener {
	struct watch watch;
	struct listener *next;
};

struct corpse {
	struct corpse *next;
};

struct serve_opts serve_defaults(void)
{
	return (struct serve_opts){
		.max_clients = 1024,
		.max_buffers = 65536,
		.max_under_way = 256,
		.max_syncs = 1024,
		.group = -1,
	};
}

void server_log(struct server *s, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	if (!s->o.log)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	s->o.log(s->o.log_arg, line);
}

/* ---- watches ---- */

int watch_add(struct server *s, struct watch *w, int fd, uint32_t events,
	      void (*ready)(struct watch *w, uint32_t events))
{
	struct epoll_event ev = {.events = events, .data.ptr = w};

	*w = (struct watch){.fd = fd, .events = events, .ready = ready, .s = s};
	if (!epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev))
		return 0;
	w->ready = NULL;
	return -errno;
}

void watch_change(struct watch *w, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = w};

	if (w->events == events || epoll_ctl(w->s->epoll, EPOLL_CTL_MOD, w->fd, &ev))
		return;
	w->events = events;
}

void watch_end(struct watch *w)
{
	if (!w->ready)
		return;
	w->ready = NULL;
	/* By hand: a descriptor that others have, too, would be looked at for ever. */
	(void)epoll_ctl(w->s->epoll, EPOLL_CTL_DEL, w->fd, NULL);
	close(w->fd);
	w->fd = -1;
}

void server_bury(struct server *s, void *p)
{
	struct corpse *c = p;

	/* What is buried begins with a link or a watch's descriptor, which nobody reads again: there is room for the list. */
	c->next = s->corpses;
	s->corpses = c;
}

static void free_buried(struct server *s)
{
	while (s->corpses) {
		struct corpse *c = s->corpses;

		s->corpses = c->next;
		free(c);
	}
}

/* ---- listening ---- */

/* No descriptor is left for the one who knocks: he is let in on the spare one, and out again, so that he does not keep the loop awake. */
static void turn_away(struct server *s, int listening)
{
	int fd;

	if (!s->said_full)
		server_log(s, "no descriptors left: clients are turned away");
	s->said_full = true;
	if (s->spare >= 0)
		close(s->spare);
	fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0)
		close(fd);
	s->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void listening_ready(struct watch *w, uint32_t events)
{
	struct server *s = w->s;

	(void)events;
	for (unsigned int i = 0; i < 16; i++) {
		int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			(void)client_create(s, fd);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE)
			turn_away(s, w->fd);
		else if (errno == ECONNABORTED || errno == EINTR)
			continue;
		return;
	}
}

int server_listen(struct server *s, int fd)
{
	struct listener *l = malloc(sizeof(*l));
	int err = l ? 0 : -ENOMEM;

	if (!err && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
		err = -errno;
	if (!err)
		err = watch_add(s, &l->watch, fd, EPOLLIN, listening_ready);
	if (err) {
		close(fd);
		free(l);
		return err;
	}
	l->next = s->listening;
	s->listening = l;
	return 0;
}

int server_adopt(struct server *s, int fd)
{
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	return client_create(s, fd);
}

/* ---- the server ---- */

/* Its own books against each other; the machine's against the machine. */
unsigned int server_check(struct server *s, char *why, size_t size)
{
	unsigned int wrong = held_check(s, why, size);

	return wrong ? wrong : fh_check(s->o.m, why, size);
}

int server_create(const struct serve_opts *opts, struct server **out, struct boot_why *why)
{
	struct server *s = calloc(1, sizeof(*s));
	int err = -ENOMEM;

	if (s) {
		s->o = *opts;
		s->uid = geteuid();
		s->inotify.fd = -1;
		s->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
		s->epoll = epoll_create1(EPOLL_CLOEXEC);
		s->closer = closer_create();
		err = s->epoll < 0 ? -errno : s->closer ? 0 : -ENOMEM;
	}
	if (!err)
		err = fences_create(s);
	if (!err)
		err = buffers_create(s);
	if (!err)
		err = state_open(s, why);
	if (!err) {
		*out = s;
		return 0;
	}
	if (!*why->text)
		snprintf(why->text, sizeof(why->text), "the server cannot be made: %s",
			 strerror(-err));
	if (s)
		server_destroy(s);
	return err;
}

void server_destroy(struct server *s)
{
	while (s->clients)
		client_end(s->clients);
	while (s->listening) {
		struct listener *l = s->listening;

		s->listening = l->next;
		watch_end(&l->watch);
		free(l);
	}
	if (s->fences)
		buffers_destroy(s);
	fences_destroy(s);
	free_buried(s);
	closer_destroy(s->closer);
	if (s->epoll >= 0)
		close(s->epoll);
	if (s->spare >= 0)
		close(s->spare);
	free(s);
}

int server_step(struct server *s, int timeout_ms)
{
	struct epoll_event ev[EVENTS];
	int n = epoll_pwait(s->epoll, ev, EVENTS, s->stocked ? closes_patience(s, timeout_ms) : 0,
			    s->o.sigmask);

	/* Nobody wants anything: now is the time to prepare for the next. */
	if (!n && !s->stocked)
		s->stocked = !hosted_share_stock(s->o.host);
	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		struct watch *w = ev[i].data.ptr;

		if (w->ready)
			w->ready(w, ev[i].events);
	}
	closes_sweep(s);
	fences_step(s);
	free_buried(s);
	return 0;
}

void server_drain(struct server *s)
{
	s->draining = true;
}

unsigned int server_clients(const struct server *s)
{
	return s->nr_clients;
}

uint64_t server_buffers(const struct server *s)
{
	return s->nr_buffers;
}
