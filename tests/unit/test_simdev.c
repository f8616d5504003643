/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* <freehold/simdev.h>: devices that move real bytes; what a driver who syncs sees, and what one who forgets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "devbench.h"
#include "dma/dma.h"
#include "t.h"

#define ORDER 4
#define ROOM  ((uint64_t)FH_PAGE_SIZE << ORDER)

static struct devbench b;
static struct device dev;
static struct simdev *sd;
static const struct sim_format small = {120, 100, 128};

static const struct {
	unsigned int line;
	uint64_t size, seed;
} caches[] = {{16, 0, 0}, {64, 0, 0}, {64, 0, 7}, {256, 0, 7}, {64, 4096, 0}, {64, 65536, 3}};
#define NR_CACHES (sizeof(caches) / sizeof(caches[0]))

static struct simdev *make(enum simdev_kind kind, struct device *d, struct sim_format f,
			   uint32_t lines)
{
	struct simdev_opts o = {.kind = kind, .hosted = b.h, .dev = d, .format = f, .lines = lines};
	struct simdev *s = NULL;

	T_EQ(simdev_create(&o, &s), 0);
	return s;
}

static bool start(unsigned int line, uint64_t size, uint64_t seed, enum simdev_kind kind)
{
	if (!devbench_start(&b, line, size, seed))
		return false;
	simdev_init(&dev, b.m, "sim");
	sd = make(kind, &dev, small, 0);
	return sd;
}

static void end(void)
{
	simdev_destroy(sd);
	devbench_end(&b);
}

static struct sim_mem at(phys_t phys, uint64_t size)
{
	return (struct sim_mem){.dma = {phys.v}, .size = size};
}

/* One job from its queueing to its end. */
static struct simdev_job run(struct simdev *s, struct simdev_job job)
{
	T_EQ(simdev_queue(s, &job), 0);
	T_EQ(simdev_step(s), 1);
	T_OK(simdev_done(s, &job), "it is done");
	return job;
}

/* ---- capture ---- */

/* One frame: `before` and `after` bytes of the buffer are synced. What the CPU then sees; *number: which frame. */
static enum sim_verdict captured(unsigned char *cpu, phys_t phys, uint64_t before, uint64_t after,
				 uint32_t *number)
{
	struct simdev_job job = {.out = at(phys, ROOM)};

	if (before)
		dma_cache_for_device(&dev, phys, before);
	job = run(sd, job);
	T_EQ(job.error, 0);
	*number = job.number;
	if (after)
		(void)dma_cache_for_cpu(&dev, phys, after, DMA_FROM_DEVICE);
	return sim_frame_check(&small, cpu, number, NULL);
}

static void capture_with_syncs(void)
{
	for (unsigned int c = 0; c < NR_CACHES; c++) {
		unsigned char *cpu[2] = {NULL};
		uint32_t number;
		phys_t phys[2];

		T_NEED(start(caches[c].line, caches[c].size, caches[c].seed, SIMDEV_CAPTURE));
		cpu[0] = devbench_buffer(&b, ORDER, &phys[0]);
		cpu[1] = devbench_buffer(&b, ORDER, &phys[1]);
		T_NEED(cpu[0] && cpu[1]);
		for (unsigned int i = 0; i < 20; i++) {
			memset(cpu[i % 2], 0xa5, ROOM); /* dirty */
			T_EQ(captured(cpu[i % 2], phys[i % 2], ROOM, ROOM, &number), SIM_WHOLE);
			T_EQ(number, i);
		}
		devbench_free(&b, ORDER, phys[0]);
		devbench_free(&b, ORDER, phys[1]);
		end();
	}
}

/* Nobody invalidates before the CPU looks: it sees what was there. */
static void capture_without_sync_for_cpu(void)
{
	unsigned char *cpu;
	uint32_t number, line;
	phys_t phys;

	T_NEED(start(64, 0, 0, SIMDEV_CAPTURE));
	cpu = devbench_buffer(&b, ORDER, &phys);
	T_NEED(cpu);
	memset(cpu, 0xa5, ROOM);
	T_EQ(captured(cpu, phys, ROOM, 0, &number), SIM_NO_FRAME);
	T_EQ(cpu[5000], 0xa5);
	T_EQ(captured(cpu, phys, ROOM, ROOM, &number), SIM_WHOLE);
	T_EQ(number, 1);
	T_EQ(captured(cpu, phys, ROOM, 0, &number), SIM_WHOLE);
	T_EQ(number, 1); /* the last frame, not this one */
	/* Half of it: two frames in one. */
	T_EQ(captured(cpu, phys, ROOM, ROOM / 8, &number), SIM_TORN);
	T_EQ(number, 3);
	/* The wrong half, then the wrong direction. */
	T_EQ(captured(cpu, phys, ROOM, ROOM, &number), SIM_WHOLE);
	T_EQ(captured(cpu, phys, ROOM, 0, &number), SIM_WHOLE);
	(void)dma_cache_for_cpu(&dev, (phys_t){phys.v + 6400}, ROOM - 6400, DMA_FROM_DEVICE);
	T_EQ(sim_frame_check(&small, cpu, &number, &line), SIM_TORN);
	T_EQ(number, 4);
	T_EQ(line, 50);
	(void)dma_cache_for_cpu(&dev, phys, ROOM, DMA_TO_DEVICE);
	T_EQ(sim_frame_check(&small, cpu, &number, NULL), SIM_TORN);
	(void)dma_cache_for_cpu(&dev, phys, ROOM, DMA_BIDIRECTIONAL);
	T_EQ(sim_frame_check(&small, cpu, &number, NULL), SIM_WHOLE);
	T_EQ(number, 5);
	devbench_free(&b, ORDER, phys);
	end();
}

/* Nobody cleans before the device writes: dirty lines go over the frame as they leave; or are lost with the next invalidate. */
static void capture_without_sync_for_device(void)
{
	struct hosted_cache_stats stats;
	unsigned char *cpu;
	uint32_t number;
	phys_t phys;

	T_NEED(start(64, 4096, 0, SIMDEV_CAPTURE));
	cpu = devbench_buffer(&b, ORDER, &phys);
	T_NEED(cpu);
	T_EQ(captured(cpu, phys, ROOM, ROOM, &number), SIM_WHOLE);
	memset(cpu + 2000, 0xa5, 100);
	T_EQ(captured(cpu, phys, 0, ROOM, &number), SIM_TORN);
	T_OK(cpu[2000] == 0xa5 || cpu[2050] == 0xa5, "by what the CPU wrote before");
	hosted_cache_stats(b.h, &stats);
	T_OK(stats.overwritten > 0, "a dirty line went over the device's bytes");
	devbench_free(&b, ORDER, phys);
	end();

	T_NEED(start(64, 0, 0, SIMDEV_CAPTURE));
	cpu = devbench_buffer(&b, ORDER, &phys);
	T_NEED(cpu);
	memset(cpu, 0, ROOM);
	dma_cache_for_device(&dev, phys, ROOM);
	memset(cpu + ROOM - 300, 0xa5, 100); /* not the frame's; and not handed over */
	T_EQ(dma_cache_for_cpu(&dev, phys, ROOM, DMA_FROM_DEVICE), 100);
	T_EQ(cpu[ROOM - 300], 0);
	devbench_free(&b, ORDER, phys);
	end();
}

/* A counter that the CPU writes lies in the frame's last line, or in the next. */
static bool torn_by_neighbour(uint64_t gap)
{
	uint64_t size = sim_frame_size(&small);
	bool torn = false;
	unsigned char *cpu;
	uint32_t number;
	phys_t phys;

	if (!start(64, 0, 0, SIMDEV_CAPTURE))
		return false;
	cpu = devbench_buffer(&b, ORDER, &phys);
	for (unsigned int i = 0; cpu && i < 4; i++) {
		struct simdev_job job = {.out = at(phys, size)};

		dma_cache_for_device(&dev, phys, size);
		job = run(sd, job);
		cpu[size + gap]++;
		(void)dma_cache_for_cpu(&dev, phys, size, DMA_FROM_DEVICE);
		torn |= sim_frame_check(&small, cpu, &number, NULL) != SIM_WHOLE;
		T_EQ(cpu[size + gap], i + 1); /* the neighbour's own byte is never lost */
	}
	devbench_free(&b, ORDER, phys);
	end();
	return torn;
}

static void capture_beside_a_neighbour(void)
{
	uint64_t rest = 64 - sim_frame_size(&small) % 64;

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

	T_NEED(start(64, 0, 0, SIMDEV_CAPTURE));
	simdev_destroy(sd);
	sd = make(SIMDEV_CAPTURE, &dev, small, 30);
	cpu = devbench_buffer(&b, ORDER, &phys);
	T_NEED(cpu);
	job = (struct simdev_job){.out = at(phys, ROOM)};
	T_EQ(simdev_queue(sd, &job), 0);
	for (unsigned int i = 1; i <= 4; i++) {
		T_EQ(simdev_step(sd), 1);
		T_EQ(simdev_done(sd, &job), i == 4);
		(void)dma_cache_for_cpu(&dev, phys, ROOM, DMA_FROM_DEVICE);
		T_EQ(sim_frame_check(&small, cpu, &number, &line), i < 4 ? SIM_TORN : SIM_WHOLE);
		T_EQ(line, i < 4 ? 30 * i : 0);
	}
	devbench_free(&b, ORDER, phys);
	end();
}

static void capture_without_buffers(void)
{
	struct simdev_stats stats;
	struct simdev_job job;
	phys_t phys;

	T_NEED(start(64, 0, 0, SIMDEV_CAPTURE));
	T_NEED(devbench_buffer(&b, ORDER, &phys));
	T_EQ(simdev_step(sd), 0);
	T_EQ(simdev_step(sd), 0);
	job = run(sd, (struct simdev_job){.out = at(phys, ROOM), .cookie = 5});
	T_EQ(job.number, 2);
	T_EQ(job.cookie, 5);
	T_EQ(job.bytes, 12000);
	job = run(sd, (struct simdev_job){.out = at(phys, sim_frame_size(&small) - 1)});
	T_EQ(job.error, -FH_EINVAL);
	simdev_stats(sd, &stats);
	T_EQ(stats.dropped, 2);
	T_EQ(stats.written, 12000);
	T_EQ(stats.done, 2);
	devbench_free(&b, ORDER, phys);
	end();
}

/* ---- memory that both see ---- */

/* No sync at all: the device snoops, or the buffer is past the caches. */
static void frames_without_syncs(bool snoops)
{
	const struct plat *p;
	struct range run_of;
	unsigned char *cpu;
	phys_t phys;

	T_NEED(start(64, 4096, 3, SIMDEV_CAPTURE));
	p = hosted_plat(b.h);
	dev.dma_coherent = snoops;
	cpu = devbench_buffer(&b, ORDER, &phys);
	T_NEED(cpu);
	memset(cpu, 0xa5, ROOM);
	run_of = (struct range){fh_phys_to_pfn(phys), fh_phys_to_pfn(phys) + (1 << ORDER)};
	if (!snoops)
		cpu = p->vmap(p->ctx, &run_of, 1, PLAT_VMAP_UNCACHED);
	T_NEED(cpu);
	for (uint32_t i = 0, number; i < 10; i++) {
		struct simdev_job job = run(sd, (struct simdev_job){.out = at(phys, ROOM)});

		T_EQ(job.error, 0);
		T_EQ(sim_frame_check(&small, cpu, &number, NULL), SIM_WHOLE);
		T_EQ(number, i);
		memset(cpu, (int)i, ROOM);
	}
	if (!snoops)
		p->vunmap(p->ctx, cpu, 1 << ORDER);
	devbench_free(&b, ORDER, phys);
	end();
}

static void a_device_that_snoops(void)
{
	frames_without_syncs(true);
}

static void a_buffer_past_the_caches(void)
{
	frames_without_syncs(false);
}

/* ---- scan-out ---- */

/* Draws frame i, syncs so many bytes, and says what was shown. */
static struct simdev_job shown(unsigned char *cpu, phys_t phys, uint32_t i, uint64_t synced)
{
	struct simdev_job job = {.in = at(phys, ROOM)}, old;
	struct simdev_stats stats;

	sim_frame_draw(&small, i, cpu);
	if (synced)
		dma_cache_for_device(&dev, phys, synced);
	T_EQ(simdev_queue(sd, &job), 0);
	T_EQ(simdev_step(sd), 1); /* it is shown, and the last one when another waited */
	while (simdev_done(sd, &old))
		;
	simdev_stats(sd, &stats);
	job.number = (uint32_t)stats.torn;
	job.bytes = stats.nothing;
	return job;
}

/* Two jobs of the same buffer, so that the first is shown and done. */
static struct simdev_job one_frame(phys_t phys)
{
	struct simdev_job job = {.in = at(phys, ROOM)}, next = job;

	T_EQ(simdev_queue(sd, &job), 0);
	T_EQ(simdev_queue(sd, &next), 0);
	T_EQ(simdev_step(sd), 1);
	T_OK(simdev_done(sd, &job), "the next one waits");
	T_EQ(simdev_step(sd), 1);
	T_OK(!simdev_done(sd, &next), "it stays on the screen");
	return job;
}

static void scanout_with_syncs(void)
{
	for (unsigned int c = 0; c < NR_CACHES; c++) {
		struct simdev_job s = {0};
		struct simdev_stats stats;
		unsigned char *cpu;
		phys_t phys;

		T_NEED(start(caches[c].line, caches[c].size, caches[c].seed, SIMDEV_SCANOUT));
		cpu = devbench_buffer(&b, ORDER, &phys);
		T_NEED(cpu);
		for (uint32_t i = 0; i < 20; i++)
			s = shown(cpu, phys, i, ROOM);
		T_EQ(s.number, 0);
		T_EQ(s.bytes, 0);
		simdev_stats(sd, &stats);
		T_EQ(stats.frames, 20);
		T_EQ(stats.done, 19); /* the last one is on the screen */
		T_EQ(stats.read, 20 * 12000);
		devbench_free(&b, ORDER, phys);
		end();
	}
}

static void scanout_without_syncs(void)
{
	struct simdev_job s;
	unsigned char *cpu;
	phys_t phys;

	T_NEED(start(64, 0, 0, SIMDEV_SCANOUT));
	cpu = devbench_buffer(&b, ORDER, &phys);
	T_NEED(cpu);
	s = shown(cpu, phys, 1, 0);
	T_EQ(s.bytes, 1); /* the first missing sync of a page's life: RAM as it was born */
	s = shown(cpu, phys, 2, ROOM);
	T_EQ(s.bytes + s.number, 1);
	s = shown(cpu, phys, 3, 0); /* the old frame, whole: a late picture */
	T_EQ(s.number, 0);
	s = shown(cpu, phys, 4, sim_frame_size(&small) / 2);
	T_EQ(s.number, 1);
	s = shown(cpu, phys, 5, ROOM);
	T_EQ(s.number, 1);
	devbench_free(&b, ORDER, phys);
	end();
}

/* Drawn while it is shown: the upper half of one frame, the lower of the next. */
static void scanout_while_it_is_drawn(void)
{
	struct simdev_job job;
	struct simdev_stats stats;
	unsigned char *cpu;
	phys_t phys;

	T_NEED(start(64, 0, 0, SIMDEV_SCANOUT));
	simdev_destroy(sd);
	sd = make(SIMDEV_SCANOUT, &dev, small, 50);
	cpu = devbench_buffer(&b, ORDER, &phys);
	T_NEED(cpu);
	for (uint32_t i = 0; i < 3; i++) {
		sim_frame_draw(&small, i, cpu);
		dma_cache_for_device(&dev, phys, ROOM);
		job = (struct simdev_job){.in = at(phys, ROOM)};
		if (!i)
			T_EQ(simdev_queue(sd, &job), 0);
		T_EQ(simdev_step(sd), 1);
		simdev_stats(sd, &stats);
		T_EQ(stats.frames, i == 2 ? 1 : i);
		T_EQ(stats.torn, i ? 1 : 0);
	}
	devbench_free(&b, ORDER, phys);
	end();
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

	T_NEED(fd >= 0 && start(64, 0, 0, SIMDEV_SCANOUT));
	close(fd);
	simdev_destroy(sd);
	sd = make(SIMDEV_SCANOUT, &dev, wide, 0);
	T_EQ(simdev_line_crcs(sd, crc), -FH_ENOENT);
	T_EQ(simdev_picture(sd, path), -FH_ENOENT);
	cpu = devbench_buffer(&b, ORDER, &phys);
	T_NEED(cpu);
	sim_frame_draw(&wide, 3, cpu);
	dma_cache_for_device(&dev, phys, ROOM);
	(void)one_frame(phys);
	T_EQ(simdev_line_crcs(sd, crc), 0);
	cpu[200 * 10 + 50]++;
	dma_cache_for_device(&dev, phys, ROOM);
	T_EQ(simdev_step(sd), 1); /* again, and one byte differs */
	T_EQ(simdev_line_crcs(sd, again), 0);
	for (unsigned int y = 0; y < 64; y++)
		T_OK((crc[y] != again[y]) == (y == 10), "a line's own checksum");
	T_EQ(simdev_picture(sd, path), 0);
	f = fopen(path, "re");
	T_NEED(f);
	T_OK(fread(head, 1, 13, f) == 13 && !strcmp(head, "P6\n32 64\n255\n"), head);
	T_EQ(fread(picture, 1, sizeof(picture), f), sizeof(picture));
	for (unsigned int y = 0; y < 64; y++)
		T_OK(!memcmp(picture + (size_t)y * 96, cpu + (size_t)y * 200, 96), "its pixels");
	fclose(f);
	unlink(path);
	T_EQ(simdev_picture(sd, "/nonexistent/x"), -FH_EIO);
	devbench_free(&b, ORDER, phys);
	end();
}

/* ---- codec ---- */

static void codec_there_and_back(void)
{
	unsigned char *cpu[3] = {NULL};
	struct simdev_job job;
	uint32_t number;
	phys_t phys[3];

	for (unsigned int c = 0; c < NR_CACHES; c++) {
		T_NEED(start(caches[c].line, caches[c].size, caches[c].seed, SIMDEV_CODEC));
		for (unsigned int i = 0; i < 3; i++)
			T_NEED((cpu[i] = devbench_buffer(&b, ORDER, &phys[i])));
		for (uint32_t i = 0; i < 5; i++) {
			sim_frame_draw(&small, i, cpu[0]);
			for (unsigned int k = 0; k < 3; k++)
				dma_cache_for_device(&dev, phys[k], ROOM);
			job = run(sd, (struct simdev_job){.in = at(phys[0], ROOM),
							  .out = at(phys[1], ROOM)});
			T_EQ(job.error, 0);
			T_EQ(job.verdict, SIM_WHOLE);
			T_EQ(job.number, i);
			T_OK(job.bytes && job.bytes < 12000 / 2, "it packs");
			job = run(sd, (struct simdev_job){.in = at(phys[1], job.bytes),
							  .out = at(phys[2], ROOM),
							  .decode = true});
			T_EQ(job.error, 0);
			T_EQ(job.bytes, 12000);
			(void)dma_cache_for_cpu(&dev, phys[2], ROOM, DMA_FROM_DEVICE);
			T_EQ(sim_frame_check(&small, cpu[2], &number, NULL), SIM_WHOLE);
			T_EQ(number, i);
		}
		for (unsigned int i = 0; i < 3; i++)
			devbench_free(&b, ORDER, phys[i]);
		end();
	}
}

/* Any bytes, from noise to one value, come back as they were, and never take much more room. */
static void codec_of_anything(void)
{
	struct simdev_opts o = {.kind = SIMDEV_CODEC, .plain = true, .format = {97, 61, 97}};
	const uint64_t size = 97 * 61;
	unsigned char *cpu[3] = {NULL};
	struct simdev_job job;
	unsigned int seed = 4;
	phys_t phys[3];

	T_NEED(start(0, 0, 0, SIMDEV_CODEC));
	simdev_destroy(sd);
	o.hosted = b.h;
	o.dev = &dev;
	T_NEED(!simdev_create(&o, &sd));
	for (unsigned int i = 0; i < 3; i++)
		T_NEED((cpu[i] = devbench_buffer(&b, ORDER, &phys[i])));
	for (unsigned int i = 0; i < 200; i++) {
		for (uint64_t k = 0; k < size; k++)
			cpu[0][k] = rand_r(&seed) % 200 < (int)i ? (unsigned char)rand_r(&seed)
				    : k				 ? cpu[0][k - 1]
								 : 3;
		job = run(sd,
			  (struct simdev_job){.in = at(phys[0], size), .out = at(phys[1], ROOM)});
		T_EQ(job.error, 0);
		T_OK(job.bytes <= 20 + size + size / 128 + 1, "a byte in 128, and the head");
		job = run(sd, (struct simdev_job){.in = at(phys[1], job.bytes),
						  .out = at(phys[2], size),
						  .decode = true});
		T_EQ(job.error, 0);
		T_OK(!memcmp(cpu[0], cpu[2], size), "without loss");
	}
	for (unsigned int i = 0; i < 3; i++)
		devbench_free(&b, ORDER, phys[i]);
	end();
}

static uint32_t crc32_of(const unsigned char *p, uint64_t n)
{
	uint32_t crc = ~0u;

	for (uint64_t i = 0; i < n; i++) {
		crc ^= p[i];
		for (unsigned int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

/* A bitstream whose CRC is right and whose codes are anything: never past a buffer's end, and whole only by the right length. */
static void codec_of_forged_streams(void)
{
	unsigned char *cpu[3] = {NULL};
	unsigned int seed = 3, told = 0;
	struct simdev_job job;
	phys_t phys[3];
	uint32_t crc;

	T_NEED(start(0, 0, 0, SIMDEV_CODEC));
	for (unsigned int i = 0; i < 3; i++)
		T_NEED((cpu[i] = devbench_buffer(&b, ORDER, &phys[i])));
	sim_frame_draw(&small, 1, cpu[0]);
	job = (struct simdev_job){.in = at(phys[0], ROOM), .out = at(phys[1], ROOM)};
	job = run(sd, job);
	T_EQ(job.error, 0);
	job = (struct simdev_job){
		.in = at(phys[1], job.bytes), .out = at(phys[2], ROOM), .decode = true};
	for (unsigned int i = 0; i < 3000; i++) {
		uint64_t k = 20 + (uint64_t)rand_r(&seed) % (job.in.size - 20);
		unsigned char keep = cpu[1][k];

		cpu[1][k] = (unsigned char)rand_r(&seed);
		crc = crc32_of(cpu[1] + 20, job.in.size - 20);
		memcpy(cpu[1] + 16, &crc, 4);
		job = run(sd, job);
		told += job.error == -FH_EINVAL && job.verdict == SIM_TORN;
		T_OK(job.error || job.bytes == 12000, "all or nothing");
		T_OK(keep == cpu[1][k] || job.error || job.verdict != SIM_WHOLE, "another frame");
		cpu[1][k] = keep;
	}
	T_OK(told > 100, "lengths that do not fit");
	for (unsigned int i = 0; i < 3; i++)
		devbench_free(&b, ORDER, phys[i]);
	end();
}

static void codec_of_nonsense(void)
{
	struct simdev_job job, in;
	struct simdev_stats stats;
	unsigned char *cpu[3] = {NULL}, *good;
	uint64_t bytes;
	phys_t phys[3];

	T_NEED(start(0, 0, 0, SIMDEV_CODEC));
	for (unsigned int i = 0; i < 3; i++)
		T_NEED((cpu[i] = devbench_buffer(&b, ORDER, &phys[i])));
	good = malloc(ROOM);
	sim_frame_draw(&small, 1, cpu[0]);
	job = (struct simdev_job){.in = at(phys[0], ROOM), .out = at(phys[1], 100)};
	T_EQ(run(sd, job).error, -FH_ENOSPC);
	job.out.size = ROOM;
	bytes = run(sd, job).bytes;
	T_NEED(good && bytes > 100);
	memcpy(good, cpu[1], ROOM);
	in = (struct simdev_job){
		.in = at(phys[1], bytes), .out = at(phys[2], ROOM), .decode = true};
	for (uint64_t i = 0; i < bytes; i++) { /* each byte of it counts */
		cpu[1][i] ^= 0x10;
		job = run(sd, in);
		T_EQ(job.error, -FH_EINVAL);
		T_OK(job.verdict != SIM_WHOLE && !job.bytes, "it is told");
		cpu[1][i] = good[i];
	}
	in.in.size = bytes - 1;
	T_EQ(run(sd, in).error, -FH_EINVAL);
	in.in.size = 19;
	T_EQ(run(sd, in).error, -FH_EINVAL);
	in.in.size = bytes;
	in.out.size = 1000;
	T_EQ(run(sd, in).error, -FH_EINVAL);
	in.out.size = ROOM;
	T_EQ(run(sd, in).error, 0);
	simdev_stats(sd, &stats);
	T_EQ(stats.torn + stats.nothing, bytes + 1);
	free(good);
	for (unsigned int i = 0; i < 3; i++)
		devbench_free(&b, ORDER, phys[i]);
	end();
}

/* ---- copier ---- */

/* Eight pieces on each side, of any length and in any order, of the same sum: that of `in`, at most ROOM. */
static uint64_t some_pieces(struct scatterlist *in, struct scatterlist *out, const phys_t *phys,
			    unsigned int *seed)
{
	uint64_t sum[2] = {0, 0};

	for (unsigned int i = 0; i < 8; i++) {
		uint64_t a = (uint64_t)rand_r(seed) % 7000, less = (uint64_t)rand_r(seed) % 900;

		in[i] = (struct scatterlist){
			.dma_address = {phys[0].v + 8192 * (uint64_t)(i * 3 % 8) + 5},
			.dma_length = 1 + a};
		out[i] = (struct scatterlist){
			.dma_address = {phys[1].v + 8192 * (uint64_t)(i * 5 % 8)},
			.dma_length = 1 + a - (less < a ? less : a)};
		sum[0] += in[i].dma_length;
		sum[1] += out[i].dma_length;
	}
	for (unsigned int i = 0; sum[1] < sum[0]; i++) { /* what is missing */
		uint64_t add = 8192 - out[i].dma_length;

		add = add < sum[0] - sum[1] ? add : sum[0] - sum[1];
		out[i].dma_length += add;
		sum[1] += add;
	}
	return sum[0];
}

/* What a CPU finds in the pieces. */
static const unsigned char *gather(unsigned char *to, const struct scatterlist *sg,
				   const unsigned char *cpu, phys_t phys)
{
	unsigned char *start = to;

	for (unsigned int i = 0; i < 8; to += sg[i++].dma_length)
		memcpy(to, cpu + (sg[i].dma_address.v - phys.v), sg[i].dma_length);
	return start;
}

static void copier_of_lists(void)
{
	static unsigned char want[65536], got[65536];
	unsigned char *cpu[2] = {NULL};
	struct scatterlist in[8], out[8];
	unsigned int seed = 9;
	phys_t phys[2];

	T_NEED(start(64, 4096, 5, SIMDEV_COPIER));
	T_NEED((cpu[0] = devbench_buffer(&b, ORDER, &phys[0])) &&
	       (cpu[1] = devbench_buffer(&b, ORDER, &phys[1])));
	for (unsigned int round = 0; round < 50; round++) {
		uint64_t n = some_pieces(in, out, phys, &seed);
		struct simdev_job job = {.in = {.sg = in, .nents = 8},
					 .out = {.sg = out, .nents = 8}};

		for (uint64_t i = 0; i < ROOM; i++)
			cpu[0][i] = (unsigned char)rand_r(&seed);
		memset(cpu[1], 0, ROOM);
		dma_cache_for_device(&dev, phys[0], ROOM);
		dma_cache_for_device(&dev, phys[1], ROOM);
		job = run(sd, job);
		T_EQ(job.error, 0);
		T_EQ(job.bytes, n);
		(void)dma_cache_for_cpu(&dev, phys[1], ROOM, DMA_FROM_DEVICE);
		T_OK(!memcmp(gather(want, in, cpu[0], phys[0]), gather(got, out, cpu[1], phys[1]),
			     n),
		     "byte for byte");
		out[7].dma_length++;
		T_EQ(run(sd, job).error, -FH_EINVAL);
	}
	devbench_free(&b, ORDER, phys[0]);
	devbench_free(&b, ORDER, phys[1]);
	end();
}

/* ---- addresses ---- */

static void addresses_out_of_reach(void)
{
	struct simdev_stats stats;
	struct simdev_job job;
	uint32_t number;
	unsigned char *cpu;
	phys_t phys;

	T_NEED(start(64, 0, 0, SIMDEV_CAPTURE));
	T_EQ(dev.dma_mask, UINT32_MAX);
	T_NEED((cpu = devbench_buffer(&b, ORDER, &phys)));
	job = run(sd, (struct simdev_job){.out = {.dma = {UINT64_C(1) << 32}, .size = ROOM}});
	T_EQ(job.error, -FH_EFAULT);
	job = run(sd, (struct simdev_job){.out = {.dma = {UINT32_MAX - 500}, .size = ROOM}});
	T_EQ(job.error, -FH_EFAULT);
	T_EQ(job.bytes, 0);
	/* Two banks, each half of the buffer, the other way round on the bus. */
	dev.nr_ranges = 2;
	dev.range[0] = (struct bus_dma_region){
		.cpu = phys, .dma = {0x10000000 + ROOM / 2}, .size = ROOM / 2};
	dev.range[1] = (struct bus_dma_region){
		.cpu = {phys.v + ROOM / 2}, .dma = {0x10000000}, .size = ROOM / 2};
	T_EQ(run(sd, (struct simdev_job){.out = at(phys, ROOM)}).error, -FH_EFAULT);
	job = run(sd,
		  (struct simdev_job){.out = {.dma = {0x10000000 + ROOM / 2}, .size = ROOM / 2}});
	T_EQ(job.error, 0);
	(void)dma_cache_for_cpu(&dev, phys, ROOM, DMA_FROM_DEVICE);
	T_EQ(sim_frame_check(&small, cpu, &number, NULL), SIM_WHOLE);
	job = run(sd, (struct simdev_job){
			      .out = {.dma = {0x10000000 + ROOM / 2 - 1280}, .size = ROOM / 2}});
	T_EQ(job.error, 0); /* from one bank into the other */
	simdev_stats(sd, &stats);
	T_EQ(stats.faults, 3);
	devbench_free(&b, ORDER, phys);
	end();
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

	T_NEED(start(64, 0, 0, SIMDEV_CAPTURE) && devbench_buffer(&b, ORDER, &phys));
	T_EQ(simdev_create(NULL, &other), -FH_EINVAL);
	T_EQ(simdev_create(&o, &other), -FH_EINVAL);
	o.hosted = b.h;
	o.dev = &nowhere;
	T_EQ(simdev_create(&o, &other), -FH_EINVAL);
	o.dev = &dev;
	T_EQ(simdev_create(&o, NULL), -FH_EINVAL);
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		o.kind = bad[i].kind;
		o.format = bad[i].f;
		o.plain = bad[i].plain;
		T_EQ(simdev_create(&o, &other), -FH_EINVAL);
	}
	T_EQ(simdev_queue(sd, &job), -FH_EINVAL); /* no `out` */
	job.out = at(phys, ROOM);
	for (unsigned int i = 0; i < SIMDEV_QUEUE; i++)
		T_EQ(simdev_queue(sd, &job), 0);
	T_EQ(simdev_queue(sd, &job), -FH_ENOSPC);
	T_EQ(simdev_step(sd), 1);
	T_EQ(simdev_queue(sd, &job), -FH_ENOSPC); /* not fetched */
	T_OK(simdev_done(sd, &job), "done");
	T_EQ(simdev_queue(sd, &job), 0);
	simdev_stop(sd); /* it does not run */
	T_EQ(simdev_line_crcs(sd, &(uint32_t){0}), -FH_ENOENT);
	T_EQ(simdev_picture(sd, "/nonexistent/x"), -FH_ENOENT);
	devbench_free(&b, ORDER, phys);
	end();
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

	T_NEED(start(64, 16384, 11, SIMDEV_CAPTURE));
	simdev_init(&screen_dev, b.m, "screen");
	screen = make(SIMDEV_SCANOUT, &screen_dev, small, 25);
	for (unsigned int i = 0; i < BUFFERS; i++) {
		T_NEED((cpu[i] = devbench_buffer(&b, ORDER, &phys[i])));
		job = (struct simdev_job){.out = at(phys[i], ROOM), .cookie = i};
		dma_cache_for_device(&dev, phys[i], ROOM);
		T_EQ(simdev_queue(sd, &job), 0);
	}
	T_OK(!simdev_wait(screen, &job), "no thread: nobody to wait for");
	T_EQ(simdev_start(screen, 500000), 0);
	T_EQ(simdev_start(sd, 1000000), 0);
	T_EQ(simdev_start(sd, 1), -FH_EBUSY);
	T_EQ(simdev_step(sd), -FH_EBUSY);
	while (frames < 60 && simdev_wait(sd, &job)) {
		uint64_t k = job.cookie;

		(void)dma_cache_for_cpu(&dev, phys[k], ROOM, DMA_FROM_DEVICE);
		T_EQ(job.error, 0);
		T_EQ(sim_frame_check(&small, cpu[k], &number, NULL), SIM_WHOLE);
		T_OK(number == job.number && (!frames || number > last), "in order");
		last = number;
		frames++;
		/* To the screen; what it showed before goes back to the camera. */
		job = (struct simdev_job){.in = at(phys[k], ROOM), .cookie = k};
		dma_cache_for_device(&screen_dev, phys[k], ROOM);
		T_EQ(simdev_queue(screen, &job), 0);
		if (frames > 1 && simdev_wait(screen, &job)) {
			T_EQ(job.verdict, SIM_WHOLE);
			dma_cache_for_device(&dev, phys[job.cookie], ROOM);
			job.out = at(phys[job.cookie], ROOM);
			T_EQ(simdev_queue(sd, &job), 0);
		}
	}
	T_EQ(frames, 60);
	simdev_stop(sd);
	simdev_stop(screen);
	simdev_stats(screen, &stats);
	T_OK(stats.torn == 0 && stats.nothing == 0 && stats.frames >= 59, "nothing torn");
	simdev_destroy(screen);
	for (unsigned int i = 0; i < BUFFERS; i++)
		devbench_free(&b, ORDER, phys[i]);
	end();
}

const struct t_case t_cases[] = {T(capture_with_syncs),
				 T(capture_without_sync_for_cpu),
				 T(capture_without_sync_for_device),
				 T(capture_beside_a_neighbour),
				 T(capture_half_a_frame),
				 T(capture_without_buffers),
				 T(a_device_that_snoops),
				 T(a_buffer_past_the_caches),
				 T(scanout_with_syncs),
				 T(scanout_without_syncs),
				 T(scanout_while_it_is_drawn),
				 T(scanout_shows_what_it_saw),
				 T(codec_there_and_back),
				 T(codec_of_anything),
				 T(codec_of_nonsense),
				 T(codec_of_forged_streams),
				 T(copier_of_lists),
				 T(addresses_out_of_reach),
				 T(bad_arguments),
				 T(camera_and_screen),
				 T_END};
