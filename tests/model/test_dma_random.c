/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Random operations of the DMA API against the oracle, after every kept input of tests/corpus/dma. A seed makes the bytes (seeds.h), dma_ops.c
 * runs them. FH_DMA_OPS=file runs that file and shows its operations.
 */
#include <stdio.h>
#include <stdlib.h>
#include "corpus.h"
#include "dma_ops.h"
#include "seeds.h"
#include "t.h"

#define MINIMISE_SECONDS 30

static unsigned int nr_of[DMA_OPS_NR_KINDS];
static uint64_t buffers, maps, accesses;

static bool run(uint8_t *data, size_t len, enum dma_ops_flags flags)
{
	struct dma_ops_result res;
	bool ok = dma_ops_run(data, len, flags, &res);

	for (unsigned int i = 0; i < DMA_OPS_NR_KINDS; i++)
		nr_of[i] += res.kinds >> i & 1;
	buffers += res.buffers;
	maps += res.maps;
	accesses += res.accesses;
	return ok || t_ok(false, __FILE__, __LINE__, "the oracle agrees", res.wrong);
}

/* One that fails is made shorter, and kept in a file. */
static bool run_seed(uint64_t seed, uint8_t *data, size_t len)
{
	char path[64];

	if (run(data, len, DMA_OPS_QUIET))
		return true;
	len = dma_ops_minimise(data, len, MINIMISE_SECONDS);
	if (seeds_keep("dma-ops", seed, data, len, path))
		printf("# FH_SEED=%llu, made shorter: FH_DMA_OPS=%s shows it\n",
		       (unsigned long long)seed, path);
	return false;
}

static const char *kind_name(unsigned int kind)
{
	return dma_ops_kind_name((enum dma_ops_kind)kind);
}

static void random_operations(void)
{
	const struct seeds s = {
		.max_size = 4000,
		.seconds = 2,
		.enough = 150,
		.nr_kinds = DMA_OPS_NR_KINDS,
		.nr_of = nr_of,
		.kind_name = kind_name,
		.run = run_seed,
	};

	if (getenv("FH_DMA_OPS"))
		return;
	seeds_run(&s);
	printf("# %llu buffers, %llu mappings, %llu accesses of devices\n",
	       (unsigned long long)buffers, (unsigned long long)maps, (unsigned long long)accesses);
}

static void run_file(const char *path, uint8_t *data, size_t len, bool shown)
{
	if (!run(data, len, shown ? DMA_OPS_VERBOSE : DMA_OPS_QUIET))
		printf("# %s\n", path);
}

static void corpus(void)
{
	corpus_replay("tests/corpus/dma", "FH_DMA_OPS", run_file);
}

const struct t_case t_cases[] = {T(corpus), T(random_operations), T_END};
