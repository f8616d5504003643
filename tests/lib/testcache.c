/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The test platform's caches: without end, nothing leaves of itself, each byte in three arrays; and addresses for runs of frames. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "../t.h"
#include "testplat.h"

/* A bank: the bytes that CPUs see, RAM, and what each line was filled with. */
struct tp_cache {
	uint64_t base, size;
	int fd;
	unsigned char *virt;
	unsigned char *ram, *fill;
	uint32_t *uncached; /* of a page: mappings past the caches */
};

struct tp_vmap {
	unsigned char *base;
	uint64_t nr_pages;
	unsigned int flags, nr_runs;
	struct tp_vmap *next;
	struct range run[];
};

static struct tp_cache *need_ram(struct testplat *tp, phys_t phys, uint64_t size)
{
	for (unsigned int i = 0; i < tp->nr_ram; i++)
		if (phys.v - tp->cache[i]->base < tp->cache[i]->size &&
		    size <= tp->cache[i]->size - (phys.v - tp->cache[i]->base))
			return tp->cache[i];
	tp->plat.stop(tp, "caches: not RAM");
	return NULL;
}

static bool past_caches(const struct tp_cache *r, uint64_t at)
{
	return r->uncached[at >> FH_PAGE_SHIFT];
}

static bool dirty(const struct testplat *tp, const struct tp_cache *r, uint64_t at)
{
	return memcmp(r->virt + at, r->fill + at, tp->plat.cache_line) != 0;
}

static void write_back(const struct testplat *tp, const struct tp_cache *r, uint64_t at)
{
	memcpy(r->ram + at, r->virt + at, tp->plat.cache_line);
	memcpy(r->fill + at, r->virt + at, tp->plat.cache_line);
}

static void tp_clean(void *ctx, phys_t phys, uint64_t size)
{
	struct testplat *tp = ctx;
	struct tp_cache *r = need_ram(tp, phys, size);
	uint64_t line = tp->plat.cache_line, start = phys.v - r->base;

	atomic_fetch_add(&tp->cleans, 1);
	pthread_mutex_lock(&tp->cache_lock);
	for (uint64_t at = start & ~(line - 1); at < start + size; at += line)
		if (!past_caches(r, at) && dirty(tp, r, at))
			write_back(tp, r, at);
	pthread_mutex_unlock(&tp->cache_lock);
}

/* Returns how many bytes of the CPU's were lost. */
static uint64_t inval_line(const struct testplat *tp, const struct tp_cache *r, uint64_t at)
{
	uint64_t lost = 0;

	for (uint64_t i = at; i < at + tp->plat.cache_line; i++) {
		lost += r->virt[i] != r->fill[i];
		if (r->virt[i] != r->ram[i])
			r->virt[i] = r->ram[i];
		r->fill[i] = r->ram[i];
	}
	return lost;
}

static uint64_t tp_inval(void *ctx, phys_t phys, uint64_t size)
{
	struct testplat *tp = ctx;
	struct tp_cache *r = need_ram(tp, phys, size);
	uint64_t line = tp->plat.cache_line, start = phys.v - r->base, end = start + size, lost = 0;

	atomic_fetch_add(&tp->invals, 1);
	pthread_mutex_lock(&tp->cache_lock);
	for (uint64_t at = start & ~(line - 1); at < end; at += line) {
		if (past_caches(r, at))
			continue;
		if ((at < start || at + line > end) && dirty(tp, r, at))
			write_back(tp, r, at);
		lost += inval_line(tp, r, at);
	}
	pthread_mutex_unlock(&tp->cache_lock);
	atomic_fetch_add(&tp->lost, lost);
	return lost;
}

void testplat_cache_reset(struct testplat *tp, phys_t phys, uint64_t size)
{
	struct tp_cache *r;

	if (!tp->plat.cache_line)
		return;
	r = need_ram(tp, phys, size);
	pthread_mutex_lock(&tp->cache_lock);
	memset(r->ram + (phys.v - r->base), 0, size);
	memset(r->fill + (phys.v - r->base), 0, size);
	pthread_mutex_unlock(&tp->cache_lock);
}

/* ---- devices ---- */

void testplat_bus_read(struct testplat *tp, phys_t phys, void *buf, uint64_t n, bool snoop)
{
	struct tp_cache *r = need_ram(tp, phys, n);
	uint64_t start = phys.v - r->base;

	pthread_mutex_lock(&tp->cache_lock);
	for (uint64_t i = 0; i < n; i++) {
		bool cpu = !tp->plat.cache_line || snoop || past_caches(r, start + i);

		((unsigned char *)buf)[i] = (cpu ? r->virt : r->ram)[start + i];
	}
	pthread_mutex_unlock(&tp->cache_lock);
}

void testplat_bus_write(struct testplat *tp, phys_t phys, const void *buf, uint64_t n, bool snoop)
{
	struct tp_cache *r = need_ram(tp, phys, n);
	uint64_t start = phys.v - r->base;

	pthread_mutex_lock(&tp->cache_lock);
	for (uint64_t i = 0; i < n; i++) {
		unsigned char byte = ((const unsigned char *)buf)[i];

		if (!tp->plat.cache_line || snoop || past_caches(r, start + i))
			r->virt[start + i] = byte;
		if (tp->plat.cache_line)
			r->ram[start + i] = byte;
		if (tp->plat.cache_line && snoop)
			r->fill[start + i] = byte;
	}
	pthread_mutex_unlock(&tp->cache_lock);
}

/* ---- addresses for runs ---- */

static void set_uncached(struct testplat *tp, const struct range *run, bool on)
{
	for (pfn_t pfn = run->start; pfn < run->end; pfn++) {
		struct tp_cache *r = need_ram(tp, fh_pfn_to_phys(pfn), FH_PAGE_SIZE);
		uint64_t at = fh_pfn_to_phys(pfn).v - r->base, end = at + FH_PAGE_SIZE;
		uint32_t *count = &r->uncached[at >> FH_PAGE_SHIFT];

		pthread_mutex_lock(&tp->cache_lock);
		for (; on && !*count && at < end; at += tp->plat.cache_line) {
			if (dirty(tp, r, at))
				write_back(tp, r, at);
			else
				inval_line(tp, r, at);
		}
		*count += on ? 1u : -1u;
		for (; !on && !*count && at < end; at += tp->plat.cache_line)
			write_back(tp, r, at);
		pthread_mutex_unlock(&tp->cache_lock);
	}
}

static bool map_runs(struct testplat *tp, struct tp_vmap *v)
{
	unsigned char *to;

	v->base = mmap(NULL, v->nr_pages << FH_PAGE_SHIFT, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);
	if (v->base == MAP_FAILED)
		return false;
	to = v->base;
	for (unsigned int i = 0; i < v->nr_runs; i++) {
		uint64_t size = (v->run[i].end - v->run[i].start) << FH_PAGE_SHIFT;
		struct tp_cache *r = need_ram(tp, fh_pfn_to_phys(v->run[i].start), size);

		if (mmap(to, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, r->fd,
			 (off_t)(fh_pfn_to_phys(v->run[i].start).v - r->base)) == MAP_FAILED) {
			munmap(v->base, v->nr_pages << FH_PAGE_SHIFT);
			return false;
		}
		to += size;
	}
	return true;
}

static void *tp_vmap(void *ctx, const struct range *run, unsigned int nr_runs, unsigned int flags)
{
	struct testplat *tp = ctx;
	struct tp_vmap *v =
		testplat_fails(tp) ? NULL : calloc(1, sizeof(*v) + nr_runs * sizeof(*run));

	if (!v)
		return NULL;
	v->nr_runs = nr_runs;
	v->flags = tp->plat.cache_line ? flags : 0;
	memcpy(v->run, run, nr_runs * sizeof(*run));
	for (unsigned int i = 0; i < nr_runs; i++)
		v->nr_pages += run[i].end - run[i].start;
	if (!map_runs(tp, v)) {
		free(v);
		return NULL;
	}
	for (unsigned int i = 0; i < nr_runs && v->flags & PLAT_VMAP_UNCACHED; i++)
		set_uncached(tp, &v->run[i], true);
	pthread_mutex_lock(&tp->cache_lock);
	v->next = tp->vmaps;
	tp->vmaps = v;
	pthread_mutex_unlock(&tp->cache_lock);
	return v->base;
}

static void tp_vunmap(void *ctx, void *p, uint64_t nr_pages)
{
	struct testplat *tp = ctx;
	struct tp_vmap **at, *v;

	pthread_mutex_lock(&tp->cache_lock);
	for (at = &tp->vmaps; *at && (*at)->base != p;)
		at = &(*at)->next;
	v = *at;
	if (v)
		*at = v->next;
	pthread_mutex_unlock(&tp->cache_lock);
	if (!v || v->nr_pages != nr_pages)
		tp->plat.stop(tp, "vunmap: no such mapping");
	munmap(p, nr_pages << FH_PAGE_SHIFT);
	for (unsigned int i = 0; i < v->nr_runs && v->flags & PLAT_VMAP_UNCACHED; i++)
		set_uncached(tp, &v->run[i], false);
	free(v);
}

/* ---- life ---- */

bool testplat_ram_file(struct testplat *tp, const struct tp_ram *r)
{
	struct tp_cache *c = tp->cache[r - tp->ram] = calloc(1, sizeof(*c));
	const int prot = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS;

	if (!c)
		return false;
	c->virt = r->virt;
	c->base = r->base;
	c->size = r->size;
	c->fd = memfd_create("freehold-test-ram", MFD_CLOEXEC);
	if (c->fd < 0 || ftruncate(c->fd, (off_t)r->size) ||
	    mmap(r->virt, r->size, prot, MAP_SHARED | MAP_FIXED, c->fd, 0) == MAP_FAILED)
		return false;
	c->ram = mmap(NULL, r->size, prot, flags | MAP_NORESERVE, -1, 0);
	c->fill = mmap(NULL, r->size, prot, flags | MAP_NORESERVE, -1, 0);
	c->uncached = calloc((r->size >> FH_PAGE_SHIFT) + 1, sizeof(*c->uncached));
	return c->ram != MAP_FAILED && c->fill != MAP_FAILED && c->uncached;
}

void testplat_caches(struct testplat *tp, unsigned int line)
{
	tp->ram_is_file = true;
	pthread_mutex_init(&tp->cache_lock, NULL);
	tp->plat.vmap = tp_vmap;
	tp->plat.vunmap = tp_vunmap;
	tp->plat.cache_line = line;
	if (line) {
		tp->plat.cache_clean = tp_clean;
		tp->plat.cache_inval = tp_inval;
	}
}

void testplat_caches_end(struct testplat *tp)
{
	T_OK(!tp->vmaps, "every vmap() has had its vunmap()");
	for (unsigned int i = 0; i < tp->nr_ram; i++) {
		struct tp_cache *c = tp->cache[i];

		close(c->fd);
		munmap(c->ram, c->size);
		munmap(c->fill, c->size);
		free(c->uncached);
		free(c);
	}
	pthread_mutex_destroy(&tp->cache_lock);
}
