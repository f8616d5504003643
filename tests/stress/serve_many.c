/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Many clients of one server at a time, each with as many buffers as come to it, and how long that takes; then all are killed at once.
 * usage: serve_many [CLIENTS [BUFFERS [HEAP]]], $FREEHOLD the command, $BOOTARGS its machine's. The server needs a descriptor for each buffer and each client; where the hard
 * limit of open files is lower, fewer buffers are made, and it says so.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <freehold/client.h>
#include "lib/server.h"

#define A_PROCESS 50 /* clients */
#define MAX_PROCS 100
#define SPARE	  256 /* descriptors of the server for all else */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const char *heap; /* NULL: the system's two */

/* Says one byte when it has all it was to have, and waits to be killed. */
static void clients(unsigned int nr, unsigned int buffers, int done)
{
	struct fhc *c[A_PROCESS];
	struct fhc_buffer b;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (unsigned int i = 0; i < nr; i++)
		if (fhc_connect(server_path(), "many", &c[i]))
			_exit(2);
	for (unsigned int i = 0; i < buffers; i++)
		if (fhc_alloc(c[i % nr],
			      heap    ? heap
			      : i % 2 ? "system"
				      : "system-dma32",
			      4096, O_RDWR, &b))
			_exit(3);
	(void)!write(done, "x", 1);
	pause();
}

int main(int argc, char **argv)
{
	unsigned int nr = argc > 1 ? (unsigned int)strtoul(argv[1], NULL, 0) : 1000;
	unsigned int buffers = argc > 2 ? (unsigned int)strtoul(argv[2], NULL, 0) : 100000;
	unsigned int procs = (nr + A_PROCESS - 1) / A_PROCESS, each, here = 0;
	struct rlimit l = {0, 0};
	struct fhc *c = NULL;
	pid_t pid[MAX_PROCS];
	int done[2];
	uint64_t none_kib;
	char byte;
	double begin;
	bool ok = true;

	heap = argc > 3 ? argv[3] : NULL;
	if (!procs || procs > MAX_PROCS || pipe2(done, O_CLOEXEC) || getrlimit(RLIMIT_NOFILE, &l))
		return 2;
	l.rlim_cur = l.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &l);
	if (l.rlim_max < (rlim_t)buffers + nr + SPARE) {
		printf("# the limit of open files is %ju, %u are needed: fewer buffers\n",
		       (uintmax_t)l.rlim_max, buffers + nr + SPARE);
		buffers = (unsigned int)l.rlim_max - nr - SPARE;
	}
	each = buffers / procs;
	server_start("many", "1G", "10000", NULL);
	none_kib = server_kib();
	begin = now();
	for (unsigned int i = 0; i < procs; i++) {
		pid[i] = fork();
		if (pid[i] == 0)
			clients(A_PROCESS, each, done[1]);
	}
	close(done[1]);
	while (here < procs && read(done[0], &byte, 1) == 1)
		here++;
	printf("# %u clients, %u buffers: %.2f s, %" PRIu64 " MiB of the server\n",
	       procs * A_PROCESS, each * procs, now() - begin, (server_kib() - none_kib) >> 10);
	result(here == procs, "every client has its buffers");
	ok = !fhc_connect(server_path(), "judge", &c);
	result(ok && server_used(c) == (uint64_t)each * procs * 4096, "as many are counted");
	begin = now();
	for (unsigned int i = 0; i < procs; i++)
		kill(pid[i], SIGKILL);
	for (unsigned int i = 0; i < procs; i++)
		waitpid(pid[i], NULL, 0);
	for (unsigned int i = 0; ok && i < 6000 && server_used(c); i++)
		usleep(10000);
	printf("# all dead and given back: %.2f s\n", now() - begin);
	result(ok && !server_used(c), "all is back when all are dead");
	fhc_close(c);
	server_stop();
	return results();
}
