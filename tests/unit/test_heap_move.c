/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Idle buffers of an area make room: what they contain, who hears of it, and who does not move. */
#include <string.h>
#include <freehold/heap.h>
#include <freehold/page.h>
#include "buf/heap_buffer.h"
#include "mm/machine.h"
#include "t.h"
#include "testplat.h"

#define MIB	 UINT64_C(0x100000)
#define PART	 (4 * MIB)
#define NR_PARTS 4

static struct testplat tp;
static struct fh_machine *m;
static struct dma_heap *area;
static struct dma_buf *buf[NR_PARTS];

/* Full of four buffers, each with its own byte. Of two holes that are half of it each none is whole. */
static bool start(bool share, unsigned int line)
{
	struct boot_config *cfg = testplat_config(64, 16, CMA_POLICY_GUARANTEED, 1, TP_ONE_ZONE);

	cfg->region[0].flags = 0; /* no pools in it */
	testplat_init(&tp);
	testplat_cpu(0);
	if (line)
		testplat_caches(&tp, line);
	if (share)
		testplat_share(&tp);
	m = testplat_machine_of(&tp, cfg);
	area = m ? dma_heap_find(m, "area") : NULL;
	for (unsigned int i = 0; i < NR_PARTS && area; i++) {
		void *cpu;

		if (!T_EQ(dma_heap_alloc(area, PART, NULL, &buf[i]), 0) ||
		    !T_EQ(dma_buf_vmap(buf[i], &cpu), 0))
			return false;
		memset(cpu, (int)(0x10 + i), PART);
		dma_buf_vunmap(buf[i]);
	}
	for (unsigned int i = 0; i < NR_PARTS && area; i += 2) {
		dma_buf_put(buf[i]);
		buf[i] = NULL;
	}
	return area;
}

static void end(void)
{
	for (unsigned int i = 0; i < NR_PARTS; i++)
		dma_buf_put(buf[i]);
	testplat_end(&tp, m);
}

static pfn_t where(unsigned int i)
{
	struct range run = {0, 0};

	T_EQ(dma_heap_runs(buf[i], &run, 1), 1);
	return run.start;
}

/* Asks for half of the area. */
static int ask(void)
{
	struct dma_buf *large;
	int err = dma_heap_alloc(area, 2 * PART, NULL, &large);

	TP_CHECK(m);
	if (!err)
		dma_buf_put(large);
	return err;
}

static void has_bytes(unsigned int i)
{
	const unsigned char *p;
	uint64_t same = 0;
	void *cpu;

	if (!T_EQ(dma_buf_vmap(buf[i], &cpu), 0))
		return;
	for (p = cpu; same < PART && p[same] == 0x10 + i;)
		same++;
	T_EQ(same, PART);
	dma_buf_vunmap(buf[i]);
}

static void moves_with_its_bytes(void)
{
	for (unsigned int how = 0; how < 4; how++) {
		pfn_t one, three;

		T_NEED(start(how & 1, how & 2 ? 64 : 0));
		one = where(1);
		three = where(3);
		T_EQ(ask(), 0);
		T_OK((where(1) != one) != (where(3) != three), "exactly one moved");
		has_bytes(1);
		has_bytes(3);
		end();
	}
}

/* ---- importers ---- */

static struct device dev;
static unsigned int notified;
static struct dma_fence *busy; /* what an importer leaves behind as it hears of the move */

static void move_notify(struct dma_buf_attachment *att)
{
	notified++;
	if (busy && !dma_resv_reserve_fences(att->dmabuf->resv, 1))
		dma_resv_add_fence(att->dmabuf->resv, busy, DMA_RESV_USAGE_BOOKKEEP);
}

static const struct dma_buf_attach_ops dynamic = {.move_notify = move_notify};

/* A device that does not snoop has written; the CPU has not looked. The bytes come along. */
static void dynamic_importer(void)
{
	static const unsigned char mark[] = "written by a device";
	struct dma_buf_attachment *att[NR_PARTS];
	unsigned char seen[sizeof(mark)];
	struct sg_table *sgt;

	for (unsigned int how = 0; how < 4; how++) {
		T_NEED(start(how & 1, how & 2 ? 64 : 0));
		dev = (struct device){.machine = m};
		notified = 0;
		for (unsigned int i = 1; i < NR_PARTS; i += 2) {
			T_EQ(dma_buf_dynamic_attach(buf[i], &dev, &dynamic, NULL, &att[i]), 0);
			T_EQ(dma_buf_map_attachment_unlocked(att[i], DMA_BIDIRECTIONAL, &sgt), 0);
			if (how & 2)
				testplat_bus_write(&tp, sgt->sgl[0].phys, mark, sizeof(mark),
						   false);
		}
		T_EQ(ask(), 0);
		T_EQ(notified, 1);
		for (unsigned int i = 1; i < NR_PARTS; i += 2) {
			T_EQ(dma_buf_map_attachment_unlocked(att[i], DMA_BIDIRECTIONAL, &sgt), 0);
			T_EQ(fh_phys_to_pfn(sgt->sgl[0].phys), where(i));
			if (how & 2) {
				testplat_bus_read(&tp, sgt->sgl[0].phys, seen, sizeof(seen), false);
				T_OK(!memcmp(seen, mark, sizeof(mark)), "the device's bytes");
			}
			dma_buf_detach(buf[i], att[i]);
		}
		end();
	}
}

static void who_stays(void)
{
	struct dma_buf_attachment *att[NR_PARTS];
	struct sg_table *sgt;
	void *cpu;

	T_NEED(start(true, 0));
	dev = (struct device){.machine = m};
	/* 1: an importer that is not dynamic; 3: somebody has its address. */
	T_EQ(dma_buf_attach(buf[1], &dev, &att[1]), 0);
	T_EQ(dma_buf_map_attachment_unlocked(att[1], DMA_TO_DEVICE, &sgt), 0);
	T_EQ(dma_buf_vmap(buf[3], &cpu), 0);
	T_EQ(ask(), -FH_ENOMEM);
	dma_buf_vunmap(buf[3]);
	/* 3: a dynamic one that has pinned it. */
	T_EQ(dma_buf_dynamic_attach(buf[3], &dev, &dynamic, NULL, &att[3]), 0);
	buffer_lock(buf[3]);
	T_EQ(dma_buf_pin(att[3]), 0);
	buffer_unlock(buf[3]);
	T_EQ(ask(), -FH_ENOMEM);
	buffer_lock(buf[3]);
	dma_buf_unpin(att[3]);
	T_EQ(ask(), -FH_ENOMEM); /* locked: somebody is at it */
	buffer_unlock(buf[3]);
	/* 3: not if its owner says so. */
	dma_heap_set_movable(buf[3], false);
	T_EQ(ask(), -FH_ENOMEM);
	dma_heap_set_movable(buf[3], true);
	T_EQ(ask(), 0);
	dma_buf_detach(buf[3], att[3]);
	dma_buf_unmap_attachment_unlocked(att[1], sgt, DMA_TO_DEVICE);
	dma_buf_detach(buf[1], att[1]);
	end();
}

/* A fence that is not done, of whatever usage; or one that comes with the news. */
static void fences(void)
{
	struct dma_buf_attachment *att;
	struct dma_fence *f[2];

	T_NEED(start(true, 0));
	dev = (struct device){.machine = m};
	for (unsigned int i = 0; i < 2; i++) {
		T_EQ(dma_fence_create(m, "gpu", "ring", dma_fence_context_alloc(m, 1), 1, &f[i]),
		     0);
		buffer_lock(buf[1 + 2 * i]);
		T_EQ(dma_resv_reserve_fences(buf[1 + 2 * i]->resv, 1), 0);
		dma_resv_add_fence(buf[1 + 2 * i]->resv, f[i],
				   i ? DMA_RESV_USAGE_BOOKKEEP : DMA_RESV_USAGE_READ);
		buffer_unlock(buf[1 + 2 * i]);
	}
	T_EQ(ask(), -FH_ENOMEM);
	T_EQ(dma_fence_signal(f[0]), 0);
	notified = 0;
	busy = f[1];
	T_EQ(dma_buf_dynamic_attach(buf[1], &dev, &dynamic, NULL, &att), 0);
	T_EQ(ask(), -FH_ENOMEM);
	T_EQ(notified, 1);
	T_EQ(dma_fence_signal(f[1]), 0);
	busy = NULL;
	T_EQ(ask(), 0);
	has_bytes(1);
	has_bytes(3);
	dma_buf_detach(buf[1], att);
	dma_fence_put(f[0]);
	dma_fence_put(f[1]);
	end();
}

/* The platform has no room for the new place: it stays, and is asked again. */
static void refused_by_the_platform(void)
{
	unsigned int n = 0;

	T_NEED(start(true, 0));
	do {
		atomic_store(&tp.failed, 0);
		atomic_store(&tp.fail_nth, ++n);
		(void)ask();
	} while (atomic_exchange(&tp.fail_nth, 0) <= 0 && n < 50);
	T_OK(n > 2 && n < 50, "until nothing fails");
	has_bytes(1);
	has_bytes(3);
	end();
}

const struct t_case t_cases[] = {T(moves_with_its_bytes),
				 T(dynamic_importer),
				 T(who_stays),
				 T(fences),
				 T(refused_by_the_platform),
				 T_END};
