/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The physical map drawn for a terminal. Areas are to scale within a bank: a whole row of cells is the size that the bank's
 * head names, what is less fills a part of its row, and a run has a cell at least.
 */
#include <inttypes.h>
#include <string.h>
#include "boot_show.h"
#include "boot_words.h"
#include "table.h"

#define BANK_ROWS   12 /* that a bank has at most if nobody claimed any of it */
#define ZONE_CHARS  8
#define SIZE_CHARS  9
#define INDENT	    (SIZE_CHARS + 2) /* of names, behind sizes */
#define MOST_USERS  3		     /* lines of them; the table has them all */
#define MOST_ROWS   48		     /* of a region that is larger than banks are */
#define LABEL	    512
#define LEAST_LABEL 24
#define LEAST_CELLS 8
#define MOST_CELLS  32

/* How runs are filled: by class of region, and the rest. */
enum fill { FILL_FREE = BOOT_NR_CLASSES, FILL_OVERLAP, FILL_NONE, NR_FILLS };

static const struct {
	const char *utf8, *ascii, *colour, *name; /* name NULL: of the class */
} fill_look[NR_FILLS] = {
	[BOOT_CLASS_RESERVED] = {"\u2591", "=", "33", NULL},
	[BOOT_CLASS_NOMAP] = {"\u2573", "x", "31", NULL},
	[BOOT_CLASS_CMA] = {"\u2588", "#", "32", NULL},
	[BOOT_CLASS_DMA_POOL] = {"\u2593", "%", "36", NULL},
	[BOOT_CLASS_RESTRICTED] = {"\u2592", "&", "35", NULL},
	[BOOT_CLASS_CARVEOUT] = {"\u259a", "@", "34", NULL},
	[BOOT_CLASS_MEMRESERVE] = {"\u2550", "-", "33", NULL},
	[FILL_FREE] = {"\u00b7", ".", "2", "nobody's"},
	[FILL_OVERLAP] = {"!", "!", "1;31", "overlap"},
	[FILL_NONE] = {" ", " ", "0", ""},
};

enum edge { EDGE_NONE, EDGE_TOP, EDGE_BOTTOM, EDGE_RAM, EDGE_OTHER };

struct picture {
	const struct boot_show *show;
	const struct boot_screen *screen;
	FILE *out;
	int digits, cells, label; /* characters of an address, a row of cells, a label */
	bool measuring;		  /* the first of two passes: which lines a zone has */
	int nr_lines, zone_first[MAX_NR_ZONES], zone_last[MAX_NR_ZONES];
};

/* A line; with a zone: of that zone. */
struct line {
	int zone;
	const uint64_t *address; /* NULL: none */
	enum edge edge;
	enum fill fill;
	int cells;
	bool users, arrow; /* whose label it is; the first line of them */
	const char *label;
};

static const char *glyph(const struct picture *p, const char *utf8, const char *ascii)
{
	return p->screen->utf8 ? utf8 : ascii;
}

static void repeat(FILE *out, const char *s, int n)
{
	while (n-- > 0)
		fputs(s, out);
}

/* ---- lines ---- */

static void print_zone(const struct picture *p)
{
	int n = p->nr_lines;

	for (int z = 0; z < MAX_NR_ZONES; z++) {
		if (p->zone_first[z] < 0 || n < p->zone_first[z] || n > p->zone_last[z])
			continue;
		fprintf(p->out, "%-*s%s ", ZONE_CHARS - 1,
			n == p->zone_first[z] ? boot_zone_name(p->show->cfg, z) : "",
			n == p->zone_first[z]  ? glyph(p, "\u252c", "+")
			: n == p->zone_last[z] ? glyph(p, "\u2534", "+")
					       : glyph(p, "\u2502", "|"));
		return;
	}
	fprintf(p->out, "%*s ", ZONE_CHARS, "");
}

static void print_cells(const struct picture *p, const struct line *l)
{
	const char *side = l->edge == EDGE_RAM	   ? glyph(p, "\u2502", "|")
			   : l->edge == EDGE_OTHER ? glyph(p, "\u250a", ":")
						   : " ";
	bool top = l->edge == EDGE_TOP;

	if (top || l->edge == EDGE_BOTTOM) {
		fputs(top ? glyph(p, "\u250c", "+") : glyph(p, "\u2514", "+"), p->out);
		repeat(p->out, glyph(p, "\u2500", "-"), p->cells);
		fputs(top ? glyph(p, "\u2510", "+") : glyph(p, "\u2518", "+"), p->out);
		return;
	}
	fputs(side, p->out);
	if (p->screen->colour && l->cells)
		fprintf(p->out, "\033[%sm", fill_look[l->fill].colour);
	repeat(p->out, glyph(p, fill_look[l->fill].utf8, fill_look[l->fill].ascii), l->cells);
	if (p->screen->colour && l->cells)
		fputs("\033[0m", p->out);
	repeat(p->out, " ", p->cells - l->cells);
	fputs(side, p->out);
}

static void print_line(struct picture *p, const struct line *l)
{
	if (p->measuring) {
		if (l->zone >= 0) {
			if (p->zone_first[l->zone] < 0)
				p->zone_first[l->zone] = p->nr_lines;
			p->zone_last[l->zone] = p->nr_lines;
		}
		p->nr_lines++;
		return;
	}
	print_zone(p);
	if (l->address)
		fprintf(p->out, "0x%0*" PRIx64 " ", p->digits, *l->address);
	else
		fprintf(p->out, "%*s", p->digits + 3, "");
	print_cells(p, l);
	if (l->users)
		fprintf(p->out, " %*s%s ", INDENT - 2, "",
			l->arrow ? glyph(p, "\u2190", "<") : " ");
	else if (*l->label)
		fputc(' ', p->out);
	fprintf(p->out, "%s\n", l->label);
	p->nr_lines++;
}

/* ---- labels ---- */

/* Appends as many characters as there is room for in a label behind `indent`; what is no ASCII could have any width. */
static void append(const struct picture *p, int indent, char *label, const char *text)
{
	size_t at = strlen(label), room = (size_t)(p->label - indent);

	for (; *text && at < room; text++)
		label[at++] = (unsigned char)*text - 0x20u < 0x5f ? *text : '?';
	if (*text)
		label[room - 1] = '~';
	label[at] = '\0';
}

static void label_size(const struct picture *p, char *label, uint64_t bytes)
{
	char size[TABLE_CELL], text[TABLE_CELL + 4];

	snprintf(text, sizeof(text), "%*s", SIZE_CHARS, figure_bytes(size, bytes));
	label[0] = '\0';
	append(p, 0, label, text);
}

static enum fill fill_of(const struct picture *p, const struct phys_run *run)
{
	if (run->nr_claims > 1)
		return FILL_OVERLAP;
	if (run->nr_claims)
		return (enum fill)boot_class(&p->show->cfg->region[run->claim[0]]);
	return run->what == PHYS_RAM ? FILL_FREE : FILL_NONE;
}

static void label_run(const struct picture *p, const struct phys_run *run, char *label)
{
	label_size(p, label, run->size);
	for (unsigned int k = 0; k < run->nr_claims; k++) {
		append(p, 0, label, k ? " + " : "  ");
		append(p, 0, label, p->show->cfg->region[run->claim[k]].name);
	}
	if (run->what != PHYS_RAM)
		append(p, 0, label,
		       run->nr_claims		? " (not RAM)"
		       : run->what == PHYS_HOLE ? "  hole"
						: "  not RAM");
}

/* ---- a run ---- */

struct drawn {
	struct line line;
	int rows, part; /* whole rows to come, and cells of the one behind them */
};

/* A row of cells as far as there are any left, with a label. */
static void next_row(struct picture *p, struct drawn *d, const char *label)
{
	d->line.cells = 0;
	d->line.label = label;
	if (d->rows > 0) {
		d->line.cells = p->cells;
		d->rows--;
	} else {
		d->line.cells = d->part;
		d->part = 0;
	}
	print_line(p, &d->line);
	d->line.address = NULL;
}

/* Who refers to the regions that begin with this run, in lines below their names. */
static void user_rows(struct picture *p, const struct phys_run *run, struct drawn *d)
{
	char text[LABEL] = "", one[BOOT_USER_TEXT];
	const struct phys_user *user;
	unsigned int lines = 0, more = 0;

	d->line.users = d->line.arrow = true;
	for (unsigned int k = 0; k < run->nr_claims; k++) {
		unsigned int at = 0;

		if (p->show->cfg->region[run->claim[k]].base != run->base)
			continue;
		while ((user = phys_map_user(p->show->map, run->claim[k], &at))) {
			size_t n;

			/* the name of an entry says more than its number, and there is room for one */
			if (user->name[0])
				snprintf(one, sizeof(one), "%s[%s]", user->device, user->name);
			else
				boot_user_text(user, one);
			n = strlen(one);

			if (*text && strlen(text) + 3 + n > (size_t)(p->label - INDENT)) {
				append(p, INDENT, text, ",");
				next_row(p, d, text);
				d->line.arrow = false;
				text[0] = '\0';
				lines++;
			}
			more += lines == MOST_USERS;
			if (lines == MOST_USERS)
				continue;
			append(p, INDENT, text, *text ? ", " : "");
			append(p, INDENT, text, one);
		}
	}
	if (more)
		snprintf(text, sizeof(text), "and %u more", more);
	if (*text)
		next_row(p, d, text);
	d->line.users = false;
}

static void draw_run(struct picture *p, const struct phys_run *run, uint64_t unit)
{
	char label[LABEL];
	uint64_t cell = unit / (uint64_t)p->cells + 1, rows = run->size / unit;
	struct drawn d = {
		.line = {.zone = run->zone,
			 .address = &run->base,
			 .edge = run->what == PHYS_RAM ? EDGE_RAM : EDGE_OTHER,
			 .fill = fill_of(p, run)},
		.rows = (int)(rows < MOST_ROWS ? rows : MOST_ROWS),
		.part = (int)((run->size % unit + cell / 2) / cell),
	};

	if (d.line.fill == FILL_NONE)
		d.rows = d.part = 0;
	else if (!d.rows && !d.part)
		d.part = 1;
	label_run(p, run, label);
	next_row(p, &d, label);
	user_rows(p, run, &d);
	while (d.rows || d.part)
		next_row(p, &d, "");
}

/* ---- all of it ---- */

/* What a row of cells of this bank is: a power of two. */
static uint64_t row_bytes(const struct boot_bank *bank)
{
	uint64_t unit = 4096;

	while (bank->size > unit * BANK_ROWS)
		unit *= 2;
	return unit;
}

static void bank_head(struct picture *p, const struct phys_run *run, uint64_t unit)
{
	const struct boot_bank *bank = &p->show->cfg->bank[run->bank];
	char label[LABEL], text[64], size[TABLE_CELL];

	label_size(p, label, bank->size);
	snprintf(text, sizeof(text), "  RAM %u, a row is %s", run->bank, figure_bytes(size, unit));
	append(p, 0, label, text);
	print_line(p, &(struct line){.zone = run->zone, .edge = EDGE_TOP, .label = label});
}

static void draw_all(struct picture *p)
{
	const struct phys_map *map = p->show->map;
	uint64_t unit = map->cfg->nr_banks ? row_bytes(&map->cfg->bank[0]) : 4096;

	p->nr_lines = 0;
	for (unsigned int i = 0; i < map->nr_runs; i++) {
		const struct phys_run *run = &map->run[i];
		bool ram = run->what == PHYS_RAM;

		if (ram && (!i || run[-1].what != PHYS_RAM || run[-1].bank != run->bank)) {
			unit = row_bytes(&map->cfg->bank[run->bank]);
			bank_head(p, run, unit);
		}
		draw_run(p, run, unit);
		if (ram &&
		    (i + 1 == map->nr_runs || run[1].what != PHYS_RAM || run[1].bank != run->bank))
			print_line(p, &(struct line){
					      .zone = run->zone, .edge = EDGE_BOTTOM, .label = ""});
	}
}

/* How each kind of memory is drawn, and how much of it there is. */
static void print_legend(const struct picture *p)
{
	uint64_t bytes[NR_FILLS] = {0};
	char size[TABLE_CELL], text[LABEL];
	int at = 0;

	for (unsigned int i = 0; i < p->show->map->nr_runs; i++)
		bytes[fill_of(p, &p->show->map->run[i])] += p->show->map->run[i].size;
	fputc('\n', p->out);
	for (int f = 0; f < FILL_NONE; f++) {
		const char *name = fill_look[f].name;
		int n;

		if (!bytes[f])
			continue;
		n = snprintf(text, sizeof(text), " %s %s",
			     name ? name : boot_class_name((enum boot_class)f),
			     figure_bytes(size, bytes[f])) +
		    1;
		if (at && at + 3 + n > p->screen->width) {
			fputc('\n', p->out);
			at = 0;
		}
		fputs(at ? "   " : "", p->out);
		if (p->screen->colour)
			fprintf(p->out, "\033[%sm", fill_look[f].colour);
		fputs(glyph(p, fill_look[f].utf8, fill_look[f].ascii), p->out);
		fprintf(p->out, "%s%s", p->screen->colour ? "\033[0m" : "", text);
		at += n + (at ? 3 : 0);
	}
	fputs(at ? "\n" : "", p->out);
}

void boot_map(const struct boot_show *show, const struct boot_screen *screen, FILE *out)
{
	struct picture p = {
		.show = show,
		.screen = screen,
		.out = out,
		.digits = boot_address_digits(show->map),
		.measuring = true,
	};
	int room = screen->width - ZONE_CHARS - 1 - (p.digits + 3) - 2 - 1;

	p.cells = room / 5 + 1;
	if (p.cells < LEAST_CELLS)
		p.cells = LEAST_CELLS;
	if (p.cells > MOST_CELLS)
		p.cells = MOST_CELLS;
	p.label = room - p.cells;
	if (p.label < LEAST_LABEL)
		p.label = LEAST_LABEL;
	if (p.label > LABEL / 2)
		p.label = LABEL / 2;
	for (int z = 0; z < MAX_NR_ZONES; z++)
		p.zone_first[z] = p.zone_last[z] = -1;
	draw_all(&p);
	p.measuring = false;
	fputc('\n', out);
	draw_all(&p);
	print_legend(&p);
}
