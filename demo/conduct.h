/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* One run of the demo: a server, four stages, and what became of them. */
#ifndef FREEHOLD_DEMO_CONDUCT_H
#define FREEHOLD_DEMO_CONDUCT_H

#include "demo.h"

struct run_wanted {
	struct wanted want;
	const char *freehold; /* the command */
	const char *policy;
	const char *ram, *area;
	const char *job; /* NULL: no tenants */
};

struct outcome {
	char policy[16];
	struct board *b;
	double lent; /* of the idle area, before the stages came */
	uint64_t wall_ns, area_bytes;
	bool leaked, server_bad, interrupted;
	char trouble[TEXT_MAX]; /* empty: none */
};

/*
 * False with o->trouble: it did not come to a run, or a signal ended it. *o is to be freed with outcome_free().
 * After conduct_catch_signals() SIGINT and its like end a run in order, so that nothing is left behind.
 */
void conduct_catch_signals(void);
bool conduct(const struct run_wanted *w, struct outcome *o);
void outcome_free(struct outcome *o);

/* ---- what is printed ---- */

struct spread {
	uint64_t n, p50, p90, p99, max;
};
struct spread spread_of(uint64_t *v, uint64_t n);
void report_run(const struct run_wanted *w, const struct outcome *o);
void report_compare(const struct outcome *o, unsigned int n);
/* Whether nothing was wrong, copied or left behind. */
bool outcome_good(const struct outcome *o);
/* PNG of what the display saw. 0 or -errno. */
int sheet_write(const struct board *b, const char *path);

#endif
