/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What system calls cost under `freehold exec`: run it with and without. Without, what only heaps have is left out.
 * usage: exec [ROUNDS]
 */
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SETS 9 /* the median of so many */

static int file, heap, buffer;

static void do_getppid(void)
{
	getppid();
}

static void do_read(void)
{
	char byte;

	(void)!pread(file, &byte, 1, 0);
}

static void do_open(void)
{
	close(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
}

static void do_stat(void)
{
	struct stat st;

	stat("/etc/passwd", &st);
}

static void do_map(void)
{
	munmap(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 0), 4096);
}

static void do_anonymous(void)
{
	munmap(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 4096);
}

static void do_ioctl(void)
{
	int on = 0;

	ioctl(file, FIONBIO, &on);
}

static void do_poll(void)
{
	struct pollfd p = {.fd = file, .events = POLLIN};

	poll(&p, 1, 0);
}

static void do_heap(void)
{
	close(open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC));
}

static void do_alloc(void)
{
	struct dma_heap_allocation_data data = {4096, 0, O_RDWR | O_CLOEXEC, 0};

	if (!ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data))
		close((int)data.fd);
}

static void do_buffer_map(void)
{
	munmap(mmap(NULL, 4096, PROT_READ, MAP_SHARED, buffer, 0), 4096);
}

static void do_sync(void)
{
	struct dma_buf_sync sync = {DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW};

	ioctl(buffer, DMA_BUF_IOCTL_SYNC, &sync);
}

static const struct {
	const char *name;
	void (*call)(void);
	int heaps; /* needs them */
} calls[] = {
	{"getppid (not trapped)", do_getppid, 0},
	{"pread (not trapped)", do_read, 0},
	{"mmap+munmap, anonymous (not trapped)", do_anonymous, 0},
	{"ioctl FIONBIO (not trapped)", do_ioctl, 0},
	{"open+close of a file", do_open, 0},
	{"stat of a file", do_stat, 0},
	{"mmap+munmap of a file", do_map, 0},
	{"poll of a file", do_poll, 0},
	{"open+close of a heap", do_heap, 1},
	{"allocate 4 KiB+close", do_alloc, 1},
	{"mmap+munmap of a buffer", do_buffer_map, 1},
	{"DMA_BUF_IOCTL_SYNC", do_sync, 1},
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double ns_of(void (*call)(void), unsigned int rounds)
{
	struct timespec from, to;

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (unsigned int i = 0; i < rounds; i++)
		call();
	clock_gettime(CLOCK_MONOTONIC, &to);
	return ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) /
	       rounds;
}

int main(int argc, char **argv)
{
	unsigned int rounds = argc > 1 ? (unsigned int)strtoul(argv[1], NULL, 10) : 1000;
	struct dma_heap_allocation_data data = {4096, 0, O_RDWR | O_CLOEXEC, 0};
	double ns[SETS];

	file = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	heap = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);
	if (heap >= 0 && !ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data))
		buffer = (int)data.fd;
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		if (calls[i].heaps && heap < 0)
			continue;
		for (int set = 0; set < SETS; set++)
			ns[set] = ns_of(calls[i].call, rounds);
		qsort(ns, SETS, sizeof(*ns), by_value);
		printf("%-38s %9.0f ns\n", calls[i].name, ns[SETS / 2]);
	}
	return 0;
}
