/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What `freehold run` ends on, as text or JSON. */
#ifndef FREEHOLD_TOOLS_REPORT_H
#define FREEHOLD_TOOLS_REPORT_H

#include <stdio.h>
#include "run.h"

struct report {
	const struct job *job; /* as it was run: options applied */
	const struct boot_config *cfg;
	const struct run_result *run;
	unsigned int nr_runs; /* fewer than the job's policies after an interruption */
	bool verbose;	      /* text: every actor, and the machine's files */
	bool histogram;	      /* text: of each actor */
};

void report_text(const struct report *r, FILE *out);
/* False: out of memory, or `out` cannot be written. */
bool report_json(const struct report *r, FILE *out);

uint64_t report_ram_bytes(const struct boot_config *cfg);
/* How much longer the run took than that of another policy: the median of the ratios of rounds, which follow
 * each other. 0: that policy was not run, or this is it. */
double report_runtime(const struct report *r, const struct run_result *run, enum cma_policy base);
uint64_t report_round_median(const struct run_result *run);
/* Every actor's latencies, of devices by size of buffer. */
void report_hist(const struct report *r, FILE *out);
/* Tables of what was measured beside the comparison, and goals. */
void report_protocol(const struct report *r, FILE *out);

#endif
