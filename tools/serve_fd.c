/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Descriptors that strangers send. Even close() or fstat() of one may wait, for a file system that lies in the stranger's hands; so what a
 * descriptor is, is asked of the kernel alone, and what may wait is closed by a thread of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "serve_in.h"

struct closer {
	pthread_t thread;
	bool started;
	int pipe[2];
};

static bool begins(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

enum fd_kind fd_kind(int fd)
{
	char path[48], to[64];
	ssize_t n;

	if (fcntl(fd, F_GET_SEALS) >= 0)
		return FD_MEMFD;
	/* What /proc says of these four comes from no file system, and no path of a file begins like it. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, to, sizeof(to) - 1);
	if (n < 0)
		return FD_FOREIGN;
	to[n] = '\0';
	if (begins(to, "pipe:["))
		return FD_PIPE;
	if (begins(to, "anon_inode:"))
		return FD_ANON;
	return begins(to, "socket:[") ? FD_SOCKET : FD_FOREIGN;
}

static void *closer_main(void *arg)
{
	struct closer *k = arg;
	int fd;

	while (read(k->pipe[0], &fd, sizeof(fd)) == (ssize_t)sizeof(fd))
		close(fd);
	close(k->pipe[0]);
	free(k);
	return NULL;
}

struct closer *closer_create(void)
{
	struct closer *k = calloc(1, sizeof(*k));

	if (k && pipe2(k->pipe, O_CLOEXEC)) {
		free(k);
		return NULL;
	}
	return k;
}

void closer_close(struct closer *k, int fd)
{
	enum fd_kind kind;

	if (fd < 0)
		return;
	kind = fd_kind(fd);
	if (kind != FD_FOREIGN && kind != FD_SOCKET) {
		close(fd);
		return;
	}
	if (!k->started)
		k->started = !pthread_create(&k->thread, NULL, closer_main, k);
	/* Its pipe has room for 16,384; with as many that cannot be closed there are no descriptors left either. */
	if (!k->started || write(k->pipe[1], &fd, sizeof(fd)) != (ssize_t)sizeof(fd))
		close(fd);
}

void closer_destroy(struct closer *k)
{
	if (!k)
		return;
	if (k->started) { /* it may hang in one; when there are no more, it ends with all that is its */
		pthread_detach(k->thread);
		close(k->pipe[1]);
		return;
	}
	close(k->pipe[0]);
	close(k->pipe[1]);
	free(k);
}
