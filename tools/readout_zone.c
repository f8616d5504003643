/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a file tree says about zones: proc/zoneinfo, and proc/pagetypeinfo or else proc/buddyinfo.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "readout_in.h"

static struct readout_zone *find_zone(struct readout *r, uint64_t node, const char *name)
{
	struct readout_zone *z;

	for (unsigned int i = 0; i < r->nr_zones; i++)
		if (r->zone[i].node == node && !strcmp(r->zone[i].name, name))
			return &r->zone[i];
	if (r->nr_zones == READOUT_ZONES)
		return NULL;
	z = &r->zone[r->nr_zones++];
	*z = (struct readout_zone){.node = node};
	z->managed = z->free = z->min = z->low = z->high = z->cma = UNKNOWN;
	snprintf(z->name, sizeof(z->name), "%s", name);
	return z;
}

/* "Node 0, zone    DMA32" at the line's beginning; NULL: the line does not begin so, or there are
 * too many zones. */
static struct readout_zone *line_zone(struct readout *r, struct line *l)
{
	char name[READOUT_NAME];
	const char *word;
	uint64_t node;
	size_t n;

	if (!line_is(l, "Node ") || !line_number(l, &node) || !line_is(l, ",") ||
	    !line_is(l, "zone ") || !line_word(l, ',', &word, &n))
		return NULL;
	readout_printable(name, sizeof(name), word, word + n);
	return find_zone(r, node, name);
}

/* One line inside a zone's part of zoneinfo; most say nothing that is wanted here. */
static void zoneinfo_line(struct readout *r, struct line *l, struct readout_zone *z)
{
	const struct {
		const char *key;
		uint64_t *value;
	} keys[] = {
		{"pages free ", &z->free}, {"min ", &z->min},	      {"low ", &z->low},
		{"high ", &z->high},	   {"managed ", &z->managed}, {"cma ", &z->cma},
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (!line_is(l, keys[i].key))
			continue;
		if (!line_number(l, keys[i].value) || !line_ends(l))
			readout_bad(r, "proc/zoneinfo", l->nr, "a number of pages");
		return;
	}
}

static void parse_zoneinfo(struct readout *r, const char *text)
{
	struct readout_zone *z = NULL;
	struct line l = {0};

	while (line_next(&l, text)) {
		const char *begin = l.at;

		if (!strncmp(begin, "Node", 4)) {
			z = line_zone(r, &l);
			if (!z)
				readout_bad(r, "proc/zoneinfo", l.nr, "`Node N, zone NAME'");
		} else if (z) {
			zoneinfo_line(r, &l, z);
		}
	}
}

/* Counts of free runs, order by order; '>' before one: the kernel stopped counting there. */
static bool line_runs(struct line *l, struct readout_zone *z, uint64_t run[READOUT_ORDERS])
{
	unsigned int order = 0;

	while (!line_ends(l)) {
		if (line_is(l, ">"))
			z->capped = true;
		if (order == READOUT_ORDERS || !line_number(l, &run[order]))
			return false;
		z->runs[order] += run[order];
		order++;
	}
	z->counted |= order > 0;
	return order > 0;
}

/* "Node    0, zone    DMA32, type    Unmovable      0 ..." */
static bool pagetype_line(struct readout *r, struct line *l)
{
	struct readout_zone *z = line_zone(r, l);
	const char *word;
	size_t n;

	if (!z || !line_is(l, ",") || !line_is(l, "type ") || !line_word(l, ' ', &word, &n) ||
	    z->nr_types == READOUT_TYPES)
		return false;
	readout_printable(z->type[z->nr_types], READOUT_NAME, word, word + n);
	return line_runs(l, z, z->run[z->nr_types++]);
}

static bool has_type(const struct line *l)
{
	const char *type = strstr(l->at, ", type ");

	return !strncmp(l->at, "Node", 4) && type && type < l->next;
}

static void parse_pagetypeinfo(struct readout *r, const char *text)
{
	static const char path[] = "proc/pagetypeinfo";
	struct line l = {0};
	uint64_t order;

	while (line_next(&l, text)) {
		if (line_is(&l, "Page block order:")) {
			if (line_number(&l, &order) && order < READOUT_ORDERS)
				r->block_order = order;
			else
				readout_bad(r, path, l.nr, "an order, 0 to 19");
		} else if (has_type(&l) && !pagetype_line(r, &l)) {
			readout_bad(r, path, l.nr, "`Node N, zone NAME, type NAME' and counts");
		}
	}
}

static void parse_buddyinfo(struct readout *r, const char *text)
{
	uint64_t run[READOUT_ORDERS];
	struct line l = {0};

	while (line_next(&l, text)) {
		struct readout_zone *z = line_zone(r, &l);

		if (!z || !line_runs(&l, z, run))
			readout_bad(r, "proc/buddyinfo", l.nr, "`Node N, zone NAME' and counts");
	}
}

/* Zones that only exist in the kernel's configuration. */
static void drop_empty(struct readout *r)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < r->nr_zones; i++)
		if (r->zone[i].managed || r->zone[i].counted)
			r->zone[n++] = r->zone[i];
	r->nr_zones = n;
}

static bool parse(const struct tree *t, struct readout *r, const char *path,
		  void (*fn)(struct readout *r, const char *text))
{
	int err;
	char *text = readout_load(t, r, path, NULL, &err);

	if (!text) {
		if (err == -ENOENT)
			readout_note(r, "%s: %s", path, tree_error(err));
		return false;
	}
	fn(r, text);
	free(text);
	return true;
}

bool readout_zones(const struct tree *t, struct readout *r)
{
	bool any = parse(t, r, "proc/zoneinfo", parse_zoneinfo);

	/* pagetypeinfo is root's alone in many kernels; anybody may read buddyinfo. */
	any |= parse(t, r, "proc/pagetypeinfo", parse_pagetypeinfo) ||
	       parse(t, r, "proc/buddyinfo", parse_buddyinfo);
	drop_empty(r);
	return any;
}
