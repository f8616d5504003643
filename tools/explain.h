/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What one request of a device comes to on a machine, and why: asked, found out, and shown. */
#ifndef TOOLS_EXPLAIN_H
#define TOOLS_EXPLAIN_H

#include <freehold/cma.h>
#include <freehold/dma.h>
#include <freehold/iommu.h>
#include <freehold/mem.h>
#include "boot_devices.h"

#define EXPLAIN_RUNS  8 /* of a buffer that are shown */
#define EXPLAIN_LINES 6

struct explain_ask {
	struct load_opts load;
	/* The device: a node of the tree and an entry of its memory-region, or none; and what is asked beside. */
	const char *device, *region, *area;
	unsigned int mask_bits; /* 0: as it is */
	bool coherent, iommu;
	bool has_offset;
	int64_t offset; /* bus addresses are the CPU's and this */
	/* The request. */
	uint64_t size, count;
	gfp_t gfp;
	unsigned int attrs;
	char gfp_text[64];
	bool stream, has_phys;
	uint64_t phys;
};

/* Contiguous frames, and in what of the machine they lie. */
struct explain_run {
	uint64_t phys, size;
	char where[96];
};

/* A streaming map of RAM at one place. */
struct explain_map {
	uint64_t phys, bus;
	char where[96];
	const char *how; /* "direct", "bounced", "by IOMMU", "refused" */
	int err;
	char why[160];
};

struct explain {
	const struct explain_ask *ask;
	const struct boot_config *cfg;
	struct boot_device node; /* with ask->device */
	struct device dev;
	char memory[160]; /* its own: "area linux,cma"; "": none */
	/* dma_alloc_explained(): of the last request that was served, or the first that was not. */
	struct dma_refusal way;
	int err;
	uint64_t served; /* of ask->count */
	uint64_t bus;
	struct explain_run run[EXPLAIN_RUNS];
	uint64_t nr_runs;
	struct explain_map map[MAX_NR_ZONES];
	unsigned int nr_maps;
	/* What the machine logged since its birth. */
	bool listens;
	char line[EXPLAIN_LINES][200];
	unsigned int nr_lines;
};

/* All of *e from a machine of `cfg`. NULL, or one line that says what was wrong with the question. */
const char *explain_find(struct explain *e, const struct explain_ask *ask,
			 const struct boot_config *cfg, const struct load_tree *tree);

void explain_text(const struct explain *e, FILE *out);
/* False: out of memory. */
bool explain_json(const struct explain *e, FILE *out);

#endif
