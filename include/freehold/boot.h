/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * From firmware's description to one checked `struct boot_config`: all that a machine is made of.
 *
 *	struct boot_config cfg;
 *	boot_config_init(&cfg);
 *	err = boot_config_kconfig(&cfg, text, len, &why)          optional: how the kernel was built
 *	err = boot_config_fdt(&cfg, dtb, dtb_size, &why)          optional; a NULL tree needs ram
 *	err = boot_config_finish(&cfg, bootargs, ram_bytes, &why)
 *	err = fh_machine_create(&plat, &cfg, &machine)
 *
 * No call keeps a pointer into what it was given. Each writes one line into `why` on failure, which
 * names the property or option and what was expected, and leaves *cfg unusable but safe to drop (it
 * owns no memory). None sleeps or allocates; callers need no lock, a boot_config belongs to one
 * thread.
 */
#ifndef FREEHOLD_BOOT_H
#define FREEHOLD_BOOT_H

#include <freehold/device.h>
#include <freehold/types.h>

#define BOOT_MAX_BANKS	 32
#define BOOT_MAX_REGIONS 128 /* Linux 6.1 has 64, later ones as many as the tree has */
#define BOOT_NAME_MAX	 128 /* of a node; Linux has no limit, an area keeps CMA_MAX_NAME of it */
#define BOOT_MODEL_MAX	 256
#define BOOT_WHY_MAX	 256
#define BOOT_ARGS_MAX	 2048 /* Linux: COMMAND_LINE_SIZE on arm64 */
#define BOOT_DMESG_MAX	 32768
#define BOOT_MAX_WINDOWS 128 /* alloc-ranges of all regions together */
#define BOOT_PHYS_BITS	 48  /* physical addresses, as arm64 without LPA2 */
#define BOOT_MAX_NOTES	 32
#define BOOT_MAX_TAKEN	 128
#define BOOT_MAX_CPUS	 512 /* Linux: CONFIG_NR_CPUS=512, arm64's default */
#define BOOT_MAX_NODES	 16  /* of NUMA; Linux: CONFIG_NODES_SHIFT=4, arm64's default */

/* Of boot_config.like: the first kernel with heaps, 5.6, and the one we are like by default. Memory is laid out by the rules
 * of 6.1, 6.12 and 7.0: of the newest of them that is no newer, else of 6.1. */
#define BOOT_LIKE_FIRST	  5006
#define BOOT_LIKE_DEFAULT 6012

enum boot_region_kind {
	BOOT_REGION_RESERVED,	     /* in the linear map, not ours */
	BOOT_REGION_NOMAP,	     /* removed from the linear map */
	BOOT_REGION_CMA,	     /* shared-dma-pool + reusable, or cma= */
	BOOT_REGION_DMA_POOL,	     /* shared-dma-pool without reusable: a device's own pool */
	BOOT_REGION_RESTRICTED_POOL, /* restricted-dma-pool */
};

enum boot_region_flags {
	BOOT_REGION_DYNAMIC = 1,     /* `size` in the tree; placed here */
	BOOT_REGION_CMA_DEFAULT = 2, /* linux,cma-default, or cma=; of one region at most */
	BOOT_REGION_DMA_DEFAULT =
		4, /* linux,dma-default, or coherent_only=SIZE; of one region at most */
	BOOT_REGION_CMDLINE = 8, /* from cma= or coherent_only= */
	/* As the tree has it; `kind` is what follows from them. */
	BOOT_REGION_REUSABLE = 16,
	BOOT_REGION_NO_MAP = 32,
	BOOT_REGION_SHARED = 64,      /* compatible with shared-dma-pool */
	BOOT_REGION_RESTRICTED = 128, /* compatible with restricted-dma-pool */
	BOOT_REGION_MORE = 256,	      /* a later pair of `reg`: kept free, of no device */
	BOOT_REGION_MEMRESERVE = 512, /* from the tree's memory reserve map */
	BOOT_REGION_CARVEOUT =
		1024, /* for buffers alone: compatible with carved-out or imx-ion-pool */
};

/* Of a node in /reserved-memory: what makes Linux skip it with a line in the log; until boot_config_finish() only. */
enum boot_region_fault {
	BOOT_FAULT_REG = 1,	  /* reg: no whole pairs */
	BOOT_FAULT_PAIR = 2,	  /* a pair of reg that is empty, or a size of 0 */
	BOOT_FAULT_SIZE = 4,	  /* size, */
	BOOT_FAULT_ALIGNMENT = 8, /* alignment: not of as many cells as Linux expects */
	BOOT_FAULT_WINDOWS = 16,  /* alloc-ranges: no whole pairs */
	BOOT_FAULT_HIGH =
		32, /* a pair of reg that passes BOOT_PHYS_BITS: it is named, and no region */
};

/* How a region's place was found. */
enum boot_found {
	BOOT_FOUND_FIXED, /* said by the tree or the command line */
	BOOT_FOUND_TOP_DOWN,
	BOOT_FOUND_BOTTOM_UP,
};

/* What stopped the search: the region would lie higher (or lower) without it. */
enum boot_against {
	BOOT_AGAINST_NOTHING,
	BOOT_AGAINST_BANK,   /* the end of bank[index], top down; its start, bottom up */
	BOOT_AGAINST_REGION, /* region[index] */
	BOOT_AGAINST_TAKEN,  /* taken[index] */
	BOOT_AGAINST_LIMIT,  /* the end of where it may lie */
};

/* Whose the alignment was. */
enum boot_align_of {
	BOOT_ALIGN_LINE,  /* a cache line: nobody asked */
	BOOT_ALIGN_ASKED, /* `alignment' of the tree */
	BOOT_ALIGN_BLOCK, /* an area is whole blocks */
};

/* Why a region lies where it does. What follows `found` is of regions that were searched a place for. */
struct boot_because {
	enum boot_found found;
	uint64_t start, end; /* where was looked: [start, end) */
	uint64_t align;
	enum boot_align_of align_of;
	int window; /* which of its windows that was, from 0; -1: none of the tree's */
	enum boot_against against;
	unsigned int index;
	uint64_t gap;	   /* bytes between the two that alignment left */
	unsigned int turn; /* regions were given places in this order, from 1; equal: at once */
};

/* A run of RAM, bytes, page aligned; ascending and disjoint after boot_config_finish(). */
struct boot_bank {
	uint64_t base, size;
};

/* RAM, bytes, that belongs to one node of NUMA. */
struct boot_node_range {
	uint64_t base, size;
	unsigned int node;
};

/*
 * After boot_config_finish(): a CMA region is block aligned, lies in RAM within one zone and
 * overlaps no other region; a restricted pool lies in RAM; two pools never overlap. Reserved, nomap
 * and device-pool regions may have any alignment, lie outside RAM, and reserved and nomap ones may
 * overlap.
 */
struct boot_region {
	/* The whole node name, as Linux shows it: "linux,cma", "vdev0buffer@3ed48000"; "reserved"
	 * for cma=, "memreserve" for the reserve map. Cut at 127 characters; of an area, and of a
	 * heap, CMA_MAX_NAME are kept. */
	char name[BOOT_NAME_MAX];
	uint64_t base, size; /* bytes */
	uint64_t align;	     /* bytes; 0: none asked */
	unsigned int order_per_bit;
	enum boot_region_kind kind;
	unsigned int flags;
	unsigned int fault;	     /* enum boot_region_fault; 0 after boot_config_finish() */
	struct boot_because because; /* set by boot_config_finish() */
	uint32_t phandle;	     /* what memory-region refers to; 0: none */
	/* Where a dynamic region may go: window[first_window .. + nr_windows); none: anywhere. */
	unsigned int first_window, nr_windows;
};

/* Memory that the kernel itself had when regions are placed: its image, page tables, initial file system. Not a region, and
 * RAM for all that comes after boot; nothing is placed there. Bytes of any alignment, inside RAM or not; they may overlap. */
struct boot_taken {
	uint64_t base, size;
	bool late; /* only when all regions lie, before the default area: the page tables of the linear map, for one */
	char name[16]; /* "initrd", "elfcorehdr": of the tree's /chosen; "": of the caller */
};

struct boot_why {
	char text[BOOT_WHY_MAX];
};

/* What the command line asks for devices; a program may fill it in before boot_config_finish(), and options of the command
 * line go over that. */
struct boot_dma {
	uint64_t coherent_pool; /* bytes of the atomic pools; 0: as Linux, 128 KiB a GiB of RAM */
	uint64_t
		swiotlb_slabs; /* slots of 2 KiB; 0: as Linux, 64 MiB where RAM lies above ZONE_DMA, else none */
	unsigned int swiotlb_areas; /* a power of two; 0: one a CPU */
	bool swiotlb_force, swiotlb_noforce;
	bool swiotlb_dynamic; /* more when they run out, as CONFIG_SWIOTLB_DYNAMIC */
	bool coherent_only;   /* coherent buffers come from pools only */
	uint64_t
		coherent_only_pool; /* bytes of the machine's pool then; 0: the regions' pools alone */
	bool legacy_order;	    /* dma_order=legacy */
	bool iommu_strict;	    /* iommu.strict=1, the default */
	bool debug;		    /* dma_debug */
	unsigned int debug_entries; /* dma_debug_entries=; 0: 65536 */
	char debug_driver[64];	    /* dma_debug_driver=: reports of this device only; "": of all */
};

/* What the tree says of reserved memory. */
enum boot_reserved_node {
	BOOT_RESERVED_NO_TREE,
	BOOT_RESERVED_NONE, /* no such node */
	BOOT_RESERVED_FORMAT, /* one that speaks of addresses in another way than the root: Linux skips it */
	BOOT_RESERVED_READ,
};

/* What it comes to on a machine's memory. */
struct boot_dma_plan {
	uint64_t atomic_pool
		[MAX_NR_ZONES]; /* bytes at birth for requests that name the zone; 0: none */
	uint64_t swiotlb_slabs; /* whole segments and areas; 0: no bounce buffers */
	unsigned int swiotlb_areas;
};

/* Which of two sizes the default area has: CONFIG_CMA_SIZE_SEL_*. */
enum boot_cma_sel {
	BOOT_CMA_SEL_MBYTES,
	BOOT_CMA_SEL_PERCENTAGE,
	BOOT_CMA_SEL_MIN,
	BOOT_CMA_SEL_MAX,
};

/* Which command line counts, of the boot loader's and CONFIG_CMDLINE. */
enum boot_cmdline_how {
	BOOT_CMDLINE_FALLBACK, /* CONFIG_CMDLINE where the boot loader gives none */
	BOOT_CMDLINE_EXTEND,   /* both, CONFIG_CMDLINE behind; arm64 before 5.13 */
	BOOT_CMDLINE_FORCE,    /* CONFIG_CMDLINE alone */
};

/* What the kernel runs on. */
enum boot_arch {
	BOOT_ARCH_ARM64,
	BOOT_ARCH_ARM,	    /* of 32 bits, and physical addresses of as many */
	BOOT_ARCH_ARM_LPAE, /* of 32 bits with CONFIG_ARM_LPAE: physical addresses of 40 */
	BOOT_NR_ARCHES,
};

/* How the kernel was built, as far as it decides where memory lies. A machine (fh_machine_create()) has pages of 4 KiB,
 * blocks of 2 MiB and all zones only; others can be laid out, and looked at. Of 32-bit ARM a machine can also be made where blocks are
 * larger: its own are of 2 MiB all the same. */
struct boot_kernel {
	enum boot_arch arch;
	bool arch_said; /* boot_config_arch() or boot_config_kconfig() was there: the tree is not asked */
	/* Of 32-bit ARM: memory that has no room in the linear map is in a zone HighMem, else it is left alone; where the kernel's
	 * addresses begin (CONFIG_VMSPLIT_*). */
	bool highmem;
	uint32_t page_offset;
	unsigned int page_shift;    /* 12, 14 or 16 */
	unsigned int block_order;   /* of pages: Linux's pageblock_order; an area is whole blocks */
	unsigned int max_order;	    /* of pages: MAX_PAGE_ORDER; at least block_order */
	unsigned int cma_alignment; /* CONFIG_CMA_ALIGNMENT, an order of pages */
	unsigned int cma_areas;	    /* areas at most: Linux's MAX_CMA_AREAS */
	bool dma_cma;		   /* false: no area but those of hugetlb_cma=; nobody knows cma= */
	bool numa;		   /* false: numa-node-id is not looked at, there is no node */
	bool numa_cma;		   /* CONFIG_DMA_NUMA_CMA: numa_cma= and cma_pernuma= are known */
	bool numa_cma_pernuma;	   /* CONFIG_CMA_SIZE_PERNUMA, of Linux 7 */
	bool hugetlb;		   /* hugetlb_cma= is known */
	bool zone_dma, zone_dma32; /* the second on 32-bit ARM: its zone Normal, always true */
	bool restricted_pool;	   /* CONFIG_DMA_RESTRICTED_POOL */
	bool bounce_kmalloc; /* CONFIG_DMA_BOUNCE_UNALIGNED_KMALLOC: bounce buffers always, 1 MiB a GiB */
	/* The default area where neither cma= nor the tree names one; bytes 0 and 0 %: none. */
	enum boot_cma_sel cma_sel;
	uint64_t cma_bytes;
	unsigned int cma_percentage; /* of RAM */
	enum boot_cmdline_how cmdline_how;
	char cmdline[BOOT_ARGS_MAX]; /* CONFIG_CMDLINE, until it is joined with the boot loader's */
	/* What boot_config_kconfig() read and only boot_config_finish() can tell the meaning of, for it changed with the version;
	 * 0: not said, and the line where it was. */
	struct {
		bool given, transparent_hugepage, hugetlb;
		unsigned int max_order, max_order_line;	    /* ARCH_FORCE_MAX_ORDER */
		unsigned int block_order, block_order_line; /* PAGE_BLOCK_MAX_ORDER */
		unsigned int areas;			    /* CMA_AREAS + 1 */
	} said;
};

/* Of 32-bit ARM; set by boot_config_fdt() and boot_config_finish(), all 0 on arm64. */
struct boot_arm {
	/* The compatible of a CPU of the tree which told that its kernel has 32 bits; "": nobody asked. */
	char core[BOOT_NAME_MAX];
	uint64_t dma_zone; /* bytes of ZONE_DMA from phys_offset on, of some boards; 0: no limit */
	uint64_t
		phys_offset; /* where the linear map begins: the lowest RAM, at a multiple of 2 MiB */
	/* Where it ends: above is HighMem, where areas of the kernel's own go first; no area lies across. */
	uint64_t lowmem_end;
	uint64_t dma_reach; /* the last byte that devices reach: Linux's arm_dma_limit */
	uint64_t
		map_end; /* the linear map has no addresses for RAM from here on, and lowmem_end is never above */
	bool to_the_top; /* there was RAM up to 4 GiB: Linux loses the last page, and keeps all of its bytes but one */
};

/* A place where Linux goes on and a machine of ours would not: what, and the error it would be. */
struct boot_note {
	enum err err;
	char text[BOOT_WHY_MAX];
};

struct boot_config {
	char model[BOOT_MODEL_MAX]; /* cut at 255 characters */
	char bootargs[BOOT_ARGS_MAX];
	struct boot_bank bank[BOOT_MAX_BANKS];
	unsigned int nr_banks;
	/* After boot_config_finish(): whose RAM is; ascending, disjoint, together all banks, neighbours of one node joined. */
	struct boot_node_range node_range[BOOT_MAX_BANKS];
	unsigned int nr_node_ranges;
	uint64_t ram_base; /* where RAM starts that no tree describes; 1 GiB */
	/* In the order in which Linux creates areas: dynamic, static, reserve map, cma=. */
	struct boot_region region[BOOT_MAX_REGIONS];
	unsigned int nr_regions;
	struct boot_bank window[BOOT_MAX_WINDOWS]; /* alloc-ranges; size 0: to the end */
	unsigned int nr_windows;
	struct boot_taken taken[BOOT_MAX_TAKEN]; /* set before boot_config_finish() */
	unsigned int nr_taken;
	enum boot_reserved_node reserved_node;
	struct boot_bank elfcorehdr; /* of a crash kernel: linux,elfcorehdr; size 0: none */
	/* First byte above ZONE_DMA (may lie above all RAM) and ZONE_DMA32 (at least dma_limit); block aligned, or with as_linux page
	 * aligned, as in Linux. Before boot_config_finish() dma_limit is what the buses reach. On 32-bit ARM what lies between the two
	 * is Linux's zone Normal, and what lies above HighMem: boot_config_zone_name(). */
	uint64_t dma_limit, dma32_limit;
	unsigned int nr_cpus; /* 1..64 */
	/* CPUs that the tree has; 0: it has none. With as_linux bounce buffers are in as many parts; a machine of ours has nr_cpus. */
	unsigned int tree_cpus;
	/* Where ZONE_MOVABLE begins: memory from here up serves movable pages only (kernelcore=, movablecore=); block aligned,
	 * 0: there is none. */
	uint64_t movable_start;
	bool page_owner;	/* page_owner=on: each page knows who allocated it */
	enum cma_policy policy; /* of every area until changed */
	struct boot_dma dma;
	/* After boot_config_finish(): bytes of the largest run that bounce buffers may lie in. */
	uint64_t bounce_room;
	/* The kernel whose heaps the machine has (freehold/heap.h), as major * 1000 + minor: 6012 is 6.12; like=. And those only: heaps=linux. */
	unsigned int like;
	bool heaps_linux_only;
	struct boot_kernel kernel;
	struct boot_arm arm;
	/* Set after boot_config_init(): go on wherever Linux goes on, and note it. fh_machine_create() refuses a configuration with
	 * notes (-FH_EINVAL). Not set: the first such place is an error. */
	bool as_linux;
	struct boot_note note[BOOT_MAX_NOTES];
	unsigned int nr_notes; /* may pass BOOT_MAX_NOTES: those did not fit */
	/* Linux's boot messages, '\n' after each line; they open the machine's dmesg. */
	char dmesg[BOOT_DMESG_MAX];
	size_t dmesg_len;
	unsigned int dmesg_dropped; /* lines that did not fit */
};

static inline uint64_t boot_page_bytes(const struct boot_config *cfg)
{
	return UINT64_C(1) << cfg->kernel.page_shift;
}

/* What the base and the size of an area are multiples of: Linux's CMA_MIN_ALIGNMENT_BYTES. */
static inline uint64_t boot_block_bytes(const struct boot_config *cfg)
{
	return boot_page_bytes(cfg) << cfg->kernel.block_order;
}

/* Defaults: no memory, no regions, 1 CPU, policy guaranteed, dma_limit and dma32_limit 4 GiB; a kernel of 4 KiB pages, 2 MiB
 * blocks, as many areas as there may be regions, none of its own, and all that boot_kernel can switch on but bounce_kmalloc and
 * numa_cma_pernuma. */
void boot_config_init(struct boot_config *cfg);

static inline bool boot_is_arm(const struct boot_config *cfg)
{
	return cfg->kernel.arch != BOOT_ARCH_ARM64;
}

/* Whether a machine can have the blocks of this kernel: 2 MiB, or of 32-bit ARM larger ones, whose areas are whole blocks of its own. */
static inline bool boot_config_blocks(const struct boot_config *cfg)
{
	return cfg->kernel.block_order == FH_BLOCK_ORDER ||
	       (boot_is_arm(cfg) && cfg->kernel.block_order > FH_BLOCK_ORDER);
}

/*
 * The kernel is for this architecture, built as its Kconfig has it where nobody says otherwise: for 32-bit ARM with HighMem,
 * addresses from 3 GiB on, ZONE_DMA, blocks of 4 MiB (2 MiB with LPAE), and no nodes. After boot_config_init(), before
 * boot_config_kconfig(). Neither of the two: boot_config_fdt() takes a tree whose CPUs are all known to have 32 bits only for
 * one of BOOT_ARCH_ARM, and says which in cfg->arm.core; all else is arm64. -FH_EINVAL: no such architecture.
 */
FH_MUST_CHECK int boot_config_arch(struct boot_config *cfg, enum boot_arch arch,
				   struct boot_why *why);

/*
 * Reads the text of a Linux .config, or a fragment of one, for arm64 or 32-bit ARM: lines `CONFIG_NAME=value`, `# CONFIG_NAME is not set`,
 * other comments, and blank lines. Of a name that is said twice the last counts. These count, all others pass by:
 *
 *	ARM64, ARM, ARM_LPAE, HIGHMEM, VMSPLIT_3G, VMSPLIT_3G_OPT, VMSPLIT_2G, VMSPLIT_1G
 *	ARM64_4K_PAGES, ARM64_16K_PAGES, ARM64_64K_PAGES, PAGE_SIZE_4KB, PAGE_SIZE_16KB, PAGE_SIZE_64KB
 *	ARCH_FORCE_MAX_ORDER (before 6.4 one more than the largest order), PAGE_BLOCK_ORDER or PAGE_BLOCK_MAX_ORDER (from 6.16 on)
 *	HUGETLBFS, HUGETLB_PAGE, TRANSPARENT_HUGEPAGE
 *	CMA, DMA_CMA, CMA_SIZE_MBYTES, CMA_SIZE_PERCENTAGE, CMA_SIZE_SEL_MBYTES, _PERCENTAGE, _MIN, _MAX, CMA_ALIGNMENT, CMA_AREAS
 *	NUMA, DMA_NUMA_CMA, DMA_PERNUMA_CMA, CMA_SIZE_PERNUMA
 *	ZONE_DMA, ZONE_DMA32, SWIOTLB_DYNAMIC, DMA_RESTRICTED_POOL, DMA_BOUNCE_UNALIGNED_KMALLOC
 *	CMDLINE, CMDLINE_FORCE, CMDLINE_EXTEND, CMDLINE_FROM_BOOTLOADER
 *
 * What the text does not say is as arm64's Kconfig has it (4 KiB pages, 16 MiB as the default area, and so on by page size and
 * version), with CMA, DMA_CMA, NUMA, DMA_NUMA_CMA, HUGETLB_PAGE, DMA_RESTRICTED_POOL and both zones on. With ARM, or after
 * boot_config_arch() for it, as 32-bit ARM's Kconfig has it, with HIGHMEM on and ZONE_DMA off. -FH_EINVAL also: another architecture than
 * boot_config_arch() said. Calls at most once, after boot_config_init(), and before
 * boot_config_fdt(). -FH_EINVAL: a line that is none of these, a value that cannot be, two that exclude each other; `why` begins
 * with the number of the line and says what was expected.
 */
FH_MUST_CHECK int boot_config_kconfig(struct boot_config *cfg, const char *text, size_t len,
				      struct boot_why *why);

/*
 * The command line that counts into cfg->bootargs: of the boot loader's (NULL: the tree's) and CONFIG_CMDLINE.
 * boot_config_finish() begins with it; to be called before by who puts words of his own behind. CONFIG_CMDLINE_EXTEND counts by
 * cfg->like as it is then. -FH_EINVAL: too long.
 */
FH_MUST_CHECK int boot_config_bootargs(struct boot_config *cfg, const char *bootargs,
				       struct boot_why *why);

/*
 * Reads a flattened tree: /memory, /reserved-memory, the reserve map, /chosen bootargs, model, and
 * dma-ranges (for dma_limit, as of_dma_get_max_cpu_address()). `size` is how many bytes may be read
 * at `dtb`, which must lie at a multiple of 8. Calls at most once, after boot_config_init().
 * -FH_EINVAL: not a tree, cut off, or a property that cannot be right; -FH_ENOSPC: too many banks
 * or regions. What Linux skips with a message (a bad alloc-ranges, an overlap) is skipped here with
 * the same message in cfg->dmesg.
 */
FH_MUST_CHECK int boot_config_fdt(struct boot_config *cfg, const void *dtb, size_t size,
				  struct boot_why *why);

/*
 * The kernel that the machine is like ("6.12", "7"), with its heaps and no others: cfg->like and heaps_linux_only, which `like=' and
 * `heaps=' of the command line go over. After boot_config_init(), before all that reads a file. -FH_EINVAL, -FH_ERANGE: no
 * such version; `why' begins with "like=".
 */
FH_MUST_CHECK int boot_config_like(struct boot_config *cfg, const char *version,
				   struct boot_why *why);

/*
 * Applies `bootargs` (NULL: those of the tree) and `ram_bytes` (0: as the tree says; else the banks
 * are cut or, when the last bank has room above it, grown to that total), places dynamic regions
 * and the cma= area where the Linux of cfg->like places them on arm64 when nothing but cfg->taken has been allocated, and
 * checks everything. Calls once, last. What Linux drops with a message (a dynamic region without
 * room, an area across zones or outside RAM) is dropped with that message, and with one of ours a
 * restricted pool outside RAM. Errors where Linux would
 * go on: -FH_EINVAL: a bad option, a region that two owners would use, coherent_only without a pool;
 * -FH_ENOMEM, -FH_EBUSY: no room for cma=, or for what devices are to have; -FH_ERANGE: a size or
 * address out of range; -FH_ENOSPC: too many regions.
 */
FH_MUST_CHECK int boot_config_finish(struct boot_config *cfg, const char *bootargs,
				     uint64_t ram_bytes, struct boot_why *why);

/* The defaults of cfg->dma made figures, with Linux's roundings; after boot_config_finish(). */
void boot_config_dma(const struct boot_config *cfg, struct boot_dma_plan *plan);

/* The part of a zone that RAM spans, after boot_config_finish(); false: the zone is empty. */
bool boot_config_zone(const struct boot_config *cfg, enum zone_type zone, struct boot_bank *span);

/* What Linux calls it: "DMA", "DMA32", "Normal", "Movable"; on 32-bit ARM "DMA", "Normal", "HighMem", "Movable". */
const char *boot_config_zone_name(const struct boot_config *cfg, enum zone_type zone);

/*
 * Merges an overlay (of dtc's form: fragments with target or target-path, __fixups__) into a tree, before boot_config_fdt().
 * The tree lies in a buffer of `room` bytes and grows in it; `overlay` is used up. Both at multiples of 8. As in Linux,
 * fragments and properties have no order but that of the overlay, and nothing of the tree is deleted. -FH_EINVAL: not a tree,
 * or the overlay does not fit the tree (`why` names the fragment); -FH_ENOSPC: more room is needed. After a failure both
 * are unusable.
 */
FH_MUST_CHECK int boot_overlay(void *tree, size_t room, void *overlay, size_t size,
			       struct boot_why *why);

/* ---- devices of a tree ---- */

#define BOOT_PATH_MAX	    256
#define BOOT_DEVICE_REGIONS 16 /* entries of one memory-region */
#define BOOT_DEVICE_IOVAS   16 /* ranges that iommu-addresses keep for one device */

/* What an entry of memory-region leads to. */
enum boot_device_link {
	BOOT_LINK_REGION, /* cfg->region[region] */
	BOOT_LINK_OFF,	  /* a node that is disabled: Linux goes on without it */
	BOOT_LINK_DROPPED, /* a node that is no region: not in /reserved-memory, or dropped at boot */
	BOOT_LINK_NONE,	   /* no node has that phandle */
};

struct boot_device_region {
	char name[BOOT_NAME_MAX]; /* of memory-region-names; "": none */
	char node[BOOT_NAME_MAX]; /* what it refers to, as boot_region's name; "": BOOT_LINK_NONE */
	enum boot_device_link link;
	unsigned int region; /* with BOOT_LINK_REGION */
};

/* A range of the addresses that an IOMMU gives a device, which nobody may hand out: iommu-addresses of a region in its
 * memory-region, moved up to the root as Linux does. */
struct boot_iova {
	uint64_t base, size; /* bytes; size is never 0 */
	bool direct; /* they are the region's own (reg): mapped one to one before the device is used. Else nothing is mapped there */
	unsigned int entry; /* of memory-region */
};

/* A node as its bus makes a device of it. */
struct boot_device {
	char name
		[BOOT_NAME_MAX]; /* as Linux names it: "30a90000.csi", "soc@0:camera"; cut at 127 */
	char path[BOOT_PATH_MAX]; /* "/soc@0/csi@30a90000"; cut at 255 */
	bool available;		  /* neither the node nor one above it is disabled */
	/* Windows onto memory, of the nearest bus above that has dma-ranges, in addresses of the CPU;
	 * none: bus addresses are the CPU's. Neighbours that go on are joined. */
	struct bus_dma_region range[DEVICE_MAX_RANGES];
	unsigned int nr_ranges;
	unsigned int lost_ranges; /* entries that lead nowhere: left out, as in Linux */
	uint64_t bus_dma_limit;	  /* the highest bus address of the windows; 0: no windows */
	bool dma_coherent;	  /* dma-coherent here or above, before any dma-noncoherent */
	bool iommu;		  /* `iommus`: what translates for it is the caller's to make */
	unsigned int numa_node;	  /* numa-node-id here or above, plus 1; 0: none, or no such node */
	struct boot_device_region region[BOOT_DEVICE_REGIONS];
	unsigned int nr_regions;
	struct boot_iova iova[BOOT_DEVICE_IOVAS]; /* of use behind an IOMMU only */
	unsigned int nr_iovas;
};

/*
 * The device at a node of the tree that `cfg` was read from, after boot_config_finish(): what of_dma_configure() and
 * of_reserved_mem_device_init() make of it. `which` is a path ("/soc@0/csi@30a90000", unit addresses may be left out), an
 * alias, or the name of one node, with its unit address or without, or as Linux names the device. -FH_ENOENT: none;
 * -FH_EEXIST: several; -FH_EINVAL: not a tree, or a property that cannot be right; -FH_ENOSPC: too many windows, regions or
 * reserved addresses.
 */
FH_MUST_CHECK int boot_device_fdt(const void *dtb, size_t size, const struct boot_config *cfg,
				  const char *which, struct boot_device *out, struct boot_why *why);

/* Called for a device; err: negative, with its reason: then only name and path of it are right. True: stop. */
typedef bool (*boot_device_fn)(void *arg, const struct boot_device *dev, int err,
			       const struct boot_why *why);

/* All available nodes with memory-region, and those with a compatible (other than simple-bus) that have iommus or
 * windows, in the order of the tree. -FH_EINVAL: not a tree. */
FH_MUST_CHECK int boot_devices_for_each(const void *dtb, size_t size, const struct boot_config *cfg,
					boot_device_fn fn, void *arg, struct boot_why *why);

/* "64M", "0x1000", "1G": Linux's memparse() with overflow found. *end is set past what was read;
 * -FH_EINVAL: no digits; -FH_ERANGE: does not fit 64 bits. */
FH_MUST_CHECK int boot_memparse(const char *s, const char **end, uint64_t *bytes);

#endif
