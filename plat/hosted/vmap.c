/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Addresses of their own for runs of frames, one behind the other: plat->vmap. */
#include <stdlib.h>
#include <sys/mman.h>
#include "state.h"

struct hosted_vmap {
	char *base;
	uint64_t nr_pages;
	unsigned int flags, nr_runs;
	struct hosted_vmap *next;
	struct {
		uint64_t file_page, nr;
	} run[];
};

/* Which pages of the memfd they are; NULL: not RAM, or no memory. */
static struct hosted_vmap *describe(struct hosted *h, const struct range *run, unsigned int nr_runs)
{
	struct hosted_vmap *v = calloc(1, sizeof(*v) + nr_runs * sizeof(v->run[0]));

	if (!v)
		return NULL;
	v->nr_runs = nr_runs;
	for (unsigned int i = 0; i < nr_runs; i++) {
		uint64_t nr = run[i].end - run[i].start;

		if (run[i].start >= run[i].end ||
		    !hosted_ram_offset(h, run[i].start, nr, &v->run[i].file_page)) {
			free(v);
			return NULL;
		}
		v->run[i].nr = nr;
		v->nr_pages += nr;
	}
	return v;
}

/* One run, of whatever files stand there. */
static bool map_run(struct hosted *h, char *base, uint64_t file_page, uint64_t nr)
{
	uint64_t n, page;
	int fd;

	for (uint64_t i = 0; i < nr; i += n) {
		n = hosted_file_at(h, file_page + i, nr - i, &fd, &page);
		if (mmap(base + (i << FH_PAGE_SHIFT), n << FH_PAGE_SHIFT, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED, fd, (off_t)(page << FH_PAGE_SHIFT)) == MAP_FAILED)
			return false;
	}
	return true;
}

/* Addresses where huge pages can stand, if it may be that (share.c). */
static char *reserve(uint64_t size)
{
	uint64_t more = size < HOSTED_HUGE ? 0 : HOSTED_HUGE, before;
	char *p = mmap(NULL, size + more, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		       -1, 0);

	if (p == MAP_FAILED || !more)
		return p;
	before = -(uintptr_t)p & (HOSTED_HUGE - 1);
	if (before)
		munmap(p, before);
	munmap(p + before + size, more - before);
	return p + before;
}

/* All of it, or nothing. */
static bool map_all(struct hosted *h, struct hosted_vmap *v)
{
	uint64_t at = 0;

	v->base = reserve(v->nr_pages << FH_PAGE_SHIFT);
	if (v->base == MAP_FAILED)
		return false;
	for (unsigned int i = 0; i < v->nr_runs; i++) {
		if (!map_run(h, v->base + (at << FH_PAGE_SHIFT), v->run[i].file_page,
			     v->run[i].nr)) {
			munmap(v->base, v->nr_pages << FH_PAGE_SHIFT);
			return false;
		}
		at += v->run[i].nr;
	}
	return true;
}

static void uncached(struct hosted *h, const struct hosted_vmap *v, bool on)
{
	for (unsigned int i = 0; i < v->nr_runs && v->flags & PLAT_VMAP_UNCACHED; i++)
		hosted_cache_uncached(h, v->run[i].file_page, v->run[i].nr, on);
}

void *hosted_vmap(void *ctx, const struct range *run, unsigned int nr_runs, unsigned int flags)
{
	struct hosted *h = ctx;
	struct hosted_vmap *v = nr_runs ? describe(h, run, nr_runs) : NULL;

	if (!v)
		return NULL;
	if (!map_all(h, v)) {
		free(v);
		return NULL;
	}
	v->flags = flags;
	uncached(h, v, true);
	pthread_mutex_lock(&h->vmaps_lock);
	v->next = h->vmaps;
	h->vmaps = v;
	pthread_mutex_unlock(&h->vmaps_lock);
	return v->base;
}

void hosted_vunmap(void *ctx, void *p, uint64_t nr_pages)
{
	struct hosted *h = ctx;
	struct hosted_vmap **at, *v;

	pthread_mutex_lock(&h->vmaps_lock);
	for (at = &h->vmaps; *at && (*at)->base != p;)
		at = &(*at)->next;
	v = *at;
	if (v)
		*at = v->next;
	pthread_mutex_unlock(&h->vmaps_lock);
	if (!v || v->nr_pages != nr_pages) {
		hosted_stop(h, "vunmap: no such mapping");
		return;
	}
	munmap(v->base, v->nr_pages << FH_PAGE_SHIFT);
	uncached(h, v, false);
	free(v);
}

void hosted_vmaps_end(struct hosted *h)
{
	while (h->vmaps)
		hosted_vunmap(h, h->vmaps->base, h->vmaps->nr_pages);
}
