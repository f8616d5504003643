/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Every platform call that may fail (alloc, ram, map, protect, swap_write, swap_read, compress, decompress) fails: the first of a scenario, the
 * second, and so on until a run passes without a failure; once, and from there on all of them. Each
 * call returns an error of its contract, bytes stay right, and in the end nothing is lost.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <freehold/dma.h>
#include <freehold/object.h>
#include <freehold/page.h>
#include "mm/machine.h"
#include "mm/pageout.h"
#include "t.h"
#include "testplat.h"

#define PAGES	96
#define MAX_NTH 3000

static struct testplat tp;
static struct fh_machine *m;
static struct tp_space *host;
static uint32_t disk[PAGES];

static int file_read(void *priv, uint64_t index, void *page)
{
	(void)priv;
	memset(page, 0, FH_PAGE_SIZE);
	memcpy(page, &disk[index], 4);
	return 0;
}

static int file_write(void *priv, uint64_t index, const void *page)
{
	(void)priv;
	memcpy(&disk[index], page, 4);
	return 0;
}

static const struct fh_object_ops file_ops = {file_read, file_write};

/* Whether the call succeeded; if not, only for want of memory or because swap cannot be read, and only if
 * something did fail. */
static bool fair(int err, const char *what)
{
	if (err) {
		T_EQ(err,
		     atomic_load(&tp.swap_read_errors) && err != -FH_ENOMEM ? -FH_EIO : -FH_ENOMEM);
		T_OK(atomic_load(&tp.failed) > 0, what);
	}
	return !err;
}

/* What a scenario has made; all of it is given back when it is over. */
struct made {
	struct fh_object *anon, *file;
	struct fh_space *space;
	uint32_t word[2][PAGES]; /* what the pages hold */
	uint64_t pinned;
	bool pin;
	bool mapped; /* the file, at PAGES */
};

static struct made made;
static bool page_owner;
static bool zone_movable; /* the upper half, with the area in it */

static void expect(struct fh_object *o, unsigned int k, uint64_t i)
{
	uint32_t v;

	if (fair(fh_object_read(o, i, 0, &v, 4), "read"))
		T_EQ(v, made.word[k][i]);
}

static void put(struct fh_object *o, unsigned int k, uint64_t i, uint32_t v)
{
	if (fair(fh_object_write(o, i, 0, &v, 4), "write"))
		made.word[k][i] = v;
}

static void objects(void)
{
	if (!fair(fh_object_create(m, PAGES, NULL, NULL, &made.anon), "create"))
		made.anon = NULL;
	if (!fair(fh_object_create(m, PAGES, &file_ops, NULL, &made.file), "create"))
		made.file = NULL;
	for (uint64_t i = 0; i < PAGES; i += 7) {
		if (made.anon)
			put(made.anon, 0, i, (uint32_t)i + 1);
		if (made.file)
			put(made.file, 1, i, (uint32_t)i + 2);
	}
	if (made.file)
		fair(fh_object_writeback(made.file, 7), "writeback");
}

static void store(uint64_t va, uint32_t v)
{
	struct fh_object *o = va < PAGES ? made.anon : made.file;
	unsigned int k = va >= PAGES;

	if (fair(fh_space_store(made.space, va, 0, &v, 4), "store"))
		made.word[k][va % PAGES] = v;
	else if (o)
		expect(o, k, va % PAGES);
}

static void spaces(void)
{
	uint32_t v;

	objects();
	if (!fair(fh_space_create(m, host, &made.space), "space")) {
		made.space = NULL;
		return;
	}
	if (!made.anon || !fair(fh_space_map(made.space, 0, made.anon, 0, PAGES), "map"))
		return;
	if (!made.file || !fair(fh_space_map(made.space, PAGES, made.file, 0, PAGES), "map"))
		return;
	made.mapped = true;
	for (uint64_t va = 0; va < 2 * PAGES; va += 5)
		store(va, (uint32_t)va * 3);
	for (uint64_t va = 0; va < 2 * PAGES; va += 3)
		if (fair(fh_space_load(made.space, va, 0, &v, 4), "load"))
			T_EQ(v, made.word[va >= PAGES][va % PAGES]);
	for (uint64_t i = 0; i < PAGES; i += 10)
		fair(fh_object_writeback(made.file, i), "writeback");
	T_EQ(fh_space_unmap(made.space, 0), 0);
}

static pfn_t area_base(void)
{
	return fh_phys_to_pfn(cma_get_base(cma_find(m, "area")));
}

/* The area lies under mapped tenants: taking it moves them, and each step may fail; the device hears nothing
 * of it. */
static void contiguous(void)
{
	struct cma *cma = cma_find(m, "area");
	pfn_t pfn;

	spaces();
	for (unsigned int i = 0; i < 3; i++) {
		if (!T_EQ(cma_alloc(cma, 1024, 0, CMA_NO_WARN, &pfn), 0))
			continue;
		T_EQ(pfn, area_base());
		if (made.space)
			TP_SPACE_CHECK(made.space, host);
		T_OK(cma_release(cma, pfn, 1024), "");
	}
}

static void holds(void)
{
	struct fh_pinner *by = NULL; /* who gets no name pins without */
	pfn_t pfn;

	spaces();
	if (!fair(fh_pinner_get(m, "who", &by), "pinner"))
		T_OK(!by, "nobody");
	if (!made.anon)
		return;
	for (uint64_t i = 0; i < PAGES; i += 11) {
		if (!fair(fh_object_pin_by(made.anon, i, by, &pfn), "pin"))
			continue;
		T_EQ(*(uint32_t *)fh_page_address(m, pfn), made.word[0][i]);
		T_OK(pfn < area_base(), "not in a guaranteed area");
		T_OK(!zone_movable || pfn < (TP_BASE + (8u << 20)) >> FH_PAGE_SHIFT,
		     "nor in ZONE_MOVABLE");
		T_EQ(fh_object_unpin_by(made.anon, i, by), 0);
	}
}

static bool drv_isolate(void *priv, pfn_t pfn)
{
	return *(pfn_t *)priv == pfn;
}

static int drv_migrate(void *priv, pfn_t dst, pfn_t src)
{
	memcpy(fh_page_address(m, dst), fh_page_address(m, src), FH_PAGE_SIZE);
	*(pfn_t *)priv = dst;
	return 0;
}

static void drv_putback(void *priv, pfn_t pfn)
{
	(void)priv, (void)pfn;
}

static void drivers(void)
{
	static const struct movable_operations ops = {drv_isolate, drv_migrate, drv_putback};
	pfn_t pfn[8], buffer;
	unsigned int n = 0;

	while (n < 8 && fair(fh_alloc_pages(m, GFP_HIGHUSER_MOVABLE, 0, &pfn[n]), "page")) {
		if (fair(fh_page_set_movable(m, pfn[n], &ops, &pfn[n]), "movable"))
			n++;
		else
			T_EQ(fh_free_pages(m, pfn[n], 0), 0);
		if (atomic_load(&tp.failed) && tp.fail_sticky)
			break;
	}
	if (fair(cma_alloc(cma_find(m, "area"), 1024, 0, CMA_NO_WARN, &buffer), "cma_alloc"))
		T_OK(cma_release(cma_find(m, "area"), buffer, 1024), "");
	while (n--) {
		T_EQ(fh_page_clear_movable(m, pfn[n]), 0);
		T_EQ(fh_free_pages(m, pfn[n], 0), 0);
	}
}

static void buffers(void)
{
	struct device dev = {.machine = m};
	dma_t handle;
	void *cpu;

	for (uint64_t size = 4096; size < (1u << 20); size *= 3)
		if (fair(dma_alloc_coherent(&dev, size, GFP_KERNEL, &handle, &cpu), "dma"))
			T_EQ(dma_free_coherent(&dev, size, cpu, handle), 0);
}

/* A second area over the reserve, made while the machine lives. */
static void areas(void)
{
	struct cma *late = NULL;
	pfn_t pfn;

	if (!fair(cma_init_reserved_mem(m, (phys_t){TP_BASE + (4u << 20)}, 2u << 20, 0, "late",
					&late),
		  "area"))
		T_OK(!late && !cma_find(m, "late"), "nothing is made");
	T_EQ(cma_init_reserved_areas(m), 0);
	if (late && fair(cma_alloc(late, 512, 0, 0, &pfn), "cma_alloc"))
		T_OK(cma_release(late, pfn, 512), "");
}

/* Out of memory and back, from under mappings, out of the area and outside it. */
static void out_and_in(void)
{
	struct pageout res = {0};
	uint64_t first = PAGES;
	uint32_t v;

	spaces();
	if (made.mapped && fair(fh_space_map(made.space, 0, made.anon, 0, PAGES), "map"))
		first = 0;
	for (uint64_t n = 10; n < 40; n += 10) {
		for (enum lru_where w = 0; w < NR_LRU_WHERE; w++)
			pageout_anon(m, w, n, &res);
		for (enum lru_where w = 0; w < NR_LRU_WHERE; w++)
			pageout_dirty(m, w, n, &res);
		for (uint64_t i = n; i < n + 10 && made.anon; i++)
			expect(made.anon, 0, i);
		for (uint64_t va = first; made.mapped && va < 2 * PAGES; va += 30)
			store(va, (uint32_t)(va * n));
		for (uint64_t va = first; made.mapped && va < 2 * PAGES; va += 10)
			if (!fh_space_load(made.space, va, 0, &v, 4))
				T_EQ(v, made.word[va >= PAGES][va % PAGES]);
	}
	if (!made.anon)
		return;
	fh_object_punch(made.anon, 20, 20);
	for (uint64_t i = 20; i < 40; i++)
		made.word[0][i] = 0;
}

static void paging(void)
{
	if (fair(fh_swapon(m, 64), "swapon"))
		out_and_in();
}

/* The same into the pool: what it cannot take, stays. */
static void compressing(void)
{
	T_EQ(cma_set_compress(cma_find(m, "area"), 100), 0);
	out_and_in();
}

/* Into the pool, or else to swap. */
static void compressing_or_paging(void)
{
	T_EQ(cma_set_compress(cma_find(m, "area"), 100), 0);
	paging();
}

/* Mapped tenants have to leave when the terms change; who cannot, stays, and so do the terms. */
static void terms(void)
{
	static const enum cma_policy to[] = {CMA_POLICY_DISCARD, CMA_POLICY_MOVABLE,
					     CMA_POLICY_CARVEOUT, CMA_POLICY_GUARANTEED};
	struct cma *cma = cma_find(m, "area");

	spaces();
	for (unsigned int i = 0; i < 4; i++) {
		enum cma_policy was = cma_get_policy(cma);
		bool ok = fair(cma_set_policy(cma, to[i]), "policy");

		T_EQ(cma_get_policy(cma), ok ? to[i] : was);
		if (made.anon && to[i] == CMA_POLICY_MOVABLE)
			for (uint64_t k = 0; k < PAGES; k++)
				put(made.anon, 0, k, (uint32_t)k + 9);
		ok = fair(cma_set_share(cma, i * 30), "share");
		if (made.space)
			TP_SPACE_CHECK(made.space, host);
	}
}

static bool agree(void *priv, pfn_t dst, pfn_t src, unsigned long count)
{
	memcpy(fh_page_address(m, dst), fh_page_address(m, src), count * FH_PAGE_SIZE);
	*(pfn_t *)priv = dst;
	return true;
}

/* A buffer in the middle that has to move, and tenants all around it. */
static void agreement(struct cma *cma)
{
	static const struct cma_buffer_ops ops = {agree};
	struct cma_request r = {.count = 100,
				.flags = CMA_NO_WARN,
				.low = area_base() + 500,
				.high = area_base() + 600};
	pfn_t pfn, large;

	if (!fair(cma_alloc_request(cma, &r, &pfn), "a buffer"))
		return;
	*(uint32_t *)fh_page_address(m, pfn) = 4711;
	if (fair(cma_buffer_set_movable(cma, pfn, 100, &ops, &pfn), "agreed")) {
		if (fair(cma_alloc(cma, 600, 0, CMA_NO_WARN, &large), "room"))
			T_OK(cma_release(cma, large, 600), "");
		T_EQ(cma_buffer_clear_movable(cma, pfn), 0);
	}
	T_EQ(*(uint32_t *)fh_page_address(m, pfn), 4711);
	T_OK(cma_release(cma, pfn, 100), "");
}

/* In the background nothing fails, but that a block stays lent; what is prepared may be refused. */
static void ahead(void)
{
	struct cma *cma = cma_find(m, "area");
	pfn_t pfn;

	spaces();
	T_EQ(cma_set_ready(cma, 700), 0);
	for (unsigned int i = 0; i < 50 && cma_background(m); i++)
		;
	if (made.space)
		TP_SPACE_CHECK(made.space, host);
	if (fair(cma_prepare(cma, 900, 0), "prepare")) {
		T_EQ(cma_alloc(cma, 900, 0, CMA_NOWAIT, &pfn), 0);
		T_OK(cma_release(cma, pfn, 900), "");
	}
	T_EQ(cma_prepare(cma, 0, 0), 0);
	agreement(cma);
}

static void mixed(void)
{
	areas();
	holds();
	drivers();
	buffers();
	if (made.file)
		fh_object_punch(made.file, 3, 40);
	for (uint64_t i = 3; i < 43; i++)
		made.word[1][i] = disk[i];
	if (made.file)
		expect(made.file, 1, 20);
}

static struct fh_machine *birth(void)
{
	struct boot_config *cfg = testplat_config(16, 4, CMA_POLICY_GUARANTEED, 2, TP_ONE_ZONE);
	struct fh_machine *born = NULL;

	cfg->region[1] = (struct boot_region){
		.name = "kept", .base = TP_BASE + (4u << 20), .size = 2u << 20};
	cfg->nr_regions = 2;
	cfg->page_owner = page_owner;
	if (zone_movable)
		cfg->movable_start = TP_BASE + (8u << 20);
	if (!fair(fh_machine_create(&tp.plat, cfg, &born), "create"))
		T_OK(!born, "nothing is made");
	free(cfg);
	return born;
}

/* With failures off everything is still as it should be, and can be used. */
static void aftermath(void)
{
	atomic_store(&tp.fail_nth, 0);
	TP_CHECK(m);
	for (unsigned int k = 0; k < 2; k++) {
		struct fh_object *o = k ? made.file : made.anon;

		for (uint64_t i = 0, v = 0; o && i < PAGES; i++) {
			T_EQ(fh_object_read(o, i, 0, &v, 4), 0);
			if (!T_EQ((uint32_t)v, made.word[k][i]))
				break;
		}
	}
	if (made.space) {
		TP_SPACE_CHECK(made.space, host);
		fh_space_destroy(made.space);
	}
	fh_object_destroy(made.anon);
	fh_object_destroy(made.file);
	testplat_end(&tp, m);
}

/* One run with the nth call failing; false: the run needed fewer. */
static bool run(void (*scenario)(void), int64_t nth, bool sticky)
{
	uint64_t failed;

	testplat_init(&tp);
	testplat_cpu(0);
	testplat_swap(&tp, 64);
	memset(&made, 0, sizeof(made));
	for (unsigned int i = 0; i < PAGES; i++)
		disk[i] = made.word[1][i] = i + 1000;
	memset(host, 0, sizeof(*host));
	host->tp = &tp;
	if (!scenario) { /* birth itself */
		atomic_store(&tp.fail_nth, nth);
		tp.fail_sticky = sticky;
	}
	m = birth();
	if (scenario) {
		atomic_store(&tp.fail_nth, nth);
		tp.fail_sticky = sticky;
		scenario();
	}
	failed = atomic_load(&tp.failed);
	if (m)
		aftermath();
	else
		testplat_fini(&tp);
	return failed;
}

static void every_nth(void (*scenario)(void))
{
	host = calloc(1, sizeof(*host));
	for (int sticky = 0; sticky < 2; sticky++) {
		int64_t nth = 1;

		while (nth < MAX_NTH && run(scenario, nth, sticky))
			nth++;
		T_OK(nth > 1 && nth < MAX_NTH, "some calls may fail, and not for ever");
		printf("# %s: %lld calls\n", sticky ? "all from the nth" : "the nth",
		       (long long)nth - 1);
	}
	free(host);
}

static void creating(void)
{
	every_nth(NULL);
}

static void objects_fail(void)
{
	every_nth(objects);
}

static void spaces_fail(void)
{
	every_nth(spaces);
}

static void contiguous_fails(void)
{
	every_nth(contiguous);
}

static void holds_fail(void)
{
	every_nth(holds);
}

static void drivers_fail(void)
{
	every_nth(drivers);
}

static void paging_fails(void)
{
	every_nth(paging);
}

static void compressing_fails(void)
{
	every_nth(compressing);
}

static void compressing_or_paging_fails(void)
{
	every_nth(compressing_or_paging);
}

static void areas_fail(void)
{
	every_nth(areas);
}

static void terms_fail(void)
{
	every_nth(terms);
}

static void ahead_fails(void)
{
	every_nth(ahead);
}

static void everything_fails(void)
{
	every_nth(mixed);
}

/* Pages of ZONE_MOVABLE: pinned, swapped out and compressed by way of frames elsewhere. */
static void zone_movable_fails(void)
{
	zone_movable = true;
	every_nth(holds);
	every_nth(compressing_or_paging);
	every_nth(mixed);
	zone_movable = false;
}

static void page_owner_fails(void)
{
	page_owner = true;
	every_nth(NULL);
	every_nth(contiguous);
	every_nth(drivers);
	every_nth(mixed);
	page_owner = false;
}

const struct t_case t_cases[] = {T(creating),	       T(objects_fail),
				 T(spaces_fail),       T(contiguous_fails),
				 T(holds_fail),	       T(drivers_fail),
				 T(areas_fail),	       T(paging_fails),
				 T(compressing_fails), T(compressing_or_paging_fails),
				 T(terms_fail),	       T(ahead_fails),
				 T(everything_fails),  T(zone_movable_fails),
				 T(page_owner_fails),  T_END};
