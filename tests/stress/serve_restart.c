/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Programs under `freehold exec` that allocate, write, name and free, while their server is killed or ended at random and another
 * comes: none of their calls may fail, no byte of theirs may change, and nothing is left when they are done.
 * usage: serve_restart [SECONDS [PROGRAMS [SEED]]], $FREEHOLD the command; --inside SECONDS SEED is such a program
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "lib/server.h"

#define MAX_PROGRAMS 32
#define SLOTS	     12
#define BEGUN	     9 /* where a program says that it is there: exec itself wants a server */

/* ---- a program ---- */

struct slot {
	int fd; /* -1: closed, or not there */
	uint64_t *bytes;
	size_t size;
	uint64_t pattern;
};

/* Status 3: a call failed; 4: a new buffer was not zero; 5: bytes have changed. */
static void fail(int status, const char *what)
{
	printf("# %s: %s\n", what, strerror(errno));
	fflush(stdout);
	_exit(status);
}

static void fill(struct slot *s, uint64_t pattern)
{
	for (size_t i = 0; i < s->size / 8; i += 64)
		s->bytes[i] = pattern + i;
	s->pattern = pattern;
}

static bool same(const struct slot *s)
{
	for (size_t i = 0; i < s->size / 8; i += 64)
		if (s->bytes[i] != s->pattern + i)
			return false;
	return true;
}

static void make(struct slot *s, const int heap[2], uint64_t r)
{
	struct dma_heap_allocation_data a = {.len = r % 16 * 4096 + 4096,
					     .fd_flags = O_RDWR | O_CLOEXEC};

	if (ioctl(heap[r / 16 % 2], DMA_HEAP_IOCTL_ALLOC, &a))
		fail(3, "DMA_HEAP_IOCTL_ALLOC");
	s->fd = (int)a.fd;
	s->size = a.len;
	s->bytes = mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
	if (s->bytes == MAP_FAILED)
		fail(3, "mmap");
	for (size_t i = 0; i < s->size / 8; i += 64)
		if (s->bytes[i])
			fail(4, "not zero");
	fill(s, r);
}

static void drop(struct slot *s)
{
	munmap(s->bytes, s->size);
	if (s->fd >= 0)
		close(s->fd);
	s->bytes = NULL;
	s->fd = -1;
}

static void act(struct slot *s, const int heap[2], uint64_t r)
{
	struct dma_buf_sync sync = {DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW};

	if (!s->bytes) {
		make(s, heap, r >> 8);
		return;
	}
	if (!same(s))
		fail(5, "bytes");
	switch (r % 8) {
	case 0 ... 2:
		drop(s);
		break;
	case 3:
		fill(s, r);
		break;
	case 4: /* a mapping alone is left, which the next server may not see; nobody else gets it */
		if (s->fd >= 0)
			close(s->fd);
		s->fd = -1;
		break;
	case 5:
		if (s->fd >= 0 && ioctl(s->fd, DMA_BUF_SET_NAME, "some"))
			fail(3, "DMA_BUF_SET_NAME");
		break;
	default:
		if (s->fd >= 0 && ioctl(s->fd, DMA_BUF_IOCTL_SYNC, &sync))
			fail(3, "DMA_BUF_IOCTL_SYNC");
	}
}

static int inside(unsigned int seconds, uint64_t seed)
{
	time_t end = time(NULL) + seconds;
	struct slot slot[SLOTS] = {{.fd = 0}};
	int heap[2] = {open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC),
		       open("/dev/dma_heap/reserved", O_RDWR | O_CLOEXEC)};
	unsigned int calls = 0;
	int status;

	if (heap[0] < 0 || heap[1] < 0 || write(BEGUN, "x", 1) != 1)
		fail(3, "a heap");
	while (time(NULL) < end) {
		uint64_t r = random_next(&seed);

		act(&slot[r % SLOTS], heap, r >> 8);
		calls++;
		if (r >> 56 == 0) {
			pid_t pid = fork(); /* one more client, with the same buffers */

			if (pid == 0) {
				for (unsigned int i = 0; i < 20; i++)
					act(&slot[i % SLOTS], heap,
					    slot[i % SLOTS].bytes ? 7 : random_next(&seed));
				_exit(0);
			}
			if (pid > 0 && (waitpid(pid, &status, 0) != pid || status))
				fail(3, "a child");
		}
	}
	return calls ? 0 : 6;
}

/* ---- outside ---- */

static pid_t start(char *self, unsigned int seconds, uint64_t seed, int begun)
{
	const char *freehold = getenv("FREEHOLD");
	char text[2][24];
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(begun, BEGUN);
	snprintf(text[0], sizeof(text[0]), "%u", seconds);
	snprintf(text[1], sizeof(text[1]), "%" PRIu64, seed);
	execl(freehold ? freehold : "build/freehold", "freehold", "exec", "--rejoin", "60s",
	      "--socket", server_path(), "--", self, "--inside", text[0], text[1], (char *)NULL);
	_exit(127);
}

static void run(char *self, unsigned int seconds, unsigned int nr, uint64_t seed)
{
	unsigned int servers = 0, bad = 0, odd = 0, here = 0;
	pid_t pid[MAX_PROGRAMS];
	int status, begun[2];
	time_t end;
	char byte;

	if (pipe2(begun, O_CLOEXEC))
		exit(2);

	for (unsigned int i = 0; i < nr; i++)
		pid[i] = start(self, seconds, random_next(&seed), begun[1]);
	close(begun[1]);
	while (here < nr && read(begun[0], &byte, 1) == 1)
		here++;
	result(here == nr, "programs that run");
	end = time(NULL) + seconds - 1;
	while (time(NULL) < end) {
		usleep((unsigned int)(random_next(&seed) % 400000));
		bad += !server_again(random_next(&seed) % 2,
				     (unsigned int)(random_next(&seed) % 50000));
		servers++;
	}
	for (unsigned int i = 0; i < nr; i++) {
		waitpid(pid[i], &status, 0);
		if (!status)
			continue;
		printf("# a program ended with %d\n",
		       WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
		odd++;
	}
	printf("# %u servers\n", servers + 1);
	result(!bad, "each server begins, and ends with its books right");
	result(!odd, "no call of a program fails, no byte changes");
}

int main(int argc, char **argv)
{
	bool in = argc > 3 && !strcmp(argv[1], "--inside");
	unsigned int seconds = argc > 1 ? (unsigned int)strtoul(argv[in ? 2 : 1], NULL, 0) : 6;
	unsigned int nr = argc > 2 ? (unsigned int)strtoul(argv[2], NULL, 0) : 4;
	uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 0) : (uint64_t)time(NULL);

	if (in)
		return inside(seconds, seed);
	if (seconds < 2 || !nr || nr > MAX_PROGRAMS || !seed)
		return 2;
	printf("# %u s, %u programs, seed %" PRIu64 "\n", seconds, nr, seed);
	fflush(stdout);
	server_start("restart", "512M", "1024", NULL);
	run(argv[0], seconds, nr, seed);
	result(server_is_empty(500), "nothing is used when all are done");
	server_stop();
	return results();
}
