/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Threads on one pool of small objects: what one takes another frees; every object has one owner, and its bytes. */
#include <string.h>
#include <freehold/dmapool.h>
#include "crew.h"
#include "mm/drain.h"
#include "mm/machine.h"
#include "t.h"

#define BOXES 256
#define SIZE  40

struct letter {
	dma_t handle;
	uint32_t *cpu;
};

static struct dma_pool *pool;
static struct device dev;
static struct letter kept[BOXES];
static _Atomic(uint32_t) busy[BOXES]; /* 0: empty, 1: being looked at, 2: full */

static void give_back(const struct letter *l)
{
	must(l->cpu[0] == (uint32_t)l->handle.v && l->cpu[SIZE / 4 - 1] == l->cpu[0],
	     "an object has one owner");
	l->cpu[0] = 0;
	must(!dma_pool_free(pool, l->cpu, l->handle), "an object can be given back");
}

static void churn(struct thread *t)
{
	unsigned int box = rnd(t) % BOXES;
	uint32_t full = 2, empty = 0;
	struct letter l;
	void *cpu;

	if (atomic_compare_exchange_strong(&busy[box], &full, 1)) {
		l = kept[box];
		atomic_store(&busy[box], 0);
		give_back(&l);
		return;
	}
	if (!atomic_compare_exchange_strong(&busy[box], &empty, 1))
		return;
	if (dma_pool_alloc(pool, GFP_ATOMIC, &l.handle, &cpu)) {
		atomic_store(&busy[box], 0);
		return;
	}
	l.cpu = cpu;
	must(!(l.handle.v & 7), "aligned");
	l.cpu[0] = l.cpu[SIZE / 4 - 1] = (uint32_t)l.handle.v;
	kept[box] = l;
	atomic_store(&busy[box], 2);
}

/* Pools come and go, and are looked at, beside it. */
static void others(struct thread *t)
{
	struct dma_pool *mine;
	char text[256];
	dma_t handle;
	size_t len;
	void *cpu;

	must(!fh_view_read(m, "sys/kernel/debug/freehold/dma_pools", text, sizeof(text), &len),
	     "the file can be read");
	if (dma_pool_create("mine", &dev, 1 + rnd(t) % 5000, 0, 0, &mine))
		return;
	if (!dma_pool_alloc(mine, GFP_KERNEL, &handle, &cpu)) {
		must(dma_pool_destroy(mine) == -FH_EBUSY, "an object is out");
		must(!dma_pool_free(mine, cpu, handle), "it can be given back");
	}
	must(!dma_pool_destroy(mine), "and then the pool");
}

static void one_pool(void)
{
	if (!crew_start(64, 0, CMA_POLICY_GUARANTEED))
		return;
	dev = (struct device){.machine = m, .name = "usb"};
	T_NEED(!dma_pool_create("shared", &dev, SIZE, 8, 256, &pool));
	for (unsigned int i = 0; i < nr_threads; i++)
		thread[i].run = i ? churn : others;
	crew_race();
	for (unsigned int i = 0; i < BOXES; i++)
		if (busy[i] == 2)
			give_back(&kept[i]);
	T_EQ(dma_pool_destroy(pool), 0);
	for (unsigned int i = 0; i < m->nr_cpus; i++) {
		testplat_cpu(i);
		fh_cpu_quiesce(m);
	}
	testplat_cpu(~0u);
	pcp_drain_all(m);
	crew_end();
}

/* ---- pools that all of them fill at once, so that two want to enlarge the table ---- */

#define POOLS 240
#define EACH  12

static struct dma_pool *filled[POOLS];
static struct letter had[MAX_THREADS][POOLS * EACH];
static unsigned int nr_had[MAX_THREADS];

static void fill(struct thread *t)
{
	unsigned int n = nr_had[t->cpu];
	struct letter *l = &had[t->cpu][n];
	void *cpu;

	if (n == POOLS * EACH)
		return;
	if (!dma_pool_alloc(filled[n / EACH], GFP_ATOMIC, &l->handle, &cpu)) {
		l->cpu = cpu;
		nr_had[t->cpu]++;
	}
}

static void growing(void)
{
	if (!crew_start(128, 0, CMA_POLICY_GUARANTEED))
		return;
	dev = (struct device){.machine = m, .name = "usb"};
	for (unsigned int i = 0; i < POOLS; i++)
		T_NEED(!dma_pool_create("filled", &dev, 4096, 0, 0, &filled[i]));
	for (unsigned int i = 0; i < nr_threads; i++) {
		nr_had[i] = 0;
		thread[i].run = fill;
	}
	crew_race();
	for (unsigned int i = 0; i < nr_threads; i++)
		while (nr_had[i]--)
			T_EQ(dma_pool_free(filled[nr_had[i] / EACH], had[i][nr_had[i]].cpu,
					   had[i][nr_had[i]].handle),
			     0);
	for (unsigned int i = 0; i < POOLS; i++)
		T_EQ(dma_pool_destroy(filled[i]), 0);
	for (unsigned int i = 0; i < m->nr_cpus; i++) {
		testplat_cpu(i);
		fh_cpu_quiesce(m);
	}
	testplat_cpu(~0u);
	pcp_drain_all(m);
	crew_end();
}

const struct t_case t_cases[] = {T(one_pool), T(growing), T_END};
