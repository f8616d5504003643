/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Random operations against the model. A seed makes the bytes (seeds.h), ops.c runs them. */
#include <stdio.h>
#include "ops.h"
#include "seeds.h"
#include "t.h"

#define MINIMISE_SECONDS 30
#define SHOWN		 40

static unsigned int nr_of[OPS_NR_KINDS]; /* runs, by kind */
static uint64_t swapped_out, swapped_in, written;

/* The last operations, and all the bytes in a file that test_replay can show. */
static void show(uint64_t seed, uint8_t *data, size_t len)
{
	struct ops_result result = {.show_from = 0};
	char path[64];

	printf("# FH_SEED=%llu; the end of a shorter run that fails:\n", (unsigned long long)seed);
	fflush(stdout);
	len = ops_minimise(data, len, MINIMISE_SECONDS);
	ops_run(data, len, OPS_QUIET, &result);
	result.show_from = result.op > SHOWN ? result.op - SHOWN : 0;
	ops_run(data, len, OPS_VERBOSE, &result);
	if (seeds_keep("ops", seed, data, len, path))
		printf("\n# %s\n# FH_OPS=%s test_replay shows it again\n", result.wrong, path);
}

static bool run_seed(uint64_t seed, uint8_t *data, size_t len)
{
	struct ops_result result = {.show_from = 0};

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

static const char *kind_name(unsigned int kind)
{
	return ops_kind_name((enum ops_kind)kind);
}

static void random_operations(void)
{
	const struct seeds s = {
		.max_size = 6000,
		.seconds = 4,
		.enough = 60,
		.nr_kinds = OPS_NR_KINDS,
		.nr_of = nr_of,
		.kind_name = kind_name,
		.run = run_seed,
	};
	uint64_t n = seeds_run(&s);

	printf("# %llu pages swapped out, %llu back, %llu written back\n",
	       (unsigned long long)swapped_out, (unsigned long long)swapped_in,
	       (unsigned long long)written);
	T_OK(n < 20 || (swapped_out && swapped_in && written), "reclaim had to do with it");
}

const struct t_case t_cases[] = {T(random_operations), T_END};
