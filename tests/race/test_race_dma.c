/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Threads on the same devices: buffers of every kind come and go, and change hands; frames are mapped, synced and unmapped; pools run
 * low and grow beside it. A buffer is zero at birth, has one owner, and keeps what was written to it; what a device wrote arrives.
 */
#include <stdio.h>
#include <string.h>
#include <freehold/dma.h>
#include <freehold/dma_debug.h>
#include <freehold/iommu.h>
#include <freehold/page.h>
#include "crew.h"
#include "dma/coherent.h"
#include "dma/dma.h"
#include "dma/iommu.h"
#include "dma/pool.h"
#include "dma/swiotlb.h"
#include "mm/machine.h"
#include "t.h"

#define MIB	(UINT64_C(1) << 20)
#define PAGE	FH_PAGE_SIZE
#define DEVICES 6
#define BOXES	64
#define OWN	8 /* frames of a thread, for its mappings */
#define ALL_OWN 7 /* order of those of all threads */

static struct device dev[DEVICES];
static struct iommu_domain *domain[2];
static pfn_t own; /* OWN frames for each thread */
static uint64_t pools_at_birth;

/* What one thread allocates another frees. */
static struct letter {
	struct device *dev;
	uint64_t size;
	gfp_t gfp;
	dma_t handle;
	uint32_t *cpu;
} box[BOXES];
static _Atomic(uint32_t) busy[BOXES]; /* 0: empty, 1: being looked at, 2: full */

/* ---- a machine with all there is ---- */

static struct boot_config *config(bool debug)
{
	struct boot_config *cfg = testplat_config(48, 16, CMA_POLICY_GUARANTEED,
						  nr_threads > 2 ? nr_threads - 1 : 2, TP_ONE_ZONE);

	cfg->region[1] = (struct boot_region){.name = "own",
					      .base = TP_BASE + 4 * MIB,
					      .size = MIB,
					      .kind = BOOT_REGION_DMA_POOL};
	cfg->region[2] = (struct boot_region){.name = "bounce",
					      .base = TP_BASE + 6 * MIB,
					      .size = MIB,
					      .kind = BOOT_REGION_RESTRICTED_POOL};
	cfg->nr_regions = 3;
	cfg->dma.swiotlb_noforce = false;
	cfg->dma.swiotlb_slabs = 256;
	cfg->dma.swiotlb_dynamic = true;
	cfg->dma.debug = debug;
	cfg->dma.debug_entries = 4096;
	return cfg;
}

static uint64_t frames_of_pools(void)
{
	struct swiotlb_stats s = {0};
	uint64_t sum = 0;

	if (m->dma->swiotlb)
		swiotlb_stats(m->dma->swiotlb, &s);
	for (unsigned int z = 0; z < MAX_NR_ZONES; z++)
		sum += pool_size(m, (enum zone_type)z);
	return sum + s.nslabs * IO_TLB_SIZE / PAGE;
}

static bool make_devices(void)
{
	static const char *const names[DEVICES] = {"isp", "usb", "gpu", "vpu", "sd", "wifi"};

	for (unsigned int i = 0; i < DEVICES; i++)
		dev[i] = (struct device){.machine = m, .name = names[i], .dma_coherent = i & 1};
	for (unsigned int i = 0; i < 2; i++) {
		const struct iommu_options o = {.strict = i,
						.aperture_start = MIB,
						.aperture_end = 64 * MIB - 1,
						.iotlb_entries = 64};

		if (!T_EQ(iommu_domain_create(m, &o, &domain[i]), 0))
			return false;
		dev[2 + i].iommu = domain[i];
	}
	/* It reaches all but what is mapped here: its mappings are bounced, and slots run low. */
	dev[4].nr_ranges = 2;
	dev[4].range[0] = (struct bus_dma_region){{TP_BASE}, {TP_BASE}, own * PAGE - TP_BASE};
	dev[4].range[1].cpu.v = dev[4].range[1].dma.v = (own + (1u << ALL_OWN)) * PAGE;
	dev[4].range[1].size = TP_BASE + 48 * MIB - dev[4].range[1].cpu.v;
	dev[4].dma_mem = dma_pool_of_region(m, "own");
	dev[5].dma_io_tlb_mem = swiotlb_restricted(m, "bounce");
	return T_OK(dev[4].dma_mem && dev[5].dma_io_tlb_mem, "pools");
}

static bool begin(bool debug, void (*run)(struct thread *t))
{
	if (!crew_start(16, 0, CMA_POLICY_GUARANTEED))
		return false;
	fh_machine_destroy(m);
	testplat_fini(&tp);
	testplat_init(&tp);
	testplat_caches(&tp, 64);
	m = testplat_machine_of(&tp, config(debug));
	if (!T_OK(m, "a machine") ||
	    !T_EQ(fh_alloc_pages(m, GFP_KERNEL | __GFP_ZERO, ALL_OWN, &own), 0))
		return false;
	pools_at_birth = frames_of_pools();
	for (unsigned int i = 0; i < nr_threads; i++)
		thread[i].run = run;
	return make_devices();
}

/* ---- coherent buffers ---- */

static void give_back(const struct letter *l)
{
	must(l->cpu[0] == (uint32_t)l->handle.v && l->cpu[l->size / 4 - 1] == l->cpu[0],
	     "a buffer has one owner");
	must(!dma_free_coherent(l->dev, l->size, l->cpu, l->handle), "a buffer can be given back");
}

static void coherent(struct thread *t)
{
	static const gfp_t kinds[] = {GFP_KERNEL, GFP_ATOMIC, GFP_KERNEL | GFP_DMA, GFP_KERNEL};
	unsigned int i = rnd(t) % BOXES;
	uint32_t full = 2, empty = 0;
	struct letter l;
	void *cpu;

	if (atomic_compare_exchange_strong(&busy[i], &full, 1)) {
		l = box[i];
		atomic_store(&busy[i], 0);
		give_back(&l);
		return;
	}
	if (!atomic_compare_exchange_strong(&busy[i], &empty, 1))
		return;
	l.dev = &dev[rnd(t) % DEVICES];
	l.size = (1 + rnd(t) % 12) * PAGE;
	l.gfp = kinds[rnd(t) % 4];
	if (dma_alloc_coherent(l.dev, l.size, l.gfp | __GFP_NOWARN, &l.handle, &cpu)) {
		atomic_store(&busy[i], 0);
		return;
	}
	l.cpu = cpu;
	must(!(l.cpu[0] | l.cpu[l.size / 8] | l.cpu[l.size / 4 - 1]), "a buffer is born zero");
	l.cpu[0] = l.cpu[l.size / 4 - 1] = (uint32_t)l.handle.v;
	box[i] = l;
	atomic_store(&busy[i], 2);
}

/* ---- mappings ---- */

/* The device's word at a bus address. */
static void bus_word(struct device *d, uint64_t bus, uint32_t *word, bool write)
{
	phys_t phys = {0};
	uint64_t run = sizeof(*word);

	if (d->iommu && iommu_translate(d, (dma_t){bus}, sizeof(*word), write, &phys, &run)) {
		must(false, "what is mapped is reached");
		return;
	}
	if (!d->iommu)
		phys.v = dma_to_phys(d, (dma_t){bus}, sizeof(*word));
	if (write)
		testplat_bus_write(&tp, phys, word, sizeof(*word), d->dma_coherent);
	else
		testplat_bus_read(&tp, phys, word, sizeof(*word), d->dma_coherent);
}

/* There and back: the CPU's word, as the device sees it, and the device's, as the CPU does. Returns what the device wrote into the
 * last line. */
static uint32_t round_trip(struct thread *t, struct device *d, uint32_t *at, dma_t h, uint64_t size)
{
	uint32_t seen = 0, word = rnd(t);

	bus_word(d, h.v, &seen, false);
	must(seen == *at, "the device sees what the CPU wrote");
	bus_word(d, h.v, &word, true);
	dma_sync_single_for_cpu(d, h, 64, DMA_BIDIRECTIONAL);
	must(*at == word, "the CPU sees what the device wrote");
	*at = word + 1;
	dma_sync_single_for_device(d, h, 64, DMA_BIDIRECTIONAL);
	bus_word(d, h.v, &seen, false);
	must(seen == word + 1, "the device sees it once more");
	bus_word(d, h.v + size - 64, &word, true);
	return word;
}

static void map_one(struct thread *t, struct device *d, pfn_t first)
{
	uint64_t off = (rnd(t) % 32) * 64, size = 128 + (rnd(t) % 400) * 64;
	unsigned char *bytes = (unsigned char *)fh_page_address(m, first) + off;
	uint32_t *last, word;
	dma_t h;

	if (size > OWN * PAGE - off)
		size = OWN * PAGE - off;
	*(uint32_t *)(void *)bytes = rnd(t);
	last = (uint32_t *)(void *)(bytes + size - 64);
	if (dma_map_single(d, bytes, size, DMA_BIDIRECTIONAL, &h))
		return;
	word = round_trip(t, d, (uint32_t *)(void *)bytes, h, size);
	dma_unmap_single(d, h, size, DMA_BIDIRECTIONAL);
	must(*last == word, "what the device wrote last is there");
}

static void map_list(struct thread *t, struct device *d, pfn_t first)
{
	struct scatterlist sg[4] = {0};
	uint32_t word = rnd(t);

	for (unsigned int i = 0; i < 4; i++)
		sg[i] = (struct scatterlist){.phys = {(first + 2 * i) * PAGE}, .length = PAGE};
	if (dma_map_sg(d, sg, 4, DMA_FROM_DEVICE, DMA_ATTR_NO_WARN) < 0)
		return;
	bus_word(d, sg[0].dma_address.v, &word, true);
	dma_unmap_sg(d, sg, 4, DMA_FROM_DEVICE, 0);
	must(*(uint32_t *)fh_page_address(m, first) == word, "a list brings what was written");
}

static void mappings(struct thread *t)
{
	struct device *d = &dev[rnd(t) % DEVICES];

	if (rnd(t) % 2)
		map_one(t, d, own + t->cpu * OWN);
	else
		map_list(t, d, own + t->cpu * OWN);
}

static void cached(struct thread *t)
{
	struct device *d = &dev[rnd(t) % DEVICES];
	uint64_t size = (1 + rnd(t) % 8) * PAGE;
	struct sg_table *sgt;
	dma_t h;
	void *cpu;

	if (rnd(t) % 2) {
		if (dma_alloc_noncoherent(d, size, GFP_KERNEL | __GFP_NOWARN, DMA_BIDIRECTIONAL, &h,
					  &cpu))
			return;
		must(!*(uint32_t *)cpu, "pages are born zero");
		*(uint32_t *)cpu = rnd(t);
		dma_sync_single_for_device(d, h, size, DMA_BIDIRECTIONAL);
		(void)round_trip(t, d, cpu, h, size);
		dma_sync_single_for_cpu(d, h, size, DMA_BIDIRECTIONAL);
		must(!dma_free_noncoherent(d, size, cpu, h, DMA_BIDIRECTIONAL), "and go back");
		return;
	}
	if (dma_alloc_noncontiguous(d, size, GFP_KERNEL | __GFP_NOWARN, DMA_TO_DEVICE,
				    rnd(t) & 1 ? DMA_ATTR_ALLOC_SINGLE_PAGES : 0, &sgt))
		return;
	if (!dma_vmap_noncontiguous(d, size, sgt, &cpu)) {
		memset(cpu, 1, size);
		dma_vunmap_noncontiguous(d, size, sgt, cpu);
	}
	must(!dma_free_noncontiguous(d, size, sgt, DMA_TO_DEVICE), "runs go back");
}

static void all_kinds(struct thread *t)
{
	switch (rnd(t) % 8) {
	case 0:
		(void)dma_background(m);
		break;
	case 1:
	case 2:
		cached(t);
		break;
	case 3:
	case 4:
		mappings(t);
		break;
	default:
		coherent(t);
	}
}

static void end(void)
{
	struct swiotlb_stats s;
	struct fh_mem_info info;

	for (unsigned int i = 0; i < BOXES; i++) {
		if (busy[i] == 2)
			give_back(&box[i]);
		busy[i] = 0;
	}
	T_EQ(fh_free_pages(m, own, ALL_OWN), 0);
	T_EQ(dma_debug_count(m, DMA_NR_REPORTS), 0);
	for (unsigned int i = 0; i < 2; i++)
		iommu_domain_destroy(domain[i]);
	swiotlb_stats(m->dma->swiotlb, &s);
	printf("# %llu bounced, pools of %llu frames, %llu at birth\n",
	       (unsigned long long)s.bounced, (unsigned long long)frames_of_pools(),
	       (unsigned long long)pools_at_birth);
	testplat_quiesce(m);
	fh_mem_info(m, &info);
	T_EQ(info.total - info.free, tp.birth_used + frames_of_pools() - pools_at_birth);
	TP_CHECK(m);
	fh_machine_destroy(m);
	testplat_fini(&tp);
}

static void coherent_buffers(void)
{
	T_NEED(begin(false, coherent));
	crew_race();
	end();
}

static void everything(void)
{
	T_NEED(begin(false, all_kinds));
	crew_race();
	end();
}

static void everything_debugged(void)
{
	T_NEED(begin(true, all_kinds));
	crew_race();
	end();
}

const struct t_case t_cases[] = {T(coherent_buffers), T(everything), T(everything_debugged), T_END};
