/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Threads, each a driver with buffers of its own, under DMA debugging: right use gives no report, however much others are
 * wrong on devices of theirs. Then all of them on one device's few buffers, wrong on purpose: nothing breaks.
 */
#include <string.h>
#include <freehold/dma_debug.h>
#include <freehold/page.h>
#include "crew.h"
#include "dma/debug.h"
#include "mm/drain.h"
#include "mm/machine.h"
#include "t.h"

#define BUFFERS 8
#define SIZE	UINT64_C(16384)

static struct device dev[MAX_THREADS];
static bool mapped[MAX_THREADS][BUFFERS];
static uint64_t base;
static struct dma_report report[DMA_MAX_REPORTS];

static uint64_t buffer(unsigned int who, unsigned int i)
{
	return base + (who * BUFFERS + i) * SIZE;
}

static void right(struct thread *t)
{
	unsigned int i = rnd(t) % BUFFERS, who = t->cpu;
	const enum dma_data_direction dir = (enum dma_data_direction)(i % 3);
	struct device *d = &dev[who];
	dma_t handle = {buffer(who, i)};
	uint64_t part = rnd(t) % SIZE, n = 1 + rnd(t) % (SIZE - part);
	char *cpu = fh_page_address(m, handle.v >> FH_PAGE_SHIFT);

	if (!mapped[who][i]) {
		debug_dma_map(d, DMA_DEBUG_SINGLE, (phys_t){handle.v}, SIZE, dir, 0, handle, NULL);
		mapped[who][i] = true;
		return;
	}
	if (rnd(t) % 4 == 0) {
		must(debug_dma_unmap(d, DMA_DEBUG_SINGLE, handle, SIZE, dir, NULL), "was mapped");
		mapped[who][i] = false;
		return;
	}
	debug_dma_device_access(d, handle, SIZE, dir == DMA_FROM_DEVICE);
	debug_dma_sync(d, (dma_t){handle.v + part}, n, dir, true, NULL);
	dma_debug_cpu_access(m, cpu + part, n, true);
	debug_dma_sync(d, (dma_t){handle.v + part}, n, dir, false, NULL);
}

/* On one device, whose buffers others map and unmap, too; and it goes, now and then. */
static void wrong_use(struct thread *t)
{
	unsigned int i = rnd(t) % BUFFERS;
	struct device *d = &dev[0];
	dma_t handle = {buffer(0, i) + rnd(t) % 2 * 4096};
	uint64_t n = 1 + rnd(t) % SIZE;
	struct dma_debug_state s;
	char text[256];
	size_t len;

	switch (rnd(t) % 16) {
	case 0 ... 4:
		debug_dma_map(d, DMA_DEBUG_SINGLE, (phys_t){handle.v}, n,
			      (enum dma_data_direction)(rnd(t) % 3), 0, handle, NULL);
		break;
	case 5 ... 9:
		(void)debug_dma_unmap(d, DMA_DEBUG_SINGLE, handle, n, DMA_TO_DEVICE, NULL);
		break;
	case 10:
		debug_dma_sync(d, handle, n, DMA_TO_DEVICE, rnd(t) & 1, NULL);
		break;
	case 11:
		debug_dma_device_access(d, handle, n, rnd(t) & 1);
		break;
	case 12:
		dma_debug_cpu_access(m, fh_page_address(m, handle.v >> FH_PAGE_SHIFT), n,
				     rnd(t) & 1);
		break;
	case 13:
		must(!fh_view_read(m, "sys/kernel/debug/dma-api/dump", text, sizeof(text), &len),
		     "the dump can be read");
		break;
	case 14:
		dma_debug_state(m, &s);
		must(s.min_free <= s.nr_free && s.nr_free <= s.nr_entries, "counts fit");
		must(dma_debug_reports(m, report + t->cpu, 1) <= DMA_MAX_REPORTS, "reports");
		break;
	default:
		if (rnd(t) % 32 == 0)
			dma_debug_device_gone(d);
		break;
	}
}

static void race(void (*run)(struct thread *t), void (*one)(struct thread *t))
{
	pfn_t pfn;

	if (!crew_start(64, 0, CMA_POLICY_GUARANTEED))
		return;
	T_NEED(!dma_debug_create(m, 4096, &m->dma->debug));
	T_NEED(!fh_alloc_pages(m, GFP_KERNEL, 10, &pfn));
	base = fh_pfn_to_phys(pfn).v;
	memset(mapped, 0, sizeof(mapped));
	for (unsigned int i = 0; i < nr_threads; i++) {
		dev[i] = (struct device){.machine = m, .name = "racer"};
		thread[i].run = i ? run : one;
	}
	crew_race();
}

static void race_end(void)
{
	for (unsigned int i = 0; i < nr_threads; i++)
		dma_debug_device_gone(&dev[i]);
	TP_CHECK(m);
	dma_debug_destroy(m, m->dma->debug);
	m->dma->debug = NULL;
	T_EQ(fh_free_pages(m, base >> FH_PAGE_SHIFT, 10), 0);
	for (unsigned int i = 0; i < m->nr_cpus; i++) {
		testplat_cpu(i);
		fh_cpu_quiesce(m);
	}
	testplat_cpu(~0u);
	pcp_drain_all(m);
	crew_end();
}

static void all_right(void)
{
	race(right, right);
	T_EQ(dma_debug_count(m, DMA_NR_REPORTS), 0);
	race_end();
}

/* The first is wrong, where nobody else is: its reports are its own. */
static void one_wrong(void)
{
	unsigned int n;

	race(right, wrong_use);
	n = dma_debug_reports(m, report, DMA_MAX_REPORTS);
	T_OK(n > 0, "it is seen");
	for (unsigned int i = 0; i < n; i++)
		T_OK(report[i].handle.v < buffer(1, 4), "others did nothing wrong");
	race_end();
}

static void all_wrong(void)
{
	race(wrong_use, wrong_use);
	T_OK(dma_debug_count(m, DMA_NR_REPORTS) > 0, "it is seen");
	race_end();
}

const struct t_case t_cases[] = {T(all_right), T(one_wrong), T(all_wrong), T_END};
