/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Calls that a preloaded library brings to a socket, where seccomp is not allowed: a connection is a call (preload/proto.h). What the
 * kernel's doors to another process would show, the library is asked for: while a call is answered, its caller does nothing else.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include "../preload/proto.h"
#include "../client/fdmsg.h"
#include "exec.h"
#include "exec_inject.h"
#include "exec_preload.h"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

#define PATIENCE_S 5 /* for a caller that was stopped in the middle of a call */

struct conn {
	struct exec_source source;
	struct conn *next;
	uint64_t id;
	int fd;
	pid_t pid;
	int shown,
		own; /* the caller's descriptor that was asked for last, and ours of the same file; -1: none */
};

static struct {
	struct exec_source source;
	struct exec *x;
	int listener, page;
	struct conn *first;
	uint64_t nr; /* ever */
	char name[PL_NAME + 1], secret[PL_NAME + 1];
} s;

/* ---- connections ---- */

static struct conn *find(uint64_t id)
{
	struct conn *c = s.first;

	while (c && c->id != id)
		c = c->next;
	return c;
}

static void forget_shown(struct conn *c)
{
	if (c->own >= 0)
		close(c->own);
	c->own = -1;
}

static void hang_up(struct conn *c)
{
	struct conn **at = &s.first;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	exec_unwatch(s.x, c->fd);
	forget_shown(c);
	close(c->fd);
	free(c);
}

static int put(const struct conn *c, const struct pl_message *m, int fd)
{
	struct iovec iov = {(void *)(uintptr_t)m, sizeof(*m)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	union fd_room room;

	fd_beside(&msg, &room, fd);
	return sendmsg(c->fd, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* The reply: its number, what comes behind it into data[len], a descriptor into *fd. Who does not keep to the protocol is gone. */
static int get(const struct conn *c, void *data, size_t len, int *fd)
{
	union fd_room room;
	struct pl_message m;
	struct iovec iov[2] = {{&m, sizeof(m)}, {data, len}};
	struct msghdr msg = {.msg_iov = iov,
			     .msg_iovlen = 2,
			     .msg_control = room.bytes,
			     .msg_controllen = sizeof(room.bytes)};
	ssize_t n = recvmsg(c->fd, &msg, MSG_CMSG_CLOEXEC);
	int got = n < 0 ? -1 : fd_taken(&msg);

	if (fd)
		*fd = got;
	else if (got >= 0)
		close(got);
	if (n < (ssize_t)sizeof(m) || m.what != PL_REPLY) {
		shutdown(c->fd, SHUT_RDWR);
		return -EIO;
	}
	if (m.n >= 0 && data && (size_t)n - sizeof(m) != len)
		return m.n == n - (ssize_t)sizeof(m) ? m.n : -EIO;
	return m.n;
}

/* ---- memory ---- */

static int read_memory(const struct exec_mem *mem, uint64_t at, void *to, size_t len)
{
	const struct conn *c = find((uint64_t)(uintptr_t)mem->arg);
	struct pl_message m = {.what = PL_READ};
	int n = 0;

	for (size_t done = 0; done < len && !n; done += m.len) {
		m.at = at + done;
		m.len = len - done < PL_PIECE ? len - done : PL_PIECE;
		n = !c || put(c, &m, -1) ? -EFAULT : get(c, (char *)to + done, m.len, NULL);
	}
	return n ? -EFAULT : 0;
}

static int write_memory(const struct exec_mem *mem, uint64_t at, const void *from, size_t len)
{
	const struct conn *c = find((uint64_t)(uintptr_t)mem->arg);
	struct pl_message m = {.what = PL_WRITE};
	const char *bytes = from;
	int n = 0;

	for (size_t done = 0; done < len && !n; done += m.len) {
		m.at = at + done;
		m.len = len - done < PL_PIECE ? len - done : PL_PIECE;
		if (!c || put(c, &m, -1) || send(c->fd, bytes + done, m.len, MSG_NOSIGNAL) < 0)
			return -EFAULT;
		n = get(c, NULL, 0, NULL);
	}
	return n ? -EFAULT : 0;
}

/* ---- the caller ---- */

/* A handler asks about one descriptor several times: it is shown once a call. The result stays the connection's. */
static int shown(struct trap *t, int fd)
{
	struct conn *c = find(t->id);
	struct pl_message m = {.what = PL_GETFD, .n = fd};
	int own = -1, n;

	if (c && c->own >= 0 && c->shown == fd)
		return c->own;
	n = !c || put(c, &m, -1) ? -EIO : get(c, NULL, 0, &own);
	if (n < 0 || own < 0) {
		if (own >= 0)
			close(own);
		return n < 0 ? n : -EIO;
	}
	forget_shown(c);
	c->shown = fd;
	c->own = own;
	return own;
}

static int getfd(struct trap *t, int fd)
{
	int own = shown(t, fd), copy;

	if (own < 0)
		return own;
	copy = fcntl(own, F_DUPFD_CLOEXEC, 0);
	return copy < 0 ? -errno : copy;
}

static int stat_of(struct trap *t, int fd, struct stat *st)
{
	int own = shown(t, fd);

	if (own < 0)
		return own;
	return fstat(own, st) ? -errno : 0;
}

static mode_t mode_of(struct trap *t, int fd)
{
	int own = shown(t, fd), flags;

	if (own < 0)
		return 0;
	flags = fcntl(own, F_GETFL);
	if (flags & O_PATH)
		return 0;
	if ((flags & O_ACCMODE) == O_RDWR)
		return S_IRUSR | S_IWUSR;
	return (flags & O_ACCMODE) == O_WRONLY ? S_IWUSR : S_IRUSR;
}

static ssize_t link_of(struct trap *t, int fd, char *buf, size_t size)
{
	const struct conn *c = find(t->id);
	struct pl_message m = {.what = PL_LINK, .n = fd};

	return !c || put(c, &m, -1) ? -EIO : get(c, buf, size - 1, NULL);
}

/* ---- mappings ---- */

/* As mmap(): an address or a negative errno. */
static int64_t map_one(struct conn *c, struct pl_message *m, int fd)
{
	const struct pl_message data = {.what = PL_DATA};
	struct pl_message reply = {.what = PL_MAP};

	m->what = PL_MAP;
	if (put(c, m, -1) || put(c, &data, fd) ||
	    recv(c->fd, &reply, sizeof(reply), 0) != sizeof(reply) || reply.what != PL_REPLY) {
		shutdown(c->fd, SHUT_RDWR);
		return -EIO;
	}
	return reply.value;
}

static bool is_error(int64_t result)
{
	return result < 0 && result >= -4095;
}

/* The whole as the program asked for it, then each piece over that. */
static int64_t map_pieces(struct trap *t, int stand_in, const struct exec_piece *piece, size_t n)
{
	struct pl_message whole = {.at = t->arg[0], .len = t->arg[1]}, one;
	struct conn *c = find(t->id);
	int64_t at, result = 0;

	memcpy(whole.arg, t->arg, sizeof(whole.arg));
	whole.arg[3] &= ~(uint64_t)(MAP_LOCKED | MAP_POPULATE);
	for (size_t i = 0; i < n; i++)
		if (piece[i].huge) { /* the kernel chooses an address that is good for them */
			whole.len = piece[n - 1].at + piece[n - 1].len;
			whole.arg[3] |= MAP_NORESERVE;
			whole.arg[5] = 0;
			stand_in = piece[i].fd;
			break;
		}
	at = c ? map_one(c, &whole, stand_in) : -EIO;
	for (size_t i = 0; i < n && !is_error(at) && !is_error(result); i++) {
		one = (struct pl_message){.at = (uint64_t)at + piece[i].at, .len = piece[i].len};
		one.arg[2] = t->arg[2];
		one.arg[3] =
			MAP_SHARED | MAP_FIXED |
			(t->arg[3] & (MAP_LOCKED | MAP_POPULATE | MAP_NONBLOCK | MAP_NORESERVE));
		one.arg[5] = piece[i].offset;
		result = map_one(c, &one, piece[i].fd);
	}
	if (!is_error(result))
		return at;
	one = (struct pl_message){.what = PL_UNMAP, .at = (uint64_t)at, .len = whole.len};
	if (!put(c, &one, -1))
		get(c, NULL, 0, NULL);
	return result;
}

/* ---- answers ---- */

static int answer(struct exec *x, uint64_t id, int64_t result)
{
	struct pl_message m = {.what = PL_ANSWER, .value = result};
	struct conn *c = find(id);
	int err;

	(void)x;
	if (result == TRAP_CONTINUE)
		m.what = PL_MINE;
	err = c ? put(c, &m, -1) : -ENOENT;
	if (c)
		hang_up(c);
	return err ? -ENOENT : 0;
}

static void later(struct exec *x, uint64_t id)
{
	struct pl_message m = {.what = PL_LATER};
	struct conn *c = find(id);

	(void)x;
	if (!c)
		return;
	forget_shown(c); /* the program may close it meanwhile */
	put(c, &m, -1);
}

static bool valid(struct exec *x, uint64_t id)
{
	const struct conn *c = find(id);
	struct pollfd p = {.fd = c ? c->fd : -1};

	(void)x;
	return c && poll(&p, 1, 0) == 0;
}

static int give(struct trap *t, int fd, int flags)
{
	const struct conn *c = find(t->id);
	struct pl_message m = {.what = PL_GIVE, .n = flags}, data = {.what = PL_DATA};

	if (!c)
		return -ENOENT;
	atomic_store(&s.x->shared->given, 1);
	return put(c, &m, -1) || put(c, &data, fd) ? -ENOENT : get(c, NULL, 0, NULL);
}

static int64_t give_result(struct trap *t, int fd, int flags)
{
	return give(t, fd, flags);
}

/* ---- calls ---- */

static void has_message(struct exec_source *source, uint32_t events)
{
	struct conn *c = (struct conn *)source;
	struct pl_message m;
	struct trap t;

	if (recv(c->fd, &m, sizeof(m), 0) != sizeof(m) || (events & EPOLLHUP) ||
	    memcmp(m.secret, s.secret, PL_NAME) != 0 || m.what > PL_CALL) {
		hang_up(c);
		return;
	}
	t = (struct trap){.x = s.x, .id = c->id, .tid = c->pid, .nr = m.n};
	for (unsigned int i = 0; i < 6; i++)
		t.arg[i] = m.arg[i];
	t.mem = (struct exec_mem){read_memory, write_memory, t.tid, (void *)(uintptr_t)t.id};
	if (m.what == PL_HELLO)
		exec_answer(s.x, t.id, s.x->form->give(&t, s.page, O_CLOEXEC));
	else
		exec_take(&t);
}

/* Root's programs may become other users; other users' cannot. */
static bool is_stranger(uid_t uid)
{
	return s.x->owner && uid && uid != s.x->owner;
}

static void has_caller(struct exec_source *source, uint32_t events)
{
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	int fd = accept4(s.listener, NULL, NULL, SOCK_CLOEXEC);
	struct conn *c = fd < 0 ? NULL : calloc(1, sizeof(*c));
	struct ucred who;
	socklen_t len = sizeof(who);

	(void)source;
	(void)events;
	if (fd < 0 && errno == EMFILE)
		usleep(1000); /* until a call is answered */
	if (!c || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) || is_stranger(who.uid)) {
		free(c);
		if (fd >= 0)
			close(fd);
		return;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	c->source.ready = has_message;
	c->id = ++s.nr;
	c->fd = fd;
	c->own = -1;
	c->pid = who.pid;
	c->next = s.first;
	s.first = c;
	if (exec_watch(s.x, fd, &c->source))
		hang_up(c);
}

/* ---- beginning and end ---- */

static int random_text(char *to)
{
	unsigned char bytes[PL_NAME / 2];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return -EIO;
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(to + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

static int share(struct exec *x)
{
	struct pl_shared *page;

	s.page = memfd_create("freehold-exec", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (s.page < 0 || ftruncate(s.page, sizeof(*page)))
		return -errno;
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, s.page, 0);
	if (page == MAP_FAILED)
		return -errno;
	/* Whoever maps it from now on can only read it (Linux 5.1). */
	fcntl(s.page, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK);
	fcntl(s.page, F_ADD_SEALS, F_SEAL_FUTURE_WRITE);
	page->joined = x->joined;
	x->shared = page;
	return 0;
}

static int begin(struct exec *x)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int err = share(x);

	s.x = x;
	s.listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (err || s.listener < 0 || random_text(s.name) || random_text(s.secret))
		return err ? err : -EIO;
	memcpy(a.sun_path + 1, s.name, PL_NAME);
	if (bind(s.listener, (const struct sockaddr *)&a,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + PL_NAME)) ||
	    listen(s.listener, SOMAXCONN))
		return -errno;
	return 0;
}

/* Another library that is to be there already, stays, and stands before ours. */
static int enter(struct exec *x, int *fd)
{
	const char *others = getenv("LD_PRELOAD"), *own = exec_preload_library();
	char text[2 * PL_NAME + 2], *all;

	(void)x;
	*fd = -1;
	if (!own)
		return -ENOENT;
	snprintf(text, sizeof(text), "%s:%s", s.name, s.secret);
	if (asprintf(&all, "%s%s%s", others ? others : "", others && *others ? ":" : "", own) < 0)
		return -ENOMEM;
	if (setenv("LD_PRELOAD", all, 1) || setenv(PL_ENV, text, 1))
		return -ENOMEM;
	free(all);
	return 0;
}

static int watch(struct exec *x)
{
	x->shared->memfd_dev = x->memfd_dev;
	s.source.ready = has_caller;
	return exec_watch(x, s.listener, &s.source);
}

/* Whose parent ends, becomes a child of ours: the program is over when we have none but the machine. */
static void reaped(struct exec *x)
{
	if (x->root_done && !exec_preload_children((pid_t)x->machine_pid))
		x->unused = true;
}

const struct exec_form exec_by_preload = {
	.breaks_off = true,
	.begin = begin,
	.enter = enter,
	.watch = watch,
	.answer = answer,
	.later = later,
	.reaped = reaped,
	.valid = valid,
	.give = give,
	.give_result = give_result,
	.getfd = getfd,
	.stat = stat_of,
	.mode = mode_of,
	.map = map_pieces,
	.link = link_of,
};
