/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The tenants of a job in somebody else's machine: threads that fill and use its memory beside what he does with it.
 *
 *	beside_load("x.job", &job, &why)        the job without its devices
 *	cfg.nr_cpus = beside_cpus(job)          ... before the machine is made; the caller is CPU 0
 *	beside_start(job, &cfg, host, m, &why)  when it returns they have filled their memory, and work
 *	beside_end(b, &wrong)                   all is given back
 */
#ifndef FREEHOLD_TOOLS_BESIDE_H
#define FREEHOLD_TOOLS_BESIDE_H

#include <freehold/hosted.h>
#include "job.h"

struct beside;

/* False with *why. What a job says of runs (policies, duration, repeat, faults, checks, goals) is for others. */
bool beside_load(const char *path, struct job *job, struct why *why);
unsigned int beside_cpus(const struct job *job);
/* NULL with *why. Threads of it take neither SIGTERM nor SIGINT. */
struct beside *beside_start(const struct job *job, const struct boot_config *cfg,
			    struct hosted *host, struct fh_machine *m, struct why *why);
/* Bytes that tenants found other than they had written them. */
uint64_t beside_end(struct beside *b);

#endif
