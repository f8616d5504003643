/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A buffer from `freehold serve`: allocated, named, mapped, written, given back.
 *
 *	freehold serve --ram 256M --bootargs cma=64M &
 *	cc alloc.c $(pkg-config --cflags --libs freehold-client) && ./a.out
 *
 * Prints:
 *	heap default_cma_region: 67108864 bytes
 *	a buffer of 3112960 bytes, all zero
 *	3112960 bytes of the heap are used
 *	0 bytes of the heap are used
 */
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <freehold/client.h>

#define HEAP "default_cma_region"

static void check(int err, const char *what)
{
	if (err)
		errx(1, "%s: %s", what, strerror(-err));
}

static struct fhc_heap heap(struct fhc *c)
{
	struct fhc_heap h;
	unsigned int n = 0;

	do
		check(fhc_heap_nth(c, n++, &h), HEAP);
	while (strcmp(h.name, HEAP));
	return h;
}

int main(void)
{
	struct fhc_buffer buf;
	unsigned char *p;
	uint64_t sum = 0;
	struct fhc *c;
	void *at;

	check(fhc_connect(NULL, "example", &c), "fhc_connect");
	printf("heap %s: %" PRIu64 " bytes\n", HEAP, heap(c).total);

	/* A picture of 1920x1080 in NV12. Sizes are rounded up to whole pages. */
	check(fhc_alloc(c, HEAP, 1920 * 1080 * 3 / 2, O_RDWR | O_CLOEXEC, &buf), "fhc_alloc");
	check(fhc_set_name(c, buf.id, "picture"), "fhc_set_name");
	check(fhc_map(c, &buf, PROT_READ | PROT_WRITE, &at), "fhc_map");

	p = at;
	for (uint64_t i = 0; i < buf.size; i++)
		sum += p[i];
	printf("a buffer of %" PRIu64 " bytes, %s\n", buf.size, sum ? "not zero" : "all zero");
	memset(p, 0x80, buf.size);
	printf("%" PRIu64 " bytes of the heap are used\n", heap(c).used);

	/* Its memory goes back when descriptor and map are gone; had we been killed, the kernel would have closed both. */
	check(fhc_unmap(c, at), "fhc_unmap");
	check(fhc_release(c, &buf), "fhc_release");
	printf("%" PRIu64 " bytes of the heap are used\n", heap(c).used);
	fhc_close(c);
	return 0;
}
