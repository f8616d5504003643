/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The devices of a tree, shown. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "boot_devices.h"

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

struct rows {
	const struct boot_config *cfg;
	FILE *out;
	bool any;
};

static bool print_device(void *arg, const struct boot_device *dev, int err,
			 const struct boot_why *why)
{
	struct rows *rows = arg;
	char reach[256];
	const char *sep = "";

	if (!err && !dev->nr_regions && !dev->iommu && sees_all(rows->cfg, dev))
		return false;
	if (!rows->any)
		fprintf(rows->out, "\n%-32s  %-38s  %s\n", "device", "reaches", "regions");
	rows->any = true;
	if (err) {
		fprintf(rows->out, "%-32s  %s\n", dev->name, why->text);
		return false;
	}
	boot_device_reach(rows->cfg, dev, reach, sizeof(reach));
	fprintf(rows->out, "%-32s  %-38s  ", dev->name, dev->iommu ? "IOMMU" : reach);
	for (unsigned int i = 0; i < dev->nr_regions; i++) {
		const struct boot_device_region *r = &dev->region[i];

		fprintf(rows->out, "%s%s", sep, r->node[0] ? r->node : "?");
		if (r->name[0])
			fprintf(rows->out, "=%s", r->name);
		if (r->link != BOOT_LINK_REGION)
			fprintf(rows->out, " (%s)", link_name[r->link]);
		sep = ", ";
	}
	fprintf(rows->out, "%s%s\n", *sep ? "" : "-", dev->dma_coherent ? "  coherent" : "");
	return false;
}

void boot_devices_text(const struct boot_config *cfg, const struct load_tree *tree, FILE *out)
{
	struct rows rows = {.cfg = cfg, .out = out};
	struct boot_why why;

	if (tree->blob &&
	    boot_devices_for_each(tree->blob, tree->size, cfg, print_device, &rows, &why))
		fprintf(out, "\n%s\n", why.text);
}

/* ---- JSON ---- */

static json_t *integer(uint64_t v)
{
	return json_integer((json_int_t)v); /* of a window that passes 2^63: negative */
}

/* Names and command lines are bytes, JSON is UTF-8: what is not ASCII becomes `?' when it does not fit. */
json_t *boot_json_string(const char *s)
{
	json_t *j = json_string(s);
	char *copy;

	if (j)
		return j;
	copy = strdup(s);
	for (char *c = copy; copy && *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	j = copy ? json_string(copy) : NULL;
	free(copy);
	return j;
}

static bool add_device(void *arg, const struct boot_device *dev, int err,
		       const struct boot_why *why)
{
	json_t *list = arg, *windows = json_array(), *regions = json_array(), *d;

	for (unsigned int i = 0; i < dev->nr_ranges && !err; i++)
		json_array_append_new(windows,
				      json_pack("{so so so}", "cpu", integer(dev->range[i].cpu.v),
						"bus", integer(dev->range[i].dma.v), "size",
						integer(dev->range[i].size)));
	for (unsigned int i = 0; i < dev->nr_regions && !err; i++) {
		const struct boot_device_region *r = &dev->region[i];
		json_t *region = json_pack("{so ss}", "node", boot_json_string(r->node), "state",
					   link_name[r->link]);

		if (r->name[0])
			json_object_set_new(region, "name", boot_json_string(r->name));
		json_array_append_new(regions, region);
	}
	d = json_pack("{so so sb sb so so}", "name", boot_json_string(dev->name), "path",
		      boot_json_string(dev->path), "coherent", dev->dma_coherent, "iommu",
		      dev->iommu, "windows", windows, "regions", regions);
	if (err)
		json_object_set_new(d, "error", boot_json_string(why->text));
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
