/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* boot_config_kconfig(): what a .config says of blocks, areas and zones, what is left out, and what cannot be. */
#include <stdio.h>
#include <string.h>
#include "t.h"
#include "boot_check.h"

#define M(n) ((uint64_t)(n) << 20)
#define G(n) ((uint64_t)(n) << 30)

static struct boot_config cfg;
static struct boot_why why;

static bool built(const char *text, const char *args, uint64_t ram)
{
	const char *broken;

	boot_config_init(&cfg);
	cfg.as_linux = true;
	if (!T_EQ(boot_config_kconfig(&cfg, text, strlen(text), &why), 0) ||
	    !T_EQ(boot_config_finish(&cfg, args, ram, &why), 0)) {
		T_STR(why.text, text);
		return false;
	}
	broken = boot_check(&cfg);
	return T_OK(!broken, broken ? broken : text);
}

static bool said(const char *line)
{
	return T_OK(strstr(cfg.dmesg, line), line);
}

static void unsaid(const char *line)
{
	T_OK(!strstr(cfg.dmesg, line), line);
}

/* Orders of pages and blocks of a text in a version. */
static void orders(const char *text, const char *like, unsigned int shift, unsigned int max,
		   unsigned int block)
{
	char args[32];

	snprintf(args, sizeof(args), "like=%s cma=0", like);
	if (!built(text, args, G(4)))
		return;
	T_EQ(cfg.kernel.page_shift, shift);
	T_EQ(cfg.kernel.max_order, max);
	T_EQ(cfg.kernel.block_order, block);
}

#define NO_HUGE "# CONFIG_HUGETLBFS is not set\n"
#define P16	"CONFIG_ARM64_16K_PAGES=y\n"
#define P64	"CONFIG_ARM64_64K_PAGES=y\n"
#define THP	"CONFIG_TRANSPARENT_HUGEPAGE=y\n"

static void knows_blocks_of_each_page_size(void)
{
	orders("", "6.12", 12, 10, 9);
	orders(P16, "6.12", 14, 11, 11);
	orders(P64, "6.12", 16, 13, 13);
	orders("CONFIG_PAGE_SIZE_64KB=y\nCONFIG_ARM64_64K_PAGES=y\n", "6.12", 16, 13, 13);
	orders("CONFIG_PAGE_SIZE_16KB=y\n# CONFIG_ARM64_4K_PAGES is not set", "7", 14, 11, 11);
	/* Without huge pages a block is all that can be had at once; since 6.9 transparent ones count. */
	orders(NO_HUGE, "6.1", 12, 10, 10);
	orders(NO_HUGE THP, "6.1", 12, 10, 10);
	orders(NO_HUGE THP, "6.12", 12, 10, 9);
	orders("# CONFIG_HUGETLB_PAGE is not set\n", "6.12", 12, 10, 10);
}

static void knows_orders_by_version(void)
{
	/* 11 is 10 before 6.4. */
	orders("CONFIG_ARCH_FORCE_MAX_ORDER=11\n", "6.1", 12, 10, 9);
	orders("CONFIG_ARCH_FORCE_MAX_ORDER=11\n", "6.3", 12, 10, 9);
	orders("CONFIG_ARCH_FORCE_MAX_ORDER=11\n", "6.4", 12, 11, 9);
	orders("CONFIG_ARCH_FORCE_MAX_ORDER=8\n", "6.12", 12, 8, 8);
	orders(P64 "CONFIG_ARCH_FORCE_MAX_ORDER=9\n", "6.12", 16, 9, 9);
	orders("CONFIG_ARCH_FORCE_MAX_ORDER=15\n" NO_HUGE, "6.12", 12, 15, 15);
	orders("CONFIG_PAGE_BLOCK_ORDER=7\n", "6.12", 12, 10, 9);
	orders("CONFIG_PAGE_BLOCK_ORDER=7\n", "6.16", 12, 10, 7);
	orders(P64 "CONFIG_PAGE_BLOCK_MAX_ORDER=5\n", "7.0", 16, 13, 5);
	orders(NO_HUGE "CONFIG_PAGE_BLOCK_MAX_ORDER=8\n", "7.0", 12, 10, 8);
}

static void wrong_in(const char *text, const char *args, const char *what)
{
	int err;

	boot_config_init(&cfg);
	err = boot_config_kconfig(&cfg, text, strlen(text), &why);
	if (!err)
		err = boot_config_finish(&cfg, args, G(1), &why);
	T_EQ(err, -FH_EINVAL);
	T_STR(why.text, what);
}

static void names_the_line_of_what_cannot_be(void)
{
	static const char *const bad[][2] = {
		{"# a\n\nfoo\n", "line 3: `foo': expected CONFIG_NAME=value, # CONFIG_NAME is not "
				 "set, or a comment"},
		{"CONFIG_CMA", "line 1: `CONFIG_CMA': expected CONFIG_NAME=value, # CONFIG_NAME is "
			       "not set, or a comment"},
		{"CONFIG_=y",
		 "line 1: `CONFIG_=y': expected CONFIG_NAME=value, # CONFIG_NAME is not "
		 "set, or a comment"},
		{"CONFIG_X=\1", "line 1: not text; expected a .config"},
		{"CONFIG_CMA=m", "line 1: CONFIG_CMA=m: expected y or n"},
		{"CONFIG_NUMA=", "line 1: CONFIG_NUMA=: expected y or n"},
		{"\n\nCONFIG_CMA_SIZE_MBYTES=64M",
		 "line 3: CONFIG_CMA_SIZE_MBYTES=64M: expected a number from 0 to 268435456"},
		{"CONFIG_CMA_SIZE_MBYTES=268435457",
		 "line 1: CONFIG_CMA_SIZE_MBYTES=268435457: expected a number from 0 to 268435456"},
		{"CONFIG_CMA_SIZE_MBYTES=18446744073709551617",
		 "line 1: CONFIG_CMA_SIZE_MBYTES=18446744073709551617: expected a number from 0 to "
		 "268435456"},
		{"CONFIG_CMA_SIZE_PERCENTAGE=101",
		 "line 1: CONFIG_CMA_SIZE_PERCENTAGE=101: expected a number from 0 to 100"},
		{"CONFIG_CMA_ALIGNMENT=1",
		 "line 1: CONFIG_CMA_ALIGNMENT=1: expected a number from 2 to 12"},
		{"CONFIG_CMA_ALIGNMENT=13",
		 "line 1: CONFIG_CMA_ALIGNMENT=13: expected a number from 2 to 12"},
		{"CONFIG_CMA_AREAS=-1",
		 "line 1: CONFIG_CMA_AREAS=-1: expected a number from 0 to 65535"},
		{"CONFIG_ARCH_FORCE_MAX_ORDER=0",
		 "line 1: CONFIG_ARCH_FORCE_MAX_ORDER=0: expected a number from 1 to 32"},
		{"CONFIG_ARCH_FORCE_MAX_ORDER=16", "line 1: CONFIG_ARCH_FORCE_MAX_ORDER=16: "
						   "expected a number from 1 to 15 with pages of "
						   "4 KiB in Linux 6.12"},
		{P64 "CONFIG_ARCH_FORCE_MAX_ORDER=14",
		 "line 2: CONFIG_ARCH_FORCE_MAX_ORDER=14: expected a number from 1 to 13 with "
		 "pages of "
		 "64 KiB in Linux 6.12"},
		{"CONFIG_CMDLINE=x", "line 1: CONFIG_CMDLINE=x: expected \"text\""},
		{"CONFIG_CMDLINE=\"x", "line 1: CONFIG_CMDLINE=\"x: expected \"text\""},
		{"CONFIG_CMDLINE=\"x\"y", "line 1: CONFIG_CMDLINE=\"x\"y: expected \"text\""},
		{P64 "\nCONFIG_ARM64_4K_PAGES=y",
		 "line 3: CONFIG_ARM64_4K_PAGES=y: expected one of them, and line 1 has "
		 "CONFIG_ARM64_64K_PAGES=y"},
		{"CONFIG_CMA_SIZE_SEL_MAX=y\nCONFIG_CMA_SIZE_SEL_MIN=y",
		 "line 2: CONFIG_CMA_SIZE_SEL_MIN=y: expected one of them, and line 1 has "
		 "CONFIG_CMA_SIZE_SEL_MAX=y"},
		{"CONFIG_CMDLINE_FORCE=y\nCONFIG_CMDLINE_FROM_BOOTLOADER=y",
		 "line 2: CONFIG_CMDLINE_FROM_BOOTLOADER=y: expected one of them, and line 1 has "
		 "CONFIG_CMDLINE_FORCE=y"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		wrong_in(bad[i][0], NULL, bad[i][1]);
	wrong_in("CONFIG_ARCH_FORCE_MAX_ORDER=1", "like=6.1",
		 "line 1: CONFIG_ARCH_FORCE_MAX_ORDER=1: expected a number from 2 to 16 with pages "
		 "of 4 "
		 "KiB in Linux 6.1");
	wrong_in("\nCONFIG_PAGE_BLOCK_ORDER=11", "like=6.16",
		 "line 2: CONFIG_PAGE_BLOCK_MAX_ORDER=11: expected a number from 1 to 10, the "
		 "largest "
		 "order");
}

static void lets_others_pass_by(void)
{
	T_NEED(built("#\n# Linux/arm64 6.12.1 Kernel Configuration\n#\n\n \t\r\nCONFIG_CC=\"gcc "
		     "\\\"12\\\"\"\n"
		     "CONFIG_X=m\nCONFIG_HZ=0x10\n# CONFIG_FOO is not set\n#CONFIG_CMA_AREAS=3\n"
		     "# CONFIG_CMA_AREAS=4\nCONFIG_CMA_SIZE_MBYTES=4\nCONFIG_CMA_SIZE_MBYTES=8\r\n"
		     "CONFIG_ARM64_64K_PAGES=y\n# CONFIG_ARM64_64K_PAGES is not set\n",
		     NULL, G(1)));
	T_EQ(cfg.kernel.page_shift, 12);
	T_EQ(cfg.kernel.cma_areas, 20);
	said("cma: Reserved 8 MiB at 0x000000007f800000 on node -1\n");
}

/* The default area of 10 % of `ram`, or 64 MiB, by which of them is chosen. */
static void selects(const char *sel, uint64_t ram, const char *line)
{
	char text[160];

	snprintf(text, sizeof(text), "CONFIG_CMA_SIZE_MBYTES=64\nCONFIG_CMA_SIZE_SEL_%s=y\n", sel);
	if (built(text, NULL, ram))
		said(line);
}

static void sizes_the_default_area(void)
{
	selects("MBYTES", G(1), "cma: Reserved 64 MiB at 0x000000007c000000 on node -1\n");
	/* 102.4 MiB, rounded up to blocks */
	selects("PERCENTAGE", G(1), "cma: Reserved 104 MiB at 0x0000000079800000 on node -1\n");
	selects("MIN", G(1), "cma: Reserved 64 MiB at 0x000000007c000000 on node -1\n");
	selects("MAX", G(1), "cma: Reserved 104 MiB at 0x0000000079800000 on node -1\n");
	selects("MIN", M(320), "cma: Reserved 32 MiB at 0x0000000052000000 on node -1\n");
	selects("MAX", M(320), "cma: Reserved 64 MiB at 0x0000000050000000 on node -1\n");
	T_NEED(built("", NULL, G(1)));
	said("cma: Reserved 16 MiB at 0x000000007f000000 on node -1\n");
	T_EQ(cfg.nr_regions, 1);
	T_STR(cfg.region[0].name, "reserved");
	T_EQ(cfg.region[0].flags, BOOT_REGION_CMA_DEFAULT | BOOT_REGION_REUSABLE);
	T_NEED(built("", "like=6.1", G(1)));
	said("cma: Reserved 16 MiB at 0x000000007f000000\n");
	T_NEED(built(P16, NULL, G(1)));
	said("cma: Reserved 32 MiB at 0x000000007e000000 on node -1\n");
	T_NEED(built(P64, NULL, G(1)));
	said("cma: Reserved 512 MiB at 0x0000000060000000 on node -1\n");
	T_NEED(built(P64, "like=7", G(1)));
	said("cma: Reserved 16 MiB at 0x0000000060000000\n"); /* 7 says what was asked */
	T_NEED(built("CONFIG_CMA_SIZE_MBYTES=0\n", NULL, G(1)));
	T_EQ(cfg.nr_regions, 0);
	T_NEED(built("CONFIG_CMA_SIZE_MBYTES=2048\n", NULL, G(1)));
	said("cma: Failed to reserve 2048 MiB on node -1\n");
	T_EQ(cfg.nr_notes, 1);
}

static void gives_way_to_cma_and_to_the_tree(void)
{
	T_NEED(built("", "cma=32M", G(1)));
	T_EQ(cfg.nr_regions, 1);
	T_EQ(cfg.region[0].size, M(32));
	T_NEED(built("", "cma=0", G(1)));
	T_EQ(cfg.nr_regions, 0);
	boot_config_init(&cfg);
	T_EQ(boot_config_kconfig(&cfg, "", 0, &why), 0);
	cfg.region[0] = (struct boot_region){
		.name = "linux,cma",
		.size = M(64),
		.flags = BOOT_REGION_SHARED | BOOT_REGION_REUSABLE | BOOT_REGION_DYNAMIC |
			 BOOT_REGION_CMA_DEFAULT,
	};
	cfg.nr_regions = 1;
	T_EQ(boot_config_finish(&cfg, NULL, G(1), &why), 0);
	T_EQ(cfg.nr_regions, 1);
	unsaid("cma: Reserved");
}

static void switches_off_what_was_not_built(void)
{
	T_NEED(built("# CONFIG_DMA_CMA is not set\n", "cma=64M numa_cma=0:64M", G(1)));
	T_EQ(cfg.nr_regions, 0);
	T_NEED(built("# CONFIG_CMA is not set\n", "cma=64M", G(1)));
	T_EQ(cfg.nr_regions, 0);
	T_NEED(built("# CONFIG_DMA_NUMA_CMA is not set\nCONFIG_CMA_SIZE_MBYTES=0\n",
		     "numa_cma=0:64M cma_pernuma=64M", G(1)));
	T_EQ(cfg.nr_regions, 0);
	T_NEED(built(NO_HUGE "CONFIG_CMA_SIZE_MBYTES=0\n", "hugetlb_cma=1G", G(4)));
	T_EQ(cfg.nr_regions, 0);
	T_NEED(built("# CONFIG_NUMA is not set\n", NULL, G(1)));
	T_EQ(cfg.kernel.cma_areas, 8);
	T_NEED(built("CONFIG_SWIOTLB_DYNAMIC=y\n", NULL, G(1)));
	T_OK(cfg.dma.swiotlb_dynamic, "more bounce buffers");
	T_NEED(built("# CONFIG_ZONE_DMA is not set\n", NULL, G(4)));
	unsaid("  DMA      ");
	said("  DMA32    [mem 0x0000000040000000-0x00000000ffffffff]\n");
	said("cma: Reserved 16 MiB at 0x00000000ff000000 on node -1\n");
	T_NEED(built("# CONFIG_ZONE_DMA is not set\n# CONFIG_ZONE_DMA32 is not set\n", NULL, G(4)));
	said("Zone ranges:\n  Normal   [mem 0x0000000040000000-0x000000013fffffff]\n");
	said("cma: Reserved 16 MiB at 0x0000000100000000 on node -1\n");
}

/* Two areas of the tree in a kernel that is built as `text` says. */
static void boot_two_areas(const char *text)
{
	boot_config_init(&cfg);
	cfg.as_linux = true;
	T_EQ(boot_config_kconfig(&cfg, text, strlen(text), &why), 0);
	for (unsigned int i = 0; i < 2; i++)
		cfg.region[i] = (struct boot_region){
			.name = {(char)('a' + i), '\0'},
			.size = M(64),
			.flags = BOOT_REGION_SHARED | BOOT_REGION_REUSABLE | BOOT_REGION_DYNAMIC,
		};
	cfg.nr_regions = 2;
	T_EQ(boot_config_finish(&cfg, NULL, G(1), &why), 0);
	T_OK(!boot_check(&cfg), "promises");
}

static void counts_areas_of_the_tree(void)
{
	boot_two_areas("CONFIG_CMA_AREAS=1\nCONFIG_CMA_SIZE_MBYTES=0\n");
	T_EQ(cfg.nr_regions, 1);
	said("cma: Not enough slots for CMA reserved regions!\n"
	     "Reserved memory: unable to setup CMA region\n"
	     "OF: reserved mem: node b compatible matching fail\n");
	boot_two_areas("# CONFIG_DMA_CMA is not set\n");
	T_EQ(cfg.nr_regions, 0);
	said("OF: reserved mem: node a compatible matching fail\n");
}

static void counts_areas(void)
{
	T_NEED(built("CONFIG_CMA_AREAS=1\n", "cma_pernuma=4M", G(1)));
	T_EQ(cfg.nr_regions, 1);
	T_STR(cfg.region[0].name, "pernuma0");
	said("cma: Not enough slots for CMA reserved regions!\n");
	unsaid("Failed to reserve");
	T_STR(cfg.note[0].text,
	      "the kernel's default area: there are 1 areas already, as many as the "
	      "kernel can have (CONFIG_CMA_AREAS)");
	/* One more before 6.9. */
	T_NEED(built("CONFIG_CMA_AREAS=1\n", "cma_pernuma=4M like=6.1", G(1)));
	T_EQ(cfg.kernel.cma_areas, 2);
	T_EQ(cfg.nr_regions, 2);
	T_NEED(built("CONFIG_CMA_AREAS=0\n", "numa_cma=0:4M", G(1)));
	T_EQ(cfg.nr_regions, 0);
	said("cma: Not enough slots for CMA reserved regions!\n"
	     "cma: dma_numa_cma_reserve: reservation failed: err -28, node 0\n"
	     "cma: Not enough slots for CMA reserved regions!\n");
}

static void chooses_the_command_line(void)
{
	static const char extend[] = "CONFIG_CMDLINE=\"x\"\nCONFIG_CMDLINE_EXTEND=y\n";

	T_NEED(built("CONFIG_CMDLINE=\"cma=8M a=\\\"b c\\\"\"\n", NULL, G(1)));
	T_STR(cfg.bootargs, "cma=8M a=\"b c\"");
	T_NEED(built("CONFIG_CMDLINE=\"cma=8M\"\n", "cma=4M", G(1)));
	T_STR(cfg.bootargs, "cma=4M");
	T_NEED(built("CONFIG_CMDLINE=\"cma=8M\"\nCONFIG_CMDLINE_FORCE=y\n", "cma=4M", G(1)));
	T_STR(cfg.bootargs, "cma=8M");
	T_EQ(cfg.region[0].size, M(8));
	T_NEED(built("CONFIG_CMDLINE=\"cma=8M\"\nCONFIG_CMDLINE_EXTEND=y\n", "cma=4M", G(1)));
	T_STR(cfg.bootargs, "cma=4M"); /* gone since 5.13 */
	boot_config_init(&cfg);
	cfg.like = 5010;
	T_EQ(boot_config_kconfig(&cfg, extend, sizeof(extend) - 1, &why), 0);
	T_EQ(boot_config_bootargs(&cfg, "y", &why), 0);
	T_STR(cfg.bootargs, "y x");
	T_EQ(boot_config_bootargs(&cfg, NULL, &why), 0);
	T_STR(cfg.bootargs, "y x"); /* joined once */
	T_NEED(built("CONFIG_CMDLINE=\"x\"\n# CONFIG_CMDLINE is not set\n", NULL, G(1)));
	T_STR(cfg.bootargs, "");
}

static void bounces_small_buffers(void)
{
	struct boot_dma_plan plan;

	T_NEED(built("", NULL, G(3)));
	boot_config_dma(&cfg, &plan);
	T_EQ(plan.swiotlb_slabs, 2048); /* 3 MiB is 1536 slots; segments and a power of two */
	said("Kernel command line: \n"
	     "software IO TLB: SWIOTLB bounce buffer size adjusted to 3MB\n");
	T_NEED(built("", NULL, G(4)));
	boot_config_dma(&cfg, &plan);
	T_EQ(plan.swiotlb_slabs, 32768);
	unsaid("software IO TLB");
	T_NEED(built("", "like=6.1", G(3)));
	boot_config_dma(&cfg, &plan);
	T_EQ(plan.swiotlb_slabs, 0);
	T_NEED(built("", "swiotlb=65536", G(3)));
	unsaid("software IO TLB");
	T_NEED(built("# CONFIG_DMA_BOUNCE_UNALIGNED_KMALLOC is not set\n", NULL, G(3)));
	boot_config_dma(&cfg, &plan);
	T_EQ(plan.swiotlb_slabs, 0);
}

static void plans_pools_of_whole_pages(void)
{
	struct boot_dma_plan plan;

	T_NEED(built(P64, "coherent_pool=4096", G(1)));
	boot_config_dma(&cfg, &plan);
	T_EQ(plan.atomic_pool[ZONE_DMA], 65536);
	T_EQ(cfg.nr_notes, 1);
	T_NEED(built(P64, "coherent_pool=1G", G(4)));
	boot_config_dma(&cfg, &plan);
	T_EQ(plan.atomic_pool[ZONE_DMA], M(512)); /* the largest order */
	T_NEED(built("", "coherent_pool=1G", G(4)));
	boot_config_dma(&cfg, &plan);
	T_EQ(plan.atomic_pool[ZONE_DMA], M(4));
}

const struct t_case t_cases[] = {
	T(knows_blocks_of_each_page_size),
	T(knows_orders_by_version),
	T(names_the_line_of_what_cannot_be),
	T(lets_others_pass_by),
	T(sizes_the_default_area),
	T(gives_way_to_cma_and_to_the_tree),
	T(switches_off_what_was_not_built),
	T(counts_areas),
	T(counts_areas_of_the_tree),
	T(chooses_the_command_line),
	T(bounces_small_buffers),
	T(plans_pools_of_whole_pages),
	T_END,
};
