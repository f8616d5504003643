/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A ring of frames with buffers of its own and no server, for tests. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "framestest.h"

struct fhc_format frames_format(int halved)
{
	struct fhc_format f;
	uint64_t size;

	if (fhc_format_fill(&f, FHC_NV12, halved ? FRAMES_WIDTH / 2 : FRAMES_WIDTH, FRAMES_HEIGHT,
			    &size))
		abort();
	return f;
}

int frames_memfd(uint64_t size, bool sealed)
{
	int fd = memfd_create("frame", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, (off_t)size) ||
	    (sealed && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW)))
		abort();
	return fd;
}

int frames_reading(int fd)
{
	char path[48];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY | O_CLOEXEC);
}

struct frames_pair frames_ring(unsigned int slots)
{
	struct fhc_format format = frames_format(0);
	struct frames_pair p = {.nr = slots, .fence = -1, .signal = -1};

	if (fhc_out_create(&p.out))
		abort();
	p.raw_memfd = frames_memfd(FRAMES_BYTES, true);
	for (uint32_t i = 0; i < slots; i++) {
		struct fhc_buffer buf = {-1, i + 1, FRAMES_BYTES};

		p.fd[i] = frames_memfd(FRAMES_BYTES, true);
		p.bytes[i] =
			mmap(NULL, FRAMES_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, p.fd[i], 0);
		if (p.bytes[i] == MAP_FAILED ||
		    fhc_out_show(p.out, i, &format, &buf, frames_reading(p.fd[i])))
			abort();
	}
	return p;
}

static int last_socket;

int frames_socket(void)
{
	return last_socket;
}

static struct fhc_in *consumer(struct fhc_out *out, uint32_t depth, int room)
{
	struct fhc_in *in;
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd))
		abort();
	for (unsigned int i = 0; room && i < 2; i++)
		if (setsockopt(fd[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)))
			abort();
	last_socket = fd[1];
	(void)fhc_out_adopt(out, fd[0]);
	if (fhc_in_adopt(fd[1], "test", depth, &in))
		return NULL;
	(void)fhc_out_dispatch(out);
	return in;
}

struct fhc_in *frames_consumer(struct fhc_out *out, uint32_t depth)
{
	return consumer(out, depth, 0);
}

struct frames_pair frames_pair(unsigned int slots, uint32_t depth)
{
	struct frames_pair p = frames_ring(slots);

	p.in = consumer(p.out, depth, 0);
	if (!p.in)
		abort();
	return p;
}

struct frames_pair frames_pair_small(unsigned int slots)
{
	struct frames_pair p = frames_ring(slots);

	p.in = consumer(p.out, 0, 1); /* the kernel makes it the least it has */
	if (!p.in)
		abort();
	return p;
}

int frames_pending(struct frames_pair *p)
{
	if (p->fence < 0 && fhc_fence(&p->fence, &p->signal))
		abort();
	return p->fence;
}

void frames_pair_end(struct frames_pair *p)
{
	fhc_in_close(p->in);
	fhc_out_close(p->out);
	for (unsigned int i = 0; i < p->nr; i++) {
		munmap(p->bytes[i], FRAMES_BYTES);
		close(p->fd[i]);
	}
	close(p->raw_memfd);
	if (p->fence >= 0) {
		close(p->fence);
		if (p->signal >= 0)
			close(p->signal);
	}
}

int frames_stale(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), err;

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	err = bind(fd, (const struct sockaddr *)&a, sizeof(a));
	close(fd);
	return err;
}
