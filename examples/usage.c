/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Who has what, and who copies: a stage that makes a picture writes each byte of it once; one that
 * copies it writes as many again, and that is seen, in this program and in the server's read-outs.
 *
 * Prints:
 *	2 buffers of 2097152 bytes, charged 2097152
 *	made: 1048576 bytes written
 *	copied: 1048576 bytes more
 *	one byte: 4096
 *	the server: camera has written 2101248
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/dma-buf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <freehold/client.h>

#define SIZE 1048576

static void check(int err, const char *what)
{
	if (err)
		errx(1, "%s: %s", what, strerror(-err));
}

static uint64_t written(struct fhc *c)
{
	struct fhc_usage u;

	check(fhc_get_usage(c, &u), "fhc_get_usage");
	return u.written;
}

/* The line of this program in a file of the server's machine. */
static void show_holder(struct fhc *c)
{
	static char text[65536];
	size_t len;

	check(fhc_read(c, "sys/kernel/debug/freehold/holders", text, sizeof(text) - 1, &len),
	      "fhc_read");
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		unsigned long long n[8];
		char name[64];

		if (sscanf(line, "%llu %llu %llu %llu %llu %llu %llu %llu %*s %63s", &n[0], &n[1],
			   &n[2], &n[3], &n[4], &n[5], &n[6], &n[7], name) == 9 &&
		    !strcmp(name, "camera"))
			printf("the server: %s has written %llu\n", name, n[7]);
	}
}

int main(void)
{
	struct fhc_buffer a, b;
	struct fhc_usage u;
	struct fhc *c;
	void *from, *to;
	uint64_t before;
	int err;

	check(fhc_connect(NULL, "camera", &c), "fhc_connect");
	err = fhc_count_writes(c, true);
	if (err == -EOPNOTSUPP) {
		printf("this kernel cannot tell which pages are written\n");
		return 77;
	}
	check(err, "fhc_count_writes");
	check(fhc_alloc(c, "system", SIZE, O_RDWR | O_CLOEXEC, &a), "fhc_alloc");
	check(fhc_alloc(c, "system", SIZE, O_RDWR | O_CLOEXEC, &b), "fhc_alloc");
	check(fhc_map(c, &a, PROT_READ | PROT_WRITE, &from), "fhc_map");
	check(fhc_map(c, &b, PROT_READ | PROT_WRITE, &to), "fhc_map");
	check(fhc_get_usage(c, &u), "fhc_get_usage");
	printf("%" PRIu64 " buffers of %" PRIu64 " bytes, charged %" PRIu64 "\n", u.buffers, u.held,
	       u.charged);

	memset(from, 1, SIZE);
	check(fhc_sync(c, a.id, DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE), "fhc_sync");
	before = written(c);
	printf("made: %" PRIu64 " bytes written\n", before);

	memcpy(to, from, SIZE);
	check(fhc_sync(c, b.id, DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE), "fhc_sync");
	printf("copied: %" PRIu64 " bytes more\n", written(c) - before);

	before = written(c);
	*(char *)to = 2; /* a page is the least that is counted */
	check(fhc_sync(c, b.id, DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE), "fhc_sync");
	printf("one byte: %" PRIu64 "\n", written(c) - before);
	show_holder(c);
	fhc_close(c);
	return 0;
}
