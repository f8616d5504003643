/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A layout as text: the boot log, a table of what lies where, devices, notes. */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include "boot_devices.h"
#include "boot_show.h"
#include "boot_words.h"

#define SLOT	   UINT64_C(2048) /* bytes of bounce buffers */
#define FLAGS_TEXT 512

/* A row; without an address when it is not placed yet. */
struct row {
	const char *kind;
	const char *name;
	uint64_t base, size;
	bool unplaced;
	char flags[FLAGS_TEXT]; /* "": none */
	int region;		/* whose users are shown; -1: none */
};

struct rows {
	const struct boot_show *show;
	const struct boot_screen *screen;
	FILE *out;
	int digits;
	int kind_width, name_width, flags_width; /* of the widest; set by the first of two passes */
	bool measuring;
};

FH_PRINTF(2, 3) static void add_flag(char *flags, const char *fmt, ...)
{
	size_t at = strlen(flags);
	va_list ap;

	if (at + 2 >= FLAGS_TEXT)
		return;
	if (at)
		flags[at++] = ',';
	va_start(ap, fmt);
	vsnprintf(flags + at, FLAGS_TEXT - at, fmt, ap);
	va_end(ap);
}

static int wider(int a, const char *text)
{
	int n = (int)strlen(text);

	return n > a ? n : a;
}

/* Device by device, the next of a row's users into text[]; false: no more. A comma is behind all but the last. */
static bool next_user(const struct rows *rows, const struct row *row, unsigned int *at,
		      char text[BOOT_USER_TEXT + 1])
{
	const struct phys_map *map = rows->show->map;
	const struct phys_user *user = NULL;
	char one[BOOT_USER_TEXT];
	unsigned int peek;
	bool more;

	if (row->region >= 0)
		user = phys_map_user(map, (unsigned int)row->region, at);
	if (!user)
		return false;
	peek = *at;
	more = phys_map_user(map, (unsigned int)row->region, &peek);
	snprintf(text, BOOT_USER_TEXT + 1, "%s%s", boot_user_text(user, one), more ? "," : "");
	return true;
}

/* What a row has no room for, on lines of their own below it; broken behind commas. */
static void print_below(const struct rows *rows, const struct row *row, bool users)
{
	char word[BOOT_USER_TEXT + 1];
	const char *head = *row->flags ? "; used by " : "used by ";
	unsigned int next = 0;
	int at = BOOT_INDENT;

	fprintf(rows->out, "%*s", BOOT_INDENT, "");
	for (const char *s = row->flags; *s;) {
		int n = (int)strcspn(s, ",");

		n += s[n] == ',';
		boot_screen_word(rows->screen, rows->out, &at, s, n);
		s += n;
	}
	if (users)
		boot_screen_word(rows->screen, rows->out, &at, head, (int)strlen(head));
	while (next_user(rows, row, &next, word))
		boot_screen_word(rows->screen, rows->out, &at, word, (int)strlen(word));
	fputc('\n', rows->out);
}

/* A row's last columns, or what there is of them in lines of the screen's width; n characters are there already. */
static void print_rest(const struct rows *rows, const struct row *row, int n)
{
	int all = n + rows->name_width + 2 + rows->flags_width + 2;
	char word[BOOT_USER_TEXT + 1];
	unsigned int next = 0;
	bool users = false;

	while (next_user(rows, row, &next, word)) {
		all += (int)strlen(word);
		users = true;
	}
	next = 0;
	if (rows->screen->wrap && all > rows->screen->width) {
		fprintf(rows->out, "%s\n", row->name);
		if (*row->flags || users)
			print_below(rows, row, users);
	} else if (users) {
		fprintf(rows->out, "%-*s  %-*s  ", rows->name_width, row->name, rows->flags_width,
			*row->flags ? row->flags : "-");
		while (next_user(rows, row, &next, word))
			fputs(word, rows->out);
		fputc('\n', rows->out);
	} else if (*row->flags) {
		fprintf(rows->out, "%-*s  %s\n", rows->name_width, row->name, row->flags);
	} else {
		fprintf(rows->out, "%s\n", row->name);
	}
}

static void print_row(struct rows *rows, const struct row *row)
{
	char size[32], start[24] = "-", end[24] = "-";
	int w = rows->digits + 2, n;

	if (rows->measuring) {
		rows->kind_width = wider(rows->kind_width, row->kind);
		rows->name_width = wider(rows->name_width, row->name);
		rows->flags_width = wider(rows->flags_width, row->flags);
		return;
	}
	if (!row->unplaced) {
		snprintf(start, sizeof(start), "0x%0*" PRIx64, rows->digits, row->base);
		snprintf(end, sizeof(end), "0x%0*" PRIx64, rows->digits, row->base + row->size - 1);
	}
	n = fprintf(rows->out, "%-*s  %-*s  %-*s  %9s  ", rows->kind_width, row->kind, w, start, w,
		    end, boot_size_text(row->size, size, sizeof(size)));
	print_rest(rows, row, n);
}

/* ---- what there is ---- */

static void banks_and_holes(struct rows *rows)
{
	const struct boot_config *cfg = rows->show->cfg;
	char name[32];

	for (unsigned int i = 0; i < cfg->nr_banks; i++) {
		const struct boot_bank *b = &cfg->bank[i];
		uint64_t end = i ? b[-1].base + b[-1].size : b->base;

		if (end < b->base)
			print_row(rows, &(struct row){.kind = "hole",
						      .name = "-",
						      .base = end,
						      .size = b->base - end,
						      .region = -1});
		snprintf(name, sizeof(name), "RAM %u", i);
		print_row(rows, &(struct row){.kind = "bank",
					      .name = name,
					      .base = b->base,
					      .size = b->size,
					      .region = -1});
	}
}

static void zones(struct rows *rows)
{
	struct boot_bank span;

	for (int z = 0; z < MAX_NR_ZONES; z++)
		if (boot_config_zone(rows->show->cfg, (enum zone_type)z, &span))
			print_row(rows, &(struct row){.kind = "zone",
						      .name = boot_zone_name(rows->show->cfg, z),
						      .base = span.base,
						      .size = span.size,
						      .region = -1});
}

static void region(struct rows *rows, unsigned int i)
{
	const struct boot_region *r = &rows->show->cfg->region[i];
	struct row row = {.kind = boot_class_name(boot_class(r)),
			  .name = r->name,
			  .base = r->base,
			  .size = r->size,
			  .region = (int)i};
	unsigned int at = 0;
	const char *flag;

	while ((flag = boot_flag_name(r->flags, &at)))
		add_flag(row.flags, "%s", flag);
	if (r->kind == BOOT_REGION_CMA)
		add_flag(row.flags, "policy=%s", load_policy_name(rows->show->cfg->policy));
	if (phys_map_overlaps(rows->show->map, i))
		add_flag(row.flags, "OVERLAPS");
	if (!phys_map_in_ram(rows->show->map, i))
		add_flag(row.flags, "not-ram");
	print_row(rows, &row);
}

/* What is placed only when the machine is born has no address yet. */
static void pools(struct rows *rows)
{
	const struct boot_config *cfg = rows->show->cfg;
	struct row bounce = {
		.kind = "bounce-buffers", .name = "swiotlb", .unplaced = true, .region = -1};
	struct boot_dma_plan plan;

	boot_config_dma(cfg, &plan);
	for (int z = 0; z < MAX_NR_ZONES; z++)
		if (plan.atomic_pool[z])
			print_row(rows, &(struct row){.kind = "atomic-pool",
						      .name = boot_zone_name(cfg, z),
						      .size = plan.atomic_pool[z],
						      .unplaced = true,
						      .region = -1});
	if (!plan.swiotlb_slabs)
		return;
	bounce.size = plan.swiotlb_slabs * SLOT;
	add_flag(bounce.flags, "%u area%s", plan.swiotlb_areas, plan.swiotlb_areas == 1 ? "" : "s");
	if (cfg->dma.swiotlb_force)
		add_flag(bounce.flags, "force");
	print_row(rows, &bounce);
}

static void all_rows(struct rows *rows)
{
	unsigned char order[BOOT_MAX_REGIONS];
	unsigned int n = boot_regions_by_address(rows->show->cfg, order);

	banks_and_holes(rows);
	zones(rows);
	for (unsigned int i = 0; i < n; i++)
		region(rows, order[i]);
	pools(rows);
}

static void print_table(const struct boot_show *show, const struct boot_screen *screen, FILE *out)
{
	struct rows rows = {.show = show, .screen = screen, .out = out, .measuring = true};
	int w;

	rows.digits = boot_address_digits(show->map);
	w = rows.digits + 2;
	all_rows(&rows);
	rows.measuring = false;
	fprintf(out, "\n%-*s  %-*s  %-*s  %9s  ", rows.kind_width, "kind", w, "start", w, "end",
		"size");
	if (screen->wrap)
		fprintf(out, "name\n");
	else
		fprintf(out, "%-*s  %-*s  %s\n", rows.name_width, "name", rows.flags_width, "flags",
			"users");
	all_rows(&rows);
}

/* What Linux lets pass, and no machine of ours would. */
static void print_notes(const struct boot_config *cfg, FILE *out)
{
	if (cfg->arm.core[0])
		fprintf(out,
			"\nnote: laid out as by a kernel for 32-bit ARM, for the tree's CPUs are "
			"%s (--arch and --kconfig say otherwise)\n",
			cfg->arm.core);
	for (unsigned int i = 0; i < cfg->nr_notes && i < BOOT_MAX_NOTES; i++)
		fprintf(out, "%snote: %s\n", i ? "" : "\n", cfg->note[i].text);
	if (cfg->nr_notes > BOOT_MAX_NOTES)
		fprintf(out, "note: and %u more\n", cfg->nr_notes - BOOT_MAX_NOTES);
	if (cfg->nr_notes)
		fprintf(out, "Linux goes on where these are; `freehold run' does not\n");
}

void boot_text(const struct boot_show *show, const struct boot_screen *screen, bool picture,
	       FILE *out)
{
	fputs(show->cfg->dmesg, out);
	print_table(show, screen, out);
	boot_devices_text(show->cfg, show->tree, screen, out);
	if (picture)
		boot_map(show, screen, out);
	print_notes(show->cfg, out);
}
