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

#define PAGES	32768
#define BYTES	((size_t)PAGES << FH_PAGE_SHIFT)
#define THREADS 2

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

static double copy_all(unsigned char *to, unsigned char *from, unsigned int threads)
{
	struct share share[THREADS];
	uint64_t start = run_now();
	bool started = false;
	pthread_t id;

	for (unsigned int i = 0; i < threads; i++) {
		size_t first = (size_t)i * PAGES / threads;

		share[i] = (struct share){to + (first << FH_PAGE_SHIFT),
					  from + (first << FH_PAGE_SHIFT), PAGES / threads};
	}
	if (threads == THREADS) {
		started = !pthread_create(&id, NULL, copy, &share[1]);
		if (!started)
			return 0;
	}
	(void)copy(&share[0]);
	if (started)
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
	ns[0] = copy_all(p, p + BYTES, 1);
	ns[1] = copy_all(p, p + BYTES, 2);
	munmap(p, 2 * BYTES);
}
