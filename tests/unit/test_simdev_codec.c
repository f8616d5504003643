/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What simulated devices make of bytes: a codec there and back, of nonsense and of forged streams; a copier of lists. */
#include <stdlib.h>
#include <string.h>
#include "dma/dma.h"
#include "simbench.h"
#include "t.h"

static struct simbench sim;

/* ---- codec ---- */

static void codec_there_and_back(void)
{
	unsigned char *cpu[3] = {NULL};
	struct simdev_job job;
	uint32_t number;
	phys_t phys[3];

	for (unsigned int c = 0; c < SB_NR_CACHES; c++) {
		T_NEED(sb_start(&sim, sb_caches[c].line, sb_caches[c].size, sb_caches[c].seed,
				SIMDEV_CODEC));
		for (unsigned int i = 0; i < 3; i++)
			T_NEED((cpu[i] = devbench_buffer(&sim.b, SB_ORDER, &phys[i])));
		for (uint32_t i = 0; i < 5; i++) {
			sim_frame_draw(&sb_small, i, cpu[0]);
			for (unsigned int k = 0; k < 3; k++)
				dma_cache_for_device(&sim.dev, phys[k], SB_ROOM);
			job = sb_run(sim.sd, (struct simdev_job){.in = sb_at(phys[0], SB_ROOM),
								 .out = sb_at(phys[1], SB_ROOM)});
			T_EQ(job.error, 0);
			T_EQ(job.verdict, SIM_WHOLE);
			T_EQ(job.number, i);
			T_OK(job.bytes && job.bytes < 12000 / 2, "it packs");
			job = sb_run(sim.sd, (struct simdev_job){.in = sb_at(phys[1], job.bytes),
								 .out = sb_at(phys[2], SB_ROOM),
								 .decode = true});
			T_EQ(job.error, 0);
			T_EQ(job.bytes, 12000);
			(void)dma_cache_for_cpu(&sim.dev, phys[2], SB_ROOM, DMA_FROM_DEVICE);
			T_EQ(sim_frame_check(&sb_small, cpu[2], &number, NULL), SIM_WHOLE);
			T_EQ(number, i);
		}
		for (unsigned int i = 0; i < 3; i++)
			devbench_free(&sim.b, SB_ORDER, phys[i]);
		sb_end(&sim);
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

	T_NEED(sb_start(&sim, 0, 0, 0, SIMDEV_CODEC));
	simdev_destroy(sim.sd);
	o.hosted = sim.b.h;
	o.dev = &sim.dev;
	T_NEED(!simdev_create(&o, &sim.sd));
	for (unsigned int i = 0; i < 3; i++)
		T_NEED((cpu[i] = devbench_buffer(&sim.b, SB_ORDER, &phys[i])));
	for (unsigned int i = 0; i < 200; i++) {
		for (uint64_t k = 0; k < size; k++)
			cpu[0][k] = rand_r(&seed) % 200 < (int)i ? (unsigned char)rand_r(&seed)
				    : k				 ? cpu[0][k - 1]
								 : 3;
		job = sb_run(sim.sd, (struct simdev_job){.in = sb_at(phys[0], size),
							 .out = sb_at(phys[1], SB_ROOM)});
		T_EQ(job.error, 0);
		T_OK(job.bytes <= 20 + size + size / 128 + 1, "a byte in 128, and the head");
		job = sb_run(sim.sd, (struct simdev_job){.in = sb_at(phys[1], job.bytes),
							 .out = sb_at(phys[2], size),
							 .decode = true});
		T_EQ(job.error, 0);
		T_OK(!memcmp(cpu[0], cpu[2], size), "without loss");
	}
	for (unsigned int i = 0; i < 3; i++)
		devbench_free(&sim.b, SB_ORDER, phys[i]);
	sb_end(&sim);
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

	T_NEED(sb_start(&sim, 0, 0, 0, SIMDEV_CODEC));
	for (unsigned int i = 0; i < 3; i++)
		T_NEED((cpu[i] = devbench_buffer(&sim.b, SB_ORDER, &phys[i])));
	sim_frame_draw(&sb_small, 1, cpu[0]);
	job = (struct simdev_job){.in = sb_at(phys[0], SB_ROOM), .out = sb_at(phys[1], SB_ROOM)};
	job = sb_run(sim.sd, job);
	T_EQ(job.error, 0);
	job = (struct simdev_job){
		.in = sb_at(phys[1], job.bytes), .out = sb_at(phys[2], SB_ROOM), .decode = true};
	for (unsigned int i = 0; i < 3000; i++) {
		uint64_t k = 20 + (uint64_t)rand_r(&seed) % (job.in.size - 20);
		unsigned char keep = cpu[1][k];

		cpu[1][k] = (unsigned char)rand_r(&seed);
		crc = crc32_of(cpu[1] + 20, job.in.size - 20);
		memcpy(cpu[1] + 16, &crc, 4);
		job = sb_run(sim.sd, job);
		told += job.error == -FH_EINVAL && job.verdict == SIM_TORN;
		T_OK(job.error || job.bytes == 12000, "all or nothing");
		T_OK(keep == cpu[1][k] || job.error || job.verdict != SIM_WHOLE, "another frame");
		cpu[1][k] = keep;
	}
	T_OK(told > 100, "lengths that do not fit");
	for (unsigned int i = 0; i < 3; i++)
		devbench_free(&sim.b, SB_ORDER, phys[i]);
	sb_end(&sim);
}

static void codec_of_nonsense(void)
{
	struct simdev_job job, in;
	struct simdev_stats stats;
	unsigned char *cpu[3] = {NULL}, *good;
	uint64_t bytes;
	phys_t phys[3];

	T_NEED(sb_start(&sim, 0, 0, 0, SIMDEV_CODEC));
	for (unsigned int i = 0; i < 3; i++)
		T_NEED((cpu[i] = devbench_buffer(&sim.b, SB_ORDER, &phys[i])));
	good = malloc(SB_ROOM);
	sim_frame_draw(&sb_small, 1, cpu[0]);
	job = (struct simdev_job){.in = sb_at(phys[0], SB_ROOM), .out = sb_at(phys[1], 100)};
	T_EQ(sb_run(sim.sd, job).error, -FH_ENOSPC);
	job.out.size = SB_ROOM;
	bytes = sb_run(sim.sd, job).bytes;
	T_NEED(good && bytes > 100);
	memcpy(good, cpu[1], SB_ROOM);
	in = (struct simdev_job){
		.in = sb_at(phys[1], bytes), .out = sb_at(phys[2], SB_ROOM), .decode = true};
	for (uint64_t i = 0; i < bytes; i++) { /* each byte of it counts */
		cpu[1][i] ^= 0x10;
		job = sb_run(sim.sd, in);
		T_EQ(job.error, -FH_EINVAL);
		T_OK(job.verdict != SIM_WHOLE && !job.bytes, "it is told");
		cpu[1][i] = good[i];
	}
	in.in.size = bytes - 1;
	T_EQ(sb_run(sim.sd, in).error, -FH_EINVAL);
	in.in.size = 19;
	T_EQ(sb_run(sim.sd, in).error, -FH_EINVAL);
	in.in.size = bytes;
	in.out.size = 1000;
	T_EQ(sb_run(sim.sd, in).error, -FH_EINVAL);
	in.out.size = SB_ROOM;
	T_EQ(sb_run(sim.sd, in).error, 0);
	simdev_stats(sim.sd, &stats);
	T_EQ(stats.torn + stats.nothing, bytes + 1);
	free(good);
	for (unsigned int i = 0; i < 3; i++)
		devbench_free(&sim.b, SB_ORDER, phys[i]);
	sb_end(&sim);
}

/* ---- copier ---- */

/* Eight pieces on each side, of any length and in any order, of the same sum: that of `in`, at most SB_ROOM. */
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

	T_NEED(sb_start(&sim, 64, 4096, 5, SIMDEV_COPIER));
	T_NEED((cpu[0] = devbench_buffer(&sim.b, SB_ORDER, &phys[0])) &&
	       (cpu[1] = devbench_buffer(&sim.b, SB_ORDER, &phys[1])));
	for (unsigned int round = 0; round < 50; round++) {
		uint64_t n = some_pieces(in, out, phys, &seed);
		struct simdev_job job = {.in = {.sg = in, .nents = 8},
					 .out = {.sg = out, .nents = 8}};

		for (uint64_t i = 0; i < SB_ROOM; i++)
			cpu[0][i] = (unsigned char)rand_r(&seed);
		memset(cpu[1], 0, SB_ROOM);
		dma_cache_for_device(&sim.dev, phys[0], SB_ROOM);
		dma_cache_for_device(&sim.dev, phys[1], SB_ROOM);
		job = sb_run(sim.sd, job);
		T_EQ(job.error, 0);
		T_EQ(job.bytes, n);
		(void)dma_cache_for_cpu(&sim.dev, phys[1], SB_ROOM, DMA_FROM_DEVICE);
		T_OK(!memcmp(gather(want, in, cpu[0], phys[0]), gather(got, out, cpu[1], phys[1]),
			     n),
		     "byte for byte");
		out[7].dma_length++;
		T_EQ(sb_run(sim.sd, job).error, -FH_EINVAL);
	}
	devbench_free(&sim.b, SB_ORDER, phys[0]);
	devbench_free(&sim.b, SB_ORDER, phys[1]);
	sb_end(&sim);
}

const struct t_case t_cases[] = {T(codec_there_and_back), T(codec_of_anything),
				 T(codec_of_nonsense),	  T(codec_of_forged_streams),
				 T(copier_of_lists),	  T_END};
