/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Runs of random operations that bytes stand for: one a seed, until time is up and every kind was met. In the environment:
 * FH_SEED=n runs that one alone, FH_SEEDS=n so many. A crash says its seed.
 */
#ifndef FH_TESTS_SEEDS_H
#define FH_TESTS_SEEDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEEDS_MAX_SIZE 6000

struct seeds {
	size_t max_size;	   /* bytes of a run; at most SEEDS_MAX_SIZE */
	unsigned int seconds;	   /* not longer, once every kind was met */
	unsigned int enough;	   /* or, on a slow host, so many seeds were run */
	unsigned int nr_kinds;	   /* of runs */
	const unsigned int *nr_of; /* how many of each there were: counted by run() */
	const char *(*kind_name)(unsigned int kind);
	/* False: it failed, and the test with it; no more are run. */
	bool (*run)(uint64_t seed, uint8_t *data, size_t len);
};

/* Prints a line of what was run, and a check fails for each kind that was not; returns how many seeds. */
uint64_t seeds_run(const struct seeds *s);

/* Keeps a run that failed in a file of the current folder, NAME-SEED, and writes its path; false: it cannot be written. */
bool seeds_keep(const char *name, uint64_t seed, const uint8_t *data, size_t len, char path[64]);

#endif
