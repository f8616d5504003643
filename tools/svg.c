/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The few shapes that a picture in SVG is made of. */
#include <stdarg.h>
#include <string.h>
#include "svg.h"

#define LINE 1024

static void escape(FILE *out, const char *text, size_t n)
{
	for (; n && *text; text++, n--) {
		unsigned char c = (unsigned char)*text;

		switch (c) {
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '&':
			fputs("&amp;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default:
			fputc(c == '\n' || (c >= ' ' && c < 0x7f) ? c : '?', out);
		}
	}
}

void svg_escape(FILE *out, const char *text)
{
	escape(out, text, strlen(text));
}

void svg_title(FILE *out, const char *fmt, ...)
{
	char text[LINE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fputs("<title>", out);
	svg_escape(out, text);
	fputs("</title>\n", out);
}

void svg_text(FILE *out, double x, double y, const char *class, int most, const char *text)
{
	size_t n = strlen(text), room = (size_t)most;

	fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">", x, y, class);
	escape(out, text, n > room ? room - 3 : n);
	fprintf(out, "%s</text>\n", n > room ? "..." : "");
}

void svg_rect(FILE *out, double x, double y, double w, double h, const char *class)
{
	fprintf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"%s\"/>\n",
		x, y, w, h, class);
}

void svg_line(FILE *out, double x1, double y1, double x2, double y2, const char *class)
{
	fprintf(out, "<path d=\"M%.1f %.1fL%.1f %.1f\" class=\"%s\"/>\n", x1, y1, x2, y2, class);
}
