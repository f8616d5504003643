/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Clients of `freehold serve` that allocate, share, map, name and free at random, and are killed at any instant; then nothing may be left
 * of them. The server recounts its books when it ends.
 * usage: serve_kill [SECONDS [PROCESSES [SEED]]], $FREEHOLD the command
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <freehold/client.h>
#include "lib/server.h"

#define MAX_CLIENTS 256
#define MAX_HELD    24

static int passing; /* buffers on their way from one to any other; nobody takes the last ones */
static int taking;

/* ---- a client ---- */

static void pass(int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.bytes = {0}};
	char byte = 0;
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};

	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.align), &fd, sizeof(int));
	(void)!sendmsg(passing, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static int take(int flags)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	int fd = -1;

	if (recvmsg(taking, &msg, flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC) == 1 &&
	    CMSG_FIRSTHDR(&msg))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	return fd;
}

/* A new buffer has nobody's bytes; every process writes into all it has. */
static void look(const struct fhc_buffer *b, bool new)
{
	unsigned char *p = mmap(NULL, b->size, PROT_READ | PROT_WRITE, MAP_SHARED, b->fd, 0);

	if (p == MAP_FAILED)
		return;
	for (uint64_t i = 0; i < b->size && new; i += 512)
		if (p[i])
			_exit(3);
	memset(p, 0x5a, b->size);
	munmap(p, b->size);
}

static void act(struct fhc *c, struct fhc_buffer *b, uint64_t r)
{
	static const char *const heap[] = {"system", "default_cma_region", "nothing"};
	struct fhc_info info;
	char text[256];
	size_t len;
	int fd;

	switch (r % 16) {
	case 0 ... 4:
		if (b->fd < 0 &&
		    !fhc_alloc(c, heap[r / 16 % 3], r / 64 % 100000 + 1, O_RDWR | O_CLOEXEC, b))
			look(b, true);
		break;
	case 5:
		fd = take(0);
		if (fd >= 0 && b->fd < 0 && !fhc_import(c, fd, b))
			look(b, false);
		else if (fd >= 0)
			close(fd);
		break;
	case 6 ... 7:
		if (b->fd >= 0)
			pass(b->fd);
		break;
	case 8 ... 10:
		if (b->fd >= 0)
			(void)fhc_release(c, b);
		break;
	case 11:
		if (b->fd >= 0) {
			close(b->fd);
			b->fd = -1;
		}
		break;
	case 12:
		if (b->fd >= 0)
			(void)fhc_free(c, b->id);
		break;
	case 13:
		if (b->fd >= 0)
			(void)fhc_set_name(c, b->id, "some");
		break;
	case 14:
		if (b->fd >= 0)
			(void)fhc_get_info(c, b->id, &info);
		break;
	default:
		(void)fhc_read(c, "proc/meminfo", text, sizeof(text), &len);
	}
}

static void client(uint64_t seed)
{
	struct fhc_buffer held[MAX_HELD];
	struct fhc *c;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (unsigned int i = 0; i < MAX_HELD; i++)
		held[i].fd = -1;
	if (fhc_connect(server_path(), "killed", &c))
		_exit(2);
	for (;;) {
		uint64_t r = random_next(&seed);

		act(c, &held[r % MAX_HELD], r >> 8);
		/* A request whose reply it does not live to read. */
		if (r >> 56 == 0) {
			struct fhc_request q = {.op = FHC_ALLOC,
						.name = "system",
						.size = 5000,
						.flags = O_RDWR,
						.fd = -1,
						.fd2 = -1};

			for (unsigned int i = 0; i < 20; i++)
				(void)fhc_send(c, &q, NULL, NULL);
			raise(SIGKILL);
		}
	}
}

/* ---- those who kill ---- */

static pid_t start(void (*run)(uint64_t), uint64_t seed)
{
	pid_t pid = fork();

	if (pid == 0) {
		run(seed);
		_exit(0);
	}
	return pid;
}

/* Else the server would hold on to what is on its way between clients. */
static void close_way(void)
{
	close(passing);
	close(taking);
}

static unsigned int run(pid_t *pid, unsigned int nr, unsigned int seconds, uint64_t seed)
{
	time_t end = time(NULL) + seconds;
	unsigned int odd = 0, killed = 0;
	int status;

	for (unsigned int i = 0; i < nr; i++)
		pid[i] = start(client, random_next(&seed));
	while (time(NULL) < end) {
		unsigned int i = (unsigned int)(random_next(&seed) % nr);

		usleep((unsigned int)(random_next(&seed) % 2000));
		kill(pid[i], SIGKILL);
		waitpid(pid[i], &status, 0);
		odd += !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL;
		if (WIFEXITED(status))
			printf("# a client ended with status %d\n", WEXITSTATUS(status));
		killed++;
		pid[i] = start(client, random_next(&seed));
	}
	for (unsigned int i = 0; i < nr; i++) {
		kill(pid[i], SIGKILL);
		waitpid(pid[i], &status, 0);
	}
	printf("# %u killed\n", killed);
	result(!odd, "clients find zero bytes in new buffers and a server that answers");
	return odd;
}

int main(int argc, char **argv)
{
	unsigned int seconds = argc > 1 ? (unsigned int)strtoul(argv[1], NULL, 0) : 5;
	unsigned int nr = argc > 2 ? (unsigned int)strtoul(argv[2], NULL, 0) : 8;
	uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 0) : (uint64_t)time(NULL);
	pid_t pid[MAX_CLIENTS];
	int fd[2];

	if (!nr || nr > MAX_CLIENTS || !seed)
		return 2;
	printf("# %u s, %u processes, seed %" PRIu64 "\n", seconds, nr, seed);
	fflush(stdout);
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fd))
		return 2;
	passing = fd[0];
	taking = fd[1];
	server_start("kill", "512M", "1024", close_way);
	run(pid, nr, seconds, seed);
	close(passing);
	close(taking); /* and what was on its way goes */
	result(server_is_empty(200), "nothing is used when all are dead");
	server_stop();
	return results();
}
