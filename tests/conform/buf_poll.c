// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// Cases about poll, select and epoll on a buffer that no device uses.
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <unistd.h>

#include "calls.h"

static const struct {
	const char *name;
	short events;
} asks[] = {
	{"in", POLLIN},		{"out", POLLOUT},	{"in-out", POLLIN | POLLOUT},
	{"rdnorm", POLLRDNORM}, {"wrnorm", POLLWRNORM}, {"pri", POLLPRI},
	{"err", POLLERR},	{"hup", POLLHUP},	{"none", 0},
	{"all", 0x3fff},
};
#define N_ASKS (sizeof(asks) / sizeof(*asks))

static void poll_cases(void)
{
	struct timespec none = {0};
	int fd = new_buffer(PAGE);
	struct pollfd p = {.fd = fd};
	long r;

	for (size_t i = 0; i < N_ASKS; i++) {
		p.events = asks[i].events;
		r = sys(poll(&p, 1, 0));
		detail("revents=%#x", (unsigned int)p.revents);
		report(r, "%s", asks[i].name);
	}
	p.events = POLLIN | POLLOUT;
	r = sys(ppoll(&p, 1, &none, NULL));
	detail("revents=%#x", (unsigned int)p.revents);
	report(r, "ppoll");
	p.events = POLLPRI;
	report(sys(poll(&p, 1, 20)), "pri-20-ms");
	p.fd = new_buffer_flags(PAGE, O_RDONLY);
	p.events = POLLIN | POLLOUT;
	r = sys(poll(&p, 1, 0));
	detail("revents=%#x", (unsigned int)p.revents);
	report(r, "rdonly-in-out");
}

static void select_cases(void)
{
	int fd = new_buffer(PAGE);
	struct timeval none = {0};
	fd_set r, w, x;
	long n;

	FD_ZERO(&r);
	if (!absent)
		FD_SET(fd, &r);
	w = x = r;
	n = sys(select(fd + 1, &r, &w, &x, &none));
	if (!absent)
		detail("r=%d w=%d x=%d", !!FD_ISSET(fd, &r), !!FD_ISSET(fd, &w),
		       !!FD_ISSET(fd, &x));
	report(n, "all");
	FD_ZERO(&x);
	if (!absent)
		FD_SET(fd, &x);
	report(sys(select(fd + 1, NULL, NULL, &x, &none)), "except");
}

static void epoll_cases(void)
{
	int fd = new_buffer(PAGE), ep = epoll_create1(EPOLL_CLOEXEC), again;
	struct epoll_event event = {0}, got;
	long r;

	for (size_t i = 0; i < N_ASKS; i++) {
		event.events = (uint32_t)asks[i].events;
		report(sys(epoll_ctl(ep, i ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event)), "ctl-%s",
		       asks[i].name);
		got.events = 0;
		r = sys(epoll_wait(ep, &got, 1, 0));
		detail("events=%#x", got.events);
		report(r, "wait-%s", asks[i].name);
	}
	report(sys(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event)), "add-twice");
	event.events = EPOLLIN | EPOLLET;
	report(sys(epoll_ctl(ep, EPOLL_CTL_MOD, fd, &event)), "mod-edge");
	report(sys(epoll_wait(ep, &got, 1, 0)), "edge-first");
	report(sys(epoll_wait(ep, &got, 1, 0)), "edge-second");
	event.events = EPOLLIN | EPOLLONESHOT;
	report(sys(epoll_ctl(ep, EPOLL_CTL_MOD, fd, &event)), "mod-oneshot");
	report(sys(epoll_wait(ep, &got, 1, 0)), "oneshot-first");
	report(sys(epoll_wait(ep, &got, 1, 0)), "oneshot-second");
	again = dup(fd);
	event.events = EPOLLIN;
	report(sys(epoll_ctl(ep, EPOLL_CTL_MOD, fd, &event)), "mod-in");
	close(fd);
	report(sys(epoll_wait(ep, &got, 1, 0)), "closed-but-dup");
	close(again);
	report(sys(epoll_wait(ep, &got, 1, 0)), "closed");
}

const struct group poll_groups[] = {
	{"poll", poll_cases, PER_SOURCE},
	{"select", select_cases, PER_SOURCE},
	{"epoll", epoll_cases, PER_SOURCE},
	{NULL, NULL, ALWAYS},
};
