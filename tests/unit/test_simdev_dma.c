/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Simulated devices behind the whole DMA API: frames by streaming maps, coherent buffers and scatter lists, direct, bounced and
 * behind an IOMMU, with caches that nobody snoops and debugging on. */
#include <string.h>
#include <freehold/dma_debug.h>
#include <freehold/iommu.h>
#include "devbench.h"
#include "t.h"

#define ORDER 4
#define ROOM  ((uint64_t)FH_PAGE_SIZE << ORDER)

static const struct sim_format format = {120, 100, 128};
static const char *const ways[] = {"direct", "bounced", "behind an IOMMU"};
static struct devbench b;
static struct device dev;
static struct iommu_domain *domain;
static struct simdev *sd;

static bool start(unsigned int way, enum simdev_kind kind, bool snoops)
{
	struct simdev_opts o = {.kind = kind, .dev = &dev, .format = format};

	b.bootargs = way == 1 ? "cma=0 dma_debug swiotlb=2048,force" : "cma=0 dma_debug";
	if (!devbench_start(&b, 64, 32768, 3))
		return false;
	simdev_init(&dev, b.m, "sim");
	dev.dma_coherent = snoops;
	domain = NULL;
	if (way == 2) {
		struct iommu_options io = {
			.aperture_start = 0x1000, .aperture_end = 0xffffffff, .strict = true};

		T_EQ(iommu_domain_create(b.m, &io, &domain), 0);
	}
	dev.iommu = domain;
	o.hosted = b.h;
	return T_OK(!simdev_create(&o, &sd), ways[way]);
}

/* Nothing is left, and debugging had something to say only where `told`. */
static void end(bool told)
{
	struct dma_report report;
	unsigned int n;

	simdev_destroy(sd);
	dma_debug_device_gone(&dev);
	n = dma_debug_reports(b.m, &report, 1);
	T_OK(told == (n > 0), n ? report.text : "nothing was reported");
	if (domain)
		iommu_domain_destroy(domain);
	devbench_end(&b);
}

static struct simdev_job run(struct simdev_job job)
{
	T_EQ(simdev_queue(sd, &job), 0);
	T_EQ(simdev_step(sd), 1);
	T_OK(simdev_done(sd, &job), "done");
	T_EQ(job.error, 0);
	return job;
}

/* Frames captured into one buffer that is mapped for each, and scribbled over in between. */
static void streaming(unsigned int way, bool snoops)
{
	unsigned char *cpu;
	uint32_t number;
	dma_t handle;
	phys_t phys;

	T_NEED(start(way, SIMDEV_CAPTURE, snoops));
	cpu = devbench_buffer(&b, ORDER, &phys);
	for (uint32_t i = 0; cpu && i < 10; i++) {
		memset(cpu, 0xa5, ROOM);
		if (!T_OK(!dma_map_single(&dev, cpu, ROOM, DMA_FROM_DEVICE, &handle), ways[way]))
			break;
		T_EQ((handle.v == phys.v), (way == 0));
		(void)run((struct simdev_job){.out = {.dma = handle, .size = ROOM}});
		dma_unmap_single(&dev, handle, ROOM, DMA_FROM_DEVICE);
		T_EQ(sim_frame_check(&format, cpu, &number, NULL), SIM_WHOLE);
		T_EQ(number, i);
	}
	devbench_free(&b, ORDER, phys);
	end(false);
}

static void streaming_every_way(void)
{
	for (unsigned int way = 0; way < 3; way++) {
		streaming(way, false);
		streaming(way, true);
	}
}

/* One mapping for all frames, synced to and fro; then without. */
static void synced_and_not(void)
{
	for (unsigned int way = 0; way < 3; way++) {
		unsigned char *cpu;
		uint32_t number;
		dma_t handle;
		phys_t phys;

		T_NEED(start(way, SIMDEV_CAPTURE, false));
		cpu = devbench_buffer(&b, ORDER, &phys);
		T_NEED(cpu && !dma_map_single(&dev, cpu, ROOM, DMA_FROM_DEVICE, &handle));
		for (uint32_t i = 0; i < 5; i++) {
			(void)run((struct simdev_job){.out = {.dma = handle, .size = ROOM}});
			dma_sync_single_for_cpu(&dev, handle, ROOM, DMA_FROM_DEVICE);
			T_EQ(sim_frame_check(&format, cpu, &number, NULL), SIM_WHOLE);
			T_EQ(number, i);
			memset(cpu, 0, ROOM);
			dma_sync_single_for_device(&dev, handle, ROOM, DMA_FROM_DEVICE);
		}
		(void)run((struct simdev_job){.out = {.dma = handle, .size = ROOM}});
		dma_sync_single_for_cpu(&dev, handle, 6400, DMA_FROM_DEVICE); /* half of it */
		T_EQ(sim_frame_check(&format, cpu, &number, NULL), SIM_TORN);
		dma_unmap_single(&dev, handle, ROOM, DMA_FROM_DEVICE);
		devbench_free(&b, ORDER, phys);
		end(false);
	}
}

static void coherent_every_way(void)
{
	for (unsigned int way = 0; way < 3; way++) {
		unsigned char *cpu;
		uint32_t number;
		dma_t handle;

		T_NEED(start(way, SIMDEV_CAPTURE, false));
		if (T_OK(!dma_alloc_coherent(&dev, ROOM, GFP_KERNEL, &handle, (void **)&cpu),
			 ways[way])) {
			for (uint32_t i = 0; i < 10; i++) {
				(void)run(
					(struct simdev_job){.out = {.dma = handle, .size = ROOM}});
				T_EQ(sim_frame_check(&format, cpu, &number, NULL), SIM_WHOLE);
				T_EQ(number, i);
				memset(cpu, 0xa5, ROOM);
			}
			T_EQ(dma_free_coherent(&dev, ROOM, cpu, handle), 0);
		}
		end(false);
	}
}

/* A copier reads one list of pieces and writes another. */
static void lists_every_way(void)
{
	for (unsigned int way = 0; way < 3; way++) {
		struct scatterlist in[4] = {{.length = 0}}, out[4] = {{.length = 0}};
		unsigned char *cpu[2];
		struct simdev_job job = {.in = {.sg = in}, .out = {.sg = out}};
		phys_t phys[2];
		int nr[2];

		T_NEED(start(way, SIMDEV_COPIER, false));
		cpu[0] = devbench_buffer(&b, ORDER, &phys[0]);
		cpu[1] = devbench_buffer(&b, ORDER, &phys[1]);
		T_NEED(cpu[0] && cpu[1]);
		for (uint64_t i = 0; i < 4; i++) {
			in[i].phys.v = phys[0].v + 8192 * (3 - i);
			out[i].phys.v = phys[1].v + 8192 * (i ^ 1);
			in[i].length = out[i].length = 4096;
			memset(cpu[0] + 8192 * (3 - i), (int)i + 1, 4096);
			memset(cpu[1] + 8192 * (i ^ 1), 0xa5, 4096);
		}
		nr[0] = dma_map_sg(&dev, in, 4, DMA_TO_DEVICE, 0);
		nr[1] = dma_map_sg(&dev, out, 4, DMA_FROM_DEVICE, 0);
		T_NEED(nr[0] > 0 && nr[1] > 0);
		job.in.nents = (unsigned int)nr[0];
		job.out.nents = (unsigned int)nr[1];
		T_EQ(run(job).bytes, 4 * 4096);
		dma_unmap_sg(&dev, in, 4, DMA_TO_DEVICE, 0);
		dma_unmap_sg(&dev, out, 4, DMA_FROM_DEVICE, 0);
		for (uint64_t i = 0; i < 4; i++)
			T_OK(cpu[1][8192 * (i ^ 1)] == i + 1 &&
				     cpu[1][8192 * (i ^ 1) + 4095] == i + 1,
			     ways[way]);
		devbench_free(&b, ORDER, phys[0]);
		devbench_free(&b, ORDER, phys[1]);
		end(false);
	}
}

/* Goes on after the buffer was unmapped: stopped by the IOMMU, seen by debugging elsewhere. */
static void after_unmap(void)
{
	for (unsigned int way = 0; way < 3; way++) {
		struct simdev_job job;
		unsigned char *cpu;
		dma_t handle;
		phys_t phys;

		T_NEED(start(way, SIMDEV_CAPTURE, false));
		cpu = devbench_buffer(&b, ORDER, &phys);
		T_NEED(cpu && !dma_map_single(&dev, cpu, ROOM, DMA_FROM_DEVICE, &handle));
		dma_unmap_single(&dev, handle, ROOM, DMA_FROM_DEVICE);
		job = (struct simdev_job){.out = {.dma = handle, .size = ROOM}};
		T_EQ(simdev_queue(sd, &job), 0);
		T_EQ(simdev_step(sd), 1);
		T_OK(simdev_done(sd, &job), "done");
		T_EQ(job.error, way == 2 ? -FH_EFAULT : 0);
		T_OK(dma_debug_count(b.m, DMA_REPORT_DEVICE_UNMAPPED) > 0, ways[way]);
		devbench_free(&b, ORDER, phys);
		end(true);
	}
}

const struct t_case t_cases[] = {T(streaming_every_way), T(synced_and_not), T(coherent_every_way),
				 T(lists_every_way),	 T(after_unmap),    T_END};
