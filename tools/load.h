/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What --dtb, --ram, --bootargs, --arch, --kconfig and --policy describe, into one boot_config: for `boot` and `run`.
 */
#ifndef TOOLS_LOAD_H
#define TOOLS_LOAD_H

#include <freehold/boot.h>

#define LOAD_MAX_OVERLAYS 16

/* An area beside those of the tree and cma=, placed as a reserved-memory node with only a size. */
struct load_area {
	const char *name;
	uint64_t bytes; /* whole blocks */
};

/* The bytes of a tree, to be freed. */
struct load_tree {
	void *blob; /* NULL: there was none */
	size_t size;
};

struct load_opts {
	const char *dtb; /* a tree, or its source (.dts, needs dtc); NULL: none */
	const char *overlay
		[LOAD_MAX_OVERLAYS]; /* merged into the tree in this order; sources as for dtb */
	unsigned int nr_overlays;
	const char *ram;      /* "512M"; NULL: as the tree says */
	const char *bootargs; /* NULL: those of the tree */
	const char *policy;   /* a name; NULL: guaranteed */
	const char *
		like; /* "6.12": a machine with the heaps of that kernel, and no others; NULL: all */
	bool as_linux;			   /* boot_config.as_linux: go on wherever Linux goes on */
	const char *taken[BOOT_MAX_TAKEN]; /* "START-END" or "START+SIZE", and ",late" */
	unsigned int nr_taken;
	const char *arch;    /* "arm64", "arm" or "arm-lpae"; NULL: as kconfig or the tree says */
	const char *kconfig; /* a Linux .config or a fragment; NULL: as boot_config_init() */
	const struct load_area *areas;
	unsigned int nr_areas;
	struct load_tree *keep; /* gets the tree of a call that succeeds; NULL: not wanted */
	bool keep_failed;	/* and of one that fails, if the file could be read */
};

/* 0, or a negative enum err with the reason in `why`. *cfg is written from scratch. */
FH_MUST_CHECK int load_boot_config(const struct load_opts *opts, struct boot_config *cfg,
				   struct boot_why *why);

/* "guaranteed" and the like; false: no such policy. NULL: no such value. */
bool load_policy(const char *name, enum cma_policy *policy);
const char *load_policy_name(enum cma_policy policy);

/* "arm64", "arm" or "arm-lpae". */
const char *load_arch_name(enum boot_arch arch);

/* The whole file, at most `max` bytes, to be freed; NULL: the reason is in `why`. */
void *load_file(const char *path, size_t max, size_t *size, struct boot_why *why);

#endif
