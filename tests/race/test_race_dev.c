/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Devices and CPUs on one hosted machine with a small cache that also loses lines by lot: each driver syncs by the rules, its
 * buffers share pages, but no line, with what other CPUs store to. Nothing is ever torn, lost or stale.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "devbench.h"
#include "dma/dma.h"
#include "t.h"

#define DRIVERS 4
#define LINE	64
#define ORDER	3
#define ROOM	((uint64_t)FH_PAGE_SIZE << ORDER)
#define SLICE                                                                                      \
	(ROOM / DRIVERS / 2) /* a driver has two: frames at an odd line, and counters behind them */

static const struct sim_format format = {60, 30, 64};
static struct devbench b;
static unsigned char *cpu; /* of all */
static phys_t phys;
static _Atomic(bool) over;
static _Atomic(uint64_t) wrong, rounds[3];

static void must(bool ok)
{
	if (!ok)
		atomic_fetch_add(&wrong, 1);
}

static struct simdev *make(enum simdev_kind kind, struct device *dev)
{
	struct simdev_opts o = {.kind = kind, .hosted = b.h, .dev = dev, .format = format};
	struct simdev *sd = NULL;

	simdev_init(dev, b.m, "race");
	must(!simdev_create(&o, &sd));
	return sd;
}

static void run(struct simdev *sd, struct simdev_job *job)
{
	must(!simdev_queue(sd, job) && simdev_step(sd) == 1 && simdev_done(sd, job) && !job->error);
}

/* Captures into one slice, copies that to the other, while its counters go up in the same pages. */
static void *driver(void *arg)
{
	uint64_t at = (uint64_t)(uintptr_t)arg * 2 * SLICE + LINE, size = sim_frame_size(&format);
	struct device camera_dev, copier_dev;
	struct simdev *camera = make(SIMDEV_CAPTURE, &camera_dev);
	struct simdev *copier = make(SIMDEV_COPIER, &copier_dev);
	unsigned char *frame = cpu + at, *copy = frame + SLICE;
	uint64_t *count = (uint64_t *)(void *)(cpu + at + SLICE - 2 * LINE);
	phys_t from = {phys.v + at}, to = {phys.v + at + SLICE};

	for (uint64_t n = 1; !atomic_load(&over) && camera && copier; n++) {
		struct simdev_job job = {.out = {.dma = {from.v}, .size = size}};
		uint32_t number;

		memset(frame, (int)n, size);
		dma_cache_for_device(&camera_dev, from, size);
		++*count;
		run(camera, &job);
		must(!dma_cache_for_cpu(&camera_dev, from, size, DMA_FROM_DEVICE));
		must(sim_frame_check(&format, frame, &number, NULL) == SIM_WHOLE);
		must(number == job.number);
		sim_frame_draw(&format, ~number, frame);
		memset(copy, 0, size);
		dma_cache_for_device(&copier_dev, from, size);
		dma_cache_for_device(&copier_dev, to, size);
		++*count;
		job = (struct simdev_job){.in = {.dma = {from.v}, .size = size},
					  .out = {.dma = {to.v}, .size = size}};
		run(copier, &job);
		must(!dma_cache_for_cpu(&copier_dev, to, size, DMA_FROM_DEVICE));
		must(!memcmp(frame, copy, size));
		must(*count == 2 * n);
		atomic_fetch_add(&rounds[0], 1);
	}
	simdev_destroy(camera);
	simdev_destroy(copier);
	return NULL;
}

/* A page of its own that comes and goes past the caches. */
static void *remapper(void *arg)
{
	const struct plat *p = hosted_plat(b.h);
	phys_t page = *(phys_t *)arg;
	pfn_t pfn = fh_phys_to_pfn(page);
	struct range run_of = {pfn, pfn + 1};
	unsigned char *linear = p->ram(p->ctx, page, FH_PAGE_SIZE);

	for (unsigned int n = 1; !atomic_load(&over); n++) {
		unsigned char byte = (unsigned char)n, got = 0, *v;

		linear[100] = byte;
		v = p->vmap(p->ctx, &run_of, 1, PLAT_VMAP_UNCACHED);
		must(v && v[100] == byte);
		must(!hosted_bus_read(b.h, (phys_t){page.v + 100}, &got, 1) && got == byte);
		byte++;
		must(!hosted_bus_write(b.h, (phys_t){page.v + 200}, &byte, 1));
		must(v[200] == byte);
		p->vunmap(p->ctx, v, 1);
		must(linear[200] == byte);
		atomic_fetch_add(&rounds[1], 1);
	}
	return NULL;
}

/* A device with a thread of its own, and one who stops and starts it. */
static void *starter(void *arg)
{
	struct device dev;
	struct simdev *sd = make(SIMDEV_CAPTURE, &dev);
	phys_t page = *(phys_t *)arg;

	while (!atomic_load(&over) && sd) {
		struct simdev_job job = {.out = {.dma = {page.v}, .size = FH_PAGE_SIZE}};

		must(!simdev_start(sd, 0));
		must(!simdev_queue(sd, &job));
		must(simdev_wait(sd, &job) && !job.error);
		must(!simdev_queue(sd, &job));
		simdev_stop(sd);
		while (simdev_step(sd) == 1)
			;
		must(simdev_done(sd, &job) && !simdev_wait(sd, &job));
		atomic_fetch_add(&rounds[2], 1);
	}
	simdev_destroy(sd);
	return NULL;
}

/* Two in one line: a device writes its half, and who owns the other stores to it all the time. What the device wrote may be
 * lost; a CPU's store never is. */
static void *neighbour(void *arg)
{
	volatile uint64_t *mine = arg;

	for (uint64_t n = 1; !atomic_load(&over); n++) {
		*mine = n;
		for (volatile uint64_t i = n % 1024; i; i--)
			; /* so that the line is clean now and then */
		must(*mine == n);
	}
	return NULL;
}

static void a_line_that_is_shared(void)
{
	struct timespec now, until;
	pthread_t id;

	T_NEED(devbench_start(&b, LINE, 0, 5));
	cpu = devbench_buffer(&b, 0, &phys);
	T_NEED(cpu);
	atomic_store(&over, false);
	T_EQ(pthread_create(&id, NULL, neighbour, cpu + LINE / 2), 0);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec++;
	do {
		for (unsigned char n = 1; n; n++) {
			must(!hosted_bus_write(b.h, phys, &n, 1));
			hosted_plat(b.h)->cache_inval(b.h, phys, LINE / 2);
		}
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec < until.tv_sec);
	atomic_store(&over, true);
	pthread_join(id, NULL);
	T_EQ(wrong, 0);
	devbench_free(&b, 0, phys);
	devbench_end(&b);
}

static void race(unsigned int line, uint64_t size, uint64_t seed)
{
	const char *s = getenv("FH_RACE_SECONDS");
	struct timespec t = {.tv_sec = s ? atoi(s) : 0, .tv_nsec = s ? 0 : 500000000};
	pthread_t id[DRIVERS + 2];
	phys_t page[2];

	T_NEED(devbench_start(&b, line, size, seed));
	cpu = devbench_buffer(&b, ORDER, &phys);
	T_NEED(cpu && devbench_buffer(&b, 0, &page[0]) && devbench_buffer(&b, 0, &page[1]));
	memset(cpu, 0, ROOM);
	atomic_store(&over, false);
	for (unsigned int i = 0; i < 3; i++)
		atomic_store(&rounds[i], 0);
	for (uintptr_t i = 0; i < DRIVERS; i++)
		T_EQ(pthread_create(&id[i], NULL, driver, (void *)i), 0);
	T_EQ(pthread_create(&id[DRIVERS], NULL, remapper, &page[0]), 0);
	T_EQ(pthread_create(&id[DRIVERS + 1], NULL, starter, &page[1]), 0);
	nanosleep(&t, NULL);
	atomic_store(&over, true);
	for (unsigned int i = 0; i < DRIVERS + 2; i++)
		pthread_join(id[i], NULL);
	T_EQ(wrong, 0);
	for (unsigned int i = 0; i < 3; i++)
		T_OK(rounds[i] > 0, "they did something");
	devbench_free(&b, ORDER, phys);
	devbench_free(&b, 0, page[0]);
	devbench_free(&b, 0, page[1]);
	devbench_end(&b);
}

static void lines_stay(void)
{
	race(LINE, 0, 0);
}

static void lines_leave(void)
{
	race(LINE, 2048, 0);
}

static void lines_leave_by_lot(void)
{
	race(LINE, 65536, 77);
}

const struct t_case t_cases[] = {T(lines_stay), T(lines_leave), T(lines_leave_by_lot),
				 T(a_line_that_is_shared), T_END};
