/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Ends of frames that are processes, and die by kill -9 in every state: the other end goes on, or ends, and never waits. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "framestest.h"
#include "t.h"

#define PATIENCE_MS 5000

static void die(void)
{
	(void)kill(getpid(), SIGKILL);
	pause();
}

static bool killed(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
	       WTERMSIG(status) == SIGKILL;
}

static void wait_for(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	(void)poll(&p, 1, PATIENCE_MS);
}

static struct fhc_frame next_frame(struct fhc_in *in)
{
	struct fhc_frame f = {.fence = -1};

	while (fhc_in_next(in, &f) == -EAGAIN)
		wait_for(fhc_in_fd(in));
	return f;
}

/* ---- consumers that die ---- */

enum consumer_state {
	CONNECTED,
	GREETED,
	UNREAD,
	HAD,
	MAPPED,
	PROMISED,
	RELEASED,
	NR_CONSUMER_STATES
};

static void live_until(enum consumer_state state, int fd)
{
	struct fhc_in *in;
	struct fhc_frame f;
	const void *at;

	if (state == CONNECTED)
		die();
	if (fhc_in_adopt(fd, "mortal", 0, &in))
		_exit(1);
	if (state == GREETED)
		die();
	wait_for(fhc_in_fd(in));
	if (state == UNREAD)
		die();
	f = next_frame(in);
	if (state == HAD)
		die();
	if (fhc_in_map(in, f.slot, &at))
		_exit(1);
	if (state == MAPPED)
		die();
	if (fhc_in_promise(in, f.slot, -1))
		_exit(1);
	if (state == PROMISED)
		die();
	(void)fhc_in_release(in, f.slot);
	die();
}

static void a_consumer_dies_in_each_state(void)
{
	for (enum consumer_state state = 0; state < NR_CONSUMER_STATES; state++) {
		struct frames_pair p = frames_pair(2, 0);
		struct fhc_frame f = {.slot = 0, .seq = 1, .fence = -1}, got;
		int fd[2];
		pid_t pid;

		T_NEED(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd));
		pid = fork();
		if (!pid) {
			close(fd[0]);
			live_until(state, fd[1]);
		}
		close(fd[1]);
		T_EQ(fhc_out_adopt(p.out, fd[0]), 0);
		wait_for(fhc_out_fd(p.out)); /* its greeting, or its death */
		(void)fhc_out_dispatch(p.out);
		T_OK(fhc_out_send(p.out, &f) >= 1, "the other one gets it");
		T_OK(killed(pid), "it died");
		T_NEED(!fhc_in_next(p.in, &got));
		T_EQ(fhc_in_release(p.in, 0), 0);
		for (unsigned int i = 0; i < 3; i++)
			(void)fhc_out_dispatch(p.out);
		T_OK(fhc_out_is_free(p.out, 0), "what it had is free");
		f.seq = 2;
		T_EQ(fhc_out_send(p.out, &f), 1);
		frames_pair_end(&p);
	}
}

/* ---- producers that die ---- */

enum producer_state { MADE, SHOWN, SENT, WRITING, SIGNALLED, HIDDEN, ENDED, NR_PRODUCER_STATES };

static void produce_until(enum producer_state state, int fd)
{
	struct frames_pair p = frames_ring(2);
	struct fhc_frame f = {.slot = 0, .seq = 1};
	int signal;

	if (fhc_out_adopt(p.out, fd))
		_exit(1);
	wait_for(fhc_out_fd(p.out));
	(void)fhc_out_dispatch(p.out);
	if (state == MADE)
		die();
	if (fhc_fence(&f.fence, &signal) || (state != SHOWN && fhc_out_send(p.out, &f) != 1))
		_exit(1);
	if (state <= SENT)
		die();
	memset(p.bytes[0], 0x5a, FRAMES_BYTES / 2);
	if (state == WRITING)
		die();
	memset(p.bytes[0], 0x5a, FRAMES_BYTES);
	fhc_signal(signal, 0);
	if (state == SIGNALLED)
		die();
	(void)fhc_out_hide(p.out, 1);
	if (state == HIDDEN)
		die();
	fhc_out_end(p.out);
	die();
}

static void a_producer_dies_in_each_state(void)
{
	for (enum producer_state state = 0; state < NR_PRODUCER_STATES; state++) {
		int fd[2], end = state == ENDED ? -ENODATA : -ECONNRESET;
		struct fhc_frame f = {.fence = -1};
		const unsigned char *at;
		const void *map;
		struct fhc_in *in;
		pid_t pid;

		T_NEED(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd));
		pid = fork();
		if (!pid) {
			close(fd[0]);
			produce_until(state, fd[1]);
		}
		close(fd[1]);
		T_NEED(!fhc_in_adopt(fd[0], "survivor", 0, &in));
		if (state <= SHOWN) {
			T_OK(killed(pid), "it died");
			T_EQ(fhc_in_next(in, &f), end);
			fhc_in_close(in);
			continue;
		}
		f = next_frame(in);
		T_EQ(f.seq, 1);
		/* Half a frame ends with an error, a whole one well, and neither is waited for in vain. */
		T_EQ(fhc_fence_wait(f.fence, PATIENCE_MS), state >= SIGNALLED ? 0 : -EIO);
		close(f.fence);
		T_OK(killed(pid), "it died");
		T_NEED(!fhc_in_map(in, f.slot, &map));
		at = map;
		T_EQ(at[FRAMES_BYTES - 1], state >= SIGNALLED ? 0x5a : 0);
		f = (struct fhc_frame){.fence = -1};
		T_EQ(fhc_in_next(in, &f), end);
		T_EQ(fhc_in_promise(in, 0, -1), 0);
		T_EQ(fhc_in_release(in, 0), 0);
		fhc_in_close(in);
	}
}

const struct t_case t_cases[] = {
	T(a_consumer_dies_in_each_state),
	T(a_producer_dies_in_each_state),
	T_END,
};
