/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Ends of frames that say what they should not: their connection ends, and nothing else happens. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include "../../client/frames.h"
#include "framestest.h"
#include "t.h"

/* A connection to the producer whose other end says what it likes. */
static int stranger(struct fhc_out *out)
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd))
		return -1;
	(void)fhc_out_adopt(out, fd[0]);
	return fd[1];
}

static void say_hello(int fd)
{
	struct frames_msg m = frames_msg(FRAMES_HELLO);

	m.n = FRAMES_VERSION;
	T_EQ(frames_send(fd, &m, -1), 0);
}

static bool cut_off(int fd)
{
	struct frames_msg m;
	int err, with;

	while (!(err = frames_receive(fd, &m, &with)))
		if (with >= 0)
			close(with);
	return err == -ECONNRESET;
}

/* Takes the frame in slot 0 as a good one would; its seq is 3. */
static void take_frame(int fd)
{
	struct frames_msg m;
	int with;

	T_EQ(frames_receive(fd, &m, &with), 0);
	T_EQ(m.op, FRAMES_SHOW);
	close(with);
	T_EQ(frames_receive(fd, &m, &with), 0);
	T_EQ(m.op, FRAMES_FRAME);
}

#define RELEASE                                                                                    \
	{                                                                                          \
		.magic = FRAMES_MAGIC, .op = FRAMES_RELEASE, .seq = 3                              \
	}

static const struct bad_answer {
	const char *name;
	struct frames_msg m;
	unsigned int change; /* byte that is not as it should be; 0: the message itself is bad */
	int with;	     /* -1, 0: a file, 1: a pipe's write end, 2: an epoll */
} bad_answer[] = {
	{"another greeting",
	 {.magic = FRAMES_MAGIC, .op = FRAMES_HELLO, .n = FRAMES_VERSION},
	 0,
	 -1},
	{"an operation that is a producer's", {.magic = FRAMES_MAGIC, .op = FRAMES_FRAME}, 0, -1},
	{"no operation", {.magic = FRAMES_MAGIC, .op = FRAMES_NR_OPS}, 0, -1},
	{"magic", RELEASE, 0 + 1, -1},
	{"a descriptor that is not there", RELEASE, offsetof(struct frames_msg, nr_fds), -1},
	{"a slot that it has not", RELEASE, offsetof(struct frames_msg, slot), -1},
	{"a slot that there is not", RELEASE, offsetof(struct frames_msg, slot) + 3, -1},
	{"another frame", RELEASE, offsetof(struct frames_msg, seq), -1},
	{"n", RELEASE, offsetof(struct frames_msg, n), -1},
	{"size", RELEASE, offsetof(struct frames_msg, size), -1},
	{"id", RELEASE, offsetof(struct frames_msg, id) + 7, -1},
	{"time", RELEASE, offsetof(struct frames_msg, time_ns), -1},
	{"user", RELEASE, offsetof(struct frames_msg, user) + 63, -1},
	{"format", RELEASE, offsetof(struct frames_msg, format), -1},
	{"name", RELEASE, offsetof(struct frames_msg, name) + 31, -1},
	{"a file for a fence", RELEASE, 0, 0},
	{"the wrong end of a pipe", RELEASE, 0, 1},
	{"an epoll", RELEASE, 0, 2},
};

static void a_bad_answer_ends_its_connection_only(void)
{
	struct frames_pair p = frames_pair(1, 0);
	struct fhc_out_stats stats;
	struct fhc_frame got;
	int fence, signal, fds[3];

	T_EQ(fhc_fence(&fence, &signal), 0);
	fds[0] = p.raw_memfd;
	fds[1] = signal;
	fds[2] = fhc_out_fd(p.out);
	for (unsigned int i = 0; i < sizeof(bad_answer) / sizeof(bad_answer[0]); i++) {
		struct fhc_frame f = {.slot = 0, .seq = 3, .fence = -1};
		const struct bad_answer *b = &bad_answer[i];
		struct frames_msg m = b->m;
		int fd = stranger(p.out);

		say_hello(fd);
		(void)fhc_out_dispatch(p.out);
		T_EQ(fhc_out_send(p.out, &f), 2);
		take_frame(fd);
		if (b->change)
			((char *)&m)[b->change] = (char)(((char *)&m)[b->change] + 1);
		T_EQ(frames_send(fd, &m, b->with < 0 ? -1 : fds[b->with]), 0);
		(void)fhc_out_dispatch(p.out);
		T_OK(cut_off(fd), b->name);
		close(fd);
		T_NEED(!fhc_in_next(p.in, &got));
		T_EQ(fhc_in_release(p.in, 0), 0);
		(void)fhc_out_dispatch(p.out);
		T_OK(fhc_out_is_free(p.out, 0), b->name);
		fhc_out_get_stats(p.out, &stats);
		T_EQ(stats.broken, i + 1);
		T_EQ(stats.consumers, 1);
	}
	close(fence);
	close(signal);
	frames_pair_end(&p);
}

static void a_greeting_is_checked(void)
{
	struct frames_pair p = frames_ring(1);
	struct frames_msg good = frames_msg(FRAMES_HELLO), m;
	unsigned int cut = 0;

	good.n = FRAMES_VERSION;
	for (unsigned int i = 0; i < 5; i++) {
		int fd = stranger(p.out);

		m = good;
		m.n += i == 0;
		m.slot = i == 1 ? FHC_SLOTS + 1 : 0;
		m.seq = i == 2;
		if (i == 3)
			memset(m.name, 'x', sizeof(m.name));
		if (i == 4)
			m.op = FRAMES_RELEASE;
		T_EQ(frames_send(fd, &m, -1), 0);
		(void)fhc_out_dispatch(p.out);
		cut += cut_off(fd);
		close(fd);
	}
	T_EQ(cut, 5);
	frames_pair_end(&p);
}

static void packets_of_any_length(void)
{
	struct frames_pair p = frames_ring(1);
	static char bytes[4096];
	struct frames_msg m = frames_msg(FRAMES_HELLO);

	m.n = FRAMES_VERSION;
	memcpy(bytes, &m, sizeof(m));
	for (size_t n = 1; n < sizeof(bytes); n = n * 2 + 1) {
		int fd = stranger(p.out);

		T_EQ(send(fd, bytes, n, MSG_NOSIGNAL), n);
		(void)fhc_out_dispatch(p.out);
		T_OK(cut_off(fd), "cut off");
		close(fd);
	}
	frames_pair_end(&p);
}

static void more_descriptors_than_said_are_closed(void)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} control = {.align = {.cmsg_level = SOL_SOCKET,
			       .cmsg_type = SCM_RIGHTS,
			       .cmsg_len = CMSG_LEN(2 * sizeof(int))}};
	struct frames_msg m = frames_msg(FRAMES_HELLO);
	struct iovec iov = {&m, sizeof(m)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	struct frames_pair p = frames_ring(1);
	struct pollfd watch;
	int fence, signal, fd = stranger(p.out), two[2];

	T_EQ(fhc_fence(&fence, &signal), 0);
	two[0] = two[1] = signal;
	m.n = FRAMES_VERSION;
	memcpy(CMSG_DATA(&control.align), two, sizeof(two));
	T_EQ(sendmsg(fd, &msg, MSG_NOSIGNAL), sizeof(m));
	close(signal);
	(void)fhc_out_dispatch(p.out);
	T_OK(cut_off(fd), "cut off");
	/* Nobody has the other end of the pipe any more. */
	watch = (struct pollfd){.fd = fence, .events = POLLIN};
	T_EQ(poll(&watch, 1, 0), 1);
	close(fence);
	close(fd);
	frames_pair_end(&p);
}

/* ---- a producer that is none ---- */

static struct frames_msg good_show(void)
{
	struct frames_msg m = frames_msg(FRAMES_SHOW);

	m.id = 1;
	m.size = FRAMES_BYTES;
	m.format = frames_format(0);
	return m;
}

static struct fhc_in *victim(int *fd)
{
	struct fhc_in *in;
	int s[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, s) ||
	    fhc_in_adopt(s[1], "victim", 0, &in))
		return NULL;
	*fd = s[0];
	return in;
}

/* What it makes of one message, after a good buffer in slot 0 and perhaps a frame there. */
static int says(const struct frames_msg *m, int with, bool framed)
{
	struct frames_msg show = good_show(), frame = frames_msg(FRAMES_FRAME);
	int fd = -1, memfd = frames_memfd(FRAMES_BYTES, true), reading = frames_reading(memfd), err;
	struct fhc_in *in = victim(&fd);
	struct fhc_frame f = {.fence = -1};
	const void *at = NULL;

	T_EQ(frames_send(fd, &show, reading), 0);
	if (framed) {
		T_EQ(frames_send(fd, &frame, -1), 0);
		T_EQ(fhc_in_next(in, &f), 0);
		T_EQ(fhc_in_map(in, 0, &at), 0);
	}
	T_EQ(frames_send(fd, m, with), 0);
	err = fhc_in_next(in, &f);
	if (framed) /* whatever was said, what is read stays */
		T_EQ(*(const volatile char *)at, 0);
	if (!err && f.fence >= 0)
		close(f.fence);
	fhc_in_close(in);
	close(fd);
	close(reading);
	close(memfd);
	return err;
}

static void buffers_that_are_none(void)
{
	int sealed = frames_memfd(FRAMES_BYTES, true), loose = frames_memfd(FRAMES_BYTES, false);
	int reading = frames_reading(sealed), reading_loose = frames_reading(loose);
	struct frames_msg m = good_show();
	int null = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	m.slot = 1;
	T_EQ(says(&m, reading, false), -EAGAIN);
	T_EQ(says(&m, sealed, false), -EPROTO);
	T_EQ(says(&m, reading_loose, false), -EPROTO);
	T_EQ(says(&m, null, false), -EPROTO);
	T_EQ(says(&m, self, false), -EPROTO);
	T_EQ(says(&m, -1, false), -EPROTO);
	m.size = FRAMES_BYTES + 1;
	T_EQ(says(&m, reading, false), -EPROTO);
	m.size = UINT64_MAX;
	T_EQ(says(&m, reading, false), -EPROTO);
	m.size = 0;
	T_EQ(says(&m, reading, false), -EPROTO);
	m = good_show();
	m.slot = FHC_SLOTS;
	T_EQ(says(&m, reading, false), -EPROTO);
	m = good_show();
	m.format.offset[1] = FRAMES_BYTES;
	T_EQ(says(&m, reading, false), -EPROTO);
	m = good_show();
	m.format.nr_planes = 5;
	T_EQ(says(&m, reading, false), -EPROTO);
	m = good_show();
	T_EQ(says(&m, reading, false), -EAGAIN); /* another buffer in a slot that nobody reads */
	T_EQ(says(&m, reading, true), -EPROTO);
	close(sealed);
	close(loose);
	close(reading);
	close(reading_loose);
	close(null);
	close(self);
}

static void frames_and_ends_that_are_none(void)
{
	struct frames_msg m = frames_msg(FRAMES_FRAME);
	int fence, signal;

	T_EQ(fhc_fence(&fence, &signal), 0);
	T_EQ(says(&m, fence, false), 0);
	T_EQ(says(&m, -1, true), -EPROTO); /* a slot that this side has */
	T_EQ(says(&m, signal, false), -EPROTO);
	m.slot = 2;
	T_EQ(says(&m, -1, false), -EPROTO);
	m.slot = 1u << 31;
	T_EQ(says(&m, -1, false), -EPROTO);
	m = frames_msg(FRAMES_HIDE);
	T_EQ(says(&m, -1, false), -EAGAIN);
	T_EQ(says(&m, -1, true), -EPROTO);
	m.slot = 1;
	T_EQ(says(&m, -1, false), -EPROTO);
	m = frames_msg(FRAMES_HELLO);
	T_EQ(says(&m, -1, false), -EPROTO);
	m = frames_msg(FRAMES_END);
	T_EQ(says(&m, -1, false), -ENODATA);
	T_EQ(says(&m, fence, false), -EPROTO);
	m.n = EUSERS;
	T_EQ(says(&m, -1, false), -EUSERS);
	m.n = EAGAIN; /* which would be no end */
	T_EQ(says(&m, -1, false), -EPROTO);
	close(fence);
	close(signal);
}

const struct t_case t_cases[] = {
	T(a_bad_answer_ends_its_connection_only),
	T(a_greeting_is_checked),
	T(packets_of_any_length),
	T(more_descriptors_than_said_are_closed),
	T(buffers_that_are_none),
	T(frames_and_ends_that_are_none),
	T_END,
};
