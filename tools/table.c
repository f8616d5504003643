/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Tables of text for people, and figures in the units people read. */
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "table.h"

#define DEFAULT_WIDTH 100

void table_add(struct table *t, const char *fmt, ...)
{
	unsigned int row = t->cells / t->columns, column = t->cells % t->columns;
	va_list ap;

	if (row >= TABLE_ROWS)
		return;
	va_start(ap, fmt);
	vsnprintf(t->cell[row][column], TABLE_CELL, fmt, ap);
	va_end(ap);
	t->cells++;
}

int table_line_width(FILE *out)
{
	const char *columns = getenv("COLUMNS");
	int n = columns ? atoi(columns) : 0;
	struct winsize size;

	if (n > 0)
		return n;
	if (isatty(fileno(out)) && !ioctl(fileno(out), TIOCGWINSZ, &size) && size.ws_col)
		return size.ws_col;
	return DEFAULT_WIDTH;
}

/* The width of all columns together; each in width[]. */
static int measure(const struct table *t, int *width)
{
	int sum = 0;

	for (unsigned int c = 0; c < t->columns; c++) {
		width[c] = 0;
		for (unsigned int r = 0; r < t->cells / t->columns; r++) {
			int n = (int)strlen(t->cell[r][c]);

			width[c] = n > width[c] ? n : width[c];
		}
		sum += width[c];
	}
	return sum;
}

/* "1.13 ms" becomes "1.13ms" in the columns that are flush right. */
static void squeeze(struct table *t)
{
	for (unsigned int i = t->columns; i < t->cells; i++) {
		char *cell = t->cell[i / t->columns][i % t->columns], *blank = strchr(cell, ' ');

		if (i % t->columns >= t->left && blank && cell[0] >= '0' && cell[0] <= '9')
			memmove(blank, blank + 1, strlen(blank));
	}
}

void table_print(struct table *t, FILE *out)
{
	unsigned int rows = t->cells / t->columns;
	int width[TABLE_COLUMNS] = {0}, gap = 3, gaps = (int)t->columns - 1;
	int sum = measure(t, width), room = t->fit ? table_line_width(out) : INT_MAX;

	while (gap > 1 && sum + gap * gaps > room)
		gap--;
	if (sum + gap * gaps > room) {
		squeeze(t);
		(void)measure(t, width);
	}
	for (unsigned int r = 0; r < rows; r++) {
		for (unsigned int c = 0; c < t->columns; c++) {
			int w = c < t->left ? -width[c] : width[c];

			if (c + 1 == t->columns && w < 0)
				w = 0; /* no blanks at a line's end */
			fprintf(out, "%*s%*s", c ? gap : 0, "", w, t->cell[r][c]);
		}
		fputc('\n', out);
	}
}

char *figure_count(char *buf, uint64_t n)
{
	char digits[24];
	size_t len = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, n), at = 0;

	for (size_t i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			buf[at++] = ',';
		buf[at++] = digits[i];
	}
	buf[at] = '\0';
	return buf;
}

/* Three digits that count, and the unit. */
static char *scaled(char *buf, double v, const char *unit)
{
	snprintf(buf, TABLE_CELL, "%.*f %s", v < 9.995 ? 2 : v < 99.95 ? 1 : 0, v, unit);
	return buf;
}

char *figure_short(char *buf, uint64_t n)
{
	if (n < 10000)
		return figure_count(buf, n);
	if (n < 999500)
		return scaled(buf, (double)n / 1e3, "k");
	if (n < UINT64_C(999500000))
		return scaled(buf, (double)n / 1e6, "M");
	return scaled(buf, (double)n / 1e9, "G");
}

char *figure_time(char *buf, uint64_t ns)
{
	if (ns < 1000)
		snprintf(buf, TABLE_CELL, "%" PRIu64 " ns", ns);
	else if (ns < 999500)
		scaled(buf, (double)ns / 1e3, "us");
	else if (ns < 999500000)
		scaled(buf, (double)ns / 1e6, "ms");
	else
		scaled(buf, (double)ns / 1e9, "s");
	return buf;
}

char *figure_bytes(char *buf, uint64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	double v = (double)bytes;
	unsigned int u = 0;

	while (v >= 1023.5 && u < 4) {
		v /= 1024;
		u++;
	}
	if (v == (double)(uint64_t)v)
		snprintf(buf, TABLE_CELL, "%" PRIu64 " %s", (uint64_t)v, units[u]);
	else
		scaled(buf, v, units[u]);
	return buf;
}

void table_heads(struct table *t, unsigned int left, const char *const *heads)
{
	memset(t, 0, sizeof(*t));
	t->left = left;
	t->fit = true;
	while (heads[t->columns])
		t->columns++;
	for (unsigned int i = 0; i < t->columns; i++)
		table_add(t, "%s", heads[i]);
}
