/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The forms in which `freehold boot` shows a layout; each prints one phys_map. */
#ifndef TOOLS_BOOT_SHOW_H
#define TOOLS_BOOT_SHOW_H

#include <stdio.h>
#include "phys_map.h"

struct boot_show {
	const struct boot_config *cfg;
	const struct load_tree *tree; /* that cfg was read from */
	const struct phys_map *map;   /* of the two */
};

/* How a terminal, or what stands in its place, takes text. */
struct boot_screen {
	int width;   /* characters of a line */
	bool wrap;   /* lines of tables are broken there; else a row is a line, however long */
	bool utf8;   /* boxes are drawn with box-drawing characters */
	bool colour; /* with escape sequences */
};

/* COLUMNS, the terminal's width, or 80; the locale; NO_COLOR, TERM. */
struct boot_screen boot_screen_of(FILE *out);

/* A word of a row's further lines, which are indented by BOOT_INDENT; on the next line, two more in, where it does not fit. *at: the column. */
#define BOOT_INDENT 4
void boot_screen_word(const struct boot_screen *screen, FILE *out, int *at, const char *word,
		      int n);

/* Whether `out` took it all is the caller's to ask. */
/* The boot log, the table, devices; with `picture` what boot_map() draws; notes. */
void boot_text(const struct boot_show *show, const struct boot_screen *screen, bool picture,
	       FILE *out);
/* These: false when out of memory. */
bool boot_json(const struct boot_show *show, FILE *out);
bool boot_svg(const struct boot_show *show, FILE *out);
/* The picture for terminals alone. */
void boot_map(const struct boot_show *show, const struct boot_screen *screen, FILE *out);

#endif
