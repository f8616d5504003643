/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Random operations of the DMA API against the oracle, after every kept input of tests/corpus/dma. A seed makes the bytes, dma_ops.c runs
 * them. Two seconds by default; FH_SEEDS=n runs seeds 1..n, FH_SEED=n that one; FH_DMA_OPS=file runs that file and shows
 * its operations.
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "dma_ops.h"
#include "t.h"

#define CORPUS		 "tests/corpus/dma"
#define SECONDS		 2
#define ENOUGH_SEEDS	 150
#define MINIMISE_SECONDS 30
#define MAX_SIZE	 4000
#define MAX_FILE	 65536

static volatile uint64_t running; /* seed */
static unsigned int nr_of[DMA_OPS_NR_KINDS];
static uint64_t buffers, maps, accesses;

static void on_crash(int sig)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "# signal %d with FH_SEED=%llu\n", sig,
			 (unsigned long long)running);

	if (n > 0 && write(1, line, (size_t)n) < 0)
		_exit(2);
	_exit(1);
}

/* xorshift64*: the same bytes on every machine. */
static uint64_t next(uint64_t *s)
{
	*s ^= *s >> 12;
	*s ^= *s << 25;
	*s ^= *s >> 27;
	return *s * UINT64_C(2685821657736338717);
}

static size_t bytes_of(uint64_t seed, uint8_t *data)
{
	uint64_t s = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	size_t len = 200 + next(&s) % (MAX_SIZE - 200);

	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)(next(&s) >> 56);
	return len;
}

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

/* A shorter run that fails, in a file. */
static void keep(uint64_t seed, uint8_t *data, size_t len)
{
	char path[64];
	FILE *f;

	len = dma_ops_minimise(data, len, MINIMISE_SECONDS);
	snprintf(path, sizeof(path), "dma-ops-%llu", (unsigned long long)seed);
	f = fopen(path, "wb");
	if (f && fwrite(data, 1, len, f) == len)
		printf("# FH_SEED=%llu, made shorter: FH_DMA_OPS=%s shows it\n",
		       (unsigned long long)seed, path);
	if (f)
		fclose(f);
}

static bool had_all(uint64_t seed)
{
	unsigned int i = 0;

	while (i < DMA_OPS_NR_KINDS && nr_of[i])
		i++;
	return i == DMA_OPS_NR_KINDS || seed >= ENOUGH_SEEDS;
}

static void random_operations(void)
{
	const char *seeds = getenv("FH_SEEDS"), *one = getenv("FH_SEED");
	uint64_t n = seeds ? strtoull(seeds, NULL, 0) : UINT64_MAX, seed;
	uint64_t first = one ? strtoull(one, NULL, 0) : 1;
	static uint8_t data[MAX_SIZE];
	time_t start = time(NULL);

	if (getenv("FH_DMA_OPS"))
		return;
	signal(SIGSEGV, on_crash);
	signal(SIGBUS, on_crash);
	signal(SIGABRT, on_crash);
	for (seed = first; seed - first < (one ? 1 : n); seed++) {
		size_t len = bytes_of(seed, data);

		running = seed;
		if (!run(data, len, DMA_OPS_QUIET)) {
			keep(seed, data, len);
			break;
		}
		if (!seeds && !one && time(NULL) - start >= SECONDS && had_all(seed))
			break;
	}
	printf("# seeds %llu to %llu", (unsigned long long)first, (unsigned long long)seed);
	for (unsigned int i = 0; i < DMA_OPS_NR_KINDS; i++)
		printf(", %s %u", dma_ops_kind_name((enum dma_ops_kind)i), nr_of[i]);
	printf("\n# %llu buffers, %llu mappings, %llu accesses of devices\n",
	       (unsigned long long)buffers, (unsigned long long)maps, (unsigned long long)accesses);
	/* Who asks for few may miss some. */
	for (unsigned int i = 0; i < DMA_OPS_NR_KINDS && !one && !seeds; i++)
		T_OK(nr_of[i], dma_ops_kind_name((enum dma_ops_kind)i));
}

/* ---- kept inputs ---- */

static void run_file(const char *path, enum dma_ops_flags flags)
{
	static uint8_t data[MAX_FILE];
	FILE *f = fopen(path, "rb");
	size_t len;

	if (!T_OK(f, path))
		return;
	len = fread(data, 1, sizeof(data), f);
	fclose(f);
	if (!run(data, len, flags))
		printf("# %s\n", path);
}

static void corpus(void)
{
	const char *one = getenv("FH_DMA_OPS");
	struct dirent *e;
	unsigned int n = 0;
	char path[512];
	DIR *dir;

	if (one) {
		run_file(one, DMA_OPS_VERBOSE);
		return;
	}
	dir = opendir(CORPUS);
	if (!dir)
		T_SKIP("no " CORPUS " here: run from the root of the repository");
	while ((e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), CORPUS "/%s", e->d_name);
		run_file(path, DMA_OPS_QUIET);
		n++;
	}
	closedir(dir);
	T_OK(n > 0, "the corpus has inputs");
	printf("# %u inputs\n", n);
}

const struct t_case t_cases[] = {T(corpus), T(random_operations), T_END};
