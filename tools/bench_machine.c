/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Machines for `freehold bench`: their making, the threads that are their CPUs, tenants in an area.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <freehold/object.h>
#include <freehold/page.h>
#include "bench.h"

struct fh_machine *bench_machine(struct bench *b, enum bench_bytes bytes, uint64_t ram,
				 uint64_t area)
{
	struct boot_config *cfg = calloc(1, sizeof(*cfg));
	struct fh_machine *m = NULL;
	int err = -FH_ENOMEM;

	if (cfg) {
		boot_config_init(cfg);
		cfg->bank[0] = (struct boot_bank){BENCH_BASE, ram};
		cfg->nr_banks = 1;
		cfg->dma.swiotlb_noforce = true;
		cfg->nr_cpus = b->threads;
		cfg->policy = CMA_POLICY_MOVABLE;
		cfg->region[0] = (struct boot_region){
			.name = "area",
			.base = BENCH_BASE + ram - area,
			.size = area,
			.kind = BOOT_REGION_CMA,
			.flags = BOOT_REGION_CMA_DEFAULT,
		};
		cfg->nr_regions = area ? 1 : 0;
		err = fh_machine_create(&b->plat[bytes], cfg, &m);
	}
	free(cfg);
	if (err)
		bench_fail(b, BENCH_FAIL, "a machine of %llu MiB: error %d",
			   (unsigned long long)(ram >> 20), err);
	return m;
}

/* ---- threads ------------------------------------------------------------------------------------
 */

struct member {
	struct crew *crew;
	void (*fn)(struct crew *crew, unsigned int id);
	unsigned int id;
};

/* Thread `id` on the id-th CPU of the host that this process may use; best effort. */
static void pin(unsigned int id)
{
	cpu_set_t may, one;
	unsigned int seen = 0;

	if (sched_getaffinity(0, sizeof(may), &may))
		return;
	for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &may) || seen++ != id % (unsigned int)CPU_COUNT(&may))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		(void)sched_setaffinity(0, sizeof(one), &one);
		return;
	}
}

static void *member_main(void *arg)
{
	struct member *w = arg;

	pin(w->id);
	hosted_cpu_set(w->id);
	w->fn(w->crew, w->id);
	if (w->crew->m)
		fh_cpu_quiesce(w->crew->m);
	return NULL;
}

bool crew_run(struct crew *crew, void (*fn)(struct crew *crew, unsigned int id))
{
	struct member member[BENCH_THREADS];
	pthread_t thread[BENCH_THREADS];
	unsigned int n;

	for (n = 0; n < crew->threads; n++) {
		member[n] = (struct member){crew, fn, n};
		if (pthread_create(&thread[n], NULL, member_main, &member[n]))
			break;
	}
	if (n < crew->threads) { /* the others wait for those that are not there */
		atomic_store(&crew->failed, true);
		atomic_fetch_add(&crew->waiting, BENCH_THREADS);
	}
	for (unsigned int i = 0; i < n; i++)
		pthread_join(thread[i], NULL);
	return !atomic_load(&crew->failed);
}

void crew_wait(struct crew *crew)
{
	unsigned int turn = atomic_load(&crew->turn), spins = 0;

	if (atomic_fetch_add(&crew->waiting, 1) + 1 == crew->threads) {
		atomic_store(&crew->waiting, 0);
		atomic_fetch_add(&crew->turn, 1);
		return;
	}
	while (atomic_load(&crew->turn) == turn && atomic_load(&crew->waiting) < BENCH_THREADS)
		if (++spins > 1000)
			sched_yield();
}

/* ---- tenants ------------------------------------------------------------------------------------
 */

/* Touches of the host's mappings, in hosted_try(): no resources, no library calls that lock. */
static void touch_host(void *arg)
{
	struct fill *f = arg;
	volatile unsigned char *base = hosted_space_base(f->host);

	for (f->touched = 0; f->touched < f->pages; f->touched++)
		base[f->touched << FH_PAGE_SHIFT] = (unsigned char)f->touched;
}

static int touch_core(struct fill *f)
{
	int err = 0;

	for (f->touched = 0; f->touched < f->pages && !err; f->touched++) {
		unsigned char byte = (unsigned char)f->touched;

		err = fh_space_store(f->space, f->va + f->touched, 0, &byte, 1);
	}
	return err;
}

/* Single pages all over the object: a write to the object, unlike a fault, brings no neighbours. */
static int write_scattered(struct fill *f)
{
	int err = 0;

	for (uint64_t i = 0; i < f->pages && !err; i++) {
		unsigned char byte = (unsigned char)i;

		err = fh_object_write(f->object, f->sequence[i], 0, &byte, 1);
	}
	return err;
}

static bool shuffle_sequence(struct fill *f)
{
	uint64_t seed = 42;

	f->sequence = calloc(f->pages, sizeof(*f->sequence));
	if (!f->sequence)
		return false;
	for (uint64_t i = 0; i < f->pages; i++) {
		uint64_t j = bench_below(&seed, i + 1);

		f->sequence[i] = f->sequence[j];
		f->sequence[j] = (uint32_t)i;
	}
	return true;
}

/* All memory outside the area, as far as the watermarks let it go. */
static pfn_t *hog(struct fh_machine *m, uint64_t *nr)
{
	struct fh_mem_info info;
	pfn_t *held;

	fh_mem_info(m, &info);
	held = calloc(info.total / FH_BLOCK_PAGES + 1, sizeof(*held));
	*nr = 0;
	while (held && *nr < info.total / FH_BLOCK_PAGES &&
	       !fh_alloc_pages(m, __GFP_NOWARN, FH_BLOCK_ORDER, &held[*nr]))
		++*nr;
	return held;
}

static int fill_touch(struct bench *b, struct fill *f, int kind)
{
	int err = 0;

	f->va = 0x1000;
	if (kind & FILL_HOST) {
		err = hosted_space_create(b->hosted, f->pages, &f->host);
		if (err)
			return err;
		f->va = hosted_space_va(f->host);
	}
	err = fh_space_create(f->m, f->host, &f->space);
	if (!err)
		err = fh_object_create(f->m, f->pages, NULL, NULL, &f->object);
	if (!err)
		err = fh_space_map(f->space, f->va, f->object, 0, f->pages);
	if (!err && kind & FILL_SCATTER)
		err = shuffle_sequence(f) ? write_scattered(f) : -FH_ENOMEM;
	if (err)
		return err;
	if (!f->host)
		return touch_core(f);
	hosted_space_attach(f->host, f->space);
	return hosted_try(touch_host, f);
}

/*
 * With all other memory taken, movable pages can only go into the area. Policy `movable`:
 * `guaranteed` would not admit what could not leave. It is the caller's to change afterwards.
 */
bool bench_fill(struct bench *b, struct fill *f, struct fh_machine *m, uint64_t pages, int kind)
{
	struct cma_stats stats;
	uint64_t nr;
	pfn_t *held = hog(m, &nr);
	int err;

	*f = (struct fill){.m = m, .cma = cma_default(m), .pages = pages};
	err = held ? fill_touch(b, f, kind) : -FH_ENOMEM;
	for (uint64_t i = 0; held && i < nr; i++)
		if (fh_free_pages(m, held[i], FH_BLOCK_ORDER))
			err = -FH_EINVAL;
	free(held);
	cma_get_stats(f->cma, &stats);
	if (!err && stats.lent >= pages)
		return true;
	bench_fail(b, BENCH_FAIL,
		   "%llu pages to fill an area: %llu touched, %llu in the area, error %d",
		   (unsigned long long)pages, (unsigned long long)f->touched,
		   (unsigned long long)stats.lent, err);
	return false;
}

void bench_unfill(struct bench *b, struct fill *f)
{
	(void)b;
	fh_space_destroy(f->space);
	fh_object_destroy(f->object);
	if (f->host)
		hosted_space_destroy(f->host);
	free(f->sequence);
}
