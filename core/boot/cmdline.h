/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The kernel command line: the options that decide where memory goes and what devices have of it. */
#ifndef FH_BOOT_CMDLINE_H
#define FH_BOOT_CMDLINE_H

#include <freehold/boot.h>

struct boot_cmdline {
	bool has_mem, has_cma;
	uint64_t mem; /* bytes, whole pages */
	/* cma=size[@base[-limit]]; base 0: anywhere; limit 0: none, base + size: exactly there. */
	uint64_t cma_size, cma_base, cma_limit;
	struct boot_dma dma; /* what is there already stays where no option says otherwise */
	unsigned int like;   /* likewise */
	bool heaps_linux_only;
};

/*
 * Reads `args` as Linux does: words divided by blanks, "quotes" keep blanks together, a word `--`
 * ends the options, of two equal options the last counts. Other options pass by. -FH_EINVAL or
 * -FH_ERANGE: an option of ours has a value that cannot be right (Linux ignores what follows a
 * number; here cma=64MB is an error).
 */
FH_MUST_CHECK int boot_cmdline_parse(const char *args, struct boot_cmdline *cmdline,
				     struct boot_why *why);

#endif
