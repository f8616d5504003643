/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Devices beside the map, each as near to its regions as there is room, and arrows to them. */
#include <stdlib.h>
#include <string.h>
#include "boot_svg.h"
#include "svg.h"

#define HEAD 22.0 /* of a device: its name */
#define PORT                                                                                       \
	14.0 /* a line for each entry of memory-region, when there are several or they have names */
#define GAP 8.0

static bool has_ports(const struct svg_map *m, const struct svg_box *d)
{
	return d->nr > 1 || m->show->map->user[d->first].name[0] ||
	       m->show->map->user[d->first].index;
}

/* The middle of the row where a region begins. */
static double region_y(const struct svg_map *m, unsigned int region)
{
	const struct phys_map *map = m->show->map;

	for (unsigned int i = 0; i < map->nr_runs; i++)
		if (map->run[i].nr_claims && map->run[i].base == map->cfg->region[region].base)
			return (m->place[i].row + m->place[i].row_end) / 2;
	return SVG_TOP;
}

static int by_middle(const void *a, const void *b)
{
	const struct svg_box *x = a, *y = b;

	if (x->middle != y->middle)
		return x->middle < y->middle ? -1 : 1;
	return (x->first > y->first) - (x->first < y->first);
}

/* Downwards until none lies on another, then up again from the bottom. */
static void spread(const struct svg_map *m, struct svg_box *d, unsigned int n)
{
	double at = SVG_TOP, end = m->bottom;

	for (unsigned int i = 0; i < n; i++) {
		d[i].y = d[i].middle - d[i].height / 2;
		d[i].y = d[i].y < at ? at : d[i].y;
		at = d[i].y + d[i].height + GAP;
	}
	for (unsigned int i = n; i--;) {
		if (d[i].y + d[i].height > end)
			d[i].y = end - d[i].height;
		end = d[i].y - GAP;
	}
	at = SVG_TOP; /* more than there is room for: the picture grows */
	for (unsigned int i = 0; i < n; i++) {
		d[i].y = d[i].y < at ? at : d[i].y;
		at = d[i].y + d[i].height + GAP;
	}
}

bool svg_devices_place(struct svg_map *m)
{
	const struct phys_map *map = m->show->map;
	struct svg_box *all = calloc(map->nr_users + 1, sizeof(*all)), *d;

	m->box = all;
	m->nr_boxes = 0;
	if (!all)
		return false;
	for (unsigned int i = 0; i < map->nr_users; i++) {
		if (i && !strcmp(map->user[i].path, map->user[i - 1].path))
			all[m->nr_boxes - 1].nr++;
		else
			all[m->nr_boxes++] = (struct svg_box){.first = i, .nr = 1};
	}
	for (d = all; d < all + m->nr_boxes; d++) {
		d->height = HEAD + (has_ports(m, d) ? d->nr * PORT + 3 : 0);
		for (unsigned int k = 0; k < d->nr; k++)
			d->middle += region_y(m, map->user[d->first + k].region) / d->nr;
	}
	qsort(all, m->nr_boxes, sizeof(*all), by_middle);
	spread(m, all, m->nr_boxes);
	return true;
}

/* From the device's side to the end of the region's row. */
static void arrow(const struct svg_map *m, const struct phys_user *user, double y)
{
	const char *class = svg_region_class(&m->show->cfg->region[user->region]);
	double to = region_y(m, user->region), x = SVG_NAMES_END, bend = (SVG_DEVICE - x) * .55;

	fprintf(m->out, "<path d=\"M%d %.1fC%.1f %.1f %.1f %.1f %.1f %.1f\" class=\"to %s\"/>\n",
		SVG_DEVICE, y, SVG_DEVICE - bend, y, x + bend, to, x + 4, to, class);
	fprintf(m->out, "<path d=\"M%.1f %.1fl9 -4v8z\" class=\"%s\"/>\n", x - 4, to, class);
}

static void draw_device(const struct svg_map *m, const struct svg_box *d)
{
	const struct phys_user *user = &m->show->map->user[d->first];
	bool ports = has_ports(m, d);
	char text[BOOT_NAME_MAX * 2 + 32];

	fprintf(m->out, "<g>");
	svg_title(m->out, "%s", user->path);
	fprintf(m->out,
		"<rect x=\"%d\" y=\"%.1f\" width=\"%d\" height=\"%.1f\" rx=\"4\" class=\"dev\"/>\n",
		SVG_DEVICE, d->y, SVG_DEVICE_W, d->height);
	svg_text(m->out, SVG_DEVICE + 10, d->y + 15, "b", 36, user->device);
	for (unsigned int k = 0; k < d->nr; k++, user++) {
		double y = ports ? d->y + HEAD + (k + .5) * PORT - 1 : d->y + d->height / 2;

		if (ports) {
			snprintf(text, sizeof(text), "%u%s%s  %s", user->index,
				 *user->name ? " " : "", user->name,
				 m->show->cfg->region[user->region].name);
			svg_text(m->out, SVG_DEVICE + 10, y + 4, "s dim", 46, text);
		}
		arrow(m, user, y);
	}
	fprintf(m->out, "</g>\n");
}

void svg_devices_draw(const struct svg_map *m)
{
	for (unsigned int i = 0; i < m->nr_boxes; i++)
		draw_device(m, &m->box[i]);
}
