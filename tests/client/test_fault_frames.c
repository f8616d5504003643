/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Each call of frames.h's two ends to the system fails once: an error or another way, never a crash or a hang; no descriptor, map or socket is left
 * behind, and a frame that comes has its bytes.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <freehold/frames.h>
#include "../stress/lib/server.h"
#include "fault.h"

#define SIDE 64
#define RING 2

WRAP(void *, malloc, (size_t n), (n), ENOMEM, NULL)
WRAP(void *, calloc, (size_t n, size_t size), (n, size), ENOMEM, NULL)
WRAP(void *, mmap, (void *at, size_t n, int prot, int flags, int fd, off_t off),
     (at, n, prot, flags, fd, off), ENOMEM, MAP_FAILED)
WRAP(int, socket, (int domain, int type, int proto), (domain, type, proto), EMFILE, -1)
WRAP(int, bind, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n), EACCES, -1)
WRAP(int, listen, (int fd, int n), (fd, n), EADDRINUSE, -1)
WRAP(int, accept4, (int fd, struct sockaddr *a, socklen_t *n, int flags), (fd, a, n, flags), EMFILE,
     -1)
WRAP(int, connect, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n), ECONNREFUSED, -1)
WRAP(ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), (fd, m, flags), ENOMEM, -1)
WRAP(ssize_t, recvmsg, (int fd, struct msghdr *m, int flags), (fd, m, flags), ECONNRESET, -1)
WRAP(int, pipe2, (int *fd, int flags), (fd, flags), EMFILE, -1)
WRAP(int, epoll_create1, (int flags), (flags), EMFILE, -1)
WRAP(int, epoll_ctl, (int e, int op, int fd, struct epoll_event *ev), (e, op, fd, ev), ENOSPC, -1)
WRAP(int, epoll_wait, (int e, struct epoll_event *ev, int n, int ms), (e, ev, n, ms), EINTR, -1)
WRAP(int, fstat, (int fd, struct stat *st), (fd, st), EOVERFLOW, -1)
WRAP(ssize_t, readlink, (const char *path, char *to, size_t n), (path, to, n), EACCES, -1)
WRAP_MORE(int, fcntl, cmd, (int fd, int cmd, ...), (fd, cmd, more), EMFILE)

static int memory[RING]; /* the ring's buffers, for writing */
static unsigned char *bytes[RING];
static uint64_t size;
static struct fhc_format format;
static char path[64];
static unsigned int seen; /* frames */
static bool by_path;	  /* else over a pair of sockets */

/* For reading; made while nothing fails. */
static int shown(unsigned int slot)
{
	char link[40];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", memory[slot]);
	return open(link, O_RDONLY | O_CLOEXEC);
}

static struct fhc_in *meet(struct fhc_out *out, int pair[2])
{
	struct fhc_in *in = NULL;

	if (by_path) {
		note(fhc_out_listen(out, path), "fhc_out_listen");
		note(fhc_in_connect(path, "fault", 2, &in), "fhc_in_connect");
	} else {
		note(fhc_out_adopt(out, pair[0]), "fhc_out_adopt");
		note(fhc_in_adopt(pair[1], "fault", 2, &in), "fhc_in_adopt");
		pair[0] = pair[1] = -1; /* they are theirs, however that went */
	}
	return in;
}

static void produce(struct fhc_out *out, uint64_t seq)
{
	int slot, signal, sent;
	struct fhc_frame f = {.seq = seq};

	for (int i = 0; i < 4; i++)
		(void)fhc_out_dispatch(out);
	slot = fhc_out_next(out);
	if (slot < 0 || fhc_fence(&f.fence, &signal))
		return;
	f.slot = (uint32_t)slot;
	sent = fhc_out_send(out, &f);
	close(f.fence);
	if (sent > 0)
		memset(bytes[slot], (int)seq, size);
	fhc_signal(signal, 0);
}

static void consume(struct fhc_in *in)
{
	const void *at;
	struct fhc_frame f;
	int err;

	for (int i = 0; i < 4; i++) {
		err = fhc_in_next(in, &f);
		note(err, "fhc_in_next");
		if (err)
			continue;
		seen++;
		err = fhc_fence_wait(f.fence, 1000);
		note(err, "fhc_fence_wait");
		if (!err && !fhc_in_map(in, f.slot, &at) &&
		    ((const unsigned char *)at)[size - 1] != (unsigned char)f.seq) {
			wrong = true;
			printf("# call %u fails: frame %d is not what was written\n", nth,
			       (int)f.seq);
		}
		close(f.fence);
		if (f.seq % 2)
			note(fhc_in_promise(in, f.slot, -1), "fhc_in_promise");
		note(fhc_in_release(in, f.slot), "fhc_in_release");
	}
}

static void scenario(void)
{
	struct fhc_in *in = NULL;
	struct fhc_out *out;
	int pair[2] = {-1, -1}, fd[RING];

	armed = false;
	seen = 0;
	for (unsigned int i = 0; i < RING; i++)
		fd[i] = shown(i);
	if (!by_path && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		wrong = true;
	armed = true;
	if (!fhc_out_create(&out)) {
		in = meet(out, pair);
		for (unsigned int i = 0; i < RING; i++) {
			struct fhc_buffer buf = {.fd = -1, .id = i + 1, .size = size};

			note(fhc_out_show(out, i, &format, &buf, fd[i]), "fhc_out_show");
			fd[i] = -1;
		}
		for (uint64_t seq = 1; seq <= 4; seq++) {
			produce(out, seq);
			if (in)
				consume(in);
		}
		note(fhc_out_hide(out, 0), "fhc_out_hide");
		fhc_out_end(out);
		if (in)
			consume(in);
		if (nth % 2)
			fhc_in_close(in);
		fhc_out_close(out);
		if (nth % 2)
			in = NULL;
	}
	fhc_in_close(in);
	armed = false;
	for (unsigned int i = 0; i < RING; i++)
		if (fd[i] >= 0)
			close(fd[i]);
	for (unsigned int i = 0; i < 2; i++)
		if (pair[i] >= 0)
			close(pair[i]);
	if (calls < nth && seen != 4) {
		wrong = true;
		printf("# no call fails, and %u of 4 frames come\n", seen);
	}
	if (by_path && !access(path, F_OK)) {
		wrong = true;
		printf("# call %u fails: the socket is left\n", nth);
		unlink(path);
	}
}

static bool make_ring(void)
{
	const char *folder = getenv("TMPDIR");

	snprintf(path, sizeof(path), "%.40s/fault-%d", folder ? folder : "/tmp", (int)getpid());
	if (fhc_format_fill(&format, FHC_NV12, SIDE, SIDE, &size))
		return false;
	size = (size + 4095) & ~UINT64_C(4095);
	for (unsigned int i = 0; i < RING; i++) {
		memory[i] = memfd_create("freehold-fault", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		if (memory[i] < 0 || ftruncate(memory[i], (off_t)size) ||
		    fcntl(memory[i], F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW))
			return false;
		bytes[i] = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, memory[i], 0);
		if (bytes[i] == MAP_FAILED)
			return false;
	}
	own_maps = RING;
	return true;
}

int main(void)
{
	char text[100];

	result(make_ring(), "a ring");
	for (int i = 0; i < 4 && !wrong; i++) {
		by_path = i < 2;
		snprintf(text, sizeof(text), "%s: each of %u calls fails once%s",
			 by_path ? "over a path" : "over a pair", each(i % 2 ? ENOMEM : 0),
			 i % 2 ? ", with ENOMEM" : "");
		result(!wrong, text);
	}
	return results();
}
