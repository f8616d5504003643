/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The physical map of a finished boot_config: runs, what claims each, and who refers to what. Table, terminal picture, SVG
 * and JSON are all made of this one list.
 */
#ifndef TOOLS_PHYS_MAP_H
#define TOOLS_PHYS_MAP_H

#include <stdio.h>
#include <freehold/boot.h>
#include "load.h"

/* Edges are those of banks, regions and zones; a run lies between two. */
#define PHYS_MAX_RUNS (2 * (BOOT_MAX_BANKS + BOOT_MAX_REGIONS + MAX_NR_ZONES))

enum phys_what {
	PHYS_RAM,
	PHYS_HOLE,    /* between two banks */
	PHYS_OUTSIDE, /* below the first bank or above the last */
};

/* A run of addresses that is one thing to everybody. */
struct phys_run {
	uint64_t base, size; /* bytes */
	enum phys_what what;
	unsigned int bank; /* of PHYS_RAM: cfg->bank[bank] */
	int zone;	   /* of PHYS_RAM: enum zone_type; else -1 */
	/* cfg->region[] that it belongs to, ascending: more than one overlap, none: nobody's. */
	unsigned int nr_claims;
	unsigned char claim[BOOT_MAX_REGIONS];
};

/* A device that refers to a region. */
struct phys_user {
	unsigned int region;	  /* cfg->region[region] */
	unsigned int index;	  /* which entry of the device's memory-region */
	char name[BOOT_NAME_MAX]; /* of memory-region-names; "": none */
	char device[BOOT_NAME_MAX];
	char path[BOOT_PATH_MAX];
};

struct phys_map {
	const struct boot_config *cfg; /* as given to phys_map_make() */
	/* From the first address of a bank or region to the last; ascending, without gaps, neighbours differ. */
	struct phys_run run[PHYS_MAX_RUNS];
	unsigned int nr_runs;
	struct phys_user *user; /* by device in the order of the tree, then by index */
	unsigned int nr_users;
};

/* Of a configuration after boot_config_finish(), which must outlive the map, and the tree it came from (blob NULL: none).
 * False: out of memory, and there is nothing to free. */
FH_MUST_CHECK bool phys_map_make(struct phys_map *map, const struct boot_config *cfg,
				 const struct load_tree *tree);
void phys_map_free(struct phys_map *map);

/* The next user of a region at or behind *at, which is then behind it; NULL: no more. Begin with *at 0. */
const struct phys_user *phys_map_user(const struct phys_map *map, unsigned int region,
				      unsigned int *at);
/* Whether any page of the region has another owner as well. */
bool phys_map_overlaps(const struct phys_map *map, unsigned int region);
/* Whether all of it is RAM. */
bool phys_map_in_ram(const struct phys_map *map, unsigned int region);

#endif
