/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* One simulated device on a hosted machine with caches, and its jobs, one after the other. */
#include "../t.h"
#include "simbench.h"

const struct sim_format sb_small = {120, 100, 128};

const struct sb_cache sb_caches[SB_NR_CACHES] = {{16, 0, 0},  {64, 0, 0},    {64, 0, 7},
						 {256, 0, 7}, {64, 4096, 0}, {64, 65536, 3}};

struct simdev *sb_make(struct simbench *sim, enum simdev_kind kind, struct device *d,
		       struct sim_format f, uint32_t lines)
{
	struct simdev_opts o = {
		.kind = kind, .hosted = sim->b.h, .dev = d, .format = f, .lines = lines};
	struct simdev *s = NULL;

	T_EQ(simdev_create(&o, &s), 0);
	return s;
}

bool sb_start(struct simbench *sim, unsigned int line, uint64_t size, uint64_t seed,
	      enum simdev_kind kind)
{
	if (!devbench_start(&sim->b, line, size, seed))
		return false;
	simdev_init(&sim->dev, sim->b.m, "sim");
	sim->sd = sb_make(sim, kind, &sim->dev, sb_small, 0);
	return sim->sd;
}

void sb_end(struct simbench *sim)
{
	simdev_destroy(sim->sd);
	devbench_end(&sim->b);
}

struct sim_mem sb_at(phys_t phys, uint64_t size)
{
	return (struct sim_mem){.dma = {phys.v}, .size = size};
}

struct simdev_job sb_run(struct simdev *s, struct simdev_job job)
{
	T_EQ(simdev_queue(s, &job), 0);
	T_EQ(simdev_step(s), 1);
	T_OK(simdev_done(s, &job), "it is done");
	return job;
}
