/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Forms in which findings and rules are shown. */
#ifndef TOOLS_LINT_OUT_H
#define TOOLS_LINT_OUT_H

#include <jansson.h>
#include <stdio.h>
#include "lint.h"

struct lint_lines;

struct lint_out {
	struct lint *findings;
	enum lint_severity least; /* findings below it are left out */
	const char *file;	  /* as given; "": none */
	struct lint_lines *lines; /* NULL: none */
	bool own_args;		  /* the command line is the tree's */
};

struct lint_line;

struct lint_format {
	const char *name;
	/* False: no memory. Whether it was written, ferror() tells. */
	bool (*show)(FILE *f, const struct lint_out *out);
	bool (*rules)(FILE *f);
};

extern const struct lint_format lint_text, lint_json, lint_sarif;

/* NULL: no such form. */
const struct lint_format *lint_format(const char *name);
bool lint_show_rules(FILE *f, const struct lint_format *format);
/* 0: nothing or notes; 3: warnings; 4: errors; of what is shown. */
int lint_status(const struct lint_out *out);
bool lint_shown(const struct lint_out *out, const struct lint_finding *f);
/* Where it stands in the source; false: unknown. */
bool lint_place(const struct lint_out *out, const struct lint_finding *f, struct lint_line *at);

#endif
