/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What a file tree says about its machine, decoded: memory, zones, areas.
 *
 * Knows the files of Linux 5.x to 7.x, and ours, which are the same and some more. A figure that no
 * file gives is UNKNOWN; what is missing or cannot be understood is noted once, by name.
 */
#ifndef FREEHOLD_TOOLS_READOUT_H
#define FREEHOLD_TOOLS_READOUT_H

#include <stdio.h>
#include "tree.h"

#define UNKNOWN UINT64_MAX

#define READOUT_NAME   64
#define READOUT_ZONES  64
#define READOUT_TYPES  8
#define READOUT_ORDERS 20
#define READOUT_AREAS  120
#define READOUT_NOTES  64
#define READOUT_NOTE   320

/* Pages. */
struct readout_zone {
	uint64_t node;
	char name[READOUT_NAME];
	uint64_t managed, free, min, low, high, cma; /* zoneinfo */
	unsigned int nr_types;
	char type[READOUT_TYPES][READOUT_NAME];
	uint64_t run[READOUT_TYPES][READOUT_ORDERS]; /* free runs of a type, by order */
	uint64_t runs[READOUT_ORDERS];		     /* and of all types together */
	bool counted;				     /* runs[] is known */
	bool capped; /* the kernel stopped counting somewhere: there are more */
};

/* Pages, but for the calls. */
struct readout_area {
	char name[READOUT_NAME];   /* as it came: may not be fit to print */
	char policy[READOUT_NAME]; /* "": unknown */
	uint64_t base;		   /* of the first range */
	uint64_t size, device, lent, largest_hole, holes;
	uint64_t allocated, refused, released; /* since boot */
	uint64_t nr_allocs, nr_fails;	       /* calls */
	/* Of the last refusal. error 0: there was none, or it is unknown. */
	int64_t error;
	uint64_t error_count;
	uint64_t error_pfn, error_object, error_pins,
		error_since; /* the page in the way; pfn 0: none */
	char error_owner[READOUT_NAME], error_pinner[READOUT_NAME];
	char why[READOUT_NAME];
};

struct readout {
	uint64_t total_kb, free_kb, available_kb, file_kb, anon_kb, cma_total_kb, cma_free_kb;
	uint64_t page_size; /* bytes */
	uint64_t block_order;
	unsigned int nr_zones, nr_areas, nr_notes;
	struct readout_zone zone[READOUT_ZONES];
	struct readout_area area[READOUT_AREAS];
	char note[READOUT_NOTES][READOUT_NOTE];
	bool bad; /* a file is there and is not what it should be */
};

/* Reads all there is. False: nothing of it is there. */
bool readout_read(const struct tree *t, struct readout *r);

/* Derived figures, pages; UNKNOWN when a part of them is. */
uint64_t readout_area_free(const struct readout_area *a); /* neither lent nor a device's */
uint64_t readout_zone_free(const struct readout_zone *z);
uint64_t readout_zone_free_type(const struct readout_zone *z, unsigned int type);
/* In runs of a whole block and more. */
uint64_t readout_zone_whole(const struct readout *r, const struct readout_zone *z);
/* Of all areas together. */
uint64_t readout_device(const struct readout *r);
uint64_t readout_lent(const struct readout *r);
/* Of what devices do not have, how much lies outside the largest hole: 0 to 1; below 0: unknown. */
double readout_area_fragmentation(const struct readout_area *a);

void readout_text(const struct readout *r, FILE *out);
/* False: out of memory, or `out` cannot be written. */
bool readout_json(const struct readout *r, FILE *out);
/* A file's or folder's text as JSON. */
bool readout_json_file(const char *path, const char *text, FILE *out);

/* Copies at most size - 1 characters up to `end`; what is not printable ASCII becomes '?'. */
void readout_printable(char *dst, size_t size, const char *src, const char *end);

#endif
