/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Reading /reserved-memory and the reserve map of a tree, and what Linux says of them. */
#include <libfdt.h>
#include <string.h>
#include "t.h"
#include "treeboot.h"

static void reads_reserved_memory(void)
{
	tb_begin(2, 2);
	tb_memory();
	tb_reserved();
	tm_begin("linux,cma");
	tm_text("compatible", "Shared-DMA-pool"); /* Linux compares without case */
	tm_flag("reusable");
	tm_flag("linux,cma-default");
	TM_CELLS("size", 0, 0x4000000);
	TM_CELLS("alignment", 0, 0x800000);
	TM_CELLS("alloc-ranges", 0, 0, 0, 0x1000000, 0, 0x40000000, 0, 0x11000000);
	TM_CELLS("phandle", 7);
	tm_end();
	tm_begin("fw@50000000");
	tm_flag("no-map");
	TM_CELLS("reg", 0, 0x50000000, 0, 0x1000, 0, 0x58000000, 0, 0x2000);
	tm_end();
	tm_begin("off");
	tm_text("status", "disabled");
	TM_CELLS("size", 0, 0x1000);
	tm_end();
	tm_begin("neither");
	tm_end();
	tm_end();
	tb_end();
	T_NEED(tb_boots(NULL, 0));
	T_EQ(tb.cfg.nr_regions, 3);
	T_STR(tb.cfg.region[0].name, "linux,cma");
	T_EQ(tb.cfg.region[0].kind, BOOT_REGION_CMA);
	T_EQ(tb.cfg.region[0].base, 0x4c000000); /* below 0x50000000, which is taken */
	T_EQ(tb.cfg.region[0].phandle, 7);
	T_EQ(tb.cfg.region[2].base, 0x58000000);
	T_EQ(tb.cfg.region[2].flags, BOOT_REGION_NO_MAP | BOOT_REGION_MORE);
	tb_said("OF: reserved mem: fdt_scan_reserved_mem_reg_nodes() ignores 1 regions in node "
		"'fw@50000000'\n");
}

/* What the node of a region says it is for; no-map alone is firmware's. */
static void finds_carveouts(void)
{
	tb_begin(2, 2);
	tb_memory();
	tb_reserved();
	tm_begin("ion@50000000");
	tm_text("compatible", "imx-ion-pool");
	TM_CELLS("reg", 0, 0x50000000, 0, 0x100000);
	tm_end();
	tm_begin("isp@51000000");
	tm_text("compatible", "carved-out");
	tm_flag("no-map");
	TM_CELLS("reg", 0, 0x51000000, 0, 0x100000);
	tm_end();
	tm_begin("tee@52000000");
	tm_flag("no-map");
	TM_CELLS("reg", 0, 0x52000000, 0, 0x100000);
	tm_end();
	tm_end();
	tb_end();
	T_NEED(tb_boots(NULL, 0));
	T_EQ(tb.cfg.nr_regions, 3);
	T_EQ(tb.cfg.region[0].flags, BOOT_REGION_CARVEOUT);
	T_EQ(tb.cfg.region[0].kind, BOOT_REGION_RESERVED);
	T_EQ(tb.cfg.region[1].flags, BOOT_REGION_CARVEOUT | BOOT_REGION_NO_MAP);
	T_EQ(tb.cfg.region[1].kind, BOOT_REGION_NOMAP);
	T_EQ(tb.cfg.region[2].flags, BOOT_REGION_NO_MAP);
}

static void reads_the_reserve_map(void)
{
	tm_create_reserving(tb.blob, sizeof(tb.blob), 0x48000000, 0x10000);
	TM_CELLS("#address-cells", 2);
	TM_CELLS("#size-cells", 2);
	tb_memory();
	tb_end();
	T_NEED(tb_boots("cma=512M", 0));
	T_STR(tb.cfg.region[0].name, "memreserve");
	T_EQ(tb.cfg.region[0].size, 0x10000);
	tb_said("OF: reserved mem: Reserved memory: No reserved-memory node in the DT\n");
}

/* A property of that many bytes in a node of /reserved-memory. */
static void one_property(const char *name, int bytes)
{
	static const char zero[64];

	tb_begin(2, 2);
	tb_memory();
	tb_reserved();
	tm_begin("n");
	if (strcmp(name, "size"))
		TM_CELLS("size", 0, 0x100000);
	tm_bytes(name, zero, bytes);
	tm_end();
	tm_end();
	tb_end();
}

static void skips_with_linux_words(void)
{
	one_property("size", 4);
	T_NEED(tb_boots(NULL, 0));
	tb_said("OF: reserved mem: invalid size property in 'n' node.\n");
	one_property("alignment", 4);
	T_NEED(tb_boots(NULL, 0));
	tb_said("OF: reserved mem: invalid alignment property in 'n' node.\n");
	one_property("alloc-ranges", 20);
	T_NEED(tb_boots(NULL, 0));
	tb_said("OF: reserved mem: invalid alloc-ranges property in 'n', skipping node.\n");
	one_property("reg", 20);
	T_NEED(tb_boots(NULL, 0));
	tb_said("OF: reserved mem: Reserved memory: invalid reg property in 'n', skipping node.\n");
	one_property("reg", 16);
	T_NEED(tb_boots(NULL, 0));
	tb_said("OF: reserved mem: Reserved memory: failed to reserve memory for node 'n': base "
		"0x0000000000000000, size 0 MiB\n");
	T_EQ(tb.cfg.nr_regions, 0);
	tb_begin(2, 2);
	tb_memory();
	tm_begin("reserved-memory");
	TM_CELLS("#address-cells", 1);
	TM_CELLS("#size-cells", 1);
	tm_flag("ranges");
	tm_end();
	tb_end();
	T_NEED(tb_boots(NULL, 0));
	tb_said("OF: reserved mem: Reserved memory: unsupported node format, ignoring\n");
}

/* With one cell for sizes and two for addresses: Linux reads an alignment as an address. */
static void reads_alignment_as_linux(void)
{
	for (int n = 1; n <= 2; n++) {
		tb_begin(2, 1);
		tm_begin("memory@40000000");
		tm_text("device_type", "memory");
		TM_CELLS("reg", 0, 0x40000000, 0x40000000);
		tm_end();
		tm_begin("reserved-memory");
		TM_CELLS("#address-cells", 2);
		TM_CELLS("#size-cells", 1);
		tm_flag("ranges");
		tm_begin("n");
		TM_CELLS("size", 0x1000);
		tm_cells("alignment", n,
			 n == 1 ? (uint32_t[]){0x100000} : (uint32_t[]){0, 0x100000});
		TM_CELLS("alloc-ranges", 0, 0, 0); /* an end of 0 is none */
		tm_end();
		tm_end();
		tb_end();
		T_NEED(tb_boots(NULL, 0));
		T_EQ(tb.cfg.nr_regions, n - 1);
	}
	T_EQ(tb.cfg.region[0].base, 0x7ff00000);
}

static void refuses_what_cannot_be(void)
{
	one_property("size", 8);
	tb_fails(-FH_EINVAL, "device tree: /reserved-memory/n: size: 0x0 bytes");
	one_property("alloc-ranges", 0);
	tb_fails(-FH_EINVAL, "device tree: /reserved-memory/n: alloc-ranges: empty");
	tb_begin(2, 2);
	tb_memory();
	tb_reserved();
	tm_begin("n");
	TM_CELLS("size", 0, 4096);
	TM_CELLS("alignment", 0, 12);
	tm_end();
	tm_end();
	tb_end();
	tb_fails(-FH_EINVAL,
		 "device tree: /reserved-memory/n: alignment: 0xc, expected a power of two");
	tb_begin(2, 2);
	tb_memory();
	tb_reserved();
	tm_begin("n@1");
	TM_CELLS("reg", 0xffffffff, 0xffff0000, 0, 0x20000);
	tm_end();
	tm_end();
	tb_end();
	tb_fails(-FH_EINVAL, "device tree: /reserved-memory/n@1: reg: 0x20000 bytes at "
			     "0xffffffffffff0000 pass bit 48");
	tb_begin(3, 2);
	tb_end();
	tb_fails(-FH_EINVAL, "device tree: /: #address-cells: expected <1> or <2>");
	tb_begin(2, 2);
	tm_begin("memory");
	tm_text("device_type", "memory");
	TM_CELLS("reg", 0, 1, 2);
	tm_end();
	tb_end();
	tb_fails(-FH_EINVAL, "device tree: /memory: reg: 12 bytes, expected a multiple of 16");
	tb_begin(2, 2);
	tm_begin("chosen");
	tm_bytes("bootargs", "abc", 3);
	tm_end();
	tb_end();
	tb_fails(-FH_EINVAL, "device tree: /chosen: bootargs: expected a string");
}

/* A tree that ends with a node of /reserved-memory, with `size' or not. */
static void begin_node(const char *name, bool size)
{
	tb_begin(2, 2);
	tb_memory();
	tb_reserved();
	tm_begin(name);
	if (size)
		TM_CELLS("size", 0, 0x100000);
}

static void end_node(void)
{
	tm_end();
	tm_end();
	tb_end();
}

/* What is an error of ours, and no reason for Linux to stop. */
static void goes_on_as_linux_does(void)
{
	begin_node("n", true);
	TM_CELLS("alignment", 0, 12);
	end_node();
	tb_goes_on(FH_EINVAL,
		   "device tree: /reserved-memory/n: alignment: 0xc, expected a power of two");
	T_EQ(tb.cfg.region[0].base, 0x7ff00000); /* & ~11 */
	begin_node("n", true);
	TM_CELLS("alloc-ranges", 0, 0x50000000, 0, 0, 0, 0x60000000, 0, 0x200000);
	end_node();
	tb_goes_on(FH_EINVAL,
		   "device tree: /reserved-memory/n: alloc-ranges: 0x0 bytes at 0x50000000, "
		   "expected a range of addresses");
	T_EQ(tb.cfg.region[0].base, 0x60100000);
	T_EQ(tb.cfg.region[0].because.window, 1);
	begin_node("n", true);
	TM_CELLS("alloc-ranges", 0xffffffff, 0xf0000000, 0, 0x20000000);
	end_node();
	tb_goes_on(FH_EINVAL, "device tree: /reserved-memory/n: alloc-ranges: 0x20000000 bytes at "
			      "0xfffffffff0000000, expected a range of addresses");
	tb_said("OF: reserved mem: failed to allocate memory for node 'n': size 1 MiB\n");
	begin_node("n", true);
	tm_flag("alloc-ranges");
	end_node();
	tb_goes_on(FH_EINVAL, "device tree: /reserved-memory/n: alloc-ranges: empty");
	tb_said("OF: reserved mem: failed to allocate memory for node 'n': size 1 MiB\n");
	begin_node("n", false);
	TM_CELLS("size", 1 << 20, 0);
	end_node();
	tb_goes_on(FH_EINVAL, "device tree: /reserved-memory/n: size: 0x10000000000000 bytes");
	tb_said("OF: reserved mem: failed to allocate memory for node 'n': size 4294967296 MiB\n");
	begin_node("n", false);
	TM_CELLS("size", 0, 0);
	end_node();
	tb_goes_on(FH_EINVAL, "device tree: /reserved-memory/n: size: 0x0 bytes");
	begin_node("n@1", false);
	TM_CELLS("reg", 1 << 16, 0, 0, 0x1000, 0, 0x50000000, 0, 0x1000);
	end_node();
	tb_goes_on(FH_EINVAL, "device tree: /reserved-memory/n@1: reg: 0x1000 bytes at "
			      "0x1000000000000 pass bit 48");
	T_EQ(tb.cfg.nr_regions, 1);
	T_EQ(tb.cfg.region[0].flags, BOOT_REGION_MORE);
}

/* The lines of a real boot: Linux 6.12.95 on a Raspberry Pi 3 in QEMU. */
static void says_what_linux_said(void)
{
	tb_begin(1, 1);
	tm_text("model", "Raspberry Pi 3 Model B");
	tm_begin("memory@0");
	tm_text("device_type", "memory");
	TM_CELLS("reg", 0, 0x3c000000);
	tm_end();
	tm_begin("reserved-memory");
	TM_CELLS("#address-cells", 1);
	TM_CELLS("#size-cells", 1);
	tm_flag("ranges");
	tm_begin("linux,cma");
	tm_text("compatible", "shared-dma-pool");
	TM_CELLS("size", 0x4000000);
	tm_flag("reusable");
	tm_flag("linux,cma-default");
	tm_end();
	tm_end();
	tb_end();
	T_NEED(tb_boots("loglevel=8", 0));
	T_STR(tb.cfg.dmesg,
	      "Machine model: Raspberry Pi 3 Model B\n"
	      "Reserved memory: created CMA memory pool at 0x0000000038000000, size 64 MiB\n"
	      "OF: reserved mem: initialized node linux,cma, compatible id shared-dma-pool\n"
	      "OF: reserved mem: 0x0000000038000000..0x000000003bffffff (65536 KiB) map reusable "
	      "linux,cma\n"
	      "Zone ranges:\n"
	      "  DMA      [mem 0x0000000000000000-0x000000003bffffff]\n"
	      "  DMA32    empty\n"
	      "  Normal   empty\n"
	      "Movable zone start for each node\n"
	      "Early memory node ranges\n"
	      "  node   0: [mem 0x0000000000000000-0x000000003bffffff]\n"
	      "Initmem setup node 0 [mem 0x0000000000000000-0x000000003bffffff]\n"
	      "Kernel command line: loglevel=8\n");
}

/* Linux 6.1 on a Cubieboard in QEMU: 96 MiB within the first 256 of 512. */
static void places_as_linux_did(void)
{
	tb_begin(1, 1);
	tm_begin("memory");
	tm_text("device_type", "memory");
	TM_CELLS("reg", 0x40000000, 0x20000000);
	tm_end();
	tm_begin("reserved-memory");
	TM_CELLS("#address-cells", 1);
	TM_CELLS("#size-cells", 1);
	tm_flag("ranges");
	tm_begin("default-pool");
	tm_text("compatible", "shared-dma-pool");
	TM_CELLS("size", 0x6000000);
	TM_CELLS("alloc-ranges", 0x40000000, 0x10000000);
	tm_flag("reusable");
	tm_flag("linux,cma-default");
	tm_end();
	tm_end();
	tb_end();
	T_NEED(tb_boots(NULL, 0));
	tb_said("Reserved memory: created CMA memory pool at 0x000000004a000000, size 96 MiB\n"
		"OF: reserved mem: initialized node default-pool, compatible id shared-dma-pool\n");
}

const struct t_case t_cases[] = {
	T(reads_reserved_memory),    T(finds_carveouts),
	T(reads_the_reserve_map),    T(skips_with_linux_words),
	T(reads_alignment_as_linux), T(refuses_what_cannot_be),
	T(goes_on_as_linux_does),    T(says_what_linux_said),
	T(places_as_linux_did),	     T_END,
};
