/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Threads that map, unmap and access in one address space of devices: with deferred and with strict flushes, where addresses are
 * short, and by hand, where several want the same range. FH_RACE_SECONDS, FH_RACE_THREADS as in crew.h.
 */
#include <stdio.h>
#include <string.h>
#include "crew.h"
#include "dma/iommu.h"
#include "dma/iommu_domain.h"
#include "t.h"

#define PAGE  FH_PAGE_SIZE
#define MIB   (UINT64_C(1) << 20)
#define RW    (IOMMU_READ | IOMMU_WRITE)
#define LIVE  96
#define OWN   256  /* pages of RAM that only this thread maps */
#define SHELF 1536 /* pages that are mapped by hand */

static struct iommu_domain *d;
static struct device dev;
static struct {
	dma_t handle;
	uint64_t phys, size;
} mine[MAX_THREADS][LIVE];
static struct scatterlist sg[MAX_THREADS][4];
static _Atomic(unsigned int) holder[SHELF];
static _Atomic(uint64_t) collisions;

static bool begin(struct iommu_options o, void (*run)(struct thread *t))
{
	if (!crew_start(16, 0, CMA_POLICY_GUARANTEED))
		return false;
	o.iotlb_entries = 64;
	if (!T_EQ(iommu_domain_create(m, &o, &d), 0))
		return false;
	dev = (struct device){.machine = m, .name = "racer", .iommu = d};
	memset(mine, 0, sizeof(mine));
	for (unsigned int i = 0; i < nr_threads; i++)
		thread[i].run = run;
	return true;
}

static void all_unmapped(void)
{
	struct iommu_stats s;

	for (unsigned int i = 0; i < MAX_THREADS; i++)
		for (unsigned int k = 0; k < LIVE; k++)
			if (mine[i][k].size)
				T_OK(iommu_dma_unmap(&dev, mine[i][k].handle, mine[i][k].size), "");
	iommu_stats(d, &s);
	T_EQ(s.mapped, 0);
	printf("# maps %llu flushes %llu hits %llu misses %llu stale %llu faults %llu\n",
	       (unsigned long long)s.maps, (unsigned long long)s.flushes,
	       (unsigned long long)s.iotlb_hits, (unsigned long long)s.iotlb_misses,
	       (unsigned long long)s.iotlb_stale, (unsigned long long)s.faults);
	TP_CHECK(m);
	iommu_domain_destroy(d);
	crew_end();
}

static bool reaches(uint64_t bus, uint64_t want)
{
	phys_t phys;
	uint64_t run;

	return !iommu_translate(&dev, (dma_t){bus}, 1, true, &phys, &run) && phys.v == want;
}

static void access_mine(const struct thread *t, unsigned int k)
{
	uint64_t at = mine[t->cpu][k].size - 1;

	must(reaches(mine[t->cpu][k].handle.v, mine[t->cpu][k].phys), "its first byte");
	must(reaches(mine[t->cpu][k].handle.v + at, mine[t->cpu][k].phys + at), "its last byte");
}

static void let_go(const struct thread *t, unsigned int k)
{
	uint64_t handle = mine[t->cpu][k].handle.v, phys = mine[t->cpu][k].phys;

	must(iommu_dma_unmap(&dev, mine[t->cpu][k].handle, mine[t->cpu][k].size), "unmapped");
	mine[t->cpu][k].size = 0;
	/* Nobody else maps this frame. */
	must(!d->strict || !reaches(handle, phys), "strict, and still reached");
}

static void scatter(struct thread *t)
{
	struct scatterlist *list = sg[t->cpu];
	uint64_t base = TP_BASE + t->cpu * OWN * PAGE;
	int n;

	for (unsigned int i = 0; i < 4; i++)
		list[i] = (struct scatterlist){.phys = {base + rnd(t) % (OWN - 4) * PAGE},
					       .length = 1 + rnd(t) % (3 * PAGE)};
	n = iommu_dma_map_sg(&dev, list, 4, RW);
	fair(n < 0 ? n : 0);
	if (n < 0)
		return;
	must(reaches(list[0].dma_address.v, list[0].phys.v), "a list's first byte");
	must(reaches(list[n - 1].dma_address.v + list[n - 1].dma_length - 1,
		     list[3].phys.v + list[3].length - 1),
	     "a list's last byte");
	iommu_dma_unmap_sg(&dev, list, 4);
}

static void map_and_unmap(struct thread *t)
{
	unsigned int k = rnd(t) % LIVE;
	dma_t handle;
	int err;

	if (mine[t->cpu][k].size) {
		access_mine(t, k);
		let_go(t, k);
		return;
	}
	if (rnd(t) % 16 == 0) {
		scatter(t);
		return;
	}
	mine[t->cpu][k].phys =
		TP_BASE + (t->cpu * OWN + rnd(t) % (OWN - 32)) * PAGE + rnd(t) % PAGE;
	mine[t->cpu][k].size = 1 + rnd(t) % (rnd(t) % 8 ? PAGE : 24 * PAGE);
	err = iommu_dma_map(&dev, (phys_t){mine[t->cpu][k].phys}, mine[t->cpu][k].size, UINT64_MAX,
			    RW, &handle);
	fair(err);
	if (err)
		mine[t->cpu][k].size = 0;
	else
		mine[t->cpu][k].handle = handle;
	if (!err)
		access_mine(t, k);
	if (rnd(t) % 4096 == 0)
		fh_cpu_quiesce(m);
}

static void deferred(void)
{
	if (!begin((struct iommu_options){.strict = false}, map_and_unmap))
		return;
	crew_race();
	all_unmapped();
}

static void strict(void)
{
	if (!begin((struct iommu_options){.strict = true}, map_and_unmap))
		return;
	crew_race();
	all_unmapped();
}

/* Fewer addresses than threads want: caches of others are emptied, and flushes come early. */
static void few_addresses(void)
{
	if (!begin((struct iommu_options){.aperture_start = PAGE, .aperture_end = 300 * PAGE - 1},
		   map_and_unmap))
		return;
	crew_race();
	all_unmapped();
}

/* ---- an address that others access all the time: what they cached is gone with the flush ---- */

static _Atomic(uint64_t) shown[MAX_THREADS];

static void snoop(struct thread *t)
{
	phys_t phys;
	uint64_t run, at = atomic_load(&shown[rnd(t) % nr_threads]);

	for (unsigned int i = 0; at && i < 8; i++)
		(void)!iommu_translate(&dev, (dma_t){at}, 1, true, &phys, &run);
}

static void show(struct thread *t)
{
	uint64_t phys = TP_BASE + (t->cpu * OWN + rnd(t) % OWN) * PAGE;
	dma_t handle;
	int err = iommu_dma_map(&dev, (phys_t){phys}, PAGE, UINT64_MAX, RW, &handle);

	fair(err);
	if (err)
		return;
	atomic_store(&shown[t->cpu], handle.v);
	must(reaches(handle.v, phys), "mapped");
	must(iommu_dma_unmap(&dev, handle, PAGE), "unmapped");
	if (!d->strict)
		iommu_flush(d);
	must(!reaches(handle.v, phys), "flushed, and still reached");
}

static void snooped_with(bool is_strict)
{
	if (!begin((struct iommu_options){.strict = is_strict}, show))
		return;
	memset(shown, 0, sizeof(shown));
	for (unsigned int i = 1; i < nr_threads; i += 2)
		thread[i].run = snoop;
	crew_race();
	all_unmapped();
}

static void snooped_strict(void)
{
	snooped_with(true);
}

static void snooped_deferred(void)
{
	snooped_with(false);
}

/* Several want the same pages: who is told that he has them is the only one. Large entries, and parts of them. */
static void by_hand(struct thread *t)
{
	bool large = rnd(t) % 8 == 0;
	uint64_t n = large ? 512 : 1 + rnd(t) % 40, done;
	uint64_t at = large ? rnd(t) % 3 * 512 : rnd(t) % (SHELF - n);
	uint64_t cut = large ? 1 + rnd(t) % 511 : n;
	int err = iommu_map(d, (dma_t){at * PAGE}, (phys_t){TP_BASE + at * PAGE}, n * PAGE, RW);

	must(!err || err == -FH_EEXIST, "mapped, or it is somebody's");
	if (err) {
		atomic_fetch_add(&collisions, 1);
		return;
	}
	for (uint64_t i = 0; i < n; i++)
		must(!atomic_exchange(&holder[at + i], 1), "two have a page");
	must(reaches(at * PAGE + 1, TP_BASE + at * PAGE + 1), "its first page");
	for (uint64_t i = 0; i < n; i++)
		atomic_store(&holder[at + i], 0);
	done = iommu_unmap(d, (dma_t){at * PAGE}, cut * PAGE);
	must(done == cut * PAGE, "the first part");
	if (cut < n)
		must(iommu_unmap(d, (dma_t){(at + cut) * PAGE}, (n - cut) * PAGE) ==
			     (n - cut) * PAGE,
		     "the second part");
}

static void same_range(void)
{
	if (!begin((struct iommu_options){.aperture_start = 64 * MIB,
					  .aperture_end = 128 * MIB - 1},
		   by_hand))
		return;
	atomic_store(&collisions, 0);
	crew_race();
	T_OK(atomic_load(&collisions) > 0, "they met");
	all_unmapped();
}

/* Statistics, faults and the file tree while all that goes on. */
static void look(struct thread *t)
{
	static _Thread_local char text[4096];
	struct iommu_fault f[4];
	struct iommu_stats s;
	size_t len;

	(void)t;
	iommu_stats(d, &s);
	(void)iommu_faults(d, f, 4);
	must(!fh_view_read(m, "sys/kernel/debug/iommu/domains", text, sizeof(text), &len), "shown");
	must(reaches(UINT64_C(1) << 40, 0) == false, "a fault");
}

static void watched(void)
{
	if (!begin((struct iommu_options){.strict = false}, map_and_unmap))
		return;
	thread[0].run = look;
	crew_race();
	all_unmapped();
}

const struct t_case t_cases[] = {
	T(deferred),	     T(strict),	    T(few_addresses), T(snooped_strict),
	T(snooped_deferred), T(same_range), T(watched),	      T_END};
