/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Reserved memory as kernels of several versions place it: order, places and words; and why each lies there. */
#include <stdio.h>
#include <string.h>
#include "t.h"
#include "boot/like.h"
#include "boot_check.h"
#include "regions.h"

#define M(n) ((uint64_t)(n) << 20)
#define G(n) ((uint64_t)(n) << 30)
#define AREA (BOOT_REGION_SHARED | BOOT_REGION_REUSABLE)
#define DYN  BOOT_REGION_DYNAMIC

static struct boot_config cfg;
static struct boot_why why;

static void start(void)
{
	boot_config_init(&cfg);
	cfg.as_linux = true;
	cfg.reserved_node = BOOT_RESERVED_READ;
}

static void finish(const char *args)
{
	const char *broken;

	if (!T_EQ(boot_config_finish(&cfg, args, G(1), &why), 0))
		T_STR(why.text, "");
	broken = boot_check(&cfg);
	T_OK(!broken, broken ? broken : "");
}

/* What was said of reserved memory, and nothing else. */
static void said(const char *lines)
{
	char *zones = strstr(cfg.dmesg, "Zone ranges:\n");

	T_NEED(zones);
	*zones = '\0';
	T_STR(cfg.dmesg, lines);
}

static const struct boot_region *find(const char *name)
{
	static const struct boot_region none;

	for (unsigned int i = 0; i < cfg.nr_regions; i++)
		if (!strcmp(cfg.region[i].name, name))
			return &cfg.region[i];
	T_OK(false, name);
	return &none;
}

/* ---- one board, three kernels ---- */

static void board(void)
{
	struct boot_region *r;

	start();
	r = region_add(&cfg, "linux,cma", 0, M(64), AREA | DYN | BOOT_REGION_CMA_DEFAULT);
	region_window(&cfg, r, G(1), M(384));
	region_add(&cfg, "fw@50000000", 0x50000000, M(1), BOOT_REGION_NO_MAP);
	region_add(&cfg, "fw@50000000", 0x58000000, M(2), BOOT_REGION_NO_MAP | BOOT_REGION_MORE);
	region_add(&cfg, "small", 0, 0x3000, DYN);
	region_add(&cfg, "pool@48000000", 0x48000000, M(1), BOOT_REGION_SHARED);
	region_add(&cfg, "bad@1", 0, 0, 0)->fault = BOOT_FAULT_REG;
	region_add(&cfg, "area@60000000", 0x60000000, M(2), AREA);
	region_add(&cfg, "both", 0, M(2), AREA | DYN | BOOT_REGION_NO_MAP);
	region_add(&cfg, "empty@2", 0x2000, 0, 0)->fault = BOOT_FAULT_PAIR;
	region_add(&cfg, "memreserve", 0x7fff0000, 0x10000, BOOT_REGION_MEMRESERVE);
	cfg.elfcorehdr = (struct boot_bank){0x70000000, 0x10000};
}

static void as_6_1(void)
{
	board();
	finish("cma=32M like=6.1");
	said("OF: fdt: Reserved memory: invalid reg property in 'bad@1', skipping node.\n"
	     "OF: fdt: Reserved memory: failed to reserve memory for node 'empty@2': base "
	     "0x0000000000002000, size 0 MiB\n"
	     "OF: fdt: Reserving 64 KiB of memory at 0x70000000 for elfcorehdr\n"
	     "Reserved memory: bypass linux,cma node, using cmdline CMA params instead\n"
	     "OF: reserved mem: node linux,cma compatible matching fail\n"
	     "OF: reserved mem: node both compatible matching fail\n"
	     "Reserved memory: created DMA memory pool at 0x0000000048000000, size 1 MiB\n"
	     "OF: reserved mem: initialized node pool@48000000, compatible id shared-dma-pool\n"
	     "Reserved memory: created CMA memory pool at 0x0000000060000000, size 2 MiB\n"
	     "OF: reserved mem: initialized node area@60000000, compatible id shared-dma-pool\n");
	T_EQ(find("small")->base, 0x7ffed000); /* below the reserve map, which came first */
	T_EQ(find("both")->kind, BOOT_REGION_RESERVED); /* lost: neither freed nor used */
	T_STR(cfg.region[2].name, "pool@48000000");	/* by address */
}

static void as_6_12(void)
{
	board();
	finish("cma=32M like=6.12");
	said("OF: fdt: Reserving 64 KiB of memory at 0x70000000 for elfcorehdr\n"
	     "OF: reserved mem: Reserved memory: invalid reg property in 'bad@1', skipping node.\n"
	     "OF: reserved mem: Reserved memory: failed to reserve memory for node 'empty@2': base "
	     "0x0000000000002000, size 0 MiB\n"
	     "Reserved memory: bypass linux,cma node, using cmdline CMA params instead\n"
	     "OF: reserved mem: node linux,cma compatible matching fail\n"
	     "OF: reserved mem: 0x000000007fffd000..0x000000007fffffff (12 KiB) map non-reusable "
	     "small\n"
	     "OF: reserved mem: node both compatible matching fail\n"
	     "OF: reserved mem: fdt_scan_reserved_mem_reg_nodes() ignores 1 regions in node "
	     "'fw@50000000'\n"
	     "OF: reserved mem: 0x0000000050000000..0x00000000500fffff (1024 KiB) nomap "
	     "non-reusable fw@50000000\n"
	     "Reserved memory: created DMA memory pool at 0x0000000048000000, size 1 MiB\n"
	     "OF: reserved mem: initialized node pool@48000000, compatible id shared-dma-pool\n"
	     "OF: reserved mem: 0x0000000048000000..0x00000000480fffff (1024 KiB) map "
	     "non-reusable pool@48000000\n"
	     "OF: reserved mem: Reserved memory: invalid reg property in 'bad@1', skipping node.\n"
	     "Reserved memory: created CMA memory pool at 0x0000000060000000, size 2 MiB\n"
	     "OF: reserved mem: initialized node area@60000000, compatible id shared-dma-pool\n"
	     "OF: reserved mem: 0x0000000060000000..0x00000000601fffff (2048 KiB) map reusable "
	     "area@60000000\n");
	T_EQ(find("small")->base, 0x7fffd000); /* the reserve map comes too late */
}

static void as_7(void)
{
	board();
	finish("cma=32M like=7.3");
	said("OF: fdt: Reserving 64 KiB of memory at 0x70000000 for elfcorehdr\n"
	     "OF: reserved mem: Reserved memory: node 'fw@50000000' has 2 <base size> entries, "
	     "only the first is used\n"
	     "OF: reserved mem: Reserved memory: failed to reserve memory for node 'empty@2': base "
	     "0x0000000000002000, size 0 MiB\n"
	     "Skipping dt linux,cma-default node in favor for \"cma=\" kernel param.\n"
	     "OF: reserved mem: 0x000000007fffd000..0x000000007fffffff (12 KiB) map non-reusable "
	     "small\n"
	     "OF: reserved mem: 0x000000007fdfd000..0x000000007fffcfff (2048 KiB) nomap reusable "
	     "both\n"
	     "OF: reserved mem: 0x0000000050000000..0x00000000500fffff (1024 KiB) nomap "
	     "non-reusable fw@50000000\n"
	     "Reserved memory: created DMA memory pool at 0x0000000048000000, size 1024 KiB\n"
	     "OF: reserved mem: initialized node pool@48000000, compatible id shared-dma-pool\n"
	     "OF: reserved mem: 0x0000000048000000..0x00000000480fffff (1024 KiB) map "
	     "non-reusable pool@48000000\n"
	     "Reserved memory: created CMA memory pool at 0x0000000060000000, size 2 MiB\n"
	     "OF: reserved mem: initialized node area@60000000, compatible id shared-dma-pool\n"
	     "OF: reserved mem: 0x0000000060000000..0x00000000601fffff (2048 KiB) map reusable "
	     "area@60000000\n"
	     "cma: Reserved 32 MiB at 0x000000007dc00000\n");
	T_EQ(find("both")->kind, BOOT_REGION_NOMAP);
	T_EQ(find("fw@50000000")->kind, BOOT_REGION_NOMAP);
	for (unsigned int i = 0; i < cfg.nr_regions; i++)
		T_OK(cfg.region[i].base != 0x58000000, "a later pair is not there");
}

/* A default area with reg: 7 asks twice, and never takes its memory. */
static void replaced_in_7(void)
{
	start();
	region_add(&cfg, "cma@50000000", 0x50000000, M(16), AREA | BOOT_REGION_CMA_DEFAULT);
	finish("cma=32M@1280M like=7");
	said("Skipping dt linux,cma-default node in favor for \"cma=\" kernel param.\n"
	     "Skipping dt linux,cma-default node in favor for \"cma=\" kernel param.\n"
	     "cma: Reserved 32 MiB at 0x0000000050000000\n");
	T_EQ(cfg.nr_regions, 1);
	T_EQ(cfg.region[0].base, 0x50000000);
}

/* A property of wrong length is as if it were not there, in 7. */
static void bad_lengths(void)
{
	static const struct {
		const char *args;
		unsigned int fault, regions;
	} cases[] = {
		{"like=6.12", BOOT_FAULT_REG, 0},      {"like=7.0", BOOT_FAULT_REG, 1},
		{"like=6.1", BOOT_FAULT_WINDOWS, 0},   {"like=6.18", BOOT_FAULT_WINDOWS, 0},
		{"like=7.1", BOOT_FAULT_WINDOWS, 1},   {"like=7.0", BOOT_FAULT_SIZE, 0},
		{"like=6.6", BOOT_FAULT_ALIGNMENT, 0}, {"like=8", BOOT_FAULT_ALIGNMENT, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		start();
		region_add(&cfg, "n", 0, M(1), DYN)->fault = cases[i].fault;
		finish(cases[i].args);
		T_EQ(cfg.nr_regions, cases[i].regions);
	}
}

static void says_what_the_node_is(void)
{
	start();
	cfg.reserved_node = BOOT_RESERVED_NONE;
	finish("like=6.1");
	said("");
	start();
	cfg.reserved_node = BOOT_RESERVED_NONE;
	finish(NULL);
	said("OF: reserved mem: Reserved memory: No reserved-memory node in the DT\n");
	start();
	cfg.reserved_node = BOOT_RESERVED_FORMAT;
	finish("like=6.1");
	said("OF: fdt: Reserved memory: unsupported node format, ignoring\n");
	start();
	cfg.reserved_node = BOOT_RESERVED_FORMAT;
	finish(NULL);
	said("OF: reserved mem: Reserved memory: unsupported node format, ignoring\n"
	     "OF: reserved mem: Reserved memory: unsupported node format, ignoring\n");
}

/* Equal ones in the order in which a heap gives them up: of regions without an address in 6.1. */
static void searches_in_the_order_of_a_heap(void)
{
	static const char *const order[] = {"b", "c", "d", "e", "a"};

	start();
	for (char name[2] = "a"; name[0] <= 'e'; name[0]++)
		region_add(&cfg, name, 0, M(1), DYN);
	finish("like=6.1");
	for (unsigned int i = 0; i < 5; i++) {
		T_STR(cfg.region[i].name, order[i]);
		T_EQ(cfg.region[i].base, G(2) - M(i + 1));
	}
}

/* Between regions with an address they change places once more (compared with Linux's own sort). */
static void sorts_as_linux(void)
{
	static const char *const order[] = {"d6", "d2", "d3", "d0", "d5", "s4", "s1"};

	start();
	region_add(&cfg, "d0", 0, M(1), DYN);
	region_add(&cfg, "s1", 0x50000000, M(1), 0);
	region_add(&cfg, "d2", 0, M(1), DYN);
	region_add(&cfg, "d3", 0, M(1), DYN);
	region_add(&cfg, "s4", 0x48000000, M(1), 0);
	region_add(&cfg, "d5", 0, M(1), DYN);
	region_add(&cfg, "d6", 0, M(1), DYN);
	finish("like=6.1");
	for (unsigned int i = 0; i < 7; i++)
		T_STR(cfg.region[i].name, order[i]);
}

/* 6.1 remembers 64; later ones search for 64. */
/* The sorts of 6.1 and 7 turn two equal ones round; those between look at the tree. */
static void names_equals_as_sorted(void)
{
	static const char *const args[] = {"like=6.1", "like=6.12", "like=7"};

	for (unsigned int i = 0; i < 3; i++) {
		start();
		region_add(&cfg, "a@50000000", 0x50000000, M(1), 0);
		region_add(&cfg, "b@50000000", 0x50000000, M(1), 0);
		finish(args[i]);
		T_OK(strstr(cfg.dmesg,
			    i == 1 ? "DETECTED!\na@50000000 " : "DETECTED!\nb@50000000 "),
		     cfg.dmesg);
	}
}

/* Five that begin and end alike, behind one that is larger: what 7's heap, which gives up two at a time, makes of them
 * (compared with Linux's own sort). */
static void sorts_pairs_as_linux(void)
{
	static const char *const order = "acdebf";
	const char *at;
	char line[64], name[2] = "a";

	start();
	region_add(&cfg, "f", 0x50000000, M(2), 0);
	for (; *name < 'f'; ++*name)
		region_add(&cfg, name, 0x50000000, M(1), 0);
	finish("like=7");
	at = cfg.dmesg;
	for (const char *s = order; s[1]; s++) {
		snprintf(line, sizeof(line), "DETECTED!\n%c (", *s);
		at = strstr(at, line);
		T_NEED(at);
		at++;
	}
}

/* A size of 0 has a place, at the end of what is free; a region that no memory can be at has a line. Neither stays. */
static void names_what_is_no_memory(void)
{
	start();
	region_add(&cfg, "a", 0, 0, AREA | DYN)->fault = BOOT_FAULT_PAIR;
	region_add(&cfg, "plain", 0, 0, DYN)->fault = BOOT_FAULT_PAIR;
	region_add(&cfg, "fw@1000000000000", UINT64_C(1) << 48, M(16), 0)->fault = BOOT_FAULT_HIGH;
	region_add(&cfg, "wraps", ~(uint64_t)0xffffff, M(32), 0)->fault = BOOT_FAULT_HIGH;
	finish("");
	said("Reserved memory: unable to setup CMA region\n"
	     "OF: reserved mem: node a compatible matching fail\n"
	     "OF: reserved mem: 0x0000000080000000..0x000000007fffffff (0 KiB) map non-reusable "
	     "plain\n"
	     "OF: reserved mem: 0x0001000000000000..0x0001000000ffffff (16384 KiB) map "
	     "non-reusable "
	     "fw@1000000000000\n"
	     "OF: reserved mem: 0xffffffffff000000..0x0000000000ffffff (32768 KiB) map "
	     "non-reusable "
	     "wraps\n");
	T_EQ(cfg.nr_regions, 0);
	start();
	region_add(&cfg, "a", 0, 0, AREA | DYN)->fault = BOOT_FAULT_PAIR;
	region_add(&cfg, "wraps", ~(uint64_t)0xffffff, M(32),
		   BOOT_REGION_RESTRICTED | BOOT_REGION_NO_MAP)
		->fault = BOOT_FAULT_HIGH;
	finish("like=6.1");
	said("Reserved memory: unable to setup CMA region\n"
	     "OF: reserved mem: node a compatible matching fail\n"
	     "OF: reserved mem: node wraps compatible matching fail\n");
	T_EQ(cfg.nr_regions, 0);
}

/* What the kernel was built without refuses no node. */
static void knows_no_kind_that_is_not_built(void)
{
	start();
	cfg.kernel.restricted_pool = false;
	cfg.kernel.dma_cma = false;
	region_add(&cfg, "r@50000000", 0x50000000, M(1), BOOT_REGION_RESTRICTED);
	region_add(&cfg, "c@60000000", 0x60000000, M(2), AREA);
	finish("like=6.1");
	said("OF: reserved mem: node c@60000000 compatible matching fail\n");
	T_EQ(find("r@50000000")->kind, BOOT_REGION_RESERVED);
}

static void forgets_what_does_not_fit(void)
{
	char name[16];

	for (unsigned int like = 0; like < 2; like++) {
		start();
		for (int i = 0; i < 66; i++) {
			snprintf(name, sizeof(name), "r%d", i);
			region_add(&cfg, name, 0, 0x1000, DYN);
		}
		region_add(&cfg, "pool@48000000", 0x48000000, M(1), BOOT_REGION_SHARED);
		finish(like ? "like=6.12" : "like=6.1");
		T_EQ(cfg.nr_regions, 65);
		T_EQ(find("pool@48000000")->kind,
		     like ? BOOT_REGION_DMA_POOL : BOOT_REGION_RESERVED);
		T_OK(strstr(cfg.dmesg, like ? "OF: reserved mem: too many defined dynamic regions, "
					      "skip 'r64'\n"
					    : "OF: reserved mem: not enough space for all defined "
					      "regions.\n"),
		     "says so");
	}
}

static void runs_out_of_areas(void)
{
	for (unsigned int like = 0; like < 2; like++) {
		start();
		cfg.kernel.cma_areas = 1;
		region_add(&cfg, "a", 0, M(2), AREA | DYN);
		region_add(&cfg, "b", 0, M(2), AREA | DYN);
		finish(like ? "like=6.12" : "like=6.1");
		T_EQ(cfg.nr_regions, 1);
	}
	T_OK(strstr(cfg.dmesg, "cma: Not enough slots for CMA reserved regions!\n"
			       "Reserved memory: unable to setup CMA region\n"
			       "OF: reserved mem: node b compatible matching fail\n"),
	     "says so");
}

/* A window that begins at another region is filled from below, since 6.12. */
static void fills_windows_beside_neighbours(void)
{
	for (unsigned int like = 0; like < 2; like++) {
		struct boot_region *r;

		start();
		region_add(&cfg, "last", 0, M(2), DYN); /* in 6.1, and first in 6.12 */
		region_window(&cfg, region_add(&cfg, "a", 0, M(2), DYN), G(1), M(4));
		r = region_add(&cfg, "b", 0, M(2), DYN);
		region_window(&cfg, r, G(1) + M(4), M(16));
		finish(like ? "like=6.12" : "like=6.1");
		T_EQ(find("b")->base, like ? G(1) + M(4) : G(1) + M(18));
		T_EQ(find("b")->because.found, like ? BOOT_FOUND_BOTTOM_UP : BOOT_FOUND_TOP_DOWN);
	}
}

/* ---- why ---- */

static void because(const char *name, enum boot_found found, enum boot_against against,
		    unsigned int index, uint64_t gap)
{
	const struct boot_because *b = &find(name)->because;

	T_EQ(b->found, found);
	T_EQ(b->against, against);
	T_EQ(b->index, index);
	T_EQ(b->gap, gap);
}

static void knows_why(void)
{
	struct boot_region *r;

	start();
	region_add(&cfg, "top", 0, 0x3000, DYN);
	region_add(&cfg, "next", 0, M(2), AREA | DYN);
	r = region_add(&cfg, "third", 0, M(1), DYN);
	region_window(&cfg, r, M(1), M(1));
	region_window(&cfg, r, 0x50000000, M(64));
	r->align = M(4);
	region_add(&cfg, "fw@52000000", 0x52000000, M(1), 0);
	r = region_add(&cfg, "fourth", 0, M(1), DYN);
	region_window(&cfg, r, 0x60000000, M(2));
	cfg.taken[cfg.nr_taken++] = (struct boot_taken){.base = G(1), .size = M(8)};
	region_window(&cfg, region_add(&cfg, "fifth", 0, M(2), DYN), 0, M(1034));
	finish("cma=16M");
	because("top", BOOT_FOUND_TOP_DOWN, BOOT_AGAINST_BANK, 0, 0);
	because("next", BOOT_FOUND_TOP_DOWN, BOOT_AGAINST_REGION, 0, M(2) - 0x3000);
	T_EQ(find("next")->because.align_of, BOOT_ALIGN_BLOCK);
	because("third", BOOT_FOUND_TOP_DOWN, BOOT_AGAINST_LIMIT, 0, M(3));
	T_EQ(find("third")->because.window, 1);
	T_EQ(find("third")->because.align_of, BOOT_ALIGN_ASKED);
	because("fourth", BOOT_FOUND_TOP_DOWN, BOOT_AGAINST_LIMIT, 0, 0);
	because("fifth", BOOT_FOUND_TOP_DOWN, BOOT_AGAINST_LIMIT, 0, 0);
	T_EQ(find("fw@52000000")->because.found, BOOT_FOUND_FIXED);
	because("reserved", BOOT_FOUND_TOP_DOWN, BOOT_AGAINST_REGION, 1, 0);
}

/* What came later was not there to lie against: the reserve map, since 6.12. */
static void knows_what_came_later(void)
{
	for (unsigned int like = 0; like < 2; like++) {
		start();
		region_add(&cfg, "a", 0, M(1), DYN)->align = M(4);
		region_add(&cfg, "memreserve", G(2) - M(2), 0x1000, BOOT_REGION_MEMRESERVE);
		finish(like ? "like=6.12" : "like=6.1");
		because("a", BOOT_FOUND_TOP_DOWN, like ? BOOT_AGAINST_BANK : BOOT_AGAINST_REGION,
			like ? 0 : 1, like ? M(3) : M(1));
	}
}

static void names_what_the_kernel_has(void)
{
	start();
	region_add(&cfg, "a", 0, M(2), DYN);
	cfg.taken[cfg.nr_taken++] = (struct boot_taken){.base = G(2) - M(5), .size = M(6)};
	cfg.taken[cfg.nr_taken++] =
		(struct boot_taken){.base = G(2) - M(8), .size = M(1), .late = true};
	finish("cma=2M");
	because("a", BOOT_FOUND_TOP_DOWN, BOOT_AGAINST_TAKEN, 0, 0);
	because("reserved", BOOT_FOUND_TOP_DOWN, BOOT_AGAINST_TAKEN, 1, 0);
}

const struct t_case t_cases[] = {
	T(as_6_1),
	T(as_6_12),
	T(as_7),
	T(replaced_in_7),
	T(bad_lengths),
	T(says_what_the_node_is),
	T(searches_in_the_order_of_a_heap),
	T(sorts_as_linux),
	T(names_what_is_no_memory),
	T(names_equals_as_sorted),
	T(sorts_pairs_as_linux),
	T(knows_no_kind_that_is_not_built),
	T(forgets_what_does_not_fit),
	T(runs_out_of_areas),
	T(fills_windows_beside_neighbours),
	T(knows_why),
	T(knows_what_came_later),
	T(names_what_the_kernel_has),
	T_END,
};
