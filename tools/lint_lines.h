/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Where a node or a property of a .dts stands in its source, as dtc says. */
#ifndef TOOLS_LINT_LINES_H
#define TOOLS_LINT_LINES_H

#include <stdbool.h>

struct lint_lines;

struct lint_line {
	const char *file; /* of the lint_lines */
	unsigned int line;
};

/* Has dtc annotate the source; NULL: it is no .dts, or that failed: findings have no lines then. */
struct lint_lines *lint_lines_new(const char *path);
/* The property's line, or the node's where the property is not in the source. False: unknown. `lines` may be NULL. */
bool lint_lines_find(const struct lint_lines *lines, const char *node, const char *property,
		     struct lint_line *at);
void lint_lines_free(struct lint_lines *lines);

#endif
