/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A machine's decoded file tree as text: memory, zones, areas. '-' is what no file tells. */
#include <inttypes.h>
#include <string.h>
#include "readout.h"
#include "table.h"

static char *dash(char *buf)
{
	return memcpy(buf, "-", 2);
}

static char *bytes(char *buf, const struct readout *r, uint64_t pages)
{
	if (pages == UNKNOWN)
		return dash(buf);
	return figure_bytes(buf, pages * r->page_size);
}

static char *kilobytes(char *buf, uint64_t kb)
{
	return kb == UNKNOWN ? dash(buf) : figure_bytes(buf, kb << 10);
}

static void add_bytes(struct table *t, const struct readout *r, uint64_t pages)
{
	char buf[TABLE_CELL];

	table_add(t, "%s", bytes(buf, r, pages));
}

static void add_count(struct table *t, uint64_t n)
{
	char buf[TABLE_CELL];

	table_add(t, "%s", n == UNKNOWN ? "-" : figure_count(buf, n));
}

static void memory(const struct readout *r, FILE *out)
{
	char a[TABLE_CELL], b[TABLE_CELL], c[TABLE_CELL], d[TABLE_CELL], e[TABLE_CELL];

	fprintf(out, "memory   %s, free %s, available %s, anonymous %s, files %s\n",
		kilobytes(a, r->total_kb), kilobytes(b, r->free_kb), kilobytes(c, r->available_kb),
		kilobytes(d, r->anon_kb), kilobytes(e, r->file_kb));
	fprintf(out, "areas    %s, free %s, lent %s, devices' %s\n", kilobytes(a, r->cma_total_kb),
		kilobytes(b, r->cma_free_kb), bytes(c, r, readout_lent(r)),
		bytes(d, r, readout_device(r)));
}

/* The zone whose types head the columns: all have the same, or none. */
static const struct readout_zone *with_types(const struct readout *r)
{
	for (unsigned int i = 0; i < r->nr_zones; i++)
		if (r->zone[i].nr_types)
			return &r->zone[i];
	return &r->zone[0];
}

static uint64_t free_of_type(const struct readout_zone *z, const char *type)
{
	for (unsigned int i = 0; i < z->nr_types; i++)
		if (!strcmp(z->type[i], type))
			return readout_zone_free_type(z, i);
	return UNKNOWN;
}

static void zone_row(struct table *t, const struct readout *r, const struct readout_zone *z,
		     const struct readout_zone *heading)
{
	if (z->node)
		table_add(t, "%s (node %" PRIu64 ")", z->name, z->node);
	else
		table_add(t, "%s", z->name);
	add_bytes(t, r, z->managed);
	add_bytes(t, r, z->low);
	add_bytes(t, r, readout_zone_free(z));
	add_bytes(t, r, readout_zone_whole(r, z));
	for (unsigned int i = 0; i < heading->nr_types; i++)
		add_bytes(t, r, free_of_type(z, heading->type[i]));
}

static void zones(const struct readout *r, FILE *out)
{
	static struct table t; /* too large for a stack */
	const struct readout_zone *heading = with_types(r);
	bool capped = false;

	if (!r->nr_zones)
		return;
	t = (struct table){.columns = 5 + heading->nr_types, .left = 1};
	table_add(&t, "zone");
	table_add(&t, "memory");
	table_add(&t, "low mark");
	table_add(&t, "free");
	table_add(&t, "in whole blocks");
	for (unsigned int i = 0; i < heading->nr_types; i++)
		table_add(&t, "%s", heading->type[i]);
	for (unsigned int i = 0; i < r->nr_zones; i++) {
		zone_row(&t, r, &r->zone[i], heading);
		capped |= r->zone[i].capped;
	}
	fputc('\n', out);
	table_print(&t, out);
	if (capped)
		fprintf(out, "The kernel stopped counting at 100,000 runs: of some types more is "
			     "free than shown.\n");
}

static void area_row(struct table *t, const struct readout *r, const struct readout_area *a)
{
	double fragmentation = readout_area_fragmentation(a);
	char name[READOUT_NAME];

	readout_printable(name, sizeof(name), a->name, a->name + strlen(a->name));
	table_add(t, "%s", name);
	if (a->base == UNKNOWN)
		table_add(t, "-");
	else
		table_add(t, "0x%012" PRIx64, a->base * r->page_size);
	table_add(t, "%s", a->policy[0] ? a->policy : "-");
	add_bytes(t, r, a->size);
	add_bytes(t, r, readout_area_free(a));
	add_bytes(t, r, a->lent);
	add_bytes(t, r, a->device);
	add_bytes(t, r, a->largest_hole);
	add_count(t, a->holes);
	if (fragmentation < 0)
		table_add(t, "-");
	else
		table_add(t, "%.0f %%", fragmentation * 100);
	add_bytes(t, r, a->refused);
}

static void areas(const struct readout *r, FILE *out)
{
	static struct table t;
	static const char *const heading[] = {
		"area",	    "base",	    "policy", "size",	       "free",	      "lent",
		"devices'", "largest hole", "holes",  "fragmentation", "refused ever"};

	if (!r->nr_areas)
		return;
	t = (struct table){.columns = sizeof(heading) / sizeof(heading[0]), .left = 3};
	for (size_t i = 0; i < sizeof(heading) / sizeof(heading[0]); i++)
		table_add(&t, "%s", heading[i]);
	for (unsigned int i = 0; i < r->nr_areas; i++)
		area_row(&t, r, &r->area[i]);
	fputc('\n', out);
	table_print(&t, out);
}

/* The page in the way, as far as it is known. */
static void culprit(const struct readout_area *a, FILE *out)
{
	if (a->error_pfn == UNKNOWN || !a->error_pfn)
		return;
	fprintf(out, "; page 0x%" PRIx64, a->error_pfn);
	if (!strcmp(a->error_owner, "object") && a->error_object != UNKNOWN)
		fprintf(out, " of object %" PRIu64, a->error_object);
	else if (!strcmp(a->error_owner, "driver"))
		fprintf(out, " of a driver");
	if (a->error_pins != UNKNOWN && a->error_pins)
		fprintf(out, ", pins: %" PRIu64, a->error_pins);
	if (a->error_pinner[0])
		fprintf(out, ", by %s", a->error_pinner);
}

static void refusals(const struct readout *r, FILE *out)
{
	char name[READOUT_NAME];

	for (unsigned int i = 0; i < r->nr_areas; i++) {
		const struct readout_area *a = &r->area[i];

		if (!a->error)
			continue;
		readout_printable(name, sizeof(name), a->name, a->name + strlen(a->name));
		fprintf(out, "\n%s: the last refusal was %" PRId64, name, a->error);
		if (a->error_count != UNKNOWN)
			fprintf(out, ", for %" PRIu64 " pages", a->error_count);
		fprintf(out, ": %s", a->why);
		culprit(a, out);
		fputc('\n', out);
	}
}

void readout_text(const struct readout *r, FILE *out)
{
	memory(r, out);
	zones(r, out);
	areas(r, out);
	refusals(r, out);
}
