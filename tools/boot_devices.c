/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The devices of a tree, shown. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "boot_devices.h"
#include "json_text.h"

static const char *const link_name[] = {
	[BOOT_LINK_REGION] = "region",
	[BOOT_LINK_OFF] = "disabled",
	[BOOT_LINK_DROPPED] = "no region",
	[BOOT_LINK_NONE] = "missing",
};

/* Whether the windows show all RAM at the addresses that the CPU uses. */
static bool sees_all(const struct boot_config *cfg, const struct boot_device *dev)
{
	for (unsigned int b = 0; b < cfg->nr_banks && dev->nr_ranges; b++) {
		const struct boot_bank *bank = &cfg->bank[b];
		bool inside = false;

		for (unsigned int i = 0; i < dev->nr_ranges; i++) {
			const struct bus_dma_region *r = &dev->range[i];

			inside |= r->cpu.v == r->dma.v && bank->base >= r->cpu.v &&
				  bank->base - r->cpu.v < r->size &&
				  bank->size <= r->size - (bank->base - r->cpu.v);
		}
		if (!inside)
			return false;
	}
	return true;
}

void boot_device_reach(const struct boot_config *cfg, const struct boot_device *dev, char *buf,
		       size_t size)
{
	size_t at = 0;

	if (sees_all(cfg, dev)) {
		snprintf(buf, size, "all RAM");
		return;
	}
	buf[0] = '\0';
	for (unsigned int i = 0; i < dev->nr_ranges && at < size; i++) {
		const struct bus_dma_region *r = &dev->range[i];
		const char *sep = i ? ", " : "";
		int n;

		if (r->cpu.v == r->dma.v)
			n = snprintf(buf + at, size - at, "%s0x%" PRIx64 "-0x%" PRIx64, sep,
				     r->cpu.v, r->cpu.v + r->size - 1);
		else
			n = snprintf(buf + at, size - at,
				     "%s0x%" PRIx64 "-0x%" PRIx64 " at bus 0x%" PRIx64, sep,
				     r->cpu.v, r->cpu.v + r->size - 1, r->dma.v);
		at += n > 0 ? (size_t)n : 0;
	}
}

/* ---- text ---- */

#define MEMORY_TEXT (BOOT_DEVICE_REGIONS * (2 * BOOT_NAME_MAX + 16) + BOOT_DEVICE_IOVAS * 56 + 32)

struct rows {
	const struct boot_config *cfg;
	const struct boot_screen *screen;
	FILE *out;
	int name_width,
		reach_width; /* where lines are broken: of the widest; set by the first of two passes */
	bool measuring, any;
};

/* What is to be said of an entry of memory-region that is no region; "": nothing. */
static const char *link_text(const struct boot_device *dev, unsigned int entry)
{
	if (dev->region[entry].link == BOOT_LINK_REGION)
		return "";
	for (unsigned int i = 0; i < dev->nr_iovas; i++)
		if (dev->iova[i].entry == entry && dev->region[entry].link == BOOT_LINK_DROPPED)
			return "addresses only";
	return link_name[dev->region[entry].link];
}

/* Its regions, whether it snoops, and what of its addresses is kept: "frames@50000000=frames, pool (disabled); coherent". */
static void memory_text(const struct boot_device *dev, char text[MEMORY_TEXT])
{
	const char *sep = "";
	size_t at = 0;

	text[0] = '\0';
	for (unsigned int i = 0; i < dev->nr_regions; i++, sep = ", ") {
		const struct boot_device_region *r = &dev->region[i];
		const char *is = link_text(dev, i);

		at += (size_t)snprintf(text + at, MEMORY_TEXT - at, "%s%s%s%s%s%s%s", sep,
				       r->node[0] ? r->node : "?", r->name[0] ? "=" : "", r->name,
				       *is ? " (" : "", is, *is ? ")" : "");
	}
	if (dev->dma_coherent)
		at += (size_t)snprintf(text + at, MEMORY_TEXT - at, "%scoherent", at ? "; " : "");
	sep = at ? "; keeps " : "keeps ";
	for (unsigned int i = 0; i < dev->nr_iovas; i++, sep = ", ") {
		const struct boot_iova *v = &dev->iova[i];

		at += (size_t)snprintf(text + at, MEMORY_TEXT - at,
				       "%s0x%" PRIx64 "-0x%" PRIx64 "%s", sep, v->base,
				       v->base + v->size - 1, v->direct ? " one to one" : "");
	}
}

/* On lines of their own, broken at blanks. */
static void print_below(const struct rows *rows, const char *text)
{
	int at = BOOT_INDENT, width = rows->screen->width;

	fprintf(rows->out, "%*s", BOOT_INDENT, "");
	for (const char *s = text; *s;) {
		int n = (int)strcspn(s, " ");

		if (s != text && at + 1 + n <= width) {
			fputc(' ', rows->out);
			at++;
		} else if (s != text) {
			at = width + 1;
		}
		boot_screen_word(rows->screen, rows->out, &at, s, n);
		s += n + (s[n] == ' ');
	}
	fputc('\n', rows->out);
}

/* What of a row its line has room for, and the rest below. */
static void print_wrapped(const struct rows *rows, const char *name, const char *reach,
			  const char *memory)
{
	int room = rows->screen->width - rows->name_width - 2;
	bool reach_fits = (int)strlen(reach) <= room;
	bool all_fits = rows->reach_width + 2 + (int)strlen(memory) <= room;

	if (reach_fits && all_fits && *memory)
		fprintf(rows->out, "%-*s  %-*s  %s\n", rows->name_width, name, rows->reach_width,
			reach, memory);
	else if (reach_fits)
		fprintf(rows->out, "%-*s  %s\n", rows->name_width, name, reach);
	else
		fprintf(rows->out, "%s\n", name);
	if (!reach_fits)
		print_below(rows, reach);
	if (!(reach_fits && all_fits) && *memory)
		print_below(rows, memory);
}

/* memory: NULL for a device that cannot be read, and `reach` says why. */
static void print_row(struct rows *rows, const char *name, const char *reach, const char *memory)
{
	if (rows->measuring) {
		if ((int)strlen(name) > rows->name_width)
			rows->name_width = (int)strlen(name);
		if ((int)strlen(reach) > rows->reach_width)
			rows->reach_width = (int)strlen(reach);
		return;
	}
	if (!rows->any && rows->screen->wrap)
		fprintf(rows->out, "\n%-*s  %s\n", rows->name_width, "device", "reaches");
	else if (!rows->any)
		fprintf(rows->out, "\n%-32s  %-38s  %s\n", "device", "reaches", "regions");
	rows->any = true;
	if (rows->screen->wrap)
		print_wrapped(rows, name, reach, memory ? memory : "");
	else if (!memory)
		fprintf(rows->out, "%-32s  %s\n", name, reach);
	else
		fprintf(rows->out, "%-32s  %-38s  %s\n", name, reach, *memory ? memory : "-");
}

static bool print_device(void *arg, const struct boot_device *dev, int err,
			 const struct boot_why *why)
{
	struct rows *rows = arg;
	char reach[256], memory[MEMORY_TEXT];

	if (err) {
		print_row(rows, dev->name, rows->measuring ? "" : why->text, NULL);
		return false;
	}
	if (!dev->nr_regions && !dev->iommu && sees_all(rows->cfg, dev))
		return false;
	boot_device_reach(rows->cfg, dev, reach, sizeof(reach));
	memory_text(dev, memory);
	print_row(rows, dev->name, dev->iommu ? "IOMMU" : reach, memory);
	return false;
}

void boot_devices_text(const struct boot_config *cfg, const struct load_tree *tree,
		       const struct boot_screen *screen, FILE *out)
{
	struct rows rows = {
		.cfg = cfg, .screen = screen, .out = out, .measuring = true, .name_width = 6};
	struct boot_why why;
	int err;

	if (!tree->blob)
		return;
	err = boot_devices_for_each(tree->blob, tree->size, cfg, print_device, &rows, &why);
	rows.measuring = false;
	if (!err)
		err = boot_devices_for_each(tree->blob, tree->size, cfg, print_device, &rows, &why);
	if (err)
		fprintf(out, "\n%s\n", why.text);
}

/* ---- JSON ---- */

static json_t *integer(uint64_t v)
{
	return json_integer((json_int_t)v); /* of a window that passes 2^63: negative */
}

static bool add_device(void *arg, const struct boot_device *dev, int err,
		       const struct boot_why *why)
{
	json_t *list = arg, *windows = json_array(), *regions = json_array(), *d;
	json_t *kept = json_array();

	for (unsigned int i = 0; i < dev->nr_ranges && !err; i++)
		json_array_append_new(windows,
				      json_pack("{so so so}", "cpu", integer(dev->range[i].cpu.v),
						"bus", integer(dev->range[i].dma.v), "size",
						integer(dev->range[i].size)));
	for (unsigned int i = 0; i < dev->nr_regions && !err; i++) {
		const struct boot_device_region *r = &dev->region[i];
		json_t *region = json_pack("{so ss}", "node", json_text(r->node), "state",
					   link_name[r->link]);

		if (r->name[0])
			json_object_set_new(region, "name", json_text(r->name));
		json_array_append_new(regions, region);
	}
	for (unsigned int i = 0; i < dev->nr_iovas && !err; i++) {
		const struct boot_iova *v = &dev->iova[i];

		json_array_append_new(kept, json_pack("{so so sb si}", "base", integer(v->base),
						      "size", integer(v->size), "direct", v->direct,
						      "index", (int)v->entry));
	}
	d = json_pack("{so so sb sb so so so}", "name", json_text(dev->name), "path",
		      json_text(dev->path), "coherent", dev->dma_coherent, "iommu", dev->iommu,
		      "windows", windows, "regions", regions, "iommu_addresses", kept);
	if (err)
		json_object_set_new(d, "error", json_text(why->text));
	json_array_append_new(list, d);
	return false;
}

json_t *boot_devices_json(const struct boot_config *cfg, const struct load_tree *tree)
{
	json_t *list = json_array();
	struct boot_why why;

	if (tree->blob &&
	    boot_devices_for_each(tree->blob, tree->size, cfg, add_device, list, &why))
		json_array_append_new(list, json_pack("{ss}", "error", why.text));
	return list;
}
