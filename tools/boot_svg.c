/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The physical map as a picture in SVG that stands alone. Twice the same runs from top to bottom: to scale (holes apart,
 * which are as high as their size has room), and in rows that can be read; bands lead from the one to the other.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "boot_svg.h"
#include "svg.h"
#include "table.h"

#define GAP	       20.0 /* a hole in the map to scale */
#define CHAR	       6.9  /* pixels of a character of a name, about */
#define NAME_CHARS     32
#define LEAST_HEIGHT   330.0
#define LEGEND_W       206
#define LEGEND_H       22
#define LEGEND_COLUMNS 6
#define SLOT	       UINT64_C(2048)

static const char *const class_style[BOOT_NR_CLASSES] = {
	[BOOT_CLASS_RESERVED] = "reserved",
	[BOOT_CLASS_NOMAP] = "nomap",
	[BOOT_CLASS_CMA] = "cma",
	[BOOT_CLASS_DMA_POOL] = "pool",
	[BOOT_CLASS_RESTRICTED] = "limited",
	[BOOT_CLASS_CARVEOUT] = "carveout",
	[BOOT_CLASS_MEMRESERVE] = "memreserve",
};

static const char style[] =
	"<style>\n"
	"text{font:12px system-ui,\"Segoe UI\",\"DejaVu Sans\",sans-serif;fill:#1f2328}\n"
	".mono{font-family:ui-monospace,\"DejaVu Sans Mono\",monospace;font-size:11px}\n"
	".h1{font-size:20px;font-weight:600}.b{font-weight:600}.s{font-size:10.5px}\n"
	".end{text-anchor:end}.mid{text-anchor:middle}.dim{fill:#59636e}\n"
	".bg{fill:#fff}.free{fill:#e4e9ee}.hole{fill:none;stroke:#818b98;stroke-dasharray:3 3}\n"
	".frame{fill:none;stroke:#59636e}.line{fill:none;stroke:#818b98}\n"
	".dots{fill:none;stroke:#b6bfc8;stroke-dasharray:1 "
	"4}.edge{stroke:#fff;stroke-width:1;fill:none}\n"
	".dev{fill:#f6f8fa;stroke:#818b98}\n"
	".cma{fill:#2f9e57}.pool{fill:#1a8a94}.limited{fill:#8957e5}.carveout{fill:#2f81f7}\n"
	".reserved{fill:#bf8700}.nomap{fill:#d1503f}.memreserve{fill:#8a6d3b}.overlap{fill:url(#"
	"overlap)}\n"
	".band{fill-opacity:.2}\n"
	".to{fill:none;stroke-width:1.3;stroke-opacity:.85}\n"
	".to.cma{fill:none;stroke:#2f9e57}.to.pool{fill:none;stroke:#1a8a94}.to.limited{fill:none;"
	"stroke:#8957e5}\n"
	".to.carveout{fill:none;stroke:#2f81f7}.to.reserved{fill:none;stroke:#bf8700}\n"
	".to.nomap{fill:none;stroke:#d1503f}.to.memreserve{fill:none;stroke:#8a6d3b}\n"
	"@media (prefers-color-scheme:dark){\n"
	"text{fill:#e6edf3}.dim{fill:#9198a1}.bg{fill:#0d1117}.free{fill:#2a313c}.edge{stroke:#"
	"0d1117}\n"
	".frame{stroke:#9198a1}.dots{stroke:#3d444d}.dev{fill:#151b23;stroke:#656c76}\n"
	"}\n"
	"</style>\n"
	"<defs><pattern id=\"overlap\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\" "
	"patternTransform=\"rotate(45)\"><rect width=\"8\" height=\"8\" fill=\"#ffd33d\"/>"
	"<rect width=\"4\" height=\"8\" fill=\"#b31d28\"/></pattern></defs>\n";

const char *svg_region_class(const struct boot_region *r)
{
	return class_style[boot_class(r)];
}

const char *svg_class(const struct boot_show *show, const struct phys_run *run)
{
	if (run->nr_claims > 1)
		return "overlap";
	if (run->nr_claims)
		return svg_region_class(&show->cfg->region[run->claim[0]]);
	return run->what == PHYS_RAM ? "free" : "hole";
}

/* ---- where everything lies ---- */

static double row_height(const struct phys_run *run)
{
	if (run->nr_claims)
		return run->size >= UINT64_C(256) << 20	 ? 48
		       : run->size >= UINT64_C(32) << 20 ? 34
							 : 24;
	if (run->what != PHYS_RAM)
		return 24;
	return run->size >= UINT64_C(1) << 30 ? 48 : run->size >= UINT64_C(128) << 20 ? 30 : 17;
}

static bool begins_gap(const struct phys_map *map, unsigned int i)
{
	return map->run[i].what != PHYS_RAM && (!i || map->run[i - 1].what == PHYS_RAM);
}

/* Rows one below the other; stretched where there are few. */
static void place_rows(struct svg_map *m)
{
	const struct phys_map *map = m->show->map;
	double y = SVG_TOP, sum = 0, stretch;

	for (unsigned int i = 0; i < map->nr_runs; i++)
		sum += row_height(&map->run[i]);
	stretch = sum > 0 && sum < LEAST_HEIGHT ? LEAST_HEIGHT / sum : 1;
	for (unsigned int i = 0; i < map->nr_runs; i++) {
		m->place[i].row = y;
		y += row_height(&map->run[i]) * stretch;
		m->place[i].row_end = y;
	}
	m->bottom = y;
}

static void place_scale(struct svg_map *m)
{
	const struct phys_map *map = m->show->map;
	double y = SVG_TOP, gaps = 0, ram = 0, pixel;

	for (unsigned int i = 0; i < map->nr_runs; i++) {
		if (map->run[i].what == PHYS_RAM)
			ram += (double)map->run[i].size;
		else if (begins_gap(map, i))
			gaps += GAP;
	}
	pixel = ram > 0 ? (m->bottom - SVG_TOP - gaps) / ram : 0;
	for (unsigned int i = 0; i < map->nr_runs; i++) {
		m->place[i].scale = y;
		if (map->run[i].what == PHYS_RAM)
			y += pixel * (double)map->run[i].size;
		else if (begins_gap(map, i))
			y += GAP;
		else
			m->place[i].scale = m->place[i - 1].scale;
		m->place[i].scale_end = y;
	}
}

/* ---- the map to scale ---- */

static void band(const struct svg_map *m, unsigned int i)
{
	const struct svg_place *p = &m->place[i];

	fprintf(m->out, "<path d=\"M%d %.1fL%d %.1fV%.1fL%d %.1fz\" class=\"%s band\"/>\n",
		SVG_SCALE + SVG_SCALE_W, p->scale, SVG_ROWS, p->row, p->row_end,
		SVG_SCALE + SVG_SCALE_W, p->scale_end, svg_class(m->show, &m->show->map->run[i]));
}

static void scale_run(const struct svg_map *m, unsigned int i)
{
	const struct phys_run *run = &m->show->map->run[i];
	const struct svg_place *p = &m->place[i];

	if (run->what == PHYS_RAM)
		svg_rect(m->out, SVG_SCALE, p->scale, SVG_SCALE_W, p->scale_end - p->scale,
			 svg_class(m->show, run));
	if (run->nr_claims)
		band(m, i);
}

/* The frame of the bank that begins with run i, and its name where there is nobody in the way. */
static void scale_bank(const struct svg_map *m, unsigned int i)
{
	const struct phys_map *map = m->show->map;
	const struct boot_bank *bank = &map->cfg->bank[map->run[i].bank];
	double x = SVG_SCALE + SVG_SCALE_W / 2.0, from = m->place[i].scale, best = 0, at = 0;
	char size[TABLE_CELL], name[32];

	while (i + 1 < map->nr_runs &&
	       map->run[i].base + map->run[i].size < bank->base + bank->size)
		i++;
	for (unsigned int k = i + 1; k-- && map->run[k].base >= bank->base;) {
		double h = m->place[k].scale_end - m->place[k].scale;

		if (map->run[k].nr_claims || h <= best)
			continue;
		best = h;
		at = m->place[k].scale + h / 2;
	}
	svg_rect(m->out, SVG_SCALE, from, SVG_SCALE_W, m->place[i].scale_end - from, "frame");
	if (best < 30)
		return;
	snprintf(name, sizeof(name), "RAM %u", map->run[i].bank);
	svg_text(m->out, x, at - 2, "mid b s", 12, name);
	svg_text(m->out, x, at + 12, "mid s", 12, figure_bytes(size, bank->size));
}

static void scale_gap(const struct svg_map *m, unsigned int i)
{
	const struct phys_map *map = m->show->map;
	char size[TABLE_CELL];
	uint64_t bytes = 0;
	double y = m->place[i].scale;

	for (unsigned int k = i; k < map->nr_runs && map->run[k].what != PHYS_RAM; k++)
		bytes += map->run[k].size;
	svg_text(m->out, SVG_SCALE + SVG_SCALE_W / 2.0, y + GAP / 2 + 4, "mid s dim", 12,
		 figure_bytes(size, bytes));
}

static void zone_bracket(const struct svg_map *m, int zone)
{
	const struct phys_map *map = m->show->map;
	double from = -1, to = 0;

	for (unsigned int i = 0; i < map->nr_runs; i++) {
		if (map->run[i].zone != zone)
			continue;
		from = from < 0 ? m->place[i].scale : from;
		to = m->place[i].scale_end;
	}
	if (from < 0)
		return;
	fprintf(m->out, "<g>");
	svg_title(m->out, "zone %s", boot_zone_name(m->show->cfg, zone));
	fprintf(m->out, "<path d=\"M%d %.1fh-7V%.1fh7\" class=\"line\"/>\n", SVG_ZONES, from + 1,
		to - 1);
	svg_text(m->out, SVG_ZONES - 13, (from + to) / 2 + 4, "end b", 10,
		 boot_zone_name(m->show->cfg, zone));
	fprintf(m->out, "</g>\n");
}

static void draw_scale(const struct svg_map *m)
{
	const struct phys_map *map = m->show->map;

	for (unsigned int i = 0; i < map->nr_runs; i++)
		scale_run(m, i);
	for (unsigned int i = 0; i < map->nr_runs; i++) {
		const struct phys_run *run = &map->run[i];

		if (run->what == PHYS_RAM && run->base == map->cfg->bank[run->bank].base)
			scale_bank(m, i);
		if (begins_gap(map, i))
			scale_gap(m, i);
	}
	for (int z = 0; z < MAX_NR_ZONES; z++)
		zone_bracket(m, z);
}

/* ---- rows ---- */

/* All that is to be said of a run, for a pointer that rests on it. */
static void row_title(const struct svg_map *m, const struct phys_run *run)
{
	char text[768] = "", size[32], one[BOOT_USER_TEXT];
	const struct phys_user *user;
	size_t at = 0;

	for (unsigned int k = 0; k < run->nr_claims && at < sizeof(text); k++) {
		const struct boot_region *r = &m->show->cfg->region[run->claim[k]];
		unsigned int next = 0;

		at += (size_t)snprintf(text + at, sizeof(text) - at, "\n%s %s",
				       boot_class_name(boot_class(r)), r->name);
		while (at < sizeof(text) &&
		       (user = phys_map_user(m->show->map, run->claim[k], &next)))
			at += (size_t)snprintf(text + at, sizeof(text) - at, "\n  used by %s",
					       boot_user_text(user, one));
	}
	svg_title(m->out, "0x%" PRIx64 "-0x%" PRIx64 ", %s%s%s%s", run->base,
		  run->base + run->size - 1, boot_size_text(run->size, size, sizeof(size)),
		  run->zone >= 0 ? ", zone " : ", not RAM",
		  run->zone >= 0 ? boot_zone_name(m->show->cfg, run->zone) : "", text);
}

/* Whose it is, the kind of it, and dots to where arrows end. */
static void row_names(const struct svg_map *m, const struct phys_run *run, double y)
{
	const struct boot_config *cfg = m->show->cfg;
	const struct boot_region *r = &cfg->region[run->claim[0]];
	const char *ram = run->what == PHYS_RAM ? "" : ", not RAM";
	char name[2 * BOOT_NAME_MAX + 32], kind[64];
	double from, to = SVG_KIND - 8;
	size_t n;

	if (run->nr_claims == 1)
		snprintf(name, sizeof(name), "%s", r->name);
	else
		snprintf(name, sizeof(name), "%s + %s%s", r->name, cfg->region[run->claim[1]].name,
			 run->nr_claims > 2 ? " + more" : "");
	snprintf(kind, sizeof(kind), "%s%s",
		 run->nr_claims == 1 ? boot_class_name(boot_class(r)) : "overlap", ram);
	svg_text(m->out, SVG_NAME, y, "", NAME_CHARS, name);
	svg_text(m->out, SVG_KIND, y, "s dim", 32, kind);
	n = strlen(name) < NAME_CHARS ? strlen(name) : NAME_CHARS;
	from = SVG_NAME + (double)n * CHAR + 8;
	if (from < to)
		svg_line(m->out, from, y - 4, to, y - 4, "dots");
	from = SVG_KIND + (double)strlen(kind) * 6.2 + 8;
	if (from < SVG_NAMES_END - 12)
		svg_line(m->out, from, y - 4, SVG_NAMES_END - 10, y - 4, "dots");
}

static void row_unclaimed(const struct svg_map *m, const struct phys_run *run, double y)
{
	char text[32] = "not RAM";

	if (run->what == PHYS_HOLE)
		snprintf(text, sizeof(text), "hole");
	else if (run->what == PHYS_RAM)
		snprintf(text, sizeof(text), "RAM %u", run->bank);
	svg_text(m->out, SVG_NAME, y, "s dim", 20, text);
}

static void draw_row(const struct svg_map *m, unsigned int i)
{
	const struct phys_run *run = &m->show->map->run[i];
	const struct svg_place *p = &m->place[i];
	double y = (p->row + p->row_end) / 2 + 4;
	char size[TABLE_CELL], address[32];

	fprintf(m->out, "<g>");
	row_title(m, run);
	svg_rect(m->out, SVG_ROWS, p->row, SVG_ROWS_W, p->row_end - p->row,
		 svg_class(m->show, run));
	svg_line(m->out, SVG_ROWS, p->row, SVG_ROWS + SVG_ROWS_W, p->row, "edge");
	snprintf(address, sizeof(address), "0x%0*" PRIx64, boot_address_digits(m->show->map),
		 run->base);
	svg_text(m->out, SVG_ADDRESS, y, run->nr_claims ? "mono" : "mono dim", 20, address);
	svg_text(m->out, SVG_SIZE_END, y, run->nr_claims ? "end" : "end dim", 12,
		 figure_bytes(size, run->size));
	if (run->nr_claims)
		row_names(m, run, y);
	else
		row_unclaimed(m, run, y);
	fprintf(m->out, "</g>\n");
}

/* ---- around it ---- */

static void head(const struct svg_map *m, double height)
{
	const struct boot_config *cfg = m->show->cfg;
	char size[TABLE_CELL], text[128];
	uint64_t ram = 0;

	for (unsigned int i = 0; i < cfg->nr_banks; i++)
		ram += cfg->bank[i].size;
	snprintf(text, sizeof(text), "%s of RAM in %u bank%s, %u region%s", figure_bytes(size, ram),
		 cfg->nr_banks, cfg->nr_banks == 1 ? "" : "s", cfg->nr_regions,
		 cfg->nr_regions == 1 ? "" : "s");
	fprintf(m->out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%.0f\" "
		"viewBox=\"0 0 %d %.0f\" role=\"img\" aria-labelledby=\"title desc\">\n",
		SVG_WIDTH, height, SVG_WIDTH, height);
	fputs("<title id=\"title\">Physical memory of ", m->out);
	svg_escape(m->out, *cfg->model ? cfg->model : "a machine");
	fputs("</title>\n<desc id=\"desc\">", m->out);
	svg_escape(m->out, text);
	fputs("; banks, holes, zones and regions by address from top to bottom, and arrows from "
	      "devices to the regions that they refer to.</desc>\n",
	      m->out);
	fputs(style, m->out);
	svg_rect(m->out, 0, 0, SVG_WIDTH, height, "bg");
	svg_text(m->out, 20, 36, "h1", 64, *cfg->model ? cfg->model : "Physical memory");
	svg_text(m->out, 20, 58, "dim", 120, text);
	if (*cfg->bootargs)
		svg_text(m->out, 300, 58, "mono dim", 125, cfg->bootargs);
	svg_text(m->out, SVG_ZONES - 13, SVG_TOP - 12, "end s dim", 20, "zones");
	svg_text(m->out, SVG_SCALE + SVG_SCALE_W / 2.0, SVG_TOP - 12, "mid s dim", 20, "to scale");
	svg_text(m->out, SVG_ROWS + SVG_ROWS_W / 2.0, SVG_TOP - 12, "mid s dim", 20, "enlarged");
	svg_text(m->out, SVG_ADDRESS, SVG_TOP - 12, "s dim", 20, "from");
	svg_text(m->out, SVG_SIZE_END, SVG_TOP - 12, "end s dim", 20, "size");
	svg_text(m->out, SVG_NAME, SVG_TOP - 12, "s dim", 20, "region");
	svg_text(m->out, SVG_KIND, SVG_TOP - 12, "s dim", 20, "kind");
	if (m->show->map->nr_users)
		svg_text(m->out, SVG_DEVICE, SVG_TOP - 12, "s dim", 40, "devices that refer to it");
}

/* Every kind of memory in the map, with how much of it there is; returns how far down it goes. */
static double legend(const struct svg_map *m, double y, bool draw)
{
	static const struct {
		const char *style, *name;
	} rest[] = {{"free", "nobody's"}, {"overlap", "overlap"}, {"hole", "not RAM"}};
	const struct phys_map *map = m->show->map;
	int at = 0;

	for (int c = 0; c < BOOT_NR_CLASSES + 3; c++) {
		int k = c - BOOT_NR_CLASSES;
		const char *look = k < 0 ? class_style[c] : rest[k].style;
		int column = at % LEGEND_COLUMNS, row = at / LEGEND_COLUMNS;
		double x = 20 + column * LEGEND_W, line = y + row * LEGEND_H;
		char size[TABLE_CELL], text[96];
		uint64_t bytes = 0;

		for (unsigned int i = 0; i < map->nr_runs; i++)
			if (!strcmp(look, svg_class(m->show, &map->run[i])))
				bytes += map->run[i].size;
		if (!bytes)
			continue;
		at++;
		if (!draw)
			continue;
		svg_rect(m->out, x, line, 14, 14, look);
		snprintf(text, sizeof(text), "%s, %s",
			 k < 0 ? boot_class_name((enum boot_class)c) : rest[k].name,
			 figure_bytes(size, bytes));
		svg_text(m->out, x + 20, line + 11, "", 40, text);
	}
	at = (at + LEGEND_COLUMNS - 1) / LEGEND_COLUMNS;
	return y + at * LEGEND_H;
}

/* What has no address before a machine is made; false: there is nothing. */
static bool unplaced(const struct svg_map *m, double y, bool draw)
{
	struct boot_dma_plan plan;
	char text[256], size[TABLE_CELL];
	size_t at;

	boot_config_dma(m->show->cfg, &plan);
	at = (size_t)snprintf(text, sizeof(text), "placed when a machine is made:");
	for (int z = 0; z < MAX_NR_ZONES; z++)
		if (plan.atomic_pool[z])
			at += (size_t)snprintf(text + at, sizeof(text) - at, " atomic pool %s %s,",
					       boot_zone_name(m->show->cfg, z),
					       figure_bytes(size, plan.atomic_pool[z]));
	if (plan.swiotlb_slabs)
		snprintf(text + at, sizeof(text) - at, " bounce buffers %s",
			 figure_bytes(size, plan.swiotlb_slabs * SLOT));
	else if (text[at - 1] == ',')
		text[at - 1] = '\0';
	else
		return false;
	if (draw)
		svg_text(m->out, 20, y, "dim", 160, text);
	return true;
}

bool boot_svg(const struct boot_show *show, FILE *out)
{
	struct svg_map m = {.show = show, .out = out};
	double end, foot, notes, height;

	place_rows(&m);
	place_scale(&m);
	if (!svg_devices_place(&m))
		return false;
	end = m.bottom;
	if (m.nr_boxes && m.box[m.nr_boxes - 1].y + m.box[m.nr_boxes - 1].height > end)
		end = m.box[m.nr_boxes - 1].y + m.box[m.nr_boxes - 1].height;
	end += 30;
	foot = legend(&m, end, false) + 18;
	notes = foot + (unplaced(&m, foot, false) ? 26 : 6);
	height = show->cfg->nr_notes ? svg_notes(&m, notes, false) : foot + 20;
	head(&m, height);
	draw_scale(&m);
	for (unsigned int i = 0; i < show->map->nr_runs; i++)
		draw_row(&m, i);
	svg_devices_draw(&m);
	(void)legend(&m, end, true);
	(void)unplaced(&m, foot, true);
	(void)svg_notes(&m, notes, true);
	fputs("</svg>\n", out);
	free(m.box);
	return true;
}
