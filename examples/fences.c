/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Fences between a producer and a consumer: the buffer is passed on before it is written, with a
 * fence that says when it is. And what a consumer sees when a producer dies with work under way.
 *
 * Prints:
 *	consumer: the fence is pending
 *	consumer: done, it reads 42
 *	consumer: done, with an error: Input/output error
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <freehold/client.h>

static void check(int err, const char *what)
{
	if (err)
		errx(1, "%s: %s", what, strerror(-err));
}

/* What became of the work: 0, or a negative errno. */
static int wait_for(int fence)
{
	struct pollfd p = {.fd = fence, .events = POLLIN};
	int32_t error;

	if (poll(&p, 1, -1) != 1)
		return -errno;
	if (!(p.revents & POLLIN))
		return -EIO; /* who was to end it is dead */
	return read(fence, &error, sizeof(error)) == sizeof(error) ? error : -EIO;
}

/* The producer is another program; here a child, which has the buffer's descriptor and says so to the server itself. */
static void produce(int fd, int go, int die)
{
	struct fhc_buffer buf;
	int fence, done;
	struct fhc *c;
	char byte;
	void *at;

	check(fhc_connect(NULL, "producer", &c), "fhc_connect");
	check(fhc_import(c, fd, &buf), "fhc_import");
	check(fhc_map(c, &buf, PROT_READ | PROT_WRITE, &at), "fhc_map");
	check(fhc_fence(&fence, &done), "fhc_fence");
	check(fhc_import_sync_file(c, buf.id, DMA_BUF_SYNC_WRITE, fence), "fhc_import_sync_file");
	close(fence);
	if (write(go, "g", 1) != 1 || read(go, &byte, 1) != 1)
		errx(1, "the consumer is gone");
	if (die)
		raise(SIGKILL);
	*(unsigned char *)at = 42;
	fhc_signal(done, 0);
	fhc_close(c);
	_exit(0);
}

static void consume(struct fhc *c, const struct fhc_buffer *buf, const unsigned char *at, int die)
{
	int go[2], fence, error;
	struct pollfd p;
	char byte;

	/* Two pipes in one. */
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, go))
		err(1, "socketpair");
	if (fork() == 0) {
		close(go[0]);
		produce(buf->fd, go[1], die);
	}
	close(go[1]);
	if (read(go[0], &byte, 1) != 1)
		errx(1, "the producer is gone");
	/* What a reader has to wait for: the producer's fence, or whatever else is in the way. */
	check(fhc_export_sync_file(c, buf->id, DMA_BUF_SYNC_READ, &fence), "fhc_export_sync_file");
	p = (struct pollfd){.fd = fence, .events = POLLIN};
	if (!die && poll(&p, 1, 0) == 0)
		printf("consumer: the fence is pending\n");
	if (write(go[0], "g", 1) != 1)
		err(1, "write");
	error = wait_for(fence);
	if (error)
		printf("consumer: done, with an error: %s\n", strerror(-error));
	else
		printf("consumer: done, it reads %d\n", *at);
	fflush(stdout);
	close(fence);
	close(go[0]);
	wait(NULL);
}

int main(void)
{
	struct fhc_buffer buf;
	struct fhc *c;
	void *at;

	check(fhc_connect(NULL, "consumer", &c), "fhc_connect");
	check(fhc_alloc(c, "system", 4096, O_RDWR | O_CLOEXEC, &buf), "fhc_alloc");
	check(fhc_map(c, &buf, PROT_READ, &at), "fhc_map");
	consume(c, &buf, at, 0);
	consume(c, &buf, at, 1);
	check(fhc_release(c, &buf), "fhc_release");
	fhc_close(c);
	return 0;
}
