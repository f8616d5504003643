/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The DMA API behind an IOMMU: mappings, scatter lists, runs of frames, and want of addresses and of frames. */
#include <freehold/page.h>
#include "iobench.h"
#include "t.h"

#define PAGE FH_PAGE_SIZE
#define MIB  (UINT64_C(1) << 20)
#define GIB  (UINT64_C(1) << 30)
#define RW   (IOMMU_READ | IOMMU_WRITE)
#define ALL  UINT64_MAX
#define RAM  TP_BASE

static struct iobench io;

/* The same page, offset and all; large entries; the mask; and what is refused. */
static void mappings(void)
{
	dma_t handle = {77};
	uint64_t a, run;
	phys_t phys;

	T_NEED(io_start(&io, false));
	a = io_map(&io, RAM + 100, 5000);
	T_EQ(a % PAGE, 100);
	T_EQ(io_reach(&io, a, true), RAM + 100);
	T_EQ(io_reach(&io, a + 4999, false), RAM + 5099);
	T_EQ(iommu_translate(&io.dev, (dma_t){a}, 5000, false, &phys, &run), 0);
	T_EQ(run, PAGE - 100);
	T_EQ(iommu_translate(&io.dev, (dma_t){a}, 7, false, &phys, &run), 0);
	T_EQ(run, 7);
	T_EQ(iommu_translate(&io.dev, (dma_t){a}, 0, false, &phys, &run), -FH_EINVAL);
	T_EQ(io_stats(&io).mapped, 2 * PAGE);
	T_OK(!io_unmap(&io, a, PAGE - 100), "half of it");
	T_OK(!io_unmap(&io, a + PAGE, PAGE), "the other half");
	T_OK(!io_unmap(&io, a, 0) && !io_unmap(&io, a, UINT64_MAX) &&
		     !io_unmap(&io, UINT64_MAX, PAGE),
	     "nonsense");
	T_OK(io_unmap(&io, a, 5000), "all");
	T_OK(!io_unmap(&io, a, 5000), "once");
	a = io_map(&io, RAM + 4 * MIB, 4 * MIB);
	T_EQ(iommu_translate(&io.dev, (dma_t){a + 5}, MIB * 8, false, &phys, &run), 0);
	T_EQ(run, 2 * MIB - 5);
	T_OK(io_unmap(&io, a, 4 * MIB), "large");
	T_EQ(iommu_dma_map(&io.dev, (phys_t){RAM}, PAGE, 16 * MIB - 1, RW, &handle), 0);
	T_EQ(handle.v, 16 * MIB - PAGE);
	T_OK(io_unmap(&io, handle.v, PAGE), "below the mask");
	T_EQ(iommu_dma_map(&io.dev, (phys_t){RAM}, 16 * MIB, 16 * MIB - 1, RW, &handle),
	     -FH_ENOMEM);
	T_EQ(iommu_dma_map(&io.dev, (phys_t){RAM}, PAGE, 4094, RW, &handle), -FH_ENOMEM);
	T_EQ(iommu_dma_map(&io.dev, (phys_t){RAM}, 0, ALL, RW, &handle), -FH_EINVAL);
	T_EQ(iommu_dma_map(&io.dev, (phys_t){RAM}, UINT64_MAX, ALL, RW, &handle), -FH_EINVAL);
	T_EQ(iommu_dma_map(&io.dev, (phys_t){RAM - 1}, PAGE, ALL, RW, &handle), -FH_EINVAL);
	T_EQ(iommu_dma_map(&io.dev, (phys_t){RAM}, 65 * MIB, ALL, RW, &handle), -FH_EINVAL);
	T_EQ(iommu_dma_map(&io.dev, (phys_t){5}, PAGE, ALL, RW | IOMMU_MMIO, &handle), 0);
	T_EQ(io_reach(&io, handle.v, true), 5);
	T_OK(io_unmap(&io, handle.v, PAGE), "a register");
	T_EQ(io_stats(&io).mapped, 0);
	io_stop(&io);
}

/* ---- scatter lists ---- */

static struct scatterlist list[6];

static void entry(unsigned int i, uint64_t phys, uint64_t length)
{
	list[i] = (struct scatterlist){.phys = {RAM + phys}, .length = length};
}

/* Every byte of every entry is where the device finds it, in the order of the list. */
static void list_is_mapped(unsigned int nents, unsigned int segments)
{
	unsigned int s = 0;
	uint64_t at = 0;

	for (unsigned int i = 0; i < nents; i++) {
		for (uint64_t k = 0; k < list[i].length; k++) {
			if (at == list[s].dma_length) {
				s++;
				at = 0;
			}
			if (s >= segments ||
			    io_reach(&io, list[s].dma_address.v + at, true) != list[i].phys.v + k) {
				T_EQ(io_reach(&io, list[s].dma_address.v + at, true),
				     list[i].phys.v + k);
				return;
			}
			at++;
		}
	}
	T_EQ(s + 1, segments);
	T_EQ(at, list[s].dma_length);
	for (unsigned int i = segments; i < nents; i++)
		T_EQ(list[i].dma_length, 0);
}

static void joined(void)
{
	T_NEED(io_start(&io, false));
	entry(0, 10 * PAGE + 100, PAGE - 100); /* up to a page's end */
	entry(1, 3 * PAGE, 2 * PAGE);	       /* whole */
	entry(2, 40 * PAGE, 300); /* from a page's beginning: joined; the next is not */
	entry(3, 20 * PAGE, PAGE);
	entry(4, 30 * PAGE + 8, 9);
	T_EQ(iommu_dma_map_sg(&io.dev, list, 5, RW), 3);
	T_EQ(list[0].dma_length, PAGE - 100 + 2 * PAGE + 300);
	T_EQ(list[0].dma_address.v % PAGE, 100);
	T_EQ(list[1].dma_length, PAGE);
	T_EQ(list[2].dma_length, 9);
	list_is_mapped(5, 3);
	T_EQ(io_stats(&io).mapped, 6 * PAGE);
	TP_CHECK(io.m);
	iommu_dma_unmap_sg(&io.dev, list, 5);
	T_EQ(io_stats(&io).mapped, 0);
	T_EQ(io_stats(&io).deferred, 1);
	iommu_dma_unmap_sg(&io.dev, list, 5); /* nothing happens */
	T_EQ(io_stats(&io).unmaps, 1);
	io_stop(&io);
}

static void segment_limits(void)
{
	T_NEED(io_start(&io, true));
	io.dev.max_segment_size = 3 * PAGE;
	for (unsigned int i = 0; i < 5; i++)
		entry(i, (2 * i + 1) * PAGE, PAGE);
	T_EQ(iommu_dma_map_sg(&io.dev, list, 5, RW), 2);
	T_EQ(list[0].dma_length, 3 * PAGE);
	list_is_mapped(5, 2);
	iommu_dma_unmap_sg(&io.dev, list, 5);
	io.dev.max_segment_size = 0;
	io.dev.segment_boundary_mask = 4 * PAGE - 1;
	for (unsigned int i = 0; i < 5; i++) /* 3, a hole, 3 and 1, 1 and 3 */
		entry(i, 4 * i * PAGE, (i == 2 || i == 3 ? 1 : 3) * PAGE);
	T_EQ(iommu_dma_map_sg(&io.dev, list, 5, RW), 3);
	for (unsigned int i = 0; i < 3; i++)
		T_EQ(list[i].dma_address.v / (4 * PAGE),
		     (list[i].dma_address.v + list[i].dma_length - 1) / (4 * PAGE));
	T_EQ(list[0].dma_length, 3 * PAGE);
	T_EQ(list[1].dma_length, 4 * PAGE);
	T_EQ(list[2].dma_length, 4 * PAGE);
	list_is_mapped(5, 3);
	TP_CHECK(io.m);
	iommu_dma_unmap_sg(&io.dev, list, 5);
	T_EQ(io_stats(&io).mapped, 0);
	/* A segment that ends on the boundary is not continued across it. */
	for (unsigned int i = 0; i < 6; i++)
		entry(i, 2 * i * PAGE, PAGE);
	T_EQ(iommu_dma_map_sg(&io.dev, list, 6, RW), 2);
	T_EQ(list[0].dma_length, 4 * PAGE);
	list_is_mapped(6, 2);
	iommu_dma_unmap_sg(&io.dev, list, 6);
	iova_drain(&io.d->iova);
	T_EQ(io.d->iova.tree.nr, 0);
	io_stop(&io);
}

static void bad_lists(void)
{
	T_NEED(io_start(&io, true));
	entry(0, 0, PAGE);
	entry(1, PAGE, 0);
	entry(2, 64 * MIB - PAGE, 2 * PAGE);
	T_EQ(iommu_dma_map_sg(&io.dev, list, 0, RW), -FH_EINVAL);
	T_EQ(iommu_dma_map_sg(&io.dev, list, 2, RW), -FH_EINVAL);
	T_EQ(iommu_dma_map_sg(&io.dev, &list[2], 1, RW), -FH_EINVAL);
	T_EQ(iommu_dma_map_sg(&io.dev, NULL, 1, RW), -FH_EINVAL);
	T_EQ(iommu_dma_map_sg(&io.dev, list, 1, 0), -FH_EINVAL);
	io.dev.segment_boundary_mask = 3 * PAGE;
	T_EQ(iommu_dma_map_sg(&io.dev, list, 1, RW), -FH_EINVAL);
	io.dev.segment_boundary_mask = 0;
	io.dev.dma_mask = 100;
	T_EQ(iommu_dma_map_sg(&io.dev, list, 1, RW), -FH_ENOMEM);
	io.dev.dma_mask = 0;
	io.dev.bus_dma_limit = MIB - 1;
	T_EQ(iommu_dma_map_sg(&io.dev, list, 1, RW), 1);
	T_EQ(list[0].dma_address.v, MIB - PAGE);
	iommu_dma_unmap_sg(&io.dev, list, 1);
	iommu_dma_unmap_sg(&io.dev, list, 0);
	io_stop(&io);
}

static void runs(void)
{
	const uint64_t at = RAM / PAGE;
	const struct range r[3] = {{at + 7, at + 9}, {at + 512, at + 1024}, {at, at + 1}};
	const struct range empty = {at, at}, beyond = {at, at + 64 * 256 + 1};
	dma_t handle;

	T_NEED(io_start(&io, true));
	T_EQ(iommu_dma_map_runs(&io.dev, r, 3, ALL, RW, &handle), 0);
	T_EQ(io_reach(&io, handle.v + PAGE, true), RAM + 8 * PAGE);
	T_EQ(io_reach(&io, handle.v + 2 * PAGE, true), RAM + 512 * PAGE);
	T_EQ(io_reach(&io, handle.v + 514 * PAGE, true), RAM);
	T_EQ(io_reach(&io, handle.v + 515 * PAGE, true), 0);
	TP_CHECK(io.m);
	T_OK(!io_unmap(&io, handle.v, 2 * PAGE), "one run of it");
	T_OK(io_unmap(&io, handle.v, 515 * PAGE), "all");
	T_EQ(iommu_dma_map_runs(&io.dev, &empty, 1, ALL, RW, &handle), -FH_EINVAL);
	T_EQ(iommu_dma_map_runs(&io.dev, &beyond, 1, ALL, RW, &handle), -FH_EINVAL);
	T_EQ(iommu_dma_map_runs(&io.dev, r, 0, ALL, RW, &handle), -FH_EINVAL);
	T_EQ(iommu_dma_map_runs(&io.dev, r, 3, 514 * PAGE - 1, RW, &handle), -FH_ENOMEM);
	T_EQ(io_stats(&io).mapped, 0);
	io_stop(&io);
}

/* ---- want ---- */

/* Addresses that wait for a flush, or that another CPU caches, are had before anybody is refused. */
static void no_addresses(void)
{
	const struct iommu_options o = {.aperture_start = GIB,
					.aperture_end = GIB + 128 * PAGE - 1};
	static uint64_t a[200];
	unsigned int n = 0;

	T_NEED(io_start_with(&io, &o));
	testplat_cpu(1);
	T_OK(io_unmap(&io, io_map(&io, RAM, PAGE), PAGE), "CPU 1 caches 31, and one waits");
	testplat_cpu(0);
	while ((a[n] = io_map(&io, RAM + n * PAGE, PAGE)))
		n++;
	T_EQ(n, 128);
	T_EQ(io_stats(&io).mapped, 128 * PAGE);
	T_OK(io_unmap(&io, a[5], PAGE), "one");
	a[5] = io_map(&io, RAM + 5 * PAGE, PAGE);
	T_OK(a[5], "again");
	T_EQ(io_map(&io, RAM, 2 * PAGE), 0);
	entry(0, 0, PAGE);
	T_EQ(iommu_dma_map_sg(&io.dev, list, 1, RW), -FH_ENOMEM);
	TP_CHECK(io.m);
	while (n--)
		T_OK(io_unmap(&io, a[n], PAGE), "given back");
	T_OK(io_map(&io, RAM, 128 * PAGE), "all in one piece");
	io_stop(&io);
}

/* No frame for a table: nothing is mapped, the address is free again. */
static void no_frames(void)
{
	static pfn_t pfn[64 * 256];
	unsigned int n = 0;
	uint64_t a;

	T_NEED(io_start(&io, true));
	while (n < 64 * 256 && !fh_alloc_pages(io.m, GFP_ATOMIC | __GFP_NOWARN, 0, &pfn[n]))
		n++;
	T_EQ(io_map(&io, RAM, PAGE), 0);
	T_EQ(io_map(&io, RAM + PAGE, 8 * PAGE), 0);
	entry(0, 0, PAGE);
	entry(1, 5 * PAGE, PAGE);
	T_EQ(iommu_dma_map_sg(&io.dev, list, 2, RW), -FH_ENOMEM);
	TP_CHECK(io.m);
	iova_drain(&io.d->iova);
	T_EQ(io.d->iova.tree.nr, 0);
	T_EQ(io_stats(&io).maps, 0);
	while (!(a = io_map(&io, RAM,
			    PAGE))) { /* one frame more each time: each table is missing once */
		T_EQ(fh_free_pages(io.m, pfn[--n], 0), 0);
		T_NEED(n);
	}
	do {
		T_EQ(io_stats(&io).mapped, PAGE);
		T_EQ(fh_free_pages(io.m, pfn[--n], 0), 0);
		T_NEED(n);
		list[0] = (struct scatterlist){.phys = {RAM}, .length = 600 * PAGE};
		entry(1, PAGE, 600 * PAGE);
	} while (iommu_dma_map_sg(&io.dev, list, 2, RW) == -FH_ENOMEM);
	TP_CHECK(io.m);
	T_EQ(io_stats(&io).mapped, 1201 * PAGE);
	T_OK(io_unmap(&io, a, PAGE), "unmapped");
	iommu_dma_unmap_sg(&io.dev, list, 2);
	while (n)
		T_EQ(fh_free_pages(io.m, pfn[--n], 0), 0);
	io_stop(&io);
}

const struct t_case t_cases[] = {T(mappings), T(joined),       T(segment_limits), T(bad_lists),
				 T(runs),     T(no_addresses), T(no_frames),	  T_END};
