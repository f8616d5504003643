/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * An event loop that never waits for the server: requests go out with fhc_send(), replies come when
 * fhc_fd() is readable, and a timer goes on meanwhile. One request waits for a fence; those after
 * it do not.
 *
 * Prints:
 *	3 buffers are asked for
 *	buffer 1 is here
 *	buffer 2 is here
 *	buffer 3 is here
 *	who writes is asked to be waited for
 *	the timer: the writer is done
 *	nobody writes any more
 */
#include <err.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <freehold/client.h>

#define BUFFERS 3

static struct {
	struct fhc *c;
	struct fhc_buffer buf[BUFFERS];
	unsigned int here;
	int fence, signal;
	int timer;
	int done;
} loop;

static void check(int err, const char *what)
{
	if (err)
		errx(1, "%s: %s", what, strerror(-err));
}

static void synced(void *arg, const struct fhc_reply *reply)
{
	(void)arg;
	check(reply->err, "FHC_SYNC");
	printf("nobody writes any more\n");
	loop.done = 1;
}

/* Buffer 1 is being written until loop.signal; this side wants to read it then. */
static void begin_to_wait(void)
{
	struct fhc_request request = {.op = FHC_SYNC,
				      .id = loop.buf[0].id,
				      .flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ,
				      .fd = -1,
				      .fd2 = -1};
	struct itimerspec soon = {.it_value = {.tv_nsec = 20000000}};

	check(fhc_fence(&loop.fence, &loop.signal), "fhc_fence");
	check(fhc_import_sync_file(loop.c, loop.buf[0].id, DMA_BUF_SYNC_WRITE, loop.fence),
	      "fhc_import_sync_file");
	check(fhc_send(loop.c, &request, synced, NULL), "fhc_send");
	printf("who writes is asked to be waited for\n");
	timerfd_settime(loop.timer, 0, &soon, NULL);
}

static void allocated(void *arg, const struct fhc_reply *reply)
{
	struct fhc_buffer *buf = arg;

	check(reply->err, "FHC_ALLOC");
	*buf = reply->buf; /* with a descriptor that is ours */
	printf("buffer %d is here\n", (int)(buf - loop.buf) + 1);
	loop.here++;
}

int main(void)
{
	struct fhc_request request = {.op = FHC_ALLOC,
				      .name = "system",
				      .size = 65536,
				      .flags = O_RDWR | O_CLOEXEC,
				      .fd = -1,
				      .fd2 = -1};

	check(fhc_connect(NULL, "loop", &loop.c), "fhc_connect");
	loop.timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	for (int i = 0; i < BUFFERS; i++)
		check(fhc_send(loop.c, &request, allocated, &loop.buf[i]), "fhc_send");
	printf("%d buffers are asked for\n", BUFFERS);
	while (!loop.done) {
		struct pollfd p[] = {{.fd = fhc_fd(loop.c), .events = POLLIN},
				     {.fd = loop.timer, .events = POLLIN}};
		unsigned int before = loop.here;

		if (poll(p, 2, -1) < 0)
			err(1, "poll");
		if (p[0].revents && fhc_dispatch(loop.c) < 0)
			errx(1, "the server is gone");
		if (before < BUFFERS && loop.here == BUFFERS)
			begin_to_wait();
		if (p[1].revents) {
			printf("the timer: the writer is done\n");
			fhc_signal(loop.signal, 0);
			close(loop.timer);
			loop.timer = -1; /* poll() passes over it */
		}
	}
	close(loop.fence);
	for (int i = 0; i < BUFFERS; i++)
		check(fhc_release(loop.c, &loop.buf[i]), "fhc_release");
	fhc_close(loop.c);
	return 0;
}
