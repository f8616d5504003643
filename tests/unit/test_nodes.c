/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Nodes of NUMA and what is shared out to them: areas, gigantic pages, movable memory. */
#include <libfdt.h>
#include <stdio.h>
#include <string.h>
#include <freehold/cma.h>
#include <freehold/dma.h>
#include "t.h"
#include "boot_check.h"
#include "testplat.h"

#define M(n)  ((uint64_t)(n) << 20)
#define G(n)  ((uint64_t)(n) << 30)
#define NO_ID UINT32_MAX

struct mem {
	uint64_t base, size;
	uint32_t node; /* NO_ID: the tree does not say */
};

static struct boot_config cfg;
static struct boot_why why;
static _Alignas(8) char blob[4096];

static void memory_node(const struct mem *m)
{
	fdt64_t reg[2] = {cpu_to_fdt64(m->base), cpu_to_fdt64(m->size)};
	char name[32];

	snprintf(name, sizeof(name), "memory@%llx", (unsigned long long)m->base);
	T_EQ(fdt_begin_node(blob, name), 0);
	T_EQ(fdt_property_string(blob, "device_type", "memory"), 0);
	T_EQ(fdt_property(blob, "reg", reg, sizeof(reg)), 0);
	if (m->node != NO_ID)
		T_EQ(fdt_property_u32(blob, "numa-node-id", m->node), 0);
	T_EQ(fdt_end_node(blob), 0);
}

/* A tree of memory nodes, ended by size 0. */
static void tree(const struct mem *m)
{
	T_EQ(fdt_create(blob, sizeof(blob)), 0);
	T_EQ(fdt_finish_reservemap(blob), 0);
	T_EQ(fdt_begin_node(blob, ""), 0);
	T_EQ(fdt_property_u32(blob, "#address-cells", 2), 0);
	T_EQ(fdt_property_u32(blob, "#size-cells", 2), 0);
	for (; m->size; m++)
		memory_node(m);
	T_EQ(fdt_end_node(blob), 0);
	T_EQ(fdt_finish(blob), 0);
}

static bool boot(const struct mem *m, const char *kconfig, const char *args, uint64_t ram)
{
	const char *broken;

	tree(m);
	boot_config_init(&cfg);
	cfg.as_linux = true;
	if (!T_EQ(boot_config_kconfig(&cfg, kconfig, strlen(kconfig), &why), 0) ||
	    !T_EQ(boot_config_fdt(&cfg, blob, sizeof(blob), &why), 0) ||
	    !T_EQ(boot_config_finish(&cfg, args, ram, &why), 0)) {
		T_STR(why.text, "");
		return false;
	}
	broken = boot_check(&cfg);
	return T_OK(!broken, broken ? broken : "");
}

static bool said(const char *text)
{
	bool there = strstr(cfg.dmesg, text);

	if (!there)
		T_STR(cfg.dmesg, text);
	return there;
}

static const struct mem two[] = {{G(1), G(2), 0}, {G(4), G(4), 1}, {0}};
static const struct mem one[] = {{G(1), G(7), NO_ID}, {0}};
#define PLAIN "CONFIG_CMA_SIZE_MBYTES=0\n"

static void says_whose_ram_is(void)
{
	T_NEED(boot(two, PLAIN, NULL, 0));
	T_EQ(cfg.nr_node_ranges, 2);
	said("Movable zone start for each node\n"
	     "Early memory node ranges\n"
	     "  node   0: [mem 0x0000000040000000-0x00000000bfffffff]\n"
	     "  node   1: [mem 0x0000000100000000-0x00000001ffffffff]\n"
	     "Initmem setup node 0 [mem 0x0000000040000000-0x00000000bfffffff]\n"
	     "Initmem setup node 1 [mem 0x0000000100000000-0x00000001ffffffff]\n");
	/* Neighbours of two nodes stay apart, though they are one bank. */
	T_NEED(boot((const struct mem[]){{G(1), G(1), 1}, {G(2), G(1), 0}, {G(3), G(1), 1}, {0}},
		    PLAIN, NULL, 0));
	T_EQ(cfg.nr_banks, 1);
	T_EQ(cfg.nr_node_ranges, 3);
	said("  node   1: [mem 0x0000000040000000-0x000000007fffffff]\n"
	     "  node   0: [mem 0x0000000080000000-0x00000000bfffffff]\n"
	     "  node   1: [mem 0x00000000c0000000-0x00000000ffffffff]\n"
	     "Initmem setup node 0 [mem 0x0000000080000000-0x00000000bfffffff]\n"
	     "Initmem setup node 1 [mem 0x0000000040000000-0x00000000ffffffff]\n");
	T_NEED(boot((const struct mem[]){{G(1), G(1), 2}, {G(2), G(1), 2}, {0}}, PLAIN, NULL, 0));
	T_EQ(cfg.nr_node_ranges, 1);
	T_EQ(cfg.node_range[0].node, 2);
}

static void ram_that_is_cut_or_grows_keeps_its_node(void)
{
	T_NEED(boot(two, PLAIN, NULL, G(1)));
	T_EQ(cfg.nr_node_ranges, 1);
	T_NEED(boot(two, PLAIN, NULL, G(8)));
	T_EQ(cfg.nr_node_ranges, 2);
	T_EQ(cfg.node_range[1].size, G(6));
	T_NEED(boot(two, PLAIN, "mem=3G", 0));
	T_EQ(cfg.node_range[1].size, G(1));
}

static void falls_back_to_one_node(void)
{
	T_NEED(boot((const struct mem[]){{G(1), G(1), 0}, {G(2), G(1), NO_ID}, {0}}, PLAIN, NULL,
		    0));
	said("NUMA: no nodes coverage for 1024MB of 2048MB RAM\n");
	T_EQ(cfg.nr_node_ranges, 1);
	T_NEED(boot((const struct mem[]){{G(1), G(1), 0}, {G(3), G(1), 16}, {0}}, PLAIN, NULL, 0));
	said("NUMA: Node id 16 exceeds maximum value\nNUMA: bad property in memory node\n");
	T_EQ(cfg.nr_node_ranges, 2);
	T_EQ(cfg.node_range[1].node, 0);
	T_NEED(boot((const struct mem[]){{G(1), G(2), 0}, {G(2), G(2), 1}, {0}}, PLAIN, NULL, 0));
	T_EQ(cfg.nr_node_ranges, 1);
	T_NEED(boot(two, PLAIN "# CONFIG_NUMA is not set\n", NULL, 0));
	T_EQ(cfg.node_range[1].node, 0);
}

static void gives_nodes_their_areas(void)
{
	T_NEED(boot(two, "", "numa_cma=1:64M,0:32M cma_pernuma=8M", 0));
	said("cma: Reserved 8 MiB at 0x00000000bf800000 on node 0\n"
	     "cma: Reserved 32 MiB at 0x00000000bd800000 on node 0\n"
	     "cma: Reserved 8 MiB at 0x0000000100000000 on node 1\n"
	     "cma: Reserved 64 MiB at 0x0000000100800000 on node 1\n"
	     "cma: Reserved 16 MiB at 0x00000000bc800000 on node -1\n"
	     "Kernel command line");
	T_EQ(cfg.nr_regions, 5);
	T_STR(cfg.region[0].name, "pernuma0");
	T_STR(cfg.region[1].name, "numa0");
	T_STR(cfg.region[3].name, "numa1");
	/* 6.1 knows one of them, before it says its zones. */
	T_NEED(boot(two, "", "numa_cma=1:64M cma_pernuma=8M like=6.1", 0));
	said("cma: Reserved 8 MiB at 0x00000000bf800000\n"
	     "cma: Reserved 8 MiB at 0x0000000100000000\nZone ranges:\n");
	T_EQ(cfg.nr_regions, 3);
	/* 7: one area a node, behind the default one, and all before zones are said. */
	T_NEED(boot(two, "", "numa_cma=1:64M cma_pernuma=8M like=7", 0));
	said("cma: Reserved 16 MiB at 0x00000000bf000000\n"
	     "cma: Reserved 8 MiB at 0x00000000be800000\n"
	     "cma: Reserved 64 MiB at 0x0000000100000000\nZone ranges:\n");
	T_STR(cfg.region[1].name, "numa0");
	T_NEED(boot(two, "CONFIG_CMA_SIZE_PERNUMA=y\n", "like=7", 0));
	T_EQ(cfg.nr_regions, 3);
	T_EQ(cfg.region[2].size, M(16));
	T_NEED(boot(two, PLAIN, "numa_cma=1:4G like=7", 0));
	T_EQ(cfg.region[0].size, G(4));
	T_NEED(boot(two, PLAIN "# CONFIG_NUMA is not set\n", "numa_cma=0:4M hugetlb_cma=1G", 0));
	said("cma: Reserved 1024 MiB at 0x0000000100000000 on node -1\n");
	T_EQ(cfg.nr_regions, 1);
}

static void node_areas_that_do_not_fit(void)
{
	T_NEED(boot(two, "", "numa_cma=0:3G,5:4M,1:4M", 0));
	said("cma: Failed to reserve 3072 MiB on node 0\n"
	     "cma: dma_numa_cma_reserve: reservation failed: err -12, node 0\n"
	     "cma: Reserved 4 MiB at 0x0000000100000000 on node 1\n");
	T_EQ(cfg.nr_notes, 1);
	tree(two);
	boot_config_init(&cfg);
	T_EQ(boot_config_fdt(&cfg, blob, sizeof(blob), &why), 0);
	T_EQ(boot_config_finish(&cfg, "numa_cma=0:3G", 0, &why), -FH_ENOMEM);
	T_STR(why.text,
	      "numa_cma= (node 0): 3072 MiB in [0x0-0x1ffffffff]: no room (largest free run "
	      "there: 2048 MiB)");
}

static void shares_out_gigantic_pages(void)
{
	T_NEED(boot(two, PLAIN, "hugetlb_cma=3G", 0));
	said("hugetlb_cma: reserve 3072 MiB, up to 2048 MiB per node\n"
	     "cma: Reserved 2048 MiB at 0x0000000040000000 on node 0\n"
	     "hugetlb_cma: reserved 2048 MiB on node 0\n"
	     "cma: Reserved 1024 MiB at 0x0000000100000000 on node 1\n"
	     "hugetlb_cma: reserved 1024 MiB on node 1\nZone ranges:\n");
	T_NEED(boot(two, PLAIN, "hugetlb_cma=1:1500M,0:1G", 0));
	said("cma: Reserved 1024 MiB at 0x0000000080000000 on node 0\n"
	     "hugetlb_cma: reserved 1024 MiB on node 0\n"
	     "cma: Reserved 2048 MiB at 0x0000000100000000 on node 1\n"
	     "hugetlb_cma: reserved 2048 MiB on node 1\nZone ranges:\n");
	T_STR(cfg.region[1].name, "hugetlb1");
	T_EQ(cfg.region[1].order_per_bit, 9);
	T_NEED(boot(two, PLAIN, "hugetlb_cma=7:1G,1:1M", 0));
	said("hugetlb_cma: cma area of node 1 should be at least 1024 MiB\n"
	     "hugetlb_cma: invalid node 7 specified\nZone ranges:\n");
	T_NEED(boot(two, PLAIN, "hugetlb_cma=512M", 0));
	said("hugetlb_cma: cma area should be at least 1024 MiB\n");
	T_NEED(boot(one, PLAIN "CONFIG_ARM64_16K_PAGES=y\n", "hugetlb_cma=1G hugetlb_cma_only=on",
		    0));
	T_EQ(cfg.region[0].order_per_bit, 11);
	T_NEED(boot((const struct mem[]){{G(16), G(64), NO_ID}, {0}},
		    PLAIN "CONFIG_ARM64_64K_PAGES=y\n", "hugetlb_cma=17G", 0));
	said("hugetlb_cma: reserve 17408 MiB, up to 32768 MiB per node\n"
	     "cma: Reserved 32768 MiB at 0x0000000400000000 on node 0\n");
	T_EQ(cfg.region[0].order_per_bit, 13);
}

/* 7 rounds nothing up, and 7.3 takes shares. */
static void shares_out_gigantic_pages_as_7(void)
{
	T_NEED(boot(two, PLAIN, "hugetlb_cma=3G like=7", 0));
	said("hugetlb_cma: reserve 3072 MiB, up to 2048 MiB per node\n"
	     "cma: Reserved 2048 MiB in 1 range\n"
	     "hugetlb_cma: reserved 2048 MiB on node 0\n"
	     "cma: Reserved 1024 MiB in 1 range\n"
	     "hugetlb_cma: reserved 1024 MiB on node 1\n");
	T_NEED(boot(two, PLAIN, "hugetlb_cma=1:1500M,0:1G like=7", 0));
	said("hugetlb_cma: cma area of node 1 must be a multiple of 1024 MiB\n"
	     "cma: Reserved 1024 MiB in 1 range\n"
	     "hugetlb_cma: reserved 1024 MiB on node 0\nKernel");
	T_NEED(boot(two, PLAIN, "hugetlb_cma=1500M like=7", 0));
	said("hugetlb_cma: cma area must be a multiple of 1024 MiB\n");
	T_NEED(boot(two, PLAIN, "like=7.3 hugetlb_cma=50%", 0)); /* of 6 GiB */
	said("hugetlb_cma: reserve 3072 MiB (50%), up to 2048 MiB per node\n");
	T_NEED(boot(two, PLAIN, "like=7.3 hugetlb_cma=1:30%,0:5%", 0));
	said("hugetlb_cma: reservation size rounded down to 0 from 102 MiB (5%) on node 0\n"
	     "cma: Reserved 1024 MiB in 1 range\n"
	     "hugetlb_cma: reserved 1024 MiB (30%) on node 1\nKernel");
	T_NEED(boot(two, PLAIN, "like=7.3 hugetlb_cma=10%", 0));
	said("hugetlb_cma: reservation size rounded down to 0 from 614 MiB (10%)\nKernel");
	/* Before, the number is one of bytes; of all that was said for nodes and for all, the last counts. */
	T_NEED(boot(two, PLAIN, "hugetlb_cma=50%", 0));
	said("hugetlb_cma: cma area should be at least 1024 MiB\n");
	T_NEED(boot(two, PLAIN, "like=7.3 hugetlb_cma=0:1G hugetlb_cma=0", 0));
	T_EQ(cfg.nr_regions, 0);
	T_NEED(boot(two, PLAIN, "like=7.3 hugetlb_cma=2G hugetlb_cma=0:0%", 0));
	T_EQ(cfg.nr_regions, 0);
	T_NEED(boot(two, PLAIN, "like=7.3 hugetlb_cma=1G hugetlb_cma=101%", 0));
	said("hugetlb_cma: invalid percentage 101\n");
	T_EQ(cfg.nr_regions, 1);
	T_NEED(boot(two, PLAIN, "like=7.3 hugetlb_cma=0:1G,1:101%", 0));
	said("hugetlb_cma: invalid percentage 101 for node 1\n");
	T_EQ(cfg.nr_regions, 1);
}

/* What a command line makes of 7 GiB from 1 GiB on: 3 GiB in ZONE_DMA, 4 above it. */
static void movable(const char *args, uint64_t start)
{
	char line[64];

	if (!boot(one, PLAIN, args, 0))
		return;
	T_EQ(cfg.movable_start, start);
	snprintf(line, sizeof(line), "Movable zone start for each node\n%s",
		 start ? "  Node 0: 0x0000000" : "Early");
	said(line);
}

static void finds_where_movable_memory_begins(void)
{
	movable("movablecore=1G", G(7));
	movable("movablecore=1M", G(8) - M(4));
	movable("kernelcore=4G", G(5));
	movable("kernelcore=1G", G(4)); /* the highest zone alone */
	movable("kernelcore=7G", 0);
	movable("kernelcore=50%", G(4) + M(512));
	movable("movablecore=50%", G(4) + M(512));
	movable("kernelcore=5G movablecore=3G", G(6));
	movable("kernelcore=1G movablecore=3G", G(5));
	movable("kernelcore=50% kernelcore=6G", G(7));
	movable("kernelcore=6G kernelcore=50%", G(4) + M(512));
	movable("movablecore=1G movable_node", 0);
	movable("movablecore=1G kernelcore=mirror", 0);
	said("The system has no mirror memory, ignore kernelcore=mirror.\n");
	movable("kernelcore=0", 0);
	T_NEED(boot(one, PLAIN "CONFIG_ARM64_64K_PAGES=y\n", "movablecore=1M", 0));
	T_EQ(cfg.movable_start, G(8) - M(512));
	T_NEED(boot(two, PLAIN, "kernelcore=mirror like=6.1", 0));
	T_EQ(cfg.movable_start, G(4));
	said("This configuration results in unmirrored kernel memory.\n");
}

/* Movable memory is a zone of its own. */
static void drops_an_area_across_its_start(void)
{
	T_NEED(boot(one, PLAIN, "like=7 movablecore=1G cma=64M@0x1be000000", 0));
	said("cma: CMA area reserved could not be activated\n");
	T_EQ(cfg.nr_regions, 0);
	T_EQ(cfg.nr_notes, 1);
	T_NEED(boot(one, PLAIN, "like=7 movablecore=1G cma=64M@0x1bc000000", 0));
	T_EQ(cfg.nr_regions, 1);
	T_NEED(boot(one, PLAIN, "like=7 movablecore=1G cma=64M@0x1c0000000", 0));
	T_EQ(cfg.nr_regions, 1);
}

static void spreads_the_kernel_over_nodes(void)
{
	/* Both zones of node 1 count, node 0 lies below the highest zone and is the kernel's alone. */
	T_NEED(boot(two, PLAIN, "kernelcore=4G", 0));
	said("  Node 1: 0x0000000180000000\nEarly");
	T_EQ(cfg.movable_start, G(6));
	/* Of two in the highest zone each has half. */
	T_NEED(boot((const struct mem[]){{G(4), G(2), 0}, {G(6), G(2), 1}, {0}}, PLAIN,
		    "kernelcore=2G", 0));
	said("  Node 0: 0x0000000140000000\n  Node 1: 0x00000001c0000000\nEarly");
	T_EQ(cfg.movable_start, G(7));
	/* What one has too little of the other gives, in a second round. */
	T_NEED(boot((const struct mem[]){{G(4), G(1), 0}, {G(6), G(4), 1}, {0}}, PLAIN,
		    "kernelcore=3G", 0));
	said("Movable zone start for each node\n  Node 1: 0x0000000200000000\nEarly");
}

/* The area that 64 KiB of a device come from; NULL: none. */
static const char *area_of(struct fh_machine *m, unsigned int node, uint64_t mask, uint64_t bytes)
{
	struct device dev = {
		.machine = m, .numa_node = node, .coherent_dma_mask = mask, .dma_coherent = true};
	const char *name = NULL;
	dma_t handle;
	void *cpu;

	if (!T_EQ(dma_alloc_coherent(&dev, bytes, GFP_KERNEL, &handle, &cpu), 0))
		return NULL;
	for (unsigned int i = 0; i < cfg.nr_regions; i++)
		if (handle.v >= cfg.region[i].base &&
		    handle.v < cfg.region[i].base + cfg.region[i].size)
			name = cfg.region[i].name;
	T_EQ(dma_free_coherent(&dev, bytes, cpu, handle), 0);
	return name;
}

static void devices_ask_their_node_first(void)
{
	static const struct mem halves[] = {{G(1), M(64), 0}, {G(1) + M(64), M(64), 1}, {0}};
	struct fh_machine *m = NULL;
	struct testplat tp;
	char said_why[256];

	testplat_init(&tp);
	tree(halves);
	boot_config_init(&cfg);
	T_EQ(boot_config_fdt(&cfg, blob, sizeof(blob), &why), 0);
	T_EQ(boot_config_finish(&cfg, "cma=8M numa_cma=1:4M cma_pernuma=2M", 0, &why), 0);
	T_NEED(T_EQ(fh_machine_create(&tp.plat, &cfg, &m), 0));
	T_STR(area_of(m, 0, UINT64_MAX, 65536), "reserved");
	T_STR(area_of(m, 1, UINT64_MAX, 65536), "pernuma0");
	T_STR(area_of(m, 2, UINT64_MAX, 65536), "pernuma1");
	T_STR(area_of(m, 2, UINT64_MAX, M(3)), "numa1"); /* the first is too small for it */
	T_STR(area_of(m, 1, UINT64_MAX, M(3)), "reserved");
	T_STR(area_of(m, 1, UINT32_MAX, 65536), "reserved"); /* reaches ZONE_DMA only */
	T_OK(!area_of(m, 1, UINT64_MAX, 4096), "a page needs no area");
	T_EQ(fh_check(m, said_why, sizeof(said_why)), 0);
	fh_machine_destroy(m);
	testplat_fini(&tp);
}

static void cmdline_of_a_machine_without_a_tree(void)
{
	boot_config_init(&cfg);
	T_EQ(boot_config_finish(&cfg, "memmap=64M$1G,1G@8G memmap=4K#0x50000000", G(2), &why), 0);
	T_EQ(cfg.nr_banks, 2);
	T_EQ(cfg.bank[1].base, G(8));
	T_EQ(cfg.nr_regions, 2);
	T_STR(cfg.region[0].name, "memmap");
	T_EQ(cfg.region[0].base, G(1));
	T_EQ(cfg.region[1].size, 4096);
	boot_config_init(&cfg);
	T_EQ(boot_config_finish(&cfg, "memmap=exactmap memmap=1G@4G,8M!4G memmap=4608M", G(2),
				&why),
	     0);
	T_EQ(cfg.nr_banks, 1);
	T_EQ(cfg.bank[0].base, G(4));
	T_EQ(cfg.bank[0].size, M(512));
	boot_config_init(&cfg);
	T_EQ(boot_config_finish(&cfg, "memmap=1G%4G", G(2), &why), -FH_EINVAL);
	T_STR(why.text, "memmap=1G%4G: unexpected `%'; expected memmap=SIZE@START, SIZE$START, "
			"SIZE#START, SIZE!START, SIZE or exactmap");
	boot_config_init(&cfg);
	T_EQ(boot_config_finish(&cfg, "memmap=1K@4G", G(2), &why), -FH_ERANGE);
	/* arm64 with a tree knows no such option. */
	T_NEED(boot(one, PLAIN, "memmap=1G%4G memmap=exactmap", 0));
	T_EQ(cfg.bank[0].size, G(7));
}

const struct t_case t_cases[] = {
	T(says_whose_ram_is),
	T(ram_that_is_cut_or_grows_keeps_its_node),
	T(falls_back_to_one_node),
	T(gives_nodes_their_areas),
	T(node_areas_that_do_not_fit),
	T(shares_out_gigantic_pages),
	T(shares_out_gigantic_pages_as_7),
	T(finds_where_movable_memory_begins),
	T(drops_an_area_across_its_start),
	T(spreads_the_kernel_over_nodes),
	T(devices_ask_their_node_first),
	T(cmdline_of_a_machine_without_a_tree),
	T_END,
};
