/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Memory of 32-bit ARM: where the linear map ends, zones, areas in high memory, pools, what a tree and a configuration choose. */
#include <libfdt.h>
#include <stdio.h>
#include <string.h>
#include "t.h"
#include "testplat.h"
#include "treeboot.h"
#include "boot_check.h"

#define M(n) ((uint64_t)(n) << 20)
#define G(n) ((uint64_t)(n) << 30)

#define ARM  "CONFIG_ARM=y\nCONFIG_ZONE_DMA=y\n"
#define LPAE ARM "CONFIG_ARM_LPAE=y\n"

static struct boot_config cfg;
static struct boot_why why;

static bool built_at(uint64_t base, const char *text, const char *args, uint64_t ram)
{
	const char *broken;

	boot_config_init(&cfg);
	cfg.as_linux = true;
	cfg.ram_base = base;
	if (!T_EQ(boot_config_kconfig(&cfg, text, strlen(text), &why), 0) ||
	    !T_EQ(boot_config_finish(&cfg, args, ram, &why), 0)) {
		T_STR(why.text, text);
		return false;
	}
	broken = boot_check(&cfg);
	return T_OK(!broken, broken ? broken : text);
}

static bool built(const char *text, const char *args, uint64_t ram)
{
	return built_at(G(1), text, args, ram);
}

static void said(const char *line)
{
	T_OK(strstr(cfg.dmesg, line), line);
}

static void unsaid(const char *line)
{
	T_OK(!strstr(cfg.dmesg, line), line);
}

/* The zone's span in MiB; "": empty. */
static void zone(enum zone_type z, const char *name, uint64_t from, uint64_t to)
{
	struct boot_bank span = {0, 0};
	bool any = boot_config_zone(&cfg, z, &span);

	T_STR(boot_config_zone_name(&cfg, z), name);
	T_EQ(any, from != to);
	if (!any)
		return;
	T_EQ(span.base, M(from));
	T_EQ(span.base + span.size, M(to));
}

static void ends_the_linear_map_where_vmalloc_begins(void)
{
	/* 1016 MiB of addresses, less 240 and 8. */
	if (built(ARM, "", G(2))) {
		zone(ZONE_DMA, "DMA", 1024, 1792);
		zone(ZONE_DMA32, "Normal", 0, 0);
		zone(ZONE_NORMAL, "HighMem", 1792, 3072);
		said("  Normal   empty\n  HighMem  [mem 0x0000000070000000-0x00000000bfffffff]\n");
		unsaid("DMA32");
	}
	if (built(ARM, "vmalloc=400M", G(2)))
		T_EQ(cfg.dma32_limit, M(1024 + 768 - 160));
	if (built(ARM "CONFIG_VMSPLIT_2G=y\n", "", G(2)))
		T_EQ(cfg.dma32_limit, M(1024 + 768 + 1024));
	if (built_at(G(2), ARM "CONFIG_VMSPLIT_3G_OPT=y\n", "", G(2)))
		T_EQ(cfg.dma32_limit, M(2048 + 768 + 256));
	if (built(ARM, "vmalloc=1M", G(2))) {
		said("vmalloc area is too small, limiting to 16MiB\n");
		T_EQ(cfg.dma32_limit, M(1024 + 992));
	}
	if (built(ARM, "vmalloc=2G", G(2))) {
		said("vmalloc area is too big, limiting to 976MiB\n");
		T_EQ(cfg.dma32_limit, M(1024 + 32));
	}
	if (built(ARM, "", M(512)))
		said("  HighMem  empty\n");
	if (built("CONFIG_ARM=y\n", "", G(2))) {
		unsaid("  DMA  ");
		zone(ZONE_DMA32, "Normal", 1024, 1792);
	}
}

static void does_without_high_memory(void)
{
	if (!built(ARM "# CONFIG_HIGHMEM is not set\n", "cma=64M", G(2)))
		return;
	said("Ignoring RAM at 0x70000000-0xc0000000\nConsider using a HIGHMEM enabled kernel.\n");
	unsaid("HighMem");
	said("cma: Reserved 64 MiB at 0x6c000000 on node -1\n");
	T_EQ(cfg.bank[0].size, M(768));
	T_EQ(cfg.node_range[0].size, M(768));
}

static void puts_its_area_into_high_memory(void)
{
	if (built(ARM, "cma=64M", G(2)))
		said("cma: Reserved 64 MiB at 0xbc000000 on node -1\n");
	/* High memory is too small for it. */
	if (built(ARM, "cma=64M", M(800)))
		said("cma: Reserved 64 MiB at 0x6c000000 on node -1\n");
	if (built(ARM, "cma=64M@0x6e000000", G(2))) {
		said("cma: Region at 0x6e000000 defined on low/high memory boundary "
		     "(0x70000000)\n");
		said("cma: Failed to reserve 64 MiB on node -1\n");
		T_EQ(cfg.note[0].err, FH_EINVAL);
	}
	if (built(ARM, "cma=64M@0x70000000", G(2)))
		said("cma: Reserved 64 MiB at 0x70000000 on node -1\n");
	/* Blocks are of the largest order: 4 MiB here, 8 in Debian's kernels. */
	if (built(ARM, "cma=1M", G(2)))
		said("cma: Reserved 4 MiB at 0xbfc00000 on node -1\n");
	if (built(ARM "CONFIG_ARCH_FORCE_MAX_ORDER=11\n", "cma=1M", G(2)))
		said("cma: Reserved 8 MiB at 0xbf800000 on node -1\n");
	if (built(LPAE, "cma=1M", G(2)))
		said("cma: Reserved 2 MiB at 0x00000000bfe00000 on node -1\n");
	/* Huge pages are LPAE's only. */
	if (built(ARM "CONFIG_TRANSPARENT_HUGEPAGE=y\nCONFIG_HUGETLBFS=y\n", "", G(2)))
		T_EQ(cfg.kernel.block_order, 10);
	/* Start plus size are 0 in 32 bits, and Linux sees nothing wrong until the area is used. */
	if (built(ARM, "cma=2G@2G", G(2))) {
		said("cma: Reserved 2048 MiB at 0x80000000 on node -1\n");
		said("cma: CMA area reserved could not be activated\n");
	}
	if (built(ARM, "cma=5G", G(2))) {
		T_EQ(cfg.note[0].err, FH_ERANGE);
		said("cma: Reserved 1024 MiB at 0x80000000 on node -1\n");
	}
}

static void knows_the_addresses_of_each_kernel(void)
{
	if (built(ARM, "cma=64M like=6.12", G(3))) {
		/* The last page is lost, and with it the last block of an area. */
		T_EQ(cfg.bank[0].size, G(3) - 4096);
		said("cma: Reserved 64 MiB at 0xfbc00000 on node -1\n");
	}
	if (built(LPAE, "cma=64M", G(6))) {
		T_EQ(cfg.bank[0].size, G(6));
		said("cma: Reserved 64 MiB at 0x00000000fbe00000 on node -1\n");
	}
	/* 6.1 finds a place in high memory, and forgets it when nothing is free above 4 GiB. */
	if (built(LPAE, "cma=64M like=6.1", G(6)))
		said("cma: Reserved 64 MiB at 0x000000006c000000\n");
	if (built(ARM, "mem=512M mem=256M@2G", G(2))) {
		T_EQ(cfg.nr_banks, 2);
		T_EQ(cfg.bank[0].size, M(512));
		T_EQ(cfg.bank[1].base, G(2));
		unsaid("Memory limited");
	}
}

static void knows_pools_and_bounces(void)
{
	struct boot_dma_plan plan;

	if (built(ARM, "swiotlb=force", G(2))) {
		boot_config_dma(&cfg, &plan);
		T_EQ(plan.atomic_pool[ZONE_DMA], 256 << 10);
		T_EQ(plan.atomic_pool[ZONE_NORMAL], 0);
		T_EQ(plan.swiotlb_slabs, 0);
	}
	if (built("CONFIG_ARM=y\n", "coherent_pool=2M", G(2))) {
		boot_config_dma(&cfg, &plan);
		T_EQ(plan.atomic_pool[ZONE_DMA32], M(2));
	}
	if (built(LPAE, "", G(6))) {
		boot_config_dma(&cfg, &plan);
		T_EQ(plan.swiotlb_slabs * 2048, M(64));
	}
	if (built(LPAE, "", G(2))) {
		boot_config_dma(&cfg, &plan);
		T_EQ(plan.swiotlb_slabs, 0);
	}
}

/* ---- trees ---- */

static void begin(const char *compatible, const char *core, const char *other)
{
	tb_begin(2, 2);
	tm_text("compatible", compatible);
	tm_begin("cpus");
	TM_CELLS("#address-cells", 1);
	TM_CELLS("#size-cells", 0);
	for (int i = 0; i < 2; i++) {
		tm_begin(i ? "cpu@1" : "cpu@0");
		tm_text("device_type", "cpu");
		tm_text("compatible", i ? other : core);
		tm_end();
	}
	tm_end();
	tm_begin("memory@80000000");
	tm_text("device_type", "memory");
	TM_CELLS("reg", 0, 0x80000000, 0, 0x40000000);
	tm_end();
}

static bool boots(const char *text, const char *args)
{
	const char *broken;

	boot_config_init(&cfg);
	cfg.as_linux = true;
	if (text && !T_EQ(boot_config_kconfig(&cfg, text, strlen(text), &why), 0))
		return false;
	if (!T_EQ(boot_config_fdt(&cfg, tb.blob, tb.size, &why), 0) ||
	    !T_EQ(boot_config_finish(&cfg, args, 0, &why), 0))
		return T_OK(false, why.text);
	broken = boot_check(&cfg);
	return T_OK(!broken, broken ? broken : "");
}

static void found(const char *core, const char *other, enum boot_arch arch)
{
	begin("acme,board", core, other);
	tb_end();
	if (!boots(NULL, ""))
		return;
	T_EQ(cfg.kernel.arch, arch);
	T_STR(cfg.arm.core, arch ? core : "");
}

static void asks_the_trees_cpus(void)
{
	found("arm,cortex-a7", "arm,cortex-a15", BOOT_ARCH_ARM);
	found("arm,arm1176jzf-s", "arm,arm1176jzf-s", BOOT_ARCH_ARM);
	found("marvell,pj4b", "marvell,pj4b", BOOT_ARCH_ARM);
	/* One that is not known to have 32 bits only, and all is as before. */
	found("arm,cortex-a7", "arm,cortex-a53", BOOT_ARCH_ARM64);
	found("arm,cortex-a55", "arm,cortex-a7", BOOT_ARCH_ARM64);
	found("arm,armv8", "arm,armv8", BOOT_ARCH_ARM64);
	found("acme,core", "acme,core", BOOT_ARCH_ARM64);
	/* Who says it is right. */
	begin("acme,board", "arm,cortex-a7", "arm,cortex-a7");
	tb_end();
	if (boots("CONFIG_ARM64=y\n", ""))
		T_EQ(cfg.kernel.arch, BOOT_ARCH_ARM64);
	begin("acme,board", "arm,cortex-a53", "arm,cortex-a53");
	tb_end();
	if (boots(ARM, ""))
		T_STR(cfg.arm.core, "");
}

static void refuses_another_architecture(void)
{
	static const struct {
		enum boot_arch arch;
		const char *text, *why;
	} wrong[] = {
		{BOOT_ARCH_ARM64, "\n" ARM,
		 "line 2: CONFIG_ARM=y: another architecture than was asked for"},
		{BOOT_ARCH_ARM, "CONFIG_ARM64=y\n",
		 "line 1: CONFIG_ARM64=y: another architecture than was asked for"},
		{BOOT_ARCH_ARM, LPAE,
		 "line 3: CONFIG_ARM_LPAE=y: another architecture than was asked for"},
		{BOOT_ARCH_ARM_LPAE, ARM "# CONFIG_ARM_LPAE is not set\n",
		 "line 3: CONFIG_ARM_LPAE=n: another architecture than was asked for"},
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		boot_config_init(&cfg);
		T_EQ(boot_config_arch(&cfg, wrong[i].arch, &why), 0);
		T_EQ(boot_config_kconfig(&cfg, wrong[i].text, strlen(wrong[i].text), &why),
		     -FH_EINVAL);
		T_STR(why.text, wrong[i].why);
	}
	boot_config_init(&cfg);
	T_EQ(boot_config_arch(&cfg, (enum boot_arch)BOOT_NR_ARCHES, &why), -FH_EINVAL);
	/* A fragment that says nothing of it is one for what was asked. */
	boot_config_init(&cfg);
	T_EQ(boot_config_arch(&cfg, BOOT_ARCH_ARM_LPAE, &why), 0);
	T_EQ(boot_config_kconfig(&cfg, ARM, sizeof(ARM) - 1, &why), 0);
	T_EQ(cfg.kernel.arch, BOOT_ARCH_ARM_LPAE);
}

static void pool(const char *name, uint32_t base, bool nomap, bool reusable, bool is_default)
{
	tm_begin(name);
	tm_text("compatible", "shared-dma-pool");
	TM_CELLS("reg", 0, base, 0, 0x1000000);
	if (nomap)
		tm_flag("no-map");
	if (reusable)
		tm_flag("reusable");
	if (is_default)
		tm_flag("linux,cma-default");
	tm_end();
}

static void refuses_pools_that_are_mapped(void)
{
	begin("acme,board", "arm,cortex-a7", "arm,cortex-a7");
	tb_reserved();
	pool("a@90000000", 0x90000000, false, false, false);
	pool("b@92000000", 0x92000000, true, false, false);
	tm_end();
	tb_end();
	if (!boots(ARM, ""))
		return;
	said("Reserved memory: regions without no-map are not yet supported\n"
	     "OF: reserved mem: node a@90000000 compatible matching fail\n");
	said("Reserved memory: created DMA memory pool at 0x92000000, size 16 MiB\n");
	T_EQ(cfg.nr_regions, 1 + 1);
	if (boots("CONFIG_ARM64=y\n", ""))
		T_EQ(cfg.nr_regions, 2 + 1);
}

/* From 6.12 on areas with reg are known after the default one is made, which is one too many then. */
static void names_areas_late(void)
{
	for (int late = 0; late < 2; late++) {
		begin("acme,board", "arm,cortex-a7", "arm,cortex-a7");
		tb_reserved();
		pool("linux,cma", 0x90000000, false, true, true);
		tm_end();
		tb_end();
		if (!boots(ARM, late ? "like=6.12" : "like=6.1"))
			return;
		T_EQ(cfg.nr_regions, 1 + late);
		T_STR(cfg.region[0].name, "linux,cma");
		T_OK(cfg.region[0].flags & BOOT_REGION_CMA_DEFAULT, "the tree's is the default");
	}
	said("cma: Reserved 16 MiB at 0xbf000000 on node -1\nZone ranges:\n");
}

/* Tables of the map come from whole sections; zones end with the map all the same, and what a kernel without HighMem
 * throws away begins with the first section that is not whole. */
static void looks_at_odd_ends(void)
{
	for (int high = 0; high < 2; high++) {
		begin("acme,board", "arm,cortex-a7", "arm,cortex-a7");
		tb_reserved();
		tm_begin("hole@90001000");
		TM_CELLS("reg", 0, 0x90001000, 0, 0x1fff000);
		tm_flag("no-map");
		tm_end();
		tm_end();
		tb_end();
		if (!boots(high ? ARM : ARM "# CONFIG_HIGHMEM is not set\n", "cma=16M"))
			return;
		zone(ZONE_DMA, "DMA", 2048, 2048 + 768);
	}
	if (built(ARM, "mem=513M@1G", G(2))) {
		zone(ZONE_DMA, "DMA", 1024, 1024 + 513);
		zone(ZONE_NORMAL, "HighMem", 0, 0);
	}
}

/* As arm_add_memory() takes them: from a page on, below 4 GiB, not below the linear map. */
static void takes_mem_as_arm_does(void)
{
	if (built(ARM, "mem=256M@0x60000800", G(2))) {
		T_EQ(cfg.bank[0].base, 0x60001000);
		T_EQ(cfg.bank[0].size, M(256) - 0x1000);
	}
	if (built(ARM, "mem=512M@768M mem=1M@0 mem=1G@3G mem=1M@8G", G(2))) {
		T_EQ(cfg.bank[0].base, G(1));
		T_EQ(cfg.bank[0].size, M(256));
		T_EQ(cfg.bank[1].base + cfg.bank[1].size, G(4) - 0x1000);
		said("Ignoring memory below PHYS_OFFSET: 0x30000000-0x40000000\n"
		     "Ignoring memory below PHYS_OFFSET: 0x00000000-0x00100000\n"
		     "Truncating memory at 0xc0000000 to fit in 32-bit physical address space\n"
		     "Ignoring memory at 0x200000000 outside 32-bit physical address space\n");
	}
	boot_config_init(&cfg);
	T_EQ(boot_config_kconfig(&cfg, ARM, strlen(ARM), &why), 0);
	cfg.ram_base = G(2);
	T_EQ(boot_config_finish(&cfg, "mem=1G@0", G(1), &why), -FH_EINVAL);
	T_STR(why.text, "mem=: no memory is left: expected SIZE@START with a part from 0x80000000 "
			"up");
}

static void knows_boards_whose_devices_reach_less(void)
{
	begin("brcm,bcm2711", "arm,cortex-a72", "arm,cortex-a72");
	tb_end();
	if (boots(ARM, "cma=16M")) {
		/* The last byte that is reached is taken for the first that is not. */
		said("cma: Reserved 16 MiB at 0xbec00000 on node -1\n");
		T_EQ(cfg.arm.dma_reach, G(3) - 1);
	}
	begin("ti,dra7", "arm,cortex-a15", "arm,cortex-a15");
	tb_end();
	if (boots(ARM, ""))
		T_EQ(cfg.arm.dma_reach, UINT32_MAX);
	if (boots(LPAE, ""))
		T_EQ(cfg.arm.dma_reach, G(4) - 1);
}

static void cuts_numbers_off(void)
{
	begin("acme,board", "arm,cortex-a7", "arm,cortex-a7");
	tm_begin("memory@100000000");
	tm_text("device_type", "memory");
	TM_CELLS("reg", 1, 0, 0, 0x40000000);
	tm_end();
	tb_reserved();
	tm_begin("a@190000000");
	TM_CELLS("reg", 1, 0x90000000, 0, 0x100000);
	tm_end();
	tm_end();
	tb_end();
	if (!boots(ARM, ""))
		return;
	said("OF: fdt: Ignoring memory block 0x100000000 - 0x140000000\n");
	T_EQ(cfg.nr_banks, 1);
	T_EQ(cfg.nr_notes, 1);
	T_EQ(cfg.region[0].base, 0x90000000);
	if (boots(LPAE, "")) {
		T_EQ(cfg.nr_banks, 2);
		T_EQ(cfg.bank[1].base, G(4));
		T_EQ(cfg.region[0].base, UINT64_C(0x190000000));
	}
}

/* Its blocks are of 2 MiB where those of the layout are of 4. */
static void is_a_machine(void)
{
	struct testplat plat;
	struct fh_machine *m;

	boot_config_init(&cfg);
	T_EQ(boot_config_arch(&cfg, BOOT_ARCH_ARM, &why), 0);
	T_EQ(boot_config_finish(&cfg, "cma=64M", G(1), &why), 0);
	testplat_init(&plat);
	if (T_EQ(fh_machine_create(&plat.plat, &cfg, &m), 0)) {
		T_EQ(fh_check(m, why.text, sizeof(why.text)), 0);
		fh_machine_destroy(m);
	}
	testplat_fini(&plat);
}

const struct t_case t_cases[] = {
	T(ends_the_linear_map_where_vmalloc_begins),
	T(does_without_high_memory),
	T(puts_its_area_into_high_memory),
	T(knows_the_addresses_of_each_kernel),
	T(knows_pools_and_bounces),
	T(asks_the_trees_cpus),
	T(refuses_another_architecture),
	T(refuses_pools_that_are_mapped),
	T(names_areas_late),
	T(looks_at_odd_ends),
	T(takes_mem_as_arm_does),
	T(knows_boards_whose_devices_reach_less),
	T(cuts_numbers_off),
	T(is_a_machine),
	T_END,
};
