/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The test platform's objects for buffers: memory that is swapped in. Until an object is shown nobody can touch its frames: who does is
 * killed.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "../t.h"
#include "testplat.h"

struct tp_share {
	struct testplat *tp;
	struct tp_share *next;
	struct range *run;
	unsigned int nr_runs;
	uint64_t nr_pages;
	bool shown;
	unsigned char *bytes; /* while it is not shown */
};

static unsigned char *ram_of(struct testplat *tp, const struct range *run)
{
	uint64_t size = (run->end - run->start) << FH_PAGE_SHIFT;

	for (unsigned int i = 0; i < tp->nr_ram; i++) {
		uint64_t at = fh_pfn_to_phys(run->start).v - tp->ram[i].base;

		if (at < tp->ram[i].size && size <= tp->ram[i].size - at)
			return tp->ram[i].virt + at;
	}
	tp->plat.stop(tp, "share: not RAM");
	return NULL;
}

/* What may be done with the frames. */
static void access(struct testplat *tp, const struct range *run, unsigned int n, int prot)
{
	for (unsigned int i = 0; i < n; i++)
		if (mprotect(ram_of(tp, &run[i]), (run[i].end - run[i].start) << FH_PAGE_SHIFT,
			     prot))
			abort();
}

/* An object's bytes to its frames, or from them. */
static void transfer(struct testplat *tp, const struct tp_share *s, bool in)
{
	unsigned char *at = s->bytes;

	for (unsigned int i = 0; i < s->nr_runs; i++) {
		uint64_t size = (s->run[i].end - s->run[i].start) << FH_PAGE_SHIFT;
		unsigned char *ram = ram_of(tp, &s->run[i]);

		if (in)
			memcpy(ram, at, size);
		else
			memcpy(at, ram, size);
		testplat_cache_reset(tp, fh_pfn_to_phys(s->run[i].start), size);
		at += size;
	}
}

/* What is left there is rubbish. */
static void spoil(struct testplat *tp, const struct range *run, unsigned int n)
{
	access(tp, run, n, PROT_READ | PROT_WRITE);
	for (unsigned int i = 0; i < n; i++) {
		uint64_t size = (run[i].end - run[i].start) << FH_PAGE_SHIFT;

		memset(ram_of(tp, &run[i]), 0x5a, size);
		testplat_cache_reset(tp, fh_pfn_to_phys(run[i].start), size);
	}
}

static void set_runs(struct tp_share *s, const struct range *run, unsigned int n)
{
	s->run = malloc(n * sizeof(*run));
	if (!s->run || !n)
		abort();
	memcpy(s->run, run, n * sizeof(*run));
	s->nr_runs = n;
	s->nr_pages = 0;
	for (unsigned int i = 0; i < n; i++)
		s->nr_pages += run[i].end - run[i].start;
}

static int tp_share(void *ctx, const struct range *run, unsigned int n, void **shared)
{
	struct testplat *tp = ctx;
	struct tp_share *s = testplat_fails(tp) ? NULL : calloc(1, sizeof(*s));

	if (!s)
		return -FH_ENOMEM;
	s->tp = tp;
	set_runs(s, run, n);
	s->bytes = calloc(s->nr_pages, FH_PAGE_SIZE);
	if (!s->bytes)
		abort();
	access(tp, run, n, PROT_NONE);
	pthread_mutex_lock(&tp->shares_lock);
	s->next = tp->shares;
	tp->shares = s;
	pthread_mutex_unlock(&tp->shares_lock);
	*shared = s;
	return 0;
}

static int tp_share_show(void *ctx, void *shared)
{
	struct tp_share *s = shared;
	struct testplat *tp = ctx;

	if (s->shown)
		tp->plat.stop(tp, "share: shown twice");
	if (testplat_fails(tp))
		return -FH_ENOMEM;
	access(tp, s->run, s->nr_runs, PROT_READ | PROT_WRITE);
	transfer(tp, s, true);
	s->shown = true;
	return 0;
}

static int tp_share_move(void *ctx, void *shared, const struct range *run, unsigned int n)
{
	struct tp_share *s = shared;
	struct testplat *tp = ctx;
	uint64_t nr_pages = s->nr_pages;

	if (testplat_fails(tp))
		return -FH_ENOMEM;
	if (s->shown)
		transfer(tp, s, false);
	spoil(tp, s->run, s->nr_runs);
	free(s->run);
	set_runs(s, run, n);
	if (s->nr_pages != nr_pages)
		tp->plat.stop(tp, "share: moved to another size");
	if (s->shown)
		transfer(tp, s, true);
	else
		access(tp, run, n, PROT_NONE);
	return 0;
}

static void tp_unshare(void *ctx, void *shared)
{
	struct tp_share *s = shared, **at;
	struct testplat *tp = ctx;

	spoil(tp, s->run, s->nr_runs);
	pthread_mutex_lock(&tp->shares_lock);
	for (at = &tp->shares; *at && *at != s; at = &(*at)->next)
		;
	if (!*at)
		tp->plat.stop(tp, "share: ended twice");
	*at = s->next;
	pthread_mutex_unlock(&tp->shares_lock);
	free(s->run);
	free(s->bytes);
	free(s);
}

void testplat_share(struct testplat *tp)
{
	pthread_mutex_init(&tp->shares_lock, NULL);
	tp->plat.share = tp_share;
	tp->plat.share_show = tp_share_show;
	tp->plat.share_move = tp_share_move;
	tp->plat.unshare = tp_unshare;
}

bool testplat_shown(const void *shared)
{
	return ((const struct tp_share *)shared)->shown;
}

unsigned char *testplat_shared(void *shared, uint64_t page)
{
	struct tp_share *s = shared;

	if (!s->shown)
		return s->bytes + (page << FH_PAGE_SHIFT);
	for (unsigned int i = 0; i < s->nr_runs; i++) {
		uint64_t nr = s->run[i].end - s->run[i].start;

		if (page < nr)
			return ram_of(s->tp, &s->run[i]) + (page << FH_PAGE_SHIFT);
		page -= nr;
	}
	return NULL;
}

void testplat_shares_end(struct testplat *tp)
{
	T_OK(!tp->shares, "every share() has had its unshare()");
	pthread_mutex_destroy(&tp->shares_lock);
}
