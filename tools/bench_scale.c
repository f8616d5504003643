/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Group `frames`, what grows with the machine: metadata, setting up, and 1 TiB against 1 GiB. */
#include <freehold/page.h>
#include "bench.h"

#define GIB		(UINT64_C(1) << 30)
#define GIB_FRAMES	(GIB >> FH_PAGE_SHIFT)
#define HALF_GIB_FRAMES (UINT64_C(1) << (29 - FH_PAGE_SHIFT))
#define PIECE		1024 /* divides HALF_GIB_FRAMES */
#define SETUP_GIB	4

/* What a machine of so many GiB asks the platform for. The largest piece are the struct fh_frame.
 */
static struct {
	void *(*alloc)(void *ctx, size_t size);
	uint64_t total, largest;
} asked;

static void *count_alloc(void *ctx, size_t size)
{
	asked.total += size;
	asked.largest = size > asked.largest ? size : asked.largest;
	return asked.alloc(ctx, size);
}

static bool count_machine(struct bench *b, uint64_t gib, uint64_t *total, uint64_t *largest)
{
	struct plat own = b->plat[BENCH_BLIND];
	struct fh_machine *m;

	asked.alloc = own.alloc;
	asked.total = asked.largest = 0;
	b->plat[BENCH_BLIND].alloc = count_alloc;
	m = bench_machine(b, BENCH_BLIND, gib * GIB, 0);
	b->plat[BENCH_BLIND] = own;
	*total = asked.total;
	*largest = asked.largest;
	if (m)
		fh_machine_destroy(m);
	return m;
}

static enum bench_status run_metadata(struct bench *b, const struct bench_case *c, double *value)
{
	uint64_t total[2], frames[2];

	(void)c;
	/* The difference: what each further GiB costs. */
	if (!count_machine(b, SETUP_GIB, &total[0], &frames[0]) ||
	    !count_machine(b, SETUP_GIB + 4, &total[1], &frames[1]))
		return BENCH_FAIL;
	value[0] = (double)(total[1] - frames[1] - (total[0] - frames[0])) / 4;
	value[1] = (double)(frames[1] - frames[0]) / (4 * (double)GIB_FRAMES);
	value[2] = (double)(total[0] - frames[0]) - SETUP_GIB * value[0];
	return BENCH_OK;
}

static enum bench_status run_setup(struct bench *b, const struct bench_case *c, double *value)
{
	uint64_t start = bench_now();
	struct fh_machine *m = bench_machine(b, BENCH_BLIND, SETUP_GIB * GIB, 0);

	(void)c;
	value[0] = (double)(bench_now() - start) / (double)(SETUP_GIB * GIB_FRAMES);
	if (!m)
		return BENCH_FAIL;
	fh_machine_destroy(m);
	return BENCH_OK;
}

static uint32_t pfns[HALF_GIB_FRAMES];

static bool take_piece(struct fh_machine *m, uint64_t first)
{
	pfn_t pfn;

	for (uint64_t i = first; i < first + PIECE; i++) {
		if (fh_alloc_pages(m, GFP_KERNEL, 0, &pfn))
			return false;
		pfns[i] = (uint32_t)pfn;
	}
	return true;
}

/* Half a GiB in single frames, twice; the second time, ns an allocation. */
static bool bulk(struct fh_machine *m, double *ns)
{
	struct watch watch;
	bool ok = true;

	hosted_cpu_set(0);
	for (unsigned int r = 0; r < 2 && ok; r++) {
		watch = (struct watch){0};
		for (uint64_t i = 0; i < HALF_GIB_FRAMES && ok; i += PIECE) {
			watch_start(&watch);
			ok = take_piece(m, i);
			watch_stop(&watch, PIECE);
		}
		for (uint64_t i = 0; i < HALF_GIB_FRAMES && ok; i++)
			ok = !fh_free_pages(m, pfns[i], 0);
	}
	*ns = watch_mean(&watch);
	fh_cpu_quiesce(m);
	hosted_cpu_set(~0u);
	return ok;
}

static enum bench_status run_tib(struct bench *b, const struct bench_case *c, double *value)
{
	struct fh_machine *m = bench_machine(b, BENCH_BLIND, GIB, 0);
	double small = 1, large = 0;
	uint64_t start;
	bool ok;

	(void)c;
	ok = m && bulk(m, &small);
	fh_machine_destroy(m);
	if (!ok)
		return BENCH_FAIL;
	start = bench_now();
	m = bench_machine(b, BENCH_BLIND, GIB << 10, 0);
	value[0] = (double)(bench_now() - start) / 1e6;
	if (!m)
		return BENCH_SKIP; /* 8 GiB of addresses for struct fh_frame, hardly any of it
				      touched */
	ok = bulk(m, &large);
	fh_machine_destroy(m);
	value[1] = large;
	value[2] = large / small;
	return ok ? BENCH_OK : bench_fail(b, BENCH_FAIL, "1 TiB: an allocation failed");
}

void bench_add_scale(struct bench *b)
{
	struct bench_case *c = bench_add(b, (struct bench_case){.run = run_setup, .threads = 1});

	bench_measure(c, "ns", "frames.setup");
	c = bench_add(b, (struct bench_case){.run = run_metadata, .threads = 1});
	bench_measure(c, "bytes", "frames.metadata.gib");
	bench_measure(c, "bytes", "frames.metadata.frame");
	bench_measure(c, "bytes", "frames.metadata.machine");
	c = bench_add(b, (struct bench_case){.run = run_tib, .threads = 1});
	bench_measure(c, "ms", "frames.tib.setup");
	bench_measure(c, "ns", "frames.tib.bulk_alloc");
	bench_measure(c, "ratio", "frames.tib.against_gib");
}
