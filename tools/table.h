/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Tables of text for people, and figures in the units people read. */
#ifndef FREEHOLD_TOOLS_TABLE_H
#define FREEHOLD_TOOLS_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define TABLE_COLUMNS 16
#define TABLE_ROWS    128
#define TABLE_CELL    64

/* Set columns and left; the first row is the heading. */
struct table {
	unsigned int columns, left; /* left: so many columns are flush left */
	bool fit; /* closer together where lines would not fit the terminal or COLUMNS, or 100 columns */
	unsigned int cells;
	char cell[TABLE_ROWS][TABLE_COLUMNS][TABLE_CELL];
};

/* Empties the table and gives it these headings, up to a NULL. */
void table_heads(struct table *t, unsigned int left, const char *const *heads);
/* Adds one cell; a full row begins the next. */
void table_add(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void table_print(struct table *t, FILE *out);
/* Characters a line may have: COLUMNS, the terminal's, or 100. */
int table_line_width(FILE *out);

/* Into buf[TABLE_CELL], which is returned: "12,345" · "123 k" · "12.3 us" · "320 MiB". */
char *figure_count(char *buf, uint64_t n);
char *figure_short(char *buf, uint64_t n);
char *figure_time(char *buf, uint64_t ns);
char *figure_bytes(char *buf, uint64_t bytes);

#endif
