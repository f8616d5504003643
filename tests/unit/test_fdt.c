/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Reading trees that were built with libfdt's writer: model, bootargs, memory, /chosen, buses; and what is no tree. */
#include <libfdt.h>
#include <stdio.h>
#include <string.h>
#include "t.h"
#include "treeboot.h"

static void reads_model_bootargs_memory(void)
{
	tb_begin(2, 2);
	tm_text("model", "A board");
	tm_begin("chosen");
	tm_text("bootargs", "console=ttyS0 mem=1G");
	tm_end();
	tb_memory();
	tm_begin("memory@100000000");
	tm_text("device_type", "memory");
	TM_CELLS("reg", 1, 0, 0, 0x10000000, 0, 0x20000000, 0, 0x1000, 0, 0x30000800, 0, 0x900);
	tm_end();
	tm_begin("memory@8000000");
	tm_text("device_type", "memory");
	tm_text("status", "disabled");
	TM_CELLS("reg", 0, 0x8000000, 0, 0x1000000);
	tm_end();
	tb_end();
	T_NEED(tb_boots(NULL, 0));
	T_STR(tb.cfg.model, "A board");
	T_STR(tb.cfg.bootargs, "console=ttyS0 mem=1G");
	T_EQ(tb.cfg.nr_banks, 2);
	T_EQ(tb.cfg.bank[0].base, 0x20000000);
	T_EQ(tb.cfg.bank[1].size, 0x40000000 - 0x1000);
	tb_said("Machine model: A board\n");
	tb_said("OF: fdt: Ignoring memory block 0x30000800 - 0x30001100\n");
	tb_said("Kernel command line: console=ttyS0 mem=1G\n");
	T_NEED(tb_boots("quiet", 0));
	T_EQ(tb.cfg.nr_banks, 3);
	tb_said("Kernel command line: quiet\n");
}

static void fills_in_the_memory_node(void)
{
	tb_begin(2, 1);
	tm_text("compatible", "a,board");
	tm_begin("memory@0");
	tm_text("device_type", "memory");
	TM_CELLS("reg", 0, 0, 0);
	tm_end();
	tb_end();
	T_NEED(tb_boots(NULL, 1 << 29));
	T_EQ(tb.cfg.bank[0].base, 0);
	T_STR(tb.cfg.model, "a,board");
	T_EQ(tb_read(), 0);
	T_EQ(boot_config_finish(&tb.cfg, NULL, 0, &tb.why), -FH_EINVAL);
	T_STR(tb.why.text, "no memory: expected a memory node or a size");
}

static void goes_on_with_odd_memory(void)
{
	tb_begin(2, 2);
	tm_begin("memory");
	tm_text("device_type", "memory");
	TM_CELLS("reg", 0, 0x40000000, 0, 0x10000000, 0, 1);
	tm_end();
	tb_end();
	tb_goes_on(FH_EINVAL, "device tree: /memory: reg: 24 bytes, expected a multiple of 16");
	T_EQ(tb.cfg.nr_banks, 1);
	tb_begin(2, 2);
	tb_memory();
	tm_begin("memory@ffff00000000");
	tm_text("device_type", "memory");
	TM_CELLS("reg", 0xffff, 0, 2, 0);
	tm_end();
	tb_end();
	tb_goes_on(FH_EINVAL, "device tree: /memory@ffff00000000: reg: 0x200000000 bytes at "
			      "0xffff00000000 pass bit 48");
	T_EQ(tb.cfg.bank[1].size, UINT64_C(1) << 32); /* what lies above is cut off */
	tb_begin(2, 2);
	tb_memory();
	tm_begin("chosen");
	tm_bytes("bootargs", "abc", 3);
	tm_end();
	tb_end();
	tb_goes_on(FH_EINVAL, "device tree: /chosen: bootargs: expected a string");
	T_STR(tb.cfg.bootargs, "ab");
}

/* What a boot loader adds: it is taken, or all that may be used. */
static void reads_chosen(void)
{
	tb_begin(2, 2);
	tb_memory();
	tm_begin("chosen");
	TM_CELLS("linux,initrd-start", 0, 0x7ff00800);
	TM_CELLS("linux,initrd-end", 0x7fffffff); /* of one cell: as many as there are */
	TM_CELLS("linux,elfcorehdr", 0, 0x7fe00000, 0, 0x10000);
	TM_CELLS("linux,usable-memory-range", 0, 0x7f000000, 0, 0x1000000, 0, 0x41000000, 0,
		 0x1000);
	tm_end();
	tb_end();
	T_NEED(tb_boots("cma=2M", 0));
	T_EQ(tb.cfg.nr_taken, 2);
	T_EQ(tb.cfg.taken[0].base, 0x7ff00000);
	T_EQ(tb.cfg.taken[0].size, 0x100000);
	T_STR(tb.cfg.taken[0].name, "initrd");
	T_STR(tb.cfg.taken[1].name, "elfcorehdr");
	T_EQ(tb.cfg.nr_banks, 2);
	T_EQ(tb.cfg.bank[0].base, 0x41000000);
	T_EQ(tb.cfg.bank[0].size, 0x1000);
	T_EQ(tb.cfg.bank[1].base, 0x7f000000);
	T_EQ(tb.cfg.region[0].base, 0x7fc00000);
	tb_said("OF: fdt: Reserving 64 KiB of memory at 0x7fe00000 for elfcorehdr\n");
	tb_begin(2, 2);
	tb_memory();
	tm_begin("chosen");
	TM_CELLS("linux,initrd-start", 0, 0x7ff00000);
	TM_CELLS("linux,initrd-end", 0, 0x80000000);
	TM_CELLS("linux,elfcorehdr", 0, 0x7ff10000, 0, 0x10000);
	tm_end();
	tb_end();
	T_NEED(tb_boots(NULL, 0));
	T_EQ(tb.cfg.nr_taken, 1);
	tb_said("OF: fdt: elfcorehdr is overlapped\n");
}

static void cpu(const char *name, const char *type, bool method)
{
	tm_begin(name);
	tm_text("device_type", type);
	if (method)
		tm_text("enable-method", "psci");
	tm_text("status", "disabled");
	tm_end();
}

/* CPUs that Linux may start, whatever their status: bounce buffers are in as many parts, in a power of two. */
static void counts_cpus(void)
{
	struct boot_dma_plan p;

	for (unsigned int methods = 0; methods < 2; methods++) {
		tb_begin(2, 2);
		tb_memory();
		tm_begin("cpus");
		cpu("cpu@0", "cpu", false);
		cpu("cpu@1", "cpu", methods);
		cpu("cache", "cache", methods);
		cpu("cpu@2", "cpu", methods);
		tm_end();
		tb_end();
		T_NEED(tb_read() == 0);
		T_EQ(tb.cfg.tree_cpus, methods ? 3 : 1);
		tb.cfg.as_linux = true;
		T_EQ(boot_config_finish(&tb.cfg, "swiotlb=force", 0, &tb.why), 0);
		boot_config_dma(&tb.cfg, &p);
		T_EQ(p.swiotlb_areas, methods ? 4 : 1);
	}
	T_EQ(tb_read(), 0);
	T_EQ(boot_config_finish(&tb.cfg, "swiotlb=force", 0, &tb.why), 0);
	boot_config_dma(&tb.cfg, &p);
	T_EQ(p.swiotlb_areas, 1); /* of a machine that is made of it: its own */
}

static void counts_banks_and_regions(void)
{
	char name[32];

	tb_begin(2, 2);
	tm_begin("memory");
	tm_text("device_type", "memory");
	TM_CELLS("reg", 0, 0x1000, 0, 0x1000, 0, 0x3000, 0, 0x1000);
	tm_end();
	for (int i = 0; i < BOOT_MAX_BANKS - 1; i++) {
		snprintf(name, sizeof(name), "memory@%d", i);
		tm_begin(name);
		tm_text("device_type", "memory");
		TM_CELLS("reg", 0, 0x10000 + (uint32_t)i * 0x2000, 0, 0x1000);
		tm_end();
	}
	tb_end();
	tb_fails(-FH_ENOSPC, "device tree: /memory@30: more than 32 ranges of memory");
	tb_begin(2, 2);
	tb_memory();
	tb_reserved();
	for (int i = 0; i <= BOOT_MAX_REGIONS; i++) {
		snprintf(name, sizeof(name), "r@%d", i);
		tm_begin(name);
		TM_CELLS("reg", 0, 0x50000000 + (uint32_t)i * 0x2000, 0, 0x1000);
		tm_end();
	}
	tm_end();
	tb_end();
	tb_fails(-FH_ENOSPC, "device tree: /reserved-memory/r@128: more than 128 reserved regions");
}

static void begin_bus(const char *name, uint32_t addr, uint32_t size)
{
	tm_begin(name);
	TM_CELLS("#address-cells", addr);
	TM_CELLS("#size-cells", size);
}

static uint64_t limit(void)
{
	tb_end();
	if (!T_EQ(tb_read(), 0))
		T_STR(tb.why.text, "");
	return tb.cfg.dma_limit;
}

static void takes_the_lowest_bus(void)
{
	tb_begin(2, 1);
	begin_bus("soc", 1, 1);
	TM_CELLS("dma-ranges", 0xc0000000, 0, 0, 0x3c000000, 0x80000000, 0, 0, 0x40000000);
	tm_end();
	begin_bus("pci", 3, 2);
	TM_CELLS("dma-ranges", 0x02000000, 0, 0, 0, 0, 0, 0xc0000000);
	tm_end();
	begin_bus("empty", 1, 1);
	tm_flag("dma-ranges");
	tm_end();
	T_EQ(limit(), 0x40000000);
	tb_begin(2, 2);
	begin_bus("off", 1, 1);
	tm_text("status", "disabled");
	begin_bus("below", 1, 1);
	TM_CELLS("dma-ranges", 0, 0, 0x1000);
	tm_end();
	tm_end();
	T_EQ(limit(), UINT64_C(1) << 32);
}

/* The inner bus reaches 256 MiB of the outer, which maps them to 2 GiB. */
static void translates_through_buses(void)
{
	tb_begin(2, 2);
	begin_bus("outer", 1, 1);
	TM_CELLS("dma-ranges", 0x0, 0x0, 0x80000000, 0x40000000);
	begin_bus("inner", 1, 1);
	TM_CELLS("dma-ranges", 0x0, 0x10000000, 0x10000000);
	tm_end();
	tm_end();
	T_EQ(limit(), 0xa0000000);
	tb_begin(2, 2);
	begin_bus("outer", 1, 1);
	TM_CELLS("dma-ranges", 0x0, 0x0, 0x80000000, 0x40000000);
	begin_bus("inner", 1, 1);
	TM_CELLS("dma-ranges", 0x0, 0x50000000, 0x10000000); /* leads nowhere */
	tm_end();
	tm_end();
	T_EQ(limit(), 0xc0000000);
	tb_begin(2, 2);
	begin_bus("all", 2, 2);
	TM_CELLS("dma-ranges", 0, 0, 0, 0, 0xffffffff, 0xffffffff);
	tm_end();
	T_EQ(limit(), UINT64_MAX);
}

static void refuses_dma_ranges_that_do_not_fit(void)
{
	tb_begin(2, 2);
	begin_bus("bus", 1, 1);
	TM_CELLS("dma-ranges", 1, 2, 3);
	tm_end();
	tb_end();
	tb_fails(-FH_EINVAL, "device tree: bus: dma-ranges: 12 bytes, expected a multiple of 16");
	tb_begin(2, 2);
	for (int i = 0; i < 64; i++)
		tm_begin("deep");
	for (int i = 0; i < 64; i++)
		tm_end();
	tb_end();
	tb_fails(-FH_EINVAL, "device tree: nodes nested deeper than 64");
}

static void says_what_is_no_tree(void)
{
	static const _Alignas(8) char source[] = "/dts-v1/; / { model = \"x\"; };";

	tb_begin(2, 2);
	tb_memory();
	tb_end();
	T_EQ(boot_config_fdt(&tb.cfg, tb.blob + 4, tb.size - 4, &tb.why), -FH_EINVAL);
	T_STR(tb.why.text, "device tree: expected at a multiple of 8 bytes");
	T_EQ(boot_config_fdt(&tb.cfg, tb.blob, 20, &tb.why), -FH_EINVAL);
	T_STR(tb.why.text, "device tree: 20 bytes, expected a header");
	T_EQ(boot_config_fdt(&tb.cfg, source, sizeof(source), &tb.why), -FH_EINVAL);
	T_STR(tb.why.text,
	      "device tree: begins with 0x2f647473, expected 0xd00dfeed (a .dtb file)");
	T_EQ(boot_config_fdt(&tb.cfg, tb.blob, tb.size - 1, &tb.why), -FH_EINVAL);
	T_OK(strstr(tb.why.text, "device tree: cut off, "), tb.why.text);
	fdt_set_version(tb.blob, 3);
	fdt_set_last_comp_version(tb.blob, 2);
	tb_fails(-FH_EINVAL, "device tree: version 3, expected 16 or later");
	fdt_set_version(tb.blob, 17);
	fdt_set_totalsize(tb.blob, (uint32_t)tb.size - 8);
	tb_fails(-FH_EINVAL, "device tree: damaged: FDT_ERR_TRUNCATED");
}

const struct t_case t_cases[] = {
	T(reads_model_bootargs_memory),
	T(fills_in_the_memory_node),
	T(goes_on_with_odd_memory),
	T(reads_chosen),
	T(counts_cpus),
	T(counts_banks_and_regions),
	T(takes_the_lowest_bus),
	T(translates_through_buses),
	T(refuses_dma_ranges_that_do_not_fit),
	T(says_what_is_no_tree),
	T_END,
};
