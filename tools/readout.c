/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a file tree says about its machine: memory as a whole, and figures that follow from others.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "readout_in.h"

static const struct {
	const char *key;
	size_t offset;
	bool needed;
} meminfo_line[] = {
	{"MemTotal:", offsetof(struct readout, total_kb), true},
	{"MemFree:", offsetof(struct readout, free_kb), true},
	{"MemAvailable:", offsetof(struct readout, available_kb), false},
	{"Cached:", offsetof(struct readout, file_kb), false},
	{"AnonPages:", offsetof(struct readout, anon_kb), false},
	{"CmaTotal:", offsetof(struct readout, cma_total_kb), true},
	{"CmaFree:", offsetof(struct readout, cma_free_kb), true},
};

#define NR_LINES (sizeof(meminfo_line) / sizeof(meminfo_line[0]))

static uint64_t *meminfo_value(struct readout *r, size_t i)
{
	return (uint64_t *)((char *)r + meminfo_line[i].offset);
}

static bool read_meminfo(const struct tree *t, struct readout *r)
{
	static const char path[] = "proc/meminfo";
	struct line l = {0};
	char *text;
	int err;

	for (size_t i = 0; i < NR_LINES; i++)
		*meminfo_value(r, i) = UNKNOWN;
	text = readout_load(t, r, path, NULL, &err);
	if (!text) {
		if (err == -ENOENT)
			readout_note(r, "%s: %s", path, tree_error(err));
		return false;
	}
	while (line_next(&l, text)) {
		for (size_t i = 0; i < NR_LINES; i++) {
			uint64_t kb;

			if (!line_is(&l, meminfo_line[i].key))
				continue;
			if (line_number(&l, &kb) && line_is(&l, "kB") && line_ends(&l))
				*meminfo_value(r, i) = kb;
			else
				readout_bad(r, path, l.nr, "a number of kB");
			break;
		}
	}
	free(text);
	for (size_t i = 0; i < NR_LINES && !r->bad; i++)
		if (meminfo_line[i].needed && *meminfo_value(r, i) == UNKNOWN)
			readout_note(r, "%s: no %.*s in it", path,
				     (int)strlen(meminfo_line[i].key) - 1, meminfo_line[i].key);
	return true;
}

/*
 * A running kernel's page size is known. Nothing in a copy names it, but MemTotal is in kB what the
 * zones manage in pages; both may differ a little where memory is plugged in while they are read.
 */
static void find_page_size(const struct tree *t, struct readout *r)
{
	uint64_t managed = 0;

	r->page_size = FH_PAGE_SIZE;
	if (t->m)
		return;
	if (t->dir && !*t->dir) {
		r->page_size = (uint64_t)sysconf(_SC_PAGESIZE);
		return;
	}
	for (unsigned int i = 0; i < r->nr_zones; i++)
		if (r->zone[i].managed != UNKNOWN)
			managed += r->zone[i].managed;
	for (unsigned int kb = 4; managed && r->total_kb != UNKNOWN && kb <= 64; kb *= 4) {
		double ratio = (double)r->total_kb / ((double)managed * kb);

		if (ratio > 0.9 && ratio < 1.1) {
			r->page_size = (uint64_t)kb << 10;
			return;
		}
	}
	if (r->nr_zones || r->nr_areas)
		readout_note(r, "proc/zoneinfo: no `managed' that goes with MemTotal of "
				"proc/meminfo: the page size is assumed to be 4 KiB");
}

/* Linux counts what is lent in all areas together only. Free memory and devices' are read one after
 * the other: a machine at work may show more of both than there is. */
static void derive_lent(struct readout *r)
{
	struct readout_area *a = &r->area[0];
	uint64_t total = r->cma_total_kb, free = r->cma_free_kb;

	if (r->nr_areas != 1 || a->lent != UNKNOWN || a->device == UNKNOWN || total == UNKNOWN ||
	    free == UNKNOWN || free > total)
		return;
	total = (total - free) / (r->page_size >> 10);
	a->lent = total > a->device ? total - a->device : 0;
}

bool readout_read(const struct tree *t, struct readout *r)
{
	bool any;

	memset(r, 0, sizeof(*r));
	r->block_order = UNKNOWN;
	any = read_meminfo(t, r);
	any |= readout_zones(t, r);
	any |= readout_areas(t, r);
	find_page_size(t, r);
	derive_lent(r);
	return any;
}

uint64_t readout_area_free(const struct readout_area *a)
{
	if (a->size == UNKNOWN || a->device == UNKNOWN || a->lent == UNKNOWN)
		return UNKNOWN;
	return a->size - a->device > a->lent ? a->size - a->device - a->lent : 0;
}

double readout_area_fragmentation(const struct readout_area *a)
{
	if (a->size == UNKNOWN || a->device == UNKNOWN || a->largest_hole == UNKNOWN)
		return -1;
	if (a->size == a->device || a->largest_hole > a->size - a->device)
		return 0;
	return 1 - (double)a->largest_hole / (double)(a->size - a->device);
}

uint64_t readout_zone_free_type(const struct readout_zone *z, unsigned int type)
{
	uint64_t n = 0;

	for (unsigned int o = 0; o < READOUT_ORDERS; o++)
		n += z->run[type][o] << o;
	return n;
}

static uint64_t free_from(const struct readout_zone *z, uint64_t order)
{
	uint64_t n = 0;

	for (uint64_t o = order; o < READOUT_ORDERS; o++)
		n += z->runs[o] << o;
	return n;
}

uint64_t readout_zone_free(const struct readout_zone *z)
{
	return z->free != UNKNOWN || !z->counted ? z->free : free_from(z, 0);
}

uint64_t readout_zone_whole(const struct readout *r, const struct readout_zone *z)
{
	return z->counted && r->block_order != UNKNOWN ? free_from(z, r->block_order) : UNKNOWN;
}

uint64_t readout_device(const struct readout *r)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < r->nr_areas; i++) {
		if (r->area[i].device == UNKNOWN)
			return UNKNOWN;
		n += r->area[i].device;
	}
	return r->nr_areas ? n : UNKNOWN;
}

uint64_t readout_lent(const struct readout *r)
{
	uint64_t n = 0, device = readout_device(r), page_kb = r->page_size >> 10;
	bool all = r->nr_areas > 0;

	for (unsigned int i = 0; i < r->nr_areas; i++) {
		all &= r->area[i].lent != UNKNOWN;
		n += r->area[i].lent;
	}
	if (all)
		return n;
	if (device == UNKNOWN || r->cma_total_kb == UNKNOWN || r->cma_free_kb == UNKNOWN ||
	    r->cma_free_kb > r->cma_total_kb)
		return UNKNOWN;
	n = (r->cma_total_kb - r->cma_free_kb) / page_kb;
	return n > device ? n - device : 0;
}
