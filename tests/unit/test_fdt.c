/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Reading trees: built with libfdt's writer, taken from boards/, cut off and damaged at every byte.
 */
#include <libfdt.h>
#include <stdio.h>
#include <string.h>
#include "t.h"
#include "boot_check.h"

#define MAX_TREE 16384

static struct boot_config cfg;
static struct boot_why why;
static _Alignas(8) char blob[MAX_TREE];
static size_t blob_size;

/* ---- building: a failed step shows when the tree does not read ---- */

static int made;

static void step(int err)
{
	if (err && !made)
		made = err;
}

static void begin(const char *name)
{
	step(fdt_begin_node(blob, name));
}

static void end(void)
{
	step(fdt_end_node(blob));
}

static void text(const char *name, const char *value)
{
	step(fdt_property(blob, name, value, (int)strlen(value) + 1));
}

static void flag(const char *name)
{
	step(fdt_property(blob, name, NULL, 0));
}

static void cells(const char *name, int n, const uint32_t *v)
{
	fdt32_t be[16];

	for (int i = 0; i < n; i++)
		be[i] = cpu_to_fdt32(v[i]);
	step(fdt_property(blob, name, be, n * 4));
}

#define CELLS(name, ...)                                                                           \
	cells(name, (int)(sizeof((uint32_t[]){__VA_ARGS__}) / 4), (uint32_t[]){__VA_ARGS__})

static void begin_tree(uint32_t addr, uint32_t size)
{
	made = 0;
	step(fdt_create(blob, sizeof(blob)));
	step(fdt_finish_reservemap(blob));
	begin("");
	CELLS("#address-cells", addr);
	CELLS("#size-cells", size);
}

static void begin_reserved(void)
{
	begin("reserved-memory");
	CELLS("#address-cells", 2);
	CELLS("#size-cells", 2);
	flag("ranges");
}

/* 1 GiB at 1 GiB. */
static void memory(void)
{
	begin("memory@40000000");
	text("device_type", "memory");
	CELLS("reg", 0, 0x40000000, 0, 0x40000000);
	end();
}

static void end_tree(void)
{
	end();
	step(fdt_finish(blob));
	T_EQ(made, 0);
	blob_size = fdt_totalsize(blob);
}

static int read_tree(void)
{
	boot_config_init(&cfg);
	return boot_config_fdt(&cfg, blob, blob_size, &why);
}

static bool boots(const char *args, uint64_t ram)
{
	int err = read_tree();
	const char *broken;

	if (!err)
		err = boot_config_finish(&cfg, args, ram, &why);
	if (!T_EQ(err, 0)) {
		T_STR(why.text, "");
		return false;
	}
	broken = boot_check(&cfg);
	return T_OK(!broken, broken ? broken : "");
}

static void fails(int err, const char *reason)
{
	T_EQ(read_tree(), err);
	T_STR(why.text, reason);
}

static bool said(const char *line)
{
	return T_OK(strstr(cfg.dmesg, line), line);
}

/* ---- what a tree says ---- */

static void reads_model_bootargs_memory(void)
{
	begin_tree(2, 2);
	text("model", "A board");
	begin("chosen");
	text("bootargs", "console=ttyS0 mem=1G");
	end();
	memory();
	begin("memory@100000000");
	text("device_type", "memory");
	CELLS("reg", 1, 0, 0, 0x10000000, 0, 0x20000000, 0, 0x1000, 0, 0x30000800, 0, 0x900);
	end();
	begin("memory@8000000");
	text("device_type", "memory");
	text("status", "disabled");
	CELLS("reg", 0, 0x8000000, 0, 0x1000000);
	end();
	end_tree();
	T_NEED(boots(NULL, 0));
	T_STR(cfg.model, "A board");
	T_STR(cfg.bootargs, "console=ttyS0 mem=1G");
	T_EQ(cfg.nr_banks, 2);
	T_EQ(cfg.bank[0].base, 0x20000000);
	T_EQ(cfg.bank[1].size, 0x40000000 - 0x1000);
	said("Machine model: A board\n");
	said("OF: fdt: Ignoring memory block 0x30000800 - 0x30001100\n");
	said("Kernel command line: console=ttyS0 mem=1G\n");
	T_NEED(boots("quiet", 0));
	T_EQ(cfg.nr_banks, 3);
	said("Kernel command line: quiet\n");
}

static void fills_in_the_memory_node(void)
{
	begin_tree(2, 1);
	text("compatible", "a,board");
	begin("memory@0");
	text("device_type", "memory");
	CELLS("reg", 0, 0, 0);
	end();
	end_tree();
	T_NEED(boots(NULL, 1 << 29));
	T_EQ(cfg.bank[0].base, 0);
	T_STR(cfg.model, "a,board");
	T_EQ(read_tree(), 0);
	T_EQ(boot_config_finish(&cfg, NULL, 0, &why), -FH_EINVAL);
	T_STR(why.text, "no memory: expected a memory node or a size");
}

static void reads_reserved_memory(void)
{
	begin_tree(2, 2);
	memory();
	begin_reserved();
	begin("linux,cma");
	text("compatible", "Shared-DMA-pool"); /* Linux compares without case */
	flag("reusable");
	flag("linux,cma-default");
	CELLS("size", 0, 0x4000000);
	CELLS("alignment", 0, 0x800000);
	CELLS("alloc-ranges", 0, 0, 0, 0x1000000, 0, 0x40000000, 0, 0x11000000);
	CELLS("phandle", 7);
	end();
	begin("fw@50000000");
	flag("no-map");
	CELLS("reg", 0, 0x50000000, 0, 0x1000, 0, 0x58000000, 0, 0x2000);
	end();
	begin("off");
	text("status", "disabled");
	CELLS("size", 0, 0x1000);
	end();
	begin("neither");
	end();
	end();
	end_tree();
	T_NEED(boots(NULL, 0));
	T_EQ(cfg.nr_regions, 3);
	T_STR(cfg.region[0].name, "linux,cma");
	T_EQ(cfg.region[0].kind, BOOT_REGION_CMA);
	T_EQ(cfg.region[0].base, 0x4c000000); /* below 0x50000000, which is taken */
	T_EQ(cfg.region[0].phandle, 7);
	T_EQ(cfg.region[2].base, 0x58000000);
	T_EQ(cfg.region[2].flags, BOOT_REGION_NO_MAP | BOOT_REGION_MORE);
	said("OF: reserved mem: fdt_scan_reserved_mem_reg_nodes() ignores 1 regions in node "
	     "'fw@50000000'\n");
}

/* What the node of a region says it is for; no-map alone is firmware's. */
static void finds_carveouts(void)
{
	begin_tree(2, 2);
	memory();
	begin_reserved();
	begin("ion@50000000");
	text("compatible", "imx-ion-pool");
	CELLS("reg", 0, 0x50000000, 0, 0x100000);
	end();
	begin("isp@51000000");
	text("compatible", "carved-out");
	flag("no-map");
	CELLS("reg", 0, 0x51000000, 0, 0x100000);
	end();
	begin("tee@52000000");
	flag("no-map");
	CELLS("reg", 0, 0x52000000, 0, 0x100000);
	end();
	end();
	end_tree();
	T_NEED(boots(NULL, 0));
	T_EQ(cfg.nr_regions, 3);
	T_EQ(cfg.region[0].flags, BOOT_REGION_CARVEOUT);
	T_EQ(cfg.region[0].kind, BOOT_REGION_RESERVED);
	T_EQ(cfg.region[1].flags, BOOT_REGION_CARVEOUT | BOOT_REGION_NO_MAP);
	T_EQ(cfg.region[1].kind, BOOT_REGION_NOMAP);
	T_EQ(cfg.region[2].flags, BOOT_REGION_NO_MAP);
}

static void reads_the_reserve_map(void)
{
	made = 0;
	step(fdt_create(blob, sizeof(blob)));
	step(fdt_add_reservemap_entry(blob, 0x48000000, 0x10000));
	step(fdt_finish_reservemap(blob));
	begin("");
	CELLS("#address-cells", 2);
	CELLS("#size-cells", 2);
	memory();
	end_tree();
	T_NEED(boots("cma=512M", 0));
	T_STR(cfg.region[0].name, "memreserve");
	T_EQ(cfg.region[0].size, 0x10000);
	said("OF: reserved mem: Reserved memory: No reserved-memory node in the DT\n");
}

/* A property of that many bytes in a node of /reserved-memory. */
static void one_property(const char *name, int bytes)
{
	static const char zero[64];

	begin_tree(2, 2);
	memory();
	begin_reserved();
	begin("n");
	if (strcmp(name, "size"))
		CELLS("size", 0, 0x100000);
	step(fdt_property(blob, name, zero, bytes));
	end();
	end();
	end_tree();
}

static void skips_with_linux_words(void)
{
	one_property("size", 4);
	T_NEED(boots(NULL, 0));
	said("OF: reserved mem: invalid size property in 'n' node.\n");
	one_property("alignment", 4);
	T_NEED(boots(NULL, 0));
	said("OF: reserved mem: invalid alignment property in 'n' node.\n");
	one_property("alloc-ranges", 20);
	T_NEED(boots(NULL, 0));
	said("OF: reserved mem: invalid alloc-ranges property in 'n', skipping node.\n");
	one_property("reg", 20);
	T_NEED(boots(NULL, 0));
	said("OF: reserved mem: Reserved memory: invalid reg property in 'n', skipping node.\n");
	one_property("reg", 16);
	T_NEED(boots(NULL, 0));
	said("OF: reserved mem: Reserved memory: failed to reserve memory for node 'n': base "
	     "0x0000000000000000, size 0 MiB\n");
	T_EQ(cfg.nr_regions, 0);
	begin_tree(2, 2);
	memory();
	begin("reserved-memory");
	CELLS("#address-cells", 1);
	CELLS("#size-cells", 1);
	flag("ranges");
	end();
	end_tree();
	T_NEED(boots(NULL, 0));
	said("OF: reserved mem: Reserved memory: unsupported node format, ignoring\n");
}

/* With one cell for sizes and two for addresses: Linux reads an alignment as an address. */
static void reads_alignment_as_linux(void)
{
	for (int n = 1; n <= 2; n++) {
		begin_tree(2, 1);
		begin("memory@40000000");
		text("device_type", "memory");
		CELLS("reg", 0, 0x40000000, 0x40000000);
		end();
		begin("reserved-memory");
		CELLS("#address-cells", 2);
		CELLS("#size-cells", 1);
		flag("ranges");
		begin("n");
		CELLS("size", 0x1000);
		cells("alignment", n, n == 1 ? (uint32_t[]){0x100000} : (uint32_t[]){0, 0x100000});
		CELLS("alloc-ranges", 0, 0, 0); /* an end of 0 is none */
		end();
		end();
		end_tree();
		T_NEED(boots(NULL, 0));
		T_EQ(cfg.nr_regions, n - 1);
	}
	T_EQ(cfg.region[0].base, 0x7ff00000);
}

static void refuses_what_cannot_be(void)
{
	one_property("size", 8);
	fails(-FH_EINVAL, "device tree: /reserved-memory/n: size: 0x0 bytes");
	one_property("alloc-ranges", 0);
	fails(-FH_EINVAL, "device tree: /reserved-memory/n: alloc-ranges: empty");
	begin_tree(2, 2);
	memory();
	begin_reserved();
	begin("n");
	CELLS("size", 0, 4096);
	CELLS("alignment", 0, 12);
	end();
	end();
	end_tree();
	fails(-FH_EINVAL,
	      "device tree: /reserved-memory/n: alignment: 0xc, expected a power of two");
	begin_tree(2, 2);
	memory();
	begin_reserved();
	begin("n@1");
	CELLS("reg", 0xffffffff, 0xffff0000, 0, 0x20000);
	end();
	end();
	end_tree();
	fails(-FH_EINVAL, "device tree: /reserved-memory/n@1: reg: 0x20000 bytes at "
			  "0xffffffffffff0000 pass bit 48");
	begin_tree(3, 2);
	end_tree();
	fails(-FH_EINVAL, "device tree: /: #address-cells: expected <1> or <2>");
	begin_tree(2, 2);
	begin("memory");
	text("device_type", "memory");
	CELLS("reg", 0, 1, 2);
	end();
	end_tree();
	fails(-FH_EINVAL, "device tree: /memory: reg: 12 bytes, expected a multiple of 16");
	begin_tree(2, 2);
	begin("chosen");
	step(fdt_property(blob, "bootargs", "abc", 3));
	end();
	end_tree();
	fails(-FH_EINVAL, "device tree: /chosen: bootargs: expected a string");
}

/* A tree that ends with a node of /reserved-memory, with `size' or not. */
static void begin_node(const char *name, bool size)
{
	begin_tree(2, 2);
	memory();
	begin_reserved();
	begin(name);
	if (size)
		CELLS("size", 0, 0x100000);
}

/* Boots as `freehold boot' does: every such place is a note. */
static void goes_on(enum err err, const char *note)
{
	boot_config_init(&cfg);
	cfg.as_linux = true;
	T_EQ(boot_config_fdt(&cfg, blob, blob_size, &why), 0);
	T_EQ(boot_config_finish(&cfg, NULL, 0, &why), 0);
	T_EQ(cfg.nr_notes, 1);
	T_EQ(cfg.note[0].err, err);
	T_STR(cfg.note[0].text, note);
}

static void end_node(void)
{
	end();
	end();
	end_tree();
}

/* What is an error of ours, and no reason for Linux to stop. */
static void goes_on_as_linux_does(void)
{
	begin_node("n", true);
	CELLS("alignment", 0, 12);
	end_node();
	goes_on(FH_EINVAL,
		"device tree: /reserved-memory/n: alignment: 0xc, expected a power of two");
	T_EQ(cfg.region[0].base, 0x7ff00000); /* & ~11 */
	begin_node("n", true);
	CELLS("alloc-ranges", 0, 0x50000000, 0, 0, 0, 0x60000000, 0, 0x200000);
	end_node();
	goes_on(FH_EINVAL,
		"device tree: /reserved-memory/n: alloc-ranges: 0x0 bytes at 0x50000000, "
		"expected a range of addresses");
	T_EQ(cfg.region[0].base, 0x60100000);
	T_EQ(cfg.region[0].because.window, 1);
	begin_node("n", true);
	CELLS("alloc-ranges", 0xffffffff, 0xf0000000, 0, 0x20000000);
	end_node();
	goes_on(FH_EINVAL, "device tree: /reserved-memory/n: alloc-ranges: 0x20000000 bytes at "
			   "0xfffffffff0000000, expected a range of addresses");
	said("OF: reserved mem: failed to allocate memory for node 'n': size 1 MiB\n");
	begin_node("n", true);
	flag("alloc-ranges");
	end_node();
	goes_on(FH_EINVAL, "device tree: /reserved-memory/n: alloc-ranges: empty");
	said("OF: reserved mem: failed to allocate memory for node 'n': size 1 MiB\n");
	begin_node("n", false);
	CELLS("size", 1 << 20, 0);
	end_node();
	goes_on(FH_EINVAL, "device tree: /reserved-memory/n: size: 0x10000000000000 bytes");
	said("OF: reserved mem: failed to allocate memory for node 'n': size 4294967296 MiB\n");
	begin_node("n", false);
	CELLS("size", 0, 0);
	end_node();
	goes_on(FH_EINVAL, "device tree: /reserved-memory/n: size: 0x0 bytes");
	begin_node("n@1", false);
	CELLS("reg", 1 << 16, 0, 0, 0x1000, 0, 0x50000000, 0, 0x1000);
	end_node();
	goes_on(FH_EINVAL, "device tree: /reserved-memory/n@1: reg: 0x1000 bytes at "
			   "0x1000000000000 pass bit 48");
	T_EQ(cfg.nr_regions, 1);
	T_EQ(cfg.region[0].flags, BOOT_REGION_MORE);
}

static void goes_on_with_odd_memory(void)
{
	begin_tree(2, 2);
	begin("memory");
	text("device_type", "memory");
	CELLS("reg", 0, 0x40000000, 0, 0x10000000, 0, 1);
	end();
	end_tree();
	goes_on(FH_EINVAL, "device tree: /memory: reg: 24 bytes, expected a multiple of 16");
	T_EQ(cfg.nr_banks, 1);
	begin_tree(2, 2);
	memory();
	begin("memory@ffff00000000");
	text("device_type", "memory");
	CELLS("reg", 0xffff, 0, 2, 0);
	end();
	end_tree();
	goes_on(FH_EINVAL, "device tree: /memory@ffff00000000: reg: 0x200000000 bytes at "
			   "0xffff00000000 pass bit 48");
	T_EQ(cfg.bank[1].size, UINT64_C(1) << 32); /* what lies above is cut off */
	begin_tree(2, 2);
	memory();
	begin("chosen");
	step(fdt_property(blob, "bootargs", "abc", 3));
	end();
	end_tree();
	goes_on(FH_EINVAL, "device tree: /chosen: bootargs: expected a string");
	T_STR(cfg.bootargs, "ab");
}

/* What a boot loader adds: it is taken, or all that may be used. */
static void reads_chosen(void)
{
	begin_tree(2, 2);
	memory();
	begin("chosen");
	CELLS("linux,initrd-start", 0, 0x7ff00800);
	CELLS("linux,initrd-end", 0x7fffffff); /* of one cell: as many as there are */
	CELLS("linux,elfcorehdr", 0, 0x7fe00000, 0, 0x10000);
	CELLS("linux,usable-memory-range", 0, 0x7f000000, 0, 0x1000000, 0, 0x41000000, 0, 0x1000);
	end();
	end_tree();
	T_NEED(boots("cma=2M", 0));
	T_EQ(cfg.nr_taken, 2);
	T_EQ(cfg.taken[0].base, 0x7ff00000);
	T_EQ(cfg.taken[0].size, 0x100000);
	T_STR(cfg.taken[0].name, "initrd");
	T_STR(cfg.taken[1].name, "elfcorehdr");
	T_EQ(cfg.nr_banks, 2);
	T_EQ(cfg.bank[0].base, 0x41000000);
	T_EQ(cfg.bank[0].size, 0x1000);
	T_EQ(cfg.bank[1].base, 0x7f000000);
	T_EQ(cfg.region[0].base, 0x7fc00000);
	said("OF: fdt: Reserving 64 KiB of memory at 0x7fe00000 for elfcorehdr\n");
	begin_tree(2, 2);
	memory();
	begin("chosen");
	CELLS("linux,initrd-start", 0, 0x7ff00000);
	CELLS("linux,initrd-end", 0, 0x80000000);
	CELLS("linux,elfcorehdr", 0, 0x7ff10000, 0, 0x10000);
	end();
	end_tree();
	T_NEED(boots(NULL, 0));
	T_EQ(cfg.nr_taken, 1);
	said("OF: fdt: elfcorehdr is overlapped\n");
}

static void counts_banks_and_regions(void)
{
	char name[32];

	begin_tree(2, 2);
	begin("memory");
	text("device_type", "memory");
	CELLS("reg", 0, 0x1000, 0, 0x1000, 0, 0x3000, 0, 0x1000);
	end();
	for (int i = 0; i < BOOT_MAX_BANKS - 1; i++) {
		snprintf(name, sizeof(name), "memory@%d", i);
		begin(name);
		text("device_type", "memory");
		CELLS("reg", 0, 0x10000 + (uint32_t)i * 0x2000, 0, 0x1000);
		end();
	}
	end_tree();
	fails(-FH_ENOSPC, "device tree: /memory@30: more than 32 ranges of memory");
	begin_tree(2, 2);
	memory();
	begin_reserved();
	for (int i = 0; i <= BOOT_MAX_REGIONS; i++) {
		snprintf(name, sizeof(name), "r@%d", i);
		begin(name);
		CELLS("reg", 0, 0x50000000 + (uint32_t)i * 0x2000, 0, 0x1000);
		end();
	}
	end();
	end_tree();
	fails(-FH_ENOSPC, "device tree: /reserved-memory/r@128: more than 128 reserved regions");
}

/* ---- dma-ranges ---- */

static void begin_bus(const char *name, uint32_t addr, uint32_t size)
{
	begin(name);
	CELLS("#address-cells", addr);
	CELLS("#size-cells", size);
}

static uint64_t limit(void)
{
	end_tree();
	if (!T_EQ(read_tree(), 0))
		T_STR(why.text, "");
	return cfg.dma_limit;
}

static void takes_the_lowest_bus(void)
{
	begin_tree(2, 1);
	begin_bus("soc", 1, 1);
	CELLS("dma-ranges", 0xc0000000, 0, 0, 0x3c000000, 0x80000000, 0, 0, 0x40000000);
	end();
	begin_bus("pci", 3, 2);
	CELLS("dma-ranges", 0x02000000, 0, 0, 0, 0, 0, 0xc0000000);
	end();
	begin_bus("empty", 1, 1);
	flag("dma-ranges");
	end();
	T_EQ(limit(), 0x40000000);
	begin_tree(2, 2);
	begin_bus("off", 1, 1);
	text("status", "disabled");
	begin_bus("below", 1, 1);
	CELLS("dma-ranges", 0, 0, 0x1000);
	end();
	end();
	T_EQ(limit(), UINT64_C(1) << 32);
}

/* The inner bus reaches 256 MiB of the outer, which maps them to 2 GiB. */
static void translates_through_buses(void)
{
	begin_tree(2, 2);
	begin_bus("outer", 1, 1);
	CELLS("dma-ranges", 0x0, 0x0, 0x80000000, 0x40000000);
	begin_bus("inner", 1, 1);
	CELLS("dma-ranges", 0x0, 0x10000000, 0x10000000);
	end();
	end();
	T_EQ(limit(), 0xa0000000);
	begin_tree(2, 2);
	begin_bus("outer", 1, 1);
	CELLS("dma-ranges", 0x0, 0x0, 0x80000000, 0x40000000);
	begin_bus("inner", 1, 1);
	CELLS("dma-ranges", 0x0, 0x50000000, 0x10000000); /* leads nowhere */
	end();
	end();
	T_EQ(limit(), 0xc0000000);
	begin_tree(2, 2);
	begin_bus("all", 2, 2);
	CELLS("dma-ranges", 0, 0, 0, 0, 0xffffffff, 0xffffffff);
	end();
	T_EQ(limit(), UINT64_MAX);
}

static void refuses_dma_ranges_that_do_not_fit(void)
{
	begin_tree(2, 2);
	begin_bus("bus", 1, 1);
	CELLS("dma-ranges", 1, 2, 3);
	end();
	end_tree();
	fails(-FH_EINVAL, "device tree: bus: dma-ranges: 12 bytes, expected a multiple of 16");
	begin_tree(2, 2);
	for (int i = 0; i < 64; i++)
		begin("deep");
	for (int i = 0; i < 64; i++)
		end();
	end_tree();
	fails(-FH_EINVAL, "device tree: nodes nested deeper than 64");
}

/* ---- files that are no trees ---- */

static void says_what_is_no_tree(void)
{
	static const _Alignas(8) char source[] = "/dts-v1/; / { model = \"x\"; };";

	begin_tree(2, 2);
	memory();
	end_tree();
	T_EQ(boot_config_fdt(&cfg, blob + 4, blob_size - 4, &why), -FH_EINVAL);
	T_STR(why.text, "device tree: expected at a multiple of 8 bytes");
	T_EQ(boot_config_fdt(&cfg, blob, 20, &why), -FH_EINVAL);
	T_STR(why.text, "device tree: 20 bytes, expected a header");
	T_EQ(boot_config_fdt(&cfg, source, sizeof(source), &why), -FH_EINVAL);
	T_STR(why.text, "device tree: begins with 0x2f647473, expected 0xd00dfeed (a .dtb file)");
	T_EQ(boot_config_fdt(&cfg, blob, blob_size - 1, &why), -FH_EINVAL);
	T_OK(strstr(why.text, "device tree: cut off, "), why.text);
	fdt_set_version(blob, 3);
	fdt_set_last_comp_version(blob, 2);
	fails(-FH_EINVAL, "device tree: version 3, expected 16 or later");
	fdt_set_version(blob, 17);
	fdt_set_totalsize(blob, (uint32_t)blob_size - 8);
	fails(-FH_EINVAL, "device tree: damaged: FDT_ERR_TRUNCATED");
}

/* The lines of a real boot: Linux 6.12.95 on a Raspberry Pi 3 in QEMU. */
static void says_what_linux_said(void)
{
	begin_tree(1, 1);
	text("model", "Raspberry Pi 3 Model B");
	begin("memory@0");
	text("device_type", "memory");
	CELLS("reg", 0, 0x3c000000);
	end();
	begin("reserved-memory");
	CELLS("#address-cells", 1);
	CELLS("#size-cells", 1);
	flag("ranges");
	begin("linux,cma");
	text("compatible", "shared-dma-pool");
	CELLS("size", 0x4000000);
	flag("reusable");
	flag("linux,cma-default");
	end();
	end();
	end_tree();
	T_NEED(boots("loglevel=8", 0));
	T_STR(cfg.dmesg,
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
	begin_tree(1, 1);
	begin("memory");
	text("device_type", "memory");
	CELLS("reg", 0x40000000, 0x20000000);
	end();
	begin("reserved-memory");
	CELLS("#address-cells", 1);
	CELLS("#size-cells", 1);
	flag("ranges");
	begin("default-pool");
	text("compatible", "shared-dma-pool");
	CELLS("size", 0x6000000);
	CELLS("alloc-ranges", 0x40000000, 0x10000000);
	flag("reusable");
	flag("linux,cma-default");
	end();
	end();
	end_tree();
	T_NEED(boots(NULL, 0));
	said("Reserved memory: created CMA memory pool at 0x000000004a000000, size 96 MiB\n"
	     "OF: reserved mem: initialized node default-pool, compatible id shared-dma-pool\n");
}

const struct t_case t_cases[] = {
	T(reads_model_bootargs_memory),
	T(fills_in_the_memory_node),
	T(reads_reserved_memory),
	T(finds_carveouts),
	T(reads_the_reserve_map),
	T(skips_with_linux_words),
	T(reads_alignment_as_linux),
	T(refuses_what_cannot_be),
	T(goes_on_as_linux_does),
	T(goes_on_with_odd_memory),
	T(reads_chosen),
	T(counts_banks_and_regions),
	T(takes_the_lowest_bus),
	T(translates_through_buses),
	T(refuses_dma_ranges_that_do_not_fit),
	T(says_what_is_no_tree),
	T(says_what_linux_said),
	T(places_as_linux_did),
	T_END,
};
