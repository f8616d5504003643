/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* <freehold/simdev.h>: arguments, addresses, and capture: what a CPU that syncs sees of a frame, and what one that forgets. */
#include <string.h>
#include "dma/dma.h"
#include "simbench.h"
#include "t.h"

static struct simbench sim;

/* ---- capture ---- */

/* One frame: `before` and `after` bytes of the buffer are synced. What the CPU then sees; *number: which frame. */
static enum sim_verdict captured(unsigned char *cpu, phys_t phys, uint64_t before, uint64_t after,
				 uint32_t *number)
{
	struct simdev_job job = {.out = sb_at(phys, SB_ROOM)};

	if (before)
		dma_cache_for_device(&sim.dev, phys, before);
	job = sb_run(sim.sd, job);
	T_EQ(job.error, 0);
	*number = job.number;
	if (after)
		(void)dma_cache_for_cpu(&sim.dev, phys, after, DMA_FROM_DEVICE);
	return sim_frame_check(&sb_small, cpu, number, NULL);
}

static void capture_with_syncs(void)
{
	for (unsigned int c = 0; c < SB_NR_CACHES; c++) {
		unsigned char *cpu[2] = {NULL};
		uint32_t number;
		phys_t phys[2];

		T_NEED(sb_start(&sim, sb_caches[c].line, sb_caches[c].size, sb_caches[c].seed,
				SIMDEV_CAPTURE));
		cpu[0] = devbench_buffer(&sim.b, SB_ORDER, &phys[0]);
		cpu[1] = devbench_buffer(&sim.b, SB_ORDER, &phys[1]);
		T_NEED(cpu[0] && cpu[1]);
		for (unsigned int i = 0; i < 20; i++) {
			memset(cpu[i % 2], 0xa5, SB_ROOM); /* dirty */
			T_EQ(captured(cpu[i % 2], phys[i % 2], SB_ROOM, SB_ROOM, &number),
			     SIM_WHOLE);
			T_EQ(number, i);
		}
		devbench_free(&sim.b, SB_ORDER, phys[0]);
		devbench_free(&sim.b, SB_ORDER, phys[1]);
		sb_end(&sim);
	}
}

/* Nobody invalidates before the CPU looks: it sees what was there. */
static void capture_without_sync_for_cpu(void)
{
	unsigned char *cpu;
	uint32_t number, line;
	phys_t phys;

	T_NEED(sb_start(&sim, 64, 0, 0, SIMDEV_CAPTURE));
	cpu = devbench_buffer(&sim.b, SB_ORDER, &phys);
	T_NEED(cpu);
	memset(cpu, 0xa5, SB_ROOM);
	T_EQ(captured(cpu, phys, SB_ROOM, 0, &number), SIM_NO_FRAME);
	T_EQ(cpu[5000], 0xa5);
	T_EQ(captured(cpu, phys, SB_ROOM, SB_ROOM, &number), SIM_WHOLE);
	T_EQ(number, 1);
	T_EQ(captured(cpu, phys, SB_ROOM, 0, &number), SIM_WHOLE);
	T_EQ(number, 1); /* the last frame, not this one */
	/* Half of it: two frames in one. */
	T_EQ(captured(cpu, phys, SB_ROOM, SB_ROOM / 8, &number), SIM_TORN);
	T_EQ(number, 3);
	/* The wrong half, then the wrong direction. */
	T_EQ(captured(cpu, phys, SB_ROOM, SB_ROOM, &number), SIM_WHOLE);
	T_EQ(captured(cpu, phys, SB_ROOM, 0, &number), SIM_WHOLE);
	(void)dma_cache_for_cpu(&sim.dev, (phys_t){phys.v + 6400}, SB_ROOM - 6400, DMA_FROM_DEVICE);
	T_EQ(sim_frame_check(&sb_small, cpu, &number, &line), SIM_TORN);
	T_EQ(number, 4);
	T_EQ(line, 50);
	(void)dma_cache_for_cpu(&sim.dev, phys, SB_ROOM, DMA_TO_DEVICE);
	T_EQ(sim_frame_check(&sb_small, cpu, &number, NULL), SIM_TORN);
	(void)dma_cache_for_cpu(&sim.dev, phys, SB_ROOM, DMA_BIDIRECTIONAL);
	T_EQ(sim_frame_check(&sb_small, cpu, &number, NULL), SIM_WHOLE);
	T_EQ(number, 5);
	devbench_free(&sim.b, SB_ORDER, phys);
	sb_end(&sim);
}

/* Nobody cleans before the device writes: dirty lines go over the frame as they leave; or are lost with the next invalidate. */
static void capture_without_sync_for_device(void)
{
	struct hosted_cache_stats stats;
	unsigned char *cpu;
	uint32_t number;
	phys_t phys;

	T_NEED(sb_start(&sim, 64, 4096, 0, SIMDEV_CAPTURE));
	cpu = devbench_buffer(&sim.b, SB_ORDER, &phys);
	T_NEED(cpu);
	T_EQ(captured(cpu, phys, SB_ROOM, SB_ROOM, &number), SIM_WHOLE);
	memset(cpu + 2000, 0xa5, 100);
	T_EQ(captured(cpu, phys, 0, SB_ROOM, &number), SIM_TORN);
	T_OK(cpu[2000] == 0xa5 || cpu[2050] == 0xa5, "by what the CPU wrote before");
	hosted_cache_stats(sim.b.h, &stats);
	T_OK(stats.overwritten > 0, "a dirty line went over the device's bytes");
	devbench_free(&sim.b, SB_ORDER, phys);
	sb_end(&sim);

	T_NEED(sb_start(&sim, 64, 0, 0, SIMDEV_CAPTURE));
	cpu = devbench_buffer(&sim.b, SB_ORDER, &phys);
	T_NEED(cpu);
	memset(cpu, 0, SB_ROOM);
	dma_cache_for_device(&sim.dev, phys, SB_ROOM);
	memset(cpu + SB_ROOM - 300, 0xa5, 100); /* not the frame's; and not handed over */
	T_EQ(dma_cache_for_cpu(&sim.dev, phys, SB_ROOM, DMA_FROM_DEVICE), 100);
	T_EQ(cpu[SB_ROOM - 300], 0);
	devbench_free(&sim.b, SB_ORDER, phys);
	sb_end(&sim);
}

/* A counter that the CPU writes lies in the frame's last line, or in the next. */
static bool torn_by_neighbour(uint64_t gap)
{
	uint64_t size = sim_frame_size(&sb_small);
	bool torn = false;
	unsigned char *cpu;
	uint32_t number;
	phys_t phys;

	if (!sb_start(&sim, 64, 0, 0, SIMDEV_CAPTURE))
		return false;
	cpu = devbench_buffer(&sim.b, SB_ORDER, &phys);
	for (unsigned int i = 0; cpu && i < 4; i++) {
		struct simdev_job job = {.out = sb_at(phys, size)};

		dma_cache_for_device(&sim.dev, phys, size);
		job = sb_run(sim.sd, job);
		cpu[size + gap]++;
		(void)dma_cache_for_cpu(&sim.dev, phys, size, DMA_FROM_DEVICE);
		torn |= sim_frame_check(&sb_small, cpu, &number, NULL) != SIM_WHOLE;
		T_EQ(cpu[size + gap], i + 1); /* the neighbour's own byte is never lost */
	}
	devbench_free(&sim.b, SB_ORDER, phys);
	sb_end(&sim);
	return torn;
}

static void capture_beside_a_neighbour(void)
{
	uint64_t rest = 64 - sim_frame_size(&sb_small) % 64;

	T_OK(rest < 64 && torn_by_neighbour(0), "in the same line");
	T_OK(torn_by_neighbour(rest - 1), "at its end");
	T_OK(!torn_by_neighbour(rest), "in the next line");
}

static void capture_half_a_frame(void)
{
	struct simdev_job job;
	uint32_t number, line;
	unsigned char *cpu;
	phys_t phys;

	T_NEED(sb_start(&sim, 64, 0, 0, SIMDEV_CAPTURE));
	simdev_destroy(sim.sd);
	sim.sd = sb_make(&sim, SIMDEV_CAPTURE, &sim.dev, sb_small, 30);
	cpu = devbench_buffer(&sim.b, SB_ORDER, &phys);
	T_NEED(cpu);
	job = (struct simdev_job){.out = sb_at(phys, SB_ROOM)};
	T_EQ(simdev_queue(sim.sd, &job), 0);
	for (unsigned int i = 1; i <= 4; i++) {
		T_EQ(simdev_step(sim.sd), 1);
		T_EQ(simdev_done(sim.sd, &job), i == 4);
		(void)dma_cache_for_cpu(&sim.dev, phys, SB_ROOM, DMA_FROM_DEVICE);
		T_EQ(sim_frame_check(&sb_small, cpu, &number, &line), i < 4 ? SIM_TORN : SIM_WHOLE);
		T_EQ(line, i < 4 ? 30 * i : 0);
	}
	devbench_free(&sim.b, SB_ORDER, phys);
	sb_end(&sim);
}

static void capture_without_buffers(void)
{
	struct simdev_stats stats;
	struct simdev_job job;
	phys_t phys;

	T_NEED(sb_start(&sim, 64, 0, 0, SIMDEV_CAPTURE));
	T_NEED(devbench_buffer(&sim.b, SB_ORDER, &phys));
	T_EQ(simdev_step(sim.sd), 0);
	T_EQ(simdev_step(sim.sd), 0);
	job = sb_run(sim.sd, (struct simdev_job){.out = sb_at(phys, SB_ROOM), .cookie = 5});
	T_EQ(job.number, 2);
	T_EQ(job.cookie, 5);
	T_EQ(job.bytes, 12000);
	job = sb_run(sim.sd,
		     (struct simdev_job){.out = sb_at(phys, sim_frame_size(&sb_small) - 1)});
	T_EQ(job.error, -FH_EINVAL);
	simdev_stats(sim.sd, &stats);
	T_EQ(stats.dropped, 2);
	T_EQ(stats.written, 12000);
	T_EQ(stats.done, 2);
	devbench_free(&sim.b, SB_ORDER, phys);
	sb_end(&sim);
}

/* ---- memory that both see ---- */

/* No sync at all: the device snoops, or the buffer is past the caches. */
static void frames_without_syncs(bool snoops)
{
	const struct plat *p;
	struct range run_of;
	unsigned char *cpu;
	phys_t phys;

	T_NEED(sb_start(&sim, 64, 4096, 3, SIMDEV_CAPTURE));
	p = hosted_plat(sim.b.h);
	sim.dev.dma_coherent = snoops;
	cpu = devbench_buffer(&sim.b, SB_ORDER, &phys);
	T_NEED(cpu);
	memset(cpu, 0xa5, SB_ROOM);
	run_of = (struct range){fh_phys_to_pfn(phys), fh_phys_to_pfn(phys) + (1 << SB_ORDER)};
	if (!snoops)
		cpu = p->vmap(p->ctx, &run_of, 1, PLAT_VMAP_UNCACHED);
	T_NEED(cpu);
	for (uint32_t i = 0, number; i < 10; i++) {
		struct simdev_job job =
			sb_run(sim.sd, (struct simdev_job){.out = sb_at(phys, SB_ROOM)});

		T_EQ(job.error, 0);
		T_EQ(sim_frame_check(&sb_small, cpu, &number, NULL), SIM_WHOLE);
		T_EQ(number, i);
		memset(cpu, (int)i, SB_ROOM);
	}
	if (!snoops)
		p->vunmap(p->ctx, cpu, 1 << SB_ORDER);
	devbench_free(&sim.b, SB_ORDER, phys);
	sb_end(&sim);
}

static void a_device_that_snoops(void)
{
	frames_without_syncs(true);
}

static void a_buffer_past_the_caches(void)
{
	frames_without_syncs(false);
}

/* ---- addresses ---- */

static void addresses_out_of_reach(void)
{
	struct simdev_stats stats;
	struct simdev_job job;
	uint32_t number;
	unsigned char *cpu;
	phys_t phys;

	T_NEED(sb_start(&sim, 64, 0, 0, SIMDEV_CAPTURE));
	T_EQ(sim.dev.dma_mask, UINT32_MAX);
	T_NEED((cpu = devbench_buffer(&sim.b, SB_ORDER, &phys)));
	job = sb_run(sim.sd,
		     (struct simdev_job){.out = {.dma = {UINT64_C(1) << 32}, .size = SB_ROOM}});
	T_EQ(job.error, -FH_EFAULT);
	job = sb_run(sim.sd,
		     (struct simdev_job){.out = {.dma = {UINT32_MAX - 500}, .size = SB_ROOM}});
	T_EQ(job.error, -FH_EFAULT);
	T_EQ(job.bytes, 0);
	/* Two banks, each half of the buffer, the other way round on the bus. */
	sim.dev.nr_ranges = 2;
	sim.dev.range[0] = (struct bus_dma_region){
		.cpu = phys, .dma = {0x10000000 + SB_ROOM / 2}, .size = SB_ROOM / 2};
	sim.dev.range[1] = (struct bus_dma_region){
		.cpu = {phys.v + SB_ROOM / 2}, .dma = {0x10000000}, .size = SB_ROOM / 2};
	T_EQ(sb_run(sim.sd, (struct simdev_job){.out = sb_at(phys, SB_ROOM)}).error, -FH_EFAULT);
	job = sb_run(sim.sd, (struct simdev_job){.out = {.dma = {0x10000000 + SB_ROOM / 2},
							 .size = SB_ROOM / 2}});
	T_EQ(job.error, 0);
	(void)dma_cache_for_cpu(&sim.dev, phys, SB_ROOM, DMA_FROM_DEVICE);
	T_EQ(sim_frame_check(&sb_small, cpu, &number, NULL), SIM_WHOLE);
	job = sb_run(sim.sd, (struct simdev_job){.out = {.dma = {0x10000000 + SB_ROOM / 2 - 1280},
							 .size = SB_ROOM / 2}});
	T_EQ(job.error, 0); /* from one bank into the other */
	simdev_stats(sim.sd, &stats);
	T_EQ(stats.faults, 3);
	devbench_free(&sim.b, SB_ORDER, phys);
	sb_end(&sim);
}

static void bad_arguments(void)
{
	static const struct {
		enum simdev_kind kind;
		struct sim_format f;
		bool plain;
	} bad[] = {
		{SIMDEV_CAPTURE, {23, 1, 30}, false},
		{SIMDEV_CAPTURE, {23, 1, 30}, true},
		{SIMDEV_SCANOUT, {23, 1, 30}, false},
		{SIMDEV_SCANOUT, {0, 1, 30}, true},
		{SIMDEV_CODEC, {30, 0, 30}, false},
		{SIMDEV_CODEC, {30, 1, 29}, false},
		{SIMDEV_NR_KINDS, {30, 1, 30}, false},
		{SIMDEV_SCANOUT, {1 << 20, 1025, 1 << 20}, false},
	};
	struct simdev_opts o = {.kind = SIMDEV_COPIER};
	struct simdev_job job = {0};
	struct device nowhere = {0};
	struct simdev *other;
	phys_t phys;

	T_NEED(sb_start(&sim, 64, 0, 0, SIMDEV_CAPTURE) &&
	       devbench_buffer(&sim.b, SB_ORDER, &phys));
	T_EQ(simdev_create(NULL, &other), -FH_EINVAL);
	T_EQ(simdev_create(&o, &other), -FH_EINVAL);
	o.hosted = sim.b.h;
	o.dev = &nowhere;
	T_EQ(simdev_create(&o, &other), -FH_EINVAL);
	o.dev = &sim.dev;
	T_EQ(simdev_create(&o, NULL), -FH_EINVAL);
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		o.kind = bad[i].kind;
		o.format = bad[i].f;
		o.plain = bad[i].plain;
		T_EQ(simdev_create(&o, &other), -FH_EINVAL);
	}
	T_EQ(simdev_queue(sim.sd, &job), -FH_EINVAL); /* no `out` */
	job.out = sb_at(phys, SB_ROOM);
	for (unsigned int i = 0; i < SIMDEV_QUEUE; i++)
		T_EQ(simdev_queue(sim.sd, &job), 0);
	T_EQ(simdev_queue(sim.sd, &job), -FH_ENOSPC);
	T_EQ(simdev_step(sim.sd), 1);
	T_EQ(simdev_queue(sim.sd, &job), -FH_ENOSPC); /* not fetched */
	T_OK(simdev_done(sim.sd, &job), "done");
	T_EQ(simdev_queue(sim.sd, &job), 0);
	simdev_stop(sim.sd); /* it does not run */
	T_EQ(simdev_line_crcs(sim.sd, &(uint32_t){0}), -FH_ENOENT);
	T_EQ(simdev_picture(sim.sd, "/nonexistent/x"), -FH_ENOENT);
	devbench_free(&sim.b, SB_ORDER, phys);
	sb_end(&sim);
}

const struct t_case t_cases[] = {T(capture_with_syncs),
				 T(capture_without_sync_for_cpu),
				 T(capture_without_sync_for_device),
				 T(capture_beside_a_neighbour),
				 T(capture_half_a_frame),
				 T(capture_without_buffers),
				 T(a_device_that_snoops),
				 T(a_buffer_past_the_caches),
				 T(addresses_out_of_reach),
				 T(bad_arguments),
				 T_END};
