/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A simulated screen: what it shows to one who syncs, who forgets, who draws too early; and with a camera, each in its thread. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "dma/dma.h"
#include "simbench.h"
#include "t.h"

static struct simbench sim;

/* Draws frame i, syncs so many bytes, and says what was shown. */
static struct simdev_job shown(unsigned char *cpu, phys_t phys, uint32_t i, uint64_t synced)
{
	struct simdev_job job = {.in = sb_at(phys, SB_ROOM)}, old;
	struct simdev_stats stats;

	sim_frame_draw(&sb_small, i, cpu);
	if (synced)
		dma_cache_for_device(&sim.dev, phys, synced);
	T_EQ(simdev_queue(sim.sd, &job), 0);
	T_EQ(simdev_step(sim.sd), 1); /* it is shown, and the last one when another waited */
	while (simdev_done(sim.sd, &old))
		;
	simdev_stats(sim.sd, &stats);
	job.number = (uint32_t)stats.torn;
	job.bytes = stats.nothing;
	return job;
}

/* Two jobs of the same buffer, so that the first is shown and done. */
static struct simdev_job one_frame(phys_t phys)
{
	struct simdev_job job = {.in = sb_at(phys, SB_ROOM)}, next = job;

	T_EQ(simdev_queue(sim.sd, &job), 0);
	T_EQ(simdev_queue(sim.sd, &next), 0);
	T_EQ(simdev_step(sim.sd), 1);
	T_OK(simdev_done(sim.sd, &job), "the next one waits");
	T_EQ(simdev_step(sim.sd), 1);
	T_OK(!simdev_done(sim.sd, &next), "it stays on the screen");
	return job;
}

static void scanout_with_syncs(void)
{
	for (unsigned int c = 0; c < SB_NR_CACHES; c++) {
		struct simdev_job s = {0};
		struct simdev_stats stats;
		unsigned char *cpu;
		phys_t phys;

		T_NEED(sb_start(&sim, sb_caches[c].line, sb_caches[c].size, sb_caches[c].seed,
				SIMDEV_SCANOUT));
		cpu = devbench_buffer(&sim.b, SB_ORDER, &phys);
		T_NEED(cpu);
		for (uint32_t i = 0; i < 20; i++)
			s = shown(cpu, phys, i, SB_ROOM);
		T_EQ(s.number, 0);
		T_EQ(s.bytes, 0);
		simdev_stats(sim.sd, &stats);
		T_EQ(stats.frames, 20);
		T_EQ(stats.done, 19); /* the last one is on the screen */
		T_EQ(stats.read, 20 * 12000);
		devbench_free(&sim.b, SB_ORDER, phys);
		sb_end(&sim);
	}
}

static void scanout_without_syncs(void)
{
	struct simdev_job s;
	unsigned char *cpu;
	phys_t phys;

	T_NEED(sb_start(&sim, 64, 0, 0, SIMDEV_SCANOUT));
	cpu = devbench_buffer(&sim.b, SB_ORDER, &phys);
	T_NEED(cpu);
	s = shown(cpu, phys, 1, 0);
	T_EQ(s.bytes, 1); /* the first missing sync of a page's life: RAM as it was born */
	s = shown(cpu, phys, 2, SB_ROOM);
	T_EQ(s.bytes + s.number, 1);
	s = shown(cpu, phys, 3, 0); /* the old frame, whole: a late picture */
	T_EQ(s.number, 0);
	s = shown(cpu, phys, 4, sim_frame_size(&sb_small) / 2);
	T_EQ(s.number, 1);
	s = shown(cpu, phys, 5, SB_ROOM);
	T_EQ(s.number, 1);
	devbench_free(&sim.b, SB_ORDER, phys);
	sb_end(&sim);
}

/* Drawn while it is shown: the upper half of one frame, the lower of the next. */
static void scanout_while_it_is_drawn(void)
{
	struct simdev_job job;
	struct simdev_stats stats;
	unsigned char *cpu;
	phys_t phys;

	T_NEED(sb_start(&sim, 64, 0, 0, SIMDEV_SCANOUT));
	simdev_destroy(sim.sd);
	sim.sd = sb_make(&sim, SIMDEV_SCANOUT, &sim.dev, sb_small, 50);
	cpu = devbench_buffer(&sim.b, SB_ORDER, &phys);
	T_NEED(cpu);
	for (uint32_t i = 0; i < 3; i++) {
		sim_frame_draw(&sb_small, i, cpu);
		dma_cache_for_device(&sim.dev, phys, SB_ROOM);
		job = (struct simdev_job){.in = sb_at(phys, SB_ROOM)};
		if (!i)
			T_EQ(simdev_queue(sim.sd, &job), 0);
		T_EQ(simdev_step(sim.sd), 1);
		simdev_stats(sim.sd, &stats);
		T_EQ(stats.frames, i == 2 ? 1 : i);
		T_EQ(stats.torn, i ? 1 : 0);
	}
	devbench_free(&sim.b, SB_ORDER, phys);
	sb_end(&sim);
}

static void scanout_shows_what_it_saw(void)
{
	static const struct sim_format wide = {96, 64, 200};
	char path[] = "/tmp/freehold-test-XXXXXX", head[32] = "";
	uint32_t crc[64], again[64];
	static unsigned char picture[64 * 96];
	unsigned char *cpu;
	int fd = mkstemp(path);
	phys_t phys;
	FILE *f;

	T_NEED(fd >= 0 && sb_start(&sim, 64, 0, 0, SIMDEV_SCANOUT));
	close(fd);
	simdev_destroy(sim.sd);
	sim.sd = sb_make(&sim, SIMDEV_SCANOUT, &sim.dev, wide, 0);
	T_EQ(simdev_line_crcs(sim.sd, crc), -FH_ENOENT);
	T_EQ(simdev_picture(sim.sd, path), -FH_ENOENT);
	cpu = devbench_buffer(&sim.b, SB_ORDER, &phys);
	T_NEED(cpu);
	sim_frame_draw(&wide, 3, cpu);
	dma_cache_for_device(&sim.dev, phys, SB_ROOM);
	(void)one_frame(phys);
	T_EQ(simdev_line_crcs(sim.sd, crc), 0);
	cpu[200 * 10 + 50]++;
	dma_cache_for_device(&sim.dev, phys, SB_ROOM);
	T_EQ(simdev_step(sim.sd), 1); /* again, and one byte differs */
	T_EQ(simdev_line_crcs(sim.sd, again), 0);
	for (unsigned int y = 0; y < 64; y++)
		T_OK((crc[y] != again[y]) == (y == 10), "a line's own checksum");
	T_EQ(simdev_picture(sim.sd, path), 0);
	f = fopen(path, "re");
	T_NEED(f);
	T_OK(fread(head, 1, 13, f) == 13 && !strcmp(head, "P6\n32 64\n255\n"), head);
	T_EQ(fread(picture, 1, sizeof(picture), f), sizeof(picture));
	for (unsigned int y = 0; y < 64; y++)
		T_OK(!memcmp(picture + (size_t)y * 96, cpu + (size_t)y * 200, 96), "its pixels");
	fclose(f);
	unlink(path);
	T_EQ(simdev_picture(sim.sd, "/nonexistent/x"), -FH_EIO);
	devbench_free(&sim.b, SB_ORDER, phys);
	sb_end(&sim);
}

/* ---- threads ---- */

#define BUFFERS 3

/* A camera at a rate, three buffers, what it took is shown on a screen that runs on its own. */
static void camera_and_screen(void)
{
	struct simdev_job job;
	struct simdev_stats stats;
	unsigned char *cpu[BUFFERS];
	struct device screen_dev;
	struct simdev *screen;
	phys_t phys[BUFFERS];
	uint32_t last = 0, number;
	unsigned int frames = 0;

	T_NEED(sb_start(&sim, 64, 16384, 11, SIMDEV_CAPTURE));
	simdev_init(&screen_dev, sim.b.m, "screen");
	screen = sb_make(&sim, SIMDEV_SCANOUT, &screen_dev, sb_small, 25);
	for (unsigned int i = 0; i < BUFFERS; i++) {
		T_NEED((cpu[i] = devbench_buffer(&sim.b, SB_ORDER, &phys[i])));
		job = (struct simdev_job){.out = sb_at(phys[i], SB_ROOM), .cookie = i};
		dma_cache_for_device(&sim.dev, phys[i], SB_ROOM);
		T_EQ(simdev_queue(sim.sd, &job), 0);
	}
	T_OK(!simdev_wait(screen, &job), "no thread: nobody to wait for");
	T_EQ(simdev_start(screen, 500000), 0);
	T_EQ(simdev_start(sim.sd, 1000000), 0);
	T_EQ(simdev_start(sim.sd, 1), -FH_EBUSY);
	T_EQ(simdev_step(sim.sd), -FH_EBUSY);
	while (frames < 60 && simdev_wait(sim.sd, &job)) {
		uint64_t k = job.cookie;

		(void)dma_cache_for_cpu(&sim.dev, phys[k], SB_ROOM, DMA_FROM_DEVICE);
		T_EQ(job.error, 0);
		T_EQ(sim_frame_check(&sb_small, cpu[k], &number, NULL), SIM_WHOLE);
		T_OK(number == job.number && (!frames || number > last), "in order");
		last = number;
		frames++;
		/* To the screen; what it showed before goes back to the camera. */
		job = (struct simdev_job){.in = sb_at(phys[k], SB_ROOM), .cookie = k};
		dma_cache_for_device(&screen_dev, phys[k], SB_ROOM);
		T_EQ(simdev_queue(screen, &job), 0);
		if (frames > 1 && simdev_wait(screen, &job)) {
			T_EQ(job.verdict, SIM_WHOLE);
			dma_cache_for_device(&sim.dev, phys[job.cookie], SB_ROOM);
			job.out = sb_at(phys[job.cookie], SB_ROOM);
			T_EQ(simdev_queue(sim.sd, &job), 0);
		}
	}
	T_EQ(frames, 60);
	simdev_stop(sim.sd);
	simdev_stop(screen);
	simdev_stats(screen, &stats);
	T_OK(stats.torn == 0 && stats.nothing == 0 && stats.frames >= 59, "nothing torn");
	simdev_destroy(screen);
	for (unsigned int i = 0; i < BUFFERS; i++)
		devbench_free(&sim.b, SB_ORDER, phys[i]);
	sb_end(&sim);
}

const struct t_case t_cases[] = {T(scanout_with_syncs),	       T(scanout_without_syncs),
				 T(scanout_while_it_is_drawn), T(scanout_shows_what_it_saw),
				 T(camera_and_screen),	       T_END};
