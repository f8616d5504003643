/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Buffers of huge pages on a kernel that has some: where they really lie, that they are zero, when they are given back, what comes when there
 * are no more. As root, whom pagemap tells. $FREEHOLD, BACKING=hugetlb.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../stress/lib/server.h"
#include "bytes.h"

#define MIB  UINT64_C(0x100000)
#define HUGE (2 * MIB)
#define AREA "default_cma_region"
#define MANY 64

static struct fhc *c;

/* Huge pages that nobody has and nobody was promised. */
static long left(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	char line[128];
	long v, n = 0;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "HugePages_Free: %ld", &v) == 1)
			n += v;
		if (sscanf(line, "HugePages_Rsvd: %ld", &v) == 1)
			n -= v;
	}
	if (f)
		fclose(f);
	return n;
}

static bool comes_to(long want)
{
	for (unsigned int i = 0; i < 500 && left() != want; i++)
		usleep(10000);
	return left() == want;
}

static bool is_huge(const struct fhc_buffer *b)
{
	struct stat st;

	return !fstat(b->fd, &st) && st.st_blksize == (blksize_t)HUGE;
}

/* The frame of the host behind an address; 0: none. */
static uint64_t frame(const unsigned char *p)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;

	if (pread(fd, &entry, sizeof(entry), (off_t)((uintptr_t)p / 4096 * sizeof(entry))) !=
		    (ssize_t)sizeof(entry) ||
	    !(entry >> 63))
		entry = 0;
	close(fd);
	return entry & ((UINT64_C(1) << 55) - 1);
}

/* Each 2 MiB lies in one piece, on a boundary of 2 MiB. */
static bool contiguous(const unsigned char *p, uint64_t size)
{
	for (uint64_t at = 0; at < size; at += 4096) {
		uint64_t first = frame(p + at / HUGE * HUGE);

		if (!first || first % 512 || frame(p + at) != first + at % HUGE / 4096)
			return false;
	}
	return true;
}

/* Another program that has it, in nothing but a mapping. */
static pid_t holder(const struct fhc_buffer *b)
{
	int ready[2];
	char byte;
	pid_t pid;

	if (pipe(ready))
		return -1;
	pid = fork();
	if (pid == 0) {
		volatile unsigned char *p = map(b);

		close(b->fd);
		if (p)
			p[0] = 1;
		(void)!write(ready[1], "x", p ? 1 : 0);
		pause();
		_exit(0);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		pid = -1;
	close(ready[0]);
	return pid;
}

static void one(const char *heap)
{
	long before = left();
	struct fhc_buffer b;
	unsigned char *p;
	pid_t pid;

	if (fhc_alloc(c, heap, 2 * HUGE, O_RDWR | O_CLOEXEC, &b) || !is_huge(&b)) {
		printf("# %s\n", heap);
		result(false, "4 MiB are huge pages");
		return;
	}
	printf("# 4 MiB of %s\n", heap);
	result(true, "4 MiB are huge pages");
	result(b.size == 2 * HUGE && left() == before - 2, "two are promised to it, and no more");
	p = map(&b);
	result(p && all(p, b.size, 0), "zero");
	result(p && contiguous(p, b.size), "each of its huge pages is contiguous memory");
	if (p) {
		memset(p, 0xa5, b.size);
		munmap(p, b.size);
	}
	pid = holder(&b);
	fhc_release(c, &b);
	usleep(300000);
	result(pid > 0 && left() == before - 2, "it stays while somebody maps it");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	result(comes_to(before), "it is back when that one is killed");
}

static void until_none(void)
{
	static struct fhc_buffer b[MANY];
	long before = left(), n = before;
	bool fine = n < MANY - 2;
	unsigned char *p;

	for (long i = 0; fine && i < n; i++) {
		fine = !fhc_alloc(c, AREA, HUGE, O_RDWR | O_CLOEXEC, &b[i]) && is_huge(&b[i]);
		p = fine ? map(&b[i]) : NULL;
		fine = p && all(p, HUGE, 0);
		if (p) {
			memset(p, 0x5a, HUGE);
			munmap(p, HUGE);
		}
	}
	result(fine && !left(), "as many as the kernel has, each zero");
	fine = fine && !fhc_alloc(c, AREA, HUGE, O_RDWR | O_CLOEXEC, &b[n]);
	p = fine ? map(&b[n]) : NULL;
	result(p && !is_huge(&b[n]) && all(p, HUGE, 0), "then one of 4 KiB pages");
	if (p) {
		memset(p, 0x5a, HUGE);
		munmap(p, HUGE);
	}
	for (long i = 0; fine && i <= n; i++)
		fhc_release(c, &b[i]);
	result(comes_to(before), "all are back");
	result(!fhc_alloc(c, AREA, HUGE, O_RDWR | O_CLOEXEC, &b[0]) && is_huge(&b[0]) &&
		       (p = map(&b[0])) && all(p, HUGE, 0),
	       "the next is of huge pages again, and zero");
	if (p)
		munmap(p, HUGE);
	fhc_release(c, &b[0]);
}

static void odd_sizes(void)
{
	long before = left();
	struct fhc_buffer b;

	result(!fhc_alloc(c, AREA, 3 * MIB, O_RDWR | O_CLOEXEC, &b) && b.size == 3 * MIB &&
		       !is_huge(&b) && left() == before,
	       "3 MiB: not rounded, of 4 KiB pages");
	fhc_release(c, &b);
}

/* How many of a kind lie such that they can be huge. */
static void share_of(const char *heap, uint64_t size, unsigned int nr)
{
	static struct fhc_buffer b[MANY];
	unsigned int n = 0, huge = 0;

	while (n < nr && !fhc_alloc(c, heap, size, O_RDWR | O_CLOEXEC, &b[n]))
		huge += is_huge(&b[n++]);
	printf("# %s: %u of %u buffers of %" PRIu64 " MiB are of huge pages\n", heap, huge, n,
	       size / MIB);
	result(n == nr && huge == nr, "as long as there are any, every whole one is");
	while (n)
		fhc_release(c, &b[--n]);
}

int main(void)
{
	long total = left();

	printf("# %ld huge pages\n", total);
	server_start("huge", "512M", "16", NULL);
	if (fhc_connect(server_path(), "huge", &c))
		return 2;
	one(AREA);
	one("system");
	odd_sizes();
	share_of(AREA, 4 * MIB, 8);
	share_of("system", 4 * MIB, 8);
	result(comes_to(total), "all are back");
	until_none();
	result(comes_to(total) && !server_used(c), "none is lost");
	fhc_close(c);
	server_stop();
	return results();
}
