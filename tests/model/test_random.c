/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Random operations against the model. A seed makes the bytes, ops.c runs them. Four seconds by
 * default; FH_SEEDS=n runs seeds 1..n, FH_SEED=n that one, with every operation shown.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "ops.h"
#include "t.h"

#define SECONDS		 4
#define ENOUGH_SEEDS	 60
#define MINIMISE_SECONDS 30
#define SHOWN		 40
#define MAX_SIZE	 6000

static volatile uint64_t running;	 /* seed */
static unsigned int nr_of[OPS_NR_KINDS]; /* runs, by kind */
static uint64_t swapped_out, swapped_in, written;

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

/* The last operations, and all the bytes in a file that test_replay can show. */
static void show(uint64_t seed, uint8_t *data, size_t len)
{
	struct ops_result result = {.show_from = 0};
	char path[64];
	FILE *f;

	printf("# FH_SEED=%llu; the end of a shorter run that fails:\n", (unsigned long long)seed);
	fflush(stdout);
	len = ops_minimise(data, len, MINIMISE_SECONDS);
	ops_run(data, len, OPS_QUIET, &result);
	result.show_from = result.op > SHOWN ? result.op - SHOWN : 0;
	ops_run(data, len, OPS_VERBOSE, &result);
	snprintf(path, sizeof(path), "ops-%llu", (unsigned long long)seed);
	f = fopen(path, "wb");
	if (f && fwrite(data, 1, len, f) == len)
		printf("\n# %s\n# FH_OPS=%s test_replay shows it again\n", result.wrong, path);
	if (f)
		fclose(f);
}

static bool run_seed(uint64_t seed)
{
	static uint8_t data[MAX_SIZE];
	size_t len = bytes_of(seed, data);
	struct ops_result result = {.show_from = 0};

	running = seed;
	if (ops_run(data, len, OPS_QUIET, &result)) {
		for (unsigned int i = 0; i < OPS_NR_KINDS; i++)
			nr_of[i] += result.kinds >> i & 1;
		swapped_out += result.swapped_out;
		swapped_in += result.swapped_in;
		written += result.written;
		return true;
	}
	t_ok(false, __FILE__, __LINE__, "the machine does as the model says", result.wrong);
	show(seed, data, len);
	return false;
}

/* Every kind of machine was run; on a slow host that takes longer than the time there is. */
static bool had_all(uint64_t seed)
{
	unsigned int i = 0;

	while (i < OPS_NR_KINDS && nr_of[i])
		i++;
	return i == OPS_NR_KINDS || seed >= ENOUGH_SEEDS;
}

static void random_operations(void)
{
	const char *seeds = getenv("FH_SEEDS"), *one = getenv("FH_SEED");
	uint64_t n = seeds ? strtoull(seeds, NULL, 0) : UINT64_MAX, seed;
	uint64_t first = one ? strtoull(one, NULL, 0) : 1;
	time_t start = time(NULL);

	signal(SIGSEGV, on_crash);
	signal(SIGBUS, on_crash);
	signal(SIGABRT, on_crash);
	for (seed = first; seed - first < (one ? 1 : n); seed++)
		if (!run_seed(seed) ||
		    (!seeds && !one && time(NULL) - start >= SECONDS && had_all(seed)))
			break;
	printf("# seeds %llu to %llu", (unsigned long long)first, (unsigned long long)seed);
	for (unsigned int i = 0; i < OPS_NR_KINDS; i++)
		printf(", %s %u", ops_kind_name(i), nr_of[i]);
	printf("\n# %llu pages swapped out, %llu back, %llu written back\n",
	       (unsigned long long)swapped_out, (unsigned long long)swapped_in,
	       (unsigned long long)written);
	/* Who asks for few may miss some. */
	for (unsigned int i = 0; i < OPS_NR_KINDS && !one && !seeds; i++)
		T_OK(nr_of[i], ops_kind_name(i));
	T_OK(seed - first < 20 || (swapped_out && swapped_in && written),
	     "reclaim had to do with it");
}

const struct t_case t_cases[] = {T(random_operations), T_END};
