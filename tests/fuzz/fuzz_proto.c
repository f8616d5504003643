/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Bytes become what several clients say to one server: messages whole and broken, with and without descriptors, closed descriptors, clients
 * that leave. The server stays right, and when all are gone nothing is left.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <freehold/mem.h>
#include "serve_in.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CLIENTS 4
#define FDS	8

static struct {
	const uint8_t *at, *end;
} in;

static unsigned int byte(void)
{
	return in.at < in.end ? *in.at++ : 0;
}

struct peer {
	int fd; /* -1: not there */
	bool greeted;
	uint64_t id[4]; /* that the server has named */
	unsigned int nr_ids;
	int got[FDS]; /* descriptors that it was given; -1 */
};

static struct peer peer[CLIENTS];
static int own[5]; /* a pipe's ends, an eventfd, a file of no kind, a memfd to offer */

static void check(struct server *s)
{
	char why[512] = "";

	if (server_check(s, why, sizeof(why))) {
		fprintf(stderr, "%s\n", why);
		abort();
	}
}

static void come(struct server *s, struct peer *p)
{
	int fd[2];

	if (p->fd >= 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd))
		return;
	p->fd = fd[0];
	p->greeted = false;
	p->nr_ids = 0;
	(void)!server_adopt(s, fd[1]);
}

static void leave(struct peer *p, bool with_all)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	for (unsigned int i = 0; i < FDS && with_all; i++) {
		if (p->got[i] >= 0)
			close(p->got[i]);
		p->got[i] = -1;
	}
}

static void keep_fd(struct peer *p, int fd)
{
	for (unsigned int i = 0; i < FDS; i++) {
		if (p->got[i] < 0) {
			p->got[i] = fd;
			return;
		}
	}
	close(fd);
}

/* What is there to read; every reply is well formed. */
static void read_replies(struct peer *p)
{
	static union {
		struct proto_reply r;
		char bytes[sizeof(struct proto_reply) + PROTO_DATA];
	} buf;
	char control[CMSG_SPACE(sizeof(int))];

	while (p->fd >= 0) {
		struct iovec iov = {&buf, sizeof(buf)};
		struct msghdr msg = {.msg_iov = &iov,
				     .msg_iovlen = 1,
				     .msg_control = control,
				     .msg_controllen = sizeof(control)};
		ssize_t n = recvmsg(p->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		struct cmsghdr *h = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
		int fd = -1;

		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			leave(p, false);
			return;
		}
		if (h)
			memcpy(&fd, CMSG_DATA(h), sizeof(int));
		if ((size_t)n < sizeof(buf.r) || buf.r.magic != PROTO_MAGIC ||
		    buf.r.nr_fds != (fd >= 0) || buf.r.err > 0 ||
		    (!(buf.r.options & PROTO_IN_FD) && buf.r.len != (size_t)n - sizeof(buf.r)))
			abort();
		if (fd >= 0)
			keep_fd(p, fd);
		if (!buf.r.err && buf.r.id)
			p->id[p->nr_ids++ % 4] = buf.r.id;
	}
}

static int some_fd(const struct peer *p)
{
	unsigned int b = byte();

	if (b & 8)
		return own[b & 32 ? 4 : b % 4];
	if ((b & 48) == 48)
		p = &peer[b >> 6]; /* somebody else gave it away */
	for (unsigned int i = 0; i < FDS; i++)
		if (p->got[(b + i) % FDS] >= 0)
			return p->got[(b + i) % FDS];
	return peer[b % CLIENTS].fd >= 0 && b & 16 ? peer[b % CLIENTS].fd : own[0];
}

static void post(struct peer *p, const void *packet, size_t len, unsigned int nr_fds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(FDS * sizeof(int))];
	} control;
	struct iovec iov = {(void *)(uintptr_t)packet, len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	int fd[FDS];

	for (unsigned int i = 0; i < nr_fds; i++)
		fd[i] = some_fd(p);
	if (nr_fds) {
		memset(&control, 0, sizeof(control));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(nr_fds * sizeof(int));
		memcpy(CMSG_DATA(&control.align), fd, nr_fds * sizeof(int));
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(nr_fds * sizeof(int));
	}
	(void)!sendmsg(p->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void say(struct peer *p)
{
	static const char *const name[] = {"system",   "default_cma_region",
					   "reserved", "proc/meminfo",
					   "",	       "sys/kernel/debug/dma_buf/bufinfo",
					   "x",	       "dmesg"};
	static const unsigned int fds[PROTO_NR_OPS] = {
		[PROTO_IMPORT] = 1,    [PROTO_IMPORT_SYNC] = 1, [PROTO_MERGE] = 2,
		[PROTO_SYNC_INFO] = 1, [PROTO_RECLAIM] = 1,	[PROTO_OFFER] = 1};
	unsigned int op = byte() % PROTO_NR_OPS, odd = byte();
	char packet[256];
	size_t len;
	struct proto_request r = {.magic = PROTO_MAGIC, .op = (uint16_t)op, .seq = odd};

	if (!p->greeted && odd & 31) {
		r = (struct proto_request){
			.magic = PROTO_MAGIC, .n = PROTO_VERSION, .name = "fuzz"};
		p->greeted = true;
		post(p, &r, sizeof(r), 0);
		return;
	}
	if (op == PROTO_HEAP)
		r.n = byte() % 4;
	if (op == PROTO_ALLOC) {
		r.size = (uint64_t)byte() << (byte() % 24);
		r.flags = byte() % 4;
	}
	if (op == PROTO_FREE || op == PROTO_INFO || op == PROTO_EXPORT || op == PROTO_WRITTEN ||
	    (op >= PROTO_SET_NAME && op <= PROTO_IMPORT_SYNC))
		r.id = p->id[byte() % 4];
	if (op == PROTO_WRITTEN || (odd & 2 && (op == PROTO_FREE || op == PROTO_SYNC))) {
		r.n = byte() % (PROTO_NR_WRITTEN + 1);
		r.size = (uint64_t)byte() << (byte() % 64);
	}
	if (op == PROTO_EXPORT || (op >= PROTO_SYNC && op <= PROTO_IMPORT_SYNC))
		r.flags = byte() % 9;
	if (op == PROTO_ALLOC || op == PROTO_SET_NAME || op == PROTO_MERGE || op == PROTO_READ ||
	    op == PROTO_RECLAIM || op == PROTO_OFFER)
		snprintf(r.name, sizeof(r.name), "%s", name[byte() % 8]);
	if (op == PROTO_FREE || op == PROTO_WRITTEN)
		r.options = odd & 1;
	if (op == PROTO_OFFER)
		r.n = odd >> 2 & 1;	   /* after a restart */
	if (op == PROTO_READ && odd & 4) { /* a path that comes behind */
		memset(r.name, 0, sizeof(r.name));
		r.n = PROTO_NAME + odd % 32;
	}
	r.nr_fds = fds[op];
	/* One in a few is not as it should be, somewhere. */
	if (odd >= 224)
		((char *)&r)[byte() % sizeof(r)] ^= (char)(1u << byte() % 8);
	memset(packet, 'p', sizeof(packet));
	memcpy(packet, &r, sizeof(r));
	len = sizeof(r) + (op == PROTO_READ && r.n < sizeof(packet) - sizeof(r) ? r.n : 0);
	post(p, packet, odd == 223 ? byte() : len, odd >= 248 ? byte() % FDS : fds[op]);
}

static void act(struct server *s)
{
	unsigned int what = byte();
	struct peer *p = &peer[what >> 4 & 3];

	if (p->fd < 0) {
		come(s, p);
		return;
	}
	switch (what & 15) {
	case 0 ... 8:
		say(p);
		break;
	case 9:
		read_replies(p);
		break;
	case 10:
		what = byte() % FDS;
		if (p->got[what] >= 0)
			close(p->got[what]);
		p->got[what] = -1;
		break;
	case 11:
		leave(p, byte() & 1);
		break;
	case 12:
		(void)!write(own[1], "\0\0\0\0", 4);
		break;
	case 13:
		check(s);
		break;
	default:
		(void)server_step(s, 0);
	}
}

/* Opened anew, as memfd_create()'s own open is not one for leases. */
static int offer(void)
{
	int memfd = memfd_create("offer", MFD_CLOEXEC | MFD_ALLOW_SEALING), fd;
	char path[40];

	if (memfd < 0 || ftruncate(memfd, 8192) ||
	    fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW))
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", memfd);
	fd = open(path, O_RDWR | O_CLOEXEC);
	close(memfd);
	return fd;
}

static struct server *begin(struct fh_machine *m, struct hosted *h)
{
	struct serve_opts o = serve_defaults();
	struct boot_why why = {""};
	struct server *s;

	o.m = m;
	o.host = h;
	o.max_clients = 3;
	o.max_buffers = 6;
	o.max_under_way = 3;
	o.max_syncs = 5;
	o.max_bytes = 8 << 20;
	if (server_create(&o, &s, &why))
		abort();
	if (pipe2(own, O_CLOEXEC | O_NONBLOCK))
		abort();
	own[2] = eventfd(0, EFD_CLOEXEC);
	own[3] = open("/dev/null", O_RDWR | O_CLOEXEC);
	own[4] = offer();
	for (unsigned int i = 0; i < CLIENTS; i++) {
		peer[i] = (struct peer){.fd = -1};
		memset(peer[i].got, -1, sizeof(peer[i].got));
	}
	return s;
}

static void finish(struct server *s)
{
	for (unsigned int i = 0; i < CLIENTS; i++)
		leave(&peer[i], true);
	for (unsigned int i = 0; i < 5; i++)
		close(own[i]);
	/* Sockets that were sent are closed by another thread, in its time. */
	for (unsigned int i = 0; i < 500 && (server_clients(s) || server_buffers(s)); i++)
		(void)server_step(s, 10);
	if (server_clients(s) || server_buffers(s))
		abort();
	check(s);
	server_destroy(s);
}

/* One machine serves all inputs: each has to leave it as it was. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hosted *h;
	static struct fh_machine *m;
	struct fh_mem_info before, after;
	struct hosted_why why;
	struct server *s;

	signal(SIGPIPE, SIG_IGN); /* as the command does */
	if (!m && hosted_machine(&h, &m, "cma=16M", 64 << 20, &why))
		abort();
	fh_cpu_quiesce(m);
	fh_mem_info(m, &before);
	in.at = data;
	in.end = data + size;
	s = begin(m, h);
	while (in.at < in.end)
		act(s);
	finish(s);
	fh_cpu_quiesce(m);
	fh_mem_info(m, &after);
	if (after.cma_device != before.cma_device || after.free != before.free)
		abort();
	return 0;
}
