/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* core/dma/iopt: sizes of leaves, splits, what is refused, frames that fail, and a model that keeps a word a page. */
#include <string.h>
#include <freehold/page.h>
#include "dma/iopt.h"
#include "mm/machine.h"
#include "t.h"
#include "testplat.h"

#define PAGE	FH_PAGE_SIZE
#define MIB	(UINT64_C(1) << 20)
#define GIB	(UINT64_C(1) << 30)
#define FLAGS	(IOPT_READ | IOPT_WRITE | IOPT_MMIO)
#define MAPPING (FLAGS | IOPT_DMA | IOPT_HEAD | IOPT_TAIL)

static struct testplat tp;
static struct fh_machine *m;
static struct iopt pt;

static bool start(void)
{
	m = testplat_start(&tp, 64, 0, CMA_POLICY_GUARANTEED, 1);
	return m && !iopt_init(&pt, m);
}

static void stop(void)
{
	T_EQ(iopt_visit(&pt, NULL, NULL), atomic_load(&pt.nr_tables));
	iopt_fini(&pt);
	testplat_end(&tp, m);
}

static int map(uint64_t iova, uint64_t phys, uint64_t size, unsigned int flags)
{
	const struct iopt_run run = {iova, phys, size};
	int err = iopt_prepare(&pt, &run);

	return err ? err : iopt_install(&pt, &run, flags);
}

static uint64_t phys_of(uint64_t iova, unsigned int *level)
{
	uint64_t entry = iopt_walk(&pt, iova, level);

	return entry ? iopt_phys(entry) + (iova & (iopt_span(*level) - 1)) : 0;
}

static void leaves(void *arg, uint64_t iova, unsigned int level, uint64_t entry)
{
	unsigned int *n = arg;

	(void)iova, (void)entry;
	n[level]++;
}

static unsigned int *count(void)
{
	static unsigned int n[IOPT_LEVELS];

	memset(n, 0, sizeof(n));
	iopt_visit(&pt, leaves, n);
	return n;
}

/* As large as both addresses and the length allow. */
static void sizes(void)
{
	unsigned int level;

	T_NEED(start());
	T_EQ(map(GIB - 2 * MIB - PAGE, 3 * GIB - 2 * MIB - PAGE, 2 * GIB + 2 * PAGE + 2 * MIB,
		 FLAGS),
	     0);
	T_EQ(count()[0], 2);
	T_EQ(count()[1], 1);
	T_EQ(count()[2], 2);
	for (uint64_t at = GIB - 2 * MIB - PAGE; at < 3 * GIB + PAGE - 2 * MIB; at += 13 * PAGE)
		if (phys_of(at + 5, &level) != at + 5 + 2 * GIB) {
			T_EQ(phys_of(at + 5, &level), at + 5 + 2 * GIB);
			break;
		}
	T_EQ(phys_of(GIB - 2 * MIB - PAGE - 1, &level), 0);
	T_EQ(atomic_load(&pt.nr_tables), 1 + 1 + 2 + 2);
	T_EQ(iopt_unmap(&pt, GIB - 2 * MIB - PAGE, 4 * GIB), 2 * GIB + 2 * PAGE + 2 * MIB);
	T_EQ(count()[0] + count()[1] + count()[2], 0);
	T_EQ(map(GIB, 2 * GIB + 2 * MIB, GIB, FLAGS), 0); /* only 2 MiB fit */
	T_EQ(count()[1], 512);
	T_EQ(map(4 * GIB, PAGE, 2 * MIB, FLAGS), 0); /* only pages */
	T_EQ(count()[0], 512);
	T_EQ(map((UINT64_C(1) << 48) - GIB, 0, GIB, FLAGS), 0);
	T_EQ(count()[2], 1);
	T_EQ(phys_of((UINT64_C(1) << 48) - 1, &level), GIB - 1);
	stop();
}

static void refused(void)
{
	unsigned int level;

	T_NEED(start());
	T_EQ(map(4 * MIB, GIB, 2 * MIB, FLAGS), 0);
	T_EQ(map(5 * MIB, GIB, PAGE, FLAGS), -FH_EEXIST);
	T_EQ(map(4 * MIB - PAGE, GIB, 2 * PAGE, FLAGS), -FH_EEXIST);
	T_EQ(phys_of(4 * MIB - PAGE, &level), 0); /* nothing of it */
	T_EQ(map(0, 0, GIB, FLAGS), -FH_EEXIST);
	T_EQ(map(6 * MIB, GIB, PAGE, FLAGS), 0);
	T_EQ(iopt_map_page(&pt, NULL, 6 * MIB, GIB, FLAGS), -FH_EEXIST);
	/* Small ones were here: small ones are. */
	T_EQ(iopt_unmap(&pt, 6 * MIB, PAGE), PAGE);
	T_EQ(map(6 * MIB, GIB, 2 * MIB, FLAGS), 0);
	T_EQ(count()[0], 512);
	T_EQ(count()[1], 1);
	stop();
}

/* A leaf that is covered in part comes apart; the rest leads where it did. */
static void split(void)
{
	unsigned int level;

	T_NEED(start());
	T_EQ(map(GIB, 2 * GIB, GIB, MAPPING), 0);
	T_EQ(iopt_unmap(&pt, GIB + 5 * PAGE, PAGE), PAGE);
	T_EQ(count()[1], 511);
	T_EQ(count()[0], 511);
	T_EQ(phys_of(GIB + 4 * PAGE + 1, &level), 2 * GIB + 4 * PAGE + 1);
	T_EQ(phys_of(GIB + 5 * PAGE, &level), 0);
	T_EQ(phys_of(GIB + 6 * PAGE, &level), 2 * GIB + 6 * PAGE);
	T_EQ(phys_of(2 * GIB - 1, &level), 3 * GIB - 1);
	T_OK(iopt_walk(&pt, GIB, &level) & IOPT_HEAD, "the first keeps the mark");
	T_OK(!(iopt_walk(&pt, GIB, &level) & IOPT_TAIL), "and not the other");
	T_OK(iopt_walk(&pt, 2 * GIB - 1, &level) & IOPT_TAIL, "the last");
	T_EQ(iopt_unmap(&pt, GIB, GIB), 5 * PAGE); /* up to the hole */
	T_EQ(iopt_unmap(&pt, GIB + 6 * PAGE, GIB - 6 * PAGE), GIB - 6 * PAGE);
	T_EQ(count()[0] + count()[1], 0);
	stop();
}

/* An unmap of the DMA API is of one whole mapping, or of nothing. */
static void taken_whole(void)
{
	struct iopt_hint hint = {0};

	T_NEED(start());
	T_EQ(iopt_map_page(&pt, &hint, 3 * PAGE, GIB, MAPPING), 0);
	T_EQ(iopt_map_page(&pt, &hint, 4 * PAGE, GIB, MAPPING), 0);
	T_EQ(iopt_map_page(&pt, &hint, 4 * PAGE, GIB, MAPPING), -FH_EEXIST);
	T_EQ(map(5 * PAGE, GIB, 2 * PAGE, MAPPING), 0);
	T_EQ(map(7 * PAGE, GIB, PAGE, FLAGS), 0);
	T_EQ(map(4 * MIB, 4 * MIB, 4 * MIB, MAPPING), 0);
	T_EQ(iopt_take(&pt, &hint, 3 * PAGE, 2 * PAGE, false), 0); /* two */
	T_EQ(iopt_take(&pt, &hint, 5 * PAGE, PAGE, false), 0);	   /* half */
	T_EQ(iopt_take(&pt, &hint, 6 * PAGE, PAGE, false), 0);
	T_EQ(iopt_take(&pt, &hint, 4 * PAGE, 3 * PAGE, false), 0);
	T_EQ(iopt_take(&pt, &hint, 5 * PAGE, 3 * PAGE, false), 0);
	T_EQ(iopt_take(&pt, &hint, 7 * PAGE, PAGE, false), 0); /* by hand */
	T_EQ(iopt_take(&pt, &hint, 4 * MIB, 2 * MIB, false), 0);
	T_EQ(iopt_take(&pt, &hint, 4 * MIB, PAGE, false), 0);
	T_EQ(iopt_take(&pt, &hint, 6 * MIB, 2 * MIB, false), 0);
	T_EQ(iopt_take(&pt, &hint, 4 * MIB, 6 * MIB, true), 0);
	T_EQ(count()[0], 5);
	T_EQ(count()[1], 2);
	T_EQ(iopt_take(&pt, &hint, 3 * PAGE, PAGE, false), PAGE);
	T_EQ(iopt_take(&pt, &hint, 3 * PAGE, PAGE, false), 0); /* twice */
	T_EQ(iopt_take(&pt, NULL, 4 * PAGE, PAGE, false), PAGE);
	T_EQ(iopt_take(&pt, NULL, 4 * PAGE, PAGE, false), 0);
	T_EQ(iopt_take(&pt, &hint, 5 * PAGE, 2 * PAGE, false), 2 * PAGE);
	T_EQ(iopt_take(&pt, &hint, 5 * PAGE, 2 * PAGE, true), 0);
	T_EQ(iopt_take(&pt, &hint, 4 * MIB, 4 * MIB, false), 4 * MIB);
	T_EQ(count()[0], 1);
	T_EQ(count()[1], 0);
	stop();
}

static void holes(void)
{
	T_NEED(start());
	T_EQ(map(2 * MIB - PAGE, GIB, PAGE, FLAGS | IOPT_DMA | IOPT_HEAD), 0);
	T_EQ(map(8 * MIB, GIB, PAGE, FLAGS | IOPT_DMA | IOPT_TAIL), 0);
	T_EQ(iopt_take(&pt, NULL, 2 * MIB - PAGE, 6 * MIB + 2 * PAGE, false), 0);
	T_EQ(iopt_take(&pt, NULL, 2 * MIB - PAGE, 6 * MIB + PAGE, true), 0);
	T_EQ(iopt_take(&pt, NULL, 2 * MIB - 2 * PAGE, 6 * MIB + 3 * PAGE, true), 0);
	T_EQ(iopt_take(&pt, NULL, 2 * MIB - PAGE, 6 * MIB + 3 * PAGE, true), 0);
	T_EQ(iopt_take(&pt, NULL, 2 * MIB - PAGE, 6 * MIB + 2 * PAGE, true), 2 * PAGE);
	T_EQ(count()[0], 0);
	stop();
}

/* All frames are gone: nothing is mapped, and a leaf stays whole. */
static void no_frames(void)
{
	static pfn_t pfn[64 * 256];
	unsigned int n = 0, level;

	T_NEED(start());
	T_EQ(map(0, 0, GIB, MAPPING), 0);
	while (n < 64 * 256 && !fh_alloc_pages(m, GFP_ATOMIC | __GFP_NOWARN, 0, &pfn[n]))
		n++;
	T_EQ(map(8 * GIB, 0, GIB, FLAGS), 0); /* needs no table */
	T_EQ(map(GIB * 600, 0, PAGE, FLAGS), -FH_ENOMEM);
	T_EQ(iopt_unmap(&pt, PAGE, PAGE), 0);
	T_EQ(phys_of(PAGE, &level), PAGE);
	while (n)
		T_EQ(fh_free_pages(m, pfn[--n], 0), 0);
	T_EQ(iopt_unmap(&pt, PAGE, PAGE), PAGE);
	stop();
}

/* ---- a model: 32 MiB in pages, at the seam of two tables ---- */

#define PAGES 8192
#define BASE  (GIB - 16 * MIB)

static uint32_t model[PAGES]; /* frame, or 0 */

static uint32_t rnd(uint32_t *x)
{
	*x = *x * 1664525 + 1013904223;
	return *x >> 8;
}

static void model_map(uint64_t at, uint64_t n, uint64_t frame)
{
	int want = 0;

	for (uint64_t i = 0; i < n; i++)
		if (model[at + i])
			want = -FH_EEXIST;
	T_EQ(map(BASE + at * PAGE, frame * PAGE, n * PAGE, FLAGS), want);
	for (uint64_t i = 0; i < n && !want; i++)
		model[at + i] = (uint32_t)(frame + i);
}

static void model_unmap(uint64_t at, uint64_t n)
{
	uint64_t k = 0;

	while (k < n && model[at + k])
		model[at + k++] = 0;
	T_EQ(iopt_unmap(&pt, BASE + at * PAGE, n * PAGE), k * PAGE);
}

static void model_compare(void)
{
	unsigned int level, bad = 0;

	for (uint64_t i = 0; i < PAGES; i++)
		bad += phys_of(BASE + i * PAGE + 7, &level) != (model[i] ? model[i] * PAGE + 7 : 0);
	T_EQ(bad, 0);
}

static void against_model(void)
{
	uint32_t x = 3;

	T_NEED(start());
	memset(model, 0, sizeof(model));
	for (unsigned int i = 0; i < 4000; i++) {
		uint64_t n = 1 + rnd(&x) % (rnd(&x) % 4 ? 20 : 2000), at = rnd(&x) % (PAGES - n);

		if (rnd(&x) % 3 == 0) /* both aligned to 2 MiB */
			at &= ~UINT64_C(511);
		if (rnd(&x) % 2)
			model_map(at, n, 512 * (1 + rnd(&x) % 64) + (rnd(&x) % 4 ? at % 512 : 9));
		else
			model_unmap(at, n);
		if (i % 100 == 0)
			model_compare();
	}
	model_compare();
	stop();
}

const struct t_case t_cases[] = {T(sizes), T(refused),	 T(split),	   T(taken_whole),
				 T(holes), T(no_frames), T(against_model), T_END};
