/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a file tree says about areas: sysfs, debugfs, and what only our machines show. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "readout_in.h"

#define SYSFS	"sys/kernel/mm/cma"
#define DEBUGFS "sys/kernel/debug/cma"
#define OURS	"sys/kernel/debug/freehold"

#define READ_PATH 512

/* An area while its files are read. */
struct reading {
	const struct tree *t;
	struct readout *r;
	struct readout_area *a;
	const char *top;	    /* SYSFS and the like */
	char dir[READOUT_NAME + 8]; /* of the area, in `top` */
	int err;		    /* of the last load() */
};

static void name_dir(struct reading *rd, const char *prefix)
{
	snprintf(rd->dir, sizeof(rd->dir), "%s%s", prefix, rd->a->name);
}

/* A file of the area; NULL: not there (rd->err is -ENOENT), or noted. */
static char *load(struct reading *rd, const char *file, char path[READ_PATH])
{
	char shown[READ_PATH];

	snprintf(path, READ_PATH, "%s/%s/%s", rd->top, rd->dir, file);
	snprintf(shown, sizeof(shown), "%s/*/%s", rd->top, file);
	return readout_load(rd->t, rd->r, path, shown, &rd->err);
}

static uint64_t value(struct reading *rd, const char *file)
{
	char path[READ_PATH];
	char *text = load(rd, file, path);
	struct line l = {0};
	uint64_t v = UNKNOWN;

	if (!text)
		return UNKNOWN;
	if (!line_next(&l, text) || !line_number(&l, &v) || !line_ends(&l)) {
		v = UNKNOWN;
		readout_bad(rd->r, path, 1, "a number");
	}
	free(text);
	return v;
}

/* Says that a file is missing, when it is missed. */
static void need(struct reading *rd, uint64_t v, const char *path)
{
	if (v == UNKNOWN)
		readout_note(rd->r, "%s: %s", path, tree_error(-ENOENT));
}

/* Holes of a bitmap, in bits. */
struct holes {
	uint64_t run, max, nr;
};

static void hole_bit(struct holes *h, bool used)
{
	h->nr += !used && !h->run;
	h->run = used ? 0 : h->run + 1;
	h->max = h->run > h->max ? h->run : h->max;
}

/* u32 words, decimal; `bits` of them count (UNKNOWN: all). */
static bool count_holes(struct holes *h, const char *text, uint64_t bits)
{
	uint64_t word, seen = 0;
	struct line l = {0};

	h->run = 0;
	if (!line_next(&l, text))
		return false;
	for (; !line_ends(&l); seen += 32) {
		if (!line_number(&l, &word) || word > UINT32_MAX || seen >= bits)
			return false;
		for (unsigned int i = 0; i < 32 && seen + i < bits; i++)
			hole_bit(h, word >> i & 1);
	}
	return seen && (bits == UNKNOWN || seen >= bits);
}

static void read_bitmap(struct reading *rd, const char *file, uint64_t bits, struct holes *h,
			bool *ok)
{
	char path[READ_PATH], expected[96];
	char *text = load(rd, file, path);

	if (!text) {
		*ok = false;
		need(rd, rd->err == -ENOENT ? UNKNOWN : 0, DEBUGFS "/*/bitmap");
		return;
	}
	if (!count_holes(h, text, bits)) {
		snprintf(expected, sizeof(expected), "32-bit words, decimal, for %" PRIu64 " bits",
			 bits);
		readout_bad(rd->r, path, 1, bits == UNKNOWN ? "32-bit words, decimal" : expected);
		*ok = false;
	}
	free(text);
}

/* How many ranges the area lists; 0: the kernel knows one only, without a folder. */
static unsigned int nr_ranges(struct reading *rd)
{
	char path[READ_PATH];
	char *text = load(rd, "ranges", path);
	struct line l = {0};
	unsigned int n = 0;

	while (text && line_next(&l, text))
		n++;
	free(text);
	return n;
}

/*
 * Holes from the bitmaps. No file tells the size of one of several ranges; whole blocks of 512
 * pages fill whole words up to 16 pages a bit, beyond that the last word's rest would look like a
 * hole.
 */
static void read_holes(struct reading *rd, uint64_t order_per_bit)
{
	unsigned int ranges = nr_ranges(rd);
	uint64_t size = rd->a->size;
	struct holes h = {0};
	bool ok =
		size != UNKNOWN && order_per_bit != UNKNOWN && (ranges <= 1 || order_per_bit <= 4);
	char file[32];

	for (unsigned int i = 0; i < ranges && i < 64 && ok; i++) {
		snprintf(file, sizeof(file), "ranges/%u/bitmap", i);
		read_bitmap(rd, file, ranges == 1 ? size >> order_per_bit : UNKNOWN, &h, &ok);
	}
	if (!ranges && ok)
		read_bitmap(rd, "bitmap", size >> order_per_bit, &h, &ok);
	if (!ok)
		return;
	rd->a->holes = h.nr;
	if (rd->a->largest_hole == UNKNOWN)
		rd->a->largest_hole = h.max << order_per_bit;
}

static void read_sysfs(struct reading *rd)
{
	struct readout_area *a = rd->a;
	uint64_t available;

	rd->top = SYSFS;
	name_dir(rd, "");
	a->allocated = value(rd, "alloc_pages_success");
	a->refused = value(rd, "alloc_pages_fail");
	a->released = value(rd, "release_pages_success");
	a->size = value(rd, "total_pages");
	available = value(rd, "available_pages");
	need(rd, a->allocated, SYSFS "/*/alloc_pages_success");
	need(rd, a->refused, SYSFS "/*/alloc_pages_fail");
	need(rd, a->released, SYSFS "/*/release_pages_success");
	if (a->size != UNKNOWN && available != UNKNOWN && available > a->size)
		readout_bad(rd->r, SYSFS "/*/available_pages", 0, "at most total_pages");
	else if (a->size != UNKNOWN && available != UNKNOWN)
		a->device = a->size - available;
}

static void read_debugfs(struct reading *rd)
{
	struct readout_area *a = rd->a;
	uint64_t count, used, order;

	rd->top = DEBUGFS;
	name_dir(rd, "");
	a->base = value(rd, "base_pfn");
	if (a->base == UNKNOWN) { /* older kernels named the folder so */
		name_dir(rd, "cma-");
		a->base = value(rd, "base_pfn");
	}
	if (a->base == UNKNOWN)
		name_dir(rd, "");
	count = value(rd, "count");
	used = value(rd, "used");
	order = value(rd, "order_per_bit");
	a->largest_hole = value(rd, "maxchunk");
	need(rd, a->base, DEBUGFS "/*/base_pfn");
	need(rd, order, DEBUGFS "/*/order_per_bit");
	if (a->size == UNKNOWN)
		a->size = count;
	if (order != UNKNOWN && order >= READOUT_ORDERS) {
		readout_bad(rd->r, DEBUGFS "/*/order_per_bit", 0, "an order, 0 to 19");
		order = UNKNOWN;
	}
	if (used != UNKNOWN && a->size != UNKNOWN && used > a->size)
		readout_bad(rd->r, DEBUGFS "/*/used", 0, "at most the area's pages");
	else if (used != UNKNOWN)
		a->device = used;
	read_holes(rd, order);
	need(rd, a->largest_hole, DEBUGFS "/*/maxchunk");
}

/* `name value` lines; those of keys[] are taken, others are for later versions to know. */
static void read_stats(struct reading *rd)
{
	const struct {
		const char *key;
		uint64_t *v;
	} keys[] = {
		{"lent ", &rd->a->lent},
		{"nr_allocs ", &rd->a->nr_allocs},
		{"nr_fails ", &rd->a->nr_fails},
	};
	char path[READ_PATH];
	char *text = load(rd, "stats", path);
	struct line l = {0};

	while (text && line_next(&l, text)) {
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
			if (!line_is(&l, keys[i].key))
				continue;
			if (!line_number(&l, keys[i].v) || !line_ends(&l))
				readout_bad(rd->r, path, l.nr, "a name and a number");
			break;
		}
	}
	free(text);
}

/* `name value` lines of last_failure; those of older versions miss some. */
static bool failure_number(struct reading *rd, struct line *l, const char *path)
{
	const struct {
		const char *key;
		uint64_t *v;
	} keys[] = {
		{"count ", &rd->a->error_count},     {"pfn ", &rd->a->error_pfn},
		{"owner_id ", &rd->a->error_object}, {"pins ", &rd->a->error_pins},
		{"since_ns ", &rd->a->error_since},
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (!line_is(l, keys[i].key))
			continue;
		if (!line_number(l, keys[i].v))
			readout_bad(rd->r, path, l->nr, "a name and a number");
		return true;
	}
	return false;
}

static void failure_text(struct reading *rd, struct line *l)
{
	const struct {
		const char *key;
		char *text;
		size_t size;
	} keys[] = {
		{"why ", rd->a->why, sizeof(rd->a->why)},
		{"owner ", rd->a->error_owner, sizeof(rd->a->error_owner)},
		{"pinner ", rd->a->error_pinner, sizeof(rd->a->error_pinner)},
	};
	const char *end = l->next > l->at && l->next[-1] == '\n' ? l->next - 1 : l->next;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (line_is(l, keys[i].key))
			readout_printable(keys[i].text, keys[i].size, l->at, end);
}

static void read_failure(struct reading *rd)
{
	char path[READ_PATH];
	char *text = load(rd, "last_failure", path);
	struct line l = {0};
	uint64_t v;

	while (text && line_next(&l, text)) {
		if (line_is(&l, "error ")) {
			int64_t sign = line_is(&l, "-") ? -1 : 1;

			if (!line_number(&l, &v) || v > 4095)
				readout_bad(rd->r, path, l.nr, "an error, 0 or negative");
			else
				rd->a->error = sign * (int64_t)v;
		} else if (!failure_number(rd, &l, path)) {
			failure_text(rd, &l);
		}
	}
	if (!strcmp(rd->a->error_pinner, "-"))
		rd->a->error_pinner[0] = '\0';
	free(text);
}

static void read_ours(struct reading *rd)
{
	char path[READ_PATH];
	struct line l = {0};
	const char *word;
	char *text;
	size_t n;

	rd->top = OURS;
	name_dir(rd, "");
	text = load(rd, "policy", path);
	if (text) {
		if (line_next(&l, text) && line_word(&l, '\n', &word, &n))
			readout_printable(rd->a->policy, sizeof(rd->a->policy), word, word + n);
		else
			readout_bad(rd->r, path, 1, "the name of a policy");
	}
	free(text);
	read_stats(rd);
	read_failure(rd);
}

static bool has_area(const struct readout *r, const char *name)
{
	for (unsigned int i = 0; i < r->nr_areas; i++)
		if (!strcmp(r->area[i].name, name))
			return true;
	return false;
}

#define STRING_(x) #x
#define STRING(x)  STRING_(x)
#define TOO_MANY                                                                                   \
	"at most " STRING(READOUT_AREAS) " areas, with names below " STRING(READOUT_NAME) " bytes"

static void add_area(struct readout *r, const char *top, const char *name, size_t n)
{
	struct readout_area *a;
	char copy[READOUT_NAME];

	if (n >= sizeof(copy) || r->nr_areas == READOUT_AREAS) {
		readout_bad(r, top, 0, TOO_MANY);
		return;
	}
	memcpy(copy, name, n);
	copy[n] = '\0';
	if (has_area(r, copy) || (!strncmp(copy, "cma-", 4) && has_area(r, copy + 4)))
		return;
	a = &r->area[r->nr_areas++];
	*a = (struct readout_area){.error = 0};
	a->base = a->size = a->device = a->lent = a->largest_hole = a->holes = UNKNOWN;
	a->allocated = a->refused = a->released = a->nr_allocs = a->nr_fails = UNKNOWN;
	a->error_count = a->error_pfn = a->error_object = UNKNOWN;
	a->error_pins = a->error_since = UNKNOWN;
	memcpy(a->name, copy, n + 1);
}

/* Adds the areas that have a folder in `top`; 0, or why `top` cannot be read. */
static int list_areas(const struct tree *t, struct readout *r, const char *top, bool needed)
{
	struct line l = {0};
	int err;
	char *text = readout_load(t, r, top, NULL, &err);

	if (!text) {
		if (err == -ENOENT && needed)
			readout_note(r, "%s: %s", top, tree_error(err));
		return err;
	}
	while (line_next(&l, text)) {
		size_t n = (size_t)(l.next - l.at);

		if (n > 2 && l.at[n - 1] == '\n' && l.at[n - 2] == '/')
			add_area(r, top, l.at, n - 2);
	}
	free(text);
	return 0;
}

bool readout_areas(const struct tree *t, struct readout *r)
{
	int sysfs = list_areas(t, r, SYSFS, true), debugfs = list_areas(t, r, DEBUGFS, true);
	/* Where debugfs is closed, saying so once is enough. */
	int ours = debugfs && debugfs != -ENOENT ? debugfs : list_areas(t, r, OURS, false);

	for (unsigned int i = 0; i < r->nr_areas; i++) {
		struct reading rd = {.t = t, .r = r, .a = &r->area[i]};

		if (!sysfs)
			read_sysfs(&rd);
		if (!debugfs)
			read_debugfs(&rd);
		if (!ours)
			read_ours(&rd);
		need(&rd, rd.a->size, sysfs ? DEBUGFS "/*/count" : SYSFS "/*/total_pages");
		need(&rd, rd.a->device, sysfs ? DEBUGFS "/*/used" : SYSFS "/*/available_pages");
	}
	return !sysfs || !debugfs;
}
