/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Messages of frames, and what may be believed of descriptors that come with them. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "fdmsg.h"
#include "frames.h"

struct frames_msg frames_msg(enum frames_op op)
{
	return (struct frames_msg){.magic = FRAMES_MAGIC, .op = (uint16_t)op};
}

int frames_send(int fd, const struct frames_msg *m, int with)
{
	struct frames_msg copy = *m;
	struct iovec iov = {&copy, sizeof(copy)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	union fd_room room;

	fd_beside(&msg, &room, with);
	if (with >= 0)
		copy.nr_fds = 1;
	while (sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		/* Too many descriptors under way, or no memory now: as if it did not read. */
		if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM || errno == ETOOMANYREFS)
			return -EAGAIN;
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

/* The first descriptor; others are closed. How many there were. */
static unsigned int take_fds(struct msghdr *msg, int *with)
{
	unsigned int n = 0;

	for (struct cmsghdr *h = CMSG_FIRSTHDR(msg); h; h = CMSG_NXTHDR(msg, h)) {
		size_t nr = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < nr; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(h) + i * sizeof(int), sizeof(int));
			if (n++)
				close(fd);
			else
				*with = fd;
		}
	}
	return n;
}

int frames_receive(int fd, struct frames_msg *m, int *with)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} control;
	struct iovec iov = {m, sizeof(*m)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	unsigned int nr_fds;
	ssize_t n;
	int err;

	*with = -1;
	while ((n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC)) < 0) {
		if (errno == EAGAIN)
			return -EAGAIN;
		/* ECONNRESET is said once, before what the other end sent last. */
		if (errno != EINTR && errno != ECONNRESET)
			return -ECONNRESET;
		msg.msg_controllen = sizeof(control);
	}
	if (!n)
		return -ECONNRESET;
	nr_fds = take_fds(&msg, with);
	err = n != (ssize_t)sizeof(*m) || (msg.msg_flags & MSG_TRUNC) || m->magic != FRAMES_MAGIC ||
			      m->op >= FRAMES_NR_OPS || m->nr_fds > 1 || nr_fds > m->nr_fds
		      ? -EPROTO
	      : nr_fds < m->nr_fds ? ((msg.msg_flags & MSG_CTRUNC) ? -EMFILE : -EPROTO)
				   : 0;
	if (err && *with >= 0) {
		close(*with);
		*with = -1;
	}
	return err;
}

/* ---- descriptors ---- */

bool frames_is_fence(int fd)
{
	char path[48], to[64];
	ssize_t n;

	/* What /proc says of these comes from no file system, so nobody can make this wait. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, to, sizeof(to) - 1);
	if (n < 0)
		return false;
	to[n] = '\0';
	if (!strncmp(to, "pipe:[", 6))
		return (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY;
	return !strcmp(to, "anon_inode:sync_file") || !strcmp(to, "anon_inode:[eventfd]");
}

/* A DMA-BUF of a driver: what it is called comes from the kernel, and it never changes its size. */
static bool is_dmabuf(int fd)
{
	char path[48], to[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, to, sizeof(to) - 1);
	if (n < 0)
		return false;
	to[n] = '\0';
	return !strncmp(to, "/dmabuf:", 8) && access(to, F_OK);
}

bool frames_is_buffer(int fd, uint64_t size)
{
	int seals, mode = fcntl(fd, F_GETFL);
	struct stat st;
	off_t end;

	if (mode < 0 || (mode & O_ACCMODE) != O_RDONLY || (mode & O_PATH) || size > INT64_MAX)
		return false;
	seals = fcntl(fd, F_GET_SEALS);
	if (seals >= 0)
		return (seals & F_SEAL_SHRINK) && !fstat(fd, &st) && (uint64_t)st.st_size >= size;
	if (!is_dmabuf(fd))
		return false;
	end = lseek(fd, 0, SEEK_END);
	return end >= 0 && (uint64_t)end >= size;
}

/* ---- sockets ---- */

static int address_of(const char *path, struct sockaddr_un *a)
{
	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (!*path || strlen(path) >= sizeof(a->sun_path))
		return *path ? -ENAMETOOLONG : -ENOENT;
	memcpy(a->sun_path, path, strlen(path));
	return 0;
}

int frames_dial(const char *path)
{
	struct sockaddr_un a;
	int fd, err = address_of(path, &a);

	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (!connect(fd, (const struct sockaddr *)&a, sizeof(a)))
		return fd;
	err = errno == EPROTOTYPE ? -EPROTO : -errno;
	close(fd);
	return err;
}

/* Between bind() and listen() nobody gets in, so the mode holds from the first on. */
int frames_bind(const char *path)
{
	struct sockaddr_un a;
	int fd, other, err = address_of(path, &a);

	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	err = bind(fd, (const struct sockaddr *)&a, sizeof(a)) ? -errno : 0;
	if (err == -EADDRINUSE) {
		other = frames_dial(path);
		if (other >= 0)
			close(other);
		else if (other == -ECONNREFUSED && !unlink(path))
			err = bind(fd, (const struct sockaddr *)&a, sizeof(a)) ? -errno : 0;
	}
	if (!err && (chmod(path, 0600) || listen(fd, FHC_CONSUMERS))) {
		err = -errno;
		unlink(path);
	}
	if (err)
		close(fd);
	return err ? err : fd;
}

/* ---- fences ---- */

/* The four bytes that it ended with, which stay in the pipe for others; a sync_file and an eventfd have none. */
static int error_in_pipe(int fence)
{
	int32_t e = 0;
	int peek[2];

	if (pipe2(peek, O_CLOEXEC | O_NONBLOCK))
		return 0;
	if (tee(fence, peek[1], sizeof(e), SPLICE_F_NONBLOCK) == (ssize_t)sizeof(e) &&
	    read(peek[0], &e, sizeof(e)) != (ssize_t)sizeof(e))
		e = 0;
	close(peek[0]);
	close(peek[1]);
	return e < 0 && e > -4096 ? e : 0;
}

static int outcome(int fence, short revents)
{
	int err;

	if (revents & POLLIN) {
		err = error_in_pipe(fence);
		return err ? err : 1;
	}
	return revents & POLLNVAL ? -EBADF : revents ? -EIO : 0;
}

int fhc_fence_state(int fence)
{
	struct pollfd p = {.fd = fence, .events = POLLIN};
	int n = poll(&p, 1, 0);

	return n < 0 ? -errno : !n ? 0 : outcome(fence, p.revents);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int fhc_fence_wait(int fence, int ms)
{
	struct pollfd p = {.fd = fence, .events = POLLIN};
	int64_t end = ms > 0 ? now_ms() + ms : 0;
	int n, err;

	if (fence < 0)
		return 0;
	n = poll(&p, 1, ms);
	/* poll() may wake a little early. */
	while (!n && ms > 0 && now_ms() < end)
		n = poll(&p, 1, 1);
	if (n <= 0)
		return n < 0 ? -errno : -ETIMEDOUT;
	err = outcome(fence, p.revents);
	return err == 1 ? 0 : err;
}
