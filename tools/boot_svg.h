/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the parts of the picture of a layout know of each other: where each run lies, and how it looks. */
#ifndef TOOLS_BOOT_SVG_H
#define TOOLS_BOOT_SVG_H

#include "boot_show.h"
#include "boot_words.h"

/* Columns of the picture, from left to right. */
#define SVG_WIDTH     1280
#define SVG_ZONES     84 /* right end of the zones' brackets */
#define SVG_SCALE     92 /* the map to scale */
#define SVG_SCALE_W   64
#define SVG_ROWS      226 /* the same runs, each large enough to be read */
#define SVG_ROWS_W    84
#define SVG_ADDRESS   320
#define SVG_SIZE_END  478
#define SVG_NAME      490
#define SVG_KIND      736
#define SVG_NAMES_END 868 /* arrows end there */
#define SVG_DEVICE    964
#define SVG_DEVICE_W  296
#define SVG_TOP	      104

struct svg_place {
	double scale, scale_end; /* y in the map to scale */
	double row, row_end;	 /* y in the rows */
};

/* A device: users first .. first + nr of the map. */
struct svg_box {
	unsigned int first, nr;
	double middle; /* of its regions */
	double y, height;
};

struct svg_map {
	const struct boot_show *show;
	FILE *out;
	struct svg_place place[PHYS_MAX_RUNS]; /* of show->map->run[] */
	struct svg_box *box;		       /* a device each, from top to bottom */
	unsigned int nr_boxes;
	double bottom; /* of the rows, and of the map to scale */
};

/* The style sheet's class of a run: of its region's class, or "free", "hole", "overlap". */
const char *svg_class(const struct boot_show *show, const struct phys_run *run);
const char *svg_region_class(const struct boot_region *r);

/* Finds where devices lie and how far down they go; false: out of memory. The boxes are to be freed. */
bool svg_devices_place(struct svg_map *m);
/* Draws them, and arrows from each to its regions. */
void svg_devices_draw(const struct svg_map *m);

/* Notes from this baseline down, if there are any; returns where the next line would be. */
double svg_notes(const struct svg_map *m, double y, bool draw);

#endif
