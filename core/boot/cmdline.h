/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The kernel command line: the options that decide where memory goes and what devices have of it. */
#ifndef FH_BOOT_CMDLINE_H
#define FH_BOOT_CMDLINE_H

#include <freehold/boot.h>

#define CMDLINE_MAX_MEMMAP 16

/* Of kernelcore=, movablecore= and hugetlb_cma=: percent of RAM where that is not 0, else bytes. */
struct core_size {
	uint64_t bytes, percent;
};

/* One part of memmap=, of a machine without a tree. */
struct memmap {
	enum { MEMMAP_RAM, MEMMAP_TAKEN, MEMMAP_EXACT, MEMMAP_END } what;
	uint64_t base, size; /* MEMMAP_END: RAM ends at size */
};

struct boot_cmdline {
	/* Whose command line it is: notes and messages go there. NULL: every oddity is an error, pages are of 4 KiB. */
	struct boot_config *cfg;
	/* mem=SIZE[@START], each one more range of RAM on 32-bit ARM, where it takes the place of the tree's; and vmalloc= (0: none). */
	struct {
		uint64_t base, size;
		bool has_base;
	} arm_mem[CMDLINE_MAX_MEMMAP];
	unsigned int nr_arm_mem;
	uint64_t vmalloc;
	bool has_mem, has_cma;
	uint64_t mem; /* bytes, whole pages */
	/* cma=size[@base[-limit]]; base 0: anywhere; limit 0: none, base + size: exactly there. */
	uint64_t cma_size, cma_base, cma_limit;
	bool has_numa; /* numa_cma= or cma_pernuma= was there */
	uint64_t numa[BOOT_MAX_NODES], pernuma;
	/* hugetlb_cma=: before 7 each one adds to the sum; from 7 on either all or nodes count, whichever came last. */
	uint64_t hugetlb, hugetlb_node[BOOT_MAX_NODES];
	struct core_size hugetlb_7, hugetlb_7_node[BOOT_MAX_NODES];
	bool movable_node, kernelcore_mirror, page_owner;
	struct core_size kernelcore, movablecore;
	struct memmap memmap[CMDLINE_MAX_MEMMAP];
	unsigned int nr_memmap;
	struct boot_dma dma; /* what is there already stays where no option says otherwise */
	unsigned int like;   /* likewise */
	bool heaps_linux_only;
};

/*
 * Reads `args` as Linux does: words divided by blanks, "quotes" keep blanks together, a word `--`
 * ends the options, of two equal options the last counts. Other options pass by. -FH_EINVAL or
 * -FH_ERANGE: an option of ours has a value that cannot be right (Linux ignores what follows a
 * number; here cma=64MB is an error). With cfg->as_linux an option of Linux is taken as Linux takes it
 * then, with a note.
 */
FH_MUST_CHECK int boot_cmdline_parse(const char *args, struct boot_cmdline *cmdline,
				     struct boot_why *why);

#endif
