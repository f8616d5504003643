/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* At the foot of the picture: where Linux goes on and a machine would not, numbered. */
#include <string.h>
#include "boot_svg.h"
#include "svg.h"

#define LEFT	   20
#define INDENT	   44 /* of the text, behind the number */
#define LINE	   15.0
#define LINE_CHARS 180 /* of 10.5 pixels, in what is left of SVG_WIDTH */

/* How much of the text goes on one line: up to a blank, if there is one. */
static size_t line_length(const char *text)
{
	size_t n = strlen(text);

	if (n <= LINE_CHARS)
		return n;
	for (n = LINE_CHARS; n && text[n] != ' ';)
		n--;
	return n ? n : LINE_CHARS;
}

static double print_note(const struct svg_map *m, unsigned int number, const char *text, double y,
			 bool draw)
{
	char line[LINE_CHARS + 1], label[16];

	snprintf(label, sizeof(label), "%u.", number);
	if (draw)
		svg_text(m->out, INDENT - 6, y, "end s b", sizeof(label), label);
	while (*text) {
		size_t n = line_length(text);

		memcpy(line, text, n);
		line[n] = '\0';
		if (draw)
			svg_text(m->out, INDENT, y, "s", LINE_CHARS, line);
		text += n + (text[n] == ' ');
		y += LINE;
	}
	return y;
}

double svg_notes(const struct svg_map *m, double y, bool draw)
{
	const struct boot_config *cfg = m->show->cfg;
	char more[48];

	if (!cfg->nr_notes)
		return y;
	if (draw)
		svg_text(m->out, LEFT, y, "b", 80,
			 "Linux goes on where these are; a machine of ours does not");
	y += LINE + 4;
	for (unsigned int i = 0; i < cfg->nr_notes && i < BOOT_MAX_NOTES; i++)
		y = print_note(m, i + 1, cfg->note[i].text, y, draw);
	if (cfg->nr_notes > BOOT_MAX_NOTES) {
		snprintf(more, sizeof(more), "and %u more", cfg->nr_notes - BOOT_MAX_NOTES);
		if (draw)
			svg_text(m->out, INDENT, y, "s", sizeof(more), more);
		y += LINE;
	}
	return y + 6;
}
