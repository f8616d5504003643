/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* DMA debugging through the DMA API itself, on by its boot option: every call used right, and then wrong. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <freehold/dma.h>
#include <freehold/dma_debug.h>
#include <freehold/dmapool.h>
#include <freehold/iommu.h>
#include <freehold/page.h>
#include "dma/debug.h"
#include "mm/machine.h"
#include "t.h"
#include "testplat.h"

#define KIB UINT64_C(1024)

static struct testplat tp;
static struct fh_machine *m;
static struct device dev;
static unsigned char *mem;
static uint64_t base;
static uint64_t lose; /* what the next invalidate says is lost */
static struct dma_report report[DMA_MAX_REPORTS];

static void clean(void *ctx, phys_t phys, uint64_t size)
{
	(void)ctx, (void)phys, (void)size;
}

static uint64_t inval(void *ctx, phys_t phys, uint64_t size)
{
	uint64_t n = lose;

	(void)ctx, (void)phys, (void)size;
	lose = 0;
	return n;
}

/* Only an address: nobody looks at the bytes. */
static void *vmap(void *ctx, const struct range *run, unsigned int nr, unsigned int flags)
{
	uint64_t pages = 0;

	(void)ctx, (void)flags;
	for (unsigned int i = 0; i < nr; i++)
		pages += run[i].end - run[i].start;
	return aligned_alloc(FH_PAGE_SIZE, pages << FH_PAGE_SHIFT);
}

static void vunmap(void *ctx, void *p, uint64_t nr)
{
	(void)ctx, (void)nr;
	free(p);
}

static struct boot_config *config(unsigned int entries)
{
	struct boot_config *cfg = testplat_config(64, 16, CMA_POLICY_GUARANTEED, 1, TP_ONE_ZONE);

	cfg->dma.debug = true;
	cfg->dma.debug_entries = entries;
	return cfg;
}

static bool start(bool caches)
{
	pfn_t pfn;

	testplat_init(&tp);
	testplat_cpu(0);
	if (caches) {
		tp.plat.cache_clean = clean;
		tp.plat.cache_inval = inval;
		tp.plat.cache_line = 64;
	}
	tp.plat.vmap = vmap;
	tp.plat.vunmap = vunmap;
	m = testplat_machine_of(&tp, config(256));
	if (!m || !T_OK(m->dma->debug, "on") || !T_EQ(fh_alloc_pages(m, GFP_KERNEL, 6, &pfn), 0))
		return false;
	dev = (struct device){.machine = m, .name = "camera"};
	base = fh_pfn_to_phys(pfn).v;
	mem = fh_page_address(m, pfn);
	lose = 0;
	return true;
}

static void end(void)
{
	dma_debug_device_gone(&dev);
	T_EQ(fh_free_pages(m, base >> FH_PAGE_SHIFT, 6), 0);
	if (!m->plat.cache_clean) {
		testplat_end(&tp, m);
		return;
	}
	TP_CHECK(m); /* the atomic pool keeps its frames */
	fh_machine_destroy(m);
	testplat_fini(&tp);
}

static bool says(const char *text)
{
	return strstr(m->dmesg.buf, text);
}

static void only(enum dma_report_kind kind, uint64_t n)
{
	for (unsigned int k = 0; k < DMA_NR_REPORTS; k++)
		T_EQ(dma_debug_count(m, (enum dma_report_kind)k), k == kind ? n : 0);
}

#define NONE DMA_NR_REPORTS

static uint32_t outstanding(void)
{
	struct dma_debug_state s;

	dma_debug_state(m, &s);
	return s.nr_entries - s.nr_free;
}

/* ---- right ---- */

static void coherent(void)
{
	struct dma_pool *pool;
	dma_t handle;
	void *cpu;

	T_EQ(dma_alloc_coherent(&dev, 10 * KIB, GFP_KERNEL, &handle, &cpu), 0);
	T_EQ(outstanding(), 1);
	debug_dma_device_access(&dev, handle, 10 * KIB, true);
	T_EQ(dma_free_coherent(&dev, 10 * KIB, cpu, handle), 0);
	T_EQ(dma_alloc_attrs(&dev, 4096, GFP_KERNEL, DMA_ATTR_NO_KERNEL_MAPPING, &handle, &cpu), 0);
	T_EQ(dma_free_attrs(&dev, 4096, cpu, handle, DMA_ATTR_NO_KERNEL_MAPPING), 0);
	T_EQ(dma_pool_create("small", &dev, 64, 0, 0, &pool), 0);
	T_EQ(dma_pool_alloc(pool, GFP_KERNEL, &handle, &cpu), 0);
	debug_dma_device_access(&dev, handle, 64, false);
	T_EQ(outstanding(), 1);
	T_EQ(dma_pool_free(pool, cpu, handle), 0);
	T_EQ(dma_pool_destroy(pool), 0);
	T_EQ(outstanding(), 0);
}

static void streaming(void)
{
	dma_t a, b, c;

	T_EQ(dma_map_single(&dev, mem + 64, 1000, DMA_TO_DEVICE, &a), 0);
	T_EQ(dma_map_page(&dev, (base >> FH_PAGE_SHIFT) + 1, 0, 8 * KIB, DMA_FROM_DEVICE, &b), 0);
	T_EQ(dma_map_phys(&dev, (phys_t){base + 16 * KIB}, 4096, DMA_BIDIRECTIONAL, 0, &c), 0);
	T_EQ(outstanding(), 3);
	debug_dma_device_access(&dev, a, 1000, false);
	debug_dma_device_access(&dev, b, 8 * KIB, true);
	debug_dma_device_access(&dev, c, 4096, true);
	dma_sync_single_for_cpu(&dev, (dma_t){b.v + 4096}, 4096, DMA_FROM_DEVICE);
	dma_debug_cpu_access(m, mem + 8 * KIB, 4096, false);
	dma_sync_single_for_device(&dev, (dma_t){b.v + 4096}, 4096, DMA_FROM_DEVICE);
	dma_sync_single_for_cpu(&dev, c, 4096, DMA_FROM_DEVICE);
	dma_debug_cpu_access(m, mem + 16 * KIB, 4096, true);
	debug_dma_device_access(&dev, b, 8 * KIB, true);
	dma_unmap_single(&dev, a, 1000, DMA_TO_DEVICE);
	dma_unmap_page(&dev, b, 8 * KIB, DMA_FROM_DEVICE);
	dma_unmap_phys(&dev, c, 4096, DMA_BIDIRECTIONAL, 0);
	T_EQ(dma_map_resource(&dev, (phys_t){4096}, 4096, DMA_BIDIRECTIONAL, 0, &a), 0);
	debug_dma_device_access(&dev, a, 4, true);
	dma_unmap_resource(&dev, a, 4096, DMA_BIDIRECTIONAL, 0);
	T_EQ(outstanding(), 0);
}

/* Pieces in no order, as a file's pages lie; behind an IOMMU some of them are one for the device. */
static void lists(void)
{
	struct scatterlist sg[8];
	struct sg_table t = {.sgl = sg, .orig_nents = 8};
	dma_t other;
	int n;

	for (unsigned int i = 0; i < 8; i++)
		sg[i] = (struct scatterlist){.phys = {base + (i * 5 % 8) * 2 * FH_PAGE_SIZE},
					     .length = FH_PAGE_SIZE};
	n = dma_map_sg(&dev, sg, 8, DMA_FROM_DEVICE, 0);
	T_OK(n > 0 && (n == 8) == !dev.iommu, "joined behind an IOMMU");
	/* What lies between the pieces is nobody's. */
	T_EQ(dma_map_single(&dev, mem + FH_PAGE_SIZE, FH_PAGE_SIZE, DMA_FROM_DEVICE, &other), 0);
	for (int i = 0; i < n; i++)
		debug_dma_device_access(&dev, sg[i].dma_address, sg[i].dma_length, true);
	dma_sync_sg_for_cpu(&dev, sg, 8, DMA_FROM_DEVICE);
	dma_debug_cpu_access(m, mem, FH_PAGE_SIZE, false);
	dma_sync_sg_for_device(&dev, sg, 8, DMA_FROM_DEVICE);
	dma_unmap_sg(&dev, sg, 8, DMA_FROM_DEVICE, 0);
	dma_unmap_single(&dev, other, FH_PAGE_SIZE, DMA_FROM_DEVICE);
	T_EQ(dma_map_sgtable(&dev, &t, DMA_TO_DEVICE, 0), 0);
	dma_unmap_sgtable(&dev, &t, DMA_TO_DEVICE, 0);
	T_EQ(outstanding(), 0);
}

static void cached(void)
{
	struct sg_table *t;
	dma_t handle;
	void *cpu;
	pfn_t pfn;

	T_EQ(dma_alloc_pages(&dev, 8 * KIB, GFP_KERNEL, DMA_BIDIRECTIONAL, &handle, &pfn), 0);
	dma_debug_cpu_access(m, fh_page_address(m, pfn), 8 * KIB, true);
	dma_sync_single_for_device(&dev, handle, 8 * KIB, DMA_BIDIRECTIONAL);
	debug_dma_device_access(&dev, handle, 8 * KIB, true);
	T_EQ(dma_free_pages(&dev, 8 * KIB, pfn, handle, DMA_BIDIRECTIONAL), 0);
	T_EQ(dma_alloc_noncoherent(&dev, 4096, GFP_KERNEL, DMA_FROM_DEVICE, &handle, &cpu), 0);
	T_EQ(dma_free_noncoherent(&dev, 4096, cpu, handle, DMA_FROM_DEVICE), 0);
	T_EQ(dma_alloc_noncontiguous(&dev, 64 * KIB, GFP_KERNEL, DMA_TO_DEVICE, 0, &t), 0);
	dma_sync_sg_for_device(&dev, t->sgl, t->orig_nents, DMA_TO_DEVICE);
	debug_dma_device_access(&dev, t->sgl[0].dma_address, 64 * KIB, false);
	T_EQ(dma_free_noncontiguous(&dev, 64 * KIB, t, DMA_TO_DEVICE), 0);
	T_EQ(outstanding(), 0);
}

static void all_of_it(void)
{
	coherent();
	streaming();
	lists();
	cached();
	only(NONE, 0);
}

static void plain(void)
{
	for (int caches = 0; caches < 2; caches++) {
		T_NEED(start(caches));
		all_of_it();
		end();
		T_NEED(start(caches));
		dev.nr_ranges = 1; /* its addresses are others */
		dev.range[0] = (struct bus_dma_region){{0}, {UINT64_C(1) << 40}, UINT64_C(1) << 40};
		all_of_it();
		end();
	}
}

static void behind_an_iommu(void)
{
	const struct iommu_options o = {.strict = true};
	struct iommu_domain *domain;
	dma_t byhand = {UINT64_C(1) << 36}, handle;

	T_NEED(start(false));
	T_NEED(!iommu_domain_create(m, &o, &domain));
	dev.iommu = domain;
	all_of_it();
	/* What a driver maps itself is its own affair. */
	T_EQ(iommu_map(domain, byhand, (phys_t){base}, 8 * KIB, IOMMU_READ | IOMMU_WRITE), 0);
	debug_dma_device_access(&dev, (dma_t){byhand.v + 100}, 8 * KIB - 100, true);
	only(NONE, 0);
	debug_dma_device_access(&dev, (dma_t){byhand.v + 100}, 8 * KIB, true);
	only(DMA_REPORT_DEVICE_UNMAPPED, 1);
	/* The rest of a page that the API mapped for a small buffer is not. */
	T_EQ(dma_map_single(&dev, mem + 64, 100, DMA_TO_DEVICE, &handle), 0);
	debug_dma_device_access(&dev, handle, 101, false);
	only(DMA_REPORT_DEVICE_UNMAPPED, 2);
	dma_unmap_single(&dev, handle, 100, DMA_TO_DEVICE);
	T_EQ(iommu_unmap(domain, byhand, 8 * KIB), 8 * KIB);
	iommu_domain_destroy(domain);
	dev.iommu = NULL;
	end();
}

/* ---- wrong ---- */

static void wrong_frees(void)
{
	dma_t a, b;
	void *cpu;

	T_NEED(start(false));
	T_EQ(dma_alloc_coherent(&dev, 8 * KIB, GFP_KERNEL, &a, &cpu), 0);
	T_EQ(dma_free_coherent(&dev, 4 * KIB, cpu, a), -FH_EINVAL);
	only(DMA_REPORT_UNMAP_SIZE, 1);
	dma_unmap_single(&dev, a, 8 * KIB, DMA_BIDIRECTIONAL);
	T_EQ(dma_debug_count(m, DMA_REPORT_UNMAP_FUNCTION), 1);
	T_EQ(dma_free_coherent(&dev, 8 * KIB, cpu, a), 0);
	T_EQ(dma_free_coherent(&dev, 8 * KIB, cpu, a), -FH_EINVAL);
	T_EQ(dma_debug_count(m, DMA_REPORT_UNMAP_UNKNOWN), 1);
	T_EQ(dma_debug_reports(m, report, 1), 3);
	T_EQ(report[0].mapping.type, DMA_DEBUG_COHERENT);
	T_EQ(dma_map_single(&dev, mem, 4096, DMA_TO_DEVICE, &b), 0);
	dma_unmap_single(&dev, b, 4096, DMA_FROM_DEVICE);
	T_EQ(dma_debug_count(m, DMA_REPORT_UNMAP_DIRECTION), 1);
	dma_unmap_single(&dev, b, 4096, DMA_TO_DEVICE);
	T_EQ(dma_debug_count(m, DMA_REPORT_UNMAP_UNKNOWN), 2);
	T_EQ(dma_debug_count(m, DMA_NR_REPORTS), 5);
	end();
}

static void wrong_memory(void)
{
	unsigned char local[64];
	dma_t handle;

	T_NEED(start(false));
	T_EQ(dma_map_single(&dev, local, sizeof(local), DMA_TO_DEVICE, &handle), -FH_EINVAL);
	only(DMA_REPORT_STACK, 1);
	T_EQ(dma_map_resource(&dev, (phys_t){base}, 4096, DMA_TO_DEVICE, 0, &handle), -FH_EINVAL);
	T_EQ(dma_map_phys(&dev, (phys_t){4096}, 4096, DMA_TO_DEVICE, 0, &handle), -FH_EINVAL);
	T_EQ(dma_debug_count(m, DMA_REPORT_WRONG_MEMORY), 2);
	T_EQ(dma_map_phys(&dev, (phys_t){TP_BASE + (63 << 20)}, 4096, DMA_TO_DEVICE, 0, &handle),
	     0);
	T_EQ(dma_debug_count(m, DMA_REPORT_FREE_MEMORY), 1);
	dma_unmap_phys(&dev, handle, 4096, DMA_TO_DEVICE, 0);
	T_EQ(dma_debug_count(m, DMA_NR_REPORTS), 4);
	end();
}

/* A sync or an unmap that throws away what the CPU wrote. */
static void lost_bytes(void)
{
	dma_t handle;

	T_NEED(start(true));
	T_EQ(dma_map_single(&dev, mem, 4096, DMA_FROM_DEVICE, &handle), 0);
	lose = 48;
	dma_sync_single_for_cpu(&dev, handle, 4096, DMA_FROM_DEVICE);
	only(DMA_REPORT_CPU_LOST, 1);
	T_OK(says("DMA-API: camera: the CPU wrote 48 bytes while the device owned them"),
	     "says it");
	lose = 64;
	dma_unmap_single(&dev, handle, 4096, DMA_FROM_DEVICE);
	only(DMA_REPORT_CPU_LOST, 2);
	T_EQ(dma_debug_reports(m, report, 1), 2);
	T_OK(strstr(report[0].text, "64 bytes that it owned"), "after the sync they were its own");
	end();
}

static void wrong_syncs_and_leak(void)
{
	dma_t handle;

	T_NEED(start(false));
	T_EQ(dma_map_single(&dev, mem, 4096, DMA_FROM_DEVICE, &handle), 0);
	dma_sync_single_for_cpu(&dev, handle, 8192, DMA_FROM_DEVICE);
	T_EQ(dma_debug_count(m, DMA_REPORT_SYNC_RANGE), 1);
	dma_sync_single_for_device(&dev, handle, 64, DMA_TO_DEVICE);
	T_EQ(dma_debug_count(m, DMA_REPORT_SYNC_DIRECTION), 1);
	dma_sync_single_for_device(&dev, (dma_t){handle.v + 4096}, 64, DMA_TO_DEVICE);
	T_EQ(dma_debug_count(m, DMA_REPORT_SYNC_UNKNOWN), 1);
	dma_debug_device_gone(&dev);
	T_EQ(dma_debug_count(m, DMA_REPORT_LEAK), 1);
	T_EQ(dma_debug_count(m, DMA_NR_REPORTS), 4);
	end();
}

/* ---- its boot options ---- */

static void options(void)
{
	struct dma_debug_state s;
	struct boot_config *cfg = config(0);

	testplat_init(&tp);
	testplat_cpu(0);
	strcpy(cfg->dma.debug_driver, "lcd");
	m = testplat_machine_of(&tp, cfg);
	T_NEED(m);
	dma_debug_state(m, &s);
	T_EQ(s.nr_entries, 65536);
	T_STR(s.filter, "lcd");
	T_OK(says("DMA-API: preallocated 65536 debug entries\n") &&
		     says("DMA-API: enable driver filter for driver [lcd]\n"),
	     "as Linux says it");
	testplat_end(&tp, m);
	m = testplat_start(&tp, 64, 0, CMA_POLICY_GUARANTEED, 1);
	T_NEED(m);
	T_OK(!m->dma->debug, "off unless asked for");
	testplat_end(&tp, m);
}

/* A machine that cannot have it is none, and has kept nothing. */
static void no_memory(void)
{
	struct boot_config *cfg = config(64);
	unsigned int refused = 0;
	int err;

	testplat_init(&tp);
	testplat_cpu(0);
	for (int nth = 1;; nth++) {
		atomic_store(&tp.fail_nth, nth);
		m = NULL;
		err = fh_machine_create(&tp.plat, cfg, &m);
		if (!err)
			break;
		refused++;
		T_EQ(err, -FH_ENOMEM);
		T_EQ(atomic_load(&tp.live), 0);
	}
	atomic_store(&tp.fail_nth, 0);
	T_OK(refused > 7, "some of it failed");
	free(cfg);
	testplat_end(&tp, m);
}

const struct t_case t_cases[] = {T(plain),	  T(behind_an_iommu), T(wrong_frees),
				 T(wrong_memory), T(lost_bytes),      T(wrong_syncs_and_leak),
				 T(options),	  T(no_memory),	      T_END};
