/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The few shapes that a picture in SVG is made of. Coordinates are pixels, y goes down. */
#ifndef TOOLS_SVG_H
#define TOOLS_SVG_H

#include <stdio.h>

/* Text as XML takes it; what is not printable ASCII becomes '?'. */
void svg_escape(FILE *out, const char *text);

/* <title>, of the element that it comes first in: what a pointer that rests there shows. */
__attribute__((format(printf, 2, 3))) void svg_title(FILE *out, const char *fmt, ...);

/* One line at this baseline; class: of the style sheet. Cut at `most` characters, with "..." as the last. */
void svg_text(FILE *out, double x, double y, const char *class, int most, const char *text);

void svg_rect(FILE *out, double x, double y, double w, double h, const char *class);
/* From one point to another. */
void svg_line(FILE *out, double x1, double y1, double x2, double y2, const char *class);

#endif
