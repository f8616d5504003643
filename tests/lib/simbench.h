/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* One simulated device on a hosted machine with caches, and its jobs, one after the other. */
#ifndef FH_TESTS_SIMBENCH_H
#define FH_TESTS_SIMBENCH_H

#include "devbench.h"

/* A buffer: sb_small and more. */
#define SB_ORDER 4
#define SB_ROOM	 ((uint64_t)FH_PAGE_SIZE << SB_ORDER)

struct simbench {
	struct devbench b;
	struct device dev; /* "sim" */
	struct simdev *sd;
};

/* Small frames: 120 bytes a line, 100 lines, 128 bytes from one to the next. */
extern const struct sim_format sb_small;

/* Caches for sb_start(): of any size, that throw out lines by chance, or both. */
#define SB_NR_CACHES 6
struct sb_cache {
	unsigned int line;
	uint64_t size, seed;
};
extern const struct sb_cache sb_caches[SB_NR_CACHES];

/* Of `sim`'s machine, for device d; lines: of struct simdev_opts. NULL, and a failed check: it cannot be made. */
struct simdev *sb_make(struct simbench *sim, enum simdev_kind kind, struct device *d,
		       struct sim_format f, uint32_t lines);
/* devbench_start(), and a device of such a kind for sb_small. False, and a failed check: it cannot be made. */
bool sb_start(struct simbench *sim, unsigned int line, uint64_t size, uint64_t seed,
	      enum simdev_kind kind);
void sb_end(struct simbench *sim);

/* Memory for a job that the device sees where the CPU does. */
struct sim_mem sb_at(phys_t phys, uint64_t size);
/* One job from its queueing to its end. */
struct simdev_job sb_run(struct simdev *s, struct simdev_job job);

#endif
