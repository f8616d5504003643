/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The IOTLB: what a device reaches before and after a flush; and a model of every page, with what may wait for one. */
#include <string.h>
#include <freehold/page.h>
#include "iobench.h"
#include "t.h"

#define PAGE FH_PAGE_SIZE
#define MIB  (UINT64_C(1) << 20)
#define GIB  (UINT64_C(1) << 30)
#define ALL  UINT64_MAX
#define RAM  TP_BASE

static struct iobench io;

/* ---- flushes ---- */

/* A device that goes on after unmap: it reads what is there by now, until the flush; then it is stopped. */
static void stale_until_flushed(void)
{
	uint64_t a, to;
	char *byte;
	pfn_t pfn;

	T_NEED(io_start(&io, false));
	T_EQ(fh_alloc_pages(io.m, GFP_KERNEL, 0, &pfn), 0);
	byte = fh_page_address(io.m, pfn);
	*byte = 'x';
	a = io_map(&io, pfn * PAGE, PAGE);
	T_EQ(io_reach(&io, a, false), pfn * PAGE);
	T_OK(io_unmap(&io, a, PAGE), "unmapped");
	T_EQ(fh_free_pages(io.m, pfn, 0), 0);
	*byte = 'y'; /* somebody else's */
	to = io_reach(&io, a, false);
	T_EQ(to, pfn * PAGE);
	T_EQ(*(char *)fh_page_address(io.m, to / PAGE), 'y');
	T_EQ(io_stats(&io).iotlb_stale, 1);
	T_EQ(io_stats(&io).deferred, 1);
	io.now_ns += IOMMU_DUE_NS - 1;
	T_EQ(io_reach(&io, a, true), pfn * PAGE);
	T_EQ(io_stats(&io).iotlb_stale, 2);
	io.now_ns++;
	T_EQ(io_reach(&io, a, true), 0);
	T_EQ(io_stats(&io).iotlb_stale, 2);
	T_EQ(io_stats(&io).deferred, 0);
	T_EQ(io_stats(&io).flushes, 1);
	io_stop(&io);
}

static void flushed_when_full(void)
{
	uint64_t a = 0, first = 0;

	T_NEED(io_start(&io, false));
	for (unsigned int i = 0; i < IOMMU_QUEUE; i++) {
		a = io_map(&io, RAM, PAGE);
		T_NEED(a && a != first); /* no address comes back before the flush */
		if (!i)
			first = a;
		if (i < 2)
			T_EQ(io_reach(&io, a, false), RAM);
		T_NEED(io_unmap(&io, a, PAGE));
	}
	T_EQ(io_stats(&io).deferred, IOMMU_QUEUE);
	T_EQ(io_reach(&io, first, false), RAM);
	TP_CHECK(io.m);
	a = io_map(&io, RAM, PAGE);
	T_OK(io_unmap(&io, a, PAGE), "one more");
	T_EQ(io_stats(&io).deferred, 0); /* flushed with the rest */
	T_EQ(io_stats(&io).flushes, 1);
	T_EQ(io_reach(&io, first, false), 0);
	io_stop(&io);
}

static void strict_flushes(void)
{
	uint64_t a, b;

	T_NEED(io_start(&io, true));
	b = io_map(&io, RAM + 2 * MIB, 2 * MIB);
	T_EQ(io_reach(&io, b + 5 * PAGE, true), RAM + 2 * MIB + 5 * PAGE);
	for (unsigned int i = 0; i < 5; i++) {
		a = io_map(&io, RAM, PAGE);
		T_EQ(io_reach(&io, a, false), RAM);
		T_OK(io_unmap(&io, a, PAGE), "unmapped");
		T_EQ(io_reach(&io, a, false), 0);
	}
	T_EQ(io_stats(&io).iotlb_hits, 0);
	T_EQ(io_reach(&io, b + 6 * PAGE, true), RAM + 2 * MIB + 6 * PAGE); /* others stay cached */
	T_EQ(io_stats(&io).iotlb_hits, 1);
	T_EQ(io_stats(&io).flushes, 5);
	T_EQ(iommu_unmap(io.d, (dma_t){b + 7 * PAGE}, PAGE), PAGE); /* splits it */
	T_EQ(io_reach(&io, b + 7 * PAGE, true), 0);
	T_EQ(io_reach(&io, b + 8 * PAGE, true), RAM + 2 * MIB + 8 * PAGE);
	T_EQ(io_stats(&io).iotlb_stale, 0);
	io_stop(&io);
}

/* Bounded: what is pushed out is walked for again, and a stale one that was pushed out faults. */
static void small_iotlb(void)
{
	const struct iommu_options o = {.iotlb_entries = 4};
	uint64_t a = 0, misses;

	T_NEED(io_start_with(&io, &o));
	a = io_map(&io, RAM, 8 * PAGE);
	for (unsigned int i = 0; i < 5; i++)
		T_EQ(io_reach(&io, a + i * PAGE, false), RAM + i * PAGE);
	T_EQ(io_stats(&io).iotlb_misses, 5);
	T_EQ(io_reach(&io, a + 4 * PAGE, false), RAM + 4 * PAGE);
	T_EQ(io_stats(&io).iotlb_hits, 1);
	misses = io_stats(&io).iotlb_misses;
	T_EQ(io_reach(&io, a, false), RAM);
	T_EQ(io_stats(&io).iotlb_misses, misses + 1);
	T_OK(io_unmap(&io, a, 8 * PAGE), "unmapped");
	T_EQ(io_reach(&io, a, false), RAM);
	T_EQ(io_reach(&io, a + PAGE, false), 0);
	io_stop(&io);
}

/* ---- the model: every page of a small aperture, and what may wait for a flush ---- */

#define APERTURE 512
#define LIVE	 64

struct live {
	uint64_t handle, phys, size;
	unsigned int prot;
	struct scatterlist sg[6];
	unsigned int nents;
};

static struct live live[LIVE];
static uint64_t model[APERTURE];       /* what each page leads to */
static unsigned char queued[APERTURE]; /* unmapped; perhaps not flushed */

static uint32_t rnd(uint32_t *x)
{
	*x = *x * 1664525 + 1013904223;
	return *x >> 8;
}

static void note(uint64_t bus, uint64_t phys, bool there)
{
	uint64_t i = (bus - GIB) / PAGE;

	if (i >= APERTURE || (there && model[i])) {
		T_OK(false, "an address outside, or taken");
		return;
	}
	model[i] = there ? phys & ~(PAGE - 1) : 0;
	queued[i] = !there;
}

static void note_all(const struct live *l, bool there)
{
	unsigned int s = 0;
	uint64_t at = 0;

	for (uint64_t k = 0; !l->nents && k < l->size; k += PAGE - (l->phys + k) % PAGE)
		note(l->handle + k, l->phys + k, there);
	for (unsigned int i = 0; i < l->nents; i++) {
		for (uint64_t k = 0; k < l->sg[i].length;) {
			uint64_t step = PAGE - (l->sg[i].phys.v + k) % PAGE;

			if (at >= l->sg[s].dma_length) {
				s++;
				at = 0;
			}
			note(l->sg[s].dma_address.v + at, l->sg[i].phys.v + k, there);
			step = step < l->sg[i].length - k ? step : l->sg[i].length - k;
			k += step;
			at += step;
		}
	}
}

static void model_map(struct live *l, uint32_t *x)
{
	dma_t handle;
	int err;

	l->nents = rnd(x) % 3 ? 0 : 1 + rnd(x) % 6;
	l->prot = 1 + rnd(x) % 3;
	if (l->nents) {
		for (unsigned int i = 0; i < l->nents; i++)
			l->sg[i] = (struct scatterlist){
				.phys = {RAM + rnd(x) % 4096 * PAGE +
					 (rnd(x) % 2 ? rnd(x) % PAGE : 0)},
				.length = rnd(x) % 2 ? PAGE : 1 + rnd(x) % (3 * PAGE),
			};
		err = iommu_dma_map_sg(&io.dev, l->sg, l->nents, l->prot);
		l->size = err > 0;
	} else {
		l->phys = RAM + rnd(x) % (16 * MIB);
		l->size = 1 + rnd(x) % (rnd(x) % 4 ? PAGE : 24 * PAGE);
		err = iommu_dma_map(&io.dev, (phys_t){l->phys}, l->size, ALL, l->prot, &handle);
		l->handle = handle.v;
		if (err)
			l->size = 0;
	}
	if (err < 0)
		T_EQ(err, -FH_ENOMEM);
	else
		note_all(l, true);
}

static void model_unmap(struct live *l)
{
	note_all(l, false);
	if (l->nents)
		iommu_dma_unmap_sg(&io.dev, l->sg, l->nents);
	else
		T_OK(io_unmap(&io, l->handle, l->size), "unmapped");
	l->size = 0;
}

/* A page that is mapped leads where the model says; one that is not faults, or is stale if it was unmapped. */
static void model_probe(uint32_t *x)
{
	uint64_t i = rnd(x) % APERTURE, stale = io_stats(&io).iotlb_stale, run;
	phys_t phys = {0};
	int err = iommu_translate(&io.dev, (dma_t){GIB + i * PAGE + 9}, 1, true, &phys, &run);

	if (io_stats(&io).iotlb_stale != stale)
		T_OK(queued[i], "stale, and never unmapped");
	else if (!err)
		T_EQ(phys.v, model[i] + 9);
	else if (model[i])
		T_EQ(iopt_walk(&io.d->pt, GIB + i * PAGE, &(unsigned int){0}) & IOPT_WRITE, 0);
}

static void against_model(bool strict, uint64_t boundary, uint64_t fail_every)
{
	const struct iommu_options o = {.aperture_start = GIB,
					.aperture_end = GIB + APERTURE * PAGE - 1,
					.strict = strict,
					.iotlb_entries = 64};
	uint32_t x = 11;

	T_NEED(io_start_with(&io, &o));
	memset(live, 0, sizeof(live));
	memset(model, 0, sizeof(model));
	memset(queued, 0, sizeof(queued));
	io.dev.segment_boundary_mask = boundary;
	io.dev.max_segment_size = (unsigned int)(3 * PAGE);
	for (unsigned int i = 0; i < 20000; i++) {
		struct live *l = &live[rnd(&x) % LIVE];

		testplat_cpu(rnd(&x) % 3);
		if (fail_every && i % fail_every == 0)
			atomic_store(&io.tp.fail_nth, 1 + rnd(&x) % 3);
		if (l->size)
			model_unmap(l);
		else
			model_map(l, &x);
		io.now_ns += rnd(&x) % 100000;
		model_probe(&x);
		model_probe(&x);
		if (i % 1000 == 0)
			TP_CHECK(io.m);
	}
	atomic_store(&io.tp.fail_nth, 0);
	for (unsigned int i = 0; i < LIVE; i++)
		if (live[i].size)
			model_unmap(&live[i]);
	T_EQ(io_stats(&io).mapped, 0);
	iommu_flush(io.d);
	iova_drain(&io.d->iova);
	T_EQ(io.d->iova.tree.nr, 0);
	if (strict)
		T_EQ(io_stats(&io).iotlb_stale, 0);
	else
		T_OK(io_stats(&io).iotlb_stale > 0, "some were seen");
	io_stop(&io);
}

static void model_strict(void)
{
	against_model(true, 0, 0);
}

static void model_deferred(void)
{
	against_model(false, 0, 0);
}

static void model_with_boundary(void)
{
	against_model(false, 4 * PAGE - 1, 0);
}

static void model_without_memory(void)
{
	against_model(true, 0, 3);
	against_model(false, 4 * PAGE - 1, 7);
}

const struct t_case t_cases[] = {T(stale_until_flushed), T(flushed_when_full),	  T(strict_flushes),
				 T(small_iotlb),	 T(model_strict),	  T(model_deferred),
				 T(model_with_boundary), T(model_without_memory), T_END};
