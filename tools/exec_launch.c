/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The program's first process: sees to it that its calls come to the supervisor, hands over what that takes, waits for the word, and becomes the program. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "../client/fdmsg.h"
#include "exec_launch.h"

/* ---- one number and perhaps a descriptor, between parent and child ---- */

static void say(int sock, int word, int fd)
{
	struct iovec iov = {&word, sizeof(word)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	union fd_room room;

	fd_beside(&msg, &room, fd);
	sendmsg(sock, &msg, MSG_NOSIGNAL);
}

/* What went wrong, or 0 and a descriptor or -1. */
static int hear(int sock, int *got)
{
	union fd_room room;
	int word = -EIO;
	struct iovec iov = {&word, sizeof(word)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = room.bytes,
			     .msg_controllen = sizeof(room.bytes)};

	*got = -1;
	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != sizeof(word))
		return -EIO;
	*got = fd_taken(&msg);
	return word;
}

/* ---- the child ---- */

static _Noreturn void become(struct exec *x, int sock, char **argv, const sigset_t *mask)
{
	int listener = -1, err = x->form->enter(x, &listener);

	say(sock, err, listener);
	if (listener >= 0)
		close(listener);
	if (err || read(sock, &err, sizeof(err)) != sizeof(err))
		_exit(EXEC_FAILED);
	close(sock);
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
	err = errno;
	dprintf(STDERR_FILENO, "freehold exec: %s: %s\n", argv[0], strerror(err));
	_exit(err == ENOENT ? EXEC_NOT_FOUND : EXEC_CANNOT_INVOKE);
}

int exec_launch(struct exec *x, char **argv, const sigset_t *mask)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid) {
		close(pair[0]);
		become(x, pair[1], argv, mask);
	}
	close(pair[1]);
	x->root = pid;
	x->word = pair[0];
	return hear(pair[0], &x->listener);
}

void exec_launch_go(struct exec *x)
{
	say(x->word, 0, -1);
	close(x->word);
}
