/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* boot_config_finish(): sizes, zones, cma= where Linux puts it, and what two owners may not share.
 */
#include <stdio.h>
#include <string.h>
#include "t.h"
#include "boot_check.h"
#include "regions.h"
#include "testplat.h"

#define M(n) ((uint64_t)(n) << 20)
#define G(n) ((uint64_t)(n) << 30)

static struct boot_config cfg;
static struct boot_why why;

/* A machine of banks given as pairs of base and size, ended by size 0. */
static void banks(const uint64_t (*b)[2])
{
	boot_config_init(&cfg);
	for (; (*b)[1]; b++)
		cfg.bank[cfg.nr_banks++] = (struct boot_bank){(*b)[0], (*b)[1]};
}

static bool finish(const char *args, uint64_t ram)
{
	const char *broken;

	if (!T_EQ(boot_config_finish(&cfg, args, ram, &why), 0)) {
		T_STR(why.text, "");
		return false;
	}
	broken = boot_check(&cfg);
	return T_OK(!broken, broken ? broken : "");
}

static void fails(const char *args, uint64_t ram, int err, const char *text)
{
	T_EQ(boot_config_finish(&cfg, args, ram, &why), err);
	T_STR(why.text, text);
}

static const struct boot_region *find(const char *name)
{
	for (unsigned int i = 0; i < cfg.nr_regions; i++)
		if (!strcmp(cfg.region[i].name, name))
			return &cfg.region[i];
	return NULL;
}

static bool said(const char *line)
{
	return T_OK(strstr(cfg.dmesg, line), line);
}

#define CMA_NODE (BOOT_REGION_SHARED | BOOT_REGION_REUSABLE)

/* What the kernel itself has pushes regions down, late what comes after them; it is no region, and may overlap. */
static void keeps_off_what_is_taken(void)
{
	boot_config_init(&cfg);
	region_add(&cfg, "pool", 0, M(16), CMA_NODE | BOOT_REGION_DYNAMIC);
	cfg.taken[cfg.nr_taken++] =
		(struct boot_taken){.base = G(1) + M(1000), .size = M(100), .late = false};
	cfg.taken[cfg.nr_taken++] =
		(struct boot_taken){.base = G(1) + M(980), .size = M(30), .late = true};
	T_NEED(finish("cma=32M", G(1)));
	T_EQ(cfg.nr_regions, 2);
	T_EQ(find("pool")->base, G(1) + M(984));
	T_EQ(find("reserved")->base, G(1) + M(980 - 32));
	boot_config_init(&cfg);
	cfg.taken[cfg.nr_taken++] =
		(struct boot_taken){.base = UINT64_MAX, .size = 2, .late = false};
	fails(NULL, G(1), -FH_EINVAL, "taken 0: 0x2 bytes at 0xffffffffffffffff");
	boot_config_init(&cfg);
	cfg.nr_taken = BOOT_MAX_TAKEN + 1;
	fails(NULL, G(1), -FH_EINVAL, "nr_taken: 129, at most 128");
	boot_config_init(&cfg);
	for (uint64_t i = 0; i < BOOT_MAX_TAKEN; i++)
		cfg.taken[cfg.nr_taken++] =
			(struct boot_taken){.base = G(1) + i * M(2), .size = 1, .late = false};
	T_NEED(finish(NULL, G(1)));
}

static void one_bank_by_default(void)
{
	boot_config_init(&cfg);
	T_NEED(finish(NULL, M(512)));
	T_EQ(cfg.nr_banks, 1);
	T_EQ(cfg.bank[0].base, G(1));
	T_STR(cfg.dmesg, "Zone ranges:\n"
			 "  DMA      [mem 0x0000000040000000-0x000000005fffffff]\n"
			 "  DMA32    empty\n"
			 "  Normal   empty\n"
			 "Movable zone start for each node\n"
			 "Early memory node ranges\n"
			 "  node   0: [mem 0x0000000040000000-0x000000005fffffff]\n"
			 "Initmem setup node 0 [mem 0x0000000040000000-0x000000005fffffff]\n"
			 "Kernel command line: \n");
	boot_config_init(&cfg);
	fails(NULL, 0, -FH_EINVAL, "no memory: expected a memory node or a size");
}

static void cuts_and_grows_banks(void)
{
	static const uint64_t two[][2] = {{G(2), G(1)}, {G(1), M(256)}, {0}};

	banks(two);
	T_NEED(finish(NULL, M(512)));
	T_EQ(cfg.nr_banks, 2);
	T_EQ(cfg.bank[0].base, G(1));
	T_EQ(cfg.bank[1].size, M(256));
	banks(two);
	T_NEED(finish(NULL, G(4)));
	T_EQ(cfg.bank[1].base + cfg.bank[1].size, G(2) + G(4) - M(256));
	banks(two);
	T_NEED(finish("mem=300M", G(4)));
	T_EQ(cfg.bank[1].size, M(44));
	said("Memory limited to 300MB\n");
	banks(two);
	T_NEED(finish("mem=100G", 0));
	T_EQ(cfg.bank[1].size, G(1));
	banks(two);
	fails(NULL, UINT64_C(1) << 60, -FH_ERANGE,
	      "ram: 0x1000000000000000 bytes: 0xfffffffb0000000 more at 0xc0000000 pass bit 48");
	banks(two);
	fails(NULL, 12345, -FH_EINVAL, "ram: 0x3039 bytes, expected whole 4 KiB pages");
}

static void joins_banks(void)
{
	banks((const uint64_t[][2]){
		{G(1), M(64)}, {G(1) + M(32), M(64)}, {G(1) + M(96), M(4)}, {0}});
	T_NEED(finish(NULL, 0));
	T_EQ(cfg.nr_banks, 1);
	T_EQ(cfg.bank[0].size, M(100));
	banks((const uint64_t[][2]){{G(1) + 1, M(64)}, {0}});
	fails(NULL, 0, -FH_EINVAL,
	      "bank at 0x40000001, 0x4000000 bytes: expected whole 4 KiB pages");
}

/* A Raspberry Pi 4 with 4 GiB, a published boot log: cma=4M went below 0x3b400000. */
static void places_cma_below_the_dma_limit(void)
{
	static const uint64_t rpi4[][2] = {{0, 0x3b400000}, {G(1), 0xbc000000}, {0}};

	banks(rpi4);
	cfg.dma_limit = G(1);
	T_NEED(finish("cma=4M", 0));
	said("  DMA      [mem 0x0000000000000000-0x000000003fffffff]\n"
	     "  DMA32    [mem 0x0000000040000000-0x00000000fbffffff]\n"
	     "  Normal   empty\n");
	said("cma: Reserved 4 MiB at 0x000000003b000000 on node -1\n");
	T_NEED(find("reserved"));
	T_EQ(find("reserved")->flags,
	     BOOT_REGION_CMA_DEFAULT | BOOT_REGION_CMDLINE | BOOT_REGION_REUSABLE);
	banks(rpi4);
	cfg.dma_limit = G(1);
	fails("cma=960M", 0, -FH_ENOMEM,
	      "cma=: 960 MiB in [0x0-0x3fffffff]: no room (largest free run there: 948 MiB)");
	said("cma: Failed to reserve 960 MiB on node -1\n");
}

/* A board whose RAM begins above 4 GiB: the lowest place, not the highest. */
static void places_cma_bottom_up_above_4g(void)
{
	banks((const uint64_t[][2]){{G(8), G(2)}, {0}});
	T_NEED(finish("cma=64M", 0));
	said("  DMA      [mem 0x0000000200000000-0x000000027fffffff]\n");
	said("cma: Reserved 64 MiB at 0x0000000200000000 on node -1\n");
}

static void rounds_cma_to_blocks(void)
{
	boot_config_init(&cfg);
	T_NEED(finish("cma=5M", G(1)));
	T_EQ(find("reserved")->size, M(6));
	T_EQ(find("reserved")->base, G(2) - M(6));
}

static void places_cma_where_told(void)
{
	boot_config_init(&cfg);
	T_NEED(finish("cma=64M@0x50000000", G(1)));
	T_EQ(find("reserved")->base, 0x50000000);
	boot_config_init(&cfg);
	T_NEED(finish("cma=64M@0x50000000-0x58000000", G(1)));
	T_EQ(find("reserved")->base, 0x54000000);
	boot_config_init(&cfg);
	T_NEED(finish("cma=64M@0x50000000-0x54000000", G(1))); /* to Linux the same as no end */
	T_EQ(find("reserved")->base, 0x50000000);
	boot_config_init(&cfg);
	T_NEED(finish("cma=0", G(1)));
	T_EQ(cfg.nr_regions, 0);
}

static void refuses_cma_that_cannot_be(void)
{
	boot_config_init(&cfg);
	fails("cma=64M@0x50100000", G(1), -FH_EINVAL,
	      "cma=: 64 MiB in [0x50100000-0x540fffff]: the start must be a multiple of 2 MiB "
	      "(largest free run there: 64 MiB)");
	said("cma: Region at 0x0000000050100000 must be aligned to 0x0000000000200000 bytes\n");
	boot_config_init(&cfg);
	fails("cma=5M@0x50000000", G(1), -FH_ENOMEM,
	      "cma=: 6 MiB in [0x50000000-0x504fffff]: rounded to blocks of 2 MiB it passes the "
	      "end (largest free run there: 5 MiB)");
	said("cma: Size (0x0000000000600000) of region at 0x0000000050000000 exceeds limit "
	     "(0x0000000050400000)\n");
	boot_config_init(&cfg);
	fails("cma=64M@0x7e000000", G(1), -FH_EINVAL,
	      "cma=: 64 MiB in [0x7e000000-0x81ffffff]: it passes the end of RAM (largest free run "
	      "there: 32 MiB)");
	said("cma: Region at 0x000000007e000000 defined on low/high memory boundary "
	     "(0x0000000080000000)\n");
	boot_config_init(&cfg);
	fails("cma=64M@0x7e000000-4G", G(1), -FH_ENOMEM,
	      "cma=: 64 MiB in [0x7e000000-0x7fffffff]: rounded to blocks of 2 MiB it passes the "
	      "end (largest free run there: 32 MiB)");
	boot_config_init(&cfg);
	region_add(&cfg, "fw", 0x50000000, 4096, 0);
	fails("cma=64M@0x50000000", G(1), -FH_EBUSY,
	      "cma=: 64 MiB in [0x50000000-0x53ffffff]: a reserved region is there (largest free "
	      "run there: 63 MiB)");
	boot_config_init(&cfg);
	fails("cma=64M@0x10000000", G(1), -FH_EINVAL,
	      "cma=: [0x10000000-0x13ffffff] is not RAM of one zone");
}

static void cma_beats_the_default_of_the_tree(void)
{
	boot_config_init(&cfg);
	region_add(&cfg, "linux,cma", 0, M(64),
		   CMA_NODE | BOOT_REGION_DYNAMIC | BOOT_REGION_CMA_DEFAULT);
	region_add(&cfg, "vpu@50000000", 0x50000000, M(16), CMA_NODE);
	T_NEED(finish("cma=32M", G(1)));
	said("Reserved memory: bypass linux,cma node, using cmdline CMA params instead\n"
	     "OF: reserved mem: node linux,cma compatible matching fail\n");
	T_OK(!find("linux,cma"), "dropped");
	T_NEED(find("vpu@50000000") && find("reserved"));
	T_EQ(find("vpu@50000000")->kind, BOOT_REGION_CMA);
	T_EQ(find("reserved")->base, G(2) - M(32)); /* the memory of the node is free again */
}

static void places_dynamic_regions_top_down(void)
{
	struct boot_region *r;

	boot_config_init(&cfg);
	region_add(&cfg, "fw@7ff00000", 0x7ff00000, M(1), BOOT_REGION_NO_MAP);
	r = region_add(&cfg, "a", 0, M(4), CMA_NODE | BOOT_REGION_DYNAMIC);
	region_window(&cfg, r, 0, M(64)); /* no RAM there */
	region_window(&cfg, r, 0x50000000, 0x8000000);
	region_add(&cfg, "b", 0, M(4), CMA_NODE | BOOT_REGION_DYNAMIC);
	region_add(&cfg, "c", 0, 0x3000, BOOT_REGION_DYNAMIC)->align = 0x10000;
	T_NEED(finish(NULL, G(1)));
	T_EQ(find("a")->base, 0x57c00000);
	T_EQ(find("b")->base, 0x7fa00000); /* whole blocks below the firmware */
	T_EQ(find("c")->base, 0x7fef0000);
	T_STR(cfg.region[3].name, "fw@7ff00000"); /* dynamic ones come first, as in Linux */
}

/* To Linux address 0 is a failure. */
static void never_gives_out_page_0(void)
{
	banks((const uint64_t[][2]){{0, M(4)}, {0}});
	region_add(&cfg, "a", 0, M(4), CMA_NODE | BOOT_REGION_DYNAMIC);
	region_add(&cfg, "b", 0, M(3), BOOT_REGION_DYNAMIC);
	T_NEED(finish(NULL, 0));
	said("OF: reserved mem: failed to allocate memory for node 'a': size 4 MiB\n");
	T_EQ(find("b")->base, M(1));
}

/* A window that begins where a region ends is filled from there. */
static void keeps_neighbours_together(void)
{
	struct boot_region *r;

	boot_config_init(&cfg);
	r = region_add(&cfg, "a", 0, M(16), BOOT_REGION_DYNAMIC);
	region_window(&cfg, r, 0x50000000, M(16));
	r = region_add(&cfg, "b", 0, M(16), BOOT_REGION_DYNAMIC);
	region_window(&cfg, r, 0x51000000, M(64));
	T_NEED(finish(NULL, G(1)));
	T_EQ(find("b")->base, 0x51000000);
}

static void drops_what_linux_drops(void)
{
	boot_config_init(&cfg);
	region_add(&cfg, "big", 0, G(2), CMA_NODE | BOOT_REGION_DYNAMIC);
	region_add(&cfg, "odd@50100000", 0x50100000, M(4), CMA_NODE);
	region_add(&cfg, "odd-size", 0, M(3), CMA_NODE | BOOT_REGION_DYNAMIC);
	region_add(&cfg, "both@51000000", 0x51000000, M(4), CMA_NODE | BOOT_REGION_NO_MAP);
	region_add(&cfg, "bounce@52000000", 0x52000000, M(4),
		   BOOT_REGION_RESTRICTED | BOOT_REGION_REUSABLE);
	region_add(&cfg, "far@200000000", UINT64_C(0x200000000), M(4), CMA_NODE);
	T_NEED(finish(NULL, G(1)));
	said("OF: reserved mem: failed to allocate memory for node 'big': size 2048 MiB\n");
	said("Reserved memory: incorrect alignment of CMA region\n"
	     "OF: reserved mem: node odd@50100000 compatible matching fail\n");
	said("OF: reserved mem: node odd-size compatible matching fail\n");
	said("OF: reserved mem: node both@51000000 compatible matching fail\n");
	said("OF: reserved mem: node bounce@52000000 compatible matching fail\n");
	said("cma: CMA area far@200000000 could not be activated\n");
	T_EQ(cfg.nr_regions, 0);
}

static void drops_an_area_across_zones(void)
{
	banks((const uint64_t[][2]){{0, G(2)}, {0}});
	cfg.dma_limit = G(1);
	region_add(&cfg, "across@3fe00000", 0x3fe00000, M(4), CMA_NODE);
	T_NEED(finish(NULL, 0));
	said("cma: CMA area across@3fe00000 could not be activated\n");
	T_EQ(cfg.nr_regions, 0);
}

static void names_pools_as_linux(void)
{
	boot_config_init(&cfg);
	region_add(&cfg, "vdev0buffer@50000000", 0x50000000, M(1),
		   BOOT_REGION_SHARED | BOOT_REGION_NO_MAP);
	region_add(&cfg, "bounce@51000000", 0x51000000, M(4), BOOT_REGION_RESTRICTED);
	region_add(&cfg, "dma1@52000000", 0x52000000, M(1),
		   BOOT_REGION_SHARED | BOOT_REGION_DMA_DEFAULT);
	region_add(&cfg, "dma2@53000000", 0x53000000, M(1),
		   BOOT_REGION_SHARED | BOOT_REGION_DMA_DEFAULT);
	T_NEED(finish(NULL, G(1)));
	said("Reserved memory: created DMA memory pool at 0x0000000050000000, size 1 MiB\n"
	     "OF: reserved mem: initialized node vdev0buffer@50000000, compatible id "
	     "shared-dma-pool\n"
	     "OF: reserved mem: 0x0000000050000000..0x00000000500fffff (1024 KiB) nomap "
	     "non-reusable vdev0buffer@50000000\n");
	said("software IO TLB: Reserved memory: created restricted DMA pool at "
	     "0x0000000051000000, size 4 MiB\n");
	said("Reserved memory: region for default DMA coherent area is redefined\n");
	T_EQ(find("dma1@52000000")->flags & BOOT_REGION_DMA_DEFAULT, 0);
	T_OK(find("dma2@53000000")->flags & BOOT_REGION_DMA_DEFAULT, "the last counts");
	said("  node   0: [mem 0x0000000040000000-0x000000004fffffff]\n"
	     "  node   0: [mem 0x0000000050000000-0x00000000500fffff]\n"
	     "  node   0: [mem 0x0000000050100000-0x000000007fffffff]\n");
}

static void says_overlaps_and_refuses_two_owners(void)
{
	boot_config_init(&cfg);
	region_add(&cfg, "a@50000000", 0x50000000, M(2), 0);
	region_add(&cfg, "b@50100000", 0x50100000, M(2), BOOT_REGION_NO_MAP);
	region_add(&cfg, "out@10000000", 0x10000000, M(2), BOOT_REGION_NO_MAP);
	T_NEED(finish(NULL, G(1)));
	said("OF: reserved mem: Reserved memory: failed to reserve memory for node 'b@50100000': "
	     "base 0x0000000050100000, size 2 MiB\n");
	said("OF: reserved mem: OVERLAP DETECTED!\n"
	     "a@50000000 (0x0000000050000000--0x0000000050200000) overlaps with b@50100000 "
	     "(0x0000000050100000--0x0000000050300000)\n");
	T_EQ(cfg.nr_regions, 3);
	boot_config_init(&cfg);
	region_add(&cfg, "fw@50000000", 0x50000000, 4096, 0);
	region_add(&cfg, "area@50000000", 0x50000000, M(2), CMA_NODE);
	fails(NULL, G(1), -FH_EINVAL,
	      "fw@50000000 [0x50000000-0x50000fff] and area@50000000 [0x50000000-0x501fffff] "
	      "overlap: both would use the same memory");
	boot_config_init(&cfg);
	region_add(&cfg, "p", 0x50000000, M(2), BOOT_REGION_SHARED);
	region_add(&cfg, "q", 0x50100000, M(2), BOOT_REGION_RESTRICTED);
	fails(NULL, G(1), -FH_EINVAL,
	      "p [0x50000000-0x501fffff] and q [0x50100000-0x502fffff] overlap: both would use "
	      "the same memory");
	boot_config_init(&cfg);
	region_add(&cfg, "far", G(4), M(2), BOOT_REGION_RESTRICTED);
	T_NEED(finish(NULL, G(1)));
	said("software IO TLB: restricted DMA pool far is not in RAM\n");
	T_EQ(cfg.nr_regions, 0);
}

static void goes_on_as_linux_does(void)
{
	struct fh_machine *m;
	struct testplat tp;

	testplat_init(&tp);
	boot_config_init(&cfg);
	cfg.as_linux = true;
	region_add(&cfg, "fw@50000000", 0x50000000, 4096, 0);
	region_add(&cfg, "area@50000000", 0x50000000, M(2), CMA_NODE);
	T_NEED(!boot_config_finish(&cfg, "cma=2G", G(1), &why));
	T_EQ(cfg.nr_regions, 2);
	T_EQ(cfg.nr_notes, 2);
	T_EQ(cfg.note[0].err, FH_ENOMEM);
	T_STR(cfg.note[0].text,
	      "cma=: 2048 MiB in [0x0-0x7fffffff]: no room (largest free run there: 766 MiB)");
	T_EQ(cfg.note[1].err, FH_EINVAL);
	T_OK(strstr(cfg.note[1].text, "both would use the same memory"), cfg.note[1].text);
	said("cma: Failed to reserve 2048 MiB on node -1\n");
	T_EQ(fh_machine_create(&tp.plat, &cfg, &m), -FH_EINVAL);
	boot_config_init(&cfg);
	T_NEED(finish(NULL, G(1)));
	cfg.kernel.page_shift = 14;
	T_EQ(fh_machine_create(&tp.plat, &cfg, &m), -FH_EINVAL);
	testplat_fini(&tp);
}

static void rounds_a_dma_limit_down(void)
{
	banks((const uint64_t[][2]){{0, G(2)}, {0}});
	cfg.dma_limit = G(1) + 0x123456;
	T_NEED(finish(NULL, 0));
	T_EQ(cfg.dma_limit, G(1));
	banks((const uint64_t[][2]){{0, G(2)}, {0}});
	cfg.dma_limit = G(64);
	T_NEED(finish(NULL, 0));
	T_EQ(cfg.dma_limit, G(4));
}

static void drops_lines_that_do_not_fit(void)
{
	const char *last = "** 1 printk messages dropped **\n";
	char name[BOOT_NAME_MAX];
	unsigned int lines = 0;

	boot_config_init(&cfg);
	for (unsigned int i = 0; i < BOOT_MAX_REGIONS; i++) {
		snprintf(name, sizeof(name), "%063u", i);
		region_add(&cfg, name, G(1) + i * M(2), M(2), CMA_NODE);
	}
	T_NEED(finish("x", G(1)));
	for (const char *s = cfg.dmesg; *s; s++)
		lines += *s == '\n';
	T_OK(cfg.dmesg_dropped > 0, "too much to say");
	T_EQ(lines + cfg.dmesg_dropped, 3 * BOOT_MAX_REGIONS + 9 + 1);
	T_STR(cfg.dmesg + cfg.dmesg_len - strlen("printk messages dropped **\n"),
	      last + strlen("** 1 "));
}

static void checks_what_a_program_filled_in(void)
{
	char longer[BOOT_ARGS_MAX + 1];

	memset(longer, 'a', sizeof(longer));
	longer[BOOT_ARGS_MAX] = '\0';
	boot_config_init(&cfg);
	fails(longer, G(1), -FH_EINVAL, "bootargs: 2048 characters, at most 2047");
	boot_config_init(&cfg);
	cfg.nr_cpus = 65;
	fails(NULL, G(1), -FH_EINVAL, "nr_cpus: 65, expected 1 to 64");
	boot_config_init(&cfg);
	cfg.nr_regions = BOOT_MAX_REGIONS + 1;
	fails(NULL, G(1), -FH_EINVAL, "nr_banks: 0, nr_regions: 129, at most 32 and 128");
	boot_config_init(&cfg);
	region_add(&cfg, "over", UINT64_MAX, 2, 0);
	fails(NULL, G(1), -FH_EINVAL, "region 0 (over): 0x2 bytes at 0xffffffffffffffff");
	boot_config_init(&cfg);
	T_NEED(finish("a\nb\tc", G(1)));
	said("Kernel command line: a b c\n");
}

/* The pool of coherent_only=SIZE: of whole pages, not blocks, as high as ZONE_DMA goes. */
static void places_the_pool_of_coherent_only(void)
{
	static const uint64_t rpi4[][2] = {{0, 0x3b400000}, {G(1), 0xbc000000}, {0}};

	banks(rpi4);
	cfg.dma_limit = G(1);
	T_NEED(finish("cma=4M coherent_only=0x7000", 0));
	T_NEED(find("coherent_only"));
	T_EQ(find("coherent_only")->base, 0x3aff9000);
	T_EQ(find("coherent_only")->size, 0x7000);
	T_EQ(find("coherent_only")->kind, BOOT_REGION_DMA_POOL);
	T_EQ(find("coherent_only")->flags, BOOT_REGION_DMA_DEFAULT | BOOT_REGION_CMDLINE);
	T_EQ(find("reserved")->base, 0x3b000000);
	said("coherent_only: Reserved 28 KiB at 0x000000003aff9000\n");
	T_OK(cfg.dma.coherent_only && cfg.dma.coherent_only_pool == 0x7000, "and it is asked for");
}

static void coherent_only_takes_the_default(void)
{
	boot_config_init(&cfg);
	region_add(&cfg, "old", 0x50000000, M(1), BOOT_REGION_SHARED | BOOT_REGION_DMA_DEFAULT);
	T_NEED(finish("coherent_only", G(1))); /* the tree's pool will do */
	T_EQ(find("old")->flags, BOOT_REGION_SHARED | BOOT_REGION_DMA_DEFAULT);
	boot_config_init(&cfg);
	region_add(&cfg, "old", 0x50000000, M(1), BOOT_REGION_SHARED | BOOT_REGION_DMA_DEFAULT);
	T_NEED(finish("coherent_only=8M", G(1)));
	T_EQ(find("old")->flags, BOOT_REGION_SHARED);
	said("Reserved memory: region for default DMA coherent area is redefined\n");
	T_EQ(find("coherent_only")->base, G(2) - M(8));
}

static void refuses_what_does_not_fit(void)
{
	boot_config_init(&cfg);
	fails("coherent_only", G(1), -FH_EINVAL,
	      "coherent_only: there is no pool that devices could have memory of; expected "
	      "coherent_only=SIZE, or a shared-dma-pool without reusable in the tree");
	boot_config_init(&cfg);
	fails("coherent_only=1G", G(1), -FH_ENOMEM,
	      "coherent_only=: 1048576 KiB, expected less than the RAM there is, 1048576 KiB");
	boot_config_init(&cfg);
	cfg.dma_limit = G(1) + M(64);
	fails("coherent_only=65M", G(1), -FH_ENOMEM,
	      "coherent_only=: 66560 KiB below 0x44000000: no room (largest free run there: 65536 "
	      "KiB)");
	boot_config_init(&cfg);
	fails("coherent_pool=2G", G(1), -FH_ENOMEM,
	      "coherent_pool=: 2097152 KiB, expected less than the RAM there is, 1048576 KiB");
	boot_config_init(&cfg);
	fails("swiotlb=524288", G(1), -FH_ENOMEM,
	      "swiotlb=: 1048576 KiB, expected less than the RAM there is, 1048576 KiB");
	boot_config_init(&cfg);
	fails("swiotlb=force", M(64), -FH_ENOMEM,
	      "swiotlb=: 65536 KiB, expected less than the RAM there is, 65536 KiB");
}

static void plan(const char *args, uint64_t ram, uint64_t pool, uint64_t slabs, unsigned int areas)
{
	struct boot_dma_plan p;

	T_NEED(finish(args, ram));
	boot_config_dma(&cfg, &p);
	T_EQ(p.atomic_pool[ZONE_NORMAL], pool);
	T_EQ(p.swiotlb_slabs, slabs);
	T_EQ(p.swiotlb_areas, areas);
}

/* Linux's: 128 KiB a GiB, rounded up to a run of the buddy; 64 MiB where RAM lies above ZONE_DMA; a power of two, a segment an area. */
static void plans_pools_and_bounce_buffers(void)
{
	struct boot_dma_plan p;

	boot_config_init(&cfg);
	plan(NULL, M(64), 128 << 10, 0, 0);
	boot_config_dma(&cfg, &p);
	T_EQ(p.atomic_pool[ZONE_DMA], 128 << 10);
	T_EQ(p.atomic_pool[ZONE_DMA32], 128 << 10); /* of the zones below, but a pool of its own */
	boot_config_init(&cfg);
	cfg.nr_cpus = 3;
	plan(NULL, G(6), M(1), 32768, 4);
	boot_config_init(&cfg);
	cfg.dma_limit = G(2);
	plan(NULL, G(2), 256 << 10, 32768, 1); /* a bus that does not reach all, below 4 GiB */
	boot_config_dma(&cfg, &p);
	T_EQ(p.atomic_pool[ZONE_DMA32], 256 << 10);
	boot_config_init(&cfg);
	plan(NULL, G(64), 4 << 20, 32768, 1);
	boot_config_init(&cfg);
	plan("swiotlb=noforce", G(6), M(1), 0, 0);
	boot_config_init(&cfg);
	plan("swiotlb=force coherent_pool=4K", G(1), 4096, 32768, 1);
	boot_config_init(&cfg);
	plan("swiotlb=1000,16", G(1), 128 << 10, 2048, 16);
	boot_config_init(&cfg);
	plan("swiotlb=3000,2", G(1), 128 << 10, 4096, 2);
}

const struct t_case t_cases[] = {
	T(one_bank_by_default),
	T(keeps_off_what_is_taken),
	T(cuts_and_grows_banks),
	T(joins_banks),
	T(places_cma_below_the_dma_limit),
	T(places_cma_bottom_up_above_4g),
	T(rounds_cma_to_blocks),
	T(places_cma_where_told),
	T(refuses_cma_that_cannot_be),
	T(cma_beats_the_default_of_the_tree),
	T(places_dynamic_regions_top_down),
	T(never_gives_out_page_0),
	T(keeps_neighbours_together),
	T(drops_what_linux_drops),
	T(drops_an_area_across_zones),
	T(names_pools_as_linux),
	T(says_overlaps_and_refuses_two_owners),
	T(goes_on_as_linux_does),
	T(rounds_a_dma_limit_down),
	T(drops_lines_that_do_not_fit),
	T(checks_what_a_program_filled_in),
	T(places_the_pool_of_coherent_only),
	T(coherent_only_takes_the_default),
	T(refuses_what_does_not_fit),
	T(plans_pools_and_bounce_buffers),
	T_END,
};
