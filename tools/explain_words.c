/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What one request of a device came to, for people and for programs. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "explain.h"
#include "run.h"
#include "table.h"

/* Why a source was asked first: that depends on the device and the caller alone. */
static const char *explain_path(const struct device *dev, enum dma_source first)
{
	switch (first) {
	case DMA_SOURCE_DEVICE_POOL:
		return "a device with a pool of its own is served by that alone";
	case DMA_SOURCE_GLOBAL_POOL:
		return "coherent_only, or linux,dma-default and a device that does not snoop: that "
		       "pool "
		       "alone";
	case DMA_SOURCE_ATOMIC_POOL:
		return "the caller may not sleep and the device does not snoop: only memory that "
		       "is "
		       "uncached already will do";
	case DMA_SOURCE_RESTRICTED_POOL:
		return "a device with a restricted pool is served by that alone";
	case DMA_SOURCE_CMA:
		return "the caller may sleep: an area first (the device's, or for more than a page "
		       "the "
		       "default one), then the buddy";
	case DMA_SOURCE_BUDDY:
	case DMA_SOURCE_BUDDY_DMA32:
	case DMA_SOURCE_BUDDY_DMA:
		if (dev->iommu)
			return "behind an IOMMU frames need not lie together: the buddy";
		return "the buddy: no area is asked (there is none, the caller may not sleep, or "
		       "it is one "
		       "page and the device has no area)";
	default:
		return "";
	}
}

/* What would help one who is too far from it, or wants too much of it at once. */
static const char *help_by_cause(const struct dma_step *s)
{
	if (s->cause == DMA_CAUSE_REACH)
		return "memory that the device reaches: cma=SIZE@0-END, a region of its own, or a "
		       "wider mask";
	if (s->source == DMA_SOURCE_RESTRICTED_POOL || s->source == DMA_SOURCE_SWIOTLB)
		return "buffers of at most 256 KiB, or a shared-dma-pool region for its large ones";
	return "an area (cma=SIZE) and a caller that may sleep";
}

/* What would help one who was refused by it. */
static const char *explain_help(const struct dma_step *s)
{
	if (s->cause != DMA_CAUSE_FULL)
		return help_by_cause(s);
	switch (s->source) {
	case DMA_SOURCE_DEVICE_POOL:
		return "a larger region in /reserved-memory, or a reusable one";
	case DMA_SOURCE_GLOBAL_POOL:
		return "a larger pool: coherent_only=SIZE, or the size of the linux,dma-default "
		       "region";
	case DMA_SOURCE_ATOMIC_POOL:
		return "coherent_pool=SIZE (at most 4 MiB contiguous), a region without reusable, "
		       "or a caller "
		       "that may sleep";
	case DMA_SOURCE_RESTRICTED_POOL:
		return "a larger restricted-dma-pool region";
	case DMA_SOURCE_CMA:
		return "a larger area: cma=SIZE, or a region of its own";
	case DMA_SOURCE_BUDDY:
	case DMA_SOURCE_BUDDY_DMA32:
	case DMA_SOURCE_BUDDY_DMA:
		return "an area (cma=SIZE) and a caller that may sleep: memory in general use is "
		       "in pieces, or gone";
	case DMA_SOURCE_SWIOTLB:
		return "an area that the device reaches, or a larger swiotlb=SLOTS";
	case DMA_SOURCE_IOVA:
		return "a wider mask";
	default:
		return "";
	}
}

static const char *result_of(const struct dma_step *s)
{
	return s->error ? errno_name(-s->error) : "gave";
}

/* ---- text ---- */

static void text_device(const struct explain *e, FILE *out)
{
	const struct device *dev = &e->dev;
	char reach[256];

	fprintf(out, "device    %s", dev_name(dev));
	if (e->ask->device)
		fprintf(out, " (%s)%s", e->node.path,
			e->node.available ? ""
					  : ", disabled in the tree: Linux makes no device of it");
	fprintf(out, "\n          %s the CPU's caches; mask 0x%" PRIx64,
		dev->dma_coherent ? "snoops" : "does not snoop", dma_coherent_mask(dev));
	if (dev->bus_dma_limit)
		fprintf(out, ", limit of its bus 0x%" PRIx64, dev->bus_dma_limit);
	if (dev->nr_ranges) {
		struct boot_device bus = {.nr_ranges = dev->nr_ranges};

		memcpy(bus.range, dev->range, sizeof(bus.range));
		boot_device_reach(e->cfg, &bus, reach, sizeof(reach));
		fprintf(out, "\n          reaches %s", reach);
	}
	if (e->node.lost_ranges)
		fprintf(out, "\n          %u entries of dma-ranges lead nowhere",
			e->node.lost_ranges);
	fprintf(out, "\n          %s%s\n", e->memory[0] ? e->memory : "no memory of its own",
		dev->iommu ? "; behind an IOMMU" : "");
}

static void text_way(const struct explain *e, FILE *out)
{
	const struct dma_refusal *way = &e->way;

	if (way->nr_steps)
		fprintf(out, "path      %s\n\n", explain_path(&e->dev, way->step[0].source));
	for (unsigned int i = 0; i < way->nr_steps; i++) {
		const struct dma_step *s = &way->step[i];

		fprintf(out, "%2u. %-18s %-7s  %s\n", i + 1, dma_source_name(s->source),
			result_of(s), s->why);
	}
	putc('\n', out);
}

/* Whom to blame: an area, if one was asked, else the last. NULL: nobody was asked. */
static const struct dma_step *decisive(const struct dma_refusal *way)
{
	for (unsigned int i = 0; i < way->nr_steps; i++)
		if (way->step[i].source == DMA_SOURCE_CMA)
			return &way->step[i];
	return way->nr_steps ? &way->step[way->nr_steps - 1] : NULL;
}

static void text_buffer(const struct explain *e, FILE *out)
{
	const struct dma_refusal *way = &e->way;
	uint64_t pages = (e->ask->size + FH_PAGE_SIZE - 1) >> FH_PAGE_SHIFT;

	if (e->err) {
		const struct dma_step *by = decisive(way);
		const char *help = by ? explain_help(by) : "";

		fprintf(out, "refused   %s", errno_name(-e->err));
		if (e->served)
			fprintf(out, ", after %" PRIu64 " that were served", e->served);
		fprintf(out, "\n");
		if (*help)
			fprintf(out, "try       %s\n", help);
		return;
	}
	fprintf(out, "served    bus 0x%" PRIx64 "-0x%" PRIx64, e->bus,
		e->bus + (pages << FH_PAGE_SHIFT) - 1);
	if (e->ask->count > 1)
		fprintf(out, " (the last of %" PRIu64 ")", e->served);
	putc('\n', out);
	for (unsigned int i = 0; i < e->nr_runs && i < EXPLAIN_RUNS; i++)
		fprintf(out, "          physical 0x%" PRIx64 "-0x%" PRIx64 ", %s\n", e->run[i].phys,
			e->run[i].phys + e->run[i].size - 1, e->run[i].where);
	if (e->nr_runs > EXPLAIN_RUNS)
		fprintf(out, "          and %" PRIu64 " runs more\n", e->nr_runs - EXPLAIN_RUNS);
}

static void text_maps(const struct explain *e, FILE *out)
{
	putc('\n', out);
	for (unsigned int i = 0; i < e->nr_maps; i++) {
		const struct explain_map *m = &e->map[i];

		fprintf(out, "0x%012" PRIx64 "  %-14s  %-8s  ", m->phys, m->where, m->how);
		if (m->err)
			fprintf(out, "%-16s", errno_name(-m->err));
		else
			fprintf(out, "bus 0x%-10" PRIx64, m->bus);
		fprintf(out, "  %s\n", m->why);
	}
}

static void text_log(const struct explain *e, FILE *out)
{
	for (unsigned int i = 0; i < e->nr_lines && i < EXPLAIN_LINES; i++)
		fprintf(out, "%s%s\n", i ? "          " : "\nlog       ", e->line[i]);
	if (e->nr_lines > EXPLAIN_LINES)
		fprintf(out, "          and %u lines more\n", e->nr_lines - EXPLAIN_LINES);
}

void explain_text(const struct explain *e, FILE *out)
{
	const struct explain_ask *ask = e->ask;
	char cell[TABLE_CELL];
	uint64_t ram = 0;

	for (unsigned int i = 0; i < e->cfg->nr_banks; i++)
		ram += e->cfg->bank[i].size;
	fprintf(out, "machine   %s%s%s RAM%s%s\n", e->cfg->model, e->cfg->model[0] ? ", " : "",
		figure_bytes(cell, ram), e->cfg->bootargs[0] ? ", " : "", e->cfg->bootargs);
	text_device(e, out);
	figure_bytes(cell, ask->size);
	if (ask->stream) {
		fprintf(out, "request   map %s of memory at\n", cell);
		text_maps(e, out);
		text_log(e, out);
		return;
	}
	fprintf(out, "request   %s of coherent memory, gfp %s\n", cell, ask->gfp_text);
	text_way(e, out);
	text_buffer(e, out);
	text_log(e, out);
}

/* ---- JSON ---- */

static json_t *integer(uint64_t v)
{
	return json_integer((json_int_t)v); /* a mask of 64 bits is -1 */
}

static json_t *json_device(const struct explain *e)
{
	const struct device *dev = &e->dev;
	json_t *windows = json_array(), *d;

	for (unsigned int i = 0; i < dev->nr_ranges; i++)
		json_array_append_new(windows,
				      json_pack("{so so so}", "cpu", integer(dev->range[i].cpu.v),
						"bus", integer(dev->range[i].dma.v), "size",
						integer(dev->range[i].size)));
	d = json_pack("{ss so so so sb sb so ss}", "name", dev_name(dev), "mask",
		      integer(dma_get_mask(dev)), "coherent_mask", integer(dma_coherent_mask(dev)),
		      "bus_limit", integer(dev->bus_dma_limit), "coherent", dev->dma_coherent,
		      "iommu", dev->iommu != NULL, "windows", windows, "memory", e->memory);
	if (e->ask->device)
		json_object_set_new(d, "path", json_string(e->node.path));
	return d;
}

static json_t *json_steps(const struct explain *e)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < e->way.nr_steps; i++) {
		static const char *const causes[] = {"full", "reach", "size"};
		const struct dma_step *s = &e->way.step[i];

		json_array_append_new(list, json_pack("{ss ss ss ss?}", "source",
						      dma_source_name(s->source), "result",
						      result_of(s), "why", s->why, "cause",
						      s->error ? causes[s->cause] : NULL));
	}
	return list;
}

static json_t *json_result(const struct explain *e)
{
	json_t *runs = json_array(), *r;

	for (unsigned int i = 0; i < e->nr_runs && i < EXPLAIN_RUNS; i++)
		json_array_append_new(
			runs, json_pack("{so so ss}", "physical", integer(e->run[i].phys), "size",
					integer(e->run[i].size), "where", e->run[i].where));
	r = json_pack("{ss so so so}", "result", e->err ? errno_name(-e->err) : "served", "served",
		      integer(e->served), "nr_runs", integer(e->nr_runs), "runs", runs);
	if (!e->err)
		json_object_set_new(r, "bus", integer(e->bus));
	return r;
}

static json_t *json_maps(const struct explain *e)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < e->nr_maps; i++) {
		const struct explain_map *m = &e->map[i];
		json_t *map = json_pack("{so ss ss ss}", "physical", integer(m->phys), "where",
					m->where, "how", m->how, "why", m->why);

		if (m->err)
			json_object_set_new(map, "error", json_string(errno_name(-m->err)));
		else
			json_object_set_new(map, "bus", integer(m->bus));
		json_array_append_new(list, map);
	}
	return list;
}

static json_t *json_log(const struct explain *e)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < e->nr_lines && i < EXPLAIN_LINES; i++)
		json_array_append_new(list, json_string(e->line[i]));
	return list;
}

bool explain_json(const struct explain *e, FILE *out)
{
	const struct explain_ask *ask = e->ask;
	json_t *all =
		json_pack("{ss so so}", "model", e->cfg->model, "device", json_device(e), "request",
			  json_pack("{so so ss}", "size", integer(ask->size), "count",
				    integer(ask->count), "gfp", ask->gfp_text));
	bool ok;

	if (all && ask->stream) {
		json_object_set_new(all, "maps", json_maps(e));
	} else if (all) {
		json_object_set_new(all, "steps", json_steps(e));
		json_object_set_new(all, "buffer", json_result(e));
	}
	if (all)
		json_object_set_new(all, "log", json_log(e));
	ok = all && !json_dumpf(all, out, JSON_INDENT(2));
	putc('\n', out);
	json_decref(all);
	return ok;
}
