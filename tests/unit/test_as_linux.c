/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* boot_config.as_linux: options are taken as Linux takes them, and noted; zones by version. */
#include <stdio.h>
#include <string.h>
#include "t.h"
#include "boot_check.h"
#include "testplat.h"

#define M(n) ((uint64_t)(n) << 20)
#define G(n) ((uint64_t)(n) << 30)

static struct boot_config cfg;
static struct boot_why why;

/* 2 GiB from 1 GiB on; `notes` says how many oddities there are. */
static bool boot(const char *args, unsigned int notes)
{
	const char *broken;

	boot_config_init(&cfg);
	cfg.as_linux = true;
	if (!T_EQ(boot_config_finish(&cfg, args, G(2), &why), 0)) {
		T_STR(why.text, args);
		return false;
	}
	if (!T_EQ(cfg.nr_notes, notes))
		T_STR(args, "");
	broken = boot_check(&cfg);
	return T_OK(!broken, broken ? broken : "");
}

static void said(const char *text)
{
	if (!strstr(cfg.dmesg, text))
		T_STR(cfg.dmesg, text);
}

static void area(const char *args, uint64_t base, uint64_t size)
{
	if (!boot(args, 1) || !T_EQ(cfg.nr_regions, size ? 1 : 0) || !size)
		return;
	T_EQ(cfg.region[0].base, base);
	T_EQ(cfg.region[0].size, size);
}

static void takes_cma_as_early_cma_does(void)
{
	area("cma=64MB", G(3) - M(64), M(64));
	T_STR(cfg.note[0].text,
	      "cma=64MB: unexpected `B'; expected cma=SIZE[@START[-END]], as cma=64M");
	T_EQ(cfg.note[0].err, FH_EINVAL);
	area("cma=oops", 0, 0);
	area("cma=", 0, 0);
	area("cma=-64M", 0, 0);
	area("cma=64M@1GB", G(1), M(64));
	area("cma=64M@1G-2GB", G(2) - M(64), M(64));
	area("cma=64M@2G_", G(2), M(64));
	/* 2^64 + 64 MiB is 64 MiB */
	area("cma=18446744073776660480", G(3) - M(64), M(64));
	area("cma=16777216T", 0, 0);
	/* The end below the start: no window holds it. */
	T_NEED(boot("cma=64M@2G-1G", 2));
	T_EQ(cfg.nr_regions, 0);
	said("cma: Size (0x0000000004000000) of region at 0x0000000080000000 exceeds limit "
	     "(0x0000000040000000)\ncma: Failed to reserve 64 MiB on node -1\n");
	T_NEED(boot("cma=8E", 2));
	said("exceeds limit");
	T_NEED(boot("cma=1G@17179869183G", 3));
	T_EQ(cfg.nr_regions, 0);
	area("cma", 0, 0);
	said("cma: Config string not provided\nMalformed early option 'cma'\nZone");
	/* Nobody heard it: the one before counts. */
	T_NEED(boot("cma=32M cma", 1));
	T_EQ(cfg.region[0].size, M(32));
}

static void keeps_what_a_cma_before_said(void)
{
	/* 2^64-1 is what there is before any cma=: the default area of the kernel, here none. */
	area("cma=18446744073709551615", 0, 0);
	T_STR(cfg.note[0].text,
	      "cma=18446744073709551615: 2^64-1 means to Linux that none was given");
	T_OK(!strstr(cfg.dmesg, "cma: "), cfg.dmesg);
	area("cma=32M cma=18446744073709551615", 0, 0);
	/* The start stays, and an end at which the new size does not fit exactly. */
	area("cma=64M@2G cma=32M", G(2) + M(32), M(32));
	T_STR(cfg.note[0].text,
	      "cma=32M: Linux keeps the start and the end that a cma= before has; "
	      "expected cma=SIZE[@START[-END]], as cma=64M");
	area("cma=64M@2G cma=64M", G(2), M(64));
	area("cma=64M@1G-2G cma=32M", G(2) - M(32), M(32));
	T_NEED(boot("cma=64M@2G cma=65M", 2));
	said("cma: Size (0x0000000004200000) of region at 0x0000000080000000 exceeds limit "
	     "(0x0000000084000000)\ncma: Failed to reserve 66 MiB on node -1\n");
	T_NEED(boot("cma=64M@2G cma=32M@1G", 0));
	T_EQ(cfg.region[0].base, G(1));
	T_NEED(boot("cma=32M cma=64M", 0));
	T_EQ(cfg.region[0].size, M(64));
}

static bool plan(const char *args, uint64_t base, uint64_t ram, uint64_t reach, uint64_t slabs)
{
	struct boot_dma_plan p;
	const char *broken;

	boot_config_init(&cfg);
	cfg.as_linux = true;
	cfg.ram_base = base;
	cfg.dma_limit = reach;
	if (!T_EQ(boot_config_finish(&cfg, args, ram, &why), 0))
		return T_STR(why.text, args);
	broken = boot_check(&cfg);
	T_OK(!broken, broken ? broken : "");
	boot_config_dma(&cfg, &p);
	return T_EQ(p.swiotlb_slabs, slabs);
}

static void has_bounce_buffers_where_linux_has(void)
{
	/* A number alone asks for none. */
	plan("swiotlb=1024", G(1), G(2), G(4), 0);
	plan("swiotlb=1024,force", G(1), G(2), G(4), 1024);
	plan("swiotlb=8192", G(1), G(6), G(4), 8192);
	/* What counts is RAM above, in whatever zone. */
	plan("kernelcore=50%", G(1), G(6), G(4), 32768);
	plan("kernelcore=50%", G(1), G(3), G(4), 0);
	/* A Raspberry Pi's buses, and RAM where QEMU has it: none of it is below. Before 6.12 they do not count then. */
	plan(NULL, G(1), G(2), G(1), 0);
	said("Kernel command line: \n"
	     "software IO TLB: swiotlb_memblock_alloc: Failed to allocate 67108864 bytes tlb "
	     "structure\n"
	     "software IO TLB: swiotlb_memblock_alloc: Failed to allocate 33554432 bytes tlb "
	     "structure\n"
	     "software IO TLB: swiotlb_memblock_alloc: Failed to allocate 16777216 bytes tlb "
	     "structure\n"
	     "software IO TLB: swiotlb_memblock_alloc: Failed to allocate 8388608 bytes tlb "
	     "structure\n"
	     "software IO TLB: swiotlb_memblock_alloc: Failed to allocate 4194304 bytes tlb "
	     "structure\n"
	     "software IO TLB: swiotlb_memblock_alloc: Failed to allocate 2097152 bytes tlb "
	     "structure\n"
	     "software IO TLB: swiotlb_memblock_alloc: Failed to allocate 1048576 bytes tlb "
	     "structure\n");
	T_OK(!strstr(cfg.dmesg, " 524288 "), "1 MiB is the least");
	plan("swiotlb=noforce", G(1), G(2), G(1), 0);
	T_OK(!strstr(cfg.dmesg, "Failed"), "nobody asked");
	plan("like=6.1", G(1), G(2), G(1), 0);
	T_OK(!strstr(cfg.dmesg, "Failed"), "all RAM is in ZONE_DMA");
}

/* 512 MiB below an area and 512 above: of 1 GiB half is left, and of its parts those that are whole segments. */
static void halves_bounce_buffers_to_the_room(void)
{
	static const char args[] = "cma=512M@1536M swiotlb=524288,4096,force";
	struct boot_dma_plan p;

	plan(args, G(1), M(1536), G(4), 262144);
	said("swiotlb_memblock_alloc: Failed to allocate 1073741824 bytes tlb structure\n");
	T_OK(!strstr(cfg.dmesg, " 536870912 "), "half of it has room");
	boot_config_dma(&cfg, &p);
	T_EQ(p.swiotlb_areas, 2048);
	T_EQ(cfg.nr_notes, 1);
	boot_config_init(&cfg);
	T_EQ(boot_config_finish(&cfg, args, M(1536), &why), -FH_ENOMEM);
	T_STR(why.text, "swiotlb=: 1048576 KiB: no room (largest free run that devices reach: "
			"524288 KiB)");
}

/* Linux looks only for what is taken, not for what has no map. */
static void takes_a_place_without_a_map(void)
{
	for (int as_linux = 0; as_linux < 2; as_linux++) {
		boot_config_init(&cfg);
		cfg.as_linux = as_linux;
		cfg.reserved_node = BOOT_RESERVED_READ;
		cfg.region[cfg.nr_regions++] = (struct boot_region){
			.name = "fw", .base = G(2), .size = M(1), .flags = BOOT_REGION_NO_MAP};
		T_EQ(boot_config_finish(&cfg, "cma=64M@2G", G(2), &why), as_linux ? 0 : -FH_EBUSY);
		T_STR(as_linux ? cfg.note[0].text : why.text,
		      "cma=: 64 MiB in [0x80000000-0x83ffffff]: a reserved region is there "
		      "(largest "
		      "free run there: 63 MiB)");
	}
	T_EQ(cfg.note[0].err, FH_EBUSY);
	T_EQ(cfg.nr_regions, 2);
	T_EQ(cfg.region[1].base, G(2));
	said("cma: Reserved 64 MiB at 0x0000000080000000 on node -1\n");
}

static void takes_mem_as_early_mem_does(void)
{
	T_NEED(boot("mem=1GB", 1));
	T_EQ(cfg.bank[0].size, G(1));
	said("Memory limited to 1024MB\nZone");
	T_NEED(boot("mem=0 mem", 2));
	T_EQ(cfg.bank[0].size, G(2));
	said("Memory limited to 0MB\nMalformed early option 'mem'\nZone");
	T_NEED(boot("mem=1G mem=x mem=512M", 1));
	T_EQ(cfg.bank[0].size, M(512));
	said("Memory limited to 1024MB\nMemory limited to 0MB\nMemory limited to 512MB\n");
	T_NEED(boot("mem=1G@2G", 1));
	T_EQ(cfg.bank[0].size, G(1));
}

static void takes_options_of_devices(void)
{
	T_NEED(boot("coherent_pool=1MB", 1));
	T_EQ(cfg.dma.coherent_pool, M(1));
	T_NEED(boot("coherent_pool=x coherent_pool=1", 2));
	T_EQ(cfg.dma.coherent_pool, 1);
	T_NEED(boot("coherent_pool=8G", 1));
	T_NEED(boot("swiotlb=64M", 1));
	T_EQ(cfg.dma.swiotlb_slabs, 128);
	T_NEED(boot("swiotlb=4096,3,forced", 1));
	T_EQ(cfg.dma.swiotlb_slabs, 4096);
	T_EQ(cfg.dma.swiotlb_areas, 4);
	T_OK(!cfg.dma.swiotlb_force, "forced is not force");
	T_NEED(boot("swiotlb=4096kforce", 1));
	T_OK(!cfg.dma.swiotlb_force, "not at the end of the number");
	T_NEED(boot("swiotlb=4096,force", 0));
	T_OK(cfg.dma.swiotlb_force, "is");
	T_NEED(boot("swiotlb=0", 1));
	T_EQ(cfg.dma.swiotlb_slabs, 128);
	T_NEED(boot("iommu.strict=2 dma_debug=1 dma_debug_entries=0 dma_debug_driver=", 4));
	T_NEED(boot("page_owner=on", 0));
	T_OK(cfg.page_owner, "on");
	T_NEED(boot("page_owner=on page_owner=off", 0));
	T_OK(!cfg.page_owner, "off");
	T_NEED(boot("page_owner page_owner=2", 2));
	said("Malformed early option 'page_owner'\nMalformed early option 'page_owner'\n");
	T_NEED(boot("dma_heap.mem_accounting=1 dma_heap.mem_accounting", 0));
	T_NEED(boot("dma_heap.mem_accounting=2", 1));
}

static void takes_lists_of_nodes(void)
{
	T_NEED(boot("numa_cma=0:8Mx,0:4M", 1));
	T_EQ(cfg.nr_regions, 1);
	T_EQ(cfg.region[0].size, M(8));
	T_NEED(boot("numa_cma=x numa_cma=0 numa_cma=99:1M", 3));
	T_EQ(cfg.nr_regions, 0);
	T_NEED(boot("cma_pernuma=8MB", 1));
	T_EQ(cfg.region[0].size, M(8));
	/* A sum of what was heard once, not of what our reading had before it gave up. */
	T_NEED(boot("hugetlb_cma=0:1G,x", 1));
	T_EQ(cfg.region[0].size, G(1));
	T_NEED(boot("hugetlb_cma=0:600M,x", 2));
	T_OK(!strstr(cfg.dmesg, "cma area should"), "nothing is left of it");
	T_NEED(boot("hugetlb_cma=x hugetlb_cma_only=2", 2));
	T_EQ(cfg.nr_regions, 0);
	T_NEED(boot("movablecore=512MB", 1));
	T_EQ(cfg.movable_start, G(2) + M(512));
	T_NEED(boot("movablecore=25%x", 1));
	T_EQ(cfg.movable_start, G(2) + M(512));
	T_NEED(boot("kernelcore=101%", 1));
	T_EQ(cfg.movable_start, 0);
	T_NEED(boot("movablecore kernelcore=x", 2));
	T_EQ(cfg.movable_start, 0);
}

static void fails(const char *args, const char *text)
{
	boot_config_init(&cfg);
	cfg.as_linux = true;
	T_EQ(boot_config_finish(&cfg, args, G(2), &why), -FH_EINVAL);
	T_STR(why.text, text);
}

static void does_not_follow_linux_into_its_end(void)
{
	fails("numa_cma", "numa_cma: no value; expected numa_cma=NODE:SIZE[,NODE:SIZE...], as "
			  "numa_cma=0:64M,1:32M");
	fails("cma_pernuma",
	      "cma_pernuma: no value; expected cma_pernuma=SIZE, as cma_pernuma=64M");
	fails("hugetlb_cma", "hugetlb_cma: no value; expected hugetlb_cma=SIZE or "
			     "hugetlb_cma=NODE:SIZE[,NODE:SIZE...], from 7.3 on also PERCENT%");
	fails("kernelcore", "kernelcore: no value; expected kernelcore=SIZE, kernelcore=N% or "
			    "kernelcore=mirror");
	fails("coherent_pool",
	      "coherent_pool: no value; expected coherent_pool=SIZE, as coherent_pool=2M");
	fails("swiotlb", "swiotlb: no value; expected swiotlb=[SLOTS][,AREAS][,force|noforce], as "
			 "swiotlb=32768 (64 MiB) or swiotlb=force");
	fails("heaps=x", "heaps=x: expected heaps=all or heaps=linux"); /* ours */
}

static void refuses_elsewhere(void)
{
	static const char *const bad[][2] = {
		{"numa_cma=0", "numa_cma=0: a node is not followed by its size; expected "
			       "numa_cma=NODE:SIZE[,NODE:SIZE...], as numa_cma=0:64M,1:32M"},
		{"numa_cma=16:1M", "numa_cma=16:1M: the node is 16; expected 0 to 15"},
		{"numa_cma=0:1M;1:1M",
		 "numa_cma=0:1M;1:1M: pairs are divided by commas; expected "
		 "numa_cma=NODE:SIZE[,NODE:SIZE...], as numa_cma=0:64M,1:32M"},
		{"cma_pernuma=1x",
		 "cma_pernuma=1x: unexpected `x'; expected cma_pernuma=SIZE, as cma_pernuma=64M"},
		{"hugetlb_cma=1x",
		 "hugetlb_cma=1x: unexpected `x'; expected hugetlb_cma=SIZE or "
		 "hugetlb_cma=NODE:SIZE[,NODE:SIZE...], from 7.3 on also PERCENT%"},
		{"hugetlb_cma=1M", "hugetlb_cma=: expected at least one page of 1024 MiB"},
		{"hugetlb_cma=3:1G", "hugetlb_cma=: there is no node 3"},
		{"hugetlb_cma=0:1M",
		 "hugetlb_cma=: node 0: expected at least one page of 1024 MiB"},
		{"hugetlb_cma_only=x",
		 "hugetlb_cma_only=x: expected hugetlb_cma_only=on or hugetlb_cma_only=off"},
		{"kernelcore=101%", "kernelcore=101%: the percentage is 101; expected 0 to 100"},
		{"movablecore=1%x",
		 "movablecore=1%x: unexpected `x'; expected movablecore=SIZE or movablecore=N%"},
		{"page_owner=2", "page_owner=2: expected page_owner=on or page_owner=off"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		boot_config_init(&cfg);
		T_EQ(boot_config_finish(&cfg, bad[i][0], G(2), &why), -FH_EINVAL);
		T_STR(why.text, bad[i][1]);
	}
}

/* The end of ZONE_DMA for what the buses reach, by version; RAM from `base` on. */
static void zone(const char *args, uint64_t base, uint64_t size, uint64_t reach, uint64_t dma,
		 uint64_t dma32)
{
	boot_config_init(&cfg);
	cfg.as_linux = true;
	cfg.ram_base = base;
	cfg.dma_limit = reach;
	T_EQ(boot_config_finish(&cfg, args, size, &why), 0);
	T_EQ(cfg.dma_limit, dma);
	T_EQ(cfg.dma32_limit, dma32);
}

static void ends_zone_dma_as_each_version(void)
{
	/* A Raspberry Pi 4: 30 bits; and a bus that ends within them. */
	zone(NULL, 0, G(4), G(1), G(1), G(4));
	zone("like=6.1", 0, G(4), G(1), G(1), G(4));
	zone(NULL, 0, G(4), 0x3c000000, 0x3c000000, G(4));
	zone("like=6.1", 0, G(4), 0x3c000000, G(1), G(4));
	zone("like=6.11", 0, G(4), 0x3c000001, G(1), G(4));
	zone("like=6.12", 0, G(4), 0x3c001000, 0x3c001000, G(4));
	/* RAM that the bus does not reach. */
	zone(NULL, G(2), G(1), G(1), G(1), G(4));
	zone("like=6.1", G(2), G(1), G(1), G(4), G(4));
	/* RAM above 32 bits. */
	zone(NULL, G(6), G(1), G(16), G(7), G(7));
	zone("like=6.1", G(6), G(1), G(1), G(7), G(7));
	zone("like=6.1", 0, G(1), G(16), G(4), G(4));
}

static void no_machine_of_what_none_can_be(void)
{
	struct fh_machine *m = NULL;
	struct testplat tp;

	testplat_init(&tp);
	zone(NULL, 0, G(1), 0x3c001000, 0x3c001000, G(4));
	T_EQ(fh_machine_create(&tp.plat, &cfg, &m), -FH_EINVAL);
	testplat_fini(&tp);
}

const struct t_case t_cases[] = {
	T(takes_cma_as_early_cma_does),
	T(keeps_what_a_cma_before_said),
	T(has_bounce_buffers_where_linux_has),
	T(halves_bounce_buffers_to_the_room),
	T(takes_a_place_without_a_map),
	T(takes_mem_as_early_mem_does),
	T(takes_options_of_devices),
	T(takes_lists_of_nodes),
	T(does_not_follow_linux_into_its_end),
	T(refuses_elsewhere),
	T(ends_zone_dma_as_each_version),
	T(no_machine_of_what_none_can_be),
	T_END,
};
