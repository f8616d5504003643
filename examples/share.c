/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A buffer that two programs share: one writes, and passes on a descriptor to look by; the other
 * reads the same bytes, without a copy.
 *
 * Prints:
 *	display: a frame
 *	display: a map for writing: Permission denied
 *	2 programs hold it
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
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

/* SCM_RIGHTS: a descriptor goes over a Unix socket. */
static void send_fd(int to, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))) = {0};
	struct iovec iov = {"x", 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	struct cmsghdr *h = CMSG_FIRSTHDR(&msg);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fd, sizeof(int));
	if (sendmsg(to, &msg, 0) != 1)
		err(1, "sendmsg");
}

static int receive_fd(int from)
{
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))), byte;
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	int fd;

	if (recvmsg(from, &msg, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&msg))
		errx(1, "no descriptor came");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	return fd;
}

static int display(int sock)
{
	struct fhc_buffer buf;
	struct fhc *c;
	void *at;
	int fd = receive_fd(sock);

	/* To map what it got it needs no server; imported, it is counted as one who has the buffer. */
	check(fhc_connect(NULL, "display", &c), "fhc_connect");
	check(fhc_import(c, fd, &buf), "fhc_import");
	check(fhc_map(c, &buf, PROT_READ, &at), "fhc_map");
	printf("display: %s\n", (const char *)at);
	printf("display: a map for writing: %s\n",
	       strerror(-fhc_map(c, &buf, PROT_READ | PROT_WRITE, &at)));
	fflush(stdout);
	send(sock, "s", 1, 0); /* seen */
	recv(sock, &fd, 1, 0); /* until the other end is closed */
	fhc_close(c);
	return 0;
}

int main(void)
{
	struct fhc_buffer buf;
	struct fhc_info info;
	int sock[2], fd;
	struct fhc *c;
	char seen;
	void *at;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock))
		err(1, "socketpair");
	if (fork() == 0) {
		close(sock[0]);
		return display(sock[1]);
	}
	close(sock[1]);
	check(fhc_connect(NULL, "camera", &c), "fhc_connect");
	check(fhc_alloc(c, "system", 4096, O_RDWR | O_CLOEXEC, &buf), "fhc_alloc");
	check(fhc_map(c, &buf, PROT_READ | PROT_WRITE, &at), "fhc_map");
	strcpy(at, "a frame");
	check(fhc_export(c, buf.id, O_RDONLY | O_CLOEXEC, &fd), "fhc_export");
	send_fd(sock[0], fd);
	close(fd);
	if (recv(sock[0], &seen, 1, 0) != 1)
		errx(1, "the display is gone");
	check(fhc_get_info(c, buf.id, &info), "fhc_get_info");
	printf("%" PRIu64 " programs hold it\n", info.holders);
	fflush(stdout);
	close(sock[0]);
	wait(NULL);
	fhc_close(c);
	return 0;
}
