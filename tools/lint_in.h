/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What rules see of a board, and how they report. */
#ifndef TOOLS_LINT_IN_H
#define TOOLS_LINT_IN_H

#include <inttypes.h>
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lint.h"

#define KIB  (UINT64_C(1) << 10)
#define MIB  (UINT64_C(1) << 20)
#define GIB4 (UINT64_C(4) << 30)

/* A child of /reserved-memory that is not disabled. */
struct lint_node {
	int at;
	char name[BOOT_NAME_MAX]; /* cut, as boot_region's */
	char path[BOOT_PATH_MAX];
	bool shared, restricted; /* compatible with shared-dma-pool, restricted-dma-pool */
	bool reusable, no_map, cma_default, dma_default;
	bool has_reg, has_size;
	uint64_t base,
		size; /* of the first pair of reg, else of size; 0: of a length that cannot be */
	unsigned int nr_regs; /* pairs */
	uint32_t phandle;
	const struct boot_region *placed; /* NULL: nowhere, or nothing is laid out */
};

/* Linux would make a CMA area of it. */
static inline bool lint_wants_area(const struct lint_node *n)
{
	return n->shared && n->reusable && !n->no_map;
}

/* It keeps addresses of an IOMMU, and no memory. */
bool lint_keeps_addresses(const struct lint *l, const struct lint_node *n);
/* Linux would make a device's own pool of it. */
static inline bool lint_wants_pool(const struct lint_node *n)
{
	return n->shared && !n->reusable;
}

/* A word of the command line. */
struct lint_word {
	char name[64]; /* with '_' for '-'; cut */
	char value[512];
	bool has_value;
};

struct lint {
	struct lint_board board;
	const struct boot_config *cfg; /* board.cfg */
	bool laid_out;		       /* it is finished: banks, regions and zones are right */
	const void *tree;	       /* NULL: none, or damaged */
	size_t addr_cells, size_cells; /* of the root */
	int reserved;		       /* /reserved-memory; below 0: none */
	bool reserved_ignored;	       /* Linux reads nothing of it */
	struct lint_node *node;
	size_t nr_nodes;
	struct boot_device *device; /* of boot_devices_for_each() that could be read */
	size_t nr_devices;
	struct lint_word *word;
	size_t nr_words;
	const struct lint_disabled *off;
	const struct lint_rule *rule; /* which runs */
	struct lint_finding *finding;
	size_t nr_findings;
	struct boot_why *
		device_why; /* of devices that could not be read, with their paths in device_lost */
	struct boot_device *device_lost;
	size_t nr_lost;
	bool no_memory;
};

/* Rules of a file, the last has id 0. */
extern const struct lint_rule lint_rules_board[], lint_rules_regions[], lint_rules_pools[],
	lint_rules_layout[], lint_rules_room[], lint_rules_devices[], lint_rules_users[],
	lint_rules_iommu[], lint_rules_cmdline[];

/* ---- reporting ---- */

/* A finding of the rule that runs; node and property may be NULL. lint_cure() after it says what to do. */
FH_PRINTF(4, 5)
void lint_find(struct lint *l, const char *node, const char *property, const char *fmt, ...);
FH_PRINTF(2, 3) void lint_cure(struct lint *l, const char *fmt, ...);

struct lint_size {
	char s[40];
};
/* "64 MiB", "0x1234 bytes". */
struct lint_size lint_size(uint64_t bytes);

/* ---- the tree ---- */

const uint8_t *lint_prop(const struct lint *l, int node, const char *name, size_t *len);
bool lint_has(const struct lint *l, int node, const char *name);
/* The property when it is one string, else NULL. */
const char *lint_string(const struct lint *l, int node, const char *name);
bool lint_compatible(const struct lint *l, int node, const char *id);
bool lint_available(const struct lint *l, int node);
uint64_t lint_number(const uint8_t *at, size_t cells);
void lint_path(const struct lint *l, int node, char path[BOOT_PATH_MAX]);
/* Its CPUs are known to have 32 bits. */
bool lint_is_arm32(const struct lint *l);
/* Range `i` of the memory nodes that Linux reads; false: there are not so many. */
bool lint_memory(const struct lint *l, size_t i, struct boot_bank *b, int *node);
/* Devices with this one in memory-region; the next after `from` (start with 0); NULL: no more. */
const struct boot_device *lint_user(const struct lint *l, const struct lint_node *n, size_t *from);

/* ---- the layout ---- */

bool lint_overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size);
/* How much of [start, start + size) is RAM of the layout. */
uint64_t lint_ram_in(const struct lint *l, uint64_t start, uint64_t size);
uint64_t lint_ram(const struct lint *l);
bool lint_area_kind(enum boot_region_kind k);
/* The layout's log has this text. */
FH_PRINTF(2, 3) bool lint_said(const struct lint *l, const char *fmt, ...);
/* Whether all of it lies in one window of the device, or it has none. */
bool lint_reaches(const struct boot_device *dev, uint64_t base, uint64_t size);
/* "0x40000000-0x7fffffff" */
struct lint_size lint_span(uint64_t base, uint64_t size);

/* ---- the command line ---- */

/* The last word of that name, as Linux has it for most; NULL: none. */
const struct lint_word *lint_option(const struct lint *l, const char *name);
/* memparse() of Linux: what cannot be read is 0. *rest: what follows. */
uint64_t lint_memparse(const char *s, const char **rest);

#endif
