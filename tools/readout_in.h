/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Inside the decoder: files into lines, words and numbers, and notes about what is wrong with them.
 */
#ifndef FREEHOLD_TOOLS_READOUT_IN_H
#define FREEHOLD_TOOLS_READOUT_IN_H

#include "readout.h"

/* What is missing, once. */
void readout_note(struct readout *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* What is wrong, "path:line: what was expected"; line 0: the whole file. */
void readout_bad(struct readout *r, const char *path, unsigned int line, const char *expected);

/*
 * The text of a file or folder, to be freed; NULL: it is not there (*err is -ENOENT) or cannot be
 * read, which is noted under the name `shown` (or path, when it is NULL).
 */
char *readout_load(const struct tree *t, struct readout *r, const char *path, const char *shown,
		   int *err);

/* Lines of a text, one after the other. */
struct line {
	unsigned int nr;  /* from 1; 0: before the first */
	const char *at;	  /* what is left of it */
	const char *next; /* the line behind it */
};
bool line_next(struct line *l, const char *text);
/* The next word of the line, up to a blank, `stop` or the end; false: there is none. */
bool line_word(struct line *l, char stop, const char **word, size_t *n);
/* Whether the line goes on with these characters; then they are passed. */
bool line_is(struct line *l, const char *word);
/* A decimal number with a blank, a comma or the end behind it. False: there is none. */
bool line_number(struct line *l, uint64_t *v);
bool line_ends(struct line *l);

/* readout_zone.c, readout_area.c: each adds what its files say. Whether any of them is there. */
bool readout_zones(const struct tree *t, struct readout *r);
bool readout_areas(const struct tree *t, struct readout *r);

#endif
