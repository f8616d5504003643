/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One call, put to the supervisor. All memory of the caller is read and written by the kernel on its way through the socket, so a bad
 * address is an error and no crash. Signals are blocked meanwhile, since a handler could call again while the supervisor
 * waits for us; only where the answer takes time they are let in, and break the call off as they would in the kernel.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "../client/fdmsg.h"
#include "preload.h"

#define HIGH 1000 /* where the socket is out of the way of who wants the lowest number */

static struct {
	_Atomic int known; /* 1: name and secret; -1: nobody to ask */
	char name[PL_NAME + 1], secret[PL_NAME];
	_Atomic(const struct pl_shared *) page;
} to;

/* All but those that the kernel sends for what the caller itself does: blocked, they would kill. */
#define BIT(signal) (1UL << ((signal)-1))
static const unsigned long blocked =
	~(BIT(SIGILL) | BIT(SIGTRAP) | BIT(SIGBUS) | BIT(SIGFPE) | BIT(SIGSEGV) | BIT(SIGSYS));

/* ---- messages ---- */

/* What is behind the head of a message; all lengths of messages fit. */
static long send_with(int sock, const struct pl_message *m, void *data, size_t len)
{
	struct iovec iov[2] = {{(void *)(unsigned long)m, sizeof(*m)}, {data, len}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = len ? 2 : 1};

	return SYS(SYS_sendmsg, sock, ADDRESS(&msg), MSG_NOSIGNAL);
}

static long send_fd(int sock, const struct pl_message *m, int fd)
{
	struct iovec iov = {(void *)(unsigned long)m, sizeof(*m)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	union fd_room room;

	fd_beside(&msg, &room, fd);
	return SYS(SYS_sendmsg, sock, ADDRESS(&msg), MSG_NOSIGNAL);
}

static void reply(int sock, long n)
{
	struct pl_message m = {.what = PL_REPLY, .n = (int32_t)n};

	send_with(sock, &m, NULL, 0);
}

/* ---- what the supervisor asks for ---- */

static void read_memory(int sock, const struct pl_message *m)
{
	struct pl_message head = {.what = PL_REPLY};
	long n = send_with(sock, &head, (void *)m->at, m->len);

	if (n < 0)
		reply(sock, n);
}

static void write_memory(int sock, const struct pl_message *m)
{
	struct iovec iov = {(void *)m->at, m->len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	long n = SYS(SYS_recvmsg, sock, ADDRESS(&msg), 0);

	reply(sock, n < 0 ? n : (size_t)n == m->len ? 0 : -EFAULT);
}

static void show_fd(int sock, int fd)
{
	struct pl_message head = {.what = PL_REPLY};
	long own = fd, n;

	if (fd == AT_FDCWD)
		own = SYS(SYS_openat, AT_FDCWD, ADDRESS("."), O_PATH | O_CLOEXEC);
	n = own < 0 ? own : send_fd(sock, &head, (int)own);
	if (n < 0)
		reply(sock, n);
	if (fd == AT_FDCWD && own >= 0)
		SYS(SYS_close, own);
}

static char *put_number(char *at, int n)
{
	if (n > 9)
		at = put_number(at, n / 10);
	*at = (char)('0' + n % 10);
	return at + 1;
}

static void show_link(int sock, int fd)
{
	struct pl_message head = {.what = PL_REPLY};
	char path[32] = "/proc/self/cwd", text[PL_TEXT];
	long n;

	if (fd != AT_FDCWD) {
		memcpy(path, "/proc/self/fd/", 14);
		*put_number(path + 14, fd < 0 ? 0 : fd) = '\0';
	}
	n = fd < 0 && fd != AT_FDCWD
		    ? -EBADF
		    : SYS(SYS_readlinkat, AT_FDCWD, ADDRESS(path), ADDRESS(text), sizeof(text));
	if (n < 0 || n == sizeof(text)) {
		reply(sock, n < 0 ? n : -ENAMETOOLONG);
		return;
	}
	head.n = (int32_t)n;
	send_with(sock, &head, text, (size_t)n);
}

/* The kernel takes the lowest number, or none is free. */
static int taken_fd(int sock, int flags)
{
	union fd_room room = {.bytes = {0}};
	struct pl_message m;
	struct iovec iov = {&m, sizeof(m)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = room.bytes,
			     .msg_controllen = sizeof(room.bytes)};
	long n = SYS(SYS_recvmsg, sock, ADDRESS(&msg), flags & O_CLOEXEC ? MSG_CMSG_CLOEXEC : 0);
	int fd = n < 0 ? -1 : fd_taken(&msg);

	return fd < 0 ? -EMFILE : fd;
}

/* Nothing but this thread can map something here. */
static void map_piece(int sock, const struct pl_message *m)
{
	struct pl_message head = {.what = PL_REPLY};
	int fd = taken_fd(sock, O_CLOEXEC);

	head.value = fd;
	if (fd >= 0) {
		head.value = SYS(SYS_mmap, (long)m->at, (long)m->len, (long)m->arg[2],
				 (long)m->arg[3], fd, (long)m->arg[5]);
		SYS(SYS_close, fd);
	}
	send_with(sock, &head, NULL, 0);
}

/* ---- waiting ---- */

/* Until there is a message, with the signals let in that the call itself would let in. 0 or a negative errno. */
static long let_signals_in(int sock, long nr, const long *arg, const unsigned long *mask)
{
	struct pollfd p = {.fd = sock, .events = POLLIN};
	char byte;
	long n;

	if (nr == SYS_ioctl) { /* done again after a handler with SA_RESTART: as recvfrom() is */
		SYS(SYS_rt_sigprocmask, SIG_SETMASK, ADDRESS(mask), 0, KERNEL_SIGSETS);
		n = SYS(SYS_recvfrom, sock, ADDRESS(&byte), 1, MSG_PEEK);
		SYS(SYS_rt_sigprocmask, SIG_SETMASK, ADDRESS(&blocked), 0, KERNEL_SIGSETS);
		return n < 0 ? n : 0;
	}
	if (nr == SYS_ppoll && arg[3])
		mask = (const unsigned long *)arg[3];
	else if (nr == SYS_pselect6 && arg[5] && *(const long *)arg[5])
		mask = *(const unsigned long *const *)arg[5];
	n = SYS(SYS_ppoll, ADDRESS(&p), 1, 0, ADDRESS(mask), KERNEL_SIGSETS);
	return n < 0 ? n : 0;
}

/* ---- a conversation ---- */

static void serve(int sock, const struct pl_message *m)
{
	switch (m->what) {
	case PL_READ:
		read_memory(sock, m);
		break;
	case PL_WRITE:
		write_memory(sock, m);
		break;
	case PL_GETFD:
		show_fd(sock, m->n);
		break;
	case PL_LINK:
		show_link(sock, m->n);
		break;
	case PL_GIVE:
		reply(sock, taken_fd(sock, m->n));
		break;
	case PL_MAP:
		map_piece(sock, m);
		break;
	case PL_UNMAP:
		reply(sock, SYS(SYS_munmap, (long)m->at, (long)m->len));
		break;
	default:
		break;
	}
}

/* false: it is not answered, since it is none of theirs, or the supervisor has ended. */
static bool talk(int sock, struct pl_message *m, const unsigned long *mask, long *result)
{
	const long nr = m->n;
	long arg[6];

	for (int i = 0; i < 6; i++)
		arg[i] = (long)m->arg[i];
	memcpy(m->secret, to.secret, sizeof(m->secret));
	if (send_with(sock, m, NULL, 0) < 0)
		return false;
	for (;;) {
		if (SYS(SYS_recvfrom, sock, ADDRESS(m), sizeof(*m), 0) != sizeof(*m))
			return false;
		switch (m->what) {
		case PL_ANSWER:
			*result = (long)m->value;
			return true;
		case PL_MINE:
			return false;
		case PL_LATER:
			*result = let_signals_in(sock, nr, arg, mask);
			if (*result)
				return true;
			break;
		default:
			serve(sock, m);
		}
	}
}

/* Out of the way: high up, or, where the table is full, above the limit, which is raised for that moment. */
static long placed(long sock)
{
	struct rlimit old = {0}, more;
	long high, place;

	if (SYS(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, ADDRESS(&old)) < 0)
		return sock;
	high = old.rlim_cur > HIGH + 24 ? HIGH : (long)old.rlim_cur - 24;
	place = sock < 0 || high < 3 ? -EMFILE : SYS(SYS_fcntl, sock, F_DUPFD_CLOEXEC, high);
	if (place < 0 && old.rlim_cur < old.rlim_max) {
		more = old;
		more.rlim_cur++;
		SYS(SYS_prlimit64, 0, RLIMIT_NOFILE, ADDRESS(&more));
		if (sock < 0)
			place = SYS(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
		else
			place = SYS(SYS_fcntl, sock, F_DUPFD_CLOEXEC, (long)old.rlim_cur);
		SYS(SYS_prlimit64, 0, RLIMIT_NOFILE, ADDRESS(&old));
	}
	if (place < 0)
		return sock;
	if (sock >= 0)
		SYS(SYS_close, sock);
	return place;
}

static long connected(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	long sock = SYS(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), err;
	size_t len = strlen(to.name);

	sock = placed(sock);
	if (sock < 0)
		return sock;
	memcpy(a.sun_path + 1, to.name, len);
	err = SYS(SYS_connect, sock, ADDRESS(&a),
		  (long)(offsetof(struct sockaddr_un, sun_path) + 1 + len));
	if (!err)
		return sock;
	SYS(SYS_close, sock);
	return err;
}

static bool makes_descriptor(long nr)
{
	return nr == SYS_openat || nr == SYS_openat2 || nr == SYS_ioctl;
}

static bool converse(struct pl_message *m, long *result)
{
	const long nr = m->n;
	unsigned long mask = 0;
	bool answered = false;
	long sock;

	SYS(SYS_rt_sigprocmask, SIG_SETMASK, ADDRESS(&blocked), ADDRESS(&mask), KERNEL_SIGSETS);
	sock = connected();
	if (sock >= 0) {
		answered = talk((int)sock, m, &mask, result);
		SYS(SYS_close, sock);
	} else if (sock == -EMFILE || sock == -ENFILE) {
		*result = sock;
		answered = m->what == PL_CALL && makes_descriptor(nr);
	} else if (sock == -ECONNREFUSED) {
		atomic_store(&to.known, -1);
	}
	SYS(SYS_rt_sigprocmask, SIG_SETMASK, ADDRESS(&mask), 0, KERNEL_SIGSETS);
	return answered;
}

/* ---- the supervisor ---- */

/* Two threads may do it at once: they write the same. */
static bool know(void)
{
	int known = atomic_load(&to.known);
	const char *text, *colon;

	if (known)
		return known > 0;
	text = getenv(PL_ENV);
	colon = text ? strchr(text, ':') : NULL;
	if (!colon || colon - text > PL_NAME || strlen(colon + 1) != PL_NAME) {
		atomic_store(&to.known, -1);
		return false;
	}
	memcpy(to.name, text, (size_t)(colon - text));
	memcpy(to.secret, colon + 1, PL_NAME);
	atomic_store(&to.known, 1);
	return true;
}

const struct pl_shared *shared_page(void)
{
	const struct pl_shared *page = atomic_load(&to.page), *none = NULL;
	struct pl_message m = {.what = PL_HELLO};
	long fd, at;

	if (page || !know() || !converse(&m, &fd) || fd < 0)
		return page;
	at = SYS(SYS_mmap, 0, sizeof(*page), PROT_READ, MAP_SHARED, fd, 0);
	SYS(SYS_close, fd);
	if (at < 0 && at > -4096)
		return NULL;
	page = (const struct pl_shared *)at;
	if (atomic_compare_exchange_strong(&to.page, &none, page))
		return page;
	SYS(SYS_munmap, at, sizeof(*page));
	return none;
}

bool ask(long nr, const long *arg, long *result)
{
	struct pl_message m = {.what = PL_CALL, .n = (int32_t)nr};

	if (!know())
		return false;
	for (int i = 0; i < 6; i++)
		m.arg[i] = (uint64_t)arg[i];
	return converse(&m, result);
}
