/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What this host needs to copy a page: 128 MiB, far more than caches hold, once by one thread and once by
 * two. */
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <freehold/types.h>
#include "copyrate.h"
#include "run.h"

#define PAGES 32768
#define BYTES ((size_t)PAGES << FH_PAGE_SHIFT)

struct share {
	unsigned char *to, *from;
	size_t pages;
};

static void *copy(void *arg)
{
	const struct share *s = arg;

	for (size_t at = 0; at < s->pages << FH_PAGE_SHIFT; at += FH_PAGE_SIZE)
		memcpy(s->to + at, s->from + at, FH_PAGE_SIZE);
	return NULL;
}

static double copy_all(unsigned char *to, unsigned char *from)
{
	struct share all = {to, from, PAGES};
	uint64_t start = run_now();

	(void)copy(&all);
	return (double)(run_now() - start) / PAGES;
}

static double copy_halves(unsigned char *to, unsigned char *from)
{
	struct share low = {to, from, PAGES / 2};
	struct share high = {to + BYTES / 2, from + BYTES / 2, PAGES / 2};
	uint64_t start = run_now();
	pthread_t id;

	if (pthread_create(&id, NULL, copy, &high))
		return 0;
	(void)copy(&low);
	pthread_join(id, NULL);
	return (double)(run_now() - start) / PAGES;
}

void copyrate_measure(double ns[2])
{
	unsigned char *p =
		mmap(NULL, 2 * BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ns[0] = ns[1] = 0;
	if (p == MAP_FAILED)
		return;
	memset(p, 1, 2 * BYTES); /* the host's own page faults are not meant */
	ns[0] = copy_all(p, p + BYTES);
	ns[1] = copy_halves(p, p + BYTES);
	munmap(p, 2 * BYTES);
}
