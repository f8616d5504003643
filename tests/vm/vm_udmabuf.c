/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Buffers that are DMA-BUFs of the host: real to the kernel and to a driver (vgem), and given back when the last of whoever has one lets go: a
 * program's descriptor or mapping, a message under way, the driver. As root. $FREEHOLD, BACKING=udmabuf.
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
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "../stress/lib/server.h"
#include "bytes.h"
#include "vgem.h"

#define MIB  UINT64_C(0x100000)
#define MANY 1000

static struct fhc *c, *judge; /* judge has nothing: what it sees, the server found by itself */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Comes to `want` bytes: how long it took; -1: it does not. */
static double comes_to(uint64_t want)
{
	double begin = now();

	while (now() < begin + 60) {
		if (server_used(judge) == want)
			return now() - begin;
		usleep(2000);
	}
	return -1;
}

static bool stays(uint64_t bytes)
{
	for (unsigned int i = 0; i < 30; i++) {
		if (server_used(judge) != bytes)
			return false;
		usleep(10000);
	}
	return true;
}

static bool get(uint64_t size, struct fhc_buffer *b)
{
	return !fhc_alloc(c, "system", size, O_RDWR | O_CLOEXEC, b);
}

static bool is_udmabuf(int fd)
{
	char path[64], line[128];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		found |= !strcmp(line, "exp_name:\tudmabuf\n");
	if (f)
		fclose(f);
	return found;
}

static void real(void)
{
	struct dma_buf_sync sync = {DMA_BUF_SYNC_RW | DMA_BUF_SYNC_START};
	struct fhc_buffer b;
	unsigned char *p;

	for (unsigned int round = 0; round < 2; round++) {
		if (!get(MIB, &b)) {
			result(false, "a buffer");
			return;
		}
		p = map(&b);
		result(is_udmabuf(b.fd) && p && all(p, b.size, 0), "a DMA-BUF, zero");
		result(!ioctl(b.fd, DMA_BUF_IOCTL_SYNC, &sync), "the kernel's own SYNC");
		if (p) {
			memset(p, 0xa5, b.size);
			munmap(p, b.size);
		}
		fhc_release(c, &b);
		result(comes_to(0) >= 0, "released: it is back");
	}
	result(get(128 * MIB, &b) && !is_udmabuf(b.fd) && (p = map(&b)) && !p[128 * MIB - 1],
	       "what the driver finds too large is a memfd");
	fhc_release(c, &b);
	munmap(p, 128 * MIB);
	result(comes_to(0) >= 0, "which is back, too");
}

/* ---- who may have it ---- */

/* Another program that has it: in a mapping alone, or in a descriptor. */
static pid_t holder(const struct fhc_buffer *b, bool mapped)
{
	int ready[2];
	char byte;
	pid_t pid;

	if (pipe(ready))
		return -1;
	pid = fork();
	if (pid == 0) {
		volatile unsigned char *p = mapped ? map(b) : NULL;

		if (p)
			p[0] = 1;
		if (mapped)
			close(b->fd);
		(void)!write(ready[1], "x", 1);
		pause();
		_exit(0);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		pid = -1;
	close(ready[0]);
	return pid;
}

static void of_another(bool mapped)
{
	struct fhc_buffer b;
	double s;
	pid_t pid;

	if (!get(MIB, &b)) {
		result(false, "a buffer");
		return;
	}
	pid = holder(&b, mapped);
	fhc_release(c, &b);
	result(pid > 0 && stays(MIB),
	       mapped ? "it stays for a mapping" : "it stays for a descriptor");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	s = comes_to(0);
	printf("# seen after %.0f ms\n", s * 1000);
	result(s >= 0, "kill -9: it is back");
}

static void under_way(void)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.bytes = {0}};
	struct iovec iov = {"x", 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	struct fhc_buffer b;
	int sock[2];

	if (!get(MIB, &b) || socketpair(AF_UNIX, SOCK_STREAM, 0, sock)) {
		result(false, "a buffer");
		return;
	}
	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.align), &b.fd, sizeof(int));
	result(sendmsg(sock[0], &msg, 0) == 1, "passed on");
	fhc_release(c, &b);
	result(stays(MIB), "it stays while the message is under way");
	close(sock[0]);
	close(sock[1]);
	result(comes_to(0) >= 0, "lost with its socket: it is back");
}

static void without_a_word(void)
{
	struct fhc_buffer b;
	double s = -1;

	result(get(MIB, &b) && !close(b.fd) && (s = comes_to(0)) >= 0, "closed, and nothing said");
	printf("# seen after %.0f ms\n", s * 1000);
}

/* A client that dies; another one was shown its buffer. */
static void dead_client(void)
{
	struct fhc_buffer b, same;
	struct fhc *other;
	bool ok = !fhc_connect(server_path(), "short", &other) &&
		  !fhc_alloc(other, "system", MIB, O_RDWR | O_CLOEXEC, &b) &&
		  !fhc_import(c, b.fd, &same) && same.id == b.id;

	result(ok, "shown to another client, which knows it");
	if (ok)
		fhc_close(other);
	result(stays(MIB), "its maker gone, it stays");
	close(b.fd);
	result(comes_to(0) >= 0, "closed: it is back");
}

static void strangers(void)
{
	struct dma_heap_allocation_data a = {.len = 4096, .fd_flags = O_RDWR | O_CLOEXEC};
	int heap = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);
	struct fhc_buffer b, x;

	result(get(4096, &x) && !ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &a) &&
		       fhc_import(c, (int)a.fd, &b) == -EINVAL,
	       "a DMA-BUF of the kernel's own is none of ours");
	close((int)a.fd);
	result(fhc_import(c, heap, &b) == -EINVAL, "nor is a heap");
	close(heap);
	fhc_release(c, &x);
}

/* ---- a driver ---- */

static void imported(void)
{
	int card = vgem_open();
	struct fhc_buffer b;
	uint32_t handle = 0;
	bool ok = card >= 0 && get(MIB, &b);

	result(ok && !vgem_import(card, b.fd, &handle), "vgem imports it");
	if (!ok)
		return;
	fhc_release(c, &b);
	result(stays(MIB), "it stays while the driver has it");
	result(!vgem_close(card, handle) && comes_to(0) >= 0, "the driver lets go: it is back");
	close(card);
}

/* ---- many ---- */

static void many(void)
{
	static struct fhc_buffer b[MANY];
	unsigned int n = 0;
	unsigned long t;
	double s;

	while (n < MANY && get(4096, &b[n]))
		n++;
	result(n == MANY && stays(MANY * 4096), "a thousand");
	t = server_ticks();
	sleep(4);
	printf("# %d idle: %.1f %% of a CPU\n", MANY,
	       (double)(server_ticks() - t) * 25 / (double)sysconf(_SC_CLK_TCK));
	while (n)
		close(b[--n].fd);
	s = comes_to(0);
	printf("# all closed, nothing said: seen after %.0f ms\n", s * 1000);
	result(s >= 0, "they are back");
}

int main(void)
{
	server_start("udmabuf", "512M", "16", NULL);
	if (fhc_connect(server_path(), "udmabuf", &c) ||
	    fhc_connect(server_path(), "judge", &judge))
		return 2;
	real();
	of_another(false);
	of_another(true);
	under_way();
	without_a_word();
	dead_client();
	strangers();
	imported();
	many();
	fhc_close(c);
	fhc_close(judge);
	server_stop();
	return results();
}
