/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Devices of nodes: their buses, and the memory that each kind of region gives them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <freehold/dma.h>
#include "dma/coherent.h"
#include "dma/swiotlb.h"
#include "t.h"
#include "testplat.h"

#define MIB (UINT64_C(1) << 20)

static struct testplat tp;
static struct fh_machine *m;
static struct device dev;
static struct boot_device node;
static struct boot_why why;

static void add_region(struct boot_config *cfg, const char *name, uint64_t at, uint64_t size,
		       unsigned int flags)
{
	struct boot_region *r = &cfg->region[cfg->nr_regions++];

	snprintf(r->name, sizeof(r->name), "%s", name);
	r->base = TP_BASE + at;
	r->size = size;
	r->flags = flags;
}

/* 90 characters: an area keeps 63 of them. */
#define LONG                                                                                       \
	"frames-of-the-camera-that-looks-ahead-and-of-the-one-behind-it-with-a-lens-of-two-"       \
	"metres-x"
#define LONG_KEPT "frames-of-the-camera-that-looks-ahead-and-of-the-one-behind-it-"

/* 64 MiB with a region of each kind, and a node that names them all. */
static bool start(void)
{
	static const char *const names[] = {"area", "pool", "firmware", LONG, "bounce"};
	struct boot_config *cfg = calloc(1, sizeof(*cfg));

	if (!cfg)
		return false;
	boot_config_init(cfg);
	cfg->bank[cfg->nr_banks++] = (struct boot_bank){TP_BASE, 64 * MIB};
	add_region(cfg, names[0], 32 * MIB, 8 * MIB, BOOT_REGION_SHARED | BOOT_REGION_REUSABLE);
	add_region(cfg, names[1], 48 * MIB, MIB, BOOT_REGION_SHARED);
	add_region(cfg, names[2], 50 * MIB, MIB, BOOT_REGION_NO_MAP);
	add_region(cfg, names[3], 52 * MIB, 2 * MIB, BOOT_REGION_SHARED | BOOT_REGION_REUSABLE);
	add_region(cfg, names[4], 56 * MIB, 4 * MIB, BOOT_REGION_RESTRICTED);
	if (!T_EQ(boot_config_finish(cfg, NULL, 0, &why), 0)) {
		free(cfg);
		return false;
	}
	node = (struct boot_device){.name = "30a90000.csi", .path = "/csi", .available = true};
	for (unsigned int i = 0; i < 5; i++) {
		struct boot_device_region *r = &node.region[node.nr_regions++];

		r->link = BOOT_LINK_REGION;
		snprintf(r->node, sizeof(r->node), "%s", names[i]);
		snprintf(r->name, sizeof(r->name), "my-%s", names[i]);
		while (strcmp(cfg->region[r->region].name, names[i]) != 0)
			r->region++;
	}
	testplat_init(&tp);
	testplat_cpu(0);
	m = testplat_machine_of(&tp, cfg);
	memset(&dev, 0xa5, sizeof(dev));
	return m;
}

static bool logged(const char *line)
{
	char *text = malloc(m->dmesg.len + 1);
	bool found;

	memcpy(text, m->dmesg.buf, m->dmesg.len);
	text[m->dmesg.len] = '\0';
	found = strstr(text, line);
	free(text);
	return T_OK(found, line);
}

static bool comes_from(uint64_t base, uint64_t size)
{
	dma_t handle;
	void *cpu;

	if (!T_EQ(dma_alloc_coherent(&dev, 4096, GFP_KERNEL, &handle, &cpu), 0))
		return false;
	T_EQ(dma_free_coherent(&dev, 4096, cpu, handle), 0);
	return handle.v - base < size;
}

static void takes_the_first_region(void)
{
	T_NEED(start());
	T_EQ(device_init_of(&dev, m, &node, &why), 0);
	T_STR(dev.name, "30a90000.csi");
	T_OK(dev.machine == m && dev.cma_area == cma_find(m, "area"), "the area");
	T_OK(!dev.dma_mem && !dev.dma_io_tlb_mem && !dev.iommu, "and nothing else");
	T_EQ(dev.dma_mask, 0xffffffff);
	T_EQ(dev.coherent_dma_mask, 0xffffffff);
	T_EQ(dev.max_segment_size, 0);
	logged("30a90000.csi: assigned reserved memory node area\n");
	T_OK(comes_from(TP_BASE + 32 * MIB, 8 * MIB), "a page of it");
	testplat_end(&tp, m);
}

static void takes_the_one_that_is_asked_for(void)
{
	T_NEED(start());
	T_EQ(device_init_of_region(&dev, m, &node, 1, &why), 0);
	T_OK(dev.dma_mem == dma_pool_of_region(m, "pool") && !dev.cma_area, "the pool");
	T_OK(comes_from(TP_BASE + 48 * MIB, MIB), "a page of it");
	T_EQ(device_init_of_name(&dev, m, &node, "my-" LONG, &why), 0);
	T_OK(dev.cma_area == cma_find(m, LONG_KEPT) && !dev.dma_mem, "another area");
	logged("30a90000.csi: assigned reserved memory node " LONG "\n");
	T_OK(dev.cma_area && strlen(cma_get_name(dev.cma_area)) == CMA_MAX_NAME - 1, "cut");
	T_EQ(device_add_region(&dev, &node, 1, &why), 0);
	T_OK(dev.cma_area && dev.dma_mem, "an area and a pool");
	T_EQ(device_add_region(&dev, &node, 0, &why), 0);
	T_OK(dev.cma_area == cma_find(m, "area") && dev.dma_mem, "the later area");
	T_EQ(device_init_of_name(&dev, m, &node, "my-bounce", &why), 0);
	T_OK(!dev.cma_area && !dev.dma_mem, "nothing but");
	T_NEED(dev.dma_io_tlb_mem);
	T_STR(swiotlb_name(dev.dma_io_tlb_mem), "bounce");
	T_OK(comes_from(TP_BASE + 56 * MIB, 4 * MIB), "a page of it");
	testplat_end(&tp, m);
}

static void refuses(int err, unsigned int index, const char *text)
{
	struct device before;

	T_EQ(device_init_of_region(&dev, m, &node, index, &why), err);
	T_STR(why.text, text);
	memcpy(&before, &dev, sizeof(dev));
	T_EQ(device_add_region(&dev, &node, index, NULL), err);
	T_OK(!memcmp(&before, &dev, sizeof(dev)), "the device stays as it was");
}

static void says_what_is_no_memory(void)
{
	T_NEED(start());
	refuses(-FH_EINVAL, 2,
		"30a90000.csi: memory-region 2: firmware is reserved memory without a pool: "
		"expected shared-dma-pool or restricted-dma-pool");
	refuses(-FH_ENODEV, 5, "30a90000.csi: memory-region 5: the node has 5");
	T_EQ(device_init_of_name(&dev, m, &node, "tables", &why), -FH_ENODEV);
	T_STR(why.text, "30a90000.csi: memory-region-names: no entry `tables'");
	node.region[1].name[0] = '\0'; /* an entry that memory-region-names has nothing for */
	T_EQ(device_init_of_name(&dev, m, &node, "", &why), -FH_ENODEV);
	node.region[0].link = BOOT_LINK_DROPPED;
	refuses(-FH_EINVAL, 0,
		"30a90000.csi: memory-region 0: area is no region of this boot: it lies elsewhere "
		"in "
		"the tree, or was dropped (see the boot log)");
	node.region[0].link = BOOT_LINK_NONE;
	refuses(-FH_ENODEV, 0, "30a90000.csi: memory-region 0: no node has that phandle");
	node.region[0].link = BOOT_LINK_REGION;
	node.region[0].region = 60;
	refuses(-FH_EINVAL, 0, "30a90000.csi: memory-region 0: of another machine");
	T_EQ(device_init_of(NULL, m, &node, &why), -FH_EINVAL);
	T_EQ(device_init_of(&dev, NULL, &node, &why), -FH_EINVAL);
	T_EQ(device_init_of(&dev, m, NULL, NULL), -FH_EINVAL);
	T_EQ(device_init_of_name(&dev, m, &node, NULL, &why), -FH_EINVAL);
	T_EQ(device_add_region(NULL, &node, 0, &why), -FH_EINVAL);
	testplat_end(&tp, m);
}

/* As drivers do: what the tree says and the boot did not make is no reason to have no device. */
static void goes_on_without(void)
{
	T_NEED(start());
	node.region[0].link = BOOT_LINK_OFF;
	T_EQ(device_init_of(&dev, m, &node, &why), 0);
	T_OK(!dev.cma_area && !dev.dma_mem, "no memory of its own");
	logged("30a90000.csi: memory-region 0: area is disabled\n");
	T_EQ(device_init_of_region(&dev, m, &node, 0, &why), 0);
	T_EQ(device_init_of_name(&dev, m, &node, "my-area", &why), 0);
	T_OK(!dev.cma_area && !dev.dma_mem, "by name neither");
	node.region[0].link = BOOT_LINK_DROPPED;
	T_EQ(device_init_of_name(&dev, m, &node, "my-area", &why), -FH_EINVAL);
	T_EQ(device_init_of(&dev, m, &node, &why), 0);
	T_OK(!dev.cma_area && !dev.dma_mem, "no memory of its own");
	logged("30a90000.csi: memory-region 0: area is no region of this boot");
	node.nr_regions = 0;
	T_EQ(device_init_of(&dev, m, &node, &why), 0);
	T_OK(comes_from(TP_BASE, 64 * MIB), "it has memory all the same");
	testplat_end(&tp, m);
}

static void knows_its_bus(void)
{
	T_NEED(start());
	node.nr_regions = 0;
	node.nr_ranges = 1;
	node.range[0] = (struct bus_dma_region){{TP_BASE}, {0}, 32 * MIB};
	node.bus_dma_limit = 24 * MIB;
	node.dma_coherent = true;
	T_EQ(device_init_of(&dev, m, &node, &why), 0);
	T_EQ(dev.dma_mask, 32 * MIB - 1);
	T_EQ(dev.coherent_dma_mask, 32 * MIB - 1);
	T_EQ(dev.bus_dma_limit, 24 * MIB);
	T_EQ(dev.nr_ranges, 1);
	T_EQ(dev.range[0].cpu.v, TP_BASE);
	T_OK(dev.dma_coherent, "snoops");
	T_OK(comes_from(0, 24 * MIB), "at the bus's address");
	node.bus_dma_limit = UINT64_MAX;
	T_EQ(device_init_of(&dev, m, &node, &why), 0);
	T_EQ(dev.dma_mask, 0xffffffff);
	testplat_end(&tp, m);
}

const struct t_case t_cases[] = {
	T(takes_the_first_region), T(takes_the_one_that_is_asked_for),
	T(says_what_is_no_memory), T(goes_on_without),
	T(knows_its_bus),	   T_END,
};
