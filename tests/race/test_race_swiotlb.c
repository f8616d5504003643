/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Races of bounce buffers: who maps, syncs and unmaps on several CPUs, what others unmap for them, growth, counts being read. */
#include <string.h>
#include <freehold/page.h>
#include "crew.h"
#include "dma/swiotlb.h"
#include "mm/drain.h"
#include "mm/machine.h"
#include "t.h"

#define PLACES                                                                                     \
	24 /* mappings; whoever comes by makes one there, or ends it: completions on another CPU */
#define SHARE (128 * 1024)

static struct io_tlb_mem *mem;
static struct device dev, narrow;

enum { FREE, BUSY, MAPPED };

/* Every byte is its stamp, and the device wrote another. */
static struct place {
	_Atomic(uint32_t) state; /* BUSY: one thread's */
	struct device *dev;
	uint64_t phys, orig, size, buf; /* buf: of SHARE bytes of its own */
	unsigned char stamp;
} place[PLACES];

static unsigned char *at(uint64_t phys)
{
	return machine_virt(m, phys >> FH_PAGE_SHIFT) + (phys & (FH_PAGE_SIZE - 1));
}

static bool all(const unsigned char *p, uint64_t n, unsigned char c)
{
	for (uint64_t i = 0; i < n; i++)
		if (p[i] != c)
			return false;
	return true;
}

static bool make(struct thread *t, struct place *l)
{
	dma_t h;
	int err;

	l->size = 1 + rnd(t) % (rnd(t) % 4 ? 6000 : 100000);
	l->orig = l->buf + rnd(t) % 4096;
	l->stamp = (unsigned char)rnd(t);
	l->dev = rnd(t) % 4 ? &dev : &narrow;
	memset(at(l->orig), l->stamp, l->size);
	err = swiotlb_map(l->dev, (phys_t){l->orig}, l->size, DMA_BIDIRECTIONAL, DMA_ATTR_NO_WARN,
			  &h);
	must(!err || err == -FH_ENOSPC, "an error of the contract");
	if (err)
		return false;
	l->phys = h.v;
	must(is_swiotlb_buffer(l->dev, (phys_t){h.v}), "found again");
	must(all(at(h.v), l->size, l->stamp), "the device sees its bytes");
	memset(at(h.v), l->stamp ^ 0xff, l->size);
	return true;
}

static void end(struct thread *t, struct place *l)
{
	uint64_t from = rnd(t) % l->size, n = 1 + rnd(t) % (l->size - from);

	must(all(at(l->phys), l->size, l->stamp ^ 0xff), "slots are one mapping's");
	must(!swiotlb_sync_for_cpu(l->dev, (phys_t){l->phys + from}, n, DMA_FROM_DEVICE), "a part");
	must(all(at(l->orig + from), n, l->stamp ^ 0xff), "of its bytes");
	must(!swiotlb_unmap(l->dev, (phys_t){l->phys}, l->size, DMA_BIDIRECTIONAL, 0), "all");
	must(all(at(l->orig), l->size, l->stamp ^ 0xff), "of its bytes");
}

static void bounce(struct thread *t)
{
	struct place *l = &place[rnd(t) % PLACES];
	uint32_t was = atomic_load(&l->state);

	if (was == BUSY || !atomic_compare_exchange_strong(&l->state, &was, BUSY))
		return;
	if (was == FREE) {
		atomic_store(&l->state, make(t, l) ? MAPPED : FREE);
	} else {
		end(t, l);
		atomic_store(&l->state, FREE);
	}
}

/* Counts while they change: never more than there can be, and never above the mark. */
static void count(struct thread *t)
{
	struct swiotlb_stats s;

	swiotlb_stats(mem, &s);
	must(s.used <= s.used_hiwater, "the mark is the most");
	must(s.used <= s.nslabs + PLACES * 64, "slots that there are");
	if (rnd(t) % 16 == 0)
		swiotlb_reset_hiwater(mem);
	if (rnd(t) % 64 == 0)
		swiotlb_background(m);
	bounce(t);
}

static void check(void)
{
	char why[1024] = "";
	struct fh_text out = {why, sizeof(why), 0};

	T_OK(!swiotlb_check(m, mem, &out), why);
}

static void race(uint64_t nslabs, unsigned int nareas, unsigned int flags)
{
	struct thread t = {.rnd = 1};
	struct swiotlb_stats s;
	pfn_t pfn[PLACES];

	if (!crew_start(128, 8, CMA_POLICY_GUARANTEED))
		return;
	T_EQ(swiotlb_create(m, nslabs, nareas, flags, &mem), 0);
	m->dma->swiotlb = mem;
	dev = narrow = (struct device){.machine = m};
	narrow.min_align_mask = 0xfff;
	narrow.segment_boundary_mask = 0x1ffff;
	for (unsigned int i = 0; i < PLACES; i++) {
		T_EQ(fh_alloc_pages(m, GFP_KERNEL, 5, &pfn[i]), 0);
		atomic_store(&place[i].state, FREE);
		place[i].buf = fh_pfn_to_phys(pfn[i]).v;
	}
	for (unsigned int i = 0; i < nr_threads; i++)
		thread[i].run = i == nr_threads - 1 ? count : bounce;
	crew_race();
	check();
	for (unsigned int i = 0; i < PLACES; i++) {
		if (atomic_load(&place[i].state) == MAPPED)
			end(&t, &place[i]);
		T_EQ(fh_free_pages(m, pfn[i], 5), 0);
	}
	T_OK(!atomic_load(&wrong), "the rest, too");
	check();
	swiotlb_stats(mem, &s);
	T_EQ(s.used, 0);
	T_EQ(s.transient_nslabs, 0);
	T_OK(s.bounced > 0, "something was");
	m->dma->swiotlb = NULL;
	swiotlb_destroy(m, mem);
	pcp_drain_all(m);
	crew_end();
}

static void with_room(void)
{
	race(4096, 0, 0);
}

static void full(void)
{
	race(256, 2, 0);
}

static void growing(void)
{
	race(256, 2, SWIOTLB_CAN_GROW);
}

const struct t_case t_cases[] = {T(with_room), T(full), T(growing), T_END};
