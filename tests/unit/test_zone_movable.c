/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* ZONE_MOVABLE: what it spans, who may be there, who goes where when it or the rest is full, and that nothing stays there. */
#include <stdlib.h>
#include <string.h>
#include <freehold/cma.h>
#include <freehold/object.h>
#include <freehold/page.h>
#include "mm/machine.h"
#include "mm/objects.h"
#include "mm/pageout.h"
#include "mm/policy.h"
#include "mm/reclaim.h"
#include "t.h"
#include "testplat.h"

#define MIB	  (UINT64_C(1) << 20)
#define PAGES_MIB 256

static struct testplat tp;
static struct fh_machine *m;
static void (*in_write)(void);

static int file_read(void *priv, uint64_t index, void *page)
{
	(void)priv;
	memset(page, 0, FH_PAGE_SIZE);
	memcpy(page, &index, sizeof(index));
	return 0;
}

static int file_write(void *priv, uint64_t index, const void *page)
{
	(void)priv, (void)index, (void)page;
	if (in_write)
		in_write();
	return 0;
}

static const struct fh_object_ops ops = {file_read, file_write};

/* `mib` MiB of one zone, the upper `movable` of them ZONE_MOVABLE; an area of `cma` at the end. */
static struct boot_config *config(uint64_t mib, uint64_t movable, uint64_t cma,
				  enum cma_policy policy)
{
	struct boot_config *cfg = testplat_config(mib, cma, policy, 1, TP_ONE_ZONE);

	cfg->movable_start = TP_BASE + (mib - movable) * MIB;
	return cfg;
}

static bool start(uint64_t mib, uint64_t movable, uint64_t cma, enum cma_policy policy)
{
	in_write = NULL;
	testplat_init(&tp);
	testplat_cpu(0);
	tp.no_cpu_caches = true;
	testplat_swap(&tp, 4096);
	m = testplat_machine_of(&tp, config(mib, movable, cma, policy));
	return m;
}

static enum zone_type zone_at(pfn_t pfn)
{
	return block_peek(m, machine_block(m, pfn)).zone;
}

static uint64_t free_in(enum zone_type z)
{
	return (uint64_t)machine_nr_free(m, z);
}

static bool page_is_in(struct fh_object *o, uint64_t i, enum zone_type z)
{
	pfn_t pfn = 0;

	return !fh_object_where(o, i, &pfn) && zone_at(pfn) == z;
}

static uint64_t count_in(struct fh_object *o, uint64_t n, enum zone_type z)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < n; i++)
		sum += page_is_in(o, i, z);
	return sum;
}

/* ---- what it spans ---- */

static void highest_zone_is_cut(void)
{
	struct boot_config *cfg = testplat_config(192, 0, CMA_POLICY_MOVABLE, 1, TP_THREE_ZONES);
	struct boot_bank span;

	T_OK(!boot_config_zone(cfg, ZONE_MOVABLE, &span), "none unless asked for");
	cfg->movable_start = TP_BASE + 160 * MIB;
	T_OK(boot_config_zone(cfg, ZONE_NORMAL, &span) && span.base == TP_BASE + 128 * MIB, "");
	T_EQ(span.size, 32 * MIB);
	T_OK(boot_config_zone(cfg, ZONE_MOVABLE, &span) && span.base == TP_BASE + 160 * MIB, "");
	T_EQ(span.size, 32 * MIB);
	T_OK(boot_config_zone(cfg, ZONE_DMA32, &span) && span.size == 64 * MIB, "as it was");
	cfg->movable_start = TP_BASE + 64 * MIB;
	T_OK(!boot_config_zone(cfg, ZONE_NORMAL, &span), "all of it is movable");
	T_OK(boot_config_zone(cfg, ZONE_MOVABLE, &span) && span.base == TP_BASE + 128 * MIB,
	     "the highest zone only");
	T_OK(boot_config_zone(cfg, ZONE_DMA32, &span) && span.size == 64 * MIB, "as it was");
	cfg->movable_start = TP_BASE + 192 * MIB;
	T_OK(!boot_config_zone(cfg, ZONE_MOVABLE, &span), "nothing lies there");
	T_OK(boot_config_zone(cfg, ZONE_NORMAL, &span) && span.size == 64 * MIB, "as it was");
	/* RAM in one zone, which is not Normal. */
	cfg->movable_start = TP_BASE + 16 * MIB;
	cfg->dma_limit = cfg->dma32_limit = UINT64_C(1) << 32;
	T_OK(boot_config_zone(cfg, ZONE_DMA, &span) && span.size == 16 * MIB, "");
	T_OK(boot_config_zone(cfg, ZONE_MOVABLE, &span) && span.size == 176 * MIB, "");
	free(cfg);
}

/* Linux's ranges are those without ZONE_MOVABLE. */
static void said(void)
{
	struct boot_config *cfg = calloc(1, sizeof(*cfg));
	struct boot_why why;

	boot_config_init(cfg);
	cfg->movable_start = cfg->ram_base + 192 * MIB;
	T_EQ(boot_config_finish(cfg, "", 256 * MIB, &why), 0);
	T_OK(strstr(cfg->dmesg, "Zone ranges:\n"
				"  DMA      [mem 0x0000000040000000-0x000000004fffffff]\n"
				"  DMA32    empty\n"
				"  Normal   empty\n"
				"Movable zone start for each node\n"
				"  Node 0: 0x000000004c000000\n"
				"Early memory node ranges\n"),
	     cfg->dmesg);
	free(cfg);
}

/*
 * 192 MiB: DMA 64, DMA32 64, Normal 32, Movable 32. min_free_kbytes is of what is not movable:
 * sqrt(163840 * 16) = 1619, 404 pages.
 */
static void watermarks(void)
{
	struct boot_config *cfg = testplat_config(192, 0, CMA_POLICY_MOVABLE, 1, TP_THREE_ZONES);
	const struct zone *z;

	cfg->movable_start = TP_BASE + 160 * MIB;
	testplat_init(&tp);
	m = testplat_machine_of(&tp, cfg);
	T_NEED(m);
	z = &m->zone[ZONE_MOVABLE];
	T_EQ(z->spanned, 8192);
	T_EQ(z->managed, 8192);
	T_EQ(m->zone[ZONE_NORMAL].managed, 8192);
	T_EQ(m->zone[ZONE_NORMAL].wmark[WMARK_MIN], 80);
	T_EQ(m->zone[ZONE_DMA].wmark[WMARK_MIN], 161);
	T_EQ(z->wmark[WMARK_MIN], 32);
	T_EQ(z->wmark[WMARK_LOW], 32 + 20);
	T_EQ(z->wmark[WMARK_HIGH], 32 + 40);
	/* A 32nd of it is kept in Normal, 256ths below. */
	T_EQ(m->zone[ZONE_NORMAL].lowmem_reserve[ZONE_NORMAL], 0);
	T_EQ(m->zone[ZONE_NORMAL].lowmem_reserve[ZONE_MOVABLE], 256);
	T_EQ(m->zone[ZONE_DMA32].lowmem_reserve[ZONE_NORMAL], 32);
	T_EQ(m->zone[ZONE_DMA32].lowmem_reserve[ZONE_MOVABLE], 64);
	T_EQ(m->zone[ZONE_DMA].lowmem_reserve[ZONE_MOVABLE], 128);
	T_EQ(z->lowmem_reserve[ZONE_MOVABLE], 0);
	TP_CHECK(m);
	fh_machine_destroy(m);
	testplat_fini(&tp);
}

static void bad_start(void)
{
	struct boot_config *cfg = testplat_config(16, 0, CMA_POLICY_MOVABLE, 1, TP_ONE_ZONE);

	testplat_init(&tp);
	cfg->movable_start = TP_BASE + 8 * MIB + FH_PAGE_SIZE;
	T_EQ(fh_machine_create(&tp.plat, cfg, &m), -FH_EINVAL);
	free(cfg);
	testplat_fini(&tp);
}

/* ---- who may be there ---- */

static void others_never(void)
{
	static const gfp_t gfps[] = {GFP_KERNEL,
				     GFP_ATOMIC,
				     GFP_KERNEL | __GFP_RECLAIMABLE,
				     GFP_DMA32,
				     __GFP_MOVABLE | __GFP_DMA,
				     GFP_NOWAIT};
	uint64_t all;
	pfn_t pfn;

	T_NEED(start(32, 16, 0, CMA_POLICY_MOVABLE));
	all = free_in(ZONE_MOVABLE);
	T_EQ(all, 16 * PAGES_MIB);
	for (unsigned int order = FH_MAX_ORDER; order <= FH_MAX_ORDER; order--)
		for (unsigned int g = 0; g < sizeof(gfps) / sizeof(gfps[0]); g++)
			while (!fh_alloc_pages(m, gfps[g], order, &pfn))
				if (!T_EQ(zone_at(pfn), ZONE_DMA))
					return;
	T_EQ(free_in(ZONE_MOVABLE), all);
	T_OK(free_in(ZONE_DMA) <= m->zone[ZONE_DMA].wmark[WMARK_MIN], "the rest is full");
	T_EQ(fh_alloc_pages(m, GFP_KERNEL, 0, &pfn), -FH_ENOMEM);
	T_EQ(fh_alloc_pages(m, GFP_HIGHUSER_MOVABLE, 0, &pfn), 0);
	T_EQ(zone_at(pfn), ZONE_MOVABLE);
	TP_CHECK(m);
	fh_machine_destroy(m);
	testplat_fini(&tp);
}

/* Movable requests: there down to the low mark, then below down to the reserve, then to the marks of both. */
static void movable_first(void)
{
	uint64_t n = 0, all, low;
	pfn_t pfn;

	T_NEED(start(32, 16, 0, CMA_POLICY_MOVABLE));
	all = free_in(ZONE_MOVABLE);
	low = m->zone[ZONE_MOVABLE].wmark[WMARK_LOW];
	while (!fh_alloc_pages(m, __GFP_MOVABLE, 0, &pfn) && zone_at(pfn) == ZONE_MOVABLE)
		n++;
	T_EQ(n, all - low);
	T_EQ(zone_at(pfn), ZONE_DMA);
	while (!fh_alloc_pages(m, __GFP_MOVABLE, 0, &pfn))
		;
	T_EQ(free_in(ZONE_MOVABLE), m->zone[ZONE_MOVABLE].wmark[WMARK_MIN]);
	T_EQ(free_in(ZONE_DMA), m->zone[ZONE_DMA].wmark[WMARK_MIN] + 16 * PAGES_MIB / 256);
	/* What was kept is for who has no other. */
	T_EQ(fh_alloc_pages(m, GFP_KERNEL, 0, &pfn), 0);
	T_EQ(zone_at(pfn), ZONE_DMA);
	TP_CHECK(m);
	fh_machine_destroy(m);
	testplat_fini(&tp);
}

/* An atomic request that is movable makes no reserve there that nobody could use. */
static void no_highatomic(void)
{
	pfn_t pfn;

	T_NEED(start(448, 416, 0, CMA_POLICY_MOVABLE));
	T_EQ(fh_alloc_pages(m, __GFP_MOVABLE | __GFP_HIGH, 3, &pfn), 0);
	T_EQ(zone_at(pfn), ZONE_MOVABLE);
	T_EQ(m->zone[ZONE_MOVABLE].nr_highatomic, 0);
	TP_CHECK(m);
	fh_machine_destroy(m);
	testplat_fini(&tp);
}

/* Bounce buffers too large for the buddy are whole free blocks, the highest there are: but of the others. */
static void no_bounce_buffers(void)
{
	struct boot_config *cfg = config(64, 16, 0, CMA_POLICY_MOVABLE);

	testplat_init(&tp);
	testplat_cpu(0);
	cfg->dma.swiotlb_noforce = false;
	cfg->dma.swiotlb_force = true;
	cfg->dma.swiotlb_slabs = 4096; /* 8 MiB */
	m = testplat_machine_of(&tp, cfg);
	T_NEED(m);
	T_EQ(free_in(ZONE_MOVABLE), 16 * PAGES_MIB);
	T_OK(free_in(ZONE_DMA) <= 40 * PAGES_MIB, "there are some");
	TP_CHECK(m);
	fh_machine_destroy(m);
	testplat_fini(&tp);
}

static void runs_and_pairs(void)
{
	pfn_t pfn;

	T_NEED(start(32, 16, 0, CMA_POLICY_MOVABLE));
	for (unsigned int order = 0; order <= FH_MAX_ORDER; order++) {
		T_EQ(fh_alloc_pages(m, __GFP_MOVABLE, order, &pfn), 0);
		T_EQ(zone_at(pfn), ZONE_MOVABLE);
		T_EQ(fh_free_pages(m, pfn, order), 0);
	}
	T_EQ(free_in(ZONE_MOVABLE), 16 * PAGES_MIB);
	TP_CHECK(m);
	fh_machine_destroy(m);
	testplat_fini(&tp);
}

/* ---- reclaim ---- */

/* Cache in ZONE_MOVABLE is of no use to a request that may not live there: it is left alone. */
static void reclaim_is_of_use(void)
{
	struct fh_object *file;
	const uint64_t n = 12 * PAGES_MIB;
	char byte;
	pfn_t pfn;

	T_NEED(start(32, 16, 0, CMA_POLICY_MOVABLE));
	T_EQ(fh_object_create(m, 2 * n, &ops, NULL, &file), 0);
	for (uint64_t i = 0; i < n; i++)
		T_EQ(fh_object_read(file, i, 0, &byte, 1), 0);
	lru_flush_batch(m);
	T_EQ(count_in(file, n, ZONE_MOVABLE), n);
	while (!fh_alloc_pages(m, GFP_KERNEL, 0, &pfn))
		;
	T_EQ(count_in(file, n, ZONE_MOVABLE), n);
	/* Who may live there drops what is there, and the reads go on. */
	for (uint64_t i = n; i < 2 * n; i++)
		if (!T_EQ(fh_object_read(file, i, 0, &byte, 1), 0))
			break;
	T_OK(count_in(file, n, ZONE_MOVABLE) < n, "the oldest are gone");
	T_OK(count_in(file, 2 * n, ZONE_MOVABLE) > n, "newer ones are there");
	TP_CHECK(m);
	fh_object_destroy(file);
	fh_machine_destroy(m);
	testplat_fini(&tp);
}

/* A movable request drops what lies in ZONE_MOVABLE first: the rest can be used by all. */
static void its_own_first(void)
{
	T_NEED(start(32, 16, 0, CMA_POLICY_MOVABLE));
	struct fh_object *file;
	const uint64_t n = 28 * PAGES_MIB;
	uint64_t below;
	char byte;

	T_EQ(fh_object_create(m, n, &ops, NULL, &file), 0);
	for (uint64_t i = 0; i < n; i++)
		T_EQ(fh_object_read(file, i, 0, &byte, 1), 0);
	lru_flush_batch(m);
	below = count_in(file, n, ZONE_DMA);
	T_OK(below > 8 * PAGES_MIB, "both zones have some");
	T_EQ(reclaim_room(m, GFP_KERNEL | __GFP_MOVABLE, 100, RECLAIM_DIRECT), 100);
	T_EQ(count_in(file, n, ZONE_DMA), below);
	T_EQ(reclaim_room(m, GFP_KERNEL, 100, RECLAIM_DIRECT), 100);
	T_EQ(count_in(file, n, ZONE_DMA), below - 100);
	TP_CHECK(m);
	fh_object_destroy(file);
	fh_machine_destroy(m);
	testplat_fini(&tp);
}

/* Bytes on their way to swap wait elsewhere, for ever if they cannot be written. */
static void no_store_stays(void)
{
	struct pageout res = {0};
	struct fh_object *o;
	uint64_t v = 0;

	T_NEED(start(32, 16, 0, CMA_POLICY_MOVABLE));
	T_EQ(fh_swapon(m, 64), 0);
	T_EQ(fh_object_create(m, 64, NULL, NULL, &o), 0);
	for (uint64_t i = 0; i < 64; i++)
		T_EQ(fh_object_write(o, i, 0, &i, sizeof(i)), 0);
	lru_flush_batch(m);
	T_EQ(count_in(o, 64, ZONE_MOVABLE), 64);
	atomic_store(&tp.swap_write_fails, true);
	pageout_anon(m, LRU_MOVABLE, 16, &res);
	T_EQ(count_in(o, 64, ZONE_MOVABLE), 48);
	T_EQ(free_in(ZONE_MOVABLE), 16 * PAGES_MIB - 48);
	T_EQ(m->swap.nr_stores, 16);
	TP_CHECK(m);
	atomic_store(&tp.swap_write_fails, false);
	for (uint64_t i = 0; i < 64; i++)
		T_OK(!fh_object_read(o, i, 0, &v, sizeof(v)) && v == i, "the bytes are there");
	TP_CHECK(m);
	fh_object_destroy(o);
	fh_machine_destroy(m);
	testplat_fini(&tp);
}

/* ---- pins and writeback ---- */

static struct fh_object *file;

static void pins_leave(void)
{
	struct fh_object *o;
	uint64_t v = 77;
	pfn_t pfn, other;

	T_NEED(start(32, 16, 0, CMA_POLICY_MOVABLE));
	T_EQ(fh_object_create(m, 8, NULL, NULL, &o), 0);
	T_EQ(fh_object_write(o, 0, 0, &v, sizeof(v)), 0);
	T_OK(page_is_in(o, 0, ZONE_MOVABLE), "where movable memory goes first");
	T_EQ(fh_object_pin(o, 0, &pfn), 0);
	T_EQ(zone_at(pfn), ZONE_DMA);
	v = 0;
	T_OK(!fh_object_read(o, 0, 0, &v, sizeof(v)) && v == 77, "with its bytes");
	TP_CHECK(m);
	T_EQ(fh_object_pin(o, 0, &other), 0);
	T_EQ(other, pfn);
	/* No room below: the pin fails, the page stays. */
	T_EQ(fh_object_write(o, 1, 0, &v, sizeof(v)), 0);
	T_OK(page_is_in(o, 1, ZONE_MOVABLE), "");
	while (!fh_alloc_pages(m, GFP_KERNEL | GFP_EVACUATE, 0, &other))
		;
	T_EQ(fh_object_pin(o, 1, &other), -FH_ENOMEM);
	T_OK(page_is_in(o, 1, ZONE_MOVABLE), "");
	T_OK(!fh_object_read(o, 1, 0, &v, sizeof(v)) && v == 77, "");
	TP_CHECK(m);
	T_EQ(fh_object_unpin(o, 0), 0);
	T_EQ(fh_object_unpin(o, 0), 0);
	fh_object_destroy(o);
	fh_machine_destroy(m);
	testplat_fini(&tp);
}

static _Atomic(int) writing, may_end, pinned;

static void write_waits(void)
{
	T_OK(page_is_in(file, 0, ZONE_MOVABLE), "it is written where it lies");
	atomic_store(&writing, 1);
	while (!atomic_load(&may_end))
		arch_yield();
	T_EQ(atomic_load(&pinned), 0);
}

static void *writer(void *arg)
{
	(void)arg;
	testplat_cpu(~0u);
	T_EQ(fh_object_writeback(file, 0), 0);
	return NULL;
}

static void *ends_it(void *arg)
{
	(void)arg;
	testplat_cpu(~0u);
	while (!atomic_load(&file->waiters))
		arch_yield();
	atomic_store(&may_end, 1);
	return NULL;
}

/* A page that is being written leaves when it is written: who pins it waits for that. */
static void pin_waits_for_a_write(void)
{
	pthread_t t[2];
	uint64_t v = 5;
	pfn_t pfn;

	T_NEED(start(32, 16, 0, CMA_POLICY_MOVABLE));
	atomic_store(&writing, 0);
	atomic_store(&may_end, 0);
	atomic_store(&pinned, 0);
	T_EQ(fh_object_create(m, 8, &ops, NULL, &file), 0);
	T_EQ(fh_object_write(file, 0, 0, &v, sizeof(v)), 0);
	in_write = write_waits;
	pthread_create(&t[0], NULL, writer, NULL);
	while (!atomic_load(&writing))
		arch_yield();
	pthread_create(&t[1], NULL, ends_it, NULL);
	T_EQ(fh_object_pin(file, 0, &pfn), 0);
	atomic_store(&pinned, 1);
	T_EQ(zone_at(pfn), ZONE_DMA);
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	T_EQ(fh_object_unpin(file, 0), 0);
	TP_CHECK(m);
	fh_object_destroy(file);
	fh_machine_destroy(m);
	testplat_fini(&tp);
}

/* ---- areas, and the guarantee ---- */

/* An area in ZONE_MOVABLE: lent like any, and taken back whole. */
static void area_in_the_zone(void)
{
	const uint64_t n = 20 * PAGES_MIB;
	struct fh_object *o;
	struct cma *cma;
	uint64_t v;
	pfn_t pfn;

	T_NEED(start(32, 16, 8, CMA_POLICY_GUARANTEED));
	cma = cma_find(m, "area");
	T_EQ(m->zone[ZONE_MOVABLE].cma_pages, 8 * PAGES_MIB);
	T_EQ(fh_object_create(m, n, NULL, NULL, &o), 0);
	for (v = 0; v < n; v++)
		T_EQ(fh_object_write(o, v, 0, &v, sizeof(v)), 0);
	T_EQ(cma_alloc(cma, 8 * PAGES_MIB, 0, 0, &pfn), 0);
	TP_CHECK(m);
	for (uint64_t i = 0; i < n; i++)
		if (!T_OK(!fh_object_read(o, i, 0, &v, sizeof(v)) && v == i, "its bytes"))
			break;
	T_OK(cma_release(cma, pfn, 8 * PAGES_MIB), "");
	fh_object_destroy(o);
	fh_machine_destroy(m);
	testplat_fini(&tp);
}

/* 8 MiB below, 24 movable, of which an area of 8: tenants fill all that the account lets them, none can be dropped;
 * the area is taken back whole all the same, and they find room in ZONE_MOVABLE too. */
static void guarantee_counts_it(void)
{
	const uint64_t n = 24 * PAGES_MIB;
	struct fh_object *o;
	struct cma *cma;
	uint64_t got;
	pfn_t pfn;

	T_NEED(start(32, 24, 8, CMA_POLICY_GUARANTEED));
	cma = cma_find(m, "area");
	T_EQ(m->capacity, n - 128);
	T_EQ(fh_object_create(m, 2 * n, NULL, NULL, &o), 0);
	for (got = 0; got < 2 * n && !fh_object_write(o, got, 0, &got, sizeof(got)); got++)
		;
	T_OK(got > n - 128 - 64 && got <= n - 128, "as much as fits outside");
	T_OK(free_in(ZONE_MOVABLE) + free_in(ZONE_DMA) > 7 * PAGES_MIB, "there are frames");
	T_EQ(cma_alloc(cma, 8 * PAGES_MIB, 0, 0, &pfn), 0);
	TP_CHECK(m);
	T_OK(cma_release(cma, pfn, 8 * PAGES_MIB), "");
	fh_object_destroy(o);
	fh_machine_destroy(m);
	testplat_fini(&tp);
}

static void areas_lie_in_one_zone(void)
{
	struct boot_config *cfg = config(32, 16, 0, CMA_POLICY_MOVABLE);
	struct cma *cma;

	testplat_init(&tp);
	cfg->nr_regions = 1;
	cfg->region[0] =
		(struct boot_region){.name = "kept", .base = TP_BASE + 12 * MIB, .size = 8 * MIB};
	m = testplat_machine_of(&tp, cfg);
	T_NEED(m);
	T_EQ(cma_init_reserved_mem(m, (phys_t){TP_BASE + 12 * MIB}, 8 * MIB, 0, "both", &cma),
	     -FH_EINVAL);
	T_EQ(cma_init_reserved_mem(m, (phys_t){TP_BASE + 16 * MIB}, 4 * MIB, 0, "upper", &cma), 0);
	T_EQ(cma_init_reserved_areas(m), 0);
	T_EQ(m->zone[ZONE_MOVABLE].cma_pages, 4 * PAGES_MIB);
	TP_CHECK(m);
	fh_machine_destroy(m);
	testplat_fini(&tp);
}

/* ---- what it shows ---- */

static char text[1 << 16];

static bool shows(const char *path, const char *what)
{
	size_t len;

	return T_EQ(fh_view_read(m, path, text, sizeof(text), &len), 0) &&
	       t_ok(strstr(text, what), __FILE__, __LINE__, what, text);
}

/* As Linux 6.12 shows one without memory, and one with. */
static void read_outs(void)
{
	testplat_init(&tp);
	m = testplat_machine_of(&tp,
				testplat_config(192, 0, CMA_POLICY_MOVABLE, 1, TP_THREE_ZONES));
	T_NEED(m);
	shows("proc/zoneinfo", "Node 0, zone  Movable\n"
			       "  pages free     0\n"
			       "        boost    0\n"
			       "        min      32\n"
			       "        low      32\n"
			       "        high     32\n"
			       "        promo    32\n"
			       "        spanned  0\n"
			       "        present  0\n"
			       "        managed  0\n"
			       "        cma      0\n"
			       "        protection: (0, 0, 0, 0)\n");
	fh_machine_destroy(m);
	testplat_fini(&tp);
	T_NEED(start(32, 16, 4, CMA_POLICY_MOVABLE));
	shows("proc/zoneinfo", "Node 0, zone  Movable\n"
			       "  pages free     4096\n"
			       "        boost    0\n"
			       "        min      32\n");
	shows("proc/zoneinfo", "        protection: (0, 0, 0, 16)\n");
	shows("proc/zoneinfo", "        cma      1024\n");
	shows("proc/buddyinfo",
	      "Node 0, zone  Movable      0      0      0      0      0      0      0      0      0"
	      "      0      4 \n");
	shows("proc/pagetypeinfo", "Node    0, zone  Movable, type          CMA ");
	fh_machine_destroy(m);
	testplat_fini(&tp);
}

/* ---- what fh_check() sees ---- */

static void check_finds(void)
{
	struct fh_object *o;
	char why[200];
	uint64_t v = 1, b;
	uint64_t word;
	pfn_t pfn = 0;

	T_NEED(start(32, 16, 0, CMA_POLICY_MOVABLE));
	T_EQ(fh_object_create(m, 8, NULL, NULL, &o), 0);
	T_EQ(fh_object_write(o, 0, 0, &v, sizeof(v)), 0);
	lru_flush_batch(m);
	T_EQ(fh_object_where(o, 0, &pfn), 0);
	b = machine_block(m, pfn);
	word = atomic_load(&m->state[b]);
	atomic_store(&m->state[b], word | BLOCK_SPECIAL);
	T_OK(fh_check(m, why, sizeof(why)) == 1 && strstr(why, "Y1"), why);
	atomic_store(&m->state[b], word);
	/* Pinned where it lies, past get_pinnable(). */
	fh_lock(&o->lock);
	T_OK(lru_hold(m, pfn), "");
	machine_frame(m, pfn)->pins = 1;
	fh_unlock(&o->lock);
	T_OK(fh_check(m, why, sizeof(why)) == 1 && strstr(why, "Y2"), why);
	fh_lock(&o->lock);
	machine_frame(m, pfn)->pins = 0;
	lru_unhold(m, pfn);
	fh_unlock(&o->lock);
	TP_CHECK(m);
	fh_object_destroy(o);
	fh_machine_destroy(m);
	testplat_fini(&tp);
}

const struct t_case t_cases[] = {T(highest_zone_is_cut),
				 T(said),
				 T(watermarks),
				 T(bad_start),
				 T(others_never),
				 T(movable_first),
				 T(no_highatomic),
				 T(no_bounce_buffers),
				 T(runs_and_pairs),
				 T(reclaim_is_of_use),
				 T(its_own_first),
				 T(no_store_stays),
				 T(pins_leave),
				 T(pin_waits_for_a_write),
				 T(area_in_the_zone),
				 T(guarantee_counts_it),
				 T(areas_lie_in_one_zone),
				 T(read_outs),
				 T(check_finds),
				 T_END};
