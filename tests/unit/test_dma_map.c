/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Streaming maps without bounce buffers and IOMMU: addresses, masks, windows, who sees which bytes, lists, and wrong arguments. */
#include <stdlib.h>
#include <string.h>
#include <freehold/dma.h>
#include <freehold/object.h>
#include <freehold/page.h>
#include "dma/dma.h"
#include "dma/swiotlb.h"
#include "t.h"
#include "testplat.h"

#define MIB  (UINT64_C(1) << 20)
#define PAGE UINT64_C(4096)

static struct testplat tp;
static struct fh_machine *m;
static struct device dev;
static pfn_t pfn; /* 16 frames for all to use */
static unsigned char *bytes;

static struct boot_config *config(void)
{
	return testplat_config(64, 0, CMA_POLICY_GUARANTEED, 1, TP_ONE_ZONE);
}

static bool start_of(struct boot_config *cfg, bool caches)
{
	testplat_init(&tp);
	testplat_cpu(0);
	if (caches)
		testplat_caches(&tp, 64);
	m = testplat_machine_of(&tp, cfg);
	dev = (struct device){.machine = m, .name = "dev"};
	if (!m || !T_EQ(fh_alloc_pages(m, GFP_KERNEL | __GFP_ZERO, 4, &pfn), 0))
		return false;
	bytes = fh_page_address(m, pfn);
	return true;
}

static bool start(bool caches)
{
	return start_of(config(), caches);
}

static void end(void)
{
	T_EQ(fh_free_pages(m, pfn, 4), 0);
	TP_CHECK(m);
	fh_machine_destroy(m);
	T_EQ(tp.live, 0);
	testplat_fini(&tp);
}

static uint64_t phys(void)
{
	return pfn * PAGE;
}

static void bad_arguments(void)
{
	struct scatterlist sg = {.phys = {TP_BASE}, .length = 10};
	struct device nowhere = {.name = "none"};
	int local = 0;
	dma_t h = {7};

	T_NEED(start(false));
	T_EQ(dma_map_single(NULL, bytes, 1, DMA_TO_DEVICE, &h), -FH_EINVAL);
	T_EQ(dma_map_single(&nowhere, bytes, 1, DMA_TO_DEVICE, &h), -FH_EINVAL);
	T_EQ(dma_map_single(&dev, bytes, 0, DMA_TO_DEVICE, &h), -FH_EINVAL);
	T_EQ(dma_map_single(&dev, bytes, 1, DMA_NONE, &h), -FH_EINVAL);
	T_EQ(dma_map_single(&dev, bytes, 1, (enum dma_data_direction)9, &h), -FH_EINVAL);
	T_EQ(dma_map_single(&dev, bytes, 1, DMA_TO_DEVICE, NULL), -FH_EINVAL);
	T_EQ(dma_map_single(&dev, &local, 4, DMA_TO_DEVICE, &h), -FH_EINVAL);
	T_EQ(dma_map_single(&dev, NULL, 4, DMA_TO_DEVICE, &h), -FH_EINVAL);
	T_EQ(dma_map_single(&dev, bytes, 65 * MIB, DMA_TO_DEVICE, &h), -FH_EINVAL);
	T_EQ(dma_map_phys(&dev, (phys_t){TP_BASE + 64 * MIB - 1}, 2, DMA_TO_DEVICE, 0, &h),
	     -FH_EINVAL);
	T_EQ(dma_map_phys(&dev, (phys_t){TP_BASE - 1}, 2, DMA_TO_DEVICE, 0, &h), -FH_EINVAL);
	T_EQ(dma_map_phys(&dev, (phys_t){UINT64_MAX}, 2, DMA_TO_DEVICE, 0, &h), -FH_EINVAL);
	T_EQ(dma_map_phys(&dev, (phys_t){TP_BASE}, UINT64_MAX, DMA_TO_DEVICE, 0, &h), -FH_EINVAL);
	T_EQ(dma_map_phys(&dev, (phys_t){TP_BASE}, 1, DMA_TO_DEVICE, 1 << 20, &h), -FH_EINVAL);
	T_EQ(dma_map_page(&dev, pfn, 70 * MIB, 1, DMA_TO_DEVICE, &h), -FH_EINVAL);
	T_EQ(dma_map_resource(&dev, (phys_t){TP_BASE}, 4, DMA_TO_DEVICE, 0, &h), -FH_EINVAL);
	T_EQ(dma_map_sg(&dev, NULL, 1, DMA_TO_DEVICE, 0), -FH_EINVAL);
	T_EQ(dma_map_sg(&dev, &sg, 0, DMA_TO_DEVICE, 0), -FH_EINVAL);
	sg.length = 0;
	T_EQ(dma_map_sg(&dev, &sg, 1, DMA_TO_DEVICE, 0), -FH_EINVAL);
	T_EQ(dma_map_sgtable(&dev, NULL, DMA_TO_DEVICE, 0), -FH_EINVAL);
	T_EQ(h.v, 7);
	/* Ends of what was never mapped do nothing. */
	dma_unmap_single(NULL, h, 1, DMA_TO_DEVICE);
	dma_unmap_single(&dev, (dma_t){UINT64_MAX - 4}, 100, DMA_FROM_DEVICE);
	dma_sync_single_for_cpu(&nowhere, h, 1, DMA_FROM_DEVICE);
	dma_unmap_sg(&dev, NULL, 3, DMA_FROM_DEVICE, 0);
	dma_unmap_sgtable(&dev, NULL, DMA_FROM_DEVICE, 0);
	end();
}

/* The last byte decides, by mask and by bus; and each window maps its own addresses. */
static void reach(void)
{
	struct dma_refusal why;
	dma_t h;

	T_NEED(start(false));
	dev.dma_mask = phys() + PAGE - 1;
	T_EQ(dma_map_single(&dev, bytes + 10, PAGE - 10, DMA_TO_DEVICE, &h), 0);
	T_EQ(h.v, phys() + 10);
	dma_unmap_single(&dev, h, PAGE - 10, DMA_TO_DEVICE);
	T_EQ(dma_map_single(&dev, bytes + 10, PAGE - 9, DMA_TO_DEVICE, &h), -FH_EIO);
	T_EQ(dma_refusals(m, &why, 1), 1);
	T_EQ(why.nr_steps, 1);
	T_EQ(why.step[0].source, DMA_SOURCE_DIRECT);
	T_OK(strstr(why.step[0].why, "is above device mask 0x"), why.step[0].why);
	dev.dma_mask = 0;
	dev.bus_dma_limit = phys() + PAGE - 2;
	T_EQ(dma_map_single(&dev, bytes, PAGE, DMA_TO_DEVICE, &h), -FH_EIO);
	T_EQ(dma_map_single(&dev, bytes, PAGE - 1, DMA_TO_DEVICE, &h), 0);
	dev.bus_dma_limit = 0;
	dev.nr_ranges = 2;
	dev.range[0] = (struct bus_dma_region){{phys() + PAGE}, {0x80000000}, PAGE};
	dev.range[1] = (struct bus_dma_region){{phys() + 2 * PAGE}, {0}, 14 * PAGE};
	T_EQ(dma_map_single(&dev, bytes, 1, DMA_TO_DEVICE, &h), -FH_EIO);
	T_EQ(dma_map_single(&dev, bytes + PAGE + 5, 7, DMA_TO_DEVICE, &h), 0);
	T_EQ(h.v, 0x80000005);
	T_EQ(dma_map_page(&dev, pfn, 3 * PAGE, PAGE, DMA_TO_DEVICE, &h), 0);
	T_EQ(h.v, PAGE);
	T_EQ(dma_map_single(&dev, bytes + PAGE, PAGE + 1, DMA_TO_DEVICE, &h), -FH_EIO);
	T_EQ(dma_to_phys(&dev, (dma_t){0x80000005}, 7), phys() + PAGE + 5);
	T_EQ(dma_to_phys(&dev, (dma_t){0x80000005}, PAGE), DMA_NOWHERE);
	T_EQ(dma_map_resource(&dev, (phys_t){0xfe000000}, 16, DMA_TO_DEVICE, 0, &h), -FH_EIO);
	dev.nr_ranges = 0;
	T_EQ(dma_map_resource(&dev, (phys_t){0xfe000000}, 16, DMA_TO_DEVICE, 0, &h), 0);
	T_EQ(h.v, 0xfe000000);
	dma_unmap_resource(&dev, h, 16, DMA_TO_DEVICE, 0);
	end();
}

static uint64_t slots_used(void)
{
	struct swiotlb_stats st;

	swiotlb_stats(m->dma->swiotlb, &st);
	return st.used;
}

/* What a device reaches is bounced all the same, its bytes come back, and with its end the slots are free: alone and in lists. */
static void forced(void)
{
	struct boot_config *cfg = config();
	struct scatterlist sg[2];
	dma_t h;

	cfg->dma.swiotlb_slabs = 512;
	cfg->dma.swiotlb_force = true;
	cfg->dma.swiotlb_noforce = false;
	T_NEED(start_of(cfg, false));
	T_NEED(m->dma->swiotlb);
	T_EQ(dma_map_single(&dev, bytes, PAGE, DMA_BIDIRECTIONAL, &h), 0);
	T_OK(is_swiotlb_buffer(&dev, (phys_t){h.v}), "in slots");
	T_EQ(slots_used(), 2);
	memset(fh_page_address(m, h.v / PAGE), 'x', 1);
	dma_unmap_single(&dev, h, PAGE, DMA_BIDIRECTIONAL);
	T_EQ(bytes[0], 'x');
	T_EQ(slots_used(), 0);
	sg[0] = (struct scatterlist){.phys = {phys()}, .length = 5};
	sg[1] = (struct scatterlist){.phys = {phys() + 2 * PAGE}, .length = PAGE};
	T_EQ(dma_map_sg(&dev, sg, 2, DMA_FROM_DEVICE, 0), 2);
	T_OK(is_swiotlb_buffer(&dev, (phys_t){sg[0].dma_address.v}), "the first in slots");
	T_OK(is_swiotlb_buffer(&dev, (phys_t){sg[1].dma_address.v}), "the second, too");
	T_EQ(slots_used(), 3);
	memset(fh_page_address(m, sg[1].dma_address.v / PAGE), 'y', 1);
	dma_unmap_sg(&dev, sg, 2, DMA_FROM_DEVICE, 0);
	T_EQ(bytes[2 * PAGE], 'y');
	T_EQ(slots_used(), 0);
	end();
}

static void masks(void)
{
	T_NEED(start(false));
	T_EQ(dma_get_required_mask(&dev), DMA_BIT_MASK(31));
	T_EQ(dma_set_mask_and_coherent(&dev, DMA_BIT_MASK(30)), -FH_EIO);
	T_EQ(dma_set_mask_and_coherent(&dev, 0x1234), -FH_EINVAL);
	T_EQ(dma_get_mask(&dev), UINT64_MAX);
	T_EQ(dma_set_mask_and_coherent(&dev, DMA_BIT_MASK(31)), 0);
	T_EQ(dma_get_mask(&dev), DMA_BIT_MASK(31));
	T_EQ(dma_coherent_mask(&dev), DMA_BIT_MASK(31));
	T_EQ(dma_max_mapping_size(&dev), UINT64_MAX);
	dev.nr_ranges = 1;
	dev.range[0] = (struct bus_dma_region){{TP_BASE}, {0}, 64 * MIB};
	T_EQ(dma_get_required_mask(&dev), DMA_BIT_MASK(26));
	T_EQ(dma_set_mask_and_coherent(&dev, DMA_BIT_MASK(26)), 0);
	T_EQ(dma_set_mask_and_coherent(&dev, DMA_BIT_MASK(25)), -FH_EIO);
	T_OK(dma_need_sync(&dev, (dma_t){0}) == (tp.plat.cache_clean != NULL), "no caches");
	end();
}

static void device_writes(dma_t h, unsigned char value, uint64_t n)
{
	unsigned char buf[2 * 4096];

	memset(buf, value, n);
	testplat_bus_write(&tp, (phys_t){h.v}, buf, n, dev.dma_coherent);
}

static unsigned char device_reads(dma_t h)
{
	unsigned char c;

	testplat_bus_read(&tp, (phys_t){h.v}, &c, 1, dev.dma_coherent);
	return c;
}

/* Both directions, with the calls and without. */
static void bytes_cross(void)
{
	dma_t h;

	T_NEED(start(true));
	memset(bytes, 'a', PAGE);
	T_EQ(dma_map_single(&dev, bytes, PAGE, DMA_TO_DEVICE, &h), 0);
	T_EQ(device_reads(h), 'a');
	dma_unmap_single(&dev, h, PAGE, DMA_TO_DEVICE);
	memset(bytes, 'b', PAGE);
	T_EQ(device_reads(h), 'a');
	dma_sync_single_for_device(&dev, h, 64, DMA_TO_DEVICE);
	T_EQ(device_reads(h), 'b');
	T_EQ(device_reads((dma_t){h.v + 64}), 'a');
	/* From the device: unmap shows it, and only then. */
	T_EQ(dma_map_single(&dev, bytes, PAGE, DMA_FROM_DEVICE, &h), 0);
	device_writes(h, 'c', PAGE);
	T_EQ(bytes[0], 'b');
	dma_sync_single_for_cpu(&dev, h, 64, DMA_FROM_DEVICE);
	T_EQ(bytes[63], 'c');
	T_EQ(bytes[64], 'b');
	dma_unmap_single(&dev, h, PAGE, DMA_FROM_DEVICE);
	T_EQ(bytes[64], 'c');
	T_EQ(bytes[PAGE - 1], 'c');
	/* A wrong direction loses them. */
	T_EQ(dma_map_single(&dev, bytes, PAGE, DMA_TO_DEVICE, &h), 0);
	device_writes(h, 'd', PAGE);
	dma_unmap_single(&dev, h, PAGE, DMA_TO_DEVICE);
	T_EQ(bytes[0], 'c');
	/* And so does leaving it to the caller, who does nothing. */
	memset(bytes, 'e', PAGE);
	T_EQ(dma_map_phys(&dev, (phys_t){phys()}, PAGE, DMA_TO_DEVICE, DMA_ATTR_SKIP_CPU_SYNC, &h),
	     0);
	T_EQ(device_reads(h), 'd');
	dma_unmap_phys(&dev, h, PAGE, DMA_TO_DEVICE, DMA_ATTR_SKIP_CPU_SYNC);
	/* A device that snoops needs nothing of this. */
	T_OK(dma_need_sync(&dev, h), "caches");
	dev.dma_coherent = true;
	T_OK(!dma_need_sync(&dev, h), "snoops");
	T_EQ(device_reads(h), 'e');
	device_writes(h, 'f', PAGE);
	T_EQ(bytes[0], 'f');
	end();
}

static void lists(void)
{
	struct scatterlist sg[3] = {0};
	struct sg_table table = {sg, 0, 3};

	T_NEED(start(true));
	for (unsigned int i = 0; i < 3; i++)
		sg[i] = (struct scatterlist){.phys = {phys() + i * 2 * PAGE}, .length = PAGE};
	memset(bytes, 'a', 16 * PAGE);
	T_EQ(dma_map_sgtable(&dev, &table, DMA_BIDIRECTIONAL, 0), 0);
	T_EQ(table.nents, 3);
	for (unsigned int i = 0; i < 3; i++) {
		T_EQ(sg[i].dma_address.v, phys() + i * 2 * PAGE);
		T_EQ(sg[i].dma_length, PAGE);
		T_EQ(device_reads(sg[i].dma_address), 'a');
		device_writes(sg[i].dma_address, (unsigned char)('x' + i), PAGE);
	}
	dma_sync_sg_for_cpu(&dev, sg, 2, DMA_BIDIRECTIONAL);
	T_EQ(bytes[0], 'x');
	T_EQ(bytes[2 * PAGE], 'y');
	T_EQ(bytes[4 * PAGE], 'a');
	bytes[0] = '!';
	dma_sync_sg_for_device(&dev, sg, 3, DMA_BIDIRECTIONAL);
	T_EQ(device_reads(sg[0].dma_address), '!');
	dma_unmap_sgtable(&dev, &table, DMA_BIDIRECTIONAL, 0);
	T_EQ(bytes[4 * PAGE], 'z');
	T_EQ(bytes[PAGE], 'a');
	/* One that is out of reach: none is mapped. */
	dev.dma_mask = phys() + 4 * PAGE;
	T_EQ(dma_map_sg(&dev, sg, 3, DMA_BIDIRECTIONAL, DMA_ATTR_NO_WARN), -FH_EIO);
	sg[1].phys.v = TP_BASE - PAGE;
	T_EQ(dma_map_sg(&dev, sg, 3, DMA_BIDIRECTIONAL, 0), -FH_EINVAL);
	end();
}

/* Pages that are mapped from the first, and the CPU's. */
static void cached_buffers(void)
{
	struct sg_table *sgt;
	pfn_t first;
	dma_t h;
	void *cpu;
	unsigned char *p;

	T_NEED(start(true));
	T_EQ(dma_alloc_pages(&dev, 3 * PAGE - 1, GFP_KERNEL, DMA_FROM_DEVICE, &h, &first), 0);
	T_EQ(h.v, first * PAGE);
	T_EQ(dma_free_pages(&dev, 3 * PAGE - 1, first, (dma_t){h.v + PAGE}, DMA_FROM_DEVICE),
	     -FH_EINVAL);
	T_EQ(dma_free_pages(&dev, 3 * PAGE - 1, first, h, DMA_FROM_DEVICE), 0);
	T_EQ(dma_alloc_noncoherent(&dev, 2 * PAGE, GFP_KERNEL, DMA_FROM_DEVICE, &h, &cpu), 0);
	p = cpu;
	T_EQ(p[0] | p[2 * PAGE - 1], 0);
	dma_sync_single_for_device(&dev, h, 2 * PAGE, DMA_FROM_DEVICE);
	device_writes(h, 'q', 2 * PAGE);
	T_EQ(p[0], 0);
	dma_sync_single_for_cpu(&dev, h, 2 * PAGE, DMA_FROM_DEVICE);
	T_EQ(p[2 * PAGE - 1], 'q');
	T_EQ(dma_free_noncoherent(&dev, 2 * PAGE, p + PAGE, h, DMA_FROM_DEVICE), -FH_EINVAL);
	T_EQ(dma_free_noncoherent(&dev, 2 * PAGE, cpu, h, DMA_FROM_DEVICE), 0);
	T_EQ(dma_free_noncoherent(&dev, 2 * PAGE, cpu, h, DMA_FROM_DEVICE), -FH_EINVAL);
	T_EQ(dma_alloc_noncontiguous(&dev, 5 * PAGE, GFP_KERNEL, DMA_TO_DEVICE, 0, &sgt), 0);
	T_EQ(sgt->nents, 1);
	T_EQ(sgt->sgl[0].dma_length, 5 * PAGE);
	T_EQ(dma_vmap_noncontiguous(&dev, 5 * PAGE, sgt, &cpu), 0);
	memset(cpu, 'v', 5 * PAGE);
	dma_sync_sg_for_device(&dev, sgt->sgl, sgt->orig_nents, DMA_TO_DEVICE);
	T_EQ(device_reads((dma_t){sgt->sgl[0].dma_address.v + 5 * PAGE - 1}), 'v');
	dma_vunmap_noncontiguous(&dev, 5 * PAGE, sgt, cpu);
	T_EQ(dma_free_noncontiguous(&dev, 6 * PAGE, sgt, DMA_TO_DEVICE), -FH_EINVAL);
	T_EQ(dma_free_noncontiguous(&dev, 5 * PAGE, sgt, DMA_TO_DEVICE), 0);
	end();
}

/* A coherent buffer past the caches: each sees at once what the other writes. */
static void coherent(void)
{
	dma_t h;
	void *cpu, *cookie;
	unsigned char *p;

	T_NEED(start(true));
	T_EQ(dma_alloc_coherent(&dev, 2 * PAGE, GFP_KERNEL, &h, &cpu), 0);
	p = cpu;
	T_OK(p != fh_page_address(m, h.v / PAGE), "an address of its own");
	p[PAGE] = 'p';
	T_EQ(device_reads((dma_t){h.v + PAGE}), 'p');
	device_writes(h, 'w', 2 * PAGE);
	T_EQ(p[0], 'w');
	T_EQ(p[2 * PAGE - 1], 'w');
	T_EQ(dma_free_coherent(&dev, 2 * PAGE, p + PAGE, h), -FH_EINVAL);
	T_EQ(dma_free_coherent(&dev, PAGE, cpu, h), -FH_EINVAL);
	T_EQ(dma_free_coherent(&dev, 2 * PAGE, cpu, h), 0);
	T_EQ(dma_free_coherent(&dev, 2 * PAGE, cpu, h), -FH_EINVAL);
	/* Without an address for the CPU: zero for the device all the same. */
	T_EQ(dma_alloc_attrs(&dev, PAGE, GFP_KERNEL, DMA_ATTR_NO_KERNEL_MAPPING, &h, &cookie), 0);
	T_OK(cookie, "something to show at the end");
	T_EQ(device_reads(h), 0);
	T_EQ(dma_free_attrs(&dev, PAGE, cookie, h, DMA_ATTR_NO_KERNEL_MAPPING), 0);
	end();
}

static void no_address(void)
{
	struct dma_refusal why;
	dma_t h;
	void *cpu;

	T_NEED(start(true));
	tp.fail_nth = 2; /* its record is made, its address is not */
	T_EQ(dma_alloc_coherent(&dev, PAGE, GFP_KERNEL, &h, &cpu), -FH_ENOMEM);
	T_EQ(tp.failed, 1);
	T_EQ(dma_refusals(m, &why, 1), 1);
	T_EQ(why.step[0].source, DMA_SOURCE_VMAP);
	T_STR(why.step[0].why, "no address past the caches for 4 KiB");
	tp.fail_nth = 1;
	T_EQ(dma_alloc_coherent(&dev, PAGE, GFP_KERNEL, &h, &cpu), -FH_ENOMEM);
	T_EQ(tp.failed, 2);
	end();
}

/* Other devices map its frames; programs see it; wrong parts of it are refused. */
static void shared(void)
{
	struct fh_space *space;
	struct sg_table table;
	struct tp_space *host;
	unsigned char c = 0;
	dma_t h;
	void *cpu;

	T_NEED(start(true));
	host = testplat_space(&tp);
	T_EQ(fh_space_create(m, host, &space), 0);
	T_EQ(dma_alloc_coherent(&dev, 4 * PAGE, GFP_KERNEL, &h, &cpu), 0);
	T_EQ(dma_get_sgtable(&dev, &table, cpu, (dma_t){h.v + 1}, 4 * PAGE), -FH_EINVAL);
	T_EQ(dma_get_sgtable(&dev, &table, cpu, h, 4 * PAGE), 0);
	T_EQ(table.orig_nents, 1);
	T_EQ(table.sgl[0].phys.v, h.v);
	T_EQ(table.sgl[0].length, 4 * PAGE);
	dma_free_sgtable(&dev, &table);
	T_EQ(dma_mmap_coherent(&dev, space, 10, (struct range){1, 5}, cpu, h, 4 * PAGE),
	     -FH_EINVAL);
	T_EQ(dma_mmap_coherent(&dev, space, 10, (struct range){1, 1}, cpu, h, 4 * PAGE),
	     -FH_EINVAL);
	T_EQ(dma_mmap_coherent(&dev, NULL, 10, (struct range){1, 2}, cpu, h, 4 * PAGE), -FH_EINVAL);
	T_EQ(dma_mmap_coherent(&dev, space, 10, (struct range){1, 3}, cpu, h, 4 * PAGE), 0);
	T_EQ(dma_mmap_coherent(&dev, space, 11, (struct range){1, 3}, cpu, h, 4 * PAGE),
	     -FH_EINVAL);
	TP_SPACE_CHECK(space, host);
	((unsigned char *)cpu)[2 * PAGE + 3] = 'm';
	T_EQ(fh_space_load(space, 11, 3, &c, 1), 0);
	T_EQ(c, 'm');
	c = 'n';
	T_EQ(fh_space_store(space, 10, 0, &c, 1), 0);
	T_EQ(((unsigned char *)cpu)[PAGE], 'n');
	T_EQ(fh_space_load(space, 12, 0, &c, 1), -FH_EFAULT);
	T_EQ(fh_space_fault(space, 11, FH_FAULT_WRITE), 0);
	TP_CHECK(m);
	T_EQ(fh_space_unmap(space, 10), 0);
	T_EQ(fh_space_load(space, 11, 3, &c, 1), -FH_EFAULT);
	for (unsigned int nth = 1; nth < 4; nth++) {
		int err;

		tp.fail_nth = nth;
		err = dma_mmap_coherent(&dev, space, 10, (struct range){1, 3}, cpu, h, 4 * PAGE);
		tp.fail_nth = 0;
		T_EQ(err, -FH_ENOMEM);
		T_EQ(fh_space_load(space, 11, 3, &c, 1), -FH_EFAULT);
	}
	T_EQ(dma_free_coherent(&dev, 4 * PAGE, cpu, h), 0);
	fh_space_destroy(space);
	free(host);
	end();
}

const struct t_case t_cases[] = {
	T(bad_arguments),  T(forced),	T(reach),      T(masks),  T(bytes_cross), T(lists),
	T(cached_buffers), T(coherent), T(no_address), T(shared), T_END};
