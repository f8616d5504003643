/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Caches between CPUs and RAM, for devices that do not snoop them.
 *
 * The linear map is what CPUs see, so plain loads and stores work. RAM as devices see it is a second array of the same size, and a
 * third holds what each line was filled with: a line is dirty when the CPU's bytes differ from that. Both are zero at birth,
 * as RAM is, and cost no memory until somebody looks at a page; a page that is freed and used again keeps what it had.
 *
 * Nothing says when a CPU loads, so the worst legal cache is assumed: every line is there, filled before a device writes
 * to it. Where cache_size limits that, lines stand in a list in the order they were seen to be filled. A line outside the list shows RAM's
 * bytes, unless a CPU wrote to it meanwhile.
 *
 * A line is changed under the lock of its part, the CPU's bytes of it only where RAM differs: its owner's neighbours may
 * store to the same line at any time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "state.h"

#define MIN_LINE   16u
#define MAX_LINE   256u
#define MAX_PARTS  64u
#define SPREAD_AT  (UINT64_C(64) << 10) /* from so large a cache on it is kept in parts */
#define LOT_ONE_IN 64
#define NO_TSAN	   __attribute__((no_sanitize_thread))

/* Neighbours in the list of a part, oldest first. Position n + 1 is line n, those behind the last line are the parts' own; 0: in
 * no list. */
struct link {
	uint32_t prev, next;
};

/* Every nr_parts-th page is of the same part. */
struct part {
	pthread_mutex_t lock;
	uint64_t present, lot;
	struct hosted_cache_stats stats;
};

struct hosted_cache {
	unsigned int line, shift;
	uint64_t room; /* lines a part may have; 0: no limit */
	bool by_lot;
	uint64_t size; /* of RAM */
	unsigned char *cpu, *ram, *fill;
	struct link *link;  /* NULL: no limit */
	uint32_t *uncached; /* of a page: mappings past the caches; its part's lock */
	unsigned int nr_parts;
	struct part part[MAX_PARTS];
};

/* Host memory that is zero, and not there until it is touched. */
static void *lazy(uint64_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void unlazy(void *p, uint64_t size)
{
	if (p)
		munmap(p, size);
}

static uint64_t links_size(const struct hosted_cache *c)
{
	return ((c->size >> c->shift) + 1 + MAX_PARTS) * sizeof(struct link);
}

static uint64_t uncached_size(const struct hosted_cache *c)
{
	return (c->size >> FH_PAGE_SHIFT) * sizeof(*c->uncached);
}

/* ---- the bytes of a line: as CPUs store to it, so past the compiler and its sanitizer ---- */

/* Few words at a time are seen by CPUs as a whole: those aligned in both. */
NO_TSAN static void copy(volatile unsigned char *dst, const volatile unsigned char *src, size_t n)
{
	if (!(((uintptr_t)dst | (uintptr_t)src) & 7))
		for (; n >= 8; n -= 8, dst += 8, src += 8)
			*(volatile uint64_t *)dst = *(const volatile uint64_t *)src;
	while (n--)
		*dst++ = *src++;
}

/* Turns the CPU's bytes, which were `seen` a moment ago, into RAM's. Not whole: the line may have another owner, too, who goes
 * on storing to it. */
NO_TSAN static void show(struct hosted_cache *c, uint64_t at, const unsigned char *seen, bool whole)
{
	volatile unsigned char *cpu = c->cpu + at;
	const unsigned char *ram = c->ram + at;

	memcpy(c->fill + at, ram, c->line);
	if (!memcmp(seen, ram, c->line))
		return;
	if (whole)
		copy(cpu, ram, c->line);
	for (unsigned int i = 0; i < c->line && !whole; i++)
		if (seen[i] != ram[i])
			cpu[i] = ram[i];
}

static uint64_t differ(const unsigned char *a, const unsigned char *b, unsigned int n)
{
	uint64_t nr = 0;

	if (!memcmp(a, b, n))
		return 0;
	for (unsigned int i = 0; i < n; i++)
		nr += a[i] != b[i];
	return nr;
}

/* ---- lines, each with its part locked ---- */

static struct part *part_of(struct hosted_cache *c, uint64_t at)
{
	return &c->part[(at >> FH_PAGE_SHIFT) % c->nr_parts];
}

static bool dirty(const struct hosted_cache *c, uint64_t at, unsigned char *seen)
{
	copy(seen, c->cpu + at, c->line);
	return memcmp(seen, c->fill + at, c->line) != 0;
}

/* The whole line goes to RAM, over whatever a device wrote there. */
static void write_back(struct hosted_cache *c, uint64_t at, const unsigned char *seen)
{
	struct part *p = part_of(c, at);

	p->stats.written_back++;
	p->stats.overwritten += differ(c->ram + at, c->fill + at, c->line);
	memcpy(c->ram + at, seen, c->line);
	memcpy(c->fill + at, seen, c->line);
}

static bool present(const struct hosted_cache *c, uint64_t at)
{
	return !c->link || c->link[(at >> c->shift) + 1].next;
}

static void drop(struct hosted_cache *c, uint64_t at)
{
	struct link *l;

	if (!c->link || !present(c, at))
		return;
	l = &c->link[(at >> c->shift) + 1];
	c->link[l->prev].next = l->next;
	c->link[l->next].prev = l->prev;
	*l = (struct link){0};
	part_of(c, at)->present--;
}

/* The line leaves the cache. */
static void leave(struct hosted_cache *c, uint64_t at)
{
	unsigned char seen[MAX_LINE] = {0};

	if (dirty(c, at, seen))
		write_back(c, at, seen);
	else
		show(c, at, seen, false);
	drop(c, at);
}

/* The line is filled, and others make room for it. */
static void enter(struct hosted_cache *c, uint64_t at)
{
	struct part *p = part_of(c, at);
	uint32_t head = (uint32_t)((c->size >> c->shift) + 1 + (uint64_t)(p - c->part));
	uint32_t pos = (uint32_t)(at >> c->shift) + 1;

	if (present(c, at))
		return;
	c->link[pos] = (struct link){.prev = c->link[head].prev, .next = head};
	c->link[c->link[head].prev].next = pos;
	c->link[head].prev = pos;
	p->present++;
	while (p->present > c->room) {
		p->stats.evicted++;
		leave(c, (uint64_t)(c->link[head].next - 1) << c->shift);
	}
}

/* Now and then, when devices come by. */
static void draw(struct hosted_cache *c, uint64_t at)
{
	struct part *p = part_of(c, at);

	if (!c->by_lot)
		return;
	p->lot ^= p->lot << 13;
	p->lot ^= p->lot >> 7;
	p->lot ^= p->lot << 17;
	if (p->lot % LOT_ONE_IN)
		return;
	p->stats.evicted++;
	leave(c, at);
}

static void clean_line(struct hosted_cache *c, uint64_t at)
{
	unsigned char seen[MAX_LINE] = {0};

	if (!dirty(c, at, seen))
		return;
	enter(c, at);
	write_back(c, at, seen);
}

/* Returns what was lost. It is filled again at once. */
static uint64_t inval_line(struct hosted_cache *c, uint64_t at, bool whole)
{
	unsigned char seen[MAX_LINE] = {0};
	uint64_t lost = 0;

	if (!dirty(c, at, seen)) {
		show(c, at, seen, whole);
	} else if (whole) {
		lost = differ(seen, c->fill + at, c->line);
		show(c, at, seen, true);
	} else {
		write_back(c, at, seen);
	}
	drop(c, at);
	enter(c, at);
	part_of(c, at)->stats.lost += lost;
	return lost;
}

/* ---- ranges: page by page ---- */

/* [start, end) of the memfd, in one page, and who asks for it. */
struct span {
	uint64_t start, end;
	unsigned char *buf; /* a device's */
	uint64_t lost;
};

typedef void (*span_fn)(struct hosted_cache *c, struct span *s);

static void span_clean(struct hosted_cache *c, struct span *s)
{
	for (uint64_t at = s->start & ~(uint64_t)(c->line - 1); at < s->end; at += c->line)
		clean_line(c, at);
}

static void span_inval(struct hosted_cache *c, struct span *s)
{
	for (uint64_t at = s->start & ~(uint64_t)(c->line - 1); at < s->end; at += c->line)
		s->lost += inval_line(c, at, at >= s->start && at + c->line <= s->end);
}

static void span_read(struct hosted_cache *c, struct span *s)
{
	unsigned char seen[MAX_LINE] = {0};

	for (uint64_t at = s->start & ~(uint64_t)(c->line - 1); at < s->end; at += c->line) {
		if (c->link && dirty(c, at, seen))
			enter(c, at);
		draw(c, at);
	}
	memcpy(s->buf, c->ram + s->start, s->end - s->start);
}

static void span_write(struct hosted_cache *c, struct span *s)
{
	uint64_t from, to;

	for (uint64_t at = s->start & ~(uint64_t)(c->line - 1); at < s->end; at += c->line) {
		from = at > s->start ? at : s->start;
		to = at + c->line < s->end ? at + c->line : s->end;
		enter(c, at);
		memcpy(c->ram + from, s->buf + (from - s->start), to - from);
		draw(c, at);
	}
}

static void span_read_cpu(struct hosted_cache *c, struct span *s)
{
	copy(s->buf, c->cpu + s->start, s->end - s->start);
}

static void span_write_both(struct hosted_cache *c, struct span *s)
{
	copy(c->cpu + s->start, s->buf, s->end - s->start);
	memcpy(c->ram + s->start, s->buf, s->end - s->start);
	memcpy(c->fill + s->start, s->buf, s->end - s->start);
}

static void span_nothing(struct hosted_cache *c, struct span *s)
{
	(void)c, (void)s;
}

/* Calls fn for each page of [at, at + n), or past_caches where it is mapped so. Returns what was lost. */
static uint64_t each_page(struct hosted_cache *c, uint64_t at, uint64_t n, void *buf, span_fn fn,
			  span_fn past_caches)
{
	struct span s = {.buf = buf};
	struct part *p;

	for (uint64_t end = at + n; at < end; at = s.end) {
		s.start = at;
		s.end = (at | (FH_PAGE_SIZE - 1)) + 1;
		s.end = s.end < end ? s.end : end;
		p = part_of(c, at);
		pthread_mutex_lock(&p->lock);
		(c->uncached[at >> FH_PAGE_SHIFT] ? past_caches : fn)(c, &s);
		pthread_mutex_unlock(&p->lock);
		if (s.buf)
			s.buf += s.end - s.start;
	}
	return s.lost;
}

/* Where [phys, phys + size) begins in the memfd, in bytes; false: not inside one bank. */
static bool offset_of(const struct hosted *h, phys_t phys, uint64_t size, uint64_t *at)
{
	uint64_t offset = phys.v & (FH_PAGE_SIZE - 1), page;

	if (size > h->ram_size ||
	    !hosted_ram_offset(h, fh_phys_to_pfn(phys),
			       (offset + size + FH_PAGE_SIZE - 1) >> FH_PAGE_SHIFT, &page))
		return false;
	*at = (page << FH_PAGE_SHIFT) + offset;
	return true;
}

void hosted_cache_clean(void *ctx, phys_t phys, uint64_t size)
{
	struct hosted *h = ctx;
	uint64_t at;

	if (!offset_of(h, phys, size, &at))
		hosted_stop(h, "cache_clean: not RAM");
	each_page(h->cache, at, size, NULL, span_clean, span_nothing);
}

uint64_t hosted_cache_inval(void *ctx, phys_t phys, uint64_t size)
{
	struct hosted *h = ctx;
	uint64_t at;

	if (!offset_of(h, phys, size, &at))
		hosted_stop(h, "cache_inval: not RAM");
	return each_page(h->cache, at, size, NULL, span_inval, span_nothing);
}

/* ---- devices ---- */

static int bus(struct hosted *h, phys_t phys, void *buf, uint64_t n, span_fn fn, span_fn cpu)
{
	uint64_t at;

	if (!n)
		return 0;
	if (!offset_of(h, phys, n, &at))
		return -FH_EFAULT;
	if (h->cache)
		each_page(h->cache, at, n, buf, fn, cpu);
	else if (cpu == span_read_cpu)
		copy(buf, (unsigned char *)h->ram + at, n);
	else
		copy((unsigned char *)h->ram + at, buf, n);
	return 0;
}

/* Past the caches the CPU's bytes are RAM; the other two arrays follow when the last such mapping goes. */
static void span_write_cpu(struct hosted_cache *c, struct span *s)
{
	copy(c->cpu + s->start, s->buf, s->end - s->start);
}

int hosted_bus_read(struct hosted *h, phys_t phys, void *buf, uint64_t n)
{
	return bus(h, phys, buf, n, span_read, span_read_cpu);
}

int hosted_bus_write(struct hosted *h, phys_t phys, const void *buf, uint64_t n)
{
	return bus(h, phys, (void *)buf, n, span_write, span_write_cpu);
}

int hosted_bus_read_snoop(struct hosted *h, phys_t phys, void *buf, uint64_t n)
{
	return bus(h, phys, buf, n, span_read_cpu, span_read_cpu);
}

int hosted_bus_write_snoop(struct hosted *h, phys_t phys, const void *buf, uint64_t n)
{
	return bus(h, phys, (void *)buf, n, span_write_both, span_write_cpu);
}

/* ---- pages mapped past the caches ---- */

void hosted_cache_uncached(struct hosted *h, uint64_t file_page, uint64_t nr, bool on)
{
	struct hosted_cache *c = h->cache;

	for (uint64_t i = file_page; c && i < file_page + nr; i++) {
		uint64_t at = i << FH_PAGE_SHIFT, end = at + FH_PAGE_SIZE;
		struct part *p = part_of(c, at);

		pthread_mutex_lock(&p->lock);
		if (on && !c->uncached[i]++) {
			for (; at < end; at += c->line)
				leave(c, at);
		} else if (!on && !--c->uncached[i]) {
			copy(c->ram + at, c->cpu + at, FH_PAGE_SIZE);
			memcpy(c->fill + at, c->ram + at, FH_PAGE_SIZE);
		}
		pthread_mutex_unlock(&p->lock);
	}
}

/* ---- pages whose bytes are exchanged for others ---- */

void hosted_cache_hold(struct hosted *h)
{
	for (unsigned int i = 0; h->cache && i < h->cache->nr_parts; i++)
		pthread_mutex_lock(&h->cache->part[i].lock);
}

void hosted_cache_reset(struct hosted *h, uint64_t file_page, uint64_t nr)
{
	uint64_t start = file_page << FH_PAGE_SHIFT, size = nr << FH_PAGE_SHIFT;
	struct hosted_cache *c = h->cache;

	if (!c)
		return;
	for (uint64_t at = start; c->link && at < start + size; at += c->line)
		drop(c, at);
	madvise(c->ram + start, size, MADV_DONTNEED);
	madvise(c->fill + start, size, MADV_DONTNEED);
}

void hosted_cache_let_go(struct hosted *h)
{
	for (unsigned int i = h->cache ? h->cache->nr_parts : 0; i;)
		pthread_mutex_unlock(&h->cache->part[--i].lock);
}

void hosted_cache_stats(struct hosted *h, struct hosted_cache_stats *stats)
{
	struct hosted_cache *c = h->cache;

	*stats = (struct hosted_cache_stats){0};
	for (unsigned int i = 0; c && i < c->nr_parts; i++) {
		struct part *p = &c->part[i];

		pthread_mutex_lock(&p->lock);
		stats->written_back += p->stats.written_back;
		stats->overwritten += p->stats.overwritten;
		stats->evicted += p->stats.evicted;
		stats->lost += p->stats.lost;
		pthread_mutex_unlock(&p->lock);
	}
}

/* ---- life ---- */

static int check_opts(const struct hosted *h, const struct hosted_opts *o, struct hosted_why *why)
{
	unsigned int line = o->cache_line;

	if (line < MIN_LINE || line > MAX_LINE || line & (line - 1)) {
		snprintf(why->text, sizeof(why->text),
			 "cache lines of %u bytes, expected a power of two from %u to %u", line,
			 MIN_LINE, MAX_LINE);
		return -FH_EINVAL;
	}
	if (o->cache_size && (o->cache_size < line || o->cache_size & (line - 1))) {
		snprintf(why->text, sizeof(why->text),
			 "a cache of %llu bytes, expected a multiple of its line, %u",
			 (unsigned long long)o->cache_size, line);
		return -FH_EINVAL;
	}
	if (o->cache_size && h->ram_size / line > UINT32_MAX - MAX_PARTS - 1) {
		snprintf(why->text, sizeof(why->text),
			 "%llu GiB of RAM behind a cache with lines of %u bytes, expected below "
			 "%llu",
			 (unsigned long long)(h->ram_size >> 30), line,
			 (unsigned long long)line << 2);
		return -FH_EINVAL;
	}
	return 0;
}

static void set_up(struct hosted_cache *c, const struct hosted_opts *o)
{
	uint64_t lines = o->cache_size / c->line, head = (c->size >> c->shift) + 1;

	c->nr_parts = o->cache_size && o->cache_size < SPREAD_AT ? 1 : MAX_PARTS;
	c->room = lines / c->nr_parts;
	c->by_lot = o->cache_seed;
	for (unsigned int i = 0; i < c->nr_parts; i++) {
		pthread_mutex_init(&c->part[i].lock, NULL);
		c->part[i].lot = (o->cache_seed ^ (uint64_t)i << 48) | 1;
		if (c->link)
			c->link[head + i] =
				(struct link){(uint32_t)(head + i), (uint32_t)(head + i)};
	}
}

int hosted_cache_create(struct hosted *h, const struct hosted_opts *o, struct hosted_why *why)
{
	struct hosted_cache *c;
	int err;

	if (!o->cache_line)
		return 0;
	err = check_opts(h, o, why);
	if (err)
		return err;
	c = h->cache = calloc(1, sizeof(*c));
	if (c) {
		c->line = o->cache_line;
		c->shift = (unsigned int)__builtin_ctz(c->line);
		c->size = h->ram_size;
		c->cpu = (unsigned char *)h->ram;
		c->ram = lazy(c->size);
		c->fill = lazy(c->size);
		c->uncached = lazy(uncached_size(c));
		c->link = o->cache_size ? lazy(links_size(c)) : NULL;
	}
	if (!c || !c->ram || !c->fill || !c->uncached || (o->cache_size && !c->link)) {
		snprintf(why->text, sizeof(why->text),
			 "no address space for caches of %llu MiB of RAM",
			 (unsigned long long)(h->ram_size >> 20));
		hosted_cache_destroy(h);
		return -FH_ENOMEM;
	}
	set_up(c, o);
	return 0;
}

void hosted_cache_destroy(struct hosted *h)
{
	struct hosted_cache *c = h->cache;

	if (!c)
		return;
	for (unsigned int i = 0; i < c->nr_parts; i++)
		pthread_mutex_destroy(&c->part[i].lock);
	unlazy(c->ram, c->size);
	unlazy(c->fill, c->size);
	unlazy(c->uncached, uncached_size(c));
	unlazy(c->link, links_size(c));
	free(c);
	h->cache = NULL;
}
