/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* core/dma/iova: where addresses come to lie, what CPUs cache of them, and a model that keeps a bit a page. */
#include <stdlib.h>
#include <string.h>
#include "dma/iova.h"
#include "mm/machine.h"
#include "t.h"
#include "testplat.h"

#define PAGES 4096 /* of the model's aperture */
#define LIVE  300

static struct testplat tp;
static struct fh_machine *m;
static struct iova_domain d;

static bool start_up(uint64_t start, uint64_t end)
{
	m = testplat_start(&tp, 64, 0, CMA_POLICY_GUARANTEED, 2);
	return m && !iova_init(&d, m, start, end);
}

static bool sound(void)
{
	char why[256] = "";
	struct fh_text out = {why, sizeof(why), 0};

	return t_ok(!iova_check(&d, &out), __FILE__, __LINE__, "iova_check()", why);
}

static void shut_down(void)
{
	sound();
	iova_fini(&d);
	testplat_end(&tp, m);
}

static uint64_t get(uint64_t pages, uint64_t limit)
{
	uint64_t pfn = 0;

	return iova_alloc(&d, pages, limit, &pfn) ? 0 : pfn;
}

static void put(uint64_t pfn, uint64_t pages)
{
	const struct range r = {pfn, pfn + pages};

	iova_free(&d, &r, 1);
}

/* Without a CPU each request goes to the tree. */
static void highest_first(void)
{
	const uint64_t low = IOVA_LOW_END, top = UINT64_C(1) << 36;

	T_NEED(start_up(0, top));
	testplat_cpu(~0u);
	T_EQ(get(1, UINT64_MAX), low - 1);
	T_EQ(get(1, UINT64_MAX), low - 2);
	T_EQ(get(2, UINT64_MAX), low - 4);
	T_EQ(get(3, UINT64_MAX), low - 8);   /* four */
	T_EQ(get(5, UINT64_MAX), low - 16);  /* eight */
	T_EQ(get(33, UINT64_MAX), low - 64); /* not rounded up, but aligned to 64 */
	T_EQ(get(16, UINT64_MAX), low - 80); /* below it: the gap above is 31 */
	T_EQ(get(1, UINT64_MAX), low - 17);  /* in it */
	T_EQ(get(1, 1000), 999);
	T_EQ(get(1024, 1000), 0);
	T_EQ(get(512, 1000), 0);		 /* 999 is taken, 512 of the rest are not aligned */
	T_EQ(get(1024, UINT64_MAX), low - 2048); /* that says nothing of what lies higher */
	T_EQ(get(256, 1000), 512);
	T_EQ(get(low - 4096, UINT64_MAX), top - low); /* not below 4 GiB any more */
	T_EQ(get(1, 1), 0);			      /* page 0 is nobody's */
	T_EQ(get(0, UINT64_MAX), 0);
	T_EQ(get(top, UINT64_MAX), 0);
	T_EQ(get(UINT64_MAX, UINT64_MAX), 0);
	sound();
	shut_down();
}

/* What did not fit below 4 GiB is not looked for there again until something there is given back. */
static void low_memory(void)
{
	const uint64_t low = IOVA_LOW_END;

	T_NEED(start_up(low - 64, low + 4096));
	testplat_cpu(~0u);
	T_EQ(get(64, UINT64_MAX), low - 64);
	T_EQ(get(4, UINT64_MAX), low + 4092);
	T_EQ(atomic_load(&d.low_max), 4);
	put(low - 64, 64);
	T_OK(atomic_load(&d.low_max) > 64, "again");
	T_EQ(get(4, UINT64_MAX), low - 4);
	T_EQ(get(64, low), 0);
	T_EQ(get(32, low), low - 64);
	shut_down();
}

/* A CPU has its own run; what it frees it gets back, newest first; a limit is kept in the cache too. */
static void cached(void)
{
	uint64_t a[2], b[2];

	T_NEED(start_up(0, UINT64_C(1) << 36));
	for (unsigned int cpu = 0; cpu < 2; cpu++) {
		testplat_cpu(cpu);
		a[cpu] = get(1, UINT64_MAX);
		b[cpu] = get(1, UINT64_MAX);
		T_EQ(b[cpu], a[cpu] - 1);
	}
	T_EQ(a[1], a[0] - 32);
	put(a[1], 1);
	put(b[1], 1);
	testplat_cpu(0);
	T_EQ(get(1, UINT64_MAX), a[0] - 2);
	testplat_cpu(1);
	T_EQ(get(1, UINT64_MAX), b[1]);
	T_EQ(get(1, UINT64_MAX), a[1]);
	put(a[1], 1);
	T_EQ(get(1, 100), 99);
	put(99, 1);
	put(b[1], 1);
	T_EQ(get(1, 100), 99); /* not the newest, which lies above */
	T_EQ(get(17, UINT64_MAX) % 32, 0);
	sound();
	iova_drain(&d);
	T_EQ(d.tree.nr, 5); /* a[0], b[0] and one of CPU 0, 99, and the 17 pages */
	sound();
	shut_down();
}

/* More than two magazines: the depot, by which another CPU comes by them; more than the depot: the tree. */
static void depot(void)
{
	const unsigned int n = IOVA_MAG_SIZE * (IOVA_DEPOT_MAX + 6);
	uint64_t *pfn = calloc(n, sizeof(*pfn)), nr;
	struct range r[2];

	T_NEED(pfn && start_up(0, UINT64_C(1) << 36));
	for (unsigned int i = 0; i < n; i++)
		pfn[i] = get(1, UINT64_MAX);
	nr = d.tree.nr;
	for (unsigned int i = 0; i < n; i += 2) {
		r[0] = (struct range){pfn[i], pfn[i] + 1};
		r[1] = (struct range){pfn[i + 1], pfn[i + 1] + 1};
		iova_free(&d, r, 2);
	}
	T_EQ(d.nr_depot[0], IOVA_DEPOT_MAX);
	T_OK(d.tree.nr < nr, "the rest");
	sound();
	nr = d.tree.nr;
	testplat_cpu(1);
	for (unsigned int i = 0; i < IOVA_MAG_SIZE + 1; i++)
		get(1, UINT64_MAX);
	T_EQ(d.tree.nr, nr);
	T_EQ(d.nr_depot[0], IOVA_DEPOT_MAX - 2);
	sound();
	iova_drain(&d);
	T_EQ(d.tree.nr, IOVA_MAG_SIZE + 1);
	free(pfn);
	shut_down();
}

/* Two magazines serve what goes up and down by less than they hold: neither the depot nor memory is asked. */
static void two_magazines(void)
{
	static uint64_t pfn[2 * IOVA_MAG_SIZE];
	uint64_t calls = 0;

	T_NEED(start_up(0, UINT64_C(1) << 36));
	testplat_cpu(~0u);
	for (unsigned int i = 0; i < 2 * IOVA_MAG_SIZE; i++)
		pfn[i] = get(1, UINT64_MAX);
	testplat_cpu(0);
	for (unsigned int round = 0; round < 3; round++) {
		for (unsigned int i = 0; i < 2 * IOVA_MAG_SIZE; i++)
			put(pfn[i], 1);
		if (!round)
			calls = atomic_load(&tp.calls);
		for (unsigned int i = 2 * IOVA_MAG_SIZE; i--;)
			T_EQ(get(1, UINT64_MAX), pfn[i]);
	}
	T_EQ(atomic_load(&tp.calls), calls);
	T_EQ(d.nr_depot[0], 0);
	shut_down();
}

static void reserved(void)
{
	T_NEED(start_up(16, 4096));
	T_EQ(get(8, 4096), 4088);
	T_EQ(iova_reserve(&d, (struct range){4000, 4089}), -FH_EEXIST);
	T_EQ(iova_reserve(&d, (struct range){4095, 9000}), -FH_EEXIST);
	T_EQ(iova_reserve(&d, (struct range){4000, 4088}),
	     0); /* the other runs of 8 were only cached */
	T_EQ(iova_reserve(&d, (struct range){3990, 4010}), 0);
	T_EQ(iova_reserve(&d, (struct range){3990, 4088}), 0);
	T_EQ(iova_reserve(&d, (struct range){4096, 5000}), 0);
	T_EQ(iova_reserve(&d, (struct range){0, 16}), 0);
	T_EQ(d.tree.nr, 3);
	T_EQ(get(1, 4088), 3989);
	T_EQ(get(1024, 4096), 2048);
	sound();
	put(4088, 8);
	T_EQ(iova_reserve(&d, (struct range){0, 2048}), 0);
	shut_down();
}

/* A node for every page: no memory for one is an error, and nothing is lost. */
static void no_memory(void)
{
	unsigned int got = 0;

	T_NEED(start_up(0, PAGES));
	tp.fail_sticky = true;
	atomic_store(&tp.fail_nth, 1);
	T_EQ(get(1, PAGES), 0);
	T_EQ(atomic_load(&d.low_max), UINT64_MAX); /* nobody knows */
	atomic_store(&tp.fail_nth, 3);		   /* a magazine and a slab, then no more */
	while (get(1, PAGES))
		got++;
	T_OK(got > 0, "as far as the slab went");
	T_EQ(d.tree.nr, IOVA_SLAB_NODES);
	T_EQ(iova_reserve(&d, (struct range){1, 2}), -FH_ENOMEM);
	sound();
	atomic_store(&tp.fail_nth, 0);
	T_OK(get(1, PAGES), "and on");
	shut_down();
}

/* No memory for a magazine: what is freed goes to the tree. */
static void no_magazine(void)
{
	uint64_t a;

	T_NEED(start_up(0, PAGES));
	testplat_cpu(~0u);
	a = get(1, PAGES);
	testplat_cpu(0);
	tp.fail_sticky = true;
	atomic_store(&tp.fail_nth, 1);
	put(a, 1);
	atomic_store(&tp.fail_nth, 0);
	T_EQ(d.tree.nr, 0);
	shut_down();
}

static void freed_by_nobody(void *arg)
{
	(void)arg;
	testplat_cpu(~0u);
	put(5, 1);
}

static void bad_free(void)
{
	T_NEED(start_up(0, PAGES));
	T_OK(testplat_dies(freed_by_nobody, NULL), "a broken invariant");
	shut_down();
}

/* ---- a model: who has which page ---- */

struct held {
	uint64_t pfn, pages;
};

static unsigned char owner[PAGES];
static struct held held[LIVE];

static uint32_t rnd(uint32_t *x)
{
	*x = *x * 1664525 + 1013904223;
	return *x >> 8;
}

static uint64_t rounded_up(uint64_t pages)
{
	uint64_t p = 1;

	while (p < pages)
		p *= 2;
	return p;
}

/* The model's answer, when nothing is cached: the highest aligned place. 0: none. */
static uint64_t expected(uint64_t pages, uint64_t limit)
{
	uint64_t align = rounded_up(pages), n = pages <= 32 ? align : pages, k;

	for (uint64_t at = limit < n ? 0 : (limit - n) & ~(align - 1); at >= 1; at -= align) {
		for (k = 0; k < n && !owner[at + k]; k++)
			;
		if (k == n)
			return at;
		if (at < align)
			break;
	}
	return 0;
}

static void model_take(struct held *h, uint64_t pages, uint64_t limit, bool exact)
{
	uint64_t n = pages <= 32 ? rounded_up(pages) : pages, bad = 0, want = 0;

	if (exact)
		want = expected(pages, limit);
	h->pfn = get(pages, limit);
	h->pages = pages;
	if (exact)
		T_EQ(h->pfn, want);
	if (!h->pfn)
		return;
	bad += h->pfn % rounded_up(pages) || h->pfn + n > limit;
	for (uint64_t k = 0; k < n; k++)
		bad += owner[h->pfn + k]++;
	T_EQ(bad, 0);
}

static void model_give(struct held *h)
{
	uint64_t n = h->pages <= 32 ? rounded_up(h->pages) : h->pages;

	for (uint64_t k = 0; k < n; k++)
		owner[h->pfn + k]--;
	put(h->pfn, h->pages);
	h->pfn = 0;
}

static void against_model(bool exact, uint64_t fail_every)
{
	uint32_t x = exact ? 7 : 8;

	memset(owner, 0, sizeof(owner));
	memset(held, 0, sizeof(held));
	for (unsigned int i = 0; i < 20000; i++) {
		struct held *h = &held[rnd(&x) % LIVE];

		testplat_cpu(exact ? ~0u : rnd(&x) % 3);
		if (fail_every && i % fail_every == 0)
			atomic_store(&tp.fail_nth, 1 + rnd(&x) % 3);
		if (h->pfn)
			model_give(h);
		else
			model_take(h, 1 + rnd(&x) % (rnd(&x) % 8 ? 40 : 300),
				   rnd(&x) % 2 ? PAGES : 1 + rnd(&x) % PAGES, exact);
		if (i % 1000 == 0)
			sound();
	}
	atomic_store(&tp.fail_nth, 0);
	for (unsigned int i = 0; i < LIVE; i++)
		if (held[i].pfn)
			model_give(&held[i]);
	iova_drain(&d);
	T_EQ(d.tree.nr, 0);
}

static void model_of_the_tree(void)
{
	T_NEED(start_up(0, PAGES));
	against_model(true, 0);
	shut_down();
}

static void model_of_the_caches(void)
{
	T_NEED(start_up(0, PAGES));
	against_model(false, 0);
	against_model(false, 5);
	shut_down();
}

const struct t_case t_cases[] = {T(highest_first),
				 T(low_memory),
				 T(cached),
				 T(depot),
				 T(two_magazines),
				 T(reserved),
				 T(no_memory),
				 T(no_magazine),
				 T(bad_free),
				 T(model_of_the_tree),
				 T(model_of_the_caches),
				 T_END};
