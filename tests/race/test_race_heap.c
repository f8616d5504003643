/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Heaps under threads: each allocates, holds, maps, gives away and drops buffers, of the buddy and of an area that is too small for all, so
 * that idle ones are moved meanwhile. Every buffer has its own bytes at all times, and in the end nothing is left.
 */
#include <stdlib.h>
#include <string.h>
#include <freehold/heap.h>
#include "buf/dmabuf.h"
#include "mm/machine.h"
#include "t.h"
#include "testplat.h"

#define THREADS 4
#define ROUNDS	400
#define MINE	6

static struct testplat tp;
static struct fh_machine *m;
static struct dma_holder *holder[THREADS];
static _Atomic(unsigned int) wrong, got, moved;

/* What one thread leaves for another. */
static _Atomic(struct dma_buf *) gift[THREADS];

static void notify(struct dma_buf_attachment *att)
{
	(void)att;
	atomic_fetch_add(&moved, 1);
}

static const struct dma_buf_attach_ops dynamic = {.move_notify = notify};

/* Its first and last word are its number. `fresh`: they are zero, and written now. */
static void look(struct dma_buf *buf, bool fresh)
{
	uint64_t *cpu, *last;
	void *p;

	if (dma_buf_vmap(buf, &p))
		return;
	cpu = p;
	last = cpu + buf->size / sizeof(*cpu) - 1;
	if (*cpu != (fresh ? 0 : buf->ino) || *last != *cpu)
		atomic_fetch_add(&wrong, 1);
	if (fresh)
		*cpu = *last = buf->ino;
	dma_buf_vunmap(buf);
}

static void import(struct dma_buf *buf, unsigned int me)
{
	struct device dev = {.machine = m, .name = "dev"};
	struct dma_buf_attachment *att;
	struct sg_table *sgt;
	bool statically = me & 1;

	if (statically ? dma_buf_attach(buf, &dev, &att)
		       : dma_buf_dynamic_attach(buf, &dev, &dynamic, NULL, &att))
		return;
	if (!dma_buf_map_attachment_unlocked(att, DMA_BIDIRECTIONAL, &sgt))
		dma_buf_unmap_attachment_unlocked(att, sgt, DMA_BIDIRECTIONAL);
	if (dma_buf_sync_caches(buf, DMA_BIDIRECTIONAL, true))
		atomic_fetch_add(&wrong, 1);
	dma_buf_detach(buf, att);
}

static struct dma_buf *allocate(unsigned int me, unsigned int r)
{
	struct dma_heap *heap = dma_heap_find(m, r & 1 ? "area" : "system");
	struct dma_buf *buf;

	if (dma_heap_alloc(heap, (UINT64_C(1) << (r >> 1) % 9) * FH_PAGE_SIZE, holder[me], &buf))
		return NULL;
	atomic_fetch_add(&got, 1);
	look(buf, true);
	return buf;
}

/* The thread's own reference ends, and its hold. */
static void drop(unsigned int me, struct dma_buf *buf)
{
	if (!buf)
		return;
	if (dma_holder_drop(holder[me], buf))
		atomic_fetch_add(&wrong, 1);
	dma_buf_put(buf);
}

static void pass_on(unsigned int me, struct dma_buf *buf)
{
	struct dma_buf *other = atomic_exchange(&gift[(me + 1) % THREADS], get_dma_buf(buf));

	dma_buf_put(other);
	other = atomic_exchange(&gift[me], NULL);
	if (other && !dma_holder_add(holder[me], other)) {
		look(other, false);
		if (dma_holder_drop(holder[me], other))
			atomic_fetch_add(&wrong, 1);
	}
	dma_buf_put(other);
}

static void *work(void *arg)
{
	unsigned int me = (unsigned int)(uintptr_t)arg, seed = me + 1;
	struct dma_buf *mine[MINE] = {NULL};
	struct dma_holder_info info;

	testplat_cpu(me);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		unsigned int k = (unsigned int)rand_r(&seed) % MINE;

		if (!mine[k]) {
			mine[k] = allocate(me, (unsigned int)rand_r(&seed) % 64);
		} else if (i % 3) {
			look(mine[k], false);
			import(mine[k], me);
			pass_on(me, mine[k]);
			dma_heap_set_movable(mine[k], i % 5);
		} else {
			drop(me, mine[k]);
			mine[k] = NULL;
		}
		(void)dma_holder_nth(m, me, &info);
	}
	for (unsigned int k = 0; k < MINE; k++)
		drop(me, mine[k]);
	fh_cpu_quiesce(m);
	return NULL;
}

static void run(bool share)
{
	struct boot_config *cfg =
		testplat_config(64, 4, CMA_POLICY_GUARANTEED, THREADS, TP_ONE_ZONE);
	pthread_t id[THREADS];

	testplat_init(&tp);
	testplat_cpu(0);
	testplat_caches(&tp, 0);
	if (share)
		testplat_share(&tp);
	cfg->region[0].flags = 0;
	m = testplat_machine_of(&tp, cfg);
	T_NEED(m);
	wrong = got = 0;
	for (unsigned int i = 0; i < THREADS; i++)
		T_EQ(dma_holder_create(m, "thread", i, &holder[i]), 0);
	for (unsigned int i = 0; i < THREADS; i++)
		T_NEED(!pthread_create(&id[i], NULL, work, (void *)(uintptr_t)i));
	for (unsigned int i = 0; i < THREADS; i++)
		pthread_join(id[i], NULL);
	for (unsigned int i = 0; i < THREADS; i++) {
		dma_buf_put(atomic_exchange(&gift[i], NULL));
		dma_holder_destroy(holder[i]);
	}
	T_EQ(wrong, 0);
	T_OK(got > ROUNDS / 2, "most are served");
	T_OK(!m->buf->buffers, "nothing is left");
	testplat_end(&tp, m);
}

static void in_ram(void)
{
	run(false);
}

static void in_objects(void)
{
	run(true);
}

const struct t_case t_cases[] = {T(in_ram), T(in_objects), T_END};
